/* SPDX-License-Identifier: MIT */
/* The reader of pickled scikit-learn models, joblib files included. */
#ifndef WEIR_FORMAT_PICKLE_MODEL_H
#define WEIR_FORMAT_PICKLE_MODEL_H

#include "format/format.h"
#include "format/pickle.h"

/* Make a model, or a description, of a pickle; see struct weir_format_reader. */
WEIR_MUST_USE enum weir_status weir_format_pickle_model_load(struct weir_model **out,
                                                             const struct weir_format_file *file,
                                                             struct weir_error *err);
WEIR_MUST_USE enum weir_status
weir_format_pickle_model_describe(struct weir_buf *out, const struct weir_format_file *file,
                                  enum weir_format_describe how, struct weir_error *err);

#endif

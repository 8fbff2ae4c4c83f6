/* SPDX-License-Identifier: MIT */
/* The reader of LightGBM's text files, as Booster.save_model writes them. */
#ifndef WEIR_FORMAT_LIGHTGBM_LIGHTGBM_H
#define WEIR_FORMAT_LIGHTGBM_LIGHTGBM_H

#include "format/format.h"

/* Finds whether the first line is "tree". */
bool weir_format_lightgbm_probe(struct weir_str bytes);

/* Make a model, or a description; see struct weir_format_reader. */
WEIR_MUST_USE enum weir_status weir_format_lightgbm_load(struct weir_model **out,
                                                         const struct weir_format_file *file,
                                                         struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_lightgbm_describe(struct weir_buf *out,
                                                             const struct weir_format_file *file,
                                                             enum weir_format_describe how,
                                                             struct weir_error *err);

#endif

/* SPDX-License-Identifier: MIT */
/* The reader of CatBoost's files: binary models (.cbm) and JSON exports. */
#ifndef WEIR_FORMAT_CATBOOST_CATBOOST_H
#define WEIR_FORMAT_CATBOOST_CATBOOST_H

#include "format/format.h"

/* Finds whether bytes are a binary model, by its tag, or a JSON export, by its first member. */
bool weir_format_catboost_probe(struct weir_str bytes);

/* Make a model, or a description; see struct weir_format_reader. */
WEIR_MUST_USE enum weir_status weir_format_catboost_load(struct weir_model **out,
                                                         const struct weir_format_file *file,
                                                         struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_catboost_describe(struct weir_buf *out,
                                                             const struct weir_format_file *file,
                                                             enum weir_format_describe how,
                                                             struct weir_error *err);

#endif

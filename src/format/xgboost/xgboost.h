/* SPDX-License-Identifier: MIT */
/* The reader of XGBoost's files: JSON, UBJSON and the old binary format, as Booster.save_model and
 * the wrappers' save_model write them. */
#ifndef WEIR_FORMAT_XGBOOST_XGBOOST_H
#define WEIR_FORMAT_XGBOOST_XGBOOST_H

#include "format/format.h"

/* Find whether bytes are a document of XGBoost, by its first members; a binary file, by its tag or
 * its first struct. */
bool weir_format_xgboost_probe(struct weir_str bytes);

/* Make a model, or a description; see struct weir_format_reader. */
WEIR_MUST_USE enum weir_status weir_format_xgboost_load(struct weir_model **out,
                                                        const struct weir_format_file *file,
                                                        struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_xgboost_describe(struct weir_buf *out,
                                                            const struct weir_format_file *file,
                                                            enum weir_format_describe how,
                                                            struct weir_error *err);

#endif

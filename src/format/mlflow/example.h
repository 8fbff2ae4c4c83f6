/* SPDX-License-Identifier: MIT */
/* The input example of an MLflow folder: rows that its maker says the model takes. */
#ifndef WEIR_FORMAT_MLFLOW_EXAMPLE_H
#define WEIR_FORMAT_MLFLOW_EXAMPLE_H

#include "base/str.h"
#include "model/model.h"

/* Gives the model the first row of the example as its own (spec.example). json: the file as
 * MLflow saves it: {"columns": […], "data": [[…]]} of a data frame (pandas_orient split), or the
 * rows of an array. A text in no such form, with other columns or other types than the model's, or
 * for a model of tensors leaves the model without an example. temp: for what the call needs.
 * WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_format_mlflow_example_apply(struct weir_model *model,
                                                                struct weir_str json,
                                                                struct weir_arena *temp,
                                                                struct weir_error *err);

#endif

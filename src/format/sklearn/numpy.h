/* SPDX-License-Identifier: MIT */
/* Functions of numpy that transformers and targets may name. */
#ifndef WEIR_FORMAT_SKLEARN_NUMPY_H
#define WEIR_FORMAT_SKLEARN_NUMPY_H

#include "format/value.h"
#include "model/steps.h"

#include <stdbool.h>

/* Finds the function of a name like "numpy.log1p"; false: not in the table, or no name. *fn is NULL
 * for those that change nothing. */
bool weir_format_sklearn_numpy_find(const struct weir_value *v, weir_model_step_fn **fn);

#endif

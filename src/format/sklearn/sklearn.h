/* SPDX-License-Identifier: MIT */
/* From what a scikit-learn file says to a model. */
#ifndef WEIR_FORMAT_SKLEARN_SKLEARN_H
#define WEIR_FORMAT_SKLEARN_SKLEARN_H

#include "format/pickle.h"
#include <weir/format.h>

/* Builds the model of the estimator that the tree's root is, or that the root (a dict, list or
 * tuple) holds as its only one or under opts->root_key. opts: all defaults filled in.
 * *out is the caller's and keeps nothing of the tree. WEIR_ERR_UNSUPPORTED: a class or setting that
 * has no builder; WEIR_ERR_INVALID: an attribute is missing or its shape is wrong;
 * WEIR_ERR_CORRUPT: the model contradicts itself; WEIR_ERR_LIMIT; WEIR_ERR_NO_MEMORY. On failure
 * *out is unchanged. */
WEIR_MUST_USE enum weir_status weir_format_sklearn_build(struct weir_model **out,
                                                         const struct weir_format_pickle *tree,
                                                         const struct weir_format_opts *opts,
                                                         struct weir_error *err);

#endif

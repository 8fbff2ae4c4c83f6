/* SPDX-License-Identifier: MIT */
/* From what a scikit-learn file says to a model. */
#ifndef WEIR_FORMAT_SKLEARN_SKLEARN_H
#define WEIR_FORMAT_SKLEARN_SKLEARN_H

#include "format/value.h"
#include <weir/format.h>

/* Builds the model of the estimator that root is, or that root (a dict, list or tuple) holds as its
 * only one. n_nodes: values in the tree (for weir_value_walk_init). opts: all defaults filled in.
 * *out is the caller's and keeps nothing of the tree. WEIR_ERR_UNSUPPORTED: a class or setting that
 * has no builder; WEIR_ERR_INVALID: an attribute is missing or its shape is wrong;
 * WEIR_ERR_CORRUPT: the model contradicts itself; WEIR_ERR_LIMIT; WEIR_ERR_NO_MEMORY. On failure
 * *out is unchanged. */
WEIR_MUST_USE enum weir_status
weir_format_sklearn_build(struct weir_model **out, const struct weir_value *root, size_t n_nodes,
                          const struct weir_format_opts *opts, struct weir_error *err);

#endif

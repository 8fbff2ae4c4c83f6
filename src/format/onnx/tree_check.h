/* SPDX-License-Identifier: MIT */
/* Whether a tree ensemble that is left to ONNX Runtime makes sense: the runtime reads beyond its
 * arrays, or walks in circles, where one does not. */
#ifndef WEIR_FORMAT_ONNX_TREE_CHECK_H
#define WEIR_FORMAT_ONNX_TREE_CHECK_H

#include "format/onnx/graph.h"

/* Looks at all TreeEnsembleClassifier and TreeEnsembleRegressor nodes of a graph: columns of equal
 * length, every node named once, children that are there and have one parent, roots that have none,
 * known modes, leaves' entries that belong to leaves and classes. O(n log n) for n nodes, 24 n
 * bytes of temp. WEIR_ERR_CORRUPT: one does not; WEIR_ERR_LIMIT: no memory in temp. */
WEIR_MUST_USE enum weir_status
weir_format_onnx_tree_check_all(const struct weir_format_onnx_graph *g, struct weir_arena *temp,
                                struct weir_error *err);

#endif

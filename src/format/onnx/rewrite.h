/* SPDX-License-Identifier: MIT */
/* Outputs that are sequences of maps (class → probability, which converters of scikit-learn models
 * write by default) answered as the tensor they were made of.
 *
 * A ZipMap node at the end of a graph costs many times the model itself: for each row a map on the
 * heap. It is replaced by an Identity node of the same input and output, and the output's type by
 * tensor(float) [N, K]; its keys become the labels of the output's last dimension. */
#ifndef WEIR_FORMAT_ONNX_REWRITE_H
#define WEIR_FORMAT_ONNX_REWRITE_H

#include "base/buf.h"
#include "format/onnx/graph.h"
#include "model/builder.h"
#include "model/onnx.h"

/* A model without its maps. */
struct weir_format_onnx_rewrite {
    struct weir_str bytes; /* the ModelProto; the file's own where nothing was to be done */
    size_t n_labels;
    const struct weir_model_onnx_labels *labels; /* in the builder's arena */
};

/* Reads the classes of a ZipMap, a classifier or a LabelEncoder: whole numbers or texts.
 * WEIR_ERR_INVALID: neither or both, or texts that are no UTF-8. */
WEIR_MUST_USE enum weir_status
weir_format_onnx_rewrite_labels(struct weir_model_builder *b,
                                const struct weir_format_onnx_node *node, const char *ints,
                                const char *texts, struct weir_labels *out, struct weir_error *err);

/* Rewrites a file; buf holds the new bytes, and must outlive out. WEIR_ERR_INVALID: a ZipMap
 * without keys; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_format_onnx_rewrite_maps(const struct weir_format_onnx_graph *g,
                                                             struct weir_model_builder *b,
                                                             struct weir_buf *buf,
                                                             struct weir_format_onnx_rewrite *out,
                                                             struct weir_error *err);

#endif

/* SPDX-License-Identifier: MIT */
/* Operators of an ONNX graph: NodeProto and AttributeProto. */
#ifndef WEIR_FORMAT_ONNX_NODE_H
#define WEIR_FORMAT_ONNX_NODE_H

#include "format/onnx/tensor.h"

/* AttributeProto.AttributeType, of those that are read. */
enum weir_format_onnx_attr_kind {
    WEIR_FORMAT_ONNX_ATTR_OTHER, /* graphs, lists of tensors, types */
    WEIR_FORMAT_ONNX_ATTR_FLOAT,
    WEIR_FORMAT_ONNX_ATTR_INT,
    WEIR_FORMAT_ONNX_ATTR_STRING,
    WEIR_FORMAT_ONNX_ATTR_TENSOR,
    WEIR_FORMAT_ONNX_ATTR_FLOATS,
    WEIR_FORMAT_ONNX_ATTR_INTS,
    WEIR_FORMAT_ONNX_ATTR_STRINGS,
};

struct weir_format_onnx_attr {
    struct weir_str name;
    enum weir_format_onnx_attr_kind kind;
    float f;
    int64_t i;
    struct weir_str s;
    struct weir_format_onnx_tensor *tensor;
    size_t n; /* FLOATS, INTS, STRINGS: how many */
    const float *floats;
    const int64_t *ints;
    const struct weir_str *strings;
};

/* An operator. What it points to is in the arena or in the file's bytes. */
struct weir_format_onnx_node {
    struct weir_str op;     /* "TreeEnsembleClassifier" */
    struct weir_str domain; /* "" (ai.onnx), "ai.onnx.ml", … */
    struct weir_str name;
    size_t n_inputs, n_outputs, n_attrs;
    const struct weir_str *inputs; /* names of values; empty: an input that is left out */
    const struct weir_str *outputs;
    const struct weir_format_onnx_attr *attrs;
    struct weir_str whole; /* the field of GraphProto that holds it */
};

/* Reads a NodeProto. WEIR_ERR_CORRUPT: it is cut; WEIR_ERR_LIMIT: no memory in the arena. */
WEIR_MUST_USE enum weir_status weir_format_onnx_node_parse(struct weir_format_onnx_node *out,
                                                           struct weir_str bytes,
                                                           struct weir_arena *arena,
                                                           struct weir_error *err);

/* Finds whether a node is this operator of this domain ("" and "ai.onnx" are one). */
bool weir_format_onnx_node_is(const struct weir_format_onnx_node *node, const char *domain,
                              const char *op);

/* Returns an attribute, borrowed; NULL: the node has none of that name. */
const struct weir_format_onnx_attr *
weir_format_onnx_node_attr(const struct weir_format_onnx_node *node, const char *name);

/* Returns an attribute of kind INT, STRING or FLOAT, or what stands for a missing one. An attribute
 * of another kind counts as missing: users that must know ask weir_format_onnx_node_attr. */
int64_t weir_format_onnx_node_int(const struct weir_format_onnx_node *node, const char *name,
                                  int64_t missing);
struct weir_str weir_format_onnx_node_text(const struct weir_format_onnx_node *node,
                                           const char *name, const char *missing);

#endif

/* SPDX-License-Identifier: MIT */
/* What an ONNX file says: the parts of ModelProto that are needed to describe a model, to recognise
 * small graphs and to rewrite outputs. Field numbers are those of onnx.proto3 (IR versions 3 to
 * 13).
 *
 * Everything lies in the arena given to parse, or points into the file's bytes: both must outlive
 * it. Nothing is trusted: names may be missing, counts may disagree; users check what they need. */
#ifndef WEIR_FORMAT_ONNX_GRAPH_H
#define WEIR_FORMAT_ONNX_GRAPH_H

#include "format/onnx/node.h"

enum { WEIR_FORMAT_ONNX_DEPTH_MAX = 32 }; /* graphs within graphs, sequences of sequences */

enum weir_format_onnx_value_kind {
    WEIR_FORMAT_ONNX_VALUE_UNKNOWN, /* no type given */
    WEIR_FORMAT_ONNX_VALUE_TENSOR,
    WEIR_FORMAT_ONNX_VALUE_SEQUENCE,
    WEIR_FORMAT_ONNX_VALUE_MAP,
    WEIR_FORMAT_ONNX_VALUE_OTHER, /* optional, sparse tensor, opaque */
};

/* A graph's input or output. */
struct weir_format_onnx_value {
    struct weir_str name;
    enum weir_format_onnx_value_kind kind;
    int32_t type;                     /* TENSOR: TensorProto.DataType; 0: not given */
    bool has_shape;                   /* TENSOR: the number of dimensions is given */
    uint32_t n_dims;                  /* TENSOR */
    const int64_t *dims;              /* n_dims; −1: not fixed */
    const struct weir_str *dim_names; /* n_dims; the names of those that are not fixed */
};

struct weir_format_onnx_opset {
    struct weir_str domain; /* "" is ai.onnx */
    int64_t version;
};

struct weir_format_onnx_metadata {
    struct weir_str key, value;
};

struct weir_format_onnx_graph {
    int64_t ir_version;
    struct weir_str producer, producer_version, name;
    size_t n_opsets, n_nodes, n_initializers, n_inputs, n_outputs, n_metadata, n_functions;
    const struct weir_format_onnx_opset *opsets;
    const struct weir_format_onnx_node *nodes;
    const struct weir_format_onnx_tensor *initializers;
    const struct weir_format_onnx_value *inputs; /* without those that have an initializer */
    const struct weir_format_onnx_value *outputs;
    const struct weir_format_onnx_metadata *metadata;
    struct weir_str model_bytes; /* the ModelProto */
    struct weir_str graph_bytes; /* the GraphProto */
    bool has_sparse;             /* sparse initializers */
};

/* Finds whether bytes look like a ModelProto: it begins with a field of a number and wire type that
 * ModelProto has, and a walk over its first level finds a graph and only fields that ONNX knows.
 * O(fields of the first level) time. */
bool weir_format_onnx_graph_probe(struct weir_str bytes);

/* Reads a file. WEIR_ERR_CORRUPT: no ModelProto, or it is cut; WEIR_ERR_INVALID: it has no graph;
 * WEIR_ERR_LIMIT: no memory in the arena. */
WEIR_MUST_USE enum weir_status weir_format_onnx_graph_parse(struct weir_format_onnx_graph *out,
                                                            struct weir_str bytes,
                                                            struct weir_arena *arena,
                                                            struct weir_error *err);

/* Returns the version of an operator set; 0: the file does not import it. */
int64_t weir_format_onnx_graph_opset(const struct weir_format_onnx_graph *g, const char *domain);

#endif

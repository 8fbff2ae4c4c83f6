/* SPDX-License-Identifier: MIT */
#include "format/onnx/graph.h"

#include "base/macros.h"
#include "format/onnx/proto.h"

#include <limits.h>

enum { /* ModelProto's fields */
       MODEL_IR_VERSION = 1,
       MODEL_PRODUCER = 2,
       MODEL_PRODUCER_VERSION = 3,
       MODEL_GRAPH = 7,
       MODEL_OPSET = 8,
       MODEL_METADATA = 14,
       MODEL_TRAINING = 20,
       MODEL_FUNCTIONS = 25,
       MODEL_LAST = 26,
};

enum { /* GraphProto's fields */
       GRAPH_NODE = 1,
       GRAPH_NAME = 2,
       GRAPH_INITIALIZER = 5,
       GRAPH_INPUT = 11,
       GRAPH_OUTPUT = 12,
       GRAPH_SPARSE = 15,
};

static enum weir_status no_memory(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_LIMIT, "no memory for what the file says");
}

/* Finds whether ModelProto has such a field. */
static bool is_model_field(const struct weir_format_onnx_field *f)
{
    switch (f->number) {
    case MODEL_IR_VERSION:
    case 5: /* model_version */
        return f->wire == WEIR_FORMAT_ONNX_WIRE_VARINT;
    case MODEL_PRODUCER:
    case MODEL_PRODUCER_VERSION:
    case 4: /* domain */
    case 6: /* doc_string */
    case MODEL_GRAPH:
    case MODEL_OPSET:
    case MODEL_METADATA:
    case MODEL_TRAINING:
    case MODEL_FUNCTIONS:
    case MODEL_LAST: /* configuration */
        return f->wire == WEIR_FORMAT_ONNX_WIRE_BYTES;
    default:
        return false;
    }
}

bool weir_format_onnx_graph_probe(struct weir_str bytes)
{
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f;
    bool has_version = false, has_graph = false;
    while (weir_format_onnx_proto_next(&p, &f)) {
        if (!is_model_field(&f))
            return false;
        has_version |= f.number == MODEL_IR_VERSION && f.value < 1000;
        has_graph |= f.number == MODEL_GRAPH;
    }
    /* A file that was cut inside its graph is still recognised, by what precedes the graph: the
     * exporters write the version and the producer first. */
    return has_version && (has_graph || (p.is_bad && p.rest.n > 0));
}

/* --- types --- */

/* Reads a TensorShapeProto. */
static enum weir_status read_shape(struct weir_format_onnx_value *v, struct weir_str bytes,
                                   struct weir_arena *arena, struct weir_error *err)
{
    int64_t dims[WEIR_FORMAT_ONNX_DIMS_MAX];
    struct weir_str names[WEIR_FORMAT_ONNX_DIMS_MAX];
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f, d;
    uint32_t n = 0;
    while (weir_format_onnx_proto_next(&p, &f)) {
        if (f.number != 1)
            continue;
        if (n == WEIR_FORMAT_ONNX_DIMS_MAX)
            return weir_error_set(err, WEIR_ERR_LIMIT, "a value has more than %d dimensions",
                                  WEIR_FORMAT_ONNX_DIMS_MAX);
        dims[n] = -1;
        names[n] = weir_str_make(NULL, 0);
        struct weir_format_onnx_proto q = weir_format_onnx_proto_of(f.bytes);
        while (weir_format_onnx_proto_next(&q, &d)) {
            if (d.number == 1)
                dims[n] = (int64_t)d.value < 0 ? -1 : (int64_t)d.value;
            else if (d.number == 2)
                names[n] = d.bytes;
        }
        p.is_bad |= q.is_bad;
        n++;
    }
    if (p.is_bad)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "a shape is cut");
    int64_t *copy = weir_arena_array(arena, n + 1u, sizeof *copy);
    struct weir_str *name_copy = weir_arena_array(arena, n + 1u, sizeof *name_copy);
    if (!copy || !name_copy)
        return no_memory(err);
    for (uint32_t i = 0; i < n; i++) {
        copy[i] = dims[i];
        name_copy[i] = names[i];
    }
    v->has_shape = true;
    v->n_dims = n;
    v->dims = copy;
    v->dim_names = name_copy;
    return WEIR_OK;
}

/* Reads a TypeProto.Tensor. */
static enum weir_status read_tensor_type(struct weir_format_onnx_value *v, struct weir_str bytes,
                                         struct weir_arena *arena, struct weir_error *err)
{
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f;
    v->kind = WEIR_FORMAT_ONNX_VALUE_TENSOR;
    while (weir_format_onnx_proto_next(&p, &f)) {
        enum weir_status status = WEIR_OK;
        if (f.number == 1)
            v->type = f.value > INT_MAX ? -1 : (int32_t)f.value;
        else if (f.number == 2)
            status = read_shape(v, f.bytes, arena, err);
        if (status != WEIR_OK)
            return status;
    }
    return p.is_bad ? weir_error_set(err, WEIR_ERR_CORRUPT, "a type is cut") : WEIR_OK;
}

/* Reads a TypeProto. */
static enum weir_status read_type(struct weir_format_onnx_value *v, struct weir_str bytes,
                                  struct weir_arena *arena, struct weir_error *err)
{
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f;
    while (weir_format_onnx_proto_next(&p, &f)) {
        enum weir_status status = WEIR_OK;
        if (f.number == 1)
            status = read_tensor_type(v, f.bytes, arena, err);
        else if (f.number == 4)
            v->kind = WEIR_FORMAT_ONNX_VALUE_SEQUENCE;
        else if (f.number == 5)
            v->kind = WEIR_FORMAT_ONNX_VALUE_MAP;
        else if (f.wire == WEIR_FORMAT_ONNX_WIRE_BYTES && f.number != 6) /* 6: denotation */
            v->kind = WEIR_FORMAT_ONNX_VALUE_OTHER;
        if (status != WEIR_OK)
            return status;
    }
    return p.is_bad ? weir_error_set(err, WEIR_ERR_CORRUPT, "a type is cut") : WEIR_OK;
}

/* Reads a ValueInfoProto. */
static enum weir_status read_value(struct weir_format_onnx_value *out, struct weir_str bytes,
                                   struct weir_arena *arena, struct weir_error *err)
{
    struct weir_format_onnx_value v = {.kind = WEIR_FORMAT_ONNX_VALUE_UNKNOWN};
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f;
    while (weir_format_onnx_proto_next(&p, &f)) {
        enum weir_status status = WEIR_OK;
        if (f.number == 1)
            v.name = f.bytes;
        else if (f.number == 2)
            status = read_type(&v, f.bytes, arena, err);
        if (status != WEIR_OK)
            return status;
    }
    if (p.is_bad)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "an input or output is cut");
    *out = v;
    return WEIR_OK;
}

/* --- the graph --- */

/* The arrays of a graph while they are filled. */
struct fill {
    struct weir_format_onnx_node *nodes;
    struct weir_format_onnx_tensor *initializers;
    struct weir_format_onnx_value *inputs, *outputs;
};

static enum weir_status take_graph_field(struct weir_format_onnx_graph *g, struct fill *to,
                                         const struct weir_format_onnx_field *f,
                                         struct weir_arena *arena, struct weir_error *err)
{
    switch (f->number) {
    case GRAPH_NODE:
        to->nodes[g->n_nodes].whole = f->whole;
        return weir_format_onnx_node_parse(&to->nodes[g->n_nodes++], f->bytes, arena, err);
    case GRAPH_INITIALIZER:
        return weir_format_onnx_tensor_parse(&to->initializers[g->n_initializers++], f->bytes,
                                             arena, err);
    case GRAPH_INPUT:
        return read_value(&to->inputs[g->n_inputs++], f->bytes, arena, err);
    case GRAPH_OUTPUT:
        return read_value(&to->outputs[g->n_outputs++], f->bytes, arena, err);
    case GRAPH_NAME:
        g->name = f->bytes;
        return WEIR_OK;
    case GRAPH_SPARSE:
        g->has_sparse = true;
        return WEIR_OK;
    default:
        return WEIR_OK;
    }
}

/* Before IR version 4 every initializer is listed as an input too. */
static void drop_initialized_inputs(struct weir_format_onnx_graph *g, struct fill *to)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_inputs; i++) {
        bool is_constant = false;
        for (size_t k = 0; k < g->n_initializers && !is_constant; k++)
            is_constant = weir_str_eq(g->initializers[k].name, to->inputs[i].name);
        if (!is_constant)
            to->inputs[n++] = to->inputs[i];
    }
    g->n_inputs = n;
}

static enum weir_status read_graph(struct weir_format_onnx_graph *g, struct weir_arena *arena,
                                   struct weir_error *err)
{
    size_t n[GRAPH_SPARSE + 1] = {0};
    struct weir_format_onnx_field f;
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(g->graph_bytes);
    while (weir_format_onnx_proto_next(&p, &f))
        if (f.number <= GRAPH_SPARSE)
            n[f.number]++;
    if (p.is_bad)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "the graph is cut");
    struct fill to = {
        .nodes = weir_arena_zarray(arena, n[GRAPH_NODE] + 1, sizeof *to.nodes),
        .initializers = weir_arena_zarray(arena, n[GRAPH_INITIALIZER] + 1, sizeof *to.initializers),
        .inputs = weir_arena_zarray(arena, n[GRAPH_INPUT] + 1, sizeof *to.inputs),
        .outputs = weir_arena_zarray(arena, n[GRAPH_OUTPUT] + 1, sizeof *to.outputs),
    };
    if (!to.nodes || !to.initializers || !to.inputs || !to.outputs)
        return no_memory(err);
    g->nodes = to.nodes;
    g->initializers = to.initializers;
    g->inputs = to.inputs;
    g->outputs = to.outputs;
    p = weir_format_onnx_proto_of(g->graph_bytes);
    while (weir_format_onnx_proto_next(&p, &f)) {
        enum weir_status status = take_graph_field(g, &to, &f, arena, err);
        if (status != WEIR_OK)
            return status;
    }
    drop_initialized_inputs(g, &to);
    return WEIR_OK;
}

/* --- the model --- */

static bool read_opset(struct weir_format_onnx_opset *out, struct weir_str bytes)
{
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f;
    while (weir_format_onnx_proto_next(&p, &f)) {
        if (f.number == 1)
            out->domain = f.bytes;
        else if (f.number == 2)
            out->version = (int64_t)f.value;
    }
    return !p.is_bad;
}

static bool read_metadata(struct weir_format_onnx_metadata *out, struct weir_str bytes)
{
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f;
    while (weir_format_onnx_proto_next(&p, &f)) {
        if (f.number == 1)
            out->key = f.bytes;
        else if (f.number == 2)
            out->value = f.bytes;
    }
    return !p.is_bad;
}

static bool take_model_field(struct weir_format_onnx_graph *g,
                             const struct weir_format_onnx_field *f,
                             struct weir_format_onnx_opset *opsets,
                             struct weir_format_onnx_metadata *metadata)
{
    switch (f->number) {
    case MODEL_IR_VERSION:
        g->ir_version = (int64_t)f->value;
        return true;
    case MODEL_PRODUCER:
        g->producer = f->bytes;
        return true;
    case MODEL_PRODUCER_VERSION:
        g->producer_version = f->bytes;
        return true;
    case MODEL_GRAPH:
        g->graph_bytes = f->bytes;
        return true;
    case MODEL_OPSET:
        return read_opset(&opsets[g->n_opsets++], f->bytes);
    case MODEL_METADATA:
        return read_metadata(&metadata[g->n_metadata++], f->bytes);
    case MODEL_FUNCTIONS:
        g->n_functions++;
        return true;
    default:
        return true;
    }
}

enum weir_status weir_format_onnx_graph_parse(struct weir_format_onnx_graph *out,
                                              struct weir_str bytes, struct weir_arena *arena,
                                              struct weir_error *err)
{
    weir_assert(out);
    weir_assert(arena);
    struct weir_format_onnx_graph g = {.model_bytes = bytes};
    size_t n_graphs = 0, n_opsets = 0, n_metadata = 0;
    struct weir_format_onnx_field f;
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    while (weir_format_onnx_proto_next(&p, &f)) {
        n_graphs += f.number == MODEL_GRAPH;
        n_opsets += f.number == MODEL_OPSET;
        n_metadata += f.number == MODEL_METADATA;
    }
    if (p.is_bad)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "the ONNX file is cut");
    if (n_graphs != 1)
        return weir_error_set(err, WEIR_ERR_INVALID, "the ONNX file has %zu graphs, not one",
                              n_graphs);
    struct weir_format_onnx_opset *opsets = weir_arena_zarray(arena, n_opsets + 1, sizeof *opsets);
    struct weir_format_onnx_metadata *metadata =
        weir_arena_zarray(arena, n_metadata + 1, sizeof *metadata);
    if (!opsets || !metadata)
        return no_memory(err);
    bool ok = true;
    p = weir_format_onnx_proto_of(bytes);
    while (ok && weir_format_onnx_proto_next(&p, &f))
        ok = take_model_field(&g, &f, opsets, metadata);
    if (!ok)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "the ONNX file is cut");
    g.opsets = opsets;
    g.metadata = metadata;
    enum weir_status status = read_graph(&g, arena, err);
    if (status == WEIR_OK)
        *out = g;
    return status;
}

int64_t weir_format_onnx_graph_opset(const struct weir_format_onnx_graph *g, const char *domain)
{
    for (size_t i = 0; i < g->n_opsets; i++) {
        struct weir_str d = g->opsets[i].domain;
        if (weir_str_eq_c(d, domain) || (*domain == '\0' && weir_str_eq_c(d, "ai.onnx")))
            return g->opsets[i].version;
    }
    return 0;
}

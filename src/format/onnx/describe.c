/* SPDX-License-Identifier: MIT */
/* What an ONNX file is, for `weir inspect`: from the file alone, without ONNX Runtime. */
#include "base/macros.h"
#include "codec/json.h"
#include "format/onnx/external.h"
#include "format/onnx/graph.h"
#include "format/onnx/onnx.h"

enum { OPS_MAX = 64 }; /* kinds of operators that are listed */

/* An operator and how often it is there. */
struct op {
    struct weir_str domain, op;
    size_t n;
};

struct ops {
    struct op at[OPS_MAX];
    size_t n;
    size_t n_more; /* nodes of other kinds */
};

static void count_ops(const struct weir_format_onnx_graph *g, struct ops *out)
{
    for (size_t i = 0; i < g->n_nodes; i++) {
        const struct weir_format_onnx_node *node = &g->nodes[i];
        size_t k = 0;
        while (k < out->n && !(weir_str_eq(out->at[k].op, node->op) &&
                               weir_str_eq(out->at[k].domain, node->domain)))
            k++;
        if (k == OPS_MAX) {
            out->n_more++;
            continue;
        }
        if (k == out->n)
            out->at[out->n++] = (struct op){node->domain, node->op, 0};
        out->at[k].n++;
    }
}

static void put_echo(struct weir_buf *out, struct weir_str text)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    weir_buf_append_c(out, weir_str_echo(text, echo, sizeof echo));
}

static const char *kind_name(enum weir_format_onnx_value_kind kind)
{
    switch (kind) {
    case WEIR_FORMAT_ONNX_VALUE_UNKNOWN:
        return "unknown";
    case WEIR_FORMAT_ONNX_VALUE_TENSOR:
        return "tensor";
    case WEIR_FORMAT_ONNX_VALUE_SEQUENCE:
        return "sequence";
    case WEIR_FORMAT_ONNX_VALUE_MAP:
        return "map";
    case WEIR_FORMAT_ONNX_VALUE_OTHER:
        return "other";
    }
    return "unknown";
}

/* --- as text --- */

static void put_value_text(struct weir_buf *out, const char *what,
                           const struct weir_format_onnx_value *v)
{
    weir_buf_printf(out, "  %s ", what);
    put_echo(out, v->name);
    if (v->kind != WEIR_FORMAT_ONNX_VALUE_TENSOR) {
        weir_buf_printf(out, ": %s\n", kind_name(v->kind));
        return;
    }
    weir_buf_printf(out, ": %s", weir_format_onnx_tensor_type_name(v->type));
    if (v->has_shape) {
        weir_buf_append_c(out, " [");
        for (uint32_t d = 0; d < v->n_dims; d++) {
            weir_buf_append_c(out, d > 0 ? ", " : "");
            if (v->dims[d] >= 0)
                weir_buf_append_i64(out, v->dims[d]);
            else if (v->dim_names[d].n > 0)
                put_echo(out, v->dim_names[d]);
            else
                weir_buf_append_c(out, "?");
        }
        weir_buf_append_c(out, "]");
    }
    weir_buf_append_c(out, "\n");
}

static void put_text(struct weir_buf *out, const struct weir_format_onnx_graph *g,
                     const struct ops *ops, struct weir_str external)
{
    weir_buf_append_c(out, "ONNX graph \"");
    put_echo(out, g->name);
    weir_buf_printf(out, "\"\n  IR version %lld\n", (long long)g->ir_version);
    if (g->producer.n > 0) {
        weir_buf_append_c(out, "  written by ");
        put_echo(out, g->producer);
        weir_buf_append_c(out, " ");
        put_echo(out, g->producer_version);
        weir_buf_append_c(out, "\n");
    }
    for (size_t i = 0; i < g->n_opsets; i++) {
        weir_buf_append_c(out, "  operator set ");
        put_echo(out, g->opsets[i].domain.n > 0 ? g->opsets[i].domain : WEIR_STR("ai.onnx"));
        weir_buf_printf(out, " %lld\n", (long long)g->opsets[i].version);
    }
    for (size_t i = 0; i < g->n_inputs; i++)
        put_value_text(out, "input", &g->inputs[i]);
    for (size_t i = 0; i < g->n_outputs; i++)
        put_value_text(out, "output", &g->outputs[i]);
    weir_buf_printf(out, "  %zu nodes, %zu constants\n", g->n_nodes, g->n_initializers);
    for (size_t i = 0; i < ops->n; i++) {
        weir_buf_printf(out, "    %zu × ", ops->at[i].n);
        if (ops->at[i].domain.n > 0) {
            put_echo(out, ops->at[i].domain);
            weir_buf_append_c(out, ".");
        }
        put_echo(out, ops->at[i].op);
        weir_buf_append_c(out, "\n");
    }
    if (ops->n_more > 0)
        weir_buf_printf(out, "    %zu × others\n", ops->n_more);
    if (external.n > 0) {
        weir_buf_append_c(out, "  keeps tensors in another file: ");
        put_echo(out, external);
        weir_buf_append_c(out, "\n");
    }
}

/* --- as JSON --- */

static void put_value_json(struct weir_buf *out, const struct weir_format_onnx_value *v)
{
    weir_buf_append_c(out, "{\"name\":");
    weir_codec_json_append_text(out, v->name);
    weir_buf_printf(out, ",\"kind\":\"%s\"", kind_name(v->kind));
    if (v->kind == WEIR_FORMAT_ONNX_VALUE_TENSOR) {
        weir_buf_printf(out, ",\"type\":\"%s\"", weir_format_onnx_tensor_type_name(v->type));
        weir_buf_append_c(out, ",\"shape\":");
        weir_buf_append_c(out, v->has_shape ? "[" : "null");
        for (uint32_t d = 0; v->has_shape && d < v->n_dims; d++) {
            weir_buf_append_c(out, d > 0 ? "," : "");
            if (v->dims[d] < 0 && v->dim_names[d].n > 0)
                weir_codec_json_append_text(out, v->dim_names[d]);
            else
                weir_buf_append_i64(out, v->dims[d]);
        }
        weir_buf_append_c(out, v->has_shape ? "]" : "");
    }
    weir_buf_append_c(out, "}");
}

static void put_values_json(struct weir_buf *out, const char *key,
                            const struct weir_format_onnx_value *values, size_t n)
{
    weir_buf_printf(out, ",\"%s\":[", key);
    for (size_t i = 0; i < n; i++) {
        weir_buf_append_c(out, i > 0 ? "," : "");
        put_value_json(out, &values[i]);
    }
    weir_buf_append_c(out, "]");
}

static void put_json(struct weir_buf *out, const struct weir_format_onnx_graph *g,
                     const struct ops *ops, struct weir_str external)
{
    weir_buf_append_c(out, "{\"format\":\"onnx\",\"library\":");
    weir_codec_json_append_text(out, g->producer);
    weir_buf_append_c(out, ",\"library_version\":");
    if (g->producer_version.n > 0)
        weir_codec_json_append_text(out, g->producer_version);
    else
        weir_buf_append_c(out, "null");
    weir_buf_printf(out, ",\"ir_version\":%lld,\"graph\":", (long long)g->ir_version);
    weir_codec_json_append_text(out, g->name);
    weir_buf_append_c(out, ",\"opsets\":[");
    for (size_t i = 0; i < g->n_opsets; i++) {
        weir_buf_append_c(out, i > 0 ? ",{\"domain\":" : "{\"domain\":");
        weir_codec_json_append_text(out, g->opsets[i].domain);
        weir_buf_printf(out, ",\"version\":%lld}", (long long)g->opsets[i].version);
    }
    weir_buf_append_c(out, "]");
    put_values_json(out, "inputs", g->inputs, g->n_inputs);
    put_values_json(out, "outputs", g->outputs, g->n_outputs);
    weir_buf_printf(out, ",\"n_nodes\":%zu,\"n_constants\":%zu,\"operators\":[", g->n_nodes,
                    g->n_initializers);
    for (size_t i = 0; i < ops->n; i++) {
        weir_buf_append_c(out, i > 0 ? ",{\"domain\":" : "{\"domain\":");
        weir_codec_json_append_text(out, ops->at[i].domain);
        weir_buf_append_c(out, ",\"operator\":");
        weir_codec_json_append_text(out, ops->at[i].op);
        weir_buf_printf(out, ",\"n\":%zu}", ops->at[i].n);
    }
    weir_buf_append_c(out, "],\"external_data\":");
    if (external.n > 0)
        weir_codec_json_append_text(out, external);
    else
        weir_buf_append_c(out, "null");
    weir_buf_append_c(out, "}");
}

enum weir_status weir_format_onnx_describe(struct weir_buf *out,
                                           const struct weir_format_file *file,
                                           enum weir_format_describe how, struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena arena = WEIR_ARENA_INIT;
    weir_arena_init(&arena, NULL, file->opts->tree_bytes_max);
    struct weir_format_onnx_graph g;
    struct weir_str external;
    struct ops ops = {.n = 0};
    enum weir_status status = weir_format_onnx_graph_parse(&g, file->bytes, &arena, err);
    if (status == WEIR_OK)
        status = weir_format_onnx_external_find(file->bytes, &external, err);
    if (status != WEIR_OK)
        return status;
    count_ops(&g, &ops);
    if (how == WEIR_FORMAT_DESCRIBE_JSON)
        put_json(out, &g, &ops, external);
    else
        put_text(out, &g, &ops, external);
    return weir_buf_ok(out) ? WEIR_OK
                            : weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory to describe it");
}

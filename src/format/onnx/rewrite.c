/* SPDX-License-Identifier: MIT */
#include "format/onnx/rewrite.h"

#include "base/macros.h"
#include "codec/utf8.h"
#include "format/onnx/proto.h"

enum { MODEL_GRAPH = 7, GRAPH_NODE = 1, GRAPH_OUTPUT = 12 };

enum weir_status weir_format_onnx_rewrite_labels(struct weir_model_builder *b,
                                                 const struct weir_format_onnx_node *node,
                                                 const char *ints, const char *texts,
                                                 struct weir_labels *out, struct weir_error *err)
{
    const struct weir_format_onnx_attr *i = weir_format_onnx_node_attr(node, ints);
    const struct weir_format_onnx_attr *s = weir_format_onnx_node_attr(node, texts);
    bool has_ints = i && i->kind == WEIR_FORMAT_ONNX_ATTR_INTS && i->n > 0;
    bool has_texts = s && s->kind == WEIR_FORMAT_ONNX_ATTR_STRINGS && s->n > 0;
    if (has_ints == has_texts)
        return weir_error_set(err, WEIR_ERR_INVALID, "%.*s has no class labels, or of two kinds",
                              WEIR_STR_ARG(node->op));
    size_t n = has_ints ? i->n : s->n;
    if (n > b->limits.n_classes_max)
        return weir_error_set(err, WEIR_ERR_LIMIT, "%.*s has %zu classes, at most %llu are allowed",
                              WEIR_STR_ARG(node->op), n,
                              (unsigned long long)b->limits.n_classes_max);
    for (size_t k = 0; has_texts && k < n; k++)
        if (!weir_codec_utf8_is_valid(s->strings[k], WEIR_CODEC_UTF8_STRICT))
            return weir_error_set(err, WEIR_ERR_INVALID, "%.*s: label %zu is not UTF-8",
                                  WEIR_STR_ARG(node->op), k);
    return weir_model_builder_labels(b, out, has_ints ? WEIR_I64 : WEIR_BYTES, n,
                                     has_ints ? (const void *)i->ints : s->strings, err);
}

/* Finds whether a node is a ZipMap whose maps are an output of the graph. */
static bool is_output_map(const struct weir_format_onnx_graph *g,
                          const struct weir_format_onnx_node *node)
{
    if (!weir_format_onnx_node_is(node, "ai.onnx.ml", "ZipMap") || node->n_inputs != 1 ||
        node->n_outputs != 1)
        return false;
    for (size_t i = 0; i < g->n_outputs; i++)
        if (weir_str_eq(g->outputs[i].name, node->outputs[0]))
            return true;
    return false;
}

/* Appends the Identity node in the place of a ZipMap. */
static void put_identity(struct weir_buf *out, const struct weir_format_onnx_node *node)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf message = WEIR_BUF_INIT;
    weir_format_onnx_proto_put_bytes(&message, 1, node->inputs[0]);
    weir_format_onnx_proto_put_bytes(&message, 2, node->outputs[0]);
    weir_format_onnx_proto_put_bytes(&message, 3, node->name);
    weir_format_onnx_proto_put_bytes(&message, 4, WEIR_STR("Identity"));
    out->failed |= message.failed;
    weir_format_onnx_proto_put_bytes(out, GRAPH_NODE, weir_buf_str(&message));
}

/* Appends an output of tensor(float) [N, n_labels]. */
static void put_output(struct weir_buf *out, struct weir_str name, size_t n_labels)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf dim = WEIR_BUF_INIT;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf shape = WEIR_BUF_INIT;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf tensor = WEIR_BUF_INIT;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf type = WEIR_BUF_INIT;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf value = WEIR_BUF_INIT;
    weir_format_onnx_proto_put_u64(&dim, 1, n_labels);
    weir_format_onnx_proto_put_bytes(&shape, 1, WEIR_STR(""));
    weir_format_onnx_proto_put_bytes(&shape, 1, weir_buf_str(&dim));
    weir_format_onnx_proto_put_u64(&tensor, 1, WEIR_FORMAT_ONNX_FLOAT);
    weir_format_onnx_proto_put_bytes(&tensor, 2, weir_buf_str(&shape));
    weir_format_onnx_proto_put_bytes(&type, 1, weir_buf_str(&tensor));
    weir_format_onnx_proto_put_bytes(&value, 1, name);
    weir_format_onnx_proto_put_bytes(&value, 2, weir_buf_str(&type));
    out->failed |= dim.failed || shape.failed || tensor.failed || type.failed || value.failed;
    weir_format_onnx_proto_put_bytes(out, GRAPH_OUTPUT, weir_buf_str(&value));
}

/* The maps of a graph, by their outputs. */
struct maps {
    size_t n;
    struct weir_model_onnx_labels *at;
};

static const struct weir_labels *find_map(const struct maps *maps, struct weir_str output)
{
    for (size_t i = 0; i < maps->n; i++)
        if (weir_str_eq(maps->at[i].output, output))
            return maps->at[i].labels;
    return NULL;
}

static enum weir_status find_maps(const struct weir_format_onnx_graph *g,
                                  struct weir_model_builder *b, struct maps *out,
                                  struct weir_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_nodes; i++)
        n += is_output_map(g, &g->nodes[i]);
    out->n = 0;
    out->at = weir_arena_zarray(b->arena, n + 1, sizeof *out->at);
    if (!out->at)
        return weir_model_builder_no_memory(b, err);
    for (size_t i = 0; i < g->n_nodes; i++) {
        const struct weir_format_onnx_node *node = &g->nodes[i];
        if (!is_output_map(g, node))
            continue;
        struct weir_labels *labels = weir_arena_zalloc(b->arena, sizeof *labels);
        struct weir_str name = weir_arena_str(b->arena, node->outputs[0]);
        if (!labels || !name.at)
            return weir_model_builder_no_memory(b, err);
        enum weir_status status = weir_format_onnx_rewrite_labels(
            b, node, "classlabels_int64s", "classlabels_strings", labels, err);
        if (status != WEIR_OK)
            return status;
        out->at[out->n++] = (struct weir_model_onnx_labels){.output = name, .labels = labels};
    }
    return WEIR_OK;
}

/* Returns the node that a field of the graph holds; NULL: none of ours. */
static const struct weir_format_onnx_node *node_of(const struct weir_format_onnx_graph *g,
                                                   const struct weir_format_onnx_field *f,
                                                   size_t *next)
{
    if (f->number != GRAPH_NODE)
        return NULL;
    weir_assert(*next < g->n_nodes);
    return &g->nodes[(*next)++];
}

/* Returns the name in the bytes of a ValueInfoProto. */
static struct weir_str value_name(struct weir_str bytes)
{
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f;
    struct weir_str name = {NULL, 0};
    while (weir_format_onnx_proto_next(&p, &f))
        if (f.number == 1)
            name = f.bytes;
    return name;
}

static void put_graph(struct weir_buf *out, const struct weir_format_onnx_graph *g,
                      const struct maps *maps)
{
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(g->graph_bytes);
    struct weir_format_onnx_field f;
    size_t next = 0;
    while (weir_format_onnx_proto_next(&p, &f)) {
        const struct weir_format_onnx_node *node = node_of(g, &f, &next);
        struct weir_str name =
            f.number == GRAPH_OUTPUT ? value_name(f.bytes) : (struct weir_str){NULL, 0};
        const struct weir_labels *labels = name.n > 0 ? find_map(maps, name) : NULL;
        if (node && is_output_map(g, node))
            put_identity(out, node);
        else if (labels)
            put_output(out, name, labels->n);
        else
            weir_buf_append_str(out, f.whole);
    }
}

enum weir_status weir_format_onnx_rewrite_maps(const struct weir_format_onnx_graph *g,
                                               struct weir_model_builder *b, struct weir_buf *buf,
                                               struct weir_format_onnx_rewrite *out,
                                               struct weir_error *err)
{
    weir_assert(g);
    weir_assert(buf);
    struct maps maps;
    enum weir_status status = find_maps(g, b, &maps, err);
    if (status != WEIR_OK)
        return status;
    *out = (struct weir_format_onnx_rewrite){
        .bytes = g->model_bytes, .n_labels = maps.n, .labels = maps.at};
    if (maps.n == 0)
        return WEIR_OK;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf graph = WEIR_BUF_INIT;
    put_graph(&graph, g, &maps);
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(g->model_bytes);
    struct weir_format_onnx_field f;
    while (weir_format_onnx_proto_next(&p, &f)) {
        if (f.number == MODEL_GRAPH)
            weir_format_onnx_proto_put_bytes(buf, MODEL_GRAPH, weir_buf_str(&graph));
        else
            weir_buf_append_str(buf, f.whole);
    }
    if (graph.failed || buf->failed)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory to rewrite the graph");
    out->bytes = weir_buf_str(buf);
    return WEIR_OK;
}

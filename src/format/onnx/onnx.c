/* SPDX-License-Identifier: MIT */
#include "format/onnx/onnx.h"

#include "base/macros.h"
#include "format/mlflow/bundle.h"
#include "format/onnx/external.h"
#include "format/onnx/graph.h"
#include "format/onnx/native.h"
#include "format/onnx/rewrite.h"
#include "format/onnx/tree_check.h"
#include "model/builder.h"
#include "model/onnx.h"

#include <stdio.h>

bool weir_format_onnx_probe(struct weir_str bytes)
{
    return weir_format_onnx_graph_probe(bytes);
}

/* A load under way. */
struct load {
    const struct weir_format_file *file;
    struct weir_format_onnx_graph graph;
    struct weir_model_builder *b;
    struct weir_arena *temp;
    struct weir_buf *rewritten;
    struct weir_error *err;
};

/* Copies a text into the model; a text that is no printable name is shortened to "". */
static enum weir_status put_text(struct load *l, struct weir_str text, struct weir_str *out)
{
    *out = weir_arena_str(l->b->arena, text);
    return out->at ? WEIR_OK : weir_model_builder_no_memory(l->b, l->err);
}

/* The texts of the spec: who wrote the file, and what is in it. */
static enum weir_status put_texts(struct load *l, struct weir_str platform)
{
    const struct weir_format_onnx_graph *g = &l->graph;
    struct weir_spec *spec = l->b->spec;
    char producer[WEIR_ECHO_BUF_BYTES];
    char version[WEIR_ECHO_BUF_BYTES];
    char name[WEIR_ECHO_BUF_BYTES];
    char estimator[WEIR_ECHO_BUF_BYTES + 32];
    weir_str_echo(g->producer, producer, sizeof producer);
    weir_str_echo(g->producer_version, version, sizeof version);
    weir_str_echo(g->name, name, sizeof name);
    if (g->n_nodes == 1)
        snprintf(estimator, sizeof estimator, "%s",
                 weir_str_echo(g->nodes[0].op, name, sizeof name));
    else
        snprintf(estimator, sizeof estimator, "%s (%zu nodes)", name[0] ? name : "graph",
                 g->n_nodes);
    enum weir_status status =
        put_text(l, weir_str_c(producer[0] ? producer : "ONNX"), &spec->library);
    if (status == WEIR_OK)
        status = put_text(l, weir_str_c(version), &spec->library_version);
    if (status == WEIR_OK)
        status = put_text(l, weir_str_c(estimator), &spec->estimator);
    if (status == WEIR_OK)
        status = put_text(l, platform, &spec->platform);
    return status;
}

/* Takes over what the model's own tables of categories hold, for trial inputs. */
static enum weir_status find_candidates(struct load *l, struct weir_model_onnx_opts *opts)
{
    enum { MAX = 16 };
    static const char *const text_tables[] = {"cats_strings", "keys_strings"};
    static const char *const number_tables[] = {"cats_int64s", "keys_int64s"};
    struct weir_str *texts = weir_arena_zarray(l->temp, MAX, sizeof *texts);
    int64_t *numbers = weir_arena_zarray(l->temp, MAX, sizeof *numbers);
    if (!texts || !numbers)
        return weir_error_set(l->err, WEIR_ERR_NO_MEMORY, "no memory for trials");
    for (size_t i = 0; i < l->graph.n_nodes; i++) {
        const struct weir_format_onnx_node *node = &l->graph.nodes[i];
        for (size_t t = 0; t < 2; t++) {
            const struct weir_format_onnx_attr *s =
                weir_format_onnx_node_attr(node, text_tables[t]);
            const struct weir_format_onnx_attr *n =
                weir_format_onnx_node_attr(node, number_tables[t]);
            for (size_t k = 0; s && k < s->n && opts->n_texts < MAX && s->strings; k++)
                if (s->kind == WEIR_FORMAT_ONNX_ATTR_STRINGS)
                    texts[opts->n_texts++] = s->strings[k];
            for (size_t k = 0; n && k < n->n && opts->n_numbers < MAX && n->ints; k++)
                if (n->kind == WEIR_FORMAT_ONNX_ATTR_INTS)
                    numbers[opts->n_numbers++] = n->ints[k];
        }
    }
    opts->texts = texts;
    opts->numbers = numbers;
    return WEIR_OK;
}

/* Names the inputs whose shape the file does not say. */
static enum weir_status find_unshaped(struct load *l, struct weir_model_onnx_opts *opts)
{
    struct weir_str *names = weir_arena_zarray(l->temp, l->graph.n_inputs + 1, sizeof *names);
    if (!names)
        return weir_error_set(l->err, WEIR_ERR_NO_MEMORY, "no memory for names");
    for (size_t i = 0; i < l->graph.n_inputs; i++)
        if (l->graph.inputs[i].kind == WEIR_FORMAT_ONNX_VALUE_TENSOR &&
            !l->graph.inputs[i].has_shape)
            names[opts->n_unshaped++] = l->graph.inputs[i].name;
    opts->unshaped = names;
    return WEIR_OK;
}

/* Takes the files of the bundle that the model came in. */
static enum weir_status take_siblings(struct load *l, struct weir_model_onnx_opts *opts)
{
    size_t at = 0, n = 0;
    bool is_bad;
    struct weir_str name, contents;
    while (weir_format_mlflow_bundle_next(l->file->siblings, &at, &name, &contents, &is_bad))
        n++;
    struct weir_model_onnx_file *files = weir_arena_zarray(l->temp, n + 1, sizeof *files);
    if (!files)
        return weir_error_set(l->err, WEIR_ERR_NO_MEMORY, "no memory for names");
    at = 0;
    while (opts->n_files < n &&
           weir_format_mlflow_bundle_next(l->file->siblings, &at, &name, &contents, &is_bad)) {
        files[opts->n_files].name = weir_arena_str(l->temp, name).at;
        files[opts->n_files].bytes = contents;
        if (!files[opts->n_files++].name)
            return weir_error_set(l->err, WEIR_ERR_NO_MEMORY, "no memory for names");
    }
    opts->files = files;
    return WEIR_OK;
}

/* Refuses tensors in other files, or reads them. */
static enum weir_status read_external(struct load *l, struct weir_model_onnx_opts *opts)
{
    struct weir_str first;
    char echo[WEIR_ECHO_BUF_BYTES];
    const struct weir_format_opts *format = l->file->opts;
    enum weir_status status = weir_format_onnx_external_find(l->file->bytes, &first, l->err);
    if (status != WEIR_OK || first.n == 0)
        return status;
    if (l->file->siblings.n > 0)
        return take_siblings(l, opts);
    if (!format->onnx_external_data)
        return weir_error_set(
            l->err, WEIR_ERR_UNSUPPORTED,
            "keeps tensors in another file (\"%s\"); onnx_external_data allows it "
            "for files in the model's own folder",
            weir_str_echo(first, echo, sizeof echo));
    return weir_format_onnx_external_read(l->file->bytes, l->file->name, format->file_bytes_max,
                                          l->temp, &opts->files, &opts->n_files, l->err);
}

/* Gives the graph to ONNX Runtime. */
static enum weir_status load_runtime(struct load *l, struct weir_model **out)
{
    const struct weir_format_opts *format = l->file->opts;
    struct weir_format_onnx_rewrite rewrite;
    struct weir_model_onnx_opts opts = {
        .library = weir_str_c(format->onnxruntime_library),
        .n_threads = format->onnx_threads,
        .deadline_ns = format->deadline_ns,
        .guard = format->onnx_guard,
    };
    enum weir_status status = weir_format_onnx_tree_check_all(&l->graph, l->temp, l->err);
    if (status == WEIR_OK)
        status = read_external(l, &opts);
    if (status == WEIR_OK)
        status = weir_format_onnx_rewrite_maps(&l->graph, l->b, l->rewritten, &rewrite, l->err);
    if (status == WEIR_OK)
        status = find_candidates(l, &opts);
    if (status == WEIR_OK)
        status = find_unshaped(l, &opts);
    if (status == WEIR_OK)
        status = put_texts(l, WEIR_STR("onnxruntime_onnx"));
    if (status != WEIR_OK)
        return status;
    opts.bytes = rewrite.bytes;
    opts.labels = rewrite.labels;
    opts.n_labels = rewrite.n_labels;
    return weir_model_onnx_finish(l->b, &opts, out, l->err);
}

enum weir_status weir_format_onnx_load(struct weir_model **out, const struct weir_format_file *file,
                                       struct weir_error *err)
{
    weir_assert(out);
    weir_assert(file);
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, NULL, file->opts->tree_bytes_max);
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf rewritten = WEIR_BUF_INIT;
    WEIR_CLEANUP(weir_model_builder_deinit) struct weir_model_builder b = {.arena = NULL};
    struct load l = {.file = file, .b = &b, .temp = &temp, .rewritten = &rewritten, .err = err};
    enum weir_status status = weir_format_onnx_graph_parse(&l.graph, file->bytes, &temp, err);
    if (status == WEIR_OK)
        status = weir_format_builder_init(&b, file->opts, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_model_node *root = NULL;
    status = weir_format_onnx_native_build(&l.graph, &b, &temp, &root, err);
    if (status != WEIR_OK)
        return status;
    if (!root)
        return load_runtime(&l, out);
    status = put_texts(&l, WEIR_STR("onnx"));
    return status == WEIR_OK ? weir_model_builder_finish(&b, root, out, err) : status;
}

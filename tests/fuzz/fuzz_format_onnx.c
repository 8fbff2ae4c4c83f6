/* SPDX-License-Identifier: MIT */
/* ONNX files as far as weir reads them itself: the walk over the messages, the search for tensors
 * in other files, the description, the rewriting of maps, and graphs that weir computes, which are
 * run. What goes to ONNX Runtime is not: its faults are not looked for here. */
#include "base/buf.h"
#include "format/format.h"
#include "format/onnx/external.h"
#include "format/onnx/graph.h"
#include "format/onnx/native.h"
#include "format/onnx/onnx.h"
#include "format/onnx/rewrite.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { ROWS = 5, VALUES_MAX = 1 << 16 };

/* Asks a model that weir computes for a few rows. */
static void run(const struct weir_model *model)
{
    const struct weir_spec *spec = weir_model_spec(model);
    size_t f = weir_spec_n_features(spec);
    static const double values[] = {0.0, -1.5, 1e30, (double)NAN, (double)INFINITY};
    double *x = malloc((ROWS * f + 1) * sizeof *x);
    for (size_t i = 0; x && i < ROWS * f; i++)
        x[i] = values[i % 5];
    for (int o = 0; x && o < WEIR_OUTPUT_N; o++) {
        size_t k = weir_spec_n_columns(spec, (enum weir_output)o);
        if (k == 0 || k > VALUES_MAX)
            continue;
        double *out = malloc(ROWS * k * sizeof *out);
        enum weir_status status =
            weir_model_predict(model, x, ROWS, f, (enum weir_output)o, out, NULL);
        (void)status; /* any will do */
        free(out);
    }
    free(x);
}

/* Builds what weir computes itself. */
static void build(const struct weir_format_onnx_graph *g, struct weir_arena *arena)
{
    struct weir_model_builder b = {.arena = NULL};
    const struct weir_model_node *root = NULL;
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_format_onnx_rewrite rewrite;
    struct weir_buf rewritten = WEIR_BUF_INIT;
    if (weir_model_builder_init(&b, NULL, 64 << 20, &err) != WEIR_OK)
        return;
    b.limits.n_features_max = 4096;
    enum weir_status status = weir_format_onnx_rewrite_maps(g, &b, &rewritten, &rewrite, &err);
    status = weir_format_onnx_native_build(g, &b, arena, &root, &err);
    if (status == WEIR_OK && root && weir_model_builder_finish(&b, root, &model, &err) == WEIR_OK) {
        run(model);
        weir_model_free(model);
    }
    weir_model_builder_deinit(&b);
    weir_buf_deinit(&rewritten);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct weir_arena arena = WEIR_ARENA_INIT;
    struct weir_buf out = WEIR_BUF_INIT;
    struct weir_str bytes = weir_str_make((const char *)data, n);
    struct weir_format_onnx_graph g;
    struct weir_str external;
    struct weir_format_opts opts = weir_format_opts_fill(NULL);
    opts.tree_bytes_max = 64 << 20;
    const struct weir_format_file file = {
        .bytes = bytes, .name = WEIR_STR("fuzz.onnx"), .opts = &opts};
    weir_arena_init(&arena, NULL, 64 << 20);
    (void)weir_format_onnx_probe(bytes);
    enum weir_status status = weir_format_onnx_external_find(bytes, &external, NULL);
    status = weir_format_onnx_describe(
        &out, &file, n % 2 ? WEIR_FORMAT_DESCRIBE_JSON : WEIR_FORMAT_DESCRIBE_TEXT, NULL);
    (void)status; /* any will do */
    if (weir_format_onnx_graph_parse(&g, bytes, &arena, NULL) == WEIR_OK)
        build(&g, &arena);
    weir_arena_deinit(&arena);
    weir_buf_deinit(&out);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* Forests of the shapes that libraries train, at several numbers of rows, on every kernel set of
 * this CPU: nanoseconds for one row and tree. WEIR_BENCH_SHAPE and WEIR_BENCH_KERNEL name one. */
#include "measure.h"
#include "model/forest_fast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES = 28, ROWS_MAX = 4096, BINS = 250 };

struct shape {
    const char *name;
    size_t n_trees;
    size_t n_leaves;
    bool is_lopsided; /* half of all splits are made near the newest leaf */
    bool has_bins;    /* thresholds of a feature come from BINS values */
    uint32_t width;
    enum weir_dtype input;
    enum weir_dtype sum;
};

static const struct shape shapes[] = {
    {"xgboost_500x6", 500, 64, false, true, 1, WEIR_F32, WEIR_F32},
    {"exact_500x6", 500, 64, false, false, 1, WEIR_F32, WEIR_F32},
    {"lightgbm_1000x31", 1000, 31, true, true, 1, WEIR_F64, WEIR_F64},
    {"hist_200x31", 200, 31, true, true, 1, WEIR_F64, WEIR_F64},
    {"forest_100x12", 100, 900, true, false, 2, WEIR_F32, WEIR_F64},
    {"boosted_200x8", 200, 256, false, true, 1, WEIR_F32, WEIR_F32},
    {"deep_60", 60, 25000, true, false, 2, WEIR_F32, WEIR_F64},
};

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Makes a tree of n_leaves: leaves are split in order, or now and then the newest one. */
static void grow(const struct shape *s, uint64_t *r, struct weir_model_forest_node *nodes)
{
    size_t n = 2 * s->n_leaves - 1;
    for (size_t i = 0; i < n; i++)
        nodes[i] = (struct weir_model_forest_node){.test = WEIR_MODEL_FOREST_LEAF};
    size_t oldest = 0;
    for (size_t at = 1; at < n; at += 2) {
        while (nodes[oldest].test != WEIR_MODEL_FOREST_LEAF)
            oldest++;
        size_t split = oldest;
        if (s->is_lopsided && next(r) % 2 == 0)
            split = oldest + next(r) % (at - oldest);
        while (nodes[split].test != WEIR_MODEL_FOREST_LEAF)
            split++;
        double t =
            s->has_bins ? (double)(next(r) % BINS) / BINS : (double)(next(r) >> 40) * 0x1p-24;
        nodes[split] = (struct weir_model_forest_node){.left = (int64_t)at,
                                                       .right = (int64_t)at + 1,
                                                       .feature = (int64_t)(next(r) % FEATURES),
                                                       .threshold = t,
                                                       .test = WEIR_MODEL_FOREST_LE};
    }
    for (size_t i = 0; i < n; i++)
        if (nodes[i].test == WEIR_MODEL_FOREST_LEAF)
            nodes[i].value = (uint32_t)i;
}

static struct weir_model *make(const struct shape *s)
{
    struct weir_model_builder b;
    struct weir_model *model = NULL;
    struct weir_model_head head = {.link = WEIR_MODEL_LINK_NUMBER, .n_scores = s->width};
    struct weir_model_forest_opts opts = {.name = WEIR_STR("bench"),
                                          .n_features = FEATURES,
                                          .input = s->input,
                                          .sum = s->sum,
                                          .n_sums = s->width,
                                          .width = s->width,
                                          .heads = &head,
                                          .n_heads = 1};
    struct weir_model_forest_builder *f;
    if (weir_model_builder_init(&b, NULL, 0, NULL) != WEIR_OK)
        exit(1);
    opts.targets = weir_arena_zarray(b.arena, s->width, sizeof *opts.targets);
    opts.n_targets = s->width;
    if (!opts.targets || weir_model_forest_begin(&b, &opts, &f, NULL) != WEIR_OK)
        exit(1);
    struct weir_model_forest_node *nodes = calloc(2 * s->n_leaves, sizeof *nodes);
    double *values = calloc(2 * s->n_leaves * s->width, sizeof *values);
    uint64_t r = 1;
    for (size_t t = 0; t < s->n_trees; t++) {
        grow(s, &r, nodes);
        for (size_t i = 0; i < 2 * s->n_leaves * s->width; i++)
            values[i] = (double)(float)((double)(next(&r) >> 40) * 0x1p-24);
        struct weir_model_forest_tree tree = {.nodes = nodes,
                                              .n_nodes = 2 * s->n_leaves - 1,
                                              .values = values,
                                              .n_values = (2 * s->n_leaves - 1) * s->width};
        if (weir_model_forest_add(f, &tree, NULL) != WEIR_OK)
            exit(1);
    }
    free(nodes);
    free(values);
    const struct weir_model_node *node;
    if (weir_model_forest_end(f, &node, NULL) != WEIR_OK)
        exit(1);
    return weir_model_builder_finish(&b, node, &model, NULL) == WEIR_OK ? model : NULL;
}

struct work {
    const struct weir_model *model;
    struct weir_run run;
    struct weir_rows rows;
    double out[ROWS_MAX * 2];
    struct weir_row_fault faults[ROWS_MAX];
};

static uint64_t run(void *arg)
{
    struct work *w = arg;
    weir_model_run(w->model, &w->run);
    uint64_t bits;
    memcpy(&bits, &w->out[0], sizeof bits);
    return bits;
}

static void measure(const struct shape *s, const char *kernel, const void *x)
{
    static const size_t rows[] = {1, 8, 64, 512, ROWS_MAX};
    struct weir_model *model = make(s);
    if (!model)
        exit(1);
    void *scratch = aligned_alloc(64, (weir_model_scratch_bytes(model) + 63) & ~(size_t)63);
    static struct work w;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        w.model = model;
        w.rows = (struct weir_rows){x, rows[i]};
        w.run = (struct weir_run){.dtype = s->input,
                                  .blocks = &w.rows,
                                  .n_blocks = 1,
                                  .wanted = 1u << WEIR_OUTPUT_PREDICT,
                                  .out = {[WEIR_OUTPUT_PREDICT] = w.out},
                                  .faults = w.faults,
                                  .scratch = scratch};
        char name[64];
        snprintf(name, sizeof name, "%s_%s_rows_%zu", s->name, kernel, rows[i]);
        double ns = weir_bench_measure(name, run, &w, 0);
        printf("    %.2f ns a row and tree\n", ns / (double)(rows[i] * s->n_trees));
    }
    free(scratch);
    weir_model_free(model);
}

int main(void)
{
    static float x32[ROWS_MAX * FEATURES];
    static double x64[ROWS_MAX * FEATURES];
    uint64_t state = 1;
    for (size_t i = 0; i < (size_t)ROWS_MAX * FEATURES; i++) {
        x64[i] = (double)(next(&state) >> 40) * 0x1p-24;
        x32[i] = (float)x64[i];
    }
    static const char *const kernels[] = {"avx512", "avx2", "portable"};
    const char *only_kernel = getenv("WEIR_BENCH_KERNEL");
    const char *only_shape = getenv("WEIR_BENCH_SHAPE");
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (size_t k = 0; k < sizeof kernels / sizeof kernels[0]; k++) {
            if ((only_kernel && strcmp(only_kernel, kernels[k]) != 0) ||
                (only_shape && !strstr(shapes[i].name, only_shape)) ||
                !weir_model_forest_force(kernels[k]))
                continue;
            measure(&shapes[i], kernels[k],
                    shapes[i].input == WEIR_F32 ? (const void *)x32 : (const void *)x64);
        }
    return 0;
}

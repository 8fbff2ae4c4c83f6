/* SPDX-License-Identifier: MIT */
/* Random forests: 100 trees of 30 features, as a batch of 256 rows and as a lone row. */
#include "measure.h"
#include "model/forest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TREES = 100, FEATURES = 30, ROWS = 256, NODES_MAX = 4095 };

/* A tree whose nodes are split in order until there are n_nodes of them: log2(n) levels deep. */
struct shape {
    uint64_t random;
    size_t n_nodes;
};

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static double leaves[NODES_MAX * 2];

static struct weir_model_forest_tree give(const struct shape *s,
                                          struct weir_model_forest_node *nodes)
{
    for (size_t i = 0; i < s->n_nodes; i++) {
        uint64_t r = s->random ^ i;
        bool splits = 2 * i + 2 < s->n_nodes;
        nodes[i] = (struct weir_model_forest_node){.left = (int64_t)(2 * i + 1),
                                                   .right = (int64_t)(2 * i + 2),
                                                   .feature = (int64_t)(next(&r) % FEATURES),
                                                   .threshold = (double)(next(&r) >> 40) * 0x1p-24,
                                                   .test = splits ? WEIR_MODEL_FOREST_LE
                                                                  : WEIR_MODEL_FOREST_LEAF};
        if (!splits)
            nodes[i].value = (uint32_t)i;
        leaves[2 * i] = 1.0 / (double)(i + 1);
        leaves[2 * i + 1] = 1.0 - leaves[2 * i];
    }
    return (struct weir_model_forest_tree){
        .nodes = nodes, .n_nodes = s->n_nodes, .values = leaves, .n_values = 2 * s->n_nodes};
}

static struct weir_model *make(size_t n_nodes)
{
    struct weir_model_builder b;
    struct weir_model *model = NULL;
    struct weir_model_head head = {.link = WEIR_MODEL_LINK_SHARES, .n_scores = 2};
    struct weir_model_forest_opts opts = {.name = WEIR_STR("bench"),
                                          .n_features = FEATURES,
                                          .input = WEIR_F32,
                                          .sum = WEIR_F64,
                                          .n_sums = 2,
                                          .width = 2,
                                          .divisor = TREES,
                                          .heads = &head,
                                          .n_heads = 1};
    struct weir_model_forest_builder *f;
    if (weir_model_builder_init(&b, NULL, 0, NULL) != WEIR_OK)
        exit(1);
    opts.targets = weir_arena_zalloc(b.arena, sizeof *opts.targets);
    opts.n_targets = 1;
    if (!opts.targets || weir_model_forest_begin(&b, &opts, &f, NULL) != WEIR_OK)
        exit(1);
    for (size_t t = 0; t < TREES; t++) {
        struct shape shape = {.random = t * 1000003, .n_nodes = n_nodes};
        static struct weir_model_forest_node nodes[NODES_MAX];
        struct weir_model_forest_tree tree = give(&shape, nodes);
        if (weir_model_forest_add(f, &tree, NULL) != WEIR_OK)
            exit(1);
    }
    const struct weir_model_node *node;
    if (weir_model_forest_end(f, &node, NULL) != WEIR_OK)
        exit(1);
    return weir_model_builder_finish(&b, node, &model, NULL) == WEIR_OK ? model : NULL;
}

struct work {
    const struct weir_model *model;
    struct weir_run run;
    struct weir_rows rows;
    double proba[ROWS * 2];
    struct weir_row_fault faults[ROWS];
};

static uint64_t run(void *arg)
{
    struct work *w = arg;
    weir_model_run(w->model, &w->run);
    uint64_t bits;
    memcpy(&bits, &w->proba[0], sizeof bits);
    return bits;
}

int main(void)
{
    static float x[ROWS * FEATURES];
    uint64_t state = 1;
    for (size_t i = 0; i < ROWS * FEATURES; i++)
        x[i] = (float)((double)(next(&state) >> 40) * 0x1p-24);
    for (size_t n_nodes = 31; n_nodes <= NODES_MAX; n_nodes = n_nodes * 8 + 7) {
        struct weir_model *model = make(n_nodes);
        if (!model)
            return 1;
        void *scratch = aligned_alloc(64, (weir_model_scratch_bytes(model) + 63) & ~(size_t)63);
        static struct work w;
        static const size_t rows[] = {1, 8, ROWS};
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            w.model = model;
            w.rows = (struct weir_rows){x, rows[i]};
            w.run = (struct weir_run){.dtype = WEIR_F32,
                                      .blocks = &w.rows,
                                      .n_blocks = 1,
                                      .wanted = 1u << WEIR_OUTPUT_PREDICT_PROBA,
                                      .out = {[WEIR_OUTPUT_PREDICT_PROBA] = w.proba},
                                      .faults = w.faults,
                                      .scratch = scratch};
            char name[64];
            snprintf(name, sizeof name, "forest_%dx%zu_rows_%zu", TREES, n_nodes, rows[i]);
            weir_bench_measure(name, run, &w, 0);
        }
        free(scratch);
        weir_model_free(model);
    }
    return 0;
}

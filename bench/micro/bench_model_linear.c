/* SPDX-License-Identifier: MIT */
/* Logistic regression: 30 features, two and ten classes, a lone row and a batch. */
#include "measure.h"
#include "model/linear.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES = 30, ROWS = 256, SCORES_MAX = 10 };

static struct weir_model *make(uint32_t n_scores)
{
    static double weights[SCORES_MAX * FEATURES];
    for (size_t i = 0; i < SCORES_MAX * FEATURES; i++)
        weights[i] = (double)(i % 17) / 17.0 - 0.5;
    struct weir_model_builder b;
    struct weir_model *model = NULL;
    const struct weir_model_node *node;
    struct weir_model_linear_opts opts = {
        .name = WEIR_STR("bench"),
        .n_features = FEATURES,
        .weights = weights,
        .head = {.link = n_scores == 1 ? WEIR_MODEL_LINK_SIGMOID : WEIR_MODEL_LINK_SOFTMAX,
                 .n_scores = n_scores}};
    if (weir_model_builder_init(&b, NULL, 0, NULL) != WEIR_OK)
        return NULL;
    opts.targets = weir_arena_zalloc(b.arena, sizeof *opts.targets);
    opts.n_targets = 1;
    if (!opts.targets || weir_model_linear_new(&b, &opts, &node, NULL) != WEIR_OK ||
        weir_model_builder_finish(&b, node, &model, NULL) != WEIR_OK)
        return NULL;
    return model;
}

struct work {
    const struct weir_model *model;
    struct weir_run run;
    struct weir_rows rows;
    double proba[ROWS * SCORES_MAX];
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
    static double x[ROWS * FEATURES];
    for (size_t i = 0; i < ROWS * FEATURES; i++)
        x[i] = (double)(i * 2654435761u % 1000) / 1000.0;
    static const uint32_t scores[] = {1, SCORES_MAX};
    static const size_t rows[] = {1, ROWS};
    for (size_t i = 0; i < 4; i++) {
        struct weir_model *model = make(scores[i / 2]);
        if (!model)
            return 1;
        static struct work w;
        w.model = model;
        w.rows = (struct weir_rows){x, rows[i % 2]};
        w.run = (struct weir_run){
            .dtype = WEIR_F64,
            .blocks = &w.rows,
            .n_blocks = 1,
            .wanted = 1u << WEIR_OUTPUT_PREDICT_PROBA,
            .out = {[WEIR_OUTPUT_PREDICT_PROBA] = w.proba},
            .faults = w.faults,
            .scratch = aligned_alloc(64, (weir_model_scratch_bytes(model) + 63) & ~(size_t)63)};
        char name[64];
        snprintf(name, sizeof name, "linear_%dx%u_rows_%zu", FEATURES, scores[i / 2], rows[i % 2]);
        weir_bench_measure(name, run, &w, 0);
        free(w.run.scratch);
        weir_model_free(model);
    }
    return 0;
}

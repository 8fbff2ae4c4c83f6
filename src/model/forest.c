/* SPDX-License-Identifier: MIT */
/* Running a forest: rows are read as its library would read them, the trees add to each row's sums,
 * and the heads make answers of the sums. */
#include "model/forest.h"

#include "model/forest_fast.h"

#include <math.h>
#include <string.h>

void weir_model_forest_read_row(const struct weir_model_forest *f,
                                const struct weir_model_matrix *in, size_t row, double *out)
{
    size_t n = f->node.n_in;
    if (in->storage == WEIR_F32) {
        const float *x = (const float *)in->at + row * in->stride;
        for (size_t i = 0; i < n; i++)
            out[i] = (double)x[i];
    } else {
        const double *x = (const double *)in->at + row * in->stride;
        for (size_t i = 0; i < n; i++)
            out[i] = weir_model_node_round(x[i], f->input == WEIR_F32);
    }
    for (size_t i = 0; f->flushes_tiny && i < n; i++)
        if (fabs(out[i]) <= WEIR_MODEL_FOREST_TINY)
            out[i] = 0.0;
    for (size_t i = 0; f->has_missing_value && i < n; i++)
        if (out[i] == f->missing_value)
            out[i] = NAN;
}

/* Marks rows with values that the forest refuses. */
static void check_input(const struct weir_model_forest *f, const struct weir_model_node_run *run)
{
    const struct weir_model_node *node = &f->node;
    if (run->in.storage == WEIR_F32) {
        weir_model_node_check_f32(node, run, run->in.at, run->in.stride);
        return;
    }
    weir_model_node_check_f64(node, run, run->in.at, run->in.stride);
    if (node->allows_inf || f->input == WEIR_F64)
        return;
    /* What is finite as a double may still be too large for a float. */
    const double *x = run->in.at;
    for (size_t row = 0; row < run->n_rows; row++, x += run->in.stride)
        for (size_t i = 0; i < node->n_in && run->faults[row].kind == WEIR_FAULT_NONE; i++)
            if (isinf((float)x[i]))
                run->faults[row] = (struct weir_row_fault){
                    .kind = WEIR_FAULT_INFINITE, .step = node->step, .column = (uint32_t)i};
}

/* Fills the sums with their start values. */
static void begin_sums(const struct weir_model_forest *f, const struct weir_model_node_run *run,
                       double *sums)
{
    size_t n = f->n_sums;
    if (f->start_node) {
        struct weir_model_node_run part = {.n_rows = run->n_rows,
                                           .in = run->in,
                                           .out = {[WEIR_OUTPUT_TRANSFORM] = sums},
                                           .faults = run->faults,
                                           .scratch = run->scratch + f->inner_at};
        f->start_node->run(f->start_node, &part);
    } else if (f->start) {
        for (size_t row = 0; row < run->n_rows; row++)
            memcpy(sums + row * n, f->start, n * sizeof *sums);
    } else {
        memset(sums, 0, run->n_rows * n * sizeof *sums);
    }
}

/* Divides, scales, adds the base. */
static void end_sums(const struct weir_model_forest *f, size_t n_rows, double *sums)
{
    bool is_f32 = f->sum == WEIR_F32;
    size_t n = n_rows * f->n_sums;
    if (f->divisor != 1.0)
        for (size_t i = 0; i < n; i++)
            sums[i] = weir_model_node_round(sums[i] / f->divisor, is_f32);
    if (f->scale != 1.0)
        for (size_t i = 0; i < n; i++)
            sums[i] = weir_model_node_round(sums[i] * f->scale, is_f32);
    if (!f->base)
        return;
    for (size_t row = 0; row < n_rows; row++)
        for (size_t k = 0; k < f->n_sums; k++)
            sums[row * f->n_sums + k] =
                weir_model_node_round(sums[row * f->n_sums + k] + f->base[k], is_f32);
}

/* Answers for several targets: class shares of one target after the other. */
static void apply_heads(const struct weir_model_forest *f, const struct weir_model_node_run *run,
                        const double *sums)
{
    size_t first = 0;
    for (size_t h = 0; h < f->n_heads; h++) {
        const struct weir_model_head *head = &f->heads[h];
        size_t n = head->n_scores;
        int32_t *labels = run->out[WEIR_OUTPUT_PREDICT];
        double *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
        for (size_t row = 0; row < run->n_rows; row++) {
            const double *from = sums + row * f->n_sums + first;
            if (labels)
                labels[row * f->n_heads + h] = (int32_t)weir_model_head_argmax(from, n);
            if (proba)
                memcpy(proba + row * f->n_sums + first, from, n * sizeof *proba);
        }
        first += n;
    }
}

/* Adds all trees to the sums and gives the leaves' numbers, row by row. */
static void add_plain(const struct weir_model_forest *f, const struct weir_model_node_run *run,
                      double *sums)
{
    double *leaves = run->out[WEIR_OUTPUT_LEAF];
    double *x = (double *)(void *)(run->scratch + f->row_at);
    for (size_t row = 0; row < run->n_rows; row++) {
        weir_model_forest_read_row(f, &run->in, row, x);
        for (size_t t = 0; t < f->n_trees; t++) {
            const struct weir_model_forest_member *tree = &f->trees[t];
            uint32_t leaf = weir_model_forest_walk(f, tree, x);
            weir_model_forest_add_leaf(f, tree, leaf, x, sums + row * f->n_sums);
            if (leaves)
                leaves[row * f->n_trees + t] = tree->ids ? tree->ids[leaf] : (double)leaf;
        }
    }
}

void weir_model_forest_run(const struct weir_model_node *node,
                           const struct weir_model_node_run *run)
{
    const struct weir_model_forest *f = (const struct weir_model_forest *)(const void *)node;
    double *sums = (double *)(void *)(run->scratch + f->sums_at);
    check_input(f, run);
    begin_sums(f, run, sums);
    if (f->fast && !run->out[WEIR_OUTPUT_LEAF])
        weir_model_forest_fast_run(f, run, sums);
    else
        add_plain(f, run, sums);
    end_sums(f, run->n_rows, sums);
    if (f->n_heads == 1)
        weir_model_head_apply(&f->heads[0], run, sums, f->sum == WEIR_F32);
    else
        apply_heads(f, run, sums);
}

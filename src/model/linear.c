/* SPDX-License-Identifier: MIT */
#include "model/linear.h"

#include "model/dense.h"
#include "model/sparse.h"

#include <string.h>

struct linear {
    struct weir_model_node node;
    struct weir_model_head head;
    struct weir_model_dense weights;
    const double *bias; /* n_scores */
    bool weights_are_f32;
    bool bias_is_f32;
    size_t scores_at; /* offset into scratch */
};

/* Adds the biases to products that are floats. */
static void add_bias_f32(const struct linear *l, bool is_f32, double *scores, size_t n_rows)
{
    size_t n_scores = l->head.n_scores;
    for (size_t row = 0; row < n_rows; row++) {
        for (size_t k = 0; k < n_scores; k++) {
            double dot = weir_model_node_round(scores[row * n_scores + k], true);
            scores[row * n_scores + k] = weir_model_node_round(dot + l->bias[k], is_f32);
        }
    }
}

static void add_one_bias(double bias, double *scores, size_t n_rows)
{
    for (size_t row = 0; row < n_rows; row++)
        scores[row] += bias;
}

static void linear_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct linear *l = (const struct linear *)(const void *)node;
    size_t stride;
    const double *x = weir_model_node_input_f64(run, node->n_in, run->scratch, &stride);
    double *scores = (double *)(void *)(run->scratch + l->scores_at);
    size_t n_scores = l->head.n_scores;
    bool product_is_f32 = run->in.is_f32 && l->weights_are_f32;
    bool is_f32 = product_is_f32 && l->bias_is_f32;
    weir_model_dense_run(&l->weights, x, stride, run->n_rows, scores, n_scores);
    /* NaN or an infinity times whatever is NaN or infinite, and so is what it is added to. */
    if (!l->weights.lanes->are_finite(scores, run->n_rows * n_scores))
        weir_model_node_check_f64(node, run, x, stride);
    if (product_is_f32)
        add_bias_f32(l, is_f32, scores, run->n_rows);
    else if (n_scores == 1)
        add_one_bias(l->bias[0], scores, run->n_rows);
    else
        for (size_t row = 0; row < run->n_rows; row++)
            for (size_t k = 0; k < n_scores; k++)
                scores[row * n_scores + k] += l->bias[k];
    weir_model_head_apply(&l->head, run, scores, is_f32);
}

/* As linear_run for one sparse row: each score is summed over its cells in order. */
static void linear_sink(const struct weir_model_node *node, const struct weir_model_node_run *run,
                        const struct weir_model_sparse_row *row)
{
    const struct linear *l = (const struct linear *)(const void *)node;
    double *scores = (double *)(void *)run->scratch;
    for (size_t k = 0; k < l->head.n_scores; k++) {
        double sum = 0.0;
        for (size_t i = 0; i < row->n; i++)
            sum += row->at[i].value * weir_model_dense_value(&l->weights, k, row->at[i].column);
        scores[k] = sum + l->bias[k];
    }
    weir_model_head_apply(&l->head, run, scores, false);
}

static const struct weir_model_sparse_ops linear_sparse = {.sink = linear_sink};

enum weir_status weir_model_linear_new(struct weir_model_builder *b,
                                       const struct weir_model_linear_opts *opts,
                                       const struct weir_model_node **out, struct weir_error *err)
{
    weir_assert(opts->n_features > 0);
    weir_assert(opts->head.n_scores > 0);
    size_t n_scores = opts->head.n_scores;
    if (n_scores > WEIR_MODEL_COLUMNS_MAX || opts->n_features > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct linear *l = weir_model_builder_node(b, sizeof *l);
    double *bias = weir_arena_zarray(b->arena, n_scores, sizeof *bias);
    if (!l || !bias)
        return weir_model_builder_no_memory(b, err);
    if (opts->bias)
        memcpy(bias, opts->bias, n_scores * sizeof *bias);
    l->head = opts->head;
    l->head.is_f32 = opts->weights_are_f32 && opts->bias_is_f32;
    enum weir_status status = weir_model_dense_rows(&l->weights, b, WEIR_MODEL_LANES_DOT,
                                                    opts->n_features, n_scores, opts->weights, err);
    if (status != WEIR_OK)
        return status;
    l->bias = bias;
    l->weights_are_f32 = opts->weights_are_f32;
    l->bias_is_f32 = opts->bias_is_f32;
    l->scores_at = weir_model_node_block_bytes(opts->n_features);
    struct weir_model_node *node = &l->node;
    node->run = linear_run;
    node->n_in = opts->n_features;
    weir_model_head_describe(&l->head, node);
    node->is_vector = node->is_vector && (node->predicts_labels || opts->is_vector);
    node->targets = opts->targets;
    node->n_targets = opts->n_targets;
    node->depth = 1;
    node->scratch_bytes = l->scores_at + weir_model_node_block_bytes(n_scores);
    node->sparse = &linear_sparse;
    node->sparse_scratch_bytes = weir_model_node_align(n_scores * sizeof(double));
    status = weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status != WEIR_OK)
        return status;
    *out = node;
    return WEIR_OK;
}

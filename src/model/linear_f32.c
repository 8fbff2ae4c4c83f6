/* SPDX-License-Identifier: MIT */
#include "model/linear_f32.h"

#include <math.h>
#include <string.h>

struct linear {
    struct weir_model_node node;
    size_t n_scores;
    const float *weights;
    const float *start;
    bool has_missing_value;
    double missing_value;
};

static void linear_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct linear *l = (const struct linear *)(const void *)node;
    size_t stride;
    const float *x = weir_model_node_input_f32(run, node->n_in, run->scratch, &stride);
    double *out = run->out[WEIR_OUTPUT_PREDICT];
    weir_model_node_check_f32(node, run, x, stride);
    for (size_t row = 0; out && row < run->n_rows; row++, x += stride) {
        for (size_t k = 0; k < l->n_scores; k++) {
            float sum = l->start[k];
            for (size_t i = 0; i < node->n_in; i++)
                if (!isnan(x[i]) && !(l->has_missing_value && (double)x[i] == l->missing_value))
                    sum += x[i] * l->weights[i * l->n_scores + k];
            out[row * l->n_scores + k] = (double)sum;
        }
    }
}

enum weir_status weir_model_linear_f32_new(struct weir_model_builder *b,
                                           const struct weir_model_linear_f32_opts *opts,
                                           const struct weir_model_node **out,
                                           struct weir_error *err)
{
    weir_assert(opts->n_features > 0);
    weir_assert(opts->n_scores > 0);
    size_t n = (size_t)opts->n_features * opts->n_scores;
    struct linear *l = weir_model_builder_node(b, sizeof *l);
    float *weights = weir_arena_array(b->arena, n, sizeof *weights);
    float *start = weir_arena_array(b->arena, opts->n_scores, sizeof *start);
    if (!l || !weights || !start)
        return weir_model_builder_no_memory(b, err);
    memcpy(weights, opts->weights, n * sizeof *weights);
    for (size_t k = 0; k < opts->n_scores; k++)
        start[k] = opts->bias[k] + opts->base;
    l->n_scores = opts->n_scores;
    l->weights = weights;
    l->start = start;
    l->has_missing_value = opts->has_missing_value;
    l->missing_value = opts->missing_value;
    struct weir_model_node *node = &l->node;
    node->run = linear_run;
    node->n_in = opts->n_features;
    node->n_out[WEIR_OUTPUT_PREDICT] = opts->n_scores;
    node->takes_f32 = true;
    node->allows_nan = true;
    node->allows_inf = true;
    node->depth = 1;
    node->scratch_bytes = weir_model_node_block_bytes(opts->n_features);
    *out = node;
    return weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
}

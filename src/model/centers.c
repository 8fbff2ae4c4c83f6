/* SPDX-License-Identifier: MIT */
#include "model/centers.h"

#include <math.h>
#include <string.h>

struct centers {
    struct weir_model_node node;
    struct weir_model_dense points;
    struct weir_model_dense products; /* Euclidean: the same points, for x · c */
    const double *halves;             /* Euclidean: |c|² ÷ 2 */
    const int32_t *labels;            /* NULL: the centres' numbers */
    bool is_f32;
    size_t sums_at; /* offset into scratch */
};

/* Fills what grows with the distance to each centre: for Euclidean ones |c|² ÷ 2 − x · c, as the
 * library does, which leaves out what all centres share. */
static void rank(const struct centers *c, const double *x, size_t stride, size_t n_rows,
                 double *out)
{
    size_t n = c->points.n_points;
    if (!c->halves) {
        weir_model_dense_run(&c->points, x, stride, n_rows, out, n);
        return;
    }
    weir_model_dense_run(&c->products, x, stride, n_rows, out, n);
    for (size_t i = 0; i < n_rows * n; i++)
        out[i] = c->halves[i % n] - out[i];
}

static int32_t nearest(const double *sums, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (sums[i] < sums[best])
            best = i;
    return (int32_t)best;
}

static void centers_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct centers *c = (const struct centers *)(const void *)node;
    size_t stride;
    const double *x = weir_model_node_input_f64(run, node->n_in, run->scratch, &stride);
    weir_model_node_check_f64(node, run, x, stride);
    size_t n = c->points.n_points;
    double *sums = (double *)(void *)(run->scratch + c->sums_at);
    int32_t *labels = run->out[WEIR_OUTPUT_PREDICT];
    if (labels)
        rank(c, x, stride, run->n_rows, sums);
    for (size_t row = 0; labels && row < run->n_rows; row++) {
        int32_t best = nearest(sums + row * n, n);
        labels[row] = c->labels ? c->labels[best] : best;
    }
    double *out = run->out[WEIR_OUTPUT_TRANSFORM];
    if (out)
        weir_model_dense_run(&c->points, x, stride, run->n_rows, sums, n);
    bool is_f32 = c->is_f32 && run->in.is_f32;
    bool is_squared = c->points.kind == WEIR_MODEL_LANES_SQUARES;
    for (size_t i = 0; out && i < run->n_rows * n; i++)
        out[i] = weir_model_node_round(is_squared ? sqrt(sums[i]) : sums[i], is_f32);
}

static enum weir_status make_products(struct centers *c, struct weir_model_builder *b,
                                      const struct weir_model_centers_opts *opts,
                                      struct weir_error *err)
{
    double *halves = weir_arena_zarray(b->arena, opts->n_centers, sizeof *halves);
    if (!halves)
        return weir_model_builder_no_memory(b, err);
    for (size_t i = 0; i < opts->n_centers; i++) {
        const double *center = opts->centers + i * opts->n_in;
        for (size_t j = 0; j < opts->n_in; j++)
            halves[i] += center[j] * center[j];
        halves[i] /= 2.0;
    }
    c->halves = halves;
    return weir_model_dense_rows(&c->products, b, WEIR_MODEL_LANES_DOT, opts->n_in, opts->n_centers,
                                 opts->centers, err);
}

enum weir_status weir_model_centers_new(struct weir_model_builder *b,
                                        const struct weir_model_centers_opts *opts,
                                        const struct weir_model_node **out, struct weir_error *err)
{
    size_t n = opts->n_centers;
    weir_assert(n > 0);
    if (n > WEIR_MODEL_COLUMNS_MAX || opts->n_in > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct centers *c = weir_model_builder_node(b, sizeof *c);
    if (!c)
        return weir_model_builder_no_memory(b, err);
    enum weir_status status =
        weir_model_dense_rows(&c->points, b, opts->metric, opts->n_in, n, opts->centers, err);
    if (status == WEIR_OK && opts->metric == WEIR_MODEL_LANES_SQUARES)
        status = make_products(c, b, opts, err);
    if (status != WEIR_OK)
        return status;
    if (opts->labels) {
        int32_t *labels = weir_arena_array(b->arena, n, sizeof *labels);
        if (!labels)
            return weir_model_builder_no_memory(b, err);
        memcpy(labels, opts->labels, n * sizeof *labels);
        c->labels = labels;
    }
    c->is_f32 = opts->is_f32;
    c->sums_at = weir_model_node_block_bytes(opts->n_in);
    struct weir_model_node *node = &c->node;
    node->run = centers_run;
    node->n_in = opts->n_in;
    node->predicts_labels = true;
    node->is_vector = true;
    node->n_out[WEIR_OUTPUT_PREDICT] = 1;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = opts->transforms ? (uint32_t)n : 0;
    node->follows_f32 = opts->is_f32 ? 1u << WEIR_OUTPUT_TRANSFORM : 0;
    node->targets = opts->targets;
    node->n_targets = 1;
    node->depth = 1;
    node->scratch_bytes = c->sums_at + weir_model_node_block_bytes(n);
    status = weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}

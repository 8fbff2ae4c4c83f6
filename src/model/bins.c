/* SPDX-License-Identifier: MIT */
#include "model/bins.h"

#include <math.h>
#include <string.h>

struct bins {
    struct weir_model_node node;
    const struct weir_model_bins_column *columns;
    bool is_onehot;
    bool is_widened;
};

/* Returns how many of the edges are not above x. */
static size_t count_edges(const struct weir_model_bins_column *c, double x)
{
    size_t low = 0;
    size_t n = c->n_edges;
    while (n > 0) {
        size_t half = n / 2;
        if (c->edges[low + half] <= x) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low < c->n_bins ? low : c->n_bins - 1;
}

/* Returns x moved up by the tolerance of scikit-learn before 1.1. */
static double widen(double x, bool is_f32)
{
    double eps = weir_model_node_round(weir_model_node_round(1e-5, is_f32) * fabs(x), is_f32);
    eps = weir_model_node_round(weir_model_node_round(1e-8, is_f32) + eps, is_f32);
    return weir_model_node_round(x + eps, is_f32);
}

static void bins_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct bins *b = (const struct bins *)(const void *)node;
    size_t n = node->n_in;
    size_t stride;
    bool is_f32 = run->in.is_f32 || node->takes_f32;
    const double *x = weir_model_node_input_f64(run, n, run->scratch, &stride);
    weir_model_node_check_f64(node, run, x, stride);
    size_t width = node->n_out[WEIR_OUTPUT_TRANSFORM];
    for (size_t row = 0; row < run->n_rows; row++) {
        double *out = (double *)run->out[WEIR_OUTPUT_TRANSFORM] + row * width;
        if (b->is_onehot)
            memset(out, 0, width * sizeof *out);
        for (size_t j = 0; j < n; j++) {
            double v = weir_model_node_round(x[row * stride + j], is_f32);
            size_t bin = count_edges(&b->columns[j], b->is_widened ? widen(v, is_f32) : v);
            if (b->is_onehot) {
                out[bin] = 1.0;
                out += b->columns[j].n_bins;
            } else {
                *out++ = (double)bin;
            }
        }
    }
}

enum weir_status weir_model_bins_new(struct weir_model_builder *b,
                                     const struct weir_model_bins_opts *opts,
                                     const struct weir_model_node **out, struct weir_error *err)
{
    weir_assert(opts->n_columns > 0);
    struct bins *n = weir_model_builder_node(b, sizeof *n);
    struct weir_model_bins_column *columns =
        weir_arena_array(b->arena, opts->n_columns, sizeof *columns);
    if (!n || !columns)
        return weir_model_builder_no_memory(b, err);
    size_t width = 0;
    for (uint32_t j = 0; j < opts->n_columns; j++) {
        columns[j] = opts->columns[j];
        weir_assert(columns[j].n_bins > 0);
        columns[j].edges = weir_model_builder_doubles(b, columns[j].edges, columns[j].n_edges);
        if (!columns[j].edges)
            return weir_model_builder_no_memory(b, err);
        width += opts->is_onehot ? columns[j].n_bins : 1;
        if (width > WEIR_MODEL_COLUMNS_MAX)
            return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns",
                                  WEIR_MODEL_COLUMNS_MAX);
    }
    n->columns = columns;
    n->is_onehot = opts->is_onehot;
    n->is_widened = opts->is_widened;
    struct weir_model_node *node = &n->node;
    node->run = bins_run;
    node->n_in = opts->n_columns;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = (uint32_t)width;
    node->takes_f32 = opts->casts_to_f32;
    node->keeps_columns = !opts->is_onehot;
    node->follows_f32 = 1u << WEIR_OUTPUT_TRANSFORM;
    node->depth = 1;
    node->scratch_bytes = weir_model_node_block_bytes(opts->n_columns);
    enum weir_status status =
        weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}

/* SPDX-License-Identifier: MIT */
#include "model/curve.h"

#include <math.h>

struct curve {
    struct weir_model_node node;
    size_t n;
    const double *x;
    const double *y;
    double min;
    double max;
    bool clips;
    bool is_f32;
};

static double curve_at(const struct curve *c, double v)
{
    v = weir_model_node_round(v, c->is_f32);
    if (c->clips)
        v = fmin(fmax(v, c->min), c->max);
    if (c->n == 1)
        return c->y[0];
    if (!(v >= c->x[0]) || !(v <= c->x[c->n - 1]))
        return (double)NAN;
    size_t low = 0; /* the last point not above v lies in low … high − 1 */
    size_t high = c->n;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (c->x[middle] <= v)
            low = middle;
        else
            high = middle;
    }
    if (low == c->n - 1 || c->x[low] == v)
        return c->y[low];
    double slope = (c->y[low + 1] - c->y[low]) / (c->x[low + 1] - c->x[low]);
    return weir_model_node_round(slope * (v - c->x[low]) + c->y[low], c->is_f32);
}

static void curve_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct curve *c = (const struct curve *)(const void *)node;
    size_t stride;
    const double *x = weir_model_node_input_f64(run, 1, run->scratch, &stride);
    weir_model_node_check_f64(node, run, x, stride);
    double *out = run->out[WEIR_OUTPUT_PREDICT];
    for (size_t row = 0; out && row < run->n_rows; row++)
        out[row] = curve_at(c, x[row * stride]);
}

enum weir_status weir_model_curve_new(struct weir_model_builder *b,
                                      const struct weir_model_curve_opts *opts,
                                      const struct weir_model_node **out, struct weir_error *err)
{
    weir_assert(opts->n > 0);
    struct curve *c = weir_model_builder_node(b, sizeof *c);
    if (!c)
        return weir_model_builder_no_memory(b, err);
    c->n = opts->n;
    c->x = weir_model_builder_doubles(b, opts->x, opts->n);
    c->y = weir_model_builder_doubles(b, opts->y, opts->n);
    if (!c->x || !c->y)
        return weir_model_builder_no_memory(b, err);
    c->min = opts->min;
    c->max = opts->max;
    c->clips = opts->clips;
    c->is_f32 = opts->is_f32;
    struct weir_model_node *node = &c->node;
    node->run = curve_run;
    node->n_in = 1;
    node->is_vector = true;
    node->n_out[WEIR_OUTPUT_PREDICT] = 1;
    node->takes_f32 = opts->is_f32;
    node->follows_f32 = opts->is_f32 ? 1u << WEIR_OUTPUT_PREDICT : 0;
    node->targets = opts->targets;
    node->n_targets = 1;
    node->depth = 1;
    node->scratch_bytes = weir_model_node_block_bytes(1);
    enum weir_status status =
        weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}

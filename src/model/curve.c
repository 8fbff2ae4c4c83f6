/* SPDX-License-Identifier: MIT */
#include "model/curve.h"

#include <math.h>
#include <string.h>

/* --- constants --- */

struct constant {
    struct weir_model_node node;
    const double *numbers;
    const int32_t *classes;
    const double *proba;
};

static void constant_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct constant *c = (const struct constant *)(const void *)node;
    char *predict = run->out[WEIR_OUTPUT_PREDICT];
    double *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
    size_t n = node->n_out[WEIR_OUTPUT_PREDICT];
    size_t n_proba = node->n_out[WEIR_OUTPUT_PREDICT_PROBA];
    size_t bytes = n * (c->classes ? sizeof *c->classes : sizeof *c->numbers);
    const void *from = c->classes ? (const void *)c->classes : c->numbers;
    for (size_t row = 0; row < run->n_rows; row++) {
        if (predict)
            memcpy(predict + row * bytes, from, bytes);
        if (proba)
            memcpy(proba + row * n_proba, c->proba, n_proba * sizeof *proba);
    }
}

enum weir_status weir_model_constant_new(struct weir_model_builder *b,
                                         const struct weir_model_constant_opts *opts,
                                         const struct weir_model_node **out, struct weir_error *err)
{
    if (opts->n_targets > WEIR_MODEL_COLUMNS_MAX || opts->n_proba > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct constant *c = weir_model_builder_node(b, sizeof *c);
    if (!c)
        return weir_model_builder_no_memory(b, err);
    if (opts->is_classifier) {
        int32_t *classes = weir_arena_array(b->arena, opts->n_targets, sizeof *classes);
        c->proba = weir_model_builder_doubles(b, opts->proba, opts->n_proba);
        if (!classes || !c->proba)
            return weir_model_builder_no_memory(b, err);
        memcpy(classes, opts->classes, opts->n_targets * sizeof *classes);
        c->classes = classes;
    } else {
        c->numbers = weir_model_builder_doubles(b, opts->numbers, opts->n_targets);
        if (!c->numbers)
            return weir_model_builder_no_memory(b, err);
    }
    struct weir_model_node *node = &c->node;
    node->run = constant_run;
    node->n_in = opts->n_in;
    node->allows_nan = true;
    node->allows_inf = true;
    node->predicts_labels = opts->is_classifier;
    node->is_vector = opts->is_vector;
    node->n_out[WEIR_OUTPUT_PREDICT] = opts->n_targets;
    node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = opts->is_classifier ? opts->n_proba : 0;
    node->targets = opts->targets;
    node->n_targets = opts->n_targets;
    node->depth = 1;
    enum weir_status status = weir_model_builder_step(b, opts->name, false, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}

/* --- lines through points --- */

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

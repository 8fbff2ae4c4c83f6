/* SPDX-License-Identifier: MIT */
/* Hard votes of classifiers, and the weighted median of regressors. */
#include "model/combine_priv.h"
#include "model/head.h"

#include <string.h>

struct vote {
    struct weir_model_combine combine;
    const double *weights; /* NULL: 1 each */
    uint32_t width;        /* classes */
    size_t part_at;        /* offset into scratch: one member's answer, after the counts */
};

static void vote_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct vote *v = (const struct vote *)(const void *)node;
    const struct weir_model_combine *c = &v->combine;
    double *counts = (double *)(void *)run->scratch;
    int32_t *part = (int32_t *)(void *)(run->scratch + v->part_at);
    int32_t *labels = run->out[WEIR_OUTPUT_PREDICT];
    double *transform = run->out[WEIR_OUTPUT_TRANSFORM];
    weir_model_combine_check(c, run);
    memset(counts, 0, run->n_rows * v->width * sizeof *counts);
    for (size_t i = 0; i < c->n; i++) {
        const uint32_t *classes = c->members[i].classes;
        void *out[WEIR_OUTPUT_N] = {[WEIR_OUTPUT_PREDICT] = part};
        weir_model_combine_member_run(c, run, i, out);
        for (size_t row = 0; row < run->n_rows; row++) {
            size_t k = classes ? classes[part[row]] : (size_t)part[row];
            counts[row * v->width + k] += v->weights ? v->weights[i] : 1.0;
            if (transform)
                transform[row * c->n + i] = (double)k;
        }
    }
    for (size_t row = 0; labels && row < run->n_rows; row++)
        labels[row] = (int32_t)weir_model_head_argmax(counts + row * v->width, v->width);
}

/* Returns the member whose prediction is the weighted median of n. order: room for n indexes.
 * Equal predictions keep their order. */
static size_t median_of(const struct vote *v, const double *x, size_t n, uint32_t *order)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        for (; at > 0 && x[order[at - 1]] > x[i]; at--)
            order[at] = order[at - 1];
        order[at] = (uint32_t)i;
    }
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += v->weights[order[i]];
    double half = 0.5 * sum;
    double running = 0.0;
    for (size_t i = 0; i < n; i++) {
        running += v->weights[order[i]];
        if (running >= half)
            return order[i];
    }
    return order[0];
}

static void median_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct vote *v = (const struct vote *)(const void *)node;
    const struct weir_model_combine *c = &v->combine;
    double *x = (double *)(void *)run->scratch;
    double *part = (double *)(void *)(run->scratch + v->part_at);
    double *predict = run->out[WEIR_OUTPUT_PREDICT];
    weir_model_combine_check(c, run);
    for (size_t i = 0; i < c->n; i++) {
        void *out[WEIR_OUTPUT_N] = {[WEIR_OUTPUT_PREDICT] = part};
        weir_model_combine_member_run(c, run, i, out);
        for (size_t row = 0; row < run->n_rows; row++)
            x[row * c->n + i] = part[row];
    }
    /* The members have answered: their room holds the order now. */
    for (size_t row = 0; predict && row < run->n_rows; row++) {
        const double *values = x + row * c->n;
        predict[row] = values[median_of(v, values, c->n, (uint32_t *)(void *)part)];
    }
}

static enum weir_status make(struct weir_model_builder *b,
                             const struct weir_model_combine_opts *opts, const double *weights,
                             size_t width, struct vote **out, struct weir_error *err)
{
    size_t counts = weir_model_node_block_bytes(width);
    size_t part =
        weir_model_node_align(weir_max_size(WEIR_MODEL_BLOCK_ROWS, opts->n) * sizeof(double));
    struct weir_model_combine_base how = {
        .opts = opts, .node_bytes = sizeof(struct vote), .own_bytes = counts + part};
    void *made;
    enum weir_status status = weir_model_combine_init(b, &how, &made, err);
    if (status != WEIR_OK)
        return status;
    struct vote *v = made;
    v->width = (uint32_t)width;
    v->part_at = counts;
    if (weights) {
        v->weights = weir_model_builder_doubles(b, weights, opts->n);
        if (!v->weights)
            return weir_model_builder_no_memory(b, err);
    }
    v->combine.node.n_out[WEIR_OUTPUT_PREDICT] = 1;
    v->combine.node.is_vector = true;
    *out = v;
    return WEIR_OK;
}

enum weir_status weir_model_combine_vote_new(struct weir_model_builder *b,
                                             const struct weir_model_combine_opts *opts,
                                             const double *weights,
                                             const struct weir_model_node **out,
                                             struct weir_error *err)
{
    for (size_t i = 0; i < opts->n; i++) {
        const struct weir_model_node *node = opts->members[i].node;
        if (!node->predicts_labels || node->n_targets != 1)
            return weir_error_set(err, WEIR_ERR_INVALID, "part %zu is no classifier of one target",
                                  i);
        if (!opts->members[i].classes && node->targets[0].n > opts->targets[0].n)
            return weir_error_set(err, WEIR_ERR_INVALID, "part %zu has more classes", i);
    }
    if (opts->n > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d parts", WEIR_MODEL_COLUMNS_MAX);
    struct vote *v;
    enum weir_status status = make(b, opts, weights, opts->targets[0].n, &v, err);
    if (status != WEIR_OK)
        return status;
    v->combine.node.run = vote_run;
    v->combine.node.predicts_labels = true;
    v->combine.node.n_out[WEIR_OUTPUT_TRANSFORM] = (uint32_t)opts->n;
    *out = &v->combine.node;
    return WEIR_OK;
}

enum weir_status weir_model_combine_median_new(struct weir_model_builder *b,
                                               const struct weir_model_combine_opts *opts,
                                               const double *weights,
                                               const struct weir_model_node **out,
                                               struct weir_error *err)
{
    for (size_t i = 0; i < opts->n; i++) {
        const struct weir_model_node *node = opts->members[i].node;
        if (node->predicts_labels || node->n_out[WEIR_OUTPUT_PREDICT] != 1)
            return weir_error_set(err, WEIR_ERR_INVALID, "part %zu is no regressor of one target",
                                  i);
    }
    struct vote *v;
    enum weir_status status = make(b, opts, weights, opts->n, &v, err);
    if (status != WEIR_OK)
        return status;
    v->combine.node.run = median_run;
    if (weir_model_combine_follows_f32(&v->combine, WEIR_OUTPUT_PREDICT))
        v->combine.node.follows_f32 = 1u << WEIR_OUTPUT_PREDICT;
    *out = &v->combine.node;
    return WEIR_OK;
}

/* SPDX-License-Identifier: MIT */
#include "model/gauss.h"

struct class
{
    const double *mean;
    const double *variance; /* NULL: axes */
    double constant;
    struct weir_model_dense axes;
    size_t n_axes;
};

struct gauss {
    struct weir_model_node node;
    struct weir_model_posterior posterior;
    double factor;
    double inner;
    bool rounds_inner;
    bool is_number;
    const struct class *classes;
    size_t n_classes;
    /* offsets into scratch */
    size_t scores_at;
    size_t moved_at;
    size_t along_at;
};

/* Σ (x − mean)² ÷ variance in four running sums. */
static double spread(const struct class *c, const double *x, size_t n)
{
    double sum[4] = {0.0, 0.0, 0.0, 0.0};
    for (size_t j = 0; j < n; j++) {
        double d = x[j] - c->mean[j];
        sum[j % 4] += d * d / c->variance[j];
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Fills column k of the scores with q. */
static void distances(const struct gauss *g, const struct weir_model_node_run *run, size_t k,
                      const double *x, size_t stride, double *scores)
{
    const struct class *c = &g->classes[k];
    size_t n = g->node.n_in;
    if (c->variance) {
        for (size_t row = 0; row < run->n_rows; row++)
            scores[row * g->n_classes + k] = spread(c, x + row * stride, n);
        return;
    }
    double *moved = (double *)(void *)(run->scratch + g->moved_at);
    double *along = (double *)(void *)(run->scratch + g->along_at);
    for (size_t row = 0; row < run->n_rows; row++)
        for (size_t j = 0; j < n; j++)
            moved[row * n + j] = x[row * stride + j] - c->mean[j];
    if (c->n_axes > 0)
        weir_model_dense_run(&c->axes, moved, n, run->n_rows, along, c->n_axes);
    for (size_t row = 0; row < run->n_rows; row++) {
        double sum = 0.0;
        for (size_t i = 0; i < c->n_axes; i++)
            sum += along[row * c->n_axes + i] * along[row * c->n_axes + i];
        scores[row * g->n_classes + k] = sum;
    }
}

static void gauss_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct gauss *g = (const struct gauss *)(const void *)node;
    size_t stride;
    const double *x = weir_model_node_input_f64(run, node->n_in, run->scratch, &stride);
    weir_model_node_check_f64(node, run, x, stride);
    double *scores = (double *)(void *)(run->scratch + g->scores_at);
    for (size_t k = 0; k < g->n_classes; k++)
        distances(g, run, k, x, stride, scores);
    bool is_f32 = g->rounds_inner && run->in.is_f32;
    double inner = weir_model_node_round(g->inner, is_f32);
    for (size_t i = 0; i < run->n_rows * g->n_classes; i++) {
        double q = weir_model_node_round(scores[i], is_f32);
        q = weir_model_node_round(inner + q, is_f32);
        scores[i] = g->factor * q + g->classes[i % g->n_classes].constant;
    }
    if (!g->is_number) {
        weir_model_posterior_apply(&g->posterior, run, scores);
        return;
    }
    double *out = run->out[WEIR_OUTPUT_PREDICT];
    for (size_t row = 0; out && row < run->n_rows; row++)
        out[row] = scores[row];
}

static enum weir_status make_class(struct weir_model_builder *b,
                                   const struct weir_model_gauss_class *from, uint32_t n,
                                   struct class *to, struct weir_error *err)
{
    to->constant = from->constant;
    to->n_axes = from->n_axes;
    to->mean = weir_model_builder_doubles(b, from->mean, n);
    to->variance = from->variance ? weir_model_builder_doubles(b, from->variance, n) : NULL;
    if (!to->mean || (from->variance && !to->variance))
        return weir_model_builder_no_memory(b, err);
    if (from->variance || from->n_axes == 0)
        return WEIR_OK;
    return weir_model_dense_init(&to->axes, b, WEIR_MODEL_LANES_DOT, n, from->n_axes, from->axes,
                                 err);
}

enum weir_status weir_model_gauss_new(struct weir_model_builder *b,
                                      const struct weir_model_gauss_opts *opts,
                                      const struct weir_model_node **out, struct weir_error *err)
{
    size_t k = opts->posterior.n_classes;
    weir_assert(k > 0);
    weir_assert(!opts->is_number || k == 1);
    if (k > WEIR_MODEL_COLUMNS_MAX || opts->n_in > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct gauss *g = weir_model_builder_node(b, sizeof *g);
    struct class *classes = weir_arena_zarray(b->arena, k, sizeof *classes);
    if (!g || !classes)
        return weir_model_builder_no_memory(b, err);
    size_t n_axes_max = 0;
    for (size_t i = 0; i < k; i++) {
        enum weir_status status = make_class(b, &opts->classes[i], opts->n_in, &classes[i], err);
        if (status != WEIR_OK)
            return status;
        n_axes_max = weir_max_size(n_axes_max, classes[i].n_axes);
    }
    if (n_axes_max > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    g->posterior = opts->posterior;
    g->factor = opts->factor;
    g->inner = opts->inner;
    g->rounds_inner = opts->rounds_inner;
    g->is_number = opts->is_number;
    g->classes = classes;
    g->n_classes = k;
    g->scores_at = weir_model_node_block_bytes(opts->n_in);
    g->moved_at = g->scores_at + weir_model_node_block_bytes(k);
    g->along_at = g->moved_at + weir_model_node_block_bytes(opts->n_in);
    struct weir_model_node *node = &g->node;
    weir_model_posterior_describe(&g->posterior, node);
    if (opts->is_number) {
        node->predicts_labels = false;
        node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = 0;
        node->follows_f32 = 0;
    }
    node->run = gauss_run;
    node->n_in = opts->n_in;
    node->targets = opts->targets;
    node->n_targets = 1;
    node->depth = 1;
    node->scratch_bytes = g->along_at + weir_model_node_block_bytes(n_axes_max);
    enum weir_status status =
        weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}

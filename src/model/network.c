/* SPDX-License-Identifier: MIT */
#include "model/network.h"

#include "model/head.h"

enum { ROWS_AT_ONCE = 32 }; /* the values of two layers stay in L2 */

struct layer {
    struct weir_model_dense weights;
    const double *bias;
};

struct network {
    struct weir_model_node node;
    const struct layer *layers;
    size_t n_layers;
    enum weir_model_network_curve hidden;
    enum weir_model_network_curve last;
    enum weir_model_network_use use;
    bool is_f32;
    size_t values_at[2]; /* offsets into scratch: layers write into one and the other */
};

static void softmax(const struct weir_model_lanes *lanes, double *x, size_t n)
{
    double max = x[weir_model_head_argmax(x, n)];
    for (size_t i = 0; i < n; i++)
        x[i] -= max;
    lanes->exp(x, n);
    double sum = weir_model_head_sum(x, n, false);
    for (size_t i = 0; i < n; i++)
        x[i] /= sum;
}

/* Bends the values of one row, bias added. */
static void bend(enum weir_model_network_curve curve, const struct layer *layer, double *x,
                 size_t n)
{
    const struct weir_model_lanes *lanes = layer->weights.lanes;
    if (curve == WEIR_MODEL_NETWORK_RELU) {
        lanes->add_relu(x, layer->bias, n);
        return;
    }
    lanes->add(x, layer->bias, n);
    switch (curve) {
    case WEIR_MODEL_NETWORK_TANH:
        lanes->tanh(x, n);
        return;
    case WEIR_MODEL_NETWORK_LOGISTIC:
        for (size_t i = 0; i < n; i++)
            x[i] = -x[i];
        lanes->exp(x, n);
        for (size_t i = 0; i < n; i++)
            x[i] = 1.0 / (1.0 + x[i]);
        return;
    case WEIR_MODEL_NETWORK_SOFTMAX:
        softmax(lanes, x, n);
        return;
    case WEIR_MODEL_NETWORK_EXP:
        lanes->exp(x, n);
        return;
    case WEIR_MODEL_NETWORK_IDENTITY:
    case WEIR_MODEL_NETWORK_RELU:
        return;
    }
}

static void answer(const struct network *m, const struct weir_model_node_run *run, size_t row,
                   const double *y, size_t n)
{
    bool is_f32 = m->is_f32 && run->in.is_f32;
    double *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
    if (m->use == WEIR_MODEL_NETWORK_NUMBERS) {
        double *out = run->out[WEIR_OUTPUT_PREDICT];
        for (size_t i = 0; out && i < n; i++)
            out[row * n + i] = weir_model_node_round(y[i], is_f32);
        return;
    }
    int32_t *labels = run->out[WEIR_OUTPUT_PREDICT];
    bool is_pair = m->use == WEIR_MODEL_NETWORK_CLASSES && n == 1;
    if (labels && (is_pair || m->use == WEIR_MODEL_NETWORK_FLAGS))
        for (size_t i = 0; i < n; i++)
            labels[row * n + i] = weir_model_node_round(y[i], is_f32) > 0.5;
    else if (labels)
        labels[row] = (int32_t)weir_model_head_argmax(y, n);
    if (!proba)
        return;
    if (is_pair) {
        proba[row * 2 + 1] = weir_model_node_round(y[0], is_f32);
        proba[row * 2] = weir_model_node_round(1.0 - proba[row * 2 + 1], is_f32);
        return;
    }
    for (size_t i = 0; i < n; i++)
        proba[row * n + i] = weir_model_node_round(y[i], is_f32);
}

static void network_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct network *m = (const struct network *)(const void *)node;
    size_t stride;
    const double *x = weir_model_node_input_f64(run, node->n_in, run->scratch, &stride);
    weir_model_node_check_f64(node, run, x, stride);
    for (size_t row = 0; row < run->n_rows; row += ROWS_AT_ONCE) {
        size_t n_rows = weir_min_size(ROWS_AT_ONCE, run->n_rows - row);
        const double *in = x + row * stride;
        size_t in_stride = stride;
        for (size_t i = 0; i < m->n_layers; i++) {
            const struct layer *layer = &m->layers[i];
            double *out = (double *)(void *)(run->scratch + m->values_at[i % 2]);
            size_t n = layer->weights.n_points;
            weir_model_dense_run(&layer->weights, in, in_stride, n_rows, out, n);
            for (size_t r = 0; r < n_rows; r++)
                bend(i + 1 < m->n_layers ? m->hidden : m->last, layer, out + r * n, n);
            in = out;
            in_stride = n;
        }
        for (size_t r = 0; r < n_rows; r++)
            answer(m, run, row + r, in + r * in_stride, in_stride);
    }
}

static void describe(struct network *m, const struct weir_model_network_opts *opts, uint32_t n_out)
{
    struct weir_model_node *node = &m->node;
    bool is_classes = opts->use == WEIR_MODEL_NETWORK_CLASSES;
    node->run = network_run;
    node->n_in = opts->layers[0].n_in;
    node->predicts_labels = opts->use != WEIR_MODEL_NETWORK_NUMBERS;
    node->n_out[WEIR_OUTPUT_PREDICT] = is_classes ? 1 : n_out;
    if (opts->use != WEIR_MODEL_NETWORK_NUMBERS)
        node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = is_classes && n_out == 1 ? 2 : n_out;
    node->is_vector = is_classes || (opts->use == WEIR_MODEL_NETWORK_NUMBERS && n_out == 1);
    node->follows_f32 =
        opts->is_f32 ? 1u << WEIR_OUTPUT_PREDICT | 1u << WEIR_OUTPUT_PREDICT_PROBA : 0;
    node->targets = opts->targets;
    node->n_targets = is_classes ? 1 : n_out;
    node->depth = 1;
}

enum weir_status weir_model_network_new(struct weir_model_builder *b,
                                        const struct weir_model_network_opts *opts,
                                        const struct weir_model_node **out, struct weir_error *err)
{
    weir_assert(opts->n_layers > 0);
    struct network *m = weir_model_builder_node(b, sizeof *m);
    struct layer *layers = weir_arena_zarray(b->arena, opts->n_layers, sizeof *layers);
    if (!m || !layers)
        return weir_model_builder_no_memory(b, err);
    size_t widest = 0;
    for (size_t i = 0; i < opts->n_layers; i++) {
        const struct weir_model_network_layer *from = &opts->layers[i];
        weir_assert(i == 0 || from->n_in == from[-1].n_out);
        if (from->n_in > WEIR_MODEL_COLUMNS_MAX || from->n_out > WEIR_MODEL_COLUMNS_MAX)
            return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns",
                                  WEIR_MODEL_COLUMNS_MAX);
        enum weir_status status =
            weir_model_dense_init(&layers[i].weights, b, WEIR_MODEL_LANES_DOT, from->n_in,
                                  from->n_out, from->weights, err);
        if (status != WEIR_OK)
            return status;
        layers[i].bias = weir_model_builder_doubles(b, from->bias, from->n_out);
        if (!layers[i].bias)
            return weir_model_builder_no_memory(b, err);
        widest = weir_max_size(widest, from->n_out);
    }
    m->layers = layers;
    m->n_layers = opts->n_layers;
    m->hidden = opts->hidden;
    m->last = opts->last;
    m->use = opts->use;
    m->is_f32 = opts->is_f32;
    describe(m, opts, opts->layers[opts->n_layers - 1].n_out);
    size_t bytes = weir_model_node_align(ROWS_AT_ONCE * widest * sizeof(double));
    m->values_at[0] = weir_model_node_block_bytes(m->node.n_in);
    m->values_at[1] = m->values_at[0] + bytes;
    m->node.scratch_bytes = m->values_at[1] + bytes;
    enum weir_status status =
        weir_model_builder_step(b, opts->name, opts->keeps_columns, &m->node.step, err);
    if (status == WEIR_OK)
        *out = &m->node;
    return status;
}

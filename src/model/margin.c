/* SPDX-License-Identifier: MIT */
#include "model/margin.h"

#include "model/head.h"

#include <math.h>
#include <string.h>

static const float SIGMOID_TINY = 1e-16f;
static const float EXPECTILE_GAP = 1e-6f;

struct margin {
    struct weir_model_node node;
    struct weir_model_margin_opts opts;
    size_t n_margins;
    size_t n_values;
    size_t margins_at; /* places in the scratch memory */
    size_t values_at;
};

/* --- links, for one row --- */

static float sigmoid_f32(float x, float cut)
{
    float e = -x < cut ? -x : cut;
    return 1.0f / (expf(e) + 1.0f + SIGMOID_TINY);
}

static void softmax_f32(double *x, size_t n)
{
    float max = (float)x[weir_model_head_argmax(x, n)];
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        x[i] = (double)expf((float)x[i] - max);
        sum += x[i];
    }
    for (size_t i = 0; i < n; i++)
        x[i] = (double)((float)x[i] / (float)sum);
}

static void softmax_scipy(double *x, size_t n)
{
    float max = (float)x[weir_model_head_argmax(x, n)];
    for (size_t i = 0; i < n; i++)
        x[i] = (double)expf((float)x[i] - max);
    float sum = (float)weir_model_head_sum(x, n, true);
    for (size_t i = 0; i < n; i++)
        x[i] = (double)((float)x[i] / sum);
}

static void softmax(double *x, size_t n)
{
    double max = x[weir_model_head_argmax(x, n)];
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        x[i] = exp(x[i] - max);
        sum += x[i];
    }
    for (size_t i = 0; i < n; i++)
        x[i] /= sum;
}

/* Insertion: as many as there are quantiles. NaN stays where it is met. */
static void sort(double *x, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double v = x[i];
        size_t k = i;
        for (; k > 0 && v < x[k - 1]; k--)
            x[k] = x[k - 1];
        x[k] = v;
    }
}

static void expectile_f32(double *x, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        float m = (float)x[i];
        /* log(1 + e^m) without overflow: max(m, 0) + log1p(e^−|m|). */
        float soft = fmaxf(m, 0.0f) + log1pf(expf(-fabsf(m)));
        x[i] = (double)((float)x[i - 1] + EXPECTILE_GAP + soft);
    }
}

/* Makes values of the margins of one row, in place but for ARGMAX, which leaves one. */
static void apply_link(enum weir_model_margin_link link, double param, double *x, size_t n)
{
    switch (link) {
    case WEIR_MODEL_MARGIN_IDENTITY:
        return;
    case WEIR_MODEL_MARGIN_SOFTMAX_F32:
        softmax_f32(x, n);
        return;
    case WEIR_MODEL_MARGIN_SOFTMAX_SCIPY_F32:
        softmax_scipy(x, n);
        return;
    case WEIR_MODEL_MARGIN_SOFTMAX:
        softmax(x, n);
        return;
    case WEIR_MODEL_MARGIN_ARGMAX:
        x[0] = (double)weir_model_head_argmax(x, n);
        return;
    case WEIR_MODEL_MARGIN_SORT:
        sort(x, n);
        return;
    case WEIR_MODEL_MARGIN_EXPECTILE_F32:
        expectile_f32(x, n);
        return;
    case WEIR_MODEL_MARGIN_SIGMOID_F32:
        for (size_t i = 0; i < n; i++)
            x[i] = (double)sigmoid_f32((float)x[i], (float)param);
        return;
    case WEIR_MODEL_MARGIN_EXP_F32:
        for (size_t i = 0; i < n; i++)
            x[i] = (double)expf((float)x[i]);
        return;
    case WEIR_MODEL_MARGIN_HINGE:
        for (size_t i = 0; i < n; i++)
            x[i] = x[i] > 0.0 ? 1.0 : 0.0;
        return;
    case WEIR_MODEL_MARGIN_SIGMOID:
        for (size_t i = 0; i < n; i++)
            x[i] = 1.0 / (1.0 + exp(-param * x[i]));
        return;
    case WEIR_MODEL_MARGIN_EXP:
        for (size_t i = 0; i < n; i++)
            x[i] = exp(x[i]);
        return;
    case WEIR_MODEL_MARGIN_LOG1P_EXP:
        for (size_t i = 0; i < n; i++)
            x[i] = log1p(exp(x[i]));
        return;
    case WEIR_MODEL_MARGIN_SQUARE:
        for (size_t i = 0; i < n; i++)
            x[i] = (double)((x[i] > 0.0) - (x[i] < 0.0)) * x[i] * x[i];
        return;
    }
}

/* --- answers --- */

/* Makes the values of a row. */
static void make_values(const struct margin *m, enum weir_model_margin_link link,
                        const double *margins, double *values)
{
    for (size_t i = 0; i < m->n_margins; i++)
        values[i] = m->opts.divisor > 0.0 ? margins[i] / m->opts.divisor : margins[i];
    apply_link(link, m->opts.param, values, m->n_margins);
}

/* Finds the class that the probabilities of a row say: with one value, of the pair. */
static int32_t largest(const struct margin *m, const double *values)
{
    if (m->opts.proba != WEIR_MODEL_MARGIN_PAIR)
        return (int32_t)weir_model_head_argmax(values, m->n_values);
    return values[0] > weir_model_node_round(1.0 - values[0], m->opts.is_f32);
}

static void predict_row(const struct margin *m, const double *margins, const double *values,
                        void *out, size_t row)
{
    int32_t *labels = out;
    double *numbers = out;
    size_t n = m->n_margins;
    switch (m->opts.predict) {
    case WEIR_MODEL_MARGIN_NUMBERS:
        memcpy(numbers + row * m->n_values, values, m->n_values * sizeof *numbers);
        return;
    case WEIR_MODEL_MARGIN_ABOVE_HALF:
    case WEIR_MODEL_MARGIN_EACH_HALF:
        for (size_t i = 0; i < n; i++)
            labels[row * n + i] = values[i] > 0.5;
        return;
    case WEIR_MODEL_MARGIN_ABOVE_BOUND:
    case WEIR_MODEL_MARGIN_EACH_BOUND:
        for (size_t i = 0; i < n; i++)
            labels[row * n + i] = margins[i] > m->opts.bound;
        return;
    case WEIR_MODEL_MARGIN_LARGEST:
        labels[row] = largest(m, values);
        return;
    case WEIR_MODEL_MARGIN_LARGEST_RAW:
        labels[row] = (int32_t)weir_model_head_argmax(margins, n);
        return;
    case WEIR_MODEL_MARGIN_CLASS_VALUE:
        labels[row] = (int32_t)values[0];
        return;
    }
}

static void proba_row(const struct margin *m, const double *margins, double *values, double *out,
                      size_t row)
{
    if (m->opts.proba_link != m->opts.link)
        make_values(m, m->opts.proba_link, margins, values);
    size_t n = m->n_margins;
    if (m->opts.proba == WEIR_MODEL_MARGIN_ALL) {
        memcpy(out + row * n, values, n * sizeof *out);
        return;
    }
    out[2 * row] = weir_model_node_round(1.0 - values[0], m->opts.is_f32);
    out[2 * row + 1] = values[0];
}

static void margin_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct margin *m = (const struct margin *)(const void *)node;
    double *margins = (double *)(void *)(run->scratch + m->margins_at);
    double *values = (double *)(void *)(run->scratch + m->values_at);
    struct weir_model_node_run part = *run;
    memset(part.out, 0, sizeof part.out);
    part.out[WEIR_OUTPUT_PREDICT] = margins;
    part.out[WEIR_OUTPUT_LEAF] = run->out[WEIR_OUTPUT_LEAF];
    m->opts.inner->run(m->opts.inner, &part);
    void *predict = run->out[WEIR_OUTPUT_PREDICT];
    double *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
    if (run->out[WEIR_OUTPUT_DECISION_FUNCTION])
        memcpy(run->out[WEIR_OUTPUT_DECISION_FUNCTION], margins,
               run->n_rows * m->n_margins * sizeof *margins);
    for (size_t row = 0; (predict || proba) && row < run->n_rows; row++) {
        const double *from = margins + row * m->n_margins;
        make_values(m, m->opts.link, from, values);
        if (predict)
            predict_row(m, from, values, predict, row);
        if (proba)
            proba_row(m, from, values, proba, row);
    }
}

/* --- building --- */

static uint32_t predict_columns(const struct margin *m)
{
    switch (m->opts.predict) {
    case WEIR_MODEL_MARGIN_NUMBERS:
        return (uint32_t)m->n_values;
    case WEIR_MODEL_MARGIN_EACH_HALF:
    case WEIR_MODEL_MARGIN_EACH_BOUND:
        return (uint32_t)m->n_margins;
    case WEIR_MODEL_MARGIN_ABOVE_HALF:
    case WEIR_MODEL_MARGIN_ABOVE_BOUND:
    case WEIR_MODEL_MARGIN_LARGEST:
    case WEIR_MODEL_MARGIN_LARGEST_RAW:
    case WEIR_MODEL_MARGIN_CLASS_VALUE:
        break;
    }
    return 1;
}

static void describe(struct margin *m)
{
    struct weir_model_node *node = &m->node;
    const struct weir_model_margin_opts *o = &m->opts;
    uint32_t n = (uint32_t)m->n_margins;
    node->predicts_labels = o->predict != WEIR_MODEL_MARGIN_NUMBERS;
    node->n_out[WEIR_OUTPUT_PREDICT] = predict_columns(m);
    if (o->proba != WEIR_MODEL_MARGIN_NO_PROBA)
        node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = o->proba == WEIR_MODEL_MARGIN_PAIR ? 2 : n;
    if (o->gives_margins)
        node->n_out[WEIR_OUTPUT_DECISION_FUNCTION] = n;
    node->n_out[WEIR_OUTPUT_LEAF] = o->inner->n_out[WEIR_OUTPUT_LEAF];
    node->is_vector =
        node->n_out[WEIR_OUTPUT_PREDICT] == 1 && (node->predicts_labels || o->is_vector);
    node->is_decision_vector = n == 1;
    if (o->is_f32)
        node->follows_f32 = node->gives_f32 = 1u << WEIR_OUTPUT_PREDICT |
                                              1u << WEIR_OUTPUT_PREDICT_PROBA |
                                              1u << WEIR_OUTPUT_DECISION_FUNCTION;
}

enum weir_status weir_model_margin_new(struct weir_model_builder *b,
                                       const struct weir_model_margin_opts *opts,
                                       const struct weir_model_node **out, struct weir_error *err)
{
    const struct weir_model_node *inner = opts->inner;
    weir_assert(inner->n_out[WEIR_OUTPUT_PREDICT] > 0);
    weir_assert(!inner->predicts_labels);
    weir_assert(opts->proba != WEIR_MODEL_MARGIN_PAIR || inner->n_out[WEIR_OUTPUT_PREDICT] == 1);
    struct margin *m = weir_model_builder_node(b, sizeof *m);
    if (!m)
        return weir_model_builder_no_memory(b, err);
    m->opts = *opts;
    m->n_margins = inner->n_out[WEIR_OUTPUT_PREDICT];
    m->n_values = opts->link == WEIR_MODEL_MARGIN_ARGMAX ? 1 : m->n_margins;
    struct weir_model_node *node = &m->node;
    node->run = margin_run;
    node->n_in = inner->n_in;
    node->columns = inner->columns;
    node->takes_f32 = inner->takes_f32;
    node->allows_nan = inner->allows_nan;
    node->allows_inf = inner->allows_inf;
    node->step = inner->step;
    node->depth = (uint16_t)(inner->depth + 1);
    m->margins_at = weir_model_node_align(inner->scratch_bytes);
    m->values_at = m->margins_at + weir_model_node_block_bytes(m->n_margins);
    node->scratch_bytes = m->values_at + weir_model_node_align(m->n_margins * sizeof(double));
    node->targets = opts->targets;
    node->n_targets = opts->n_targets;
    describe(m);
    *out = node;
    return WEIR_OK;
}

/* SPDX-License-Identifier: MIT */
#include "model/onnx_scores.h"

#include "base/macros.h"
#include "model/dense.h"

#include <float.h>
#include <math.h>

/* --- scores --- */

struct scores {
    struct weir_model_node node;
    const struct weir_model_node *inner;
    enum weir_model_onnx_rule rule;
    enum weir_model_onnx_transform transform;
    bool divides_by_sum;
    enum weir_output output;
    uint32_t n_scores;
    uint32_t n_classes;
    size_t inner_at; /* where in scratch the inner node's begins; before it the scores */
};

/* 1 / (1 + e^−|v|), and 1 − that for v < 0. */
static float logistic(float v)
{
    float p = 1.0f / (1.0f + expf(-fabsf(v)));
    return v < 0.0f ? 1.0f - p : p;
}

static void softmax(float *p, size_t n)
{
    float largest = -FLT_MAX;
    float sum = 0.0f;
    for (size_t i = 0; i < n; i++)
        if (p[i] > largest)
            largest = p[i];
    for (size_t i = 0; i < n; i++) {
        p[i] = expf(p[i] - largest);
        sum += p[i];
    }
    for (size_t i = 0; i < n; i++)
        p[i] /= sum;
}

/* The largest of n scores, the first of equals; what is NaN is never larger. */
static int32_t largest_of(const double *s, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (s[i] > s[best])
            best = i;
    return (int32_t)best;
}

static int32_t label_of(const struct scores *m, const double *s)
{
    switch (m->rule) {
    case WEIR_MODEL_ONNX_RULE_LARGEST:
        return largest_of(s, m->n_scores);
    case WEIR_MODEL_ONNX_RULE_SHARE:
        return s[0] > 0.5;
    case WEIR_MODEL_ONNX_RULE_SIGN:
    case WEIR_MODEL_ONNX_RULE_ROW:
        return s[0] > 0.0;
    }
    return 0;
}

/* Fills p (n_classes floats) for one row. */
static void fill(const struct scores *m, const double *s, float *p)
{
    float v = (float)s[0];
    switch (m->rule) {
    case WEIR_MODEL_ONNX_RULE_SHARE:
    case WEIR_MODEL_ONNX_RULE_ROW:
        p[0] = 1.0f - v;
        p[1] = v;
        break;
    case WEIR_MODEL_ONNX_RULE_SIGN: {
        bool is_logistic = m->transform == WEIR_MODEL_ONNX_TRANSFORM_LOGISTIC;
        p[0] = is_logistic ? logistic(-v) : -v;
        p[1] = is_logistic ? logistic(v) : v;
        break;
    }
    case WEIR_MODEL_ONNX_RULE_LARGEST:
        for (size_t i = 0; i < m->n_scores; i++)
            p[i] = m->transform == WEIR_MODEL_ONNX_TRANSFORM_LOGISTIC ? logistic((float)s[i])
                                                                      : (float)s[i];
        if (m->transform == WEIR_MODEL_ONNX_TRANSFORM_SOFTMAX)
            softmax(p, m->n_scores);
        break;
    }
    if (!m->divides_by_sum)
        return;
    float sum = 0.0f;
    for (size_t i = 0; i < m->n_classes; i++)
        sum += fabsf(p[i]);
    for (size_t i = 0; i < m->n_classes && sum != 0.0f; i++)
        p[i] /= sum;
}

static void run_scores(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct scores *m = (const struct scores *)node;
    double *s = (double *)(void *)run->scratch;
    float *p =
        (float *)(void *)(run->scratch + weir_model_node_block_bytes(m->n_scores)); /* of one row */
    struct weir_model_node_run inner = {.n_rows = run->n_rows,
                                        .in = run->in,
                                        .faults = run->faults,
                                        .scratch = run->scratch + m->inner_at};
    inner.out[WEIR_OUTPUT_PREDICT] = s;
    m->inner->run(m->inner, &inner);
    int32_t *labels = run->out[WEIR_OUTPUT_PREDICT];
    double *out = m->output == WEIR_OUTPUT_PREDICT ? NULL : run->out[m->output];
    for (size_t row = 0; row < run->n_rows; row++) {
        const double *of_row = s + row * m->n_scores;
        if (labels)
            labels[row] = label_of(m, of_row);
        if (!out)
            continue;
        fill(m, of_row, p);
        for (size_t i = 0; i < m->n_classes; i++)
            out[row * m->n_classes + i] = (double)p[i];
    }
}

enum weir_status weir_model_onnx_scores_new(struct weir_model_builder *b,
                                            const struct weir_model_onnx_scores_opts *opts,
                                            const struct weir_model_node **out,
                                            struct weir_error *err)
{
    const struct weir_model_node *inner = opts->scores;
    weir_assert(inner->n_out[WEIR_OUTPUT_PREDICT] > 0);
    weir_assert(opts->gives_labels || opts->output != WEIR_OUTPUT_PREDICT);
    if (inner->depth >= WEIR_MODEL_DEPTH_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "nested deeper than %d", WEIR_MODEL_DEPTH_MAX);
    struct scores *m = weir_model_builder_node(b, sizeof *m);
    if (!m)
        return weir_model_builder_no_memory(b, err);
    m->inner = inner;
    m->rule = opts->rule;
    m->transform = opts->transform;
    m->divides_by_sum = opts->divides_by_sum;
    m->output = opts->output;
    m->n_scores = inner->n_out[WEIR_OUTPUT_PREDICT];
    m->n_classes = opts->rule == WEIR_MODEL_ONNX_RULE_LARGEST ? m->n_scores : 2;
    weir_assert(opts->targets->n == m->n_classes);
    m->inner_at = weir_model_node_block_bytes(m->n_scores) +
                  weir_model_node_align(m->n_classes * sizeof(float));
    struct weir_model_node *node = &m->node;
    node->run = run_scores;
    node->n_in = inner->n_in;
    node->n_out[WEIR_OUTPUT_PREDICT] = opts->gives_labels ? 1 : 0;
    if (opts->output != WEIR_OUTPUT_PREDICT) {
        node->n_out[opts->output] = m->n_classes;
        node->follows_f32 = 1u << opts->output;
    }
    node->predicts_labels = opts->gives_labels;
    node->is_vector = opts->gives_labels;
    node->takes_f32 = inner->takes_f32;
    node->allows_nan = inner->allows_nan;
    node->allows_inf = inner->allows_inf;
    node->step = inner->step;
    node->depth = (uint16_t)(inner->depth + 1);
    node->scratch_bytes = m->inner_at + inner->scratch_bytes;
    node->n_targets = 1;
    node->targets = opts->targets;
    *out = node;
    return WEIR_OK;
}

/* --- the linear product --- */

struct linear {
    struct weir_model_node node;
    struct weir_model_dense dense;
    const double *intercepts;
    uint32_t n_scores;
};

static void run_linear(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct linear *m = (const struct linear *)node;
    float *narrow = (float *)(void *)run->scratch;
    double *wide = (double *)(void *)(run->scratch + weir_model_node_block_bytes(node->n_in));
    size_t stride;
    const float *x = weir_model_node_input_f32(run, node->n_in, narrow, &stride);
    for (size_t row = 0; row < run->n_rows; row++)
        for (size_t j = 0; j < node->n_in; j++)
            wide[row * node->n_in + j] = (double)x[row * stride + j];
    double *out = run->out[WEIR_OUTPUT_PREDICT];
    weir_model_dense_run(&m->dense, wide, node->n_in, run->n_rows, out, m->n_scores);
    for (size_t row = 0; row < run->n_rows; row++)
        for (size_t i = 0; i < m->n_scores; i++) {
            double *v = &out[row * m->n_scores + i];
            *v = (double)(float)(*v + (m->intercepts ? m->intercepts[i] : 0.0));
        }
}

enum weir_status weir_model_onnx_scores_linear(struct weir_model_builder *b,
                                               const struct weir_model_onnx_linear_opts *opts,
                                               const struct weir_model_node **out,
                                               struct weir_error *err)
{
    weir_assert(opts->n_features > 0);
    weir_assert(opts->n_scores > 0);
    struct linear *m = weir_model_builder_node(b, sizeof *m);
    struct weir_labels *targets = weir_arena_zarray(b->arena, opts->n_scores, sizeof *targets);
    if (!m || !targets)
        return weir_model_builder_no_memory(b, err);
    enum weir_status status = weir_model_dense_rows(
        &m->dense, b, WEIR_MODEL_LANES_DOT, opts->n_features, opts->n_scores, opts->weights, err);
    if (status != WEIR_OK)
        return status;
    m->n_scores = opts->n_scores;
    if (opts->intercepts) {
        m->intercepts = weir_model_builder_doubles(b, opts->intercepts, opts->n_scores);
        if (!m->intercepts)
            return weir_model_builder_no_memory(b, err);
    }
    struct weir_model_node *node = &m->node;
    node->run = run_linear;
    node->n_in = opts->n_features;
    node->n_out[WEIR_OUTPUT_PREDICT] = opts->n_scores;
    node->follows_f32 = 1u << WEIR_OUTPUT_PREDICT;
    node->takes_f32 = true;
    node->allows_nan = true;
    node->allows_inf = true;
    node->depth = 1;
    node->scratch_bytes = 2 * weir_model_node_block_bytes(opts->n_features);
    node->n_targets = opts->n_scores;
    node->targets = targets;
    *out = node;
    return WEIR_OK;
}

/* --- the scaler --- */

struct scaler {
    struct weir_model_node node;
    const float *offset, *scale;
};

static void run_scaler(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct scaler *m = (const struct scaler *)node;
    size_t stride;
    const float *x = weir_model_node_input_f32(run, node->n_in, run->scratch, &stride);
    double *out = run->out[WEIR_OUTPUT_TRANSFORM];
    for (size_t row = 0; row < run->n_rows; row++)
        for (size_t j = 0; j < node->n_in; j++) {
            float centred = x[row * stride + j] - m->offset[j];
            out[row * node->n_in + j] = (double)(centred * m->scale[j]);
        }
}

enum weir_status weir_model_onnx_scores_scaler(struct weir_model_builder *b, uint32_t n,
                                               const float *offset, const float *scale,
                                               const struct weir_model_node **out,
                                               struct weir_error *err)
{
    weir_assert(n > 0);
    struct scaler *m = weir_model_builder_node(b, sizeof *m);
    float *values = weir_arena_array(b->arena, 2 * (size_t)n, sizeof *values);
    if (!m || !values)
        return weir_model_builder_no_memory(b, err);
    memcpy(values, offset, n * sizeof *values);
    memcpy(values + n, scale, n * sizeof *values);
    m->offset = values;
    m->scale = values + n;
    struct weir_model_node *node = &m->node;
    node->run = run_scaler;
    node->n_in = n;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = n;
    node->follows_f32 = 1u << WEIR_OUTPUT_TRANSFORM;
    node->takes_f32 = true;
    node->allows_nan = true;
    node->allows_inf = true;
    node->keeps_columns = true;
    node->depth = 1;
    node->scratch_bytes = weir_model_node_block_bytes(n);
    *out = node;
    return WEIR_OK;
}

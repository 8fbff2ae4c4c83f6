/* SPDX-License-Identifier: MIT */
#include "model/head.h"

#include <math.h>
#include <string.h>

enum { SUM_LANES = 8, SUM_BLOCK = 128 };

double weir_model_head_sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

double weir_model_head_sum(const double *x, size_t n, bool is_f32)
{
    if (n < SUM_LANES) {
        /* numpy begins with −0.0, so that a sum of −0.0 keeps its sign. */
        double sum = -0.0;
        for (size_t i = 0; i < n; i++)
            sum = weir_model_node_round(sum + x[i], is_f32);
        return sum;
    }
    if (n <= SUM_BLOCK) {
        double r[SUM_LANES];
        memcpy(r, x, sizeof r);
        size_t i = SUM_LANES;
        for (; i + SUM_LANES <= n; i += SUM_LANES)
            for (size_t j = 0; j < SUM_LANES; j++)
                r[j] = weir_model_node_round(r[j] + x[i + j], is_f32);
        for (size_t width = 1; width < SUM_LANES; width *= 2)
            for (size_t j = 0; j < SUM_LANES; j += 2 * width)
                r[j] = weir_model_node_round(r[j] + r[j + width], is_f32);
        double sum = r[0];
        for (; i < n; i++)
            sum = weir_model_node_round(sum + x[i], is_f32);
        return sum;
    }
    /* Depth log2(n / 128): at most 13 for the widest matrix. */
    size_t half = n / 2;
    half -= half % SUM_LANES;
    return weir_model_node_round(weir_model_head_sum(x, half, is_f32) +
                                     weir_model_head_sum(x + half, n - half, is_f32),
                                 is_f32);
}

size_t weir_model_head_argmax(const double *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

static uint32_t n_classes(const struct weir_model_head *head)
{
    return head->n_scores == 1 && head->link != WEIR_MODEL_LINK_SHARES ? 2 : head->n_scores;
}

void weir_model_head_describe(const struct weir_model_head *head, struct weir_model_node *node)
{
    bool is_number = head->link == WEIR_MODEL_LINK_NUMBER || head->link == WEIR_MODEL_LINK_EXP;
    bool is_outlier = head->link == WEIR_MODEL_LINK_ISOLATION;
    node->predicts_labels = !is_number;
    node->n_out[WEIR_OUTPUT_PREDICT] = is_number ? head->n_scores : 1;
    if (!is_number && head->link != WEIR_MODEL_LINK_SHARES)
        node->n_out[WEIR_OUTPUT_DECISION_FUNCTION] = head->n_scores;
    if (!is_number && !is_outlier && head->link != WEIR_MODEL_LINK_NONE)
        node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = n_classes(head);
    if (is_outlier)
        node->n_out[WEIR_OUTPUT_SCORE_SAMPLES] = 1;
    node->is_vector = node->n_out[WEIR_OUTPUT_PREDICT] == 1;
    node->is_decision_vector = head->n_scores == 1;
    if (head->is_f32)
        node->follows_f32 = 1u << WEIR_OUTPUT_PREDICT | 1u << WEIR_OUTPUT_PREDICT_PROBA |
                            1u << WEIR_OUTPUT_DECISION_FUNCTION;
}

static void softmax(double *x, size_t n, bool is_f32)
{
    double max = x[weir_model_head_argmax(x, n)];
    for (size_t i = 0; i < n; i++)
        x[i] = weir_model_node_round(exp(weir_model_node_round(x[i] - max, is_f32)), is_f32);
    double sum = weir_model_head_sum(x, n, is_f32);
    for (size_t i = 0; i < n; i++)
        x[i] = weir_model_node_round(x[i] / sum, is_f32);
}

/* x may be the scores themselves. */
static void softmax_log(double *x, size_t n, bool is_f32)
{
    double max = x[weir_model_head_argmax(x, n)];
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum = weir_model_node_round(
            sum + weir_model_node_round(exp(weir_model_node_round(x[i] - max, is_f32)), is_f32),
            is_f32);
    double log_sum = weir_model_node_round(weir_model_node_round(log(sum), is_f32) + max, is_f32);
    for (size_t i = 0; i < n; i++)
        x[i] = weir_model_node_round(exp(weir_model_node_round(x[i] - log_sum, is_f32)), is_f32);
}

static void sigmoid_each(const struct weir_model_head *head, double *x, bool is_f32)
{
    size_t n = head->n_scores;
    for (size_t i = 0; i < n; i++)
        x[i] = weir_model_node_round(weir_model_head_sigmoid(x[i]), is_f32);
    double sum = weir_model_head_sum(x, n, is_f32);
    if (sum == 0.0 && head->zero_sum_is_uniform) {
        for (size_t i = 0; i < n; i++)
            x[i] = 1.0;
        sum = (double)n;
    }
    for (size_t i = 0; i < n; i++)
        x[i] = weir_model_node_round(x[i] / sum, is_f32);
}

/* d within −1 … 1, moved to 0 … 1. */
static double huber(double d, bool is_f32)
{
    d = d < -1.0 ? -1.0 : d > 1.0 ? 1.0 : d;
    return weir_model_node_round(d + 1.0, is_f32) / 2.0;
}

static void huber_each(const struct weir_model_head *head, const double *d, double *p, bool is_f32)
{
    size_t n = head->n_scores;
    for (size_t i = 0; i < n; i++)
        p[i] = huber(d[i], is_f32);
    double sum = weir_model_head_sum(p, n, is_f32);
    for (size_t i = 0; i < n; i++)
        p[i] = weir_model_node_round(sum == 0.0 ? 1.0 / (double)n : p[i] / sum, is_f32);
}

/* Makes the probabilities of one row: d has n_scores values, p as many as there are classes. p may
 * be d where they are as many. */
static void probabilities(const struct weir_model_head *head, const double *d, double *p,
                          bool is_f32)
{
    if (p != d && head->n_scores > 1)
        memcpy(p, d, head->n_scores * sizeof *p);
    switch (head->link) {
    case WEIR_MODEL_LINK_SIGMOID:
        p[1] = weir_model_node_round(weir_model_head_sigmoid(d[0]), is_f32);
        p[0] = weir_model_node_round(1.0 - p[1], is_f32);
        return;
    case WEIR_MODEL_LINK_SIGMOID_TWICE:
        p[1] = weir_model_node_round(weir_model_head_sigmoid(2.0 * d[0]), is_f32);
        p[0] = weir_model_node_round(1.0 - p[1], is_f32);
        return;
    case WEIR_MODEL_LINK_SIGMOID_EACH:
        sigmoid_each(head, p, is_f32);
        return;
    case WEIR_MODEL_LINK_HUBER:
        if (head->n_scores > 1) {
            huber_each(head, d, p, is_f32);
            return;
        }
        p[1] = huber(d[0], is_f32);
        p[0] = weir_model_node_round(1.0 - p[1], is_f32);
        return;
    case WEIR_MODEL_LINK_SOFTMAX_LOG:
        softmax_log(p, head->n_scores, is_f32);
        return;
    case WEIR_MODEL_LINK_SOFTMAX:
        softmax(p, head->n_scores, is_f32);
        return;
    case WEIR_MODEL_LINK_SOFTMAX_PAIR:
        p[0] = -d[0];
        p[1] = d[0];
        softmax(p, 2, is_f32);
        return;
    case WEIR_MODEL_LINK_SHARES:
        if (head->n_scores == 1)
            p[0] = d[0];
        return;
    case WEIR_MODEL_LINK_ISOLATION:
    case WEIR_MODEL_LINK_NUMBER:
    case WEIR_MODEL_LINK_NONE:
    case WEIR_MODEL_LINK_EXP:
        break;
    }
    weir_assert(0 && "a link without probabilities");
}

/* Predicts the class with the largest probability. d is overwritten. */
static int32_t share_index(const struct weir_model_head *head, double *d, bool is_f32)
{
    double pair[2];
    double *p = head->n_scores == 1 ? pair : d;
    probabilities(head, d, p, is_f32);
    return (int32_t)weir_model_head_argmax(p, n_classes(head));
}

static void apply_isolation(const struct weir_model_head *head,
                            const struct weir_model_node_run *run, const double *scores)
{
    double *samples = run->out[WEIR_OUTPUT_SCORE_SAMPLES];
    double *decision = run->out[WEIR_OUTPUT_DECISION_FUNCTION];
    int32_t *labels = run->out[WEIR_OUTPUT_PREDICT];
    for (size_t row = 0; row < run->n_rows; row++) {
        double score = -pow(2.0, -scores[row]);
        double d = score - head->offset;
        if (samples)
            samples[row] = score;
        if (decision)
            decision[row] = d;
        if (labels)
            labels[row] = !(d < 0.0);
    }
}

static int32_t class_index(const struct weir_model_head *head, const double *d)
{
    if (head->n_scores == 1 && head->link != WEIR_MODEL_LINK_SHARES)
        return head->ties_are_up ? d[0] >= 0.0 : d[0] > 0.0;
    return (int32_t)weir_model_head_argmax(d, head->n_scores);
}

void weir_model_head_apply(const struct weir_model_head *head,
                           const struct weir_model_node_run *run, double *scores, bool is_f32)
{
    size_t n = head->n_scores;
    void *predict = run->out[WEIR_OUTPUT_PREDICT];
    double *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
    double *decision = run->out[WEIR_OUTPUT_DECISION_FUNCTION];
    if (head->link == WEIR_MODEL_LINK_NUMBER || head->link == WEIR_MODEL_LINK_EXP) {
        double *out = predict;
        if (out && head->link == WEIR_MODEL_LINK_NUMBER)
            memcpy(out, scores, run->n_rows * n * sizeof *out);
        for (size_t i = 0; out && head->link == WEIR_MODEL_LINK_EXP && i < run->n_rows * n; i++)
            out[i] = weir_model_node_round(exp(scores[i]), is_f32);
        return;
    }
    if (head->link == WEIR_MODEL_LINK_ISOLATION) {
        apply_isolation(head, run, scores);
        return;
    }
    if (decision)
        memcpy(decision, scores, run->n_rows * n * sizeof *decision);
    int32_t *labels = predict;
    for (size_t row = 0; proba && row < run->n_rows; row++)
        probabilities(head, scores + row * n, proba + row * n_classes(head), is_f32);
    for (size_t row = 0; labels && row < run->n_rows; row++) {
        double *d = scores + row * n;
        labels[row] = head->predicts_share ? share_index(head, d, is_f32) : class_index(head, d);
    }
}

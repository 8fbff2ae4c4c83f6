/* SPDX-License-Identifier: MIT */
/* From scores to answers: what a classifier or regressor makes of the raw numbers that its linear,
 * tree or neural part computed for a row. One table of links serves them all.
 *
 * exp is the C library's, within 1 ulp; the probabilities were checked to 2 ulp above what the
 * error of the scores explains (tests/parity). */
#ifndef WEIR_MODEL_HEAD_H
#define WEIR_MODEL_HEAD_H

#include "model/node.h"

enum weir_model_link {
    WEIR_MODEL_LINK_NUMBER,  /* predict = scores: a regressor */
    WEIR_MODEL_LINK_NONE,    /* a classifier without probabilities */
    WEIR_MODEL_LINK_SIGMOID, /* one score d, two classes: p1 = 1 / (1 + e^−d), p0 = 1 − p1 */
    WEIR_MODEL_LINK_SIGMOID_EACH, /* one sigmoid for each class, divided by their sum (one-vs-rest)
                                   */
    WEIR_MODEL_LINK_HUBER, /* q = (d within −1 … 1, + 1) / 2; one score: p1 = q, p0 = 1 − q; more: q
                              divided by their sum, equal shares when all are 0 */
    WEIR_MODEL_LINK_SOFTMAX,       /* e^(d − max) / Σ */
    WEIR_MODEL_LINK_SOFTMAX_PAIR,  /* softmax of [−d, d] */
    WEIR_MODEL_LINK_SIGMOID_TWICE, /* SIGMOID of 2 d (exponential loss) */
    WEIR_MODEL_LINK_SOFTMAX_LOG,   /* softmax as e^(d − log Σ e^d) */
    WEIR_MODEL_LINK_EXP,           /* predict = e^score: a regressor with a log link */
    WEIR_MODEL_LINK_SHARES,        /* scores are the probabilities already; no decision_function */
    WEIR_MODEL_LINK_ISOLATION, /* one score, the mean depth over the expected one: score_samples =
                                  −2^−d, decision_function = that − offset, predict = 0 (outlier)
                                  when it is below 0, else 1 */
};

struct weir_model_head {
    enum weir_model_link link;
    uint32_t n_scores; /* scores for one row */
    bool is_f32;       /* parameters are float32: with float32 rows everything after is, too */
    bool zero_sum_is_uniform; /* SIGMOID_EACH: a row whose sigmoids are all 0 gets equal shares;
                                 else NaN */
    bool ties_are_up;         /* one score: class 1 when d >= 0, not only d > 0 */
    bool predicts_share; /* predict is the class with the largest probability, the first of equals:
                            scores that differ may round to equal probabilities */
    double offset;       /* ISOLATION */
};

/* Fills n_out, predicts_labels, is_vector, is_decision_vector and follows_f32 of a node from its
 * head: predict and, for classifiers, decision_function and predict_proba. */
void weir_model_head_describe(const struct weir_model_head *head, struct weir_model_node *node);

/* Fills the outputs that run wants. scores: n_rows × n_scores doubles; undefined after. is_f32:
 * round to float after each operation. */
void weir_model_head_apply(const struct weir_model_head *head,
                           const struct weir_model_node_run *run, double *scores, bool is_f32);

/* Returns 1 / (1 + e^−x). */
double weir_model_head_sigmoid(double x);

/* Returns the sum of n values in the order numpy adds a row: eight running sums for each block of
 * up to 128 values, blocks halved pairwise (numpy, pairwise summation, loops_utils.h). */
double weir_model_head_sum(const double *x, size_t n, bool is_f32);

/* Returns the index of the largest of n > 0 values, the first of equals. */
size_t weir_model_head_argmax(const double *x, size_t n);

#endif

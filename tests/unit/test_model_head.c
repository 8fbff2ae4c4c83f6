/* SPDX-License-Identifier: MIT */
#include "model/head.h"

#include <criterion/criterion.h>

#include <float.h>
#include <math.h>

static void apply(enum weir_model_link link, bool uniform, const double *scores, uint32_t n,
                  int32_t *label, double *proba)
{
    struct weir_model_head head = {.link = link, .n_scores = n, .zero_sum_is_uniform = uniform};
    struct weir_model_node_run run = {
        .n_rows = 1, .out = {[WEIR_OUTPUT_PREDICT] = label, [WEIR_OUTPUT_PREDICT_PROBA] = proba}};
    double copy[16];
    for (size_t i = 0; i < n; i++)
        copy[i] = scores[i];
    weir_model_head_apply(&head, &run, copy, false);
}

Test(model_head, sigmoid_saturates_without_overflow)
{
    cr_assert_eq(weir_model_head_sigmoid(1000.0), 1.0);
    cr_assert_eq(weir_model_head_sigmoid(-1000.0), 0.0);
    cr_assert_eq(weir_model_head_sigmoid(0.0), 0.5);
}

Test(model_head, one_score_is_class_one_only_above_zero)
{
    int32_t label;
    double p[2];
    apply(WEIR_MODEL_LINK_SIGMOID, false, (double[]){0.0}, 1, &label, p);
    cr_assert_eq(label, 0);
    cr_assert_eq(p[0] + p[1], 1.0);
    apply(WEIR_MODEL_LINK_SIGMOID, false, (double[]){DBL_MIN}, 1, &label, p);
    cr_assert_eq(label, 1);
}

Test(model_head, softmax_takes_scores_of_any_size)
{
    int32_t label;
    double p[3];
    apply(WEIR_MODEL_LINK_SOFTMAX, false, (double[]){1e308, 1e308, -1e308}, 3, &label, p);
    cr_assert_eq(label, 0, "the first of equals");
    cr_assert_eq(p[0], 0.5);
    cr_assert_eq(p[2], 0.0);
    apply(WEIR_MODEL_LINK_SOFTMAX_PAIR, false, (double[]){0.5}, 1, &label, p);
    cr_assert_float_eq(p[1], 1.0 / (1.0 + exp(-1.0)), 1e-15);
}

Test(model_head, all_zero_sigmoids_are_uniform_or_nan)
{
    int32_t label;
    double p[3];
    double scores[3] = {-1000.0, -1001.0, -1002.0};
    apply(WEIR_MODEL_LINK_SIGMOID_EACH, true, scores, 3, &label, p);
    cr_assert_eq(p[1], 1.0 / 3.0);
    apply(WEIR_MODEL_LINK_SIGMOID_EACH, false, scores, 3, &label, p);
    cr_assert(isnan(p[1]));
    cr_assert_eq(label, 0);
}

/* numpy's own order for rows of 11: 0.1 · k summed as ((r0+r1)+(r2+r3))+((r4+r5)+(r6+r7)), then the
 * rest one by one. */
Test(model_head, sums_rows_in_the_order_of_numpy)
{
    double x[11];
    for (size_t i = 0; i < 11; i++)
        x[i] = 0.1 * (double)(i + 1);
    double expected = ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
    expected = ((expected + x[8]) + x[9]) + x[10];
    cr_assert_eq(weir_model_head_sum(x, 11, false), expected);
    cr_assert_eq(weir_model_head_sum(x, 3, false), (x[0] + x[1]) + x[2]);
    double many[1000];
    for (size_t i = 0; i < 1000; i++)
        many[i] = 0.5;
    cr_assert_eq(weir_model_head_sum(many, 1000, false), 500.0);
}

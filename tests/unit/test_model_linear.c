/* SPDX-License-Identifier: MIT */
#include "model/linear.h"
#include "test_random.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct weir_model *make(uint32_t n, uint32_t n_scores, const double *weights,
                               const double *bias, bool is_f32)
{
    struct weir_model_builder b;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_model_builder_init(&b, NULL, 0, &err), WEIR_OK);
    struct weir_labels *targets = weir_arena_zarray(b.arena, n_scores, sizeof *targets);
    struct weir_model_linear_opts opts = {
        .name = WEIR_STR("Linear"),
        .n_features = n,
        .weights = weights,
        .bias = bias,
        .weights_are_f32 = is_f32,
        .bias_is_f32 = is_f32,
        .is_vector = n_scores == 1,
        .keeps_columns = true,
        .head = {.link = WEIR_MODEL_LINK_NUMBER, .n_scores = n_scores},
        .targets = targets,
        .n_targets = n_scores};
    const struct weir_model_node *node;
    struct weir_model *model;
    cr_assert_eq(weir_model_linear_new(&b, &opts, &node, &err), WEIR_OK);
    cr_assert_eq(weir_model_builder_finish(&b, node, &model, &err), WEIR_OK);
    return model;
}

Test(model_linear, adds_products_and_bias)
{
    struct weir_model *model = make(2, 1, (double[]){0.5, 0.3}, (double[]){-1.5}, false);
    double out, x[2] = {1.0, 2.0};
    cr_assert_eq(weir_model_predict(model, x, 1, 2, WEIR_OUTPUT_PREDICT, &out, NULL), WEIR_OK);
    cr_assert_eq(out, 1.0 * 0.5 + 2.0 * 0.3 - 1.5);
    cr_assert(weir_model_spec(model)->outputs[WEIR_OUTPUT_PREDICT].is_vector);
    cr_assert_eq(weir_spec_n_columns(weir_model_spec(model), WEIR_OUTPUT_PREDICT_PROBA), 0);
    weir_model_free(model);
}

/* Every width from 1 to 40: within the stated tolerance of a sum in long double. */
Test(model_linear, products_are_within_their_tolerance)
{
    struct weir_test_random r;
    weir_test_random_init(&r, 3);
    for (uint32_t n = 1; n <= 40; n++) {
        double w[80], x[40], out[2];
        double bias[2] = {1e3, -1e-3};
        for (size_t i = 0; i < 2 * n; i++)
            w[i] = weir_test_random_unit(&r) * 2e3 - 1e3;
        for (size_t i = 0; i < n; i++)
            x[i] = weir_test_random_unit(&r) * 2.0 - 1.0;
        struct weir_model *model = make(n, 2, w, bias, false);
        cr_assert_eq(weir_model_predict(model, x, 1, n, WEIR_OUTPUT_PREDICT, out, NULL), WEIR_OK);
        for (size_t k = 0; k < 2; k++) {
            long double exact = (long double)bias[k];
            double scale = fabs(bias[k]);
            for (size_t i = 0; i < n; i++) {
                exact += (long double)x[i] * (long double)w[k * n + i];
                scale += fabs(x[i] * w[k * n + i]);
            }
            cr_assert_leq(fabs(out[k] - (double)exact), 1e-14 * scale);
        }
        weir_model_free(model);
    }
}

Test(model_linear, float_rows_and_weights_give_floats)
{
    double w[3] = {(double)0.1f, (double)0.7f, (double)-0.3f};
    double bias = (double)0.9f;
    struct weir_model *model = make(3, 1, w, &bias, true);
    float x[3] = {0.2f, 0.4f, 0.6f};
    double out;
    struct weir_row_fault fault;
    struct weir_rows rows = {x, 1};
    void *scratch = aligned_alloc(64, (weir_model_scratch_bytes(model) + 63) & ~(size_t)63);
    struct weir_run run = {.dtype = WEIR_F32,
                           .blocks = &rows,
                           .n_blocks = 1,
                           .wanted = 1u << WEIR_OUTPUT_PREDICT,
                           .out = {[WEIR_OUTPUT_PREDICT] = &out},
                           .faults = &fault,
                           .scratch = scratch};
    cr_assert_eq(weir_model_run(model, &run), 0);
    cr_assert_eq(out, (double)(float)out);
    cr_assert_float_eq(out, 0.2 * 0.1 + 0.4 * 0.7 - 0.6 * 0.3 + 0.9, 1e-6);
    const struct weir_spec *spec = weir_model_spec(model);
    cr_assert_eq(weir_spec_output_dtype(spec, WEIR_OUTPUT_PREDICT, WEIR_F32), WEIR_F32);
    cr_assert_eq(weir_spec_output_dtype(spec, WEIR_OUTPUT_PREDICT, WEIR_F64), WEIR_F64);
    free(scratch);
    weir_model_free(model);
}

/* Whatever is not finite is found, under weights of zero too, whether the points are few or many.
 */
Test(model_linear, bad_values_are_found_in_every_column)
{
    enum { N = 37, ROWS = 9, SCORES_MAX = 11 };
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    static double w[SCORES_MAX * N], x[ROWS * N], out[ROWS * SCORES_MAX];
    for (uint32_t n_scores = 1; n_scores <= SCORES_MAX; n_scores += SCORES_MAX - 1) {
        struct weir_model *model = make(N, n_scores, w, NULL, false);
        void *scratch = aligned_alloc(64, (weir_model_scratch_bytes(model) + 63) & ~(size_t)63);
        for (size_t i = 0; i < ROWS * N; i++) {
            struct weir_row_fault faults[ROWS];
            struct weir_rows rows = {x, ROWS};
            struct weir_run run = {.dtype = WEIR_F64,
                                   .blocks = &rows,
                                   .n_blocks = 1,
                                   .wanted = 1u << WEIR_OUTPUT_PREDICT,
                                   .out = {[WEIR_OUTPUT_PREDICT] = out},
                                   .faults = faults,
                                   .scratch = scratch};
            x[i] = bad[i % 3];
            cr_assert_eq(weir_model_run(model, &run), 1);
            cr_assert_eq(faults[i / N].kind, i % 3 == 0 ? WEIR_FAULT_NAN : WEIR_FAULT_INFINITE);
            cr_assert_eq(faults[i / N].column, i % N);
            x[i] = 0.0;
        }
        free(scratch);
        weir_model_free(model);
    }
}

Test(model_linear, one_bad_row_fails_alone)
{
    struct weir_model *model = make(2, 1, (double[]){1.0, 1.0}, NULL, false);
    double x[3][2] = {{1, 2}, {INFINITY, 0}, {3, 4}};
    double out[3];
    struct weir_row_fault faults[3];
    struct weir_rows rows = {x, 3};
    void *scratch = aligned_alloc(64, (weir_model_scratch_bytes(model) + 63) & ~(size_t)63);
    struct weir_run run = {.dtype = WEIR_F64,
                           .blocks = &rows,
                           .n_blocks = 1,
                           .wanted = 1u << WEIR_OUTPUT_PREDICT,
                           .out = {[WEIR_OUTPUT_PREDICT] = out},
                           .faults = faults,
                           .scratch = scratch};
    cr_assert_eq(weir_model_run(model, &run), 1);
    cr_assert_eq(out[0], 3.0);
    cr_assert_eq(faults[1].kind, WEIR_FAULT_INFINITE);
    cr_assert_eq(out[2], 7.0);
    free(scratch);
    weir_model_free(model);
}

Test(model_linear, widths_and_outputs_are_checked)
{
    struct weir_model *model = make(2, 1, (double[]){1.0, 1.0}, NULL, false);
    struct weir_error err = WEIR_ERROR_INIT;
    double x[3] = {0}, out[3];
    cr_assert_eq(weir_model_predict(model, x, 1, 3, WEIR_OUTPUT_PREDICT, out, &err),
                 WEIR_ERR_INVALID);
    cr_assert_eq(weir_model_predict(model, x, 1, 2, WEIR_OUTPUT_PREDICT_PROBA, out, &err),
                 WEIR_ERR_UNSUPPORTED);
    weir_model_free(model);
    weir_model_free(NULL);
}

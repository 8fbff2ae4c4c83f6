/* SPDX-License-Identifier: MIT */
/* Chains of elementwise steps: order, float32 rounding, faults that name their step. */
#include "model/chain.h"
#include "model/steps.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct weir_model_node *scaler(struct weir_model_builder *b, const char *name,
                                            uint32_t n, enum weir_model_step_op op, const double *a)
{
    struct weir_model_step step = {.op = op, .a = a};
    struct weir_model_steps_opts opts = {.name = weir_str_c(name),
                                         .n_columns = n,
                                         .steps = &step,
                                         .n_steps = 1,
                                         .allows_nan = true,
                                         .keeps_columns = true};
    const struct weir_model_node *node;
    cr_assert_eq(weir_model_steps_new(b, &opts, &node, NULL), WEIR_OK);
    return node;
}

static struct weir_model_builder begin(void)
{
    struct weir_model_builder b;
    cr_assert_eq(weir_model_builder_init(&b, NULL, 0, NULL), WEIR_OK);
    return b;
}

static struct weir_model *finish(struct weir_model_builder *b,
                                 const struct weir_model_node *const *nodes, size_t n)
{
    const struct weir_model_node *chain;
    struct weir_model *model;
    cr_assert_eq(weir_model_chain_new(b, nodes, n, &chain, NULL), WEIR_OK);
    cr_assert_eq(weir_model_builder_finish(b, chain, &model, NULL), WEIR_OK);
    return model;
}

Test(model_chain, steps_run_in_order)
{
    struct weir_model_builder b = begin();
    const struct weir_model_node *nodes[4] = {
        scaler(&b, "A", 2, WEIR_MODEL_STEP_SUBTRACT, (double[]){1, 2}),
        scaler(&b, "B", 2, WEIR_MODEL_STEP_DIVIDE, (double[]){2, 4}),
        scaler(&b, "C", 2, WEIR_MODEL_STEP_ADD, (double[]){10, 20}),
        scaler(&b, "D", 2, WEIR_MODEL_STEP_CLIP, (double[]){0, 21})};
    struct weir_model *model = finish(&b, nodes, 4);
    double x[2] = {5, 10}, out[2];
    cr_assert_eq(weir_model_predict(model, x, 1, 2, WEIR_OUTPUT_TRANSFORM, out, NULL), WEIR_OK);
    cr_assert_eq(out[0], 12.0);
    cr_assert_eq(out[1], 21.0);
    weir_model_free(model);
}

Test(model_chain, a_fault_names_the_step_that_refused)
{
    struct weir_model_builder b = begin();
    const struct weir_model_node *nodes[2] = {
        scaler(&b, "First", 1, WEIR_MODEL_STEP_MULTIPLY, (double[]){1e200}),
        scaler(&b, "Second", 1, WEIR_MODEL_STEP_ADD, (double[]){0})};
    struct weir_model *model = finish(&b, nodes, 2);
    struct weir_error err = WEIR_ERROR_INIT;
    double out;
    cr_assert_eq(
        weir_model_predict(model, (double[]){1e200}, 1, 1, WEIR_OUTPUT_TRANSFORM, &out, &err),
        WEIR_ERR_INVALID);
    cr_assert_str_eq(err.msg, "row 0, column 0: Second: input is infinite or too large");
    cr_assert_eq(
        weir_model_predict(model, (double[]){-INFINITY}, 1, 1, WEIR_OUTPUT_TRANSFORM, &out, &err),
        WEIR_ERR_INVALID);
    cr_assert_str_eq(err.msg, "row 0, column 0: First: input is infinite or too large");
    cr_assert_eq(
        weir_model_predict(model, (double[]){NAN}, 1, 1, WEIR_OUTPUT_TRANSFORM, &out, &err),
        WEIR_OK);
    cr_assert(isnan(out));
    weir_model_free(model);
}

Test(model_chain, widths_must_fit)
{
    struct weir_model_builder b = begin();
    const struct weir_model_node *nodes[2] = {
        scaler(&b, "A", 2, WEIR_MODEL_STEP_ADD, (double[]){1, 2}),
        scaler(&b, "B", 3, WEIR_MODEL_STEP_ADD, (double[]){1, 2, 3})};
    const struct weir_model_node *chain = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_model_chain_new(&b, nodes, 2, &chain, &err), WEIR_ERR_INVALID);
    cr_assert_str_eq(err.msg, "step 0 gives 2 columns, step 1 takes 3");
    cr_assert_null(chain);
    weir_model_builder_deinit(&b);
    weir_model_builder_deinit(&b);
}

Test(model_chain, nesting_is_bounded)
{
    struct weir_model_builder b = begin();
    const struct weir_model_node *node = scaler(&b, "A", 1, WEIR_MODEL_STEP_ADD, (double[]){1});
    const struct weir_model_node *plain = node;
    enum weir_status status = WEIR_OK;
    size_t n = 0;
    while (status == WEIR_OK) {
        const struct weir_model_node *nodes[2] = {plain, node};
        status = weir_model_chain_new(&b, nodes, 2, &node, NULL);
        cr_assert_lt(n++, 2 * WEIR_MODEL_DEPTH_MAX);
    }
    cr_assert_eq(status, WEIR_ERR_LIMIT);
    weir_model_builder_deinit(&b);
}

Test(model_chain, labels_are_ready_for_json)
{
    struct weir_model_builder b = begin();
    struct weir_labels l;
    struct weir_str texts[3] = {WEIR_STR("a\"b\\"), WEIR_STR("\n\x01"), WEIR_STR("größe")};
    double numbers[4] = {0.1, -2.0, 1e300, 5e-324};
    cr_assert_eq(weir_model_builder_labels(&b, &l, WEIR_BYTES, 3, texts, NULL), WEIR_OK);
    cr_assert_str_eq(l.json[0].at, "\"a\\\"b\\\\\"");
    cr_assert_str_eq(l.json[1].at, "\"\\u000a\\u0001\"");
    cr_assert_str_eq(l.json[2].at, "\"größe\"");
    cr_assert_eq(l.json[0].n, strlen(l.json[0].at));
    cr_assert_eq(weir_model_builder_labels(&b, &l, WEIR_F64, 4, numbers, NULL), WEIR_OK);
    cr_assert_str_eq(l.json[0].at, "0.1");
    cr_assert_str_eq(l.json[1].at, "-2.0");
    cr_assert_str_eq(l.json[2].at, "1e+300");
    cr_assert_str_eq(l.json[3].at, "5e-324");
    cr_assert_eq(weir_model_builder_labels(&b, &l, WEIR_BOOL, 2, (int64_t[]){0, 1}, NULL), WEIR_OK);
    cr_assert_str_eq(l.json[1].at, "true");
    weir_model_builder_deinit(&b);
}

/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "gate/smoke.h"
#include "test_linear.h"
#include "test_mem.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* p of class 1 is 1 / (1 + e^−(x0 + 2 x1)) */
static const double weights[] = {1, 2};

static const struct smoke_case {
    const char *text;
    const char *message; /* how it ends; NULL: fine */
} rows[] = {
    {"{\"rows\":[{\"x0\":1,\"x1\":0.5}]}", NULL},
    {"{\"rows\":[[1,0.5],{\"x1\":0,\"x0\":0}],\"expected\":{\"predict\":[1,0],"
     "\"predict_proba\":[[0.1192029,0.8807971],null],\"decision_function\":[2,0.0]}}",
     NULL},
    {"{\"rows\":[[1,0.5]],\"expected\":{\"predict_proba\":[[null,0.9]]},\"tolerance\":0.02}", NULL},
    {"{\"rows\":[[1,0.5]],\"expected\":{\"predict_proba\":[[null,0.9]]},\"tolerance\":0.019}",
     "row 1: predict_proba: value 2 is 0.880797078, expected 0.9"},
    {"{\"rows\":[[1,0.5],[1,1]],\"expected\":{\"predict\":[1,0]}}",
     "row 2: predict is 1, expected 0"},
    {"{\"rows\":[[1,0.5]],\"expected\":{\"predict\":[\"1\"]}}",
     "row 1: predict is 1, expected \"1\""},
    {"{\"rows\":[[1,0.5]],\"expected\":{\"predict\":[true]}}",
     "row 1: predict is 1, expected true"},
    {"{\"rows\":[[1,0.5]],\"expected\":{\"predict_proba\":[[1]]}}",
     "row 1: predict_proba has 2 values, expected 1"},
    {"{\"rows\":[[1,0.5]],\"expected\":{\"leaf\":[1]}}", "the model gives no leaf"},
    {"{\"rows\":[[1,0.5]],\"expected\":{\"predict\":[1,1]}}",
     "expected an array with a value for each of 1 rows"},
    {"{\"rows\":[[1,0.5]],\"expected\":{\"predictions\":[1]}}",
     "there is no output \"predictions\""},
    {"{\"rows\":[[1]]}", "row 1 has 1 values, the model takes 2"},
    {"{\"rows\":[{\"x0\":1}]}", "row 1 lacks the feature \"x1\""},
    {"{\"rows\":[{\"x0\":1,\"y\":2}]}", "row 1: the model has no feature \"y\""},
    {"{\"rows\":[[1,\"a\"]]}", "row 1, feature 2: the model takes no \"a\" there"},
    {"{\"rows\":[[1,null]]}", "row 1, feature 2: the model takes no null there"},
    {"{\"rows\":[[1,NaN]]}", "row 1, feature 2: the model takes no NaN there"},
    {"{\"rows\":[[1e308,1e308]]}", "row 1: decision_function has no finite value"},
    {"{\"rows\":[]}", "rows: expected 1 to 10000 of them"},
    {"{\"rows\":[1]}", "row 1: expected an array or an object"},
    {"{\"row\":[[1,2]]}", "unknown member \"row\"; there are rows, expected and tolerance"},
    {"{\"rows\":[[1,2]],\"tolerance\":-1}", "tolerance: expected a number from 0"},
    {"[]", "expected an object with rows"},
};

ParameterizedTestParameters(smoke, answers_are_compared)
{
    static size_t indexes[WEIR_ARRAY_LEN(rows)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(indexes); i++)
        indexes[i] = i;
    return cr_make_param_array(size_t, indexes, WEIR_ARRAY_LEN(indexes));
}

ParameterizedTest(size_t *row, smoke, answers_are_compared)
{
    const struct smoke_case *c = &rows[*row];
    struct weir_model *model = weir_test_linear_model(2, weights, 0);
    struct weir_error err = WEIR_ERROR_INIT;
    enum weir_status status = weir_gate_smoke_check(model, weir_str_c(c->text), &err);
    cr_assert_eq(status, c->message ? WEIR_ERR_INVALID : WEIR_OK, "%s: %s", c->text, err.msg);
    cr_assert(!c->message || weir_str_ends(weir_str_c(err.msg), weir_str_c(c->message)), "%s",
              err.msg);
    weir_model_free(model);
}

Test(smoke, what_is_no_smoke_file_is_found_without_a_model)
{
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_gate_smoke_scan(WEIR_STR("{\"rows\":[[1]]}"), &err), WEIR_OK);
    cr_assert_eq(weir_gate_smoke_scan(WEIR_STR("{\"rows\":[[1]"), &err), WEIR_ERR_INVALID);
    cr_assert_eq(weir_gate_smoke_scan(WEIR_STR(""), &err), WEIR_ERR_INVALID);
    cr_assert_eq(weir_gate_smoke_scan(WEIR_STR("{\"expected\":{}}"), &err), WEIR_ERR_INVALID);
}

Test(smoke, every_failing_allocation_is_a_clean_refusal)
{
    struct weir_model *model = weir_test_linear_model(2, weights, 0);
    test_mem_install();
    for (uint64_t n = 1;; n++) {
        struct weir_error err = WEIR_ERROR_INIT;
        test_mem_fail_at(n, false);
        enum weir_status st = weir_gate_smoke_check(
            model, WEIR_STR("{\"rows\":[[1,2]],\"expected\":{\"predict\":[1]}}"), &err);
        bool failed = test_mem_has_failed();
        test_mem_fail_at(0, false);
        cr_assert_eq(test_mem_n_live(), 0, "call %lu leaks", (unsigned long)n);
        cr_assert_eq(st, failed ? WEIR_ERR_NO_MEMORY : WEIR_OK, "call %lu: %s", (unsigned long)n,
                     err.msg);
        if (!failed)
            break;
        cr_assert_lt(n, 1000);
    }
    weir_model_free(model);
}

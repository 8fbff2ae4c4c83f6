/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/macros.h"
#include "gate/latency.h"
#include "test_linear.h"
#include "test_mem.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

static const double weights[] = {1, 2};

/* Ranks from sums of the binomial distribution: between which order statistics of 1000 a quantile
 * is. */
Test(latency, intervals_are_order_statistics)
{
    static double ms[WEIR_GATE_LATENCY_RUNS];
    struct weir_gate_latency latency = {.has_live = false};
    struct weir_gate_latency_number n;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(ms); i++)
        ms[i] = (double)(i + 1);
    latency.times[1][0] = (struct weir_gate_latency_times){
        .n = WEIR_ARRAY_LEN(ms), .ms = ms, .mean = 500.5, .sd = 288.8194361};
    static const struct {
        const char *name;
        double value, low, high;
    } cases[] = {{"latency.batch32.p50_ms", 500, 469, 532},
                 {"latency.batch32.p90_ms", 900, 881, 919},
                 {"latency.batch32.p95_ms", 950, 936, 964},
                 {"latency.batch32.p99_ms", 990, 983, 997}};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        cr_assert(weir_gate_latency_find(&latency, weir_str_c(cases[i].name), false, .05, &n));
        cr_assert_eq(n.value, cases[i].value, "%s: %g", cases[i].name, n.value);
        cr_assert_eq(n.low, cases[i].low, "%s: %g", cases[i].name, n.low);
        cr_assert_eq(n.high, cases[i].high, "%s: %g", cases[i].name, n.high);
        cr_assert_null(n.why);
    }
    cr_assert(
        weir_gate_latency_find(&latency, WEIR_STR("latency.batch32.mean_ms"), false, .05, &n));
    cr_assert_float_eq(n.low, 500.5 - 1.959964 * 288.8194361 / sqrt(1000), 1e-4);
    cr_assert(weir_gate_latency_find(&latency, WEIR_STR("latency.p50_ms"), false, .05, &n));
    cr_assert(isnan(n.value));
    cr_assert_str_eq(n.why, "fewer than 1000 runs before the time was up");
    cr_assert_not(weir_gate_latency_find(&latency, WEIR_STR("latency.p51_ms"), false, .05, &n) &&
                  !isnan(n.value));
    cr_assert_eq(weir_gate_latency_batch_of(WEIR_STR("latency.p99_ms")), 1);
    cr_assert_eq(weir_gate_latency_batch_of(WEIR_STR("latency.batch32.p99_ms")), 2);
    cr_assert_eq(weir_gate_latency_batch_of(WEIR_STR("roc_auc")), 0);
}

static bool goes_on(void *ctx)
{
    int *left = ctx;
    return (*left)-- > 0;
}

Test(latency, both_sides_run_as_often)
{
    static const char text[] = "x0,x1,y\n1,2,0\n3,4,1\n";
    WEIR_CLEANUP(weir_test_tmp_deinit) struct weir_test_tmp tmp;
    struct weir_model *model = weir_test_linear_model(2, weights, 0);
    struct weir_gate_latency latency;
    struct weir_error err = WEIR_ERROR_INIT;
    char path[300];
    weir_test_tmp_init(&tmp);
    weir_test_tmp_write(&tmp, "h.csv", text, sizeof text - 1);
    weir_test_tmp_path(&tmp, "h.csv", path, sizeof path);
    struct weir_gate_latency_opts opts = {
        .path = path, .batches = 3, .deadline_ns = WEIR_TIME_NEVER};
    cr_assert_eq(weir_gate_latency_measure(&latency, model, model, &opts, &err), WEIR_OK, "%s",
                 err.msg);
    for (size_t b = 0; b < 2; b++) {
        for (size_t k = 0; k < 2; k++) {
            const struct weir_gate_latency_times *t = &latency.times[b][k];
            cr_assert_eq(t->n, WEIR_GATE_LATENCY_RUNS);
            cr_assert_gt(t->ms[0], 0);
            for (size_t i = 1; i < t->n; i++)
                cr_assert_leq(t->ms[i - 1], t->ms[i]);
        }
    }
    weir_gate_latency_deinit(&latency);
    int left = 10;
    opts.goes_on = goes_on;
    opts.ctx = &left;
    cr_assert_eq(weir_gate_latency_measure(&latency, model, NULL, &opts, &err), WEIR_ERR_CANCELED);
    opts.goes_on = NULL;
    opts.deadline_ns = 1;
    cr_assert_eq(weir_gate_latency_measure(&latency, model, NULL, &opts, &err), WEIR_OK);
    cr_assert_eq(latency.times[0][0].n, 0);
    weir_gate_latency_deinit(&latency);
    weir_model_free(model);
}

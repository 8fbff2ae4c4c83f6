/* SPDX-License-Identifier: MIT */
#include "batch/cost.h"
#include "test_random.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>

#define S UINT64_C(1000000000)

Test(batch_cost, nothing_is_known_at_first)
{
    struct weir_batch_cost c;
    weir_batch_cost_init(&c);
    cr_assert_not(c.is_known);
    cr_assert_eq(weir_batch_cost_ns(&c, 100), 0);
}

Test(batch_cost, a_seed_is_the_line_until_runs_are_measured)
{
    struct weir_batch_cost c;
    weir_batch_cost_init(&c);
    weir_batch_cost_seed(&c, 1000, 50);
    cr_assert(c.is_known);
    cr_assert_float_eq((double)weir_batch_cost_ns(&c, 1), 1050, 2);
    cr_assert_float_eq((double)weir_batch_cost_ns(&c, 256), 13800, 2);
    cr_assert_float_eq((double)weir_batch_cost_ns(&c, 10000), 501000, 100);
    /* A run of each of the seed's sizes replaces it. */
    weir_batch_cost_add(&c, 1, 2100, 1);
    weir_batch_cost_add(&c, 256, 27600, 2);
    cr_assert_float_eq((double)weir_batch_cost_ns(&c, 256), 27600, 30);
    cr_assert_float_eq((double)weir_batch_cost_ns(&c, 1), 2100, 5);
}

struct line_row {
    const char *label;
    double a_ns;
    double b_ns;
};

static const struct line_row lines[] = {
    {"logistic regression", 400, 60},  {"forest", 3000, 9000},        {"no fixed part", 0, 120},
    {"no part of the rows", 25000, 0}, {"large fixed part", 1e6, 10},
};

ParameterizedTestParameters(batch_cost, a_line_is_found_under_noise_that_adds)
{
    static int indices[sizeof lines / sizeof lines[0]];
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        indices[i] = (int)i;
    return cr_make_param_array(int, indices, sizeof lines / sizeof lines[0]);
}

/* Runs of random sizes take the line's time, most of them up to 30 % more and every tenth up to 20
 * times as long (a preempted thread). */
ParameterizedTest(int *index, batch_cost, a_line_is_found_under_noise_that_adds)
{
    const struct line_row *row = &lines[*index];
    struct weir_test_random random;
    weir_test_random_init(&random, 99);
    struct weir_batch_cost c;
    weir_batch_cost_init(&c);
    for (int i = 0; i < 4000; i++) {
        uint32_t n = (uint32_t)exp2(weir_test_random_unit(&random) * 9);
        double ns = row->a_ns + row->b_ns * n;
        ns *= 1 + weir_test_random_unit(&random) * 0.3;
        if (weir_test_random_below(&random, 10) == 0)
            ns *= 1 + weir_test_random_unit(&random) * 20;
        weir_batch_cost_add(&c, n, (uint64_t)ns, (uint64_t)i * 1000000);
    }
    for (uint32_t n = 1; n <= 512; n *= 2) {
        double exact = row->a_ns + row->b_ns * n;
        double found = (double)weir_batch_cost_ns(&c, n);
        cr_assert_float_eq(found, exact, 0.1 * exact + 2, "%s, seed %lu: cost(%u) = %.0f, not %.0f",
                           row->label, random.seed, n, found, exact);
    }
}

Test(batch_cost, one_size_alone_blames_the_rows)
{
    struct weir_batch_cost c;
    weir_batch_cost_init(&c);
    for (int i = 0; i < 100; i++)
        weir_batch_cost_add(&c, 4, 1000, 1);
    cr_assert_eq(weir_batch_cost_ns(&c, 4), 1000);
    cr_assert_eq(weir_batch_cost_ns(&c, 400), 100000, "a large batch is never thought free");
}

Test(batch_cost, the_line_follows_a_machine_that_became_slower)
{
    struct weir_batch_cost c;
    weir_batch_cost_init(&c);
    for (uint64_t t = 0; t < 60; t++) {
        uint64_t factor = t < 20 ? 1 : 3;
        weir_batch_cost_add(&c, 1, 1000 * factor, t * S);
        weir_batch_cost_add(&c, 100, 5000 * factor, t * S);
        if (t == 19)
            cr_assert_float_eq((double)weir_batch_cost_ns(&c, 100), 5000, 10);
    }
    cr_assert_float_eq((double)weir_batch_cost_ns(&c, 100), 15000, 30);
    cr_assert_float_eq((double)weir_batch_cost_ns(&c, 1), 3000, 10);
}

Test(batch_cost, a_faster_run_is_believed_within_a_fit)
{
    struct weir_batch_cost c;
    weir_batch_cost_init(&c);
    weir_batch_cost_add(&c, 1, 9000, 1);
    weir_batch_cost_add(&c, 200, 90000, 1);
    for (int i = 0; i < WEIR_BATCH_COST_FIT_EVERY; i++) {
        weir_batch_cost_add(&c, 1, 1000, 2);
        weir_batch_cost_add(&c, 200, 10000, 2);
    }
    cr_assert_float_eq((double)weir_batch_cost_ns(&c, 200), 10000, 20);
}

Test(batch_cost, sizes_that_are_no_longer_run_keep_what_was_learned)
{
    struct weir_batch_cost c;
    weir_batch_cost_init(&c);
    weir_batch_cost_add(&c, 1, 1000, 1);
    weir_batch_cost_add(&c, 200, 9000, 1);
    for (uint64_t t = 1; t < 100; t++)
        weir_batch_cost_add(&c, 1, 1000, t * 7 * S);
    cr_assert_float_eq((double)weir_batch_cost_ns(&c, 200), 9000, 20);
}

Test(batch_cost, extremes_do_not_overflow)
{
    struct weir_batch_cost c;
    weir_batch_cost_init(&c);
    weir_batch_cost_add(&c, 1, 0, 0);
    weir_batch_cost_add(&c, UINT32_MAX, UINT64_MAX, UINT64_MAX);
    cr_assert(isfinite(c.a_ns));
    cr_assert(isfinite(c.b_ns));
    cr_assert_geq(c.a_ns, 0);
    cr_assert_geq(c.b_ns, 0);
    cr_assert_leq(weir_batch_cost_ns(&c, UINT64_MAX), UINT64_C(1000000000000000000));
    weir_batch_cost_seed(&c, 1e300, 1e300);
    cr_assert(isfinite(c.b_ns));
}

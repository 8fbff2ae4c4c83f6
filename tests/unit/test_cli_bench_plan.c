/* SPDX-License-Identifier: MIT */
#include "cli/bench_plan.h"

#include <criterion/criterion.h>

#include <math.h>

enum { N = 200000 };

Test(cli_bench_plan, fixed_arrivals_never_drift)
{
    struct weir_cli_bench_arrivals a;
    weir_cli_bench_arrivals_init(&a, 3, false, 1, 1000);
    for (int i = 0; i < 3000; i++)
        weir_cli_bench_arrivals_step(&a);
    /* Arrival number 3001 of 3 a second. */
    cr_assert_float_eq((double)weir_cli_bench_arrivals_due(&a), 1000 + 3001.0 / 3 * 1e9, 10);
}

Test(cli_bench_plan, poisson_gaps_have_mean_and_deviation_of_the_gap)
{
    struct weir_cli_bench_arrivals a;
    weir_cli_bench_arrivals_init(&a, 1000, true, 42, 0);
    double sum = 0;
    double squares = 0;
    double before = 0;
    for (int i = 0; i < N; i++) {
        double gap = a.at_ns - before;
        before = a.at_ns;
        sum += gap;
        squares += gap * gap;
        weir_cli_bench_arrivals_step(&a);
    }
    double mean = sum / N;
    double deviation = sqrt(squares / N - mean * mean);
    /* Five standard errors of the mean are 1.1 %. */
    cr_assert_float_eq(mean, 1e6, 0.012e6);
    cr_assert_float_eq(deviation, 1e6, 0.025e6);
}

Test(cli_bench_plan, normal_numbers_are_normal)
{
    struct weir_cli_bench_random r;
    weir_cli_bench_random_init(&r, 7);
    double sum = 0;
    double squares = 0;
    int n_within = 0;
    for (int i = 0; i < N; i++) {
        double v = weir_cli_bench_random_normal(&r);
        sum += v;
        squares += v * v;
        n_within += fabs(v) < 1;
    }
    cr_assert_float_eq(sum / N, 0, 0.012);
    cr_assert_float_eq(squares / N, 1, 0.016);
    cr_assert_float_eq((double)n_within / N, 0.6827, 0.006);
}

Test(cli_bench_plan, the_same_seed_gives_the_same_numbers)
{
    struct weir_cli_bench_random a;
    struct weir_cli_bench_random b;
    weir_cli_bench_random_init(&a, 7);
    weir_cli_bench_random_init(&b, 7);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(weir_cli_bench_random_u64(&a), weir_cli_bench_random_u64(&b));
    weir_cli_bench_random_init(&b, 8);
    cr_assert_neq(weir_cli_bench_random_u64(&a), weir_cli_bench_random_u64(&b));
}

Test(cli_bench_plan, pairs_turn_round)
{
    struct weir_cli_bench_stage stages[WEIR_CLI_BENCH_STAGES_MAX];
    size_t n = weir_cli_bench_stages(stages, 2, 8000, 1000);
    static const unsigned sides[] = {0, 1, 1, 0, 0, 1, 1, 0};
    cr_assert_eq(n, 8);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(stages[i].side, sides[i]);
        cr_assert_eq(stages[i].pair, i / 2);
        cr_assert_eq(stages[i].duration_ns, 1000);
    }
}

Test(cli_bench_plan, stages_are_few_and_never_none)
{
    struct weir_cli_bench_stage stages[WEIR_CLI_BENCH_STAGES_MAX];
    cr_assert_eq(weir_cli_bench_stages(stages, 2, 10, 1000), 2);
    cr_assert_eq(stages[0].duration_ns, 5);
    cr_assert_eq(weir_cli_bench_stages(stages, 1, 10, 1000), 1);
    cr_assert_eq(weir_cli_bench_stages(stages, 2, UINT64_MAX / 4, 1), WEIR_CLI_BENCH_STAGES_MAX);
}

Test(cli_bench_plan, spread_of_even_and_odd)
{
    double odd[] = {3, 1, 2};
    struct weir_cli_bench_spread s = weir_cli_bench_spread(odd, 3);
    cr_assert(s.min == 1);
    cr_assert(s.median == 2);
    cr_assert(s.max == 3);
    double even[] = {4, 1, 2, 3};
    cr_assert(weir_cli_bench_spread(even, 4).median == 2.5);
}

/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "eval/resample.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

Test(eval_resample, random_bits_are_those_of_the_authors)
{
    /* The known answers of Random123 1.14. */
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
         {UINT32_MAX, UINT32_MAX},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        uint32_t counter[4];
        memcpy(counter, rows[i].counter, sizeof counter);
        weir_eval_resample_philox(counter, rows[i].key);
        cr_assert_eq(memcmp(counter, rows[i].out, sizeof counter), 0, "row %zu", i);
    }
}

Test(eval_resample, rows_are_drawn_from_their_strata)
{
    enum { N = 101, N_STRATA = 4, DRAWS = 4000 };
    uint32_t strata[N];
    uint32_t rows[N];
    uint32_t again[N];
    double times[N] = {0};
    size_t sizes[N_STRATA] = {0};
    struct weir_eval_resample r;
    for (uint32_t i = 0; i < N; i++) {
        strata[i] = i == 50 ? 2 : i % 3 == 0 ? 0 : 3; /* nobody in 1, one row in 2 */
        sizes[strata[i]]++;
    }
    cr_assert_eq(weir_eval_resample_init(&r, strata, N, N_STRATA, 7, test_mem()), WEIR_OK);
    for (uint64_t d = 0; d < DRAWS; d++) {
        size_t drawn[N_STRATA] = {0};
        weir_eval_resample_draw(&r, d, rows);
        for (size_t i = 0; i < N; i++) {
            drawn[strata[rows[i]]]++;
            times[rows[i]]++;
        }
        cr_assert_eq(memcmp(drawn, sizes, sizeof sizes), 0);
    }
    /* Each row is drawn once a time on average, with a variance of about 1. */
    for (size_t i = 0; i < N; i++)
        cr_assert(fabs(times[i] / DRAWS - 1) < 5 / sqrt(DRAWS), "row %zu: %g", i, times[i] / DRAWS);
    weir_eval_resample_draw(&r, 5, rows);
    weir_eval_resample_draw(&r, 6, again);
    cr_assert_neq(memcmp(rows, again, sizeof rows), 0);
    weir_eval_resample_draw(&r, 5, again);
    cr_assert_eq(memcmp(rows, again, sizeof rows), 0, "a draw does not depend on those before");
    weir_eval_resample_deinit(&r);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(eval_resample, percentiles_are_interpolated)
{
    double values[] = {3, (double)NAN, 1, -1, 2, 0.5};
    struct weir_eval_resample_summary s = weir_eval_resample_summary(values, 6, .5);
    cr_assert_eq(s.n_defined, 5u);
    cr_assert_eq(s.low, .5); /* -1 0.5 1 2 3 */
    cr_assert_eq(s.high, 2);
    cr_assert(fabs(s.se - 1.5165750888103102) < 1e-15, "%.17g", s.se);
    cr_assert_eq(s.p, 2 * 2 / 6.);
    double few[] = {(double)NAN, 1};
    s = weir_eval_resample_summary(few, 2, .05);
    cr_assert(s.n_defined == 1 && isnan(s.low) && isnan(s.p));
    double spread[] = {10, 20};
    s = weir_eval_resample_summary(spread, 2, .1);
    cr_assert(fabs(s.low - 10.5) < 1e-12 && fabs(s.high - 19.5) < 1e-12);
}

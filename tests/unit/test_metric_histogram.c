/* SPDX-License-Identifier: MIT */
/* The histogram against sorted arrays, and its edges. */
#include "metric/histogram.h"
#include "test_mem.h"
#include "test_random.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

Test(metric_histogram, every_value_is_within_its_bucket)
{
    for (uint32_t bits = 0; bits <= 12; bits += 3) {
        struct weir_metric_histogram h;
        cr_assert_eq(weir_metric_histogram_init(&h, bits, UINT64_C(1) << 40, test_mem()), WEIR_OK);
        uint64_t low = 0;
        for (uint32_t i = 0; i < h.n_buckets; i++) {
            uint64_t edge = weir_metric_histogram_edge(&h, i);
            cr_assert_gt(edge, low);
            cr_assert_eq(weir_metric_histogram_index(&h, edge), i, "bits %u bucket %u", bits, i);
            cr_assert_eq(weir_metric_histogram_index(&h, low + 1), i);
            cr_assert_leq(edge - low - 1, edge >> bits, "no wider than one part in 2^bits");
            low = edge;
        }
        cr_assert_eq(low, h.value_max);
        cr_assert_eq(low, UINT64_C(1) << 40, "a power of two is an edge");
        cr_assert_eq(weir_metric_histogram_index(&h, UINT64_MAX), h.n_buckets - 1);
        cr_assert_eq(weir_metric_histogram_index(&h, 0), 0);
        weir_metric_histogram_deinit(&h);
        weir_metric_histogram_deinit(&h);
    }
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(metric_histogram, percentiles_have_three_significant_digits)
{
    enum { N = 20000 };
    static uint64_t values[N];
    struct weir_test_random random;
    weir_test_random_init(&random, 42);
    struct weir_metric_histogram h;
    cr_assert_eq(
        weir_metric_histogram_init(&h, WEIR_METRIC_HISTOGRAM_EXACT, UINT64_C(1) << 42, test_mem()),
        WEIR_OK);
    double sum = 0;
    for (size_t i = 0; i < N; i++) {
        values[i] = (uint64_t)exp(weir_test_random_unit(&random) * 27);
        weir_metric_histogram_add(&h, values[i]);
        sum += (double)values[i];
    }
    qsort(values, N, sizeof values[0], compare);
    static const double shares[] = {0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        size_t rank = (size_t)ceil(shares[i] * N);
        double exact = (double)values[rank > 0 ? rank - 1 : 0];
        double found = (double)weir_metric_histogram_quantile(&h, shares[i]);
        cr_assert_geq(found, exact, "seed %lu share %g", random.seed, shares[i]);
        cr_assert_leq(found, exact * 1.001 + 1, "seed %lu share %g: %.0f for %.0f", random.seed,
                      shares[i], found, exact);
    }
    cr_assert_eq(weir_metric_histogram_min(&h), values[0]);
    cr_assert_eq(weir_metric_histogram_max(&h), values[N - 1]);
    cr_assert_eq(weir_metric_histogram_count(&h), N);
    cr_assert_float_eq(weir_metric_histogram_mean(&h), sum / N, sum / N * 1e-9);
    weir_metric_histogram_deinit(&h);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(metric_histogram, values_past_the_end_keep_their_maximum)
{
    struct weir_metric_histogram h;
    cr_assert_eq(weir_metric_histogram_init(&h, 2, 1000, test_mem()), WEIR_OK);
    cr_assert_eq(weir_metric_histogram_quantile(&h, 0.5), 0, "empty");
    cr_assert_eq(weir_metric_histogram_min(&h), 0);
    weir_metric_histogram_add(&h, 123456);
    weir_metric_histogram_add(&h, 1);
    cr_assert_eq(weir_metric_histogram_quantile(&h, 1), 123456);
    cr_assert_eq(weir_metric_histogram_quantile(&h, 0.5), 1);
    weir_metric_histogram_deinit(&h);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(metric_histogram, merging_is_adding_all_values)
{
    struct weir_metric_histogram h[3];
    for (int i = 0; i < 3; i++)
        cr_assert_eq(weir_metric_histogram_init(&h[i], 4, 1 << 20, test_mem()), WEIR_OK);
    struct weir_test_random random;
    weir_test_random_init(&random, 7);
    for (int i = 0; i < 1000; i++) {
        uint64_t v = weir_test_random_below(&random, 1 << 21);
        weir_metric_histogram_add(&h[i % 2], v);
        weir_metric_histogram_add(&h[2], v);
    }
    weir_metric_histogram_merge(&h[0], &h[1]);
    for (uint32_t i = 0; i < h[0].n_buckets; i++)
        cr_assert_eq(h[0].buckets[i], h[2].buckets[i]);
    cr_assert_eq(h[0].sum, h[2].sum);
    cr_assert_eq(h[0].min, h[2].min);
    cr_assert_eq(h[0].max, h[2].max);
    weir_metric_histogram_reset(&h[0]);
    cr_assert_eq(weir_metric_histogram_count(&h[0]), 0);
    cr_assert_eq(weir_metric_histogram_max(&h[0]), 0);
    for (int i = 0; i < 3; i++)
        weir_metric_histogram_deinit(&h[i]);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(metric_histogram, no_memory_leaves_it_untouched)
{
    struct weir_metric_histogram h = {0};
    test_mem_fail_at(1, false);
    cr_assert_eq(weir_metric_histogram_init(&h, 2, 1000, test_mem()), WEIR_ERR_NO_MEMORY);
    cr_assert_null(h.buckets);
    cr_assert_eq(test_mem_n_live(), 0);
}

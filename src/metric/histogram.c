/* SPDX-License-Identifier: MIT */
#include "metric/histogram.h"

#include "base/macros.h"

#include <math.h>

static uint64_t get(const _Atomic(uint64_t) *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

static void set(_Atomic(uint64_t) *v, uint64_t n)
{
    atomic_store_explicit(v, n, memory_order_relaxed);
}

uint64_t weir_metric_histogram_edge(const struct weir_metric_histogram *h, uint32_t i)
{
    weir_assert(h);
    uint32_t k = h->sub_bits;
    if (i < (UINT32_C(1) << k))
        return (uint64_t)i + 1;
    uint32_t shift = (i >> k) - 1;
    uint64_t sub = i & ((UINT32_C(1) << k) - 1);
    return ((UINT64_C(1) << k) + sub + 1) << shift;
}

enum weir_status weir_metric_histogram_init(struct weir_metric_histogram *h, uint32_t sub_bits,
                                            uint64_t value_max, struct weir_mem *mem)
{
    weir_assert(h);
    weir_assert(sub_bits <= WEIR_METRIC_HISTOGRAM_SUB_BITS_MAX);
    weir_assert(value_max > 0);
    weir_assert(value_max <= UINT64_C(1) << 62);
    struct weir_metric_histogram made = {.sub_bits = sub_bits, .value_max = value_max, .mem = mem};
    made.n_buckets = UINT32_MAX; /* for the index only */
    made.n_buckets = weir_metric_histogram_index(&made, value_max) + 1;
    made.value_max = weir_metric_histogram_edge(&made, made.n_buckets - 1);
    made.buckets = weir_mem_zarray(mem, made.n_buckets, sizeof *made.buckets);
    if (!made.buckets)
        return WEIR_ERR_NO_MEMORY;
    *h = made;
    set(&h->min, UINT64_MAX);
    return WEIR_OK;
}

void weir_metric_histogram_deinit(struct weir_metric_histogram *h)
{
    weir_assert(h);
    if (h->buckets)
        weir_mem_free(h->mem, h->buckets);
    h->buckets = NULL;
    h->n_buckets = 0;
}

void weir_metric_histogram_merge(struct weir_metric_histogram *dst,
                                 const struct weir_metric_histogram *src)
{
    weir_assert(dst);
    weir_assert(src);
    weir_assert(dst->sub_bits == src->sub_bits);
    weir_assert(dst->n_buckets == src->n_buckets);
    for (uint32_t i = 0; i < src->n_buckets; i++) {
        uint64_t n = get(&src->buckets[i]);
        if (n > 0)
            set(&dst->buckets[i], get(&dst->buckets[i]) + n);
    }
    set(&dst->sum, get(&dst->sum) + get(&src->sum));
    if (get(&src->min) < get(&dst->min))
        set(&dst->min, get(&src->min));
    if (get(&src->max) > get(&dst->max))
        set(&dst->max, get(&src->max));
}

void weir_metric_histogram_reset(struct weir_metric_histogram *h)
{
    weir_assert(h);
    for (uint32_t i = 0; i < h->n_buckets; i++)
        set(&h->buckets[i], 0);
    set(&h->sum, 0);
    set(&h->min, UINT64_MAX);
    set(&h->max, 0);
}

uint64_t weir_metric_histogram_count(const struct weir_metric_histogram *h)
{
    weir_assert(h);
    uint64_t n = 0;
    for (uint32_t i = 0; i < h->n_buckets; i++)
        n += get(&h->buckets[i]);
    return n;
}

uint64_t weir_metric_histogram_quantile(const struct weir_metric_histogram *h, double q)
{
    weir_assert(h);
    weir_assert(q >= 0);
    weir_assert(q <= 1);
    uint64_t count = weir_metric_histogram_count(h);
    if (count == 0)
        return 0;
    /* The rank is at least 1; ceil of a product that is a whole number but for rounding stays. */
    double exact = q * (double)count;
    uint64_t rank = (uint64_t)ceil(exact - 1e-9 * exact);
    rank = rank < 1 ? 1 : rank > count ? count : rank;
    uint64_t max = weir_metric_histogram_max(h);
    uint64_t n = 0;
    for (uint32_t i = 0; i < h->n_buckets; i++) {
        n += get(&h->buckets[i]);
        if (n >= rank) {
            uint64_t edge = weir_metric_histogram_edge(h, i);
            /* The last bucket is open. */
            return edge < max && i + 1 < h->n_buckets ? edge : max;
        }
    }
    return max; /* a writer went on between the two passes */
}

double weir_metric_histogram_mean(const struct weir_metric_histogram *h)
{
    uint64_t n = weir_metric_histogram_count(h);
    return n > 0 ? (double)get(&h->sum) / (double)n : 0;
}

uint64_t weir_metric_histogram_min(const struct weir_metric_histogram *h)
{
    weir_assert(h);
    uint64_t v = get(&h->min);
    return v == UINT64_MAX ? 0 : v;
}

uint64_t weir_metric_histogram_max(const struct weir_metric_histogram *h)
{
    weir_assert(h);
    return get(&h->max);
}

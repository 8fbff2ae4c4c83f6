/* SPDX-License-Identifier: MIT */
/* A log-linear histogram: every power of two is cut into 2^sub_bits equal buckets, so that a value
 * is known to within one part in 2^sub_bits whatever its size (the layout of HdrHistogram).
 *
 * Buckets are (low, high]: a bound that is an edge is an exact Prometheus "le". Values above
 * value_max count in the last bucket. One writer, any readers; the number of values is the sum of
 * the buckets, so that a snapshot taken while the writer goes on is never inconsistent. */
#ifndef WEIR_METRIC_HISTOGRAM_H
#define WEIR_METRIC_HISTOGRAM_H

#include "base/mem.h"

#include <stdatomic.h>
#include <stdint.h>

enum {
    WEIR_METRIC_HISTOGRAM_COARSE = 2, /* sub_bits for the server's own: within 25 % */
    WEIR_METRIC_HISTOGRAM_EXACT = 10, /* sub_bits for percentiles of 3 significant digits */
    WEIR_METRIC_HISTOGRAM_SUB_BITS_MAX = 14,
};

struct weir_metric_histogram {
    uint32_t sub_bits; /* constant after init */
    uint32_t n_buckets;
    uint64_t value_max;         /* rounded up to an edge */
    _Atomic(uint64_t) *buckets; /* n_buckets, owned; relaxed, single writer */
    _Atomic(uint64_t) sum;      /* of the values as recorded; wraps */
    _Atomic(uint64_t) min;      /* UINT64_MAX: none yet */
    _Atomic(uint64_t) max;
    struct weir_mem *mem;
};

/* Makes an empty histogram. sub_bits: 0 … WEIR_METRIC_HISTOGRAM_SUB_BITS_MAX; takes about
 * (log2(value_max) − sub_bits + 1) × 2^sub_bits × 8 bytes. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_metric_histogram_init(struct weir_metric_histogram *h,
                                                          uint32_t sub_bits, uint64_t value_max,
                                                          struct weir_mem *mem);

/* Frees the buckets; a zeroed histogram is fine. */
void weir_metric_histogram_deinit(struct weir_metric_histogram *h);

/* Returns the bucket of a value. */
static inline uint32_t weir_metric_histogram_index(const struct weir_metric_histogram *h,
                                                   uint64_t value)
{
    if (value > h->value_max)
        return h->n_buckets - 1;
    uint64_t v = value > 0 ? value - 1 : 0;
    uint32_t k = h->sub_bits;
    if (v < (UINT64_C(1) << k))
        return (uint32_t)v;
    uint32_t shift = 63u - (uint32_t)__builtin_clzll(v) - k;
    return ((shift + 1) << k) + (uint32_t)((v >> shift) - (UINT64_C(1) << k));
}

/* Records a value n times. Runs on: the one writer. */
static inline void weir_metric_histogram_add_n(struct weir_metric_histogram *h, uint64_t value,
                                               uint64_t n)
{
    _Atomic(uint64_t) *bucket = &h->buckets[weir_metric_histogram_index(h, value)];
    atomic_store_explicit(bucket, atomic_load_explicit(bucket, memory_order_relaxed) + n,
                          memory_order_relaxed);
    atomic_store_explicit(&h->sum, atomic_load_explicit(&h->sum, memory_order_relaxed) + value * n,
                          memory_order_relaxed);
    if (value < atomic_load_explicit(&h->min, memory_order_relaxed))
        atomic_store_explicit(&h->min, value, memory_order_relaxed);
    if (value > atomic_load_explicit(&h->max, memory_order_relaxed))
        atomic_store_explicit(&h->max, value, memory_order_relaxed);
}

/* Records a value. Runs on: the one writer. */
static inline void weir_metric_histogram_add(struct weir_metric_histogram *h, uint64_t value)
{
    weir_metric_histogram_add_n(h, value, 1);
}

/* Adds all that src holds; both were made with the same sub_bits and value_max. Runs on: the writer
 * of dst. */
void weir_metric_histogram_merge(struct weir_metric_histogram *dst,
                                 const struct weir_metric_histogram *src);

/* Forgets all values. Runs on: the one writer. */
void weir_metric_histogram_reset(struct weir_metric_histogram *h);

/* Returns how many values there are. Runs on: any thread. */
uint64_t weir_metric_histogram_count(const struct weir_metric_histogram *h);

/* Returns the smallest v of which at least the share q (0 … 1) of all values is <= v, as the upper
 * edge of its bucket, but never more than the largest value; 0 when empty. The share of q = 0 is
 * the smallest value's. */
uint64_t weir_metric_histogram_quantile(const struct weir_metric_histogram *h, double q);

/* Returns the mean; 0 when empty. */
double weir_metric_histogram_mean(const struct weir_metric_histogram *h);

/* Returns the smallest and the largest value; 0 when empty. */
uint64_t weir_metric_histogram_min(const struct weir_metric_histogram *h);
uint64_t weir_metric_histogram_max(const struct weir_metric_histogram *h);

/* Returns the upper edge of bucket i: the largest value that it holds. */
uint64_t weir_metric_histogram_edge(const struct weir_metric_histogram *h, uint32_t i);

#endif

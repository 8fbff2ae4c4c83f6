/* SPDX-License-Identifier: MIT */
/* Counters and gauges: one writing thread each, read by any.
 *
 * A plain load and store with relaxed order is all a single writer needs; on the machines we know
 * that is one add without a lock prefix. Readers may be late, but never see a torn value. */
#ifndef WEIR_METRIC_COUNTER_H
#define WEIR_METRIC_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

/* Only ever grows. Zeroed is ready. Aligned so that it never shares a line with another writer's
 * when each is allocated by the registry. */
struct weir_metric_counter {
    _Atomic(uint64_t) v; /* relaxed: the number stands for itself */
};

/* Goes up and down. Zeroed is ready. */
struct weir_metric_gauge {
    _Atomic(int64_t) v; /* relaxed, as above */
};

/* Adds n. Runs on: the counter's one writer. */
static inline void weir_metric_counter_add(struct weir_metric_counter *c, uint64_t n)
{
    uint64_t v = atomic_load_explicit(&c->v, memory_order_relaxed);
    atomic_store_explicit(&c->v, v + n, memory_order_relaxed);
}

/* Sets the value of a counter that is kept elsewhere; it may only grow. Runs on: its one writer. */
static inline void weir_metric_counter_set(struct weir_metric_counter *c, uint64_t v)
{
    atomic_store_explicit(&c->v, v, memory_order_relaxed);
}

/* Returns the value. Runs on: any thread. */
static inline uint64_t weir_metric_counter_get(const struct weir_metric_counter *c)
{
    return atomic_load_explicit(&c->v, memory_order_relaxed);
}

/* Sets, or moves by n. Runs on: the gauge's one writer. */
static inline void weir_metric_gauge_set(struct weir_metric_gauge *g, int64_t v)
{
    atomic_store_explicit(&g->v, v, memory_order_relaxed);
}

static inline void weir_metric_gauge_add(struct weir_metric_gauge *g, int64_t n)
{
    weir_metric_gauge_set(g, atomic_load_explicit(&g->v, memory_order_relaxed) + n);
}

/* Returns the value. Runs on: any thread. */
static inline int64_t weir_metric_gauge_get(const struct weir_metric_gauge *g)
{
    return atomic_load_explicit(&g->v, memory_order_relaxed);
}

#endif

/* SPDX-License-Identifier: MIT */
/* The learned cost of a run: cost(n) = a + b·n nanoseconds for n rows.
 *
 * Measurements are kept as the minimum of recent runs in each power-of-two class of n: noise on a
 * shared machine only ever adds time. The line is the least-squares fit through these minima with
 * relative weights (1/t²), so that small batches count as much as large ones; a and b are never
 * negative. Minima age: a class that is still being run forgets a minimum after two windows, so the
 * line follows a machine that became slower. Pure; time is an argument. */
#ifndef WEIR_BATCH_COST_H
#define WEIR_BATCH_COST_H

#include <stdbool.h>
#include <stdint.h>

enum {
    WEIR_BATCH_COST_CLASSES = 24,   /* classes of n: [2^i, 2^(i+1)), the last one open */
    WEIR_BATCH_COST_FIT_EVERY = 64, /* measurements between two fits, once the line is known */
};

/* Length of an ageing window. */
#define WEIR_BATCH_COST_WINDOW_NS (UINT64_C(10) * 1000000000)

/* The smallest run seen in a class during one window; ns == 0: none. */
struct weir_batch_cost_min {
    uint32_t n_rows;
    uint64_t ns;
};

/* A line and what it was learned from. Zeroed: nothing is known. */
struct weir_batch_cost {
    double a_ns;                        /* cost of a run of no rows, >= 0 */
    double b_ns;                        /* cost of each row, >= 0 */
    bool is_known;                      /* a and b mean something */
    uint32_t n_unfitted;                /* measurements since the last fit */
    uint64_t window_ns;                 /* when the current window began */
    struct weir_batch_cost_min seed[2]; /* a line given from outside; used where no run is known */
    struct weir_batch_cost_min now[WEIR_BATCH_COST_CLASSES];
    struct weir_batch_cost_min before[WEIR_BATCH_COST_CLASSES]; /* of the previous window */
};

/* Forgets everything. */
void weir_batch_cost_init(struct weir_batch_cost *c);

/* Starts from a line that was measured elsewhere (a warm-up): a_ns, b_ns >= 0, finite; it counts
 * like one run of 1 row and one of 256 until runs are measured. */
void weir_batch_cost_seed(struct weir_batch_cost *c, double a_ns, double b_ns);

/* Adds a measured run of n_rows >= 1 that took run_ns, ended at now_ns. */
void weir_batch_cost_add(struct weir_batch_cost *c, uint32_t n_rows, uint64_t run_ns,
                         uint64_t now_ns);

/* Returns the expected time of a run of n_rows in nanoseconds, at least 1; 0 while nothing is
 * known. */
static inline uint64_t weir_batch_cost_ns(const struct weir_batch_cost *c, uint64_t n_rows)
{
    if (!c->is_known)
        return 0;
    double ns = c->a_ns + c->b_ns * (double)n_rows;
    return ns < 1 ? 1 : ns < 1e18 ? (uint64_t)ns : UINT64_C(1000000000000000000);
}

#endif

/* SPDX-License-Identifier: MIT */
/* What a load test does and when: random numbers, arrival times, the order of stages. Pure: time
 * and seed are arguments. */
#ifndef WEIR_CLI_BENCH_PLAN_H
#define WEIR_CLI_BENCH_PLAN_H

#include <weir/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Random numbers, the same from the same seed everywhere. Blackman, Vigna 2018 (xoshiro256++),
 * seeded by SplitMix64. */
struct weir_cli_bench_random {
    uint64_t s[4];
};

void weir_cli_bench_random_init(struct weir_cli_bench_random *r, uint64_t seed);
uint64_t weir_cli_bench_random_u64(struct weir_cli_bench_random *r);

/* Returns a number in (0, 1]. */
double weir_cli_bench_random_unit(struct weir_cli_bench_random *r);

/* Returns a number of the standard normal distribution. Box, Muller 1958. */
double weir_cli_bench_random_normal(struct weir_cli_bench_random *r);

/* When requests are meant to be sent. */
struct weir_cli_bench_arrivals {
    struct weir_cli_bench_random random;
    double gap_ns;   /* mean time between two */
    double at_ns;    /* when the next one is due, kept as a fraction so that rates do not drift */
    bool is_poisson; /* exponential gaps, else equal ones */
};

/* Begins at from_ns with rate (> 0) arrivals a second. */
void weir_cli_bench_arrivals_init(struct weir_cli_bench_arrivals *a, double rate, bool is_poisson,
                                  uint64_t seed, uint64_t from_ns);

/* Returns when the next one is due. */
static inline uint64_t weir_cli_bench_arrivals_due(const struct weir_cli_bench_arrivals *a)
{
    return (uint64_t)a->at_ns;
}

/* Goes on to the one after it. */
void weir_cli_bench_arrivals_step(struct weir_cli_bench_arrivals *a);

/* One of two sides that are compared, in a stretch of time. */
struct weir_cli_bench_stage {
    unsigned side;        /* 0 or 1 */
    unsigned pair;        /* which pair of neighbouring stages it belongs to */
    uint64_t duration_ns; /* recorded time */
};

enum { WEIR_CLI_BENCH_STAGES_MAX = 400 };

/* Cuts duration_ns into stages of about stage_ns: of one side, or (n_sides 2) in pairs, the order
 * of the two turning round from pair to pair (0 1, 1 0, …) so that a steady drift of the machine
 * favours neither. Returns how many were written (at most WEIR_CLI_BENCH_STAGES_MAX; at least one,
 * or one pair). */
size_t weir_cli_bench_stages(struct weir_cli_bench_stage *out, unsigned n_sides,
                             uint64_t duration_ns, uint64_t stage_ns);

/* Sorts n values and writes the smallest, the middle one (mean of the two middle ones) and the
 * largest. n > 0. */
struct weir_cli_bench_spread {
    double min;
    double median;
    double max;
};

struct weir_cli_bench_spread weir_cli_bench_spread(double *values, size_t n);

#endif

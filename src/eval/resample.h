/* SPDX-License-Identifier: MIT */
/* Drawing rows with replacement, from each stratum as many as it has, and what the draws say.
 *
 * The generator is counter-based: which row is drawn where depends on the seed, the number of the
 * draw and the place only, not on what was drawn before; so the same seed gives the same rows on
 * every machine and in any order. Sources: Efron and Tibshirani 1993, An Introduction to the
 * Bootstrap, §13.3 for percentile intervals; Salmon et al. 2011 for Philox4x32-10. */
#ifndef WEIR_EVAL_RESAMPLE_H
#define WEIR_EVAL_RESAMPLE_H

#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct weir_eval_resample {
    uint64_t seed;
    size_t n; /* rows */
    size_t n_strata;
    size_t *starts;  /* n_strata + 1: rows of stratum s are order[starts[s] … starts[s + 1]) */
    uint32_t *order; /* n rows, side by side by stratum, ascending in each */
    struct weir_mem *mem;
};

/* Sorts n rows by their strata, 0 … n_strata − 1 (strata NULL: one for all). WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_eval_resample_init(struct weir_eval_resample *resample,
                                                       const uint32_t *strata, size_t n,
                                                       size_t n_strata, uint64_t seed,
                                                       struct weir_mem *mem);
void weir_eval_resample_deinit(struct weir_eval_resample *resample);

/* Draws n rows, stratum by stratum; draw: its number, any. */
void weir_eval_resample_draw(const struct weir_eval_resample *resample, uint64_t draw,
                             uint32_t *rows);

/* What many draws said of one number. */
struct weir_eval_resample_summary {
    size_t n_defined; /* values that are not NaN; of the others: */
    double se;        /* their sample standard deviation */
    double low;       /* quantiles alpha / 2 and 1 − alpha / 2, linearly interpolated */
    double high;
    double p; /* two-sided, of 0: 2 min(#(v <= 0) + 1, #(v >= 0) + 1) / (n + 1), at most 1 */
};

/* Summarises n values, which are put in order. At least two must be defined for the rest to be. */
struct weir_eval_resample_summary weir_eval_resample_summary(double *values, size_t n,
                                                             double alpha);

/* Computes ten rounds of Philox4x32 on a counter with a key, in place. */
void weir_eval_resample_philox(uint32_t counter[4], const uint32_t key[2]);

#endif

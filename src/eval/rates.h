/* SPDX-License-Identifier: MIT */
/* Rates counted in a sample, and what they say about the rate behind it. */
#ifndef WEIR_EVAL_RATES_H
#define WEIR_EVAL_RATES_H

#include <stdint.h>

struct weir_eval_rates_interval {
    double low;
    double high;
};

/* Returns the two-sided interval at the level 1 − alpha of a rate of which k of n were seen (n >
 * 0). Source: Wilson 1927. */
struct weir_eval_rates_interval weir_eval_rates_wilson(uint64_t k, uint64_t n, double alpha);

/* The same with a guarantee of its level. Source: Clopper and Pearson 1934. */
struct weir_eval_rates_interval weir_eval_rates_exact(uint64_t k, uint64_t n, double alpha);

/* Returns the one-sided upper limit at the level 1 − alpha: a rate above it would give k or fewer
 * of n with a probability below alpha. */
double weir_eval_rates_upper(uint64_t k, uint64_t n, double alpha);

/* Returns the two-sided p of b against c changed decisions when both directions are as likely:
 * McNemar's test, exact. 1 without any. */
double weir_eval_rates_mcnemar(uint64_t b, uint64_t c);

/* Returns the regularised incomplete beta function I_x(a, b), for a, b > 0 and 0 <= x <= 1; within
 * about 1e-13. Source: Abramowitz and Stegun 26.5.8, by Lentz's continued fraction. */
double weir_eval_rates_beta(double x, double a, double b);

#endif

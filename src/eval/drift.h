/* SPDX-License-Identifier: MIT */
/* How far counts in bins have moved from a reference, and whether so many rows may say so.
 *
 * A customary limit of the population stability index (0.1, 0.25) says nothing about sample size:
 * without any change PSI of B bins is about (1/n + 1/m) χ² with B − 1 degrees of freedom, for n and
 * m rows. So an index counts as an alarm only above both. Sources: Lewis 1994 for the index,
 * Yurdakul and Naranjo 2020 for its distribution; Numerical Recipes 3rd ed., §14.3.3, for
 * Stephens' form of Kolmogorov's distribution. */
#ifndef WEIR_EVAL_DRIFT_H
#define WEIR_EVAL_DRIFT_H

#include <stddef.h>
#include <stdint.h>

/* Returns PSI = Σ (a − e) ln(a / e) over n_bins, e the reference's shares and a the current ones,
 * both smoothed: (count + ½) / (n + B / 2). 0 where either has no rows. */
double weir_eval_drift_psi(const uint64_t *reference, const uint64_t *current, size_t n_bins);

/* Returns what PSI of n_bins stays below with probability `level` when nothing has changed, for n
 * and m rows; infinity where there are none, or fewer than two bins. */
double weir_eval_drift_psi_guard(uint64_t n, uint64_t m, size_t n_bins, double level);

/* Returns the value below which χ² with df > 0 degrees of freedom is with probability p (0 < p <
 * 1), within 1e-10 relative. */
double weir_eval_drift_chi2_quantile(double df, double p);

/* The Kolmogorov-Smirnov distance max |F − G|, known from counts in bins within bounds. */
struct weir_eval_drift_ks {
    double low;  /* at the edges of bins */
    double high; /* the largest that it can be inside of one */
};

/* Computes them; bins ascend. Both 0 where either has no rows. */
struct weir_eval_drift_ks weir_eval_drift_ks(const uint64_t *reference, const uint64_t *current,
                                             size_t n_bins);

/* Returns the asymptotic probability that two samples of n and m rows of one distribution are at
 * least d apart: Kolmogorov's with Stephens' correction, within 0.02 of the exact one, and
 * within a fifth of it below 0.1. 1 where there are no rows. */
double weir_eval_drift_ks_p(double d, uint64_t n, uint64_t m);

#endif

/* SPDX-License-Identifier: MIT */
/* How sure an area under the ROC curve is, and a difference of two: DeLong's method.
 *
 * For rows without weights. Sources: DeLong, DeLong and Clarke-Pearson 1988 (Biometrics 44:837);
 * Sun and Xu 2014 for the form with ranks; intervals as in R's pROC, and on the logit scale as in
 * Pepe 2003, §5.2. */
#ifndef WEIR_EVAL_DELONG_H
#define WEIR_EVAL_DELONG_H

#include "eval/sweep.h"

/* An estimate and its interval. */
struct weir_eval_interval {
    double value;
    double se;  /* standard error */
    double low; /* of the two-sided interval at the level asked for */
    double high;
};

/* Computes the variance of the area. false: undefined (a class with fewer than two rows, or
 * weights). */
bool weir_eval_delong_variance(const struct weir_eval_sweep *sweep, double *out);

/* Computes the interval of an area from its variance at the level 1 − alpha, in the area's own
 * scale (as pROC, cut at 0 and 1) or on the logit scale, which covers better near 1. false:
 * undefined (no variance: an area of 0 or 1). */
bool weir_eval_delong_interval(double auc, double variance, double alpha, bool is_logit,
                               struct weir_eval_interval *out);

/* Two models on the same rows. */
struct weir_eval_delong_pair {
    double auc[2];
    double variance[2];
    double covariance;
    double difference; /* auc[0] − auc[1] */
    double z;          /* of the difference; 0 where it has no variance */
    double p;          /* two-sided */
};

/* Compares two models by their scores of the same n rows. Rows of which either score is not finite
 * are left out. *n_used: rows that count. WEIR_ERR_INVALID: a class with fewer than two rows;
 * WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_eval_delong_compare(const double *const scores[2],
                                                        const uint8_t *is_positive, size_t n,
                                                        struct weir_eval_delong_pair *out,
                                                        size_t *n_used, struct weir_mem *mem,
                                                        struct weir_error *err);

#endif

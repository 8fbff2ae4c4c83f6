/* SPDX-License-Identifier: MIT */
/* How good probabilities are as probabilities: log loss, Brier score, calibration.
 *
 * p is row-major, n × n_classes, each in [0, 1]; truths are class indexes; weights may be NULL.
 * Rows with a p that is not finite or outside of [0, 1] are left out and counted. Sources:
 * scikit-learn 1.5 and later for log_loss (clipped at the machine epsilon, not renormalised),
 * brier_score_loss and calibration_curve; Spiegelhalter 1986; Naeini et al. 2015 for ECE. */
#ifndef WEIR_EVAL_PROBABILITY_H
#define WEIR_EVAL_PROBABILITY_H

#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct weir_eval_probability_rows {
    size_t n;
    size_t n_classes;       /* at least 2 */
    const double *p;        /* n × n_classes */
    const uint32_t *truths; /* n */
    const double *weights;  /* n; NULL: all 1 */
};

struct weir_eval_probability {
    double log_loss;
    double brier; /* two classes: mean of (p_1 − y)²; more: mean of the sum over classes */
    double spiegelhalter_z; /* two classes; about standard normal where p is calibrated */
    double weight;          /* of the rows that count; 0: all others are undefined */
    size_t n_invalid;
};

/* Computes them in one pass. */
struct weir_eval_probability
weir_eval_probability_measure(const struct weir_eval_probability_rows *rows);

enum { WEIR_EVAL_PROBABILITY_BINS_MAX = 1000 };

/* A bin of a calibration curve. */
struct weir_eval_probability_bin {
    double mean_p;
    double mean_y;
    double weight;
    size_t n;
};

/* Sorts n probabilities of the positive class into n_bins bins (edges equally spaced, or at the
 * quantiles of p, linearly interpolated): bin k holds lo < p <= hi, the first p = 0 too. bins has
 * room for n_bins; empty ones are left out. Returns how many there are, 0 where there are no rows
 * or there is no memory (*status). ece, mce (may be NULL): weighted mean and largest |mean_y −
 * mean_p|.
 */
size_t weir_eval_probability_calibrate(const double *p, const uint8_t *is_positive,
                                       const double *weights, size_t n, size_t n_bins,
                                       bool by_quantile, struct weir_eval_probability_bin *bins,
                                       double *ece, double *mce, struct weir_mem *mem,
                                       enum weir_status *status);

#endif

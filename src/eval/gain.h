/* SPDX-License-Identifier: MIT */
/* What is found among the rows with the largest scores, and operating points. Undefined (false)
 * where a class that is needed has no rows. */
#ifndef WEIR_EVAL_GAIN_H
#define WEIR_EVAL_GAIN_H

#include "eval/sweep.h"

/* Computes which share of all positives is among the given share (0 … 1) of rows with the largest
 * scores; within a group of equal scores positives are spread evenly. Gain divided by the share is
 * the lift. */
bool weir_eval_gain_at(const struct weir_eval_sweep *sweep, double share, double *out);

/* Computes the largest distance of the two classes' distributions of scores (Kolmogorov and
 * Smirnov's statistic), and at which group it is (NULL: nowhere). */
bool weir_eval_gain_ks(const struct weir_eval_sweep *sweep, double *out, size_t *group);

/* Computes the largest recall with a false positive rate of at most fpr; 0 where only "nothing is
 * positive" has that. */
bool weir_eval_gain_recall_at_fpr(const struct weir_eval_sweep *sweep, double fpr, double *out);

/* Computes the largest recall with a precision of at least `precision`; 0 where no threshold has
 * it. */
bool weir_eval_gain_recall_at_precision(const struct weir_eval_sweep *sweep, double precision,
                                        double *out);

/* Finds the groups first <= g < last that a DET curve (false negative against false positive rate)
 * consists of: from the last without a false positive to the first without a false negative.
 * has_infinity: "nothing is positive" comes before them, as no group is without a false positive.
 * Source: scikit-learn's det_curve, 1.7 and later. */
bool weir_eval_gain_det(const struct weir_eval_sweep *sweep, bool *has_infinity, size_t *first,
                        size_t *last);

/* The Brier score of probabilities as reliability − resolution + uncertainty, with the sweep's
 * scores for probabilities, grouped by their values, so that the sum is exact. Source: Murphy
 * 1973. */
struct weir_eval_gain_brier {
    double reliability; /* how far each probability is from its rows' rate; less is better */
    double resolution;  /* how far the rates are from the rate of all */
    double uncertainty; /* of a row of which nothing is known */
};

bool weir_eval_gain_brier(const struct weir_eval_sweep *sweep, struct weir_eval_gain_brier *out);

#endif

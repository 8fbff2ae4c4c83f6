/* SPDX-License-Identifier: MIT */
/* Precision and recall over all thresholds.
 *
 * Of each group of a sweep: precision = tp / (tp + fp), recall = tp / positives. Source:
 * scikit-learn's precision_recall_curve and average_precision_score. */
#ifndef WEIR_EVAL_PRECISION_H
#define WEIR_EVAL_PRECISION_H

#include "eval/sweep.h"

/* Computes the average precision, sum over the groups of (R_g − R_{g−1}) P_g: a step sum, without
 * interpolation, a group of equal scores being one step. 0 without positives; false: there are no
 * rows. */
bool weir_eval_precision_average(const struct weir_eval_sweep *sweep, double *out);

#endif

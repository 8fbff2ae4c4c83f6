/* SPDX-License-Identifier: MIT */
/* The ROC curve and its area, and the DET curve.
 *
 * Points are (FPR, TPR) = (fp / negatives, tp / positives) of each group of a sweep, with (0, 0) in
 * front. Undefined where a class has no rows. Sources: Fawcett 2006, "An introduction to ROC
 * analysis"; McClish 1989 for the partial area; scikit-learn's roc_curve, roc_auc_score and
 * det_curve for what is kept and drawn. */
#ifndef WEIR_EVAL_ROC_H
#define WEIR_EVAL_ROC_H

#include "eval/sweep.h"

/* Computes the area under the curve: the probability that a positive scores above a negative, ties
 * counting one half. Without weights the count of pairs is exact. false: undefined. */
bool weir_eval_roc_auc(const struct weir_eval_sweep *sweep, double *out);

/* Computes the area up to the false positive rate max_fpr (0 < max_fpr <= 1), standardised so that
 * chance is 1/2 and a perfect ranking 1 (McClish). false: undefined. */
bool weir_eval_roc_partial_auc(const struct weir_eval_sweep *sweep, double max_fpr, double *out);

/* Chooses the groups that a drawing of the curve needs: the first, the last, and every corner.
 * kept has room for n_groups indexes, ascending; returns how many there are. For drawing only:
 * thresholds are chosen among all groups. */
size_t weir_eval_roc_corners(const struct weir_eval_sweep *sweep, size_t *kept);

#endif

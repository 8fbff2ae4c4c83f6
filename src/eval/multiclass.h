/* SPDX-License-Identifier: MIT */
/* Areas under ROC curves, and average precisions, for more than two classes.
 *
 * One against the rest: of each class, its rows against all others, ranked by its column. One
 * against one (Hand and Till 2001): of each pair of classes, on their rows alone, the mean of both
 * directions. Averages as scikit-learn's roc_auc_score names them. */
#ifndef WEIR_EVAL_MULTICLASS_H
#define WEIR_EVAL_MULTICLASS_H

#include "base/mem.h"

#include <stdint.h>

struct weir_eval_multiclass_rows {
    size_t n;
    size_t n_classes;       /* at least 2 */
    const double *scores;   /* n × n_classes, row-major */
    const uint32_t *truths; /* n class indexes */
    const double *weights;  /* n; NULL: all 1 */
};

/* An undefined area is NaN. */
struct weir_eval_multiclass {
    double ovr_macro;         /* mean over all classes; NaN unless all are defined */
    double ovr_macro_present; /* mean over those that are defined */
    double ovr_weighted;      /* by the weight of each class's rows */
    double ovr_micro;         /* all columns ranked together */
    double ovo_macro;         /* mean over pairs; rows without weights only */
    double ovo_weighted;      /* by the rows of each pair */
    double ap_macro;          /* average precision: mean over all classes; NaN unless all occur */
    double ap_weighted;       /* by the weight of each class's rows */
    double ap_micro;          /* all columns ranked together */
};

/* What is known of one class against the rest; NaN: undefined. */
struct weir_eval_multiclass_class {
    double auc;
    double average_precision;
};

/* Computes them, and those of each class against the rest into by_class (n_classes).
 * WEIR_ERR_INVALID: a weight that cannot be one; WEIR_ERR_LIMIT; WEIR_ERR_NO_MEMORY.
 * O(n × n_classes). */
WEIR_MUST_USE enum weir_status weir_eval_multiclass_auc(
    const struct weir_eval_multiclass_rows *rows, struct weir_eval_multiclass_class *by_class,
    struct weir_eval_multiclass *out, struct weir_mem *mem, struct weir_error *err);

/* Computes the weighted share of rows whose truth is among their k largest scores; of equal scores
 * those of higher classes come first. NaN: no weight. O(n × n_classes). Source: scikit-learn's
 * top_k_accuracy_score. */
double weir_eval_multiclass_top_k(const struct weir_eval_multiclass_rows *rows, size_t k);

#endif

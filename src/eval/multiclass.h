/* SPDX-License-Identifier: MIT */
/* Areas under ROC curves for more than two classes.
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
};

/* Computes them, and of each class its area against the rest into by_class (n_classes).
 * WEIR_ERR_INVALID: a weight that cannot be one; WEIR_ERR_LIMIT; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status
weir_eval_multiclass_auc(const struct weir_eval_multiclass_rows *rows, double *by_class,
                         struct weir_eval_multiclass *out, struct weir_mem *mem,
                         struct weir_error *err);

#endif

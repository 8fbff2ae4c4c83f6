/* SPDX-License-Identifier: MIT */
/* Rows that have several labels each, or none: every label is a question of its own, yes or no.
 *
 * Averages are scikit-learn's of the same names: macro is the mean over labels, weighted by the
 * positive rows of each, micro counts all labels together, samples is the mean over rows of what
 * holds of a row's labels. Ratios without a denominator are 0, as its default zero_division. */
#ifndef WEIR_EVAL_MULTILABEL_H
#define WEIR_EVAL_MULTILABEL_H

#include "eval/confusion.h"

struct weir_eval_multilabel_rows {
    size_t n;
    size_t n_labels;       /* at least 1 */
    const uint8_t *truths; /* n × n_labels, row-major, 0 or 1 */
    const double *scores;  /* n × n_labels, finite; the larger, the more likely */
    const double *weights; /* n; NULL: all 1 */
    bool has_threshold;    /* decided positive: score >= threshold; without one: score > 0.5 */
    double threshold;
};

/* One label; what is undefined is NaN. */
struct weir_eval_multilabel_label {
    struct weir_eval_confusion_class counts;
    double auc;
    double average_precision;
};

/* A mean in four ways. */
struct weir_eval_multilabel_mean {
    double macro;
    double weighted;
    double micro;
    double samples;
};

/* What is undefined is NaN: without weight all, areas where a label (for samples, a row) is always
 * or never positive, average precision where a label is never. */
struct weir_eval_multilabel {
    struct weir_eval_multilabel_mean precision;
    struct weir_eval_multilabel_mean recall;
    struct weir_eval_multilabel_mean f1;
    struct weir_eval_multilabel_mean auc;
    struct weir_eval_multilabel_mean average_precision; /* samples: 0 of a row without a label */
    double subset_accuracy;                             /* weight of rows with all labels right */
    double hamming_loss;                                /* weight of wrong labels */
};

/* Computes them, and of each label its own into by_label (n_labels). WEIR_ERR_INVALID: a weight
 * that cannot be one; WEIR_ERR_LIMIT; WEIR_ERR_NO_MEMORY. O(n × n_labels²). */
WEIR_MUST_USE enum weir_status weir_eval_multilabel_measure(
    const struct weir_eval_multilabel_rows *rows, struct weir_eval_multilabel_label *by_label,
    struct weir_eval_multilabel *out, struct weir_mem *mem, struct weir_error *err);

/* Tells how a score is decided. */
static inline bool weir_eval_multilabel_decide(const struct weir_eval_multilabel_rows *rows,
                                               double score)
{
    return rows->has_threshold ? score >= rows->threshold : score > .5;
}

#endif

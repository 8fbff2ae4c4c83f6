/* SPDX-License-Identifier: MIT */
#include "eval/roc.h"

#include "base/macros.h"

static bool has_both(const struct weir_eval_sweep *s)
{
    return s->positives > 0 && s->negatives > 0;
}

/* Twice the number of pairs that are in order, in whole numbers: at most 2 × 2^31 × 2^31. */
static double count_pairs(const struct weir_eval_sweep *s)
{
    uint64_t twice = 0;
    uint64_t tp = 0;
    uint64_t fp = 0;
    for (size_t g = 0; g < s->n_groups; g++) {
        uint64_t next_tp = (uint64_t)s->tp[g];
        uint64_t next_fp = (uint64_t)s->fp[g];
        twice += (next_fp - fp) * (tp + next_tp);
        tp = next_tp;
        fp = next_fp;
    }
    return (double)twice;
}

bool weir_eval_roc_auc(const struct weir_eval_sweep *sweep, double *out)
{
    weir_assert(sweep);
    if (!has_both(sweep))
        return false;
    double twice = 0;
    if (!sweep->is_weighted) {
        twice = count_pairs(sweep);
    } else {
        double tp = 0;
        double fp = 0;
        for (size_t g = 0; g < sweep->n_groups; g++) {
            twice += (sweep->fp[g] - fp) * (tp + sweep->tp[g]);
            tp = sweep->tp[g];
            fp = sweep->fp[g];
        }
    }
    *out = twice / 2 / sweep->positives / sweep->negatives;
    return true;
}

bool weir_eval_roc_partial_auc(const struct weir_eval_sweep *sweep, double max_fpr, double *out)
{
    weir_assert(sweep);
    weir_assert(max_fpr > 0);
    weir_assert(max_fpr <= 1);
    if (!has_both(sweep))
        return false;
    if (max_fpr == 1)
        return weir_eval_roc_auc(sweep, out);
    double area = 0;
    double x = 0;
    double y = 0;
    for (size_t g = 0; g < sweep->n_groups && x < max_fpr; g++) {
        double next_x = sweep->fp[g] / sweep->negatives;
        double next_y = sweep->tp[g] / sweep->positives;
        if (next_x > max_fpr) {
            next_y = y + (next_y - y) * (max_fpr - x) / (next_x - x);
            next_x = max_fpr;
        }
        area += (next_x - x) * (y + next_y) / 2;
        x = next_x;
        y = next_y;
    }
    double least = max_fpr * max_fpr / 2;
    *out = (1 + (area - least) / (max_fpr - least)) / 2;
    return true;
}

size_t weir_eval_roc_corners(const struct weir_eval_sweep *sweep, size_t *kept)
{
    weir_assert(sweep);
    size_t n = sweep->n_groups;
    size_t k = 0;
    for (size_t g = 0; g < n; g++) {
        bool is_end = g == 0 || g + 1 == n;
        /* The curve goes on in a line when both steps repeat. */
        if (is_end || sweep->tp[g + 1] - sweep->tp[g] != sweep->tp[g] - sweep->tp[g - 1] ||
            sweep->fp[g + 1] - sweep->fp[g] != sweep->fp[g] - sweep->fp[g - 1])
            kept[k++] = g;
    }
    return k;
}

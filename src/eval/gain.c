/* SPDX-License-Identifier: MIT */
#include "eval/gain.h"

#include "base/macros.h"

#include <math.h>

bool weir_eval_gain_at(const struct weir_eval_sweep *sweep, double share, double *out)
{
    weir_assert(sweep);
    weir_assert(share >= 0);
    double wanted = fmin(share, 1) * (sweep->positives + sweep->negatives);
    double rows = 0;
    double tp = 0;
    if (!(sweep->positives > 0))
        return false;
    for (size_t g = 0; g < sweep->n_groups; g++) {
        double next = sweep->tp[g] + sweep->fp[g];
        if (next >= wanted) {
            if (next > rows)
                tp += (sweep->tp[g] - tp) * (wanted - rows) / (next - rows);
            break;
        }
        rows = next;
        tp = sweep->tp[g];
    }
    *out = tp / sweep->positives;
    return true;
}

bool weir_eval_gain_ks(const struct weir_eval_sweep *sweep, double *out, size_t *group)
{
    weir_assert(sweep);
    double most = -1;
    size_t at = 0;
    if (!(sweep->positives > 0) || !(sweep->negatives > 0))
        return false;
    for (size_t g = 0; g < sweep->n_groups; g++) {
        double apart = fabs(sweep->tp[g] / sweep->positives - sweep->fp[g] / sweep->negatives);
        if (apart <= most)
            continue;
        most = apart;
        at = g;
    }
    *out = most;
    if (group)
        *group = at;
    return true;
}

bool weir_eval_gain_recall_at_fpr(const struct weir_eval_sweep *sweep, double fpr, double *out)
{
    weir_assert(sweep);
    double tp = 0;
    if (!(sweep->positives > 0) || !(sweep->negatives > 0))
        return false;
    for (size_t g = 0; g < sweep->n_groups && sweep->fp[g] / sweep->negatives <= fpr; g++)
        tp = sweep->tp[g];
    *out = tp / sweep->positives;
    return true;
}

bool weir_eval_gain_recall_at_precision(const struct weir_eval_sweep *sweep, double precision,
                                        double *out)
{
    weir_assert(sweep);
    double tp = 0;
    if (!(sweep->positives > 0))
        return false;
    for (size_t g = 0; g < sweep->n_groups; g++) {
        if (sweep->tp[g] / (sweep->tp[g] + sweep->fp[g]) >= precision)
            tp = sweep->tp[g];
    }
    *out = tp / sweep->positives;
    return true;
}

bool weir_eval_gain_det(const struct weir_eval_sweep *sweep, bool *has_infinity, size_t *first,
                        size_t *last)
{
    weir_assert(sweep);
    size_t n = sweep->n_groups;
    size_t from = 0;
    size_t to = 0;
    if (!(sweep->positives > 0) || !(sweep->negatives > 0))
        return false;
    *has_infinity = sweep->fp[0] > 0;
    while (from + 1 < n && sweep->fp[from + 1] == 0)
        from++;
    while (to < n && sweep->tp[to] < sweep->positives)
        to++;
    *first = from;
    *last = to + 1;
    return true;
}

bool weir_eval_gain_brier(const struct weir_eval_sweep *sweep, struct weir_eval_gain_brier *out)
{
    weir_assert(sweep);
    double all = sweep->positives + sweep->negatives;
    double rate = sweep->positives / all;
    double tp = 0;
    double rows = 0;
    if (!(all > 0))
        return false;
    *out = (struct weir_eval_gain_brier){.uncertainty = rate * (1 - rate)};
    for (size_t g = 0; g < sweep->n_groups; g++) {
        double next = sweep->tp[g] + sweep->fp[g];
        double n = next - rows;
        double seen = (sweep->tp[g] - tp) / n;
        double p = sweep->thresholds[g];
        out->reliability += n * (p - seen) * (p - seen) / all;
        out->resolution += n * (seen - rate) * (seen - rate) / all;
        tp = sweep->tp[g];
        rows = next;
    }
    return true;
}

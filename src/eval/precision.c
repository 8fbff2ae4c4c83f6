/* SPDX-License-Identifier: MIT */
#include "eval/precision.h"

#include "base/macros.h"

bool weir_eval_precision_average(const struct weir_eval_sweep *sweep, double *out)
{
    weir_assert(sweep);
    if (sweep->n_groups == 0)
        return false;
    double sum = 0;
    double tp = 0;
    for (size_t g = 0; sweep->positives > 0 && g < sweep->n_groups; g++) {
        double precision = sweep->tp[g] / (sweep->tp[g] + sweep->fp[g]);
        sum += (sweep->tp[g] - tp) / sweep->positives * precision;
        tp = sweep->tp[g];
    }
    *out = sum;
    return true;
}

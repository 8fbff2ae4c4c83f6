/* SPDX-License-Identifier: MIT */
#include "eval/normal.h"

#include "base/macros.h"

#include <math.h>

double weir_eval_normal_below(double z)
{
    return erfc(-z / M_SQRT2) / 2;
}

/* Newton's method on the logarithm of the lower tail, which is concave: from the left of the root
 * it never steps beyond, and a few steps double the digits. */
double weir_eval_normal_quantile(double p)
{
    weir_assert(p > 0);
    weir_assert(p < 1);
    if (p > 0.5)
        return -weir_eval_normal_quantile(1 - p);
    double z = p < 0.5 ? -sqrt(-2 * log(2 * p)) : 0;
    for (int i = 0; i < 60; i++) {
        double below = weir_eval_normal_below(z);
        double density = exp(-z * z / 2) / sqrt(2 * M_PI);
        double step = below / density * log(below / p);
        z -= step;
        if (fabs(step) <= 1e-16 * fabs(z))
            break;
    }
    return z;
}

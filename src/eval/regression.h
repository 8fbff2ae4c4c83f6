/* SPDX-License-Identifier: MIT */
/* How far predictions of numbers are off. Sources: scikit-learn's metrics of the same names. */
#ifndef WEIR_EVAL_REGRESSION_H
#define WEIR_EVAL_REGRESSION_H

#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct weir_eval_regression_rows {
    size_t n;
    const double *truths;      /* n */
    const double *predictions; /* n */
    const double *weights;     /* n; NULL: all 1 */
    double quantile;           /* of the pinball loss, 0 … 1 */
};

/* An undefined measure is NaN. */
struct weir_eval_regression {
    double mse, rmse, mae;
    double median_ae; /* weighted: the least error at which half of the weight is reached */
    double max_error;
    double mape; /* |error| / max(|truth|, 2.2e-16) */
    double r2;   /* NaN for fewer than two rows; a constant truth: 1 if all is right, else 0 */
    double explained_variance;
    double pinball;
    double poisson_deviance; /* NaN unless truths >= 0 and predictions > 0 */
    double gamma_deviance;   /* NaN unless both > 0 */
    double weight;           /* of the rows that count */
    size_t n_used;
    size_t n_invalid; /* rows whose prediction or truth is not finite, left out */
};

/* Computes them all. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status
weir_eval_regression_measure(const struct weir_eval_regression_rows *rows,
                             struct weir_eval_regression *out, struct weir_mem *mem);

#endif

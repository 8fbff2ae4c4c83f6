/* SPDX-License-Identifier: MIT */
/* Quantiles: each column through its own empirical distribution (QuantileTransformer). */
#ifndef WEIR_MODEL_QUANTILE_H
#define WEIR_MODEL_QUANTILE_H

#include "model/builder.h"

struct weir_model_quantile_opts {
    struct weir_str name;     /* for faults */
    uint32_t n_columns;       /* at least 1 */
    uint32_t n_quantiles;     /* at least 1 */
    const double *quantiles;  /* n_columns × n_quantiles, each column not descending; copied */
    const double *references; /* n_quantiles from 0 to 1; copied */
    bool is_normal;           /* the share goes through the inverse of the normal distribution */
    bool keeps_columns;       /* its columns are the model's features */
};

/* Makes a node that gives `transform`, n_columns wide: the mean of the interpolations from below
 * and from above, 0 and 1 at the ends; normal: its inverse distribution function, cut at
 * ±5.1993375… NaN stays. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_quantile_new(struct weir_model_builder *b,
                                                       const struct weir_model_quantile_opts *opts,
                                                       const struct weir_model_node **out,
                                                       struct weir_error *err);

/* Returns x with Φ(x) = p, 0 < p < 1: −∞ and ∞ at 0 and 1. Within 4 ulp for 1e-12 < p < 1 − 1e-12:
 * a start from Abramowitz and Stegun 26.2.23, then Halley's steps on erf or erfc. */
double weir_model_quantile_normal(double p);

#endif

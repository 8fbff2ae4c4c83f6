/* SPDX-License-Identifier: MIT */
/* Splines: each column as the values of its B-spline basis (SplineTransformer). */
#ifndef WEIR_MODEL_SPLINE_H
#define WEIR_MODEL_SPLINE_H

#include "model/builder.h"

/* What becomes of numbers outside of the base interval. */
enum weir_model_spline_outside {
    WEIR_MODEL_SPLINE_FAULT,    /* the row is refused */
    WEIR_MODEL_SPLINE_CONSTANT, /* the basis at the nearer end */
    WEIR_MODEL_SPLINE_LINEAR,   /* continued with the slope at the nearer end */
    WEIR_MODEL_SPLINE_CONTINUE, /* the polynomials at the end go on */
    WEIR_MODEL_SPLINE_PERIODIC, /* the base interval repeats */
};

enum { WEIR_MODEL_SPLINE_DEGREE_MAX = 64 };

struct weir_model_spline_opts {
    struct weir_str name; /* for faults */
    uint32_t n_columns;   /* at least 1 */
    uint32_t degree;      /* at most WEIR_MODEL_SPLINE_DEGREE_MAX */
    uint32_t n_knots;     /* of one column, those beyond the ends included: at least 2 degree + 2
                           */
    const double *const *knots; /* n_columns × n_knots, not descending; copied */
    enum weir_model_spline_outside outside;
    bool has_last;     /* all functions of the basis are given; else all but the last */
    bool zero_for_nan; /* NaN gives zeros; else NaN is refused */
    bool keeps_columns;
};

/* Makes a node that gives `transform`: for each column the n_knots − degree − 1 functions of its
 * basis (periodic: degree fewer), in double, then rounded for float32 rows. de Boor 1972, in the
 * order of operations of scipy's _deBoor_D. WEIR_ERR_NO_MEMORY; WEIR_ERR_LIMIT: too wide;
 * WEIR_ERR_INVALID: no function is given, or the linear continuation would need knots that are not
 * there. */
WEIR_MUST_USE enum weir_status weir_model_spline_new(struct weir_model_builder *b,
                                                     const struct weir_model_spline_opts *opts,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err);

#endif

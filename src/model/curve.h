/* SPDX-License-Identifier: MIT */
/* A line through points, over one column. */
#ifndef WEIR_MODEL_CURVE_H
#define WEIR_MODEL_CURVE_H

#include "model/builder.h"

struct weir_model_curve_opts {
    struct weir_str name; /* for faults */
    size_t n;             /* points, at least 1 */
    const double *x;      /* n, growing; one point: a constant */
    const double *y;      /* n */
    double min;           /* rows are moved within min … max when clips */
    double max;
    bool clips;  /* else rows outside the points get NaN */
    bool is_f32; /* rows are rounded to float32 first, and answers after */
    bool keeps_columns;
    const struct weir_labels *targets; /* one, in the builder's arena */
};

/* Makes a node of one column; predict is the straight line between the two points around it.
 * Refuses NaN and infinities. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_curve_new(struct weir_model_builder *b,
                                                    const struct weir_model_curve_opts *opts,
                                                    const struct weir_model_node **out,
                                                    struct weir_error *err);

#endif

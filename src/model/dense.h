/* SPDX-License-Identifier: MIT */
/* Rows against many points: products with a matrix of weights, or distances. What the linear,
 * neural, kernel, cluster and neighbour evaluators share. The order of the operations for one row
 * is fixed by the number of points, see model/lanes.h. */
#ifndef WEIR_MODEL_DENSE_H
#define WEIR_MODEL_DENSE_H

#include "model/builder.h"
#include "model/lanes.h"

/* Points, laid out for the lanes. Lives in the model's arena. */
struct weir_model_dense {
    const struct weir_model_lanes *lanes;
    enum weir_model_lanes_sum kind;
    bool is_narrow;
    uint32_t n_in;
    size_t n_points;
    const double *points;
};

/* Where the values of points are: point i's column j is at[i × point_stride + j × column_stride].
 * Read during the call only. */
struct weir_model_dense_view {
    const double *at;
    size_t point_stride;
    size_t column_stride;
};

/* Lays out n_points > 0 points of n_in > 0 columns. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status
weir_model_dense_init(struct weir_model_dense *d, struct weir_model_builder *b,
                      enum weir_model_lanes_sum kind, uint32_t n_in, size_t n_points,
                      struct weir_model_dense_view view, struct weir_error *err);

/* As above, for n_points × n_in values, row-major. */
WEIR_MUST_USE enum weir_status weir_model_dense_rows(struct weir_model_dense *d,
                                                     struct weir_model_builder *b,
                                                     enum weir_model_lanes_sum kind, uint32_t n_in,
                                                     size_t n_points, const double *points,
                                                     struct weir_error *err);

/* Fills out[row × out_stride + i] with the sum for each row and point i. */
void weir_model_dense_run(const struct weir_model_dense *d, const double *x, size_t stride,
                          size_t n_rows, double *out, size_t out_stride);

/* As above, for the points first … first + n − 1 only; first is a multiple of WEIR_MODEL_LANES and
 * there are at least that many points in all. out[row × out_stride + i − first]. */
void weir_model_dense_some(const struct weir_model_dense *d, const double *x, size_t stride,
                           size_t n_rows, size_t first, size_t n, double *out, size_t out_stride);

/* Returns value j of point i. */
double weir_model_dense_value(const struct weir_model_dense *d, size_t i, size_t j);

#endif

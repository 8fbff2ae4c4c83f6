/* SPDX-License-Identifier: MIT */
/* Centres: the nearest of some points, and the distances to all of them. Clusters, nearest
 * centroids. */
#ifndef WEIR_MODEL_CENTERS_H
#define WEIR_MODEL_CENTERS_H

#include "model/builder.h"
#include "model/dense.h"

struct weir_model_centers_opts {
    struct weir_str name; /* for faults */
    uint32_t n_in;
    size_t n_centers;                 /* at least 1 */
    const double *centers;            /* n_centers × n_in, row-major */
    enum weir_model_lanes_sum metric; /* SQUARES (Euclidean) or ABS (Manhattan) */
    const int32_t *labels; /* n_centers indexes into the target's labels; NULL: their numbers */
    bool transforms;       /* transform gives the distances */
    bool is_f32;           /* float32 rows get float32 distances */
    bool keeps_columns;
    const struct weir_labels *targets; /* one, in the builder's arena */
};

/* Makes a node; arrays are copied. predict: the nearest centre, the first of equals. Refuses NaN
 * and infinities at run time. Distances are sums of squared differences; the library expands them,
 * which loses digits near 0. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_centers_new(struct weir_model_builder *b,
                                                      const struct weir_model_centers_opts *opts,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err);

#endif

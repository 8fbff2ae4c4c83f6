/* SPDX-License-Identifier: MIT */
/* Votes and means of near points: k-nearest and radius neighbours. */
#ifndef WEIR_MODEL_NEIGHBORS_H
#define WEIR_MODEL_NEIGHBORS_H

#include "model/search.h"

struct weir_model_neighbors_opts {
    struct weir_str name; /* for faults */
    struct weir_model_search_opts search;
    size_t k; /* nearest points asked; 0: those within radius */
    double radius;
    bool by_distance;   /* a point counts 1 ÷ its distance, and only those at 0 if there are any */
    uint32_t n_targets; /* at least 1 */
    /* n_points × n_targets: class indexes, or numbers for regressors */
    const int32_t *classes; /* NULL: a regressor */
    const double *numbers;
    bool numbers_are_f32; /* means are rounded to float32 */
    bool is_vector;       /* one target is answered as [n] */
    /* Radius classifiers, for a row without points: n_targets class indexes; NULL: a fault. */
    const int32_t *outliers;
    bool keeps_columns;
    const struct weir_labels *targets; /* n_targets, in the builder's arena */
};

/* Makes a node; arrays are copied. Refuses NaN and infinities at run time. WEIR_ERR_NO_MEMORY,
 * WEIR_ERR_LIMIT, WEIR_ERR_CORRUPT. */
WEIR_MUST_USE enum weir_status
weir_model_neighbors_new(struct weir_model_builder *b, const struct weir_model_neighbors_opts *opts,
                         const struct weir_model_node **out, struct weir_error *err);

#endif

/* SPDX-License-Identifier: MIT */
/* Projections: y = (((x − centre) ÷ scale) W + bias) ÷ divisor for each row. PCA and its relatives,
 * partial least squares, discriminants. */
#ifndef WEIR_MODEL_PROJECT_H
#define WEIR_MODEL_PROJECT_H

#include "model/builder.h"
#include "model/dense.h"

struct weir_model_project_opts {
    struct weir_str name; /* for faults: "PCA" */
    uint32_t n_in;        /* at least 1 */
    uint32_t n_out;       /* at least 1 */
    const double *centre; /* n_in; NULL: none. Arrays are read during the call only */
    const double *scale;  /* n_in, divides; NULL: none */
    bool moves_in_place;  /* float32 rows stay float32 through centre and scale */
    struct weir_model_dense_view weights; /* n_out points of n_in columns */
    const double *bias;                   /* n_out; NULL: none */
    const double *divisor;                /* n_out; NULL: none */
    enum weir_output output; /* TRANSFORM, or PREDICT for a regressor with n_out targets */
    bool is_vector;          /* PREDICT: one value is answered as [n] */
    bool is_f32;             /* float32 rows give float32 */
    bool keeps_columns;      /* its columns are the model's features */
    const struct weir_labels *targets; /* PREDICT: n_out, in the builder's arena */
};

/* Makes a node. Refuses NaN and infinities at run time. Computed in double, rounded once at the
 * end; the order of the products is model/dense.h's. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_project_new(struct weir_model_builder *b,
                                                      const struct weir_model_project_opts *opts,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err);

#endif

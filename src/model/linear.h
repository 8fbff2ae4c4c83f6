/* SPDX-License-Identifier: MIT */
/* The linear evaluator: scores = W x + b for each row, then a head (model/head.h). */
#ifndef WEIR_MODEL_LINEAR_H
#define WEIR_MODEL_LINEAR_H

#include "model/builder.h"
#include "model/head.h"

struct weir_model_linear_opts {
    struct weir_str name;  /* for faults: "LogisticRegression" */
    uint32_t n_features;   /* at least 1 */
    const double *weights; /* head.n_scores × n_features, row-major; copied */
    const double *bias;    /* head.n_scores; NULL: none */
    bool weights_are_f32;  /* the file holds float32: with float32 rows the product is float32 */
    bool bias_is_f32;      /* adding it to a float32 product stays float32 */
    bool is_vector;        /* one score is answered as [n], not [n, 1] */
    bool keeps_columns;    /* its columns are the model's features */
    struct weir_model_head head;       /* is_f32 is set from the two above */
    const struct weir_labels *targets; /* in the builder's arena */
    size_t n_targets;
};

/* Makes a node, in the builder's arena. Refuses NaN and infinities at run time. WEIR_ERR_NO_MEMORY,
 * WEIR_ERR_LIMIT.
 *
 * Products are summed as model/dense.h says, then the bias is added; in double, whatever the rows'
 * type, and rounded to float where the
 * library would have computed in float. |a − b| <= 1e-12 (|b| + Σ|x w|) against the library's own
 * (BLAS) order; tests/parity prints what was measured. */
WEIR_MUST_USE enum weir_status weir_model_linear_new(struct weir_model_builder *b,
                                                     const struct weir_model_linear_opts *opts,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err);

#endif

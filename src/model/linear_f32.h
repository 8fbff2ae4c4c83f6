/* SPDX-License-Identifier: MIT */
/* The linear booster of XGBoost: scores = (bias + base) + Σ x w, added in float32, feature by
 * feature; a missing value adds nothing. */
#ifndef WEIR_MODEL_LINEAR_F32_H
#define WEIR_MODEL_LINEAR_F32_H

#include "model/builder.h"

struct weir_model_linear_f32_opts {
    struct weir_str name; /* for faults */
    uint32_t n_features;  /* at least 1 */
    uint32_t n_scores;    /* at least 1 */
    const float *weights; /* n_features × n_scores, a feature's weights together; copied */
    const float *bias;    /* n_scores; copied */
    float base;           /* added to each bias */
    bool has_missing_value;
    double missing_value; /* an x equal to it, after the cast, is missing, as NaN always is */
    bool keeps_columns;   /* its columns are the model's features */
};

/* Makes a node, in the builder's arena, that predicts n_scores numbers; bit-equal to the library's.
 * WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status
weir_model_linear_f32_new(struct weir_model_builder *b,
                          const struct weir_model_linear_f32_opts *opts,
                          const struct weir_model_node **out, struct weir_error *err);

#endif

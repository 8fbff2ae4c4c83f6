/* SPDX-License-Identifier: MIT */
/* From raw scores to labels and probabilities as ONNX Runtime's operators of ai.onnx.ml do it, in
 * float32 with their formulas; and their linear product. Needs no ONNX Runtime.
 *
 * Sources: the operators' specification (ai.onnx.ml, opsets 1 to 3), and what the library itself
 * answers (tests/parity, skl2onnx). */
#ifndef WEIR_MODEL_ONNX_SCORES_H
#define WEIR_MODEL_ONNX_SCORES_H

#include "model/builder.h"

enum weir_model_onnx_transform {
    WEIR_MODEL_ONNX_TRANSFORM_NONE,
    WEIR_MODEL_ONNX_TRANSFORM_SOFTMAX,  /* e^(s − max) / Σ */
    WEIR_MODEL_ONNX_TRANSFORM_LOGISTIC, /* of each score by itself */
};

/* Makes a node whose transform is (x − offset[j]) × scale[j] in float32, of rows cast to float32
 * first (operator Scaler); n values of each, copied. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_model_onnx_scores_scaler(struct weir_model_builder *b,
                                                             uint32_t n, const float *offset,
                                                             const float *scale,
                                                             const struct weir_model_node **out,
                                                             struct weir_error *err);

/* Which label is answered, and what the probabilities are made of. */
enum weir_model_onnx_rule {
    /* Several scores: the class of the largest (the first of equals), the scores transformed. */
    WEIR_MODEL_ONNX_RULE_LARGEST,
    /* One score s, all leaves >= 0: class 1 when s > 0.5; [1 − s, s]. */
    WEIR_MODEL_ONNX_RULE_SHARE,
    /* One score s, leaves of both signs: class 1 when s > 0; with LOGISTIC [logistic(−s),
     * logistic(s)], with NONE or SOFTMAX [−s, s]. */
    WEIR_MODEL_ONNX_RULE_SIGN,
    /* One score s of a linear classifier, two classes: class 1 when s > 0; [1 − s, s]. */
    WEIR_MODEL_ONNX_RULE_ROW,
};

struct weir_model_onnx_scores_opts {
    const struct weir_model_node *scores; /* its predict: n_scores numbers for each row, floats */
    enum weir_model_onnx_rule rule;
    enum weir_model_onnx_transform transform;
    bool divides_by_sum;     /* each row is divided by Σ|p| at the end, unless that is 0 */
    bool gives_labels;       /* predict */
    enum weir_output output; /* what the probabilities are called; WEIR_OUTPUT_PREDICT:
                                they are not given */
    const struct weir_labels *targets; /* one, in the builder's arena */
};

/* Makes a classifier of a node of scores. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT: nested too deep. */
WEIR_MUST_USE enum weir_status
weir_model_onnx_scores_new(struct weir_model_builder *b,
                           const struct weir_model_onnx_scores_opts *opts,
                           const struct weir_model_node **out, struct weir_error *err);

struct weir_model_onnx_linear_opts {
    uint32_t n_features;      /* at least 1 */
    uint32_t n_scores;        /* at least 1 */
    const double *weights;    /* n_scores × n_features, row-major; copied */
    const double *intercepts; /* n_scores; NULL: zeros */
};

/* Makes a node whose predict is W x + b in float32: summed in double, rounded at the end, so within
 * (n_features + 2) · 2^−24 · (|b| + Σ|x w|) of the library's float32 sums. NaN and infinities
 * pass. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status
weir_model_onnx_scores_linear(struct weir_model_builder *b,
                              const struct weir_model_onnx_linear_opts *opts,
                              const struct weir_model_node **out, struct weir_error *err);

#endif

/* SPDX-License-Identifier: MIT */
/* Support vector machines as ONNX Runtime's operators compute them (SVMClassifier, SVMRegressor of
 * ai.onnx.ml 1): kernels in float32, sums of them in double, answers in float32.
 *
 * Of RBF kernels every operation is the library's, so the scores are its bits where expf is; the
 * other kernels' products are summed in double and rounded, within the rounding of the library's
 * float32 sums. Source: the operators' specification, and what the library itself answers
 * (tests/parity, skl2onnx). */
#ifndef WEIR_MODEL_ONNX_MACHINE_H
#define WEIR_MODEL_ONNX_MACHINE_H

#include "model/builder.h"
#include "model/kernel.h"

struct weir_model_onnx_machine_opts {
    enum weir_model_kernel_kind kind; /* LINEAR, POLY, RBF, SIGMOID */
    float gamma, coef0, degree;
    uint32_t n_features; /* at least 1 */
    size_t n_points;     /* at least 1 */
    const float *points; /* n_points × n_features, row-major; copied */
    size_t n_classes;    /* at least 2; 0: a regressor */
    /* Classifiers: the points of class 0 come first; n_classes counts that add up to n_points. */
    const int64_t *n_support;
    const float *coefs; /* (n_classes − 1, at least 1) × n_points; copied */
    const float *rho; /* one for each pair of classes (0, 1), (0, 2), …; regressors: one; copied */
    const float *prob_a; /* as many; NULL: the decisions are answered, not probabilities; copied */
    const float *prob_b; /* as many */
    bool gives_labels;   /* classifiers: predict */
    enum weir_output output;           /* what the scores are called; PREDICT: not given */
    const struct weir_labels *targets; /* one, in the builder's arena; regressors: n is 0 */
};

/* Makes a node: a regressor's predict is one number; a classifier's scores are n_classes
 * probabilities, or without prob_a the decisions of all pairs, of two classes [−s, s]. NaN and
 * infinities pass. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status
weir_model_onnx_machine_new(struct weir_model_builder *b,
                            const struct weir_model_onnx_machine_opts *opts,
                            const struct weir_model_node **out, struct weir_error *err);

#endif

/* SPDX-License-Identifier: MIT */
/* SVMClassifier and SVMRegressor (ai.onnx.ml 1) as our kernel machine. */
#ifndef WEIR_FORMAT_ONNX_SVM_H
#define WEIR_FORMAT_ONNX_SVM_H

#include "format/onnx/graph.h"
#include "model/onnx_machine.h"

/* Fills opts from the node's attributes: kernel, points, coefficients, rho, probabilities;
 * n_classes is opts->n_classes (0: a regressor), n_features opts->n_features. false: not of the
 * form that is computed here (no support vectors, a class without any, transforms, attributes that
 * are not known or contradict each other). What opts points to is the node's, or in temp. */
bool weir_format_onnx_svm_read(const struct weir_format_onnx_node *node,
                               struct weir_model_onnx_machine_opts *opts);

#endif

/* SPDX-License-Identifier: MIT */
/* Nodes that exporters put around an operator: what they do to the values that go through. */
#ifndef WEIR_FORMAT_ONNX_PASS_H
#define WEIR_FORMAT_ONNX_PASS_H

#include "format/onnx/node.h"
#include "model/onnx_scores.h"

/* Finds whether a node only passes its one input on, for a value of this TensorProto.DataType. */
bool weir_format_onnx_pass_plain(const struct weir_format_onnx_node *node, int32_t type);

/* Finds whether a ZipMap's keys are these labels. */
bool weir_format_onnx_pass_has_keys(const struct weir_format_onnx_node *node,
                                    const struct weir_labels *labels);

/* Finds whether a node divides each row by the sum of its absolute values. */
bool weir_format_onnx_pass_is_sum_normalizer(const struct weir_format_onnx_node *node);

/* Reads a classifier's post_transform; false: one that is not computed here. */
bool weir_format_onnx_pass_transform(const struct weir_format_onnx_node *node,
                                     enum weir_model_onnx_transform *out);

#endif

/* SPDX-License-Identifier: MIT */
/* Elementwise operators behind a classifier's scores: what exporters spell out as nodes (one
 * against the rest from the decisions of pairs, a change of sign, one column of two). */
#ifndef WEIR_FORMAT_ONNX_PROGRAM_H
#define WEIR_FORMAT_ONNX_PROGRAM_H

#include "format/onnx/graph.h"
#include "model/onnx_program.h"

/* Compiles every operator that computes from one value, n_scores columns of float, up to an output
 * of the graph. is_used: by node; those that are used already are passed over, those compiled are
 * marked. On success *out lies in temp and *name is the output. n_results is 0 when an operator
 * (Identity, Cast, Neg, Abs, Less, Add, Mul, Div, Sum, Concat, ArrayFeatureExtractor), a shape or a
 * constant is not of this kind, or not exactly one output is computed so. WEIR_ERR_LIMIT: no memory
 * in temp. */
WEIR_MUST_USE enum weir_status
weir_format_onnx_program_compile(const struct weir_format_onnx_graph *g, struct weir_arena *temp,
                                 struct weir_str value, uint32_t n_scores, bool *is_used,
                                 struct weir_model_onnx_program *out, struct weir_str *name,
                                 struct weir_error *err);

#endif

/* SPDX-License-Identifier: MIT */
/* Graphs that our own evaluators compute: one float matrix in, perhaps scaled, then an ensemble of
 * trees or a linear model, then what exporters put around it (Cast, Identity, Normalizer, ZipMap).
 *
 * A graph is recognised only when every node, attribute and output of it is understood and computed
 * as ONNX Runtime does it: trees bit for bit, linear models within the rounding of a float32 sum.
 * Anything else is left to ONNX Runtime. README.md lists the shapes. */
#ifndef WEIR_FORMAT_ONNX_NATIVE_H
#define WEIR_FORMAT_ONNX_NATIVE_H

#include "format/onnx/graph.h"
#include "model/builder.h"

/* Makes the root node of a recognised graph and fills the spec's input name and the outputs'
 * aliases with the graph's names. *out is NULL, and the builder's spec as it was, when the graph is
 * not recognised. WEIR_ERR_CORRUPT: it is, but contradicts itself; WEIR_ERR_LIMIT,
 * WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_format_onnx_native_build(const struct weir_format_onnx_graph *g,
                                                             struct weir_model_builder *b,
                                                             struct weir_arena *temp,
                                                             const struct weir_model_node **out,
                                                             struct weir_error *err);

#endif

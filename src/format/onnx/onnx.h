/* SPDX-License-Identifier: MIT */
/* ONNX files: `model.onnx`. What our own evaluators compute exactly as ONNX Runtime does (trees,
 * linear models, scalers; format/onnx/native.h) is built from them; everything else is run by ONNX
 * Runtime. See README.md here. */
#ifndef WEIR_FORMAT_ONNX_ONNX_H
#define WEIR_FORMAT_ONNX_ONNX_H

#include "format/format.h"

/* See struct weir_format_reader. */
bool weir_format_onnx_probe(struct weir_str bytes);
WEIR_MUST_USE enum weir_status weir_format_onnx_load(struct weir_model **out,
                                                     const struct weir_format_file *file,
                                                     struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_onnx_describe(struct weir_buf *out,
                                                         const struct weir_format_file *file,
                                                         enum weir_format_describe how,
                                                         struct weir_error *err);

#endif

/* SPDX-License-Identifier: MIT */
/* Tensors that a model keeps in files beside its own ("external data").
 *
 * They are refused unless the caller allows them. Then each file must be named by a relative path
 * that stays below the folder of the model file and leads to a regular file there, also through
 * symbolic links; its bytes are read here and handed to the runtime, which opens nothing. */
#ifndef WEIR_FORMAT_ONNX_EXTERNAL_H
#define WEIR_FORMAT_ONNX_EXTERNAL_H

#include "format/onnx/graph.h"
#include "model/onnx.h"

/* Finds the first tensor that is kept in another file, in graphs within graphs and in functions
 * too; *out is that file's name, empty: there is none. WEIR_ERR_CORRUPT, WEIR_ERR_LIMIT (graphs
 * nested too deep). */
WEIR_MUST_USE enum weir_status
weir_format_onnx_external_find(struct weir_str model, struct weir_str *out, struct weir_error *err);

/* Reads all files that tensors are kept in. path: of the model file; the files' bytes and names go
 * into the arena. WEIR_ERR_INVALID: a path that leads elsewhere, or no regular file;
 * WEIR_ERR_NOT_FOUND, WEIR_ERR_IO, WEIR_ERR_LIMIT: more than bytes_max in all. */
WEIR_MUST_USE enum weir_status
weir_format_onnx_external_read(struct weir_str model, struct weir_str path, uint64_t bytes_max,
                               struct weir_arena *arena, const struct weir_model_onnx_file **out,
                               size_t *n, struct weir_error *err);

#endif

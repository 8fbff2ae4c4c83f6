/* SPDX-License-Identifier: MIT */
/* Constants of an ONNX file: TensorProto. */
#ifndef WEIR_FORMAT_ONNX_TENSOR_H
#define WEIR_FORMAT_ONNX_TENSOR_H

#include "base/arena.h"
#include "base/str.h"
#include <weir/spec.h>

enum {
    WEIR_FORMAT_ONNX_DIMS_MAX = 32, /* dimensions of a tensor */
    WEIR_FORMAT_ONNX_FLOAT = 1,     /* TensorProto.DataType, of those that are named in code */
    WEIR_FORMAT_ONNX_INT32 = 6,
    WEIR_FORMAT_ONNX_INT64 = 7,
    WEIR_FORMAT_ONNX_STRING = 8,
    WEIR_FORMAT_ONNX_BOOL = 9,
    WEIR_FORMAT_ONNX_DOUBLE = 11,
};

/* A constant; what it points to is in the arena or in the file's bytes. */
struct weir_format_onnx_tensor {
    struct weir_str name;
    int32_t type; /* TensorProto.DataType */
    uint32_t n_dims;
    const int64_t *dims;   /* n_dims, each >= 0 */
    size_t n;              /* their product */
    bool is_external;      /* its values are in another file */
    struct weir_str file;  /* that file's name as the model gives it */
    struct weir_str bytes; /* the TensorProto */
};

/* Reads the head of a TensorProto. WEIR_ERR_CORRUPT: it is cut, or its shape is impossible;
 * WEIR_ERR_LIMIT: too many dimensions, or no memory in the arena. */
WEIR_MUST_USE enum weir_status weir_format_onnx_tensor_parse(struct weir_format_onnx_tensor *out,
                                                             struct weir_str bytes,
                                                             struct weir_arena *arena,
                                                             struct weir_error *err);

/* Reads the values of a constant of type FLOAT, DOUBLE, INT64, INT32 or BOOL as doubles (INT64
 * beyond 2^53 is rounded) into the arena: n of them. WEIR_ERR_CORRUPT: fewer or more values than
 * the shape says; WEIR_ERR_UNSUPPORTED: another type, or external. */
WEIR_MUST_USE enum weir_status
weir_format_onnx_tensor_values(const struct weir_format_onnx_tensor *tensor,
                               struct weir_arena *arena, double **out, struct weir_error *err);

/* Finds our element type for a TensorProto.DataType; false: it has none. */
bool weir_format_onnx_tensor_dtype(int32_t type, enum weir_dtype *out);

/* Returns the name of a TensorProto.DataType as ONNX writes it ("float", "int64"), borrowed for
 * ever. */
const char *weir_format_onnx_tensor_type_name(int32_t type);

#endif

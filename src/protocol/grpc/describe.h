/* SPDX-License-Identifier: MIT */
/* What a model takes and gives, tensor by tensor, as its metadata and configuration tell it. */
#ifndef WEIR_PROTOCOL_GRPC_DESCRIBE_H
#define WEIR_PROTOCOL_GRPC_DESCRIBE_H

#include "tensor/spec.h"

/* Is told of a tensor: its name, type and dimensions, −1: any. */
typedef void weir_protocol_grpc_describe_fn(void *ctx, struct weir_str name, enum weir_dtype dtype,
                                            const int64_t *dims, size_t n_dims);

/* Tells of all inputs: the matrix, a frame's columns, or a graph's own. */
void weir_protocol_grpc_describe_inputs(const struct weir_spec *spec,
                                        weir_protocol_grpc_describe_fn *fn, void *ctx);

/* Tells of all outputs that may be asked for. */
void weir_protocol_grpc_describe_outputs(const struct weir_spec *spec,
                                         weir_protocol_grpc_describe_fn *fn, void *ctx);

#endif

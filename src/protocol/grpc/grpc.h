/* SPDX-License-Identifier: MIT */
/* Services over gRPC: Open Inference Protocol v2 with Triton's extensions, TensorFlow Serving,
 * health and reflection.
 *
 * Bodies are messages of protobuf, without gRPC's framing, which is the server's. What encode and
 * page append is framed: five bytes stand before each message (weir_protocol_grpc_begin), so that
 * no answer is copied for them. */
#ifndef WEIR_PROTOCOL_GRPC_GRPC_H
#define WEIR_PROTOCOL_GRPC_GRPC_H

#include "protocol/dialect.h"

extern const struct weir_protocol_ops weir_protocol_grpc;

enum { WEIR_PROTOCOL_GRPC_FRAME_BYTES = 5 }; /* before a message: a flag and its length */

/* What a route of this dialect asks for. */
enum weir_protocol_grpc_action {
    WEIR_PROTOCOL_GRPC_INFER,
    WEIR_PROTOCOL_GRPC_STREAM_INFER, /* its answers are wrapped (ModelStreamInferResponse) */
};

/* Begins a framed message at the end of buf and returns its place, for the end. */
size_t weir_protocol_grpc_begin(struct weir_buf *buf);
void weir_protocol_grpc_end(struct weir_buf *buf, size_t place);

/* Appends an error of ModelStreamInfer, framed: there the stream goes on after it. */
void weir_protocol_grpc_stream_error(struct weir_buf *buf, struct weir_str text);

#endif

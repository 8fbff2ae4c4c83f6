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
    WEIR_PROTOCOL_GRPC_LIVE,
    WEIR_PROTOCOL_GRPC_READY,
    WEIR_PROTOCOL_GRPC_SERVER,
    WEIR_PROTOCOL_GRPC_MODEL_READY,
    WEIR_PROTOCOL_GRPC_MODEL,
    WEIR_PROTOCOL_GRPC_CONFIG,
    WEIR_PROTOCOL_GRPC_STATISTICS,
    WEIR_PROTOCOL_GRPC_INDEX,
    WEIR_PROTOCOL_GRPC_LOAD,
    WEIR_PROTOCOL_GRPC_UNLOAD,
    WEIR_PROTOCOL_GRPC_LOG,
    WEIR_PROTOCOL_GRPC_TRACE,
    WEIR_PROTOCOL_GRPC_SHARED_NONE, /* the state of shared memory, or to forget some */
    WEIR_PROTOCOL_GRPC_SHARED_REGISTER,
    WEIR_PROTOCOL_GRPC_HEALTH,
    WEIR_PROTOCOL_GRPC_HEALTH_WATCH,
    WEIR_PROTOCOL_GRPC_REFLECTION,
    WEIR_PROTOCOL_GRPC_TFS_PREDICT, /* TensorFlow Serving's */
    WEIR_PROTOCOL_GRPC_TFS_METADATA,
    WEIR_PROTOCOL_GRPC_TFS_STATUS,
};

/* Begins a framed message at the end of buf and returns its place, for the end. */
size_t weir_protocol_grpc_begin(struct weir_buf *buf);
void weir_protocol_grpc_end(struct weir_buf *buf, size_t place);

/* The same when what was appended has been compressed. */
void weir_protocol_grpc_end_coded(struct weir_buf *buf, size_t place);

/* As weir_protocol_ops.page and .order. */
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_pages_write(const struct weir_protocol_question *question,
                               const struct weir_protocol_catalog *catalog,
                               struct weir_protocol_page *out, struct weir_error *err);
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_pages_order(const struct weir_protocol_question *question,
                               struct weir_protocol_order *out, struct weir_error *err);

/* Appends an error of ModelStreamInfer, framed: there the stream goes on after it. */
void weir_protocol_grpc_stream_error(struct weir_buf *buf, struct weir_str text);

#endif

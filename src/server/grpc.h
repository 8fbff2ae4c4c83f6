/* SPDX-License-Identifier: MIT */
/* gRPC over HTTP/2: what is around the messages of protocol/grpc. A unary call takes the way of any
 * request; here its frame is taken off, and its answer gets trailers. Calls that stream are in
 * grpc_stream.h. Runs on the shard's loop throughout. */
#ifndef WEIR_SERVER_GRPC_H
#define WEIR_SERVER_GRPC_H

#include "server/grpc_wire.h"
#include "server/predict.h"

/* Finds whether a dialect is spoken over gRPC. */
bool weir_server_grpc_is(const struct weir_protocol_ops *ops);

/* Checks a call's head: type, timeout, coding; then as weir_server_predict_head. REPLIED: it was
 * refused. */
enum weir_http_verdict weir_server_grpc_head(struct weir_server_shard *shard,
                                             struct weir_http_req *req,
                                             const struct weir_server_route *route);

/* Takes a unary call whose body is whole. */
void weir_server_grpc_body(struct weir_server_shard *shard, struct weir_http_req *req,
                           const struct weir_server_route *route);

/* Sends an answer whose body is framed, with the status OK behind it. */
void weir_server_grpc_reply(struct weir_server_shard *shard, struct weir_http_ticket ticket,
                            struct weir_http_reply *reply);

/* Answers with a status alone; fields: more header lines. Nobody may be waiting any more. */
void weir_server_grpc_fail(struct weir_server_shard *shard, struct weir_http_ticket ticket,
                           enum weir_server_grpc_status status, struct weir_str fields,
                           struct weir_str text);

/* Rewords what the HTTP side refuses, if it is a call of gRPC (else false); for
 * weir_http_handlers.refusal. */
bool weir_server_grpc_refusal(const struct weir_http_req *req, struct weir_str text,
                              struct weir_http_reply *reply, struct weir_buf *room);

/* Reads what a call's head says about time and coding; the head was checked. timeout_ns:
 * UINT64_MAX, none. */
void weir_server_grpc_read(const struct weir_http_req *req, uint64_t *timeout_ns,
                           enum weir_server_grpc_coding *coding);

/* Returns how answers may be compressed: as the client does it itself, if it says that it reads
 * that. enum weir_codec_coding. */
uint8_t weir_server_grpc_answer_coding(const struct weir_http_req *req,
                                       enum weir_server_grpc_coding coding);

/* A message, as far as it may be inflated on the loop. */
struct weir_server_grpc_message {
    struct weir_str bytes;              /* whole; or the frame's, where target_bytes is not 0 */
    size_t target_bytes;                /* see struct weir_server_ask */
    struct weir_protocol_target target; /* views into *unpacked, where target_bytes is not 0 */
};

/* Gives a frame's message: the frame's own bytes, or what they are inflated to, in *unpacked; of a
 * long one of a prediction only the model that it is for, as a worker inflates it. Not OK: err says
 * why. *out must not move: target may point into it. */
enum weir_server_grpc_status
weir_server_grpc_unpack(struct weir_server_shard *shard, const struct weir_server_route *route,
                        const struct weir_server_grpc_frame *frame,
                        enum weir_server_grpc_coding coding, struct weir_buf *unpacked,
                        struct weir_server_grpc_message *out, struct weir_error *err);

#endif

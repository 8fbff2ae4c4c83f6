/* SPDX-License-Identifier: MIT */
/* The way of one prediction: head, body, batch, run, answer. Runs on the shard's loop throughout.
 */
#ifndef WEIR_SERVER_PREDICT_H
#define WEIR_SERVER_PREDICT_H

#include "server/routes.h"
#include "server/shard.h"

/* A prediction that is asked for, however it came. Views are valid during the call. A new member is
 * to be set by weir_server_predict_read, which clears nothing. */
struct weir_server_ask {
    const struct weir_server_route *route;
    struct weir_protocol_head head;
    struct weir_protocol_target target;   /* as far as the path names it */
    struct weir_http_req *req;            /* NULL: it is part of a stream */
    struct weir_http_ticket ticket;       /* of the request, or of the stream */
    struct weir_server_grpc_entry *entry; /* of that stream; NULL: none */
    struct weir_str body;                 /* what the dialect reads */
    size_t body_at;                       /* where that begins in the request's body; */
    struct weir_buf *unpacked;            /* not NULL: it is this buffer's instead, taken if kept */
    uint64_t begun_ns;                    /* the read event that completed the head */
    uint64_t timeout_ns;                  /* as the client asks; UINT64_MAX: it does not */
    struct weir_str request_id;           /* X-Request-Id; may be any */
    bool wants_timing;
    uint8_t coding;      /* gRPC: as the answer may be, enum weir_codec_coding */
    uint8_t n_codings;   /* to be undone before the dialect reads the body */
    size_t target_bytes; /* not 0: target was found in so many of the first bytes that come out */
};

/* Fills all of an ask that a request's head says; the body is what was sent. Returns 0, or the HTTP
 * status with which the request is refused; err says why. */
int weir_server_predict_read(struct weir_http_req *req, const struct weir_server_route *route,
                             struct weir_server_ask *ask, struct weir_error *err);

/* Decodes what is asked into a batch, or gives it to a worker if it is large; or refuses it. */
void weir_server_predict_ask(struct weir_server_shard *shard, const struct weir_server_ask *ask);

/* Checks a prediction's head: model, deadline, admission, coding. REPLIED: it was refused. */
enum weir_http_verdict weir_server_predict_head(struct weir_server_shard *shard,
                                                struct weir_http_req *req,
                                                const struct weir_server_route *route);

/* Decodes a prediction's body into a batch, or gives a large one to a worker. */
void weir_server_predict_body(struct weir_server_shard *shard, struct weir_http_req *req,
                              const struct weir_server_route *route);

#endif

/* SPDX-License-Identifier: MIT */
#include "server/grpc.h"

#include "base/macros.h"
#include "codec/coding.h"
#include "codec/protobuf.h"
#include "protocol/grpc/grpc.h"
#include "server/pages.h"

#include <string.h>

#define ACCEPTED "grpc-accept-encoding: " WEIR_SERVER_GRPC_CODINGS "\r\n"

static const char type[] = "application/grpc";

bool weir_server_grpc_is(const struct weir_protocol_ops *ops)
{
    return ops == &weir_protocol_grpc;
}

void weir_server_grpc_reply(struct weir_server_shard *shard, struct weir_http_ticket ticket,
                            struct weir_http_reply *reply)
{
    reply->status = 200;
    reply->content_type = type;
    reply->trailers = WEIR_STR("grpc-status: 0\r\n");
    (void)weir_http_reply(shard->loop.http, ticket, reply); /* Nobody may be waiting. */
}

void weir_server_grpc_fail(struct weir_server_shard *shard, struct weir_http_ticket ticket,
                           enum weir_server_grpc_status status, struct weir_str fields,
                           struct weir_str text)
{
    struct weir_buf lines = {.mem = shard->shared->mem};
    weir_buf_append_str(&lines, fields);
    weir_server_grpc_wire_append_status(&lines, status, text);
    struct weir_http_reply reply = {
        .status = 200, .content_type = type, .fields = weir_buf_str(&lines)};
    if (!weir_buf_ok(&lines))
        reply.fields = WEIR_STR("grpc-status: 14\r\n");
    (void)weir_http_reply(shard->loop.http, ticket, &reply); /* Nobody may be waiting. */
    weir_buf_deinit(&lines);
}

/* Says why a call is not routed. */
static struct weir_str no_method(struct weir_str path)
{
    for (size_t i = 0; i < weir_protocol_grpc.n_routes; i++) {
        const struct weir_protocol_route *route = &weir_protocol_grpc.routes[i];
        if (route->flags & WEIR_PROTOCOL_REPOSITORY && weir_str_eq_c(path, route->pattern))
            return WEIR_STR("models are loaded and unloaded on the admin listener; repository_api: "
                            "main allows it on this one, too");
    }
    return WEIR_STR("there is no such method");
}

bool weir_server_grpc_refusal(const struct weir_http_req *req, struct weir_str text,
                              struct weir_http_reply *reply, struct weir_buf *room)
{
    if (!weir_server_grpc_wire_is_type(weir_http_req_header(req, WEIR_HTTP_FIELD_CONTENT_TYPE)))
        return false;
    /* A path that is not routed is a method that there is not. */
    enum weir_server_grpc_status status = reply->status == 404
                                              ? WEIR_SERVER_GRPC_UNIMPLEMENTED
                                              : weir_server_grpc_wire_status(reply->status);
    weir_server_grpc_wire_append_status(
        room, status, reply->status == 404 ? no_method(weir_http_req_path(req)) : text);
    if (!weir_buf_ok(room))
        return true;
    reply->status = 200;
    reply->content_type = type;
    reply->fields = weir_buf_str(room);
    reply->body = WEIR_STR("");
    return true;
}

void weir_server_grpc_read(const struct weir_http_req *req, uint64_t *timeout_ns,
                           enum weir_server_grpc_coding *coding)
{
    struct weir_str timeout = weir_http_req_header(req, WEIR_HTTP_FIELD_GRPC_TIMEOUT);
    *timeout_ns = UINT64_MAX;
    (void)weir_server_grpc_wire_timeout(timeout, timeout_ns); /* What is not there stays none. */
    *coding = WEIR_SERVER_GRPC_IDENTITY;
    (void)weir_server_grpc_wire_coding(weir_http_req_header(req, WEIR_HTTP_FIELD_GRPC_ENCODING),
                                       coding);
}

uint8_t weir_server_grpc_answer_coding(const struct weir_http_req *req,
                                       enum weir_server_grpc_coding coding)
{
    struct weir_str rest = weir_http_req_header(req, WEIR_HTTP_FIELD_GRPC_ACCEPT_ENCODING);
    while (coding != WEIR_SERVER_GRPC_IDENTITY && rest.n > 0) {
        enum weir_server_grpc_coding accepted;
        struct weir_str name = weir_str_trim(weir_str_split(&rest, ','));
        if (weir_server_grpc_wire_coding(name, &accepted) && accepted == coding)
            return coding == WEIR_SERVER_GRPC_GZIP ? WEIR_CODEC_CODING_GZIP
                                                   : WEIR_CODEC_CODING_DEFLATE;
    }
    return WEIR_CODEC_CODING_IDENTITY;
}

enum weir_http_verdict weir_server_grpc_head(struct weir_server_shard *shard,
                                             struct weir_http_req *req,
                                             const struct weir_server_route *route)
{
    struct weir_http_ticket ticket = weir_http_req_ticket(req);
    struct weir_str timeout = weir_http_req_header(req, WEIR_HTTP_FIELD_GRPC_TIMEOUT);
    enum weir_server_grpc_coding coding;
    uint64_t timeout_ns;
    if (!weir_server_grpc_wire_is_type(weir_http_req_header(req, WEIR_HTTP_FIELD_CONTENT_TYPE))) {
        (void)weir_http_reply_error(shard->loop.http, ticket, 415, 0,
                                    WEIR_STR("expected Content-Type: application/grpc"));
        return WEIR_HTTP_REPLIED;
    }
    if (!weir_http_req_is_http2(req)) {
        (void)weir_http_reply_error(shard->loop.http, ticket, 505, 0,
                                    WEIR_STR("gRPC needs HTTP/2"));
        return WEIR_HTTP_REPLIED;
    }
    if (timeout.at && !weir_server_grpc_wire_timeout(timeout, &timeout_ns)) {
        weir_server_grpc_fail(shard, ticket, WEIR_SERVER_GRPC_INTERNAL, WEIR_STR(""),
                              WEIR_STR("grpc-timeout: expected up to 8 digits and a unit"));
        return WEIR_HTTP_REPLIED;
    }
    if (!weir_server_grpc_wire_coding(weir_http_req_header(req, WEIR_HTTP_FIELD_GRPC_ENCODING),
                                      &coding)) {
        weir_server_grpc_fail(shard, ticket, WEIR_SERVER_GRPC_UNIMPLEMENTED, WEIR_STR(ACCEPTED),
                              WEIR_STR("grpc-encoding: expected " WEIR_SERVER_GRPC_CODINGS));
        return WEIR_HTTP_REPLIED;
    }
    return route->route->act == WEIR_PROTOCOL_PREDICT ? weir_server_predict_head(shard, req, route)
                                                      : WEIR_HTTP_ACCEPT;
}

/* Finds the model in what was inflated so far of a long message. */
static enum weir_server_grpc_status find_target(const struct weir_server_route *route,
                                                struct weir_str part,
                                                struct weir_server_grpc_message *out,
                                                struct weir_error *err)
{
    const struct weir_protocol_head head = {.dialect = route->dialect,
                                            .action = route->route->action};
    struct weir_str whole = weir_codec_protobuf_whole(part);
    if (route->ops->target(&head, whole, &out->target, err) != WEIR_OK ||
        out->target.model.n == 0) {
        (void)weir_error_set(err, WEIR_ERR_LIMIT,
                             "a compressed message that inflates to more than %zu bytes must begin "
                             "with the model's name",
                             (size_t)WEIR_SERVER_INLINE_BODY_BYTES_MAX);
        return WEIR_SERVER_GRPC_RESOURCE_EXHAUSTED;
    }
    out->target_bytes = whole.n;
    return WEIR_SERVER_GRPC_OK;
}

enum weir_server_grpc_status
weir_server_grpc_unpack(struct weir_server_shard *shard, const struct weir_server_route *route,
                        const struct weir_server_grpc_frame *frame,
                        enum weir_server_grpc_coding coding, struct weir_buf *unpacked,
                        struct weir_server_grpc_message *out, struct weir_error *err)
{
    out->bytes = frame->bytes;
    out->target_bytes = 0;
    out->target.model = out->target.version = WEIR_STR("");
    if (!frame->is_compressed)
        return WEIR_SERVER_GRPC_OK;
    if (coding == WEIR_SERVER_GRPC_IDENTITY) {
        (void)weir_error_set(err, WEIR_ERR_INVALID, "a compressed message without grpc-encoding");
        return WEIR_SERVER_GRPC_INTERNAL;
    }
    const struct weir_config *config = shard->loop.config;
    struct weir_codec_inflate_limits limits = {config->body_bytes_max, config->inflated_ratio_max};
    bool is_cut = limits.bytes_max > WEIR_SERVER_INLINE_BODY_BYTES_MAX;
    if (is_cut)
        limits.bytes_max = WEIR_SERVER_INLINE_BODY_BYTES_MAX;
    unpacked->mem = shard->shared->mem;
    enum weir_status status = weir_codec_inflate_all(frame->bytes, limits, unpacked, err);
    if (status == WEIR_ERR_LIMIT && is_cut && route->route->act == WEIR_PROTOCOL_PREDICT)
        return find_target(route, weir_buf_str(unpacked), out, err);
    out->bytes = weir_buf_str(unpacked);
    if (status == WEIR_OK)
        return WEIR_SERVER_GRPC_OK;
    if (status == WEIR_ERR_LIMIT)
        return WEIR_SERVER_GRPC_RESOURCE_EXHAUSTED;
    return status == WEIR_ERR_NO_MEMORY ? WEIR_SERVER_GRPC_UNAVAILABLE : WEIR_SERVER_GRPC_INTERNAL;
}

/* Finds the only message of a unary call's body. */
static enum weir_server_grpc_status
take_message(struct weir_server_shard *shard, const struct weir_server_route *route,
             struct weir_str body, enum weir_server_grpc_coding coding, struct weir_buf *unpacked,
             struct weir_server_grpc_message *message, struct weir_error *err)
{
    struct weir_server_grpc_frame frame;
    uint64_t n_bytes;
    if (!weir_server_grpc_wire_take(&body, &frame, &n_bytes)) {
        (void)weir_error_set(err, WEIR_ERR_INVALID,
                             body.n > 0 ? "the message is cut short" : "there is no message");
        return WEIR_SERVER_GRPC_INTERNAL;
    }
    if (body.n > 0) {
        (void)weir_error_set(err, WEIR_ERR_INVALID, "more than one message");
        return WEIR_SERVER_GRPC_INTERNAL;
    }
    return weir_server_grpc_unpack(shard, route, &frame, coding, unpacked, message, err);
}

void weir_server_grpc_body(struct weir_server_shard *shard, struct weir_http_req *req,
                           const struct weir_server_route *route)
{
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_buf unpacked = {.mem = shard->shared->mem};
    struct weir_str body = weir_http_req_body(req);
    struct weir_server_grpc_message message;
    enum weir_server_grpc_coding coding;
    uint64_t timeout_ns;
    weir_server_grpc_read(req, &timeout_ns, &coding);
    enum weir_server_grpc_status status =
        take_message(shard, route, body, coding, &unpacked, &message, &err);
    if (status != WEIR_SERVER_GRPC_OK) {
        weir_server_grpc_fail(shard, weir_http_req_ticket(req), status, WEIR_STR(""),
                              weir_str_c(err.msg));
    } else if (route->route->act == WEIR_PROTOCOL_PREDICT) {
        struct weir_server_ask ask;
        int code = weir_server_predict_read(req, route, &ask, NULL);
        weir_assert(code == 0); /* Else the head was refused. */
        ask.body = message.bytes;
        ask.coding = weir_server_grpc_answer_coding(req, coding);
        ask.body_at = WEIR_PROTOCOL_GRPC_FRAME_BYTES;
        ask.unpacked = message.bytes.at == unpacked.at ? &unpacked : NULL;
        ask.target_bytes = message.target_bytes;
        if (message.target_bytes > 0) {
            ask.n_codings = 1;
            ask.target = message.target;
        }
        if (timeout_ns < ask.timeout_ns)
            ask.timeout_ns = timeout_ns;
        weir_server_predict_ask(shard, &ask);
    } else {
        struct weir_protocol_question question = {.route = route->route, .body = message.bytes};
        weir_server_pages_ask(shard, req, route, &question);
    }
    weir_buf_deinit(&unpacked);
}

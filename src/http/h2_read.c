/* SPDX-License-Identifier: MIT */
/* Requests of an HTTP/2 connection: what nghttp2 has found to be heads and bodies goes to the
 * handlers as it does for HTTP/1.
 *
 * A body that comes whole in one read is shown where it lies: bytes of DATA are `pending` until
 * either the stream's end is seen, or anything else is looked at, which copies them first. Windows
 * are opened again as soon as bytes are taken, since what is held is limited by body_bytes_max and
 * buffered_bytes_max and not by windows; a body that is or may be long gets a larger one. Only
 * streams leave that to their handler. */
#include "base/macros.h"
#include "http/h2_priv.h"

#include <nghttp2/nghttp2.h>

/* Gives n bytes back to the window of the connection, and n_stream to that of the stream. */
static void consume(struct weir_http_h2 *h2, int32_t stream_id, size_t n, size_t n_stream)
{
    int error = n > 0 ? nghttp2_session_consume_connection(h2->session, n) : 0;
    if (error == 0 && n_stream > 0)
        error = nghttp2_session_consume_stream(h2->session, stream_id, n_stream);
    if (error == NGHTTP2_ERR_NOMEM)
        h2->is_broken = true;
}

/* Opens the window of a stream wide, once. */
static void widen(struct weir_http_h2 *h2, struct weir_http_req *req)
{
    uint64_t bytes = h2->conn->server->opts.h2_window_bytes_max;
    if (req->is_wide || bytes <= h2->conn->server->opts.h2_window_bytes)
        return;
    req->is_wide = true;
    if (nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, req->stream_id,
                                              (int32_t)bytes) == NGHTTP2_ERR_NOMEM)
        h2->is_broken = true;
}

static void refuse(struct weir_http_req *req, enum weir_http_refusal refusal)
{
    weir_http_reply_refusal(req, refusal, 0, false);
}

/* --- bodies ----------------------------------------------------------------------------------- */

static void clear_timeouts(struct weir_http_req *req)
{
    weir_http_core_timeout_clear(&req->timeout);
    weir_http_core_timeout_clear(&req->rate_timeout);
}

/* Shows a whole request to its handler. */
static void dispatch(struct weir_http_req *req)
{
    struct weir_http_server *server = req->conn->server;
    clear_timeouts(req);
    req->is_shown = true;
    uint64_t generation = req->generation;
    server->handlers->body(server->ctx, req);
    weir_assert(req->generation == generation); /* Nothing is freed inside of calls. */
    req->head_bytes = NULL;
    req->body = (struct weir_str){NULL, 0};
    weir_http_core_buf_release(server, &req->head_copy);
    weir_http_core_buf_release(server, &req->body_bytes);
    weir_http_core_charge_over(server, &req->body_charged, 0);
}

static void show_part(struct weir_http_h2 *h2, struct weir_http_req *req, struct weir_str bytes,
                      bool is_last)
{
    struct weir_http_server *server = h2->conn->server;
    req->body = bytes;
    size_t used = server->handlers->part(server->ctx, req, bytes, is_last);
    weir_assert(used <= bytes.n);
    req->body = (struct weir_str){NULL, 0};
    req->owed += bytes.n - used;
    if (req->bytes_in > server->opts.h2_window_bytes / 2 && req->owed == 0 && !is_last)
        widen(h2, req);
    consume(h2, req->stream_id, 0, is_last ? 0 : used);
}

/* Hands on bytes of a body; is_last: with its end. */
static void take(struct weir_http_h2 *h2, struct weir_http_req *req, struct weir_str bytes,
                 bool is_last)
{
    const struct weir_http_options *opts = &h2->conn->server->opts;
    if (req->is_replied)
        return;
    if (req->is_stream) {
        show_part(h2, req, bytes, is_last);
        return;
    }
    if (is_last && req->body_bytes.n == 0) {
        if (bytes.n > opts->body_bytes_max) {
            refuse(req, WEIR_HTTP_REFUSAL_BODY_LONG);
            return;
        }
        req->body = bytes;
        dispatch(req);
        return;
    }
    if (req->body_bytes.n + bytes.n > opts->body_bytes_max)
        refuse(req, WEIR_HTTP_REFUSAL_BODY_LONG);
    else if (!weir_http_conn_append_body(req, bytes))
        refuse(req, WEIR_HTTP_REFUSAL_BUFFERED);
    if (!is_last && req->body_bytes.n > opts->h2_window_bytes / 2)
        widen(h2, req);
    if (is_last && !req->is_replied) {
        req->body = weir_buf_str(&req->body_bytes);
        dispatch(req);
    }
}

void weir_http_h2_read_pending(struct weir_http_h2 *h2)
{
    struct weir_http_req *req = h2->pending;
    if (!req)
        return;
    struct weir_str bytes = req->body;
    h2->pending = NULL;
    req->body = (struct weir_str){NULL, 0};
    take(h2, req, bytes, false);
}

void weir_http_h2_read_data(struct weir_http_h2 *h2, int32_t stream_id, struct weir_str bytes)
{
    weir_http_h2_read_pending(h2);
    struct weir_http_req *req = nghttp2_session_get_stream_user_data(h2->session, stream_id);
    /* Of a stream whose handler waits, only the connection's window is given back. */
    consume(h2, stream_id, bytes.n, req && req->is_stream && !req->is_replied ? 0 : bytes.n);
    if (!req)
        return;
    req->bytes_in += bytes.n;
    req->rate_bytes += bytes.n;
    if (req->is_replied)
        return;
    h2->pending = req;
    req->body = bytes;
}

void weir_http_h2_read_end(struct weir_http_h2 *h2, int32_t stream_id)
{
    struct weir_http_req *req = nghttp2_session_get_stream_user_data(h2->session, stream_id);
    struct weir_str bytes = {NULL, 0};
    if (req && h2->pending == req) {
        bytes = req->body;
        h2->pending = NULL;
        req->body = (struct weir_str){NULL, 0};
    } else {
        weir_http_h2_read_pending(h2);
    }
    if (!req)
        return;
    req->has_end = true;
    if (!req->is_replied)
        take(h2, req, bytes, true);
}

void weir_http_h2_read_consumed(struct weir_http_req *req, size_t n)
{
    weir_assert(n <= req->owed);
    req->owed -= n;
    if (!req->has_end)
        consume(req->conn->h2, req->stream_id, 0, n);
    if (req->conn->h2->is_broken)
        req->conn->is_failed = true;
    weir_http_conn_set_dirty(req->conn);
}

/* --- heads ------------------------------------------------------------------------------------ */

/* Ends the connection gently when a limit of ours says so. */
static void leave_if_due(struct weir_http_h2 *h2)
{
    struct weir_http_conn *conn = h2->conn;
    struct weir_http_server *server = conn->server;
    if (h2->is_leaving)
        return;
    if (weir_http_conn_is_old(conn)) {
        server->counters.limit_conn_age++;
        weir_http_h2_leave(conn);
    } else if (weir_http_conn_is_shed(conn)) {
        server->counters.shed_keep_alive++;
        weir_http_h2_leave(conn);
    }
}

static void begin_body(struct weir_http_h2 *h2, struct weir_http_req *req)
{
    struct weir_http_server *server = h2->conn->server;
    const struct weir_http_head *head = &req->head;
    /* The block's buffer becomes the request's: views stay valid, nothing is copied. */
    weir_assert(!req->head_copy.at);
    req->head_copy = h2->fields.bytes;
    h2->fields.bytes = (struct weir_buf){.mem = server->mem};
    if (req->match.route && (req->match.route->flags & WEIR_HTTP_ROUTE_STREAM) != 0) {
        req->is_stream = true;
        req->is_shown = true;
    }
    if (head->expects_continue)
        weir_http_h2_reply_continue(req);
    if (req->is_stream)
        return;
    weir_http_core_timeout_set(server, &req->timeout, WEIR_HTTP_TIMEOUT_STREAM_BODY);
    weir_http_core_timeout_set(server, &req->rate_timeout, WEIR_HTTP_TIMEOUT_STREAM_RATE);
    if (head->length > server->opts.h2_window_bytes)
        widen(h2, req);
}

/* Finds whether an answer that is early leaves few enough bytes of the body to just read them. */
static bool has_short_rest(const struct weir_http_req *req)
{
    const struct weir_http_head *head = &req->head;
    return !head->is_chunked && !head->expects_continue && !req->is_stream &&
           head->length <= req->conn->server->opts.linger_bytes_max;
}

void weir_http_h2_read_head(struct weir_http_h2 *h2, int32_t stream_id, bool has_end)
{
    struct weir_http_conn *conn = h2->conn;
    struct weir_http_server *server = conn->server;
    enum weir_http_refusal refusal = weir_http_h2_head_read(&h2->fields, &server->opts, !has_end);
    struct weir_http_req *req = weir_http_core_req_acquire(conn);
    if (!req || nghttp2_session_set_stream_user_data(h2->session, stream_id, req) != 0) {
        server->counters.limit_buffered++;
        h2->is_broken = true;
        return;
    }
    conn->n_begun++;
    req->is_http2 = true;
    req->stream_id = stream_id;
    req->has_end = has_end;
    req->head = h2->fields.head;
    req->head_bytes = h2->fields.bytes.at;
    req->bytes_in = req->head.bytes;
    weir_http_conn_keep_target(req);
    leave_if_due(h2);
    if (refusal != WEIR_HTTP_REFUSAL_NONE)
        refuse(req, refusal);
    else
        weir_http_conn_show_head(req);
    req->has_short_rest = has_short_rest(req);
    if (req->is_replied) {
        req->head_bytes = NULL;
        return;
    }
    if (!has_end) {
        begin_body(h2, req);
        return;
    }
    if (req->match.route && (req->match.route->flags & WEIR_HTTP_ROUTE_STREAM) != 0) {
        begin_body(h2, req);
        show_part(h2, req, (struct weir_str){NULL, 0}, true);
        return;
    }
    dispatch(req);
}

/* SPDX-License-Identifier: MIT */
/* The reading side of a connection: bytes in, requests to the handlers.
 *
 * Input that cannot be used yet stays in `held`: part of a head, or requests behind a limit. A head
 * is always read from contiguous bytes, in the loop's read buffer when it came whole, in `held`
 * otherwise. */
#include "base/macros.h"
#include "http/h2_priv.h"

/* Appends input to held; false: over the limit or no memory. */
static bool hold(struct weir_http_conn *conn, const char *bytes, size_t n)
{
    struct weir_http_server *server = conn->server;
    if (!conn->held.at)
        conn->held = weir_http_core_buf_acquire(server);
    if (!weir_http_core_charge(server, &conn->held_charged,
                               weir_max_size(conn->held.cap, conn->held.n + n)))
        return false;
    weir_buf_append(&conn->held, bytes, n);
    weir_http_core_charge_over(server, &conn->held_charged, conn->held.cap);
    return weir_buf_ok(&conn->held);
}

/* --- one request
 * ------------------------------------------------------------------------------------- */

/* Copies the head out of the read buffer, because the body is still to come. */
static bool keep_head(struct weir_http_req *req)
{
    struct weir_http_server *server = req->conn->server;
    const char *old = req->head_bytes;
    req->head_copy = weir_http_core_buf_acquire(server);
    weir_buf_append(&req->head_copy, old, req->head.bytes);
    if (!weir_buf_ok(&req->head_copy))
        return false;
    req->head_bytes = req->head_copy.at;
    for (uint32_t i = 0; i < req->match.n_captures; i++) {
        const char *at = req->match.captures[i].at;
        if (at >= old && at < old + req->head.bytes)
            req->match.captures[i].at = req->head_bytes + (at - old);
    }
    return true;
}

/* Shows a whole request to its handler; the connection is ready for the next one before that. */
static void dispatch(struct weir_http_req *req)
{
    struct weir_http_conn *conn = req->conn;
    struct weir_http_server *server = conn->server;
    conn->reading = NULL;
    if (req->closes)
        weir_http_conn_end_reading(conn);
    else
        weir_http_conn_move(conn, WEIR_HTTP_CONN_IDLE);
    weir_http_core_timeout_clear(&conn->read_timeout);
    req->is_shown = true;
    uint64_t generation = req->generation;
    server->handlers->body(server->ctx, req);
    /* Nothing is written or freed inside of calls, so the request is still there. */
    weir_assert(req->generation == generation);
    req->head_bytes = NULL;
    req->body = (struct weir_str){NULL, 0};
    weir_http_core_buf_release(server, &req->head_copy);
    weir_http_core_buf_release(server, &req->body_bytes);
    weir_http_core_charge_over(server, &req->body_charged, 0);
}

/* Appends to the body; false: over a limit or no memory, and refused. */
static bool append_body(struct weir_http_req *req, struct weir_str bytes)
{
    req->bytes_in += bytes.n;
    req->conn->rate_bytes += bytes.n;
    bool is_fine = weir_http_conn_append_body(req, bytes);
    if (!is_fine)
        weir_http_conn_refuse(req->conn, WEIR_HTTP_REFUSAL_BUFFERED);
    return is_fine;
}

static size_t take_body(struct weir_http_conn *conn, const char *bytes, size_t n)
{
    struct weir_http_req *req = conn->reading;
    uint64_t left = req->head.length - req->body_bytes.n;
    size_t used = n < left ? n : (size_t)left;
    if (!append_body(req, weir_str_make(bytes, used)))
        return n;
    if (used == left) {
        req->body = weir_buf_str(&req->body_bytes);
        dispatch(req);
    }
    return used;
}

static size_t take_chunks(struct weir_http_conn *conn, const char *bytes, size_t n)
{
    struct weir_http_req *req = conn->reading;
    enum weir_http_refusal refusal = WEIR_HTTP_REFUSAL_NONE;
    size_t used = 0;
    while (used < n) {
        size_t k = 0;
        struct weir_str data = {NULL, 0};
        enum weir_http_chunk_result result =
            weir_http_chunk_read(&req->chunks, &conn->server->opts,
                                 weir_str_make(bytes + used, n - used), &k, &data, &refusal);
        used += k;
        req->bytes_in += k - data.n;
        if (result == WEIR_HTTP_CHUNK_BYTES && !append_body(req, data))
            return n;
        if (result == WEIR_HTTP_CHUNK_REFUSED) {
            weir_http_conn_refuse(conn, refusal);
            return n;
        }
        if (result == WEIR_HTTP_CHUNK_WHOLE) {
            req->body = weir_buf_str(&req->body_bytes);
            dispatch(req);
            return used;
        }
    }
    return used;
}

static size_t skip_body(struct weir_http_conn *conn, size_t n)
{
    size_t used = n < conn->skip_left ? n : (size_t)conn->skip_left;
    conn->skip_left -= used;
    conn->rate_bytes += used;
    if (conn->skip_left == 0) {
        weir_http_core_timeout_clear(&conn->read_timeout);
        weir_http_conn_move(conn, WEIR_HTTP_CONN_IDLE);
    }
    return used;
}

/* --- heads
 * ------------------------------------------------------------------------------------------- */

bool weir_http_conn_is_old(const struct weir_http_conn *conn)
{
    /* Spread by index over 90 % to 110 %, so that connections of one burst do not end in one. */
    uint64_t age_max = conn->server->opts.conn_age_ns_max / 100 * (90 + conn->index % 21);
    return conn->server->now_ns - conn->opened_ns > age_max;
}

bool weir_http_conn_is_shed(const struct weir_http_conn *conn)
{
    const struct weir_http_server *server = conn->server;
    uint64_t buffered = atomic_load_explicit(&server->shared->buffered_bytes, memory_order_relaxed);
    return buffered > server->opts.buffered_bytes_max / 100 * server->opts.keep_alive_percent;
}

/* Finds whether this request ends the connection, by what it asks or by a limit of ours. */
static bool is_last_request(struct weir_http_conn *conn, const struct weir_http_head *head)
{
    struct weir_http_server *server = conn->server;
    const struct weir_http_options *opts = &server->opts;
    conn->n_begun++;
    if (head->wants_close || (head->minor == 0 && !head->wants_keep_alive))
        return true;
    if (conn->n_begun >= opts->conn_requests_max) {
        server->counters.limit_conn_requests++;
        return true;
    }
    if (weir_http_conn_is_old(conn)) {
        server->counters.limit_conn_age++;
        return true;
    }
    if (weir_http_conn_is_shed(conn)) {
        server->counters.shed_keep_alive++;
        return true;
    }
    return server->is_draining;
}

static bool needs_length(const struct weir_http_req *req)
{
    enum weir_http_method method = req->head.method;
    bool has_body_by_meaning =
        method == WEIR_HTTP_POST || method == WEIR_HTTP_PUT || method == WEIR_HTTP_PATCH;
    return has_body_by_meaning && !req->is_http2 && !req->head.has_length &&
           !req->head.is_chunked && (req->match.route->flags & WEIR_HTTP_ROUTE_EMPTY_BODY) == 0;
}

/* Answers what the router decides alone. */
static void route(struct weir_http_req *req)
{
    struct weir_http_server *server = req->conn->server;
    static const uint32_t common = WEIR_HTTP_METHOD_BIT(GET) | WEIR_HTTP_METHOD_BIT(POST);
    if (req->head.is_asterisk) {
        weir_http_reply_options(req, common);
        return;
    }
    enum weir_http_match_kind kind = weir_http_router_match(server->router, req->head.method,
                                                            weir_http_req_path(req), &req->match);
    if (kind == WEIR_HTTP_MATCH_FOUND) {
        if ((req->match.route->flags & WEIR_HTTP_ROUTE_STREAM) != 0 && !req->is_http2)
            weir_http_reply_refusal(req, WEIR_HTTP_REFUSAL_STREAM_ROUTE, 0, false);
        else if (needs_length(req))
            weir_http_reply_refusal(req, WEIR_HTTP_REFUSAL_LENGTH_REQUIRED, 0, false);
        return;
    }
    if (req->head.method == WEIR_HTTP_TRACE)
        weir_http_reply_refusal(req, WEIR_HTTP_REFUSAL_NOT_ALLOWED,
                                req->match.allow ? req->match.allow : common, false);
    else if (kind == WEIR_HTTP_MATCH_NOT_FOUND)
        weir_http_reply_refusal(req, WEIR_HTTP_REFUSAL_NOT_FOUND, 0, false);
    else if (req->head.method == WEIR_HTTP_OPTIONS)
        weir_http_reply_options(req, req->match.allow);
    else
        weir_http_reply_refusal(req, WEIR_HTTP_REFUSAL_NOT_ALLOWED, req->match.allow, false);
}

void weir_http_conn_show_head(struct weir_http_req *req)
{
    struct weir_http_server *server = req->conn->server;
    const struct weir_http_head *head = &req->head;
    bool has_body = head->is_chunked || head->length > 0;
    req->closes_early = has_body && (head->expects_continue || head->is_chunked ||
                                     head->length > server->opts.linger_bytes_max);
    req->is_in_head = true;
    if (server->router)
        route(req);
    if (!req->is_replied && head->expects_other && head->minor == 1)
        weir_http_reply_refusal(req, WEIR_HTTP_REFUSAL_EXPECTATION, 0, true);
    bool is_stream = req->match.route && (req->match.route->flags & WEIR_HTTP_ROUTE_STREAM) != 0;
    if (!req->is_replied && head->length > server->opts.body_bytes_max && !is_stream)
        weir_http_reply_refusal(req, WEIR_HTTP_REFUSAL_BODY_LONG, 0, true);
    if (!req->is_replied) {
        enum weir_http_verdict verdict = server->handlers->head(server->ctx, req);
        weir_assert(verdict == WEIR_HTTP_ACCEPT || req->is_replied);
    }
    req->is_in_head = false;
}

/* Goes on after the head: the body is here, is to come, or is to be thrown away. Returns the bytes
 * used. */
static size_t begin_body(struct weir_http_req *req, const char *bytes, size_t n)
{
    struct weir_http_conn *conn = req->conn;
    const struct weir_http_head *head = &req->head;
    if (req->is_replied) {
        req->head_bytes = NULL;
        if (req->closes) {
            weir_http_conn_end_reading(conn);
        } else if (head->length > 0) {
            weir_http_conn_move(conn, WEIR_HTTP_CONN_SKIP);
            conn->skip_left = head->length;
        } else {
            weir_http_conn_move(conn, WEIR_HTTP_CONN_IDLE);
        }
        return 0;
    }
    conn->reading = req;
    if (!head->is_chunked && n >= head->length) {
        if (head->expects_continue && head->minor == 1 && head->length > 0)
            weir_http_reply_continue(req);
        req->body = weir_str_make(bytes, (size_t)head->length);
        req->bytes_in += head->length;
        dispatch(req);
        return (size_t)head->length;
    }
    if (head->expects_continue && head->minor == 1)
        weir_http_reply_continue(req);
    weir_http_conn_move(conn, head->is_chunked ? WEIR_HTTP_CONN_CHUNKS : WEIR_HTTP_CONN_BODY);
    if (!keep_head(req))
        weir_http_conn_refuse(conn, WEIR_HTTP_REFUSAL_BUFFERED);
    return 0;
}

void weir_http_conn_keep_target(struct weir_http_req *req)
{
    const struct weir_http_server *server = req->conn->server;
    if (!server->handlers->done)
        return;
    size_t n = weir_min_size(req->head.target.n, (size_t)server->opts.target_bytes_kept);
    memcpy(req->target, req->head_bytes + req->head.target.at, n);
    req->n_target = (uint32_t)n;
}

/* Reads a head from the beginning of bytes, and what follows it. Returns the bytes used: 0 when the
 * head is not whole. */
static size_t take_head(struct weir_http_conn *conn, const char *bytes, size_t n)
{
    struct weir_http_server *server = conn->server;
    struct weir_http_head head = {0};
    enum weir_http_refusal refusal = WEIR_HTTP_REFUSAL_NONE;
    if (conn->state == WEIR_HTTP_CONN_IDLE) {
        weir_http_core_timeout_clear(&conn->read_timeout);
        weir_http_conn_move(conn, WEIR_HTTP_CONN_HEAD);
        conn->scan = (struct weir_http_scan){0};
    }
    if (conn->n_begun == 0 && bytes[0] == 'P') {
        enum weir_http_h2_preface preface = weir_http_h2_preface(bytes, n);
        if (preface == WEIR_HTTP_H2_PREFACE_MORE)
            return 0;
        if (preface == WEIR_HTTP_H2_PREFACE_YES) {
            weir_http_h2_begin(conn);
            return WEIR_HTTP_H2_PREFACE_BYTES;
        }
    }
    enum weir_http_scan_result result =
        weir_http_head_scan(&conn->scan, &server->opts, bytes, n, &head, &refusal);
    if (result == WEIR_HTTP_SCAN_MORE)
        return 0;
    if (result == WEIR_HTTP_SCAN_REFUSED) {
        weir_http_conn_refuse(conn, refusal);
        return n;
    }
    weir_http_core_timeout_clear(&conn->read_timeout);
    refusal = weir_http_head_read(&head, &conn->scan, bytes);
    struct weir_http_req *req = weir_http_core_req_acquire(conn);
    if (!req) {
        server->counters.limit_buffered++;
        weir_http_conn_abort(conn, true);
        return n;
    }
    req->head = head;
    req->head_bytes = bytes;
    req->bytes_in = head.bytes;
    weir_http_conn_keep_target(req);
    if (refusal != WEIR_HTTP_REFUSAL_NONE) {
        req->head_bytes = NULL;
        weir_http_reply_refusal(req, refusal, 0, true);
        weir_http_conn_end_reading(conn);
        return n;
    }
    req->closes = is_last_request(conn, &head);
    req->keeps_old = head.minor == 0 && !req->closes;
    weir_http_conn_show_head(req);
    if (conn->state != WEIR_HTTP_CONN_HEAD)
        return n; /* Ended by the handler's answer. */
    return head.bytes + begin_body(req, bytes + head.bytes, n - head.bytes);
}

/* --- input
 * ------------------------------------------------------------------------------------------- */

/* Stops reading when a limit of ours is met; true: it is. */
static bool stall(struct weir_http_conn *conn)
{
    struct weir_http_server *server = conn->server;
    if (conn->is_stalled)
        return true;
    bool is_between = !weir_http_conn_is_in_body(conn);
    if (is_between && conn->n_reqs >= server->opts.pipeline_max)
        server->counters.limit_pipeline++;
    else if (conn->unsent > server->opts.unsent_bytes_max)
        server->counters.limit_unsent++;
    else
        return false;
    conn->is_stalled = true;
    conn->io->read_stop(conn);
    return true;
}

/* Uses as much of the input as it can; returns how much that was. */
static size_t process(struct weir_http_conn *conn, const char *bytes, size_t n)
{
    size_t used = 0;
    while (weir_http_conn_is_reading(conn) && used < n) {
        size_t k = 0;
        if (conn->state == WEIR_HTTP_CONN_H2) {
            weir_http_h2_read(conn, bytes + used, n - used);
            return n;
        }
        if (stall(conn))
            break;
        if (conn->state == WEIR_HTTP_CONN_BODY)
            k = take_body(conn, bytes + used, n - used);
        else if (conn->state == WEIR_HTTP_CONN_CHUNKS)
            k = take_chunks(conn, bytes + used, n - used);
        else if (conn->state == WEIR_HTTP_CONN_SKIP)
            k = skip_body(conn, n - used);
        else
            k = take_head(conn, bytes + used, n - used);
        if (k == 0 && conn->state == WEIR_HTTP_CONN_HEAD)
            break;
        used += k;
    }
    return weir_http_conn_is_reading(conn) ? used : n;
}

/* Processes what is held, and moves the rest to the front. */
static void process_held(struct weir_http_conn *conn)
{
    conn->is_processing = true;
    size_t used = process(conn, conn->held.at, conn->held.n);
    conn->is_processing = false;
    conn->held.n -= used;
    if (conn->held.n == 0 || !weir_http_conn_is_reading(conn))
        weir_http_conn_drop_held(conn);
    else if (used > 0)
        memmove(conn->held.at, conn->held.at + used, conn->held.n);
}

void weir_http_conn_read(struct weir_http_conn *conn, const char *bytes, size_t n)
{
    struct weir_http_server *server = conn->server;
    server->counters.bytes_in += n;
    if (conn->state == WEIR_HTTP_CONN_LINGER) {
        conn->skip_left += n;
        if (conn->skip_left > server->opts.linger_bytes_max) {
            server->counters.timeout_linger++;
            weir_http_conn_close(conn, false);
        }
        return;
    }
    if (!weir_http_conn_is_reading(conn))
        return;
    conn->is_fresh = false;
    if (weir_http_conn_has_filled(conn, bytes, n)) {
        struct weir_http_req *req = conn->reading;
        if (req->body_bytes.n == req->head.length) {
            req->body = weir_buf_str(&req->body_bytes);
            dispatch(req);
        }
        weir_http_conn_settle(conn);
        return;
    }
    bool is_held = true;
    if (conn->held.n > 0) {
        is_held = hold(conn, bytes, n);
        if (is_held)
            process_held(conn);
    } else {
        size_t used = process(conn, bytes, n);
        if (used < n)
            is_held = hold(conn, bytes + used, n - used);
    }
    if (!is_held)
        weir_http_conn_refuse(conn, WEIR_HTTP_REFUSAL_BUFFERED);
    weir_http_conn_settle(conn);
}

void weir_http_conn_resume(struct weir_http_conn *conn)
{
    const struct weir_http_options *opts = &conn->server->opts;
    if (!conn->is_stalled || conn->n_reqs >= opts->pipeline_max ||
        conn->unsent > opts->unsent_bytes_resume)
        return;
    conn->is_stalled = false;
    conn->io->read_start(conn);
    if (conn->held.n > 0)
        process_held(conn);
}

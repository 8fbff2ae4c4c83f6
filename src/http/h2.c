/* SPDX-License-Identifier: MIT */
/* HTTP/2 on a connection: its beginning and its ends, and what nghttp2 tells in between.
 *
 * nghttp2 refuses what breaks the framing or the rules for messages, by resetting the stream or
 * with GOAWAY. Calls of it may call handlers, and these may answer at once: answers are handed to
 * nghttp2 inside of its own calls, which it allows, and become frames when the connection is
 * flushed.
 *
 * A connection leaves in two steps (RFC 9113 §6.8): GOAWAY that names no stream, so that the client
 * opens no more; then, when a PING has come back, GOAWAY with the last stream that is answered. It
 * ends when that was the last.
 *
 * Over TLS the client sends the same preface when ALPN has chosen h2, so nothing here is different;
 * a connection for which ALPN has chosen http/1.1 must not be asked for it. */
#include "base/macros.h"
#include "http/h2_priv.h"

#include <nghttp2/nghttp2.h>

static const char leave_ping[8] = "leaving";

/* --- the library's memory and options --------------------------------------------------------- */

static void *mem_alloc(size_t n, void *ctx)
{
    return weir_mem_alloc(ctx, n > 0 ? n : 1);
}

static void mem_free(void *p, void *ctx)
{
    weir_mem_free(ctx, p);
}

static void *mem_calloc(size_t n, size_t size, void *ctx)
{
    return weir_mem_zarray(ctx, n > 0 ? n : 1, size > 0 ? size : 1);
}

static void *mem_realloc(void *p, size_t n, void *ctx)
{
    return weir_mem_resize(ctx, p, n > 0 ? n : 1, 1);
}

/* --- what nghttp2 tells ------------------------------------------------------------------------
 */

/* After this nothing may be called on the session but its end. */
static bool is_over(const struct weir_http_h2 *h2)
{
    return h2->is_broken || h2->conn->state != WEIR_HTTP_CONN_H2;
}

static int on_begin_headers(nghttp2_session *session WEIR_UNUSED, const nghttp2_frame *frame,
                            void *arg)
{
    struct weir_http_h2 *h2 = arg;
    weir_http_h2_read_pending(h2);
    if (is_over(h2))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    weir_http_h2_head_begin(&h2->fields, h2->conn->server,
                            frame->headers.cat != NGHTTP2_HCAT_REQUEST);
    return 0;
}

static int on_header(nghttp2_session *session WEIR_UNUSED, const nghttp2_frame *frame WEIR_UNUSED,
                     const uint8_t *name, size_t n_name, const uint8_t *value, size_t n_value,
                     uint8_t flags WEIR_UNUSED, void *arg)
{
    struct weir_http_h2 *h2 = arg;
    bool is_taken = weir_http_h2_head_take(&h2->fields, &h2->conn->server->opts,
                                           weir_str_make((const char *)name, n_name),
                                           weir_str_make((const char *)value, n_value));
    return is_taken ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* nghttp2 would only leave such a field out. */
static int on_invalid_header(nghttp2_session *session WEIR_UNUSED,
                             const nghttp2_frame *frame WEIR_UNUSED,
                             const uint8_t *name WEIR_UNUSED, size_t n_name WEIR_UNUSED,
                             const uint8_t *value WEIR_UNUSED, size_t n_value WEIR_UNUSED,
                             uint8_t flags WEIR_UNUSED, void *arg)
{
    struct weir_http_h2 *h2 = arg;
    h2->conn->server->counters.bad_header++;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_data(nghttp2_session *session WEIR_UNUSED, uint8_t flags WEIR_UNUSED,
                   int32_t stream_id, const uint8_t *data, size_t n, void *arg)
{
    struct weir_http_h2 *h2 = arg;
    weir_http_h2_read_data(h2, stream_id, weir_str_make((const char *)data, n));
    return is_over(h2) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static void trailers_came(struct weir_http_h2 *h2, int32_t stream_id)
{
    struct weir_http_req *req = nghttp2_session_get_stream_user_data(h2->session, stream_id);
    if (h2->fields.refusal != WEIR_HTTP_REFUSAL_NONE && req && !req->is_replied)
        weir_http_reply_refusal(req, h2->fields.refusal, 0, false);
}

static int on_frame(nghttp2_session *session WEIR_UNUSED, const nghttp2_frame *frame, void *arg)
{
    struct weir_http_h2 *h2 = arg;
    int32_t stream_id = frame->hd.stream_id;
    bool has_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    bool is_headers = frame->hd.type == NGHTTP2_HEADERS;
    if (is_headers && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        weir_http_h2_read_head(h2, stream_id, has_end);
    } else if (is_headers || frame->hd.type == NGHTTP2_DATA) {
        if (is_headers)
            trailers_came(h2, stream_id);
        if (has_end)
            weir_http_h2_read_end(h2, stream_id);
    } else if (frame->hd.type == NGHTTP2_PING && h2->is_leaving &&
               (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 &&
               memcmp(frame->ping.opaque_data, leave_ping, sizeof leave_ping) == 0) {
        weir_http_h2_leave_now(h2->conn);
    }
    return is_over(h2) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_invalid_frame(nghttp2_session *session WEIR_UNUSED, const nghttp2_frame *frame,
                            int error WEIR_UNUSED, void *arg)
{
    struct weir_http_h2 *h2 = arg;
    if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)
        h2->conn->server->counters.bad_h2_message++;
    return 0;
}

/* A stream is closed on both sides, or was reset. */
static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t code WEIR_UNUSED,
                           void *arg)
{
    struct weir_http_h2 *h2 = arg;
    struct weir_http_req *req = nghttp2_session_get_stream_user_data(session, stream_id);
    if (!req)
        return 0;
    if (h2->pending == req) {
        h2->pending = NULL;
        req->body = (struct weir_str){NULL, 0};
    }
    (void)nghttp2_session_set_stream_user_data(session, stream_id, NULL); /* It is there. */
    weir_http_core_timeout_clear(&req->timeout);
    weir_http_core_timeout_clear(&req->rate_timeout);
    if (req->sent_end)
        weir_http_h2_meter_credit(&h2->meter, &h2->conn->server->opts, true);
    else
        h2->conn->server->counters.h2_streams_reset++;
    req->end_at = h2->queued;
    weir_list_push(&h2->ending, &req->end_link);
    if (!req->sent_end && req->is_shown && !req->is_replied) {
        /* Who works on it should know at once, not when the rest was written. */
        weir_http_conn_tell_gone(req);
        req->is_replied = true;
    }
    return 0;
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct weir_http_h2 *h2 = arg;
    struct weir_http_server *server = h2->conn->server;
    bool is_answer = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (is_answer) {
        weir_http_h2_meter_credit(&h2->meter, &server->opts, false);
    } else if (frame->hd.type == NGHTTP2_RST_STREAM &&
               frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
               !weir_http_h2_meter_reset(&h2->meter, &server->opts, server->now_ns)) {
        server->counters.limit_h2_resets++;
        h2->is_flooding = true;
    }
    struct weir_http_req *req =
        is_answer ? nghttp2_session_get_stream_user_data(session, frame->hd.stream_id) : NULL;
    if (!req)
        return 0;
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) {
        if (req->is_replied && weir_http_h2_reply_left(req) > 0) {
            weir_http_core_timeout_set(server, &req->timeout, WEIR_HTTP_TIMEOUT_STREAM_WRITE);
        }
        return 0;
    }
    req->sent_end = true;
    weir_http_core_timeout_clear(&req->timeout);
    if (!req->has_end && req->has_short_rest) {
        weir_http_core_timeout_set(server, &req->timeout, WEIR_HTTP_TIMEOUT_STREAM_BODY);
    }
    if (req->has_end || req->has_short_rest)
        return 0;
    /* The rest of the body is not wanted (RFC 9113 §8.1). */
    int error =
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, req->stream_id, NGHTTP2_NO_ERROR);
    return error == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* An answer could not be made into frames: too many or too long header lines. */
static int on_frame_not_sent(nghttp2_session *session, const nghttp2_frame *frame,
                             int error WEIR_UNUSED, void *arg WEIR_UNUSED)
{
    if (frame->hd.type == NGHTTP2_HEADERS &&
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id) &&
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                  NGHTTP2_INTERNAL_ERROR) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return 0;
}

static int on_send_data(nghttp2_session *session WEIR_UNUSED, nghttp2_frame *frame,
                        const uint8_t *head, size_t n, nghttp2_data_source *source, void *arg)
{
    struct weir_http_h2 *h2 = arg;
    weir_assert(frame->data.padlen == 0); /* Nobody asks for padding. */
    if (weir_http_h2_write_is_full(h2))   /* nghttp2 makes frame after frame in one call. */
        return NGHTTP2_ERR_WOULDBLOCK;
    if (!weir_http_h2_write_bytes(h2, head, WEIR_HTTP_H2_FRAME_HEAD_BYTES) ||
        !weir_http_h2_reply_data(h2, source->ptr, n))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return 0;
}

/* --- beginning and end -------------------------------------------------------------------------
 */

enum weir_http_h2_preface weir_http_h2_preface(const char *bytes, size_t n)
{
    size_t k = weir_min_size(n, WEIR_HTTP_H2_PREFACE_BYTES);
    if (memcmp(bytes, NGHTTP2_CLIENT_MAGIC, k) != 0)
        return WEIR_HTTP_H2_PREFACE_NO;
    return k < WEIR_HTTP_H2_PREFACE_BYTES ? WEIR_HTTP_H2_PREFACE_MORE : WEIR_HTTP_H2_PREFACE_YES;
}

/* Makes what all sessions of a server share. */
static bool prepare(struct weir_http_server *server)
{
    if (server->h2_callbacks)
        return true;
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return false;
    if (nghttp2_option_new(&option) != 0) {
        nghttp2_session_callbacks_del(callbacks);
        return false;
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_sent);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
    nghttp2_option_set_no_recv_client_magic(option, 1);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    /* Resets are counted by h2_meter.c, which forgives those among many answers. */
    nghttp2_option_set_stream_reset_rate_limit(option, UINT32_MAX, UINT32_MAX);
    nghttp2_option_set_max_continuations(option, server->opts.h2_continuations_max);
    server->h2_callbacks = callbacks;
    server->h2_option = option;
    return true;
}

void weir_http_h2_deinit(struct weir_http_server *server)
{
    if (!server->h2_callbacks)
        return;
    nghttp2_session_callbacks_del(server->h2_callbacks);
    nghttp2_option_del(server->h2_option);
    server->h2_callbacks = NULL;
    server->h2_option = NULL;
}

static uint32_t u32(uint64_t v)
{
    return v < INT32_MAX ? (uint32_t)v : INT32_MAX;
}

/* Sends our SETTINGS and opens the connection's window. */
static bool greet(struct weir_http_h2 *h2)
{
    const struct weir_http_options *opts = &h2->conn->server->opts;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, u32(opts->h2_streams_max)},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, u32(opts->h2_window_bytes)},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, u32(opts->header_bytes_max)},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    return nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings,
                                   WEIR_ARRAY_LEN(settings)) == 0 &&
           nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
                                                 (int32_t)u32(opts->h2_conn_window_bytes)) == 0;
}

void weir_http_h2_begin(struct weir_http_conn *conn)
{
    struct weir_http_server *server = conn->server;
    struct weir_http_h2 *h2 = prepare(server) ? weir_mem_zalloc(server->mem, sizeof *h2) : NULL;
    nghttp2_mem mem = {server->mem, mem_alloc, mem_free, mem_calloc, mem_realloc};
    if (!h2 || nghttp2_session_server_new3(&h2->session, server->h2_callbacks, h2,
                                           server->h2_option, &mem) != 0) {
        weir_mem_free(server->mem, h2);
        server->counters.limit_buffered++;
        conn->is_failed = true;
        weir_http_conn_set_dirty(conn);
        weir_http_conn_end_reading(conn);
        return;
    }
    h2->conn = conn;
    h2->out.mem = server->mem;
    h2->fields.bytes.mem = server->mem;
    weir_list_init(&h2->ending);
    weir_http_h2_meter_init(&h2->meter, &server->opts, server->now_ns);
    conn->h2 = h2;
    weir_http_core_timeout_clear(&conn->read_timeout);
    weir_http_conn_move(conn, WEIR_HTTP_CONN_H2);
    server->counters.conns_http2++;
    if (!greet(h2))
        h2->is_broken = true;
    weir_http_conn_set_dirty(conn);
}

void weir_http_h2_free(struct weir_http_conn *conn)
{
    struct weir_http_h2 *h2 = conn->h2;
    if (!h2)
        return;
    struct weir_http_server *server = conn->server;
    conn->h2 = NULL;
    nghttp2_session_del(h2->session);
    weir_http_core_buf_release(server, &h2->fields.bytes);
    weir_buf_deinit(&h2->out);
    weir_mem_free(server->mem, h2);
}

void weir_http_h2_end(struct weir_http_conn *conn, uint32_t code)
{
    struct weir_http_h2 *h2 = conn->h2;
    h2->has_left = true;
    if (nghttp2_session_terminate_session(h2->session, code) != 0)
        conn->is_failed = true;
    weir_http_conn_set_dirty(conn);
}

void weir_http_h2_leave(struct weir_http_conn *conn)
{
    struct weir_http_h2 *h2 = conn->h2;
    if (h2->is_leaving || h2->has_left)
        return;
    h2->is_leaving = true;
    if (nghttp2_submit_shutdown_notice(h2->session) != 0 ||
        nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, (const uint8_t *)leave_ping) != 0)
        conn->is_failed = true;
    weir_http_conn_set_dirty(conn);
}

void weir_http_h2_leave_now(struct weir_http_conn *conn)
{
    struct weir_http_h2 *h2 = conn->h2;
    if (h2->has_left)
        return;
    h2->has_left = true;
    int32_t last = nghttp2_session_get_last_proc_stream_id(h2->session);
    if (nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0) != 0)
        conn->is_failed = true;
    weir_http_conn_set_dirty(conn);
}

/* --- input -------------------------------------------------------------------------------------
 */

static void end_flood(struct weir_http_conn *conn, enum weir_http_h2_flood flood)
{
    struct weir_http_counters *counters = &conn->server->counters;
    if (flood == WEIR_HTTP_H2_FLOOD_RESETS)
        counters->limit_h2_resets++;
    else if (flood == WEIR_HTTP_H2_FLOOD_CONTINUATIONS)
        counters->limit_h2_continuations++;
    else
        counters->limit_h2_glitches++;
    weir_http_h2_end(conn, NGHTTP2_ENHANCE_YOUR_CALM);
}

void weir_http_h2_read(struct weir_http_conn *conn, const char *bytes, size_t n)
{
    struct weir_http_h2 *h2 = conn->h2;
    struct weir_http_server *server = conn->server;
    /* After an end of ours or the library's nothing is looked at any more (CVE-2026-27135). */
    if (h2->is_broken || nghttp2_session_want_read(h2->session) == 0)
        return;
    enum weir_http_h2_flood flood =
        weir_http_h2_meter_read(&h2->meter, &server->opts, bytes, n, server->now_ns);
    if (flood != WEIR_HTTP_H2_FLOOD_NONE) {
        end_flood(conn, flood);
        return;
    }
    ssize_t used = nghttp2_session_mem_recv(h2->session, (const uint8_t *)bytes, n);
    weir_http_h2_read_pending(h2);
    if (used == NGHTTP2_ERR_FLOODED) {
        server->counters.limit_h2_glitches++;
        weir_http_h2_end(conn, NGHTTP2_ENHANCE_YOUR_CALM);
    } else if (used < 0) {
        h2->is_broken = true;
    }
    if (h2->is_broken)
        conn->is_failed = true;
    if (h2->is_broken || nghttp2_session_want_write(h2->session) != 0 ||
        nghttp2_session_want_read(h2->session) == 0)
        weir_http_conn_set_dirty(conn);
}

void weir_http_h2_eof(struct weir_http_conn *conn)
{
    struct weir_http_server *server = conn->server;
    bool is_cut = weir_http_h2_meter_is_inside(&conn->h2->meter);
    server->counters.cut_head += is_cut;
    bool is_body_cut = false;
    WEIR_LIST_FOREACH (link, &conn->reqs) {
        struct weir_http_req *req = WEIR_CONTAINER_OF(link, struct weir_http_req, link);
        if (req->has_end || weir_list_is_linked(&req->end_link))
            continue;
        is_body_cut = true;
        weir_http_h2_reply_reset(req, NGHTTP2_CANCEL);
    }
    server->counters.cut_body += is_body_cut;
    server->counters.conns_half_closed += conn->n_reqs > 0;
    weir_http_conn_set_dirty(conn);
}

bool weir_http_h2_timeout_kind(const struct weir_http_conn *conn, enum weir_http_timeout_kind *kind)
{
    const struct weir_http_h2 *h2 = conn->h2;
    if (weir_http_h2_meter_is_inside(&h2->meter))
        *kind = WEIR_HTTP_TIMEOUT_HEAD;
    else if (h2->is_leaving && !h2->has_left)
        *kind = WEIR_HTTP_TIMEOUT_LINGER;
    else
        *kind = WEIR_HTTP_TIMEOUT_IDLE;
    return *kind != WEIR_HTTP_TIMEOUT_IDLE || conn->n_reqs == 0;
}

void weir_http_h2_timeout(struct weir_http_req *req, enum weir_http_timeout_kind kind)
{
    struct weir_http_conn *conn = req->conn;
    struct weir_http_server *server = conn->server;
    const struct weir_http_options *opts = &server->opts;
    if (kind == WEIR_HTTP_TIMEOUT_STREAM_RATE) {
        uint64_t wanted = opts->body_rate_bytes_min * (opts->body_rate_ns / 1000000) / 1000;
        bool is_slow = req->rate_bytes < wanted && !conn->is_stalled;
        req->rate_bytes = 0;
        if (!is_slow) {
            weir_http_core_timeout_set(server, &req->rate_timeout, WEIR_HTTP_TIMEOUT_STREAM_RATE);
            return;
        }
    }
    weir_http_core_timeout_clear(&req->rate_timeout);
    if (req->is_replied) {
        /* The answer is not taken, or the rest of the body does not come. */
        server->counters.timeout_write += kind == WEIR_HTTP_TIMEOUT_STREAM_WRITE;
        weir_http_h2_reply_reset(req, req->sent_end ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
        return;
    }
    req->has_short_rest = false;
    weir_http_reply_refusal(req,
                            kind == WEIR_HTTP_TIMEOUT_STREAM_RATE ? WEIR_HTTP_REFUSAL_BODY_RATE
                                                                  : WEIR_HTTP_REFUSAL_BODY_SLOW,
                            0, false);
}

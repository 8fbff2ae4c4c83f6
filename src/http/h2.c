/* SPDX-License-Identifier: MIT */
/* HTTP/2 on a connection: its beginning, its input and its ends.
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

/* --- beginning and end -------------------------------------------------------------------------
 */

enum weir_http_h2_preface weir_http_h2_preface(const char *bytes, size_t n)
{
    size_t k = weir_min_size(n, WEIR_HTTP_H2_PREFACE_BYTES);
    if (memcmp(bytes, NGHTTP2_CLIENT_MAGIC, k) != 0)
        return WEIR_HTTP_H2_PREFACE_NO;
    return k < WEIR_HTTP_H2_PREFACE_BYTES ? WEIR_HTTP_H2_PREFACE_MORE : WEIR_HTTP_H2_PREFACE_YES;
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
    struct weir_http_h2 *h2 = weir_mem_zalloc(server->mem, sizeof *h2);
    if (h2) {
        h2->conn = conn;
        weir_list_init(&h2->blocks);
    }
    if (!h2 || !weir_http_h2_session_new(h2, server)) {
        if (h2)
            weir_http_h2_session_free(h2, true);
        weir_mem_free(server->mem, h2);
        server->counters.limit_buffered++;
        conn->is_failed = true;
        weir_http_conn_set_dirty(conn);
        weir_http_conn_end_reading(conn);
        return;
    }
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
    weir_http_h2_session_free(h2, h2->is_broken || conn->is_failed);
    weir_http_core_buf_release(server, &h2->fields.bytes);
    weir_buf_deinit(&h2->out);
    weir_mem_free(server->mem, h2);
}

void weir_http_h2_end(struct weir_http_conn *conn, enum weir_http_h2_error code)
{
    struct weir_http_h2 *h2 = conn->h2;
    h2->is_ended = true;
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
    if (nghttp2_submit_shutdown_notice(h2->session) != 0) /* PING follows it. */
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
    if (nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, last, WEIR_HTTP_H2_NO_ERROR, NULL,
                              0) != 0)
        conn->is_failed = true;
    weir_http_conn_set_dirty(conn);
}

/* --- input -------------------------------------------------------------------------------------
 */

static void end_flood(struct weir_http_conn *conn, enum weir_http_h2_seen seen)
{
    struct weir_http_counters *counters = &conn->server->counters;
    if (seen == WEIR_HTTP_H2_SEEN_RESETS)
        counters->limit_h2_resets++;
    else if (seen == WEIR_HTTP_H2_SEEN_CONTINUATIONS)
        counters->limit_h2_continuations++;
    else
        counters->limit_h2_glitches++;
    weir_http_h2_end(conn, WEIR_HTTP_H2_ENHANCE_YOUR_CALM);
}

/* Has nghttp2 read bytes. */
static void feed(struct weir_http_h2 *h2, const char *bytes, size_t n)
{
    if (n == 0 || h2->is_broken || h2->is_ended)
        return;
    ssize_t used = nghttp2_session_mem_recv(h2->session, (const uint8_t *)bytes, n);
    weir_http_h2_read_pending(h2);
    if (used == NGHTTP2_ERR_FLOODED)
        end_flood(h2->conn, WEIR_HTTP_H2_SEEN_GLITCHES);
    else if (used < 0 && !h2->is_ended)
        h2->is_broken = true;
}

void weir_http_h2_read(struct weir_http_conn *conn, const char *bytes, size_t n)
{
    struct weir_http_h2 *h2 = conn->h2;
    struct weir_http_server *server = conn->server;
    size_t at = 0;
    size_t fed = 0;
    /* After an end of ours or the library's nothing is looked at any more (CVE-2026-27135). */
    while (at < n && !h2->is_broken && !h2->is_ended &&
           nghttp2_session_want_read(h2->session) != 0) {
        enum weir_http_h2_seen seen =
            weir_http_h2_meter_read(&h2->meter, &server->opts, bytes, n, &at, server->now_ns);
        if (seen == WEIR_HTTP_H2_SEEN_DATA &&
            !weir_http_h2_session_is_late(h2, weir_http_h2_meter_stream_id(&h2->meter)))
            continue;
        if (seen < WEIR_HTTP_H2_SEEN_GLITCHES) {
            /* A stream that was reset is closed for what follows. */
            feed(h2, bytes + fed, at - fed);
            fed = at;
        }
        if (seen == WEIR_HTTP_H2_SEEN_DATA)
            weir_http_h2_end(conn, WEIR_HTTP_H2_STREAM_CLOSED);
        else if (seen >= WEIR_HTTP_H2_SEEN_GLITCHES)
            end_flood(conn, seen);
    }
    feed(h2, bytes + fed, at - fed);
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
        weir_http_h2_reply_reset(req, WEIR_HTTP_H2_CANCEL);
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
        weir_http_h2_reply_reset(req, req->sent_end ? WEIR_HTTP_H2_NO_ERROR : WEIR_HTTP_H2_CANCEL);
        return;
    }
    req->has_short_rest = false;
    weir_http_reply_refusal(req,
                            kind == WEIR_HTTP_TIMEOUT_STREAM_RATE ? WEIR_HTTP_REFUSAL_BODY_RATE
                                                                  : WEIR_HTTP_REFUSAL_BODY_SLOW,
                            0, false);
}

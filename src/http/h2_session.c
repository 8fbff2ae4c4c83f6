/* SPDX-License-Identifier: MIT */
/* What nghttp2 tells, and what it is told to do.
 *
 * It refuses by itself what breaks the framing or the rules for messages, by resetting the stream
 * or with GOAWAY. Its calls may call handlers, and these may answer at once: answers are handed to
 * it inside of its own calls, which it allows, and become frames when the connection is flushed. */
#include "base/macros.h"
#include "http/h2_priv.h"

#include <nghttp2/nghttp2.h>

/* --- the library's memory and options --------------------------------------------------------- */

/* A block of nghttp2's. They are kept in a list, because nghttp2 1.52 frees some twice when it ends
 * a session that once found no memory: of such a session only the blocks are freed. */
struct block {
    struct weir_list link; /* in h2->blocks */
};

static void *mem_realloc(void *p, size_t n, void *ctx)
{
    struct weir_http_h2 *h2 = ctx;
    struct block *old = p ? (struct block *)p - 1 : NULL;
    if (n > SIZE_MAX - sizeof *old)
        return NULL;
    if (old)
        weir_list_remove(&old->link);
    struct block *block = weir_mem_resize(h2->conn->server->mem, old, sizeof *block + n, 1);
    if (!block) {
        if (old)
            weir_list_push(&h2->blocks, &old->link);
        return NULL;
    }
    block->link = (struct weir_list){NULL, NULL};
    weir_list_push(&h2->blocks, &block->link);
    return block + 1;
}

static void *mem_alloc(size_t n, void *ctx)
{
    return mem_realloc(NULL, n, ctx);
}

static void *mem_calloc(size_t n, size_t size, void *ctx)
{
    size_t bytes;
    void *p = weir_size_mul(n, size, &bytes) ? mem_realloc(NULL, bytes, ctx) : NULL;
    return p ? memset(p, 0, bytes) : NULL;
}

static void mem_free(void *p, void *ctx)
{
    struct weir_http_h2 *h2 = ctx;
    if (!p)
        return;
    struct block *block = (struct block *)p - 1;
    weir_list_remove(&block->link);
    weir_mem_free(h2->conn->server->mem, block);
}

/* --- what nghttp2 tells ------------------------------------------------------------------------
 */

/* After this nothing may be called on the session but its end. */
static bool is_over(const struct weir_http_h2 *h2)
{
    return h2->is_broken || h2->conn->state != WEIR_HTTP_CONN_H2;
}

/* Finds what is known of a stream that was there once; NULL: nothing, or too long ago. */
static const struct weir_http_h2_closed *find_closed(const struct weir_http_h2 *h2,
                                                     int32_t stream_id)
{
    for (uint32_t i = 0; i < WEIR_HTTP_H2_CLOSED_KEPT && i < h2->n_closed; i++)
        if (h2->closed[i].stream_id == stream_id)
            return &h2->closed[i];
    return NULL;
}

/* HEADERS for a stream that is no more: what the client may have sent before it knew of our reset
 * is ignored; else it is an error of the connection (RFC 9113 §5.1, §5.1.1), where nghttp2 would
 * say nothing. */
static int late_headers(struct weir_http_h2 *h2, int32_t stream_id)
{
    const struct weir_http_h2_closed *closed = find_closed(h2, stream_id);
    if (closed && closed->was_ours)
        return 0;
    weir_http_h2_end(h2->conn, closed ? WEIR_HTTP_H2_STREAM_CLOSED : WEIR_HTTP_H2_PROTOCOL_ERROR);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *head, void *arg)
{
    struct weir_http_h2 *h2 = arg;
    int32_t stream_id = head->stream_id;
    if (head->type == NGHTTP2_PRIORITY && stream_id == 0) {
        weir_http_h2_end(h2->conn, WEIR_HTTP_H2_PROTOCOL_ERROR);
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (head->type != NGHTTP2_HEADERS || stream_id % 2 == 0)
        return 0;
    if (stream_id <= h2->last_stream_id)
        return nghttp2_session_find_stream(session, stream_id) ? 0 : late_headers(h2, stream_id);
    h2->last_stream_id = stream_id;
    return 0;
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
               memcmp(frame->ping.opaque_data, WEIR_HTTP_H2_LEAVE_PING, 8) == 0) {
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
    h2->closed[h2->n_closed++ % WEIR_HTTP_H2_CLOSED_KEPT] = (struct weir_http_h2_closed){
        .stream_id = stream_id, .was_ours = h2->resetting_id == stream_id};
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
    weir_http_conn_set_dirty(h2->conn); /* It is finished when all before it is written. */
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
    /* The stream is closed right after this call. */
    h2->resetting_id = frame->hd.type == NGHTTP2_RST_STREAM ? frame->hd.stream_id : 0;
    if (is_answer) {
        weir_http_h2_meter_credit(&h2->meter, &server->opts, false);
    } else if (frame->hd.type == NGHTTP2_RST_STREAM &&
               frame->rst_stream.error_code != WEIR_HTTP_H2_NO_ERROR &&
               !weir_http_h2_meter_reset(&h2->meter, &server->opts, server->now_ns)) {
        server->counters.limit_h2_resets += !h2->is_flooding;
        h2->is_flooding = true;
    }
    if (frame->hd.type == NGHTTP2_GOAWAY && h2->is_leaving && !h2->has_left &&
        nghttp2_submit_ping(session, NGHTTP2_FLAG_NONE, (const uint8_t *)WEIR_HTTP_H2_LEAVE_PING) !=
            0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
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
    int error = nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, req->stream_id,
                                          WEIR_HTTP_H2_NO_ERROR);
    return error == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* An answer could not be made into frames: too many or too long header lines. */
static int on_frame_not_sent(nghttp2_session *session, const nghttp2_frame *frame,
                             int error WEIR_UNUSED, void *arg WEIR_UNUSED)
{
    if (frame->hd.type == NGHTTP2_HEADERS &&
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id) &&
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                  WEIR_HTTP_H2_INTERNAL_ERROR) != 0)
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

/* --- sessions ------------------------------------------------------------------------------- */

bool weir_http_h2_session_is_late(const struct weir_http_h2 *h2, int32_t stream_id)
{
    if (stream_id > h2->last_stream_id || nghttp2_session_find_stream(h2->session, stream_id))
        return false;
    const struct weir_http_h2_closed *closed = find_closed(h2, stream_id);
    return closed && !closed->was_ours;
}

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
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
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
    /* These are counted by h2_meter.c: which forgives resets among many answers, and counts a
     * CONTINUATION that comes in pieces once. */
    nghttp2_option_set_stream_reset_rate_limit(option, UINT32_MAX, UINT32_MAX);
    nghttp2_option_set_max_continuations(option, SIZE_MAX);
    server->h2_callbacks = callbacks;
    server->h2_option = option;
    return true;
}

void weir_http_h2_session_deinit(struct weir_http_server *server)
{
    if (!server->h2_callbacks)
        return;
    nghttp2_session_callbacks_del(server->h2_callbacks);
    nghttp2_option_del(server->h2_option);
    server->h2_callbacks = NULL;
    server->h2_option = NULL;
}

bool weir_http_h2_session_new(struct weir_http_h2 *h2, struct weir_http_server *server)
{
    nghttp2_mem mem = {h2, mem_alloc, mem_free, mem_calloc, mem_realloc};
    return prepare(server) && nghttp2_session_server_new3(&h2->session, server->h2_callbacks, h2,
                                                          server->h2_option, &mem) == 0;
}

void weir_http_h2_session_free(struct weir_http_h2 *h2, bool is_broken)
{
    if (h2->session && !is_broken)
        nghttp2_session_del(h2->session);
    h2->session = NULL;
    for (struct weir_list *link; (link = weir_list_take(&h2->blocks));)
        weir_mem_free(h2->conn->server->mem, WEIR_CONTAINER_OF(link, struct block, link));
}

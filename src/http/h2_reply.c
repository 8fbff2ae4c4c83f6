/* SPDX-License-Identifier: MIT */
/* Answers of HTTP/2 requests. The head's text lies in req->out, where nghttp2 finds it when it
 * makes the frame; a whole body lies behind it if it is short, else in req->out_body; the bytes
 * from data_at to data_end are those that no frame was made of yet. An answer in parts is a queue
 * in req->out_body, which nghttp2 is told of whenever bytes come. */
#include "base/macros.h"
#include "http/h2_priv.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>

enum {
    LITERAL = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE,
    NUMBER_BYTES = 20,
};

static const uint8_t *bytes_of(const char *text)
{
    return (const uint8_t *)text;
}

/* The fields of an answer as nghttp2 takes them. */
struct fields {
    nghttp2_nv nv[WEIR_HTTP_H2_LINES_MAX + 8];
    size_t n;
    uint8_t flags; /* NO_COPY: the text stays where it is until the frame was made */
};

static void add(struct fields *f, struct weir_str name, struct weir_str value)
{
    weir_assert(f->n < WEIR_ARRAY_LEN(f->nv));
    /* nghttp2 only reads; its type does not say so. */
    union {
        const uint8_t *in;
        uint8_t *out;
    } n = {.in = bytes_of(name.at)}, v = {.in = bytes_of(value.at)};
    f->nv[f->n++] = (nghttp2_nv){n.out, v.out, name.n, value.n, f->flags};
}

/* Adds lines "Name: value\r\n", whose text it may change: names become lower-case. */
static void add_lines(struct fields *f, char *text, size_t n)
{
    size_t at = 0;
    while (at < n) {
        char *line = text + at;
        char *end = memchr(line, '\r', n - at);
        char *colon = end ? memchr(line, ':', (size_t)(end - line)) : NULL;
        weir_assert(colon); /* Lines are made by us. */
        for (char *c = line; c < colon; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c | 0x20);
        struct weir_str value = weir_str_make(colon + 1, (size_t)(end - colon - 1));
        add(f, weir_str_make(line, (size_t)(colon - line)), weir_str_trim(value));
        at += (size_t)(end + 2 - line);
    }
}

static void add_number(struct fields *f, const char *name, uint64_t v, char *room)
{
    int n = snprintf(room, NUMBER_BYTES + 1, "%llu", (unsigned long long)v);
    add(f, weir_str_c(name), weir_str_make(room, (size_t)n));
}

/* --- bodies ----------------------------------------------------------------------------------- */

static const struct weir_buf *data_of(const struct weir_http_req *req)
{
    return req->data_is_in_out ? &req->out : &req->out_body;
}

/* Sends the trailers, if there are any, behind the last of the body. */
static int send_trailers(nghttp2_session *session, struct weir_http_req *req, uint32_t *flags)
{
    if (req->trailers.n == 0)
        return 0;
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    struct fields f = {.flags = LITERAL};
    add_lines(&f, req->out.at + req->trailers.at, req->trailers.n);
    int error = nghttp2_submit_trailer(session, req->stream_id, f.nv, f.n);
    return error != 0 ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* nghttp2 asks how many bytes the next DATA frame may have. */
static ssize_t on_read_data(nghttp2_session *session, int32_t stream_id WEIR_UNUSED,
                            uint8_t *buf WEIR_UNUSED, size_t n, uint32_t *flags,
                            nghttp2_data_source *source, void *arg WEIR_UNUSED)
{
    struct weir_http_req *req = source->ptr;
    size_t left = (size_t)weir_http_h2_reply_left(req);
    if (left == 0 && !req->is_replied) {
        req->is_deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (left > n || !req->is_replied)
        return (ssize_t)weir_min_size(left, n);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    int error = send_trailers(session, req, flags);
    return error != 0 ? error : (ssize_t)left;
}

bool weir_http_h2_reply_data(struct weir_http_h2 *h2, struct weir_http_req *req, size_t n)
{
    const struct weir_buf *data = data_of(req);
    size_t at = (size_t)req->data_at;
    weir_assert(n <= weir_http_h2_reply_left(req));
    req->data_at += n;
    req->out_sent += n;
    h2->conn->unsent -= n;
    /* A queue moves its bytes, so they are copied; a whole body stays until it is written. */
    if (n > WEIR_HTTP_H2_DATA_BYTES_COPIED && !req->data_is_in_out && !req->is_stream) {
        weir_http_h2_write_body(h2, req, at, n);
        return true;
    }
    return weir_http_h2_write_bytes(h2, data->at + at, n);
}

/* --- whole answers ---------------------------------------------------------------------------- */

/* Puts text into req->out, which has room; returns where. */
static char *put(struct weir_http_req *req, struct weir_str text)
{
    char *to = req->out.at + req->out.n;
    if (text.n > 0)
        memcpy(to, text.at, text.n);
    req->out.n += text.n;
    return to;
}

/* Writes the fields of an answer whose body has n_body bytes. */
static void put_fields(struct fields *f, struct weir_http_req *req,
                       const struct weir_http_reply *reply, size_t n_body, bool has_length)
{
    struct weir_http_server *server = req->conn->server;
    static const size_t date_name = sizeof "Date: " - 1;
    char *status = put(req, WEIR_STR("000"));
    status[0] = (char)('0' + reply->status / 100);
    status[1] = (char)('0' + reply->status / 10 % 10);
    status[2] = (char)('0' + reply->status % 10);
    add(f, WEIR_STR(":status"), weir_str_make(status, 3));
    struct weir_str date = weir_str_make(server->date + date_name, server->n_date - date_name - 2);
    add(f, WEIR_STR("date"), weir_str_make(put(req, date), date.n));
    if (reply->content_type)
        add(f, WEIR_STR("content-type"),
            weir_str_make(put(req, weir_str_c(reply->content_type)), strlen(reply->content_type)));
    else if (n_body > 0)
        add(f, WEIR_STR("content-type"), WEIR_STR("application/json"));
    char numbers[2][NUMBER_BYTES + 1];
    if (has_length) {
        add_number(f, "content-length", n_body, numbers[0]);
        struct weir_str text = weir_str_make(numbers[0], f->nv[f->n - 1].valuelen);
        f->nv[f->n - 1].value = (uint8_t *)put(req, text);
    }
    if (reply->retry_after_s > 0) {
        add_number(f, "retry-after", reply->retry_after_s, numbers[1]);
        struct weir_str text = weir_str_make(numbers[1], f->nv[f->n - 1].valuelen);
        f->nv[f->n - 1].value = (uint8_t *)put(req, text);
    }
    char *lines = put(req, reply->fields);
    add_lines(f, lines, reply->fields.n);
}

/* What is behind the head needs no room of its own: see weir_http_reply. */
enum { HEAD_TEXT_BYTES = 3 + 40 + 2 * (NUMBER_BYTES + 1) };

static bool submit(struct weir_http_req *req, const struct fields *f, bool has_data)
{
    nghttp2_data_provider provider = {.source.ptr = req, .read_callback = on_read_data};
    nghttp2_session *session = req->conn->h2->session;
    int error =
        nghttp2_submit_response(session, req->stream_id, f->nv, f->n, has_data ? &provider : NULL);
    return error == 0;
}

bool weir_http_h2_reply(struct weir_http_req *req, const struct weir_http_reply *reply,
                        bool is_begun)
{
    struct weir_http_conn *conn = req->conn;
    struct weir_str body = reply->owned ? weir_buf_str(reply->owned) : reply->body;
    if (reply->status == 204)
        body.n = 0;
    struct weir_str trailers = is_begun ? (struct weir_str){NULL, 0} : reply->trailers;
    bool has_body = body.n > 0 && req->head.method != WEIR_HTTP_HEAD;
    bool is_moved = has_body && reply->owned && body.n > WEIR_HTTP_BODY_BYTES_COPIED;
    bool has_data = has_body || is_begun || (trailers.n > 0 && req->head.method != WEIR_HTTP_HEAD);
    bool is_inside = has_body && !is_moved && !is_begun;
    weir_buf_clear(&req->out);
    size_t n_type = reply->content_type ? strlen(reply->content_type) : 0;
    if (weir_buf_reserve(&req->out, HEAD_TEXT_BYTES + n_type + reply->fields.n + trailers.n +
                                        (is_inside ? body.n : 0)) != WEIR_OK)
        return false;
    struct fields f = {.flags = is_begun ? 0 : LITERAL};
    put_fields(&f, req, reply, body.n, body.n > 0 && trailers.n == 0 && !is_begun);
    req->trailers = (struct weir_http_span){(uint32_t)req->out.n, (uint32_t)trailers.n};
    (void)put(req, trailers);
    req->data_is_in_out = is_inside;
    req->data_at = is_inside ? req->out.n : 0;
    if (is_inside)
        (void)put(req, body);
    weir_assert(!req->out_body.at || req->out_body.n == 0);
    if (is_moved) {
        weir_buf_deinit(&req->out_body);
        req->out_body = *reply->owned;
        *reply->owned = (struct weir_buf){.mem = reply->owned->mem};
    } else if (has_body && is_begun) {
        weir_buf_append_str(&req->out_body, body);
        if (!weir_buf_ok(&req->out_body))
            return false;
    }
    req->data_end = is_inside ? req->out.n : req->out_body.n;
    conn->unsent += weir_http_h2_reply_left(req);
    if (!submit(req, &f, has_data))
        return false;
    if (reply->close && !req->is_refusal)
        weir_http_h2_leave(conn);
    return true;
}

void weir_http_h2_reply_continue(struct weir_http_req *req)
{
    struct fields f = {.flags = LITERAL};
    add(&f, WEIR_STR(":status"), WEIR_STR("100"));
    struct weir_http_conn *conn = req->conn;
    if (nghttp2_submit_headers(conn->h2->session, NGHTTP2_FLAG_NONE, req->stream_id, NULL, f.nv,
                               f.n, NULL) != 0)
        conn->h2->is_broken = true;
    conn->server->counters.answers_1xx++;
    weir_http_conn_set_dirty(conn);
}

void weir_http_h2_reply_reset(struct weir_http_req *req, enum weir_http_h2_error code)
{
    struct weir_http_conn *conn = req->conn;
    if (nghttp2_submit_rst_stream(conn->h2->session, NGHTTP2_FLAG_NONE, req->stream_id, code) != 0)
        conn->is_failed = true;
    weir_http_conn_set_dirty(conn);
}

/* --- parts ------------------------------------------------------------------------------------ */

/* Tells nghttp2 that a stream that had nothing to send has something. */
static bool wake(struct weir_http_req *req)
{
    weir_http_conn_set_dirty(req->conn);
    if (!req->is_deferred)
        return true;
    req->is_deferred = false;
    return nghttp2_session_resume_data(req->conn->h2->session, req->stream_id) != NGHTTP2_ERR_NOMEM;
}

bool weir_http_h2_reply_part(struct weir_http_req *req, struct weir_str bytes)
{
    struct weir_http_conn *conn = req->conn;
    struct weir_buf *queue = &req->out_body;
    if (bytes.n == 0)
        return true;
    /* Frames copy what they take, so what was taken may be overwritten. */
    if (req->data_at > 0 && (req->data_at == queue->n || queue->n + bytes.n > queue->cap)) {
        queue->n -= (size_t)req->data_at;
        memmove(queue->at, queue->at + req->data_at, queue->n);
        req->data_at = 0;
        req->data_end = queue->n;
    }
    uint64_t charged = weir_http_conn_unsent_all(conn) + bytes.n;
    if (!weir_http_core_charge(conn->server, &conn->unsent_charged,
                               charged > conn->unsent_charged ? charged : conn->unsent_charged))
        return false;
    weir_buf_append_str(queue, bytes);
    if (!weir_buf_ok(queue))
        return false;
    req->data_end = queue->n;
    conn->unsent += bytes.n;
    req->is_full =
        req->is_full || weir_http_h2_reply_left(req) > conn->server->opts.unsent_bytes_max;
    return wake(req);
}

bool weir_http_h2_reply_end(struct weir_http_req *req, struct weir_str trailers)
{
    /* The head was copied by nghttp2: its text may go. */
    weir_buf_clear(&req->out);
    weir_buf_append_str(&req->out, trailers);
    if (!weir_buf_ok(&req->out))
        return false;
    req->trailers = (struct weir_http_span){0, (uint32_t)trailers.n};
    return wake(req);
}

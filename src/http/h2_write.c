/* SPDX-License-Identifier: MIT */
/* The output of an HTTP/2 connection: frames are made ahead of the transport, as much as one call
 * to the kernel is worth, and what it does not take stays. So what nghttp2 believes to be sent is
 * sent soon, and a stream that becomes urgent is not behind megabytes of another. Requests end when
 * the last byte of their stream is written, not when it is made. */
#include "base/macros.h"
#include "http/h2_priv.h"
#include "loop/stream.h"

#include <nghttp2/nghttp2.h>

static void add_piece(struct weir_http_h2 *h2, struct weir_http_req *req, size_t at, size_t n)
{
    struct weir_http_h2_piece *last = h2->n_pieces > 0 ? &h2->pieces[h2->n_pieces - 1] : NULL;
    h2->queued += n;
    if (last && last->req == req && last->at + last->n == at) {
        last->n += n;
        return;
    }
    weir_assert(h2->n_pieces < WEIR_HTTP_H2_PIECES_MAX);
    h2->pieces[h2->n_pieces++] = (struct weir_http_h2_piece){req, at, n};
}

bool weir_http_h2_write_bytes(struct weir_http_h2 *h2, const void *bytes, size_t n)
{
    if (n == 0)
        return true;
    size_t at = h2->out.n;
    weir_buf_append(&h2->out, bytes, n);
    if (!weir_buf_ok(&h2->out))
        return false;
    add_piece(h2, NULL, at, n);
    return true;
}

void weir_http_h2_write_body(struct weir_http_h2 *h2, struct weir_http_req *req, size_t at,
                             size_t n)
{
    add_piece(h2, req, at, n);
}

bool weir_http_h2_write_is_full(const struct weir_http_h2 *h2)
{
    /* A frame takes two pieces at most: its head, and a body that is not copied. */
    return h2->queued - h2->written >= WEIR_HTTP_H2_QUEUE_BYTES_MAX ||
           h2->n_pieces + 3 > WEIR_HTTP_H2_PIECES_MAX;
}

/* Makes frames until a call to the kernel is worth it; false: out of memory, or nghttp2 gave up. */
static bool make_frames(struct weir_http_h2 *h2)
{
    while (!weir_http_h2_write_is_full(h2)) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(h2->session, &bytes);
        if (n < 0)
            return false;
        if (n == 0)
            return true;
        if (!weir_http_h2_write_bytes(h2, bytes, (size_t)n))
            return false;
    }
    return true;
}

static int gather(const struct weir_http_h2 *h2, struct iovec *iov, size_t *total)
{
    int n = 0;
    *total = 0;
    for (uint32_t i = 0; i < h2->n_pieces; i++) {
        const struct weir_http_h2_piece *piece = &h2->pieces[i];
        char *base = piece->req ? piece->req->out_body.at : h2->out.at;
        iov[n++] = (struct iovec){.iov_base = base + piece->at, .iov_len = piece->n};
        *total += piece->n;
    }
    return n;
}

/* Marks n bytes as written and finishes the requests that are over. */
static void take_written(struct weir_http_h2 *h2, size_t n)
{
    h2->written += n;
    h2->conn->server->counters.bytes_out += n;
    uint32_t n_whole = 0;
    while (n_whole < h2->n_pieces && n >= h2->pieces[n_whole].n)
        n -= h2->pieces[n_whole++].n;
    if (n > 0) {
        h2->pieces[n_whole].at += n;
        h2->pieces[n_whole].n -= n;
    }
    h2->n_pieces -= n_whole;
    memmove(h2->pieces, h2->pieces + n_whole, h2->n_pieces * sizeof h2->pieces[0]);
    if (h2->n_pieces == 0) {
        weir_buf_clear(&h2->out);
        if (h2->out.cap > WEIR_HTTP_H2_OUT_BYTES_KEPT)
            weir_buf_deinit(&h2->out);
    }
    while (!weir_list_is_empty(&h2->ending)) {
        struct weir_http_req *req =
            WEIR_CONTAINER_OF(h2->ending.next, struct weir_http_req, end_link);
        if (req->end_at > h2->written)
            break;
        weir_list_remove(&req->end_link);
        weir_http_conn_finish_req(req, !req->sent_end);
    }
}

/* Gives the transport what was made; false: the connection broke. */
static bool write_made(struct weir_http_h2 *h2)
{
    struct weir_http_conn *conn = h2->conn;
    struct iovec iov[WEIR_HTTP_H2_PIECES_MAX];
    size_t total;
    int n_iov = gather(h2, iov, &total);
    if (n_iov == 0) {
        take_written(h2, 0);
        return true;
    }
    ssize_t n = weir_http_conn_write(conn, iov, n_iov, total);
    if (n < 0)
        return false;
    take_written(h2, (size_t)n);
    return true;
}

/* Tells handlers of answers in parts that there is room again. */
static void tell_room(struct weir_http_conn *conn)
{
    struct weir_http_server *server = conn->server;
    WEIR_LIST_FOREACH (link, &conn->reqs) {
        struct weir_http_req *req = WEIR_CONTAINER_OF(link, struct weir_http_req, link);
        if (!req->is_full || weir_http_h2_reply_left(req) > server->opts.unsent_bytes_resume)
            continue;
        req->is_full = false;
        if (!req->is_replied && server->handlers->room)
            server->handlers->room(server->ctx, weir_http_req_ticket(req), req->user);
    }
}

/* Stops reading while the peer does not read, and goes on when it does. */
static void balance(struct weir_http_conn *conn)
{
    const struct weir_http_options *opts = &conn->server->opts;
    uint64_t unsent = weir_http_conn_unsent_all(conn);
    if (!conn->is_stalled && conn->wants_write && unsent > opts->unsent_bytes_max) {
        conn->is_stalled = true;
        conn->server->counters.limit_unsent++;
        conn->io->read_stop(conn);
    } else if (conn->is_stalled && (!conn->wants_write || unsent <= opts->unsent_bytes_resume)) {
        conn->is_stalled = false;
        conn->io->read_start(conn);
    }
}

/* Ends the connection when neither side has anything to say; its requests are over then. */
static void end_if_over(struct weir_http_conn *conn)
{
    struct weir_http_h2 *h2 = conn->h2;
    if (conn->state != WEIR_HTTP_CONN_H2 || h2->n_pieces > 0 ||
        nghttp2_session_want_write(h2->session) != 0)
        return;
    if (nghttp2_session_want_read(h2->session) != 0 && !(conn->has_eof && conn->n_reqs == 0))
        return;
    while (!weir_list_is_empty(&conn->reqs))
        weir_http_conn_finish_req(WEIR_CONTAINER_OF(conn->reqs.next, struct weir_http_req, link),
                                  true);
    weir_http_conn_end_reading(conn);
}

bool weir_http_h2_write(struct weir_http_conn *conn)
{
    struct weir_http_h2 *h2 = conn->h2;
    uint64_t written;
    do {
        written = h2->written;
        if (!conn->wants_write && !make_frames(h2)) {
            h2->is_broken = true;
            weir_http_conn_abort(conn, true);
            return false;
        }
        if (conn->wants_write)
            break;
        if (!write_made(h2))
            return false;
    } while (h2->written > written && !conn->wants_write);
    if (h2->is_flooding && !h2->has_left)
        weir_http_h2_end(conn, WEIR_HTTP_H2_ENHANCE_YOUR_CALM);
    tell_room(conn);
    balance(conn);
    end_if_over(conn);
    return true;
}

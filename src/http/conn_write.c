/* SPDX-License-Identifier: MIT */
/* The writing side of a connection: answers leave in the order of their requests, as many as are
 * ready in one call to the kernel; what the kernel does not take stays with its request. */
#include "base/macros.h"
#include "http/h2_priv.h"
#include "loop/stream.h"

static size_t bytes_left(const struct weir_http_req *req)
{
    if (req->is_http2)
        return (size_t)weir_http_h2_reply_left(req);
    return req->out.n + req->out_body.n - req->out_sent;
}

static void count_answer(struct weir_http_counters *counters, int status)
{
    counters->answers_sent++;
    if (status >= 500)
        counters->answers_5xx++;
    else if (status >= 400)
        counters->answers_4xx++;
    else if (status >= 300)
        counters->answers_3xx++;
    else
        counters->answers_2xx++;
}

static void tell_done(const struct weir_http_req *req, bool is_lost)
{
    const struct weir_http_server *server = req->conn->server;
    struct weir_http_done info = {
        .target = weir_str_make(req->target, req->n_target),
        .method = req->head.method,
        .route = req->match.route,
        .status = req->status,
        .is_lost = is_lost,
        .is_refusal = req->is_refusal,
        .begun_ns = req->begun_ns,
        .replied_ns = req->replied_ns,
        .bytes_in = req->bytes_in,
        .bytes_out = req->out_sent,
        .peer = &req->conn->peer,
        .user = req->user,
    };
    server->handlers->done(server->ctx, &info);
}

uint64_t weir_http_conn_unsent_all(const struct weir_http_conn *conn)
{
    return conn->unsent + (conn->h2 ? conn->h2->queued - conn->h2->written : 0);
}

void weir_http_conn_tell_gone(struct weir_http_req *req)
{
    const struct weir_http_server *server = req->conn->server;
    if (server->handlers->gone)
        server->handlers->gone(server->ctx, weir_http_req_ticket(req), req->user);
}

void weir_http_conn_finish_req(struct weir_http_req *req, bool is_lost)
{
    struct weir_http_conn *conn = req->conn;
    struct weir_http_server *server = conn->server;
    conn->unsent -= bytes_left(req);
    if (is_lost)
        server->counters.answers_lost++;
    else
        count_answer(&server->counters, req->status);
    if (req->is_shown && !req->is_replied)
        weir_http_conn_tell_gone(req);
    if (server->handlers->done)
        tell_done(req, is_lost);
    weir_http_core_req_release(server, req);
}

/* Adds what is left of one part of an answer. Returns the number of pieces. */
static int add_piece(struct iovec *iov, int n, const struct weir_buf *buf, size_t *skip)
{
    if (*skip >= buf->n) {
        *skip -= buf->n;
        return n;
    }
    iov[n] = (struct iovec){.iov_base = buf->at + *skip, .iov_len = buf->n - *skip};
    *skip = 0;
    return n + 1;
}

/* Collects what may be written now, in order. Returns the number of pieces; *total their bytes. */
static int gather(const struct weir_http_conn *conn, struct iovec *iov, size_t *total)
{
    int n = 0;
    *total = 0;
    WEIR_LIST_FOREACH (link, &conn->reqs) {
        const struct weir_http_req *req = WEIR_CONTAINER_OF(link, struct weir_http_req, link);
        if (n + 2 > WEIR_STREAM_IOV_MAX)
            break;
        size_t skip = req->out_sent;
        *total += bytes_left(req);
        n = add_piece(iov, n, &req->out, &skip);
        n = add_piece(iov, n, &req->out_body, &skip);
        if (!req->is_replied || req->closes)
            break;
    }
    return n;
}

/* Marks n bytes as written and finishes the answers that are whole. */
static void take_written(struct weir_http_conn *conn, size_t n)
{
    conn->unsent -= n;
    conn->server->counters.bytes_out += n;
    while (!weir_list_is_empty(&conn->reqs)) {
        struct weir_http_req *req = WEIR_CONTAINER_OF(conn->reqs.next, struct weir_http_req, link);
        size_t k = weir_min_size(n, bytes_left(req));
        req->out_sent += k;
        n -= k;
        if (bytes_left(req) > 0 || !req->is_replied)
            break;
        bool is_last = req->closes;
        weir_http_conn_finish_req(req, false);
        if (!is_last)
            continue;
        /* Close was announced: later requests of this connection are never answered. */
        weir_http_conn_end_reading(conn);
        while (!weir_list_is_empty(&conn->reqs))
            weir_http_conn_finish_req(
                WEIR_CONTAINER_OF(conn->reqs.next, struct weir_http_req, link), true);
    }
    weir_assert(n == 0);
}

ssize_t weir_http_conn_write(struct weir_http_conn *conn, const struct iovec *iov, int n_iov,
                             size_t total)
{
    ssize_t n = conn->io->write(conn, iov, n_iov);
    if (n < 0) {
        weir_http_conn_broken(conn);
        return -1;
    }
    bool is_armed = weir_list_is_linked(&conn->write_timeout.link);
    if ((size_t)n < total) {
        conn->wants_write = true;
        conn->io->want_write(conn);
        if (n > 0 || !is_armed)
            weir_http_core_timeout_set(conn->server, &conn->write_timeout, WEIR_HTTP_TIMEOUT_WRITE);
    } else if (is_armed) {
        weir_http_core_timeout_clear(&conn->write_timeout);
    }
    return n;
}

/* Writes until nothing is due or the kernel takes no more; false: the connection broke. */
static bool write_due(struct weir_http_conn *conn)
{
    while (!conn->wants_write) {
        struct iovec iov[WEIR_STREAM_IOV_MAX];
        size_t total;
        int n_iov = gather(conn, iov, &total);
        if (n_iov == 0)
            break;
        ssize_t n = weir_http_conn_write(conn, iov, n_iov, total);
        if (n < 0)
            return false;
        take_written(conn, (size_t)n);
    }
    return true;
}

void weir_http_conn_flush(struct weir_http_conn *conn)
{
    if (conn->state == WEIR_HTTP_CONN_CLOSED)
        return;
    if (conn->is_failed) {
        weir_http_conn_abort(conn, true);
        return;
    }
    bool is_h2 = conn->state == WEIR_HTTP_CONN_H2;
    if (is_h2 ? !weir_http_h2_write(conn) : !write_due(conn))
        return;
    weir_http_conn_resume(conn);
    weir_http_core_charge_over(conn->server, &conn->unsent_charged,
                               conn->wants_write || is_h2 ? weir_http_conn_unsent_all(conn) : 0);
    weir_http_conn_settle(conn);
}

void weir_http_conn_writable(struct weir_http_conn *conn)
{
    conn->wants_write = false;
    weir_http_conn_flush(conn);
}

void weir_http_conn_set_dirty(struct weir_http_conn *conn)
{
    struct weir_http_server *server = conn->server;
    if (conn->is_dirty || conn->state == WEIR_HTTP_CONN_CLOSED)
        return;
    conn->is_dirty = true;
    if (weir_list_is_empty(&server->dirty))
        server->rim->dirty(server);
    weir_list_push(&server->dirty, &conn->dirty_link);
}

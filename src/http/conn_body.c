/* SPDX-License-Identifier: MIT */
/* Where bodies that do not come in one read are gathered. Of a body whose length is known, and
 * long, all but its beginning is read into its own buffer, so that it is not copied here at all;
 * the rest is copied from the read buffer that all connections of a loop share. What is charged is
 * what has come, and a little ahead, not what was declared: memory that was never touched is none.
 */
#include "base/macros.h"
#include "http/server_priv.h"

enum {
    AHEAD_BYTES = 64 * 1024,     /* charged beyond what has come */
    AT_ONCE_BYTES = 1024 * 1024, /* room made at first for a body that is declared so long */
    IN_PLACE_BYTES = 16 * 1024,  /* less is copied: the next request may come with it */
    READ_BYTES_MAX = 256 * 1024, /* of one read; so that others have their turn */
};

/* Makes room for more bytes, and for those that are known to follow. */
static bool make_room(struct weir_http_req *req, size_t more)
{
    struct weir_buf *body = &req->body_bytes;
    size_t wanted = body->n + more;
    if (body->cap >= wanted && body->at)
        return true;
    bool is_long = !req->head.is_chunked && req->head.length > WEIR_HTTP_SPARE_BUF_BYTES;
    if (!body->at && !is_long)
        *body = weir_http_core_buf_acquire(req->conn->server);
    if (is_long) {
        size_t at_once = weir_max_size(weir_max_size(wanted, AT_ONCE_BYTES), body->cap * 2);
        wanted = weir_max_size(wanted, weir_min_size(at_once, (size_t)req->head.length));
    }
    return weir_buf_reserve(body, wanted - body->n) == WEIR_OK;
}

static bool charge(struct weir_http_req *req, size_t more)
{
    size_t n = req->body_bytes.n + more;
    size_t held = weir_min_size(weir_max_size(req->body_bytes.cap, n), n + AHEAD_BYTES);
    return weir_http_core_charge(req->conn->server, &req->body_charged, held);
}

bool weir_http_conn_append_body(struct weir_http_req *req, struct weir_str bytes)
{
    if (!charge(req, bytes.n) || !make_room(req, bytes.n))
        return false;
    weir_buf_append(&req->body_bytes, bytes.at, bytes.n);
    weir_assert(weir_buf_ok(&req->body_bytes)); /* There was room. */
    req->conn->server->counters.body_bytes_copied += bytes.n;
    return true;
}

void weir_http_conn_room(struct weir_http_conn *conn, char **at, size_t *n)
{
    struct weir_http_req *req = conn->reading;
    if (conn->state != WEIR_HTTP_CONN_BODY || conn->held.n > 0 || !req)
        return;
    struct weir_buf *body = &req->body_bytes;
    size_t left = (size_t)req->head.length - body->n;
    size_t wanted = weir_min_size(left, READ_BYTES_MAX);
    /* What fails here fails again, and is told, when the bytes have come. */
    if (left < IN_PLACE_BYTES || !charge(req, wanted) || !make_room(req, wanted))
        return;
    *at = body->at + body->n;
    *n = wanted;
}

bool weir_http_conn_has_filled(struct weir_http_conn *conn, const char *bytes, size_t n)
{
    struct weir_http_req *req = conn->reading;
    if (conn->state != WEIR_HTTP_CONN_BODY || !req || !req->body_bytes.at ||
        bytes != req->body_bytes.at + req->body_bytes.n)
        return false;
    req->body_bytes.n += n;
    req->bytes_in += n;
    conn->rate_bytes += n;
    weir_assert(req->body_bytes.n <= req->head.length);
    (void)charge(req, 0); /* Never more than before the read. */
    return true;
}

/* SPDX-License-Identifier: MIT */
/* Answers in parts. Only requests of stream routes have them, which come over HTTP/2 alone. */
#include "base/macros.h"
#include "http/h2_priv.h"

/* Finds the request of a ticket that may still be answered in parts; NULL: there is none. */
static struct weir_http_req *find(const struct weir_http_server *server,
                                  struct weir_http_ticket ticket, bool has_begun)
{
    struct weir_http_req *req = weir_http_core_req_find(server, ticket);
    return req && req->is_stream && !req->is_replied && req->has_begun == has_begun ? req : NULL;
}

/* Gives a stream up for want of memory. */
static void give_up(struct weir_http_req *req)
{
    req->is_replied = true; /* So that gone is not told. */
    weir_http_h2_reply_reset(req, WEIR_HTTP_H2_INTERNAL_ERROR);
}

bool weir_http_reply_begin(struct weir_http_server *server, struct weir_http_ticket ticket,
                           struct weir_http_reply *reply)
{
    struct weir_http_req *req = find(server, ticket, false);
    bool is_fine = !reply->owned || weir_buf_ok(reply->owned);
    if (req) {
        req->has_begun = true;
        req->status = reply->status;
        weir_http_reply_refresh_date(server);
        weir_http_conn_set_dirty(req->conn);
        is_fine = is_fine && weir_http_h2_reply(req, reply, true);
        if (!is_fine)
            give_up(req);
    }
    if (reply->owned)
        weir_buf_clear(reply->owned);
    return req && is_fine;
}

bool weir_http_reply_part(struct weir_http_server *server, struct weir_http_ticket ticket,
                          struct weir_str bytes)
{
    struct weir_http_req *req = find(server, ticket, true);
    if (!req || weir_http_h2_reply_part(req, bytes))
        return req != NULL;
    give_up(req);
    return false;
}

bool weir_http_reply_end(struct weir_http_server *server, struct weir_http_ticket ticket,
                         struct weir_str trailers)
{
    struct weir_http_req *req = find(server, ticket, true);
    if (!req)
        return false;
    req->is_replied = true;
    req->replied_ns = server->now_ns;
    if (weir_http_h2_reply_end(req, trailers))
        return true;
    give_up(req);
    return false;
}

uint64_t weir_http_reply_unsent(const struct weir_http_server *server,
                                struct weir_http_ticket ticket)
{
    const struct weir_http_req *req = weir_http_core_req_find(server, ticket);
    if (!req)
        return 0;
    return req->is_http2 ? weir_http_h2_reply_left(req)
                         : req->out.n + req->out_body.n - req->out_sent;
}

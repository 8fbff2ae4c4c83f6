/* SPDX-License-Identifier: MIT */
/* Answers in parts. Only requests of stream routes have them, which come over HTTP/2 alone. */
#include "base/macros.h"
#include "http/server_priv.h"

/* Finds the request of a ticket that may still be answered in parts; NULL: there is none. */
static struct weir_http_req *find(const struct weir_http_server *server,
                                  struct weir_http_ticket ticket)
{
    struct weir_http_req *req = weir_http_core_req_find(server, ticket);
    return req && req->is_stream && !req->is_replied ? req : NULL;
}

bool weir_http_reply_begin(struct weir_http_server *server, struct weir_http_ticket ticket,
                           struct weir_http_reply *reply)
{
    struct weir_http_req *req = find(server, ticket);
    if (reply->owned)
        weir_buf_clear(reply->owned);
    return req != NULL;
}

bool weir_http_reply_part(struct weir_http_server *server, struct weir_http_ticket ticket,
                          struct weir_str bytes WEIR_UNUSED)
{
    return find(server, ticket) != NULL;
}

bool weir_http_reply_end(struct weir_http_server *server, struct weir_http_ticket ticket,
                         struct weir_str trailers WEIR_UNUSED)
{
    return find(server, ticket) != NULL;
}

uint64_t weir_http_reply_unsent(const struct weir_http_server *server,
                                struct weir_http_ticket ticket)
{
    const struct weir_http_req *req = weir_http_core_req_find(server, ticket);
    return req ? req->out.n + req->out_body.n - req->out_sent : 0;
}

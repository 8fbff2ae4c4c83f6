/* SPDX-License-Identifier: MIT */
/* What handlers may ask a request for. */
#include "base/macros.h"
#include "http/h2_priv.h"

static struct weir_str view(const struct weir_http_req *req, struct weir_http_span span)
{
    if (!req->head_bytes || span.at == 0)
        return (struct weir_str){NULL, 0};
    return weir_str_make(req->head_bytes + span.at, span.n);
}

struct weir_http_ticket weir_http_req_ticket(const struct weir_http_req *req)
{
    return (struct weir_http_ticket){
        .conn = req->conn->index, .slot = req->slot, .generation = req->generation};
}

const struct weir_addr *weir_http_req_peer(const struct weir_http_req *req)
{
    return &req->conn->peer;
}

enum weir_http_method weir_http_req_method(const struct weir_http_req *req)
{
    return req->head.method;
}

struct weir_str weir_http_req_path(const struct weir_http_req *req)
{
    /* "http://host" without a path means "/" (RFC 9110 §4.2.3). */
    return req->head.path.n > 0 ? view(req, req->head.path) : WEIR_STR("/");
}

struct weir_str weir_http_req_query(const struct weir_http_req *req)
{
    return view(req, req->head.query);
}

struct weir_str weir_http_req_header(const struct weir_http_req *req, enum weir_http_field field)
{
    return view(req, req->head.fields[field]);
}

const struct weir_http_match *weir_http_req_match(const struct weir_http_req *req)
{
    return req->conn->server->router ? &req->match : NULL;
}

struct weir_str weir_http_req_body(const struct weir_http_req *req)
{
    return req->body;
}

struct weir_buf weir_http_req_take_body(struct weir_http_req *req)
{
    struct weir_buf taken = {.mem = req->conn->server->mem};
    if (req->body.n > 0 && req->body.at == req->body_bytes.at) {
        taken = req->body_bytes;
        req->body_bytes = (struct weir_buf){.mem = taken.mem};
    } else {
        weir_buf_append(&taken, req->body.at, req->body.n);
        req->conn->server->counters.body_bytes_copied += req->body.n;
    }
    req->body = weir_buf_str(&taken);
    return taken;
}

uint64_t weir_http_req_begun_ns(const struct weir_http_req *req)
{
    return req->begun_ns;
}

bool weir_http_req_is_http2(const struct weir_http_req *req)
{
    return req->is_http2;
}

void weir_http_req_set_user(struct weir_http_req *req, void *user)
{
    req->user = user;
}

void *weir_http_req_user(const struct weir_http_req *req)
{
    return req->user;
}

void weir_http_req_consume(struct weir_http_server *server, struct weir_http_ticket ticket,
                           size_t n)
{
    struct weir_http_req *req = weir_http_core_req_find(server, ticket);
    if (!req || n == 0)
        return;
    weir_assert(req->is_stream);
    weir_http_h2_read_consumed(req, n);
}

/* SPDX-License-Identifier: MIT */
/* Routes: which handler a method and a path belong to. Pure; a table of patterns compiled once.
 *
 * A pattern is a path of literal segments and captures: "/v2/models/{m}/versions/{v}/infer". A
 * capture is a whole segment, or the first part of one before a literal tail
 * ("/v1/models/{m}:predict"); one whose name ends in '#' ("{v#}") is all digits. The path is cut at
 * '/' first and each segment is percent-decoded once after that, so an encoded '/' stays inside its
 * segment. One trailing '/' is accepted. Of two routes that match, the earlier in the table wins.
 */
#ifndef WEIR_HTTP_ROUTER_H
#define WEIR_HTTP_ROUTER_H

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* The methods we know: enumerator, text. */
#define WEIR_HTTP_METHODS(X) \
    X(GET)                   \
    X(HEAD)                  \
    X(POST)                  \
    X(PUT)                   \
    X(DELETE)                \
    X(PATCH)                 \
    X(OPTIONS)               \
    X(TRACE)                 \
    X(CONNECT)

enum weir_http_method {
#define WEIR_HTTP_METHOD_ENUM(name) WEIR_HTTP_##name,
    WEIR_HTTP_METHODS(WEIR_HTTP_METHOD_ENUM)
#undef WEIR_HTTP_METHOD_ENUM
};

enum {
    WEIR_HTTP_N_METHODS = 9,
    WEIR_HTTP_SEGMENTS_MAX = 12, /* of a path that can match; longer ones match nothing */
    WEIR_HTTP_CAPTURES_MAX = 4,
    WEIR_HTTP_CAPTURE_BYTES_MAX = 136, /* a decoded capture is cut here: beyond any legal name */
};

/* Sets of methods. GET includes HEAD; OPTIONS is answered for every route. */
#define WEIR_HTTP_METHOD_BIT(name) (1U << WEIR_HTTP_##name)

enum weir_http_route_flags {
    WEIR_HTTP_ROUTE_EMPTY_BODY = 1, /* POST without Content-Length and Transfer-Encoding has an
                                       empty body here; elsewhere it is answered 411 */
    WEIR_HTTP_ROUTE_STREAM = 2,     /* HTTP/2 only: the body is shown in parts */
    WEIR_HTTP_ROUTE_NO_CASE = 4,    /* literals match in any case (of ASCII) */
    WEIR_HTTP_ROUTE_NO_COLON = 8,   /* a capture has no ':' as sent, an encoded one may be */
};

/* A row of the caller's table; borrowed while the router lives. */
struct weir_http_route {
    uint32_t methods;    /* WEIR_HTTP_METHOD_BIT()s */
    const char *pattern; /* begins with '/' */
    uint32_t id;         /* the caller's */
    uint32_t flags;      /* enum weir_http_route_flags */
};

struct weir_http_router {
    const struct weir_http_route *routes;
    struct weir_http_compiled *compiled; /* one for each route */
    uint32_t n_routes;
    struct weir_mem *mem;
};

enum weir_http_match_kind {
    WEIR_HTTP_MATCH_FOUND,
    WEIR_HTTP_MATCH_NOT_FOUND, /* no pattern fits the path */
    WEIR_HTTP_MATCH_METHOD,    /* patterns fit, but none has the method; see allow */
};

/* What a path was matched to. Not to be copied: captures may point into `decoded`. */
struct weir_http_match {
    const struct weir_http_route *route; /* FOUND: the row; else NULL */
    uint32_t allow;                      /* methods of all rows that fit the path */
    uint32_t n_captures;
    struct weir_str captures[WEIR_HTTP_CAPTURES_MAX]; /* valid as long as path and match */
    char decoded[WEIR_HTTP_CAPTURES_MAX][WEIR_HTTP_CAPTURE_BYTES_MAX];
};

/* Compiles the table. mem is borrowed until deinit. WEIR_ERR_INVALID: a bad pattern, named;
 * WEIR_ERR_NO_MEMORY. *router is then as zeroed. */
WEIR_MUST_USE enum weir_status weir_http_router_init(struct weir_http_router *router,
                                                     const struct weir_http_route *routes,
                                                     uint32_t n_routes, struct weir_mem *mem,
                                                     struct weir_error *err);

/* Frees what init made; a zeroed router is fine. */
void weir_http_router_deinit(struct weir_http_router *router);

/* Finds the route. path: without the query. HEAD matches GET's routes. */
enum weir_http_match_kind weir_http_router_match(const struct weir_http_router *router,
                                                 enum weir_http_method method, struct weir_str path,
                                                 struct weir_http_match *match);

/* Appends "GET, HEAD, OPTIONS": the set with HEAD where GET is, and OPTIONS. */
void weir_http_allow_append(struct weir_buf *out, uint32_t methods);

/* Returns the method's name, borrowed for ever. */
const char *weir_http_method_name(enum weir_http_method method);

/* Decodes %XX once from in into out (cap bytes), cutting at cap; returns the bytes written. A '%'
 * without two hex digits is copied as it is. */
size_t weir_http_percent_decode(struct weir_str in, char *out, size_t cap);

#endif

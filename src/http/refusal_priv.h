/* SPDX-License-Identifier: MIT */
/* What the protocol side refuses by itself: one row gives the kind, its answer and its counter. */
#ifndef WEIR_HTTP_REFUSAL_PRIV_H
#define WEIR_HTTP_REFUSAL_PRIV_H

#include "http/options.h"

#include <stddef.h>

/* kind, status, counter, text of the answer. */
#define WEIR_HTTP_REFUSALS(X)                                                                \
    X(NONE, 0, requests, "")                                                                 \
    X(LEADING_CRLF, 400, limit_leading_crlf, "too many empty lines before the request line") \
    X(REQUEST_LINE_LONG, 414, limit_request_line, "request line too long")                   \
    X(REQUEST_LINE, 400, bad_request_line, "malformed request line")                         \
    X(NO_VERSION, 400, bad_request_line, "request line has no HTTP version")                 \
    X(TARGET, 400, bad_request_line, "malformed request target")                             \
    X(VERSION, 505, unknown_version, "only HTTP/1.0, 1.1 and 2 are spoken here")             \
    X(STREAM_ROUTE, 505, unknown_version, "this route is spoken over HTTP/2 only")           \
    X(METHOD, 501, unknown_method, "unknown method")                                         \
    X(CONNECT, 501, unknown_method, "CONNECT is not supported")                              \
    X(HEADER, 400, bad_header, "malformed header line")                                      \
    X(HEADER_FOLDED, 400, bad_header, "header line begins with a blank")                     \
    X(HEADER_LINE_LONG, 431, limit_header_line, "header line too long")                      \
    X(HEADERS_LONG, 431, limit_header_bytes, "headers too long")                             \
    X(HEADERS_MANY, 431, limit_headers, "too many header lines")                             \
    X(HOST_MISSING, 400, bad_host, "no Host header")                                         \
    X(HOST_TWICE, 400, bad_host, "more than one Host header")                                \
    X(HOST_INVALID, 400, bad_host, "invalid Host header")                                    \
    X(INFERENCE_TWICE, 400, bad_header, "more than one Inference-Header-Content-Length")     \
    X(LENGTH, 400, bad_length, "invalid Content-Length")                                     \
    X(LENGTH_TWICE, 400, bad_length, "more than one Content-Length")                         \
    X(LENGTH_AND_CODING, 400, bad_length, "both Content-Length and Transfer-Encoding")       \
    X(CODING, 400, bad_coding, "invalid Transfer-Encoding")                                  \
    X(CODING_OLD, 400, bad_coding, "Transfer-Encoding on HTTP/1.0")                          \
    X(CODING_UNKNOWN, 501, unknown_coding, "only the transfer coding chunked is supported")  \
    X(CHUNK, 400, bad_chunk, "malformed chunk")                                              \
    X(CHUNK_EXTENSION, 400, limit_chunk_extension, "chunk extensions too long")              \
    X(CHUNK_FRAMING, 400, limit_chunk_framing, "chunks too small for the size of the body")  \
    X(TRAILER, 400, bad_chunk, "malformed trailer line")                                     \
    X(TRAILERS_LONG, 431, limit_trailer_bytes, "trailers too long")                          \
    X(TRAILERS_MANY, 431, limit_trailers, "too many trailer lines")                          \
    X(BODY_LONG, 413, limit_body, "body too large")                                          \
    X(EXPECTATION, 417, unknown_expectation, "only Expect: 100-continue is supported")       \
    X(LENGTH_REQUIRED, 411, length_required, "Content-Length or chunked coding needed")      \
    X(NOT_FOUND, 404, not_found, "no such route")                                            \
    X(NOT_ALLOWED, 405, method_not_allowed, "method not allowed here")                       \
    X(HEAD_SLOW, 408, timeout_head, "headers came too slowly")                               \
    X(BODY_SLOW, 408, timeout_body, "body took too long")                                    \
    X(BODY_RATE, 408, timeout_body_rate, "body came too slowly")                             \
    X(ADDRESS, 429, limit_conns_per_address, "too many connections from this address")       \
    X(BUFFERED, 503, limit_buffered, "out of request memory")

enum weir_http_refusal {
#define WEIR_HTTP_REFUSAL_ENUM(kind, status, counter, text) WEIR_HTTP_REFUSAL_##kind,
    WEIR_HTTP_REFUSALS(WEIR_HTTP_REFUSAL_ENUM)
#undef WEIR_HTTP_REFUSAL_ENUM
};

struct weir_http_refusal_row {
    int status;
    size_t counter; /* offset in struct weir_http_counters */
    const char *text;
};

extern const struct weir_http_refusal_row weir_http_refusal_rows[];

#endif

/* SPDX-License-Identifier: MIT */
/* A small HTTP/1.1 client: one connection, one request at a time, any number after each other. For
 * measuring and for tests; requests are given as the bytes that go over the wire. Threads: the
 * loop's. */
#ifndef WEIR_HTTP_CLIENT_H
#define WEIR_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/str.h"
#include "loop/stream.h"

#include <stdbool.h>
#include <stdint.h>

struct weir_http_client;
struct weir_http_client_parser;

/* Why a connection is of no use any more. */
#define WEIR_HTTP_CLIENT_FAILURE_MAP(X)                                         \
    X(CONNECT, "connect", "the connection could not be made")                   \
    X(IDLE, "idle", "the server closed the connection while nothing was asked") \
    X(CLOSED, "closed", "the server closed the connection before the answer")   \
    X(RESET, "reset", "the connection broke before the answer")                 \
    X(MALFORMED, "malformed", "the answer is not HTTP")                         \
    X(TOO_LARGE, "too_large", "the answer is larger than the client takes")

enum weir_http_client_failure {
#define WEIR_HTTP_CLIENT_FAILURE_ENUM(code, name, text) WEIR_HTTP_CLIENT_##code,
    WEIR_HTTP_CLIENT_FAILURE_MAP(WEIR_HTTP_CLIENT_FAILURE_ENUM)
#undef WEIR_HTTP_CLIENT_FAILURE_ENUM
};

enum {
    WEIR_HTTP_CLIENT_FAILURE_N = 6, /* enumerators of enum weir_http_client_failure */
    WEIR_HTTP_CLIENT_HEAD_BYTES_MAX = 64 * 1024,
    WEIR_HTTP_CLIENT_BODY_BYTES_MAX = 64 * 1024 * 1024,
};

/* One answer; everything is valid during the callback. */
struct weir_http_client_answer {
    int status;
    struct weir_str body;
    bool is_last; /* the connection takes no further request: close it */
};

/* What a client tells its owner. None is called from inside a call of the owner's. Any of them may
 * close the client; no other callback but `closed` follows then. */
struct weir_http_client_events {
    /* Requests can be sent. */
    void (*ready)(struct weir_http_client *c);
    /* The request is answered; the next one may be sent from here. */
    void (*answer)(struct weir_http_client *c, const struct weir_http_client_answer *answer);
    /* The connection is of no use any more and must be closed. error: errno, or 0. */
    void (*failed)(struct weir_http_client *c, enum weir_http_client_failure why, int error);
    /* The last one: the memory may go, or a new connection begin in it. */
    void (*closed)(struct weir_http_client *c);
};

/* A client; lives in its owner until `closed`. Zeroed is closed. */
struct weir_http_client {
    struct weir_stream stream;
    const struct weir_http_client_events *events;
    struct weir_http_client_parser *parser; /* owned */
    struct weir_str unsent;                 /* of the request, borrowed */
    struct weir_buf head;                   /* headers of the answer: name, NUL, value, NUL */
    struct weir_buf kept;                   /* a body that came in several reads */
    struct weir_str body;                   /* what came of the body in this read */
    bool is_busy;                           /* a request waits for its answer */
    bool is_ready;
    bool has_head;                         /* of the answer: complete */
    enum weir_http_client_failure refused; /* why the parser was stopped */
};

/* Begins to connect; `ready` or `failed` follow. WEIR_ERR_IO, WEIR_ERR_NO_MEMORY: nothing was begun
 * and no callback follows. */
WEIR_MUST_USE enum weir_status weir_http_client_open(struct weir_http_client *c,
                                                     struct weir_loop *loop,
                                                     const struct weir_addr_target *to,
                                                     const struct weir_http_client_events *events,
                                                     struct weir_error *err);

/* Sends one request: its head and body as they go over the wire, borrowed until `answer` or
 * `failed`. The client must be ready, and the request before must be answered. */
void weir_http_client_send(struct weir_http_client *c, struct weir_str request);

/* Returns the value of a header of the answer, by its name in any case; an empty view: it is not
 * there. Valid during `answer`. */
struct weir_str weir_http_client_header(const struct weir_http_client *c, const char *name);

/* Ends the connection; `closed` follows. A zeroed or closing client is left alone. */
void weir_http_client_close(struct weir_http_client *c);

/* Returns the name of a failure ("reset") and a sentence about it, borrowed for ever. */
const char *weir_http_client_failure_name(enum weir_http_client_failure why);
const char *weir_http_client_failure_text(enum weir_http_client_failure why);

#endif

/* SPDX-License-Identifier: MIT */
/* The HTTP server of one loop: connections in, requests out to a table of handlers, answers back.
 * A listener speaks HTTP/1.x and HTTP/2: a connection that begins with the preface of RFC 9113 §3.4
 * is HTTP/2. Handlers need not know which; HTTP/1 answers leave in request order, HTTP/2's as they
 * come.
 *
 * A request is shown twice: `head` when its head is checked and routed, `body` when its body is
 * whole. Either may answer at once with weir_http_reply, or keep the ticket and answer later, in
 * any order. Views into a request (path, headers, body) are valid during the call that shows it
 * only; weir_http_req_take_body gives the body to keep. Everything refused by the protocol itself
 * (limits, framing, unknown routes, methods, OPTIONS) is answered here and never reaches a handler
 * but `refusal`.
 *
 * Routes with WEIR_HTTP_ROUTE_STREAM are for HTTP/2 alone (HTTP/1 is refused with 505): their
 * bodies are shown in parts by `part`, while weir_http_reply_begin, _part and _end send the answer
 * in parts, both directions at once.
 * Threads: everything here runs on the loop's thread; struct weir_http_shared alone is used by
 * several. */
#ifndef WEIR_HTTP_HTTP_H
#define WEIR_HTTP_HTTP_H

#include "base/buf.h"
#include "base/str.h"
#include "http/options.h"
#include "http/router.h"
#include "loop/addr.h"
#include "loop/listener.h"
#include "loop/loop.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct weir_http_server;
struct weir_http_req;

/* Names a request that will be answered later; a plain value that workers may carry. A ticket whose
 * request is answered or whose connection is gone is recognised and harmless. */
struct weir_http_ticket {
    uint32_t conn;
    uint32_t slot;
    uint64_t generation;
};

enum weir_http_verdict {
    WEIR_HTTP_ACCEPT,  /* read the body, then call `body` */
    WEIR_HTTP_REPLIED, /* the handler has answered, finally; the body is thrown away */
};

/* What is known about a request when its answer was written or lost. Views are valid during the
 * call. */
struct weir_http_done {
    struct weir_str target; /* path and query, cut at target_bytes_kept; empty for broken heads */
    enum weir_http_method method;
    const struct weir_http_route *route; /* NULL: none */
    int status;                          /* 0: the connection ended before there was an answer */
    bool is_lost;                        /* not written whole */
    bool is_refusal;                     /* answered by the protocol side, not by a handler */
    uint64_t begun_ns;                   /* the read event that completed its head */
    uint64_t replied_ns;                 /* weir_http_reply; 0: never */
    uint64_t bytes_in;                   /* head and body */
    uint64_t bytes_out;                  /* head and body of the answer */
    const struct weir_addr *peer;
    void *user;
};

struct weir_http_reply;

/* What the server does with requests. head and body are required. */
struct weir_http_handlers {
    /* The head is checked and routed (method, path, query, headers known), nothing of the body has
     * been looked at. Asked before 100 Continue is sent. */
    enum weir_http_verdict (*head)(void *ctx, struct weir_http_req *req);
    /* The body is whole (empty for requests without one). The handler answers now or later. */
    void (*body)(void *ctx, struct weir_http_req *req);
    /* Of routes with WEIR_HTTP_ROUTE_STREAM, in place of `body`; required where there are such
     * routes. Bytes of the body as they come, in pieces of any size, is_last with the last, which
     * comes once and may be empty. Returns how many of the bytes are done with (all: bytes.n). The
     * client may send so many more; the others are owed: it stops when it has sent a window full of
     * them (h2_window_bytes) until weir_http_req_consume is called. So a handler that waits
     * for more bytes must be done with those it has. Not called after the whole answer was given.
     */
    size_t (*part)(void *ctx, struct weir_http_req *req, struct weir_str bytes, bool is_last);
    /* An answer in parts whose unsent bytes were more than unsent_bytes_max has unsent_bytes_resume
     * or fewer again. May be NULL. */
    void (*room)(void *ctx, struct weir_http_ticket ticket, void *user);
    /* The client lost interest or was lost (the connection broke, RST_STREAM) while the answer is
     * due; the ticket is void. A mere half-close is not told. May be NULL. */
    void (*gone)(void *ctx, struct weir_http_ticket ticket, void *user);
    /* The protocol side is about to refuse a request whose head could be read: *reply is the answer
     * (status, body as {"error": text}, fields), text what is said in it. Its members may be
     * changed; new views may point to literals or into room, which is empty at first. May be NULL.
     */
    void (*refusal)(void *ctx, struct weir_http_req *req, struct weir_str text,
                    struct weir_http_reply *reply, struct weir_buf *room);
    /* The request is over; for access logs and metrics. May be NULL. */
    void (*done)(void *ctx, const struct weir_http_done *info);
};

/* Shared by the servers of a process; zero-initialise. Relaxed atomics: limits, not locks. */
struct weir_http_shared {
    _Atomic uint64_t n_conns;              /* connections of all servers */
    _Atomic uint64_t buffered_bytes;       /* held for requests and answers by all servers */
    struct weir_http_addresses *addresses; /* made by weir_http_shared_init */
};

/* Makes the table of client addresses (conns_max of them at most). WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_http_shared_init(struct weir_http_shared *shared,
                                                     uint32_t conns_max, struct weir_mem *mem);
void weir_http_shared_deinit(struct weir_http_shared *shared);

/* Makes the server of a loop. router may be NULL: then every path reaches `head`, and 404, 405 and
 * 411 are the handler's; else it is borrowed until free, as are shared, handlers and mem. opts is
 * copied. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status
weir_http_server_new(struct weir_http_server **out, struct weir_loop *loop,
                     const struct weir_http_options *opts, const struct weir_http_router *router,
                     const struct weir_http_handlers *handlers, void *ctx,
                     struct weir_http_shared *shared, struct weir_mem *mem);

/* Closes listeners and connections (resetting what is unanswered) and frees the server once their
 * close callbacks have run; closed(arg) (may be NULL) is called then. */
void weir_http_server_close(struct weir_http_server *server, weir_loop_fn *closed, void *arg);

/* Starts a listener. bound (may be NULL) is set to the address with its real port.
 * Errors as weir_listener_open. */
WEIR_MUST_USE enum weir_status weir_http_server_listen(struct weir_http_server *server,
                                                       const struct weir_addr_target *addr,
                                                       const struct weir_listener_opts *opts,
                                                       struct weir_addr_target *bound,
                                                       struct weir_error *err);

/* Takes a connected descriptor, also on failure (it is closed then): for connections accepted by
 * another loop. */
void weir_http_server_adopt(struct weir_http_server *server, int fd, const struct weir_addr *peer);

/* First step of the end: every answer from now on says Connection: close (HTTP/2: GOAWAY is sent,
 * and requests on their way still accepted), and idle connections are closed; listeners go on. */
void weir_http_server_drain(struct weir_http_server *server);

/* Second step: takes what is in the backlog and closes the listeners. */
void weir_http_server_stop_listening(struct weir_http_server *server);

/* Connections open now. */
uint32_t weir_http_server_n_conns(const struct weir_http_server *server);

/* Counters, borrowed. */
const struct weir_http_counters *weir_http_server_counters(const struct weir_http_server *server);

/* Changes the limits while serving; conns_max stays as it was. Requests that have begun keep what
 * they were allowed, but for a shortened timeout: from now on nothing waits longer than that.
 * O(connections). */
void weir_http_server_set_options(struct weir_http_server *server,
                                  const struct weir_http_options *opts);

/* --- requests ------------------------------------------------------------------------------- */

/* Header fields that are kept; the rest are checked, counted and forgotten. enumerator, name. */
#define WEIR_HTTP_FIELDS(X)                                \
    X(HOST, "host")                                        \
    X(CONTENT_TYPE, "content-type")                        \
    X(CONTENT_ENCODING, "content-encoding")                \
    X(ACCEPT, "accept")                                    \
    X(ORIGIN, "origin")                                    \
    X(ACCEPT_ENCODING, "accept-encoding")                  \
    X(IF_NONE_MATCH, "if-none-match")                      \
    X(X_REQUEST_ID, "x-request-id")                        \
    X(X_REQUEST_TIMEOUT_MS, "x-request-timeout-ms")        \
    X(INFERENCE_LENGTH, "inference-header-content-length") \
    X(SERVER_TIMING, "server-timing")                      \
    X(AUTHORIZATION, "authorization")                      \
    X(TE, "te")                                            \
    X(GRPC_TIMEOUT, "grpc-timeout")                        \
    X(GRPC_ENCODING, "grpc-encoding")                      \
    X(GRPC_ACCEPT_ENCODING, "grpc-accept-encoding")

enum weir_http_field {
#define WEIR_HTTP_FIELD_ENUM(name, text) WEIR_HTTP_FIELD_##name,
    WEIR_HTTP_FIELDS(WEIR_HTTP_FIELD_ENUM)
#undef WEIR_HTTP_FIELD_ENUM
};

enum { WEIR_HTTP_N_FIELDS = 16 };

struct weir_http_ticket weir_http_req_ticket(const struct weir_http_req *req);
enum weir_http_method weir_http_req_method(const struct weir_http_req *req);

/* Path without query, still percent-encoded; query without '?', empty if none. */
struct weir_str weir_http_req_path(const struct weir_http_req *req);
struct weir_str weir_http_req_query(const struct weir_http_req *req);

/* The value without surrounding blanks; at is NULL when there is no such field. Of several the
 * first. HTTP/2's :authority is HOST. */
struct weir_str weir_http_req_header(const struct weir_http_req *req, enum weir_http_field field);

/* The match; NULL without a router. Valid until `body` returns; its captures during calls. */
const struct weir_http_match *weir_http_req_match(const struct weir_http_req *req);

/* In `body`: the bytes. In `head`: empty. */
struct weir_str weir_http_req_body(const struct weir_http_req *req);

/* In `body`: gives the body as an owned buffer; what came in one read is copied. Returns a failed
 * buffer (weir_buf_ok) when there is no memory. */
struct weir_buf weir_http_req_take_body(struct weir_http_req *req);

/* Who sent it; borrowed as long as the request is. */
const struct weir_addr *weir_http_req_peer(const struct weir_http_req *req);

/* The read event that completed the head. */
uint64_t weir_http_req_begun_ns(const struct weir_http_req *req);

/* Finds whether it came over HTTP/2. */
bool weir_http_req_is_http2(const struct weir_http_req *req);

/* A pointer of the caller's that goes with the request to gone and done; NULL at first. */
void weir_http_req_set_user(struct weir_http_req *req, void *user);
void *weir_http_req_user(const struct weir_http_req *req);

/* --- answers -------------------------------------------------------------------------------- */

/* An answer. Zeroed fields mean "none". */
struct weir_http_reply {
    int status;               /* 200-599 */
    const char *content_type; /* copied; NULL: application/json where there is a body */
    struct weir_str fields;   /* more header lines, each "Name: value\r\n"; copied */
    struct weir_str trailers; /* lines likewise, sent after the body over HTTP/2, dropped over
                                 HTTP/1; copied. An answer with trailers has no Content-Length */
    struct weir_str body;     /* copied before the call returns; ignored when owned is set */
    struct weir_buf *owned;   /* the body: its contents are taken (it is empty on return, and
                                 may have kept its memory for the next use) */
    uint32_t retry_after_s;   /* > 0: Retry-After */
    bool close;               /* end the connection after this answer */
};

/* Answers a request, now or when those before it on its connection are answered. Returns false when
 * the ticket is void (connection gone, already answered); owned is emptied all the same. Without
 * memory for the answer the connection is reset and false returned. Takes effect at the end of the
 * loop's iteration: several answers to a connection go out together. */
bool weir_http_reply(struct weir_http_server *server, struct weir_http_ticket ticket,
                     struct weir_http_reply *reply);

/* --- answers in parts: requests of routes with WEIR_HTTP_ROUTE_STREAM ------------------------- */

/* Begins an answer: sends its head, and body as its first part; trailers and close are not looked
 * at. Returns false as weir_http_reply does. A stream may also be answered whole by
 * weir_http_reply, as long as it was not begun. */
bool weir_http_reply_begin(struct weir_http_server *server, struct weir_http_ticket ticket,
                           struct weir_http_reply *reply);

/* Sends bytes (copied) as the next part, at the end of the loop's iteration and as fast as the
 * client takes them. false: void as above, or no memory for it (buffered_bytes_max too), then the
 * stream is reset and `gone` not told. */
bool weir_http_reply_part(struct weir_http_server *server, struct weir_http_ticket ticket,
                          struct weir_str bytes);

/* Ends an answer, with trailers as in struct weir_http_reply (may be empty). The ticket is void
 * then. A client that is still sending is told to stop (RST_STREAM with NO_ERROR). */
bool weir_http_reply_end(struct weir_http_server *server, struct weir_http_ticket ticket,
                         struct weir_str trailers);

/* Returns the bytes of the answer that are not written yet; 0 for a void ticket. What makes parts
 * should pause when this is more than unsent_bytes_max, until `room` is told. */
uint64_t weir_http_reply_unsent(const struct weir_http_server *server,
                                struct weir_http_ticket ticket);

/* Says that n more bytes of those that `part` was shown are done with: at most what is owed. A void
 * ticket is fine. */
void weir_http_req_consume(struct weir_http_server *server, struct weir_http_ticket ticket,
                           size_t n);

/* --- texts ---------------------------------------------------------------------------------- */

/* Answers {"error": text} with the text escaped; retry_after_s as above. */
bool weir_http_reply_error(struct weir_http_server *server, struct weir_http_ticket ticket,
                           int status, uint32_t retry_after_s, struct weir_str text);

/* Appends text as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void weir_http_json_string(struct weir_buf *out, struct weir_str text);

/* Returns the reason phrase of a status ("Not Found"), "" for one we never send. */
const char *weir_http_status_text(int status);

#endif

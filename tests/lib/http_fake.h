/* SPDX-License-Identifier: MIT */
/* An HTTP server in memory: connections without sockets, time as a number, handlers with a log.
 * What the protocol side does can then be tested whole, at every cut, and after any wait.
 *
 * Routes: POST /echo (the body back), POST /empty (the same, without a length too), GET
 * /hello/{name}, POST /late (answered by http_fake_answer), GET /big/{bytes}, POST /refuse (413
 * from the head), POST /stream (in parts, HTTP/2 only). What is refused below /reworded is said as
 * text. */
#ifndef WEIR_TESTS_LIB_HTTP_FAKE_H
#define WEIR_TESTS_LIB_HTTP_FAKE_H

#include "http/server_priv.h"

enum { HTTP_FAKE_CONNS_MAX = 64, HTTP_FAKE_LATE_MAX = 256 };

/* The peer's side of a connection. */
struct http_fake_conn {
    struct weir_http_conn conn;
    struct http_fake *fake;
    struct weir_buf in;  /* sent and not read yet: the kernel's buffer */
    bool in_eof;         /* FIN after that */
    struct weir_buf out; /* all that was received */
    size_t write_max;    /* bytes that one write takes */
    size_t window;       /* bytes that will be taken in all */
    bool write_fails;    /* EPIPE instead */
    uint32_t n_writes;   /* calls that took something */
    bool is_reading;
    bool wants_write;
    bool has_fin;   /* the server ended its side */
    bool is_closed; /* close was called */
    bool was_reset;
    bool is_gone; /* closed told; only `out` may be looked at */
};

/* A server with its connections. */
struct http_fake {
    struct weir_http_server server;
    struct weir_http_shared shared;
    struct weir_http_router router;
    struct http_fake_conn *conns[HTTP_FAKE_CONNS_MAX];
    uint32_t n_conns;
    uint64_t due_ns; /* what the server armed for */
    bool is_dirty;
    struct weir_buf log; /* one line for each request shown: "POST /echo 5 bytes\n", or "gone" */
    struct weir_http_ticket late[HTTP_FAKE_LATE_MAX];
    uint32_t n_late;
    struct weir_http_ticket owed_to; /* the stream of the last part */
    uint64_t n_done;
    bool answers_late; /* pump answers /late by itself, the newest first */
    bool check_views;  /* read every byte that a handler may look at */
};

/* Makes a server at time 1 s; opts NULL: the defaults. mem as everywhere. false: no memory. */
bool http_fake_init(struct http_fake *f, const struct weir_http_options *opts,
                    struct weir_mem *mem);

/* Ends all connections and frees everything. Nothing may be left of what was counted. */
void http_fake_deinit(struct http_fake *f);

/* Connects; NULL: refused for want of memory. Valid until deinit. */
struct http_fake_conn *http_fake_open(struct http_fake *f);

/* Sends bytes, has them processed, and everything that follows. */
void http_fake_send(struct http_fake_conn *c, struct weir_str bytes);
void http_fake_send_c(struct http_fake_conn *c, const char *text);

/* Sends FIN; breaks the connection. */
void http_fake_eof(struct http_fake_conn *c);
void http_fake_reset(struct http_fake_conn *c);

/* Lets the peer take n more bytes. */
void http_fake_open_window(struct http_fake_conn *c, size_t n);

/* Lets time pass, with the deadlines in it. */
void http_fake_wait(struct http_fake *f, uint64_t ns);

/* Answers the i-th /late request with 200 and text. */
bool http_fake_answer(struct http_fake *f, uint32_t i, const char *text);

/* Does all that is to be done without new input. */
void http_fake_pump(struct http_fake *f);

/* Returns what was received, NUL-terminated, with the time in Date lines replaced by '#'. */
const char *http_fake_received(struct http_fake_conn *c);

#endif

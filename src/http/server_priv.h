/* SPDX-License-Identifier: MIT */
/* Connections, requests and the server of a loop, as the files of this folder share them.
 *
 * Nothing here knows sockets: a connection writes and ends through struct weir_http_transport, is
 * fed by weir_http_conn_read and its siblings, and gets its time from server->now_ns. server.c puts
 * it on a loop; tests and the fuzz target put it in memory. */
#ifndef WEIR_HTTP_SERVER_PRIV_H
#define WEIR_HTTP_SERVER_PRIV_H

#include "http/chunk_priv.h"
#include "http/head_priv.h"
#include "http/http.h"

#include <sys/types.h>
#include <sys/uio.h>

enum {
    WEIR_HTTP_SPARE_REQS_MAX = 256,     /* requests kept for reuse */
    WEIR_HTTP_SPARE_CONNS_MAX = 64,     /* connections likewise */
    WEIR_HTTP_SPARE_BUFS_MAX = 32,      /* input buffers likewise */
    WEIR_HTTP_SPARE_BUF_BYTES = 65536,  /* a larger input buffer is freed instead */
    WEIR_HTTP_OUT_BYTES_KEPT = 4096,    /* a larger answer buffer is freed with its answer */
    WEIR_HTTP_BODY_BYTES_COPIED = 2048, /* a longer owned body is written from where it is */
    WEIR_HTTP_TARGET_BYTES_MAX = 256,   /* room for target_bytes_kept */
};

struct weir_http_conn;

/* How a connection reaches its peer. None calls back before it has returned. */
struct weir_http_transport {
    /* Bytes taken of the pieces, 0 for none now, -errno for a broken connection. */
    ssize_t (*write)(struct weir_http_conn *conn, const struct iovec *iov, int n_iov);
    /* Asks for weir_http_conn_writable once. */
    void (*want_write)(struct weir_http_conn *conn);
    void (*read_start)(struct weir_http_conn *conn);
    void (*read_stop)(struct weir_http_conn *conn);
    void (*shutdown)(struct weir_http_conn *conn);
    /* Ends it; weir_http_conn_closed follows. */
    void (*close)(struct weir_http_conn *conn, bool reset);
};

/* What a server needs from where it runs. */
struct weir_http_rim {
    /* Answers wait: call weir_http_server_flush before the loop blocks. */
    void (*dirty)(struct weir_http_server *server);
    /* Deadlines changed: call weir_http_server_sweep at due_ns, or earlier. */
    void (*arm)(struct weir_http_server *server, uint64_t due_ns);
    /* A connection's memory may go. */
    void (*release)(struct weir_http_server *server, struct weir_http_conn *conn);
};

/* Deadlines: connections of one kind wait in a list in the order of their deadlines, because the
 * time allowed is the same for all of a kind. */
enum weir_http_timeout_kind {
    WEIR_HTTP_TIMEOUT_FIRST_BYTE,
    WEIR_HTTP_TIMEOUT_IDLE,
    WEIR_HTTP_TIMEOUT_HEAD,
    WEIR_HTTP_TIMEOUT_BODY,
    WEIR_HTTP_TIMEOUT_LINGER,
    WEIR_HTTP_TIMEOUT_RATE,
    WEIR_HTTP_TIMEOUT_WRITE,
    /* of a request on an HTTP/2 connection */
    WEIR_HTTP_TIMEOUT_STREAM_BODY,
    WEIR_HTTP_TIMEOUT_STREAM_RATE,
    WEIR_HTTP_TIMEOUT_STREAM_WRITE,
};

enum { WEIR_HTTP_N_TIMEOUTS = 10 };

struct weir_http_timeout {
    struct weir_list link;
    uint64_t due_ns;
};

/* What the reading side of a connection is at. See conn.c for the diagram. */
enum weir_http_conn_state {
    WEIR_HTTP_CONN_IDLE,
    WEIR_HTTP_CONN_HEAD,
    WEIR_HTTP_CONN_BODY,
    WEIR_HTTP_CONN_CHUNKS,
    WEIR_HTTP_CONN_SKIP,
    WEIR_HTTP_CONN_H2,
    WEIR_HTTP_CONN_ENDING,
    WEIR_HTTP_CONN_LINGER,
    WEIR_HTTP_CONN_CLOSED,
};

struct weir_http_conn {
    const struct weir_http_transport *io; /* constant */
    struct weir_http_server *server;      /* constant */
    struct weir_addr peer;                /* constant */
    uint32_t index;                       /* in server->conns; constant */
    enum weir_http_conn_state state;
    bool is_fresh : 1;       /* no byte has come yet */
    bool is_last : 1;        /* the request being read is the last one */
    bool is_stalled : 1;     /* reading was stopped by a limit of ours */
    bool has_eof : 1;        /* the peer sends no more */
    bool is_limited : 1;     /* counted in shared->n_conns */
    bool is_counted : 1;     /* in the table of addresses */
    bool wants_write : 1;    /* the kernel takes no more for now */
    bool is_dirty : 1;       /* in server->dirty */
    bool is_failed : 1;      /* no memory for an answer: to be reset */
    bool is_processing : 1;  /* views into held are in use: it must stay */
    struct weir_http_h2 *h2; /* h2_priv.h; NULL: HTTP/1 */
    struct weir_list dirty_link;
    struct weir_list reqs; /* struct weir_http_req, oldest first */
    uint32_t n_reqs;
    uint32_t n_begun;              /* requests begun on this connection */
    struct weir_http_req *reading; /* the request whose body is being read; in reqs */
    struct weir_http_scan scan;
    struct weir_buf held;  /* input not used yet: part of a head, or requests that must wait */
    uint64_t held_charged; /* as counted in buffered bytes */
    uint64_t unsent;       /* answer bytes not written yet (HTTP/2: of which no frame was made) */
    uint64_t unsent_charged;
    uint64_t skip_left; /* SKIP: body bytes still to throw away; LINGER: bytes so far */
    uint64_t opened_ns;
    uint64_t rate_bytes;                   /* body bytes in the current span of body_rate_ns */
    struct weir_http_timeout read_timeout; /* FIRST_BYTE, IDLE, HEAD, BODY or LINGER */
    enum weir_http_timeout_kind read_kind; /* which, while read_timeout is linked */
    struct weir_http_timeout rate_timeout;
    struct weir_http_timeout write_timeout;
};

/* A request from the end of its head until its answer is written. */
struct weir_http_req {
    struct weir_http_conn *conn; /* NULL: not in use */
    struct weir_list link;       /* in conn->reqs, or in server->spare_reqs */
    uint32_t slot;
    uint64_t generation;
    bool is_replied : 1;
    bool is_shown : 1;     /* `body` was called: gone must be told */
    bool is_in_head : 1;   /* `head` runs */
    bool closes_early : 1; /* an answer before the body is read must close the connection */
    bool closes : 1;       /* the connection ends with this answer */
    bool is_refusal : 1;
    bool keeps_old : 1; /* HTTP/1.0 that asked for keep-alive */
    bool is_http2 : 1;
    /* the rest is of HTTP/2 only, see h2_priv.h */
    bool is_stream : 1;      /* of a route with WEIR_HTTP_ROUTE_STREAM */
    bool has_begun : 1;      /* the head of an answer in parts was given */
    bool has_end : 1;        /* the client has ended its side */
    bool has_short_rest : 1; /* answered early, the rest of the body is read and thrown away */
    bool sent_end : 1;       /* the last frame of the answer was made */
    bool is_wide : 1;        /* its window was enlarged */
    bool is_deferred : 1;    /* nghttp2 waits to be told of more to send */
    bool is_full : 1;        /* `room` is to be told */
    bool data_is_in_out : 1; /* the body of the answer is in `out`, else in `out_body` */
    struct weir_http_head head;
    const char *head_bytes; /* NULL when the views are not valid any more */
    struct weir_str body;
    struct weir_http_chunks chunks;
    struct weir_buf head_copy;
    struct weir_buf body_bytes;
    uint64_t body_charged;
    struct weir_buf out;      /* head of the answer, and its body if short */
    struct weir_buf out_body; /* a long body */
    size_t out_sent;          /* of both; HTTP/2: of the body */
    uint64_t data_at;         /* HTTP/2: where what of the body has no frame yet begins and ends */
    uint64_t data_end;
    struct weir_http_span trailers; /* in `out` */
    uint64_t end_at;                /* bytes of the connection that are before the stream's end */
    struct weir_list end_link;      /* in h2->ending */
    struct weir_http_timeout timeout;
    struct weir_http_timeout rate_timeout;
    uint64_t rate_bytes; /* body bytes in the current span of body_rate_ns */
    uint64_t owed;       /* bytes shown by `part` and not consumed */
    int32_t stream_id;
    void *user;
    int status;
    uint32_t n_target;
    uint64_t begun_ns;
    uint64_t replied_ns;
    uint64_t bytes_in;
    struct weir_http_match match;
    char target[WEIR_HTTP_TARGET_BYTES_MAX];
};

struct weir_http_listening; /* server.c */
struct nghttp2_session_callbacks;
struct nghttp2_option;

struct weir_http_server {
    struct weir_loop *loop;
    struct weir_mem *mem;
    struct weir_http_options opts;
    const struct weir_http_router *router;
    const struct weir_http_handlers *handlers;
    void *ctx;
    struct weir_http_shared *shared;
    const struct weir_http_rim *rim;
    struct weir_http_counters counters;
    uint64_t now_ns;
    uint64_t next_generation;
    bool is_draining;
    bool is_closing;
    bool is_full; /* accepting is paused */

    struct weir_http_conn **conns; /* by index; NULL: free */
    uint32_t conns_cap;
    uint32_t n_conns;
    uint32_t conns_hint; /* where to look for a free index */
    struct weir_http_req **slots;
    uint32_t slots_cap;
    uint32_t slots_used; /* slots ever made */
    uint32_t n_reqs;
    uint32_t n_spare_reqs;
    struct weir_list spare_reqs;
    struct weir_buf spare_bufs[WEIR_HTTP_SPARE_BUFS_MAX];
    uint32_t n_spare_bufs;
    struct weir_list dirty;
    struct weir_list timeouts[WEIR_HTTP_N_TIMEOUTS];
    uint64_t armed_ns; /* when the sweep is due; WEIR_TIME_NEVER: not */
    struct nghttp2_session_callbacks *h2_callbacks; /* NULL: no connection has needed them yet */
    struct nghttp2_option *h2_option;
    uint64_t date_until_ns;
    char date[40]; /* "Date: …\r\n" */
    uint32_t n_date;

    /* the rim of server.c */
    struct weir_timer sweep_timer;
    struct weir_timer room_timer;
    struct weir_loop_deferred deferred;
    struct weir_list listenings;
    struct weir_list spare_conns;
    uint32_t n_spare_conns;
    uint32_t n_closing; /* handles whose close callbacks are awaited */
    weir_loop_fn *closed_fn;
    void *closed_arg;
};

/* --- core.c: the server without a loop -------------------------------------------------------- */

/* Makes the parts that need no loop; mem, opts and so on are as in weir_http_server_new. */
WEIR_MUST_USE enum weir_status weir_http_core_init(
    struct weir_http_server *server, const struct weir_http_options *opts,
    const struct weir_http_router *router, const struct weir_http_handlers *handlers, void *ctx,
    struct weir_http_shared *shared, const struct weir_http_rim *rim, struct weir_mem *mem);

/* Changes the limits, as weir_http_server_set_options. */
void weir_http_core_set_options(struct weir_http_server *server,
                                const struct weir_http_options *opts);

/* Frees them; there must be no connection left. */
void weir_http_core_deinit(struct weir_http_server *server);

/* Writes what waits to be written. */
void weir_http_core_flush(struct weir_http_server *server);

/* Ends what has waited too long, and arms for the next deadline. */
void weir_http_core_sweep(struct weir_http_server *server, uint64_t now_ns);

/* Puts a timeout into the list of its kind, due after the kind's time from now; takes it out. */
void weir_http_core_timeout_set(struct weir_http_server *server, struct weir_http_timeout *timeout,
                                enum weir_http_timeout_kind kind);
void weir_http_core_timeout_clear(struct weir_http_timeout *timeout);

/* Counts bytes buffered for requests and answers: makes *charged equal to wanted. false: that would
 * pass the limit; *charged is unchanged. */
bool weir_http_core_charge(struct weir_http_server *server, uint64_t *charged, uint64_t wanted);

/* The same without the limit, for what is there already. */
void weir_http_core_charge_over(struct weir_http_server *server, uint64_t *charged,
                                uint64_t wanted);

/* Takes an empty input buffer from the spares, and gives one back. */
struct weir_buf weir_http_core_buf_acquire(struct weir_http_server *server);
void weir_http_core_buf_release(struct weir_http_server *server, struct weir_buf *buf);

/* Takes a request object, in order behind the others of conn; NULL: no memory. */
struct weir_http_req *weir_http_core_req_acquire(struct weir_http_conn *conn);
void weir_http_core_req_release(struct weir_http_server *server, struct weir_http_req *req);

/* Finds the request of a ticket; NULL: void. */
struct weir_http_req *weir_http_core_req_find(const struct weir_http_server *server,
                                              struct weir_http_ticket ticket);

/* Counts a refusal. */
void weir_http_core_count(struct weir_http_server *server, enum weir_http_refusal refusal);

/* --- conn.c: reading ----------------------------------------------------------------------------
 */

/* Begins a connection in the caller's memory, which stays the transport's. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_http_conn_init(struct weir_http_conn *conn,
                                                   struct weir_http_server *server,
                                                   const struct weir_http_transport *io,
                                                   const struct weir_addr *peer);

/* Starts reading. Once, after init. */
void weir_http_conn_start(struct weir_http_conn *conn);

/* Answers with a refusal as the last request of the connection: the one being read if it has no
 * answer yet, else a new one. */
void weir_http_conn_refuse(struct weir_http_conn *conn, enum weir_http_refusal refusal);

/* Goes to a state that may follow the present one. */
void weir_http_conn_move(struct weir_http_conn *conn, enum weir_http_conn_state to);

/* Finds whether requests are still read, and whether the input is a body now. */
static inline bool weir_http_conn_is_reading(const struct weir_http_conn *conn)
{
    return conn->state <= WEIR_HTTP_CONN_H2;
}

static inline bool weir_http_conn_is_in_body(const struct weir_http_conn *conn)
{
    return conn->state >= WEIR_HTTP_CONN_BODY && conn->state <= WEIR_HTTP_CONN_SKIP;
}

/* Forgets the input that waits; while it is being processed: nothing, that is done after. */
void weir_http_conn_drop_held(struct weir_http_conn *conn);

/* Finds whether the connection is older than conn_age_ns_max, spread by its index; whether memory
 * is so short that connections should end. */
bool weir_http_conn_is_old(const struct weir_http_conn *conn);
bool weir_http_conn_is_shed(const struct weir_http_conn *conn);

/* Keeps the target for `done`. */
void weir_http_conn_keep_target(struct weir_http_req *req);

/* Everything that is answered from the head alone: routes, length, expectation, then the handler.
 */
void weir_http_conn_show_head(struct weir_http_req *req);

/* Appends to the body. false: buffered_bytes_max, or no memory. */
bool weir_http_conn_append_body(struct weir_http_req *req, struct weir_str bytes);

/* --- conn_body.c: bodies --- */

/* Says where the next bytes should be read to, if not into the reader's own buffer: sets *at and
 * *n, the bytes that fit, or leaves them. To be asked anew before every read. */
void weir_http_conn_room(struct weir_http_conn *conn, char **at, size_t *n);

/* Finds whether bytes that came lie where they belong, in the body being read, and counts them. */
bool weir_http_conn_has_filled(struct weir_http_conn *conn, const char *bytes, size_t n);

/* What the transport tells: bytes came, the peer ended, the connection broke, more can be written,
 * it is closed. */
void weir_http_conn_read(struct weir_http_conn *conn, const char *bytes, size_t n);
void weir_http_conn_eof(struct weir_http_conn *conn);
void weir_http_conn_broken(struct weir_http_conn *conn);
void weir_http_conn_writable(struct weir_http_conn *conn);
void weir_http_conn_closed(struct weir_http_conn *conn);

/* A timeout of this kind has come. */
void weir_http_conn_timeout(struct weir_http_conn *conn, enum weir_http_timeout_kind kind);

/* Writes answers that are due, in order; then reads on if it was stopped. */
void weir_http_conn_flush(struct weir_http_conn *conn);

/* Closes the transport of a connection whose requests are all finished. */
void weir_http_conn_close(struct weir_http_conn *conn, bool reset);

/* Ends the connection at once; what is unanswered is lost. */
void weir_http_conn_abort(struct weir_http_conn *conn, bool reset);

/* Closes it if nothing is being done on it (drain). */
void weir_http_conn_close_if_idle(struct weir_http_conn *conn);

/* Has the connection flushed before the loop blocks. */
void weir_http_conn_set_dirty(struct weir_http_conn *conn);

/* The next step when nothing is being written or read: linger, close or wait. */
void weir_http_conn_settle(struct weir_http_conn *conn);

/* No request is read any more. */
void weir_http_conn_end_reading(struct weir_http_conn *conn);

/* Gives the transport the pieces, total bytes, and waits for it under the write timeout if it does
 * not take all. Returns the bytes that it took; -1: the connection broke. */
ssize_t weir_http_conn_write(struct weir_http_conn *conn, const struct iovec *iov, int n_iov,
                             size_t total);

/* Returns all answer bytes that were not written yet, with what is around them. */
uint64_t weir_http_conn_unsent_all(const struct weir_http_conn *conn);

/* Tells the handler that the answer of a shown request is not waited for any more. */
void weir_http_conn_tell_gone(struct weir_http_req *req);

/* Takes a request out of its connection. is_lost: its answer was not written whole. */
void weir_http_conn_finish_req(struct weir_http_req *req, bool is_lost);

/* Goes on reading after a stall, if there is room. */
void weir_http_conn_resume(struct weir_http_conn *conn);

/* --- reply.c: answers ----------------------------------------------------------------------------
 */

/* Answers req with a refusal of the protocol side; allow: methods for Allow, 0 for none. */
void weir_http_reply_refusal(struct weir_http_req *req, enum weir_http_refusal refusal,
                             uint32_t allow, bool close);

/* Makes the Date line anew when its second is over. */
void weir_http_reply_refresh_date(struct weir_http_server *server);

/* Answers OPTIONS. */
void weir_http_reply_options(struct weir_http_req *req, uint32_t allow);

/* Appends "HTTP/1.1 100 Continue" to what is written for req. */
void weir_http_reply_continue(struct weir_http_req *req);

#endif

/* SPDX-License-Identifier: MIT */
/* Listening sockets: TCP over IPv4 and IPv6, Unix sockets. Accepting is capped per iteration, can
 * be paused (connections then wait in the backlog), and rests a moment when descriptors run out. */
#ifndef WEIR_LOOP_LISTENER_H
#define WEIR_LOOP_LISTENER_H

#include "loop/addr.h"
#include "loop/loop.h"
#include "loop/timer.h"

enum {
    WEIR_LISTENER_BACKLOG_DEFAULT = 1024,
    WEIR_LISTENER_ACCEPTS_DEFAULT = 64, /* reliability: accepts per loop tick */
};

/* fd: connected, non-blocking, close-on-exec; the callee owns it. */
typedef void weir_listener_fn(void *arg, int fd, const struct weir_addr *peer);

/* How to listen. */
struct weir_listener_opts {
    int backlog;                   /* 0: WEIR_LISTENER_BACKLOG_DEFAULT */
    uint32_t accepts_per_tick_max; /* 0: WEIR_LISTENER_ACCEPTS_DEFAULT */
    bool reuse_port;               /* TCP: several loops share the port (SO_REUSEPORT) */
    unsigned socket_mode;          /* Unix: permission bits of the socket file; 0: 0660 */
};

struct weir_listener_stats {
    uint64_t n_accepted;
    uint64_t n_deferred; /* ticks that ended at the cap */
    uint64_t n_no_fds;   /* accepts that found no descriptor or memory */
    uint64_t n_failed;   /* accepts that failed otherwise (the peer was gone) */
};

/* A listener; lives in its owner until closed. */
struct weir_listener {
    struct weir_loop *loop;
    weir_listener_fn *fn;
    void *arg;
    weir_loop_fn *closed_fn;
    void *closed_arg;
    struct weir_listener_opts opts;
    struct weir_listener_stats stats;
    struct weir_addr_target addr; /* as bound: port 0 is replaced by the port that was given */
    int fd;
    uint32_t n_closing; /* handles whose close callback is still to come */
    bool is_open;
    bool is_paused;
    bool is_resting;
    bool owns_path; /* the socket file is removed on close */
    uv_poll_t uv;
    struct weir_timer rest;
};

/* Finds whether a TCP address can be bound by nobody but us, by binding it without SO_REUSEPORT and
 * letting go (SO_REUSEPORT would hide a second server on the same port). WEIR_ERR_EXISTS: somebody
 * listens there; WEIR_ERR_IO: it cannot be bound at all. Port 0 and Unix addresses: WEIR_OK. */
WEIR_MUST_USE enum weir_status weir_listener_probe(const struct weir_addr_target *addr,
                                                   struct weir_error *err);

/* Binds, listens and calls fn for each connection. Unix: a socket file that nobody answers on is
 * removed first. WEIR_ERR_EXISTS: in use; WEIR_ERR_IO: anything else; *l is then as zeroed. opts
 * may be NULL. */
WEIR_MUST_USE enum weir_status weir_listener_open(struct weir_listener *l, struct weir_loop *loop,
                                                  const struct weir_addr_target *addr,
                                                  const struct weir_listener_opts *opts,
                                                  weir_listener_fn *fn, void *arg,
                                                  struct weir_error *err);

/* As weir_listener_open on a descriptor that already listens (handed over); takes fd on success. */
WEIR_MUST_USE enum weir_status weir_listener_open_fd(struct weir_listener *l,
                                                     struct weir_loop *loop, int fd,
                                                     const struct weir_listener_opts *opts,
                                                     weir_listener_fn *fn, void *arg,
                                                     struct weir_error *err);

/* Leaves new connections in the backlog, or takes them again. Doing what is done changes nothing.
 */
void weir_listener_pause(struct weir_listener *l);
void weir_listener_resume(struct weir_listener *l);

/* Takes everything that is in the backlog now, past the cap and the pause; for draining. Returns
 * how many came. */
uint32_t weir_listener_empty_backlog(struct weir_listener *l);

/* Closes the socket (and removes a Unix socket's file); fn(arg) (may be NULL) is called when the
 * memory may go. A zeroed listener is left alone and calls nothing. */
void weir_listener_close(struct weir_listener *l, weir_loop_fn *fn, void *arg);

#endif

/* SPDX-License-Identifier: MIT */
/* Wake-ups of a loop from other threads, readiness of foreign descriptors, and process signals. */
#ifndef WEIR_LOOP_WAKE_H
#define WEIR_LOOP_WAKE_H

#include "loop/loop.h"

/* A wake-up: several sends before the loop comes round make one call. */
struct weir_wake {
    struct weir_loop *loop;
    weir_loop_fn *fn;
    void *arg;
    weir_loop_fn *closed_fn;
    bool is_open;
    uv_async_t uv;
};

/* Makes a wake-up that calls fn(arg) on the loop's thread. WEIR_ERR_IO: no descriptor. */
WEIR_MUST_USE enum weir_status weir_wake_init(struct weir_wake *wake, struct weir_loop *loop,
                                              weir_loop_fn *fn, void *arg);

/* Has fn called soon; everything written before is visible to it. Runs on: any thread, until
 * weir_wake_close. */
void weir_wake_send(struct weir_wake *wake);

/* Ends it; fn(arg) (may be NULL) is called when the memory may go. A zeroed one is left alone. */
void weir_wake_close(struct weir_wake *wake, weir_loop_fn *fn);

enum { WEIR_POLL_READABLE = 1, WEIR_POLL_WRITABLE = 2 };

/* events: WEIR_POLL_ bits; 0: the descriptor is in error and is not watched any more. */
typedef void weir_poll_fn(void *arg, int events);

/* Watches a descriptor of somebody else's, for instance inotify's. */
struct weir_poll {
    struct weir_loop *loop;
    weir_poll_fn *fn;
    void *arg;
    weir_loop_fn *closed_fn;
    int fd; /* borrowed; close it after weir_poll_close has returned */
    bool is_open;
    uv_poll_t uv;
};

/* Watches fd for events. WEIR_ERR_IO: the kernel does not want to watch it; *poll is as zeroed. */
WEIR_MUST_USE enum weir_status weir_poll_init(struct weir_poll *poll, struct weir_loop *loop,
                                              int fd, int events, weir_poll_fn *fn, void *arg);

/* Changes what is watched for; 0: nothing for now. */
void weir_poll_set(struct weir_poll *poll, int events);

/* Ends it; fn(arg) (may be NULL) is called when the memory may go. A zeroed one is left alone. */
void weir_poll_close(struct weir_poll *poll, weir_loop_fn *fn);

typedef void weir_signal_fn(void *arg, int number);

/* A process signal, delivered as a callback. */
struct weir_signal {
    struct weir_loop *loop;
    weir_signal_fn *fn;
    void *arg;
    bool is_open;
    uv_signal_t uv;
};

/* Has fn(arg, number) called for each signal `number`. WEIR_ERR_IO: not possible for this one. */
WEIR_MUST_USE enum weir_status weir_signal_init(struct weir_signal *sig, struct weir_loop *loop,
                                                int number, weir_signal_fn *fn, void *arg);

/* Ends it; the memory may go after the loop's next iteration or weir_loop_deinit. */
void weir_signal_close(struct weir_signal *sig);

/* Makes writes to closed peers fail with EPIPE instead of a signal. Once, at the start of a
 * program.
 */
void weir_signal_ignore_pipe(void);

#endif

/* SPDX-License-Identifier: MIT */
/* The event loop: one thread's world of timers, sockets and wake-ups, on top of libuv.
 *
 * All times are nanoseconds of CLOCK_MONOTONIC. Handles live inside their owners and are
 * initialised on the loop's thread; a handle's close callback is the last one it makes, its memory
 * is free to go after it. Threads: a loop and everything on it belong to the thread that runs it
 * (the thread of weir_loop_init until weir_loop_run starts elsewhere); the exception is
 * weir_wake_send. */
#ifndef WEIR_LOOP_LOOP_H
#define WEIR_LOOP_LOOP_H

#include "base/list.h"
#include "base/mem.h"
#include <weir/error.h>

#include <uv.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WEIR_LOOP_READ_BYTES = 64 * 1024, /* the read buffer that all streams of a loop share */
};

/* Called once for each iteration or deferral, with the payload it was registered with. */
typedef void weir_loop_fn(void *arg);

/* Work put off to the end of the running iteration. Lives in its owner; zeroed is fine. */
struct weir_loop_deferred {
    struct weir_list link; /* in loop->deferred while waiting */
    weir_loop_fn *fn;      /* set by the owner */
    void *arg;             /* set by the owner */
};

/* What a loop measured about itself; read on its own thread. */
struct weir_loop_stats {
    uint64_t n_iterations;     /* times the loop came round */
    uint64_t iteration_ns;     /* callbacks of the iteration that is ending: first to last */
    uint64_t iteration_ns_max; /* the longest so far */
    uint64_t busy_ns;          /* sum of all iterations */
};

/* A loop. Fields are private to the folder, but for reading stats. */
struct weir_loop {
    uv_loop_t uv;
    uv_prepare_t prepare; /* runs the idle hook and what was deferred, before the loop blocks */
    uv_async_t stopper;   /* ends weir_loop_run */
    uv_idle_t again;      /* active while the loop must not block */
    struct weir_list deferred;
    weir_loop_fn *idle_fn;
    void *idle_arg;
    char *read_bytes; /* WEIR_LOOP_READ_BYTES, valid during one read callback */
    struct weir_mem *mem;
    uint64_t now_ns;
    uint64_t entered_ns; /* when the first callback of this iteration began; 0: none yet */
    uv_thread_t thread;  /* the owner, as weir_loop_assert_thread checks it */
    bool is_open;
    struct weir_loop_stats stats;
};

/* Makes a loop owned by the calling thread. mem is borrowed until deinit. WEIR_ERR_NO_MEMORY,
 * WEIR_ERR_IO: no descriptor could be had; *loop is then as zeroed. */
WEIR_MUST_USE enum weir_status weir_loop_init(struct weir_loop *loop, struct weir_mem *mem,
                                              struct weir_error *err);

/* Runs the close callbacks that are due and frees the loop. Every handle on it must be closed or
 * closing. A zeroed or already deinited loop is fine. */
void weir_loop_deinit(struct weir_loop *loop);

/* Makes room in libuv's tables for descriptors below n, so that no later registration can run out
 * of memory (libuv 1.44 ends the process then). WEIR_ERR_IO: that many descriptors are not
 * allowed; nothing was changed. */
WEIR_MUST_USE enum weir_status weir_loop_reserve(struct weir_loop *loop, unsigned n);

/* Runs callbacks until weir_loop_stop. The calling thread owns the loop from now on. */
void weir_loop_run(struct weir_loop *loop);

/* Runs one iteration; wait: blocks until there is something to do. Returns false when no handle is
 * active any more. For tests and small programs. */
bool weir_loop_run_once(struct weir_loop *loop, bool wait);

/* Ends weir_loop_run after the iteration that sees it. Runs on: any thread. */
void weir_loop_stop(struct weir_loop *loop);

/* Returns the time at which the running callback was entered; costs nothing. */
static inline uint64_t weir_loop_now_ns(const struct weir_loop *loop)
{
    return loop->now_ns;
}

/* Reads the clock anew and returns it; for after work that took long. */
uint64_t weir_loop_update_now(struct weir_loop *loop);

/* Notes that a callback begins: refreshes the time and the iteration measurement. Every callback
 * that libuv makes into this folder starts with it. */
void weir_loop_enter(struct weir_loop *loop);

/* Ends the process when the caller is not the loop's thread. */
void weir_loop_assert_thread(const struct weir_loop *loop);

/* Sets what is called once in each iteration after its I/O callbacks and before the loop blocks
 * (NULL: nothing). What it defers still runs before the loop blocks. */
void weir_loop_set_idle_hook(struct weir_loop *loop, weir_loop_fn *fn, void *arg);

/* Has d->fn(d->arg) called once, at the end of this iteration, after the idle hook. Deferring what
 * is already waiting changes nothing. d is borrowed until it ran. */
void weir_loop_defer(struct weir_loop *loop, struct weir_loop_deferred *d);

/* Takes back what was deferred, if it is still waiting. */
void weir_loop_defer_cancel(struct weir_loop_deferred *d);

/* Makes the loop come round once more without blocking before it; for work cut short for fairness.
 * Must be called from a callback of the loop. */
void weir_loop_again(struct weir_loop *loop);

#endif

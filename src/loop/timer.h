/* SPDX-License-Identifier: MIT */
/* One-shot timers in nanoseconds. Coarse ones fire up to a millisecond late and cost no system
 * call; precise ones are a timerfd each, for delays below a millisecond. Neither fires early. */
#ifndef WEIR_LOOP_TIMER_H
#define WEIR_LOOP_TIMER_H

#include "loop/loop.h"

struct weir_timer;

typedef void weir_timer_fn(struct weir_timer *timer, void *arg);

enum weir_timer_kind { WEIR_TIMER_COARSE, WEIR_TIMER_PRECISE };

/* A timer; lives in its owner until closed. */
struct weir_timer {
    struct weir_loop *loop;
    weir_timer_fn *fn;
    void *arg;
    weir_timer_fn *closed_fn; /* may be NULL */
    uint64_t due_ns;          /* WEIR_TIME_NEVER: not armed */
    uint64_t late_ns;         /* how long after due_ns the last call came */
    int fd;                   /* timerfd of a precise one, else -1 */
    enum weir_timer_kind kind;
    bool is_open;
    union {
        uv_timer_t coarse;
        uv_poll_t precise;
    } uv;
};

/* Makes an unarmed timer. WEIR_ERR_IO: no descriptor for a precise one; *timer is as zeroed. */
WEIR_MUST_USE enum weir_status weir_timer_init(struct weir_timer *timer, struct weir_loop *loop,
                                               enum weir_timer_kind kind, weir_timer_fn *fn,
                                               void *arg);

/* Arms it for due_ns (absolute; the past means the next iteration), replacing an earlier due time.
 */
void weir_timer_start(struct weir_timer *timer, uint64_t due_ns);

/* Disarms it; one that is not armed is fine. */
void weir_timer_stop(struct weir_timer *timer);

static inline bool weir_timer_is_armed(const struct weir_timer *timer)
{
    return timer->due_ns != UINT64_MAX;
}

/* Ends the timer; fn (may be NULL) is called with arg of init when the memory may go. A zeroed
 * timer is left alone and calls nothing. */
void weir_timer_close(struct weir_timer *timer, weir_timer_fn *fn);

#endif

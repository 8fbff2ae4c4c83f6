/* SPDX-License-Identifier: MIT */
/* libuv's own timers count milliseconds of a clock that it caches; a coarse timer therefore asks
 * for the first whole millisecond that is not before its due time. */
#include "loop/timer.h"

#include "base/clock.h"
#include "base/macros.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

static void fire(struct weir_timer *timer)
{
    weir_loop_enter(timer->loop);
    uint64_t now = weir_loop_now_ns(timer->loop);
    if (timer->due_ns == WEIR_TIME_NEVER)
        return; /* Stopped after the kernel had marked the descriptor. */
    if (now < timer->due_ns) {
        weir_timer_start(timer, timer->due_ns);
        return;
    }
    timer->late_ns = now - timer->due_ns;
    timer->due_ns = WEIR_TIME_NEVER;
    if (timer->kind == WEIR_TIMER_PRECISE)
        uv_unref((uv_handle_t *)&timer->uv.precise);
    timer->fn(timer, timer->arg);
}

static void on_coarse(uv_timer_t *handle)
{
    fire(WEIR_CONTAINER_OF(handle, struct weir_timer, uv.coarse));
}

static void on_precise(uv_poll_t *handle, int status WEIR_UNUSED, int events WEIR_UNUSED)
{
    struct weir_timer *timer = WEIR_CONTAINER_OF(handle, struct weir_timer, uv.precise);
    uint64_t n_expired;
    ssize_t n = read(timer->fd, &n_expired, sizeof n_expired);
    if (n == (ssize_t)sizeof n_expired)
        fire(timer);
}

enum weir_status weir_timer_init(struct weir_timer *timer, struct weir_loop *loop,
                                 enum weir_timer_kind kind, weir_timer_fn *fn, void *arg)
{
    weir_loop_assert_thread(loop);
    weir_assert(fn);
    *timer = (struct weir_timer){
        .loop = loop, .fn = fn, .arg = arg, .due_ns = WEIR_TIME_NEVER, .fd = -1, .kind = kind};
    if (kind == WEIR_TIMER_COARSE) {
        (void)uv_timer_init(&loop->uv, &timer->uv.coarse); /* Cannot fail. */
        timer->is_open = true;
        return WEIR_OK;
    }
    timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer->fd < 0 || uv_poll_init(&loop->uv, &timer->uv.precise, timer->fd) != 0) {
        if (timer->fd >= 0)
            (void)close(timer->fd);
        *timer = (struct weir_timer){0};
        return WEIR_ERR_IO;
    }
    (void)uv_poll_start(&timer->uv.precise, UV_READABLE, on_precise);
    uv_unref((uv_handle_t *)&timer->uv.precise);
    timer->is_open = true;
    return WEIR_OK;
}

void weir_timer_start(struct weir_timer *timer, uint64_t due_ns)
{
    weir_assert(timer->is_open);
    if (due_ns == WEIR_TIME_NEVER) {
        weir_timer_stop(timer);
        return;
    }
    timer->due_ns = due_ns;
    if (timer->kind == WEIR_TIMER_PRECISE) {
        uint64_t at = due_ns > 0 ? due_ns : 1; /* 0 would disarm. */
        struct itimerspec spec = {
            .it_value = {.tv_sec = (time_t)(at / NS_PER_S), .tv_nsec = (long)(at % NS_PER_S)}};
        int error = timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &spec, NULL);
        weir_assert(error == 0);
        uv_ref((uv_handle_t *)&timer->uv.precise);
        return;
    }
    uint64_t due_ms = due_ns / NS_PER_MS + (due_ns % NS_PER_MS != 0);
    uint64_t now_ms = uv_now(&timer->loop->uv);
    (void)uv_timer_start(&timer->uv.coarse, on_coarse, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

void weir_timer_stop(struct weir_timer *timer)
{
    if (!timer->is_open)
        return;
    bool was_armed = timer->due_ns != WEIR_TIME_NEVER;
    timer->due_ns = WEIR_TIME_NEVER;
    if (timer->kind == WEIR_TIMER_COARSE) {
        (void)uv_timer_stop(&timer->uv.coarse); /* Cannot fail. */
    } else if (was_armed) {
        struct itimerspec spec = {{0}, {0}};
        int error = timerfd_settime(timer->fd, 0, &spec, NULL);
        weir_assert(error == 0);
        uv_unref((uv_handle_t *)&timer->uv.precise);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct weir_timer *timer = handle->data;
    if (timer->closed_fn)
        timer->closed_fn(timer, timer->arg);
}

void weir_timer_close(struct weir_timer *timer, weir_timer_fn *fn)
{
    if (!timer->is_open)
        return;
    timer->is_open = false;
    timer->due_ns = WEIR_TIME_NEVER;
    timer->closed_fn = fn;
    uv_handle_t *handle = timer->kind == WEIR_TIMER_COARSE ? (uv_handle_t *)&timer->uv.coarse
                                                           : (uv_handle_t *)&timer->uv.precise;
    handle->data = timer;
    uv_close(handle, on_closed);
    if (timer->fd >= 0)
        (void)close(timer->fd);
    timer->fd = -1;
}

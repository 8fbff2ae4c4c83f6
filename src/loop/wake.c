/* SPDX-License-Identifier: MIT */
#include "loop/wake.h"

#include "base/macros.h"

#include <signal.h>

static void on_async(uv_async_t *handle)
{
    struct weir_wake *wake = WEIR_CONTAINER_OF(handle, struct weir_wake, uv);
    weir_loop_enter(wake->loop);
    wake->fn(wake->arg);
}

enum weir_status weir_wake_init(struct weir_wake *wake, struct weir_loop *loop, weir_loop_fn *fn,
                                void *arg)
{
    weir_loop_assert_thread(loop);
    weir_assert(fn);
    *wake = (struct weir_wake){.loop = loop, .fn = fn, .arg = arg};
    if (uv_async_init(&loop->uv, &wake->uv, on_async) != 0) {
        *wake = (struct weir_wake){0};
        return WEIR_ERR_IO;
    }
    uv_unref((uv_handle_t *)&wake->uv);
    wake->is_open = true;
    return WEIR_OK;
}

void weir_wake_send(struct weir_wake *wake)
{
    int error = uv_async_send(&wake->uv);
    weir_assert(error == 0);
}

static void on_wake_closed(uv_handle_t *handle)
{
    struct weir_wake *wake = WEIR_CONTAINER_OF((uv_async_t *)handle, struct weir_wake, uv);
    if (wake->closed_fn)
        wake->closed_fn(wake->arg);
}

void weir_wake_close(struct weir_wake *wake, weir_loop_fn *fn)
{
    if (!wake->is_open)
        return;
    wake->is_open = false;
    wake->closed_fn = fn;
    uv_close((uv_handle_t *)&wake->uv, on_wake_closed);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct weir_poll *poll = WEIR_CONTAINER_OF(handle, struct weir_poll, uv);
    weir_loop_enter(poll->loop);
    int ours = 0;
    if (status == 0 && (events & UV_READABLE) != 0)
        ours |= WEIR_POLL_READABLE;
    if (status == 0 && (events & UV_WRITABLE) != 0)
        ours |= WEIR_POLL_WRITABLE;
    poll->fn(poll->arg, ours);
}

void weir_poll_set(struct weir_poll *poll, int events)
{
    weir_assert(poll->is_open);
    int wanted = ((events & WEIR_POLL_READABLE) != 0 ? UV_READABLE : 0) |
                 ((events & WEIR_POLL_WRITABLE) != 0 ? UV_WRITABLE : 0);
    if (wanted == 0)
        (void)uv_poll_stop(&poll->uv); /* Neither can fail on an open handle. */
    else
        (void)uv_poll_start(&poll->uv, wanted, on_poll);
}

enum weir_status weir_poll_init(struct weir_poll *poll, struct weir_loop *loop, int fd, int events,
                                weir_poll_fn *fn, void *arg)
{
    weir_loop_assert_thread(loop);
    weir_assert(fn);
    *poll = (struct weir_poll){.loop = loop, .fn = fn, .arg = arg, .fd = fd};
    if (uv_poll_init(&loop->uv, &poll->uv, fd) != 0) {
        *poll = (struct weir_poll){0};
        return WEIR_ERR_IO;
    }
    poll->is_open = true;
    weir_poll_set(poll, events);
    return WEIR_OK;
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct weir_poll *poll = WEIR_CONTAINER_OF((uv_poll_t *)handle, struct weir_poll, uv);
    if (poll->closed_fn)
        poll->closed_fn(poll->arg);
}

void weir_poll_close(struct weir_poll *poll, weir_loop_fn *fn)
{
    if (!poll->is_open)
        return;
    poll->is_open = false;
    poll->closed_fn = fn;
    uv_close((uv_handle_t *)&poll->uv, on_poll_closed);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct weir_signal *sig = WEIR_CONTAINER_OF(handle, struct weir_signal, uv);
    weir_loop_enter(sig->loop);
    sig->fn(sig->arg, number);
}

enum weir_status weir_signal_init(struct weir_signal *sig, struct weir_loop *loop, int number,
                                  weir_signal_fn *fn, void *arg)
{
    weir_loop_assert_thread(loop);
    weir_assert(fn);
    *sig = (struct weir_signal){.loop = loop, .fn = fn, .arg = arg};
    if (uv_signal_init(&loop->uv, &sig->uv) != 0) {
        *sig = (struct weir_signal){0};
        return WEIR_ERR_IO;
    }
    sig->is_open = true;
    uv_unref((uv_handle_t *)&sig->uv);
    if (uv_signal_start(&sig->uv, on_signal, number) != 0) {
        weir_signal_close(sig);
        return WEIR_ERR_IO;
    }
    return WEIR_OK;
}

void weir_signal_close(struct weir_signal *sig)
{
    if (!sig->is_open)
        return;
    sig->is_open = false;
    uv_close((uv_handle_t *)&sig->uv, NULL);
}

void weir_signal_ignore_pipe(void)
{
    (void)signal(SIGPIPE, SIG_IGN); /* Fails for unknown signals only. */
}

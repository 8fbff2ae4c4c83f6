/* SPDX-License-Identifier: MIT */
/* One iteration of a loop, as libuv runs it: timers, then `prepare`, then blocking in the poll,
 * then I/O callbacks, then close callbacks. Our end of iteration is `prepare`: the idle hook
 * (batches are dispatched there), then what was deferred (answers are written there), then the
 * measurement. */
#include "loop/loop.h"

#include "base/clock.h"
#include "base/macros.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

void weir_loop_enter(struct weir_loop *loop)
{
    loop->now_ns = weir_clock_ns();
    if (loop->entered_ns == 0)
        loop->entered_ns = loop->now_ns;
}

uint64_t weir_loop_update_now(struct weir_loop *loop)
{
    return loop->now_ns = weir_clock_ns();
}

static void on_prepare(uv_prepare_t *handle)
{
    struct weir_loop *loop = WEIR_CONTAINER_OF(handle, struct weir_loop, prepare);
    loop->stats.n_iterations++;
    if (loop->idle_fn)
        loop->idle_fn(loop->idle_arg);
    for (struct weir_list *link; (link = weir_list_take(&loop->deferred));) {
        struct weir_loop_deferred *d = WEIR_CONTAINER_OF(link, struct weir_loop_deferred, link);
        d->fn(d->arg);
    }
    if (loop->entered_ns == 0)
        return;
    loop->now_ns = weir_clock_ns();
    uint64_t took = loop->now_ns - loop->entered_ns;
    loop->entered_ns = 0;
    loop->stats.iteration_ns = took;
    loop->stats.busy_ns += took;
    if (took > loop->stats.iteration_ns_max)
        loop->stats.iteration_ns_max = took;
}

static void on_stopper(uv_async_t *handle)
{
    uv_stop(handle->loop);
}

static void on_again(uv_idle_t *handle)
{
    uv_idle_stop(handle);
}

enum weir_status weir_loop_init(struct weir_loop *loop, struct weir_mem *mem,
                                struct weir_error *err)
{
    weir_assert(loop);
    *loop = (struct weir_loop){.mem = mem ? mem : weir_mem_default()};
    loop->read_bytes = weir_mem_alloc(loop->mem, WEIR_LOOP_READ_BYTES);
    if (!loop->read_bytes)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "event loop: out of memory");
    int error = uv_loop_init(&loop->uv);
    if (error)
        goto fail_bytes;
    error = uv_async_init(&loop->uv, &loop->stopper, on_stopper);
    if (error)
        goto fail_loop;
    (void)uv_prepare_init(&loop->uv, &loop->prepare); /* These two cannot fail. */
    (void)uv_idle_init(&loop->uv, &loop->again);
    (void)uv_prepare_start(&loop->prepare, on_prepare);
    uv_unref((uv_handle_t *)&loop->stopper);
    uv_unref((uv_handle_t *)&loop->prepare);
    uv_unref((uv_handle_t *)&loop->again);
    weir_list_init(&loop->deferred);
    loop->thread = uv_thread_self();
    loop->now_ns = weir_clock_ns();
    loop->is_open = true;
    return WEIR_OK;
fail_loop:
    (void)uv_loop_close(&loop->uv); /* Nothing is on it. */
fail_bytes:
    weir_mem_free(loop->mem, loop->read_bytes);
    *loop = (struct weir_loop){0};
    return weir_error_set(err, error == UV_ENOMEM ? WEIR_ERR_NO_MEMORY : WEIR_ERR_IO,
                          "event loop: %s", uv_strerror(error));
}

void weir_loop_deinit(struct weir_loop *loop)
{
    weir_assert(loop);
    if (!loop->is_open)
        return;
    uv_close((uv_handle_t *)&loop->stopper, NULL);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->again, NULL);
    while (uv_run(&loop->uv, UV_RUN_NOWAIT) != 0)
        ;
    int error = uv_loop_close(&loop->uv);
    weir_assert(error == 0);
    weir_mem_free(loop->mem, loop->read_bytes);
    *loop = (struct weir_loop){0};
}

static void on_reserved(uv_handle_t *handle)
{
    struct weir_loop *loop = handle->data;
    weir_mem_free(loop->mem, handle);
}

static void on_reserve_event(uv_poll_t *handle WEIR_UNUSED, int status WEIR_UNUSED,
                             int events WEIR_UNUSED)
{
}

enum weir_status weir_loop_reserve(struct weir_loop *loop, unsigned n)
{
    weir_loop_assert_thread(loop);
    weir_assert(n > 0);
    uv_poll_t *poll = weir_mem_alloc(loop->mem, sizeof *poll);
    if (!poll)
        return WEIR_ERR_NO_MEMORY;
    /* The tables are indexed by descriptor and grow when one is watched: watch a high one. */
    int low = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int high = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, (int)n - 1);
    if (low >= 0)
        (void)close(low);
    if (high < 0 || uv_poll_init(&loop->uv, poll, high) != 0) {
        if (high >= 0)
            (void)close(high);
        weir_mem_free(loop->mem, poll);
        return WEIR_ERR_IO;
    }
    poll->data = loop;
    (void)uv_poll_start(poll, UV_READABLE, on_reserve_event); /* Cannot fail once inited. */
    uv_close((uv_handle_t *)poll, on_reserved);
    (void)close(high);
    return WEIR_OK;
}

void weir_loop_run(struct weir_loop *loop)
{
    weir_assert(loop->is_open);
    loop->thread = uv_thread_self();
    uv_ref((uv_handle_t *)&loop->stopper);
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    uv_unref((uv_handle_t *)&loop->stopper);
}

bool weir_loop_run_once(struct weir_loop *loop, bool wait)
{
    weir_assert(loop->is_open);
    loop->thread = uv_thread_self();
    /* libuv does not even look at its handles while none of them counts as active. */
    bool is_waiting = wait && uv_loop_alive(&loop->uv) != 0;
    uv_ref((uv_handle_t *)&loop->stopper);
    (void)uv_run(&loop->uv, is_waiting ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    uv_unref((uv_handle_t *)&loop->stopper);
    return uv_loop_alive(&loop->uv) != 0;
}

void weir_loop_stop(struct weir_loop *loop)
{
    int error = uv_async_send(&loop->stopper);
    weir_assert(error == 0);
}

void weir_loop_assert_thread(const struct weir_loop *loop)
{
    uv_thread_t self = uv_thread_self();
    weir_assert(loop->is_open);
    weir_assert(uv_thread_equal(&loop->thread, &self));
}

void weir_loop_set_idle_hook(struct weir_loop *loop, weir_loop_fn *fn, void *arg)
{
    loop->idle_fn = fn;
    loop->idle_arg = arg;
}

void weir_loop_defer(struct weir_loop *loop, struct weir_loop_deferred *d)
{
    weir_assert(d->fn);
    if (!weir_list_is_linked(&d->link))
        weir_list_push(&loop->deferred, &d->link);
}

void weir_loop_defer_cancel(struct weir_loop_deferred *d)
{
    weir_list_remove(&d->link);
}

void weir_loop_again(struct weir_loop *loop)
{
    (void)uv_idle_start(&loop->again, on_again); /* Fails only without a callback. */
}

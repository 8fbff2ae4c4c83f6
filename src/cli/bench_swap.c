/* SPDX-License-Identifier: MIT */
#include "cli/bench_swap.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct weir_cli_bench_swap {
    const char *path; /* constant */
    struct weir_buf temporary;
    struct weir_str contents[2];
    uint64_t every_ns;
    pthread_t thread;
    struct { /* under mu */
        pthread_mutex_t mu;
        pthread_cond_t changed;
        bool is_active;
        bool is_stopping;
        bool is_busy;
        size_t next; /* which content comes next */
        uint64_t n;
        struct weir_error err;
    } shared;
};

static enum weir_status replace(const struct weir_cli_bench_swap *s, size_t which,
                                struct weir_error *err)
{
    struct weir_str content = s->contents[which];
    int fd = open(s->temporary.at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return weir_error_set(err, WEIR_ERR_IO, "%s: %s", s->temporary.at, strerror(errno));
    bool is_written = true;
    for (size_t at = 0; at < content.n && is_written;) {
        ssize_t n = write(fd, content.at + at, content.n - at);
        is_written = n > 0 || (n < 0 && errno == EINTR);
        at += n > 0 ? (size_t)n : 0;
    }
    is_written = close(fd) == 0 && is_written;
    if (!is_written || rename(s->temporary.at, s->path) != 0)
        return weir_error_set(err, WEIR_ERR_IO, "%s: %s", s->path, strerror(errno));
    return WEIR_OK;
}

/* Waits for a change of mind, but not longer than until due_ns. Called with mu locked. */
static void wait_until(struct weir_cli_bench_swap *s, uint64_t due_ns)
{
    struct timespec until = {(time_t)(due_ns / WEIR_NS_PER_S), (long)(due_ns % WEIR_NS_PER_S)};
    if (due_ns == WEIR_TIME_NEVER)
        (void)pthread_cond_wait(&s->shared.changed, &s->shared.mu); /* Cannot fail. */
    else
        (void)pthread_cond_timedwait(&s->shared.changed, &s->shared.mu, &until);
}

static void *swap_all(void *arg)
{
    struct weir_cli_bench_swap *s = arg;
    uint64_t due_ns = WEIR_TIME_NEVER;
    (void)pthread_mutex_lock(&s->shared.mu);
    while (!s->shared.is_stopping) {
        uint64_t now_ns = weir_clock_ns();
        if (!s->shared.is_active) {
            due_ns = WEIR_TIME_NEVER;
            wait_until(s, due_ns);
            continue;
        }
        if (due_ns == WEIR_TIME_NEVER)
            due_ns = now_ns;
        if (now_ns < due_ns) {
            wait_until(s, due_ns);
            continue;
        }
        struct weir_error err = WEIR_ERROR_INIT;
        size_t which = s->shared.next;
        s->shared.is_busy = true;
        (void)pthread_mutex_unlock(&s->shared.mu);
        enum weir_status status = replace(s, which, &err);
        (void)pthread_mutex_lock(&s->shared.mu);
        s->shared.is_busy = false;
        s->shared.n += status == WEIR_OK;
        s->shared.next = 1 - which;
        if (status != WEIR_OK && s->shared.err.code == WEIR_OK)
            s->shared.err = err;
        (void)pthread_cond_broadcast(&s->shared.changed);
        due_ns += s->every_ns;
    }
    (void)pthread_mutex_unlock(&s->shared.mu);
    return NULL;
}

enum weir_status weir_cli_bench_swap_new(struct weir_cli_bench_swap **out, const char *path,
                                         const struct weir_str contents[2], uint64_t every_ns,
                                         struct weir_error *err)
{
    struct weir_mem *mem = weir_mem_default();
    pthread_condattr_t attr;
    struct weir_cli_bench_swap *s = weir_mem_zalloc(mem, sizeof *s);
    if (!s)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    s->path = path;
    s->contents[0] = contents[0];
    s->contents[1] = contents[1];
    s->every_ns = every_ns;
    s->shared.next = 1;
    /* A dotfile: what is not finished is no model. */
    const char *slash = strrchr(path, '/');
    size_t n_folder = slash ? (size_t)(slash - path) + 1 : 0;
    weir_buf_append(&s->temporary, path, n_folder);
    weir_buf_printf(&s->temporary, ".%s.swap", path + n_folder);
    if (!weir_buf_c(&s->temporary) || !weir_buf_ok(&s->temporary)) {
        weir_buf_deinit(&s->temporary);
        weir_mem_free(mem, s);
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    }
    (void)pthread_mutex_init(&s->shared.mu, NULL); /* None of these fails on Linux. */
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->shared.changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    if (pthread_create(&s->thread, NULL, swap_all, s) != 0) {
        weir_buf_deinit(&s->temporary);
        weir_mem_free(mem, s);
        return weir_error_set(err, WEIR_ERR_IO, "no thread could be had");
    }
    *out = s;
    return WEIR_OK;
}

void weir_cli_bench_swap_free(struct weir_cli_bench_swap *s)
{
    if (!s)
        return;
    (void)pthread_mutex_lock(&s->shared.mu);
    s->shared.is_stopping = true;
    (void)pthread_cond_broadcast(&s->shared.changed);
    (void)pthread_mutex_unlock(&s->shared.mu);
    (void)pthread_join(s->thread, NULL);
    (void)pthread_cond_destroy(&s->shared.changed);
    (void)pthread_mutex_destroy(&s->shared.mu);
    (void)unlink(s->temporary.at); /* Is there only after a failure. */
    weir_buf_deinit(&s->temporary);
    weir_mem_free(weir_mem_default(), s);
}

enum weir_status weir_cli_bench_swap_put(struct weir_cli_bench_swap *s, size_t which,
                                         struct weir_error *err)
{
    weir_assert(!s->shared.is_active);
    s->shared.next = 1 - which;
    return replace(s, which, err);
}

void weir_cli_bench_swap_set_active(struct weir_cli_bench_swap *s, bool is_active)
{
    (void)pthread_mutex_lock(&s->shared.mu);
    s->shared.is_active = is_active;
    (void)pthread_cond_broadcast(&s->shared.changed);
    while (!is_active && s->shared.is_busy)
        (void)pthread_cond_wait(&s->shared.changed, &s->shared.mu);
    (void)pthread_mutex_unlock(&s->shared.mu);
}

uint64_t weir_cli_bench_swap_count(struct weir_cli_bench_swap *s)
{
    (void)pthread_mutex_lock(&s->shared.mu);
    uint64_t n = s->shared.n;
    (void)pthread_mutex_unlock(&s->shared.mu);
    return n;
}

enum weir_status weir_cli_bench_swap_failure(struct weir_cli_bench_swap *s, struct weir_error *err)
{
    (void)pthread_mutex_lock(&s->shared.mu);
    enum weir_status status = s->shared.err.code;
    if (status != WEIR_OK && err)
        *err = s->shared.err;
    (void)pthread_mutex_unlock(&s->shared.mu);
    return status;
}

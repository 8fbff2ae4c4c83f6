/* SPDX-License-Identifier: MIT */
/* A line is formatted on the calling thread into a stack buffer, then appended to one of two byte
 * buffers under a mutex; the writer thread swaps the buffers and writes the full one without the
 * mutex. The queue never allocates after weir_log_start, and a full queue drops the line. */
#include "base/log.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { STOP_WAIT_MS = 2000 };

static struct {
    atomic_int level;  /* enum weir_log_level */
    atomic_int format; /* enum weir_log_format */
    _Atomic uint64_t n_dropped;
    pthread_t thread; /* constant while is_started */
    struct {          /* under mu */
        pthread_mutex_t mu;
        pthread_cond_t wake;
        char *queue; /* WEIR_LOG_QUEUE_BYTES_MAX bytes being filled */
        size_t n;
        char *spare; /* as large; the writer's */
        bool is_started;
        bool is_stopping;
    } shared;
} log_state = {.level = WEIR_LOG_INFO,
               .shared = {.mu = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER}};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct line {
    char at[WEIR_LOG_LINE_BYTES_MAX];
    size_t n;
};

/* Leaves room for the closing bytes of either form. */
static void put(struct line *l, const char *bytes, size_t n)
{
    size_t room = sizeof l->at - 8 - l->n;
    n = weir_min_size(n, room);
    memcpy(l->at + l->n, bytes, n);
    l->n += n;
}

static void put_c(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

static void put_quoted(struct line *l, struct weir_str s)
{
    put_c(l, "\"");
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.at[i];
        char esc[8];
        if (c == '"' || c == '\\') {
            put(l, (char[]){'\\', (char)c}, 2);
        } else if (c < 0x20 || c == 0x7f) {
            (void)snprintf(esc, sizeof esc, "\\u%04x", c); /* Six characters and the NUL. */
            put(l, esc, 6);
        } else {
            put(l, (const char *)&s.at[i], 1);
        }
    }
    put_c(l, "\"");
}

static bool is_bare(struct weir_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (c <= 0x20 || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
            return false;
    }
    return s.n > 0;
}

static void put_value(struct line *l, const struct weir_log_field *f, bool json)
{
    char num[40];
    switch (f->kind) {
    case WEIR_LOG_TEXT:
        if (!json && is_bare(f->text))
            put(l, f->text.at, f->text.n);
        else
            put_quoted(l, f->text);
        return;
    case WEIR_LOG_U64:
        (void)snprintf(num, sizeof num, "%llu",
                       (unsigned long long)f->u64); /* 20 digits at most. */
        break;
    case WEIR_LOG_I64:
        (void)snprintf(num, sizeof num, "%lld", (long long)f->i64);
        break;
    case WEIR_LOG_F64:
        (void)snprintf(num, sizeof num, "%.6g", f->f64);
        break;
    }
    put_c(l, num);
}

static void put_time(struct line *l)
{
    uint64_t now_ns = weir_clock_wall_ns();
    time_t s = (time_t)(now_ns / WEIR_NS_PER_S);
    struct tm tm;
    char text[40];
    (void)gmtime_r(&s, &tm); /* Cannot fail for the present. */
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(text + n, sizeof text - n, ".%03uZ", (unsigned)(now_ns / WEIR_NS_PER_MS % 1000));
    put_c(l, text);
}

static void format_line(struct line *l, enum weir_log_level level, const char *event,
                        const struct weir_log_field *fields, size_t n)
{
    bool json = atomic_load_explicit(&log_state.format, memory_order_relaxed) == WEIR_LOG_JSON;
    l->n = 0;
    put_c(l, json ? "{\"time\":\"" : "time=");
    put_time(l);
    put_c(l, json ? "\",\"level\":\"" : " level=");
    put_c(l, level_names[level]);
    put_c(l, json ? "\",\"event\":" : " event=");
    put_quoted(l, weir_str_c(event));
    for (size_t i = 0; i < n; i++) {
        put_c(l, json ? ",\"" : " ");
        put_c(l, fields[i].key);
        put_c(l, json ? "\":" : "=");
        put_value(l, &fields[i], json);
    }
    if (l->n >= sizeof l->at - 8)
        memcpy(l->at + l->n, "...", 3), l->n += 3;
    if (json)
        l->at[l->n++] = '}';
    l->at[l->n++] = '\n';
}

static void write_all(const char *at, size_t n)
{
    while (n > 0) {
        ssize_t w = write(STDERR_FILENO, at, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
            (void)poll(&p, 1, 100); /* Whatever it says, the write is tried again. */
            continue;
        }
        if (w <= 0)
            return; /* Nobody listens any more; there is no place left to say so. */
        at += w;
        n -= (size_t)w;
    }
}

static void *writer(void *unused)
{
    (void)unused;
    weir_assert(pthread_mutex_lock(&log_state.shared.mu) == 0);
    for (;;) {
        while (log_state.shared.n == 0 && !log_state.shared.is_stopping)
            (void)pthread_cond_wait(&log_state.shared.wake,
                                    &log_state.shared.mu); /* Cannot fail. */
        if (log_state.shared.n == 0)
            break;
        char *full = log_state.shared.queue;
        size_t n = log_state.shared.n;
        log_state.shared.queue = log_state.shared.spare;
        log_state.shared.spare = full;
        log_state.shared.n = 0;
        (void)pthread_mutex_unlock(&log_state.shared.mu);
        write_all(full, n);
        (void)pthread_mutex_lock(&log_state.shared.mu);
    }
    (void)pthread_mutex_unlock(&log_state.shared.mu);
    return NULL;
}

enum weir_log_level weir_log_get_level(void)
{
    return (enum weir_log_level)atomic_load_explicit(&log_state.level, memory_order_relaxed);
}

void weir_log_set_level(enum weir_log_level level)
{
    atomic_store_explicit(&log_state.level, (int)level, memory_order_relaxed);
}

void weir_log_set_format(enum weir_log_format format)
{
    atomic_store_explicit(&log_state.format, (int)format, memory_order_relaxed);
}

enum weir_status weir_log_start(void)
{
    struct weir_mem *mem = weir_mem_default();
    weir_assert(!log_state.shared.is_started);
    log_state.shared.queue = weir_mem_alloc(mem, WEIR_LOG_QUEUE_BYTES_MAX);
    log_state.shared.spare = weir_mem_alloc(mem, WEIR_LOG_QUEUE_BYTES_MAX);
    log_state.shared.n = 0;
    log_state.shared.is_stopping = false;
    if (log_state.shared.queue && log_state.shared.spare &&
        pthread_create(&log_state.thread, NULL, writer, NULL) == 0) {
        log_state.shared.is_started = true;
        return WEIR_OK;
    }
    weir_mem_free(mem, WEIR_TAKE(log_state.shared.queue));
    weir_mem_free(mem, WEIR_TAKE(log_state.shared.spare));
    return WEIR_ERR_IO;
}

void weir_log_stop(void)
{
    struct weir_mem *mem = weir_mem_default();
    if (!log_state.shared.is_started)
        return;
    (void)pthread_mutex_lock(&log_state.shared.mu);
    log_state.shared.is_stopping = true;
    log_state.shared.is_started = false;
    (void)pthread_cond_signal(&log_state.shared.wake);
    (void)pthread_mutex_unlock(&log_state.shared.mu);
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STOP_WAIT_MS / 1000;
    if (pthread_timedjoin_np(log_state.thread, NULL, &until) != 0) {
        (void)pthread_detach(log_state.thread); /* Stuck in write: its buffers must stay. */
        return;
    }
    weir_mem_free(mem, WEIR_TAKE(log_state.shared.queue));
    weir_mem_free(mem, WEIR_TAKE(log_state.shared.spare));
}

uint64_t weir_log_dropped(void)
{
    return atomic_load_explicit(&log_state.n_dropped, memory_order_relaxed);
}

void weir_log_write(enum weir_log_level level, const char *event,
                    const struct weir_log_field *fields, size_t n)
{
    if ((int)level < atomic_load_explicit(&log_state.level, memory_order_relaxed))
        return;
    struct line l;
    format_line(&l, level, event, fields, n);
    (void)pthread_mutex_lock(&log_state.shared.mu);
    bool is_started = log_state.shared.is_started;
    if (is_started && log_state.shared.n + l.n <= WEIR_LOG_QUEUE_BYTES_MAX) {
        memcpy(log_state.shared.queue + log_state.shared.n, l.at, l.n);
        log_state.shared.n += l.n;
        (void)pthread_cond_signal(&log_state.shared.wake);
    } else if (is_started) {
        (void)atomic_fetch_add_explicit(&log_state.n_dropped, 1, memory_order_relaxed);
    }
    (void)pthread_mutex_unlock(&log_state.shared.mu);
    if (!is_started)
        write_all(l.at, l.n);
}

/* SPDX-License-Identifier: MIT */
/* Sockets under uv_poll and not as uv_stream: reading then goes straight into the buffer that the
 * loop's streams share, writing straight into the kernel with what was left over staying with its
 * owner, and a stopped stream is still watched for a reset.
 *
 * A stream that neither reads nor wants to write is watched for urgent data only (EPOLLPRI),
 * because the kernel then still reports errors but neither data nor FIN, which would spin. */
#include "loop/stream.h"

#include "base/macros.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READS_PER_EVENT_MAX = 4, /* a fast sender gets a quarter MiB before others have their turn */
};

static void on_poll(uv_poll_t *handle, int status, int events);

static void watch(struct weir_stream *s)
{
    int wanted = 0;
    if (s->is_reading && !s->has_eof)
        wanted |= UV_READABLE;
    if (s->wants_write || s->is_connecting)
        wanted |= UV_WRITABLE;
    if (wanted == 0 && !s->ignores_urgent)
        wanted = UV_PRIORITIZED;
    if (s->is_broken || !s->is_open)
        wanted = 0;
    if (wanted == s->watching)
        return;
    s->watching = (uint8_t)wanted;
    if (wanted == 0)
        (void)uv_poll_stop(&s->uv); /* Neither fails on an open handle. */
    else
        (void)uv_poll_start(&s->uv, wanted, on_poll);
}

static void fail(struct weir_stream *s, int error)
{
    s->is_broken = true;
    watch(s);
    if (s->is_connecting) {
        s->is_connecting = false;
        s->events->connected(s, error);
    } else {
        s->events->error(s, error);
    }
}

/* Returns the error that the kernel holds for the socket, 0 if none. */
static int pending_error(const struct weir_stream *s)
{
    int error = 0;
    socklen_t n = sizeof error;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
        return errno;
    return error;
}

static void do_read(struct weir_stream *s)
{
    for (int i = 0; i < READS_PER_EVENT_MAX && s->is_open && s->is_reading; i++) {
        char *at = s->loop->read_bytes;
        size_t room = WEIR_LOOP_READ_BYTES;
        if (s->events->room)
            s->events->room(s, &at, &room);
        ssize_t n = recv(s->fd, at, room, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN))
            return;
        if (n < 0) {
            fail(s, errno);
            return;
        }
        if (n == 0) {
            s->has_eof = true;
            watch(s);
            s->events->eof(s);
            return;
        }
        s->events->read(s, at, (size_t)n);
        if ((size_t)n < room || room < WEIR_LOOP_READ_BYTES)
            return; /* The socket is empty, most likely; the poll would tell otherwise. */
    }
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct weir_stream *s = WEIR_CONTAINER_OF(handle, struct weir_stream, uv);
    weir_loop_enter(s->loop);
    if (status < 0) {
        s->watching = 0; /* libuv has stopped the handle. */
        int error = pending_error(s);
        fail(s, error ? error : ECONNRESET);
        return;
    }
    if (s->is_connecting) {
        int error = pending_error(s);
        if (error) {
            fail(s, error);
            return;
        }
        s->is_connecting = false;
        watch(s);
        s->events->connected(s, 0);
        return;
    }
    if ((events & UV_READABLE) != 0)
        do_read(s);
    if (s->is_open && !s->is_broken && s->wants_write && (events & UV_WRITABLE) != 0) {
        s->wants_write = false;
        s->events->writable(s);
        if (s->is_open)
            watch(s);
    }
    if (s->is_open && !s->is_broken && (events & UV_PRIORITIZED) != 0) {
        int error = pending_error(s);
        if (error) {
            fail(s, error);
            return;
        }
        s->ignores_urgent = true;
        watch(s);
    }
}

enum weir_status weir_stream_open_fd(struct weir_stream *s, struct weir_loop *loop, int fd,
                                     const struct weir_stream_events *events)
{
    weir_assert(fd >= 0);
    *s = (struct weir_stream){.loop = loop, .events = events, .fd = fd};
    if (uv_poll_init(&loop->uv, &s->uv, fd) != 0) {
        *s = (struct weir_stream){0};
        return WEIR_ERR_IO;
    }
    s->is_open = true;
    return WEIR_OK;
}

enum weir_status weir_stream_connect(struct weir_stream *s, struct weir_loop *loop,
                                     const struct weir_addr_target *to,
                                     const struct weir_stream_events *events,
                                     struct weir_error *err)
{
    struct sockaddr_storage sa;
    socklen_t n = weir_addr_to_sockaddr(to, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return weir_error_set(err, WEIR_ERR_IO, "no socket: %s", strerror(errno));
    int result;
    do {
        result = connect(fd, (struct sockaddr *)&sa, n);
    } while (result != 0 && errno == EINTR);
    if (result != 0 && errno != EINPROGRESS) {
        enum weir_status status =
            weir_error_set(err, WEIR_ERR_IO, "cannot connect: %s", strerror(errno));
        (void)close(fd);
        return status;
    }
    enum weir_status status = weir_stream_open_fd(s, loop, fd, events);
    if (status != WEIR_OK) {
        (void)close(fd);
        return weir_error_set(err, status, "the event loop does not take the socket");
    }
    s->is_connecting = true; /* Also when it stands already: `connected` is never early. */
    watch(s);
    return WEIR_OK;
}

void weir_stream_read_start(struct weir_stream *s)
{
    s->is_reading = true;
    watch(s);
}

void weir_stream_read_stop(struct weir_stream *s)
{
    s->is_reading = false;
    watch(s);
}

ssize_t weir_stream_write(struct weir_stream *s, const struct iovec *iov, int n_iov)
{
    weir_assert(n_iov > 0);
    weir_assert(n_iov <= WEIR_STREAM_IOV_MAX);
    for (;;) {
        ssize_t n;
        if (n_iov == 1) {
            n = send(s->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
        } else {
            struct iovec copy[WEIR_STREAM_IOV_MAX];
            memcpy(copy, iov, (size_t)n_iov * sizeof *iov);
            struct msghdr msg = {.msg_iov = copy, .msg_iovlen = (size_t)n_iov};
            n = sendmsg(s->fd, &msg, MSG_NOSIGNAL);
        }
        if (n >= 0)
            return n;
        if (errno == EAGAIN || errno == ENOBUFS)
            return 0;
        if (errno != EINTR)
            return -errno;
    }
}

void weir_stream_want_write(struct weir_stream *s)
{
    s->wants_write = true;
    watch(s);
}

void weir_stream_shutdown(struct weir_stream *s)
{
    (void)shutdown(s->fd, SHUT_WR); /* A broken connection is noticed by reading. */
}

static void on_closed(uv_handle_t *handle)
{
    struct weir_stream *s = WEIR_CONTAINER_OF((uv_poll_t *)handle, struct weir_stream, uv);
    s->events->closed(s);
}

void weir_stream_close(struct weir_stream *s)
{
    if (!s->is_open)
        return;
    s->is_open = false;
    s->is_reading = false;
    uv_close((uv_handle_t *)&s->uv, on_closed);
    (void)close(s->fd); /* The descriptor is gone whatever it returns. */
    s->fd = -1;
}

void weir_stream_reset(struct weir_stream *s)
{
    if (!s->is_open)
        return;
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now); /* Else a plain close. */
    weir_stream_close(s);
}

/* SPDX-License-Identifier: MIT */
/* Accepting under uv_poll: libuv's own accepting takes all of the backlog in one go and closes
 * connections when descriptors run out; here the count is capped, and running out pauses. */
#include "loop/listener.h"

#include "base/macros.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const uint64_t REST_NS = 100000000; /* after running out of descriptors or memory */

enum { SOCKET_MODE_DEFAULT = 0660 };

static void on_poll(uv_poll_t *handle, int status, int events);

static void watch(struct weir_listener *l)
{
    if (l->is_open && !l->is_paused && !l->is_resting)
        (void)uv_poll_start(&l->uv, UV_READABLE, on_poll); /* Neither fails on an open handle. */
    else if (l->is_open)
        (void)uv_poll_stop(&l->uv);
}

static void on_rested(struct weir_timer *timer WEIR_UNUSED, void *arg)
{
    struct weir_listener *l = arg;
    l->is_resting = false;
    watch(l);
}

enum accepted { ACCEPTED, ACCEPTED_FAILED, ACCEPTED_NONE };

/* Takes one connection from the backlog and hands it on. */
static enum accepted accept_one(struct weir_listener *l)
{
    struct sockaddr_storage sa;
    socklen_t n = sizeof sa;
    int fd = accept4(l->fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        struct weir_addr peer;
        weir_addr_from_sockaddr(&peer, (struct sockaddr *)&sa, n);
        l->stats.n_accepted++;
        l->fn(l->arg, fd, &peer);
        return ACCEPTED;
    }
    if (errno == EAGAIN)
        return ACCEPTED_NONE;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        l->stats.n_no_fds++;
        l->is_resting = true;
        watch(l);
        weir_timer_start(&l->rest, weir_loop_now_ns(l->loop) + REST_NS);
        return ACCEPTED_NONE;
    }
    l->stats.n_failed++; /* EINTR, ECONNABORTED and the network's own errors: try the next. */
    return ACCEPTED_FAILED;
}

static void on_poll(uv_poll_t *handle, int status, int events WEIR_UNUSED)
{
    struct weir_listener *l = WEIR_CONTAINER_OF(handle, struct weir_listener, uv);
    weir_loop_enter(l->loop);
    if (status < 0) {
        l->stats.n_failed++;
        l->is_resting = true;
        weir_timer_start(&l->rest, weir_loop_now_ns(l->loop) + REST_NS);
        return;
    }
    for (uint32_t i = 0; i < l->opts.accepts_per_tick_max; i++)
        if (accept_one(l) == ACCEPTED_NONE || !l->is_open || l->is_paused)
            return;
    l->stats.n_deferred++;
}

uint32_t weir_listener_empty_backlog(struct weir_listener *l)
{
    weir_loop_assert_thread(l->loop);
    uint32_t n = 0;
    while (l->is_open) {
        enum accepted a = accept_one(l);
        if (a == ACCEPTED_NONE)
            break;
        n += a == ACCEPTED;
    }
    return n;
}

static enum weir_status bind_error(struct weir_error *err, const struct weir_addr_target *addr,
                                   const char *what)
{
    char text[WEIR_ADDR_TEXT_BYTES];
    int error = errno;
    return weir_error_set(err, error == EADDRINUSE ? WEIR_ERR_EXISTS : WEIR_ERR_IO, "%s: %s: %s",
                          weir_addr_text(&addr->addr, addr->path, text), what, strerror(error));
}

/* Makes a bound TCP or Unix socket; -1: not possible, errno and *what tell why. */
static int bound_socket(const struct weir_addr_target *addr, const struct weir_listener_opts *opts,
                        const char **what)
{
    struct sockaddr_storage sa;
    socklen_t n = weir_addr_to_sockaddr(addr, &sa);
    int on = 1;
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *what = "no socket";
    if (fd < 0)
        return -1;
    bool is_tcp = addr->addr.kind != WEIR_ADDR_UNIX;
    bool is_set = true;
    if (is_tcp) {
        is_set = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                 /* Accepted sockets inherit it. */
                 setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
        if (is_set && addr->addr.kind == WEIR_ADDR_IP6)
            is_set = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0;
        if (is_set && opts->reuse_port)
            is_set = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
    } else {
        /* The socket file is never more open than this, not even between bind and chmod. */
        is_set = fchmod(fd, (mode_t)opts->socket_mode) == 0;
    }
    *what = is_set ? "cannot bind" : "cannot set a socket option";
    if (is_set && bind(fd, (struct sockaddr *)&sa, n) == 0)
        return fd;
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

/* Removes a socket file that nobody answers on. WEIR_ERR_EXISTS: somebody does, or it is something
 * else than a socket. */
static enum weir_status remove_stale(const struct weir_addr_target *addr, struct weir_error *err)
{
    struct stat st;
    if (lstat(addr->path, &st) != 0)
        return WEIR_OK; /* Not there, or bind will tell. */
    if (!S_ISSOCK(st.st_mode))
        return weir_error_set(err, WEIR_ERR_EXISTS, "unix:%s: exists and is not a socket",
                              addr->path);
    struct sockaddr_storage sa;
    socklen_t n = weir_addr_to_sockaddr(addr, &sa);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return bind_error(err, addr, "no socket");
    int result = connect(fd, (struct sockaddr *)&sa, n);
    bool is_stale = result != 0 && errno == ECONNREFUSED;
    (void)close(fd);
    if (!is_stale)
        return weir_error_set(err, WEIR_ERR_EXISTS, "unix:%s: another server listens there",
                              addr->path);
    if (unlink(addr->path) != 0 && errno != ENOENT)
        return bind_error(err, addr, "cannot remove the stale socket");
    return WEIR_OK;
}

enum weir_status weir_listener_probe(const struct weir_addr_target *addr, struct weir_error *err)
{
    if (addr->addr.kind == WEIR_ADDR_UNIX || addr->addr.port == 0)
        return WEIR_OK;
    const char *what;
    int fd = bound_socket(addr, &(struct weir_listener_opts){0}, &what);
    if (fd < 0)
        return bind_error(err, addr, what);
    (void)close(fd);
    return WEIR_OK;
}

enum weir_status weir_listener_open_fd(struct weir_listener *l, struct weir_loop *loop, int fd,
                                       const struct weir_listener_opts *opts, weir_listener_fn *fn,
                                       void *arg, struct weir_error *err)
{
    weir_loop_assert_thread(loop);
    weir_assert(fn);
    *l = (struct weir_listener){.loop = loop, .fn = fn, .arg = arg, .fd = fd};
    if (opts)
        l->opts = *opts;
    if (l->opts.accepts_per_tick_max == 0)
        l->opts.accepts_per_tick_max = WEIR_LISTENER_ACCEPTS_DEFAULT;
    struct sockaddr_storage sa;
    socklen_t n = sizeof sa;
    if (getsockname(fd, (struct sockaddr *)&sa, &n) != 0 ||
        uv_poll_init(&loop->uv, &l->uv, fd) != 0) {
        *l = (struct weir_listener){0};
        return weir_error_set(err, WEIR_ERR_IO, "the event loop does not take the socket");
    }
    weir_addr_from_sockaddr(&l->addr.addr, (struct sockaddr *)&sa, n);
    enum weir_status status = weir_timer_init(&l->rest, loop, WEIR_TIMER_COARSE, on_rested, l);
    weir_assert(status == WEIR_OK); /* Coarse timers need nothing. */
    l->is_open = true;
    watch(l);
    return WEIR_OK;
}

enum weir_status weir_listener_open(struct weir_listener *l, struct weir_loop *loop,
                                    const struct weir_addr_target *addr,
                                    const struct weir_listener_opts *opts, weir_listener_fn *fn,
                                    void *arg, struct weir_error *err)
{
    struct weir_listener_opts o = opts ? *opts : (struct weir_listener_opts){0};
    bool is_unix = addr->addr.kind == WEIR_ADDR_UNIX;
    if (o.backlog == 0)
        o.backlog = WEIR_LISTENER_BACKLOG_DEFAULT;
    if (o.socket_mode == 0)
        o.socket_mode = SOCKET_MODE_DEFAULT;
    if (is_unix) {
        enum weir_status status = remove_stale(addr, err);
        if (status != WEIR_OK)
            return status;
    }
    const char *what;
    int fd = bound_socket(addr, &o, &what);
    if (fd < 0)
        return bind_error(err, addr, what);
    enum weir_status status = WEIR_OK;
    if (is_unix && chmod(addr->path, (mode_t)o.socket_mode) != 0)
        status = bind_error(err, addr, "cannot set the mode of the socket");
    if (status == WEIR_OK && listen(fd, o.backlog) != 0)
        status = bind_error(err, addr, "cannot listen");
    if (status == WEIR_OK)
        status = weir_listener_open_fd(l, loop, fd, &o, fn, arg, err);
    if (status != WEIR_OK) {
        (void)close(fd);
        if (is_unix)
            (void)unlink(addr->path);
        return status;
    }
    l->owns_path = is_unix;
    memcpy(l->addr.path, addr->path, sizeof l->addr.path);
    return WEIR_OK;
}

void weir_listener_pause(struct weir_listener *l)
{
    if (l->is_paused)
        return;
    l->is_paused = true;
    watch(l);
}

void weir_listener_resume(struct weir_listener *l)
{
    if (!l->is_paused)
        return;
    l->is_paused = false;
    watch(l);
}

static void closed_one(struct weir_listener *l)
{
    weir_assert(l->n_closing > 0);
    if (--l->n_closing == 0 && l->closed_fn)
        l->closed_fn(l->closed_arg);
}

static void on_poll_closed(uv_handle_t *handle)
{
    closed_one(WEIR_CONTAINER_OF((uv_poll_t *)handle, struct weir_listener, uv));
}

static void on_timer_closed(struct weir_timer *timer WEIR_UNUSED, void *arg)
{
    closed_one(arg);
}

void weir_listener_close(struct weir_listener *l, weir_loop_fn *fn, void *arg)
{
    if (!l->is_open)
        return;
    l->is_open = false;
    l->closed_fn = fn;
    l->closed_arg = arg;
    l->n_closing = 2;
    uv_close((uv_handle_t *)&l->uv, on_poll_closed);
    weir_timer_close(&l->rest, on_timer_closed);
    if (l->owns_path)
        (void)unlink(l->addr.path); /* Somebody may have removed it already. */
    (void)close(l->fd);
    l->fd = -1;
}

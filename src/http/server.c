/* SPDX-License-Identifier: MIT */
/* The server on its loop: listeners in, streams under connections, one coarse timer for all
 * deadlines, one deferral for all answers of an iteration. */
#include "base/clock.h"
#include "base/macros.h"
#include "http/server_priv.h"
#include "http/shared_priv.h"
#include "loop/stream.h"

#include <unistd.h>

/* A deadline may be met this late; so a busy server arms its timer a few times a second at most. */
static const uint64_t SWEEP_NS = 50000000;

/* How often a full server looks whether others have closed connections. */
static const uint64_t ROOM_NS = 50000000;

/* A listener of a server. */
struct weir_http_listening {
    struct weir_http_server *server;
    struct weir_list link;
    struct weir_listener listener;
};

/* A connection on a socket. */
struct peer {
    struct weir_http_conn conn;
    struct weir_stream stream;
    struct weir_list spare_link;
};

static struct peer *peer_of(struct weir_http_conn *conn)
{
    return WEIR_CONTAINER_OF(conn, struct peer, conn);
}

static void set_now(struct weir_http_server *server)
{
    server->now_ns = weir_loop_now_ns(server->loop);
}

/* --- the transport of a connection --------------------------------------------------------------
 */

static ssize_t io_write(struct weir_http_conn *conn, const struct iovec *iov, int n_iov)
{
    return weir_stream_write(&peer_of(conn)->stream, iov, n_iov);
}

static void io_want_write(struct weir_http_conn *conn)
{
    weir_stream_want_write(&peer_of(conn)->stream);
}

static void io_read_start(struct weir_http_conn *conn)
{
    weir_stream_read_start(&peer_of(conn)->stream);
}

static void io_read_stop(struct weir_http_conn *conn)
{
    weir_stream_read_stop(&peer_of(conn)->stream);
}

static void io_shutdown(struct weir_http_conn *conn)
{
    weir_stream_shutdown(&peer_of(conn)->stream);
}

static void io_close(struct weir_http_conn *conn, bool reset)
{
    if (reset)
        weir_stream_reset(&peer_of(conn)->stream);
    else
        weir_stream_close(&peer_of(conn)->stream);
}

static const struct weir_http_transport transport = {
    .write = io_write,
    .want_write = io_want_write,
    .read_start = io_read_start,
    .read_stop = io_read_stop,
    .shutdown = io_shutdown,
    .close = io_close,
};

static struct weir_http_conn *conn_of(struct weir_stream *stream)
{
    return &WEIR_CONTAINER_OF(stream, struct peer, stream)->conn;
}

static void on_read(struct weir_stream *stream, char *bytes, size_t n)
{
    struct weir_http_conn *conn = conn_of(stream);
    set_now(conn->server);
    weir_http_conn_read(conn, bytes, n);
}

static void on_room(struct weir_stream *stream, char **at, size_t *n)
{
    weir_http_conn_room(conn_of(stream), at, n);
}

static void on_eof(struct weir_stream *stream)
{
    struct weir_http_conn *conn = conn_of(stream);
    set_now(conn->server);
    weir_http_conn_eof(conn);
}

static void on_error(struct weir_stream *stream, int error WEIR_UNUSED)
{
    struct weir_http_conn *conn = conn_of(stream);
    set_now(conn->server);
    weir_http_conn_broken(conn);
}

static void on_writable(struct weir_stream *stream)
{
    struct weir_http_conn *conn = conn_of(stream);
    set_now(conn->server);
    weir_http_conn_writable(conn);
}

static void on_closed(struct weir_stream *stream)
{
    weir_http_conn_closed(conn_of(stream));
}

static const struct weir_stream_events stream_events = {
    .room = on_room,
    .read = on_read,
    .eof = on_eof,
    .error = on_error,
    .writable = on_writable,
    .closed = on_closed,
};

/* --- the rim of the server
 * ------------------------------------------------------------------------ */

static void on_deferred(void *arg)
{
    struct weir_http_server *server = arg;
    set_now(server);
    uint64_t n_requests = server->counters.requests;
    weir_http_core_flush(server);
    /* Written answers made room for requests that were held: what they caused is dispatched by the
     * idle hook, which has had its turn in this iteration. */
    if (server->counters.requests != n_requests)
        weir_loop_again(server->loop);
}

static void on_sweep(struct weir_timer *timer WEIR_UNUSED, void *arg)
{
    struct weir_http_server *server = arg;
    weir_http_core_sweep(server, weir_loop_now_ns(server->loop));
}

static void rim_dirty(struct weir_http_server *server)
{
    weir_loop_defer(server->loop, &server->deferred);
}

static void rim_arm(struct weir_http_server *server, uint64_t due_ns)
{
    if (server->is_closing)
        return;
    /* Rounded up, so that many deadlines close together are one wake-up. */
    uint64_t due = due_ns > WEIR_TIME_NEVER - SWEEP_NS
                       ? WEIR_TIME_NEVER
                       : (due_ns + SWEEP_NS - 1) / SWEEP_NS * SWEEP_NS;
    weir_timer_start(&server->sweep_timer, due);
}

static void set_accepting(struct weir_http_server *server)
{
    uint64_t n = atomic_load_explicit(&server->shared->n_conns, memory_order_relaxed);
    bool is_full = (server->opts.conns_are_apart == 0 && n >= server->opts.conns_max) ||
                   server->n_conns == server->conns_cap;
    if (is_full == server->is_full)
        return;
    server->is_full = is_full;
    server->counters.accept_paused += is_full;
    /* The room may be made by another loop, which tells nobody: look again now and then. */
    if (is_full)
        weir_timer_start(&server->room_timer, weir_loop_now_ns(server->loop) + ROOM_NS);
    else
        weir_timer_stop(&server->room_timer);
    WEIR_LIST_FOREACH (link, &server->listenings) {
        struct weir_http_listening *l = WEIR_CONTAINER_OF(link, struct weir_http_listening, link);
        if (is_full)
            weir_listener_pause(&l->listener);
        else
            weir_listener_resume(&l->listener);
    }
}

static void on_room_timer(struct weir_timer *timer, void *arg)
{
    struct weir_http_server *server = arg;
    set_accepting(server);
    if (server->is_full)
        weir_timer_start(timer, weir_loop_now_ns(server->loop) + ROOM_NS);
}

static void finish_close(struct weir_http_server *server)
{
    weir_loop_fn *fn = server->closed_fn;
    void *arg = server->closed_arg;
    weir_assert(weir_list_is_empty(&server->listenings));
    for (struct weir_list *link; (link = weir_list_take(&server->spare_conns));)
        weir_mem_free(server->mem, WEIR_CONTAINER_OF(link, struct peer, spare_link));
    weir_http_core_deinit(server);
    weir_mem_free(server->mem, server);
    if (fn)
        fn(arg);
}

static void closed_one(struct weir_http_server *server)
{
    weir_assert(server->n_closing > 0);
    if (--server->n_closing == 0 && server->is_closing)
        finish_close(server);
}

static bool is_exempt(const struct weir_http_server *server, const struct weir_addr *peer)
{
    return server->opts.local_is_exempt != 0 && weir_addr_is_local(peer);
}

static void rim_release(struct weir_http_server *server, struct weir_http_conn *conn)
{
    struct peer *peer = peer_of(conn);
    if (conn->is_limited)
        (void)atomic_fetch_sub_explicit(&server->shared->n_conns, 1, memory_order_relaxed);
    if (conn->is_counted)
        weir_http_shared_address_remove(server->shared, &conn->peer);
    if (server->n_spare_conns < WEIR_HTTP_SPARE_CONNS_MAX) {
        peer->spare_link = (struct weir_list){NULL, NULL};
        weir_list_push_front(&server->spare_conns, &peer->spare_link);
        server->n_spare_conns++;
    } else {
        weir_mem_free(server->mem, peer);
    }
    if (server->is_closing)
        closed_one(server);
    else
        set_accepting(server);
}

static const struct weir_http_rim rim = {
    .dirty = rim_dirty,
    .arm = rim_arm,
    .release = rim_release,
};

/* --- connections
 * ------------------------------------------------------------------------------------ */

static struct peer *acquire_peer(struct weir_http_server *server)
{
    struct weir_list *link = weir_list_take(&server->spare_conns);
    if (!link)
        return weir_mem_alloc(server->mem, sizeof(struct peer));
    server->n_spare_conns--;
    return WEIR_CONTAINER_OF(link, struct peer, spare_link);
}

void weir_http_server_adopt(struct weir_http_server *server, int fd, const struct weir_addr *addr)
{
    weir_loop_assert_thread(server->loop);
    set_now(server);
    /* A full table is met here by connections from the backlog of a drain, or of another loop. */
    bool has_room = !server->is_closing && server->n_conns < server->conns_cap;
    struct peer *peer = has_room ? acquire_peer(server) : NULL;
    if (!peer || weir_stream_open_fd(&peer->stream, server->loop, fd, &stream_events) != WEIR_OK) {
        server->counters.conns_failed++;
        weir_mem_free(server->mem, peer);
        (void)close(fd);
        return;
    }
    struct weir_http_conn *conn = &peer->conn;
    enum weir_status status = weir_http_conn_init(conn, server, &transport, addr);
    weir_assert(status == WEIR_OK); /* There was room. */
    bool is_refused = false;
    if (!is_exempt(server, addr)) {
        conn->is_limited = server->opts.conns_are_apart == 0;
        if (conn->is_limited)
            (void)atomic_fetch_add_explicit(&server->shared->n_conns, 1, memory_order_relaxed);
        conn->is_counted =
            addr->kind != WEIR_ADDR_UNIX &&
            weir_http_shared_address_add(server->shared, addr, server->opts.conns_per_address_max);
        is_refused = addr->kind != WEIR_ADDR_UNIX && !conn->is_counted;
    }
    set_accepting(server);
    if (is_refused)
        weir_http_conn_refuse(conn, WEIR_HTTP_REFUSAL_ADDRESS);
    else
        weir_http_conn_start(conn);
}

static void on_accept(void *arg, int fd, const struct weir_addr *peer)
{
    struct weir_http_listening *l = arg;
    weir_http_server_adopt(l->server, fd, peer);
}

/* --- life
 * ------------------------------------------------------------------------------------------- */

enum weir_status weir_http_server_new(struct weir_http_server **out, struct weir_loop *loop,
                                      const struct weir_http_options *opts,
                                      const struct weir_http_router *router,
                                      const struct weir_http_handlers *handlers, void *ctx,
                                      struct weir_http_shared *shared, struct weir_mem *mem)
{
    weir_loop_assert_thread(loop);
    weir_assert(shared->addresses);
    struct weir_http_server *server = weir_mem_alloc(mem, sizeof *server);
    if (!server)
        return WEIR_ERR_NO_MEMORY;
    enum weir_status status =
        weir_http_core_init(server, opts, router, handlers, ctx, shared, &rim, mem);
    if (status == WEIR_OK) {
        server->loop = loop;
        server->deferred.fn = on_deferred;
        server->deferred.arg = server;
        set_now(server);
        status = weir_timer_init(&server->sweep_timer, loop, WEIR_TIMER_COARSE, on_sweep, server);
        weir_assert(status == WEIR_OK); /* Coarse timers need nothing. */
        status =
            weir_timer_init(&server->room_timer, loop, WEIR_TIMER_COARSE, on_room_timer, server);
        weir_assert(status == WEIR_OK);
    }
    if (status != WEIR_OK) {
        weir_mem_free(mem, server);
        return status;
    }
    *out = server;
    return WEIR_OK;
}

enum weir_status weir_http_server_listen(struct weir_http_server *server,
                                         const struct weir_addr_target *addr,
                                         const struct weir_listener_opts *opts,
                                         struct weir_addr_target *bound, struct weir_error *err)
{
    struct weir_listener_opts o = opts ? *opts : (struct weir_listener_opts){0};
    if (o.accepts_per_tick_max == 0)
        o.accepts_per_tick_max = (uint32_t)server->opts.accepts_per_tick_max;
    struct weir_http_listening *l = weir_mem_zalloc(server->mem, sizeof *l);
    if (!l)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "listener: out of memory");
    l->server = server;
    enum weir_status status =
        weir_listener_open(&l->listener, server->loop, addr, &o, on_accept, l, err);
    if (status != WEIR_OK) {
        weir_mem_free(server->mem, l);
        return status;
    }
    if (server->is_full)
        weir_listener_pause(&l->listener);
    weir_list_push(&server->listenings, &l->link);
    if (bound)
        *bound = l->listener.addr;
    return WEIR_OK;
}

void weir_http_server_drain(struct weir_http_server *server)
{
    weir_loop_assert_thread(server->loop);
    set_now(server);
    server->is_draining = true;
    for (uint32_t i = 0; i < server->conns_cap; i++)
        if (server->conns[i])
            weir_http_conn_close_if_idle(server->conns[i]);
}

static void on_listener_closed(void *arg)
{
    struct weir_http_listening *l = arg;
    struct weir_http_server *server = l->server;
    weir_mem_free(server->mem, l);
    closed_one(server);
}

static void close_listeners(struct weir_http_server *server)
{
    for (struct weir_list *link; (link = weir_list_take(&server->listenings));) {
        struct weir_http_listening *l = WEIR_CONTAINER_OF(link, struct weir_http_listening, link);
        server->n_closing++;
        weir_listener_close(&l->listener, on_listener_closed, l);
    }
}

void weir_http_server_stop_listening(struct weir_http_server *server)
{
    weir_loop_assert_thread(server->loop);
    WEIR_LIST_FOREACH (link, &server->listenings) {
        struct weir_http_listening *l = WEIR_CONTAINER_OF(link, struct weir_http_listening, link);
        (void)weir_listener_empty_backlog(&l->listener); /* They are counted as accepted. */
    }
    close_listeners(server);
}

static void on_timer_closed(struct weir_timer *timer WEIR_UNUSED, void *arg)
{
    closed_one(arg);
}

void weir_http_server_close(struct weir_http_server *server, weir_loop_fn *closed, void *arg)
{
    if (!server)
        return;
    weir_loop_assert_thread(server->loop);
    weir_assert(!server->is_closing);
    set_now(server);
    server->is_closing = true;
    server->closed_fn = closed;
    server->closed_arg = arg;
    weir_loop_defer_cancel(&server->deferred);
    server->n_closing += server->n_conns + 2;
    close_listeners(server);
    for (uint32_t i = 0; i < server->conns_cap; i++)
        if (server->conns[i])
            weir_http_conn_abort(server->conns[i], server->conns[i]->n_reqs > 0);
    weir_timer_close(&server->sweep_timer, on_timer_closed);
    weir_timer_close(&server->room_timer, on_timer_closed);
}

uint32_t weir_http_server_n_conns(const struct weir_http_server *server)
{
    return server->n_conns;
}

const struct weir_http_counters *weir_http_server_counters(const struct weir_http_server *server)
{
    return &server->counters;
}

void weir_http_server_set_options(struct weir_http_server *server,
                                  const struct weir_http_options *opts)
{
    weir_assert(server);
    weir_assert(opts);
    weir_loop_assert_thread(server->loop);
    set_now(server);
    weir_http_core_set_options(server, opts);
    WEIR_LIST_FOREACH (link, &server->listenings) {
        struct weir_http_listening *l = WEIR_CONTAINER_OF(link, struct weir_http_listening, link);
        l->listener.opts.accepts_per_tick_max = (uint32_t)server->opts.accepts_per_tick_max;
    }
}

/* SPDX-License-Identifier: MIT */
/* A shard is made on the keeper's thread, run on its own, and told everything else by messages. It
 * ends in three steps: the keeper says STOP, everything on the loop is closed, and the last close
 * callback stops the loop. */
#include "base/log.h"
#include "base/macros.h"
#include "server/dispatch.h"
#include "server/grpc_stream.h"
#include "server/keeper.h"
#include "server/live.h"
#include "server/order.h"
#include "server/pages.h"
#include "server/predict.h"
#include "server/shadow.h"
#include "server/shard_priv.h"

#include <stdio.h>
#include <unistd.h>

enum { TICK_NS = 100 * 1000 * 1000 };

/* --- HTTP --- */

static const struct weir_server_route *route_of(const struct weir_server_shard *shard,
                                                const struct weir_http_req *req)
{
    return &shard->routes->rows[weir_http_req_match(req)->route->id];
}

static enum weir_http_verdict on_head(void *ctx, struct weir_http_req *req)
{
    struct weir_server_shard *shard = ctx;
    const struct weir_server_route *route = route_of(shard, req);
    if (route->ops && weir_server_grpc_is(route->ops))
        return weir_server_grpc_head(shard, req, route);
    return route->route->act == WEIR_PROTOCOL_PREDICT ? weir_server_predict_head(shard, req, route)
                                                      : weir_server_pages_head(shard, req, route);
}

static void on_body(void *ctx, struct weir_http_req *req)
{
    struct weir_server_shard *shard = ctx;
    const struct weir_server_route *route = route_of(shard, req);
    if (route->ops && weir_server_grpc_is(route->ops))
        weir_server_grpc_body(shard, req, route);
    else if (route->route->act == WEIR_PROTOCOL_PREDICT)
        weir_server_predict_body(shard, req, route);
    else
        weir_server_pages_answer(shard, req, route);
}

static void on_gone(void *ctx, struct weir_http_ticket ticket, void *user)
{
    (void)ticket; /* The stream or the slice is all that is needed. */
    if (weir_server_grpc_stream_is(user))
        weir_server_grpc_stream_gone(ctx, user);
    else
        weir_server_dispatch_gone(ctx, user);
}

static size_t on_part(void *ctx, struct weir_http_req *req, struct weir_str bytes, bool is_last)
{
    struct weir_server_shard *shard = ctx;
    return weir_server_grpc_stream_part(shard, req, route_of(shard, req), bytes, is_last);
}

static void on_room(void *ctx, struct weir_http_ticket ticket, void *user)
{
    (void)ticket;
    if (weir_server_grpc_stream_is(user))
        weir_server_grpc_stream_room(ctx, user);
}

/* Lets the dialect that a path belongs to say that there is no such route. */
static void on_refusal(void *ctx, struct weir_http_req *req, struct weir_str text,
                       struct weir_http_reply *reply, struct weir_buf *room)
{
    (void)ctx; /* Which dialects there are is known without it. */
    struct weir_str method = weir_str_c(weir_http_method_name(weir_http_req_method(req)));
    if (weir_server_grpc_refusal(req, text, reply, room) ||
        (reply->status != 404 && reply->status != 405))
        return;
    for (size_t d = 0; d < WEIR_PROTOCOL_N; d++) {
        const struct weir_protocol_ops *ops = weir_protocol_ops_of((enum weir_protocol_dialect)d);
        int status = ops->refuse
                         ? ops->refuse(method, weir_http_req_path(req), reply->status, text, room)
                         : 0;
        if (status == 0)
            continue;
        reply->status = status;
        if (status != 405)
            reply->fields = WEIR_STR("");
        reply->body = weir_buf_str(room);
        return;
    }
}

static void on_done(void *ctx, const struct weir_http_done *done)
{
    struct weir_server_shard *shard = ctx;
    if (!shard->loop.config->access_log)
        return;
    char peer[WEIR_ADDR_TEXT_BYTES];
    uint64_t now_ns = weir_loop_update_now(&shard->loop.loop);
    weir_log_info(
        "request", WEIR_LOG_C("method", weir_http_method_name(done->method)),
        WEIR_LOG_S("target", done->target), WEIR_LOG_I("status", done->status),
        WEIR_LOG_C("peer", weir_addr_text(done->peer, NULL, peer)),
        WEIR_LOG_U("bytes_in", done->bytes_in), WEIR_LOG_U("bytes_out", done->bytes_out),
        WEIR_LOG_D("ms", done->begun_ns > 0 ? (double)(now_ns - done->begun_ns) / 1e6 : 0.0),
        WEIR_LOG_C("lost", done->is_lost ? "true" : "false"));
}

static const struct weir_http_handlers handlers = {
    .head = on_head,
    .body = on_body,
    .part = on_part,
    .room = on_room,
    .gone = on_gone,
    .refusal = on_refusal,
    .done = on_done,
};

/* --- life --- */

static void on_closed_part(void *arg)
{
    struct weir_server_shard *shard = arg;
    weir_assert(shard->loop.n_open > 0);
    if (--shard->loop.n_open == 0)
        weir_loop_stop(&shard->loop.loop);
}

static void on_closed_timer(struct weir_timer *timer, void *arg)
{
    (void)timer;
    on_closed_part(arg);
}

void weir_server_shard_close(struct weir_server_shard *shard)
{
    if (shard->loop.is_closing)
        return;
    shard->loop.is_closing = true;
    /* The pool has ended, so all jobs are back; the wake-up for the last may still be under way. */
    (void)weir_pool_home_drain(&shard->home);
    for (uint32_t i = 0; i < shard->loop.n_unix_listeners; i++)
        weir_listener_close(&shard->loop.unix_listeners[i], on_closed_part, shard);
    weir_http_server_close(shard->loop.http, on_closed_part, shard);
    weir_timer_close(&shard->loop.coarse, on_closed_timer);
    weir_timer_close(&shard->loop.precise, on_closed_timer);
    weir_timer_close(&shard->loop.tick, on_closed_timer);
    weir_wake_close(&shard->home_wake, on_closed_part);
    weir_wake_close(&shard->inbox.wake, on_closed_part);
}

static void drain(struct weir_server_shard *shard)
{
    shard->loop.is_draining = true;
    for (uint32_t i = 0; i < shard->loop.n_unix_listeners; i++) {
        (void)weir_listener_empty_backlog(&shard->loop.unix_listeners[i]);
        weir_listener_close(&shard->loop.unix_listeners[i], on_closed_part, shard);
    }
    weir_http_server_stop_listening(shard->loop.http);
    weir_http_server_drain(shard->loop.http);
}

static void adopt_fd(struct weir_server_shard *shard, int fd)
{
    struct weir_addr peer = {.kind = WEIR_ADDR_UNIX};
    weir_http_server_adopt(shard->loop.http, fd, &peer);
}

void weir_server_shard_receive(struct weir_server_shard *shard, struct weir_server_message message)
{
    switch (message.kind) {
    case WEIR_SERVER_TABLE:
        weir_server_shard_adopt_table(shard, message.ptr);
        break;
    case WEIR_SERVER_CONFIG:
        weir_server_shard_adopt_config(shard, message.ptr);
        weir_server_shard_send_keeper(shard, WEIR_SERVER_CONFIG_ADOPTED, message.ptr);
        break;
    case WEIR_SERVER_NOT_READY:
        shard->loop.is_ready_off = true;
        break;
    case WEIR_SERVER_DRAIN:
        drain(shard);
        break;
    case WEIR_SERVER_STOP:
        weir_server_shard_close(shard);
        break;
    case WEIR_SERVER_ADOPT_FD:
        adopt_fd(shard, (int)message.number);
        break;
    case WEIR_SERVER_ORDER_DONE:
        weir_server_order_finish(message.taken);
        break;
    case WEIR_SERVER_LIVE:
        weir_server_live_receive(shard, message.taken);
        break;
    case WEIR_SERVER_LIVE_DONE:
        weir_server_live_finish(shard, message.taken);
        break;
    case WEIR_SERVER_ORDER:
    case WEIR_SERVER_TABLE_ADOPTED:
    case WEIR_SERVER_CONFIG_ADOPTED:
    case WEIR_SERVER_VERSION_RELEASED:
    case WEIR_SERVER_DRAINED:
    case WEIR_SERVER_STOPPED:
        weir_server_keeper_receive(shard->shared->keeper, message);
        break;
    }
}

static void on_inbox(void *arg)
{
    struct weir_server_shard *shard = arg;
    struct weir_server_message message;
    while (weir_server_inbox_take(&shard->inbox, &message))
        weir_server_shard_receive(shard, message);
}

static void on_home(void *arg)
{
    struct weir_server_shard *shard = arg;
    (void)weir_pool_home_drain(&shard->home); /* Each job's done function is called. */
}

static void wake_home(void *ctx)
{
    weir_wake_send(ctx);
}

static void on_timer(struct weir_timer *timer, void *arg)
{
    (void)timer; /* Coming round is all it is for: the idle hook dispatches. */
    (void)arg;
}

static void on_tick(struct weir_timer *timer, void *arg)
{
    struct weir_server_shard *shard = arg;
    weir_metric_histogram_add(shard->loop.cells.lag, timer->late_ns);
    weir_timer_start(timer, weir_loop_now_ns(&shard->loop.loop) + TICK_NS);
    shard->loop.live.now_ns = weir_clock_wall_ns();
    if (shard->is_keeper)
        weir_server_keeper_tick(shard->shared->keeper);
    weir_server_grpc_stream_tick(shard);
    if (shard->loop.is_draining && !shard->loop.is_drained &&
        weir_http_server_n_conns(shard->loop.http) == 0) {
        shard->loop.is_drained = true;
        weir_server_shard_send_keeper(shard, WEIR_SERVER_DRAINED, NULL);
    }
}

static void on_idle(void *arg)
{
    struct weir_server_shard *shard = arg;
    if (shard->loop.is_closing)
        return;
    if (!weir_list_is_empty(&shard->loop.streams_due))
        weir_server_grpc_stream_run(shard);
    weir_server_dispatch_all(shard);
    if (!weir_list_is_empty(&shard->loop.streams_due))
        weir_loop_again(&shard->loop.loop);
    struct weir_server_loop_cells *cells = &shard->loop.cells;
    const struct weir_batcher_counters *c = weir_batcher_counters(shard->loop.batcher);
    struct weir_batcher_load load = weir_batcher_load(shard->loop.batcher, NULL);
    weir_server_metrics_copy_http(cells, weir_http_server_counters(shard->loop.http));
    weir_metric_gauge_set(cells->connections, weir_http_server_n_conns(shard->loop.http));
    weir_metric_gauge_set(cells->queue_requests, load.n_requests);
    weir_metric_gauge_set(cells->queue_rows, load.n_rows);
    weir_metric_counter_set(cells->expired, c->n_expired);
    weir_metric_counter_set(cells->overdue, c->n_overdue);
    weir_metric_counter_set(cells->canceled, c->n_canceled);
    weir_metric_counter_set(cells->late, c->n_late);
    weir_metric_counter_set(cells->abandoned, c->n_abandoned);
    weir_metric_histogram_add(cells->iteration, shard->loop.loop.stats.iteration_ns);
}

static enum weir_status init_parts(struct weir_server_shard *shard, struct weir_error *err)
{
    struct weir_server_shared *shared = shard->shared;
    const struct weir_config *config = shard->loop.config;
    struct weir_loop *loop = &shard->loop.loop;
    struct weir_protocol_limits protocol_limits = weir_server_shard_protocol_limits(config);
    struct weir_http_options options =
        weir_server_shard_http_options(shared, shard->is_keeper, config);
    struct weir_batcher_opts batching = {
        .n_workers = weir_pool_n_workers(shared->pool),
        .slice_user_bytes = sizeof(struct weir_server_call),
        .batch_user_bytes = sizeof(struct weir_server_job),
        .batch_user_deinit = weir_server_runner_job_deinit,
    };
    shard->routes = shard->is_keeper ? shared->admin_routes : shared->routes;
    weir_protocol_decoder_init(&shard->loop.decoder, &protocol_limits, shared->mem);
    weir_server_runner_init(&shard->loop.runner, &protocol_limits, shared->mem);
    enum weir_status status = weir_batcher_new(&shard->loop.batcher, &batching, shared->mem);
    if (status != WEIR_OK)
        return weir_error_set(err, status, "no memory for a batcher");
    status = weir_http_server_new(&shard->loop.http, loop, &options, &shard->routes->router,
                                  &handlers, shard, shared->http, shared->mem);
    if (status != WEIR_OK)
        return weir_error_set(err, status, "no memory for an HTTP server");
    if (weir_timer_init(&shard->loop.coarse, loop, WEIR_TIMER_COARSE, on_timer, shard) != WEIR_OK ||
        weir_timer_init(&shard->loop.precise, loop, WEIR_TIMER_PRECISE, on_timer, shard) !=
            WEIR_OK ||
        weir_timer_init(&shard->loop.tick, loop, WEIR_TIMER_COARSE, on_tick, shard) != WEIR_OK ||
        weir_wake_init(&shard->home_wake, loop, on_home, shard) != WEIR_OK ||
        weir_server_inbox_init(&shard->inbox, loop, on_inbox, shard) != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_IO, "no descriptor for a loop's timers");
    status = weir_pool_add_home(shared->pool, &shard->home, wake_home, &shard->home_wake);
    if (status != WEIR_OK)
        return weir_error_set(err, status, "too many loops");
    shard->loop.n_open = 6; /* http, three timers, two wakes */
    return WEIR_OK;
}

enum weir_status weir_server_shard_new(struct weir_server_shard **out,
                                       struct weir_server_shared *shared, uint32_t index,
                                       bool is_keeper, const struct weir_config *config,
                                       struct weir_error *err)
{
    struct weir_server_shard *shard = weir_mem_zalloc(shared->mem, sizeof *shard);
    if (!shard)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for a loop");
    shard->shared = shared;
    shard->index = index;
    shard->is_keeper = is_keeper;
    shard->loop.config = config;
    weir_list_init(&shard->loop.versions);
    weir_list_init(&shard->loop.streams);
    weir_list_init(&shard->loop.streams_due);
    weir_list_init(&shard->loop.shadows);
    weir_list_init(&shard->loop.live.models);
    weir_list_init(&shard->loop.live.tasks);
    weir_list_init(&shard->loop.live.told);
    shard->loop.live.now_ns = weir_clock_wall_ns();
    enum weir_status status = weir_loop_init(&shard->loop.loop, shared->mem, err);
    if (status != WEIR_OK) {
        weir_mem_free(shared->mem, shard);
        return status;
    }
    weir_server_metrics_loop_cells(&shard->loop.cells, shared->metrics, index);
    status = init_parts(shard, err);
    if (status != WEIR_OK) { /* Only at the start, where the process ends with the message: the
                                parts go with it. */
        return status;
    }
    weir_timer_start(&shard->loop.tick, weir_loop_now_ns(&shard->loop.loop) + TICK_NS);
    weir_loop_set_idle_hook(&shard->loop.loop, on_idle, shard);
    *out = shard;
    return WEIR_OK;
}

void weir_server_shard_free(struct weir_server_shard *shard)
{
    if (!shard)
        return;
    struct weir_mem *mem = shard->shared->mem;
    weir_server_grpc_stream_free_all(shard);
    weir_batcher_free(shard->loop.batcher);
    weir_loop_deinit(&shard->loop.loop);
    weir_protocol_decoder_deinit(&shard->loop.decoder);
    weir_server_runner_deinit(&shard->loop.runner);
    weir_buf_deinit(&shard->loop.unpacked);
    weir_server_inbox_deinit(&shard->inbox);
    weir_server_shadow_deinit(shard);
    weir_server_live_deinit(shard);
    struct weir_list *link;
    while ((link = weir_list_take(&shard->loop.versions)) != NULL)
        weir_mem_free(mem, WEIR_CONTAINER_OF(link, struct weir_server_shard_version, link));
    weir_mem_free(mem, shard->loop.by_model);
    weir_mem_free(mem, shard->loop.unix_listeners);
    weir_mem_free(mem, shard);
}

/* SO_REUSEPORT does nothing on Unix sockets: the first loop accepts, and hands connections to all
 * loops in turn. */
static void on_unix_connection(void *arg, int fd, const struct weir_addr *peer)
{
    struct weir_server_shard *shard = arg;
    uint32_t n_loops = shard->shared->n_shards - 1;
    uint32_t to = shard->loop.next_shard++ % n_loops;
    (void)peer; /* Unix peers have no address. */
    struct weir_server_message message = {
        .kind = WEIR_SERVER_ADOPT_FD, .from = shard->index, .number = fd};
    if (to == shard->index ||
        !weir_server_inbox_try_push(&shard->shared->shards[to]->inbox, message))
        adopt_fd(shard, fd);
}

enum weir_status weir_server_shard_listen(struct weir_server_shard *shard,
                                          const struct weir_addr_target *addr,
                                          struct weir_addr_target *bound, struct weir_error *err)
{
    uint32_t n_loops = shard->shared->n_shards - 1;
    struct weir_listener_opts opts = {
        .reuse_port = !shard->is_keeper && n_loops > 1 && addr->addr.kind != WEIR_ADDR_UNIX,
        .accepts_per_tick_max = (uint32_t)shard->loop.config->accepts_per_tick_max,
    };
    if (addr->addr.kind != WEIR_ADDR_UNIX || shard->is_keeper || n_loops == 1)
        return weir_http_server_listen(shard->loop.http, addr, &opts, bound, err);
    if (!shard->loop.unix_listeners)
        shard->loop.unix_listeners = weir_mem_zarray(shard->shared->mem, WEIR_SERVER_LISTENERS_MAX,
                                                     sizeof *shard->loop.unix_listeners);
    if (!shard->loop.unix_listeners || shard->loop.n_unix_listeners == WEIR_SERVER_LISTENERS_MAX)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for a listener");
    struct weir_listener *l = &shard->loop.unix_listeners[shard->loop.n_unix_listeners];
    enum weir_status status =
        weir_listener_open(l, &shard->loop.loop, addr, &opts, on_unix_connection, shard, err);
    if (status != WEIR_OK)
        return status;
    shard->loop.n_unix_listeners++;
    shard->loop.n_open++;
    *bound = l->addr;
    return WEIR_OK;
}

void weir_server_shard_run(struct weir_server_shard *shard)
{
    weir_loop_run(&shard->loop.loop);
    if (!shard->is_keeper)
        weir_server_shard_send_keeper(shard, WEIR_SERVER_STOPPED, NULL);
}

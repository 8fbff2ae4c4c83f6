/* SPDX-License-Identifier: MIT */
/* The main thread's life:
 *
 *     start ─▶ SERVING ── SIGTERM ─▶ LEAVING ── drain_delay ─▶ DRAINING ── drained, or
 * drain_timeout ─▶ STOPPING ─▶ ENDED └────── SIGINT ────────────────────────────────▲
 *
 * A second SIGTERM or SIGINT ends the process at once. Everything is made before the first other
 * thread is started, so that an error at the start is a message and an exit, and freed after the
 * last one was joined. */
#include "base/log.h"
#include "base/macros.h"
#include "server/gate.h"
#include "server/keeper_priv.h"
#include "server/live.h"
#include "server/machine.h"
#include "server/order.h"
#include "server/routes.h"

#include <signal.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX_DEFAULT = 4096,
    DESCRIPTORS_SPARE_MAX = 256,         /* for files, event queues, the admin listener */
    LOOPS_MAX = WEIR_POOL_HOMES_MAX - 1, /* the keeper gives work to the pool too */
    POOL_STOP_NS = 1000 * 1000 * 1000,
    TWIN_SIGNAL_NS = 100 * 1000 * 1000, /* `timeout` signals a process and its group: that is one */
    EXIT_FORCED = 1,
};

#define REQUEST_MEMORY_MAX_DEFAULT (UINT64_C(1) << 30)

static const char *const phase_names[] = {"serving", "leaving", "draining", "stopping", "ended"};

static void move(struct weir_server_keeper *keeper, enum weir_server_phase phase)
{
    weir_assert(phase > keeper->phase);
    weir_log_debug("phase", WEIR_LOG_C("from", phase_names[keeper->phase]),
                   WEIR_LOG_C("to", phase_names[phase]));
    keeper->phase = phase;
}

static void tell_all(struct weir_server_keeper *keeper, enum weir_server_message_kind kind,
                     const void *ptr)
{
    struct weir_server_message message = {.kind = kind, .from = keeper->shard->index, .ptr = ptr};
    for (uint32_t i = 0; i < keeper->shared.n_shards; i++)
        weir_server_inbox_push(&keeper->shared.shards[i]->inbox, message);
}

/* --- tables and versions --- */

/* Notes something that all shards will answer for. Like a shard that cannot hold a table, a keeper
 * that cannot hold these few bytes has no way to refuse it. */
static void await(struct weir_server_keeper *keeper, struct weir_server_pendings *p,
                  const void *what)
{
    if (p->n == p->cap) {
        size_t cap = p->cap > 0 ? p->cap * 2 : 64;
        struct weir_server_pending *at =
            weir_mem_resize(keeper->shared.mem, p->at, cap, sizeof *p->at);
        weir_assert(at);
        p->at = at;
        p->cap = cap;
    }
    p->at[p->n++] = (struct weir_server_pending){.what = what};
}

/* Counts one more answer for something; true: every shard has answered now, and it is forgotten. */
static bool answered(const struct weir_server_keeper *keeper, struct weir_server_pendings *p,
                     const void *what)
{
    size_t i = 0;
    while (i < p->n && p->at[i].what != what)
        i++;
    weir_assert(i < p->n);
    if (++p->at[i].n_answers < keeper->shared.n_shards)
        return false;
    p->at[i] = p->at[--p->n];
    return true;
}

static void on_publish(void *ctx, const struct weir_table *table)
{
    struct weir_server_keeper *keeper = ctx;
    await(keeper, &keeper->tables, table);
    for (size_t i = 0; i < table->n_retired; i++)
        await(keeper, &keeper->versions, table->retired[i]);
    tell_all(keeper, WEIR_SERVER_TABLE, table);
    weir_server_keeper_announce(keeper, table);
    if (table == weir_repo_table(keeper->repo))
        weir_server_order_check(keeper);
}

static bool is_same_number(const struct weir_version *a, const struct weir_version *b)
{
    return a->number == b->number && weir_str_eq(a->name, b->name);
}

/* The series of a version go when its last loop let go of it, unless the same number serves again,
 * or did and some loop still counts for it. */
static void forget_series(struct weir_server_keeper *keeper, const struct weir_version *version)
{
    const struct weir_table *table = weir_repo_table(keeper->repo);
    const struct weir_repo_entry *entry = weir_repo_table_find(table, version->name);
    for (size_t i = 0; entry && i < entry->n_versions; i++) {
        if (is_same_number(entry->versions[i], version))
            return;
    }
    for (size_t i = 0; i < keeper->versions.n; i++) {
        if (is_same_number(keeper->versions.at[i].what, version))
            return;
    }
    (void)weir_metric_registry_remove(keeper->shared.metrics, "model", version->name, "version",
                                      version->number_text);
}

/* --- the end --- */

static void stop_loops(struct weir_server_keeper *keeper)
{
    move(keeper, WEIR_SERVER_STOPPING);
    weir_timer_stop(&keeper->end);
    weir_server_order_cancel_all(keeper);
    if (weir_pool_stop(keeper->shared.pool, false, POOL_STOP_NS) != WEIR_OK) {
        weir_log_error("a worker is stuck, ending without it", WEIR_LOG_U("exit", EXIT_FORCED));
        weir_log_stop();
        _exit(EXIT_FORCED);
    }
    struct weir_server_message message = {.kind = WEIR_SERVER_STOP, .from = keeper->shard->index};
    for (uint32_t i = 0; i + 1 < keeper->shared.n_shards; i++)
        weir_server_inbox_push(&keeper->shared.shards[i]->inbox, message);
}

static void on_all_stopped(struct weir_server_keeper *keeper)
{
    for (uint32_t i = 0; i < keeper->n_started; i++)
        weir_assert(pthread_join(keeper->threads[i], NULL) == 0);
    keeper->n_started = 0;
    weir_repo_stop(keeper->repo);
}

static void on_repo_stopped(void *ctx)
{
    struct weir_server_keeper *keeper = ctx;
    move(keeper, WEIR_SERVER_ENDED);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(keeper->signals); i++)
        weir_signal_close(&keeper->signals[i]);
    weir_timer_close(&keeper->end, NULL);
    weir_server_shard_close(keeper->shard);
}

static void start_draining(struct weir_server_keeper *keeper)
{
    move(keeper, WEIR_SERVER_DRAINING);
    weir_log_info("draining", WEIR_LOG_C("listeners", "closed"));
    tell_all(keeper, WEIR_SERVER_DRAIN, NULL);
    weir_timer_start(&keeper->end, keeper->drain_deadline_ns);
}

static void on_end_timer(struct weir_timer *timer, void *arg)
{
    struct weir_server_keeper *keeper = arg;
    (void)timer;
    if (keeper->phase == WEIR_SERVER_LEAVING) {
        start_draining(keeper);
    } else if (keeper->phase == WEIR_SERVER_DRAINING) {
        weir_log_warn("drain timeout, ending with work in flight",
                      WEIR_LOG_U("loops_drained", keeper->n_drained));
        stop_loops(keeper);
    }
}

static void leave(struct weir_server_keeper *keeper, int number)
{
    uint64_t now_ns = weir_loop_update_now(&keeper->shard->loop.loop);
    uint64_t delay_ns = number == SIGTERM ? keeper->config->drain_delay_ns : 0;
    keeper->left_ns = now_ns;
    keeper->drain_deadline_ns = weir_clock_add(now_ns, keeper->config->drain_timeout_ns);
    if (delay_ns > keeper->config->drain_timeout_ns)
        delay_ns = keeper->config->drain_timeout_ns;
    weir_log_info("leaving", WEIR_LOG_C("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"),
                  WEIR_LOG_D("accepting_s", (double)delay_ns / 1e9));
    move(keeper, WEIR_SERVER_LEAVING);
    tell_all(keeper, WEIR_SERVER_NOT_READY, NULL);
    if (delay_ns > 0)
        weir_timer_start(&keeper->end, now_ns + delay_ns);
    else
        start_draining(keeper);
}

/* --- configuration --- */

static void apply_log_options(const struct weir_config *config)
{
    weir_log_set_level((enum weir_log_level)config->log_level);
    weir_log_set_format((enum weir_log_format)config->log_format);
}

static void log_changes(const struct weir_config *config, const struct weir_config_changes *changes)
{
    for (size_t i = 0; i < WEIR_CONFIG_OPTION_N; i++) {
        struct weir_buf value = WEIR_BUF_INIT;
        if (changes->is_changed[i]) {
            weir_config_help_value(config, (enum weir_config_option)i, &value);
            weir_log_info("option changed",
                          WEIR_LOG_C("option", weir_config_name((enum weir_config_option)i)),
                          WEIR_LOG_S("value", weir_buf_str(&value)));
        } else if (changes->needs_restart[i]) {
            weir_log_warn("option needs a restart, the old value stays",
                          WEIR_LOG_C("option", weir_config_name((enum weir_config_option)i)));
        }
        weir_buf_deinit(&value);
    }
}

static void reload(struct weir_server_keeper *keeper)
{
    if (keeper->old_config) { /* A loop has not adopted the last one yet. */
        keeper->must_reload_again = true;
        return;
    }
    struct weir_config *config = NULL;
    struct weir_config_changes changes;
    struct weir_error err = WEIR_ERROR_INIT;
    if (weir_config_reload(&config, keeper->config, keeper->sources, &changes, &err) != WEIR_OK) {
        weir_log_error("configuration refused, the old one stays", WEIR_LOG_C("reason", err.msg));
        return;
    }
    log_changes(config, &changes);
    weir_log_info("configuration reloaded", WEIR_LOG_U("changed", changes.n_changed),
                  WEIR_LOG_U("need_restart", changes.n_restart));
    keeper->old_config = keeper->config;
    keeper->config = config;
    keeper->n_config_answers = 0;
    apply_log_options(config);
    tell_all(keeper, WEIR_SERVER_CONFIG, config);
    weir_repo_reconfigure(keeper->repo, config);
}

static void on_signal(void *arg, int number)
{
    struct weir_server_keeper *keeper = arg;
    if (number == SIGHUP) {
        if (keeper->phase == WEIR_SERVER_SERVING)
            reload(keeper);
    } else if (keeper->phase == WEIR_SERVER_SERVING) {
        leave(keeper, number);
    } else if (weir_loop_update_now(&keeper->shard->loop.loop) - keeper->left_ns < TWIN_SIGNAL_NS) {
        weir_log_debug("signal came twice", WEIR_LOG_I("signal", number));
    } else {
        weir_log_warn("second signal, ending at once", WEIR_LOG_U("exit", EXIT_FORCED));
        weir_log_stop();
        _exit(EXIT_FORCED);
    }
}

void weir_server_keeper_tick(struct weir_server_keeper *keeper)
{
    if (keeper->phase < WEIR_SERVER_STOPPING && keeper->repo)
        weir_server_order_check(keeper);
    if (keeper->phase == WEIR_SERVER_SERVING)
        weir_server_live_tick(keeper->shard, weir_loop_now_ns(&keeper->shard->loop.loop));
}

void weir_server_keeper_receive(struct weir_server_keeper *keeper,
                                struct weir_server_message message)
{
    switch (message.kind) {
    case WEIR_SERVER_TABLE_ADOPTED:
        if (answered(keeper, &keeper->tables, message.ptr)) {
            keeper->serial_adopted = ((const struct weir_table *)message.ptr)->serial;
            weir_repo_table_adopted(keeper->repo, message.ptr);
            weir_server_order_check(keeper);
        }
        break;
    case WEIR_SERVER_VERSION_RELEASED:
        if (answered(keeper, &keeper->versions, message.ptr)) {
            forget_series(keeper, message.ptr);
            weir_server_statistics_forget(&keeper->shared.statistics, message.ptr);
            weir_repo_version_released(keeper->repo, message.ptr);
        }
        break;
    case WEIR_SERVER_CONFIG_ADOPTED:
        if (++keeper->n_config_answers < keeper->shared.n_shards)
            break;
        weir_config_free(WEIR_TAKE(keeper->old_config));
        if (keeper->must_reload_again) {
            keeper->must_reload_again = false;
            reload(keeper);
        }
        break;
    case WEIR_SERVER_ORDER:
        weir_server_order_receive(keeper, message.taken);
        break;
    case WEIR_SERVER_DRAINED:
        keeper->n_drained++;
        if (keeper->n_drained == keeper->shared.n_shards && keeper->phase == WEIR_SERVER_DRAINING)
            stop_loops(keeper);
        break;
    case WEIR_SERVER_STOPPED:
        if (++keeper->n_stopped == keeper->shared.n_shards - 1)
            on_all_stopped(keeper);
        break;
    case WEIR_SERVER_TABLE:
    case WEIR_SERVER_CONFIG:
    case WEIR_SERVER_NOT_READY:
    case WEIR_SERVER_DRAIN:
    case WEIR_SERVER_STOP:
    case WEIR_SERVER_ADOPT_FD:
    case WEIR_SERVER_ORDER_DONE:
    case WEIR_SERVER_LIVE:
    case WEIR_SERVER_LIVE_DONE:
        weir_assert(message.kind == WEIR_SERVER_STOPPED); /* These are for loops. */
        break;
    }
}

/* --- the start --- */

static void *scratch_new(void *ctx, uint32_t worker)
{
    struct weir_server_keeper *keeper = ctx;
    struct weir_server_runner *runner = weir_mem_alloc(keeper->shared.mem, sizeof *runner);
    struct weir_protocol_limits limits = weir_server_shard_protocol_limits(keeper->config);
    (void)worker; /* All are alike. */
    if (runner)
        weir_server_runner_init(runner, &limits, keeper->shared.mem);
    return runner;
}

static void scratch_free(void *ctx, void *scratch)
{
    struct weir_server_keeper *keeper = ctx;
    if (scratch)
        weir_server_runner_deinit(scratch);
    weir_mem_free(keeper->shared.mem, scratch);
}

static void *loop_main(void *arg)
{
    weir_server_shard_run(arg);
    return NULL;
}

/* Fills in the numbers that depend on the machine. */
static void size_up(struct weir_server_keeper *keeper, uint32_t *n_loops, uint32_t *n_workers)
{
    const struct weir_config *c = keeper->config;
    struct weir_server_shared *shared = &keeper->shared;
    uint64_t n_descriptors = weir_server_machine_descriptors();
    uint64_t spare =
        n_descriptors / 2 < DESCRIPTORS_SPARE_MAX ? n_descriptors / 2 : DESCRIPTORS_SPARE_MAX;
    uint64_t memory_max = weir_server_machine_memory_max();
    uint32_t cores = weir_server_machine_cores();
    *n_loops = c->loops > 0 ? (uint32_t)c->loops : (cores <= 4 ? 1 : cores / 4);
    if (*n_loops > LOOPS_MAX)
        *n_loops = LOOPS_MAX;
    *n_workers = c->workers > 0 ? (uint32_t)c->workers : (cores > *n_loops ? cores - *n_loops : 1);
    if (*n_workers > WEIR_POOL_WORKERS_MAX)
        *n_workers = WEIR_POOL_WORKERS_MAX;
    shared->connections_max = c->connections_max > 0 ? c->connections_max : CONNECTIONS_MAX_DEFAULT;
    if (shared->connections_max > n_descriptors - spare)
        shared->connections_max = n_descriptors - spare;
    shared->connections_admin = spare >= 8 ? spare / 4 : 2;
    shared->request_memory_max = c->request_memory_max;
    if (shared->request_memory_max == 0)
        shared->request_memory_max = memory_max / 2 < REQUEST_MEMORY_MAX_DEFAULT
                                         ? memory_max / 2
                                         : REQUEST_MEMORY_MAX_DEFAULT;
}

static enum weir_status make_pool(struct weir_server_keeper *keeper, uint32_t n_workers,
                                  struct weir_error *err)
{
    struct weir_pool_opts opts = {
        .n_workers = n_workers,
        .n_group_max = WEIR_SERVER_GROUP_MAX,
        .scratch_new = scratch_new,
        .scratch_free = scratch_free,
        .scratch_ctx = keeper,
    };
    return weir_pool_new(&keeper->shared.pool, &opts, keeper->shared.mem, err);
}

static enum weir_status make_routes(struct weir_server_keeper *keeper, struct weir_error *err)
{
    struct weir_server_shared *shared = &keeper->shared;
    uint32_t flags = keeper->config->repository_api == WEIR_SERVER_REPOSITORY_MAIN
                         ? WEIR_PROTOCOL_REPOSITORY
                         : 0;
    if (keeper->config->labels_api == WEIR_CONFIG_LABELS_MAIN)
        flags |= WEIR_PROTOCOL_LABELS;
    const struct weir_server_routes_paths paths = {keeper->config->predict_route.at,
                                                   keeper->config->health_route.at};
    enum weir_status status =
        weir_server_routes_init_with(&keeper->routes, flags, &paths, shared->mem, err);
    if (status != WEIR_OK)
        return status;
    shared->routes = &keeper->routes;
    shared->admin_routes = &keeper->admin_routes;
    return weir_server_routes_init(
        &keeper->admin_routes,
        WEIR_PROTOCOL_ADMIN | WEIR_PROTOCOL_REPOSITORY | WEIR_PROTOCOL_LABELS, shared->mem, err);
}

static enum weir_status make_shards(struct weir_server_keeper *keeper, uint32_t n_loops,
                                    struct weir_error *err)
{
    struct weir_server_shared *shared = &keeper->shared;
    shared->shards = weir_mem_zarray(shared->mem, n_loops + 1, sizeof(struct weir_server_shard *));
    keeper->threads = weir_mem_zarray(shared->mem, n_loops, sizeof *keeper->threads);
    if (!shared->shards || !keeper->threads)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the loops");
    shared->n_shards = n_loops + 1;
    for (uint32_t i = 0; i <= n_loops; i++) {
        enum weir_status status =
            weir_server_shard_new(&shared->shards[i], shared, i, i == n_loops, keeper->config, err);
        if (status != WEIR_OK)
            return status;
        /* libuv ends the process when it cannot grow its tables: they are made full size now. */
        uint64_t n_handles = shared->connections_max + DESCRIPTORS_SPARE_MAX;
        uint64_t n_descriptors = weir_server_machine_descriptors();
        if (weir_loop_reserve(&shared->shards[i]->loop.loop,
                              (unsigned)(n_handles < n_descriptors ? n_handles : n_descriptors)) !=
            WEIR_OK)
            return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the loops");
    }
    keeper->shard = shared->shards[n_loops];
    return WEIR_OK;
}

/* Binds one address of the main listener on every loop; the first bind settles the port. */
static enum weir_status listen_main(struct weir_server_keeper *keeper, struct weir_str text,
                                    struct weir_error *err)
{
    struct weir_addr_target addr;
    struct weir_addr_target bound;
    char room[WEIR_ADDR_TEXT_BYTES];
    enum weir_status status = weir_addr_parse(&addr, text, err);
    if (status == WEIR_OK)
        status = weir_listener_probe(&addr, err);
    bool is_unix = addr.addr.kind == WEIR_ADDR_UNIX;
    for (uint32_t i = 0; status == WEIR_OK && i + 1 < keeper->shared.n_shards; i++) {
        if (is_unix && i > 0)
            break;
        status = weir_server_shard_listen(keeper->shared.shards[i], &addr, &bound, err);
        if (status == WEIR_OK)
            addr = bound;
    }
    if (status != WEIR_OK) {
        (void)weir_error_prefix(err, "listen %.*s", WEIR_STR_ARG(text));
        return status;
    }
    if (!is_unix && !keeper->has_bound_main) {
        keeper->bound_main = bound;
        keeper->has_bound_main = true;
    }
    (void)fprintf(keeper->out, "listening on %s\n", weir_addr_text(&bound.addr, bound.path, room));
    return WEIR_OK;
}

static enum weir_status listen_all(struct weir_server_keeper *keeper, struct weir_error *err)
{
    const struct weir_config *c = keeper->config;
    for (size_t i = 0; i < c->listen.n; i++) {
        enum weir_status status = listen_main(keeper, c->listen.at[i], err);
        if (status != WEIR_OK)
            return status;
    }
    if (c->admin.n > 0 && !weir_str_eq_c(c->admin, "off")) {
        struct weir_addr_target addr;
        struct weir_addr_target bound;
        char room[WEIR_ADDR_TEXT_BYTES];
        enum weir_status status = weir_addr_parse(&addr, c->admin, err);
        if (status == WEIR_OK)
            status = weir_listener_probe(&addr, err);
        if (status == WEIR_OK)
            status = weir_server_shard_listen(keeper->shard, &addr, &bound, err);
        if (status != WEIR_OK) {
            (void)weir_error_prefix(err, "admin %.*s", WEIR_STR_ARG(c->admin));
            return status;
        }
        (void)fprintf(keeper->out, "admin on %s\n", weir_addr_text(&bound.addr, bound.path, room));
    }
    (void)fflush(keeper->out); /* Whoever reads it has gone if this fails. */
    return WEIR_OK;
}

static enum weir_status watch_signals(struct weir_server_keeper *keeper, struct weir_error *err)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    weir_signal_ignore_pipe();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(numbers); i++) {
        if (weir_signal_init(&keeper->signals[i], &keeper->shard->loop.loop, numbers[i], on_signal,
                             keeper) != WEIR_OK)
            return weir_error_set(err, WEIR_ERR_IO, "signals cannot be watched");
    }
    if (weir_timer_init(&keeper->end, &keeper->shard->loop.loop, WEIR_TIMER_COARSE, on_end_timer,
                        keeper) != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_IO, "no timer");
    return WEIR_OK;
}

static enum weir_status make_all(struct weir_server_keeper *keeper, struct weir_error *err)
{
    struct weir_server_shared *shared = &keeper->shared;
    uint32_t n_loops;
    uint32_t n_workers;
    size_up(keeper, &n_loops, &n_workers);
    enum weir_status status =
        weir_http_shared_init(&keeper->http, (uint32_t)shared->connections_max, shared->mem);
    if (status == WEIR_OK)
        status =
            weir_server_metrics_new(&shared->metrics, n_loops + 1,
                                    (uint32_t)keeper->config->metric_series_max, shared->mem, err);
    weir_server_statistics_init(&shared->statistics, n_loops + 1, shared->mem);
    if (status == WEIR_OK && getrandom(&shared->live_secret, sizeof shared->live_secret, 0) !=
                                 (ssize_t)sizeof shared->live_secret)
        status = weir_error_set(err, WEIR_ERR_IO, "no random numbers");
    if (status == WEIR_OK)
        status = make_pool(keeper, n_workers, err);
    if (status == WEIR_OK)
        status = make_routes(keeper, err);
    if (status == WEIR_OK)
        status = make_shards(keeper, n_loops, err);
    if (status == WEIR_OK)
        status = watch_signals(keeper, err);
    if (status != WEIR_OK)
        return status;
    struct weir_repo_callbacks callbacks = {
        .on_publish = on_publish,
        .on_event = weir_server_keeper_on_event,
        .on_verdict = weir_server_gate_on_verdict,
        .on_stopped = on_repo_stopped,
        .ctx = keeper,
        .program = "/proc/self/exe",
    };
    status =
        weir_repo_new(&keeper->repo, &keeper->shard->loop.loop, keeper->config, &callbacks, err);
    /* Nothing is said to listen before the model directories are known to be there. */
    return status == WEIR_OK ? listen_all(keeper, err) : status;
}

static enum weir_status start_all(struct weir_server_keeper *keeper, struct weir_error *err)
{
    if (weir_log_start() != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_IO, "no thread for the log");
    enum weir_status status = weir_pool_start(keeper->shared.pool, err);
    if (status != WEIR_OK)
        return status;
    for (uint32_t i = 0; i + 1 < keeper->shared.n_shards; i++) {
        char name[16];
        if (pthread_create(&keeper->threads[i], NULL, loop_main, keeper->shared.shards[i]) != 0)
            return weir_error_set(err, WEIR_ERR_IO, "no thread for a loop");
        keeper->n_started++;
        (void)snprintf(name, sizeof name, "loop-%u", i);
        (void)pthread_setname_np(keeper->threads[i], name); /* For people with a debugger only. */
    }
    return weir_repo_start(keeper->repo, err);
}

static void free_all(struct weir_server_keeper *keeper)
{
    struct weir_server_shared *shared = &keeper->shared;
    struct weir_mem *mem = shared->mem;
    for (uint32_t i = 0; i < shared->n_shards; i++)
        weir_server_shard_free(shared->shards[i]);
    weir_repo_free(keeper->repo);
    weir_pool_free(shared->pool);
    weir_metric_registry_free(shared->metrics);
    weir_server_statistics_deinit(&shared->statistics);
    weir_server_routes_deinit(&keeper->routes);
    weir_server_routes_deinit(&keeper->admin_routes);
    weir_http_shared_deinit(&keeper->http);
    weir_mem_free(mem, shared->shards);
    weir_mem_free(mem, keeper->threads);
    weir_mem_free(mem, keeper->tables.at);
    weir_mem_free(mem, keeper->versions.at);
    weir_server_events_deinit(&keeper->events);
    weir_config_free(keeper->config);
    weir_config_free(keeper->old_config);
    weir_mem_free(mem, keeper);
}

enum weir_status weir_server_keeper_run(struct weir_config *config,
                                        const struct weir_config_sources *sources, FILE *out,
                                        struct weir_error *err)
{
    weir_assert(config);
    weir_assert(out);
    struct weir_mem *mem = weir_mem_default();
    struct weir_server_keeper *keeper = weir_mem_zalloc(mem, sizeof *keeper);
    if (!keeper) {
        weir_config_free(config);
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the server");
    }
    keeper->shared.mem = mem;
    keeper->events.mem = mem;
    weir_list_init(&keeper->orders);
    keeper->shared.http = &keeper->http;
    keeper->shared.keeper = keeper;
    keeper->config = config;
    keeper->sources = sources;
    keeper->out = out;
    apply_log_options(config);
    enum weir_status status = make_all(keeper, err);
    if (status == WEIR_OK)
        status = start_all(keeper, err);
    if (status != WEIR_OK) {
        weir_log_stop();
        return status; /* The process ends with the message; what was made so far goes with it. */
    }
    for (size_t i = 0; i < config->n_warnings; i++)
        weir_log_warn("configuration", WEIR_LOG_S("warning", config->warnings[i]));
    weir_server_shard_run(keeper->shard);
    weir_log_info("ended", WEIR_LOG_U("exit", 0));
    free_all(keeper);
    weir_log_stop();
    return WEIR_OK;
}

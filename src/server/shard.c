/* SPDX-License-Identifier: MIT */
/* A shard is made on the keeper's thread, run on its own, and told everything else by messages. It
 * ends in three steps: the keeper says STOP, everything on the loop is closed, and the last close
 * callback stops the loop. */
#include "server/shard.h"

#include "base/log.h"
#include "base/macros.h"
#include "server/keeper.h"
#include "server/pages.h"
#include "server/predict.h"

#include <stdio.h>
#include <unistd.h>

enum { TICK_NS = 100 * 1000 * 1000, NAMES_SHOWN_MAX = 8 };

/* --- configuration --- */

static struct weir_batcher_limits limits_of(const struct weir_config *config, struct weir_str model)
{
    const struct weir_config_model *m = weir_config_find_model(config, model);
    struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    limits.rows_max = (uint32_t)m->max_batch_size;
    limits.queue_delay_ns_max = m->max_queue_delay_microseconds * WEIR_NS_PER_US;
    limits.queue_requests_max = (uint32_t)m->queue_requests_max;
    limits.queue_rows_max = (uint32_t)m->queue_rows_max;
    limits.queue_bytes_max = m->queue_bytes_max;
    limits.queue_ns_max = m->queue_delay_max_ns;
    limits.inline_mode = (enum weir_batcher_inline)m->inline_choice;
    limits.inline_ns_max = m->inline_cost_max_ns;
    return limits;
}

struct weir_protocol_limits weir_server_shard_protocol_limits(const struct weir_config *config)
{
    struct weir_protocol_limits limits = WEIR_PROTOCOL_LIMITS_INIT;
    limits.n_rows_max = config->request_rows_max;
    limits.n_cells_max = config->request_cells_max;
    limits.answer_bytes_max = config->answer_bytes_max;
    limits.json.depth_max = (uint32_t)config->json_depth_max;
    limits.json.n_values_max = config->json_values_max;
    limits.json.string_bytes_max = config->json_string_bytes_max;
    limits.json.number_bytes_max = config->json_number_bytes_max;
    limits.json.n_keys_max = (uint32_t)config->json_keys_max;
    return limits;
}

static struct weir_http_options http_options(const struct weir_server_shared *shared,
                                             const struct weir_config *c)
{
    struct weir_http_options o = WEIR_HTTP_OPTIONS_INIT;
    o.conns_max = shared->connections_max;
    o.conns_per_address_max =
        c->connections_per_address_max > 0 ? c->connections_per_address_max : UINT64_MAX;
    o.local_is_exempt = !c->limit_loopback;
    o.first_byte_ns_max = c->first_byte_timeout_ns;
    o.idle_ns_max = c->idle_timeout_ns;
    o.head_ns_max = c->head_timeout_ns;
    o.body_ns_max = c->body_timeout_ns;
    o.body_rate_bytes_min = c->body_rate_min;
    o.body_rate_ns = c->body_rate_window_ns;
    o.write_ns_max = c->write_timeout_ns;
    o.unsent_bytes_max = c->unsent_bytes_max;
    o.unsent_bytes_resume = c->unsent_bytes_resume;
    o.pipeline_max = c->pipelined_requests_max;
    o.conn_requests_max =
        c->requests_per_connection_max > 0 ? c->requests_per_connection_max : UINT64_MAX;
    o.conn_age_ns_max = c->connection_age_max_ns;
    o.request_line_bytes_max = c->request_line_bytes_max;
    o.header_bytes_max = c->header_bytes_max;
    o.header_line_bytes_max = c->header_line_bytes_max;
    o.headers_max = c->headers_max;
    o.trailer_bytes_max = c->trailer_bytes_max;
    o.trailers_max = c->trailers_max;
    o.chunk_extension_bytes_max = c->chunk_extension_bytes_max;
    o.chunk_extensions_bytes_max = c->chunk_extensions_bytes_max;
    o.chunk_framing_bytes_max = c->chunk_framing_bytes_max;
    o.body_bytes_max = c->body_bytes_max;
    o.buffered_bytes_max = shared->request_memory_max;
    o.keep_alive_percent = c->memory_keepalive_percent;
    o.accepts_per_tick_max = c->accepts_per_tick_max;
    return o;
}

static void adopt_config(struct weir_server_shard *shard, const struct weir_config *config)
{
    struct weir_http_options options = http_options(shard->shared, config);
    weir_http_server_set_options(shard->loop.http, &options);
    shard->loop.config = config;
    shard->loop.decoder.limits = weir_server_shard_protocol_limits(config);
    WEIR_LIST_FOREACH (it, &shard->loop.versions) {
        struct weir_server_shard_version *sv =
            WEIR_CONTAINER_OF(it, struct weir_server_shard_version, link);
        struct weir_batcher_limits limits = limits_of(config, sv->version->name);
        weir_batcher_set_limits(sv->batching, &limits);
        sv->request_timeout_ns =
            weir_config_find_model(config, sv->version->name)->request_timeout_ns;
    }
}

/* --- the table of versions --- */

static struct weir_server_shard_version *find_known(struct weir_server_shard *shard,
                                                    const struct weir_version *version)
{
    WEIR_LIST_FOREACH (it, &shard->loop.versions) {
        struct weir_server_shard_version *sv =
            WEIR_CONTAINER_OF(it, struct weir_server_shard_version, link);
        if (sv->version == version)
            return sv;
    }
    return NULL;
}

static struct weir_server_shard_version *add_version(struct weir_server_shard *shard,
                                                     const struct weir_version *version)
{
    struct weir_server_shard_version *sv = weir_mem_zalloc(shard->shared->mem, sizeof *sv);
    if (!sv)
        return NULL;
    struct weir_batcher_limits limits = limits_of(shard->loop.config, version->name);
    struct weir_batch_cost cost;
    weir_batch_cost_init(&cost);
    weir_batch_cost_seed(&cost, version->cost_ns, version->cost_row_ns);
    sv->version = version;
    sv->request_timeout_ns =
        weir_config_find_model(shard->loop.config, version->name)->request_timeout_ns;
    if (weir_batcher_add_version(&sv->batching, shard->loop.batcher, sv, &limits, &cost) !=
        WEIR_OK) {
        weir_mem_free(shard->shared->mem, sv);
        return NULL;
    }
    weir_server_metrics_version_cells(&sv->cells, shard->shared->metrics, shard->index, version);
    int n = snprintf(sv->fields, sizeof sv->fields,
                     "Weir-Model: %.*s\r\nWeir-Version: %.*s\r\nWeir-Digest: %s\r\n",
                     WEIR_STR_ARG(version->name), WEIR_STR_ARG(version->number_text),
                     version->digest_short);
    weir_assert(n > 0);
    weir_assert((size_t)n < sizeof sv->fields);
    sv->fields_bytes = (size_t)n;
    weir_list_push(&shard->loop.versions, &sv->link);
    return sv;
}

/* Adds all versions of a table that the shard does not have yet; false: no memory. */
static bool add_versions(struct weir_server_shard *shard, const struct weir_table *table)
{
    for (size_t i = 0; i < table->n_models; i++) {
        for (size_t j = 0; j < table->models[i].n_versions; j++) {
            const struct weir_version *version = table->models[i].versions[j];
            if (!find_known(shard, version) && !add_version(shard, version))
                return false;
        }
    }
    return true;
}

static void send_keeper(struct weir_server_shard *shard, enum weir_server_message_kind kind,
                        const void *ptr)
{
    struct weir_server_shared *shared = shard->shared;
    struct weir_server_message message = {.kind = kind, .from = shard->index, .ptr = ptr};
    weir_server_inbox_push(&shared->shards[shared->n_shards - 1]->inbox, message);
}

/* Between two iterations of its requests, a shard turns to a new table. Without memory for it the
 * old versions would have to go on, which the publishing protocol does not know: a few hundred
 * bytes not being there ends the process. */
static void adopt_table(struct weir_server_shard *shard, const struct weir_table *table)
{
    struct weir_mem *mem = shard->shared->mem;
    struct weir_server_shard_version **by_model =
        weir_mem_zarray(mem, table->n_models, sizeof(struct weir_server_shard_version *));
    bool is_complete = by_model && add_versions(shard, table);
    weir_assert(is_complete);
    for (size_t i = 0; i < table->n_models; i++) {
        if (table->models[i].version)
            by_model[i] = find_known(shard, table->models[i].version);
    }
    weir_mem_free(mem, shard->loop.by_model);
    shard->loop.by_model = by_model;
    shard->loop.table = table;
    for (size_t i = 0; i < table->n_retired; i++) {
        struct weir_server_shard_version *sv = find_known(shard, table->retired[i]);
        if (sv)
            weir_batcher_retire(shard->loop.batcher, sv->batching,
                                weir_loop_now_ns(&shard->loop.loop));
        else /* Never served here. */
            send_keeper(shard, WEIR_SERVER_VERSION_RELEASED, table->retired[i]);
    }
    send_keeper(shard, WEIR_SERVER_TABLE_ADOPTED, table);
}

/* Appends `loaded: a, b` for a message. */
static void name_models(const struct weir_table *table, struct weir_error *err,
                        enum weir_status status, const char *what, struct weir_str name)
{
    char list[160] = "none";
    char echo[WEIR_ECHO_BUF_BYTES];
    size_t at = 0;
    size_t n_shown = 0;
    for (size_t i = 0; table && i < table->n_models; i++) {
        struct weir_str model = table->models[i].name;
        if (!table->models[i].version)
            continue;
        if (n_shown == NAMES_SHOWN_MAX || at + model.n + 8 > sizeof list) {
            (void)snprintf(list + at, sizeof list - at, ", …"); /* Room was kept for it. */
            break;
        }
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%.*s", n_shown > 0 ? ", " : "",
                               WEIR_STR_ARG(model));
        n_shown++;
    }
    (void)weir_error_set(err, status, "%s \"%s\" not found; loaded: %s", what,
                         weir_str_echo(name, echo, sizeof echo), list);
}

static const struct weir_repo_entry *find_default(struct weir_server_shard *shard,
                                                  struct weir_error *err)
{
    const struct weir_table *table = shard->loop.table;
    struct weir_str name = shard->loop.config->default_model;
    if (name.n > 0) {
        const struct weir_repo_entry *entry = weir_repo_table_find(table, name);
        if (!entry)
            name_models(table, err, WEIR_ERR_NOT_FOUND, "default model", name);
        return entry;
    }
    const struct weir_repo_entry *only = NULL;
    for (size_t i = 0; i < table->n_models; i++) {
        if (table->models[i].version && only) {
            (void)weir_error_set(err, WEIR_ERR_NOT_FOUND,
                                 "name a model (as in /predict/%.*s): several are loaded and none "
                                 "is the default",
                                 WEIR_STR_ARG(only->name));
            return NULL;
        }
        if (table->models[i].version)
            only = &table->models[i];
    }
    if (!only && table->n_models == 1)
        only = &table->models[0];
    if (!only)
        (void)weir_error_set(err, table->n_models > 0 ? WEIR_ERR_BUSY : WEIR_ERR_NOT_FOUND,
                             "no model is loaded");
    return only;
}

/* Says why a model that is there does not serve. */
static enum weir_status not_served(const struct weir_repo_entry *entry, struct weir_error *err)
{
    const struct weir_repo_status *status = entry->n_status > 0 ? &entry->status[0] : NULL;
    return weir_error_set(err, WEIR_ERR_BUSY, "model \"%.*s\" is not ready: it is %s",
                          WEIR_STR_ARG(entry->name),
                          status ? weir_repo_state_name(status->state) : "gone");
}

enum weir_status weir_server_shard_find(struct weir_server_shard *shard, struct weir_str model,
                                        struct weir_str version,
                                        struct weir_server_shard_version **out,
                                        struct weir_error *err)
{
    const struct weir_table *table = shard->loop.table;
    const struct weir_repo_entry *entry = NULL;
    if (!table)
        return weir_error_set(err, WEIR_ERR_BUSY, "the server is starting");
    if (model.n == 0) {
        entry = find_default(shard, err);
        if (!entry)
            return err ? err->code : WEIR_ERR_NOT_FOUND;
    } else {
        entry = weir_str_is_name(model) && model.n <= shard->loop.config->name_bytes_max
                    ? weir_repo_table_find(table, model)
                    : NULL;
        if (!entry) {
            name_models(table, err, WEIR_ERR_NOT_FOUND, "model", model);
            return WEIR_ERR_NOT_FOUND;
        }
    }
    struct weir_server_shard_version *sv = shard->loop.by_model[entry - table->models];
    if (version.n > 0) {
        const struct weir_version *v = weir_repo_table_version(entry, version);
        char echo[WEIR_ECHO_BUF_BYTES];
        if (!v)
            return weir_error_set(err, WEIR_ERR_NOT_FOUND, "model \"%.*s\" has no version \"%s\"",
                                  WEIR_STR_ARG(entry->name),
                                  weir_str_echo(version, echo, sizeof echo));
        sv = find_known(shard, v);
    }
    if (!sv)
        return not_served(entry, err);
    *out = sv;
    return WEIR_OK;
}

/* --- HTTP --- */

static enum weir_http_verdict on_head(void *ctx, struct weir_http_req *req)
{
    struct weir_server_shard *shard = ctx;
    enum weir_server_route route = (enum weir_server_route)weir_http_req_match(req)->route->id;
    return weir_server_routes_predicts(route) ? weir_server_predict_head(shard, req, route)
                                              : WEIR_HTTP_ACCEPT;
}

static void on_body(void *ctx, struct weir_http_req *req)
{
    struct weir_server_shard *shard = ctx;
    enum weir_server_route route = (enum weir_server_route)weir_http_req_match(req)->route->id;
    if (weir_server_routes_predicts(route))
        weir_server_predict_body(shard, req, route);
    else
        weir_server_pages_answer(shard, req, route);
}

static void on_gone(void *ctx, struct weir_http_ticket ticket, void *user)
{
    (void)ticket; /* The slice is all that is needed. */
    weir_server_predict_gone(ctx, user);
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
    .head = on_head, .body = on_body, .gone = on_gone, .done = on_done};

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
        weir_listener_pause(&shard->loop.unix_listeners[i]);
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
        adopt_table(shard, message.ptr);
        break;
    case WEIR_SERVER_CONFIG:
        adopt_config(shard, message.ptr);
        send_keeper(shard, WEIR_SERVER_CONFIG_ADOPTED, message.ptr);
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
    if (shard->loop.is_draining && !shard->loop.is_drained &&
        weir_http_server_n_conns(shard->loop.http) == 0) {
        shard->loop.is_drained = true;
        send_keeper(shard, WEIR_SERVER_DRAINED, NULL);
    }
}

static void on_idle(void *arg)
{
    struct weir_server_shard *shard = arg;
    if (shard->loop.is_closing)
        return;
    weir_server_predict_dispatch(shard);
    struct weir_server_loop_cells *cells = &shard->loop.cells;
    const struct weir_batcher_counters *c = weir_batcher_counters(shard->loop.batcher);
    struct weir_batcher_load load = weir_batcher_load(shard->loop.batcher, NULL);
    weir_server_metrics_copy_http(cells, weir_http_server_counters(shard->loop.http));
    weir_metric_gauge_set(cells->connections, weir_http_server_n_conns(shard->loop.http));
    weir_metric_gauge_set(cells->queue_requests, load.n_requests);
    weir_metric_gauge_set(cells->queue_rows, load.n_rows);
    weir_metric_counter_set(cells->expired, c->n_expired);
    weir_metric_counter_set(cells->canceled, c->n_canceled);
    weir_metric_counter_set(cells->late, c->n_late);
    weir_metric_histogram_add(cells->iteration, shard->loop.loop.stats.iteration_ns);
}

static enum weir_status init_parts(struct weir_server_shard *shard, struct weir_error *err)
{
    struct weir_server_shared *shared = shard->shared;
    const struct weir_config *config = shard->loop.config;
    struct weir_loop *loop = &shard->loop.loop;
    struct weir_protocol_limits protocol_limits = weir_server_shard_protocol_limits(config);
    struct weir_http_options options = http_options(shared, config);
    struct weir_batcher_opts batching = {
        .n_workers = weir_pool_n_workers(shared->pool),
        .slice_user_bytes = sizeof(struct weir_server_call),
        .batch_user_bytes = sizeof(struct weir_server_job),
        .batch_user_deinit = weir_server_runner_job_deinit,
    };
    weir_protocol_decoder_init(&shard->loop.decoder, &protocol_limits, shared->mem);
    weir_server_runner_init(&shard->loop.runner, &protocol_limits, shared->mem);
    enum weir_status status = weir_batcher_new(&shard->loop.batcher, &batching, shared->mem);
    if (status != WEIR_OK)
        return weir_error_set(err, status, "no memory for a batcher");
    status = weir_http_server_new(&shard->loop.http, loop, &options,
                                  shard->is_keeper ? shared->admin_router : shared->router,
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
    weir_batcher_free(shard->loop.batcher);
    weir_loop_deinit(&shard->loop.loop);
    weir_protocol_decoder_deinit(&shard->loop.decoder);
    weir_server_runner_deinit(&shard->loop.runner);
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
        send_keeper(shard, WEIR_SERVER_STOPPED, NULL);
}

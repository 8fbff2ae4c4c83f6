/* SPDX-License-Identifier: MIT */
/* What the keeper tells people: the announcement at the start, the event log, the metrics page. */
#include "base/log.h"
#include "base/macros.h"
#include "server/gate.h"
#include "server/keeper_priv.h"
#include "server/live.h"
#include "server/machine.h"

enum { SAMPLE_FEATURES_SHOWN_MAX = 64, TEXT_BYTES = 256 };

/* --- announcement --- */

static bool is_settled(const struct weir_table *table)
{
    for (size_t i = 0; i < table->n_models; i++) {
        for (size_t j = 0; j < table->models[i].n_status; j++) {
            enum weir_repo_state state = table->models[i].status[j].state;
            if (state == WEIR_REPO_SETTLING || state == WEIR_REPO_LOADING ||
                state == WEIR_REPO_CHECKING)
                return false;
        }
        if (!table->models[i].is_decided)
            return false;
    }
    return true;
}

static void print_curl(FILE *out, const struct weir_server_keeper *keeper,
                       const struct weir_version *version)
{
    char text[WEIR_ADDR_TEXT_BYTES];
    struct weir_buf body = WEIR_BUF_INIT;
    bool is_long = weir_spec_n_features(version->spec) > SAMPLE_FEATURES_SHOWN_MAX;
    if (is_long) /* weir inspect shows them all */
        weir_buf_printf(&body, "{\"features\": [[0, …]]}");
    if (is_long || weir_protocol_example(&body, version->spec)) {
        struct weir_buf line = WEIR_BUF_INIT;
        for (size_t i = 0; i < body.n; i++) { /* A quote would end the shell's. */
            if (body.at[i] == '\'')
                weir_buf_append_c(&line, "'\\''");
            else
                weir_buf_append_byte(&line, body.at[i]);
        }
        if (weir_buf_ok(&line))
            (void)fprintf(out, "    curl -s http://%s/predict/%.*s -d '%.*s'\n",
                          weir_addr_text(&keeper->bound_main.addr, keeper->bound_main.path, text),
                          WEIR_STR_ARG(version->name), WEIR_STR_ARG(weir_buf_str(&line)));
        weir_buf_deinit(&line);
    }
    weir_buf_deinit(&body);
}

void weir_server_keeper_announce(struct weir_server_keeper *keeper, const struct weir_table *table)
{
    FILE *out = keeper->out;
    if (!out || !is_settled(table))
        return;
    keeper->out = NULL;
    if (table->n_models == 0)
        (void)fprintf(out, "no models found yet\n");
    for (size_t i = 0; i < table->n_models; i++) {
        const struct weir_repo_entry *entry = &table->models[i];
        if (entry->version) {
            const struct weir_version *v = entry->version;
            (void)fprintf(out, "model %.*s: ready, version %.*s, %s\n", WEIR_STR_ARG(entry->name),
                          WEIR_STR_ARG(v->number_text), weir_spec_estimator(v->spec));
            if (keeper->has_bound_main)
                print_curl(out, keeper, v);
        }
        for (size_t j = 0; j < entry->n_status; j++) {
            const struct weir_repo_status *s = &entry->status[j];
            if (s->state == WEIR_REPO_FAILED || s->state == WEIR_REPO_HELD)
                (void)fprintf(out, "model %.*s: %s: %.*s: %.*s\n", WEIR_STR_ARG(entry->name),
                              weir_repo_state_name(s->state), WEIR_STR_ARG(s->file),
                              WEIR_STR_ARG(s->reason));
        }
    }
    (void)fflush(out); /* Whoever reads it has gone if this fails. */
}

/* --- events --- */

static void count_event(struct weir_server_keeper *keeper, const struct weir_repo_event *event)
{
    struct weir_metric_registry *r = keeper->shared.metrics;
    uint32_t shard = keeper->shard->index;
    struct weir_str labels[2] = {event->model, WEIR_STR("ok")};
    switch (event->kind) {
    case WEIR_REPO_EVENT_PUBLISHED:
    case WEIR_REPO_EVENT_SHADOWED:
    case WEIR_REPO_EVENT_SWAPPED:
        weir_metric_counter_add(
            weir_metric_registry_counter(r, shard, WEIR_SERVER_METRIC_LOADS, labels), 1);
        weir_metric_histogram_add(
            weir_metric_registry_histogram(r, shard, WEIR_SERVER_METRIC_LOAD, labels), event->ns);
        break;
    case WEIR_REPO_EVENT_LOAD_FAILED:
        labels[1] = WEIR_STR("failed");
        weir_metric_counter_add(
            weir_metric_registry_counter(r, shard, WEIR_SERVER_METRIC_LOADS, labels), 1);
        break;
    case WEIR_REPO_EVENT_UNCHANGED:
        labels[1] = WEIR_STR("unchanged");
        weir_metric_counter_add(
            weir_metric_registry_counter(r, shard, WEIR_SERVER_METRIC_LOADS, labels), 1);
        break;
    case WEIR_REPO_EVENT_ADOPTED:
        weir_metric_histogram_add(
            weir_metric_registry_histogram(r, shard, WEIR_SERVER_METRIC_SWAP, labels), event->ns);
        break;
    case WEIR_REPO_EVENT_SLOW:
    case WEIR_REPO_EVENT_ORPHANED:
    case WEIR_REPO_EVENT_RESTORED:
    case WEIR_REPO_EVENT_RETURNED:
    case WEIR_REPO_EVENT_RETIRED:
    case WEIR_REPO_EVENT_FREED:
    case WEIR_REPO_EVENT_UNLOADED:
    case WEIR_REPO_EVENT_ROLLED_BACK:
    case WEIR_REPO_EVENT_GATE_BEGUN:
    case WEIR_REPO_EVENT_GATE_PASSED:
    case WEIR_REPO_EVENT_GATE_REFUSED:
    case WEIR_REPO_EVENT_GATE_SUPERSEDED:
    case WEIR_REPO_EVENT_GATE_STORE:
    case WEIR_REPO_EVENT_PROMOTED:
    case WEIR_REPO_EVENT_ROOT_FAILED:
    case WEIR_REPO_EVENT_ROOT_BACK:
    case WEIR_REPO_EVENT_WATCH_LOST:
    case WEIR_REPO_EVENT_STATE_DIR:
        break;
    }
}

void weir_server_keeper_on_event(void *ctx, const struct weir_repo_event *event)
{
    struct weir_log_field fields[8];
    size_t n = 0;
    if (event->model.n > 0)
        fields[n++] = WEIR_LOG_S("model", event->model);
    if (event->number > 0)
        fields[n++] = WEIR_LOG_U("version", event->number);
    if (event->number_before > 0)
        fields[n++] = WEIR_LOG_U("before", event->number_before);
    if (event->file.n > 0)
        fields[n++] = WEIR_LOG_S("file", event->file);
    if (event->digest.n > 0)
        fields[n++] = WEIR_LOG_S(
            "digest", weir_str_make(event->digest.at,
                                    weir_min_size(event->digest.n, WEIR_REPO_DIGEST_SHORT_HEX)));
    if (event->reason.n > 0)
        fields[n++] = WEIR_LOG_S("reason", event->reason);
    if (event->ns > 0)
        fields[n++] = WEIR_LOG_D("ms", (double)event->ns / 1e6);
    weir_log_write(event->is_problem ? WEIR_LOG_WARN : WEIR_LOG_INFO,
                   weir_repo_event_text(event->kind), fields, n);
    count_event(ctx, event);
    struct weir_server_keeper *keeper = ctx;
    weir_server_events_add(&keeper->events, event, weir_clock_wall_ns());
}

const struct weir_server_events *weir_server_keeper_events(const struct weir_server_keeper *keeper)
{
    return &keeper->events;
}

/* --- metrics page --- */

static void expose_u64(struct weir_buf *out, const char *name, enum weir_metric_type type,
                       enum weir_metric_unit unit, const char *help, uint64_t v)
{
    const struct weir_metric_family family = {name, type, unit, help, {NULL}};
    weir_metric_text_family(out, &family);
    weir_metric_text_u64(out, &family, NULL, v);
}

static void expose_process(const struct weir_server_keeper *keeper, struct weir_buf *out)
{
    struct weir_server_machine_usage u = weir_server_machine_usage();
    const struct weir_metric_family start = {"process_start_time_seconds",
                                             WEIR_METRIC_GAUGE,
                                             WEIR_METRIC_UNIT_SECONDS,
                                             "When the process was started, since 1970.",
                                             {NULL}};
    expose_u64(out, "process_cpu_seconds_total", WEIR_METRIC_COUNTER, WEIR_METRIC_UNIT_SECONDS,
               "User and system time of all threads.", u.cpu_ns);
    expose_u64(out, "process_resident_memory_bytes", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_BYTES,
               "Resident memory.", u.resident_bytes);
    expose_u64(out, "process_open_fds", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_NONE,
               "Open descriptors.", u.n_descriptors);
    weir_metric_text_family(out, &start);
    weir_metric_text_u64(out, &start, NULL, u.start_wall_ns);
    expose_u64(out, "weir_log_lines_dropped_total", WEIR_METRIC_COUNTER, WEIR_METRIC_UNIT_NONE,
               "Log lines dropped because the reader was too slow.", weir_log_dropped());
    expose_u64(out, "weir_request_memory_bytes", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_BYTES,
               "Memory held for requests and answers by all connections.",
               atomic_load_explicit(&keeper->http.buffered_bytes, memory_order_relaxed));
    expose_u64(out, "weir_metric_series_refused_total", WEIR_METRIC_COUNTER, WEIR_METRIC_UNIT_NONE,
               "Series counted as other for want of room.",
               weir_metric_registry_n_refused(keeper->shared.metrics));
}

static void expose_pool(const struct weir_server_keeper *keeper, struct weir_buf *out)
{
    const struct weir_pool *pool = keeper->shared.pool;
    uint64_t now_ns = weir_clock_ns();
    uint64_t busy_ns = 0;
    uint64_t n_jobs = 0;
    uint64_t oldest_ns = 0;
    for (uint32_t i = 0; i < weir_pool_n_workers(pool); i++) {
        struct weir_pool_worker_state s = weir_pool_worker(pool, i);
        busy_ns += s.busy_ns;
        n_jobs += s.n_jobs;
        if (s.started_ns > 0 && now_ns > s.started_ns && now_ns - s.started_ns > oldest_ns)
            oldest_ns = now_ns - s.started_ns;
    }
    expose_u64(out, "weir_workers", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_NONE, "Worker threads.",
               weir_pool_n_workers(pool));
    expose_u64(out, "weir_workers_busy_seconds_total", WEIR_METRIC_COUNTER,
               WEIR_METRIC_UNIT_SECONDS, "Time workers spent running batches.", busy_ns);
    expose_u64(out, "weir_worker_jobs_total", WEIR_METRIC_COUNTER, WEIR_METRIC_UNIT_NONE,
               "Batches run by workers.", n_jobs);
    expose_u64(out, "weir_worker_oldest_job_seconds", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_SECONDS,
               "How long the longest of the running batches has been running.", oldest_ns);
}

static void expose_versions(const struct weir_table *table, struct weir_buf *out)
{
    const struct weir_metric_family live = {"weir_model_version",
                                            WEIR_METRIC_GAUGE,
                                            WEIR_METRIC_UNIT_NONE,
                                            "The version that answers requests which name none.",
                                            {"model"}};
    const struct weir_metric_family info = {
        "weir_model_info",
        WEIR_METRIC_GAUGE,
        WEIR_METRIC_UNIT_NONE,
        "1 for each version that serves, with the digest of its file.",
        {"model", "version", "digest"}};
    const struct weir_metric_family bytes = {"weir_model_memory_bytes",
                                             WEIR_METRIC_GAUGE,
                                             WEIR_METRIC_UNIT_BYTES,
                                             "Memory that a version holds.",
                                             {"model", "version"}};
    weir_metric_text_family(out, &live);
    for (size_t i = 0; i < table->n_models; i++) {
        if (table->models[i].version)
            weir_metric_text_u64(out, &live, &table->models[i].name,
                                 table->models[i].version->number);
    }
    weir_metric_text_family(out, &info);
    for (size_t i = 0; i < table->n_models; i++) {
        for (size_t j = 0; j < table->models[i].n_versions; j++) {
            const struct weir_version *v = table->models[i].versions[j];
            struct weir_str labels[] = {v->name, v->number_text, weir_str_c(v->digest_short)};
            weir_metric_text_u64(out, &info, labels, 1);
        }
    }
    weir_metric_text_family(out, &bytes);
    for (size_t i = 0; i < table->n_models; i++) {
        for (size_t j = 0; j < table->models[i].n_versions; j++) {
            const struct weir_version *v = table->models[i].versions[j];
            struct weir_str labels[] = {v->name, v->number_text};
            weir_metric_text_u64(out, &bytes, labels, v->model_bytes);
        }
    }
}

/* Which file could not be served, why and where in it, since when. */
static void expose_failures(const struct weir_table *table, struct weir_buf *out)
{
    const struct weir_metric_family failed = {
        "weir_model_failed_timestamp_seconds",
        WEIR_METRIC_GAUGE,
        WEIR_METRIC_UNIT_SECONDS,
        "Since when, since 1970, a model file could not be served.",
        {"model", "file", "reason"}};
    weir_metric_text_family(out, &failed);
    for (size_t i = 0; i < table->n_models; i++) {
        for (size_t j = 0; j < table->models[i].n_status; j++) {
            const struct weir_repo_status *s = &table->models[i].status[j];
            struct weir_str labels[] = {table->models[i].name, s->file, s->reason};
            if (s->state == WEIR_REPO_FAILED)
                weir_metric_text_u64(out, &failed, labels, s->since_wall_ns);
        }
    }
}

static void expose_repo(const struct weir_server_keeper *keeper, struct weir_buf *out)
{
    const struct weir_repo_counters *c = weir_repo_get_counters(keeper->repo);
    const struct weir_metric_family events = {"weir_repository_events_total",
                                              WEIR_METRIC_COUNTER,
                                              WEIR_METRIC_UNIT_NONE,
                                              "What the model repository did.",
                                              {"event"}};
    weir_metric_text_family(out, &events);
#define EXPOSE_COUNTER(name, help) weir_metric_text_u64(out, &events, &WEIR_STR(#name), c->name);
    WEIR_REPO_COUNTERS(EXPOSE_COUNTER)
#undef EXPOSE_COUNTER
}

static void sum_statistics(void *ctx, const struct weir_version *version,
                           struct weir_protocol_statistics *out)
{
    struct weir_server_keeper *keeper = ctx;
    weir_server_statistics_sum(&keeper->shared.statistics, version, out);
}

/* By the names of other servers, where that is wanted. */
static void expose_names(struct weir_server_keeper *keeper, const struct weir_table *table,
                         struct weir_buf *out)
{
    struct weir_server_metrics_source source = {.registry = keeper->shared.metrics,
                                                .table = table,
                                                .sum = sum_statistics,
                                                .ctx = keeper,
                                                .mem = keeper->shared.mem};
    uint64_t names = keeper->config->metrics_names;
    if (names == WEIR_CONFIG_METRICS_TRITON || names == WEIR_CONFIG_METRICS_ALL)
        weir_server_metrics_names_triton(&source, out);
    if (names == WEIR_CONFIG_METRICS_TFSERVING || names == WEIR_CONFIG_METRICS_ALL)
        weir_server_metrics_names_tfserving(&source, out);
}

void weir_server_keeper_expose(struct weir_server_keeper *keeper,
                               const struct weir_metric_selection *selection, struct weir_buf *out)
{
    const struct weir_table *table = weir_repo_table(keeper->repo);
    weir_metric_selection_expose(selection, keeper->shared.metrics, out);
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf rest = {.mem = out->mem};
    expose_versions(table, &rest);
    expose_failures(table, &rest);
    expose_repo(keeper, &rest);
    expose_pool(keeper, &rest);
    expose_process(keeper, &rest);
    weir_server_gate_expose(keeper, &rest);
    weir_server_live_expose(keeper->shard, &rest);
    expose_names(keeper, table, &rest);
    weir_metric_selection_cut(selection, weir_buf_str(&rest), out);
    out->failed = out->failed || !weir_buf_ok(&rest);
}

/* SPDX-License-Identifier: MIT */
#include "server/metrics.h"

#include "base/macros.h"
#include "protocol/dialect.h"

#include <stdio.h>
#include <string.h>

static const struct weir_metric_family families[] = {
#define METRIC_ROW(code, name, type, unit, help, ...) \
    {name, WEIR_METRIC_##type, WEIR_METRIC_UNIT_##unit, help, {__VA_ARGS__}},
    WEIR_SERVER_METRIC_MAP(METRIC_ROW)
#undef METRIC_ROW
};

static const char *const stage_names[] = {"decode", "queue", "run", "encode", "whole"};
static const char *const http_names[] = {
#define HTTP_NAME(name, help) #name,
    WEIR_HTTP_COUNTERS(HTTP_NAME)
#undef HTTP_NAME
};

/* Codes with a cell of their own; any other is looked up when it is counted. */
static const int codes[] = {200, 400, 404, 413, 503, 504, 500, 429};

_Static_assert(WEIR_ARRAY_LEN(stage_names) == WEIR_SERVER_STAGE_N, "one name a stage");
_Static_assert(WEIR_ARRAY_LEN(codes) == WEIR_SERVER_CODES_N, "one cell a code");
_Static_assert(WEIR_ARRAY_LEN(http_names) <=
                   WEIR_ARRAY_LEN(((struct weir_server_loop_cells *)0)->http),
               "one cell an HTTP counter");

enum weir_status weir_server_metrics_new(struct weir_metric_registry **out, uint32_t n_shards,
                                         uint32_t n_series_max, struct weir_mem *mem,
                                         struct weir_error *err)
{
    return weir_metric_registry_new(out, families, WEIR_ARRAY_LEN(families), n_shards, n_series_max,
                                    mem, err);
}

void weir_server_metrics_loop_cells(struct weir_server_loop_cells *cells,
                                    struct weir_metric_registry *registry, uint32_t shard)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u", shard); /* 10 digits at most. */
    struct weir_str loop = weir_str_c(text);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(http_names); i++) {
        struct weir_str event = weir_str_c(http_names[i]);
        cells->http[i] =
            weir_metric_registry_counter(registry, shard, WEIR_SERVER_METRIC_HTTP, &event);
    }
    struct weir_str in = WEIR_STR("in");
    struct weir_str out = WEIR_STR("out");
    struct weir_str expired = WEIR_STR("expired");
    struct weir_str overdue = WEIR_STR("queue_timeout");
    struct weir_str canceled = WEIR_STR("canceled");
    struct weir_str late = WEIR_STR("late");
    struct weir_str abandoned = WEIR_STR("abandoned");
    cells->bytes_in = weir_metric_registry_counter(registry, shard, WEIR_SERVER_METRIC_BYTES, &in);
    cells->bytes_out =
        weir_metric_registry_counter(registry, shard, WEIR_SERVER_METRIC_BYTES, &out);
    cells->inflated = weir_metric_registry_counter(registry, shard, WEIR_SERVER_METRIC_CODED, &in);
    cells->deflated = weir_metric_registry_counter(registry, shard, WEIR_SERVER_METRIC_CODED, &out);
    cells->connections =
        weir_metric_registry_gauge(registry, shard, WEIR_SERVER_METRIC_CONNECTIONS, &loop);
    cells->queue_requests =
        weir_metric_registry_gauge(registry, shard, WEIR_SERVER_METRIC_QUEUE_REQUESTS, &loop);
    cells->queue_rows =
        weir_metric_registry_gauge(registry, shard, WEIR_SERVER_METRIC_QUEUE_ROWS, &loop);
    cells->iteration =
        weir_metric_registry_histogram(registry, shard, WEIR_SERVER_METRIC_ITERATION, &loop);
    cells->lag = weir_metric_registry_histogram(registry, shard, WEIR_SERVER_METRIC_LAG, &loop);
    cells->expired =
        weir_metric_registry_counter(registry, shard, WEIR_SERVER_METRIC_UNANSWERED, &expired);
    cells->overdue =
        weir_metric_registry_counter(registry, shard, WEIR_SERVER_METRIC_UNANSWERED, &overdue);
    cells->canceled =
        weir_metric_registry_counter(registry, shard, WEIR_SERVER_METRIC_UNANSWERED, &canceled);
    cells->late =
        weir_metric_registry_counter(registry, shard, WEIR_SERVER_METRIC_UNANSWERED, &late);
    cells->abandoned =
        weir_metric_registry_counter(registry, shard, WEIR_SERVER_METRIC_UNANSWERED, &abandoned);
}

void weir_server_metrics_version_cells(struct weir_server_version_cells *cells,
                                       struct weir_metric_registry *registry, uint32_t shard,
                                       const struct weir_version *version)
{
    *cells = (struct weir_server_version_cells){
        .registry = registry, .shard = shard, .version = version};
    struct weir_str labels[3] = {version->name, version->number_text};
    for (size_t i = 0; i < WEIR_SERVER_STAGE_N; i++) {
        labels[2] = weir_str_c(stage_names[i]);
        cells->stage[i] =
            weir_metric_registry_histogram(registry, shard, WEIR_SERVER_METRIC_STAGE, labels);
    }
    cells->rows = weir_metric_registry_counter(registry, shard, WEIR_SERVER_METRIC_ROWS, labels);
    cells->batch_rows =
        weir_metric_registry_histogram(registry, shard, WEIR_SERVER_METRIC_BATCH_ROWS, labels);
    cells->extra_columns =
        weir_metric_registry_counter(registry, shard, WEIR_SERVER_METRIC_EXTRA_COLUMNS, labels);
}

void weir_server_metrics_copy_http(struct weir_server_loop_cells *cells,
                                   const struct weir_http_counters *counters)
{
    size_t i = 0;
#define HTTP_COPY(name, help) weir_metric_counter_set(cells->http[i++], counters->name);
    WEIR_HTTP_COUNTERS(HTTP_COPY)
#undef HTTP_COPY
    weir_metric_counter_set(cells->bytes_in, counters->bytes_in);
    weir_metric_counter_set(cells->bytes_out, counters->bytes_out);
}

static struct weir_metric_counter *request_cell(const struct weir_server_version_cells *cells,
                                                enum weir_protocol_dialect dialect, int code)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%d", code); /* Three digits. */
    struct weir_str labels[] = {cells->version->name, cells->version->number_text,
                                weir_str_c(weir_protocol_ops_of(dialect)->name), weir_str_c(text)};
    return weir_metric_registry_counter(cells->registry, cells->shard, WEIR_SERVER_METRIC_REQUESTS,
                                        labels);
}

void weir_server_metrics_count_request(struct weir_server_version_cells *cells,
                                       enum weir_protocol_dialect dialect, int code)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(codes); i++) {
        if (codes[i] != code)
            continue;
        if (!cells->requests[dialect][i])
            cells->requests[dialect][i] = request_cell(cells, dialect, code);
        weir_metric_counter_add(cells->requests[dialect][i], 1);
        return;
    }
    weir_metric_counter_add(request_cell(cells, dialect, code), 1);
}

void weir_server_metrics_count_batch(struct weir_server_version_cells *cells,
                                     const struct weir_batch *batch)
{
    struct weir_metric_counter **cell = &cells->batches[batch->close][batch->is_inline];
    if (!*cell) {
        struct weir_str labels[] = {cells->version->name, cells->version->number_text,
                                    weir_str_c(weir_batch_close_name(batch->close)),
                                    batch->is_inline ? WEIR_STR("loop") : WEIR_STR("pool")};
        *cell = weir_metric_registry_counter(cells->registry, cells->shard,
                                             WEIR_SERVER_METRIC_BATCHES, labels);
    }
    weir_metric_counter_add(*cell, 1);
    weir_metric_counter_add(cells->rows, batch->n_rows);
    weir_metric_histogram_add(cells->batch_rows, batch->n_rows);
}

void weir_server_metrics_count_refusal(struct weir_server_version_cells *cells,
                                       enum weir_batcher_refusal refusal)
{
    struct weir_metric_counter **cell = &cells->refused[refusal];
    if (!*cell) {
        struct weir_str labels[] = {cells->version->name,
                                    weir_str_c(weir_batcher_refusal_name(refusal))};
        *cell = weir_metric_registry_counter(cells->registry, cells->shard,
                                             WEIR_SERVER_METRIC_REFUSED, labels);
    }
    weir_metric_counter_add(*cell, 1);
}

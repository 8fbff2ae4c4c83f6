/* SPDX-License-Identifier: MIT */
/* The server's metrics: the table of families, and the cells that each loop writes.
 *
 * A cell has one writer, the loop it was made for; the keeper adds the cells up when it is scraped.
 * Threads: weir_server_metrics_* any unless said; cells: their loop's. */
#ifndef WEIR_SERVER_METRICS_H
#define WEIR_SERVER_METRICS_H

#include "batch/batcher.h"
#include "http/options.h"
#include "metric/registry.h"
#include "protocol/dialect.h"
#include "repo/version.h"

#include <stdint.h>

/* Families, in the order of the page: enumerator, name, type, unit, help, labels. */
#define WEIR_SERVER_METRIC_MAP(X)                                                                  \
    X(REQUESTS, "weir_requests_total", COUNTER, NONE,                                              \
      "Prediction requests by what they were answered with.", "model", "version", "protocol",      \
      "code")                                                                                      \
    X(STAGE, "weir_request_stage_seconds", HISTOGRAM, SECONDS,                                     \
      "Time spent in each stage; decode and whole for each request, queue, run and encode for "    \
      "each batch.",                                                                               \
      "model", "version", "stage")                                                                 \
    X(ROWS, "weir_rows_total", COUNTER, NONE, "Rows that were run.", "model", "version")           \
    X(BATCH_ROWS, "weir_batch_rows", HISTOGRAM, NONE, "Rows in each batch that was run.", "model", \
      "version")                                                                                   \
    X(BATCHES, "weir_batches_total", COUNTER, NONE,                                                \
      "Batches by why they were closed and where "                                                 \
      "they ran.",                                                                                 \
      "model", "version", "reason", "place")                                                       \
    X(REFUSED, "weir_refused_total", COUNTER, NONE,                                                \
      "Prediction requests refused before their rows were queued.", "model", "reason")             \
    X(UNANSWERED, "weir_unanswered_total", COUNTER, NONE,                                          \
      "Queued requests whose rows never ran, or whose answer nobody waited for.", "reason")        \
    X(EXTRA_COLUMNS, "weir_extra_columns_total", COUNTER, NONE,                                    \
      "Named columns in requests that the model does not have, ignored.", "model")                 \
    X(QUEUE_REQUESTS, "weir_queue_requests", GAUGE, NONE,                                          \
      "Requests admitted and not yet answered.", "loop")                                           \
    X(QUEUE_ROWS, "weir_queue_rows", GAUGE, NONE, "Rows admitted and not yet run.", "loop")        \
    X(HTTP, "weir_http_events_total", COUNTER, NONE,                                               \
      "What happened to connections and requests: answers, limits, timeouts, refusals.", "event")  \
    X(CONNECTIONS, "weir_http_connections", GAUGE, NONE, "Open connections.", "loop")              \
    X(BYTES, "weir_http_bytes_total", COUNTER, BYTES, "Bytes read and written.", "direction")      \
    X(CODED, "weir_compressed_total", COUNTER, NONE, "Compressed bodies read and answers sent.",   \
      "direction")                                                                                 \
    X(ITERATION, "weir_loop_iteration_seconds", HISTOGRAM, SECONDS,                                \
      "Time the callbacks of one loop iteration took.", "loop")                                    \
    X(LAG, "weir_loop_lag_seconds", HISTOGRAM, SECONDS, "How late a timer of 100 ms came.",        \
      "loop")                                                                                      \
    X(SWAP, "weir_swap_seconds", HISTOGRAM, SECONDS,                                               \
      "Time from seeing a changed file to all loops having adopted it.", "model")                  \
    X(LOAD, "weir_load_seconds", HISTOGRAM, SECONDS, "Time a successful load took.", "model")      \
    X(LOADS, "weir_loads_total", COUNTER, NONE, "Loads by model and outcome.", "model", "outcome") \
    X(GATE_VERDICTS, "weir_gate_verdicts_total", COUNTER, NONE,                                    \
      "Verdicts of gates, and versions promoted against one (forced).", "model", "verdict")        \
    X(GATE, "weir_gate_seconds", HISTOGRAM, SECONDS, "Time that judging a version took.", "model") \
    X(LABEL_JOIN, "weir_label_join_total", COUNTER, NONE, "Labels by what became of them.",        \
      "model", "result")                                                                           \
    X(SHADOW_ROWS, "weir_shadow_rows_total", COUNTER, NONE,                                        \
      "Rows on which the shadow was compared with what answers.", "model")                         \
    X(SHADOW_DISAGREEMENTS, "weir_shadow_disagreements_total", COUNTER, NONE,                      \
      "Rows of these that the two decided differently.", "model")                                  \
    X(SHADOW_DROPPED, "weir_shadow_dropped_total", COUNTER, NONE,                                  \
      "Rows that the shadow was not given as it was busy.", "model")

enum weir_server_metric {
#define WEIR_SERVER_METRIC_ENUM(code, ...) WEIR_SERVER_METRIC_##code,
    WEIR_SERVER_METRIC_MAP(WEIR_SERVER_METRIC_ENUM)
#undef WEIR_SERVER_METRIC_ENUM
};

enum weir_server_stage {
    WEIR_SERVER_STAGE_DECODE,
    WEIR_SERVER_STAGE_QUEUE,
    WEIR_SERVER_STAGE_RUN,
    WEIR_SERVER_STAGE_ENCODE,
    WEIR_SERVER_STAGE_WHOLE,
};

enum { WEIR_SERVER_STAGE_N = 5, WEIR_SERVER_CODES_N = 8 };

/* The cells of one loop that do not belong to a model. */
struct weir_server_loop_cells {
    struct weir_metric_counter *http[64]; /* in the order of WEIR_HTTP_COUNTERS */
    struct weir_metric_counter *bytes_in;
    struct weir_metric_counter *bytes_out;
    struct weir_metric_gauge *connections;
    struct weir_metric_gauge *queue_requests;
    struct weir_metric_gauge *queue_rows;
    struct weir_metric_histogram *iteration;
    struct weir_metric_histogram *lag;
    struct weir_metric_counter *inflated;
    struct weir_metric_counter *deflated;
    struct weir_metric_counter *expired;
    struct weir_metric_counter *overdue;
    struct weir_metric_counter *canceled;
    struct weir_metric_counter *late;
    struct weir_metric_counter *abandoned;
};

/* The cells of one version on one loop; those that many versions never need are made at first use.
 */
struct weir_server_version_cells {
    struct weir_metric_registry *registry;
    uint32_t shard;
    const struct weir_version *version;
    struct weir_metric_histogram *stage[WEIR_SERVER_STAGE_N];
    struct weir_metric_histogram *batch_rows;
    struct weir_metric_counter *rows;
    struct weir_metric_counter *extra_columns;
    struct weir_metric_counter *requests[WEIR_PROTOCOL_N][WEIR_SERVER_CODES_N];
    struct weir_metric_counter *batches[WEIR_BATCH_CLOSE_N][2]; /* by reason; pool, inline */
    struct weir_metric_counter *refused[WEIR_BATCHER_REFUSAL_N];
};

/* Makes the registry for n_shards loops. Errors as weir_metric_registry_new. */
WEIR_MUST_USE enum weir_status weir_server_metrics_new(struct weir_metric_registry **out,
                                                       uint32_t n_shards, uint32_t n_series_max,
                                                       struct weir_mem *mem,
                                                       struct weir_error *err);

/* Fills the cells of a loop. */
void weir_server_metrics_loop_cells(struct weir_server_loop_cells *cells,
                                    struct weir_metric_registry *registry, uint32_t shard);

/* Fills the cells of a version on a loop. */
void weir_server_metrics_version_cells(struct weir_server_version_cells *cells,
                                       struct weir_metric_registry *registry, uint32_t shard,
                                       const struct weir_version *version);

/* Copies the counters that the HTTP server keeps into the loop's cells. Runs on: the loop. */
void weir_server_metrics_copy_http(struct weir_server_loop_cells *cells,
                                   const struct weir_http_counters *counters);

/* What the names of other servers are written from. */
struct weir_server_metrics_source {
    const struct weir_metric_registry *registry;
    const struct weir_table *table;
    /* Adds up what a version has done; ctx is handed on. */
    void (*sum)(void *ctx, const struct weir_version *version,
                struct weir_protocol_statistics *out);
    void *ctx;
    struct weir_mem *mem;
};

/* Appends our counters by the names of Triton: counters per model and version, in microseconds.
 * Runs on: the keeper. */
void weir_server_metrics_names_triton(const struct weir_server_metrics_source *source,
                                      struct weir_buf *out);

/* Appends them by the names of TensorFlow Serving, per model; its histograms are cut again from
 * ours. Without memory out is marked as failed. Runs on: the keeper. */
void weir_server_metrics_names_tfserving(const struct weir_server_metrics_source *source,
                                         struct weir_buf *out);

/* Counts one answered request. code: any HTTP status; rare ones share a cell lookup. Runs on: the
 * loop. */
void weir_server_metrics_count_request(struct weir_server_version_cells *cells,
                                       enum weir_protocol_dialect dialect, int code);

/* Counts one batch that was run. Runs on: the loop. */
void weir_server_metrics_count_batch(struct weir_server_version_cells *cells,
                                     const struct weir_batch *batch);

/* Counts one refused request. Runs on: the loop. */
void weir_server_metrics_count_refusal(struct weir_server_version_cells *cells,
                                       enum weir_batcher_refusal refusal);

#endif

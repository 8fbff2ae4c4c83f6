/* SPDX-License-Identifier: MIT */
/* The one table of options. From it come the fields of struct weir_config, the keys of the YAML
 * file, the environment variables, the flags, --help and conf/options.md.
 *
 * One row: X(kind, field, name, default, min, max, unit, scope, group, help)
 *   kind     BOOL, COUNT, SIZE (bytes), DURATION (ns inside), CHOICE, TEXT, LIST
 *   field    the member of struct weir_config
 *   name     the YAML key; the flag is --name with dashes, the variable WEIR_NAME in capitals
 *   default  as text, read like any other value
 *   min max  bounds, both allowed; for TEXT and LIST of the length in bytes and of the item count
 *   unit     what a COUNT counts; the words of a CHOICE between bars; else what the value is
 *   scope    RESTART: a reload keeps the old value and says so; LIVE: a reload changes it;
 *            MODEL: as LIVE, and model_options may set it for one model
 *   group    the heading under which it is documented
 *   help     one sentence */
#ifndef WEIR_CONFIG_OPTIONS_H
#define WEIR_CONFIG_OPTIONS_H

#include "base/clock.h"

#define WEIR_CONFIG_KIB (UINT64_C(1) << 10)
#define WEIR_CONFIG_MIB (UINT64_C(1) << 20)
#define WEIR_CONFIG_GIB (UINT64_C(1) << 30)
#define WEIR_CONFIG_TIB (UINT64_C(1) << 40)

/* clang-format off */
#define WEIR_CONFIG_OPTIONS(X) \
    /* --- addresses and threads --- */ \
    X(LIST, models, "models", "", 0, 256, "directories or model files", RESTART, "Serving", \
      "Where the models are: each a directory or one model file; arguments without a dash are added.") \
    X(LIST, listen, "listen", "127.0.0.1:8080", 1, 32, "ADDR:PORT, [V6]:PORT or unix:PATH", RESTART, "Serving", \
      "Addresses of the main listener: predictions, metadata, health.") \
    X(TEXT, admin, "admin", "127.0.0.1:8081", 0, 512, "ADDR:PORT, unix:PATH or off", RESTART, "Serving", \
      "Address of the admin listener: all of the main one, metrics and the repository calls.") \
    X(CHOICE, repository_api, "repository_api", "admin", 0, 1, "admin|main", RESTART, "Serving", \
      "Where models may be loaded and unloaded, and logging changed, by the protocols' calls: on the admin listener, or also on the main one.") \
    X(COUNT, loops, "loops", "0", 0, 63, "threads", RESTART, "Serving", \
      "Event loops; 0: one on up to 4 cores, then one for each 4 cores.") \
    X(COUNT, workers, "workers", "0", 0, 256, "threads", RESTART, "Serving", \
      "Threads that run models; 0: the cores that are left beside the loops, at least 1.") \
    X(TEXT, default_model, "default_model", "", 0, 128, "model name", LIVE, "Serving", \
      "The model of requests that name none; empty: the only model there is.") \
    X(TEXT, predict_route, "predict_route", "", 0, 512, "path", RESTART, "Serving", \
      "One more path for predictions of the default model, in Flask style and as Vertex AI asks; empty: none.") \
    X(TEXT, health_route, "health_route", "", 0, 512, "path", RESTART, "Serving", \
      "One more path that tells whether the server is ready; empty: none.") \
    X(BOOL, strict_readiness, "strict_readiness", "false", 0, 1, "", LIVE, "Serving", \
      "Ready only while every model that was found has a version that serves.") \
    X(DURATION, drain_delay_ns, "drain_delay", "5s", 0, 3600 * WEIR_NS_PER_S, "", LIVE, "Serving", \
      "How long connections are still accepted after SIGTERM, with readiness already off.") \
    X(DURATION, drain_timeout_ns, "drain_timeout", "30s", 0, 3600 * WEIR_NS_PER_S, "", LIVE, "Serving", \
      "After SIGTERM the process ends at the latest after this time, drain_delay included.") \
    X(CHOICE, columns_answer, "columns_answer", "outputs", 0, 2, "outputs|predictions|both", LIVE, "Serving", \
      "Under which key /v1/models/M:predict answers inputs: outputs as TensorFlow Serving, predictions as KServe v1.") \
    /* --- batching --- */ \
    X(COUNT, max_batch_size, "max_batch_size", "256", 1, 65536, "rows", MODEL, "Batching", \
      "A batch closes when it holds this many rows; a larger request is a batch of its own.") \
    X(COUNT, max_queue_delay_microseconds, "max_queue_delay_microseconds", "0", 0, 60000000, "microseconds", MODEL, "Batching", \
      "How long a batch may wait for more rows although a worker is idle; 0: never.") \
    X(CHOICE, inline_choice, "inline", "auto", 0, 2, "auto|never|always", MODEL, "Batching", \
      "Whether batches run on the loop: where the learned cost is below that of a hand-over, never, always.") \
    X(DURATION, inline_cost_max_ns, "inline_cost_max", "100us", 0, 10 * WEIR_NS_PER_MS, "", MODEL, "Batching", \
      "With inline: auto, a batch that is expected to cost more never runs on the loop.") \
    X(COUNT, queue_requests_max, "queue_requests_max", "1024", 1, 1000000, "requests", MODEL, "Batching", \
      "Requests of one model, or of each of its levels of priority, that may wait on one loop; more are refused with 503.") \
    X(COUNT, queue_rows_max, "queue_rows_max", "1048576", 1, 1000000000, "rows", MODEL, "Batching", \
      "Rows of one model, or of each level, that may wait on one loop; more are refused with 503.") \
    X(SIZE, queue_bytes_max, "queue_bytes_max", "64MiB", 1, WEIR_CONFIG_TIB, "", MODEL, "Batching", \
      "Input bytes of one model, or of each level, that may wait on one loop; more are refused with 503.") \
    X(DURATION, queue_delay_max_ns, "queue_delay_max", "250ms", WEIR_NS_PER_MS, 3600 * WEIR_NS_PER_S, "", MODEL, "Batching", \
      "A request whose expected wait is longer is refused on arrival with 503.") \
    X(DURATION, request_timeout_ns, "request_timeout", "30s", WEIR_NS_PER_MS, 3600 * WEIR_NS_PER_S, "", MODEL, "Batching", \
      "A request is answered with 504 after this time; X-Request-Timeout-Ms may lower it.") \
    X(DURATION, queue_timeout_ns, "queue_timeout", "0", 0, 3600 * WEIR_NS_PER_S, "", MODEL, "Batching", \
      "A request whose run has not begun after this time is answered with 503; 0: no limit.") \
    X(CHOICE, request_queue_timeout, "request_queue_timeout", "shorten", 0, 1, "shorten|ignore", MODEL, "Batching", \
      "Whether the timeout parameter of a request may shorten queue_timeout for it, or is ignored.") \
    X(COUNT, priority_levels, "priority_levels", "0", 0, 16, "levels", MODEL, "Batching", \
      "Levels of priority, 1 the highest: of a model's rows higher levels are always run first; 0: none.") \
    X(COUNT, default_priority_level, "default_priority_level", "0", 0, 16, "level", MODEL, "Batching", \
      "The level of requests without a priority or with one that there is not; 0: the lowest.") \
    /* --- live quality --- */ \
    X(CHOICE, quality, "quality", "off", 0, 1, "off|on", MODEL, "Live quality", \
      "Whether predictions are kept until their labels come, and what they were worth is told.") \
    X(DURATION, quality_window_ns, "quality_window", "24h", 24 * WEIR_NS_PER_S, 90 * 86400 * WEIR_NS_PER_S, "", MODEL, "Live quality", \
      "How far back quality is told, in 24 spans; counts from when quality was switched on.") \
    X(DURATION, quality_ttl_ns, "quality_ttl", "0", 0, 90 * 86400 * WEIR_NS_PER_S, "", MODEL, "Live quality", \
      "How long a prediction waits for its label, at most quality_window; 0: as long as that.") \
    X(COUNT, quality_capacity, "quality_capacity", "262144", 1024, 1000000000, "predictions", MODEL, "Live quality", \
      "Predictions that may wait for labels, some 60 bytes each; of more a share is kept.") \
    X(CHOICE, quality_labels, "quality_labels", "last", 0, 1, "last|first", MODEL, "Live quality", \
      "Which of several labels of a prediction counts.") \
    X(COUNT, drift_psi_percent, "drift_psi_percent", "20", 1, 1000, "hundredths", MODEL, "Live quality", \
      "A feature has drifted above this stability index (PSI), if chance does not make it likely.") \
    X(CHOICE, labels_api, "labels_api", "admin", 0, 1, "admin|main", RESTART, "Live quality", \
      "Where labels are taken: on the admin listener, or also on the main one.") \
    /* --- connections and requests --- */ \
    X(COUNT, connections_max, "connections_max", "0", 0, 1000000, "connections", RESTART, "Connections", \
      "Open connections in all, others wait in the backlog; 0: 4096, or what the descriptor limit allows.") \
    X(COUNT, connections_per_address_max, "connections_per_address_max", "512", 0, 1000000, "connections", LIVE, "Connections", \
      "Open connections of one client address, others get 429; 0: no limit.") \
    X(BOOL, limit_loopback, "limit_loopback", "false", 0, 1, "", LIVE, "Connections", \
      "Whether connections_per_address_max also holds for loopback addresses and Unix sockets.") \
    X(COUNT, accepts_per_tick_max, "accepts_per_tick_max", "64", 1, 65536, "connections", LIVE, "Connections", \
      "Connections that one loop accepts before it looks at the others again.") \
    X(DURATION, first_byte_timeout_ns, "first_byte_timeout", "15s", WEIR_NS_PER_MS, 86400 * WEIR_NS_PER_S, "", LIVE, "Connections", \
      "A new connection without a byte is closed after this time.") \
    X(DURATION, idle_timeout_ns, "idle_timeout", "75s", WEIR_NS_PER_MS, 86400 * WEIR_NS_PER_S, "", LIVE, "Connections", \
      "A connection between two requests is closed after this time.") \
    X(DURATION, head_timeout_ns, "head_timeout", "10s", WEIR_NS_PER_MS, 86400 * WEIR_NS_PER_S, "", LIVE, "Connections", \
      "From the first byte to the end of the head; then 408.") \
    X(DURATION, body_timeout_ns, "body_timeout", "120s", WEIR_NS_PER_MS, 86400 * WEIR_NS_PER_S, "", LIVE, "Connections", \
      "From the end of the head to the end of the body; then 408.") \
    X(SIZE, body_rate_min, "body_rate_min", "1KiB", 0, WEIR_CONFIG_GIB, "bytes per second", LIVE, "Connections", \
      "A body that comes slower than this over body_rate_window is ended with 408; 0: no limit.") \
    X(DURATION, body_rate_window_ns, "body_rate_window", "10s", 100 * WEIR_NS_PER_MS, 3600 * WEIR_NS_PER_S, "", LIVE, "Connections", \
      "The time over which body_rate_min is measured.") \
    X(DURATION, write_timeout_ns, "write_timeout", "30s", WEIR_NS_PER_MS, 86400 * WEIR_NS_PER_S, "", LIVE, "Connections", \
      "A connection that takes no byte of its answer for this time is reset.") \
    X(SIZE, unsent_bytes_max, "unsent_bytes_max", "1MiB", 1024, WEIR_CONFIG_GIB, "", LIVE, "Connections", \
      "Answer bytes that may wait on one connection; then no more requests are read from it.") \
    X(SIZE, unsent_bytes_resume, "unsent_bytes_resume", "256KiB", 0, WEIR_CONFIG_GIB, "", LIVE, "Connections", \
      "Reading goes on when no more than this many answer bytes wait.") \
    X(COUNT, pipelined_requests_max, "pipelined_requests_max", "32", 1, 4096, "requests", LIVE, "Connections", \
      "Unanswered requests on one connection; then no more are read from it.") \
    X(COUNT, http2_streams_max, "http2_streams_max", "100", 1, 10000, "streams", LIVE, "Connections", \
      "Open streams of an HTTP/2 connection; for connections that begin after it was changed.") \
    X(COUNT, http2_resets_max, "http2_resets_max", "100", 1, 1000000, "streams", LIVE, "Connections", \
      "HTTP/2 streams ended early at once; 33 more a second and one for each two answers are forgiven.") \
    X(COUNT, http2_glitches_max, "http2_glitches_max", "1000", 1, 1000000, "frames", LIVE, "Connections", \
      "HTTP/2 frames that carry nothing at once; 33 more a second and four for each other frame are forgiven.") \
    X(COUNT, requests_per_connection_max, "requests_per_connection_max", "10000", 0, 1000000000, "requests", LIVE, "Connections", \
      "The answer to this many requests carries Connection: close; 0: no limit.") \
    X(DURATION, connection_age_max_ns, "connection_age_max", "1h", WEIR_NS_PER_S, 365 * 86400 * WEIR_NS_PER_S, "", LIVE, "Connections", \
      "Answers on a connection older than this, give or take a tenth, carry Connection: close.") \
    X(SIZE, request_line_bytes_max, "request_line_bytes_max", "8KiB", 64, WEIR_CONFIG_MIB, "", LIVE, "Requests", \
      "A longer request line is refused with 414.") \
    X(SIZE, header_bytes_max, "header_bytes_max", "32KiB", 256, 16 * WEIR_CONFIG_MIB, "", LIVE, "Requests", \
      "More header bytes in all are refused with 431.") \
    X(SIZE, header_line_bytes_max, "header_line_bytes_max", "8KiB", 64, WEIR_CONFIG_MIB, "", LIVE, "Requests", \
      "A longer header line is refused with 431.") \
    X(COUNT, headers_max, "headers_max", "100", 1, 10000, "headers", LIVE, "Requests", \
      "More headers are refused with 431.") \
    X(SIZE, trailer_bytes_max, "trailer_bytes_max", "4KiB", 0, WEIR_CONFIG_MIB, "", LIVE, "Requests", \
      "More trailer bytes are refused with 431.") \
    X(COUNT, trailers_max, "trailers_max", "32", 0, 10000, "lines", LIVE, "Requests", \
      "More trailer lines are refused with 431.") \
    X(SIZE, chunk_extension_bytes_max, "chunk_extension_bytes_max", "256", 0, WEIR_CONFIG_MIB, "", LIVE, "Requests", \
      "A longer extension of one chunk is refused with 400.") \
    X(SIZE, chunk_extensions_bytes_max, "chunk_extensions_bytes_max", "4KiB", 0, WEIR_CONFIG_MIB, "", LIVE, "Requests", \
      "More extension bytes in one body are refused with 400.") \
    X(SIZE, chunk_framing_bytes_max, "chunk_framing_bytes_max", "64KiB", 1024, WEIR_CONFIG_GIB, "", LIVE, "Requests", \
      "Framing bytes of one chunked body beyond this and the body's own size are refused with 400.") \
    X(SIZE, body_bytes_max, "body_bytes_max", "16MiB", 1, 16 * WEIR_CONFIG_GIB, "", LIVE, "Requests", \
      "A larger body is refused with 413; a compressed one also if it becomes larger.") \
    X(COUNT, inflated_ratio_max, "inflated_ratio_max", "0", 0, 1000000, "times", LIVE, "Requests", \
      "A compressed body of which comes more than this many times its size, beyond 1 MiB, is refused with 413; 0: no limit but body_bytes_max.") \
    X(CHOICE, compress_answers, "compress_answers", "v2", 0, 2, "v2|all|none", LIVE, "Requests", \
      "Which answers are compressed for clients that accept it: those of Open Inference Protocol v2, of all protocols, or none.") \
    X(SIZE, compress_answers_min, "compress_answers_min", "1KiB", 0, WEIR_CONFIG_GIB, "", LIVE, "Requests", \
      "Shorter answers are never compressed.") \
    X(COUNT, json_depth_max, "json_depth_max", "64", 4, 1024, "levels", LIVE, "Requests", \
      "JSON nested deeper is refused with 400.") \
    X(COUNT, json_values_max, "json_values_max", "8388608", 1, 1000000000, "values", LIVE, "Requests", \
      "JSON with more values is refused with 400.") \
    X(SIZE, json_string_bytes_max, "json_string_bytes_max", "1MiB", 1, WEIR_CONFIG_GIB, "", LIVE, "Requests", \
      "A longer JSON string is refused with 400.") \
    X(SIZE, json_number_bytes_max, "json_number_bytes_max", "512", 32, WEIR_CONFIG_MIB, "", LIVE, "Requests", \
      "A longer JSON number is refused with 400.") \
    X(COUNT, json_keys_max, "json_keys_max", "4096", 1, 1000000, "keys", LIVE, "Requests", \
      "A JSON object with more keys is refused with 400.") \
    X(COUNT, request_rows_max, "request_rows_max", "65536", 1, 1000000000, "rows", LIVE, "Requests", \
      "A request with more rows is refused with 413.") \
    X(COUNT, request_cells_max, "request_cells_max", "16777216", 1, UINT64_C(1000000000000), "cells", LIVE, "Requests", \
      "A request with more cells (rows times columns) is refused with 413.") \
    X(SIZE, answer_bytes_max, "answer_bytes_max", "64MiB", 1024, 16 * WEIR_CONFIG_GIB, "", LIVE, "Requests", \
      "A request whose answer is expected to be larger is refused with 413.") \
    X(COUNT, name_bytes_max, "name_bytes_max", "128", 1, 128, "bytes", LIVE, "Requests", \
      "Names of models, versions and tensors that are longer are not found.") \
    /* --- memory, metrics, log --- */ \
    X(SIZE, request_memory_max, "request_memory_max", "0", 0, WEIR_CONFIG_TIB, "", RESTART, "Memory and log", \
      "Memory that requests may hold in all, more get 503; 0: 1 GiB, or half of what the control group allows.") \
    X(COUNT, memory_keepalive_percent, "memory_keepalive_percent", "85", 1, 100, "percent of request_memory_max", LIVE, "Memory and log", \
      "From here on answers carry Connection: close.") \
    X(COUNT, memory_refuse_percent, "memory_refuse_percent", "95", 1, 100, "percent of request_memory_max", LIVE, "Memory and log", \
      "From here on only health and metrics are answered.") \
    X(COUNT, metric_series_max, "metric_series_max", "10000", 100, 10000000, "series", RESTART, "Memory and log", \
      "Metric series in all; what comes after is counted under the label other.") \
    X(CHOICE, metrics_names, "metrics_names", "weir", 0, 3, "weir|triton|tfserving|all", LIVE, "Memory and log", \
      "Whether metrics are also told by the names of Triton, of TensorFlow Serving, or of both.") \
    X(CHOICE, log_level, "log_level", "info", 0, 3, "debug|info|warn|error", LIVE, "Memory and log", \
      "The lowest level of events that is written.") \
    X(CHOICE, log_format, "log_format", "logfmt", 0, 1, "logfmt|json", LIVE, "Memory and log", \
      "The form of the log's lines.") \
    X(BOOL, access_log, "access_log", "false", 0, 1, "", LIVE, "Memory and log", \
      "Whether every request is logged too.") \
    /* --- the model repository --- */ \
    X(DURATION, rescan_ns, "rescan", "2s", 10 * WEIR_NS_PER_MS, 3600 * WEIR_NS_PER_S, "", LIVE, "Repository", \
      "The model directories are read again at least this often.") \
    X(DURATION, settle_ns, "settle", "1s", 0, 3600 * WEIR_NS_PER_S, "", LIVE, "Repository", \
      "How long a file that may still be written must stay the same before it is loaded.") \
    X(BOOL, events, "events", "true", 0, 1, "", RESTART, "Repository", \
      "Whether the kernel is asked to tell of changes (inotify), so that they are seen at once.") \
    X(CHOICE, on_removal, "on_removal", "keep", 0, 1, "keep|unload", LIVE, "Repository", \
      "What happens to a model whose file vanished: it keeps serving, or is unloaded after removal_grace.") \
    X(DURATION, removal_grace_ns, "removal_grace", "10s", 0, 86400 * WEIR_NS_PER_S, "", LIVE, "Repository", \
      "With on_removal: unload, how long a file must be gone while its directory is otherwise in order.") \
    X(BOOL, require_digest, "require_digest", "false", 0, 1, "", LIVE, "Repository", \
      "Whether a model file is only loaded with a FILE.sha256 beside it that agrees.") \
    X(BOOL, hard_links, "hard_links", "false", 0, 1, "", LIVE, "Repository", \
      "Whether model files with more than one hard link are loaded.") \
    X(TEXT, state_dir, "state_dir", "", 0, 4096, "directory, or off", RESTART, "Repository", \
      "Keeps generations, verdicts and the last good files; empty: $STATE_DIRECTORY, else the user's state directory.") \
    X(SIZE, rollback_memory_max, "rollback_memory_max", "256MiB", 0, WEIR_CONFIG_TIB, "", LIVE, "Repository", \
      "Memory for versions that served before, so that a rollback need not load them; 0: none is kept in memory.") \
    X(SIZE, state_bytes_max, "state_bytes_max", "1GiB", 0, WEIR_CONFIG_TIB, "", LIVE, "Repository", \
      "Bytes of model files kept in the state directory.") \
    X(SIZE, model_bytes_max, "model_bytes_max", "2GiB", 1, WEIR_CONFIG_TIB, "", LIVE, "Loading", \
      "A larger model file is refused.") \
    X(DURATION, load_timeout_ns, "load_timeout", "120s", 10 * WEIR_NS_PER_MS, 86400 * WEIR_NS_PER_S, "", LIVE, "Loading", \
      "A load that takes longer is given up.") \
    X(SIZE, load_memory_max, "load_memory_max", "0", 0, WEIR_CONFIG_TIB, "", LIVE, "Loading", \
      "Memory that one load may take, the loaded model included; 0: 16 times the file and 64 MiB.") \
    X(COUNT, model_nodes_max, "model_nodes_max", "67108864", 1, UINT64_C(4294967295), "nodes", LIVE, "Loading", \
      "A model with more tree nodes is refused.") \
    X(COUNT, tree_depth_max, "tree_depth_max", "1024", 1, 65535, "levels", LIVE, "Loading", \
      "A model with a deeper tree is refused.") \
    X(COUNT, features_max, "features_max", "1048576", 1, 16777216, "features", LIVE, "Loading", \
      "A model with more input features is refused.") \
    X(COUNT, classes_max, "classes_max", "65536", 1, 16777216, "classes", LIVE, "Loading", \
      "A model with more classes is refused.") \
    X(COUNT, pickle_opcodes_max, "pickle_opcodes_max", "67108864", 1000, UINT64_C(4294967295), "opcodes", LIVE, "Loading", \
      "A pickle with more opcodes is refused.") \
    X(COUNT, pickle_memo_max, "pickle_memo_max", "16777216", 1000, UINT64_C(4294967295), "entries", LIVE, "Loading", \
      "A pickle that remembers more values is refused.") \
    X(COUNT, pickle_stack_max, "pickle_stack_max", "1048576", 100, UINT64_C(4294967295), "values", LIVE, "Loading", \
      "A pickle with more values on its stack is refused.") \
    X(COUNT, pickle_depth_max, "pickle_depth_max", "256", 16, 10000, "levels", LIVE, "Loading", \
      "A pickle nested deeper is refused.") \
    X(TEXT, onnxruntime_library, "onnxruntime_library", "", 0, 4096, "file or directory", RESTART, "Loading", \
      "ONNX Runtime's library, or the directory that holds it; empty: it is searched for.") \
    X(COUNT, onnx_threads, "onnx_threads", "1", 1, 256, "threads", LIVE, "Loading", \
      "Threads that one run of an ONNX model may use.") \
    X(BOOL, onnx_external_data, "onnx_external_data", "false", 0, 1, "", LIVE, "Loading", \
      "Whether ONNX models may keep tensors in other files of their own directory.") \
    X(BOOL, onnx_guard, "onnx_guard", "true", 0, 1, "", LIVE, "Loading", \
      "Whether ONNX Runtime tries a model in a process of its own first, so that one that ends it is refused.")
/* clang-format on */

/* Words of the CHOICE options, in the order of their unit column. */
enum weir_config_inline {
    WEIR_CONFIG_INLINE_AUTO,
    WEIR_CONFIG_INLINE_NEVER,
    WEIR_CONFIG_INLINE_ALWAYS,
};
enum weir_config_compress {
    WEIR_CONFIG_COMPRESS_V2,
    WEIR_CONFIG_COMPRESS_ALL,
    WEIR_CONFIG_COMPRESS_NONE
};
enum weir_config_queue_timeout {
    WEIR_CONFIG_QUEUE_TIMEOUT_SHORTEN,
    WEIR_CONFIG_QUEUE_TIMEOUT_IGNORE
};
enum weir_config_metrics_names {
    WEIR_CONFIG_METRICS_WEIR,
    WEIR_CONFIG_METRICS_TRITON,
    WEIR_CONFIG_METRICS_TFSERVING,
    WEIR_CONFIG_METRICS_ALL,
};
enum weir_config_quality { WEIR_CONFIG_QUALITY_OFF, WEIR_CONFIG_QUALITY_ON };
enum weir_config_quality_labels { WEIR_CONFIG_QUALITY_LAST, WEIR_CONFIG_QUALITY_FIRST };
enum weir_config_labels_api { WEIR_CONFIG_LABELS_ADMIN, WEIR_CONFIG_LABELS_MAIN };
enum weir_config_removal { WEIR_CONFIG_REMOVAL_KEEP, WEIR_CONFIG_REMOVAL_UNLOAD };

#endif

/* SPDX-License-Identifier: MIT */
/* The load generator: a number of connections to one server, and requests over them in an open loop
 * (sent when they are due, whatever the server does) or a closed loop (each connection asks again
 * when it is answered).
 *
 * In the open loop latency counts from the time a request was *meant* to be sent: one that waits
 * for a free connection is charged its waiting, so that a server that stalls cannot hide the
 * requests that would have come in meanwhile. Everything runs on the loop's thread. */
#ifndef WEIR_CLI_BENCH_LOAD_H
#define WEIR_CLI_BENCH_LOAD_H

#include "cli/bench_plan.h"
#include "http/client.h"
#include "loop/timer.h"
#include "metric/histogram.h"

/* What became of a request: name, text. All but OK are failures. */
#define WEIR_CLI_BENCH_OUTCOME_MAP(X)                                            \
    X(OK, "ok", "answered with 2xx")                                             \
    X(WRONG, "wrong", "answered, but not as the version it names answers")       \
    X(UNKNOWN, "unknown_version", "answered by a version that nobody put there") \
    X(STATUS_3XX, "status_3xx", "answered with 3xx")                             \
    X(STATUS_4XX, "status_4xx", "answered with 4xx")                             \
    X(STATUS_5XX, "status_5xx", "answered with 5xx")                             \
    X(CONNECT, "connect", "no connection could be made")                         \
    X(CLOSED, "closed", "the server closed the connection before the answer")    \
    X(RESET, "reset", "the connection broke before the answer")                  \
    X(MALFORMED, "malformed", "the answer was not HTTP, or far too large")       \
    X(TIMEOUT, "timeout", "not answered in time")                                \
    X(UNSENT, "unsent", "never sent: too many were waiting for a free connection")

enum weir_cli_bench_outcome {
#define WEIR_CLI_BENCH_OUTCOME_ENUM(code, name, text) WEIR_CLI_BENCH_##code,
    WEIR_CLI_BENCH_OUTCOME_MAP(WEIR_CLI_BENCH_OUTCOME_ENUM)
#undef WEIR_CLI_BENCH_OUTCOME_ENUM
};

enum {
    WEIR_CLI_BENCH_OUTCOME_N = 12, /* enumerators of enum weir_cli_bench_outcome */
    WEIR_CLI_BENCH_WAITING_MAX = 1 << 20,
    WEIR_CLI_BENCH_CONNECTIONS_MAX = 60000,
};

const char *weir_cli_bench_outcome_name(enum weir_cli_bench_outcome outcome);
const char *weir_cli_bench_outcome_text(enum weir_cli_bench_outcome outcome);

/* Looks at an answer with a 2xx status to request number `request`: OK, WRONG or UNKNOWN. */
typedef enum weir_cli_bench_outcome
weir_cli_bench_judge_fn(void *ctx, size_t request, const struct weir_http_client *client,
                        const struct weir_http_client_answer *answer);

/* What is sent where; everything is borrowed until the load is freed. */
struct weir_cli_bench_target {
    struct weir_addr_target addr;
    const struct weir_str *requests; /* n_requests, as they go over the wire; sent in turn */
    size_t n_requests;
    weir_cli_bench_judge_fn *judge; /* NULL: every 2xx is fine */
    void *judge_ctx;
};

struct weir_cli_bench_load_opts {
    double rate;            /* requests a second; 0: closed loop */
    bool is_poisson;        /* else equal gaps */
    uint32_t n_connections; /* 1 … WEIR_CLI_BENCH_CONNECTIONS_MAX */
    uint64_t timeout_ns;    /* of one request, from its intended time */
    uint64_t seed;
};

/* What was measured; times in nanoseconds. */
struct weir_cli_bench_tally {
    struct weir_metric_histogram latency; /* of OK requests, from the intended time */
    struct weir_metric_histogram service; /* the same from the time they were really sent */
    uint64_t n[WEIR_CLI_BENCH_OUTCOME_N];
    uint64_t n_reconnects; /* connections made anew */
    uint64_t bytes;        /* bodies received */
    uint64_t elapsed_ns;   /* time in which requests were due */
};

WEIR_MUST_USE enum weir_status weir_cli_bench_tally_init(struct weir_cli_bench_tally *t,
                                                         struct weir_error *err);
void weir_cli_bench_tally_deinit(struct weir_cli_bench_tally *t);
void weir_cli_bench_tally_merge(struct weir_cli_bench_tally *into,
                                const struct weir_cli_bench_tally *from);

/* Returns how many requests there were, and how many failed or were wrong. */
uint64_t weir_cli_bench_tally_total(const struct weir_cli_bench_tally *t);
uint64_t weir_cli_bench_tally_failed(const struct weir_cli_bench_tally *t);

struct weir_cli_bench_load;

/* Makes the connections' memory; nothing is connected yet. */
WEIR_MUST_USE enum weir_status weir_cli_bench_load_new(struct weir_cli_bench_load **out,
                                                       struct weir_loop *loop,
                                                       const struct weir_cli_bench_target *target,
                                                       const struct weir_cli_bench_load_opts *opts,
                                                       struct weir_error *err);

/* Closes all connections, running the loop until they are gone, and frees. NULL is allowed. */
void weir_cli_bench_load_free(struct weir_cli_bench_load *l);

/* Sends for lead_ns without measuring, then for duration_ns, then waits for what is under way. Adds
 * to tally: times of the measured part, failures of both. Connections stay open for the next run.
 * WEIR_ERR_IO: not one connection could be made. */
WEIR_MUST_USE enum weir_status weir_cli_bench_load_run(struct weir_cli_bench_load *l,
                                                       uint64_t lead_ns, uint64_t duration_ns,
                                                       struct weir_cli_bench_tally *tally,
                                                       struct weir_error *err);

#endif

/* SPDX-License-Identifier: MIT */
/* What a load test found, for people and for programs. */
#ifndef WEIR_CLI_BENCH_REPORT_H
#define WEIR_CLI_BENCH_REPORT_H

#include "cli/bench_load.h"
#include "cli/bench_plan.h"

/* What is compared between the two stages of a pair; always the second side ÷ the first. */
#define WEIR_CLI_BENCH_RATIO_MAP(X) \
    X(P50, "p50")                   \
    X(P90, "p90")                   \
    X(P99, "p99")                   \
    X(P999, "p999")                 \
    X(SERVICE_P50, "service_p50")   \
    X(RATE, "rate")                 \
    X(CPU, "cpu")

enum weir_cli_bench_ratio {
#define WEIR_CLI_BENCH_RATIO_ENUM(code, name) WEIR_CLI_BENCH_RATIO_##code,
    WEIR_CLI_BENCH_RATIO_MAP(WEIR_CLI_BENCH_RATIO_ENUM)
#undef WEIR_CLI_BENCH_RATIO_ENUM
};

enum { WEIR_CLI_BENCH_RATIO_N = 7 }; /* enumerators of enum weir_cli_bench_ratio */

struct weir_cli_bench_side {
    char name[256];
    struct weir_cli_bench_tally tally;
    uint64_t cpu_ns;     /* of the server while this side was measured; 0: not known */
    uint64_t rss_before; /* of the server, bytes; 0: not known */
    uint64_t rss_after;
};

struct weir_cli_bench_report {
    struct weir_cli_bench_side sides[2];
    unsigned n_sides;
    double rate; /* asked for; 0: closed loop */
    double peak; /* of which it is a share; 0: not measured */
    bool is_poisson;
    uint32_t n_connections;
    size_t n_rows;     /* in one request; 0: not known */
    size_t n_features; /* 0: not known */
    uint64_t seed;
    unsigned n_pairs;
    bool has_ratio[WEIR_CLI_BENCH_RATIO_N];
    struct weir_cli_bench_spread ratios[WEIR_CLI_BENCH_RATIO_N]; /* over the pairs */
    bool has_swaps;
    uint64_t n_swaps;        /* files put there */
    uint64_t n_seen;         /* times the answering file changed */
    const char *first_wrong; /* about the first wrong answer; NULL: none */
};

/* Numbers of one stage or side; times in nanoseconds. */
struct weir_cli_bench_figures {
    double values[WEIR_CLI_BENCH_RATIO_N]; /* what ratios are made of; 0: not known */
};

/* Reads the figures that are compared off a tally. cpu_ns 0: not known. */
struct weir_cli_bench_figures weir_cli_bench_report_figures(const struct weir_cli_bench_tally *t,
                                                            uint64_t cpu_ns);

/* Returns how many requests failed or were wrong, on all sides. */
uint64_t weir_cli_bench_report_failed(const struct weir_cli_bench_report *r);

/* Append the report, as lines of text or as one JSON object. */
void weir_cli_bench_report_text(const struct weir_cli_bench_report *r, struct weir_buf *out);
void weir_cli_bench_report_json(const struct weir_cli_bench_report *r, struct weir_buf *out);

#endif

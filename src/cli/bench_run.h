/* SPDX-License-Identifier: MIT */
/* One load test from its options to its report. */
#ifndef WEIR_CLI_BENCH_RUN_H
#define WEIR_CLI_BENCH_RUN_H

#include "cli/bench_report.h"
#include "cli/bench_request.h"

#include <sys/types.h>

enum { WEIR_CLI_BENCH_SIDES = 2 };

/* What is asked for. Texts are borrowed. */
struct weir_cli_bench_opts {
    const char *targets[WEIR_CLI_BENCH_SIDES]; /* an address, or a model file; [1] NULL: no
                                                  comparison */
    pid_t pids[WEIR_CLI_BENCH_SIDES];          /* processes to be measured; 0: none */
    const char *model;                         /* NULL: the only one */
    const char *body;                          /* file; NULL: made from the signature */
    bool has_output;
    enum weir_output output;
    enum weir_cli_bench_dialect dialect;
    size_t n_rows;
    double rate;       /* 0: closed loop */
    double rate_share; /* > 0: rate is this share of the peak of the first target, which is measured
                          before, in a closed loop */
    bool is_poisson;
    uint32_t n_connections;
    uint64_t duration_ns;
    uint64_t warmup_ns;
    uint64_t stage_ns; /* 0: chosen */
    uint64_t timeout_ns;
    uint64_t seed;
    const char *swap_files[2]; /* [0] NULL: no swaps */
    uint64_t swap_every_ns;
    const char *model_path; /* what is replaced; NULL: the copy of the server that is started */
};

struct weir_cli_bench_run;

/* Runs the test. *out is owned and holds the report. Statuses: the target or a file cannot be used;
 * the message says which. Requests that fail are no failure of the run. */
WEIR_MUST_USE enum weir_status weir_cli_bench_run_new(struct weir_cli_bench_run **out,
                                                      const struct weir_cli_bench_opts *opts,
                                                      struct weir_error *err);

/* Returns the report, borrowed from the run. */
const struct weir_cli_bench_report *weir_cli_bench_run_report(const struct weir_cli_bench_run *r);

/* NULL is allowed. */
void weir_cli_bench_run_free(struct weir_cli_bench_run *r);

#endif

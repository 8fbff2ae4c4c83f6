/* SPDX-License-Identifier: MIT */
/* Answers compared with what they should be: each is looked up by the digest that it names in its
 * Weir-Digest header, and must be, byte by byte, what this process computes with that file. */
#ifndef WEIR_CLI_BENCH_CHECK_H
#define WEIR_CLI_BENCH_CHECK_H

#include "cli/bench_load.h"
#include "cli/bench_request.h"
#include "cli/file.h"

enum { WEIR_CLI_BENCH_REFERENCES = 2 };

/* What one file answers. */
struct weir_cli_bench_reference {
    struct weir_cli_file file;
    struct weir_model *model;
    struct weir_buf answers; /* all expected bodies */
    size_t ends[WEIR_CLI_BENCH_REQUESTS];
    uint64_t n_seen; /* answers that named it */
};

struct weir_cli_bench_check {
    struct weir_cli_bench_reference references[WEIR_CLI_BENCH_REFERENCES];
    const struct weir_cli_bench_reference *last; /* of the answer before; NULL: none */
    uint64_t n_changes;                          /* times the answering file changed */
    struct weir_buf first_wrong;                 /* text about the first answer that was wrong */
};

/* Loads both files. WEIR_ERR_INVALID: they do not take the same features, or are the same file.
 * Statuses of weir_format_load. */
WEIR_MUST_USE enum weir_status weir_cli_bench_check_init(struct weir_cli_bench_check *check,
                                                         const char *file_a, const char *file_b,
                                                         struct weir_error *err);
void weir_cli_bench_check_deinit(struct weir_cli_bench_check *check);

/* Computes what both answer to the requests. *n_different: to how many the two answer differently;
 * others cannot tell which version answered. WEIR_ERR_UNSUPPORTED: a model does not give the output
 * that is asked. */
WEIR_MUST_USE enum weir_status weir_cli_bench_check_prepare(
    struct weir_cli_bench_check *check, const struct weir_cli_bench_question *question,
    const struct weir_cli_bench_requests *requests, size_t *n_different, struct weir_error *err);

/* Judges one answer; ctx is the check. */
enum weir_cli_bench_outcome
weir_cli_bench_check_judge(void *ctx, size_t request, const struct weir_http_client *client,
                           const struct weir_http_client_answer *answer);

#endif

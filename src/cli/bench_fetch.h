/* SPDX-License-Identifier: MIT */
/* Single requests before a load test: is the server ready, what does a model take, which file
 * answers. Each opens a connection of its own and runs the loop until it is over. */
#ifndef WEIR_CLI_BENCH_FETCH_H
#define WEIR_CLI_BENCH_FETCH_H

#include "base/buf.h"
#include "cli/bench_request.h"
#include "http/client.h"
#include "loop/timer.h"

enum { WEIR_CLI_BENCH_FETCH_DIGEST_BYTES = 65 };

struct weir_cli_bench_fetched {
    int status;
    struct weir_buf body;
    char digest[WEIR_CLI_BENCH_FETCH_DIGEST_BYTES]; /* of the Weir-Digest header; empty: none */
};

/* Sends a request (as it goes over the wire) and waits for the answer, at most timeout_ns. The body
 * replaces what out had. WEIR_ERR_IO: no connection or no answer; WEIR_ERR_TIMEOUT. */
WEIR_MUST_USE enum weir_status weir_cli_bench_fetch(struct weir_loop *loop,
                                                    const struct weir_addr_target *addr,
                                                    struct weir_str request, uint64_t timeout_ns,
                                                    struct weir_cli_bench_fetched *out,
                                                    struct weir_error *err);

/* As weir_cli_bench_fetch, for GET of a path. */
WEIR_MUST_USE enum weir_status weir_cli_bench_fetch_path(struct weir_loop *loop,
                                                         const struct weir_cli_bench_url *url,
                                                         const char *path, uint64_t timeout_ns,
                                                         struct weir_cli_bench_fetched *out,
                                                         struct weir_error *err);

/* Asks a server for its only model; its name is appended. WEIR_ERR_INVALID: there are several (the
 * message lists them) or none. */
WEIR_MUST_USE enum weir_status weir_cli_bench_fetch_model(struct weir_loop *loop,
                                                          const struct weir_cli_bench_url *url,
                                                          struct weir_buf *name,
                                                          struct weir_error *err);

/* Asks a server how many features a model takes, from its v2 metadata. */
WEIR_MUST_USE enum weir_status
weir_cli_bench_fetch_signature(struct weir_loop *loop, const struct weir_cli_bench_url *url,
                               struct weir_str model, size_t *n_features, struct weir_error *err);

#endif

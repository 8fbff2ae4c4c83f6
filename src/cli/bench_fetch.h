/* SPDX-License-Identifier: MIT */
/* Single requests before a load test: is the server ready, what does a model take, which file
 * answers. */
#ifndef WEIR_CLI_BENCH_FETCH_H
#define WEIR_CLI_BENCH_FETCH_H

#include "base/buf.h"
#include "cli/bench_request.h"
#include "cli/fetch.h"

/* Sends a GET of a path; the rest as weir_cli_fetch. */
WEIR_MUST_USE enum weir_status weir_cli_bench_fetch_path(struct weir_loop *loop,
                                                         const struct weir_cli_bench_url *url,
                                                         const char *path, uint64_t timeout_ns,
                                                         struct weir_cli_fetched *out,
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

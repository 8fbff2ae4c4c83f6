/* SPDX-License-Identifier: MIT */
/* What a load test sends: complete requests, made once before the run; and the address they go to.
 */
#ifndef WEIR_CLI_BENCH_REQUEST_H
#define WEIR_CLI_BENCH_REQUEST_H

#include "base/buf.h"
#include "loop/addr.h"
#include <weir/spec.h>

#include <stdbool.h>
#include <stdint.h>

/* A server and what to ask of it. */
struct weir_cli_bench_url {
    struct weir_addr_target addr;
    char host[WEIR_ADDR_TEXT_BYTES]; /* for the Host header */
    struct weir_str path;            /* begins with '/'; empty: none was given. Borrowed */
};

/* Reads "http://127.0.0.1:8080/predict", "127.0.0.1:8080", "http://[::1]:8080", "unix:/path.sock".
 * text is borrowed. WEIR_ERR_INVALID. */
WEIR_MUST_USE enum weir_status weir_cli_bench_url_parse(struct weir_cli_bench_url *out,
                                                        const char *text, struct weir_error *err);

/* Finds whether a text is meant as an address and not as a file. */
bool weir_cli_bench_url_is(const char *text);

enum weir_cli_bench_dialect {
    WEIR_CLI_BENCH_FLASK, /* {"features": [[…]]} */
    WEIR_CLI_BENCH_V2,    /* Open Inference Protocol v2, JSON */
};

/* What one model is asked. */
struct weir_cli_bench_question {
    struct weir_str model;
    size_t n_features;
    size_t n_rows; /* in one request */
    enum weir_cli_bench_dialect dialect;
    enum weir_output output; /* Flask style: PREDICT, PREDICT_PROBA or DECISION_FUNCTION */
};

enum { WEIR_CLI_BENCH_REQUESTS = 64 }; /* different bodies, sent in turn */

/* Requests as they go over the wire. */
struct weir_cli_bench_requests {
    struct weir_buf bytes;
    struct weir_str *at; /* n views into bytes, owned */
    size_t n;
    double *rows; /* n × n_rows × n_features values of the bodies, owned; NULL: not made here */
};

/* Makes requests with random rows, the same from the same seed. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_cli_bench_requests_make(
    struct weir_cli_bench_requests *out, const struct weir_cli_bench_url *url,
    const struct weir_cli_bench_question *question, uint64_t seed, struct weir_error *err);

/* Makes the one request with the given body; body NULL: a GET. */
WEIR_MUST_USE enum weir_status weir_cli_bench_requests_one(struct weir_cli_bench_requests *out,
                                                           const struct weir_cli_bench_url *url,
                                                           struct weir_str path,
                                                           const struct weir_str *body,
                                                           struct weir_error *err);

void weir_cli_bench_requests_deinit(struct weir_cli_bench_requests *r);

#endif

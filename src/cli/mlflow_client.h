/* SPDX-License-Identifier: MIT */
/* Calls to an MLflow tracking server by its REST API (version 2.0), over http only. A host's name
 * is looked up once, at the beginning.
 *
 * Credentials are those of MLflow's own client: MLFLOW_TRACKING_USERNAME and
 * MLFLOW_TRACKING_PASSWORD, else MLFLOW_TRACKING_TOKEN. */
#ifndef WEIR_CLI_MLFLOW_CLIENT_H
#define WEIR_CLI_MLFLOW_CLIENT_H

#include "cli/fetch.h"
#include "loop/addr.h"
#include "loop/loop.h"

enum { WEIR_CLI_MLFLOW_ADDRESSES_MAX = 8 };

/* A server; zeroed is fine to close. */
struct weir_cli_mlflow_client {
    struct weir_loop loop;
    bool has_loop;
    struct weir_buf host;          /* for the Host header */
    struct weir_buf base;          /* of paths: "", or "/prefix" */
    struct weir_buf authorization; /* the header's line; empty: none */
    struct weir_addr_target addresses[WEIR_CLI_MLFLOW_ADDRESSES_MAX];
    size_t n_addresses;
    size_t address; /* the one that answered last */
    struct weir_buf request;
    struct weir_cli_fetched answer;
    struct weir_codec_json
        json; /* the answer's, valid until the next call; root NULL: it is none */
};

/* Reads "http://HOST[:PORT][/PREFIX]". WEIR_ERR_UNSUPPORTED: https; WEIR_ERR_INVALID: no such
 * address, or credentials that cannot be sent; WEIR_ERR_NOT_FOUND: no such host;
 * WEIR_ERR_NO_MEMORY. Close it in any case. */
WEIR_MUST_USE enum weir_status weir_cli_mlflow_client_open(struct weir_cli_mlflow_client *m,
                                                           const char *url, struct weir_error *err);

/* Asks: path is below the base ("/api/2.0/mlflow/runs/create"), body is JSON but for type (NULL:
 * application/json). Asks again, twice, where nothing was sent or the server is busy (429, 503), so
 * that no call is done twice. WEIR_ERR_NOT_FOUND, WEIR_ERR_EXISTS: so says the server's error code;
 * WEIR_ERR_IO, WEIR_ERR_TIMEOUT: no answer, or another error; the message has the server's words.
 */
WEIR_MUST_USE enum weir_status weir_cli_mlflow_client_call(struct weir_cli_mlflow_client *m,
                                                           const char *method, const char *path,
                                                           const char *type, struct weir_str body,
                                                           struct weir_error *err);

/* Appends the text or number at a chain of n member names of the last answer ("run", "info",
 * "run_id"), a text without its escapes. false: there is no such thing, or it is empty. */
bool weir_cli_mlflow_client_get(const struct weir_cli_mlflow_client *m, const char *const *names,
                                size_t n, struct weir_buf *out);

void weir_cli_mlflow_client_close(struct weir_cli_mlflow_client *m);

#endif

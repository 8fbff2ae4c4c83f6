/* SPDX-License-Identifier: MIT */
/* Single requests to a server. Each opens a connection of its own and runs the loop until it is
 * over. */
#ifndef WEIR_CLI_FETCH_H
#define WEIR_CLI_FETCH_H

#include "base/buf.h"
#include "codec/json.h"
#include "http/client.h"

enum { WEIR_CLI_FETCH_DIGEST_BYTES = 65 };

struct weir_cli_fetched {
    int status;
    struct weir_buf body;
    char digest[WEIR_CLI_FETCH_DIGEST_BYTES]; /* of the Weir-Digest header; empty: none */
    bool is_unsent; /* the last fetch failed before anything was sent: asking again is harmless */
};

/* Sends a request (as it goes over the wire) and waits for the answer, at most timeout_ns. The body
 * replaces what out had. WEIR_ERR_IO: no connection or no answer; WEIR_ERR_TIMEOUT. */
WEIR_MUST_USE enum weir_status weir_cli_fetch(struct weir_loop *loop,
                                              const struct weir_addr_target *addr,
                                              struct weir_str request, uint64_t timeout_ns,
                                              struct weir_cli_fetched *out, struct weir_error *err);

/* Return a member of an object, and element i of an array, of a scanned answer, borrowed; NULL:
 * value is NULL or of another kind, or has none. */
const char *weir_cli_fetch_member(const struct weir_codec_json *json, const char *value,
                                  const char *name);
const char *weir_cli_fetch_element(const struct weir_codec_json *json, const char *value, size_t i);

#endif

/* SPDX-License-Identifier: MIT */
/* What gRPC puts around messages on HTTP/2, on plain bytes: frames, timeouts, statuses.
 * Source: grpc/doc/PROTOCOL-HTTP2.md. */
#ifndef WEIR_SERVER_GRPC_WIRE_H
#define WEIR_SERVER_GRPC_WIRE_H

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Statuses that we send. */
enum weir_server_grpc_status {
    WEIR_SERVER_GRPC_OK = 0,
    WEIR_SERVER_GRPC_CANCELLED = 1,
    WEIR_SERVER_GRPC_INVALID_ARGUMENT = 3,
    WEIR_SERVER_GRPC_DEADLINE_EXCEEDED = 4,
    WEIR_SERVER_GRPC_NOT_FOUND = 5,
    WEIR_SERVER_GRPC_ALREADY_EXISTS = 6,
    WEIR_SERVER_GRPC_PERMISSION_DENIED = 7,
    WEIR_SERVER_GRPC_RESOURCE_EXHAUSTED = 8,
    WEIR_SERVER_GRPC_ABORTED = 10,
    WEIR_SERVER_GRPC_UNIMPLEMENTED = 12,
    WEIR_SERVER_GRPC_INTERNAL = 13,
    WEIR_SERVER_GRPC_UNAVAILABLE = 14,
    WEIR_SERVER_GRPC_UNAUTHENTICATED = 16,
};

/* How messages may be compressed. */
enum weir_server_grpc_coding {
    WEIR_SERVER_GRPC_IDENTITY,
    WEIR_SERVER_GRPC_GZIP,
    WEIR_SERVER_GRPC_DEFLATE, /* RFC 1950 */
};

#define WEIR_SERVER_GRPC_CODINGS "identity, deflate, gzip" /* for grpc-accept-encoding */

/* A message as it was sent. */
struct weir_server_grpc_frame {
    bool is_compressed;
    struct weir_str bytes;
};

/* Takes a whole frame from the beginning of *rest; false: there is none yet, and *n_bytes is the
 * length that its head gives, 0 as long as that is not there. */
bool weir_server_grpc_wire_take(struct weir_str *rest, struct weir_server_grpc_frame *out,
                                uint64_t *n_bytes);

/* Finds whether a request is one of gRPC with protobuf: application/grpc or application/grpc+proto,
 * with parameters or not. */
bool weir_server_grpc_wire_is_type(struct weir_str content_type);

/* Reads the value of grpc-timeout: up to 8 digits and one of H M S m u n. false: it is none. */
bool weir_server_grpc_wire_timeout(struct weir_str text, uint64_t *out_ns);

/* Finds a coding by its name; empty is identity. false: we do not know it. */
bool weir_server_grpc_wire_coding(struct weir_str name, enum weir_server_grpc_coding *out);

/* Returns the status for an HTTP status, the common currency of outcomes. */
enum weir_server_grpc_status weir_server_grpc_wire_status(int http_status);

/* Appends the lines grpc-status and, unless empty, grpc-message, percent-encoded. */
void weir_server_grpc_wire_append_status(struct weir_buf *buf, enum weir_server_grpc_status status,
                                         struct weir_str text);

#endif

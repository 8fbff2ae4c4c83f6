/* SPDX-License-Identifier: MIT */
/* The description of the HTTP interface: OpenAPI 3.1.0. */
#ifndef WEIR_SERVER_OPENAPI_H
#define WEIR_SERVER_OPENAPI_H

#include "protocol/dialect.h"
#include "server/routes.h"

/* Models whose own paths and schemas are written; of others only the general ones. */
enum { WEIR_SERVER_OPENAPI_MODELS_MAX = 64 };

/* Appends the document: every route that has a summary, and for each model that serves its
 * predictions once more with its own schemas. Look at weir_buf_ok afterwards. */
void weir_server_openapi_write(struct weir_buf *out, const struct weir_server_routes *routes,
                               const struct weir_protocol_catalog *catalog);

#endif

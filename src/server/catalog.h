/* SPDX-License-Identifier: MIT */
/* What the dialects' pages may know of the server (protocol/dialect.h). Runs on: the shard. */
#ifndef WEIR_SERVER_CATALOG_H
#define WEIR_SERVER_CATALOG_H

#include "protocol/dialect.h"
#include "server/shard.h"

struct weir_server_catalog {
    struct weir_protocol_catalog catalog;
    struct weir_server_shard *shard;
};

/* Makes the catalog of a shard as it is now; valid until the shard adopts another table. */
void weir_server_catalog_init(struct weir_server_catalog *catalog, struct weir_server_shard *shard);

/* Finds whether the server is ready; reason is set where it is not. */
bool weir_server_catalog_is_ready(const struct weir_server_shard *shard, struct weir_str *reason);

#endif

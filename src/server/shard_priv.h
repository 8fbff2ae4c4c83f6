/* SPDX-License-Identifier: MIT */
/* The inside of a shard, for its files. Runs on: the shard. */
#ifndef WEIR_SERVER_SHARD_PRIV_H
#define WEIR_SERVER_SHARD_PRIV_H

#include "server/shard.h"

/* Returns the HTTP limits of a configuration. is_admin: those of the admin listener, which has
 * connections of its own, so that it can be reached when the main one is full. */
struct weir_http_options weir_server_shard_http_options(const struct weir_server_shared *shared,
                                                        bool is_admin, const struct weir_config *c);

/* Turns to a new configuration, which the keeper keeps alive until all shards have answered. */
void weir_server_shard_adopt_config(struct weir_server_shard *shard,
                                    const struct weir_config *config);

/* Turns to a new table: retires what it does not have any more, and answers the keeper. */
void weir_server_shard_adopt_table(struct weir_server_shard *shard, const struct weir_table *table);

/* Sends the keeper a message about ptr. */
void weir_server_shard_send_keeper(struct weir_server_shard *shard,
                                   enum weir_server_message_kind kind, const void *ptr);

#endif

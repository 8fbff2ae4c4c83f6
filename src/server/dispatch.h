/* SPDX-License-Identifier: MIT */
/* Batches between the batcher, the loop and the pool: what leaves, who runs it, what happens when
 * it is back. Runs on the shard's loop throughout. */
#ifndef WEIR_SERVER_DISPATCH_H
#define WEIR_SERVER_DISPATCH_H

#include "server/shard.h"

/* Expires what is overdue, and runs or hands over what may leave. Once per iteration. */
void weir_server_dispatch_all(struct weir_server_shard *shard);

/* Takes all that may leave now. */
void weir_server_dispatch_take(struct weir_server_shard *shard, uint64_t now_ns);

/* Gives a batch to the pool; false: it has no room. */
bool weir_server_dispatch_submit(struct weir_server_shard *shard, struct weir_batch *batch);

/* Answers the slices of a batch that came back, counts it, and gives it to the batcher. */
void weir_server_dispatch_finish(struct weir_server_shard *shard, struct weir_batch *batch,
                                 uint64_t now_ns);

/* Tells the keeper that a version has nothing left in flight here, and frees the shard's part of
 * it. */
void weir_server_dispatch_release(struct weir_server_shard *shard,
                                  struct weir_server_shard_version *sv);

/* Withdraws the request of a broken connection. user: the slice, or NULL. */
void weir_server_dispatch_gone(struct weir_server_shard *shard, void *user);

#endif

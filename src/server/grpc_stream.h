/* SPDX-License-Identifier: MIT */
/* Calls of gRPC that stream: messages come and are answered while the call goes on.
 *
 * Predictions of a stream take the way of any prediction, each with an *entry* in place of a
 * request of its own; answers leave in the order of the messages. Documents (reflection) are
 * answered at once; a call that watches (health) is answered again whenever its answer changes.
 *
 *     part ─▶ bytes ─▶ message ─▶ entry ─▶ … ─▶ answer ─▶ when it is its turn, a part of the reply
 *
 * A stream takes no more messages while too many of its entries wait, or too many of its bytes are
 * not sent; the client is slowed down by HTTP/2's window then. Runs on the shard's loop throughout.
 */
#ifndef WEIR_SERVER_GRPC_STREAM_H
#define WEIR_SERVER_GRPC_STREAM_H

#include "server/grpc.h"

struct weir_server_grpc_entry;

enum { WEIR_SERVER_GRPC_ENTRIES_MAX = 64 }; /* unanswered messages of one stream */

/* Takes bytes of a call; as weir_http_handlers.part. */
size_t weir_server_grpc_stream_part(struct weir_server_shard *shard, struct weir_http_req *req,
                                    const struct weir_server_route *route, struct weir_str bytes,
                                    bool is_last);

/* Finds whether a request's user pointer is that of a stream, not a slice. */
bool weir_server_grpc_stream_is(const void *user);

/* The client is gone, or takes more bytes again; user is a stream's. */
void weir_server_grpc_stream_gone(struct weir_server_shard *shard, void *user);
void weir_server_grpc_stream_room(struct weir_server_shard *shard, void *user);

/* Says that the entry's rows are in a batch; to be called before the batch may leave. */
void weir_server_grpc_stream_commit(struct weir_server_grpc_entry *entry,
                                    struct weir_batch_slice *slice);

/* Answers an entry: with a framed message, or with an error. The entry is void then. */
void weir_server_grpc_stream_answer(struct weir_server_grpc_entry *entry, struct weir_str framed);
void weir_server_grpc_stream_fail(struct weir_server_grpc_entry *entry, struct weir_str text);

/* Goes on with the streams that are due: takes messages, ends, frees. Once per iteration, before
 * batches leave. */
void weir_server_grpc_stream_run(struct weir_server_shard *shard);

/* Looks whether what is watched has changed, and ends what would keep a draining server waiting.
 * Every 100 ms. */
void weir_server_grpc_stream_tick(struct weir_server_shard *shard);

/* Frees what is left when the loop has ended. */
void weir_server_grpc_stream_free_all(struct weir_server_shard *shard);

#endif

/* SPDX-License-Identifier: MIT */
/* Compressed bodies and answers: dialects see and write plain bytes. A small body is made plain on
 * the loop, as far as it stays small; any other by the worker that decodes it. An answer is
 * compressed by the thread that encoded it; a batch with an answer that may be large is kept off
 * the loop for that. */
#ifndef WEIR_SERVER_CODING_H
#define WEIR_SERVER_CODING_H

#include "server/predict.h"

/* Readies the body of an ask whose n_codings are set: makes it plain, or leaves it and n_codings
 * for the worker. false: it was refused. Runs on: the shard's loop. */
bool weir_server_coding_ready(struct weir_server_shard *shard, struct weir_server_ask *ask);

/* Makes the body of a private batch plain, and charges it. WEIR_ERR_CORRUPT, WEIR_ERR_LIMIT,
 * WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_server_coding_unpack(struct weir_server_runner *runner,
                                                         struct weir_server_job *job,
                                                         struct weir_error *err);

/* Finds whether the answer to an ask may be coded at all. Messages of gRPC have codings of their
 * own.
 */
static inline bool weir_server_coding_may(const struct weir_server_shard *shard,
                                          const struct weir_server_ask *ask)
{
    enum weir_protocol_dialect dialect = ask->route->dialect;
    uint64_t choice = shard->loop.config->compress_answers;
    return (dialect == WEIR_PROTOCOL_V2 && choice != WEIR_CONFIG_COMPRESS_NONE) ||
           (dialect != WEIR_PROTOCOL_GRPC && choice == WEIR_CONFIG_COMPRESS_ALL);
}

/* Decides how it may be coded, in its call. Runs on: the shard's loop. */
void weir_server_coding_choose(const struct weir_server_shard *shard,
                               const struct weir_server_ask *ask, struct weir_server_call *call);

/* Compresses the answer of a call that was just encoded and whose coding is not IDENTITY, if it is
 * worth it; call->coding says afterwards what was done. */
void weir_server_coding_pack(struct weir_server_runner *runner, struct weir_server_job *job,
                             struct weir_server_call *call);

#endif

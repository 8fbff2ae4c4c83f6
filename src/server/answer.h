/* SPDX-License-Identifier: MIT */
/* Answers to predictions: results, and errors in the form of the request's dialect. All counted.
 * Runs on the shard's loop throughout. */
#ifndef WEIR_SERVER_ANSWER_H
#define WEIR_SERVER_ANSWER_H

#include "server/predict.h"

/* Answers with an error in the form of a dialect, uncounted. fields: more header lines. 503 says
 * when to come back. Nobody may be waiting any more. */
void weir_server_answer_error(struct weir_server_shard *shard, struct weir_http_ticket ticket,
                              const struct weir_protocol_ops *ops, int code, struct weir_str fields,
                              struct weir_str text);

/* The same for what is asked, in the form of its route's dialect. */
void weir_server_answer_refuse(struct weir_server_shard *shard, const struct weir_server_ask *ask,
                               int code, const char *text);

/* The same, and counts it for a known version. */
void weir_server_answer_refuse_of(struct weir_server_shard *shard,
                                  const struct weir_server_ask *ask,
                                  struct weir_server_shard_version *sv, int code, const char *text);

/* Answers a call with an error. text empty: what the status says. */
void weir_server_answer_call_error(struct weir_server_shard *shard, struct weir_server_call *call,
                                   enum weir_status status, struct weir_str text, uint64_t now_ns);

/* Answers a call of no rows, at once. */
void weir_server_answer_none(struct weir_server_shard *shard, struct weir_server_call *call);

/* Answers the call of a slice whose queue timeout passed before its run began. */
void weir_server_answer_overdue(struct weir_server_shard *shard, struct weir_batch_slice *slice,
                                uint64_t now_ns);

/* Answers a slice of a batch that came back, if it still needs an answer. */
void weir_server_answer_slice(struct weir_server_shard *shard, struct weir_server_job *job,
                              struct weir_batch_slice *slice, uint64_t now_ns);

#endif

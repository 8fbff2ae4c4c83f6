/* SPDX-License-Identifier: MIT */
/* Everything that is answered without running a model: health, metadata, states, metrics,
 * repository calls. Runs on: the shard. */
#ifndef WEIR_SERVER_PAGES_H
#define WEIR_SERVER_PAGES_H

#include "server/routes.h"
#include "server/shard.h"

/* Checks the head of a request of a route that does not predict: its body must be as it is read.
 * REPLIED: it was refused. */
enum weir_http_verdict weir_server_pages_head(struct weir_server_shard *shard,
                                              struct weir_http_req *req,
                                              const struct weir_server_route *route);

/* Answers a request of a route that does not predict. */
void weir_server_pages_answer(struct weir_server_shard *shard, struct weir_http_req *req,
                              const struct weir_server_route *route);

/* Answers what is asked by a route that is no prediction; question: as its dialect reads it. */
void weir_server_pages_ask(struct weir_server_shard *shard, struct weir_http_req *req,
                           const struct weir_server_route *route,
                           const struct weir_protocol_question *question);

#endif

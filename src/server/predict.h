/* SPDX-License-Identifier: MIT */
/* The way of one prediction: head, body, batch, run, answer. Runs on the shard's loop throughout.
 */
#ifndef WEIR_SERVER_PREDICT_H
#define WEIR_SERVER_PREDICT_H

#include "server/routes.h"
#include "server/shard.h"

/* Checks a prediction's head: model, deadline, admission, coding. REPLIED: it was refused. */
enum weir_http_verdict weir_server_predict_head(struct weir_server_shard *shard,
                                                struct weir_http_req *req,
                                                const struct weir_server_route *route);

/* Decodes a prediction's body into a batch, or gives a large one to a worker. */
void weir_server_predict_body(struct weir_server_shard *shard, struct weir_http_req *req,
                              const struct weir_server_route *route);

#endif

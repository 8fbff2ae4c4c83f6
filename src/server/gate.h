/* SPDX-License-Identifier: MIT */
/* The calls about gates, and what is measured of them. Runs on: the keeper. */
#ifndef WEIR_SERVER_GATE_H
#define WEIR_SERVER_GATE_H

#include "server/order.h"

/* GET …/gate: a model's gate, its latest verdict (gate/1) and its history. */
void weir_server_gate_page(struct weir_server_shard *shard, struct weir_http_req *req);

/* GET …/gate/report: the HTML report of the latest verdict. */
void weir_server_gate_report(struct weir_server_shard *shard, struct weir_http_req *req);

/* Reads the body of POST …/promote, {"reason": "…"}, into out. WEIR_ERR_INVALID: it is none, or
 * there is no reason in it; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_server_gate_reason(struct weir_str body, struct weir_buf *out,
                                                       struct weir_error *err);

/* Counts a line of a history. */
void weir_server_gate_on_verdict(void *keeper, struct weir_str model,
                                 enum weir_repo_verdict verdict, bool is_forced, uint64_t ns);

/* Appends the gates' metrics that are not counted. */
void weir_server_gate_expose(const struct weir_server_keeper *keeper, struct weir_buf *out);

#endif

/* SPDX-License-Identifier: MIT */
/* The keeper: the main thread. It owns configuration, signals, the repository and the admin
 * listener, tells the loops what to serve, and sees the process to its end. Never computes, never
 * blocks. */
#ifndef WEIR_SERVER_KEEPER_H
#define WEIR_SERVER_KEEPER_H

#include "config/config.h"
#include "metric/selection.h"
#include "repo/repo.h"
#include "server/events.h"
#include "server/shard.h"

#include <stdio.h>

/* Serves until a signal ends it. config: taken, also on failure. sources: where it came from, for
 * SIGHUP; borrowed. out: where the addresses and the models are announced. Errors are about the
 * start: an address in use, no memory. Runs on: the main thread, before any other. */
WEIR_MUST_USE enum weir_status weir_server_keeper_run(struct weir_config *config,
                                                      const struct weir_config_sources *sources,
                                                      FILE *out, struct weir_error *err);

/* Handles a message from a loop. Runs on: the keeper. */
void weir_server_keeper_receive(struct weir_server_keeper *keeper,
                                struct weir_server_message message);

/* Looks which of the orders are done (server/order.h). Runs on: the keeper. */
void weir_server_keeper_tick(struct weir_server_keeper *keeper);

/* Appends what is selected of the metrics page. Runs on: the keeper. */
void weir_server_keeper_expose(struct weir_server_keeper *keeper,
                               const struct weir_metric_selection *selection, struct weir_buf *out);

/* Returns what the repository did lately, borrowed. Runs on: the keeper. */
const struct weir_server_events *weir_server_keeper_events(const struct weir_server_keeper *keeper);

#endif

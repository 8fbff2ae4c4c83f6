/* SPDX-License-Identifier: MIT */
/* What the repository did lately, for the page: the last few hundred of its events, as they were
 * logged. Runs on: the keeper. */
#ifndef WEIR_SERVER_EVENTS_H
#define WEIR_SERVER_EVENTS_H

#include "base/buf.h"
#include "repo/repo.h"

enum { WEIR_SERVER_EVENTS_MAX = 512 };

/* One event, remembered. */
struct weir_server_events_row {
    uint64_t wall_ns;
    struct weir_repo_event event; /* its views point into text */
    char *text;                   /* owned; NULL: the row is empty */
};

/* The last WEIR_SERVER_EVENTS_MAX; zero-initialise, but for mem. */
struct weir_server_events {
    struct weir_mem *mem;
    struct weir_server_events_row rows[WEIR_SERVER_EVENTS_MAX]; /* of number n at n % MAX */
    uint64_t n; /* how many there have been: the number of the newest, counted from 1 */
};

void weir_server_events_deinit(struct weir_server_events *events);

/* Remembers an event and forgets the oldest. Without memory for its texts the event is left out. */
void weir_server_events_add(struct weir_server_events *events, const struct weir_repo_event *event,
                            uint64_t wall_ns);

/* Appends {"newest":N,"events":[{"number","at","event","model",…}]}, oldest first: those numbered
 * above `after`, of one model (empty: of all, and those that are about none). */
void weir_server_events_write(const struct weir_server_events *events, struct weir_str model,
                              uint64_t after, struct weir_buf *out);

#endif

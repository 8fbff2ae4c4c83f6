/* SPDX-License-Identifier: MIT */
/* The inside of the keeper, for its files. */
#ifndef WEIR_SERVER_KEEPER_PRIV_H
#define WEIR_SERVER_KEEPER_PRIV_H

#include "base/list.h"
#include "server/keeper.h"

/* Something that every shard must answer for. */
struct weir_server_pending {
    const void *what; /* table or version */
    uint32_t n_answers;
};

/* Some of them, in no order. */
struct weir_server_pendings {
    struct weir_server_pending *at; /* owned */
    size_t n;
    size_t cap;
};

/* The steps of the end. */
enum weir_server_phase {
    WEIR_SERVER_SERVING,
    WEIR_SERVER_LEAVING,  /* readiness is off, connections are still accepted */
    WEIR_SERVER_DRAINING, /* listeners are closed, what is in flight is finished */
    WEIR_SERVER_STOPPING, /* loops are being ended */
    WEIR_SERVER_ENDED,
};

struct weir_server_keeper {
    struct weir_server_shared shared;
    struct weir_http_shared http;
    struct weir_server_routes routes;
    struct weir_server_routes admin_routes;
    struct weir_server_shard *shard; /* the keeper's own */
    pthread_t *threads;              /* of the loops; n_started of them run */
    uint32_t n_started;
    struct weir_repo *repo;
    struct weir_config *config;     /* in force */
    struct weir_config *old_config; /* some loop may still use it; NULL: none does */
    uint32_t n_config_answers;
    bool must_reload_again; /* a SIGHUP came while a reload was under way */
    const struct weir_config_sources *sources;
    FILE *out;                            /* NULL once everything was announced */
    struct weir_server_pendings tables;   /* published, and not yet adopted by all */
    struct weir_server_pendings versions; /* retired, and not yet released by all */
    struct weir_list orders; /* struct weir_server_order, under way, in the order they came */
    uint64_t serial_adopted; /* of the newest table that all have adopted; 0: none */
    enum weir_server_phase phase;
    uint32_t n_drained; /* loops whose last connection is closed */
    uint32_t n_stopped;
    uint64_t drain_deadline_ns;
    uint64_t left_ns;      /* when the first signal came */
    struct weir_timer end; /* of the phases of the end */
    struct weir_signal signals[3];
    struct weir_addr_target bound_main; /* the first TCP address, for curl lines */
    bool has_bound_main;
    uint64_t started_ns;
    struct weir_server_events events; /* the repository's, lately */
};

/* Prints, once all models that were found are served or failed, each with its state and a ready
 * curl line; then nothing any more. */
void weir_server_keeper_announce(struct weir_server_keeper *keeper, const struct weir_table *table);

/* Logs what the repository reports, and counts loads and swaps. */
void weir_server_keeper_on_event(void *ctx, const struct weir_repo_event *event);

#endif

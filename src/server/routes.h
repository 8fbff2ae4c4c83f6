/* SPDX-License-Identifier: MIT */
/* The tables of routes: those of all dialects (protocol/dialect.h) and the server's own. Each
 * listener has one. */
#ifndef WEIR_SERVER_ROUTES_H
#define WEIR_SERVER_ROUTES_H

#include "http/router.h"
#include "protocol/dialect.h"

#include <stdbool.h>
#include <stdint.h>

/* What the server's own routes are for (act WEIR_PROTOCOL_HOST). */
enum weir_server_own {
    WEIR_SERVER_OWN_PAGE, /* for people */
    WEIR_SERVER_OWN_HEALTH,
    WEIR_SERVER_OWN_OPENAPI, /* the description of the listener's interface */
    WEIR_SERVER_OWN_METRICS,
    WEIR_SERVER_OWN_MODELS,   /* states of all models */
    WEIR_SERVER_OWN_EVENTS,   /* what the repository did lately */
    WEIR_SERVER_OWN_ROLLBACK, /* captures: model */
    WEIR_SERVER_OWN_UNLOAD,   /* captures: model */
    WEIR_SERVER_OWN_LOAD,     /* captures: model */
    WEIR_SERVER_OWN_GATE,     /* captures: model */
    WEIR_SERVER_OWN_REPORT,   /* captures: model */
    WEIR_SERVER_OWN_PROMOTE,  /* captures: model */
    WEIR_SERVER_OWN_LABELS,   /* captures: model */
    WEIR_SERVER_OWN_QUALITY,  /* captures: model */
    WEIR_SERVER_OWN_SHADOW,   /* captures: model */
};

/* Where the routes of the model repository are: the values of the option repository_api. */
enum { WEIR_SERVER_REPOSITORY_ADMIN, WEIR_SERVER_REPOSITORY_MAIN };

/* What a route means. */
struct weir_server_route {
    const struct weir_protocol_ops *ops; /* NULL: the server's own */
    enum weir_protocol_dialect dialect;  /* of the ops */
    const struct weir_protocol_route *route;
};

/* Paths that the configuration adds; they go before all others. */
struct weir_server_routes_paths {
    const char *predict; /* predictions of the default model; NULL or empty: none. Borrowed */
    const char *health;  /* readiness; the same */
};

/* A listener's table; zero-initialise. */
struct weir_server_routes {
    struct weir_mem *mem;
    struct weir_http_route *http;   /* n; id is the index */
    struct weir_server_route *rows; /* n, in the same order */
    uint32_t n;
    struct weir_protocol_route added[2]; /* those of the paths */
    struct weir_http_router router;
};

/* Makes the table of a listener. flags: of the routes that are for some listeners only, those it
 * has: WEIR_PROTOCOL_ADMIN, WEIR_PROTOCOL_REPOSITORY. mem is borrowed until deinit.
 * WEIR_ERR_NO_MEMORY; WEIR_ERR_INVALID: a bad pattern. *routes is then as zeroed. */
WEIR_MUST_USE enum weir_status weir_server_routes_init(struct weir_server_routes *routes,
                                                       uint32_t flags, struct weir_mem *mem,
                                                       struct weir_error *err);
/* As above, with paths of its own; NULL: none. */
WEIR_MUST_USE enum weir_status
weir_server_routes_init_with(struct weir_server_routes *routes, uint32_t flags,
                             const struct weir_server_routes_paths *paths, struct weir_mem *mem,
                             struct weir_error *err);
void weir_server_routes_deinit(struct weir_server_routes *routes);

#endif

/* SPDX-License-Identifier: MIT */
/* The route table: every path the server answers, on which listener, and what it means. */
#ifndef WEIR_SERVER_ROUTES_H
#define WEIR_SERVER_ROUTES_H

#include "http/router.h"

#include <stdint.h>

/* What a route does. */
enum weir_server_route {
    WEIR_SERVER_ROUTE_ALIVE,
    WEIR_SERVER_ROUTE_HEALTH,
    WEIR_SERVER_ROUTE_V2_SERVER,
    WEIR_SERVER_ROUTE_V2_LIVE,
    WEIR_SERVER_ROUTE_V2_READY,
    WEIR_SERVER_ROUTE_V2_MODELS,
    WEIR_SERVER_ROUTE_V2_MODEL,       /* captures: model[, version] */
    WEIR_SERVER_ROUTE_V2_MODEL_READY, /* captures: model[, version] */
    WEIR_SERVER_ROUTE_V2_INFER,       /* captures: model[, version] */
    WEIR_SERVER_ROUTE_PREDICT,        /* captures: [model] */
    WEIR_SERVER_ROUTE_PREDICT_PROBA,
    WEIR_SERVER_ROUTE_DECISION_FUNCTION,
    WEIR_SERVER_ROUTE_TRANSFORM,
    WEIR_SERVER_ROUTE_SCORE_SAMPLES,
    /* the admin listener only */
    WEIR_SERVER_ROUTE_METRICS,
    WEIR_SERVER_ROUTE_MODELS,   /* states of all models */
    WEIR_SERVER_ROUTE_ROLLBACK, /* captures: model */
    WEIR_SERVER_ROUTE_UNLOAD,   /* captures: model */
    WEIR_SERVER_ROUTE_LOAD,     /* captures: model */
};

/* Returns the routes of the main listener, or of the admin listener (all of the main one's and its
 * own); *n is their number. Borrowed for ever. */
const struct weir_http_route *weir_server_routes(bool is_admin, uint32_t *n);

/* Finds whether a route runs a model. */
bool weir_server_routes_predicts(enum weir_server_route route);

#endif

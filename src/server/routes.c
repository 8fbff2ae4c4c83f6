/* SPDX-License-Identifier: MIT */
#include "server/routes.h"

#include "base/macros.h"

#define GET  WEIR_HTTP_METHOD_BIT(GET)
#define POST WEIR_HTTP_METHOD_BIT(POST)

/* The main listener's routes come first, so that they are a prefix of the admin listener's. */
static const struct weir_http_route routes[] = {
    {POST, "/predict", WEIR_SERVER_ROUTE_PREDICT, 0},
    {POST, "/predict/{m}", WEIR_SERVER_ROUTE_PREDICT, 0},
    {POST, "/predict_proba", WEIR_SERVER_ROUTE_PREDICT_PROBA, 0},
    {POST, "/predict_proba/{m}", WEIR_SERVER_ROUTE_PREDICT_PROBA, 0},
    {POST, "/decision_function", WEIR_SERVER_ROUTE_DECISION_FUNCTION, 0},
    {POST, "/decision_function/{m}", WEIR_SERVER_ROUTE_DECISION_FUNCTION, 0},
    {POST, "/transform", WEIR_SERVER_ROUTE_TRANSFORM, 0},
    {POST, "/transform/{m}", WEIR_SERVER_ROUTE_TRANSFORM, 0},
    {POST, "/score_samples", WEIR_SERVER_ROUTE_SCORE_SAMPLES, 0},
    {POST, "/score_samples/{m}", WEIR_SERVER_ROUTE_SCORE_SAMPLES, 0},
    {POST, "/v2/models/{m}/infer", WEIR_SERVER_ROUTE_V2_INFER, 0},
    {POST, "/v2/models/{m}/versions/{v}/infer", WEIR_SERVER_ROUTE_V2_INFER, 0},
    {GET, "/v2/models/{m}/ready", WEIR_SERVER_ROUTE_V2_MODEL_READY, 0},
    {GET, "/v2/models/{m}/versions/{v}/ready", WEIR_SERVER_ROUTE_V2_MODEL_READY, 0},
    {GET, "/v2/models/{m}", WEIR_SERVER_ROUTE_V2_MODEL, 0},
    {GET, "/v2/models/{m}/versions/{v}", WEIR_SERVER_ROUTE_V2_MODEL, 0},
    {GET, "/v2/models", WEIR_SERVER_ROUTE_V2_MODELS, 0},
    {GET, "/v2/health/live", WEIR_SERVER_ROUTE_V2_LIVE, 0},
    {GET, "/v2/health/ready", WEIR_SERVER_ROUTE_V2_READY, 0},
    {GET, "/v2", WEIR_SERVER_ROUTE_V2_SERVER, 0},
    {GET, "/healthz", WEIR_SERVER_ROUTE_HEALTH, 0},
    {GET, "/health", WEIR_SERVER_ROUTE_HEALTH, 0},
    {GET, "/", WEIR_SERVER_ROUTE_ALIVE, 0},
    {GET, "/metrics", WEIR_SERVER_ROUTE_METRICS, 0},
    {GET, "/weir/v1/models", WEIR_SERVER_ROUTE_MODELS, 0},
    {POST, "/weir/v1/models/{m}/rollback", WEIR_SERVER_ROUTE_ROLLBACK, WEIR_HTTP_ROUTE_EMPTY_BODY},
    {POST, "/weir/v1/models/{m}/unload", WEIR_SERVER_ROUTE_UNLOAD, WEIR_HTTP_ROUTE_EMPTY_BODY},
    {POST, "/weir/v1/models/{m}/load", WEIR_SERVER_ROUTE_LOAD, WEIR_HTTP_ROUTE_EMPTY_BODY},
};

enum { ADMIN_ONLY_N = 5 };

const struct weir_http_route *weir_server_routes(bool is_admin, uint32_t *n)
{
    weir_assert(n);
    *n = (uint32_t)WEIR_ARRAY_LEN(routes) - (is_admin ? 0 : ADMIN_ONLY_N);
    weir_assert(routes[WEIR_ARRAY_LEN(routes) - ADMIN_ONLY_N].id == WEIR_SERVER_ROUTE_METRICS);
    return routes;
}

bool weir_server_routes_predicts(enum weir_server_route route)
{
    return route == WEIR_SERVER_ROUTE_V2_INFER || route == WEIR_SERVER_ROUTE_PREDICT ||
           route == WEIR_SERVER_ROUTE_PREDICT_PROBA ||
           route == WEIR_SERVER_ROUTE_DECISION_FUNCTION || route == WEIR_SERVER_ROUTE_TRANSFORM ||
           route == WEIR_SERVER_ROUTE_SCORE_SAMPLES;
}

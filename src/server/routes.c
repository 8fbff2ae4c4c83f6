/* SPDX-License-Identifier: MIT */
#include "server/routes.h"

#include "base/macros.h"
#include "protocol/mlflow/mlflow.h"

#include <string.h>

#define GET(pattern, own, flags, summary)                                  \
    {                                                                      \
        pattern, WEIR_PROTOCOL_HOST, WEIR_SERVER_OWN_##own, flags, summary \
    }
#define POST(pattern, own, summary)                                                      \
    {                                                                                    \
        pattern, WEIR_PROTOCOL_HOST, WEIR_SERVER_OWN_##own,                              \
            WEIR_PROTOCOL_POST | WEIR_PROTOCOL_ADMIN | WEIR_PROTOCOL_EMPTY_BODY, summary \
    }

static const struct weir_protocol_route own_routes[] = {
    GET("/healthz", HEALTH, 0, "Whether the server lives"),
    GET("/health", HEALTH, 0, "Whether the server lives"),
    GET("/openapi.json", OPENAPI, 0, "This description"),
    GET("/metrics", METRICS, WEIR_PROTOCOL_ADMIN, "Metrics in the text format of Prometheus"),
    GET("/monitoring/prometheus/metrics", METRICS, WEIR_PROTOCOL_ADMIN, "The same"),
    GET("/weir/v1/models", MODELS, WEIR_PROTOCOL_ADMIN, "States of all models"),
    GET("/weir/v1/events", EVENTS, WEIR_PROTOCOL_ADMIN, "What was loaded and swapped lately"),
    POST("/weir/v1/models/{m}/rollback", ROLLBACK, "Serve the version before this one"),
    POST("/weir/v1/models/{m}/unload", UNLOAD, "Take a model from service"),
    POST("/weir/v1/models/{m}/load", LOAD, "Load a model again"),
    GET("/weir/v1/models/{m}/gate", GATE, WEIR_PROTOCOL_ADMIN, "A model's gate and its verdicts"),
    GET("/weir/v1/models/{m}/gate/report", REPORT, WEIR_PROTOCOL_ADMIN,
        "The latest verdict as a page"),
    {"/weir/v1/models/{m}/promote", WEIR_PROTOCOL_HOST, WEIR_SERVER_OWN_PROMOTE,
     WEIR_PROTOCOL_POST | WEIR_PROTOCOL_ADMIN, "Serve the version that the gate holds"},
    {"/weir/v1/models/{m}/labels", WEIR_PROTOCOL_HOST, WEIR_SERVER_OWN_LABELS,
     WEIR_PROTOCOL_POST | WEIR_PROTOCOL_LABELS, "Tell the truths of past predictions"},
    GET("/weir/v1/models/{m}/quality", QUALITY, WEIR_PROTOCOL_ADMIN,
        "What past predictions were worth, and how far rows have drifted"),
    GET("/weir/v1/models/{m}/shadow", SHADOW, WEIR_PROTOCOL_ADMIN,
        "How a model's shadow compares with the version that answers"),
};

/* On the admin listener it goes before other servers' answer to the path. */
static const struct weir_protocol_route page_route =
    GET("/", PAGE, WEIR_PROTOCOL_ADMIN, "The page that shows all of this to people");

static uint32_t methods_of(const struct weir_protocol_route *route)
{
    return route->flags & WEIR_PROTOCOL_POST ? WEIR_HTTP_METHOD_BIT(POST)
                                             : WEIR_HTTP_METHOD_BIT(GET);
}

static uint32_t http_flags(const struct weir_protocol_route *route)
{
    uint32_t flags = 0;
    if (route->flags & WEIR_PROTOCOL_EMPTY_BODY)
        flags |= WEIR_HTTP_ROUTE_EMPTY_BODY;
    if (route->flags & WEIR_PROTOCOL_NO_CASE)
        flags |= WEIR_HTTP_ROUTE_NO_CASE | WEIR_HTTP_ROUTE_NO_COLON;
    if (route->flags & WEIR_PROTOCOL_STREAM)
        flags |= WEIR_HTTP_ROUTE_STREAM;
    return flags;
}

static void add(struct weir_server_routes *routes, const struct weir_server_route *row)
{
    routes->rows[routes->n] = *row;
    routes->http[routes->n] = (struct weir_http_route){
        .methods = methods_of(row->route),
        .pattern = row->route->pattern,
        .id = routes->n,
        .flags = http_flags(row->route),
    };
    routes->n++;
}

static bool is_served(const struct weir_protocol_route *route, uint32_t flags)
{
    uint32_t needed =
        route->flags & (WEIR_PROTOCOL_ADMIN | WEIR_PROTOCOL_REPOSITORY | WEIR_PROTOCOL_LABELS);
    return (needed & ~flags) == 0;
}

/* The page stands where another server says that it lives. */
static bool is_behind_page(const struct weir_protocol_route *route, uint32_t flags)
{
    return is_served(&page_route, flags) && strcmp(route->pattern, page_route.pattern) == 0;
}

/* Adds the paths of the configuration, if they are there. */
static void add_paths(struct weir_server_routes *routes,
                      const struct weir_server_routes_paths *paths)
{
    static const struct {
        enum weir_protocol_dialect dialect;
        struct weir_protocol_route route;
    } rows[] = {
        {WEIR_PROTOCOL_FLASK,
         {.act = WEIR_PROTOCOL_PREDICT,
          .action = WEIR_OUTPUT_PREDICT,
          .flags = WEIR_PROTOCOL_POST,
          .summary = "Predictions of the default model"}},
        {WEIR_PROTOCOL_MLFLOW,
         {.act = WEIR_PROTOCOL_PAGE,
          .action = WEIR_PROTOCOL_MLFLOW_PING,
          .summary = "Whether the server is ready"}},
    };
    const char *const patterns[] = {paths->predict, paths->health};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        if (!patterns[i] || !*patterns[i])
            continue;
        routes->added[i] = rows[i].route;
        routes->added[i].pattern = patterns[i];
        struct weir_server_route row = {.route = &routes->added[i], .dialect = rows[i].dialect};
        row.ops = weir_protocol_ops_of(row.dialect);
        add(routes, &row);
    }
}

enum weir_status weir_server_routes_init(struct weir_server_routes *routes, uint32_t flags,
                                         struct weir_mem *mem, struct weir_error *err)
{
    return weir_server_routes_init_with(routes, flags, NULL, mem, err);
}

enum weir_status weir_server_routes_init_with(struct weir_server_routes *routes, uint32_t flags,
                                              const struct weir_server_routes_paths *paths,
                                              struct weir_mem *mem, struct weir_error *err)
{
    weir_assert(routes);
    size_t n = 1 + WEIR_ARRAY_LEN(own_routes) + WEIR_ARRAY_LEN(routes->added);
    for (size_t d = 0; d < WEIR_PROTOCOL_N; d++)
        n += weir_protocol_ops_of((enum weir_protocol_dialect)d)->n_routes;
    *routes = (struct weir_server_routes){.mem = mem};
    routes->http = weir_mem_array(mem, n, sizeof *routes->http);
    routes->rows = weir_mem_array(mem, n, sizeof *routes->rows);
    if (!routes->http || !routes->rows) {
        weir_server_routes_deinit(routes);
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the routes");
    }
    if (paths)
        add_paths(routes, paths);
    if (is_served(&page_route, flags))
        add(routes, &(struct weir_server_route){.route = &page_route});
    for (size_t d = 0; d < WEIR_PROTOCOL_N; d++) {
        struct weir_server_route row = {.dialect = (enum weir_protocol_dialect)d};
        row.ops = weir_protocol_ops_of(row.dialect);
        for (size_t i = 0; i < row.ops->n_routes; i++) {
            row.route = &row.ops->routes[i];
            if (is_served(row.route, flags) && !is_behind_page(row.route, flags))
                add(routes, &row);
        }
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(own_routes); i++) {
        struct weir_server_route row = {.route = &own_routes[i]};
        if (is_served(row.route, flags))
            add(routes, &row);
    }
    enum weir_status status =
        weir_http_router_init(&routes->router, routes->http, routes->n, mem, err);
    if (status != WEIR_OK)
        weir_server_routes_deinit(routes);
    return status;
}

void weir_server_routes_deinit(struct weir_server_routes *routes)
{
    weir_assert(routes);
    weir_http_router_deinit(&routes->router);
    weir_mem_free(routes->mem, routes->http);
    weir_mem_free(routes->mem, routes->rows);
    *routes = (struct weir_server_routes){0};
}

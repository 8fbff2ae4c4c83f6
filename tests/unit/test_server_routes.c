/* SPDX-License-Identifier: MIT */
#include "server/routes.h"
#include "server/status.h"
#include "test_mem.h"

#include <criterion/criterion.h>

static const struct {
    const char *label;
    enum weir_http_method method;
    const char *path;
    bool is_admin;
    enum weir_http_match_kind kind;
    const char *pattern;
    const char *captures[2];
} rows[] = {
    {"predict without a model",
     WEIR_HTTP_POST,
     "/predict",
     false,
     WEIR_HTTP_MATCH_FOUND,
     "/predict",
     {NULL, NULL}},
    {"predict with a model",
     WEIR_HTTP_POST,
     "/predict/iris",
     false,
     WEIR_HTTP_MATCH_FOUND,
     "/predict/{m}",
     {"iris", NULL}},
    {"infer of a version",
     WEIR_HTTP_POST,
     "/v2/models/a%20b/versions/3/infer",
     false,
     WEIR_HTTP_MATCH_FOUND,
     "/v2/models/{m}/versions/{v}/infer",
     {"a b", "3"}},
    {"a trailing slash",
     WEIR_HTTP_GET,
     "/v2/health/ready/",
     false,
     WEIR_HTTP_MATCH_FOUND,
     "/v2/health/ready",
     {NULL, NULL}},
    {"HEAD is GET",
     WEIR_HTTP_HEAD,
     "/v2/models/m",
     false,
     WEIR_HTTP_MATCH_FOUND,
     "/v2/models/{m}",
     {"m", NULL}},
    {"metrics are not on the main listener",
     WEIR_HTTP_GET,
     "/metrics",
     false,
     WEIR_HTTP_MATCH_NOT_FOUND,
     "/metrics",
     {NULL, NULL}},
    {"metrics on the admin listener",
     WEIR_HTTP_GET,
     "/metrics",
     true,
     WEIR_HTTP_MATCH_FOUND,
     "/metrics",
     {NULL, NULL}},
    {"rollback is not on the main listener",
     WEIR_HTTP_POST,
     "/weir/v1/models/m/rollback",
     false,
     WEIR_HTTP_MATCH_NOT_FOUND,
     "/weir/v1/models/{m}/rollback",
     {NULL, NULL}},
    {"the page", WEIR_HTTP_GET, "/", true, WEIR_HTTP_MATCH_FOUND, "/", {NULL, NULL}},
    {"predictions on the admin listener",
     WEIR_HTTP_POST,
     "/predict/iris",
     true,
     WEIR_HTTP_MATCH_FOUND,
     "/predict/{m}",
     {"iris", NULL}},
    {"GET of a prediction",
     WEIR_HTTP_GET,
     "/predict",
     false,
     WEIR_HTTP_MATCH_METHOD,
     "/predict",
     {NULL, NULL}},
};

Test(server_routes, each_path_means_what_the_table_says)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct weir_server_routes routes;
        struct weir_http_match match;
        cr_assert_eq(weir_server_routes_init(&routes, rows[i].is_admin ? WEIR_PROTOCOL_ADMIN : 0,
                                             test_mem(), NULL),
                     WEIR_OK);
        enum weir_http_match_kind kind = weir_http_router_match(&routes.router, rows[i].method,
                                                                weir_str_c(rows[i].path), &match);
        cr_assert_eq(kind, rows[i].kind, "%s", rows[i].label);
        if (kind == WEIR_HTTP_MATCH_FOUND) {
            cr_assert_str_eq(routes.rows[match.route->id].route->pattern, rows[i].pattern, "%s",
                             rows[i].label);
            for (size_t c = 0; c < 2 && rows[i].captures[c]; c++)
                cr_assert(weir_str_eq_c(match.captures[c], rows[i].captures[c]), "%s",
                          rows[i].label);
        }
        weir_server_routes_deinit(&routes);
        cr_assert_eq(test_mem_n_live(), 0);
    }
}

Test(server_routes, every_status_has_an_http_code_a_client_understands)
{
    static const struct {
        enum weir_status status;
        int code;
    } codes[] = {
        {WEIR_OK, 200},
        {WEIR_ERR_INVALID, 400},
        {WEIR_ERR_NOT_FOUND, 404},
        {WEIR_ERR_LIMIT, 413},
        {WEIR_ERR_BUSY, 503},
        {WEIR_ERR_NO_MEMORY, 503},
        {WEIR_ERR_TIMEOUT, 504},
        {WEIR_ERR_CANCELED, 503},
        {WEIR_ERR_INTERNAL, 500},
        {WEIR_ERR_UNSUPPORTED, 501},
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        cr_assert_eq(weir_server_status_http(codes[i].status), codes[i].code);
}

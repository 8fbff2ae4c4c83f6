/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "http/router.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <stdio.h>

enum { ROOT, PREDICT, PREDICT_MODEL, MODEL, VERSION, INFER, TFS, TFS_GET, EXACT, ANY_CASE, DIGITS };

#define GET  WEIR_HTTP_METHOD_BIT(GET)
#define POST WEIR_HTTP_METHOD_BIT(POST)

static const struct weir_http_route routes[] = {
    {GET, "/", ROOT, 0},
    {POST, "/predict", PREDICT, WEIR_HTTP_ROUTE_EMPTY_BODY},
    {POST, "/predict/{m}", PREDICT_MODEL, 0},
    {GET, "/v2/models/special", EXACT, 0},
    {GET, "/v2/models/{m}", MODEL, 0},
    {GET, "/v2/models/{m}/versions/{v}", VERSION, 0},
    {POST, "/v2/models/{m}/versions/{v}/infer", INFER, 0},
    {POST, "/v1/models/{m}:predict", TFS, 0},
    {GET, "/v1/models/{m}", TFS_GET, 0},
    {POST, "/v0/models/{m}:predict", ANY_CASE, WEIR_HTTP_ROUTE_NO_CASE | WEIR_HTTP_ROUTE_NO_COLON},
    {GET, "/v0/versions/{v#}", DIGITS, 0},
};

static const struct {
    enum weir_http_method method;
    const char *path;
    enum weir_http_match_kind kind;
    uint32_t id;
    const char *captures; /* each followed by '|' */
} rows[] = {
    {WEIR_HTTP_GET, "/", WEIR_HTTP_MATCH_FOUND, ROOT, ""},
    {WEIR_HTTP_HEAD, "/", WEIR_HTTP_MATCH_FOUND, ROOT, ""},
    {WEIR_HTTP_POST, "/predict", WEIR_HTTP_MATCH_FOUND, PREDICT, ""},
    {WEIR_HTTP_POST, "/predict/", WEIR_HTTP_MATCH_FOUND, PREDICT, ""},
    {WEIR_HTTP_POST, "/predict//", WEIR_HTTP_MATCH_NOT_FOUND, 0, ""},
    {WEIR_HTTP_POST, "//predict", WEIR_HTTP_MATCH_NOT_FOUND, 0, ""},
    {WEIR_HTTP_POST, "/%70redict", WEIR_HTTP_MATCH_FOUND, PREDICT, ""},
    {WEIR_HTTP_POST, "/Predict", WEIR_HTTP_MATCH_NOT_FOUND, 0, ""},
    {WEIR_HTTP_POST, "/predict/churn", WEIR_HTTP_MATCH_FOUND, PREDICT_MODEL, "churn|"},
    {WEIR_HTTP_POST, "/predict/a%20b", WEIR_HTTP_MATCH_FOUND, PREDICT_MODEL, "a b|"},
    {WEIR_HTTP_POST, "/predict/..%2Fetc", WEIR_HTTP_MATCH_FOUND, PREDICT_MODEL, "../etc|"},
    {WEIR_HTTP_POST, "/predict/%252e", WEIR_HTTP_MATCH_FOUND, PREDICT_MODEL, "%2e|"},
    {WEIR_HTTP_POST, "/predict/a/b", WEIR_HTTP_MATCH_NOT_FOUND, 0, ""},
    {WEIR_HTTP_GET, "/v2/models/special", WEIR_HTTP_MATCH_FOUND, EXACT, ""},
    {WEIR_HTTP_GET, "/v2/models/m", WEIR_HTTP_MATCH_FOUND, MODEL, "m|"},
    {WEIR_HTTP_GET, "/v2/models/", WEIR_HTTP_MATCH_NOT_FOUND, 0, ""},
    {WEIR_HTTP_GET, "/v2/models/m/versions/3/", WEIR_HTTP_MATCH_FOUND, VERSION, "m|3|"},
    {WEIR_HTTP_POST, "/v2/models/m/versions/3/infer", WEIR_HTTP_MATCH_FOUND, INFER, "m|3|"},
    {WEIR_HTTP_GET, "/v2/models/m/versions/3/infer", WEIR_HTTP_MATCH_METHOD, POST, ""},
    {WEIR_HTTP_OPTIONS, "/v2/models/m/versions/3/infer", WEIR_HTTP_MATCH_METHOD, POST, ""},
    {WEIR_HTTP_POST, "/v1/models/a:b:predict", WEIR_HTTP_MATCH_FOUND, TFS, "a:b|"},
    {WEIR_HTTP_POST, "/v1/models/:predict", WEIR_HTTP_MATCH_METHOD, GET, ""},
    {WEIR_HTTP_PUT, "/v1/models/a:predict", WEIR_HTTP_MATCH_METHOD, GET | POST, ""},
    {WEIR_HTTP_GET, "/a/b/c/d/e/f/g/h/i/j/k/l/m/n", WEIR_HTTP_MATCH_NOT_FOUND, 0, ""},
    {WEIR_HTTP_POST, "/V0/mOdels/Ab:PREdict", WEIR_HTTP_MATCH_FOUND, ANY_CASE, "Ab|"},
    {WEIR_HTTP_POST, "/v0/models/a%3Ab:predict", WEIR_HTTP_MATCH_FOUND, ANY_CASE, "a:b|"},
    {WEIR_HTTP_POST, "/v0/models/a:b:predict", WEIR_HTTP_MATCH_NOT_FOUND, 0, ""},
    {WEIR_HTTP_POST, "/v0/models/:predict", WEIR_HTTP_MATCH_NOT_FOUND, 0, ""},
    {WEIR_HTTP_GET, "/v0/versions/0123", WEIR_HTTP_MATCH_FOUND, DIGITS, "0123|"},
    {WEIR_HTTP_GET, "/v0/versions/12a", WEIR_HTTP_MATCH_NOT_FOUND, 0, ""},
    {WEIR_HTTP_GET, "*", WEIR_HTTP_MATCH_NOT_FOUND, 0, ""},
};

Test(http_router, paths_find_their_routes)
{
    struct weir_http_router router;
    cr_assert_eq(weir_http_router_init(&router, routes, WEIR_ARRAY_LEN(routes), test_mem(), NULL),
                 WEIR_OK);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_http_match match;
        enum weir_http_match_kind kind =
            weir_http_router_match(&router, rows[i].method, weir_str_c(rows[i].path), &match);
        cr_assert_eq(kind, rows[i].kind, "%s", rows[i].path);
        if (kind == WEIR_HTTP_MATCH_METHOD)
            cr_assert_eq(match.allow, rows[i].id, "%s", rows[i].path);
        if (kind != WEIR_HTTP_MATCH_FOUND)
            continue;
        cr_assert_eq(match.route->id, rows[i].id, "%s", rows[i].path);
        char captures[128] = "";
        for (uint32_t k = 0; k < match.n_captures; k++) {
            size_t n = strlen(captures);
            (void)snprintf(captures + n, sizeof captures - n, "%.*s|",
                           WEIR_STR_ARG(match.captures[k]));
        }
        cr_assert_str_eq(captures, rows[i].captures);
    }
    weir_http_router_deinit(&router);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(http_router, a_long_encoded_capture_is_cut_beyond_any_name)
{
    struct weir_http_router router;
    cr_assert_eq(weir_http_router_init(&router, routes, WEIR_ARRAY_LEN(routes), test_mem(), NULL),
                 WEIR_OK);
    char path[2000] = "/predict/";
    for (int i = 0; i < 600; i++)
        memcpy(path + 9 + i * 3, "%41", 4);
    struct weir_http_match match;
    cr_assert_eq(weir_http_router_match(&router, WEIR_HTTP_POST, weir_str_c(path), &match),
                 WEIR_HTTP_MATCH_FOUND);
    cr_assert_eq(match.captures[0].n, WEIR_HTTP_CAPTURE_BYTES_MAX);
    cr_assert_not(weir_str_is_name(match.captures[0]));
    weir_http_router_deinit(&router);
}

Test(http_router, bad_patterns_are_named)
{
    static const char *const bad[] = {"predict", "/a/{m", "/{a}/{b}/{c}/{d}/{e}",
                                      "/1/2/3/4/5/6/7/8/9/10/11/12/13"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        struct weir_http_route route = {GET, bad[i], 0, 0};
        struct weir_http_router router;
        struct weir_error err = WEIR_ERROR_INIT;
        cr_assert_eq(weir_http_router_init(&router, &route, 1, test_mem(), &err), WEIR_ERR_INVALID);
        cr_assert_not_null(strstr(err.msg, bad[i]));
        weir_http_router_deinit(&router);
    }
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(http_router, allow_names_what_is_implied)
{
    struct weir_buf out = WEIR_BUF_INIT;
    weir_http_allow_append(&out, GET | POST);
    cr_assert_str_eq(weir_buf_c(&out), "GET, HEAD, POST, OPTIONS");
    weir_buf_deinit(&out);
}

Test(http_router, escapes_are_decoded_once)
{
    char out[8];
    size_t n = weir_http_percent_decode(WEIR_STR("a%2fb%252f"), out, sizeof out);
    cr_assert(weir_str_eq_c(weir_str_make(out, n), "a/b%2f"));
    n = weir_http_percent_decode(WEIR_STR("%4%zz%"), out, sizeof out);
    cr_assert(weir_str_eq_c(weir_str_make(out, n), "%4%zz%"));
}

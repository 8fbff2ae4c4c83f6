/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "codec/json.h"
#include "server/openapi.h"
#include "test_catalog.h"
#include "test_mem.h"
#include "test_sink.h"

#include <criterion/criterion.h>

#include <string.h>

struct bench {
    struct weir_server_routes routes;
    struct weir_buf out;
    struct weir_codec_json json;
};

/* Writes the document of a listener and scans it: the scanner also refuses names that are there
 * twice, so that no path, method or schema is. */
static const char *bench_init(struct bench *b, uint32_t flags, const struct test_catalog *catalog)
{
    struct weir_error err = WEIR_ERROR_INIT;
    memset(b, 0, sizeof *b);
    b->out.mem = test_mem();
    cr_assert_eq(weir_server_routes_init(&b->routes, flags, test_mem(), NULL), WEIR_OK);
    weir_server_openapi_write(&b->out, &b->routes, &catalog->catalog);
    weir_codec_json_init(&b->json, NULL, test_mem());
    cr_assert_eq(weir_codec_json_scan(&b->json, weir_buf_str(&b->out), &err), WEIR_OK, "%s",
                 err.msg);
    return weir_buf_c(&b->out);
}

static void bench_deinit(struct bench *b)
{
    weir_server_routes_deinit(&b->routes);
    weir_buf_deinit(&b->out);
    weir_codec_json_deinit(&b->json);
    cr_assert_eq(test_mem_n_live(), 0);
}

/* Returns a member's value; NULL: none. */
static const char *member(const struct bench *b, const char *object, const char *name)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(&b->json, object);
    struct weir_str written;
    const char *value;
    while (weir_codec_json_next_member(&it, &written, &value)) {
        if (weir_codec_json_string_eq(written, weir_str_c(name)))
            return value;
    }
    return NULL;
}

static const char *path_of(const struct bench *b, const char *path, const char *method)
{
    const char *found = member(b, member(b, b->json.root, "paths"), path);
    return found ? member(b, found, method) : NULL;
}

Test(server_openapi, every_route_with_a_summary_is_there_with_its_method)
{
    struct weir_spec spec = weir_test_spec_iris();
    struct test_catalog catalog = test_catalog_of(&spec);
    for (int is_admin = 0; is_admin < 2; is_admin++) {
        struct bench b;
        uint32_t flags = is_admin ? WEIR_PROTOCOL_ADMIN | WEIR_PROTOCOL_REPOSITORY : 0;
        bench_init(&b, flags, &catalog);
        size_t n = 0;
        for (uint32_t i = 0; i < b.routes.n; i++) {
            const struct weir_protocol_route *route = b.routes.rows[i].route;
            if (!route->summary || strchr(route->pattern, '{'))
                continue;
            cr_assert(
                path_of(&b, route->pattern, route->flags & WEIR_PROTOCOL_POST ? "post" : "get"),
                "%s", route->pattern);
            n++;
        }
        cr_assert_gt(n, 5);
        cr_assert(path_of(&b, "/v2/models/{model}/versions/{version}/infer", "post"));
        cr_assert(path_of(&b, "/v1/models/{model}/versions/{version}:predict", "post"));
        cr_assert_eq(path_of(&b, "/metrics", "get") != NULL, is_admin);
        bench_deinit(&b);
    }
}

Test(server_openapi, a_model_has_paths_and_schemas_of_its_own)
{
    struct weir_spec spec = weir_test_spec_iris();
    struct test_catalog catalog = test_catalog_of(&spec);
    struct bench b;
    const char *text = bench_init(&b, 0, &catalog);
    cr_assert(path_of(&b, "/predict/m", "post"));
    cr_assert(path_of(&b, "/v1/models/m:classify", "post"));
    cr_assert_not(path_of(&b, "/v1/models/m:regress", "post"), "it is a classifier");
    cr_assert_not(path_of(&b, "/transform/m", "post"), "it does not transform");
    cr_assert_not(path_of(&b, "/v2/models/m", "get"), "documents are the same for all");
    cr_assert(strstr(text, "\"m.predict\":{\"enum\":[\"setosa\",\"versicolor\",\"virginica\"]}"));
    cr_assert(strstr(text, "\"m.record\":{\"type\":\"object\",\"required\":[\"sepal length\","));
    cr_assert(strstr(text, "\"petal \\\"w\\\"\":{\"type\":\"number\"}"));
    bench_deinit(&b);
}

Test(server_openapi, codes_are_those_that_a_route_can_answer)
{
    static const struct {
        const char *path;
        const char *method;
        const char *code;
        bool is_there;
    } rows[] = {
        {"/predict", "post", "200", true},
        {"/predict", "post", "404", true},
        {"/predict", "post", "413", true},
        {"/predict", "post", "504", true},
        {"/predict", "post", "500", false},
        {"/v2/models/{model}", "get", "404", true},
        {"/v2/models/{model}", "get", "413", false},
        {"/v1/models/{model}:explain", "post", "501", true},
        {"/v1/models", "get", "404", false},
    };
    struct weir_spec spec = weir_test_spec_frame();
    struct test_catalog catalog = test_catalog_of(&spec);
    struct bench b;
    bench_init(&b, 0, &catalog);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        const char *operation = path_of(&b, rows[i].path, rows[i].method);
        cr_assert(operation, "%s", rows[i].path);
        cr_assert_eq(member(&b, member(&b, operation, "responses"), rows[i].code) != NULL,
                     rows[i].is_there, "%s %s", rows[i].path, rows[i].code);
    }
    bench_deinit(&b);
}

Test(server_openapi, graphs_are_described_by_their_tensors)
{
    static const struct weir_tensor_info inputs[] = {
        {.name = "ids", .dtype = WEIR_I64, .n_dims = 2, .dims = {-1, 3}},
        {.name = "any", .dtype = WEIR_F32, .n_dims = -1},
    };
    static const struct weir_tensors_spec tensors = {
        .n_inputs = 2, .inputs = inputs, .n_outputs = 1, .outputs = inputs};
    struct weir_spec spec = {.form = WEIR_INPUT_TENSORS, .tensors = &tensors};
    struct test_catalog catalog = test_catalog_of(&spec);
    struct bench b;
    const char *text = bench_init(&b, 0, &catalog);
    cr_assert(strstr(text,
                     "\"ids\":{\"type\":\"array\",\"items\":{\"type\":\"array\",\"minItems\":3,"
                     "\"maxItems\":3,\"items\":{\"type\":\"integer\"}}},\"any\":{}"));
    cr_assert_not(path_of(&b, "/predict_proba/m", "post"));
    bench_deinit(&b);
}

/* SPDX-License-Identifier: MIT */
/* The documents of Triton's extensions: configuration, statistics, repository, settings. */
#include "base/log.h"
#include "base/macros.h"
#include "protocol/v2/v2.h"
#include "test_catalog.h"
#include "test_mem.h"
#include "test_sink.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const struct weir_protocol_route *route_of(const char *pattern, bool is_post)
{
    for (size_t i = 0; i < weir_protocol_v2.n_routes; i++) {
        const struct weir_protocol_route *route = &weir_protocol_v2.routes[i];
        if (strcmp(route->pattern, pattern) == 0 &&
            ((route->flags & WEIR_PROTOCOL_POST) != 0) == is_post)
            return route;
    }
    cr_assert_fail("no route %s", pattern);
    return NULL;
}

/* Asks for a page with a body; body NULL: GET. Returns what came of it, in a static text. */
static const char *ask(const struct test_catalog *catalog, const char *pattern, const char *model,
                       const char *version, const char *body, int *code)
{
    static char text[8192];
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_buf buf = {.mem = test_mem()};
    struct weir_protocol_page page = {.status = 200, .body = &buf};
    struct weir_protocol_question question = {.route = route_of(pattern, body != NULL)};
    if (model)
        question.target.model = weir_str_c(model);
    if (version)
        question.target.version = weir_str_c(version);
    if (body)
        question.body = weir_str_c(body);
    enum weir_status status = weir_protocol_v2.page(&question, &catalog->catalog, &page, &err);
    *code = status == WEIR_OK ? page.status : -(int)status;
    (void)snprintf(text, sizeof text, "%s", status == WEIR_OK ? weir_buf_c(&buf) : err.msg);
    weir_buf_deinit(&buf);
    return text;
}

static enum weir_status order(const char *pattern, const char *body,
                              struct weir_protocol_order *out, struct weir_error *err)
{
    struct weir_protocol_question question = {.route = route_of(pattern, true),
                                              .target = {.model = WEIR_STR("m")},
                                              .body = weir_str_c(body)};
    *out = (struct weir_protocol_order){.model = WEIR_STR("m"), .log_level = -1};
    *err = (struct weir_error)WEIR_ERROR_INIT;
    return weir_protocol_v2.order(&question, out, err);
}

#define INPUT_END                                                                \
    "\"is_shape_tensor\":false,\"allow_ragged_batch\":false,\"optional\":false," \
    "\"is_non_linear_format_io\":false}"
#define OUTPUT_END \
    "\"label_filename\":\"\",\"is_shape_tensor\":false,\"is_non_linear_format_io\":false}"

Test(protocol_v2_documents, the_configuration_is_tritons_for_rows)
{
    struct weir_spec spec = weir_test_spec_iris();
    struct test_catalog catalog = test_catalog_of(&spec);
    struct weir_protocol_version *v = &catalog.models[0].versions[0];
    int code;
    spec.platform = WEIR_STR("sklearn_pickle");
    v->file = WEIR_STR("a/1/model.joblib");
    v->max_batch_size = 64;
    v->queue_delay_ns = 500000;
    v->n_workers = 3;
    v->n_priority_levels = 2;
    v->default_priority_level = 2;
    cr_assert_str_eq(
        ask(&catalog, "/v2/models/{m}/config", "m", NULL, NULL, &code),
        "{\"name\":\"m\",\"platform\":\"sklearn_pickle\",\"backend\":\"sklearn\",\"runtime\":\"\","
        "\"version_policy\":{\"specific\":{\"versions\":[1]}},\"max_batch_size\":64,\"input\":[{"
        "\"name\":\"input-0\",\"data_type\":\"TYPE_FP64\",\"format\":\"FORMAT_NONE\",\"dims\":[4]"
        "," INPUT_END
        "],\"output\":[{\"name\":\"predict\",\"data_type\":\"TYPE_STRING\",\"dims\":[1],"
        "\"reshape\":{\"shape\":[]}," OUTPUT_END ",{\"name\":\"predict_proba\",\"data_type\":"
        "\"TYPE_FP64\",\"dims\":[3]," OUTPUT_END ",{\"name\":\"decision_function\",\"data_type\":"
        "\"TYPE_FP64\",\"dims\":[3]," OUTPUT_END "],\"batch_input\":[],\"batch_output\":[],"
        "\"instance_group\":[{\"name\":\"m\",\"kind\":\"KIND_CPU\",\"count\":3,\"gpus\":[],"
        "\"secondary_devices\":[],\"profile\":[],\"passive\":false,\"host_policy\":\"\"}],"
        "\"default_model_filename\":\"model.joblib\",\"cc_model_filenames\":{},\"metric_tags\":{},"
        "\"parameters\":{},\"model_warmup\":[],\"model_transaction_policy\":{\"decoupled\":false},"
        "\"dynamic_batching\":{\"preferred_batch_size\":[64],\"max_queue_delay_microseconds\":500,"
        "\"preserve_ordering\":false,\"priority_levels\":2,\"default_priority_level\":2,"
        "\"priority_queue_policy\":{}}}");
    cr_assert_eq(code, 200);
    cr_assert_str_eq(ask(&catalog, "/v2/models/{m}/versions/{v}/config", "m", "7", NULL, &code),
                     "no such version");
    cr_assert_eq(code, -WEIR_ERR_NOT_FOUND);
}

Test(protocol_v2_documents, columns_of_a_frame_are_inputs)
{
    struct weir_spec spec = weir_test_spec_frame();
    struct test_catalog catalog = test_catalog_of(&spec);
    int code;
    const char *text = ask(&catalog, "/v2/models/{m}/config", "m", NULL, NULL, &code);
    cr_assert(strstr(text, "\"input\":[{\"name\":\"age\",\"data_type\":\"TYPE_FP64\",\"format\":"
                           "\"FORMAT_NONE\",\"dims\":[1]," INPUT_END
                           ",{\"name\":\"city\",\"data_type\":\"TYPE_STRING\","),
              "%s", text);
    cr_assert_null(strstr(text, "dynamic_batching"), "it does not batch");
}

Test(protocol_v2_documents, the_configuration_of_a_graph_leaves_the_batch_out)
{
    static const struct weir_tensor_info in[] = {
        {.name = "x", .dtype = WEIR_F32, .n_dims = 3, .dims = {-1, 3, -1}},
        {.name = "y", .dtype = WEIR_BF16, .n_dims = 1, .dims = {-1}},
        {.name = "z", .dtype = WEIR_U8, .n_dims = -1},
    };
    struct weir_tensors_spec tensors = {
        .n_inputs = 3, .inputs = in, .n_outputs = 1, .outputs = in, .is_batched = true};
    struct weir_spec spec = {.form = WEIR_INPUT_TENSORS, .tensors = &tensors};
    struct test_catalog catalog = test_catalog_of(&spec);
    int code;
    const char *text = ask(&catalog, "/v2/models/{m}/config", "m", NULL, NULL, &code);
    cr_assert(strstr(text, "\"input\":[{\"name\":\"x\",\"data_type\":\"TYPE_FP32\",\"format\":"
                           "\"FORMAT_NONE\",\"dims\":[3,-1]," INPUT_END
                           ",{\"name\":\"y\",\"data_type\":\"TYPE_BF16\",\"format\":"
                           "\"FORMAT_NONE\",\"dims\":[1],\"reshape\":{\"shape\":[]}," INPUT_END
                           ",{\"name\":\"z\",\"data_type\":\"TYPE_UINT8\",\"format\":"
                           "\"FORMAT_NONE\",\"dims\":[-1]," INPUT_END
                           "],\"output\":[{\"name\":\"x\",\"data_type\":\"TYPE_FP32\",\"dims\":"
                           "[3,-1]," OUTPUT_END "]"),
              "%s", text);
    tensors.is_batched = false;
    text = ask(&catalog, "/v2/models/{m}/config", "m", NULL, NULL, &code);
    cr_assert(strstr(text, "\"dims\":[-1,3,-1]"), "%s", text);
}

Test(protocol_v2_documents, statistics_have_every_member)
{
    struct weir_spec spec = weir_test_spec_iris();
    struct test_catalog catalog = test_catalog_of(&spec);
    int code;
    catalog.statistics = (struct weir_protocol_statistics){
        .last_wall_ms = 1700000000123,
        .n_rows = 64,
        .n_batches = 8,
        .success = {60, 9000},
        .fail = {1, 2},
        .queue = {60, 3},
        .decode = {60, 4},
        .run = {60, 5},
        .encode = {60, 6},
        .model_bytes = 4096,
        .n_sizes = 2,
        .sizes = {{1, 2, 3, 4, 5}, {8, 6, 7, 8, 9}},
    };
    static const char entry[] =
        "{\"model_stats\":[{\"name\":\"m\",\"version\":\"1\",\"last_inference\":1700000000123,"
        "\"inference_count\":64,\"execution_count\":8,\"inference_stats\":{\"success\":{\"count\":"
        "60,\"ns\":9000},\"fail\":{\"count\":1,\"ns\":2},\"queue\":{\"count\":60,\"ns\":3},"
        "\"compute_input\":{\"count\":60,\"ns\":4},\"compute_infer\":{\"count\":60,\"ns\":5},"
        "\"compute_output\":{\"count\":60,\"ns\":6},\"cache_hit\":{\"count\":0,\"ns\":0},"
        "\"cache_miss\":{\"count\":0,\"ns\":0}},\"response_stats\":{},\"batch_stats\":[{"
        "\"batch_size\":1,\"compute_input\":{\"count\":2,\"ns\":3},\"compute_infer\":{\"count\":2,"
        "\"ns\":4},\"compute_output\":{\"count\":2,\"ns\":5}},{\"batch_size\":8,\"compute_input\":"
        "{\"count\":6,\"ns\":7},\"compute_infer\":{\"count\":6,\"ns\":8},\"compute_output\":{"
        "\"count\":6,\"ns\":9}}],\"memory_usage\":[{\"type\":\"CPU\",\"id\":0,\"byte_size\":4096}]"
        "}]}";
    cr_assert_str_eq(ask(&catalog, "/v2/models/{m}/stats", "m", NULL, NULL, &code), entry);
    cr_assert_str_eq(ask(&catalog, "/v2/models/{m}/versions/{v}/stats", "m", "1", NULL, &code),
                     entry);
    cr_assert_str_eq(ask(&catalog, "/v2/models/stats", NULL, NULL, NULL, &code), entry);
    cr_assert_eq(code, 200);
    (void)ask(&catalog, "/v2/models/{m}/stats", "n", NULL, NULL, &code);
    cr_assert_eq(code, -WEIR_ERR_NOT_FOUND);
    /* Two versions that serve are two entries; those of no version are none. */
    catalog.models[0].versions[1] = catalog.models[0].versions[0];
    catalog.models[0].versions[1].number = 3;
    catalog.models[0].n_versions = 2;
    catalog.models[0].n_serving = 2;
    cr_assert_not_null(strstr(ask(&catalog, "/v2/models/{m}/stats", "m", NULL, NULL, &code),
                              ",{\"name\":\"m\",\"version\":\"3\""));
    catalog.models[0].n_serving = 0;
    cr_assert_str_eq(ask(&catalog, "/v2/models/stats", NULL, NULL, NULL, &code),
                     "{\"model_stats\":[]}");
}

Test(protocol_v2_documents, the_index_tells_states_and_reasons)
{
    struct weir_spec spec = weir_test_spec_iris();
    struct test_catalog catalog = test_catalog_of(&spec);
    struct test_catalog_model *m = &catalog.models[0];
    int code;
    m->n_versions = 4;
    m->versions[1] = (struct weir_protocol_version){.state = WEIR_STR("failed"),
                                                    .reason = WEIR_STR("offset 3: \"x\"")};
    m->versions[2] = (struct weir_protocol_version){.number = 4, .state = WEIR_STR("loading")};
    m->versions[3] = (struct weir_protocol_version){.state = WEIR_STR("something new")};
    catalog.models[1] = (struct test_catalog_model){.name = WEIR_STR("none")};
    catalog.n_models = 2;
    static const char all[] =
        "[{\"name\":\"m\",\"version\":\"1\",\"state\":\"READY\"},{\"name\":\"m\",\"state\":"
        "\"UNAVAILABLE\",\"reason\":\"offset 3: \\\"x\\\"\"},{\"name\":\"m\",\"version\":\"4\","
        "\"state\":\"LOADING\"},{\"name\":\"m\",\"state\":\"UNKNOWN\"},{\"name\":\"none\"}]";
    static const char *const everything[] = {"", "{}", "{\"ready\":false}", " {\"x\":1} "};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(everything); i++)
        cr_assert_str_eq(ask(&catalog, "/v2/repository/index", NULL, NULL, everything[i], &code),
                         all);
    cr_assert_eq(code, 200);
    cr_assert_str_eq(ask(&catalog, "/v2/repository/index", NULL, NULL, "{\"ready\":true}", &code),
                     "[{\"name\":\"m\",\"version\":\"1\",\"state\":\"READY\"}]");
    static const struct {
        const char *body;
        const char *msg;
    } refused[] = {{"{\"ready\":1}", "ready: expected true or false, got a number"},
                   {"[]", "expected an object, got an array"},
                   {"{", "offset 1: expected a name in quotes, got the end of the text"}};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(refused); i++) {
        const char *got = ask(&catalog, "/v2/repository/index", NULL, NULL, refused[i].body, &code);
        cr_assert_str_eq(got, refused[i].msg, "%s: got %s", refused[i].body, got);
        cr_assert_eq(code, -WEIR_ERR_INVALID);
    }
}

Test(protocol_v2_documents, orders_to_load_take_no_files)
{
    static const struct {
        const char *body;
        enum weir_status status;
    } rows[] = {
        {"", WEIR_OK},
        {"{}", WEIR_OK},
        {"{\"parameters\":{}}", WEIR_OK},
        {"{\"parameters\":null}", WEIR_OK},
        {"{\"parameters\":{\"unload_dependents\":true}}", WEIR_OK},
        {"{\"parameters\":{\"unload_dependents\":1}}", WEIR_ERR_INVALID},
        {"{\"parameters\":{\"config\":\"{}\"}}", WEIR_ERR_UNSUPPORTED},
        {"{\"parameters\":{\"file:1/model.onnx\":\"AAAA\"}}", WEIR_ERR_UNSUPPORTED},
        {"{\"parameters\":[]}", WEIR_ERR_INVALID},
        {"[]", WEIR_ERR_INVALID},
        {"x", WEIR_ERR_INVALID},
    };
    struct weir_protocol_order out;
    struct weir_error err;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        cr_assert_eq(order("/v2/repository/models/{m}/load", rows[i].body, &out, &err),
                     rows[i].status, "%s: %s", rows[i].body, err.msg);
        cr_assert(weir_str_eq_c(out.model, "m"));
    }
    struct weir_spec spec = weir_test_spec_iris();
    struct test_catalog catalog = test_catalog_of(&spec);
    int code;
    cr_assert_str_eq(ask(&catalog, "/v2/repository/models/{m}/load", "m\"", NULL, "", &code),
                     "{\"name\":\"m\\\"\",\"load\":true}");
    cr_assert_str_eq(ask(&catalog, "/v2/repository/models/{m}/unload", "m", NULL, "", &code),
                     "{\"name\":\"m\",\"unload\":true}");
}

Test(protocol_v2_documents, the_log_has_the_level_that_the_switches_say)
{
    static const struct {
        const char *body;
        enum weir_log_level before;
        int level; /* −1: refused */
    } rows[] = {
        {"{}", WEIR_LOG_WARN, WEIR_LOG_WARN},
        {"{\"log_verbose_level\":2}", WEIR_LOG_INFO, WEIR_LOG_DEBUG},
        {"{\"log_verbose_level\":0}", WEIR_LOG_DEBUG, WEIR_LOG_INFO},
        {"{\"log_info\":false}", WEIR_LOG_INFO, WEIR_LOG_WARN},
        {"{\"log_info\":false,\"log_warning\":false}", WEIR_LOG_INFO, WEIR_LOG_ERROR},
        {"{\"log_info\":true}", WEIR_LOG_ERROR, WEIR_LOG_INFO},
        {"{\"log_warning\":null,\"log_error\":true,\"log_format\":\"default\",\"log_file\":\"\"}",
         WEIR_LOG_WARN, WEIR_LOG_WARN},
        {"{\"log_error\":false}", WEIR_LOG_INFO, -1},
        {"{\"log_file\":\"/tmp/x\"}", WEIR_LOG_INFO, -1},
        {"{\"log_format\":\"ISO8601\"}", WEIR_LOG_INFO, -1},
        {"{\"log_info\":1}", WEIR_LOG_INFO, -1},
        {"{\"log_verbose_level\":-1}", WEIR_LOG_INFO, -1},
        {"{\"log_volume\":11}", WEIR_LOG_INFO, -1},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_protocol_order out;
        struct weir_error err;
        weir_log_set_level(rows[i].before);
        enum weir_status status = order("/v2/logging", rows[i].body, &out, &err);
        cr_assert_eq(status == WEIR_OK, rows[i].level >= 0, "%s: %s", rows[i].body, err.msg);
        cr_assert_eq(out.log_level, rows[i].level, "%s", rows[i].body);
    }
    struct test_catalog catalog = {.n_models = 0};
    int code;
    test_catalog_init(&catalog);
    weir_log_set_level(WEIR_LOG_WARN);
    cr_assert_str_eq(
        ask(&catalog, "/v2/logging", NULL, NULL, NULL, &code),
        "{\"log_file\":\"\",\"log_info\":false,\"log_warning\":true,\"log_error\":true,"
        "\"log_verbose_level\":0,\"log_format\":\"default\"}");
}

Test(protocol_v2_documents, tracing_is_off_and_stays_so)
{
    struct weir_spec spec = weir_test_spec_iris();
    struct test_catalog catalog = test_catalog_of(&spec);
    static const char off[] =
        "{\"trace_level\":[\"OFF\"],\"trace_rate\":\"1000\",\"trace_count\":\"-1\","
        "\"log_frequency\":\"0\",\"trace_file\":\"\",\"trace_mode\":\"triton\"}";
    static const struct {
        const char *body; /* NULL: GET */
        int code;
    } rows[] = {
        {NULL, 200},
        {"", 200},
        {"{\"trace_level\":[\"OFF\"]}", 200},
        {"{\"trace_level\":\"OFF\",\"trace_rate\":null,\"trace_count\":\"-1\"}", 200},
        {"{\"trace_level\":[\"TIMESTAMPS\"]}", 501},
        {"{\"trace_level\":1}", 501},
        {"{\"trace_rate\":\"1\"}", 501},
        {"{\"trace_rate\":1000}", 501},
        {"{\"other\":1}", 501},
    };
    int code;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        const char *text = ask(&catalog, "/v2/trace/setting", NULL, NULL, rows[i].body, &code);
        cr_assert_eq(code, rows[i].code, "%s", rows[i].body);
        cr_assert_str_eq(text, code == 200
                                   ? off
                                   : "{\"error\":\"tracing is not served: trace_level can only be "
                                     "OFF\"}");
    }
    cr_assert_str_eq(ask(&catalog, "/v2/models/{m}/trace/setting", "m", NULL, NULL, &code), off);
    (void)ask(&catalog, "/v2/models/{m}/trace/setting", "n", NULL, NULL, &code);
    cr_assert_eq(code, -WEIR_ERR_NOT_FOUND);
}

Test(protocol_v2_documents, shared_memory_is_none_and_text_is_not_generated)
{
    struct test_catalog catalog = {.n_models = 0};
    int code;
    test_catalog_init(&catalog);
    cr_assert_str_eq(ask(&catalog, "/v2/systemsharedmemory/status", NULL, NULL, NULL, &code), "[]");
    cr_assert_str_eq(
        ask(&catalog, "/v2/cudasharedmemory/region/{r}/status", "r", NULL, NULL, &code), "[]");
    cr_assert_str_eq(
        ask(&catalog, "/v2/systemsharedmemory/region/{r}/register", "r", NULL, "{}", &code),
        "{\"error\":\"shared memory is not served\"}");
    cr_assert_eq(code, 501);
    cr_assert_str_eq(ask(&catalog, "/v2/systemsharedmemory/unregister", NULL, NULL, "", &code), "");
    cr_assert_eq(code, 200);
    cr_assert_str_eq(ask(&catalog, "/v2/models/{m}/generate_stream", "m", NULL, "{}", &code),
                     "{\"error\":\"generation of text is not served\"}");
    cr_assert_eq(code, 501);
}

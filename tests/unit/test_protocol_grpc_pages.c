/* SPDX-License-Identifier: MIT */
/* Calls of gRPC that are no predictions: their messages, byte by byte where they are short. */
#include "base/log.h"
#include "base/macros.h"
#include "codec/protobuf.h"
#include "protocol/grpc/grpc.h"
#include "protocol/grpc/pages.h"
#include "test_catalog.h"
#include "test_sink.h"

#include <criterion/criterion.h>

#include <string.h>

#define OIP(method) "/inference.GRPCInferenceService/" method

/* Asks the route of a path; the answer is in buf, without its frame. */
static enum weir_status ask(const struct test_catalog *catalog, const char *path,
                            struct weir_str body, struct weir_buf *buf, struct weir_error *err)
{
    struct weir_protocol_question question = {.body = body};
    struct weir_protocol_page page = {.status = 200, .body = buf};
    for (size_t i = 0; i < weir_protocol_grpc.n_routes; i++) {
        if (strcmp(weir_protocol_grpc.routes[i].pattern, path) == 0)
            question.route = &weir_protocol_grpc.routes[i];
    }
    cr_assert(question.route, "%s", path);
    weir_buf_clear(buf);
    enum weir_status status = weir_protocol_grpc.page(&question, &catalog->catalog, &page, err);
    cr_assert(weir_buf_ok(buf));
    cr_assert(buf->n >= WEIR_PROTOCOL_GRPC_FRAME_BYTES);
    if (status == WEIR_OK)
        cr_assert_eq((uint8_t)buf->at[4] | (uint8_t)buf->at[3] << 8, (int)buf->n - 5);
    buf->n -= WEIR_PROTOCOL_GRPC_FRAME_BYTES;
    memmove(buf->at, buf->at + WEIR_PROTOCOL_GRPC_FRAME_BYTES, buf->n);
    return status;
}

static const struct {
    const char *path;
    const char *body;
    size_t n_body;
    const char *answer; /* NULL: an error */
    size_t n_answer;
    enum weir_status status;
} asked[] = {
#define BYTES(literal) literal, sizeof(literal) - 1
#define OK(path, body, answer)                    \
    {                                             \
        path, BYTES(body), BYTES(answer), WEIR_OK \
    }
#define FAILS(path, body, status)          \
    {                                      \
        path, BYTES(body), NULL, 0, status \
    }
    OK(OIP("ServerLive"), "", "\x08\x01"),
    OK(OIP("ServerReady"), "", "\x08\x01"),
    OK(OIP("ModelReady"), "\x0a\x01m", "\x08\x01"),
    OK(OIP("ModelReady"), "\x0a\x01x", ""),
    FAILS(OIP("ModelReady"), "\x0a\x05x", WEIR_ERR_INVALID),
    FAILS(OIP("ModelMetadata"), "\x0a\x01x", WEIR_ERR_NOT_FOUND),
    FAILS(OIP("ModelConfig"), "\x0a\x01x", WEIR_ERR_NOT_FOUND),
    FAILS(OIP("ModelStatistics"), "\x0a\x01x", WEIR_ERR_NOT_FOUND),
    OK(OIP("RepositoryIndex"), "",
       "\x0a\x0d\x0a\x01m\x12\x01"
       "1\x1a\x05READY"),
    FAILS(OIP("RepositoryIndex"), "\x0a\x01r", WEIR_ERR_UNSUPPORTED),
    OK(OIP("SystemSharedMemoryStatus"), "", ""),
    OK(OIP("CudaSharedMemoryUnregister"), "\x0a\x01r", ""),
    FAILS(OIP("SystemSharedMemoryRegister"), "\x0a\x01r", WEIR_ERR_UNSUPPORTED),
    FAILS(OIP("TraceSetting"), "\x0a\x02\x0a\x00", WEIR_ERR_UNSUPPORTED),
    OK("/grpc.health.v1.Health/Check", "", "\x08\x01"),
    OK("/grpc.health.v1.Health/Check", "\x0a\x1einference.GRPCInferenceService", "\x08\x01"),
    OK("/grpc.health.v1.Health/Check", "\x0a\x15grpc.health.v1.Health", "\x08\x01"),
    FAILS("/grpc.health.v1.Health/Check", "\x0a\x01x", WEIR_ERR_NOT_FOUND),
    OK("/grpc.health.v1.Health/Watch", "\x0a\x01x", "\x08\x03"),
};

Test(protocol_grpc_pages, short_answers_are_as_protobuf_writes_them)
{
    struct weir_spec spec = weir_test_spec_iris();
    struct test_catalog catalog = test_catalog_of(&spec);
    struct weir_buf buf = WEIR_BUF_INIT;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(asked); i++) {
        struct weir_error err = WEIR_ERROR_INIT;
        struct weir_str body = weir_str_make(asked[i].body, asked[i].n_body);
        enum weir_status status = ask(&catalog, asked[i].path, body, &buf, &err);
        cr_assert_eq(status, asked[i].status, "%s: case %zu: %s", asked[i].path, i, err.msg);
        if (!asked[i].answer)
            continue;
        cr_assert_eq(buf.n, asked[i].n_answer, "%s: case %zu", asked[i].path, i);
        cr_assert_eq(memcmp(buf.at, asked[i].answer, buf.n), 0, "%s: case %zu", asked[i].path, i);
    }
    catalog.unready = "the server is starting";
    cr_assert_eq(ask(&catalog, OIP("ServerReady"), WEIR_STR(""), &buf, NULL), WEIR_OK);
    cr_assert_eq(buf.n, 0);
    cr_assert_eq(ask(&catalog, "/grpc.health.v1.Health/Check", WEIR_STR(""), &buf, NULL), WEIR_OK);
    cr_assert_eq(memcmp(buf.at, "\x08\x02", 2), 0);
    weir_buf_deinit(&buf);
}

/* Follows a path of field numbers into a message; the last fields found. */
static struct weir_codec_protobuf_field at(struct weir_str message, const uint32_t *path, size_t n)
{
    struct weir_codec_protobuf_field found = {.number = 0};
    for (size_t i = 0; i < n; i++) {
        struct weir_codec_protobuf reader = weir_codec_protobuf_of(i ? found.bytes : message);
        struct weir_codec_protobuf_field f;
        found.number = 0;
        while (found.number == 0 && weir_codec_protobuf_next(&reader, &f)) {
            if (f.number == path[i])
                found = f;
        }
        cr_assert_not(reader.is_malformed);
    }
    return found;
}

#define AT(...)                                             \
    at(weir_buf_str(&buf), (const uint32_t[]){__VA_ARGS__}, \
       sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

Test(protocol_grpc_pages, models_are_described)
{
    struct weir_spec spec = weir_test_spec_iris();
    struct test_catalog catalog = test_catalog_of(&spec);
    struct weir_buf buf = WEIR_BUF_INIT;
    cr_assert_eq(ask(&catalog, OIP("ModelMetadata"), WEIR_STR("\x0a\x01m"), &buf, NULL), WEIR_OK);
    cr_assert(weir_str_eq_c(AT(1).bytes, "m"));
    cr_assert(weir_str_eq_c(AT(2).bytes, "1"));
    cr_assert(weir_str_eq_c(AT(3).bytes, "sklearn_joblib"));
    cr_assert(weir_str_eq_c(AT(4, 1).bytes, "input-0"));
    cr_assert(weir_str_eq_c(AT(4, 2).bytes, "FP64"));
    cr_assert(
        weir_str_eq(AT(4, 3).bytes, WEIR_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x04")));
    cr_assert(weir_str_eq_c(AT(5, 1).bytes, "predict"));
    cr_assert(weir_str_eq_c(AT(5, 2).bytes, "BYTES"));
    catalog.models[0].versions[0].max_batch_size = 64;
    catalog.models[0].versions[0].queue_delay_ns = 500000;
    cr_assert_eq(ask(&catalog, OIP("ModelConfig"), WEIR_STR("\x0a\x01m"), &buf, NULL), WEIR_OK);
    cr_assert(weir_str_eq_c(AT(1, 1).bytes, "m"));
    cr_assert_eq(AT(1, 4).value, 64);
    cr_assert(weir_str_eq_c(AT(1, 5, 1).bytes, "input-0"));
    cr_assert_eq(AT(1, 5, 2).value, 12);                         /* TYPE_FP64 */
    cr_assert(weir_str_eq(AT(1, 5, 4).bytes, WEIR_STR("\x04"))); /* without the batch */
    cr_assert(weir_str_eq(AT(1, 6, 3).bytes, WEIR_STR("\x01"))); /* never empty */
    cr_assert_eq(AT(1, 11, 2).value, 500);
    weir_buf_deinit(&buf);
}

Test(protocol_grpc_pages, statistics_have_every_member)
{
    struct weir_spec spec = weir_test_spec_iris();
    struct test_catalog catalog = test_catalog_of(&spec);
    struct weir_buf buf = WEIR_BUF_INIT;
    catalog.statistics = (struct weir_protocol_statistics){
        .last_wall_ms = 5, .n_rows = 64, .n_batches = 8, .success = {7, 900}, .queue = {7, 30}};
    for (int by_name = 0; by_name < 2; by_name++) {
        cr_assert_eq(ask(&catalog, OIP("ModelStatistics"),
                         by_name ? WEIR_STR("\x0a\x01m") : WEIR_STR(""), &buf, NULL),
                     WEIR_OK);
        cr_assert(weir_str_eq_c(AT(1, 1).bytes, "m"));
        cr_assert(weir_str_eq_c(AT(1, 2).bytes, "1"));
        cr_assert_eq(AT(1, 4).value, 64);
        cr_assert_eq(AT(1, 5).value, 8);
        cr_assert_eq(AT(1, 6, 1, 1).value, 7);
        cr_assert_eq(AT(1, 6, 3, 2).value, 30);
        for (uint32_t i = 1; i <= 8; i++)
            cr_assert_eq(AT(1, 6, i).number, i);
    }
    weir_buf_deinit(&buf);
}

static enum weir_status order(const char *method, struct weir_str body,
                              struct weir_protocol_order *out, struct weir_error *err)
{
    struct weir_protocol_route route = {
        .action = strcmp(method, "log") == 0 ? WEIR_PROTOCOL_GRPC_LOG : WEIR_PROTOCOL_GRPC_LOAD};
    struct weir_protocol_question question = {.route = &route, .body = body};
    *out = (struct weir_protocol_order){.log_level = -1};
    return weir_protocol_grpc.order(&question, out, err);
}

Test(protocol_grpc_pages, loads_name_the_model_in_either_dialect)
{
    struct weir_protocol_order o;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(order("load", WEIR_STR("\x12\x02xy"), &o, &err), WEIR_OK); /* Triton */
    cr_assert(weir_str_eq_c(o.model, "xy"));
    cr_assert_eq(order("load", WEIR_STR("\x0a\x02xy"), &o, &err), WEIR_OK); /* KServe */
    cr_assert(weir_str_eq_c(o.model, "xy"));
    cr_assert_eq(order("load", WEIR_STR(""), &o, &err), WEIR_ERR_INVALID);
    cr_assert_eq(order("load", WEIR_STR("\x12\x05xy"), &o, &err), WEIR_ERR_INVALID);
    cr_assert_eq(order("load",
                       WEIR_STR("\x12\x01x\x1a\x08\x0a\x06"
                                "config"),
                       &o, &err),
                 WEIR_ERR_UNSUPPORTED);
    cr_assert_eq(
        order("load", WEIR_STR("\x12\x01x\x1a\x16\x0a\x12unload_dependents\x12\x00"), &o, &err),
        WEIR_ERR_INVALID); /* the entry is cut */
    cr_assert_eq(
        order("load", WEIR_STR("\x12\x01x\x1a\x15\x0a\x11unload_dependents\x12\x00"), &o, &err),
        WEIR_OK);
}

Test(protocol_grpc_pages, log_settings_become_a_level)
{
    struct weir_protocol_order o;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(order("log", WEIR_STR(""), &o, &err), WEIR_OK);
    cr_assert_eq(o.log_level, -1);
    cr_assert_eq(
        order("log", WEIR_STR("\x0a\x17\x0a\x11log_verbose_level\x12\x02\x10\x01"), &o, &err),
        WEIR_OK, "%s", err.msg);
    cr_assert_eq(o.log_level, WEIR_LOG_DEBUG);
    cr_assert_eq(order("log", WEIR_STR("\x0a\x0e\x0a\x08log_info\x12\x02\x08\x00"), &o, &err),
                 WEIR_OK);
    cr_assert_eq(o.log_level, WEIR_LOG_WARN);
    cr_assert_eq(order("log", WEIR_STR("\x0a\x0f\x0a\x09log_error\x12\x02\x08\x00"), &o, &err),
                 WEIR_ERR_UNSUPPORTED);
    cr_assert_eq(order("log", WEIR_STR("\x0a\x05\x0a\x01x\x12\x00"), &o, &err), WEIR_ERR_INVALID);
}

#define REFLECTION "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"

Test(protocol_grpc_pages, reflection_finds_services_and_symbols)
{
    static const char *const symbols[] = {
        "inference.GRPCInferenceService",
        "inference.GRPCInferenceService.ModelInfer",
        "inference.ModelInferRequest",
        "inference.ModelInferRequest.InferInputTensor",
        "inference.ModelInferRequest.InferInputTensor.shape",
        "inference.DataType",
        "grpc.health.v1.HealthCheckResponse.ServingStatus",
    };
    static const char *const strangers[] = {"inference", "inference.ModelInferReques",
                                            "inference.ModelInferRequestX", "x", ""};
    struct weir_spec spec = weir_test_spec_iris();
    struct test_catalog catalog = test_catalog_of(&spec);
    struct weir_buf buf = WEIR_BUF_INIT;
    struct weir_buf request = WEIR_BUF_INIT;
    cr_assert_eq(ask(&catalog, REFLECTION, WEIR_STR("\x0a\x01h\x3a\x00"), &buf, NULL), WEIR_OK);
    cr_assert(weir_str_eq_c(AT(1).bytes, "h"));
    cr_assert_eq(AT(2).bytes.n, 5);
    cr_assert(weir_str_eq_c(AT(6, 1, 1).bytes, "grpc.health.v1.Health"));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(symbols) + WEIR_ARRAY_LEN(strangers); i++) {
        bool is_ours = i < WEIR_ARRAY_LEN(symbols);
        const char *name = is_ours ? symbols[i] : strangers[i - WEIR_ARRAY_LEN(symbols)];
        weir_buf_clear(&request);
        weir_codec_protobuf_put_text_always(&request, 4, weir_str_c(name));
        cr_assert_eq(ask(&catalog, REFLECTION, weir_buf_str(&request), &buf, NULL), WEIR_OK);
        cr_assert_eq(AT(4).number, is_ours ? 4 : 0, "%s", name);
        cr_assert_eq(AT(7).number, is_ours ? 0 : 7, "%s", name);
        if (!is_ours)
            cr_assert_eq(AT(7, 1).value, 5);
    }
    weir_buf_clear(&request);
    weir_codec_protobuf_put_text_always(&request, 3, WEIR_STR("inference.proto"));
    cr_assert_eq(ask(&catalog, REFLECTION, weir_buf_str(&request), &buf, NULL), WEIR_OK);
    cr_assert(weir_str_eq_c(AT(4, 1, 2).bytes, "inference"));
    weir_buf_deinit(&request);
    weir_buf_deinit(&buf);
}

/* SPDX-License-Identifier: MIT */
/* TensorFlow Serving over gRPC. The golden requests were written by tensorflow_serving.apis 2.21.
 */
#include "base/macros.h"
#include "codec/protobuf.h"
#include "protocol/grpc/tfs.h"
#include "test_catalog.h"
#include "test_mem.h"
#include "test_sink.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static struct weir_str unhex(const char *hex, char *room)
{
    size_t n = 0;
    for (; hex[2 * n]; n++) {
        char digits[3] = {hex[2 * n], hex[2 * n + 1], 0};
        room[n] = (char)strtoul(digits, NULL, 16);
    }
    return weir_str_make(room, n);
}

/* Model "m", "x" [2, 2]. */
static const struct {
    const char *label;
    const char *hex;
    double values[4];
} golden[] = {
    {"tensor_content",
     "0a030a016d12230a0178121e08011208120208021202080222100000803f000000400000404000009040",
     {1, 2, 3, 4.5}},
    {"tensor_content, int64",
     "0a030a016d12330a0178122e0809120812020802120208022220ffffffffffffffff0200000000000000030000000"
     "00000000400000000000000",
     {-1, 2, 3, 4}},
    {"float_val",
     "0a030a016d12230a0178121e0801120812020802120208022a100000803f000000400000404000009040",
     {1, 2, 3, 4.5}},
    {"int_val, the last repeated",
     "0a030a016d121e0a017812190806120812020802120208023a0bffffffffffffffffff0102",
     {-1, 2, 2, 2}},
    {"half_val, repeated",
     "0a030a016d12150a017812100813120812020802120208026a028078",
     {1, 1, 1, 1}},
    {"bool_val, the last repeated",
     "0a030a016d12160a01781211080a120812020802120208025a03010001",
     {1, 0, 1, 1}},
};

static enum weir_status decode(const struct weir_spec *spec, struct weir_str body,
                               struct weir_test_sink *sink, struct weir_protocol_call *call,
                               struct weir_error *err)
{
    struct weir_protocol_decoder decoder;
    struct weir_protocol_head head = {.dialect = WEIR_PROTOCOL_GRPC,
                                      .action = WEIR_PROTOCOL_GRPC_TFS_PREDICT};
    char *exact = malloc(body.n + !body.n);
    cr_assert(exact);
    memcpy(exact, body.at, body.n);
    weir_protocol_decoder_init(&decoder, NULL, test_mem());
    enum weir_status status = weir_protocol_grpc.decode(
        &decoder, &head, spec, weir_str_make(exact, body.n), &sink->sink, call, err);
    weir_protocol_decoder_deinit(&decoder);
    free(exact);
    return status;
}

Test(protocol_grpc_tfs, tensors_become_rows)
{
    struct weir_spec spec = weir_test_spec_regressor(2);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(golden); i++) {
        struct weir_test_sink sink;
        struct weir_protocol_call call;
        struct weir_error err = WEIR_ERROR_INIT;
        char room[256];
        weir_test_sink_init(&sink);
        cr_assert_eq(decode(&spec, unhex(golden[i].hex, room), &sink, &call, &err), WEIR_OK,
                     "%s: %s", golden[i].label, err.msg);
        for (size_t k = 0; k < 4; k++)
            cr_assert_eq(weir_test_sink_at(&sink, k / 2, k % 2), golden[i].values[k], "%s: %zu",
                         golden[i].label, k);
        weir_test_sink_deinit(&sink);
    }
}

/* A request for model "m", input "x" of shape [n, 2], with one value of a type's field. */
static void put_one(struct weir_buf *buf, unsigned dtype, uint64_t n, uint32_t field,
                    struct weir_str value)
{
    weir_buf_clear(buf);
    size_t spec = weir_codec_protobuf_begin(buf, 1);
    weir_codec_protobuf_put_text(buf, 1, WEIR_STR("m"));
    weir_codec_protobuf_end(buf, spec);
    size_t entry = weir_codec_protobuf_begin(buf, 2);
    weir_codec_protobuf_put_text(buf, 1, WEIR_STR("x"));
    size_t tensor = weir_codec_protobuf_begin(buf, 2);
    weir_codec_protobuf_put_u64(buf, 1, dtype);
    size_t shape = weir_codec_protobuf_begin(buf, 2);
    for (int i = 0; i < 2; i++) {
        size_t dim = weir_codec_protobuf_begin(buf, 2);
        weir_codec_protobuf_put_u64(buf, 1, i == 0 ? n : 2);
        weir_codec_protobuf_end(buf, dim);
    }
    weir_codec_protobuf_end(buf, shape);
    weir_codec_protobuf_put_text(buf, field, value);
    weir_codec_protobuf_end(buf, tensor);
    weir_codec_protobuf_end(buf, entry);
    cr_assert(weir_buf_ok(buf));
}

/* Blocks of repeated values, whole ones and a last one that is not. */
static const struct {
    unsigned dtype;
    uint32_t field;
    struct weir_str value;
    double expected;
} repeated[] = {
    {1, 5, {"\0\0\x20\x40", 4}, 2.5},                              /* float */
    {2, 6, {"\0\0\0\0\0\0\x04\x40", 8}, 2.5},                      /* double */
    {9, 10, {"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10}, -2}, /* int64 */
    {6, 7, {"\x01\x07", 2}, 7},                                    /* int8: 1, then 7 */
    {10, 11, {"\x01", 1}, 1},                                      /* bool */
};

Test(protocol_grpc_tfs, one_value_stands_for_many)
{
    struct weir_spec spec = weir_test_spec_regressor(2);
    struct weir_buf buf = WEIR_BUF_INIT;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(repeated); i++) {
        for (size_t n = 127; n < 260; n += 66) {
            struct weir_test_sink sink;
            struct weir_protocol_call call;
            struct weir_error err = WEIR_ERROR_INIT;
            weir_test_sink_init(&sink);
            put_one(&buf, repeated[i].dtype, n, repeated[i].field, repeated[i].value);
            cr_assert_eq(decode(&spec, weir_buf_str(&buf), &sink, &call, &err), WEIR_OK, "%s",
                         err.msg);
            for (size_t k = 1; k < 2 * n; k++)
                cr_assert_eq(weir_test_sink_at(&sink, k / 2, k % 2), repeated[i].expected,
                             "%zu of %zu: %zu", i, n, k);
            weir_test_sink_deinit(&sink);
        }
    }
    struct weir_test_sink sink;
    struct weir_protocol_call call;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_test_sink_init(&sink);
    put_one(&buf, 1, 600000, 5, WEIR_STR("\1\2\3\4"));
    cr_assert_eq(decode(&spec, weir_buf_str(&buf), &sink, &call, &err), WEIR_ERR_LIMIT);
    cr_assert(strstr(err.msg, "one value for more than 1048576 elements"), "%s", err.msg);
    weir_test_sink_deinit(&sink);
    weir_buf_deinit(&buf);
}

static const struct {
    const char *hex;
    const char *message;
} refused[] = {
    /* no values; more than the shape says; another type's field; DT_COMPLEX64; cut */
    {"0a030a016d12110a0178120c080112081202080212020802",
     "inputs[0]: 0 values for the 4 of the shape"},
    {"0a030a016d12180a01781213080a120812020802120208025a050100010101",
     "inputs[0]: 5 values for the 4 of the shape"},
    {"0a030a016d12160a017812110801120812020802120208025a03010001",
     "inputs[0]: 0 values for the 4 of the shape"},
    {"0a030a016d12070a017812020808", "inputs[0]: dtype: 8 is not supported"},
    {"0a030a016d1207", "the message is malformed"},
    {"0a030a016d", "inputs: none"},
};

Test(protocol_grpc_tfs, refusals_say_why)
{
    struct weir_spec spec = weir_test_spec_regressor(2);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(refused); i++) {
        struct weir_test_sink sink;
        struct weir_protocol_call call;
        struct weir_error err = WEIR_ERROR_INIT;
        char room[256];
        weir_test_sink_init(&sink);
        enum weir_status status = decode(&spec, unhex(refused[i].hex, room), &sink, &call, &err);
        cr_assert_eq(status, WEIR_ERR_INVALID, "case %zu", i);
        cr_assert_str_eq(err.msg, refused[i].message, "case %zu: %s", i, err.msg);
        cr_assert_not(sink.is_reserved);
        weir_test_sink_deinit(&sink);
    }
}

Test(protocol_grpc_tfs, a_version_is_a_number_or_a_label)
{
    char room[WEIR_PROTOCOL_GRPC_TFS_ROOM_BYTES];
    struct weir_protocol_target target;
    cr_assert_eq(weir_protocol_grpc_tfs_target(WEIR_STR("\x0a\x07\x0a\x01m\x12\x02\x08\x03"),
                                               &target, room, NULL),
                 WEIR_OK);
    cr_assert(weir_str_eq_c(target.model, "m"));
    cr_assert(weir_str_eq_c(target.version, "3"));
    cr_assert_eq(weir_protocol_grpc_tfs_target(WEIR_STR("\x0a\x08\x0a\x01m\x22\x03"
                                                        "pre"),
                                               &target, room, NULL),
                 WEIR_OK);
    cr_assert(weir_str_eq_c(target.version, "pre"));
    cr_assert_eq(weir_protocol_grpc_tfs_target(WEIR_STR(""), &target, room, NULL),
                 WEIR_ERR_INVALID);
}

Test(protocol_grpc_tfs, answers_are_in_the_typed_fields)
{
    static const double values[] = {1.5, 2};
    static const char expected[] = "\x0a\x25\x0a\x07predict\x12\x1a\x08\x02\x12\x04\x12\x02\x08\x02"
                                   "\x32\x10\0\0\0\0\0\0\xf8\x3f\0\0\0\0\0\0\0\x40"
                                   "\x12\x18\x0a\x01m\x12\x02\x08\x07\x1a\x0fserving_default";
    struct weir_spec spec = weir_test_spec_regressor(2);
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 2};
    result.out[WEIR_OUTPUT_PREDICT] = values;
    struct weir_protocol_call call = {.dialect = WEIR_PROTOCOL_GRPC,
                                      .action = WEIR_PROTOCOL_GRPC_TFS_PREDICT,
                                      .n_rows = 2,
                                      .n_outputs = 1};
    struct weir_protocol_source source = {WEIR_STR("m"), WEIR_STR("7")};
    struct weir_buf buf = {.mem = test_mem()};
    weir_protocol_grpc_tfs_encode(&call, &source, &result, &buf);
    cr_assert_eq(buf.n, sizeof expected - 1);
    cr_assert_eq(memcmp(buf.at, expected, buf.n), 0);
    weir_buf_deinit(&buf);
    cr_assert_eq(test_mem_n_live(), 0);
}

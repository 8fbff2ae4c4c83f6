/* SPDX-License-Identifier: MIT */
/* ModelInferRequest and ModelInferResponse. The golden bytes were written by Google's protobuf from
 * the messages of tritonclient. */
#include "base/macros.h"
#include "codec/protobuf.h"
#include "protocol/grpc/grpc.h"
#include "protocol/grpc/infer.h"
#include "tensor/cell.h"
#include "test_mem.h"
#include "test_sink.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    struct weir_protocol_decoder decoder;
    struct weir_test_sink sink;
    struct weir_protocol_call call;
    struct weir_error err;
};

static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof *b);
    weir_protocol_decoder_init(&b->decoder, NULL, test_mem());
    weir_test_sink_init(&b->sink);
}

static void bench_deinit(struct bench *b)
{
    weir_protocol_decoder_deinit(&b->decoder);
    weir_test_sink_deinit(&b->sink);
    cr_assert_eq(test_mem_n_live(), 0);
}

/* Decodes from a block of exactly the message's size. */
static enum weir_status decode(struct bench *b, const struct weir_spec *spec, struct weir_str body)
{
    char *exact = malloc(body.n + !body.n);
    cr_assert(exact);
    memcpy(exact, body.at, body.n);
    b->err = (struct weir_error)WEIR_ERROR_INIT;
    enum weir_status status = weir_protocol_grpc_infer_decode(
        &b->decoder, spec, weir_str_make(exact, body.n), &b->sink.sink, &b->call, &b->err);
    free(exact);
    cr_assert_not(b->sink.is_reserved);
    return status;
}

static struct weir_str unhex(const char *hex, char *room)
{
    size_t n = 0;
    for (; hex[2 * n]; n++) {
        char digits[3] = {hex[2 * n], hex[2 * n + 1], 0};
        room[n] = (char)strtoul(digits, NULL, 16);
    }
    return weir_str_make(room, n);
}

/* Model "m", one input "x" [2, 2] of each type. */
static const struct {
    const char *label;
    const char *hex;
    double values[4];
} golden[] = {
    {"bool", "0a016d2a150a01781204424f4f4c1a0202022a060a0401000001", {1, 0, 0, 1}},
    {"int8",
     "0a016d2a270a01781204494e54381a0202022a18121680ffffffffffffffff017fffffffffffffffffff0100",
     {-128, 127, -1, 0}},
    {"int16",
     "0a016d2a2a0a01781205494e5431361a0202022a1a12188080feffffffffffff01ffff01ffffffffffffffffff010"
     "0",
     {-32768, 32767, -1, 0}},
    {"int32",
     "0a016d2a2c0a01781205494e5433321a0202022a1c121a80808080f8ffffffff01ffffffff07ffffffffffffffff"
     "ff0100",
     {-2147483648.0, 2147483647.0, -1, 0}},
    {"int64",
     "0a016d2a2f0a01781205494e5436341a0202022a1f1a1d80808080808080f0ff018080808080808010ffffffffff"
     "ffffffff0100",
     {-0x1p53, 0x1p53, -1, 0}},
    {"uint8", "0a016d2a170a0178120555494e54381a0202022a07220500ff010102", {0, 255, 1, 2}},
    {"uint16", "0a016d2a190a0178120655494e5431361a0202022a08220600ffff030102", {0, 65535, 1, 2}},
    {"uint32",
     "0a016d2a1b0a0178120655494e5433321a0202022a0a220800ffffffff0f0102",
     {0, 4294967295.0, 1, 2}},
    {"uint64",
     "0a016d2a200a0178120655494e5436341a0202022a0f2a0d00ffffffffffffffffff010102",
     {0, 0x1p64, 1, 2}},
    {"fp32",
     "0a016d2a210a01781204465033321a0202022a1232100000803f000000400000404000009040",
     {1, 2, 3, 4.5}},
    {"fp64",
     "0a016d2a310a01781204465036341a0202022a223a20000000000000f03f00000000000000400000000000000840"
     "0000000000001240",
     {1, 2, 3, 4.5}},
    {"raw fp32",
     "0a016d2a0d0a01781204465033321a0202023a100000803f000000400000404000009040",
     {1, 2, 3, 4.5}},
    {"raw fp16", "0a016d2a0d0a01781204465031361a0202023a08003c004000428044", {1, 2, 3, 4.5}},
};

ParameterizedTestParameters(protocol_grpc, datatypes_become_rows)
{
    static size_t rows[WEIR_ARRAY_LEN(golden)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_grpc, datatypes_become_rows)
{
    struct weir_spec spec = weir_test_spec_regressor(2);
    struct bench b;
    char room[256];
    bench_init(&b);
    cr_assert_eq(decode(&b, &spec, unhex(golden[*row].hex, room)), WEIR_OK, "%s: %s",
                 golden[*row].label, b.err.msg);
    cr_assert_eq(b.call.n_rows, 2);
    cr_assert_eq(b.sink.n_commits, 1);
    bool is_f32 = strstr(golden[*row].label, "fp32") != NULL;
    cr_assert_eq(b.sink.want.dtype, is_f32 ? WEIR_F32 : WEIR_F64);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(weir_test_sink_at(&b.sink, i / 2, i % 2), golden[*row].values[i], "%s: %zu",
                     golden[*row].label, i);
    bench_deinit(&b);
}

/* --- messages made here ---------------------------------------------------------------------- */

/* An input as a test says it; contents in protobuf's bytes. */
struct input {
    const char *name;
    const char *datatype;
    int n_dims;
    uint64_t dims[3];
    struct weir_str contents; /* of InferTensorContents */
    struct weir_str raw;      /* at not NULL: an element of raw_input_contents */
};

static void put_input(struct weir_buf *buf, const struct input *in)
{
    size_t input = weir_codec_protobuf_begin(buf, 5);
    weir_codec_protobuf_put_text(buf, 1, weir_str_c(in->name));
    weir_codec_protobuf_put_text(buf, 2, weir_str_c(in->datatype));
    for (int i = 0; i < in->n_dims; i++)
        weir_codec_protobuf_put_u64_always(buf, 3, in->dims[i]); /* unpacked */
    /* In two parts, cut between the fields where there are several, else an empty one first. */
    if (in->contents.n > 0) {
        weir_codec_protobuf_put_text_always(buf, 5, WEIR_STR(""));
        weir_codec_protobuf_put_text_always(buf, 5, in->contents);
    }
    weir_codec_protobuf_end(buf, input);
}

static struct weir_str request_of(struct weir_buf *buf, const struct input *inputs, size_t n)
{
    weir_buf_clear(buf);
    for (size_t i = 0; i < n; i++) /* The elements may come before the heads. */
        if (inputs[i].raw.at)
            weir_codec_protobuf_put_text_always(buf, 7, inputs[i].raw);
    for (size_t i = 0; i < n; i++)
        put_input(buf, &inputs[i]);
    weir_codec_protobuf_put_text(buf, 1, WEIR_STR("m"));
    weir_codec_protobuf_put_text(buf, 99, WEIR_STR("unknown"));
    cr_assert(weir_buf_ok(buf));
    return weir_buf_str(buf);
}

#define F32_1 "\0\0\x80\x3f"
#define F32_2 "\0\0\0\x40"

Test(protocol_grpc, elements_may_come_unpacked_and_in_parts)
{
    struct weir_spec spec = weir_test_spec_regressor(2);
    struct weir_buf buf = WEIR_BUF_INIT;
    struct bench b;
    bench_init(&b);
    struct input in = {.name = "x",
                       .datatype = "FP32",
                       .n_dims = 2,
                       .dims = {2, 2},
                       .contents = WEIR_STR("\x35" F32_1 "\x32\x04" F32_2 "\x32\x00"
                                            "\x32\x08" F32_2 F32_1)};
    cr_assert_eq(decode(&b, &spec, request_of(&buf, &in, 1)), WEIR_OK, "%s", b.err.msg);
    static const double expected[] = {1, 2, 2, 1};
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(weir_test_sink_at(&b.sink, i / 2, i % 2), expected[i]);
    in.datatype = "INT16";
    in.contents = WEIR_STR("\x10\x07\x12\x02\x01\x02\x10\x09");
    cr_assert_eq(decode(&b, &spec, request_of(&buf, &in, 1)), WEIR_OK, "%s", b.err.msg);
    static const double whole[] = {7, 1, 2, 9};
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(weir_test_sink_at(&b.sink, i / 2, i % 2), whole[i]);
    weir_buf_deinit(&buf);
    bench_deinit(&b);
}

Test(protocol_grpc, many_varints_go_through_the_block)
{
    struct weir_spec spec = weir_test_spec_regressor(3);
    struct weir_buf buf = WEIR_BUF_INIT;
    struct weir_buf contents = WEIR_BUF_INIT;
    struct bench b;
    bench_init(&b);
    size_t packed = weir_codec_protobuf_begin(&contents, 3);
    for (uint64_t i = 0; i < 3000; i++)
        weir_codec_protobuf_append_varint(&contents, i * 1000003);
    weir_codec_protobuf_end(&contents, packed);
    struct input in = {.name = "x",
                       .datatype = "INT64",
                       .n_dims = 2,
                       .dims = {1000, 3},
                       .contents = weir_buf_str(&contents)};
    cr_assert_eq(decode(&b, &spec, request_of(&buf, &in, 1)), WEIR_OK, "%s", b.err.msg);
    for (size_t i = 0; i < 3000; i++)
        cr_assert_eq(weir_test_sink_at(&b.sink, i / 3, i % 3), (double)i * 1000003.0);
    weir_buf_deinit(&contents);
    weir_buf_deinit(&buf);
    bench_deinit(&b);
}

Test(protocol_grpc, columns_come_by_name)
{
    struct weir_spec spec = weir_test_spec_frame(); /* age, city, grade, height */
    struct weir_buf buf = WEIR_BUF_INIT;
    struct bench b;
    bench_init(&b);
    const struct input columns[] = {
        {"height", "FP64", 1, {2}, WEIR_STR("\x39\0\0\0\0\0\0\xf0\x3f\x39\0\0\0\0\0\0\0\x40"), {0}},
        {"city", "BYTES", 2, {2, 1}, WEIR_STR("\x42\x04Oslo\x42\x00"), {0}},
        {"age", "INT32", 2, {2, 1}, WEIR_STR("\x12\x02\x07\x08"), {0}},
        {"grade",
         "BYTES",
         1,
         {2},
         WEIR_STR("\x42\x01"
                  "A\x42\x01"
                  "B"),
         {0}},
    };
    cr_assert_eq(decode(&b, &spec, request_of(&buf, columns, 4)), WEIR_OK, "%s", b.err.msg);
    const double *cells = b.sink.rows;
    cr_assert_eq(cells[0], 7);
    cr_assert(weir_str_eq_c(weir_cell_text(cells[1]), "Oslo"));
    cr_assert(weir_str_eq_c(weir_cell_text(cells[2]), "A"));
    cr_assert_eq(cells[3], 1);
    cr_assert_eq(cells[4], 8);
    cr_assert(weir_str_eq_c(weir_cell_text(cells[5]), ""));
    cr_assert_eq(cells[7], 2);
    weir_buf_deinit(&buf);
    bench_deinit(&b);
}

Test(protocol_grpc, a_matrix_of_texts_fills_a_frame)
{
    struct weir_spec spec = weir_test_spec_frame();
    struct weir_buf buf = WEIR_BUF_INIT;
    struct bench b;
    bench_init(&b);
    struct input in = {"x",
                       "BYTES",
                       2,
                       {1, 4},
                       {0},
                       WEIR_STR("\1\0\0\0"
                                "7"
                                "\4\0\0\0"
                                "Oslo"
                                "\1\0\0\0"
                                "A"
                                "\0\0\0\0")};
    cr_assert_eq(decode(&b, &spec, request_of(&buf, &in, 1)), WEIR_OK, "%s", b.err.msg);
    cr_assert_eq(((const double *)b.sink.rows)[0], 7);
    cr_assert(isnan(((const double *)b.sink.rows)[3]));
    weir_buf_deinit(&buf);
    bench_deinit(&b);
}

/* "ids" INT64 [batch, time], "text" BYTES [batch]. */
static const struct weir_tensor_info graph_inputs[] = {
    {.name = "ids", .dtype = WEIR_I64, .n_dims = 2, .dims = {-1, -1}},
    {.name = "text", .dtype = WEIR_BYTES, .n_dims = 1, .dims = {-1}},
};
static const struct weir_tensor_info graph_outputs[] = {
    {.name = "y", .dtype = WEIR_F32, .n_dims = 2, .dims = {-1, 2}},
    {.name = "label", .dtype = WEIR_BYTES, .n_dims = 1, .dims = {-1}},
};
static const struct weir_tensors_spec graph = {.n_inputs = 2,
                                               .inputs = graph_inputs,
                                               .n_outputs = 2,
                                               .outputs = graph_outputs,
                                               .is_batched = true};

Test(protocol_grpc, inputs_become_tensors)
{
    struct weir_spec spec = {.form = WEIR_INPUT_TENSORS, .tensors = &graph};
    struct weir_buf buf = WEIR_BUF_INIT;
    struct bench b;
    bench_init(&b);
    const struct input inputs[] = {
        {"text", "BYTES", 1, {2}, WEIR_STR("\x42\x02hi\x42\x00"), {0}},
        {"ids", "INT32", 2, {2, 2}, WEIR_STR("\x12\x04\x01\x02\x03\x04"), {0}}, /* converted */
    };
    cr_assert_eq(decode(&b, &spec, request_of(&buf, inputs, 2)), WEIR_OK, "%s", b.err.msg);
    size_t offsets[WEIR_TENSORS_MAX];
    size_t row_bytes;
    cr_assert(weir_tensors_layout(&graph, b.sink.shapes, 2, offsets, &row_bytes));
    const char *base = b.sink.rows;
    int64_t ids[4];
    struct weir_text texts[2];
    memcpy(ids, base + offsets[0], sizeof ids);
    memcpy(texts, base + offsets[1], sizeof texts);
    for (int64_t i = 0; i < 4; i++)
        cr_assert_eq(ids[i], i + 1);
    cr_assert(weir_str_eq_c(weir_str_make(texts[0].at, texts[0].n), "hi"));
    cr_assert_eq(texts[1].n, 0);
    cr_assert_eq(b.call.tensors, 3); /* all outputs */
    weir_buf_deinit(&buf);
    bench_deinit(&b);
}

#define S(literal)                      \
    {                                   \
        "" literal, sizeof(literal) - 1 \
    }
#define X(...)                               \
    {                                        \
        .name = "x", .datatype = __VA_ARGS__ \
    }

static const struct {
    struct input in;
    const char *message;
} refused[] = {
    {X("FP31", 2, {1, 2}, S("\x32\x00")), "inputs[0]: datatype: there is no \"FP31\""},
    {X("FP32", 2, {1, 3}, {0}, S(F32_1 F32_1 F32_1)),
     "inputs[0]: shape: expected [n, 2], got [1, 3]"},
    {X("FP32", 2, {1, 2}, {0}, S(F32_1)),
     "inputs[0]: 2 values of FP32 do not have the 4 bytes that were sent"},
    {X("FP32", 2, {1, 2}, {0}, {0}), "inputs[0]: neither contents nor raw_input_contents"},
    {X("FP32", 2, {1, 2}, S("\x35" F32_1), {0}), "inputs[0]: 1 elements for the 2 of the shape"},
    {X("FP32", 2, {1, 2}, S("\x32\x05" F32_1 "\0"), {0}),
     "inputs[0]: contents: cut in the middle of an element"},
    {X("FP32", 2, {1, 2}, S("\x12\x02\x01\x02"), {0}), "inputs[0]: FP32 in int_contents"},
    {X("FP16", 2, {1, 2}, S("\x08\x01"), {0}), "inputs[0]: FP16 in bool_contents"},
    {X("FP16", 2, {1, 2}, {0}, {0}), "inputs[0]: FP16 must be in raw_input_contents"},
    {X("FP32", 2, {1, 2}, S("\x35" F32_1), S(F32_1 F32_1)),
     "inputs[0]: contents beside raw_input_contents"},
    {X("INT8", 2, {1, 2}, S("\x12\x03\x80\x01\x00"), {0}),
     "inputs[0]: element 0 is out of the range of the datatype"},
    {X("UINT8", 2, {1, 2}, S("\x20\x00\x20\x80\x02"), {0}),
     "inputs[0]: element 1 is out of the range of the datatype"},
    {X("BYTES", 2, {1, 2}, S("\x42\x01z\x42\x01z"), {0}),
     "inputs[0]: the model takes numbers here, not BYTES"},
    {X("FP32", 2, {1, UINT64_MAX}, {0}, S("")), "inputs[0]: shape: expected whole numbers from 0"},
    {X("FP32", 3, {1u << 31, 1u << 31, 1u << 31}, {0}, S("")),
     "inputs[0]: shape: more elements than can be counted"},
    {X("FP32", 2, {1, 2}, S("\x32\x7f"), {0}), "inputs[0]: contents: malformed"},
    {X("FP32", 2, {1, 2}, {0}, S(F32_1 "\0\0\xc0\x7f")),
     "inputs[0]: row 0, column 1: NaN is a missing value, and this model refuses those"},
};

ParameterizedTestParameters(protocol_grpc, refusals_say_where)
{
    static size_t rows[WEIR_ARRAY_LEN(refused)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_grpc, refusals_say_where)
{
    struct weir_spec spec = weir_test_spec_regressor(2);
    struct weir_buf buf = WEIR_BUF_INIT;
    struct bench b;
    bench_init(&b);
    enum weir_status status = decode(&b, &spec, request_of(&buf, &refused[*row].in, 1));
    cr_assert_eq(status, WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, refused[*row].message);
    cr_assert_eq(b.sink.n_commits, 0);
    weir_buf_deinit(&buf);
    bench_deinit(&b);
}

Test(protocol_grpc, inputs_and_raw_contents_must_be_as_many)
{
    struct weir_spec spec = weir_test_spec_regressor(2);
    struct weir_buf buf = WEIR_BUF_INIT;
    struct bench b;
    bench_init(&b);
    const struct input in = X("FP32", 2, {1, 2}, {0}, WEIR_STR(F32_1 F32_1));
    (void)request_of(&buf, &in, 1);
    weir_codec_protobuf_put_text_always(&buf, 7, WEIR_STR(""));
    cr_assert_eq(decode(&b, &spec, weir_buf_str(&buf)), WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, "raw_input_contents: 2 elements for 1 inputs");
    cr_assert_eq(decode(&b, &spec, WEIR_STR("")), WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, "inputs: none");
    cr_assert_eq(decode(&b, &spec, WEIR_STR("\x2a\x05")), WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, "the message is no ModelInferRequest");
    weir_buf_deinit(&buf);
    bench_deinit(&b);
}

/* --- parameters, outputs, answers ------------------------------------------------------------ */

static void put_parameter(struct weir_buf *buf, const char *key, uint32_t kind, uint64_t v)
{
    size_t entry = weir_codec_protobuf_begin(buf, 4);
    weir_codec_protobuf_put_text(buf, 1, weir_str_c(key));
    size_t value = weir_codec_protobuf_begin(buf, 2);
    weir_codec_protobuf_put_u64_always(buf, kind, v);
    weir_codec_protobuf_end(buf, value);
    weir_codec_protobuf_end(buf, entry);
}

static const struct {
    const char *key;
    uint32_t kind; /* 2: int64, 5: uint64 */
    uint64_t value;
    const char *message; /* NULL: taken */
} parameters[] = {
    {"priority", 5, 2, NULL},
    {"priority", 2, 2, NULL},
    {"priority", 2, (uint64_t)-1, "parameters.priority: expected a whole number from 0"},
    {"priority", 1, 1, "parameters.priority: expected a whole number from 0"},
    {"timeout", 2, 1500, NULL},
    {"timeout", 5, UINT64_MAX, NULL},
    {"timeout", 2, (uint64_t)-5, "parameters.timeout: expected a whole number from 0"},
    {"sequence_id", 2, 7, NULL},
    {"triton_enable_empty_final_response", 1, 1, NULL},
};

Test(protocol_grpc, parameters_are_read)
{
    struct weir_spec spec = weir_test_spec_regressor(2);
    const struct input in = X("FP32", 2, {1, 2}, {0}, WEIR_STR(F32_1 F32_1));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(parameters); i++) {
        struct weir_buf buf = WEIR_BUF_INIT;
        struct bench b;
        bench_init(&b);
        (void)request_of(&buf, &in, 1);
        put_parameter(&buf, parameters[i].key, parameters[i].kind, parameters[i].value);
        enum weir_status status = decode(&b, &spec, weir_buf_str(&buf));
        if (parameters[i].message) {
            cr_assert_eq(status, WEIR_ERR_INVALID);
            cr_assert_str_eq(b.err.msg, parameters[i].message);
        } else {
            cr_assert_eq(status, WEIR_OK, "%s", b.err.msg);
            bool is_timeout = strcmp(parameters[i].key, "timeout") == 0;
            cr_assert_eq(b.call.priority, strcmp(parameters[i].key, "priority") ? 0 : 2);
            uint64_t timeout_ns = parameters[i].value == 1500 ? 1500000 : UINT64_MAX;
            cr_assert_eq(b.call.timeout_ns, is_timeout ? timeout_ns : 0);
            cr_assert_eq(b.sink.want.priority, b.call.priority);
            cr_assert_eq(b.sink.want.queue_timeout_ns, b.call.timeout_ns);
        }
        weir_buf_deinit(&buf);
        bench_deinit(&b);
    }
}

Test(protocol_grpc, outputs_are_asked_for_by_name)
{
    struct weir_spec spec = weir_test_spec_iris();
    struct weir_buf buf = WEIR_BUF_INIT;
    struct bench b;
    bench_init(&b);
    const struct input in = X("FP32", 2, {1, 4}, {0}, WEIR_STR(F32_1 F32_1 F32_1 F32_1));
    (void)request_of(&buf, &in, 1);
    weir_codec_protobuf_put_text_always(&buf, 6, WEIR_STR("\x0a\x0dpredict_proba"));
    weir_codec_protobuf_put_text_always(&buf, 6, WEIR_STR("\x0a\x07predict"));
    weir_codec_protobuf_put_text_always(&buf, 6, WEIR_STR("\x0a\x07predict"));
    weir_codec_protobuf_put_text(&buf, 3, WEIR_STR("h\xc3\xa9"));
    cr_assert_eq(decode(&b, &spec, weir_buf_str(&buf)), WEIR_OK, "%s", b.err.msg);
    cr_assert_eq(b.call.n_outputs, 2);
    cr_assert_eq(b.call.outputs[0], WEIR_OUTPUT_PREDICT_PROBA);
    cr_assert_eq(b.call.outputs[1], WEIR_OUTPUT_PREDICT);
    cr_assert_eq(b.call.id_bytes, 3);
    weir_codec_protobuf_put_text_always(&buf, 6, WEIR_STR("\x0a\x01z"));
    cr_assert_eq(decode(&b, &spec, weir_buf_str(&buf)), WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, "outputs[3].name: the model has no output \"z\"; it has predict, "
                                "predict_proba, decision_function");
    weir_buf_clear(&buf);
    (void)request_of(&buf, &in, 1);
    weir_codec_protobuf_put_text(&buf, 3, WEIR_STR("\xff"));
    cr_assert_eq(decode(&b, &spec, weir_buf_str(&buf)), WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, "id: not UTF-8");
    weir_buf_deinit(&buf);
    bench_deinit(&b);
}

Test(protocol_grpc, classes_are_answered_as_texts)
{
    static const double scores[] = {0.5, 0.25, 0.25, 1, 0, 0};
    static const char parameter[] = "\x12\x14\x0a\x0e"
                                    "classification\x12\x02\x10\x02";
    struct weir_spec spec = weir_test_spec_iris();
    struct weir_buf buf = WEIR_BUF_INIT;
    struct bench b;
    bench_init(&b);
    const struct input in =
        X("FP32", 2, {2, 4}, {0}, WEIR_STR(F32_1 F32_1 F32_1 F32_1 F32_1 F32_1 F32_1 F32_1));
    (void)request_of(&buf, &in, 1);
    size_t output = weir_codec_protobuf_begin(&buf, 6);
    weir_codec_protobuf_put_text(&buf, 1, WEIR_STR("predict_proba"));
    weir_buf_append(&buf, parameter, sizeof parameter - 1);
    weir_codec_protobuf_end(&buf, output);
    cr_assert_eq(decode(&b, &spec, weir_buf_str(&buf)), WEIR_OK, "%s", b.err.msg);
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 2};
    result.out[WEIR_OUTPUT_PREDICT_PROBA] = scores;
    weir_buf_clear(&buf);
    struct weir_protocol_source source = {WEIR_STR("m"), WEIR_STR("1")};
    weir_protocol_grpc_infer_encode(&b.call, &source, &result, &buf);
    static const char expected[] = "BYTES\x1a\x02\x02\x02\x32";
    static const char first[] = "\x11\0\0\0"
                                "0.500000:0:setosa\x15\0\0\0"
                                "0.250000:1:versicolor";
    cr_assert(memmem(buf.at, buf.n, expected, sizeof expected - 1));
    cr_assert(memmem(buf.at, buf.n, first, sizeof first - 1));
    weir_buf_deinit(&buf);
    bench_deinit(&b);
}

Test(protocol_grpc, the_model_is_named_in_the_body)
{
    struct weir_str model = {0};
    struct weir_str version = {0};
    cr_assert_eq(weir_protocol_grpc_infer_target(WEIR_STR("\x12\x01"
                                                          "3\x1a\x01q\x0a\x02xy"),
                                                 &model, &version, NULL),
                 WEIR_OK);
    cr_assert(weir_str_eq_c(model, "xy"));
    cr_assert(weir_str_eq_c(version, "3"));
    cr_assert_eq(weir_protocol_grpc_infer_target(WEIR_STR("\x12"), &model, &version, NULL),
                 WEIR_ERR_INVALID);
}

/* The answer of the golden bytes: model "m", version "1", id "q", output "O" FP32 [1, 1]. */
Test(protocol_grpc, answers_are_as_protobuf_writes_them)
{
    static const char golden_answer[] = "\x0a\x01m\x12\x01"
                                        "1\x1a\x01q\x2a\x0d\x0a\x01O\x12\x04"
                                        "FP32\x1a\x02\x01\x01\x32\x04\0\0\x40\x40";
    static const struct weir_tensor_info info = {
        .name = "O", .dtype = WEIR_F32, .n_dims = 2, .dims = {-1, 1}};
    static const struct weir_tensors_spec tensors = {.n_outputs = 1, .outputs = &info};
    static const float value = 3;
    struct weir_spec spec = {.form = WEIR_INPUT_TENSORS, .tensors = &tensors};
    struct weir_tensor tensor = {.dtype = WEIR_F32, .n_dims = 2, .dims = {1, 1}, .data = &value};
    struct weir_result result = {.spec = &spec, .n_rows = 1, .tensors = &tensor};
    struct weir_protocol_call call = {.dialect = WEIR_PROTOCOL_GRPC,
                                      .n_rows = 1,
                                      .tensors = 1,
                                      .n_tensors = 1,
                                      .id_bytes = 1,
                                      .id = "q"};
    struct weir_protocol_source source = {WEIR_STR("m"), WEIR_STR("1")};
    struct weir_buf buf = {.mem = test_mem()};
    weir_protocol_grpc_infer_encode(&call, &source, &result, &buf);
    cr_assert_eq(buf.n, sizeof golden_answer - 1);
    cr_assert_eq(memcmp(buf.at, golden_answer, buf.n), 0);
    /* Framed, as the server sends it; and wrapped in a stream. */
    struct weir_protocol_answer answer = {.body = &buf};
    weir_buf_clear(&buf);
    weir_protocol_encode(&call, &source, &result, &answer);
    cr_assert_eq(buf.n, sizeof golden_answer - 1 + 5);
    cr_assert_eq(memcmp(buf.at, "\0\0\0\0\x1e", 5), 0);
    cr_assert_eq(memcmp(buf.at + 5, golden_answer, buf.n - 5), 0);
    weir_buf_clear(&buf);
    call.action = WEIR_PROTOCOL_GRPC_STREAM_INFER;
    weir_protocol_encode(&call, &source, &result, &answer);
    cr_assert_eq(memcmp(buf.at, "\0\0\0\0\x20\x12\x1e", 7), 0);
    cr_assert_eq(memcmp(buf.at + 7, golden_answer, buf.n - 7), 0);
    weir_buf_clear(&buf);
    weir_protocol_grpc_stream_error(&buf, WEIR_STR("no"));
    cr_assert_eq(buf.n, 9);
    cr_assert_eq(memcmp(buf.at, "\0\0\0\0\4\x0a\2no", 9), 0);
    weir_buf_deinit(&buf);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(protocol_grpc, rows_are_answered_as_tensors)
{
    static const int32_t predicted[] = {2, 0};
    static const double scores[] = {0.5, 0.25, 0.25, 1, 0, 0};
    static const char expected[] =
        "\x0a\x04iris\x12\x01"
        "7\x2a\x13\x0a\x07predict\x12\x05"
        "BYTES\x1a\x01\x02\x2a\x19\x0a\x0dpredict_proba\x12\x04"
        "FP64\x1a\x02\x02\x03\x32\x17\x09\0\0\0virginica\x06\0\0\0setosa\x32\x30";
    struct weir_spec spec = weir_test_spec_iris();
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 2};
    result.out[WEIR_OUTPUT_PREDICT] = predicted;
    result.out[WEIR_OUTPUT_PREDICT_PROBA] = scores;
    struct weir_protocol_call call = {.dialect = WEIR_PROTOCOL_GRPC,
                                      .n_rows = 2,
                                      .n_outputs = 2,
                                      .outputs = {WEIR_OUTPUT_PREDICT, WEIR_OUTPUT_PREDICT_PROBA}};
    struct weir_protocol_source source = {WEIR_STR("iris"), WEIR_STR("7")};
    struct weir_buf buf = {.mem = test_mem()};
    weir_protocol_grpc_infer_encode(&call, &source, &result, &buf);
    cr_assert_eq(buf.n, sizeof expected - 1 + sizeof scores);
    cr_assert_eq(memcmp(buf.at, expected, sizeof expected - 1), 0);
    cr_assert_eq(memcmp(buf.at + sizeof expected - 1, scores, sizeof scores), 0);
    weir_buf_deinit(&buf);
    cr_assert_eq(test_mem_n_live(), 0);
}

/* Appends an input of n texts or numbers. */
static void put_column(struct weir_buf *buf, const char *name, const char *type, uint64_t n)
{
    size_t input = weir_codec_protobuf_begin(buf, 5);
    weir_codec_protobuf_put_text(buf, 1, weir_str_c(name));
    weir_codec_protobuf_put_text(buf, 2, weir_str_c(type));
    weir_codec_protobuf_put_u64(buf, 3, n);
    size_t contents = weir_codec_protobuf_begin(buf, 5);
    for (uint64_t i = 0; i < n; i++) {
        if (strcmp(type, "BYTES") == 0)
            weir_codec_protobuf_put_text(buf, 8, i == 0 ? WEIR_STR("a") : WEIR_STR("b"));
        else
            weir_codec_protobuf_put_u64(buf, 3, i + 1);
    }
    weir_codec_protobuf_end(buf, contents);
    weir_codec_protobuf_end(buf, input);
}

/* Of a frame of which only grade is required. */
Test(protocol_grpc, optional_columns_may_be_left_out)
{
    static const uint8_t columns[4] = {WEIR_SPEC_MLFLOW_OPTIONAL, WEIR_SPEC_MLFLOW_OPTIONAL, 0,
                                       WEIR_SPEC_MLFLOW_OPTIONAL};
    static const struct weir_spec_mlflow mlflow = {.columns = columns};
    struct weir_spec spec = weir_test_spec_frame();
    struct weir_buf body = WEIR_BUF_INIT;
    struct bench b;
    spec.mlflow = &mlflow;
    bench_init(&b);
    weir_codec_protobuf_put_text(&body, 1, WEIR_STR("m"));
    put_column(&body, "grade", "BYTES", 2);
    put_column(&body, "age", "INT64", 2);
    cr_assert_eq(decode(&b, &spec, weir_buf_str(&body)), WEIR_OK, "%s", b.err.msg);
    cr_assert_eq(b.sink.want.n_rows, 2);
    cr_assert_eq(b.sink.n_commits, 1);
    for (size_t row = 0; row < 2; row++) {
        const double *cells = (const double *)b.sink.rows + row * 4;
        cr_assert_eq(cells[0], (double)row + 1);
        cr_assert(weir_cell_is_none(cells[1]));
        cr_assert(weir_str_eq_c(weir_cell_text(cells[2]), row == 0 ? "a" : "b"));
        cr_assert(isnan(cells[3]));
    }
    weir_buf_clear(&body);
    weir_codec_protobuf_put_text(&body, 1, WEIR_STR("m"));
    put_column(&body, "city", "BYTES", 1);
    put_column(&body, "age", "INT64", 1);
    cr_assert_eq(decode(&b, &spec, weir_buf_str(&body)), WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, "inputs: column \"grade\" is missing");
    spec.mlflow = NULL; /* Without a signature all are required. */
    cr_assert_eq(decode(&b, &spec, weir_buf_str(&body)), WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, "inputs: column \"grade\" is missing");
    weir_buf_deinit(&body);
    bench_deinit(&b);
}

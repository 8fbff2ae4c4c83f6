/* SPDX-License-Identifier: MIT */
/* Models of named tensors, in both dialects: what is read, what is refused, what is answered. */
#include "base/macros.h"
#include "protocol/flask/flask.h"
#include "protocol/v2/v2.h"
#include "test_catalog.h"
#include "test_mem.h"
#include "test_sink.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    struct weir_protocol_decoder decoder;
    struct weir_test_sink sink;
    struct weir_protocol_call call;
    struct weir_error err;
    char text[2048];
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

/* "x": one input of a type and of two dimensions, or three with a static [2, 2] at the end. */
static const struct weir_tensor_info one_inputs[] = {
    {.name = "x", .dtype = WEIR_F32, .n_dims = 2, .dims = {-1, 2}}};
/* "ids" INT64 [batch, time] and "text" BYTES [batch]; U8 "flag" [batch, 1]. */
static const struct weir_tensor_info many_inputs[] = {
    {.name = "flag", .dtype = WEIR_U8, .n_dims = 2, .dims = {-1, 1}},
    {.name = "ids", .dtype = WEIR_I64, .n_dims = 2, .dims = {-1, -1}},
    {.name = "text", .dtype = WEIR_BYTES, .n_dims = 1, .dims = {-1}},
};
static const struct weir_tensor_info outputs[] = {
    {.name = "y", .dtype = WEIR_F32, .n_dims = 2, .dims = {-1, 2}},
    {.name = "label", .dtype = WEIR_BYTES, .n_dims = 1, .dims = {-1}},
};
static const struct weir_tensors_spec one = {
    .n_inputs = 1, .inputs = one_inputs, .n_outputs = 2, .outputs = outputs, .is_batched = true};
static const struct weir_tensors_spec many = {
    .n_inputs = 3, .inputs = many_inputs, .n_outputs = 2, .outputs = outputs, .is_batched = true};

static struct weir_spec spec_of(const struct weir_tensors_spec *tensors)
{
    return (struct weir_spec){.form = WEIR_INPUT_TENSORS,
                              .tensors = tensors,
                              .estimator = WEIR_STR("graph"),
                              .platform = WEIR_STR("onnxruntime_onnx")};
}

static enum weir_status decode(struct bench *b, const struct weir_tensors_spec *tensors,
                               const char *body)
{
    size_t n = strlen(body);
    char *exact = malloc(n);
    cr_assert(exact);
    memcpy(exact, body, n);
    struct weir_str text = weir_str_make(exact, n);
    struct weir_spec spec = spec_of(tensors);
    b->err = (struct weir_error)WEIR_ERROR_INIT;
    enum weir_status status =
        strstr(body, "\"datatype\"")
            ? weir_protocol_v2_decode(&b->decoder, &spec, text, &b->sink.sink, &b->call, &b->err)
            : weir_protocol_flask_decode(&b->decoder, &spec, WEIR_OUTPUT_PREDICT, text,
                                         &b->sink.sink, &b->call, &b->err);
    free(exact);
    return status;
}

/* Writes an input of the piece that was filled, as v2 would answer it. */
static void put_input(struct bench *b, const struct weir_tensors_spec *tensors, size_t i,
                      struct weir_buf *out)
{
    size_t offsets[WEIR_TENSORS_MAX];
    size_t row_bytes;
    cr_assert(
        weir_tensors_layout(tensors, b->sink.shapes, b->sink.want.n_rows, offsets, &row_bytes));
    cr_assert_eq(row_bytes, b->sink.tensors.row_bytes);
    struct weir_tensor tensor = {.dtype = tensors->inputs[i].dtype,
                                 .n_dims = b->sink.shapes[i].n_dims,
                                 .data = (char *)b->sink.rows + offsets[i]};
    memcpy(tensor.dims, b->sink.shapes[i].dims, sizeof tensor.dims);
    struct weir_tensor_info info = {.name = tensors->inputs[i].name};
    struct weir_tensors_spec alone = {.n_outputs = 1, .outputs = &info};
    struct weir_spec spec = spec_of(&alone);
    struct weir_result result = {.spec = &spec, .n_rows = 1, .tensors = &tensor};
    struct weir_protocol_call call = {
        .dialect = WEIR_PROTOCOL_V2, .n_rows = 1, .tensors = 1, .n_tensors = 1};
    struct weir_protocol_source source = {WEIR_STR("m"), WEIR_STR("1")};
    struct weir_buf answer = WEIR_BUF_INIT;
    weir_protocol_encode(&call, &source, &result, &(struct weir_protocol_answer){.body = &answer});
    const char *from = strstr(weir_buf_c(&answer), "\"shape\"");
    cr_assert(from);
    weir_buf_append(out, from, (size_t)(answer.at + answer.n - from) - 3);
    weir_buf_deinit(&answer);
}

static const char *given(struct bench *b, const struct weir_tensors_spec *tensors)
{
    struct weir_buf out = WEIR_BUF_INIT;
    for (size_t i = 0; i < tensors->n_inputs; i++) {
        if (i > 0)
            weir_buf_append_byte(&out, ' ');
        put_input(b, tensors, i, &out);
    }
    (void)snprintf(b->text, sizeof b->text, "%s", weir_buf_c(&out));
    weir_buf_deinit(&out);
    return b->text;
}

#define V2(inputs) "{\"inputs\":[" inputs "]}"
#define IN(name, type, n, data) \
    "{\"name\":\"" name "\",\"datatype\":\"" type "\",\"shape\":" n ",\"data\":" data "}"

static const struct {
    const char *label;
    const struct weir_tensors_spec *spec;
    const char *body;
    const char *given;
    size_t n_rows;
    bool is_single;
} accepted[] = {
    {"rows", &one, "{\"features\":[[1,2],[0.1,-4e2]]}",
     "\"shape\":[2,2],\"data\":[1.0,2.0,0.1,-400.0]", 2, false},
    {"a row", &one, "{\"instances\":[1,null]}", "\"shape\":[1,2],\"data\":[1.0,NaN]", 1, true},
    {"by name", &one, "{\"inputs\":{\"x\":[[1,2]]}}", "\"shape\":[1,2],\"data\":[1.0,2.0]", 1,
     false},
    {"v2, flat", &one, V2(IN("x", "FP64", "[2,2]", "[1,2,3,Infinity]")),
     "\"shape\":[2,2],\"data\":[1.0,2.0,3.0,Infinity]", 2, false},
    {"v2, any name and nesting", &one, V2(IN("other", "INT8", "[1,2]", "[[1],[[2]]]")),
     "\"shape\":[1,2],\"data\":[1.0,2.0]", 1, false},
    {"several by name", &many,
     "{\"features\":{\"ids\":[[1,-2],[3,9007199254740993]],\"flag\":[[0],[255]],"
     "\"text\":[\"a\",\"b\\n\\u00e9\"]}}",
     "\"shape\":[2,1],\"data\":[0,255] \"shape\":[2,2],\"data\":[1,-2,3,9007199254740993] "
     "\"shape\":[2],\"data\":[\"a\",\"b\\n\u00e9\"]",
     2, false},
    {"several, row by row", &many,
     "{\"instances\":[{\"ids\":[1],\"flag\":[2],\"text\":\"a\"},"
     "{\"text\":\"\",\"flag\":[4],\"ids\":[3]}]}",
     "\"shape\":[2,1],\"data\":[2,4] \"shape\":[2,1],\"data\":[1,3] "
     "\"shape\":[2],\"data\":[\"a\",\"\"]",
     2, false},
    {"v2, several", &many,
     V2(IN("text", "BYTES", "[1]", "[\"q\"]") "," IN("ids", "INT32", "[1,3]", "[1,2.0,3e0]") "," IN(
         "flag", "UINT8", "[1,1]", "[[7]]")),
     "\"shape\":[1,1],\"data\":[7] \"shape\":[1,3],\"data\":[1,2,3] \"shape\":[1],\"data\":[\"q\"]",
     1, false},
    {"no elements", &many,
     V2(IN("text", "BYTES", "[1]", "[\"q\"]") "," IN("ids", "INT64", "[1,0]", "[]") "," IN(
         "flag", "UINT8", "[1,1]", "[[7]]")),
     "\"shape\":[1,1],\"data\":[7] \"shape\":[1,0],\"data\":[] \"shape\":[1],\"data\":[\"q\"]", 1,
     false},
};

ParameterizedTestParameters(protocol_tensors, bodies_are_accepted)
{
    static size_t rows[WEIR_ARRAY_LEN(accepted)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_tensors, bodies_are_accepted)
{
    struct bench b;
    bench_init(&b);
    const char *label = accepted[*row].label;
    cr_assert_eq(decode(&b, accepted[*row].spec, accepted[*row].body), WEIR_OK, "%s: %s", label,
                 b.err.msg);
    cr_assert_eq(b.sink.n_commits, 1, "%s", label);
    cr_assert_eq(b.call.n_rows, accepted[*row].n_rows, "%s", label);
    cr_assert_eq(b.call.is_single_row, accepted[*row].is_single, "%s", label);
    cr_assert_eq(b.call.tensors, 3, "%s", label);
    cr_assert_str_eq(given(&b, accepted[*row].spec), accepted[*row].given, "%s", label);
    bench_deinit(&b);
}

static const struct {
    const char *label;
    const struct weir_tensors_spec *spec;
    const char *body;
    enum weir_status status;
    const char *msg;
} refused[] = {
    {"a wrong width", &one, "{\"features\":[[1,2,3]]}", WEIR_ERR_INVALID,
     "input \"x\": expected shape [-1, 2], got [1, 3]"},
    {"ragged", &one, "{\"features\":[[1,2],[3]]}", WEIR_ERR_INVALID,
     "features: the lists are not nested evenly: the first ones are of shape [2, 2]"},
    {"ragged the other way", &one, "{\"features\":[[1,2],[3,4,5]]}", WEIR_ERR_INVALID,
     "features: the lists are not nested evenly: the first ones are of shape [2, 2]"},
    {"a number among lists", &one, "{\"features\":[[1,2],3]}", WEIR_ERR_INVALID,
     "features: the lists are not nested evenly: the first ones are of shape [2, 2]"},
    {"no rows", &one, "{\"features\":[]}", WEIR_ERR_INVALID,
     "input \"x\": expected shape [-1, 2], got [1, 0]"},
    {"too deep", &one, "{\"features\":[[[[[[[[[1]]]]]]]]]}", WEIR_ERR_INVALID,
     "features: lists nested deeper than 8"},
    {"a text", &one, "{\"features\":[[1,\"a\"]]}", WEIR_ERR_INVALID,
     "features: element 1: expected a number, got \"a\""},
    {"too large for a float", &one, "{\"features\":[[1,1e39]]}", WEIR_ERR_INVALID,
     "features: element 1: expected a number in the range of the type, got 1e39"},
    {"an input too few", &many, "{\"features\":{\"ids\":[[1]],\"flag\":[[1]]}}", WEIR_ERR_INVALID,
     "input \"text\" is missing"},
    {"an unknown input", &many, "{\"features\":{\"id\":[[1]]}}", WEIR_ERR_INVALID,
     "features: the model has no input \"id\""},
    {"rows that differ in number", &many,
     "{\"features\":{\"ids\":[[1],[2]],\"flag\":[[1]],\"text\":[\"a\"]}}", WEIR_ERR_INVALID,
     "input \"ids\" has not as many rows as \"flag\""},
    {"a list for several inputs", &many, "{\"features\":[[1]]}", WEIR_ERR_INVALID,
     "features: the model has 3 inputs: expected an object of lists by name"},
    {"a second row without an input", &many,
     "{\"instances\":[{\"ids\":[1],\"flag\":[2],\"text\":\"a\"},{\"ids\":[1],\"flag\":[2]}]}",
     WEIR_ERR_INVALID, "instances: row 1: an input is missing"},
    {"out of range", &many, "{\"features\":{\"ids\":[[1]],\"flag\":[[256]],\"text\":[\"a\"]}}",
     WEIR_ERR_INVALID,
     "features: element 0: expected a whole number in the range of UINT8, got 256"},
    {"a fraction", &many, "{\"features\":{\"ids\":[[1.5]],\"flag\":[[1]],\"text\":[\"a\"]}}",
     WEIR_ERR_INVALID,
     "features: element 0: expected a whole number in the range of INT64, got 1.5"},
    {"a number for a text", &many, "{\"features\":{\"ids\":[[1]],\"flag\":[[1]],\"text\":[2]}}",
     WEIR_ERR_INVALID, "features: element 0: expected a text, got 2"},
    {"v2, too few", &one, V2(IN("x", "FP32", "[2,2]", "[1,2,3]")), WEIR_ERR_INVALID,
     "inputs[0].data: fewer than the 4 values of the shape"},
    {"v2, too many", &one, V2(IN("x", "FP32", "[1,2]", "[1,2,3]")), WEIR_ERR_INVALID,
     "inputs[0].data: more than the 2 values of the shape"},
    {"v2, a huge shape", &one, V2(IN("x", "FP32", "[1000000,2]", "[1,2]")), WEIR_ERR_INVALID,
     "inputs[0].data: fewer than the 2000000 values of the shape"},
    {"v2, text for numbers", &one, V2(IN("x", "BYTES", "[1,2]", "[\"1\",\"2\"]")), WEIR_ERR_INVALID,
     "inputs[0].datatype: the model takes FP32, not BYTES"},
    {"v2, twice", &many,
     V2(IN("ids", "INT64", "[1,1]", "[1]") "," IN("ids", "INT64", "[1,1]", "[1]")),
     WEIR_ERR_INVALID, "inputs[1].name: this input is there twice"},
    {"v2, an unknown output", &one,
     "{\"outputs\":[{\"name\":\"z\"}],\"inputs\":[" IN("x", "FP32", "[1,2]", "[1,2]") "]}",
     WEIR_ERR_INVALID, "outputs[0].name: the model has no output \"z\"; it has y, label"},
};

ParameterizedTestParameters(protocol_tensors, bodies_are_refused)
{
    static size_t rows[WEIR_ARRAY_LEN(refused)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_tensors, bodies_are_refused)
{
    struct bench b;
    bench_init(&b);
    const char *label = refused[*row].label;
    cr_assert_eq(decode(&b, refused[*row].spec, refused[*row].body), refused[*row].status, "%s",
                 label);
    cr_assert_str_eq(b.err.msg, refused[*row].msg, "%s", label);
    cr_assert_eq(b.sink.n_commits, 0, "%s", label);
    cr_assert_eq(b.sink.n_rollbacks, b.sink.n_reserves, "%s", label);
    bench_deinit(&b);
}

Test(protocol_tensors, small_floats_are_rounded_to_even)
{
    static const struct {
        enum weir_dtype dtype;
        const char *in;
        uint16_t bits;
    } rows[] = {
        {WEIR_F16, "1", 0x3c00},           {WEIR_F16, "-2.5", 0xc100},
        {WEIR_F16, "65504", 0x7bff},       {WEIR_F16, "65519", 0x7bff},
        {WEIR_F16, "6.1035e-5", 0x0400},   {WEIR_F16, "5.96e-8", 0x0001},
        {WEIR_F16, "2.9e-8", 0x0000},      {WEIR_F16, "2049", 0x6800},
        {WEIR_F16, "2051", 0x6802},        {WEIR_F16, "null", 0x7e00},
        {WEIR_F16, "-Infinity", 0xfc00},   {WEIR_F16, "0.99999", 0x3c00},
        {WEIR_BF16, "1", 0x3f80},          {WEIR_BF16, "1.00390625", 0x3f80},
        {WEIR_BF16, "1.01171875", 0x3f82}, {WEIR_BF16, "NaN", 0x7fc0},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct bench b;
        bench_init(&b);
        struct weir_tensor_info info = {
            .name = "x", .dtype = rows[i].dtype, .n_dims = 2, .dims = {-1, 1}};
        struct weir_tensors_spec spec = one;
        spec.inputs = &info;
        char body[64];
        (void)snprintf(body, sizeof body, "{\"features\":[[%s]]}", rows[i].in);
        cr_assert_eq(decode(&b, &spec, body), WEIR_OK, "%s: %s", rows[i].in, b.err.msg);
        uint16_t bits;
        memcpy(&bits, b.sink.rows, sizeof bits);
        cr_assert_eq(bits, rows[i].bits, "%s: %04x", rows[i].in, bits);
        bench_deinit(&b);
    }
}

Test(protocol_tensors, outputs_are_answered_by_their_names)
{
    static const float y[] = {1, 2.5F, NAN, -1};
    static const struct weir_text label[] = {{"a", 1}, {"b\"", 2}};
    struct weir_spec spec = spec_of(&one);
    struct weir_tensor tensors[] = {
        {.dtype = WEIR_F32, .n_dims = 2, .dims = {2, 2}, .data = y},
        {.dtype = WEIR_BYTES, .n_dims = 1, .dims = {2}, .data = label},
    };
    struct weir_result result = {.spec = &spec, .n_rows = 2, .tensors = tensors};
    struct weir_protocol_source source = {WEIR_STR("m"), WEIR_STR("1")};
    struct weir_protocol_call call = {.dialect = WEIR_PROTOCOL_V2,
                                      .n_rows = 2,
                                      .tensors = 2,
                                      .n_tensors = 1,
                                      .tensor_order = {1}};
    struct weir_buf buf = WEIR_BUF_INIT;
    weir_protocol_encode(&call, &source, &result, &(struct weir_protocol_answer){.body = &buf});
    cr_assert_str_eq(
        weir_buf_c(&buf),
        "{\"model_name\":\"m\",\"model_version\":\"1\",\"outputs\":[{\"name\":"
        "\"label\",\"datatype\":\"BYTES\",\"shape\":[2],\"data\":[\"a\",\"b\\\"\"]}]}");
    call.tensors = 3;
    cr_assert_leq(buf.n, weir_protocol_tensors_bytes(&result, 3));
    call.dialect = WEIR_PROTOCOL_FLASK;
    weir_buf_clear(&buf);
    weir_protocol_encode(&call, &source, &result, &(struct weir_protocol_answer){.body = &buf});
    cr_assert_str_eq(weir_buf_c(&buf), "{\"prediction\":[[1.0,2.5],[null,-1.0]],\"outputs\":{"
                                       "\"label\":[\"a\",\"b\\\"\"]}}");
    weir_buf_deinit(&buf);
}

Test(protocol_tensors, metadata_and_the_example_are_the_graphs_own)
{
    struct weir_spec spec = spec_of(&many);
    struct test_catalog catalog = test_catalog_of(&spec);
    struct weir_buf buf = WEIR_BUF_INIT;
    cr_assert_eq(
        test_catalog_page(&catalog, &weir_protocol_v2, "/v2/models/{m}", "m", NULL, &buf, NULL),
        WEIR_OK);
    cr_assert(strstr(weir_buf_c(&buf),
                     "\"inputs\":[{\"name\":\"flag\",\"datatype\":\"UINT8\",\"shape\":[-1,1]},"
                     "{\"name\":\"ids\",\"datatype\":\"INT64\",\"shape\":[-1,-1]},"
                     "{\"name\":\"text\",\"datatype\":\"BYTES\",\"shape\":[-1]}],"
                     "\"outputs\":[{\"name\":\"y\",\"datatype\":\"FP32\",\"shape\":[-1,2]},"
                     "{\"name\":\"label\",\"datatype\":\"BYTES\",\"shape\":[-1]}]"),
              "%s", buf.at);
    weir_buf_clear(&buf);
    cr_assert(weir_protocol_example(&buf, &spec));
    cr_assert_str_eq(weir_buf_c(&buf),
                     "{\"features\": {\"flag\": [[0]], \"ids\": [[0]], \"text\": [\"text\"]}}");
    struct bench b;
    bench_init(&b);
    cr_assert_eq(decode(&b, &many, weir_buf_c(&buf)), WEIR_OK, "%s", b.err.msg);
    bench_deinit(&b);
    weir_buf_deinit(&buf);
}

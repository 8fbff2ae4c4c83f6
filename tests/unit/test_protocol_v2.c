/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
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

/* Decodes from a block of exactly the body's size, so that a sanitizer sees every overread. */
static enum weir_status decode(struct bench *b, const struct weir_spec *spec, const char *body)
{
    size_t n = strlen(body);
    char *exact = malloc(n ? n : 1);
    cr_assert(exact);
    memcpy(exact, body, n);
    b->err = (struct weir_error)WEIR_ERROR_INIT;
    enum weir_status status = weir_protocol_v2_decode(&b->decoder, spec, weir_str_make(exact, n),
                                                      &b->sink.sink, &b->call, &b->err);
    free(exact);
    return status;
}

/* Requests of a model of two features without names: two rows, the elements 1 2 3 4. */
static const struct {
    const char *label;
    const char *body;
    enum weir_dtype dtype; /* of the rows */
} accepted[] = {
    {"as the Python client sends it",
     "{\"inputs\":[{\"name\":\"IN\",\"shape\":[2,2],\"datatype\":\"FP32\",\"data\":[1.0,2.0,3.0,"
     "4.0]}],\"parameters\":{\"sequence_id\":7,\"sequence_start\":true,\"x\":1.5}}",
     WEIR_F32},
    {"as KServe's client sends it",
     "{\"id\":\"a-b\",\"model_name\":\"m\",\"inputs\":[{\"name\":\"input-0\",\"shape\":[2,2],"
     "\"datatype\":\"FP64\",\"data\":[[1,2],[3,4]]}]}",
     WEIR_F64},
    {"data first, names last",
     "{\"inputs\":[{\"data\":[1,2,3,4],\"datatype\":\"INT64\",\"shape\":[2,2],\"name\":\"\"}]}",
     WEIR_F64},
    {"ragged nesting",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[2,2],\"datatype\":\"FP64\",\"data\":[[1],[[],[2,[3]]]"
     ",4,[]]}]}",
     WEIR_F64},
    {"whole numbers with a fraction of zero",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[2,2],\"datatype\":\"UINT8\",\"data\":[1.0,2e0,30e-1,"
     "4]}]}",
     WEIR_F64},
    {"unknown members and nulls",
     "{\"id\":null,\"outputs\":null,\"parameters\":null,\"inputs\":[{\"name\":\"x\",\"shape\":[2,2]"
     ",\"datatype\":\"INT8\",\"parameters\":{\"content_type\":\"np\"},\"data\":[1,2,3,4],\"y\":[]}]"
     ",\"z\":{}}",
     WEIR_F64},
    {"white space",
     " {\n \"inputs\" : [ { \"name\" : \"x\" , \"shape\" : [ 2 , 2 ] , \"datatype\" : \"FP64\" ,"
     " \"data\" : [ [ 1 , 2 ] , [ 3 , 4 ] ] } ] }\r\n",
     WEIR_F64},
    {"outputs that are not asked for in particular",
     "{\"outputs\":[],\"id\":\"\",\"inputs\":[{\"name\":\"x\",\"shape\":[2,2],\"datatype\":"
     "\"UINT64\",\"data\":[1,2,3,4]}]}",
     WEIR_F64},
};

ParameterizedTestParameters(protocol_v2, requests_are_accepted)
{
    static size_t rows[WEIR_ARRAY_LEN(accepted)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_v2, requests_are_accepted)
{
    struct bench b;
    bench_init(&b);
    const char *label = accepted[*row].label;
    struct weir_spec spec = weir_test_spec_regressor(2);
    cr_assert_eq(decode(&b, &spec, accepted[*row].body), WEIR_OK, "%s: %s", label, b.err.msg);
    cr_assert_eq(b.sink.n_commits, 1, "%s", label);
    cr_assert_eq(b.sink.want.n_rows, 2, "%s", label);
    cr_assert_eq(b.sink.want.dtype, accepted[*row].dtype, "%s", label);
    cr_assert_eq(b.call.request_dtype, accepted[*row].dtype, "%s", label);
    cr_assert_eq(b.sink.wanted, 1u << WEIR_OUTPUT_PREDICT, "%s", label);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(weir_test_sink_at(&b.sink, i / 2, i % 2), (double)i + 1, "%s", label);
    bench_deinit(&b);
}

#define INPUT(members) "{\"inputs\":[{" members "}]}"
#define HEAD           "\"name\":\"x\",\"shape\":[2,2],\"datatype\":\"FP64\""
#define DATA           "\"data\":[1,2,3,4]"

/* What is refused, for a model of two features without names. */
static const struct {
    const char *label;
    const char *body;
    enum weir_status status;
    const char *msg;
} refused[] = {
    {"a list", "[]", WEIR_ERR_INVALID, "expected an object with \"inputs\", got an array"},
    {"no inputs", "{}", WEIR_ERR_INVALID, "\"inputs\" is missing"},
    {"inputs of a wrong kind", "{\"inputs\":{}}", WEIR_ERR_INVALID,
     "inputs: expected a list, got an object"},
    {"an empty list", "{\"inputs\":[]}", WEIR_ERR_INVALID, "inputs: none"},
    {"an input of a wrong kind", "{\"inputs\":[7]}", WEIR_ERR_INVALID,
     "inputs[0]: expected an object, got 7"},
    {"no name", INPUT("\"shape\":[2,2],\"datatype\":\"FP64\"," DATA), WEIR_ERR_INVALID,
     "inputs[0].name: missing"},
    {"no shape", INPUT("\"name\":\"x\",\"datatype\":\"FP64\"," DATA), WEIR_ERR_INVALID,
     "inputs[0].shape: missing"},
    {"no datatype", INPUT("\"name\":\"x\",\"shape\":[2,2]," DATA), WEIR_ERR_INVALID,
     "inputs[0].datatype: missing"},
    {"no data", INPUT(HEAD), WEIR_ERR_INVALID, "inputs[0].data: missing"},
    {"a name that is no text", INPUT("\"name\":1,\"shape\":[2,2],\"datatype\":\"FP64\"," DATA),
     WEIR_ERR_INVALID, "inputs[0].name: expected a text, got 1"},
    {"data that is no list", INPUT(HEAD ",\"data\":4"), WEIR_ERR_INVALID,
     "inputs[0].data: expected a list, got 4"},
    {"a shape of another width",
     INPUT("\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\"," DATA), WEIR_ERR_INVALID,
     "inputs[0].shape: expected [n, 2], got [1, 4]"},
    {"a shape of rank 1", INPUT("\"name\":\"x\",\"shape\":[4],\"datatype\":\"FP64\"," DATA),
     WEIR_ERR_INVALID, "inputs[0].shape: expected [n, 2], got [4]"},
    {"a scalar", INPUT("\"name\":\"x\",\"shape\":[],\"datatype\":\"FP64\",\"data\":[1]"),
     WEIR_ERR_INVALID, "inputs[0].shape: expected [n, 2], got []"},
    {"a negative shape", INPUT("\"name\":\"x\",\"shape\":[-1,2],\"datatype\":\"FP64\"," DATA),
     WEIR_ERR_INVALID, "inputs[0].shape: expected whole numbers from 0, got -1"},
    {"a shape with a fraction",
     INPUT("\"name\":\"x\",\"shape\":[2.0,2],\"datatype\":\"FP64\"," DATA), WEIR_ERR_INVALID,
     "inputs[0].shape: expected whole numbers from 0, got 2.0"},
    {"a shape that overflows",
     INPUT("\"name\":\"x\",\"shape\":[4611686018427387904,4],\"datatype\":\"FP64\"," DATA),
     WEIR_ERR_INVALID, "inputs[0].shape: the product is too large"},
    {"a shape of many dimensions",
     INPUT("\"name\":\"x\",\"shape\":[1,1,1,1,1,1,1,1,1],\"datatype\":\"FP64\"," DATA),
     WEIR_ERR_INVALID, "inputs[0].shape: more than 8 dimensions"},
    {"a shape that the body cannot fill",
     INPUT("\"name\":\"x\",\"shape\":[1000000,2],\"datatype\":\"FP64\"," DATA), WEIR_ERR_INVALID,
     "inputs[0].data: fewer than the 2000000 values of the shape"},
    {"too few values", INPUT(HEAD ",\"data\":[1,2,3]"), WEIR_ERR_INVALID,
     "inputs[0].data: fewer than the 4 values of the shape"},
    {"too many values", INPUT(HEAD ",\"data\":[[1,2],[3,4],[5]]"), WEIR_ERR_INVALID,
     "inputs[0].data: more than the 4 values of the shape"},
    {"an unknown datatype", INPUT("\"name\":\"x\",\"shape\":[2,2],\"datatype\":\"FLOAT\"," DATA),
     WEIR_ERR_INVALID, "inputs[0].datatype: expected one like \"FP64\", got \"FLOAT\""},
    {"FP16", INPUT("\"name\":\"x\",\"shape\":[2,2],\"datatype\":\"FP16\"," DATA), WEIR_ERR_INVALID,
     "inputs[0].datatype: FP16 and BF16 cannot be written in JSON"},
    {"BYTES", INPUT("\"name\":\"x\",\"shape\":[2,2],\"datatype\":\"BYTES\"," DATA),
     WEIR_ERR_INVALID, "inputs[0].datatype: the model takes numbers, not BYTES"},
    {"a text among numbers", INPUT(HEAD ",\"data\":[1,2,\"x\",4]"), WEIR_ERR_INVALID,
     "inputs[0].data: row 1, column 0: expected a number, got \"x\""},
    {"a bool among numbers", INPUT(HEAD ",\"data\":[1,2,true,4]"), WEIR_ERR_INVALID,
     "inputs[0].data: row 1, column 0: expected a number, got true"},
    {"null", INPUT(HEAD ",\"data\":[1,2,3,null]"), WEIR_ERR_INVALID,
     "inputs[0].data: row 1, column 1: null is a missing value, and this model refuses those"},
    {"a fraction in whole numbers",
     INPUT("\"name\":\"x\",\"shape\":[2,2],\"datatype\":\"INT32\",\"data\":[1,2,3,4.5]"),
     WEIR_ERR_INVALID, "inputs[0].data: row 1, column 1: expected a whole number, got 4.5"},
    {"a whole number out of range",
     INPUT("\"name\":\"x\",\"shape\":[2,2],\"datatype\":\"INT8\",\"data\":[127,-128,-129,4]"),
     WEIR_ERR_INVALID, "inputs[0].data: row 1, column 0: -129 is outside INT8"},
    {"2^64",
     INPUT("\"name\":\"x\",\"shape\":[2,2],\"datatype\":\"UINT64\",\"data\":["
           "18446744073709551615,18446744073709551616,1,1]"),
     WEIR_ERR_INVALID, "inputs[0].data: row 0, column 1: 18446744073709551616 is outside UINT64"},
    {"2 as a bool",
     INPUT("\"name\":\"x\",\"shape\":[2,2],\"datatype\":\"BOOL\",\"data\":[true,0,1,2]"),
     WEIR_ERR_INVALID, "inputs[0].data: row 1, column 1: 2 is outside BOOL"},
    {"NaN as a whole number",
     INPUT("\"name\":\"x\",\"shape\":[2,2],\"datatype\":\"INT32\",\"data\":[1,2,3,NaN]"),
     WEIR_ERR_INVALID, "inputs[0].data: row 1, column 1: expected a whole number, got NaN"},
    {"a float32 too large",
     INPUT("\"name\":\"x\",\"shape\":[2,2],\"datatype\":\"FP32\",\"data\":[1,2,3,-3.5e38]"),
     WEIR_ERR_INVALID,
     "inputs[0].data: row 1, column 1: -3.5e38 is infinite or too large for float32"},
    {"two inputs of a model without names",
     "{\"inputs\":[{" HEAD "," DATA "},{" HEAD "," DATA "}]}", WEIR_ERR_INVALID,
     "inputs: expected one of shape [n, 2]; this model was fitted without feature names"},
    {"an output that is not there",
     "{\"outputs\":[{\"name\":\"predict_proba\"}],\"inputs\":[{" HEAD "," DATA "}]}",
     WEIR_ERR_INVALID,
     "outputs[0].name: the model has no output \"predict_proba\"; it has predict"},
    {"an output without a name", "{\"outputs\":[{}],\"inputs\":[{" HEAD "," DATA "}]}",
     WEIR_ERR_INVALID, "outputs[0].name: missing"},
    {"an id that is no text", "{\"id\":4,\"inputs\":[{" HEAD "," DATA "}]}", WEIR_ERR_INVALID,
     "id: expected a text, got 4"},
    {"a negative timeout", "{\"parameters\":{\"timeout\":-1},\"inputs\":[{" HEAD "," DATA "}]}",
     WEIR_ERR_INVALID, "parameters.timeout: expected a whole number from 0, got -1"},
    {"a parameter of a wrong kind", "{\"parameters\":{\"a\":[1]},\"inputs\":[{" HEAD "," DATA "}]}",
     WEIR_ERR_INVALID, "parameters.a: expected a text, a number or a bool, got an array"},
    {"a reserved parameter", "{\"parameters\":{\"triton_x\":1},\"inputs\":[{" HEAD "," DATA "}]}",
     WEIR_ERR_INVALID, "parameters: names that begin with \"triton_\" are reserved"},
    {"a binary input without the header that says where it is",
     INPUT(HEAD ",\"parameters\":{\"binary_data_size\":32}"), WEIR_ERR_INVALID,
     "inputs[0].parameters.binary_data_size: Inference-Header-Content-Length is missing, which "
     "says where the JSON ends"},
    {"binary outputs that are no flag",
     "{\"parameters\":{\"binary_data_output\":1},\"inputs\":[{" HEAD "," DATA "}]}",
     WEIR_ERR_INVALID, "parameters.binary_data_output: expected true or false, got 1"},
    {"a sequence that is no number",
     "{\"parameters\":{\"sequence_id\":-1},\"inputs\":[{" HEAD "," DATA "}]}", WEIR_ERR_INVALID,
     "parameters.sequence_id: expected a whole number from 0, got -1"},
    {"the start of a sequence",
     "{\"parameters\":{\"sequence_start\":0},\"inputs\":[{" HEAD "," DATA "}]}", WEIR_ERR_INVALID,
     "parameters.sequence_start: expected true or false, got 0"},
    {"a binary output that is no flag",
     "{\"outputs\":[{\"name\":\"predict\",\"parameters\":{\"binary_data\":\"yes\"}}],\"inputs\":["
     "{" HEAD "," DATA "}]}",
     WEIR_ERR_INVALID, "outputs[0].parameters.binary_data: expected true or false, got \"yes\""},
    {"no classes",
     "{\"outputs\":[{\"name\":\"predict\",\"parameters\":{\"classification\":0}}],\"inputs\":["
     "{" HEAD "," DATA "}]}",
     WEIR_ERR_INVALID, "outputs[0].parameters: classification: expected at least 1"},
    {"a number of classes that is none",
     "{\"outputs\":[{\"name\":\"predict\",\"parameters\":{\"classification\":\"2\"}}],\"inputs\":["
     "{" HEAD "," DATA "}]}",
     WEIR_ERR_INVALID,
     "outputs[0].parameters.classification: expected a whole number from 0, got \"2\""},
    {"shared memory", INPUT(HEAD ",\"parameters\":{\"shared_memory_region\":\"r\"}," DATA),
     WEIR_ERR_UNSUPPORTED,
     "inputs[0].parameters.shared_memory_region: shared memory is not served"},
};

ParameterizedTestParameters(protocol_v2, requests_are_refused)
{
    static size_t rows[WEIR_ARRAY_LEN(refused)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_v2, requests_are_refused)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(2);
    cr_assert_eq(decode(&b, &spec, refused[*row].body), refused[*row].status, "%s: %s",
                 refused[*row].label, b.err.msg);
    cr_assert_str_eq(b.err.msg, refused[*row].msg, "%s: got: %s", refused[*row].label, b.err.msg);
    cr_assert_eq(b.sink.n_commits, 0, "%s", refused[*row].label);
    cr_assert_eq(b.sink.n_rollbacks, b.sink.n_reserves, "%s", refused[*row].label);
    bench_deinit(&b);
}

#define COLUMN(name, dtype, data) \
    "{\"name\":\"" name "\",\"shape\":[2],\"datatype\":\"" dtype "\",\"data\":" data "}"

Test(protocol_v2, inputs_by_feature_name_are_columns)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_iris();
    cr_assert_eq(
        decode(&b, &spec,
               "{\"inputs\":[" COLUMN("petal length", "INT64", "[3,7]") "," COLUMN(
                   "sepal length", "FP64",
                   "[[1],[5]]") ",{\"name\":\"petal \\\"w\\\"\","
                                "\"shape\":[2,1],\"datatype\":\"FP32\",\"data\":[4,0.1]}," COLUMN(
                                    "sepal width", "BOOL", "[false,true]") "]}"),
        WEIR_OK, "%s", b.err.msg);
    static const double expected[] = {1, 0, 3, 4, 5, 1, 7};
    for (size_t i = 0; i < 7; i++)
        cr_assert_eq(weir_test_sink_at(&b.sink, i / 4, i % 4), expected[i]);
    cr_assert_eq(weir_test_sink_at(&b.sink, 1, 3), (double)0.1F,
                 "what was declared FP32 is rounded to float32 first");
    cr_assert_eq(b.sink.want.dtype, WEIR_F64);
    bench_deinit(&b);
}

static const struct {
    const char *inputs;
    const char *msg;
} wrong_columns[] = {
    {COLUMN("sepal length", "FP64", "[1,2]") "," COLUMN("sepal width", "FP64", "[1,2]"),
     "inputs: column \"petal length\" is missing"},
    {COLUMN("sepal length", "FP64", "[1,2]") "," COLUMN("sepal length", "FP64", "[1,2]"),
     "inputs[1].name: this feature is there twice"},
    {COLUMN("sepal length", "FP64", "[1,2]") "," COLUMN("w", "FP64", "[1,2]"),
     "inputs[1].name: the model has no feature \"w\""},
    {COLUMN("sepal length", "FP64",
            "[1,2]") ",{\"name\":\"sepal width\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[1]}",
     "inputs[1].shape: not as many rows as inputs[0]"},
    {COLUMN("sepal length", "FP64",
            "[1,2]") ",{\"name\":\"sepal width\",\"shape\":[1,2],\"datatype\":\"FP64\",\"data\":"
                     "[1,2]}",
     "inputs[1].shape: expected [n] or [n, 1], got [1, 2]"},
    {COLUMN("sepal length", "FP64", "[1,2]") "," COLUMN("sepal width", "FP64", "[1,2]") "," COLUMN(
         "petal length", "FP64", "[1,[]]") "," COLUMN("petal \\u0022w\\u0022", "FP64", "[1,2]"),
     "inputs[2].data: fewer than the 2 values of the shape"},
    {COLUMN("sepal length", "FP64", "[1,2]") "," COLUMN(
         "sepal width", "FP64", "[1,\"x\"]") "," COLUMN("petal length", "FP64",
                                                        "[1,2]") "," COLUMN("petal \\u0022w\\u0022",
                                                                            "FP64", "[1,2]"),
     "inputs[1].data: row 1, column \"sepal width\": expected a number, got \"x\""},
};

ParameterizedTestParameters(protocol_v2, columns_must_fit)
{
    static size_t rows[WEIR_ARRAY_LEN(wrong_columns)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_v2, columns_must_fit)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_iris();
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf body = WEIR_BUF_INIT;
    weir_buf_printf(&body, "{\"inputs\":[%s]}", wrong_columns[*row].inputs);
    cr_assert_eq(decode(&b, &spec, weir_buf_c(&body)), WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, wrong_columns[*row].msg, "got: %s", b.err.msg);
    cr_assert_eq(b.sink.n_commits, 0);
    cr_assert_eq(b.sink.n_rollbacks, b.sink.n_reserves);
    bench_deinit(&b);
}

Test(protocol_v2, one_feature_may_come_as_a_vector)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(1);
    cr_assert_eq(decode(&b, &spec,
                        INPUT("\"name\":\"x\",\"shape\":[3],\"datatype\":\"FP64\","
                              "\"data\":[1,2,3]")),
                 WEIR_OK, "%s", b.err.msg);
    cr_assert_eq(b.call.n_rows, 3);
    cr_assert_eq(weir_test_sink_at(&b.sink, 2, 0), 3);
    bench_deinit(&b);
}

Test(protocol_v2, tokens_reach_models_that_take_them)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(2);
    spec.allows_nan = true;
    spec.allows_inf = true;
    cr_assert_eq(decode(&b, &spec,
                        INPUT("\"name\":\"x\",\"shape\":[2,2],\"datatype\":\"FP32\","
                              "\"data\":[NaN,-Infinity,null,1e400]")),
                 WEIR_OK, "%s", b.err.msg);
    cr_assert(isnan(weir_test_sink_at(&b.sink, 0, 0)));
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 1), -(double)INFINITY);
    cr_assert(isnan(weir_test_sink_at(&b.sink, 1, 0)));
    cr_assert_eq(weir_test_sink_at(&b.sink, 1, 1), (double)INFINITY);
    bench_deinit(&b);
}

Test(protocol_v2, each_datatype_is_rounded_once)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(2);
    spec.casts_to_f32 = true;
    /* A hair above half-way between two floats: once through a double it rounds to even. */
    cr_assert_eq(decode(&b, &spec,
                        INPUT("\"name\":\"x\",\"shape\":[1,2],\"datatype\":\"FP32\","
                              "\"data\":[1.00000005960464477539062500001,16777217]")),
                 WEIR_OK);
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 0), 1.00000011920928955078125);
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 1), 16777216);
    cr_assert_eq(decode(&b, &spec,
                        INPUT("\"name\":\"x\",\"shape\":[1,2],\"datatype\":\"FP64\","
                              "\"data\":[1.00000005960464477539062500001,1]")),
                 WEIR_OK);
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 0), 1.0);
    /* 2^60 + 2^36 + 1 as a double loses its last bit and would then be a tie. */
    cr_assert_eq(decode(&b, &spec,
                        INPUT("\"name\":\"x\",\"shape\":[1,2],\"datatype\":\"INT64\","
                              "\"data\":[1152921573326323713,-9223372036854775808]")),
                 WEIR_OK);
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 0), (double)(float)1152921573326323713);
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 1), -9223372036854775808.0);
    bench_deinit(&b);
}

Test(protocol_v2, parameters_and_id_are_kept)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_iris();
    cr_assert_eq(
        decode(
            &b, &spec,
            "{\"id\":\"h\\u00e9-\xc3\xa9\",\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],"
            "\"datatype\":\"FP64\",\"data\":[1,2,3,4]}],\"outputs\":[{\"name\":\"predict_proba\","
            "\"parameters\":{\"binary_data\":false}},{\"name\":\"predict\"},{\"name\":"
            "\"predict_proba\"}],\"parameters\":{\"timeout\":1500,\"priority\":3,"
            "\"binary_data_output\":false}}"),
        WEIR_OK, "%s", b.err.msg);
    cr_assert_eq(b.call.timeout_ns, 1500000);
    cr_assert_eq(b.call.priority, 3);
    cr_assert_eq(b.sink.want.queue_timeout_ns, 1500000);
    cr_assert_eq(b.sink.want.priority, 3);
    cr_assert_eq(b.call.n_outputs, 2);
    cr_assert_eq(b.call.outputs[0], WEIR_OUTPUT_PREDICT_PROBA);
    cr_assert_eq(b.call.outputs[1], WEIR_OUTPUT_PREDICT);
    cr_assert_eq(b.sink.wanted, 1u << WEIR_OUTPUT_PREDICT | 1u << WEIR_OUTPUT_PREDICT_PROBA);
    int32_t labels[] = {1};
    double scores[] = {0.25, 0.75, 0};
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 1};
    result.out[WEIR_OUTPUT_PREDICT] = labels;
    result.out[WEIR_OUTPUT_PREDICT_PROBA] = scores;
    struct weir_protocol_source source = {WEIR_STR("iris"), WEIR_STR("3")};
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf buf = WEIR_BUF_INIT;
    weir_protocol_encode(&b.call, &source, &result, &(struct weir_protocol_answer){.body = &buf});
    cr_assert_str_eq(
        weir_buf_c(&buf),
        "{\"id\":\"h\\u00e9-\xc3\xa9\",\"model_name\":\"iris\",\"model_version\":\"3\","
        "\"outputs\":[{\"name\":\"predict_proba\",\"datatype\":\"FP64\",\"shape\":[1,3]"
        ",\"data\":[0.25,0.75,0.0]},{\"name\":\"predict\",\"datatype\":\"BYTES\","
        "\"shape\":[1],\"data\":[\"versicolor\"]}]}");
    bench_deinit(&b);
}

Test(protocol_v2, ids_have_a_limit)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(2);
    for (int n = WEIR_PROTOCOL_ID_BYTES_MAX; n <= WEIR_PROTOCOL_ID_BYTES_MAX + 1; n++) {
        WEIR_CLEANUP(weir_buf_deinit) struct weir_buf body = WEIR_BUF_INIT;
        weir_buf_printf(&body, "{\"id\":\"%0*d\",\"inputs\":[{%s,%s}]}", n, 0, HEAD, DATA);
        cr_assert_eq(decode(&b, &spec, weir_buf_c(&body)),
                     n == WEIR_PROTOCOL_ID_BYTES_MAX ? WEIR_OK : WEIR_ERR_INVALID);
    }
    cr_assert_str_eq(b.err.msg, "id: more than 256 bytes");
    bench_deinit(&b);
}

Test(protocol_v2, rows_have_a_limit)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(2);
    b.decoder.limits.n_rows_max = 2;
    cr_assert_eq(decode(&b, &spec, INPUT(HEAD "," DATA)), WEIR_OK);
    cr_assert_eq(decode(&b, &spec,
                        INPUT("\"name\":\"x\",\"shape\":[3,2],\"datatype\":\"FP64\","
                              "\"data\":[1,2,3,4,5,6]")),
                 WEIR_ERR_LIMIT);
    cr_assert_str_eq(b.err.msg, "3 rows; one request may have 2");
    cr_assert_eq(b.sink.n_reserves, 1);
    bench_deinit(&b);
}

Test(protocol_v2, answers_have_the_types_of_the_model)
{
    static const struct weir_str whole[] = {{"-1", 2}, {"1", 1}};
    static const struct weir_str bools[] = {{"false", 5}, {"true", 4}};
    static const struct weir_labels targets[] = {
        {.dtype = WEIR_I64, .n = 2, .json = whole},
        {.dtype = WEIR_BOOL, .n = 2, .json = bools},
    };
    struct weir_spec spec = weir_test_spec_iris();
    spec.targets = targets;
    spec.outputs[WEIR_OUTPUT_PREDICT].dtype = WEIR_I64;
    int32_t labels[] = {1, 0, 0, 1};
    double scores[] = {(double)0.1F, (double)NAN, (double)INFINITY, 1, 2, 3};
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 2};
    result.out[WEIR_OUTPUT_PREDICT] = labels;
    result.out[WEIR_OUTPUT_DECISION_FUNCTION] = scores;
    struct weir_protocol_source source = {WEIR_STR("m"), WEIR_STR("1")};
    struct weir_protocol_call call = {
        .dialect = WEIR_PROTOCOL_V2, .n_rows = 2, .n_outputs = 1, .outputs = {WEIR_OUTPUT_PREDICT}};
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf buf = WEIR_BUF_INIT;
    weir_protocol_encode(&call, &source, &result, &(struct weir_protocol_answer){.body = &buf});
    cr_assert_str_eq(weir_buf_c(&buf),
                     "{\"model_name\":\"m\",\"model_version\":\"1\",\"outputs\":[{\"name\":"
                     "\"predict\",\"datatype\":\"INT64\",\"shape\":[2],\"data\":[1,-1]}]}");
    weir_buf_clear(&buf);
    spec.n_targets = 2;
    spec.outputs[WEIR_OUTPUT_PREDICT].dtype = WEIR_BYTES;
    spec.outputs[WEIR_OUTPUT_PREDICT].n_columns = 2;
    spec.outputs[WEIR_OUTPUT_PREDICT].is_vector = false;
    weir_protocol_encode(&call, &source, &result, &(struct weir_protocol_answer){.body = &buf});
    cr_assert_str_eq(weir_buf_c(&buf),
                     "{\"model_name\":\"m\",\"model_version\":\"1\",\"outputs\":[{\"name\":"
                     "\"predict\",\"datatype\":\"BYTES\",\"shape\":[2,2],\"data\":[\"1\",\"false\","
                     "\"-1\",\"true\"]}]}");
    weir_buf_clear(&buf);
    call.outputs[0] = WEIR_OUTPUT_DECISION_FUNCTION;
    result.batch_dtype = WEIR_F32;
    weir_protocol_encode(&call, &source, &result, &(struct weir_protocol_answer){.body = &buf});
    cr_assert_str_eq(
        weir_buf_c(&buf),
        "{\"model_name\":\"m\",\"model_version\":\"1\",\"outputs\":[{\"name\":"
        "\"decision_function\",\"datatype\":\"FP32\",\"shape\":[2,3],\"data\":[0.1,NaN,"
        "Infinity,1.0,2.0,3.0]}]}");
    cr_assert_leq(buf.n, weir_protocol_answer_bytes(&call, &spec));
}

Test(protocol_v2, metadata_tells_all_that_is_known)
{
    struct weir_spec spec = weir_test_spec_iris();
    struct test_catalog catalog = {
        .n_models = 2,
        .models =
            {
                {.name = WEIR_STR("iris"),
                 .n_versions = 3,
                 .n_serving = 2,
                 .versions = {{.number = 1, .state = WEIR_STR("ready"), .spec = &spec},
                              {.number = 3,
                               .state = WEIR_STR("ready"),
                               .digest = WEIR_STR("00ff"),
                               .file = WEIR_STR("iris/3/model.joblib"),
                               .spec = &spec},
                              {.state = WEIR_STR("failed"),
                               .reason = WEIR_STR("offset 3: \"x\""),
                               .since_wall_ns = UINT64_C(1000000000)}}},
                {.name = WEIR_STR("new"),
                 .n_versions = 1,
                 .versions = {{.state = WEIR_STR("loading")}}},
            },
    };
    test_catalog_init(&catalog);
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf buf = WEIR_BUF_INIT;
    cr_assert_eq(
        test_catalog_page(&catalog, &weir_protocol_v2, "/v2/models/{m}", "iris", NULL, &buf, NULL),
        WEIR_OK);
    cr_assert_str_eq(
        weir_buf_c(&buf),
        "{\"name\":\"iris\",\"versions\":[\"1\",\"3\"],\"platform\":\"sklearn_joblib\",\"inputs\":["
        "{"
        "\"name\":\"input-0\",\"datatype\":\"FP64\",\"shape\":[-1,4]}],\"outputs\":[{\"name\":"
        "\"predict\",\"datatype\":\"BYTES\",\"shape\":[-1]},{\"name\":\"predict_proba\","
        "\"datatype\":"
        "\"FP64\",\"shape\":[-1,3]},{\"name\":\"decision_function\",\"datatype\":\"FP64\","
        "\"shape\":"
        "[-1,3]}],\"parameters\":{\"version\":\"3\",\"digest\":\"00ff\",\"file\":"
        "\"iris/3/model.joblib\",\"state\":\"ready\",\"estimator\":"
        "\"LinearRegression()\",\"library\":\"scikit-learn\",\"library_version\":\"1.4.2\","
        "\"feature_names\":[\"sepal length\",\"sepal width\",\"petal length\",\"petal \\\"w\\\"\"],"
        "\"classes\":[\"setosa\",\"versicolor\",\"virginica\"],\"last_failure\":{\"reason\":"
        "\"offset 3: \\\"x\\\"\",\"since\":\"1970-01-01T00:00:01Z\"}}}");
    weir_buf_clear(&buf);
    cr_assert_eq(
        test_catalog_page(&catalog, &weir_protocol_v2, "/v2/models/{m}", "new", NULL, &buf, NULL),
        WEIR_OK);
    cr_assert_str_eq(weir_buf_c(&buf),
                     "{\"name\":\"new\",\"versions\":[],\"platform\":\"\",\"inputs\":[],"
                     "\"outputs\":[],\"parameters\":{\"state\":\"loading\"}}");
}

Test(protocol_v2, documents_are_what_clients_parse)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf buf = WEIR_BUF_INIT;
    struct weir_spec spec = weir_test_spec_iris();
    struct test_catalog catalog = test_catalog_of(&spec);
    struct weir_error err = WEIR_ERROR_INIT;
    static const struct {
        const char *pattern;
        const char *model;
    } pages[] = {{"/v2/health/live", NULL},
                 {"/v2/health/ready", NULL},
                 {"/v2/models/{m}/ready", "m"},
                 {"/v2/models", NULL}};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(pages); i++)
        cr_assert_eq(test_catalog_page(&catalog, &weir_protocol_v2, pages[i].pattern,
                                       pages[i].model, NULL, &buf, &err),
                     WEIR_OK);
    weir_protocol_error(&buf, WEIR_STR("\"x\"\n\xff"));
    cr_assert_str_eq(weir_buf_c(&buf),
                     "{\"live\":true}{\"ready\":true,\"live\":true}{\"name\":\"m\",\"ready\":true}"
                     "{\"models\":[\"m\"]}{\"error\":\"\\\"x\\\"\\n\xef\xbf\xbd\"}");
    weir_buf_clear(&buf);
    catalog.unready = "starting";
    cr_assert_eq(
        test_catalog_page(&catalog, &weir_protocol_v2, "/v2/health/ready", NULL, NULL, &buf, &err),
        WEIR_ERR_BUSY);
    cr_assert_str_eq(err.msg, "starting");
    cr_assert_eq(test_catalog_page(&catalog, &weir_protocol_v2, "/v2", NULL, NULL, &buf, &err),
                 WEIR_OK);
    struct weir_codec_json json;
    weir_codec_json_init(&json, NULL, test_mem());
    cr_assert_eq(weir_codec_json_scan(&json, weir_buf_str(&buf), NULL), WEIR_OK);
    weir_codec_json_deinit(&json);
    cr_assert(strstr(weir_buf_c(&buf), "\"name\":\"weir\",\"version\":\""));
    cr_assert(strstr(weir_buf_c(&buf), "\"extensions\":["));
}

Test(protocol_v2, running_out_of_memory_is_clean)
{
    struct weir_spec spec = weir_test_spec_iris();
    bool has_failed = true;
    for (uint64_t n = 1; has_failed; n++) {
        struct bench b;
        bench_init(&b);
        test_mem_fail_at(n, false);
        enum weir_status status = decode(
            &b, &spec,
            "{\"inputs\":[" COLUMN("petal \\u0022w\\u0022", "FP64", "[1,2]") "," COLUMN(
                "sepal length", "FP64",
                "[1,2]") "," COLUMN("sepal width", "FP64",
                                    "[1,2]") "," COLUMN("petal length", "FP64", "[1,2]") "]}");
        has_failed = test_mem_has_failed();
        cr_assert_eq(status, has_failed ? WEIR_ERR_NO_MEMORY : WEIR_OK, "allocation %llu: %s",
                     (unsigned long long)n, b.err.msg);
        cr_assert_eq(b.sink.n_rollbacks + b.sink.n_commits, b.sink.n_reserves);
        test_mem_fail_at(0, false);
        bench_deinit(&b);
    }
}

Test(protocol_v2, outputs_answer_to_the_name_they_were_asked_by)
{
    static const double p[] = {0.25, 0.5, 0.25};
    static const int32_t label[] = {2};
    struct weir_spec spec = weir_test_spec_iris();
    spec.input_name = WEIR_STR("float_input");
    spec.outputs[WEIR_OUTPUT_PREDICT].alias = WEIR_STR("output_label");
    spec.outputs[WEIR_OUTPUT_PREDICT_PROBA].alias = WEIR_STR("output_\"p\"");
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 1};
    result.out[WEIR_OUTPUT_PREDICT] = label;
    result.out[WEIR_OUTPUT_PREDICT_PROBA] = p;
    struct weir_protocol_source source = {WEIR_STR("m"), WEIR_STR("1")};
    static const struct {
        const char *outputs, *answer;
    } rows[] = {
        {"", "[{\"name\":\"output_label\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":["
             "\"virginica\"]},{\"name\":\"output_\\\"p\\\"\",\"datatype\":\"FP64\",\"shape\":[1,3],"
             "\"data\":[0.25,0.5,0.25]}]}"},
        {"{\"name\":\"output_\\\"\\u0070\\\"\"}",
         "[{\"name\":\"output_\\\"p\\\"\",\"datatype\":\"FP64\",\"shape\":[1,3],\"data\":[0.25,0.5,"
         "0.25]}]}"},
        {"{\"name\":\"predict\"}",
         "[{\"name\":\"predict\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"virginica\"]}]}"},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct bench b;
        char body[256];
        struct weir_buf buf = WEIR_BUF_INIT;
        bench_init(&b);
        (void)snprintf(body, sizeof body,
                       "{\"inputs\":[{\"name\":\"float_input\",\"shape\":[1,4],\"datatype\":"
                       "\"FP64\",\"data\":[1,2,3,4]}],\"outputs\":[%s]}",
                       rows[i].outputs);
        cr_assert_eq(decode(&b, &spec, body), WEIR_OK, "%s", b.err.msg);
        weir_protocol_encode(&b.call, &source, &result,
                             &(struct weir_protocol_answer){.body = &buf});
        const char *from = strstr(weir_buf_c(&buf), "\"outputs\":");
        cr_assert(from);
        cr_assert_str_eq(from + 10, rows[i].answer);
        cr_assert_leq(buf.n, weir_protocol_answer_bytes(&b.call, &spec));
        weir_buf_deinit(&buf);
        bench_deinit(&b);
    }
    struct test_catalog catalog = test_catalog_of(&spec);
    struct weir_buf buf = WEIR_BUF_INIT;
    cr_assert_eq(
        test_catalog_page(&catalog, &weir_protocol_v2, "/v2/models/{m}", "m", NULL, &buf, NULL),
        WEIR_OK);
    cr_assert(strstr(weir_buf_c(&buf), "\"inputs\":[{\"name\":\"float_input\""), "%s", buf.at);
    cr_assert(strstr(buf.at, "{\"name\":\"output_label\",\"datatype\":\"BYTES\""), "%s", buf.at);
    cr_assert(strstr(buf.at, "{\"name\":\"decision_function\",\"datatype\":\"FP64\""), "%s",
              buf.at);
    weir_buf_deinit(&buf);
}

/* SPDX-License-Identifier: MIT */
/* Binary tensor data both ways, raw requests, and classification. */
#include "base/macros.h"
#include "protocol/v2/v2.h"
#include "tensor/cell.h"
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

/* Decodes JSON with a tail behind it from a block of exactly their size; json_bytes SIZE_MAX: as
 * many as the JSON has. */
static enum weir_status decode(struct bench *b, const struct weir_spec *spec, const char *json,
                               const void *tail, size_t n_tail, uint64_t json_bytes)
{
    size_t n = strlen(json);
    char *exact = malloc(n + n_tail ? n + n_tail : 1);
    cr_assert(exact);
    memcpy(exact, json, n);
    if (n_tail > 0)
        memcpy(exact + n, tail, n_tail);
    b->err = (struct weir_error)WEIR_ERROR_INIT;
    enum weir_status status = weir_protocol_v2_decode_parts(
        &b->decoder, spec, weir_str_make(exact, n + n_tail),
        json_bytes == SIZE_MAX ? n : json_bytes, &b->sink.sink, &b->call, &b->err);
    free(exact);
    return status;
}

#define BYTES(text)   text, sizeof(text) - 1
#define IN(head)      "{\"inputs\":[{\"name\":\"x\"," head "}]}"
#define SIZED(n)      "\"parameters\":{\"binary_data_size\":" #n "}"
#define TWO_BY_TWO(t) "\"datatype\":\"" t "\",\"shape\":[2,2]"

/* Requests of a model of two features: two rows, the elements 1 2 3 4. */
static const struct {
    const char *label;
    const char *json;
    const char *tail;
    size_t n_tail;
    enum weir_dtype dtype; /* of the rows */
} accepted[] = {
    {"BOOL and others are numbers", IN(TWO_BY_TWO("UINT8") "," SIZED(4)), BYTES("\1\2\3\4"),
     WEIR_F64},
    {"INT8", IN(TWO_BY_TWO("INT8") "," SIZED(4)), BYTES("\1\2\3\4"), WEIR_F64},
    {"UINT16", IN(TWO_BY_TWO("UINT16") "," SIZED(8)), BYTES("\1\0\2\0\3\0\4\0"), WEIR_F64},
    {"INT16", IN(TWO_BY_TWO("INT16") "," SIZED(8)), BYTES("\1\0\2\0\3\0\4\0"), WEIR_F64},
    {"UINT32", IN(TWO_BY_TWO("UINT32") "," SIZED(16)), BYTES("\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0"),
     WEIR_F64},
    {"INT32", IN(TWO_BY_TWO("INT32") "," SIZED(16)), BYTES("\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0"),
     WEIR_F64},
    {"UINT64", IN(TWO_BY_TWO("UINT64") "," SIZED(32)),
     BYTES("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0"), WEIR_F64},
    {"INT64", IN(TWO_BY_TWO("INT64") "," SIZED(32)),
     BYTES("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0"), WEIR_F64},
    {"FP16", IN(TWO_BY_TWO("FP16") "," SIZED(8)), BYTES("\0\x3c\0\x40\0\x42\0\x44"), WEIR_F64},
    {"BF16", IN(TWO_BY_TWO("BF16") "," SIZED(8)), BYTES("\x80\x3f\0\x40\x40\x40\x80\x40"),
     WEIR_F64},
    {"FP32, parameters last",
     "{\"inputs\":[{\"name\":\"IN\",\"shape\":[2,2],\"datatype\":\"FP32\",\"parameters\":{"
     "\"binary_data_size\":16}}],\"parameters\":{\"binary_data_output\":true}}",
     BYTES("\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40"), WEIR_F32},
    {"FP64", IN(TWO_BY_TWO("FP64") "," SIZED(32)),
     BYTES("\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\x08\x40\0\0\0\0\0\0\x10\x40"),
     WEIR_F64},
    {"no binary tensors, as the C++ client may send it",
     IN(TWO_BY_TWO("FP64") ",\"data\":[1,2,3,4]"), "", 0, WEIR_F64},
};

ParameterizedTestParameters(protocol_v2_binary, tensors_of_every_type_are_rows)
{
    static size_t rows[WEIR_ARRAY_LEN(accepted)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_v2_binary, tensors_of_every_type_are_rows)
{
    struct bench b;
    bench_init(&b);
    const char *label = accepted[*row].label;
    struct weir_spec spec = weir_test_spec_regressor(2);
    cr_assert_eq(decode(&b, &spec, accepted[*row].json, accepted[*row].tail, accepted[*row].n_tail,
                        SIZE_MAX),
                 WEIR_OK, "%s: %s", label, b.err.msg);
    cr_assert_eq(b.sink.n_commits, 1, "%s", label);
    cr_assert_eq(b.sink.want.n_rows, 2, "%s", label);
    cr_assert_eq(b.sink.want.dtype, accepted[*row].dtype, "%s", label);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(weir_test_sink_at(&b.sink, i / 2, i % 2), (double)(i + 1), "%s", label);
    bench_deinit(&b);
}

static const struct {
    const char *label;
    const char *json;
    const char *tail;
    size_t n_tail;
    uint64_t json_bytes; /* SIZE_MAX: what there is */
    const char *msg;
} refused[] = {
    {"too few bytes for the shape", IN(TWO_BY_TWO("INT8") "," SIZED(3)), BYTES("\1\2\3"), SIZE_MAX,
     "inputs[0].data: 4 values of INT8 do not have the 3 bytes that were sent"},
    {"more bytes than the body has", IN(TWO_BY_TWO("INT8") "," SIZED(5)), BYTES("\1\2\3\4"),
     SIZE_MAX, "inputs[0].parameters.binary_data_size: 5 bytes, where 4 of the body are left"},
    {"bytes that nobody asked for", IN(TWO_BY_TWO("INT8") "," SIZED(4)), BYTES("\1\2\3\4\5"),
     SIZE_MAX, "1 bytes are left of the body behind the binary tensors"},
    {"bytes behind JSON alone", IN(TWO_BY_TWO("INT8") ",\"data\":[1,2,3,4]"), BYTES("\1"), SIZE_MAX,
     "1 bytes are left of the body behind the binary tensors"},
    {"both", IN(TWO_BY_TWO("INT8") ",\"data\":[1,2,3,4]," SIZED(4)), BYTES("\1\2\3\4"), SIZE_MAX,
     "inputs[0].data: not beside parameters.binary_data_size"},
    {"neither", IN(TWO_BY_TWO("INT8")), BYTES("\1\2\3\4"), SIZE_MAX, "inputs[0].data: missing"},
    {"a size that is none", IN(TWO_BY_TWO("INT8") "," SIZED(-1)), BYTES("\1\2\3\4"), SIZE_MAX,
     "inputs[0].parameters.binary_data_size: expected a whole number from 0, got -1"},
    {"a size that overflows",
     IN("\"datatype\":\"FP64\",\"shape\":[2305843009213693952,2],"
        "\"parameters\":{\"binary_data_size\":0}"),
     "", 0, SIZE_MAX, "inputs[0].shape: the product is too large"},
    {"a huge shape of no bytes", IN("\"datatype\":\"FP64\",\"shape\":[1000000000,2]," SIZED(0)), "",
     0, SIZE_MAX,
     "inputs[0].data: 2000000000 values of FP64 do not have the 0 bytes that were sent"},
    {"more JSON than there is body", IN(TWO_BY_TWO("INT8") "," SIZED(4)), BYTES("\1\2\3\4"), 100000,
     "Inference-Header-Content-Length: 100000, but the body has 97 bytes"},
    {"less JSON than there is", IN(TWO_BY_TWO("INT8") "," SIZED(4)), BYTES("\1\2\3\4"), 10,
     "offset 10: expected a value, got the end of the text"},
    {"text for numbers", IN("\"datatype\":\"BYTES\",\"shape\":[1,2]," SIZED(10)),
     BYTES("\1\0\0\0a\1\0\0\0b"), SIZE_MAX,
     "inputs[0].datatype: the model takes numbers, not BYTES"},
    {"NaN", IN("\"datatype\":\"FP32\",\"shape\":[1,2]," SIZED(8)),
     BYTES("\0\0\x80\x3f\0\0\xc0\x7f"), SIZE_MAX,
     "inputs[0].data: row 0, column 1: NaN is a missing value, and this model refuses those"},
    {"raw, of a wrong size", "", BYTES("\1\2\3\4"), 0, "4 bytes are no whole number of FP64"},
    {"raw, more than a row", "", BYTES("1234567812345678123456781234567812345678"), 0,
     "5 values of FP64, where the model takes 2"},
    {"raw, nothing", "", "", 0, 0, "0 values of FP64, where the model takes 2"},
};

ParameterizedTestParameters(protocol_v2_binary, requests_are_refused)
{
    static size_t rows[WEIR_ARRAY_LEN(refused)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_v2_binary, requests_are_refused)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(2);
    cr_assert_eq(decode(&b, &spec, refused[*row].json, refused[*row].tail, refused[*row].n_tail,
                        refused[*row].json_bytes),
                 WEIR_ERR_INVALID, "%s: %s", refused[*row].label, b.err.msg);
    cr_assert_str_eq(b.err.msg, refused[*row].msg, "%s: got: %s", refused[*row].label, b.err.msg);
    cr_assert_eq(b.sink.n_commits, 0, "%s", refused[*row].label);
    cr_assert_eq(b.sink.n_rollbacks, b.sink.n_reserves, "%s", refused[*row].label);
    bench_deinit(&b);
}

/* The chunks follow in the order of the inputs that have one; those in JSON are passed over. */
Test(protocol_v2_binary, columns_in_json_and_in_binary_form_are_one_request)
{
    static const char json[] =
        "{\"inputs\":["
        "{\"name\":\"city\",\"datatype\":\"BYTES\",\"shape\":[2],\"parameters\":{"
        "\"binary_data_size\":13}},"
        "{\"name\":\"age\",\"datatype\":\"INT32\",\"shape\":[2],\"data\":[7,8]},"
        "{\"name\":\"grade\",\"datatype\":\"BYTES\",\"shape\":[2,1],\"data\":[\"a\",\"3\"]},"
        "{\"name\":\"height\",\"datatype\":\"FP32\",\"shape\":[2,1],\"parameters\":{"
        "\"binary_data_size\":8}}]}";
    static const char tail[] = "\5\0\0\0K\303\266ln\0\0\0\0" /* "Köln" and nothing */
                               "\0\0\x80\x3f\0\0\xc0\x7f";   /* 1 and NaN */
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_frame();
    cr_assert_eq(decode(&b, &spec, json, tail, sizeof tail - 1, SIZE_MAX), WEIR_OK, "%s",
                 b.err.msg);
    cr_assert_eq(b.sink.want.n_rows, 2);
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 0), 7);
    cr_assert_eq(weir_test_sink_at(&b.sink, 1, 0), 8);
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 3), 1);
    cr_assert(isnan(weir_test_sink_at(&b.sink, 1, 3)));
    const double *row = b.sink.rows;
    cr_assert(weir_cell_is_text(row[1]));
    cr_assert(weir_str_eq_c(weir_cell_text(row[1]), "K\303\266ln"));
    cr_assert(weir_str_eq_c(weir_cell_text(row[4 + 1]), ""));
    cr_assert(weir_str_eq_c(weir_cell_text(row[2]), "a"));
    /* A text that is cut, one that is not UTF-8. */
    cr_assert_eq(decode(&b, &spec, json, "\5\0\0\0K\303\266ln\1\0\0\0\0\0\x80\x3f\0\0\xc0\x7f", 21,
                        SIZE_MAX),
                 WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, "inputs[0].data: element 1 of 2 goes beyond the 13 bytes");
    cr_assert_eq(decode(&b, &spec, json, "\5\0\0\0K\303\303ln\0\0\0\0\0\0\x80\x3f\0\0\xc0\x7f", 21,
                        SIZE_MAX),
                 WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, "inputs[0].data: row 0, column \"city\": the text is not UTF-8");
    bench_deinit(&b);
}

Test(protocol_v2_binary, a_raw_request_is_one_row_and_its_outputs_are_binary)
{
    static const double values[] = {1.5, -2};
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(2);
    cr_assert_eq(decode(&b, &spec, "", values, sizeof values, 0), WEIR_OK, "%s", b.err.msg);
    cr_assert_eq(b.sink.want.n_rows, 1);
    cr_assert_eq(b.call.n_rows, 1);
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 0), 1.5);
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 1), -2);
    cr_assert_eq(b.call.binary, 1u << WEIR_OUTPUT_PREDICT);
    /* A model of one text takes the text without its length. */
    static const uint8_t column[] = {WEIR_COLUMN_TEXT};
    spec = weir_test_spec_frame();
    spec.n_features = 1;
    spec.columns = column;
    spec.feature_names = NULL;
    cr_assert_eq(decode(&b, &spec, "", "abc", 3, 0), WEIR_OK, "%s", b.err.msg);
    cr_assert(weir_str_eq_c(weir_cell_text(*(const double *)b.sink.rows), "abc"));
    spec = weir_test_spec_frame();
    cr_assert_eq(decode(&b, &spec, "", "abc", 3, 0), WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg,
                     "a request without JSON is for models of one input; this one has 4");
    bench_deinit(&b);
}

/* --- models of tensors ----------------------------------------------------------------------- */

static const struct weir_tensor_info graph_inputs[] = {
    {.name = "image", .dtype = WEIR_F32, .n_dims = 3, .dims = {-1, 2, -1}},
    {.name = "words", .dtype = WEIR_BYTES, .n_dims = 1, .dims = {-1}},
    {.name = "ids", .dtype = WEIR_I64, .n_dims = 2, .dims = {-1, 2}},
};
static const struct weir_tensor_info graph_outputs[] = {
    {.name = "scores", .dtype = WEIR_F32, .n_dims = 2, .dims = {-1, 3}},
    {.name = "text", .dtype = WEIR_BYTES, .n_dims = 1, .dims = {-1}},
    {.name = "half", .dtype = WEIR_F16, .n_dims = 1, .dims = {-1}},
};
static const struct weir_tensors_spec graph = {.n_inputs = 3,
                                               .inputs = graph_inputs,
                                               .n_outputs = 3,
                                               .outputs = graph_outputs,
                                               .is_batched = true};

static const void *input_at(const struct bench *b, const struct weir_tensors_spec *tensors,
                            size_t i)
{
    size_t offsets[WEIR_TENSORS_MAX];
    size_t row_bytes;
    cr_assert(
        weir_tensors_layout(tensors, b->sink.shapes, b->sink.want.n_rows, offsets, &row_bytes));
    return (const char *)b->sink.rows + offsets[i];
}

Test(protocol_v2_binary, tensors_are_copied_or_converted)
{
    static const char json[] =
        "{\"inputs\":["
        "{\"name\":\"ids\",\"datatype\":\"INT32\",\"shape\":[1,2],\"parameters\":{"
        "\"binary_data_size\":8}},"
        "{\"name\":\"image\",\"datatype\":\"FP32\",\"shape\":[1,2,1],\"parameters\":{"
        "\"binary_data_size\":8}},"
        "{\"name\":\"words\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"hi\"]}],"
        "\"outputs\":[{\"name\":\"text\"},{\"name\":\"scores\",\"parameters\":{\"binary_data\":"
        "true}"
        "},{\"name\":\"text\"}]}";
    static const char tail[] = "\1\0\0\0\xff\xff\xff\xff"
                               "\0\0\x80\x3f\0\0\xc0\x7f";
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = {.form = WEIR_INPUT_TENSORS, .tensors = &graph};
    cr_assert_eq(decode(&b, &spec, json, tail, sizeof tail - 1, SIZE_MAX), WEIR_OK, "%s",
                 b.err.msg);
    cr_assert_arr_eq(input_at(&b, &graph, 2), ((int64_t[]){1, -1}), 16);
    cr_assert_arr_eq(input_at(&b, &graph, 0), tail + 8, 8, "NaN is kept as it is");
    struct weir_text word;
    memcpy(&word, input_at(&b, &graph, 1), sizeof word);
    cr_assert(weir_str_eq_c(weir_str_make(word.at, word.n), "hi"));
    cr_assert_eq(b.call.tensors, 3);
    cr_assert_eq(b.call.n_tensors, 2, "what is asked for twice is answered once");
    cr_assert_eq(b.call.tensor_order[0], 1);
    cr_assert_eq(b.call.tensor_order[1], 0);
    cr_assert_eq(b.call.binary_tensors, 1);
    bench_deinit(&b);
}

Test(protocol_v2_binary, tensors_without_elements_have_no_bytes)
{
    static const char json[] = "{\"inputs\":["
                               "{\"name\":\"ids\",\"datatype\":\"INT64\",\"shape\":[1,2],\"data\":["
                               "1,2]},"
                               "{\"name\":\"image\",\"datatype\":\"FP32\",\"shape\":[1,2,0],"
                               "\"parameters\":{\"binary_data_size\":0}},"
                               "{\"name\":\"words\",\"datatype\":\"BYTES\",\"shape\":[1],"
                               "\"parameters\":{\"binary_data_size\":4}}]}";
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = {.form = WEIR_INPUT_TENSORS, .tensors = &graph};
    cr_assert_eq(decode(&b, &spec, json, "\0\0\0\0", 4, SIZE_MAX), WEIR_OK, "%s", b.err.msg);
    cr_assert_eq(b.sink.shapes[0].dims[2], 0);
    cr_assert_eq(b.call.tensors, 7, "all outputs");
    cr_assert_eq(b.call.binary_tensors, 0);
    bench_deinit(&b);
}

/* What asks for nothing is answered with nothing; the sink does not hear of it. */
Test(protocol_v2_binary, requests_of_no_rows_are_answered_without_a_run)
{
    static const struct {
        const char *json;
        bool is_accepted;
    } rows[] = {
        {IN("\"datatype\":\"FP64\",\"shape\":[0,2]," SIZED(0)), true},
        {IN("\"datatype\":\"FP64\",\"shape\":[0,2],\"data\":[]"), true},
        {IN("\"datatype\":\"FP64\",\"shape\":[0,2],\"data\":[[],[[]]]"), true},
        {IN("\"datatype\":\"FP64\",\"shape\":[0,2],\"data\":[1]"), false},
        {IN("\"datatype\":\"FP64\",\"shape\":[0,3],\"data\":[]"), false},
        {IN("\"datatype\":\"FP64\",\"shape\":[0],\"data\":[]"), false},
    };
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(2);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        enum weir_status status = decode(&b, &spec, rows[i].json, NULL, 0, SIZE_MAX);
        cr_assert_eq(status == WEIR_OK, rows[i].is_accepted, "%s: %s", rows[i].json, b.err.msg);
        cr_assert(status != WEIR_OK || b.call.n_rows == 0);
        cr_assert_eq(b.sink.n_reserves + b.sink.n_commits + b.sink.n_rollbacks, 0);
    }
    spec = (struct weir_spec){.form = WEIR_INPUT_TENSORS, .tensors = &graph};
    cr_assert_eq(decode(&b, &spec,
                        "{\"inputs\":["
                        "{\"name\":\"ids\",\"datatype\":\"INT64\",\"shape\":[0,2],\"data\":[]},"
                        "{\"name\":\"image\",\"datatype\":\"FP32\",\"shape\":[0,2,5],"
                        "\"parameters\":{\"binary_data_size\":0}},"
                        "{\"name\":\"words\",\"datatype\":\"BYTES\",\"shape\":[0],\"data\":[]}]}",
                        NULL, 0, SIZE_MAX),
                 WEIR_OK, "%s", b.err.msg);
    cr_assert_eq(b.call.n_rows, 0);
    cr_assert_eq(b.sink.n_reserves, 0);
    bench_deinit(&b);
}

Test(protocol_v2_binary, a_raw_request_finds_one_dimension)
{
    static const struct weir_tensors_spec one = {.n_inputs = 1,
                                                 .inputs = graph_inputs,
                                                 .n_outputs = 2,
                                                 .outputs = graph_outputs,
                                                 .is_batched = true};
    static const float values[] = {1, 2, 3, 4, 5, 6};
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = {.form = WEIR_INPUT_TENSORS, .tensors = &one};
    cr_assert_eq(decode(&b, &spec, "", values, sizeof values, 0), WEIR_OK, "%s", b.err.msg);
    cr_assert_eq(b.sink.shapes[0].n_dims, 3);
    cr_assert_arr_eq(b.sink.shapes[0].dims, ((uint64_t[]){1, 2, 3}), 24);
    cr_assert_arr_eq(input_at(&b, &one, 0), values, sizeof values);
    cr_assert_eq(b.call.binary_tensors, 3, "all outputs are binary");
    cr_assert_eq(decode(&b, &spec, "", values, 20, 0), WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, "5 values of FP32 do not fill the shape of the model's input");
    spec.tensors = &graph;
    cr_assert_eq(decode(&b, &spec, "", values, sizeof values, 0), WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg,
                     "a request without JSON is for models of one input; this one has 3");
    bench_deinit(&b);
}

/* --- answers --------------------------------------------------------------------------------- */

static const struct weir_protocol_source source = {{"m", 1}, {"3", 1}};

/* Writes an answer behind some other bytes, and looks at its parts. */
static void expect(const struct weir_protocol_call *call, const struct weir_result *result,
                   const char *json, const void *tail, size_t n_tail)
{
    struct weir_buf buf = {.mem = test_mem()};
    weir_buf_append_c(&buf, "before");
    struct weir_protocol_answer answer = {.body = &buf};
    weir_protocol_encode(call, &source, result, &answer);
    struct weir_str got = weir_str_make(buf.at + 6, buf.n - 6);
    size_t n_json = answer.json_bytes > 0 ? answer.json_bytes : got.n;
    cr_assert_eq(n_json, strlen(json), "got %.*s", (int)n_json, got.at);
    cr_assert_arr_eq(got.at, json, n_json, "got %.*s", (int)n_json, got.at);
    cr_assert_eq(got.n - n_json, n_tail);
    if (n_tail > 0)
        cr_assert_arr_eq(got.at + n_json, tail, n_tail);
    cr_assert_eq(answer.json_bytes > 0, answer.content_type != NULL);
    if (answer.content_type)
        cr_assert_str_eq(answer.content_type, "application/octet-stream");
    weir_buf_deinit(&buf);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(protocol_v2_binary, answers_are_json_and_behind_it_what_was_asked_for_in_binary_form)
{
    static const double proba[] = {0.25, 0.5, 0.25, 0, 1, 0};
    static const int32_t label[] = {1, 2};
    struct weir_spec spec = weir_test_spec_iris();
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 2};
    result.out[WEIR_OUTPUT_PREDICT] = label;
    result.out[WEIR_OUTPUT_PREDICT_PROBA] = proba;
    struct weir_protocol_call call = {.dialect = WEIR_PROTOCOL_V2,
                                      .n_rows = 2,
                                      .n_outputs = 2,
                                      .outputs = {WEIR_OUTPUT_PREDICT_PROBA, WEIR_OUTPUT_PREDICT},
                                      .binary = 1u << WEIR_OUTPUT_PREDICT_PROBA};
    expect(&call, &result,
           "{\"model_name\":\"m\",\"model_version\":\"3\",\"outputs\":[{\"name\":\"predict_proba\","
           "\"datatype\":\"FP64\",\"shape\":[2,3],\"parameters\":{\"binary_data_size\":48}},{"
           "\"name\":\"predict\",\"datatype\":\"BYTES\",\"shape\":[2],\"data\":[\"versicolor\","
           "\"virginica\"]}]}",
           proba, sizeof proba);
    call.binary = 1u << WEIR_OUTPUT_PREDICT;
    expect(&call, &result,
           "{\"model_name\":\"m\",\"model_version\":\"3\",\"outputs\":[{\"name\":\"predict_proba\","
           "\"datatype\":\"FP64\",\"shape\":[2,3],\"data\":[0.25,0.5,0.25,0.0,1.0,0.0]},{"
           "\"name\":\"predict\",\"datatype\":\"BYTES\",\"shape\":[2],\"parameters\":{"
           "\"binary_data_size\":27}}]}",
           BYTES("\12\0\0\0versicolor\11\0\0\0virginica"));
}

Test(protocol_v2_binary, tensors_are_answered_in_the_order_asked_for)
{
    static const float scores[] = {3, 1, 2};
    static const struct weir_text text[] = {{"\377", 1}};
    struct weir_tensor tensors[] = {
        {.dtype = WEIR_F32, .n_dims = 2, .dims = {1, 3}, .data = scores},
        {.dtype = WEIR_BYTES, .n_dims = 1, .dims = {1}, .data = text},
        {.dtype = WEIR_F16, .n_dims = 1, .dims = {0}, .data = NULL},
    };
    struct weir_spec spec = {.form = WEIR_INPUT_TENSORS, .tensors = &graph};
    struct weir_result result = {.spec = &spec, .n_rows = 1, .tensors = tensors};
    struct weir_protocol_call call = {.dialect = WEIR_PROTOCOL_V2,
                                      .n_rows = 1,
                                      .tensors = 7,
                                      .n_tensors = 3,
                                      .tensor_order = {2, 1, 0},
                                      .binary_tensors = 7};
    expect(&call, &result,
           "{\"model_name\":\"m\",\"model_version\":\"3\",\"outputs\":[{\"name\":\"half\","
           "\"datatype\":\"FP16\",\"shape\":[0],\"parameters\":{\"binary_data_size\":0}},{"
           "\"name\":\"text\",\"datatype\":\"BYTES\",\"shape\":[1],\"parameters\":{"
           "\"binary_data_size\":5}},{\"name\":\"scores\",\"datatype\":\"FP32\",\"shape\":[1,3],"
           "\"parameters\":{\"binary_data_size\":12}}]}",
           BYTES("\1\0\0\0\377\0\0\x40\x40\0\0\x80\x3f\0\0\0\x40"));
    /* An empty binary output alone still says where the JSON ends. */
    call.tensors = 4;
    call.n_tensors = 1;
    expect(&call, &result,
           "{\"model_name\":\"m\",\"model_version\":\"3\",\"outputs\":[{\"name\":\"half\","
           "\"datatype\":\"FP16\",\"shape\":[0],\"parameters\":{\"binary_data_size\":0}}]}",
           NULL, 0);
    call.binary_tensors = 0;
    call.tensors = 1;
    call.tensor_order[0] = 0;
    call.n_tops = 1;
    call.tops[0] = (struct weir_protocol_top){.output = 0, .k = 2};
    expect(&call, &result,
           "{\"model_name\":\"m\",\"model_version\":\"3\",\"outputs\":[{\"name\":\"scores\","
           "\"datatype\":\"BYTES\",\"shape\":[1,2],\"data\":[\"3.000000:0\",\"2.000000:2\"]}]}",
           NULL, 0);
}

Test(protocol_v2_binary, classes_are_asked_for_and_answered_with_their_labels)
{
    static const double proba[] = {0.25, 0.5, 0.25, (double)NAN, -1, 1e300};
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_iris();
    cr_assert_eq(decode(&b, &spec,
                        "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP64\",\"shape\":[2,4],"
                        "\"data\":[1,2,3,4,5,6,7,8]}],\"outputs\":[{\"name\":\"predict_proba\","
                        "\"parameters\":{\"classification\":2}}]}",
                        NULL, 0, UINT64_MAX),
                 WEIR_OK, "%s", b.err.msg);
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 2};
    result.out[WEIR_OUTPUT_PREDICT_PROBA] = proba;
    struct weir_protocol_call call = b.call;
    cr_assert_eq(decode(&b, &spec,
                        "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP64\",\"shape\":[2,4],"
                        "\"data\":[1,2,3,4,5,6,7,8]}],\"outputs\":[{\"name\":\"predict\","
                        "\"parameters\":{\"classification\":2}}]}",
                        NULL, 0, UINT64_MAX),
                 WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg,
                     "outputs[0].parameters: classification: not for outputs of datatype "
                     "BYTES");
    bench_deinit(&b);
    expect(&call, &result,
           "{\"model_name\":\"m\",\"model_version\":\"3\",\"outputs\":[{\"name\":\"predict_proba\","
           "\"datatype\":\"BYTES\",\"shape\":[2,2],\"data\":[\"0.500000:1:versicolor\","
           "\"0.250000:0:setosa\",\"1.0000000000000001e+300:2:virginica\","
           "\"-1.000000:1:versicolor\"]}]}",
           NULL, 0);
    call.tops[0].k = 9; /* As many as there are. */
    call.binary = 1u << WEIR_OUTPUT_PREDICT_PROBA;
    result.n_rows = 1;
    call.n_rows = 1;
    expect(
        &call, &result,
        "{\"model_name\":\"m\",\"model_version\":\"3\",\"outputs\":[{\"name\":\"predict_proba\","
        "\"datatype\":\"BYTES\",\"shape\":[1,3],\"parameters\":{\"binary_data_size\":70}}]}",
        BYTES("\25\0\0\0000.500000:1:versicolor\21\0\0\0000.250000:0:setosa\24\0\0\0000.250000:2:"
              "virginica"));
}

Test(protocol_v2_binary, heads_say_where_the_json_ends)
{
    static const struct {
        const char *text;
        int code;
        uint64_t n;
    } rows[] = {{"136", 0, 136},       {"0", 0, 0},
                {NULL, 0, UINT64_MAX}, {"12x", 400, 0},
                {"-1", 400, 0},        {"", 400, 0},
                {"+1", 400, 0},        {"1 2", 400, 0},
                {"1,1", 400, 0},       {"99999999999999999999", 400, 0}};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_protocol_fields fields = {
            .inference_length = rows[i].text ? weir_str_c(rows[i].text) : weir_str_make(NULL, 0)};
        struct weir_protocol_head head = {.dialect = WEIR_PROTOCOL_V2, .json_bytes = UINT64_MAX};
        struct weir_error err = WEIR_ERROR_INIT;
        cr_assert_eq(weir_protocol_v2.read_head(&fields, &head, &err), rows[i].code, "%s",
                     rows[i].text);
        if (rows[i].code == 0)
            cr_assert_eq(head.json_bytes, rows[i].n);
    }
}

Test(protocol_v2_binary, media_types_of_clouds_say_it_too)
{
    uint64_t n = 5;
    cr_assert_not(weir_protocol_v2_media_length(WEIR_STR("application/json"), &n));
    cr_assert_eq(n, 5);
    cr_assert(weir_protocol_v2_media_length(
        WEIR_STR("application/vnd.sagemaker-triton.binary+json;json-header-size=12"), &n));
    cr_assert_eq(n, 12);
    cr_assert(weir_protocol_v2_media_length(
        WEIR_STR("application/vnd.vertex-ai-triton.binary+json;json-header-size=7"), &n));
    cr_assert_eq(n, 7);
    cr_assert(weir_protocol_v2_media_length(
        WEIR_STR("application/vnd.vertex-ai-triton.binary+json;json-header-size=x"), &n));
    cr_assert_eq(n, UINT64_MAX - 1);
}

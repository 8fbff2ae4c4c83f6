/* SPDX-License-Identifier: MIT */
/* Rows of mixed columns, numbers and text, in both dialects. The sink's rows and its text room are
 * of exactly the size asked for, so that a sanitizer sees every byte too many. */
#include "base/macros.h"
#include "protocol/flask/flask.h"
#include "protocol/v2/v2.h"
#include "tensor/cell.h"
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
    char cells[1024];
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

static enum weir_status decode(struct bench *b, const struct weir_spec *spec, const char *body)
{
    size_t n = strlen(body);
    char *exact = malloc(n);
    cr_assert(exact);
    memcpy(exact, body, n);
    struct weir_str text = weir_str_make(exact, n);
    b->err = (struct weir_error)WEIR_ERROR_INIT;
    enum weir_status status =
        strstr(body, "\"datatype\"")
            ? weir_protocol_v2_decode(&b->decoder, spec, text, &b->sink.sink, &b->call, &b->err)
            : weir_protocol_flask_decode(&b->decoder, spec, WEIR_OUTPUT_PREDICT, text,
                                         &b->sink.sink, &b->call, &b->err);
    free(exact);
    return status;
}

/* Writes the cells as `1|'text'|none` with ';' between rows. */
static const char *cells(struct bench *b)
{
    size_t n = 0;
    size_t cap = sizeof b->cells;
    for (size_t row = 0; row < b->sink.want.n_rows; row++) {
        for (size_t column = 0; column < b->sink.want.n_columns; column++) {
            double cell = weir_test_sink_at(&b->sink, row, column);
            const char *before = column > 0 ? "|" : row > 0 ? ";" : "";
            if (weir_cell_is_none(cell))
                n += (size_t)snprintf(b->cells + n, cap - n, "%snone", before);
            else if (weir_cell_is_text(cell))
                n += (size_t)snprintf(b->cells + n, cap - n, "%s'%.*s'", before,
                                      WEIR_STR_ARG(weir_cell_text(cell)));
            else
                n += (size_t)snprintf(b->cells + n, cap - n, "%s%.9g", before, cell);
        }
    }
    return b->cells;
}

#define V2(inputs) "{\"inputs\":[" inputs "]}"
#define IN(name, type, n, data) \
    "{\"name\":\"" name "\",\"datatype\":\"" type "\",\"shape\":" n ",\"data\":" data "}"

/* For age (number), city (text), grade (mixed), height (number). */
static const struct {
    const char *label;
    const char *body;
    const char *cells;
} accepted[] = {
    {"arrays", "{\"features\":[[1,\"Rome\",\"a\",2.5],[3,\"\",4,-1e3]]}",
     "1|'Rome'|'a'|2.5;3|''|4|-1000"},
    {"a flat row", "{\"features\":[1,\"Rome\",\"a\",2.5]}", "1|'Rome'|'a'|2.5"},
    {"objects in any order",
     "{\"features\":[{\"height\":2.5,\"grade\":7,\"city\":\"Oslo\",\"age\":1,\"extra\":\"x\"}]}",
     "1|'Oslo'|7|2.5"},
    {"one object", "{\"instances\":{\"age\":1,\"city\":\"Oslo\",\"grade\":\"b\",\"height\":0}}",
     "1|'Oslo'|'b'|0"},
    {"null is NaN, or None", "{\"features\":[[null,null,null,null]]}", "nan|none|none|nan"},
    {"NaN is None where only text is", "{\"features\":[[NaN,NaN,NaN,1]]}", "nan|none|nan|1"},
    {"booleans are numbers", "{\"features\":[[true,\"x\",false,1]]}", "1|'x'|0|1"},
    {"escapes", "{\"features\":[[1,\"a\\\"\\u00e9\\n\\ud83d\\ude00\",\"\\\\\",2]]}",
     "1|'a\"\u00e9\n\U0001f600'|'\\'|2"},
    {"a column each",
     V2(IN("age", "INT64", "[2]", "[1,2]") "," IN("city", "BYTES", "[2,1]", "[\"a\",\"b\"]") "," IN(
         "grade", "BYTES", "[2]", "[\"c\",null]") "," IN("height", "FP64", "[2]", "[0.5,NaN]")),
     "1|'a'|'c'|0.5;2|'b'|none|nan"},
    {"a mixed column of numbers",
     V2(IN("age", "FP32", "[1]", "[0.1]") "," IN("city", "BYTES", "[1]", "[\"a\"]") "," IN(
         "grade", "INT32", "[1]", "[3]") "," IN("height", "FP64", "[1]", "[0.1]")),
     "0.100000001|'a'|3|0.1"},
    {"one matrix of texts",
     V2(IN("x", "BYTES", "[2,4]", "[\"1\",\"a\",\"3\",\"-2.5e1\",[\"\",\"b\",\"c\",\"nan\"]]")),
     "1|'a'|'3'|-25;nan|'b'|'c'|nan"},
    {"a matrix of texts and numbers", V2(IN("x", "BYTES", "[1,4]", "[[1,\"a\",3,null]]")),
     "1|'a'|3|nan"},
};

ParameterizedTestParameters(protocol_cells, rows_are_accepted)
{
    static size_t rows[WEIR_ARRAY_LEN(accepted)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_cells, rows_are_accepted)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_frame();
    const char *label = accepted[*row].label;
    cr_assert_eq(decode(&b, &spec, accepted[*row].body), WEIR_OK, "%s: %s", label, b.err.msg);
    cr_assert_eq(b.sink.n_commits, 1, "%s", label);
    cr_assert_eq(b.sink.want.dtype, WEIR_F64, "%s", label);
    cr_assert_str_eq(cells(&b), accepted[*row].cells, "%s", label);
    bench_deinit(&b);
}

/* For the same columns, of which only grade is required. */
static const struct {
    const char *body;
    const char *cells; /* NULL: refused */
    const char *msg;
} left_out[] = {
    {"{\"features\":[{\"grade\":1},{\"city\":\"Oslo\",\"grade\":\"b\",\"age\":2}]}",
     "nan|none|1|nan;2|'Oslo'|'b'|nan", NULL},
    {V2(IN("grade", "INT64", "[2]", "[1,2]") "," IN("height", "FP64", "[2]", "[3,4]")),
     "nan|none|1|3;nan|none|2|4", NULL},
    {"{\"features\":[{\"grade\":1},{\"age\":2}]}", NULL,
     "features: row 1: column \"grade\" is missing"},
    {"{\"features\":[{}]}", NULL, "features: row 0: column \"age\" and 1 more are missing"},
    {V2(IN("age", "INT64", "[2]", "[1,2]") "," IN("height", "FP64", "[2]", "[3,4]")), NULL,
     "inputs: column \"grade\" is missing"},
    {"{\"features\":[[1,\"a\",\"b\"]]}", NULL, "features: row 0: expected 4 values, got 3"},
};

Test(protocol_cells, optional_columns_may_be_left_out_by_name)
{
    static const uint8_t columns[4] = {WEIR_SPEC_MLFLOW_OPTIONAL, WEIR_SPEC_MLFLOW_OPTIONAL, 0,
                                       WEIR_SPEC_MLFLOW_OPTIONAL};
    static const struct weir_spec_mlflow mlflow = {.columns = columns};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(left_out); i++) {
        struct bench b;
        bench_init(&b);
        struct weir_spec spec = weir_test_spec_frame();
        spec.mlflow = &mlflow;
        enum weir_status status = decode(&b, &spec, left_out[i].body);
        cr_assert_eq(status, left_out[i].cells ? WEIR_OK : WEIR_ERR_INVALID, "%s: %s",
                     left_out[i].body, b.err.msg);
        if (left_out[i].cells)
            cr_assert_str_eq(cells(&b), left_out[i].cells, "%s", left_out[i].body);
        else
            cr_assert_str_eq(b.err.msg, left_out[i].msg, "%s", left_out[i].body);
        bench_deinit(&b);
    }
}

static const struct {
    const char *label;
    const char *body;
    const char *msg;
} refused[] = {
    {"a text for a number", "{\"features\":[[1,\"a\",\"b\",2],[\"x\",\"a\",\"b\",2]]}",
     "features: row 1, column \"age\": expected a number, got \"x\""},
    {"a number for a text", "{\"features\":[[1,2,\"b\",2]]}",
     "features: row 0, column \"city\": expected a text, got 2"},
    {"a boolean for a text", "{\"features\":[[1,true,\"b\",2]]}",
     "features: row 0, column \"city\": expected a text, got true"},
    {"a list for a text", "{\"features\":[[1,[],\"b\",2]]}",
     "features: row 0, column \"city\": expected a text, got an array"},
    {"too few", "{\"features\":[[1,\"a\",\"b\"]]}", "features: row 0: expected 4 values, got 3"},
    {"too many", "{\"features\":[[1,\"a\",\"b\",2,\"c\"]]}",
     "features: row 0: expected 4 values, got 5"},
    {"infinite", "{\"features\":[[1,\"a\",\"b\",1e999]]}",
     "features: row 0, column \"height\": 1e999 is infinite or too large for float64"},
    {"a missing column", "{\"features\":{\"age\":1,\"grade\":2,\"height\":3}}",
     "features: row 0: column \"city\" is missing"},
    {"one text", "{\"features\":\"abc\"}", "features: expected a list of rows, got \"abc\""},
    {"texts in a column of numbers",
     V2(IN("age", "BYTES", "[1]", "[\"1\"]") "," IN("city", "BYTES", "[1]", "[\"a\"]")),
     "inputs[0].datatype: the column takes numbers, not BYTES"},
    {"numbers in a column of texts",
     V2(IN("city", "FP64", "[1]", "[1]") "," IN("age", "FP64", "[1]", "[1]")),
     "inputs[0].datatype: the column takes text: BYTES"},
    {"a matrix of numbers", V2(IN("x", "FP64", "[1,4]", "[1,2,3,4]")),
     "inputs[0].datatype: the model takes text: BYTES, or an input for each column"},
    {"an infinite text", V2(IN("x", "BYTES", "[1,4]", "[\"-Inf\",\"a\",\"b\",\"2\"]")),
     "inputs[0].data: row 0, column \"age\": expected a finite number, got \"-Inf\""},
    {"a text that is no number", V2(IN("x", "BYTES", "[1,4]", "[\"1x\",\"a\",\"b\",\"2\"]")),
     "inputs[0].data: row 0, column \"age\": expected a number, got \"1x\""},
};

ParameterizedTestParameters(protocol_cells, rows_are_refused)
{
    static size_t rows[WEIR_ARRAY_LEN(refused)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_cells, rows_are_refused)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_frame();
    const char *label = refused[*row].label;
    cr_assert_eq(decode(&b, &spec, refused[*row].body), WEIR_ERR_INVALID, "%s", label);
    cr_assert_str_eq(b.err.msg, refused[*row].msg, "%s", label);
    cr_assert_eq(b.sink.n_commits, 0, "%s", label);
    cr_assert_eq(b.sink.n_rollbacks, b.sink.n_reserves, "%s", label);
    bench_deinit(&b);
}

static struct weir_spec one_text(void)
{
    static const uint8_t columns[] = {WEIR_COLUMN_TEXT};
    struct weir_spec spec = weir_test_spec_frame();
    spec.feature_names = NULL;
    spec.n_features = 1;
    spec.columns = columns;
    return spec;
}

Test(protocol_cells, one_column_of_text_takes_a_list_of_strings)
{
    static const struct {
        const char *body, *cells;
        bool is_single;
    } rows[] = {
        {"{\"features\":[\"a b\",\"c\",null]}", "'a b';'c';none", false},
        {"{\"instances\":\"one \\u0041\"}", "'one A'", true},
        {"{\"features\":[[\"a\"],[\"b\"]]}", "'a';'b'", false},
        {V2(IN("text", "BYTES", "[2]", "[\"a\",\"b\"]")), "'a';'b'", false},
        {V2(IN("text", "BYTES", "[2,1]", "[[\"a\"],[\"b\"]]")), "'a';'b'", false},
    };
    struct weir_spec spec = one_text();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct bench b;
        bench_init(&b);
        cr_assert_eq(decode(&b, &spec, rows[i].body), WEIR_OK, "%s: %s", rows[i].body, b.err.msg);
        cr_assert_str_eq(cells(&b), rows[i].cells);
        cr_assert_eq(b.call.is_single_row, rows[i].is_single);
        bench_deinit(&b);
    }
}

Test(protocol_cells, text_room_is_enough_for_the_shortest_texts)
{
    /* Each text costs more in the room than its bytes; many empty ones are the worst case. */
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = one_text();
    struct weir_buf body = WEIR_BUF_INIT;
    weir_buf_append_c(&body, "{\"features\":[\"\"");
    for (size_t i = 0; i < 999; i++)
        weir_buf_append_c(&body, i % 2 ? ",\"\"" : ",\"a\"");
    weir_buf_append_c(&body, "]}");
    cr_assert_eq(decode(&b, &spec, weir_buf_c(&body)), WEIR_OK, "%s", b.err.msg);
    cr_assert_eq(b.sink.want.n_rows, 1000);
    cr_assert_str_eq(weir_cell_text(weir_test_sink_at(&b.sink, 997, 0)).at, "a");
    weir_buf_deinit(&body);
    bench_deinit(&b);
}

Test(protocol_cells, missing_numbers_are_refused_where_the_model_refuses_them)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_frame();
    spec.allows_nan = false;
    cr_assert_eq(decode(&b, &spec, "{\"features\":[[1,null,null,2]]}"), WEIR_OK, "%s", b.err.msg);
    cr_assert_eq(decode(&b, &spec, "{\"features\":[[1,\"a\",\"b\",null]]}"), WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, "features: row 0, column \"height\": null is a missing value, and "
                                "this model refuses those");
    bench_deinit(&b);
}

Test(protocol_cells, metadata_lists_an_input_for_each_column)
{
    struct weir_spec spec = weir_test_spec_frame();
    struct test_catalog catalog = test_catalog_of(&spec);
    struct weir_buf buf = WEIR_BUF_INIT;
    cr_assert_eq(
        test_catalog_page(&catalog, &weir_protocol_v2, "/v2/models/{m}", "m", NULL, &buf, NULL),
        WEIR_OK);
    cr_assert(strstr(weir_buf_c(&buf),
                     "\"inputs\":[{\"name\":\"age\",\"datatype\":\"FP64\",\"shape\":[-1,1]},"
                     "{\"name\":\"city\",\"datatype\":\"BYTES\",\"shape\":[-1,1]},"
                     "{\"name\":\"grade\",\"datatype\":\"BYTES\",\"shape\":[-1,1]},"
                     "{\"name\":\"height\",\"datatype\":\"FP64\",\"shape\":[-1,1]}]"),
              "%s", buf.at);
    weir_buf_deinit(&buf);
}

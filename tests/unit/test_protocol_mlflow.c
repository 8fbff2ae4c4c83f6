/* SPDX-License-Identifier: MIT */
/* Requests are decoded into a sink, whose rows are then written out as text; what MLflow's own
 * server answers to the same bodies was looked at with 2.22 and 3.6. */
#include "base/macros.h"
#include "protocol/mlflow/mlflow.h"
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

static const struct weir_str abc[] = {{"a", 1}, {"b", 1}, {"c", 1}};

/* "a" may be missing, "b" is a whole number, "c" a float32. */
static const uint8_t types[] = {WEIR_SPEC_MLFLOW_OPTIONAL, WEIR_SPEC_MLFLOW_WHOLE,
                                WEIR_SPEC_MLFLOW_F32};
static const uint8_t no_types[3];
static const struct weir_spec_mlflow typed = {{"2.9.2", 5}, WEIR_OUTPUT_PREDICT, types};
static const struct weir_spec_mlflow untyped = {{"2.9.2", 5}, WEIR_OUTPUT_PREDICT, no_types};

enum kind { NAMED, NAMELESS, TYPED, UNNAMED, ONE, FRAME };

/* NAMED: three features a, b, c that refuse NaN; NAMELESS: without names; TYPED: with the signature
 * above, and NaN; UNNAMED: a signature without names; ONE: one feature; FRAME: age, city, grade,
 * height (test_sink.h). */
static struct weir_spec spec_of(enum kind kind)
{
    if (kind == FRAME)
        return weir_test_spec_frame();
    struct weir_spec spec = weir_test_spec_regressor(kind == ONE ? 1 : 3);
    spec.feature_names = kind == NAMELESS || kind == UNNAMED ? NULL : abc;
    spec.mlflow = kind == TYPED ? &typed : kind == UNNAMED ? &untyped : NULL;
    spec.allows_nan = kind == TYPED;
    return spec;
}

struct bench {
    struct weir_protocol_decoder decoder;
    struct weir_test_sink sink;
    struct weir_protocol_call call;
    struct weir_error err;
    int code; /* of the head; 0: it was fine */
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

/* Reads head and body; the body lies in a block of exactly its size. */
static enum weir_status decode(struct bench *b, const struct weir_spec *spec, const char *type,
                               const char *accept, const char *body)
{
    struct weir_protocol_head head = {.dialect = WEIR_PROTOCOL_MLFLOW, .json_bytes = UINT64_MAX};
    const struct weir_protocol_fields fields = {.content_type = weir_str_c(type ? type : ""),
                                                .accept = weir_str_c(accept ? accept : "")};
    b->err = (struct weir_error)WEIR_ERROR_INIT;
    b->code = weir_protocol_mlflow.read_head(&fields, &head, &b->err);
    if (b->code != 0)
        return WEIR_ERR_UNSUPPORTED;
    size_t n = strlen(body);
    char *exact = malloc(n ? n : 1);
    cr_assert(exact);
    memcpy(exact, body, n);
    enum weir_status status = weir_protocol_mlflow.decode(
        &b->decoder, &head, spec, weir_str_make(exact, n), &b->sink.sink, &b->call, &b->err);
    free(exact);
    return status;
}

/* Writes the rows as "1,2;3,4": numbers, 'texts', nan, none. */
static void write_rows(const struct bench *b, struct weir_buf *out)
{
    const struct weir_sink_want *want = &b->sink.want;
    for (size_t row = 0; row < want->n_rows; row++) {
        for (size_t c = 0; c < want->n_columns; c++) {
            double v = weir_test_sink_at(&b->sink, row, c);
            weir_buf_append_c(out, c ? "," : row ? ";" : "");
            if (weir_cell_is_text(v))
                weir_buf_printf(out, "'%.*s'", WEIR_STR_ARG(weir_cell_text(v)));
            else if (weir_cell_is_none(v))
                weir_buf_append_c(out, "none");
            else
                weir_buf_printf(out, "%.9g", v);
        }
    }
}

#define CSV   "text/csv"
#define LINES "application/jsonlines"

static const struct {
    const char *label;
    enum kind kind;
    const char *type; /* NULL: application/json */
    const char *body;
    const char *rows; /* NULL: refused */
    const char *error;
    uint32_t n_ignored;
} cases[] = {
    {"split", NAMED, NULL,
     "{\"dataframe_split\":{\"columns\":[\"a\",\"b\",\"c\"],\"data\":[[1,2,3],[4,5,6.5]]}}",
     "1,2,3;4,5,6.5", NULL, 0},
    {"split in another order", NAMED, NULL,
     "{\"dataframe_split\":{\"columns\":[\"c\",\"a\",\"b\"],\"index\":[7],\"data\":[[3,1,2]]}}",
     "1,2,3", NULL, 0},
    {"split with more columns", NAMED, NULL,
     "{\"dataframe_split\":{\"columns\":[\"a\",\"z\",\"b\",\"c\"],\"data\":[[1,\"q\",2,3]]}}",
     "1,2,3", NULL, 1},
    {"split without columns", NAMED, NULL, "{\"dataframe_split\":{\"data\":[[1,2,3]]}}", "1,2,3",
     NULL, 0},
    {"split with positions", NAMED, NULL,
     "{\"dataframe_split\":{\"columns\":[0,1,2],\"data\":[[1,2,3]]}}", "1,2,3", NULL, 0},
    {"split with names for none", NAMELESS, NULL,
     "{\"dataframe_split\":{\"columns\":[\"x\",\"y\",\"z\"],\"data\":[[1,2,3]]}}", "1,2,3", NULL,
     0},
    {"split with too many for none", NAMELESS, NULL,
     "{\"dataframe_split\":{\"columns\":[\"x\",\"y\",\"z\",\"q\"],\"data\":[[1,2,3,4]]}}", NULL,
     "dataframe_split: 4 columns, and the model takes 3", 0},
    {"split with more than unnamed", UNNAMED, NULL,
     "{\"dataframe_split\":{\"columns\":[\"x\",\"y\",\"z\",\"q\"],\"data\":[[1,2,3,4]]}}", "1,2,3",
     NULL, 1},
    {"split without a column", NAMED, NULL,
     "{\"dataframe_split\":{\"columns\":[\"a\",\"c\"],\"data\":[[1,2]]}}", NULL,
     "dataframe_split: column \"b\" is missing", 0},
    {"split without two", NAMED, NULL, "{\"dataframe_split\":{\"columns\":[\"c\"],\"data\":[[1]]}}",
     NULL, "dataframe_split: column \"a\" and 1 more are missing", 0},
    {"split with a column twice", NAMED, NULL,
     "{\"dataframe_split\":{\"columns\":[\"a\",\"b\",\"c\",\"a\"],\"data\":[[1,2,3,4]]}}", NULL,
     "dataframe_split: column \"a\" is there twice", 0},
    {"split with another key", NAMED, NULL,
     "{\"dataframe_split\":{\"columns\":[\"a\"],\"data\":[],\"dtype\":1}}", NULL,
     "dataframe_split: expected \"data\" and optionally \"columns\" and \"index\", and nothing "
     "else",
     0},
    {"split without data", NAMED, NULL, "{\"dataframe_split\":{\"columns\":[\"a\"]}}", NULL,
     "dataframe_split: \"data\" is missing", 0},
    {"split as a list", NAMED, NULL, "{\"dataframe_split\":[[1,2,3]]}", NULL,
     "dataframe_split: expected an object, got an array", 0},
    {"split with a short row", NAMED, NULL,
     "{\"dataframe_split\":{\"columns\":[\"c\",\"b\",\"a\"],\"data\":[[1,2,3],[1,2]]}}", NULL,
     "dataframe_split: row 1: expected 3 values, got 2", 0},
    {"split without rows", NAMED, NULL,
     "{\"dataframe_split\":{\"columns\":[\"a\",\"b\",\"c\"],\"data\":[]}}", NULL,
     "dataframe_split: no rows", 0},
    {"texts of numbers", NAMED, NULL,
     "{\"dataframe_split\":{\"columns\":[\"b\",\"a\",\"c\"],\"data\":[[\"2.5\",\"1\",true]]}}",
     "1,2.5,1", NULL, 0},
    {"a text", NAMED, NULL,
     "{\"dataframe_split\":{\"columns\":[\"b\",\"a\",\"c\"],\"data\":[[1,\"x\",3]]}}", NULL,
     "dataframe_split: row 0, column \"a\": expected a number, got \"x\"", 0},
    {"null", NAMED, NULL,
     "{\"dataframe_split\":{\"columns\":[\"a\",\"b\",\"c\"],\"data\":[[1,2,null]]}}", NULL,
     "dataframe_split: row 0, column \"c\": null is a missing value, and this model refuses those",
     0},
    {"types and a column that may be missing", TYPED, NULL,
     "{\"dataframe_split\":{\"columns\":[\"b\",\"c\"],\"data\":[[1.9,0.1],[-1.9,null]]}}",
     "nan,1,0.100000001;nan,-1,nan", NULL, 0},
    {"a whole number that is missing", TYPED, NULL,
     "{\"dataframe_records\":[{\"a\":1,\"b\":null,\"c\":2}]}", NULL,
     "dataframe_records: row 0, column \"b\": a missing value, and the signature says that it is a "
     "whole number",
     0},
    {"records", NAMED, NULL,
     "{\"dataframe_records\":[{\"a\":1,\"b\":2,\"c\":3},{\"c\":6,\"b\":5,\"x\":{},\"a\":4}]}",
     "1,2,3;4,5,6", NULL, 1},
    {"records with a gap", TYPED, NULL,
     "{\"dataframe_records\":[{\"a\":1,\"b\":2,\"c\":3},{\"b\":5,\"a\":4}]}", "1,2,3;4,5,nan", NULL,
     0},
    {"records with a gap that is refused", NAMED, NULL,
     "{\"dataframe_records\":[{\"a\":1,\"b\":2,\"c\":3},{\"b\":5,\"a\":4}]}", NULL,
     "dataframe_records: row 1, column \"c\": null is a missing value, and this model refuses "
     "those",
     0},
    {"records all without a column", TYPED, NULL,
     "{\"dataframe_records\":[{\"a\":1,\"b\":2},{\"b\":5,\"a\":4}]}", NULL,
     "dataframe_records: column \"c\" is missing", 0},
    {"records for a model without names", NAMELESS, NULL,
     "{\"dataframe_records\":[{\"x\":1,\"y\":2,\"z\":3},{\"z\":6,\"y\":5,\"x\":4}]}", "1,2,3;4,5,6",
     NULL, 0},
    {"records as an object", NAMED, NULL, "{\"dataframe_records\":{\"a\":1}}", NULL,
     "dataframe_records: expected a list of rows, got an object", 0},
    {"instances", NAMED, NULL, "{\"instances\":[[1,2,3],[4,5,6]]}", "1,2,3;4,5,6", NULL, 0},
    {"instances of objects", NAMED, NULL, "{\"instances\":[{\"c\":3,\"b\":2,\"a\":1}]}", "1,2,3",
     NULL, 0},
    {"instances with features", NAMED, NULL,
     "{\"instances\":[{\"features\":[1,2,3]},{\"features\":[4,5,6]}]}", "1,2,3;4,5,6", NULL, 0},
    {"instances of values", ONE, NULL, "{\"instances\":[1,2]}", "1;2", NULL, 0},
    {"instances of values for three", NAMED, NULL, "{\"instances\":[1,2,3]}", NULL,
     "instances: expected a list of rows, each a list or an object, got 1", 0},
    {"mixed rows", NAMED, NULL, "{\"instances\":[[1,2,3],{\"a\":1}]}", NULL,
     "instances: row 1: expected a list as in row 0, got an object", 0},
    {"inputs", NAMED, NULL, "{\"inputs\":[[1,2,3]],\"params\":{\"x\":[1]},\"other\":2}", "1,2,3",
     NULL, 0},
    {"inputs by column", NAMED, NULL, "{\"inputs\":{\"b\":[2,5],\"a\":[[1],[4]],\"c\":[3,6]}}",
     "1,2,3;4,5,6", NULL, 0},
    {"inputs of single values", NAMED, NULL, "{\"inputs\":{\"b\":2,\"a\":1,\"z\":[1,2],\"c\":3}}",
     "1,2,3", NULL, 1},
    {"inputs of different lengths", NAMED, NULL, "{\"inputs\":{\"a\":[1,4],\"b\":[2],\"c\":[3,6]}}",
     NULL, "inputs: the columns have not as many values each", 0},
    {"inputs without a column", NAMED, NULL, "{\"inputs\":{\"a\":[1],\"b\":[2]}}", NULL,
     "inputs: column \"c\" is missing", 0},
    {"a column that may be missing from inputs", TYPED, NULL,
     "{\"inputs\":{\"c\":[1,2],\"b\":[2,4]}}", "nan,2,1;nan,4,2", NULL, 0},
    {"tokens", TYPED, NULL, "{\"inputs\":[[NaN,2,3]]}", "nan,2,3", NULL, 0},
    {"a list by itself", NAMED, NULL, "[[1,2,3]]", "1,2,3", NULL, 0},
    {"a number", NAMED, NULL, "5", NULL, "expected an object or a list of rows, got a number", 0},
    {"no key", NAMED, NULL, "{\"messages\":[]}", NULL,
     "the input must be a JSON dictionary with exactly one of the input fields dataframe_split, "
     "dataframe_records, instances and inputs; there is none",
     0},
    {"two keys", NAMED, NULL, "{\"inputs\":[[1,2,3]],\"instances\":[[1,2,3]]}", NULL,
     "the input must be a JSON dictionary with exactly one of the input fields dataframe_split, "
     "dataframe_records, instances and inputs; there are several",
     0},
    {"texts and missing ones", FRAME, NULL,
     "{\"dataframe_split\":{\"columns\":[\"city\",\"grade\",\"age\",\"height\"],\"data\":"
     "[[\"Rome\",7,30,1.5],[null,\"b\",null,2]]}}",
     "30,'Rome',7,1.5;nan,none,'b',2", NULL, 0},
    {"inputs of texts", FRAME, NULL,
     "{\"inputs\":{\"city\":[\"Rome\"],\"grade\":\"x\",\"age\":[30],\"height\":[1]}}",
     "30,'Rome','x',1", NULL, 0},
    {"csv", NAMED, CSV, "a,b,c\n1,2,3\r\n4,5,6.5", "1,2,3;4,5,6.5", NULL, 0},
    {"csv in another order with more", NAMED, CSV ";charset=UTF-8",
     "\"c\",i,\"a\",b\n3,\"x,\n\",1,2\n\n6,,\"4\",5\n", "1,2,3;4,5,6", NULL, 1},
    {"csv without a header", NAMED, CSV, "1,2,3\n4,5,6\n", "1,2,3;4,5,6", NULL, 0},
    {"csv that says it has none", NAMED, CSV "; header=absent", "1,2,3\n", "1,2,3", NULL, 0},
    {"csv that says it has one", NAMED, CSV "; header=present", "1,2,3\n4,5,6\n", NULL,
     "csv: column \"a\" and 2 more are missing", 0},
    {"csv for a model without names", NAMELESS, CSV, "x,y,z\n1,2,3\n", "1,2,3", NULL, 0},
    {"csv with too many for none", NAMELESS, CSV, "1,2,3,4\n", NULL,
     "csv: 4 columns, and the model takes 3", 0},
    {"csv without a column", NAMED, CSV, "a,b\n1,2\n", NULL, "csv: column \"c\" is missing", 0},
    {"csv with a missing value", TYPED, CSV, "a,b,c\n,2,NA\n", "nan,2,nan", NULL, 0},
    {"csv with one that is refused", NAMED, CSV, "a,b,c\n1,,3\n", NULL,
     "csv: row 0, column \"b\": NaN is a missing value, and this model refuses those", 0},
    {"csv with a text", NAMED, CSV, "a,b,c\n1,2,3\n1,x,3\n", NULL,
     "csv: row 1, column \"b\": expected a number, got \"x\"", 0},
    {"csv with a huge number", NAMED, CSV, "a,b,c\n1,1e999,3\n", NULL,
     "csv: row 0, column \"b\": expected a finite number, got \"1e999\"", 0},
    {"csv with a short row", NAMED, CSV, "a,b,c\n1,2,3\n1,2\n", NULL,
     "csv: row 1: expected 3 values, got 2", 0},
    {"csv with a long row", NAMED, CSV, "a,b,c\n1,2,3,4,5\n", NULL,
     "csv: row 0: expected 3 values, got 5", 0},
    {"csv of a header", NAMED, CSV, "a,b,c\n", NULL, "csv: no rows", 0},
    {"csv of nothing", NAMED, CSV, "", NULL, "the body is empty", 0},
    {"csv with an open quote", NAMED, CSV, "a,b,c\n1,2,\"3\n", NULL,
     "line 2, column 3: the quoted field that begins here never ends", 0},
    {"csv of texts", FRAME, CSV, "city,grade,age,height\n\"R \"\"o\"\"\",7,30,1.5\nNA,b7,,2\n",
     "30,'R \"o\"',7,1.5;nan,none,'b7',2", NULL, 0},
    {"csv that is not utf-8", FRAME, CSV, "city,grade,age,height\n\xff,7,30,1.5\n", NULL,
     "csv: row 0, column \"city\": a text that is not UTF-8", 0},
    {"lines", NAMED, LINES, "[1,2,3]\n[4,5,6]\n\n", "1,2,3;4,5,6", NULL, 0},
    {"lines of objects", NAMED, LINES, "{\"c\":3,\"b\":2,\"a\":1}\r\n", "1,2,3", NULL, 0},
    {"lines of features", NAMED, LINES, "{\"features\":[1,2,3]}", "1,2,3", NULL, 0},
    {"no lines", NAMED, LINES, "\n", NULL, "lines: no rows", 0},
};

ParameterizedTestParameters(protocol_mlflow, bodies)
{
    static size_t rows[WEIR_ARRAY_LEN(cases)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_mlflow, bodies)
{
    struct bench b;
    bench_init(&b);
    const char *label = cases[*row].label;
    struct weir_spec spec = spec_of(cases[*row].kind);
    const char *type = cases[*row].type ? cases[*row].type : "application/json";
    enum weir_status status = decode(&b, &spec, type, NULL, cases[*row].body);
    if (!cases[*row].rows) {
        cr_assert_eq(status, WEIR_ERR_INVALID, "%s", label);
        cr_assert_str_eq(b.err.msg, cases[*row].error, "%s", label);
        cr_assert_eq(b.sink.n_commits, 0, "%s", label);
        cr_assert_eq(b.sink.n_reserves, b.sink.n_rollbacks, "%s", label);
        bench_deinit(&b);
        return;
    }
    cr_assert_eq(status, WEIR_OK, "%s: %s", label, b.err.msg);
    struct weir_buf got = WEIR_BUF_INIT;
    write_rows(&b, &got);
    cr_assert_str_eq(weir_buf_c(&got), cases[*row].rows, "%s", label);
    cr_assert_eq(b.call.n_ignored, cases[*row].n_ignored, "%s", label);
    cr_assert_eq(b.sink.n_commits, 1, "%s", label);
    weir_buf_deinit(&got);
    bench_deinit(&b);
}

static const struct {
    const char *type;
    const char *error; /* NULL: taken */
} content_types[] = {
    {"application/json", NULL},
    {"application/json; charset=utf-8", NULL},
    {"APPLICATION/JSON;charset=\"UTF-8\" ;", NULL},
    {"", NULL},
    {"application/json; charset=latin-1", "only UTF-8 is understood, not \"latin-1\""},
    {"application/json; format=pandas-split", "unrecognized content type parameter \"format\""},
    {"text/csv; label_size=0", NULL},
    {"text/csv; label_size=1", "unrecognized content type parameter \"label_size\""},
    {"application/x-www-form-urlencoded",
     "this route takes text/csv, application/json and application/jsonlines, not "
     "\"application/x-www-form-urlencoded\""},
};

Test(protocol_mlflow, other_content_types_are_415)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(content_types); i++) {
        struct weir_protocol_head head = {.dialect = WEIR_PROTOCOL_MLFLOW};
        struct weir_error err = WEIR_ERROR_INIT;
        struct weir_protocol_fields fields = {.content_type = weir_str_c(content_types[i].type)};
        int code = weir_protocol_mlflow.read_head(&fields, &head, &err);
        cr_assert_eq(code, content_types[i].error ? 415 : 0, "%s", content_types[i].type);
        cr_assert_str_eq(err.msg, content_types[i].error ? content_types[i].error : "");
    }
}

static void check_error(int status, const char *type, const char *body)
{
    struct weir_buf buf = WEIR_BUF_INIT;
    const char *got = weir_protocol_mlflow.error(&buf, status, WEIR_STR("a \"b\""));
    cr_assert_str_eq(weir_buf_c(&buf), body);
    cr_assert_str_eq(got ? got : "", type);
    weir_buf_deinit(&buf);
}

Test(protocol_mlflow, errors_are_those_of_mlflow_and_ours)
{
    check_error(400, "",
                "{\"error\":\"a \\\"b\\\"\",\"error_code\":\"BAD_REQUEST\",\"message\":\"a "
                "\\\"b\\\"\"}");
    check_error(503, "",
                "{\"error\":\"a \\\"b\\\"\",\"error_code\":\"TEMPORARILY_UNAVAILABLE\","
                "\"message\":\"a \\\"b\\\"\"}");
    check_error(415, "text/plain; charset=utf-8", "a \"b\"");
}

/* --- answers --------------------------------------------------------------------------------- */

static const char split[] =
    "{\"dataframe_split\":{\"columns\":[\"a\",\"b\",\"c\"],\"data\":[[1,2,3],[4,5,6]]}}";

static void check_answer(const struct weir_spec *spec, const char *accept, const char *body,
                         const void *const *out, const char *type, const char *expected)
{
    struct bench b;
    bench_init(&b);
    cr_assert_eq(decode(&b, spec, NULL, accept, body), WEIR_OK, "%s", b.err.msg);
    struct weir_result result = {.spec = spec, .batch_dtype = WEIR_F64, .n_rows = b.call.n_rows};
    memcpy(result.out, out, sizeof result.out);
    struct weir_buf buf = WEIR_BUF_INIT;
    struct weir_protocol_answer answer = {.body = &buf};
    const struct weir_protocol_source source = {WEIR_STR("m"), WEIR_STR("1")};
    weir_protocol_encode(&b.call, &source, &result, &answer);
    cr_assert_str_eq(weir_buf_c(&buf), expected);
    cr_assert_str_eq(answer.content_type ? answer.content_type : "", type);
    cr_assert(buf.n <= weir_protocol_answer_bytes(&b.call, spec));
    weir_buf_deinit(&buf);
    bench_deinit(&b);
}

Test(protocol_mlflow, answers_are_lists)
{
    struct weir_spec spec = spec_of(NAMED);
    const double values[] = {1.5, NAN};
    const void *out[WEIR_OUTPUT_N] = {[WEIR_OUTPUT_PREDICT] = values};
    check_answer(&spec, NULL, split, out, "", "{\"predictions\":[1.5,NaN]}");
    check_answer(&spec, "*/*", "[[1,2,3],[4,5,6]]", out, "", "[1.5,NaN]");
    check_answer(&spec, "text/csv", split, out, "text/csv; charset=utf-8", "1.5\nNaN\n");
    check_answer(&spec, "text/csv;q=0.5, application/jsonlines", split, out,
                 "application/jsonlines", "1.5\nNaN\n");
    check_answer(&spec, "text/html", split, out, "", "{\"predictions\":[1.5,NaN]}");
    spec.outputs[WEIR_OUTPUT_PREDICT].is_vector = false;
    check_answer(&spec, NULL, split, out, "", "{\"predictions\":[[1.5],[NaN]]}");
}

/* An iris model's body of two rows. */
static const char irises[] = "{\"inputs\":[[1,2,3,4],[1,2,3,4]]}";

Test(protocol_mlflow, labels_are_texts_and_fields)
{
    struct weir_spec spec = weir_test_spec_iris();
    const int32_t labels[] = {2, 0};
    const double shares[] = {0.25, 0.25, 0.5, 1, 0, 0};
    const void *out[WEIR_OUTPUT_N] = {
        [WEIR_OUTPUT_PREDICT] = labels, [WEIR_OUTPUT_PREDICT_PROBA] = shares};
    check_answer(&spec, NULL, irises, out, "", "{\"predictions\":[\"virginica\",\"setosa\"]}");
    check_answer(&spec, "text/csv", irises, out, "text/csv; charset=utf-8", "virginica\nsetosa\n");
    /* CatBoost's predict gives a column. */
    spec.library = WEIR_STR("catboost");
    check_answer(&spec, NULL, irises, out, "", "{\"predictions\":[[\"virginica\"],[\"setosa\"]]}");
    /* pyfunc_predict_fn="predict_proba" */
    static const struct weir_spec_mlflow proba = {{"", 0}, WEIR_OUTPUT_PREDICT_PROBA, NULL};
    spec.mlflow = &proba;
    check_answer(&spec, NULL, irises, out, "", "{\"predictions\":[[0.25,0.25,0.5],[1.0,0.0,0.0]]}");
    check_answer(&spec, "text/csv", irises, out, "text/csv; charset=utf-8",
                 "0.25,0.25,0.5\n1.0,0.0,0.0\n");
}

Test(protocol_mlflow, a_graph_answers_by_name)
{
    struct weir_spec spec = weir_test_spec_iris();
    const int32_t labels[] = {2, 0};
    const double shares[] = {0.25, 0.25, 0.5, 1, 0, 0};
    const void *out[WEIR_OUTPUT_N] = {
        [WEIR_OUTPUT_PREDICT] = labels, [WEIR_OUTPUT_PREDICT_PROBA] = shares};
    spec.outputs[WEIR_OUTPUT_PREDICT].alias = WEIR_STR("label");
    spec.outputs[WEIR_OUTPUT_PREDICT_PROBA].alias = WEIR_STR("p");
    check_answer(&spec, NULL, irises, out, "",
                 "{\"predictions\":{\"label\":[\"virginica\",\"setosa\"],"
                 "\"p\":[[0.25,0.25,0.5],[1.0,0.0,0.0]]}}");
    spec.outputs[WEIR_OUTPUT_PREDICT_PROBA].is_map = true;
    check_answer(&spec, NULL, "{\"dataframe_split\":{\"data\":[[1,2,3,4],[1,2,3,4]]}}", out, "",
                 "{\"predictions\":["
                 "{\"label\":\"virginica\",\"p\":{\"setosa\":0.25,\"versicolor\":0.25,"
                 "\"virginica\":0.5}},"
                 "{\"label\":\"setosa\",\"p\":{\"setosa\":1.0,\"versicolor\":0.0,"
                 "\"virginica\":0.0}}]}");
}

Test(protocol_mlflow, pages)
{
    struct weir_spec spec = spec_of(NAMED);
    struct test_catalog catalog = test_catalog_of(&spec);
    test_catalog_init(&catalog);
    struct weir_buf buf = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(
        test_catalog_page(&catalog, &weir_protocol_mlflow, "/ping", NULL, NULL, &buf, &err),
        WEIR_OK);
    cr_assert_eq(buf.n, 0);
    catalog.unready = "loading";
    cr_assert_eq(
        test_catalog_page(&catalog, &weir_protocol_mlflow, "/ping", NULL, NULL, &buf, &err),
        WEIR_ERR_BUSY);
    cr_assert_eq(test_catalog_page(&catalog, &weir_protocol_mlflow, "/execution-parameters", NULL,
                                   NULL, &buf, &err),
                 WEIR_OK);
    cr_assert(strstr(weir_buf_c(&buf), "\"BatchStrategy\":\"MULTI_RECORD\",\"MaxPayloadInMB\":6}"));
    weir_buf_deinit(&buf);
}

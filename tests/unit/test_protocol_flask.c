/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "protocol/flask/flask.h"
#include "test_mem.h"
#include "test_sink.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A decoder, a sink and room for the outcome. */
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
static enum weir_status decode(struct bench *b, const struct weir_spec *spec,
                               enum weir_output asked, const char *body)
{
    size_t n = strlen(body);
    char *exact = malloc(n ? n : 1);
    cr_assert(exact);
    memcpy(exact, body, n);
    b->err = (struct weir_error)WEIR_ERROR_INIT;
    enum weir_status status = weir_protocol_flask_decode(
        &b->decoder, spec, asked, weir_str_make(exact, n), &b->sink.sink, &b->call, &b->err);
    free(exact);
    return status;
}

static const struct {
    const char *label;
    const char *body;
    size_t n_rows;
    bool is_single, is_x;
    double last; /* the last element */
} accepted[] = {
    {"a matrix", "{\"features\":[[1,2],[3,4.5]]}", 2, false, false, 4.5},
    {"a flat row", "{\"features\":[1,2]}", 1, true, false, 2},
    {"the key data", "{\"data\":[[1,2]]}", 1, false, false, 2},
    {"the key input", "{\"input\":[[1,2]]}", 1, false, false, 2},
    {"the key X", "{\"X\":[[1,2]]}", 1, false, false, 2},
    {"the key x", "{\"x\":[1,2]}", 1, true, true, 2},
    {"x as a matrix", "{\"x\":[[1,2],[3,4]]}", 2, false, true, 4},
    {"white space", " {\r\n\t\"features\" : [ [ 1 , 2 ] , [ 3 ,4 ] ] } \n", 2, false, false, 4},
    {"other members", "{\"a\":{\"b\":[1]},\"features\":[1,-7e-1],\"z\":null}", 1, true, false,
     -0.7},
    {"a key with escapes", "{\"fe\\u0061tures\":[1,2]}", 1, true, false, 2},
    {"booleans", "{\"features\":[false,true]}", 1, true, false, 1},
};

ParameterizedTestParameters(protocol_flask, bodies_are_accepted)
{
    static size_t rows[WEIR_ARRAY_LEN(accepted)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_flask, bodies_are_accepted)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(2);
    const char *label = accepted[*row].label;
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, accepted[*row].body), WEIR_OK, "%s: %s",
                 label, b.err.msg);
    cr_assert_eq(b.sink.n_commits, 1, "%s", label);
    cr_assert_eq(b.sink.wanted, 1u << WEIR_OUTPUT_PREDICT, "%s", label);
    cr_assert_eq(b.sink.want.dtype, WEIR_F64, "%s", label);
    cr_assert_eq(b.call.n_rows, accepted[*row].n_rows, "%s", label);
    cr_assert_eq(b.sink.want.n_rows, accepted[*row].n_rows, "%s", label);
    cr_assert_eq(b.call.is_single_row, accepted[*row].is_single, "%s", label);
    cr_assert_eq(b.call.is_x, accepted[*row].is_x, "%s", label);
    cr_assert_eq(weir_test_sink_at(&b.sink, accepted[*row].n_rows - 1, 1), accepted[*row].last,
                 "%s", label);
    bench_deinit(&b);
}

Test(protocol_flask, instances_are_vertex_ais)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(1);
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"instances\":[1,2],\"parameters\":{}}"),
                 WEIR_OK, "%s", b.err.msg);
    cr_assert_eq(b.call.n_rows, 2);
    const double values[] = {1.5, NAN};
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 2};
    result.out[WEIR_OUTPUT_PREDICT] = values;
    struct weir_buf buf = WEIR_BUF_INIT;
    struct weir_protocol_answer answer = {.body = &buf};
    const struct weir_protocol_source source = {WEIR_STR("m"), WEIR_STR("1")};
    weir_protocol_encode(&b.call, &source, &result, &answer);
    cr_assert_str_eq(weir_buf_c(&buf), "{\"predictions\":[1.5,null]}");
    weir_buf_deinit(&buf);
    bench_deinit(&b);
}

Test(protocol_flask, probabilities_come_beside_the_prediction)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_iris();
    cr_assert_eq(
        decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"probabilities\":true,\"features\":[1,2,3,4]}"),
        WEIR_OK, "%s", b.err.msg);
    const int32_t labels[] = {1};
    const double shares[] = {0.25, 0.5, 0.25};
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 1};
    result.out[WEIR_OUTPUT_PREDICT] = labels;
    result.out[WEIR_OUTPUT_PREDICT_PROBA] = shares;
    struct weir_buf buf = WEIR_BUF_INIT;
    struct weir_protocol_answer answer = {.body = &buf};
    const struct weir_protocol_source source = {WEIR_STR("m"), WEIR_STR("1")};
    weir_protocol_encode(&b.call, &source, &result, &answer);
    cr_assert_str_eq(weir_buf_c(&buf),
                     "{\"prediction\":[\"versicolor\"],\"probabilities\":[[0.25,0.5,0.25]]}");
    cr_assert(buf.n <= weir_protocol_answer_bytes(&b.call, &spec));
    weir_buf_deinit(&buf);
    spec = weir_test_spec_regressor(2);
    cr_assert_eq(
        decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"probabilities\":true,\"features\":[1,2]}"),
        WEIR_ERR_INVALID);
    bench_deinit(&b);
}

/* What is refused, for a model of two features without names. */
static const struct {
    const char *label;
    const char *body;
    enum weir_status status;
    const char *msg;
} refused[] = {
    {"nothing", "", WEIR_ERR_INVALID, "offset 0: expected a value, got the end of the text"},
    {"no JSON", "{\"features\":[[1,2],}", WEIR_ERR_INVALID, "offset 19: expected a value, got }"},
    {"a list", "[[1,2]]", WEIR_ERR_INVALID, "expected an object with \"features\", got an array"},
    {"no key", "{\"rows\":[[1,2]]}", WEIR_ERR_INVALID,
     "\"features\" is missing (instances, data, input, inputs, X or x would do)"},
    {"two keys", "{\"data\":[1,2],\"x\":[1,2]}", WEIR_ERR_INVALID,
     "both \"data\" and \"x\" are there"},
    {"a key twice", "{\"x\":[1,2],\"x\":[1,2]}", WEIR_ERR_INVALID,
     "offset 11: the name \"x\" is there twice"},
    {"a text", "{\"features\":\"abc\"}", WEIR_ERR_INVALID,
     "features: expected a list of rows, got \"abc\""},
    {"no rows", "{\"features\":[]}", WEIR_ERR_INVALID, "features: no rows"},
    {"an empty row", "{\"features\":[[]]}", WEIR_ERR_INVALID,
     "features: row 0: expected 2 values, got 0"},
    {"a short row", "{\"features\":[[1,2],[3]]}", WEIR_ERR_INVALID,
     "features: row 1: expected 2 values, got 1"},
    {"a long row", "{\"features\":[[1,2,3]]}", WEIR_ERR_INVALID,
     "features: row 0: expected 2 values, got 3"},
    {"a long flat row", "{\"x\":[1,2,3,4]}", WEIR_ERR_INVALID,
     "x: row 0: expected 2 values, got 4"},
    {"a text in a row", "{\"data\":[[1,2],[1,\"y\\n\"]]}", WEIR_ERR_INVALID,
     "data: row 1, column 1: expected a number, got \"y\\x5cn\""},
    {"a list in a row", "{\"data\":[[1,[2]]]}", WEIR_ERR_INVALID,
     "data: row 0, column 1: expected a number, got an array"},
    {"null", "{\"data\":[[null,2]]}", WEIR_ERR_INVALID,
     "data: row 0, column 0: null is a missing value, and this model refuses those"},
    {"NaN", "{\"data\":[[NaN,2]]}", WEIR_ERR_INVALID,
     "data: row 0, column 0: NaN is a missing value, and this model refuses those"},
    {"infinity", "{\"data\":[[1,-Infinity]]}", WEIR_ERR_INVALID,
     "data: row 0, column 1: -Infinity is infinite or too large for float64"},
    {"a number too large", "{\"data\":[[1,1e400]]}", WEIR_ERR_INVALID,
     "data: row 0, column 1: 1e400 is infinite or too large for float64"},
    {"rows mixed", "{\"data\":[[1,2],{\"a\":1}]}", WEIR_ERR_INVALID,
     "data: row 1: expected an array as in row 0, got an object"},
    {"a number among rows", "{\"data\":[[1,2],3]}", WEIR_ERR_INVALID,
     "data: row 1: expected an array as in row 0, got a number"},
    {"names", "{\"data\":{\"a\":1,\"b\":2}}", WEIR_ERR_INVALID,
     "rows by name: this model was fitted without feature names; send arrays of 2 values"},
};

ParameterizedTestParameters(protocol_flask, bodies_are_refused)
{
    static size_t rows[WEIR_ARRAY_LEN(refused)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_flask, bodies_are_refused)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(2);
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, refused[*row].body), refused[*row].status,
                 "%s", refused[*row].label);
    cr_assert_str_eq(b.err.msg, refused[*row].msg, "%s: got: %s", refused[*row].label, b.err.msg);
    cr_assert_eq(b.sink.n_commits, 0, "%s", refused[*row].label);
    cr_assert_eq(b.sink.n_rollbacks, b.sink.n_reserves, "%s", refused[*row].label);
    bench_deinit(&b);
}

Test(protocol_flask, named_rows_come_in_any_order)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_iris();
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT,
                        "{\"features\":[{\"petal length\":3,\"sepal length\":1,\"id\":[7,{}],"
                        "\"petal \\\"w\\\"\":4,\"sepal width\":2},"
                        "{\"sepal length\":5,\"sepal width\":6,\"petal length\":7,\"extra\":null,"
                        "\"petal \\u0022w\\u0022\":8}]}"),
                 WEIR_OK, "%s", b.err.msg);
    for (size_t i = 0; i < 8; i++)
        cr_assert_eq(weir_test_sink_at(&b.sink, i / 4, i % 4), (double)i + 1);
    cr_assert_eq(b.call.n_ignored, 2);
    cr_assert_eq(b.call.n_rows, 2);
    cr_assert_not(b.call.is_single_row);
    bench_deinit(&b);
}

Test(protocol_flask, a_column_left_out_is_missing_in_batches_of_either_type)
{
    static const uint8_t columns[4] = {0, 0, WEIR_SPEC_MLFLOW_OPTIONAL, 0};
    static const struct weir_spec_mlflow mlflow = {.columns = columns};
    for (int is_f32 = 0; is_f32 < 2; is_f32++) {
        struct bench b;
        bench_init(&b);
        struct weir_spec spec = weir_test_spec_iris();
        spec.casts_to_f32 = is_f32;
        spec.mlflow = &mlflow;
        static const char body[] = "{\"features\":{\"sepal length\":1,\"petal \\\"w\\\"\":4,"
                                   "\"sepal width\":2}}";
        spec.allows_nan = false;
        cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, body), WEIR_ERR_INVALID);
        cr_assert_str_eq(b.err.msg, "features: row 0: column \"petal length\" is missing");
        spec.allows_nan = true;
        cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, body), WEIR_OK, "%s", b.err.msg);
        cr_assert_eq(b.sink.want.dtype, is_f32 ? WEIR_F32 : WEIR_F64);
        cr_assert_eq(weir_test_sink_at(&b.sink, 0, 1), 2.0);
        cr_assert(isnan(weir_test_sink_at(&b.sink, 0, 2)));
        cr_assert_eq(weir_test_sink_at(&b.sink, 0, 3), 4.0);
        bench_deinit(&b);
    }
}

Test(protocol_flask, named_rows_must_be_complete)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_iris();
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT,
                        "{\"features\":{\"sepal length\":1,\"petal length\":2,"
                        "\"petal \\\"w\\\"\":4,\"Sepal width\":2}}"),
                 WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, "features: row 0: column \"sepal width\" is missing");
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"features\":[{\"sepal width\":1}]}"),
                 WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, "features: row 0: column \"sepal length\" and 2 more are missing");
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"features\":[{},[1,2,3,4]]}"),
                 WEIR_ERR_INVALID);
    cr_assert_eq(
        decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"features\":[{\"sepal length\":\"x\"},{}]}"),
        WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg,
                     "features: row 0, column \"sepal length\": expected a number, got \"x\"");
    cr_assert_eq(b.sink.n_commits, 0);
    cr_assert_eq(b.sink.n_rollbacks, 4);
    bench_deinit(&b);
}

Test(protocol_flask, many_shuffled_names_find_their_columns)
{
    enum { N = 300 };
    static char text[N][8];
    static struct weir_str names[N];
    for (size_t i = 0; i < N; i++)
        names[i] = weir_str_make(text[i], (size_t)snprintf(text[i], 8, "f%zu", i));
    struct weir_spec spec = weir_test_spec_regressor(N);
    spec.feature_names = names;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf body = WEIR_BUF_INIT;
    weir_buf_append_c(&body, "{\"x\":[");
    for (size_t row = 0; row < 3; row++) {
        weir_buf_append_c(&body, row ? ",{" : "{");
        for (size_t i = 0; i < N; i++) {
            /* 7 and 300 have no common factor: each name once. */
            size_t column = (i * 7 + row * 31) % N;
            weir_buf_printf(&body, "%s\"f%zu\":%zu", i ? "," : "", column, row * 1000 + column);
        }
        weir_buf_append_c(&body, "}");
    }
    weir_buf_append_c(&body, "]}");
    struct bench b;
    bench_init(&b);
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, weir_buf_c(&body)), WEIR_OK, "%s",
                 b.err.msg);
    for (size_t row = 0; row < 3; row++) {
        for (size_t i = 0; i < N; i++)
            cr_assert_eq(weir_test_sink_at(&b.sink, row, i), (double)(row * 1000 + i));
    }
    bench_deinit(&b);
}

Test(protocol_flask, missing_values_reach_models_that_take_them)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(3);
    spec.allows_nan = true;
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"x\":[null,NaN,1]}"), WEIR_OK);
    cr_assert(isnan(weir_test_sink_at(&b.sink, 0, 0)));
    cr_assert(isnan(weir_test_sink_at(&b.sink, 0, 1)));
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 2), 1);
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"x\":[null,Infinity,1]}"),
                 WEIR_ERR_INVALID);
    spec.allows_inf = true;
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"x\":[Inf,-Inf,1e999]}"), WEIR_OK);
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 0), (double)INFINITY);
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 1), -(double)INFINITY);
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 2), (double)INFINITY);
    bench_deinit(&b);
}

Test(protocol_flask, trees_get_doubles_cast_to_float)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(2);
    spec.casts_to_f32 = true;
    /* Half-way between two floats as a double, a hair above as text: a library that is given the
     * double rounds to even, reading the text as a float would round up. */
    cr_assert_eq(
        decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"x\":[1.00000005960464477539062500001,0.1]}"),
        WEIR_OK);
    cr_assert_eq(b.sink.want.dtype, WEIR_F32);
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 0), 1.0);
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 1), (double)0.1F);
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"x\":[1,1e39]}"), WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, "x: row 0, column 1: 1e39 is infinite or too large for float32");
    bench_deinit(&b);
}

Test(protocol_flask, strides_of_the_sink_are_kept)
{
    struct bench b;
    bench_init(&b);
    b.sink.is_column_major = true;
    struct weir_spec spec = weir_test_spec_iris();
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"X\":[[1,2,3,4],[5,6,7,8]]}"), WEIR_OK);
    for (size_t i = 0; i < 8; i++)
        cr_assert_eq(weir_test_sink_at(&b.sink, i / 4, i % 4), (double)i + 1);
    bench_deinit(&b);
}

Test(protocol_flask, outputs_a_model_lacks_are_named)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(2);
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT_PROBA, "{\"x\":[1,2]}"), WEIR_ERR_INVALID);
    cr_assert_str_eq(b.err.msg, "the model has no output \"predict_proba\"; it has predict");
    bench_deinit(&b);
}

Test(protocol_flask, limits_are_checked_before_any_work)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(2);
    b.decoder.limits.n_rows_max = 2;
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"x\":[[1,2],[1,2]]}"), WEIR_OK);
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"x\":[[1,2],[1,2],[1,2]]}"),
                 WEIR_ERR_LIMIT);
    cr_assert_str_eq(b.err.msg, "3 rows; one request may have 2");
    b.decoder.limits.n_rows_max = 100;
    b.decoder.limits.n_cells_max = 4;
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"x\":[[1,2],[1,2]]}"), WEIR_OK);
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"x\":[[1,2],[1,2],[1,2]]}"),
                 WEIR_ERR_LIMIT);
    b.decoder.limits.n_cells_max = 100;
    b.call.n_rows = 2;
    b.decoder.limits.answer_bytes_max = weir_protocol_answer_bytes(&b.call, &spec);
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"x\":[[1,2],[1,2]]}"), WEIR_OK);
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"x\":[[1,2],[1,2],[1,2]]}"),
                 WEIR_ERR_LIMIT);
    cr_assert_eq(b.sink.n_reserves, 3);
    bench_deinit(&b);
}

Test(protocol_flask, what_the_sink_refuses_is_forwarded)
{
    struct bench b;
    bench_init(&b);
    b.sink.refuses = WEIR_ERR_BUSY;
    struct weir_spec spec = weir_test_spec_regressor(2);
    cr_assert_eq(decode(&b, &spec, WEIR_OUTPUT_PREDICT, "{\"x\":[1,2]}"), WEIR_ERR_BUSY);
    cr_assert_str_eq(b.err.msg, "the sink refuses");
    cr_assert_eq(b.sink.n_rollbacks, 0);
    bench_deinit(&b);
}

Test(protocol_flask, running_out_of_memory_is_clean)
{
    struct weir_spec spec = weir_test_spec_iris();
    bool has_failed = true;
    for (uint64_t n = 1; has_failed; n++) {
        struct bench b;
        bench_init(&b);
        test_mem_fail_at(n, false);
        enum weir_status status =
            decode(&b, &spec, WEIR_OUTPUT_PREDICT,
                   "{\"features\":[{\"petal length\":3,\"sepal length\":1,\"petal \\\"w\\\"\":4,"
                   "\"sepal width\":2}]}");
        has_failed = test_mem_has_failed();
        cr_assert_eq(status, has_failed ? WEIR_ERR_NO_MEMORY : WEIR_OK, "allocation %llu: %s",
                     (unsigned long long)n, b.err.msg);
        cr_assert_eq(b.sink.n_commits, has_failed ? 0 : 1);
        cr_assert_eq(b.sink.n_rollbacks + b.sink.n_commits, b.sink.n_reserves);
        test_mem_fail_at(0, false);
        bench_deinit(&b);
    }
}

static void expect_answer(const struct weir_protocol_call *call, const struct weir_result *result,
                          const char *text)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf buf = WEIR_BUF_INIT;
    struct weir_protocol_source source = {WEIR_STR("m"), WEIR_STR("1")};
    weir_protocol_encode(call, &source, result, &(struct weir_protocol_answer){.body = &buf});
    cr_assert_str_eq(weir_buf_c(&buf), text);
    cr_assert_leq(buf.n, weir_protocol_answer_bytes(call, result->spec));
}

Test(protocol_flask, numbers_are_answered_in_their_shortest_form)
{
    struct weir_spec spec = weir_test_spec_regressor(2);
    double y[] = {-0.4, 2.0, (double)NAN, -(double)INFINITY, (double)0.1F};
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 5};
    result.out[WEIR_OUTPUT_PREDICT] = y;
    struct weir_protocol_call call = {.n_rows = 5, .n_outputs = 1};
    expect_answer(&call, &result, "{\"prediction\":[-0.4,2.0,null,null,0.10000000149011612]}");
    result.batch_dtype = WEIR_F32;
    expect_answer(&call, &result, "{\"prediction\":[-0.4,2.0,null,null,0.1]}");
    call.is_x = true;
    expect_answer(&call, &result, "{\"y\":[-0.4,2.0,null,null,0.1]}");
    call.n_rows = 1;
    result.n_rows = 1;
    result.batch_dtype = WEIR_F64;
    expect_answer(&call, &result, "{\"y\":[-0.4]}");
    call.is_single_row = true;
    expect_answer(&call, &result, "{\"y\":-0.4}");
    call.is_x = false;
    expect_answer(&call, &result, "{\"prediction\":[-0.4]}");
}

Test(protocol_flask, labels_are_the_estimators_own)
{
    struct weir_spec spec = weir_test_spec_iris();
    int32_t labels[] = {2, 0};
    double scores[] = {0.25, 0.75, 0, 1, 0, 1e-7};
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 2};
    result.out[WEIR_OUTPUT_PREDICT] = labels;
    result.out[WEIR_OUTPUT_PREDICT_PROBA] = scores;
    result.out[WEIR_OUTPUT_DECISION_FUNCTION] = scores;
    struct weir_protocol_call call = {.n_rows = 2, .n_outputs = 1};
    expect_answer(&call, &result, "{\"prediction\":[\"virginica\",\"setosa\"]}");
    call.outputs[0] = WEIR_OUTPUT_PREDICT_PROBA;
    expect_answer(&call, &result,
                  "{\"classes\":[\"setosa\",\"versicolor\",\"virginica\"],"
                  "\"probabilities\":[[0.25,0.75,0.0],[1.0,0.0,1e-07]]}");
    call.outputs[0] = WEIR_OUTPUT_DECISION_FUNCTION;
    expect_answer(&call, &result, "{\"decision\":[[0.25,0.75,0.0],[1.0,0.0,1e-07]]}");
}

Test(protocol_flask, several_targets_make_lists)
{
    static const struct weir_str whole[] = {{"0", 1}, {"1", 1}};
    static const struct weir_str bools[] = {{"false", 5}, {"true", 4}};
    static const struct weir_str reals[] = {{"0.5", 3}, {"1.0", 3}, {"2.0", 3}};
    static const struct weir_labels targets[] = {
        {.dtype = WEIR_I64, .n = 2, .json = whole},
        {.dtype = WEIR_BOOL, .n = 2, .json = bools},
        {.dtype = WEIR_F64, .n = 3, .json = reals},
    };
    struct weir_spec spec = weir_test_spec_iris();
    spec.n_targets = 3;
    spec.targets = targets;
    spec.outputs[WEIR_OUTPUT_PREDICT].n_columns = 3;
    spec.outputs[WEIR_OUTPUT_PREDICT].is_vector = false;
    spec.outputs[WEIR_OUTPUT_PREDICT_PROBA].n_columns = 7;
    int32_t labels[] = {1, 0, 2, 0, 1, 0};
    double scores[] = {1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15, 16, 17};
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 2};
    result.out[WEIR_OUTPUT_PREDICT] = labels;
    result.out[WEIR_OUTPUT_PREDICT_PROBA] = scores;
    struct weir_protocol_call call = {.n_rows = 2, .n_outputs = 1};
    expect_answer(&call, &result, "{\"prediction\":[[1,false,2.0],[0,true,0.5]]}");
    call.outputs[0] = WEIR_OUTPUT_PREDICT_PROBA;
    expect_answer(&call, &result,
                  "{\"classes\":[[0,1],[false,true],[0.5,1.0,2.0]],"
                  "\"probabilities\":[[[1.0,2.0],[11.0,12.0]],[[3.0,4.0],[13.0,14.0]],"
                  "[[5.0,6.0,7.0],[15.0,16.0,17.0]]]}");
}

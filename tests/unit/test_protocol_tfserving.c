/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "protocol/tfserving/tfserving_priv.h"
#include "tensor/cell.h"
#include "test_catalog.h"
#include "test_mem.h"
#include "test_sink.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A decoder, a sink and room for the outcome. */
struct bench {
    struct weir_protocol_decoder decoder;
    struct weir_test_sink sink;
    struct weir_protocol_call call;
    struct weir_error err;
    struct weir_buf answer;
};

static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof *b);
    weir_protocol_decoder_init(&b->decoder, NULL, test_mem());
    weir_test_sink_init(&b->sink);
    b->answer.mem = test_mem();
}

static void bench_deinit(struct bench *b)
{
    weir_protocol_decoder_deinit(&b->decoder);
    weir_test_sink_deinit(&b->sink);
    weir_buf_deinit(&b->answer);
    cr_assert_eq(test_mem_n_live(), 0);
}

/* Decodes from a block of exactly the body's size, so that a sanitizer sees every overread. */
static enum weir_status decode(struct bench *b, const struct weir_spec *spec, int action,
                               const char *body)
{
    size_t n = strlen(body);
    char *exact = malloc(n ? n : 1);
    cr_assert(exact);
    memcpy(exact, body, n);
    b->err = (struct weir_error)WEIR_ERROR_INIT;
    weir_test_sink_deinit(&b->sink);
    weir_test_sink_init(&b->sink);
    struct weir_protocol_head head = {.dialect = WEIR_PROTOCOL_TFSERVING,
                                      .action = (uint8_t)action};
    enum weir_status status = weir_protocol_decode(
        &b->decoder, &head, spec, weir_str_make(exact, n), &b->sink.sink, &b->call, &b->err);
    free(exact);
    return status;
}

static const char *encode(struct bench *b, const struct weir_result *result)
{
    struct weir_protocol_source source = {WEIR_STR("m"), WEIR_STR("1")};
    weir_buf_clear(&b->answer);
    weir_protocol_encode(&b->call, &source, result,
                         &(struct weir_protocol_answer){.body = &b->answer});
    uint64_t bound =
        result->tensors ? UINT64_MAX : weir_protocol_answer_bytes(&b->call, result->spec);
    cr_assert_leq(b->answer.n, bound);
    return weir_buf_c(&b->answer);
}

enum {
    PREDICT = WEIR_PROTOCOL_TFSERVING_PREDICT,
    CLASSIFY = WEIR_PROTOCOL_TFSERVING_CLASSIFY,
    REGRESS = WEIR_PROTOCOL_TFSERVING_REGRESS
};

/* The models that bodies are decoded for. */
enum model { ONE, TWO, IRIS, FRAME };

static struct weir_spec model_of(enum model model)
{
    switch (model) {
    case ONE:
        return weir_test_spec_regressor(1);
    case TWO:
        return weir_test_spec_regressor(2);
    case IRIS:
        return weir_test_spec_iris();
    case FRAME:
        break;
    }
    return weir_test_spec_frame();
}

static const struct {
    const char *label;
    enum model model;
    int action;
    const char *body;
    size_t n_rows;
    double last; /* the last element of numbers */
} accepted[] = {
    {"rows", TWO, PREDICT, "{\"instances\":[[1,2],[3,4.5]]}", 2, 4.5},
    {"rows of one feature", ONE, PREDICT, "{\"instances\":[1.0,2.0,5.0]}", 3, 5},
    {"lists of one feature", ONE, PREDICT, "{\"instances\":[[1],[5]]}", 2, 5},
    {"text behind the value", TWO, PREDICT, "{\"instances\":[[1,2]]} garbage {", 1, 2},
    {"more values behind it", TWO, PREDICT, "{\"instances\":[[1,2]]}{\"instances\":3}", 1, 2},
    {"other members", TWO, PREDICT, "{\"a\":[{}],\"instances\":[[1,2]],\"parameters\":{}}", 1, 2},
    {"the default signature", TWO, PREDICT,
     "{\"signature_name\":\"serving_default\",\"instances\":[[1,2]]}", 1, 2},
    {"an empty signature", TWO, PREDICT, "{\"signature_name\":\"\",\"instances\":[[1,2]]}", 1, 2},
    {"a named signature", TWO, PREDICT,
     "{\"instances\":[[1,2]],\"signature_name\":\"pr\\u0065dict\"}", 1, 2},
    {"whole numbers, exponents", TWO, PREDICT, "{\"instances\":[[1,2.0],[1e0,-3E-1]]}", 2, -0.3},
    {"booleans", TWO, PREDICT, "{\"instances\":[[false,true]]}", 1, 1},
    {"the matrix as an input", TWO, PREDICT, "{\"instances\":[{\"x\":[1,2]},{\"x\":[3,4]}]}", 2, 4},
    {"columns as a matrix", TWO, PREDICT, "{\"inputs\":[[1,2],[3,4]]}", 2, 4},
    {"columns as an input", TWO, PREDICT, "{\"inputs\":{\"any\":[[1,2],[3,4]]}}", 2, 4},
    {"columns of one feature", ONE, PREDICT, "{\"inputs\":[1,2,3]}", 3, 3},
    {"rows by name", IRIS, PREDICT,
     "{\"instances\":[{\"petal \\\"w\\\"\":7,\"sepal width\":2,\"petal length\":3,\"sepal "
     "length\":1}]}",
     1, 7},
    {"rows by name in lists of one", IRIS, PREDICT,
     "{\"instances\":[{\"sepal length\":[1],\"sepal width\":[2],\"petal length\":[3],\"petal "
     "\\\"w\\\"\":[4]}]}",
     1, 4},
    {"extra names", IRIS, PREDICT,
     "{\"instances\":[{\"sepal length\":1,\"x\":{\"a\":1},\"sepal width\":2,\"petal length\":3,"
     "\"petal \\\"w\\\"\":4}]}",
     1, 4},
    {"columns by name", IRIS, PREDICT,
     "{\"inputs\":{\"sepal width\":[2,6],\"sepal length\":[[1],[5]],\"x\":[1],\"petal length\":"
     "[3,7],\"petal \\\"w\\\"\":[[4],8]}}",
     2, 8},
    {"one row by columns", IRIS, PREDICT,
     "{\"inputs\":{\"sepal width\":2,\"sepal length\":1,\"petal length\":3,\"petal "
     "\\\"w\\\"\":4}}",
     1, 4},
    {"lists for names", IRIS, PREDICT, "{\"instances\":[[1,2,3,4]]}", 1, 4},
    {"a frame's rows", FRAME, PREDICT, "{\"instances\":[[1,\"a\",{\"b64\":\"Yg==\"},2]]}", 1, 2},
    {"a frame's rows by name", FRAME, PREDICT,
     "{\"instances\":[{\"age\":1,\"city\":{\"b64\":\"YQ==\"},\"grade\":[\"x\"],\"height\":2}]}", 1,
     2},
    {"a frame's columns", FRAME, PREDICT,
     "{\"inputs\":{\"city\":[\"a\",{\"b64\":\"Yg\"}],\"age\":[1,null],\"grade\":[[3],[\"d\"]],"
     "\"height\":[8,9]}}",
     2, 9},
    {"examples", IRIS, CLASSIFY,
     "{\"examples\":[{\"sepal length\":1,\"sepal width\":[2.0],\"petal length\":3,\"petal "
     "\\\"w\\\"\":4}]}",
     1, 4},
    {"a context", IRIS, CLASSIFY,
     "{\"context\":{\"sepal length\":1,\"petal \\\"w\\\"\":9},\"examples\":[{\"sepal width\":2,"
     "\"petal length\":3},{\"sepal width\":2,\"petal length\":3,\"petal \\\"w\\\"\":8}]}",
     2, 8},
    {"a context of texts", FRAME, REGRESS,
     "{\"examples\":[{\"age\":1,\"height\":2},{\"age\":1,\"height\":3}],\"context\":{\"city\":"
     "\"a long text that is there once\",\"grade\":\"an other one\"}}",
     2, 3},
    {"examples without names", TWO, REGRESS, "{\"examples\":[{\"x\":[1,2]}]}", 1, 2},
    {"an example of one number", ONE, REGRESS, "{\"examples\":[{\"x\":3}]}", 1, 3},
    {"the signature regression", ONE, REGRESS,
     "{\"signature_name\":\"regression\",\"examples\":[{\"x\":3}]}", 1, 3},
};

ParameterizedTestParameters(protocol_tfserving, bodies_are_accepted)
{
    static size_t rows[WEIR_ARRAY_LEN(accepted)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_tfserving, bodies_are_accepted)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = model_of(accepted[*row].model);
    const char *label = accepted[*row].label;
    cr_assert_eq(decode(&b, &spec, accepted[*row].action, accepted[*row].body), WEIR_OK, "%s: %s",
                 label, b.err.msg);
    cr_assert_eq(b.sink.n_commits, 1, "%s", label);
    cr_assert_eq(b.call.n_rows, accepted[*row].n_rows, "%s", label);
    cr_assert_eq(b.sink.want.n_rows, accepted[*row].n_rows, "%s", label);
    cr_assert_eq(weir_test_sink_at(&b.sink, accepted[*row].n_rows - 1, spec.n_features - 1),
                 accepted[*row].last, "%s", label);
    bench_deinit(&b);
}

static const struct {
    const char *label;
    enum model model;
    int action;
    const char *body;
    const char *msg;
} refused[] = {
    {"nothing", TWO, PREDICT, "", "offset 0: expected a value, got the end of the text"},
    {"a list", TWO, PREDICT, "[[1,2]]", "body: expected an object, got an array"},
    {"no rows and no columns", TWO, PREDICT, "{\"x\":1}",
     "\"instances\" (rows) or \"inputs\" (columns) is missing"},
    {"both", TWO, PREDICT, "{\"instances\":[[1,2]],\"inputs\":[[1,2]]}",
     "both \"instances\" and \"inputs\" are there"},
    {"an empty list", TWO, PREDICT, "{\"instances\":[]}", "instances: no rows"},
    {"empty columns", TWO, PREDICT, "{\"inputs\":[]}", "inputs: no rows"},
    {"an empty input", TWO, PREDICT, "{\"inputs\":{\"x\":[]}}", "inputs: no rows"},
    {"no list", TWO, PREDICT, "{\"instances\":{\"x\":[1,2]}}",
     "instances: expected a list of rows, got an object"},
    {"columns of nothing", TWO, PREDICT, "{\"inputs\":3}",
     "inputs: expected a list of rows or columns by name, got 3"},
    {"a signature that is no text", TWO, PREDICT, "{\"signature_name\":1,\"instances\":[[1,2]]}",
     "signature_name: expected a string, got 1"},
    {"a signature that is not there", TWO, PREDICT,
     "{\"signature_name\":\"predict_proba\",\"instances\":[[1,2]]}",
     "the model has no signature \"predict_proba\" for this; /metadata lists them"},
    {"values for two features", TWO, PREDICT, "{\"instances\":[1,2]}",
     "instances: row 0: expected a list of 2 values, got 1"},
    {"ragged rows", TWO, PREDICT, "{\"instances\":[[1,2],[3]]}",
     "instances: row 1: expected 2 values, got 1"},
    {"mixed rows", TWO, PREDICT, "{\"instances\":[[1,2],{\"x\":[1,2]}]}",
     "instances: row 1: expected a list as in row 0, got an object"},
    {"objects and lists", IRIS, PREDICT,
     "{\"instances\":[{\"sepal length\":1,\"sepal width\":2,\"petal length\":3,\"petal "
     "\\\"w\\\"\":4},[1,2,3,4]]}",
     "instances: row 1: expected an object as in row 0, got an array"},
    {"a text", TWO, PREDICT, "{\"instances\":[[1,\"2\"]]}",
     "instances: row 0, column 1: expected a number, got \"2\""},
    {"bytes for a number", TWO, PREDICT, "{\"instances\":[[1,{\"b64\":\"Yg==\"}]]}",
     "instances: row 0, column 1: expected a number, got an object"},
    {"NaN", TWO, PREDICT, "{\"instances\":[[1,NaN]]}",
     "instances: row 0, column 1: NaN is a missing value, and this model refuses those"},
    {"names for a model without", TWO, PREDICT, "{\"instances\":[{\"a\":1,\"b\":2}]}",
     "rows by name: this model was fitted without feature names; send arrays of 2 values"},
    {"a missing name", IRIS, PREDICT,
     "{\"instances\":[{\"sepal length\":1,\"sepal width\":2,\"petal length\":3}]}",
     "instances: row 0: column \"petal \\x22w\\x22\" is missing"},
    {"two values for a row", IRIS, PREDICT, "{\"instances\":[{\"sepal length\":[1,2]}]}",
     "instances: row 0, column \"sepal length\": expected one value, got a list of 2"},
    {"a missing column", IRIS, PREDICT, "{\"inputs\":{\"sepal length\":[1],\"sepal width\":[2]}}",
     "inputs: column \"petal length\" is missing"},
    {"columns of different lengths", IRIS, PREDICT,
     "{\"inputs\":{\"sepal length\":[1],\"sepal width\":[2,3]}}",
     "inputs: column \"sepal width\" has not as many rows as the one before"},
    {"bytes that are no base64", FRAME, PREDICT, "{\"instances\":[[1,{\"b64\":\"!\"},3,4]]}",
     "instances: row 0, column \"city\": \"b64\" is not base64"},
    {"bytes that are no text", FRAME, PREDICT, "{\"instances\":[[1,{\"b64\":\"/w==\"},3,4]]}",
     "instances: row 0, column \"city\": \"b64\" is not a text in UTF-8"},
    {"classes of a regressor", ONE, CLASSIFY, "{\"examples\":[{\"x\":1}]}",
     "the model gives no probabilities of classes: it has no signature for :classify"},
    {"values of a classifier", IRIS, REGRESS, "{\"examples\":[{\"x\":1}]}",
     "the model gives no single number: it has no signature for :regress"},
    {"a signature of :predict", IRIS, CLASSIFY,
     "{\"signature_name\":\"decision_function\",\"examples\":[{\"x\":1}]}",
     "the model has no signature \"decision_function\" for this; /metadata lists them"},
    {"no examples", IRIS, CLASSIFY, "{\"instances\":[[1,2,3,4]]}",
     "examples: expected a list of objects, got nothing"},
    {"no example", IRIS, CLASSIFY, "{\"examples\":[]}", "examples: no rows"},
    {"an example that is a list", IRIS, CLASSIFY, "{\"examples\":[[1,2,3,4]]}",
     "examples: row 0: expected an object of features, got an array"},
    {"a context that is a list", IRIS, CLASSIFY, "{\"examples\":[{}],\"context\":[]}",
     "context: expected an object, got an array"},
    {"several inputs for a model without names", TWO, REGRESS, "{\"examples\":[{\"a\":1,\"b\":2}]}",
     "examples: row 0: the model was fitted without feature names: expected one input"},
};

ParameterizedTestParameters(protocol_tfserving, bodies_are_refused_with_the_place)
{
    static size_t rows[WEIR_ARRAY_LEN(refused)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_tfserving, bodies_are_refused_with_the_place)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = model_of(refused[*row].model);
    cr_assert_eq(decode(&b, &spec, refused[*row].action, refused[*row].body), WEIR_ERR_INVALID,
                 "%s", refused[*row].label);
    cr_assert_str_eq(b.err.msg, refused[*row].msg, "%s: %s", refused[*row].label, b.err.msg);
    cr_assert_eq(b.sink.n_commits, 0);
    cr_assert_eq(b.sink.n_reserves, b.sink.n_rollbacks);
    bench_deinit(&b);
}

/* For a frame of which only grade is required: by row, by column and in examples. */
static const struct {
    int action;
    const char *body;
    const char *msg; /* NULL: two rows, the grades "a" and "b" and nothing else */
} left_out[] = {
    {PREDICT, "{\"instances\":[{\"grade\":\"a\"},{\"grade\":[\"b\"]}]}", NULL},
    {PREDICT, "{\"inputs\":{\"grade\":[\"a\",\"b\"]}}", NULL},
    {PREDICT, "{\"inputs\":{\"grade\":[[\"a\"],[\"b\"]]}}", NULL},
    {REGRESS, "{\"examples\":[{\"grade\":\"a\"},{\"grade\":\"b\"}]}", NULL},
    {PREDICT, "{\"instances\":[{\"grade\":\"a\"},{\"age\":2}]}",
     "instances: row 1: column \"grade\" is missing"},
    {PREDICT, "{\"inputs\":{\"age\":[1,2],\"city\":[\"a\",\"b\"]}}",
     "inputs: column \"grade\" is missing"},
    {REGRESS, "{\"examples\":[{\"age\":1},{\"grade\":\"b\"}]}",
     "examples: row 0: column \"grade\" is missing"},
};

Test(protocol_tfserving, optional_columns_may_be_left_out_by_name)
{
    static const uint8_t columns[4] = {WEIR_SPEC_MLFLOW_OPTIONAL, WEIR_SPEC_MLFLOW_OPTIONAL, 0,
                                       WEIR_SPEC_MLFLOW_OPTIONAL};
    static const struct weir_spec_mlflow mlflow = {.columns = columns};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(left_out); i++) {
        struct bench b;
        bench_init(&b);
        struct weir_spec spec = weir_test_spec_frame();
        spec.mlflow = &mlflow;
        enum weir_status status = decode(&b, &spec, left_out[i].action, left_out[i].body);
        cr_assert_eq(status, left_out[i].msg ? WEIR_ERR_INVALID : WEIR_OK, "%s: %s",
                     left_out[i].body, b.err.msg);
        if (left_out[i].msg)
            cr_assert_str_eq(b.err.msg, left_out[i].msg, "%s", left_out[i].body);
        else
            cr_assert_eq(b.sink.want.n_rows, 2, "%s", left_out[i].body);
        cr_assert_eq(b.sink.n_commits, left_out[i].msg == NULL, "%s", left_out[i].body);
        for (size_t row = 0; !left_out[i].msg && row < 2; row++) {
            const double *cells = (const double *)b.sink.rows + row * 4;
            cr_assert(isnan(cells[0]), "%s", left_out[i].body);
            cr_assert(weir_cell_is_none(cells[1]), "%s", left_out[i].body);
            cr_assert(weir_str_eq_c(weir_cell_text(cells[2]), row == 0 ? "a" : "b"), "%s",
                      left_out[i].body);
            cr_assert(isnan(cells[3]), "%s", left_out[i].body);
        }
        bench_deinit(&b);
    }
}

Test(protocol_tfserving, a_context_too_large_for_every_example_is_refused)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_frame();
    struct weir_buf body = WEIR_BUF_INIT;
    weir_buf_append_c(&body, "{\"context\":{\"city\":\"");
    for (size_t i = 0; i < 100000; i++)
        weir_buf_append_byte(&body, 'a');
    weir_buf_append_c(&body, "\"},\"examples\":[{}");
    for (size_t i = 0; i < 700; i++)
        weir_buf_append_c(&body, ",{}");
    weir_buf_append_c(&body, "]}");
    cr_assert_eq(decode(&b, &spec, REGRESS, weir_buf_c(&body)), WEIR_ERR_LIMIT);
    cr_assert_eq(b.sink.n_reserves, 0);
    weir_buf_deinit(&body);
    bench_deinit(&b);
}

/* --- answers -------------------------------------------------------------------------------- */

/* The transcript of TensorFlow Serving's own example, half_plus_two. */
Test(protocol_tfserving, half_plus_two_answers_as_documented)
{
    static const double values[] = {2.5, 3.0, 4.5};
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(1);
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 3};
    result.out[WEIR_OUTPUT_PREDICT] = values;
    cr_assert_eq(decode(&b, &spec, PREDICT, "{\"instances\":[1.0,2.0,5.0]}"), WEIR_OK);
    cr_assert_str_eq(encode(&b, &result), "{\"predictions\":[2.5,3.0,4.5]}");
    cr_assert_eq(decode(&b, &spec, PREDICT, "{\"inputs\":[1.0,2.0,5.0]}"), WEIR_OK);
    cr_assert_str_eq(encode(&b, &result), "{\"outputs\":[2.5,3.0,4.5]}");
    cr_assert_eq(decode(&b, &spec, REGRESS, "{\"examples\":[{\"x\":1},{\"x\":2},{\"x\":5}]}"),
                 WEIR_OK);
    cr_assert_str_eq(encode(&b, &result), "{\"results\":[2.5,3.0,4.5]}");
    b.decoder.limits.columns_answer = WEIR_PROTOCOL_COLUMNS_PREDICTIONS;
    cr_assert_eq(decode(&b, &spec, PREDICT, "{\"inputs\":[1.0,2.0,5.0]}"), WEIR_OK);
    cr_assert_str_eq(encode(&b, &result), "{\"predictions\":[2.5,3.0,4.5]}");
    b.decoder.limits.columns_answer = WEIR_PROTOCOL_COLUMNS_BOTH;
    cr_assert_eq(decode(&b, &spec, PREDICT, "{\"inputs\":[1.0,2.0,5.0]}"), WEIR_OK);
    cr_assert_str_eq(encode(&b, &result),
                     "{\"predictions\":[2.5,3.0,4.5],\"outputs\":[2.5,3.0,4.5]}");
    bench_deinit(&b);
}

Test(protocol_tfserving, numbers_that_are_not_finite_are_tokens)
{
    static const double values[] = {NAN, INFINITY, -INFINITY, -0.0};
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(1);
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 4};
    result.out[WEIR_OUTPUT_PREDICT] = values;
    cr_assert_eq(decode(&b, &spec, PREDICT, "{\"instances\":[1,2,3,4]}"), WEIR_OK);
    cr_assert_str_eq(encode(&b, &result), "{\"predictions\":[NaN,Infinity,-Infinity,-0.0]}");
    bench_deinit(&b);
}

Test(protocol_tfserving, classes_have_labels_and_scores)
{
    static const double proba[] = {0.5, 0.25, 0.25, 0, 0.125, 0.875};
    static const struct weir_str json[] = {{"0", 1}, {"1", 1}, {"7", 1}};
    static const int64_t i64[] = {0, 1, 7};
    static const char body[] = "{\"examples\":[{\"x\":[1,2,3,4]},{\"x\":[1,2,3,4]}]}";
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_iris();
    spec.feature_names = NULL;
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 2};
    result.out[WEIR_OUTPUT_PREDICT_PROBA] = proba;
    cr_assert_eq(decode(&b, &spec, CLASSIFY, body), WEIR_OK, "%s", b.err.msg);
    cr_assert_str_eq(encode(&b, &result),
                     "{\"results\":[[[\"setosa\",0.5],[\"versicolor\",0.25],[\"virginica\",0.25]],"
                     "[[\"setosa\",0.0],[\"versicolor\",0.125],[\"virginica\",0.875]]]}");
    /* Labels are texts here, whatever the classes are. */
    struct weir_labels numbers = {.dtype = WEIR_I64, .n = 3, .i64 = i64, .json = json};
    spec.targets = &numbers;
    cr_assert_eq(decode(&b, &spec, CLASSIFY, body), WEIR_OK);
    cr_assert_str_eq(encode(&b, &result), "{\"results\":[[[\"0\",0.5],[\"1\",0.25],[\"7\",0.25]],"
                                          "[[\"0\",0.0],[\"1\",0.125],[\"7\",0.875]]]}");
    bench_deinit(&b);
}

Test(protocol_tfserving, several_outputs_are_answered_by_their_names)
{
    static const int32_t labels[] = {2, 0};
    static const double proba[] = {0.5, 0.25, 0.25, 0, 0.125, 0.875};
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_iris();
    spec.outputs[WEIR_OUTPUT_PREDICT].alias = WEIR_STR("label");
    spec.outputs[WEIR_OUTPUT_PREDICT_PROBA].alias = WEIR_STR("probabilities");
    struct weir_result result = {.spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 2};
    result.out[WEIR_OUTPUT_PREDICT] = labels;
    result.out[WEIR_OUTPUT_PREDICT_PROBA] = proba;
    cr_assert_eq(decode(&b, &spec, PREDICT, "{\"instances\":[[1,2,3,4],[1,2,3,4]]}"), WEIR_OK);
    cr_assert_str_eq(
        encode(&b, &result),
        "{\"predictions\":[{\"label\":\"virginica\",\"probabilities\":[0.5,0.25,0.25]},"
        "{\"label\":\"setosa\",\"probabilities\":[0.0,0.125,0.875]}]}");
    cr_assert_eq(decode(&b, &spec, PREDICT, "{\"inputs\":[[1,2,3,4],[1,2,3,4]]}"), WEIR_OK);
    cr_assert_str_eq(encode(&b, &result),
                     "{\"outputs\":{\"label\":[\"virginica\",\"setosa\"],\"probabilities\":"
                     "[[0.5,0.25,0.25],[0.0,0.125,0.875]]}}");
    cr_assert_eq(decode(&b, &spec, PREDICT,
                        "{\"signature_name\":\"probabilities\",\"inputs\":[[1,2,3,4],[1,2,3,4]]}"),
                 WEIR_OK);
    cr_assert_str_eq(encode(&b, &result), "{\"outputs\":[[0.5,0.25,0.25],[0.0,0.125,0.875]]}");
    bench_deinit(&b);
}

/* --- tensors -------------------------------------------------------------------------------- */

static const struct weir_tensor_info two_inputs[] = {
    {.name = "a", .dtype = WEIR_F32, .n_dims = 2, .dims = {-1, 1}},
    {.name = "b", .dtype = WEIR_F32, .n_dims = 1, .dims = {-1}},
};
static const struct weir_tensor_info two_outputs[] = {
    {.name = "sum", .dtype = WEIR_F32, .n_dims = 1, .dims = {-1}},
    {.name = "max", .dtype = WEIR_F32, .n_dims = 0},
    {.name = "d", .dtype = WEIR_F32, .n_dims = 1, .dims = {-1}},
    {.name = "raw_bytes", .dtype = WEIR_BYTES, .n_dims = 1, .dims = {-1}},
};
static const struct weir_tensors_spec two = {
    .n_inputs = 2, .inputs = two_inputs, .n_outputs = 4, .outputs = two_outputs};

/* The transcripts of a model of two inputs and several outputs. */
Test(protocol_tfserving, tensors_are_answered_row_by_row_and_by_output)
{
    static const float sum[] = {4, 6};
    static const float max[] = {4};
    static const float d[] = {2, 2};
    static const struct weir_text raw[] = {{"\xff", 1}, {"foob", 4}};
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = {.form = WEIR_INPUT_TENSORS, .tensors = &two};
    struct weir_tensor tensors[] = {
        {.dtype = WEIR_F32, .n_dims = 1, .dims = {2}, .data = sum},
        {.dtype = WEIR_F32, .n_dims = 0, .data = max},
        {.dtype = WEIR_F32, .n_dims = 1, .dims = {2}, .data = d},
        {.dtype = WEIR_BYTES, .n_dims = 1, .dims = {2}, .data = raw},
    };
    struct weir_result result = {.spec = &spec, .n_rows = 1, .tensors = tensors};
    struct weir_protocol_limits limits = WEIR_PROTOCOL_LIMITS_INIT;

    cr_assert_eq(decode(&b, &spec, PREDICT, "{\"inputs\":{\"a\":[[1],[2]],\"b\":[3,4],\"c\":1}}"),
                 WEIR_OK, "%s", b.err.msg);
    cr_assert_eq(b.call.tensors, 15);
    b.call.tensors = 3;
    cr_assert_eq(weir_protocol_check_tensors(&limits, &b.call, &result, NULL), WEIR_OK);
    cr_assert_str_eq(encode(&b, &result), "{\"outputs\":{\"sum\":[4.0,6.0],\"max\":4.0}}");

    cr_assert_eq(
        decode(&b, &spec, PREDICT, "{\"instances\":[{\"a\":[1],\"b\":3},{\"a\":[2],\"b\":4}]}"),
        WEIR_OK, "%s", b.err.msg);
    cr_assert_eq(((const float *)b.sink.rows)[0], 1);
    b.call.tensors = 5;
    cr_assert_eq(weir_protocol_check_tensors(&limits, &b.call, &result, NULL), WEIR_OK);
    cr_assert_str_eq(encode(&b, &result),
                     "{\"predictions\":[{\"sum\":4.0,\"d\":2.0},{\"sum\":6.0,\"d\":2.0}]}");
    b.call.tensors = 8;
    cr_assert_str_eq(encode(&b, &result),
                     "{\"predictions\":[{\"b64\":\"/w==\"},{\"b64\":\"Zm9vYg==\"}]}");
    b.call.tensors = 7; /* One of them has no rows. */
    cr_assert_eq(weir_protocol_check_tensors(&limits, &b.call, &result, &b.err), WEIR_ERR_INVALID);
    b.call.tensors = 5;
    limits.answer_bytes_max = 600;
    cr_assert_eq(weir_protocol_check_tensors(&limits, &b.call, &result, &b.err), WEIR_ERR_LIMIT);
    bench_deinit(&b);
}

Test(protocol_tfserving, tensors_are_nested_as_the_inputs_are)
{
    static const struct weir_tensor_info text = {
        .name = "text", .dtype = WEIR_BYTES, .n_dims = 1, .dims = {-1}};
    static const struct weir_tensor_info matrix = {
        .name = "x", .dtype = WEIR_I32, .n_dims = 2, .dims = {-1, 2}};
    static const struct {
        const struct weir_tensor_info *input;
        const char *body;
        enum weir_status status;
    } rows[] = {
        {&text, "{\"instances\":[\"a\",{\"b64\":\"/w==\"}]}", WEIR_OK},
        {&text, "{\"instances\":[{\"b64\":\"/w==\"},\"a\"]}", WEIR_OK},
        {&text, "{\"instances\":[{\"text\":{\"b64\":\"/w==\"}}]}", WEIR_OK},
        {&text, "{\"inputs\":{\"text\":[{\"b64\":\"/w==\"}]}}", WEIR_OK},
        {&text, "{\"instances\":[{\"b64\":\"/w=\"}]}", WEIR_ERR_INVALID},
        {&text, "{\"instances\":[{\"b64\":1}]}", WEIR_ERR_INVALID},
        {&text, "{\"instances\":[1]}", WEIR_ERR_INVALID},
        {&matrix, "{\"instances\":[[1,2],[3,4]]}", WEIR_OK},
        {&matrix, "{\"inputs\":[[1,2],[3,4]]}", WEIR_OK},
        {&matrix, "{\"instances\":[[1,2.5]]}", WEIR_ERR_INVALID},
        {&matrix, "{\"instances\":[[1,true]]}", WEIR_ERR_INVALID},
        {&matrix, "{\"instances\":[[1,2],[3]]}", WEIR_ERR_INVALID},
        {&matrix, "{\"instances\":[1,2]}", WEIR_ERR_INVALID},
        {&matrix, "{\"instances\":[{\"y\":[1,2]}]}", WEIR_ERR_INVALID},
        {&matrix, "{\"instances\":[{\"x\":[1,2],\"y\":1}]}", WEIR_ERR_INVALID},
        {&matrix, "{\"inputs\":{\"y\":[[1,2]]}}", WEIR_ERR_INVALID},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct bench b;
        bench_init(&b);
        struct weir_tensors_spec tensors = {.n_inputs = 1,
                                            .inputs = rows[i].input,
                                            .n_outputs = 1,
                                            .outputs = two_outputs,
                                            .is_batched = true};
        struct weir_spec spec = {.form = WEIR_INPUT_TENSORS, .tensors = &tensors};
        cr_assert_eq(decode(&b, &spec, PREDICT, rows[i].body), rows[i].status, "%s: %s",
                     rows[i].body, b.err.msg);
        cr_assert_eq(b.sink.n_commits, rows[i].status == WEIR_OK, "%s", rows[i].body);
        cr_assert_eq(b.sink.n_reserves, b.sink.n_commits + b.sink.n_rollbacks, "%s", rows[i].body);
        bench_deinit(&b);
    }
}

/* --- documents ------------------------------------------------------------------------------ */

static const char *page(struct bench *b, const struct test_catalog *catalog, const char *pattern,
                        const char *model, const char *version, enum weir_status expected)
{
    weir_buf_clear(&b->answer);
    b->err = (struct weir_error)WEIR_ERROR_INIT;
    cr_assert_eq(test_catalog_page(catalog, &weir_protocol_tfserving, pattern, model, version,
                                   &b->answer, &b->err),
                 expected, "%s", b->err.msg);
    return weir_buf_c(&b->answer);
}

Test(protocol_tfserving, states_serve_both_dialects)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(1);
    struct test_catalog catalog = test_catalog_of(&spec);
    static const char one[] =
        "{\"name\":\"m\",\"ready\":true,\"model_version_status\":[{\"version\":\"1\",\"state\":"
        "\"AVAILABLE\",\"status\":{\"error_code\":\"OK\",\"error_message\":\"\"}}]}";
    cr_assert_str_eq(page(&b, &catalog, "/v1/models/{m}", "m", NULL, WEIR_OK), one);
    catalog.models[0].n_versions = 3;
    catalog.models[0].versions[1] = (struct weir_protocol_version){
        .number = 2, .state = WEIR_STR("failed"), .reason = WEIR_STR("no \"model\"")};
    catalog.models[0].versions[2] =
        (struct weir_protocol_version){.number = 3, .state = WEIR_STR("loading")};
    cr_assert_str_eq(page(&b, &catalog, "/v1/models/{m}/versions/{v#}", "m", "1", WEIR_OK), one);
    cr_assert_str_eq(
        page(&b, &catalog, "/v1/models/{m}/versions/{v#}", "m", "2", WEIR_OK),
        "{\"name\":\"m\",\"ready\":false,\"error\":\"no such version\",\"model_version_status\":[{"
        "\"version\":\"2\",\"state\":\"END\",\"status\":{\"error_code\":\"INVALID_ARGUMENT\","
        "\"error_message\":\"no \\\"model\\\"\"}}]}");
    cr_assert(strstr(page(&b, &catalog, "/v1/models/{m}", "m", NULL, WEIR_OK),
                     "{\"version\":\"3\",\"state\":\"LOADING\""));
    (void)page(&b, &catalog, "/v1/models/{m}/versions/{v#}", "m", "4", WEIR_ERR_NOT_FOUND);
    (void)page(&b, &catalog, "/v1/models/{m}/versions/{v#}", "m", "0", WEIR_ERR_NOT_FOUND);
    (void)page(&b, &catalog, "/v1/models/{m}", "x", NULL, WEIR_ERR_NOT_FOUND);
    catalog.models[0].n_serving = 0;
    cr_assert(strstr(page(&b, &catalog, "/v1/models/{m}", "m", NULL, WEIR_OK),
                     "\"ready\":false,\"error\":\"not served\""));
    cr_assert_str_eq(page(&b, &catalog, "/v1/models", NULL, NULL, WEIR_OK), "{\"models\":[]}");
    cr_assert_str_eq(page(&b, &catalog, "/", NULL, NULL, WEIR_OK), "{\"status\":\"alive\"}");
    bench_deinit(&b);
}

Test(protocol_tfserving, metadata_has_signatures_within_signatures)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec spec = weir_test_spec_regressor(2);
    struct test_catalog catalog = test_catalog_of(&spec);
#define INPUT                                                                                 \
    "{\"inputs\":{\"inputs\":{\"dtype\":\"DT_DOUBLE\",\"tensor_shape\":{\"dim\":[{\"size\":"  \
    "\"-1\",\"name\":\"\"},{\"size\":\"2\",\"name\":\"\"}],\"unknown_rank\":false},\"name\":" \
    "\"inputs\"}},\"outputs\":{"
#define OUTPUT(name)                                                                     \
    "\"" name "\":{\"dtype\":\"DT_DOUBLE\",\"tensor_shape\":{\"dim\":[{\"size\":\"-1\"," \
    "\"name\":\"\"}],\"unknown_rank\":false},\"name\":\"" name "\"}},\"method_name\":"
    cr_assert_str_eq(
        page(&b, &catalog, "/v1/models/{m}/metadata", "m", NULL, WEIR_OK),
        "{\"model_spec\":{\"name\":\"m\",\"signature_name\":\"\",\"version\":\"1\"},\"metadata\":{"
        "\"signature_def\":{\"signature_def\":{\"serving_default\":" INPUT OUTPUT(
            "predict") "\"tensorflow/serving/predict\",\"defaults\":{}},\"predict\":" INPUT
            OUTPUT(
                "predict") "\"tensorflow/serving/predict\",\"defaults\":{}},\"regression\":" INPUT
                OUTPUT("outputs") "\"tensorflow/serving/regress\",\"defaults\":{}}}}}}");
    (void)page(&b, &catalog, "/v1/models/{m}/metadata", "x", NULL, WEIR_ERR_NOT_FOUND);
    bench_deinit(&b);
}

Test(protocol_tfserving, metadata_names_columns_classes_and_tensors)
{
    struct bench b;
    bench_init(&b);
    struct weir_spec frame = weir_test_spec_frame();
    struct test_catalog catalog = test_catalog_of(&frame);
    const char *text = page(&b, &catalog, "/v1/models/{m}/metadata", "m", NULL, WEIR_OK);
    cr_assert(strstr(text, "\"city\":{\"dtype\":\"DT_STRING\""));
    cr_assert(strstr(text, "\"height\":{\"dtype\":\"DT_DOUBLE\""));
    struct weir_spec iris = weir_test_spec_iris();
    catalog = test_catalog_of(&iris);
    text = page(&b, &catalog, "/v1/models/{m}/metadata", "m", NULL, WEIR_OK);
    cr_assert(strstr(text, "\"classification\":{"));
    cr_assert(strstr(text, "\"classes\":{\"dtype\":\"DT_STRING\""));
    cr_assert(strstr(text, "\"decision_function\":{\"inputs\""));
    cr_assert_not(strstr(text, "regress"));
    struct weir_spec graph = {.form = WEIR_INPUT_TENSORS, .tensors = &two};
    catalog = test_catalog_of(&graph);
    text = page(&b, &catalog, "/v1/models/{m}/metadata", "m", NULL, WEIR_OK);
    cr_assert(strstr(text, "\"a\":{\"dtype\":\"DT_FLOAT\",\"tensor_shape\":{\"dim\":[{\"size\":"
                           "\"-1\",\"name\":\"\"},{\"size\":\"1\",\"name\":\"\"}]"));
    cr_assert(strstr(text, "\"max\":{\"dtype\":\"DT_FLOAT\",\"tensor_shape\":{\"dim\":[]"));
    bench_deinit(&b);
}

Test(protocol_tfserving, unknown_labels_are_wrong_and_unknown_versions_not_found)
{
    cr_assert_eq(weir_protocol_tfserving.no_version(WEIR_STR("7")), WEIR_ERR_NOT_FOUND);
    cr_assert_eq(weir_protocol_tfserving.no_version(WEIR_STR("canary")), WEIR_ERR_INVALID);
    cr_assert_eq(weir_protocol_tfserving.no_version(WEIR_STR("9223372036854775808")),
                 WEIR_ERR_INVALID);
}

Test(protocol_tfserving, unknown_routes_below_v1_are_malformed)
{
    struct bench b;
    bench_init(&b);
    cr_assert_eq(weir_protocol_tfserving.refuse(WEIR_STR("GET"), WEIR_STR("/V1/models/m:predict"),
                                                405, WEIR_STR(""), &b.answer),
                 400);
    cr_assert_str_eq(weir_buf_c(&b.answer),
                     "{\"error\":\"Malformed request: GET /V1/models/m:predict\"}");
    cr_assert_eq(weir_protocol_tfserving.refuse(WEIR_STR("GET"), WEIR_STR("/v2/models"), 404,
                                                WEIR_STR(""), &b.answer),
                 0);
    cr_assert_eq(weir_protocol_tfserving.refuse(WEIR_STR("POST"), WEIR_STR("/v1/models"), 413,
                                                WEIR_STR(""), &b.answer),
                 0);
    bench_deinit(&b);
}

/* SPDX-License-Identifier: MIT */
/* Every input form and every output through a real server, with the models of tests/serve/forms
 * (forms/make.py prints what scikit-learn answers) and a graph of three inputs and outputs. */
#include "base/buf.h"
#include "test_file.h"
#include "test_server.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct weir_test_server server;
static struct weir_test_answer answer;

static void start(void)
{
    weir_test_server_start(&server,
                           (const char *const[]){getenv("WEIR_FORMS"), "--state-dir", "off", NULL});
    weir_test_server_wait_ready(&server);
}

static void end(void)
{
    weir_test_answer_deinit(&answer);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

static void ask(const char *path, const char *body)
{
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.port, body ? "POST" : "GET", path, NULL, body, &answer);
}

static void expect(int status, const char *body)
{
    cr_assert_eq(answer.status, status, "%d %s", answer.status, answer.body);
    cr_assert_str_eq(answer.body, body);
}

#define ROWS "{\"features\":[[0.5,-0.25,1.0],[9,9,-9]]}"
#define V2_ROWS(outputs)                                                                       \
    "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP64\",\"shape\":[2,3],\"data\":[0.5,-0.25,1" \
    ",9,9,-9]}],\"outputs\":[" outputs "]}"

Test(serve_forms, rows_of_text_and_numbers_are_answered_in_both_dialects)
{
    start();
    ask("/predict/people", "{\"features\":[{\"plan\":\"a\",\"city\":\"Oslo\",\"age\":41},"
                           "{\"age\":null,\"city\":\"S\\u00e3o Paulo\",\"plan\":\"b\"}]}");
    expect(200, "{\"prediction\":[\"stays\",\"leaves\"]}");
    ask("/predict/people", "{\"features\":[41,\"Oslo\",\"a\"]}");
    expect(200, "{\"prediction\":[\"stays\"]}");
    ask("/v2/models/people/infer",
        "{\"inputs\":[{\"name\":\"age\",\"datatype\":\"FP64\",\"shape\":[2],\"data\":[41,NaN]},"
        "{\"name\":\"city\",\"datatype\":\"BYTES\",\"shape\":[2],\"data\":[\"Oslo\",\"S\u00e3o "
        "Paulo\"]},"
        "{\"name\":\"plan\",\"datatype\":\"BYTES\",\"shape\":[2,1],\"data\":[\"a\",\"b\"]}]}");
    expect(200, "{\"model_name\":\"people\",\"model_version\":\"1\",\"outputs\":[{\"name\":"
                "\"predict\",\"datatype\":\"BYTES\",\"shape\":[2],\"data\":[\"stays\",\"leaves\"]}"
                "]}");
    ask("/predict_proba/people", "{\"features\":[[41,\"Oslo\",\"a\"]]}");
    double p[2];
    cr_assert_eq(sscanf(answer.body,
                        "{\"classes\":[\"leaves\",\"stays\"],\"probabilities\":[[%lf,%lf]]}", &p[0],
                        &p[1]),
                 2, "%s", answer.body);
    cr_assert_float_eq(p[0], 0.20786686, 5e-9);
    ask("/predict/people", "{\"features\":[[41,\"Oslo\",\"a\"],[41,\"Paris\",\"a\"]]}");
    expect(400, "{\"error\":\"row 1, column \\\"city\\\": OneHotEncoder: category was not there in "
                "training\"}");
    ask("/predict/people", "{\"features\":[[\"old\",\"Oslo\",\"a\"]]}");
    expect(400, "{\"error\":\"features: row 0, column \\\"age\\\": expected a number, got "
                "\\\"old\\\"\"}");
    end();
}

Test(serve_forms, a_large_body_of_texts_is_decoded_by_a_worker)
{
    start();
    struct weir_buf body = WEIR_BUF_INIT;
    struct weir_buf expected = WEIR_BUF_INIT;
    weir_buf_append_c(&body, "{\"features\":[");
    weir_buf_append_c(&expected, "{\"prediction\":[");
    for (int i = 0; i < 15000; i++) {
        weir_buf_append_c(&body, i ? "," : "");
        weir_buf_append_c(&body,
                          i % 3 ? "[41,\"Oslo\",\"a\"]" : "[null,\"S\\u00e3o Paulo\",\"b\"]");
        weir_buf_append_c(&expected, i ? "," : "");
        weir_buf_append_c(&expected, i % 3 ? "\"stays\"" : "\"leaves\"");
    }
    weir_buf_append_c(&body, "]}");
    weir_buf_append_c(&expected, "]}");
    cr_assert_gt(body.n, 256 * 1024);
    ask("/predict/people", weir_buf_c(&body));
    expect(200, weir_buf_c(&expected));
    weir_buf_deinit(&body);
    weir_buf_deinit(&expected);
    end();
}

Test(serve_forms, every_output_can_be_asked_for)
{
    start();
    ask("/transform/scaler", ROWS);
    expect(200, "{\"transformed\":[[0.7373083289979424,-0.29276969552804716,1.0019556983548303],"
                "[8.700613025926163,11.752240016708138,-10.112361532425316]]}");
    ask("/predict/scaler", "{\"features\":[0.5,-0.25,1.0]}");
    expect(200, "{\"prediction\":[[0.7373083289979424,-0.29276969552804716,1.0019556983548303]]}");
    ask("/v2/models/scaler/infer", V2_ROWS(""));
    cr_assert(strstr(answer.body, "\"name\":\"transform\",\"datatype\":\"FP64\",\"shape\":[2,3]"),
              "%s", answer.body);
    ask("/transform/labels", ROWS);
    expect(400, "{\"error\":\"the model has no output \\\"transform\\\"; it has predict, "
                "predict_proba, leaf\"}");
    ask("/v2/models/labels/infer",
        V2_ROWS("{\"name\":\"leaf\"},{\"name\":\"predict\"},{\"name\":\"predict_proba\"}"));
    expect(200, "{\"model_name\":\"labels\",\"model_version\":\"1\",\"outputs\":[{\"name\":\"leaf\""
                ",\"datatype\":\"INT32\",\"shape\":[2,3],\"data\":[9,9,9,3,12,10]},{\"name\":"
                "\"predict\",\"datatype\":\"INT64\",\"shape\":[2,2],\"data\":[1,1,1,0]},{\"name\":"
                "\"predict_proba\",\"datatype\":\"FP64\",\"shape\":[2,4],\"data\":[0.0,1.0,"
                "0.202020202020202,0.7979797979797979,0.0,1.0,0.6825396825396824,"
                "0.31746031746031744]}]}");
    ask("/predict_proba/labels", ROWS);
    expect(200, "{\"classes\":[[0,1],[0,1]],\"probabilities\":[[[0.0,1.0],[0.0,1.0]],"
                "[[0.202020202020202,0.7979797979797979],[0.6825396825396824,"
                "0.31746031746031744]]]}");
    ask("/predict_proba/several", "{\"features\":[[0.5,-0.25,1.0]]}");
    double p[2];
    cr_assert_eq(sscanf(answer.body, "{\"classes\":[[0,1],[0,1]],\"probabilities\":[[%lf,%lf]]}",
                        &p[0], &p[1]),
                 2, "one matrix for a multi-label model: %s", answer.body);
    cr_assert_float_eq(p[1], 0.8138683899590612, 1e-15);
    ask("/predict/outliers", ROWS);
    expect(200, "{\"prediction\":[1,-1]}");
    ask("/score_samples/outliers", "{\"features\":[[0.5,-0.25,1.0]]}");
    cr_assert_eq(sscanf(answer.body, "{\"scores\":[%lf]}", &p[0]), 1, "%s", answer.body);
    cr_assert_float_eq(p[0], -0.39326603509413466, 1e-15);
    ask("/v2/models/outliers/infer",
        V2_ROWS("{\"name\":\"score_samples\"},{\"name\":\"decision_function\"}"));
    cr_assert(strstr(answer.body, "\"name\":\"score_samples\",\"datatype\":\"FP64\",\"shape\":[2]"),
              "%s", answer.body);
    end();
}

/* Asks; the answer must be that of scikit-learn, n × 2 probabilities, and the same bytes however
 * the rows come. */
static void expect_probabilities(const char *path, const char *body, const double *p, size_t n)
{
    ask(path, body);
    cr_assert_eq(answer.status, 200, "%s: %s", body, answer.body);
    const char *at =
        strstr(answer.body, "[[") ? strstr(answer.body, "[[") : strstr(answer.body, "\"data\":[");
    cr_assert_not_null(at, "%s", answer.body);
    for (size_t i = 0; i < n; i++) {
        at += strcspn(at, "0123456789");
        char *end;
        cr_assert_float_eq(strtod(at, &end), p[i], 1e-15, "%s: %s", body, answer.body);
        at = end;
    }
    cr_assert_eq(at[strcspn(at, "0123456789]")], ']', "no more numbers: %s", answer.body);
}

Test(serve_forms, texts_are_answered_in_every_form)
{
    static const double p[] = {0.34459895308060084, 0.6554010469193992, 0.6275861419592219,
                               0.3724138580407781,  0.7032135586299397, 0.2967864413700603};
    const char *path = "/predict_proba/reviews";
    start();
    expect_probabilities(path, "{\"features\":[\"fine wine in ZÜRICH\",\"\",\"Bad, bad day\"]}", p,
                         6);
    expect_probabilities(
        path, "{\"features\":[[\"fine wine in Z\\u00dcRICH\"],[\"\"],[\"Bad, bad day\"]]}", p, 6);
    expect_probabilities(path, "{\"features\":\"fine wine in ZÜRICH\"}", p, 2);
    expect_probabilities(
        "/v2/models/reviews/infer",
        "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"BYTES\",\"shape\":[3],\"data\":[\"fine wine "
        "in "
        "ZÜRICH\",\"\",\"Bad, bad day\"]}],\"outputs\":[{\"name\":\"predict_proba\"}]}",
        p, 6);
    ask(path, "{\"features\":[\"fine\",null]}");
    expect(400, "{\"error\":\"row 1, column 0: TfidfVectorizer: input is NaN\"}");
    ask(path, "{\"features\":[\"fine\",3]}");
    expect(400, "{\"error\":\"features: row 1, column 0: expected a text, got 3\"}");
    ask(path, "{\"features\":[{\"text\":\"fine\"}]}");
    expect(400,
           "{\"error\":\"rows by name: this model was fitted without feature names; send arrays "
           "of 1 values\"}");
    end();
}

Test(serve_forms, a_missing_number_is_imputed_in_its_column_only)
{
    static const double p[] = {0.49517880441989526, 0.5048211955801047, 0.7491804151580915,
                               0.25081958484190847};
    const char *path = "/predict_proba/stays";
    start();
    expect_probabilities(path,
                         "{\"features\":[{\"stars\":3,\"review\":\"fine wine\",\"nights\":2},"
                         "{\"nights\":1,\"stars\":null,\"review\":\"bad food\"}]}",
                         p, 4);
    expect_probabilities(path, "{\"features\":[[3,\"fine wine\",2],[NaN,\"bad food\",1]]}", p, 4);
    expect_probabilities(path, "{\"features\":[[null,\"bad food\",1]]}", p + 2, 2);
    expect_probabilities(
        "/v2/models/stays/infer",
        "{\"inputs\":[{\"name\":\"stars\",\"datatype\":\"FP64\",\"shape\":[2],\"data\":[3,null]},"
        "{\"name\":\"review\",\"datatype\":\"BYTES\",\"shape\":[2],\"data\":[\"fine wine\",\"bad "
        "food\"]"
        "},{\"name\":\"nights\",\"datatype\":\"INT64\",\"shape\":[2],\"data\":[2,1]}],"
        "\"outputs\":[{\"name\":\"predict_proba\"}]}",
        p, 4);
    ask(path, "{\"features\":[[3,\"fine wine\",2],[3,\"bad food\",null]]}");
    expect(400, "{\"error\":\"row 1, column \\\"nights\\\": LogisticRegression: input is NaN\"}");
    ask(path, "{\"features\":[[3,null,2]]}");
    expect(400, "{\"error\":\"row 0, column \\\"review\\\": TfidfVectorizer: input is NaN\"}");
    end();
}

#define TOWERS(first, second, weight)                                                           \
    "{\"inputs\":[{\"name\":\"weight\",\"datatype\":\"FP32\",\"shape\":[1],\"data\":[" weight   \
    "]},{\"name\":\"item\",\"datatype\":\"FP64\",\"shape\":[1,7],\"data\":[" first              \
    ",2,3,4,5,6,7]},{\"name\":\"user\",\"datatype\":\"FP32\",\"shape\":[1,5],\"data\":[" second \
    ",2,3,4,5]}],\"outputs\":[{\"name\":\"score\"}]}"

/* Sends bodies one after the other on one connection without waiting, and reads all answers: they
 * are decoded in one iteration and gathered into one batch. */
static void ask_together(const char *path, const char *const *bodies, size_t n, char (*out)[512])
{
    struct weir_buf bytes = WEIR_BUF_INIT;
    for (size_t i = 0; i < n; i++)
        weir_buf_printf(&bytes, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s",
                        path, strlen(bodies[i]), bodies[i]);
    int fd = weir_test_server_connect(server.port);
    weir_test_server_send(fd, bytes.at, bytes.n);
    for (size_t i = 0; i < n; i++) {
        struct weir_test_answer one = {0};
        cr_assert(weir_test_server_receive(fd, &one));
        (void)snprintf(out[i], sizeof out[i], "%d %s", one.status, one.body);
        weir_test_answer_deinit(&one);
    }
    (void)close(fd);
    weir_buf_deinit(&bytes);
}

Test(serve_forms, tensors_are_answered_alone_and_together)
{
    if (!getenv("WEIR_ONNXRUNTIME_LIBRARY"))
        cr_skip_test("ONNX Runtime is not there");
    struct weir_test_tmp tmp;
    weir_test_tmp_init(&tmp);
    struct weir_str graph = test_file_read("tests/data/torch/2.15.0/networks/towers.onnx");
    /* What a file is, its contents tell. */
    weir_test_tmp_write(&tmp, "towers.joblib", graph.at, graph.n);
    test_file_free(graph);
    weir_test_server_start(&server, (const char *const[]){tmp.path, "--state-dir", "off", NULL});
    weir_test_server_wait_ready(&server);
    static const char *const bodies[] = {
        TOWERS("1", "1", "0.5"),
        TOWERS("-1", "0.25", "2"),
        "{\"inputs\":[{\"name\":\"weight\",\"datatype\":\"FP32\",\"shape\":[1],\"data\":[1]}]}",
        TOWERS("7", "9", "1"),
    };
    enum { N = sizeof bodies / sizeof *bodies };
    char alone[N][512];
    char together[N][512];
    for (size_t i = 0; i < N; i++) {
        ask("/v2/models/towers/infer", bodies[i]);
        (void)snprintf(alone[i], sizeof alone[i], "%d %s", answer.status, answer.body);
    }
    cr_assert(strstr(alone[0], "\"name\":\"score\",\"datatype\":\"FP32\",\"shape\":[1]"), "%s",
              alone[0]);
    cr_assert_str_eq(alone[2], "400 {\"error\":\"input \\\"user\\\" is missing\"}");
    ask_together("/v2/models/towers/infer", bodies, N, together);
    for (size_t i = 0; i < N; i++)
        cr_assert_str_eq(together[i], alone[i]);
    ask("/predict/towers", "{\"instances\":[{\"user\":[1,2,3,4,5],\"item\":[1,2,3,4,5,6,7],"
                           "\"weight\":0.5}]}");
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert(strstr(answer.body, "\"outputs\":{\"both\":[["), "%s", answer.body);
    cr_assert(strstr(answer.body, "\"any\":["), "%s", answer.body);
    ask("/v2/models/towers", NULL);
    cr_assert(strstr(answer.body, "{\"name\":\"item\",\"datatype\":\"FP64\",\"shape\":[-1,7]}"),
              "%s", answer.body);
    end();
    weir_test_tmp_deinit(&tmp);
}

/* SPDX-License-Identifier: MIT */
/* The whole way of a request through a real server process with the sample models. */
#include "base/buf.h"
#include "base/clock.h"
#include "test_server.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct weir_test_server server;
static struct weir_test_answer answer;

static void start_with(const char *const *args)
{
    weir_test_server_start(&server, args);
    weir_test_server_wait_ready(&server);
}

static void start(void)
{
    start_with((const char *const[]){getenv("WEIR_MODELS"), "--state-dir", "off", NULL});
}

static void end(void)
{
    weir_test_answer_deinit(&answer);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

static void ask_with(const char *method, const char *path, const char *fields, const char *body)
{
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.port, method, path, fields, body, &answer);
}

static void ask(const char *path, const char *body)
{
    ask_with("POST", path, NULL, body);
}

static void expect(int status, const char *body)
{
    cr_assert_eq(answer.status, status, "%d %s", answer.status, answer.body);
    cr_assert_str_eq(answer.body, body);
}

static const char *field(const char *name)
{
    static char value[1024];
    return weir_test_answer_field(&answer, name, value, sizeof value) ? value : "";
}

Test(serve_predict, flask_style_bodies_are_answered_with_every_usual_key)
{
    start();
    ask("/predict/toy", "{\"features\": [[1, 2], [3, 4.5]]}");
    cr_assert_eq(answer.status, 200);
    cr_assert_str_eq(field("Content-Type"), "application/json");
    cr_assert_str_eq(field("Weir-Model"), "toy");
    cr_assert_str_eq(field("Weir-Version"), "1");
    cr_assert_eq(strlen(field("Weir-Digest")), 16);
    double a = 0;
    double b = 0;
    cr_assert_eq(sscanf(answer.body, "{\"prediction\":[%lf,%lf]}", &a, &b), 2, "%s", answer.body);
    cr_assert_float_eq(a, 0.5 * 1 + 0.3 * 2 - 1.5, 1e-15);
    cr_assert_float_eq(b, 0.5 * 3 + 0.3 * 4.5 - 1.5, 1e-15);
    ask("/predict/toy", "{\"x\": [1, 2]}");
    cr_assert_not_null(strstr(answer.body, "\"y\""));
    ask("/predict/iris", "{\"features\": [5.1, 3.5, 1.4, 0.2]}");
    cr_assert_not_null(strstr(answer.body, "\"setosa\""), "%s", answer.body);
    ask("/predict_proba/iris", "{\"features\": [[5.1, 3.5, 1.4, 0.2]]}");
    cr_assert_not_null(strstr(answer.body, "\"classes\""));
    cr_assert_not_null(strstr(answer.body, "\"probabilities\""));
    ask("/decision_function/breast-cancer", "{\"features\": [[1,2]]}");
    cr_assert_eq(answer.status, 400);
    end();
}

Test(serve_predict, v2_inference_names_model_version_and_id)
{
    start();
    ask("/v2/models/toy/infer",
        "{\"id\":\"q1\",\"inputs\":[{\"name\":\"x\",\"shape\":[2,2],\"datatype\":\"FP64\","
        "\"data\":[[1,2],[3,4.5]]}]}");
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert_not_null(strstr(answer.body, "\"id\":\"q1\""), "%s", answer.body);
    cr_assert_not_null(strstr(answer.body, "\"model_name\":\"toy\""));
    cr_assert_not_null(strstr(answer.body, "\"model_version\":\"1\""));
    cr_assert_not_null(strstr(answer.body, "\"shape\":[2]"));
    ask("/v2/models/toy/versions/1/infer",
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"datatype\":\"FP32\",\"data\":[1,2]}]}");
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    ask("/v2/models/toy/versions/7/infer", "{}");
    expect(404, "{\"error\":\"model \\\"toy\\\" has no version \\\"7\\\"\"}");
    end();
}

Test(serve_predict, what_is_wrong_is_said_with_its_place)
{
    start();
    ask("/predict/chrun", "{\"features\": [[1, 2]]}");
    expect(404, "{\"error\":\"model \\\"chrun\\\" not found; loaded: breast-cancer, diabetes, "
                "iris, toy\"}");
    ask("/predict", "{\"features\": [[1, 2]]}");
    cr_assert_eq(answer.status, 404);
    cr_assert_not_null(strstr(answer.body, "several are loaded"), "%s", answer.body);
    ask("/predict/toy", "{\"features\": [[1, 2], [3, \"x\"]]}");
    cr_assert_eq(answer.status, 400);
    cr_assert_not_null(strstr(answer.body, "row 1"), "%s", answer.body);
    cr_assert_not_null(strstr(answer.body, "\\\"x\\\""), "%s", answer.body);
    ask("/predict/toy", "{\"features\": [[1, 2, 3]]}");
    cr_assert_eq(answer.status, 400);
    ask("/predict/toy", "{\"features\": [[1, 2]");
    cr_assert_eq(answer.status, 400);
    cr_assert_not_null(strstr(answer.body, "offset"), "%s", answer.body);
    ask("/predict/toy", "{\"features\": [[1, null]]}");
    cr_assert_eq(answer.status, 400);
    ask_with("GET", "/predict/toy", NULL, NULL);
    cr_assert_eq(answer.status, 405);
    cr_assert_not_null(strstr(field("Allow"), "POST"));
    ask_with("GET", "/nowhere", NULL, NULL);
    cr_assert_eq(answer.status, 404);
    ask_with("GET", "/metrics", NULL, NULL);
    cr_assert_eq(answer.status, 404);
    ask_with("POST", "/predict/toy", "Content-Encoding: br\r\n", "{\"features\": [[1, 2]]}");
    cr_assert_eq(answer.status, 415);
    cr_assert_str_eq(field("Accept-Encoding"), "gzip, deflate");
    ask_with("POST", "/predict/toy", "X-Request-Timeout-Ms: soon\r\n", "{\"features\": [[1, 2]]}");
    cr_assert_eq(answer.status, 400);
    end();
}

Test(serve_predict, a_request_may_ask_for_its_id_and_its_times)
{
    start();
    ask_with("POST", "/predict/toy", "X-Request-Id: abc-123\r\nServer-Timing: 1\r\n",
             "{\"features\": [[1, 2]]}");
    cr_assert_eq(answer.status, 200);
    cr_assert_str_eq(field("X-Request-Id"), "abc-123");
    cr_assert_not_null(strstr(field("Server-Timing"), "run;dur="));
    ask_with("POST", "/predict/toy", "X-Request-Id: a\"b\r\n", "{\"features\": [[1, 2]]}");
    cr_assert_str_eq(field("X-Request-Id"), "", "what is no name is not echoed");
    end();
}

Test(serve_predict, named_rows_come_in_any_order_of_columns)
{
    start();
    ask("/predict/diabetes", "{\"features\": {\"nope\": 1}}");
    cr_assert_eq(answer.status, 400);
    cr_assert_not_null(strstr(answer.body, "column"), "%s", answer.body);
    ask_with("GET", "/v2/models/breast-cancer", NULL, NULL);
    cr_assert_eq(answer.status, 200);
    cr_assert_not_null(strstr(answer.body, "mean radius"), "%s", answer.body);
    cr_assert_not_null(strstr(answer.body, "LogisticRegression"));
    cr_assert_not_null(strstr(answer.body, "library_version"));
    end();
}

/* A body past the size that is decoded on the loop goes to a worker whole. */
Test(serve_predict, a_large_body_gives_the_same_answers_as_small_ones)
{
    enum { N_ROWS = 30000 };
    struct weir_buf body = WEIR_BUF_INIT;
    start();
    weir_buf_append_c(&body, "{\"features\":[");
    for (int i = 0; i < N_ROWS; i++)
        weir_buf_printf(&body, "%s[%d,%d]", i > 0 ? "," : "", i, i % 7);
    weir_buf_append_c(&body, "]}");
    cr_assert_gt(body.n, 256 * 1024);
    ask("/predict/toy", weir_buf_c(&body));
    cr_assert_eq(answer.status, 200, "%.200s", answer.body);
    const char *at = strchr(answer.body, '[');
    for (int i = 0; i < N_ROWS; i++) {
        char *end_of;
        double y = strtod(at + 1, &end_of);
        cr_assert_float_eq(y, 0.5 * i + 0.3 * (i % 7) - 1.5, 1e-10);
        at = strpbrk(end_of, ",]");
    }
    cr_assert_eq(*at, ']');
    body.at[body.n - 1] = '!';
    ask("/predict/toy", weir_buf_c(&body));
    cr_assert_eq(answer.status, 400, "%.200s", answer.body);
    cr_assert_not_null(strstr(answer.body, "offset"), "%s", answer.body);
    weir_buf_deinit(&body);
    end();
}

static void put_large_body(struct weir_buf *body, size_t bytes)
{
    weir_buf_append_c(body, "{\"features\":[[1,2]");
    for (int i = 0; i < 40000; i++)
        weir_buf_append_c(body, ",[3,4]");
    while (body->n < bytes - 2)
        weir_buf_append_byte(body, ' ');
    weir_buf_append_c(body, "]}");
}

/* All are let in by their heads while the queue is empty; then the bodies come at once. What the
 * queue may not hold is refused, and the memory that was counted for them is free again. */
/* The same answer, whichever thread reads the body. */
Test(serve_predict, a_body_of_no_rows_may_be_large)
{
    static const char form[] = "{\"inputs\":[{\"name\":\"a\",\"shape\":[0,2],\"datatype\":\"FP32\","
                               "\"data\":[]}]%*s}";
    static char body[400000];
    static const int spaces[] = {0, 300000};
    start();
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(body, sizeof body, form, spaces[i], "");
        ask("/v2/models/toy/infer", body);
        expect(200, "{\"model_name\":\"toy\",\"model_version\":\"1\",\"outputs\":[{\"name\":"
                    "\"predict\",\"datatype\":\"FP64\",\"shape\":[0],\"data\":[]}]}");
        (void)snprintf(body, sizeof body, "{\"features\":[]%*s}", spaces[i], "");
        ask("/predict/toy", body);
        cr_assert_eq(answer.status, 400, "%d %s", answer.status, answer.body);
    }
    end();
}

Test(serve_predict, large_bodies_meet_the_bounds_of_the_queue_when_they_come)
{
    enum { N = 12, BYTES = 900000 };
    struct weir_buf text = WEIR_BUF_INIT;
    int fds[N];
    int n_fine = 0;
    int n_refused = 0;
    start_with((const char *const[]){getenv("WEIR_MODELS"), "--state-dir", "off",
                                     "--queue-bytes-max", "1MiB", "--workers", "1", NULL});
    weir_buf_printf(&text, "POST /predict/toy HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n",
                    BYTES);
    put_large_body(&text, text.n + BYTES);
    for (int i = 0; i < N; i++) {
        fds[i] = weir_test_server_connect(server.port);
        weir_test_server_send(fds[i], text.at, text.n - 1);
    }
    for (int i = 0; i < N; i++)
        weir_test_server_send(fds[i], "}", 1);
    for (int i = 0; i < N; i++) {
        weir_test_answer_deinit(&answer);
        cr_assert(weir_test_server_receive(fds[i], &answer));
        n_fine += answer.status == 200;
        n_refused += answer.status == 503;
        (void)close(fds[i]);
    }
    cr_assert_eq(n_fine + n_refused, N);
    cr_assert_gt(n_fine, 0);
    cr_assert_gt(n_refused, 0);
    cr_assert_eq(
        weir_test_server_metric(&server, "weir_refused_total{model=\"toy\",reason=\"bytes\"}"),
        n_refused);
    cr_assert_eq(weir_test_server_metric(&server, "weir_request_memory_bytes"), 0);
    weir_buf_deinit(&text);
    end();
}

Test(serve_predict, pipelined_requests_are_answered_in_order)
{
    enum { N = 20 };
    struct weir_buf text = WEIR_BUF_INIT;
    start();
    for (int i = 0; i < N; i++) {
        char body[64];
        int len = snprintf(body, sizeof body, "{\"features\":[[%d,0]]}", 2 * i + 3);
        weir_buf_printf(&text,
                        "POST /predict/toy HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s",
                        len, body);
    }
    int fd = weir_test_server_connect(server.port);
    weir_test_server_send(fd, text.at, text.n);
    weir_buf_deinit(&text);
    for (int i = 0; i < N; i++) {
        weir_test_answer_deinit(&answer);
        cr_assert(weir_test_server_receive(fd, &answer));
        cr_assert_eq(answer.status, 200);
        double y = strtod(strchr(answer.body, '[') + 1, NULL);
        cr_assert_float_eq(y, i, 1e-12);
    }
    (void)close(fd);
    end();
}

/* Far more than a connection may have unanswered: reading stops and goes on again and again, and
 * the rows that come in after a flush must not wait for the next event. */
Test(serve_predict, long_pipelines_do_not_stall)
{
    enum { N = 3200 };
    struct weir_buf text = WEIR_BUF_INIT;
    start();
    for (int i = 0; i < N; i++)
        weir_buf_append_c(&text,
                          "POST /predict/toy HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"
                          "{\"x\":[1,2]}");
    int fd = weir_test_server_connect(server.port);
    uint64_t start_ns = weir_clock_ns();
    weir_test_server_send(fd, text.at, text.n);
    for (int i = 0; i < N; i++) {
        weir_test_answer_deinit(&answer);
        cr_assert(weir_test_server_receive(fd, &answer));
        cr_assert_eq(answer.status, 200);
    }
    cr_assert_lt(weir_clock_ns() - start_ns, 3 * WEIR_NS_PER_S);
    (void)close(fd);
    weir_buf_deinit(&text);
    end();
}

Test(serve_predict, the_pool_gives_the_same_answers_as_the_loop)
{
    static char first[4096];
    for (int pass = 0; pass < 2; pass++) {
        start_with((const char *const[]){getenv("WEIR_MODELS"), "--state-dir", "off", "--inline",
                                         pass == 0 ? "always" : "never", NULL});
        ask("/predict_proba/iris",
            "{\"features\": [[5.1, 3.5, 1.4, 0.2],[6.7,3.0,5.2,2.3],[5.9,3.0,4.2,1.5]]}");
        cr_assert_eq(answer.status, 200);
        cr_assert_eq(weir_test_server_metric(
                         &server, pass == 0 ? "weir_batches_total{model=\"iris\",version=\"1\","
                                              "reason=\"inline\",place=\"loop\"}"
                                            : "weir_batches_total{model=\"iris\",version=\"1\","
                                              "reason=\"idle_worker\",place=\"pool\"}"),
                     1);
        if (pass == 0)
            (void)snprintf(first, sizeof first, "%s", answer.body);
        else
            cr_assert_str_eq(answer.body, first);
        end();
    }
}

Test(serve_predict, a_deadline_that_cannot_be_met_is_a_504)
{
    start();
    ask_with("POST", "/predict/toy", "X-Request-Timeout-Ms: 0\r\n", "{\"features\": [[1, 2]]}");
    cr_assert_eq(answer.status, 504);
    cr_assert_eq(weir_test_server_metric(&server, "weir_refused_total{model=\"toy\","
                                                  "reason=\"deadline\"}"),
                 1);
    end();
}

Test(serve_predict, metrics_count_what_was_asked)
{
    start();
    for (int i = 0; i < 5; i++)
        ask("/predict/toy", "{\"features\": [[1, 2], [3, 4]]}");
    ask("/predict/toy", "{");
    cr_assert_eq(weir_test_server_metric(&server, "weir_requests_total{model=\"toy\",version="
                                                  "\"1\",protocol=\"flask\",code=\"200\"}"),
                 5);
    cr_assert_eq(weir_test_server_metric(&server, "weir_requests_total{model=\"toy\",version="
                                                  "\"1\",protocol=\"flask\",code=\"400\"}"),
                 1);
    cr_assert_eq(weir_test_server_metric(&server, "weir_rows_total{model=\"toy\",version=\"1\"}"),
                 10);
    cr_assert_eq(weir_test_server_metric(&server,
                                         "weir_request_stage_seconds_count{model=\"toy\",version="
                                         "\"1\",stage=\"whole\"}"),
                 5);
    cr_assert_eq(weir_test_server_metric(&server, "weir_model_version{model=\"iris\"}"), 1);
    end();
}

/* One connection holds most of the memory with a body that never ends; predictions are refused
 * meanwhile, health is not. */
Test(serve_predict, short_of_memory_only_predictions_are_refused)
{
    start_with((const char *const[]){getenv("WEIR_MODELS"), "--state-dir", "off",
                                     "--request-memory-max", "1MiB", NULL});
    int fd = weir_test_server_connect(server.port);
    const char *head = "POST /predict/toy HTTP/1.1\r\nHost: a\r\nContent-Length: 1040000\r\n\r\n";
    static char spaces[1020000];
    memset(spaces, ' ', sizeof spaces);
    weir_test_server_send(fd, head, strlen(head));
    weir_test_server_send(fd, spaces, sizeof spaces);
    int status = 0;
    for (int i = 0; i < 1000 && status != 503; i++) {
        ask("/predict/toy", "{\"features\": [[1, 2]]}");
        status = answer.status;
    }
    cr_assert_eq(status, 503, "%s", answer.body);
    cr_assert_str_eq(field("Retry-After"), "1");
    cr_assert_eq(
        weir_test_server_metric(&server, "weir_refused_total{model=\"toy\",reason=\"memory\"}"), 1);
    ask_with("GET", "/healthz", NULL, NULL);
    cr_assert_eq(answer.status, 200);
    (void)close(fd);
    for (int i = 0; i < 1000 && status != 200; i++) {
        ask("/predict/toy", "{\"features\": [[1, 2]]}");
        status = answer.status;
    }
    cr_assert_eq(status, 200, "the memory comes back with the connection's end");
    end();
}

/* The linter of Prometheus itself; .ci/setup unpacks it. */
Test(serve_predict, promtool_accepts_the_metrics)
{
    const char *promtool = getenv("WEIR_PROMTOOL");
    if (!promtool)
        cr_skip("promtool is not there; .ci/setup --for test unpacks it");
    start();
    ask("/predict/toy", "{\"features\": [[1, 2]]}");
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.admin_port, "GET", "/metrics", NULL, NULL, &answer);
    cr_assert_str_eq(field("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    char command[4096];
    (void)snprintf(command, sizeof command, "%s check metrics 2>&1", promtool);
    FILE *lint = popen(command, "w");
    cr_assert_not_null(lint);
    cr_assert_eq(fwrite(answer.body, 1, answer.body_bytes, lint), answer.body_bytes);
    cr_assert_eq(pclose(lint), 0);
    end();
}

Test(serve_predict, one_model_needs_no_name)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/toy.joblib", getenv("WEIR_MODELS"));
    start_with((const char *const[]){path, "--state-dir", "off", NULL});
    ask("/predict", "{\"x\": [[1, 2]]}");
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    end();
}

Test(serve_predict, health_and_metadata_routes_answer)
{
    static const struct {
        const char *path;
        int status;
        const char *part;
    } pages[] = {
        {"/", 200, "\"status\":\"alive\""},
        {"/healthz", 200, "ok"},
        {"/health", 200, "ok"},
        {"/v2", 200, "\"name\""},
        {"/v2/health/live", 200, "\"live\":true"},
        {"/v2/health/ready", 200, "\"ready\":true"},
        {"/v2/models", 200, "toy"},
        {"/v2/models/toy/ready", 200, "\"ready\":true"},
        {"/v2/models/toy/versions/1/ready", 200, "\"ready\":true"},
        {"/v2/models/none/ready", 404, "not found"},
        {"/v2/models/toy/versions/1", 200, "\"versions\":[\"1\"]"},
    };
    start();
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        ask_with("GET", pages[i].path, NULL, NULL);
        cr_assert_eq(answer.status, pages[i].status, "%s: %d", pages[i].path, answer.status);
        cr_assert_not_null(strstr(answer.body, pages[i].part), "%s: %s", pages[i].path,
                           answer.body);
    }
    end();
}

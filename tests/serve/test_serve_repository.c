/* SPDX-License-Identifier: MIT */
/* Calls that change what is served are answered when it is done: what the answer says holds from
 * then on, for every loop. */
#include "test_server.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct weir_test_server server;
static struct weir_test_answer answer;
static struct weir_test_tmp tmp;

static void put_model(const char *from, const char *to)
{
    char path[1024];
    char part[512];
    char target[512];
    size_t n;
    (void)snprintf(path, sizeof path, "%s/%s", getenv("WEIR_MODELS"), from);
    char *bytes = weir_test_tmp_read(path, &n);
    (void)snprintf(part, sizeof part, "models/.%s.part", to);
    weir_test_tmp_write(&tmp, part, bytes, n);
    free(bytes);
    weir_test_tmp_path(&tmp, part, path, sizeof path);
    (void)snprintf(part, sizeof part, "models/%s", to);
    weir_test_tmp_path(&tmp, part, target, sizeof target);
    cr_assert_eq(rename(path, target), 0);
}

static void start_with(const char *const *more)
{
    static char models[512];
    const char *args[16] = {models, "--state-dir", "off", "--loops", "3"};
    size_t n = 5;
    weir_test_tmp_path(&tmp, "models", models, sizeof models);
    for (size_t i = 0; more[i]; i++)
        args[n++] = more[i];
    weir_test_server_start(&server, args);
    weir_test_server_wait_ready(&server);
}

static void setup(void)
{
    weir_test_tmp_init(&tmp);
    put_model("toy.joblib", "m.joblib");
}

static void teardown(void)
{
    weir_test_answer_deinit(&answer);
    weir_test_tmp_deinit(&tmp);
}

TestSuite(serve_repository, .init = setup, .fini = teardown, .timeout = 60);

static int ask(uint16_t port, const char *method, const char *path, const char *body)
{
    weir_test_answer_deinit(&answer);
    weir_test_server_request(port, method, path, NULL, body, &answer);
    return answer.status;
}

static int order(const char *path, const char *body)
{
    return ask(server.admin_port, "POST", path, body);
}

/* Asks often enough to meet every loop. */
static void expect_everywhere(const char *path, const char *body, int status)
{
    for (int i = 0; i < 24; i++)
        cr_assert_eq(ask(server.port, body ? "POST" : "GET", path, body), status, "%s: %d %s", path,
                     answer.status, answer.body);
}

Test(serve_repository, a_load_is_answered_when_every_loop_has_the_model)
{
    start_with((const char *const[]){NULL});
    put_model("toy.joblib", "late.joblib");
    cr_assert_eq(order("/v2/repository/models/late/load", NULL), 200, "%s", answer.body);
    cr_assert_str_eq(answer.body, "{\"name\":\"late\",\"load\":true}");
    expect_everywhere("/predict/late", "{\"x\":[1,2]}", 200);
    /* It is there already: nothing to do. */
    cr_assert_eq(order("/v2/repository/models/late/load", "{}"), 200, "%s", answer.body);
    cr_assert_eq(order("/weir/v1/models/late/load", NULL), 200, "%s", answer.body);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

Test(serve_repository, an_unload_is_answered_when_no_loop_serves_the_model)
{
    start_with((const char *const[]){NULL});
    cr_assert_eq(order("/v2/repository/models/m/unload", NULL), 200, "%s", answer.body);
    cr_assert_str_eq(answer.body, "{\"name\":\"m\",\"unload\":true}");
    expect_everywhere("/predict/m", "{\"x\":[1,2]}", 503);
    cr_assert_eq(order("/v2/repository/models/m/unload", NULL), 404, "%s", answer.body);
    cr_assert_eq(order("/v2/repository/models/m/load", NULL), 200, "%s", answer.body);
    expect_everywhere("/predict/m", "{\"x\":[1,2]}", 200);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

Test(serve_repository, a_load_that_fails_is_500_with_the_reason_and_the_old_version_serves)
{
    start_with((const char *const[]){NULL});
    weir_test_tmp_write(&tmp, "models/m.joblib", "no model", 8);
    cr_assert_eq(order("/v2/repository/models/m/load", NULL), 500, "%s", answer.body);
    cr_assert_not_null(strstr(answer.body, "{\"error\":\"load failed: m.joblib: "), "%s",
                       answer.body);
    expect_everywhere("/predict/m", "{\"x\":[1,2]}", 200);
    /* Asked for again it is tried again, with the same outcome. */
    cr_assert_eq(order("/v2/repository/models/m/load", NULL), 500, "%s", answer.body);
    put_model("iris.joblib", "m.joblib");
    cr_assert_eq(order("/v2/repository/models/m/load", NULL), 200, "%s", answer.body);
    expect_everywhere("/predict/m", "{\"features\":[[1,2,3,4]]}", 200);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

Test(serve_repository, what_cannot_be_done_is_said_at_once)
{
    start_with((const char *const[]){NULL});
    cr_assert_eq(order("/v2/repository/models/other/load", NULL), 404, "%s", answer.body);
    cr_assert_eq(order("/v2/repository/models/other/unload", NULL), 404, "%s", answer.body);
    cr_assert_eq(ask(server.port, "POST", "/v2/repository/models/m/unload", NULL), 404, "%s",
                 "repository calls are the admin listener's");
    cr_assert_eq(ask(server.admin_port, "GET", "/v2/repository/models/m/unload", NULL), 405);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

Test(serve_repository, the_main_listener_takes_orders_if_it_may_but_not_of_web_pages)
{
    start_with((const char *const[]){"--repository-api", "main", NULL});
    weir_test_server_request(server.port, "POST", "/v2/repository/models/m/unload",
                             "Origin: http://evil.example\r\n", NULL, &answer);
    cr_assert_eq(answer.status, 403, "%s", answer.body);
    expect_everywhere("/predict/m", "{\"x\":[1,2]}", 200);
    cr_assert_eq(ask(server.port, "POST", "/v2/repository/models/m/unload", NULL), 200, "%s",
                 answer.body);
    expect_everywhere("/predict/m", "{\"x\":[1,2]}", 503);
    cr_assert_eq(ask(server.port, "POST", "/weir/v1/models/m/load", NULL), 404);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

/* The connection of an order that waits is in flight like any other. */
Test(serve_repository, orders_that_wait_end_with_the_process)
{
    start_with((const char *const[]){"--drain-delay", "0s", "--drain-timeout", "500ms", NULL});
    char path[512];
    weir_test_tmp_path(&tmp, "models/w.joblib", path, sizeof path);
    FILE *writer = fopen(path, "w");
    cr_assert(writer);
    cr_assert_gt(fputs("the beginning of", writer), 0);
    cr_assert_eq(fflush(writer), 0);
    const char *text = "POST /v2/repository/models/w/load HTTP/1.1\r\nHost: a\r\n\r\n";
    int fd = weir_test_server_connect(server.admin_port);
    weir_test_server_send(fd, text, strlen(text));
    /* While one waits, another operation on the model is refused. */
    while (order("/weir/v1/models/w/rollback", NULL) != 409)
        cr_assert_eq(answer.status, 404, "%d %s", answer.status, answer.body);
    cr_assert_eq(weir_test_server_stop(&server, SIGTERM), 0);
    weir_test_answer_deinit(&answer);
    if (weir_test_server_receive(fd, &answer))
        cr_assert_eq(answer.status, 503, "%d %s", answer.status, answer.body);
    weir_test_answer_deinit(&answer);
    close(fd);
    (void)fclose(writer);
}

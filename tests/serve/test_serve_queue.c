/* SPDX-License-Identifier: MIT */
/* What a request may ask of the queue: how long it waits, and before whom. The one worker is kept
 * busy meanwhile with many rows of a slow model. */
#include "base/buf.h"
#include "base/clock.h"
#include "test_server.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_BUSY = 3, N_BUSY_ROWS = 200000 };

static struct weir_test_server server;
static struct weir_test_answer answer;
static int busy[N_BUSY]; /* connections on which a large request is under way */

static void start(const char *option, const char *value)
{
    weir_test_server_start(
        &server, (const char *const[]){getenv("WEIR_MODELS"), getenv("WEIR_SLOW_MODEL"),
                                       "--state-dir", "off", "--workers", "1", "--loops", "1",
                                       "--inline", "never", "--request-rows-max", "1000000",
                                       "--queue-delay-max", "60s", option, value, NULL});
    weir_test_server_wait_ready(&server);
}

static void end(void)
{
    weir_test_answer_deinit(&answer);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

static void post(int fd, const char *path, const char *body, size_t n)
{
    char head[256];
    int head_bytes = snprintf(
        head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", path, n);
    weir_test_server_send(fd, head, (size_t)head_bytes);
    weir_test_server_send(fd, body, n);
}

/* Gives the worker something to do for some hundreds of milliseconds: the bodies are short for what
 * they cost, so that all of them are there long before the first is done. Returns when n are. */
static void keep_busy(int n)
{
    uint64_t give_up_ns = weir_clock_ns() + 10 * WEIR_NS_PER_S;
    struct weir_buf body = {0};
    weir_buf_append_c(&body, "{\"features\":[[5,3,1,0]");
    for (int i = 1; i < N_BUSY_ROWS; i++)
        weir_buf_append_c(&body, ",[5,3,1,0]");
    weir_buf_append_c(&body, "]}");
    cr_assert(weir_buf_ok(&body));
    for (int i = 0; i < N_BUSY; i++) {
        busy[i] = weir_test_server_connect(server.port);
        post(busy[i], "/predict/knn_brute_manhattan_uniform", body.at, body.n);
    }
    weir_buf_deinit(&body);
    while (weir_test_server_metric(&server, "weir_queue_requests{loop=\"0\"}") < n)
        cr_assert(weir_clock_ns() < give_up_ns, "the large requests were done too soon");
}

static void expect_busy_ones(void)
{
    weir_test_answer_deinit(&answer);
    for (int i = 0; i < N_BUSY; i++) {
        cr_assert(weir_test_server_receive(busy[i], &answer));
        cr_assert_eq(answer.status, 200, "%s", answer.body);
        weir_test_answer_deinit(&answer);
        close(busy[i]);
    }
}

/* Asks v2 about one row of the toy model on a connection of its own. */
static int ask(const char *parameters)
{
    char body[512];
    int n = snprintf(body, sizeof body,
                     "{\"parameters\":{%s},\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],"
                     "\"datatype\":\"FP64\",\"data\":[1,2]}]}",
                     parameters);
    int fd = weir_test_server_connect(server.port);
    post(fd, "/v2/models/toy/infer", body, (size_t)n);
    return fd;
}

static void receive(int fd)
{
    weir_test_answer_deinit(&answer);
    cr_assert(weir_test_server_receive(fd, &answer));
    close(fd);
}

Test(serve_queue, a_request_that_waits_past_its_timeout_is_a_503)
{
    start("--priority-levels", "0");
    keep_busy(N_BUSY);
    int hasty = ask("\"timeout\":2000");
    int patient = ask("\"timeout\":60000000");
    receive(hasty);
    cr_assert_eq(answer.status, 503, "%s", answer.body);
    cr_assert_str_eq(
        answer.body,
        "{\"error\":\"timeout: the request waited in the queue for more than 2000 us\"}");
    receive(patient);
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    expect_busy_ones();
    cr_assert_eq(
        weir_test_server_metric(&server, "weir_unanswered_total{reason=\"queue_timeout\"}"), 1);
    cr_assert_eq(weir_test_server_metric(&server, "weir_unanswered_total{reason=\"expired\"}"), 0);
    receive(ask("\"timeout\":60000000"));
    cr_assert_eq(answer.status, 200, "with nothing ahead of it");
    end();
}

Test(serve_queue, requests_may_be_kept_from_setting_timeouts)
{
    start("--request-queue-timeout", "ignore");
    keep_busy(N_BUSY);
    receive(ask("\"timeout\":1"));
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    expect_busy_ones();
    end();
}

Test(serve_queue, all_requests_may_have_a_timeout)
{
    start("--queue-timeout", "30ms");
    keep_busy(1);
    receive(ask("\"timeout\":60000000"));
    cr_assert_eq(answer.status, 503, "a request only shortens it: %s", answer.body);
    cr_assert_not_null(strstr(answer.body, "more than 30000 us"), "%s", answer.body);
    bool is_first = true;
    for (int i = 0; i < N_BUSY; i++) {
        receive(busy[i]);
        cr_assert(answer.status == 503 || (is_first && answer.status == 200), "%d %s",
                  answer.status, answer.body);
        is_first = is_first && answer.status == 200;
    }
    end();
}

/* Returns how many batches of the toy model have run. */
static double n_batches(void)
{
    static const char *const reasons[] = {"idle_worker", "turn", "full", "delay", "deadline"};
    double n = 0;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        char series[160];
        (void)snprintf(series, sizeof series,
                       "weir_batches_total{model=\"toy\",version=\"1\",reason=\"%s\","
                       "place=\"pool\"}",
                       reasons[i]);
        double value = weir_test_server_metric(&server, series);
        n += value > 0 ? value : 0;
    }
    return n;
}

Test(serve_queue, levels_of_priority_have_batches_of_their_own)
{
    for (int pass = 0; pass < 2; pass++) {
        start("--priority-levels", pass == 0 ? "0" : "3");
        keep_busy(N_BUSY);
        int fds[] = {ask("\"priority\":3"), ask("\"priority\":1"), ask("\"priority\":1"),
                     ask("\"priority\":0"), ask("\"priority\":9")};
        for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
            receive(fds[i]);
            cr_assert_eq(answer.status, 200, "%s", answer.body);
        }
        cr_assert_eq(n_batches(), pass == 0 ? 1 : 2, "%g batches", n_batches());
        expect_busy_ones();
        end();
    }
}

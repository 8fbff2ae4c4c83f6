/* SPDX-License-Identifier: MIT */
/* Starting, reloading, swapping and ending a real server process. */
#include "base/buf.h"
#include "base/clock.h"
#include "test_server.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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

static void write_config(const char *text)
{
    weir_test_tmp_write(&tmp, "weir.yaml", text, strlen(text));
}

static void start_with(const char *const *more)
{
    static char models[512];
    static char config[512];
    const char *args[16] = {models, "--state-dir", "off", "--config", config};
    size_t n = 5;
    weir_test_tmp_path(&tmp, "models", models, sizeof models);
    weir_test_tmp_path(&tmp, "weir.yaml", config, sizeof config);
    for (size_t i = 0; more[i]; i++)
        args[n++] = more[i];
    weir_test_server_start(&server, args);
    weir_test_server_wait_ready(&server);
}

static void setup(void)
{
    weir_test_tmp_init(&tmp);
    write_config("log_level: debug\n");
    put_model("toy.joblib", "m.joblib");
}

static void teardown(void)
{
    weir_test_answer_deinit(&answer);
    weir_test_tmp_deinit(&tmp);
}

static void ask(const char *method, const char *path, const char *body)
{
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.port, method, path, NULL, body, &answer);
}

TestSuite(serve_life, .init = setup, .fini = teardown, .timeout = 60);

Test(serve_life, sigterm_turns_readiness_off_keeps_serving_and_ends_with_0)
{
    start_with((const char *const[]){"--drain-delay", "700ms", NULL});
    int kept = weir_test_server_connect(server.port);
    cr_assert_eq(kill(server.pid, SIGTERM), 0);
    cr_assert(weir_test_server_logged(&server, "event=\"leaving\"") ||
              weir_test_server_logged(&server, "event=leaving"));
    ask("GET", "/v2/health/ready", NULL);
    cr_assert_eq(answer.status, 503);
    ask("POST", "/predict/m", "{\"x\":[1,2]}");
    cr_assert_eq(answer.status, 200, "the delay is for clients that have not noticed yet");
    cr_assert_eq(weir_test_server_wait(&server), 0);
    char byte;
    cr_assert_eq(recv(kept, &byte, 1, 0), 0, "an idle connection is closed in order");
    (void)close(kept);
}

Test(serve_life, sigint_skips_the_delay)
{
    start_with((const char *const[]){"--drain-delay", "50s", "--drain-timeout", "60s", NULL});
    uint64_t start_ns = weir_clock_ns();
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
    cr_assert_lt(weir_clock_ns() - start_ns, 10 * WEIR_NS_PER_S);
}

/* As GNU timeout does: the process and its group get the same signal. */
Test(serve_life, the_same_signal_twice_at_once_is_one)
{
    start_with((const char *const[]){"--drain-delay", "200ms", NULL});
    cr_assert_eq(kill(server.pid, SIGTERM), 0);
    cr_assert(weir_test_server_logged(&server, "leaving"));
    cr_assert_eq(weir_test_server_stop(&server, SIGTERM), 0);
}

Test(serve_life, a_second_signal_ends_at_once)
{
    start_with((const char *const[]){"--drain-delay", "50s", "--drain-timeout", "60s", NULL});
    cr_assert_eq(kill(server.pid, SIGTERM), 0);
    cr_assert(weir_test_server_logged(&server, "leaving"));
    uint64_t later_ns = weir_clock_ns() + 200 * WEIR_NS_PER_MS;
    while (weir_clock_ns() < later_ns)
        (void)poll(NULL, 0, 10);
    cr_assert_eq(weir_test_server_stop(&server, SIGTERM), 1);
}

Test(serve_life, a_request_in_flight_is_answered_while_draining)
{
    start_with((const char *const[]){"--drain-delay", "0s", NULL});
    int fd = weir_test_server_connect(server.port);
    const char *head = "POST /predict/m HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n{\"x\":";
    weir_test_server_send(fd, head, strlen(head));
    ask("GET", "/healthz", NULL); /* By now the head above has been read. */
    cr_assert_eq(kill(server.pid, SIGTERM), 0);
    cr_assert(weir_test_server_logged(&server, "draining"));
    weir_test_server_send(fd, "[1,2]}", 6);
    weir_test_answer_deinit(&answer);
    cr_assert(weir_test_server_receive(fd, &answer));
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    char value[64];
    cr_assert(weir_test_answer_field(&answer, "Connection", value, sizeof value));
    cr_assert_str_eq(value, "close");
    (void)close(fd);
    cr_assert_eq(weir_test_server_wait(&server), 0);
}

Test(serve_life, sighup_takes_a_good_configuration_and_refuses_a_bad_one)
{
    put_model("iris.joblib", "iris.joblib");
    start_with((const char *const[]){NULL});
    ask("POST", "/predict", "{\"features\":[[1,2]]}");
    cr_assert_eq(answer.status, 404);
    write_config("default_model: m\n");
    cr_assert_eq(kill(server.pid, SIGHUP), 0);
    cr_assert(weir_test_server_logged(&server, "configuration reloaded"));
    ask("POST", "/predict", "{\"features\":[[1,2]]}");
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    write_config("default_modle: iris\n");
    cr_assert_eq(kill(server.pid, SIGHUP), 0);
    cr_assert(weir_test_server_logged(&server, "configuration refused"));
    cr_assert(weir_test_server_logged(&server, "default_modle"));
    ask("POST", "/predict", "{\"features\":[[1,2]]}");
    cr_assert_eq(answer.status, 200, "the old configuration stays");
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

/* The limits of decoding hold on workers too, which decode the large bodies. */
Test(serve_life, sighup_changes_limits_for_large_bodies)
{
    struct weir_buf body = WEIR_BUF_INIT;
    weir_buf_append_c(&body, "{\"features\":[[1,2]");
    for (int i = 0; i < 50000; i++)
        weir_buf_append_c(&body, ",[3,4]");
    weir_buf_append_c(&body, "]}");
    start_with((const char *const[]){NULL});
    ask("POST", "/predict/m", weir_buf_c(&body));
    cr_assert_eq(answer.status, 200, "%.200s", answer.body);
    write_config("request_rows_max: 50000\n");
    cr_assert_eq(kill(server.pid, SIGHUP), 0);
    cr_assert(weir_test_server_logged(&server, "configuration reloaded"));
    ask("POST", "/predict/m", weir_buf_c(&body));
    cr_assert_eq(answer.status, 413, "%.200s", answer.body);
    weir_buf_deinit(&body);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

static void wait_for_version(const char *version)
{
    char value[64] = "";
    uint64_t until_ns = weir_clock_ns() + 10 * WEIR_NS_PER_S;
    do {
        ask("POST", "/predict/m", "{\"features\":[[1,2,3,4]]}");
        if (answer.status != 200)
            ask("POST", "/predict/m", "{\"features\":[[1,2]]}");
        (void)weir_test_answer_field(&answer, "Weir-Version", value, sizeof value);
        if (strcmp(value, version) == 0)
            return;
        (void)poll(NULL, 0, 5);
    } while (weir_clock_ns() < until_ns);
    cr_assert_str_eq(value, version);
}

Test(serve_life, a_renamed_file_is_served_and_a_broken_one_is_not)
{
    start_with((const char *const[]){NULL});
    wait_for_version("1");
    put_model("iris.joblib", "m.joblib");
    wait_for_version("2");
    weir_test_tmp_write(&tmp, "models/.junk", "not a model", 11);
    char from[512];
    char to[512];
    weir_test_tmp_path(&tmp, "models/.junk", from, sizeof from);
    weir_test_tmp_path(&tmp, "models/m.joblib", to, sizeof to);
    cr_assert_eq(rename(from, to), 0);
    cr_assert(weir_test_server_logged(&server, "model not loaded"));
    wait_for_version("2");
    ask("GET", "/v2/models/m", NULL);
    cr_assert_not_null(strstr(answer.body, "m.joblib"), "%s", answer.body);
    cr_assert_not_null(strstr(answer.body, "last_failure"), "%s", answer.body);
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.admin_port, "GET", "/metrics", NULL, NULL, &answer);
    cr_assert_not_null(strstr(answer.body, "weir_model_failed_timestamp_seconds{model=\"m\","
                                           "file=\"m.joblib\",reason=\""));
    cr_assert_not_null(strstr(answer.body, "weir_loads_total{model=\"m\",outcome=\"failed\"} 1"));
    put_model("toy.joblib", "m.joblib");
    wait_for_version("3");
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

Test(serve_life, rollback_serves_the_version_before)
{
    char state[512];
    weir_test_tmp_path(&tmp, "state", state, sizeof state);
    start_with((const char *const[]){"--state-dir", state, NULL});
    wait_for_version("1");
    put_model("iris.joblib", "m.joblib");
    wait_for_version("2");
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.port, "POST", "/weir/v1/models/m/rollback", NULL, NULL,
                             &answer);
    cr_assert_eq(answer.status, 404, "repository calls are the admin listener's");
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.admin_port, "POST", "/weir/v1/models/m/rollback", NULL, NULL,
                             &answer);
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert(weir_test_server_logged(&server, "model rolled back"));
    ask("POST", "/predict/m", "{\"features\":[[1,2]]}");
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

Test(serve_life, a_rollback_without_a_kept_file_is_refused_and_changes_nothing)
{
    start_with((const char *const[]){"--rollback-memory-max", "0", NULL});
    wait_for_version("1");
    put_model("iris.joblib", "m.joblib");
    wait_for_version("2");
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.admin_port, "POST", "/weir/v1/models/m/rollback", NULL, NULL,
                             &answer);
    cr_assert_eq(answer.status, 400, "%s", answer.body);
    cr_assert_not_null(strstr(answer.body, "state directory"), "%s", answer.body);
    put_model("toy.joblib", "m.joblib");
    wait_for_version("3");
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

/* A page in the browser of whoever runs the server can send such a POST without asking first. */
Test(serve_life, pages_of_other_sites_cannot_unload_a_model)
{
    start_with((const char *const[]){NULL});
    wait_for_version("1");
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.admin_port, "POST", "/weir/v1/models/m/unload",
                             "Origin: http://evil.example\r\n", NULL, &answer);
    cr_assert_eq(answer.status, 403, "%s", answer.body);
    wait_for_version("1");
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.admin_port, "POST", "/weir/v1/models/m/unload", NULL, NULL,
                             &answer);
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

/* The server's own page may, by an address or localhost; a name may have been made to mean this
 * machine after another page was loaded from it. */
Test(serve_life, its_own_page_can_unload_a_model)
{
    char fields[128];
    start_with((const char *const[]){NULL});
    wait_for_version("1");
    weir_test_answer_deinit(&answer);
    (void)snprintf(fields, sizeof fields, "Origin: http://localhost:%u\r\n", server.port);
    weir_test_server_request(server.admin_port, "POST", "/weir/v1/models/m/unload", fields, NULL,
                             &answer);
    cr_assert_eq(answer.status, 403, "%s", answer.body);
    char text[512];
    int n = snprintf(text, sizeof text,
                     "POST /weir/v1/models/m/unload HTTP/1.1\r\nHost: rebound.example:%u\r\n"
                     "Origin: http://rebound.example:%u\r\nContent-Length: 0\r\n\r\n",
                     server.admin_port, server.admin_port);
    int fd = weir_test_server_connect(server.admin_port);
    weir_test_server_send(fd, text, (size_t)n);
    weir_test_answer_deinit(&answer);
    cr_assert(weir_test_server_receive(fd, &answer));
    cr_assert_eq(answer.status, 403, "%s", answer.body);
    wait_for_version("1");
    n = snprintf(text, sizeof text,
                 "POST /weir/v1/models/m/unload HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                 "Origin: http://127.0.0.1:%u\r\nContent-Length: 0\r\n\r\n",
                 server.admin_port, server.admin_port);
    weir_test_server_send(fd, text, (size_t)n);
    weir_test_answer_deinit(&answer);
    cr_assert(weir_test_server_receive(fd, &answer));
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert_eq(close(fd), 0);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

Test(serve_life, the_page_is_sent_packed_plain_or_not_at_all)
{
    char tag[128];
    char fields[256];
    start_with((const char *const[]){NULL});
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.port, "GET", "/", NULL, NULL, &answer);
    cr_assert_not_null(strstr(answer.body, "alive"), "the main listener has no page");
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.admin_port, "GET", "/", NULL, NULL, &answer);
    cr_assert_eq(answer.status, 200);
    cr_assert_eq(strncmp(answer.body, "<!DOCTYPE html>", 15), 0, "%.100s", answer.body);
    cr_assert_not_null(strstr(answer.body, "</html>"));
    cr_assert_null(strstr(answer.body, "src=\"http"));
    cr_assert(weir_test_answer_field(&answer, "Content-Security-Policy", fields, sizeof fields));
    cr_assert_eq(strncmp(fields, "default-src 'none'; script-src 'sha256-", 39), 0, "%s", fields);
    cr_assert(weir_test_answer_field(&answer, "ETag", tag, sizeof tag));
    size_t plain_bytes = answer.body_bytes;

    (void)snprintf(fields, sizeof fields, "If-None-Match: \"x\", W/%s\r\n", tag);
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.admin_port, "GET", "/", fields, NULL, &answer);
    cr_assert_eq(answer.status, 304);
    cr_assert_eq(answer.body_bytes, 0);

    (void)snprintf(fields, sizeof fields, "Accept-Encoding: gzip\r\nIf-None-Match: %s\r\n", tag);
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.admin_port, "GET", "/", fields, NULL, &answer);
    cr_assert_eq(answer.status, 200, "the packed form is another");
    cr_assert_lt(answer.body_bytes, plain_bytes / 2);
    cr_assert_eq((unsigned char)answer.body[0], 0x1f);
    cr_assert(weir_test_answer_field(&answer, "Content-Encoding", tag, sizeof tag));
    cr_assert_str_eq(tag, "gzip");
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

Test(serve_life, what_happened_lately_is_told)
{
    start_with((const char *const[]){NULL});
    put_model("iris.joblib", "m.joblib");
    wait_for_version("2");
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.admin_port, "GET", "/weir/v1/events?model=m&after=1", NULL,
                             NULL, &answer);
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert_not_null(strstr(answer.body, "\"event\":\"model swapped\",\"model\":\"m\","
                                           "\"version\":2,\"before\":1,\"file\":\"m.joblib\""),
                       "%s", answer.body);
    cr_assert_null(strstr(answer.body, "\"number\":1,"), "%s", answer.body);
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.admin_port, "GET", "/weir/v1/events?since=1", NULL, NULL,
                             &answer);
    cr_assert_eq(answer.status, 400, "%s", answer.body);
    weir_test_answer_deinit(&answer);
    weir_test_server_request(server.admin_port, "GET",
                             "/metrics?name[]=weir_model_version&sum[]=weir_batch_rows", NULL, NULL,
                             &answer);
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert_not_null(strstr(answer.body, "\nweir_model_version{model=\"m\"} 2\n"), "%s",
                       answer.body);
    cr_assert_null(strstr(answer.body, "process_"), "%s", answer.body);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

Test(serve_life, a_unix_socket_serves_all_loops)
{
    char path[100];
    char listen[160];
    weir_test_tmp_path(&tmp, "s", path, sizeof path);
    (void)snprintf(listen, sizeof listen, "unix:%s", path);
    start_with((const char *const[]){"--listen", listen, "--loops", "2", NULL});
    for (int i = 0; i < 4; i++) {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        (void)snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
        const char *text = "POST /predict/m HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"
                           "{\"x\":[1,2]}";
        weir_test_server_send(fd, text, strlen(text));
        weir_test_answer_deinit(&answer);
        cr_assert(weir_test_server_receive(fd, &answer));
        cr_assert_eq(answer.status, 200);
        (void)close(fd);
    }
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
    cr_assert_neq(access(path, F_OK), 0, "the socket file is removed");
}

/* All of a big directory goes at once: each loop then lets go of hundreds of versions in one go. */
Test(serve_life, hundreds_of_models_unloaded_at_once_are_let_go)
{
    enum { N = 300 };
    char name[64];
    char path[512];
    for (int i = 0; i < N; i++) {
        (void)snprintf(name, sizeof name, "m%03d.joblib", i);
        put_model("toy.joblib", name);
    }
    start_with((const char *const[]){"--loops", "4", NULL});
    ask("POST", "/predict/m299", "{\"x\":[1,2]}");
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    for (int i = 0; i < N; i++) {
        (void)snprintf(name, sizeof name, "models/m%03d.joblib", i);
        weir_test_tmp_path(&tmp, name, path, sizeof path);
        cr_assert_eq(unlink(path), 0);
    }
    cr_assert_eq(kill(server.pid, SIGHUP), 0);
    double freed = 0;
    uint64_t until_ns = weir_clock_ns() + 20 * WEIR_NS_PER_S;
    while (freed < N && weir_clock_ns() < until_ns) {
        (void)poll(NULL, 0, 20);
        freed = weir_test_server_metric(&server,
                                        "weir_repository_events_total{event=\"versions_freed\"}");
    }
    cr_assert_float_eq(freed, N, 0);
    ask("POST", "/predict/m", "{\"x\":[1,2]}");
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

/* Health and metrics are wanted most when clients hold all connections. */
Test(serve_life, a_full_main_listener_leaves_the_admin_one_alone)
{
    int held[4];
    start_with((const char *const[]){"--connections-max", "4", "--limit-loopback", NULL});
    for (int i = 0; i < 4; i++)
        held[i] = weir_test_server_connect(server.port);
    double n = 0;
    for (int i = 0; i < 100 && n < 4; i++)
        n = weir_test_server_metric(&server, "weir_http_connections{loop=\"0\"}");
    cr_assert_float_eq(n, 4, 0);
    uint64_t start_ns = weir_clock_ns();
    for (int i = 0; i < 3; i++) {
        weir_test_answer_deinit(&answer);
        weir_test_server_request(server.admin_port, "GET", "/healthz", NULL, NULL, &answer);
        cr_assert_eq(answer.status, 200);
    }
    cr_assert_lt(weir_clock_ns() - start_ns, 5 * WEIR_NS_PER_S, "they were held back");
    for (int i = 0; i < 4; i++)
        (void)close(held[i]);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

Test(serve_life, the_largest_numbers_of_threads_start)
{
    start_with((const char *const[]){"--loops", "63", "--workers", "256", NULL});
    ask("POST", "/predict/m", "{\"x\":[1,2]}");
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

Test(serve_life, the_start_tells_addresses_models_and_a_curl_line)
{
    start_with((const char *const[]){NULL});
    ask("GET", "/v2/health/ready", NULL);
    uint64_t until_ns = weir_clock_ns() + 5 * WEIR_NS_PER_S;
    while (!strstr(server.said, "curl") && weir_clock_ns() < until_ns) {
        size_t n = strlen(server.said);
        ssize_t r = read(server.out, server.said + n, sizeof server.said - 1 - n);
        cr_assert_gt(r, 0);
        server.said[n + (size_t)r] = '\0';
    }
    cr_assert_not_null(strstr(server.said, "model m: ready, version 1, LinearRegression"), "%s",
                       server.said);
    cr_assert_not_null(strstr(server.said, "/predict/m -d '{\"features\": [[0, 0]]}'"), "%s",
                       server.said);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

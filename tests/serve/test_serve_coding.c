/* SPDX-License-Identifier: MIT */
/* Compressed bodies and answers, on the loop and on workers. */
#include "base/buf.h"
#include "base/macros.h"
#include "codec/coding.h"
#include "test_server.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct weir_test_server server;
static struct weir_test_answer answer;
static struct weir_codec_deflate deflate = WEIR_CODEC_DEFLATE_INIT;

static void start(const char *option, const char *value)
{
    weir_test_server_start(&server, (const char *const[]){getenv("WEIR_MODELS"), "--state-dir",
                                                          "off", option, value, NULL});
    weir_test_server_wait_ready(&server);
}

static void end(void)
{
    weir_test_answer_deinit(&answer);
    weir_codec_deflate_deinit(&deflate);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

static void ask(const char *path, const char *fields, struct weir_str body)
{
    char head[512];
    int n =
        snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n",
                 path, fields, body.n);
    int fd = weir_test_server_connect(server.port);
    weir_test_answer_deinit(&answer);
    weir_test_server_send(fd, head, (size_t)n);
    weir_test_server_send(fd, body.at, body.n);
    cr_assert(weir_test_server_receive(fd, &answer), "%s %s", path, fields);
    close(fd);
}

static bool has_field(const char *name, const char *value)
{
    char found[256];
    return weir_test_answer_field(&answer, name, found, sizeof found) && strcmp(found, value) == 0;
}

static bool has_no_field(const char *name)
{
    char found[256];
    return !weir_test_answer_field(&answer, name, found, sizeof found);
}

static struct weir_buf pack(enum weir_codec_inflate_format format, struct weir_str plain)
{
    struct weir_buf out = WEIR_BUF_INIT;
    cr_assert_eq(weir_codec_deflate_all(&deflate, format, plain, &out), WEIR_OK);
    return out;
}

/* A v2 request of n rows for the toy model, padded to at least n_bytes. */
static struct weir_buf v2_body(int n, size_t n_bytes)
{
    struct weir_buf body = WEIR_BUF_INIT;
    char text[128];
    (void)snprintf(text, sizeof text,
                   "{\"inputs\":[{\"name\":\"x\",\"shape\":[%d,2],\"datatype\":\"FP64\",\"data\":[",
                   n);
    weir_buf_append_c(&body, text);
    for (int i = 0; i < n; i++) {
        (void)snprintf(text, sizeof text, "%s%d.25,%d.5", i > 0 ? "," : "", i % 977, i % 31);
        weir_buf_append_c(&body, text);
    }
    weir_buf_append_c(&body, "]}]");
    while (body.n + 1 < n_bytes)
        weir_buf_append_byte(&body, ' ');
    weir_buf_append_c(&body, "}");
    cr_assert(weir_buf_ok(&body));
    return body;
}

static const char *const v2_path = "/v2/models/toy/infer";

/* Asks plainly and in each coding; the answers must be the same. */
static void expect_same(struct weir_str body)
{
    ask(v2_path, "", body);
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    char *plain = strdup(answer.body);
    static const struct {
        const char *fields;
        enum weir_codec_inflate_format format[2];
    } codings[] = {
        {"Content-Encoding: gzip\r\n", {WEIR_CODEC_INFLATE_GZIP}},
        {"Content-Encoding: deflate\r\n", {WEIR_CODEC_INFLATE_ZLIB}},
        {"Content-Encoding: x-gzip\r\n", {WEIR_CODEC_INFLATE_ZLIB}}, /* it shows what it is */
        {"Content-Encoding: identity\r\n", {WEIR_CODEC_INFLATE_NONE}},
        {"Content-Encoding: deflate, gzip\r\n", {WEIR_CODEC_INFLATE_ZLIB, WEIR_CODEC_INFLATE_GZIP}},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(codings); i++) {
        struct weir_buf sent = WEIR_BUF_INIT;
        weir_buf_append_str(&sent, body);
        for (int k = 0; k < 2 && codings[i].format[k] != WEIR_CODEC_INFLATE_NONE; k++) {
            struct weir_buf packed = pack(codings[i].format[k], weir_buf_str(&sent));
            weir_buf_deinit(&sent);
            sent = packed;
        }
        ask(v2_path, codings[i].fields, weir_buf_str(&sent));
        cr_assert_eq(answer.status, 200, "%s%s", codings[i].fields, answer.body);
        cr_assert_str_eq(answer.body, plain);
        weir_buf_deinit(&sent);
    }
    free(plain); /* NOLINT: strdup's */
}

Test(serve_coding, compressed_bodies_are_read_whatever_their_size)
{
    start("--request-rows-max", "1000000");
    static const struct {
        int n_rows;
        size_t n_bytes;
    } sizes[] = {
        {1, 0},          /* on the loop */
        {3000, 0},       /* on the loop, some reads */
        {1, 300 * 1024}, /* small when packed, but a worker's when not */
        {100000, 0},     /* a worker's either way */
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(sizes); i++) {
        struct weir_buf body = v2_body(sizes[i].n_rows, sizes[i].n_bytes);
        expect_same(weir_buf_str(&body));
        weir_buf_deinit(&body);
    }
    cr_assert_eq(weir_test_server_metric(&server, "weir_compressed_total{direction=\"in\"}"),
                 4 * WEIR_ARRAY_LEN(sizes));
    cr_assert_eq(weir_test_server_metric(&server, "weir_compressed_total{direction=\"out\"}"), 0);
    end();
}

Test(serve_coding, what_cannot_be_undone_is_refused)
{
    start("--body-bytes-max", "1MiB");
    struct weir_buf body = v2_body(1, 0);
    struct weir_buf packed = pack(WEIR_CODEC_INFLATE_GZIP, weir_buf_str(&body));
    ask(v2_path, "Content-Encoding: br\r\n", weir_buf_str(&packed));
    cr_assert_eq(answer.status, 415);
    cr_assert(has_field("Accept-Encoding", "gzip, deflate"), "%s", answer.head);
    cr_assert_not_null(strstr(answer.body, "\"error\""), "%s", answer.body);
    ask(v2_path, "Content-Encoding: gzip, br\r\n", weir_buf_str(&packed));
    cr_assert_eq(answer.status, 415);
    ask(v2_path, "Content-Encoding: gzip\r\n", weir_buf_str(&body));
    cr_assert_eq(answer.status, 400, "it is not compressed");
    ask(v2_path, "Content-Encoding: gzip\r\n", WEIR_STR(""));
    cr_assert_eq(answer.status, 400);
    ask(v2_path, "Content-Encoding: gzip, gzip\r\n", weir_buf_str(&packed));
    cr_assert_eq(answer.status, 400, "only once");
    for (size_t n = 1; n < packed.n; n += 9) {
        ask(v2_path, "Content-Encoding: gzip\r\n", weir_str_make(packed.at, n));
        cr_assert_eq(answer.status, 400, "%zu bytes of it", n);
    }
    weir_buf_append_c(&packed, "more");
    ask(v2_path, "Content-Encoding: gzip\r\n", weir_buf_str(&packed));
    cr_assert_eq(answer.status, 400);
    cr_assert_not_null(strstr(answer.body, "follow the end"), "%s", answer.body);
    ask(v2_path, "Content-Encoding: gzip\r\n", WEIR_STR("\x1f\x8b"));
    cr_assert_eq(answer.status, 400);
    weir_buf_deinit(&body);
    weir_buf_deinit(&packed);
    end();
}

/* Twice packed, so that what is sent is small at every ratio. */
Test(serve_coding, only_predictions_are_taken_compressed)
{
    start("--repository-api", "main");
    struct weir_buf packed = pack(WEIR_CODEC_INFLATE_GZIP, WEIR_STR("{\"log_verbose_level\": 1}"));
    static const char *const paths[] = {"/v2/logging", "/v2/repository/index"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(paths); i++) {
        ask(paths[i], "Content-Encoding: gzip\r\n", weir_buf_str(&packed));
        cr_assert_eq(answer.status, 415, "%s: %d", paths[i], answer.status);
        cr_assert(has_field("Accept-Encoding", "identity"), "%s", answer.head);
        cr_assert_not_null(strstr(answer.body, "only the bodies of predictions"), "%s",
                           answer.body);
        ask(paths[i], "Content-Encoding: identity\r\n", WEIR_STR("{}"));
        cr_assert_eq(answer.status, 200, "%s: %d %s", paths[i], answer.status, answer.body);
    }
    weir_buf_deinit(&packed);
    end();
}

Test(serve_coding, bombs_are_refused_without_growing)
{
    for (int pass = 0; pass < 2; pass++) {
        start(pass == 0 ? "--body-bytes-max" : "--inflated-ratio-max", pass == 0 ? "4MiB" : "50");
        static char zeros[1 << 20];
        memset(zeros, ' ', sizeof zeros);
        struct weir_buf all = WEIR_BUF_INIT;
        for (int i = 0; i < 64; i++)
            weir_buf_append(&all, zeros, sizeof zeros);
        struct weir_buf once = pack(WEIR_CODEC_INFLATE_GZIP, weir_buf_str(&all));
        struct weir_buf twice = pack(WEIR_CODEC_INFLATE_GZIP, weir_buf_str(&once));
        cr_assert_gt(once.n, 64 * 1024, "a worker's");
        cr_assert_lt(twice.n, 16 * 1024, "the loop's at first");
        for (int i = 0; i < 3; i++) {
            ask(v2_path, "Content-Encoding: gzip\r\n", weir_buf_str(&once));
            cr_assert_eq(answer.status, 413, "%d %s", answer.status, answer.body);
            ask(v2_path, "Content-Encoding: gzip, gzip\r\n", weir_buf_str(&twice));
            cr_assert_eq(answer.status, 413, "%d %s", answer.status, answer.body);
        }
        struct weir_buf body = v2_body(5, 0);
        expect_same(weir_buf_str(&body));
        cr_assert_eq(weir_test_server_metric(&server, "weir_queue_requests{loop=\"0\"}"), 0);
        weir_buf_deinit(&body);
        weir_buf_deinit(&all);
        weir_buf_deinit(&once);
        weir_buf_deinit(&twice);
        end();
    }
}

/* Makes the answer's body plain again. */
static void unpack_answer(void)
{
    struct weir_buf out = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_codec_inflate_limits limits = {0, 0};
    cr_assert_eq(
        weir_codec_inflate_all(weir_str_make(answer.body, answer.body_bytes), limits, &out, &err),
        WEIR_OK, "%s", err.msg);
    cr_assert_lt(answer.body_bytes, out.n);
    weir_buf_append_byte(&out, 0);
    weir_test_answer_deinit(&answer);
    answer.body = out.at;
    answer.body_bytes = out.n - 1;
}

Test(serve_coding, answers_are_compressed_as_the_client_weighs)
{
    for (int pass = 0; pass < 2; pass++) {
        start("--inline", pass == 0 ? "always" : "auto");
        static const int sizes[] = {200, 100000 / 2};
        for (size_t s = 0; s < WEIR_ARRAY_LEN(sizes); s++) {
            struct weir_buf body = v2_body(sizes[s], 0);
            ask(v2_path, "", weir_buf_str(&body));
            cr_assert(has_no_field("Content-Encoding"));
            cr_assert(has_no_field("Vary"));
            char *plain = strdup(answer.body);
            static const char *const fields[][2] = {
                {"Accept-Encoding: gzip\r\n", "gzip"},
                {"Accept-Encoding: deflate\r\n", "deflate"},
                {"Accept-Encoding: gzip;q=0.1, deflate;q=0.2, br\r\n", "deflate"},
                {"Accept-Encoding: br, gzip, deflate\r\n", "gzip"},
                {"Accept-Encoding: identity, gzip\r\n", NULL},
                {"Accept-Encoding: *\r\n", NULL},
                {"Accept-Encoding: gzip;q=0\r\n", NULL},
            };
            for (size_t i = 0; i < WEIR_ARRAY_LEN(fields); i++) {
                ask(v2_path, fields[i][0], weir_buf_str(&body));
                cr_assert_eq(answer.status, 200);
                cr_assert(has_field("Content-Type", "application/json"));
                if (!fields[i][1]) {
                    cr_assert(has_no_field("Content-Encoding"), "%s", answer.head);
                } else {
                    cr_assert(has_field("Content-Encoding", fields[i][1]), "%s", answer.head);
                    cr_assert(has_field("Vary", "Accept-Encoding"));
                    unpack_answer();
                }
                cr_assert_str_eq(answer.body, plain);
            }
            free(plain); /* NOLINT: strdup's */
            weir_buf_deinit(&body);
        }
        cr_assert_eq(weir_test_server_metric(&server, "weir_compressed_total{direction=\"out\"}"),
                     8);
        end();
    }
}

Test(serve_coding, only_long_successful_predictions_are_compressed)
{
    static const struct {
        const char *option;
        const char *value;
        bool v2;
        bool flask;
    } passes[] = {
        {"--compress-answers", "v2", true, false},
        {"--compress-answers", "all", true, true},
        {"--compress-answers", "none", false, false},
        {"--compress-answers-min", "1MiB", false, false},
    };
    const char *gzip = "Accept-Encoding: gzip\r\n";
    struct weir_buf rows = WEIR_BUF_INIT;
    weir_buf_append_c(&rows, "{\"features\":[[1,2]");
    for (int i = 0; i < 300; i++)
        weir_buf_append_c(&rows, ",[1.5,2]");
    weir_buf_append_c(&rows, "]}");
    struct weir_buf body = v2_body(300, 0);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(passes); i++) {
        start(passes[i].option, passes[i].value);
        ask(v2_path, gzip, weir_buf_str(&body));
        cr_assert_eq(has_field("Content-Encoding", "gzip"), passes[i].v2);
        ask("/predict/toy", gzip, weir_buf_str(&rows));
        cr_assert_eq(answer.status, 200);
        cr_assert_eq(has_field("Content-Encoding", "gzip"), passes[i].flask);
        ask("/predict/toy", gzip, WEIR_STR("{\"features\":[[1,2]]}"));
        cr_assert(has_no_field("Content-Encoding"), "a short one");
        ask(v2_path, gzip, WEIR_STR("{"));
        cr_assert_eq(answer.status, 400);
        cr_assert(has_no_field("Content-Encoding"), "an error");
        weir_test_answer_deinit(&answer);
        weir_test_server_request(server.port, "GET", "/v2/models/breast-cancer", gzip, NULL,
                                 &answer);
        cr_assert_eq(answer.status, 200);
        cr_assert(has_no_field("Content-Encoding"), "metadata");
        end();
    }
    weir_buf_deinit(&rows);
    weir_buf_deinit(&body);
}

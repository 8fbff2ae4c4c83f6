/* SPDX-License-Identifier: MIT */
/* Each allocation of a connection's life failing in turn, once and from then on: every request
 * still has one outcome, an answer is whole or not there at all, nothing leaks, and the next
 * connection is served. */
#include "base/macros.h"
#include "h2_text.h"
#include "http_fake.h"
#include "test_mem.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>

#define HOST "Host: a\r\n"

static const struct {
    const char *label;
    const char *bytes;
    size_t piece; /* sent in pieces of so many bytes */
} rows[] = {
    {"one read", "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi", 1000},
    {"byte by byte", "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi", 1},
    {"chunked",
     "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 7},
    {"expect", "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
     50},
    {"pipelined",
     "POST /late HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"
     "GET /hello/x%20y HTTP/1.1\r\n" HOST "\r\n"
     "POST /late HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\nGET /hello/z HTTP/1.1\r\n" HOST
     "\r\n",
     1000},
    {"long answer", "GET /big/300000 HTTP/1.1\r\n" HOST "\r\n", 1000},
    {"refusals",
     "PUT /echo HTTP/1.1\r\n" HOST "\r\nOPTIONS * HTTP/1.1\r\n" HOST
     "\r\nPOST /refuse HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nxGET / HTTP/9\r\n",
     1000},
};

ParameterizedTestParameters(http_conn, each_allocation_fails)
{
    static size_t index[WEIR_ARRAY_LEN(rows)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, WEIR_ARRAY_LEN(rows));
}

/* The same for HTTP/2, in lines of h2_text.h. */
static const char *const h2_lines[] = {
    "preface",
    "get 1 /hello/x",
    "post 3 /late",
    "data 3 END_STREAM \"hi\"",
    "post 5 /echo",
    "data 5 - \"one\"",
    "get 7 /nowhere",
    "data 5 END_STREAM \"two\"",
    "post 9 /stream",
    "data 9 - \"part\"",
    "data 9 END_STREAM \"last\"",
    "get 11 /big/40000",
    "post 13 /late",
    "rst 13 CANCEL",
    "ping - \"12345678\"",
};

/* What arrived must be whole answers, one after the other. */
static void check_whole(struct http_fake_conn *c)
{
    const char *at = http_fake_received(c);
    while (at && *at) {
        cr_assert_eq(strncmp(at, "HTTP/1.1 ", 9), 0, "%.60s", at);
        const char *end = strstr(at, "\r\n\r\n");
        cr_assert_not_null(end);
        const char *length = strstr(at, "Content-Length: ");
        size_t n = length && length < end ? strtoul(length + 16, NULL, 10) : 0;
        cr_assert_geq(strlen(end + 4), n);
        at = end + 4 + n;
    }
}

/* Plays the scenario with call number n failing. Returns false when no call failed any more. */
static bool run(size_t row, uint64_t n, bool is_sticky)
{
    static struct http_fake f;
    test_mem_fail_at(n, is_sticky);
    bool is_made = http_fake_init(&f, NULL, test_mem());
    struct http_fake_conn *c = is_made ? http_fake_open(&f) : NULL;
    f.answers_late = true;
    struct weir_str bytes = weir_str_c(rows[row].bytes);
    for (size_t at = 0; c && at < bytes.n; at += rows[row].piece)
        http_fake_send(c,
                       weir_str_make(bytes.at + at, weir_min_size(rows[row].piece, bytes.n - at)));
    bool has_failed = test_mem_has_failed();
    test_mem_fail_at(0, false);
    if (c)
        check_whole(c);
    if (is_made) {
        struct http_fake_conn *next = http_fake_open(&f);
        cr_assert_not_null(next);
        http_fake_send_c(next, "GET /hello/after HTTP/1.1\r\n" HOST "\r\n");
        cr_assert_not_null(strstr(http_fake_received(next), "\r\n\r\nafter"));
        http_fake_deinit(&f);
    }
    cr_assert_eq(test_mem_n_live(), 0, "%s: call %llu: leak", rows[row].label,
                 (unsigned long long)n);
    return has_failed;
}

ParameterizedTest(size_t *index, http_conn, each_allocation_fails, .timeout = 60)
{
    for (int is_sticky = 0; is_sticky < 2; is_sticky++) {
        uint64_t n = 1;
        while (run(*index, n, is_sticky != 0))
            n++;
        cr_assert_gt(n, 4, "no allocation was reached");
        cr_assert_lt(n, 1000);
    }
}

/* Plays h2_lines with call number n failing: every request has one outcome, nothing leaks, the next
 * connection is served. */
static bool run_h2(uint64_t n, bool is_sticky)
{
    static struct http_fake f;
    static char bytes[4096];
    test_mem_fail_at(n, is_sticky);
    bool is_made = http_fake_init(&f, NULL, test_mem());
    struct http_fake_conn *c = is_made ? http_fake_open(&f) : NULL;
    f.answers_late = true;
    for (size_t i = 0; c && i < WEIR_ARRAY_LEN(h2_lines); i++) {
        long k = h2_text_write(h2_lines[i], bytes, sizeof bytes);
        cr_assert_gt(k, 0);
        http_fake_send(c, weir_str_make(bytes, (size_t)k));
    }
    bool has_failed = test_mem_has_failed();
    test_mem_fail_at(0, false);
    if (is_made) {
        struct http_fake_conn *next = http_fake_open(&f);
        cr_assert_not_null(next);
        http_fake_send_c(next, "GET /hello/after HTTP/1.1\r\n" HOST "\r\n");
        cr_assert_not_null(strstr(http_fake_received(next), "\r\n\r\nafter"));
        if (!has_failed)
            cr_assert_eq(f.server.counters.answers_2xx, 6);
        http_fake_deinit(&f);
    }
    cr_assert_eq(test_mem_n_live(), 0, "call %llu: leak", (unsigned long long)n);
    return has_failed;
}

Test(http_conn, each_allocation_of_http_2_fails, .timeout = 60)
{
    for (int is_sticky = 0; is_sticky < 2; is_sticky++) {
        uint64_t n = 1;
        while (run_h2(n, is_sticky != 0))
            n++;
        cr_assert_gt(n, 20, "no allocation was reached");
        cr_assert_lt(n, 2000);
    }
}

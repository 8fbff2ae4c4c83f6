/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "http_fake.h"
#include "test_mem.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#define DATE "Date: #############################\r\n"
#define OK(type, n, body) \
    "HTTP/1.1 200 OK\r\n" DATE "Content-Type: " type "\r\nContent-Length: " n "\r\n\r\n" body
#define TEXT(n, body) OK("text/plain", n, body)
#define HOST          "Host: a\r\n"
#define NS_PER_S      1000000000ULL
#define REFUSED(status, n, text)                                                          \
    "HTTP/1.1 " status "\r\n" DATE "Content-Type: application/json\r\nContent-Length: " n \
    "\r\nConnection: close\r\n\r\n{\"error\":\"" text "\"}"

static struct http_fake f;

static void begin(void)
{
    cr_assert(http_fake_init(&f, NULL, test_mem()));
}

static void begin_with(struct weir_http_options opts)
{
    cr_assert(http_fake_init(&f, &opts, test_mem()));
}

static void end(void)
{
    http_fake_deinit(&f);
    cr_assert_eq(test_mem_n_live(), 0);
}

static const struct weir_http_options defaults = WEIR_HTTP_OPTIONS_INIT;

/* --- what is answered ---------------------------------------------------------------------------
 */

Test(http_conn, a_request_is_answered_and_the_connection_stays)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi");
    cr_assert_str_eq(http_fake_received(c), TEXT("2", "hi"));
    cr_assert_not(c->has_fin);
    http_fake_send_c(c, "GET /hello/x%2Fy HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_str_eq(http_fake_received(c), TEXT("2", "hi") TEXT("3", "x/y"));
    end();
}

Test(http_conn, a_refusal_may_be_reworded)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "GET /reworded HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_str_eq(http_fake_received(c),
                     "HTTP/1.1 400 Bad Request\r\n" DATE "Content-Type: text/plain\r\n"
                     "Content-Length: 18\r\n\r\n404: no such route");
    cr_assert_eq(f.server.counters.not_found, 1);
    end();
}

Test(http_conn, a_stream_route_is_not_for_http_1)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "POST /stream HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi");
    cr_assert(strstr(http_fake_received(c), "HTTP/1.1 505 "));
    cr_assert(strstr(http_fake_received(c), "over HTTP/2 only"));
    end();
}

Test(http_conn, pipelined_requests_are_answered_in_order_though_the_answers_come_in_another)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "POST /late HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"
                        "GET /hello/2 HTTP/1.1\r\n" HOST "\r\n"
                        "POST /late HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n");
    cr_assert_str_eq(http_fake_received(c), "");
    cr_assert(http_fake_answer(&f, 1, "3"));
    cr_assert_str_eq(http_fake_received(c), "");
    cr_assert(http_fake_answer(&f, 0, "1"));
    cr_assert_str_eq(http_fake_received(c), OK("application/json", "1", "1") TEXT("1", "2")
                                                OK("application/json", "1", "3"));
    cr_assert_not(http_fake_answer(&f, 0, "again"), "a ticket answers once");
    end();
}

Test(http_conn, earlier_requests_are_answered_before_a_bad_one_and_nothing_after_it_is_read)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "POST /late HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"
                        "GET /hello/2 HTTP/1.1\r\n"
                        "\r\n"
                        "GET /hello/3 HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_str_eq(http_fake_received(c), "");
    (void)http_fake_answer(&f, 0, "1");
    cr_assert_str_eq(http_fake_received(c), OK("application/json", "1", "1")
                                                REFUSED("400 Bad Request", "26", "no Host header"));
    cr_assert(c->has_fin);
    cr_assert_eq(f.server.counters.bad_host, 1);
    cr_assert_null(strstr(f.log.at, "hello"), "nothing after the refusal is interpreted");
    end();
}

Test(http_conn, head_has_the_fields_of_get_and_no_body)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "HEAD /hello/abc HTTP/1.1\r\n" HOST "\r\n"
                        "HEAD /nowhere HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_str_eq(http_fake_received(c), TEXT("3", "") "HTTP/1.1 404 Not Found\r\n" DATE
                                                          "Content-Type: application/json\r\n"
                                                          "Content-Length: 25\r\n\r\n");
    end();
}

Test(http_conn, options_tells_the_methods_without_length_or_body)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "OPTIONS /hello/a HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_str_eq(http_fake_received(c),
                     "HTTP/1.1 204 No Content\r\n" DATE "Allow: GET, HEAD, OPTIONS\r\n\r\n");
    c->out.n = 0;
    http_fake_send_c(c, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_str_eq(http_fake_received(c),
                     "HTTP/1.1 204 No Content\r\n" DATE "Allow: GET, HEAD, POST, OPTIONS\r\n\r\n");
    end();
}

Test(http_conn, a_wrong_method_is_405_with_allow_and_its_small_body_is_skipped)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "PUT /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nGET /"
                        "TRACE /echo HTTP/1.1\r\n" HOST "\r\n"
                        "GET /hello/a HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_str_eq(http_fake_received(c),
                     "HTTP/1.1 405 Method Not Allowed\r\n" DATE "Content-Type: application/json\r\n"
                     "Content-Length: 35\r\nAllow: POST, OPTIONS\r\n\r\n"
                     "{\"error\":\"method not allowed here\"}"
                     "HTTP/1.1 405 Method Not Allowed\r\n" DATE "Content-Type: application/json\r\n"
                     "Content-Length: 35\r\nAllow: POST, OPTIONS\r\n\r\n"
                     "{\"error\":\"method not allowed here\"}" TEXT("1", "a"));
    cr_assert_eq(f.server.counters.method_not_allowed, 2);
    end();
}

Test(http_conn, a_post_without_length_is_411_but_empty_where_the_route_allows_it)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "POST /empty HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_str_eq(http_fake_received(c),
                     "HTTP/1.1 200 OK\r\n" DATE
                     "Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n");
    c->out.n = 0;
    http_fake_send_c(c, "POST /echo HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_str_eq(http_fake_received(c),
                     "HTTP/1.1 411 Length Required\r\n" DATE "Content-Type: application/json\r\n"
                     "Content-Length: 51\r\n\r\n"
                     "{\"error\":\"Content-Length or chunked coding needed\"}");
    cr_assert_eq(f.server.counters.length_required, 1);
    cr_assert_not(c->has_fin);
    end();
}

Test(http_conn, http_1_0_closes_unless_asked_and_then_says_so)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "GET /hello/a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    cr_assert_str_eq(http_fake_received(c),
                     "HTTP/1.1 200 OK\r\n" DATE "Content-Type: text/plain\r\nContent-Length: 1\r\n"
                     "Connection: keep-alive\r\n\r\na");
    cr_assert_not(c->has_fin);
    c->out.n = 0;
    http_fake_send_c(c, "GET /hello/b HTTP/1.0\r\n\r\nGET /hello/c HTTP/1.0\r\n\r\n");
    cr_assert_str_eq(http_fake_received(c),
                     "HTTP/1.1 200 OK\r\n" DATE "Content-Type: text/plain\r\nContent-Length: 1\r\n"
                     "Connection: close\r\n\r\nb");
    cr_assert(c->has_fin);
    end();
}

Test(http_conn, an_upgrade_is_ignored_and_the_next_request_is_intact)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "GET /hello/a HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\n"
                        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
                        "GET /hello/b HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_str_eq(http_fake_received(c), TEXT("1", "a") TEXT("1", "b"));
    end();
}

Test(http_conn, chunks_are_put_together_and_trailers_dropped)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                        "3;name=value\r\nabc\r\n00A;q=\"\\\"\"\r\n0123456789\r\n0\r\n"
                        "X-Trailer: v\r\n\r\nGET /hello/n HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_str_eq(http_fake_received(c), TEXT("13", "abc0123456789") TEXT("1", "n"));
    end();
}

/* --- Expect -------------------------------------------------------------------------------------
 */

Test(http_conn, expect_gets_100_once_before_the_body_and_after_earlier_answers)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "POST /late HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"
                        "POST /echo HTTP/1.1\r\n" HOST
                        "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
    cr_assert_str_eq(http_fake_received(c), "");
    (void)http_fake_answer(&f, 0, "1");
    cr_assert_str_eq(http_fake_received(c),
                     OK("application/json", "1", "1") "HTTP/1.1 100 Continue\r\n\r\n");
    http_fake_send_c(c, "ab");
    cr_assert_str_eq(
        http_fake_received(c),
        OK("application/json", "1", "1") "HTTP/1.1 100 Continue\r\n\r\n" TEXT("2", "ab"));
    cr_assert_eq(f.server.counters.answers_1xx, 1);
    end();
}

Test(http_conn, expect_with_a_final_answer_closes_instead)
{
    static const struct {
        const char *request;
        const char *status;
    } rows[] = {
        {"POST /refuse HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
         "HTTP/1.1 413 "},
        {"POST /nowhere HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
         "HTTP/1.1 404 "},
        {"GET /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
         "HTTP/1.1 405 "},
        {"POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 16777217\r\n\r\n",
         "HTTP/1.1 413 "},
        {"POST /echo HTTP/1.1\r\n" HOST "Expect: 200-ok\r\nContent-Length: 5\r\n\r\n",
         "HTTP/1.1 417 "},
    };
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_fake_conn *c = http_fake_open(&f);
        http_fake_send_c(c, rows[i].request);
        const char *received = http_fake_received(c);
        cr_assert_eq(strncmp(received, rows[i].status, 13), 0, "%s gave %s", rows[i].request,
                     received);
        cr_assert_not_null(strstr(received, "Connection: close\r\n"));
        cr_assert_null(strstr(received, "100 Continue"));
        cr_assert(c->has_fin);
    }
    cr_assert_eq(f.server.counters.unknown_expectation, 1);
    end();
}

Test(http_conn, expect_is_ignored_on_1_0)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    cr_assert_str_eq(http_fake_received(c), "");
    http_fake_send_c(c, "a");
    cr_assert_eq(strncmp(http_fake_received(c), "HTTP/1.1 200 OK\r\n", 17), 0);
    end();
}

/* --- ends ---------------------------------------------------------------------------------------
 */

Test(http_conn, a_half_closed_client_still_gets_its_answers)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "POST /late HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n");
    http_fake_eof(c);
    cr_assert_not(c->is_closed);
    cr_assert_eq(f.server.counters.conns_half_closed, 1);
    cr_assert(http_fake_answer(&f, 0, "1"));
    cr_assert_str_eq(http_fake_received(c), OK("application/json", "1", "1"));
    cr_assert(c->is_closed);
    cr_assert_not(c->was_reset);
    end();
}

Test(http_conn, a_reset_voids_the_tickets_and_tells_the_handler_once)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "POST /late HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"
                        "POST /late HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n");
    http_fake_reset(c);
    cr_assert_not(http_fake_answer(&f, 0, "1"));
    cr_assert_not(http_fake_answer(&f, 1, "2"));
    weir_buf_append_byte(&f.log, '\0');
    cr_assert_not_null(strstr(f.log.at, "gone\ngone\n"));
    cr_assert_eq(f.server.counters.answers_lost, 2);
    cr_assert_eq(f.server.counters.conns_reset_by_peer, 1);
    end();
}

Test(http_conn, an_end_inside_head_or_body_dispatches_nothing)
{
    begin();
    struct http_fake_conn *a = http_fake_open(&f);
    http_fake_send_c(a, "POST /echo HTTP/1.1\r\nHo");
    http_fake_eof(a);
    struct http_fake_conn *b = http_fake_open(&f);
    http_fake_send_c(b, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabc");
    http_fake_eof(b);
    struct http_fake_conn *d = http_fake_open(&f);
    http_fake_send_c(d, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nab");
    http_fake_eof(d);
    cr_assert_eq(f.log.n, 0);
    cr_assert_eq(a->out.n + b->out.n + d->out.n, 0);
    cr_assert(a->is_closed);
    cr_assert(b->is_closed);
    cr_assert(d->is_closed);
    cr_assert_eq(f.server.counters.cut_head, 1);
    cr_assert_eq(f.server.counters.cut_body, 2);
    end();
}

Test(http_conn, the_last_answer_is_followed_by_fin_and_a_bounded_wait)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "GET /hello/a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    cr_assert(c->has_fin);
    cr_assert_not(c->is_closed);
    http_fake_wait(&f, defaults.linger_ns_max - 1);
    cr_assert_not(c->is_closed);
    http_fake_wait(&f, 1);
    cr_assert(c->is_closed);
    cr_assert_eq(f.server.counters.timeout_linger, 1);
    struct http_fake_conn *d = http_fake_open(&f);
    http_fake_send_c(d, "GET /hello/a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    for (uint64_t n = 0; n < defaults.linger_bytes_max; n += 1024) {
        static const char junk[1024];
        cr_assert_not(d->is_closed);
        http_fake_send(d, weir_str_make(junk, sizeof junk));
    }
    cr_assert_not(d->is_closed, "the limit itself is still taken");
    http_fake_send_c(d, "x");
    cr_assert(d->is_closed);
    cr_assert_eq(f.server.counters.timeout_linger, 2);
    end();
}

Test(http_conn, an_answer_before_the_body_of_a_large_request_closes)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "POST /refuse HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\nabc");
    cr_assert_str_eq(http_fake_received(c), REFUSED("413 Content Too Large", "19", "refused"));
    cr_assert(c->has_fin);
    struct http_fake_conn *d = http_fake_open(&f);
    http_fake_send_c(d, "POST /refuse HTTP/1.1\r\n" HOST "Content-Length: 65536\r\n\r\nabc");
    cr_assert_not(d->has_fin, "a small rest is thrown away and the connection kept");
    end();
}

Test(http_conn, a_shortened_timeout_holds_for_old_and_new_connections)
{
    struct weir_http_options opts = WEIR_HTTP_OPTIONS_INIT;
    opts.idle_ns_max = 3600 * NS_PER_S;
    begin_with(opts);
    struct http_fake_conn *old = http_fake_open(&f);
    http_fake_send_c(old, "GET /hello/a HTTP/1.1\r\n" HOST "\r\n");
    http_fake_wait(&f, NS_PER_S);
    opts.idle_ns_max = 5 * NS_PER_S;
    weir_http_core_set_options(&f.server, &opts);
    http_fake_wait(&f, NS_PER_S);
    struct http_fake_conn *fresh = http_fake_open(&f);
    http_fake_send_c(fresh, "GET /hello/a HTTP/1.1\r\n" HOST "\r\n");
    http_fake_wait(&f, 4 * NS_PER_S);
    cr_assert(old->is_closed);
    cr_assert_not(fresh->is_closed);
    http_fake_wait(&f, NS_PER_S);
    cr_assert(fresh->is_closed);
    cr_assert_eq(f.server.counters.timeout_idle, 2);
    end();
}

Test(http_conn, draining_says_close_and_closes_what_is_idle)
{
    begin();
    struct http_fake_conn *idle = http_fake_open(&f);
    http_fake_send_c(idle, "GET /hello/a HTTP/1.1\r\n" HOST "\r\n");
    struct http_fake_conn *busy = http_fake_open(&f);
    http_fake_send_c(busy, "POST /late HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n");
    struct http_fake_conn *fresh = http_fake_open(&f);
    f.server.is_draining = true;
    for (uint32_t i = 0; i < f.n_conns; i++)
        weir_http_conn_close_if_idle(&f.conns[i]->conn);
    http_fake_pump(&f);
    cr_assert(idle->is_closed);
    cr_assert_not(busy->is_closed);
    cr_assert_not(fresh->is_closed, "its request may be on its way");
    (void)http_fake_answer(&f, 0, "1");
    cr_assert_not_null(strstr(http_fake_received(busy), "Connection: close\r\n"));
    cr_assert(busy->has_fin);
    http_fake_send_c(fresh, "GET /hello/a HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_not_null(strstr(http_fake_received(fresh), "Connection: close\r\n"));
    end();
}

/* --- deadlines ----------------------------------------------------------------------------------
 */

Test(http_conn, silence_closes_without_an_answer)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_wait(&f, defaults.first_byte_ns_max - 1);
    cr_assert_not(c->is_closed);
    http_fake_wait(&f, 1);
    cr_assert(c->is_closed);
    cr_assert_eq(c->out.n, 0);
    cr_assert_eq(f.server.counters.timeout_first_byte, 1);
    struct http_fake_conn *d = http_fake_open(&f);
    http_fake_send_c(d, "GET /hello/a HTTP/1.1\r\n" HOST "\r\n");
    http_fake_wait(&f, defaults.idle_ns_max - 1);
    cr_assert_not(d->is_closed);
    http_fake_wait(&f, 1);
    cr_assert(d->is_closed);
    cr_assert_eq(f.server.counters.timeout_idle, 1);
    end();
}

Test(http_conn, a_head_has_its_time_from_its_first_byte_however_it_drips)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_wait(&f, 14 * NS_PER_S);
    for (int i = 0; i < 9; i++) {
        http_fake_send_c(c, "\r\n");
        http_fake_wait(&f, NS_PER_S);
    }
    http_fake_wait(&f, NS_PER_S - 1);
    cr_assert_eq(c->out.n, 0);
    http_fake_wait(&f, 1);
    cr_assert_str_eq(http_fake_received(c),
                     REFUSED("408 Request Timeout", "35", "headers came too slowly"));
    cr_assert_eq(f.server.counters.timeout_head, 1);
    cr_assert(c->has_fin);
    end();
}

Test(http_conn, a_body_has_a_total_time)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 16000000\r\n\r\n");
    static const char part[2048];
    for (int i = 0; i < 119; i++) {
        http_fake_wait(&f, NS_PER_S);
        http_fake_send(c, weir_str_make(part, sizeof part));
    }
    http_fake_wait(&f, NS_PER_S - 1);
    cr_assert_eq(c->out.n, 0);
    http_fake_wait(&f, 1);
    cr_assert_str_eq(http_fake_received(c),
                     REFUSED("408 Request Timeout", "30", "body took too long"));
    cr_assert_eq(f.server.counters.timeout_body, 1);
    end();
}

Test(http_conn, a_body_has_a_least_rate)
{
    begin();
    struct http_fake_conn *fine = http_fake_open(&f);
    struct http_fake_conn *slow = http_fake_open(&f);
    static const char part[10240];
    const char *head = "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 16000000\r\n\r\n";
    http_fake_send_c(fine, head);
    http_fake_send_c(slow, head);
    for (int i = 0; i < 3; i++) {
        http_fake_send(fine, weir_str_make(part, 10240));
        http_fake_send(slow, weir_str_make(part, i < 2 ? 10240 : 10239));
        http_fake_wait(&f, 10 * NS_PER_S);
    }
    cr_assert_eq(fine->out.n, 0);
    cr_assert_str_eq(http_fake_received(slow),
                     REFUSED("408 Request Timeout", "32", "body came too slowly"));
    cr_assert_eq(f.server.counters.timeout_body_rate, 1);
    end();
}

Test(http_conn, a_reader_without_progress_is_reset)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    c->window = 1000;
    http_fake_send_c(c, "GET /big/100000 HTTP/1.1\r\n" HOST "\r\n");
    http_fake_wait(&f, defaults.write_ns_max - 1);
    cr_assert_not(c->is_closed);
    http_fake_open_window(c, 1);
    http_fake_wait(&f, defaults.write_ns_max - 1);
    cr_assert_not(c->is_closed, "a byte is progress");
    http_fake_wait(&f, 1);
    cr_assert(c->was_reset);
    cr_assert_eq(f.server.counters.timeout_write, 1);
    cr_assert_eq(f.server.counters.answers_lost, 1);
    end();
}

/* --- back-pressure ------------------------------------------------------------------------------
 */

Test(http_conn, reading_stops_at_so_many_unanswered_requests)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    for (int i = 0; i < 40; i++)
        http_fake_send_c(c, "POST /late HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n");
    cr_assert_eq(f.n_late, 32);
    cr_assert_not(c->is_reading);
    cr_assert_eq(f.server.counters.limit_pipeline, 1);
    (void)http_fake_answer(&f, 0, "1");
    cr_assert_eq(f.n_late, 33);
    for (uint32_t i = 1; i < 40; i++)
        (void)http_fake_answer(&f, i, "1");
    cr_assert_eq(f.n_late, 40);
    cr_assert(c->is_reading);
    cr_assert_eq(f.server.counters.answers_sent, 40);
    end();
}

Test(http_conn, a_burst_in_one_read_waits_and_loses_nothing)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    struct weir_buf burst = WEIR_BUF_INIT;
    for (int i = 0; i < 500; i++)
        weir_buf_printf(&burst, "GET /hello/%03d HTTP/1.1\r\n" HOST "\r\n", i);
    http_fake_send(c, weir_buf_str(&burst));
    weir_buf_deinit(&burst);
    const char *at = http_fake_received(c);
    for (int i = 0; i < 500; i++) {
        char want[16];
        (void)snprintf(want, sizeof want, "\r\n\r\n%03d", i);
        at = strstr(at, want);
        cr_assert_not_null(at, "answer %d is missing or out of order", i);
    }
    cr_assert_eq(f.server.counters.answers_sent, 500);
    end();
}

Test(http_conn, unsent_bytes_stop_reading_and_a_quarter_lets_it_go_on)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    c->window = 0;
    for (int i = 0; i < 10; i++)
        http_fake_send_c(c, "GET /big/262000 HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_not(c->is_reading);
    cr_assert_eq(f.server.counters.limit_unsent, 1);
    cr_assert_eq(f.server.counters.requests, 5, "four are below 1 MiB, the fifth passes it");
    cr_assert_gt(f.shared.buffered_bytes, 1048576);
    http_fake_open_window(c, 900000);
    cr_assert_not(c->is_reading);
    http_fake_open_window(c, 200000);
    cr_assert_geq(f.server.counters.requests, 6);
    http_fake_open_window(c, 10000000);
    cr_assert_eq(f.server.counters.answers_sent, 10);
    end();
}

/* --- limits: value taken, value + 1 refused
 * ------------------------------------------------------- */

/* Sends a request with a part of n bytes; the part is what a limit is about. */
typedef void build_fn(struct weir_buf *out, uint64_t n);

static void fill(struct weir_buf *out, char c, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        weir_buf_append_byte(out, c);
}

static void build_request_line(struct weir_buf *out, uint64_t n)
{
    weir_buf_append_c(out, "GET /hello/a?");
    fill(out, 'q', n - strlen("GET /hello/a? HTTP/1.1"));
    weir_buf_append_c(out, " HTTP/1.1\r\n" HOST "\r\n");
}

static void build_header_line(struct weir_buf *out, uint64_t n)
{
    weir_buf_append_c(out, "GET /hello/a HTTP/1.1\r\n" HOST "X: ");
    fill(out, 'v', n - 3);
    weir_buf_append_c(out, "\r\n\r\n");
}

static void build_header_bytes(struct weir_buf *out, uint64_t n)
{
    weir_buf_append_c(out, "GET /hello/a HTTP/1.1\r\n" HOST);
    n -= strlen(HOST);
    while (n > 0) {
        uint64_t line = n > 4200 ? 4096 : n;
        weir_buf_append_c(out, "X: ");
        fill(out, 'v', line - 5);
        weir_buf_append_c(out, "\r\n");
        n -= line;
    }
    weir_buf_append_c(out, "\r\n");
}

static void build_headers(struct weir_buf *out, uint64_t n)
{
    weir_buf_append_c(out, "GET /hello/a HTTP/1.1\r\n" HOST);
    for (uint64_t i = 1; i < n; i++)
        weir_buf_append_c(out, "X: y\r\n");
    weir_buf_append_c(out, "\r\n");
}

static const char chunked[] = "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n";

static void build_trailer_bytes(struct weir_buf *out, uint64_t n)
{
    weir_buf_append_c(out, chunked);
    weir_buf_append_c(out, "0\r\nX: ");
    fill(out, 'v', n - 5);
    weir_buf_append_c(out, "\r\n\r\n");
}

static void build_trailers(struct weir_buf *out, uint64_t n)
{
    weir_buf_append_c(out, chunked);
    weir_buf_append_c(out, "0\r\n");
    for (uint64_t i = 0; i < n; i++)
        weir_buf_append_c(out, "X: y\r\n");
    weir_buf_append_c(out, "\r\n");
}

static void build_extension(struct weir_buf *out, uint64_t n)
{
    weir_buf_append_c(out, chunked);
    weir_buf_append_c(out, "1;");
    fill(out, 'e', n - 1);
    weir_buf_append_c(out, "\r\na\r\n0\r\n\r\n");
}

/* Extensions of 256 bytes, the last one shorter. */
static void build_extensions(struct weir_buf *out, uint64_t n)
{
    weir_buf_append_c(out, chunked);
    while (n > 0) {
        uint64_t k = n > 256 ? 200 : n;
        weir_buf_append_c(out, "1;");
        fill(out, 'e', k - 1);
        weir_buf_append_c(out, "\r\na\r\n");
        n -= k;
    }
    weir_buf_append_c(out, "0\r\n\r\n");
}

/* Chunks of one byte: "1\r\na\r\n" has 5 framing bytes for 1, the last chunk 5 more. n: framing
 * bytes beyond the size of the body. */
static void build_framing(struct weir_buf *out, uint64_t n)
{
    weir_buf_append_c(out, chunked);
    uint64_t left = n - 5;
    for (; left >= 8; left -= 4)
        weir_buf_append_c(out, "1\r\na\r\n");
    /* A chunk with leading zeros has one framing byte more for each. */
    weir_buf_append_c(out, "");
    for (uint64_t i = 4; i < left; i++)
        weir_buf_append_byte(out, '0');
    weir_buf_append_c(out, "1\r\na\r\n0\r\n\r\n");
}

static void build_body(struct weir_buf *out, uint64_t n)
{
    weir_buf_printf(out, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %llu\r\n\r\n",
                    (unsigned long long)n);
    fill(out, 'b', n);
}

static void build_chunked_body(struct weir_buf *out, uint64_t n)
{
    weir_buf_append_c(out, chunked);
    weir_buf_printf(out, "%llx\r\n", (unsigned long long)(n - 1));
    fill(out, 'b', n - 1);
    weir_buf_append_c(out, "\r\n1\r\nb\r\n0\r\n\r\n");
}

static void build_leading(struct weir_buf *out, uint64_t n)
{
    for (uint64_t i = 0; i < n / 2; i++)
        weir_buf_append_c(out, "\r\n");
    weir_buf_append_c(out, "GET /hello/a HTTP/1.1\r\n" HOST "\r\n");
}

struct limit_row {
    const char *label;
    build_fn *build;
    uint64_t value; /* the default */
    uint64_t step;  /* the next larger size that can be made */
    int status;
    size_t counter;
    const char *text;
};

#define COUNTER(name) offsetof(struct weir_http_counters, name)

static const struct limit_row limit_rows[] = {
    {"request line", build_request_line, 8192, 1, 414, COUNTER(limit_request_line),
     "request line too long"},
    {"header line", build_header_line, 8192, 1, 431, COUNTER(limit_header_line),
     "header line too long"},
    {"header bytes", build_header_bytes, 32768, 1, 431, COUNTER(limit_header_bytes),
     "headers too long"},
    {"headers", build_headers, 100, 1, 431, COUNTER(limit_headers), "too many header lines"},
    {"trailer bytes", build_trailer_bytes, 4096, 1, 431, COUNTER(limit_trailer_bytes),
     "trailers too long"},
    {"trailers", build_trailers, 32, 1, 431, COUNTER(limit_trailers), "too many trailer lines"},
    {"extension", build_extension, 256, 1, 400, COUNTER(limit_chunk_extension),
     "chunk extensions too long"},
    {"extensions", build_extensions, 4096, 1, 400, COUNTER(limit_chunk_extension),
     "chunk extensions too long"},
    {"framing", build_framing, 65536, 1, 400, COUNTER(limit_chunk_framing),
     "chunks too small for the size of the body"},
    {"body", build_body, 16777216, 1, 413, COUNTER(limit_body), "body too large"},
    {"chunked body", build_chunked_body, 16777216, 1, 413, COUNTER(limit_body), "body too large"},
    {"leading CRLF", build_leading, 64, 2, 400, COUNTER(limit_leading_crlf),
     "too many empty lines before the request line"},
};

static uint64_t counter_at(size_t offset)
{
    return *(const uint64_t *)(const void *)((const char *)&f.server.counters + offset);
}

static void send_sized(const struct limit_row *row, uint64_t n, size_t piece, int status)
{
    struct weir_buf request = WEIR_BUF_INIT;
    struct http_fake_conn *c = http_fake_open(&f);
    row->build(&request, n);
    for (size_t at = 0; at < request.n; at += piece)
        http_fake_send(c, weir_str_make(request.at + at, weir_min_size(piece, request.n - at)));
    weir_buf_deinit(&request);
    char want[32];
    (void)snprintf(want, sizeof want, "HTTP/1.1 %d ", status);
    const char *received = http_fake_received(c);
    cr_assert_eq(strncmp(received, want, strlen(want)), 0, "%s %llu: %.200s", row->label,
                 (unsigned long long)n, received);
    cr_assert_eq(c->has_fin, status != 200);
    if (status != 200)
        cr_assert_not_null(strstr(received, row->text));
}

ParameterizedTestParameters(http_conn, limits)
{
    static size_t index[sizeof limit_rows / sizeof *limit_rows];
    for (size_t i = 0; i < sizeof index / sizeof *index; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, sizeof index / sizeof *index);
}

ParameterizedTest(size_t *index, http_conn, limits)
{
    const struct limit_row *row = &limit_rows[*index];
    begin();
    send_sized(row, row->value - row->step, SIZE_MAX / 2, 200);
    send_sized(row, row->value, SIZE_MAX / 2, 200);
    send_sized(row, row->value, 4099, 200);
    cr_assert_eq(counter_at(row->counter), 0);
    send_sized(row, row->value + row->step, SIZE_MAX / 2, row->status);
    cr_assert_eq(counter_at(row->counter), 1);
    send_sized(row, row->value + row->step, 4099, row->status);
    send_sized(row, row->value + row->step, 7, row->status);
    cr_assert_eq(counter_at(row->counter), 3);
    if (row->value <= 100000)
        send_sized(row, row->value * 1000, 65536, row->status);
    end();
}

Test(http_conn, a_connection_ends_after_so_many_requests)
{
    struct weir_http_options opts = defaults;
    opts.conn_requests_max = 3;
    begin_with(opts);
    struct http_fake_conn *c = http_fake_open(&f);
    for (int i = 0; i < 4; i++) {
        c->out.n = 0;
        if (i < 3)
            http_fake_send_c(c, "GET /hello/a HTTP/1.1\r\n" HOST "\r\n");
        cr_assert_eq(strstr(http_fake_received(c), "Connection: close\r\n") != NULL, i == 2);
    }
    cr_assert(c->has_fin);
    cr_assert_eq(f.server.counters.limit_conn_requests, 1);
    end();
}

Test(http_conn, a_connection_ends_at_an_age)
{
    struct weir_http_options opts = defaults;
    opts.idle_ns_max = 10000 * NS_PER_S;
    begin_with(opts);
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "GET /hello/a HTTP/1.1\r\n" HOST "\r\n");
    http_fake_wait(&f, 3200 * NS_PER_S);
    http_fake_send_c(c, "GET /hello/a HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_null(strstr(http_fake_received(c), "Connection: close\r\n"), "before 1 h - 10 %%");
    http_fake_wait(&f, 800 * NS_PER_S);
    http_fake_send_c(c, "GET /hello/a HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_not_null(strstr(http_fake_received(c), "Connection: close\r\n"), "after 1 h + 10 %%");
    cr_assert_eq(f.server.counters.limit_conn_age, 1);
    end();
}

Test(http_conn, buffered_bytes_have_a_limit_and_end_keep_alive_before_it)
{
    struct weir_http_options opts = defaults;
    opts.buffered_bytes_max = 1000000;
    begin_with(opts);
    struct http_fake_conn *a = http_fake_open(&f);
    static char part[860000];
    http_fake_send_c(a, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 16000000\r\n\r\n");
    http_fake_send(a, weir_str_make(part, 400000));
    struct http_fake_conn *b = http_fake_open(&f);
    http_fake_send_c(b, "GET /hello/a HTTP/1.1\r\n" HOST "\r\n");
    cr_assert_not(b->has_fin);
    http_fake_send(a, weir_str_make(part, 450000));
    http_fake_send_c(b, "GET /hello/a HTTP/1.1\r\n" HOST "\r\n");
    cr_assert(b->has_fin);
    cr_assert_eq(f.server.counters.shed_keep_alive, 1);
    http_fake_send(a, weir_str_make(part, 860000));
    cr_assert_not_null(strstr(http_fake_received(a), "HTTP/1.1 503 "));
    cr_assert_not_null(strstr(http_fake_received(a), "Retry-After: 1\r\n"));
    cr_assert_eq(f.server.counters.limit_buffered, 1);
    end();
}

Test(http_conn, a_long_body_is_copied_only_where_it_came_with_its_head)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    static char part[600000];
    memset(part, 'x', sizeof part);
    struct weir_buf first = {.mem = test_mem()};
    weir_buf_append_c(&first, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 600000\r\n\r\n");
    weir_buf_append(&first, part, 1000);
    http_fake_send(c, weir_buf_str(&first));
    weir_buf_deinit(&first);
    cr_assert_leq(f.shared.buffered_bytes, 300000, "what was only declared is not charged");
    http_fake_send(c, weir_str_make(part + 1000, 300000));
    http_fake_send(c, weir_str_make(part + 301000, 299000));
    cr_assert_eq(f.server.counters.body_bytes_copied, 1000);
    cr_assert_eq(f.server.counters.answers_2xx, 1);
    cr_assert_eq(memcmp(c->out.at + c->out.n - 600000, part, 600000), 0);
    end();
}

Test(http_conn, what_follows_a_long_body_is_not_taken_for_it)
{
    begin();
    struct http_fake_conn *c = http_fake_open(&f);
    static char part[100000];
    memset(part, 'x', sizeof part);
    struct weir_buf all = {.mem = test_mem()};
    weir_buf_append_c(&all, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n");
    weir_buf_append(&all, part, sizeof part);
    weir_buf_append_c(&all, "GET /hello/b HTTP/1.1\r\n" HOST "\r\n");
    http_fake_send(c, weir_buf_str(&all));
    weir_buf_deinit(&all);
    cr_assert_eq(f.server.counters.answers_2xx, 2);
    cr_assert_eq(memcmp(c->out.at + c->out.n - 5, "\r\n\r\nb", 5), 0);
    end();
}

Test(http_conn, defaults_are_those_of_the_limits_table)
{
    struct weir_http_options o = defaults;
    cr_assert_eq(o.conns_max, 4096);
    cr_assert_eq(o.conns_per_address_max, 512);
    cr_assert_eq(o.accepts_per_tick_max, 64);
    cr_assert_eq(o.first_byte_ns_max, 15 * NS_PER_S);
    cr_assert_eq(o.idle_ns_max, 75 * NS_PER_S);
    cr_assert_eq(o.head_ns_max, 10 * NS_PER_S);
    cr_assert_eq(o.body_ns_max, 120 * NS_PER_S);
    cr_assert_eq(o.body_rate_bytes_min, 1024);
    cr_assert_eq(o.body_rate_ns, 10 * NS_PER_S);
    cr_assert_eq(o.write_ns_max, 30 * NS_PER_S);
    cr_assert_eq(o.unsent_bytes_max, 1 << 20);
    cr_assert_eq(o.unsent_bytes_resume, 256 << 10);
    cr_assert_eq(o.pipeline_max, 32);
    cr_assert_eq(o.conn_requests_max, 10000);
    cr_assert_eq(o.conn_age_ns_max, 3600 * NS_PER_S);
    cr_assert_eq(o.request_line_bytes_max, 8 << 10);
    cr_assert_eq(o.header_bytes_max, 32 << 10);
    cr_assert_eq(o.header_line_bytes_max, 8 << 10);
    cr_assert_eq(o.headers_max, 100);
    cr_assert_eq(o.trailer_bytes_max, 4 << 10);
    cr_assert_eq(o.trailers_max, 32);
    cr_assert_eq(o.chunk_extension_bytes_max, 256);
    cr_assert_eq(o.chunk_extensions_bytes_max, 4 << 10);
    cr_assert_eq(o.chunk_framing_bytes_max, 64 << 10);
    cr_assert_eq(o.body_bytes_max, 16 << 20);
    cr_assert_eq(o.leading_crlf_bytes_max, 64);
    cr_assert_eq(o.linger_ns_max, 2 * NS_PER_S);
    cr_assert_eq(o.linger_bytes_max, 64 << 10);
    cr_assert_eq(o.buffered_bytes_max, 1 << 30);
}

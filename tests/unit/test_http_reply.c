/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/macros.h"
#include "http_fake.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <time.h>

static struct http_fake f;

static struct http_fake_conn *ask_late(void)
{
    cr_assert(http_fake_init(&f, NULL, test_mem()));
    struct http_fake_conn *c = http_fake_open(&f);
    http_fake_send_c(c, "POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    cr_assert_eq(f.n_late, 1);
    return c;
}

static void end(void)
{
    http_fake_deinit(&f);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(http_reply, fields_and_retry_after_stand_in_the_head)
{
    struct http_fake_conn *c = ask_late();
    struct weir_http_reply reply = {.status = 503,
                                    .content_type = "application/json",
                                    .fields = WEIR_STR("Weir-Model: m\r\nWeir-Version: 3\r\n"),
                                    .body = WEIR_STR("{}"),
                                    .retry_after_s = 12,
                                    .close = true};
    cr_assert(weir_http_reply(&f.server, f.late[0], &reply));
    http_fake_pump(&f);
    cr_assert_str_eq(http_fake_received(c),
                     "HTTP/1.1 503 Service Unavailable\r\n"
                     "Date: #############################\r\nContent-Type: application/json\r\n"
                     "Content-Length: 2\r\nRetry-After: 12\r\nConnection: close\r\n"
                     "Weir-Model: m\r\nWeir-Version: 3\r\n\r\n{}");
    cr_assert(c->has_fin);
    end();
}

Test(http_reply, an_owned_body_is_emptied_whatever_its_length)
{
    static const size_t sizes[] = {0, 1, WEIR_HTTP_BODY_BYTES_COPIED,
                                   WEIR_HTTP_BODY_BYTES_COPIED + 1, 300000};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(sizes); i++) {
        struct http_fake_conn *c = ask_late();
        struct weir_buf body = {.mem = test_mem()};
        for (size_t k = 0; k < sizes[i]; k++)
            weir_buf_append_byte(&body, (char)('a' + k % 26));
        struct weir_http_reply reply = {.status = 200, .owned = &body};
        cr_assert(weir_http_reply(&f.server, f.late[0], &reply));
        cr_assert_eq(body.n, 0);
        weir_buf_append_c(&body, "reused while the answer is unsent");
        http_fake_pump(&f);
        const char *at = strstr(http_fake_received(c), "\r\n\r\n");
        cr_assert_not_null(at);
        cr_assert_eq(strlen(at + 4), sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++)
            cr_assert_eq(at[4 + k], (char)('a' + k % 26));
        weir_buf_deinit(&body);
        end();
    }
}

Test(http_reply, a_void_ticket_is_harmless_and_empties_the_body_too)
{
    struct http_fake_conn *c = ask_late();
    http_fake_reset(c);
    struct weir_buf body = {.mem = test_mem()};
    weir_buf_append_c(&body, "late");
    struct weir_http_reply reply = {.status = 200, .owned = &body};
    cr_assert_not(weir_http_reply(&f.server, f.late[0], &reply));
    cr_assert_eq(body.n, 0);
    struct weir_http_ticket never = {.conn = 77, .slot = 4000000000, .generation = 9};
    cr_assert_not(weir_http_reply(&f.server, never, &reply));
    weir_buf_deinit(&body);
    end();
}

Test(http_reply, a_slot_that_is_used_again_does_not_answer_to_its_old_ticket)
{
    struct http_fake_conn *c = ask_late();
    cr_assert(http_fake_answer(&f, 0, "1"));
    http_fake_send_c(c, "POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    cr_assert_eq(f.late[0].slot, f.late[1].slot);
    cr_assert_not(http_fake_answer(&f, 0, "old"));
    cr_assert(http_fake_answer(&f, 1, "2"));
    end();
}

Test(http_reply, several_answers_of_an_iteration_go_out_in_one_write)
{
    struct http_fake_conn *c = ask_late();
    http_fake_send_c(c, "POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    struct weir_http_reply reply = {.status = 200, .body = WEIR_STR("1")};
    cr_assert(weir_http_reply(&f.server, f.late[1], &reply));
    cr_assert(weir_http_reply(&f.server, f.late[0], &reply));
    cr_assert_eq(c->out.n, 0, "nothing is written before the end of the iteration");
    http_fake_pump(&f);
    cr_assert_eq(f.server.counters.answers_sent, 2);
    cr_assert_eq(c->n_writes, 1);
    end();
}

Test(http_reply, errors_are_json_with_the_text_escaped)
{
    static const struct {
        const char *text;
        const char *json;
    } rows[] = {
        {"plain", "\"plain\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\x01\x7f\n", "\"\\u0001\\u007f\\n\""},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\xff", "\"\\ufffd\""},
        {"\xc0\x80", "\"\\ufffd\\ufffd\""},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
        {"\xe2\x82", "\"\\ufffd\\ufffd\""},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_buf out = WEIR_BUF_INIT;
        weir_http_json_string(&out, weir_str_c(rows[i].text));
        cr_assert_str_eq(weir_buf_c(&out), rows[i].json);
        weir_buf_deinit(&out);
    }
    struct http_fake_conn *c = ask_late();
    cr_assert(weir_http_reply_error(&f.server, f.late[0], 404, 0, WEIR_STR("no \"x\"")));
    http_fake_pump(&f);
    cr_assert_not_null(strstr(http_fake_received(c), "\r\n\r\n{\"error\":\"no \\\"x\\\"\"}"));
    end();
}

Test(http_reply, date_is_the_time_in_the_form_of_http)
{
    struct http_fake_conn *c = ask_late();
    (void)weir_http_reply_error(&f.server, f.late[0], 404, 0, WEIR_STR("x"));
    http_fake_pump(&f);
    const char *at = strstr(weir_buf_c(&c->out), "\r\nDate: ");
    cr_assert_not_null(at);
    struct tm tm = {0};
    const char *end_of_date = strptime(at + 8, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    cr_assert_not_null(end_of_date);
    cr_assert_eq(strncmp(end_of_date, "\r\n", 2), 0);
    int64_t wall = (int64_t)(weir_clock_wall_ns() / 1000000000);
    int64_t shown = (int64_t)timegm(&tm);
    cr_assert(shown <= wall && wall - shown <= 60, "shown %lld, now %lld", (long long)shown,
              (long long)wall);
    end();
}

Test(http_reply, every_status_we_send_has_a_reason)
{
    for (size_t i = 1; i <= WEIR_HTTP_REFUSAL_BUFFERED; i++)
        cr_assert_neq(weir_http_status_text(weir_http_refusal_rows[i].status)[0], '\0');
    cr_assert_str_eq(weir_http_status_text(299), "");
}

/* SPDX-License-Identifier: MIT */
/* HTTP/2 over the in-memory server: what is sent and received are the lines of h2_text.h. */
#include "base/macros.h"
#include "h2_text.h"
#include "http/h2_priv.h"
#include "http_fake.h"
#include "test_mem.h"

#include <criterion/criterion.h>

static struct http_fake f;
static struct h2_text_reader reader;
static size_t n_seen; /* bytes of a connection that were turned into lines */

static void begin(const struct weir_http_options *opts)
{
    n_seen = 0;
    cr_assert(http_fake_init(&f, opts, test_mem()));
}

static void end(void)
{
    h2_text_reader_deinit(&reader);
    http_fake_deinit(&f);
    cr_assert_eq(test_mem_n_live(), 0);
}

static const struct weir_http_options defaults = WEIR_HTTP_OPTIONS_INIT;

static void send_line(struct http_fake_conn *c, const char *line)
{
    static char bytes[1 << 17];
    long n = h2_text_write(line, bytes, sizeof bytes);
    cr_assert_geq(n, 0, "%s", line);
    http_fake_send(c, weir_str_make(bytes, (size_t)n));
}

/* Finds whether some frame that came and was not looked at is like this; all before it are passed
 * over. */
static bool see(struct http_fake_conn *c, const char *like)
{
    static char line[H2_TEXT_LINE_BYTES];
    for (;;) {
        long n = h2_text_read(&reader, c->out.at + n_seen, c->out.n - n_seen, line, sizeof line);
        if (n <= 0)
            return false;
        n_seen += (size_t)n;
        if (h2_text_is_like(line, like))
            return true;
    }
}

/* --- requests --------------------------------------------------------------------------------- */

Test(http_h2, each_option_field_is_found_by_its_name)
{
    static const char *const names[] = {
#define FIELD_NAME(name, text) (text),
        WEIR_HTTP_FIELDS(FIELD_NAME)
#undef FIELD_NAME
    };
    for (uint32_t i = 0; i < WEIR_HTTP_N_FIELDS; i++)
        cr_assert_eq(weir_http_head_name(weir_str_c(names[i])), i, "%s", names[i]);
    cr_assert_eq(weir_http_head_name(WEIR_STR("x-other")), WEIR_HTTP_NAME_OTHER);
}

Test(http_h2, a_body_in_one_read_is_not_copied)
{
    begin(NULL);
    struct http_fake_conn *c = http_fake_open(&f);
    static char bytes[4096];
    size_t n = 0;
    n += (size_t)h2_text_write("preface", bytes + n, sizeof bytes - n);
    n += (size_t)h2_text_write("post 1 /echo", bytes + n, sizeof bytes - n);
    n += (size_t)h2_text_write("data 1 END_STREAM \"hello\"", bytes + n, sizeof bytes - n);
    http_fake_send(c, weir_str_make(bytes, n));
    cr_assert(see(c, "HEADERS 1 \":status: 200\""));
    cr_assert(see(c, "DATA 1 END_STREAM \"hello\""));
    cr_assert_eq(f.server.counters.body_bytes_copied, 0);
    cr_assert_eq(c->n_writes, 1, "SETTINGS and the answer leave together");
    end();
}

Test(http_h2, answers_leave_as_they_come)
{
    begin(NULL);
    struct http_fake_conn *c = http_fake_open(&f);
    send_line(c, "preface");
    send_line(c, "post 1 /late");
    send_line(c, "data 1 END_STREAM");
    send_line(c, "post 3 /late");
    send_line(c, "data 3 END_STREAM");
    cr_assert(http_fake_answer(&f, 1, "second"));
    cr_assert(see(c, "DATA 3 END_STREAM \"second\""));
    cr_assert(http_fake_answer(&f, 0, "first"));
    cr_assert(see(c, "DATA 1 END_STREAM \"first\""));
    cr_assert_not(http_fake_answer(&f, 0, "again"));
    end();
}

Test(http_h2, a_reset_is_told_and_its_ticket_void)
{
    begin(NULL);
    struct http_fake_conn *c = http_fake_open(&f);
    send_line(c, "preface");
    send_line(c, "post 1 /late");
    send_line(c, "data 1 END_STREAM");
    send_line(c, "rst 1 CANCEL");
    cr_assert_not_null(strstr(weir_buf_c(&f.log), "gone\n"));
    cr_assert_not(http_fake_answer(&f, 0, "late"));
    cr_assert_eq(f.server.counters.answers_lost, 1);
    send_line(c, "get 3 /hello/a");
    cr_assert(see(c, "DATA 3 END_STREAM \"a\""));
    end();
}

Test(http_h2, an_answer_of_many_frames_goes_out_in_pieces_the_peer_takes)
{
    begin(NULL);
    struct http_fake_conn *c = http_fake_open(&f);
    send_line(c, "preface");
    send_line(c, "settings 4=8000000");
    send_line(c, "window 0 8000000");
    c->write_max = 10007;
    send_line(c, "get 1 /big/3000000");
    size_t n = 0;
    static char line[H2_TEXT_LINE_BYTES];
    long k;
    while ((k = h2_text_read(&reader, c->out.at + n_seen, c->out.n - n_seen, line, sizeof line)) >
           0) {
        n += h2_text_is_like(line, "DATA 1") ? (size_t)k - WEIR_HTTP_H2_FRAME_HEAD_BYTES : 0;
        n_seen += (size_t)k;
    }
    cr_assert_eq(n, 3000000);
    cr_assert_eq(f.server.counters.answers_2xx, 1);
    end();
}

/* --- limits ----------------------------------------------------------------------------------- */

Test(http_h2, a_peer_that_takes_nothing_is_reset_and_holds_what_it_asked_for)
{
    begin(NULL);
    struct http_fake_conn *c = http_fake_open(&f);
    send_line(c, "preface");
    send_line(c, "settings 4=0");
    send_line(c, "get 1 /big/500000");
    send_line(c, "get 3 /hello/a");
    cr_assert_geq(f.shared.buffered_bytes, 500000);
    http_fake_wait(&f, defaults.write_ns_max + 1000000000);
    cr_assert(see(c, "RST_STREAM 1 CANCEL"));
    cr_assert_eq(f.server.counters.timeout_write, 2);
    cr_assert_lt(f.shared.buffered_bytes, 500000);
    c->window = 0;
    send_line(c, "get 5 /nowhere");
    http_fake_wait(&f, defaults.write_ns_max + 1000000000);
    cr_assert(c->was_reset);
    end();
}

Test(http_h2, memory_for_bodies_has_a_limit_for_all_streams_together)
{
    struct weir_http_options opts = defaults;
    opts.buffered_bytes_max = 300000;
    opts.keep_alive_percent = 100;
    begin(&opts);
    struct http_fake_conn *c = http_fake_open(&f);
    send_line(c, "preface");
    for (int i = 0; i < 20; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "post %d /echo", 2 * i + 1);
        send_line(c, line);
        (void)snprintf(line, sizeof line, "data %d - 16000 \"x\"", 2 * i + 1);
        send_line(c, line);
    }
    cr_assert_leq(f.shared.buffered_bytes, 300000 + 70000);
    cr_assert_gt(f.server.counters.limit_buffered, 0);
    cr_assert(see(c, "HEADERS * \":status: 503\" \"retry-after: 1\""));
    end();
}

Test(http_h2, the_meter_forgives_what_answers_pay_for)
{
    struct weir_http_options opts = defaults;
    opts.h2_glitches_max = 10;
    opts.h2_glitches_per_s = 2;
    struct weir_http_h2_meter meter;
    static const char ping[] = "\0\0\x08\x06\0\0\0\0\0"
                               "12345678";
    weir_http_h2_meter_init(&meter, &opts, 0);
    size_t at = 0;
    for (int i = 0; i < 10; i++, at = 0)
        cr_assert_eq(weir_http_h2_meter_read(&meter, &opts, ping, sizeof ping - 1, &at, 0),
                     WEIR_HTTP_H2_SEEN_ALL);
    weir_http_h2_meter_credit(&meter, &opts, false);
    for (int i = 0; i < 4; i++, at = 0)
        cr_assert_eq(weir_http_h2_meter_read(&meter, &opts, ping, sizeof ping - 1, &at, 0),
                     WEIR_HTTP_H2_SEEN_ALL);
    at = 0;
    cr_assert_eq(weir_http_h2_meter_read(&meter, &opts, ping, sizeof ping - 1, &at, 0),
                 WEIR_HTTP_H2_SEEN_GLITCHES);
    weir_http_h2_meter_init(&meter, &opts, 0);
    meter.glitches.tokens = 0;
    at = 0;
    cr_assert_eq(weir_http_h2_meter_read(&meter, &opts, ping, sizeof ping - 1, &at, 1000000000),
                 WEIR_HTTP_H2_SEEN_ALL);
}

/* --- leaving ---------------------------------------------------------------------------------- */

Test(http_h2, a_drain_takes_what_is_on_its_way_and_answers_it)
{
    begin(NULL);
    struct http_fake_conn *c = http_fake_open(&f);
    send_line(c, "preface");
    send_line(c, "post 1 /late");
    send_line(c, "data 1 END_STREAM");
    f.server.is_draining = true;
    weir_http_conn_close_if_idle(&c->conn);
    http_fake_pump(&f);
    cr_assert(see(c, "GOAWAY 0 last=2147483647 NO_ERROR"));
    cr_assert(see(c, "PING 0 \"leaving\\x00\""));
    send_line(c, "get 3 /hello/a");
    cr_assert(see(c, "DATA 3 END_STREAM \"a\""));
    send_line(c, "ping ACK \"leaving\\0\"");
    cr_assert(see(c, "GOAWAY 0 last=3 NO_ERROR"));
    send_line(c, "get 5 /hello/a");
    cr_assert(http_fake_answer(&f, 0, "last"));
    cr_assert(see(c, "DATA 1 END_STREAM \"last\""));
    cr_assert(c->has_fin);
    cr_assert_eq(f.server.counters.requests, 2, "stream 5 came too late");
    end();
}

Test(http_h2, a_drain_does_not_wait_for_a_client_that_does_not_answer)
{
    begin(NULL);
    struct http_fake_conn *c = http_fake_open(&f);
    send_line(c, "preface");
    f.server.is_draining = true;
    weir_http_conn_close_if_idle(&c->conn);
    http_fake_pump(&f);
    http_fake_wait(&f, defaults.linger_ns_max + 1000000000);
    cr_assert(see(c, "GOAWAY 0 last=0 NO_ERROR"));
    cr_assert(c->has_fin);
    end();
}

Test(http_h2, an_old_connection_leaves)
{
    begin(NULL);
    struct http_fake_conn *c = http_fake_open(&f);
    send_line(c, "preface");
    send_line(c, "post 1 /stream"); /* keeps it from being idle */
    http_fake_wait(&f, 2 * defaults.conn_age_ns_max);
    send_line(c, "get 3 /hello/a");
    cr_assert(see(c, "GOAWAY 0 last=2147483647 NO_ERROR"));
    cr_assert_eq(f.server.counters.limit_conn_age, 1);
    end();
}

/* --- streams ---------------------------------------------------------------------------------- */

Test(http_h2, parts_go_both_ways_and_end_with_trailers)
{
    begin(NULL);
    struct http_fake_conn *c = http_fake_open(&f);
    send_line(c, "preface");
    send_line(c, "post 1 /stream");
    send_line(c, "data 1 - \"one\"");
    cr_assert(see(c, "HEADERS 1 \":status: 200\" \"content-type: text/plain\""));
    cr_assert(see(c, "DATA 1 \"one\""));
    send_line(c, "data 1 END_STREAM \"two\"");
    cr_assert(see(c, "DATA 1 \"two\""));
    cr_assert(see(c, "HEADERS 1 END_STREAM \"x-status: done\""));
    cr_assert_str_eq(weir_buf_c(&f.log), "part 3\npart 3 last\n");
    end();
}

Test(http_h2, an_answer_that_ends_first_tells_the_client_to_stop)
{
    begin(NULL);
    struct http_fake_conn *c = http_fake_open(&f);
    send_line(c, "preface");
    send_line(c, "post 1 /stream");
    send_line(c, "data 1 - \"stop\"");
    cr_assert(see(c, "HEADERS 1 END_STREAM \"x-status: done\""));
    cr_assert(see(c, "RST_STREAM 1 NO_ERROR"));
    send_line(c, "data 1 - \"more\"");
    cr_assert_eq(f.server.counters.answers_2xx, 1);
    cr_assert_null(strstr(weir_buf_c(&f.log), "gone"));
    end();
}

Test(http_h2, a_stream_is_read_as_far_as_its_handler_is_done)
{
    begin(NULL);
    struct http_fake_conn *c = http_fake_open(&f);
    send_line(c, "preface");
    send_line(c, "window 0 1000000");
    send_line(c, "settings 4=1000000");
    send_line(c, "post 1 /stream");
    for (int i = 0; i < 3; i++)
        send_line(c, "data 1 - 16384 \"x\"");
    send_line(c, "data 1 - 16383 \"x\""); /* the settings were not acknowledged */
    cr_assert_not(see(c, "WINDOW_UPDATE 1"), "nothing was consumed");
    h2_text_reader_deinit(&reader);
    n_seen = c->out.n;
    weir_http_req_consume(&f.server, f.owed_to, 40000);
    http_fake_pump(&f);
    cr_assert(see(c, "WINDOW_UPDATE 1 40000"));
    send_line(c, "rst 1 CANCEL");
    weir_http_req_consume(&f.server, f.owed_to, 100); /* void: harmless */
    cr_assert_not_null(strstr(weir_buf_c(&f.log), "gone"));
    end();
}

Test(http_h2, room_is_told_when_a_slow_client_has_caught_up)
{
    struct weir_http_options opts = defaults;
    opts.unsent_bytes_max = 1000;
    opts.unsent_bytes_resume = 100;
    begin(&opts);
    struct http_fake_conn *c = http_fake_open(&f);
    send_line(c, "preface");
    send_line(c, "settings 4=0");
    send_line(c, "post 1 /stream");
    for (int i = 0; i < 30; i++)
        send_line(c, "data 1 - 50 \"x\"");
    cr_assert_eq(weir_http_reply_unsent(&f.server, f.owed_to), 1500);
    send_line(c, "window 1 1300");
    cr_assert_null(strstr(weir_buf_c(&f.log), "room"));
    send_line(c, "window 1 100");
    cr_assert_not_null(strstr(weir_buf_c(&f.log), "room"));
    end();
}

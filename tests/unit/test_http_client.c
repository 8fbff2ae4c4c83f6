/* SPDX-License-Identifier: MIT */
/* The client against a peer that plays back a script: each row's bytes are sent in pieces of
 * several sizes, on one loop, until the expected number of callbacks came. */
#include "base/clock.h"
#include "base/macros.h"
#include "http/client.h"
#include "loop/listener.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <unistd.h>

/* What is played back and what the client must tell, "status:body" for an answer, else the name of
 * the failure, one after the other. */
struct row {
    const char *label;
    const char *bytes;
    bool then_closes;
    const char *told;
};

static const struct row rows[] = {
    {"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello", false,
     "200:hello(b) "},
    {"empty_body", "HTTP/1.1 204 No Content\r\n\r\n", false, "204:() "},
    {"chunked",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", false,
     "200:hello() "},
    {"until_close", "HTTP/1.1 200 OK\r\n\r\nhello", true, "200:hello() idle "},
    {"continue_first",
     "HTTP/1.1 100 Continue\r\nX-A: no\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-a: "
     "yes\r\n\r\nok",
     false, "200:ok(yes) "},
    {"empty_value", "HTTP/1.1 200 OK\r\nX-B:\r\nX-A: v\r\nContent-Length: 0\r\n\r\n", false,
     "200:(v) "},
    {"last", "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", false,
     "503:x()! "},
    {"cut", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", true, "closed "},
    {"nothing", "", true, "closed "},
    {"garbage", "SSH-2.0-x\r\n\r\n", false, "malformed "},
};

struct play {
    struct weir_loop loop;
    struct weir_listener listener;
    struct weir_stream peer;
    struct weir_http_client client;
    const struct row *row;
    size_t piece;
    size_t at; /* bytes of the row that were sent */
    struct weir_buf told;
    int n_closed;
    bool is_asked;
};

static struct play *play; /* of the case that runs */

static void peer_send(struct weir_stream *s)
{
    size_t n = weir_min_size(play->piece, strlen(play->row->bytes) - play->at);
    if (n > 0) {
        struct iovec iov = {(void *)(uintptr_t)(play->row->bytes + play->at), n};
        cr_assert_eq(weir_stream_write(s, &iov, 1), (ssize_t)n);
        play->at += n;
        weir_stream_want_write(s);
    } else if (play->row->then_closes) {
        weir_stream_close(s);
    }
}

static void peer_read(struct weir_stream *s, char *bytes, size_t n)
{
    (void)bytes;
    (void)n;
    if (!play->is_asked)
        peer_send(s);
    play->is_asked = true;
}

static void peer_eof(struct weir_stream *s)
{
    weir_stream_close(s);
}

static void peer_error(struct weir_stream *s, int error)
{
    (void)error;
    weir_stream_close(s);
}

static void peer_closed(struct weir_stream *s)
{
    (void)s;
    play->n_closed++;
}

static const struct weir_stream_events peer_events = {
    .read = peer_read,
    .eof = peer_eof,
    .error = peer_error,
    .writable = peer_send,
    .closed = peer_closed,
};

static void on_accept(void *arg, int fd, const struct weir_addr *peer)
{
    (void)arg;
    (void)peer;
    cr_assert_eq(weir_stream_open_fd(&play->peer, &play->loop, fd, &peer_events), WEIR_OK);
    weir_stream_read_start(&play->peer);
}

static void on_ready(struct weir_http_client *c)
{
    weir_http_client_send(c, WEIR_STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
}

static void on_answer(struct weir_http_client *c, const struct weir_http_client_answer *answer)
{
    struct weir_str value = weir_http_client_header(c, "x-A");
    weir_buf_printf(&play->told, "%d:%.*s(%.*s)%s ", answer->status, WEIR_STR_ARG(answer->body),
                    WEIR_STR_ARG(value), answer->is_last && !play->row->then_closes ? "!" : "");
    if (!play->row->then_closes)
        weir_http_client_close(c);
}

static void on_failed(struct weir_http_client *c, enum weir_http_client_failure why, int error)
{
    (void)error;
    weir_buf_printf(&play->told, "%s ", weir_http_client_failure_name(why));
    weir_http_client_close(c);
}

static void on_closed(struct weir_http_client *c)
{
    (void)c;
    play->n_closed++;
}

static const struct weir_http_client_events client_events = {
    .ready = on_ready, .answer = on_answer, .failed = on_failed, .closed = on_closed};

static void run_piece(const struct row *row, size_t piece)
{
    static struct play p;
    struct weir_addr_target any;
    p = (struct play){.row = row, .piece = piece};
    play = &p;
    cr_assert_eq(weir_loop_init(&p.loop, weir_mem_default(), NULL), WEIR_OK);
    cr_assert_eq(weir_addr_parse(&any, WEIR_STR("127.0.0.1:0"), NULL), WEIR_OK);
    cr_assert_eq(weir_listener_open(&p.listener, &p.loop, &any, NULL, on_accept, NULL, NULL),
                 WEIR_OK);
    cr_assert_eq(weir_http_client_open(&p.client, &p.loop, &p.listener.addr, &client_events, NULL),
                 WEIR_OK);
    uint64_t deadline = weir_clock_ns() + 10 * WEIR_NS_PER_S;
    while (p.n_closed < 2 && weir_clock_ns() < deadline)
        (void)weir_loop_run_once(&p.loop, true);
    cr_assert_eq(p.n_closed, 2, "%s: both ends should have closed", row->label);
    cr_assert_str_eq(weir_buf_c(&p.told), row->told, "%s in pieces of %zu", row->label, piece);
    weir_listener_close(&p.listener, NULL, NULL);
    weir_loop_deinit(&p.loop);
    weir_buf_deinit(&p.told);
}

ParameterizedTestParameters(http_client, tells)
{
    static size_t index[WEIR_ARRAY_LEN(rows)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *index, http_client, tells)
{
    static const size_t pieces[] = {1000, 1, 2, 7};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(pieces); i++)
        run_piece(&rows[*index], pieces[i]);
}

Test(http_client, nobody_listens)
{
    static struct play p;
    play = &p;
    struct weir_addr_target to;
    static const struct row row = {"", "", false, ""};
    p.row = &row;
    cr_assert_eq(weir_loop_init(&p.loop, weir_mem_default(), NULL), WEIR_OK);
    cr_assert_eq(weir_addr_parse(&to, WEIR_STR("127.0.0.1:1"), NULL), WEIR_OK);
    cr_assert_eq(weir_http_client_open(&p.client, &p.loop, &to, &client_events, NULL), WEIR_OK);
    uint64_t deadline = weir_clock_ns() + 10 * WEIR_NS_PER_S;
    while (p.n_closed < 1 && weir_clock_ns() < deadline)
        (void)weir_loop_run_once(&p.loop, true);
    cr_assert_str_eq(weir_buf_c(&p.told), "connect ");
    weir_loop_deinit(&p.loop);
    weir_buf_deinit(&p.told);
}

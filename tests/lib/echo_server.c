/* SPDX-License-Identifier: MIT */
/* A server made of http/ alone, for wire tests: what a client sees here is the protocol side.
 *
 *   POST /echo           the body, as application/octet-stream
 *   POST /empty          as /echo, and a POST without length is an empty body
 *   GET  /hello/{name}   {"hello": name}
 *   POST /late/{ms}      the body, so many milliseconds later
 *   GET  /big/{bytes}    that many bytes
 *   POST /refuse         413 from the head handler
 *   GET, POST /any       "any"
 *   POST /stream         HTTP/2 only: the body in parts as they come, then the trailer "x-bytes"
 *   POST /gulp           HTTP/2 only: like /stream, but no more than a window is ever asked for
 *   GET  /counters       every counter, "name value" lines
 *
 * usage: echo_server [--listen ADDRESS]… [--OPTION=VALUE]…; options are those of http/options.h.
 * Prints "listening on ADDRESS" for each listener. SIGTERM drains: no answer is cut. */
#include "base/clock.h"
#include "base/macros.h"
#include "http/http.h"
#include "loop/wake.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum route {
    TO_ECHO,
    TO_EMPTY,
    TO_HELLO,
    TO_LATE,
    TO_BIG,
    TO_REFUSE,
    TO_COUNTERS,
    TO_ANY,
    TO_STREAM,
    TO_GULP
};

static const struct weir_http_route routes[] = {
    {WEIR_HTTP_METHOD_BIT(POST), "/echo", TO_ECHO, 0},
    {WEIR_HTTP_METHOD_BIT(POST), "/empty", TO_EMPTY, WEIR_HTTP_ROUTE_EMPTY_BODY},
    {WEIR_HTTP_METHOD_BIT(GET), "/hello/{name}", TO_HELLO, 0},
    {WEIR_HTTP_METHOD_BIT(POST), "/late/{ms}", TO_LATE, 0},
    {WEIR_HTTP_METHOD_BIT(GET), "/big/{bytes}", TO_BIG, 0},
    {WEIR_HTTP_METHOD_BIT(POST), "/refuse", TO_REFUSE, 0},
    {WEIR_HTTP_METHOD_BIT(GET), "/counters", TO_COUNTERS, 0},
    {WEIR_HTTP_METHOD_BIT(GET) | WEIR_HTTP_METHOD_BIT(POST), "/any", TO_ANY, 0},
    {WEIR_HTTP_METHOD_BIT(POST), "/stream", TO_STREAM, WEIR_HTTP_ROUTE_STREAM},
    {WEIR_HTTP_METHOD_BIT(POST), "/gulp", TO_GULP, WEIR_HTTP_ROUTE_STREAM},
};

struct late {
    struct weir_timer timer;
    struct weir_http_server *server;
    struct weir_http_ticket ticket;
    struct weir_buf body;
};

static struct weir_loop loop;
static struct weir_http_shared shared;
static struct weir_http_router router;
static struct weir_http_server *server;
static struct weir_signal term;
static struct weir_timer drain_timer;

static void die(const char *what)
{
    (void)fprintf(stderr, "echo_server: %s\n", what);
    exit(2);
}

static void reply_body(struct weir_http_req *req, struct weir_str body, const char *type)
{
    struct weir_http_reply reply = {.status = 200, .content_type = type, .body = body};
    (void)weir_http_reply(server, weir_http_req_ticket(req), &reply);
}

static void on_late_closed(struct weir_timer *timer, void *arg)
{
    (void)timer;
    weir_mem_free(weir_mem_default(), arg);
}

static void on_late(struct weir_timer *timer, void *arg)
{
    struct late *late = arg;
    struct weir_http_reply reply = {
        .status = 200, .content_type = "application/octet-stream", .owned = &late->body};
    (void)weir_http_reply(late->server, late->ticket, &reply); /* It may be gone. */
    weir_buf_deinit(&late->body);
    weir_timer_close(timer, on_late_closed);
}

static void reply_late(struct weir_http_req *req, struct weir_str ms)
{
    uint64_t delay_ms = 0;
    (void)weir_str_to_u64(ms, 60000, &delay_ms);
    struct late *late = weir_mem_zalloc(weir_mem_default(), sizeof *late);
    if (!late || weir_timer_init(&late->timer, &loop, WEIR_TIMER_COARSE, on_late, late) != WEIR_OK)
        die("out of memory");
    late->server = server;
    late->ticket = weir_http_req_ticket(req);
    late->body = weir_http_req_take_body(req);
    weir_timer_start(&late->timer, weir_loop_now_ns(&loop) + delay_ms * 1000000);
}

static void reply_big(struct weir_http_req *req, struct weir_str text)
{
    uint64_t n = 0;
    (void)weir_str_to_u64(text, 1 << 28, &n);
    struct weir_buf body = WEIR_BUF_INIT;
    if (weir_buf_reserve(&body, n + 1) != WEIR_OK)
        die("out of memory");
    memset(body.at, 'x', n);
    body.n = n;
    struct weir_http_reply reply = {.status = 200, .content_type = "text/plain", .owned = &body};
    (void)weir_http_reply(server, weir_http_req_ticket(req), &reply);
    weir_buf_deinit(&body);
}

static void reply_hello(struct weir_http_req *req, struct weir_str name)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf body = WEIR_BUF_INIT;
    weir_buf_append_c(&body, "{\"hello\": ");
    weir_http_json_string(&body, name);
    weir_buf_append_c(&body, "}");
    reply_body(req, weir_buf_str(&body), NULL);
}

static void reply_counters(struct weir_http_req *req)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf body = WEIR_BUF_INIT;
    const struct weir_http_counters *c = weir_http_server_counters(server);
#define COUNTER_LINE(name, help) \
    weir_buf_printf(&body, #name " %llu\n", (unsigned long long)c->name);
    WEIR_HTTP_COUNTERS(COUNTER_LINE)
#undef COUNTER_LINE
    reply_body(req, weir_buf_str(&body), "text/plain");
}

static enum weir_http_verdict on_head(void *ctx, struct weir_http_req *req)
{
    (void)ctx;
    if (weir_http_req_match(req)->route->id != TO_REFUSE)
        return WEIR_HTTP_ACCEPT;
    (void)weir_http_reply_error(server, weir_http_req_ticket(req), 413, 0, WEIR_STR("refused"));
    return WEIR_HTTP_REPLIED;
}

static void on_body(void *ctx, struct weir_http_req *req)
{
    (void)ctx;
    const struct weir_http_match *match = weir_http_req_match(req);
    switch ((enum route)match->route->id) {
    case TO_ANY:
        reply_body(req, WEIR_STR("any"), "text/plain");
        break;
    case TO_ECHO:
    case TO_EMPTY:
        reply_body(req, weir_http_req_body(req), "application/octet-stream");
        break;
    case TO_HELLO:
        reply_hello(req, match->captures[0]);
        break;
    case TO_LATE:
        reply_late(req, match->captures[0]);
        break;
    case TO_BIG:
        reply_big(req, match->captures[0]);
        break;
    case TO_REFUSE:
    case TO_STREAM:
    case TO_GULP:
        die("a request was shown that must not be");
        break;
    case TO_COUNTERS:
        reply_counters(req);
        break;
    }
}

static size_t on_part(void *ctx, struct weir_http_req *req, struct weir_str bytes, bool is_last)
{
    (void)ctx;
    struct weir_http_ticket ticket = weir_http_req_ticket(req);
    uint64_t n = (uint64_t)(uintptr_t)weir_http_req_user(req);
    if (n == 0) {
        struct weir_http_reply reply = {.status = 200, .content_type = "application/octet-stream"};
        (void)weir_http_reply_begin(server, ticket, &reply);
        n = 1;
    }
    n += bytes.n;
    weir_http_req_set_user(req, (void *)(uintptr_t)n);
    (void)weir_http_reply_part(server, ticket, bytes);
    if (is_last) {
        char trailers[64];
        int length =
            snprintf(trailers, sizeof trailers, "X-Bytes: %llu\r\n", (unsigned long long)(n - 1));
        (void)weir_http_reply_end(server, ticket, weir_str_make(trailers, (size_t)length));
    }
    return weir_http_req_match(req)->route->id == TO_GULP ? 0 : bytes.n;
}

static const struct weir_http_handlers handlers = {
    .head = on_head, .body = on_body, .part = on_part};

static void on_closed(void *arg)
{
    (void)arg;
    weir_signal_close(&term);
    weir_timer_close(&drain_timer, NULL);
    weir_loop_stop(&loop);
}

/* Ends when all connections are gone. */
static void on_drain(struct weir_timer *timer, void *arg)
{
    (void)arg;
    if (weir_http_server_n_conns(server) == 0)
        weir_http_server_close(server, on_closed, NULL);
    else
        weir_timer_start(timer, weir_loop_now_ns(&loop) + 10000000);
}

static void on_term(void *arg, int number)
{
    (void)arg;
    (void)number;
    weir_http_server_drain(server);
    weir_http_server_stop_listening(server);
    weir_timer_start(&drain_timer, 0);
}

static bool set_option(struct weir_http_options *opts, struct weir_str arg)
{
    struct weir_str rest = arg;
    struct weir_str name = weir_str_split(&rest, '=');
    uint64_t value;
    if (!rest.at || !weir_str_to_u64(rest, UINT64_MAX, &value))
        return false;
#define OPTION_SET(field, init, help)  \
    if (weir_str_eq_c(name, #field)) { \
        opts->field = value;           \
        return true;                   \
    }
    WEIR_HTTP_OPTIONS(OPTION_SET)
#undef OPTION_SET
    return false;
}

static void listen_on(const char *text)
{
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_addr_target addr;
    struct weir_addr_target bound;
    char out[WEIR_ADDR_TEXT_BYTES];
    if (weir_addr_parse(&addr, weir_str_c(text), &err) != WEIR_OK ||
        weir_http_server_listen(server, &addr, NULL, &bound, &err) != WEIR_OK)
        die(err.msg);
    (void)printf("listening on %s\n", weir_addr_text(&bound.addr, bound.path, out));
}

int main(int argc, char **argv)
{
    struct weir_http_options opts = WEIR_HTTP_OPTIONS_INIT;
    struct weir_mem *mem = weir_mem_default();
    const char *addresses[8] = {"127.0.0.1:0"};
    int n_addresses = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--listen") == 0 && i + 1 < argc && n_addresses < 8)
            addresses[n_addresses++] = argv[++i];
        else if (strncmp(argv[i], "--", 2) != 0 || !set_option(&opts, weir_str_c(argv[i] + 2)))
            die("bad arguments");
    }
    weir_signal_ignore_pipe();
    if (weir_loop_init(&loop, mem, NULL) != WEIR_OK ||
        weir_http_shared_init(&shared, (uint32_t)opts.conns_max, mem) != WEIR_OK ||
        weir_http_router_init(&router, routes, WEIR_ARRAY_LEN(routes), mem, NULL) != WEIR_OK ||
        weir_http_server_new(&server, &loop, &opts, &router, &handlers, NULL, &shared, mem) !=
            WEIR_OK ||
        weir_signal_init(&term, &loop, SIGTERM, on_term, NULL) != WEIR_OK ||
        weir_timer_init(&drain_timer, &loop, WEIR_TIMER_COARSE, on_drain, NULL) != WEIR_OK)
        die("cannot start");
    for (int i = 0; i < (n_addresses > 0 ? n_addresses : 1); i++)
        listen_on(addresses[i]);
    (void)fflush(stdout);
    weir_loop_run(&loop);
    weir_loop_deinit(&loop);
    weir_http_router_deinit(&router);
    weir_http_shared_deinit(&shared);
    return 0;
}

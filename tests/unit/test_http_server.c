/* SPDX-License-Identifier: MIT */
/* The server on a real loop and real sockets: what the in-memory tests cannot show. */
#include "base/clock.h"
#include "base/macros.h"
#include "http/http.h"
#include "http/shared_priv.h"
#include "loop/wake.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct weir_http_route routes[] = {{WEIR_HTTP_METHOD_BIT(GET), "/", 0, 0}};
static struct weir_loop loop;
static struct weir_http_shared shared;
static struct weir_http_router router;
static struct weir_http_server *server;
static struct weir_addr_target bound;
static int n_server_closed;

static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

static enum weir_http_verdict on_head(void *ctx, struct weir_http_req *req)
{
    (void)ctx;
    (void)req;
    return WEIR_HTTP_ACCEPT;
}

static void on_body(void *ctx, struct weir_http_req *req)
{
    (void)ctx;
    struct weir_http_reply reply = {.status = 200, .body = WEIR_STR("{}")};
    (void)weir_http_reply(server, weir_http_req_ticket(req), &reply);
}

static const struct weir_http_handlers handlers = {.head = on_head, .body = on_body};

static void begin(struct weir_http_options opts)
{
    struct weir_addr_target addr;
    struct weir_mem *mem = test_mem();
    cr_assert_eq(weir_addr_parse(&addr, WEIR_STR("127.0.0.1:0"), NULL), WEIR_OK);
    cr_assert_eq(weir_loop_init(&loop, mem, NULL), WEIR_OK);
    cr_assert_eq(weir_http_shared_init(&shared, (uint32_t)opts.conns_max, mem), WEIR_OK);
    cr_assert_eq(weir_http_router_init(&router, routes, 1, mem, NULL), WEIR_OK);
    cr_assert_eq(
        weir_http_server_new(&server, &loop, &opts, &router, &handlers, NULL, &shared, mem),
        WEIR_OK);
    cr_assert_eq(weir_http_server_listen(server, &addr, NULL, &bound, NULL), WEIR_OK);
}

static void on_closed(void *arg)
{
    (void)arg;
    n_server_closed++;
}

static void end(void)
{
    weir_http_server_close(server, on_closed, NULL);
    while (n_server_closed == 0)
        (void)weir_loop_run_once(&loop, false);
    weir_loop_deinit(&loop);
    cr_assert_eq(shared.n_conns, 0);
    cr_assert_eq(shared.buffered_bytes, 0);
    weir_http_router_deinit(&router);
    weir_http_shared_deinit(&shared);
    cr_assert_eq(test_mem_n_live(), 0);
}

static void run_some(void)
{
    for (int i = 0; i < 20; i++)
        (void)weir_loop_run_once(&loop, false);
}

static int connect_one(void)
{
    struct sockaddr_storage sa;
    socklen_t n = weir_addr_to_sockaddr(&bound, &sa);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&sa, n), 0);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* Asks on a connection; returns the status of the answer, 0: none comes. */
static int ask(int fd)
{
    char text[512] = "";
    (void)send(fd, request, sizeof request - 1, MSG_NOSIGNAL);
    for (int i = 0; i < 200; i++) {
        (void)weir_loop_run_once(&loop, false);
        if (recv(fd, text, sizeof text - 1, 0) > 0)
            break;
    }
    int status = 0;
    (void)sscanf(text, "HTTP/1.1 %d", &status);
    return status;
}

static const struct weir_http_options defaults = WEIR_HTTP_OPTIONS_INIT;

Test(http_server, connections_beyond_the_limit_wait_in_the_backlog, .timeout = 20)
{
    struct weir_http_options opts = defaults;
    opts.conns_max = 3;
    begin(opts);
    int fds[4];
    for (int i = 0; i < 3; i++) {
        fds[i] = connect_one();
        cr_assert_eq(ask(fds[i]), 200);
    }
    fds[3] = connect_one();
    cr_assert_eq(ask(fds[3]), 0, "it waits");
    cr_assert_eq(weir_http_server_n_conns(server), 3);
    cr_assert_eq(weir_http_server_counters(server)->accept_paused, 1);
    (void)close(fds[0]);
    run_some();
    cr_assert_eq(weir_http_server_n_conns(server), 3, "it was let in");
    char text[64];
    cr_assert_gt(recv(fds[3], text, sizeof text, 0), 0, "and answered");
    for (int i = 1; i < 4; i++)
        (void)close(fds[i]);
    run_some();
    cr_assert_eq(weir_http_server_n_conns(server), 0);
    end();
}

Test(http_server, room_made_by_another_server_is_noticed, .timeout = 20)
{
    struct weir_http_options opts = defaults;
    opts.conns_max = 1;
    begin(opts);
    int first = connect_one();
    cr_assert_eq(ask(first), 200);
    (void)atomic_fetch_add(&shared.n_conns, 1); /* A connection of another loop's server. */
    (void)close(first);
    run_some();
    cr_assert_eq(weir_http_server_n_conns(server), 0);
    int waiting = connect_one();
    cr_assert_eq(ask(waiting), 0);
    (void)atomic_fetch_sub(&shared.n_conns, 1);
    uint64_t until = weir_clock_ns() + 5000000000;
    while (weir_http_server_n_conns(server) == 0 && weir_clock_ns() < until)
        (void)weir_loop_run_once(&loop, false);
    cr_assert_eq(weir_http_server_n_conns(server), 1);
    (void)close(waiting);
    end();
}

Test(http_server, a_drain_with_a_full_table_turns_the_backlog_away, .timeout = 20)
{
    struct weir_http_options opts = defaults;
    opts.conns_max = 1;
    begin(opts);
    int first = connect_one();
    cr_assert_eq(ask(first), 200);
    int waiting = connect_one();
    weir_http_server_stop_listening(server);
    run_some();
    cr_assert_eq(weir_http_server_counters(server)->conns_failed, 1);
    cr_assert_eq(ask(first), 200);
    (void)close(first);
    (void)close(waiting);
    end();
}

Test(http_server, one_address_has_so_many_connections, .timeout = 20)
{
    struct weir_http_options opts = defaults;
    opts.conns_per_address_max = 2;
    begin(opts);
    int fds[3] = {connect_one(), connect_one(), connect_one()};
    cr_assert_eq(ask(fds[0]), 200);
    cr_assert_eq(ask(fds[1]), 200);
    cr_assert_eq(ask(fds[2]), 429);
    cr_assert_eq(weir_http_server_counters(server)->limit_conns_per_address, 1);
    (void)close(fds[2]);
    (void)close(fds[0]);
    run_some();
    int again = connect_one();
    cr_assert_eq(ask(again), 200, "a place that was left is free again");
    (void)close(again);
    (void)close(fds[1]);
    end();
}

Test(http_server, local_clients_are_exempt_where_it_is_asked, .timeout = 20)
{
    struct weir_http_options opts = defaults;
    opts.conns_per_address_max = 1;
    opts.local_is_exempt = 1;
    begin(opts);
    int fds[2] = {connect_one(), connect_one()};
    cr_assert_eq(ask(fds[0]), 200);
    cr_assert_eq(ask(fds[1]), 200);
    (void)close(fds[0]);
    (void)close(fds[1]);
    end();
}

Test(http_server, a_handed_over_descriptor_is_served, .timeout = 20)
{
    begin(defaults);
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    struct weir_addr peer = {.kind = WEIR_ADDR_UNIX};
    weir_http_server_adopt(server, pair[0], &peer);
    cr_assert_eq(ask(pair[1]), 200);
    (void)close(pair[1]);
    end();
}

Test(http_server, a_drain_takes_the_backlog_answers_and_closes, .timeout = 20)
{
    begin(defaults);
    int idle = connect_one();
    cr_assert_eq(ask(idle), 200);
    int waiting = connect_one();
    (void)send(waiting, request, sizeof request - 1, MSG_NOSIGNAL);
    weir_http_server_drain(server);
    weir_http_server_stop_listening(server);
    run_some();
    char text[512] = "";
    cr_assert_eq(recv(idle, text, sizeof text, 0), 0, "idle connections end");
    cr_assert_gt(recv(waiting, text, sizeof text - 1, 0), 0);
    cr_assert_not_null(strstr(text, "Connection: close\r\n"));
    int late = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_storage sa;
    socklen_t n = weir_addr_to_sockaddr(&bound, &sa);
    cr_assert_eq(connect(late, (struct sockaddr *)&sa, n), -1);
    cr_assert_eq(errno, ECONNREFUSED);
    (void)close(late);
    (void)close(idle);
    (void)close(waiting);
    run_some();
    cr_assert_eq(weir_http_server_n_conns(server), 0);
    end();
}

Test(http_server, addresses_are_counted_one_by_one_and_ipv6_by_network)
{
    struct weir_http_shared table = {0};
    cr_assert_eq(weir_http_shared_init(&table, 4, test_mem()), WEIR_OK);
    enum { N = 60, ROUNDS = 2000 };
    static uint32_t counts[N];
    uint32_t random = 12345;
    for (int i = 0; i < ROUNDS; i++) {
        random = random * 1664525 + 1013904223;
        uint32_t k = random >> 8;
        struct weir_addr addr = {.kind = WEIR_ADDR_IP4, .ip = {10, 0, 0, (uint8_t)(k % N)}};
        if ((k / N) % 2 == 0) {
            bool is_added = weir_http_shared_address_add(&table, &addr, 3);
            cr_assert_eq(is_added, counts[k % N] < 3);
            counts[k % N] += is_added;
        } else if (counts[k % N] > 0) {
            weir_http_shared_address_remove(&table, &addr);
            counts[k % N]--;
        }
    }
    struct weir_addr a = {.kind = WEIR_ADDR_IP6, .ip = {0x20, 1, 0, 0, 0, 0, 0, 1, 9}};
    struct weir_addr b = {.kind = WEIR_ADDR_IP6, .ip = {0x20, 1, 0, 0, 0, 0, 0, 1, 8}};
    struct weir_addr other = {.kind = WEIR_ADDR_IP6, .ip = {0x20, 1, 0, 0, 0, 0, 0, 2, 9}};
    cr_assert(weir_http_shared_address_add(&table, &a, 1));
    cr_assert_not(weir_http_shared_address_add(&table, &b, 1));
    cr_assert(weir_http_shared_address_add(&table, &other, 1));
    weir_http_shared_deinit(&table);
    cr_assert_eq(test_mem_n_live(), 0);
}

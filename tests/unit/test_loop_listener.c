/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "loop/listener.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct weir_loop loop;
static struct weir_listener listener;
static int n_accepted;
static int n_closed;
static int accepted[512];
static int clients[512];
static int n_clients;

static void on_accept(void *arg, int fd, const struct weir_addr *peer)
{
    (void)arg;
    cr_assert_neq(peer->kind, WEIR_ADDR_NONE);
    cr_assert_neq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    cr_assert_neq(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    accepted[n_accepted++] = fd;
}

static void on_closed(void *arg)
{
    (void)arg;
    n_closed++;
}

static void begin(const char *text, const struct weir_listener_opts *opts)
{
    struct weir_addr_target addr;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_loop_init(&loop, test_mem(), NULL), WEIR_OK);
    cr_assert_eq(weir_addr_parse(&addr, weir_str_c(text), NULL), WEIR_OK);
    cr_assert_eq(weir_listener_open(&listener, &loop, &addr, opts, on_accept, NULL, &err), WEIR_OK,
                 "%s", err.msg);
}

static void end(void)
{
    for (int i = 0; i < n_accepted; i++)
        (void)close(accepted[i]);
    for (int i = 0; i < n_clients; i++)
        (void)close(clients[i]);
    weir_listener_close(&listener, on_closed, NULL);
    weir_listener_close(&listener, on_closed, NULL);
    weir_loop_deinit(&loop);
    cr_assert_eq(n_closed, 1);
    cr_assert_eq(test_mem_n_live(), 0);
}

static void connect_clients(int n)
{
    struct sockaddr_storage sa;
    socklen_t size = weir_addr_to_sockaddr(&listener.addr, &sa);
    for (int i = 0; i < n; i++) {
        clients[n_clients] = socket(sa.ss_family, SOCK_STREAM, 0);
        cr_assert_eq(connect(clients[n_clients], (struct sockaddr *)&sa, size), 0);
        n_clients++;
    }
}

static void run_until_accepted(int n)
{
    uint64_t until = weir_clock_ns() + 5000000000;
    while (n_accepted < n && weir_clock_ns() < until)
        (void)weir_loop_run_once(&loop, false);
    cr_assert_eq(n_accepted, n);
}

Test(loop_listener, port_zero_gives_a_port_and_connections_come, .timeout = 20)
{
    begin("127.0.0.1:0", NULL);
    cr_assert_neq(listener.addr.addr.port, 0);
    connect_clients(3);
    run_until_accepted(3);
    cr_assert_eq(listener.stats.n_accepted, 3);
    end();
}

Test(loop_listener, ipv6_is_served, .timeout = 20)
{
    begin("[::1]:0", NULL);
    connect_clients(1);
    run_until_accepted(1);
    end();
}

Test(loop_listener, a_tick_takes_so_many_and_no_more, .timeout = 20)
{
    begin("127.0.0.1:0", &(struct weir_listener_opts){.accepts_per_tick_max = 4});
    connect_clients(10);
    (void)weir_loop_run_once(&loop, false);
    cr_assert_eq(n_accepted, 4);
    (void)weir_loop_run_once(&loop, false);
    cr_assert_eq(n_accepted, 8);
    (void)weir_loop_run_once(&loop, false);
    cr_assert_eq(n_accepted, 10);
    cr_assert_eq(listener.stats.n_deferred, 2);
    end();
}

Test(loop_listener, paused_it_leaves_connections_in_the_backlog, .timeout = 20)
{
    begin("127.0.0.1:0", NULL);
    weir_listener_pause(&listener);
    connect_clients(2);
    for (int i = 0; i < 5; i++)
        (void)weir_loop_run_once(&loop, false);
    cr_assert_eq(n_accepted, 0);
    weir_listener_resume(&listener);
    run_until_accepted(2);
    weir_listener_pause(&listener);
    connect_clients(3);
    cr_assert_eq(weir_listener_empty_backlog(&listener), 3);
    cr_assert_eq(n_accepted, 5);
    end();
}

Test(loop_listener, a_port_in_use_is_found_even_by_one_who_would_share_it)
{
    begin("127.0.0.1:0", &(struct weir_listener_opts){.reuse_port = true});
    struct weir_listener other;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_listener_probe(&listener.addr, &err), WEIR_ERR_EXISTS);
    cr_assert_not_null(strstr(err.msg, "127.0.0.1:"));
    cr_assert_eq(weir_listener_open(&other, &loop, &listener.addr, NULL, on_accept, NULL, &err),
                 WEIR_ERR_EXISTS);
    cr_assert_eq(weir_listener_open(&other, &loop, &listener.addr,
                                    &(struct weir_listener_opts){.reuse_port = true}, on_accept,
                                    NULL, &err),
                 WEIR_OK);
    weir_listener_close(&other, NULL, NULL);
    end();
}

Test(loop_listener, without_descriptors_it_rests_and_then_goes_on, .timeout = 20)
{
    begin("127.0.0.1:0", NULL);
    connect_clients(2);
    struct rlimit old;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    int next = dup(0);
    struct rlimit none = {.rlim_cur = (rlim_t)next, .rlim_max = old.rlim_max};
    (void)close(next);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 5; i++)
        (void)weir_loop_run_once(&loop, false);
    cr_assert_eq(n_accepted, 0);
    cr_assert_eq(listener.stats.n_no_fds, 1, "it does not spin");
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    run_until_accepted(2);
    end();
}

static char path[64];
static char text[80];

static void name_socket(void)
{
    (void)snprintf(path, sizeof path, "/tmp/weir-test-%d.sock", (int)getpid());
    (void)snprintf(text, sizeof text, "unix:%s", path);
    (void)unlink(path);
}

Test(loop_listener, a_unix_socket_has_its_mode_and_goes_with_the_listener, .timeout = 20)
{
    name_socket();
    begin(text, &(struct weir_listener_opts){.socket_mode = 0600});
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    connect_clients(1);
    run_until_accepted(1);
    end();
    cr_assert_neq(stat(path, &st), 0);
}

Test(loop_listener, a_stale_socket_is_replaced_a_live_one_and_a_file_are_not)
{
    name_socket();
    struct weir_listener other;
    struct weir_addr_target addr;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_addr_parse(&addr, weir_str_c(text), NULL), WEIR_OK);
    begin(text, NULL);
    cr_assert_eq(weir_listener_open(&other, &loop, &addr, NULL, on_accept, NULL, &err),
                 WEIR_ERR_EXISTS);
    listener.owns_path = false; /* As after a crash. */
    end();
    n_closed = 0;
    begin(text, NULL);
    end();
    FILE *file = fopen(path, "w");
    (void)fclose(file);
    cr_assert_eq(weir_loop_init(&loop, test_mem(), NULL), WEIR_OK);
    cr_assert_eq(weir_listener_open(&other, &loop, &addr, NULL, on_accept, NULL, &err),
                 WEIR_ERR_EXISTS);
    cr_assert_not_null(strstr(err.msg, "not a socket"));
    weir_loop_deinit(&loop);
    (void)unlink(path);
}

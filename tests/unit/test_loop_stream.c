/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/macros.h"
#include "loop/stream.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static struct weir_loop loop;
static struct weir_stream stream;
static char received[1 << 16];
static size_t n_received;
static int n_eof, n_errors, n_writable, n_closed, n_connected, last_error;

static void on_connected(struct weir_stream *s, int error)
{
    (void)s;
    n_connected++;
    last_error = error;
}

static void on_read(struct weir_stream *s, char *bytes, size_t n)
{
    (void)s;
    if (n <= sizeof received - n_received)
        memcpy(received + n_received, bytes, n);
    n_received += n;
}

static void on_eof(struct weir_stream *s)
{
    (void)s;
    n_eof++;
}

static void on_error(struct weir_stream *s, int error)
{
    (void)s;
    n_errors++;
    last_error = error;
}

static void on_writable(struct weir_stream *s)
{
    (void)s;
    n_writable++;
}

static void on_closed(struct weir_stream *s)
{
    (void)s;
    n_closed++;
}

static const struct weir_stream_events events = {.connected = on_connected,
                                                 .read = on_read,
                                                 .eof = on_eof,
                                                 .error = on_error,
                                                 .writable = on_writable,
                                                 .closed = on_closed};

static void run_until(const int *value, int wanted)
{
    uint64_t until = weir_clock_ns() + 5000000000;
    while (*value < wanted && weir_clock_ns() < until)
        (void)weir_loop_run_once(&loop, false);
    cr_assert_eq(*value, wanted);
}

static void run_some(void)
{
    for (int i = 0; i < 10; i++)
        (void)weir_loop_run_once(&loop, false);
}

/* A listening socket of the plain kind; its address in *addr. */
static int listen_plain(struct weir_addr_target *addr)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in in = {.sin_family = AF_INET};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t n = sizeof in;
    cr_assert_eq(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
    cr_assert_eq(listen(fd, 4), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&in, &n), 0);
    *addr = (struct weir_addr_target){0};
    weir_addr_from_sockaddr(&addr->addr, (struct sockaddr *)&in, n);
    return fd;
}

/* Connects the stream; returns the other end. */
static int begin(void)
{
    struct weir_addr_target addr;
    int listening = listen_plain(&addr);
    cr_assert_eq(weir_loop_init(&loop, test_mem(), NULL), WEIR_OK);
    cr_assert_eq(weir_stream_connect(&stream, &loop, &addr, &events, NULL), WEIR_OK);
    cr_assert_eq(n_connected, 0, "never early");
    int peer = accept(listening, NULL, NULL);
    (void)close(listening);
    run_until(&n_connected, 1);
    cr_assert_eq(last_error, 0);
    return peer;
}

static void end(void)
{
    weir_stream_close(&stream);
    weir_stream_close(&stream);
    weir_loop_deinit(&loop);
    cr_assert_eq(n_closed, 1);
    cr_assert_eq(test_mem_n_live(), 0);
}

static void reset_peer(int peer)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    cr_assert_eq(setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    (void)close(peer);
}

Test(loop_stream, bytes_come_when_reading_and_the_end_after_them, .timeout = 20)
{
    int peer = begin();
    cr_assert_eq(write(peer, "hello", 5), 5);
    run_some();
    cr_assert_eq(n_received, 0);
    weir_stream_read_start(&stream);
    cr_assert_eq(shutdown(peer, SHUT_WR), 0);
    run_until(&n_eof, 1);
    cr_assert_eq(n_received, 5);
    cr_assert_eq(memcmp(received, "hello", 5), 0);
    run_some();
    cr_assert_eq(n_eof, 1);
    struct iovec iov[2] = {{.iov_base = (char[]){"an"}, .iov_len = 2},
                           {.iov_base = (char[]){"swer"}, .iov_len = 4}};
    cr_assert_eq(weir_stream_write(&stream, iov, 2), 6);
    char back[8];
    cr_assert_eq(read(peer, back, sizeof back), 6);
    cr_assert_eq(memcmp(back, "answer", 6), 0);
    weir_stream_shutdown(&stream);
    cr_assert_eq(read(peer, back, sizeof back), 0);
    (void)close(peer);
    end();
}

Test(loop_stream, a_stopped_stream_still_notices_a_reset, .timeout = 20)
{
    int peer = begin();
    reset_peer(peer);
    run_until(&n_errors, 1);
    cr_assert_eq(last_error, ECONNRESET);
    run_some();
    cr_assert_eq(n_errors, 1);
    end();
}

Test(loop_stream, a_half_closed_stream_still_notices_a_reset, .timeout = 20)
{
    int peer = begin();
    weir_stream_read_start(&stream);
    cr_assert_eq(shutdown(peer, SHUT_WR), 0);
    run_until(&n_eof, 1);
    struct iovec iov = {.iov_base = (char[]){"unread"}, .iov_len = 6};
    cr_assert_eq(weir_stream_write(&stream, &iov, 1), 6);
    reset_peer(peer);
    run_until(&n_errors, 1);
    end();
}

Test(loop_stream, urgent_data_does_not_make_it_spin, .timeout = 20)
{
    int peer = begin();
    cr_assert_eq(send(peer, "!", 1, MSG_OOB), 1);
    run_some();
    uint64_t before = loop.stats.busy_ns;
    run_some();
    cr_assert_eq(loop.stats.busy_ns, before, "no callbacks any more");
    cr_assert_eq(n_errors, 0);
    (void)close(peer);
    end();
}

Test(loop_stream, a_full_socket_takes_nothing_and_says_when_it_does_again, .timeout = 20)
{
    int peer = begin();
    static char block[1 << 20];
    struct iovec iov = {.iov_base = block, .iov_len = sizeof block};
    size_t total = 0;
    ssize_t n;
    while ((n = weir_stream_write(&stream, &iov, 1)) > 0)
        total += (size_t)n;
    cr_assert_eq(n, 0);
    weir_stream_want_write(&stream);
    run_some();
    cr_assert_eq(n_writable, 0);
    (void)fcntl(peer, F_SETFL, O_NONBLOCK);
    while (total > 0 && n_writable == 0) {
        n = read(peer, block, sizeof block);
        if (n > 0)
            total -= (size_t)n;
        (void)weir_loop_run_once(&loop, false);
    }
    run_some();
    cr_assert_eq(n_writable, 1, "once for each time it was asked");
    (void)close(peer);
    end();
}

Test(loop_stream, writing_to_a_reset_connection_is_an_error_and_no_signal, .timeout = 20)
{
    int peer = begin();
    reset_peer(peer);
    struct iovec iov = {.iov_base = (char[]){"x"}, .iov_len = 1};
    ssize_t n = 0;
    for (int i = 0; i < 100 && n >= 0; i++)
        n = weir_stream_write(&stream, &iov, 1);
    cr_assert_lt(n, 0);
    end();
}

Test(loop_stream, reset_is_seen_by_the_peer, .timeout = 20)
{
    int peer = begin();
    weir_stream_reset(&stream);
    char c;
    cr_assert_eq(read(peer, &c, 1), -1);
    cr_assert_eq(errno, ECONNRESET);
    (void)close(peer);
    end();
}

Test(loop_stream, a_refused_connection_is_told_in_the_callback, .timeout = 20)
{
    struct weir_addr_target addr;
    (void)close(listen_plain(&addr));
    cr_assert_eq(weir_loop_init(&loop, test_mem(), NULL), WEIR_OK);
    enum weir_status status = weir_stream_connect(&stream, &loop, &addr, &events, NULL);
    cr_assert_eq(status, WEIR_OK);
    run_until(&n_connected, 1);
    cr_assert_eq(last_error, ECONNREFUSED);
    end();
}

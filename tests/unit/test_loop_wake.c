/* SPDX-License-Identifier: MIT */
#include "loop/wake.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static struct weir_loop loop;
static int n_called;
static int n_closed;
static int last;

static void on_call(void *arg)
{
    (void)arg;
    n_called++;
}

static void on_closed(void *arg)
{
    (void)arg;
    n_closed++;
}

static void *send_many(void *arg)
{
    for (int i = 0; i < 1000; i++)
        weir_wake_send(arg);
    return NULL;
}

Test(loop_wake, sends_from_another_thread_come_together_and_none_is_lost, .timeout = 20)
{
    struct weir_wake wake;
    pthread_t thread;
    cr_assert_eq(weir_loop_init(&loop, test_mem(), NULL), WEIR_OK);
    cr_assert_eq(weir_wake_init(&wake, &loop, on_call, NULL), WEIR_OK);
    cr_assert_eq(pthread_create(&thread, NULL, send_many, &wake), 0);
    (void)pthread_join(thread, NULL);
    while (n_called == 0)
        (void)weir_loop_run_once(&loop, false);
    cr_assert_leq(n_called, 1000);
    int before = n_called;
    weir_wake_send(&wake);
    while (n_called == before)
        (void)weir_loop_run_once(&loop, false);
    weir_wake_close(&wake, on_closed);
    weir_wake_close(&wake, on_closed);
    weir_loop_deinit(&loop);
    cr_assert_eq(n_closed, 1);
}

static void on_poll(void *arg, int events)
{
    last = events;
    char c;
    if ((events & WEIR_POLL_READABLE) != 0)
        cr_assert_eq(read(*(int *)arg, &c, 1), 1);
    n_called++;
}

Test(loop_wake, a_descriptor_is_watched_for_what_was_asked, .timeout = 20)
{
    int fds[2];
    struct weir_poll poll;
    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(weir_loop_init(&loop, test_mem(), NULL), WEIR_OK);
    cr_assert_eq(weir_poll_init(&poll, &loop, fds[0], WEIR_POLL_READABLE, on_poll, &fds[0]),
                 WEIR_OK);
    (void)weir_loop_run_once(&loop, false);
    cr_assert_eq(n_called, 0);
    cr_assert_eq(write(fds[1], "ab", 2), 2);
    while (n_called == 0)
        (void)weir_loop_run_once(&loop, false);
    cr_assert_eq(last, WEIR_POLL_READABLE);
    n_called = 0;
    weir_poll_set(&poll, 0);
    for (int i = 0; i < 5; i++)
        (void)weir_loop_run_once(&loop, false);
    cr_assert_leq(n_called, 1);
    weir_poll_close(&poll, on_closed);
    (void)close(fds[0]);
    (void)close(fds[1]);
    weir_loop_deinit(&loop);
    cr_assert_eq(n_closed, 1);
    struct weir_poll bad;
    cr_assert_eq(weir_loop_init(&loop, test_mem(), NULL), WEIR_OK);
    cr_assert_eq(weir_poll_init(&bad, &loop, fds[0], WEIR_POLL_READABLE, on_poll, NULL),
                 WEIR_ERR_IO);
    weir_poll_close(&bad, on_closed);
    weir_loop_deinit(&loop);
}

static void on_signal(void *arg, int number)
{
    (void)arg;
    last = number;
    n_called++;
}

Test(loop_wake, a_signal_becomes_a_callback, .timeout = 20)
{
    struct weir_signal sig;
    cr_assert_eq(weir_loop_init(&loop, test_mem(), NULL), WEIR_OK);
    cr_assert_eq(weir_signal_init(&sig, &loop, SIGUSR1, on_signal, NULL), WEIR_OK);
    cr_assert_eq(raise(SIGUSR1), 0);
    while (n_called == 0)
        (void)weir_loop_run_once(&loop, false);
    cr_assert_eq(last, SIGUSR1);
    weir_signal_close(&sig);
    struct weir_signal bad;
    cr_assert_eq(weir_signal_init(&bad, &loop, SIGKILL, on_signal, NULL), WEIR_ERR_IO);
    weir_loop_deinit(&loop);
}

/* SPDX-License-Identifier: MIT */
#include "loop/timer.h"
#include "server/inbox.h"
#include "test_mem.h"

#include <criterion/criterion.h>

static struct weir_loop loop;
static struct weir_server_inbox inbox;
static int64_t received[4 * WEIR_SERVER_INBOX_MESSAGES_MAX];
static size_t n_received;
static struct weir_timer alive; /* A wake-up alone does not keep a loop running. */

static void on_timeout(struct weir_timer *timer, void *arg)
{
    (void)timer;
    (void)arg;
    cr_assert_fail("no message came");
}

static void receive(void *arg)
{
    struct weir_server_message m;
    (void)arg;
    while (weir_server_inbox_take(&inbox, &m))
        received[n_received++] = m.number;
}

static void start(void)
{
    cr_assert_eq(weir_loop_init(&loop, test_mem(), NULL), WEIR_OK);
    cr_assert_eq(weir_server_inbox_init(&inbox, &loop, receive, NULL), WEIR_OK);
    cr_assert_eq(weir_timer_init(&alive, &loop, WEIR_TIMER_COARSE, on_timeout, NULL), WEIR_OK);
    weir_timer_start(&alive, weir_loop_now_ns(&loop) + UINT64_C(10000000000));
}

static void end(void)
{
    weir_server_inbox_deinit(&inbox);
    weir_wake_close(&inbox.wake, NULL);
    weir_timer_close(&alive, NULL);
    weir_loop_deinit(&loop);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(server_inbox, messages_arrive_once_and_in_order)
{
    start();
    for (int64_t i = 0; i < 5; i++)
        weir_server_inbox_push(&inbox, (struct weir_server_message){.number = i});
    while (n_received < 5)
        (void)weir_loop_run_once(&loop, true);
    for (int64_t i = 0; i < 5; i++)
        cr_assert_eq(received[i], i);
    end();
}

Test(server_inbox, a_full_queue_is_an_answer)
{
    struct weir_server_message m = {.kind = WEIR_SERVER_ADOPT_FD};
    start();
    for (size_t i = 0; i < WEIR_SERVER_INBOX_MESSAGES_MAX; i++)
        cr_assert(weir_server_inbox_try_push(&inbox, m));
    cr_assert_not(weir_server_inbox_try_push(&inbox, m));
    cr_assert(weir_server_inbox_take(&inbox, &m));
    cr_assert(weir_server_inbox_try_push(&inbox, m));
    end();
}

/* The ring has turned before it grows, so that its two halves must be put in order. */
Test(server_inbox, control_messages_beyond_the_bound_make_it_grow)
{
    enum { N = 3 * WEIR_SERVER_INBOX_MESSAGES_MAX };
    struct weir_server_message m;
    start();
    for (int64_t i = 0; i < 100; i++)
        weir_server_inbox_push(&inbox, (struct weir_server_message){.number = -1});
    while (weir_server_inbox_take(&inbox, &m))
        cr_assert_eq(m.number, -1);
    for (int64_t i = 0; i < N; i++)
        weir_server_inbox_push(&inbox, (struct weir_server_message){.number = i});
    cr_assert_not(weir_server_inbox_try_push(&inbox, (struct weir_server_message){.number = -1}));
    while (n_received < N)
        (void)weir_loop_run_once(&loop, true);
    for (int64_t i = 0; i < N; i++)
        cr_assert_eq(received[i], i);
    cr_assert(weir_server_inbox_try_push(&inbox, (struct weir_server_message){.number = -1}));
    end();
}

/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "loop/wake.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static struct weir_loop loop;
static char order[64];

static void begin(void)
{
    cr_assert_eq(weir_loop_init(&loop, test_mem(), NULL), WEIR_OK);
}

static void end(void)
{
    weir_loop_deinit(&loop);
    weir_loop_deinit(&loop);
    cr_assert_eq(test_mem_n_live(), 0);
}

static void note(const char *what)
{
    strncat(order, what, sizeof order - strlen(order) - 1);
}

static void on_deferred_twice(void *arg)
{
    (void)arg;
    note("d2 ");
}

static struct weir_loop_deferred second = {.fn = on_deferred_twice};

static void on_deferred(void *arg)
{
    (void)arg;
    note("d1 ");
    weir_loop_defer(&loop, &second);
}

static struct weir_loop_deferred first = {.fn = on_deferred};

static void on_idle(void *arg)
{
    cr_assert_eq(arg, order);
    note("idle ");
    weir_loop_defer(&loop, &first);
    weir_loop_defer(&loop, &first);
}

Test(loop_loop, what_is_deferred_runs_after_the_idle_hook_and_before_blocking)
{
    begin();
    weir_loop_set_idle_hook(&loop, on_idle, order);
    (void)weir_loop_run_once(&loop, false);
    cr_assert_str_eq(order, "idle d1 d2 ");
    weir_loop_set_idle_hook(&loop, NULL, NULL);
    weir_loop_defer(&loop, &first);
    weir_loop_defer_cancel(&first);
    (void)weir_loop_run_once(&loop, false);
    cr_assert_str_eq(order, "idle d1 d2 ");
    end();
}

static void *stop_from_thread(void *arg)
{
    weir_loop_stop(arg);
    return NULL;
}

Test(loop_loop, another_thread_can_stop_it, .timeout = 20)
{
    begin();
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, stop_from_thread, &loop), 0);
    weir_loop_run(&loop);
    (void)pthread_join(thread, NULL);
    end();
}

static void on_again_hook(void *arg)
{
    int *left = arg;
    if (--*left > 0)
        weir_loop_again(&loop);
    else
        weir_loop_stop(&loop);
}

Test(loop_loop, again_comes_round_without_blocking, .timeout = 20)
{
    begin();
    int left = 5;
    weir_loop_set_idle_hook(&loop, on_again_hook, &left);
    weir_loop_run(&loop);
    cr_assert_eq(left, 0);
    end();
}

static void on_slow(struct weir_timer *timer, void *arg)
{
    (void)timer;
    (void)arg;
    uint64_t until = weir_clock_ns() + 3000000;
    while (weir_clock_ns() < until)
        continue;
}

Test(loop_loop, iterations_are_measured, .timeout = 20)
{
    begin();
    struct weir_timer timer;
    cr_assert_eq(weir_timer_init(&timer, &loop, WEIR_TIMER_COARSE, on_slow, NULL), WEIR_OK);
    weir_timer_start(&timer, 0);
    for (int i = 0; i < 100 && loop.stats.iteration_ns_max < 3000000; i++)
        (void)weir_loop_run_once(&loop, false);
    cr_assert_geq(loop.stats.iteration_ns_max, 3000000);
    cr_assert_geq(loop.stats.busy_ns, loop.stats.iteration_ns_max);
    cr_assert_gt(loop.stats.n_iterations, 0);
    weir_timer_close(&timer, NULL);
    end();
}

Test(loop_loop, room_for_descriptors_is_made_at_once_or_refused)
{
    begin();
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(weir_loop_reserve(&loop, 200), WEIR_OK);
    cr_assert_geq(loop.uv.nwatchers, 200);
    limit.rlim_cur = 256;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(weir_loop_reserve(&loop, 1000), WEIR_ERR_IO);
    end();
}

Test(loop_loop, without_memory_there_is_no_loop)
{
    test_mem_fail_at(1, false);
    cr_assert_eq(weir_loop_init(&loop, test_mem(), NULL), WEIR_ERR_NO_MEMORY);
    cr_assert_not(loop.is_open);
    weir_loop_deinit(&loop);
    test_mem_fail_at(0, false);
    begin();
    end();
}

static void use_from_elsewhere(void)
{
    pthread_t thread;
    (void)pthread_create(&thread, NULL, (void *(*)(void *))(void (*)(void))weir_loop_assert_thread,
                         &loop);
    (void)pthread_join(thread, NULL);
}

Test(loop_loop, the_wrong_thread_is_a_programmers_error, .signal = SIGABRT)
{
    begin();
    use_from_elsewhere();
}

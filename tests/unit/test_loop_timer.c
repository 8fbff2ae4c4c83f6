/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "loop/timer.h"
#include "test_mem.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

static struct weir_loop loop;
static int n_fired;
static uint64_t fired_ns;
static int n_closed;

static void on_fire(struct weir_timer *timer, void *arg)
{
    cr_assert_eq(arg, timer);
    cr_assert_not(weir_timer_is_armed(timer));
    n_fired++;
    fired_ns = weir_clock_ns();
}

static void on_closed(struct weir_timer *timer, void *arg)
{
    cr_assert_eq(arg, timer);
    n_closed++;
}

static void run_for(uint64_t ns)
{
    uint64_t until = weir_clock_ns() + ns;
    while (weir_clock_ns() < until)
        (void)weir_loop_run_once(&loop, false);
}

ParameterizedTestParameters(loop_timer, kinds)
{
    static enum weir_timer_kind kinds[] = {WEIR_TIMER_COARSE, WEIR_TIMER_PRECISE};
    return cr_make_param_array(enum weir_timer_kind, kinds, 2);
}

ParameterizedTest(enum weir_timer_kind *kind, loop_timer, kinds, .timeout = 20)
{
    struct weir_timer timer;
    cr_assert_eq(weir_loop_init(&loop, test_mem(), NULL), WEIR_OK);
    cr_assert_eq(weir_timer_init(&timer, &loop, *kind, on_fire, &timer), WEIR_OK);
    for (int i = 0; i < 20; i++) {
        uint64_t due = weir_clock_ns() + 300000 * (uint64_t)i;
        weir_timer_start(&timer, due);
        cr_assert(weir_timer_is_armed(&timer));
        while (n_fired == i)
            (void)weir_loop_run_once(&loop, false);
        cr_assert_geq(fired_ns, due, "fired early");
        cr_assert_eq(n_fired, i + 1);
    }
    weir_timer_start(&timer, 0);
    while (n_fired == 20)
        (void)weir_loop_run_once(&loop, false);
    weir_timer_start(&timer, weir_clock_ns() + 2000000);
    weir_timer_stop(&timer);
    weir_timer_stop(&timer);
    run_for(5000000);
    cr_assert_eq(n_fired, 21, "a stopped timer fired");
    weir_timer_start(&timer, weir_clock_ns() + 1000000);
    weir_timer_start(&timer, WEIR_TIME_NEVER);
    cr_assert_not(weir_timer_is_armed(&timer));
    run_for(3000000);
    cr_assert_eq(n_fired, 21, "a timer for never fired");
    weir_timer_close(&timer, on_closed);
    weir_timer_close(&timer, on_closed);
    weir_loop_deinit(&loop);
    cr_assert_eq(n_closed, 1);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(loop_timer, a_precise_one_is_below_a_millisecond_in_the_median, .timeout = 20)
{
    struct weir_timer timer;
    cr_assert_eq(weir_loop_init(&loop, test_mem(), NULL), WEIR_OK);
    cr_assert_eq(weir_timer_init(&timer, &loop, WEIR_TIMER_PRECISE, on_fire, &timer), WEIR_OK);
    int n_late = 0;
    uint64_t base = 0;
    for (int i = 0; i < 51; i++) {
        uint64_t asked = weir_clock_ns() + 200000;
        weir_timer_start(&timer, asked);
        while (n_fired == i)
            (void)weir_loop_run_once(&loop, false);
        n_late += fired_ns - asked > 800000;
        base += timer.late_ns;
    }
    cr_assert_lt(n_late, 26, "%d of 51 more than 0.8 ms late", n_late);
    cr_assert_gt(base, 0);
    weir_timer_close(&timer, NULL);
    weir_loop_deinit(&loop);
}

/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include "base/macros.h"

#include <time.h>

static uint64_t read_ns(clockid_t clock)
{
    struct timespec t;
    weir_assert(clock_gettime(clock, &t) == 0);
    return (uint64_t)t.tv_sec * WEIR_NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t weir_clock_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t weir_clock_wall_ns(void)
{
    return read_ns(CLOCK_REALTIME);
}

uint64_t weir_clock_thread_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

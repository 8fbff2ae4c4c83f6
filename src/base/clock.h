/* SPDX-License-Identifier: MIT */
/* Time. Inside weir every time is nanoseconds of the monotonic clock in a uint64_t; the wall clock
 * is for people and headers only. */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>

#define WEIR_NS_PER_US UINT64_C(1000)
#define WEIR_NS_PER_MS UINT64_C(1000000)
#define WEIR_NS_PER_S  UINT64_C(1000000000)

/* No deadline: later than every time. */
#define WEIR_TIME_NEVER UINT64_MAX

/* Returns CLOCK_MONOTONIC in nanoseconds. */
uint64_t weir_clock_ns(void);

/* Returns CLOCK_REALTIME in nanoseconds since 1970-01-01 UTC. */
uint64_t weir_clock_wall_ns(void);

/* Returns the CPU time of the calling thread in nanoseconds. */
uint64_t weir_clock_thread_cpu_ns(void);

/* Adds two times, staying at WEIR_TIME_NEVER instead of wrapping. */
static inline uint64_t weir_clock_add(uint64_t t_ns, uint64_t d_ns)
{
    uint64_t r;
    return __builtin_add_overflow(t_ns, d_ns, &r) ? WEIR_TIME_NEVER : r;
}

#endif

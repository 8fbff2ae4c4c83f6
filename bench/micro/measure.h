/* SPDX-License-Identifier: MIT */
/* Times one function: warm-up, then batches of calls until the time budget is full. A call returns
 * a checksum of its results, so that the compiler cannot drop the work; the sum is printed. */
#ifndef WEIR_BENCH_MICRO_MEASURE_H
#define WEIR_BENCH_MICRO_MEASURE_H

#include <stddef.h>
#include <stdint.h>

/* The work of one call; arg is the caller's. */
typedef uint64_t(weir_bench_fn)(void *arg);

/* Runs fn for about half a second (WEIR_BENCH_SECONDS changes that) and prints one line: name,
 * number of samples, minimum, median and p99 time of a call, bytes a second at the median where
 * bytes (what one call works on) is not 0, and the checksum. Returns the median in nanoseconds. */
double weir_bench_measure(const char *name, weir_bench_fn *fn, void *arg, size_t bytes);

#endif

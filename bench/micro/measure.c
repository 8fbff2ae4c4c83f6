/* SPDX-License-Identifier: MIT */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SAMPLES_MAX = 100000 };

/* A sample is at least this long, so that reading the clock does not count. */
static const double SAMPLE_NS_MIN = 20e3;

static double now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The thread's own time: what the work took, whatever else ran on the core meanwhile. */
static double cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Times n calls; returns nanoseconds for each. */
static double sample(weir_bench_fn *fn, void *arg, size_t n, uint64_t *checksum)
{
    double start = cpu_ns();
    for (size_t i = 0; i < n; i++)
        *checksum += fn(arg);
    return (cpu_ns() - start) / (double)n;
}

double weir_bench_measure(const char *name, weir_bench_fn *fn, void *arg, size_t bytes)
{
    const char *given = getenv("WEIR_BENCH_SECONDS");
    double budget_ns = (given ? strtod(given, NULL) : 0.5) * 1e9;
    double *times = malloc(SAMPLES_MAX * sizeof(*times));
    if (!times)
        abort();
    uint64_t checksum = 0;
    size_t n_calls = 1;
    double start = now_ns();
    while (now_ns() - start < budget_ns / 10) {
        if (sample(fn, arg, n_calls, &checksum) * (double)n_calls < SAMPLE_NS_MIN)
            n_calls *= 2;
    }
    checksum = 0;
    size_t n = 0;
    start = now_ns();
    while (n < SAMPLES_MAX && (n < 5 || now_ns() - start < budget_ns))
        times[n++] = sample(fn, arg, n_calls, &checksum);
    qsort(times, n, sizeof(*times), compare);
    double median = times[n / 2];
    printf("%-36s n %6zu x %-5zu min %10.1f ns  median %10.1f ns  p99 %10.1f ns", name, n, n_calls,
           times[0], median, times[n - 1 - n / 100]);
    if (bytes)
        printf("  %8.1f MB/s", (double)bytes / median * 1e3);
    printf("  checksum %016llx\n", (unsigned long long)checksum);
    free(times);
    return median;
}

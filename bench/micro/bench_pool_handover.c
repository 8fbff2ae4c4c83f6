/* SPDX-License-Identifier: MIT */
/* What handing a job to a worker and taking it back costs: time from submit to done, and CPU of
 * both threads together. Two loads: one job at a time (the submitter sleeps meanwhile), and jobs
 * that arrive every 200 µs, so that the worker has gone to sleep each time unless it spins longer.
 */
#include "base/clock.h"
#include "metric/histogram.h"
#include "pool/pool.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static sem_t wakes;
static struct weir_pool_home home;
static uint64_t n_done;

static void wake(void *ctx)
{
    (void)ctx;
    (void)sem_post(&wakes);
}

/* 10 µs of work: a small batch. */
static void run(struct weir_pool_job *jobs, void *scratch)
{
    (void)jobs;
    (void)scratch;
    uint64_t end_ns = weir_clock_ns() + 10 * WEIR_NS_PER_US;
    while (weir_clock_ns() < end_ns)
        continue;
}

static void done(struct weir_pool_job *job, bool is_canceled)
{
    (void)job;
    (void)is_canceled;
    n_done++;
}

static double cpu_us(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void measure(uint64_t spin_ns, uint64_t pause_ns, struct weir_metric_histogram *h)
{
    struct weir_pool *pool;
    const struct weir_pool_opts opts = {.n_workers = 1, .spin_ns = spin_ns};
    if (weir_pool_new(&pool, &opts, weir_mem_default(), NULL) != WEIR_OK ||
        weir_pool_add_home(pool, &home, wake, NULL) != WEIR_OK ||
        weir_pool_start(pool, NULL) != WEIR_OK)
        abort();
    struct weir_pool_job job = {.run = run, .done = done, .home = &home};
    weir_metric_histogram_reset(h);
    uint64_t handover_ns = 0; /* spent in the submitting thread's own calls */
    double start_us = cpu_us();
    uint64_t end_ns = weir_clock_ns() + WEIR_NS_PER_S;
    size_t n = 0;
    for (; weir_clock_ns() < end_ns; n++) {
        uint64_t t0 = weir_clock_ns();
        if (weir_pool_submit(pool, &job) != WEIR_POOL_SUBMIT_QUEUED)
            abort();
        handover_ns += weir_clock_ns() - t0;
        n_done = 0;
        while (n_done == 0) {
            while (sem_wait(&wakes) != 0 && errno == EINTR)
                continue;
            (void)weir_pool_home_drain(&home);
        }
        uint64_t t1 = weir_clock_ns();
        weir_metric_histogram_add(h, t1 - t0);
        if (pause_ns > 0) {
            const struct timespec t = {0, (long)pause_ns};
            (void)nanosleep(&t, NULL);
        }
    }
    printf("spin %3llu us, pause %3llu us: there and back p50 %6.1f us  p99 %6.1f us, CPU %6.2f us "
           "a job, submit %5.2f us\n",
           (unsigned long long)(spin_ns / WEIR_NS_PER_US),
           (unsigned long long)(pause_ns / WEIR_NS_PER_US),
           (double)weir_metric_histogram_quantile(h, 0.5) / 1e3,
           (double)weir_metric_histogram_quantile(h, 0.99) / 1e3, (cpu_us() - start_us) / (double)n,
           (double)handover_ns / (double)n / 1e3);
    if (weir_pool_stop(pool, true, WEIR_NS_PER_S) != WEIR_OK)
        abort();
    weir_pool_free(pool);
}

int main(void)
{
    static const uint64_t spins_us[] = {0, 5, 20, 50};
    static const uint64_t pauses_us[] = {0, 200};
    struct weir_metric_histogram h;
    if (sem_init(&wakes, 0, 0) != 0 ||
        weir_metric_histogram_init(&h, WEIR_METRIC_HISTOGRAM_EXACT, WEIR_NS_PER_S,
                                   weir_mem_default()) != WEIR_OK)
        abort();
    for (size_t i = 0; i < sizeof pauses_us / sizeof pauses_us[0]; i++) {
        for (size_t j = 0; j < sizeof spins_us / sizeof spins_us[0]; j++)
            measure(spins_us[j] * WEIR_NS_PER_US, pauses_us[i] * WEIR_NS_PER_US, &h);
    }
    weir_metric_histogram_deinit(&h);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* Several homes and workers: each job comes back exactly once and in order of its home's runs, and
 * a home that sleeps because no worker is idle is always woken again. A lost wake-up shows as a
 * time out of ten seconds. */
#include "base/clock.h"
#include "pool/pool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { N_HOMES = 3, N_WORKERS = 2, N_JOBS = 20000, N_SLOTS = 4 };

struct job {
    struct weir_pool_job base;
    uint64_t input;  /* written by the home, read by the worker */
    uint64_t output; /* the other way */
    bool is_out;
};

struct home {
    struct weir_pool_home base;
    sem_t wakes;
    pthread_t thread;
    struct job jobs[N_SLOTS];
    uint64_t n_submitted;
    uint64_t n_done;
    uint64_t n_waited;
};

static struct weir_pool *pool;
static struct home homes[N_HOMES];

static void fail(const char *what)
{
    fprintf(stderr, "race_pool_handover: %s\n", what);
    exit(1);
}

static void wake(void *ctx)
{
    struct home *h = ctx;
    (void)sem_post(&h->wakes);
}

static void run(struct weir_pool_job *jobs, void *scratch)
{
    uint64_t *n = scratch;
    for (struct weir_pool_job *at = jobs; at; at = at->next) {
        struct job *job = (struct job *)(void *)at;
        job->output = job->input * 3 + 1;
        ++*n;
    }
}

static void done(struct weir_pool_job *at, bool is_canceled)
{
    struct job *job = (struct job *)(void *)at;
    struct home *h = (struct home *)(void *)at->home;
    if (is_canceled || !job->is_out || job->output != job->input * 3 + 1)
        fail("a job came back wrong");
    job->is_out = false;
    h->n_done++;
}

static void sleep_until_woken(struct home *h)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += 10;
    while (sem_timedwait(&h->wakes, &t) != 0) {
        if (errno == ETIMEDOUT)
            fail("a home was never woken");
    }
}

static struct job *free_job(struct home *h)
{
    for (int i = 0; i < N_SLOTS; i++) {
        if (!h->jobs[i].is_out)
            return &h->jobs[i];
    }
    return NULL;
}

static void *home_main(void *arg)
{
    struct home *h = arg;
    while (h->n_done < N_JOBS) {
        (void)weir_pool_home_drain(&h->base);
        struct job *job = h->n_submitted < N_JOBS ? free_job(h) : NULL;
        if (!job) {
            if (h->n_done < h->n_submitted)
                sleep_until_woken(h);
            continue;
        }
        if (weir_pool_n_idle(pool) == 0 && h->n_submitted % 2 == 0 &&
            weir_pool_home_wait(pool, &h->base)) {
            h->n_waited++;
            sleep_until_woken(h);
        }
        job->base.run = run;
        job->base.done = done;
        job->base.home = &h->base;
        job->base.group = h->n_submitted % 3 ? h : NULL;
        job->input = h->n_submitted;
        job->is_out = true;
        if (weir_pool_submit(pool, &job->base) == WEIR_POOL_SUBMIT_QUEUED)
            h->n_submitted++;
        else
            job->is_out = false;
    }
    return NULL;
}

static void *scratch_new(void *ctx, uint32_t worker)
{
    return (uint64_t *)ctx + worker * 64;
}

static void play(uint64_t spin_ns)
{
    static uint64_t n_run[N_WORKERS * 64];
    for (size_t i = 0; i < N_WORKERS; i++)
        n_run[i * 64] = 0;
    const struct weir_pool_opts opts = {.n_workers = N_WORKERS,
                                        .n_jobs_max = 6,
                                        .n_group_max = 3,
                                        .spin_ns = spin_ns,
                                        .scratch_new = scratch_new,
                                        .scratch_ctx = n_run};
    if (weir_pool_new(&pool, &opts, weir_mem_default(), NULL) != WEIR_OK)
        fail("new");
    for (int i = 0; i < N_HOMES; i++) {
        homes[i] = (struct home){0};
        (void)sem_init(&homes[i].wakes, 0, 0);
        if (weir_pool_add_home(pool, &homes[i].base, wake, &homes[i]) != WEIR_OK)
            fail("add home");
    }
    if (weir_pool_start(pool, NULL) != WEIR_OK)
        fail("start");
    uint64_t n_waited = 0;
    for (int i = 0; i < N_HOMES; i++) {
        if (pthread_create(&homes[i].thread, NULL, home_main, &homes[i]) != 0)
            fail("thread");
    }
    for (int i = 0; i < N_HOMES; i++) {
        (void)pthread_join(homes[i].thread, NULL);
        n_waited += homes[i].n_waited;
    }
    if (weir_pool_stop(pool, true, 10 * WEIR_NS_PER_S) != WEIR_OK)
        fail("stop");
    uint64_t n = 0;
    for (size_t i = 0; i < N_WORKERS; i++)
        n += n_run[i * 64];
    if (n != (uint64_t)N_HOMES * N_JOBS)
        fail("jobs ran more or less than once");
    if (n_waited == 0)
        fail("no home ever waited: the test shows nothing");
    weir_pool_free(pool);
}

int main(void)
{
    play(0);
    play(5 * WEIR_NS_PER_US);
    return 0;
}

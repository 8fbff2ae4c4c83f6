/* SPDX-License-Identifier: MIT */
/* The pool from one home's view. A gate (a semaphore) holds a worker inside a job, so that what is
 * queued behind it is known. What must hold under contention is in tests/race. */
#include "base/clock.h"
#include "pool/pool.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>

enum { N_JOBS = 32 };

struct fixture {
    struct weir_pool *pool;
    struct weir_pool_home home;
    sem_t wakes; /* posted by wake */
    sem_t gate;  /* waited for by gated jobs */
    sem_t entered;
};

static struct fixture f;

struct job {
    struct weir_pool_job base;
    int order;        /* when it was given back, from 1 */
    uint32_t n_group; /* jobs in its run */
    void *scratch;
    bool is_canceled;
    char thread_name[16];
    int policy;
};

static int n_done;

static void wake(void *ctx)
{
    (void)ctx;
    sem_post(&f.wakes);
}

static void run(struct weir_pool_job *jobs, void *scratch)
{
    uint32_t n = 0;
    for (struct weir_pool_job *job = jobs; job; job = job->next)
        n++;
    for (struct weir_pool_job *at = jobs; at; at = at->next) {
        struct job *job = (struct job *)(void *)at;
        job->n_group = n;
        job->scratch = scratch;
        job->policy = sched_getscheduler(0);
        pthread_getname_np(pthread_self(), job->thread_name, sizeof job->thread_name);
    }
}

static void run_gated(struct weir_pool_job *jobs, void *scratch)
{
    sem_post(&f.entered);
    while (sem_wait(&f.gate) != 0)
        continue;
    run(jobs, scratch);
}

static void done(struct weir_pool_job *at, bool is_canceled)
{
    struct job *job = (struct job *)(void *)at;
    job->order = ++n_done;
    job->is_canceled = is_canceled;
}

static bool wait_sem(sem_t *s)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += 10;
    int status;
    do {
        status = sem_timedwait(s, &t);
    } while (status != 0 && errno == EINTR);
    return status == 0;
}

/* Drains until n jobs have come back in all. */
static void drain_until(int n)
{
    (void)weir_pool_home_drain(&f.home);
    while (n_done < n) {
        cr_assert(wait_sem(&f.wakes), "%d of %d jobs came back", n_done, n);
        (void)weir_pool_home_drain(&f.home);
    }
}

static void start(struct weir_pool_opts opts)
{
    sem_init(&f.wakes, 0, 0);
    sem_init(&f.gate, 0, 0);
    sem_init(&f.entered, 0, 0);
    n_done = 0;
    cr_assert_eq(weir_pool_new(&f.pool, &opts, test_mem(), NULL), WEIR_OK);
    cr_assert_eq(weir_pool_add_home(f.pool, &f.home, wake, NULL), WEIR_OK);
    cr_assert_eq(weir_pool_start(f.pool, NULL), WEIR_OK);
}

static void end(void)
{
    cr_assert_eq(weir_pool_stop(f.pool, true, 10 * WEIR_NS_PER_S), WEIR_OK);
    (void)weir_pool_home_drain(&f.home);
    weir_pool_free(f.pool);
    cr_assert_eq(test_mem_n_live(), 0);
}

static struct job make(weir_pool_run_fn *fn, const void *group)
{
    return (struct job){.base = {.run = fn, .done = done, .home = &f.home, .group = group}};
}

/* Holds every worker of the pool inside a gated job. */
static void hold_workers(struct job *gated)
{
    for (uint32_t i = 0; i < weir_pool_n_workers(f.pool); i++) {
        gated[i] = make(run_gated, NULL);
        cr_assert_eq(weir_pool_submit(f.pool, &gated[i].base), WEIR_POOL_SUBMIT_QUEUED);
    }
    for (uint32_t i = 0; i < weir_pool_n_workers(f.pool); i++)
        cr_assert(wait_sem(&f.entered));
}

/* Workers become idle some time after they were started, or have given back a job. */
static bool n_idle_becomes(uint32_t n)
{
    uint64_t end_ns = weir_clock_ns() + 10 * WEIR_NS_PER_S;
    while (weir_pool_n_idle(f.pool) != n) {
        if (weir_clock_ns() > end_ns)
            return false;
        sched_yield();
    }
    return true;
}

Test(pool_pool, jobs_of_one_worker_run_and_come_back_in_order)
{
    start((struct weir_pool_opts){.n_workers = 1, .name = "test"});
    struct job jobs[N_JOBS];
    for (int i = 0; i < N_JOBS; i++) {
        jobs[i] = make(run, NULL);
        cr_assert_eq(weir_pool_submit(f.pool, &jobs[i].base), WEIR_POOL_SUBMIT_QUEUED);
    }
    drain_until(N_JOBS);
    for (int i = 0; i < N_JOBS; i++) {
        cr_assert_eq(jobs[i].order, i + 1);
        cr_assert_not(jobs[i].is_canceled);
        cr_assert_eq(jobs[i].n_group, 1);
        cr_assert_str_eq(jobs[i].thread_name, "test-0");
        cr_assert_leq(jobs[i].base.submitted_ns, jobs[i].base.started_ns);
        cr_assert_leq(jobs[i].base.started_ns, jobs[i].base.finished_ns);
    }
    cr_assert(n_idle_becomes(1));
    cr_assert_eq(weir_pool_worker(f.pool, 0).n_jobs, N_JOBS);
    end();
}

Test(pool_pool, a_full_queue_leaves_the_job_to_the_caller)
{
    start((struct weir_pool_opts){.n_workers = 1, .n_jobs_max = 2});
    struct job gated;
    hold_workers(&gated);
    struct job jobs[3];
    for (int i = 0; i < 3; i++) {
        jobs[i] = make(run, NULL);
        cr_assert_eq(weir_pool_submit(f.pool, &jobs[i].base),
                     i < 2 ? WEIR_POOL_SUBMIT_QUEUED : WEIR_POOL_SUBMIT_FULL);
    }
    cr_assert_eq(weir_pool_n_queued(f.pool), 2);
    sem_post(&f.gate);
    drain_until(3);
    cr_assert_eq(jobs[2].order, 0);
    end();
}

Test(pool_pool, adjacent_jobs_of_one_group_are_run_together)
{
    start((struct weir_pool_opts){.n_workers = 1, .n_group_max = 3});
    struct job gated;
    hold_workers(&gated);
    /* a a | b | a a a | a | alone | alone */
    static const char groups[] = "aabaaaa--";
    static const uint32_t sizes[] = {2, 2, 1, 3, 3, 3, 1, 1, 1};
    struct job jobs[9];
    for (int i = 0; i < 9; i++) {
        jobs[i] = make(run, groups[i] == '-' ? NULL : groups[i] == 'a' ? &f.gate : &f.wakes);
        cr_assert_eq(weir_pool_submit(f.pool, &jobs[i].base), WEIR_POOL_SUBMIT_QUEUED);
    }
    sem_post(&f.gate);
    drain_until(10);
    for (int i = 0; i < 9; i++) {
        cr_assert_eq(jobs[i].n_group, sizes[i], "job %d", i);
        cr_assert_eq(jobs[i].order, i + 2);
    }
    end();
}

Test(pool_pool, a_queued_job_counts_against_the_idle_workers)
{
    start((struct weir_pool_opts){.n_workers = 2});
    cr_assert(n_idle_becomes(2));
    struct job gated = make(run_gated, NULL);
    cr_assert_eq(weir_pool_submit(f.pool, &gated.base), WEIR_POOL_SUBMIT_QUEUED);
    cr_assert_eq(weir_pool_n_idle(f.pool), 1, "at once, whether or not the worker is awake yet");
    cr_assert(wait_sem(&f.entered));
    cr_assert_eq(weir_pool_n_idle(f.pool), 1);
    sem_post(&f.gate);
    drain_until(1);
    cr_assert(n_idle_becomes(2));
    end();
}

Test(pool_pool, a_waiting_home_is_woken_when_a_worker_becomes_idle)
{
    start((struct weir_pool_opts){.n_workers = 1});
    cr_assert(n_idle_becomes(1));
    cr_assert_not(weir_pool_home_wait(f.pool, &f.home), "a worker is idle: give it the work");
    struct job gated;
    hold_workers(&gated);
    cr_assert(weir_pool_home_wait(f.pool, &f.home));
    sem_post(&f.gate);
    drain_until(1);
    cr_assert(wait_sem(&f.wakes), "the second wake is for the waiting rows");
    cr_assert_eq(weir_pool_n_idle(f.pool), 1);
    end();
}

Test(pool_pool, a_second_waiting_home_is_woken_when_the_first_gives_nothing)
{
    start((struct weir_pool_opts){.n_workers = 1});
    static struct weir_pool_home other; /* outlives the pool */
    cr_assert_eq(weir_pool_add_home(f.pool, &other, wake, NULL), WEIR_OK);
    struct job gated;
    hold_workers(&gated);
    cr_assert(weir_pool_home_wait(f.pool, &f.home));
    cr_assert(weir_pool_home_wait(f.pool, &other));
    sem_post(&f.gate);
    drain_until(1);
    cr_assert(wait_sem(&f.wakes));
    cr_assert(wait_sem(&f.wakes));
    end();
}

static void *scratch_new(void *ctx, uint32_t worker)
{
    (*(int *)ctx)++;
    return (char *)ctx + worker;
}

static void scratch_free(void *ctx, void *scratch)
{
    cr_assert_eq(scratch, ctx);
    (*(int *)ctx)--;
}

Test(pool_pool, each_worker_has_its_own_scratch)
{
    int n_scratch = 0;
    start((struct weir_pool_opts){.n_workers = 1,
                                  .scratch_new = scratch_new,
                                  .scratch_free = scratch_free,
                                  .scratch_ctx = &n_scratch});
    struct job job = make(run, NULL);
    cr_assert_eq(weir_pool_submit(f.pool, &job.base), WEIR_POOL_SUBMIT_QUEUED);
    drain_until(1);
    cr_assert_eq(job.scratch, &n_scratch);
    end();
    cr_assert_eq(n_scratch, 0);
}

Test(pool_pool, stop_either_runs_or_cancels_what_is_queued)
{
    for (int run_queued = 0; run_queued < 2; run_queued++) {
        start((struct weir_pool_opts){.n_workers = 1});
        struct job gated;
        hold_workers(&gated);
        struct job jobs[4];
        for (int i = 0; i < 4; i++) {
            jobs[i] = make(run, NULL);
            cr_assert_eq(weir_pool_submit(f.pool, &jobs[i].base), WEIR_POOL_SUBMIT_QUEUED);
        }
        cr_assert_eq(weir_pool_stop(f.pool, run_queued == 1, WEIR_NS_PER_MS), WEIR_ERR_TIMEOUT,
                     "a stuck worker is reported, not waited for");
        struct job late = make(run, NULL);
        cr_assert_eq(weir_pool_submit(f.pool, &late.base), WEIR_POOL_SUBMIT_STOPPED);
        sem_post(&f.gate);
        cr_assert_eq(weir_pool_stop(f.pool, run_queued == 1, 10 * WEIR_NS_PER_S), WEIR_OK);
        (void)weir_pool_home_drain(&f.home);
        cr_assert_eq(n_done, 5);
        cr_assert_not(gated.is_canceled);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(jobs[i].is_canceled, run_queued == 0);
        end();
    }
}

Test(pool_pool, the_watchdog_sees_since_when_a_worker_is_busy)
{
    start((struct weir_pool_opts){.n_workers = 1});
    cr_assert_eq(weir_pool_worker(f.pool, 0).started_ns, 0);
    uint64_t before_ns = weir_clock_ns();
    struct job gated;
    hold_workers(&gated);
    struct weir_pool_worker_state state = weir_pool_worker(f.pool, 0);
    cr_assert_geq(state.started_ns, before_ns);
    cr_assert_leq(state.started_ns, weir_clock_ns());
    sem_post(&f.gate);
    drain_until(1);
    cr_assert(n_idle_becomes(1));
    cr_assert_eq(weir_pool_worker(f.pool, 0).started_ns, 0);
    end();
}

Test(pool_pool, a_pool_of_idle_priority_runs_at_idle_priority)
{
    start((struct weir_pool_opts){
        .n_workers = 1, .priority = WEIR_POOL_PRIORITY_IDLE, .name = "loader"});
    struct job job = make(run, NULL);
    cr_assert_eq(weir_pool_submit(f.pool, &job.base), WEIR_POOL_SUBMIT_QUEUED);
    drain_until(1);
    cr_assert_eq(job.policy, SCHED_IDLE);
    end();
}

Test(pool_pool, spinning_workers_take_jobs_too)
{
    start((struct weir_pool_opts){.n_workers = 2, .spin_ns = 50 * WEIR_NS_PER_US});
    struct job jobs[N_JOBS];
    for (int round = 0; round < 50; round++) {
        n_done = 0;
        for (int i = 0; i < N_JOBS; i++) {
            jobs[i] = make(run, NULL);
            cr_assert_eq(weir_pool_submit(f.pool, &jobs[i].base), WEIR_POOL_SUBMIT_QUEUED);
        }
        drain_until(N_JOBS);
    }
    end();
}

Test(pool_pool, every_failing_allocation_is_reported)
{
    struct weir_pool_opts opts = {.n_workers = 2};
    struct weir_pool *pool = NULL;
    for (uint64_t n = 1;; n++) {
        test_mem_fail_at(n, false);
        enum weir_status status = weir_pool_new(&pool, &opts, test_mem(), NULL);
        bool has_failed = test_mem_has_failed();
        test_mem_fail_at(0, false);
        if (!has_failed) {
            cr_assert_eq(status, WEIR_OK);
            cr_assert_gt(n, 2);
            break;
        }
        cr_assert_eq(status, WEIR_ERR_NO_MEMORY);
        cr_assert_null(pool);
        cr_assert_eq(test_mem_n_live(), 0);
    }
    weir_pool_free(pool);
    cr_assert_eq(test_mem_n_live(), 0);
}

/* SPDX-License-Identifier: MIT */
/* Worker threads, their bounded queue, and the way back to the thread that submitted.
 *
 * A job is given away by weir_pool_submit, runs on one worker, and comes back through its home: the
 * home's wake call is made (from the worker), and weir_pool_home_drain on the home's own thread
 * then calls the job's done function. One mutex and one condition guard the queue: it is touched
 * once per batch, not per request.
 *
 *     home thread                       worker
 *     submit ──▶ queue ──────────────▶ run(jobs of one group)
 *     drain ◀── home's finished list ◀──┘   wake(home), when the list was empty
 *
 * Rows never sleep beside an idle worker: a home that has work to give but found no worker idle
 * calls weir_pool_home_wait; a worker that then finds the queue empty wakes one such home.
 *
 * Threads: as said at each call; the pool itself is made, started, stopped and freed by one thread.
 */
#ifndef WEIR_POOL_POOL_H
#define WEIR_POOL_POOL_H

#include "base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct weir_pool;
struct weir_pool_job;

/* Does the work of one job, or of several of one group linked by next (the last has NULL). scratch
 * is the worker's own. The list may not be changed; the jobs are given back after the return.
 * Runs on: worker. */
typedef void weir_pool_run_fn(struct weir_pool_job *jobs, void *scratch);

/* Takes one job back; called exactly once for each submitted job, never inside submit.
 * is_canceled: it never ran because the pool was stopped. Runs on: home's thread. */
typedef void weir_pool_done_fn(struct weir_pool_job *job, bool is_canceled);

/* Wakes the thread of a home; a call may stand for several finished jobs. Runs on: any thread. */
typedef void weir_pool_wake_fn(void *ctx);

/* Where jobs come back to: one for each submitting thread. Lives in its owner. */
struct weir_pool_home {
    weir_pool_wake_fn *wake; /* constant after weir_pool_add_home */
    void *wake_ctx;
    struct {
        _Atomic(struct weir_pool_job *) finished; /* newest first; push releases, drain acquires */
        atomic_bool is_waiting; /* work could be given if a worker were idle; see home_wait */
    } shared;
};

/* A job; lives in its owner, who keeps it alive and untouched from submit until done. */
struct weir_pool_job {
    weir_pool_run_fn *run;
    weir_pool_done_fn *done;
    struct weir_pool_home *home; /* where it comes back to; must have been added to the pool */
    const void *group; /* adjacent jobs of the same group and run may be run in one call; NULL:
                          always alone */
    struct weir_pool_job *next; /* the pool's, but readable by run */
    uint64_t submitted_ns;      /* clock at submit, start and end of its run; 0: not yet */
    uint64_t started_ns;
    uint64_t finished_ns;
    bool is_canceled; /* the pool's */
};

/* How a submit ended. */
enum weir_pool_submit {
    WEIR_POOL_SUBMIT_QUEUED,  /* the pool has the job now */
    WEIR_POOL_SUBMIT_FULL,    /* the queue is full; the job is still the caller's */
    WEIR_POOL_SUBMIT_STOPPED, /* weir_pool_stop was called; the job is still the caller's */
};

enum weir_pool_priority {
    WEIR_POOL_PRIORITY_NORMAL,
    WEIR_POOL_PRIORITY_IDLE, /* SCHED_IDLE, else nice 19: runs only where nobody else wants to */
};

enum {
    WEIR_POOL_WORKERS_MAX = 256,
    WEIR_POOL_HOMES_MAX = 64,
    WEIR_POOL_JOBS_MAX_DEFAULT = 256,
};

struct weir_pool_opts {
    uint32_t n_workers;   /* 1 … WEIR_POOL_WORKERS_MAX */
    uint32_t n_jobs_max;  /* bound of the queue; 0: WEIR_POOL_JOBS_MAX_DEFAULT */
    uint32_t n_group_max; /* jobs of one group given to one run; 0: 1 */
    uint64_t spin_ns;     /* how long an idle worker looks at the queue before it sleeps */
    enum weir_pool_priority priority;
    const char *name; /* thread names are NAME-0, NAME-1, …; NULL: "worker" */
    /* Makes and frees a worker's scratch, on that worker; NULL: scratch is NULL. A NULL from
     * scratch_new is passed on to run. */
    void *(*scratch_new)(void *ctx, uint32_t worker);
    void (*scratch_free)(void *ctx, void *scratch);
    void *scratch_ctx;
};

/* What a worker is doing now. */
struct weir_pool_worker_state {
    uint64_t started_ns; /* when its current run began; 0: idle */
    uint64_t n_jobs;     /* jobs it has run */
    uint64_t busy_ns;    /* time spent in finished runs */
};

/* Makes a pool without threads. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_pool_new(struct weir_pool **out,
                                             const struct weir_pool_opts *opts,
                                             struct weir_mem *mem, struct weir_error *err);

/* Frees a pool that was never started or has been stopped; NULL is allowed. */
void weir_pool_free(struct weir_pool *p);

/* Makes *home ready and adds it; borrows it until the pool is freed. Before any job is submitted
 * with it. WEIR_ERR_LIMIT: WEIR_POOL_HOMES_MAX are there. */
WEIR_MUST_USE enum weir_status weir_pool_add_home(struct weir_pool *p, struct weir_pool_home *home,
                                                  weir_pool_wake_fn *wake, void *ctx);

/* Starts the workers. WEIR_ERR_IO: a thread could not be started; none is left running. */
WEIR_MUST_USE enum weir_status weir_pool_start(struct weir_pool *p, struct weir_error *err);

/* Refuses further jobs and ends the workers after the run each is in. run_queued: they first run
 * what is queued; else queued jobs come back as canceled. WEIR_ERR_TIMEOUT: a worker was still
 * running after timeout_ns; call again, or leave the pool to the process's end (it must not be
 * freed). Every job has been given to its home when this returns WEIR_OK. */
WEIR_MUST_USE enum weir_status weir_pool_stop(struct weir_pool *p, bool run_queued,
                                              uint64_t timeout_ns);

/* Queues a job. Runs on: the thread of job->home. */
WEIR_MUST_USE enum weir_pool_submit weir_pool_submit(struct weir_pool *p,
                                                     struct weir_pool_job *job);

/* Calls done for every finished job of a home, oldest first; returns how many. Runs on: home's
 * thread. */
size_t weir_pool_home_drain(struct weir_pool_home *home);

/* Says that this home has work which waits for an idle worker. Returns true when none is idle: the
 * next worker that finds the queue empty wakes the home. False: a worker has become idle meanwhile,
 * nothing was noted. Runs on: home's thread. */
WEIR_MUST_USE bool weir_pool_home_wait(struct weir_pool *p, struct weir_pool_home *home);

/* Returns how many workers have nothing to do and nothing queued for them. Runs on: any thread; a
 * snapshot. */
uint32_t weir_pool_n_idle(const struct weir_pool *p);

/* Returns how many jobs are queued. Runs on: any thread; a snapshot. */
uint32_t weir_pool_n_queued(const struct weir_pool *p);

/* Returns how many workers the pool has. */
uint32_t weir_pool_n_workers(const struct weir_pool *p);

/* Returns what worker i is doing, for the watchdog and metrics. Runs on: any thread. */
struct weir_pool_worker_state weir_pool_worker(const struct weir_pool *p, uint32_t i);

#endif

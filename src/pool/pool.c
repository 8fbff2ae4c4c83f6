/* SPDX-License-Identifier: MIT */
/* The pool: one queue, one mutex, one condition.
 *
 * n_idle is the number of workers that wait minus the jobs queued for them: a job that was
 * submitted but not yet fetched already counts against it, so that a loop does not send a second
 * batch to the worker that is still waking up. It is written under the mutex and read without it.
 *
 * "Rows never sleep beside an idle worker" is a race between a home that finds n_idle == 0 and a
 * worker that is about to become idle. Both write first and read then, with sequential consistency
 * (Dekker): the home sets is_waiting and reads n_idle; the worker raises n_idle and reads
 * is_waiting. At least one of them sees the other. */
#include "pool/pool.h"

#include "base/clock.h"
#include "base/macros.h"

#include <uv.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { NAME_BYTES_MAX = 16 /* Linux: with the NUL */ };

/* A home that was woken for its waiting rows may have lost them meanwhile (they were canceled);
 * after this long without a job the next waiting home is tried. */
#define WAKE_PATIENCE_NS (UINT64_C(500) * WEIR_NS_PER_US)

/* uv_cond_timedwait adds the timeout to the clock: it must not wrap. */
#define WAIT_NS_MAX (UINT64_C(3600) * WEIR_NS_PER_S)

struct worker {
    struct weir_pool *pool; /* constant after new */
    uint32_t index;
    uv_thread_t thread;
    struct {
        _Atomic(uint64_t) started_ns; /* relaxed: numbers for people */
        _Atomic(uint64_t) n_jobs;
        _Atomic(uint64_t) busy_ns;
    } shared;
    char pad[64]; /* each worker writes its own line only */
};

struct weir_pool {
    struct weir_mem *mem; /* constant after start */
    struct weir_pool_opts opts;
    char name[NAME_BYTES_MAX];
    struct worker *workers;
    uint32_t n_started; /* threads to join; owner's thread only */
    struct {
        uv_mutex_t mu;
        uv_cond_t work;              /* a job was queued, or the pool stops */
        uv_cond_t ended;             /* n_ended has grown */
        struct weir_pool_job *first; /* the queue, oldest first; under mu */
        struct weir_pool_job *last;
        uint32_t n_waiting;         /* workers without a job, asleep or spinning; under mu */
        uint32_t n_sleeping;        /* of these, asleep; under mu */
        uint32_t n_ended;           /* workers that have left; under mu */
        uint32_t next_home;         /* where the search for a waiting home goes on; under mu */
        bool is_stopping;           /* under mu */
        _Atomic(uint32_t) n_queued; /* written under mu; relaxed reads elsewhere */
        _Atomic(uint32_t) n_idle;   /* written under mu; seq_cst against homes' is_waiting */
        _Atomic(uint32_t) n_homes;  /* release: homes[i] is set; acquire: workers */
        struct weir_pool_home *homes[WEIR_POOL_HOMES_MAX];
    } shared;
};

/* --- Homes --- */

enum weir_status weir_pool_add_home(struct weir_pool *p, struct weir_pool_home *home,
                                    weir_pool_wake_fn *wake, void *ctx)
{
    weir_assert(p);
    weir_assert(home);
    weir_assert(wake);
    home->wake = wake;
    home->wake_ctx = ctx;
    atomic_init(&home->shared.finished, NULL);
    atomic_init(&home->shared.is_waiting, false);
    uv_mutex_lock(&p->shared.mu);
    uint32_t n = atomic_load_explicit(&p->shared.n_homes, memory_order_relaxed);
    if (n < WEIR_POOL_HOMES_MAX) {
        p->shared.homes[n] = home;
        atomic_store_explicit(&p->shared.n_homes, n + 1, memory_order_release);
    }
    uv_mutex_unlock(&p->shared.mu);
    return n < WEIR_POOL_HOMES_MAX ? WEIR_OK : WEIR_ERR_LIMIT;
}

/* Gives a job back to its home. Runs on: any thread, no lock held. */
static void give_back(struct weir_pool_job *job)
{
    struct weir_pool_home *home = job->home;
    struct weir_pool_job *top = atomic_load_explicit(&home->shared.finished, memory_order_relaxed);
    do {
        job->next = top;
        /* Release: drain's acquire sees all that the run wrote. */
    } while (!atomic_compare_exchange_weak_explicit(&home->shared.finished, &top, job,
                                                    memory_order_release, memory_order_relaxed));
    /* A list that was not empty has had its wake, and has not been drained since. The home may be
     * gone from here on unless we just made the list non-empty: its owner waits for us. */
    if (!top)
        home->wake(home->wake_ctx);
}

size_t weir_pool_home_drain(struct weir_pool_home *home)
{
    weir_assert(home);
    struct weir_pool_job *job =
        atomic_exchange_explicit(&home->shared.finished, NULL, memory_order_acquire);
    struct weir_pool_job *oldest = NULL;
    while (job) {
        struct weir_pool_job *next = job->next;
        job->next = oldest;
        oldest = job;
        job = next;
    }
    size_t n = 0;
    while (oldest) {
        job = oldest;
        oldest = job->next;
        job->next = NULL;
        n++;
        job->done(job, job->is_canceled);
    }
    return n;
}

bool weir_pool_home_wait(struct weir_pool *p, struct weir_pool_home *home)
{
    weir_assert(p);
    weir_assert(home);
    /* Both seq_cst; see the top of this file. */
    atomic_store(&home->shared.is_waiting, true);
    if (atomic_load(&p->shared.n_idle) == 0)
        return true;
    atomic_store_explicit(&home->shared.is_waiting, false, memory_order_relaxed);
    return false;
}

/* Finds a home with work for a worker that has become idle and takes its flag; NULL: none. Under
 * mu. */
static struct weir_pool_home *find_waiting_home(struct weir_pool *p)
{
    uint32_t n = atomic_load_explicit(&p->shared.n_homes, memory_order_acquire);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = (p->shared.next_home + i) % n;
        struct weir_pool_home *home = p->shared.homes[at];
        if (atomic_load(&home->shared.is_waiting) &&
            atomic_exchange(&home->shared.is_waiting, false)) {
            p->shared.next_home = at + 1;
            return home;
        }
    }
    return NULL;
}

/* --- The queue, all under mu --- */

static void publish_idle(struct weir_pool *p)
{
    uint32_t n_queued = atomic_load_explicit(&p->shared.n_queued, memory_order_relaxed);
    uint32_t n_waiting = p->shared.n_waiting;
    atomic_store(&p->shared.n_idle, n_waiting > n_queued ? n_waiting - n_queued : 0);
}

static void set_queued(struct weir_pool *p, uint32_t n_queued)
{
    atomic_store_explicit(&p->shared.n_queued, n_queued, memory_order_relaxed);
    publish_idle(p);
}

/* Takes the oldest job and up to n_group_max − 1 of its group that directly follow; NULL: the queue
 * is empty. */
static struct weir_pool_job *take_jobs(struct weir_pool *p)
{
    struct weir_pool_job *first = p->shared.first;
    if (!first)
        return NULL;
    /* Workers that wait for a job get their share: a group is for when they are all busy. */
    uint32_t n_queued = atomic_load_explicit(&p->shared.n_queued, memory_order_relaxed);
    uint32_t n_share = (n_queued + p->shared.n_waiting) / (p->shared.n_waiting + 1);
    uint32_t n_max = n_share < p->opts.n_group_max ? n_share : p->opts.n_group_max;
    uint32_t n = 1;
    struct weir_pool_job *last = first;
    while (n < n_max && last->next && first->group && last->next->group == first->group &&
           last->next->run == first->run) {
        last = last->next;
        n++;
    }
    p->shared.first = last->next;
    if (!p->shared.first)
        p->shared.last = NULL;
    last->next = NULL;
    set_queued(p, n_queued - n);
    return first;
}

enum weir_pool_submit weir_pool_submit(struct weir_pool *p, struct weir_pool_job *job)
{
    weir_assert(p);
    weir_assert(job);
    weir_assert(job->run);
    weir_assert(job->done);
    weir_assert(job->home);
    job->next = NULL;
    job->submitted_ns = weir_clock_ns();
    job->started_ns = 0;
    job->finished_ns = 0;
    job->is_canceled = false;
    if (atomic_load_explicit(&job->home->shared.is_waiting, memory_order_relaxed))
        atomic_store_explicit(&job->home->shared.is_waiting, false, memory_order_relaxed);
    uv_mutex_lock(&p->shared.mu);
    enum weir_pool_submit result = WEIR_POOL_SUBMIT_QUEUED;
    uint32_t n_queued = atomic_load_explicit(&p->shared.n_queued, memory_order_relaxed);
    bool must_wake = false;
    if (p->shared.is_stopping) {
        result = WEIR_POOL_SUBMIT_STOPPED;
    } else if (n_queued >= p->opts.n_jobs_max) {
        result = WEIR_POOL_SUBMIT_FULL;
    } else {
        if (p->shared.last)
            p->shared.last->next = job;
        else
            p->shared.first = job;
        p->shared.last = job;
        set_queued(p, n_queued + 1);
        /* Those that spin see it by themselves. */
        must_wake =
            p->shared.n_sleeping > 0 && n_queued >= p->shared.n_waiting - p->shared.n_sleeping;
    }
    uv_mutex_unlock(&p->shared.mu);
    /* After the unlock, so that the worker does not wake up only to wait for the mutex. */
    if (must_wake)
        uv_cond_signal(&p->shared.work);
    return result;
}

/* --- Workers --- */

/* Looks at the queue without the mutex for up to spin_ns; called and left with mu held. */
static void spin(struct weir_pool *p)
{
    uv_mutex_unlock(&p->shared.mu);
    uint64_t end_ns = weir_clock_ns() + p->opts.spin_ns;
    do {
        for (int i = 0; i < 32; i++) {
            if (atomic_load_explicit(&p->shared.n_queued, memory_order_relaxed) > 0)
                goto out;
#if defined(__x86_64__) || defined(__i386__)
            __builtin_ia32_pause();
#endif
        }
    } while (weir_clock_ns() < end_ns);
out:
    uv_mutex_lock(&p->shared.mu);
}

/* Sleeps until there may be work, for at most timeout_ns (0: no bound). Under mu. */
static void sleep_for(struct weir_pool *p, uint64_t timeout_ns)
{
    p->shared.n_sleeping++;
    if (timeout_ns > 0)
        (void)uv_cond_timedwait(&p->shared.work, &p->shared.mu,
                                timeout_ns); /* both ends are fine */
    else
        uv_cond_wait(&p->shared.work, &p->shared.mu);
    p->shared.n_sleeping--;
}

/* Returns the next jobs, or NULL when the worker is to end. */
static struct weir_pool_job *wait_for_jobs(struct weir_pool *p)
{
    uv_mutex_lock(&p->shared.mu);
    struct weir_pool_job *jobs = take_jobs(p);
    if (jobs || p->shared.is_stopping) {
        uv_mutex_unlock(&p->shared.mu);
        return jobs;
    }
    p->shared.n_waiting++;
    publish_idle(p);
    bool has_spun = p->opts.spin_ns == 0;
    while (!p->shared.first && !p->shared.is_stopping) {
        struct weir_pool_home *home = find_waiting_home(p);
        if (home) {
            uv_mutex_unlock(&p->shared.mu);
            home->wake(home->wake_ctx);
            uv_mutex_lock(&p->shared.mu);
        } else if (!has_spun) {
            has_spun = true;
            spin(p);
        }
        if (!p->shared.first && !p->shared.is_stopping)
            sleep_for(p, home ? WAKE_PATIENCE_NS : 0);
    }
    p->shared.n_waiting--;
    jobs = take_jobs(p);
    publish_idle(p);
    uv_mutex_unlock(&p->shared.mu);
    return jobs;
}

static void add_relaxed(_Atomic(uint64_t) *v, uint64_t n)
{
    atomic_store_explicit(v, atomic_load_explicit(v, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static void run_jobs(struct worker *w, struct weir_pool_job *jobs, void *scratch)
{
    uint64_t started_ns = weir_clock_ns();
    atomic_store_explicit(&w->shared.started_ns, started_ns, memory_order_relaxed);
    for (struct weir_pool_job *job = jobs; job; job = job->next)
        job->started_ns = started_ns;
    jobs->run(jobs, scratch);
    uint64_t finished_ns = weir_clock_ns();
    uint64_t n_jobs = 0;
    while (jobs) {
        struct weir_pool_job *next = jobs->next;
        jobs->finished_ns = finished_ns;
        give_back(jobs); /* the job is its home's from here on */
        jobs = next;
        n_jobs++;
    }
    add_relaxed(&w->shared.n_jobs, n_jobs);
    add_relaxed(&w->shared.busy_ns, finished_ns - started_ns);
    atomic_store_explicit(&w->shared.started_ns, 0, memory_order_relaxed);
}

/* Failures are ignored: a name and a priority are wishes. */
static void dress_thread(const struct weir_pool *p, uint32_t index)
{
    char name[NAME_BYTES_MAX * 2];
    snprintf(name, sizeof name, "%.10s-%u", p->name, index % 1000);
    (void)pthread_setname_np(pthread_self(), name);
    if (p->opts.priority == WEIR_POOL_PRIORITY_IDLE) {
        const struct sched_param param = {0};
        if (pthread_setschedparam(pthread_self(), SCHED_IDLE, &param) != 0)
            (void)setpriority(PRIO_PROCESS, 0, 19); /* on Linux: of this thread */
    }
}

static void worker_main(void *arg)
{
    struct worker *w = arg;
    struct weir_pool *p = w->pool;
    dress_thread(p, w->index);
    void *scratch = p->opts.scratch_new ? p->opts.scratch_new(p->opts.scratch_ctx, w->index) : NULL;
    for (struct weir_pool_job *jobs; (jobs = wait_for_jobs(p)) != NULL;)
        run_jobs(w, jobs, scratch);
    if (p->opts.scratch_free)
        p->opts.scratch_free(p->opts.scratch_ctx, scratch);
    uv_mutex_lock(&p->shared.mu);
    p->shared.n_ended++;
    uv_cond_broadcast(&p->shared.ended);
    uv_mutex_unlock(&p->shared.mu);
}

/* --- Life --- */

enum weir_status weir_pool_new(struct weir_pool **out, const struct weir_pool_opts *opts,
                               struct weir_mem *mem, struct weir_error *err)
{
    weir_assert(out);
    weir_assert(opts);
    weir_assert(opts->n_workers > 0);
    weir_assert(opts->n_workers <= WEIR_POOL_WORKERS_MAX);
    struct weir_pool *p = weir_mem_zalloc(mem, sizeof *p);
    if (!p)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the worker pool");
    p->mem = mem;
    p->opts = *opts;
    if (p->opts.n_jobs_max == 0)
        p->opts.n_jobs_max = WEIR_POOL_JOBS_MAX_DEFAULT;
    if (p->opts.n_group_max == 0)
        p->opts.n_group_max = 1;
    snprintf(p->name, sizeof p->name, "%s", opts->name ? opts->name : "worker");
    p->opts.name = p->name;
    p->workers = weir_mem_zarray(mem, opts->n_workers, sizeof *p->workers);
    if (!p->workers)
        goto fail_workers;
    if (uv_mutex_init(&p->shared.mu) != 0)
        goto fail_mutex;
    if (uv_cond_init(&p->shared.work) != 0)
        goto fail_work;
    if (uv_cond_init(&p->shared.ended) != 0)
        goto fail_ended;
    for (uint32_t i = 0; i < opts->n_workers; i++) {
        p->workers[i].pool = p;
        p->workers[i].index = i;
    }
    *out = p;
    return WEIR_OK;

fail_ended:
    uv_cond_destroy(&p->shared.work);
fail_work:
    uv_mutex_destroy(&p->shared.mu);
fail_mutex:
    weir_mem_free(mem, p->workers);
fail_workers:
    weir_mem_free(mem, p);
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the worker pool");
}

void weir_pool_free(struct weir_pool *p)
{
    if (!p)
        return;
    weir_assert(p->n_started == 0);
    weir_assert(!p->shared.first);
    uv_cond_destroy(&p->shared.ended);
    uv_cond_destroy(&p->shared.work);
    uv_mutex_destroy(&p->shared.mu);
    weir_mem_free(p->mem, p->workers);
    weir_mem_free(p->mem, p);
}

enum weir_status weir_pool_start(struct weir_pool *p, struct weir_error *err)
{
    weir_assert(p);
    weir_assert(p->n_started == 0);
    for (uint32_t i = 0; i < p->opts.n_workers; i++) {
        int status = uv_thread_create(&p->workers[i].thread, worker_main, &p->workers[i]);
        if (status != 0) {
            /* A worker without a job ends at once: waiting for it is no danger. */
            while (weir_pool_stop(p, true, WEIR_NS_PER_S) != WEIR_OK)
                continue;
            return weir_error_set(err, WEIR_ERR_IO, "starting worker thread %u of %u: %s", i + 1,
                                  p->opts.n_workers, uv_strerror(status));
        }
        p->n_started++;
    }
    return WEIR_OK;
}

enum weir_status weir_pool_stop(struct weir_pool *p, bool run_queued, uint64_t timeout_ns)
{
    weir_assert(p);
    uint64_t end_ns = weir_clock_ns() + (timeout_ns < WAIT_NS_MAX ? timeout_ns : WAIT_NS_MAX);
    uv_mutex_lock(&p->shared.mu);
    p->shared.is_stopping = true;
    struct weir_pool_job *dropped = NULL;
    if (!run_queued || p->n_started == 0) {
        dropped = p->shared.first;
        p->shared.first = NULL;
        p->shared.last = NULL;
        set_queued(p, 0);
    }
    uv_cond_broadcast(&p->shared.work);
    uv_mutex_unlock(&p->shared.mu);
    while (dropped) {
        struct weir_pool_job *next = dropped->next;
        dropped->is_canceled = true;
        give_back(dropped);
        dropped = next;
    }
    bool in_time = true;
    uv_mutex_lock(&p->shared.mu);
    while (p->shared.n_ended < p->n_started && in_time) {
        uint64_t now_ns = weir_clock_ns();
        in_time = now_ns < end_ns &&
                  uv_cond_timedwait(&p->shared.ended, &p->shared.mu, end_ns - now_ns) == 0;
    }
    bool has_ended = p->shared.n_ended == p->n_started;
    uv_mutex_unlock(&p->shared.mu);
    if (!has_ended)
        return WEIR_ERR_TIMEOUT;
    while (p->n_started > 0)
        (void)uv_thread_join(&p->workers[--p->n_started].thread); /* it has ended */
    p->shared.n_ended = 0;
    return WEIR_OK;
}

/* --- What is going on --- */

uint32_t weir_pool_n_idle(const struct weir_pool *p)
{
    weir_assert(p);
    return atomic_load(&p->shared.n_idle);
}

uint32_t weir_pool_n_queued(const struct weir_pool *p)
{
    weir_assert(p);
    return atomic_load_explicit(&p->shared.n_queued, memory_order_relaxed);
}

uint32_t weir_pool_n_workers(const struct weir_pool *p)
{
    weir_assert(p);
    return p->opts.n_workers;
}

struct weir_pool_worker_state weir_pool_worker(const struct weir_pool *p, uint32_t i)
{
    weir_assert(p);
    weir_assert(i < p->opts.n_workers);
    const struct worker *w = &p->workers[i];
    return (struct weir_pool_worker_state){
        atomic_load_explicit(&w->shared.started_ns, memory_order_relaxed),
        atomic_load_explicit(&w->shared.n_jobs, memory_order_relaxed),
        atomic_load_explicit(&w->shared.busy_ns, memory_order_relaxed),
    };
}

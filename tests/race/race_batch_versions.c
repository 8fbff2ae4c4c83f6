/* SPDX-License-Identifier: MIT */
/* Versions are published and retired while two loops serve and share a pool, as in the server: a
 * keeper makes version N + 1 and tells each loop; a loop adopts it, retires the old one, and says
 * so when nothing of it is in flight; when every loop has said so the keeper frees it. The
 * sanitizer sees a version that is freed while a worker reads it; the program sees one that never
 * is. */
#include "base/clock.h"
#include "batch/batcher.h"
#include "pool/pool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { N_LOOPS = 2, N_WORKERS = 2, N_VERSIONS = 300, N_COLUMNS = 2 };

struct version {
    uint64_t number;
    uint64_t check;               /* number × 7 while it lives */
    _Atomic(uint32_t) n_released; /* loops that have let go; release: their last use is before */
};

struct work {
    struct weir_pool_job job;
    struct weir_batch *batch;
};

struct loop {
    struct weir_pool_home home; /* first: done() recovers the loop */
    pthread_t thread;
    sem_t wakes;
    struct weir_batcher *b;
    struct version *live;
    struct weir_batcher_version *live_handle;
    uint64_t n_answered;
    uint64_t n_put;
};

static struct weir_pool *pool;
static struct loop loops[N_LOOPS];
static _Atomic(struct version *) published; /* release: the keeper filled it */
static atomic_bool is_over;

static void fail(const char *what)
{
    fprintf(stderr, "race_batch_versions: %s\n", what);
    exit(1);
}

static void wake(void *ctx)
{
    struct loop *l = ctx;
    (void)sem_post(&l->wakes);
}

static void run(struct weir_pool_job *jobs, void *scratch)
{
    (void)scratch;
    for (struct weir_pool_job *job = jobs; job; job = job->next) {
        struct weir_batch *batch = ((struct work *)(void *)job)->batch;
        const struct version *version = batch->version;
        if (version->check != version->number * 7)
            fail("a batch ran on a version that is gone");
        uint32_t n = weir_batch_begin(batch, weir_clock_ns());
        const double *rows = batch->rows;
        for (uint32_t i = 0; i < n * N_COLUMNS; i++) {
            if ((uint64_t)rows[i] != version->number)
                fail("a batch mixes versions");
        }
        weir_batch_end(batch, weir_clock_ns());
    }
}

static void done(struct weir_pool_job *job, bool is_canceled)
{
    struct weir_batch *batch = ((struct work *)(void *)job)->batch;
    struct loop *l = (struct loop *)(void *)job->home;
    (void)is_canceled;
    for (struct weir_batch_slice *s = batch->slices; s; s = s->next) {
        if (weir_batcher_answer(l->b, s, weir_clock_ns()) != WEIR_BATCHER_ANSWER_RESULT)
            fail("a request had no result");
        l->n_answered++;
    }
    weir_batcher_finish(l->b, batch, 100, weir_clock_ns());
}

static void adopt(struct loop *l)
{
    struct version *next = atomic_load_explicit(&published, memory_order_acquire);
    if (next == l->live)
        return;
    struct weir_batcher_version *handle;
    struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    limits.rows_max = 8;
    limits.inline_mode = WEIR_BATCHER_INLINE_NEVER;
    if (weir_batcher_add_version(&handle, l->b, next, &limits, NULL) != WEIR_OK)
        fail("add");
    if (l->live_handle)
        weir_batcher_retire(l->b, l->live_handle, weir_clock_ns());
    l->live = next;
    l->live_handle = handle;
}

static void release(struct loop *l)
{
    for (struct version *v; (v = weir_batcher_next_released(l->b)) != NULL;)
        atomic_fetch_add_explicit(&v->n_released, 1, memory_order_release);
}

static void arrive(struct loop *l)
{
    struct weir_sink *sink =
        weir_batcher_decode(l->b, l->live_handle, WEIR_TIME_NEVER, weir_clock_ns());
    const struct weir_sink_want want = {.n_rows = 1, .n_columns = N_COLUMNS, .dtype = WEIR_F64};
    struct weir_sink_span span;
    if (weir_sink_reserve(sink, &want, &span, NULL) != WEIR_OK)
        return; /* full */
    for (size_t i = 0; i < N_COLUMNS; i++)
        ((double *)span.base)[i] = (double)l->live->number;
    weir_sink_commit(sink, 1u << WEIR_OUTPUT_PREDICT);
    l->n_put++;
}

static void dispatch(struct loop *l)
{
    struct weir_batch *batch;
    while (weir_batcher_take(l->b, weir_clock_ns(), weir_pool_n_idle(pool), &batch) ==
           WEIR_BATCHER_TAKE_POOL) {
        struct work *work = batch->user;
        work->batch = batch;
        work->job.run = run;
        work->job.done = done;
        work->job.home = &l->home;
        work->job.group = batch->group;
        if (weir_pool_submit(pool, &work->job) != WEIR_POOL_SUBMIT_QUEUED) {
            weir_batcher_put_back(l->b, batch);
            return;
        }
    }
}

static void wait_for_wake(struct loop *l)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += 10;
    while (sem_timedwait(&l->wakes, &t) != 0) {
        if (errno == ETIMEDOUT)
            fail("a loop with work in flight was never woken");
    }
}

static void *loop_main(void *arg)
{
    struct loop *l = arg;
    for (;;) {
        bool is_last = atomic_load(&is_over);
        adopt(l);
        for (int i = 0; i < 5 && !is_last; i++)
            arrive(l);
        dispatch(l);
        (void)weir_pool_home_drain(&l->home);
        release(l);
        struct weir_batcher_load load = weir_batcher_load(l->b, NULL);
        if (is_last && load.n_waiting + load.n_out == 0)
            break;
        if (load.n_out > 0 && (is_last || load.n_requests > 100))
            wait_for_wake(l);
    }
    weir_batcher_retire(l->b, l->live_handle, weir_clock_ns());
    release(l);
    return NULL;
}

static struct version *make(uint64_t number)
{
    struct version *v = calloc(1, sizeof *v);
    if (!v)
        fail("memory");
    v->number = number;
    v->check = number * 7;
    return v;
}

static void free_when_released(struct version *v)
{
    uint64_t end_ns = weir_clock_ns() + 20 * WEIR_NS_PER_S;
    while (atomic_load_explicit(&v->n_released, memory_order_acquire) < N_LOOPS) {
        if (weir_clock_ns() > end_ns)
            fail("a version was never released");
        const struct timespec t = {0, 100000};
        (void)nanosleep(&t, NULL);
    }
    v->check = 0;
    free(v);
}

int main(void)
{
    struct version *old = make(1);
    atomic_store_explicit(&published, old, memory_order_release);
    const struct weir_pool_opts pool_opts = {.n_workers = N_WORKERS, .n_group_max = 4};
    if (weir_pool_new(&pool, &pool_opts, weir_mem_default(), NULL) != WEIR_OK)
        fail("pool");
    const struct weir_batcher_opts opts = {.n_workers = N_WORKERS,
                                           .batch_user_bytes = sizeof(struct work)};
    for (int i = 0; i < N_LOOPS; i++) {
        (void)sem_init(&loops[i].wakes, 0, 0);
        if (weir_batcher_new(&loops[i].b, &opts, weir_mem_default()) != WEIR_OK ||
            weir_pool_add_home(pool, &loops[i].home, wake, &loops[i]) != WEIR_OK)
            fail("set-up");
        adopt(&loops[i]); /* each has seen the first version, or it could not let it go */
    }
    if (weir_pool_start(pool, NULL) != WEIR_OK)
        fail("start");
    for (int i = 0; i < N_LOOPS; i++) {
        if (pthread_create(&loops[i].thread, NULL, loop_main, &loops[i]) != 0)
            fail("thread");
    }
    for (uint64_t number = 2; number <= N_VERSIONS; number++) {
        struct version *next = make(number);
        atomic_store_explicit(&published, next, memory_order_release);
        free_when_released(old);
        old = next;
    }
    atomic_store(&is_over, true);
    uint64_t n = 0;
    for (int i = 0; i < N_LOOPS; i++) {
        (void)pthread_join(loops[i].thread, NULL);
        if (loops[i].n_put != loops[i].n_answered)
            fail("not every request was answered");
        n += loops[i].n_answered;
    }
    free_when_released(old);
    if (weir_pool_stop(pool, true, 10 * WEIR_NS_PER_S) != WEIR_OK)
        fail("stop");
    for (int i = 0; i < N_LOOPS; i++)
        weir_batcher_free(loops[i].b);
    weir_pool_free(pool);
    printf("%llu requests over %d versions\n", (unsigned long long)n, N_VERSIONS);
    if (n < N_VERSIONS)
        fail("the test shows nothing");
    return 0;
}

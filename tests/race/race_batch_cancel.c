/* SPDX-License-Identifier: MIT */
/* Cancellations and deadlines on the loop against the start of the run on a worker: for each slice
 * exactly one side wins. What was canceled or expired before it ran was not run; everything else
 * was run once, on its own rows; every slice is answered once. */
#include "base/clock.h"
#include "batch/batcher.h"
#include "pool/pool.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { N_COLUMNS = 3, N_WORKERS = 2, N_REQUESTS = 60000, N_OPEN_MAX = 200 };

/* In the slice. */
struct user {
    uint32_t id;
    bool was_run; /* worker, while it has the batch */
};

/* In the batch. */
struct work {
    struct weir_pool_job job;
    struct weir_batch *batch;
};

static struct weir_batcher *b;
static struct weir_batcher_version *v;
static struct weir_pool *pool;
static struct weir_pool_home home;
static sem_t wakes;
static uint64_t state = 88172645463325252u;
static struct weir_batch_slice *open_slices[N_OPEN_MAX]; /* not answered yet */
static size_t n_open;
static unsigned n_results;
static unsigned n_expired;
static unsigned n_overdue;
static unsigned n_canceled_waiting;
static unsigned n_canceled_running;

static void fail(const char *what)
{
    fprintf(stderr, "race_batch_cancel: %s\n", what);
    exit(1);
}

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void wake(void *ctx)
{
    (void)ctx;
    (void)sem_post(&wakes);
}

static void run(struct weir_pool_job *jobs, void *scratch)
{
    (void)scratch;
    for (struct weir_pool_job *job = jobs; job; job = job->next) {
        struct weir_batch *batch = ((struct work *)(void *)job)->batch;
        uint32_t n = weir_batch_begin(batch, weir_clock_ns());
        uint32_t n_seen = 0;
        for (struct weir_batch_slice *s = batch->slices; s; s = s->next) {
            struct user *user = s->user;
            user->was_run = weir_batch_slice_is_live(s);
            if (!user->was_run)
                continue;
            const double *rows = batch->rows;
            for (uint32_t i = 0; i < s->n_rows * N_COLUMNS; i++) {
                if (rows[s->row * N_COLUMNS + i] < user->id ||
                    rows[s->row * N_COLUMNS + i] > user->id)
                    fail("a slice ran on the rows of another");
            }
            n_seen += s->n_rows;
        }
        if (n_seen != n)
            fail("live rows do not add up");
        weir_batch_end(batch, weir_clock_ns());
    }
}

static void forget(struct weir_batch_slice *slice)
{
    for (size_t i = 0; i < n_open; i++) {
        if (open_slices[i] == slice) {
            open_slices[i] = open_slices[--n_open];
            return;
        }
    }
    fail("a slice was answered twice");
}

static void done(struct weir_pool_job *job, bool is_canceled)
{
    struct weir_batch *batch = ((struct work *)(void *)job)->batch;
    if (is_canceled)
        fail("a job was canceled");
    uint64_t now_ns = weir_clock_ns();
    for (struct weir_batch_slice *s = batch->slices; s; s = s->next) {
        const struct user *user = s->user;
        switch (weir_batcher_answer(b, s, now_ns)) {
        case WEIR_BATCHER_ANSWER_RESULT:
            if (!user->was_run)
                fail("a result without a run");
            n_results++;
            forget(s);
            break;
        case WEIR_BATCHER_ANSWER_EXPIRED:
            n_expired++;
            forget(s);
            break;
        case WEIR_BATCHER_ANSWER_OVERDUE:
            if (user->was_run)
                fail("a run that was too late to begin");
            n_overdue++;
            forget(s);
            break;
        case WEIR_BATCHER_ANSWER_UNRUN:
            fail("the batch was begun");
            break;
        case WEIR_BATCHER_ANSWER_NONE:
            break;
        }
    }
    weir_batcher_finish(b, batch, 0, now_ns);
}

static void on_expired(void *ctx, struct weir_batch_slice *slice, enum weir_batcher_answer answer)
{
    (void)ctx;
    n_expired += answer == WEIR_BATCHER_ANSWER_EXPIRED;
    n_overdue += answer == WEIR_BATCHER_ANSWER_OVERDUE;
    forget(slice);
}

static void arrive(uint32_t id)
{
    uint64_t now_ns = weir_clock_ns();
    uint64_t deadline_ns =
        next_random() % 4 ? WEIR_TIME_NEVER : now_ns + 1 + next_random() % 100000;
    struct weir_sink *sink = weir_batcher_decode(b, v, deadline_ns, now_ns);
    const struct weir_sink_want want = {.n_rows = 1 + next_random() % 3,
                                        .n_columns = N_COLUMNS,
                                        .dtype = WEIR_F64,
                                        .priority = next_random() % 4,
                                        .queue_timeout_ns =
                                            next_random() % 4 ? 0 : 1 + next_random() % 100000};
    struct weir_sink_span span;
    if (weir_sink_reserve(sink, &want, &span, NULL) != WEIR_OK)
        fail("reserve");
    for (size_t i = 0; i < want.n_rows * N_COLUMNS; i++)
        ((double *)span.base)[i] = id;
    weir_sink_commit(sink, 1u << WEIR_OUTPUT_PREDICT);
    struct weir_batch_slice *slice = weir_batcher_committed(b);
    *(struct user *)slice->user = (struct user){id, false};
    open_slices[n_open++] = slice;
}

static void cancel_some(void)
{
    for (uint64_t n = next_random() % 3; n > 0 && n_open > 0; n--) {
        struct weir_batch_slice *slice = open_slices[next_random() % n_open];
        if (weir_batcher_cancel(b, slice))
            n_canceled_waiting++;
        else
            n_canceled_running++;
        forget(slice);
    }
}

static void dispatch(void)
{
    struct weir_batch *batch;
    uint32_t n_idle = weir_pool_n_idle(pool);
    while (weir_batcher_take(b, weir_clock_ns(), n_idle, &batch) == WEIR_BATCHER_TAKE_POOL) {
        struct work *work = batch->user;
        work->batch = batch;
        work->job.run = run;
        work->job.done = done;
        work->job.home = &home;
        work->job.group = batch->group;
        if (weir_pool_submit(pool, &work->job) != WEIR_POOL_SUBMIT_QUEUED) {
            weir_batcher_put_back(b, batch);
            return;
        }
        n_idle = weir_pool_n_idle(pool);
    }
}

static void wait_for_wake(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += 10;
    while (sem_timedwait(&wakes, &t) != 0) {
        if (errno == ETIMEDOUT)
            fail("nothing happens any more");
    }
}

int main(void)
{
    (void)sem_init(&wakes, 0, 0);
    const struct weir_batcher_opts opts = {.n_workers = N_WORKERS,
                                           .slice_user_bytes = sizeof(struct user),
                                           .batch_user_bytes = sizeof(struct work)};
    struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    limits.rows_max = 16;
    limits.inline_mode = WEIR_BATCHER_INLINE_NEVER;
    limits.n_levels = 3;
    const struct weir_pool_opts pool_opts = {.n_workers = N_WORKERS, .n_group_max = 2};
    if (weir_batcher_new(&b, &opts, weir_mem_default()) != WEIR_OK ||
        weir_batcher_add_version(&v, b, &limits, &limits, NULL) != WEIR_OK ||
        weir_pool_new(&pool, &pool_opts, weir_mem_default(), NULL) != WEIR_OK ||
        weir_pool_add_home(pool, &home, wake, NULL) != WEIR_OK ||
        weir_pool_start(pool, NULL) != WEIR_OK)
        fail("set-up");
    for (uint32_t id = 0; id < N_REQUESTS || n_open > 0;) {
        while (id < N_REQUESTS && n_open < N_OPEN_MAX && next_random() % 8)
            arrive(id++);
        (void)weir_batcher_expire(b, weir_clock_ns(), on_expired, NULL);
        dispatch();
        cancel_some();
        (void)weir_pool_home_drain(&home);
        dispatch();
        if (n_open == N_OPEN_MAX || (id == N_REQUESTS && n_open > 0)) {
            if (weir_batcher_load(b, NULL).n_out > 0)
                wait_for_wake();
            (void)weir_pool_home_drain(&home);
        }
    }
    if (weir_pool_stop(pool, true, 10 * WEIR_NS_PER_S) != WEIR_OK)
        fail("stop");
    (void)weir_pool_home_drain(&home);
    if (n_results + n_expired + n_overdue + n_canceled_waiting + n_canceled_running != N_REQUESTS)
        fail("answers do not add up");
    printf("%u results, %u expired, %u overdue, %u canceled waiting, %u canceled running\n",
           n_results, n_expired, n_overdue, n_canceled_waiting, n_canceled_running);
    if (n_results == 0 || n_expired == 0 || n_overdue == 0 || n_canceled_waiting == 0)
        fail("the test shows nothing");
    weir_pool_free(pool);
    weir_batcher_free(b);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* Overload in virtual time: arrivals at up to ten times what the workers can do, for two seconds
 * each, in 50 µs steps. What must hold: goodput stays near its peak, what is let in makes its
 * deadline, nothing that expired is run. A seeded random source spreads the arrivals. */
#include "base/clock.h"
#include "batch/batcher.h"
#include "metric/histogram.h"
#include "test_mem.h"
#include "test_random.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

enum { N_WORKERS = 2, ROWS_MAX = 32, N_QUEUE = 8 };

#define MS          WEIR_NS_PER_MS
#define STEP_NS     (UINT64_C(50) * WEIR_NS_PER_US)
#define RUN_A_NS    1000000.0 /* 1 ms + 10 µs a row: 24,242 rows a second on each worker */
#define RUN_B_NS    10000.0
#define CAPACITY    (N_WORKERS * ROWS_MAX / ((RUN_A_NS + RUN_B_NS * ROWS_MAX) / 1e9))
#define LENGTH_NS   (UINT64_C(2) * WEIR_NS_PER_S)
#define DEADLINE_NS (UINT64_C(50) * MS)

struct outcome {
    double goodput; /* results in time, each second */
    uint64_t n_refused;
    uint64_t n_late;     /* answered as expired */
    uint64_t n_ran_late; /* rows that ran and then were late */
    uint64_t p99_ns;
};

struct running {
    struct weir_batch *batch;
    uint64_t end_ns;
};

struct sim {
    struct weir_batcher *b;
    struct weir_batcher_version *v;
    struct running busy[N_WORKERS];
    struct weir_batch *queue[N_QUEUE];
    uint32_t n_queue;
    struct weir_metric_histogram waits;
    uint64_t n_results;
    uint64_t n_refused;
    uint64_t n_late;
};

static void on_expired(void *ctx, struct weir_batch_slice *slice, enum weir_batcher_answer answer)
{
    cr_assert_eq(answer, WEIR_BATCHER_ANSWER_EXPIRED);
    (void)slice;
    ((struct sim *)ctx)->n_late++;
}

static void arrive(struct sim *s, uint64_t now_ns)
{
    struct weir_sink *sink = weir_batcher_decode(s->b, s->v, now_ns + DEADLINE_NS, now_ns);
    const struct weir_sink_want want = {.n_rows = 1, .n_columns = 4, .dtype = WEIR_F32};
    struct weir_sink_span span;
    if (weir_sink_reserve(sink, &want, &span, NULL) != WEIR_OK) {
        s->n_refused++;
        return;
    }
    memset(span.base, 0, span.row_stride);
    weir_sink_commit(sink, 1u << WEIR_OUTPUT_PREDICT);
}

static void finish(struct sim *s, struct weir_batch *batch, uint64_t now_ns, uint64_t run_ns)
{
    weir_batch_end(batch, now_ns);
    for (struct weir_batch_slice *slice = batch->slices; slice; slice = slice->next) {
        switch (weir_batcher_answer(s->b, slice, now_ns)) {
        case WEIR_BATCHER_ANSWER_RESULT:
            s->n_results++;
            weir_metric_histogram_add(&s->waits, now_ns - slice->arrived_ns);
            break;
        case WEIR_BATCHER_ANSWER_EXPIRED:
            s->n_late++;
            break;
        case WEIR_BATCHER_ANSWER_OVERDUE:
        case WEIR_BATCHER_ANSWER_UNRUN:
            cr_assert_fail("every batch was begun, and there are no queue timeouts");
            break;
        case WEIR_BATCHER_ANSWER_NONE:
            break;
        }
    }
    weir_batcher_finish(s->b, batch, run_ns, now_ns);
}

static uint32_t n_idle(const struct sim *s)
{
    uint32_t n = 0;
    for (int i = 0; i < N_WORKERS; i++)
        n += s->busy[i].batch == NULL;
    return n > s->n_queue ? n - s->n_queue : 0;
}

static void work(struct sim *s, uint64_t now_ns)
{
    for (int i = 0; i < N_WORKERS; i++) {
        struct running *r = &s->busy[i];
        if (r->batch && r->end_ns <= now_ns) {
            uint64_t run_ns = r->end_ns - atomic_load(&r->batch->started_ns);
            finish(s, r->batch, now_ns, run_ns);
            r->batch = NULL;
        }
        if (r->batch || s->n_queue == 0)
            continue;
        r->batch = s->queue[0];
        memmove(s->queue, s->queue + 1, --s->n_queue * sizeof s->queue[0]);
        uint32_t n = weir_batch_begin(r->batch, now_ns);
        r->end_ns = now_ns + (n ? (uint64_t)(RUN_A_NS + RUN_B_NS * n) : 0);
    }
}

static void dispatch(struct sim *s, uint64_t now_ns)
{
    struct weir_batch *batch;
    while (weir_batcher_take(s->b, now_ns, n_idle(s), &batch) != WEIR_BATCHER_TAKE_EMPTY) {
        cr_assert_not(batch->is_inline, "1 ms is not cheap");
        cr_assert_lt(s->n_queue, N_QUEUE, "no more than n_ahead_max go ahead");
        s->queue[s->n_queue++] = batch;
    }
}

static struct outcome simulate(double load)
{
    struct sim s = {0};
    struct weir_test_random random;
    weir_test_random_init(&random, 11);
    struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    limits.rows_max = ROWS_MAX;
    const struct weir_batcher_opts opts = {.n_workers = N_WORKERS};
    cr_assert_eq(weir_batcher_new(&s.b, &opts, test_mem()), WEIR_OK);
    cr_assert_eq(weir_batcher_add_version(&s.v, s.b, &limits, &limits, NULL), WEIR_OK);
    cr_assert_eq(weir_metric_histogram_init(&s.waits, 10, WEIR_NS_PER_S, test_mem()), WEIR_OK);
    double due = 0;
    for (uint64_t now_ns = STEP_NS; now_ns < LENGTH_NS; now_ns += STEP_NS) {
        due += load * CAPACITY * (double)STEP_NS / 1e9 * 2 * weir_test_random_unit(&random);
        for (; due >= 1; due -= 1)
            arrive(&s, now_ns);
        (void)weir_batcher_expire(s.b, now_ns, on_expired, &s);
        work(&s, now_ns);
        dispatch(&s, now_ns);
        work(&s, now_ns);
    }
    struct outcome o = {.goodput = (double)s.n_results / ((double)LENGTH_NS / 1e9),
                        .n_refused = s.n_refused,
                        .n_late = s.n_late,
                        .n_ran_late = weir_batcher_counters(s.b)->n_late,
                        .p99_ns = weir_metric_histogram_quantile(&s.waits, 0.99)};
    for (uint64_t now_ns = LENGTH_NS; weir_batcher_load(s.b, NULL).n_requests > 0;
         now_ns += STEP_NS) {
        (void)weir_batcher_expire(s.b, now_ns, on_expired, &s);
        work(&s, now_ns);
        dispatch(&s, now_ns);
    }
    weir_metric_histogram_deinit(&s.waits);
    weir_batcher_free(s.b);
    cr_assert_eq(test_mem_n_live(), 0);
    return o;
}

Test(batch_overload, goodput_stays_near_its_peak_and_what_is_let_in_is_in_time)
{
    static const double loads[] = {0.5, 0.9, 1.2, 2, 5, 10};
    double peak = 0;
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        struct outcome o = simulate(loads[i]);
        printf("# load %4.1f: %.0f results/s of %.0f, refused %lu, expired %lu (ran %lu), p99 %.1f "
               "ms\n",
               loads[i], o.goodput, CAPACITY, o.n_refused, o.n_late, o.n_ran_late,
               (double)o.p99_ns / 1e6);
        peak = o.goodput > peak ? o.goodput : peak;
        cr_assert_leq(o.p99_ns, DEADLINE_NS);
        if (loads[i] < 1) {
            cr_assert_eq(o.n_refused + o.n_late, 0, "nothing is refused below capacity");
            cr_assert_float_eq(o.goodput, loads[i] * CAPACITY, 0.03 * CAPACITY);
        } else {
            cr_assert_geq(o.goodput, 0.9 * peak);
            cr_assert_geq(o.goodput, 0.9 * CAPACITY);
            cr_assert_gt(o.n_refused, 0);
            cr_assert_leq((double)o.n_ran_late, 0.01 * o.goodput, "doomed work is not begun");
        }
    }
}

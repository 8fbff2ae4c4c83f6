/* SPDX-License-Identifier: MIT */
/* The batcher by hand: one behaviour a case, time as numbers. What must hold for any schedule is in
 * test_batch_schedule.c. */
#include "base/clock.h"
#include "batch/batcher.h"
#include "test_mem.h"

#include <criterion/criterion.h>

enum { N_COLUMNS = 3 };

#define MS WEIR_NS_PER_MS
#define US WEIR_NS_PER_US

static struct weir_batcher *b;
static struct weir_batcher_version *v;
static int version_key;

static void start_with(struct weir_batcher_opts opts, struct weir_batcher_limits limits)
{
    opts.slice_user_bytes = sizeof(int);
    opts.batch_user_bytes = 24;
    cr_assert_eq(weir_batcher_new(&b, &opts, test_mem()), WEIR_OK);
    cr_assert_eq(weir_batcher_add_version(&v, b, &version_key, &limits, NULL), WEIR_OK);
}

static void start(void)
{
    start_with((struct weir_batcher_opts){.n_workers = 1},
               (struct weir_batcher_limits)WEIR_BATCHER_LIMITS_INIT);
}

/* Ends a case. Called by each, because what fails in Criterion's tear-down does not count. */
static void end(void)
{
    weir_batcher_free(b);
    cr_assert_eq(test_mem_n_live(), 0);
}

static const struct weir_sink_want want_one = {
    .n_rows = 1, .n_columns = N_COLUMNS, .dtype = WEIR_F64};

/* Decodes n rows filled with value, value + 1, …; returns the slice. */
static struct weir_batch_slice *put_into(struct weir_batcher_version *version, size_t n,
                                         double value, uint64_t deadline_ns, uint64_t now_ns)
{
    struct weir_sink *sink = weir_batcher_decode(b, version, deadline_ns, now_ns);
    struct weir_sink_want want = want_one;
    want.n_rows = n;
    struct weir_sink_span span;
    if (weir_sink_reserve(sink, &want, &span, NULL) != WEIR_OK)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < N_COLUMNS; j++)
            *(double *)(void *)((char *)span.base + i * span.row_stride + j * span.column_stride) =
                value + (double)i;
    }
    weir_sink_commit(sink, 1u << WEIR_OUTPUT_PREDICT);
    struct weir_batch_slice *s = weir_batcher_committed(b);
    *(int *)s->user = (int)value;
    return s;
}

static struct weir_batch_slice *put(size_t n, double value, uint64_t now_ns)
{
    return put_into(v, n, value, WEIR_TIME_NEVER, now_ns);
}

static double value_at(const struct weir_batch *batch, size_t row)
{
    return ((const double *)batch->rows)[row * N_COLUMNS + N_COLUMNS - 1];
}

/* Finishes a batch that was begun; returns how many slices got a result. */
static int end_run(struct weir_batch *batch, uint64_t now_ns)
{
    int n = 0;
    weir_batch_end(batch, now_ns);
    for (struct weir_batch_slice *s = batch->slices; s; s = s->next) {
        if (weir_batcher_answer(b, s, now_ns) == WEIR_BATCHER_ANSWER_RESULT) {
            cr_assert_eq(value_at(batch, s->row), *(int *)s->user);
            n++;
        }
    }
    weir_batcher_finish(b, batch, 0, now_ns);
    return n;
}

/* Runs and finishes a batch; returns how many slices got a result. */
static int run(struct weir_batch *batch, uint64_t now_ns)
{
    (void)!weir_batch_begin(batch, now_ns);
    return end_run(batch, now_ns);
}

static uint64_t n_closed(enum weir_batch_close reason)
{
    return weir_batcher_counters(b)->n_closed[reason];
}

Test(batch_batcher, a_lone_request_goes_to_an_idle_worker_at_once)
{
    start();
    put(1, 7, 100);
    struct weir_batch *batch;
    cr_assert_eq(weir_batcher_take(b, 100, 1, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(batch->version, &version_key);
    cr_assert_eq(batch->n_rows, 1);
    cr_assert_eq(batch->opened_ns, 100);
    cr_assert_eq(n_closed(WEIR_BATCH_CLOSE_IDLE), 1);
    cr_assert_eq(weir_batcher_take(b, 100, 0, &(struct weir_batch *){0}), WEIR_BATCHER_TAKE_EMPTY);
    cr_assert_eq(run(batch, 200), 1);
    cr_assert_eq(weir_batcher_load(b, NULL).n_requests, 0);
    end();
}

Test(batch_batcher, rows_gather_while_no_worker_is_idle_until_the_batch_is_full)
{
    start();
    struct weir_batch *batch;
    for (int i = 0; i < 255; i++) {
        put(1, i, 10);
        cr_assert_eq(weir_batcher_take(b, 10, 0, &batch), WEIR_BATCHER_TAKE_EMPTY);
        cr_assert(weir_batcher_has_waiting(b));
    }
    cr_assert_not(weir_batcher_has_closed(b));
    put(1, 255, 10);
    cr_assert(weir_batcher_has_closed(b));
    cr_assert_eq(weir_batcher_take(b, 10, 0, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(batch->n_rows, 256);
    cr_assert_eq(batch->close, WEIR_BATCH_CLOSE_FULL);
    cr_assert_eq((uintptr_t)batch->rows % 64, 0);
    cr_assert_eq(run(batch, 20), 256);
    end();
}

Test(batch_batcher, a_larger_request_is_a_batch_of_its_own_of_exactly_its_size)
{
    start();
    struct weir_batch *first;
    struct weir_batch *second;
    put(2, 1, 10);
    put(1000, 5, 11);
    put(1, 9, 12);
    cr_assert_eq(weir_batcher_take(b, 12, 3, &first), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(weir_batcher_take(b, 12, 2, &second), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(first->n_rows, 2, "order is kept");
    cr_assert_eq(second->n_rows, 1000);
    cr_assert_eq(second->close, WEIR_BATCH_CLOSE_LARGE);
    cr_assert_eq(second->store.bytes, 1000 * N_COLUMNS * sizeof(double));
    cr_assert_eq(run(first, 20), 1);
    cr_assert_eq(run(second, 20), 1);
    cr_assert_eq(weir_batcher_take(b, 12, 1, &first), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(run(first, 20), 1);
    end();
}

Test(batch_batcher, a_rolled_back_decode_leaves_everything_as_it_was)
{
    start();
    put(200, 1, 10);
    for (size_t n = 1; n < 600; n += 99) {
        struct weir_sink *sink = weir_batcher_decode(b, v, WEIR_TIME_NEVER, 11);
        struct weir_sink_want want = want_one;
        want.n_rows = n;
        struct weir_sink_span span;
        cr_assert_eq(weir_sink_reserve(sink, &want, &span, NULL), WEIR_OK);
        memset(span.base, 0x55, n * span.row_stride);
        weir_sink_rollback(sink);
        cr_assert_null(weir_batcher_committed(b));
        cr_assert_eq(weir_batcher_load(b, v).n_rows, 200);
        cr_assert_eq(weir_batcher_load(b, v).n_waiting, 1);
        cr_assert_not(weir_batcher_has_closed(b));
    }
    struct weir_batch *batch;
    cr_assert_eq(weir_batcher_take(b, 12, 1, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(batch->n_rows, 200);
    for (size_t i = 0; i < 200; i++)
        cr_assert_eq(value_at(batch, i), 1 + (double)i);
    cr_assert_eq(run(batch, 20), 1);
    end();
}

Test(batch_batcher, types_widths_and_costly_outputs_do_not_mix)
{
    start();
    const struct weir_sink_want wants[] = {
        {.n_rows = 1, .n_columns = 3, .dtype = WEIR_F64, .costly = 0},
        {.n_rows = 1, .n_columns = 3, .dtype = WEIR_F32, .costly = 0},
        {.n_rows = 1, .n_columns = 4, .dtype = WEIR_F64, .costly = 0},
        {.n_rows = 1, .n_columns = 3, .dtype = WEIR_F64, .costly = 1u << WEIR_OUTPUT_PREDICT_PROBA},
    };
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < 4; i++) {
            struct weir_sink *sink = weir_batcher_decode(b, v, WEIR_TIME_NEVER, 1);
            struct weir_sink_span span;
            cr_assert_eq(weir_sink_reserve(sink, &wants[i], &span, NULL), WEIR_OK);
            cr_assert_eq(span.dtype, wants[i].dtype);
            cr_assert_eq(span.column_stride, weir_dtype_size(wants[i].dtype));
            *(char *)span.base = 0;
            weir_sink_commit(sink, 1u << WEIR_OUTPUT_PREDICT);
        }
    }
    struct weir_batch *batch;
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(weir_batcher_take(b, 2, 1, &batch), WEIR_BATCHER_TAKE_POOL);
        cr_assert_eq(batch->n_rows, 2);
        cr_assert_eq(batch->dtype, wants[i].dtype);
        cr_assert_eq(batch->n_columns, wants[i].n_columns);
        cr_assert_eq(batch->costly, wants[i].costly);
        cr_assert_eq(weir_batch_begin(batch, 3), 2);
        cr_assert_eq(batch->wanted, (1u << WEIR_OUTPUT_PREDICT) | wants[i].costly);
        for (struct weir_batch_slice *s = batch->slices; s; s = s->next)
            cr_assert_eq(weir_batcher_answer(b, s, 3), WEIR_BATCHER_ANSWER_RESULT);
        weir_batcher_finish(b, batch, 0, 3);
    }
    end();
}

Test(batch_batcher, canceled_and_expired_rows_are_moved_out_and_never_run)
{
    start();
    struct weir_batch_slice *s[6];
    for (int i = 0; i < 6; i++)
        s[i] = put_into(v, 2, 10 * i, i == 3 ? 50 : WEIR_TIME_NEVER, 10);
    struct weir_batch *batch;
    cr_assert_eq(weir_batcher_take(b, 10, 1, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert(weir_batcher_cancel(b, s[0]));
    cr_assert(weir_batcher_cancel(b, s[4]));
    cr_assert_eq(weir_batcher_load(b, v).n_rows, 8);
    cr_assert_eq(weir_batch_begin(batch, 60), 6);
    const int live[] = {1, 2, 5};
    for (size_t i = 0; i < 3; i++) {
        cr_assert(weir_batch_slice_is_live(s[live[i]]));
        cr_assert_eq(s[live[i]]->row, 2 * i);
        cr_assert_eq(value_at(batch, 2 * i), 10 * live[i]);
        cr_assert_eq(value_at(batch, 2 * i + 1), 10 * live[i] + 1);
    }
    cr_assert_not(weir_batcher_cancel(b, s[1]), "it runs already");
    cr_assert_eq(weir_batcher_counters(b)->n_abandoned, 1);
    const enum weir_batcher_answer answers[] = {
        WEIR_BATCHER_ANSWER_NONE,    WEIR_BATCHER_ANSWER_NONE, WEIR_BATCHER_ANSWER_RESULT,
        WEIR_BATCHER_ANSWER_EXPIRED, WEIR_BATCHER_ANSWER_NONE, WEIR_BATCHER_ANSWER_RESULT};
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(weir_batcher_answer(b, s[i], 61), answers[i]);
    weir_batcher_finish(b, batch, 0, 61);
    cr_assert_eq(weir_batcher_counters(b)->n_canceled, 2);
    cr_assert_eq(weir_batcher_counters(b)->n_expired, 1);
    end();
}

static void note_expired(void *ctx, struct weir_batch_slice *slice, enum weir_batcher_answer answer)
{
    cr_assert_eq(answer, WEIR_BATCHER_ANSWER_EXPIRED);
    int *sum = ctx;
    *sum += *(int *)slice->user;
}

Test(batch_batcher, a_deadline_is_answered_when_it_passes_and_once)
{
    start();
    put_into(v, 1, 1, 100, 10);
    struct weir_batch_slice *slow = put_into(v, 1, 2, 300, 10);
    put_into(v, 1, 4, 200, 10);
    int sum = 0;
    cr_assert_eq(weir_batcher_next_ns(b), 100);
    cr_assert_eq(weir_batcher_expire(b, 99, note_expired, &sum), 0);
    cr_assert_eq(weir_batcher_expire(b, 100, note_expired, &sum), 1);
    cr_assert_eq(sum, 1);
    cr_assert_eq(weir_batcher_next_ns(b), 200);
    struct weir_batch *batch;
    cr_assert_eq(weir_batcher_take(b, 150, 1, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(weir_batch_begin(batch, 150), 2);
    cr_assert_eq(weir_batcher_expire(b, 250, note_expired, &sum), 1, "it runs, but too long");
    cr_assert_eq(sum, 5);
    cr_assert_eq(weir_batcher_counters(b)->n_late, 1);
    cr_assert_eq(weir_batcher_answer(b, batch->slices, 260), WEIR_BATCHER_ANSWER_NONE);
    cr_assert_eq(weir_batcher_answer(b, slow->next, 260), WEIR_BATCHER_ANSWER_NONE);
    cr_assert_eq(weir_batcher_answer(b, slow, 300), WEIR_BATCHER_ANSWER_EXPIRED, "never late");
    weir_batcher_finish(b, batch, 0, 300);
    end();
}

Test(batch_batcher, a_batch_with_nobody_left_is_dropped_without_a_run)
{
    start();
    struct weir_batch_slice *s = put(1, 1, 10);
    cr_assert(weir_batcher_cancel(b, s));
    struct weir_batch *batch = NULL;
    cr_assert_eq(weir_batcher_take(b, 20, 1, &batch), WEIR_BATCHER_TAKE_EMPTY);
    cr_assert_null(batch);
    cr_assert_eq(weir_batcher_counters(b)->n_dropped, 1);
    cr_assert_eq(n_closed(WEIR_BATCH_CLOSE_IDLE), 0);
    put(1, 2, 30);
    cr_assert_eq(weir_batcher_take(b, 30, 1, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(run(batch, 31), 1);
    end();
}

Test(batch_batcher, a_version_is_released_when_its_last_batch_is_finished)
{
    start();
    int other_key;
    struct weir_batcher_version *other;
    const struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    cr_assert_eq(weir_batcher_add_version(&other, b, &other_key, &limits, NULL), WEIR_OK);
    put(1, 1, 10);
    put_into(other, 1, 3, WEIR_TIME_NEVER, 10);
    struct weir_batch *batch[2];
    cr_assert_eq(weir_batcher_take(b, 10, 1, &batch[0]), WEIR_BATCHER_TAKE_POOL);
    put(1, 2, 11);
    weir_batcher_retire(b, v, 12);
    cr_assert_eq(n_closed(WEIR_BATCH_CLOSE_VERSION), 1);
    cr_assert_null(weir_batcher_next_released(b));
    cr_assert_eq(run(batch[0], 20), 1);
    cr_assert_null(weir_batcher_next_released(b), "its second batch still waits");
    cr_assert_eq(weir_batcher_take(b, 21, 1, &batch[0]), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(batch[0]->version, &other_key, "the oldest row first");
    cr_assert_eq(weir_batcher_take(b, 21, 1, &batch[1]), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(batch[1]->version, &version_key);
    cr_assert_eq(run(batch[1], 22), 1);
    cr_assert_eq(weir_batcher_next_released(b), &version_key);
    cr_assert_null(weir_batcher_next_released(b));
    cr_assert_eq(run(batch[0], 23), 1);
    weir_batcher_retire(b, other, 24);
    cr_assert_eq(weir_batcher_next_released(b), &other_key, "nothing is in flight: at once");
    end();
}

Test(batch_batcher, a_queue_delay_holds_rows_beside_an_idle_worker)
{
    struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    limits.queue_delay_ns_max = 5 * MS;
    start_with((struct weir_batcher_opts){.n_workers = 1}, limits);
    struct weir_batch *batch;
    put(1, 1, 1 * MS);
    cr_assert_eq(weir_batcher_take(b, 2 * MS, 1, &batch), WEIR_BATCHER_TAKE_EMPTY);
    cr_assert_not(weir_batcher_has_waiting(b), "it waits for time, not for a worker");
    cr_assert_eq(weir_batcher_next_ns(b), 6 * MS);
    put(1, 2, 3 * MS);
    cr_assert_eq(weir_batcher_take(b, 6 * MS, 1, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(batch->close, WEIR_BATCH_CLOSE_DELAY);
    cr_assert_eq(run(batch, 7 * MS), 2);
    /* A deadline inside the delay shortens it. */
    put_into(v, 1, 3, 12 * MS, 10 * MS);
    cr_assert_eq(weir_batcher_take(b, 10 * MS, 1, &batch), WEIR_BATCHER_TAKE_EMPTY);
    uint64_t at_ns = weir_batcher_next_ns(b);
    cr_assert_lt(at_ns, 12 * MS);
    cr_assert_gt(at_ns, 11 * MS);
    cr_assert_eq(weir_batcher_take(b, at_ns, 1, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(batch->close, WEIR_BATCH_CLOSE_DEADLINE);
    cr_assert_eq(run(batch, at_ns), 1);
    end();
}

Test(batch_batcher, cheap_batches_run_on_the_loop_and_dear_ones_do_not)
{
    start_with((struct weir_batcher_opts){.n_workers = 1},
               (struct weir_batcher_limits)WEIR_BATCHER_LIMITS_INIT);
    struct weir_batch_cost cost;
    weir_batch_cost_init(&cost);
    weir_batch_cost_seed(&cost, 500, 100);
    struct weir_batcher_version *cheap;
    int cheap_key;
    const struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    cr_assert_eq(weir_batcher_add_version(&cheap, b, &cheap_key, &limits, &cost), WEIR_OK);
    struct weir_batch *batch;
    put_into(cheap, 90, 1, WEIR_TIME_NEVER, 10);
    cr_assert_eq(weir_batcher_take(b, 10, 0, &batch), WEIR_BATCHER_TAKE_INLINE);
    cr_assert(batch->is_inline);
    cr_assert_eq(batch->close, WEIR_BATCH_CLOSE_INLINE);
    cr_assert_eq(run(batch, 11), 1);
    put_into(cheap, 96, 1, WEIR_TIME_NEVER, 20); /* 10.1 µs against a hand-over of 10 µs */
    cr_assert_eq(weir_batcher_take(b, 20, 0, &batch), WEIR_BATCHER_TAKE_EMPTY);
    cr_assert_eq(weir_batcher_take(b, 20, 1, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(run(batch, 21), 1);
    put(1, 1, 30);
    cr_assert_eq(weir_batcher_take(b, 30, 0, &batch), WEIR_BATCHER_TAKE_EMPTY,
                 "of an unknown cost");
    /* However dear a hand-over is, 100 µs is the most a loop spends. */
    for (int i = 0; i < 1000; i++)
        weir_batcher_add_handover(b, 1);
    cr_assert_eq(weir_batcher_handover_ns(b), WEIR_BATCHER_HANDOVER_NS_MIN);
    for (int i = 0; i < 1000; i++)
        weir_batcher_add_handover(b, 10 * MS);
    cr_assert_gt(weir_batcher_handover_ns(b), 9 * MS);
    put_into(cheap, 256, 1, WEIR_TIME_NEVER, 40);
    cr_assert_eq(weir_batcher_take(b, 40, 0, &batch), WEIR_BATCHER_TAKE_INLINE);
    cr_assert_eq(run(batch, 41), 1);
    put_into(cheap, 1000, 1, WEIR_TIME_NEVER, 50);
    cr_assert_eq(weir_batcher_take(b, 50, 1, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(run(batch, 51), 1, "the unknown one first");
    cr_assert_eq(weir_batcher_take(b, 50, 1, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(run(batch, 51), 1);
    end();
}

Test(batch_batcher, rows_of_unknown_cost_do_not_become_cheap_when_another_run_is_measured)
{
    start();
    struct weir_batch *first;
    struct weir_batch *second;
    put(1, 1, 10);
    cr_assert_eq(weir_batcher_take(b, 10, 1, &first), WEIR_BATCHER_TAKE_POOL);
    put(1, 2, 11);
    (void)!weir_batch_begin(first, 12);
    (void)weir_batcher_answer(b, first->slices, 13);
    weir_batcher_finish(b, first, 5 * MS, 13);
    cr_assert(weir_batcher_cost(v)->is_known);
    cr_assert_eq(weir_batcher_take(b, 14, 0, &second), WEIR_BATCHER_TAKE_EMPTY);
    cr_assert_eq(weir_batcher_take(b, 14, 1, &second), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(run(second, 15), 1);
    end();
}

Test(batch_batcher, a_full_queue_refuses_by_requests_rows_and_bytes)
{
    struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    limits.queue_requests_max = 3;
    limits.queue_rows_max = 100;
    limits.queue_bytes_max = 50 * N_COLUMNS * sizeof(double);
    limits.request_bytes_max = 300 * N_COLUMNS * sizeof(double);
    start_with((struct weir_batcher_opts){.n_workers = 1}, limits);
    struct weir_batch *batch;
    cr_assert_not_null(put(300, 0, 1), "one request is let in alone, whatever its size");
    cr_assert_eq(weir_batcher_admit(b, v, 1, WEIR_TIME_NEVER, 1), WEIR_BATCHER_REFUSAL_ROWS);
    cr_assert_eq(weir_batcher_take(b, 1, 1, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(run(batch, 2), 1);
    cr_assert_null(put(301, 0, 3));
    cr_assert_eq(weir_batcher_refused(b), WEIR_BATCHER_REFUSAL_SIZE);
    cr_assert_not_null(put(20, 0, 3));
    cr_assert_null(put(31, 1, 3));
    cr_assert_eq(weir_batcher_refused(b), WEIR_BATCHER_REFUSAL_BYTES);
    cr_assert_null(put(81, 1, 3));
    cr_assert_eq(weir_batcher_refused(b), WEIR_BATCHER_REFUSAL_ROWS);
    cr_assert_not_null(put(30, 1, 3));
    limits.queue_bytes_max *= 2;
    weir_batcher_set_limits(v, &limits);
    struct weir_batch_slice *third = put(1, 2, 3);
    cr_assert_eq(weir_batcher_admit(b, v, 1, WEIR_TIME_NEVER, 3), WEIR_BATCHER_REFUSAL_REQUESTS);
    cr_assert(weir_batcher_cancel(b, third));
    cr_assert_eq(weir_batcher_admit(b, v, 1, WEIR_TIME_NEVER, 3), WEIR_BATCHER_REFUSAL_NONE);
    cr_assert_eq(weir_batcher_counters(b)->n_refused[WEIR_BATCHER_REFUSAL_ROWS], 2);
    cr_assert_eq(weir_batcher_counters(b)->n_refused[WEIR_BATCHER_REFUSAL_REQUESTS], 1);
    end();
}

Test(batch_batcher, what_cannot_make_its_deadline_is_refused_on_arrival)
{
    start_with((struct weir_batcher_opts){.n_workers = 2},
               (struct weir_batcher_limits)WEIR_BATCHER_LIMITS_INIT);
    struct weir_batch_cost cost;
    weir_batch_cost_init(&cost);
    weir_batch_cost_seed(&cost, 10e6, 1e6); /* 10 ms + 1 ms a row */
    struct weir_batcher_version *slow;
    int slow_key;
    const struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    cr_assert_eq(weir_batcher_add_version(&slow, b, &slow_key, &limits, &cost), WEIR_OK);
    cr_assert_eq(weir_batcher_admit(b, slow, 1, 12 * MS, 0), WEIR_BATCHER_REFUSAL_NONE);
    cr_assert_eq(weir_batcher_admit(b, slow, 1, 10 * MS, 0), WEIR_BATCHER_REFUSAL_DEADLINE);
    cr_assert_eq(weir_batcher_admit(b, slow, 1, 5, 5), WEIR_BATCHER_REFUSAL_DEADLINE);
    put_into(slow, 90, 0, WEIR_TIME_NEVER, 1 * MS);
    struct weir_batch *batch;
    cr_assert_eq(weir_batcher_take(b, 1 * MS, 1, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(weir_batch_begin(batch, 1 * MS), 90);
    /* 100 ms on one of two workers, 20 ms of them gone: 40 ms. */
    uint64_t wait_ns = weir_batcher_wait_ns(b, slow, 21 * MS);
    cr_assert_geq(wait_ns, 39 * MS);
    cr_assert_leq(wait_ns, 41 * MS);
    cr_assert_eq(weir_batcher_admit(b, slow, 1, (21 + 45) * MS, 21 * MS),
                 WEIR_BATCHER_REFUSAL_DEADLINE);
    cr_assert_eq(weir_batcher_admit(b, slow, 1, (21 + 60) * MS, 21 * MS),
                 WEIR_BATCHER_REFUSAL_NONE);
    /* Closed batches beyond the queue's time bound: 3 × 266 ms on two workers. */
    for (int i = 0; i < 2; i++)
        cr_assert_not_null(put_into(slow, 256, 1, WEIR_TIME_NEVER, 21 * MS));
    cr_assert_eq(weir_batcher_admit(b, slow, 1, WEIR_TIME_NEVER, 21 * MS),
                 WEIR_BATCHER_REFUSAL_TIME);
    cr_assert_eq(end_run(batch, 100 * MS), 1);
    end();
}

/* The workers are never seen idle, because another batcher keeps them busy. */
Test(batch_batcher, a_quiet_batcher_is_not_starved_by_a_busy_one)
{
    start();
    struct weir_batch *batch;
    struct weir_batch *next;
    put(1, 1, 5 * MS);
    cr_assert_eq(weir_batcher_take(b, 5 * MS, 0, &batch), WEIR_BATCHER_TAKE_EMPTY);
    cr_assert(weir_batcher_has_waiting(b));
    cr_assert_eq(weir_batcher_next_ns(b), 6 * MS);
    put(1, 2, 6 * MS - 1);
    cr_assert_eq(weir_batcher_take(b, 6 * MS - 1, 0, &batch), WEIR_BATCHER_TAKE_EMPTY);
    cr_assert_eq(weir_batcher_take(b, 6 * MS, 0, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(batch->close, WEIR_BATCH_CLOSE_TURN);
    cr_assert_eq(batch->n_rows, 2);
    /* With one in the queue, the next rows gather until it comes back. */
    put(1, 3, 6 * MS);
    cr_assert_eq(weir_batcher_take(b, 9 * MS, 0, &next), WEIR_BATCHER_TAKE_EMPTY);
    cr_assert_eq(weir_batcher_next_ns(b), WEIR_TIME_NEVER);
    cr_assert_eq(run(batch, 10 * MS), 2);
    cr_assert_eq(weir_batcher_take(b, 10 * MS, 0, &next), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(run(next, 11 * MS), 1);
    end();
}

Test(batch_batcher, small_requests_are_not_starved_by_large_ones)
{
    start();
    struct weir_batch *large[3];
    struct weir_batch *batch;
    for (int i = 0; i < 3; i++)
        cr_assert_eq(weir_batcher_private(&large[i], b, v, 300000, WEIR_TIME_NEVER, 4 * MS),
                     WEIR_OK);
    put(1, 1, 5 * MS);
    cr_assert_eq(weir_batcher_take(b, 5 * MS, 0, &batch), WEIR_BATCHER_TAKE_EMPTY);
    cr_assert_eq(weir_batcher_next_ns(b), 6 * MS);
    cr_assert_eq(weir_batcher_take(b, 6 * MS, 0, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(run(batch, 7 * MS), 1);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(weir_batch_begin(large[i], 8 * MS), 0);
        cr_assert_eq(weir_batcher_answer(b, large[i]->slices, 8 * MS), WEIR_BATCHER_ANSWER_UNRUN);
        weir_batcher_finish(b, large[i], 0, 8 * MS);
    }
    end();
}

Test(batch_batcher, full_batches_go_ahead_of_the_workers_but_not_without_bound)
{
    start();
    struct weir_batch *batch[3];
    for (int i = 0; i < 3; i++)
        put(256, i, 10 + (uint64_t)i);
    cr_assert_eq(weir_batcher_take(b, 20, 0, &batch[0]), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(weir_batcher_take(b, 20, 0, &batch[1]), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(weir_batcher_take(b, 20, 0, &batch[2]), WEIR_BATCHER_TAKE_EMPTY);
    cr_assert(weir_batcher_has_waiting(b));
    cr_assert_eq(run(batch[0], 30), 1);
    cr_assert_eq(weir_batcher_take(b, 30, 0, &batch[2]), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(run(batch[1], 31), 1);
    cr_assert_eq(run(batch[2], 32), 1);
    end();
}

Test(batch_batcher, a_busy_model_cannot_starve_a_quiet_one)
{
    start();
    int quiet_key;
    struct weir_batcher_version *quiet;
    const struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    cr_assert_eq(weir_batcher_add_version(&quiet, b, &quiet_key, &limits, NULL), WEIR_OK);
    put(256, 0, 10);
    put_into(quiet, 1, 7, WEIR_TIME_NEVER, 11);
    put(256, 1, 12);
    struct weir_batch *batch[2];
    cr_assert_eq(weir_batcher_take(b, 20, 0, &batch[0]), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(weir_batcher_take(b, 20, 0, &batch[1]), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(batch[0]->version, &version_key);
    cr_assert_eq(batch[1]->version, &quiet_key);
    cr_assert_eq(batch[1]->close, WEIR_BATCH_CLOSE_TURN);
    cr_assert_eq(run(batch[0], 30), 1);
    cr_assert_eq(run(batch[1], 30), 1);
    end();
}

Test(batch_batcher, a_batch_that_found_no_room_is_the_first_again)
{
    start();
    struct weir_batch *batch;
    struct weir_batch *again;
    put(256, 1, 10);
    put(256, 2, 11);
    cr_assert_eq(weir_batcher_take(b, 20, 1, &batch), WEIR_BATCHER_TAKE_POOL);
    weir_batcher_put_back(b, batch);
    cr_assert_eq(weir_batcher_load(b, v).n_waiting, 2);
    cr_assert_eq(weir_batcher_take(b, 20, 1, &again), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(again, batch);
    cr_assert_eq(weir_batcher_counters(b)->n_pool, 1);
    cr_assert_eq(run(again, 30), 1);
    end();
}

Test(batch_batcher, a_private_batch_is_decoded_and_run_away_from_the_loop)
{
    start();
    struct weir_batch *batch;
    cr_assert_eq(weir_batcher_private(&batch, b, v, 300000, 100, 10), WEIR_OK);
    *(int *)batch->slices->user = 5;
    cr_assert_eq(weir_batcher_load(b, v).n_bytes, 300000);
    weir_batcher_retire(b, v, 11);
    cr_assert_null(weir_batcher_next_released(b));
    cr_assert(weir_batch_is_wanted(batch));
    struct weir_sink *sink = weir_batch_private_sink(batch);
    struct weir_sink_want want = want_one;
    want.n_rows = 700;
    struct weir_sink_span span;
    cr_assert_eq(weir_sink_reserve(sink, &want, &span, NULL), WEIR_OK);
    for (size_t i = 0; i < 700 * N_COLUMNS; i++)
        ((double *)span.base)[i] = 5;
    weir_sink_commit(sink, 1u << WEIR_OUTPUT_PREDICT);
    cr_assert_eq(run(batch, 20), 1);
    cr_assert_eq(weir_batcher_next_released(b), &version_key);
    end();
}

Test(batch_batcher, a_private_batch_is_admitted_by_the_bytes_of_its_body)
{
    struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    limits.queue_bytes_max = 500000;
    start_with((struct weir_batcher_opts){.n_workers = 1}, limits);
    struct weir_batch *batch;
    cr_assert_eq(weir_batcher_admit_private(b, v, 600000, 100, 10), WEIR_BATCHER_REFUSAL_NONE,
                 "one is always let in alone");
    cr_assert_eq(weir_batcher_private(&batch, b, v, 300000, 100, 10), WEIR_OK);
    cr_assert_eq(weir_batcher_admit_private(b, v, 200000, 100, 11), WEIR_BATCHER_REFUSAL_NONE);
    cr_assert_eq(weir_batcher_admit_private(b, v, 200001, 100, 11), WEIR_BATCHER_REFUSAL_BYTES);
    cr_assert_eq(weir_batcher_admit_private(b, v, 1, 11, 11), WEIR_BATCHER_REFUSAL_DEADLINE);
    cr_assert_eq(weir_batcher_counters(b)->n_refused[WEIR_BATCHER_REFUSAL_BYTES], 1);
    cr_assert_eq(weir_batch_begin(batch, 19), 0);
    cr_assert_eq(weir_batcher_answer(b, batch->slices, 20), WEIR_BATCHER_ANSWER_UNRUN);
    weir_batcher_finish(b, batch, 0, 20);
    end();
}

Test(batch_batcher, a_failed_private_decode_ends_without_a_run)
{
    start();
    struct weir_batch *batch;
    cr_assert_eq(weir_batcher_private(&batch, b, v, 300000, 100, 10), WEIR_OK);
    struct weir_sink *sink = weir_batch_private_sink(batch);
    struct weir_sink_span span;
    struct weir_sink_want want = want_one;
    cr_assert_eq(weir_sink_reserve(sink, &want, &span, NULL), WEIR_OK);
    weir_sink_rollback(sink);
    want.n_columns = SIZE_MAX / 4;
    want.n_rows = 3;
    cr_assert_eq(weir_sink_reserve(sink, &want, &span, NULL), WEIR_ERR_LIMIT);
    cr_assert_eq(weir_batch_begin(batch, 19), 0);
    cr_assert_eq(weir_batcher_answer(b, batch->slices, 20), WEIR_BATCHER_ANSWER_UNRUN);
    weir_batcher_finish(b, batch, 0, 20);
    cr_assert_eq(weir_batcher_load(b, NULL).n_requests, 0);
    end();
}

Test(batch_batcher, the_steady_state_allocates_nothing)
{
    start();
    struct weir_batch *batch;
    for (int round = 0; round < 200; round++) {
        if (round == 3)
            test_mem_fail_at(1, true);
        for (int i = 0; i < 100; i++)
            cr_assert_not_null(put((size_t)(1 + i % 7), i, 10), "round %d", round);
        while (weir_batcher_take(b, 10, 1, &batch) != WEIR_BATCHER_TAKE_EMPTY)
            run(batch, 20);
    }
    cr_assert_not(test_mem_has_failed());
    test_mem_fail_at(0, false);
    end();
}

Test(batch_batcher, each_version_says_whether_it_runs_on_the_loop)
{
    struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    struct weir_batcher_version *never;
    struct weir_batch *batch;
    int never_key;
    limits.inline_mode = WEIR_BATCHER_INLINE_ALWAYS;
    start_with((struct weir_batcher_opts){.n_workers = 1}, limits);
    limits.inline_mode = WEIR_BATCHER_INLINE_NEVER;
    cr_assert_eq(weir_batcher_add_version(&never, b, &never_key, &limits, NULL), WEIR_OK);
    cr_assert_not_null(put_into(v, 1, 1, WEIR_TIME_NEVER, 0));
    cr_assert_not_null(put_into(never, 1, 2, WEIR_TIME_NEVER, 0));
    cr_assert_eq(weir_batcher_take(b, 0, 1, &batch), WEIR_BATCHER_TAKE_INLINE);
    cr_assert_eq(batch->version, &version_key);
    cr_assert_eq(weir_batch_begin(batch, 0), 1);
    (void)weir_batcher_answer(b, batch->slices, 0);
    weir_batcher_finish(b, batch, 1, 1);
    cr_assert_eq(weir_batcher_take(b, 1, 1, &batch), WEIR_BATCHER_TAKE_POOL);
    cr_assert_eq(batch->version, &never_key);
    cr_assert_eq(weir_batch_begin(batch, 1), 1);
    (void)weir_batcher_answer(b, batch->slices, 1);
    weir_batcher_finish(b, batch, 1, 2);
    end();
}

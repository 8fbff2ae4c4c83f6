/* SPDX-License-Identifier: MIT */
/* Each allocation of the batcher failing in turn, once and from then on: the call that needed it
 * says so, everything before it stands, the same works later, and nothing leaks. */
#include "base/clock.h"
#include "batch/batcher.h"
#include "test_mem.h"

#include <criterion/criterion.h>

enum { N_COLUMNS = 4, N_ROUNDS = 40 };

struct scene {
    struct weir_batcher *b;
    struct weir_batcher_version *v;
    int n_put;      /* committed */
    int n_answered; /* with a result */
    int n_refused;
};

static int key;

/* Decodes one request of n rows; what was gathered before must stand when that fails. */
static void put(struct scene *s, uint32_t n, enum weir_dtype dtype)
{
    struct weir_batcher_load before = weir_batcher_load(s->b, NULL);
    struct weir_sink *sink = weir_batcher_decode(s->b, s->v, WEIR_TIME_NEVER, 1);
    const struct weir_sink_want want = {.n_rows = n, .n_columns = N_COLUMNS, .dtype = dtype};
    struct weir_sink_span span;
    enum weir_status status = weir_sink_reserve(sink, &want, &span, NULL);
    if (status != WEIR_OK) {
        cr_assert_eq(status, WEIR_ERR_NO_MEMORY);
        cr_assert(test_mem_has_failed());
        cr_assert_eq(weir_batcher_refused(s->b), WEIR_BATCHER_REFUSAL_MEMORY);
        cr_assert_null(weir_batcher_committed(s->b));
        struct weir_batcher_load after = weir_batcher_load(s->b, NULL);
        cr_assert_eq(memcmp(&before, &after, sizeof before), 0);
        s->n_refused++;
        return;
    }
    for (size_t i = 0; i < n * N_COLUMNS; i++) {
        if (dtype == WEIR_F64)
            ((double *)span.base)[i] = s->n_put;
        else
            ((float *)span.base)[i] = (float)s->n_put;
    }
    weir_sink_commit(sink, 1u << WEIR_OUTPUT_PREDICT);
    *(int *)weir_batcher_committed(s->b)->user = s->n_put++;
}

static const struct weir_tensor_info infos[] = {
    {.name = "x", .dtype = WEIR_F64, .n_dims = 2, .dims = {-1, -1}}};
static const struct weir_tensors_spec tensors_spec = {
    .n_inputs = 1, .inputs = infos, .n_outputs = 1, .outputs = infos, .is_batched = true};

/* Decodes one request of n rows of N_COLUMNS + i % 2 doubles as tensors, with some text; as above.
 */
static void put_tensors(struct scene *s, uint32_t n, int i)
{
    struct weir_batcher_load before = weir_batcher_load(s->b, NULL);
    struct weir_sink *sink = weir_batcher_decode(s->b, s->v, WEIR_TIME_NEVER, 1);
    struct weir_tensors_shape shape = {2, {n, N_COLUMNS + (uint64_t)(i % 2)}};
    struct weir_sink_tensors tensors = {.spec = &tensors_spec, .shapes = &shape, .wanted = 1};
    cr_assert(weir_tensors_layout(&tensors_spec, &shape, n, NULL, &tensors.row_bytes));
    const struct weir_sink_want want = {
        .n_rows = n, .dtype = WEIR_F64, .text_bytes = 3000, .tensors = &tensors};
    struct weir_sink_span span;
    if (weir_sink_reserve(sink, &want, &span, NULL) != WEIR_OK) {
        cr_assert(test_mem_has_failed());
        struct weir_batcher_load after = weir_batcher_load(s->b, NULL);
        cr_assert_eq(memcmp(&before, &after, sizeof before), 0);
        s->n_refused++;
        return;
    }
    for (size_t k = 0; k < n * shape.dims[1]; k++)
        ((double *)span.base)[k] = s->n_put;
    cr_assert(weir_sink_take_text(sink, 2000));
    if (i % 5 == 4) {
        weir_sink_rollback(sink);
        return;
    }
    weir_sink_commit(sink, 0);
    *(int *)weir_batcher_committed(s->b)->user = s->n_put++;
}

static double value_at(const struct weir_batch *batch, size_t row)
{
    size_t at = row * N_COLUMNS;
    if (batch->tensors)
        return *(const double *)(const void *)((const char *)batch->rows + row * batch->row_bytes);
    return batch->dtype == WEIR_F64 ? ((const double *)batch->rows)[at]
                                    : (double)((const float *)batch->rows)[at];
}

static void run_all(struct scene *s)
{
    struct weir_batch *batch;
    while (weir_batcher_take(s->b, 2, 1, &batch) != WEIR_BATCHER_TAKE_EMPTY) {
        (void)!weir_batch_begin(batch, 3);
        for (struct weir_batch_slice *slice = batch->slices; slice; slice = slice->next) {
            for (uint32_t i = 0; i < slice->n_rows; i++)
                cr_assert_eq(value_at(batch, slice->row + i), *(int *)slice->user);
            cr_assert_eq(weir_batcher_answer(s->b, slice, 4), WEIR_BATCHER_ANSWER_RESULT);
            s->n_answered++;
        }
        weir_batcher_finish(s->b, batch, 100, 4);
    }
}

static void run_private(struct scene *s)
{
    struct weir_batch *batch;
    if (weir_batcher_private(&batch, s->b, s->v, 1000, WEIR_TIME_NEVER, 1) != WEIR_OK) {
        s->n_refused++;
        return;
    }
    const struct weir_sink_want want = {.n_rows = 300, .n_columns = N_COLUMNS, .dtype = WEIR_F64};
    struct weir_sink_span span;
    struct weir_sink *sink = weir_batch_private_sink(batch);
    enum weir_batcher_answer expected = WEIR_BATCHER_ANSWER_UNRUN;
    if (weir_sink_reserve(sink, &want, &span, NULL) == WEIR_OK) {
        weir_sink_commit(sink, 1u << WEIR_OUTPUT_PREDICT);
        cr_assert_eq(weir_batch_begin(batch, 2), 300);
        expected = WEIR_BATCHER_ANSWER_RESULT;
    } else {
        s->n_refused++;
    }
    cr_assert_eq(weir_batcher_answer(s->b, batch->slices, 4), expected);
    weir_batcher_finish(s->b, batch, 0, 4);
}

/* Returns false when even the batcher could not be made. */
static bool play(struct scene *s)
{
    const struct weir_batcher_opts opts = {.n_workers = 1, .slice_user_bytes = sizeof(int)};
    const struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    if (weir_batcher_new(&s->b, &opts, test_mem()) != WEIR_OK)
        return false;
    if (weir_batcher_add_version(&s->v, s->b, &key, &limits, NULL) != WEIR_OK)
        return false;
    for (int i = 0; i < N_ROUNDS; i++) {
        put(s, 1, WEIR_F64);
        put(s, (uint32_t)(1 + i % 5), i % 3 ? WEIR_F64 : WEIR_F32);
        if (i % 7 == 0)
            put(s, 400, WEIR_F64);
        if (i % 4 == 0)
            put_tensors(s, 2, i / 4);
    }
    run_private(s);
    run_all(s);
    return true;
}

static void fail_each(bool is_sticky)
{
    uint64_t n = 1;
    for (;; n++) {
        struct scene s = {0};
        test_mem_fail_at(n, is_sticky);
        bool is_made = play(&s);
        bool has_failed = test_mem_has_failed();
        test_mem_fail_at(0, false);
        if (is_made) {
            cr_assert_eq(s.n_answered, s.n_put, "what was let in is answered");
            cr_assert_eq(s.n_refused > 0, has_failed);
            /* With memory again, everything works again. */
            int n_refused = s.n_refused;
            put(&s, 1, WEIR_F64);
            put(&s, 300, WEIR_F32);
            run_private(&s);
            run_all(&s);
            cr_assert_eq(s.n_refused, n_refused);
            cr_assert_eq(s.n_answered, s.n_put);
            weir_batcher_retire(s.b, s.v, 5);
            cr_assert_eq(weir_batcher_next_released(s.b), &key);
        }
        weir_batcher_free(s.b);
        cr_assert_eq(test_mem_n_live(), 0, "allocation %lu", n);
        if (!has_failed)
            break;
    }
    cr_assert_gt(n, 10, "the scene allocates %lu times", n - 1);
}

Test(batch_batcher_fault, each_allocation_fails_once)
{
    fail_each(false);
}

Test(batch_batcher_fault, each_allocation_and_all_after_it_fail)
{
    fail_each(true);
}

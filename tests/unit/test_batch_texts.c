/* SPDX-License-Identifier: MIT */
/* What a batch holds beside its matrix: the texts of its rows, and tensors of several shapes. */
#include "base/clock.h"
#include "batch/batcher.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <stdio.h>

static struct weir_batcher *b;
static struct weir_batcher_version *v;
static int version_key;

static void start_with(struct weir_batcher_limits limits)
{
    const struct weir_batcher_opts opts = {.n_workers = 1, .slice_user_bytes = sizeof(int)};
    cr_assert_eq(weir_batcher_new(&b, &opts, test_mem()), WEIR_OK);
    cr_assert_eq(weir_batcher_add_version(&v, b, &version_key, &limits, NULL), WEIR_OK);
}

static void start(void)
{
    start_with((struct weir_batcher_limits)WEIR_BATCHER_LIMITS_INIT);
}

static void end(void)
{
    weir_batcher_free(b);
    cr_assert_eq(test_mem_n_live(), 0);
}

/* Reserves one row of one cell and writes a text of n bytes of c into it; NULL: refused. */
static struct weir_cell_text *begin_text(struct weir_sink **sink, char c, size_t n)
{
    *sink = weir_batcher_decode(b, v, WEIR_TIME_NEVER, 1);
    const struct weir_sink_want want = {
        .n_rows = 1, .n_columns = 1, .dtype = WEIR_F64, .text_bytes = weir_sink_text_bytes(n)};
    struct weir_sink_span span;
    if (weir_sink_reserve(*sink, &want, &span, NULL) != WEIR_OK)
        return NULL;
    struct weir_cell_text *text = weir_sink_take_text(*sink, n);
    cr_assert(text);
    memset(text->at, c, n);
    double cell = weir_cell_from_text(text);
    memcpy(span.base, &cell, sizeof cell);
    return text;
}

static bool put_text(char c, size_t n)
{
    struct weir_sink *sink;
    if (!begin_text(&sink, c, n))
        return false;
    weir_sink_commit(sink, 1);
    return true;
}

static struct weir_batch *take(void)
{
    struct weir_batch *batch = NULL;
    cr_assert_neq(weir_batcher_take(b, 2, 1, &batch), WEIR_BATCHER_TAKE_EMPTY);
    return batch;
}

static void finish(struct weir_batch *batch)
{
    for (struct weir_batch_slice *s = batch->slices; s; s = s->next)
        (void)weir_batcher_answer(b, s, 3);
    weir_batcher_finish(b, batch, 0, 3);
}

Test(batch_texts, texts_stay_where_they_are_while_the_batch_grows)
{
    start();
    for (int i = 0; i < 200; i++)
        cr_assert(put_text((char)('a' + i % 26), (size_t)i * 7));
    struct weir_batch *batch = take();
    cr_assert_eq(weir_batch_begin(batch, 2), 200);
    for (size_t i = 0; i < 200; i++) {
        struct weir_str text = weir_cell_text(((const double *)batch->rows)[i]);
        cr_assert_eq(text.n, i * 7);
        cr_assert_eq(text.at[text.n], 0);
        for (size_t k = 0; k < text.n; k++)
            cr_assert_eq(text.at[k], (char)('a' + i % 26));
    }
    finish(batch);
    end();
}

Test(batch_texts, the_texts_of_dead_rows_do_not_move_the_others)
{
    start();
    cr_assert(put_text('a', 10));
    struct weir_batch_slice *dead = weir_batcher_committed(b);
    cr_assert(put_text('b', 10));
    cr_assert(weir_batcher_cancel(b, dead));
    struct weir_batch *batch = take();
    cr_assert_eq(weir_batch_begin(batch, 2), 1);
    cr_assert_eq(*weir_cell_text(*(const double *)batch->rows).at, 'b');
    finish(batch);
    end();
}

Test(batch_texts, a_rollback_gives_the_room_back)
{
    start();
    struct weir_sink *sink;
    cr_assert(put_text('a', 100));
    struct weir_batcher_load before = weir_batcher_load(b, NULL);
    const struct weir_cell_text *first = begin_text(&sink, 'x', 500);
    weir_sink_rollback(sink);
    struct weir_batcher_load after = weir_batcher_load(b, NULL);
    cr_assert_eq(memcmp(&before, &after, sizeof before), 0);
    cr_assert_eq(begin_text(&sink, 'b', 500), first, "the same room again");
    weir_sink_commit(sink, 1);
    struct weir_batch *batch = take();
    cr_assert_eq(weir_batch_begin(batch, 2), 2);
    cr_assert_eq(*weir_cell_text(((const double *)batch->rows)[0]).at, 'a');
    cr_assert_eq(*weir_cell_text(((const double *)batch->rows)[1]).at, 'b');
    finish(batch);
    end();
}

Test(batch_texts, texts_count_in_the_bytes_of_the_queue)
{
    struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    limits.queue_bytes_max = 3000;
    limits.request_bytes_max = 5000;
    start_with(limits);
    cr_assert(put_text('a', 1000));
    cr_assert_eq(weir_batcher_load(b, NULL).n_bytes, 8 + weir_sink_text_bytes(1000));
    cr_assert(put_text('b', 1000));
    cr_assert_not(put_text('c', 1000));
    cr_assert_eq(weir_batcher_refused(b), WEIR_BATCHER_REFUSAL_BYTES);
    cr_assert_not(put_text('d', 5000));
    cr_assert_eq(weir_batcher_refused(b), WEIR_BATCHER_REFUSAL_SIZE);
    struct weir_batch *batch = take();
    cr_assert_eq(weir_batch_begin(batch, 2), 2);
    finish(batch);
    cr_assert_eq(weir_batcher_load(b, NULL).n_bytes, 0);
    cr_assert(put_text('e', 1000));
    end();
}

Test(batch_texts, more_than_was_reserved_is_not_given)
{
    start();
    struct weir_sink *sink;
    cr_assert(begin_text(&sink, 'a', 10));
    cr_assert_null(weir_sink_take_text(sink, 1));
    weir_sink_rollback(sink);
    end();
}

Test(batch_texts, private_batches_hold_texts_too)
{
    start();
    struct weir_batch *batch = NULL;
    cr_assert_eq(weir_batcher_private(&batch, b, v, 1000, WEIR_TIME_NEVER, 1), WEIR_OK);
    struct weir_sink *sink = weir_batch_private_sink(batch);
    const struct weir_sink_want want = {
        .n_rows = 1, .n_columns = 1, .dtype = WEIR_F64, .text_bytes = 100000};
    struct weir_sink_span span;
    cr_assert_eq(weir_sink_reserve(sink, &want, &span, NULL), WEIR_OK);
    struct weir_cell_text *text = weir_sink_take_text(sink, 99000);
    memset(text->at, 'q', 99000);
    *(double *)span.base = weir_cell_from_text(text);
    weir_sink_commit(sink, 1);
    cr_assert_eq(weir_batch_begin(batch, 2), 1);
    cr_assert_eq(weir_cell_text(*(const double *)batch->rows).n, 99000);
    finish(batch);
    end();
}

/* --- tensors --- */

static const struct weir_tensor_info infos[] = {
    {.name = "flag", .dtype = WEIR_U8, .n_dims = 2, .dims = {-1, -1}},
    {.name = "x", .dtype = WEIR_F64, .n_dims = 2, .dims = {-1, -1}},
};
static const struct weir_tensors_spec batched = {
    .n_inputs = 2, .inputs = infos, .n_outputs = 1, .outputs = infos + 1, .is_batched = true};
static const struct weir_tensors_spec single = {
    .n_inputs = 2, .inputs = infos, .n_outputs = 1, .outputs = infos + 1};

/* Puts n rows of `width` flags and doubles of a value. */
static void put_tensors(const struct weir_tensors_spec *spec, uint64_t n, uint64_t width,
                        uint64_t wanted, int value)
{
    struct weir_sink *sink = weir_batcher_decode(b, v, WEIR_TIME_NEVER, 1);
    struct weir_tensors_shape shapes[] = {{2, {n, width}}, {2, {n, width}}};
    struct weir_sink_tensors tensors = {.spec = spec, .shapes = shapes, .wanted = wanted};
    size_t offsets[2];
    size_t n_rows = spec->is_batched ? (size_t)n : 1;
    cr_assert(weir_tensors_layout(spec, shapes, n_rows, offsets, &tensors.row_bytes));
    const struct weir_sink_want want = {.n_rows = n_rows, .dtype = WEIR_F64, .tensors = &tensors};
    struct weir_sink_span span;
    cr_assert_eq(weir_sink_reserve(sink, &want, &span, NULL), WEIR_OK);
    cr_assert_eq((uintptr_t)span.base % 8, 0, "pieces are aligned for every element");
    memset((char *)span.base + offsets[0], value, (size_t)(n * width));
    for (size_t i = 0; i < n * width; i++)
        ((double *)(void *)((char *)span.base + offsets[1]))[i] = value;
    weir_sink_commit(sink, 0);
    *(int *)weir_batcher_committed(b)->user = value;
}

static void check_tensors(const struct weir_batch *batch)
{
    for (const struct weir_batch_slice *s = batch->slices; s; s = s->next) {
        const char *piece = (const char *)batch->rows + s->row * batch->row_bytes;
        cr_assert_eq(*(const double *)(const void *)piece, *(const int *)s->user);
    }
}

Test(batch_texts, tensors_of_one_signature_share_a_batch)
{
    start();
    put_tensors(&batched, 1, 3, 1, 7);
    put_tensors(&batched, 2, 3, 1, 8);
    put_tensors(&batched, 1, 4, 1, 9);  /* another width */
    put_tensors(&batched, 3, 3, 2, 10); /* other outputs */
    put_tensors(&batched, 3, 3, 1, 11);
    static const uint32_t n_rows[] = {6, 1, 3};
    for (int i = 0; i < 3; i++) {
        struct weir_batch *batch = take();
        cr_assert_eq(weir_batch_begin(batch, 2), n_rows[i]);
        cr_assert(batch->tensors);
        cr_assert_eq(batch->tensors->wanted, i == 2 ? 2 : 1);
        cr_assert_eq(batch->tensors->shapes[1].dims[1], i == 1 ? 4 : 3);
        check_tensors(batch);
        finish(batch);
    }
    end();
}

Test(batch_texts, requests_of_a_model_that_does_not_batch_are_alone)
{
    start();
    put_tensors(&single, 2, 3, 1, 1);
    put_tensors(&single, 2, 3, 1, 2);
    cr_assert(weir_batcher_has_closed(b));
    for (int i = 0; i < 2; i++) {
        struct weir_batch *batch = take();
        cr_assert_eq(batch->close, WEIR_BATCH_CLOSE_SINGLE);
        cr_assert_null(batch->group);
        cr_assert_eq(weir_batch_begin(batch, 2), 1);
        cr_assert_eq(batch->tensors->shapes[0].dims[0], 2);
        check_tensors(batch);
        finish(batch);
    }
    end();
}

Test(batch_texts, shapes_out_of_use_are_forgotten)
{
    start();
    int64_t n_live = 0;
    for (int i = 1; i <= 1000; i++) {
        put_tensors(&batched, 1, (uint64_t)i, 1, i % 100);
        struct weir_batch *batch = take();
        cr_assert_eq(weir_batch_begin(batch, 2), 1);
        check_tensors(batch);
        finish(batch);
        if (i == 100)
            n_live = test_mem_n_live();
    }
    cr_assert_eq(test_mem_n_live(), n_live, "1000 shapes hold no more than 100 did");
    end();
}

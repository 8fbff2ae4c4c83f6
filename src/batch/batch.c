/* SPDX-License-Identifier: MIT */
/* The start of a run, and private batches: what happens to a batch away from its loop. */
#include "batch/batch.h"

#include "base/clock.h"
#include "base/macros.h"
#include "batch/batcher.h"
#include "batch/batcher_priv.h"

#include <string.h>

static const char *const close_names[] = {
#define CLOSE_NAME(code, name, text) name,
    WEIR_BATCH_CLOSE_MAP(CLOSE_NAME)
#undef CLOSE_NAME
};

_Static_assert(WEIR_ARRAY_LEN(close_names) == WEIR_BATCH_CLOSE_N, "WEIR_BATCH_CLOSE_N counts");

const char *weir_batch_close_name(enum weir_batch_close close)
{
    weir_assert((size_t)close < WEIR_BATCH_CLOSE_N);
    return close_names[close];
}

bool weir_batch_slice_move(struct weir_batch_slice *slice, enum weir_batch_slice_state to)
{
    /* Relaxed: only the winner matters; the batch's hand-over orders the rows. */
    uint32_t from = WEIR_BATCH_SLICE_WAITING;
    return atomic_compare_exchange_strong_explicit(&slice->state, &from, to, memory_order_relaxed,
                                                   memory_order_relaxed);
}

uint32_t weir_batch_begin(struct weir_batch *batch, uint64_t now_ns)
{
    weir_assert(batch);
    weir_debug_assert(atomic_load_explicit(&batch->started_ns, memory_order_relaxed) == 0);
    size_t row_bytes = batch->row_bytes;
    uint32_t n_rows = 0;
    uint32_t wanted = 0;
    for (struct weir_batch_slice *s = batch->slices; s; s = s->next) {
        if (s->n_rows == 0)
            continue; /* a private batch whose decoding failed */
        bool is_late = s->deadline_ns <= now_ns || weir_batch_begin_by_ns(s) <= now_ns;
        if (!weir_batch_slice_move(s,
                                   is_late ? WEIR_BATCH_SLICE_EXPIRED : WEIR_BATCH_SLICE_RUNNING) ||
            is_late)
            continue;
        if (s->row != n_rows) {
            memmove((char *)batch->rows + n_rows * row_bytes,
                    (char *)batch->rows + s->row * row_bytes, s->n_rows * row_bytes);
            s->row = n_rows;
        }
        n_rows += s->n_rows;
        wanted |= s->wanted;
    }
    batch->n_rows = n_rows;
    batch->wanted = wanted | (n_rows > 0 ? batch->costly : 0);
    /* 0 means "not yet". */
    atomic_store_explicit(&batch->started_ns, now_ns > 0 ? now_ns : 1, memory_order_relaxed);
    return n_rows;
}

bool weir_batch_is_wanted(const struct weir_batch *batch)
{
    weir_assert(batch);
    for (const struct weir_batch_slice *s = batch->slices; s; s = s->next) {
        if (atomic_load_explicit(&s->state, memory_order_relaxed) == WEIR_BATCH_SLICE_WAITING)
            return true;
    }
    return false;
}

bool weir_batch_is_late(const struct weir_batch *batch, uint64_t now_ns, bool *is_overdue)
{
    weir_assert(batch);
    weir_assert(batch->is_private);
    const struct weir_batch_slice *s = batch->slices;
    *is_overdue = batch->store.begin_ns < s->deadline_ns;
    return batch->store.begin_ns <= now_ns || s->deadline_ns <= now_ns;
}

void weir_batch_end(struct weir_batch *batch, uint64_t now_ns)
{
    weir_assert(batch);
    batch->finished_ns = now_ns;
}

static struct weir_batch *private_of(struct weir_sink *sink)
{
    struct weir_batch *batch = WEIR_CONTAINER_OF(sink, struct weir_batch, store.sink);
    weir_assert(batch->is_private);
    return batch;
}

static enum weir_status private_reserve(struct weir_sink *sink, const struct weir_sink_want *want,
                                        struct weir_sink_span *out, struct weir_error *err)
{
    struct weir_batch *batch = private_of(sink);
    weir_assert(batch->n_rows == 0);
    weir_assert(batch->store.n_reserved == 0);
    size_t row_bytes;
    size_t bytes;
    size_t all_bytes = 0;
    if (!weir_batcher_want_bytes(want, &row_bytes, &bytes) ||
        !weir_size_add(bytes, want->text_bytes, &all_bytes) ||
        all_bytes > batch->store.request_bytes_max)
        return weir_error_set(err, WEIR_ERR_LIMIT, "%s",
                              weir_batcher_refusal_text(WEIR_BATCHER_REFUSAL_SIZE));
    if (!weir_batcher_grow(batch, 0, bytes) ||
        (want->text_bytes > 0 && !weir_batcher_text_lend(batch, sink, want->text_bytes)) ||
        !weir_batcher_tensors_keep(batch, want->tensors))
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "%s",
                              weir_batcher_refusal_text(WEIR_BATCHER_REFUSAL_MEMORY));
    batch->dtype = want->dtype;
    batch->n_columns = (uint32_t)want->n_columns;
    batch->row_bytes = row_bytes;
    batch->costly = want->costly;
    batch->store.has_text = want->text_bytes > 0;
    batch->store.n_reserved = (uint32_t)want->n_rows;
    if (batch->store.takes_queue_timeout && want->queue_timeout_ns > 0)
        batch->store.begin_ns = weir_batch_earlier(
            batch->store.begin_ns, weir_clock_add(batch->opened_ns, want->queue_timeout_ns));
    *out =
        (struct weir_sink_span){batch->rows, row_bytes, weir_dtype_size(want->dtype), want->dtype};
    return WEIR_OK;
}

static void private_commit(struct weir_sink *sink, uint32_t wanted)
{
    struct weir_batch *batch = private_of(sink);
    weir_assert(batch->store.n_reserved > 0);
    if (batch->store.has_text)
        (void)weir_batcher_text_keep(batch, sink); /* Counted by its body already. */
    struct weir_batch_slice *s = batch->slices;
    s->n_rows = batch->store.n_reserved;
    s->wanted = wanted | batch->costly;
    batch->n_rows = s->n_rows;
    batch->wanted = s->wanted;
    batch->store.n_reserved = 0;
}

static void private_rollback(struct weir_sink *sink)
{
    private_of(sink)->store.n_reserved = 0;
}

const struct weir_sink_ops weir_batch_private_ops = {private_reserve, private_commit,
                                                     private_rollback};

struct weir_sink *weir_batch_private_sink(struct weir_batch *batch)
{
    weir_assert(batch);
    weir_assert(batch->is_private);
    return &batch->store.sink;
}

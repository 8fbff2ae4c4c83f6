/* SPDX-License-Identifier: MIT */
/* The life of a slice on the loop: it is canceled, expires, or is answered when its batch is back.
 *
 * A slice has two times: its deadline, by which it is answered, and the end of its queue timeout,
 * by which its run begins. Before the run the earlier of them ends it; once it runs the deadline
 * alone does. */
#include "base/clock.h"
#include "base/macros.h"
#include "batch/batcher_priv.h"

void weir_batcher_uncount(struct weir_batcher *b, struct weir_batch_slice *slice)
{
    if (!slice->loop.is_counted)
        return;
    slice->loop.is_counted = false;
    struct weir_batcher_level *level = slice->batch->loop.level;
    level->n_requests--;
    level->n_rows -= slice->loop.n_rows;
    level->n_bytes -= slice->loop.bytes;
    b->load.n_requests--;
    b->load.n_rows -= slice->loop.n_rows;
    b->load.n_bytes -= slice->loop.bytes;
}

static void slice_died(struct weir_batcher *b, struct weir_batch_slice *slice)
{
    weir_assert(slice->batch->loop.n_live > 0);
    slice->batch->loop.n_live--;
    weir_batcher_uncount(b, slice);
}

/* Finds a waiting batch's earliest times again: they decide when it leaves. */
static void find_deadline(struct weir_batch *batch)
{
    batch->loop.deadline_ns = WEIR_TIME_NEVER;
    batch->loop.begin_ns = WEIR_TIME_NEVER;
    for (const struct weir_batch_slice *s = batch->slices; s; s = s->next) {
        if (s->loop.is_answered)
            continue;
        batch->loop.deadline_ns = weir_batch_earlier(batch->loop.deadline_ns, s->deadline_ns);
        batch->loop.begin_ns = weir_batch_earlier(batch->loop.begin_ns, s->begin_ns);
    }
}

/* Tells which of its times ended a slice that never ran, and counts it. */
static enum weir_batcher_answer count_unbegun(struct weir_batcher *b, uint64_t deadline_ns,
                                              uint64_t begin_ns)
{
    if (begin_ns < deadline_ns) {
        b->counters.n_overdue++;
        return WEIR_BATCHER_ANSWER_OVERDUE;
    }
    b->counters.n_expired++;
    return WEIR_BATCHER_ANSWER_EXPIRED;
}

bool weir_batcher_cancel(struct weir_batcher *b, struct weir_batch_slice *slice)
{
    weir_assert(b);
    weir_assert(slice);
    bool was_answered = slice->loop.is_answered;
    slice->loop.is_answered = true;
    if (weir_batch_slice_move(slice, WEIR_BATCH_SLICE_CANCELED)) {
        b->counters.n_canceled++;
        slice_died(b, slice);
        struct weir_batch *batch = slice->batch;
        bool is_first =
            (slice->deadline_ns != WEIR_TIME_NEVER &&
             slice->deadline_ns <= batch->loop.deadline_ns) ||
            (slice->begin_ns != WEIR_TIME_NEVER && slice->begin_ns <= batch->loop.begin_ns);
        if (batch->loop.place == PLACE_WAITING && is_first)
            find_deadline(batch);
        return true;
    }
    bool is_running =
        atomic_load_explicit(&slice->state, memory_order_relaxed) == WEIR_BATCH_SLICE_RUNNING;
    if (!was_answered && is_running)
        b->counters.n_abandoned++;
    else if (!was_answered)
        (void)count_unbegun(b, slice->deadline_ns, slice->begin_ns); /* A worker saw it pass. */
    return !is_running;
}

enum weir_batcher_answer weir_batcher_answer(struct weir_batcher *b, struct weir_batch_slice *slice,
                                             uint64_t now_ns)
{
    weir_assert(b);
    weir_assert(slice);
    weir_assert(slice->batch->loop.place == PLACE_OUT);
    if (slice->loop.is_answered)
        return WEIR_BATCHER_ANSWER_NONE;
    slice->loop.is_answered = true;
    switch (
        (enum weir_batch_slice_state)atomic_load_explicit(&slice->state, memory_order_relaxed)) {
    case WEIR_BATCH_SLICE_WAITING:
        return WEIR_BATCHER_ANSWER_UNRUN;
    case WEIR_BATCH_SLICE_RUNNING:
        if (slice->deadline_ns > now_ns)
            return WEIR_BATCHER_ANSWER_RESULT;
        b->counters.n_late++;
        return WEIR_BATCHER_ANSWER_EXPIRED;
    case WEIR_BATCH_SLICE_EXPIRED:
        return count_unbegun(b, slice->deadline_ns, weir_batch_begin_by_ns(slice));
    case WEIR_BATCH_SLICE_CANCELED:
        break; /* cancelling marks as answered */
    }
    weir_assert(!"a canceled slice counts as answered");
    return WEIR_BATCHER_ANSWER_NONE;
}

/* Answers a slice one of whose times has passed; false: its run has begun, and its deadline is yet
 * to come. */
static bool expire_slice(struct weir_batcher *b, struct weir_batch_slice *s, uint64_t now_ns,
                         weir_batcher_expired_fn *fn, void *ctx)
{
    enum weir_batcher_answer answer = WEIR_BATCHER_ANSWER_EXPIRED;
    if (weir_batch_slice_move(s, WEIR_BATCH_SLICE_EXPIRED)) {
        answer = count_unbegun(b, s->deadline_ns, s->begin_ns);
        slice_died(b, s);
    } else if (!weir_batch_slice_is_live(s)) { /* a worker saw it first */
        answer = count_unbegun(b, s->deadline_ns, s->begin_ns);
    } else if (s->deadline_ns <= now_ns) {
        b->counters.n_late++;
    } else {
        return false;
    }
    s->loop.is_answered = true;
    fn(ctx, s, answer);
    return true;
}

/* Answers the due slices of one batch and finds its earliest times again. */
static size_t expire_batch(struct weir_batcher *b, struct weir_batch *batch, uint64_t now_ns,
                           weir_batcher_expired_fn *fn, void *ctx)
{
    size_t n = 0;
    uint64_t deadline_ns = WEIR_TIME_NEVER;
    uint64_t begin_ns = WEIR_TIME_NEVER;
    for (struct weir_batch_slice *s = batch->slices; s; s = s->next) {
        if (s->loop.is_answered)
            continue;
        bool is_due = weir_batch_earlier(s->deadline_ns, s->begin_ns) <= now_ns;
        if (is_due && expire_slice(b, s, now_ns, fn, ctx)) {
            n++;
            continue;
        }
        deadline_ns = weir_batch_earlier(deadline_ns, s->deadline_ns);
        if (!is_due)
            begin_ns = weir_batch_earlier(begin_ns, s->begin_ns);
    }
    batch->loop.deadline_ns = deadline_ns;
    batch->loop.begin_ns = begin_ns;
    return n;
}

size_t weir_batcher_expire(struct weir_batcher *b, uint64_t now_ns, weir_batcher_expired_fn *fn,
                           void *ctx)
{
    weir_assert(b);
    weir_assert(fn);
    if (now_ns < b->deadline_ns)
        return 0;
    size_t n = 0;
    uint64_t next_ns = WEIR_TIME_NEVER;
    struct weir_list *lists[] = {&b->waiting, &b->out};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(lists); i++) {
        WEIR_LIST_FOREACH (link, lists[i]) {
            struct weir_batch *batch = WEIR_CONTAINER_OF(link, struct weir_batch, loop.link);
            if (weir_batch_earlier(batch->loop.deadline_ns, batch->loop.begin_ns) <= now_ns)
                n += expire_batch(b, batch, now_ns, fn, ctx);
            next_ns = weir_batch_earlier(next_ns, batch->loop.deadline_ns);
            next_ns = weir_batch_earlier(next_ns, batch->loop.begin_ns);
        }
    }
    b->deadline_ns = next_ns;
    return n;
}

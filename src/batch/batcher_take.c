/* SPDX-License-Identifier: MIT */
/* Which batch leaves now, and what happens when it comes back.
 *
 * The waiting batches are looked at in order of their oldest row. Cheap ones run on the loop. Of
 * the others, the oldest that is due goes to an idle worker. When none is idle, closed batches may
 * still go ahead into the pool's queue, n_ahead_max of them, so that a worker need not wait for the
 * loop between two batches; an open batch stays and grows, unless a closed one younger than it
 * would overtake it: then it is its turn, full or not, so that a busy model cannot starve a quiet
 * one. Where levels of priority are, an older batch gives its place to the highest level of its own
 * version that may leave. Nor may a busy loop starve a quiet one: workers that always find
 * something queued never become idle, so a batcher that has nothing out with them but private
 * batches gives its oldest batch after WEIR_BATCHER_TURN_NS all the same. */
#include "base/clock.h"
#include "base/macros.h"
#include "batch/batcher_priv.h"

void weir_batcher_close(struct weir_batcher *b, struct weir_batch *batch,
                        enum weir_batch_close reason, uint64_t now_ns)
{
    weir_assert(batch->loop.place == PLACE_WAITING);
    weir_assert(!batch->loop.is_closed);
    struct weir_batcher_lane *lane = batch->loop.lane;
    weir_assert(lane->open == batch);
    lane->open = NULL;
    lane->level->open_cost_ns -= batch->loop.cost_ns;
    batch->loop.is_closed = true;
    batch->close = reason;
    batch->closed_ns = now_ns;
    b->n_closed++;
    b->counters.n_closed[reason]++;
}

/* Takes a closed batch out of the waiting list. */
static void leave(struct weir_batcher *b, struct weir_batch *batch)
{
    weir_assert(batch->loop.place == PLACE_WAITING);
    weir_assert(batch->loop.is_closed);
    struct weir_batcher_version *v = batch->loop.version;
    weir_list_remove(&batch->loop.link);
    b->n_closed--;
    b->waiting_cost_ns -= batch->loop.cost_ns;
    b->load.n_waiting--;
    batch->loop.level->waiting_cost_ns -= batch->loop.cost_ns;
    batch->loop.level->n_waiting--;
    v->n_waiting--;
}

/* Returns the slices and the memory of a batch that is in no list any more. */
static void recycle(struct weir_batcher *b, struct weir_batch *batch)
{
    struct weir_batcher_version *v = batch->loop.version;
    for (struct weir_batch_slice *s = batch->slices; s;) {
        struct weir_batch_slice *next = s->next;
        weir_assert(s->loop.is_answered);
        weir_batcher_uncount(b, s);
        if (b->decode.committed == s)
            b->decode.committed = NULL;
        weir_batcher_slice_release(b, s);
        s = next;
    }
    if (batch->loop.lane)
        batch->loop.lane->n_batches--;
    weir_batcher_batch_release(b, batch);
    weir_batcher_release_if_done(b, v);
}

/* Drops a waiting batch in which nothing is alive. */
static void drop(struct weir_batcher *b, struct weir_batch *batch, uint64_t now_ns)
{
    if (!batch->loop.is_closed) {
        weir_batcher_close(b, batch, WEIR_BATCH_CLOSE_IDLE, now_ns);
        b->counters.n_closed[WEIR_BATCH_CLOSE_IDLE]--; /* it never closed to run */
    }
    leave(b, batch);
    b->counters.n_dropped++;
    recycle(b, batch);
}

/* Returns the time so long before another; none before none. */
static uint64_t before(uint64_t at_ns, uint64_t need_ns)
{
    if (at_ns == WEIR_TIME_NEVER)
        return WEIR_TIME_NEVER;
    return at_ns > need_ns ? at_ns - need_ns : 0;
}

/* Returns when a batch may leave, as far as its own rows are concerned, and why then. */
static uint64_t due_ns(const struct weir_batcher *b, const struct weir_batch *batch,
                       enum weir_batch_close *reason)
{
    uint64_t delay_ns = batch->loop.version->limits.queue_delay_ns_max;
    *reason = WEIR_BATCH_CLOSE_IDLE;
    if (batch->loop.is_closed || delay_ns == 0)
        return 0;
    *reason = WEIR_BATCH_CLOSE_DELAY;
    uint64_t at_ns = weir_clock_add(batch->opened_ns, delay_ns);
    uint64_t need_ns = weir_clock_add(batch->loop.cost_ns, b->handover_ns);
    uint64_t last_ns = weir_batch_earlier(before(batch->loop.deadline_ns, need_ns),
                                          before(batch->loop.begin_ns, b->handover_ns));
    if (last_ns < at_ns) {
        *reason = WEIR_BATCH_CLOSE_DEADLINE;
        return last_ns;
    }
    return at_ns;
}

static bool has_gathered_out(const struct weir_batcher *b)
{
    return b->n_out_pool > b->n_out_private;
}

/* Returns when a batch leaves although no worker is idle, if none of ours is with them. */
static uint64_t turn_ns(const struct weir_batch *batch)
{
    return weir_clock_add(batch->opened_ns, WEIR_BATCHER_TURN_NS);
}

static bool is_cheap(const struct weir_batcher *b, const struct weir_batch *batch)
{
    const struct weir_batcher_limits *limits = &batch->loop.version->limits;
    switch (limits->inline_mode) {
    case WEIR_BATCHER_INLINE_NEVER:
        return false;
    case WEIR_BATCHER_INLINE_ALWAYS:
        return true;
    case WEIR_BATCHER_INLINE_AUTO:
        /* 0: nothing was known when its rows came, which a first run since does not change. */
        return !batch->loop.is_off_loop && batch->loop.cost_ns > 0 &&
               batch->loop.cost_ns < b->handover_ns && batch->loop.cost_ns <= limits->inline_ns_max;
    }
    return false;
}

static enum weir_batcher_take give(struct weir_batcher *b, struct weir_batch *batch, bool is_inline,
                                   enum weir_batch_close reason, uint64_t now_ns,
                                   struct weir_batch **out)
{
    if (!batch->loop.is_closed)
        weir_batcher_close(b, batch, reason, now_ns);
    leave(b, batch);
    batch->is_inline = is_inline;
    batch->loop.place = PLACE_OUT;
    weir_list_push(&b->out, &batch->loop.link);
    b->load.n_out++;
    batch->loop.version->n_out++;
    if (is_inline)
        b->counters.n_inline++;
    else
        b->counters.n_pool++;
    b->n_out_pool += is_inline ? 0 : 1;
    *out = batch;
    return is_inline ? WEIR_BATCHER_TAKE_INLINE : WEIR_BATCHER_TAKE_POOL;
}

/* Returns the batch that leaves in place of one that may: of its version, of the highest level
 * that has one that may leave, the oldest. */
static struct weir_batch *first_of_version(const struct weir_batcher *b, struct weir_batch *batch,
                                           uint64_t now_ns)
{
    const struct weir_batcher_version *v = batch->loop.version;
    struct weir_batch *first = batch;
    if (WEIR_LIKELY(batch->loop.level == v->levels)) /* There is no higher one. */
        return batch;
    bool is_alone = true;
    for (const struct weir_batcher_level *level = v->levels; level < batch->loop.level; level++)
        is_alone = is_alone && level->n_waiting == 0;
    if (is_alone)
        return batch;
    WEIR_LIST_FOREACH (link, &b->waiting) {
        struct weir_batch *other = WEIR_CONTAINER_OF(link, struct weir_batch, loop.link);
        enum weir_batch_close reason;
        if (other->loop.version == v && other->loop.level < first->loop.level &&
            other->loop.n_live > 0 && due_ns(b, other, &reason) <= now_ns)
            first = other;
    }
    return first;
}

enum weir_batcher_take weir_batcher_take(struct weir_batcher *b, uint64_t now_ns, uint32_t n_idle,
                                         struct weir_batch **out)
{
    weir_assert(b);
    weir_assert(out);
    weir_assert(!b->decode.lane);
    b->taken_ns = now_ns;
    b->is_starved = false;
    bool has_room = b->n_out_pool < b->opts.n_workers + b->opts.n_ahead_max;
    struct weir_batch *oldest = NULL; /* due and open, but no worker is idle */
    for (struct weir_list *link = b->waiting.next; link != &b->waiting;) {
        struct weir_batch *batch = WEIR_CONTAINER_OF(link, struct weir_batch, loop.link);
        link = link->next;
        if (batch->loop.n_live == 0) {
            drop(b, batch, now_ns);
            continue;
        }
        enum weir_batch_close reason;
        if (due_ns(b, batch, &reason) > now_ns)
            continue;
        struct weir_batch *first = first_of_version(b, batch, now_ns);
        if (first != batch)
            (void)due_ns(b, first, &reason); /* For the reason: it is due. */
        if (is_cheap(b, first)) {
            if (reason == WEIR_BATCH_CLOSE_IDLE)
                reason = WEIR_BATCH_CLOSE_INLINE;
            return give(b, first, true, reason, now_ns, out);
        }
        if (n_idle > 0)
            return give(b, first, false, reason, now_ns, out);
        b->is_starved = true;
        if (!has_gathered_out(b) && turn_ns(batch) <= now_ns)
            return give(b, first, false, WEIR_BATCH_CLOSE_TURN, now_ns, out);
        if (!batch->loop.is_closed) {
            if (!oldest)
                oldest = first;
        } else if (has_room) {
            return give(b, oldest ? oldest : first, false, WEIR_BATCH_CLOSE_TURN, now_ns, out);
        }
    }
    return WEIR_BATCHER_TAKE_EMPTY;
}

/* Takes a batch out of the out list. */
static void come_back(struct weir_batcher *b, struct weir_batch *batch)
{
    weir_assert(batch->loop.place == PLACE_OUT);
    weir_list_remove(&batch->loop.link);
    b->load.n_out--;
    batch->loop.version->n_out--;
    if (!batch->is_inline) {
        weir_assert(b->n_out_pool > 0);
        b->n_out_pool--;
        b->n_out_private -= batch->is_private;
    }
}

void weir_batcher_put_back(struct weir_batcher *b, struct weir_batch *batch)
{
    weir_assert(b);
    weir_assert(batch);
    weir_assert(!batch->is_inline);
    weir_assert(!batch->is_private);
    come_back(b, batch);
    b->counters.n_pool--;
    batch->loop.place = PLACE_WAITING;
    weir_list_push_front(&b->waiting, &batch->loop.link);
    b->n_closed++;
    b->waiting_cost_ns += batch->loop.cost_ns;
    b->load.n_waiting++;
    batch->loop.level->waiting_cost_ns += batch->loop.cost_ns;
    batch->loop.level->n_waiting++;
    batch->loop.version->n_waiting++;
}

void weir_batcher_finish(struct weir_batcher *b, struct weir_batch *batch, uint64_t run_ns,
                         uint64_t now_ns)
{
    weir_assert(b);
    weir_assert(batch);
    come_back(b, batch);
    if (run_ns > 0 && batch->n_rows > 0) {
        struct weir_batch_cost *cost = batch->loop.lane ? batch->loop.lane->cost
                                       : batch->costly == 0 && !batch->tensors
                                           ? &batch->loop.version->cost
                                           : NULL;
        if (cost)
            weir_batch_cost_add(cost, batch->n_rows, run_ns, now_ns);
    }
    recycle(b, batch);
}

uint64_t weir_batcher_next_ns(const struct weir_batcher *b)
{
    weir_assert(b);
    uint64_t next_ns = b->deadline_ns;
    WEIR_LIST_FOREACH (link, &b->waiting) {
        const struct weir_batch *batch = WEIR_CONTAINER_OF(link, struct weir_batch, loop.link);
        enum weir_batch_close reason;
        uint64_t at_ns = due_ns(b, batch, &reason);
        /* One that was due at the last take waits for a worker, not for time. */
        if (at_ns <= b->taken_ns && b->is_starved && !has_gathered_out(b))
            at_ns = turn_ns(batch);
        if (at_ns > b->taken_ns && at_ns < next_ns)
            next_ns = at_ns;
    }
    return next_ns;
}

bool weir_batcher_has_waiting(const struct weir_batcher *b)
{
    weir_assert(b);
    return b->is_starved;
}

bool weir_batcher_has_closed(const struct weir_batcher *b)
{
    weir_assert(b);
    return b->n_closed > 0;
}

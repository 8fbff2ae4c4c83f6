/* SPDX-License-Identifier: MIT */
/* The batcher itself: versions, bounds, estimates and the life of a slice on the loop. The decode
 * sink is in batcher_decode.c, what leaves and comes back in batcher_take.c, the memory in
 * batcher_store.c. */
#include "batch/batcher.h"

#include "base/clock.h"
#include "base/macros.h"
#include "batch/batcher_priv.h"

static const struct {
    const char *name;
    const char *text;
} refusals[] = {
#define REFUSAL_ROW(code, name, text) {name, text},
    WEIR_BATCHER_REFUSAL_MAP(REFUSAL_ROW)
#undef REFUSAL_ROW
};

_Static_assert(WEIR_ARRAY_LEN(refusals) == WEIR_BATCHER_REFUSAL_N, "WEIR_BATCHER_REFUSAL_N counts");

const char *weir_batcher_refusal_name(enum weir_batcher_refusal refusal)
{
    weir_assert((size_t)refusal < WEIR_BATCHER_REFUSAL_N);
    return refusals[refusal].name;
}

const char *weir_batcher_refusal_text(enum weir_batcher_refusal refusal)
{
    weir_assert((size_t)refusal < WEIR_BATCHER_REFUSAL_N);
    return refusals[refusal].text;
}

/* --- New and free --- */

enum weir_status weir_batcher_new(struct weir_batcher **out, const struct weir_batcher_opts *opts,
                                  struct weir_mem *mem)
{
    weir_assert(out);
    weir_assert(opts);
    weir_assert(opts->n_workers > 0);
    weir_assert(opts->slice_user_bytes <= UINT16_MAX);
    struct weir_batcher *b = weir_mem_zalloc(mem, sizeof *b);
    if (!b)
        return WEIR_ERR_NO_MEMORY;
    b->mem = mem;
    b->opts = *opts;
    if (b->opts.n_ahead_max == 0)
        b->opts.n_ahead_max = opts->n_workers;
    if (b->opts.spare_bytes_max == 0)
        b->opts.spare_bytes_max = WEIR_BATCHER_SPARE_BYTES_MAX_DEFAULT;
    size_t head = (sizeof(struct weir_batch_slice) + 15) & ~(size_t)15;
    b->slice_bytes = head + ((opts->slice_user_bytes + 15) & ~(size_t)15);
    b->decode.sink.ops = &weir_batcher_decode_ops;
    b->deadline_ns = WEIR_TIME_NEVER;
    b->handover_ns = WEIR_BATCHER_HANDOVER_NS_DEFAULT;
    weir_list_init(&b->versions);
    weir_list_init(&b->released);
    weir_list_init(&b->waiting);
    weir_list_init(&b->out);
    weir_list_init(&b->spare);
    *out = b;
    return WEIR_OK;
}

static void version_free(struct weir_batcher *b, struct weir_batcher_version *v)
{
    weir_batcher_lanes_free(b, v);
    weir_mem_free(b->mem, v);
}

static void free_versions(struct weir_batcher *b, struct weir_list *list)
{
    for (struct weir_list *link; (link = weir_list_take(list)) != NULL;)
        version_free(b, WEIR_CONTAINER_OF(link, struct weir_batcher_version, link));
}

static void free_batches(struct weir_batcher *b, struct weir_list *list)
{
    for (struct weir_list *link; (link = weir_list_take(list)) != NULL;)
        weir_batcher_batch_free(b, WEIR_CONTAINER_OF(link, struct weir_batch, loop.link));
}

void weir_batcher_free(struct weir_batcher *b)
{
    if (!b)
        return;
    weir_assert(!b->decode.lane);
    weir_assert(weir_list_is_empty(&b->out));
    free_batches(b, &b->waiting);
    free_batches(b, &b->spare);
    free_versions(b, &b->versions);
    free_versions(b, &b->released);
    while (b->chunks) {
        struct weir_batcher_chunk *chunk = b->chunks;
        b->chunks = chunk->next;
        weir_mem_free(b->mem, chunk);
    }
    weir_mem_free(b->mem, b);
}

/* --- Versions --- */

enum weir_status weir_batcher_add_version(struct weir_batcher_version **out, struct weir_batcher *b,
                                          void *user, const struct weir_batcher_limits *limits,
                                          const struct weir_batch_cost *cost)
{
    weir_assert(out);
    weir_assert(b);
    weir_assert(user);
    struct weir_batcher_version *v = weir_mem_zalloc(b->mem, sizeof *v);
    if (!v)
        return WEIR_ERR_NO_MEMORY;
    v->user = user;
    weir_batcher_set_limits(v, limits);
    if (cost)
        v->cost = *cost;
    weir_list_push(&b->versions, &v->link);
    *out = v;
    return WEIR_OK;
}

void weir_batcher_set_limits(struct weir_batcher_version *v,
                             const struct weir_batcher_limits *limits)
{
    weir_assert(v);
    weir_assert(limits);
    weir_assert(limits->rows_max > 0);
    weir_assert(limits->queue_requests_max > 0);
    v->limits = *limits;
}

static bool is_in_flight(const struct weir_batcher_version *v)
{
    return v->load.n_waiting > 0 || v->load.n_out > 0;
}

void weir_batcher_release_if_done(struct weir_batcher *b, struct weir_batcher_version *v)
{
    if (!v->is_retired || is_in_flight(v))
        return;
    weir_list_remove(&v->link);
    weir_list_push(&b->released, &v->link);
}

void weir_batcher_retire(struct weir_batcher *b, struct weir_batcher_version *v, uint64_t now_ns)
{
    weir_assert(b);
    weir_assert(v);
    weir_assert(!v->is_retired);
    weir_assert(!b->decode.lane || b->decode.version != v);
    for (struct weir_batcher_lane *lane = v->lanes; lane; lane = lane->next) {
        if (lane->open)
            weir_batcher_close(b, lane->open, WEIR_BATCH_CLOSE_VERSION, now_ns);
    }
    v->is_retired = true;
    weir_batcher_release_if_done(b, v);
}

void *weir_batcher_next_released(struct weir_batcher *b)
{
    weir_assert(b);
    struct weir_list *link = weir_list_take(&b->released);
    if (!link)
        return NULL;
    struct weir_batcher_version *v = WEIR_CONTAINER_OF(link, struct weir_batcher_version, link);
    void *user = v->user;
    if (b->decode.version == v)
        b->decode.version = NULL;
    version_free(b, v);
    return user;
}

const struct weir_batch_cost *weir_batcher_cost(const struct weir_batcher_version *v)
{
    weir_assert(v);
    return &v->cost;
}

/* --- Estimates and bounds --- */

void weir_batcher_cost_update(struct weir_batcher *b, struct weir_batch *batch)
{
    struct weir_batcher_lane *lane = batch->loop.lane;
    uint64_t cost_ns = weir_batch_cost_ns(lane->cost, batch->n_rows);
    b->waiting_cost_ns += cost_ns - batch->loop.cost_ns;
    if (!batch->loop.is_closed)
        lane->version->open_cost_ns += cost_ns - batch->loop.cost_ns;
    batch->loop.cost_ns = cost_ns;
}

/* Splits what is ahead of a new request of version v: what waits or is queued, and what is left of
 * the runs that have begun. Its own open batch is not ahead: the request will be part of it. */
static void ahead_of(const struct weir_batcher *b, const struct weir_batcher_version *v,
                     uint64_t now_ns, uint64_t *queued_ns, uint64_t *running_ns)
{
    *queued_ns = b->waiting_cost_ns - (v ? v->open_cost_ns : 0);
    *running_ns = 0;
    WEIR_LIST_FOREACH (link, &b->out) {
        const struct weir_batch *batch = WEIR_CONTAINER_OF(link, struct weir_batch, loop.link);
        uint64_t cost_ns = batch->loop.cost_ns;
        uint64_t started_ns = atomic_load_explicit(&batch->started_ns, memory_order_relaxed);
        uint64_t ran_ns = started_ns > 0 && now_ns > started_ns ? now_ns - started_ns : 0;
        if (started_ns == 0)
            *queued_ns += cost_ns;
        else if (ran_ns < cost_ns)
            *running_ns += cost_ns - ran_ns;
    }
    *queued_ns /= b->opts.n_workers;
    *running_ns /= b->opts.n_workers;
}

uint64_t weir_batcher_wait_ns(const struct weir_batcher *b, const struct weir_batcher_version *v,
                              uint64_t now_ns)
{
    weir_assert(b);
    uint64_t queued_ns;
    uint64_t running_ns;
    ahead_of(b, v, now_ns, &queued_ns, &running_ns);
    return queued_ns + running_ns;
}

static enum weir_batcher_refusal find_refusal(const struct weir_batcher *b,
                                              const struct weir_batcher_version *v,
                                              const struct weir_batch_cost *cost, uint32_t n_rows,
                                              size_t bytes, uint64_t deadline_ns, uint64_t now_ns)
{
    const struct weir_batcher_limits *limits = &v->limits;
    const struct weir_batcher_load *load = &v->load;
    if (load->n_requests > 0) { /* one request is always let in alone, whatever its size */
        if (load->n_requests >= limits->queue_requests_max)
            return WEIR_BATCHER_REFUSAL_REQUESTS;
        if (n_rows > limits->queue_rows_max || load->n_rows > limits->queue_rows_max - n_rows)
            return WEIR_BATCHER_REFUSAL_ROWS;
        if (bytes > limits->queue_bytes_max || load->n_bytes > limits->queue_bytes_max - bytes)
            return WEIR_BATCHER_REFUSAL_BYTES;
    }
    if (deadline_ns <= now_ns)
        return WEIR_BATCHER_REFUSAL_DEADLINE;
    uint64_t queued_ns = 0;
    uint64_t running_ns = 0;
    if (b->load.n_waiting > 0 || b->load.n_out > 0)
        ahead_of(b, v, now_ns, &queued_ns, &running_ns);
    if (queued_ns > limits->queue_ns_max)
        return WEIR_BATCHER_REFUSAL_TIME;
    uint64_t need_ns = queued_ns + running_ns + weir_batch_cost_ns(cost, n_rows);
    return need_ns > deadline_ns - now_ns ? WEIR_BATCHER_REFUSAL_DEADLINE
                                          : WEIR_BATCHER_REFUSAL_NONE;
}

enum weir_batcher_refusal weir_batcher_check(struct weir_batcher *b,
                                             const struct weir_batcher_version *v,
                                             const struct weir_batch_cost *cost, uint32_t n_rows,
                                             size_t bytes, uint64_t deadline_ns, uint64_t now_ns)
{
    enum weir_batcher_refusal why = find_refusal(b, v, cost, n_rows, bytes, deadline_ns, now_ns);
    b->counters.n_refused[why]++;
    return why;
}

enum weir_batcher_refusal weir_batcher_admit(struct weir_batcher *b, struct weir_batcher_version *v,
                                             uint32_t n_rows, uint64_t deadline_ns, uint64_t now_ns)
{
    weir_assert(b);
    weir_assert(v);
    enum weir_batcher_refusal why = find_refusal(b, v, &v->cost, n_rows, 0, deadline_ns, now_ns);
    if (why != WEIR_BATCHER_REFUSAL_NONE)
        b->counters.n_refused[why]++;
    return why;
}

enum weir_batcher_refusal weir_batcher_admit_private(struct weir_batcher *b,
                                                     struct weir_batcher_version *v,
                                                     size_t body_bytes, uint64_t deadline_ns,
                                                     uint64_t now_ns)
{
    weir_assert(b);
    weir_assert(v);
    enum weir_batcher_refusal why =
        find_refusal(b, v, &v->cost, 1, body_bytes, deadline_ns, now_ns);
    if (why != WEIR_BATCHER_REFUSAL_NONE)
        b->counters.n_refused[why]++;
    return why;
}

void weir_batcher_add_handover(struct weir_batcher *b, uint64_t handover_ns)
{
    weir_assert(b);
    /* A moving average over some 16 measurements; one that was preempted counts as four times the
     * estimate at most. */
    uint64_t x = handover_ns < 4 * b->handover_ns ? handover_ns : 4 * b->handover_ns;
    b->handover_ns = b->handover_ns - b->handover_ns / 16 + (x + 8) / 16;
    if (b->handover_ns < WEIR_BATCHER_HANDOVER_NS_MIN)
        b->handover_ns = WEIR_BATCHER_HANDOVER_NS_MIN;
}

uint64_t weir_batcher_handover_ns(const struct weir_batcher *b)
{
    weir_assert(b);
    return b->handover_ns;
}

/* --- Slices on the loop --- */

void weir_batcher_uncount(struct weir_batcher *b, struct weir_batch_slice *slice)
{
    if (!slice->loop.is_counted)
        return;
    slice->loop.is_counted = false;
    struct weir_batcher_version *v = slice->batch->loop.version;
    v->load.n_requests--;
    v->load.n_rows -= slice->loop.n_rows;
    v->load.n_bytes -= slice->loop.bytes;
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

/* Finds a waiting batch's earliest deadline again: it decides when the batch leaves. */
static void find_deadline(struct weir_batch *batch)
{
    uint64_t min_ns = WEIR_TIME_NEVER;
    for (const struct weir_batch_slice *s = batch->slices; s; s = s->next) {
        if (!s->loop.is_answered && s->deadline_ns < min_ns)
            min_ns = s->deadline_ns;
    }
    batch->loop.deadline_ns = min_ns;
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
        if (batch->loop.place == PLACE_WAITING && slice->deadline_ns != WEIR_TIME_NEVER &&
            slice->deadline_ns <= batch->loop.deadline_ns)
            find_deadline(batch);
        return true;
    }
    bool is_running =
        atomic_load_explicit(&slice->state, memory_order_relaxed) == WEIR_BATCH_SLICE_RUNNING;
    if (!was_answered && is_running)
        b->counters.n_abandoned++;
    else if (!was_answered)
        b->counters.n_expired++; /* The worker saw its deadline pass. */
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
        b->counters.n_expired++;
        return WEIR_BATCHER_ANSWER_EXPIRED;
    case WEIR_BATCH_SLICE_CANCELED:
        break; /* cancelling marks as answered */
    }
    weir_assert(!"a canceled slice counts as answered");
    return WEIR_BATCHER_ANSWER_NONE;
}

/* Answers the due slices of one batch and finds its earliest deadline again. */
static size_t expire_batch(struct weir_batcher *b, struct weir_batch *batch, uint64_t now_ns,
                           weir_batcher_expired_fn *fn, void *ctx)
{
    size_t n = 0;
    uint64_t next_ns = WEIR_TIME_NEVER;
    for (struct weir_batch_slice *s = batch->slices; s; s = s->next) {
        if (s->loop.is_answered)
            continue;
        if (s->deadline_ns > now_ns) {
            next_ns = s->deadline_ns < next_ns ? s->deadline_ns : next_ns;
            continue;
        }
        s->loop.is_answered = true;
        n++;
        if (weir_batch_slice_move(s, WEIR_BATCH_SLICE_EXPIRED)) {
            b->counters.n_expired++;
            slice_died(b, s);
        } else if (weir_batch_slice_is_live(s)) {
            b->counters.n_late++;
        } else {
            b->counters.n_expired++; /* the worker saw it first */
        }
        fn(ctx, s);
    }
    batch->loop.deadline_ns = next_ns;
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
            if (batch->loop.deadline_ns <= now_ns)
                n += expire_batch(b, batch, now_ns, fn, ctx);
            if (batch->loop.deadline_ns < next_ns)
                next_ns = batch->loop.deadline_ns;
        }
    }
    b->deadline_ns = next_ns;
    return n;
}

/* --- What is going on --- */

const struct weir_batcher_counters *weir_batcher_counters(const struct weir_batcher *b)
{
    weir_assert(b);
    return &b->counters;
}

struct weir_batcher_load weir_batcher_load(const struct weir_batcher *b,
                                           const struct weir_batcher_version *v)
{
    weir_assert(b);
    return v ? v->load : b->load;
}

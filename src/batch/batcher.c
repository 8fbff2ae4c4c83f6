/* SPDX-License-Identifier: MIT */
/* The batcher itself: versions, bounds and estimates. The decode sink is in batcher_decode.c, the
 * life of a slice in batcher_slice.c, what leaves and comes back in batcher_take.c, the memory in
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
    weir_assert(limits->n_levels <= WEIR_BATCHER_LEVELS_MAX);
    v->limits = *limits;
}

static bool is_in_flight(const struct weir_batcher_version *v)
{
    return v->n_waiting > 0 || v->n_out > 0;
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
    lane->level->waiting_cost_ns += cost_ns - batch->loop.cost_ns;
    if (!batch->loop.is_closed)
        lane->level->open_cost_ns += cost_ns - batch->loop.cost_ns;
    batch->loop.cost_ns = cost_ns;
}

struct weir_batcher_level *weir_batcher_level_of(struct weir_batcher_version *v, uint64_t priority)
{
    uint32_t n = v->limits.n_levels;
    if (n == 0)
        return v->levels;
    uint32_t level = v->limits.default_level;
    if (priority > 0 && priority <= n)
        level = (uint32_t)priority;
    else if (level == 0 || level > n)
        level = n;
    return &v->levels[level - 1];
}

/* Splits what is ahead of a new request of a level of version v (NULL: of any): what waits or is
 * queued, and what is left of the runs that have begun. Its own open batch is not ahead, for the
 * request will be part of it, nor are its version's lower levels. */
static void ahead_of(const struct weir_batcher *b, const struct weir_batcher_version *v,
                     const struct weir_batcher_level *level, uint64_t now_ns, uint64_t *queued_ns,
                     uint64_t *running_ns)
{
    *queued_ns = b->waiting_cost_ns - (level ? level->open_cost_ns : 0);
    if (v && v->limits.n_levels > 1) {
        for (size_t i = (size_t)(level - v->levels) + 1; i < WEIR_BATCHER_LEVELS_MAX; i++)
            *queued_ns -= v->levels[i].waiting_cost_ns;
    }
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
    const struct weir_batcher_level *level = NULL;
    if (v)
        level = &v->levels[v->limits.n_levels > 0 ? v->limits.n_levels - 1 : 0];
    ahead_of(b, v, level, now_ns, &queued_ns, &running_ns);
    return queued_ns + running_ns;
}

static enum weir_batcher_refusal find_refusal(const struct weir_batcher *b,
                                              const struct weir_batcher_version *v,
                                              const struct weir_batcher_level *level,
                                              const struct weir_batch_cost *cost, uint32_t n_rows,
                                              size_t bytes, uint64_t deadline_ns, uint64_t now_ns)
{
    const struct weir_batcher_limits *limits = &v->limits;
    if (level->n_requests > 0) { /* one request is always let in alone, whatever its size */
        if (level->n_requests >= limits->queue_requests_max)
            return WEIR_BATCHER_REFUSAL_REQUESTS;
        if (n_rows > limits->queue_rows_max || level->n_rows > limits->queue_rows_max - n_rows)
            return WEIR_BATCHER_REFUSAL_ROWS;
        if (bytes > limits->queue_bytes_max || level->n_bytes > limits->queue_bytes_max - bytes)
            return WEIR_BATCHER_REFUSAL_BYTES;
    }
    if (deadline_ns <= now_ns)
        return WEIR_BATCHER_REFUSAL_DEADLINE;
    uint64_t queued_ns = 0;
    uint64_t running_ns = 0;
    if (b->load.n_waiting > 0 || b->load.n_out > 0)
        ahead_of(b, v, level, now_ns, &queued_ns, &running_ns);
    if (queued_ns > limits->queue_ns_max)
        return WEIR_BATCHER_REFUSAL_TIME;
    uint64_t need_ns = queued_ns + running_ns + weir_batch_cost_ns(cost, n_rows);
    return need_ns > deadline_ns - now_ns ? WEIR_BATCHER_REFUSAL_DEADLINE
                                          : WEIR_BATCHER_REFUSAL_NONE;
}

enum weir_batcher_refusal weir_batcher_check(struct weir_batcher *b,
                                             const struct weir_batcher_version *v,
                                             const struct weir_batcher_level *level,
                                             const struct weir_batch_cost *cost, uint32_t n_rows,
                                             size_t bytes, uint64_t deadline_ns, uint64_t now_ns)
{
    enum weir_batcher_refusal why =
        find_refusal(b, v, level, cost, n_rows, bytes, deadline_ns, now_ns);
    b->counters.n_refused[why]++;
    return why;
}

enum weir_batcher_refusal weir_batcher_admit(struct weir_batcher *b, struct weir_batcher_version *v,
                                             uint32_t n_rows, uint64_t deadline_ns, uint64_t now_ns)
{
    weir_assert(b);
    weir_assert(v);
    enum weir_batcher_refusal why =
        find_refusal(b, v, v->levels, &v->cost, n_rows, 0, deadline_ns, now_ns);
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
        find_refusal(b, v, v->levels, &v->cost, 1, body_bytes, deadline_ns, now_ns);
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
    if (!v)
        return b->load;
    struct weir_batcher_load load = {.n_waiting = v->n_waiting, .n_out = v->n_out};
    for (size_t i = 0; i < WEIR_BATCHER_LEVELS_MAX; i++) {
        load.n_requests += v->levels[i].n_requests;
        load.n_rows += v->levels[i].n_rows;
        load.n_bytes += v->levels[i].n_bytes;
    }
    return load;
}

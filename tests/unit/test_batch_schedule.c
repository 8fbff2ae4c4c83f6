/* SPDX-License-Identifier: MIT */
/* Random schedules against a slow, obvious model.
 *
 * The model below knows nothing of lanes, lists or lower bounds: it keeps every request and every
 * group of requests there ever was in two arrays, and answers each question by walking them. A
 * schedule is arrivals (some rolled back, some refused), cancellations, deadlines, queue timeouts,
 * levels of priority, iterations of the loop, a pool with few workers that sometimes has no room,
 * private batches, and versions that are retired and replaced, in random order. After every step
 * the two must agree; every row carries its request and its number, so that a row that is lost,
 * moved or run twice is seen. */
#include "base/clock.h"
#include "batch/batcher.h"
#include "test_mem.h"
#include "test_random.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

enum {
    N_STEPS = 1500,
    N_SEEDS = 150,
    N_VERSIONS_MAX = 64,
    N_LIVE_VERSIONS = 3,
    N_SHAPES = 4,
    HANDOVER_NS = WEIR_BATCHER_HANDOVER_NS_DEFAULT,
};

static const struct weir_sink_want shapes[N_SHAPES] = {
    {.n_rows = 1, .n_columns = 2, .dtype = WEIR_F64, .costly = 0},
    {.n_rows = 1, .n_columns = 2, .dtype = WEIR_F32, .costly = 0},
    {.n_rows = 1, .n_columns = 5, .dtype = WEIR_F32, .costly = 0},
    {.n_rows = 1, .n_columns = 2, .dtype = WEIR_F64, .costly = 1u << WEIR_OUTPUT_PREDICT_PROBA},
};

enum request_state { WAITING, RUNNING, CANCELED, EXPIRED };

struct request {
    int version;
    int shape;
    uint32_t n_rows;
    uint64_t deadline_ns;
    uint64_t begin_ns;     /* its run begins before; as the loop knows it, */
    uint64_t own_begin_ns; /* and as the decoder of a private batch does */
    uint32_t level;
    enum request_state state;
    bool is_answered;
    bool is_counted; /* as queued */
    size_t bytes;
    int n_runs;
    int n_answers;
    int group;
    struct weir_batch_slice *slice; /* until its group is finished */
};

enum group_place { OPEN, CLOSED, QUEUED, BUSY, GONE };

struct group {
    int version;
    int shape;
    uint32_t level; /* from 1; of private ones and without levels 1 */
    int first;      /* number of its first request; the others are found by walking */
    uint32_t n_rows;
    uint64_t opened_ns;
    uint64_t started_ns;
    uint64_t cost_ns;
    enum group_place place;
    enum weir_batch_close reason;
    bool is_inline;
    bool is_private;
    bool is_undecoded;
    int rank; /* position among the waiting: smaller is older */
    struct weir_batch *batch;
};

struct version {
    struct weir_batcher_version *v;
    struct weir_batcher_limits limits;
    struct weir_batch_cost cost;
    bool is_retired;
    bool is_released;
};

struct world {
    struct weir_test_random random;
    struct weir_batcher *b;
    struct weir_batcher_opts opts;
    uint64_t now_ns;
    struct request requests[N_STEPS];
    struct group groups[N_STEPS];
    struct version versions[N_VERSIONS_MAX];
    int n_requests;
    int n_groups;
    int n_versions;
    int live[N_LIVE_VERSIONS];
    int n_put_back;         /* makes the rank of a batch that was put back */
    int queue[N_STEPS * 2]; /* the pool's, of groups */
    int n_queue_head;
    int n_queue;
    int n_busy;
    int n_results;
    int n_overdue;
    int n_overtaken; /* times that a batch left before an older one of a lower level */
};

static struct world w;

#define CHECK(cond, ...)                                                                 \
    do {                                                                                 \
        if (!(cond)) {                                                                   \
            fprintf(stderr, "WEIR_TEST_SEED=%llu: ", (unsigned long long)w.random.seed); \
            fprintf(stderr, __VA_ARGS__);                                                \
            fputc('\n', stderr);                                                         \
            cr_assert(cond);                                                             \
        }                                                                                \
    } while (0)

static size_t below(size_t n)
{
    return weir_test_random_below(&w.random, n);
}

static bool chance(size_t percent)
{
    return below(100) < percent;
}

/* --- The model: what ought to be --- */

static size_t row_bytes(int shape)
{
    return shapes[shape].n_columns * weir_dtype_size(shapes[shape].dtype);
}

static uint64_t cost_of(int version, int shape, uint32_t n_rows)
{
    /* Costly outputs have a line of their own, of which nothing is known here. */
    return shapes[shape].costly ? 0 : weir_batch_cost_ns(&w.versions[version].cost, n_rows);
}

static void load_of_level(int version, uint32_t level, struct weir_batcher_load *load)
{
    *load = (struct weir_batcher_load){0};
    for (int i = 0; i < w.n_requests; i++) {
        const struct request *r = &w.requests[i];
        if (r->is_counted && (version < 0 || r->version == version) &&
            (level == 0 || r->level == level)) {
            load->n_requests++;
            load->n_rows += w.groups[r->group].is_private ? 0 : r->n_rows;
            load->n_bytes += r->bytes;
        }
    }
    for (int i = 0; i < w.n_groups; i++) {
        const struct group *g = &w.groups[i];
        if (version >= 0 && g->version != version)
            continue;
        load->n_waiting += g->place == OPEN || g->place == CLOSED;
        load->n_out += g->place == QUEUED || g->place == BUSY;
    }
}

static void load_of(int version, struct weir_batcher_load *load)
{
    load_of_level(version, 0, load);
}

static uint32_t level_of(int version, uint64_t priority)
{
    const struct weir_batcher_limits *limits = &w.versions[version].limits;
    if (limits->n_levels == 0)
        return 1;
    if (priority >= 1 && priority <= limits->n_levels)
        return (uint32_t)priority;
    return limits->default_level > 0 ? limits->default_level : limits->n_levels;
}

static uint64_t begin_ns_of(int version, uint64_t own_ns)
{
    const struct weir_batcher_limits *limits = &w.versions[version].limits;
    uint64_t all = limits->queue_timeout_ns ? w.now_ns + limits->queue_timeout_ns : WEIR_TIME_NEVER;
    uint64_t own = own_ns && limits->takes_queue_timeout ? w.now_ns + own_ns : WEIR_TIME_NEVER;
    return own < all ? own : all;
}

/* Finds whether a request's time is over as far as the loop knows. */
static bool is_over(const struct request *r)
{
    return r->deadline_ns <= w.now_ns || (r->state != RUNNING && r->begin_ns <= w.now_ns);
}

static enum weir_batcher_answer end_of(uint64_t deadline_ns, uint64_t begin_ns)
{
    return begin_ns < deadline_ns ? WEIR_BATCHER_ANSWER_OVERDUE : WEIR_BATCHER_ANSWER_EXPIRED;
}

static int n_alive(int group)
{
    int n = 0;
    for (int i = 0; i < w.n_requests; i++) {
        const struct request *r = &w.requests[i];
        /* The loop does not know what a worker found dead. */
        n += r->group == group && r->is_counted;
    }
    return n;
}

static uint64_t earliest_deadline(int group)
{
    uint64_t min_ns = WEIR_TIME_NEVER;
    for (int i = 0; i < w.n_requests; i++) {
        const struct request *r = &w.requests[i];
        if (r->group == group && !r->is_answered && r->deadline_ns < min_ns)
            min_ns = r->deadline_ns;
    }
    return min_ns;
}

static uint64_t earliest_begin(int group)
{
    uint64_t min_ns = WEIR_TIME_NEVER;
    for (int i = 0; i < w.n_requests; i++) {
        const struct request *r = &w.requests[i];
        if (r->group == group && !r->is_answered && r->begin_ns < min_ns)
            min_ns = r->begin_ns;
    }
    return min_ns;
}

static enum weir_batcher_refusal expected_refusal(int version, uint32_t level, int shape,
                                                  uint32_t n_rows, uint64_t deadline_ns)
{
    const struct weir_batcher_limits *limits = &w.versions[version].limits;
    struct weir_batcher_load load;
    load_of_level(version, level, &load);
    size_t bytes = n_rows * row_bytes(shape);
    if (bytes > limits->request_bytes_max)
        return WEIR_BATCHER_REFUSAL_SIZE;
    if (load.n_requests > 0) {
        if (load.n_requests + 1 > limits->queue_requests_max)
            return WEIR_BATCHER_REFUSAL_REQUESTS;
        if (load.n_rows + n_rows > limits->queue_rows_max)
            return WEIR_BATCHER_REFUSAL_ROWS;
        if (load.n_bytes + bytes > limits->queue_bytes_max)
            return WEIR_BATCHER_REFUSAL_BYTES;
    }
    if (deadline_ns <= w.now_ns)
        return WEIR_BATCHER_REFUSAL_DEADLINE;
    uint64_t queued_ns = 0;
    uint64_t running_ns = 0;
    for (int i = 0; i < w.n_groups; i++) {
        const struct group *g = &w.groups[i];
        bool is_behind = g->version == version && g->level > level;
        bool is_joined = g->version == version && g->level == level && g->place == OPEN;
        if (g->place == QUEUED ||
            ((g->place == CLOSED || g->place == OPEN) && !is_behind && !is_joined))
            queued_ns += g->cost_ns;
        if (g->place == BUSY && g->started_ns + g->cost_ns > w.now_ns)
            running_ns += g->started_ns + g->cost_ns - w.now_ns;
    }
    queued_ns /= w.opts.n_workers;
    running_ns /= w.opts.n_workers;
    if (queued_ns > limits->queue_ns_max)
        return WEIR_BATCHER_REFUSAL_TIME;
    if (w.now_ns + queued_ns + running_ns + cost_of(version, shape, n_rows) > deadline_ns)
        return WEIR_BATCHER_REFUSAL_DEADLINE;
    return WEIR_BATCHER_REFUSAL_NONE;
}

static int open_group(int version, uint32_t level, int shape)
{
    for (int i = 0; i < w.n_groups; i++) {
        const struct group *g = &w.groups[i];
        if (g->place == OPEN && g->version == version && g->level == level && g->shape == shape)
            return i;
    }
    return -1;
}

static void close_group(int group, enum weir_batch_close reason)
{
    w.groups[group].place = CLOSED;
    w.groups[group].reason = reason;
}

/* Puts an admitted request where it belongs. */
static void gather(int request)
{
    struct request *r = &w.requests[request];
    uint32_t rows_max = w.versions[r->version].limits.rows_max;
    int group = open_group(r->version, r->level, r->shape);
    if (group >= 0 && w.groups[group].n_rows + r->n_rows > rows_max) {
        close_group(group, WEIR_BATCH_CLOSE_FULL);
        group = -1;
    }
    if (group < 0) {
        group = w.n_groups++;
        w.groups[group] = (struct group){.version = r->version,
                                         .shape = r->shape,
                                         .level = r->level,
                                         .first = request,
                                         .opened_ns = w.now_ns,
                                         .place = OPEN,
                                         .rank = group};
    }
    struct group *g = &w.groups[group];
    r->group = group;
    g->n_rows += r->n_rows;
    g->cost_ns = cost_of(g->version, g->shape, g->n_rows);
    if (g->n_rows >= rows_max)
        close_group(group, r->n_rows > rows_max ? WEIR_BATCH_CLOSE_LARGE : WEIR_BATCH_CLOSE_FULL);
}

static uint64_t due_ns(int group, enum weir_batch_close *reason)
{
    const struct group *g = &w.groups[group];
    uint64_t delay_ns = w.versions[g->version].limits.queue_delay_ns_max;
    *reason = WEIR_BATCH_CLOSE_IDLE;
    if (g->place == CLOSED || delay_ns == 0)
        return 0;
    *reason = WEIR_BATCH_CLOSE_DELAY;
    uint64_t at_ns = g->opened_ns + delay_ns;
    uint64_t deadline_ns = earliest_deadline(group);
    uint64_t begin_ns = earliest_begin(group);
    uint64_t spare_ns = g->cost_ns + HANDOVER_NS;
    uint64_t last_ns = WEIR_TIME_NEVER;
    if (deadline_ns != WEIR_TIME_NEVER)
        last_ns = deadline_ns > spare_ns ? deadline_ns - spare_ns : 0;
    if (begin_ns != WEIR_TIME_NEVER && (begin_ns < HANDOVER_NS || begin_ns - HANDOVER_NS < last_ns))
        last_ns = begin_ns > HANDOVER_NS ? begin_ns - HANDOVER_NS : 0;
    if (last_ns < at_ns)
        *reason = WEIR_BATCH_CLOSE_DEADLINE;
    return last_ns < at_ns ? last_ns : at_ns;
}

static bool is_cheap(const struct group *g)
{
    const struct version *v = &w.versions[g->version];
    return v->limits.inline_mode == WEIR_BATCHER_INLINE_ALWAYS ||
           (v->limits.inline_mode == WEIR_BATCHER_INLINE_AUTO && !shapes[g->shape].costly &&
            g->cost_ns > 0 && g->cost_ns < HANDOVER_NS && g->cost_ns <= v->limits.inline_ns_max);
}

/* The waiting group of the next higher rank; −1: none. */
static int next_waiting(int rank)
{
    int best = -1;
    for (int i = 0; i < w.n_groups; i++) {
        const struct group *g = &w.groups[i];
        if ((g->place == OPEN || g->place == CLOSED) && g->rank > rank &&
            (best < 0 || g->rank < w.groups[best].rank))
            best = i;
    }
    return best;
}

static int n_out_pool(void)
{
    int n = 0;
    for (int i = 0; i < w.n_groups; i++) {
        const struct group *g = &w.groups[i];
        n += (g->place == QUEUED || g->place == BUSY) && !g->is_inline;
    }
    return n;
}

static int n_idle(void)
{
    int n = (int)w.opts.n_workers - w.n_busy - (w.n_queue - w.n_queue_head);
    return n > 0 ? n : 0;
}

/* Finds whether a batch of small requests is on a worker or queued for one. */
static bool has_gathered_out(void)
{
    for (int i = 0; i < w.n_groups; i++) {
        const struct group *g = &w.groups[i];
        if ((g->place == QUEUED || g->place == BUSY) && !g->is_private)
            return true;
    }
    return false;
}

/* The group that goes in place of one that may: the highest level of its version, the oldest of it.
 */
static int best_of_version(int group)
{
    int best = group;
    for (int i = -N_STEPS * 10; (i = next_waiting(i)) >= 0; i = w.groups[i].rank) {
        const struct group *g = &w.groups[i];
        enum weir_batch_close reason;
        if (g->version == w.groups[group].version && g->level < w.groups[best].level &&
            n_alive(i) > 0 && due_ns(i, &reason) <= w.now_ns)
            best = i;
    }
    return best;
}

/* Which group is to leave now, and how; −1: none. Groups in which nobody is alive vanish. */
static int expected_take(bool *is_inline, enum weir_batch_close *reason)
{
    bool has_room = n_out_pool() < (int)(2 * w.opts.n_workers);
    int oldest = -1;
    for (int i = -N_STEPS * 10; (i = next_waiting(i)) >= 0; i = w.groups[i].rank) {
        struct group *g = &w.groups[i];
        if (n_alive(i) == 0) {
            g->place = GONE;
            continue;
        }
        if (due_ns(i, reason) > w.now_ns)
            continue;
        int best = best_of_version(i);
        (void)due_ns(best, reason);
        *is_inline = is_cheap(&w.groups[best]);
        if (*is_inline || n_idle() > 0)
            return best;
        if (!has_gathered_out() && g->opened_ns + WEIR_BATCHER_TURN_NS <= w.now_ns) {
            *reason = WEIR_BATCH_CLOSE_TURN;
            return best;
        }
        if (g->place == OPEN && oldest < 0)
            oldest = best;
        if (g->place == CLOSED && has_room) {
            *reason = WEIR_BATCH_CLOSE_TURN;
            return oldest >= 0 ? oldest : best;
        }
    }
    return -1;
}

/* --- Steps: both sides at once --- */

static void add_version(int slot)
{
    int i = w.n_versions++;
    struct version *v = &w.versions[i];
    *v = (struct version){.limits = WEIR_BATCHER_LIMITS_INIT};
    v->limits.rows_max = (uint32_t)(1 + below(20));
    v->limits.queue_delay_ns_max = chance(30) ? 1 + below(200000) : 0;
    v->limits.inline_mode = (enum weir_batcher_inline)below(3);
    v->limits.inline_ns_max = below(20000);
    if (chance(50)) {
        v->limits.n_levels = (uint32_t)(1 + below(4));
        v->limits.default_level = (uint32_t)below(v->limits.n_levels + 1);
    }
    v->limits.queue_timeout_ns = chance(30) ? 1 + below(200000) : 0;
    v->limits.takes_queue_timeout = chance(70);
    if (chance(50)) {
        v->limits.queue_requests_max = (uint32_t)(1 + below(30));
        v->limits.queue_rows_max = (uint32_t)(1 + below(100));
        v->limits.queue_bytes_max = 1 + below(4000);
        v->limits.request_bytes_max = 1 + below(4000);
        v->limits.queue_ns_max = below(1000000);
    }
    weir_batch_cost_init(&v->cost);
    if (chance(60))
        weir_batch_cost_seed(&v->cost, (double)below(20000), (double)below(2000));
    CHECK(weir_batcher_add_version(&v->v, w.b, v, &v->limits, &v->cost) == WEIR_OK, "add");
    w.live[slot] = i;
}

static void fill(const struct weir_sink_span *span, int request, size_t n_rows, size_t n_columns)
{
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t j = 0; j < n_columns; j++) {
            char *at = (char *)span->base + i * span->row_stride + j * span->column_stride;
            int value = request * 1000 + (int)i;
            if (span->dtype == WEIR_F64)
                *(double *)(void *)at = value;
            else
                *(float *)(void *)at = (float)value;
        }
    }
}

static int value_at(const struct weir_batch *batch, size_t row, size_t column)
{
    size_t at = row * batch->n_columns + column;
    return batch->dtype == WEIR_F64 ? (int)((const double *)batch->rows)[at]
                                    : (int)((const float *)batch->rows)[at];
}

static uint64_t random_deadline(void)
{
    return chance(50) ? WEIR_TIME_NEVER : w.now_ns + below(chance(50) ? 20000 : 400000);
}

static uint64_t random_timeout(void)
{
    return chance(60) ? 0 : 1 + below(chance(50) ? 20000 : 400000);
}

static uint32_t random_rows(void)
{
    return (uint32_t)(chance(80) ? 1 + below(3) : 1 + below(40));
}

static void step_arrive(void)
{
    int version = w.live[below(N_LIVE_VERSIONS)];
    int shape = (int)below(N_SHAPES);
    uint64_t deadline_ns = random_deadline();
    uint32_t n_rows = random_rows();
    struct weir_sink_want want = shapes[shape];
    want.n_rows = n_rows;
    want.priority = chance(50) ? 0 : below(6);
    want.queue_timeout_ns = random_timeout();
    uint32_t level = level_of(version, want.priority);
    enum weir_batcher_refusal expected =
        expected_refusal(version, level, shape, n_rows, deadline_ns);
    struct weir_sink *sink = weir_batcher_decode(w.b, w.versions[version].v, deadline_ns, w.now_ns);
    struct weir_sink_span span;
    enum weir_status status = weir_sink_reserve(sink, &want, &span, NULL);
    CHECK(weir_batcher_refused(w.b) == expected, "refused for %d, not %d",
          weir_batcher_refused(w.b), expected);
    CHECK((status == WEIR_OK) == (expected == WEIR_BATCHER_REFUSAL_NONE), "status %d", status);
    if (status != WEIR_OK) {
        CHECK(!weir_batcher_committed(w.b), "a slice of a refused request");
        return;
    }
    int request = w.n_requests;
    fill(&span, request, n_rows, want.n_columns);
    if (chance(10)) {
        weir_sink_rollback(sink);
        CHECK(!weir_batcher_committed(w.b), "a slice of a failed decode");
        return;
    }
    weir_sink_commit(sink, 1u << WEIR_OUTPUT_PREDICT);
    w.n_requests++;
    w.requests[request] = (struct request){.version = version,
                                           .shape = shape,
                                           .n_rows = n_rows,
                                           .deadline_ns = deadline_ns,
                                           .begin_ns = begin_ns_of(version, want.queue_timeout_ns),
                                           .level = level,
                                           .is_counted = true,
                                           .bytes = n_rows * row_bytes(shape),
                                           .slice = weir_batcher_committed(w.b)};
    w.requests[request].own_begin_ns = w.requests[request].begin_ns;
    *(int *)w.requests[request].slice->user = request;
    gather(request);
}

static void step_private(void)
{
    int version = w.live[below(N_LIVE_VERSIONS)];
    int group = w.n_groups++;
    int request = w.n_requests++;
    uint64_t deadline_ns = random_deadline();
    struct group *g = &w.groups[group];
    *g = (struct group){.version = version,
                        .shape = (int)below(N_SHAPES),
                        .level = 1,
                        .first = request,
                        .opened_ns = w.now_ns,
                        .place = QUEUED,
                        .reason = WEIR_BATCH_CLOSE_PRIVATE,
                        .is_private = true,
                        .rank = group};
    size_t bytes = 1 + below(3000);
    CHECK(weir_batcher_private(&g->batch, w.b, w.versions[version].v, bytes, deadline_ns,
                               w.now_ns) == WEIR_OK,
          "private");
    w.requests[request] = (struct request){.version = version,
                                           .shape = g->shape,
                                           .n_rows = random_rows(),
                                           .deadline_ns = deadline_ns,
                                           .begin_ns = begin_ns_of(version, 0),
                                           .level = 1,
                                           .is_counted = true,
                                           .bytes = bytes,
                                           .group = group,
                                           .slice = g->batch->slices};
    w.requests[request].own_begin_ns = w.requests[request].begin_ns;
    *(int *)g->batch->slices->user = request;
    w.queue[w.n_queue++] = group;
}

static void step_cancel(void)
{
    if (w.n_requests == 0)
        return;
    struct request *r = &w.requests[below((size_t)w.n_requests)];
    if (r->is_answered)
        return;
    bool expected = r->state != RUNNING;
    CHECK(weir_batcher_cancel(w.b, r->slice) == expected, "cancel");
    r->is_answered = true;
    r->n_answers++;
    if (r->state == WAITING) {
        r->state = CANCELED;
        r->is_counted = false;
    }
}

static void on_expired(void *ctx, struct weir_batch_slice *slice, enum weir_batcher_answer answer)
{
    (void)ctx;
    struct request *r = &w.requests[*(int *)slice->user];
    CHECK(r->slice == slice, "another slice");
    CHECK(is_over(r), "expired too early");
    CHECK(answer == (r->state == RUNNING ? WEIR_BATCHER_ANSWER_EXPIRED
                                         : end_of(r->deadline_ns, r->begin_ns)),
          "expired for the other reason");
    CHECK(!r->is_answered, "expired twice");
    r->is_answered = true;
    r->n_answers++;
    if (r->state == WAITING) {
        r->state = EXPIRED;
        r->is_counted = false;
    }
}

static void begin(int group)
{
    struct group *g = &w.groups[group];
    struct weir_batch *batch = g->batch;
    if (g->is_private) {
        struct request *r = &w.requests[g->first];
        CHECK(weir_batch_is_wanted(batch) == (r->state == WAITING), "wanted");
        struct weir_sink *sink = weir_batch_private_sink(batch);
        struct weir_sink_want want = shapes[g->shape];
        want.n_rows = r->n_rows;
        want.queue_timeout_ns = random_timeout();
        const struct weir_batcher_limits *limits = &w.versions[g->version].limits;
        uint64_t own_ns = g->opened_ns + want.queue_timeout_ns;
        bool is_over_now;
        bool is_overdue;
        is_over_now = weir_batch_is_late(batch, w.now_ns, &is_overdue);
        CHECK(is_over_now == (r->deadline_ns <= w.now_ns || r->begin_ns <= w.now_ns), "late");
        CHECK(is_overdue == (r->begin_ns < r->deadline_ns), "overdue");
        struct weir_sink_span span;
        if (weir_sink_reserve(sink, &want, &span, NULL) != WEIR_OK || chance(20)) {
            g->is_undecoded = true;
            if (r->n_rows * row_bytes(g->shape) <= w.versions[g->version].limits.request_bytes_max)
                weir_sink_rollback(sink);
            g->place = BUSY;
            g->started_ns = w.now_ns;
            return;
        }
        if (want.queue_timeout_ns > 0 && limits->takes_queue_timeout && own_ns < r->own_begin_ns)
            r->own_begin_ns = own_ns;
        fill(&span, g->first, r->n_rows, want.n_columns);
        weir_sink_commit(sink, 1u << WEIR_OUTPUT_PREDICT);
    }
    uint32_t n_rows = weir_batch_begin(batch, w.now_ns);
    uint32_t expected_rows = 0;
    struct weir_batch_slice *slice = batch->slices;
    for (int i = 0; i < w.n_requests; i++) {
        struct request *r = &w.requests[i];
        if (r->group != group)
            continue;
        CHECK(slice && *(int *)slice->user == i, "request %d is not where it arrived", i);
        if (r->state == WAITING)
            r->state =
                r->deadline_ns <= w.now_ns || r->own_begin_ns <= w.now_ns ? EXPIRED : RUNNING;
        CHECK(weir_batch_slice_is_live(slice) == (r->state == RUNNING), "request %d", i);
        if (r->state == RUNNING) {
            CHECK(slice->row == expected_rows, "row");
            for (uint32_t k = 0; k < r->n_rows; k++) {
                for (uint32_t c = 0; c < batch->n_columns; c++)
                    CHECK(value_at(batch, slice->row + k, c) == i * 1000 + (int)k,
                          "request %d row %u", i, k);
            }
            expected_rows += r->n_rows;
            r->n_runs++;
        }
        slice = slice->next;
    }
    CHECK(!slice, "a slice of no request");
    CHECK(n_rows == expected_rows && batch->n_rows == n_rows, "live rows");
    g->place = BUSY;
    g->started_ns = w.now_ns > 0 ? w.now_ns : 1;
}

static void finish(int group)
{
    struct group *g = &w.groups[group];
    weir_batch_end(g->batch, w.now_ns);
    for (struct weir_batch_slice *s = g->batch->slices; s; s = s->next) {
        struct request *r = &w.requests[*(int *)s->user];
        enum weir_batcher_answer expected =
            r->is_answered                                     ? WEIR_BATCHER_ANSWER_NONE
            : r->state == WAITING                              ? WEIR_BATCHER_ANSWER_UNRUN
            : r->state == RUNNING && r->deadline_ns > w.now_ns ? WEIR_BATCHER_ANSWER_RESULT
            : r->state == RUNNING                              ? WEIR_BATCHER_ANSWER_EXPIRED
                                  : end_of(r->deadline_ns, r->own_begin_ns);
        CHECK(weir_batcher_answer(w.b, s, w.now_ns) == expected, "answer");
        if (expected != WEIR_BATCHER_ANSWER_NONE)
            r->n_answers++;
        w.n_results += expected == WEIR_BATCHER_ANSWER_RESULT;
        w.n_overdue += expected == WEIR_BATCHER_ANSWER_OVERDUE;
        r->is_answered = true;
        r->is_counted = false;
        r->slice = NULL;
    }
    weir_batcher_finish(w.b, g->batch, 0, w.now_ns);
    g->place = GONE;
    g->batch = NULL;
}

/* Strictness, said once more in its own words: nothing of a higher level that could have left stays
 * behind, and rows of two levels are never in one batch. */
static void check_levels(int taken)
{
    const struct group *g = &w.groups[taken];
    for (int i = 0; i < w.n_groups; i++) {
        const struct group *other = &w.groups[i];
        if (other->version != g->version || (other->place != OPEN && other->place != CLOSED))
            continue;
        enum weir_batch_close reason;
        CHECK(other->level >= g->level || n_alive(i) == 0 || due_ns(i, &reason) > w.now_ns,
              "group %d of level %u leaves before group %d of level %u", taken, g->level, i,
              other->level);
        w.n_overtaken += other->level > g->level && other->rank < g->rank;
    }
    for (int i = 0; i < w.n_requests; i++)
        CHECK(w.requests[i].group != taken || w.requests[i].slice == NULL ||
                  w.requests[i].level == g->level,
              "request %d is in a batch of another level", i);
}

static void take_all(void)
{
    for (;;) {
        bool is_inline = false;
        enum weir_batch_close reason = WEIR_BATCH_CLOSE_IDLE;
        int idle = n_idle();
        int expected = expected_take(&is_inline, &reason);
        struct weir_batch *batch = NULL;
        enum weir_batcher_take got = weir_batcher_take(w.b, w.now_ns, (uint32_t)idle, &batch);
        CHECK((got == WEIR_BATCHER_TAKE_EMPTY) == (expected < 0), "took %d, expected group %d", got,
              expected);
        if (expected < 0)
            return;
        struct group *g = &w.groups[expected];
        if (g->place == OPEN)
            close_group(expected, is_inline && reason == WEIR_BATCH_CLOSE_IDLE
                                      ? WEIR_BATCH_CLOSE_INLINE
                                      : reason);
        CHECK(*(int *)batch->slices->user == g->first,
              "took %s group %d (rank %d), not group %d (rank %d)",
              weir_batch_close_name(batch->close), w.requests[*(int *)batch->slices->user].group,
              w.groups[w.requests[*(int *)batch->slices->user].group].rank, expected, g->rank);
        CHECK((got == WEIR_BATCHER_TAKE_INLINE) == is_inline, "inline or not");
        CHECK(batch->version == &w.versions[g->version], "version");
        CHECK(batch->dtype == shapes[g->shape].dtype, "type");
        CHECK(batch->n_columns == shapes[g->shape].n_columns, "columns");
        CHECK(batch->costly == shapes[g->shape].costly, "costly");
        CHECK(batch->n_rows == g->n_rows, "rows %u, not %u", batch->n_rows, g->n_rows);
        CHECK(batch->close == g->reason, "closed for %s, not %s",
              weir_batch_close_name(batch->close), weir_batch_close_name(g->reason));
        CHECK(batch->opened_ns == g->opened_ns, "opened");
        check_levels(expected);
        g->batch = batch;
        g->is_inline = is_inline;
        if (!is_inline && chance(5)) {
            weir_batcher_put_back(w.b, batch);
            g->rank = -1 - w.n_put_back++;
            return;
        }
        g->place = QUEUED;
        if (is_inline) {
            begin(expected);
            finish(expected);
        } else {
            w.queue[w.n_queue++] = expected;
        }
    }
}

static void step_worker(void)
{
    if (w.n_queue_head < w.n_queue && (w.n_busy < (int)w.opts.n_workers)) {
        int group = w.queue[w.n_queue_head++];
        w.n_busy += 1;
        begin(group);
        return;
    }
    for (int i = 0; i < w.n_groups; i++) {
        if (w.groups[i].place == BUSY && chance(60)) {
            w.n_busy--;
            finish(i);
            return;
        }
    }
}

static void step_iteration(void)
{
    size_t n_due = 0;
    for (int i = 0; i < w.n_requests; i++)
        n_due += w.requests[i].slice && !w.requests[i].is_answered && is_over(&w.requests[i]);
    uint64_t next_ns = weir_batcher_next_ns(w.b);
    CHECK(n_due == 0 || next_ns <= w.now_ns, "a deadline would be missed");
    size_t n = weir_batcher_expire(w.b, w.now_ns, on_expired, NULL);
    CHECK(n == n_due, "%zu expired, not %zu", n, n_due);
    int n_put_back = w.n_put_back;
    take_all();
    if (w.n_put_back > n_put_back)
        return;
    /* Work conservation, said once more in its own words. */
    next_ns = weir_batcher_next_ns(w.b);
    for (int i = 0; i < w.n_groups; i++) {
        const struct group *g = &w.groups[i];
        if (g->place != OPEN && g->place != CLOSED)
            continue;
        enum weir_batch_close reason;
        uint64_t at_ns = due_ns(i, &reason);
        CHECK(at_ns > w.now_ns || n_idle() == 0, "group %d waits beside an idle worker", i);
        CHECK(at_ns > w.now_ns || weir_batcher_has_waiting(w.b), "an idle worker would not ask");
        CHECK(at_ns <= w.now_ns || next_ns <= at_ns, "it would be taken too late");
        CHECK(at_ns > w.now_ns || has_gathered_out() ||
                  next_ns <= g->opened_ns + WEIR_BATCHER_TURN_NS,
              "it would starve");
    }
}

static void step_retire(void)
{
    if (w.n_versions == N_VERSIONS_MAX)
        return;
    size_t slot = below(N_LIVE_VERSIONS);
    int version = w.live[slot];
    weir_batcher_retire(w.b, w.versions[version].v, w.now_ns);
    w.versions[version].is_retired = true;
    for (int i = 0; i < w.n_groups; i++) {
        if (w.groups[i].version == version && w.groups[i].place == OPEN)
            close_group(i, WEIR_BATCH_CLOSE_VERSION);
    }
    add_version((int)slot);
}

static void check_released(void)
{
    for (void *user; (user = weir_batcher_next_released(w.b)) != NULL;) {
        struct version *v = user;
        CHECK(v->is_retired && !v->is_released, "released once, after retiring");
        v->is_released = true;
    }
    for (int i = 0; i < w.n_versions; i++) {
        struct weir_batcher_load load;
        load_of(i, &load);
        bool is_done = w.versions[i].is_retired && load.n_waiting == 0 && load.n_out == 0;
        CHECK(w.versions[i].is_released == is_done, "version %d: released when nothing is left", i);
    }
}

static void check_loads(void)
{
    for (int i = -1; i < w.n_versions; i++) {
        if (i >= 0 && w.versions[i].is_released)
            continue;
        struct weir_batcher_load want;
        load_of(i, &want);
        struct weir_batcher_load got = weir_batcher_load(w.b, i < 0 ? NULL : w.versions[i].v);
        CHECK(got.n_requests == want.n_requests && got.n_rows == want.n_rows &&
                  got.n_bytes == want.n_bytes && got.n_waiting == want.n_waiting &&
                  got.n_out == want.n_out,
              "load of %d: %u %u %zu %u %u, not %u %u %zu %u %u", i, got.n_requests, got.n_rows,
              got.n_bytes, got.n_waiting, got.n_out, want.n_requests, want.n_rows, want.n_bytes,
              want.n_waiting, want.n_out);
    }
}

static void run_schedule(uint64_t seed)
{
    w.n_requests = w.n_groups = w.n_versions = w.n_put_back = 0;
    w.n_queue = w.n_queue_head = w.n_busy = w.n_results = 0;
    w.n_overdue = w.n_overtaken = 0;
    w.now_ns = 0;
    weir_test_random_init(&w.random, seed);
    w.opts = (struct weir_batcher_opts){.n_workers = (uint32_t)(1 + below(3)),
                                        .slice_user_bytes = sizeof(int),
                                        .spare_bytes_max = chance(50) ? 1 : 0};
    CHECK(weir_batcher_new(&w.b, &w.opts, test_mem()) == WEIR_OK, "new");
    for (int i = 0; i < N_LIVE_VERSIONS; i++)
        add_version(i);
    size_t busy = 10 + below(50); /* how much arrives, how much gets done */
    for (int step = 0; step < N_STEPS; step++) {
        size_t what = below(100);
        if (what < busy)
            step_arrive();
        else if (what < busy + 5)
            step_cancel();
        else if (what < busy + 7)
            step_private();
        else if (what < busy + 8)
            step_retire();
        else if (what < busy + 20)
            w.now_ns += below(chance(90) ? 5000 : 300000);
        else if (what < busy + 30)
            step_iteration();
        else
            step_worker();
        check_released();
        if (step % 16 == 0)
            check_loads();
    }
    /* Everything that was let in comes to an end. */
    for (int round = 0; round < 100000; round++) {
        w.now_ns += 10000;
        step_iteration();
        step_worker();
        struct weir_batcher_load load;
        load_of(-1, &load);
        if (load.n_waiting + load.n_out == 0)
            break;
    }
    check_loads();
    for (int i = 0; i < w.n_requests; i++) {
        const struct request *r = &w.requests[i];
        CHECK(r->n_answers == 1, "request %d has %d answers", i, r->n_answers);
        CHECK(r->n_runs <= 1, "request %d ran %d times", i, r->n_runs);
        CHECK(r->n_runs == (r->state == RUNNING), "request %d", i);
    }
    weir_batcher_free(w.b);
    CHECK(test_mem_n_live() == 0, "%lld blocks leaked", (long long)test_mem_n_live());
}

Test(batch_schedule, random_schedules_agree_with_the_model)
{
    if (getenv("WEIR_TEST_SEED")) {
        run_schedule(0); /* of this seed only */
        return;
    }
    int n_results = 0;
    int n_overdue = 0;
    int n_overtaken = 0;
    for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
        run_schedule(seed * 7919);
        n_results += w.n_results;
        n_overdue += w.n_overdue;
        n_overtaken += w.n_overtaken;
    }
    cr_assert_gt(n_results, N_SEEDS * 50, "%d", n_results);
    cr_assert_gt(n_overdue, N_SEEDS, "%d", n_overdue);
    cr_assert_gt(n_overtaken, N_SEEDS, "%d", n_overtaken);
}

/* One worker that takes 1 ms a batch, 10 requests each 100 µs: twice what it could do one by one.
 */
Test(batch_schedule, under_saturation_batches_grow_to_the_limit)
{
    struct weir_batcher *b;
    struct weir_batcher_version *v;
    struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    limits.rows_max = 32;
    limits.queue_requests_max = 1000000;
    const struct weir_batcher_opts opts = {.n_workers = 1, .slice_user_bytes = sizeof(int)};
    cr_assert_eq(weir_batcher_new(&b, &opts, test_mem()), WEIR_OK);
    cr_assert_eq(weir_batcher_add_version(&v, b, &limits, &limits, NULL), WEIR_OK);
    struct weir_batch *queue[8];
    int n_queue = 0;
    uint64_t end_ns = 0;
    int n_full = 0;
    int n_batches = 0;
    for (uint64_t now_ns = 0; now_ns < 100 * WEIR_NS_PER_MS; now_ns += 100 * WEIR_NS_PER_US) {
        for (int i = 0; i < 10; i++) {
            struct weir_sink *sink = weir_batcher_decode(b, v, WEIR_TIME_NEVER, now_ns);
            struct weir_sink_span span;
            cr_assert_eq(weir_sink_reserve(sink, &shapes[0], &span, NULL), WEIR_OK);
            fill(&span, 0, 1, shapes[0].n_columns);
            weir_sink_commit(sink, 1u << WEIR_OUTPUT_PREDICT);
        }
        if (n_queue > 0 && now_ns >= end_ns) {
            struct weir_batch *batch = queue[0];
            memmove(queue, queue + 1, (size_t)--n_queue * sizeof queue[0]);
            cr_assert_gt(weir_batch_begin(batch, now_ns), 0);
            n_batches++;
            n_full += batch->n_rows == limits.rows_max;
            for (struct weir_batch_slice *s = batch->slices; s; s = s->next)
                (void)weir_batcher_answer(b, s, now_ns);
            weir_batcher_finish(b, batch, 0, now_ns);
            end_ns = now_ns + WEIR_NS_PER_MS;
        }
        struct weir_batch *batch;
        while (weir_batcher_take(b, now_ns, n_queue == 0 ? 1 : 0, &batch) !=
               WEIR_BATCHER_TAKE_EMPTY) {
            if (n_queue == 0)
                end_ns = now_ns + WEIR_NS_PER_MS;
            queue[n_queue++] = batch;
        }
    }
    cr_assert_gt(n_batches, 80);
    cr_assert_geq(n_full, n_batches - 2, "%d of %d batches were full", n_full, n_batches);
    for (int i = 0; i < n_queue; i++) {
        for (struct weir_batch_slice *s = queue[i]->slices; s; s = s->next)
            (void)weir_batcher_answer(b, s, end_ns);
        weir_batcher_finish(b, queue[i], 0, end_ns);
    }
    weir_batcher_free(b);
    cr_assert_eq(test_mem_n_live(), 0);
}

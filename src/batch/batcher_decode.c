/* SPDX-License-Identifier: MIT */
/* The sink of the batcher: one request's rows are decoded straight into the matrix of its lane's
 * open batch.
 *
 * A reservation changes nothing that others see: when the rows do not fit the open batch they are
 * decoded into a fresh one, and only the commit closes the old and opens the new. So a decode that
 * fails leaves everything as it was. All memory is had at the reservation: a commit cannot fail. */
#include "base/clock.h"
#include "base/macros.h"
#include "batch/batcher_priv.h"

/* Rows that the matrix of a new batch has room for at least; it doubles from there. */
enum { ROWS_MIN = 8 };

static struct weir_batcher *batcher_of(struct weir_sink *sink)
{
    return WEIR_CONTAINER_OF(sink, struct weir_batcher, decode.sink);
}

/* Returns the bytes that a matrix of at least need bytes is made with: doubling up to a full batch,
 * exact beyond that. */
static size_t matrix_bytes(const struct weir_batcher_lane *lane, size_t have, size_t need)
{
    size_t full;
    if (!weir_size_mul(lane->row_bytes, lane->version->limits.rows_max, &full) || need >= full)
        return need;
    size_t size = weir_max_size(need, weir_max_size(have * 2, lane->row_bytes * ROWS_MIN));
    return weir_min_size(weir_max_size(size, WEIR_BATCH_BYTES_MIN),
                         weir_max_size(full, WEIR_BATCH_BYTES_MIN));
}

static enum weir_status refuse(struct weir_batcher *b, enum weir_batcher_refusal why,
                               enum weir_status status, struct weir_error *err)
{
    b->decode.refused = why;
    return weir_error_set(err, status, "%s", weir_batcher_refusal_text(why));
}

static enum weir_status refuse_memory(struct weir_batcher *b, struct weir_error *err)
{
    b->counters.n_refused[WEIR_BATCHER_REFUSAL_MEMORY]++;
    return refuse(b, WEIR_BATCHER_REFUSAL_MEMORY, WEIR_ERR_NO_MEMORY, err);
}

static enum weir_status status_of(enum weir_batcher_refusal why)
{
    switch (why) {
    case WEIR_BATCHER_REFUSAL_NONE:
        return WEIR_OK;
    case WEIR_BATCHER_REFUSAL_DEADLINE:
        return WEIR_ERR_TIMEOUT;
    case WEIR_BATCHER_REFUSAL_SIZE:
        return WEIR_ERR_LIMIT;
    case WEIR_BATCHER_REFUSAL_MEMORY:
        return WEIR_ERR_NO_MEMORY;
    case WEIR_BATCHER_REFUSAL_REQUESTS:
    case WEIR_BATCHER_REFUSAL_ROWS:
    case WEIR_BATCHER_REFUSAL_BYTES:
    case WEIR_BATCHER_REFUSAL_TIME:
        return WEIR_ERR_BUSY;
    }
    return WEIR_ERR_INTERNAL;
}

/* Finds whether a request may share its batch. */
static bool is_single(const struct weir_batcher_lane *lane)
{
    return lane->tensors && !lane->tensors->is_batched;
}

/* Sets d->batch to the batch with room for the request; false: no memory. */
static bool place_rows(struct weir_batcher *b, struct weir_batcher_lane *lane,
                       const struct weir_sink_want *want, size_t bytes)
{
    uint32_t n_rows = (uint32_t)want->n_rows;
    struct weir_batch *batch = lane->open;
    if (batch && n_rows <= lane->version->limits.rows_max &&
        batch->n_rows <= lane->version->limits.rows_max - n_rows) {
        size_t held = batch->n_rows * lane->row_bytes;
        size_t need = held + bytes;
        if (need > batch->store.bytes &&
            !weir_batcher_grow(batch, held, matrix_bytes(lane, batch->store.bytes, need)))
            return false;
        if (want->text_bytes > 0 &&
            !weir_batcher_text_lend(batch, &b->decode.sink, want->text_bytes))
            return false;
    } else {
        batch = weir_batcher_batch_acquire(b);
        if (!batch)
            return false;
        if ((bytes > batch->store.bytes &&
             !weir_batcher_grow(batch, 0, matrix_bytes(lane, 0, bytes))) ||
            (want->text_bytes > 0 &&
             !weir_batcher_text_lend(batch, &b->decode.sink, want->text_bytes)) ||
            !weir_batcher_tensors_keep(batch, want->tensors)) {
            weir_batcher_batch_release(b, batch);
            return false;
        }
    }
    b->decode.batch = batch;
    return true;
}

/* Returns when a request must have begun that arrives now. A timeout of its own only shortens that
 * of the version. */
static uint64_t begin_ns(const struct weir_batcher_limits *limits, uint64_t own_ns, uint64_t now_ns)
{
    uint64_t timeout_ns = limits->queue_timeout_ns;
    if (own_ns > 0 && limits->takes_queue_timeout && (timeout_ns == 0 || own_ns < timeout_ns))
        timeout_ns = own_ns;
    return timeout_ns > 0 ? weir_clock_add(now_ns, timeout_ns) : WEIR_TIME_NEVER;
}

static enum weir_status decode_reserve(struct weir_sink *sink, const struct weir_sink_want *want,
                                       struct weir_sink_span *out, struct weir_error *err)
{
    struct weir_batcher *b = batcher_of(sink);
    struct weir_batcher_decode *d = &b->decode;
    weir_assert(d->version);
    weir_assert(!d->lane);
    weir_assert(!d->committed);
    size_t row_bytes;
    size_t bytes;
    size_t all_bytes = 0;
    if (!weir_batcher_want_bytes(want, &row_bytes, &bytes) ||
        !weir_size_add(bytes, want->text_bytes, &all_bytes) ||
        all_bytes > d->version->limits.request_bytes_max) {
        b->counters.n_refused[WEIR_BATCHER_REFUSAL_SIZE]++;
        return refuse(b, WEIR_BATCHER_REFUSAL_SIZE, WEIR_ERR_LIMIT, err);
    }
    struct weir_batcher_level *level = weir_batcher_level_of(d->version, want->priority);
    struct weir_batcher_lane *lane = weir_batcher_lane_get(b, d->version, level, want, row_bytes);
    if (!lane)
        return refuse_memory(b, err);
    enum weir_batcher_refusal why =
        weir_batcher_check(b, d->version, level, lane->cost, (uint32_t)want->n_rows, all_bytes,
                           d->deadline_ns, d->now_ns);
    if (why != WEIR_BATCHER_REFUSAL_NONE)
        return refuse(b, why, status_of(why), err);
    if (!d->slice)
        d->slice = weir_batcher_slice_acquire(b);
    if (!d->slice || !place_rows(b, lane, want, bytes))
        return refuse_memory(b, err);
    d->lane = lane;
    d->n_rows = (uint32_t)want->n_rows;
    d->bytes = bytes;
    d->has_text = want->text_bytes > 0;
    d->begin_ns = begin_ns(&d->version->limits, want->queue_timeout_ns, d->now_ns);
    struct weir_batch *batch = d->batch;
    *out = (struct weir_sink_span){(char *)batch->rows + batch->n_rows * row_bytes, row_bytes,
                                   weir_dtype_size(want->dtype), want->dtype};
    return WEIR_OK;
}

void weir_batcher_append(struct weir_batcher *b, struct weir_batch *batch,
                         struct weir_batch_slice *slice, uint32_t n_rows, size_t bytes)
{
    struct weir_batcher_level *level = batch->loop.level;
    slice->batch = batch;
    slice->next = NULL;
    slice->row = batch->n_rows;
    slice->n_rows = n_rows;
    atomic_store_explicit(&slice->state, WEIR_BATCH_SLICE_WAITING, memory_order_relaxed);
    slice->loop.bytes = bytes;
    slice->loop.n_rows = n_rows;
    slice->loop.is_counted = true;
    slice->loop.is_answered = false;
    if (batch->loop.last)
        batch->loop.last->next = slice;
    else
        batch->slices = slice;
    batch->loop.last = slice;
    batch->n_slices++;
    batch->n_rows += n_rows;
    batch->loop.n_live++;
    if (slice->deadline_ns < batch->loop.deadline_ns)
        batch->loop.deadline_ns = slice->deadline_ns;
    if (slice->begin_ns < batch->loop.begin_ns)
        batch->loop.begin_ns = slice->begin_ns;
    uint64_t first_ns = weir_batch_earlier(slice->deadline_ns, slice->begin_ns);
    if (first_ns < b->deadline_ns)
        b->deadline_ns = first_ns;
    level->n_requests++;
    level->n_rows += n_rows;
    level->n_bytes += bytes;
    b->load.n_requests++;
    b->load.n_rows += n_rows;
    b->load.n_bytes += bytes;
    b->counters.n_slices++;
    b->counters.n_rows += n_rows;
}

/* Makes a fresh batch the lane's open one. */
static void open_batch(struct weir_batcher *b, struct weir_batcher_lane *lane,
                       struct weir_batch *batch, uint64_t now_ns)
{
    batch->version = lane->version->user;
    batch->dtype = lane->dtype;
    batch->n_columns = lane->n_columns;
    batch->row_bytes = lane->row_bytes;
    batch->costly = lane->costly;
    batch->group = is_single(lane) ? NULL : lane;
    lane->n_batches++;
    batch->opened_ns = now_ns;
    batch->loop.version = lane->version;
    batch->loop.lane = lane;
    batch->loop.level = lane->level;
    batch->loop.deadline_ns = WEIR_TIME_NEVER;
    batch->loop.begin_ns = WEIR_TIME_NEVER;
    batch->loop.place = PLACE_WAITING;
    weir_list_push(&b->waiting, &batch->loop.link);
    lane->open = batch;
    lane->level->n_waiting++;
    lane->version->n_waiting++;
    b->load.n_waiting++;
}

static void decode_commit(struct weir_sink *sink, uint32_t wanted)
{
    struct weir_batcher *b = batcher_of(sink);
    struct weir_batcher_decode *d = &b->decode;
    weir_assert(d->lane);
    struct weir_batcher_lane *lane = d->lane;
    struct weir_batch *batch = d->batch;
    uint32_t rows_max = lane->version->limits.rows_max;
    if (batch != lane->open) {
        if (lane->open)
            weir_batcher_close(b, lane->open, WEIR_BATCH_CLOSE_FULL, d->now_ns);
        open_batch(b, lane, batch, d->now_ns);
    }
    struct weir_batch_slice *slice = WEIR_TAKE(d->slice);
    slice->wanted = wanted | lane->costly;
    batch->wanted |= slice->wanted;
    size_t bytes = d->bytes + (d->has_text ? weir_batcher_text_keep(batch, sink) : 0);
    slice->arrived_ns = d->now_ns;
    slice->deadline_ns = d->deadline_ns;
    slice->begin_ns = d->begin_ns;
    weir_batcher_append(b, batch, slice, d->n_rows, bytes);
    weir_batcher_cost_update(b, batch);
    if (batch->n_rows >= rows_max)
        weir_batcher_close(b, batch,
                           d->n_rows > rows_max ? WEIR_BATCH_CLOSE_LARGE : WEIR_BATCH_CLOSE_FULL,
                           d->now_ns);
    else if (is_single(lane))
        weir_batcher_close(b, batch, WEIR_BATCH_CLOSE_SINGLE, d->now_ns);
    d->committed = slice;
    d->lane = NULL;
    d->batch = NULL;
}

static void decode_rollback(struct weir_sink *sink)
{
    struct weir_batcher *b = batcher_of(sink);
    struct weir_batcher_decode *d = &b->decode;
    weir_assert(d->lane);
    if (d->batch->loop.place == PLACE_DECODING)
        weir_batcher_batch_release(b, d->batch);
    d->lane = NULL;
    d->batch = NULL;
}

const struct weir_sink_ops weir_batcher_decode_ops = {decode_reserve, decode_commit,
                                                      decode_rollback};

struct weir_sink *weir_batcher_decode(struct weir_batcher *b, struct weir_batcher_version *v,
                                      uint64_t deadline_ns, uint64_t now_ns)
{
    weir_assert(b);
    weir_assert(v);
    weir_assert(!v->is_retired);
    struct weir_batcher_decode *d = &b->decode;
    weir_assert(!d->lane); /* the last one was committed or rolled back */
    d->version = v;
    d->deadline_ns = deadline_ns;
    d->now_ns = now_ns;
    d->refused = WEIR_BATCHER_REFUSAL_NONE;
    d->committed = NULL;
    return &d->sink;
}

enum weir_batcher_refusal weir_batcher_refused(const struct weir_batcher *b)
{
    weir_assert(b);
    return b->decode.refused;
}

struct weir_batch_slice *weir_batcher_committed(struct weir_batcher *b)
{
    weir_assert(b);
    return b->decode.committed;
}

void weir_batcher_keep_off_loop(struct weir_batcher *b)
{
    weir_assert(b);
    weir_assert(b->decode.committed);
    b->decode.committed->batch->loop.is_off_loop = true;
}

enum weir_status weir_batcher_private(struct weir_batch **out, struct weir_batcher *b,
                                      struct weir_batcher_version *v, size_t body_bytes,
                                      uint64_t deadline_ns, uint64_t now_ns)
{
    weir_assert(out);
    weir_assert(b);
    weir_assert(v);
    weir_assert(!v->is_retired);
    struct weir_batch_slice *slice = weir_batcher_slice_acquire(b);
    struct weir_batch *batch = slice ? weir_batcher_batch_acquire(b) : NULL;
    if (!batch) {
        if (slice)
            weir_batcher_slice_release(b, slice);
        b->counters.n_refused[WEIR_BATCHER_REFUSAL_MEMORY]++;
        return WEIR_ERR_NO_MEMORY;
    }
    batch->version = v->user;
    batch->costly = 0;
    batch->close = WEIR_BATCH_CLOSE_PRIVATE;
    batch->is_private = true;
    batch->opened_ns = now_ns;
    batch->closed_ns = now_ns;
    batch->store.sink.ops = &weir_batch_private_ops;
    batch->store.request_bytes_max = v->limits.request_bytes_max;
    batch->store.takes_queue_timeout = v->limits.takes_queue_timeout;
    batch->loop.version = v;
    batch->loop.level = v->levels;
    batch->loop.deadline_ns = WEIR_TIME_NEVER;
    batch->loop.begin_ns = WEIR_TIME_NEVER;
    batch->loop.is_closed = true;
    batch->loop.place = PLACE_OUT;
    slice->wanted = 0;
    slice->arrived_ns = now_ns;
    slice->deadline_ns = deadline_ns;
    slice->begin_ns = begin_ns(&v->limits, 0, now_ns);
    batch->store.begin_ns = slice->begin_ns;
    weir_batcher_append(b, batch, slice, 0, body_bytes);
    weir_list_push(&b->out, &batch->loop.link);
    b->n_out_pool++;
    b->n_out_private++;
    b->load.n_out++;
    v->n_out++;
    b->counters.n_pool++;
    b->counters.n_closed[WEIR_BATCH_CLOSE_PRIVATE]++;
    *out = batch;
    return WEIR_OK;
}

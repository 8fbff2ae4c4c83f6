/* SPDX-License-Identifier: MIT */
#include "server/shadow.h"

#include "base/log.h"
#include "base/macros.h"
#include "server/dispatch.h"

/* --- pairs ----------------------------------------------------------------------------------- */

static void free_shadow(struct weir_server_shadow *shadow)
{
    struct weir_mem *mem = shadow->shard->shared->mem;
    for (size_t i = 0; i < WEIR_SERVER_SHADOW_CHUNKS; i++) {
        weir_mem_free(mem, shadow->chunks[i].rows);
        weir_mem_free(mem, shadow->chunks[i].live);
        weir_buf_deinit(&shadow->chunks[i].seen);
    }
    weir_list_remove(&shadow->link);
    weir_mem_free(mem, shadow);
}

/* Ends a pair, at once or when its chunk is back. */
static void end(struct weir_server_shadow *shadow)
{
    shadow->of->shadow = NULL;
    shadow->of = NULL;
    if (!shadow->is_given)
        free_shadow(shadow);
}

static struct weir_metric_counter *counter(const struct weir_server_shard *shard,
                                           enum weir_server_metric metric, struct weir_str model)
{
    return weir_metric_registry_counter(shard->shared->metrics, shard->index, metric, &model);
}

static struct weir_server_shadow *make(struct weir_server_shard *shard,
                                       struct weir_server_shard_version *sv,
                                       struct weir_server_shard_version *other,
                                       const struct weir_live_shape *shape)
{
    struct weir_mem *mem = shard->shared->mem;
    struct weir_server_shadow *shadow = weir_mem_zalloc(mem, sizeof *shadow);
    if (!shadow)
        return NULL;
    size_t row_bytes = sv->version->spec->n_features * sizeof(double);
    size_t rows_max = WEIR_SERVER_SHADOW_BYTES_MAX / (row_bytes ? row_bytes : 1);
    shadow->shard = shard;
    shadow->of = sv;
    shadow->sv = other;
    shadow->version = other->version;
    shadow->shape = *shape;
    shadow->rows_max =
        (uint32_t)weir_min_size(rows_max ? rows_max : 1, WEIR_SERVER_SHADOW_ROWS_MAX);
    weir_list_push(&shard->loop.shadows, &shadow->link);
    for (size_t i = 0; i < WEIR_SERVER_SHADOW_CHUNKS; i++) {
        struct weir_server_shadow_chunk *c = &shadow->chunks[i];
        c->shadow = shadow;
        c->seen.mem = mem;
        c->rows = weir_mem_array(mem, shadow->rows_max, row_bytes ? row_bytes : 1);
        c->live = weir_mem_array(mem, shadow->rows_max, sizeof *c->live);
        if (!c->rows || !c->live) {
            free_shadow(shadow);
            return NULL;
        }
    }
    struct weir_str name = sv->version->name;
    shadow->rows = counter(shard, WEIR_SERVER_METRIC_SHADOW_ROWS, name);
    shadow->disagreements = counter(shard, WEIR_SERVER_METRIC_SHADOW_DISAGREEMENTS, name);
    shadow->dropped = counter(shard, WEIR_SERVER_METRIC_SHADOW_DROPPED, name);
    return shadow;
}

/* Readies what is taken down of the answers of a version; written once, as workers read it. */
static const char *ready_shape(struct weir_server_shard_version *sv)
{
    const char *why = NULL;
    if (!sv->has_shadow_shape)
        sv->has_shadow_shape =
            weir_live_shape_init(&sv->shadow_shape, sv->version->spec, NULL, &why);
    return why;
}

void weir_server_shadow_set(struct weir_server_shard *shard, struct weir_server_shard_version *sv,
                            struct weir_server_shard_version *shadow)
{
    struct weir_live_shape shape;
    if (sv->shadow && sv->shadow->sv == shadow)
        return;
    if (sv->shadow)
        end(sv->shadow);
    const char *why_before = sv->shadow_why;
    sv->shadow_why = NULL;
    if (!shadow)
        return;
    const char *why = ready_shape(sv);
    if (!why)
        why = weir_live_shadow_fit(&sv->shadow_shape, sv->version->spec, shadow->version->spec,
                                   &shape);
    if (!why) {
        sv->shadow = make(shard, sv, shadow, &shape);
        why = sv->shadow ? NULL : "no memory";
    }
    sv->shadow_why = why;
    if (why && why != why_before && shard->is_keeper) /* Once, not once for each loop. */
        weir_log_warn("the shadow is not compared", WEIR_LOG_S("model", sv->version->name),
                      WEIR_LOG_S("version", sv->version->number_text),
                      WEIR_LOG_S("shadow", shadow->version->number_text),
                      WEIR_LOG_C("reason", why));
}

void weir_server_shadow_deinit(struct weir_server_shard *shard)
{
    while (!weir_list_is_empty(&shard->loop.shadows)) {
        struct weir_server_shadow *shadow =
            WEIR_CONTAINER_OF(shard->loop.shadows.next, struct weir_server_shadow, link);
        if (shadow->of)
            shadow->of->shadow = NULL;
        free_shadow(shadow);
    }
}

/* --- rows in --------------------------------------------------------------------------------- */

static void drop(struct weir_server_shadow *shadow, size_t n_rows)
{
    shadow->sum.n_dropped += n_rows;
    weir_metric_counter_add(shadow->dropped, n_rows);
}

/* Finds a chunk with room for rows of a type; NULL: none is free. */
static struct weir_server_shadow_chunk *room(struct weir_server_shadow *shadow,
                                             enum weir_dtype dtype)
{
    uint32_t last = (shadow->first + shadow->n - 1) % WEIR_SERVER_SHADOW_CHUNKS;
    struct weir_server_shadow_chunk *c = &shadow->chunks[last];
    bool is_given = shadow->is_given && shadow->n == 1;
    if (shadow->n > 0 && !is_given && c->dtype == dtype && c->n_rows < shadow->rows_max)
        return c;
    if (shadow->n == WEIR_SERVER_SHADOW_CHUNKS)
        return NULL;
    c = &shadow->chunks[(shadow->first + shadow->n) % WEIR_SERVER_SHADOW_CHUNKS];
    shadow->n++;
    c->dtype = dtype;
    c->n_rows = 0;
    c->opened_ns = weir_loop_now_ns(&shadow->shard->loop.loop);
    return c;
}

/* Copies rows, in the type that the shadow reads them in: what it would cast them to itself. */
static void copy_rows(void *to, enum weir_dtype to_dtype, const void *from, enum weir_dtype dtype,
                      size_t n)
{
    if (to_dtype == dtype) {
        memcpy(to, from, n * weir_dtype_size(dtype));
        return;
    }
    weir_assert(to_dtype == WEIR_F32);
    weir_assert(dtype == WEIR_F64);
    for (size_t i = 0; i < n; i++)
        ((float *)to)[i] = (float)((const double *)from)[i];
}

static void push(struct weir_server_shadow *shadow, const struct weir_batch *batch,
                 const struct weir_batch_slice *slice, const struct weir_live_seen *seen)
{
    enum weir_dtype dtype = weir_spec_batch_dtype(shadow->version->spec, batch->dtype);
    size_t width = batch->n_columns;
    uint32_t done = 0;
    while (done < slice->n_rows) {
        struct weir_server_shadow_chunk *c = room(shadow, dtype);
        if (!c) {
            drop(shadow, slice->n_rows - done);
            return;
        }
        uint32_t n = (uint32_t)weir_min_size(slice->n_rows - done, shadow->rows_max - c->n_rows);
        copy_rows((char *)c->rows + c->n_rows * width * weir_dtype_size(dtype), dtype,
                  (const char *)batch->rows + (slice->row + done) * batch->row_bytes, batch->dtype,
                  n * width);
        memcpy(c->live + c->n_rows, seen + done, n * sizeof *seen);
        c->n_rows += n;
        done += n;
    }
}

void weir_server_shadow_feed(struct weir_server_shadow *shadow, const struct weir_server_job *job)
{
    const struct weir_batch *batch = job->batch;
    weir_assert(shadow->of == batch->version);
    for (struct weir_batch_slice *s = batch->slices; s; s = s->next) {
        const struct weir_server_call *call = weir_server_runner_call_of(s);
        if (!call->observe || !call->is_observed)
            continue;
        struct weir_live_observation seen =
            weir_live_observe_read(call->observe, job->observed.at + call->observed_at);
        weir_assert(seen.n_rows == s->n_rows);
        push(shadow, batch, s, seen.rows);
    }
}

/* --- runs ------------------------------------------------------------------------------------ */

/* Runs on: worker. */
static void run_chunk(struct weir_pool_job *job, void *scratch)
{
    struct weir_server_shadow_chunk *c =
        WEIR_CONTAINER_OF(job, struct weir_server_shadow_chunk, job);
    const struct weir_server_shadow *shadow = c->shadow;
    weir_buf_clear(&c->seen);
    c->is_seen =
        weir_server_runner_see(scratch, shadow->version, &shadow->shape,
                               &(struct weir_rows){c->rows, c->n_rows}, c->dtype, &c->seen);
}

static void count(struct weir_server_shadow *shadow, const struct weir_server_shadow_chunk *c)
{
    struct weir_live_shadow *sum = &shadow->sum;
    uint64_t n_rows = sum->n_rows;
    uint64_t n_disagreements = sum->n_disagreements;
    struct weir_live_observation seen = weir_live_observe_read(&shadow->shape, c->seen.at);
    weir_live_shadow_add(sum, &shadow->shape, c->live, seen.rows, seen.n_rows);
    weir_metric_counter_add(shadow->rows, sum->n_rows - n_rows);
    weir_metric_counter_add(shadow->disagreements, sum->n_disagreements - n_disagreements);
}

static void chunk_done(struct weir_pool_job *job, bool is_canceled)
{
    struct weir_server_shadow_chunk *c =
        WEIR_CONTAINER_OF(job, struct weir_server_shadow_chunk, job);
    struct weir_server_shadow *shadow = c->shadow;
    struct weir_server_shard *shard = shadow->shard;
    struct weir_server_shard_version *sv = shadow->sv;
    weir_assert(shadow->is_given);
    if (is_canceled || !c->is_seen)
        drop(shadow, c->n_rows);
    else
        count(shadow, c);
    shadow->is_given = false;
    shadow->first = (shadow->first + 1) % WEIR_SERVER_SHADOW_CHUNKS;
    shadow->n--;
    if (!shadow->of)
        free_shadow(shadow);
    if (--sv->n_shadow_runs == 0 && sv->is_let_go)
        weir_server_dispatch_release(shard, sv);
}

void weir_server_shadow_give(struct weir_server_shard *shard)
{
    struct weir_pool *pool = shard->shared->pool;
    uint64_t now_ns = weir_loop_now_ns(&shard->loop.loop);
    WEIR_LIST_FOREACH (it, &shard->loop.shadows) {
        struct weir_server_shadow *shadow = WEIR_CONTAINER_OF(it, struct weir_server_shadow, link);
        struct weir_server_shadow_chunk *c = &shadow->chunks[shadow->first];
        if (!shadow->of || shadow->n == 0 || shadow->is_given)
            continue;
        /* A hand-over for each row would cost the loop more than the row did. */
        bool is_filling = shadow->n == 1 && c->n_rows < shadow->rows_max;
        if (is_filling && now_ns < c->opened_ns + WEIR_SERVER_SHADOW_WAIT_NS)
            continue;
        if (weir_pool_n_idle(pool) == 0)
            return;
        c->job = (struct weir_pool_job){.run = run_chunk, .done = chunk_done, .home = &shard->home};
        if (weir_pool_submit(pool, &c->job) != WEIR_POOL_SUBMIT_QUEUED)
            return;
        shadow->is_given = true;
        shadow->sv->n_shadow_runs++;
    }
}

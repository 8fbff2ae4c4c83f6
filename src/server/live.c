/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "codec/json.h"
#include "server/live_priv.h"
#include "server/shadow.h"

#include <stdio.h>

enum { LABELS_AT_ONCE = 512 };

/* --- models and versions --------------------------------------------------------------------- */

struct weir_server_live_model *weir_server_live_find(const struct weir_server_shard *shard,
                                                     struct weir_str name)
{
    WEIR_LIST_FOREACH (it, &shard->loop.live.models) {
        struct weir_server_live_model *m =
            WEIR_CONTAINER_OF(it, struct weir_server_live_model, link);
        if (weir_str_eq(weir_str_make(m->name, m->n_name), name))
            return m;
    }
    return NULL;
}

const struct weir_version *weir_server_live_version_of(const struct weir_server_shard *shard,
                                                       const struct weir_live_reference *reference)
{
    WEIR_LIST_FOREACH (it, &shard->loop.versions) {
        const struct weir_version *v =
            WEIR_CONTAINER_OF(it, struct weir_server_shard_version, link)->version;
        if (reference && v->reference == reference)
            return v;
    }
    return NULL;
}

static void free_model(struct weir_server_shard *shard, struct weir_server_live_model *m)
{
    weir_list_remove(&m->link);
    weir_live_model_free(m->model);
    weir_mem_free(shard->shared->mem, m);
}

/* Each shard has its part of the capacity; the keeper's, whose listener few predict on, a small
 * one. */
static struct weir_live_model_opts opts_of(const struct weir_server_shard *shard,
                                           const struct weir_config_model *m)
{
    enum { CAPACITY_MIN = 1024 };
    uint64_t n_loops = shard->shared->n_shards > 1 ? shard->shared->n_shards - 1 : 1;
    uint64_t capacity = shard->is_keeper ? CAPACITY_MIN : m->quality_capacity / n_loops;
    uint64_t ttl_ns = m->quality_ttl_ns > 0 && m->quality_ttl_ns < m->quality_window_ns
                          ? m->quality_ttl_ns
                          : m->quality_window_ns;
    return (struct weir_live_model_opts){
        .capacity = (uint32_t)(capacity < CAPACITY_MIN ? CAPACITY_MIN : capacity),
        .ttl_s = (uint32_t)(ttl_ns < WEIR_NS_PER_S ? 1 : ttl_ns / WEIR_NS_PER_S),
        .window_s = (uint32_t)(m->quality_window_ns / WEIR_NS_PER_S),
        .keeps_first = m->quality_labels == WEIR_CONFIG_QUALITY_FIRST,
    };
}

static struct weir_server_live_model *add_model(struct weir_server_shard *shard,
                                                struct weir_str name,
                                                const struct weir_live_model_opts *opts,
                                                uint32_t n_columns)
{
    struct weir_mem *mem = shard->shared->mem;
    struct weir_server_live_model *m = weir_mem_zalloc(mem, sizeof *m + name.n);
    if (!m)
        return NULL;
    m->n_name = name.n;
    m->opts = *opts;
    memcpy(m->name, name.at, name.n);
    if (weir_live_model_new(&m->model, opts, n_columns, mem) != WEIR_OK) {
        weir_mem_free(mem, m);
        return NULL;
    }
    weir_list_push(&shard->loop.live.models, &m->link);
    return m;
}

/* Tells once, not once for each loop. */
static void warn(const struct weir_server_shard *shard, const struct weir_version *version,
                 const char *what, const char *reason)
{
    if (shard->is_keeper)
        weir_log_warn(what, WEIR_LOG_S("model", version->name),
                      WEIR_LOG_S("version", version->number_text), WEIR_LOG_C("reason", reason));
}

static void switch_off(struct weir_server_shard_version *sv)
{
    if (sv->live && sv->live->live) {
        weir_live_model_detach(sv->live->live->model, sv->live->slot);
        sv->live->live = NULL;
    }
}

void weir_server_live_attach(struct weir_server_shard *shard, struct weir_server_shard_version *sv)
{
    const struct weir_version *version = sv->version;
    const struct weir_config_model *config =
        weir_config_find_model(shard->loop.config, version->name);
    if (sv->is_shadow)
        return;
    if (config->quality == WEIR_CONFIG_QUALITY_OFF) {
        switch_off(sv);
        return;
    }
    if (sv->live && sv->live->live)
        return;
    struct weir_live_shape shape;
    const char *why;
    if (!weir_live_shape_init(&shape, version->spec, version->reference, &why)) {
        warn(shard, version, "live quality is not kept", why);
        return;
    }
    if (version->reference_why[0])
        warn(shard, version, "drift is not told", version->reference_why);
    if (!sv->live) {
        sv->live = weir_mem_zalloc(shard->shared->mem, sizeof *sv->live);
        if (sv->live)
            sv->live->shape = shape; /* Never changed: workers read it. */
    }
    struct weir_live_model_opts opts = opts_of(shard, config);
    struct weir_server_live_model *m = weir_server_live_find(shard, version->name);
    if (!m && sv->live)
        m = add_model(shard, version->name, &opts, shape.n_columns);
    int slot = m && sv->live
                   ? weir_live_model_attach(m->model, version->number, version->digest_hex, &shape,
                                            version->spec->targets[0].json)
                   : -1;
    if (slot < 0) {
        warn(shard, version, "live quality is not kept", "no memory");
        return;
    }
    sv->live->slot = slot;
    sv->live->live = m;
}

void weir_server_live_detach(struct weir_server_shard *shard, struct weir_server_shard_version *sv)
{
    if (!sv->live)
        return;
    switch_off(sv);
    weir_mem_free(shard->shared->mem, WEIR_TAKE(sv->live));
}

void weir_server_live_forget(struct weir_server_shard *shard)
{
    struct weir_list *next;
    for (struct weir_list *it = shard->loop.live.models.next; it != &shard->loop.live.models;
         it = next) {
        struct weir_server_live_model *m =
            WEIR_CONTAINER_OF(it, struct weir_server_live_model, link);
        next = it->next;
        if (weir_config_find_model(shard->loop.config, weir_str_make(m->name, m->n_name))
                ->quality == WEIR_CONFIG_QUALITY_OFF)
            free_model(shard, m);
    }
    for (struct weir_list *it = shard->loop.live.told.next; it != &shard->loop.live.told;
         it = next) {
        struct weir_server_live_told *told =
            WEIR_CONTAINER_OF(it, struct weir_server_live_told, link);
        next = it->next;
        if (!weir_server_live_find(shard, told->name))
            weir_server_live_told_free(shard, told);
    }
}

/* --- predictions ----------------------------------------------------------------------------- */

static char *put_hex(char *to, uint64_t v, int n_digits)
{
    for (int i = n_digits; i-- > 0;)
        *to++ = "0123456789abcdef"[v >> 4 * i & 15];
    return to;
}

/* Makes an id that rises with time: milliseconds, the loop, a count. */
static void make_id(struct weir_server_shard *shard, struct weir_server_call *call)
{
    char *to = call->loop.request_id;
    uint64_t ms = shard->loop.live.now_ns / WEIR_NS_PER_MS;
    if (ms != shard->loop.live.id_ms) { /* As of the last tick: mostly it is the same. */
        shard->loop.live.id_ms = ms;
        char *prefix = put_hex(shard->loop.live.id_prefix, ms, 12);
        *prefix++ = '-';
        (void)put_hex(prefix, shard->index, 2);
    }
    memcpy(to, shard->loop.live.id_prefix, sizeof shard->loop.live.id_prefix);
    to = put_hex(to + sizeof shard->loop.live.id_prefix, shard->loop.live.n_ids++, 8);
    call->loop.request_id_bytes = (uint8_t)(to - call->loop.request_id);
}

/* The id that a body brought, as a client would write it in a label. */
static struct weir_str body_id(const struct weir_server_call *call, struct weir_buf *room)
{
    struct weir_str id = weir_str_make(call->protocol.id, call->protocol.id_bytes);
    if (call->loop.dialect != WEIR_PROTOCOL_V2 || !memchr(id.at, '\\', id.n))
        return id;
    weir_codec_json_unescape(id, room);
    return weir_buf_str(room);
}

void weir_server_live_record(struct weir_server_shard *shard, struct weir_server_job *job,
                             struct weir_server_call *call)
{
    struct weir_server_live_version *v = call->loop.sv->live;
    struct weir_buf room = {.mem = shard->shared->mem};
    struct weir_str id;
    if (!v || !v->live || !call->is_observed)
        return;
    if (call->protocol.id_bytes > 0) {
        id = body_id(call, &room);
    } else {
        if (call->loop.request_id_bytes == 0) {
            if (call->loop.entry) /* A message of a stream has no header to be told it in. */
                return;
            make_id(shard, call);
        }
        id = weir_str_make(call->loop.request_id, call->loop.request_id_bytes);
    }
    struct weir_live_observation seen =
        weir_live_observe_read(call->observe, job->observed.at + call->observed_at);
    struct weir_live_key key = weir_live_key_hash(&shard->shared->live_secret, id.at, id.n);
    (void)weir_live_model_record(v->live->model, v->slot, key, &seen,
                                 shard->loop.live.now_ns / WEIR_NS_PER_S);
    weir_buf_deinit(&room);
}

/* --- tasks ----------------------------------------------------------------------------------- */

static void free_part(struct weir_server_live_part *part, struct weir_mem *mem)
{
    weir_live_sum_deinit(&part->sum);
    weir_mem_free(mem, part->shadow);
}

static void free_task(struct weir_server_live_task *task)
{
    struct weir_mem *mem = task->giver->shared->mem;
    for (uint32_t i = 0; i < task->giver->shared->n_shards; i++)
        free_part(&task->parts[i], mem);
    weir_live_labels_deinit(&task->labels);
    weir_list_remove(&task->link);
    weir_mem_free(mem, task);
}

/* The task, its parts, the model's name and the labels' results are one block. */
static struct weir_server_live_task *new_task(struct weir_server_shard *shard,
                                              struct weir_str model, size_t n_labels)
{
    uint32_t n_shards = shard->shared->n_shards;
    size_t bytes = sizeof(struct weir_server_live_task) +
                   n_shards * (sizeof(struct weir_server_live_part) + n_labels) + model.n + 1;
    struct weir_server_live_task *task = weir_mem_zalloc(shard->shared->mem, bytes);
    if (!task)
        return NULL;
    task->giver = shard;
    task->parts = (void *)(task + 1);
    uint8_t *joins = (void *)(task->parts + n_shards);
    for (uint32_t i = 0; i < n_shards; i++) {
        task->parts[i].task = task;
        task->parts[i].shard = i;
        task->parts[i].joins = joins + i * n_labels;
    }
    task->name = (char *)(joins + n_shards * n_labels);
    task->n_name = model.n;
    memcpy(task->name, model.at, model.n);
    return task;
}

enum weir_status weir_server_live_give(struct weir_server_shard *shard,
                                       enum weir_server_live_kind kind,
                                       struct weir_http_ticket ticket, struct weir_str model,
                                       uint64_t version, uint64_t window_s,
                                       struct weir_live_labels *labels)
{
    struct weir_server_live_task *task = new_task(shard, model, labels ? labels->n : 0);
    if (!task) {
        if (labels)
            weir_live_labels_deinit(labels);
        return WEIR_ERR_NO_MEMORY;
    }
    task->kind = kind;
    task->ticket = ticket;
    task->version = version;
    task->window_s = window_s;
    task->now_s = weir_clock_wall_ns() / WEIR_NS_PER_S;
    if (labels)
        task->labels = *labels;
    weir_list_push(&shard->loop.live.tasks, &task->link);
    task->n_pending = shard->shared->n_shards;
    for (uint32_t i = 0; i < shard->shared->n_shards; i++) {
        struct weir_server_message message = {
            .kind = WEIR_SERVER_LIVE, .from = shard->index, .taken = &task->parts[i]};
        weir_server_inbox_push(&shard->shared->shards[i]->inbox, message);
    }
    return WEIR_OK;
}

static void join_some(struct weir_live_model *model, struct weir_server_live_part *part)
{
    const struct weir_live_labels *labels = &part->task->labels;
    size_t end =
        labels->n - part->n_done < LABELS_AT_ONCE ? labels->n : part->n_done + LABELS_AT_ONCE;
    for (size_t i = part->n_done; i < end; i++) {
        struct weir_live_joined joined =
            weir_live_model_label(model, &labels->at[i], part->task->now_s);
        part->joins[i] = (uint8_t)joined.join;
    }
    part->n_done = end;
}

static void note_store(const struct weir_server_live_model *m, struct weir_live_store_state *out)
{
    const struct weir_live_store *store = weir_live_model_store(m->model);
    *out = (struct weir_live_store_state){.n_waiting = weir_live_store_n(store),
                                          .capacity = m->opts.capacity,
                                          .bytes = weir_live_model_bytes(m->model),
                                          .share = weir_live_store_share(store),
                                          .counters = *weir_live_store_counters(store)};
}

void weir_server_live_receive(struct weir_server_shard *shard, struct weir_server_live_part *part)
{
    struct weir_server_live_task *task = part->task;
    struct weir_server_live_model *m =
        weir_server_live_find(shard, weir_str_make(task->name, task->n_name));
    struct weir_server_message message = {
        .kind = WEIR_SERVER_LIVE_DONE, .from = shard->index, .taken = part};
    part->is_known = m != NULL;
    part->status = m ? WEIR_OK : WEIR_ERR_NOT_FOUND;
    if (task->kind == WEIR_SERVER_LIVE_SHADOW) {
        weir_server_shadow_part(shard, part);
    } else if (m && task->kind == WEIR_SERVER_LIVE_LABELS) {
        join_some(m->model, part);
        if (part->n_done < task->labels.n) { /* The rest after the requests that wait. */
            message.kind = WEIR_SERVER_LIVE;
            weir_server_inbox_push(&shard->inbox, message);
            return;
        }
    } else if (m) {
        part->status = weir_live_model_sum(m->model, task->version, task->window_s, task->now_s,
                                           &part->sum, shard->shared->mem);
        note_store(m, &part->store);
    }
    weir_server_inbox_push(&task->giver->inbox, message);
}

static void add_store(struct weir_live_store_state *to, const struct weir_live_store_state *from)
{
    to->n_waiting += from->n_waiting;
    to->capacity += from->capacity;
    to->bytes += from->bytes;
    to->share = from->share < to->share ? from->share : to->share;
    to->counters.n_put += from->counters.n_put;
    to->counters.n_sampled_out += from->counters.n_sampled_out;
    to->counters.n_duplicates += from->counters.n_duplicates;
    to->counters.n_expired += from->counters.n_expired;
    to->counters.n_evicted += from->counters.n_evicted;
}

enum weir_status weir_server_live_merge(struct weir_server_live_task *task)
{
    struct weir_server_live_part *first = &task->parts[0];
    enum weir_status status = WEIR_ERR_NOT_FOUND;
    struct weir_live_store_state store = {.share = 1};
    for (uint32_t i = 0; i < task->giver->shared->n_shards; i++) {
        struct weir_server_live_part *part = &task->parts[i];
        if (part->is_known)
            add_store(&store, &part->store);
        if (part->status == WEIR_ERR_NOT_FOUND)
            continue;
        if (part->status != WEIR_OK)
            return part->status;
        status = WEIR_OK;
        if (part == first)
            continue;
        if (!first->sum.has_shape) {
            first->sum = part->sum;
            part->sum = (struct weir_live_sum){0};
        } else if (weir_live_sum_fits(&first->sum.shape, &part->sum.shape)) {
            weir_live_sum_merge(&first->sum, &part->sum);
        } else {
            return WEIR_ERR_UNSUPPORTED;
        }
    }
    first->store = store;
    return status;
}

void weir_server_live_finish(struct weir_server_shard *shard, struct weir_server_live_part *part)
{
    struct weir_server_live_task *task = part->task;
    weir_assert(task->giver == shard);
    if (--task->n_pending > 0)
        return;
    if (task->kind == WEIR_SERVER_LIVE_METRICS)
        weir_server_live_tell(task);
    else
        weir_server_live_answer(task);
    free_task(task);
}

void weir_server_live_deinit(struct weir_server_shard *shard)
{
    WEIR_LIST_FOREACH (it, &shard->loop.versions)
        weir_server_live_detach(shard,
                                WEIR_CONTAINER_OF(it, struct weir_server_shard_version, link));
    while (!weir_list_is_empty(&shard->loop.live.tasks))
        free_task(
            WEIR_CONTAINER_OF(shard->loop.live.tasks.next, struct weir_server_live_task, link));
    while (!weir_list_is_empty(&shard->loop.live.told))
        weir_server_live_told_free(shard, WEIR_CONTAINER_OF(shard->loop.live.told.next,
                                                            struct weir_server_live_told, link));
    while (!weir_list_is_empty(&shard->loop.live.models))
        free_model(shard, WEIR_CONTAINER_OF(shard->loop.live.models.next,
                                            struct weir_server_live_model, link));
}

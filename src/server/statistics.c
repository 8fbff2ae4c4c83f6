/* SPDX-License-Identifier: MIT */
#include "server/statistics.h"

#include "base/clock.h"
#include "base/macros.h"
#include "repo/version.h"

#include <string.h>

enum { PROBES_MAX = 8 };

/* A version and its parts, one for each loop. */
struct weir_server_statistics_entry {
    struct weir_server_statistics_entry *next;
    const struct weir_version *version;
    void **blocks; /* what is owned of each part */
    struct weir_server_statistics_part *parts[];
};

void weir_server_statistics_init(struct weir_server_statistics *s, uint32_t n_shards,
                                 struct weir_mem *mem)
{
    weir_assert(s);
    *s = (struct weir_server_statistics){.mem = mem, .n_shards = n_shards};
    pthread_mutex_init(&s->shared.mu, NULL); /* Cannot fail with default attributes. */
}

static void entry_free(struct weir_server_statistics *s, struct weir_server_statistics_entry *e)
{
    for (uint32_t i = 0; e->blocks && i < s->n_shards; i++)
        weir_mem_free(s->mem, e->blocks[i]);
    weir_mem_free(s->mem, e->blocks);
    weir_mem_free(s->mem, e);
}

void weir_server_statistics_deinit(struct weir_server_statistics *s)
{
    weir_assert(s);
    if (!s->mem)
        return;
    for (size_t i = 0; i < WEIR_SERVER_STATISTICS_SLOTS; i++) {
        while (s->shared.slots[i]) {
            struct weir_server_statistics_entry *e = s->shared.slots[i];
            s->shared.slots[i] = e->next;
            entry_free(s, e);
        }
    }
    pthread_mutex_destroy(&s->shared.mu);
    *s = (struct weir_server_statistics){0};
}

/* Returns the chain that a version is in. */
static struct weir_server_statistics_entry **slot_of(struct weir_server_statistics *s,
                                                     const struct weir_version *version)
{
    uint64_t hash = (uint64_t)(uintptr_t)version * UINT64_C(0x9e3779b97f4a7c15);
    return &s->shared.slots[(hash >> 32) & (WEIR_SERVER_STATISTICS_SLOTS - 1)];
}

static struct weir_server_statistics_entry *entry_find(struct weir_server_statistics *s,
                                                       const struct weir_version *version)
{
    struct weir_server_statistics_entry *e = *slot_of(s, version);
    while (e && e->version != version)
        e = e->next;
    return e;
}

static struct weir_server_statistics_entry *entry_new(struct weir_server_statistics *s,
                                                      const struct weir_version *version)
{
    struct weir_server_statistics_entry *e =
        weir_mem_zalloc(s->mem, sizeof *e + s->n_shards * sizeof e->parts[0]);
    if (!e)
        return NULL;
    e->version = version;
    e->blocks = weir_mem_zarray(s->mem, s->n_shards, sizeof *e->blocks);
    if (!e->blocks) {
        entry_free(s, e);
        return NULL;
    }
    struct weir_server_statistics_entry **slot = slot_of(s, version);
    e->next = *slot;
    *slot = e;
    return e;
}

/* Makes a part on lines of its own. */
static void part_new(struct weir_server_statistics *s, struct weir_server_statistics_entry *e,
                     uint32_t shard)
{
    size_t align = _Alignof(struct weir_server_statistics_part);
    char *block = weir_mem_zalloc(s->mem, sizeof(struct weir_server_statistics_part) + align);
    if (!block)
        return;
    e->blocks[shard] = block;
    e->parts[shard] = (void *)(block + (-(uintptr_t)block & (align - 1)));
}

struct weir_server_statistics_part *weir_server_statistics_part(struct weir_server_statistics *s,
                                                                const struct weir_version *version,
                                                                uint32_t shard)
{
    weir_assert(s);
    weir_assert(shard < s->n_shards);
    pthread_mutex_lock(&s->shared.mu);
    struct weir_server_statistics_entry *e = entry_find(s, version);
    if (!e)
        e = entry_new(s, version);
    if (e && !e->parts[shard])
        part_new(s, e, shard);
    struct weir_server_statistics_part *part = e ? e->parts[shard] : NULL;
    pthread_mutex_unlock(&s->shared.mu);
    return part;
}

void weir_server_statistics_forget(struct weir_server_statistics *s,
                                   const struct weir_version *version)
{
    weir_assert(s);
    pthread_mutex_lock(&s->shared.mu);
    struct weir_server_statistics_entry **at = slot_of(s, version);
    while (*at && (*at)->version != version)
        at = &(*at)->next;
    struct weir_server_statistics_entry *e = *at;
    if (e)
        *at = e->next;
    pthread_mutex_unlock(&s->shared.mu);
    if (e)
        entry_free(s, e);
}

/* --- adding up ------------------------------------------------------------------------------- */

static void add_duration(struct weir_protocol_duration *to, const struct weir_metric_counter *count,
                         const struct weir_metric_counter *ns)
{
    to->count += weir_metric_counter_get(count);
    to->ns += weir_metric_counter_get(ns);
}

/* Adds a size to the list, which is in ascending order. */
static void add_size(struct weir_protocol_statistics *out,
                     const struct weir_server_statistics_size *size)
{
    uint64_t n_rows = weir_metric_counter_get(&size->n_rows);
    size_t i = 0;
    while (i < out->n_sizes && out->sizes[i].n_rows < n_rows)
        i++;
    if (i == WEIR_PROTOCOL_BATCH_SIZES_MAX)
        return;
    struct weir_protocol_batch_size *to = &out->sizes[i];
    if (i == out->n_sizes || to->n_rows != n_rows) {
        if (out->n_sizes == WEIR_PROTOCOL_BATCH_SIZES_MAX)
            out->n_sizes--;
        memmove(to + 1, to, (out->n_sizes - i) * sizeof *to);
        out->n_sizes++;
        *to = (struct weir_protocol_batch_size){.n_rows = n_rows};
    }
    to->count += weir_metric_counter_get(&size->n_runs);
    to->decode_ns += weir_metric_counter_get(&size->decode_ns);
    to->run_ns += weir_metric_counter_get(&size->run_ns);
    to->encode_ns += weir_metric_counter_get(&size->encode_ns);
}

static void add_part(struct weir_protocol_statistics *out,
                     const struct weir_server_statistics_part *part, uint64_t *last_ns)
{
    add_duration(&out->success, &part->n_success, &part->success_ns);
    add_duration(&out->fail, &part->n_fail, &part->fail_ns);
    add_duration(&out->queue, &part->n_success, &part->queue_ns);
    add_duration(&out->decode, &part->n_success, &part->decode_ns);
    add_duration(&out->run, &part->n_success, &part->run_ns);
    add_duration(&out->encode, &part->n_success, &part->encode_ns);
    out->n_rows += weir_metric_counter_get(&part->n_rows);
    out->n_batches += weir_metric_counter_get(&part->n_runs);
    uint64_t ns = weir_metric_counter_get(&part->last_ns);
    if (ns > *last_ns)
        *last_ns = ns;
    for (size_t i = 0; i < WEIR_PROTOCOL_BATCH_SIZES_MAX; i++) {
        if (weir_metric_counter_get(&part->sizes[i].n_rows) > 0)
            add_size(out, &part->sizes[i]);
    }
}

void weir_server_statistics_sum(struct weir_server_statistics *s,
                                const struct weir_version *version,
                                struct weir_protocol_statistics *out)
{
    weir_assert(s);
    weir_assert(out);
    uint64_t last_ns = 0;
    *out = (struct weir_protocol_statistics){.model_bytes = version->model_bytes};
    pthread_mutex_lock(&s->shared.mu);
    const struct weir_server_statistics_entry *e = entry_find(s, version);
    for (uint32_t i = 0; e && i < s->n_shards; i++) {
        if (e->parts[i])
            add_part(out, e->parts[i], &last_ns);
    }
    pthread_mutex_unlock(&s->shared.mu);
    uint64_t now_ns = weir_clock_ns();
    if (last_ns > 0)
        out->last_wall_ms =
            (weir_clock_wall_ns() - (now_ns > last_ns ? now_ns - last_ns : 0)) / WEIR_NS_PER_MS;
}

/* --- counting -------------------------------------------------------------------------------- */

void weir_server_statistics_succeed(struct weir_server_statistics_part *part, uint64_t now_ns,
                                    const struct weir_server_statistics_times *times)
{
    if (!part)
        return;
    weir_metric_counter_add(&part->n_success, 1);
    weir_metric_counter_add(&part->success_ns, times->whole_ns);
    weir_metric_counter_add(&part->decode_ns, times->decode_ns);
    weir_metric_counter_add(&part->queue_ns, times->queue_ns);
    weir_metric_counter_add(&part->run_ns, times->run_ns);
    weir_metric_counter_add(&part->encode_ns, times->encode_ns);
    weir_metric_counter_set(&part->last_ns, now_ns);
}

void weir_server_statistics_fail(struct weir_server_statistics_part *part, uint64_t whole_ns)
{
    if (!part)
        return;
    weir_metric_counter_add(&part->n_fail, 1);
    weir_metric_counter_add(&part->fail_ns, whole_ns);
}

/* Finds the place of a size, or takes a free one; NULL: the few places it may have are taken. */
static struct weir_server_statistics_size *size_of(struct weir_server_statistics_part *part,
                                                   uint64_t n_rows)
{
    _Static_assert((WEIR_PROTOCOL_BATCH_SIZES_MAX & (WEIR_PROTOCOL_BATCH_SIZES_MAX - 1)) == 0,
                   "a power of two");
    for (uint64_t i = 0; i < PROBES_MAX; i++) {
        struct weir_server_statistics_size *size =
            &part->sizes[(n_rows + i) & (WEIR_PROTOCOL_BATCH_SIZES_MAX - 1)];
        uint64_t known = weir_metric_counter_get(&size->n_rows);
        if (known == 0)
            weir_metric_counter_set(&size->n_rows, n_rows);
        if (known == 0 || known == n_rows)
            return size;
    }
    return NULL;
}

void weir_server_statistics_batch(struct weir_server_statistics_part *part, uint64_t n_rows,
                                  const struct weir_server_statistics_times *times)
{
    if (!part || n_rows == 0)
        return;
    weir_metric_counter_add(&part->n_rows, n_rows);
    weir_metric_counter_add(&part->n_runs, 1);
    struct weir_server_statistics_size *size = size_of(part, n_rows);
    if (!size)
        return;
    weir_metric_counter_add(&size->n_runs, 1);
    weir_metric_counter_add(&size->decode_ns, times->decode_ns);
    weir_metric_counter_add(&size->run_ns, times->run_ns);
    weir_metric_counter_add(&size->encode_ns, times->encode_ns);
}

/* SPDX-License-Identifier: MIT */
/* Series hang on their family's list in order of making, cells on their series; both lists only
 * ever grow at the end or the front, by a release store, so that the keeper can walk them without
 * the lock while a loop adds to them. Removing is the keeper's own, so nobody walks then. The lock
 * guards adding and the hash table that finds series. */
#include "metric/registry.h"

#include "base/macros.h"
#include "metric/rules.h"
#include "metric/selection.h"

#include <pthread.h>
#include <string.h>

/* Slots of the hash table: 10,000 series make chains of ten, walked at set-up only. */
enum { N_SLOTS = 1024 };

/* The largest value each unit's histograms tell apart: 2^36 ns, 2^30 bytes, 2^17. */
static uint64_t value_max_of(enum weir_metric_unit unit)
{
    switch (unit) {
    case WEIR_METRIC_UNIT_NONE:
        return UINT64_C(1) << 17;
    case WEIR_METRIC_UNIT_SECONDS:
        return UINT64_C(1) << 36;
    case WEIR_METRIC_UNIT_BYTES:
        return UINT64_C(1) << 30;
    }
    return 1;
}

/* One writer's part of a series. */
struct cell {
    _Alignas(64) struct cell *next; /* constant once published; a line of its own: one writer */
    void *block;
    uint32_t shard;
    union {
        struct weir_metric_counter counter;
        struct weir_metric_gauge gauge;
        struct weir_metric_histogram histogram;
    } v;
};

struct series {
    _Atomic(struct series *) next; /* of the family; release: adding, acquire: exposing */
    struct series *next_in_slot;   /* under the lock */
    _Atomic(struct cell *) cells;  /* release: adding, acquire: exposing */
    size_t family;
    uint64_t hash;
    struct weir_str values[WEIR_METRIC_LABELS_MAX];
    char bytes[]; /* the values */
};

struct family {
    _Atomic(struct series *) first; /* release: adding, acquire: exposing */
    struct series *last;            /* under the lock */
    struct series *other; /* has a cell for every shard; the only series when there are no labels */
    _Atomic(bool) other_is_used;
};

struct weir_metric_registry {
    struct weir_mem *mem; /* constant after new */
    const struct weir_metric_family *families;
    size_t n_families;
    uint32_t n_shards;
    uint32_t n_series_max;
    struct family *state;
    struct {
        pthread_mutex_t mu;
        struct series *slots[N_SLOTS]; /* under mu */
        _Atomic(uint32_t) n_series;    /* written under mu */
        _Atomic(uint64_t) n_refused;   /* written under mu */
    } shared;
};

/* --- Making series and cells, under the lock (or before there are other threads) --- */

/* FNV-1a. */
static uint64_t hash_bytes(uint64_t hash, const void *at, size_t n)
{
    const unsigned char *s = at;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ s[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t hash_key(size_t family, const struct weir_str *values, uint32_t n)
{
    uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), &family, sizeof family);
    for (uint32_t i = 0; i < n; i++)
        hash = hash_bytes(hash_bytes(hash, values[i].at, values[i].n), "", 1);
    return hash;
}

enum weir_status weir_metric_registry_histogram_init(const struct weir_metric_registry *r,
                                                     size_t family,
                                                     struct weir_metric_histogram *histogram)
{
    return weir_metric_histogram_init(histogram, WEIR_METRIC_HISTOGRAM_COARSE,
                                      value_max_of(r->families[family].unit), r->mem);
}

static struct cell *cell_new(struct weir_metric_registry *r, size_t family, uint32_t shard)
{
    void *block = weir_mem_zalloc(r->mem, sizeof(struct cell) + _Alignof(struct cell));
    if (!block)
        return NULL;
    uintptr_t mask = _Alignof(struct cell) - 1;
    uintptr_t at = ((uintptr_t)block + mask) & ~mask;
    struct cell *cell = (struct cell *)(void *)((char *)block + (at - (uintptr_t)block));
    cell->block = block;
    cell->shard = shard;
    const struct weir_metric_family *f = &r->families[family];
    if (f->type == WEIR_METRIC_HISTOGRAM &&
        weir_metric_registry_histogram_init(r, family, &cell->v.histogram) != WEIR_OK) {
        weir_mem_free(r->mem, block);
        return NULL;
    }
    return cell;
}

static void series_free(struct weir_metric_registry *r, struct series *s)
{
    if (!s)
        return;
    struct cell *cell = atomic_load_explicit(&s->cells, memory_order_relaxed);
    while (cell) {
        struct cell *next = cell->next;
        if (r->families[s->family].type == WEIR_METRIC_HISTOGRAM)
            weir_metric_histogram_deinit(&cell->v.histogram);
        weir_mem_free(r->mem, cell->block);
        cell = next;
    }
    weir_mem_free(r->mem, s);
}

/* Finds the cell of a shard, or makes it; NULL: no memory. */
static struct cell *cell_get(struct weir_metric_registry *r, struct series *s, uint32_t shard)
{
    struct cell *first = atomic_load_explicit(&s->cells, memory_order_relaxed);
    for (struct cell *cell = first; cell; cell = cell->next) {
        if (cell->shard == shard)
            return cell;
    }
    struct cell *cell = cell_new(r, s->family, shard);
    if (cell) {
        cell->next = first;
        atomic_store_explicit(&s->cells, cell, memory_order_release);
    }
    return cell;
}

static struct series *series_new(struct weir_metric_registry *r, size_t family,
                                 const struct weir_str *values)
{
    uint32_t n = weir_metric_text_n_labels(&r->families[family]);
    size_t bytes = 0;
    for (uint32_t i = 0; i < n; i++)
        bytes += values[i].n;
    struct series *s = weir_mem_zalloc(r->mem, sizeof *s + bytes);
    if (!s)
        return NULL;
    s->family = family;
    s->hash = hash_key(family, values, n);
    char *at = s->bytes;
    for (uint32_t i = 0; i < n; i++) {
        if (values[i].n > 0)
            memcpy(at, values[i].at, values[i].n);
        s->values[i] = weir_str_make(at, values[i].n);
        at += values[i].n;
    }
    return s;
}

static bool series_is(const struct weir_metric_registry *r, const struct series *s, uint64_t hash,
                      size_t family, const struct weir_str *values)
{
    if (s->hash != hash || s->family != family)
        return false;
    uint32_t n = weir_metric_text_n_labels(&r->families[family]);
    for (uint32_t i = 0; i < n; i++) {
        if (!weir_str_eq(s->values[i], values[i]))
            return false;
    }
    return true;
}

/* Finds a series or makes it; NULL: no room or no memory. */
static struct series *series_get(struct weir_metric_registry *r, size_t family,
                                 const struct weir_str *values)
{
    uint64_t hash = hash_key(family, values, weir_metric_text_n_labels(&r->families[family]));
    struct series **slot = &r->shared.slots[hash % N_SLOTS];
    for (struct series *s = *slot; s; s = s->next_in_slot) {
        if (series_is(r, s, hash, family, values))
            return s;
    }
    uint32_t n_series = atomic_load_explicit(&r->shared.n_series, memory_order_relaxed);
    if (n_series >= r->n_series_max)
        return NULL;
    struct series *s = series_new(r, family, values);
    if (!s)
        return NULL;
    s->next_in_slot = *slot;
    *slot = s;
    struct family *state = &r->state[family];
    if (state->last)
        atomic_store_explicit(&state->last->next, s, memory_order_release);
    else
        atomic_store_explicit(&state->first, s, memory_order_release);
    state->last = s;
    atomic_store_explicit(&r->shared.n_series, n_series + 1, memory_order_relaxed);
    return s;
}

static struct cell *get(struct weir_metric_registry *r, uint32_t shard, size_t family,
                        const struct weir_str *values, enum weir_metric_type type)
{
    weir_assert(r);
    weir_assert(shard < r->n_shards);
    weir_assert(family < r->n_families);
    weir_assert(r->families[family].type == type);
    struct family *state = &r->state[family];
    weir_assert(state->other);
    uint32_t n = weir_metric_text_n_labels(&r->families[family]);
    char bytes[WEIR_METRIC_LABELS_MAX][WEIR_METRIC_LABEL_BYTES_MAX];
    struct weir_str clean[WEIR_METRIC_LABELS_MAX] = {{NULL, 0}};
    for (uint32_t i = 0; i < n; i++)
        clean[i] = weir_str_make(bytes[i], weir_metric_rules_clean_label(values[i], bytes[i]));
    pthread_mutex_lock(&r->shared.mu);
    struct series *s = n > 0 ? series_get(r, family, clean) : state->other;
    struct cell *cell = s ? cell_get(r, s, shard) : NULL;
    if (!cell) {
        cell = cell_get(r, state->other, shard); /* it is there */
        atomic_store_explicit(&state->other_is_used, true, memory_order_relaxed);
        atomic_fetch_add_explicit(&r->shared.n_refused, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&r->shared.mu);
    weir_assert(cell);
    return cell;
}

struct weir_metric_counter *weir_metric_registry_counter(struct weir_metric_registry *r,
                                                         uint32_t shard, size_t family,
                                                         const struct weir_str *values)
{
    return &get(r, shard, family, values, WEIR_METRIC_COUNTER)->v.counter;
}

struct weir_metric_gauge *weir_metric_registry_gauge(struct weir_metric_registry *r, uint32_t shard,
                                                     size_t family, const struct weir_str *values)
{
    return &get(r, shard, family, values, WEIR_METRIC_GAUGE)->v.gauge;
}

struct weir_metric_histogram *weir_metric_registry_histogram(struct weir_metric_registry *r,
                                                             uint32_t shard, size_t family,
                                                             const struct weir_str *values)
{
    return &get(r, shard, family, values, WEIR_METRIC_HISTOGRAM)->v.histogram;
}

/* --- New and free --- */

static bool make_others(struct weir_metric_registry *r)
{
    struct weir_str values[WEIR_METRIC_LABELS_MAX];
    for (size_t i = 0; i < WEIR_METRIC_LABELS_MAX; i++)
        values[i] = WEIR_STR("other");
    for (size_t i = 0; i < r->n_families; i++) {
        r->state[i].other = series_new(r, i, values);
        if (!r->state[i].other)
            return false;
        for (uint32_t shard = 0; shard < r->n_shards; shard++) {
            if (!cell_get(r, r->state[i].other, shard))
                return false;
        }
    }
    return true;
}

enum weir_status weir_metric_registry_new(struct weir_metric_registry **out,
                                          const struct weir_metric_family *families,
                                          size_t n_families, uint32_t n_shards,
                                          uint32_t n_series_max, struct weir_mem *mem,
                                          struct weir_error *err)
{
    weir_assert(out);
    weir_assert(families);
    weir_assert(n_shards > 0);
    weir_assert(n_shards <= WEIR_METRIC_SHARDS_MAX);
    enum weir_status status = weir_metric_rules_check(families, n_families, err);
    if (status != WEIR_OK)
        return status;
    struct weir_metric_registry *r = weir_mem_zalloc(mem, sizeof *r);
    if (!r)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the metrics");
    r->mem = mem;
    r->families = families;
    r->n_families = n_families;
    r->n_shards = n_shards;
    r->n_series_max = n_series_max;
    pthread_mutex_init(&r->shared.mu, NULL); /* cannot fail with default attributes */
    r->state = weir_mem_zarray(mem, n_families, sizeof *r->state);
    if (!r->state || !make_others(r)) {
        weir_metric_registry_free(r);
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the metrics");
    }
    *out = r;
    return WEIR_OK;
}

void weir_metric_registry_free(struct weir_metric_registry *r)
{
    if (!r)
        return;
    for (size_t i = 0; r->state && i < r->n_families; i++) {
        struct series *s = atomic_load_explicit(&r->state[i].first, memory_order_relaxed);
        while (s) {
            struct series *next = atomic_load_explicit(&s->next, memory_order_relaxed);
            series_free(r, s);
            s = next;
        }
        series_free(r, r->state[i].other);
    }
    pthread_mutex_destroy(&r->shared.mu);
    weir_mem_free(r->mem, r->state);
    weir_mem_free(r->mem, r);
}

/* --- Removing --- */

static bool has_label(const struct weir_metric_registry *r, const struct series *s,
                      const char *label, struct weir_str value)
{
    const struct weir_metric_family *f = &r->families[s->family];
    uint32_t n = weir_metric_text_n_labels(f);
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(f->labels[i], label) == 0)
            return weir_str_eq(s->values[i], value);
    }
    return false;
}

static void unlink_from_slot(struct weir_metric_registry *r, struct series *s)
{
    struct series **at = &r->shared.slots[s->hash % N_SLOTS];
    while (*at != s)
        at = &(*at)->next_in_slot;
    *at = s->next_in_slot;
}

size_t weir_metric_registry_remove(struct weir_metric_registry *r, const char *label_a,
                                   struct weir_str value_a, const char *label_b,
                                   struct weir_str value_b)
{
    weir_assert(r);
    weir_assert(label_a);
    size_t n = 0;
    pthread_mutex_lock(&r->shared.mu);
    for (size_t i = 0; i < r->n_families; i++) {
        struct family *state = &r->state[i];
        _Atomic(struct series *) *at = &state->first;
        struct series *last = NULL;
        for (struct series *s; (s = atomic_load_explicit(at, memory_order_relaxed)) != NULL;) {
            if (has_label(r, s, label_a, value_a) &&
                (!label_b || has_label(r, s, label_b, value_b))) {
                atomic_store_explicit(at, atomic_load_explicit(&s->next, memory_order_relaxed),
                                      memory_order_relaxed);
                unlink_from_slot(r, s);
                series_free(r, s);
                n++;
            } else {
                last = s;
                at = &s->next;
            }
        }
        state->last = last;
    }
    atomic_fetch_sub_explicit(&r->shared.n_series, (uint32_t)n, memory_order_relaxed);
    pthread_mutex_unlock(&r->shared.mu);
    return n;
}

/* --- Exposing --- */

/* Adds up the cells of a series; histogram: the merged one is made there. false: there was no
 * memory for any cell, it counts as other. */
static bool add_up(const struct weir_metric_registry *r, const struct series *s, uint64_t *sum,
                   struct weir_metric_histogram *histogram)
{
    enum weir_metric_type type = r->families[s->family].type;
    const struct cell *cell = atomic_load_explicit(&s->cells, memory_order_acquire);
    *sum = 0;
    if (!cell)
        return false;
    if (type == WEIR_METRIC_HISTOGRAM)
        weir_metric_histogram_reset(histogram);
    for (; cell; cell = cell->next) {
        switch (type) {
        case WEIR_METRIC_COUNTER:
            *sum += weir_metric_counter_get(&cell->v.counter);
            break;
        case WEIR_METRIC_GAUGE:
            *sum += (uint64_t)weir_metric_gauge_get(&cell->v.gauge);
            break;
        case WEIR_METRIC_HISTOGRAM:
            weir_metric_histogram_merge(histogram, &cell->v.histogram);
            break;
        }
    }
    return true;
}

/* Calls fn for each series of a family, at the end for `other` where asked for. */
static enum weir_status each(const struct weir_metric_registry *r, size_t family, bool with_other,
                             weir_metric_registry_visit_fn *fn, void *ctx)
{
    bool is_histogram = r->families[family].type == WEIR_METRIC_HISTOGRAM;
    struct weir_metric_histogram merged = {0};
    struct weir_metric_histogram *histogram = is_histogram ? &merged : NULL;
    uint64_t sum;
    if (is_histogram && weir_metric_registry_histogram_init(r, family, &merged) != WEIR_OK)
        return WEIR_ERR_NO_MEMORY;
    const struct series *s = atomic_load_explicit(&r->state[family].first, memory_order_acquire);
    for (; s; s = atomic_load_explicit(&s->next, memory_order_acquire)) {
        if (add_up(r, s, &sum, histogram))
            fn(ctx, s->values, sum, histogram);
    }
    if (with_other && add_up(r, r->state[family].other, &sum, histogram))
        fn(ctx, r->state[family].other->values, sum, histogram);
    weir_metric_histogram_deinit(&merged);
    return WEIR_OK;
}

static bool has_other(const struct weir_metric_registry *r, size_t family)
{
    return weir_metric_text_n_labels(&r->families[family]) == 0 ||
           atomic_load_explicit(&r->state[family].other_is_used, memory_order_relaxed);
}

enum weir_status weir_metric_registry_visit(const struct weir_metric_registry *r, size_t family,
                                            weir_metric_registry_visit_fn *fn, void *ctx)
{
    weir_assert(r);
    weir_assert(family < r->n_families);
    return each(r, family, false, fn, ctx);
}

enum weir_status weir_metric_registry_visit_all(const struct weir_metric_registry *r, size_t family,
                                                weir_metric_registry_visit_fn *fn, void *ctx)
{
    weir_assert(r);
    weir_assert(family < r->n_families);
    return each(r, family, has_other(r, family), fn, ctx);
}

bool weir_metric_registry_is_empty(const struct weir_metric_registry *r, size_t family)
{
    weir_assert(r);
    weir_assert(family < r->n_families);
    return !atomic_load_explicit(&r->state[family].first, memory_order_acquire) &&
           !has_other(r, family);
}

const struct weir_metric_family *weir_metric_registry_families(const struct weir_metric_registry *r,
                                                               size_t *n)
{
    weir_assert(r);
    *n = r->n_families;
    return r->families;
}

void weir_metric_registry_expose(const struct weir_metric_registry *r, struct weir_buf *out)
{
    static const struct weir_metric_selection all = {.n_names = 0};
    weir_metric_selection_expose(&all, r, out);
}

uint32_t weir_metric_registry_n_series(const struct weir_metric_registry *r)
{
    weir_assert(r);
    return atomic_load_explicit(&r->shared.n_series, memory_order_relaxed);
}

uint64_t weir_metric_registry_n_refused(const struct weir_metric_registry *r)
{
    weir_assert(r);
    return atomic_load_explicit(&r->shared.n_refused, memory_order_relaxed);
}

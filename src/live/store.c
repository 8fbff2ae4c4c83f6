/* SPDX-License-Identifier: MIT */
#include "live/store.h"

#include "base/macros.h"

#include <math.h>
#include <string.h>

enum {
    PASSED_AT_ONCE = 4, /* records that a put looks at for having expired: more than it makes */
    SHARE_BITS_MIN = 16,
};

/* A place of the index. */
struct slot {
    uint32_t at;  /* ring place + 1; 0: free */
    uint32_t tag; /* of the key: its home place is among these bits */
};

struct weir_live_store {
    struct weir_mem *mem;
    uint32_t capacity;
    uint32_t ttl_s;
    uint32_t n_extra;
    uint32_t mask; /* of the index */
    struct weir_live_record *ring;
    uint16_t *extra;
    struct slot *index;
    uint32_t first;    /* the oldest record's place */
    uint32_t n;        /* records in the ring */
    uint32_t n_passed; /* the oldest of them, that are expired */
    uint32_t n_pushed; /* pushed out before their time since the share was last changed */
    uint32_t changed_s;
    uint64_t threshold; /* keys are kept whose b is not above it */
    struct weir_live_store_counters counters;
};

/* The index is at most 3/4 full. */
static uint32_t index_size(uint32_t capacity)
{
    uint32_t size = 64;
    while ((uint64_t)size * 3 < (uint64_t)capacity * 4)
        size *= 2;
    return size;
}

size_t weir_live_store_bytes(const struct weir_live_store_opts *opts)
{
    size_t record = sizeof(struct weir_live_record) + opts->n_extra * sizeof(uint16_t);
    return sizeof(struct weir_live_store) + opts->capacity * record +
           index_size(opts->capacity) * sizeof(struct slot);
}

enum weir_status weir_live_store_new(struct weir_live_store **out,
                                     const struct weir_live_store_opts *opts, struct weir_mem *mem)
{
    weir_assert(out);
    weir_assert(opts->capacity >= 16);
    weir_assert(opts->capacity <= UINT32_C(1) << 30);
    weir_assert(opts->ttl_s >= 1);
    struct weir_live_store *s = weir_mem_zalloc(mem, sizeof *s);
    if (!s)
        return WEIR_ERR_NO_MEMORY;
    *s = (struct weir_live_store){.mem = mem,
                                  .capacity = opts->capacity,
                                  .ttl_s = opts->ttl_s,
                                  .n_extra = opts->n_extra,
                                  .mask = index_size(opts->capacity) - 1,
                                  .threshold = UINT64_MAX};
    /* Records are written before they are read: without zeroing them the pages come with the
     * records, and a loop that switches this on does not stand still. */
    s->ring = weir_mem_array(mem, opts->capacity, sizeof *s->ring);
    s->index = weir_mem_zarray(mem, (size_t)s->mask + 1, sizeof *s->index);
    if (opts->n_extra > 0)
        s->extra = weir_mem_array(mem, opts->capacity, opts->n_extra * sizeof *s->extra);
    if (!s->ring || !s->index || (opts->n_extra > 0 && !s->extra)) {
        weir_live_store_free(s);
        return WEIR_ERR_NO_MEMORY;
    }
    *out = s;
    return WEIR_OK;
}

void weir_live_store_free(struct weir_live_store *store)
{
    if (!store)
        return;
    weir_mem_free(store->mem, store->ring);
    weir_mem_free(store->mem, store->extra);
    weir_mem_free(store->mem, store->index);
    weir_mem_free(store->mem, store);
}

/* --- the index: linear probing, closed up on removal ----------------------------------------- */

static uint32_t tag_of(struct weir_live_key key)
{
    return (uint32_t)key.a;
}

/* Returns the index's place of a key's record, or the free place where it would be. */
static uint32_t probe(const struct weir_live_store *s, struct weir_live_key key)
{
    uint32_t tag = tag_of(key);
    uint32_t i = tag & s->mask;
    while (s->index[i].at != 0) {
        if (s->index[i].tag == tag && weir_live_key_eq(s->ring[s->index[i].at - 1].key, key))
            break;
        i = (i + 1) & s->mask;
    }
    return i;
}

/* Frees a place, and moves those behind it that would not be found any more. */
static void unlink_slot(struct weir_live_store *s, uint32_t hole)
{
    uint32_t i = hole;
    for (;;) {
        s->index[hole].at = 0;
        uint32_t home;
        do {
            i = (i + 1) & s->mask;
            if (s->index[i].at == 0)
                return;
            home = s->index[i].tag & s->mask;
            /* Stays if its home lies behind the hole, going round. */
        } while (((i - home) & s->mask) < ((i - hole) & s->mask));
        s->index[hole] = s->index[i];
        hole = i;
    }
}

/* --- time and room --------------------------------------------------------------------------- */

static bool is_expired(const struct weir_live_store *s, const struct weir_live_record *r,
                       uint32_t now_s)
{
    return now_s > r->at_s && now_s - r->at_s > s->ttl_s;
}

static bool is_waiting(const struct weir_live_record *r)
{
    return !(r->flags & (WEIR_LIVE_RECORD_LABELLED | WEIR_LIVE_RECORD_REPLACED));
}

/* Counts some of the records whose time has passed. */
static void pass(struct weir_live_store *s, uint32_t now_s)
{
    for (int i = 0; i < PASSED_AT_ONCE && s->n_passed < s->n; i++) {
        struct weir_live_record *r = &s->ring[(s->first + s->n_passed) % s->capacity];
        if (!is_expired(s, r, now_s))
            break;
        r->flags |= WEIR_LIVE_RECORD_PASSED;
        s->counters.n_expired += is_waiting(r);
        s->n_passed++;
    }
}

/* Keeps fewer keys where what is pushed out is young, more where most of the ring is old. */
static void adapt(struct weir_live_store *s, uint32_t now_s)
{
    uint32_t n_fresh = s->n - s->n_passed;
    if (s->n_pushed > s->capacity / 2) {
        if (s->threshold >> (64 - SHARE_BITS_MIN) > 1)
            s->threshold /= 2;
    } else if (s->threshold == UINT64_MAX || n_fresh > s->capacity / 4 ||
               now_s - s->changed_s <= s->ttl_s) {
        return;
    } else {
        s->threshold = s->threshold * 2 + 1;
    }
    s->n_pushed = 0;
    s->changed_s = now_s;
}

/* Takes the oldest record out. */
static void push_out(struct weir_live_store *s, uint32_t now_s)
{
    struct weir_live_record *r = &s->ring[s->first];
    if (s->n_passed > 0) {
        s->n_passed--;
    } else if (is_expired(s, r, now_s)) {
        s->counters.n_expired += is_waiting(r);
    } else {
        s->counters.n_evicted += is_waiting(r);
        s->n_pushed++;
    }
    if (!(r->flags & WEIR_LIVE_RECORD_REPLACED))
        unlink_slot(s, probe(s, r->key));
    s->first = (s->first + 1) % s->capacity;
    s->n--;
}

/* --- calls ----------------------------------------------------------------------------------- */

struct weir_live_record *weir_live_store_put(struct weir_live_store *store,
                                             struct weir_live_key key, uint32_t now_s)
{
    weir_assert(store);
    struct weir_live_store *s = store;
    if (s->counters.n_put == 0)
        s->changed_s = now_s;
    pass(s, now_s);
    adapt(s, now_s);
    if (key.b > s->threshold) {
        s->counters.n_sampled_out++;
        return NULL;
    }
    if (s->n == s->capacity)
        push_out(s, now_s);
    uint32_t i = probe(s, key);
    if (s->index[i].at != 0) {
        s->counters.n_duplicates++;
        s->ring[s->index[i].at - 1].flags |= WEIR_LIVE_RECORD_REPLACED;
    }
    uint32_t at = (uint32_t)(((uint64_t)s->first + s->n) % s->capacity);
    s->n++;
    s->counters.n_put++;
    s->index[i] = (struct slot){at + 1, tag_of(key)};
    s->ring[at] = (struct weir_live_record){.key = key, .at_s = now_s};
    return &s->ring[at];
}

uint16_t *weir_live_store_extra(struct weir_live_store *store,
                                const struct weir_live_record *record)
{
    return store->extra + (size_t)(record - store->ring) * store->n_extra;
}

enum weir_live_store_found weir_live_store_find(struct weir_live_store *store,
                                                struct weir_live_key key, uint32_t now_s,
                                                struct weir_live_record **out)
{
    weir_assert(store);
    struct weir_live_store *s = store;
    pass(s, now_s);
    uint32_t i = probe(s, key);
    if (s->index[i].at == 0)
        return key.b > s->threshold ? WEIR_LIVE_STORE_SAMPLED_OUT : WEIR_LIVE_STORE_UNKNOWN;
    *out = &s->ring[s->index[i].at - 1];
    return is_expired(s, *out, now_s) ? WEIR_LIVE_STORE_EXPIRED : WEIR_LIVE_STORE_FOUND;
}

uint32_t weir_live_store_n(const struct weir_live_store *store)
{
    weir_assert(store);
    return store->n - store->n_passed;
}

double weir_live_store_share(const struct weir_live_store *store)
{
    weir_assert(store);
    return store->threshold == UINT64_MAX ? 1 : ldexp((double)store->threshold, -64);
}

const struct weir_live_store_counters *weir_live_store_counters(const struct weir_live_store *s)
{
    weir_assert(s);
    return &s->counters;
}

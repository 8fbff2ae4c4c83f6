/* SPDX-License-Identifier: MIT */
/* Predictions that wait for their labels, in memory that never grows.
 *
 * Records lie in a ring in the order they came, so the oldest is always at hand; an index of open
 * addressing finds them by key. A record is forgotten when its place is needed, not before: past
 * its time to live a label still meets it, and is told that it came too late. Nothing is scanned:
 * every operation is O(1), what goes with time is counted a few records at a time.
 *
 * Where more comes than fits within the time to live, the store keeps a share q of the keys, those
 * whose hash is below q · 2^64. Which predictions are kept depends on nothing else, so measures of
 * them are unbiased; the same test tells a label of a prediction that was left out from one of
 * none.
 *
 * Pure: time is an argument (seconds of the wall clock, never falling). One thread. */
#ifndef WEIR_LIVE_STORE_H
#define WEIR_LIVE_STORE_H

#include "base/mem.h"
#include "live/key.h"

/* What is kept of a prediction: 48 bytes. */
struct weir_live_record {
    struct weir_live_key key;
    double score; /* of the positive class, or the predicted number; NaN: none */
    double truth; /* class index or number, once labelled */
    uint32_t at_s;
    uint16_t version; /* the owner's slot, */
    uint16_t epoch;   /* and the use of that slot it is of */
    uint16_t decided; /* class */
    uint8_t flags;    /* enum weir_live_record_flag */
    uint8_t reserved;
    uint32_t reserved_too;
};

enum weir_live_record_flag {
    WEIR_LIVE_RECORD_LABELLED = 1,
    WEIR_LIVE_RECORD_REPLACED = 2, /* its id came again: no label finds it */
    WEIR_LIVE_RECORD_PASSED = 4,   /* was counted as expired or pushed out */
};

struct weir_live_store_counters {
    uint64_t n_put;
    uint64_t n_sampled_out; /* rows that q left out */
    uint64_t n_duplicates;  /* ids that came again while they were known; the newest counts */
    uint64_t n_expired;     /* unlabelled past their time to live */
    uint64_t n_evicted;     /* unlabelled before it, for want of room */
};

struct weir_live_store;

struct weir_live_store_opts {
    uint32_t capacity; /* records, at least 16 */
    uint32_t ttl_s;    /* at least 1 */
    uint32_t n_extra;  /* 16-bit numbers beside each record */
};

/* Makes a store; takes all the memory that it will ever have. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_live_store_new(struct weir_live_store **out,
                                                   const struct weir_live_store_opts *opts,
                                                   struct weir_mem *mem);
void weir_live_store_free(struct weir_live_store *store);

/* Returns the bytes that a store of these options takes. */
size_t weir_live_store_bytes(const struct weir_live_store_opts *opts);

/* Makes a record of a key, with key and at_s set and the rest zero; NULL: it is sampled out. Valid
 * until the next put. */
struct weir_live_record *weir_live_store_put(struct weir_live_store *store,
                                             struct weir_live_key key, uint32_t now_s);

/* Returns the n_extra numbers of a record. */
uint16_t *weir_live_store_extra(struct weir_live_store *store,
                                const struct weir_live_record *record);

/* What a label's key is known as. */
enum weir_live_store_found {
    WEIR_LIVE_STORE_FOUND,
    WEIR_LIVE_STORE_EXPIRED,     /* it is there, past its time to live */
    WEIR_LIVE_STORE_SAMPLED_OUT, /* it is not there, and would not have been kept */
    WEIR_LIVE_STORE_UNKNOWN,
};

/* Finds a record; *out is set for FOUND and EXPIRED, valid until the next put. */
enum weir_live_store_found weir_live_store_find(struct weir_live_store *store,
                                                struct weir_live_key key, uint32_t now_s,
                                                struct weir_live_record **out);

/* Returns how many records could still be found and labelled; and the share of keys that is kept.
 */
uint32_t weir_live_store_n(const struct weir_live_store *store);
double weir_live_store_share(const struct weir_live_store *store);
const struct weir_live_store_counters *weir_live_store_counters(const struct weir_live_store *s);

#endif

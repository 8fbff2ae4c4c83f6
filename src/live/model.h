/* SPDX-License-Identifier: MIT */
/* The live quality of one model on one loop: predictions that wait for their labels, and windows of
 * counts for each version.
 *
 *     record (predictions, as they are answered) ─▶ store, windows
 *     label  (by id, when the truth is known)    ─▶ the prediction's own window
 *     sum    (asked for)                          ─▶ windows added up
 *
 * Loops have one each and share nothing; sums of all loops are merged. All memory is taken when the
 * model or a version of it is added. Versions are known for as long as their windows may be asked
 * for, whether or not they still serve; the oldest of more than four is forgotten. One thread. */
#ifndef WEIR_LIVE_MODEL_H
#define WEIR_LIVE_MODEL_H

#include "live/store.h"
#include "live/sum.h"

enum { WEIR_LIVE_VERSIONS_MAX = 4, WEIR_LIVE_SPANS = 24 };

struct weir_live_model;

struct weir_live_model_opts {
    uint32_t capacity; /* predictions that may wait */
    uint32_t ttl_s;    /* how long they do */
    uint32_t window_s; /* how far back is counted, in WEIR_LIVE_SPANS spans of equal length */
    bool keeps_first;  /* of several labels of a prediction the first counts, else the last */
};

/* Makes an empty one; n_columns: binned scores of a row, as the shape of the first version says.
 * WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_live_model_new(struct weir_live_model **out,
                                                   const struct weir_live_model_opts *opts,
                                                   uint32_t n_columns, struct weir_mem *mem);
void weir_live_model_free(struct weir_live_model *model);

/* Returns the bytes held, all versions included. */
size_t weir_live_model_bytes(const struct weir_live_model *model);

/* Returns what is kept of predictions and has been counted. Borrowed. */
const struct weir_live_store *weir_live_model_store(const struct weir_live_model *model);

/* Adds a version, or finds it again by number and digest (64 hex digits), and returns its slot; the
 * shape is copied, its reference borrowed until weir_live_model_detach. classes: n_classes labels
 * as JSON, copied. −1: no memory. */
int weir_live_model_attach(struct weir_live_model *model, uint64_t number, const char *digest,
                           const struct weir_live_shape *shape, const struct weir_str *classes);

/* Forgets the reference of a version's slot: its version is about to be freed. Drift of it is not
 * told any more. */
void weir_live_model_detach(struct weir_live_model *model, int slot);

/* Files what was seen of the rows of a request with the given key. Returns how many rows are kept;
 * the others are sampled out. */
uint32_t weir_live_model_record(struct weir_live_model *model, int slot,
                                struct weir_live_key request,
                                const struct weir_live_observation *seen, uint64_t now_s);

/* The truth of a prediction. */
struct weir_live_label {
    struct weir_live_key_names names;
    struct weir_str text; /* as JSON without quotes; borrowed during the call */
    double number;
    bool is_number; /* number holds it */
};

/* What became of a label: code, name (label value, member of the answer), whether it is an error of
 * the row. */
#define WEIR_LIVE_JOIN_MAP(X)            \
    X(MATCHED, "matched", false)         \
    X(UPDATED, "updated", false)         \
    X(DUPLICATE, "duplicate", false)     \
    X(KEPT, "kept", false)               \
    X(EXPIRED, "expired", false)         \
    X(SAMPLED_OUT, "sampled_out", false) \
    X(UNKNOWN, "unknown", false)         \
    X(UNKNOWN_CLASS, "invalid", true)

enum weir_live_join {
#define WEIR_LIVE_JOIN_ENUM(code, name, is_error) WEIR_LIVE_JOIN_##code,
    WEIR_LIVE_JOIN_MAP(WEIR_LIVE_JOIN_ENUM)
#undef WEIR_LIVE_JOIN_ENUM
};

enum { WEIR_LIVE_JOIN_N = 8 };

const char *weir_live_model_join_name(enum weir_live_join join);

/* What a label met. */
struct weir_live_joined {
    enum weir_live_join join;
    uint64_t delay_s; /* for MATCHED */
    uint64_t version; /* number, for MATCHED and UPDATED */
    uint32_t truth;   /* class, for MATCHED and UPDATED of classes */
    uint32_t decided;
};

/* Joins a label to its prediction. A label that is the same as before is a DUPLICATE; another one
 * takes the place of the first, which is taken back from all counts (UPDATED), or is not taken
 * (KEPT). */
struct weir_live_joined weir_live_model_label(struct weir_live_model *model,
                                              const struct weir_live_label *label, uint64_t now_s);

/* Adds what a version (0: all versions of the shape that sum has) counted within the last window_s
 * seconds, rounded up to whole spans, to sum; a sum without a shape gets that of the first that is
 * added. WEIR_ERR_NOT_FOUND: no such version; WEIR_ERR_UNSUPPORTED: versions of different shapes;
 * WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_live_model_sum(struct weir_live_model *model, uint64_t version,
                                                   uint64_t window_s, uint64_t now_s,
                                                   struct weir_live_sum *sum, struct weir_mem *mem);

/* Returns the classes of a version (0: of the newest), n_classes labels as JSON; NULL: none.
 * Borrowed until the version is forgotten. */
const struct weir_str *weir_live_model_classes(const struct weir_live_model *model,
                                               uint64_t version);

/* Returns the digest that a version was attached with; empty: there is no such version, or 0 was
 * asked for. Borrowed as above. */
const char *weir_live_model_digest(const struct weir_live_model *model, uint64_t version);

#endif

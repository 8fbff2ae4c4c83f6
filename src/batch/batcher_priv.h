/* SPDX-License-Identifier: MIT */
/* The inside of the batcher, for its files only.
 *
 * A batch is in exactly one place, by loop.place:
 *
 *     SPARE ─ first commit ─▶ WAITING ─ take ─▶ OUT ─ finish ─▶ SPARE
 *                  │            │  ▲─ put_back ─┘
 *                  │            └── nothing alive in it ─▶ SPARE
 *                  └ DECODING (reserved, not committed; in no list)
 *
 * WAITING is one list for all lanes, in order of the oldest row: opening appends. */
#ifndef WEIR_BATCH_BATCHER_PRIV_H
#define WEIR_BATCH_BATCHER_PRIV_H

#include "batch/batcher.h"

enum place { PLACE_SPARE, PLACE_DECODING, PLACE_WAITING, PLACE_OUT };

enum {
    WEIR_BATCH_SPARES_MAX = 32,   /* batches kept for reuse */
    WEIR_BATCH_SLICES_CHUNK = 64, /* slices allocated together */
    WEIR_BATCH_ALIGN = 64,
    WEIR_BATCH_BYTES_MIN = 4096,        /* smallest matrix */
    WEIR_BATCH_TEXT_BYTES_MIN = 4096,   /* smallest piece of text memory */
    WEIR_BATCH_TEXT_BYTES_KEPT = 65536, /* of a spare batch, at most */
    WEIR_BATCH_LANES_MAX = 64, /* of a version; past it the one that was not used for longest is
                                  forgotten, unless it has batches */
};

/* What is queued of one level of priority of a version. */
struct weir_batcher_level {
    uint32_t n_requests; /* admitted, not finished, not dead */
    uint32_t n_rows;
    size_t n_bytes;
    uint32_t n_waiting;       /* batches not taken yet */
    uint64_t waiting_cost_ns; /* expected cost of these, */
    uint64_t open_cost_ns;    /* and of the open ones among them */
};

struct weir_batcher_lane {
    struct weir_batcher_lane *next; /* of its version */
    struct weir_batcher_version *version;
    struct weir_batcher_level *level;
    enum weir_dtype dtype;
    uint32_t n_columns;
    uint32_t costly;
    size_t row_bytes;
    uint32_t n_batches;                 /* that are of this lane, in whatever place */
    struct weir_batch_tensors *tensors; /* owned; NULL: rows */
    struct weir_batch *open;            /* gathering; NULL: none */
    struct weir_batch_cost *cost; /* the version's; own for lanes with costly outputs or tensors */
    struct weir_batch_cost own;
};

struct weir_batcher_version {
    struct weir_list link; /* of the batcher's versions or released ones */
    void *user;
    struct weir_batcher_limits limits;
    struct weir_batcher_lane *lanes; /* the last used first */
    uint32_t n_lanes;
    struct weir_batch_cost cost;
    uint32_t n_waiting; /* batches, open ones included */
    uint32_t n_out;     /* batches taken and not finished */
    bool is_retired;
    /* Highest first; of a version without levels the first alone is used. */
    struct weir_batcher_level levels[WEIR_BATCHER_LEVELS_MAX];
};

/* The request that is being decoded. */
struct weir_batcher_decode {
    struct weir_sink sink; /* first: the sink's address is ours */
    struct weir_batcher_version *version;
    uint64_t deadline_ns;
    uint64_t begin_ns; /* set at the reservation */
    uint64_t now_ns;
    struct weir_batcher_lane *lane; /* NULL: nothing is reserved */
    struct weir_batch *batch;       /* where the rows go: the lane's open one, or a fresh one */
    struct weir_batch_slice *slice; /* ready for commit; kept from one decode to the next */
    uint32_t n_rows;
    size_t bytes; /* of the rows */
    bool has_text;
    enum weir_batcher_refusal refused;
    struct weir_batch_slice *committed;
};

/* A piece of memory for texts; its bytes follow. */
struct weir_batch_text {
    struct weir_batch_text *next;
    size_t bytes;
    size_t used;
};

struct weir_batcher_chunk {
    struct weir_batcher_chunk *next;
};

struct weir_batcher {
    struct weir_mem *mem; /* constant after new */
    struct weir_batcher_opts opts;
    size_t slice_bytes; /* stride of slices in a chunk */

    struct weir_batcher_decode decode;
    struct weir_list versions;
    struct weir_list released;
    struct weir_list waiting; /* batches in order of their oldest row */
    struct weir_list out;
    struct weir_list spare; /* the last used first */
    struct weir_batch_slice *free_slices;
    struct weir_batcher_chunk *chunks;
    uint32_t n_spare;
    size_t spare_bytes;

    uint32_t n_closed;        /* waiting batches that are closed */
    uint32_t n_out_pool;      /* out, on or for a worker */
    uint32_t n_out_private;   /* of these, private ones */
    uint64_t waiting_cost_ns; /* expected cost of all waiting batches */
    uint64_t deadline_ns;     /* no unanswered slice's deadline or queue timeout is earlier */
    uint64_t taken_ns;        /* time of the last take */
    uint64_t handover_ns;
    bool is_starved; /* the last take left something for want of an idle worker */
    struct weir_batcher_load load;
    struct weir_batcher_counters counters;
};

/* Returns the earlier of two times. */
static inline uint64_t weir_batch_earlier(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

/* --- batch.c --- */

extern const struct weir_sink_ops weir_batch_private_ops;

/* Moves a slice from WAITING to another state; false: somebody else moved it first. Runs on: any
 * thread. */
bool weir_batch_slice_move(struct weir_batch_slice *slice, enum weir_batch_slice_state to);

/* --- batcher_store.c --- */

/* Computes the bytes of a row and of all rows asked for; false: they do not fit a size, or the
 * counts 32 bits. */
bool weir_batcher_want_bytes(const struct weir_sink_want *want, size_t *row_bytes, size_t *bytes);

/* Makes room for bytes in the matrix, keeping the first n_kept bytes; false: no memory, nothing is
 * changed. */
bool weir_batcher_grow(struct weir_batch *batch, size_t n_kept, size_t bytes);

/* Points the sink's text room at bytes free ones of the batch; false: no memory. */
bool weir_batcher_text_lend(struct weir_batch *batch, struct weir_sink *sink, size_t bytes);

/* Keeps what the decoder took of the room lent last; returns how many bytes. */
size_t weir_batcher_text_keep(struct weir_batch *batch, const struct weir_sink *sink);

/* Makes the batch hold a copy of what a request's tensors have in common; NULL: rows. false: no
 * memory. */
bool weir_batcher_tensors_keep(struct weir_batch *batch, const struct weir_sink_tensors *tensors);

/* Takes a batch with no rows for a version from the spare ones, or makes one; NULL: no memory. */
struct weir_batch *weir_batcher_batch_acquire(struct weir_batcher *b);

/* Puts a batch, in no list, among the spare ones, or frees it when there are enough. */
void weir_batcher_batch_release(struct weir_batcher *b, struct weir_batch *batch);

/* Frees a batch in no list. */
void weir_batcher_batch_free(struct weir_batcher *b, struct weir_batch *batch);

/* Takes a slice (contents undefined but for user); NULL: no memory. */
struct weir_batch_slice *weir_batcher_slice_acquire(struct weir_batcher *b);
void weir_batcher_slice_release(struct weir_batcher *b, struct weir_batch_slice *slice);

/* --- batcher_lane.c --- */

/* Finds the lane of a request or makes it; the one found moves to the front, since requests of a
 * kind come in runs. NULL: no memory. */
struct weir_batcher_lane *weir_batcher_lane_get(struct weir_batcher *b,
                                                struct weir_batcher_version *v,
                                                struct weir_batcher_level *level,
                                                const struct weir_sink_want *want,
                                                size_t row_bytes);

/* Frees all lanes of a version. */
void weir_batcher_lanes_free(struct weir_batcher *b, struct weir_batcher_version *v);

/* Returns the bytes of the common part of tensors, and copies it. */
size_t weir_batcher_lane_tensors_bytes(const struct weir_sink_tensors *tensors);
void weir_batcher_lane_tensors_copy(struct weir_batch_tensors *to,
                                    const struct weir_sink_tensors *tensors);

/* --- batcher_decode.c --- */

extern const struct weir_sink_ops weir_batcher_decode_ops;

/* Appends a slice, in the decode's or a caller's hands, to a batch. Its times are set: arrived_ns,
 * deadline_ns, begin_ns. */
void weir_batcher_append(struct weir_batcher *b, struct weir_batch *batch,
                         struct weir_batch_slice *slice, uint32_t n_rows, size_t bytes);

/* --- batcher_slice.c --- */

/* Stops counting a slice as queued. */
void weir_batcher_uncount(struct weir_batcher *b, struct weir_batch_slice *slice);

/* --- batcher.c --- */

/* Returns the level of a priority. */
struct weir_batcher_level *weir_batcher_level_of(struct weir_batcher_version *v, uint64_t priority);

/* Counts and returns a refusal, or NONE. */
enum weir_batcher_refusal weir_batcher_check(struct weir_batcher *b,
                                             const struct weir_batcher_version *v,
                                             const struct weir_batcher_level *level,
                                             const struct weir_batch_cost *cost, uint32_t n_rows,
                                             size_t bytes, uint64_t deadline_ns, uint64_t now_ns);

/* Closes a waiting batch: it takes no more rows. */
void weir_batcher_close(struct weir_batcher *b, struct weir_batch *batch,
                        enum weir_batch_close reason, uint64_t now_ns);

/* Estimates a waiting batch's cost again after its rows changed. */
void weir_batcher_cost_update(struct weir_batcher *b, struct weir_batch *batch);

/* Moves a retired version to the released ones once nothing of it is in flight. */
void weir_batcher_release_if_done(struct weir_batcher *b, struct weir_batcher_version *v);

#endif

/* SPDX-License-Identifier: MIT */
/* A closed batch and its slices, as the thread that runs it sees them.
 *
 * One batch is one row-major matrix, n_rows × n_columns of one element type, and a list of slices:
 * the consecutive rows of one request each. The batcher fills it on the loop, hands it over closed,
 * and gets it back with weir_batcher_finish. In between it belongs to whoever runs it; the one
 * field both sides touch is each slice's atomic state, by which a cancellation or an expired
 * deadline on the loop and the start of the run on a worker agree on whether the rows run.
 *
 *     WAITING ── begin ──▶ RUNNING          (rows are run exactly once)
 *        ├──── cancel ───▶ CANCELED         (rows never run; nobody waits for an answer)
 *        └──── deadline ─▶ EXPIRED          (rows never run; the answer is a timeout: of the
 *               or queue timeout                deadline or the queue, whichever came first)
 */
#ifndef WEIR_BATCH_BATCH_H
#define WEIR_BATCH_BATCH_H

#include "base/list.h"
#include "base/mem.h"
#include "tensor/sink.h"
#include <weir/spec.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir_batch;
struct weir_batch_text;
struct weir_batcher_lane;
struct weir_batcher_version;

/* Why a batch was closed: code, name (label value), text. */
#define WEIR_BATCH_CLOSE_MAP(X)                                                              \
    X(FULL, "full", "it held max_batch_size rows, or the next request did not fit any more") \
    X(LARGE, "large", "one request of more than max_batch_size rows, a batch of its own")    \
    X(IDLE, "idle_worker", "a worker was idle")                                              \
    X(INLINE, "inline", "cheap enough to run on the loop")                                   \
    X(DELAY, "delay", "its oldest row had waited max_queue_delay")                           \
    X(DEADLINE, "deadline", "waiting longer would have missed a deadline")                   \
    X(SINGLE, "single", "the model does not batch: a request is a batch of its own")         \
    X(TURN, "turn", "its rows had waited longer than those of the full batches behind it")   \
    X(VERSION, "version", "its model version was retired")                                   \
    X(PRIVATE, "private", "a large body decoded on a worker")

enum weir_batch_close {
#define WEIR_BATCH_CLOSE_ENUM(code, name, text) WEIR_BATCH_CLOSE_##code,
    WEIR_BATCH_CLOSE_MAP(WEIR_BATCH_CLOSE_ENUM)
#undef WEIR_BATCH_CLOSE_ENUM
};

enum { WEIR_BATCH_CLOSE_N = WEIR_BATCH_CLOSE_PRIVATE + 1 };

/* Returns a reason's label value ("full"), borrowed for ever. */
const char *weir_batch_close_name(enum weir_batch_close close);

enum weir_batch_slice_state {
    WEIR_BATCH_SLICE_WAITING,
    WEIR_BATCH_SLICE_RUNNING,
    WEIR_BATCH_SLICE_CANCELED,
    WEIR_BATCH_SLICE_EXPIRED,
};

/* The rows of one request. Valid from commit until its batch is finished. */
struct weir_batch_slice {
    struct weir_batch *batch;
    struct weir_batch_slice *next; /* in order of arrival; constant once the batch is closed */
    uint32_t row;                  /* its first row; final after weir_batch_begin */
    uint32_t n_rows;
    uint32_t wanted;         /* set of 1u << enum weir_output: what its answer needs */
    _Atomic(uint32_t) state; /* enum weir_batch_slice_state; relaxed: the hand-over of the batch
                                orders everything else */
    uint64_t arrived_ns;
    uint64_t deadline_ns; /* WEIR_TIME_NEVER: none */
    uint64_t begin_ns;    /* its queue timeout: its run begins before this; WEIR_TIME_NEVER: none */
    void *user;           /* slice_user_bytes of the owner's own, undefined at commit */
    struct {
        size_t bytes;     /* counted against the queue's bounds, */
        uint32_t n_rows;  /* as are these */
        bool is_counted;  /* still counts as queued */
        bool is_answered; /* needs no answer any more */
    } loop;
};

/* What the requests of a batch of tensors have in common. */
struct weir_batch_tensors {
    uint64_t wanted; /* set of 1 << output */
    size_t n_inputs;
    bool is_batched; /* dims[0] of the shapes is not among it, and 0 */
    struct weir_tensors_shape shapes[];
};

/* Some requests' rows, run together. */
struct weir_batch {
    void *version;         /* as given to weir_batcher_add_version */
    enum weir_dtype dtype; /* F32 or F64 */
    uint32_t n_columns;
    size_t row_bytes;                         /* bytes of one row */
    const struct weir_batch_tensors *tensors; /* NULL: rows, not tensors */
    uint32_t costly; /* the costly outputs of its signature; set of 1u << enum weir_output */
    uint32_t wanted; /* all outputs to compute (costly ones included): the union over its slices;
                        after weir_batch_begin over the live ones */
    uint32_t n_rows; /* rows held; after weir_batch_begin live ones only */
    void *rows;      /* n_rows × n_columns values, row-major without gaps, aligned to 64 bytes;
                        for tensors each slice's piece, as weir_tensors_layout lays it out */
    struct weir_batch_slice *slices; /* first of n_slices, linked by next */
    uint32_t n_slices;
    enum weir_batch_close close;
    bool is_inline;     /* runs on the loop */
    bool is_private;    /* see weir_batcher_private */
    uint64_t opened_ns; /* arrival of its first row */
    uint64_t closed_ns;
    _Atomic(uint64_t) started_ns; /* 0: not yet; relaxed, read by the loop for estimates */
    uint64_t finished_ns;
    void *user; /* batch_user_bytes of the owner's own, zeroed when the memory is new and kept as it
                   is when a batch is reused */
    const void *group; /* the same for batches of one version and signature, which may be run
                          together; for comparing only; NULL: private */
    struct {
        struct weir_sink sink; /* private batches only */
        struct weir_mem *mem;
        void *block;  /* owned; rows points into it */
        size_t bytes; /* usable from rows on */
        size_t request_bytes_max;
        bool takes_queue_timeout;     /* private batches only: */
        uint64_t begin_ns;            /* as of its slice, as its decoder had it */
        uint32_t n_reserved;          /* rows of a private reservation that is open */
        bool has_text;                /* of that reservation */
        struct weir_batch_text *text; /* owned; where its texts are, the one being filled first */
        struct weir_batch_tensors *tensors; /* owned; what batch->tensors points to */
        size_t tensors_bytes;
    } store; /* the thread that has the batch */
    struct {
        struct weir_list link; /* the batcher's: waiting, out or spare */
        struct weir_batcher_version *version;
        struct weir_batcher_lane *lane; /* NULL: private */
        struct weir_batch_slice *last;
        struct weir_batcher_level *level; /* of the version */
        uint64_t deadline_ns;             /* no unanswered slice's deadline is earlier */
        uint64_t begin_ns;                /* no unanswered slice's queue timeout is earlier */
        uint64_t cost_ns;                 /* expected cost of its run */
        uint32_t n_live;                  /* slices neither canceled nor expired */
        uint8_t place;                    /* enum place of the batcher */
        bool is_closed;
        bool is_off_loop; /* not to be run on the loop */
    } loop;               /* loop thread only */
};

/* Starts the run: slices that were canceled, or whose deadline or queue timeout is not after
 * now_ns, are dead from here on and their rows are moved out; rows, row numbers, n_rows and wanted
 * are those of the live slices afterwards. Returns n_rows; 0: there is nothing to run. Once per
 * batch, before its rows are read. O(rows) only when something is dead. Runs on: the thread that
 * runs the batch. */
WEIR_MUST_USE uint32_t weir_batch_begin(struct weir_batch *batch, uint64_t now_ns);

/* Finds whether anybody still waits for a batch that has not begun, so that a private one need not
 * be decoded in vain. Runs on: the thread that has the batch. */
bool weir_batch_is_wanted(const struct weir_batch *batch);

/* Returns the time before which a slice's run must begin; WEIR_TIME_NEVER: none. Of a private batch
 * only for the thread that has it, since its decoder may shorten it. */
static inline uint64_t weir_batch_begin_by_ns(const struct weir_batch_slice *slice)
{
    return slice->batch->is_private ? slice->batch->store.begin_ns : slice->begin_ns;
}

/* Finds whether the deadline or the queue timeout of a private batch's request has passed at
 * now_ns, so that its body need not be decoded; *is_overdue: it was the queue timeout. Runs on: the
 * thread that has the batch. */
bool weir_batch_is_late(const struct weir_batch *batch, uint64_t now_ns, bool *is_overdue);

/* Finds whether a slice's rows were run; valid after weir_batch_begin. Runs on: the thread that has
 * the batch. */
static inline bool weir_batch_slice_is_live(const struct weir_batch_slice *slice)
{
    return atomic_load_explicit(&slice->state, memory_order_relaxed) == WEIR_BATCH_SLICE_RUNNING;
}

/* Notes the end of the run. Runs on: the thread that ran the batch. */
void weir_batch_end(struct weir_batch *batch, uint64_t now_ns);

#endif

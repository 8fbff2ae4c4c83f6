/* SPDX-License-Identifier: MIT */
/* Gathering rows of many requests into batches: one batcher for each loop.
 *
 * Pure: time is an argument, nothing runs here. The owner decodes each request into the sink of
 * weir_batcher_decode, and once per loop iteration takes what is due with weir_batcher_take, runs
 * it (on the loop or on a worker), answers its slices, and gives it back with weir_batcher_finish.
 *
 *     add_version ─▶ version
 *     admit ─▶ decode(version) ─▶ sink: reserve, fill, commit ─▶ slice ─┐
 *                                                                        ▼
 *     finish ◀─ answer(slice)… ◀─ run ◀─ weir_batch_begin ◀─ take ◀─ open batch of the lane
 *
 * A lane is (version, level, element type, columns, costly outputs); it has at most one open batch,
 * into whose matrix rows are decoded directly. What always holds: a batch never mixes lanes; the
 * rows of a lane keep their order of arrival; batches are taken in the order of their oldest row,
 * but for those that may not leave yet; a batch never waits while a worker is idle, unless a queue
 * delay was asked for; each committed slice is answered exactly once (a result, an expiry, or a
 * cancellation by its owner).
 *
 * A version may have levels of priority: the level is part of the lane, and when it is the
 * version's turn the highest level that may leave does, always. Between versions levels mean
 * nothing: that one model's clients may say who goes first takes nothing from another's. Each level
 * has queue bounds of its own, and only what would leave before it counts in its expected wait.
 * Private batches have no level, for theirs is known when they are decoded, by when they have left.
 *
 * Batches, matrices and slices are kept and reused: the steady state allocates nothing.
 * Threads: the loop's only, but for what batch/batch.h says about a batch that was taken. */
#ifndef WEIR_BATCH_BATCHER_H
#define WEIR_BATCH_BATCHER_H

#include "base/mem.h"
#include "batch/batch.h"
#include "batch/cost.h"
#include "tensor/sink.h"

struct weir_batcher;

/* Whether cheap batches run on the loop. */
enum weir_batcher_inline {
    WEIR_BATCHER_INLINE_AUTO,   /* when the expected cost is below the loop's cost of a hand-over */
    WEIR_BATCHER_INLINE_NEVER,  /* always a worker */
    WEIR_BATCHER_INLINE_ALWAYS, /* always the loop */
};

enum {
    WEIR_BATCHER_ROWS_MAX_DEFAULT = 256,
    WEIR_BATCHER_QUEUE_REQUESTS_MAX_DEFAULT = 1024,
    WEIR_BATCHER_QUEUE_ROWS_MAX_DEFAULT = 262144,
    WEIR_BATCHER_LEVELS_MAX = 16, /* of priority, of one version */
};

#define WEIR_BATCHER_QUEUE_BYTES_MAX_DEFAULT   ((size_t)64 << 20)
#define WEIR_BATCHER_REQUEST_BYTES_MAX_DEFAULT ((size_t)128 << 20)
#define WEIR_BATCHER_SPARE_BYTES_MAX_DEFAULT   ((size_t)16 << 20)
#define WEIR_BATCHER_QUEUE_NS_MAX_DEFAULT      UINT64_C(250000000)
#define WEIR_BATCHER_HANDOVER_NS_DEFAULT       UINT64_C(10000)
#define WEIR_BATCHER_HANDOVER_NS_MIN           UINT64_C(2000)
#define WEIR_BATCHER_INLINE_NS_MAX_DEFAULT     UINT64_C(100000)

/* How long the rows of a batcher with nothing out wait for an idle worker before they queue up with
 * the batches of others. */
#define WEIR_BATCHER_TURN_NS UINT64_C(1000000)

/* Bounds of one version's gathering and queueing; those of the queue hold for each level. Queued:
 * admitted and not yet finished (or dead). */
struct weir_batcher_limits {
    uint32_t rows_max;           /* max_batch_size; bounds gathering only */
    uint64_t queue_delay_ns_max; /* max_queue_delay; 0: never wait beside an idle worker */
    uint32_t queue_requests_max;
    uint32_t queue_rows_max;
    size_t queue_bytes_max;   /* bytes of queued rows; one request is always let in alone */
    size_t request_bytes_max; /* bytes of one request's rows; more can never fit */
    uint64_t queue_ns_max;    /* expected wait behind closed batches */
    enum weir_batcher_inline inline_mode;
    uint64_t inline_ns_max; /* with AUTO, a batch expected to cost more never runs on the loop */
    uint32_t n_levels;      /* of priority, WEIR_BATCHER_LEVELS_MAX at most; 0: none are known */
    uint32_t default_level; /* of requests without one or with one that there is not; 0: lowest */
    uint64_t queue_timeout_ns; /* how long rows may wait for their run to begin; 0: as long as
                                  their deadline lets them */
    bool takes_queue_timeout;  /* whether a request may shorten that for itself */
};

/* The default limits. */
#define WEIR_BATCHER_LIMITS_INIT                                                        \
    {                                                                                   \
        WEIR_BATCHER_ROWS_MAX_DEFAULT, 0, WEIR_BATCHER_QUEUE_REQUESTS_MAX_DEFAULT,      \
            WEIR_BATCHER_QUEUE_ROWS_MAX_DEFAULT, WEIR_BATCHER_QUEUE_BYTES_MAX_DEFAULT,  \
            WEIR_BATCHER_REQUEST_BYTES_MAX_DEFAULT, WEIR_BATCHER_QUEUE_NS_MAX_DEFAULT,  \
            WEIR_BATCHER_INLINE_AUTO, WEIR_BATCHER_INLINE_NS_MAX_DEFAULT, 0, 0, 0, true \
    }

struct weir_batcher_opts {
    uint32_t n_workers;   /* of the pool; at least 1 */
    uint32_t n_ahead_max; /* batches handed to the pool beyond one for each worker; 0: n_workers */
    size_t slice_user_bytes; /* of struct weir_batch_slice.user */
    size_t batch_user_bytes; /* of struct weir_batch.user */
    /* Releases what a batch's user memory owns, before it is freed; NULL: nothing to release. */
    void (*batch_user_deinit)(void *user);
    size_t spare_bytes_max; /* matrix bytes kept for reuse; 0: the default */
};

/* Why a request was turned away: code, name (label value), text for the client. */
#define WEIR_BATCHER_REFUSAL_MAP(X)                                            \
    X(NONE, "none", "admitted")                                                \
    X(REQUESTS, "requests", "the model's queue holds its maximum of requests") \
    X(ROWS, "rows", "the model's queue holds its maximum of rows")             \
    X(BYTES, "bytes", "the model's queue holds its maximum of bytes")          \
    X(TIME, "time", "the expected wait is longer than the queue's bound")      \
    X(DEADLINE, "deadline", "the deadline would pass before the answer")       \
    X(SIZE, "size", "the request is larger than can ever be queued")           \
    X(MEMORY, "memory", "no memory for the rows")

enum weir_batcher_refusal {
#define WEIR_BATCHER_REFUSAL_ENUM(code, name, text) WEIR_BATCHER_REFUSAL_##code,
    WEIR_BATCHER_REFUSAL_MAP(WEIR_BATCHER_REFUSAL_ENUM)
#undef WEIR_BATCHER_REFUSAL_ENUM
};

enum { WEIR_BATCHER_REFUSAL_N = WEIR_BATCHER_REFUSAL_MEMORY + 1 };

/* Returns a refusal's label value and its text, borrowed for ever. */
const char *weir_batcher_refusal_name(enum weir_batcher_refusal refusal);
const char *weir_batcher_refusal_text(enum weir_batcher_refusal refusal);

/* What weir_batcher_take found. */
enum weir_batcher_take {
    WEIR_BATCHER_TAKE_EMPTY,  /* nothing may leave now; see weir_batcher_next_ns */
    WEIR_BATCHER_TAKE_INLINE, /* *out is to be run by the caller, at once */
    WEIR_BATCHER_TAKE_POOL,   /* *out is to be given to a worker */
};

/* What a slice's owner is to be told. */
enum weir_batcher_answer {
    WEIR_BATCHER_ANSWER_RESULT,  /* its rows were run */
    WEIR_BATCHER_ANSWER_EXPIRED, /* the deadline has passed, whether or not its rows were run */
    WEIR_BATCHER_ANSWER_OVERDUE, /* its queue timeout passed before its run began */
    WEIR_BATCHER_ANSWER_UNRUN,   /* the run never began: the pool was stopped, or the decoding of a
                                    private batch failed; the owner knows what to say */
    WEIR_BATCHER_ANSWER_NONE,    /* it was answered before, or nobody waits */
};

/* Counts since the start, single writer; plain values for the owner to copy into metrics. */
struct weir_batcher_counters {
    uint64_t n_closed[WEIR_BATCH_CLOSE_N];
    uint64_t n_refused[WEIR_BATCHER_REFUSAL_N];
    uint64_t n_inline;    /* batches taken to run on the loop */
    uint64_t n_pool;      /* batches taken to run on a worker */
    uint64_t n_slices;    /* committed */
    uint64_t n_rows;      /* committed */
    uint64_t n_canceled;  /* slices canceled before they ran */
    uint64_t n_expired;   /* slices whose deadline passed before they ran */
    uint64_t n_overdue;   /* slices whose queue timeout passed before they ran */
    uint64_t n_late;      /* slices that ran, but too late: answered as expired */
    uint64_t n_abandoned; /* slices canceled while they ran: nobody waited for the answer */
    uint64_t n_dropped;   /* batches that were dropped whole, because nothing in them was alive */
};

/* What is queued now. */
struct weir_batcher_load {
    uint32_t n_requests; /* admitted, not finished, not dead */
    uint32_t n_rows;
    size_t n_bytes;
    uint32_t n_waiting; /* batches not taken yet, the open ones included */
    uint32_t n_out;     /* batches taken and not finished, private ones included */
};

/* Makes an empty batcher. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_batcher_new(struct weir_batcher **out,
                                                const struct weir_batcher_opts *opts,
                                                struct weir_mem *mem);

/* Frees everything; no batch may be out. What is still waiting is dropped unanswered. NULL is
 * allowed. */
void weir_batcher_free(struct weir_batcher *b);

/* --- Versions --- */

/* Adds a model version. user: kept as weir_batch.version, and the key that is given back by
 * weir_batcher_next_released; cost: the line measured at warm-up, NULL: not known. *out is valid
 * until then. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_batcher_add_version(struct weir_batcher_version **out,
                                                        struct weir_batcher *b, void *user,
                                                        const struct weir_batcher_limits *limits,
                                                        const struct weir_batch_cost *cost);

/* Changes the limits of a version; what is queued stays. */
void weir_batcher_set_limits(struct weir_batcher_version *v,
                             const struct weir_batcher_limits *limits);

/* Retires a version: closes its open batches, which leave in their turn; it takes no more requests.
 * When none of its batches is left, weir_batcher_next_released gives it back. Not during a decode
 * into it. */
void weir_batcher_retire(struct weir_batcher *b, struct weir_batcher_version *v, uint64_t now_ns);

/* Returns the user pointer of the next retired version of which nothing is in flight any more, and
 * forgets it; NULL: none. */
void *weir_batcher_next_released(struct weir_batcher *b);

/* Returns the learned cost line of a version. Borrowed; valid until the version is released. */
const struct weir_batch_cost *weir_batcher_cost(const struct weir_batcher_version *v);

/* --- Requests --- */

/* Finds whether a request of n_rows (1 if not known yet) and its deadline can be taken in now, if
 * it is of the highest level; to be asked before any work is spent on its body. A refusal is
 * counted. */
enum weir_batcher_refusal weir_batcher_admit(struct weir_batcher *b, struct weir_batcher_version *v,
                                             uint32_t n_rows, uint64_t deadline_ns,
                                             uint64_t now_ns);

/* As above for a large body of body_bytes that is about to become a private batch. */
enum weir_batcher_refusal weir_batcher_admit_private(struct weir_batcher *b,
                                                     struct weir_batcher_version *v,
                                                     size_t body_bytes, uint64_t deadline_ns,
                                                     uint64_t now_ns);

/* Begins the decoding of one request and returns the sink for it, valid until the next call of
 * weir_batcher_decode. After a reservation it must be committed or rolled back before anything else
 * is asked of the batcher. A refused reservation gives WEIR_ERR_BUSY, _LIMIT, _TIMEOUT or
 * _NO_MEMORY, is counted, and weir_batcher_refused tells the reason. */
struct weir_sink *weir_batcher_decode(struct weir_batcher *b, struct weir_batcher_version *v,
                                      uint64_t deadline_ns, uint64_t now_ns);

/* Returns why the last reservation failed, NONE if it did not. */
enum weir_batcher_refusal weir_batcher_refused(const struct weir_batcher *b);

/* Returns the slice that the last commit made, NULL if the last decode committed nothing. Its owner
 * fills slice->user at once. Borrowed; valid until its batch is finished. */
struct weir_batch_slice *weir_batcher_committed(struct weir_batcher *b);

/* Keeps the batch of the slice that the last commit made off the loop, though it may be cheap to
 * run: what else is to be done for the request is not. With WEIR_BATCHER_INLINE_ALWAYS it runs
 * there all the same. */
void weir_batcher_keep_off_loop(struct weir_batcher *b);

/* Withdraws a request that nobody waits for any more. Returns true when its rows will not run. The
 * slice needs no answer from here on. */
bool weir_batcher_cancel(struct weir_batcher *b, struct weir_batch_slice *slice);

/* Tells how a slice of a batch that came back is to be answered, and marks it as answered. Each
 * slice is asked about once, before weir_batcher_finish. */
enum weir_batcher_answer weir_batcher_answer(struct weir_batcher *b, struct weir_batch_slice *slice,
                                             uint64_t now_ns);

/* Calls fn for each slice that has no answer yet and whose deadline, or whose queue timeout while
 * its run has not begun, is not after now_ns, once, in waiting and in running batches; its answer
 * is EXPIRED or OVERDUE. The rows of a slice that has not started will not run. fn must not call
 * the batcher. Returns how many. Cheap when nothing is due. */
typedef void weir_batcher_expired_fn(void *ctx, struct weir_batch_slice *slice,
                                     enum weir_batcher_answer answer);
size_t weir_batcher_expire(struct weir_batcher *b, uint64_t now_ns, weir_batcher_expired_fn *fn,
                           void *ctx);

/* --- Batches --- */

/* Takes the next batch that may leave; call it again until it says EMPTY. n_idle: workers that are
 * idle now (one fewer after each POOL). *out is written for INLINE and POOL only; it is the
 * caller's until weir_batcher_finish. */
enum weir_batcher_take weir_batcher_take(struct weir_batcher *b, uint64_t now_ns, uint32_t n_idle,
                                         struct weir_batch **out);

/* Puts back a POOL batch that the pool had no room for; it is the first to be taken again. Only
 * before weir_batch_begin. */
void weir_batcher_put_back(struct weir_batcher *b, struct weir_batch *batch);

/* Gives a batch back after its slices were answered (weir_batcher_answer for each); it is recycled.
 * run_ns: what the run of its n_rows took, for the cost line; 0: not measured. */
void weir_batcher_finish(struct weir_batcher *b, struct weir_batch *batch, uint64_t run_ns,
                         uint64_t now_ns);

/* Returns when the owner must come back although nothing else happens: for weir_batcher_expire or
 * weir_batcher_take. Asked after the iteration's last weir_batcher_take; it may be early, never
 * late. WEIR_TIME_NEVER: nothing is pending. */
uint64_t weir_batcher_next_ns(const struct weir_batcher *b);

/* Finds whether the last weir_batcher_take left rows that an idle worker could have had. */
bool weir_batcher_has_waiting(const struct weir_batcher *b);

/* Finds whether closed batches are waiting to be taken, so that the owner may take them before the
 * iteration ends. */
bool weir_batcher_has_closed(const struct weir_batcher *b);

/* Adds a measurement of what handing one batch to a worker and taking it back costs this loop. The
 * estimate never falls below WEIR_BATCHER_HANDOVER_NS_MIN: a submit to a worker that is awake takes
 * 0.2 us, but being woken for the answer and reading cold lines is not seen by who measures that.
 */
void weir_batcher_add_handover(struct weir_batcher *b, uint64_t handover_ns);

/* Returns the current estimate of a hand-over's cost. */
uint64_t weir_batcher_handover_ns(const struct weir_batcher *b);

/* Returns the expected wait of a request of version v (NULL: any) and its lowest level that would
 * arrive now, before its own run begins: what waits before it or is running, divided among the
 * workers. */
uint64_t weir_batcher_wait_ns(const struct weir_batcher *b, const struct weir_batcher_version *v,
                              uint64_t now_ns);

/* --- Private batches --- */

/* Makes a batch for one large request that will be decoded and run by one job on a worker. It has
 * one slice, already admitted (n_rows 0 until the commit), whose user memory the owner fills at
 * once; *out counts as taken: it ends with weir_batcher_finish like any other, and is to be given
 * to a worker. Checks no bounds: weir_batcher_admit_private does. body_bytes: counts against the
 * queue's bytes until then. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_batcher_private(struct weir_batch **out, struct weir_batcher *b,
                                                    struct weir_batcher_version *v,
                                                    size_t body_bytes, uint64_t deadline_ns,
                                                    uint64_t now_ns);

/* Returns the sink that decodes into a private batch; borrowed, valid until finish. A rolled-back
 * or refused decode leaves it without rows: weir_batch_begin then gives 0 and the slice counts as
 * not run. Runs on: the thread that has the batch. */
struct weir_sink *weir_batch_private_sink(struct weir_batch *batch);

/* --- What is going on --- */

const struct weir_batcher_counters *weir_batcher_counters(const struct weir_batcher *b);

/* Returns what is queued for one version, or for all of them (v NULL). */
struct weir_batcher_load weir_batcher_load(const struct weir_batcher *b,
                                           const struct weir_batcher_version *v);

#endif

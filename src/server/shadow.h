/* SPDX-License-Identifier: MIT */
/* The shadow: a version that is run on the rows of the one that answers, and compared with it. What
 * it says never leaves.
 *
 *     loop: a batch has been answered ─▶ its rows and what was said of them are copied into a chunk
 *     loop: a chunk is full or has waited, nothing else waits, a worker is idle ─▶ pool
 *     worker: runs the shadow on it ─▶ loop: pairs are counted (live/shadow.h)
 *
 * Each shard has a pair of versions for itself. The loop owns all of it, but for a chunk that is
 * given: that is the worker's until it is back. At most one is, so that a worker is kept from other
 * work for one chunk at most; where no chunk is free rows are dropped, and counted. Memory is taken
 * when the pair is made; chunks are reused.
 *
 * Runs on: the shard, unless said. */
#ifndef WEIR_SERVER_SHADOW_H
#define WEIR_SERVER_SHADOW_H

#include "live/shadow.h"
#include "server/shard.h"

enum {
    WEIR_SERVER_SHADOW_CHUNKS = 8,
    WEIR_SERVER_SHADOW_ROWS_MAX = 256, /* of a chunk; fewer where rows are wide: */
    WEIR_SERVER_SHADOW_BYTES_MAX = 256 * 1024,
    WEIR_SERVER_SHADOW_WAIT_NS = 50 * 1000 * 1000, /* that a chunk which is not full waits */
};

struct weir_server_live_part;
struct weir_server_live_task;

/* Rows on their way to the shadow. */
struct weir_server_shadow_chunk {
    struct weir_pool_job job;
    struct weir_server_shadow *shadow;
    enum weir_dtype dtype; /* of its rows */
    uint32_t n_rows;
    uint64_t opened_ns;          /* when its first row came */
    void *rows;                  /* n_rows × n_features */
    struct weir_live_seen *live; /* n_rows: what was answered */
    struct weir_buf seen;        /* an observation of what the shadow says; the worker's */
    bool is_seen;                /* it ran; the worker's */
};

/* A pair of versions on a shard. */
struct weir_server_shadow {
    struct weir_list link; /* in shard->loop.shadows */
    struct weir_server_shard *shard;
    struct weir_server_shard_version *of; /* what answers; NULL: the pair is over */
    struct weir_server_shard_version *sv; /* the shadow */
    const struct weir_version *version;   /* the shadow's; constant, and read by workers, as is */
    struct weir_live_shape shape;         /* of its answers */
    uint32_t rows_max;                    /* of a chunk */
    struct weir_live_shadow sum;
    struct weir_metric_counter *rows, *disagreements, *dropped;
    uint32_t first; /* of the chunks that hold rows */
    uint32_t n;     /* that do; the last of them is being filled */
    bool is_given;  /* the first is with a worker */
    struct weir_server_shadow_chunk chunks[WEIR_SERVER_SHADOW_CHUNKS];
};

/* Has the answers of sv compared with those of shadow from now on, if they can be; NULL: ends it.
 */
void weir_server_shadow_set(struct weir_server_shard *shard, struct weir_server_shard_version *sv,
                            struct weir_server_shard_version *shadow);

/* Copies the rows of a batch that has been answered; sv has a shadow. */
void weir_server_shadow_feed(struct weir_server_shadow *shadow, const struct weir_server_job *job);

/* Gives chunks to the pool; nothing else may be waiting for it. */
void weir_server_shadow_give(struct weir_server_shard *shard);

/* Ends all; the shard has ended. */
void weir_server_shadow_deinit(struct weir_server_shard *shard);

/* Answers GET …/shadow: asks all shards. */
void weir_server_shadow_page(struct weir_server_shard *shard, struct weir_http_req *req);

/* A shard's part of that, and the answer from all parts. */
void weir_server_shadow_part(struct weir_server_shard *shard, struct weir_server_live_part *part);
void weir_server_shadow_answer(struct weir_server_live_task *task);

#endif

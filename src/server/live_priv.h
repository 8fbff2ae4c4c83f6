/* SPDX-License-Identifier: MIT */
/* The inside of live quality, for its files. */
#ifndef WEIR_SERVER_LIVE_PRIV_H
#define WEIR_SERVER_LIVE_PRIV_H

#include "live/document.h"
#include "live/labels.h"
#include "live/shadow.h"
#include "server/live.h"

struct weir_server_live_task;

/* A shard's part of a task. */
struct weir_server_live_part {
    struct weir_server_live_task *task;
    uint32_t shard;
    bool is_known;            /* the shard knows the model */
    size_t n_done;            /* labels */
    uint8_t *joins;           /* enum weir_live_join of each; in the task's block */
    struct weir_live_sum sum; /* owned */
    enum weir_status status;
    struct weir_live_store_state store;
    struct weir_live_shadow *shadow;           /* owned; NULL: nothing is compared. Of these: */
    const struct weir_version *live_version;   /* for comparing only, as they may be gone */
    const struct weir_version *shadow_version; /* the same */
};

enum weir_server_live_kind {
    WEIR_SERVER_LIVE_LABELS,
    WEIR_SERVER_LIVE_QUALITY,
    WEIR_SERVER_LIVE_METRICS,
    WEIR_SERVER_LIVE_SHADOW,
};

/* Something that all shards do together. Constant while they do, but for their own parts. */
struct weir_server_live_task {
    struct weir_list link; /* in the giver's loop.live.tasks */
    enum weir_server_live_kind kind;
    struct weir_server_shard *giver;
    struct weir_http_ticket ticket;
    struct weir_live_labels labels;
    uint64_t version; /* 0: all */
    uint64_t window_s;
    uint64_t now_s;
    uint32_t n_pending; /* the giver's */
    size_t n_name;
    struct weir_server_live_part *parts; /* n_shards, in the task's block */
    char *name;                          /* the model's, in the task's block */
};

/* What the metrics tell of a model's newest version. */
struct weir_server_live_told {
    struct weir_list link;    /* in the keeper's loop.live.told */
    struct weir_live_sum sum; /* without its reference */
    struct weir_live_measures measures;
    struct weir_live_store_state store;
    struct weir_arena arena; /* what follows */
    struct weir_str name, version;
    struct weir_str *classes;       /* n_classes as JSON */
    size_t n_drifts;                /* features and the score; 0: no drift is told */
    struct weir_live_drift *drifts; /* n_drifts, the score last */
    struct weir_str *features;      /* n_drifts names */
    double psi_limit;
};

/* Makes a task and sends it to all shards; labels (may be NULL) are taken, also on failure.
 * WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status
weir_server_live_give(struct weir_server_shard *shard, enum weir_server_live_kind kind,
                      struct weir_http_ticket ticket, struct weir_str model, uint64_t version,
                      uint64_t window_s, struct weir_live_labels *labels);

/* Adds the sums and the states of all parts up into the first part's. WEIR_ERR_NOT_FOUND: no shard
 * knows the model or the version; WEIR_ERR_UNSUPPORTED, WEIR_ERR_NO_MEMORY as a part said. */
enum weir_status weir_server_live_merge(struct weir_server_live_task *task);

/* Finds what a version's reference belongs to, if the shard has not let go of the version; NULL:
 * the reference may be gone. */
const struct weir_version *weir_server_live_version_of(const struct weir_server_shard *shard,
                                                       const struct weir_live_reference *reference);

/* Finds a model's live quality on a shard; NULL: it has none. */
struct weir_server_live_model *weir_server_live_find(const struct weir_server_shard *shard,
                                                     struct weir_str name);

/* Answers, or keeps for the metrics, what all shards have done; the task is freed afterwards. */
void weir_server_live_answer(struct weir_server_live_task *task);
void weir_server_live_tell(struct weir_server_live_task *task);

/* Frees what is told. */
void weir_server_live_told_free(struct weir_server_shard *shard,
                                struct weir_server_live_told *told);

#endif

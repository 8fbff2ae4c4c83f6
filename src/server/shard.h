/* SPDX-License-Identifier: MIT */
/* One loop's world: its connections, its open batches, its copy of the table of versions, its
 * counters.
 *
 * Shards share nothing on the request path but the pool's queue and a few limits. The keeper is a
 * shard too: its listener is the admin one, and it also owns the repository. All state is in struct
 * weir_server_shard; a shard learns of changes by messages. */
#ifndef WEIR_SERVER_SHARD_H
#define WEIR_SERVER_SHARD_H

#include "batch/batcher.h"
#include "config/config.h"
#include "http/http.h"
#include "live/key.h"
#include "live/shape.h"
#include "loop/timer.h"
#include "pool/pool.h"
#include "repo/version.h"
#include "server/inbox.h"
#include "server/metrics.h"
#include "server/routes.h"
#include "server/runner.h"
#include "server/statistics.h"

struct weir_server_keeper;
struct weir_server_live_version;
struct weir_server_shadow;

enum {
    WEIR_SERVER_VERSION_FIELDS_BYTES = 384, /* "Weir-Model: …" lines of a version */
    WEIR_SERVER_LISTENERS_MAX = 32,
};

/* Bodies up to this size are decoded on the loop; larger ones on a worker. */
#define WEIR_SERVER_INLINE_BODY_BYTES_MAX ((size_t)256 * 1024)

/* A version as one loop serves it. Lives from the adoption of a table until the version is
 * released. */
struct weir_server_shard_version {
    const struct weir_version *version;
    struct weir_batcher_version *batching;
    struct weir_server_version_cells cells;
    struct weir_server_statistics_part *statistics; /* NULL: nothing was counted yet */
    struct weir_server_live_version *live;          /* NULL: quality is off */
    bool is_shadow;                                 /* answers nobody */
    bool is_let_go;                                 /* but for runs as a shadow: */
    uint32_t n_shadow_runs;                         /* of it, with workers */
    struct weir_server_shadow *shadow;              /* that it is compared with; NULL: none, */
    const char *shadow_why;                         /* because of this; NULL: none is there */
    bool has_shadow_shape;
    struct weir_live_shape shadow_shape; /* of its answers; workers read it as long as it lives */
    uint64_t request_timeout_ns;
    char fields[WEIR_SERVER_VERSION_FIELDS_BYTES]; /* answer header lines that name it */
    size_t fields_bytes;
    struct weir_list link; /* in shard->loop.versions */
};

/* What the shards of a process share; constant while they run, but for what is atomic inside. */
struct weir_server_shared {
    struct weir_mem *mem;
    struct weir_pool *pool;
    struct weir_metric_registry *metrics;
    struct weir_http_shared *http;
    struct weir_server_keeper *keeper;
    struct weir_server_statistics statistics;
    struct weir_server_shard **shards; /* n_shards; the keeper's is the last */
    uint32_t n_shards;
    const struct weir_server_routes *routes; /* of the main listener */
    const struct weir_server_routes *admin_routes;
    struct weir_live_secret live_secret; /* of the keys of predictions */
    uint64_t connections_max;            /* of all loops, as the descriptor limit allows */
    uint64_t connections_admin;          /* of the admin listener, beside these */
    uint64_t request_memory_max;         /* of all requests, as the control group allows */
};

struct weir_server_shard {
    struct weir_server_shared *shared; /* constant after init */
    uint32_t index;
    bool is_keeper;
    const struct weir_server_routes *routes; /* of its listener */
    struct weir_server_inbox inbox;
    struct weir_pool_home home;
    struct weir_wake home_wake;
    struct {
        struct weir_loop loop;
        struct weir_http_server *http;
        struct weir_batcher *batcher;
        struct weir_protocol_decoder decoder;
        struct weir_server_runner runner; /* of batches that run on the loop */
        struct weir_buf unpacked;         /* the compressed body that is looked at, made plain */
        const struct weir_config *config;
        const struct weir_table *table;
        struct weir_server_shard_version *
            *by_model; /* of each table->models[i].version; NULL: none serves */
        struct weir_http_ticket head_ticket; /* of the prediction whose head was let in last, */
        struct weir_server_shard_version *head_version; /* and what it is for; NULL: unknown */
        struct weir_list versions;                      /* all, retired ones included */
        struct weir_server_loop_cells cells;
        struct weir_list streams;     /* calls of gRPC that stream, */
        struct weir_list streams_due; /* and those of them that can go on */
        struct {
            uint64_t now_ns; /* of the wall clock, as of the last tick */
            uint32_t n_ids;  /* made since the start */
            uint64_t id_ms;  /* the time in the prefix */
            char id_prefix[15];
            uint64_t refresh_ns;     /* when the keeper asks again for its metrics */
            struct weir_list models; /* struct weir_server_live_model */
            struct weir_list tasks;  /* struct weir_server_live_task, given here */
            struct weir_list told;   /* struct weir_server_live_told; the keeper's */
        } live;
        struct weir_list shadows;             /* struct weir_server_shadow */
        struct weir_timer coarse;             /* deadlines */
        struct weir_timer precise;            /* queue delays below a millisecond or two */
        struct weir_timer tick;               /* loop lag, and the watch over draining */
        struct weir_listener *unix_listeners; /* the first shard's, for all of them */
        uint32_t n_unix_listeners;
        uint32_t next_shard; /* for handing connections on */
        uint32_t n_open;     /* things that must be closed before the loop can end */
        bool is_ready_off;   /* readiness is off: the process is ending */
        bool is_draining;
        bool is_drained; /* said so */
        bool is_closing;
    } loop;
};

/* Makes a shard on the calling thread; it may be run on another. WEIR_ERR_NO_MEMORY, WEIR_ERR_IO.
 */
WEIR_MUST_USE enum weir_status weir_server_shard_new(struct weir_server_shard **out,
                                                     struct weir_server_shared *shared,
                                                     uint32_t index, bool is_keeper,
                                                     const struct weir_config *config,
                                                     struct weir_error *err);

/* Frees a shard whose loop has ended, or that never ran. NULL is allowed. */
void weir_server_shard_free(struct weir_server_shard *shard);

/* Listens on a TCP address, or (the first shard) on a Unix socket for all shards. bound is set to
 * the address with its real port. Before the shard runs. */
WEIR_MUST_USE enum weir_status weir_server_shard_listen(struct weir_server_shard *shard,
                                                        const struct weir_addr_target *addr,
                                                        struct weir_addr_target *bound,
                                                        struct weir_error *err);

/* Runs the shard's loop until it is stopped. Runs on: the shard's thread. */
void weir_server_shard_run(struct weir_server_shard *shard);

/* Handles what is in the inbox. Runs on: the shard. */
void weir_server_shard_receive(struct weir_server_shard *shard, struct weir_server_message message);

/* Begins the end: closes everything; the loop stops when that is done. Runs on: the shard. */
void weir_server_shard_close(struct weir_server_shard *shard);

/* Finds the version for a request's model and version names. model empty: the default model;
 * version empty: the newest. WEIR_ERR_NOT_FOUND: no such model or version; WEIR_ERR_BUSY: it is
 * there but not served; WEIR_ERR_INVALID: no model is named and there is no default. Messages name
 * what there is. Runs on: the shard. */
WEIR_MUST_USE enum weir_status weir_server_shard_find(struct weir_server_shard *shard,
                                                      struct weir_str model,
                                                      struct weir_str version,
                                                      struct weir_server_shard_version **out,
                                                      struct weir_error *err);

/* Returns the shard's part of a version's statistics, made at first use; NULL: no memory. Runs on:
 * the shard. */
struct weir_server_statistics_part *
weir_server_shard_statistics(struct weir_server_shard *shard, struct weir_server_shard_version *sv);

/* Fills what the configuration says about decoding and batching. */
struct weir_protocol_limits weir_server_shard_protocol_limits(const struct weir_config *config);

#endif

/* SPDX-License-Identifier: MIT */
/* What each version has done since it was loaded: requests, rows, runs, and where their time went.
 *
 * Metrics are for scraping, kept by name and number; these are for asking by one version, as the
 * statistics of Triton are. Every loop has a part of its own for each version that it serves, which
 * it alone writes; asking adds the parts up.
 *
 * Threads: adding to a part: the loop it is of. All else: any. The lock guards the list of versions
 * only, and no other is taken under it. */
#ifndef WEIR_SERVER_STATISTICS_H
#define WEIR_SERVER_STATISTICS_H

#include "base/mem.h"
#include "metric/counter.h"
#include "protocol/dialect.h"

#include <pthread.h>
#include <stdbool.h>

struct weir_version;
struct weir_server_statistics_entry;

enum { WEIR_SERVER_STATISTICS_SLOTS = 1024 }; /* of the table of versions; a power of two */

/* Runs of batches of one size. */
struct weir_server_statistics_size {
    struct weir_metric_counter n_rows; /* 0: not used yet; then constant */
    struct weir_metric_counter n_runs;
    struct weir_metric_counter decode_ns;
    struct weir_metric_counter run_ns;
    struct weir_metric_counter encode_ns;
};

/* One loop's part of a version's numbers. */
struct weir_server_statistics_part {
    _Alignas(64) struct weir_metric_counter n_success; /* requests answered with a result */
    struct weir_metric_counter n_fail;                 /* and with an error */
    struct weir_metric_counter n_rows;                 /* of runs */
    struct weir_metric_counter n_runs;
    struct weir_metric_counter last_ns;    /* when a result was sent last; 0: never */
    struct weir_metric_counter success_ns; /* from head to answer, of n_success requests */
    struct weir_metric_counter fail_ns;
    struct weir_metric_counter queue_ns; /* of the successful ones */
    struct weir_metric_counter decode_ns;
    struct weir_metric_counter run_ns;
    struct weir_metric_counter encode_ns;
    /* By size; a size without a free place is not listed. */
    struct weir_server_statistics_size sizes[WEIR_PROTOCOL_BATCH_SIZES_MAX];
};

/* All versions' numbers. */
struct weir_server_statistics {
    struct weir_mem *mem; /* constant after init */
    uint32_t n_shards;
    struct {
        pthread_mutex_t mu;
        struct weir_server_statistics_entry *slots[WEIR_SERVER_STATISTICS_SLOTS];
    } shared; /* under mu; chains of entries, owned */
};

/* The times of one request that was answered with a result. */
struct weir_server_statistics_times {
    uint64_t whole_ns;
    uint64_t decode_ns;
    uint64_t queue_ns;
    uint64_t run_ns;
    uint64_t encode_ns;
};

void weir_server_statistics_init(struct weir_server_statistics *s, uint32_t n_shards,
                                 struct weir_mem *mem);

/* Frees everything; no part may be in use. A zeroed one is fine. */
void weir_server_statistics_deinit(struct weir_server_statistics *s);

/* Returns a loop's part of a version, made at first use; valid until the version is forgotten.
 * NULL: no memory. */
struct weir_server_statistics_part *weir_server_statistics_part(struct weir_server_statistics *s,
                                                                const struct weir_version *version,
                                                                uint32_t shard);

/* Forgets a version that no loop has any more. */
void weir_server_statistics_forget(struct weir_server_statistics *s,
                                   const struct weir_version *version);

/* Adds up all loops' parts of a version; zeros where there are none. */
void weir_server_statistics_sum(struct weir_server_statistics *s,
                                const struct weir_version *version,
                                struct weir_protocol_statistics *out);

/* Count an answered request, and a batch of n_rows that was run. part may be NULL: not counted. */
void weir_server_statistics_succeed(struct weir_server_statistics_part *part, uint64_t now_ns,
                                    const struct weir_server_statistics_times *times);
void weir_server_statistics_fail(struct weir_server_statistics_part *part, uint64_t whole_ns);
void weir_server_statistics_batch(struct weir_server_statistics_part *part, uint64_t n_rows,
                                  const struct weir_server_statistics_times *times);

#endif

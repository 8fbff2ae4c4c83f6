/* SPDX-License-Identifier: MIT */
/* All series of the process: who writes them, and the page that shows their sums.
 *
 * A series is (family, label values). Each writing thread has a shard, a small number given by the
 * owner, and its own cell of each series that it uses: cells have one writer, the scrape adds them
 * up. Getting a cell takes a lock and is for set-up (a version was adopted); the pointer is kept
 * and written to freely. Getting a cell never fails: past n_series_max, or without memory, it is
 * the cell of the family's series whose label values all read "other", and is counted.
 *
 * Threads: getting cells: any. Writing a cell: its shard's thread. Removing and exposing: one
 * thread (the keeper), which never waits for a writer. */
#ifndef WEIR_METRIC_REGISTRY_H
#define WEIR_METRIC_REGISTRY_H

#include "metric/counter.h"
#include "metric/histogram.h"
#include "metric/text.h"

struct weir_metric_registry;

enum {
    WEIR_METRIC_SERIES_MAX_DEFAULT = 10000,
    WEIR_METRIC_SHARDS_MAX = 320,
};

/* Makes a registry over a table of n_families that must outlive it, for shards 0 … n_shards − 1.
 * WEIR_ERR_NO_MEMORY. WEIR_ERR_INVALID: a family's name, labels or help break the format's rules
 * (said in err). */
WEIR_MUST_USE enum weir_status weir_metric_registry_new(struct weir_metric_registry **out,
                                                        const struct weir_metric_family *families,
                                                        size_t n_families, uint32_t n_shards,
                                                        uint32_t n_series_max, struct weir_mem *mem,
                                                        struct weir_error *err);

/* Frees it and all cells; NULL is allowed. No writer may be left. */
void weir_metric_registry_free(struct weir_metric_registry *r);

/* Returns the cell of a series for a shard, made at first use; family: index into the table, of the
 * type asked for; values: one for each of its labels (NULL when it has none), copied; invalid UTF-8
 * in them is replaced. Borrowed; valid until the series is removed. Runs on: any thread. */
struct weir_metric_counter *weir_metric_registry_counter(struct weir_metric_registry *r,
                                                         uint32_t shard, size_t family,
                                                         const struct weir_str *values);
struct weir_metric_gauge *weir_metric_registry_gauge(struct weir_metric_registry *r, uint32_t shard,
                                                     size_t family, const struct weir_str *values);
struct weir_metric_histogram *weir_metric_registry_histogram(struct weir_metric_registry *r,
                                                             uint32_t shard, size_t family,
                                                             const struct weir_str *values);

/* Removes every series that has value_a as its label_a and, unless label_b is NULL, value_b as its
 * label_b (a model's version that every thread has let go); returns how many. Nobody may write to
 * them any more. Runs on: the keeper. */
size_t weir_metric_registry_remove(struct weir_metric_registry *r, const char *label_a,
                                   struct weir_str value_a, const char *label_b,
                                   struct weir_str value_b);

/* Appends the whole page, families in the order of the table; families without a series are left
 * out. The owner may append families of its own with metric/text.h. Runs on: the keeper. */
void weir_metric_registry_expose(const struct weir_metric_registry *r, struct weir_buf *out);

/* A series of a counter or a gauge (sum over the shards; a gauge's as two's complement) or of a
 * histogram (merged; borrowed during the call). */
typedef void weir_metric_registry_visit_fn(void *ctx, const struct weir_str *values, uint64_t sum,
                                           const struct weir_metric_histogram *histogram);

/* Calls fn for each series of a family, but for `other`, in the order of their making. Runs on: the
 * keeper. WEIR_ERR_NO_MEMORY: fn was not called. */
WEIR_MUST_USE enum weir_status weir_metric_registry_visit(const struct weir_metric_registry *r,
                                                          size_t family,
                                                          weir_metric_registry_visit_fn *fn,
                                                          void *ctx);

/* The same for all that the page shows: `other` too, where it was used. */
WEIR_MUST_USE enum weir_status weir_metric_registry_visit_all(const struct weir_metric_registry *r,
                                                              size_t family,
                                                              weir_metric_registry_visit_fn *fn,
                                                              void *ctx);

/* Finds whether a family has no series, so that the page leaves it out. Runs on: the keeper. */
bool weir_metric_registry_is_empty(const struct weir_metric_registry *r, size_t family);

/* Returns the table of families, borrowed; *n: how many there are. */
const struct weir_metric_family *weir_metric_registry_families(const struct weir_metric_registry *r,
                                                               size_t *n);

/* Makes an empty histogram that those of a family can be merged into. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status
weir_metric_registry_histogram_init(const struct weir_metric_registry *r, size_t family,
                                    struct weir_metric_histogram *histogram);

/* Returns how many series there are, and how often one was counted as "other" for want of room. */
uint32_t weir_metric_registry_n_series(const struct weir_metric_registry *r);
uint64_t weir_metric_registry_n_refused(const struct weir_metric_registry *r);

#endif

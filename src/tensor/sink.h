/* SPDX-License-Identifier: MIT */
/* Where decoded rows go.
 *
 * A protocol decoder never sees a batch. It reserves rows from a sink, fills them, then commits or
 * rolls back. The batcher, a private batch and a test's plain array are sinks. One request is at
 * most one reservation: one slice of consecutive rows.
 *
 *     idle ── reserve ──▶ reserved ── commit ──▶ idle      (the rows are the sink's now)
 *                            └────── rollback ─▶ idle      (nothing happened)
 */
#ifndef WEIR_TENSOR_SINK_H
#define WEIR_TENSOR_SINK_H

#include <weir/spec.h>

struct weir_sink;

/* What a decoder asks room for. */
struct weir_sink_want {
    size_t n_rows;         /* at least 1 */
    size_t n_columns;      /* the spec's n_features */
    enum weir_dtype dtype; /* F32 or F64: what weir_spec_batch_dtype gave */
    uint32_t costly; /* set of 1u << enum weir_output: the costly outputs asked for; part of the
                        signature */
};

/* Room for the rows: the element (row, column) is at base + row × row_stride + column ×
 * column_stride. */
struct weir_sink_span {
    void *base;
    size_t row_stride;     /* bytes */
    size_t column_stride;  /* bytes; the element size in row-major batches */
    enum weir_dtype dtype; /* as asked for */
};

/* The calls of a sink. Each implementation puts a struct weir_sink first into its own struct. */
struct weir_sink_ops {
    /* Makes room. The span is valid until the next call to the sink; its contents are undefined.
     * WEIR_ERR_BUSY: queues are full; WEIR_ERR_LIMIT: larger than can ever fit; WEIR_ERR_TIMEOUT:
     * the deadline cannot be met; WEIR_ERR_NO_MEMORY. Nothing is reserved then. */
    enum weir_status (*reserve)(struct weir_sink *sink, const struct weir_sink_want *want,
                                struct weir_sink_span *out, struct weir_error *err);
    /* Keeps the reserved rows. wanted: set of 1u << enum weir_output, the outputs this request
     * needs. Cannot fail. */
    void (*commit)(struct weir_sink *sink, uint32_t wanted);
    /* Gives the reserved rows back. */
    void (*rollback)(struct weir_sink *sink);
};

struct weir_sink {
    const struct weir_sink_ops *ops;
};

WEIR_MUST_USE static inline enum weir_status weir_sink_reserve(struct weir_sink *sink,
                                                               const struct weir_sink_want *want,
                                                               struct weir_sink_span *out,
                                                               struct weir_error *err)
{
    return sink->ops->reserve(sink, want, out, err);
}

static inline void weir_sink_commit(struct weir_sink *sink, uint32_t wanted)
{
    sink->ops->commit(sink, wanted);
}

static inline void weir_sink_rollback(struct weir_sink *sink)
{
    sink->ops->rollback(sink);
}

#endif

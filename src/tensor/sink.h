/* SPDX-License-Identifier: MIT */
/* Where decoded rows go.
 *
 * A protocol decoder never sees a batch. It reserves rows from a sink, fills them, then commits or
 * rolls back. The batcher, a private batch and a test's plain array are sinks. One request is at
 * most one reservation: one slice of consecutive rows. The texts of frames and of tensors have room
 * beside the rows, which lives and goes with them.
 *
 *     idle ── reserve ──▶ reserved ── commit ──▶ idle      (the rows are the sink's now)
 *                            └────── rollback ─▶ idle      (nothing happened)
 */
#ifndef WEIR_TENSOR_SINK_H
#define WEIR_TENSOR_SINK_H

#include "tensor/cell.h"
#include "tensor/tensors.h"
#include <weir/spec.h>

struct weir_sink;

/* What a request of a model of form WEIR_INPUT_TENSORS brings; the caller's. */
struct weir_sink_tensors {
    const struct weir_tensors_spec *spec;
    const struct weir_tensors_shape *shapes; /* by input, checked; dims[0] of each is n_rows where
                                                the model batches */
    uint64_t wanted;  /* set of 1 << output; part of the signature, as are the other dimensions */
    size_t row_bytes; /* as weir_tensors_layout gave it, which also says what lies where */
};

/* What a decoder asks room for. */
struct weir_sink_want {
    size_t n_rows;         /* at least 1; 1 for tensors that are not batched */
    size_t n_columns;      /* the spec's n_features */
    enum weir_dtype dtype; /* F32 or F64: what weir_spec_batch_dtype gave */
    uint32_t costly;   /* set of 1u << enum weir_output: the costly outputs asked for; part of the
                          signature */
    size_t text_bytes; /* room for texts, at most; see weir_sink_text_bytes; 0: none */
    uint64_t priority; /* 1: the highest level; 0, or more than there are levels: the default one */
    uint64_t queue_timeout_ns; /* how long the rows may wait for their run to begin; 0: no limit of
                                  the request's own */
    const struct weir_sink_tensors *tensors; /* NULL but for form WEIR_INPUT_TENSORS, where
                                                n_columns, dtype and costly mean nothing */
};

/* Room for texts, for the decoder to take from, by the calls below. It lives as long as the rows
 * do. */
struct weir_sink_text {
    char *at;  /* the first free byte, aligned for struct weir_cell_text */
    char *end; /* behind the last */
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
    struct weir_sink_text text; /* set by reserve when text_bytes was not 0 */
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

/* Returns the bytes of text room that a text of n bytes takes. */
static inline size_t weir_sink_text_bytes(size_t n)
{
    size_t align = _Alignof(struct weir_cell_text);
    return (sizeof(struct weir_cell_text) + n + 1 + align - 1) & ~(align - 1);
}

/* Takes room for a text of n bytes between reserve and commit, its length and NUL set already;
 * NULL: more than was reserved. */
static inline struct weir_cell_text *weir_sink_take_text(struct weir_sink *sink, size_t n)
{
    struct weir_cell_text *text = (struct weir_cell_text *)(void *)sink->text.at;
    if (n >= UINT32_MAX || weir_sink_text_bytes(n) > (size_t)(sink->text.end - sink->text.at))
        return NULL;
    sink->text.at += weir_sink_text_bytes(n);
    text->n = (uint32_t)n;
    text->at[n] = 0;
    return text;
}

#endif

/* SPDX-License-Identifier: MIT */
/* Sparse rows: how wide rows that are nearly all zero, as vectorisers of text make them, go from
 * node to node one by one.
 *
 * A node that can do so has `sparse` calls beside its run: a *source* makes a row, a *map* changes
 * one in place, a *sink* answers from one. weir_model_sparse_fuse joins a source, maps behind it
 * and a sink into one node; without a sink the row is written out. */
#ifndef WEIR_MODEL_SPARSE_H
#define WEIR_MODEL_SPARSE_H

#include "model/builder.h"

struct weir_model_sparse_cell {
    uint32_t column;
    double value;
};

/* A row: cells by rising column, each column once; the others are 0. */
struct weir_model_sparse_row {
    struct weir_model_sparse_cell *at;
    size_t n;
    size_t cap; /* room in at: more than the columns of the row */
};

struct weir_model_sparse_ops {
    /* Makes the row of the run's only input row; may mark its fault. */
    void (*source)(const struct weir_model_node *node, const struct weir_model_node_run *run,
                   struct weir_model_sparse_row *row);
    /* Changes a row in place. */
    void (*map)(const struct weir_model_node *node, struct weir_model_sparse_row *row);
    /* Fills the outputs that run wants for its only row. run->in is not read; run->scratch is the
     * node's. */
    void (*sink)(const struct weir_model_node *node, const struct weir_model_node_run *run,
                 const struct weir_model_sparse_row *row);
};

/* Returns how many cells a row of n columns needs room for. */
static inline size_t weir_model_sparse_cap(size_t n)
{
    return n + 65536;
}

/* The plain run of a source: writes each row out. Needs weir_model_sparse_scratch bytes. */
void weir_model_sparse_run(const struct weir_model_node *node,
                           const struct weir_model_node_run *run);

/* Returns the scratch bytes of a source that runs by itself. */
static inline size_t weir_model_sparse_scratch(const struct weir_model_node *source)
{
    size_t cap = weir_model_sparse_cap(source->n_out[WEIR_OUTPUT_TRANSFORM]);
    return weir_model_node_align(cap * sizeof(struct weir_model_sparse_cell)) +
           source->sparse_scratch_bytes;
}

/* Makes a node of a source, n_maps maps and perhaps a sink (NULL: the row is the transform).
 * WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status
weir_model_sparse_fuse(struct weir_model_builder *b, const struct weir_model_node *source,
                       const struct weir_model_node *const *maps, size_t n_maps,
                       const struct weir_model_node *sink, const struct weir_model_node **out,
                       struct weir_error *err);

/* Adds value to a column: puts a cell at the end and, when the row is full, joins cells of one
 * column. */
void weir_model_sparse_add(struct weir_model_sparse_row *row, uint32_t column, double value);

/* Sorts the cells of a row that was added to and joins those of one column. */
void weir_model_sparse_join(struct weir_model_sparse_row *row);

#endif

/* SPDX-License-Identifier: MIT */
/* Evaluators: what a model is made of.
 *
 * A model is a tree of *nodes*. A node reads a matrix of at most WEIR_MODEL_BLOCK_ROWS rows and
 * fills the outputs it is asked for: a scaler gives `transform`, a classifier `predict`,
 * `predict_proba`, `decision_function`. A node that is made of others (a pipeline; a vote) calls
 * them. Nodes are made once, by the constructors in this folder, in the model's arena; running them
 * changes nothing but the caller's outputs, faults and scratch memory, allocates nothing, and goes
 * no deeper than WEIR_MODEL_DEPTH_MAX calls.
 *
 * Float32 semantics: libraries compute in float32 when rows and parameters are float32. Nodes
 * compute in double and round to float after each elementwise operation, which gives the same bits
 * for + − × ÷ √ (the double result of two floats has more than 2·24 + 2 bits; Figueroa 1995).
 *
 * A row's values never depend on its neighbours, its place in the block or the block's size: each
 * node fixes the order of operations for one row. */
#ifndef WEIR_MODEL_NODE_H
#define WEIR_MODEL_NODE_H

#include "base/macros.h"
#include "tensor/result.h"
#include "tensor/spec.h"

enum {
    WEIR_MODEL_BLOCK_ROWS = 128, /* rows a node works on at once: some columns of them stay in L1 */
    WEIR_MODEL_DEPTH_MAX = 16,   /* nodes within nodes */
    WEIR_MODEL_COLUMNS_MAX = 1 << 20,         /* columns of any matrix inside a model */
    WEIR_MODEL_SCRATCH_BYTES_MAX = 512 << 20, /* scratch memory of a run */
};

/* Rows that flow into a node: the element (row, column) is at[row × stride + column]. */
struct weir_model_matrix {
    const void *at;
    size_t stride;           /* elements */
    enum weir_dtype storage; /* WEIR_F32 or WEIR_F64 */
    bool is_f32;             /* float32 in the library's sense; always true for storage F32 */
};

/* One run of a node on a block. */
struct weir_model_node_run {
    size_t n_rows; /* 1 … WEIR_MODEL_BLOCK_ROWS, or the root's block_rows */
    struct weir_model_matrix in;
    /* By enum weir_output, NULL: not wanted. n_rows × n_out values without gaps: double, or int32_t
     * class indexes for predict of nodes with predicts_labels. */
    void *out[WEIR_OUTPUT_N];
    struct weir_row_fault *faults; /* n_rows; a row keeps its first fault. Its values go on through
                                      the nodes, as numbers that mean nothing */
    char *scratch;                 /* scratch_bytes of the node, aligned to 64 */
};

/* Kinds of columns inside a model, beside those of enum weir_column_kind. */
enum {
    /* The column goes through to columns of transform unchanged (node.passes): what it may hold is
     * decided by what reads it there; numbers where nothing does. */
    WEIR_MODEL_COLUMN_ANY = 100,
    WEIR_MODEL_COLUMN_UNUSED = 101, /* nothing reads the column */
    /* Added to the kind of a column that may hold text: something that reads it tells None from
     * other missing values. Where nothing does, None becomes NaN before the model. */
    WEIR_MODEL_COLUMN_KNOWS_NONE = 128,
};

#define WEIR_MODEL_PASSES_NONE UINT32_MAX

struct weir_model_node;
struct weir_model_sparse_ops;

typedef void weir_model_node_run_fn(const struct weir_model_node *node,
                                    const struct weir_model_node_run *run);

/* The head of every evaluator. Each kind of evaluator puts it first into its own struct. */
struct weir_model_node {
    weir_model_node_run_fn *run;
    uint32_t n_in;                 /* columns read */
    const uint8_t *columns;        /* n_in of enum weir_column_kind or the above; NULL: all are
                                      numbers. Where text may come, the input is cells
                                      (tensor/cell.h), storage F64 */
    const uint8_t *gives;          /* the same for the columns of transform; NULL: all numbers */
    const uint32_t *passes;        /* for each column of transform the input column whose cells it
                                      gives unchanged, or WEIR_MODEL_PASSES_NONE; NULL: none */
    const uint32_t *from;          /* likewise the one input column that it is made of, so that a
                                      fault of what reads it can be told in terms of the input;
                                      NULL: its own where keeps_columns, else what it passes */
    uint32_t n_out[WEIR_OUTPUT_N]; /* columns given, by enum weir_output; 0: not given */
    bool predicts_labels;          /* predict gives int32_t class indexes */
    bool takes_f32;                /* its first act is a cast to float32 */
    bool is_vector;                /* predict has one value per row and the library answers [n] */
    bool is_decision_vector;       /* decision_function likewise */
    bool allows_nan;               /* NaN in its input is no fault */
    bool allows_inf;               /* ±infinity (after the cast) neither */
    bool keeps_columns;            /* transform's columns are its input's, in their order */
    uint32_t follows_f32;          /* set of 1u << enum weir_output: float values for float rows */
    uint32_t gives_f32;            /* likewise: float values whatever the rows are */
    uint16_t step;                 /* number of its input check, for faults */
    uint16_t depth;                /* 1 + the deepest node inside */
    /* Rows that it wants at once when it is the root, more than WEIR_MODEL_BLOCK_ROWS: its scratch
     * is made for them. Counts only where block_of is the node itself, not a copy of it. */
    size_t block_rows;
    const struct weir_model_node *block_of;
    size_t scratch_bytes;                       /* its own and those of the nodes it calls */
    const struct weir_model_sparse_ops *sparse; /* model/sparse.h; NULL: takes and gives none */
    size_t sparse_scratch_bytes;                /* what those need */
    size_t n_targets;
    const struct weir_labels
        *targets; /* n_targets; n == 0 for numeric ones; NULL for transformers */
};

/* Rounds a number of bytes up to whole cache lines; scratch areas are cut with it. */
static inline size_t weir_model_node_align(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

/* Returns the scratch bytes of a block of n columns of double. */
static inline size_t weir_model_node_block_bytes(size_t n_columns)
{
    return weir_model_node_align(n_columns * WEIR_MODEL_BLOCK_ROWS * sizeof(double));
}

/* Rounds v to float when is_f32, else returns it. */
static inline double weir_model_node_round(double v, bool is_f32)
{
    return is_f32 ? (double)(float)v : v;
}

/* Returns the input as doubles: itself, or a copy in scratch
 * (weir_model_node_block_bytes(n_columns) bytes) when it is stored as float. *stride: elements from
 * row to row of what is returned. */
const double *weir_model_node_input_f64(const struct weir_model_node_run *run, size_t n_columns,
                                        void *scratch, size_t *stride);

/* Returns the input as floats: itself, or a copy in scratch (as many bytes), rounded to nearest. */
const float *weir_model_node_input_f32(const struct weir_model_node_run *run, size_t n_columns,
                                       void *scratch, size_t *stride);

/* Marks each row of x that holds a NaN or an infinity which the node refuses, unless the row has a
 * fault already. x: the node's input after its first cast, n_in columns. */
void weir_model_node_check_f64(const struct weir_model_node *node,
                               const struct weir_model_node_run *run, const double *x,
                               size_t stride);
void weir_model_node_check_f32(const struct weir_model_node *node,
                               const struct weir_model_node_run *run, const float *x,
                               size_t stride);

#endif

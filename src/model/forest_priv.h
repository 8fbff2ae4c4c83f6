/* SPDX-License-Identifier: MIT */
/* The inside of a forest, for src/model/forest_*.c and their tests: the plain form that every tree
 * has, and what a run works with. */
#ifndef WEIR_MODEL_FOREST_PRIV_H
#define WEIR_MODEL_FOREST_PRIV_H

#include "model/forest.h"

/* |x| up to this is zero for LightGBM: its float literal, widened. */
#define WEIR_MODEL_FOREST_TINY ((double)1e-35f)

struct weir_model_forest_set {
    const uint32_t *words;
    const uint32_t *known; /* rule HIST, else NULL */
    uint32_t n_words;
};

/* A node of the plain form. Breadth first, siblings side by side. */
struct weir_model_forest_plain {
    double threshold;
    uint32_t feature;
    uint32_t left; /* index in the tree; right is left + 1; a leaf: its number */
    uint32_t set;  /* SET: index in the tree's sets */
    uint8_t test;
    uint8_t missing;
};

/* A leaf whose values name their sums. */
struct weir_model_forest_span {
    uint32_t at; /* in values and columns */
    uint32_t n;
};

struct weir_model_forest_member {
    const struct weir_model_forest_plain *nodes;  /* NULL: oblivious */
    const struct weir_model_forest_level *levels; /* oblivious: n_levels */
    const double *values;                         /* n_leaves × width, or by spans */
    const uint32_t *columns;                      /* NULL: first … */
    const struct weir_model_forest_span *spans;   /* with columns: n_leaves */
    const struct weir_model_forest_set *sets;
    const struct weir_model_forest_linear *linear; /* NULL, or n_leaves */
    const int32_t *ids;                            /* n_leaves; NULL: none wanted, or oblivious */
    uint32_t n_nodes;
    uint32_t n_leaves;
    uint32_t n_levels; /* steps from the root to the deepest leaf */
    uint32_t n_sets;
    uint32_t first;
};

struct weir_model_forest_fast;

struct weir_model_forest {
    struct weir_model_node node;
    struct weir_model_forest_member *trees;
    size_t n_trees;
    enum weir_dtype input;
    enum weir_dtype sum;
    uint32_t n_sums;
    uint32_t width;
    double *start; /* NULL: zeros */
    const struct weir_model_node *start_node;
    double divisor; /* 1: none */
    double scale;   /* 1: none */
    double *base;   /* NULL: none */
    enum weir_model_forest_category category;
    bool flushes_tiny;
    bool has_missing_value;
    double missing_value;
    bool gives_leaves;
    struct weir_model_head *heads;
    size_t n_heads;
    const struct weir_model_forest_fast *fast; /* NULL: the plain walk */
    size_t sums_at;                            /* offsets into scratch: n_rows × n_sums doubles, */
    size_t row_at;                             /* one row of doubles, */
    size_t inner_at;                           /* and what the start node needs */
};

/* A forest while it is made. */
struct weir_model_forest_builder {
    struct weir_model_builder *b;
    struct weir_model_forest *forest;
    size_t n_trees_max; /* room */
    uint64_t *seen;     /* a bit for each node of the tree being read */
    size_t n_seen_max;  /* words */
};

/* Whether a node sends x, after all casts, left. */
bool weir_model_forest_goes_left(const struct weir_model_forest *f,
                                 const struct weir_model_forest_member *tree,
                                 const struct weir_model_forest_plain *node, double x);

/* Walks one row, n_in doubles after all casts, from a tree's root; returns the leaf's number. */
uint32_t weir_model_forest_walk(const struct weir_model_forest *f,
                                const struct weir_model_forest_member *tree, const double *x);

/* Adds the values of a leaf to the sums of a row, in the forest's arithmetic. x: as above. */
void weir_model_forest_add_leaf(const struct weir_model_forest *f,
                                const struct weir_model_forest_member *tree, uint32_t leaf,
                                const double *x, double *sums);

/* Reads one row as the trees see it: cast, tiny and missing values replaced. out: n_in doubles. */
void weir_model_forest_read_row(const struct weir_model_forest *f,
                                const struct weir_model_matrix *in, size_t row, double *out);

/* The node's run function. */
weir_model_node_run_fn weir_model_forest_run;

#endif

/* SPDX-License-Identifier: MIT */
/* What planning and laying out a fast forest share; gone when the model is made. */
#ifndef WEIR_MODEL_FOREST_PLAN_H
#define WEIR_MODEL_FOREST_PLAN_H

#include "model/forest_fast.h"

/* Distinct keys of one column, ascending. */
struct weir_model_forest_keys {
    int64_t *at;
    size_t n;
};

/* Leaf values seen lately, and which of the pool they are. */
struct weir_model_forest_shared {
    const double *values; /* NULL: none */
    uint32_t k;
};

struct weir_model_forest_plan {
    struct weir_model_builder *b;
    const struct weir_model_forest *forest;
    struct weir_arena *temp;
    struct weir_model_forest_fast *fast;
    uint32_t *column_of; /* by feature and missing rule: 1 + the column; 0: none */
    struct weir_model_forest_column *columns;
    struct weir_model_forest_keys *keys; /* by column */
    size_t n_columns;
    size_t n_columns_max;
    uint32_t first_test;   /* first column of a test that is no comparison */
    uint32_t n_tests_seen; /* while all nodes are visited in their order */
    size_t n_inner;        /* inner nodes of all trees */
    uint32_t *stack;       /* room for the nodes of the largest tree, each of these four */
    uint32_t *position;
    uint32_t *child;
    uint32_t *leaf_k;
    size_t n_pooled; /* leaves in the pool */
    struct weir_model_forest_shared shared[1024];
};

/* Returns the column of an inner node. Tests that are no comparisons have one each, in order: all
 * nodes must be asked for, each once, after n_tests_seen was set to 0. */
uint32_t weir_model_forest_plan_column(struct weir_model_forest_plan *p,
                                       const struct weir_model_forest_plain *node);

/* Returns what the node compares its column's elements with. */
int32_t weir_model_forest_plan_k(const struct weir_model_forest_plan *p, uint32_t column,
                                 const struct weir_model_forest_plain *node);

/* Makes the steps of a tree: in the order of its nodes, or, when it is walked, in one of its own
 * with one more place. leaf_k: the k of each leaf; NULL: its number. position: filled, by node. */
void weir_model_forest_make_steps(struct weir_model_forest_plan *p,
                                  const struct weir_model_forest_member *tree, bool is_walked,
                                  const uint32_t *leaf_k, uint32_t *position,
                                  struct weir_model_forest_step *steps);

/* Copies n values to at, zeros behind them up to n_padded. */
void weir_model_forest_copy_values(const struct weir_model_forest_fast *fast, const double *values,
                                   size_t n, size_t n_padded, size_t at);

/* Adds a tree's leaves to the pool of values that begins at pool_at; leaf_k: which of the pool each
 * leaf is. */
void weir_model_forest_share_values(struct weir_model_forest_plan *p,
                                    const struct weir_model_forest_member *tree, size_t pool_at,
                                    uint32_t *leaf_k);

/* Lays out all trees; *fits is false where a node's place does not fit. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_model_forest_layout(struct weir_model_forest_plan *p,
                                                        bool *fits, struct weir_error *err);

#endif

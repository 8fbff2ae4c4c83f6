/* SPDX-License-Identifier: MIT */
/* The forest evaluator: decision trees of every origin in one internal form.
 *
 * A tree walks from its root: at an inner node, go left iff x[feature] <= threshold; NaN goes where
 * the node says. A leaf holds a vector of values. The values of all trees are added, in the trees'
 * order, in double, from a start vector; then divided by a constant. So a tree is a forest of one,
 * a random forest divides by its size, and boosting starts from its base score and adds to one
 * class in turn.
 *
 * Features are float32, thresholds are stored as the largest float not above the file's threshold:
 * for a float x, x <= t and x <= floor32(t) are the same. Results are bit-equal to the library's.
 */
#ifndef WEIR_MODEL_FOREST_H
#define WEIR_MODEL_FOREST_H

#include "model/builder.h"
#include "model/head.h"

/* One node of a tree as a format reader gives it. */
struct weir_model_forest_split {
    int64_t left; /* index of the child within the tree; negative: a leaf */
    int64_t right;
    int64_t feature;
    double threshold; /* not NaN; +infinity: all but NaN go left */
    bool nan_left;    /* where NaN goes */
};

/* A tree as a format reader gives it: called back for each node, in any order, each reachable node
 * once or twice. */
struct weir_model_forest_tree {
    size_t n_nodes; /* node 0 is the root */
    void (*split)(const void *ctx, size_t i, struct weir_model_forest_split *out);
    /* Writes the width values of leaf i. */
    void (*leaf)(const void *ctx, size_t i, double *out);
    const void *ctx;
    uint32_t first; /* the tree's values are added to the sums first … first + width − 1 */
};

struct weir_model_forest_opts {
    struct weir_str name; /* for faults */
    uint32_t n_features;
    uint32_t n_sums;     /* sums for each row */
    uint32_t width;      /* values of a leaf, at most n_sums */
    size_t n_trees;      /* exactly as many are added */
    size_t n_nodes;      /* of all trees */
    const double *start; /* n_sums; NULL: zeros */
    double divisor;      /* sums are divided by it at the end; 1: not */
    bool allows_nan;
    bool allows_inf;
    bool keeps_columns; /* its columns are the model's features */
    /* One head over all sums; or several, all SHARES, one for each target, over the sums one after
     * the other: their n_scores add up to n_sums. */
    const struct weir_model_head *heads;
    size_t n_heads;
    bool is_vector;                    /* one numeric target is answered as [n] */
    const struct weir_labels *targets; /* in the builder's arena */
    size_t n_targets;
};

struct weir_model_forest_builder;

/* Begins a forest in the builder's arena; opts' pointers are read during the call only, but for
 * targets. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT (2^31 nodes or values). */
WEIR_MUST_USE enum weir_status weir_model_forest_begin(struct weir_model_builder *b,
                                                       const struct weir_model_forest_opts *opts,
                                                       struct weir_model_forest_builder **out,
                                                       struct weir_error *err);

/* Adds the next tree. WEIR_ERR_CORRUPT, naming the node: a child out of range or not after its
 * parent, one child missing, a node with two parents, a feature out of range, a NaN threshold. */
WEIR_MUST_USE enum weir_status weir_model_forest_add(struct weir_model_forest_builder *f,
                                                     const struct weir_model_forest_tree *tree,
                                                     struct weir_error *err);

/* Ends the forest; all trees were added. */
const struct weir_model_node *weir_model_forest_end(struct weir_model_forest_builder *f);

#endif

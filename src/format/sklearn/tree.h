/* SPDX-License-Identifier: MIT */
/* Reading sklearn.tree._tree.Tree, for all estimators that have some. */
#ifndef WEIR_FORMAT_SKLEARN_TREE_H
#define WEIR_FORMAT_SKLEARN_TREE_H

#include "format/sklearn/build.h"
#include "model/forest.h"

/* What a tree must look like. */
struct weir_format_sklearn_tree_shape {
    size_t n_features; /* the tree's */
    size_t n_targets;
    size_t n_sums; /* values of a leaf: classes of all targets, or targets */
    bool is_classifier;
    struct weir_labels *targets; /* n_targets */
    const uint32_t *columns;     /* which column of the rows each feature is; NULL: the same */
    const uint32_t *classes;     /* which of n_sums each class of the only target is; NULL: the
                                    same */
};

/* A tree as the forest reads it; in the arena that it was read into, free to be changed. */
struct weir_format_sklearn_tree {
    struct weir_model_forest_node *nodes; /* n_nodes; leaf i has value i */
    double *values;                       /* n_values: n_sums for each node */
    size_t n_nodes;
    size_t n_values;
};

/* Reads n_features_in_, n_outputs_ and the classes of a tree or forest estimator; targets are made
 * in the model's arena. */
WEIR_MUST_USE enum weir_status
weir_format_sklearn_tree_shape(struct weir_format_sklearn *s, const struct weir_value_at *at,
                               struct weir_format_sklearn_tree_shape *out, struct weir_error *err);

/* Decides whether a tree of this class, version and training takes NaN (its allow_nan tag). at: the
 * estimator of a single tree. */
WEIR_MUST_USE enum weir_status weir_format_sklearn_tree_nan(const struct weir_format_sklearn *s,
                                                            const struct weir_value_at *at,
                                                            bool *out, struct weir_error *err);

/* Reads the Tree at a place into temp. WEIR_ERR_CORRUPT: its shapes do not fit. */
WEIR_MUST_USE enum weir_status
weir_format_sklearn_tree_read(struct weir_format_sklearn *s, const struct weir_value_at *at,
                              const struct weir_format_sklearn_tree_shape *shape,
                              struct weir_arena *temp, struct weir_format_sklearn_tree *out,
                              struct weir_error *err);

/* Adds a tree to a forest; its first value is added to the sum `first`. at: for errors. */
WEIR_MUST_USE enum weir_status
weir_format_sklearn_tree_add(const struct weir_value_at *at,
                             const struct weir_format_sklearn_tree *tree, uint32_t first,
                             struct weir_model_forest_builder *forest, struct weir_error *err);

/* Steps to the Tree of estimator i of a list (or an array, row by row). */
WEIR_MUST_USE enum weir_status weir_format_sklearn_tree_member(const struct weir_value_at *members,
                                                               size_t i,
                                                               struct weir_value_at *member,
                                                               struct weir_value_at *tree,
                                                               struct weir_error *err);

#endif

/* SPDX-License-Identifier: MIT */
/* The forest evaluator: decision trees of every origin in one internal form.
 *
 * A tree walks from its root: an inner node tests one feature and goes left when the test holds; a
 * missing value goes where the node says. A leaf holds one or several values. The values of all
 * trees are added to the row's sums, in the trees' order, from start values; then divided, scaled,
 * and a base is added. So a tree is a forest of one, a random forest divides by its size, and
 * boosting starts from its base score and adds to one class in turn.
 *
 * Each library's arithmetic is kept: rows are cast to float32 or are doubles (opts.input), sums are
 * float32 or double (opts.sum); comparisons are exact in either. Results are bit-equal to the
 * library's. How the trees are laid out and walked is the forest's own business, chosen from their
 * shape and the CPU when the model is made; every way gives the same bits. */
#ifndef WEIR_MODEL_FOREST_H
#define WEIR_MODEL_FOREST_H

#include "model/builder.h"
#include "model/head.h"

/* What a node asks of its feature x. Other comparisons are these with the children swapped. */
enum weir_model_forest_test {
    WEIR_MODEL_FOREST_LEAF, /* nothing: it is a leaf */
    WEIR_MODEL_FOREST_LE,   /* left when x <= threshold */
    WEIR_MODEL_FOREST_LT,   /* left when x < threshold */
    WEIR_MODEL_FOREST_EQ,   /* left when x == threshold */
    WEIR_MODEL_FOREST_SET,  /* left when x is a category of the node's set, by opts.category */
};

/* Where a missing value goes; asked before the test. */
enum weir_model_forest_missing {
    WEIR_MODEL_FOREST_NAN_RIGHT,
    WEIR_MODEL_FOREST_NAN_LEFT,
    WEIR_MODEL_FOREST_NAN_ZERO,   /* NaN is tested as 0.0 (LightGBM, missing type None) */
    WEIR_MODEL_FOREST_ZERO_RIGHT, /* NaN and |x| <= 1e-35f go right (LightGBM, missing type Zero) */
    WEIR_MODEL_FOREST_ZERO_LEFT,
};

/* How a value becomes a category number. All truncate toward zero; what is in no set goes right. */
enum weir_model_forest_category {
    WEIR_MODEL_FOREST_CATEGORY_XGBOOST,  /* x < 0 and x >= 2^24 are in no set */
    WEIR_MODEL_FOREST_CATEGORY_LIGHTGBM, /* what truncates below 0 or is no int32 is in no set */
    WEIR_MODEL_FOREST_CATEGORY_HIST,     /* modulo 256; x < 0 and what is not in the node's known
                                            set are missing: they go where NaN goes */
};

/* One node of a tree as a format reader gives it. */
struct weir_model_forest_node {
    double threshold; /* LE, LT, EQ: not NaN, may be infinite */
    int64_t left;     /* indices into the tree's nodes, for all but leaves */
    int64_t right;
    int64_t feature;
    union {
        struct {
            uint32_t value; /* leaf: which of the tree's values are its own */
            int32_t id;     /* leaf: its number for the LEAF output */
        };
        struct {
            uint32_t set;   /* SET: where its bits begin in the tree's words; bit i of word w is
                               category 32 w + i */
            uint32_t known; /* SET of rule HIST: likewise, the categories seen in training */
        };
    };
    uint32_t n;      /* SET: words of the set (and of known); leaf of a tree with columns: values */
    uint8_t test;    /* enum weir_model_forest_test */
    uint8_t missing; /* enum weir_model_forest_missing */
};

/* A leaf that is a linear function: constant + coefs[0] × x[features[0]] + …, added in this order
 * in double; its value instead when any of these features is NaN (LightGBM's linear trees). */
struct weir_model_forest_linear {
    double constant;
    size_t n;
    const uint32_t *features;
    const double *coefs;
};

/* A tree as a format reader gives it; read during the call only. */
struct weir_model_forest_tree {
    const struct weir_model_forest_node *nodes; /* any order; those that cannot be reached from the
                                                   root are never looked at */
    size_t n_nodes;
    size_t root;
    /* A leaf's values are values[value × width …], width of them, added to the sums first … first +
     * width − 1; or, where columns is not NULL, values[value …], n of them, each added to the sum
     * that the same place of columns names. */
    const double *values;
    const uint32_t *columns; /* NULL, or n_values */
    size_t n_values;         /* doubles */
    uint32_t first;
    const uint32_t *words; /* of the sets */
    size_t n_words;
    const struct weir_model_forest_linear *linear; /* NULL, or one for each of the n_values values;
                                                      then width is 1, columns NULL, opts.sum F64 */
};

/* One level of an oblivious tree: all its nodes share one test. Sets bit i of the leaf's number
 * (level i, from 0) when the test holds. */
struct weir_model_forest_level {
    double threshold; /* not NaN */
    int64_t feature;
    bool is_equality; /* the test is x == threshold; else x > threshold */
    bool nan_sets;    /* what a NaN does */
};

/* An oblivious tree (CatBoost): 2^n_levels leaves of width values, in order of the leaf's number,
 * which is also what the LEAF output gives. */
struct weir_model_forest_oblivious {
    const struct weir_model_forest_level *levels;
    size_t n_levels; /* 0 … WEIR_MODEL_FOREST_LEVELS_MAX */
    const double *values;
    size_t n_values; /* doubles: width << n_levels */
    uint32_t first;
};

enum { WEIR_MODEL_FOREST_LEVELS_MAX = 16 };

struct weir_model_forest_opts {
    struct weir_str name;  /* for faults */
    uint32_t n_features;   /* at least 1 */
    enum weir_dtype input; /* F32: rows are cast to float32 first; F64: they are doubles. Thresholds
                              are doubles either way and compared exactly */
    enum weir_dtype sum; /* F32: values, start and base are floats and every sum is rounded to float
                            (XGBoost, ONNX); F64 */
    uint32_t n_sums;     /* sums for each row */
    uint32_t width;      /* values of a leaf, at most n_sums; 1 with columns */
    const double *start; /* n_sums, added to; NULL: zeros */
    const struct weir_model_node *start_node; /* its transform (n_sums columns, from the same rows)
                                                 is what is added to instead; NULL: start is */
    double divisor;                           /* sums are divided by it at the end; 0 or 1: not */
    double scale;                             /* then multiplied by it; 0 or 1: not */
    const double *base;                       /* n_sums, added last; NULL: not */
    enum weir_model_forest_category category; /* for SET tests */
    bool flushes_tiny; /* |x| <= 1e-35f is read as 0.0 (LightGBM's dense rows) */
    bool has_missing_value;
    double
        missing_value; /* with has_missing_value: an x equal to it, after the cast, is read as NaN
                        */
    bool allows_nan;
    bool allows_inf;
    bool gives_leaves;  /* has a LEAF output: a number for each tree */
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
 * targets and start_node. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_forest_begin(struct weir_model_builder *b,
                                                       const struct weir_model_forest_opts *opts,
                                                       struct weir_model_forest_builder **out,
                                                       struct weir_error *err);

/* Adds the next tree, copying what it keeps. WEIR_ERR_CORRUPT, naming tree and node: a child, a
 * feature, a value, a column or a set out of range, a node with two parents (so also a cycle), a
 * NaN threshold, an unknown test or missing rule, an infinite or NaN coefficient, a float sum's
 * value that is no float. WEIR_ERR_LIMIT: the builder's n_nodes_max or depth_max.
 * WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_model_forest_add(struct weir_model_forest_builder *f,
                                                     const struct weir_model_forest_tree *tree,
                                                     struct weir_error *err);

/* Adds the next tree, an oblivious one. Errors likewise. */
WEIR_MUST_USE enum weir_status
weir_model_forest_add_oblivious(struct weir_model_forest_builder *f,
                                const struct weir_model_forest_oblivious *tree,
                                struct weir_error *err);

/* Ends the forest: lays its trees out for the CPU at hand. No trees at all are a forest too: its
 * sums are their start values. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_forest_end(struct weir_model_forest_builder *f,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err);

#endif

/* SPDX-License-Identifier: MIT */
/* What an XGBoost file says, whichever of its formats it is in; see README.md. Readers fill it from
 * bytes they do not trust; build.c checks how the parts fit together and makes the model. */
#ifndef WEIR_FORMAT_XGBOOST_BOOSTER_H
#define WEIR_FORMAT_XGBOOST_BOOSTER_H

#include "format/doc.h"
#include "format/value.h"
#include "model/builder.h"

/* Versions as they are counted here. */
#define WEIR_FORMAT_XGBOOST_VERSION(major, minor) (100u * (major) + (minor))

/* One tree as the file holds it: arrays with one entry for each node, node 0 the root. Arrays that
 * an old version did not write are empty. */
struct weir_format_xgboost_tree {
    struct weir_format_doc_i32s left;  /* −1: a leaf */
    struct weir_format_doc_i32s right; /* vector leaves from 3.2 on: the row of leaf_weights */
    struct weir_format_doc_i32s feature;
    struct weir_format_doc_f32s condition; /* threshold, or the leaf's value */
    struct weir_format_doc_flags default_left;
    struct weir_format_doc_flags split_type; /* 1: categorical */
    struct weir_format_doc_i32s categories;
    struct weir_format_doc_i32s categories_nodes;    /* ascending */
    struct weir_format_doc_i64s categories_segments; /* by categories_nodes */
    struct weir_format_doc_i64s categories_sizes;
    struct weir_format_doc_f32s vectors; /* of leaves: nodes × K (to 3.1), or leaves × K */
    bool has_leaf_rows;                  /* the latter */
    int64_t n_leaf_values;               /* K; 0 or 1: condition holds the value */
};

/* The category dictionary of one feature: code i stands for item i. */
struct weir_format_xgboost_categories {
    bool is_text;
    size_t n;                     /* 0: not a categorical feature */
    const struct weir_str *texts; /* n, is_text */
    const double *numbers;        /* n, else */
};

enum weir_format_xgboost_kind {
    WEIR_FORMAT_XGBOOST_TREES, /* gbtree and dart */
    WEIR_FORMAT_XGBOOST_LINEAR,
};

/* What the library's Python wrapper left among the attributes of a model file. */
struct weir_format_xgboost_meta {
    bool is_there;
    bool is_classifier;
    double missing;                       /* NaN: only NaN is missing */
    struct weir_format_doc_labels labels; /* of a label encoder (to 1.5); kind 0: none */
};

struct weir_format_xgboost {
    uint32_t version;             /* 0: unknown (binary files before 1.0) */
    struct weir_str version_text; /* "2.1.4"; empty: unknown */
    enum weir_format_xgboost_kind kind;
    struct weir_str objective;
    struct weir_str base_score; /* as written: "5E-1", "[5E-1]"; not in binary files */
    float base_margin;          /* of binary files */
    bool is_binary;
    bool base_is_margin; /* base_margin is on the margin's scale already (before 1.0) */
    int64_t n_classes;   /* num_class; 0 and 1: none */
    int64_t n_features;
    int64_t n_targets; /* 0 and 1: one */
    struct weir_format_xgboost_tree *trees;
    size_t n_trees;
    struct weir_format_doc_i32s tree_info;   /* column of each tree */
    struct weir_format_doc_i64s round_ends;  /* iteration_indptr; empty: before 2.0 */
    int64_t n_parallel;                      /* num_parallel_tree */
    struct weir_format_doc_f32s weight_drop; /* dart; missing ones are 1 */
    struct weir_format_doc_f32s weights;     /* linear: (n_features + 1) × outputs */
    int64_t best_iteration;                  /* −1: not written */
    int64_t best_trees;                      /* best_ntree_limit of 1.x, for one group; likewise */
    struct weir_format_doc_texts feature_names;
    struct weir_format_doc_texts feature_types;
    struct weir_format_xgboost_categories *categories; /* NULL: no dictionary */
    size_t n_categories;                               /* features of the dictionary */
    struct weir_format_xgboost_meta meta;
};

/* Reads JSON or UBJSON: a model, or a memory snapshot around one. Everything is put into the arena.
 * WEIR_ERR_CORRUPT, WEIR_ERR_UNSUPPORTED, WEIR_ERR_LIMIT, WEIR_ERR_NO_MEMORY, WEIR_ERR_TIMEOUT,
 * naming the place. */
WEIR_MUST_USE enum weir_status weir_format_xgboost_read_doc(struct weir_format_xgboost *out,
                                                            struct weir_str bytes, bool is_ubjson,
                                                            struct weir_arena *arena,
                                                            uint64_t deadline_ns,
                                                            struct weir_error *err);

/* Reads the JSON text that the wrappers leave in the attribute scikit_learn. Statuses likewise. */
WEIR_MUST_USE enum weir_status weir_format_xgboost_meta_read(struct weir_format_xgboost_meta *out,
                                                             struct weir_str text,
                                                             struct weir_arena *arena,
                                                             struct weir_error *err);

/* Reads the format of 0.x to 3.0, with or without its tag, or a memory snapshot of 1.0 to 1.5
 * around it. Statuses likewise. */
WEIR_MUST_USE enum weir_status weir_format_xgboost_binary_read(struct weir_format_xgboost *out,
                                                               struct weir_str bytes,
                                                               struct weir_arena *arena,
                                                               struct weir_error *err);

/* Reads whichever of the formats the bytes are in, memory snapshots of all versions included. */
WEIR_MUST_USE enum weir_status
weir_format_xgboost_read(struct weir_format_xgboost *out, struct weir_str bytes,
                         struct weir_arena *arena, uint64_t deadline_ns, struct weir_error *err);

/* Finds whether bytes are in the binary format, by their tag or by the first struct; without a tag
 * it guesses only from plausible numbers, so it must be the last probe. */
bool weir_format_xgboost_binary_probe(struct weir_str bytes);

/* Takes the features' names over into the spec, unless it has some. WEIR_ERR_CORRUPT: another
 * number of names; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_format_xgboost_names(const struct weir_format_xgboost *x,
                                                         struct weir_model_builder *b,
                                                         struct weir_error *err);

/* How a booster is served: by the rules of Booster.predict, or as one of the wrappers. */
struct weir_format_xgboost_rules {
    bool is_wrapper;                  /* trees up to best_iteration only */
    bool is_classifier;               /* predict gives labels */
    int64_t best_iteration;           /* −1: the booster's own */
    double missing;                   /* equal values are missing too; NaN: none */
    bool hides_margins;               /* no decision_function, which wrappers do not have */
    const struct weir_labels *labels; /* in the model's arena; NULL: 0 … K − 1 */
    struct weir_str name;             /* the estimator, for faults */
    bool keeps_columns;               /* its columns are the model's features */
};

/* Makes the node. WEIR_ERR_CORRUPT: the parts do not fit each other; WEIR_ERR_UNSUPPORTED;
 * WEIR_ERR_LIMIT; WEIR_ERR_NO_MEMORY. temp: for the build only. */
WEIR_MUST_USE enum weir_status
weir_format_xgboost_build(const struct weir_format_xgboost *booster,
                          const struct weir_format_xgboost_rules *rules,
                          struct weir_model_builder *b, struct weir_arena *temp,
                          const struct weir_model_node **out, struct weir_error *err);

#endif

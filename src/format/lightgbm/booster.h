/* SPDX-License-Identifier: MIT */
/* What a LightGBM text model says; see README.md. The reader fills it from bytes it does not trust;
 * build.c checks how the parts fit together and makes the model. */
#ifndef WEIR_FORMAT_LIGHTGBM_BOOSTER_H
#define WEIR_FORMAT_LIGHTGBM_BOOSTER_H

#include "format/format.h"
#include "model/builder.h"

/* Arrays in the reader's arena. */
struct weir_format_lightgbm_f64s {
    double *at;
    size_t n;
};
struct weir_format_lightgbm_i64s {
    int64_t *at;
    size_t n;
};

/* One tree: L leaves, L − 1 splits. What a version did not write is empty. */
struct weir_format_lightgbm_tree {
    int64_t n_leaves;
    int64_t n_cat;                            /* categorical splits */
    struct weir_format_lightgbm_i64s feature; /* of each split */
    struct weir_format_lightgbm_f64s threshold;
    struct weir_format_lightgbm_i64s decision; /* bits, README.md */
    struct weir_format_lightgbm_i64s left;     /* >= 0: a split; else leaf −1 − left */
    struct weir_format_lightgbm_i64s right;
    struct weir_format_lightgbm_f64s value;     /* of each leaf */
    struct weir_format_lightgbm_i64s cat_ends;  /* n_cat + 1, in words of cat_words */
    struct weir_format_lightgbm_i64s cat_words; /* 32 bits each */
    int64_t is_linear;
    struct weir_format_lightgbm_f64s constant;      /* of each leaf */
    struct weir_format_lightgbm_i64s n_coefs;       /* of each leaf */
    struct weir_format_lightgbm_i64s coef_features; /* of all leaves together */
    struct weir_format_lightgbm_f64s coefs;
};

struct weir_format_lightgbm {
    struct weir_str format;    /* "v3", "v4" */
    struct weir_str objective; /* "binary sigmoid:1"; at is NULL: a custom one */
    int64_t n_classes;
    int64_t n_per_round; /* trees of a round, margins of a row; 0: as many as classes */
    int64_t n_features;
    bool is_average;                      /* random forest mode: the sum is divided by the rounds */
    const struct weir_str *feature_names; /* n_feature_names */
    size_t n_feature_names;
    struct weir_str feature_infos; /* a word for each: "[-1:2.5]", "none", "0:2:1" */
    struct weir_str categorical;   /* "1,2": features said to be categorical; at is NULL: unsaid */
    struct weir_str dictionary;    /* JSON: a list of categories for each category column of the
                                      data frame; at is NULL: none */
    struct weir_format_lightgbm_tree *trees;
    size_t n_trees;
};

/* Reads a text model into the arena. WEIR_ERR_CORRUPT, naming tree and line; WEIR_ERR_NO_MEMORY;
 * WEIR_ERR_TIMEOUT. */
WEIR_MUST_USE enum weir_status
weir_format_lightgbm_read(struct weir_format_lightgbm *out, struct weir_str text,
                          struct weir_arena *arena, uint64_t deadline_ns, struct weir_error *err);

/* How a booster is served: as Booster.predict, or as one of the wrappers. */
struct weir_format_lightgbm_rules {
    bool is_classifier;               /* predict gives labels */
    int64_t best_iteration;           /* rounds that count; 0 or less: all */
    const struct weir_labels *labels; /* of a classifier, in the model's arena */
    struct weir_str name;             /* the estimator, for faults */
    bool keeps_columns;               /* its columns are the model's features */
    bool hides_margins;               /* no decision_function, which wrappers do not have */
};

/* Makes the node. WEIR_ERR_CORRUPT: the parts do not fit each other; WEIR_ERR_UNSUPPORTED;
 * WEIR_ERR_LIMIT; WEIR_ERR_NO_MEMORY. temp: for the build only. */
WEIR_MUST_USE enum weir_status
weir_format_lightgbm_build(const struct weir_format_lightgbm *booster,
                           const struct weir_format_lightgbm_rules *rules,
                           struct weir_model_builder *b, struct weir_arena *temp,
                           const struct weir_model_node **out, struct weir_error *err);

/* Puts the data frame's lists of categories, where the text has them, in front of inner: categories
 * come as values then, not as codes; unknown ones are missing, as in the library. Statuses
 * likewise; WEIR_ERR_UNSUPPORTED also where the text does not tell whose the lists are. */
WEIR_MUST_USE enum weir_status weir_format_lightgbm_categories_add(
    const struct weir_format_lightgbm *x, const struct weir_format_lightgbm_rules *rules,
    struct weir_model_builder *b, struct weir_arena *temp, const struct weir_model_node *inner,
    const struct weir_model_node **out, struct weir_error *err);

/* Takes the features' names over into the spec, unless it has some or they are the library's own
 * (Column_0, …). WEIR_ERR_CORRUPT: another number of names; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status
weir_format_lightgbm_build_names(const struct weir_format_lightgbm *x, struct weir_model_builder *b,
                                 struct weir_error *err);

#endif

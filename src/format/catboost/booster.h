/* SPDX-License-Identifier: MIT */
/* What a CatBoost file says, JSON or .cbm; see README.md. Readers fill it from bytes they do not
 * trust; build.c checks how the parts fit together and makes the model. */
#ifndef WEIR_FORMAT_CATBOOST_BOOSTER_H
#define WEIR_FORMAT_CATBOOST_BOOSTER_H

#include "format/doc.h"
#include "model/builder.h"

/* What NaN is to a numeric feature. */
enum weir_format_catboost_nan {
    WEIR_FORMAT_CATBOOST_NAN_AS_IS, /* above no border */
    WEIR_FORMAT_CATBOOST_NAN_BELOW, /* AsFalse */
    WEIR_FORMAT_CATBOOST_NAN_ABOVE, /* AsTrue */
};

struct weir_format_catboost_feature {
    int64_t index;  /* among numeric features */
    int64_t column; /* of the input */
    enum weir_format_catboost_nan nan;
    struct weir_str name;                /* empty: none */
    struct weir_format_doc_f32s borders; /* .cbm: numbered through all features by the splits */
};

/* A test x[feature] > border. */
struct weir_format_catboost_split {
    int64_t feature; /* among numeric features */
    float border;
};

/* A node of a tree that is not symmetric. */
struct weir_format_catboost_node {
    int64_t left; /* -1: a leaf */
    int64_t right;
    struct weir_format_catboost_split split;
    int64_t value; /* leaf: its first value */
};

struct weir_format_catboost_tree {
    const struct weir_format_catboost_split
        *splits; /* symmetric: n_splits levels, first bit first */
    size_t n_splits;
    const struct weir_format_catboost_node
        *nodes; /* not symmetric: n_nodes, the root first; NULL */
    size_t n_nodes;
    const double *values; /* of its leaves, n_dims each */
    size_t n_values;
};

struct weir_format_catboost {
    struct weir_format_catboost_feature *features;
    size_t n_features; /* numeric ones */
    struct weir_format_catboost_tree *trees;
    size_t n_trees;
    double scale;
    struct weir_format_doc_f64s bias;     /* one for each dimension, or one */
    int64_t n_dims;                       /* values of a leaf; 0: not said */
    struct weir_str loss;                 /* "Logloss"; empty: not said */
    struct weir_str version;              /* "1.2.10"; empty: unknown */
    struct weir_format_doc_labels labels; /* of the classes; kind 0: none */
};

/* Read a JSON export; a binary model. WEIR_ERR_CORRUPT, WEIR_ERR_UNSUPPORTED (categorical, text and
 * embedding features), WEIR_ERR_LIMIT, WEIR_ERR_NO_MEMORY, naming the place. */
WEIR_MUST_USE enum weir_status weir_format_catboost_json_read(struct weir_format_catboost *out,
                                                              struct weir_str bytes,
                                                              struct weir_arena *arena,
                                                              uint64_t deadline_ns,
                                                              struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_catboost_cbm_read(struct weir_format_catboost *out,
                                                             struct weir_str bytes,
                                                             struct weir_arena *arena,
                                                             struct weir_error *err);

/* Read what the library keeps as JSON inside either: the training parameters (of which the loss
 * counts); the labels of the classes; out of a text about the build, the version. */
weir_format_doc_fn weir_format_catboost_json_params;       /* struct weir_format_catboost */
weir_format_doc_fn weir_format_catboost_json_class_params; /* likewise */
void weir_format_catboost_json_version(struct weir_format_catboost *x, struct weir_str text);

/* Makes the model's root node and fills the texts of the spec. Statuses likewise. */
WEIR_MUST_USE enum weir_status weir_format_catboost_build(const struct weir_format_catboost *x,
                                                          struct weir_model_builder *b,
                                                          struct weir_arena *temp,
                                                          const struct weir_model_node **out,
                                                          struct weir_error *err);

#endif

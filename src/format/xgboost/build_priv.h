/* SPDX-License-Identifier: MIT */
/* What the two parts of the way from booster to model share. */
#ifndef WEIR_FORMAT_XGBOOST_BUILD_PRIV_H
#define WEIR_FORMAT_XGBOOST_BUILD_PRIV_H

#include "format/xgboost/booster.h"
#include "model/margin.h"

/* The place of the booster's own model in the document, for messages. */
#define WEIR_FORMAT_XGBOOST_MODEL "learner.gradient_booster.model"

/* How base_score, a value, becomes a margin. */
enum weir_format_xgboost_base {
    WEIR_FORMAT_XGBOOST_BASE_SAME,
    WEIR_FORMAT_XGBOOST_BASE_LOGIT,
    WEIR_FORMAT_XGBOOST_BASE_LOG,
};

struct weir_format_xgboost_objective {
    const char *name;
    enum weir_model_margin_link link;
    enum weir_format_xgboost_base base;
    bool is_multi;  /* one margin for each class */
    bool has_proba; /* its values are probabilities */
};

/* One build. */
struct weir_format_xgboost_build {
    const struct weir_format_xgboost *x;
    const struct weir_format_xgboost_rules *rules;
    struct weir_model_builder *b;
    struct weir_arena *temp;
    const struct weir_format_xgboost_objective *objective;
    size_t n_out;  /* margins of a row */
    float *base;   /* n_out, on the margin's scale */
    size_t n_used; /* trees that count */
    struct weir_error *err;
};

/* Says that there is no memory. */
enum weir_status weir_format_xgboost_build_no_memory(struct weir_format_xgboost_build *c);

/* Makes the forest of the trees that count; it predicts the margins. */
WEIR_MUST_USE enum weir_status weir_format_xgboost_trees(struct weir_format_xgboost_build *c,
                                                         const struct weir_model_node **out);

/* Puts the file's dictionary of categories, where it has one, in front of inner: categories come
 * as values then, not as codes; unknown ones are faults, as in the library. */
WEIR_MUST_USE enum weir_status
weir_format_xgboost_categories_add(struct weir_format_xgboost_build *c,
                                   const struct weir_model_node *inner,
                                   const struct weir_model_node **out);

#endif

/* SPDX-License-Identifier: MIT */
#include "format/sklearn/select.h"

#include <math.h>
#include <string.h>

static enum weir_status no_memory(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
}

static enum weir_status of_coef(struct weir_format_sklearn *s, const struct weir_value_at *coef,
                                double order, double **out, size_t *n, struct weir_error *err)
{
    struct weir_value_f64s w;
    enum weir_status status = weir_value_f64s(coef, s->temp, &w, err);
    if (status != WEIR_OK)
        return status;
    if (w.shape.n_dims < 1 || w.shape.n_dims > 2 || w.shape.n == 0)
        return weir_value_fail(coef, WEIR_ERR_INVALID, err, "is not a list or table of weights");
    if (!weir_format_sklearn_build_is_finite(w.at, w.shape.n))
        return weir_value_fail(coef, WEIR_ERR_CORRUPT, err, "holds NaN or infinity");
    if (order != 1.0 && order != 2.0 && !(isinf(order) && order > 0.0))
        return weir_value_fail(coef, WEIR_ERR_UNSUPPORTED, err,
                               "norm_order is not 1, 2 or infinity");
    size_t n_rows = w.shape.n_dims == 2 ? w.shape.dim[0] : 1;
    size_t n_columns = w.shape.n / n_rows;
    double *norms = weir_arena_zarray(s->temp, n_columns, sizeof *norms);
    if (!norms)
        return no_memory(err);
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n_columns; j++) {
            double v = fabs(w.at[i * n_columns + j]);
            norms[j] = order == 1.0   ? norms[j] + v
                       : order == 2.0 ? norms[j] + v * v
                                      : fmax(norms[j], v);
        }
    for (size_t j = 0; order == 2.0 && w.shape.n_dims == 2 && j < n_columns; j++)
        norms[j] = sqrt(norms[j]);
    for (size_t j = 0; w.shape.n_dims == 1 && j < n_columns; j++)
        norms[j] = fabs(w.at[j]);
    *out = norms;
    *n = n_columns;
    return WEIR_OK;
}

/* The columns of a tree's table of nodes that say how important each split was. */
struct splits {
    struct weir_value_i64s left, right, feature;
    struct weir_value_f64s impurity, weight;
};

static enum weir_status read_splits(struct weir_format_sklearn *s, const struct weir_value_at *tree,
                                    struct splits *out, struct weir_error *err)
{
    struct weir_value_at nodes;
    enum weir_status status = weir_value_attr(tree, "nodes", &nodes, err);
    if (status == WEIR_OK)
        status = weir_value_field_i64s(&nodes, "left_child", s->temp, &out->left, err);
    if (status == WEIR_OK)
        status = weir_value_field_i64s(&nodes, "right_child", s->temp, &out->right, err);
    if (status == WEIR_OK)
        status = weir_value_field_i64s(&nodes, "feature", s->temp, &out->feature, err);
    if (status == WEIR_OK)
        status = weir_value_field_f64s(&nodes, "impurity", s->temp, &out->impurity, err);
    if (status == WEIR_OK)
        status =
            weir_value_field_f64s(&nodes, "weighted_n_node_samples", s->temp, &out->weight, err);
    return status;
}

/* Adds the importances of one tree (is_share: divided by their sum) to sums; counts it unless it is
 * a single leaf. */
static enum weir_status add_tree(struct weir_format_sklearn *s,
                                 const struct weir_value_at *estimator, bool is_share,
                                 bool skips_leaf, double *sums, size_t n, size_t *n_trees,
                                 struct weir_error *err)
{
    struct weir_value_at tree;
    struct splits t;
    enum weir_status status = weir_value_attr(estimator, "tree_", &tree, err);
    if (status == WEIR_OK)
        status = read_splits(s, &tree, &t, err);
    if (status != WEIR_OK)
        return status;
    size_t n_nodes = t.left.shape.n;
    if (n_nodes <= 1 && skips_leaf)
        return WEIR_OK;
    double *own = weir_arena_zarray(s->temp, n, sizeof *own);
    if (!own)
        return no_memory(err);
    for (size_t i = 0; i < n_nodes; i++) {
        int64_t l = t.left.at[i];
        int64_t r = t.right.at[i];
        if (l < 0)
            continue;
        if (l >= (int64_t)n_nodes || r < 0 || r >= (int64_t)n_nodes || t.feature.at[i] < 0 ||
            t.feature.at[i] >= (int64_t)n)
            return weir_value_fail(&tree, WEIR_ERR_CORRUPT, err, "node %zu is out of range", i);
        own[t.feature.at[i]] += t.weight.at[i] * t.impurity.at[i] -
                                t.weight.at[l] * t.impurity.at[l] -
                                t.weight.at[r] * t.impurity.at[r];
    }
    double sum = 0.0;
    for (size_t j = 0; j < n; j++) {
        own[j] /= n_nodes > 0 ? t.weight.at[0] : 1.0;
        sum += own[j];
    }
    for (size_t j = 0; j < n; j++)
        sums[j] += is_share && sum > 0.0 ? own[j] / sum : own[j];
    (*n_trees)++;
    return WEIR_OK;
}

/* Adds the trees of estimators_, a list or a table of estimators. */
static enum weir_status add_trees(struct weir_format_sklearn *s, const struct weir_value_at *list,
                                  bool is_share, double *sums, size_t n, size_t *n_trees,
                                  struct weir_error *err)
{
    size_t n_members = weir_value_n(list->v);
    for (size_t i = 0; i < n_members; i++) {
        struct weir_value_at member;
        enum weir_status status = weir_value_item(list, i, &member, err);
        if (status == WEIR_OK)
            status = add_tree(s, &member, is_share, true, sums, n, n_trees, err);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

static enum weir_status of_trees(struct weir_format_sklearn *s,
                                 const struct weir_value_at *estimator, double **out, size_t *n,
                                 struct weir_error *err)
{
    struct weir_value_at members;
    struct weir_str cls = estimator->v->object->cls;
    size_t n_trees = 0;
    enum weir_status status = weir_format_sklearn_build_n_features(estimator, n, err);
    if (status == WEIR_OK && *n == 0)
        status = weir_value_fail(estimator, WEIR_ERR_UNSUPPORTED, err,
                                 "does not say its n_features_in_");
    if (status != WEIR_OK)
        return status;
    double *sums = weir_arena_zarray(s->temp, *n, sizeof *sums);
    if (!sums)
        return no_memory(err);
    bool is_boosting = weir_str_starts(cls, WEIR_STR("GradientBoosting"));
    bool is_single = weir_str_starts(cls, WEIR_STR("DecisionTree")) ||
                     (weir_str_starts(cls, WEIR_STR("ExtraTree")) &&
                      !weir_str_starts(cls, WEIR_STR("ExtraTrees")));
    if (is_single) {
        status = add_tree(s, estimator, true, false, sums, *n, &n_trees, err);
    } else {
        status = weir_value_attr(estimator, "estimators_", &members, err);
        if (status == WEIR_OK)
            status = add_trees(s, &members, !is_boosting, sums, *n, &n_trees, err);
    }
    if (status != WEIR_OK)
        return status;
    double total = 0.0;
    for (size_t j = 0; j < *n; j++) {
        sums[j] /= n_trees > 0 ? (double)n_trees : 1.0;
        total += sums[j];
    }
    for (size_t j = 0; !is_single && total > 0.0 && j < *n; j++)
        sums[j] /= total;
    *out = sums;
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_select_importances(struct weir_format_sklearn *s,
                                                        const struct weir_value_at *estimator,
                                                        double order, double **out, size_t *n,
                                                        struct weir_error *err)
{
    static const char *const trees[] = {"DecisionTree", "ExtraTree", "RandomForest",
                                        "GradientBoosting"};
    struct weir_value_at coef;
    struct weir_str cls = estimator->v->object->cls;
    enum weir_status status = weir_value_attr_opt(estimator, "coef_", &coef, err);
    if (status != WEIR_OK)
        return status;
    if (coef.v)
        return of_coef(s, &coef, order, out, n, err);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(trees); i++)
        if (weir_str_starts(cls, weir_str_c(trees[i])))
            return of_trees(s, estimator, out, n, err);
    char echo[WEIR_ECHO_BUF_BYTES];
    return weir_value_fail(estimator, WEIR_ERR_UNSUPPORTED, err,
                           "the importances of %s are not supported",
                           weir_str_echo(cls, echo, sizeof echo));
}

/* SPDX-License-Identifier: MIT */
/* sklearn.tree._tree.Tree, the tree inside every tree estimator but HistGradientBoosting's.
 *
 * A Tree is a call of (n_features, number of classes for each output, n_outputs) with a state of
 * nodes (an array of structs whose fields differ by version, platform and byte order) and values
 * (nodes × outputs × the most classes of any output). Up to 1.3 the values of classifiers are
 * weighted counts, later they are fractions; which of the two is told by their sum at the root. */
#include "format/sklearn/tree.h"

#include <math.h>
#include <string.h>

/* One tree's arrays, valid until the arena they are in is reset. */
struct tree {
    size_t n_nodes;
    const int64_t *left;
    const int64_t *right;
    const int64_t *feature;
    const double *threshold;
    const int64_t *nan_left; /* NULL: before 1.3 */
    double *values;          /* n_nodes × n_outputs × n_values */
    size_t n_values;
    bool is_counts;
    /* The same for all trees of a model. */
    const struct weir_labels *targets; /* n_targets */
    size_t n_targets;
};

/* --- one tree --- */

/* Checks the constructor's arguments against the estimator. */
static enum weir_status check_args(const struct weir_value_at *at,
                                   const struct weir_format_sklearn_tree_shape *shape,
                                   struct weir_arena *temp, struct weir_error *err)
{
    const struct weir_value_items *args = &at->v->object->args;
    if (!weir_value_is_object(at->v, "Tree") || args->n != 3)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "expected a Tree");
    struct weir_value_at part[3];
    struct weir_value_i64s n_classes;
    int64_t n_features, n_outputs;
    for (size_t i = 0; i < 3; i++)
        part[i] = (struct weir_value_at){
            .v = args->at[i], .up = at, .walk = at->walk, .index = i, .depth = at->depth + 1};
    enum weir_status status = weir_value_i64(&part[0], &n_features, err);
    if (status == WEIR_OK)
        status = weir_value_i64s(&part[1], temp, &n_classes, err);
    if (status == WEIR_OK)
        status = weir_value_i64(&part[2], &n_outputs, err);
    if (status != WEIR_OK)
        return status;
    if (n_features < 0 || (uint64_t)n_features != shape->n_features)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "made for %lld features, not %zu",
                               (long long)n_features, shape->n_features);
    if (n_outputs < 0 || (uint64_t)n_outputs != shape->n_targets ||
        n_classes.shape.n != shape->n_targets)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "made for %lld outputs, not %zu",
                               (long long)n_outputs, shape->n_targets);
    for (size_t i = 0; shape->is_classifier && i < shape->n_targets; i++)
        if (n_classes.at[i] < 0 || (uint64_t)n_classes.at[i] != shape->targets[i].n)
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err,
                                   "made for %lld classes, the estimator has %zu",
                                   (long long)n_classes.at[i], shape->targets[i].n);
    return WEIR_OK;
}

static enum weir_status read_nodes(const struct weir_value_at *at, struct weir_arena *temp,
                                   struct tree *tree, double *root_weight, struct weir_error *err)
{
    struct weir_value_at nodes;
    struct weir_value_f64s threshold, weight;
    enum weir_status status = weir_value_attr(at, "nodes", &nodes, err);
    if (status == WEIR_OK)
        status = weir_value_field_f64s(&nodes, "threshold", temp, &threshold, err);
    if (status == WEIR_OK)
        status = weir_value_field_f64s(&nodes, "weighted_n_node_samples", temp, &weight, err);
    if (status != WEIR_OK)
        return status;
    size_t n = threshold.shape.n;
    if (threshold.shape.n_dims != 1 || n == 0)
        return weir_value_fail(&nodes, WEIR_ERR_CORRUPT, err, "not a list of nodes");
    tree->n_nodes = n;
    tree->threshold = threshold.at;
    *root_weight = weight.at[0];
    status = weir_format_sklearn_build_field_i64s(&nodes, "left_child", n, temp, &tree->left, err);
    if (status == WEIR_OK)
        status =
            weir_format_sklearn_build_field_i64s(&nodes, "right_child", n, temp, &tree->right, err);
    if (status == WEIR_OK)
        status =
            weir_format_sklearn_build_field_i64s(&nodes, "feature", n, temp, &tree->feature, err);
    if (status == WEIR_OK && weir_value_has_field(nodes.v, "missing_go_to_left"))
        status = weir_format_sklearn_build_field_i64s(&nodes, "missing_go_to_left", n, temp,
                                                      &tree->nan_left, err);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < n; i++)
        if ((tree->left[i] < 0) != (tree->right[i] < 0))
            return weir_value_fail(&nodes, WEIR_ERR_CORRUPT, err, "node %zu has one child", i);
    return WEIR_OK;
}

/* Decides what the values of a classifier are, by their sum at the root. */
static enum weir_status tell_counts(const struct weir_format_sklearn *s,
                                    const struct weir_value_at *at, double root_weight,
                                    struct tree *tree, struct weir_error *err)
{
    double sum = weir_model_head_sum(tree->values, tree->targets[0].n, false);
    bool is_share = fabs(sum - 1.0) <= 1e-6;
    bool is_count = fabs(sum - root_weight) <= 1e-6 * fabs(root_weight);
    if (!is_share && !is_count)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err,
                               "the root's values are neither counts nor fractions");
    tree->is_counts = is_count && (!is_share || s->version < WEIR_FORMAT_SKLEARN_VERSION(1, 4));
    return WEIR_OK;
}

static enum weir_status read_tree(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                  const struct weir_format_sklearn_tree_shape *shape,
                                  struct weir_arena *temp, struct tree *tree,
                                  struct weir_error *err)
{
    *tree = (struct tree){.targets = shape->targets, .n_targets = shape->n_targets};
    double root_weight = 0.0;
    struct weir_value_f64s values;
    enum weir_status status = check_args(at, shape, temp, err);
    if (status == WEIR_OK)
        status = read_nodes(at, temp, tree, &root_weight, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64s(at, "values", temp, &values, err);
    if (status != WEIR_OK)
        return status;
    size_t most = 1;
    for (size_t i = 0; i < shape->n_targets; i++)
        most = weir_max_size(most, shape->targets[i].n);
    const size_t *dim = values.shape.dim;
    if (values.shape.n_dims != 3 || dim[0] != tree->n_nodes || dim[1] != shape->n_targets ||
        dim[2] != most)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err,
                               "values are not %zu nodes × %zu outputs × %zu", tree->n_nodes,
                               shape->n_targets, most);
    if (!weir_format_sklearn_build_is_finite(values.at, values.shape.n))
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "values hold NaN or infinity");
    tree->values = values.at;
    tree->n_values = most;
    return shape->is_classifier ? tell_counts(s, at, root_weight, tree, err) : WEIR_OK;
}

/* --- as the forest reads it --- */

/* Writes the values of all nodes, one target after the other without gaps, or class by class where
 * shape->classes says; counts become shares here, by the division that predict_proba would do for
 * each row. out: n_nodes × n_sums, zeros. */
static void write_values(const struct tree *t, const struct weir_format_sklearn_tree_shape *shape,
                         double *out)
{
    const double *from = t->values;
    for (size_t i = 0; i < t->n_nodes; i++, out += shape->n_sums) {
        double *to = out;
        for (size_t target = 0; target < t->n_targets; target++, from += t->n_values) {
            size_t n = weir_max_size(t->targets[target].n, 1);
            double sum = t->is_counts ? weir_model_head_sum(from, n, false) : 1.0;
            for (size_t k = 0; k < n; k++)
                to[shape->classes ? shape->classes[k] : k] =
                    t->is_counts ? from[k] / (sum == 0.0 ? 1.0 : sum) : from[k];
            to += n;
        }
    }
}

static void write_nodes(const struct tree *t, const struct weir_format_sklearn_tree_shape *shape,
                        struct weir_model_forest_node *nodes)
{
    for (size_t i = 0; i < t->n_nodes; i++) {
        struct weir_model_forest_node *node = &nodes[i];
        bool is_leaf = t->left[i] < 0;
        bool nan_left = t->nan_left && t->nan_left[i] != 0;
        bool is_known = t->feature[i] >= 0 && (uint64_t)t->feature[i] < shape->n_features;
        *node = (struct weir_model_forest_node){
            .threshold = t->threshold[i],
            .left = t->left[i],
            .right = t->right[i],
            .feature =
                shape->columns && is_known ? (int64_t)shape->columns[t->feature[i]] : t->feature[i],
            .test = is_leaf ? WEIR_MODEL_FOREST_LEAF : WEIR_MODEL_FOREST_LE,
            .missing = nan_left ? WEIR_MODEL_FOREST_NAN_LEFT : WEIR_MODEL_FOREST_NAN_RIGHT};
        if (is_leaf) {
            node->value = (uint32_t)i;
            node->id = (int32_t)i;
        } else if (shape->columns && !is_known) {
            node->feature = -1; /* the forest refuses it */
        }
    }
}

enum weir_status weir_format_sklearn_tree_read(struct weir_format_sklearn *s,
                                               const struct weir_value_at *at,
                                               const struct weir_format_sklearn_tree_shape *shape,
                                               struct weir_arena *temp,
                                               struct weir_format_sklearn_tree *out,
                                               struct weir_error *err)
{
    struct tree t;
    enum weir_status status = read_tree(s, at, shape, temp, &t, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_forest_node *nodes = weir_arena_array(temp, t.n_nodes, sizeof *nodes);
    bool is_plain = !t.is_counts && !shape->classes && shape->n_sums == t.n_targets * t.n_values;
    double *values =
        is_plain ? t.values : weir_arena_zarray(temp, t.n_nodes * shape->n_sums, sizeof *values);
    if (!nodes || !values)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    if (!is_plain)
        write_values(&t, shape, values);
    write_nodes(&t, shape, nodes);
    *out = (struct weir_format_sklearn_tree){.nodes = nodes,
                                             .values = values,
                                             .n_nodes = t.n_nodes,
                                             .n_values = t.n_nodes * shape->n_sums};
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_tree_add(const struct weir_value_at *at,
                                              const struct weir_format_sklearn_tree *tree,
                                              uint32_t first,
                                              struct weir_model_forest_builder *forest,
                                              struct weir_error *err)
{
    struct weir_model_forest_tree given = {.nodes = tree->nodes,
                                           .n_nodes = tree->n_nodes,
                                           .values = tree->values,
                                           .n_values = tree->n_values,
                                           .first = first};
    struct weir_error reason = WEIR_ERROR_INIT;
    enum weir_status status = weir_model_forest_add(forest, &given, &reason);
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

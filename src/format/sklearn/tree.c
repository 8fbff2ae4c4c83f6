/* SPDX-License-Identifier: MIT */
/* sklearn.tree and sklearn.ensemble._forest: one or many sklearn.tree._tree.Tree.
 *
 * A Tree is a call of (n_features, number of classes for each output, n_outputs) with a state of
 * nodes (an array of structs whose fields differ by version, platform and byte order) and values
 * (nodes × outputs × the most classes of any output). Up to 1.3 the values of classifiers are
 * weighted counts, later they are fractions; which of the two is told by their sum at the root. */
#include "format/sklearn/build.h"
#include "model/forest.h"

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
    const double *values;    /* n_nodes × n_outputs × n_values */
    size_t n_values;
    bool is_counts;
    /* The same for all trees of a model. */
    const struct weir_labels *targets; /* n_targets */
    size_t n_targets;
};

/* What is common to the trees of a model. */
struct shape {
    size_t n_features;
    size_t n_targets;
    size_t n_sums; /* classes of all targets, or targets */
    bool is_classifier;
    struct weir_labels *targets;
    bool allows_nan;
};

/* --- one tree --- */

/* Checks the constructor's arguments against the estimator. */
static enum weir_status check_args(const struct weir_value_at *at, const struct shape *shape,
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

static enum weir_status field_i64(const struct weir_value_at *nodes, const char *name, size_t n,
                                  struct weir_arena *temp, const int64_t **out,
                                  struct weir_error *err)
{
    struct weir_value_i64s values;
    enum weir_status status = weir_value_field_i64s(nodes, name, temp, &values, err);
    if (status == WEIR_OK && values.shape.n != n)
        status =
            weir_value_fail(nodes, WEIR_ERR_CORRUPT, err, "%zu nodes, not %zu", values.shape.n, n);
    if (status == WEIR_OK)
        *out = values.at;
    return status;
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
    status = field_i64(&nodes, "left_child", n, temp, &tree->left, err);
    if (status == WEIR_OK)
        status = field_i64(&nodes, "right_child", n, temp, &tree->right, err);
    if (status == WEIR_OK)
        status = field_i64(&nodes, "feature", n, temp, &tree->feature, err);
    if (status == WEIR_OK && weir_value_has_field(nodes.v, "missing_go_to_left"))
        status = field_i64(&nodes, "missing_go_to_left", n, temp, &tree->nan_left, err);
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
                                  const struct shape *shape, struct weir_arena *temp,
                                  struct tree *tree, struct weir_error *err)
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

/* Writes the values of all nodes, one target after the other without gaps; counts become shares
 * here, by the division that predict_proba would do for each row. out: n_nodes × the classes of
 * all targets. */
static void write_values(const struct tree *t, double *out)
{
    const double *from = t->values;
    for (size_t i = 0; i < t->n_nodes; i++) {
        for (size_t target = 0; target < t->n_targets; target++, from += t->n_values) {
            size_t n = weir_max_size(t->targets[target].n, 1);
            memcpy(out, from, n * sizeof *out);
            if (t->is_counts) {
                double sum = weir_model_head_sum(from, n, false);
                for (size_t k = 0; k < n; k++)
                    out[k] = from[k] / (sum == 0.0 ? 1.0 : sum);
            }
            out += n;
        }
    }
}

/* Makes the forest's tree of the file's; what is new is in temp. */
static enum weir_status give_tree(const struct tree *t, const struct shape *shape,
                                  struct weir_arena *temp, struct weir_model_forest_tree *out,
                                  struct weir_error *err)
{
    struct weir_model_forest_node *nodes = weir_arena_array(temp, t->n_nodes, sizeof *nodes);
    *out = (struct weir_model_forest_tree){.nodes = nodes,
                                           .n_nodes = t->n_nodes,
                                           .values = t->values,
                                           .n_values = t->n_nodes * shape->n_sums};
    bool is_plain = !t->is_counts && shape->n_sums == t->n_targets * t->n_values;
    double *values = is_plain ? NULL : weir_arena_array(temp, out->n_values, sizeof *values);
    if (!nodes || (!is_plain && !values))
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    if (!is_plain) {
        write_values(t, values);
        out->values = values;
    }
    for (size_t i = 0; i < t->n_nodes; i++) {
        struct weir_model_forest_node *node = &nodes[i];
        bool is_leaf = t->left[i] < 0;
        bool nan_left = t->nan_left && t->nan_left[i] != 0;
        *node = (struct weir_model_forest_node){
            .threshold = t->threshold[i],
            .left = t->left[i],
            .right = t->right[i],
            .feature = t->feature[i],
            .test = is_leaf ? WEIR_MODEL_FOREST_LEAF : WEIR_MODEL_FOREST_LE,
            .missing = nan_left ? WEIR_MODEL_FOREST_NAN_LEFT : WEIR_MODEL_FOREST_NAN_RIGHT};
        if (is_leaf) {
            node->value = (uint32_t)i;
            node->id = (int32_t)i;
        }
    }
    return WEIR_OK;
}

/* --- estimators --- */

static bool is_classifier(const struct weir_value_at *at)
{
    return weir_str_ends(at->v->object->cls, WEIR_STR("Classifier"));
}

/* Reads n_outputs_ and classes_, one array or a list of one for each output. */
static enum weir_status read_shape(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   struct shape *shape, struct weir_error *err)
{
    *shape = (struct shape){.is_classifier = is_classifier(at)};
    int64_t n_outputs;
    struct weir_value_at place;
    enum weir_status status = weir_format_sklearn_build_n_features(at, &shape->n_features, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "n_outputs_", &place, err);
    if (status == WEIR_OK)
        status = weir_value_i64_in(&place, 1, WEIR_MODEL_COLUMNS_MAX, &n_outputs, err);
    if (status != WEIR_OK)
        return status;
    if (shape->n_features == 0)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "n_features_in_ is missing");
    shape->n_targets = shape->n_sums = (size_t)n_outputs;
    shape->targets = weir_format_sklearn_build_targets(s, shape->n_targets, err);
    if (!shape->targets)
        return weir_model_builder_no_memory(s->b, err);
    if (!shape->is_classifier)
        return WEIR_OK;
    status = weir_value_attr(at, "classes_", &place, err);
    if (status != WEIR_OK)
        return status;
    if (shape->n_targets == 1) {
        status = weir_format_sklearn_build_labels(s, &place, &shape->targets[0], err);
        shape->n_sums = shape->targets[0].n;
        return status;
    }
    size_t n;
    status = weir_value_list(&place, &n, err);
    if (status == WEIR_OK && n != shape->n_targets)
        status = weir_value_fail(&place, WEIR_ERR_CORRUPT, err, "%zu lists for %zu outputs", n,
                                 shape->n_targets);
    shape->n_sums = 0;
    for (size_t i = 0; status == WEIR_OK && i < n; i++) {
        struct weir_value_at item;
        status = weir_value_item(&place, i, &item, err);
        if (status == WEIR_OK)
            status = weir_format_sklearn_build_labels(s, &item, &shape->targets[i], err);
        shape->n_sums += shape->targets[i].n;
    }
    return status;
}

static bool is_one_of(struct weir_str text, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (weir_str_eq_c(text, names[i]))
            return true;
    return false;
}

/* Decides whether a tree of this class, version and training takes NaN (its allow_nan tag). at: a
 * single tree; of a forest its first member. */
static enum weir_status tell_nan(const struct weir_format_sklearn *s,
                                 const struct weir_value_at *at, bool *out, struct weir_error *err)
{
    static const char *const criteria[] = {"gini",          "log_loss",     "entropy",
                                           "squared_error", "friedman_mse", "poisson"};
    struct weir_str splitter, criterion;
    struct weir_value_at monotonic;
    enum weir_status status =
        weir_value_attr_text_or(at, "splitter", WEIR_STR("best"), &splitter, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(at, "criterion", WEIR_STR(""), &criterion, err);
    if (status == WEIR_OK)
        status = weir_value_attr_opt(at, "monotonic_cst", &monotonic, err);
    if (status != WEIR_OK)
        return status;
    bool is_extra = weir_str_starts(at->v->object->cls, WEIR_STR("ExtraTree"));
    bool is_best = weir_str_eq_c(splitter, "best");
    bool is_random = weir_str_eq_c(splitter, "random");
    bool splits = is_best;
    if (s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 6))
        splits = is_random || (is_best && !is_extra);
    bool measures = s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 9) ||
                    is_one_of(criterion, criteria, WEIR_ARRAY_LEN(criteria));
    *out = s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 3) && splits && measures && !monotonic.v;
    return WEIR_OK;
}

/* Begins a forest of n_trees. */
static enum weir_status begin(struct weir_format_sklearn *s, const struct weir_value_at *at,
                              const struct shape *shape, size_t n_trees,
                              struct weir_model_forest_builder **out, struct weir_error *err)
{
    size_t n_heads = shape->is_classifier ? shape->n_targets : 1;
    struct weir_model_head *heads = weir_arena_zarray(s->temp, n_heads, sizeof *heads);
    if (!heads)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    heads[0] = (struct weir_model_head){.link = WEIR_MODEL_LINK_NUMBER,
                                        .n_scores = (uint32_t)shape->n_sums};
    for (size_t i = 0; shape->is_classifier && i < n_heads; i++)
        heads[i] = (struct weir_model_head){.link = WEIR_MODEL_LINK_SHARES,
                                            .n_scores = (uint32_t)shape->targets[i].n};
    struct weir_model_forest_opts opts = {.name = at->v->object->cls,
                                          .n_features = (uint32_t)shape->n_features,
                                          .input = WEIR_F32,
                                          .sum = WEIR_F64,
                                          .n_sums = (uint32_t)shape->n_sums,
                                          .width = (uint32_t)shape->n_sums,
                                          .divisor = (double)n_trees,
                                          .allows_nan = shape->allows_nan,
                                          .keeps_columns = s->keeps_columns,
                                          .heads = heads,
                                          .n_heads = n_heads,
                                          .is_vector = shape->n_targets == 1,
                                          .targets = shape->targets,
                                          .n_targets = shape->n_targets};
    return weir_model_forest_begin(s->b, &opts, out, err);
}

/* Adds the Tree at a place; temp is reset. */
static enum weir_status add(struct weir_format_sklearn *s, const struct weir_value_at *at,
                            const struct shape *shape, struct weir_arena *temp,
                            struct weir_model_forest_builder *forest, struct weir_error *err)
{
    struct tree tree;
    weir_arena_reset(temp);
    enum weir_status status = read_tree(s, at, shape, temp, &tree, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_forest_tree given;
    status = give_tree(&tree, shape, temp, &given, err);
    if (status != WEIR_OK)
        return status;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_forest_add(forest, &given, &reason);
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

enum weir_status weir_format_sklearn_tree_single(struct weir_format_sklearn *s,
                                                 const struct weir_value_at *at,
                                                 const struct weir_model_node **out,
                                                 struct weir_error *err)
{
    struct shape shape;
    struct weir_value_at tree;
    struct weir_model_forest_builder *forest;
    enum weir_status status = read_shape(s, at, &shape, err);
    if (status == WEIR_OK)
        status = tell_nan(s, at, &shape.allows_nan, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "tree_", &tree, err);
    if (status == WEIR_OK)
        status = begin(s, at, &shape, 1, &forest, err);
    if (status != WEIR_OK)
        return status;
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, s->temp->mem, s->temp->bytes_max);
    status = add(s, &tree, &shape, &temp, forest, err);
    return status == WEIR_OK ? weir_model_forest_end(forest, out, err) : status;
}

/* Steps to the Tree of member i. */
static enum weir_status member_tree(const struct weir_value_at *members, size_t i,
                                    struct weir_value_at *member, struct weir_value_at *tree,
                                    struct weir_error *err)
{
    enum weir_status status = weir_value_item(members, i, member, err);
    return status == WEIR_OK ? weir_value_attr(member, "tree_", tree, err) : status;
}

/* Decides about NaN by the first member. */
static enum weir_status survey(struct weir_format_sklearn *s, const struct weir_value_at *members,
                               struct shape *shape, struct weir_error *err)
{
    struct weir_value_at member, tree;
    enum weir_status status = member_tree(members, 0, &member, &tree, err);
    if (status == WEIR_OK)
        status = tell_nan(s, &member, &shape->allows_nan, err);
    /* Forests learnt to take NaN a version after their trees. */
    if (s->version < WEIR_FORMAT_SKLEARN_VERSION(1, 4))
        shape->allows_nan = false;
    return status;
}

enum weir_status weir_format_sklearn_tree_forest(struct weir_format_sklearn *s,
                                                 const struct weir_value_at *at,
                                                 const struct weir_model_node **out,
                                                 struct weir_error *err)
{
    struct shape shape;
    struct weir_value_at members;
    size_t n;
    struct weir_model_forest_builder *forest;
    enum weir_status status = read_shape(s, at, &shape, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "estimators_", &members, err);
    if (status == WEIR_OK)
        status = weir_value_list(&members, &n, err);
    if (status == WEIR_OK && n == 0)
        status = weir_value_fail(&members, WEIR_ERR_INVALID, err, "there are no trees");
    if (status == WEIR_OK)
        status = survey(s, &members, &shape, err);
    if (status == WEIR_OK)
        status = begin(s, at, &shape, n, &forest, err);
    if (status != WEIR_OK)
        return status;
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, s->temp->mem, s->temp->bytes_max);
    for (size_t i = 0; i < n; i++) {
        struct weir_value_at member, tree;
        status = member_tree(&members, i, &member, &tree, err);
        if (status == WEIR_OK)
            status = add(s, &tree, &shape, &temp, forest, err);
        if (status != WEIR_OK)
            return status;
    }
    return weir_model_forest_end(forest, out, err);
}

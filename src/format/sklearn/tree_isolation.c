/* SPDX-License-Identifier: MIT */
/* sklearn.ensemble.IsolationForest: a leaf's value is how deep it lies, and how much deeper a tree
 * that went on splitting its samples would on average be (Liu, Ting and Zhou 2008, eq. 1). */
#include "format/sklearn/tree.h"

#include <math.h>
#include <string.h>

/* What is to be built. */
struct isolation {
    struct weir_format_sklearn_tree_shape shape;
    size_t n_features; /* of the forest */
    size_t n_trees;
    double offset;
    double divisor;   /* trees × the expected depth; 0: no sample ever needed a split */
    bool has_columns; /* each tree has columns of its own */
    struct weir_labels *targets;
};

/* Returns the mean depth of an unsuccessful search among n samples. */
static double expected_depth(double n)
{
    static const double euler_gamma = 0.577215664901532860606512090082402431;
    if (n <= 1.0)
        return 0.0;
    if (n == 2.0)
        return 1.0;
    return 2.0 * (log(n - 1.0) + euler_gamma) - 2.0 * (n - 1.0) / n;
}

static enum weir_status read_isolation(struct weir_format_sklearn *s,
                                       const struct weir_value_at *at, struct isolation *f,
                                       struct weir_value_at *members, struct weir_error *err)
{
    static const int64_t labels[] = {-1, 1};
    double n_samples = 0.0;
    int64_t n_columns;
    *f = (struct isolation){.n_trees = 0};
    struct weir_labels *numbers = weir_format_sklearn_build_targets(s, 2, err);
    if (!numbers)
        return weir_model_builder_no_memory(s->b, err);
    f->targets = &numbers[1];
    enum weir_status status = weir_model_builder_labels(s->b, f->targets, WEIR_I64, 2, labels, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_n_features(at, &f->n_features, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64(at, "offset_", &f->offset, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64(at, "max_samples_", &n_samples, err);
    if (status == WEIR_OK)
        status =
            weir_value_attr_i64_or(at, "_max_features", (int64_t)f->n_features, &n_columns, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "estimators_", members, err);
    if (status == WEIR_OK)
        status = weir_value_list(members, &f->n_trees, err);
    if (status != WEIR_OK)
        return status;
    if (f->n_features == 0 || f->n_trees == 0)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "it has no features or no trees");
    if (!isfinite(f->offset) || !isfinite(n_samples))
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "offset_ or max_samples_ is not finite");
    if (n_columns < 1 || (uint64_t)n_columns > f->n_features)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "_max_features is out of range");
    f->has_columns = (size_t)n_columns != f->n_features;
    f->divisor = (double)f->n_trees * expected_depth(n_samples);
    f->shape = (struct weir_format_sklearn_tree_shape){
        .n_features = (size_t)n_columns, .n_targets = 1, .n_sums = 1, .targets = numbers};
    return WEIR_OK;
}

/* Reads which columns tree i was given. */
static enum weir_status read_columns(const struct weir_value_at *lists, size_t i,
                                     const struct isolation *f, struct weir_arena *temp,
                                     const uint32_t **out, struct weir_error *err)
{
    struct weir_value_at item;
    struct weir_value_i64s values;
    enum weir_status status = weir_value_item(lists, i, &item, err);
    if (status == WEIR_OK)
        status = weir_value_i64s(&item, temp, &values, err);
    if (status != WEIR_OK)
        return status;
    if (values.shape.n != f->shape.n_features)
        return weir_value_fail(&item, WEIR_ERR_CORRUPT, err, "%zu columns, not %zu", values.shape.n,
                               f->shape.n_features);
    uint32_t *columns = weir_arena_array(temp, values.shape.n, sizeof *columns);
    if (!columns)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    for (size_t k = 0; k < values.shape.n; k++) {
        if (values.at[k] < 0 || (uint64_t)values.at[k] >= f->n_features)
            return weir_value_fail(&item, WEIR_ERR_CORRUPT, err, "column %lld is out of range",
                                   (long long)values.at[k]);
        columns[k] = (uint32_t)values.at[k];
    }
    *out = columns;
    return WEIR_OK;
}

/* Puts the depths in place of the tree's values. at: the Tree. */
static enum weir_status put_depths(const struct weir_value_at *at, struct weir_arena *temp,
                                   struct weir_format_sklearn_tree *tree, struct weir_error *err)
{
    struct weir_value_at nodes;
    struct weir_value_f64s n_samples;
    enum weir_status status = weir_value_attr(at, "nodes", &nodes, err);
    if (status == WEIR_OK)
        status = weir_value_field_f64s(&nodes, "n_node_samples", temp, &n_samples, err);
    if (status != WEIR_OK)
        return status;
    double *level = weir_arena_zarray(temp, tree->n_nodes, sizeof *level);
    if (!level)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    level[0] = 1.0; /* nodes on the way, the leaf included */
    for (size_t i = 0; i < tree->n_nodes; i++) {
        const struct weir_model_forest_node *node = &tree->nodes[i];
        if (node->test == WEIR_MODEL_FOREST_LEAF) {
            tree->values[i] = level[i] + expected_depth(n_samples.at[i]) - 1.0;
            continue;
        }
        int64_t children[2] = {node->left, node->right};
        for (size_t c = 0; c < 2; c++) {
            if (children[c] <= (int64_t)i || (uint64_t)children[c] >= tree->n_nodes)
                return weir_value_fail(&nodes, WEIR_ERR_CORRUPT, err,
                                       "node %zu: child %lld is out of range", i,
                                       (long long)children[c]);
            level[children[c]] = level[i] + 1.0;
        }
    }
    return WEIR_OK;
}

static enum weir_status add_trees(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                  const struct weir_value_at *members, struct isolation *f,
                                  struct weir_model_forest_builder *forest, struct weir_error *err)
{
    struct weir_value_at lists;
    size_t n_lists = f->n_trees;
    enum weir_status status = WEIR_OK;
    if (f->has_columns)
        status = weir_value_attr(at, "estimators_features_", &lists, err);
    if (status == WEIR_OK && f->has_columns)
        status = weir_value_list(&lists, &n_lists, err);
    if (status == WEIR_OK && n_lists != f->n_trees)
        status = weir_value_fail(&lists, WEIR_ERR_CORRUPT, err, "%zu lists for %zu trees", n_lists,
                                 f->n_trees);
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, s->temp->mem, s->temp->bytes_max);
    for (size_t i = 0; status == WEIR_OK && i < f->n_trees; i++) {
        struct weir_value_at member, place;
        struct weir_format_sklearn_tree tree;
        weir_arena_reset(&temp);
        if (f->has_columns)
            status = read_columns(&lists, i, f, &temp, &f->shape.columns, err);
        if (status == WEIR_OK)
            status = weir_format_sklearn_tree_member(members, i, &member, &place, err);
        if (status == WEIR_OK)
            status = weir_format_sklearn_tree_read(s, &place, &f->shape, &temp, &tree, err);
        if (status == WEIR_OK)
            status = put_depths(&place, &temp, &tree, err);
        if (status == WEIR_OK)
            status = weir_format_sklearn_tree_add(&place, &tree, 0, forest, err);
    }
    return status;
}

enum weir_status weir_format_sklearn_tree_isolation(struct weir_format_sklearn *s,
                                                    const struct weir_value_at *at,
                                                    const struct weir_model_node **out,
                                                    struct weir_error *err)
{
    static const double one = 1.0;
    struct isolation f;
    struct weir_value_at members;
    struct weir_model_forest_builder *forest;
    enum weir_status status = read_isolation(s, at, &f, &members, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_head head = {
        .link = WEIR_MODEL_LINK_ISOLATION, .n_scores = 1, .offset = f.offset};
    bool is_new = s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 6);
    struct weir_model_forest_opts opts = {
        .name = at->v->object->cls,
        .n_features = (uint32_t)f.n_features,
        .input = WEIR_F32,
        .sum = WEIR_F64,
        .n_sums = 1,
        .width = 1,
        .divisor = f.divisor,
        .start = f.divisor == 0.0 ? &one : NULL, /* nothing to divide by: every row is worth 1 */
        .allows_nan = is_new,
        .allows_inf = is_new,
        .keeps_columns = s->keeps_columns,
        .heads = &head,
        .n_heads = 1,
        .is_vector = true,
        .targets = f.targets,
        .n_targets = 1};
    status = weir_model_forest_begin(s->b, &opts, &forest, err);
    if (status == WEIR_OK)
        status = add_trees(s, at, &members, &f, forest, err);
    return status == WEIR_OK ? weir_model_forest_end(forest, out, err) : status;
}

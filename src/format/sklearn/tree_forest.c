/* SPDX-License-Identifier: MIT */
/* sklearn.tree and sklearn.ensemble._forest: one Tree, or the mean of many. */
#include "format/sklearn/tree.h"

static bool is_classifier(const struct weir_value_at *at)
{
    return weir_str_ends(at->v->object->cls, WEIR_STR("Classifier"));
}

enum weir_status weir_format_sklearn_tree_shape(struct weir_format_sklearn *s,
                                                const struct weir_value_at *at,
                                                struct weir_format_sklearn_tree_shape *shape,
                                                struct weir_error *err)
{
    *shape = (struct weir_format_sklearn_tree_shape){.is_classifier = is_classifier(at)};
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

enum weir_status weir_format_sklearn_tree_nan(const struct weir_format_sklearn *s,
                                              const struct weir_value_at *at, bool *out,
                                              struct weir_error *err)
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
                              const struct weir_format_sklearn_tree_shape *shape, size_t n_trees,
                              bool allows_nan, struct weir_model_forest_builder **out,
                              struct weir_error *err)
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
                                          .allows_nan = allows_nan,
                                          .gives_leaves = true,
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
                            const struct weir_format_sklearn_tree_shape *shape,
                            struct weir_arena *temp, struct weir_model_forest_builder *forest,
                            struct weir_error *err)
{
    struct weir_format_sklearn_tree tree;
    weir_arena_reset(temp);
    enum weir_status status = weir_format_sklearn_tree_read(s, at, shape, temp, &tree, err);
    return status == WEIR_OK ? weir_format_sklearn_tree_add(at, &tree, 0, forest, err) : status;
}

enum weir_status weir_format_sklearn_tree_single(struct weir_format_sklearn *s,
                                                 const struct weir_value_at *at,
                                                 const struct weir_model_node **out,
                                                 struct weir_error *err)
{
    struct weir_format_sklearn_tree_shape shape;
    bool allows_nan;
    struct weir_value_at tree;
    struct weir_model_forest_builder *forest;
    enum weir_status status = weir_format_sklearn_tree_shape(s, at, &shape, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_tree_nan(s, at, &allows_nan, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "tree_", &tree, err);
    if (status == WEIR_OK)
        status = begin(s, at, &shape, 1, allows_nan, &forest, err);
    if (status != WEIR_OK)
        return status;
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, s->temp->mem, s->temp->bytes_max);
    status = add(s, &tree, &shape, &temp, forest, err);
    return status == WEIR_OK ? weir_model_forest_end(forest, out, err) : status;
}

enum weir_status weir_format_sklearn_tree_member(const struct weir_value_at *members, size_t i,
                                                 struct weir_value_at *member,
                                                 struct weir_value_at *tree, struct weir_error *err)
{
    enum weir_status status = weir_value_item(members, i, member, err);
    return status == WEIR_OK ? weir_value_attr(member, "tree_", tree, err) : status;
}

/* Decides about NaN by the first member. */
static enum weir_status survey(struct weir_format_sklearn *s, const struct weir_value_at *members,
                               bool *allows_nan, struct weir_error *err)
{
    struct weir_value_at member, tree;
    enum weir_status status = weir_format_sklearn_tree_member(members, 0, &member, &tree, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_tree_nan(s, &member, allows_nan, err);
    /* Forests learnt to take NaN a version after their trees. */
    if (s->version < WEIR_FORMAT_SKLEARN_VERSION(1, 4))
        *allows_nan = false;
    return status;
}

enum weir_status weir_format_sklearn_tree_forest(struct weir_format_sklearn *s,
                                                 const struct weir_value_at *at,
                                                 const struct weir_model_node **out,
                                                 struct weir_error *err)
{
    struct weir_format_sklearn_tree_shape shape;
    bool allows_nan;
    struct weir_value_at members;
    size_t n;
    struct weir_model_forest_builder *forest;
    enum weir_status status = weir_format_sklearn_tree_shape(s, at, &shape, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "estimators_", &members, err);
    if (status == WEIR_OK)
        status = weir_value_list(&members, &n, err);
    if (status == WEIR_OK && n == 0)
        status = weir_value_fail(&members, WEIR_ERR_INVALID, err, "there are no trees");
    if (status == WEIR_OK)
        status = survey(s, &members, &allows_nan, err);
    if (status == WEIR_OK)
        status = begin(s, at, &shape, n, allows_nan, &forest, err);
    if (status != WEIR_OK)
        return status;
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, s->temp->mem, s->temp->bytes_max);
    for (size_t i = 0; i < n; i++) {
        struct weir_value_at member, tree;
        status = weir_format_sklearn_tree_member(&members, i, &member, &tree, err);
        if (status == WEIR_OK)
            status = add(s, &tree, &shape, &temp, forest, err);
        if (status != WEIR_OK)
            return status;
    }
    return weir_model_forest_end(forest, out, err);
}

/* SPDX-License-Identifier: MIT */
/* XGBoost's trees into a forest. */
#include "base/macros.h"
#include "format/xgboost/build_priv.h"
#include "model/forest.h"

#include <math.h>
#include <string.h>

enum { CATEGORIES_END = 1 << 24 }; /* categories are below: floats hold all of them exactly */

/* One tree on its way into the forest, and the memory for it, used for all of them. */
struct tree {
    struct weir_format_xgboost_build *c;
    const struct weir_format_xgboost_tree *from;
    size_t number;
    struct weir_model_forest_node *nodes;
    double *values;
    struct weir_buf *words; /* uint32_t */
    size_t width;
    size_t next_category; /* of categories_nodes */
};

static enum weir_status tree_fails(const struct tree *t, const char *array, size_t i,
                                   const char *what, int64_t value)
{
    return weir_error_set(t->c->err, WEIR_ERR_CORRUPT, "%s.trees[%zu].%s[%zu]: %lld %s",
                          WEIR_FORMAT_XGBOOST_MODEL, t->number, array, i, (long long)value, what);
}

/* Makes the set of a categorical node: the categories that go right. */
static enum weir_status add_set(struct tree *t, size_t i, struct weir_model_forest_node *node)
{
    const struct weir_format_xgboost_tree *from = t->from;
    size_t k = t->next_category;
    while (k < from->categories_nodes.n && from->categories_nodes.at[k] < (int64_t)i)
        k++;
    if (k >= from->categories_nodes.n || from->categories_nodes.at[k] != (int64_t)i)
        return tree_fails(t, "split_type", i, "but categories_nodes does not name the node", 1);
    t->next_category = k + 1;
    int64_t begin = from->categories_segments.at[k], n = from->categories_sizes.at[k];
    int64_t n_all = (int64_t)from->categories.n;
    if (begin < 0 || begin > n_all || n < 0 || n > n_all - begin)
        return tree_fails(t, "categories_segments", k, "is out of range", begin);
    const int32_t *categories = from->categories.at + begin;
    int32_t most = 0;
    for (int64_t j = 0; j < n; j++) {
        if (categories[j] < 0 || categories[j] >= CATEGORIES_END)
            return tree_fails(t, "categories", (size_t)(begin + j), "is no category",
                              categories[j]);
        most = categories[j] > most ? categories[j] : most;
    }
    size_t n_words = (size_t)most / 32 + 1;
    if (weir_buf_reserve(t->words, n_words * sizeof(uint32_t)) != WEIR_OK)
        return weir_format_xgboost_build_no_memory(t->c);
    uint32_t *words = (uint32_t *)(void *)(t->words->at + t->words->n);
    memset(words, 0, n_words * sizeof *words);
    for (int64_t j = 0; j < n; j++)
        words[categories[j] / 32] |= UINT32_C(1) << categories[j] % 32;
    node->set = (uint32_t)(t->words->n / sizeof *words);
    node->n = (uint32_t)n_words;
    t->words->n += n_words * sizeof *words;
    return WEIR_OK;
}

static enum weir_status add_split(struct tree *t, size_t i, struct weir_model_forest_node *node)
{
    const struct weir_format_xgboost_tree *from = t->from;
    int64_t n = (int64_t)from->left.n;
    int32_t left = from->left.at[i], right = from->right.at[i], feature = from->feature.at[i];
    bool is_left = from->default_left.at[i] != 0;
    *node = (struct weir_model_forest_node){
        .left = left,
        .right = right,
        .feature = feature,
        .threshold = (double)from->condition.at[i],
        .test = WEIR_MODEL_FOREST_LT,
        .missing = is_left ? WEIR_MODEL_FOREST_NAN_LEFT : WEIR_MODEL_FOREST_NAN_RIGHT,
    };
    /* Pruned nodes stay in the arrays; nothing leads to them. */
    if (feature == INT32_MAX)
        return WEIR_OK;
    if (left < 0 || left >= n)
        return tree_fails(t, "left_children", i, "is none of the nodes", left);
    if (right < 0 || right >= n)
        return tree_fails(t, "right_children", i, "is none of the nodes", right);
    if (feature < 0 || feature >= t->c->x->n_features)
        return tree_fails(t, "split_indices", i, "is none of the features", feature);
    if (from->split_type.n == 0 || !from->split_type.at[i])
        return WEIR_OK;
    /* Listed categories go right there, members of the set left here. */
    node->test = WEIR_MODEL_FOREST_SET;
    node->threshold = 0.0;
    node->left = right;
    node->right = left;
    node->missing = is_left ? WEIR_MODEL_FOREST_NAN_RIGHT : WEIR_MODEL_FOREST_NAN_LEFT;
    return add_set(t, i, node);
}

/* Returns a leaf's value as it is added. Drop weights are multiplied in float32, as the library
 * does; its wrappers (inplace_predict), from 1.4 to 3.2, take the tree's value back from base +
 * value first. */
static double leaf_value(const struct tree *t, float v)
{
    const struct weir_format_xgboost *x = t->c->x;
    if (t->number >= x->weight_drop.n)
        return (double)v;
    if (t->c->rules->is_wrapper && x->version >= WEIR_FORMAT_XGBOOST_VERSION(1, 4) &&
        x->version < WEIR_FORMAT_XGBOOST_VERSION(3, 3)) {
        float base = t->c->base[x->tree_info.at[t->number]];
        float sum = base + v;
        v = sum - base;
    }
    float product = v * x->weight_drop.at[t->number];
    return (double)product;
}

static enum weir_status fill_values(struct tree *t)
{
    const struct weir_format_xgboost_tree *from = t->from;
    const struct weir_format_doc_f32s *values = t->width > 1 ? &from->vectors : &from->condition;
    if (values->n % t->width != 0 ||
        (t->width > 1 && !from->has_leaf_rows && values->n != from->left.n * t->width))
        return weir_error_set(t->c->err, WEIR_ERR_CORRUPT,
                              "%s.trees[%zu]: %zu leaf values in vectors of %zu",
                              WEIR_FORMAT_XGBOOST_MODEL, t->number, values->n, t->width);
    for (size_t i = 0; i < values->n; i++)
        t->values[i] = leaf_value(t, values->at[i]);
    return WEIR_OK;
}

static enum weir_status fill_nodes(struct tree *t)
{
    const struct weir_format_xgboost_tree *from = t->from;
    for (size_t i = 0; i < from->left.n; i++) {
        if (from->left.at[i] != -1) {
            enum weir_status status = add_split(t, i, &t->nodes[i]);
            if (status != WEIR_OK)
                return status;
            continue;
        }
        int64_t value = from->has_leaf_rows && t->width > 1 ? from->right.at[i] : (int64_t)i;
        t->nodes[i] = (struct weir_model_forest_node){
            /* What is out of range for a node that nothing leads to is not looked at. */
            .value = value < 0 ? UINT32_MAX : (uint32_t)value,
            .id = (int32_t)i,
            .test = WEIR_MODEL_FOREST_LEAF,
        };
    }
    return WEIR_OK;
}

static enum weir_status add_tree(struct tree *t, struct weir_model_forest_builder *forest)
{
    struct weir_format_xgboost_build *c = t->c;
    t->from = &c->x->trees[t->number];
    t->next_category = 0;
    weir_buf_clear(t->words);
    size_t width = t->from->n_leaf_values > 1 ? (size_t)t->from->n_leaf_values : 1;
    if (width != t->width)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                              "%s.trees[%zu].tree_param.size_leaf_vector: is %zu, not %zu",
                              WEIR_FORMAT_XGBOOST_MODEL, t->number, width, t->width);
    enum weir_status status = fill_values(t);
    if (status == WEIR_OK)
        status = fill_nodes(t);
    if (status != WEIR_OK)
        return status;
    size_t n_values = t->width > 1 ? t->from->vectors.n : t->from->condition.n;
    const struct weir_model_forest_tree tree = {
        .nodes = t->nodes,
        .n_nodes = t->from->left.n,
        .values = t->values,
        .n_values = n_values,
        .first = t->width > 1 ? 0 : (uint32_t)c->x->tree_info.at[t->number],
        .words = (const uint32_t *)(const void *)t->words->at,
        .n_words = t->words->n / sizeof(uint32_t),
    };
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_forest_add(forest, &tree, &reason);
    return status == WEIR_OK
               ? status
               : weir_error_set(c->err, status, "%s: %s", WEIR_FORMAT_XGBOOST_MODEL, reason.msg);
}

static enum weir_status add_trees(struct weir_format_xgboost_build *c, size_t width,
                                  struct weir_model_forest_builder *forest)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf words = WEIR_BUF_INIT;
    struct tree t = {.c = c, .width = width, .words = &words};
    size_t n_nodes = 1;
    size_t n_values = 1;
    for (size_t i = 0; i < c->n_used; i++) {
        n_nodes = weir_max_size(n_nodes, c->x->trees[i].left.n);
        n_values = weir_max_size(
            n_values, weir_max_size(c->x->trees[i].condition.n, c->x->trees[i].vectors.n));
    }
    t.nodes = weir_arena_array(c->temp, n_nodes, sizeof *t.nodes);
    t.values = weir_arena_array(c->temp, n_values, sizeof *t.values);
    if (!t.nodes || !t.values)
        return weir_format_xgboost_build_no_memory(c);
    enum weir_status status = WEIR_OK;
    for (t.number = 0; status == WEIR_OK && t.number < c->n_used; t.number++)
        status = add_tree(&t, forest);
    return status;
}

enum weir_status weir_format_xgboost_trees(struct weir_format_xgboost_build *c,
                                           const struct weir_model_node **out)
{
    const struct weir_format_xgboost *x = c->x;
    size_t width =
        c->n_used > 0 && x->trees[0].n_leaf_values > 1 ? (size_t)x->trees[0].n_leaf_values : 1;
    if (width > 1 && width != c->n_out)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                              "%s.trees[0].tree_param.size_leaf_vector: is %zu for %zu outputs",
                              WEIR_FORMAT_XGBOOST_MODEL, width, c->n_out);
    double *base = weir_arena_array(c->temp, c->n_out, sizeof *base);
    if (!base)
        return weir_format_xgboost_build_no_memory(c);
    for (size_t k = 0; k < c->n_out; k++)
        base[k] = (double)c->base[k];
    /* Up to 1.2 the base was added last. */
    bool is_last = x->version < WEIR_FORMAT_XGBOOST_VERSION(1, 3);
    const struct weir_model_head head = {
        .link = WEIR_MODEL_LINK_NUMBER, .n_scores = (uint32_t)c->n_out, .is_f32 = true};
    const struct weir_model_forest_opts opts = {
        .name = c->rules->name,
        .n_features = (uint32_t)x->n_features,
        .input = WEIR_F32,
        .sum = WEIR_F32,
        .n_sums = (uint32_t)c->n_out,
        .width = (uint32_t)width,
        .start = is_last ? NULL : base,
        .base = is_last ? base : NULL,
        .category = WEIR_MODEL_FOREST_CATEGORY_XGBOOST,
        .has_missing_value = !isnan(c->rules->missing),
        .missing_value = isnan(c->rules->missing) ? 0.0 : (double)(float)c->rules->missing,
        .allows_nan = true,
        .allows_inf = true,
        .gives_leaves = c->n_used > 0,
        .keeps_columns = c->rules->keeps_columns,
        .heads = &head,
        .n_heads = 1,
        .is_vector = true,
    };
    struct weir_model_forest_builder *forest;
    enum weir_status status = weir_model_forest_begin(c->b, &opts, &forest, c->err);
    if (status == WEIR_OK)
        status = add_trees(c, width, forest);
    if (status == WEIR_OK)
        status = weir_model_forest_end(forest, out, c->err);
    return status;
}

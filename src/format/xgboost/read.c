/* SPDX-License-Identifier: MIT */
/* XGBoost's JSON and UBJSON documents, 1.0 to 3.4: tables of the members that matter. What moved
 * from version to version (weight_drop, leaf vectors, base_score as a list) is told by where it is,
 * not by the version. */
#include "base/macros.h"
#include "codec/json.h"
#include "format/xgboost/booster.h"

#include <math.h>
#include <stdio.h>

#define OF(type, member) offsetof(struct type, member)

/* --- trees --- */

/* tree_param. */
struct tree_param {
    int64_t n_nodes;
    int64_t n_leaf_values;
};

static const struct weir_format_doc_field tree_param_fields[] = {
    {"num_nodes", weir_format_doc_text_i64, OF(tree_param, n_nodes), true},
    {"size_leaf_vector", weir_format_doc_text_i64, OF(tree_param, n_leaf_values), false},
};

static enum weir_status read_tree_param(struct weir_format_doc *doc, void *out,
                                        struct weir_error *err)
{
    return weir_format_doc_object(doc, tree_param_fields, WEIR_ARRAY_LEN(tree_param_fields), out,
                                  err);
}

/* A tree, and what is only looked at when its leaves are vectors. */
struct raw_tree {
    struct weir_format_xgboost_tree tree;
    struct tree_param param;
    const char *base_weights;
    const char *leaf_weights;
};

static const struct weir_format_doc_field tree_fields[] = {
    {"left_children", weir_format_doc_i32s, OF(raw_tree, tree.left), true},
    {"right_children", weir_format_doc_i32s, OF(raw_tree, tree.right), true},
    {"split_indices", weir_format_doc_i32s, OF(raw_tree, tree.feature), true},
    {"split_conditions", weir_format_doc_f32s, OF(raw_tree, tree.condition), true},
    {"default_left", weir_format_doc_flags, OF(raw_tree, tree.default_left), true},
    {"split_type", weir_format_doc_flags, OF(raw_tree, tree.split_type), false},
    {"categories", weir_format_doc_i32s, OF(raw_tree, tree.categories), false},
    {"categories_nodes", weir_format_doc_i32s, OF(raw_tree, tree.categories_nodes), false},
    {"categories_segments", weir_format_doc_i64s, OF(raw_tree, tree.categories_segments), false},
    {"categories_sizes", weir_format_doc_i64s, OF(raw_tree, tree.categories_sizes), false},
    {"base_weights", weir_format_doc_mark, OF(raw_tree, base_weights), false},
    {"leaf_weights", weir_format_doc_mark, OF(raw_tree, leaf_weights), false},
    {"tree_param", read_tree_param, OF(raw_tree, param), true},
};

static enum weir_status check_lengths(struct weir_format_doc *doc, const struct raw_tree *raw,
                                      struct weir_error *err)
{
    const struct weir_format_xgboost_tree *t = &raw->tree;
    const struct {
        const char *name;
        size_t n;
        bool may_be_absent;
    } arrays[] = {
        {"left_children", t->left.n, false},        {"right_children", t->right.n, false},
        {"split_indices", t->feature.n, false},     {"split_conditions", t->condition.n, false},
        {"default_left", t->default_left.n, false}, {"split_type", t->split_type.n, true},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(arrays); i++)
        if ((uint64_t)raw->param.n_nodes != arrays[i].n &&
            !(arrays[i].may_be_absent && arrays[i].n == 0))
            return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err,
                                        "%s has %zu entries for %lld nodes", arrays[i].name,
                                        arrays[i].n, (long long)raw->param.n_nodes);
    if (raw->param.n_nodes <= 0)
        return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err, "has no nodes");
    size_t n = t->categories_nodes.n;
    if (t->categories_segments.n != n || t->categories_sizes.n != n)
        return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err,
                                    "categories_segments and categories_sizes are not %zu long", n);
    return WEIR_OK;
}

/* Reads the leaf vectors from where this version keeps them. */
static enum weir_status read_vectors(struct weir_format_doc *doc, struct raw_tree *raw,
                                     struct weir_error *err)
{
    raw->tree.n_leaf_values = raw->param.n_leaf_values;
    if (raw->param.n_leaf_values <= 1)
        return WEIR_OK;
    raw->tree.has_leaf_rows = raw->leaf_weights != NULL;
    const char *from = raw->leaf_weights ? raw->leaf_weights : raw->base_weights;
    if (!from)
        return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err,
                                    "has neither leaf_weights nor "
                                    "base_weights");
    return weir_format_doc_again(doc, from, weir_format_doc_f32s, &raw->tree.vectors, err);
}

static enum weir_status read_tree(struct weir_format_doc *doc, void *ctx, size_t i,
                                  struct weir_error *err)
{
    struct weir_buf *trees = ctx;
    struct raw_tree raw = {.base_weights = NULL};
    (void)i;
    enum weir_status status =
        weir_format_doc_object(doc, tree_fields, WEIR_ARRAY_LEN(tree_fields), &raw, err);
    if (status == WEIR_OK)
        status = check_lengths(doc, &raw, err);
    if (status == WEIR_OK)
        status = read_vectors(doc, &raw, err);
    if (status == WEIR_OK)
        weir_buf_append(trees, &raw.tree, sizeof raw.tree);
    return status;
}

static enum weir_status read_trees(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    struct weir_format_xgboost *booster = out;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf trees = WEIR_BUF_INIT;
    enum weir_status status = weir_format_doc_array(doc, read_tree, &trees, err);
    if (status != WEIR_OK)
        return status;
    booster->n_trees = trees.n / sizeof *booster->trees;
    booster->trees =
        weir_arena_array(doc->arena, weir_max_size(booster->n_trees, 1), sizeof *booster->trees);
    if (!booster->trees || !weir_buf_ok(&trees))
        return weir_format_doc_fail(doc, WEIR_ERR_NO_MEMORY, err, "no memory for the load");
    if (trees.n > 0)
        memcpy(booster->trees, trees.at, trees.n);
    return WEIR_OK;
}

/* --- the category dictionary (from 3.1) --- */

/* One feature: texts by their ends in a run of bytes, or numbers. */
struct raw_categories {
    struct weir_format_doc_i64s offsets;
    const char *values;
    int64_t type;
};

/* Ids of numeric types, as the library's array interface counts them. */
enum { TYPE_F32 = 7, TYPE_I8 = 9, TYPE_U64 = 16, TYPE_LAST = 16 };

static const struct weir_format_doc_field categories_fields[] = {
    {"offsets", weir_format_doc_i64s, OF(raw_categories, offsets), false},
    {"values", weir_format_doc_mark, OF(raw_categories, values), true},
    {"type", weir_format_doc_i64, OF(raw_categories, type), false},
};

static enum weir_status category_texts(struct weir_format_doc *doc,
                                       const struct raw_categories *raw,
                                       struct weir_format_xgboost_categories *out,
                                       struct weir_error *err)
{
    struct weir_format_doc_i64s values;
    enum weir_status status =
        weir_format_doc_again(doc, raw->values, weir_format_doc_i64s, &values, err);
    if (status != WEIR_OK)
        return status;
    size_t n = raw->offsets.n > 0 ? raw->offsets.n - 1 : 0;
    struct weir_str *texts = weir_arena_array(doc->arena, weir_max_size(n, 1), sizeof *texts);
    char *bytes = weir_arena_alloc(doc->arena, values.n + 1);
    if (!texts || !bytes)
        return weir_format_doc_fail(doc, WEIR_ERR_NO_MEMORY, err, "no memory for the load");
    for (size_t i = 0; i < values.n; i++) {
        if (values.at[i] < -128 || values.at[i] > 255)
            return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err, "values are not bytes");
        bytes[i] = (char)values.at[i];
    }
    for (size_t i = 0; i < n; i++) {
        int64_t begin = raw->offsets.at[i], end = raw->offsets.at[i + 1];
        if (begin < 0 || end < begin || (uint64_t)end > values.n)
            return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err, "offsets[%zu] is out of range",
                                        i);
        texts[i] = weir_str_make(bytes + begin, (size_t)(end - begin));
    }
    *out = (struct weir_format_xgboost_categories){.is_text = true, .n = n, .texts = texts};
    return WEIR_OK;
}

static enum weir_status category_numbers(struct weir_format_doc *doc,
                                         const struct raw_categories *raw,
                                         struct weir_format_xgboost_categories *out,
                                         struct weir_error *err)
{
    struct weir_format_doc_f64s values;
    if (raw->type < TYPE_F32 || raw->type > TYPE_LAST)
        return weir_format_doc_fail(doc, WEIR_ERR_UNSUPPORTED, err, "categories of type %lld",
                                    (long long)raw->type);
    enum weir_status status =
        weir_format_doc_again(doc, raw->values, weir_format_doc_f64s, &values, err);
    if (status != WEIR_OK)
        return status;
    /* Unsigned ones are written as signed ones of their width. */
    int64_t bits = INT64_C(8) << (raw->type - TYPE_I8 >= 0 ? (raw->type - TYPE_I8) / 2 : 0);
    if (raw->type >= TYPE_I8 && (raw->type - TYPE_I8) % 2 == 1)
        for (size_t i = 0; i < values.n; i++)
            if (values.at[i] < 0.0)
                values.at[i] = raw->type == TYPE_U64 ? (double)INFINITY /* beyond 2^53 */
                                                     : values.at[i] + (double)(UINT64_C(1) << bits);
    *out = (struct weir_format_xgboost_categories){.n = values.n, .numbers = values.at};
    return WEIR_OK;
}

static enum weir_status read_categories(struct weir_format_doc *doc, void *ctx, size_t i,
                                        struct weir_error *err)
{
    struct weir_buf *all = ctx;
    struct raw_categories raw = {.values = NULL};
    struct weir_format_xgboost_categories one = {.n = 0};
    (void)i;
    enum weir_status status = weir_format_doc_object(doc, categories_fields,
                                                     WEIR_ARRAY_LEN(categories_fields), &raw, err);
    if (status == WEIR_OK)
        status = raw.offsets.at ? category_texts(doc, &raw, &one, err)
                                : category_numbers(doc, &raw, &one, err);
    if (status == WEIR_OK)
        weir_buf_append(all, &one, sizeof one);
    return status;
}

/* The dictionary of all features. */
struct raw_dictionary {
    struct weir_format_xgboost_categories *at;
    size_t n;
};

static enum weir_status read_encodings(struct weir_format_doc *doc, void *out,
                                       struct weir_error *err)
{
    struct raw_dictionary *dictionary = out;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf all = WEIR_BUF_INIT;
    enum weir_status status = weir_format_doc_array(doc, read_categories, &all, err);
    if (status != WEIR_OK)
        return status;
    dictionary->n = all.n / sizeof *dictionary->at;
    dictionary->at =
        weir_arena_array(doc->arena, weir_max_size(dictionary->n, 1), sizeof *dictionary->at);
    if (!dictionary->at || !weir_buf_ok(&all))
        return weir_format_doc_fail(doc, WEIR_ERR_NO_MEMORY, err, "no memory for the load");
    if (all.n > 0)
        memcpy(dictionary->at, all.at, all.n);
    return WEIR_OK;
}

static const struct weir_format_doc_field cats_fields[] = {
    {"enc", read_encodings, 0, false},
};

/* --- the booster --- */

static const struct weir_format_doc_field gbtree_param_fields[] = {
    {"num_parallel_tree", weir_format_doc_text_i64, OF(weir_format_xgboost, n_parallel), false},
};

static enum weir_status read_gbtree_param(struct weir_format_doc *doc, void *out,
                                          struct weir_error *err)
{
    return weir_format_doc_object(doc, gbtree_param_fields, WEIR_ARRAY_LEN(gbtree_param_fields),
                                  out, err);
}

static enum weir_status read_cats_into(struct weir_format_doc *doc, void *out,
                                       struct weir_error *err)
{
    struct weir_format_xgboost *booster = out;
    struct raw_dictionary dictionary = {NULL, 0};
    enum weir_status status =
        weir_format_doc_object(doc, cats_fields, WEIR_ARRAY_LEN(cats_fields), &dictionary, err);
    if (status != WEIR_OK || dictionary.n == 0)
        return status;
    booster->categories = dictionary.at;
    booster->n_categories = dictionary.n;
    return WEIR_OK;
}

/* gbtree's model, and gblinear's: told apart by the name beside it. */
static const struct weir_format_doc_field model_fields[] = {
    {"gbtree_model_param", read_gbtree_param, 0, false},
    {"trees", read_trees, 0, false},
    {"tree_info", weir_format_doc_i32s, OF(weir_format_xgboost, tree_info), false},
    {"iteration_indptr", weir_format_doc_i64s, OF(weir_format_xgboost, round_ends), false},
    {"cats", read_cats_into, 0, false},
    {"weight_drop", weir_format_doc_f32s, OF(weir_format_xgboost, weight_drop), false},
    {"weights", weir_format_doc_f32s, OF(weir_format_xgboost, weights), false},
};

static enum weir_status read_model(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    return weir_format_doc_object(doc, model_fields, WEIR_ARRAY_LEN(model_fields), out, err);
}

static enum weir_status read_kind(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    struct weir_format_xgboost *booster = out;
    struct weir_str name;
    enum weir_status status = weir_format_doc_text(doc, &name, err);
    if (status != WEIR_OK)
        return status;
    char echo[WEIR_ECHO_BUF_BYTES];
    if (weir_str_eq_c(name, "gblinear"))
        booster->kind = WEIR_FORMAT_XGBOOST_LINEAR;
    else if (!weir_str_eq_c(name, "gbtree") && !weir_str_eq_c(name, "dart"))
        return weir_format_doc_fail(doc, WEIR_ERR_UNSUPPORTED, err, "booster \"%s\" is not known",
                                    weir_str_echo(name, echo, sizeof echo));
    return WEIR_OK;
}

/* Inside dart of up to 3.2 there is a gbtree of its own. */
static const struct weir_format_doc_field inner_fields[] = {
    {"model", read_model, 0, true},
};

static enum weir_status read_inner(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    return weir_format_doc_object(doc, inner_fields, WEIR_ARRAY_LEN(inner_fields), out, err);
}

static const struct weir_format_doc_field booster_fields[] = {
    {"name", read_kind, 0, true},
    {"model", read_model, 0, false},
    {"gbtree", read_inner, 0, false},
    {"weight_drop", weir_format_doc_f32s, OF(weir_format_xgboost, weight_drop), false},
};

static enum weir_status read_booster(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    return weir_format_doc_object(doc, booster_fields, WEIR_ARRAY_LEN(booster_fields), out, err);
}

/* --- the learner --- */

static const struct weir_format_doc_field param_fields[] = {
    {"base_score", weir_format_doc_text, OF(weir_format_xgboost, base_score), true},
    {"num_class", weir_format_doc_text_i64, OF(weir_format_xgboost, n_classes), true},
    {"num_feature", weir_format_doc_text_i64, OF(weir_format_xgboost, n_features), true},
    {"num_target", weir_format_doc_text_i64, OF(weir_format_xgboost, n_targets), false},
};

static enum weir_status read_param(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    return weir_format_doc_object(doc, param_fields, WEIR_ARRAY_LEN(param_fields), out, err);
}

static const struct weir_format_doc_field objective_fields[] = {
    {"name", weir_format_doc_text, OF(weir_format_xgboost, objective), true},
};

static enum weir_status read_objective(struct weir_format_doc *doc, void *out,
                                       struct weir_error *err)
{
    return weir_format_doc_object(doc, objective_fields, WEIR_ARRAY_LEN(objective_fields), out,
                                  err);
}

static enum weir_status read_meta(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    struct weir_format_xgboost *booster = out;
    struct weir_str text;
    enum weir_status status = weir_format_doc_text(doc, &text, err);
    if (status == WEIR_OK)
        status = weir_format_xgboost_meta_read(&booster->meta, text, doc->arena, err);
    return status;
}

static const struct weir_format_doc_field attribute_fields[] = {
    {"best_iteration", weir_format_doc_text_i64, OF(weir_format_xgboost, best_iteration), false},
    {"best_ntree_limit", weir_format_doc_text_i64, OF(weir_format_xgboost, best_trees), false},
    {"scikit_learn", read_meta, 0, false},
};

static enum weir_status read_attributes(struct weir_format_doc *doc, void *out,
                                        struct weir_error *err)
{
    return weir_format_doc_object(doc, attribute_fields, WEIR_ARRAY_LEN(attribute_fields), out,
                                  err);
}

static const struct weir_format_doc_field learner_fields[] = {
    {"learner_model_param", read_param, 0, true},
    {"objective", read_objective, 0, true},
    {"gradient_booster", read_booster, 0, true},
    {"attributes", read_attributes, 0, false},
    {"feature_names", weir_format_doc_texts, OF(weir_format_xgboost, feature_names), false},
    {"feature_types", weir_format_doc_texts, OF(weir_format_xgboost, feature_types), false},
};

static enum weir_status read_learner(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    return weir_format_doc_object(doc, learner_fields, WEIR_ARRAY_LEN(learner_fields), out, err);
}

static enum weir_status read_version(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    struct weir_format_xgboost *booster = out;
    struct weir_format_doc_i64s parts;
    char text[64];
    enum weir_status status = weir_format_doc_i64s(doc, &parts, err);
    if (status != WEIR_OK)
        return status;
    bool is_version = parts.n == 3;
    for (size_t i = 0; is_version && i < 3; i++)
        is_version = parts.at[i] >= 0 && parts.at[i] < 100;
    if (!is_version)
        return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err, "is no version");
    booster->version = WEIR_FORMAT_XGBOOST_VERSION((uint32_t)parts.at[0], (uint32_t)parts.at[1]);
    (void)snprintf(text, sizeof text, "%d.%d.%d", (int)parts.at[0], (int)parts.at[1],
                   (int)parts.at[2]);
    booster->version_text = weir_arena_str(doc->arena, weir_str_c(text));
    if (!booster->version_text.at)
        return weir_format_doc_fail(doc, WEIR_ERR_NO_MEMORY, err, "no memory for the load");
    return WEIR_OK;
}

static enum weir_status read_snapshot(struct weir_format_doc *doc, void *out,
                                      struct weir_error *err);

/* A model file; or a snapshot, whose Model is one. */
static const struct weir_format_doc_field root_fields[] = {
    {"learner", read_learner, 0, false},
    {"version", read_version, 0, false},
    {"Model", read_snapshot, 0, false},
};

static enum weir_status read_snapshot(struct weir_format_doc *doc, void *out,
                                      struct weir_error *err)
{
    struct weir_format_xgboost *booster = out;
    if (booster->objective.at)
        return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err, "a second model");
    return weir_format_doc_object(doc, root_fields, 2, out, err);
}

enum weir_status weir_format_xgboost_read_doc(struct weir_format_xgboost *out,
                                              struct weir_str bytes, bool is_ubjson,
                                              struct weir_arena *arena, uint64_t deadline_ns,
                                              struct weir_error *err)
{
    WEIR_CLEANUP(weir_format_doc_deinit) struct weir_format_doc doc = {.at = NULL};
    *out = (struct weir_format_xgboost){
        .best_iteration = -1, .best_trees = -1, .n_parallel = 1, .version_text = WEIR_STR("")};
    enum weir_status status = weir_format_doc_init(&doc, bytes, is_ubjson, arena, deadline_ns, err);
    if (status == WEIR_OK)
        status = weir_format_doc_object(&doc, root_fields, WEIR_ARRAY_LEN(root_fields), out, err);
    if (status == WEIR_OK && !out->objective.at)
        status = weir_error_set(err, WEIR_ERR_CORRUPT, "the document has no learner");
    return status;
}

enum weir_status weir_format_xgboost_read(struct weir_format_xgboost *out, struct weir_str bytes,
                                          struct weir_arena *arena, uint64_t deadline_ns,
                                          struct weir_error *err)
{
    if (weir_format_xgboost_binary_probe(bytes))
        return weir_format_xgboost_binary_read(out, bytes, arena, err);
    if (weir_str_starts(bytes, WEIR_STR("{L")))
        return weir_format_xgboost_read_doc(out, bytes, true, arena, deadline_ns, err);
    if (weir_str_starts(bytes, WEIR_STR("{")))
        return weir_format_xgboost_read_doc(out, bytes, false, arena, deadline_ns, err);
    return weir_error_set(err, WEIR_ERR_CORRUPT, "not a booster in any format that weir knows");
}

/* SPDX-License-Identifier: MIT */
/* sklearn.ensemble._hist_gradient_boosting: HistGradientBoosting. A TreePredictor's nodes are an
 * array of packed structs whose fields changed names and widths; the learning rate is in the leaves
 * already. Rows are doubles. A category goes left when the node's set has it, right when training
 * saw it, else where missing values go. */
#include "format/sklearn/meta.h"
#include "format/sklearn/tree.h"
#include "model/byte.h"
#include "model/chain.h"

#include <math.h>
#include <string.h>

enum { SET_WORDS = 8 }; /* 32-bit words of a set of 256 categories */

/* What is to be built. */
struct hist {
    bool is_classifier;
    size_t n_features;
    size_t n_sums; /* trees in an iteration: 1, or the classes */
    size_t n_iterations;
    double *baseline; /* n_sums */
    enum weir_model_link link;
    struct weir_labels *targets;
    const bool *is_categorical; /* n_features; NULL: none */
    const uint32_t *known;      /* n_features × SET_WORDS: categories seen in training */
};

/* One tree's fields, in an arena of its own. */
struct fields {
    size_t n;
    const double *value;
    const double *threshold;
    const int64_t *feature;
    const int64_t *left;
    const int64_t *right;
    const int64_t *is_leaf;
    const int64_t *nan_left;
    const int64_t *is_categorical; /* NULL: before 0.24 */
    const int64_t *set;
};

/* --- one tree --- */

static enum weir_status read_fields(const struct weir_value_at *nodes, struct weir_arena *temp,
                                    struct fields *f, struct weir_error *err)
{
    struct weir_value_f64s value, threshold;
    const char *name =
        weir_value_has_field(nodes->v, "num_threshold") ? "num_threshold" : "threshold";
    enum weir_status status = weir_value_field_f64s(nodes, "value", temp, &value, err);
    if (status == WEIR_OK)
        status = weir_value_field_f64s(nodes, name, temp, &threshold, err);
    if (status != WEIR_OK)
        return status;
    *f = (struct fields){.n = value.shape.n, .value = value.at, .threshold = threshold.at};
    if (value.shape.n_dims != 1 || f->n == 0 || threshold.shape.n != f->n)
        return weir_value_fail(nodes, WEIR_ERR_CORRUPT, err, "not a list of nodes");
    status =
        weir_format_sklearn_build_field_i64s(nodes, "feature_idx", f->n, temp, &f->feature, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_field_i64s(nodes, "left", f->n, temp, &f->left, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_field_i64s(nodes, "right", f->n, temp, &f->right, err);
    if (status == WEIR_OK)
        status =
            weir_format_sklearn_build_field_i64s(nodes, "is_leaf", f->n, temp, &f->is_leaf, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_field_i64s(nodes, "missing_go_to_left", f->n, temp,
                                                      &f->nan_left, err);
    if (status == WEIR_OK && weir_value_has_field(nodes->v, "is_categorical"))
        status = weir_format_sklearn_build_field_i64s(nodes, "is_categorical", f->n, temp,
                                                      &f->is_categorical, err);
    if (status == WEIR_OK && f->is_categorical)
        status =
            weir_format_sklearn_build_field_i64s(nodes, "bitset_idx", f->n, temp, &f->set, err);
    return status;
}

/* Reads the sets of a tree, m × SET_WORDS, and puts the known categories of all features behind
 * them. */
static enum weir_status read_words(const struct weir_value_at *at, const struct hist *h,
                                   struct weir_arena *temp, struct weir_model_forest_tree *out,
                                   struct weir_error *err)
{
    struct weir_value_at place;
    struct weir_value_i64s sets;
    enum weir_status status = weir_value_attr(at, "raw_left_cat_bitsets", &place, err);
    if (status == WEIR_OK)
        status = weir_value_i64s(&place, temp, &sets, err);
    if (status != WEIR_OK)
        return status;
    if (sets.shape.n_dims != 2 || sets.shape.dim[1] != SET_WORDS)
        return weir_value_fail(&place, WEIR_ERR_CORRUPT, err, "not sets of 256 categories");
    size_t n_known = h->n_features * SET_WORDS;
    uint32_t *words = weir_arena_array(temp, sets.shape.n + n_known, sizeof *words);
    if (!words)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    for (size_t i = 0; i < sets.shape.n; i++) {
        if (sets.at[i] < 0 || sets.at[i] > UINT32_MAX)
            return weir_value_fail(&place, WEIR_ERR_CORRUPT, err, "word %zu is out of range", i);
        words[i] = (uint32_t)sets.at[i];
    }
    memcpy(words + sets.shape.n, h->known, n_known * sizeof *words);
    out->words = words;
    out->n_words = sets.shape.n + n_known;
    return WEIR_OK;
}

/* Makes an inner node that asks for a category. */
static enum weir_status category_node(const struct weir_value_at *nodes, const struct hist *h,
                                      const struct fields *f, size_t i,
                                      const struct weir_model_forest_tree *tree,
                                      struct weir_model_forest_node *node, struct weir_error *err)
{
    size_t n_sets = (tree->n_words - h->n_features * SET_WORDS) / SET_WORDS;
    int64_t feature = f->feature[i];
    if (feature < 0 || (uint64_t)feature >= h->n_features || !h->is_categorical[feature])
        return weir_value_fail(nodes, WEIR_ERR_CORRUPT, err,
                               "node %zu: feature %lld is not categorical", i, (long long)feature);
    if (f->set[i] < 0 || (uint64_t)f->set[i] >= n_sets)
        return weir_value_fail(nodes, WEIR_ERR_CORRUPT, err, "node %zu: set %lld is out of range",
                               i, (long long)f->set[i]);
    node->test = WEIR_MODEL_FOREST_SET;
    node->n = SET_WORDS;
    node->set = (uint32_t)f->set[i] * SET_WORDS;
    node->known = (uint32_t)((n_sets + (size_t)feature) * SET_WORDS);
    for (size_t w = 0; w < SET_WORDS; w++)
        if (tree->words[node->set + w] & ~tree->words[node->known + w])
            return weir_value_fail(nodes, WEIR_ERR_CORRUPT, err,
                                   "node %zu: a category that training did not see", i);
    return WEIR_OK;
}

static enum weir_status read_tree(const struct weir_value_at *at, const struct hist *h,
                                  struct weir_arena *temp, struct weir_model_forest_tree *out,
                                  struct weir_error *err)
{
    struct weir_value_at place;
    struct fields f;
    enum weir_status status = weir_value_attr(at, "nodes", &place, err);
    if (status == WEIR_OK)
        status = read_fields(&place, temp, &f, err);
    *out = (struct weir_model_forest_tree){.n_words = 0};
    if (status == WEIR_OK && f.is_categorical && h->is_categorical)
        status = read_words(at, h, temp, out, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_forest_node *nodes = weir_arena_zarray(temp, f.n, sizeof *nodes);
    if (!nodes)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    if (!weir_format_sklearn_build_is_finite(f.value, f.n))
        return weir_value_fail(&place, WEIR_ERR_CORRUPT, err, "values hold NaN or infinity");
    for (size_t i = 0; i < f.n; i++) {
        struct weir_model_forest_node *node = &nodes[i];
        node->missing = f.nan_left[i] ? WEIR_MODEL_FOREST_NAN_LEFT : WEIR_MODEL_FOREST_NAN_RIGHT;
        node->left = f.left[i];
        node->right = f.right[i];
        node->feature = f.feature[i];
        node->threshold = f.threshold[i];
        node->test = WEIR_MODEL_FOREST_LE;
        if (f.is_leaf[i]) {
            node->test = WEIR_MODEL_FOREST_LEAF;
            node->value = (uint32_t)i;
            node->id = (int32_t)i;
        } else if (f.is_categorical && f.is_categorical[i]) {
            if (!h->is_categorical)
                return weir_value_fail(&place, WEIR_ERR_CORRUPT, err,
                                       "node %zu asks for a category, no feature has any", i);
            status = category_node(&place, h, &f, i, out, node, err);
            if (status != WEIR_OK)
                return status;
        }
    }
    out->nodes = nodes;
    out->n_nodes = f.n;
    out->values = f.value;
    out->n_values = f.n;
    return WEIR_OK;
}

/* --- the estimator --- */

/* Reads the categories that training saw of a feature: what its bins are. */
static enum weir_status read_known(const struct weir_value_at *thresholds, size_t i,
                                   struct weir_arena *temp, uint32_t *known, struct weir_error *err)
{
    struct weir_value_at item;
    struct weir_value_f64s values;
    enum weir_status status = weir_value_item(thresholds, i, &item, err);
    if (status == WEIR_OK)
        status = weir_value_f64s(&item, temp, &values, err);
    for (size_t k = 0; status == WEIR_OK && k < values.shape.n; k++) {
        double v = values.at[k];
        if (!(v >= 0.0 && v < 256.0))
            return weir_value_fail(&item, WEIR_ERR_CORRUPT, err, "category %zu is out of range", k);
        known[(size_t)v / 32] |= (uint32_t)1 << ((size_t)v % 32);
    }
    return status;
}

/* Reads which features are categorical and their categories, from the bin mapper. */
static enum weir_status read_categories(struct weir_format_sklearn *s,
                                        const struct weir_value_at *at, struct hist *h,
                                        struct weir_error *err)
{
    struct weir_value_at mapper, flags, thresholds;
    struct weir_value_i64s values;
    size_t n;
    enum weir_status status = weir_value_attr_opt(at, "_bin_mapper", &mapper, err);
    if (status != WEIR_OK || !mapper.v)
        return status; /* before 0.24 there were no categories */
    status = weir_value_attr_opt(&mapper, "is_categorical_", &flags, err);
    if (status != WEIR_OK || !flags.v)
        return status;
    status = weir_value_i64s(&flags, s->temp, &values, err);
    if (status == WEIR_OK)
        status = weir_value_attr(&mapper, "bin_thresholds_", &thresholds, err);
    if (status == WEIR_OK)
        status = weir_value_list(&thresholds, &n, err);
    if (status != WEIR_OK)
        return status;
    if (values.shape.n != h->n_features || n != h->n_features)
        return weir_value_fail(&mapper, WEIR_ERR_CORRUPT, err, "made for %zu features, not %zu",
                               values.shape.n, h->n_features);
    bool *is_categorical = weir_arena_zarray(s->temp, n, sizeof *is_categorical);
    uint32_t *known = weir_arena_zarray(s->temp, n * SET_WORDS, sizeof *known);
    if (!is_categorical || !known)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    for (size_t i = 0; status == WEIR_OK && i < n; i++) {
        is_categorical[i] = values.at[i] != 0;
        if (is_categorical[i])
            status = read_known(&thresholds, i, s->temp, known + i * SET_WORDS, err);
    }
    for (size_t i = 0; i < n; i++)
        if (is_categorical[i])
            h->is_categorical = is_categorical;
    h->known = known;
    return status;
}

static enum weir_status read_link(const struct weir_value_at *at, struct hist *h,
                                  struct weir_error *err)
{
    static const struct {
        const char *loss;
        bool is_classifier;
        bool is_exp;
    } known[] = {
        {"squared_error", false, false},
        {"least_squares", false, false},
        {"absolute_error", false, false},
        {"least_absolute_deviation", false, false},
        {"quantile", false, false},
        {"poisson", false, true},
        {"gamma", false, true},
        {"log_loss", true, false},
        {"auto", true, false},
        {"binary_crossentropy", true, false},
        {"categorical_crossentropy", true, false},
    };
    struct weir_str loss;
    enum weir_status status = weir_value_attr_text(at, "loss", &loss, err);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(known); i++) {
        if (known[i].is_classifier != h->is_classifier || !weir_str_eq_c(loss, known[i].loss))
            continue;
        h->link = known[i].is_exp     ? WEIR_MODEL_LINK_EXP
                  : !h->is_classifier ? WEIR_MODEL_LINK_NUMBER
                  : h->n_sums == 1    ? WEIR_MODEL_LINK_SIGMOID
                                      : WEIR_MODEL_LINK_SOFTMAX;
        return WEIR_OK;
    }
    return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "loss is not known");
}

static enum weir_status read_targets(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     struct hist *h, struct weir_error *err)
{
    size_t n_expected = 1;
    if (h->is_classifier) {
        enum weir_status status =
            weir_format_sklearn_build_classes(s, at, "classes_", 0, &h->targets, err);
        if (status != WEIR_OK)
            return status;
        n_expected = h->targets->n == 2 ? 1 : h->targets->n;
    } else {
        h->targets = weir_format_sklearn_build_targets(s, 1, err);
        if (!h->targets)
            return weir_model_builder_no_memory(s->b, err);
    }
    return h->n_sums == n_expected
               ? WEIR_OK
               : weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%zu trees in an iteration, not %zu",
                                 h->n_sums, n_expected);
}

static enum weir_status read_hist(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                  struct hist *h, struct weir_value_at *predictors,
                                  struct weir_error *err)
{
    *h = (struct hist){.is_classifier = weir_str_ends(at->v->object->cls, WEIR_STR("Classifier"))};
    struct weir_value_f64s baseline;
    int64_t n_sums, n_features;
    struct weir_value_at place;
    enum weir_status status = weir_value_attr(at, "n_trees_per_iteration_", &place, err);
    if (status == WEIR_OK)
        status = weir_value_i64_in(&place, 1, WEIR_MODEL_COLUMNS_MAX, &n_sums, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_n_features(at, &h->n_features, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64s(at, "_baseline_prediction", s->temp, &baseline, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "_predictors", predictors, err);
    if (status == WEIR_OK)
        status = weir_value_list(predictors, &h->n_iterations, err);
    if (status == WEIR_OK)
        status = weir_value_attr_i64_or(at, "_n_features", 0, &n_features, err);
    if (status != WEIR_OK)
        return status;
    if (h->n_features == 0 && n_features > 0 && n_features <= WEIR_MODEL_COLUMNS_MAX)
        h->n_features = (size_t)n_features;
    if (h->n_features == 0)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "n_features_in_ is missing");
    h->n_sums = (size_t)n_sums;
    if (baseline.shape.n != h->n_sums ||
        !weir_format_sklearn_build_is_finite(baseline.at, h->n_sums))
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err,
                               "_baseline_prediction is not %zu finite values", h->n_sums);
    h->baseline = baseline.at;
    status = read_targets(s, at, h, err);
    if (status == WEIR_OK)
        status = read_link(at, h, err);
    return status == WEIR_OK ? read_categories(s, at, h, err) : status;
}

static enum weir_status add_trees(struct weir_format_sklearn *s,
                                  const struct weir_value_at *predictors, const struct hist *h,
                                  struct weir_model_forest_builder *forest, struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, s->temp->mem, s->temp->bytes_max);
    for (size_t i = 0; i < h->n_iterations; i++) {
        struct weir_value_at iteration, at;
        size_t n;
        enum weir_status status = weir_value_item(predictors, i, &iteration, err);
        if (status == WEIR_OK)
            status = weir_value_list(&iteration, &n, err);
        if (status == WEIR_OK && n != h->n_sums)
            status = weir_value_fail(&iteration, WEIR_ERR_CORRUPT, err, "%zu trees, not %zu", n,
                                     h->n_sums);
        for (size_t k = 0; status == WEIR_OK && k < n; k++) {
            struct weir_model_forest_tree tree;
            struct weir_error reason = WEIR_ERROR_INIT;
            weir_arena_reset(&temp);
            status = weir_value_item(&iteration, k, &at, err);
            if (status == WEIR_OK)
                status = read_tree(&at, h, &temp, &tree, err);
            if (status != WEIR_OK)
                return status;
            tree.first = (uint32_t)k;
            status = weir_model_forest_add(forest, &tree, &reason);
            if (status != WEIR_OK)
                return weir_value_fail(&at, status, err, "%s", reason.msg);
        }
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

static enum weir_status make_forest(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    const struct hist *h, const struct weir_value_at *predictors,
                                    bool keeps_columns, const struct weir_model_node **out,
                                    struct weir_error *err)
{
    struct weir_model_forest_builder *forest;
    struct weir_model_head head = {
        .link = h->link,
        .n_scores = (uint32_t)h->n_sums,
        .predicts_share = h->is_classifier && s->version < WEIR_FORMAT_SKLEARN_VERSION(1, 5)};
    struct weir_model_forest_opts opts = {.name = at->v->object->cls,
                                          .n_features = (uint32_t)h->n_features,
                                          .input = WEIR_F64,
                                          .sum = WEIR_F64,
                                          .n_sums = (uint32_t)h->n_sums,
                                          .width = 1,
                                          .start = h->baseline,
                                          .category = WEIR_MODEL_FOREST_CATEGORY_HIST,
                                          .allows_nan = true,
                                          .allows_inf = true,
                                          .keeps_columns = keeps_columns,
                                          .heads = &head,
                                          .n_heads = 1,
                                          .is_vector = true,
                                          .targets = h->targets,
                                          .n_targets = 1};
    enum weir_status status = weir_model_forest_begin(s->b, &opts, &forest, err);
    if (status == WEIR_OK)
        status = add_trees(s, predictors, h, forest, err);
    return status == WEIR_OK ? weir_model_forest_end(forest, out, err) : status;
}

enum weir_status weir_format_sklearn_boosting_hist(struct weir_format_sklearn *s,
                                                   const struct weir_value_at *at,
                                                   const struct weir_model_node **out,
                                                   struct weir_error *err)
{
    struct hist h;
    struct weir_value_at predictors, before;
    const struct weir_model_node *nodes[2] = {NULL, NULL};
    enum weir_status status = read_hist(s, at, &h, &predictors, err);
    if (status == WEIR_OK)
        status = weir_value_attr_opt(at, "_preprocessor", &before, err);
    if (status == WEIR_OK && before.v)
        status = weir_format_sklearn_meta_part(s, &before, true, &nodes[0], err);
    else if (status == WEIR_OK && h.is_categorical &&
             s->version < WEIR_FORMAT_SKLEARN_VERSION(1, 2))
        status = weir_model_byte_new(s->b, (uint32_t)h.n_features, h.is_categorical,
                                     s->keeps_columns, &nodes[0], err);
    if (status == WEIR_OK)
        status = make_forest(s, at, &h, &predictors, s->keeps_columns && !before.v,
                             nodes[0] ? &nodes[1] : out, err);
    if (status != WEIR_OK || !nodes[0])
        return status;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_chain_new(s->b, nodes, 2, out, &reason);
    return weir_format_sklearn_meta_fail(at, status, &reason, err);
}

/* SPDX-License-Identifier: MIT */
/* From what a LightGBM text says to a model. Everything that the forest does not check is checked
 * here. */
#include "base/macros.h"
#include "codec/number.h"
#include "format/lightgbm/booster.h"
#include "model/forest.h"
#include "model/margin.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { IS_CATEGORICAL = 1, IS_DEFAULT_LEFT = 2, MISSING_SHIFT = 2, MISSING_MASK = 3 };
enum { MISSING_NONE, MISSING_ZERO, MISSING_NAN };

/* --- objectives --- */

static const struct objective {
    const char *name;
    enum weir_model_margin_link link;
    bool has_proba; /* its values are probabilities */
} objectives[] = {
    {"binary", WEIR_MODEL_MARGIN_SIGMOID, true},
    {"cross_entropy", WEIR_MODEL_MARGIN_SIGMOID, true},
    {"cross_entropy_lambda", WEIR_MODEL_MARGIN_LOG1P_EXP, false},
    {"custom", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"fair", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"gamma", WEIR_MODEL_MARGIN_EXP, false},
    {"huber", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"lambdarank", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"mape", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"multiclass", WEIR_MODEL_MARGIN_SOFTMAX, true},
    {"multiclassova", WEIR_MODEL_MARGIN_SIGMOID, true},
    {"poisson", WEIR_MODEL_MARGIN_EXP, false},
    {"quantile", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"rank_xendcg", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"regression", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"regression_l1", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"softmax", WEIR_MODEL_MARGIN_SOFTMAX, true},
    {"tweedie", WEIR_MODEL_MARGIN_EXP, false},
    {"xentlambda", WEIR_MODEL_MARGIN_LOG1P_EXP, false},
    {"xentropy", WEIR_MODEL_MARGIN_SIGMOID, true},
};

/* One build. */
struct build {
    const struct weir_format_lightgbm *x;
    const struct weir_format_lightgbm_rules *rules;
    struct weir_model_builder *b;
    struct weir_arena *temp;
    enum weir_model_margin_link link;
    double sigmoid;
    bool has_proba;
    size_t n_out;    /* margins of a row */
    size_t n_rounds; /* that count */
    struct weir_error *err;
};

static enum weir_status no_memory(struct build *c)
{
    return weir_error_set(c->err, WEIR_ERR_NO_MEMORY, "no memory for the load");
}

/* Reads "NAME word word…": sigmoid:s, sqrt; other words do not matter to predictions. */
static enum weir_status find_objective(struct build *c)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    struct weir_str rest = weir_str_trim(c->x->objective);
    c->sigmoid = 1.0;
    c->link = WEIR_MODEL_MARGIN_IDENTITY;
    if (rest.n == 0)
        return WEIR_OK;
    struct weir_str name = weir_str_split(&rest, ' ');
    const struct objective *found = NULL;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(objectives); i++)
        if (weir_str_eq_c(name, objectives[i].name))
            found = &objectives[i];
    if (!found)
        return weir_error_set(c->err, WEIR_ERR_UNSUPPORTED, "objective: \"%s\" is not supported",
                              weir_str_echo(name, echo, sizeof echo));
    c->link = found->link;
    c->has_proba = found->has_proba;
    while (rest.at) {
        struct weir_str word = weir_str_split(&rest, ' ');
        struct weir_str value = word;
        struct weir_str key = weir_str_split(&value, ':');
        if (weir_str_eq_c(word, "sqrt"))
            c->link = WEIR_MODEL_MARGIN_SQUARE;
        else if (weir_str_eq_c(key, "sigmoid") &&
                 (!weir_codec_number_read_f64(value, &c->sigmoid) || !(c->sigmoid > 0.0)))
            return weir_error_set(c->err, WEIR_ERR_CORRUPT, "objective: sigmoid:\"%s\"",
                                  weir_str_echo(value, echo, sizeof echo));
    }
    return WEIR_OK;
}

static enum weir_status check_sizes(struct build *c)
{
    const struct weir_format_lightgbm *x = c->x;
    int64_t n = x->n_per_round ? x->n_per_round : x->n_classes;
    if (x->n_features < 1)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "max_feature_idx: is missing");
    if ((uint64_t)x->n_features > c->b->limits.n_features_max ||
        x->n_features > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(c->err, WEIR_ERR_LIMIT, "max_feature_idx: %lld features",
                              (long long)x->n_features);
    if (n < 1)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "num_tree_per_iteration: is %lld",
                              (long long)n);
    if ((uint64_t)n > c->b->limits.n_classes_max)
        return weir_error_set(c->err, WEIR_ERR_LIMIT, "num_tree_per_iteration: is %lld",
                              (long long)n);
    if (x->n_trees % (uint64_t)n != 0)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "%zu trees in rounds of %lld", x->n_trees,
                              (long long)n);
    c->n_out = (size_t)n;
    c->n_rounds = x->n_trees / c->n_out;
    if (c->rules->best_iteration > 0)
        c->n_rounds = weir_min_size(c->n_rounds, (size_t)c->rules->best_iteration);
    return WEIR_OK;
}

/* --- trees --- */

/* One tree on its way into the forest, and the memory for it, used for all of them. */
struct tree {
    struct build *c;
    const struct weir_format_lightgbm_tree *from;
    size_t number;
    struct weir_model_forest_node *nodes;
    uint32_t *words;
    struct weir_model_forest_linear *linear;
    uint32_t *coef_features;
};

static enum weir_status tree_fails(const struct tree *t, const char *array, size_t i, int64_t value)
{
    return weir_error_set(t->c->err, WEIR_ERR_CORRUPT, "Tree=%zu: %s[%zu]: %lld is out of range",
                          t->number, array, i, (long long)value);
}

static enum weir_status check_lengths(const struct tree *t)
{
    const struct weir_format_lightgbm_tree *f = t->from;
    size_t n = (size_t)f->n_leaves - 1;
    const struct {
        const char *name;
        size_t n;
        size_t wanted;
    } arrays[] = {
        {"split_feature", f->feature.n, n},
        {"threshold", f->threshold.n, n},
        {"left_child", f->left.n, n},
        {"right_child", f->right.n, n},
        {"decision_type", f->decision.n, f->decision.n ? n : 0},
        {"leaf_value", f->value.n, n + 1},
        {"cat_boundaries", f->cat_ends.n, f->n_cat ? (size_t)f->n_cat + 1 : f->cat_ends.n},
        {"leaf_const", f->constant.n, f->is_linear ? n + 1 : f->constant.n},
        {"num_features", f->n_coefs.n, f->is_linear ? n + 1 : f->n_coefs.n},
        {"leaf_coeff", f->coefs.n, f->is_linear ? f->coef_features.n : f->coefs.n},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(arrays); i++)
        if (arrays[i].n != arrays[i].wanted)
            return weir_error_set(t->c->err, WEIR_ERR_CORRUPT, "Tree=%zu: %s: %zu entries, not %zu",
                                  t->number, arrays[i].name, arrays[i].n, arrays[i].wanted);
    return WEIR_OK;
}

/* Finds the node of the forest that a child is: splits come first, then leaves. */
static bool child_node(const struct tree *t, int64_t child, int64_t *out)
{
    int64_t n_leaves = t->from->n_leaves;
    if (child >= 0) {
        *out = child;
        return child < n_leaves - 1;
    }
    *out = n_leaves - 1 + (-1 - child);
    return child >= -n_leaves;
}

/* Takes the set of a categorical split: its members go left. */
static enum weir_status add_set(struct tree *t, size_t i, struct weir_model_forest_node *node)
{
    const struct weir_format_lightgbm_tree *f = t->from;
    double k = f->threshold.at[i];
    if (!(k >= 0.0) || !(k < (double)f->n_cat) || k != floor(k))
        return weir_error_set(t->c->err, WEIR_ERR_CORRUPT,
                              "Tree=%zu: threshold[%zu]: is no categorical split", t->number, i);
    int64_t begin = f->cat_ends.at[(size_t)k], end = f->cat_ends.at[(size_t)k + 1];
    if (begin < 0 || end < begin || (uint64_t)end > f->cat_words.n)
        return tree_fails(t, "cat_boundaries", (size_t)k, begin);
    node->test = WEIR_MODEL_FOREST_SET;
    node->missing = WEIR_MODEL_FOREST_NAN_RIGHT;
    node->threshold = 0.0;
    node->set = (uint32_t)begin;
    node->n = (uint32_t)(end - begin);
    return WEIR_OK;
}

static enum weir_status add_split(struct tree *t, size_t i, struct weir_model_forest_node *node)
{
    const struct weir_format_lightgbm_tree *f = t->from;
    int64_t decision = f->decision.n ? f->decision.at[i] : 0;
    *node = (struct weir_model_forest_node){
        .feature = f->feature.at[i],
        .threshold = f->threshold.at[i],
        .test = WEIR_MODEL_FOREST_LE,
    };
    if (!child_node(t, f->left.at[i], &node->left))
        return tree_fails(t, "left_child", i, f->left.at[i]);
    if (!child_node(t, f->right.at[i], &node->right))
        return tree_fails(t, "right_child", i, f->right.at[i]);
    if (f->feature.at[i] < 0 || f->feature.at[i] >= t->c->x->n_features)
        return tree_fails(t, "split_feature", i, f->feature.at[i]);
    if (decision < 0 || decision > 15)
        return tree_fails(t, "decision_type", i, decision);
    if (decision & IS_CATEGORICAL)
        return add_set(t, i, node);
    bool is_left = (decision & IS_DEFAULT_LEFT) != 0;
    switch (decision >> MISSING_SHIFT & MISSING_MASK) {
    case MISSING_NONE:
        node->missing = WEIR_MODEL_FOREST_NAN_ZERO;
        return WEIR_OK;
    case MISSING_ZERO:
        node->missing = is_left ? WEIR_MODEL_FOREST_ZERO_LEFT : WEIR_MODEL_FOREST_ZERO_RIGHT;
        return WEIR_OK;
    case MISSING_NAN:
        node->missing = is_left ? WEIR_MODEL_FOREST_NAN_LEFT : WEIR_MODEL_FOREST_NAN_RIGHT;
        return WEIR_OK;
    }
    return tree_fails(t, "decision_type", i, decision);
}

/* Makes the linear functions of the leaves. */
static enum weir_status fill_linear(struct tree *t)
{
    const struct weir_format_lightgbm_tree *f = t->from;
    uint64_t at = 0;
    for (size_t i = 0; i < f->coef_features.n; i++) {
        if (f->coef_features.at[i] < 0 || f->coef_features.at[i] >= t->c->x->n_features)
            return tree_fails(t, "leaf_features", i, f->coef_features.at[i]);
        t->coef_features[i] = (uint32_t)f->coef_features.at[i];
    }
    for (size_t i = 0; i < f->value.n; i++) {
        int64_t n = f->n_coefs.at[i];
        if (n < 0 || (uint64_t)n > f->coefs.n - at)
            return tree_fails(t, "num_features", i, n);
        t->linear[i] = (struct weir_model_forest_linear){.constant = f->constant.at[i],
                                                         .n = (size_t)n,
                                                         .features = t->coef_features + at,
                                                         .coefs = f->coefs.at + at};
        at += (uint64_t)n;
    }
    return WEIR_OK;
}

static enum weir_status fill_nodes(struct tree *t)
{
    const struct weir_format_lightgbm_tree *f = t->from;
    size_t n = (size_t)f->n_leaves - 1;
    for (size_t i = 0; i < n; i++) {
        enum weir_status status = add_split(t, i, &t->nodes[i]);
        if (status != WEIR_OK)
            return status;
    }
    for (size_t i = 0; i <= n; i++)
        t->nodes[n + i] = (struct weir_model_forest_node){
            .value = (uint32_t)i, .id = (int32_t)i, .test = WEIR_MODEL_FOREST_LEAF};
    for (size_t i = 0; i < f->cat_words.n; i++) {
        if (f->cat_words.at[i] < 0 || f->cat_words.at[i] > UINT32_MAX)
            return tree_fails(t, "cat_threshold", i, f->cat_words.at[i]);
        t->words[i] = (uint32_t)f->cat_words.at[i];
    }
    return f->is_linear ? fill_linear(t) : WEIR_OK;
}

static enum weir_status add_tree(struct tree *t, struct weir_model_forest_builder *forest)
{
    const struct weir_format_lightgbm_tree *f = t->from = &t->c->x->trees[t->number];
    if (f->n_leaves < 1 || (uint64_t)f->n_leaves != f->value.n)
        return weir_error_set(t->c->err, WEIR_ERR_CORRUPT,
                              "Tree=%zu: leaf_value: %zu entries for %lld leaves", t->number,
                              f->value.n, (long long)f->n_leaves);
    if (f->n_cat < 0 || (uint64_t)f->n_cat > f->cat_ends.n)
        return weir_error_set(t->c->err, WEIR_ERR_CORRUPT, "Tree=%zu: num_cat: is %lld", t->number,
                              (long long)f->n_cat);
    enum weir_status status = check_lengths(t);
    if (status == WEIR_OK)
        status = fill_nodes(t);
    if (status != WEIR_OK)
        return status;
    const struct weir_model_forest_tree tree = {
        .nodes = t->nodes,
        .n_nodes = 2 * (size_t)f->n_leaves - 1,
        .values = f->value.at,
        .n_values = f->value.n,
        .first = (uint32_t)(t->number % t->c->n_out),
        .words = t->words,
        .n_words = f->cat_words.n,
        .linear = f->is_linear ? t->linear : NULL,
    };
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_forest_add(forest, &tree, &reason);
    return status == WEIR_OK
               ? status
               : weir_error_set(t->c->err, status, "Tree=%zu: %s", t->number, reason.msg);
}

static enum weir_status add_trees(struct build *c, struct weir_model_forest_builder *forest)
{
    struct tree t = {.c = c};
    size_t n_used = c->n_rounds * c->n_out;
    size_t n_leaves = 1, n_words = 1, n_coefs = 1;
    for (size_t i = 0; i < n_used; i++) {
        n_leaves = weir_max_size(n_leaves, c->x->trees[i].value.n);
        n_words = weir_max_size(n_words, c->x->trees[i].cat_words.n);
        n_coefs = weir_max_size(n_coefs, c->x->trees[i].coef_features.n);
    }
    t.nodes = weir_arena_array(c->temp, 2 * n_leaves, sizeof *t.nodes);
    t.words = weir_arena_array(c->temp, n_words, sizeof *t.words);
    t.linear = weir_arena_array(c->temp, n_leaves, sizeof *t.linear);
    t.coef_features = weir_arena_array(c->temp, n_coefs, sizeof *t.coef_features);
    if (!t.nodes || !t.words || !t.linear || !t.coef_features)
        return no_memory(c);
    enum weir_status status = WEIR_OK;
    for (t.number = 0; status == WEIR_OK && t.number < n_used; t.number++)
        status = add_tree(&t, forest);
    return status;
}

static enum weir_status build_forest(struct build *c, const struct weir_model_node **out)
{
    const struct weir_model_head head = {.link = WEIR_MODEL_LINK_NUMBER,
                                         .n_scores = (uint32_t)c->n_out};
    const struct weir_model_forest_opts opts = {
        .name = c->rules->name,
        .n_features = (uint32_t)c->x->n_features,
        .input = WEIR_F64,
        .sum = WEIR_F64,
        .n_sums = (uint32_t)c->n_out,
        .width = 1,
        .category = WEIR_MODEL_FOREST_CATEGORY_LIGHTGBM,
        .flushes_tiny = true,
        .allows_nan = true,
        .allows_inf = true,
        .gives_leaves = c->n_rounds > 0,
        .keeps_columns = c->rules->keeps_columns,
        .heads = &head,
        .n_heads = 1,
        .is_vector = true,
    };
    struct weir_model_forest_builder *forest;
    enum weir_status status = weir_model_forest_begin(c->b, &opts, &forest, c->err);
    if (status == WEIR_OK)
        status = add_trees(c, forest);
    if (status == WEIR_OK)
        status = weir_model_forest_end(forest, out, c->err);
    return status;
}

/* --- answers --- */

static enum weir_status build_answers(struct build *c, const struct weir_model_node *inner,
                                      const struct weir_model_node **out)
{
    bool is_classifier = c->rules->is_classifier;
    struct weir_model_margin_opts o = {
        .inner = inner,
        .link = c->link,
        .proba_link = c->link,
        .param = c->sigmoid,
        .divisor = c->x->is_average && c->n_rounds > 0 ? (double)c->n_rounds : 1.0,
        .predict = is_classifier ? WEIR_MODEL_MARGIN_LARGEST : WEIR_MODEL_MARGIN_NUMBERS,
        .gives_margins =
            !c->rules->hides_margins && (is_classifier || c->link != WEIR_MODEL_MARGIN_IDENTITY),
        .is_vector = true,
        .n_targets = is_classifier ? 1 : c->n_out,
    };
    if (is_classifier || c->has_proba)
        o.proba = c->n_out == 1 ? WEIR_MODEL_MARGIN_PAIR : WEIR_MODEL_MARGIN_ALL;
    struct weir_labels *targets = weir_arena_zarray(c->b->arena, o.n_targets, sizeof *targets);
    if (!targets)
        return weir_model_builder_no_memory(c->b, c->err);
    if (is_classifier) {
        size_t n_classes = c->n_out == 1 ? 2 : c->n_out;
        if (!c->rules->labels || c->rules->labels->n != n_classes)
            return weir_error_set(c->err, WEIR_ERR_CORRUPT, "%zu labels for %zu classes",
                                  c->rules->labels ? c->rules->labels->n : 0, n_classes);
        if (c->x->objective.n == 0)
            return weir_error_set(c->err, WEIR_ERR_UNSUPPORTED,
                                  "a classifier with an objective of its own");
        targets[0] = *c->rules->labels;
    }
    o.targets = targets;
    return weir_model_margin_new(c->b, &o, out, c->err);
}

enum weir_status weir_format_lightgbm_build(const struct weir_format_lightgbm *booster,
                                            const struct weir_format_lightgbm_rules *rules,
                                            struct weir_model_builder *b, struct weir_arena *temp,
                                            const struct weir_model_node **out,
                                            struct weir_error *err)
{
    struct build c = {.x = booster, .rules = rules, .b = b, .temp = temp, .err = err};
    const struct weir_model_node *inner = NULL;
    enum weir_status status = find_objective(&c);
    if (status == WEIR_OK)
        status = check_sizes(&c);
    if (status == WEIR_OK)
        status = build_forest(&c, &inner);
    if (status == WEIR_OK)
        status = build_answers(&c, inner, &inner);
    return status == WEIR_OK
               ? weir_format_lightgbm_categories_add(booster, rules, b, temp, inner, out, err)
               : status;
}

enum weir_status weir_format_lightgbm_build_names(const struct weir_format_lightgbm *x,
                                                  struct weir_model_builder *b,
                                                  struct weir_error *err)
{
    size_t n = x->n_feature_names;
    bool is_own = true;
    for (size_t i = 0; is_own && i < n; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "Column_%zu", i);
        is_own = weir_str_eq_c(x->feature_names[i], text);
    }
    if (n == 0 || is_own || b->spec->feature_names)
        return WEIR_OK;
    if (n != (size_t)x->n_features)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "feature_names: %zu names for %lld features",
                              n, (long long)x->n_features);
    struct weir_str *names = weir_arena_array(b->arena, n, sizeof *names);
    for (size_t i = 0; names && i < n; i++) {
        names[i] = weir_arena_str(b->arena, x->feature_names[i]);
        if (!names[i].at)
            names = NULL;
    }
    b->spec->feature_names = names;
    return names ? WEIR_OK : weir_model_builder_no_memory(b, err);
}

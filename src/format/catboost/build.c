/* SPDX-License-Identifier: MIT */
/* From what a CatBoost file says to a model. */
#include "base/macros.h"
#include "format/catboost/booster.h"
#include "model/forest.h"
#include "model/margin.h"

#include <math.h>
#include <string.h>

/* Losses, and what the library's predict makes of the raw values. */
static const struct loss {
    const char *name;
    enum weir_model_margin_link link;
    bool is_classifier;
} losses[] = {
    {"CrossEntropy", WEIR_MODEL_MARGIN_SIGMOID, true},
    {"Expectile", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"Huber", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"LambdaMart", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"LogCosh", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"Logloss", WEIR_MODEL_MARGIN_SIGMOID, true},
    {"Lq", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"MAE", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"MAPE", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"MultiClass", WEIR_MODEL_MARGIN_SOFTMAX, true},
    {"MultiClassOneVsAll", WEIR_MODEL_MARGIN_SIGMOID, true},
    {"MultiQuantile", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"MultiRMSE", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"MultiRMSEWithMissingValues", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"PairLogit", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"PairLogitPairwise", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"Poisson", WEIR_MODEL_MARGIN_EXP, false},
    {"QueryRMSE", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"QuerySoftMax", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"Quantile", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"RMSE", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"StochasticRank", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"Tweedie", WEIR_MODEL_MARGIN_EXP, false},
    {"YetiRank", WEIR_MODEL_MARGIN_IDENTITY, false},
    {"YetiRankPairwise", WEIR_MODEL_MARGIN_IDENTITY, false},
};

/* One build. */
struct build {
    const struct weir_format_catboost *x;
    struct weir_model_builder *b;
    struct weir_arena *temp;
    const struct loss *loss;
    size_t n_columns;                                     /* of the input */
    const struct weir_format_catboost_feature **by_index; /* n_features, by feature index */
    size_t n_dims;
    struct weir_error *err;
};

static enum weir_status no_memory(struct build *c)
{
    return weir_error_set(c->err, WEIR_ERR_NO_MEMORY, "no memory for the load");
}

static enum weir_status find_loss(struct build *c)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(losses); i++)
        if (weir_str_eq_c(c->x->loss, losses[i].name)) {
            c->loss = &losses[i];
            return WEIR_OK;
        }
    return weir_error_set(c->err, WEIR_ERR_UNSUPPORTED,
                          "model_info.params.loss_function: \"%s\" is not supported",
                          weir_str_echo(c->x->loss, echo, sizeof echo));
}

static enum weir_status check_features(struct build *c)
{
    const struct weir_format_catboost *x = c->x;
    c->by_index = weir_arena_zarray(c->temp, weir_max_size(x->n_features, 1), sizeof *c->by_index);
    if (!c->by_index)
        return no_memory(c);
    for (size_t i = 0; i < x->n_features; i++) {
        const struct weir_format_catboost_feature *f = &x->features[i];
        /* All columns are numeric, so that columns and features are counted alike. */
        if (f->index < 0 || (uint64_t)f->index >= x->n_features || f->column != f->index ||
            c->by_index[f->index])
            return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                                  "features_info.float_features[%zu]: feature %lld, column %lld", i,
                                  (long long)f->index, (long long)f->column);
        c->by_index[f->index] = f;
    }
    c->n_columns = x->n_features;
    if (c->n_columns == 0)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "features_info: no numeric features");
    if (c->n_columns > c->b->limits.n_features_max || c->n_columns > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(c->err, WEIR_ERR_LIMIT, "features_info: %zu features", c->n_columns);
    return WEIR_OK;
}

/* The dimensions of a leaf: as said, or as many as there are biases. */
static enum weir_status find_dims(struct build *c)
{
    const struct weir_format_catboost *x = c->x;
    uint64_t n = x->n_dims > 0 ? (uint64_t)x->n_dims : x->bias.n > 0 ? x->bias.n : 1;
    const struct weir_format_catboost_tree *first = x->n_trees > 0 ? &x->trees[0] : NULL;
    if (x->n_dims <= 0 && n == 1 && first && !first->nodes && first->n_splits < 32)
        n = weir_max_size(first->n_values >> first->n_splits, 1);
    if (n > c->b->limits.n_classes_max)
        return weir_error_set(c->err, WEIR_ERR_LIMIT, "%llu dimensions", (unsigned long long)n);
    c->n_dims = (size_t)n;
    if (x->bias.n > 1 && x->bias.n != n)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "scale_and_bias: %zu values for %zu",
                              x->bias.n, c->n_dims);
    if (!isfinite(x->scale))
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "scale_and_bias: is not finite");
    return WEIR_OK;
}

/* --- trees --- */

static enum weir_status check_split(struct build *c, size_t tree,
                                    const struct weir_format_catboost_split *split)
{
    if (split->feature < 0 || (uint64_t)split->feature >= c->x->n_features)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "tree %zu: feature %lld is out of range",
                              tree, (long long)split->feature);
    return WEIR_OK;
}

static bool nan_is_above(const struct build *c, const struct weir_format_catboost_split *split)
{
    return c->by_index[split->feature]->nan == WEIR_FORMAT_CATBOOST_NAN_ABOVE;
}

static enum weir_status add_symmetric(struct build *c, size_t number,
                                      struct weir_model_forest_builder *forest)
{
    const struct weir_format_catboost_tree *t = &c->x->trees[number];
    struct weir_model_forest_level levels[WEIR_MODEL_FOREST_LEVELS_MAX];
    if (t->n_splits > WEIR_MODEL_FOREST_LEVELS_MAX || t->n_values != c->n_dims << t->n_splits)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                              "tree %zu: %zu leaf values for %zu splits and %zu dimensions", number,
                              t->n_values, t->n_splits, c->n_dims);
    for (size_t i = 0; i < t->n_splits; i++) {
        enum weir_status status = check_split(c, number, &t->splits[i]);
        if (status != WEIR_OK)
            return status;
        levels[i] = (struct weir_model_forest_level){.threshold = (double)t->splits[i].border,
                                                     .feature = t->splits[i].feature,
                                                     .nan_sets = nan_is_above(c, &t->splits[i])};
    }
    const struct weir_model_forest_oblivious tree = {
        .levels = levels, .n_levels = t->n_splits, .values = t->values, .n_values = t->n_values};
    return weir_model_forest_add_oblivious(forest, &tree, c->err);
}

static enum weir_status add_other(struct build *c, size_t number,
                                  struct weir_model_forest_builder *forest)
{
    const struct weir_format_catboost_tree *t = &c->x->trees[number];
    struct weir_model_forest_node *nodes = weir_arena_array(c->temp, t->n_nodes, sizeof *nodes);
    if (!nodes)
        return no_memory(c);
    for (size_t i = 0; i < t->n_nodes; i++) {
        const struct weir_format_catboost_node *n = &t->nodes[i];
        if (n->left < 0) {
            if (n->value < 0 || (uint64_t)n->value % c->n_dims != 0)
                return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                                      "tree %zu: leaves are not of %zu values", number, c->n_dims);
            nodes[i] =
                (struct weir_model_forest_node){.test = WEIR_MODEL_FOREST_LEAF,
                                                .value = (uint32_t)((uint64_t)n->value / c->n_dims),
                                                .id = (int32_t)((uint64_t)n->value / c->n_dims)};
            continue;
        }
        enum weir_status status = check_split(c, number, &n->split);
        if (status != WEIR_OK)
            return status;
        nodes[i] = (struct weir_model_forest_node){.test = WEIR_MODEL_FOREST_LE,
                                                   .threshold = (double)n->split.border,
                                                   .left = n->left,
                                                   .right = n->right,
                                                   .feature = n->split.feature,
                                                   .missing = nan_is_above(c, &n->split)
                                                                  ? WEIR_MODEL_FOREST_NAN_RIGHT
                                                                  : WEIR_MODEL_FOREST_NAN_LEFT};
    }
    const struct weir_model_forest_tree tree = {
        .nodes = nodes, .n_nodes = t->n_nodes, .values = t->values, .n_values = t->n_values};
    return weir_model_forest_add(forest, &tree, c->err);
}

static enum weir_status build_forest(struct build *c, const struct weir_model_node **out)
{
    const struct weir_format_catboost *x = c->x;
    const struct weir_model_head head = {.link = WEIR_MODEL_LINK_NUMBER,
                                         .n_scores = (uint32_t)c->n_dims};
    double *bias = weir_arena_zarray(c->temp, c->n_dims, sizeof *bias);
    if (!bias)
        return no_memory(c);
    bool has_bias = false;
    for (size_t k = 0; x->bias.n > 0 && k < c->n_dims; k++) {
        bias[k] = x->bias.at[x->bias.n > 1 ? k : 0];
        has_bias |= bias[k] != 0.0;
        if (!isfinite(bias[k]))
            return weir_error_set(c->err, WEIR_ERR_CORRUPT, "scale_and_bias: is not finite");
    }
    const struct weir_model_forest_opts opts = {
        .name = WEIR_STR("CatBoost"),
        .n_features = (uint32_t)c->n_columns,
        .input = WEIR_F32,
        .sum = WEIR_F64,
        .n_sums = (uint32_t)c->n_dims,
        .width = (uint32_t)c->n_dims,
        .scale = x->scale,
        .base = has_bias ? bias : NULL,
        .allows_nan = true,
        .allows_inf = true,
        .gives_leaves = x->n_trees > 0,
        .keeps_columns = true,
        .heads = &head,
        .n_heads = 1,
        .is_vector = true,
    };
    struct weir_model_forest_builder *forest;
    enum weir_status status = weir_model_forest_begin(c->b, &opts, &forest, c->err);
    for (size_t i = 0; status == WEIR_OK && i < x->n_trees; i++)
        status = x->trees[i].nodes ? add_other(c, i, forest) : add_symmetric(c, i, forest);
    return status == WEIR_OK ? weir_model_forest_end(forest, out, c->err) : status;
}

/* --- answers --- */

static enum weir_status make_labels(struct build *c, size_t n, struct weir_labels *out)
{
    const struct weir_format_catboost *x = c->x;
    size_t n_labels = x->labels.kind == 'i'   ? x->labels.ints.n
                      : x->labels.kind == 'f' ? x->labels.floats.n
                      : x->labels.kind == 'U' ? x->labels.texts.n
                                              : 0;
    if (n_labels > 0 && n_labels != n)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "class_names: %zu labels for %zu classes",
                              n_labels, n);
    if (n_labels > 0 && x->labels.kind == 'i')
        return weir_model_builder_labels(c->b, out, WEIR_I64, n, x->labels.ints.at, c->err);
    if (n_labels > 0 && x->labels.kind == 'U')
        return weir_model_builder_labels(c->b, out, WEIR_BYTES, n, x->labels.texts.at, c->err);
    if (n_labels > 0 && x->labels.kind == 'f') {
        for (size_t i = 0; i < n; i++)
            if (!isfinite(x->labels.floats.at[i]))
                return weir_error_set(c->err, WEIR_ERR_UNSUPPORTED, "a label is not finite");
        return weir_model_builder_labels(c->b, out, WEIR_F64, n, x->labels.floats.at, c->err);
    }
    int64_t *values = weir_arena_array(c->temp, n, sizeof *values);
    for (size_t i = 0; values && i < n; i++)
        values[i] = (int64_t)i;
    return values ? weir_model_builder_labels(c->b, out, WEIR_I64, n, values, c->err)
                  : no_memory(c);
}

static enum weir_status build_answers(struct build *c, const struct weir_model_node *inner,
                                      const struct weir_model_node **out)
{
    bool is_classifier = c->loss->is_classifier;
    struct weir_model_margin_opts o = {
        .inner = inner,
        .link = c->loss->link,
        .proba_link = c->loss->link,
        .param = 1.0,
        .predict = !is_classifier   ? WEIR_MODEL_MARGIN_NUMBERS
                   : c->n_dims == 1 ? WEIR_MODEL_MARGIN_ABOVE_BOUND
                                    : WEIR_MODEL_MARGIN_LARGEST_RAW,
        .proba = !is_classifier   ? WEIR_MODEL_MARGIN_NO_PROBA
                 : c->n_dims == 1 ? WEIR_MODEL_MARGIN_PAIR
                                  : WEIR_MODEL_MARGIN_ALL,
        .gives_margins = is_classifier || c->loss->link != WEIR_MODEL_MARGIN_IDENTITY,
        .is_vector = true,
        .n_targets = is_classifier ? 1 : c->n_dims,
    };
    struct weir_labels *targets = weir_arena_zarray(c->b->arena, o.n_targets, sizeof *targets);
    if (!targets)
        return weir_model_builder_no_memory(c->b, c->err);
    o.targets = targets;
    if (is_classifier) {
        enum weir_status status = make_labels(c, c->n_dims == 1 ? 2 : c->n_dims, targets);
        if (status != WEIR_OK)
            return status;
    }
    return weir_model_margin_new(c->b, &o, out, c->err);
}

/* Features are named by their numbers unless the training had names. */
static enum weir_status fill_names(struct build *c)
{
    const struct weir_format_catboost *x = c->x;
    size_t n_named = 0;
    for (size_t i = 0; i < x->n_features; i++)
        n_named += x->features[i].name.n > 0;
    if (n_named < c->n_columns)
        return WEIR_OK;
    struct weir_str *names = weir_arena_array(c->b->arena, c->n_columns, sizeof *names);
    for (size_t i = 0; names && i < c->n_columns; i++) {
        names[i] = weir_arena_str(c->b->arena, c->by_index[i]->name);
        if (!names[i].at)
            names = NULL;
    }
    c->b->spec->feature_names = names;
    return names ? WEIR_OK : weir_model_builder_no_memory(c->b, c->err);
}

enum weir_status weir_format_catboost_build(const struct weir_format_catboost *x,
                                            struct weir_model_builder *b, struct weir_arena *temp,
                                            const struct weir_model_node **out,
                                            struct weir_error *err)
{
    struct build c = {.x = x, .b = b, .temp = temp, .err = err};
    const struct weir_model_node *inner = NULL;
    enum weir_status status = find_loss(&c);
    if (status == WEIR_OK)
        status = check_features(&c);
    if (status == WEIR_OK)
        status = find_dims(&c);
    if (status == WEIR_OK)
        status = build_forest(&c, &inner);
    if (status == WEIR_OK)
        status = build_answers(&c, inner, out);
    if (status == WEIR_OK)
        status = fill_names(&c);
    struct weir_spec *spec = b->spec;
    spec->library = weir_arena_str(b->arena, WEIR_STR("catboost"));
    spec->library_version = weir_arena_str(b->arena, x->version);
    spec->platform = weir_arena_str(b->arena, WEIR_STR("catboost"));
    spec->estimator =
        weir_arena_str(b->arena, c.loss && c.loss->is_classifier ? WEIR_STR("CatBoostClassifier")
                                                                 : WEIR_STR("CatBoostRegressor"));
    if (status == WEIR_OK && (!spec->library.at || !spec->library_version.at ||
                              !spec->platform.at || !spec->estimator.at))
        return weir_model_builder_no_memory(b, err);
    return status;
}

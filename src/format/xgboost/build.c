/* SPDX-License-Identifier: MIT */
/* From what an XGBoost file says to a model: the objective's table, the margins' start, which trees
 * count, and the trees themselves. Everything that the forest does not check is checked here. */
#include "base/macros.h"
#include "codec/number.h"
#include "format/xgboost/build_priv.h"
#include "model/linear_f32.h"
#include "model/margin.h"

#include <math.h>

/* --- objectives --- */

static const struct weir_format_xgboost_objective objectives[] = {
    {"binary:hinge", WEIR_MODEL_MARGIN_HINGE, WEIR_FORMAT_XGBOOST_BASE_SAME, false, false},
    {"binary:logistic", WEIR_MODEL_MARGIN_SIGMOID_F32, WEIR_FORMAT_XGBOOST_BASE_LOGIT, false, true},
    {"binary:logitraw", WEIR_MODEL_MARGIN_IDENTITY, WEIR_FORMAT_XGBOOST_BASE_SAME, false, false},
    {"count:poisson", WEIR_MODEL_MARGIN_EXP_F32, WEIR_FORMAT_XGBOOST_BASE_LOG, false, false},
    {"multi:softmax", WEIR_MODEL_MARGIN_ARGMAX, WEIR_FORMAT_XGBOOST_BASE_SAME, true, true},
    {"multi:softprob", WEIR_MODEL_MARGIN_SOFTMAX_F32, WEIR_FORMAT_XGBOOST_BASE_SAME, true, true},
    {"rank:map", WEIR_MODEL_MARGIN_IDENTITY, WEIR_FORMAT_XGBOOST_BASE_SAME, false, false},
    {"rank:ndcg", WEIR_MODEL_MARGIN_IDENTITY, WEIR_FORMAT_XGBOOST_BASE_SAME, false, false},
    {"rank:pairwise", WEIR_MODEL_MARGIN_IDENTITY, WEIR_FORMAT_XGBOOST_BASE_SAME, false, false},
    {"reg:absoluteerror", WEIR_MODEL_MARGIN_IDENTITY, WEIR_FORMAT_XGBOOST_BASE_SAME, false, false},
    {"reg:expectileerror", WEIR_MODEL_MARGIN_EXPECTILE_F32, WEIR_FORMAT_XGBOOST_BASE_SAME, false,
     false},
    {"reg:gamma", WEIR_MODEL_MARGIN_EXP_F32, WEIR_FORMAT_XGBOOST_BASE_LOG, false, false},
    {"reg:linear", WEIR_MODEL_MARGIN_IDENTITY, WEIR_FORMAT_XGBOOST_BASE_SAME, false, false},
    {"reg:logistic", WEIR_MODEL_MARGIN_SIGMOID_F32, WEIR_FORMAT_XGBOOST_BASE_LOGIT, false, false},
    {"reg:pseudohubererror", WEIR_MODEL_MARGIN_IDENTITY, WEIR_FORMAT_XGBOOST_BASE_SAME, false,
     false},
    {"reg:quantileerror", WEIR_MODEL_MARGIN_IDENTITY, WEIR_FORMAT_XGBOOST_BASE_SAME, false, false},
    {"reg:squarederror", WEIR_MODEL_MARGIN_IDENTITY, WEIR_FORMAT_XGBOOST_BASE_SAME, false, false},
    {"reg:squaredlogerror", WEIR_MODEL_MARGIN_IDENTITY, WEIR_FORMAT_XGBOOST_BASE_SAME, false,
     false},
    {"reg:tweedie", WEIR_MODEL_MARGIN_EXP_F32, WEIR_FORMAT_XGBOOST_BASE_LOG, false, false},
    {"survival:aft", WEIR_MODEL_MARGIN_EXP_F32, WEIR_FORMAT_XGBOOST_BASE_LOG, false, false},
    {"survival:cox", WEIR_MODEL_MARGIN_EXP_F32, WEIR_FORMAT_XGBOOST_BASE_LOG, false, false},
};

enum weir_status weir_format_xgboost_build_no_memory(struct weir_format_xgboost_build *c)
{
    return weir_error_set(c->err, WEIR_ERR_NO_MEMORY, "no memory for the load");
}

static enum weir_status find_objective(struct weir_format_xgboost_build *c)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(objectives); i++)
        if (weir_str_eq_c(c->x->objective, objectives[i].name)) {
            c->objective = &objectives[i];
            return WEIR_OK;
        }
    return weir_error_set(c->err, WEIR_ERR_UNSUPPORTED,
                          "learner.objective.name: \"%s\" is not supported",
                          weir_str_echo(c->x->objective, echo, sizeof echo));
}

static enum weir_status check_sizes(struct weir_format_xgboost_build *c)
{
    const struct weir_format_xgboost *x = c->x;
    const char *param = "learner.learner_model_param";
    if (x->n_features < 1)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "%s.num_feature: is %lld", param,
                              (long long)x->n_features);
    if ((uint64_t)x->n_features > c->b->limits.n_features_max ||
        x->n_features > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(c->err, WEIR_ERR_LIMIT, "%s.num_feature: is %lld", param,
                              (long long)x->n_features);
    if (x->n_classes < 0 || x->n_targets < 0 || (x->n_classes > 1 && x->n_targets > 1))
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "%s: %lld classes and %lld targets", param,
                              (long long)x->n_classes, (long long)x->n_targets);
    int64_t n = x->n_classes > x->n_targets ? x->n_classes : x->n_targets;
    if ((uint64_t)n > c->b->limits.n_classes_max)
        return weir_error_set(c->err, WEIR_ERR_LIMIT, "%s: %lld classes or targets", param,
                              (long long)n);
    c->n_out = n > 1 ? (size_t)n : 1;
    return WEIR_OK;
}

/* --- base_score --- */

static enum weir_status to_margin(struct weir_format_xgboost_build *c, float *v)
{
    enum weir_format_xgboost_base base = c->objective->base;
    /* Up to 1.2 logitraw had the base of logistic. */
    if (weir_str_eq_c(c->x->objective, "binary:logitraw") &&
        c->x->version < WEIR_FORMAT_XGBOOST_VERSION(1, 3))
        base = WEIR_FORMAT_XGBOOST_BASE_LOGIT;
    switch (base) {
    case WEIR_FORMAT_XGBOOST_BASE_SAME:
        break;
    case WEIR_FORMAT_XGBOOST_BASE_LOGIT:
        /* From 3.5 on the library cuts at these; before, it refuses 0 and 1. */
        *v = fminf(fmaxf(*v, 1e-6f), 1.0f - 1e-6f);
        *v = -logf(1.0f / *v - 1.0f);
        break;
    case WEIR_FORMAT_XGBOOST_BASE_LOG:
        *v = logf(*v);
        break;
    }
    if (!isfinite(*v))
        return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                              "learner.learner_model_param.base_score: gives no finite margin");
    return WEIR_OK;
}

/* Reads "5E-1", "[5E-1,…]" or "(5E-1,…)": one value, or one for each output. */
static enum weir_status parse_base(struct weir_format_xgboost_build *c, size_t *n)
{
    struct weir_str rest = weir_str_trim(c->x->base_score);
    if (rest.n > 1 && (rest.at[0] == '[' || rest.at[0] == '('))
        rest = weir_str_make(rest.at + 1, rest.n - 2);
    *n = 0;
    while (rest.at) {
        struct weir_str item = weir_str_trim(weir_str_split(&rest, ','));
        if (*n >= c->n_out || !weir_codec_number_read_f32(item, &c->base[*n]))
            return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                                  "learner.learner_model_param.base_score: is not a list of at "
                                  "most %zu numbers",
                                  c->n_out);
        ++*n;
    }
    return WEIR_OK;
}

/* Expectiles: all but the first are the one before + 1e-6 + log(1 + e^margin). */
static enum weir_status gaps_to_margins(struct weir_format_xgboost_build *c)
{
    for (size_t k = c->n_out - 1; k > 0; k--) {
        float gap = fmaxf(c->base[k] - c->base[k - 1] - 1e-6f, 1e-6f);
        c->base[k] = gap > 20.0f ? gap : logf(expm1f(gap));
        if (!isfinite(c->base[k]))
            return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                                  "learner.learner_model_param.base_score: gives no finite margin");
    }
    return WEIR_OK;
}

static enum weir_status read_base(struct weir_format_xgboost_build *c)
{
    const struct weir_format_xgboost *x = c->x;
    size_t n = 1;
    c->base = weir_arena_array(c->temp, c->n_out, sizeof *c->base);
    if (!c->base)
        return weir_format_xgboost_build_no_memory(c);
    c->base[0] = x->base_margin;
    enum weir_status status = x->is_binary ? WEIR_OK : parse_base(c, &n);
    if (status != WEIR_OK)
        return status;
    if (n != 1 && n != c->n_out)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                              "learner.learner_model_param.base_score: %zu values for %zu outputs",
                              n, c->n_out);
    bool is_margin = x->base_is_margin && !c->objective->is_multi;
    for (size_t k = 0; k < n; k++) {
        if (is_margin && isfinite(c->base[k]))
            continue;
        status = to_margin(c, &c->base[k]);
        if (status != WEIR_OK)
            return status;
    }
    for (size_t k = n; k < c->n_out; k++)
        c->base[k] = c->base[0];
    if (c->objective->link == WEIR_MODEL_MARGIN_EXPECTILE_F32 && n > 1)
        return gaps_to_margins(c);
    return WEIR_OK;
}

/* --- which trees --- */

/* Finds the trees up to best_iteration, or all. */
static enum weir_status choose_trees(struct weir_format_xgboost_build *c)
{
    const struct weir_format_xgboost *x = c->x;
    int64_t best = c->rules->best_iteration >= 0 ? c->rules->best_iteration : x->best_iteration;
    c->n_used = x->n_trees;
    if (x->tree_info.n != x->n_trees)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "%s.tree_info: %zu entries for %zu trees",
                              WEIR_FORMAT_XGBOOST_MODEL, x->tree_info.n, x->n_trees);
    int64_t n_groups = 1;
    for (size_t i = 0; i < x->n_trees; i++) {
        if (x->tree_info.at[i] < 0 || (size_t)x->tree_info.at[i] >= c->n_out)
            return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                                  "%s.tree_info[%zu]: %d is none of %zu outputs",
                                  WEIR_FORMAT_XGBOOST_MODEL, i, x->tree_info.at[i], c->n_out);
        if (x->tree_info.at[i] >= n_groups)
            n_groups = x->tree_info.at[i] + 1;
    }
    const struct weir_format_doc_i64s *ends = &x->round_ends;
    for (size_t i = 0; i < ends->n; i++)
        if (ends->at[i] < (i ? ends->at[i - 1] : 0) || (uint64_t)ends->at[i] > x->n_trees)
            return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                                  "%s.iteration_indptr[%zu]: %lld is out of order",
                                  WEIR_FORMAT_XGBOOST_MODEL, i, (long long)ends->at[i]);
    if (x->n_parallel < 1 || (uint64_t)x->n_parallel > weir_max_size(x->n_trees, 1))
        return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                              "%s.gbtree_model_param.num_parallel_tree: is %lld",
                              WEIR_FORMAT_XGBOOST_MODEL, (long long)x->n_parallel);
    if (!c->rules->is_wrapper || best < 0)
        return WEIR_OK;
    /* Before 1.6 files do not say how many trees a round has, but how many count. */
    if (x->version < WEIR_FORMAT_XGBOOST_VERSION(1, 6) && x->best_trees > 0) {
        if ((uint64_t)x->best_trees < x->n_trees / (uint64_t)n_groups)
            c->n_used = (size_t)(x->best_trees * n_groups);
        return WEIR_OK;
    }
    if (ends->n > 0)
        c->n_used = (uint64_t)best + 1 < ends->n ? (size_t)ends->at[best + 1] : x->n_trees;
    else if ((uint64_t)best < x->n_trees / (uint64_t)(n_groups * x->n_parallel))
        c->n_used = (size_t)((best + 1) * n_groups * x->n_parallel);
    return WEIR_OK;
}

/* --- linear --- */

static enum weir_status build_linear(struct weir_format_xgboost_build *c,
                                     const struct weir_model_node **out)
{
    const struct weir_format_xgboost *x = c->x;
    size_t n = (size_t)x->n_features * c->n_out;
    if (x->weights.n != n + c->n_out)
        return weir_error_set(
            c->err, WEIR_ERR_CORRUPT, "%s.weights: %zu entries for %lld features and %zu outputs",
            WEIR_FORMAT_XGBOOST_MODEL, x->weights.n, (long long)x->n_features, c->n_out);
    for (size_t i = 0; i < x->weights.n; i++)
        if (!isfinite(x->weights.at[i]))
            return weir_error_set(c->err, WEIR_ERR_CORRUPT, "%s.weights[%zu]: is not finite",
                                  WEIR_FORMAT_XGBOOST_MODEL, i);
    const struct weir_model_linear_f32_opts opts = {
        .name = c->rules->name,
        .n_features = (uint32_t)x->n_features,
        .n_scores = (uint32_t)c->n_out,
        .weights = x->weights.at,
        .bias = x->weights.at + n,
        .base = c->base[0],
        .has_missing_value = !isnan(c->rules->missing),
        .missing_value = isnan(c->rules->missing) ? 0.0 : (double)(float)c->rules->missing,
        .keeps_columns = c->rules->keeps_columns,
    };
    return weir_model_linear_f32_new(c->b, &opts, out, c->err);
}

/* --- answers --- */

/* Makes the labels 0 … n − 1. */
static enum weir_status count_labels(struct weir_format_xgboost_build *c, size_t n,
                                     struct weir_labels *out)
{
    int64_t *values = weir_arena_array(c->temp, n, sizeof *values);
    if (!values)
        return weir_format_xgboost_build_no_memory(c);
    for (size_t i = 0; i < n; i++)
        values[i] = (int64_t)i;
    return weir_model_builder_labels(c->b, out, WEIR_I64, n, values, c->err);
}

static enum weir_status make_targets(struct weir_format_xgboost_build *c, size_t n_targets,
                                     size_t n_classes, struct weir_labels **out)
{
    struct weir_labels *targets = weir_arena_zarray(c->b->arena, n_targets, sizeof *targets);
    if (!targets)
        return weir_model_builder_no_memory(c->b, c->err);
    *out = targets;
    if (n_classes == 0)
        return WEIR_OK;
    if (c->rules->labels) {
        if (n_targets != 1 || c->rules->labels->n != n_classes)
            return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                                  "%zu labels for %zu classes of %zu targets", c->rules->labels->n,
                                  n_classes, n_targets);
        targets[0] = *c->rules->labels;
        return WEIR_OK;
    }
    enum weir_status status = count_labels(c, n_classes, &targets[0]);
    for (size_t i = 1; status == WEIR_OK && i < n_targets; i++)
        targets[i] = targets[0];
    return status;
}

/* Decides what a classifier's wrapper makes of the values. */
static void classify(const struct weir_format_xgboost_build *c, struct weir_model_margin_opts *o)
{
    if (c->n_out == 1) {
        o->predict = WEIR_MODEL_MARGIN_ABOVE_HALF;
        o->proba = WEIR_MODEL_MARGIN_PAIR;
    } else if (c->objective->link == WEIR_MODEL_MARGIN_ARGMAX) {
        o->predict = WEIR_MODEL_MARGIN_CLASS_VALUE;
        o->proba = WEIR_MODEL_MARGIN_ALL;
        o->proba_link = WEIR_MODEL_MARGIN_SOFTMAX_SCIPY_F32;
    } else if (c->objective->is_multi && c->n_out != 2) {
        o->predict = WEIR_MODEL_MARGIN_LARGEST;
        o->proba = WEIR_MODEL_MARGIN_ALL;
    } else {
        /* Several labels; also softprob asked for two classes, of which the wrapper makes two. */
        o->predict = WEIR_MODEL_MARGIN_EACH_HALF;
        o->proba = WEIR_MODEL_MARGIN_ALL;
    }
}

static enum weir_status build_answers(struct weir_format_xgboost_build *c,
                                      const struct weir_model_node *inner,
                                      const struct weir_model_node **out)
{
    struct weir_model_margin_opts o = {
        .inner = inner,
        .link = c->objective->link,
        .proba_link = c->objective->link,
        .gives_margins =
            !c->rules->hides_margins &&
            (c->rules->is_classifier || c->objective->link != WEIR_MODEL_MARGIN_IDENTITY),
        .is_f32 = true,
        .is_vector = true,
        .n_targets = c->n_out,
    };
    size_t n_classes = 0;
    /* From 1.6 on the sigmoid stops before e^x overflows; log(FLT_MAX) is 88.72. */
    o.param = c->x->version < WEIR_FORMAT_XGBOOST_VERSION(1, 6) ? (double)INFINITY : 88.7;
    if (weir_str_eq_c(c->x->objective, "reg:quantileerror") &&
        c->x->version >= WEIR_FORMAT_XGBOOST_VERSION(3, 4))
        o.link = o.proba_link = WEIR_MODEL_MARGIN_SORT;
    if (c->rules->is_classifier) {
        classify(c, &o);
        bool is_each = o.predict == WEIR_MODEL_MARGIN_EACH_HALF;
        o.n_targets = is_each ? c->n_out : 1;
        n_classes = is_each || c->n_out == 1 ? 2 : c->n_out;
    } else {
        o.predict = WEIR_MODEL_MARGIN_NUMBERS;
        if (c->objective->has_proba) {
            o.proba = c->n_out == 1 ? WEIR_MODEL_MARGIN_PAIR : WEIR_MODEL_MARGIN_ALL;
            if (o.link == WEIR_MODEL_MARGIN_ARGMAX)
                o.proba_link = WEIR_MODEL_MARGIN_SOFTMAX_F32;
        }
        if (o.link == WEIR_MODEL_MARGIN_ARGMAX)
            o.n_targets = 1;
    }
    struct weir_labels *targets = NULL;
    enum weir_status status = make_targets(c, o.n_targets, n_classes, &targets);
    o.targets = targets;
    return status == WEIR_OK ? weir_model_margin_new(c->b, &o, out, c->err) : status;
}

enum weir_status weir_format_xgboost_build(const struct weir_format_xgboost *booster,
                                           const struct weir_format_xgboost_rules *rules,
                                           struct weir_model_builder *b, struct weir_arena *temp,
                                           const struct weir_model_node **out,
                                           struct weir_error *err)
{
    struct weir_format_xgboost_build c = {
        .x = booster, .rules = rules, .b = b, .temp = temp, .err = err};
    const struct weir_model_node *inner = NULL;
    enum weir_status status = find_objective(&c);
    if (status == WEIR_OK)
        status = check_sizes(&c);
    if (status == WEIR_OK)
        status = read_base(&c);
    if (status != WEIR_OK)
        return status;
    if (booster->kind == WEIR_FORMAT_XGBOOST_LINEAR) {
        status = build_linear(&c, &inner);
    } else {
        status = choose_trees(&c);
        if (status == WEIR_OK)
            status = weir_format_xgboost_trees(&c, &inner);
    }
    if (status == WEIR_OK)
        status = build_answers(&c, inner, &inner);
    return status == WEIR_OK ? weir_format_xgboost_categories_add(&c, inner, out) : status;
}

/* SPDX-License-Identifier: MIT */
/* sklearn.feature_selection: which columns a fitted selector keeps is worked out at load, from the
 * scores it stored. */
#include "format/sklearn/select.h"

#include "model/chain.h"
#include "model/columns.h"
#include "model/tee.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum weir_status no_memory(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
}

/* Makes the node of a mask. */
static enum weir_status make(struct weir_format_sklearn *s, const struct weir_value_at *at,
                             const bool *mask, size_t n, bool allows_nan,
                             const struct weir_model_node **out, struct weir_error *err)
{
    uint32_t *index = weir_arena_array(s->temp, n, sizeof *index);
    if (!index)
        return no_memory(err);
    struct weir_model_columns_select_opts opts = {.name = at->v->object->cls,
                                                  .n_in = (uint32_t)n,
                                                  .index = index,
                                                  .allows_nan = allows_nan,
                                                  .allows_inf = allows_nan,
                                                  .keeps_columns = s->keeps_columns};
    for (size_t j = 0; j < n; j++)
        if (mask[j])
            index[opts.n_index++] = (uint32_t)j;
    if (opts.n_index == 0)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "keeps no column");
    return weir_model_columns_select_new(s->b, &opts, out, err);
}

/* Reads an attribute that has a number, perhaps NaN, for each column. */
static enum weir_status read_scores(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    const char *name, struct weir_value_f64s *out,
                                    struct weir_error *err)
{
    enum weir_status status = weir_value_attr_f64s(at, name, s->temp, out, err);
    if (status == WEIR_OK &&
        (out->shape.n_dims != 1 || out->shape.n == 0 || out->shape.n > WEIR_MODEL_COLUMNS_MAX))
        status = weir_value_fail(at, WEIR_ERR_INVALID, err, "%s is not a list of columns", name);
    return status;
}

/* A column and its score, for sorting. */
struct scored {
    double score;
    size_t column;
};

static int compare_scored(const void *a, const void *b)
{
    const struct scored *x = a;
    const struct scored *y = b;
    if (x->score != y->score)
        return x->score < y->score ? -1 : 1;
    return x->column < y->column ? -1 : x->column > y->column;
}

/* Returns the columns by rising score, equal ones in order; NULL: no memory. */
static struct scored *sort_scores(struct weir_format_sklearn *s, const double *scores, size_t n)
{
    struct scored *all = weir_arena_array(s->temp, n, sizeof *all);
    for (size_t j = 0; all && j < n; j++)
        all[j] = (struct scored){scores[j], j};
    if (all)
        qsort(all, n, sizeof *all, compare_scored);
    return all;
}

/* Returns the q-th percentile of sorted scores, between two of them as numpy's percentile. */
static double percentile(const struct scored *sorted, size_t n, double q)
{
    double at = (double)(n - 1) * (q / 100.0);
    size_t low = (size_t)floor(at);
    size_t high = low + 1 < n ? low + 1 : low;
    double t = at - (double)low;
    double a = sorted[low].score;
    double b = sorted[high].score;
    return t >= 0.5 ? b - (b - a) * (1.0 - t) : a + (b - a) * t;
}

/* --- by scores and p-values --- */

enum mode { MODE_K_BEST, MODE_PERCENTILE, MODE_FPR, MODE_FDR, MODE_FWE };

static enum weir_status k_best(struct weir_format_sklearn *s, const struct weir_value_at *param,
                               const struct weir_value_f64s *scores, bool *mask,
                               struct weir_error *err)
{
    size_t n = scores->shape.n;
    int64_t k = (int64_t)n;
    if (!weir_value_is_text(param->v, "all")) {
        enum weir_status status = weir_value_i64_in(param, 0, INT64_MAX, &k, err);
        if (status != WEIR_OK)
            return status;
    }
    struct scored *sorted = sort_scores(s, scores->at, n);
    if (!sorted)
        return no_memory(err);
    for (size_t i = 0; i < n && (int64_t)i < k; i++)
        mask[sorted[n - 1 - i].column] = true;
    return WEIR_OK;
}

static enum weir_status best_percent(struct weir_format_sklearn *s,
                                     const struct weir_value_at *param,
                                     const struct weir_value_f64s *scores, bool *mask,
                                     struct weir_error *err)
{
    size_t n = scores->shape.n;
    double percent = 0.0;
    enum weir_status status = weir_value_f64(param, &percent, err);
    if (status != WEIR_OK)
        return status;
    if (!(percent >= 0.0 && percent <= 100.0))
        return weir_value_fail(param, WEIR_ERR_INVALID, err, "is not a percentage");
    struct scored *sorted = sort_scores(s, scores->at, n);
    if (!sorted)
        return no_memory(err);
    if (percent == 0.0)
        return WEIR_OK;
    double threshold = percentile(sorted, n, 100.0 - percent);
    int64_t left = (int64_t)((double)n * percent / 100.0);
    for (size_t j = 0; j < n; j++) {
        mask[j] = percent == 100.0 || scores->at[j] > threshold;
        left -= mask[j];
    }
    /* Python's slice [:left] takes all but the last where left is negative; it never is: those
     * above the threshold are fewer than the share. */
    for (size_t j = 0; j < n && left > 0; j++)
        if (!mask[j] && scores->at[j] == threshold) {
            mask[j] = true;
            left--;
        }
    return WEIR_OK;
}

/* Marks the columns whose p-values are small enough. */
static enum weir_status by_p(struct weir_format_sklearn *s, const struct weir_value_at *at,
                             enum mode mode, const struct weir_value_at *param, size_t n,
                             bool *mask, struct weir_error *err)
{
    struct weir_value_f64s p;
    double alpha = 0.0;
    enum weir_status status = weir_value_f64(param, &alpha, err);
    if (status == WEIR_OK)
        status = read_scores(s, at, "pvalues_", &p, err);
    if (status != WEIR_OK)
        return status;
    if (p.shape.n != n)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%zu p-values for %zu scores", p.shape.n,
                               n);
    double most = alpha;
    if (mode == MODE_FWE)
        most = alpha / (double)n;
    if (mode == MODE_FDR) { /* Benjamini and Hochberg 1995 */
        most = -1.0;
        for (size_t j = 0; j < n; j++)
            p.at[j] = isnan(p.at[j]) ? (double)INFINITY : p.at[j];
        struct scored *sorted = sort_scores(s, p.at, n);
        if (!sorted)
            return no_memory(err);
        for (size_t i = 0; i < n; i++)
            if (sorted[i].score <= alpha / (double)n * (double)(i + 1))
                most = sorted[i].score;
    }
    for (size_t j = 0; j < n; j++)
        mask[j] = mode == MODE_FDR ? p.at[j] <= most : p.at[j] < most;
    return WEIR_OK;
}

/* Tells the mode of a selector and where its parameter is. */
static enum weir_status read_mode(const struct weir_value_at *at, enum mode *mode,
                                  struct weir_value_at *param, struct weir_error *err)
{
    static const struct {
        const char *cls;
        const char *generic;
        const char *param;
        enum mode mode;
    } modes[] = {{"SelectKBest", "k_best", "k", MODE_K_BEST},
                 {"SelectPercentile", "percentile", "percentile", MODE_PERCENTILE},
                 {"SelectFpr", "fpr", "alpha", MODE_FPR},
                 {"SelectFdr", "fdr", "alpha", MODE_FDR},
                 {"SelectFwe", "fwe", "alpha", MODE_FWE}};
    struct weir_str name = at->v->object->cls;
    bool is_generic = weir_str_eq_c(name, "GenericUnivariateSelect");
    if (is_generic) {
        enum weir_status status = weir_value_attr_text(at, "mode", &name, err);
        if (status != WEIR_OK)
            return status;
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(modes); i++)
        if (weir_str_eq_c(name, is_generic ? modes[i].generic : modes[i].cls)) {
            *mode = modes[i].mode;
            return weir_value_attr(at, is_generic ? "param" : modes[i].param, param, err);
        }
    return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "mode is not one that is known");
}

enum weir_status weir_format_sklearn_select_univariate(struct weir_format_sklearn *s,
                                                       const struct weir_value_at *at,
                                                       const struct weir_model_node **out,
                                                       struct weir_error *err)
{
    struct weir_value_f64s scores;
    struct weir_value_at param;
    enum mode mode = MODE_K_BEST;
    enum weir_status status = read_mode(at, &mode, &param, err);
    if (status == WEIR_OK)
        status = read_scores(s, at, "scores_", &scores, err);
    if (status != WEIR_OK)
        return status;
    size_t n = scores.shape.n;
    for (size_t j = 0; j < n; j++)
        scores.at[j] = isnan(scores.at[j]) ? -DBL_MAX : scores.at[j];
    bool *mask = weir_arena_zarray(s->temp, n, sizeof *mask);
    if (!mask)
        return no_memory(err);
    if (mode == MODE_K_BEST)
        status = k_best(s, &param, &scores, mask, err);
    else if (mode == MODE_PERCENTILE)
        status = best_percent(s, &param, &scores, mask, err);
    else
        status = by_p(s, at, mode, &param, n, mask, err);
    return status == WEIR_OK ? make(s, at, mask, n, false, out, err) : status;
}

/* --- by variance, or by a stored mask --- */

enum weir_status weir_format_sklearn_select_variance(struct weir_format_sklearn *s,
                                                     const struct weir_value_at *at,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err)
{
    struct weir_value_f64s variances;
    double threshold;
    enum weir_status status = read_scores(s, at, "variances_", &variances, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64_or(at, "threshold", 0.0, &threshold, err);
    if (status != WEIR_OK)
        return status;
    bool *mask = weir_arena_zarray(s->temp, variances.shape.n, sizeof *mask);
    if (!mask)
        return no_memory(err);
    for (size_t j = 0; j < variances.shape.n; j++)
        mask[j] = variances.at[j] > threshold;
    return make(s, at, mask, variances.shape.n, true, out, err);
}

/* Finds whether the library lets NaN pass a selector that was made with this estimator: by the tags
 * of the estimators that take NaN; false where that is not sure. */
static bool takes_nan(const struct weir_format_sklearn *s, const struct weir_value_at *estimator)
{
    if (!estimator->v || estimator->v->kind != WEIR_VALUE_OBJECT)
        return false;
    struct weir_str cls = estimator->v->object->cls;
    const struct weir_value *splitter = weir_value_find(estimator->v, "splitter");
    if (weir_str_starts(cls, WEIR_STR("HistGradientBoosting")))
        return true;
    if (weir_str_starts(cls, WEIR_STR("DecisionTree")))
        return s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 3) && splitter &&
               weir_value_is_text(splitter, "best");
    if (weir_str_starts(cls, WEIR_STR("RandomForest")))
        return s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 4);
    if (weir_str_starts(cls, WEIR_STR("ExtraTree")))
        return s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 6);
    return weir_str_starts(cls, WEIR_STR("XGB")) || weir_str_starts(cls, WEIR_STR("LGBM"));
}

enum weir_status weir_format_sklearn_select_support(struct weir_format_sklearn *s,
                                                    const struct weir_value_at *at,
                                                    const struct weir_model_node **out,
                                                    struct weir_error *err)
{
    struct weir_value_f64s support;
    struct weir_value_at estimator;
    enum weir_status status = read_scores(s, at, "support_", &support, err);
    if (status == WEIR_OK)
        status = weir_value_attr_opt(at, "estimator", &estimator, err);
    if (status != WEIR_OK)
        return status;
    bool *mask = weir_arena_zarray(s->temp, support.shape.n, sizeof *mask);
    if (!mask)
        return no_memory(err);
    for (size_t j = 0; j < support.shape.n; j++)
        mask[j] = support.at[j] != 0.0;
    return make(s, at, mask, support.shape.n, takes_nan(s, &estimator), out, err);
}

/* RFE and RFECV predict, too, by the estimator that was fitted on the columns they keep. */
enum weir_status weir_format_sklearn_select_eliminate(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    const struct weir_model_node *nodes[2] = {NULL, NULL};
    const struct weir_model_node *predictor = NULL;
    struct weir_value_at estimator;
    enum weir_status status = weir_format_sklearn_select_support(s, at, &nodes[0], err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "estimator_", &estimator, err);
    if (status != WEIR_OK)
        return status;
    bool keeps_columns = s->keeps_columns;
    uint32_t n_in = s->n_in;
    s->keeps_columns = keeps_columns && nodes[0]->keeps_columns;
    s->n_in = nodes[0]->n_out[WEIR_OUTPUT_TRANSFORM];
    weir_buf_append_byte(s->text, '(');
    status = weir_format_sklearn_node(s, &estimator, &nodes[1], err);
    weir_buf_append_byte(s->text, ')');
    s->keeps_columns = keeps_columns;
    s->n_in = n_in;
    if (status != WEIR_OK)
        return status;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_chain_new(s->b, nodes, 2, &predictor, &reason);
    if (status == WEIR_OK)
        status = weir_model_tee_new(s->b, nodes[0], predictor, out, &reason);
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

/* --- by the importances of an estimator --- */

/* Reads "1.25*mean", "median" and their like. */
static enum weir_status text_threshold(struct weir_format_sklearn *s,
                                       const struct weir_value_at *at, struct weir_str text,
                                       const double *scores, size_t n, double *out,
                                       struct weir_error *err)
{
    struct weir_str reference = text;
    struct weir_str first = weir_str_split(&reference, '*');
    double scale = 1.0;
    if (reference.at) {
        char number[64];
        first = weir_str_trim(first);
        if (first.n == 0 || first.n >= sizeof number)
            return weir_value_fail(at, WEIR_ERR_INVALID, err, "is not a threshold");
        memcpy(number, first.at, first.n);
        number[first.n] = '\0';
        char *end;
        scale = strtod(number, &end);
        if (*end != '\0' || !isfinite(scale))
            return weir_value_fail(at, WEIR_ERR_INVALID, err, "is not a threshold");
        first = weir_str_trim(reference);
    }
    struct scored *sorted = sort_scores(s, scores, n);
    if (!sorted)
        return no_memory(err);
    if (weir_str_eq_c(first, "mean"))
        *out = scale * (weir_model_head_sum(scores, n, false) / (double)n);
    else if (weir_str_eq_c(first, "median"))
        *out = scale * (n % 2 ? sorted[n / 2].score
                              : (sorted[n / 2 - 1].score + sorted[n / 2].score) * 0.5);
    else
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "is not a threshold that is known");
    return WEIR_OK;
}

static bool is_one(const struct weir_value_at *estimator, const char *name)
{
    double ratio;
    return weir_value_attr_f64_or(estimator, name, 0.0, &ratio, NULL) == WEIR_OK &&
           fabs(ratio - 1.0) <= 1e-8 + 1e-5;
}

/* Finds whether the importances come from a fit that pushes them to 0. */
static bool is_l1(const struct weir_format_sklearn *s, const struct weir_value_at *estimator)
{
    const struct weir_value *penalty = weir_value_find(estimator->v, "penalty");
    struct weir_str cls = estimator->v->object->cls;
    if (penalty && weir_value_is_text(penalty, "l1"))
        return true;
    if (cls.n >= 5 && memmem(cls.at, cls.n, "Lasso", 5))
        return true;
    if (memmem(cls.at, cls.n, "ElasticNet", 10))
        return is_one(estimator, "l1_ratio_") || is_one(estimator, "l1_ratio");
    return s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 8) &&
           ((weir_str_eq_c(cls, "LogisticRegression") && is_one(estimator, "l1_ratio")) ||
            (weir_str_eq_c(cls, "LogisticRegressionCV") && is_one(estimator, "l1_ratio_")));
}

static enum weir_status read_threshold(struct weir_format_sklearn *s,
                                       const struct weir_value_at *at,
                                       const struct weir_value_at *estimator, const double *scores,
                                       size_t n, double *out, struct weir_error *err)
{
    struct weir_value_at place;
    struct weir_str text = WEIR_STR("mean");
    enum weir_status status = weir_value_attr_opt(at, "threshold", &place, err);
    if (status != WEIR_OK)
        return status;
    if (!place.v && is_l1(s, estimator)) {
        *out = 1e-5;
        return WEIR_OK;
    }
    if (place.v && place.v->kind != WEIR_VALUE_TEXT)
        return weir_value_f64(&place, out, err);
    if (place.v)
        status = weir_value_text(&place, &text, err);
    return status == WEIR_OK ? text_threshold(s, place.v ? &place : at, text, scores, n, out, err)
                             : status;
}

/* Finds the estimator whose importances count: the fitted copy, or with prefit the one given. */
static enum weir_status find_estimator(const struct weir_value_at *at, struct weir_value_at *out,
                                       struct weir_error *err)
{
    struct weir_value_at getter;
    enum weir_status status = weir_value_attr_opt(at, "importance_getter", &getter, err);
    if (status == WEIR_OK && getter.v && !weir_value_is_text(getter.v, "auto"))
        status = weir_value_fail(&getter, WEIR_ERR_UNSUPPORTED, err,
                                 "other getters than \"auto\" are not supported");
    if (status == WEIR_OK)
        status = weir_value_attr_opt(at, "estimator_", out, err);
    if (status == WEIR_OK && !out->v)
        status = weir_value_attr(at, "estimator", out, err);
    const struct weir_value_object *object;
    return status == WEIR_OK ? weir_value_object(out, &object, err) : status;
}

enum weir_status weir_format_sklearn_select_from_model(struct weir_format_sklearn *s,
                                                       const struct weir_value_at *at,
                                                       const struct weir_model_node **out,
                                                       struct weir_error *err)
{
    struct weir_value_at estimator, place;
    double *scores = NULL;
    size_t n = 0;
    double threshold = 0.0;
    double order = 1.0;
    enum weir_status status = find_estimator(at, &estimator, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64_or(at, "norm_order", 1.0, &order, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_select_importances(s, &estimator, order, &scores, &n, err);
    if (status == WEIR_OK)
        status = read_threshold(s, at, &estimator, scores, n, &threshold, err);
    if (status == WEIR_OK)
        status = weir_value_attr_opt(at, "max_features_", &place, err);
    if (status == WEIR_OK && !place.v)
        status = weir_value_attr_opt(at, "max_features", &place, err);
    int64_t most = (int64_t)n;
    if (status == WEIR_OK && place.v)
        status = weir_value_i64_in(&place, 0, INT64_MAX, &most, err);
    if (status != WEIR_OK)
        return status;
    bool *mask = weir_arena_zarray(s->temp, n, sizeof *mask);
    double *falling = weir_arena_array(s->temp, n, sizeof *falling);
    for (size_t j = 0; falling && j < n; j++)
        falling[j] = -scores[j];
    struct scored *sorted = falling ? sort_scores(s, falling, n) : NULL;
    if (!mask || !sorted)
        return no_memory(err);
    for (size_t i = 0; i < n && (int64_t)i < most; i++)
        mask[sorted[i].column] = !(scores[sorted[i].column] < threshold);
    return make(s, at, mask, n, takes_nan(s, &estimator), out, err);
}

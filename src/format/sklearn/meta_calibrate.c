/* SPDX-License-Identifier: MIT */
/* sklearn.calibration, and classifiers with another threshold. */
#include "format/sklearn/meta.h"

#include <math.h>

/* --- curves --- */

static double *copy_to_model(struct weir_format_sklearn *s, const double *from, size_t n)
{
    return weir_model_builder_doubles(s->b, from, n);
}

/* Steps to the points of an IsotonicRegression, which had other names before 0.24. */
static enum weir_status isotonic_points(const struct weir_value_at *at, const char *name,
                                        const char *old, struct weir_value_at *out,
                                        struct weir_error *err)
{
    enum weir_status status = weir_value_attr_opt(at, name, out, err);
    if (status == WEIR_OK && !out->v)
        status = weir_value_attr(at, old, out, err);
    return status;
}

static enum weir_status read_isotonic(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                      struct weir_model_combine_curve *out, struct weir_error *err)
{
    struct weir_value_at xs, ys;
    struct weir_value_f64s x, y;
    *out = (struct weir_model_combine_curve){.kind = WEIR_MODEL_COMBINE_CURVE_ISOTONIC};
    enum weir_status status = isotonic_points(at, "X_thresholds_", "_necessary_X_", &xs, err);
    if (status == WEIR_OK)
        status = isotonic_points(at, "y_thresholds_", "_necessary_y_", &ys, err);
    if (status == WEIR_OK)
        status = weir_value_f64s(&xs, s->temp, &x, err);
    if (status == WEIR_OK)
        status = weir_value_f64s(&ys, s->temp, &y, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64(at, "X_min_", &out->x_min, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64(at, "X_max_", &out->x_max, err);
    if (status != WEIR_OK)
        return status;
    if (x.shape.n_dims != 1 || x.shape.n == 0 || y.shape.n != x.shape.n)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "its points do not fit together");
    for (size_t i = 0; i < x.shape.n; i++)
        if (!isfinite(x.at[i]) || !isfinite(y.at[i]) || (i > 0 && !(x.at[i] > x.at[i - 1])))
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err,
                                   "point %zu is not after the one before", i);
    if (!(out->x_min >= x.at[0]) || !(out->x_max <= x.at[x.shape.n - 1]) ||
        !(out->x_min <= out->x_max))
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "X_min_ or X_max_ is beyond its points");
    out->n = x.shape.n;
    out->x = copy_to_model(s, x.at, x.shape.n);
    out->y = copy_to_model(s, y.at, x.shape.n);
    out->is_f32 = weir_format_sklearn_build_is_f32(xs.v);
    return out->x && out->y ? WEIR_OK : weir_model_builder_no_memory(s->b, err);
}

static enum weir_status read_curve(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   struct weir_model_combine_curve *out, struct weir_error *err)
{
    if (weir_value_is_object(at->v, "IsotonicRegression"))
        return read_isotonic(s, at, out, err);
    if (!weir_value_is_object(at->v, "_SigmoidCalibration"))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "calibrator is not known");
    *out = (struct weir_model_combine_curve){.kind = WEIR_MODEL_COMBINE_CURVE_SIGMOID};
    enum weir_status status = weir_value_attr_f64(at, "a_", &out->a, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64(at, "b_", &out->b, err);
    if (status == WEIR_OK && (!isfinite(out->a) || !isfinite(out->b)))
        status = weir_value_fail(at, WEIR_ERR_CORRUPT, err, "a_ or b_ is not finite");
    return status;
}

/* --- CalibratedClassifierCV --- */

/* Steps to the first of two names of an attribute. */
static enum weir_status either(const struct weir_value_at *at, const char *name, const char *old,
                               struct weir_value_at *out, struct weir_error *err)
{
    enum weir_status status = weir_value_attr_opt(at, name, out, err);
    if (status == WEIR_OK && (!out->v || weir_value_is_text(out->v, "deprecated")))
        status = weir_value_attr(at, old, out, err);
    return status;
}

/* Which class each curve is about: the classes of the part, in order; of two classes the second.
 * Parts that saw only two of several classes gave both columns before 1.4, one since. */
static enum weir_status read_curves(struct weir_format_sklearn *s, const struct weir_value_at *list,
                                    const struct weir_model_node *part,
                                    const struct weir_labels *classes,
                                    struct weir_model_combine_calibrator *out,
                                    struct weir_error *err)
{
    const uint32_t *map;
    size_t n;
    enum weir_status status =
        weir_format_sklearn_meta_class_map(s, list, part, classes, false, &map, err);
    if (status == WEIR_OK)
        status = weir_value_list(list, &n, err);
    if (status != WEIR_OK)
        return status;
    size_t n_theirs = part->targets[0].n;
    bool is_pair =
        classes->n == 2 || (n_theirs == 2 && s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 4));
    if (out->output == WEIR_OUTPUT_PREDICT_PROBA)
        out->skip = is_pair;
    struct weir_model_combine_curve *curves = weir_arena_zarray(s->b->arena, n, sizeof *curves);
    if (!curves)
        return weir_model_builder_no_memory(s->b, err);
    for (size_t i = 0; i < n; i++) {
        struct weir_value_at item;
        status = weir_value_item(list, i, &item, err);
        if (status == WEIR_OK)
            status = read_curve(s, &item, &curves[i], err);
        if (status != WEIR_OK)
            return status;
        size_t k = i < n_theirs && map ? map[i] : i;
        k += classes->n == 2;
        if (i >= n_theirs || k >= classes->n)
            return weir_value_fail(list, WEIR_ERR_CORRUPT, err, "more calibrators than classes");
        curves[i].cls = (uint32_t)k;
    }
    out->curves = curves;
    out->n_curves = n;
    return WEIR_OK;
}

static enum weir_status
read_calibrators(struct weir_format_sklearn *s, const struct weir_value_at *at,
                 const struct weir_model_node *part, const struct weir_labels *classes,
                 struct weir_model_combine_calibrator *out, struct weir_error *err)
{
    struct weir_value_at list, first;
    bool decides = part->n_out[WEIR_OUTPUT_DECISION_FUNCTION] > 0;
    *out = (struct weir_model_combine_calibrator){.output = decides ? WEIR_OUTPUT_DECISION_FUNCTION
                                                                    : WEIR_OUTPUT_PREDICT_PROBA};
    if (!decides && part->n_out[WEIR_OUTPUT_PREDICT_PROBA] == 0)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "its estimator gives no scores");
    enum weir_status status = either(at, "calibrators", "calibrators_", &list, err);
    if (status == WEIR_OK)
        status = weir_value_item(&list, 0, &first, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_value_is_object(first.v, "_TemperatureScaling"))
        return read_curves(s, &list, part, classes, out, err);
    const uint32_t *map;
    status = weir_format_sklearn_meta_class_map(s, at, part, classes, false, &map, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64(&first, "beta_", &out->beta, err);
    if (status == WEIR_OK && (map || !isfinite(out->beta)))
        status = weir_value_fail(&first, WEIR_ERR_CORRUPT, err,
                                 "beta_ is not finite, or its estimator has other classes");
    out->is_temperature = true;
    return status;
}

enum weir_status weir_format_sklearn_meta_calibrated(struct weir_format_sklearn *s,
                                                     const struct weir_value_at *at,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err)
{
    struct weir_value_at list;
    struct weir_labels *classes;
    size_t n;
    enum weir_status status =
        weir_format_sklearn_build_classes(s, at, "classes_", 0, &classes, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "calibrated_classifiers_", &list, err);
    if (status == WEIR_OK)
        status = weir_value_list(&list, &n, err);
    if (status != WEIR_OK)
        return status;
    if (n == 0)
        return weir_value_fail(&list, WEIR_ERR_INVALID, err, "there are no estimators");
    struct weir_model_combine_calibrate_opts opts = {.calibrators = NULL};
    struct weir_format_sklearn_meta_parts parts = {
        .at = weir_arena_zarray(s->temp, n, sizeof *parts.at), .n = n};
    struct weir_model_combine_calibrator *calibrators =
        weir_arena_zarray(s->temp, n, sizeof *calibrators);
    if (!parts.at || !calibrators)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf unseen = WEIR_BUF_INIT;
    struct weir_buf *text = s->text;
    for (size_t i = 0; status == WEIR_OK && i < n; i++) {
        struct weir_value_at item, inner;
        status = weir_value_item(&list, i, &item, err);
        if (status == WEIR_OK)
            status = either(&item, "estimator", "base_estimator", &inner, err);
        if (status == WEIR_OK)
            status = weir_format_sklearn_meta_part(s, &inner, true, &parts.at[i].node, err);
        if (status == WEIR_OK)
            status = read_calibrators(s, &item, parts.at[i].node, classes, &calibrators[i], err);
        s->text = &unseen;
        weir_buf_clear(&unseen);
    }
    s->text = text;
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_opts(s, at, &parts, &opts.base, err);
    if (status != WEIR_OK)
        return status;
    opts.calibrators = calibrators;
    opts.base.targets = classes;
    opts.base.n_targets = 1;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_combine_calibrate_new(s->b, &opts, out, &reason);
    return weir_format_sklearn_meta_fail(at, status, &reason, err);
}

/* --- thresholds --- */

/* Finds the class whose label a value is; n: none. */
static size_t find_label(const struct weir_value_at *at, const struct weir_labels *classes)
{
    struct weir_str text;
    double number;
    bool is_text = at->v->kind == WEIR_VALUE_TEXT && weir_value_text(at, &text, NULL) == WEIR_OK;
    bool is_number = !is_text && weir_value_f64(at, &number, NULL) == WEIR_OK;
    size_t k = 0;
    for (; k < classes->n; k++) {
        if (classes->dtype == WEIR_BYTES) {
            if (is_text && weir_str_eq(text, classes->text[k]))
                break;
        } else if (is_number && number == (classes->dtype == WEIR_F64 ? classes->f64[k]
                                                                      : (double)classes->i64[k])) {
            break;
        }
    }
    return k;
}

/* Decides which class a threshold is about. place: where its label is given; v NULL: the second. */
static enum weir_status read_positive(const struct weir_value_at *place,
                                      const struct weir_labels *classes, uint32_t *out,
                                      struct weir_error *err)
{
    *out = 1;
    if (!place->v || weir_value_is_none(place->v))
        return WEIR_OK;
    size_t k = find_label(place, classes);
    if (k >= classes->n)
        return weir_value_fail(place, WEIR_ERR_CORRUPT, err, "pos_label is none of the classes");
    *out = (uint32_t)k;
    return WEIR_OK;
}

/* Some of the scorers that a threshold was tuned by ask about the label 1 unless told otherwise,
 * others about the second class. Where that is not the same, the scorer must be a known one. */
static enum weir_status tuned_positive(const struct weir_value_at *at,
                                       const struct weir_labels *classes, uint32_t *out,
                                       struct weir_error *err)
{
    static const char *const about_one[] = {"f1_score",     "precision_score",
                                            "recall_score", "jaccard_score",
                                            "fbeta_score",  "precision_recall_fscore_support"};
    static const char *const about_second[] = {"balanced_accuracy_score", "accuracy_score",
                                               "matthews_corrcoef", "cohen_kappa_score"};
    struct weir_value_at scorer, kwargs, label = {.v = NULL}, function;
    enum weir_status status = weir_value_attr(at, "_curve_scorer", &scorer, err);
    if (status == WEIR_OK)
        status = weir_value_attr(&scorer, "_kwargs", &kwargs, err);
    if (status != WEIR_OK)
        return status;
    if (weir_value_find_key(kwargs.v, "pos_label")) {
        status = weir_value_key(&kwargs, "pos_label", &label, err);
        return status == WEIR_OK ? read_positive(&label, classes, out, err) : status;
    }
    *out = 1;
    double first = classes->dtype == WEIR_F64     ? classes->f64[0]
                   : classes->dtype == WEIR_BYTES ? 0.0
                                                  : (double)classes->i64[0];
    if (first != 1.0)
        return WEIR_OK;
    status = weir_value_attr(&scorer, "_score_func", &function, err);
    if (status != WEIR_OK)
        return status;
    struct weir_str name = function.v->kind == WEIR_VALUE_GLOBAL ? function.v->text : WEIR_STR("");
    for (struct weir_str rest = name; rest.at;)
        name = weir_str_split(&rest, '.');
    for (size_t i = 0; i < WEIR_ARRAY_LEN(about_one); i++)
        if (weir_str_eq_c(name, about_one[i])) {
            *out = 0;
            return WEIR_OK;
        }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(about_second); i++)
        if (weir_str_eq_c(name, about_second[i]))
            return WEIR_OK;
    return weir_value_fail(&scorer, WEIR_ERR_UNSUPPORTED, err,
                           "which class is the positive one is not told");
}

/* Decides which output the threshold is compared with. */
static enum weir_status read_response(const struct weir_value_at *at,
                                      const struct weir_model_node *part, enum weir_output *out,
                                      struct weir_error *err)
{
    struct weir_str method;
    enum weir_status status =
        weir_value_attr_text_or(at, "response_method", WEIR_STR("auto"), &method, err);
    if (status != WEIR_OK)
        return status;
    bool has_proba = part->n_out[WEIR_OUTPUT_PREDICT_PROBA] > 0;
    if (weir_str_eq_c(method, "auto"))
        *out = has_proba ? WEIR_OUTPUT_PREDICT_PROBA : WEIR_OUTPUT_DECISION_FUNCTION;
    else if (weir_str_eq_c(method, "predict_proba"))
        *out = WEIR_OUTPUT_PREDICT_PROBA;
    else if (weir_str_eq_c(method, "decision_function"))
        *out = WEIR_OUTPUT_DECISION_FUNCTION;
    else
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "response_method is not known");
    return WEIR_OK;
}

static enum weir_status read_threshold(const struct weir_value_at *at, bool is_tuned,
                                       enum weir_output output, double *out, struct weir_error *err)
{
    struct weir_value_at place;
    enum weir_status status =
        weir_value_attr(at, is_tuned ? "best_threshold_" : "threshold", &place, err);
    if (status != WEIR_OK)
        return status;
    if (!is_tuned && weir_value_is_text(place.v, "auto")) {
        *out = output == WEIR_OUTPUT_PREDICT_PROBA ? 0.5 : 0.0;
        return WEIR_OK;
    }
    status = weir_value_f64(&place, out, err);
    if (status == WEIR_OK && isnan(*out))
        status = weir_value_fail(&place, WEIR_ERR_CORRUPT, err, "it is NaN");
    return status;
}

enum weir_status weir_format_sklearn_meta_threshold(struct weir_format_sklearn *s,
                                                    const struct weir_value_at *at,
                                                    const struct weir_model_node **out,
                                                    struct weir_error *err)
{
    struct weir_value_at inner, label;
    struct weir_model_combine_member member = {.node = NULL};
    struct weir_model_combine_threshold_opts opts = {.positive = 1};
    bool is_tuned = weir_str_eq_c(at->v->object->cls, "TunedThresholdClassifierCV");
    enum weir_status status = weir_value_attr_opt(at, "estimator_", &inner, err);
    if (status == WEIR_OK && !inner.v)
        status = weir_value_attr(at, "estimator", &inner, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_part(s, &inner, true, &member.node, err);
    if (status != WEIR_OK)
        return status;
    if (member.node->n_targets != 1 || !member.node->predicts_labels)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "its estimator is no classifier");
    const struct weir_labels *classes = &member.node->targets[0];
    status = read_response(at, member.node, &opts.output, err);
    if (status == WEIR_OK)
        status = read_threshold(at, is_tuned, opts.output, &opts.threshold, err);
    if (status == WEIR_OK && is_tuned)
        status = tuned_positive(at, classes, &opts.positive, err);
    else if (status == WEIR_OK)
        status = weir_value_attr_opt(at, "pos_label", &label, err);
    if (status == WEIR_OK && !is_tuned)
        status = read_positive(&label, classes, &opts.positive, err);
    struct weir_format_sklearn_meta_parts parts = {.at = &member, .n = 1};
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_opts(s, at, &parts, &opts.base, err);
    if (status != WEIR_OK)
        return status;
    if (classes->n != 2)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%zu classes, not 2", classes->n);
    opts.base.targets = classes;
    opts.base.n_targets = 1;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_combine_threshold_new(s->b, &opts, out, &reason);
    return weir_format_sklearn_meta_fail(at, status, &reason, err);
}

/* SPDX-License-Identifier: MIT */
/* DummyClassifier, DummyRegressor, IsotonicRegression. */
#include "format/sklearn/build.h"
#include "model/constant.h"
#include "model/curve.h"
#include "model/head.h"

#include <math.h>

static enum weir_status read_width(const struct weir_value_at *at, uint32_t *out,
                                   struct weir_error *err)
{
    size_t n = 0;
    enum weir_status status = weir_format_sklearn_build_n_features(at, &n, err);
    if (status == WEIR_OK && n == 0)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "does not say how many features it was fitted on");
    *out = (uint32_t)n;
    return status;
}

enum weir_status weir_format_sklearn_dummy_regressor(struct weir_format_sklearn *s,
                                                     const struct weir_value_at *at,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err)
{
    struct weir_format_sklearn_matrix m;
    uint32_t n_in = 0;
    int64_t n_outputs = 1;
    enum weir_status status = weir_format_sklearn_build_matrix(s, at, "constant_", &m, err);
    if (status == WEIR_OK)
        status = read_width(at, &n_in, err);
    if (status == WEIR_OK)
        status = weir_value_attr_i64_or(at, "n_outputs_", 1, &n_outputs, err);
    if (status != WEIR_OK)
        return status;
    if (m.n_rows != 1 || n_outputs < 1 || (uint64_t)n_outputs != m.n_columns)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "constant_ is not for %lld targets",
                               (long long)n_outputs);
    struct weir_model_constant_opts opts = {
        .name = at->v->object->cls,
        .n_in = n_in,
        .n_targets = (uint32_t)m.n_columns,
        .numbers = m.at,
        .is_vector = m.n_columns == 1,
        .targets = weir_format_sklearn_build_targets(s, m.n_columns, err),
    };
    if (!opts.targets)
        return weir_model_builder_no_memory(s->b, err);
    return weir_model_constant_new(s->b, &opts, out, err);
}

/* Finds the class that a DummyClassifier with a constant answers. */
static enum weir_status find_constant(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                      const struct weir_labels *labels, size_t *out,
                                      struct weir_error *err)
{
    struct weir_value_at place;
    struct weir_value one;
    enum weir_status status = weir_value_attr(at, "constant", &place, err);
    if (status != WEIR_OK)
        return status;
    if (place.v->kind == WEIR_VALUE_ARRAY || place.v->kind == WEIR_VALUE_LIST) {
        status = weir_value_element(&place, 0, s->temp, &one, err);
        if (status != WEIR_OK)
            return status;
        place.v = &one;
    }
    for (size_t i = 0; i < labels->n; i++) {
        double number = 0.0;
        bool is_it =
            labels->dtype == WEIR_BYTES
                ? place.v->kind == WEIR_VALUE_TEXT && weir_str_eq(place.v->text, labels->text[i])
                : weir_value_f64(&place, &number, NULL) == WEIR_OK &&
                      number ==
                          (labels->dtype == WEIR_F64 ? labels->f64[i] : (double)labels->i64[i]);
        if (is_it) {
            *out = i;
            return WEIR_OK;
        }
    }
    return weir_value_fail(&place, WEIR_ERR_CORRUPT, err, "is none of the classes");
}

enum weir_status weir_format_sklearn_dummy_classifier(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    struct weir_labels *labels = NULL;
    struct weir_str strategy;
    double *prior = NULL;
    uint32_t n_in = 0;
    int64_t n_outputs = 1;
    const char *name = weir_value_find(at->v, "_strategy") ? "_strategy" : "strategy";
    enum weir_status status = weir_value_attr_i64_or(at, "n_outputs_", 1, &n_outputs, err);
    if (status == WEIR_OK && n_outputs != 1)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "several targets are not supported");
    if (status == WEIR_OK)
        status = weir_value_attr_text(at, name, &strategy, err);
    if (status == WEIR_OK)
        status = read_width(at, &n_in, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_classes(s, at, "classes_", 0, &labels, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, at, "class_prior_", labels->n, &prior, err);
    if (status != WEIR_OK)
        return status;
    size_t best = weir_model_head_argmax(prior, labels->n);
    bool is_constant = weir_str_eq_c(strategy, "constant");
    if (is_constant)
        status = find_constant(s, at, labels, &best, err);
    else if (!weir_str_eq_c(strategy, "prior") && !weir_str_eq_c(strategy, "most_frequent"))
        status = weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                                 "strategy draws at random, which is not supported");
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; !weir_str_eq_c(strategy, "prior") && i < labels->n; i++)
        prior[i] = i == best;
    struct weir_model_constant_opts opts = {.name = at->v->object->cls,
                                            .n_in = n_in,
                                            .is_classifier = true,
                                            .n_targets = 1,
                                            .classes = (int32_t[]){(int32_t)best},
                                            .proba = prior,
                                            .n_proba = (uint32_t)labels->n,
                                            .is_vector = true,
                                            .targets = labels};
    return weir_model_constant_new(s->b, &opts, out, err);
}

/* --- IsotonicRegression --- */

enum weir_status weir_format_sklearn_dummy_isotonic(struct weir_format_sklearn *s,
                                                    const struct weir_value_at *at,
                                                    const struct weir_model_node **out,
                                                    struct weir_error *err)
{
    /* _necessary_X_ until 0.23. */
    bool is_old = !weir_value_find(at->v, "X_thresholds_");
    struct weir_format_sklearn_matrix x, y;
    struct weir_str outside;
    struct weir_model_curve_opts opts = {.name = at->v->object->cls,
                                         .keeps_columns = s->keeps_columns};
    enum weir_status status = weir_format_sklearn_build_matrix(
        s, at, is_old ? "_necessary_X_" : "X_thresholds_", &x, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_matrix(s, at, is_old ? "_necessary_y_" : "y_thresholds_",
                                                  &y, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(at, "out_of_bounds", WEIR_STR("nan"), &outside, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64(at, "X_min_", &opts.min, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64(at, "X_max_", &opts.max, err);
    if (status != WEIR_OK)
        return status;
    if (x.n_rows != 1 || y.n_rows != 1 || x.n_columns != y.n_columns)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%zu X_thresholds_ and %zu y_thresholds_",
                               x.n_columns, y.n_columns);
    for (size_t i = 1; i < x.n_columns; i++)
        if (!(x.at[i] > x.at[i - 1]))
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "X_thresholds_ do not grow");
    opts.clips = weir_str_eq_c(outside, "clip");
    if (!opts.clips && !weir_str_eq_c(outside, "nan"))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "out_of_bounds is neither \"nan\" nor \"clip\"");
    opts.n = x.n_columns;
    opts.x = x.at;
    opts.y = y.at;
    opts.is_f32 = x.is_f32;
    opts.targets = weir_format_sklearn_build_targets(s, 1, err);
    if (!opts.targets)
        return weir_model_builder_no_memory(s->b, err);
    return weir_model_curve_new(s->b, &opts, out, err);
}

/* SPDX-License-Identifier: MIT */
/* sklearn.ensemble._weight_boosting: AdaBoost. */
#include "format/sklearn/meta.h"

/* Finds whether the version that wrote the object is at least 1.3.1, where SAMME learnt to vote
 * against. */
static enum weir_status votes_against(const struct weir_format_sklearn *s,
                                      const struct weir_value_at *at, bool *out,
                                      struct weir_error *err)
{
    struct weir_str text;
    enum weir_status status =
        weir_value_attr_text_or(at, "_sklearn_version", WEIR_STR(""), &text, err);
    if (status != WEIR_OK)
        return status;
    *out = s->version > WEIR_FORMAT_SKLEARN_VERSION(1, 3) ||
           (s->version == WEIR_FORMAT_SKLEARN_VERSION(1, 3) &&
            !weir_str_starts(text, WEIR_STR("1.3.0")) && !weir_str_eq_c(text, "1.3") &&
            !weir_str_starts(text, WEIR_STR("1.3rc")));
    return WEIR_OK;
}

/* Makes the parts and reads their weights, of which there may be more than parts (zeros); the
 * library divides by the sum of all. */
static enum weir_status boost_parts(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct weir_format_sklearn_meta_parts *parts,
                                    struct weir_model_combine_opts *opts, double **weights,
                                    double *sum, struct weir_error *err)
{
    struct weir_value_at list;
    struct weir_value_f64s values;
    enum weir_status status = weir_value_attr(at, "estimators_", &list, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_parts(s, &list, parts, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_opts(s, at, parts, opts, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64s(at, "estimator_weights_", s->temp, &values, err);
    if (status != WEIR_OK)
        return status;
    if (values.shape.n_dims != 1 || values.shape.n < parts->n ||
        !weir_format_sklearn_build_is_finite(values.at, values.shape.n))
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err,
                               "estimator_weights_ are not %zu finite numbers", parts->n);
    opts->checks = true;
    *weights = values.at;
    *sum = weir_model_head_sum(values.at, values.shape.n, false);
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_meta_boost_classifier(struct weir_format_sklearn *s,
                                                           const struct weir_value_at *at,
                                                           const struct weir_model_node **out,
                                                           struct weir_error *err)
{
    struct weir_format_sklearn_meta_parts parts;
    struct weir_model_combine_boost_opts opts = {.is_real = false};
    struct weir_labels *classes;
    struct weir_str algorithm;
    double *weights;
    bool is_signed;
    enum weir_status status = boost_parts(s, at, &parts, &opts.base, &weights, &opts.divisor, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_classes(s, at, "classes_", 0, &classes, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(at, "algorithm", WEIR_STR("SAMME"), &algorithm, err);
    if (status == WEIR_OK)
        status = votes_against(s, at, &is_signed, err);
    for (size_t i = 0; status == WEIR_OK && i < parts.n; i++)
        status = weir_format_sklearn_meta_class_map(s, at, parts.at[i].node, classes, false,
                                                    &parts.at[i].classes, err);
    if (status != WEIR_OK)
        return status;
    opts.is_real = weir_str_eq_c(algorithm, "SAMME.R");
    if (!opts.is_real && !weir_str_eq_c(algorithm, "SAMME") &&
        !weir_str_eq_c(algorithm, "deprecated"))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "algorithm is not known");
    opts.miss = is_signed && classes->n > 1 ? -1.0 / (double)(classes->n - 1) : 0.0;
    opts.weights = weights;
    opts.base.targets = classes;
    opts.base.n_targets = 1;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_combine_boost_new(s->b, &opts, out, &reason);
    return weir_format_sklearn_meta_fail(at, status, &reason, err);
}

enum weir_status weir_format_sklearn_meta_boost_regressor(struct weir_format_sklearn *s,
                                                          const struct weir_value_at *at,
                                                          const struct weir_model_node **out,
                                                          struct weir_error *err)
{
    struct weir_format_sklearn_meta_parts parts;
    struct weir_model_combine_opts opts;
    double *weights;
    double sum;
    enum weir_status status = boost_parts(s, at, &parts, &opts, &weights, &sum, err);
    if (status != WEIR_OK)
        return status;
    opts.targets = weir_format_sklearn_build_targets(s, 1, err);
    opts.n_targets = 1;
    if (!opts.targets)
        return weir_model_builder_no_memory(s->b, err);
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_combine_median_new(s->b, &opts, weights, out, &reason);
    return weir_format_sklearn_meta_fail(at, status, &reason, err);
}

/* SPDX-License-Identifier: MIT */
/* sklearn.ensemble: Voting*, Stacking*, Bagging*. */
#include "format/sklearn/meta.h"

#include <string.h>

static enum weir_status no_memory(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
}

/* --- votes --- */

/* Reads the weights of the estimators that were not dropped; *out is NULL when there are none. */
static enum weir_status read_weights(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     size_t n_kept, double **out, struct weir_error *err)
{
    struct weir_value_at weights, estimators;
    size_t n;
    *out = NULL;
    enum weir_status status = weir_value_attr_opt(at, "weights", &weights, err);
    if (status != WEIR_OK || !weights.v)
        return status;
    struct weir_value_f64s values;
    status = weir_value_f64s(&weights, s->temp, &values, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "estimators", &estimators, err);
    if (status == WEIR_OK)
        status = weir_value_list(&estimators, &n, err);
    if (status != WEIR_OK)
        return status;
    if (values.shape.n_dims != 1 || values.shape.n != n ||
        !weir_format_sklearn_build_is_finite(values.at, n))
        return weir_value_fail(&weights, WEIR_ERR_INVALID, err, "expected %zu finite weights", n);
    size_t n_found = 0;
    for (size_t i = 0; i < n; i++) {
        struct weir_value_at pair, part;
        status = weir_value_item(&estimators, i, &pair, err);
        if (status == WEIR_OK)
            status = weir_value_item(&pair, 1, &part, err);
        if (status != WEIR_OK)
            return status;
        if (weir_value_is_text(part.v, "drop") || weir_value_is_none(part.v))
            continue;
        values.at[n_found++] = values.at[i];
    }
    if (n_found != n_kept)
        return weir_value_fail(&weights, WEIR_ERR_CORRUPT, err, "%zu weights for %zu estimators",
                               n_found, n_kept);
    *out = values.at;
    return WEIR_OK;
}

/* Returns the sum of weights, or the number of parts. */
static double divisor_of(const double *weights, size_t n)
{
    return weights ? weir_model_head_sum(weights, n, false) : (double)n;
}

static enum weir_status vote_parts(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   struct weir_format_sklearn_meta_parts *parts,
                                   struct weir_model_combine_opts *opts, double **weights,
                                   struct weir_error *err)
{
    struct weir_value_at list;
    enum weir_status status = weir_value_attr(at, "estimators_", &list, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_parts(s, &list, parts, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_opts(s, at, parts, opts, err);
    if (status == WEIR_OK)
        status = read_weights(s, at, parts->n, weights, err);
    return status;
}

enum weir_status weir_format_sklearn_meta_vote_classifier(struct weir_format_sklearn *s,
                                                          const struct weir_value_at *at,
                                                          const struct weir_model_node **out,
                                                          struct weir_error *err)
{
    struct weir_format_sklearn_meta_parts parts;
    struct weir_model_combine_mean_opts opts = {.is_classifier = true};
    struct weir_labels *classes;
    struct weir_str voting;
    bool is_flat;
    double *weights;
    enum weir_status status = vote_parts(s, at, &parts, &opts.base, &weights, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_classes(s, at, "classes_", 0, &classes, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(at, "voting", WEIR_STR("hard"), &voting, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "flatten_transform", true, &is_flat, err);
    for (size_t i = 0; status == WEIR_OK && i < parts.n; i++)
        status = weir_format_sklearn_meta_class_map(s, at, parts.at[i].node, classes, true,
                                                    &parts.at[i].classes, err);
    if (status != WEIR_OK)
        return status;
    opts.base.targets = classes;
    opts.base.n_targets = 1;
    struct weir_error reason = WEIR_ERROR_INIT;
    if (weir_str_eq_c(voting, "hard")) {
        status = weir_model_combine_vote_new(s->b, &opts.base, weights, out, &reason);
        return weir_format_sklearn_meta_fail(at, status, &reason, err);
    }
    if (!weir_str_eq_c(voting, "soft"))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "voting is neither hard nor soft");
    for (size_t i = 0; i < parts.n; i++)
        if (parts.at[i].classes)
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "part %zu has other classes", i);
    opts.weights = weights;
    opts.stays_f64 = weights != NULL;
    opts.divisor = divisor_of(weights, parts.n);
    opts.transforms = is_flat;
    status = weir_model_combine_mean_new(s->b, &opts, out, &reason);
    return weir_format_sklearn_meta_fail(at, status, &reason, err);
}

enum weir_status weir_format_sklearn_meta_vote_regressor(struct weir_format_sklearn *s,
                                                         const struct weir_value_at *at,
                                                         const struct weir_model_node **out,
                                                         struct weir_error *err)
{
    struct weir_format_sklearn_meta_parts parts;
    struct weir_model_combine_mean_opts opts = {.transforms = true};
    double *weights;
    enum weir_status status = vote_parts(s, at, &parts, &opts.base, &weights, err);
    if (status != WEIR_OK)
        return status;
    opts.weights = weights;
    opts.stays_f64 = weights != NULL;
    opts.divisor = divisor_of(weights, parts.n);
    for (size_t i = 0; i < parts.n; i++)
        if (parts.at[i].node->n_out[WEIR_OUTPUT_PREDICT] != 1)
            return weir_value_fail(at, WEIR_ERR_INVALID, err, "part %zu predicts several targets",
                                   i);
    opts.base.targets = weir_format_sklearn_build_targets(s, 1, err);
    opts.base.n_targets = 1;
    if (!opts.base.targets)
        return weir_model_builder_no_memory(s->b, err);
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_combine_mean_new(s->b, &opts, out, &reason);
    return weir_format_sklearn_meta_fail(at, status, &reason, err);
}

/* --- bagging --- */

/* Reads the columns that part i was given; NULL when they are all of them in order. */
static enum weir_status read_columns(struct weir_format_sklearn *s,
                                     const struct weir_value_at *lists, size_t i, size_t n_features,
                                     uint32_t n, const uint32_t **out, struct weir_error *err)
{
    struct weir_value_at item;
    struct weir_value_i64s values;
    *out = NULL;
    enum weir_status status = weir_value_item(lists, i, &item, err);
    if (status == WEIR_OK)
        status = weir_value_i64s(&item, s->temp, &values, err);
    if (status != WEIR_OK)
        return status;
    if (values.shape.n_dims != 1 || values.shape.n != n)
        return weir_value_fail(&item, WEIR_ERR_CORRUPT, err, "%zu columns for a part that takes %u",
                               values.shape.n, n);
    uint32_t *columns = weir_arena_array(s->b->arena, n, sizeof *columns);
    if (!columns)
        return weir_model_builder_no_memory(s->b, err);
    bool is_all = n == n_features;
    for (uint32_t k = 0; k < n; k++) {
        if (values.at[k] < 0 || (uint64_t)values.at[k] >= n_features)
            return weir_value_fail(&item, WEIR_ERR_CORRUPT, err, "column %lld is out of range",
                                   (long long)values.at[k]);
        columns[k] = (uint32_t)values.at[k];
        is_all = is_all && columns[k] == k;
    }
    *out = is_all ? NULL : columns;
    return WEIR_OK;
}

/* Reads what each part sees, after all parts were made. */
static enum weir_status all_columns(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    size_t n_features,
                                    const struct weir_format_sklearn_meta_parts *parts,
                                    struct weir_error *err)
{
    struct weir_value_at lists;
    size_t n;
    enum weir_status status = weir_value_attr(at, "estimators_features_", &lists, err);
    if (status == WEIR_OK)
        status = weir_value_list(&lists, &n, err);
    if (status == WEIR_OK && n != parts->n)
        status = weir_value_fail(&lists, WEIR_ERR_CORRUPT, err, "%zu lists for %zu estimators", n,
                                 parts->n);
    for (size_t i = 0; status == WEIR_OK && i < parts->n; i++)
        status = read_columns(s, &lists, i, n_features, parts->at[i].node->n_in,
                              &parts->at[i].columns, err);
    return status;
}

/* Finds whether all parts were given all columns, so that theirs are the model's. */
static bool sees_all(const struct weir_value_at *at)
{
    double share;
    bool bootstrap;
    struct weir_value_at place;
    if (weir_value_attr_opt(at, "max_features", &place, NULL) != WEIR_OK ||
        weir_value_attr_bool_or(at, "bootstrap_features", false, &bootstrap, NULL) != WEIR_OK)
        return false;
    if (!place.v || bootstrap || place.v->kind != WEIR_VALUE_F64)
        return false;
    return weir_value_f64(&place, &share, NULL) == WEIR_OK && share == 1.0;
}

static enum weir_status bag_parts(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                  struct weir_format_sklearn_meta_parts *parts,
                                  struct weir_model_combine_mean_opts *opts, struct weir_error *err)
{
    struct weir_value_at list;
    size_t n_features;
    int64_t n_parts;
    bool keeps_columns = s->keeps_columns;
    uint32_t n_in = s->n_in;
    const uint32_t *features = s->b->features;
    if (!sees_all(at)) {
        s->keeps_columns = false;
        s->n_in = 0;
        s->b->features = NULL;
    }
    enum weir_status status = weir_value_attr(at, "estimators_", &list, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_parts(s, &list, parts, err);
    s->keeps_columns = keeps_columns;
    s->n_in = n_in;
    s->b->features = features;
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_n_features(at, &n_features, err);
    if (status == WEIR_OK && n_features == 0)
        status = weir_value_fail(at, WEIR_ERR_INVALID, err, "n_features_in_ is missing");
    if (status == WEIR_OK)
        status = all_columns(s, at, n_features, parts, err);
    if (status == WEIR_OK)
        status = weir_value_attr_i64(at, "n_estimators", &n_parts, err);
    if (status != WEIR_OK)
        return status;
    if (n_parts < 1 || (uint64_t)n_parts != parts->n)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%zu estimators, not n_estimators",
                               parts->n);
    opts->divisor = (double)parts->n;
    opts->begins_at_zero = true;
    status = weir_format_sklearn_meta_opts(s, at, parts, &opts->base, err);
    opts->base.n_in = (uint32_t)n_features;
    opts->base.checks = true;
    opts->base.allows_nan = true;
    opts->base.allows_inf = true;
    return status;
}

enum weir_status weir_format_sklearn_meta_bag_classifier(struct weir_format_sklearn *s,
                                                         const struct weir_value_at *at,
                                                         const struct weir_model_node **out,
                                                         struct weir_error *err)
{
    struct weir_format_sklearn_meta_parts parts;
    struct weir_model_combine_mean_opts opts = {
        .is_classifier = true, .votes = true, .stays_f64 = true, .decides = true};
    struct weir_labels *classes;
    enum weir_status status = bag_parts(s, at, &parts, &opts, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_classes(s, at, "classes_", 0, &classes, err);
    for (size_t i = 0; status == WEIR_OK && i < parts.n; i++) {
        struct weir_model_combine_member *part = &parts.at[i];
        status = weir_format_sklearn_meta_class_map(s, at, part->node, classes, true,
                                                    &part->classes, err);
        /* Decisions about some of the classes have no common form. */
        opts.decides = opts.decides && status == WEIR_OK && !part->classes &&
                       part->node->n_out[WEIR_OUTPUT_DECISION_FUNCTION] > 0;
    }
    if (status != WEIR_OK)
        return status;
    opts.base.targets = classes;
    opts.base.n_targets = 1;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_combine_mean_new(s->b, &opts, out, &reason);
    return weir_format_sklearn_meta_fail(at, status, &reason, err);
}

enum weir_status weir_format_sklearn_meta_bag_regressor(struct weir_format_sklearn *s,
                                                        const struct weir_value_at *at,
                                                        const struct weir_model_node **out,
                                                        struct weir_error *err)
{
    struct weir_format_sklearn_meta_parts parts;
    struct weir_model_combine_mean_opts opts = {.is_classifier = false};
    enum weir_status status = bag_parts(s, at, &parts, &opts, err);
    if (status != WEIR_OK)
        return status;
    opts.base.n_targets = weir_max_size(parts.at[0].node->n_targets, 1);
    opts.base.targets = weir_format_sklearn_build_targets(s, opts.base.n_targets, err);
    if (!opts.base.targets)
        return weir_model_builder_no_memory(s->b, err);
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_combine_mean_new(s->b, &opts, out, &reason);
    return weir_format_sklearn_meta_fail(at, status, &reason, err);
}

/* --- stacks --- */

/* Decides what the stack takes of each part. */
static enum weir_status read_pieces(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    const struct weir_format_sklearn_meta_parts *parts,
                                    bool is_binary, struct weir_model_combine_piece *pieces,
                                    struct weir_error *err)
{
    struct weir_value_at methods;
    size_t n;
    enum weir_status status = weir_value_attr(at, "stack_method_", &methods, err);
    if (status == WEIR_OK)
        status = weir_value_list(&methods, &n, err);
    if (status == WEIR_OK && n != parts->n)
        status = weir_value_fail(&methods, WEIR_ERR_CORRUPT, err, "%zu methods for %zu estimators",
                                 n, parts->n);
    for (size_t i = 0; status == WEIR_OK && i < n; i++) {
        const struct weir_model_node *node = parts->at[i].node;
        struct weir_value_at item;
        struct weir_str method;
        status = weir_value_item(&methods, i, &item, err);
        if (status == WEIR_OK)
            status = weir_value_text(&item, &method, err);
        if (status != WEIR_OK)
            break;
        if (node->n_targets > 1)
            return weir_value_fail(&item, WEIR_ERR_UNSUPPORTED, err, "part %zu has several targets",
                                   i);
        pieces[i] = (struct weir_model_combine_piece){.output = WEIR_OUTPUT_PREDICT};
        if (weir_str_eq_c(method, "predict_proba")) {
            pieces[i].output = WEIR_OUTPUT_PREDICT_PROBA;
            pieces[i].skip = is_binary;
        } else if (weir_str_eq_c(method, "decision_function")) {
            pieces[i].output = WEIR_OUTPUT_DECISION_FUNCTION;
        } else if (!weir_str_eq_c(method, "predict")) {
            return weir_value_fail(&item, WEIR_ERR_UNSUPPORTED, err, "method is not known");
        } else if (node->predicts_labels) {
            status =
                weir_format_sklearn_meta_numbers(s, at, &node->targets[0], &pieces[i].values, err);
        }
    }
    return status;
}

/* Makes the parts, the pieces and the final estimator. */
static enum weir_status stack_parts(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    bool is_binary, struct weir_format_sklearn_meta_parts *parts,
                                    struct weir_model_combine_stack_opts *opts,
                                    struct weir_error *err)
{
    struct weir_value_at list, last;
    enum weir_status status = weir_value_attr(at, "estimators_", &list, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_parts(s, &list, parts, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_combine_piece *pieces = weir_arena_zarray(s->temp, parts->n, sizeof *pieces);
    if (!pieces)
        return no_memory(err);
    status = read_pieces(s, at, parts, is_binary, pieces, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "passthrough", false, &opts->passes, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "final_estimator_", &last, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_part(s, &last, false, &opts->last, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_opts(s, at, parts, &opts->base, err);
    opts->pieces = pieces;
    return status;
}

enum weir_status weir_format_sklearn_meta_stack_classifier(struct weir_format_sklearn *s,
                                                           const struct weir_value_at *at,
                                                           const struct weir_model_node **out,
                                                           struct weir_error *err)
{
    struct weir_format_sklearn_meta_parts parts;
    struct weir_model_combine_stack_opts opts = {.passes = false};
    struct weir_labels *classes;
    const uint32_t *map = NULL;
    enum weir_status status =
        weir_format_sklearn_build_classes(s, at, "classes_", 0, &classes, err);
    if (status == WEIR_OK)
        status = stack_parts(s, at, classes->n == 2, &parts, &opts, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_class_map(s, at, opts.last, classes, true, &map, err);
    if (status != WEIR_OK)
        return status;
    if (map)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "final_estimator_ has other classes");
    opts.base.targets = classes;
    opts.base.n_targets = 1;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_combine_stack_new(s->b, &opts, out, &reason);
    return weir_format_sklearn_meta_fail(at, status, &reason, err);
}

enum weir_status weir_format_sklearn_meta_stack_regressor(struct weir_format_sklearn *s,
                                                          const struct weir_value_at *at,
                                                          const struct weir_model_node **out,
                                                          struct weir_error *err)
{
    struct weir_format_sklearn_meta_parts parts;
    struct weir_model_combine_stack_opts opts = {.passes = false};
    enum weir_status status = stack_parts(s, at, false, &parts, &opts, err);
    if (status != WEIR_OK)
        return status;
    if (opts.last->predicts_labels)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "final_estimator_ is no regressor");
    opts.base.targets = opts.last->targets;
    opts.base.n_targets = opts.last->n_targets;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_combine_stack_new(s->b, &opts, out, &reason);
    return weir_format_sklearn_meta_fail(at, status, &reason, err);
}

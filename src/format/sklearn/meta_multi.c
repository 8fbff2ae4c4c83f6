/* SPDX-License-Identifier: MIT */
/* sklearn.multioutput: an estimator for each target, side by side or in a chain. */
#include "format/sklearn/meta.h"

static enum weir_status list_parts(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   struct weir_format_sklearn_meta_parts *parts,
                                   struct weir_error *err)
{
    struct weir_value_at list;
    enum weir_status status = weir_value_attr(at, "estimators_", &list, err);
    return status == WEIR_OK ? weir_format_sklearn_meta_parts(s, &list, parts, err) : status;
}

enum weir_status weir_format_sklearn_meta_multi(struct weir_format_sklearn *s,
                                                const struct weir_value_at *at,
                                                const struct weir_model_node **out,
                                                struct weir_error *err)
{
    struct weir_format_sklearn_meta_parts parts;
    struct weir_model_combine_opts opts;
    enum weir_status status = list_parts(s, at, &parts, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_opts(s, at, &parts, &opts, err);
    if (status != WEIR_OK)
        return status;
    struct weir_labels *targets = weir_format_sklearn_build_targets(s, parts.n, err);
    if (!targets)
        return weir_model_builder_no_memory(s->b, err);
    bool is_classifier = weir_str_ends(at->v->object->cls, WEIR_STR("Classifier"));
    bool has_proba = is_classifier;
    for (size_t i = 0; i < parts.n; i++) {
        const struct weir_model_node *node = parts.at[i].node;
        if (node->predicts_labels != is_classifier || node->n_targets != 1)
            return weir_value_fail(at, WEIR_ERR_INVALID, err, "part %zu is no %s of one target", i,
                                   is_classifier ? "classifier" : "regressor");
        targets[i] = node->targets[0];
        has_proba = has_proba && node->n_out[WEIR_OUTPUT_PREDICT_PROBA] > 0;
    }
    opts.targets = targets;
    opts.n_targets = parts.n;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_combine_multi_new(s->b, &opts, has_proba, out, &reason);
    return weir_format_sklearn_meta_fail(at, status, &reason, err);
}

/* --- chains --- */

/* Reads order_: a permutation of the n targets. */
static enum weir_status read_order(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   size_t n, uint32_t **out, struct weir_error *err)
{
    struct weir_value_i64s values;
    enum weir_status status = weir_value_attr_i64s(at, "order_", s->temp, &values, err);
    if (status != WEIR_OK)
        return status;
    uint32_t *order = weir_arena_array(s->temp, n, sizeof *order);
    bool *is_taken = weir_arena_zarray(s->temp, n, sizeof *is_taken);
    if (!order || !is_taken)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    if (values.shape.n_dims != 1 || values.shape.n != n)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "order_ names %zu of %zu targets",
                               values.shape.n, n);
    for (size_t i = 0; i < n; i++) {
        int64_t k = values.at[i];
        if (k < 0 || (uint64_t)k >= n || is_taken[k])
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "order_ is no order of the targets");
        is_taken[k] = true;
        order[i] = (uint32_t)k;
    }
    *out = order;
    return WEIR_OK;
}

/* Decides which output of a part the next ones read. */
static enum weir_status read_method(const struct weir_value_at *at, enum weir_output *out,
                                    struct weir_error *err)
{
    struct weir_str method;
    enum weir_status status =
        weir_value_attr_text_or(at, "chain_method_", WEIR_STR("predict"), &method, err);
    if (status != WEIR_OK)
        return status;
    static const enum weir_output known[] = {WEIR_OUTPUT_PREDICT, WEIR_OUTPUT_PREDICT_PROBA,
                                             WEIR_OUTPUT_DECISION_FUNCTION};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(known); i++) {
        if (!weir_str_eq_c(method, weir_output_name(known[i])))
            continue;
        *out = known[i];
        return WEIR_OK;
    }
    return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "chain_method_ is not known");
}

/* Gives the labels of each target as the chain answers them, as floats, and the numbers they are
 * worth. */
static enum weir_status chain_labels(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     const struct weir_format_sklearn_meta_parts *parts,
                                     const uint32_t *order, struct weir_labels *targets,
                                     const double ***out, struct weir_error *err)
{
    const double **values = weir_arena_array(s->b->arena, parts->n, sizeof *values);
    if (!values)
        return weir_model_builder_no_memory(s->b, err);
    for (size_t i = 0; i < parts->n; i++) {
        const struct weir_model_node *node = parts->at[i].node;
        if (!node->predicts_labels || node->n_targets != 1)
            return weir_value_fail(at, WEIR_ERR_INVALID, err,
                                   "part %zu is no classifier of one target", i);
        enum weir_status status =
            weir_format_sklearn_meta_numbers(s, at, &node->targets[0], &values[i], err);
        if (status == WEIR_OK)
            status = weir_model_builder_labels(s->b, &targets[order[i]], WEIR_F64,
                                               node->targets[0].n, values[i], err);
        if (status != WEIR_OK)
            return status;
    }
    *out = values;
    return WEIR_OK;
}

static bool all_give(const struct weir_format_sklearn_meta_parts *parts, enum weir_output output,
                     uint32_t n_columns)
{
    for (size_t i = 0; i < parts->n; i++)
        if (parts->at[i].node->n_out[output] != n_columns)
            return false;
    return true;
}

enum weir_status weir_format_sklearn_meta_chain(struct weir_format_sklearn *s,
                                                const struct weir_value_at *at,
                                                const struct weir_model_node **out,
                                                struct weir_error *err)
{
    struct weir_format_sklearn_meta_parts parts;
    struct weir_model_combine_links_opts opts = {.appends = WEIR_OUTPUT_PREDICT};
    uint32_t *order = NULL;
    const double **values = NULL;
    bool keeps_columns = s->keeps_columns;
    uint32_t n_in = s->n_in;
    const uint32_t *features = s->b->features;
    s->keeps_columns = false; /* the parts see more than the model's columns */
    s->n_in = 0;
    s->b->features = NULL;
    enum weir_status status = list_parts(s, at, &parts, err);
    s->keeps_columns = keeps_columns;
    s->n_in = n_in;
    s->b->features = features;
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_opts(s, at, &parts, &opts.base, err);
    if (status == WEIR_OK)
        status = read_order(s, at, parts.n, &order, err);
    if (status != WEIR_OK)
        return status;
    struct weir_labels *targets = weir_format_sklearn_build_targets(s, parts.n, err);
    if (!targets)
        return weir_model_builder_no_memory(s->b, err);
    if (weir_str_eq_c(at->v->object->cls, "ClassifierChain")) {
        status = read_method(at, &opts.appends, err);
        if (status == WEIR_OK)
            status = chain_labels(s, at, &parts, order, targets, &values, err);
        if (status != WEIR_OK)
            return status;
        opts.has_proba = all_give(&parts, WEIR_OUTPUT_PREDICT_PROBA, 2);
        opts.has_decision = all_give(&parts, WEIR_OUTPUT_DECISION_FUNCTION, 1);
    }
    opts.base.checks = true;
    opts.base.targets = targets;
    opts.base.n_targets = parts.n;
    opts.order = order;
    opts.values = values;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_combine_links_new(s->b, &opts, out, &reason);
    return weir_format_sklearn_meta_fail(at, status, &reason, err);
}

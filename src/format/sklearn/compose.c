/* SPDX-License-Identifier: MIT */
/* Estimators made of estimators: Pipeline, and the searches around any of them. */
#include "format/sklearn/build.h"
#include "model/chain.h"
#include "model/columns.h"
#include "model/steps.h"

/* Finds whether a step does nothing: None or "passthrough". */
static bool is_passthrough(const struct weir_value *v)
{
    return weir_value_is_none(v) || weir_value_is_text(v, "passthrough");
}

/* Finds whether a step only samples rows for training: imbalanced-learn's, in its own pipeline. */
static bool is_sampler(const struct weir_value *v)
{
    static const char *const modules[] = {"imblearn.over_sampling.", "imblearn.under_sampling.",
                                          "imblearn.combine.", "imblearn.base.FunctionSampler",
                                          "imblearn.FunctionSampler"};
    for (size_t i = 0; v->kind == WEIR_VALUE_OBJECT && i < WEIR_ARRAY_LEN(modules); i++)
        if (weir_str_starts(v->object->name, weir_str_c(modules[i])))
            return true;
    return false;
}

/* Finds the object of step i, a (name, object) pair. */
static enum weir_status step_pair(const struct weir_value_at *pair, struct weir_value_at *out,
                                  struct weir_error *err)
{
    size_t n;
    enum weir_status status = weir_value_list(pair, &n, err);
    if (status != WEIR_OK)
        return status;
    if (n != 2)
        return weir_value_fail(pair, WEIR_ERR_INVALID, err, "expected (name, estimator)");
    return weir_value_item(pair, 1, out, err);
}

/* Makes the node of step i; *node is NULL for a step that does nothing. */
static enum weir_status step_node(struct weir_format_sklearn *s, const struct weir_value_at *steps,
                                  size_t i, const struct weir_model_node **node,
                                  struct weir_error *err)
{
    struct weir_value_at pair;
    struct weir_value_at object = {0};
    enum weir_status status = weir_value_item(steps, i, &pair, err);
    if (status == WEIR_OK)
        status = step_pair(&pair, &object, err);
    if (status != WEIR_OK)
        return status;
    weir_assert(object.v);
    if (i > 0)
        weir_buf_append_c(s->text, ", ");
    *node = NULL;
    if (is_passthrough(object.v)) {
        weir_buf_append_c(s->text, "passthrough");
        return WEIR_OK;
    }
    if (is_sampler(object.v)) {
        weir_buf_append_str(s->text, object.v->object->cls);
        return WEIR_OK;
    }
    status = weir_format_sklearn_node(s, &object, node, err);
    if (status == WEIR_OK && (*node)->n_out[WEIR_OUTPUT_TRANSFORM] > 0)
        s->rows = weir_format_sklearn_rows_after(&object, s->rows);
    return status;
}

/* Finds how many columns a pipeline is given from the first step that says so; those before it must
 * be FunctionTransformers, which keep their number. 0: nothing says so. */
static uint32_t given_columns(const struct weir_value_at *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct weir_value_at pair, object;
        size_t columns = 0;
        if (weir_value_item(steps, i, &pair, NULL) != WEIR_OK ||
            step_pair(&pair, &object, NULL) != WEIR_OK)
            return 0;
        if (is_passthrough(object.v))
            continue;
        if (weir_format_sklearn_build_n_features(&object, &columns, NULL) == WEIR_OK && columns > 0)
            return (uint32_t)columns;
        if (!weir_value_is_object(object.v, "FunctionTransformer"))
            return 0;
    }
    return 0;
}

/* A chain that ends in "passthrough" transforms as the step before it does, and one of nothing else
 * cannot be told apart from a typing error: it is refused. */
static enum weir_status check_last(const struct weir_value_at *at,
                                   const struct weir_model_node *const *nodes, size_t n,
                                   bool last_passes, struct weir_error *err)
{
    if (n == 0)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "no step does anything");
    if (last_passes && nodes[n - 1]->n_out[WEIR_OUTPUT_TRANSFORM] == 0)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "a step after the estimator");
    return WEIR_OK;
}

/* Says for the steps behind a node which of the model's features its columns are made of, so that
 * their faults can name them; "the columns are kept" then means that this is known of some. */
static enum weir_status follow_features(struct weir_format_sklearn *s,
                                        const struct weir_model_node *node, struct weir_error *err)
{
    if (!s->keeps_columns || node->keeps_columns)
        return WEIR_OK;
    uint32_t width = node->n_out[WEIR_OUTPUT_TRANSFORM];
    s->keeps_columns = false;
    if (width == 0 || (!node->from && !node->passes))
        return WEIR_OK;
    uint32_t *features = weir_arena_array(s->b->arena, width, sizeof *features);
    if (!features)
        return weir_model_builder_no_memory(s->b, err);
    for (uint32_t k = 0; k < width; k++) {
        uint32_t from = weir_model_columns_from(node, k);
        bool is_known = from != WEIR_MODEL_PASSES_NONE;
        features[k] = is_known && s->b->features ? s->b->features[from] : from;
        s->keeps_columns = s->keeps_columns || is_known;
    }
    s->b->features = features;
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_compose_pipeline(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    struct weir_value_at steps;
    size_t n;
    enum weir_status status = weir_value_attr(at, "steps", &steps, err);
    if (status == WEIR_OK)
        status = weir_value_list(&steps, &n, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_model_node **nodes = weir_arena_array(s->temp, n, sizeof *nodes);
    if (!nodes)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    bool keeps_columns = s->keeps_columns;
    const uint32_t *features = s->b->features;
    uint32_t n_in = s->n_in;
    enum weir_format_sklearn_rows rows = s->rows;
    s->n_in = n_in > 0 ? n_in : given_columns(&steps, n);
    size_t n_nodes = 0;
    bool last_passes = false;
    weir_buf_append_byte(s->text, '(');
    for (size_t i = 0; i < n; i++) {
        const struct weir_model_node *node;
        status = step_node(s, &steps, i, &node, err);
        if (status != WEIR_OK)
            return status;
        last_passes = node == NULL;
        if (!node)
            continue;
        nodes[n_nodes++] = node;
        status = follow_features(s, node, err);
        if (status != WEIR_OK)
            return status;
        s->n_in = node->n_out[WEIR_OUTPUT_TRANSFORM];
    }
    s->keeps_columns = keeps_columns;
    s->b->features = features;
    s->n_in = n_in;
    s->rows = rows;
    weir_buf_append_byte(s->text, ')');
    status = check_last(at, nodes, n_nodes, last_passes, err);
    if (status != WEIR_OK)
        return status;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_chain_new(s->b, nodes, n_nodes, out, &reason);
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

enum weir_status weir_format_sklearn_compose_search(struct weir_format_sklearn *s,
                                                    const struct weir_value_at *at,
                                                    const struct weir_model_node **out,
                                                    struct weir_error *err)
{
    struct weir_value_at best;
    enum weir_status status = weir_value_attr_opt(at, "best_estimator_", &best, err);
    if (status != WEIR_OK)
        return status;
    if (!best.v)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "holds no best_estimator_: it was not fitted, or with refit=False");
    weir_buf_append_byte(s->text, '(');
    status = weir_format_sklearn_node(s, &best, out, err);
    weir_buf_append_byte(s->text, ')');
    return status;
}

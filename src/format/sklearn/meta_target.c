/* SPDX-License-Identifier: MIT */
/* sklearn.compose.TransformedTargetRegressor: the inverse of what was done to the target. */
#include "format/sklearn/meta.h"
#include "format/sklearn/numpy.h"

#include <math.h>
#include <string.h>

enum { STEPS_MAX = 16, NESTED_MAX = 8 };

/* The steps so far; in the order in which they are done. */
struct steps {
    struct weir_model_combine_inverse_step at[STEPS_MAX];
    size_t n;
    size_t n_targets;
    uint32_t depth; /* pipelines around */
};

static enum weir_status add(const struct weir_value_at *at, struct steps *steps,
                            struct weir_model_combine_inverse_step step, struct weir_error *err)
{
    if (steps->n == STEPS_MAX)
        return weir_value_fail(at, WEIR_ERR_LIMIT, err, "more than %d steps", STEPS_MAX);
    steps->at[steps->n++] = step;
    return WEIR_OK;
}

/* Adds a step with an attribute's values, one for each target. */
static enum weir_status add_vector(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   const char *name, enum weir_model_combine_inverse_op op,
                                   struct steps *steps, struct weir_error *err)
{
    double *values;
    enum weir_status status =
        weir_format_sklearn_build_vector(s, at, name, steps->n_targets, &values, err);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < steps->n_targets; i++)
        if (op == WEIR_MODEL_COMBINE_INVERSE_DIVIDE && values[i] == 0.0)
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%s holds zero", name);
    double *copy = weir_model_builder_doubles(s->b, values, steps->n_targets);
    if (!copy)
        return weir_model_builder_no_memory(s->b, err);
    return add(at, steps, (struct weir_model_combine_inverse_step){.op = op, .a = copy}, err);
}

/* Adds x × scale + centre of the scalers; flag_* (NULL: always) say whether each is done. */
static enum weir_status add_scaler(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   const char *flag_scale, const char *center,
                                   const char *flag_center, struct steps *steps,
                                   struct weir_error *err)
{
    bool scales = true;
    bool centers = center != NULL;
    enum weir_status status = WEIR_OK;
    if (flag_scale)
        status = weir_value_attr_bool_or(at, flag_scale, true, &scales, err);
    if (status == WEIR_OK && flag_center)
        status = weir_value_attr_bool_or(at, flag_center, true, &centers, err);
    if (status == WEIR_OK && scales)
        status = add_vector(s, at, "scale_", WEIR_MODEL_COMBINE_INVERSE_MULTIPLY, steps, err);
    if (status == WEIR_OK && centers)
        status = add_vector(s, at, center, WEIR_MODEL_COMBINE_INVERSE_ADD, steps, err);
    return status;
}

/* --- functions --- */

/* Adds the inverse function; None is the identity. */
static enum weir_status add_function(const struct weir_value_at *at, struct steps *steps,
                                     struct weir_error *err)
{
    struct weir_value_at function, arguments;
    enum weir_status status = weir_value_attr_opt(at, "inverse_func", &function, err);
    if (status == WEIR_OK)
        status = weir_value_attr_opt(at, "inv_kw_args", &arguments, err);
    if (status != WEIR_OK || !function.v)
        return status;
    if (arguments.v && weir_value_n(arguments.v) > 0)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "inverse_func with inv_kw_args");
    if (function.v->kind != WEIR_VALUE_GLOBAL)
        return weir_value_fail(&function, WEIR_ERR_UNSUPPORTED, err, "a function of its own");
    weir_model_step_fn *fn;
    char echo[WEIR_ECHO_BUF_BYTES];
    if (!weir_format_sklearn_numpy_find(function.v, &fn))
        return weir_value_fail(&function, WEIR_ERR_UNSUPPORTED, err, "function %s is not known",
                               weir_str_echo(function.v->text, echo, sizeof echo));
    if (!fn)
        return WEIR_OK;
    return add(
        at, steps,
        (struct weir_model_combine_inverse_step){.op = WEIR_MODEL_COMBINE_INVERSE_CALL, .call = fn},
        err);
}

/* --- transformers --- */

static enum weir_status add_power(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                  struct steps *steps, struct weir_error *err)
{
    struct weir_value_at scaler;
    struct weir_str method;
    bool scales;
    enum weir_status status =
        weir_value_attr_text_or(at, "method", WEIR_STR("yeo-johnson"), &method, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "standardize", true, &scales, err);
    if (status == WEIR_OK && scales)
        status = weir_value_attr(at, "_scaler", &scaler, err);
    if (status == WEIR_OK && scales)
        status = add_scaler(s, &scaler, "with_std", "mean_", "with_mean", steps, err);
    if (status != WEIR_OK)
        return status;
    bool is_johnson = weir_str_eq_c(method, "yeo-johnson");
    if (!is_johnson && !weir_str_eq_c(method, "box-cox"))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "method is not known");
    return add_vector(s, at, "lambdas_",
                      is_johnson ? WEIR_MODEL_COMBINE_INVERSE_JOHNSON
                                 : WEIR_MODEL_COMBINE_INVERSE_BOX_COX,
                      steps, err);
}

static enum weir_status add_inverse(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct steps *steps, struct weir_error *err);

/* The steps of a pipeline, last first. */
static enum weir_status add_pipeline(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     struct steps *steps, struct weir_error *err)
{
    struct weir_value_at list;
    size_t n;
    if (steps->depth == NESTED_MAX)
        return weir_value_fail(at, WEIR_ERR_LIMIT, err, "nested deeper than %d", NESTED_MAX);
    enum weir_status status = weir_value_attr(at, "steps", &list, err);
    if (status == WEIR_OK)
        status = weir_value_list(&list, &n, err);
    steps->depth++;
    for (size_t i = 0; status == WEIR_OK && i < n; i++) {
        struct weir_value_at pair, step;
        status = weir_value_item(&list, n - 1 - i, &pair, err);
        if (status == WEIR_OK)
            status = weir_value_item(&pair, 1, &step, err);
        if (status == WEIR_OK && !weir_value_is_none(step.v) &&
            !weir_value_is_text(step.v, "passthrough"))
            status = add_inverse(s, &step, steps, err);
    }
    steps->depth--;
    return status;
}

static enum weir_status add_inverse(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct steps *steps, struct weir_error *err)
{
    const struct weir_value_object *object;
    enum weir_status status = weir_value_object(at, &object, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_str_eq_c(object->top, "sklearn"))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "transformer is not known");
    if (weir_str_eq_c(object->cls, "StandardScaler"))
        return add_scaler(s, at, "with_std", "mean_", "with_mean", steps, err);
    if (weir_str_eq_c(object->cls, "RobustScaler"))
        return add_scaler(s, at, "with_scaling", "center_", "with_centering", steps, err);
    if (weir_str_eq_c(object->cls, "MaxAbsScaler"))
        return add_scaler(s, at, NULL, NULL, NULL, steps, err);
    if (weir_str_eq_c(object->cls, "MinMaxScaler")) {
        status = add_vector(s, at, "min_", WEIR_MODEL_COMBINE_INVERSE_SUBTRACT, steps, err);
        if (status == WEIR_OK)
            status = add_vector(s, at, "scale_", WEIR_MODEL_COMBINE_INVERSE_DIVIDE, steps, err);
        return status;
    }
    if (weir_str_eq_c(object->cls, "FunctionTransformer"))
        return add_function(at, steps, err);
    if (weir_str_eq_c(object->cls, "PowerTransformer"))
        return add_power(s, at, steps, err);
    if (weir_str_eq_c(object->cls, "Pipeline"))
        return add_pipeline(s, at, steps, err);
    char echo[WEIR_ECHO_BUF_BYTES];
    return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "the inverse of %s is not supported",
                           weir_str_echo(object->cls, echo, sizeof echo));
}

enum weir_status weir_format_sklearn_meta_target(struct weir_format_sklearn *s,
                                                 const struct weir_value_at *at,
                                                 const struct weir_model_node **out,
                                                 struct weir_error *err)
{
    struct weir_value_at inner, transformer;
    struct weir_model_combine_member member = {.node = NULL};
    struct weir_model_combine_opts opts;
    struct steps steps = {.n = 0};
    int64_t n_dims;
    enum weir_status status = weir_value_attr(at, "regressor_", &inner, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_part(s, &inner, true, &member.node, err);
    if (status == WEIR_OK)
        status = weir_value_attr_i64(at, "_training_dim", &n_dims, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "transformer_", &transformer, err);
    if (status != WEIR_OK)
        return status;
    steps.n_targets = member.node->n_out[WEIR_OUTPUT_PREDICT];
    if (member.node->predicts_labels || steps.n_targets == 0)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "regressor_ is no regressor");
    status = add_inverse(s, &transformer, &steps, err);
    struct weir_format_sklearn_meta_parts parts = {.at = &member, .n = 1};
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_opts(s, at, &parts, &opts, err);
    if (status != WEIR_OK)
        return status;
    opts.targets = member.node->targets;
    opts.n_targets = member.node->n_targets;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_combine_inverse_new(s->b, &opts, steps.at, steps.n,
                                            n_dims == 1 && steps.n_targets == 1, out, &reason);
    return weir_format_sklearn_meta_fail(at, status, &reason, err);
}

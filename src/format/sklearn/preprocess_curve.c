/* SPDX-License-Identifier: MIT */
/* sklearn.preprocessing: transformers that bend each column: PowerTransformer, QuantileTransformer,
 * FunctionTransformer. */
#include "format/sklearn/numpy.h"
#include "format/sklearn/transform.h"
#include "model/columns.h"
#include "model/quantile.h"
#include "model/steps.h"

#include <math.h>

/* Adds what PowerTransformer's own StandardScaler does. */
static enum weir_status add_scaler(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   size_t n, struct weir_model_step *steps, size_t *n_steps,
                                   struct weir_error *err)
{
    struct weir_value_at scaler;
    double *mean = NULL;
    double *scale = NULL;
    enum weir_status status = weir_value_attr(at, "_scaler", &scaler, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, &scaler, "mean_", n, &mean, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, &scaler, "scale_", n, &scale, err);
    if (status != WEIR_OK)
        return status;
    bool rounds_first = s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 8);
    for (size_t j = 0; j < n; j++)
        if (scale[j] == 0.0)
            return weir_value_fail(&scaler, WEIR_ERR_CORRUPT, err, "scale_ holds a zero");
    steps[(*n_steps)++] = (struct weir_model_step){.op = WEIR_MODEL_STEP_CHECK};
    steps[(*n_steps)++] = (struct weir_model_step){
        .op = WEIR_MODEL_STEP_SUBTRACT, .a = mean, .rounds_first = rounds_first};
    steps[(*n_steps)++] = (struct weir_model_step){
        .op = WEIR_MODEL_STEP_DIVIDE, .a = scale, .rounds_first = rounds_first};
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_preprocess_power(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    struct weir_value_f64s lambdas;
    struct weir_str method;
    bool standardizes;
    struct weir_model_step steps[4] = {{0}};
    size_t n_steps = 1;
    enum weir_status status = weir_value_attr_f64s(at, "lambdas_", s->temp, &lambdas, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(at, "method", WEIR_STR("yeo-johnson"), &method, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "standardize", true, &standardizes, err);
    if (status != WEIR_OK)
        return status;
    size_t n = lambdas.shape.n;
    if (lambdas.shape.n_dims != 1 || n == 0 || n > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "lambdas_ is not a list of columns");
    steps[0].a = lambdas.at;
    /* A column that was NaN throughout has the λ NaN: NaN comes of it, as there. */
    if (weir_str_eq_c(method, "box-cox"))
        steps[0].op = WEIR_MODEL_STEP_BOX_COX;
    else if (weir_str_eq_c(method, "yeo-johnson"))
        steps[0].op = s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 7)
                          ? WEIR_MODEL_STEP_YEO_JOHNSON
                          : WEIR_MODEL_STEP_YEO_JOHNSON_POWER;
    else
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "method is not yeo-johnson or box-cox");
    if (standardizes)
        status = add_scaler(s, at, n, steps, &n_steps, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_steps_opts opts = {.name = at->v->object->cls,
                                         .n_columns = (uint32_t)n,
                                         .steps = steps,
                                         .n_steps = n_steps,
                                         .allows_nan = true,
                                         .keeps_columns = s->keeps_columns};
    return weir_model_steps_new(s->b, &opts, out, err);
}

/* Turns quantiles_ (n_quantiles × n columns) into one row for each column, and checks their order.
 */
static enum weir_status turn_quantiles(struct weir_format_sklearn *s,
                                       const struct weir_value_at *at,
                                       const struct weir_value_f64s *q, double **out,
                                       struct weir_error *err)
{
    size_t n_quantiles = q->shape.dim[0];
    size_t n = q->shape.dim[1];
    double *turned = weir_arena_array(s->temp, q->shape.n, sizeof *turned);
    if (!turned)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < n_quantiles; i++) {
            double v = q->at[i * n + j];
            if (!isfinite(v) || (i > 0 && v < turned[j * n_quantiles + i - 1]))
                return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                                       "quantiles_ of column %zu are not in order", j);
            turned[j * n_quantiles + i] = v;
        }
    *out = turned;
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_preprocess_quantile(struct weir_format_sklearn *s,
                                                         const struct weir_value_at *at,
                                                         const struct weir_model_node **out,
                                                         struct weir_error *err)
{
    struct weir_value_f64s quantiles;
    struct weir_str distribution;
    double *turned = NULL;
    double *references = NULL;
    enum weir_status status = weir_value_attr_f64s(at, "quantiles_", s->temp, &quantiles, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(at, "output_distribution", WEIR_STR("uniform"),
                                         &distribution, err);
    if (status != WEIR_OK)
        return status;
    if (quantiles.shape.n_dims != 2 || quantiles.shape.n == 0 ||
        quantiles.shape.dim[1] > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "quantiles_ is not a table");
    bool is_normal = weir_str_eq_c(distribution, "normal");
    if (!is_normal && !weir_str_eq_c(distribution, "uniform"))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "output_distribution is not uniform or normal");
    size_t n_quantiles = quantiles.shape.dim[0];
    status = turn_quantiles(s, at, &quantiles, &turned, err);
    if (status == WEIR_OK)
        status =
            weir_format_sklearn_build_vector(s, at, "references_", n_quantiles, &references, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_quantile_opts opts = {.name = at->v->object->cls,
                                            .n_columns = (uint32_t)quantiles.shape.dim[1],
                                            .n_quantiles = (uint32_t)n_quantiles,
                                            .quantiles = turned,
                                            .references = references,
                                            .is_normal = is_normal,
                                            .keeps_columns = s->keeps_columns};
    return weir_model_quantile_new(s->b, &opts, out, err);
}

/* --- FunctionTransformer --- */

/* Finds whether a function is partial(check_array, dtype=[float64], …all_finite=False): what
 * HistGradientBoosting does to its numeric columns, which is nothing to numbers. */
static bool is_number_check(const struct weir_value *v)
{
    if (!weir_value_is_object(v, "partial") || v->object->args.n != 1)
        return false;
    const struct weir_value *fn = v->object->args.at[0];
    const struct weir_value *state = v->object->state;
    if (fn->kind != WEIR_VALUE_GLOBAL ||
        !weir_str_eq_c(fn->text, "sklearn.utils.validation.check_array") || !state ||
        state->kind != WEIR_VALUE_TUPLE || state->items.n != 4 ||
        state->items.at[1]->kind != WEIR_VALUE_TUPLE || state->items.at[1]->items.n != 0 ||
        state->items.at[2]->kind != WEIR_VALUE_DICT)
        return false;
    const struct weir_value_dict *args = &state->items.at[2]->dict;
    for (size_t i = 0; i < args->n; i++) {
        const struct weir_value *value = args->at[i].value;
        bool is_finite = weir_value_is_text(args->at[i].key, "ensure_all_finite") ||
                         weir_value_is_text(args->at[i].key, "force_all_finite");
        if (is_finite && value->kind == WEIR_VALUE_BOOL && !value->b)
            continue;
        if (!weir_value_is_text(args->at[i].key, "dtype") || value->kind != WEIR_VALUE_LIST ||
            value->items.n != 1 || value->items.at[0]->kind != WEIR_VALUE_GLOBAL ||
            !weir_str_eq_c(value->items.at[0]->text, "numpy.float64"))
            return false;
    }
    return true;
}

/* Refuses arguments for the function. */
static enum weir_status check_arguments(const struct weir_value_at *at, struct weir_error *err)
{
    struct weir_value_at args;
    enum weir_status status = weir_value_attr_opt(at, "kw_args", &args, err);
    if (status == WEIR_OK && args.v && (args.v->kind != WEIR_VALUE_DICT || args.v->dict.n > 0))
        status = weir_value_fail(&args, WEIR_ERR_UNSUPPORTED, err,
                                 "arguments for the function are not supported");
    return status;
}

/* Makes a node that passes all columns on, text too. */
static enum weir_status identity(struct weir_format_sklearn *s, size_t n,
                                 const struct weir_model_node **out, struct weir_error *err)
{
    uint32_t *all = weir_arena_array(s->temp, n, sizeof *all);
    if (!all)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    for (size_t j = 0; j < n; j++)
        all[j] = (uint32_t)j;
    struct weir_model_columns_part part = {.index = all, .n_index = (uint32_t)n};
    return weir_model_columns_union_new(s->b, (uint32_t)n, &part, 1, out, err);
}

enum weir_status weir_format_sklearn_preprocess_function(struct weir_format_sklearn *s,
                                                         const struct weir_value_at *at,
                                                         const struct weir_model_node **out,
                                                         struct weir_error *err)
{
    size_t n = 0;
    bool validates;
    struct weir_value_at func;
    weir_model_step_fn *fn = NULL;
    enum weir_status status = weir_format_sklearn_build_n_features(at, &n, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "validate", false, &validates, err);
    if (status == WEIR_OK)
        status = weir_value_attr_opt(at, "func", &func, err);
    if (status == WEIR_OK)
        status = check_arguments(at, err);
    if (status != WEIR_OK)
        return status;
    n = n > 0 ? n : s->n_in;
    if (n == 0)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "does not say how many columns it takes");
    char echo[WEIR_ECHO_BUF_BYTES];
    bool is_check = func.v && is_number_check(func.v);
    if (func.v && !is_check && !weir_format_sklearn_numpy_find(func.v, &fn))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "the function %s is not supported",
                               func.v->kind == WEIR_VALUE_GLOBAL
                                   ? weir_str_echo(func.v->text, echo, sizeof echo)
                                   : "is not one of numpy's and");
    if (!fn && !validates && !is_check)
        return identity(s, n, out, err);
    struct weir_model_step step = {.op = WEIR_MODEL_STEP_FUNCTION, .fn = fn};
    struct weir_model_steps_opts opts = {.name = at->v->object->cls,
                                         .n_columns = (uint32_t)n,
                                         .steps = &step,
                                         .n_steps = fn ? 1 : 0,
                                         .allows_nan = !validates,
                                         .allows_inf = !validates,
                                         .keeps_columns = s->keeps_columns};
    return weir_model_steps_new(s->b, &opts, out, err);
}

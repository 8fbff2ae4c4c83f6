/* SPDX-License-Identifier: MIT */
/* sklearn.preprocessing: scalers. */
#include "format/sklearn/transform.h"
#include "model/rows.h"
#include "model/steps.h"

#include <math.h>

/* All scalers let NaN through and refuse infinities. */
static enum weir_status make(struct weir_format_sklearn *s, const struct weir_value_at *at,
                             size_t n_columns, const struct weir_model_step *steps, size_t n_steps,
                             const struct weir_model_node **out, struct weir_error *err)
{
    struct weir_model_steps_opts opts = {.name = at->v->object->cls,
                                         .n_columns = (uint32_t)n_columns,
                                         .steps = steps,
                                         .n_steps = n_steps,
                                         .allows_nan = true,
                                         .keeps_columns = s->keeps_columns};
    return weir_model_steps_new(s->b, &opts, out, err);
}

/* Gives the number of columns: n_features_in_, before 0.24 the length of an array that the scaler
 * has. */
static enum weir_status n_columns(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                  const char *array, size_t *out, struct weir_error *err)
{
    size_t n;
    enum weir_status status = weir_format_sklearn_build_n_features(at, &n, err);
    if (status != WEIR_OK || n > 0) {
        *out = n;
        return status;
    }
    struct weir_value_f64s values;
    status = weir_value_attr_f64s(at, array, s->temp, &values, err);
    if (status != WEIR_OK)
        return status;
    if (values.shape.n_dims != 1 || values.shape.n == 0 || values.shape.n > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "%s is not a list of columns", array);
    *out = values.shape.n;
    return WEIR_OK;
}

static bool has_zero(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (values[i] == 0.0)
            return true;
    return false;
}

enum weir_status weir_format_sklearn_preprocess_standard(struct weir_format_sklearn *s,
                                                         const struct weir_value_at *at,
                                                         const struct weir_model_node **out,
                                                         struct weir_error *err)
{
    bool with_mean, with_std;
    size_t n = 0;
    enum weir_status status = weir_value_attr_bool_or(at, "with_mean", true, &with_mean, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "with_std", true, &with_std, err);
    if (status == WEIR_OK)
        status = n_columns(s, at, with_std ? "scale_" : "mean_", &n, err);
    if (status != WEIR_OK)
        return status;
    /* From 1.8 on the parameters are cast to the rows' type before they are used. */
    bool rounds_first = s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 8);
    struct weir_model_step steps[2];
    size_t n_steps = 0;
    double *values = NULL;
    if (with_mean) {
        status = weir_format_sklearn_build_vector(s, at, "mean_", n, &values, err);
        if (status != WEIR_OK)
            return status;
        steps[n_steps++] = (struct weir_model_step){
            .op = WEIR_MODEL_STEP_SUBTRACT, .a = values, .rounds_first = rounds_first};
    }
    if (with_std) {
        status = weir_format_sklearn_build_vector(s, at, "scale_", n, &values, err);
        if (status != WEIR_OK)
            return status;
        if (has_zero(values, n))
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "scale_ holds a zero");
        steps[n_steps++] = (struct weir_model_step){
            .op = WEIR_MODEL_STEP_DIVIDE, .a = values, .rounds_first = rounds_first};
    }
    return make(s, at, n, steps, n_steps, out, err);
}

/* Reads feature_range, two numbers. */
static enum weir_status read_range(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   double **out, struct weir_error *err)
{
    double *range = NULL;
    enum weir_status status =
        weir_format_sklearn_build_vector(s, at, "feature_range", 2, &range, err);
    if (status != WEIR_OK)
        return status;
    if (range[0] >= range[1])
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "feature_range is empty");
    *out = range;
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_preprocess_min_max(struct weir_format_sklearn *s,
                                                        const struct weir_value_at *at,
                                                        const struct weir_model_node **out,
                                                        struct weir_error *err)
{
    bool clips;
    size_t n = 0;
    double *scale = NULL;
    double *min = NULL;
    double *range = NULL;
    enum weir_status status = weir_value_attr_bool_or(at, "clip", false, &clips, err);
    if (status == WEIR_OK)
        status = n_columns(s, at, "scale_", &n, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, at, "scale_", n, &scale, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, at, "min_", n, &min, err);
    if (status == WEIR_OK && clips)
        status = read_range(s, at, &range, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_step steps[3] = {
        {.op = WEIR_MODEL_STEP_MULTIPLY, .a = scale, .rounds_first = false},
        {.op = WEIR_MODEL_STEP_ADD, .a = min, .rounds_first = false}};
    /* The range is a pair of plain numbers, which take the type of the rows. */
    if (clips)
        steps[2] =
            (struct weir_model_step){.op = WEIR_MODEL_STEP_CLIP, .a = range, .rounds_first = true};
    return make(s, at, n, steps, clips ? 3 : 2, out, err);
}

enum weir_status weir_format_sklearn_preprocess_robust(struct weir_format_sklearn *s,
                                                       const struct weir_value_at *at,
                                                       const struct weir_model_node **out,
                                                       struct weir_error *err)
{
    bool centers, scales;
    size_t n = 0;
    double *values = NULL;
    struct weir_model_step steps[2] = {{0}};
    size_t n_steps = 0;
    enum weir_status status = weir_value_attr_bool_or(at, "with_centering", true, &centers, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "with_scaling", true, &scales, err);
    if (status == WEIR_OK)
        status = n_columns(s, at, scales ? "scale_" : "center_", &n, err);
    /* Its parameters are arrays that are cast to nothing before use: with float32 rows numpy does
     * the operation in double and rounds the result. */
    if (status == WEIR_OK && centers) {
        status = weir_format_sklearn_build_vector(s, at, "center_", n, &values, err);
        steps[n_steps++] = (struct weir_model_step){.op = WEIR_MODEL_STEP_SUBTRACT, .a = values};
    }
    if (status == WEIR_OK && scales) {
        status = weir_format_sklearn_build_vector(s, at, "scale_", n, &values, err);
        if (status == WEIR_OK && has_zero(values, n))
            status = weir_value_fail(at, WEIR_ERR_CORRUPT, err, "scale_ holds a zero");
        steps[n_steps++] = (struct weir_model_step){.op = WEIR_MODEL_STEP_DIVIDE, .a = values};
    }
    return status == WEIR_OK ? make(s, at, n, steps, n_steps, out, err) : status;
}

enum weir_status weir_format_sklearn_preprocess_max_abs(struct weir_format_sklearn *s,
                                                        const struct weir_value_at *at,
                                                        const struct weir_model_node **out,
                                                        struct weir_error *err)
{
    size_t n = 0;
    double *scale = NULL;
    static const double ends[] = {-1.0, 1.0};
    bool clips = false;
    enum weir_status status = n_columns(s, at, "scale_", &n, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "clip", false, &clips, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, at, "scale_", n, &scale, err);
    if (status == WEIR_OK && has_zero(scale, n))
        status = weir_value_fail(at, WEIR_ERR_CORRUPT, err, "scale_ holds a zero");
    if (status != WEIR_OK)
        return status;
    struct weir_model_step steps[2] = {{.op = WEIR_MODEL_STEP_DIVIDE, .a = scale},
                                       {.op = WEIR_MODEL_STEP_CLIP, .a = ends}};
    return make(s, at, n, steps, clips ? 2 : 1, out, err);
}

/* Gives the number of columns of a transformer that learns nothing else: n_features_in_, before
 * 0.24 what is around it says. */
static enum weir_status given_columns(const struct weir_format_sklearn *s,
                                      const struct weir_value_at *at, size_t *out,
                                      struct weir_error *err)
{
    enum weir_status status = weir_format_sklearn_build_n_features(at, out, err);
    if (status == WEIR_OK && *out == 0)
        *out = s->n_in;
    if (status == WEIR_OK && *out == 0)
        status = weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "does not say its n_features_in_");
    return status;
}

enum weir_status weir_format_sklearn_preprocess_binarizer(struct weir_format_sklearn *s,
                                                          const struct weir_value_at *at,
                                                          const struct weir_model_node **out,
                                                          struct weir_error *err)
{
    size_t n = 0;
    double threshold;
    enum weir_status status = given_columns(s, at, &n, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64_or(at, "threshold", 0.0, &threshold, err);
    if (status != WEIR_OK)
        return status;
    if (!isfinite(threshold))
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "threshold is NaN or infinite");
    double *all = weir_arena_array(s->temp, n, sizeof *all);
    if (!all)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    for (size_t j = 0; j < n; j++)
        all[j] = threshold;
    struct weir_model_step step = {.op = WEIR_MODEL_STEP_ABOVE, .a = all, .rounds_first = true};
    struct weir_model_steps_opts opts = {.name = at->v->object->cls,
                                         .n_columns = (uint32_t)n,
                                         .steps = &step,
                                         .n_steps = 1,
                                         .keeps_columns = s->keeps_columns};
    return weir_model_steps_new(s->b, &opts, out, err);
}

enum weir_status weir_format_sklearn_preprocess_normalizer(struct weir_format_sklearn *s,
                                                           const struct weir_value_at *at,
                                                           const struct weir_model_node **out,
                                                           struct weir_error *err)
{
    size_t n = 0;
    struct weir_str norm;
    enum weir_status status = given_columns(s, at, &n, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(at, "norm", WEIR_STR("l2"), &norm, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_rows_norm_opts opts = {.name = at->v->object->cls,
                                             .n_columns = (uint32_t)n,
                                             .keeps_zero_only =
                                                 s->version < WEIR_FORMAT_SKLEARN_VERSION(0, 24),
                                             .keeps_columns = s->keeps_columns};
    if (weir_str_eq_c(norm, "l1"))
        opts.norm = WEIR_MODEL_ROWS_L1;
    else if (weir_str_eq_c(norm, "l2"))
        opts.norm = WEIR_MODEL_ROWS_L2;
    else if (weir_str_eq_c(norm, "max"))
        opts.norm = WEIR_MODEL_ROWS_MAX;
    else
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "norm is not l1, l2 or max");
    return weir_model_rows_norm_new(s->b, &opts, out, err);
}

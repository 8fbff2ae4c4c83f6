/* SPDX-License-Identifier: MIT */
/* sklearn.preprocessing: transformers that make several columns of one, or of all:
 * PolynomialFeatures, SplineTransformer, KBinsDiscretizer. */
#include "format/sklearn/transform.h"
#include "model/bins.h"
#include "model/rows.h"
#include "model/spline.h"

#include <inttypes.h>
#include <math.h>

static enum weir_status no_memory(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
}

/* Reads the range of degrees: _min_degree and _max_degree; before 1.0 only degree. */
static enum weir_status read_degrees(const struct weir_value_at *at, int64_t *min, int64_t *max,
                                     struct weir_error *err)
{
    enum weir_status status = weir_value_attr_i64_or(at, "_max_degree", -1, max, err);
    if (status == WEIR_OK && *max >= 0)
        status = weir_value_attr_i64(at, "_min_degree", min, err);
    else if (status == WEIR_OK)
        status = weir_value_attr_i64(at, "degree", max, err);
    if (status == WEIR_OK && (*min < 0 || *max < *min || *max > WEIR_MODEL_ROWS_DEGREE_MAX))
        status = weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                                 "degrees from %" PRId64 " to %" PRId64 " are not supported", *min,
                                 *max);
    return status;
}

enum weir_status weir_format_sklearn_preprocess_polynomial(struct weir_format_sklearn *s,
                                                           const struct weir_value_at *at,
                                                           const struct weir_model_node **out,
                                                           struct weir_error *err)
{
    size_t n = 0;
    int64_t min = 0;
    int64_t max = 0;
    struct weir_model_rows_products_opts opts = {.name = at->v->object->cls,
                                                 .keeps_columns = s->keeps_columns};
    enum weir_status status = weir_format_sklearn_build_n_features(at, &n, err);
    if (status == WEIR_OK && n == 0) { /* before 0.24 */
        int64_t old;
        status = weir_value_attr_i64(at, "n_input_features_", &old, err);
        n = status == WEIR_OK && old > 0 && old <= WEIR_MODEL_COLUMNS_MAX ? (size_t)old : 0;
    }
    if (status == WEIR_OK)
        status = read_degrees(at, &min, &max, err);
    if (status == WEIR_OK)
        status =
            weir_value_attr_bool_or(at, "interaction_only", false, &opts.interaction_only, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "include_bias", true, &opts.has_one, err);
    if (status != WEIR_OK)
        return status;
    if (n == 0)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "n_input_features_ is out of range");
    opts.n_columns = (uint32_t)n;
    opts.degree_min = (uint32_t)min;
    opts.degree_max = (uint32_t)max;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_rows_products_new(s->b, &opts, out, &reason);
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

/* --- SplineTransformer --- */

/* Steps to an attribute that newer versions of scipy write with an underscore before it. */
static enum weir_status either_attr(const struct weir_value_at *at, const char *name,
                                    const char *other, struct weir_value_at *out,
                                    struct weir_error *err)
{
    enum weir_status status = weir_value_attr_opt(at, other, out, err);
    return status == WEIR_OK && !out->v ? weir_value_attr(at, name, out, err) : status;
}

/* Reads the knots of one BSpline and checks that its coefficients only pick basis functions. */
static enum weir_status read_spline(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    bool is_periodic, int64_t *degree,
                                    struct weir_value_f64s *knots, struct weir_error *err)
{
    struct weir_value_at place;
    struct weir_value_f64s c;
    enum weir_status status = weir_value_attr(at, "k", &place, err);
    if (status == WEIR_OK)
        status = weir_value_i64_in(&place, 0, WEIR_MODEL_SPLINE_DEGREE_MAX, degree, err);
    if (status == WEIR_OK)
        status = either_attr(at, "t", "_t", &place, err);
    if (status == WEIR_OK)
        status = weir_value_f64s(&place, s->temp, knots, err);
    if (status == WEIR_OK)
        status = either_attr(at, "c", "_c", &place, err);
    if (status == WEIR_OK)
        status = weir_value_f64s(&place, s->temp, &c, err);
    if (status != WEIR_OK)
        return status;
    size_t k = (size_t)*degree;
    size_t n_knots = knots->shape.n;
    if (knots->shape.n_dims != 1 || n_knots < 2 * k + 2 || n_knots > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "%zu knots for degree %zu", n_knots, k);
    for (size_t i = 0; i < n_knots; i++)
        if (!isfinite(knots->at[i]) || (i > 0 && knots->at[i] < knots->at[i - 1]))
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "knots are not in order");
    size_t n = n_knots - k - 1;
    size_t n_used = n - (is_periodic ? k : 0);
    if (c.shape.n_dims != 2 || c.shape.dim[0] != n || c.shape.dim[1] != n_used || n_used < k)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "coefficients do not fit the knots");
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n_used; j++)
            if (c.at[i * n_used + j] != (j == i % n_used ? 1.0 : 0.0))
                return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                                       "coefficients that mix the basis are not supported");
    return WEIR_OK;
}

static enum weir_status read_outside(const struct weir_value_at *at,
                                     enum weir_model_spline_outside *out, struct weir_error *err)
{
    static const char *const names[] = {[WEIR_MODEL_SPLINE_FAULT] = "error",
                                        [WEIR_MODEL_SPLINE_CONSTANT] = "constant",
                                        [WEIR_MODEL_SPLINE_LINEAR] = "linear",
                                        [WEIR_MODEL_SPLINE_CONTINUE] = "continue",
                                        [WEIR_MODEL_SPLINE_PERIODIC] = "periodic"};
    struct weir_str text;
    enum weir_status status = weir_value_attr_text(at, "extrapolation", &text, err);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++)
        if (weir_str_eq_c(text, names[i])) {
            *out = (enum weir_model_spline_outside)i;
            return WEIR_OK;
        }
    return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "extrapolation is not one that is known");
}

/* Reads the knots of all columns. */
static enum weir_status read_splines(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     struct weir_model_spline_opts *opts, struct weir_error *err)
{
    struct weir_value_at list;
    size_t n;
    enum weir_status status = weir_value_attr(at, "bsplines_", &list, err);
    if (status == WEIR_OK)
        status = weir_value_list(&list, &n, err);
    if (status != WEIR_OK)
        return status;
    const double **knots = weir_arena_array(s->temp, n, sizeof *knots);
    if (!knots)
        return no_memory(err);
    if (n == 0 || n > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(&list, WEIR_ERR_INVALID, err, "%zu columns", n);
    for (size_t j = 0; j < n; j++) {
        struct weir_value_at item;
        struct weir_value_f64s t;
        int64_t degree;
        status = weir_value_item(&list, j, &item, err);
        if (status == WEIR_OK)
            status = read_spline(s, &item, opts->outside == WEIR_MODEL_SPLINE_PERIODIC, &degree, &t,
                                 err);
        if (status != WEIR_OK)
            return status;
        if (j > 0 && ((uint32_t)degree != opts->degree || t.shape.n != opts->n_knots))
            return weir_value_fail(&item, WEIR_ERR_UNSUPPORTED, err,
                                   "columns have splines of different kinds");
        opts->degree = (uint32_t)degree;
        opts->n_knots = (uint32_t)t.shape.n;
        knots[j] = t.at;
    }
    opts->n_columns = (uint32_t)n;
    opts->knots = knots;
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_preprocess_spline(struct weir_format_sklearn *s,
                                                       const struct weir_value_at *at,
                                                       const struct weir_model_node **out,
                                                       struct weir_error *err)
{
    struct weir_model_spline_opts opts = {.name = at->v->object->cls,
                                          .keeps_columns = s->keeps_columns};
    struct weir_str missing;
    enum weir_status status = read_outside(at, &opts.outside, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "include_bias", true, &opts.has_last, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(at, "handle_missing", WEIR_STR("error"), &missing, err);
    if (status == WEIR_OK)
        status = read_splines(s, at, &opts, err);
    if (status != WEIR_OK)
        return status;
    opts.zero_for_nan = weir_str_eq_c(missing, "zeros");
    if (!opts.zero_for_nan && !weir_str_eq_c(missing, "error"))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "handle_missing is not error or zeros");
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_spline_new(s->b, &opts, out, &reason);
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

/* --- KBinsDiscretizer --- */

/* Reads the edges of one column. is_old: before 1.1 the last edge was counted too. */
static enum weir_status read_edges(struct weir_format_sklearn *s, const struct weir_value_at *edges,
                                   size_t j, int64_t n_bins, bool is_old,
                                   struct weir_model_bins_column *out, struct weir_error *err)
{
    struct weir_value_at at;
    struct weir_value_f64s values;
    enum weir_status status = weir_value_item(edges, j, &at, err);
    if (status == WEIR_OK)
        status = weir_value_f64s(&at, s->temp, &values, err);
    if (status != WEIR_OK)
        return status;
    size_t n = values.shape.n;
    if (n_bins < 1 || n_bins > WEIR_MODEL_COLUMNS_MAX || values.shape.n_dims != 1 ||
        n != (size_t)n_bins + 1)
        return weir_value_fail(&at, WEIR_ERR_CORRUPT, err, "%zu edges for %" PRId64 " bins", n,
                               n_bins);
    for (size_t i = 0; i < n; i++)
        if (isnan(values.at[i]) || (i > 0 && values.at[i] < values.at[i - 1]))
            return weir_value_fail(&at, WEIR_ERR_CORRUPT, err, "edges are not in order");
    *out = (struct weir_model_bins_column){
        .edges = values.at + 1, .n_edges = (uint32_t)(n - 1 - !is_old), .n_bins = (uint32_t)n_bins};
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_preprocess_bins(struct weir_format_sklearn *s,
                                                     const struct weir_value_at *at,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err)
{
    struct weir_value_i64s n_bins;
    struct weir_value_at edges, dtype;
    struct weir_str encode;
    bool is_old = s->version > 0 && s->version < WEIR_FORMAT_SKLEARN_VERSION(1, 1);
    enum weir_status status = weir_value_attr_i64s(at, "n_bins_", s->temp, &n_bins, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "bin_edges_", &edges, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(at, "encode", WEIR_STR("onehot"), &encode, err);
    if (status == WEIR_OK)
        status = weir_value_attr_opt(at, "dtype", &dtype, err);
    if (status != WEIR_OK)
        return status;
    size_t n = n_bins.shape.n;
    bool is_ordinal = weir_str_eq_c(encode, "ordinal");
    if (n == 0 || n_bins.shape.n_dims != 1 || weir_value_n(edges.v) != n)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "n_bins_ and bin_edges_ do not fit");
    if (!is_ordinal && !weir_str_eq_c(encode, "onehot") && !weir_str_eq_c(encode, "onehot-dense"))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "encode is not one that is known");
    struct weir_model_bins_column *columns = weir_arena_array(s->temp, n, sizeof *columns);
    if (!columns)
        return no_memory(err);
    for (size_t j = 0; j < n && status == WEIR_OK; j++)
        status = read_edges(s, &edges, j, n_bins.at[j], is_old, &columns[j], err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_bins_opts opts = {.name = at->v->object->cls,
                                        .n_columns = (uint32_t)n,
                                        .columns = columns,
                                        .is_onehot = !is_ordinal,
                                        .is_widened = is_old,
                                        .casts_to_f32 =
                                            dtype.v && dtype.v->kind == WEIR_VALUE_GLOBAL &&
                                            weir_str_ends(dtype.v->text, WEIR_STR("float32")),
                                        .keeps_columns = s->keeps_columns};
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_bins_new(s->b, &opts, out, &reason);
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

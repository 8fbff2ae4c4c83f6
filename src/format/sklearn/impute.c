/* SPDX-License-Identifier: MIT */
/* sklearn.impute: SimpleImputer, MissingIndicator, KNNImputer. */
#include "model/impute.h"

#include "format/sklearn/transform.h"
#include "model/columns.h"
#include "tensor/cell.h"

#include <math.h>

static enum weir_status no_memory(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
}

/* Columns for which an imputer says whether they were missing. */
struct indicated {
    uint32_t *index;
    size_t n;
    bool faults_new;
};

/* Reads the columns of a MissingIndicator. */
static enum weir_status read_indicated(struct weir_format_sklearn *s,
                                       const struct weir_value_at *at, size_t n_columns,
                                       struct indicated *out, struct weir_error *err)
{
    struct weir_value_i64s features;
    enum weir_status status = weir_value_attr_i64s(at, "features_", s->temp, &features, err);
    if (status != WEIR_OK)
        return status;
    out->n = features.shape.n;
    out->index = weir_arena_array(s->temp, out->n, sizeof *out->index);
    if (!out->index)
        return no_memory(err);
    if (out->n > n_columns)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "features_ holds more than all columns");
    for (size_t i = 0; i < out->n; i++) {
        if (features.at[i] < 0 || (size_t)features.at[i] >= n_columns)
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "features_ is out of range");
        out->index[i] = (uint32_t)features.at[i];
    }
    return WEIR_OK;
}

/* Reads the indicator of an imputer, if it adds one. */
static enum weir_status read_indicator(struct weir_format_sklearn *s,
                                       const struct weir_value_at *at, size_t n_columns,
                                       struct indicated *out, struct weir_error *err)
{
    bool adds;
    struct weir_value_at indicator;
    enum weir_status status = weir_value_attr_bool_or(at, "add_indicator", false, &adds, err);
    if (status != WEIR_OK || !adds)
        return status;
    status = weir_value_attr(at, "indicator_", &indicator, err);
    return status == WEIR_OK ? read_indicated(s, &indicator, n_columns, out, err) : status;
}

/* Reads the marker of missing values: NaN, a number, a text or None. */
static enum weir_status read_marker(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    double *out, struct weir_error *err)
{
    struct weir_value_at place;
    enum weir_status status = weir_value_attr(at, "missing_values", &place, err);
    return status == WEIR_OK ? weir_format_sklearn_transform_cell(&place, s->b->arena, out, err)
                             : status;
}

/* Finds whether an imputer was fitted on a table of objects, in which there may be text. */
static bool is_of_objects(const struct weir_value_at *at, const struct weir_value_at *statistics)
{
    const struct weir_value *dtype = weir_value_find(at->v, "_fit_dtype");
    if (dtype && dtype->kind == WEIR_VALUE_DTYPE && dtype->element)
        return dtype->element->kind == 'O';
    return weir_value_element_kind(statistics->v) == 'O';
}

/* --- SimpleImputer --- */

/* Decides what the columns of a table of objects may hold. A column that is filled with a number
 * may be one of numbers or of mixed values: what reads it decides. */
static uint8_t *object_kinds(struct weir_format_sklearn *s, const double *fill, double marker,
                             size_t n)
{
    uint8_t *kinds = weir_arena_array(s->temp, n, sizeof *kinds);
    for (size_t j = 0; kinds && j < n; j++) {
        bool is_number = weir_cell_is_number(fill[j]) && weir_cell_is_number(marker);
        kinds[j] = is_number ? (uint8_t)WEIR_MODEL_COLUMN_ANY : (uint8_t)WEIR_COLUMN_MIXED;
        if (weir_cell_is_none(marker))
            kinds[j] |= WEIR_MODEL_COLUMN_KNOWS_NONE;
    }
    return kinds;
}

/* Decides which columns are given: those without a value to fill in are not. */
static enum weir_status keep_columns(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     const double *fill, size_t n, bool *is_kept,
                                     struct weir_error *err)
{
    bool keeps_empty;
    struct weir_value_at strategy;
    enum weir_status status =
        weir_value_attr_bool_or(at, "keep_empty_features", false, &keeps_empty, err);
    if (status == WEIR_OK)
        status = weir_value_attr_opt(at, "strategy", &strategy, err);
    if (status != WEIR_OK)
        return status;
    bool is_constant = strategy.v && weir_value_is_text(strategy.v, "constant");
    bool keeps_all = keeps_empty || (is_constant && s->version < WEIR_FORMAT_SKLEARN_VERSION(1, 8));
    for (size_t j = 0; j < n; j++)
        is_kept[j] = keeps_all || !isnan(fill[j]) || !weir_cell_is_number(fill[j]);
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_impute_simple(struct weir_format_sklearn *s,
                                                   const struct weir_value_at *at,
                                                   const struct weir_model_node **out,
                                                   struct weir_error *err)
{
    struct weir_value_at statistics;
    struct indicated indicated = {0};
    double marker = (double)NAN;
    double *fill = NULL;
    size_t n = 0;
    enum weir_status status = weir_value_attr(at, "statistics_", &statistics, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_transform_cells(s, &statistics, s->b->arena, &fill, &n, err);
    if (status == WEIR_OK)
        status = read_marker(s, at, &marker, err);
    if (status == WEIR_OK && (n == 0 || n > WEIR_MODEL_COLUMNS_MAX))
        status = weir_value_fail(&statistics, WEIR_ERR_INVALID, err, "%zu columns", n);
    if (status == WEIR_OK)
        status = read_indicator(s, at, n, &indicated, err);
    if (status != WEIR_OK)
        return status;
    bool *is_kept = weir_arena_array(s->temp, n, sizeof *is_kept);
    if (!is_kept)
        return no_memory(err);
    status = keep_columns(s, at, fill, n, is_kept, err);
    if (status != WEIR_OK)
        return status;
    uint8_t *kinds = NULL;
    if (is_of_objects(at, &statistics)) {
        kinds = object_kinds(s, fill, marker, n);
        if (!kinds)
            return no_memory(err);
    } else if (!weir_cell_is_number(marker)) {
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "missing_values of numbers is not a number");
    }
    for (size_t j = 0; !kinds && j < n; j++)
        if (!weir_cell_is_number(fill[j]))
            return weir_value_fail(&statistics, WEIR_ERR_CORRUPT, err,
                                   "columns of numbers are filled with text");
    struct weir_model_impute_opts opts = {.name = at->v->object->cls,
                                          .n_columns = (uint32_t)n,
                                          .missing = marker,
                                          .fill = fill,
                                          .is_kept = is_kept,
                                          .kinds = kinds,
                                          .indicated = indicated.index,
                                          .n_indicated = (uint32_t)indicated.n,
                                          .is_f32 = true,
                                          .keeps_columns = s->keeps_columns};
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_impute_new(s->b, &opts, out, &reason);
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

/* --- MissingIndicator --- */

enum weir_status weir_format_sklearn_impute_indicator(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    struct indicated indicated = {0};
    struct weir_str features;
    int64_t n = 0;
    double marker = (double)NAN;
    bool faults_new = true;
    enum weir_status status = weir_value_attr_i64(at, "_n_features", &n, err);
    if (status == WEIR_OK && (n < 1 || n > WEIR_MODEL_COLUMNS_MAX))
        status = weir_value_fail(at, WEIR_ERR_INVALID, err, "_n_features is out of range");
    if (status == WEIR_OK)
        status = read_indicated(s, at, (size_t)n, &indicated, err);
    if (status == WEIR_OK)
        status = read_marker(s, at, &marker, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(at, "features", WEIR_STR("missing-only"), &features, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "error_on_new", true, &faults_new, err);
    if (status != WEIR_OK)
        return status;
    uint8_t *kinds = NULL;
    if (!weir_cell_is_number(marker)) {
        kinds = weir_arena_array(s->temp, (size_t)n, sizeof *kinds);
        if (!kinds)
            return no_memory(err);
        for (int64_t j = 0; j < n; j++)
            kinds[j] =
                WEIR_COLUMN_MIXED | (weir_cell_is_none(marker) ? WEIR_MODEL_COLUMN_KNOWS_NONE : 0);
    }
    struct weir_model_impute_opts opts = {.name = at->v->object->cls,
                                          .n_columns = (uint32_t)n,
                                          .missing = marker,
                                          .kinds = kinds,
                                          .indicated = indicated.index,
                                          .n_indicated = (uint32_t)indicated.n,
                                          .faults_new =
                                              faults_new && weir_str_eq_c(features, "missing-only"),
                                          .keeps_columns = s->keeps_columns};
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_impute_new(s->b, &opts, out, &reason);
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

/* --- KNNImputer --- */

/* Reads the training rows; missing ones become NaN. */
static enum weir_status read_rows(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                  struct weir_model_impute_knn_opts *opts, struct weir_error *err)
{
    struct weir_value_f64s rows, mask;
    enum weir_status status = weir_value_attr_f64s(at, "_fit_X", s->temp, &rows, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64s(at, "_mask_fit_X", s->temp, &mask, err);
    if (status != WEIR_OK)
        return status;
    if (rows.shape.n_dims != 2 || rows.shape.n == 0 || mask.shape.n != rows.shape.n ||
        rows.shape.dim[1] > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "_fit_X is not a table");
    for (size_t i = 0; i < rows.shape.n; i++) {
        rows.at[i] = mask.at[i] != 0.0 ? (double)NAN : rows.at[i];
        if (mask.at[i] == 0.0 && !isfinite(rows.at[i]))
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "_fit_X holds NaN or infinity");
    }
    opts->rows = rows.at;
    opts->n_rows = rows.shape.dim[0];
    opts->n_columns = (uint32_t)rows.shape.dim[1];
    return WEIR_OK;
}

/* Reads weights and metric; callables are refused. */
static enum weir_status read_weights(const struct weir_value_at *at, bool *is_weighted,
                                     struct weir_error *err)
{
    struct weir_str text;
    enum weir_status status =
        weir_value_attr_text_or(at, "metric", WEIR_STR("nan_euclidean"), &text, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_str_eq_c(text, "nan_euclidean"))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "metric is not nan_euclidean");
    status = weir_value_attr_text_or(at, "weights", WEIR_STR("uniform"), &text, err);
    if (status != WEIR_OK)
        return status;
    *is_weighted = weir_str_eq_c(text, "distance");
    if (!*is_weighted && !weir_str_eq_c(text, "uniform"))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "weights are not uniform or distance");
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_impute_knn(struct weir_format_sklearn *s,
                                                const struct weir_value_at *at,
                                                const struct weir_model_node **out,
                                                struct weir_error *err)
{
    struct weir_model_impute_knn_opts opts = {.name = at->v->object->cls,
                                              .takes_strangers =
                                                  s->version < WEIR_FORMAT_SKLEARN_VERSION(1, 6),
                                              .keeps_columns = s->keeps_columns};
    struct indicated indicated = {0};
    struct weir_value_at place;
    int64_t k = 0;
    enum weir_status status = read_rows(s, at, &opts, err);
    if (status == WEIR_OK)
        status = read_marker(s, at, &opts.missing, err);
    if (status == WEIR_OK && !weir_cell_is_number(opts.missing))
        status = weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "missing_values is not a number");
    if (status == WEIR_OK)
        status = weir_value_attr(at, "n_neighbors", &place, err);
    if (status == WEIR_OK)
        status = weir_value_i64_in(&place, 1, INT32_MAX, &k, err);
    if (status == WEIR_OK)
        status = read_weights(at, &opts.is_weighted, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "keep_empty_features", false, &opts.keeps_empty, err);
    if (status == WEIR_OK)
        status = read_indicator(s, at, opts.n_columns, &indicated, err);
    if (status != WEIR_OK)
        return status;
    opts.n_neighbors = (uint32_t)k;
    opts.indicated = indicated.index;
    opts.n_indicated = (uint32_t)indicated.n;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_impute_knn_new(s->b, &opts, out, &reason);
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

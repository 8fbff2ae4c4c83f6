/* SPDX-License-Identifier: MIT */
/* OrdinalEncoder, TargetEncoder, LabelEncoder, LabelBinarizer; and what OneHotEncoder has in common
 * with them: categories_, and the grouping of seldom ones. */
#include "format/sklearn/encode.h"

#include "tensor/cell.h"

#include <math.h>

static enum weir_status no_memory(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
}

/* Reads item j of a list as whole numbers from 0 to most; *out is NULL where it is None. */
static enum weir_status read_indexes(struct weir_format_sklearn *s,
                                     const struct weir_value_at *list, size_t j, int64_t most,
                                     const int64_t **out, size_t *n, struct weir_error *err)
{
    struct weir_value_at at;
    struct weir_value_i64s values;
    enum weir_status status = weir_value_item(list, j, &at, err);
    if (status != WEIR_OK || weir_value_is_none(at.v))
        return status;
    status = weir_value_i64s(&at, s->temp, &values, err);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < values.shape.n; i++)
        if (values.at[i] < 0 || values.at[i] > most)
            return weir_value_fail(&at, WEIR_ERR_CORRUPT, err, "index %zu is out of range", i);
    *out = values.at;
    *n = values.shape.n;
    return WEIR_OK;
}

/* Reads how categories are grouped, if they are. */
static enum weir_status read_groups(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct weir_format_sklearn_encode *e, struct weir_error *err)
{
    bool is_grouped;
    struct weir_value_at mappings, seldom;
    enum weir_status status =
        weir_value_attr_bool_or(at, "_infrequent_enabled", false, &is_grouped, err);
    if (status != WEIR_OK || !is_grouped)
        return status;
    status = weir_value_attr(at, "_default_to_infrequent_mappings", &mappings, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "_infrequent_indices", &seldom, err);
    if (status == WEIR_OK && (weir_value_n(mappings.v) != e->n || weir_value_n(seldom.v) != e->n))
        status = weir_value_fail(at, WEIR_ERR_CORRUPT, err, "groups do not fit the categories");
    for (size_t j = 0; j < e->n && status == WEIR_OK; j++) {
        size_t n_seldom = 0;
        size_t n = e->columns[j].n_categories;
        int64_t most = (int64_t)n - 1;
        status = read_indexes(s, &mappings, j, most, &e->mappings[j], &e->n_mapped[j], err);
        if (status == WEIR_OK)
            status = read_indexes(s, &seldom, j, most, &e->infrequent[j], &n_seldom, err);
        if (status != WEIR_OK)
            return status;
        bool has_both = e->mappings[j] && e->infrequent[j];
        if (has_both ? e->n_mapped[j] > n || e->n_mapped[j] + 1 < n || n_seldom == 0 || n_seldom > n
                     : e->mappings[j] || e->infrequent[j])
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "groups of column %zu do not fit", j);
    }
    return status;
}

enum weir_status weir_format_sklearn_encode_read(struct weir_format_sklearn *s,
                                                 const struct weir_value_at *at,
                                                 struct weir_format_sklearn_encode *out,
                                                 struct weir_error *err)
{
    struct weir_value_at list;
    size_t n;
    enum weir_status status = weir_value_attr(at, "categories_", &list, err);
    if (status == WEIR_OK)
        status = weir_value_list(&list, &n, err);
    if (status != WEIR_OK)
        return status;
    if (n == 0 || n > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(&list, WEIR_ERR_INVALID, err, "%zu columns", n);
    struct weir_format_sklearn_encode e = {.n = n};
    e.columns = weir_arena_zarray(s->temp, n, sizeof *e.columns);
    e.mappings = weir_arena_zarray(s->temp, n, sizeof *e.mappings);
    e.infrequent = weir_arena_zarray(s->temp, n, sizeof *e.infrequent);
    e.n_mapped = weir_arena_zarray(s->temp, n, sizeof *e.n_mapped);
    if (!e.columns || !e.mappings || !e.infrequent || !e.n_mapped)
        return no_memory(err);
    for (size_t j = 0; j < n && status == WEIR_OK; j++) {
        struct weir_value_at item;
        double *cells = NULL;
        status = weir_value_item(&list, j, &item, err);
        if (status == WEIR_OK)
            status = weir_format_sklearn_transform_cells(s, &item, s->temp, &cells,
                                                         &e.columns[j].n_categories, err);
        if (status == WEIR_OK && e.columns[j].n_categories > WEIR_MODEL_COLUMNS_MAX)
            status = weir_value_fail(&item, WEIR_ERR_LIMIT, err, "more than %d categories",
                                     WEIR_MODEL_COLUMNS_MAX);
        e.columns[j].categories = cells;
    }
    if (status == WEIR_OK)
        status = read_groups(s, at, &e, err);
    if (status == WEIR_OK)
        *out = e;
    return status;
}

enum weir_status
weir_format_sklearn_encode_make(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                const struct weir_format_sklearn_encode *e, bool follows_f32,
                                const struct weir_model_node **out, struct weir_error *err)
{
    struct weir_model_encode_opts opts = {
        .name = at->v->object->cls,
        .n_columns = (uint32_t)e->n,
        .columns = e->columns,
        .refuses_nan = s->version > 0 && s->version < WEIR_FORMAT_SKLEARN_VERSION(0, 24),
        .follows_f32 = follows_f32,
        .keeps_columns = s->keeps_columns};
    struct weir_error reason = WEIR_ERROR_INIT;
    enum weir_status status = weir_model_encode_new(s->b, &opts, out, &reason);
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

/* --- OrdinalEncoder --- */

/* Reads which category of each column is the missing one: {column: category}; SIZE_MAX: none. */
static enum weir_status read_missing(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     const struct weir_format_sklearn_encode *e, size_t *missing,
                                     struct weir_error *err)
{
    struct weir_value_at dict;
    (void)s;
    for (size_t j = 0; j < e->n; j++)
        missing[j] = SIZE_MAX;
    enum weir_status status = weir_value_attr_opt(at, "_missing_indices", &dict, err);
    if (status != WEIR_OK || !dict.v)
        return status;
    if (dict.v->kind != WEIR_VALUE_DICT)
        return weir_value_fail(&dict, WEIR_ERR_INVALID, err, "expected a dict");
    for (size_t i = 0; i < dict.v->dict.n; i++) {
        struct weir_value_at key = dict;
        struct weir_value_at value = dict;
        int64_t column, category;
        key.v = dict.v->dict.at[i].key;
        value.v = dict.v->dict.at[i].value;
        status = weir_value_i64_in(&key, 0, (int64_t)e->n - 1, &column, err);
        if (status == WEIR_OK)
            status = weir_value_i64_in(&value, 0, (int64_t)e->columns[column].n_categories - 1,
                                       &category, err);
        if (status != WEIR_OK)
            return status;
        missing[column] = (size_t)category;
    }
    return WEIR_OK;
}

static enum weir_status ordinal_column(struct weir_format_sklearn *s,
                                       struct weir_model_encode_column *c, const int64_t *mapping,
                                       size_t missing, double missing_value,
                                       const double *unknown_value, struct weir_error *err)
{
    double *values = weir_arena_array(s->temp, c->n_categories, sizeof *values);
    if (!values)
        return no_memory(err);
    for (size_t i = 0; i < c->n_categories; i++)
        values[i] = i == missing ? missing_value : mapping ? (double)mapping[i] : (double)i;
    c->width = 1;
    c->values = values;
    c->unknown_values = unknown_value;
    c->faults_unknown = unknown_value == NULL;
    return WEIR_OK;
}

/* Finds whether an encoder's dtype parameter is float32. */
static enum weir_status dtype_is_f32(const struct weir_value_at *at, bool *out,
                                     struct weir_error *err)
{
    struct weir_value_at dtype;
    enum weir_status status = weir_value_attr_opt(at, "dtype", &dtype, err);
    if (status == WEIR_OK)
        *out = dtype.v && dtype.v->kind == WEIR_VALUE_GLOBAL &&
               weir_str_ends(dtype.v->text, WEIR_STR(".float32"));
    return status;
}

enum weir_status weir_format_sklearn_encode_ordinal(struct weir_format_sklearn *s,
                                                    const struct weir_value_at *at,
                                                    const struct weir_model_node **out,
                                                    struct weir_error *err)
{
    struct weir_format_sklearn_encode e;
    struct weir_str unknown;
    double unknown_value = 0.0;
    double missing_value = 0.0;
    bool is_f32 = false;
    enum weir_status status = weir_format_sklearn_encode_read(s, at, &e, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(at, "handle_unknown", WEIR_STR("error"), &unknown, err);
    if (status == WEIR_OK)
        status =
            weir_value_attr_f64_or(at, "encoded_missing_value", (double)NAN, &missing_value, err);
    if (status == WEIR_OK)
        status = dtype_is_f32(at, &is_f32, err);
    if (status != WEIR_OK)
        return status;
    bool has_value = weir_str_eq_c(unknown, "use_encoded_value");
    if (!has_value && !weir_str_eq_c(unknown, "error"))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "handle_unknown is not error or use_encoded_value");
    if (has_value)
        status = weir_value_attr_f64(at, "unknown_value", &unknown_value, err);
    size_t *missing = weir_arena_array(s->temp, e.n, sizeof *missing);
    if (!missing)
        return no_memory(err);
    if (status == WEIR_OK)
        status = read_missing(s, at, &e, missing, err);
    for (size_t j = 0; j < e.n && status == WEIR_OK; j++)
        if (e.mappings[j] && e.n_mapped[j] < e.columns[j].n_categories &&
            missing[j] != e.n_mapped[j])
            status =
                weir_value_fail(at, WEIR_ERR_CORRUPT, err, "groups of column %zu do not fit", j);
        else
            status = ordinal_column(s, &e.columns[j], e.mappings[j], missing[j], missing_value,
                                    has_value ? &unknown_value : NULL, err);
    return status == WEIR_OK ? weir_format_sklearn_encode_make(s, at, &e, is_f32, out, err)
                             : status;
}

/* --- TargetEncoder --- */

/* Reads encoding k of encodings_ into column k of the values of a feature. */
static enum weir_status read_encoding(struct weir_format_sklearn *s,
                                      const struct weir_value_at *list, size_t index, size_t n,
                                      double *out, size_t stride, struct weir_error *err)
{
    struct weir_value_at at;
    struct weir_value_f64s values;
    enum weir_status status = weir_value_item(list, index, &at, err);
    if (status == WEIR_OK)
        status = weir_value_f64s(&at, s->temp, &values, err);
    if (status != WEIR_OK)
        return status;
    if (values.shape.n_dims != 1 || values.shape.n != n)
        return weir_value_fail(&at, WEIR_ERR_CORRUPT, err, "%zu values for %zu categories",
                               values.shape.n, n);
    for (size_t i = 0; i < n; i++)
        out[i * stride] = values.at[i];
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_encode_target(struct weir_format_sklearn *s,
                                                   const struct weir_value_at *at,
                                                   const struct weir_model_node **out,
                                                   struct weir_error *err)
{
    struct weir_format_sklearn_encode e;
    struct weir_value_f64s mean;
    struct weir_value_at list;
    enum weir_status status = weir_format_sklearn_encode_read(s, at, &e, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64s(at, "target_mean_", s->temp, &mean, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "encodings_", &list, err);
    if (status != WEIR_OK)
        return status;
    size_t width = mean.shape.n;
    size_t n_encodings;
    if (mean.shape.n_dims > 1 || width == 0 || width > WEIR_MODEL_COLUMNS_MAX ||
        !weir_size_mul(width, e.n, &n_encodings) || weir_value_n(list.v) != n_encodings)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "encodings_ do not fit the columns");
    for (size_t j = 0; j < e.n; j++) {
        struct weir_model_encode_column *c = &e.columns[j];
        double *values = weir_arena_array(s->temp, c->n_categories * width + 1, sizeof *values);
        if (!values)
            return no_memory(err);
        for (size_t k = 0; k < width; k++) {
            status =
                read_encoding(s, &list, j * width + k, c->n_categories, values + k, width, err);
            if (status != WEIR_OK)
                return status;
        }
        c->width = (uint32_t)width;
        c->values = values;
        c->unknown_values = mean.at;
    }
    return weir_format_sklearn_encode_make(s, at, &e, false, out, err);
}

/* --- encoders of labels --- */

/* Fills the columns of a LabelBinarizer: one for each class, or one for two classes. */
static enum weir_status binarize(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                 struct weir_model_encode_column *c, struct weir_error *err)
{
    double low, high;
    enum weir_status status = weir_value_attr_f64_or(at, "neg_label", 0.0, &low, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64_or(at, "pos_label", 1.0, &high, err);
    if (status != WEIR_OK)
        return status;
    size_t n = c->n_categories;
    size_t width = n > 2 ? n : 1;
    size_t n_values;
    if (!weir_size_mul(n + 1, width, &n_values) || n_values > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(at, WEIR_ERR_LIMIT, err, "%zu classes are too many", n);
    double *values = weir_arena_array(s->temp, n_values, sizeof *values);
    if (!values)
        return no_memory(err);
    for (size_t i = 0; i <= n; i++)
        for (size_t k = 0; k < width; k++)
            values[i * width + k] = i < n && (n > 2 ? i == k : i == 1) ? high : low;
    c->width = (uint32_t)width;
    c->values = values;
    c->unknown_values = values + n * width;
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_encode_labels(struct weir_format_sklearn *s,
                                                   const struct weir_value_at *at,
                                                   const struct weir_model_node **out,
                                                   struct weir_error *err)
{
    struct weir_model_encode_column column = {0};
    struct weir_format_sklearn_encode e = {.columns = &column, .n = 1};
    struct weir_value_at classes;
    struct weir_str type;
    double *cells = NULL;
    enum weir_status status = weir_value_attr(at, "classes_", &classes, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_transform_cells(s, &classes, s->temp, &cells,
                                                     &column.n_categories, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(at, "y_type_", WEIR_STR("multiclass"), &type, err);
    if (status != WEIR_OK)
        return status;
    column.categories = cells;
    if (weir_str_starts(type, WEIR_STR("multilabel")))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "rows of several labels are not supported");
    status = weir_str_eq_c(at->v->object->cls, "LabelBinarizer")
                 ? binarize(s, at, &column, err)
                 : ordinal_column(s, &column, NULL, SIZE_MAX, 0.0, NULL, err);
    return status == WEIR_OK ? weir_format_sklearn_encode_make(s, at, &e, false, out, err) : status;
}

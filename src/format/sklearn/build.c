/* SPDX-License-Identifier: MIT */
#include "format/sklearn/build.h"

#include <math.h>

bool weir_format_sklearn_build_is_finite(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

static const struct weir_value_dtype *dtype_of(const struct weir_value *v)
{
    return v->kind == WEIR_VALUE_ARRAY ? v->array->dtype : v->dtype;
}

bool weir_format_sklearn_build_is_f32(const struct weir_value *v)
{
    const struct weir_value_dtype *dtype = dtype_of(v);
    return dtype && dtype->kind == 'f' && dtype->itemsize == 4;
}

bool weir_format_sklearn_build_is_typed(const struct weir_value *v)
{
    return dtype_of(v) != NULL;
}

enum weir_status weir_format_sklearn_build_vector(struct weir_format_sklearn *s,
                                                  const struct weir_value_at *at, const char *name,
                                                  size_t n, double **out, struct weir_error *err)
{
    double *values;
    enum weir_status status = weir_value_attr_matrix(at, name, n, SIZE_MAX, s->temp, &values, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_format_sklearn_build_is_finite(values, n))
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%s holds NaN or infinity", name);
    *out = values;
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_build_n_features(const struct weir_value_at *at, size_t *out,
                                                      struct weir_error *err)
{
    static const char *const names[] = {"n_features_in_", "n_features_"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++) {
        struct weir_value_at place;
        enum weir_status status = weir_value_attr_opt(at, names[i], &place, err);
        if (status != WEIR_OK)
            return status;
        if (!place.v)
            continue;
        int64_t n;
        status = weir_value_i64_in(&place, 1, WEIR_MODEL_COLUMNS_MAX, &n, err);
        if (status == WEIR_OK)
            *out = (size_t)n;
        return status;
    }
    *out = 0;
    return WEIR_OK;
}

struct weir_labels *weir_format_sklearn_build_targets(struct weir_format_sklearn *s, size_t n,
                                                      struct weir_error *err)
{
    struct weir_labels *targets = weir_arena_zarray(s->b->arena, n, sizeof *targets);
    if (!targets)
        (void)weir_model_builder_no_memory(s->b, err); /* the caller sees NULL */
    return targets;
}

/* Finds whether text holds half of a UTF-16 pair, which UTF-8 and JSON cannot carry. */
static bool has_surrogate(struct weir_str text)
{
    for (size_t i = 0; i + 1 < text.n; i++)
        if ((unsigned char)text.at[i] == 0xed && (unsigned char)text.at[i + 1] >= 0xa0)
            return true;
    return false;
}

static enum weir_status text_labels(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct weir_labels *out, struct weir_error *err)
{
    struct weir_value_strs texts;
    enum weir_status status = weir_value_strs(at, s->temp, &texts, err);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < texts.shape.n; i++)
        if (has_surrogate(texts.at[i]))
            return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                                   "label %zu cannot be written as UTF-8", i);
    return weir_model_builder_labels(s->b, out, WEIR_BYTES, texts.shape.n, texts.at, err);
}

static enum weir_status number_labels(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                      bool is_bool, struct weir_labels *out, struct weir_error *err)
{
    struct weir_value_i64s numbers;
    enum weir_status status = weir_value_i64s(at, s->temp, &numbers, err);
    if (status != WEIR_OK)
        return status;
    return weir_model_builder_labels(s->b, out, is_bool ? WEIR_BOOL : WEIR_I64, numbers.shape.n,
                                     numbers.at, err);
}

static enum weir_status float_labels(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     struct weir_labels *out, struct weir_error *err)
{
    struct weir_value_f64s numbers;
    enum weir_status status = weir_value_f64s(at, s->temp, &numbers, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_format_sklearn_build_is_finite(numbers.at, numbers.shape.n))
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "a label is NaN or infinite");
    return weir_model_builder_labels(s->b, out, WEIR_F64, numbers.shape.n, numbers.at, err);
}

/* Returns the kind of the labels as an element kind; for objects the kind that all of them have, or
 * '?'. */
static char label_kind(const struct weir_value_at *at, size_t n)
{
    char kind = weir_value_element_kind(at->v);
    if (kind != 'O')
        return kind;
    char all = '?';
    for (size_t i = 0; i < n; i++) {
        struct weir_value_at item;
        if (weir_value_item(at, i, &item, NULL) != WEIR_OK)
            return '?';
        char one = weir_value_is_none(item.v)        ? '?'
                   : item.v->kind == WEIR_VALUE_TEXT ? 'U'
                   : item.v->kind == WEIR_VALUE_BOOL ? 'b'
                   : item.v->kind == WEIR_VALUE_I64  ? 'i'
                   : item.v->kind == WEIR_VALUE_F64  ? 'f'
                                                     : '?';
        if (one == '?' || (i > 0 && one != all))
            return '?';
        all = one;
    }
    return all;
}

enum weir_status weir_format_sklearn_build_labels(struct weir_format_sklearn *s,
                                                  const struct weir_value_at *at,
                                                  struct weir_labels *out, struct weir_error *err)
{
    struct weir_value_shape shape;
    enum weir_status status = weir_value_shape(at, &shape, err);
    if (status != WEIR_OK)
        return status;
    if (shape.n_dims != 1 || shape.n == 0)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "expected a list of labels");
    if (shape.n > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(at, WEIR_ERR_LIMIT, err, "more than %d labels",
                               WEIR_MODEL_COLUMNS_MAX);
    switch (label_kind(at, shape.n)) {
    case 'U':
        return text_labels(s, at, out, err);
    case 'b':
        return number_labels(s, at, true, out, err);
    case 'i':
    case 'u':
        return number_labels(s, at, false, out, err);
    case 'f':
        return float_labels(s, at, out, err);
    }
    return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                           "labels are not all texts, whole numbers, floats or bools");
}

enum weir_status weir_format_sklearn_build_no_memory(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
}

/* Reads a sparse matrix of rows. */
static enum weir_status read_csr(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                 struct weir_value_f64s *out, struct weir_error *err)
{
    struct weir_value_i64s shape, indices, indptr;
    struct weir_value_f64s data;
    enum weir_status status = weir_value_attr_i64s(at, "_shape", s->temp, &shape, err);
    if (status == WEIR_OK)
        status = weir_value_attr_i64s(at, "indices", s->temp, &indices, err);
    if (status == WEIR_OK)
        status = weir_value_attr_i64s(at, "indptr", s->temp, &indptr, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64s(at, "data", s->temp, &data, err);
    if (status != WEIR_OK)
        return status;
    if (shape.shape.n != 2 || shape.at[0] < 1 || shape.at[0] > WEIR_MODEL_COLUMNS_MAX ||
        shape.at[1] < 1 || shape.at[1] > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "not a matrix of rows");
    size_t n_rows = (size_t)shape.at[0];
    size_t n_columns = (size_t)shape.at[1];
    double *values = weir_arena_zarray(s->temp, n_rows * n_columns, sizeof *values);
    if (!values)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    if (indptr.shape.n != n_rows + 1 || indptr.at[0] != 0 || indices.shape.n != data.shape.n)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "its arrays do not fit together");
    for (size_t row = 0; row < n_rows; row++) {
        int64_t end = indptr.at[row + 1];
        if (end < indptr.at[row] || (uint64_t)end > data.shape.n)
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "row %zu ends out of range", row);
        for (size_t i = (size_t)indptr.at[row]; i < (size_t)end; i++) {
            if (indices.at[i] < 0 || (uint64_t)indices.at[i] >= n_columns)
                return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "column %lld is out of range",
                                       (long long)indices.at[i]);
            values[row * n_columns + (size_t)indices.at[i]] += data.at[i];
        }
    }
    *out = (struct weir_value_f64s){
        .at = values, .shape = {.n_dims = 2, .dim = {n_rows, n_columns}, .n = n_rows * n_columns}};
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_build_matrix_at(struct weir_format_sklearn *s,
                                                     const struct weir_value_at *place,
                                                     struct weir_format_sklearn_matrix *out,
                                                     struct weir_error *err)
{
    struct weir_value_f64s values;
    struct weir_format_sklearn_matrix m = {.is_f32 = weir_format_sklearn_build_is_f32(place->v)};
    bool is_csr =
        weir_value_is_object(place->v, "csr_matrix") || weir_value_is_object(place->v, "csr_array");
    enum weir_status status =
        is_csr ? read_csr(s, place, &values, err) : weir_value_f64s(place, s->temp, &values, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_value_shape *shape = &values.shape;
    if (shape->n_dims > 2 || shape->n == 0)
        return weir_value_fail(place, WEIR_ERR_INVALID, err,
                               "expected one or two dimensions, found %u", shape->n_dims);
    if (is_csr) {
        const struct weir_value *data = weir_value_find(place->v, "data");
        m.is_f32 = data && weir_format_sklearn_build_is_f32(data);
    }
    m.at = values.at;
    m.is_flat = shape->n_dims < 2;
    m.n_rows = m.is_flat ? 1 : shape->dim[0];
    m.n_columns = m.is_flat ? shape->n : shape->dim[1];
    if (m.n_columns > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(place, WEIR_ERR_LIMIT, err, "more than %d columns",
                               WEIR_MODEL_COLUMNS_MAX);
    if (!weir_format_sklearn_build_is_finite(m.at, shape->n))
        return weir_value_fail(place, WEIR_ERR_CORRUPT, err, "holds NaN or infinity");
    *out = m;
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_build_matrix(struct weir_format_sklearn *s,
                                                  const struct weir_value_at *at, const char *name,
                                                  struct weir_format_sklearn_matrix *out,
                                                  struct weir_error *err)
{
    struct weir_value_at place;
    enum weir_status status = weir_value_attr(at, name, &place, err);
    return status == WEIR_OK ? weir_format_sklearn_build_matrix_at(s, &place, out, err) : status;
}

enum weir_status weir_format_sklearn_build_field_i64s(const struct weir_value_at *nodes,
                                                      const char *name, size_t n,
                                                      struct weir_arena *temp, const int64_t **out,
                                                      struct weir_error *err)
{
    struct weir_value_i64s values;
    enum weir_status status = weir_value_field_i64s(nodes, name, temp, &values, err);
    if (status == WEIR_OK && values.shape.n != n)
        status =
            weir_value_fail(nodes, WEIR_ERR_CORRUPT, err, "%zu nodes, not %zu", values.shape.n, n);
    if (status == WEIR_OK)
        *out = values.at;
    return status;
}

enum weir_status weir_format_sklearn_build_classes(struct weir_format_sklearn *s,
                                                   const struct weir_value_at *at, const char *name,
                                                   size_t n, struct weir_labels **out,
                                                   struct weir_error *err)
{
    struct weir_value_at place;
    enum weir_status status = weir_value_attr(at, name, &place, err);
    if (status != WEIR_OK)
        return status;
    struct weir_labels *labels = weir_format_sklearn_build_targets(s, 1, err);
    if (!labels)
        return weir_model_builder_no_memory(s->b, err);
    status = weir_format_sklearn_build_labels(s, &place, labels, err);
    if (status != WEIR_OK)
        return status;
    if (n > 0 && labels->n != n)
        return weir_value_fail(&place, WEIR_ERR_CORRUPT, err, "%zu labels, expected %zu", labels->n,
                               n);
    *out = labels;
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_build_numbered(struct weir_format_sklearn *s, size_t n,
                                                    struct weir_labels **out,
                                                    struct weir_error *err)
{
    struct weir_labels *labels = weir_format_sklearn_build_targets(s, 1, err);
    int64_t *numbers = weir_arena_array(s->temp, n, sizeof *numbers);
    if (!labels)
        return weir_model_builder_no_memory(s->b, err);
    if (!numbers)
        return weir_format_sklearn_build_no_memory(err);
    for (size_t i = 0; i < n; i++)
        numbers[i] = (int64_t)i;
    enum weir_status status = weir_model_builder_labels(s->b, labels, WEIR_I64, n, numbers, err);
    if (status == WEIR_OK)
        *out = labels;
    return status;
}

/* --- versions --- */

/* Reads "1.4.2" as 104; 0: it is not of that form. */
static uint32_t parse_version(struct weir_str text)
{
    uint64_t major, minor;
    struct weir_str rest = text;
    struct weir_str first = weir_str_split(&rest, '.');
    struct weir_str second = weir_str_split(&rest, '.');
    size_t n = 0; /* "1.9rc1" and "1.9.dev0" begin with digits */
    while (n < second.n && second.at[n] >= '0' && second.at[n] <= '9')
        n++;
    second.n = n;
    if (!weir_str_to_u64(first, 99, &major) || !weir_str_to_u64(second, 99, &minor))
        return 0;
    return (uint32_t)(100 * major + minor);
}

/* Finds the version in an object, or in its parts where it does not say: only scikit-learn's own
 * estimators do. text is empty when none does. */
static enum weir_status find_version(const struct weir_value_at *at, unsigned n_levels,
                                     struct weir_str *text, struct weir_error *err)
{
    static const char *const parts[] = {"estimators_", "steps", "estimator_", "best_estimator_"};
    enum weir_status status =
        weir_value_attr_text_or(at, "_sklearn_version", WEIR_STR(""), text, err);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(parts) && n_levels > 0; i++) {
        struct weir_value_at part, last;
        if (status != WEIR_OK || text->n > 0 || weir_str_eq_c(at->v->object->top, "sklearn"))
            return status;
        status = weir_value_attr_opt(at, parts[i], &part, err);
        if (status != WEIR_OK || !part.v)
            continue;
        last = part;
        size_t n = weir_value_n(part.v);
        if (part.v->kind != WEIR_VALUE_OBJECT && n > 0)
            status = weir_value_item(&part, n - 1, &last, err);
        struct weir_value_at pair = last;
        if (status == WEIR_OK && last.v->kind == WEIR_VALUE_TUPLE && weir_value_n(last.v) == 2)
            status = weir_value_item(&pair, 1, &last, err);
        if (status == WEIR_OK && last.v->kind == WEIR_VALUE_OBJECT)
            status = find_version(&last, n_levels - 1, text, err);
    }
    return status;
}

enum weir_status weir_format_sklearn_build_version(struct weir_format_sklearn *s,
                                                   const struct weir_value_at *at,
                                                   struct weir_error *err)
{
    struct weir_str text;
    enum weir_status status = find_version(at, s->version == 0 ? 4 : 0, &text, err);
    if (status != WEIR_OK || text.n == 0)
        return status;
    uint32_t version = parse_version(text);
    if (version == 0)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "_sklearn_version is not a version");
    s->version = version;
    if (s->b->spec->library_version.n > 0)
        return WEIR_OK;
    s->b->spec->library_version = weir_arena_str(s->b->arena, text);
    return s->b->spec->library_version.at ? WEIR_OK : weir_model_builder_no_memory(s->b, err);
}

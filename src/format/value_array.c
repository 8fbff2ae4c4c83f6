/* SPDX-License-Identifier: MIT */
/* Arrays of the value tree: copies of numbers in one type, row-major; texts; single elements. */
#include "base/macros.h"
#include "codec/utf8.h"
#include "format/value.h"
#include "format/value_priv.h"
#include "tensor/cell.h"

#include <stdio.h>

/* What numbers are converted to. */
enum target { TARGET_F64, TARGET_F32, TARGET_I64, TARGET_I32 };

static const size_t target_bytes[] = {
    [TARGET_F64] = sizeof(double),
    [TARGET_F32] = sizeof(float),
    [TARGET_I64] = sizeof(int64_t),
    [TARGET_I32] = sizeof(int32_t),
};

/* A copy under way: its shape and where the next number goes. */
struct copy {
    const struct weir_value_at *at; /* for messages */
    enum target target;
    void *out;
    struct weir_value_shape shape;
    struct weir_error *err;
};

static enum weir_status put(struct copy *c, size_t i, struct weir_value_number x)
{
    int64_t whole;
    switch (c->target) {
    case TARGET_F64:
        ((double *)c->out)[i] = weir_value_number_f64(x);
        return WEIR_OK;
    case TARGET_F32:
        ((float *)c->out)[i] = weir_value_number_f32(x);
        return WEIR_OK;
    case TARGET_I64:
        if (weir_value_number_i64(x, &((int64_t *)c->out)[i]))
            return WEIR_OK;
        break;
    case TARGET_I32:
        if (weir_value_number_i64(x, &whole) && whole >= INT32_MIN && whole <= INT32_MAX) {
            ((int32_t *)c->out)[i] = (int32_t)whole;
            return WEIR_OK;
        }
        break;
    }
    return weir_value_fail(c->at, WEIR_ERR_INVALID, c->err,
                           "element %zu: %.17g is not a whole number in range", i,
                           weir_value_number_f64(x));
}

static enum weir_status copy_objects(struct copy *c, const struct weir_value *const *objects,
                                     size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct weir_value_number x;
        if (!weir_value_number(objects[i], &x))
            return weir_value_fail(c->at, WEIR_ERR_INVALID, c->err,
                                   "element %zu: expected a number, found %s", i,
                                   weir_value_kind_name(objects[i]->kind));
        enum weir_status status = put(c, i, x);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* Makes every NaN the plain one: what a file writes into its payload may be no cell's tag. */
static void plain_nans(double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = weir_cell_number(v[i]);
}

/* Copies the plain cases, which large arrays are: row-major, this machine's byte order, 8-byte
 * numbers of the target's kind, or bytes as whole numbers. false: not one of them. */
static bool copy_plain(struct copy *c, const struct weir_value_array *array,
                       const struct weir_value_dtype *dtype, size_t skip)
{
    size_t step = array->dtype->itemsize;
    const char *from = array->data + skip;
    bool is_number = (c->target == TARGET_F64 && dtype->kind == 'f') ||
                     (c->target == TARGET_I64 && dtype->kind == 'i');
    if (!array->is_row_major || dtype->is_big_endian)
        return false;
    if (is_number && dtype->itemsize == 8) {
        uint64_t *out = c->out;
        for (size_t i = 0; i < array->n; i++, from += step)
            memcpy(&out[i], from, sizeof *out);
        if (c->target == TARGET_F64)
            plain_nans(c->out, array->n);
        return true;
    }
    if (c->target == TARGET_I64 && dtype->kind == 'u' && dtype->itemsize == 1) {
        int64_t *out = c->out;
        for (size_t i = 0; i < array->n; i++, from += step)
            out[i] = *(const uint8_t *)from;
        return true;
    }
    return false;
}

/* Copies elements of type dtype that lie skip bytes into the array's elements. */
static enum weir_status copy_data(struct copy *c, const struct weir_value_array *array,
                                  const struct weir_value_dtype *dtype, size_t skip)
{
    struct weir_value_cursor cursor;
    size_t itemsize = array->dtype->itemsize;
    if (array->n == 0)
        return WEIR_OK;
    if (c->target == TARGET_F64 && array->is_row_major && dtype->kind == 'f' && itemsize == 8 &&
        dtype == array->dtype && !dtype->is_big_endian) {
        memcpy(c->out, array->data, array->n * sizeof(double));
        plain_nans(c->out, array->n);
        return WEIR_OK;
    }
    if (copy_plain(c, array, dtype, skip))
        return WEIR_OK;
    weir_value_cursor_init(&cursor, array);
    for (size_t i = 0; i < array->n; i++, weir_value_cursor_next(&cursor)) {
        struct weir_value_number x;
        if (!weir_value_number_decode(dtype, array->data + cursor.offset * itemsize + skip, &x))
            return weir_value_fail(c->at, WEIR_ERR_INVALID, c->err,
                                   "expected numbers, found elements of kind %c%u", dtype->kind,
                                   dtype->itemsize);
        enum weir_status status = put(c, i, x);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

enum weir_status weir_value_shape(const struct weir_value_at *at, struct weir_value_shape *out,
                                  struct weir_error *err)
{
    const struct weir_value *v = at->v;
    if (v->kind == WEIR_VALUE_ARRAY) {
        const struct weir_value_array *array = v->array;
        out->n_dims = array->n_dims;
        for (uint32_t d = 0; d < array->n_dims; d++)
            out->dim[d] = array->shape[d];
        out->n = array->n;
        return WEIR_OK;
    }
    if (v->kind == WEIR_VALUE_LIST || v->kind == WEIR_VALUE_TUPLE) {
        out->n_dims = 1;
        out->dim[0] = v->items.n;
        out->n = v->items.n;
        return WEIR_OK;
    }
    if (weir_value_element_kind(v) == '?')
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "expected an array, found %s",
                               weir_value_kind_name(v->kind));
    out->n_dims = 0;
    out->n = 1;
    return WEIR_OK;
}

/* Copies a whole value; *out and *shape are set on success. */
static enum weir_status copy_value(const struct weir_value_at *at, enum target target,
                                   struct weir_arena *a, void **out, struct weir_value_shape *shape,
                                   struct weir_error *err)
{
    struct copy c = {.at = at, .target = target, .err = err};
    enum weir_status status = weir_value_shape(at, &c.shape, err);
    if (status != WEIR_OK)
        return status;
    c.out = weir_arena_array(a, weir_max_size(c.shape.n, 1), target_bytes[target]);
    if (!c.out)
        return weir_value_fail(at, WEIR_ERR_NO_MEMORY, err, "no memory for %zu numbers", c.shape.n);
    const struct weir_value *v = at->v;
    if (v->kind == WEIR_VALUE_ARRAY && !v->array->objects)
        status = copy_data(&c, v->array, v->array->dtype, 0);
    else if (v->kind == WEIR_VALUE_ARRAY)
        status = copy_objects(&c, v->array->objects, c.shape.n);
    else if (v->kind == WEIR_VALUE_LIST || v->kind == WEIR_VALUE_TUPLE)
        status = copy_objects(&c, v->items.at, c.shape.n);
    else
        status = copy_objects(&c, &v, 1);
    if (status != WEIR_OK)
        return status;
    *out = c.out;
    *shape = c.shape;
    return WEIR_OK;
}

static const struct weir_value_field *find_field(const struct weir_value *v, const char *name)
{
    if (v->kind != WEIR_VALUE_ARRAY)
        return NULL;
    const struct weir_value_dtype *dtype = v->array->dtype;
    for (uint32_t i = 0; i < dtype->n_fields; i++)
        if (weir_str_eq_c(dtype->fields[i].name, name))
            return &dtype->fields[i];
    return NULL;
}

bool weir_value_has_field(const struct weir_value *v, const char *field)
{
    return find_field(v, field) != NULL;
}

static enum weir_status copy_field(const struct weir_value_at *at, const char *name,
                                   enum target target, struct weir_arena *a, void **out,
                                   struct weir_value_shape *shape, struct weir_error *err)
{
    struct copy c = {.at = at, .target = target, .err = err};
    const struct weir_value_field *field = find_field(at->v, name);
    if (!field)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "has no field %s", name);
    enum weir_status status = weir_value_shape(at, &c.shape, err);
    if (status != WEIR_OK)
        return status;
    c.out = weir_arena_array(a, weir_max_size(c.shape.n, 1), target_bytes[target]);
    if (!c.out)
        return weir_value_fail(at, WEIR_ERR_NO_MEMORY, err, "no memory for %zu numbers", c.shape.n);
    status = copy_data(&c, at->v->array, field->dtype, field->offset);
    if (status != WEIR_OK)
        return status;
    *out = c.out;
    *shape = c.shape;
    return WEIR_OK;
}

#define ARRAY_FORMS(suffix, type, target)                                                         \
    enum weir_status weir_value_##suffix(const struct weir_value_at *at, struct weir_arena *a,    \
                                         struct weir_value_##suffix *out, struct weir_error *err) \
    {                                                                                             \
        void *p = NULL;                                                                           \
        enum weir_status status = copy_value(at, target, a, &p, &out->shape, err);                \
        if (status == WEIR_OK)                                                                    \
            out->at = (type *)p;                                                                  \
        return status;                                                                            \
    }

#define FIELD_FORMS(suffix, type, target)                                                 \
    enum weir_status weir_value_field_##suffix(                                           \
        const struct weir_value_at *at, const char *field, struct weir_arena *a,          \
        struct weir_value_##suffix *out, struct weir_error *err)                          \
    {                                                                                     \
        void *p = NULL;                                                                   \
        enum weir_status status = copy_field(at, field, target, a, &p, &out->shape, err); \
        if (status == WEIR_OK)                                                            \
            out->at = (type *)p;                                                          \
        return status;                                                                    \
    }

ARRAY_FORMS(f64s, double, TARGET_F64)
ARRAY_FORMS(f32s, float, TARGET_F32)
ARRAY_FORMS(i64s, int64_t, TARGET_I64)
ARRAY_FORMS(i32s, int32_t, TARGET_I32)
FIELD_FORMS(f64s, double, TARGET_F64)
FIELD_FORMS(i64s, int64_t, TARGET_I64)
FIELD_FORMS(i32s, int32_t, TARGET_I32)

enum weir_status weir_value_attr_f64s(const struct weir_value_at *at, const char *name,
                                      struct weir_arena *a, struct weir_value_f64s *out,
                                      struct weir_error *err)
{
    struct weir_value_at attr;
    enum weir_status status = weir_value_attr(at, name, &attr, err);
    return status == WEIR_OK ? weir_value_f64s(&attr, a, out, err) : status;
}

enum weir_status weir_value_attr_i64s(const struct weir_value_at *at, const char *name,
                                      struct weir_arena *a, struct weir_value_i64s *out,
                                      struct weir_error *err)
{
    struct weir_value_at attr;
    enum weir_status status = weir_value_attr(at, name, &attr, err);
    return status == WEIR_OK ? weir_value_i64s(&attr, a, out, err) : status;
}

/* --- matrices and vectors of a known shape --- */

static enum weir_status check_vector(const struct weir_value_at *at,
                                     const struct weir_value_shape *shape, size_t n,
                                     struct weir_error *err)
{
    uint32_t n_long = 0;
    for (uint32_t d = 0; d < shape->n_dims; d++)
        n_long += shape->dim[d] != 1;
    if (n_long > 1)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "expected a vector, found %u dimensions",
                               shape->n_dims);
    if (shape->n != n)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "expected %zu values, found %zu", n,
                               shape->n);
    return WEIR_OK;
}

static enum weir_status check_matrix(const struct weir_value_at *at,
                                     const struct weir_value_shape *shape, size_t n_rows,
                                     size_t n_cols, struct weir_error *err)
{
    if (shape->n_dims != 2 && !(shape->n_dims == 1 && n_rows == 1))
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "expected 2 dimensions, found %u",
                               shape->n_dims);
    size_t rows = shape->n_dims == 2 ? shape->dim[0] : 1;
    size_t cols = shape->dim[shape->n_dims - 1];
    if (rows != n_rows)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "expected %zu rows, found %zu", n_rows,
                               rows);
    if (cols != n_cols)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "expected %zu columns, found %zu", n_cols,
                               cols);
    return WEIR_OK;
}

enum weir_status weir_value_attr_matrix(const struct weir_value_at *at, const char *name,
                                        size_t n_rows, size_t n_cols, struct weir_arena *a,
                                        double **out, struct weir_error *err)
{
    struct weir_value_at attr;
    struct weir_value_shape shape;
    struct weir_value_f64s values;
    enum weir_status status = weir_value_attr(at, name, &attr, err);
    /* Checked before it is copied: a wrong shape must not cost its memory. */
    if (status == WEIR_OK)
        status = weir_value_shape(&attr, &shape, err);
    if (status == WEIR_OK)
        status = n_cols == SIZE_MAX ? check_vector(&attr, &shape, n_rows, err)
                                    : check_matrix(&attr, &shape, n_rows, n_cols, err);
    if (status == WEIR_OK)
        status = weir_value_f64s(&attr, a, &values, err);
    if (status == WEIR_OK)
        *out = values.at;
    return status;
}

/* --- texts and single elements --- */

char weir_value_element_kind(const struct weir_value *v)
{
    switch (v->kind) {
    case WEIR_VALUE_ARRAY:
        return v->array->dtype->kind;
    case WEIR_VALUE_BOOL:
    case WEIR_VALUE_I64:
    case WEIR_VALUE_F64:
    case WEIR_VALUE_TEXT:
    case WEIR_VALUE_BYTES:
        if (v->dtype)
            return v->dtype->kind;
        return v->kind == WEIR_VALUE_BOOL   ? 'b'
               : v->kind == WEIR_VALUE_I64  ? 'i'
               : v->kind == WEIR_VALUE_F64  ? 'f'
               : v->kind == WEIR_VALUE_TEXT ? 'U'
                                            : 'S';
    case WEIR_VALUE_BIGINT:
        return 'i';
    case WEIR_VALUE_LIST:
    case WEIR_VALUE_TUPLE:
        return 'O';
    case WEIR_VALUE_NONE:
    case WEIR_VALUE_SET:
    case WEIR_VALUE_DICT:
    case WEIR_VALUE_GLOBAL:
    case WEIR_VALUE_OBJECT:
    case WEIR_VALUE_DTYPE:
        break;
    }
    return '?';
}

static uint32_t load_unit(const struct weir_value_dtype *dtype, const char *at)
{
    const struct weir_value_dtype unit = {
        .kind = 'u', .itemsize = 4, .is_big_endian = dtype->is_big_endian};
    struct weir_value_number x = {.kind = 'i', .i = 0};
    (void)weir_value_number_decode(&unit, at, &x); /* u4 always decodes */
    return (uint32_t)x.i;
}

/* Decodes one element of kind U or S into the arena. at is NULL on no memory; *is_valid false: not
 * text. */
static struct weir_str decode_text(const struct weir_value_dtype *dtype, const char *at,
                                   struct weir_arena *a, bool *is_valid)
{
    *is_valid = true;
    if (dtype->kind == 'S') {
        size_t n = dtype->itemsize;
        while (n > 0 && at[n - 1] == 0)
            n--;
        return weir_arena_str(a, weir_str_make(at, n));
    }
    size_t n_units = dtype->itemsize / 4;
    while (n_units > 0 && load_unit(dtype, at + 4 * (n_units - 1)) == 0)
        n_units--;
    size_t n = 0;
    char encoded[4];
    for (size_t i = 0; i < n_units; i++) {
        size_t n_bytes = weir_codec_utf8_encode(load_unit(dtype, at + 4 * i), encoded);
        if (n_bytes == 0) {
            *is_valid = false;
            return (struct weir_str){0};
        }
        n += n_bytes;
    }
    char *out = weir_arena_alloc_aligned(a, n + 1, 1);
    if (!out)
        return (struct weir_str){0};
    size_t used = 0;
    for (size_t i = 0; i < n_units; i++) {
        size_t n_bytes = weir_codec_utf8_encode(load_unit(dtype, at + 4 * i), encoded);
        memcpy(out + used, encoded, n_bytes);
        used += n_bytes;
    }
    out[n] = '\0';
    return weir_str_make(out, n);
}

static enum weir_status decode_text_at(const struct weir_value_at *at, size_t i,
                                       struct weir_arena *a, struct weir_str *out,
                                       struct weir_error *err)
{
    const struct weir_value_array *array = at->v->array;
    bool is_valid;
    size_t offset = weir_value_cursor_offset(array, i);
    struct weir_str s =
        decode_text(array->dtype, array->data + offset * array->dtype->itemsize, a, &is_valid);
    if (!is_valid)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "element %zu is not valid text", i);
    if (!s.at)
        return weir_value_fail(at, WEIR_ERR_NO_MEMORY, err, "no memory for a text");
    *out = s;
    return WEIR_OK;
}

static enum weir_status copy_text_object(const struct weir_value_at *at, size_t i,
                                         struct weir_arena *a, struct weir_str *out,
                                         struct weir_error *err)
{
    const struct weir_value *item = at->v;
    if (at->v->kind == WEIR_VALUE_ARRAY)
        item = at->v->array->objects[i];
    else if (at->v->kind != WEIR_VALUE_TEXT)
        item = at->v->items.at[i];
    if (item->kind != WEIR_VALUE_TEXT)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "element %zu: expected text, found %s", i,
                               weir_value_kind_name(item->kind));
    struct weir_str s = weir_arena_str(a, item->text);
    if (!s.at)
        return weir_value_fail(at, WEIR_ERR_NO_MEMORY, err, "no memory for a text");
    *out = s;
    return WEIR_OK;
}

enum weir_status weir_value_strs(const struct weir_value_at *at, struct weir_arena *a,
                                 struct weir_value_strs *out, struct weir_error *err)
{
    char kind = weir_value_element_kind(at->v);
    if (kind != 'U' && kind != 'S' && kind != 'O')
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "expected texts, found %s of kind %c",
                               weir_value_kind_name(at->v->kind), kind);
    struct weir_value_shape shape;
    enum weir_status status = weir_value_shape(at, &shape, err);
    if (status != WEIR_OK)
        return status;
    struct weir_str *texts = weir_arena_array(a, weir_max_size(shape.n, 1), sizeof *texts);
    if (!texts)
        return weir_value_fail(at, WEIR_ERR_NO_MEMORY, err, "no memory for %zu texts", shape.n);
    bool is_data = at->v->kind == WEIR_VALUE_ARRAY && !at->v->array->objects;
    for (size_t i = 0; i < shape.n; i++) {
        status = is_data ? decode_text_at(at, i, a, &texts[i], err)
                         : copy_text_object(at, i, a, &texts[i], err);
        if (status != WEIR_OK)
            return status;
    }
    out->at = texts;
    out->shape = shape;
    return WEIR_OK;
}

/* Makes a single value out of one element that is not an object. */
static enum weir_status decode_element(const struct weir_value_at *at, size_t i,
                                       struct weir_arena *a, struct weir_value *out,
                                       struct weir_error *err)
{
    const struct weir_value_array *array = at->v->array;
    const struct weir_value_dtype *dtype = array->dtype;
    struct weir_value v = {.dtype = dtype};
    if (dtype->kind == 'U' || dtype->kind == 'S') {
        v.kind = dtype->kind == 'U' ? WEIR_VALUE_TEXT : WEIR_VALUE_BYTES;
        enum weir_status status = decode_text_at(at, i, a, &v.text, err);
        if (status == WEIR_OK)
            *out = v;
        return status;
    }
    struct weir_value_number x;
    size_t offset = weir_value_cursor_offset(array, i);
    if (!weir_value_number_decode(dtype, array->data + offset * dtype->itemsize, &x))
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "elements of kind %c%u are no values",
                               dtype->kind, dtype->itemsize);
    if (x.kind == 'u')
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "element %zu is beyond 2^63", i);
    if (x.kind == 'f') {
        v.kind = WEIR_VALUE_F64;
        v.f64 = x.f;
    } else if (dtype->kind == 'b') {
        v.kind = WEIR_VALUE_BOOL;
        v.b = x.i != 0;
    } else {
        v.kind = WEIR_VALUE_I64;
        v.i64 = x.i;
    }
    *out = v;
    return WEIR_OK;
}

enum weir_status weir_value_element(const struct weir_value_at *at, size_t i, struct weir_arena *a,
                                    struct weir_value *out, struct weir_error *err)
{
    struct weir_value_shape shape;
    enum weir_status status = weir_value_shape(at, &shape, err);
    if (status != WEIR_OK)
        return status;
    if (i >= shape.n)
        return weir_value_fail(at, WEIR_ERR_INVALID, err,
                               "has %zu elements, element %zu is missing", shape.n, i);
    const struct weir_value *v = at->v;
    if (v->kind == WEIR_VALUE_ARRAY && !v->array->objects)
        return decode_element(at, i, a, out, err);
    if (v->kind == WEIR_VALUE_ARRAY)
        *out = *v->array->objects[i];
    else if (v->kind == WEIR_VALUE_LIST || v->kind == WEIR_VALUE_TUPLE)
        *out = *v->items.at[i];
    else
        *out = *v;
    return WEIR_OK;
}

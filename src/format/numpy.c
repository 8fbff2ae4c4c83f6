/* SPDX-License-Identifier: MIT */
/* numpy inside pickles.
 *
 * An element type comes as numpy.dtype('f8', False, True) and a state (version, byte order,
 * subarray, names, fields, size, alignment, flags[, metadata]). It is shared by many arrays through
 * the memo; once an array has it, it may not change any more. An array is checked here once, so
 * that all readers may rely on it: shape × size is the length of the data, every field lies inside
 * the element, fields do not overlap. */
#include "format/numpy.h"

enum {
    FIELDS_MAX = 256,    /* of a struct; trees have at most 12 */
    CODE_BYTES_MAX = 16, /* "f8", "U12" */
    ITEM_BYTES_MAX = WEIR_FORMAT_NUMPY_ITEM_BYTES_MAX,
    DTYPE_STATE_N = 8,       /* items of a type's state; */
    DTYPE_STATE_DATES_N = 9, /* one more with version 4 */
    OBJECT_ITEM_BYTES = 8,   /* a pointer of the machine that wrote the file */
    OBJECT_ITEM_BYTES_32 = 4,
};

/* Returns item i of a tuple that is known to have it. */
static const struct weir_value *item(const struct weir_value *tuple, size_t i)
{
    weir_assert(i < tuple->items.n);
    return tuple->items.at[i];
}

static enum weir_status corrupt(struct weir_format_pickle_machine *m, const char *what)
{
    return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "%s", what);
}

/* Values come out of the machine as const; element types are marked as used, which is the machine's
 * own business. */
static struct weir_value *own(const struct weir_value *v)
{
    return (struct weir_value *)(uintptr_t)v;
}

/* --- element types --- */

static bool is_size_of_kind(char kind, uint64_t n)
{
    switch (kind) {
    case 'b':
        return n == 1;
    case 'i':
    case 'u':
        return n == 1 || n == 2 || n == 4 || n == 8;
    case 'f':
        return n == 2 || n == 4 || n == 8 || n == 12 || n == 16;
    case 'O':
        return n == OBJECT_ITEM_BYTES || n == OBJECT_ITEM_BYTES_32;
    case 'U':
    case 'S':
    case 'V':
        return n <= ITEM_BYTES_MAX;
    case 'c': /* complex */
    case 'M': /* dates and spans of time */
    case 'm':
        return n == 8 || n == 16 || n == 32;
    default: /* a character, not an enum */
        return false;
    }
}

bool weir_format_numpy_code(struct weir_str code, struct weir_value_dtype *out)
{
    if (code.n == 0 || code.n > CODE_BYTES_MAX)
        return false;
    char kind = code.at[0];
    uint64_t n = 0;
    if (code.n == 1)
        n = kind == 'O' ? OBJECT_ITEM_BYTES : 0;
    else if (!weir_str_to_u64(weir_str_make(code.at + 1, code.n - 1), ITEM_BYTES_MAX / 4, &n))
        return false;
    if (kind == 'U')
        n *= 4;
    if (!is_size_of_kind(kind, n))
        return false;
    *out = (struct weir_value_dtype){.kind = kind, .itemsize = (uint32_t)n};
    return true;
}

enum weir_status weir_format_numpy_dtype(struct weir_format_pickle_machine *m,
                                         const struct weir_value *args, struct weir_value **out)
{
    if (args->items.n < 1 || item(args, 0)->kind != WEIR_VALUE_TEXT)
        return corrupt(m, "numpy.dtype is not called with a code");
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_DTYPE);
    struct weir_value_dtype *dtype = v ? weir_arena_alloc(m->arena, sizeof *dtype) : NULL;
    if (!dtype)
        return weir_format_pickle_fail_memory(m);
    if (!weir_format_numpy_code(item(args, 0)->text, dtype)) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_format_pickle_fail(m, WEIR_ERR_UNSUPPORTED, "element type \"%s\" of an array",
                                       weir_str_echo(item(args, 0)->text, echo, sizeof echo));
    }
    v->element = dtype;
    *out = v;
    return WEIR_OK;
}

/* Takes an element type for use in an array or a struct: from now on it may not change. */
static const struct weir_value_dtype *use_dtype(const struct weir_value *v)
{
    if (v->kind != WEIR_VALUE_DTYPE)
        return NULL;
    own(v)->flags |= WEIR_FORMAT_PICKLE_USED;
    return v->element;
}

/* Fields in the order of their names; each must end inside the element and before the next begins,
 * whichever order they lie in. */
static bool are_fields_apart(const struct weir_value_field *fields, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < i; k++) {
            bool is_before = fields[i].offset + fields[i].dtype->itemsize <= fields[k].offset;
            bool is_after = fields[k].offset + fields[k].dtype->itemsize <= fields[i].offset;
            if (!is_before && !is_after)
                return false;
        }
    return true;
}

static enum weir_status read_field(struct weir_format_pickle_machine *m,
                                   const struct weir_value *fields, const struct weir_value *name,
                                   uint32_t itemsize, struct weir_value_field *out)
{
    const struct weir_value *field = NULL;
    for (size_t i = fields->dict.n; i > 0 && !field; i--) {
        const struct weir_value *key = fields->dict.at[i - 1].key;
        if (key->kind == WEIR_VALUE_TEXT && weir_str_eq(key->text, name->text))
            field = fields->dict.at[i - 1].value;
    }
    if (!field || field->kind != WEIR_VALUE_TUPLE || field->items.n < 2 || field->items.n > 3 ||
        item(field, 1)->kind != WEIR_VALUE_I64)
        return corrupt(m, "a field of an element type is not described");
    const struct weir_value_dtype *dtype = use_dtype(item(field, 0));
    int64_t offset = item(field, 1)->i64;
    if (!dtype || dtype->itemsize == 0 || dtype->kind == 'O')
        return corrupt(m, "a field has no usable element type");
    if (offset < 0 || (uint64_t)offset + dtype->itemsize > itemsize)
        return corrupt(m, "a field lies outside its element");
    *out = (struct weir_value_field){name->text, dtype, (size_t)offset};
    return WEIR_OK;
}

static enum weir_status read_fields(struct weir_format_pickle_machine *m,
                                    const struct weir_value *names, const struct weir_value *fields,
                                    struct weir_value_dtype *dtype)
{
    if (names->kind != WEIR_VALUE_TUPLE || fields->kind != WEIR_VALUE_DICT || dtype->kind != 'V')
        return corrupt(m, "an element type has fields that are not described");
    size_t n = names->items.n;
    if (n == 0 || n > FIELDS_MAX || fields->dict.n > 2 * n)
        return weir_format_pickle_fail(m, WEIR_ERR_LIMIT, "an element type with %zu fields", n);
    struct weir_value_field *out = weir_arena_array(m->arena, n, sizeof *out);
    if (!out)
        return weir_format_pickle_fail_memory(m);
    for (size_t i = 0; i < n; i++) {
        if (item(names, i)->kind != WEIR_VALUE_TEXT)
            return corrupt(m, "the name of a field is not text");
        enum weir_status status = read_field(m, fields, item(names, i), dtype->itemsize, &out[i]);
        if (status != WEIR_OK)
            return status;
    }
    if (!are_fields_apart(out, (uint32_t)n))
        return corrupt(m, "fields of an element type overlap");
    dtype->fields = out;
    dtype->n_fields = (uint32_t)n;
    return WEIR_OK;
}

/* Sizes of plain types are in the code; the state repeats them as −1 or says those of U, S, V. */
static enum weir_status read_itemsize(struct weir_format_pickle_machine *m,
                                      const struct weir_value *size, struct weir_value_dtype *dtype)
{
    if (size->kind != WEIR_VALUE_I64)
        return corrupt(m, "the size of an element type is not a number");
    if (size->i64 == -1)
        return WEIR_OK;
    bool is_sized = dtype->kind == 'U' || dtype->kind == 'S' || dtype->kind == 'V';
    if (!is_sized || size->i64 < 0 || size->i64 > ITEM_BYTES_MAX ||
        (dtype->kind == 'U' && size->i64 % 4 != 0))
        return corrupt(m, "the size of an element type contradicts its code");
    if (dtype->itemsize != 0 && dtype->itemsize != (uint64_t)size->i64)
        return corrupt(m, "the size of an element type contradicts its code");
    dtype->itemsize = (uint32_t)size->i64;
    return WEIR_OK;
}

enum weir_status weir_format_numpy_dtype_build(struct weir_format_pickle_machine *m,
                                               struct weir_value *v, const struct weir_value *state)
{
    if (v->flags & (WEIR_FORMAT_PICKLE_USED | WEIR_FORMAT_PICKLE_BUILT))
        return corrupt(m, "an element type changes after its use");
    if (state->kind != WEIR_VALUE_TUPLE ||
        (state->items.n != DTYPE_STATE_N && state->items.n != DTYPE_STATE_DATES_N))
        return corrupt(m, "the state of an element type is not a tuple of 8 or 9");
    const struct weir_value *order = item(state, 1);
    struct weir_value_dtype dtype = *v->element;
    if (item(state, 0)->kind != WEIR_VALUE_I64 || item(state, 0)->i64 < 3 ||
        item(state, 0)->i64 > 4)
        return weir_format_pickle_fail(m, WEIR_ERR_UNSUPPORTED,
                                       "the state of an element type has an unknown version");
    if (order->kind != WEIR_VALUE_TEXT || order->text.n != 1 ||
        !memchr("<>|=", order->text.at[0], 4))
        return corrupt(m, "the byte order of an element type is unknown");
    dtype.is_big_endian = order->text.at[0] == '>';
    enum weir_status status = read_itemsize(m, item(state, 5), &dtype);
    if (status != WEIR_OK)
        return status;
    /* A subarray is a raw element of its size: nothing in a model has one. */
    if (!weir_value_is_none(item(state, 3)))
        status = read_fields(m, item(state, 3), item(state, 4), &dtype);
    if (status != WEIR_OK)
        return status;
    if (v->flags & WEIR_FORMAT_PICKLE_USED)
        return corrupt(m, "an element type is a field of itself");
    struct weir_value_dtype *element = weir_arena_alloc(m->arena, sizeof *element);
    if (!element)
        return weir_format_pickle_fail_memory(m);
    *element = dtype;
    v->element = element;
    v->flags |= WEIR_FORMAT_PICKLE_BUILT;
    return WEIR_OK;
}

/* --- arrays --- */

/* Reads the tuple of dimensions; *n: their product. */
static enum weir_status read_shape(struct weir_format_pickle_machine *m,
                                   const struct weir_value *shape, size_t *dims, size_t *n)
{
    if (shape->kind != WEIR_VALUE_TUPLE || shape->items.n > WEIR_VALUE_DIMS_MAX)
        return corrupt(m, "the shape of an array is not a tuple of at most 32 numbers");
    bool is_empty = false;
    for (size_t d = 0; d < shape->items.n; d++) {
        const struct weir_value *dim = item(shape, d);
        if (dim->kind != WEIR_VALUE_I64 || dim->i64 < 0)
            return corrupt(m, "a dimension of an array is not a number of elements");
        dims[d] = (size_t)dim->i64;
        is_empty |= dims[d] == 0;
    }
    size_t product = is_empty ? 0 : 1;
    for (size_t d = 0; d < shape->items.n && !is_empty; d++)
        if (!weir_size_mul(product, dims[d], &product))
            return corrupt(m, "an array has more elements than memory has bytes");
    *n = product;
    return WEIR_OK;
}

/* Strides of dims in row-major or column-major order; an array without elements has none. */
static void fill_strides(const size_t *dims, uint32_t n_dims, bool is_fortran, bool is_empty,
                         size_t *stride)
{
    size_t next = is_empty ? 0 : 1;
    for (uint32_t i = 0; i < n_dims; i++) {
        uint32_t d = is_fortran ? i : n_dims - 1 - i;
        stride[d] = next;
        next *= dims[d];
    }
}

/* Reorders dims and strides by axes, which must name each dimension once. */
static enum weir_status permute(struct weir_format_pickle_machine *m, const struct weir_value *axes,
                                uint32_t n_dims, size_t *dims, size_t *stride)
{
    size_t old_dims[WEIR_VALUE_DIMS_MAX], old_stride[WEIR_VALUE_DIMS_MAX];
    if (axes->kind != WEIR_VALUE_TUPLE || axes->items.n != n_dims)
        return corrupt(m, "the order of an array's axes does not fit its shape");
    memcpy(old_dims, dims, n_dims * sizeof *dims);
    memcpy(old_stride, stride, n_dims * sizeof *stride);
    uint32_t seen = 0;
    for (uint32_t d = 0; d < n_dims; d++) {
        const struct weir_value *axis = item(axes, d);
        if (axis->kind != WEIR_VALUE_I64 || axis->i64 < 0 || axis->i64 >= n_dims ||
            (seen & 1U << axis->i64))
            return corrupt(m, "the order of an array's axes is not an order");
        seen |= 1U << axis->i64;
        dims[d] = old_dims[axis->i64];
        stride[d] = old_stride[axis->i64];
    }
    return WEIR_OK;
}

/* Dimensions of one element may have any stride. */
static bool is_row_major(const struct weir_value_array *array)
{
    size_t next = 1;
    for (uint32_t d = array->n_dims; d > 0; d--) {
        if (array->shape[d - 1] != 1 && array->stride[d - 1] != next)
            return array->n == 0;
        next *= array->shape[d - 1];
    }
    return true;
}

enum weir_status weir_format_numpy_layout_array(struct weir_format_pickle_machine *m,
                                                struct weir_value *dtype_value,
                                                const struct weir_format_numpy_layout *layout,
                                                struct weir_value_array **out)
{
    const struct weir_value_dtype *dtype = use_dtype(dtype_value);
    if (!dtype || dtype->itemsize == 0)
        return corrupt(m, "an array has no usable element type");
    size_t dims[WEIR_VALUE_DIMS_MAX];
    size_t n = 0;
    enum weir_status status = read_shape(m, layout->shape, dims, &n);
    if (status != WEIR_OK)
        return status;
    uint32_t n_dims = (uint32_t)layout->shape->items.n;
    struct weir_value_array *array = weir_arena_alloc(m->arena, sizeof *array);
    size_t *numbers =
        array ? weir_arena_array(m->arena, 2 * (size_t)n_dims + 1, sizeof *numbers) : NULL;
    if (!numbers)
        return weir_format_pickle_fail_memory(m);
    memcpy(numbers, dims, n_dims * sizeof *dims);
    fill_strides(dims, n_dims, layout->is_fortran, n == 0, numbers + n_dims);
    if (layout->axes) {
        status = permute(m, layout->axes, n_dims, numbers, numbers + n_dims);
        if (status != WEIR_OK)
            return status;
    }
    *array = (struct weir_value_array){
        .dtype = dtype, .n_dims = n_dims, .shape = numbers, .stride = numbers + n_dims, .n = n};
    array->is_row_major = is_row_major(array);
    *out = array;
    return WEIR_OK;
}

/* Gives a value its array; the value keeps its identity, since the memo may hold it. */
static void become_array(struct weir_value *v, const struct weir_value_array *array)
{
    v->kind = WEIR_VALUE_ARRAY;
    v->array = array;
    v->dtype = NULL;
}

static enum weir_status set_data(struct weir_format_pickle_machine *m,
                                 struct weir_value_array *array, const struct weir_value *payload)
{
    size_t n_bytes;
    if (payload->kind != WEIR_VALUE_BYTES)
        return corrupt(m, "the data of an array is not bytes");
    if (!weir_size_mul(array->n, array->dtype->itemsize, &n_bytes) || n_bytes != payload->text.n)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT,
                                       "an array of %zu elements of %u bytes has %zu bytes",
                                       array->n, array->dtype->itemsize, payload->text.n);
    array->data = payload->text.at;
    return WEIR_OK;
}

/* Objects come as a list, in row-major order whatever the array's own order was. */
static enum weir_status set_objects(struct weir_format_pickle_machine *m, struct weir_value *v,
                                    struct weir_value_array *array,
                                    const struct weir_value *payload)
{
    if (payload->kind != WEIR_VALUE_LIST || payload->items.n != array->n)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT,
                                       "an array of %zu objects has a %s of %zu", array->n,
                                       weir_value_kind_name(payload->kind), weir_value_n(payload));
    array->objects = payload->items.at;
    if (array->n == 0) { /* an empty list has no array of its own */
        array->objects = weir_arena_alloc(m->arena, sizeof *array->objects);
        if (!array->objects)
            return weir_format_pickle_fail_memory(m);
    }
    return weir_format_pickle_contain(m, v, payload);
}

enum weir_status weir_format_numpy_array_build(struct weir_format_pickle_machine *m,
                                               struct weir_value *v, const struct weir_value *state)
{
    if (state->kind != WEIR_VALUE_TUPLE || state->items.n != 5)
        return corrupt(m, "the state of an array is not a tuple of 5");
    const struct weir_value *fortran = item(state, 3);
    const struct weir_value *dtype = item(state, 2);
    bool is_bool = fortran->kind == WEIR_VALUE_BOOL ||
                   (fortran->kind == WEIR_VALUE_I64 && (fortran->i64 == 0 || fortran->i64 == 1));
    if (!is_bool)
        return corrupt(m, "the order of an array is neither true nor false");
    bool is_object = dtype->kind == WEIR_VALUE_DTYPE && dtype->element->kind == 'O';
    bool is_fortran = fortran->kind == WEIR_VALUE_BOOL ? fortran->b : fortran->i64 != 0;
    const struct weir_format_numpy_layout layout = {.shape = item(state, 1),
                                                    .is_fortran = is_fortran && !is_object};
    struct weir_value_array *array = NULL;
    enum weir_status status = weir_format_numpy_layout_array(m, own(dtype), &layout, &array);
    if (status != WEIR_OK)
        return status;
    status =
        is_object ? set_objects(m, v, array, item(state, 4)) : set_data(m, array, item(state, 4));
    if (status == WEIR_OK)
        become_array(v, array);
    return status;
}

enum weir_status weir_format_numpy_frombuffer(struct weir_format_pickle_machine *m,
                                              const struct weir_value *args,
                                              struct weir_value **out)
{
    size_t n = args->items.n;
    if ((n != 4 && n != 5) || item(args, 3)->kind != WEIR_VALUE_TEXT)
        return corrupt(m, "an array over bytes has not 4 or 5 arguments");
    struct weir_str order = item(args, 3)->text;
    struct weir_format_numpy_layout layout = {.shape = item(args, 2)};
    bool is_known = n == 4 && (weir_str_eq_c(order, "C") || weir_str_eq_c(order, "F"));
    if (n == 5 && weir_str_eq_c(order, "K")) {
        is_known = true;
        layout.axes = item(args, 4);
    } else if (n == 5) { /* the fifth argument goes with K only; others write None there */
        is_known = (weir_str_eq_c(order, "C") || weir_str_eq_c(order, "F")) &&
                   weir_value_is_none(item(args, 4));
    }
    if (!is_known)
        return corrupt(m, "an array over bytes has an unknown order");
    layout.is_fortran = weir_str_eq_c(order, "F");
    struct weir_value_array *array = NULL;
    enum weir_status status =
        weir_format_numpy_layout_array(m, own(item(args, 1)), &layout, &array);
    if (status != WEIR_OK)
        return status;
    if (array->dtype->kind == 'O')
        return corrupt(m, "an array of objects lies over bytes");
    status = set_data(m, array, item(args, 0));
    if (status != WEIR_OK)
        return status;
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_ARRAY);
    if (!v)
        return weir_format_pickle_fail_memory(m);
    become_array(v, array);
    *out = v;
    return WEIR_OK;
}

/* --- scalars --- */

enum weir_status weir_format_numpy_plain(struct weir_format_pickle_machine *m, struct weir_value *v)
{
    struct weir_value_walk walk = {.n_steps_left = 1};
    const struct weir_value_at at = weir_value_root(v, &walk);
    struct weir_value plain;
    enum weir_status status = weir_value_element(&at, 0, m->arena, &plain, NULL);
    if (status == WEIR_ERR_NO_MEMORY)
        return weir_format_pickle_fail_memory(m);
    if (status == WEIR_OK)
        *v = plain;
    return WEIR_OK;
}

enum weir_status weir_format_numpy_scalar(struct weir_format_pickle_machine *m,
                                          const struct weir_value *args, struct weir_value **out)
{
    if (args->items.n != 2)
        return corrupt(m, "a numpy scalar has not 2 arguments");
    struct weir_value *dtype = own(item(args, 0));
    if (dtype->kind == WEIR_VALUE_DTYPE && dtype->element->kind == 'O') {
        *out = own(item(args, 1));
        return WEIR_OK;
    }
    /* An array without dimensions; its only element is then taken out. */
    const struct weir_value no_dims = {.kind = WEIR_VALUE_TUPLE};
    const struct weir_format_numpy_layout layout = {.shape = &no_dims};
    struct weir_value_array *array = NULL;
    enum weir_status status = weir_format_numpy_layout_array(m, dtype, &layout, &array);
    if (status == WEIR_OK)
        status = set_data(m, array, item(args, 1));
    if (status != WEIR_OK)
        return status;
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_ARRAY);
    if (!v)
        return weir_format_pickle_fail_memory(m);
    become_array(v, array);
    *out = v;
    return weir_format_numpy_plain(m, v);
}

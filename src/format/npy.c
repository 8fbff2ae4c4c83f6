/* SPDX-License-Identifier: MIT */
/* The header is read by a small parser of Python literals that knows what numpy writes: texts
 * without escapes, whole numbers, True, False, tuples and lists. */
#include "format/npy.h"

#include "format/numpy.h"

enum { HEADER_BYTES_MAX = 1 << 16, DESCR_FIELDS_MAX = 256 };

static enum weir_status corrupt(struct weir_format_pickle_machine *m, const char *what)
{
    return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "npy header: %s", what);
}

/* --- the literal --- */

static void skip_blanks(struct weir_str *s)
{
    while (s->n > 0 && (*s->at == ' ' || *s->at == '\n'))
        *s = weir_str_make(s->at + 1, s->n - 1);
}

/* Takes a character, if it is the next one. */
static bool take(struct weir_str *s, char c)
{
    skip_blanks(s);
    if (s->n == 0 || *s->at != c)
        return false;
    *s = weir_str_make(s->at + 1, s->n - 1);
    return true;
}

static bool take_word(struct weir_str *s, struct weir_str word)
{
    skip_blanks(s);
    if (!weir_str_starts(*s, word))
        return false;
    *s = weir_str_make(s->at + word.n, s->n - word.n);
    return true;
}

static bool take_text(struct weir_str *s, struct weir_str *out)
{
    skip_blanks(s);
    if (s->n == 0 || (*s->at != '\'' && *s->at != '"'))
        return false;
    const char *end = memchr(s->at + 1, *s->at, s->n - 1);
    if (!end)
        return false;
    *out = weir_str_make(s->at + 1, (size_t)(end - s->at) - 1);
    if (memchr(out->at, '\\', out->n))
        return false;
    *s = weir_str_make(end + 1, s->n - out->n - 2);
    return true;
}

static bool take_number(struct weir_str *s, int64_t *out)
{
    skip_blanks(s);
    size_t n = 0;
    uint64_t v;
    while (n < s->n && s->at[n] >= '0' && s->at[n] <= '9')
        n++;
    if (!weir_str_to_u64(weir_str_make(s->at, n), INT64_MAX, &v))
        return false;
    *s = weir_str_make(s->at + n, s->n - n);
    *out = (int64_t)v;
    return true;
}

/* --- element types --- */

/* "<f8", "|b1", "<M8[ns]" */
static enum weir_status make_plain(struct weir_format_pickle_machine *m, struct weir_str text,
                                   struct weir_value_dtype *out)
{
    if (text.n < 2 || !memchr("<>|=", text.at[0], 4))
        return corrupt(m, "the element type has no byte order");
    const char *unit = memchr(text.at, '[', text.n);
    size_t n = unit ? (size_t)(unit - text.at) : text.n;
    if (!weir_format_numpy_code(weir_str_make(text.at + 1, n - 1), out) || out->kind == 'O' ||
        out->itemsize == 0) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_format_pickle_fail(m, WEIR_ERR_UNSUPPORTED, "element type \"%s\" of an array",
                                       weir_str_echo(text, echo, sizeof echo));
    }
    out->is_big_endian = text.at[0] == '>';
    return WEIR_OK;
}

/* ('left_child', '<i8'), or ('', '|V7') for bytes that are no field */
static enum weir_status read_field(struct weir_format_pickle_machine *m, struct weir_str *s,
                                   struct weir_value_dtype *whole, struct weir_value_field *fields)
{
    struct weir_str name, code;
    if (!take(s, '(') || !take_text(s, &name) || !take(s, ',') || !take_text(s, &code) ||
        !take(s, ')'))
        return weir_format_pickle_fail(m, WEIR_ERR_UNSUPPORTED,
                                       "npy header: a field that is not a name and a plain type");
    struct weir_value_dtype *dtype = weir_arena_alloc(m->arena, sizeof *dtype);
    if (!dtype)
        return weir_format_pickle_fail_memory(m);
    enum weir_status status = make_plain(m, code, dtype);
    if (status != WEIR_OK)
        return status;
    for (uint32_t i = 0; i < whole->n_fields; i++)
        if (weir_str_eq(fields[i].name, name))
            return corrupt(m, "two fields of one name");
    if (name.n > 0)
        fields[whole->n_fields++] = (struct weir_value_field){name, dtype, whole->itemsize};
    whole->itemsize += dtype->itemsize; /* at most 257 × 2^28: checked by the caller */
    return WEIR_OK;
}

static enum weir_status read_struct(struct weir_format_pickle_machine *m, struct weir_str *s,
                                    struct weir_value_dtype *out)
{
    struct weir_value_field *fields = weir_arena_array(m->arena, DESCR_FIELDS_MAX, sizeof *fields);
    if (!fields)
        return weir_format_pickle_fail_memory(m);
    *out = (struct weir_value_dtype){.kind = 'V', .fields = fields};
    while (!take(s, ']')) {
        if (out->n_fields == DESCR_FIELDS_MAX || out->itemsize > WEIR_FORMAT_NUMPY_ITEM_BYTES_MAX)
            return corrupt(m, "too many fields");
        enum weir_status status = read_field(m, s, out, fields);
        if (status != WEIR_OK)
            return status;
        if (!take(s, ',')) {
            if (!take(s, ']'))
                return corrupt(m, "the list of fields does not end");
            break;
        }
    }
    if (out->n_fields == 0)
        return corrupt(m, "a struct without fields");
    return WEIR_OK;
}

static enum weir_status read_descr(struct weir_format_pickle_machine *m, struct weir_str *s,
                                   struct weir_value **out)
{
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_DTYPE);
    struct weir_value_dtype *dtype = v ? weir_arena_alloc(m->arena, sizeof *dtype) : NULL;
    if (!dtype)
        return weir_format_pickle_fail_memory(m);
    struct weir_str code;
    enum weir_status status;
    if (take(s, '['))
        status = read_struct(m, s, dtype);
    else if (take_text(s, &code))
        status = make_plain(m, code, dtype);
    else
        status = corrupt(m, "the element type is neither a text nor a list");
    v->element = dtype;
    *out = v;
    return status;
}

/* --- the header --- */

static enum weir_status read_shape(struct weir_format_pickle_machine *m, struct weir_str *s,
                                   struct weir_value **out)
{
    enum weir_status status = weir_format_pickle_mark(m);
    if (status != WEIR_OK)
        return status;
    if (!take(s, '('))
        return corrupt(m, "the shape is not a tuple");
    while (!take(s, ')')) {
        int64_t dim;
        struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_I64);
        if (!take_number(s, &dim))
            return corrupt(m, "the shape is not a tuple of numbers");
        if (v)
            v->i64 = dim;
        status = weir_format_pickle_push(m, v);
        if (status != WEIR_OK)
            return status;
        if (!take(s, ',')) {
            if (!take(s, ')'))
                return corrupt(m, "the shape does not end");
            break;
        }
    }
    status = weir_format_pickle_push_marked(m, WEIR_VALUE_TUPLE);
    return status == WEIR_OK ? weir_format_pickle_pop(m, out) : status;
}

/* What the header says; NULL: not yet. */
struct header {
    struct weir_value *dtype;
    struct weir_value *shape;
    bool has_order;
    bool is_fortran;
};

static enum weir_status read_member(struct weir_format_pickle_machine *m, struct weir_str *s,
                                    struct header *h)
{
    struct weir_str key;
    if (!take_text(s, &key) || !take(s, ':'))
        return corrupt(m, "not a dict");
    if (weir_str_eq_c(key, "descr") && !h->dtype)
        return read_descr(m, s, &h->dtype);
    if (weir_str_eq_c(key, "shape") && !h->shape)
        return read_shape(m, s, &h->shape);
    if (!weir_str_eq_c(key, "fortran_order") || h->has_order)
        return corrupt(m, "a key that is unknown or there twice");
    h->has_order = true;
    h->is_fortran = take_word(s, WEIR_STR("True"));
    return h->is_fortran || take_word(s, WEIR_STR("False"))
               ? WEIR_OK
               : corrupt(m, "fortran_order is no bool");
}

static enum weir_status read_header(struct weir_format_pickle_machine *m, struct weir_str s,
                                    struct header *h)
{
    if (!take(&s, '{'))
        return corrupt(m, "not a dict");
    while (!take(&s, '}')) {
        enum weir_status status = read_member(m, &s, h);
        if (status != WEIR_OK)
            return status;
        if (!take(&s, ',')) {
            if (!take(&s, '}'))
                return corrupt(m, "the dict does not end");
            break;
        }
    }
    skip_blanks(&s);
    if (s.n > 0 || !h->dtype || !h->shape || !h->has_order)
        return corrupt(m, "something is missing or too much");
    return WEIR_OK;
}

/* Splits a file into header and elements. */
static enum weir_status split(struct weir_format_pickle_machine *m, struct weir_str bytes,
                              struct weir_str *header, struct weir_str *elements)
{
    if (bytes.n < 10 || !weir_str_starts(bytes, WEIR_STR("\x93NUMPY")))
        return corrupt(m, "not numpy's format");
    unsigned version = (unsigned char)bytes.at[6];
    size_t n_size = version == 1 ? 2 : 4;
    if (version < 1 || version > 3 || bytes.n < 8 + n_size)
        return corrupt(m, "an unknown version");
    size_t n = 0;
    for (size_t i = 0; i < n_size; i++)
        n |= (size_t)(unsigned char)bytes.at[8 + i] << (8 * i);
    if (n > HEADER_BYTES_MAX || n > bytes.n - 8 - n_size)
        return corrupt(m, "longer than the file");
    *header = weir_str_make(bytes.at + 8 + n_size, n);
    *elements = weir_str_make(header->at + n, bytes.n - 8 - n_size - n);
    return WEIR_OK;
}

enum weir_status weir_format_npy_array(struct weir_format_pickle_machine *m, struct weir_str bytes,
                                       struct weir_value **out)
{
    struct weir_str text = {NULL, 0}, elements = {NULL, 0};
    struct header h = {NULL, NULL, false, false};
    enum weir_status status = split(m, bytes, &text, &elements);
    if (status == WEIR_OK)
        status = read_header(m, text, &h);
    if (status != WEIR_OK)
        return status;
    const struct weir_format_numpy_layout layout = {.shape = h.shape, .is_fortran = h.is_fortran};
    struct weir_value_array *array = NULL;
    status = weir_format_numpy_layout_array(m, h.dtype, &layout, &array);
    if (status != WEIR_OK)
        return status;
    size_t n_bytes;
    if (!weir_size_mul(array->n, array->dtype->itemsize, &n_bytes) || n_bytes != elements.n)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT,
                                       "an array of %zu elements of %u bytes has %zu bytes",
                                       array->n, array->dtype->itemsize, elements.n);
    array->data = elements.at;
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_ARRAY);
    if (!v)
        return weir_format_pickle_fail_memory(m);
    v->array = array;
    *out = v;
    return WEIR_OK;
}

/* SPDX-License-Identifier: MIT */
/* Values that are no objects: numbers and texts in JSON, arrays in .npy members, sparse matrices in
 * .npz members. */
#include "base/mem.h"
#include "format/npy.h"
#include "format/numpy.h"
#include "format/skops/priv.h"

#include <math.h>

enum { BIGINT_DIGITS_MAX = 4096 };

struct weir_str weir_format_skops_plain_text(yyjson_val *node, const char *key)
{
    yyjson_val *v = yyjson_obj_get(node, key);
    const char *text = yyjson_get_str(v);
    return text ? weir_str_make(text, yyjson_get_len(v)) : (struct weir_str){NULL, 0};
}

/* --- JSON --- */

static void *json_alloc(void *ctx, size_t size)
{
    (void)ctx;
    return weir_mem_alloc(weir_mem_default(), size);
}

static void *json_resize(void *ctx, void *p, size_t old_size, size_t size)
{
    (void)ctx;
    (void)old_size;
    return weir_mem_resize(weir_mem_default(), p, 1, size);
}

static void json_free(void *ctx, void *p)
{
    (void)ctx;
    weir_mem_free(weir_mem_default(), p);
}

static const yyjson_alc json_memory = {json_alloc, json_resize, json_free, NULL};

enum weir_status weir_format_skops_plain_parse_json(struct weir_format_skops *s,
                                                    struct weir_str text, yyjson_doc **out)
{
    const yyjson_read_flag flags = YYJSON_READ_ALLOW_INF_AND_NAN | YYJSON_READ_BIGNUM_AS_RAW |
                                   YYJSON_READ_ALLOW_INVALID_UNICODE;
    yyjson_read_err reason = {0};
    yyjson_doc *doc =
        yyjson_read_opts((char *)(uintptr_t)text.at, text.n, flags, &json_memory, &reason);
    if (!doc && reason.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return weir_format_pickle_fail_memory(&s->m);
    if (!doc)
        return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "not valid JSON at byte %zu: %s",
                                      reason.pos, reason.msg);
    *out = doc;
    return WEIR_OK;
}

static enum weir_status copy_text(struct weir_format_skops *s, struct weir_str text,
                                  struct weir_str *out)
{
    char *at = weir_arena_alloc_aligned(s->m.arena, weir_max_size(text.n, 1), 1);
    if (!at)
        return weir_format_pickle_fail_memory(&s->m);
    memcpy(at, text.at, text.n);
    *out = weir_str_make(at, text.n);
    return WEIR_OK;
}

enum weir_status weir_format_skops_plain_push_text(struct weir_format_skops *s,
                                                   enum weir_value_kind kind, struct weir_str text)
{
    struct weir_value *v = weir_format_pickle_node(&s->m, kind);
    if (v)
        v->text = text;
    return weir_format_pickle_push(&s->m, v);
}

/* Integers beyond 64 bits, from decimal: two's complement, little-endian. */
static enum weir_status push_bigint(struct weir_format_skops *s, struct weir_str digits)
{
    bool is_negative = digits.n > 0 && digits.at[0] == '-';
    digits = weir_str_make(digits.at + is_negative, digits.n - is_negative);
    if (digits.n > BIGINT_DIGITS_MAX)
        return weir_format_skops_fail(s, WEIR_ERR_LIMIT, "an integer of %zu digits", digits.n);
    size_t n = digits.n / 2 + 2; /* a digit has less than four bits; one byte for the sign */
    unsigned char *bytes = weir_arena_zalloc(s->m.arena, n);
    if (!bytes)
        return weir_format_pickle_fail_memory(&s->m);
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9')
            return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "not a number");
        unsigned carry = (unsigned)(digits.at[i] - '0');
        for (size_t k = 0; k < n; k++) {
            carry += 10u * bytes[k];
            bytes[k] = (unsigned char)(carry & 0xff);
            carry >>= 8;
        }
    }
    for (size_t k = 0, carry = 1; is_negative && k < n; k++) {
        carry += (unsigned char)~bytes[k];
        bytes[k] = (unsigned char)(carry & 0xff);
        carry >>= 8;
    }
    return weir_format_skops_plain_push_text(s, WEIR_VALUE_BIGINT,
                                             weir_str_make((const char *)bytes, n));
}

/* What yyjson leaves as text: an integer beyond 64 bits, a real number beyond double's range, and
 * Python's words for what is no number. */
static enum weir_status push_raw(struct weir_format_skops *s, yyjson_val *v)
{
    struct weir_str text = weir_str_make(yyjson_get_raw(v), yyjson_get_len(v));
    bool is_negative = text.n > 0 && text.at[0] == '-';
    struct weir_str word = weir_str_make(text.at + is_negative, text.n - is_negative);
    bool is_nan = weir_str_eq_c(word, "NaN");
    if (is_nan || weir_str_eq_c(word, "Infinity")) {
        struct weir_value *out = weir_format_pickle_node(&s->m, WEIR_VALUE_F64);
        if (out)
            out->f64 = is_nan ? (double)NAN : is_negative ? -(double)INFINITY : (double)INFINITY;
        return weir_format_pickle_push(&s->m, out);
    }
    for (size_t i = 0; i < text.n; i++)
        if (text.at[i] == '.' || text.at[i] == 'e' || text.at[i] == 'E')
            return weir_format_skops_fail(s, WEIR_ERR_UNSUPPORTED, "a number beyond float64");
    return push_bigint(s, text);
}

static enum weir_status push_number(struct weir_format_skops *s, yyjson_val *v)
{
    bool is_real = yyjson_is_real(v);
    bool is_big = yyjson_is_uint(v) && yyjson_get_uint(v) > INT64_MAX;
    struct weir_value *out = weir_format_pickle_node(&s->m, is_real  ? WEIR_VALUE_F64
                                                            : is_big ? WEIR_VALUE_BIGINT
                                                                     : WEIR_VALUE_I64);
    if (out && is_real)
        out->f64 = yyjson_get_real(v);
    else if (out && !is_big)
        out->i64 = yyjson_is_uint(v) ? (int64_t)yyjson_get_uint(v) : yyjson_get_sint(v);
    if (out && is_big) {
        unsigned char *bytes = weir_arena_zalloc(s->m.arena, 9); /* the ninth: the sign */
        for (size_t i = 0; bytes && i < 8; i++)
            bytes[i] = (unsigned char)(yyjson_get_uint(v) >> (8 * i));
        out->text = weir_str_make((const char *)bytes, 9);
        out = bytes ? out : NULL;
    }
    return weir_format_pickle_push(&s->m, out);
}

static enum weir_status push_items(struct weir_format_skops *s, yyjson_val *v)
{
    size_t i, n;
    yyjson_val *key, *item;
    bool is_list = yyjson_is_arr(v);
    enum weir_status status = weir_format_pickle_mark(&s->m);
    if (is_list) {
        yyjson_arr_foreach(v, i, n, item) if (status == WEIR_OK) status =
            weir_format_skops_plain_push_json(s, item);
    } else {
        yyjson_obj_foreach(v, i, n, key, item)
        {
            if (status == WEIR_OK)
                status = weir_format_skops_plain_push_json(s, key);
            if (status == WEIR_OK)
                status = weir_format_skops_plain_push_json(s, item);
        }
    }
    return status == WEIR_OK
               ? weir_format_pickle_push_marked(&s->m, is_list ? WEIR_VALUE_LIST : WEIR_VALUE_DICT)
               : status;
}

enum weir_status weir_format_skops_plain_push_json(struct weir_format_skops *s, yyjson_val *v)
{
    struct weir_str text = {NULL, 0};
    enum weir_status status;
    switch (yyjson_get_type(v)) {
    case YYJSON_TYPE_NULL:
        return weir_format_pickle_push_none(&s->m);
    case YYJSON_TYPE_BOOL:
        return weir_format_pickle_push_bool(&s->m, yyjson_get_bool(v));
    case YYJSON_TYPE_NUM:
        return push_number(s, v);
    case YYJSON_TYPE_RAW:
        return push_raw(s, v);
    case YYJSON_TYPE_STR:
        status = copy_text(s, weir_str_make(yyjson_get_str(v), yyjson_get_len(v)), &text);
        return status == WEIR_OK ? weir_format_skops_plain_push_text(s, WEIR_VALUE_TEXT, text)
                                 : status;
    case YYJSON_TYPE_ARR:
    case YYJSON_TYPE_OBJ:
        break;
    default:
        return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "a value is missing");
    }
    if (s->depth >= s->m.opts->nesting_max)
        return weir_format_skops_fail(s, WEIR_ERR_LIMIT, "nested too deep");
    s->depth++;
    status = push_items(s, v);
    s->depth--;
    return status;
}

/* "content": a text that holds JSON */
enum weir_status weir_format_skops_plain_json(struct weir_format_skops *s, yyjson_val *node)
{
    struct weir_str content = weir_format_skops_plain_text(node, "content");
    if (!content.at)
        return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "a JsonNode without content");
    yyjson_doc *doc = NULL;
    enum weir_status status = weir_format_skops_plain_parse_json(s, content, &doc);
    if (status != WEIR_OK)
        return status;
    status = weir_format_skops_plain_push_json(s, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return status;
}

/* --- members --- */

/* Reads the member that "file" names. */
static enum weir_status read_file(struct weir_format_skops *s, yyjson_val *node,
                                  struct weir_str *out)
{
    struct weir_str name = weir_format_skops_plain_text(node, "file");
    if (!name.at || strlen(name.at) != name.n)
        return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "a node without its file");
    enum weir_status status =
        weir_codec_archive_read(&s->archive, name.at, s->m.arena, out, s->m.err);
    return status == WEIR_ERR_NOT_FOUND ? WEIR_ERR_CORRUPT : status;
}

enum weir_status weir_format_skops_plain_bytes(struct weir_format_skops *s, yyjson_val *node)
{
    struct weir_str bytes = {NULL, 0};
    enum weir_status status = read_file(s, node, &bytes);
    return status == WEIR_OK ? weir_format_skops_plain_push_text(s, WEIR_VALUE_BYTES, bytes)
                             : status;
}

/* Puts the leaves of nested lists in a row: what they are nested by is the shape. */
static enum weir_status flatten(struct weir_format_skops *s, const struct weir_value *v,
                                const struct weir_value *shape, size_t d,
                                const struct weir_value **out, size_t *n, size_t n_max)
{
    if (d == shape->items.n) {
        if (*n == n_max)
            return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "an array longer than its shape");
        out[(*n)++] = v;
        return WEIR_OK;
    }
    const struct weir_value *dim = shape->items.at[d];
    if (v->kind != WEIR_VALUE_LIST || dim->kind != WEIR_VALUE_I64 || dim->i64 < 0 ||
        (uint64_t)dim->i64 != v->items.n)
        return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "an array that has not its shape");
    for (size_t i = 0; i < v->items.n; i++) {
        enum weir_status status = flatten(s, v->items.at[i], shape, d + 1, out, n, n_max);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* Makes an array of objects of the two values on top of the stack: nested lists and the shape. */
static enum weir_status push_objects(struct weir_format_skops *s)
{
    struct weir_value *list, *shape;
    enum weir_status status = weir_format_pickle_pop(&s->m, &shape);
    if (status == WEIR_OK)
        status = weir_format_pickle_pop(&s->m, &list);
    if (status != WEIR_OK)
        return status;
    struct weir_value *dtype = weir_format_pickle_node(&s->m, WEIR_VALUE_DTYPE);
    struct weir_value_dtype *element =
        dtype ? weir_arena_zalloc(s->m.arena, sizeof *element) : NULL;
    if (!element)
        return weir_format_pickle_fail_memory(&s->m);
    *element = (struct weir_value_dtype){.kind = 'O', .itemsize = 8};
    dtype->element = element;
    const struct weir_format_numpy_layout layout = {.shape = shape};
    struct weir_value_array *array = NULL;
    status = weir_format_numpy_layout_array(&s->m, dtype, &layout, &array);
    if (status != WEIR_OK)
        return status;
    if (array->n > s->m.n_nodes) /* each element was a node */
        return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "an array shorter than its shape");
    const struct weir_value **objects =
        weir_arena_array(s->m.arena, weir_max_size(array->n, 1), sizeof *objects);
    struct weir_value *v = weir_format_pickle_node(&s->m, WEIR_VALUE_ARRAY);
    if (!objects || !v)
        return weir_format_pickle_fail_memory(&s->m);
    size_t n = 0;
    status = flatten(s, list, shape, 0, objects, &n, array->n);
    if (status == WEIR_OK && n != array->n)
        status = weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "an array shorter than its shape");
    if (status != WEIR_OK)
        return status;
    array->objects = objects;
    v->array = array;
    status = weir_format_pickle_contain(&s->m, v, list);
    return status == WEIR_OK ? weir_format_pickle_push(&s->m, v) : status;
}

/* "content": a list of nodes; "shape": the node of a tuple */
static enum weir_status push_object_array(struct weir_format_skops *s, yyjson_val *node)
{
    yyjson_val *content = yyjson_obj_get(node, "content"), *item;
    size_t i, n;
    if (!yyjson_is_arr(content))
        return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "an array without content");
    enum weir_status status = weir_format_pickle_mark(&s->m);
    yyjson_arr_foreach(content, i, n, item) if (status == WEIR_OK) status =
        weir_format_skops_nodes_read(s, item);
    if (status == WEIR_OK)
        status = weir_format_pickle_push_marked(&s->m, WEIR_VALUE_LIST);
    if (status == WEIR_OK)
        status = weir_format_skops_nodes_read(s, yyjson_obj_get(node, "shape"));
    return status == WEIR_OK ? push_objects(s) : status;
}

enum weir_status weir_format_skops_plain_array(struct weir_format_skops *s, yyjson_val *node)
{
    struct weir_str type = weir_format_skops_plain_text(node, "type");
    struct weir_str cls = weir_format_skops_plain_text(node, "__class__");
    if (weir_str_eq_c(type, "json"))
        return push_object_array(s, node);
    if (!weir_str_eq_c(type, "numpy"))
        return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "an array of an unknown type");
    struct weir_str bytes = {NULL, 0};
    struct weir_value *v = NULL;
    enum weir_status status = read_file(s, node, &bytes);
    if (status == WEIR_OK)
        status = weir_format_npy_array(&s->m, bytes, &v);
    /* numpy's scalars are written as arrays without dimensions. */
    if (status == WEIR_OK && v->array->n_dims == 0 && !weir_str_eq_c(cls, "ndarray"))
        status = weir_format_numpy_plain(&s->m, v);
    return status == WEIR_OK ? weir_format_pickle_push(&s->m, v) : status;
}

/* "content": an empty array of that element type */
enum weir_status weir_format_skops_plain_dtype(struct weir_format_skops *s, yyjson_val *node)
{
    struct weir_value *array;
    enum weir_status status = weir_format_skops_nodes_read(s, yyjson_obj_get(node, "content"));
    if (status == WEIR_OK)
        status = weir_format_pickle_pop(&s->m, &array);
    if (status != WEIR_OK)
        return status;
    if (array->kind != WEIR_VALUE_ARRAY)
        return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "an element type of no array");
    struct weir_value *v = weir_format_pickle_node(&s->m, WEIR_VALUE_DTYPE);
    if (v)
        v->element = array->array->dtype;
    return weir_format_pickle_push(&s->m, v);
}

/* --- sparse matrices --- */

/* Pushes an attribute's name and the array of a member of an .npz archive. */
static enum weir_status push_part(struct weir_format_skops *s, struct weir_codec_archive *npz,
                                  const char *attr, const char *member, struct weir_value **out)
{
    struct weir_str bytes = {NULL, 0};
    enum weir_status status =
        weir_format_skops_plain_push_text(s, WEIR_VALUE_TEXT, weir_str_c(attr));
    if (status == WEIR_OK)
        status = weir_codec_archive_read(npz, member, s->m.arena, &bytes, s->m.err);
    if (status == WEIR_OK)
        status = weir_format_npy_array(&s->m, bytes, out);
    if (status == WEIR_ERR_NOT_FOUND)
        return WEIR_ERR_CORRUPT;
    return status == WEIR_OK ? weir_format_pickle_push(&s->m, *out) : status;
}

/* The shape is an array here and a tuple of two numbers in the object. */
static enum weir_status push_shape(struct weir_format_skops *s, struct weir_codec_archive *npz)
{
    struct weir_value *shape, *v;
    enum weir_status status = push_part(s, npz, "_shape", "shape.npy", &shape);
    if (status == WEIR_OK)
        status = weir_format_pickle_pop(&s->m, &shape);
    if (status != WEIR_OK)
        return status;
    struct weir_value_walk walk = {.n_steps_left = 4};
    const struct weir_value_at at = weir_value_root(shape, &walk);
    for (size_t i = 0; i < 2; i++) {
        v = weir_format_pickle_node(&s->m, WEIR_VALUE_NONE);
        if (!v)
            return weir_format_pickle_fail_memory(&s->m);
        if (shape->array->n != 2 || weir_value_element(&at, i, s->m.arena, v, NULL) != WEIR_OK ||
            v->kind != WEIR_VALUE_I64)
            return weir_format_skops_fail(s, WEIR_ERR_CORRUPT, "a sparse matrix without a shape");
        v->dtype = NULL;
        status = weir_format_pickle_push(&s->m, v);
        if (status != WEIR_OK)
            return status;
    }
    return weir_format_pickle_push_tuple(&s->m, 2);
}

static enum weir_status push_sparse(struct weir_format_skops *s, yyjson_val *node,
                                    struct weir_codec_archive *npz)
{
    struct weir_str cls = weir_format_skops_plain_text(node, "__class__");
    struct weir_value *part;
    if (!weir_str_starts(cls, WEIR_STR("csr_")) && !weir_str_starts(cls, WEIR_STR("csc_"))) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_format_skops_fail(s, WEIR_ERR_UNSUPPORTED, "a sparse matrix of class %s",
                                      weir_str_echo(cls, echo, sizeof echo));
    }
    enum weir_status status = weir_format_skops_nodes_push_global(s, node);
    if (status == WEIR_OK)
        status = weir_format_pickle_push_empty_tuple(&s->m);
    if (status == WEIR_OK)
        status = weir_format_pickle_newobj(&s->m, false);
    if (status == WEIR_OK)
        status = weir_format_pickle_mark(&s->m);
    if (status == WEIR_OK)
        status = push_shape(s, npz);
    if (status == WEIR_OK)
        status = push_part(s, npz, "indices", "indices.npy", &part);
    if (status == WEIR_OK)
        status = push_part(s, npz, "indptr", "indptr.npy", &part);
    if (status == WEIR_OK)
        status = push_part(s, npz, "data", "data.npy", &part);
    if (status == WEIR_OK)
        status = weir_format_pickle_push_marked(&s->m, WEIR_VALUE_DICT);
    return status == WEIR_OK ? weir_format_pickle_build(&s->m) : status;
}

enum weir_status weir_format_skops_plain_sparse(struct weir_format_skops *s, yyjson_val *node)
{
    struct weir_str bytes = {NULL, 0};
    enum weir_status status = read_file(s, node, &bytes);
    if (status != WEIR_OK)
        return status;
    WEIR_CLEANUP(weir_codec_archive_close) struct weir_codec_archive npz = WEIR_CODEC_ARCHIVE_INIT;
    /* What the outer archive may still give is the bound of the inner one. */
    struct weir_codec_inflate_limits limits = s->archive.limits;
    limits.bytes_max -= s->archive.n_out < limits.bytes_max ? s->archive.n_out : limits.bytes_max;
    limits.bytes_max += limits.bytes_max == 0;
    status = weir_codec_archive_open(&npz, bytes, limits, s->m.err);
    if (status != WEIR_OK)
        return status;
    status = push_sparse(s, node, &npz);
    s->archive.n_out += npz.n_out;
    return status;
}

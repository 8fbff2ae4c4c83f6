/* SPDX-License-Identifier: MIT */
/* The value tree: places, steps from place to place, and single values.
 *
 * The tree may be a graph with shared parts and, in a hostile file, cycles. Two counters make every
 * walk end: a place knows its depth, and all places of a walk share one budget of steps. */
#include "format/value.h"

#include "base/macros.h"
#include "format/value_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { PLACE_BYTES_MAX = 160 };

/* Steps for each value of the tree. Builders look at one attribute a few times (is it there, its
 * shape, its contents), and estimators are shared by two or three lists at most. */
enum { STEPS_PER_NODE = 64 };
static const uint64_t STEPS_MIN = 100000;

static const char *const kind_names[WEIR_VALUE_N_KINDS] = {
    [WEIR_VALUE_NONE] = "None",          [WEIR_VALUE_BOOL] = "bool",
    [WEIR_VALUE_I64] = "integer",        [WEIR_VALUE_BIGINT] = "integer beyond 64 bits",
    [WEIR_VALUE_F64] = "float",          [WEIR_VALUE_TEXT] = "text",
    [WEIR_VALUE_BYTES] = "bytes",        [WEIR_VALUE_LIST] = "list",
    [WEIR_VALUE_TUPLE] = "tuple",        [WEIR_VALUE_SET] = "set",
    [WEIR_VALUE_DICT] = "dict",          [WEIR_VALUE_GLOBAL] = "name",
    [WEIR_VALUE_OBJECT] = "object",      [WEIR_VALUE_ARRAY] = "array",
    [WEIR_VALUE_DTYPE] = "element type",
};

const char *weir_value_kind_name(enum weir_value_kind kind)
{
    return (unsigned)kind < WEIR_VALUE_N_KINDS ? kind_names[kind] : "?";
}

bool weir_value_is_text(const struct weir_value *v, const char *text)
{
    return v->kind == WEIR_VALUE_TEXT && weir_str_eq_c(v->text, text);
}

bool weir_value_is_object(const struct weir_value *v, const char *cls)
{
    return v->kind == WEIR_VALUE_OBJECT && weir_str_eq_c(v->object->cls, cls);
}

/* From the end, so that the last of equal keys counts. */
static const struct weir_value *find_pair(struct weir_value_dict dict, const char *key)
{
    for (size_t i = dict.n; i > 0; i--)
        if (weir_value_is_text(dict.at[i - 1].key, key))
            return dict.at[i - 1].value;
    return NULL;
}

const struct weir_value *weir_value_find(const struct weir_value *v, const char *name)
{
    return v->kind == WEIR_VALUE_OBJECT ? find_pair(v->object->attrs, name) : NULL;
}

const struct weir_value *weir_value_find_key(const struct weir_value *v, const char *key)
{
    if (v->kind == WEIR_VALUE_DICT)
        return find_pair(v->dict, key);
    return v->kind == WEIR_VALUE_OBJECT ? find_pair(v->object->pairs, key) : NULL;
}

/* --- places --- */

void weir_value_walk_init(struct weir_value_walk *walk, size_t n_nodes)
{
    uint64_t n;
    if (__builtin_mul_overflow((uint64_t)n_nodes, (uint64_t)STEPS_PER_NODE, &n) ||
        __builtin_add_overflow(n, STEPS_MIN, &n))
        n = UINT64_MAX;
    walk->n_steps_left = n;
}

struct weir_value_at weir_value_root(const struct weir_value *root, struct weir_value_walk *walk)
{
    weir_assert(root);
    weir_assert(walk);
    return (struct weir_value_at){.v = root, .walk = walk};
}

/* A text that grows towards its beginning. */
struct backwards {
    char text[PLACE_BYTES_MAX + 1];
    size_t at; /* the first byte in use */
};

/* Puts s before what is there; false: no room (nothing is put then). */
static bool prepend(struct backwards *b, const char *s, size_t n)
{
    /* Room for the three dots is always kept. */
    if (n + 3 > b->at)
        return false;
    b->at -= n;
    memcpy(b->text + b->at, s, n);
    return true;
}

static bool prepend_reach(struct backwards *b, const struct weir_value_at *at)
{
    if (!at->up)
        return true;
    if (at->name)
        return prepend(b, at->name, strlen(at->name)) && prepend(b, ".", 1);
    if (at->up->v->kind == WEIR_VALUE_TUPLE && at->v && at->v->kind == WEIR_VALUE_OBJECT)
        return true;
    char number[32];
    int n = snprintf(number, sizeof number, "[%zu]", at->index);
    return prepend(b, number, (size_t)n);
}

static bool prepend_place(struct backwards *b, const struct weir_value_at *at)
{
    if (at->v && at->v->kind == WEIR_VALUE_OBJECT) {
        struct weir_str cls = at->v->object->cls;
        if (!prepend(b, cls.at, cls.n) || !prepend(b, ".", 1))
            return false;
    }
    return prepend_reach(b, at);
}

/* Writes the place into b and returns it without the dot it may begin with. */
static const char *place_text(struct backwards *b, const struct weir_value_at *at)
{
    b->at = PLACE_BYTES_MAX;
    b->text[PLACE_BYTES_MAX] = '\0';
    while (at && prepend_place(b, at))
        at = at->up;
    if (at) {
        b->at -= 3;
        memcpy(b->text + b->at, "...", 3);
        return b->text + b->at;
    }
    return b->text + b->at + (b->text[b->at] == '.');
}

enum weir_status weir_value_fail(const struct weir_value_at *at, enum weir_status code,
                                 struct weir_error *err, const char *fmt, ...)
{
    if (!err)
        return code;
    char reason[WEIR_ERROR_MSG_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(reason, sizeof reason, fmt, args); /* a cut message is still a message */
    va_end(args);
    struct backwards b;
    const char *place = place_text(&b, at);
    return weir_error_set(err, code, "%s%s%s", place, *place ? ": " : "", reason);
}

/* --- steps --- */

/* Fills *out and counts the step. */
static enum weir_status step(const struct weir_value_at *up, const struct weir_value *v,
                             const char *name, size_t index, struct weir_value_at *out,
                             struct weir_error *err)
{
    weir_assert(up != out);
    struct weir_value_at to = {v, up, up->walk, name, index, up->depth + 1};
    if (to.depth > WEIR_VALUE_DEPTH_MAX)
        return weir_value_fail(up, WEIR_ERR_LIMIT, err,
                               "nested more than %d levels deep, or inside itself",
                               WEIR_VALUE_DEPTH_MAX);
    if (up->walk->n_steps_left == 0)
        return weir_value_fail(up, WEIR_ERR_LIMIT, err,
                               "parts of the file are used inside each other too often");
    up->walk->n_steps_left--;
    *out = to;
    return WEIR_OK;
}

enum weir_status weir_value_object(const struct weir_value_at *at,
                                   const struct weir_value_object **out, struct weir_error *err)
{
    if (at->v->kind != WEIR_VALUE_OBJECT)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "expected an object, found %s",
                               weir_value_kind_name(at->v->kind));
    *out = at->v->object;
    return WEIR_OK;
}

enum weir_status weir_value_attr(const struct weir_value_at *at, const char *name,
                                 struct weir_value_at *out, struct weir_error *err)
{
    const struct weir_value_object *object = NULL;
    enum weir_status status = weir_value_object(at, &object, err);
    if (status != WEIR_OK)
        return status;
    weir_assert(object);
    const struct weir_value *v = find_pair(object->attrs, name);
    if (!v)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "has no attribute %s", name);
    return step(at, v, name, 0, out, err);
}

enum weir_status weir_value_attr_opt(const struct weir_value_at *at, const char *name,
                                     struct weir_value_at *out, struct weir_error *err)
{
    const struct weir_value_object *object = NULL;
    enum weir_status status = weir_value_object(at, &object, err);
    if (status != WEIR_OK)
        return status;
    weir_assert(object);
    const struct weir_value *v = find_pair(object->attrs, name);
    if (v && weir_value_is_none(v))
        v = NULL;
    return step(at, v, name, 0, out, err);
}

enum weir_status weir_value_attr_index(const struct weir_value_at *at, size_t i,
                                       struct weir_value_at *out, struct weir_error *err)
{
    const struct weir_value_object *object = NULL;
    enum weir_status status = weir_value_object(at, &object, err);
    if (status != WEIR_OK)
        return status;
    weir_assert(object);
    weir_assert(i < object->attrs.n);
    return step(at, object->attrs.at[i].value, NULL, i, out, err);
}

size_t weir_value_n(const struct weir_value *v)
{
    if (v->kind == WEIR_VALUE_LIST || v->kind == WEIR_VALUE_TUPLE || v->kind == WEIR_VALUE_SET)
        return v->items.n;
    if (v->kind == WEIR_VALUE_DICT)
        return v->dict.n;
    return v->kind == WEIR_VALUE_ARRAY && v->array->objects ? v->array->n : 0;
}

enum weir_status weir_value_item(const struct weir_value_at *at, size_t i,
                                 struct weir_value_at *out, struct weir_error *err)
{
    size_t n = weir_value_n(at->v);
    if (i >= n)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "%s has %zu items, item %zu is missing",
                               weir_value_kind_name(at->v->kind), n, i);
    const struct weir_value *v;
    if (at->v->kind == WEIR_VALUE_DICT)
        v = at->v->dict.at[i].value;
    else if (at->v->kind == WEIR_VALUE_ARRAY)
        v = at->v->array->objects[i]; /* always row-major */
    else
        v = at->v->items.at[i];
    return step(at, v, NULL, i, out, err);
}

enum weir_status weir_value_key(const struct weir_value_at *at, const char *key,
                                struct weir_value_at *out, struct weir_error *err)
{
    const struct weir_value *v = weir_value_find_key(at->v, key);
    if (!v)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "has no key %s", key);
    return step(at, v, key, 0, out, err);
}

enum weir_status weir_value_list(const struct weir_value_at *at, size_t *n, struct weir_error *err)
{
    const struct weir_value *v = at->v;
    bool is_list = v->kind == WEIR_VALUE_LIST || v->kind == WEIR_VALUE_TUPLE;
    if (v->kind == WEIR_VALUE_ARRAY)
        is_list = v->array->objects && v->array->n_dims == 1;
    if (!is_list)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "expected a list, found %s",
                               weir_value_kind_name(v->kind));
    *n = weir_value_n(v);
    return WEIR_OK;
}

/* --- single values --- */

bool weir_value_number(const struct weir_value *v, struct weir_value_number *out)
{
    switch (v->kind) {
    case WEIR_VALUE_BOOL:
        *out = (struct weir_value_number){.kind = 'i', .i = v->b};
        return true;
    case WEIR_VALUE_I64:
        *out = (struct weir_value_number){.kind = 'i', .i = v->i64};
        return true;
    case WEIR_VALUE_F64:
        *out = (struct weir_value_number){.kind = 'f', .f = v->f64};
        return true;
    case WEIR_VALUE_ARRAY:
        if (v->array->n != 1)
            return false;
        if (v->array->objects) /* one level only: an array in an array is no number */
            return v->array->objects[0]->kind != WEIR_VALUE_ARRAY &&
                   weir_value_number(v->array->objects[0], out);
        return weir_value_number_decode(v->array->dtype, v->array->data, out);
    case WEIR_VALUE_BIGINT: /* 2^63 to 2^64 − 1 still fits */
        return weir_value_number_bigint(v->text, out);
    case WEIR_VALUE_NONE:
    case WEIR_VALUE_TEXT:
    case WEIR_VALUE_BYTES:
    case WEIR_VALUE_LIST:
    case WEIR_VALUE_TUPLE:
    case WEIR_VALUE_SET:
    case WEIR_VALUE_DICT:
    case WEIR_VALUE_GLOBAL:
    case WEIR_VALUE_OBJECT:
    case WEIR_VALUE_DTYPE:
        break;
    }
    return false;
}

static enum weir_status number(const struct weir_value_at *at, struct weir_value_number *out,
                               struct weir_error *err)
{
    if (weir_value_number(at->v, out))
        return WEIR_OK;
    if (at->v->kind == WEIR_VALUE_ARRAY)
        return weir_value_fail(at, WEIR_ERR_INVALID, err,
                               "expected a number, found an array of %zu elements of kind %c",
                               at->v->array->n, at->v->array->dtype->kind);
    return weir_value_fail(at, WEIR_ERR_INVALID, err, "expected a number, found %s",
                           weir_value_kind_name(at->v->kind));
}

enum weir_status weir_value_f64(const struct weir_value_at *at, double *out, struct weir_error *err)
{
    struct weir_value_number x;
    enum weir_status status = number(at, &x, err);
    if (status == WEIR_OK)
        *out = weir_value_number_f64(x);
    return status;
}

enum weir_status weir_value_i64(const struct weir_value_at *at, int64_t *out,
                                struct weir_error *err)
{
    return weir_value_i64_in(at, INT64_MIN, INT64_MAX, out, err);
}

enum weir_status weir_value_i64_in(const struct weir_value_at *at, int64_t min, int64_t max,
                                   int64_t *out, struct weir_error *err)
{
    struct weir_value_number x;
    enum weir_status status = number(at, &x, err);
    if (status != WEIR_OK)
        return status;
    int64_t i;
    if (!weir_value_number_i64(x, &i))
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "expected a whole number, found %.17g",
                               weir_value_number_f64(x));
    if (i < min || i > max)
        return weir_value_fail(at, WEIR_ERR_INVALID, err,
                               "expected a number from %lld to %lld, found %lld", (long long)min,
                               (long long)max, (long long)i);
    *out = i;
    return WEIR_OK;
}

enum weir_status weir_value_bool(const struct weir_value_at *at, bool *out, struct weir_error *err)
{
    struct weir_value_number x;
    int64_t i;
    if (!weir_value_number(at->v, &x) || !weir_value_number_i64(x, &i) || i < 0 || i > 1)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "expected true or false, found %s",
                               weir_value_kind_name(at->v->kind));
    *out = i == 1;
    return WEIR_OK;
}

enum weir_status weir_value_text(const struct weir_value_at *at, struct weir_str *out,
                                 struct weir_error *err)
{
    if (at->v->kind != WEIR_VALUE_TEXT)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "expected text, found %s",
                               weir_value_kind_name(at->v->kind));
    *out = at->v->text;
    return WEIR_OK;
}

/* --- single values of attributes: one required and one optional form for each type --- */

#define ATTR_FORMS(suffix, type)                                                                \
    enum weir_status weir_value_attr_##suffix(const struct weir_value_at *at, const char *name, \
                                              type *out, struct weir_error *err)                \
    {                                                                                           \
        struct weir_value_at attr;                                                              \
        enum weir_status status = weir_value_attr(at, name, &attr, err);                        \
        return status == WEIR_OK ? weir_value_##suffix(&attr, out, err) : status;               \
    }                                                                                           \
    enum weir_status weir_value_attr_##suffix##_or(const struct weir_value_at *at,              \
                                                   const char *name, type def, type *out,       \
                                                   struct weir_error *err)                      \
    {                                                                                           \
        struct weir_value_at attr;                                                              \
        enum weir_status status = weir_value_attr_opt(at, name, &attr, err);                    \
        if (status != WEIR_OK)                                                                  \
            return status;                                                                      \
        if (attr.v)                                                                             \
            return weir_value_##suffix(&attr, out, err);                                        \
        *out = def;                                                                             \
        return WEIR_OK;                                                                         \
    }

ATTR_FORMS(f64, double)
ATTR_FORMS(i64, int64_t)
ATTR_FORMS(bool, bool)
ATTR_FORMS(text, struct weir_str)

/* SPDX-License-Identifier: MIT */
/* One walk over the tree of estimators, and two writers of what it meets. Settings are the
 * attributes without an underscore at either end, as scikit-learn names them; what was learnt ends
 * with one; private ones are left out. */
#include "format/describe.h"

#include "base/macros.h"
#include "codec/json.h"
#include "codec/number.h"

enum {
    LEVELS_MAX = 24,      /* of estimators in estimators; deeper ones are left out */
    CHILDREN_MAX = 256,   /* shown of one estimator */
    TEXT_BYTES_MAX = 200, /* shown of one text */
    INDENT = 2,
};

struct writer {
    struct weir_buf *out;
    bool is_json;
    bool has_item; /* JSON: a comma is due before the next item */
    struct weir_error *err;
};

/* The parts of an estimator, in the order they are shown. */
enum part { PART_PARAM, PART_LEARNT, PART_CHILD };

/* What stands above a child: `steps[0] "scale": `. */
struct heading {
    struct weir_str name;
    size_t index; /* SIZE_MAX: none */
    struct weir_str label;
    struct weir_str key; /* of a dict: the label of an estimator that has no other */
    size_t count;        /* how many like this one there are */
};

static void comma(struct writer *w)
{
    if (w->has_item)
        weir_buf_append_byte(w->out, ',');
    w->has_item = true;
}

static void json_key(struct writer *w, const char *key)
{
    comma(w);
    weir_codec_json_append_text(w->out, weir_str_c(key));
    weir_buf_append_byte(w->out, ':');
}

static void indent(struct writer *w, unsigned level)
{
    for (unsigned i = 0; i < level * INDENT; i++)
        weir_buf_append_byte(w->out, ' ');
}

/* Cuts a text between two characters. */
static struct weir_str cut(struct weir_str s)
{
    size_t n = weir_min_size(s.n, TEXT_BYTES_MAX);
    while (n < s.n && n > 0 && ((unsigned char)s.at[n] & 0xc0) == 0x80)
        n--;
    return weir_str_make(s.at, n);
}

/* Names come from the file: they must not steer the terminal. */
static void put_name(struct writer *w, struct weir_str name)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    weir_buf_append_c(w->out, weir_str_echo(name, echo, sizeof echo));
}

static bool is_scalar(const struct weir_value *v)
{
    return v->kind == WEIR_VALUE_BOOL || v->kind == WEIR_VALUE_I64 || v->kind == WEIR_VALUE_F64 ||
           v->kind == WEIR_VALUE_TEXT || v->kind == WEIR_VALUE_GLOBAL;
}

static void put_scalar(struct writer *w, const struct weir_value *v)
{
    if (v->kind == WEIR_VALUE_BOOL)
        weir_buf_append_c(w->out, v->b ? "true" : "false");
    else if (v->kind == WEIR_VALUE_I64)
        weir_buf_append_i64(w->out, v->i64);
    else if (v->kind == WEIR_VALUE_F64)
        weir_codec_number_append_f64(w->out, v->f64, WEIR_CODEC_NUMBER_NONFINITE_NULL);
    else
        weir_codec_json_append_text(w->out, cut(v->text));
}

static void put_array(struct writer *w, const struct weir_value_array *array)
{
    weir_buf_append_c(w->out, w->is_json ? "{\"dtype\":\"" : "");
    if (array->dtype->n_fields > 0)
        weir_buf_append_c(w->out, "struct");
    else if (array->dtype->kind == 'O')
        weir_buf_append_c(w->out, "object");
    else if (array->dtype->kind == 'U')
        weir_buf_printf(w->out, "U%u", array->dtype->itemsize / 4);
    else
        weir_buf_printf(w->out, "%c%u", array->dtype->kind, array->dtype->itemsize);
    weir_buf_append_c(w->out, w->is_json ? "\",\"shape\":[" : " [");
    for (uint32_t d = 0; d < array->n_dims; d++)
        weir_buf_printf(w->out, "%s%zu", d ? (w->is_json ? "," : ", ") : "", array->shape[d]);
    weir_buf_append_c(w->out, w->is_json ? "]}" : "]");
}

/* Records that are no estimators: random states, slices, sparse matrices. */
static bool is_opaque(const struct weir_value_object *object)
{
    return weir_str_eq_c(object->top, "numpy") || weir_str_eq_c(object->top, "scipy") ||
           weir_str_eq_c(object->top, "functools") || weir_str_eq_c(object->top, "builtins");
}

static bool is_estimator(const struct weir_value *v)
{
    return v->kind == WEIR_VALUE_OBJECT && !is_opaque(v->object);
}

/* Returns the estimator that an item of a list is or, as in steps, holds beside its name; NULL:
 * none. */
static const struct weir_value *estimator_in(const struct weir_value *item, struct weir_str *label,
                                             size_t *at)
{
    *label = WEIR_STR("");
    *at = SIZE_MAX;
    if (is_estimator(item))
        return item;
    if (item->kind != WEIR_VALUE_TUPLE)
        return NULL;
    for (size_t i = 0; i < item->items.n && i < 3; i++) {
        if (item->items.at[i]->kind == WEIR_VALUE_TEXT && label->n == 0)
            *label = item->items.at[i]->text;
        if (is_estimator(item->items.at[i])) {
            *at = i;
            return item->items.at[i];
        }
    }
    return NULL;
}

static bool has_estimators(const struct weir_value *v)
{
    struct weir_str label;
    size_t at;
    size_t n = weir_min_size(weir_value_n(v), CHILDREN_MAX);
    if (v->kind == WEIR_VALUE_LIST || v->kind == WEIR_VALUE_TUPLE)
        for (size_t i = 0; i < n; i++)
            if (estimator_in(v->items.at[i], &label, &at))
                return true;
    if (v->kind == WEIR_VALUE_ARRAY && v->array->objects)
        for (size_t i = 0; i < n; i++)
            if (is_estimator(v->array->objects[i]))
                return true;
    if (v->kind == WEIR_VALUE_DICT)
        for (size_t i = 0; i < n; i++)
            if (is_estimator(v->dict.at[i].value))
                return true;
    return false;
}

static bool is_of_part(struct weir_str name, const struct weir_value *v, enum part part)
{
    bool is_child = is_estimator(v) || has_estimators(v);
    if (name.n == 0 || name.at[0] == '_' || weir_str_eq_c(name, "named_estimators_") ||
        is_child != (part == PART_CHILD) || weir_value_is_none(v))
        return false;
    if (is_child)
        return true;
    bool is_learnt = name.at[name.n - 1] == '_';
    return is_learnt == (part == PART_LEARNT);
}

/* Shows a setting or something learnt. */
static void put_attribute(struct writer *w, struct weir_str name, const struct weir_value *v,
                          unsigned level)
{
    if (w->is_json) {
        comma(w);
        weir_codec_json_append_text(w->out, cut(name));
        weir_buf_append_byte(w->out, ':');
    } else {
        indent(w, level);
        put_name(w, name);
        weir_buf_append_c(w->out, " = ");
    }
    if (is_scalar(v))
        put_scalar(w, v);
    else if (v->kind == WEIR_VALUE_ARRAY)
        put_array(w, v->array);
    else if (v->kind == WEIR_VALUE_OBJECT)
        weir_codec_json_append_text(w->out, v->object->name);
    else if (w->is_json)
        weir_buf_printf(w->out, "{\"kind\":\"%s\",\"n\":%zu}", weir_value_kind_name(v->kind),
                        weir_value_n(v));
    else
        weir_buf_printf(w->out, "%s of %zu", weir_value_kind_name(v->kind), weir_value_n(v));
    if (!w->is_json)
        weir_buf_append_byte(w->out, '\n');
}

static void put_attributes(struct writer *w, const struct weir_value_object *object, enum part part,
                           unsigned level)
{
    if (w->is_json) {
        json_key(w, part == PART_PARAM ? "params" : "attributes");
        weir_buf_append_byte(w->out, '{');
        w->has_item = false;
    }
    for (size_t i = 0; i < object->attrs.n; i++) {
        const struct weir_value *key = object->attrs.at[i].key;
        if (key->kind == WEIR_VALUE_TEXT && is_of_part(key->text, object->attrs.at[i].value, part))
            put_attribute(w, key->text, object->attrs.at[i].value, level);
    }
    if (w->is_json) {
        weir_buf_append_byte(w->out, '}');
        w->has_item = true;
    }
}

static void put_heading_json(struct writer *w, const struct heading *heading,
                             const struct weir_value_object *object)
{
    json_key(w, "name");
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf name = WEIR_BUF_INIT;
    weir_buf_append_str(&name, cut(heading->name));
    if (heading->index != SIZE_MAX)
        weir_buf_printf(&name, "[%zu]", heading->index);
    weir_codec_json_append_text(w->out, weir_buf_str(&name));
    json_key(w, "label");
    weir_codec_json_append_text(w->out, cut(heading->label));
    json_key(w, "class");
    weir_codec_json_append_text(w->out, object->cls);
    json_key(w, "module");
    weir_codec_json_append_text(w->out,
                                weir_str_make(object->name.at, object->name.n - object->cls.n - 1));
    json_key(w, "count");
    weir_buf_append_u64(w->out, heading->count);
}

static void put_heading_text(struct writer *w, const struct heading *heading,
                             const struct weir_value_object *object, unsigned level)
{
    indent(w, level);
    put_name(w, heading->name);
    if (heading->index != SIZE_MAX)
        weir_buf_printf(w->out, "[%zu]", heading->index);
    if (heading->label.n > 0) {
        weir_buf_append_byte(w->out, ' ');
        weir_codec_json_append_text(w->out, cut(heading->label));
    }
    if (heading->name.n > 0)
        weir_buf_append_c(w->out, ": ");
    if (heading->count > 1)
        weir_buf_printf(w->out, "%zu x ", heading->count);
    weir_buf_append_str(w->out, object->cls);
    weir_buf_append_byte(w->out, '\n');
}

static enum weir_status put_estimator(struct writer *w, const struct weir_value_at *at,
                                      const struct heading *heading, unsigned level);

/* Steps to item i of a list; through a tuple, to the estimator in it. */
static enum weir_status put_item(struct writer *w, const struct weir_value_at *list, size_t i,
                                 struct heading *heading, unsigned level)
{
    struct weir_value_at item, inner;
    size_t in_tuple = SIZE_MAX;
    enum weir_status status = weir_value_item(list, i, &item, w->err);
    if (status != WEIR_OK)
        return status;
    if (!estimator_in(item.v, &heading->label, &in_tuple))
        return WEIR_OK;
    if (heading->label.n == 0)
        heading->label = heading->key;
    if (in_tuple == SIZE_MAX)
        return put_estimator(w, &item, heading, level);
    status = weir_value_item(&item, in_tuple, &inner, w->err);
    return status == WEIR_OK ? put_estimator(w, &inner, heading, level) : status;
}

/* Finds whether all items are estimators of one class, as in a forest. */
static bool are_alike(const struct weir_value *v)
{
    const struct weir_value *const *items = v->kind == WEIR_VALUE_ARRAY  ? v->array->objects
                                            : v->kind == WEIR_VALUE_LIST ? v->items.at
                                                                         : NULL;
    size_t n = weir_value_n(v);
    if (!items || n < 2)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_estimator(items[i]) || !weir_str_eq(items[i]->object->name, items[0]->object->name))
            return false;
    return true;
}

static enum weir_status put_children_of(struct writer *w, const struct weir_value_at *at,
                                        struct weir_str name, unsigned level)
{
    struct heading heading = {.name = name, .index = SIZE_MAX, .count = 1};
    if (is_estimator(at->v))
        return put_estimator(w, at, &heading, level);
    size_t n = weir_value_n(at->v);
    if (are_alike(at->v)) {
        heading.count = n;
        return put_item(w, at, 0, &heading, level);
    }
    for (size_t i = 0; i < n && i < CHILDREN_MAX; i++) {
        heading.index = i;
        if (at->v->kind == WEIR_VALUE_DICT && at->v->dict.at[i].key->kind == WEIR_VALUE_TEXT)
            heading.key = at->v->dict.at[i].key->text;
        enum weir_status status = put_item(w, at, i, &heading, level);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* Finds whether an attribute was the pattern for a fitted one: transformers where there is
 * transformers_ too. */
static bool is_pattern(struct weir_value_dict attrs, struct weir_str name)
{
    for (size_t i = 0; i < attrs.n; i++) {
        const struct weir_value *key = attrs.at[i].key;
        if (key->kind == WEIR_VALUE_TEXT && key->text.n == name.n + 1 &&
            weir_str_starts(key->text, name) && key->text.at[name.n] == '_')
            return true;
    }
    return false;
}

static enum weir_status put_children(struct writer *w, const struct weir_value_at *at,
                                     unsigned level)
{
    const struct weir_value_dict attrs = at->v->object->attrs;
    for (size_t i = 0; i < attrs.n && level < LEVELS_MAX; i++) {
        const struct weir_value *key = attrs.at[i].key;
        struct weir_value_at child;
        if (key->kind != WEIR_VALUE_TEXT || !is_of_part(key->text, attrs.at[i].value, PART_CHILD) ||
            is_pattern(attrs, key->text))
            continue;
        enum weir_status status = weir_value_attr_index(at, i, &child, w->err);
        if (status == WEIR_OK)
            status = put_children_of(w, &child, key->text, level);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

static enum weir_status put_estimator(struct writer *w, const struct weir_value_at *at,
                                      const struct heading *heading, unsigned level)
{
    const struct weir_value_object *object = at->v->object;
    if (!w->is_json) {
        put_heading_text(w, heading, object, level);
        put_attributes(w, object, PART_PARAM, level + 1);
        put_attributes(w, object, PART_LEARNT, level + 1);
        return put_children(w, at, level + 1);
    }
    comma(w);
    weir_buf_append_byte(w->out, '{');
    w->has_item = false;
    put_heading_json(w, heading, object);
    put_attributes(w, object, PART_PARAM, level);
    put_attributes(w, object, PART_LEARNT, level);
    json_key(w, "children");
    weir_buf_append_byte(w->out, '[');
    w->has_item = false;
    enum weir_status status = put_children(w, at, level + 1);
    weir_buf_append_c(w->out, "]}");
    w->has_item = true;
    return status;
}

/* --- the whole --- */

/* Looks for _sklearn_version in the root, else in what the root holds. */
static struct weir_str find_version(const struct weir_value *v, unsigned depth)
{
    const struct weir_value *version = weir_value_find(v, "_sklearn_version");
    if (version && version->kind == WEIR_VALUE_TEXT)
        return version->text;
    size_t n = weir_min_size(weir_value_n(v), 8);
    for (size_t i = 0; i < n && depth > 0; i++) {
        const struct weir_value *item = NULL;
        if (v->kind == WEIR_VALUE_DICT)
            item = v->dict.at[i].value;
        else if (v->kind != WEIR_VALUE_ARRAY)
            item = v->items.at[i];
        struct weir_str found = item ? find_version(item, depth - 1) : WEIR_STR("");
        if (found.n > 0)
            return found;
    }
    return WEIR_STR("");
}

static enum weir_status put_root(struct writer *w, const struct weir_format_pickle *pickle)
{
    struct weir_value_walk walk;
    weir_value_walk_init(&walk, pickle->n_nodes);
    const struct weir_value_at root = weir_value_root(pickle->root, &walk);
    size_t n_before = w->out->n;
    enum weir_status status = put_children_of(w, &root, WEIR_STR(""), 0);
    if (status == WEIR_OK && w->out->n == n_before && !w->is_json)
        weir_buf_printf(w->out, "%s without an estimator\n",
                        weir_value_kind_name(pickle->root->kind));
    if (status == WEIR_OK && !weir_buf_ok(w->out))
        return weir_error_set(w->err, WEIR_ERR_NO_MEMORY, "no memory for the description");
    return status;
}

enum weir_status weir_format_describe_text(struct weir_buf *out,
                                           const struct weir_format_pickle *pickle,
                                           struct weir_error *err)
{
    struct writer w = {.out = out, .err = err};
    struct weir_str version = cut(find_version(pickle->root, 3));
    weir_buf_append_c(out, "scikit-learn ");
    if (version.n > 0)
        weir_codec_json_append_text(out, version);
    else
        weir_buf_append_c(out, "of unknown version");
    weir_buf_printf(out, ", %s protocol %u%s\n", pickle->container, pickle->protocol,
                    pickle->is_joblib ? ", joblib" : "");
    return put_root(&w, pickle);
}

enum weir_status weir_format_describe_json(struct weir_buf *out,
                                           const struct weir_format_pickle *pickle,
                                           struct weir_error *err)
{
    struct writer w = {.out = out, .is_json = true, .err = err};
    struct weir_str version = cut(find_version(pickle->root, 3));
    weir_buf_printf(out, "{\"format\":\"sklearn_%s\",\"protocol\":%u,\"joblib\":%s,",
                    pickle->container, pickle->protocol, pickle->is_joblib ? "true" : "false");
    weir_buf_append_c(out, "\"library\":\"scikit-learn\",\"library_version\":");
    if (version.n > 0)
        weir_codec_json_append_text(out, version);
    else
        weir_buf_append_c(out, "null");
    /* A list, since a file may hold several estimators beside each other. */
    weir_buf_append_c(out, ",\"roots\":[");
    enum weir_status status = put_root(&w, pickle);
    weir_buf_append_c(out, "]}");
    return status;
}

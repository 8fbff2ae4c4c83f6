/* SPDX-License-Identifier: MIT */
/* The pickle machine's plain values and containers. Lists, dicts and sets grow only here, and never
 * move what they hold, so that a view of their first n items stays what it was. */
#include "codec/utf8.h"
#include "format/pickle_priv.h"

enum { ITEMS_MIN = 4 }; /* room for items that a list begins with */

/* --- plain values --- */

enum weir_status weir_format_pickle_push_none(struct weir_format_pickle_machine *m)
{
    if (!m->none)
        m->none = weir_format_pickle_node(m, WEIR_VALUE_NONE);
    return weir_format_pickle_push(m, m->none);
}

enum weir_status weir_format_pickle_push_bool(struct weir_format_pickle_machine *m, bool b)
{
    if (!m->truth[b]) {
        m->truth[b] = weir_format_pickle_node(m, WEIR_VALUE_BOOL);
        if (m->truth[b])
            m->truth[b]->b = b;
    }
    return weir_format_pickle_push(m, m->truth[b]);
}

static struct weir_value *make_i64(struct weir_format_pickle_machine *m, int64_t i)
{
    bool is_small = i >= 0 && i < WEIR_FORMAT_PICKLE_N_SMALL;
    if (is_small && m->small[i])
        return m->small[i];
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_I64);
    if (v)
        v->i64 = i;
    if (is_small)
        m->small[i] = v;
    return v;
}

enum weir_status weir_format_pickle_push_int(struct weir_format_pickle_machine *m, size_t n_bytes)
{
    uint64_t x;
    enum weir_status status = weir_format_pickle_number(m, n_bytes, &x);
    if (status != WEIR_OK)
        return status;
    /* Only the four-byte form has a sign. */
    return weir_format_pickle_push(m,
                                   make_i64(m, n_bytes == 4 ? (int32_t)(uint32_t)x : (int64_t)x));
}

/* LONG1 and LONG4: two's complement, little-endian. */
enum weir_status weir_format_pickle_push_long(struct weir_format_pickle_machine *m, size_t n_size)
{
    uint64_t n;
    struct weir_str bytes = {0};
    enum weir_status status = weir_format_pickle_number(m, n_size, &n);
    if (status != WEIR_OK)
        return status;
    if (n > INT32_MAX)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a negative length");
    status = weir_format_pickle_bytes(m, n, &bytes);
    if (status != WEIR_OK)
        return status;
    if (n > 8) {
        struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_BIGINT);
        if (v)
            v->text = bytes;
        return weir_format_pickle_push(m, v);
    }
    uint64_t x = 0;
    for (size_t i = 0; i < bytes.n; i++)
        x |= (uint64_t)(unsigned char)bytes.at[i] << (8 * i);
    if (n > 0 && n < 8 && (bytes.at[n - 1] & 0x80))
        x |= UINT64_MAX << (8 * n);
    return weir_format_pickle_push(m, make_i64(m, (int64_t)x));
}

enum weir_status weir_format_pickle_push_float(struct weir_format_pickle_machine *m)
{
    struct weir_str bytes = {0};
    enum weir_status status = weir_format_pickle_bytes(m, 8, &bytes);
    if (status != WEIR_OK)
        return status;
    uint64_t bits = 0;
    for (size_t i = 0; i < 8; i++)
        bits = bits << 8 | (unsigned char)bytes.at[i];
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_F64);
    if (v)
        memcpy(&v->f64, &bits, sizeof bits);
    return weir_format_pickle_push(m, v);
}

enum weir_status weir_format_pickle_push_text(struct weir_format_pickle_machine *m, size_t n_size)
{
    struct weir_str s;
    enum weir_status status = weir_format_pickle_counted(m, n_size, &s);
    if (status != WEIR_OK)
        return status;
    if (!weir_codec_utf8_is_valid(s, WEIR_CODEC_UTF8_SURROGATEPASS))
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a text is not UTF-8");
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_TEXT);
    if (v)
        v->text = s;
    return weir_format_pickle_push(m, v);
}

enum weir_status weir_format_pickle_push_bytes(struct weir_format_pickle_machine *m, size_t n_size)
{
    struct weir_str s;
    enum weir_status status = weir_format_pickle_counted(m, n_size, &s);
    if (status != WEIR_OK)
        return status;
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_BYTES);
    if (v)
        v->text = s;
    return weir_format_pickle_push(m, v);
}

enum weir_status weir_format_pickle_push_string(struct weir_format_pickle_machine *m, size_t n_size)
{
    struct weir_str s;
    enum weir_status status = weir_format_pickle_counted(m, n_size, &s);
    return status == WEIR_OK ? weir_format_pickle_text_ascii(m, s) : status;
}

/* --- containers --- */

enum weir_status weir_format_pickle_contain(struct weir_format_pickle_machine *m,
                                            struct weir_value *parent,
                                            const struct weir_value *child)
{
    if (child->depth < parent->depth)
        return WEIR_OK;
    if (child->depth >= m->opts->nesting_max)
        return weir_format_pickle_fail(m, WEIR_ERR_LIMIT, "nested more than %u levels deep",
                                       m->opts->nesting_max);
    parent->depth = (uint16_t)(child->depth + 1);
    return WEIR_OK;
}

/* Room that an array of n items made here has: a power of two, so that it need not be stored. */
static size_t room_of(size_t n)
{
    size_t room = ITEMS_MIN;
    while (room < n)
        room *= 2;
    return n ? room : 0;
}

/* Returns an array of at least n_new elements that begins with the n old ones; NULL: no memory. */
static void *grow_items(struct weir_format_pickle_machine *m, void *old, size_t n, size_t n_new,
                        size_t size)
{
    if (n_new <= room_of(n))
        return old;
    char *p = weir_arena_array(m->arena, room_of(n_new), size);
    if (p && n > 0)
        memcpy(p, old, n * size);
    return p;
}

static enum weir_status add_items(struct weir_format_pickle_machine *m, struct weir_value *parent,
                                  struct weir_value_items *to, struct weir_value *const *items,
                                  size_t n)
{
    if (n == 0)
        return WEIR_OK;
    const struct weir_value **at =
        grow_items(m, (void *)to->at, to->n, to->n + n, sizeof(struct weir_value *));
    if (!at)
        return weir_format_pickle_fail_memory(m);
    to->at = at;
    for (size_t i = 0; i < n; i++) {
        enum weir_status status = weir_format_pickle_contain(m, parent, items[i]);
        if (status != WEIR_OK)
            return status;
        to->at[to->n++] = items[i];
    }
    return WEIR_OK;
}

static bool is_key(const struct weir_value *v)
{
    return v->kind != WEIR_VALUE_LIST && v->kind != WEIR_VALUE_DICT && v->kind != WEIR_VALUE_ARRAY;
}

static enum weir_status add_pairs(struct weir_format_pickle_machine *m, struct weir_value *parent,
                                  struct weir_value_dict *to, struct weir_value *const *items,
                                  size_t n)
{
    if (n % 2 != 0)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a dict's last key has no value");
    if (n == 0)
        return WEIR_OK;
    struct weir_value_pair *at = grow_items(m, to->at, to->n, to->n + n / 2, sizeof *at);
    if (!at)
        return weir_format_pickle_fail_memory(m);
    to->at = at;
    for (size_t i = 0; i < n; i += 2) {
        if (!is_key(items[i]))
            return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a dict's key is a %s",
                                           weir_value_kind_name(items[i]->kind));
        enum weir_status status = weir_format_pickle_contain(m, parent, items[i]);
        if (status == WEIR_OK)
            status = weir_format_pickle_contain(m, parent, items[i + 1]);
        if (status != WEIR_OK)
            return status;
        to->at[to->n++] = (struct weir_value_pair){items[i], items[i + 1]};
    }
    return WEIR_OK;
}

/* Adds items to the list, or list-like object, that is now on top. */
static enum weir_status append_to_top(struct weir_format_pickle_machine *m,
                                      struct weir_value *const *items, size_t n)
{
    struct weir_value *list = NULL;
    enum weir_status status = weir_format_pickle_top(m, &list);
    if (status != WEIR_OK)
        return status;
    weir_assert(list);
    if (list->kind == WEIR_VALUE_LIST)
        return add_items(m, list, &list->items, items, n);
    if (list->kind == WEIR_VALUE_OBJECT)
        return add_items(m, list, &list->object->items, items, n);
    return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "appends to a %s",
                                   weir_value_kind_name(list->kind));
}

static enum weir_status set_in_top(struct weir_format_pickle_machine *m,
                                   struct weir_value *const *items, size_t n)
{
    struct weir_value *dict = NULL;
    enum weir_status status = weir_format_pickle_top(m, &dict);
    if (status != WEIR_OK)
        return status;
    weir_assert(dict);
    if (dict->kind == WEIR_VALUE_DICT)
        return add_pairs(m, dict, &dict->dict, items, n);
    if (dict->kind == WEIR_VALUE_OBJECT)
        return add_pairs(m, dict, &dict->object->pairs, items, n);
    return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "sets items of a %s",
                                   weir_value_kind_name(dict->kind));
}

/* Pushes a tuple, list or frozenset of n values that were just taken off the stack. */
static enum weir_status push_sequence(struct weir_format_pickle_machine *m,
                                      enum weir_value_kind kind, struct weir_value *const *items,
                                      size_t n)
{
    struct weir_value *v = weir_format_pickle_node(m, kind);
    if (!v)
        return weir_format_pickle_fail_memory(m);
    enum weir_status status = add_items(m, v, &v->items, items, n);
    if (kind == WEIR_VALUE_SET)
        v->flags |= WEIR_FORMAT_PICKLE_FROZEN;
    return status == WEIR_OK ? weir_format_pickle_push(m, v) : status;
}

enum weir_status weir_format_pickle_push_tuple(struct weir_format_pickle_machine *m, size_t n)
{
    struct weir_value *const *items = NULL;
    enum weir_status status = weir_format_pickle_pop_n(m, n, &items);
    return status == WEIR_OK ? push_sequence(m, WEIR_VALUE_TUPLE, items, n) : status;
}

enum weir_status weir_format_pickle_push_empty_tuple(struct weir_format_pickle_machine *m)
{
    if (!m->empty_tuple)
        m->empty_tuple = weir_format_pickle_node(m, WEIR_VALUE_TUPLE);
    return weir_format_pickle_push(m, m->empty_tuple);
}

enum weir_status weir_format_pickle_add_marked(struct weir_format_pickle_machine *m)
{
    struct weir_value *const *items = NULL;
    size_t n = 0;
    struct weir_value *set = NULL;
    enum weir_status status = weir_format_pickle_pop_to_mark(m, &items, &n);
    if (status == WEIR_OK)
        status = weir_format_pickle_top(m, &set);
    if (status != WEIR_OK)
        return status;
    if (set->kind != WEIR_VALUE_SET || (set->flags & WEIR_FORMAT_PICKLE_FROZEN))
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "adds items to a %s",
                                       weir_value_kind_name(set->kind));
    return add_items(m, set, &set->items, items, n);
}

enum weir_status weir_format_pickle_push_marked(struct weir_format_pickle_machine *m,
                                                enum weir_value_kind kind)
{
    struct weir_value *const *items = NULL;
    size_t n = 0;
    enum weir_status status = weir_format_pickle_pop_to_mark(m, &items, &n);
    if (status != WEIR_OK)
        return status;
    if (kind != WEIR_VALUE_DICT)
        return push_sequence(m, kind, items, n);
    struct weir_value *dict = weir_format_pickle_node(m, WEIR_VALUE_DICT);
    if (!dict)
        return weir_format_pickle_fail_memory(m);
    status = add_pairs(m, dict, &dict->dict, items, n);
    return status == WEIR_OK ? weir_format_pickle_push(m, dict) : status;
}

enum weir_status weir_format_pickle_append_marked(struct weir_format_pickle_machine *m)
{
    struct weir_value *const *items = NULL;
    size_t n = 0;
    enum weir_status status = weir_format_pickle_pop_to_mark(m, &items, &n);
    return status == WEIR_OK ? append_to_top(m, items, n) : status;
}

enum weir_status weir_format_pickle_set_marked(struct weir_format_pickle_machine *m)
{
    struct weir_value *const *items = NULL;
    size_t n = 0;
    enum weir_status status = weir_format_pickle_pop_to_mark(m, &items, &n);
    return status == WEIR_OK ? set_in_top(m, items, n) : status;
}

enum weir_status weir_format_pickle_use_top(struct weir_format_pickle_machine *m, size_t n)
{
    struct weir_value *const *items = NULL;
    enum weir_status status = weir_format_pickle_pop_n(m, n, &items);
    if (status != WEIR_OK)
        return status;
    return n == 1 ? append_to_top(m, items, n) : set_in_top(m, items, n);
}

/* SPDX-License-Identifier: MIT */
/* The pickle machine: a stack of values, marks on it, a memo, a cursor. It follows the opcodes of
 * Python's pickletools.py (protocols 0 to 5) and keeps their meaning as data.
 *
 * What always holds: nothing recurses on the input (a joblib stream may hold one more pickle, and
 * that one none); every read is checked against the bytes left; a value pushed is never NULL; the
 * stack below the last mark is out of reach; memo indexes are dense; lists, dicts and sets grow
 * only through the opcodes here, so that a view of their first n items stays what it was. */
#include "format/pickle.h"

#include "base/clock.h"
#include "codec/utf8.h"
#include "format/pickle_priv.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    ARENA_BLOCK_BYTES_MAX = 32 << 20, /* what an arena may ask for at once */
    MARKS_MAX = 65536,         /* no pickler nests more; the nesting limit comes first */
    DEADLINE_OPS = 1 << 16,    /* opcodes between two looks at the clock */
    ITEMS_MIN = 4,             /* room for items that a list begins with */
    LINE_BYTES_MAX = 16 << 20, /* of protocol 0 */
};

/* Python's opcodes (pickletools.py), by their byte. */
enum opcode {
    OP_MARK = '(',
    OP_STOP = '.',
    OP_POP = '0',
    OP_POP_MARK = '1',
    OP_DUP = '2',
    OP_FLOAT = 'F',
    OP_INT = 'I',
    OP_BININT = 'J',
    OP_BININT1 = 'K',
    OP_LONG = 'L',
    OP_BININT2 = 'M',
    OP_NONE = 'N',
    OP_PERSID = 'P',
    OP_BINPERSID = 'Q',
    OP_REDUCE = 'R',
    OP_STRING = 'S',
    OP_BINSTRING = 'T',
    OP_SHORT_BINSTRING = 'U',
    OP_UNICODE = 'V',
    OP_BINUNICODE = 'X',
    OP_APPEND = 'a',
    OP_BUILD = 'b',
    OP_GLOBAL = 'c',
    OP_DICT = 'd',
    OP_EMPTY_DICT = '}',
    OP_APPENDS = 'e',
    OP_GET = 'g',
    OP_BINGET = 'h',
    OP_INST = 'i',
    OP_LONG_BINGET = 'j',
    OP_LIST = 'l',
    OP_EMPTY_LIST = ']',
    OP_OBJ = 'o',
    OP_PUT = 'p',
    OP_BINPUT = 'q',
    OP_LONG_BINPUT = 'r',
    OP_SETITEM = 's',
    OP_TUPLE = 't',
    OP_EMPTY_TUPLE = ')',
    OP_SETITEMS = 'u',
    OP_BINFLOAT = 'G',
    OP_PROTO = 0x80,
    OP_NEWOBJ = 0x81,
    OP_EXT1 = 0x82,
    OP_EXT2 = 0x83,
    OP_EXT4 = 0x84,
    OP_TUPLE1 = 0x85,
    OP_TUPLE2 = 0x86,
    OP_TUPLE3 = 0x87,
    OP_NEWTRUE = 0x88,
    OP_NEWFALSE = 0x89,
    OP_LONG1 = 0x8a,
    OP_LONG4 = 0x8b,
    OP_SHORT_BINUNICODE = 0x8c,
    OP_BINUNICODE8 = 0x8d,
    OP_BINBYTES8 = 0x8e,
    OP_EMPTY_SET = 0x8f,
    OP_ADDITEMS = 0x90,
    OP_FROZENSET = 0x91,
    OP_NEWOBJ_EX = 0x92,
    OP_STACK_GLOBAL = 0x93,
    OP_MEMOIZE = 0x94,
    OP_FRAME = 0x95,
    OP_BYTEARRAY8 = 0x96,
    OP_NEXT_BUFFER = 0x97,
    OP_READONLY_BUFFER = 0x98,
    OP_SHORT_BINBYTES = 'C',
    OP_BINBYTES = 'B',
};

enum weir_status weir_format_pickle_fail(struct weir_format_pickle_machine *m,
                                         enum weir_status code, const char *fmt, ...)
{
    char reason[WEIR_ERROR_MSG_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(reason, sizeof reason, fmt, args); /* a cut message is still a message */
    va_end(args);
    return weir_error_set(m->err, code, "offset %zu: %s", (size_t)(m->op - m->begin), reason);
}

enum weir_status weir_format_pickle_fail_memory(struct weir_format_pickle_machine *m)
{
    /* An arena does not say whether its bound or the system refused; near the bound it was the
     * bound. */
    size_t max = m->arena->bytes_max;
    if (max > 0 && max - weir_min_size(max, m->arena->bytes_held) < ARENA_BLOCK_BYTES_MAX)
        return weir_format_pickle_fail(
            m, WEIR_ERR_LIMIT, "the file's contents need more than %zu bytes of memory", max);
    return weir_format_pickle_fail(m, WEIR_ERR_NO_MEMORY, "no memory");
}

struct weir_value *weir_format_pickle_node(struct weir_format_pickle_machine *m,
                                           enum weir_value_kind kind)
{
    struct weir_value *v = weir_arena_alloc(m->arena, sizeof *v);
    if (!v) {
        (void)weir_format_pickle_fail_memory(m);
        return NULL;
    }
    *v = (struct weir_value){.kind = kind};
    m->n_nodes++;
    return v;
}

/* --- input --- */

enum weir_status weir_format_pickle_bytes(struct weir_format_pickle_machine *m, uint64_t n,
                                          struct weir_str *out)
{
    if (n > (uint64_t)(m->end - m->at))
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT,
                                       "%llu bytes are announced, %zu are left",
                                       (unsigned long long)n, (size_t)(m->end - m->at));
    if (m->frame_end && n > (uint64_t)(m->frame_end - m->at))
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a value crosses the end of its frame");
    *out = weir_str_make(m->at, (size_t)n);
    m->at += n;
    if (m->at == m->frame_end)
        m->frame_end = NULL;
    return WEIR_OK;
}

enum weir_status weir_format_pickle_line(struct weir_format_pickle_machine *m, struct weir_str *out)
{
    size_t n = weir_min_size((size_t)(m->end - m->at), LINE_BYTES_MAX);
    const char *newline = memchr(m->at, '\n', n);
    if (!newline)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a line without an end");
    struct weir_str line;
    enum weir_status status = weir_format_pickle_bytes(m, (uint64_t)(newline - m->at) + 1, &line);
    if (status != WEIR_OK)
        return status;
    *out = weir_str_make(line.at, line.n - 1);
    return WEIR_OK;
}

/* Reads a little-endian unsigned number of 1, 2, 4 or 8 bytes. */
static enum weir_status take_number(struct weir_format_pickle_machine *m, size_t n, uint64_t *out)
{
    struct weir_str bytes = {0};
    enum weir_status status = weir_format_pickle_bytes(m, n, &bytes);
    if (status != WEIR_OK)
        return status;
    uint64_t x = 0;
    for (size_t i = 0; i < n; i++)
        x |= (uint64_t)(unsigned char)bytes.at[i] << (8 * i);
    *out = x;
    return WEIR_OK;
}

/* Reads a length of n_size bytes and as many bytes after it. */
static enum weir_status take_counted(struct weir_format_pickle_machine *m, size_t n_size,
                                     struct weir_str *out)
{
    uint64_t n;
    enum weir_status status = take_number(m, n_size, &n);
    return status == WEIR_OK ? weir_format_pickle_bytes(m, n, out) : status;
}

/* --- stack, marks, memo --- */

/* Makes room for one more element of an array that the heap holds. */
static enum weir_status grow(struct weir_format_pickle_machine *m, void **at, size_t n, size_t *cap,
                             size_t size, uint64_t max, const char *what)
{
    if (n < *cap)
        return WEIR_OK;
    if (n >= max)
        return weir_format_pickle_fail(m, WEIR_ERR_LIMIT, "more than %llu %s",
                                       (unsigned long long)max, what);
    size_t cap_new = weir_max_size(64, *cap * 2);
    if (cap_new > max)
        cap_new = (size_t)max;
    void *p = weir_mem_resize(weir_mem_default(), *at, cap_new, size);
    if (!p)
        return weir_format_pickle_fail(m, WEIR_ERR_NO_MEMORY, "no memory");
    *at = p;
    *cap = cap_new;
    return WEIR_OK;
}

enum weir_status weir_format_pickle_push(struct weir_format_pickle_machine *m, struct weir_value *v)
{
    if (!v)
        return weir_format_pickle_fail_memory(m);
    void *stack = m->stack;
    enum weir_status status = grow(m, &stack, m->n_stack, &m->cap_stack, sizeof(void *),
                                   m->opts->n_stack_max, "values on the stack");
    m->stack = stack;
    if (status != WEIR_OK)
        return status;
    m->stack[m->n_stack++] = v;
    return WEIR_OK;
}

static size_t stack_floor(const struct weir_format_pickle_machine *m)
{
    return m->n_marks > 0 ? m->marks[m->n_marks - 1] : 0;
}

enum weir_status weir_format_pickle_top(struct weir_format_pickle_machine *m,
                                        struct weir_value **out)
{
    if (m->n_stack <= stack_floor(m))
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "the stack is empty");
    *out = m->stack[m->n_stack - 1];
    return WEIR_OK;
}

enum weir_status weir_format_pickle_pop(struct weir_format_pickle_machine *m,
                                        struct weir_value **out)
{
    enum weir_status status = weir_format_pickle_top(m, out);
    if (status == WEIR_OK)
        m->n_stack--;
    return status;
}

static enum weir_status push_mark(struct weir_format_pickle_machine *m)
{
    void *marks = m->marks;
    enum weir_status status =
        grow(m, &marks, m->n_marks, &m->cap_marks, sizeof(size_t), MARKS_MAX, "open marks");
    m->marks = marks;
    if (status == WEIR_OK)
        m->marks[m->n_marks++] = m->n_stack;
    return status;
}

/* Takes the last mark and all values above it off; they stay readable until the next push. */
static enum weir_status pop_to_mark(struct weir_format_pickle_machine *m,
                                    struct weir_value *const **items, size_t *n)
{
    if (m->n_marks == 0)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "there is no mark");
    size_t height = m->marks[--m->n_marks];
    *n = m->n_stack - height;
    *items = *n ? m->stack + height : NULL;
    m->n_stack = height;
    return WEIR_OK;
}

static enum weir_status pop_value(struct weir_format_pickle_machine *m)
{
    if (m->n_marks > 0 && m->n_stack == stack_floor(m)) {
        m->n_marks--;
        return WEIR_OK;
    }
    struct weir_value *v = NULL;
    return weir_format_pickle_pop(m, &v);
}

/* Stores the top value at the next free index, which must be the one given. */
static enum weir_status memo_put(struct weir_format_pickle_machine *m, uint64_t index)
{
    struct weir_value *v = NULL;
    enum weir_status status = weir_format_pickle_top(m, &v);
    if (status != WEIR_OK)
        return status;
    if (index != m->n_memo)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "memo index %llu where %zu is the next",
                                       (unsigned long long)index, m->n_memo);
    void *memo = m->memo;
    status = grow(m, &memo, m->n_memo, &m->cap_memo, sizeof(void *), m->opts->n_memo_max,
                  "memo entries");
    m->memo = memo;
    if (status == WEIR_OK)
        m->memo[m->n_memo++] = v;
    return status;
}

static enum weir_status memo_get(struct weir_format_pickle_machine *m, uint64_t index)
{
    if (index >= m->n_memo)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "memo entry %llu is not there",
                                       (unsigned long long)index);
    return weir_format_pickle_push(m, m->memo[index]);
}

/* --- plain values --- */

static enum weir_status push_none(struct weir_format_pickle_machine *m)
{
    if (!m->none)
        m->none = weir_format_pickle_node(m, WEIR_VALUE_NONE);
    return weir_format_pickle_push(m, m->none);
}

static enum weir_status push_bool(struct weir_format_pickle_machine *m, bool b)
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

static enum weir_status push_int(struct weir_format_pickle_machine *m, size_t n_bytes)
{
    uint64_t x;
    enum weir_status status = take_number(m, n_bytes, &x);
    if (status != WEIR_OK)
        return status;
    /* Only the four-byte form has a sign. */
    return weir_format_pickle_push(m,
                                   make_i64(m, n_bytes == 4 ? (int32_t)(uint32_t)x : (int64_t)x));
}

/* LONG1 and LONG4: two's complement, little-endian. */
static enum weir_status push_long(struct weir_format_pickle_machine *m, size_t n_size)
{
    uint64_t n;
    struct weir_str bytes = {0};
    enum weir_status status = take_number(m, n_size, &n);
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

static enum weir_status push_binfloat(struct weir_format_pickle_machine *m)
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

static enum weir_status push_text(struct weir_format_pickle_machine *m, size_t n_size)
{
    struct weir_str s;
    enum weir_status status = take_counted(m, n_size, &s);
    if (status != WEIR_OK)
        return status;
    if (!weir_codec_utf8_is_valid(s, WEIR_CODEC_UTF8_SURROGATEPASS))
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a text is not UTF-8");
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_TEXT);
    if (v)
        v->text = s;
    return weir_format_pickle_push(m, v);
}

static enum weir_status push_bytes(struct weir_format_pickle_machine *m, size_t n_size)
{
    struct weir_str s;
    enum weir_status status = take_counted(m, n_size, &s);
    if (status != WEIR_OK)
        return status;
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_BYTES);
    if (v)
        v->text = s;
    return weir_format_pickle_push(m, v);
}

static enum weir_status push_string(struct weir_format_pickle_machine *m, size_t n_size)
{
    struct weir_str s;
    enum weir_status status = take_counted(m, n_size, &s);
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

/* Takes n values off, bottom first; they stay readable until the next push. */
static enum weir_status pop_n(struct weir_format_pickle_machine *m, size_t n,
                              struct weir_value *const **items)
{
    if (m->n_stack - stack_floor(m) < n)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "the stack is empty");
    m->n_stack -= n;
    *items = m->stack + m->n_stack;
    return WEIR_OK;
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

static enum weir_status push_small_tuple(struct weir_format_pickle_machine *m, size_t n)
{
    struct weir_value *const *items = NULL;
    enum weir_status status = pop_n(m, n, &items);
    return status == WEIR_OK ? push_sequence(m, WEIR_VALUE_TUPLE, items, n) : status;
}

static enum weir_status push_empty_tuple(struct weir_format_pickle_machine *m)
{
    if (!m->empty_tuple)
        m->empty_tuple = weir_format_pickle_node(m, WEIR_VALUE_TUPLE);
    return weir_format_pickle_push(m, m->empty_tuple);
}

static enum weir_status add_to_set(struct weir_format_pickle_machine *m)
{
    struct weir_value *const *items = NULL;
    size_t n = 0;
    struct weir_value *set = NULL;
    enum weir_status status = pop_to_mark(m, &items, &n);
    if (status == WEIR_OK)
        status = weir_format_pickle_top(m, &set);
    if (status != WEIR_OK)
        return status;
    if (set->kind != WEIR_VALUE_SET || (set->flags & WEIR_FORMAT_PICKLE_FROZEN))
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "adds items to a %s",
                                       weir_value_kind_name(set->kind));
    return add_items(m, set, &set->items, items, n);
}

/* LIST, TUPLE, DICT, FROZENSET, APPENDS, SETITEMS: what they do with the values above the mark. */
static enum weir_status use_marked(struct weir_format_pickle_machine *m, enum opcode op)
{
    struct weir_value *const *items = NULL;
    size_t n = 0;
    enum weir_status status = pop_to_mark(m, &items, &n);
    if (status != WEIR_OK)
        return status;
    if (op == OP_APPENDS)
        return append_to_top(m, items, n);
    if (op == OP_SETITEMS)
        return set_in_top(m, items, n);
    if (op == OP_LIST)
        return push_sequence(m, WEIR_VALUE_LIST, items, n);
    if (op == OP_TUPLE)
        return push_sequence(m, WEIR_VALUE_TUPLE, items, n);
    if (op == OP_FROZENSET)
        return push_sequence(m, WEIR_VALUE_SET, items, n);
    struct weir_value *dict = weir_format_pickle_node(m, WEIR_VALUE_DICT);
    if (!dict)
        return weir_format_pickle_fail_memory(m);
    status = add_pairs(m, dict, &dict->dict, items, n);
    return status == WEIR_OK ? weir_format_pickle_push(m, dict) : status;
}

static enum weir_status use_top_item(struct weir_format_pickle_machine *m, size_t n)
{
    struct weir_value *const *items = NULL;
    enum weir_status status = pop_n(m, n, &items);
    if (status != WEIR_OK)
        return status;
    return n == 1 ? append_to_top(m, items, n) : set_in_top(m, items, n);
}

/* --- names, frames, the end --- */

static enum weir_status push_global(struct weir_format_pickle_machine *m)
{
    struct weir_str module, name;
    struct weir_value *v = NULL;
    enum weir_status status = weir_format_pickle_line(m, &module);
    if (status == WEIR_OK)
        status = weir_format_pickle_line(m, &name);
    if (status == WEIR_OK)
        status = weir_format_pickle_global(m, module, name, &v);
    return status == WEIR_OK ? weir_format_pickle_push(m, v) : status;
}

static enum weir_status push_stack_global(struct weir_format_pickle_machine *m)
{
    struct weir_value *module, *name, *v = NULL;
    enum weir_status status = weir_format_pickle_pop(m, &name);
    if (status == WEIR_OK)
        status = weir_format_pickle_pop(m, &module);
    if (status != WEIR_OK)
        return status;
    if (module->kind != WEIR_VALUE_TEXT || name->kind != WEIR_VALUE_TEXT)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a name is not text");
    status = weir_format_pickle_global(m, module->text, name->text, &v);
    return status == WEIR_OK ? weir_format_pickle_push(m, v) : status;
}

/* INST names a class in its own way; the name is looked at before the opcode is refused. */
static enum weir_status refuse_inst(struct weir_format_pickle_machine *m)
{
    struct weir_str module, name;
    struct weir_value *v = NULL;
    enum weir_status status = weir_format_pickle_line(m, &module);
    if (status == WEIR_OK)
        status = weir_format_pickle_line(m, &name);
    if (status == WEIR_OK)
        status = weir_format_pickle_global(m, module, name, &v);
    return status == WEIR_OK ? weir_format_pickle_fail(m, WEIR_ERR_UNSUPPORTED,
                                                       "opcode INST (Python 2) is not accepted")
                             : status;
}

static enum weir_status begin_frame(struct weir_format_pickle_machine *m)
{
    uint64_t n;
    if (m->frame_end)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a frame begins inside a frame");
    enum weir_status status = take_number(m, 8, &n);
    if (status != WEIR_OK)
        return status;
    if (n > (uint64_t)(m->end - m->at))
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a frame of %llu bytes, %zu are left",
                                       (unsigned long long)n, (size_t)(m->end - m->at));
    m->frame_end = n > 0 ? m->at + n : NULL;
    return WEIR_OK;
}

static enum weir_status read_protocol(struct weir_format_pickle_machine *m)
{
    uint64_t protocol;
    if (m->n_ops != 1)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a second beginning");
    enum weir_status status = take_number(m, 1, &protocol);
    if (status != WEIR_OK)
        return status;
    if (protocol > 5)
        return weir_format_pickle_fail(m, WEIR_ERR_UNSUPPORTED, "pickle protocol %llu",
                                       (unsigned long long)protocol);
    m->protocol = (uint32_t)protocol;
    return WEIR_OK;
}

static enum weir_status stop(struct weir_format_pickle_machine *m)
{
    if (m->n_marks > 0 || m->n_stack != 1)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT,
                                       "the end comes with %zu values on the stack", m->n_stack);
    if (m->frame_end)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "the end comes inside a frame");
    if (!m->is_nested && m->at != m->end)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "%zu bytes follow the end",
                                       (size_t)(m->end - m->at));
    m->is_done = true;
    return WEIR_OK;
}

static enum weir_status refuse(struct weir_format_pickle_machine *m, const char *name)
{
    return weir_format_pickle_fail(m, WEIR_ERR_UNSUPPORTED, "opcode %s is not accepted", name);
}

static enum weir_status memo_by_number(struct weir_format_pickle_machine *m, size_t n_bytes,
                                       enum weir_status (*use)(struct weir_format_pickle_machine *,
                                                               uint64_t))
{
    uint64_t index = 0;
    enum weir_status status =
        n_bytes ? take_number(m, n_bytes, &index) : weir_format_pickle_text_index(m, &index);
    return status == WEIR_OK ? use(m, index) : status;
}

/* Carries out one opcode. A byte outside the table is no opcode. */
static enum weir_status execute(struct weir_format_pickle_machine *m, unsigned char op)
{
    /* clang-format off */
    switch (op) {
    case OP_PROTO: return read_protocol(m);
    case OP_FRAME: return begin_frame(m);
    case OP_STOP: return stop(m);
    case OP_MARK: return push_mark(m);
    case OP_POP: return pop_value(m);
    case OP_POP_MARK: { struct weir_value *const *items; size_t n; return pop_to_mark(m, &items, &n); }

    case OP_NONE: return push_none(m);
    case OP_NEWTRUE: return push_bool(m, true);
    case OP_NEWFALSE: return push_bool(m, false);
    case OP_BININT1: return push_int(m, 1);
    case OP_BININT2: return push_int(m, 2);
    case OP_BININT: return push_int(m, 4);
    case OP_LONG1: return push_long(m, 1);
    case OP_LONG4: return push_long(m, 4);
    case OP_INT: return weir_format_pickle_text_int(m);
    case OP_LONG: return weir_format_pickle_text_long(m);
    case OP_FLOAT: return weir_format_pickle_text_float(m);
    case OP_BINFLOAT: return push_binfloat(m);

    case OP_STRING: return weir_format_pickle_text_string(m);
    case OP_BINSTRING: return push_string(m, 4);
    case OP_SHORT_BINSTRING: return push_string(m, 1);
    case OP_UNICODE: return weir_format_pickle_text_unicode(m);
    case OP_SHORT_BINUNICODE: return push_text(m, 1);
    case OP_BINUNICODE: return push_text(m, 4);
    case OP_BINUNICODE8: return push_text(m, 8);
    case OP_SHORT_BINBYTES: return push_bytes(m, 1);
    case OP_BINBYTES: return push_bytes(m, 4);
    case OP_BINBYTES8: return push_bytes(m, 8);
    case OP_BYTEARRAY8: return push_bytes(m, 8);

    case OP_EMPTY_TUPLE: return push_empty_tuple(m);
    case OP_TUPLE1: return push_small_tuple(m, 1);
    case OP_TUPLE2: return push_small_tuple(m, 2);
    case OP_TUPLE3: return push_small_tuple(m, 3);
    case OP_EMPTY_LIST: return weir_format_pickle_push(m, weir_format_pickle_node(m, WEIR_VALUE_LIST));
    case OP_EMPTY_DICT: return weir_format_pickle_push(m, weir_format_pickle_node(m, WEIR_VALUE_DICT));
    case OP_EMPTY_SET: return weir_format_pickle_push(m, weir_format_pickle_node(m, WEIR_VALUE_SET));
    case OP_TUPLE:
    case OP_LIST:
    case OP_DICT:
    case OP_FROZENSET:
    case OP_APPENDS:
    case OP_SETITEMS: return use_marked(m, (enum opcode)op);
    case OP_APPEND: return use_top_item(m, 1);
    case OP_SETITEM: return use_top_item(m, 2);
    case OP_ADDITEMS: return add_to_set(m);

    case OP_GLOBAL: return push_global(m);
    case OP_STACK_GLOBAL: return push_stack_global(m);
    case OP_REDUCE: return weir_format_pickle_reduce(m);
    case OP_NEWOBJ: return weir_format_pickle_newobj(m, false);
    case OP_NEWOBJ_EX: return weir_format_pickle_newobj(m, true);
    case OP_BUILD: return weir_format_pickle_build(m);

    case OP_PUT: return memo_by_number(m, 0, memo_put);
    case OP_BINPUT: return memo_by_number(m, 1, memo_put);
    case OP_LONG_BINPUT: return memo_by_number(m, 4, memo_put);
    case OP_MEMOIZE: return memo_put(m, m->n_memo);
    case OP_GET: return memo_by_number(m, 0, memo_get);
    case OP_BINGET: return memo_by_number(m, 1, memo_get);
    case OP_LONG_BINGET: return memo_by_number(m, 4, memo_get);

    case OP_INST: return refuse_inst(m);
    case OP_DUP: return refuse(m, "DUP");
    case OP_OBJ: return refuse(m, "OBJ (Python 2)");
    case OP_EXT1: return refuse(m, "EXT1 (extension registry)");
    case OP_EXT2: return refuse(m, "EXT2 (extension registry)");
    case OP_EXT4: return refuse(m, "EXT4 (extension registry)");
    case OP_PERSID: return refuse(m, "PERSID (persistent data)");
    case OP_BINPERSID: return refuse(m, "BINPERSID (persistent data)");
    case OP_NEXT_BUFFER: return refuse(m, "NEXT_BUFFER (out-of-band data)");
    case OP_READONLY_BUFFER: return refuse(m, "READONLY_BUFFER (out-of-band data)");
    default: return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "0x%02x is no pickle opcode", op);
    }
    /* clang-format on */
}

enum weir_status weir_format_pickle_run(struct weir_format_pickle_machine *m)
{
    m->op = m->at;
    while (!m->is_done) {
        m->op = m->at;
        struct weir_str op = {0};
        enum weir_status status = weir_format_pickle_bytes(m, 1, &op);
        if (status != WEIR_OK)
            return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "the pickle is cut short");
        if (++m->n_ops > m->opts->n_ops_max)
            return weir_format_pickle_fail(m, WEIR_ERR_LIMIT, "more than %llu opcodes",
                                           (unsigned long long)m->opts->n_ops_max);
        if (m->n_ops % DEADLINE_OPS == 0 && m->opts->deadline_ns != 0 &&
            weir_clock_ns() >= m->opts->deadline_ns)
            return weir_format_pickle_fail(m, WEIR_ERR_TIMEOUT, "the load takes too long");
        status = execute(m, (unsigned char)op.at[0]);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

void weir_format_pickle_machine_deinit(struct weir_format_pickle_machine *m)
{
    weir_mem_free(weir_mem_default(), m->stack);
    weir_mem_free(weir_mem_default(), m->marks);
    weir_mem_free(weir_mem_default(), m->memo);
    m->stack = NULL;
    m->marks = NULL;
    m->memo = NULL;
}

bool weir_format_pickle_probe(struct weir_str bytes)
{
    if (bytes.n < 2)
        return false;
    unsigned char first = (unsigned char)bytes.at[0];
    if (first == OP_PROTO)
        return (unsigned char)bytes.at[1] <= 5;
    /* Protocols 0 and 1 have no header: a name, or an empty or marked container. */
    return first == OP_GLOBAL || first == OP_MARK || first == OP_EMPTY_LIST ||
           first == OP_EMPTY_DICT;
}

enum weir_status weir_format_pickle_parse(struct weir_format_pickle *out, struct weir_str bytes,
                                          const struct weir_format_opts *opts,
                                          struct weir_arena *arena, struct weir_error *err)
{
    weir_assert(opts->n_ops_max > 0);
    weir_assert(opts->nesting_max > 0);
    weir_assert(opts->nesting_max < UINT16_MAX);
    WEIR_CLEANUP(weir_format_pickle_machine_deinit)
    struct weir_format_pickle_machine m = {
        .begin = bytes.at,
        .at = bytes.at,
        .op = bytes.at,
        .end = bytes.at + bytes.n,
        .opts = opts,
        .arena = arena,
        .err = err,
    };
    enum weir_status status = weir_format_pickle_run(&m);
    if (status != WEIR_OK)
        return status;
    *out = (struct weir_format_pickle){
        .root = m.stack[0],
        .n_nodes = m.n_nodes,
        .n_ops = m.n_ops,
        .protocol = m.protocol,
        .is_joblib = m.is_joblib,
    };
    return WEIR_OK;
}

/* SPDX-License-Identifier: MIT */
/* The pickle machine: a stack of values, marks on it, a memo, a cursor. It follows the opcodes of
 * Python's pickletools.py (protocols 0 to 5) and keeps their meaning as data. Nothing recurses on
 * the input (a joblib stream may hold one more pickle, and that one none). */
#include "format/pickle.h"

#include "base/clock.h"
#include "format/pickle_priv.h"

enum { DEADLINE_OPS = 1 << 16 }; /* opcodes between two looks at the clock */

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
    enum weir_status status = weir_format_pickle_number(m, 8, &n);
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
    enum weir_status status = weir_format_pickle_number(m, 1, &protocol);
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
    enum weir_status status = n_bytes ? weir_format_pickle_number(m, n_bytes, &index)
                                      : weir_format_pickle_text_index(m, &index);
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
    case OP_MARK: return weir_format_pickle_mark(m);
    case OP_POP: return weir_format_pickle_drop(m);
    case OP_POP_MARK: { struct weir_value *const *items; size_t n; return weir_format_pickle_pop_to_mark(m, &items, &n); }

    case OP_NONE: return weir_format_pickle_push_none(m);
    case OP_NEWTRUE: return weir_format_pickle_push_bool(m, true);
    case OP_NEWFALSE: return weir_format_pickle_push_bool(m, false);
    case OP_BININT1: return weir_format_pickle_push_int(m, 1);
    case OP_BININT2: return weir_format_pickle_push_int(m, 2);
    case OP_BININT: return weir_format_pickle_push_int(m, 4);
    case OP_LONG1: return weir_format_pickle_push_long(m, 1);
    case OP_LONG4: return weir_format_pickle_push_long(m, 4);
    case OP_INT: return weir_format_pickle_text_int(m);
    case OP_LONG: return weir_format_pickle_text_long(m);
    case OP_FLOAT: return weir_format_pickle_text_float(m);
    case OP_BINFLOAT: return weir_format_pickle_push_float(m);

    case OP_STRING: return weir_format_pickle_text_string(m);
    case OP_BINSTRING: return weir_format_pickle_push_string(m, 4);
    case OP_SHORT_BINSTRING: return weir_format_pickle_push_string(m, 1);
    case OP_UNICODE: return weir_format_pickle_text_unicode(m);
    case OP_SHORT_BINUNICODE: return weir_format_pickle_push_text(m, 1);
    case OP_BINUNICODE: return weir_format_pickle_push_text(m, 4);
    case OP_BINUNICODE8: return weir_format_pickle_push_text(m, 8);
    case OP_SHORT_BINBYTES: return weir_format_pickle_push_bytes(m, 1);
    case OP_BINBYTES: return weir_format_pickle_push_bytes(m, 4);
    case OP_BINBYTES8: return weir_format_pickle_push_bytes(m, 8);
    case OP_BYTEARRAY8: return weir_format_pickle_push_bytes(m, 8);

    case OP_EMPTY_TUPLE: return weir_format_pickle_push_empty_tuple(m);
    case OP_TUPLE1: return weir_format_pickle_push_tuple(m, 1);
    case OP_TUPLE2: return weir_format_pickle_push_tuple(m, 2);
    case OP_TUPLE3: return weir_format_pickle_push_tuple(m, 3);
    case OP_EMPTY_LIST: return weir_format_pickle_push(m, weir_format_pickle_node(m, WEIR_VALUE_LIST));
    case OP_EMPTY_DICT: return weir_format_pickle_push(m, weir_format_pickle_node(m, WEIR_VALUE_DICT));
    case OP_EMPTY_SET: return weir_format_pickle_push(m, weir_format_pickle_node(m, WEIR_VALUE_SET));
    case OP_TUPLE: return weir_format_pickle_push_marked(m, WEIR_VALUE_TUPLE);
    case OP_LIST: return weir_format_pickle_push_marked(m, WEIR_VALUE_LIST);
    case OP_DICT: return weir_format_pickle_push_marked(m, WEIR_VALUE_DICT);
    case OP_FROZENSET: return weir_format_pickle_push_marked(m, WEIR_VALUE_SET);
    case OP_APPENDS: return weir_format_pickle_append_marked(m);
    case OP_SETITEMS: return weir_format_pickle_set_marked(m);
    case OP_APPEND: return weir_format_pickle_use_top(m, 1);
    case OP_SETITEM: return weir_format_pickle_use_top(m, 2);
    case OP_ADDITEMS: return weir_format_pickle_add_marked(m);

    case OP_GLOBAL: return push_global(m);
    case OP_STACK_GLOBAL: return push_stack_global(m);
    case OP_REDUCE: return weir_format_pickle_reduce(m);
    case OP_NEWOBJ: return weir_format_pickle_newobj(m, false);
    case OP_NEWOBJ_EX: return weir_format_pickle_newobj(m, true);
    case OP_BUILD: return weir_format_pickle_build(m);

    case OP_PUT: return memo_by_number(m, 0, weir_format_pickle_memo_put);
    case OP_BINPUT: return memo_by_number(m, 1, weir_format_pickle_memo_put);
    case OP_LONG_BINPUT: return memo_by_number(m, 4, weir_format_pickle_memo_put);
    case OP_MEMOIZE: return weir_format_pickle_memo_put(m, m->n_memo);
    case OP_GET: return memo_by_number(m, 0, weir_format_pickle_memo_get);
    case OP_BINGET: return memo_by_number(m, 1, weir_format_pickle_memo_get);
    case OP_LONG_BINGET: return memo_by_number(m, 4, weir_format_pickle_memo_get);

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
        .container = "pickle",
    };
    return WEIR_OK;
}

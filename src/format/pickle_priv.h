/* SPDX-License-Identifier: MIT */
/* The pickle machine's inside, shared by its files: pickle.c (the loop), pickle_stack.c
 * (input, stack, memo), pickle_values.c (plain values and containers), pickle_text.c (the lines of
 * protocol 0), pickle_call.c (names, calls, states), numpy.c (element types and arrays), joblib.c
 * (arrays in the stream). */
#ifndef WEIR_FORMAT_PICKLE_PRIV_H
#define WEIR_FORMAT_PICKLE_PRIV_H

#include "base/arena.h"
#include "base/macros.h"
#include "format/pickle.h"
#include "format/pickle_names.h"
#include "format/value.h"

/* Marks of values, in struct weir_value's flags: three bits, then the role of a GLOBAL, or of the
 * name an OBJECT was made by. */
enum {
    WEIR_FORMAT_PICKLE_BUILT = 1,  /* the state was given */
    WEIR_FORMAT_PICKLE_USED = 2,   /* an element type that an array has: it may not change */
    WEIR_FORMAT_PICKLE_FROZEN = 4, /* a set that may not grow */
    WEIR_FORMAT_PICKLE_ROLE_SHIFT = 3,
    WEIR_FORMAT_PICKLE_N_SMALL = 256, /* whole numbers from 0 of which one value is enough */
};

struct weir_format_pickle_machine {
    const char *begin; /* of the whole input */
    const char *at;    /* next byte */
    const char *end;
    const char *op;        /* the opcode under way */
    const char *frame_end; /* NULL: outside of frames */
    const struct weir_format_opts *opts;
    struct weir_arena *arena;
    struct weir_error *err;
    const char *place;         /* for messages, in place of the offset; NULL: the offset */
    struct weir_value **stack; /* owned */
    size_t n_stack;
    size_t cap_stack;
    size_t *marks; /* owned: stack heights, rising */
    size_t n_marks;
    size_t cap_marks;
    struct weir_value **memo; /* owned */
    size_t n_memo;
    size_t cap_memo;
    uint64_t n_ops;
    size_t n_nodes;
    uint32_t protocol;
    bool is_joblib;
    bool is_nested; /* a pickle inside joblib's stream */
    bool is_done;   /* STOP was read; the result is the only value on the stack */
    struct weir_value *none;
    struct weir_value *truth[2];
    struct weir_value *empty_tuple;
    struct weir_value *small[WEIR_FORMAT_PICKLE_N_SMALL];
};

static inline enum weir_format_pickle_role weir_format_pickle_role_of(const struct weir_value *v)
{
    return (enum weir_format_pickle_role)(v->flags >> WEIR_FORMAT_PICKLE_ROLE_SHIFT);
}

/* Sets the machine's error to "offset N: reason" (the opcode's offset) and returns code. */
enum weir_status weir_format_pickle_fail(struct weir_format_pickle_machine *m,
                                         enum weir_status code, const char *fmt, ...)
    WEIR_PRINTF(3, 4);

/* As weir_format_pickle_fail, for the arena or the heap being full. */
enum weir_status weir_format_pickle_fail_memory(struct weir_format_pickle_machine *m);

/* Makes a value of a kind; NULL: no memory (the error is set). */
WEIR_MUST_USE struct weir_value *weir_format_pickle_node(struct weir_format_pickle_machine *m,
                                                         enum weir_value_kind kind);

/* Takes n bytes of input: a view of them in *out. WEIR_ERR_CORRUPT: fewer are left, or they would
 * cross the end of a frame. */
WEIR_MUST_USE enum weir_status weir_format_pickle_bytes(struct weir_format_pickle_machine *m,
                                                        uint64_t n, struct weir_str *out);

/* Takes a line of input, without its newline. */
WEIR_MUST_USE enum weir_status weir_format_pickle_line(struct weir_format_pickle_machine *m,
                                                       struct weir_str *out);

/* Puts a value on the stack; NULL stands for a node that could not be had. */
WEIR_MUST_USE enum weir_status weir_format_pickle_push(struct weir_format_pickle_machine *m,
                                                       struct weir_value *v);

/* Takes the top value off; WEIR_ERR_CORRUPT: there is none above the last mark. */
WEIR_MUST_USE enum weir_status weir_format_pickle_pop(struct weir_format_pickle_machine *m,
                                                      struct weir_value **out);

/* Gives the top value and leaves it there. */
WEIR_MUST_USE enum weir_status weir_format_pickle_top(struct weir_format_pickle_machine *m,
                                                      struct weir_value **out);

/* Reads a little-endian unsigned number of 1, 2, 4 or 8 bytes. */
WEIR_MUST_USE enum weir_status weir_format_pickle_number(struct weir_format_pickle_machine *m,
                                                         size_t n, uint64_t *out);

/* Reads a length of n_size bytes and as many bytes after it. */
WEIR_MUST_USE enum weir_status weir_format_pickle_counted(struct weir_format_pickle_machine *m,
                                                          size_t n_size, struct weir_str *out);

/* Puts a mark on the stack. */
WEIR_MUST_USE enum weir_status weir_format_pickle_mark(struct weir_format_pickle_machine *m);

/* Takes the last mark and all values above it off; they stay readable until the next push. */
WEIR_MUST_USE enum weir_status weir_format_pickle_pop_to_mark(struct weir_format_pickle_machine *m,
                                                              struct weir_value *const **items,
                                                              size_t *n);

/* Takes n values off, bottom first; they stay readable until the next push. */
WEIR_MUST_USE enum weir_status weir_format_pickle_pop_n(struct weir_format_pickle_machine *m,
                                                        size_t n, struct weir_value *const **items);

/* Takes off the top value, or the mark if there is no value above it. */
WEIR_MUST_USE enum weir_status weir_format_pickle_drop(struct weir_format_pickle_machine *m);

/* Stores the top value at the next free index of the memo, which must be the one given; pushes the
 * value at an index. */
WEIR_MUST_USE enum weir_status weir_format_pickle_memo_put(struct weir_format_pickle_machine *m,
                                                           uint64_t index);
WEIR_MUST_USE enum weir_status weir_format_pickle_memo_get(struct weir_format_pickle_machine *m,
                                                           uint64_t index);

/* Notes that child is inside parent. WEIR_ERR_LIMIT: nested too deep. */
WEIR_MUST_USE enum weir_status weir_format_pickle_contain(struct weir_format_pickle_machine *m,
                                                          struct weir_value *parent,
                                                          const struct weir_value *child);

/* Reads a whole pickle at m's cursor up to its STOP; the result is the only value on the stack. */
WEIR_MUST_USE enum weir_status weir_format_pickle_run(struct weir_format_pickle_machine *m);

/* Frees what the machine owns (the tree is the arena's). */
void weir_format_pickle_machine_deinit(struct weir_format_pickle_machine *m);

/* --- pickle_values.c: each pushes one value, or changes the one on top --- */

/* Constants, and numbers and texts of which n_bytes (or whose length's n_size bytes) follow. */
WEIR_MUST_USE enum weir_status weir_format_pickle_push_none(struct weir_format_pickle_machine *m);
WEIR_MUST_USE enum weir_status weir_format_pickle_push_bool(struct weir_format_pickle_machine *m,
                                                            bool b);
WEIR_MUST_USE enum weir_status weir_format_pickle_push_int(struct weir_format_pickle_machine *m,
                                                           size_t n_bytes);
WEIR_MUST_USE enum weir_status weir_format_pickle_push_long(struct weir_format_pickle_machine *m,
                                                            size_t n_size);
WEIR_MUST_USE enum weir_status weir_format_pickle_push_float(struct weir_format_pickle_machine *m);
WEIR_MUST_USE enum weir_status weir_format_pickle_push_text(struct weir_format_pickle_machine *m,
                                                            size_t n_size);
WEIR_MUST_USE enum weir_status weir_format_pickle_push_bytes(struct weir_format_pickle_machine *m,
                                                             size_t n_size);
WEIR_MUST_USE enum weir_status weir_format_pickle_push_string(struct weir_format_pickle_machine *m,
                                                              size_t n_size);

/* A tuple without items; of the n values on top; a list, tuple, frozenset or dict of the values
 * above the mark. */
WEIR_MUST_USE enum weir_status
weir_format_pickle_push_empty_tuple(struct weir_format_pickle_machine *m);
WEIR_MUST_USE enum weir_status weir_format_pickle_push_tuple(struct weir_format_pickle_machine *m,
                                                             size_t n);
WEIR_MUST_USE enum weir_status weir_format_pickle_push_marked(struct weir_format_pickle_machine *m,
                                                              enum weir_value_kind kind);

/* Give what is above the mark to the list, dict or set below it. */
WEIR_MUST_USE enum weir_status
weir_format_pickle_append_marked(struct weir_format_pickle_machine *m);
WEIR_MUST_USE enum weir_status weir_format_pickle_set_marked(struct weir_format_pickle_machine *m);
WEIR_MUST_USE enum weir_status weir_format_pickle_add_marked(struct weir_format_pickle_machine *m);

/* Gives the one value on top to the list below it, or the two values to the dict. */
WEIR_MUST_USE enum weir_status weir_format_pickle_use_top(struct weir_format_pickle_machine *m,
                                                          size_t n);

/* --- pickle_text.c: the opcodes with lines, each pushes one value --- */

WEIR_MUST_USE enum weir_status weir_format_pickle_text_int(struct weir_format_pickle_machine *m);
WEIR_MUST_USE enum weir_status weir_format_pickle_text_long(struct weir_format_pickle_machine *m);
WEIR_MUST_USE enum weir_status weir_format_pickle_text_float(struct weir_format_pickle_machine *m);
WEIR_MUST_USE enum weir_status weir_format_pickle_text_string(struct weir_format_pickle_machine *m);
WEIR_MUST_USE enum weir_status
weir_format_pickle_text_unicode(struct weir_format_pickle_machine *m);

/* Parses a memo index from a line. */
WEIR_MUST_USE enum weir_status weir_format_pickle_text_index(struct weir_format_pickle_machine *m,
                                                             uint64_t *out);

/* Makes text of n plain ASCII bytes (a string of Python 2). */
WEIR_MUST_USE enum weir_status weir_format_pickle_text_ascii(struct weir_format_pickle_machine *m,
                                                             struct weir_str s);

/* --- pickle_call.c --- */

/* Checks a name against the allow-list and makes a GLOBAL of it. */
WEIR_MUST_USE enum weir_status weir_format_pickle_global(struct weir_format_pickle_machine *m,
                                                         struct weir_str module,
                                                         struct weir_str name,
                                                         struct weir_value **out);

/* Carry out REDUCE, NEWOBJ (with_kwargs: NEWOBJ_EX) and BUILD. */
WEIR_MUST_USE enum weir_status weir_format_pickle_reduce(struct weir_format_pickle_machine *m);
WEIR_MUST_USE enum weir_status weir_format_pickle_newobj(struct weir_format_pickle_machine *m,
                                                         bool with_kwargs);
WEIR_MUST_USE enum weir_status weir_format_pickle_build(struct weir_format_pickle_machine *m);

#endif

/* SPDX-License-Identifier: MIT */
/* The value tree of a model file: what the file says, as plain data.
 *
 * A reader (format/pickle.h) makes the tree in an arena; nothing in it was ever executed. Objects
 * are records: a class name, the constructor's arguments, the attributes. The tree is read-only for
 * everybody else, and it is gone, with the bytes it points into, when the load ends: whatever a
 * model keeps must be copied (the array calls below copy).
 *
 * Values are shared (two attributes may hold the same value) and a hostile file may even hold
 * cycles. So values are not walked by pointer but through a *place* (struct weir_value_at): a value
 * and how it was reached. Every step to a child takes the place of its parent, is counted against a
 * budget and limited in depth (WEIR_VALUE_DEPTH_MAX), which makes recursion over places end, and it
 * lets every message name the place: "Pipeline.steps[1].LogisticRegression.coef_: expected 3
 * columns, found 4".
 *
 * Threads: a tree belongs to one thread at a time. */
#ifndef WEIR_FORMAT_VALUE_H
#define WEIR_FORMAT_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WEIR_VALUE_DIMS_MAX = 32,   /* dimensions of an array */
    WEIR_VALUE_DEPTH_MAX = 192, /* steps from the root to any place that is looked at */
};

/* --- values --- */

enum weir_value_kind {
    WEIR_VALUE_NONE,
    WEIR_VALUE_BOOL,   /* b */
    WEIR_VALUE_I64,    /* i64 */
    WEIR_VALUE_BIGINT, /* bytes: an integer beyond 64 bits, two's complement, little-endian */
    WEIR_VALUE_F64,    /* f64 */
    WEIR_VALUE_TEXT,   /* text: UTF-8 (lone surrogates possible, in their three-byte form) */
    WEIR_VALUE_BYTES,  /* text: any bytes */
    WEIR_VALUE_LIST,   /* items */
    WEIR_VALUE_TUPLE,  /* items */
    WEIR_VALUE_SET,    /* items, in the file's order; frozensets too */
    WEIR_VALUE_DICT,   /* dict */
    WEIR_VALUE_GLOBAL, /* text: the full name of a class or function ("numpy.log1p") */
    WEIR_VALUE_OBJECT, /* object */
    WEIR_VALUE_ARRAY,  /* array */
    WEIR_VALUE_DTYPE,  /* dtype: an element type that stands by itself */
};
enum { WEIR_VALUE_N_KINDS = 15 };

struct weir_value;

struct weir_value_pair {
    const struct weir_value *key;
    const struct weir_value *value;
};

struct weir_value_items {
    const struct weir_value **at;
    size_t n;
};

/* Pairs in the file's order. A key that occurs twice counts with its last value. */
struct weir_value_dict {
    struct weir_value_pair *at;
    size_t n;
};

/* One field of a struct element type. */
struct weir_value_field {
    struct weir_str name;
    const struct weir_value_dtype *dtype;
    size_t offset; /* bytes from the start of the element; the field ends inside the element */
};

/* An element type as numpy describes it. */
struct weir_value_dtype {
    char kind; /* 'b' bool, 'i' signed, 'u' unsigned, 'f' float, 'U' text of UTF-32 units, 'S' bytes
                  padded with NUL, 'O' objects, 'V' raw bytes or a struct; 'c', 'M' and 'm'
                  (complex, dates) are only kept */
    bool is_big_endian;
    uint32_t itemsize; /* bytes of one element; 'b' 1, 'i' 'u' 1 2 4 8, 'f' 4 8, 'U' a multiple of
                          4, 'O' 8 */
    uint32_t n_fields; /* > 0: a struct */
    const struct weir_value_field *fields;
};

/* An n-dimensional array. Element (i0, i1, …) is number i0·stride[0] + i1·stride[1] + …, counted in
 * elements, of data (not aligned) or of objects. */
struct weir_value_array {
    const struct weir_value_dtype *dtype;
    uint32_t n_dims;     /* 0: a single element */
    bool is_row_major;   /* data lies in row-major order without gaps */
    const size_t *shape; /* n_dims; any may be 0 */
    const size_t *stride;
    size_t n;                          /* elements: the product of shape, 1 for no dimensions */
    const char *data;                  /* n × itemsize bytes; NULL for kind 'O' */
    const struct weir_value **objects; /* n values for kind 'O', else NULL */
};

/* What a file says about one object. */
struct weir_value_object {
    struct weir_str name; /* full: "sklearn.linear_model._logistic.LogisticRegression" */
    struct weir_str cls;  /* what is after the last dot: "LogisticRegression" */
    struct weir_str top;  /* what is before the first dot: "sklearn" */
    bool is_called;       /* made by calling name (which may be a function) and not as an empty
                             instance of a class */
    bool has_state;       /* a state was given */
    struct weir_value_items args;   /* arguments of the constructor */
    struct weir_value_dict attrs;   /* the state, when it is a dict (or a dict and slots: merged) */
    const struct weir_value *state; /* the state when it is anything else (a tuple); else NULL */
    struct weir_value_items items;  /* what was appended, for classes derived from list */
    struct weir_value_dict pairs;   /* what was set, for classes derived from dict */
};

struct weir_value {
    enum weir_value_kind kind;
    uint16_t depth; /* levels below this value when it was made; the reader's own */
    uint8_t flags;  /* the reader's own */
    const struct weir_value_dtype *dtype; /* a numpy scalar's element type; NULL: a plain value */
    union {
        bool b;
        int64_t i64;
        double f64;
        struct weir_str text; /* TEXT, GLOBAL (UTF-8), BYTES, BIGINT */
        struct weir_value_items items;
        struct weir_value_dict dict;
        struct weir_value_object *object;
        const struct weir_value_array *array;
        const struct weir_value_dtype *element; /* kind DTYPE; NULL while incomplete */
    };
};

/* Returns a word for messages ("list", "text", "array", …), borrowed for ever. */
const char *weir_value_kind_name(enum weir_value_kind kind);

static inline bool weir_value_is_none(const struct weir_value *v)
{
    return v->kind == WEIR_VALUE_NONE;
}

/* Finds whether v is TEXT equal to a NUL-terminated text. */
bool weir_value_is_text(const struct weir_value *v, const char *text);

/* Finds whether v is an object whose class has this name, in whichever module ("Pipeline"). */
bool weir_value_is_object(const struct weir_value *v, const char *cls);

/* Returns the attribute of an object, borrowed; NULL: none of that name, or v is not an object. An
 * attribute that is None is returned as such. O(attributes) time. */
const struct weir_value *weir_value_find(const struct weir_value *v, const char *name);

/* Returns the value under a text key of a dict (or of an object's pairs), borrowed; NULL: none. */
const struct weir_value *weir_value_find_key(const struct weir_value *v, const char *key);

/* --- places --- */

/* Counts the steps that may still be made in one tree; shared by all places of a walk. */
struct weir_value_walk {
    uint64_t n_steps_left;
};

/* A value and how it was reached. A plain value; it borrows the place above it, which must live as
 * long (which it does where places are variables of nested calls). */
struct weir_value_at {
    const struct weir_value *v;     /* never NULL after a successful step */
    const struct weir_value_at *up; /* NULL: the root */
    struct weir_value_walk *walk;
    const char *name; /* NULL: reached by index; borrowed until the place is gone */
    size_t index;     /* where name is NULL */
    uint32_t depth;   /* steps from the root */
};

/* Makes the place of the root. walk is borrowed; a good budget is weir_value_walk_init's. */
struct weir_value_at weir_value_root(const struct weir_value *root, struct weir_value_walk *walk);

/* Sets the budget for a tree that was made of n_nodes values: every genuine file needs a small
 * multiple of that, a file made of shared parts inside shared parts needs an exponential one. */
void weir_value_walk_init(struct weir_value_walk *walk, size_t n_nodes);

/* Sets err to "PLACE: reason" and returns code. */
enum weir_status weir_value_fail(const struct weir_value_at *at, enum weir_status code,
                                 struct weir_error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* --- steps ---
 * All: WEIR_ERR_LIMIT: deeper than WEIR_VALUE_DEPTH_MAX or the budget is used up (this is also what
 * an object inside itself comes to). WEIR_ERR_INVALID: the value is of another kind, or what was
 * asked for is not there. On failure *out is unchanged. name must live as long as *out (use
 * literals). */

/* Steps to an attribute of an object. */
WEIR_MUST_USE enum weir_status weir_value_attr(const struct weir_value_at *at, const char *name,
                                               struct weir_value_at *out, struct weir_error *err);

/* Steps to an attribute that may be absent: out->v is NULL when it is absent *or None*. */
WEIR_MUST_USE enum weir_status weir_value_attr_opt(const struct weir_value_at *at, const char *name,
                                                   struct weir_value_at *out,
                                                   struct weir_error *err);

/* Steps to attribute i of an object, in the file's order (object->attrs has the names). */
WEIR_MUST_USE enum weir_status weir_value_attr_index(const struct weir_value_at *at, size_t i,
                                                     struct weir_value_at *out,
                                                     struct weir_error *err);

/* Returns how many items weir_value_item reaches: of a list, tuple, set, array of objects (all
 * elements, row-major), dict (pairs); 0 for all other kinds. */
size_t weir_value_n(const struct weir_value *v);

/* Steps to item i of a list, tuple, set or array of objects (row-major), or to the value of pair i
 * of a dict. An object in a tuple is not given an index of its own in messages: its class name says
 * enough. */
WEIR_MUST_USE enum weir_status weir_value_item(const struct weir_value_at *at, size_t i,
                                               struct weir_value_at *out, struct weir_error *err);

/* Steps to the value of a text key of a dict (or of an object's pairs). */
WEIR_MUST_USE enum weir_status weir_value_key(const struct weir_value_at *at, const char *key,
                                              struct weir_value_at *out, struct weir_error *err);

/* Checks that at is a list or tuple (or an array of objects with one dimension) and gives its
 * length. */
WEIR_MUST_USE enum weir_status weir_value_list(const struct weir_value_at *at, size_t *n,
                                               struct weir_error *err);

/* Checks that at is an object. */
WEIR_MUST_USE enum weir_status weir_value_object(const struct weir_value_at *at,
                                                 const struct weir_value_object **out,
                                                 struct weir_error *err);

/* --- single values ---
 * A number may be a Python number or bool, a numpy scalar, or an array of exactly one element. On
 * failure *out is unchanged; WEIR_ERR_INVALID: not of that kind, or out of range. */

/* Reads a number; integers beyond 2^53 are rounded. NaN and infinities pass. */
WEIR_MUST_USE enum weir_status weir_value_f64(const struct weir_value_at *at, double *out,
                                              struct weir_error *err);

/* Reads a whole number; a float must be whole and in range. */
WEIR_MUST_USE enum weir_status weir_value_i64(const struct weir_value_at *at, int64_t *out,
                                              struct weir_error *err);

/* Reads a whole number from min to max. */
WEIR_MUST_USE enum weir_status weir_value_i64_in(const struct weir_value_at *at, int64_t min,
                                                 int64_t max, int64_t *out, struct weir_error *err);

/* Reads a truth value: a bool, or the numbers 0 and 1. */
WEIR_MUST_USE enum weir_status weir_value_bool(const struct weir_value_at *at, bool *out,
                                               struct weir_error *err);

/* Reads a text, borrowed from the tree. */
WEIR_MUST_USE enum weir_status weir_value_text(const struct weir_value_at *at, struct weir_str *out,
                                               struct weir_error *err);

/* The same for an attribute. The _or forms give def when the attribute is absent or None, and fail
 * only when it has another kind. */
WEIR_MUST_USE enum weir_status weir_value_attr_f64(const struct weir_value_at *at, const char *name,
                                                   double *out, struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_value_attr_i64(const struct weir_value_at *at, const char *name,
                                                   int64_t *out, struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_value_attr_bool(const struct weir_value_at *at,
                                                    const char *name, bool *out,
                                                    struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_value_attr_text(const struct weir_value_at *at,
                                                    const char *name, struct weir_str *out,
                                                    struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_value_attr_f64_or(const struct weir_value_at *at,
                                                      const char *name, double def, double *out,
                                                      struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_value_attr_i64_or(const struct weir_value_at *at,
                                                      const char *name, int64_t def, int64_t *out,
                                                      struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_value_attr_bool_or(const struct weir_value_at *at,
                                                       const char *name, bool def, bool *out,
                                                       struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_value_attr_text_or(const struct weir_value_at *at,
                                                       const char *name, struct weir_str def,
                                                       struct weir_str *out,
                                                       struct weir_error *err);

/* --- arrays of numbers ---
 * Copies of an array, row-major, in the caller's arena, converted to one type. What is read: arrays
 * of any width, byte order, memory order and alignment; arrays of objects that are all numbers;
 * single numbers (no dimensions); lists and tuples of numbers (one dimension). bool gives 0 and 1.
 * Rounding is to nearest; i64 and i32 need whole numbers in range. WEIR_ERR_INVALID: anything else,
 * or the shape is not the one asked for. WEIR_ERR_NO_MEMORY: the arena is full. */

struct weir_value_shape {
    uint32_t n_dims;
    size_t dim[WEIR_VALUE_DIMS_MAX]; /* n_dims of them */
    size_t n;                        /* elements */
};

struct weir_value_f64s {
    double *at; /* shape.n values, row-major; never NULL, also when there are none */
    struct weir_value_shape shape;
};
struct weir_value_f32s {
    float *at;
    struct weir_value_shape shape;
};
struct weir_value_i64s {
    int64_t *at;
    struct weir_value_shape shape;
};
struct weir_value_i32s {
    int32_t *at;
    struct weir_value_shape shape;
};

WEIR_MUST_USE enum weir_status weir_value_f64s(const struct weir_value_at *at, struct weir_arena *a,
                                               struct weir_value_f64s *out, struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_value_f32s(const struct weir_value_at *at, struct weir_arena *a,
                                               struct weir_value_f32s *out, struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_value_i64s(const struct weir_value_at *at, struct weir_arena *a,
                                               struct weir_value_i64s *out, struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_value_i32s(const struct weir_value_at *at, struct weir_arena *a,
                                               struct weir_value_i32s *out, struct weir_error *err);

/* The same for an attribute that must be there. */
WEIR_MUST_USE enum weir_status weir_value_attr_f64s(const struct weir_value_at *at,
                                                    const char *name, struct weir_arena *a,
                                                    struct weir_value_f64s *out,
                                                    struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_value_attr_i64s(const struct weir_value_at *at,
                                                    const char *name, struct weir_arena *a,
                                                    struct weir_value_i64s *out,
                                                    struct weir_error *err);

/* Reads an attribute as n_rows × n_cols (two dimensions; a single dimension passes when n_rows is
 * 1) or, where n_cols is SIZE_MAX, as a vector of n_rows (one dimension, or more of which only one
 * is not 1; a single number passes when n_rows is 1). Gives the values, row-major.
 * WEIR_ERR_INVALID: "expected 3 columns, found 4". */
WEIR_MUST_USE enum weir_status weir_value_attr_matrix(const struct weir_value_at *at,
                                                      const char *name, size_t n_rows,
                                                      size_t n_cols, struct weir_arena *a,
                                                      double **out, struct weir_error *err);

/* Reads one field of an array of structs, found by name: all elements in row-major order.
 * WEIR_ERR_INVALID: not an array of structs, no such field, or it is not a number. */
WEIR_MUST_USE enum weir_status weir_value_field_f64s(const struct weir_value_at *at,
                                                     const char *field, struct weir_arena *a,
                                                     struct weir_value_f64s *out,
                                                     struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_value_field_i64s(const struct weir_value_at *at,
                                                     const char *field, struct weir_arena *a,
                                                     struct weir_value_i64s *out,
                                                     struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_value_field_i32s(const struct weir_value_at *at,
                                                     const char *field, struct weir_arena *a,
                                                     struct weir_value_i32s *out,
                                                     struct weir_error *err);

/* Finds whether v is an array of structs with this field. */
bool weir_value_has_field(const struct weir_value *v, const char *field);

/* --- arrays of anything --- */

/* Gives the shape of an array without reading it; a list or tuple has one dimension, a single value
 * none. */
WEIR_MUST_USE enum weir_status weir_value_shape(const struct weir_value_at *at,
                                                struct weir_value_shape *out,
                                                struct weir_error *err);

/* Returns the kind of the elements of an array, or of a single value: 'b' 'i' 'u' 'f' 'U' 'S' 'O'
 * 'V'; for plain lists and tuples 'O'; '?' where it means nothing. */
char weir_value_element_kind(const struct weir_value *v);

/* Texts in the caller's arena, row-major. */
struct weir_value_strs {
    struct weir_str *at; /* shape.n texts, each NUL-terminated (not counted) */
    struct weir_value_shape shape;
};

/* Copies texts: arrays of kind U (padding cut off) and S (bytes as they are), arrays of objects,
 * lists and tuples that hold only texts. WEIR_ERR_INVALID: anything else. */
WEIR_MUST_USE enum weir_status weir_value_strs(const struct weir_value_at *at, struct weir_arena *a,
                                               struct weir_value_strs *out, struct weir_error *err);

/* Gives element i (row-major) of any array, list or tuple as a single value: numbers and texts are
 * made in *out (texts in the arena a), elements of object arrays and lists are copied from the
 * tree. For categories and labels, where one list mixes kinds. WEIR_ERR_INVALID: structs, or no
 * element i. */
WEIR_MUST_USE enum weir_status weir_value_element(const struct weir_value_at *at, size_t i,
                                                  struct weir_arena *a, struct weir_value *out,
                                                  struct weir_error *err);

#endif

/* SPDX-License-Identifier: MIT */
/* Documents of objects, arrays and values that are read once, from the top down: JSON and UBJSON.
 *
 * A reader says by tables which members of an object it wants and into which field of its own
 * struct each goes; everything else is stepped over. Arrays of numbers are read in one go. The
 * document knows where it is, so that every message names the place:
 *
 *     learner.gradient_booster.model.trees[3].left_children: expected whole numbers
 *
 * Nothing is trusted: lengths are compared with the bytes that are there before anything is
 * allocated, and nothing goes deeper than WEIR_FORMAT_DOC_DEPTH_MAX. JSON is RFC 8259 with the
 * tokens NaN, Infinity and -Infinity; UBJSON is draft 12 without high-precision numbers and without
 * counted objects (nobody writes them). Not thread-safe: one document belongs to one thread. */
#ifndef WEIR_FORMAT_DOC_H
#define WEIR_FORMAT_DOC_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "codec/json.h"
#include <weir/format.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEIR_FORMAT_DOC_DEPTH_MAX = 60 }; /* arrays and objects inside each other */

/* One step of the way to the value at hand. */
struct weir_format_doc_step {
    struct weir_str name; /* of a member; at is NULL: an element */
    size_t index;         /* of an element */
};

struct weir_format_doc {
    const char *at;   /* the next value; in UBJSON its marker */
    const char *end;  /* of the bytes */
    bool is_ubjson;   /* else JSON, scanned */
    uint32_t n_steps; /* of path */
    struct weir_format_doc_step path[WEIR_FORMAT_DOC_DEPTH_MAX];
    struct weir_codec_json json;
    struct weir_arena *arena; /* takes arrays and texts; borrowed */
    struct weir_buf scratch;  /* numbers of the array at hand */
    uint64_t deadline_ns;     /* as struct weir_format_opts */
};

/* Arrays in the document's arena; at is never NULL after a successful read. */
struct weir_format_doc_f32s {
    float *at;
    size_t n;
};
struct weir_format_doc_f64s {
    double *at;
    size_t n;
};
struct weir_format_doc_i64s {
    int64_t *at;
    size_t n;
};
struct weir_format_doc_i32s {
    int32_t *at;
    size_t n;
};
struct weir_format_doc_flags {
    uint8_t *at; /* 0 or 1 */
    size_t n;
};
struct weir_format_doc_texts {
    struct weir_str *at; /* NUL-terminated (not counted) */
    size_t n;
};

/* Begins a document; the bytes are borrowed until deinit. JSON is checked whole here.
 * WEIR_ERR_CORRUPT: not JSON, with its offset; WEIR_ERR_LIMIT; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_format_doc_init(struct weir_format_doc *doc,
                                                    struct weir_str bytes, bool is_ubjson,
                                                    struct weir_arena *arena, uint64_t deadline_ns,
                                                    struct weir_error *err);

/* Releases what the document holds, not what it read. A zeroed one is fine. */
void weir_format_doc_deinit(struct weir_format_doc *doc);

/* Sets err to "PLACE: reason" and returns code. */
enum weir_status weir_format_doc_fail(const struct weir_format_doc *doc, enum weir_status code,
                                      struct weir_error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* --- values ---
 * All have this form: read the value at doc->at into *out and step over it. WEIR_ERR_CORRUPT: it is
 * of another kind, or the bytes end inside it; *out is undefined then. WEIR_ERR_LIMIT: nested too
 * deep; WEIR_ERR_NO_MEMORY; WEIR_ERR_TIMEOUT: the deadline has passed. */
typedef enum weir_status weir_format_doc_fn(struct weir_format_doc *doc, void *out,
                                            struct weir_error *err);

weir_format_doc_fn weir_format_doc_skip;  /* any value; out is not used */
weir_format_doc_fn weir_format_doc_mark;  /* const char *: where the value begins, to be given to
                                             weir_format_doc_again */
weir_format_doc_fn weir_format_doc_text;  /* struct weir_str, in the arena, NUL-terminated */
weir_format_doc_fn weir_format_doc_i64;   /* int64_t: a whole number */
weir_format_doc_fn weir_format_doc_f64;   /* double: a number */
weir_format_doc_fn weir_format_doc_f32s;  /* struct weir_format_doc_f32s, each rounded once */
weir_format_doc_fn weir_format_doc_f64s;  /* struct weir_format_doc_f64s */
weir_format_doc_fn weir_format_doc_i64s;  /* struct weir_format_doc_i64s */
weir_format_doc_fn weir_format_doc_i32s;  /* struct weir_format_doc_i32s */
weir_format_doc_fn weir_format_doc_flags; /* struct weir_format_doc_flags: 0, 1, true, false */
weir_format_doc_fn weir_format_doc_texts; /* struct weir_format_doc_texts */

/* Whole numbers and numbers that are kept as text ("num_class": "3"), or not. */
weir_format_doc_fn weir_format_doc_text_i64; /* int64_t */

/* Reads a marked value again, by fn; the place in messages is the one at hand. */
WEIR_MUST_USE enum weir_status weir_format_doc_again(struct weir_format_doc *doc, const char *mark,
                                                     weir_format_doc_fn *fn, void *out,
                                                     struct weir_error *err);

/* A list of labels: whole numbers, else numbers, else texts. */
struct weir_format_doc_labels {
    char kind; /* 'i', 'f', 'U' by which of the arrays holds them; 0: none */
    struct weir_format_doc_i64s ints;
    struct weir_format_doc_f64s floats;
    struct weir_format_doc_texts texts;
};

/* Reads a list that is of one of the kinds. WEIR_ERR_UNSUPPORTED: it is of none. */
WEIR_MUST_USE enum weir_status weir_format_doc_labels(struct weir_format_doc *doc, void *out,
                                                      struct weir_error *err);

/* --- objects and arrays --- */

/* A member that a reader wants. */
struct weir_format_doc_field {
    const char *name;
    weir_format_doc_fn *read; /* gets target + offset */
    size_t offset;
    bool is_needed; /* WEIR_ERR_CORRUPT when it is not there */
};

/* Reads an object: each member that a row names by the row, all others are stepped over. n_fields
 * <= 32. WEIR_ERR_CORRUPT: not an object, a wanted member occurs twice or a needed one never. */
WEIR_MUST_USE enum weir_status weir_format_doc_object(struct weir_format_doc *doc,
                                                      const struct weir_format_doc_field *fields,
                                                      size_t n_fields, void *target,
                                                      struct weir_error *err);

/* Called for a member; name is borrowed for the call, without escapes undone. */
typedef enum weir_status weir_format_doc_member_fn(struct weir_format_doc *doc, void *ctx,
                                                   struct weir_str name, struct weir_error *err);

/* Reads an object member by member: fn must step over each value. */
WEIR_MUST_USE enum weir_status weir_format_doc_members(struct weir_format_doc *doc,
                                                       weir_format_doc_member_fn *fn, void *ctx,
                                                       struct weir_error *err);

/* Called for element i. */
typedef enum weir_status weir_format_doc_element_fn(struct weir_format_doc *doc, void *ctx,
                                                    size_t i, struct weir_error *err);

/* Reads an array element by element: fn must step over each. Typed arrays of UBJSON pass only when
 * they are empty. */
WEIR_MUST_USE enum weir_status weir_format_doc_array(struct weir_format_doc *doc,
                                                     weir_format_doc_element_fn *fn, void *ctx,
                                                     struct weir_error *err);

/* Finds whether the value at hand is an object; an array; a text; null. */
bool weir_format_doc_is_object(const struct weir_format_doc *doc);
bool weir_format_doc_is_array(const struct weir_format_doc *doc);
bool weir_format_doc_is_text(const struct weir_format_doc *doc);
bool weir_format_doc_is_null(const struct weir_format_doc *doc);

#endif

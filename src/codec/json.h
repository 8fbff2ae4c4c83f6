/* SPDX-License-Identifier: MIT */
/* JSON that is read where it lies.
 *
 * Two passes over a complete text. The first (weir_codec_json_scan) checks everything: grammar
 * (RFC 8259), UTF-8, limits, duplicate keys; it builds no tree, it only notes where large arrays
 * and objects end. The second is made of walkers that trust the first: a *value* is a pointer to
 * its first byte in the scanned text. Nothing recurses. Reading rows of numbers is in
 * codec/json_rows.h.
 *
 * Not thread-safe: one struct weir_codec_json belongs to one thread; it keeps its memory from text
 * to text. */
#ifndef WEIR_CODEC_JSON_H
#define WEIR_CODEC_JSON_H

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a text may hold; past a limit it is refused with WEIR_ERR_INVALID and the limit's value. */
struct weir_codec_json_limits {
    uint32_t depth_max;      /* arrays and objects inside each other; at most DEPTH_CAP */
    uint32_t n_keys_max;     /* members of one object */
    uint64_t n_values_max;   /* values in all, containers counted */
    size_t string_bytes_max; /* of one string or key, as written, without its quotes */
    size_t number_bytes_max; /* of one number */
    bool allows_nonfinite;   /* the tokens NaN, Infinity, -Infinity, Inf, -Inf stand for numbers */
    bool ignores_tail;       /* what stands behind the first value is not looked at */
};

enum { WEIR_CODEC_JSON_DEPTH_CAP = 64 };

#define WEIR_CODEC_JSON_LIMITS_INIT                     \
    {                                                   \
        64, 4096, 8u << 20, 1u << 20, 512, false, false \
    }

/* Where a large array or object ends. */
struct weir_codec_json_jump {
    uint32_t start; /* offset of its '[' or '{' */
    uint32_t end;   /* offset after its ']' or '}' */
    uint32_t n;     /* elements or members */
};

/* A member's name in the scanner: enough to find it twice. */
struct weir_codec_json_name {
    uint64_t hash; /* of the unescaped bytes */
    uint32_t at;   /* offset of its opening quote */
};

/* A scanned text and the scanner's memory. */
struct weir_codec_json {
    const char *start; /* the text, borrowed until the next scan */
    const char *end;
    const char *root;  /* the whole text's value; NULL: nothing was scanned or it was refused */
    uint64_t n_values; /* values in it, containers counted, names not */

    struct weir_codec_json_limits limits; /* may be changed between scans */
    struct weir_codec_json_jump *jumps;   /* by start */
    size_t n_jumps, cap_jumps;
    struct weir_codec_json_name *names; /* of the objects that are open */
    size_t n_names, cap_names;
    uint32_t *slots; /* hash table of one object's names */
    size_t cap_slots;
    uint64_t seed; /* of the hashes */
    struct weir_mem *mem;
};

/* Makes a scanner without a text. limits NULL: the defaults above; mem NULL: the default allocator.
 * Allocates nothing. */
void weir_codec_json_init(struct weir_codec_json *json, const struct weir_codec_json_limits *limits,
                          struct weir_mem *mem);

/* Releases all memory. */
void weir_codec_json_deinit(struct weir_codec_json *json);

/* Checks a whole text (white space around it is fine) and makes it the one the walkers walk.
 * Borrows text until the next scan. WEIR_ERR_INVALID: not JSON or past a limit, with "offset N: …";
 * WEIR_ERR_LIMIT: 4 GiB and more; WEIR_ERR_NO_MEMORY. json->root is NULL then. */
WEIR_MUST_USE enum weir_status weir_codec_json_scan(struct weir_codec_json *json,
                                                    struct weir_str text, struct weir_error *err);

/* What a value is; told by its first byte. */
enum weir_codec_json_kind {
    WEIR_CODEC_JSON_OBJECT,
    WEIR_CODEC_JSON_ARRAY,
    WEIR_CODEC_JSON_STRING,
    WEIR_CODEC_JSON_NUMBER,
    WEIR_CODEC_JSON_NONFINITE, /* one of the tokens */
    WEIR_CODEC_JSON_TRUE,
    WEIR_CODEC_JSON_FALSE,
    WEIR_CODEC_JSON_NULL,
};

enum weir_codec_json_kind weir_codec_json_kind(const char *value);

/* Returns a kind with its article, for messages: "an object", "a number", "null". */
const char *weir_codec_json_kind_text(enum weir_codec_json_kind kind);

/* Returns the end of a value: one past its last byte. O(its length) below 64 bytes or deeper than
 * four containers, else O(log n). */
const char *weir_codec_json_skip(const struct weir_codec_json *json, const char *value);

/* Returns how many elements an array, or members an object, has. Cost as weir_codec_json_skip. */
size_t weir_codec_json_count(const struct weir_codec_json *json, const char *value);

/* Walks the elements of an array or the members of an object in order. */
struct weir_codec_json_iter {
    const struct weir_codec_json *json;
    const char *at; /* next element, key, or the closing byte */
};

/* Starts at the first element or member of value, which must be an array or object. */
struct weir_codec_json_iter weir_codec_json_iter(const struct weir_codec_json *json,
                                                 const char *value);

/* Steps to the next element; false: there is none. */
bool weir_codec_json_next(struct weir_codec_json_iter *it, const char **value);

/* Steps to the next member; *name: its bytes as written between the quotes, escapes included. */
bool weir_codec_json_next_member(struct weir_codec_json_iter *it, struct weir_str *name,
                                 const char **value);

/* Returns a string value's bytes as written between the quotes, escapes included. */
struct weir_str weir_codec_json_string(const char *value);

/* Returns the token of a number, a literal or a non-finite token. */
struct weir_str weir_codec_json_token(const char *value, const char *end);

/* Compares a string as written (escapes included) with plain text. */
bool weir_codec_json_string_eq(struct weir_str written, struct weir_str text);

/* Appends the text that a string as written stands for. Surrogate pairs become one code point; a
 * lone surrogate becomes U+FFFD. */
void weir_codec_json_unescape(struct weir_str written, struct weir_buf *out);

/* Returns a keyed hash of plain text; equal for equal text in one json. */
uint64_t weir_codec_json_hash(const struct weir_codec_json *json, struct weir_str text);

/* Writes at most 64 bytes of a value as printable text for a message: `"x"`, `12`, `an object`. out
 * has at least WEIR_CODEC_JSON_ECHO_BYTES. Returns out. */
const char *weir_codec_json_echo(const struct weir_codec_json *json, const char *value, char *out,
                                 size_t cap);

enum { WEIR_CODEC_JSON_ECHO_BYTES = WEIR_ECHO_BUF_BYTES + 8 };

/* Appends text as a JSON string with its quotes: control bytes, '"' and '\' escaped, bytes that are
 * not UTF-8 replaced by U+FFFD, everything else as it is. */
void weir_codec_json_append_text(struct weir_buf *buf, struct weir_str text);

/* The same without the quotes. */
void weir_codec_json_append_escaped(struct weir_buf *buf, struct weir_str text);

#endif

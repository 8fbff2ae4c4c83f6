/* SPDX-License-Identifier: MIT */
/* String views: bytes with a length, passed by value, not NUL-terminated and not owned. */
#ifndef WEIR_BASE_STR_H
#define WEIR_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A view of n bytes; valid as long as what it points into. n == 0 allows at == NULL. */
struct weir_str {
    const char *at;
    size_t n;
};

/* Makes a view of a string literal. */
#define WEIR_STR(literal) ((struct weir_str){"" literal, sizeof(literal) - 1})

/* For printf: "%.*s", WEIR_STR_ARG(s). */
#define WEIR_STR_ARG(s) (int)((s).n > 0x7fffffff ? 0x7fffffff : (s).n), ((s).n ? (s).at : "")

static inline struct weir_str weir_str_make(const char *at, size_t n)
{
    return (struct weir_str){at, n};
}

/* Returns a view of a NUL-terminated string; NULL gives an empty view. */
static inline struct weir_str weir_str_c(const char *s)
{
    return (struct weir_str){s, s ? strlen(s) : 0};
}

static inline bool weir_str_eq(struct weir_str a, struct weir_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.at, b.at, a.n) == 0);
}

static inline bool weir_str_eq_c(struct weir_str a, const char *b)
{
    return weir_str_eq(a, weir_str_c(b));
}

/* Compares without regard to the case of ASCII letters. */
bool weir_str_eq_nocase(struct weir_str a, struct weir_str b);

/* Orders by bytes, shorter first on a common prefix: < 0, 0, > 0. */
int weir_str_cmp(struct weir_str a, struct weir_str b);

bool weir_str_starts(struct weir_str s, struct weir_str prefix);
bool weir_str_ends(struct weir_str s, struct weir_str suffix);

/* Returns s without spaces and tabs at both ends. */
struct weir_str weir_str_trim(struct weir_str s);

/* Cuts *rest at the first sep: returns the part before it and leaves the part after it; without a
 * sep returns all and leaves an empty view with at == NULL. */
struct weir_str weir_str_split(struct weir_str *rest, char sep);

/* Parses decimal digits only (no sign, no space) into *out; false: empty, another character, or
 * above max. */
bool weir_str_to_u64(struct weir_str s, uint64_t max, uint64_t *out);

/* Returns the bytes of the character at the beginning of s, which must not be empty: 1 to 4; 0: it
 * is not UTF-8. RFC 3629, and the Unicode standard's table 3-7. takes_surrogates: U+D800 to U+DFFF
 * in three bytes are characters too. */
size_t weir_str_char_bytes(struct weir_str s, bool takes_surrogates);

/* Writes at most cap − 1 bytes of s into out as printable text (quotes, control characters, those
 * that turn the direction of writing and what is not UTF-8 become \xHH; "..." marks a cut) and ends
 * it with NUL. For echoing input in messages: no more than 64 bytes of s are shown. Returns out. */
const char *weir_str_echo(struct weir_str s, char *out, size_t cap);

/* Finds whether s is a legal model, version or tensor name: [A-Za-z0-9._-]{1,128}, no leading dot.
 */
bool weir_str_is_name(struct weir_str s);

enum { WEIR_NAME_BYTES_MAX = 128, WEIR_ECHO_BYTES_MAX = 64, WEIR_ECHO_BUF_BYTES = 64 * 4 + 4 };

#endif

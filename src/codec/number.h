/* SPDX-License-Identifier: MIT */
/* Decimal text ↔ numbers, exactly.
 *
 * Reading rounds to the nearest double or float (ties to even) for any number of digits; a float is
 * rounded once, never through a double. Printing gives the shortest text that reads back to the
 * same bits. The grammar is JSON's (RFC 8259, section 6). All functions are pure and may be called
 * from any thread; no locale is looked at. */
#ifndef WEIR_CODEC_NUMBER_H
#define WEIR_CODEC_NUMBER_H

#include "base/buf.h"
#include "base/str.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WEIR_CODEC_NUMBER_BYTES_MAX = 32, /* room that the print functions need; they use at most 25 */
};

/* What reading an integer came to. */
enum weir_codec_number_int {
    WEIR_CODEC_NUMBER_INT_OK,
    WEIR_CODEC_NUMBER_INT_FRACTION, /* a number, but not a whole one */
    WEIR_CODEC_NUMBER_INT_RANGE,    /* whole, but outside the type */
};

/* Returns how many of the first bytes of s are one JSON number (longest match); 0: none. "1.x"
 * gives 0, since "1." must go on with a digit; "01" gives 1. O(n). */
size_t weir_codec_number_span(struct weir_str s);

/* Reads s, which must be one JSON number as a whole, into *out, correctly rounded: too large gives
 * ±infinity, too small ±0. false: s is not a JSON number, *out is unchanged.
 * Lemire 2021, "Number parsing at a gigabyte per second"; Mushtak and Lemire 2023, "Fast number
 * parsing without fallback" for up to 19 digits, more digits by bracketing, then strtod. */
bool weir_codec_number_read_f64(struct weir_str s, double *out);

/* As above, rounded once to float. */
bool weir_codec_number_read_f32(struct weir_str s, float *out);

/* Reads one of the tokens NaN, Infinity, -Infinity, Inf, -Inf that JSON does not have but Python
 * and its clients write; false: s is none of them, *out is unchanged. */
bool weir_codec_number_read_nonfinite(struct weir_str s, double *out);

/* Reads s, which must be a JSON number (else: programmer error), as a whole number, exactly. "3.0"
 * and "3e2" are whole. On another outcome than OK, *out is unchanged. */
enum weir_codec_number_int weir_codec_number_read_i64(struct weir_str s, int64_t *out);
enum weir_codec_number_int weir_codec_number_read_u64(struct weir_str s, uint64_t *out);

/* Writes the shortest text that reads back to v (any zero, sign included; not NaN or infinity) as
 * Python's repr does: "2.0", "-0.0", "1e-05", "1e+16"; always with a point or an exponent. Among
 * the shortest, the one nearest to v. out: WEIR_CODEC_NUMBER_BYTES_MAX bytes, not NUL-terminated.
 * Returns the number of bytes.
 * Giulietti 2021, "The Schubfach way to render doubles". */
size_t weir_codec_number_print_f64(char *out, double v);

/* As above; shortest among floats: 0.1f is "0.1". */
size_t weir_codec_number_print_f32(char *out, float v);

/* Writes decimal digits; as above. */
size_t weir_codec_number_print_u64(char *out, uint64_t v);
size_t weir_codec_number_print_i64(char *out, int64_t v);

/* What to write for NaN and infinities. */
enum weir_codec_number_nonfinite {
    WEIR_CODEC_NUMBER_NONFINITE_NULL,  /* null */
    WEIR_CODEC_NUMBER_NONFINITE_TOKEN, /* NaN, Infinity, -Infinity */
};

/* Appends v to buf as a JSON value. */
void weir_codec_number_append_f64(struct weir_buf *buf, double v,
                                  enum weir_codec_number_nonfinite nonfinite);
void weir_codec_number_append_f32(struct weir_buf *buf, float v,
                                  enum weir_codec_number_nonfinite nonfinite);

#endif

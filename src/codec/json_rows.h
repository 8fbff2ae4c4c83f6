/* SPDX-License-Identifier: MIT */
/* The second pass: numbers of a scanned text into rows. */
#ifndef WEIR_CODEC_JSON_ROWS_H
#define WEIR_CODEC_JSON_ROWS_H

#include "codec/json.h"

/* How a number becomes an element. */
enum weir_codec_json_element {
    WEIR_CODEC_JSON_F64,        /* double */
    WEIR_CODEC_JSON_F32,        /* float, rounded once */
    WEIR_CODEC_JSON_F32_BY_F64, /* double, then cast to float: what a library does that is given
                                   doubles and casts */
    WEIR_CODEC_JSON_F64_BY_F32, /* rounded once to float, held in a double */
};

/* Reads consecutive numbers of an array into out, out + stride, … (bytes), n_max at most.
 *
 * at: the first byte of an element, or the closing ']'. Stops at the first element that is not a
 * finite number of the element type (a string, an array, null, a token, also a number that
 * overflows to infinity), at ']', or after n_max; returns the place where it stopped: again the
 * first byte of an element, or ']'. *n_read: how many were read. */
const char *weir_codec_json_rows_read(const struct weir_codec_json *json, const char *at,
                                      enum weir_codec_json_element element, void *out,
                                      size_t stride, size_t n_max, size_t *n_read);

/* Returns the place after an element that ends at `end`: the next element's first byte, or the
 * closing byte. */
const char *weir_codec_json_rows_after(const char *end);

/* Returns the value of the member whose name, as written, is given. */
const char *weir_codec_json_rows_member(struct weir_str name);

/* Returns the first element of an array or the first name of an object (or the closing byte). */
const char *weir_codec_json_rows_first(const char *array);

#endif

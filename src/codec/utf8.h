/* SPDX-License-Identifier: MIT */
/* Checking UTF-8 (RFC 3629). Threads: any. */
#ifndef WEIR_CODEC_UTF8_H
#define WEIR_CODEC_UTF8_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum weir_codec_utf8_mode {
    WEIR_CODEC_UTF8_STRICT,        /* RFC 3629: no surrogates */
    WEIR_CODEC_UTF8_SURROGATEPASS, /* also U+D800 to U+DFFF in three bytes, as Python writes them */
};

/* Finds whether s is UTF-8: no overlong forms, nothing above U+10FFFF, no cut character at the end.
 * O(n) time; ASCII goes eight bytes at a time. */
bool weir_codec_utf8_is_valid(struct weir_str s, enum weir_codec_utf8_mode mode);

/* Returns how many bytes at the beginning of s are valid and end between two characters. */
size_t weir_codec_utf8_valid_bytes(struct weir_str s, enum weir_codec_utf8_mode mode);

/* Writes character c (at most U+10FFFF; surrogates in their three-byte form) and returns its bytes,
 * 1 to 4; 0: there is no such character. */
size_t weir_codec_utf8_encode(uint32_t c, char out[4]);

/* Reads the character at the beginning of s, which must be valid (in either mode) and not empty,
 * and returns its bytes. */
size_t weir_codec_utf8_decode(struct weir_str s, uint32_t *c);

#endif

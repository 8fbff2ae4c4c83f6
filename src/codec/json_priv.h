/* SPDX-License-Identifier: MIT */
/* Steps that the scanner and the walkers share. */
#ifndef WEIR_CODEC_JSON_PRIV_H
#define WEIR_CODEC_JSON_PRIV_H

#include "base/macros.h"
#include "codec/json.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    /* Ends of arrays and objects are noted from this size and down to this depth (the root is 1):
     * inputs → its element → data is 4. Smaller or deeper ones are walked over byte by byte. */
    WEIR_CODEC_JSON_JUMP_BYTES_MIN = 64,
    WEIR_CODEC_JSON_JUMP_DEPTH_MAX = 4,
};

static inline bool weir_codec_json_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Skips white space in a scanned text: something else always follows inside an array or object. */
static inline const char *weir_codec_json_space(const char *at)
{
    while (WEIR_UNLIKELY(weir_codec_json_is_space(*at)))
        at++;
    return at;
}

/* As weir_codec_json_rows_after. */
static inline const char *weir_codec_json_after(const char *end)
{
    const char *p = weir_codec_json_space(end);
    return *p == ',' ? weir_codec_json_space(p + 1) : p;
}

#endif

/* SPDX-License-Identifier: MIT */
/* What Python's str says of characters, by the tables of libunistring. */
#include "codec/utf8.h"
#include "model/text.h"

#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>

bool weir_model_text_is_word(uint32_t c)
{
    if (c < 128)
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N);
}

bool weir_model_text_is_decimal(uint32_t c)
{
    return c < 128 ? c >= '0' && c <= '9'
                   : uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Nd);
}

bool weir_model_text_is_space(uint32_t c)
{
    /* Python counts the separators of files, groups, records and units. */
    if (c < 128)
        return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
    return uc_is_property_white_space(c);
}

uint32_t weir_model_text_char(struct weir_str text, size_t *n_bytes)
{
    uint32_t c = 0xfffd;
    *n_bytes = 1;
    if (weir_str_char_bytes(text, true) > 0)
        *n_bytes = weir_codec_utf8_decode(text, &c);
    return c;
}

/* Writes what NFKD leaves of a character without combining marks: its parts, each taken apart in
 * turn. Marks are put in order by NFKD, but none is left. At most 64 bytes. */
static size_t strip(uint32_t c, char *out)
{
    ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
    int tag;
    int n_parts = uc_decomposition(c, &tag, parts);
    size_t n = 0;
    if (n_parts < 0)
        return uc_combining_class(c) == UC_CCC_NR ? weir_codec_utf8_encode(c, out) : 0;
    for (int i = 0; i < n_parts; i++)
        n += strip(parts[i], out + n);
    return n;
}

/* Finds whether a capital sigma becomes a final one: a cased letter before it and none behind it,
 * ignorable characters aside (The Unicode Standard, table 3-17). */
static bool is_final_sigma(struct weir_str text, size_t at, size_t n_bytes)
{
    size_t before = at;
    bool is_cased = false;
    while (before > 0) {
        size_t from = before - 1;
        while (from > 0 && ((unsigned char)text.at[from] & 0xc0) == 0x80)
            from--;
        size_t n;
        uint32_t c = weir_model_text_char(weir_str_make(text.at + from, before - from), &n);
        if (!uc_is_property_case_ignorable(c)) {
            is_cased = uc_is_property_cased(c);
            break;
        }
        before = from;
    }
    for (size_t next = at + n_bytes; is_cased && next < text.n;) {
        size_t n;
        uint32_t c = weir_model_text_char(weir_str_make(text.at + next, text.n - next), &n);
        if (!uc_is_property_case_ignorable(c))
            return !uc_is_property_cased(c);
        next += n;
    }
    return is_cased;
}

/* Writes one character in small letters; at most two characters. Returns how many. */
static size_t make_lower(struct weir_str text, size_t at, uint32_t c, size_t n_bytes, uint32_t *out)
{
    out[0] = c;
    if (c == 0x130) {
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    if (c == 0x3a3)
        out[0] = is_final_sigma(text, at, n_bytes) ? 0x3c2 : 0x3c3;
    else if (c < 128)
        out[0] = c >= 'A' && c <= 'Z' ? c + 32 : c;
    else
        out[0] = uc_tolower(c);
    return 1;
}

size_t weir_model_text_prepare(struct weir_str text, bool is_lower,
                               enum weir_model_text_strip strips, char *out, size_t cap)
{
    size_t n = 0;
    for (size_t at = 0; at < text.n;) {
        size_t n_bytes = 1;
        uint32_t c = (unsigned char)text.at[at];
        if (c < 128) {
            if (n == cap)
                return SIZE_MAX;
            out[n++] = (char)(is_lower && c >= 'A' && c <= 'Z' ? c + 32 : c);
            at++;
            continue;
        }
        c = weir_model_text_char(weir_str_make(text.at + at, text.n - at), &n_bytes);
        uint32_t small[2] = {c};
        size_t n_small = is_lower ? make_lower(text, at, c, n_bytes, small) : 1;
        at += n_bytes;
        for (size_t i = 0; i < n_small; i++) {
            char bytes[64];
            size_t n_out = strips == WEIR_MODEL_TEXT_STRIP_NONE
                               ? weir_codec_utf8_encode(small[i], bytes)
                               : strip(small[i], bytes);
            for (size_t k = 0; k < n_out; k++) {
                if (strips == WEIR_MODEL_TEXT_STRIP_ASCII && (unsigned char)bytes[k] >= 128)
                    continue;
                if (n == cap)
                    return SIZE_MAX;
                out[n++] = bytes[k];
            }
        }
    }
    return n;
}

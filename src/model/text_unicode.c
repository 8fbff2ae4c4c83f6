/* SPDX-License-Identifier: MIT */
/* What Python's str says of characters. The tables are made by gen/text_unicode.py. */
#include "model/text.h"

#include <string.h>

struct range {
    uint32_t first;
    uint32_t last;
};

/* Capitals from first to last, every step-th: their small letters are `by` further on. */
struct lower {
    uint32_t first;
    uint32_t last;
    uint32_t step;
    int32_t by;
};

#include "model/gen/text_unicode.inc"

static bool is_in(const struct range *ranges, size_t n, uint32_t c)
{
    size_t low = 0;
    while (n > 0) {
        size_t half = n / 2;
        if (ranges[low + half].last < c) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return ranges[low].first <= c && c <= ranges[low].last;
}

/* All tables end below U+10FFFF; what is past their last range is in none. */
#define IS_IN(table, c) \
    ((c) <= (table)[WEIR_ARRAY_LEN(table) - 1].last && is_in(table, WEIR_ARRAY_LEN(table), c))

bool weir_model_text_is_word(uint32_t c)
{
    if (c < 128)
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    return IS_IN(words, c);
}

bool weir_model_text_is_decimal(uint32_t c)
{
    return IS_IN(decimals, c);
}

bool weir_model_text_is_space(uint32_t c)
{
    return IS_IN(spaces, c);
}

static uint32_t lower_of(uint32_t c)
{
    size_t low = 0;
    size_t n = WEIR_ARRAY_LEN(lowers);
    while (n > 0) {
        size_t half = n / 2;
        if (lowers[low + half].last < c) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    if (low == WEIR_ARRAY_LEN(lowers) || c < lowers[low].first ||
        (c - lowers[low].first) % lowers[low].step != 0)
        return c;
    return (uint32_t)((int32_t)c + lowers[low].by);
}

uint32_t weir_model_text_char(struct weir_str text, size_t *n_bytes)
{
    const unsigned char *at = (const unsigned char *)text.at;
    size_t n = weir_str_char_bytes(text, true);
    *n_bytes = n > 0 ? n : 1;
    switch (n) {
    case 1:
        return at[0];
    case 2:
        return (at[0] & 0x1fu) << 6 | (at[1] & 0x3fu);
    case 3:
        return (at[0] & 0x0fu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
    case 4:
        return (at[0] & 0x07u) << 18 | (at[1] & 0x3fu) << 12 | (at[2] & 0x3fu) << 6 |
               (at[3] & 0x3fu);
    }
    return 0xfffd;
}

static size_t put_char(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* Writes what NFKD leaves of a character without combining marks. At most 64 bytes. */
static size_t strip(uint32_t c, char *out)
{
    if (c >= 0xac00 && c <= 0xd7a3) { /* a Hangul syllable */
        uint32_t s = c - 0xac00;
        size_t n = put_char(0x1100 + s / 588, out);
        n += put_char(0x1161 + s % 588 / 28, out + n);
        return s % 28 ? n + put_char(0x11a7 + s % 28, out + n) : n;
    }
    size_t low = 0;
    size_t n = WEIR_ARRAY_LEN(strip_codes);
    while (n > 0) {
        size_t half = n / 2;
        if (strip_codes[low + half] < c) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    if (low == WEIR_ARRAY_LEN(strip_codes) || strip_codes[low] != c)
        return put_char(c, out);
    n = (size_t)(strip_at[low + 1] - strip_at[low]);
    memcpy(out, strip_bytes + strip_at[low], n);
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
        is_cased = IS_IN(cased, c);
        if (!IS_IN(ignorable, c))
            break;
        is_cased = false;
        before = from;
    }
    for (size_t next = at + n_bytes; is_cased && next < text.n;) {
        size_t n;
        uint32_t c = weir_model_text_char(weir_str_make(text.at + next, text.n - next), &n);
        if (!IS_IN(ignorable, c))
            return !IS_IN(cased, c);
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
        out[0] = lower_of(c);
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
            size_t n_out = strips == WEIR_MODEL_TEXT_STRIP_NONE ? put_char(small[i], bytes)
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

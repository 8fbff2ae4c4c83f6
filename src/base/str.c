/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include "base/macros.h"

#include <stdio.h>
#include <string.h>

/* Finds whether eight bytes are the same but for the case of letters: they may differ in the bit
 * 0x20 where that makes a small letter of a capital one. Top bits say whether a byte's sum passed
 * 0x7f. */
static bool same8(uint64_t a, uint64_t b)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t differs = a ^ b;
    uint64_t small = a | 0x20 * each;
    uint64_t low = small & 0x7f * each;
    uint64_t from_a = low + (0x80 - 'a') * each;
    uint64_t past_z = low + (0x7f - 'z') * each;
    uint64_t is_letter = from_a & ~past_z & ~small & 0x80 * each;
    return (differs & ~(is_letter >> 2)) == 0;
}

static uint64_t load8(const char *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

/* Loads 1 to 7 bytes; the order does not matter, as long as equal texts give equal words. */
static uint64_t load_few(const char *at, size_t n)
{
    uint32_t head;
    uint32_t tail;
    if (n < sizeof head)
        return (uint64_t)(unsigned char)at[0] | (uint64_t)(unsigned char)at[n / 2] << 8 |
               (uint64_t)(unsigned char)at[n - 1] << 16;
    memcpy(&head, at, sizeof head);
    memcpy(&tail, at + n - sizeof tail, sizeof tail);
    return (uint64_t)tail << 32 | head;
}

/* Header names are compared for every request: eight bytes at a time, the last ones twice. */
bool weir_str_eq_nocase(struct weir_str a, struct weir_str b)
{
    size_t n = a.n;
    if (n != b.n)
        return false;
    if (n < sizeof(uint64_t))
        return n == 0 || same8(load_few(a.at, n), load_few(b.at, n));
    for (size_t i = 0; i + sizeof(uint64_t) < n; i += sizeof(uint64_t)) {
        if (!same8(load8(a.at + i), load8(b.at + i)))
            return false;
    }
    size_t last = n - sizeof(uint64_t);
    return same8(load8(a.at + last), load8(b.at + last));
}

int weir_str_cmp(struct weir_str a, struct weir_str b)
{
    size_t n = weir_min_size(a.n, b.n);
    int r = n > 0 ? memcmp(a.at, b.at, n) : 0;
    if (r != 0)
        return r;
    return a.n < b.n ? -1 : a.n > b.n;
}

bool weir_str_starts(struct weir_str s, struct weir_str prefix)
{
    return s.n >= prefix.n && weir_str_eq(weir_str_make(s.at, prefix.n), prefix);
}

bool weir_str_ends(struct weir_str s, struct weir_str suffix)
{
    return s.n >= suffix.n && weir_str_eq(weir_str_make(s.at + (s.n - suffix.n), suffix.n), suffix);
}

struct weir_str weir_str_trim(struct weir_str s)
{
    while (s.n > 0 && (s.at[0] == ' ' || s.at[0] == '\t')) {
        s.at++;
        s.n--;
    }
    while (s.n > 0 && (s.at[s.n - 1] == ' ' || s.at[s.n - 1] == '\t'))
        s.n--;
    return s;
}

struct weir_str weir_str_split(struct weir_str *rest, char sep)
{
    weir_assert(rest);
    struct weir_str all = *rest;
    const char *hit = all.n > 0 ? memchr(all.at, sep, all.n) : NULL;
    if (!hit) {
        *rest = (struct weir_str){NULL, 0};
        return all;
    }
    size_t n = (size_t)(hit - all.at);
    *rest = weir_str_make(hit + 1, all.n - n - 1);
    return weir_str_make(all.at, n);
}

bool weir_str_to_u64(struct weir_str s, uint64_t max, uint64_t *out)
{
    weir_assert(out);
    uint64_t v = 0;
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.at[i] - '0'), &v))
            return false;
    }
    if (v > max)
        return false;
    *out = v;
    return true;
}

size_t weir_str_char_bytes(struct weir_str s, bool takes_surrogates)
{
    weir_assert(s.n > 0);
    const unsigned char *p = (const unsigned char *)s.at;
    unsigned char c = p[0];
    if (c < 0x80)
        return 1;
    if (c < 0xc2 || c > 0xf4)
        return 0;
    size_t n_bytes = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (s.n < n_bytes)
        return 0;
    /* The range of the second byte depends on the first, all later bytes are 80..bf. */
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (c == 0xe0)
        low = 0xa0;
    else if (c == 0xed && !takes_surrogates)
        high = 0x9f;
    else if (c == 0xf0)
        low = 0x90;
    else if (c == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n_bytes; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return n_bytes;
}

/* Returns the bytes of the character at the beginning of s if a terminal shows it as it is; 0: it
 * has to be escaped. */
static size_t plain_bytes(struct weir_str s)
{
    size_t n = weir_str_char_bytes(s, false);
    unsigned char c = (unsigned char)s.at[0];
    if (n == 1)
        return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
    if (n == 2 && c == 0xc2 && (unsigned char)s.at[1] < 0xa0) /* U+0080 to U+009F */
        return 0;
    if (n == 3 && c == 0xe2 && ((unsigned char)s.at[1] & 0xfe) == 0x80) {
        /* U+200B to U+200F, U+2028 to U+202E, U+2060 to U+206F */
        unsigned char last = (unsigned char)s.at[2];
        bool is_80 = (unsigned char)s.at[1] == 0x80;
        if (is_80 ? (last >= 0x8b && last <= 0x8f) || (last >= 0xa8 && last <= 0xae)
                  : last >= 0xa0 && last <= 0xaf)
            return 0;
    }
    return n;
}

const char *weir_str_echo(struct weir_str s, char *out, size_t cap)
{
    weir_assert(cap > 0);
    size_t shown = weir_min_size(s.n, WEIR_ECHO_BYTES_MAX);
    size_t at = 0;
    size_t i = 0;
    while (i < shown) {
        size_t n = plain_bytes(weir_str_make(s.at + i, s.n - i));
        if (at + (n ? n : 4u) + 4u > cap || i + n > shown)
            break;
        if (n > 0) {
            memcpy(out + at, s.at + i, n);
            at += n;
            i += n;
        } else {
            /* Fits: checked above. */
            (void)snprintf(out + at, 5, "\\x%02x", (unsigned char)s.at[i++]);
            at += 4;
        }
    }
    if (i < s.n && at + 4 <= cap) {
        memcpy(out + at, "...", 3);
        at += 3;
    }
    out[at] = '\0';
    return out;
}

bool weir_str_is_name(struct weir_str s)
{
    if (s.n == 0 || s.n > WEIR_NAME_BYTES_MAX || s.at[0] == '.')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.at[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
        if (!ok)
            return false;
    }
    return true;
}

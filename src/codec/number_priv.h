/* SPDX-License-Identifier: MIT */
/* The inner loops of reading numbers, inlined into the scanner and the row reader. */
#ifndef WEIR_CODEC_NUMBER_PRIV_H
#define WEIR_CODEC_NUMBER_PRIV_H

#include "base/macros.h"
#include "codec/number.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    WEIR_CODEC_NUMBER_EXP10_MIN = -342, /* first row of the table below */
    WEIR_CODEC_NUMBER_EXP10_MAX = 324,
    WEIR_CODEC_NUMBER_DIGITS_MAX = 19, /* that always fit a uint64_t */
};

/* Upper 128 bits of 10^e, truncated, top bit set: [e − EXP10_MIN] = {high, low}. Exact for
 * 0 ≤ e ≤ 55. */
extern const uint64_t
    weir_codec_number_powers[WEIR_CODEC_NUMBER_EXP10_MAX - WEIR_CODEC_NUMBER_EXP10_MIN + 1][2];

/* Exact powers of ten. */
extern const double weir_codec_number_exact_f64[23];
extern const float weir_codec_number_exact_f32[11];
extern const uint64_t weir_codec_number_exact_u64[20];

/* A number token taken apart: value = (−1)^is_negative · digits · 10^exp10, unless has_more. */
struct weir_codec_number_parts {
    uint64_t digits;
    int64_t exp10;
    bool is_negative;
    bool has_more; /* more than 19 digits: digits and exp10 mean nothing, take the slow way */
};

static inline bool weir_codec_number_is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* Loads 8 bytes, the first one lowest. */
static inline uint64_t weir_codec_number_load8(const char *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* Counts how many of 8 loaded bytes, from the first, are digits. Per byte: the high nibble must be
 * 3, also after adding 6. */
static inline unsigned weir_codec_number_n_digits8(uint64_t v)
{
    uint64_t bad = ((v & 0xf0f0f0f0f0f0f0f0u) ^ 0x3030303030303030u) |
                   (((v + 0x0606060606060606u) & 0xf0f0f0f0f0f0f0f0u) ^ 0x3030303030303030u);
    return bad == 0 ? 8 : (unsigned)__builtin_ctzll(bad) / 8;
}

/* Turns 8 bytes, each 0 to 9 with the first one lowest, into their number: pairs, then fours, then
 * eight, by multiplications that leave the sums in the upper half. */
static inline uint64_t weir_codec_number_join8(uint64_t v)
{
    v = v * 10 + (v >> 8);
    uint64_t low = (v & 0x000000ff000000ffu) * 0x000f424000000064u;
    uint64_t high = (v >> 16 & 0x000000ff000000ffu) * 0x0000271000000001u;
    return (low + high) >> 32;
}

/* Takes the token at `at`, which must be a valid JSON number that ends before or at end, apart;
 * returns its end. */
static inline const char *weir_codec_number_take(const char *at, const char *end,
                                                 struct weir_codec_number_parts *parts)
{
    const char *p = at;
    uint64_t digits = 0;
    parts->is_negative = *p == '-';
    p += parts->is_negative;
    const char *first = p;
    while (p < end && weir_codec_number_is_digit(*p))
        digits = digits * 10 + (uint64_t)(*p++ - '0');
    /* A lone 0 before the point is no significant digit. */
    int64_t n_digits = p - first - (*first == '0');
    int64_t exp10 = 0;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        for (;;) {
            if (WEIR_UNLIKELY(end - p < 8)) {
                while (p < end && weir_codec_number_is_digit(*p))
                    digits = digits * 10 + (uint64_t)(*p++ - '0');
                break;
            }
            uint64_t v = weir_codec_number_load8(p);
            unsigned n = weir_codec_number_n_digits8(v);
            v -= 0x3030303030303030u;
            if (n == 8) {
                digits = digits * 100000000 + weir_codec_number_join8(v);
                p += 8;
                continue;
            }
            if (n > 0) {
                /* Shifting moves the digits to the end and zeros before them. */
                digits = digits * weir_codec_number_exact_u64[n] +
                         weir_codec_number_join8(v << (64 - 8 * n));
                p += n;
            }
            break;
        }
        exp10 = fraction - p;
        n_digits -= exp10;
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        bool is_negative = *p == '-';
        p += *p == '-' || *p == '+';
        int64_t e = 0;
        for (; p < end && weir_codec_number_is_digit(*p); p++)
            e = e < 100000000 ? e * 10 + (*p - '0') : e;
        exp10 += is_negative ? -e : e;
    }
    parts->digits = digits;
    parts->exp10 = exp10;
    parts->has_more = n_digits > WEIR_CODEC_NUMBER_DIGITS_MAX;
    return p;
}

/* Rounds parts to the nearest value; [at, end) is the token, for more than 19 digits. */
double weir_codec_number_round_f64(const struct weir_codec_number_parts *parts, const char *at,
                                   const char *end);
float weir_codec_number_round_f32(const struct weir_codec_number_parts *parts, const char *at,
                                  const char *end);

/* Rounds parts to a value; [at, end) is the token. Clinger 1990: where digits and power are exact,
 * one operation rounds once. */
static inline double weir_codec_number_finish_f64(const struct weir_codec_number_parts *parts,
                                                  const char *at, const char *end)
{
    if (WEIR_UNLIKELY(parts->digits > (uint64_t)1 << 53 || parts->exp10 < -22 ||
                      parts->exp10 > 22 || parts->has_more))
        return weir_codec_number_round_f64(parts, at, end);
    double v = (double)(int64_t)parts->digits;
    v = parts->exp10 <= 0 ? v / weir_codec_number_exact_f64[-parts->exp10]
                          : v * weir_codec_number_exact_f64[parts->exp10];
    return parts->is_negative ? -v : v;
}

/* As above, rounded once to float. */
static inline float weir_codec_number_finish_f32(const struct weir_codec_number_parts *parts,
                                                 const char *at, const char *end)
{
    if (WEIR_UNLIKELY(parts->digits > (uint64_t)1 << 24 || parts->exp10 < -10 ||
                      parts->exp10 > 10 || parts->has_more))
        return weir_codec_number_round_f32(parts, at, end);
    float v = (float)(int64_t)parts->digits;
    v = parts->exp10 <= 0 ? v / weir_codec_number_exact_f32[-parts->exp10]
                          : v * weir_codec_number_exact_f32[parts->exp10];
    return parts->is_negative ? -v : v;
}

#endif

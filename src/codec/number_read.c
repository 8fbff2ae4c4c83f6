/* SPDX-License-Identifier: MIT */
/* Decimal text → binary floating point, correctly rounded.
 *
 * A token is digits · 10^exp10 with up to 19 significant digits in a uint64_t w. Where w and the
 * power are exact in the target type, one operation rounds once (Clinger 1990; inlined in
 * number_priv.h). Else the product of w with the 128-bit power of ten tells the upper bits of the
 * result; Mushtak and Lemire 2023 prove that for w < 2^64 the truncated 128-bit table always
 * decides the rounding. More than 19 digits: the value lies between w and w + 1 times the power,
 * and when both round to the same, that is it; else (about one in 10^3 of such texts at worst)
 * strtod decides on all digits. */
#include "base/macros.h"
#include "codec/number_priv.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const double weir_codec_number_exact_f64[23] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

const float weir_codec_number_exact_f32[11] = {
    1e0F, 1e1F, 1e2F, 1e3F, 1e4F, 1e5F, 1e6F, 1e7F, 1e8F, 1e9F, 1e10F,
};

const uint64_t weir_codec_number_exact_u64[20] = {
    1u,
    10u,
    100u,
    1000u,
    10000u,
    100000u,
    1000000u,
    10000000u,
    100000000u,
    1000000000u,
    10000000000u,
    100000000000u,
    1000000000000u,
    10000000000000u,
    100000000000000u,
    1000000000000000u,
    10000000000000000u,
    100000000000000000u,
    1000000000000000000u,
    10000000000000000000u,
};

__extension__ typedef unsigned __int128 u128;

/* A binary format of IEEE 754 as the algorithm sees it. */
struct shape {
    int mantissa_bits; /* stored ones */
    int exponent_bias; /* −(smallest biased exponent − 1) */
    int exponent_all;  /* the biased exponent of infinity */
    int exp10_min;     /* below: w < 2^64 gives zero */
    int exp10_max;     /* above: any w > 0 gives infinity */
    int tie_exp10_min; /* only within these powers can w · 10^exp10 lie half-way */
    int tie_exp10_max;
};

static const struct shape shape_f64 = {52, 1023, 0x7ff, -342, 308, -4, 23};
static const struct shape shape_f32 = {23, 127, 0xff, -64, 38, -17, 10};

/* Multiplies w (top bit set) with the power of ten; the upper 128 bits, exact enough that the bits
 * of interest and one more are right. The table holds truncated powers, the proof wants 10^−27 …
 * 10^−1 rounded up. */
static inline u128 scale(uint64_t w, int exp10, int n_bits)
{
    const uint64_t *power = weir_codec_number_powers[exp10 - WEIR_CODEC_NUMBER_EXP10_MIN];
    u128 product = (u128)w * power[0];
    uint64_t unsure = UINT64_MAX >> n_bits;
    if (((uint64_t)(product >> 64) & unsure) == unsure) {
        uint64_t low = power[1] + (exp10 < 0 && exp10 >= -27);
        product += (uint64_t)((u128)w * low >> 64);
    }
    return product;
}

/* Rounds w · 10^exp10 to the bits of the shape, without sign. */
static inline uint64_t round_bits(uint64_t w, int64_t exp10, const struct shape s)
{
    uint64_t infinity = (uint64_t)s.exponent_all << s.mantissa_bits;
    if (w == 0 || exp10 < s.exp10_min)
        return 0;
    if (exp10 > s.exp10_max)
        return infinity;
    int e = (int)exp10;
    int n_zeros = __builtin_clzll(w);
    /* Two bits more than the mantissa with its hidden bit: one for rounding, one because the
     * product may begin with a zero. */
    u128 product = scale(w << n_zeros, e, s.mantissa_bits + 3);
    uint64_t high = (uint64_t)(product >> 64);
    int has_top = (int)(high >> 63);
    int shift = has_top + 64 - s.mantissa_bits - 3;
    uint64_t m = high >> shift;
    /* ⌊e · log2(10)⌋ + 63 by a fixed-point multiplication, exact in this range. */
    int exp2 = ((217706 * e) >> 16) + 63 + has_top - n_zeros + s.exponent_bias;
    if (exp2 <= 0) {
        if (1 - exp2 >= 64)
            return 0;
        /* Subnormal: no hidden bit. A carry into it makes the smallest normal number by itself. */
        m >>= 1 - exp2;
        m += m & 1;
        return m >> 1;
    }
    /* Exactly half-way and the bit before is even: do not round up. */
    if ((uint64_t)product <= 1 && e >= s.tie_exp10_min && e <= s.tie_exp10_max && (m & 3) == 1 &&
        m << shift == high)
        m &= ~(uint64_t)1;
    m += m & 1;
    m >>= 1;
    if (m >= (uint64_t)2 << s.mantissa_bits) {
        m = (uint64_t)1 << s.mantissa_bits;
        exp2++;
    }
    if (exp2 >= s.exponent_all)
        return infinity;
    m &= ~((uint64_t)1 << s.mantissa_bits);
    return (uint64_t)exp2 << s.mantissa_bits | m;
}

/* Reads what follows the "e" of a token, saturating far outside every format. */
static int64_t exponent_of(const char *p, const char *end)
{
    bool is_negative = *p == '-';
    p += *p == '-' || *p == '+';
    int64_t e = 0;
    for (; p < end; p++)
        e = e < 100000000 ? e * 10 + (*p - '0') : e;
    return is_negative ? -e : e;
}

/* The first 19 significant digits of a token. */
struct head {
    uint64_t digits;
    int64_t exp10;
    bool has_rest; /* some digit after them is not 0 */
};

static struct head head_of(const char *at, const char *end)
{
    struct head h = {0};
    int n = 0;
    bool is_after_point = false;
    const char *p = at + (*at == '-');
    for (; p < end && (*p | 0x20) != 'e'; p++) {
        if (*p == '.') {
            is_after_point = true;
        } else if (n < WEIR_CODEC_NUMBER_DIGITS_MAX) {
            h.digits = h.digits * 10 + (uint64_t)(*p - '0');
            n += h.digits != 0;
            h.exp10 -= is_after_point;
        } else {
            h.has_rest |= *p != '0';
            h.exp10 += !is_after_point;
        }
    }
    if (p < end)
        h.exp10 += exponent_of(p + 1, end);
    return h;
}

/* No half-way point between two doubles has more than 768 significant digits: after so many, any
 * rest acts as one more digit. */
enum { DIGITS_THAT_MATTER = 780, TEXT_BYTES = DIGITS_THAT_MATTER + 40 };

/* Rewrites a token of more than 19 significant digits without its sign, as digits and an exponent,
 * in bounded space. */
static void shorten(const char *at, const char *end, char out[TEXT_BYTES])
{
    size_t n = 0;
    bool has_rest = false;
    for (const char *p = at + (*at == '-'); p < end && (*p | 0x20) != 'e'; p++) {
        if (*p == '.' || (n == 0 && *p == '0'))
            continue;
        if (n < DIGITS_THAT_MATTER)
            out[n++] = *p;
        else
            has_rest |= *p != '0';
    }
    if (has_rest)
        out[n++] = '1';
    /* head_of counts the exponent behind the 19th digit. */
    int64_t exp10 = head_of(at, end).exp10 - ((int64_t)n - WEIR_CODEC_NUMBER_DIGITS_MAX);
    (void)snprintf(out + n, TEXT_BYTES - n, "e%lld", (long long)exp10);
}

static locale_t c_locale(void)
{
    /* glibc gives its static object for this one; nothing is allocated. */
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static double round_f64_by_strtod(const char *at, const char *end)
{
    char text[TEXT_BYTES];
    shorten(at, end, text);
    return strtod_l(text, NULL, c_locale());
}

static float round_f32_by_strtod(const char *at, const char *end)
{
    char text[TEXT_BYTES];
    shorten(at, end, text);
    return strtof_l(text, NULL, c_locale());
}

static double f64_of(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static float f32_of(uint64_t bits)
{
    float v;
    uint32_t narrow = (uint32_t)bits;
    memcpy(&v, &narrow, sizeof v);
    return v;
}

double weir_codec_number_round_f64(const struct weir_codec_number_parts *parts, const char *at,
                                   const char *end)
{
    double v;
    if (WEIR_LIKELY(!parts->has_more)) {
        v = f64_of(round_bits(parts->digits, parts->exp10, shape_f64));
    } else {
        struct head h = head_of(at, end);
        uint64_t low = round_bits(h.digits, h.exp10, shape_f64);
        if (!h.has_rest || low == round_bits(h.digits + 1, h.exp10, shape_f64))
            v = f64_of(low);
        else
            v = round_f64_by_strtod(at, end);
    }
    return parts->is_negative ? -v : v;
}

float weir_codec_number_round_f32(const struct weir_codec_number_parts *parts, const char *at,
                                  const char *end)
{
    float v;
    if (WEIR_LIKELY(!parts->has_more)) {
        v = f32_of(round_bits(parts->digits, parts->exp10, shape_f32));
    } else {
        struct head h = head_of(at, end);
        uint64_t low = round_bits(h.digits, h.exp10, shape_f32);
        if (!h.has_rest || low == round_bits(h.digits + 1, h.exp10, shape_f32))
            v = f32_of(low);
        else
            v = round_f32_by_strtod(at, end);
    }
    return parts->is_negative ? -v : v;
}

size_t weir_codec_number_span(struct weir_str s)
{
    const char *p = s.at;
    const char *end = s.at + s.n;
    if (s.n == 0)
        return 0;
    p += *p == '-';
    if (p == end || !weir_codec_number_is_digit(*p))
        return 0;
    if (*p == '0') {
        p++;
    } else {
        while (p < end && weir_codec_number_is_digit(*p))
            p++;
    }
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        while (p < end && weir_codec_number_is_digit(*p))
            p++;
        if (p == fraction)
            return 0;
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        p += p < end && (*p == '-' || *p == '+');
        const char *digits = p;
        while (p < end && weir_codec_number_is_digit(*p))
            p++;
        if (p == digits)
            return 0;
    }
    return (size_t)(p - s.at);
}

bool weir_codec_number_read_f64(struct weir_str s, double *out)
{
    weir_assert(out);
    if (s.n == 0 || weir_codec_number_span(s) != s.n)
        return false;
    struct weir_codec_number_parts parts;
    const char *end = weir_codec_number_take(s.at, s.at + s.n, &parts);
    *out = weir_codec_number_finish_f64(&parts, s.at, end);
    return true;
}

bool weir_codec_number_read_f32(struct weir_str s, float *out)
{
    weir_assert(out);
    if (s.n == 0 || weir_codec_number_span(s) != s.n)
        return false;
    struct weir_codec_number_parts parts;
    const char *end = weir_codec_number_take(s.at, s.at + s.n, &parts);
    *out = weir_codec_number_finish_f32(&parts, s.at, end);
    return true;
}

bool weir_codec_number_read_nonfinite(struct weir_str s, double *out)
{
    weir_assert(out);
    if (weir_str_eq_c(s, "NaN"))
        *out = (double)NAN;
    else if (weir_str_eq_c(s, "Infinity") || weir_str_eq_c(s, "Inf"))
        *out = (double)INFINITY;
    else if (weir_str_eq_c(s, "-Infinity") || weir_str_eq_c(s, "-Inf"))
        *out = -(double)INFINITY;
    else
        return false;
    return true;
}

/* Reads a token as sign and whole magnitude. The digits are cut after the last one that is not 0;
 * what is left is whole if and only if its exponent is not negative. */
static enum weir_codec_number_int read_whole(struct weir_str s, bool *is_negative,
                                             uint64_t *magnitude)
{
    weir_assert(s.n > 0);
    const char *end = s.at + s.n;
    const char *first = s.at + (*s.at == '-');
    const char *last = NULL;  /* the last digit that is not 0 */
    const char *point = NULL; /* where the integer part ends */
    const char *p = first;
    for (; p < end && (*p | 0x20) != 'e'; p++) {
        if (*p == '.')
            point = p;
        else if (*p != '0')
            last = p;
    }
    if (!point)
        point = p;
    *is_negative = first != s.at;
    *magnitude = 0;
    if (!last)
        return WEIR_CODEC_NUMBER_INT_OK;
    int64_t exp10 = last < point ? point - last - 1 : point - last;
    exp10 += p < end ? exponent_of(p + 1, end) : 0;
    if (exp10 < 0)
        return WEIR_CODEC_NUMBER_INT_FRACTION;
    uint64_t w = 0;
    for (p = first; p <= last; p++) {
        if (*p != '.' && (__builtin_mul_overflow(w, (uint64_t)10, &w) ||
                          __builtin_add_overflow(w, (uint64_t)(*p - '0'), &w)))
            return WEIR_CODEC_NUMBER_INT_RANGE;
    }
    for (; exp10 > 0; exp10--) {
        if (__builtin_mul_overflow(w, (uint64_t)10, &w))
            return WEIR_CODEC_NUMBER_INT_RANGE;
    }
    *magnitude = w;
    return WEIR_CODEC_NUMBER_INT_OK;
}

enum weir_codec_number_int weir_codec_number_read_i64(struct weir_str s, int64_t *out)
{
    weir_assert(out);
    bool is_negative = false;
    uint64_t w = 0;
    enum weir_codec_number_int r = read_whole(s, &is_negative, &w);
    if (r != WEIR_CODEC_NUMBER_INT_OK)
        return r;
    if (w > (uint64_t)INT64_MAX + is_negative)
        return WEIR_CODEC_NUMBER_INT_RANGE;
    *out = is_negative ? (int64_t)(0 - w) : (int64_t)w;
    return WEIR_CODEC_NUMBER_INT_OK;
}

enum weir_codec_number_int weir_codec_number_read_u64(struct weir_str s, uint64_t *out)
{
    weir_assert(out);
    bool is_negative = false;
    uint64_t w = 0;
    enum weir_codec_number_int r = read_whole(s, &is_negative, &w);
    if (r != WEIR_CODEC_NUMBER_INT_OK)
        return r;
    if (is_negative && w != 0)
        return WEIR_CODEC_NUMBER_INT_RANGE;
    *out = w;
    return WEIR_CODEC_NUMBER_INT_OK;
}

/* SPDX-License-Identifier: MIT */
/* Binary floating point → the shortest decimal text that reads back to it.
 *
 * Giulietti 2021, "The Schubfach way to render doubles": the numbers that round to v = c · 2^q form
 * an interval around it. With k = ⌊log10(width of the interval)⌋ it holds at least one multiple of
 * 10^k and at most one of 10^(k+1). So only four candidates exist; comparing them with the
 * interval's ends, scaled by 4 · 10^−k and rounded to odd, decides. The 128-bit powers of ten are
 * the reader's table, here rounded up. Whole numbers below 2^53 (2^24) are printed as integers at
 * once. */
#include "base/macros.h"
#include "codec/number_priv.h"

#include <math.h>

__extension__ typedef unsigned __int128 u128;

/* digits · 10^exp10 */
struct decimal {
    uint64_t digits;
    int exp10;
};

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

/* ⌊log10(2^e)⌋, ⌊log10(3/4 · 2^e)⌋ and ⌊log2(10^e)⌋ by fixed-point multiplication, exact for the
 * exponents of doubles. */
static inline int log10_pow2(int e)
{
    return (e * 1262611) >> 22;
}

static inline int log10_three_quarters_pow2(int e)
{
    return (e * 1262611 - 524031) >> 22;
}

static inline int log2_pow10(int e)
{
    return (e * 1741647) >> 19;
}

/* Scales c by the 128-bit power, keeping 64 bits; the last is set where anything was cut off. */
static inline uint64_t round_to_odd_f64(u128 power, uint64_t c)
{
    uint64_t low = (uint64_t)((u128)(uint64_t)power * c >> 64);
    u128 sum = (u128)(uint64_t)(power >> 64) * c + low;
    return (uint64_t)(sum >> 64) | ((uint64_t)sum > 1);
}

static inline uint64_t round_to_odd_f32(uint64_t power, uint32_t c)
{
    u128 product = (u128)power * c;
    return (uint64_t)(product >> 64) | ((uint32_t)(product >> 32) > 1);
}

/* Chooses among the candidates. low, middle and high are the scaled ends and value (times 4);
 * is_even: the ends themselves round to the value. */
static inline struct decimal choose(uint64_t low, uint64_t middle, uint64_t high, bool is_even,
                                    int k)
{
    low += !is_even;
    high -= !is_even;
    uint64_t s = middle / 4;
    if (s >= 10) {
        uint64_t tens = s / 10;
        bool is_down_inside = low <= 40 * tens;
        bool is_up_inside = 40 * tens + 40 <= high;
        if (is_down_inside != is_up_inside)
            return (struct decimal){tens + is_up_inside, k + 1};
    }
    bool is_down_inside = low <= 4 * s;
    bool is_up_inside = 4 * s + 4 <= high;
    if (is_down_inside != is_up_inside)
        return (struct decimal){s + is_up_inside, k};
    uint64_t half = 4 * s + 2;
    bool goes_up = middle > half || (middle == half && (s & 1));
    return (struct decimal){s + goes_up, k};
}

static struct decimal shortest_f64(uint64_t fraction, int exponent)
{
    uint64_t c = exponent ? fraction | (uint64_t)1 << 52 : fraction;
    int q = (exponent ? exponent : 1) - 1075;
    /* At a power of two the next smaller number is only half as far away. */
    bool is_lower_closer = fraction == 0 && exponent > 1;
    int k = is_lower_closer ? log10_three_quarters_pow2(q) : log10_pow2(q);
    int shift = q + log2_pow10(-k) + 1;
    const uint64_t *row = weir_codec_number_powers[-k - WEIR_CODEC_NUMBER_EXP10_MIN];
    u128 power = ((u128)row[0] << 64 | row[1]) + (k > 0 || k < -55);
    uint64_t low = round_to_odd_f64(power, (4 * c - 2 + is_lower_closer) << shift);
    uint64_t middle = round_to_odd_f64(power, (4 * c) << shift);
    uint64_t high = round_to_odd_f64(power, (4 * c + 2) << shift);
    return choose(low, middle, high, c % 2 == 0, k);
}

static struct decimal shortest_f32(uint32_t fraction, int exponent)
{
    uint32_t c = exponent ? fraction | (uint32_t)1 << 23 : fraction;
    int q = (exponent ? exponent : 1) - 150;
    bool is_lower_closer = fraction == 0 && exponent > 1;
    int k = is_lower_closer ? log10_three_quarters_pow2(q) : log10_pow2(q);
    int shift = q + log2_pow10(-k) + 1;
    /* 64 bits of the power are enough; 10^27 is the last that fits them exactly. */
    uint64_t power =
        weir_codec_number_powers[-k - WEIR_CODEC_NUMBER_EXP10_MIN][0] + (k > 0 || k < -27);
    uint64_t low = round_to_odd_f32(power, (4 * c - 2 + is_lower_closer) << shift);
    uint64_t middle = round_to_odd_f32(power, (4 * c) << shift);
    uint64_t high = round_to_odd_f32(power, (4 * c + 2) << shift);
    return choose(low, middle, high, c % 2 == 0, k);
}

static inline int n_digits_of(uint64_t v)
{
    /* 1233 / 4096 is log10(2); one comparison mends the estimate. */
    int estimate = (64 - __builtin_clzll(v | 1)) * 1233 >> 12;
    return estimate + (v >= weir_codec_number_exact_u64[estimate] || v == 0);
}

/* Writes exactly n decimal digits of v. */
static inline void write_digits(char *out, uint64_t v, int n)
{
    char *p = out + n;
    while (v >= 100) {
        p -= 2;
        memcpy(p, pairs + v % 100 * 2, 2);
        v /= 100;
    }
    if (v >= 10)
        memcpy(p - 2, pairs + v * 2, 2);
    else
        p[-1] = (char)('0' + v);
}

size_t weir_codec_number_print_u64(char *out, uint64_t v)
{
    int n = n_digits_of(v);
    write_digits(out, v, n);
    return (size_t)n;
}

size_t weir_codec_number_print_i64(char *out, int64_t v)
{
    if (v >= 0)
        return weir_codec_number_print_u64(out, (uint64_t)v);
    *out = '-';
    return 1 + weir_codec_number_print_u64(out + 1, 0 - (uint64_t)v);
}

static size_t write_exponent(char *out, int e)
{
    char *p = out;
    *p++ = 'e';
    *p++ = e < 0 ? '-' : '+';
    unsigned v = (unsigned)(e < 0 ? -e : e);
    if (v >= 100) {
        *p++ = (char)('0' + v / 100);
        v %= 100;
    }
    memcpy(p, pairs + (size_t)v * 2, 2);
    return (size_t)(p + 2 - out);
}

/* Lays digits out as Python's repr does: an exponent below 10^−4 and from 10^16 on. */
static size_t write_decimal(char *out, struct decimal d)
{
    while (d.digits % 10 == 0) {
        d.digits /= 10;
        d.exp10++;
    }
    int n = n_digits_of(d.digits);
    int point = n + d.exp10; /* digits before the point; value = 0.digits · 10^point */
    if (point > 16 || point < -3) {
        /* d.ddde±xx: write the digits one place to the right, then move the first one. */
        write_digits(out + 1, d.digits, n);
        out[0] = out[1];
        out[1] = '.';
        size_t used = n == 1 ? 1 : (size_t)n + 1;
        return used + write_exponent(out + used, point - 1);
    }
    if (point <= 0) {
        memcpy(out, "0.0000", 6);
        write_digits(out + 2 - point, d.digits, n);
        return (size_t)(2 - point + n);
    }
    if (point >= n) {
        write_digits(out, d.digits, n);
        memset(out + n, '0', (size_t)(point - n));
        memcpy(out + point, ".0", 2);
        return (size_t)point + 2;
    }
    write_digits(out + 1, d.digits, n);
    memmove(out, out + 1, (size_t)point);
    out[point] = '.';
    return (size_t)n + 1;
}

/* Writes a whole number below 10^16. */
static size_t write_whole(char *out, uint64_t v)
{
    size_t n = weir_codec_number_print_u64(out, v);
    memcpy(out + n, ".0", 2);
    return n + 2;
}

size_t weir_codec_number_print_f64(char *out, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    size_t n_sign = bits >> 63;
    *out = '-';
    uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
    int exponent = (int)(bits >> 52 & 0x7ff);
    weir_assert(exponent != 0x7ff);
    double magnitude = fabs(v);
    if (magnitude < 9007199254740992.0) {
        uint64_t whole = (uint64_t)magnitude;
        if ((double)whole == magnitude)
            return n_sign + write_whole(out + n_sign, whole);
    }
    return n_sign + write_decimal(out + n_sign, shortest_f64(fraction, exponent));
}

size_t weir_codec_number_print_f32(char *out, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    size_t n_sign = bits >> 31;
    *out = '-';
    uint32_t fraction = bits & (((uint32_t)1 << 23) - 1);
    int exponent = (int)(bits >> 23 & 0xff);
    weir_assert(exponent != 0xff);
    float magnitude = fabsf(v);
    if (magnitude < 16777216.0F) {
        uint32_t whole = (uint32_t)magnitude;
        if ((float)whole == magnitude)
            return n_sign + write_whole(out + n_sign, whole);
    }
    return n_sign + write_decimal(out + n_sign, shortest_f32(fraction, exponent));
}

static void append_nonfinite(struct weir_buf *buf, double v,
                             enum weir_codec_number_nonfinite nonfinite)
{
    if (nonfinite == WEIR_CODEC_NUMBER_NONFINITE_NULL)
        weir_buf_append_c(buf, "null");
    else
        weir_buf_append_c(buf, isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
}

void weir_codec_number_append_f64(struct weir_buf *buf, double v,
                                  enum weir_codec_number_nonfinite nonfinite)
{
    if (WEIR_UNLIKELY(!isfinite(v))) {
        append_nonfinite(buf, v, nonfinite);
        return;
    }
    if (weir_buf_reserve(buf, WEIR_CODEC_NUMBER_BYTES_MAX) == WEIR_OK)
        buf->n += weir_codec_number_print_f64(buf->at + buf->n, v);
}

void weir_codec_number_append_f32(struct weir_buf *buf, float v,
                                  enum weir_codec_number_nonfinite nonfinite)
{
    if (WEIR_UNLIKELY(!isfinite(v))) {
        append_nonfinite(buf, (double)v, nonfinite);
        return;
    }
    if (weir_buf_reserve(buf, WEIR_CODEC_NUMBER_BYTES_MAX) == WEIR_OK)
        buf->n += weir_codec_number_print_f32(buf->at + buf->n, v);
}

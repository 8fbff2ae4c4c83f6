/* SPDX-License-Identifier: MIT */
/* Numbers into rows: the hot loop of every request.
 *
 * The scanner has proved the grammar, so a number is taken apart without looking at its form again.
 * Plain numbers with commas between are split 64 bytes at a time (json_block_priv.h); what is left
 * of them, and everything with an exponent or unusual spaces, goes one by one (number_priv.h). One
 * loop for each element type, so that nothing is decided inside. */
#include "codec/json_rows.h"

#include "base/macros.h"
#include "codec/json_block_priv.h"
#include "codec/json_priv.h"
#include "codec/number_priv.h"

#include <float.h>
#include <math.h>

/* A number taken apart, and its token. */
struct piece {
    struct weir_codec_number_parts parts;
    const char *at, *end;
};

/* What the wide loads of a block may touch behind it, and the numbers that fit into one. */
enum { BLOCK_SLACK = 16, BLOCK_NUMBERS_MAX = WEIR_CODEC_JSON_BLOCK_BYTES / 2 };

/* True for the first byte of a number, and of -Infinity. */
static inline bool is_number_start(char c)
{
    return weir_codec_number_is_digit(c) || c == '-';
}

/* Steps over ',' and what is white around it; the common "," alone is one comparison each. */
static inline const char *next_element(const char *p)
{
    if (WEIR_LIKELY(*p == ',')) {
        p++;
        return WEIR_LIKELY((unsigned char)*p > ' ') ? p : weir_codec_json_space(p);
    }
    return weir_codec_json_after(p);
}

#if WEIR_CODEC_JSON_HAS_BLOCKS

/* Joins the n digits (at least 1) at p onto w, loading 8 bytes at a time. */
static inline uint64_t join_digits(uint64_t w, const char *p, unsigned n)
{
    for (; n > 8; n -= 8, p += 8) {
        uint64_t v = weir_codec_number_load8(p) - 0x3030303030303030u;
        w = w * 100000000 + weir_codec_number_join8(v);
    }
    uint64_t v = weir_codec_number_load8(p) - 0x3030303030303030u;
    return w * weir_codec_number_exact_u64[n] + weir_codec_number_join8(v << (64 - 8 * n));
}

/* Joins n_whole and n_fraction digits, at least 1 each and 8 in all: moved together they are joined
 * at once. */
static inline uint64_t join_short(const char *whole, unsigned n_whole, const char *fraction,
                                  unsigned n_fraction)
{
    uint64_t w = weir_codec_number_load8(whole) - 0x3030303030303030u;
    uint64_t f = weir_codec_number_load8(fraction) - 0x3030303030303030u;
    uint64_t high = w << (64 - 8 * n_whole) >> 8 * n_fraction;
    return weir_codec_number_join8(high | f << (64 - 8 * n_fraction));
}

/* Takes the plain numbers at `at` apart that a comma within the block follows, n_max at most. No
 * number waits for the one before it: the masks know all ends. */
static inline size_t split_block(const char *at, size_t n_max, struct piece *pieces)
{
    struct weir_codec_json_block b = weir_codec_json_block_load(at);
    uint64_t commas = b.commas & weir_codec_json_block_plain(&b);
    uint64_t points = b.points;
    unsigned start = 0;
    size_t n = 0;
    for (; commas && n < n_max; commas &= commas - 1, n++) {
        unsigned end = (unsigned)__builtin_ctzll(commas);
        unsigned point = points ? (unsigned)__builtin_ctzll(points) : end;
        start += at[start] == ' ';
        unsigned first = start + (at[start] == '-');
        unsigned whole_end = point < end ? point : end;
        unsigned n_whole = whole_end - first;
        unsigned n_fraction = 0;
        uint64_t w;
        if (WEIR_LIKELY(point < end)) {
            points &= points - 1;
            n_fraction = end - point - 1;
            w = n_whole + n_fraction <= 8
                    ? join_short(at + first, n_whole, at + point + 1, n_fraction)
                    : join_digits(join_digits(0, at + first, n_whole), at + point + 1, n_fraction);
        } else {
            w = join_digits(0, at + first, n_whole);
        }
        pieces[n].parts = (struct weir_codec_number_parts){
            .digits = w,
            .exp10 = -(int64_t)n_fraction,
            .is_negative = first != start,
            .has_more = n_whole + n_fraction - (at[first] == '0') > WEIR_CODEC_NUMBER_DIGITS_MAX,
        };
        pieces[n].at = at + start;
        pieces[n].end = at + end;
        start = end + 1;
    }
    return n;
}

#else

static inline size_t split_block(const char *at, size_t n_max, struct piece *pieces)
{
    (void)at;
    (void)n_max;
    (void)pieces;
    return 0;
}

#endif

static inline double f64_of(const struct piece *piece)
{
    return weir_codec_number_finish_f64(&piece->parts, piece->at, piece->end);
}

static inline float f32_of(const struct piece *piece)
{
    return weir_codec_number_finish_f32(&piece->parts, piece->at, piece->end);
}

/* The loop for one element type. finish turns a piece into a value. */
#define READ_LOOP(type, finish, is_finite)                                          \
    char *to = out;                                                                 \
    size_t n = 0;                                                                   \
    while (n < n_max && is_number_start(*at)) {                                     \
        struct piece pieces[BLOCK_NUMBERS_MAX];                                     \
        size_t n_pieces = 0;                                                        \
        if (n_max - n > 1 && end - at >= WEIR_CODEC_JSON_BLOCK_BYTES + BLOCK_SLACK) \
            n_pieces = split_block(at, n_max - n, pieces);                          \
        if (n_pieces == 0) {                                                        \
            if (WEIR_UNLIKELY(at[0] == '-' && at[1] == 'I'))                        \
                break;                                                              \
            pieces[0].at = at;                                                      \
            pieces[0].end = weir_codec_number_take(at, end, &pieces[0].parts);      \
            n_pieces = 1;                                                           \
        }                                                                           \
        for (size_t i = 0; i < n_pieces; i++) {                                     \
            type v = finish(&pieces[i]);                                            \
            if (WEIR_UNLIKELY(!(is_finite))) {                                      \
                *n_read = n;                                                        \
                return pieces[i].at;                                                \
            }                                                                       \
            memcpy(to, &v, sizeof v);                                               \
            to += stride;                                                           \
            n++;                                                                    \
        }                                                                           \
        at = next_element(pieces[n_pieces - 1].end);                                \
    }                                                                               \
    *n_read = n;                                                                    \
    return at

static const char *read_f64(const char *at, const char *end, void *out, size_t stride, size_t n_max,
                            size_t *n_read)
{
    READ_LOOP(double, f64_of, fabs(v) <= DBL_MAX);
}

static const char *read_f32(const char *at, const char *end, void *out, size_t stride, size_t n_max,
                            size_t *n_read)
{
    READ_LOOP(float, f32_of, fabsf(v) <= FLT_MAX);
}

static const char *read_f32_by_f64(const char *at, const char *end, void *out, size_t stride,
                                   size_t n_max, size_t *n_read)
{
    READ_LOOP(float, (float)f64_of, fabsf(v) <= FLT_MAX);
}

static const char *read_f64_by_f32(const char *at, const char *end, void *out, size_t stride,
                                   size_t n_max, size_t *n_read)
{
    READ_LOOP(double, (double)f32_of, fabs(v) <= DBL_MAX);
}

const char *weir_codec_json_rows_read(const struct weir_codec_json *json, const char *at,
                                      enum weir_codec_json_element element, void *out,
                                      size_t stride, size_t n_max, size_t *n_read)
{
    weir_debug_assert(json->root);
    switch (element) {
    case WEIR_CODEC_JSON_F64:
        return read_f64(at, json->end, out, stride, n_max, n_read);
    case WEIR_CODEC_JSON_F32:
        return read_f32(at, json->end, out, stride, n_max, n_read);
    case WEIR_CODEC_JSON_F32_BY_F64:
        return read_f32_by_f64(at, json->end, out, stride, n_max, n_read);
    case WEIR_CODEC_JSON_F64_BY_F32:
        return read_f64_by_f32(at, json->end, out, stride, n_max, n_read);
    }
    return at;
}

const char *weir_codec_json_rows_after(const char *end)
{
    return weir_codec_json_after(end);
}

const char *weir_codec_json_rows_first(const char *array)
{
    return weir_codec_json_space(array + 1);
}

const char *weir_codec_json_rows_member(struct weir_str name)
{
    const char *colon = weir_codec_json_space(name.at + name.n + 1);
    return weir_codec_json_space(colon + 1);
}

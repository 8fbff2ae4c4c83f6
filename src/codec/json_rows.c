/* SPDX-License-Identifier: MIT */
/* Numbers into rows: the hot loop of every request.
 *
 * The scanner has proved the grammar, so a number is taken apart without looking at its form again
 * (number_priv.h). One loop for each element type, so that nothing is decided inside. */
#include "codec/json_rows.h"

#include "base/macros.h"
#include "codec/json_priv.h"
#include "codec/number_priv.h"

#include <float.h>
#include <math.h>

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

#define READ_LOOP(type, take, is_finite)                 \
    char *to = out;                                      \
    size_t n = 0;                                        \
    while (n < n_max && is_number_start(*at)) {          \
        if (WEIR_UNLIKELY(at[0] == '-' && at[1] == 'I')) \
            break;                                       \
        type v;                                          \
        const char *p = take(at, end, &v);               \
        if (WEIR_UNLIKELY(!(is_finite)))                 \
            break;                                       \
        memcpy(to, &v, sizeof v);                        \
        to += stride;                                    \
        n++;                                             \
        at = next_element(p);                            \
    }                                                    \
    *n_read = n;                                         \
    return at

static const char *read_f64(const char *at, const char *end, void *out, size_t stride, size_t n_max,
                            size_t *n_read)
{
    READ_LOOP(double, weir_codec_number_take_f64, fabs(v) <= DBL_MAX);
}

static const char *read_f32(const char *at, const char *end, void *out, size_t stride, size_t n_max,
                            size_t *n_read)
{
    READ_LOOP(float, weir_codec_number_take_f32, fabsf(v) <= FLT_MAX);
}

static inline const char *take_f32_by_f64(const char *at, const char *end, float *out)
{
    double v;
    const char *p = weir_codec_number_take_f64(at, end, &v);
    *out = (float)v;
    return p;
}

static const char *read_f32_by_f64(const char *at, const char *end, void *out, size_t stride,
                                   size_t n_max, size_t *n_read)
{
    READ_LOOP(float, take_f32_by_f64, fabsf(v) <= FLT_MAX);
}

static inline const char *take_f64_by_f32(const char *at, const char *end, double *out)
{
    float v;
    const char *p = weir_codec_number_take_f32(at, end, &v);
    *out = (double)v;
    return p;
}

static const char *read_f64_by_f32(const char *at, const char *end, void *out, size_t stride,
                                   size_t n_max, size_t *n_read)
{
    READ_LOOP(double, take_f64_by_f32, fabs(v) <= DBL_MAX);
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

/* SPDX-License-Identifier: MIT */
/* Binary elements into the inputs of models of tensors.
 *
 * Elements of the model's own type are copied. Others are converted one by one, if nothing is lost
 * but digits of a float. */
#include "codec/half.h"
#include "protocol/raw.h"

#include <math.h>
#include <string.h>

/* Any number that an element can be. */
struct number {
    bool is_float;
    bool is_negative; /* whole: i is it; else u is */
    union {
        double f;
        int64_t i;
        uint64_t u;
    };
};

static bool is_float(enum weir_dtype dtype)
{
    return dtype == WEIR_F32 || dtype == WEIR_F64 || dtype == WEIR_F16 || dtype == WEIR_BF16;
}

static bool is_signed(enum weir_dtype dtype)
{
    return dtype == WEIR_I8 || dtype == WEIR_I16 || dtype == WEIR_I32 || dtype == WEIR_I64;
}

static double read_float(const char *at, enum weir_dtype dtype)
{
    double wide;
    float narrow;
    uint16_t half;
    if (dtype == WEIR_F64) {
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
    if (dtype == WEIR_F32) {
        memcpy(&narrow, at, sizeof narrow);
        return (double)narrow;
    }
    memcpy(&half, at, sizeof half);
    return (double)(dtype == WEIR_F16 ? weir_codec_half_value(half)
                                      : weir_codec_half_brain_value(half));
}

static struct number read_number(const char *at, enum weir_dtype dtype)
{
    if (is_float(dtype))
        return (struct number){.is_float = true, .f = read_float(at, dtype)};
    size_t size = weir_dtype_size(dtype);
    uint64_t u = 0;
    memcpy(&u, at, size);
    if (dtype == WEIR_BOOL)
        return (struct number){.u = u != 0};
    if (!is_signed(dtype))
        return (struct number){.u = u};
    int64_t i = (int64_t)(u << (64 - 8 * size)) >> (64 - 8 * size);
    return i < 0 ? (struct number){.is_negative = true, .i = i} : (struct number){.u = u};
}

/* Writes a number as a float; false: it is finite and too large. */
static bool write_float(struct number v, enum weir_dtype dtype, char *to)
{
    double wide = v.is_float ? v.f : v.is_negative ? (double)v.i : (double)v.u;
    float narrow = v.is_float      ? (float)v.f /* one rounding */
                   : v.is_negative ? (float)v.i
                                   : (float)v.u;
    uint16_t half = 0;
    bool fits = true;
    if (dtype == WEIR_F64) {
        memcpy(to, &wide, sizeof wide);
        return true;
    }
    if (dtype == WEIR_F32) {
        memcpy(to, &narrow, sizeof narrow);
        return !isinf(narrow) || isinf(wide);
    }
    if (dtype == WEIR_F16) {
        half = weir_codec_half_of(wide);
        fits = (half & 0x7fff) != 0x7c00 || isinf(wide);
    } else {
        half = weir_codec_half_brain_of(wide);
        fits = (half & 0x7fff) != 0x7f80 || isinf(wide);
    }
    memcpy(to, &half, sizeof half);
    return fits;
}

/* Writes a number as a whole one; false: it has a fraction, or is out of range. */
static bool write_whole(struct number v, enum weir_dtype dtype, char *to)
{
    size_t size = weir_dtype_size(dtype);
    unsigned bits = dtype == WEIR_BOOL ? 1 : (unsigned)size * 8;
    if (v.is_float) {
        if (!(v.f >= -0x1p63 && v.f < 0x1p64) || v.f != trunc(v.f))
            return false;
        v = v.f < 0 ? (struct number){.is_negative = true, .i = (int64_t)v.f}
                    : (struct number){.u = (uint64_t)v.f};
    }
    unsigned magnitude_bits = is_signed(dtype) ? bits - 1 : bits;
    bool fits = v.is_negative
                    ? is_signed(dtype) && ((uint64_t)~v.i >> (magnitude_bits - 1)) >> 1 == 0
                    : (v.u >> (magnitude_bits - 1)) >> 1 == 0;
    if (fits)
        memcpy(to, &v.u, size);
    return fits;
}

static bool fail(const struct weir_protocol_raw *raw, uint64_t i, enum weir_dtype dtype,
                 struct weir_error *err)
{
    struct number v = read_number(raw->bytes.at + i * weir_dtype_size(raw->dtype), raw->dtype);
    char text[WEIR_CODEC_NUMBER_BYTES_MAX + 1];
    struct weir_buf shown = WEIR_BUF_INIT;
    if (v.is_float)
        weir_codec_number_append_f64(&shown, v.f, WEIR_CODEC_NUMBER_NONFINITE_TOKEN);
    else if (v.is_negative)
        weir_buf_append_i64(&shown, v.i);
    else
        weir_buf_append_u64(&shown, v.u);
    size_t n = weir_min_size(shown.n, sizeof text - 1);
    if (n > 0)
        memcpy(text, shown.at, n);
    text[n] = 0;
    weir_buf_deinit(&shown);
    (void)weir_error_set(err, WEIR_ERR_INVALID, "%s: element %llu: %s is no value of %s",
                         raw->place, (unsigned long long)(raw->first + i), text,
                         weir_dtype_name(dtype));
    return false;
}

static bool fill_texts(struct weir_sink *sink, const struct weir_protocol_raw *raw, char *to)
{
    struct weir_str rest = raw->bytes;
    for (uint64_t i = 0; i < raw->n_items; i++) {
        struct weir_str text;
        bool is_there = weir_protocol_raw_take_text(raw, &rest, &text);
        weir_assert(is_there); /* It was looked at before. */
        struct weir_cell_text *kept = weir_sink_take_text(sink, text.n);
        weir_assert(kept); /* The room was reserved for all of them. */
        if (text.n > 0)
            memcpy(kept->at, text.at, text.n);
        struct weir_text item = {kept->at, kept->n};
        memcpy(to + i * sizeof item, &item, sizeof item);
    }
    return true;
}

bool weir_protocol_raw_fill_tensor(struct weir_sink *sink, const struct weir_protocol_raw *raw,
                                   enum weir_dtype dtype, char *to, struct weir_error *err)
{
    weir_assert(raw);
    weir_assert((raw->dtype == WEIR_BYTES) == (dtype == WEIR_BYTES));
    if (raw->n_items == 0)
        return true;
    if (dtype == WEIR_BYTES)
        return fill_texts(sink, raw, to);
    if (raw->dtype == dtype && dtype != WEIR_BOOL) {
        memcpy(to, raw->bytes.at, raw->bytes.n);
        return true;
    }
    size_t from_size = weir_dtype_size(raw->dtype);
    size_t to_size = weir_dtype_size(dtype);
    bool takes_float = is_float(dtype);
    for (uint64_t i = 0; i < raw->n_items; i++) {
        struct number v = read_number(raw->bytes.at + i * from_size, raw->dtype);
        char *at = to + i * to_size;
        if (!(takes_float ? write_float(v, dtype, at) : write_whole(v, dtype, at)))
            return fail(raw, i, dtype, err);
    }
    return true;
}

/* SPDX-License-Identifier: MIT */
/* Binary elements into rows and tensors.
 *
 * What needs no conversion is copied as it is, and looked through once for numbers that the model
 * refuses. */
#include "protocol/raw.h"

#include "codec/half.h"
#include "codec/utf8.h"
#include "tensor/cell.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "elements are copied as they are");

enum { LENGTH_BYTES = 4 }; /* of an element of BYTES */

bool weir_protocol_raw_take_text(const struct weir_protocol_raw *raw, struct weir_str *rest,
                                 struct weir_str *out)
{
    uint32_t n;
    if (raw->is_bare) {
        *out = *rest;
        *rest = weir_str_make(rest->at ? rest->at + rest->n : NULL, 0);
        return true;
    }
    if (rest->n < LENGTH_BYTES)
        return false;
    memcpy(&n, rest->at, sizeof n);
    if (n > rest->n - LENGTH_BYTES)
        return false;
    *out = weir_str_make(rest->at + LENGTH_BYTES, n);
    *rest = weir_str_make(out->at + n, rest->n - LENGTH_BYTES - n);
    return true;
}

static enum weir_status check_texts(const struct weir_protocol_raw *raw, size_t *text_bytes,
                                    struct weir_error *err)
{
    struct weir_str rest = raw->bytes;
    struct weir_str text;
    size_t bytes = 0;
    for (uint64_t i = 0; i < raw->n_items; i++) {
        if (!weir_protocol_raw_take_text(raw, &rest, &text))
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "%s: element %llu of %llu goes beyond the %zu bytes", raw->place,
                                  (unsigned long long)(raw->first + i),
                                  (unsigned long long)(raw->first + raw->n_items), raw->bytes.n);
        bytes += weir_sink_text_bytes(text.n);
    }
    if (rest.n > 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "%s: %zu bytes are left behind element %llu",
                              raw->place, rest.n,
                              (unsigned long long)(raw->first + raw->n_items - 1));
    if (text_bytes)
        *text_bytes += bytes;
    return WEIR_OK;
}

enum weir_status weir_protocol_raw_check(const struct weir_protocol_raw *raw, size_t *text_bytes,
                                         struct weir_error *err)
{
    weir_assert(raw);
    weir_assert(raw->place);
    uint64_t n_bytes;
    if (raw->dtype == WEIR_BYTES)
        return check_texts(raw, text_bytes, err);
    if (__builtin_mul_overflow(raw->n_items, (uint64_t)weir_dtype_size(raw->dtype), &n_bytes) ||
        n_bytes != raw->bytes.n)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "%s: %llu values of %s do not have the %zu bytes that were sent",
                              raw->place, (unsigned long long)raw->n_items,
                              weir_dtype_name(raw->dtype), raw->bytes.n);
    return WEIR_OK;
}

/* --- rows ------------------------------------------------------------------------------------ */

/* Elements on their way into one column, or into the columns of one row, or into all rows. */
struct run {
    const char *from;
    size_t n;
    char *to;
    size_t stride; /* bytes from one to the next, of `to` */
};

#define CONVERT(from_type, to_type, value)            \
    for (size_t i = 0; i < r->n; i++) {               \
        from_type v;                                  \
        memcpy(&v, r->from + i * sizeof v, sizeof v); \
        to_type w = (to_type)(value);                 \
        memcpy(r->to + i * r->stride, &w, sizeof w);  \
    }                                                 \
    break

#define CONVERT_ALL(to_type)                                        \
    switch (dtype) {                                                \
    case WEIR_BOOL:                                                 \
        CONVERT(uint8_t, to_type, v != 0);                          \
    case WEIR_U8:                                                   \
        CONVERT(uint8_t, to_type, v);                               \
    case WEIR_U16:                                                  \
        CONVERT(uint16_t, to_type, v);                              \
    case WEIR_U32:                                                  \
        CONVERT(uint32_t, to_type, v);                              \
    case WEIR_U64:                                                  \
        CONVERT(uint64_t, to_type, v);                              \
    case WEIR_I8:                                                   \
        CONVERT(int8_t, to_type, v);                                \
    case WEIR_I16:                                                  \
        CONVERT(int16_t, to_type, v);                               \
    case WEIR_I32:                                                  \
        CONVERT(int32_t, to_type, v);                               \
    case WEIR_I64:                                                  \
        CONVERT(int64_t, to_type, v);                               \
    case WEIR_F16:                                                  \
        CONVERT(uint16_t, to_type, weir_codec_half_value(v));       \
    case WEIR_BF16:                                                 \
        CONVERT(uint16_t, to_type, weir_codec_half_brain_value(v)); \
    case WEIR_F32:                                                  \
        CONVERT(float, to_type, v);                                 \
    case WEIR_F64:                                                  \
        CONVERT(double, to_type, v);                                \
    case WEIR_BYTES:                                                \
        weir_assert(!"texts are no numbers");                       \
    }

static void convert_f32(const struct run *r, enum weir_dtype dtype)
{
    if (dtype == WEIR_F32 && r->stride == sizeof(float)) {
        memcpy(r->to, r->from, r->n * sizeof(float));
        return;
    }
    CONVERT_ALL(float)
}

static void convert_f64(const struct run *r, enum weir_dtype dtype)
{
    if (dtype == WEIR_F64 && r->stride == sizeof(double)) {
        memcpy(r->to, r->from, r->n * sizeof(double));
        return;
    }
    CONVERT_ALL(double)
}

/* Finds whether all elements of a run are finite: the exponent has a bit that is not set. */
static bool is_finite_f32(const struct run *r)
{
    uint32_t n_bad = 0;
    for (size_t i = 0; i < r->n; i++) {
        uint32_t bits;
        memcpy(&bits, r->to + i * r->stride, sizeof bits);
        n_bad |= (bits & 0x7f800000) == 0x7f800000;
    }
    return n_bad == 0;
}

static bool is_finite_f64(const struct run *r)
{
    const uint64_t exponent = UINT64_C(0x7ff) << 52;
    uint64_t n_bad = 0;
    for (size_t i = 0; i < r->n; i++) {
        uint64_t bits;
        memcpy(&bits, r->to + i * r->stride, sizeof bits);
        n_bad |= (bits & exponent) == exponent;
    }
    return n_bad == 0;
}

/* Looks at a run that has numbers which are not finite. i: the place of its first element. */
static bool settle_nonfinite(struct weir_protocol_fill *fill, const struct run *r, size_t row,
                             size_t column, bool is_row)
{
    const struct weir_spec *spec = fill->spec;
    size_t n_columns = is_row ? spec->n_features : 1;
    for (size_t i = 0; i < r->n; i++) {
        size_t at_row = row + i / n_columns;
        size_t at_column = column + i % n_columns;
        char *to = r->to + i * r->stride;
        float narrow;
        double v;
        memcpy(&narrow, to, sizeof narrow);
        if (fill->span.dtype == WEIR_F64)
            memcpy(&v, to, sizeof v);
        else
            v = (double)narrow;
        if (isfinite(v))
            continue;
        bool is_cell = spec->columns && spec->columns[at_column] != WEIR_COLUMN_NUMBER;
        if (isnan(v) && !spec->allows_nan && !is_cell) {
            (void)weir_protocol_fill_cell_error(
                fill, at_row, at_column, "NaN is a missing value, and this model refuses those");
            return false;
        }
        if (isinf(v) && !spec->allows_inf) {
            (void)weir_protocol_fill_cell_error(
                fill, at_row, at_column, "%sinfinity, or a number that is too large for %s",
                v < 0 ? "-" : "", fill->span.dtype == WEIR_F64 ? "float64" : "float32");
            return false;
        }
        if (spec->columns) { /* A cell: nobody's payload gets in. */
            v = weir_cell_number(v);
            memcpy(to, &v, sizeof v);
        }
    }
    return true;
}

static bool fill_run(struct weir_protocol_fill *fill, const struct run *r, enum weir_dtype dtype,
                     size_t row, size_t column, bool is_row)
{
    bool is_f64 = fill->span.dtype == WEIR_F64;
    if (is_f64)
        convert_f64(r, dtype);
    else
        convert_f32(r, dtype);
    if (fill->spec->allows_nan && fill->spec->allows_inf && !fill->spec->columns)
        return true;
    return (is_f64 ? is_finite_f64(r) : is_finite_f32(r)) ||
           settle_nonfinite(fill, r, row, column, is_row);
}

static char *cell_at(const struct weir_protocol_fill *fill, size_t row, size_t column)
{
    return (char *)fill->span.base + row * fill->span.row_stride +
           column * fill->span.column_stride;
}

/* Writes a text where a number belongs, if it is one. */
static bool store_number_text(struct weir_protocol_fill *fill, struct weir_str text, size_t row,
                              size_t column)
{
    double v = 0;
    bool is_number = true;
    if (text.n == 0 || weir_str_eq_c(text, "nan"))
        v = (double)NAN;
    else if (!weir_codec_number_read_f64(text, &v) && !weir_codec_number_read_nonfinite(text, &v))
        is_number = false;
    char *to = cell_at(fill, row, column);
    if (is_number) {
        struct run r = {.from = (const char *)&v, .n = 1, .to = to, .stride = sizeof v};
        return fill_run(fill, &r, WEIR_F64, row, column, false);
    }
    char echo[WEIR_ECHO_BUF_BYTES];
    (void)weir_protocol_fill_cell_error(fill, row, column, "expected a number, got \"%s\"",
                                        weir_str_echo(text, echo, sizeof echo));
    return false;
}

static bool fill_texts(struct weir_protocol_fill *fill, const struct weir_protocol_raw *raw,
                       size_t column)
{
    size_t n_columns = column == SIZE_MAX ? fill->spec->n_features : 1;
    struct weir_str rest = raw->bytes;
    for (uint64_t i = 0; i < raw->n_items; i++) {
        size_t row = (size_t)((raw->first + i) / n_columns);
        size_t c = column == SIZE_MAX ? (size_t)((raw->first + i) % n_columns) : column;
        struct weir_str text;
        bool is_there = weir_protocol_raw_take_text(raw, &rest, &text);
        weir_assert(is_there); /* It was looked at before. */
        if (!fill->spec->columns || fill->spec->columns[c] == WEIR_COLUMN_NUMBER) {
            if (!store_number_text(fill, text, row, c))
                return false;
            continue;
        }
        if (!weir_codec_utf8_is_valid(text, WEIR_CODEC_UTF8_STRICT)) {
            (void)weir_protocol_fill_cell_error(fill, row, c, "the text is not UTF-8");
            return false;
        }
        struct weir_cell_text *kept = weir_sink_take_text(fill->sink, text.n);
        weir_assert(kept); /* The room was reserved for all of them. */
        if (text.n > 0)
            memcpy(kept->at, text.at, text.n);
        double cell = weir_cell_from_text(kept);
        memcpy(cell_at(fill, row, c), &cell, sizeof cell);
    }
    return true;
}

bool weir_protocol_raw_fill_rows(struct weir_protocol_fill *fill,
                                 const struct weir_protocol_raw *raw, size_t column)
{
    weir_assert(fill);
    weir_assert(raw);
    if (raw->dtype == WEIR_BYTES)
        return fill_texts(fill, raw, column);
    size_t size = weir_dtype_size(raw->dtype);
    const char *from = raw->bytes.at;
    size_t n_left = (size_t)raw->n_items;
    if (n_left == 0)
        return true;
    if (column != SIZE_MAX) {
        struct run r = {from, n_left, cell_at(fill, (size_t)raw->first, column),
                        fill->span.row_stride};
        return fill_run(fill, &r, raw->dtype, (size_t)raw->first, column, false);
    }
    size_t n_columns = fill->spec->n_features;
    size_t row = (size_t)(raw->first / n_columns);
    size_t c = (size_t)(raw->first % n_columns);
    bool is_dense = fill->span.row_stride == n_columns * fill->span.column_stride;
    while (n_left > 0) {
        /* Where rows lie one behind the other, whole ones go at once. */
        size_t n = is_dense && c == 0 ? n_left : weir_min_size(n_left, n_columns - c);
        struct run r = {from, n, cell_at(fill, row, c), fill->span.column_stride};
        if (!fill_run(fill, &r, raw->dtype, row, c, true))
            return false;
        from += n * size;
        n_left -= n;
        row += (c + n) / n_columns;
        c = (c + n) % n_columns;
    }
    return true;
}

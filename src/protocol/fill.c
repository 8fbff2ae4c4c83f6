/* SPDX-License-Identifier: MIT */
/* Values into rows, with the place of what cannot be one. */
#include "protocol/protocol_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void weir_protocol_fill_choose(struct weir_protocol_fill *fill, enum weir_dtype request)
{
    /* A library that is given doubles reads doubles and casts; one that is given floats reads
     * floats; whole numbers are rounded once. */
    if (fill->span.dtype == WEIR_F64)
        fill->element = request == WEIR_F32 ? WEIR_CODEC_JSON_F64_BY_F32 : WEIR_CODEC_JSON_F64;
    else
        fill->element = request == WEIR_F64 ? WEIR_CODEC_JSON_F32_BY_F64 : WEIR_CODEC_JSON_F32;
    fill->datatype = request;
}

enum weir_status weir_protocol_fill_reserve(struct weir_protocol_fill *fill,
                                            struct weir_protocol_call *call, uint64_t n_rows,
                                            const char *json, size_t text_bytes)
{
    const struct weir_spec *spec = fill->spec;
    enum weir_status status =
        weir_protocol_check_size(fill->decoder, spec, call, n_rows, fill->err);
    if (status != WEIR_OK)
        return status;
    call->n_rows = (uint32_t)n_rows;
    struct weir_sink_want want = {
        .n_rows = call->n_rows,
        .n_columns = spec->n_features,
        .dtype = weir_spec_batch_dtype(spec, call->request_dtype),
        .costly = weir_protocol_costly(spec, call->wanted),
        .text_bytes = text_bytes,
        .priority = call->priority,
        .queue_timeout_ns = call->timeout_ns,
    };
    if (json)
        want.text_bytes += weir_protocol_cells_text_bytes(fill->decoder, spec, n_rows, json);
    return weir_protocol_sink_reserve(fill->sink, &want, &fill->span, fill->err);
}

static void place_text(const struct weir_protocol_fill *fill, char *out, size_t cap)
{
    if (fill->key)
        (void)snprintf(out, cap, "%s", fill->key);
    else
        (void)snprintf(out, cap, "inputs[%zu].data", fill->input);
}

enum weir_status weir_protocol_fill_row_error(const struct weir_protocol_fill *fill, size_t row,
                                              const char *fmt, ...)
{
    char text[WEIR_ERROR_MSG_BYTES];
    char place[48];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    place_text(fill, place, sizeof place);
    return weir_error_set(fill->err, WEIR_ERR_INVALID, "%s: row %zu: %s", place, row, text);
}

enum weir_status weir_protocol_fill_cell_error(const struct weir_protocol_fill *fill, size_t row,
                                               size_t column, const char *fmt, ...)
{
    char text[WEIR_ERROR_MSG_BYTES];
    char place[48];
    char name[WEIR_ECHO_BUF_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    place_text(fill, place, sizeof place);
    if (!fill->spec->feature_names)
        return weir_error_set(fill->err, WEIR_ERR_INVALID, "%s: row %zu, column %zu: %s", place,
                              row, column, text);
    weir_str_echo(fill->spec->feature_names[column], name, sizeof name);
    return weir_error_set(fill->err, WEIR_ERR_INVALID, "%s: row %zu, column \"%s\": %s", place, row,
                          name, text);
}

static inline void *cell_at(const struct weir_protocol_fill *fill, size_t row, size_t column)
{
    return (char *)fill->span.base + row * fill->span.row_stride +
           column * fill->span.column_stride;
}

void weir_protocol_fill_store(const struct weir_protocol_fill *fill, size_t row, size_t column,
                              double v)
{
    if (fill->span.dtype == WEIR_F64) {
        memcpy(cell_at(fill, row, column), &v, sizeof v);
    } else {
        float narrow = (float)v;
        memcpy(cell_at(fill, row, column), &narrow, sizeof narrow);
    }
}

double weir_protocol_fill_load(const struct weir_protocol_fill *fill, size_t row, size_t column)
{
    double wide;
    float narrow;
    if (fill->span.dtype == WEIR_F64) {
        memcpy(&wide, cell_at(fill, row, column), sizeof wide);
        return wide;
    }
    memcpy(&narrow, cell_at(fill, row, column), sizeof narrow);
    return (double)narrow;
}

static enum weir_status store_nan(const struct weir_protocol_fill *fill, const char *at, size_t row,
                                  size_t column)
{
    bool is_cell = fill->spec->columns && fill->spec->columns[column] != WEIR_COLUMN_NUMBER;
    if (!fill->spec->allows_nan && !is_cell)
        return weir_protocol_fill_cell_error(fill, row, column,
                                             "%s is a missing value, and this model refuses those",
                                             *at == 'n' ? "null" : "NaN");
    weir_protocol_fill_store(fill, row, column, (double)NAN);
    return WEIR_OK;
}

static enum weir_status store_infinite(const struct weir_protocol_fill *fill, const char *at,
                                       size_t row, size_t column)
{
    if (fill->spec->allows_inf) {
        weir_protocol_fill_store(fill, row, column,
                                 *at == '-' ? -(double)INFINITY : (double)INFINITY);
        return WEIR_OK;
    }
    char echo[WEIR_CODEC_JSON_ECHO_BYTES];
    weir_codec_json_echo(&fill->decoder->json, at, echo, sizeof echo);
    return weir_protocol_fill_cell_error(
        fill, row, column, "%s is infinite or too large for %s", echo,
        fill->span.dtype == WEIR_F64 && fill->datatype != WEIR_F32 ? "float64" : "float32");
}

/* The whole numbers that a type holds. */
static const struct {
    int64_t min;
    uint64_t max;
} ranges[] = {
    [WEIR_BOOL] = {0, 1},
    [WEIR_U8] = {0, UINT8_MAX},
    [WEIR_U16] = {0, UINT16_MAX},
    [WEIR_U32] = {0, UINT32_MAX},
    [WEIR_U64] = {0, UINT64_MAX},
    [WEIR_I8] = {INT8_MIN, INT8_MAX},
    [WEIR_I16] = {INT16_MIN, INT16_MAX},
    [WEIR_I32] = {INT32_MIN, INT32_MAX},
    [WEIR_I64] = {INT64_MIN, INT64_MAX},
};

enum weir_codec_number_int weir_protocol_fill_read_whole(struct weir_str token,
                                                         enum weir_dtype datatype, int64_t *out,
                                                         uint64_t *out_unsigned)
{
    enum weir_codec_number_int r;
    if (*token.at == '-') {
        r = weir_codec_number_read_i64(token, out);
        if (r == WEIR_CODEC_NUMBER_INT_OK && *out < ranges[datatype].min)
            r = WEIR_CODEC_NUMBER_INT_RANGE;
    } else {
        r = weir_codec_number_read_u64(token, out_unsigned);
        if (r == WEIR_CODEC_NUMBER_INT_OK && *out_unsigned > ranges[datatype].max)
            r = WEIR_CODEC_NUMBER_INT_RANGE;
    }
    return r;
}

const char *weir_protocol_fill_whole(struct weir_protocol_fill *fill, const char *at, size_t row,
                                     size_t column)
{
    if (fill->datatype == WEIR_BOOL && (*at == 't' || *at == 'f'))
        return weir_protocol_fill_cell(fill, at, row, column);
    const struct weir_codec_json *json = &fill->decoder->json;
    char echo[WEIR_CODEC_JSON_ECHO_BYTES];
    enum weir_codec_json_kind kind = weir_codec_json_kind(at);
    if (kind != WEIR_CODEC_JSON_NUMBER) {
        (void)weir_protocol_fill_cell_error(fill, row, column, "expected %s, got %s",
                                            fill->datatype == WEIR_BOOL ? "true or false"
                                                                        : "a whole number",
                                            weir_codec_json_echo(json, at, echo, sizeof echo));
        return NULL;
    }
    struct weir_str token = weir_codec_json_token(at, json->end);
    int64_t v = 0;
    uint64_t u = 0;
    switch (weir_protocol_fill_read_whole(token, fill->datatype, &v, &u)) {
    case WEIR_CODEC_NUMBER_INT_OK:
        break;
    case WEIR_CODEC_NUMBER_INT_FRACTION:
        (void)weir_protocol_fill_cell_error(fill, row, column, "expected a whole number, got %s",
                                            weir_codec_json_echo(json, at, echo, sizeof echo));
        return NULL;
    case WEIR_CODEC_NUMBER_INT_RANGE:
        (void)weir_protocol_fill_cell_error(fill, row, column, "%s is outside %s",
                                            weir_codec_json_echo(json, at, echo, sizeof echo),
                                            weir_dtype_name(fill->datatype));
        return NULL;
    }
    /* One rounding, from the whole number to the element. */
    if (fill->span.dtype == WEIR_F64) {
        double wide = *at == '-' ? (double)v : (double)u;
        memcpy(cell_at(fill, row, column), &wide, sizeof wide);
    } else {
        float narrow = *at == '-' ? (float)v : (float)u;
        memcpy(cell_at(fill, row, column), &narrow, sizeof narrow);
    }
    return weir_codec_json_rows_after(token.at + token.n);
}

enum weir_status weir_protocol_fill_special(struct weir_protocol_fill *fill, const char *at,
                                            size_t row, size_t column)
{
    return *at == 'N' || *at == 'n' ? store_nan(fill, at, row, column)
                                    : store_infinite(fill, at, row, column);
}

enum weir_status weir_protocol_fill_number_text(struct weir_protocol_fill *fill, const char *at,
                                                size_t row, size_t column)
{
    struct weir_str text = weir_codec_json_string(at);
    double v = 0;
    bool is_number = true;
    if (fill->takes_number_texts) {
        if (text.n == 0 || weir_str_eq_c(text, "nan"))
            v = (double)NAN;
        else if (!weir_codec_number_read_f64(text, &v) &&
                 !weir_codec_number_read_nonfinite(text, &v))
            is_number = false;
        if (is_number && isnan(v)) /* A constant: its text is not in the request. */
            return weir_protocol_fill_special(fill, "NaN", row, column);
        if (is_number && (isfinite(v) || fill->spec->allows_inf)) {
            weir_protocol_fill_store(fill, row, column, v);
            return WEIR_OK;
        }
    }
    char echo[WEIR_CODEC_JSON_ECHO_BYTES];
    return weir_protocol_fill_cell_error(
        fill, row, column, "expected %s, got %s", isinf(v) ? "a finite number" : "a number",
        weir_codec_json_echo(&fill->decoder->json, at, echo, sizeof echo));
}

const char *weir_protocol_fill_cell(struct weir_protocol_fill *fill, const char *at, size_t row,
                                    size_t column)
{
    enum weir_codec_json_kind kind = weir_codec_json_kind(at);
    enum weir_status status = WEIR_ERR_INVALID;
    switch (kind) {
    case WEIR_CODEC_JSON_NULL:
    case WEIR_CODEC_JSON_NONFINITE:
    case WEIR_CODEC_JSON_NUMBER:
        status = weir_protocol_fill_special(fill, at, row, column);
        break;
    case WEIR_CODEC_JSON_TRUE:
    case WEIR_CODEC_JSON_FALSE:
        if (fill->takes_bools) {
            weir_protocol_fill_store(fill, row, column, kind == WEIR_CODEC_JSON_TRUE ? 1.0 : 0.0);
            status = WEIR_OK;
            break;
        }
        WEIR_FALLTHROUGH;
    case WEIR_CODEC_JSON_STRING:
        if (kind == WEIR_CODEC_JSON_STRING && fill->takes_number_texts) {
            status = weir_protocol_fill_number_text(fill, at, row, column);
            break;
        }
        WEIR_FALLTHROUGH;
    case WEIR_CODEC_JSON_ARRAY:
    case WEIR_CODEC_JSON_OBJECT: {
        char echo[WEIR_CODEC_JSON_ECHO_BYTES];
        weir_codec_json_echo(&fill->decoder->json, at, echo, sizeof echo);
        status =
            weir_protocol_fill_cell_error(fill, row, column, "expected a number, got %s", echo);
        break;
    }
    }
    if (status != WEIR_OK)
        return NULL;
    return weir_codec_json_rows_after(weir_codec_json_skip(&fill->decoder->json, at));
}

const char *weir_protocol_fill_row(struct weir_protocol_fill *fill, const char *array, size_t row)
{
    const struct weir_codec_json *json = &fill->decoder->json;
    size_t n_columns = fill->spec->n_features;
    size_t column = 0;
    const char *at = weir_codec_json_rows_first(array);
    for (;;) {
        size_t n;
        at = weir_codec_json_rows_read(json, at, fill->element, cell_at(fill, row, column),
                                       fill->span.column_stride, n_columns - column, &n);
        column += n;
        if (column == n_columns || *at == ']')
            break;
        at = weir_protocol_fill_cell(fill, at, row, column++);
        if (!at)
            return NULL;
    }
    if (WEIR_UNLIKELY(column != n_columns || *at != ']')) {
        (void)weir_protocol_fill_row_error(fill, row, "expected %zu value%s, got %zu", n_columns,
                                           n_columns == 1 ? "" : "s",
                                           weir_codec_json_count(json, array));
        return NULL;
    }
    return at;
}

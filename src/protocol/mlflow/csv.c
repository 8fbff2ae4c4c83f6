/* SPDX-License-Identifier: MIT */
/* Comma-separated values as rows, as pandas reads them into a data frame: empty fields and its
 * words for what is missing are NaN, or None where a column holds text. */
#include "codec/utf8.h"
#include "protocol/mlflow/mlflow_priv.h"
#include "tensor/cell.h"

#include <math.h>
#include <string.h>

static enum weir_status fail_number(struct weir_protocol_fill *fill, struct weir_str text,
                                    size_t row, size_t column, const char *expected)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    return weir_protocol_fill_cell_error(fill, row, column, "expected %s, got \"%s\"", expected,
                                         weir_str_echo(text, echo, sizeof echo));
}

static enum weir_status fill_number(struct weir_protocol_fill *fill, struct weir_str text,
                                    size_t row, size_t column)
{
    double v;
    if (WEIR_UNLIKELY(!weir_codec_number_read_f64(text, &v)) && !weir_codec_csv_number(text, &v))
        return fail_number(fill, text, row, column, "a number");
    if (WEIR_UNLIKELY(isnan(v)))
        return weir_protocol_fill_special(fill, "NaN", row, column);
    bool is_infinite = fill->span.dtype == WEIR_F32 ? isinf((float)v) : isinf(v);
    if (WEIR_UNLIKELY(is_infinite) && !fill->spec->allows_inf)
        return fail_number(fill, text, row, column,
                           fill->span.dtype == WEIR_F32 ? "a finite float32" : "a finite number");
    weir_protocol_fill_store(fill, row, column, v);
    return WEIR_OK;
}

static enum weir_status fill_text(struct weir_protocol_fill *fill,
                                  const struct weir_codec_csv_field *field, size_t row,
                                  size_t column)
{
    size_t n = field->text.n;
    for (size_t i = 0; field->has_doubled && i < field->text.n; i++) {
        if (field->text.at[i] == '"') {
            n--;
            i++;
        }
    }
    if (!weir_codec_utf8_is_valid(field->text, WEIR_CODEC_UTF8_STRICT))
        return weir_protocol_fill_cell_error(fill, row, column, "a text that is not UTF-8");
    struct weir_cell_text *text = weir_sink_take_text(fill->sink, n);
    weir_assert(text); /* The room was reserved for all of them. */
    (void)weir_codec_csv_unquote(field, text->at);
    weir_protocol_fill_store(fill, row, column, weir_cell_from_text(text));
    return WEIR_OK;
}

static enum weir_status fill_field(struct weir_protocol_fill *fill,
                                   const struct weir_codec_csv_field *field, size_t row,
                                   size_t column)
{
    enum weir_column_kind takes = fill->spec->columns
                                      ? (enum weir_column_kind)fill->spec->columns[column]
                                      : WEIR_COLUMN_NUMBER;
    if (takes == WEIR_COLUMN_NUMBER)
        return fill_number(fill, field->text, row, column);
    if (weir_codec_csv_is_missing(field->text))
        return weir_protocol_cells_missing(fill, row, column);
    double v;
    if (takes == WEIR_COLUMN_MIXED && weir_codec_number_read_f64(field->text, &v) && isfinite(v)) {
        weir_protocol_fill_store(fill, row, column, v);
        return WEIR_OK;
    }
    return fill_text(fill, field, row, column);
}

/* Fails at a record that has not as many fields as the others. */
static bool fail_count(const struct weir_protocol_mlflow_request *r, struct weir_codec_csv *csv,
                       struct weir_codec_csv_field *field, size_t row)
{
    size_t n = csv->column + 1;
    while (!field->is_last && weir_codec_csv_next(csv, field, NULL) == WEIR_CODEC_CSV_FIELD)
        n++;
    (void)weir_protocol_fill_row_error(&r->fill, row, "expected %zu value%s, got %zu", r->n_given,
                                       r->n_given == 1 ? "" : "s", n);
    return false;
}

static bool fill_record(struct weir_protocol_mlflow_request *r, struct weir_codec_csv *csv,
                        size_t row)
{
    struct weir_codec_csv_field field;
    for (size_t i = 0;; i++) {
        if (weir_codec_csv_next(csv, &field, r->fill.err) != WEIR_CODEC_CSV_FIELD)
            return false;
        if (WEIR_UNLIKELY(i >= r->n_given))
            return fail_count(r, csv, &field, row);
        int64_t column = r->map ? r->map[i] : (int64_t)i;
        if (column >= 0 && fill_field(&r->fill, &field, row, (size_t)column) != WEIR_OK)
            return false;
        if (!field.is_last)
            continue;
        return i + 1 == r->n_given ? weir_protocol_mlflow_map_fill(r, row)
                                   : fail_count(r, csv, &field, row);
    }
}

/* Looks at the first record: how many fields it has, and whether all are numbers. */
static enum weir_status look_at_first(struct weir_codec_csv csv, size_t *n_fields, bool *is_numbers,
                                      struct weir_error *err)
{
    struct weir_codec_csv_field field;
    *n_fields = 0;
    *is_numbers = true;
    do {
        double v;
        switch (weir_codec_csv_next(&csv, &field, err)) {
        case WEIR_CODEC_CSV_BAD:
            return WEIR_ERR_INVALID;
        case WEIR_CODEC_CSV_END:
            return weir_error_set(err, WEIR_ERR_INVALID, "the body is empty");
        case WEIR_CODEC_CSV_FIELD:
            break;
        }
        ++*n_fields;
        *is_numbers = *is_numbers && weir_codec_csv_number(field.text, &v);
    } while (!field.is_last);
    return WEIR_OK;
}

/* Reads the first record as names. A model without names takes the columns by position. */
static enum weir_status read_header(struct weir_protocol_mlflow_request *r,
                                    struct weir_codec_csv *csv, size_t n)
{
    struct weir_codec_csv_field field;
    struct weir_buf *text = &r->fill.decoder->text;
    int32_t *map = NULL;
    enum weir_status status = WEIR_OK;
    if (r->fill.spec->feature_names)
        status = weir_protocol_mlflow_map_begin(r, n, &map);
    for (size_t i = 0; status == WEIR_OK && i < n; i++) {
        if (weir_codec_csv_next(csv, &field, r->fill.err) != WEIR_CODEC_CSV_FIELD)
            return WEIR_ERR_INVALID;
        if (!map)
            continue;
        weir_buf_clear(text);
        if (weir_buf_reserve(text, field.text.n + 1) != WEIR_OK)
            return weir_error_set(r->fill.err, WEIR_ERR_NO_MEMORY, "out of memory");
        size_t n_name = weir_codec_csv_unquote(&field, text->at);
        status = weir_protocol_mlflow_map_add_plain(r, map, i, weir_str_make(text->at, n_name));
    }
    return status == WEIR_OK && map ? weir_protocol_mlflow_map_end(r, map) : status;
}

/* Returns the room that the texts of a body may need. */
static size_t text_bytes(const struct weir_spec *spec, const struct weir_codec_csv *csv,
                         uint64_t n_rows)
{
    size_t n_columns = 0;
    for (size_t i = 0; spec->columns && i < spec->n_features; i++)
        n_columns += spec->columns[i] != WEIR_COLUMN_NUMBER;
    /* A record has a byte for each of its fields at least, which bounds the product. */
    size_t n = (size_t)(csv->end - csv->at);
    size_t n_texts = n_rows < n + 1 ? (size_t)n_rows * n_columns : 0;
    return n_columns > 0 ? n + n_texts * weir_sink_text_bytes(0) : 0;
}

enum weir_status weir_protocol_mlflow_csv(struct weir_protocol_mlflow_request *r,
                                          struct weir_str body,
                                          enum weir_protocol_mlflow_media media)
{
    struct weir_codec_csv csv;
    size_t n_fields;
    bool is_numbers;
    r->fill.key = "csv";
    weir_codec_csv_init(&csv, body, ',');
    enum weir_status status = look_at_first(csv, &n_fields, &is_numbers, r->fill.err);
    if (status != WEIR_OK)
        return status;
    bool is_headless = media == WEIR_PROTOCOL_MLFLOW_CSV_HEADLESS ||
                       (media == WEIR_PROTOCOL_MLFLOW_CSV && is_numbers);
    r->n_given = n_fields;
    if (!is_headless)
        status = read_header(r, &csv, n_fields);
    if (status != WEIR_OK)
        return status;
    if (is_headless || !r->fill.spec->feature_names)
        status = weir_protocol_mlflow_map_positions(r, n_fields);
    if (status != WEIR_OK)
        return status;
    uint64_t n_rows = weir_codec_csv_count(&csv);
    status =
        weir_protocol_mlflow_frame_reserve(r, n_rows, NULL, text_bytes(r->fill.spec, &csv, n_rows));
    if (status != WEIR_OK)
        return status;
    bool is_filled = true;
    for (size_t row = 0; is_filled && row < n_rows; row++)
        is_filled = fill_record(r, &csv, row);
    return weir_protocol_mlflow_frame_finish(r, is_filled);
}

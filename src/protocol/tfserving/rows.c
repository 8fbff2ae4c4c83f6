/* SPDX-License-Identifier: MIT */
/* "instances" and "inputs" as rows of a matrix or a frame.
 *
 *     [[1, 2], [3, 4]]                     rows
 *     [1, 2]                               rows of a model of one feature
 *     [{"a": 1, "b": [2]}, …]              rows by name, each value bare or in a list of one
 *     {"a": [1, 3], "b": [[2], [4]]}       "inputs": columns by name
 *     {"any name": [[1, 2], [3, 4]]}       "inputs": the matrix as one input
 *
 * An entry of a list may also have the matrix as one input: {"any name": [1, 2]}. */
#include "protocol/tfserving/tfserving_priv.h"

#include <stdio.h>

/* How rows are written; told by the first. */
enum form {
    FORM_LISTS,   /* [[…], …] */
    FORM_VALUES,  /* […], one feature */
    FORM_RECORDS, /* [{…}, …] */
    FORM_WRAPPED, /* [{"any name": […]}, …] */
};

enum weir_status
weir_protocol_tfserving_rows_reserve(const struct weir_protocol_tfserving_request *r,
                                     struct weir_protocol_fill *fill, uint64_t n_rows,
                                     const char *at, size_t more_text_bytes)
{
    fill->sink = r->sink;
    enum weir_status status =
        weir_protocol_fill_reserve(fill, r->call, n_rows, at, more_text_bytes);
    if (status == WEIR_OK)
        weir_protocol_fill_choose(fill, WEIR_F64);
    return status;
}

enum weir_status
weir_protocol_tfserving_rows_finish(const struct weir_protocol_tfserving_request *r,
                                    const struct weir_protocol_fill *fill, bool is_filled)
{
    if (is_filled) {
        r->call->n_ignored = fill->n_ignored;
        weir_sink_commit(r->sink, r->call->wanted);
        return WEIR_OK;
    }
    weir_sink_rollback(r->sink);
    return fill->is_out_of_memory ? weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory")
                                  : WEIR_ERR_INVALID;
}

/* Returns the value of an object's only member; NULL: there are none or several, or it is one of
 * the model's features. */
static const char *only_member(const struct weir_protocol_fill *fill, const char *object)
{
    const struct weir_spec *spec = fill->spec;
    struct weir_codec_json_iter it = weir_codec_json_iter(&fill->decoder->json, object);
    struct weir_str name;
    const char *value;
    if (!weir_codec_json_next_member(&it, &name, &value) || *it.at != '}')
        return NULL;
    for (size_t i = 0; spec->feature_names && i < spec->n_features; i++) {
        if (weir_codec_json_string_eq(name, spec->feature_names[i]))
            return NULL;
    }
    return value;
}

static enum form find_form(const struct weir_protocol_fill *fill, const char *first)
{
    struct weir_str written;
    if (*first == '[')
        return FORM_LISTS;
    if (*first != '{' || weir_protocol_cells_is_b64(&fill->decoder->json, first, &written))
        return FORM_VALUES;
    const char *only = only_member(fill, first);
    return only && (*only == '[' || !fill->spec->feature_names) ? FORM_WRAPPED : FORM_RECORDS;
}

static const char *form_text(enum form form)
{
    switch (form) {
    case FORM_LISTS:
        return "a list as in row 0";
    case FORM_VALUES:
        return "a value as in row 0";
    case FORM_RECORDS:
    case FORM_WRAPPED:
        break;
    }
    return "an object as in row 0";
}

/* Writes a row that is a list, or for one feature a value; returns the place of the next entry. */
static const char *fill_row(struct weir_protocol_fill *fill, const char *at, size_t row)
{
    if (*at != '[' && fill->spec->n_features > 1) {
        char echo[WEIR_CODEC_JSON_ECHO_BYTES];
        (void)weir_protocol_fill_row_error(
            fill, row, "expected a list of %zu values, got %s", fill->spec->n_features,
            weir_codec_json_echo(&fill->decoder->json, at, echo, sizeof echo));
        return NULL;
    }
    if (*at != '[')
        return weir_protocol_columns_cell(fill, at, row, 0);
    const char *end = fill->spec->columns ? weir_protocol_cells_fill_row(fill, at, row)
                                          : weir_protocol_fill_row(fill, at, row);
    return end ? weir_codec_json_rows_after(end + 1) : NULL;
}

/* Writes one entry of a list; returns the place of the next. */
static const char *fill_entry(struct weir_protocol_fill *fill, const char *at, size_t row,
                              enum form form)
{
    bool is_fitting = form == FORM_LISTS    ? *at == '['
                      : form == FORM_VALUES ? find_form(fill, at) == FORM_VALUES
                                            : *at == '{';
    if (WEIR_UNLIKELY(!is_fitting)) {
        (void)weir_protocol_fill_row_error(fill, row, "expected %s, got %s", form_text(form),
                                           weir_codec_json_kind_text(weir_codec_json_kind(at)));
        return NULL;
    }
    if (form == FORM_RECORDS) {
        const char *end = weir_protocol_columns_fill(fill, at, row);
        return end ? weir_codec_json_rows_after(end + 1) : NULL;
    }
    if (form != FORM_WRAPPED)
        return fill_row(fill, at, row);
    const char *only = only_member(fill, at);
    if (!only) {
        (void)weir_protocol_fill_row_error(fill, row, "expected one input");
        return NULL;
    }
    return fill_row(fill, only, row)
               ? weir_codec_json_rows_after(weir_codec_json_skip(&fill->decoder->json, at))
               : NULL;
}

static enum weir_status decode_list(const struct weir_protocol_tfserving_request *r,
                                    struct weir_protocol_fill *fill, const char *list)
{
    const char *at = weir_codec_json_rows_first(list);
    enum form form = find_form(fill, at);
    enum weir_status status = WEIR_OK;
    if (form == FORM_RECORDS)
        status = weir_protocol_columns_start(r->decoder, r->spec, r->err);
    if (status == WEIR_OK)
        status = weir_protocol_tfserving_rows_reserve(
            r, fill, weir_codec_json_count(&r->decoder->json, list), list, 0);
    if (status != WEIR_OK)
        return status;
    for (size_t row = 0; at && *at != ']'; row++)
        at = fill_entry(fill, at, row, form);
    return weir_protocol_tfserving_rows_finish(r, fill, at != NULL);
}

/* --- columns -------------------------------------------------------------------------------- */

/* Writes a column: a list of bare values or of lists of one, or one value; false: failed. */
static bool fill_column(struct weir_protocol_fill *fill, const char *value, size_t column,
                        size_t n_rows)
{
    if (*value != '[')
        return weir_protocol_columns_cell(fill, value, 0, column) != NULL;
    const char *at = weir_codec_json_rows_first(value);
    for (size_t row = 0; row < n_rows; row++) {
        if (!fill->spec->columns) {
            size_t n;
            at = weir_codec_json_rows_read(&fill->decoder->json, at, fill->element,
                                           (char *)fill->span.base + row * fill->span.row_stride +
                                               column * fill->span.column_stride,
                                           fill->span.row_stride, n_rows - row, &n);
            row += n;
            if (row == n_rows)
                break;
        }
        at = weir_protocol_columns_cell(fill, at, row, column);
        if (!at)
            return false;
    }
    return true;
}

/* Checks that every feature is there once with as many rows as the others. */
static enum weir_status check_columns(const struct weir_protocol_tfserving_request *r,
                                      struct weir_protocol_fill *fill, const char *object,
                                      uint64_t *n_rows)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(&r->decoder->json, object);
    struct weir_str name;
    const char *value;
    *n_rows = UINT64_MAX;
    for (size_t i = 0; weir_codec_json_next_member(&it, &name, &value); i++) {
        int64_t column = weir_protocol_columns_find(r->decoder, r->spec, name, i);
        char echo[WEIR_ECHO_BUF_BYTES];
        if (column == WEIR_PROTOCOL_COLUMN_NO_MEMORY)
            return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
        if (column == WEIR_PROTOCOL_COLUMN_NONE) {
            fill->n_ignored += fill->n_ignored < UINT32_MAX;
            continue;
        }
        uint64_t n = *value == '[' ? weir_codec_json_count(&r->decoder->json, value) : 1;
        if (n == 0 || (*n_rows != UINT64_MAX && n != *n_rows))
            return weir_error_set(r->err, WEIR_ERR_INVALID, "inputs: column \"%s\" has %s",
                                  weir_str_echo(name, echo, sizeof echo),
                                  n == 0 ? "no rows" : "not as many rows as the one before");
        *n_rows = n;
        (void)weir_protocol_columns_mark(r->decoder, (size_t)column, 1);
    }
    return weir_protocol_columns_complete(r->decoder, r->spec, r->err);
}

static enum weir_status decode_columns(const struct weir_protocol_tfserving_request *r,
                                       struct weir_protocol_fill *fill, const char *object)
{
    uint64_t n_rows;
    enum weir_status status = weir_protocol_columns_start(r->decoder, r->spec, r->err);
    if (status == WEIR_OK)
        status = check_columns(r, fill, object, &n_rows);
    if (status == WEIR_OK)
        status = weir_protocol_tfserving_rows_reserve(r, fill, n_rows, object, 0);
    if (status != WEIR_OK)
        return status;
    struct weir_codec_json_iter it = weir_codec_json_iter(&r->decoder->json, object);
    struct weir_str name;
    const char *value;
    bool is_filled = true;
    for (size_t i = 0; is_filled && weir_codec_json_next_member(&it, &name, &value); i++) {
        int64_t column = weir_protocol_columns_find(r->decoder, r->spec, name, i);
        fill->is_out_of_memory |= column == WEIR_PROTOCOL_COLUMN_NO_MEMORY;
        is_filled = !fill->is_out_of_memory;
        if (column >= 0)
            is_filled = fill_column(fill, value, (size_t)column, (size_t)n_rows);
    }
    weir_protocol_columns_leave_out(fill, 0, (size_t)n_rows, 1);
    return weir_protocol_tfserving_rows_finish(r, fill, is_filled);
}

enum weir_status weir_protocol_tfserving_rows(const struct weir_protocol_tfserving_request *r,
                                              const char *value, const char *key)
{
    struct weir_protocol_fill fill = {
        .decoder = r->decoder,
        .spec = r->spec,
        .takes_bools = true,
        .takes_b64 = true,
        .takes_unit_lists = true,
        .key = key,
        .err = r->err,
    };
    if (*value == '[')
        return decode_list(r, &fill, value);
    struct weir_str written;
    if (*value == '{' && !weir_protocol_cells_is_b64(&r->decoder->json, value, &written)) {
        const char *only = only_member(&fill, value);
        if (!only || *only != '[')
            return decode_columns(r, &fill, value);
        if (*weir_codec_json_rows_first(only) != ']')
            return decode_list(r, &fill, only);
        return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: no rows", key);
    }
    char echo[WEIR_CODEC_JSON_ECHO_BYTES];
    return weir_error_set(r->err, WEIR_ERR_INVALID,
                          "%s: expected a list of rows or columns by name, got %s", key,
                          weir_codec_json_echo(&r->decoder->json, value, echo, sizeof echo));
}

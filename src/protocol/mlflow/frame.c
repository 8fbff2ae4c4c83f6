/* SPDX-License-Identifier: MIT */
/* The forms of rows that MLflow takes in JSON, into the rows of a model. */
#include "protocol/mlflow/mlflow_priv.h"

#include <math.h>
#include <string.h>

enum weir_status weir_protocol_mlflow_frame_reserve(struct weir_protocol_mlflow_request *r,
                                                    uint64_t n_rows, const char *json,
                                                    size_t text_bytes)
{
    struct weir_protocol_fill *fill = &r->fill;
    if (n_rows == 0)
        return weir_error_set(fill->err, WEIR_ERR_INVALID, "%s: no rows", fill->key);
    fill->sink = r->sink;
    enum weir_status status = weir_protocol_fill_reserve(fill, r->call, n_rows, json, text_bytes);
    if (status == WEIR_OK)
        weir_protocol_fill_choose(fill, r->call->request_dtype);
    return status;
}

/* Makes of the numbers what a data frame with the signature's types would hold. */
static bool convert(struct weir_protocol_mlflow_request *r)
{
    struct weir_protocol_fill *fill = &r->fill;
    const uint8_t *types = fill->spec->mlflow ? fill->spec->mlflow->columns : NULL;
    for (size_t c = 0; types && c < fill->spec->n_features; c++) {
        bool is_whole = types[c] & WEIR_SPEC_MLFLOW_WHOLE;
        bool is_f32 = (types[c] & WEIR_SPEC_MLFLOW_F32) && fill->span.dtype == WEIR_F64 &&
                      r->call->request_dtype == WEIR_F64;
        bool is_number = !fill->spec->columns || fill->spec->columns[c] == WEIR_COLUMN_NUMBER;
        for (size_t row = 0; is_number && (is_whole || is_f32) && row < r->call->n_rows; row++) {
            double v = weir_protocol_fill_load(fill, row, c);
            if (is_whole && !isfinite(v)) {
                (void)weir_protocol_fill_cell_error(
                    fill, row, c,
                    "a missing value, and the signature says that it is a whole "
                    "number");
                return false;
            }
            weir_protocol_fill_store(fill, row, c, is_whole ? trunc(v) : (double)(float)v);
        }
    }
    return true;
}

enum weir_status weir_protocol_mlflow_frame_finish(struct weir_protocol_mlflow_request *r,
                                                   bool is_filled)
{
    if (is_filled && convert(r)) {
        r->call->n_ignored = r->fill.n_ignored;
        weir_sink_commit(r->sink, r->call->wanted);
        return WEIR_OK;
    }
    weir_sink_rollback(r->sink);
    return r->fill.is_out_of_memory
               ? weir_error_set(r->fill.err, WEIR_ERR_NO_MEMORY, "out of memory")
               : WEIR_ERR_INVALID;
}

static enum weir_status expected(const struct weir_protocol_mlflow_request *r, const char *what,
                                 const char *value)
{
    char echo[WEIR_CODEC_JSON_ECHO_BYTES];
    return weir_error_set(r->fill.err, WEIR_ERR_INVALID, "%s: expected %s, got %s", r->fill.key,
                          what,
                          weir_codec_json_echo(&r->fill.decoder->json, value, echo, sizeof echo));
}

/* Writes a row that is a list in the model's order. Returns its ']'; NULL: failed. */
static const char *fill_plain(struct weir_protocol_fill *fill, const char *array, size_t row)
{
    return fill->spec->columns ? weir_protocol_cells_fill_row(fill, array, row)
                               : weir_protocol_fill_row(fill, array, row);
}

/* Writes a row that is a list in the order of the table's names. */
static const char *fill_mapped(struct weir_protocol_mlflow_request *r, const char *array,
                               size_t row)
{
    struct weir_protocol_fill *fill = &r->fill;
    const char *at = weir_codec_json_rows_first(array);
    size_t i = 0;
    for (; *at != ']' && i < r->n_given; i++) {
        at = r->map[i] < 0
                 ? weir_codec_json_rows_after(weir_codec_json_skip(&fill->decoder->json, at))
                 : weir_protocol_columns_cell(fill, at, row, (size_t)r->map[i]);
        if (!at)
            return NULL;
    }
    if (i != r->n_given || *at != ']') {
        (void)weir_protocol_fill_row_error(fill, row, "expected %zu values, got %zu", r->n_given,
                                           weir_codec_json_count(&fill->decoder->json, array));
        return NULL;
    }
    return weir_protocol_mlflow_map_fill(r, row) ? at : NULL;
}

/* Writes a record of a model without names: its members are in the order of the first record's, or
 * found by those names. Returns its '}'; NULL: failed. */
static const char *fill_unnamed(struct weir_protocol_mlflow_request *r, const char *object,
                                size_t row)
{
    struct weir_protocol_fill *fill = &r->fill;
    const struct weir_codec_json *json = &fill->decoder->json;
    struct weir_codec_json_iter it = weir_codec_json_iter(json, object);
    struct weir_codec_json_iter names = weir_codec_json_iter(json, r->names);
    struct weir_str name;
    struct weir_str other;
    const char *value;
    const char *ignored;
    size_t n_filled = 0;
    size_t i = 0; /* of the name that comes next in both, mostly */
    while (weir_codec_json_next_member(&it, &name, &value)) {
        if (!weir_codec_json_next_member(&names, &other, &ignored) || !weir_str_eq(name, other)) {
            names = weir_codec_json_iter(json, r->names);
            i = 0;
            while (weir_codec_json_next_member(&names, &other, &ignored) &&
                   !weir_str_eq(name, other))
                i++;
        }
        if (i >= fill->spec->n_features)
            continue;
        if (!weir_protocol_columns_cell(fill, value, row, i++))
            return NULL;
        n_filled++;
    }
    if (n_filled < fill->spec->n_features) {
        (void)weir_protocol_fill_row_error(fill, row, "%zu of the first row's columns are missing",
                                           fill->spec->n_features - n_filled);
        return NULL;
    }
    return weir_codec_json_skip(json, object) - 1;
}

/* What the rows of a list are; told by the first. */
enum form {
    FORM_LISTS,
    FORM_RECORDS,
    FORM_WRAPPED, /* {"features": […]}, as SageMaker's own algorithms take them */
    FORM_VALUES,  /* one value each, for a model of one column */
};

/* Returns the list in {"features": […]}; NULL: the object is another. */
static const char *wrapped_list(const struct weir_protocol_mlflow_request *r, const char *object)
{
    const struct weir_codec_json *json = &r->fill.decoder->json;
    struct weir_codec_json_iter it = weir_codec_json_iter(json, object);
    struct weir_str name;
    const char *value;
    bool is_wrapped = *object == '{' && weir_codec_json_count(json, object) == 1 &&
                      weir_codec_json_next_member(&it, &name, &value) &&
                      weir_codec_json_string_eq(name, WEIR_STR("features")) && *value == '[';
    return is_wrapped ? value : NULL;
}

static enum form find_form(const struct weir_protocol_mlflow_request *r, const char *first)
{
    if (*first == '[')
        return FORM_LISTS;
    if (*first == '{')
        return wrapped_list(r, first) ? FORM_WRAPPED : FORM_RECORDS;
    return FORM_VALUES;
}

static const char *const form_texts[] = {"a list", "an object", "an object with \"features\"",
                                         "a value"};

/* Writes one row; returns the place behind it; NULL: failed. */
static const char *fill_one(struct weir_protocol_mlflow_request *r, enum form form, const char *at,
                            size_t row)
{
    struct weir_protocol_fill *fill = &r->fill;
    const char *end = NULL;
    switch (form) {
    case FORM_VALUES:
        return weir_protocol_columns_cell(fill, at, row, 0);
    case FORM_LISTS:
        end = r->map ? fill_mapped(r, at, row) : fill_plain(fill, at, row);
        break;
    case FORM_RECORDS:
        end = r->names ? fill_unnamed(r, at, row) : weir_protocol_columns_fill(fill, at, row);
        break;
    case FORM_WRAPPED:
        end = fill_plain(fill, wrapped_list(r, at), row);
        return end ? weir_codec_json_rows_after(weir_codec_json_skip(&fill->decoder->json, at))
                   : NULL;
    }
    return end ? weir_codec_json_rows_after(end + 1) : NULL;
}

static bool fill_list(struct weir_protocol_mlflow_request *r, enum form form, const char *list)
{
    const char *at = weir_codec_json_rows_first(list);
    for (size_t row = 0; *at != ']'; row++) {
        if (find_form(r, at) != form) {
            (void)weir_protocol_fill_row_error(&r->fill, row, "expected %s as in row 0, got %s",
                                               form_texts[form],
                                               weir_codec_json_kind_text(weir_codec_json_kind(at)));
            return false;
        }
        at = fill_one(r, form, at, row);
        if (!at)
            return false;
    }
    return true;
}

/* Fails if a column was in no record at all: that is not a missing value. */
static bool has_all_columns(struct weir_protocol_mlflow_request *r)
{
    const struct weir_spec *spec = r->fill.spec;
    for (size_t i = 0; i < spec->n_features; i++) {
        /* Round 0 is what weir_protocol_columns_start sets. */
        if (!weir_protocol_columns_is_marked(r->fill.decoder, i, 0) ||
            weir_protocol_mlflow_map_is_optional(spec, i))
            continue;
        char echo[WEIR_ECHO_BUF_BYTES];
        (void)weir_error_set(r->fill.err, WEIR_ERR_INVALID, "%s: column \"%s\" is missing",
                             r->fill.key, weir_str_echo(spec->feature_names[i], echo, sizeof echo));
        return false;
    }
    return true;
}

enum weir_status weir_protocol_mlflow_frame_rows(struct weir_protocol_mlflow_request *r,
                                                 const char *value)
{
    struct weir_protocol_fill *fill = &r->fill;
    if (*value != '[')
        return expected(r, "a list of rows", value);
    const char *first = weir_codec_json_rows_first(value);
    if (*first == ']')
        return weir_protocol_mlflow_frame_reserve(r, 0, value, 0);
    enum form form = find_form(r, first);
    if (form == FORM_VALUES && fill->spec->n_features != 1)
        return expected(r, "a list of rows, each a list or an object", first);
    enum weir_status status = WEIR_OK;
    if (form == FORM_RECORDS && !fill->spec->feature_names) {
        r->names = first;
        status = weir_protocol_mlflow_map_positions(
            r, weir_codec_json_count(&fill->decoder->json, first));
    } else if (form == FORM_RECORDS) {
        status = weir_protocol_columns_start(fill->decoder, fill->spec, fill->err);
        fill->takes_missing = true;
    }
    if (status == WEIR_OK)
        status = weir_protocol_mlflow_frame_reserve(
            r, weir_codec_json_count(&fill->decoder->json, value), value, 0);
    if (status != WEIR_OK)
        return status;
    bool is_filled =
        fill_list(r, form, value) && (form != FORM_RECORDS || r->names || has_all_columns(r));
    return weir_protocol_mlflow_frame_finish(r, is_filled);
}

/* --- split ----------------------------------------------------------------------------------- */

/* Finds whether the names are those of a table without names: 0, 1, 2, … */
static bool are_positions(const struct weir_codec_json *json, const char *columns)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(json, columns);
    const char *value;
    for (uint64_t i = 0; weir_codec_json_next(&it, &value); i++) {
        uint64_t v;
        if (weir_codec_json_kind(value) != WEIR_CODEC_JSON_NUMBER ||
            weir_codec_number_read_u64(weir_codec_json_token(value, json->end), &v) !=
                WEIR_CODEC_NUMBER_INT_OK ||
            v != i)
            return false;
    }
    return true;
}

/* Reads the names of a table. A model without names takes them by position, as do tables without
 * names. */
static enum weir_status read_names(struct weir_protocol_mlflow_request *r, const char *columns)
{
    const struct weir_codec_json *json = &r->fill.decoder->json;
    const struct weir_spec *spec = r->fill.spec;
    if (*columns != '[')
        return expected(r, "a list in \"columns\"", columns);
    size_t n = weir_codec_json_count(json, columns);
    if (!spec->feature_names || are_positions(json, columns))
        return weir_protocol_mlflow_map_positions(r, n);
    int32_t *map;
    enum weir_status status = weir_protocol_mlflow_map_begin(r, n, &map);
    struct weir_codec_json_iter it = weir_codec_json_iter(json, columns);
    const char *value;
    for (size_t i = 0; status == WEIR_OK && weir_codec_json_next(&it, &value); i++) {
        enum weir_codec_json_kind kind = weir_codec_json_kind(value);
        if (kind == WEIR_CODEC_JSON_STRING)
            status = weir_protocol_mlflow_map_add(r, map, i, weir_codec_json_string(value));
        else if (kind == WEIR_CODEC_JSON_NUMBER)
            status =
                weir_protocol_mlflow_map_add(r, map, i, weir_codec_json_token(value, json->end));
        else
            status = expected(r, "names in \"columns\"", value);
    }
    return status == WEIR_OK ? weir_protocol_mlflow_map_end(r, map) : status;
}

enum weir_status weir_protocol_mlflow_frame_split(struct weir_protocol_mlflow_request *r,
                                                  const char *value)
{
    const struct weir_codec_json *json = &r->fill.decoder->json;
    if (*value != '{')
        return expected(r, "an object", value);
    struct weir_codec_json_iter it = weir_codec_json_iter(json, value);
    struct weir_str name;
    const char *member;
    const char *columns = NULL;
    const char *data = NULL;
    while (weir_codec_json_next_member(&it, &name, &member)) {
        if (weir_codec_json_string_eq(name, WEIR_STR("columns")))
            columns = *member == 'n' ? NULL : member;
        else if (weir_codec_json_string_eq(name, WEIR_STR("data")))
            data = member;
        else if (!weir_codec_json_string_eq(name, WEIR_STR("index")))
            return weir_error_set(r->fill.err, WEIR_ERR_INVALID,
                                  "%s: expected \"data\" and optionally \"columns\" and "
                                  "\"index\", and nothing else",
                                  r->fill.key);
    }
    if (!data)
        return weir_error_set(r->fill.err, WEIR_ERR_INVALID, "%s: \"data\" is missing",
                              r->fill.key);
    enum weir_status status = columns ? read_names(r, columns) : WEIR_OK;
    if (status != WEIR_OK)
        return status;
    if (*data != '[')
        return expected(r, "a list of rows in \"data\"", data);
    const char *first = weir_codec_json_rows_first(data);
    if (*first != '[' && *first != ']' &&
        !(r->fill.spec->n_features == 1 && !r->map && *first != '{'))
        return expected(r, "rows that are lists in \"data\"", first);
    return weir_protocol_mlflow_frame_rows(r, data);
}

/* --- columns --------------------------------------------------------------------------------- */

/* Returns how many rows a column's value holds. */
static uint64_t column_rows(const struct weir_codec_json *json, const char *value)
{
    return *value == '[' ? weir_codec_json_count(json, value) : 1;
}

/* Writes one column; each value may stand in a list of its own. */
static bool fill_column(struct weir_protocol_mlflow_request *r, const char *value, size_t column)
{
    struct weir_protocol_fill *fill = &r->fill;
    fill->takes_unit_lists = true;
    if (*value != '[')
        return weir_protocol_columns_cell(fill, value, 0, column) != NULL;
    const char *at = weir_codec_json_rows_first(value);
    for (size_t row = 0; *at != ']'; row++) {
        at = weir_protocol_columns_cell(fill, at, row, column);
        if (!at)
            return false;
    }
    return true;
}

/* Finds the columns of the members and sees that they have as many rows. */
static enum weir_status read_members(struct weir_protocol_mlflow_request *r, const char *object,
                                     uint64_t *n_rows)
{
    const struct weir_codec_json *json = &r->fill.decoder->json;
    struct weir_codec_json_iter it = weir_codec_json_iter(json, object);
    struct weir_str name;
    const char *value;
    int32_t *map;
    enum weir_status status =
        weir_protocol_mlflow_map_begin(r, weir_codec_json_count(json, object), &map);
    *n_rows = UINT64_MAX;
    for (size_t i = 0; status == WEIR_OK && weir_codec_json_next_member(&it, &name, &value); i++) {
        status = weir_protocol_mlflow_map_add(r, map, i, name);
        if (status != WEIR_OK || map[i] < 0)
            continue;
        uint64_t n = column_rows(json, value);
        if (*n_rows == UINT64_MAX)
            *n_rows = n;
        if (n != *n_rows)
            status = weir_error_set(r->fill.err, WEIR_ERR_INVALID,
                                    "%s: the columns have not as many values each", r->fill.key);
    }
    if (status == WEIR_OK)
        status = weir_protocol_mlflow_map_end(r, map);
    r->map = map; /* Also where it is the model's order. */
    return status;
}

enum weir_status weir_protocol_mlflow_frame_columns(struct weir_protocol_mlflow_request *r,
                                                    const char *value)
{
    uint64_t n_rows;
    enum weir_status status = read_members(r, value, &n_rows);
    if (status == WEIR_OK)
        status = weir_protocol_mlflow_frame_reserve(r, n_rows == UINT64_MAX ? 0 : n_rows, value, 0);
    if (status != WEIR_OK)
        return status;
    struct weir_codec_json_iter it = weir_codec_json_iter(&r->fill.decoder->json, value);
    struct weir_str name;
    const char *member;
    bool is_filled = true;
    for (size_t i = 0; is_filled && weir_codec_json_next_member(&it, &name, &member); i++)
        is_filled = r->map[i] < 0 || fill_column(r, member, (size_t)r->map[i]);
    for (size_t row = 0; is_filled && r->has_absent && row < n_rows; row++)
        is_filled = weir_protocol_mlflow_map_fill(r, row);
    return weir_protocol_mlflow_frame_finish(r, is_filled);
}

/* SPDX-License-Identifier: MIT */
#include "format/mlflow/example.h"

#include "base/macros.h"
#include "tensor/cell.h"

#include <yyjson.h>

#include <math.h>
#include <string.h>

/* Returns the place of a model's column in the example; without names on either side they stand in
 * the model's order. n: there is no such column. */
static size_t place_of(const struct weir_spec *spec, yyjson_val *columns, size_t i, size_t n)
{
    if (!columns || !spec->feature_names)
        return i;
    size_t at, n_columns;
    yyjson_val *column;
    yyjson_arr_foreach(columns, at, n_columns, column)
    {
        const char *name = yyjson_get_str(column);
        if (name &&
            weir_str_eq(spec->feature_names[i], weir_str_make(name, yyjson_get_len(column))))
            return at;
    }
    return n;
}

/* Makes the cell of a text; NaN: no memory. */
static double text_cell(yyjson_val *value, struct weir_arena *temp)
{
    size_t n = yyjson_get_len(value);
    struct weir_cell_text *text = weir_arena_alloc(temp, sizeof *text + n + 1);
    if (!text || n > UINT32_MAX)
        return (double)NAN;
    text->n = (uint32_t)n;
    memcpy(text->at, yyjson_get_str(value), n + 1);
    return weir_cell_from_text(text);
}

/* Reads one value into a cell; false: the column does not take such a value. */
static bool read_cell(const struct weir_spec *spec, size_t i, yyjson_val *value,
                      struct weir_arena *temp, double *out)
{
    enum weir_column_kind kind =
        spec->columns ? (enum weir_column_kind)spec->columns[i] : WEIR_COLUMN_NUMBER;
    if (yyjson_is_str(value)) {
        *out = text_cell(value, temp);
        return kind != WEIR_COLUMN_NUMBER && weir_cell_is_text(*out);
    }
    if (yyjson_is_null(value)) {
        *out = kind == WEIR_COLUMN_NUMBER ? (double)NAN : weir_cell_none();
        return true;
    }
    *out = yyjson_is_bool(value) ? (double)yyjson_get_bool(value) : yyjson_get_num(value);
    return kind != WEIR_COLUMN_TEXT && (yyjson_is_bool(value) || yyjson_is_num(value));
}

/* Reads the first of the rows; false: it does not fit the model. */
static bool read_row(const struct weir_spec *spec, yyjson_val *columns, yyjson_val *rows,
                     struct weir_arena *temp, double *out)
{
    yyjson_val *row = yyjson_arr_get_first(rows);
    size_t n = yyjson_arr_size(row);
    if (n < spec->n_features || (columns && yyjson_arr_size(columns) != n))
        return false;
    if (n > spec->n_features && !(columns && spec->feature_names))
        return false;
    for (size_t i = 0; i < spec->n_features; i++) {
        yyjson_val *value = yyjson_arr_get(row, place_of(spec, columns, i, n));
        if (!value || !read_cell(spec, i, value, temp, &out[i]))
            return false;
    }
    return true;
}

enum weir_status weir_format_mlflow_example_apply(struct weir_model *model, struct weir_str json,
                                                  struct weir_arena *temp, struct weir_error *err)
{
    const struct weir_spec *spec = weir_model_spec(model);
    if (spec->form == WEIR_INPUT_TENSORS)
        return WEIR_OK;
    double *row = weir_arena_array(temp, spec->n_features, sizeof *row);
    if (!row)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the input example");
    yyjson_doc *doc = yyjson_read(json.at, json.n, YYJSON_READ_ALLOW_INF_AND_NAN);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *columns = yyjson_obj_get(root, "columns");
    yyjson_val *rows = yyjson_is_arr(root) ? root : yyjson_obj_get(root, "data");
    bool fits = read_row(spec, columns, rows, temp, row);
    yyjson_doc_free(doc);
    return fits ? weir_model_set_example(model, row, err) : WEIR_OK;
}

/* SPDX-License-Identifier: MIT */
#include "format/mlflow/example.h"

#include "base/macros.h"
#include "tensor/cell.h"

#include <yyjson.h>

#include <math.h>

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

/* Reads one value into a cell of the model; false: the column does not take such a value. */
static bool read_cell(struct weir_model *model, size_t i, yyjson_val *value, double *out)
{
    const struct weir_spec *spec = weir_model_spec(model);
    enum weir_column_kind kind =
        spec->columns ? (enum weir_column_kind)spec->columns[i] : WEIR_COLUMN_NUMBER;
    if (yyjson_is_str(value)) {
        struct weir_str text = weir_str_make(yyjson_get_str(value), yyjson_get_len(value));
        return kind != WEIR_COLUMN_NUMBER && weir_model_text(model, text, out);
    }
    if (yyjson_is_null(value)) {
        *out = kind == WEIR_COLUMN_NUMBER ? (double)NAN : weir_cell_none();
        return true;
    }
    *out = yyjson_is_bool(value) ? (double)yyjson_get_bool(value) : yyjson_get_num(value);
    return kind != WEIR_COLUMN_TEXT && (yyjson_is_bool(value) || yyjson_is_num(value));
}

/* Reads the first of the rows; false: it does not fit the model. */
static bool read_row(struct weir_model *model, yyjson_val *columns, yyjson_val *rows, double *out)
{
    const struct weir_spec *spec = weir_model_spec(model);
    yyjson_val *row = yyjson_arr_get_first(rows);
    size_t n = yyjson_arr_size(row);
    if (n < spec->n_features || (columns && yyjson_arr_size(columns) != n))
        return false;
    if (n > spec->n_features && !(columns && spec->feature_names))
        return false;
    for (size_t i = 0; i < spec->n_features; i++) {
        yyjson_val *value = yyjson_arr_get(row, place_of(spec, columns, i, n));
        if (!value || !read_cell(model, i, value, &out[i]))
            return false;
    }
    return true;
}

enum weir_status weir_format_mlflow_example_apply(struct weir_model *model, struct weir_str json,
                                                  struct weir_error *err)
{
    const struct weir_spec *spec = weir_model_spec(model);
    if (spec->form == WEIR_INPUT_TENSORS)
        return WEIR_OK;
    double *row = weir_model_example(model);
    if (!row)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the input example");
    yyjson_doc *doc = yyjson_read(json.at, json.n, YYJSON_READ_ALLOW_INF_AND_NAN);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *columns = yyjson_obj_get(root, "columns");
    yyjson_val *rows = yyjson_is_arr(root) ? root : yyjson_obj_get(root, "data");
    if (read_row(model, columns, rows, row))
        weir_model_set_example(model, row);
    yyjson_doc_free(doc);
    return WEIR_OK;
}

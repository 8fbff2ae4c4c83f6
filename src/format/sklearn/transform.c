/* SPDX-License-Identifier: MIT */
#include "format/sklearn/transform.h"

#include "tensor/cell.h"

#include <string.h>

enum weir_status weir_format_sklearn_transform_cell(const struct weir_value_at *at,
                                                    struct weir_arena *a, double *out,
                                                    struct weir_error *err)
{
    double number;
    if (weir_value_is_none(at->v)) {
        *out = weir_cell_none();
        return WEIR_OK;
    }
    if (at->v->kind == WEIR_VALUE_TEXT) {
        struct weir_str text = at->v->text;
        struct weir_cell_text *copy =
            text.n < UINT32_MAX / 2 ? weir_arena_alloc(a, sizeof *copy + text.n + 1) : NULL;
        if (!copy)
            return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
        copy->n = (uint32_t)text.n;
        if (text.n > 0)
            memcpy(copy->at, text.at, text.n);
        copy->at[text.n] = 0;
        *out = weir_cell_from_text(copy);
        return WEIR_OK;
    }
    if (at->v->kind != WEIR_VALUE_F64 && at->v->kind != WEIR_VALUE_I64 &&
        at->v->kind != WEIR_VALUE_BOOL && at->v->kind != WEIR_VALUE_ARRAY)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "values of this kind (%s) are not supported",
                               weir_value_kind_name(at->v->kind));
    enum weir_status status = weir_value_f64(at, &number, err);
    if (status == WEIR_OK)
        *out = weir_cell_number(number);
    return status;
}

enum weir_status weir_format_sklearn_transform_cells(struct weir_format_sklearn *s,
                                                     const struct weir_value_at *at,
                                                     struct weir_arena *a, double **out, size_t *n,
                                                     struct weir_error *err)
{
    struct weir_value_shape shape;
    enum weir_status status = weir_value_shape(at, &shape, err);
    if (status != WEIR_OK)
        return status;
    if (shape.n_dims != 1)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "is not a list");
    double *cells = weir_arena_array(a, shape.n, sizeof *cells);
    if (!cells)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    for (size_t i = 0; i < shape.n; i++) {
        struct weir_value element;
        struct weir_value_at item = *at;
        status = weir_value_element(at, i, s->temp, &element, err);
        item.v = &element;
        if (status == WEIR_OK)
            status = weir_format_sklearn_transform_cell(&item, a, &cells[i], err);
        if (status != WEIR_OK)
            return status;
    }
    *out = cells;
    *n = shape.n;
    return WEIR_OK;
}

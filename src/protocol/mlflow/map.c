/* SPDX-License-Identifier: MIT */
/* Tables with names: which of their columns is which of the model's. */
#include "protocol/mlflow/mlflow_priv.h"

bool weir_protocol_mlflow_map_is_optional(const struct weir_spec *spec, size_t column)
{
    return spec->mlflow && spec->mlflow->columns &&
           (spec->mlflow->columns[column] & WEIR_SPEC_MLFLOW_OPTIONAL);
}

enum weir_status weir_protocol_mlflow_map_begin(struct weir_protocol_mlflow_request *r, size_t n,
                                                int32_t **map)
{
    struct weir_protocol_decoder *decoder = r->fill.decoder;
    enum weir_status status = weir_protocol_columns_start(decoder, r->fill.spec, r->fill.err);
    if (status != WEIR_OK)
        return status;
    *map = weir_protocol_columns_map(decoder, n);
    if (!*map)
        return weir_error_set(r->fill.err, WEIR_ERR_NO_MEMORY, "out of memory");
    r->n_given = n;
    return WEIR_OK;
}

enum weir_status weir_protocol_mlflow_map_positions(struct weir_protocol_mlflow_request *r,
                                                    size_t n)
{
    const struct weir_spec *spec = r->fill.spec;
    bool drops_more = spec->mlflow && spec->mlflow->columns;
    r->n_given = n;
    r->map = NULL;
    if (n == spec->n_features)
        return WEIR_OK;
    if (n < spec->n_features || !drops_more)
        return weir_error_set(r->fill.err, WEIR_ERR_INVALID,
                              "%s: %zu column%s, and the model takes %zu", r->fill.key, n,
                              n == 1 ? "" : "s", spec->n_features);
    int32_t *map = weir_protocol_columns_map(r->fill.decoder, n);
    if (!map)
        return weir_error_set(r->fill.err, WEIR_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++)
        map[i] = i < spec->n_features ? (int32_t)i : WEIR_PROTOCOL_COLUMN_NONE;
    r->fill.n_ignored = (uint32_t)(n - spec->n_features);
    r->map = map;
    return WEIR_OK;
}

static enum weir_status add(struct weir_protocol_mlflow_request *r, int32_t *map, size_t i,
                            int64_t column)
{
    struct weir_protocol_fill *fill = &r->fill;
    if (column == WEIR_PROTOCOL_COLUMN_NO_MEMORY)
        return weir_error_set(fill->err, WEIR_ERR_NO_MEMORY, "out of memory");
    map[i] = (int32_t)column;
    if (column == WEIR_PROTOCOL_COLUMN_NONE) {
        fill->n_ignored += fill->n_ignored < UINT32_MAX;
    } else if (!weir_protocol_columns_mark(fill->decoder, (size_t)column, 1)) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_error_set(fill->err, WEIR_ERR_INVALID, "%s: column \"%s\" is there twice",
                              fill->key,
                              weir_str_echo(fill->spec->feature_names[column], echo, sizeof echo));
    }
    return WEIR_OK;
}

enum weir_status weir_protocol_mlflow_map_add(struct weir_protocol_mlflow_request *r, int32_t *map,
                                              size_t i, struct weir_str written)
{
    return add(r, map, i, weir_protocol_columns_find(r->fill.decoder, r->fill.spec, written, i));
}

enum weir_status weir_protocol_mlflow_map_add_plain(struct weir_protocol_mlflow_request *r,
                                                    int32_t *map, size_t i, struct weir_str name)
{
    return add(r, map, i, weir_protocol_columns_find_plain(r->fill.decoder, r->fill.spec, name, i));
}

enum weir_status weir_protocol_mlflow_map_end(struct weir_protocol_mlflow_request *r, int32_t *map)
{
    const struct weir_spec *spec = r->fill.spec;
    const struct weir_str *absent = NULL;
    size_t n_absent = 0;
    r->has_absent = false;
    if (weir_protocol_columns_missing(r->fill.decoder, spec, 1) != SIZE_MAX) {
        for (size_t i = 0; i < spec->n_features; i++) {
            if (weir_protocol_columns_is_marked(r->fill.decoder, i, 1))
                continue;
            if (weir_protocol_mlflow_map_is_optional(spec, i)) {
                r->has_absent = true;
                continue;
            }
            absent = absent ? absent : &spec->feature_names[i];
            n_absent++;
        }
    }
    if (absent) {
        char echo[WEIR_ECHO_BUF_BYTES];
        weir_str_echo(*absent, echo, sizeof echo);
        if (n_absent == 1)
            return weir_error_set(r->fill.err, WEIR_ERR_INVALID, "%s: column \"%s\" is missing",
                                  r->fill.key, echo);
        return weir_error_set(r->fill.err, WEIR_ERR_INVALID,
                              "%s: column \"%s\" and %zu more are missing", r->fill.key, echo,
                              n_absent - 1);
    }
    bool is_same = r->n_given == spec->n_features;
    for (size_t i = 0; is_same && i < r->n_given; i++)
        is_same = map[i] == (int32_t)i;
    r->map = is_same ? NULL : map;
    return WEIR_OK;
}

bool weir_protocol_mlflow_map_fill(struct weir_protocol_mlflow_request *r, size_t row)
{
    struct weir_protocol_fill *fill = &r->fill;
    for (size_t i = 0; r->has_absent && i < fill->spec->n_features; i++) {
        if (!weir_protocol_columns_is_marked(fill->decoder, i, 1) &&
            weir_protocol_cells_missing(fill, row, i) != WEIR_OK)
            return false;
    }
    return true;
}

/* SPDX-License-Identifier: MIT */
#include "model/encode.h"

#include "model/lookup.h"
#include "tensor/cell.h"

#include <math.h>
#include <string.h>

struct column {
    struct weir_model_lookup known;
    uint32_t width;
    const uint32_t *position; /* known.n + 1, the last for unknown ones; NULL: values */
    const double *values;     /* (known.n + 1) × width, the last row for unknown ones */
    bool faults_unknown;
    bool is_number;
};

struct encode {
    struct weir_model_node node;
    const struct column *columns;
    bool refuses_nan;
};

/* Finds a category and marks the row where it is not to be. Returns its index, known.n for an
 * unknown one. */
static size_t find(const struct encode *e, uint32_t j, double cell, struct weir_row_fault *fault)
{
    const struct column *c = &e->columns[j];
    if (c->is_number)
        cell = weir_cell_number(cell); /* Rows of a matrix are not cells: any NaN may be there. */
    uint32_t found = weir_model_lookup_find(&c->known, cell);
    enum weir_fault_kind kind = WEIR_FAULT_NONE;
    if (WEIR_UNLIKELY(c->is_number && isinf(cell)))
        kind = WEIR_FAULT_INFINITE;
    else if (WEIR_UNLIKELY(e->refuses_nan && isnan(cell) && weir_cell_is_number(cell)))
        kind = WEIR_FAULT_NAN;
    else if (WEIR_UNLIKELY(found == WEIR_MODEL_LOOKUP_NOT && c->faults_unknown))
        kind = WEIR_FAULT_CATEGORY;
    if (kind != WEIR_FAULT_NONE && fault->kind == WEIR_FAULT_NONE)
        *fault = (struct weir_row_fault){.kind = (uint16_t)kind, .step = e->node.step, .column = j};
    return found == WEIR_MODEL_LOOKUP_NOT ? c->known.n : found;
}

static void encode_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct encode *e = (const struct encode *)(const void *)node;
    double *out = run->out[WEIR_OUTPUT_TRANSFORM];
    size_t stride;
    const double *x = weir_model_node_input_f64(run, node->n_in, run->scratch, &stride);
    for (size_t row = 0; row < run->n_rows; row++, x += stride) {
        for (uint32_t j = 0; j < node->n_in; j++) {
            const struct column *c = &e->columns[j];
            size_t i = find(e, j, x[j], &run->faults[row]);
            if (c->position) {
                memset(out, 0, c->width * sizeof *out);
                if (c->position[i] != WEIR_MODEL_ENCODE_NOTHING)
                    out[c->position[i]] = 1.0;
            } else {
                memcpy(out, c->values + i * c->width, c->width * sizeof *out);
            }
            out += c->width;
        }
    }
}

static enum weir_status copy_column(struct weir_model_builder *b,
                                    const struct weir_model_encode_column *from, struct column *to,
                                    struct weir_error *err)
{
    enum weir_status status =
        weir_model_lookup_init(&to->known, b, from->categories, from->n_categories, err);
    if (status != WEIR_OK)
        return status;
    size_t n = from->n_categories;
    to->width = from->width;
    to->faults_unknown = from->faults_unknown;
    to->is_number = to->known.n_numbers + (to->known.nan != WEIR_MODEL_LOOKUP_NOT) == n;
    if (from->values) {
        size_t n_values;
        if (!weir_size_mul(n + 1, from->width, &n_values))
            return weir_error_set(err, WEIR_ERR_LIMIT, "too many values");
        double *values = weir_arena_zarray(b->arena, n_values, sizeof *values);
        if (!values)
            return weir_model_builder_no_memory(b, err);
        memcpy(values, from->values, n * from->width * sizeof *values);
        if (from->unknown_values)
            memcpy(values + n * from->width, from->unknown_values, from->width * sizeof *values);
        to->values = values;
        return WEIR_OK;
    }
    uint32_t *position = weir_arena_array(b->arena, n + 1, sizeof *position);
    if (!position)
        return weir_model_builder_no_memory(b, err);
    for (size_t i = 0; i <= n; i++) {
        position[i] = i < n ? from->position[i] : from->unknown_position;
        weir_assert(position[i] < from->width || position[i] == WEIR_MODEL_ENCODE_NOTHING);
    }
    to->position = position;
    return WEIR_OK;
}

/* Fills what the columns may hold, where some may hold text. */
static enum weir_status describe_columns(struct weir_model_builder *b, struct encode *e,
                                         struct weir_error *err)
{
    bool has_text = false;
    uint8_t *kinds = weir_arena_array(b->arena, e->node.n_in, sizeof *kinds);
    if (!kinds)
        return weir_model_builder_no_memory(b, err);
    for (uint32_t j = 0; j < e->node.n_in; j++) {
        const struct column *c = &e->columns[j];
        has_text = has_text || !c->is_number;
        kinds[j] = c->is_number ? WEIR_COLUMN_NUMBER : WEIR_COLUMN_MIXED;
        if (c->known.none != WEIR_MODEL_LOOKUP_NOT)
            kinds[j] |= WEIR_MODEL_COLUMN_KNOWS_NONE;
    }
    e->node.columns = has_text ? kinds : NULL;
    return WEIR_OK;
}

enum weir_status weir_model_encode_new(struct weir_model_builder *b,
                                       const struct weir_model_encode_opts *opts,
                                       const struct weir_model_node **out, struct weir_error *err)
{
    weir_assert(opts->n_columns > 0);
    struct encode *e = weir_model_builder_node(b, sizeof *e);
    struct column *columns = weir_arena_zarray(b->arena, opts->n_columns, sizeof *columns);
    if (!e || !columns)
        return weir_model_builder_no_memory(b, err);
    size_t width = 0;
    for (uint32_t j = 0; j < opts->n_columns; j++) {
        enum weir_status status = copy_column(b, &opts->columns[j], &columns[j], err);
        if (status != WEIR_OK)
            return status;
        width += columns[j].width;
        if (width > WEIR_MODEL_COLUMNS_MAX)
            return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns",
                                  WEIR_MODEL_COLUMNS_MAX);
    }
    if (width == 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "gives no column");
    e->columns = columns;
    e->refuses_nan = opts->refuses_nan;
    struct weir_model_node *node = &e->node;
    node->run = encode_run;
    node->n_in = opts->n_columns;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = (uint32_t)width;
    node->allows_nan = !opts->refuses_nan;
    node->follows_f32 = opts->follows_f32 ? 1u << WEIR_OUTPUT_TRANSFORM : 0;
    node->depth = 1;
    node->scratch_bytes = weir_model_node_block_bytes(opts->n_columns);
    enum weir_status status = describe_columns(b, e, err);
    if (status == WEIR_OK)
        status = weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}

/* SPDX-License-Identifier: MIT */
#include "model/impute.h"

#include "model/columns.h"
#include "tensor/cell.h"

#include <math.h>
#include <string.h>

struct impute {
    struct weir_model_node node;
    double missing;
    const double *fill;   /* NULL: only indicators */
    const uint32_t *kept; /* n_kept columns that are given */
    uint32_t n_kept;
    const uint32_t *indicated;
    uint32_t n_indicated;
    const bool *is_indicated; /* faults_new: by column; else NULL */
    bool is_f32;
};

bool weir_model_impute_is_missing(double cell, double marker)
{
    if (weir_cell_is_text(marker))
        return weir_cell_is_text(cell) && weir_str_eq(weir_cell_text(cell), weir_cell_text(marker));
    if (weir_cell_is_none(marker))
        return weir_cell_is_none(cell);
    if (isnan(marker))
        return isnan(cell) && weir_cell_is_number(cell);
    return cell == marker;
}

/* Marks a row that holds an infinity, or a NaN that is not the marker, among its numbers. */
static void check(const struct weir_model_node *node, struct weir_row_fault *fault, const double *x)
{
    for (uint32_t j = 0; j < node->n_in && fault->kind == WEIR_FAULT_NONE; j++) {
        if (isfinite(x[j]) ||
            (node->columns && node->columns[j] != WEIR_COLUMN_NUMBER && !weir_cell_is_number(x[j])))
            continue;
        bool is_nan = isnan(x[j]);
        if (is_nan && (node->allows_nan || !weir_cell_is_number(x[j])))
            continue;
        *fault = (struct weir_row_fault){
            .kind = is_nan ? WEIR_FAULT_NAN : WEIR_FAULT_INFINITE, .step = node->step, .column = j};
    }
}

/* Marks a row with a missing cell in a column that had none in training. */
static void check_new(const struct impute *m, struct weir_row_fault *fault, const double *x)
{
    for (uint32_t j = 0; j < m->node.n_in && fault->kind == WEIR_FAULT_NONE; j++)
        if (!m->is_indicated[j] && weir_model_impute_is_missing(x[j], m->missing))
            *fault =
                (struct weir_row_fault){.kind = WEIR_FAULT_NAN, .step = m->node.step, .column = j};
}

static void impute_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct impute *m = (const struct impute *)(const void *)node;
    double *out = run->out[WEIR_OUTPUT_TRANSFORM];
    size_t stride;
    bool is_f32 = run->in.is_f32 && m->is_f32;
    const double *x = weir_model_node_input_f64(run, node->n_in, run->scratch, &stride);
    double marker = weir_cell_is_number(m->missing)
                        ? weir_model_node_round(m->missing, run->in.is_f32)
                        : m->missing;
    for (size_t row = 0; row < run->n_rows; row++, x += stride) {
        check(node, &run->faults[row], x);
        if (m->is_indicated)
            check_new(m, &run->faults[row], x);
        for (uint32_t k = 0; k < m->n_kept; k++) {
            uint32_t j = m->kept[k];
            double v = x[j];
            if (weir_model_impute_is_missing(v, marker))
                v = weir_cell_is_number(m->fill[j]) ? weir_model_node_round(m->fill[j], is_f32)
                                                    : m->fill[j];
            *out++ = v;
        }
        for (uint32_t k = 0; k < m->n_indicated; k++)
            *out++ = weir_model_impute_is_missing(x[m->indicated[k]], marker) ? 1.0 : 0.0;
    }
}

/* Chooses the columns that are given, and copies what a run needs. */
static bool impute_fill(struct weir_model_builder *b, const struct weir_model_impute_opts *opts,
                        struct impute *m)
{
    uint32_t n = opts->n_columns;
    uint32_t *kept = weir_arena_array(b->arena, n, sizeof *kept);
    uint32_t *indicated = weir_arena_array(b->arena, opts->n_indicated, sizeof *indicated);
    bool *is_indicated = weir_arena_zarray(b->arena, n, sizeof *is_indicated);
    double *fill = weir_arena_array(b->arena, n, sizeof *fill);
    if (!kept || !indicated || !is_indicated || !fill)
        return false;
    for (uint32_t j = 0; opts->fill && j < n; j++) {
        fill[j] = opts->fill[j];
        if (!opts->is_kept || opts->is_kept[j])
            kept[m->n_kept++] = j;
    }
    for (uint32_t k = 0; k < opts->n_indicated; k++) {
        weir_assert(opts->indicated[k] < n);
        indicated[k] = opts->indicated[k];
        is_indicated[indicated[k]] = true;
    }
    m->missing = opts->missing;
    m->fill = opts->fill ? fill : NULL;
    m->kept = kept;
    m->indicated = indicated;
    m->n_indicated = opts->n_indicated;
    m->is_indicated = opts->faults_new ? is_indicated : NULL;
    m->is_f32 = opts->is_f32;
    return true;
}

/* Fills columns and gives where some columns hold text. */
static bool impute_kinds(struct weir_model_builder *b, const uint8_t *kinds, struct impute *m)
{
    uint8_t *columns = weir_arena_array(b->arena, m->node.n_in, sizeof *columns);
    uint8_t *gives =
        weir_arena_array(b->arena, m->node.n_out[WEIR_OUTPUT_TRANSFORM], sizeof *gives);
    uint32_t *passes =
        weir_arena_array(b->arena, m->node.n_out[WEIR_OUTPUT_TRANSFORM], sizeof *passes);
    if (!columns || !gives || !passes)
        return false;
    memcpy(columns, kinds, m->node.n_in * sizeof *columns);
    memset(gives, WEIR_COLUMN_NUMBER, m->node.n_out[WEIR_OUTPUT_TRANSFORM]);
    memset(passes, 0xff, m->node.n_out[WEIR_OUTPUT_TRANSFORM] * sizeof *passes);
    /* What is filled in is of the kind of the column: what reads it tells what the column holds. */
    for (uint32_t k = 0; k < m->n_kept; k++) {
        gives[k] = weir_model_columns_kind(columns[m->kept[k]]);
        passes[k] = m->kept[k];
    }
    m->node.columns = columns;
    m->node.gives = gives;
    m->node.passes = passes;
    return true;
}

enum weir_status weir_model_impute_new(struct weir_model_builder *b,
                                       const struct weir_model_impute_opts *opts,
                                       const struct weir_model_node **out, struct weir_error *err)
{
    weir_assert(opts->n_columns > 0);
    if (opts->n_columns > WEIR_MODEL_COLUMNS_MAX || opts->n_indicated > opts->n_columns)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct impute *m = weir_model_builder_node(b, sizeof *m);
    if (!m || !impute_fill(b, opts, m))
        return weir_model_builder_no_memory(b, err);
    uint32_t width = m->n_kept + m->n_indicated;
    if (width == 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "gives no column");
    struct weir_model_node *node = &m->node;
    node->run = impute_run;
    node->n_in = opts->n_columns;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = width;
    node->allows_nan = isnan(opts->missing) && weir_cell_is_number(opts->missing);
    node->keeps_columns = m->n_kept == node->n_in && m->n_indicated == 0;
    node->follows_f32 = opts->is_f32 ? 1u << WEIR_OUTPUT_TRANSFORM : 0;
    node->depth = 1;
    node->scratch_bytes = weir_model_node_block_bytes(opts->n_columns);
    bool has_text = false;
    for (uint32_t j = 0; opts->kinds && j < opts->n_columns; j++)
        has_text = has_text || opts->kinds[j] != WEIR_COLUMN_NUMBER;
    if (has_text && !impute_kinds(b, opts->kinds, m))
        return weir_model_builder_no_memory(b, err);
    enum weir_status status =
        weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}

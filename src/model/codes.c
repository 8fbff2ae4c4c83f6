/* SPDX-License-Identifier: MIT */
#include "model/codes.h"

#include "model/lookup.h"
#include "tensor/cell.h"

#include <math.h>

struct codes {
    struct weir_model_node node;
    const struct weir_model_lookup *known; /* of each column; n is 0: it passes */
    bool faults_unknown;
};

static double find_code(const struct codes *t, uint32_t j, double cell,
                        struct weir_row_fault *fault)
{
    uint32_t code = weir_model_lookup_find(&t->known[j], cell);
    if (code != WEIR_MODEL_LOOKUP_NOT)
        return (double)code;
    bool is_missing = !weir_cell_is_text(cell) && isnan(cell);
    if (t->faults_unknown && !is_missing && fault->kind == WEIR_FAULT_NONE)
        *fault =
            (struct weir_row_fault){.kind = WEIR_FAULT_CATEGORY, .step = t->node.step, .column = j};
    return (double)NAN;
}

static void codes_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct codes *t = (const struct codes *)(const void *)node;
    double *out = run->out[WEIR_OUTPUT_TRANSFORM];
    size_t stride;
    const double *x = weir_model_node_input_f64(run, node->n_in, run->scratch, &stride);
    for (size_t row = 0; out && row < run->n_rows; row++, x += stride, out += node->n_in)
        for (uint32_t j = 0; j < node->n_in; j++)
            out[j] = t->known[j].n == 0 ? x[j] : find_code(t, j, x[j], &run->faults[row]);
}

/* Fills the lookups, and what the columns may hold where some hold text. */
static enum weir_status fill(struct codes *t, struct weir_model_builder *b,
                             const struct weir_model_codes_opts *opts, struct weir_error *err)
{
    struct weir_model_lookup *known = weir_arena_zarray(b->arena, opts->n_columns, sizeof *known);
    uint8_t *kinds = weir_arena_array(b->arena, opts->n_columns, sizeof *kinds);
    bool has_text = false;
    if (!known || !kinds)
        return weir_model_builder_no_memory(b, err);
    for (uint32_t j = 0; j < opts->n_columns; j++) {
        size_t n = opts->columns[j].n_categories;
        kinds[j] = WEIR_COLUMN_NUMBER;
        if (n == 0)
            continue;
        enum weir_status status =
            weir_model_lookup_init(&known[j], b, opts->columns[j].categories, n, err);
        if (status != WEIR_OK)
            return status;
        if (known[j].n_numbers == n)
            continue;
        has_text = true;
        kinds[j] = known[j].n_numbers == 0 ? WEIR_COLUMN_TEXT : WEIR_COLUMN_MIXED;
    }
    t->known = known;
    t->node.columns = has_text ? kinds : NULL;
    return WEIR_OK;
}

enum weir_status weir_model_codes_new(struct weir_model_builder *b,
                                      const struct weir_model_codes_opts *opts,
                                      const struct weir_model_node **out, struct weir_error *err)
{
    weir_assert(opts->n_columns > 0);
    struct codes *t = weir_model_builder_node(b, sizeof *t);
    if (!t)
        return weir_model_builder_no_memory(b, err);
    t->faults_unknown = opts->faults_unknown;
    t->node.run = codes_run;
    t->node.n_in = opts->n_columns;
    t->node.n_out[WEIR_OUTPUT_TRANSFORM] = opts->n_columns;
    t->node.allows_nan = true;
    t->node.allows_inf = true;
    t->node.keeps_columns = opts->keeps_columns;
    t->node.follows_f32 = 1u << WEIR_OUTPUT_TRANSFORM;
    t->node.depth = 1;
    t->node.scratch_bytes = weir_model_node_block_bytes(opts->n_columns);
    enum weir_status status = fill(t, b, opts, err);
    if (status == WEIR_OK)
        status = weir_model_builder_step(b, opts->name, opts->keeps_columns, &t->node.step, err);
    if (status == WEIR_OK)
        *out = &t->node;
    return status;
}

/* SPDX-License-Identifier: MIT */
#include "model/columns.h"
#include "model/combine_priv.h"

#include <string.h>

/* --- running --- */

void weir_model_combine_check(const struct weir_model_combine *c,
                              const struct weir_model_node_run *run)
{
    if (!c->checks)
        return;
    if (run->in.storage == WEIR_F32)
        weir_model_node_check_f32(&c->node, run, run->in.at, run->in.stride);
    else
        weir_model_node_check_f64(&c->node, run, run->in.at, run->in.stride);
}

/* Copies the columns that a member reads side by side. */
static struct weir_model_matrix gather(const struct weir_model_node_run *run,
                                       const uint32_t *columns, uint32_t n, void *to)
{
    for (size_t row = 0; row < run->n_rows; row++) {
        if (run->in.storage == WEIR_F32) {
            const float *x = (const float *)run->in.at + row * run->in.stride;
            float *out = (float *)to + row * n;
            for (uint32_t i = 0; i < n; i++)
                out[i] = x[columns[i]];
        } else {
            const double *x = (const double *)run->in.at + row * run->in.stride;
            double *out = (double *)to + row * n;
            for (uint32_t i = 0; i < n; i++)
                out[i] = x[columns[i]];
        }
    }
    return (struct weir_model_matrix){
        .at = to, .stride = n, .storage = run->in.storage, .is_f32 = run->in.is_f32};
}

void weir_model_combine_member_run(const struct weir_model_combine *c,
                                   const struct weir_model_node_run *run, size_t i,
                                   void *const out[WEIR_OUTPUT_N])
{
    const struct weir_model_combine_member *m = &c->members[i];
    struct weir_model_node_run part = {.n_rows = run->n_rows,
                                       .in = run->in,
                                       .faults = run->faults,
                                       .scratch = run->scratch + c->inner_at};
    if (m->columns)
        part.in = gather(run, m->columns, m->node->n_in, run->scratch + c->gather_at);
    memcpy(part.out, out, sizeof part.out);
    m->node->run(m->node, &part);
}

bool weir_model_combine_is_f32(const struct weir_model_combine *c,
                               const struct weir_model_node_run *run, size_t i,
                               enum weir_output output)
{
    return run->in.is_f32 && (c->members[i].node->follows_f32 & 1u << output) != 0;
}

bool weir_model_combine_follows_f32(const struct weir_model_combine *c, enum weir_output output)
{
    for (size_t i = 0; i < c->n; i++)
        if (!(c->members[i].node->follows_f32 & 1u << output))
            return false;
    return true;
}

/* --- building --- */

size_t weir_model_combine_width(const struct weir_model_combine_opts *opts, enum weir_output output)
{
    size_t width = 0;
    for (size_t i = 0; i < opts->n; i++)
        width = weir_max_size(width, opts->members[i].node->n_out[output]);
    return width;
}

/* Checks the columns that member i reads. */
static enum weir_status check_member(const struct weir_model_combine_base *base, size_t i,
                                     struct weir_error *err)
{
    const struct weir_model_combine_opts *opts = base->opts;
    const struct weir_model_combine_member *m = &opts->members[i];
    size_t n_in = opts->n_in + (base->grows ? i : 0);
    for (uint32_t k = 0; m->columns && k < m->node->n_in; k++)
        weir_assert(m->columns[k] < opts->n_in);
    if (!m->columns && m->node->n_in != n_in)
        return weir_error_set(err, WEIR_ERR_INVALID, "part %zu takes %u columns, it is given %zu",
                              i, m->node->n_in, n_in);
    if (m->node->columns && (opts->checks || base->grows || m->columns))
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "part %zu takes text", i);
    return WEIR_OK;
}

/* The kinds of the columns when any member takes text: what all of them take. */
static enum weir_status merge_columns(struct weir_model_builder *b,
                                      const struct weir_model_combine_base *base,
                                      struct weir_model_node *node, struct weir_error *err)
{
    const struct weir_model_combine_opts *opts = base->opts;
    bool takes_text = false;
    for (size_t i = 0; i < opts->n; i++)
        takes_text = takes_text || opts->members[i].node->columns;
    if (!takes_text)
        return WEIR_OK;
    uint8_t *kinds = weir_arena_alloc(b->arena, opts->n_in);
    if (!kinds)
        return weir_model_builder_no_memory(b, err);
    memset(kinds, WEIR_MODEL_COLUMN_UNUSED, opts->n_in);
    for (size_t i = 0; i < opts->n; i++) {
        const uint8_t *theirs = opts->members[i].node->columns;
        for (uint32_t k = 0; k < opts->n_in; k++) {
            uint8_t kind = theirs ? theirs[k] : (uint8_t)WEIR_COLUMN_NUMBER;
            if (!weir_model_columns_narrow(&kinds[k], kind))
                kinds[k] = WEIR_COLUMN_NUMBER;
        }
    }
    for (uint32_t k = 0; base->reads_input && k < opts->n_in; k++) {
        bool has_text = weir_model_columns_kind(kinds[k]) == WEIR_COLUMN_TEXT ||
                        weir_model_columns_kind(kinds[k]) == WEIR_COLUMN_MIXED;
        if (has_text)
            return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                                  "column %u may hold text and goes on to an estimator of numbers",
                                  k);
        kinds[k] = WEIR_COLUMN_NUMBER;
    }
    node->columns = kinds;
    return WEIR_OK;
}

/* What the node takes is what all its members take; a member of some columns speaks only for
 * those, and says so row by row. */
static void merge_rules(struct weir_model_combine *c, const struct weir_model_combine_base *base)
{
    const struct weir_model_combine_opts *opts = base->opts;
    struct weir_model_node *node = &c->node;
    node->takes_f32 = !base->reads_input;
    node->allows_nan = !opts->checks || opts->allows_nan;
    node->allows_inf = !opts->checks || opts->allows_inf;
    for (size_t i = 0; i < opts->n; i++) {
        const struct weir_model_combine_member *m = &opts->members[i];
        node->takes_f32 = node->takes_f32 && m->node->takes_f32;
        if (opts->checks || m->columns)
            continue;
        node->allows_nan = node->allows_nan && m->node->allows_nan;
        node->allows_inf = node->allows_inf && m->node->allows_inf;
    }
}

enum weir_status weir_model_combine_init(struct weir_model_builder *b,
                                         const struct weir_model_combine_base *base, void **out,
                                         struct weir_error *err)
{
    const struct weir_model_combine_opts *opts = base->opts;
    weir_assert(opts->n > 0);
    size_t n_gathered = 0;
    size_t inner = 0;
    uint16_t depth = 0;
    for (size_t i = 0; i < opts->n; i++) {
        const struct weir_model_combine_member *m = &opts->members[i];
        enum weir_status status = check_member(base, i, err);
        if (status != WEIR_OK)
            return status;
        if (m->columns)
            n_gathered = weir_max_size(n_gathered, m->node->n_in);
        inner = weir_max_size(inner, m->node->scratch_bytes);
        depth = m->node->depth > depth ? m->node->depth : depth;
    }
    if (depth >= WEIR_MODEL_DEPTH_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "estimators are nested deeper than %d",
                              WEIR_MODEL_DEPTH_MAX);
    struct weir_model_combine *c = weir_model_builder_node(b, base->node_bytes);
    struct weir_model_combine_member *copy = weir_arena_array(b->arena, opts->n, sizeof *copy);
    if (!c || !copy)
        return weir_model_builder_no_memory(b, err);
    memcpy(copy, opts->members, opts->n * sizeof *copy);
    c->n = opts->n;
    c->members = copy;
    c->checks = opts->checks;
    c->gather_at = weir_model_node_align(base->own_bytes);
    c->inner_at = c->gather_at + (n_gathered ? weir_model_node_block_bytes(n_gathered) : 0);
    c->node.n_in = opts->n_in;
    c->node.depth = (uint16_t)(depth + 1);
    c->node.scratch_bytes = c->inner_at + inner;
    c->node.targets = opts->targets;
    c->node.n_targets = opts->n_targets;
    merge_rules(c, base);
    enum weir_status status = merge_columns(b, base, &c->node, err);
    if (status == WEIR_OK && opts->checks)
        status = weir_model_builder_step(b, opts->name, opts->keeps_columns, &c->node.step, err);
    if (status == WEIR_OK)
        *out = c;
    return status;
}

/* SPDX-License-Identifier: MIT */
/* Beginning and ending a forest: what concerns it as a whole, its outputs and its scratch memory.
 */
#include "model/forest_fast.h"

#include <string.h>

/* Fills the outputs: one head speaks for the node; several give one column each, or their shares
 * side by side. */
static void describe(struct weir_model_forest *f, bool is_vector)
{
    struct weir_model_node *node = &f->node;
    weir_model_head_describe(&f->heads[0], node);
    if (f->n_heads > 1) {
        node->n_out[WEIR_OUTPUT_PREDICT] = (uint32_t)f->n_heads;
        node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = f->n_sums;
        node->is_vector = false;
    } else if (!node->predicts_labels) {
        node->is_vector = is_vector && f->n_sums == 1;
    }
}

static enum weir_status copy_opts(struct weir_model_forest_builder *f,
                                  const struct weir_model_forest_opts *opts, struct weir_error *err)
{
    struct weir_model_forest *forest = f->forest;
    forest->heads = weir_arena_array(f->b->arena, opts->n_heads, sizeof *forest->heads);
    if (!forest->heads)
        return weir_model_builder_no_memory(f->b, err);
    memcpy(forest->heads, opts->heads, opts->n_heads * sizeof *forest->heads);
    forest->n_heads = opts->n_heads;
    if (opts->start && !opts->start_node) {
        forest->start = weir_model_builder_doubles(f->b, opts->start, opts->n_sums);
        if (!forest->start)
            return weir_model_builder_no_memory(f->b, err);
    }
    if (opts->base) {
        forest->base = weir_model_builder_doubles(f->b, opts->base, opts->n_sums);
        if (!forest->base)
            return weir_model_builder_no_memory(f->b, err);
    }
    forest->input = opts->input;
    forest->sum = opts->sum;
    forest->n_sums = opts->n_sums;
    forest->width = opts->width;
    forest->start_node = opts->start_node;
    forest->divisor = opts->divisor == 0.0 ? 1.0 : opts->divisor;
    forest->scale = opts->scale == 0.0 ? 1.0 : opts->scale;
    forest->category = opts->category;
    forest->flushes_tiny = opts->flushes_tiny;
    forest->has_missing_value = opts->has_missing_value;
    forest->missing_value = opts->missing_value;
    forest->gives_leaves = opts->gives_leaves;
    return weir_model_builder_step(f->b, opts->name, opts->keeps_columns, &forest->node.step, err);
}

enum weir_status weir_model_forest_begin(struct weir_model_builder *b,
                                         const struct weir_model_forest_opts *opts,
                                         struct weir_model_forest_builder **out,
                                         struct weir_error *err)
{
    weir_assert(opts->n_features > 0);
    weir_assert(opts->n_heads > 0);
    weir_assert(opts->width > 0);
    weir_assert(opts->width <= opts->n_sums);
    weir_assert(opts->input == WEIR_F32 || opts->input == WEIR_F64);
    weir_assert(opts->sum == WEIR_F32 || opts->sum == WEIR_F64);
    weir_assert(!opts->start_node ||
                opts->start_node->n_out[WEIR_OUTPUT_TRANSFORM] == opts->n_sums);
    if (opts->n_sums > WEIR_MODEL_COLUMNS_MAX || opts->n_features > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "too wide: %u features, %u sums",
                              opts->n_features, opts->n_sums);
    if (opts->start_node && opts->start_node->depth >= WEIR_MODEL_DEPTH_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "steps are nested deeper than %d",
                              WEIR_MODEL_DEPTH_MAX);
    struct weir_model_forest_builder *f = weir_arena_zalloc(b->arena, sizeof *f);
    struct weir_model_forest *forest = weir_model_builder_node(b, sizeof *forest);
    if (!f || !forest)
        return weir_model_builder_no_memory(b, err);
    *f = (struct weir_model_forest_builder){.b = b, .forest = forest};
    enum weir_status status = copy_opts(f, opts, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_node *node = &forest->node;
    node->run = weir_model_forest_run;
    node->n_in = opts->n_features;
    describe(forest, opts->is_vector);
    node->takes_f32 = opts->input == WEIR_F32;
    node->allows_nan = opts->allows_nan;
    node->allows_inf = opts->allows_inf;
    node->depth = (uint16_t)(opts->start_node ? opts->start_node->depth + 1 : 1);
    node->targets = opts->targets;
    node->n_targets = opts->n_targets;
    *out = f;
    return WEIR_OK;
}

enum weir_status weir_model_forest_end(struct weir_model_forest_builder *f,
                                       const struct weir_model_node **out, struct weir_error *err)
{
    struct weir_model_forest *forest = f->forest;
    struct weir_model_node *node = &forest->node;
    if (forest->gives_leaves && forest->n_trees > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "too many trees: %zu", forest->n_trees);
    if (forest->gives_leaves)
        node->n_out[WEIR_OUTPUT_LEAF] = (uint32_t)forest->n_trees;
    /* The sums come last: the plan decides for how many rows at once. */
    forest->row_at = 0;
    forest->inner_at = weir_model_node_align(node->n_in * sizeof(double));
    enum weir_status status =
        weir_model_forest_plan(f->b, forest, forest->inner_at, &forest->fast, err);
    if (status != WEIR_OK)
        return status;
    size_t n_rows = forest->fast ? forest->fast->rows_run : WEIR_MODEL_BLOCK_ROWS;
    forest->sums_at = weir_model_node_align(
        forest->inner_at + weir_max_size(forest->start_node ? forest->start_node->scratch_bytes : 0,
                                         forest->fast ? forest->fast->scratch_bytes : 0));
    node->scratch_bytes =
        forest->sums_at + weir_model_node_align(n_rows * forest->n_sums * sizeof(double));
    node->block_rows = n_rows;
    node->block_of = node;
    if (forest->fast) {
        status = weir_model_forest_check(f->b, forest, err);
        if (status != WEIR_OK)
            return status;
    }
    *out = node;
    return WEIR_OK;
}

/* SPDX-License-Identifier: MIT */
#include "model/sparse.h"

#include <string.h>

struct fused {
    struct weir_model_node node;
    const struct weir_model_node *source;
    const struct weir_model_node **maps;
    size_t n_maps;
    const struct weir_model_node *sink;
    size_t cap;
    size_t inner_at; /* offset into scratch, behind the row's cells */
};

static void write_row(const struct weir_model_sparse_row *row, double *out, size_t width)
{
    memset(out, 0, width * sizeof *out);
    for (size_t i = 0; i < row->n; i++)
        out[row->at[i].column] = row->at[i].value;
}

static void fused_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct fused *f = (const struct fused *)(const void *)node;
    struct weir_model_sparse_row row = {.at = (struct weir_model_sparse_cell *)(void *)run->scratch,
                                        .cap = f->cap};
    struct weir_model_node_run part = {.n_rows = 1, .in = run->in};
    part.scratch = run->scratch + f->inner_at;
    size_t item = weir_dtype_size(run->in.storage) * run->in.stride;
    for (size_t i = 0; i < run->n_rows; i++) {
        part.in.at = (const char *)run->in.at + i * item;
        part.faults = &run->faults[i];
        row.n = 0;
        f->source->sparse->source(f->source, &part, &row);
        for (size_t k = 0; k < f->n_maps; k++)
            f->maps[k]->sparse->map(f->maps[k], &row);
        for (size_t o = 0; o < WEIR_OUTPUT_N; o++) {
            size_t bytes = o == WEIR_OUTPUT_PREDICT && node->predicts_labels ? sizeof(int32_t)
                                                                             : sizeof(double);
            part.out[o] = run->out[o] ? (char *)run->out[o] + i * node->n_out[o] * bytes : NULL;
        }
        if (f->sink)
            f->sink->sparse->sink(f->sink, &part, &row);
        else
            write_row(&row, part.out[WEIR_OUTPUT_TRANSFORM], node->n_out[WEIR_OUTPUT_TRANSFORM]);
    }
}

void weir_model_sparse_run(const struct weir_model_node *node,
                           const struct weir_model_node_run *run)
{
    size_t width = node->n_out[WEIR_OUTPUT_TRANSFORM];
    struct weir_model_sparse_row row = {.at = (struct weir_model_sparse_cell *)(void *)run->scratch,
                                        .cap = weir_model_sparse_cap(width)};
    struct weir_model_node_run part = {.n_rows = 1, .in = run->in};
    part.scratch = run->scratch + weir_model_node_align(row.cap * sizeof *row.at);
    size_t item = weir_dtype_size(run->in.storage) * run->in.stride;
    for (size_t i = 0; i < run->n_rows; i++) {
        part.in.at = (const char *)run->in.at + i * item;
        part.faults = &run->faults[i];
        row.n = 0;
        node->sparse->source(node, &part, &row);
        write_row(&row, (double *)run->out[WEIR_OUTPUT_TRANSFORM] + i * width, width);
    }
}

/* Moves the cell at root down until no cell below it has a higher column. */
static void sift(struct weir_model_sparse_cell *at, size_t root, size_t n)
{
    struct weir_model_sparse_cell held = at[root];
    for (size_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        if (child + 1 < n && at[child].column < at[child + 1].column)
            child++;
        if (at[child].column <= held.column)
            break;
        at[root] = at[child];
        root = child;
    }
    at[root] = held;
}

/* Sorts by column, without memory of its own. What is added are whole numbers, whose sums are exact
 * in any order. */
static void sort_cells(struct weir_model_sparse_cell *at, size_t n)
{
    for (size_t root = n / 2; root-- > 0;)
        sift(at, root, n);
    for (size_t last = n; last-- > 1;) {
        struct weir_model_sparse_cell top = at[0];
        at[0] = at[last];
        at[last] = top;
        sift(at, 0, last);
    }
}

void weir_model_sparse_join(struct weir_model_sparse_row *row)
{
    sort_cells(row->at, row->n);
    size_t n = 0;
    for (size_t i = 0; i < row->n; i++) {
        if (n > 0 && row->at[n - 1].column == row->at[i].column)
            row->at[n - 1].value += row->at[i].value;
        else
            row->at[n++] = row->at[i];
    }
    row->n = n;
}

void weir_model_sparse_add(struct weir_model_sparse_row *row, uint32_t column, double value)
{
    if (row->n == row->cap)
        weir_model_sparse_join(row);
    weir_assert(row->n < row->cap);
    row->at[row->n++] = (struct weir_model_sparse_cell){column, value};
}

enum weir_status weir_model_sparse_fuse(struct weir_model_builder *b,
                                        const struct weir_model_node *source,
                                        const struct weir_model_node *const *maps, size_t n_maps,
                                        const struct weir_model_node *sink,
                                        const struct weir_model_node **out, struct weir_error *err)
{
    struct fused *f = weir_model_builder_node(b, sizeof *f);
    const struct weir_model_node **copy = weir_arena_array(b->arena, n_maps, sizeof *copy);
    if (!f || !copy)
        return weir_model_builder_no_memory(b, err);
    if (n_maps > 0)
        memcpy(copy, maps, n_maps * sizeof *copy);
    size_t width = source->n_out[WEIR_OUTPUT_TRANSFORM];
    weir_assert(!sink || sink->n_in == width);
    f->source = source;
    f->maps = copy;
    f->n_maps = n_maps;
    f->sink = sink;
    f->cap = weir_model_sparse_cap(width);
    f->inner_at = weir_model_node_align(f->cap * sizeof(struct weir_model_sparse_cell));
    struct weir_model_node *node = &f->node;
    *node = sink ? *sink : *source;
    node->run = fused_run;
    node->sparse = NULL;
    node->n_in = source->n_in;
    node->columns = source->columns;
    node->gives = NULL;
    node->passes = NULL;
    node->takes_f32 = source->takes_f32;
    node->allows_nan = source->allows_nan;
    node->allows_inf = source->allows_inf;
    node->keeps_columns = false;
    node->follows_f32 = 0;
    uint16_t depth = sink && sink->depth > source->depth ? sink->depth : source->depth;
    if (depth >= WEIR_MODEL_DEPTH_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "estimators are nested deeper than %d",
                              WEIR_MODEL_DEPTH_MAX);
    node->depth = (uint16_t)(depth + 1);
    /* The sink runs when the source has done. */
    node->scratch_bytes = f->inner_at + weir_max_size(source->sparse_scratch_bytes,
                                                      sink ? sink->sparse_scratch_bytes : 0);
    *out = node;
    return WEIR_OK;
}

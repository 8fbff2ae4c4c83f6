/* SPDX-License-Identifier: MIT */
/* The check at load: some rows through the forest's kernels and through the plain walk must give
 * the same bits, else the plain walk is what runs. The rows sit on thresholds, beside them, and on
 * what is odd: NaN, infinities, both zeros. Bounded: few rows, fewer for large forests. */
#include "model/forest_fast.h"

#include <math.h>

enum {
    ROWS_TILE = 40,           /* a tile with lanes to spare */
    ROWS_FEW = 3,             /* goes row by row */
    STEPS_MOST = 100 * 1000,  /* walked in all: a few milliseconds */
    COLUMNS_MOST = 64 * 1000, /* features of all rows */
};

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ z >> 31;
}

/* Fills rows with thresholds of the forest's own nodes, neighbours of those, and odd numbers. */
static void fill_rows(const struct weir_model_forest *f, double *x, size_t n_rows)
{
    static const double odd[] = {0.0, -0.0, INFINITY, -INFINITY, 1.0, -1.0, 3.0, 1e-40};
    uint64_t state = f->n_trees;
    size_t n = f->node.n_in;
    for (size_t i = 0; i < n_rows * n; i++) {
        uint64_t r = next(&state);
        x[i] = r % 5 == 0 && f->node.allows_nan ? (double)NAN : odd[r / 5 % WEIR_ARRAY_LEN(odd)];
    }
    for (size_t row = 0; row < n_rows; row++)
        for (size_t k = 0; k < 4 * n; k++) {
            const struct weir_model_forest_member *tree = &f->trees[next(&state) % f->n_trees];
            const struct weir_model_forest_plain *node = &tree->nodes[next(&state) % tree->n_nodes];
            if (node->test == WEIR_MODEL_FOREST_LEAF || node->test == WEIR_MODEL_FOREST_SET)
                continue;
            double t = node->threshold;
            uint64_t beside = next(&state) % 4;
            x[row * n + node->feature] = beside == 0   ? t
                                         : beside == 1 ? (double)nextafterf((float)t, INFINITY)
                                         : beside == 2 ? (double)nextafterf((float)t, -INFINITY)
                                                       : nextafter(t, INFINITY);
        }
}

/* Whether n rows get the same bits both ways. */
static bool is_same(const struct weir_model_forest *f, const double *x, size_t n, char *scratch)
{
    size_t n_in = f->node.n_in;
    size_t bytes = n * f->n_sums * sizeof(double);
    struct weir_model_node_run run = {
        .n_rows = n,
        .in = {.at = x, .stride = n_in, .storage = WEIR_F64},
        .scratch = scratch,
    };
    double *fast = (double *)(void *)(scratch + weir_model_node_align(f->node.scratch_bytes));
    double *plain = fast + n * f->n_sums;
    double *row = plain + n * f->n_sums;
    memset(fast, 0, 2 * bytes);
    weir_model_forest_fast_run(f, &run, fast);
    for (size_t i = 0; i < n; i++) {
        weir_model_forest_read_row(f, &run.in, i, row);
        for (size_t t = 0; t < f->n_trees; t++)
            weir_model_forest_add_leaf(f, &f->trees[t],
                                       weir_model_forest_walk(f, &f->trees[t], row), row,
                                       plain + i * f->n_sums);
    }
    return memcmp(fast, plain, bytes) == 0;
}

enum weir_status weir_model_forest_check(struct weir_model_builder *b,
                                         struct weir_model_forest *forest, struct weir_error *err)
{
    uint64_t n_steps = 1;
    for (size_t t = 0; t < forest->n_trees; t++)
        n_steps += forest->trees[t].n_levels + 1;
    size_t n = weir_min_size(
        ROWS_TILE, weir_min_size((size_t)(STEPS_MOST / n_steps), COLUMNS_MOST / forest->node.n_in));
    n = n == 0 ? 1 : n;
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, b->arena->mem, 0);
    size_t sums = 2 * n * forest->n_sums * sizeof(double);
    double *x = weir_arena_array(&temp, n * forest->node.n_in, sizeof *x);
    char *scratch = weir_arena_alloc_aligned(&temp,
                                             weir_model_node_align(forest->node.scratch_bytes) +
                                                 sums + forest->node.n_in * sizeof(double),
                                             64);
    if (!x || !scratch)
        return weir_model_builder_no_memory(b, err);
    fill_rows(forest, x, n);
    if (!is_same(forest, x, n, scratch) ||
        !is_same(forest, x, weir_min_size(n, ROWS_FEW), scratch)) {
        forest->fast = NULL;
        b->spec->n_slow_forests++;
    }
    return WEIR_OK;
}

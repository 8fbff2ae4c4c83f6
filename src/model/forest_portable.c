/* SPDX-License-Identifier: MIT */
/* The kernels in C alone: vectors of 16 bytes, which every 64-bit CPU has. */
#define KERNEL static inline __attribute__((always_inline))

#include "model/forest_fast.h"

typedef uint8_t bytes __attribute__((vector_size(16), may_alias));

static inline void select_u8(const struct weir_model_forest_op *ops, size_t n, const uint8_t *tile,
                             uint8_t *slots)
{
    for (size_t i = 0; i < n; i++) {
        const struct weir_model_forest_op *op = &ops[i];
        const bytes *x = (const bytes *)(const void *)(tile + (size_t)op->column * 8);
        const bytes *left = (const bytes *)(const void *)(slots + (size_t)op->left * 8);
        const bytes *right = (const bytes *)(const void *)(slots + (size_t)op->right * 8);
        bytes *out = (bytes *)(void *)(slots + (size_t)op->out * 8);
        bytes k = (bytes){0} + (uint8_t)op->k;
        for (size_t part = 0; part < 4; part++) {
            bytes is_right = (bytes)(x[part] > k);
            out[part] = (right[part] & is_right) | (left[part] & ~is_right);
        }
    }
}

static inline void select_i32(const struct weir_model_forest_op *ops, size_t n, const int32_t *tile,
                              uint8_t *slots)
{
    for (size_t i = 0; i < n; i++) {
        const struct weir_model_forest_op *op = &ops[i];
        const int32_t *x = tile + (size_t)op->column * 8;
        const uint8_t *left = slots + (size_t)op->left * 8;
        const uint8_t *right = slots + (size_t)op->right * 8;
        uint8_t *out = slots + (size_t)op->out * 8;
        int32_t k = op->k;
        for (size_t row = 0; row < 64; row++)
            out[row] = x[row] > k ? right[row] : left[row];
    }
}

static inline void add_exits_f32(const float *values, uint32_t n_exits, const uint8_t *exit,
                                 float *sums)
{
    (void)n_exits;
    for (size_t row = 0; row < 64; row++)
        sums[row] += values[exit[row]];
}

static inline void add_exits_f64(const double *values, uint32_t n_exits, const uint8_t *exit,
                                 double *sums)
{
    (void)n_exits;
    for (size_t row = 0; row < 64; row++)
        sums[row] += values[exit[row]];
}

static inline void select_heap(const struct weir_model_forest_heap *heap, uint32_t levels,
                               const uint8_t *tile, uint8_t *out)
{
    (void)heap;
    (void)levels;
    (void)tile;
    (void)out;
    weir_assert(0 && "heap_cost_u8 is 0");
}

#include "model/forest_body.inc"

static bool is_here(void)
{
    return true;
}

/* The layout is that of the vector search (forest_fast.h); the 256 keys after the separators are
 * ascending, so a plain search by halves does. */
static void rank32(const struct weir_model_forest_column *c, const int32_t *keys, size_t n,
                   uint8_t *out)
{
    const int32_t *sorted = c->keys32 + 16;
    for (size_t i = 0; i < n; i++) {
        uint32_t rank = 0;
        for (uint32_t half = 128; half > 0; half /= 2)
            rank += keys[i] > sorted[rank + half - 1] ? half : 0;
        out[i] = (uint8_t)rank;
    }
}

static void rank64(const struct weir_model_forest_column *c, const int64_t *keys, size_t n,
                   uint8_t *out)
{
    const int64_t *sorted = c->keys64 + 16;
    for (size_t i = 0; i < n; i++) {
        uint32_t rank = 0;
        for (uint32_t half = 128; half > 0; half /= 2)
            rank += keys[i] > sorted[rank + half - 1] ? half : 0;
        out[i] = (uint8_t)rank;
    }
}

static void portable_tile(const struct weir_model_forest_job *job)
{
    run_tile(job);
}

static void portable_rows(const struct weir_model_forest_job *job)
{
    run_rows(job);
}

const struct weir_model_forest_isa weir_model_forest_portable = {.name = "portable",
                                                                 .is_here = is_here,
                                                                 .op_cost_u8 = 16,
                                                                 .op_cost_i32 = 60,
                                                                 .rows_max = 8,
                                                                 .run_tile = portable_tile,
                                                                 .run_rows = portable_rows,
                                                                 .rank32 = rank32,
                                                                 .rank64 = rank64};

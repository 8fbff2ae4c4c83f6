/* SPDX-License-Identifier: MIT */
/* The kernels for CPUs with AVX2: half a tile of bytes is one vector. */
#include "model/forest_fast.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi,bmi2,popcnt")))
#define KERNEL static inline __attribute__((always_inline)) TARGET

KERNEL __m256i load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

/* right where is_right has its top bits set, else left. */
KERNEL void blend(const struct weir_model_forest_op *op, uint8_t *slots, size_t at,
                  __m256i is_right)
{
    __m256i left = load(slots + (size_t)op->left * 8 + at);
    __m256i right = load(slots + (size_t)op->right * 8 + at);
    _mm256_storeu_si256((__m256i *)(void *)(slots + (size_t)op->out * 8 + at),
                        _mm256_blendv_epi8(left, right, is_right));
}

KERNEL void select_u8(const struct weir_model_forest_op *ops, size_t n, const uint8_t *tile,
                      uint8_t *slots)
{
    for (size_t i = 0; i < n; i++) {
        const struct weir_model_forest_op *op = &ops[i];
        const uint8_t *x = tile + (size_t)op->column * 8;
        /* Unsigned x > k: x is the maximum of x and k + 1. k is at most 254. */
        __m256i k = _mm256_set1_epi8((char)(op->k + 1));
        for (size_t at = 0; at < 64; at += 32) {
            __m256i v = load(x + at);
            blend(op, slots, at, _mm256_cmpeq_epi8(_mm256_max_epu8(v, k), v));
        }
    }
}

KERNEL void select_i32(const struct weir_model_forest_op *ops, size_t n, const int32_t *tile,
                       uint8_t *slots)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    for (size_t i = 0; i < n; i++) {
        const struct weir_model_forest_op *op = &ops[i];
        __m256i k = _mm256_set1_epi32(op->k);
        for (size_t at = 0; at < 64; at += 32) {
            const int32_t *x = tile + (size_t)op->column * 8 + at;
            __m256i m0 = _mm256_cmpgt_epi32(load(x), k);
            __m256i m1 = _mm256_cmpgt_epi32(load(x + 8), k);
            __m256i m2 = _mm256_cmpgt_epi32(load(x + 16), k);
            __m256i m3 = _mm256_cmpgt_epi32(load(x + 24), k);
            __m256i m = _mm256_packs_epi16(_mm256_packs_epi32(m0, m1), _mm256_packs_epi32(m2, m3));
            blend(op, slots, at, _mm256_permutevar8x32_epi32(m, order));
        }
    }
}

KERNEL void add_exits_f32(const float *values, uint32_t n_exits, const uint8_t *exit, float *sums)
{
    (void)n_exits;
    for (size_t row = 0; row < 64; row++)
        sums[row] += values[exit[row]];
}

KERNEL void add_exits_f64(const double *values, uint32_t n_exits, const uint8_t *exit, double *sums)
{
    (void)n_exits;
    for (size_t row = 0; row < 64; row++)
        sums[row] += values[exit[row]];
}

KERNEL void select_heap(const struct weir_model_forest_heap *heap, uint32_t levels,
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
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}

TARGET static void rank32(const struct weir_model_forest_column *c, const int32_t *keys, size_t n,
                          uint8_t *out)
{
    const int32_t *sorted = c->keys32 + 16;
    __m256i low = load(c->keys32);
    __m256i high = load(c->keys32 + 8);
    for (size_t i = 0; i < n; i++) {
        __m256i x = _mm256_set1_epi32(keys[i]);
        __m256i m = _mm256_packs_epi32(_mm256_cmpgt_epi32(x, low), _mm256_cmpgt_epi32(x, high));
        uint32_t block = (uint32_t)_mm_popcnt_u32((uint32_t)_mm256_movemask_epi8(m)) / 2;
        const int32_t *in_block = sorted + (size_t)block * 16;
        m = _mm256_packs_epi32(_mm256_cmpgt_epi32(x, load(in_block)),
                               _mm256_cmpgt_epi32(x, load(in_block + 8)));
        uint32_t rest = (uint32_t)_mm_popcnt_u32((uint32_t)_mm256_movemask_epi8(m)) / 2;
        out[i] = (uint8_t)(block * 16 + rest);
    }
}

/* Counts which of 16 keys are below x. */
KERNEL uint32_t count_below(__m256i x, const int64_t *keys)
{
    __m256i m = _mm256_packs_epi32(_mm256_packs_epi32(_mm256_cmpgt_epi64(x, load(keys)),
                                                      _mm256_cmpgt_epi64(x, load(keys + 4))),
                                   _mm256_packs_epi32(_mm256_cmpgt_epi64(x, load(keys + 8)),
                                                      _mm256_cmpgt_epi64(x, load(keys + 12))));
    return (uint32_t)_mm_popcnt_u32((uint32_t)_mm256_movemask_epi8(m)) / 2;
}

TARGET static void rank64(const struct weir_model_forest_column *c, const int64_t *keys, size_t n,
                          uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        __m256i x = _mm256_set1_epi64x(keys[i]);
        uint32_t block = count_below(x, c->keys64);
        out[i] = (uint8_t)(block * 16 + count_below(x, c->keys64 + 16 + (size_t)block * 16));
    }
}

TARGET static void avx2_tile(const struct weir_model_forest_job *job)
{
    run_tile(job);
}

TARGET static void avx2_rows(const struct weir_model_forest_job *job)
{
    run_rows(job);
}

const struct weir_model_forest_isa weir_model_forest_avx2 = {.name = "avx2",
                                                             .is_here = is_here,
                                                             .op_cost_u8 = 8,
                                                             .op_cost_i32 = 24,
                                                             .rows_max = 8,
                                                             .run_tile = avx2_tile,
                                                             .run_rows = avx2_rows,
                                                             .rank32 = rank32,
                                                             .rank64 = rank64};

#endif

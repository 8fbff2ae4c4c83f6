/* SPDX-License-Identifier: MIT */
/* The kernels for CPUs with AVX-512 (F, BW, DQ, VL, VBMI): a whole tile of bytes is one vector, and
 * a byte permute looks all 64 nodes of a small tree up in one row at once. */
#include "model/forest_fast.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi,bmi2,popcnt,lzcnt")))
#define KERNEL static inline __attribute__((always_inline)) TARGET

KERNEL void select_u8(const struct weir_model_forest_op *ops, size_t n, const uint8_t *tile,
                      uint8_t *slots)
{
    for (size_t i = 0; i < n; i++) {
        const struct weir_model_forest_op *op = &ops[i];
        __m512i x = _mm512_loadu_si512(tile + (size_t)op->column * 8);
        __mmask64 is_right = _mm512_cmpgt_epu8_mask(x, _mm512_set1_epi8((char)op->k));
        __m512i left = _mm512_loadu_si512(slots + (size_t)op->left * 8);
        __m512i right = _mm512_loadu_si512(slots + (size_t)op->right * 8);
        _mm512_storeu_si512(slots + (size_t)op->out * 8,
                            _mm512_mask_blend_epi8(is_right, left, right));
    }
}

KERNEL void select_i32(const struct weir_model_forest_op *ops, size_t n, const int32_t *tile,
                       uint8_t *slots)
{
    for (size_t i = 0; i < n; i++) {
        const struct weir_model_forest_op *op = &ops[i];
        const int32_t *x = tile + (size_t)op->column * 8;
        __m512i k = _mm512_set1_epi32(op->k);
        __mmask16 m0 = _mm512_cmpgt_epi32_mask(_mm512_loadu_si512(x), k);
        __mmask16 m1 = _mm512_cmpgt_epi32_mask(_mm512_loadu_si512(x + 16), k);
        __mmask16 m2 = _mm512_cmpgt_epi32_mask(_mm512_loadu_si512(x + 32), k);
        __mmask16 m3 = _mm512_cmpgt_epi32_mask(_mm512_loadu_si512(x + 48), k);
        __mmask64 is_right = _mm512_kunpackd(_mm512_kunpackw(m3, m2), _mm512_kunpackw(m1, m0));
        __m512i left = _mm512_loadu_si512(slots + (size_t)op->left * 8);
        __m512i right = _mm512_loadu_si512(slots + (size_t)op->right * 8);
        _mm512_storeu_si512(slots + (size_t)op->out * 8,
                            _mm512_mask_blend_epi8(is_right, left, right));
    }
}

KERNEL void add_exits_f32(const float *values, uint32_t n_exits, const uint8_t *exit, float *sums)
{
    if (n_exits <= 16) {
        __m512 v = _mm512_loadu_ps(values);
        for (size_t row = 0; row < 64; row += 16) {
            __m512i i = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(exit + row)));
            __m512 sum = _mm512_loadu_ps(sums + row);
            _mm512_storeu_ps(sums + row, _mm512_add_ps(sum, _mm512_permutexvar_ps(i, v)));
        }
        return;
    }
    __m512 v0 = _mm512_loadu_ps(values);
    __m512 v1 = _mm512_loadu_ps(values + 16);
    if (n_exits <= 32) {
        for (size_t row = 0; row < 64; row += 16) {
            __m512i i = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(exit + row)));
            __m512 sum = _mm512_loadu_ps(sums + row);
            _mm512_storeu_ps(sums + row, _mm512_add_ps(sum, _mm512_permutex2var_ps(v0, i, v1)));
        }
        return;
    }
    if (n_exits <= 64) {
        __m512 v2 = _mm512_loadu_ps(values + 32);
        __m512 v3 = n_exits > 48 ? _mm512_loadu_ps(values + 48) : v2;
        for (size_t row = 0; row < 64; row += 16) {
            __m512i i = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(exit + row)));
            __m512 low = _mm512_permutex2var_ps(v0, i, v1);
            __m512 high = _mm512_permutex2var_ps(v2, i, v3);
            __mmask16 is_high = _mm512_cmpgt_epi32_mask(i, _mm512_set1_epi32(31));
            __m512 v = _mm512_mask_blend_ps(is_high, low, high);
            _mm512_storeu_ps(sums + row, _mm512_add_ps(_mm512_loadu_ps(sums + row), v));
        }
        return;
    }
    for (size_t row = 0; row < 64; row++)
        sums[row] += values[exit[row]];
}

KERNEL void add_exits_f64(const double *values, uint32_t n_exits, const uint8_t *exit, double *sums)
{
    if (n_exits <= 16) {
        __m512d v0 = _mm512_loadu_pd(values);
        __m512d v1 = _mm512_loadu_pd(values + 8);
        for (size_t row = 0; row < 64; row += 8) {
            __m512i i = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(exit + row)));
            __m512d v = _mm512_permutex2var_pd(v0, i, v1);
            _mm512_storeu_pd(sums + row, _mm512_add_pd(_mm512_loadu_pd(sums + row), v));
        }
        return;
    }
    if (n_exits <= 32) {
        __m512d v0 = _mm512_loadu_pd(values);
        __m512d v1 = _mm512_loadu_pd(values + 8);
        __m512d v2 = _mm512_loadu_pd(values + 16);
        __m512d v3 = _mm512_loadu_pd(values + 24);
        for (size_t row = 0; row < 64; row += 8) {
            __m512i i = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(exit + row)));
            __m512d low = _mm512_permutex2var_pd(v0, i, v1);
            __m512d high = _mm512_permutex2var_pd(v2, i, v3);
            __mmask8 is_high = _mm512_cmpgt_epi64_mask(i, _mm512_set1_epi64(15));
            __m512d v = _mm512_mask_blend_pd(is_high, low, high);
            _mm512_storeu_pd(sums + row, _mm512_add_pd(_mm512_loadu_pd(sums + row), v));
        }
        return;
    }
    if (n_exits <= 64) {
        for (size_t row = 0; row < 64; row += 8) {
            __m512i i = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(exit + row)));
            __m512d v = _mm512_i64gather_pd(i, values, 8);
            _mm512_storeu_pd(sums + row, _mm512_add_pd(_mm512_loadu_pd(sums + row), v));
        }
        return;
    }
    for (size_t row = 0; row < 64; row++)
        sums[row] += values[exit[row]];
}

/* --- heaps: all in registers --- */

/* Which rows node i sends right. */
KERNEL __mmask64 asks(const struct weir_model_forest_heap *h, const uint8_t *tile, size_t i)
{
    __m512i x = _mm512_loadu_si512(tile + (size_t)h->column[i] * 8);
    return _mm512_cmpgt_epu8_mask(x, _mm512_set1_epi8((char)h->k[i]));
}

/* The leaf below node i, three levels down, counted from 0. */
KERNEL __m512i three_levels(const struct weir_model_forest_heap *h, const uint8_t *tile, size_t i)
{
    const __m512i zero = _mm512_setzero_si512(), one = _mm512_set1_epi8(1),
                  two = _mm512_set1_epi8(2), three = _mm512_set1_epi8(3),
                  four = _mm512_set1_epi8(4), five = _mm512_set1_epi8(5), six = _mm512_set1_epi8(6),
                  seven = _mm512_set1_epi8(7);
    __m512i a = _mm512_mask_mov_epi8(zero, asks(h, tile, 4 * i), one);
    __m512i b = _mm512_mask_mov_epi8(two, asks(h, tile, 4 * i + 1), three);
    __m512i c = _mm512_mask_mov_epi8(four, asks(h, tile, 4 * i + 2), five);
    __m512i d = _mm512_mask_mov_epi8(six, asks(h, tile, 4 * i + 3), seven);
    __m512i left = _mm512_mask_mov_epi8(a, asks(h, tile, 2 * i), b);
    __m512i right = _mm512_mask_mov_epi8(c, asks(h, tile, 2 * i + 1), d);
    return _mm512_mask_mov_epi8(left, asks(h, tile, i), right);
}

/* The leaf below node i, levels down. */
KERNEL __m512i some_levels(const struct weir_model_forest_heap *h, const uint8_t *tile, size_t i,
                           uint32_t levels)
{
    if (levels == 3)
        return three_levels(h, tile, i);
    __m512i left, right;
    __mmask64 is_right = asks(h, tile, i);
    if (levels == 4) {
        left = three_levels(h, tile, 2 * i);
        right = three_levels(h, tile, 2 * i + 1);
    } else {
        __mmask64 is_left_right = asks(h, tile, 2 * i);
        __mmask64 is_right_right = asks(h, tile, 2 * i + 1);
        __m512i eight = _mm512_set1_epi8(8);
        left = three_levels(h, tile, 4 * i);
        left = _mm512_mask_add_epi8(left, is_left_right, three_levels(h, tile, 4 * i + 1), eight);
        right = three_levels(h, tile, 4 * i + 2);
        right =
            _mm512_mask_add_epi8(right, is_right_right, three_levels(h, tile, 4 * i + 3), eight);
    }
    __m512i half = _mm512_set1_epi8((char)(1 << (levels - 1)));
    return _mm512_mask_add_epi8(left, is_right, right, half);
}

KERNEL void select_heap(const struct weir_model_forest_heap *h, uint32_t levels,
                        const uint8_t *tile, uint8_t *out)
{
    __m512i leaf;
    if (levels == 3) {
        leaf = three_levels(h, tile, 1);
    } else if (levels == 4) {
        leaf = some_levels(h, tile, 1, 4);
    } else if (levels == 5) {
        leaf = some_levels(h, tile, 1, 5);
    } else {
        __m512i right = some_levels(h, tile, 3, 5);
        leaf = some_levels(h, tile, 2, 5);
        leaf = _mm512_mask_add_epi8(leaf, asks(h, tile, 1), right, _mm512_set1_epi8(32));
    }
    _mm512_storeu_si512(out, leaf);
}

#include "model/forest_body.inc"

static bool is_here(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("bmi2");
}

TARGET static void rank32(const struct weir_model_forest_column *c, const int32_t *keys, size_t n,
                          uint8_t *out)
{
    __m512i separators = _mm512_loadu_si512(c->keys32);
    for (size_t i = 0; i < n; i++) {
        __m512i x = _mm512_set1_epi32(keys[i]);
        uint32_t block = (uint32_t)_mm_popcnt_u32(_mm512_cmpgt_epi32_mask(x, separators));
        __m512i in_block = _mm512_loadu_si512(c->keys32 + 16 + (size_t)block * 16);
        uint32_t rest = (uint32_t)_mm_popcnt_u32(_mm512_cmpgt_epi32_mask(x, in_block));
        out[i] = (uint8_t)(block * 16 + rest);
    }
}

/* Counts which of 16 keys are below x. */
KERNEL uint32_t count_below(__m512i x, const int64_t *keys)
{
    uint32_t low = _mm512_cmpgt_epi64_mask(x, _mm512_loadu_si512(keys));
    uint32_t high = _mm512_cmpgt_epi64_mask(x, _mm512_loadu_si512(keys + 8));
    return (uint32_t)_mm_popcnt_u32(low | high << 8);
}

TARGET static void rank64(const struct weir_model_forest_column *c, const int64_t *keys, size_t n,
                          uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        __m512i x = _mm512_set1_epi64(keys[i]);
        uint32_t block = count_below(x, c->keys64);
        out[i] = (uint8_t)(block * 16 + count_below(x, c->keys64 + 16 + (size_t)block * 16));
    }
}

/* --- all nodes of a tree at once --- */

/* Which nodes of a tree send a row right. */
KERNEL uint64_t tests(const struct weir_model_forest_bits *t, __m512i row)
{
    __m512i x = _mm512_permutexvar_epi8(_mm512_loadu_si512(t->column), row);
    return _mm512_cmpgt_epu8_mask(x, _mm512_loadu_si512(t->k));
}

/* Follows the bits of a heap of six levels; returns the leaf's place. */
KERNEL uint32_t follow_heap(uint64_t right)
{
    uint64_t at = 1;
    for (int level = 0; level < WEIR_MODEL_FOREST_HEAP_LEVELS; level++)
        at = at * 2 + (right >> at & 1);
    return (uint32_t)at & 63;
}

KERNEL void add_bits(const struct weir_model_forest_fast *f, bool is_f32,
                     const struct weir_model_forest_fast_tree *t, uint32_t leaf, size_t row,
                     void *sums)
{
    size_t at = f->width == 1 ? (size_t)t->first * TILE + row : row * f->n_sums + t->first;
    add_values(f, is_f32, t->values_at, leaf, sums, at);
}

KERNEL void bits_heap(const struct weir_model_forest_job *job, bool is_f32)
{
    const struct weir_model_forest_fast *f = job->f;
    for (size_t row = 0; row < job->n_rows; row++) {
        __m512i x = _mm512_loadu_si512(job->elements + row * f->row_bytes);
        for (size_t i = 0; i < f->n_trees; i++) {
            const struct weir_model_forest_bits *bits = &f->bits[i];
            uint32_t leaf = bits->leaf[follow_heap(tests(bits, x))];
            add_bits(f, is_f32, &f->trees[i], leaf, row, job->sums);
        }
    }
}

/* The number of the one leaf whose path the row took. */
KERNEL uint32_t find_path(const struct weir_model_forest_paths *t, __m256i low, __m256i high)
{
    __m256i column = _mm256_loadu_si256((const __m256i *)(const void *)t->column);
    __m256i x = _mm256_permutex2var_epi8(low, column, high);
    __mmask32 right =
        _mm256_cmpgt_epu8_mask(x, _mm256_loadu_si256((const __m256i *)(const void *)t->k));
    __m512i bits = _mm512_set1_epi32((int32_t)right);
    __m512i differs = _mm512_xor_si512(bits, _mm512_loadu_si512(t->want));
    __mmask16 first = _mm512_testn_epi32_mask(differs, _mm512_loadu_si512(t->path));
    differs = _mm512_xor_si512(bits, _mm512_loadu_si512(t->want + 16));
    __mmask16 second = _mm512_testn_epi32_mask(differs, _mm512_loadu_si512(t->path + 16));
    return _tzcnt_u32((uint32_t)first | (uint32_t)second << 16);
}

KERNEL void paths(const struct weir_model_forest_job *job, bool is_f32)
{
    const struct weir_model_forest_fast *f = job->f;
    for (size_t row = 0; row < job->n_rows; row++) {
        const char *elements = job->elements + row * f->row_bytes;
        __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)elements);
        __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(elements + 32));
        for (size_t i = 0; i < f->n_trees; i++)
            add_bits(f, is_f32, &f->trees[i], find_path(&f->paths[i], low, high), row, job->sums);
    }
}

TARGET static void avx512_bits(const struct weir_model_forest_job *job)
{
    if (job->f->values_f32)
        bits_heap(job, true);
    else
        bits_heap(job, false);
}

TARGET static void avx512_paths(const struct weir_model_forest_job *job)
{
    if (job->f->values_f32)
        paths(job, true);
    else
        paths(job, false);
}

TARGET static void avx512_tile(const struct weir_model_forest_job *job)
{
    run_tile(job);
}

TARGET static void avx512_rows(const struct weir_model_forest_job *job)
{
    run_rows(job);
}

const struct weir_model_forest_isa weir_model_forest_avx512 = {.name = "avx512",
                                                               .is_here = is_here,
                                                               .op_cost_u8 = 4,
                                                               .op_cost_i32 = 12,
                                                               .heap_cost_u8 = 2,
                                                               .rows_max_bits = 10,
                                                               .rows_max_paths = 16,
                                                               .rows_max = 8,
                                                               .run_tile = avx512_tile,
                                                               .run_rows = avx512_rows,
                                                               .run_bits = avx512_bits,
                                                               .run_paths = avx512_paths,
                                                               .rank32 = rank32,
                                                               .rank64 = rank64};

#endif

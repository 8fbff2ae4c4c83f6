/* SPDX-License-Identifier: MIT */
/* 64 bytes of an array of numbers at a time, as bit masks: bit i tells of byte i. A loop over bytes
 * would guess wrong at the end of nearly every number; masks have nothing to guess. */
#ifndef WEIR_CODEC_JSON_BLOCK_PRIV_H
#define WEIR_CODEC_JSON_BLOCK_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <immintrin.h>
#define WEIR_CODEC_JSON_HAS_BLOCKS 1
#else
#define WEIR_CODEC_JSON_HAS_BLOCKS 0
#endif

enum { WEIR_CODEC_JSON_BLOCK_BYTES = 64 };

#if WEIR_CODEC_JSON_HAS_BLOCKS

struct weir_codec_json_block {
    uint64_t digits, zeros, points, commas, minuses, spaces;
};

static inline uint64_t weir_codec_json_block_equal(const __m128i v[4], char c)
{
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) {
        __m128i equal = _mm_cmpeq_epi8(v[i], _mm_set1_epi8(c));
        mask |= (uint64_t)(unsigned)_mm_movemask_epi8(equal) << (16 * i);
    }
    return mask;
}

/* Sorts the 64 bytes at `at`. */
static inline struct weir_codec_json_block weir_codec_json_block_load(const char *at)
{
    __m128i v[4];
    struct weir_codec_json_block b = {0};
    for (int i = 0; i < 4; i++) {
        v[i] = _mm_loadu_si128((const __m128i *)(const void *)(at + 16 * i));
        __m128i d = _mm_sub_epi8(v[i], _mm_set1_epi8('0'));
        __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(9)), d);
        b.digits |= (uint64_t)(unsigned)_mm_movemask_epi8(is_digit) << (16 * i);
    }
    b.zeros = weir_codec_json_block_equal(v, '0');
    b.points = weir_codec_json_block_equal(v, '.');
    b.commas = weir_codec_json_block_equal(v, ',');
    b.minuses = weir_codec_json_block_equal(v, '-');
    b.spaces = weir_codec_json_block_equal(v, ' ');
    return b;
}

/* Returns the bits below the first byte that is none of these; a space only counts right after a
 * comma. */
static inline uint64_t weir_codec_json_block_plain(const struct weir_codec_json_block *b)
{
    uint64_t spaces = b->spaces & b->commas << 1;
    uint64_t others = ~(b->digits | b->points | b->commas | b->minuses | spaces);
    return others ? (others & (0 - others)) - 1 : UINT64_MAX;
}

#endif

#endif

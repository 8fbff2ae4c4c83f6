/* SPDX-License-Identifier: MIT */
/* Sorting scores: least significant digit first, O(n), stable. */
#ifndef WEIR_EVAL_SORT_H
#define WEIR_EVAL_SORT_H

#include "base/mem.h"

#include <stdint.h>

/* The memory of a sort of n pairs, 24 n bytes, owned; zero-initialise. */
struct weir_eval_sort {
    uint64_t *keys;      /* n, the sorted ones after weir_eval_sort_run */
    uint64_t *spare;     /* n */
    uint32_t *values;    /* n, in the order of the keys; the second half of a block of 8 n bytes, */
    uint32_t *values_at; /* whose beginning is this */
    size_t n;
    struct weir_mem *mem;
};

/* The most pairs in a sort. */
#define WEIR_EVAL_SORT_MAX ((size_t)1 << 31)

/* Makes room for n pairs, to be written into keys and values. WEIR_ERR_NO_MEMORY; WEIR_ERR_LIMIT:
 * more than WEIR_EVAL_SORT_MAX. */
WEIR_MUST_USE enum weir_status weir_eval_sort_init(struct weir_eval_sort *sort, size_t n,
                                                   struct weir_mem *mem, struct weir_error *err);
void weir_eval_sort_deinit(struct weir_eval_sort *sort);

/* Sorts the first n pairs by their keys, ascending; equal keys stay in their order. Digits that all
 * keys share cost nothing. */
void weir_eval_sort_run(struct weir_eval_sort *sort, size_t n);

/* Sorts keys first … first + n − 1 alone, ascending; their values have no meaning then. */
void weir_eval_sort_run_keys(struct weir_eval_sort *sort, size_t first, size_t n);

/* Returns the key by which larger scores sort first; −0 and +0 have the same one. */
static inline uint64_t weir_eval_sort_key(double score)
{
    uint64_t bits;
    double s = score + 0.0; /* −0 + 0 is +0 */
    __builtin_memcpy(&bits, &s, sizeof bits);
    return bits >> 63 ? bits : ~(bits | UINT64_C(1) << 63);
}

/* Returns the score of a key. */
static inline double weir_eval_sort_score(uint64_t key)
{
    uint64_t bits = key >> 63 ? key : ~key & ~(UINT64_C(1) << 63);
    double score;
    __builtin_memcpy(&score, &bits, sizeof score);
    return score;
}

#endif

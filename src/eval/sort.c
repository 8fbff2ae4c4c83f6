/* SPDX-License-Identifier: MIT */
#include "eval/sort.h"

#include "base/macros.h"

#include <string.h>

enum { DIGIT_BITS = 8, N_DIGITS = 8, N_BUCKETS = 1 << DIGIT_BITS };

enum weir_status weir_eval_sort_init(struct weir_eval_sort *sort, size_t n, struct weir_mem *mem,
                                     struct weir_error *err)
{
    weir_assert(sort);
    *sort = (struct weir_eval_sort){.n = n, .mem = mem};
    if (n > WEIR_EVAL_SORT_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "%zu rows; at most %zu can be ranked", n,
                              WEIR_EVAL_SORT_MAX);
    sort->keys = weir_mem_array(mem, n, sizeof *sort->keys);
    sort->spare = weir_mem_array(mem, n, sizeof *sort->spare);
    sort->values_at = weir_mem_array(mem, n, 2 * sizeof *sort->values_at);
    if (!sort->keys || !sort->spare || !sort->values_at) {
        weir_eval_sort_deinit(sort);
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory to rank %zu rows", n);
    }
    sort->values = sort->values_at + n;
    return WEIR_OK;
}

void weir_eval_sort_deinit(struct weir_eval_sort *sort)
{
    weir_assert(sort);
    weir_mem_free(sort->mem, sort->keys);
    weir_mem_free(sort->mem, sort->spare);
    weir_mem_free(sort->mem, sort->values_at);
    *sort = (struct weir_eval_sort){0};
}

static void count_digits(const uint64_t *keys, size_t n, uint32_t counts[N_DIGITS][N_BUCKETS])
{
    memset(counts, 0, sizeof(uint32_t) * N_DIGITS * N_BUCKETS);
    for (size_t i = 0; i < n; i++) {
        for (unsigned d = 0; d < N_DIGITS; d++)
            counts[d][keys[i] >> (d * DIGIT_BITS) & (N_BUCKETS - 1)]++;
    }
}

/* Turns counts of a digit into places. */
static void make_places(uint32_t *counts)
{
    uint32_t place = 0;
    for (size_t b = 0; b < N_BUCKETS; b++) {
        uint32_t count = counts[b];
        counts[b] = place;
        place += count;
    }
}

/* Moves all pairs to where their digit says. counts becomes the places. */
static void move(const struct weir_eval_sort *sort, size_t n, unsigned digit, uint32_t *counts,
                 const uint32_t *from, uint32_t *to)
{
    make_places(counts);
    for (size_t i = 0; i < n; i++) {
        uint32_t at = counts[sort->keys[i] >> (digit * DIGIT_BITS) & (N_BUCKETS - 1)]++;
        sort->spare[at] = sort->keys[i];
        to[at] = from[i];
    }
}

void weir_eval_sort_run(struct weir_eval_sort *sort, size_t n)
{
    weir_assert(sort);
    weir_assert(n <= sort->n);
    uint32_t counts[N_DIGITS][N_BUCKETS];
    uint32_t *from = sort->values;
    uint32_t *to = sort->values_at;
    if (n == 0)
        return;
    count_digits(sort->keys, n, counts);
    for (unsigned d = 0; d < N_DIGITS; d++) {
        if (counts[d][sort->keys[0] >> (d * DIGIT_BITS) & (N_BUCKETS - 1)] == n)
            continue;
        move(sort, n, d, counts[d], from, to);
        uint64_t *keys = sort->keys;
        sort->keys = sort->spare;
        sort->spare = keys;
        uint32_t *values = from;
        from = to;
        to = values;
    }
    if (from != sort->values)
        memcpy(sort->values, from, n * sizeof *from);
}

void weir_eval_sort_run_keys(struct weir_eval_sort *sort, size_t first, size_t n)
{
    weir_assert(sort);
    weir_assert(first <= sort->n);
    weir_assert(n <= sort->n - first);
    uint32_t counts[N_DIGITS][N_BUCKETS];
    uint64_t *from = sort->keys + first;
    uint64_t *to = sort->spare + first;
    if (n == 0)
        return;
    count_digits(from, n, counts);
    for (unsigned d = 0; d < N_DIGITS; d++) {
        unsigned shift = d * DIGIT_BITS;
        if (counts[d][from[0] >> shift & (N_BUCKETS - 1)] == n)
            continue;
        make_places(counts[d]);
        for (size_t i = 0; i < n; i++)
            to[counts[d][from[i] >> shift & (N_BUCKETS - 1)]++] = from[i];
        uint64_t *other = from;
        from = to;
        to = other;
    }
    if (from != sort->keys + first)
        memcpy(sort->keys + first, from, n * sizeof *from);
}

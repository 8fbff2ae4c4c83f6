/* SPDX-License-Identifier: MIT */
/* Rows with weights are sorted with their indexes. Rows without need none: the keys of each class
 * are sorted alone and merged, which moves a third less. */
#include "eval/sweep.h"

#include "base/macros.h"

#include <math.h>

/* A value of the sort: the row, and in the highest bit whether it is positive. */
#define POSITIVE (UINT32_C(1) << 31)

/* Fills the sort with the rows that count. */
static enum weir_status fill_pairs(struct weir_eval_sweep *sweep,
                                   const struct weir_eval_binary *rows, size_t *n,
                                   struct weir_error *err)
{
    struct weir_eval_sort *sort = &sweep->memory;
    size_t k = 0;
    for (size_t i = 0; i < rows->n; i++) {
        double w = rows->weights[i];
        if (!(w >= 0) || isinf(w))
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "row %zu: a weight of %g; it must be finite and at least 0", i,
                                  w);
        if (w == 0)
            continue;
        if (!isfinite(rows->scores[i])) {
            sweep->n_invalid++;
            continue;
        }
        bool is_positive = rows->is_positive[i] != 0;
        sort->keys[k] = weir_eval_sort_key(rows->scores[i]);
        sort->values[k] = (uint32_t)i | (is_positive ? POSITIVE : 0);
        sweep->n_positive += is_positive;
        k++;
    }
    sweep->n_negative = k - sweep->n_positive;
    *n = k;
    return WEIR_OK;
}

/* Makes the groups of weighted rows in the memory of the sort: thresholds over the keys, tp over
 * the spare ones, fp over the values. Each is written behind what is still to be read: group g ends
 * at row i >= g, and fp's bytes [8 g, 8 g + 8) lie before those of value i + 1, at 4 n + 4 (i + 1).
 */
static void make_groups(struct weir_eval_sweep *sweep, const double *weights, size_t n)
{
    const struct weir_eval_sort *sort = &sweep->memory;
    double *thresholds = (double *)(void *)sort->keys;
    double *tp = (double *)(void *)sort->spare;
    double *fp = (double *)(void *)sort->values_at;
    double sums[2] = {0, 0};
    size_t g = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t key = sort->keys[i];
        uint32_t value = sort->values[i];
        bool is_last = i + 1 == n || sort->keys[i + 1] != key;
        sums[value >> 31] += weights[value & ~POSITIVE];
        if (!is_last)
            continue;
        thresholds[g] = weir_eval_sort_score(key);
        tp[g] = sums[1];
        fp[g] = sums[0];
        g++;
    }
    sweep->n_groups = g;
    sweep->thresholds = thresholds;
    sweep->tp = tp;
    sweep->fp = fp;
    sweep->positives = sums[1];
    sweep->negatives = sums[0];
}

/* Writes the keys of negatives from the beginning and those of positives from the end. */
static void fill_keys(struct weir_eval_sweep *sweep, const struct weir_eval_binary *rows)
{
    uint64_t *keys = sweep->memory.keys;
    size_t low = 0;
    size_t high = rows->n;
    for (size_t i = 0; i < rows->n; i++) {
        double score = rows->scores[i];
        bool is_positive = rows->is_positive[i] != 0;
        if (!isfinite(score)) {
            sweep->n_invalid++;
            continue;
        }
        /* Classes follow each other at random: no branch. */
        high -= is_positive;
        keys[is_positive ? high : low] = weir_eval_sort_key(score);
        low += !is_positive;
    }
    sweep->n_negative = low;
    sweep->n_positive = rows->n - high;
}

/* Merges the keys of both classes into groups: thresholds over the spare keys; counts first as
 * whole numbers over the values, rows in their second half, then as tp over the keys, which were
 * read, and as fp over the values: fp's bytes [8 g, 8 g + 8) lie before those of the rows of group
 * g + 1, at 4 n + 4 (g + 1). */
static void merge_groups(struct weir_eval_sweep *sweep)
{
    const struct weir_eval_sort *sort = &sweep->memory;
    const uint64_t *negatives = sort->keys;
    const uint64_t *positives = sort->keys + (sort->n - sweep->n_positive);
    double *thresholds = (double *)(void *)sort->spare;
    double *tp = (double *)(void *)sort->keys;
    double *fp = (double *)(void *)sort->values_at;
    uint32_t *n_tp = sort->values_at;
    uint32_t *n_rows = sort->values_at + sort->n;
    size_t i = 0;
    size_t j = 0;
    size_t n = 0;
    while (i < sweep->n_negative || j < sweep->n_positive) {
        uint64_t a = i < sweep->n_negative ? negatives[i] : UINT64_MAX;
        uint64_t b = j < sweep->n_positive ? positives[j] : UINT64_MAX;
        uint64_t key = a < b ? a : b;
        while (i < sweep->n_negative && negatives[i] == key)
            i++;
        while (j < sweep->n_positive && positives[j] == key)
            j++;
        thresholds[n] = weir_eval_sort_score(key);
        n_tp[n] = (uint32_t)j;
        n_rows[n++] = (uint32_t)(i + j);
    }
    for (size_t g = 0; g < n; g++)
        tp[g] = n_tp[g];
    for (size_t g = 0; g < n; g++)
        fp[g] = n_rows[g] - tp[g];
    sweep->n_groups = n;
    sweep->thresholds = thresholds;
    sweep->tp = tp;
    sweep->fp = fp;
    sweep->positives = (double)sweep->n_positive;
    sweep->negatives = (double)sweep->n_negative;
}

enum weir_status weir_eval_sweep_init(struct weir_eval_sweep *sweep,
                                      const struct weir_eval_binary *rows, struct weir_mem *mem,
                                      struct weir_error *err)
{
    weir_assert(sweep);
    weir_assert(rows);
    *sweep = (struct weir_eval_sweep){.is_weighted = rows->weights != NULL};
    enum weir_status status = weir_eval_sort_init(&sweep->memory, rows->n, mem, err);
    if (status != WEIR_OK)
        return status;
    if (!rows->weights) {
        fill_keys(sweep, rows);
        weir_eval_sort_run_keys(&sweep->memory, 0, sweep->n_negative);
        weir_eval_sort_run_keys(&sweep->memory, rows->n - sweep->n_positive, sweep->n_positive);
        merge_groups(sweep);
        return WEIR_OK;
    }
    size_t n = 0;
    status = fill_pairs(sweep, rows, &n, err);
    if (status != WEIR_OK) {
        weir_eval_sweep_deinit(sweep);
        return status;
    }
    weir_eval_sort_run(&sweep->memory, n);
    make_groups(sweep, rows->weights, n);
    return WEIR_OK;
}

void weir_eval_sweep_deinit(struct weir_eval_sweep *sweep)
{
    weir_assert(sweep);
    weir_eval_sort_deinit(&sweep->memory);
    *sweep = (struct weir_eval_sweep){0};
}

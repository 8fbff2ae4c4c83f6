/* SPDX-License-Identifier: MIT */
/* The threshold sweep: for each distinct score, what is at it and above. The one table that curves,
 * areas and threshold policies are read from.
 *
 * Scores are ranked from the largest to the smallest; rows of equal scores are one *group*, and a
 * row is called positive when score >= threshold. Rows of weight 0 and rows whose score is not
 * finite make no groups. Sums are doubles, exact without weights below 2^53 rows. */
#ifndef WEIR_EVAL_SWEEP_H
#define WEIR_EVAL_SWEEP_H

#include "eval/sort.h"

#include <stdbool.h>

/* Scored rows of two classes. Borrowed. */
struct weir_eval_binary {
    size_t n;
    const double *scores;       /* n; the larger, the more positive */
    const uint8_t *is_positive; /* n, 0 or 1 */
    const double *weights;      /* n, finite and >= 0; NULL: all 1 */
};

struct weir_eval_sweep {
    size_t n_groups;
    const double *thresholds; /* n_groups scores, descending */
    const double *tp;         /* weight of positives with a score >= the threshold */
    const double *fp;         /* weight of negatives with a score >= the threshold */
    double positives;         /* weight of all; tp and fp of the last group */
    double negatives;
    size_t n_positive; /* rows that count */
    size_t n_negative;
    size_t n_invalid; /* rows whose score is NaN or infinite, left out */
    bool is_weighted;
    struct weir_eval_sort memory; /* what the arrays live in */
};

/* Ranks the rows. Takes 24 bytes for each row, kept until deinit. WEIR_ERR_INVALID: a weight that
 * is negative or not finite, named by its row; WEIR_ERR_LIMIT; WEIR_ERR_NO_MEMORY. *sweep is then
 * as zeroed. O(n). */
WEIR_MUST_USE enum weir_status weir_eval_sweep_init(struct weir_eval_sweep *sweep,
                                                    const struct weir_eval_binary *rows,
                                                    struct weir_mem *mem, struct weir_error *err);
void weir_eval_sweep_deinit(struct weir_eval_sweep *sweep);

#endif

/* SPDX-License-Identifier: MIT */
/* Windows added up, of a loop and of all loops. */
#ifndef WEIR_LIVE_SUM_H
#define WEIR_LIVE_SUM_H

#include "live/window.h"

/* Windows added up. */
struct weir_live_sum {
    struct weir_live_shape shape; /* reference valid as long as the version */
    struct weir_live_layout layout;
    bool has_shape; /* something was added */
    uint64_t n_rows;
    uint64_t n_labelled;
    uint64_t delay_s;
    uint64_t n_sampled;
    uint64_t from_s;  /* begin of the first window that was added, since 1970; 0: none */
    uint64_t *counts; /* layout.n, owned */
    struct weir_live_total total; /* owned */
    double *first;  /* n_bins: the score a bin was first seen with, two classes; owned, or NULL */
    bool *is_mixed; /* n_bins: it had others; owned, or NULL */
    bool *is_used;  /* n_bins: it had one; owned, or NULL */
    struct weir_eval_binned_calibration *calibration; /* owned, or NULL */
    struct weir_live_errors *errors;                  /* owned, or NULL */
    struct weir_mem *mem;
};

/* Makes an empty sum of a shape. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_live_sum_init(struct weir_live_sum *sum,
                                                  const struct weir_live_shape *shape,
                                                  struct weir_mem *mem);
void weir_live_sum_deinit(struct weir_live_sum *sum);

/* Adds a window of the same shape; and another sum. */
void weir_live_sum_add(struct weir_live_sum *sum, const struct weir_live_window *w);
void weir_live_sum_merge(struct weir_live_sum *sum, const struct weir_live_sum *other);

/* Adds what was counted since the beginning. */
void weir_live_sum_total(struct weir_live_sum *sum, const struct weir_live_total *total);

/* Notes which scores bins have held, of n_bins. */
void weir_live_sum_note(struct weir_live_sum *sum, const double *first, const bool *is_used,
                        const bool *is_mixed);

/* Finds whether sums of two shapes may be added. */
bool weir_live_sum_fits(const struct weir_live_shape *a, const struct weir_live_shape *b);

#endif

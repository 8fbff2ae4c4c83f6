/* SPDX-License-Identifier: MIT */
/* What happened in a span of time to the predictions of one version: counts, all of which add up
 * and can be taken back. Predictions and their labels count in the span of the prediction. */
#ifndef WEIR_LIVE_WINDOW_H
#define WEIR_LIVE_WINDOW_H

#include "eval/binned.h"
#include "live/observe.h"
#include "live/shape.h"
#include "live/store.h"

enum { WEIR_LIVE_WINDOW_DELAYS = 32 }; /* delays below 2^i seconds */

/* Where the sections of a window's counts are. */
struct weir_live_layout {
    size_t predicted;   /* n_classes: rows by decided class; one for regression */
    size_t confusion;   /* n_classes², rows by truth then decision; of more classes than
                           WEIR_LIVE_CLASSES_MAX 2: wrong, right */
    size_t scores;      /* n_bins: all rows, of two classes only */
    size_t positives;   /* n_columns × n_bins: labelled rows of the class */
    size_t negatives;   /* n_columns × n_bins: labelled rows of the others */
    size_t delays;      /* WEIR_LIVE_WINDOW_DELAYS */
    size_t drift;       /* (n_features + 1) × WEIR_LIVE_REFERENCE_BINS; with a reference only */
    size_t n;           /* counts in all */
    size_t n_confusion; /* of that section */
};

struct weir_live_layout weir_live_window_layout(const struct weir_live_shape *shape);

/* Sums of errors: e is truth less prediction. */
struct weir_live_errors {
    struct weir_eval_exact e, absolute, squares, truths, truth_squares;
};

struct weir_live_window {
    uint64_t span;                                    /* its number; UINT64_MAX: not used */
    uint64_t n_rows;                                  /* predictions */
    uint64_t n_labelled;                              /* of them */
    uint64_t delay_s;                                 /* sum over the labelled */
    uint64_t n_sampled;                               /* rows whose features were counted */
    uint32_t *counts;                                 /* layout.n, owned by whoever made it */
    struct weir_eval_binned_calibration *calibration; /* two classes with probabilities; or NULL */
    struct weir_live_errors *errors;                  /* regression; or NULL */
};

/* Counts what was seen of rows; features of sampled rows too. */
void weir_live_window_see(struct weir_live_window *w, const struct weir_live_shape *shape,
                          const struct weir_live_layout *layout,
                          const struct weir_live_observation *seen, uint32_t row);
void weir_live_window_see_features(struct weir_live_window *w, const struct weir_live_shape *shape,
                                   const struct weir_live_layout *layout,
                                   const struct weir_live_observation *seen);

/* Counts a record as labelled with its truth, or takes that back. bins: n_columns of it where there
 * are more than two classes. */
void weir_live_window_label(struct weir_live_window *w, const struct weir_live_shape *shape,
                            const struct weir_live_layout *layout,
                            const struct weir_live_record *record, const uint16_t *bins,
                            bool is_taken_back);

/* Returns the place of a delay among WEIR_LIVE_WINDOW_DELAYS. */
uint32_t weir_live_window_delay_place(uint64_t delay_s);

/* Counts how long a label took; never taken back. */
void weir_live_window_delay(struct weir_live_window *w, const struct weir_live_layout *layout,
                            uint64_t delay_s);

/* What has been counted since a version was added, never taken back: for counters. A corrected
 * label counts again. */
struct weir_live_total {
    uint64_t *confusion; /* layout.n_confusion, owned by whoever made it */
    uint64_t delays[WEIR_LIVE_WINDOW_DELAYS];
    uint64_t delay_s;
};

#endif

/* SPDX-License-Identifier: MIT */
/* The numbers of live quality, from counts: the names of an evaluation of a holdout
 * (gate/evaluation.h), as far as counts in bins know them. */
#ifndef WEIR_LIVE_MEASURE_H
#define WEIR_LIVE_MEASURE_H

#include "eval/confusion.h"
#include "live/sum.h"

enum { WEIR_LIVE_METRICS_MAX = 32 };

/* One number. */
struct weir_live_metric {
    const char *name; /* borrowed for ever */
    double value;     /* NaN: undefined, */
    const char *why;  /* because of this; borrowed for ever */
    bool has_bounds;  /* bins leave it open between these */
    double low, high;
    bool has_interval; /* sampling does between these: DeLong's, on the logit scale, 95 % */
    double se, interval_low, interval_high;
};

struct weir_live_measures {
    size_t n;
    struct weir_live_metric metrics[WEIR_LIVE_METRICS_MAX];
    bool has_confusion;
    struct weir_eval_confusion confusion;
    double *class_auc; /* n_classes, where more than two have scores; owned, or NULL; NaN: undefined
                        */
    struct weir_mem *mem;
};

/* Computes them. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_live_measure_make(struct weir_live_measures *measures,
                                                      const struct weir_live_sum *sum,
                                                      struct weir_mem *mem);
void weir_live_measure_deinit(struct weir_live_measures *measures);

/* Finds a number; NULL: there is none of the name. */
const struct weir_live_metric *weir_live_measure_find(const struct weir_live_measures *measures,
                                                      const char *name);

/* Returns the delay below which the share q of the labels came, as the upper edge of its power of
 * two, in seconds. */
uint64_t weir_live_measure_delay_s(const struct weir_live_sum *sum, double q);

#endif

/* SPDX-License-Identifier: MIT */
/* Two models on the same rows: how far apart each number is, and how sure that is.
 *
 * All differences are candidate minus live, and paired: the same rows, which weir_gate_align has
 * seen to. The area under the ROC curve by DeLong's method for correlated areas, with the interval
 * of the difference as in pROC's roc.test; decisions by McNemar's exact test; other numbers, and
 * all numbers of weighted rows, by resampling rows of each class, the same ones for both models. */
#ifndef WEIR_GATE_COMPARE_H
#define WEIR_GATE_COMPARE_H

#include "gate/evaluation.h"

enum { WEIR_GATE_COMPARE_LINES_MAX = 20, WEIR_GATE_REPLICATES_MAX = 100000 };

/* How far apart one number is. */
struct weir_gate_delta {
    const char *name; /* "roc_auc"; borrowed for ever */
    double candidate; /* NaN: undefined, as are the following two */
    double live;
    double value;       /* candidate − live; NaN: undefined, */
    const char *why;    /* because of this; borrowed for ever */
    bool has_interval;  /* the following hold; without one: */
    const char *unsure; /* why there is none; borrowed for ever */
    double se;          /* standard error of the difference */
    double low, high;   /* its interval at the level 1 − alpha */
    double p;           /* two-sided: how likely it is to be as large without one */
    const char *method; /* "delong", "mcnemar", "bootstrap" */
};

struct weir_gate_compare_opts {
    double alpha;        /* of intervals; 0: 0.05 */
    size_t n_replicates; /* that are drawn for intervals that have no formula; 0: they have none; at
                            most WEIR_GATE_REPLICATES_MAX, best 2000 */
    uint64_t seed;       /* the same seed draws the same rows on every machine */
    /* Asked between replicates whether to go on; false: stop with WEIR_ERR_CANCELED. NULL: go on.
     */
    bool (*goes_on)(void *ctx);
    void *ctx;
};

struct weir_gate_compare {
    double alpha;
    size_t n; /* rows */
    size_t n_deltas;
    struct weir_gate_delta deltas[WEIR_GATE_METRICS_MAX]; /* in the candidate's order */
    bool has_decisions;                                   /* the following hold */
    size_t n_disagreements;                               /* rows decided differently */
    size_t n_gained; /* rows of which only the candidate's decision is right */
    size_t n_lost;   /* only the live one's */
    double p;        /* McNemar's, of gained against lost; rows count once, whatever their weight */
    /* The lines of the first rows decided differently; those that were lost come first. */
    size_t n_lines;
    uint64_t lines[WEIR_GATE_COMPARE_LINES_MAX];
};

/* Compares the numbers that both have. WEIR_ERR_INVALID: the rows are not the same;
 * WEIR_ERR_CANCELED; WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. *out is untouched then. O(n log n), and
 * for each replicate the cost of two evaluations. */
WEIR_MUST_USE enum weir_status weir_gate_compare_make(struct weir_gate_compare *out,
                                                      const struct weir_gate_evaluation *candidate,
                                                      const struct weir_gate_evaluation *live,
                                                      const struct weir_gate_compare_opts *opts,
                                                      struct weir_error *err);

/* Finds a difference by the number's name; NULL: there is none. */
const struct weir_gate_delta *weir_gate_compare_find(const struct weir_gate_compare *compare,
                                                     struct weir_str name);

#endif

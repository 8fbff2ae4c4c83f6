/* SPDX-License-Identifier: MIT */
/* An evaluation of the rows that have one value of a column, or are in one bin of it: the same
 * numbers by the same definitions, and decisions by the threshold of the whole. */
#ifndef WEIR_GATE_SLICE_H
#define WEIR_GATE_SLICE_H

#include "gate/evaluation.h"

enum {
    WEIR_GATE_FOLDS_MAX = 100,
    WEIR_GATE_SLICES_MAX = 500,    /* of an evaluation */
    WEIR_GATE_SLICE_PARTS_MAX = 50 /* of one column: those with the most rows */
};

struct weir_gate_slice {
    struct weir_str name;            /* "country=CN", "age:3=1" */
    const struct weir_gate_cut *cut; /* the holdout's */
    size_t part;
    double low; /* of a bin: its edges, low < x <= high but for the first; else NaN */
    double high;
    struct weir_gate_holdout rows; /* at least one */
    struct weir_gate_evaluation evaluation;
};

/* Measures the slice of a name, whether or not the evaluation has it among its own. *slice must
 * stay where it is. WEIR_ERR_NOT_FOUND: the holdout was not cut by the column, or no row is in the
 * slice; WEIR_ERR_NO_MEMORY. Free it with weir_gate_slice_deinit. */
WEIR_MUST_USE enum weir_status weir_gate_slice_make(struct weir_gate_slice *slice,
                                                    const struct weir_gate_evaluation *whole,
                                                    struct weir_str name, struct weir_error *err);
void weir_gate_slice_deinit(struct weir_gate_slice *slice);

/* Finds one of the evaluation's own slices; NULL: there is none of this name. */
const struct weir_gate_slice *weir_gate_slice_find(const struct weir_gate_evaluation *whole,
                                                   struct weir_str name);

/* Measures the evaluation's own slices: of each column the parts with the most rows, in order. */
WEIR_MUST_USE enum weir_status weir_gate_slice_all(struct weir_gate_evaluation *whole,
                                                   struct weir_error *err);

/* One number over the folds. */
struct weir_gate_fold_mean {
    const char *name; /* borrowed for ever */
    size_t n;         /* folds in which it is defined; the mean and deviation are theirs */
    double mean;      /* NaN: of none */
    double sd;        /* sample standard deviation; NaN: of fewer than two */
};

/* Measures the evaluation's folds, in the order of their names (as numbers if all are). The
 * evaluation's own numbers are those of all rows pooled, which is something else than the mean: an
 * area, say, then also compares rows of different folds. WEIR_ERR_LIMIT: more than
 * WEIR_GATE_FOLDS_MAX; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_gate_slice_folds(struct weir_gate_evaluation *whole,
                                                     struct weir_error *err);

/* Computes the mean of the whole's i-th number over its folds. */
struct weir_gate_fold_mean weir_gate_slice_fold_mean(const struct weir_gate_evaluation *whole,
                                                     size_t i);

#endif

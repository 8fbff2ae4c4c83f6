/* SPDX-License-Identifier: MIT */
/* The arrays of a holdout as one table: all that is known of a row moves together. */
#ifndef WEIR_GATE_ROWS_H
#define WEIR_GATE_ROWS_H

#include "gate/holdout.h"

/* The arrays that a holdout may have. */
enum weir_gate_array {
    WEIR_GATE_TRUTHS,
    WEIR_GATE_LABELS,
    WEIR_GATE_NUMBERS,
    WEIR_GATE_WEIGHTS,
    WEIR_GATE_LINES,
    WEIR_GATE_SCORES,
    WEIR_GATE_P,
    WEIR_GATE_DECISIONS,
    WEIR_GATE_PREDICTIONS,
    WEIR_GATE_PARTS,
};

enum { WEIR_GATE_ARRAY_N = WEIR_GATE_PARTS + 1 };

/* Returns the bytes that the arrays of a set (bits 1 << array) take for each row. */
size_t weir_gate_rows_bytes(struct weir_gate_holdout *holdout, uint32_t set);

/* Makes room for cap rows in the arrays of a set. WEIR_ERR_NO_MEMORY: some may have grown. */
WEIR_MUST_USE enum weir_status weir_gate_rows_grow(struct weir_gate_holdout *holdout, uint32_t set,
                                                   size_t cap);

/* Copies what is known of row `from` over row `to`. */
void weir_gate_rows_move(struct weir_gate_holdout *holdout, size_t to, size_t from);

/* Keeps n rows (indexes, ascending), and no others. */
void weir_gate_rows_keep(struct weir_gate_holdout *holdout, const uint32_t *rows, size_t n);

/* Makes a holdout of n rows of another one, in this order, some perhaps repeatedly. Its classes and
 * cuts are borrowed from the other; rows that were left out are counted there only.
 * WEIR_ERR_NO_MEMORY: *out is as zeroed. Free it with weir_gate_holdout_deinit. */
WEIR_MUST_USE enum weir_status weir_gate_rows_gather(struct weir_gate_holdout *out,
                                                     const struct weir_gate_holdout *from,
                                                     const uint32_t *rows, size_t n);

/* The same into a holdout made so before, of the same other one and of at least as many rows;
 * cannot fail. */
void weir_gate_rows_refill(struct weir_gate_holdout *out, const struct weir_gate_holdout *from,
                           const uint32_t *rows, size_t n);

/* Renumbers the classes in the arrays: class k becomes class places[k]; of two classes that change
 * places, scores change their sign. room: n_classes doubles. */
void weir_gate_rows_renumber(struct weir_gate_holdout *holdout, const uint32_t *places,
                             double *room);

/* Frees the arrays. */
void weir_gate_rows_free(struct weir_gate_holdout *holdout);

#endif

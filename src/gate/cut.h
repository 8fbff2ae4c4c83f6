/* SPDX-License-Identifier: MIT */
/* Columns of a holdout's file that its rows are cut by: into slices, or into folds.
 *
 * "country" cuts by value: a part for each, named country=CN, and "country=" of rows without one.
 * "age:3" cuts numbers into three parts of about as many rows, named age:3=1 to age:3=3, and age:3=
 * of rows without a number. Edges are the quantiles of the rows that count, linearly interpolated;
 * part k holds edge k − 1 < x <= edge k, the first its lower edge too; edges that are equal become
 * one, and there are fewer parts. A column that is called "age:3" is cut by value. */
#ifndef WEIR_GATE_CUT_H
#define WEIR_GATE_CUT_H

#include "base/arena.h"
#include "table/table.h"

enum {
    WEIR_GATE_CUTS_MAX = 64,         /* columns */
    WEIR_GATE_CUT_VALUES_MAX = 1000, /* of one column */
    WEIR_GATE_CUT_BINS_MAX = 100,
};

struct weir_gate_cut {
    struct weir_str spec;    /* as asked for: "age:3" */
    struct weir_str column;  /* "age" */
    size_t n_bins;           /* that were asked for; 0: by value */
    size_t n_parts;          /* of rows that were read */
    struct weir_str *values; /* n_parts: what is behind the = of their names */
    double *edges;           /* n_parts + 1 of bins, without that of no number; NULL: by value */
    /* While it is read: */
    size_t field;
    size_t cap;
    uint32_t *slots; /* a hash table of parts, twice as many as values may be, + 1; 0 is free */
    struct weir_arena *arena;
};

/* Reads "country" or "age:3", which is borrowed, as are the texts of the cut. WEIR_ERR_INVALID. */
WEIR_MUST_USE enum weir_status weir_gate_cut_init(struct weir_gate_cut *cut, struct weir_str spec,
                                                  struct weir_arena *arena, struct weir_error *err);

/* Finds the column in the table. WEIR_ERR_INVALID: it is not there. */
WEIR_MUST_USE enum weir_status weir_gate_cut_find(struct weir_gate_cut *cut,
                                                  const struct weir_table *table,
                                                  struct weir_error *err);

/* Reads the field of the row just read: its part by value, or its number (NaN: none). The message
 * of a failure names file, line and column. WEIR_ERR_INVALID: no number; WEIR_ERR_LIMIT: too many
 * values; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_gate_cut_read(struct weir_gate_cut *cut,
                                                  const struct weir_table *table, uint32_t *part,
                                                  double *number, struct weir_error *err);

/* Cuts numbers into bins: numbers[i × stride] of n rows become parts[i × stride]. Does nothing by
 * value. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_gate_cut_finish(struct weir_gate_cut *cut,
                                                    const double *numbers, uint32_t *parts,
                                                    size_t n, size_t stride);

/* Makes a cut that is another one, finished, with texts in this arena. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_gate_cut_copy(struct weir_gate_cut *cut,
                                                  const struct weir_gate_cut *other,
                                                  struct weir_arena *arena);

#endif

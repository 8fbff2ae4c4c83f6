/* SPDX-License-Identifier: MIT */
/* Two models on the same rows of a holdout.
 *
 * The file is read twice, once for each model, since each has features, types and classes of its
 * own; what makes the rows the same is checked here: the digest of the file, and its lines. */
#ifndef WEIR_GATE_ALIGN_H
#define WEIR_GATE_ALIGN_H

#include "gate/holdout.h"

/* What was done so that both have the same rows. */
struct weir_gate_align {
    size_t n;            /* rows on both sides */
    size_t n_dropped[2]; /* rows of each that the other one has not: its model refused them */
};

/* Leaves in each of two holdouts the rows that both have, and brings the classes of the second into
 * the order of the first's. WEIR_ERR_INVALID: they were read from different files, or the file has
 * changed in between; truths differ; one knows classes that the other does not; WEIR_ERR_NO_MEMORY.
 * The holdouts are then as they were, but for rows left out. */
WEIR_MUST_USE enum weir_status weir_gate_align(struct weir_gate_holdout *first,
                                               struct weir_gate_holdout *second,
                                               struct weir_gate_align *out, struct weir_error *err);

#endif

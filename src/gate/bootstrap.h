/* SPDX-License-Identifier: MIT */
/* Intervals by resampling: of all numbers of an evaluation, or of the differences of two.
 *
 * Rows are drawn with replacement from each class (of numbers: from all rows), the same rows for
 * both sides, everything is measured again, and an interval is that of the percentiles. Decisions
 * stay by the threshold that was chosen on the whole. A number that is undefined in more than one
 * of twenty draws has no interval. */
#ifndef WEIR_GATE_BOOTSTRAP_H
#define WEIR_GATE_BOOTSTRAP_H

#include "gate/compare.h"

/* Gives every number of an evaluation an interval ("bootstrap"), also those that have another one;
 * counts and what depends on the rows alone have none. opts: n_replicates must not be 0; alpha is
 * the evaluation's. WEIR_ERR_CANCELED, WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT: the evaluation is as it
 * was. */
WEIR_MUST_USE enum weir_status
weir_gate_bootstrap_numbers(struct weir_gate_evaluation *evaluation,
                            const struct weir_gate_compare_opts *opts, struct weir_error *err);

/* Gives the differences that have no interval one. */
WEIR_MUST_USE enum weir_status
weir_gate_bootstrap_deltas(struct weir_gate_compare *compare,
                           const struct weir_gate_evaluation *candidate,
                           const struct weir_gate_evaluation *live,
                           const struct weir_gate_compare_opts *opts, struct weir_error *err);

#endif

/* SPDX-License-Identifier: MIT */
/* Numbers that are read from a confusion matrix. */
#ifndef WEIR_GATE_DECIDED_H
#define WEIR_GATE_DECIDED_H

#include "eval/confusion.h"
#include "gate/metric.h"

struct weir_gate_decided {
    double value;    /* NaN: undefined, */
    const char *why; /* because of this; borrowed for ever */
    bool is_share;   /* the value is `part` of `whole` rows: */
    double part;
    double whole;
};

/* Computes a number of a class against the rest (of those BY_CLASS), or of the whole matrix. beta:
 * of fbeta. A number that no matrix has is undefined. */
struct weir_gate_decided weir_gate_decided_value(const struct weir_eval_confusion *confusion,
                                                 enum weir_gate_metric_id id, size_t class_index,
                                                 double beta);

#endif

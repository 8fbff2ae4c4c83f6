/* SPDX-License-Identifier: MIT */
/* Rules in a judgement: which hold where none are given, what they need, what they came to. */
#ifndef WEIR_GATE_RULINGS_H
#define WEIR_GATE_RULINGS_H

#include "gate/holdout.h"
#include "gate/latency.h"
#include "gate/rules_facts.h"

enum { WEIR_GATE_RULINGS_EXTRAS_MAX = 32 };

/* Parses rules with the metrics that weir knows. As weir_gate_rules_parse. */
WEIR_MUST_USE enum weir_status weir_gate_rulings_parse(struct weir_gate_rules *rules,
                                                       struct weir_str text,
                                                       struct weir_error *err);

/* Returns the rules of a gate that gives none, borrowed for ever: the candidate has a number for
 * every row, refuses no row that the live version takes, and is not worse than it beyond doubt. */
struct weir_str weir_gate_rulings_default(const struct weir_gate_holdout *holdout);

/* Writes the numbers that rules may name and no evaluation has: the times (latency NULL: not
 * measured) with intervals at the level 1 − alpha, and how many candidates were judged on the
 * holdout (0: not known). out has room for WEIR_GATE_RULINGS_EXTRAS_MAX; returns how many there
 * are. */
size_t weir_gate_rulings_extras(const struct weir_gate_latency *latency, uint64_t n_uses,
                                double alpha, struct weir_gate_rules_extra *out);

#endif

/* SPDX-License-Identifier: MIT */
/* What was measured, as facts that rules are judged against. */
#ifndef WEIR_GATE_RULES_FACTS_H
#define WEIR_GATE_RULES_FACTS_H

#include "gate/compare.h"
#include "gate/rules.h"

/* What was measured on all rows, or on those of a slice. Borrowed; NULL: it was not. */
struct weir_gate_rules_part {
    struct weir_str name; /* "country=CN"; all rows: empty */
    const struct weir_gate_evaluation *candidate;
    const struct weir_gate_evaluation *live;
    const struct weir_gate_compare *compare;
};

/* A number that no evaluation has: "latency.p99_ms". */
struct weir_gate_rules_extra {
    const char *name;
    double candidate; /* NaN: not measured */
    double live;
    const char *why;    /* neither is; NULL: "it was not measured" */
    bool has_intervals; /* the following hold, NaN: this one does not */
    /* By enum weir_gate_rules_side: low, high. */
    double intervals[3][2];
};

struct weir_gate_rules_measured {
    bool has_live; /* there is a live version, whatever could be measured of it */
    struct weir_gate_rules_part all;
    const struct weir_gate_rules_part *slices;
    size_t n_slices;
    const struct weir_gate_rules_extra *extras;
    size_t n_extras;
};

/* Returns facts about what was measured, which is borrowed for as long as they are used. Numbers of
 * classes and thresholds are computed when they are asked for, O(n) each. */
struct weir_gate_rules_facts
weir_gate_rules_facts_make(const struct weir_gate_rules_measured *measured);

#endif

/* SPDX-License-Identifier: MIT */
/* The metrics that rules may name beside those of an evaluation: what is measured around it. */
#include "base/macros.h"
#include "gate/rules.h"

enum {
    LATENCY = WEIR_GATE_RULES_LATENCY | WEIR_GATE_RULES_WHOLE | WEIR_GATE_METRIC_LESS_IS_BETTER,
    HOLDOUT = WEIR_GATE_METRIC_OF_ROWS | WEIR_GATE_RULES_WHOLE | WEIR_GATE_METRIC_NEUTRAL,
    PAIR = WEIR_GATE_RULES_OF_PAIR | WEIR_GATE_METRIC_NEUTRAL,
    ALL = WEIR_GATE_METRIC_BINARY | WEIR_GATE_METRIC_MANY | WEIR_GATE_METRIC_LABELS |
          WEIR_GATE_METRIC_NUMBERS,
};

static const struct weir_gate_metric_kind extras[] = {
    {"holdout.uses", ALL, HOLDOUT, "candidates judged on this holdout, this one included"},
    {"disagreement", ALL, PAIR, "share of rows that the two versions decide differently"},
    {"latency.mean_ms", ALL, LATENCY, "of one row at a time, mean"},
    {"latency.p50_ms", ALL, LATENCY, "median"},
    {"latency.p90_ms", ALL, LATENCY, "90 of 100 are as fast"},
    {"latency.p95_ms", ALL, LATENCY, "95 of 100"},
    {"latency.p99_ms", ALL, LATENCY, "99 of 100"},
    {"latency.batch32.mean_ms", ALL, LATENCY, "of 32 rows at a time, mean"},
    {"latency.batch32.p50_ms", ALL, LATENCY, "median"},
    {"latency.batch32.p90_ms", ALL, LATENCY, "90 of 100 are as fast"},
    {"latency.batch32.p95_ms", ALL, LATENCY, "95 of 100"},
    {"latency.batch32.p99_ms", ALL, LATENCY, "99 of 100"},
};

const struct weir_gate_metric_kind *weir_gate_rules_extras(size_t *n)
{
    weir_assert(n);
    *n = WEIR_ARRAY_LEN(extras);
    return extras;
}

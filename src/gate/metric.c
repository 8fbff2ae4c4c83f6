/* SPDX-License-Identifier: MIT */
#include "gate/metric.h"

#include "base/macros.h"

/* The shorthands of the table. */
enum {
    B = WEIR_GATE_METRIC_BINARY,
    M = WEIR_GATE_METRIC_MANY,
    L = WEIR_GATE_METRIC_LABELS,
    R = WEIR_GATE_METRIC_NUMBERS,
    ALL = B | M | L | R,
    NO = 0,
    BY_CLASS = WEIR_GATE_METRIC_BY_CLASS,
    BY_THRESHOLD = WEIR_GATE_METRIC_BY_THRESHOLD,
    NEEDS_AT = WEIR_GATE_METRIC_NEEDS_AT,
    ANALYTIC = WEIR_GATE_METRIC_ANALYTIC,
    ANALYTIC_DELTA = WEIR_GATE_METRIC_ANALYTIC_DELTA,
    LESS = WEIR_GATE_METRIC_LESS_IS_BETTER,
    NEUTRAL = WEIR_GATE_METRIC_NEUTRAL,
    ROWS = WEIR_GATE_METRIC_OF_ROWS | NEUTRAL,
    COUNT = ROWS | WEIR_GATE_METRIC_IS_COUNT,
    LEFT_OUT = WEIR_GATE_METRIC_IS_COUNT | LESS,
    DECIDED = BY_CLASS | BY_THRESHOLD,
    SHARE = DECIDED | ANALYTIC,
    PAIRED = SHARE | ANALYTIC_DELTA,
};

static const struct weir_gate_metric_kind kinds[] = {
#define METRIC_KIND(code, name, tasks, traits, text) \
    [WEIR_GATE_METRIC_##code] = {name, tasks, traits, text},
    WEIR_GATE_METRIC_MAP(METRIC_KIND)
#undef METRIC_KIND
};

const struct weir_gate_metric_kind *weir_gate_metric_kinds(size_t *n)
{
    *n = WEIR_ARRAY_LEN(kinds);
    return kinds;
}

const struct weir_gate_metric_kind *weir_gate_metric_kind(enum weir_gate_metric_id id)
{
    weir_assert((size_t)id < WEIR_ARRAY_LEN(kinds));
    return &kinds[id];
}

const struct weir_gate_metric_kind *weir_gate_metric_find(struct weir_str name,
                                                          enum weir_gate_metric_id *id)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kinds); i++) {
        if (!weir_str_eq_c(name, kinds[i].name))
            continue;
        if (id)
            *id = (enum weir_gate_metric_id)i;
        return &kinds[i];
    }
    return NULL;
}

/* SPDX-License-Identifier: MIT */
#include "gate/rules_facts.h"

#include "base/macros.h"

#include <math.h>
#include <stdio.h>

static const struct weir_gate_rules_part *find_part(const struct weir_gate_rules_measured *m,
                                                    struct weir_str slice)
{
    if (slice.n == 0)
        return &m->all;
    for (size_t i = 0; i < m->n_slices; i++) {
        if (weir_str_eq(m->slices[i].name, slice))
            return &m->slices[i];
    }
    return NULL;
}

static bool say(char why[WEIR_GATE_RULES_WHY_BYTES], const char *text)
{
    (void)snprintf(why, WEIR_GATE_RULES_WHY_BYTES, "%s", text); /* A cut reason is still one. */
    return false;
}

/* What is measured around evaluations. */
static bool find_extra(const struct weir_gate_rules_measured *m,
                       const struct weir_gate_rules_ask *ask, double *value,
                       char why[WEIR_GATE_RULES_WHY_BYTES])
{
    for (size_t i = 0; i < m->n_extras; i++) {
        const struct weir_gate_rules_extra *e = &m->extras[i];
        if (strcmp(e->name, ask->metric->name) != 0)
            continue;
        *value = ask->side == WEIR_GATE_RULES_LIVE ? e->live : e->candidate;
        return !isnan(*value) || say(why, e->why ? e->why : "it was not measured");
    }
    return say(why, "it was not measured");
}

static bool find_extra_interval(const struct weir_gate_rules_measured *m,
                                const struct weir_gate_rules_ask *ask, double *low, double *high,
                                char why[WEIR_GATE_RULES_WHY_BYTES])
{
    for (size_t i = 0; i < m->n_extras; i++) {
        const struct weir_gate_rules_extra *e = &m->extras[i];
        if (strcmp(e->name, ask->metric->name) != 0 || !e->has_intervals)
            continue;
        *low = e->intervals[ask->side][0];
        *high = e->intervals[ask->side][1];
        return !(isnan(*low) || isnan(*high)) || say(why, e->why ? e->why : "it has no interval");
    }
    return say(why, "it has no interval");
}

static bool find_disagreement(const struct weir_gate_rules_part *part, double *value,
                              char why[WEIR_GATE_RULES_WHY_BYTES])
{
    const struct weir_gate_compare *c = part->compare;
    if (!c || !c->has_decisions || c->n == 0)
        return say(why, "no decisions of two versions are there");
    *value = (double)c->n_disagreements / (double)c->n;
    return true;
}

/* Finds the number of one version; false: why says why there is none. */
static bool find_metric(const struct weir_gate_rules_part *part,
                        const struct weir_gate_rules_ask *ask, struct weir_gate_metric *out,
                        char why[WEIR_GATE_RULES_WHY_BYTES])
{
    const struct weir_gate_evaluation *e =
        ask->side == WEIR_GATE_RULES_LIVE ? part->live : part->candidate;
    struct weir_gate_evaluation_ask question = {.metric = weir_str_c(ask->metric->name),
                                                .class_name = ask->class_name,
                                                .has_at = ask->has_at,
                                                .at = ask->at};
    if (!e)
        return say(why, "there is no evaluation of it");
    if (weir_gate_evaluation_at(e, &question, out, NULL) != WEIR_OK)
        return say(why, "out of memory");
    return !isnan(out->value) || say(why, out->why ? out->why : "it is not defined");
}

static bool find_value(void *ctx, const struct weir_gate_rules_ask *ask, double *value,
                       char why[WEIR_GATE_RULES_WHY_BYTES])
{
    const struct weir_gate_rules_measured *m = ctx;
    const struct weir_gate_rules_part *part = find_part(m, ask->slice);
    struct weir_gate_metric metric;
    if (!part)
        return say(why, "there is no slice of this name");
    if (strcmp(ask->metric->name, "disagreement") == 0)
        return find_disagreement(part, value, why);
    if (!weir_gate_metric_find(weir_str_c(ask->metric->name), NULL))
        return find_extra(m, ask, value, why);
    if (!find_metric(part, ask, &metric, why))
        return false;
    *value = metric.value;
    return true;
}

static bool find_delta(const struct weir_gate_rules_part *part,
                       const struct weir_gate_rules_ask *ask, double *low, double *high,
                       char why[WEIR_GATE_RULES_WHY_BYTES])
{
    if (ask->class_name.n > 0 || ask->has_at)
        return say(why, "differences at a class or a threshold have no interval");
    const struct weir_gate_delta *delta =
        part->compare ? weir_gate_compare_find(part->compare, weir_str_c(ask->metric->name)) : NULL;
    if (!delta)
        return say(why, "the two versions were not compared by it");
    if (!delta->has_interval)
        return say(why, delta->why      ? delta->why
                        : delta->unsure ? delta->unsure
                                        : "it has no interval");
    *low = delta->low;
    *high = delta->high;
    return true;
}

static bool find_interval(void *ctx, const struct weir_gate_rules_ask *ask, double *low,
                          double *high, char why[WEIR_GATE_RULES_WHY_BYTES])
{
    const struct weir_gate_rules_measured *m = ctx;
    const struct weir_gate_rules_part *part = find_part(m, ask->slice);
    struct weir_gate_metric metric;
    if (!part)
        return say(why, "there is no slice of this name");
    if (!weir_gate_metric_find(weir_str_c(ask->metric->name), NULL))
        return find_extra_interval(m, ask, low, high, why);
    if (ask->side == WEIR_GATE_RULES_DELTA)
        return find_delta(part, ask, low, high, why);
    if (!find_metric(part, ask, &metric, why))
        return false;
    if (!metric.has_interval)
        return say(why, "it has no interval");
    *low = metric.low;
    *high = metric.high;
    return true;
}

struct weir_gate_rules_facts
weir_gate_rules_facts_make(const struct weir_gate_rules_measured *measured)
{
    weir_assert(measured);
    void *ctx = (void *)(uintptr_t)measured; /* Only read. */
    return (struct weir_gate_rules_facts){
        .ctx = ctx, .has_live = measured->has_live, .value = find_value, .interval = find_interval};
}

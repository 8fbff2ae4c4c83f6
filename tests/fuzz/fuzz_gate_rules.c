/* SPDX-License-Identifier: MIT */
/* Any bytes as rules. What is refused names a place. What is accepted is judged twice against facts
 * that are there or not as their names' letters fall: the outcomes are the same both times, a rule
 * is skipped exactly when it needs a live version that is not there, and the verdict is that of the
 * must rules. The text of a rule parses again by itself. */
#include "base/macros.h"
#include "gate/rules.h"

#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static double of(struct weir_str s)
{
    unsigned sum = 0;
    for (size_t i = 0; i < s.n; i++)
        sum = sum * 31 + (unsigned char)s.at[i];
    return (sum % 16) / 8.0;
}

static bool value(void *ctx, const struct weir_gate_rules_ask *ask, double *out,
                  char why[WEIR_GATE_RULES_WHY_BYTES])
{
    (void)ctx;
    weir_assert(!ask->is_interval && ask->side != WEIR_GATE_RULES_DELTA);
    *out = of(weir_str_c(ask->metric->name)) - of(ask->class_name) + (double)ask->side;
    (void)snprintf(why, WEIR_GATE_RULES_WHY_BYTES, "not there");
    return *out != 1;
}

static bool interval(void *ctx, const struct weir_gate_rules_ask *ask, double *low, double *high,
                     char why[WEIR_GATE_RULES_WHY_BYTES])
{
    (void)ctx;
    (void)why;
    weir_assert(ask->is_interval);
    *low = of(ask->slice);
    *high = *low + of(weir_str_c(ask->metric->name));
    return *high != *low;
}

static bool parse(struct weir_gate_rules *rules, struct weir_str text)
{
    struct weir_error err = WEIR_ERROR_INIT;
    size_t n;
    const struct weir_gate_metric_kind *extras = weir_gate_rules_extras(&n);
    enum weir_status st = weir_gate_rules_parse(rules, text, 1, extras, n, &err);
    weir_assert((st == WEIR_OK) == (rules->n_rules > 0));
    weir_assert(st == WEIR_OK || st == err.code);
    weir_assert(st == WEIR_OK || text.n > WEIR_GATE_RULES_BYTES_MAX ||
                strncmp(err.msg, "line ", 5) == 0);
    return st == WEIR_OK;
}

static void check(const struct weir_gate_rules *rules, const struct weir_gate_rules_judgement *j,
                  bool has_live)
{
    uint32_t n_false = 0;
    uint32_t n_unknown = 0;
    for (size_t i = 0; i < j->n_outcomes; i++) {
        const struct weir_gate_rules_outcome *o = &j->outcomes[i];
        bool is_skipped = o->result == WEIR_GATE_RULES_SKIPPED;
        bool is_must = o->rule->severity == WEIR_GATE_RULES_MUST;
        weir_assert(o->rule == &rules->rules[i]);
        weir_assert(is_skipped == (o->rule->needs_live && !has_live));
        weir_assert((o->why != NULL) == (is_skipped || o->result == WEIR_GATE_RULES_UNKNOWN));
        weir_assert(o->sentence);
        n_false += is_must && o->result == WEIR_GATE_RULES_FALSE;
        n_unknown += is_must && o->result == WEIR_GATE_RULES_UNKNOWN;
    }
    weir_assert(j->verdict == (n_false     ? WEIR_GATE_RULES_FAIL
                               : n_unknown ? WEIR_GATE_RULES_INCONCLUSIVE
                                           : WEIR_GATE_RULES_PASS));
    weir_assert(j->reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_gate_rules rules;
    if (!parse(&rules, weir_str_make((const char *)data, size)))
        return 0;
    for (int i = 0; i < 2; i++) {
        struct weir_gate_rules_facts facts = {
            .has_live = i == 1, .value = value, .interval = interval};
        struct weir_gate_rules_judgement once;
        struct weir_gate_rules_judgement twice;
        struct weir_buf a = WEIR_BUF_INIT;
        struct weir_buf b = WEIR_BUF_INIT;
        weir_assert(weir_gate_rules_judge(&rules, &facts, &once, NULL) == WEIR_OK);
        weir_assert(weir_gate_rules_judge(&rules, &facts, &twice, NULL) == WEIR_OK);
        check(&rules, &once, facts.has_live);
        weir_gate_rules_append(&once, &a);
        weir_gate_rules_append(&twice, &b);
        weir_assert(weir_str_eq(weir_buf_str(&a), weir_buf_str(&b)));
        weir_buf_deinit(&a);
        weir_buf_deinit(&b);
        weir_gate_rules_judgement_deinit(&once);
        weir_gate_rules_judgement_deinit(&twice);
    }
    for (size_t i = 0; i < rules.n_rules && i < 4; i++) {
        struct weir_gate_rules again;
        weir_assert(parse(&again, rules.rules[i].text));
        weir_assert(again.n_rules == 1);
        weir_assert(again.n_asks == rules.rules[i].n_asks);
        weir_assert(weir_str_eq(again.rules[0].text, rules.rules[i].text));
        weir_gate_rules_deinit(&again);
    }
    weir_gate_rules_deinit(&rules);
    return 0;
}

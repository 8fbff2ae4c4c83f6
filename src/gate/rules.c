/* SPDX-License-Identifier: MIT */
#include "gate/rules.h"

#include "base/macros.h"
#include "gate/rules_priv.h"

#include <math.h>
#include <stdio.h>

void weir_gate_rules_deinit(struct weir_gate_rules *rules)
{
    weir_assert(rules);
    if (!rules->mem)
        return;
    weir_mem_free(rules->mem, rules->rules);
    weir_mem_free(rules->mem, rules->asks);
    weir_mem_free(rules->mem, rules->nodes);
    char *text = (char *)(uintptr_t)rules->text.at; /* Owned; views of it are constant. */
    weir_mem_free(rules->mem, text);
    *rules = (struct weir_gate_rules){.n_rules = 0};
}

/* --- what is needed --------------------------------------------------------------------------- */

/* Finds whether an interval takes no bootstrap, weights aside. */
static bool has_formula(const struct weir_gate_rules_ask *ask)
{
    unsigned trait = ask->side == WEIR_GATE_RULES_DELTA ? WEIR_GATE_METRIC_ANALYTIC_DELTA
                                                        : WEIR_GATE_METRIC_ANALYTIC;
    return ask->metric->traits & trait;
}

struct weir_gate_rules_needs weir_gate_rules_needs(const struct weir_gate_rules *rules,
                                                   bool has_live)
{
    weir_assert(rules);
    struct weir_gate_rules_needs needs = {.live = false};
    for (size_t r = 0; r < rules->n_rules; r++) {
        const struct weir_gate_rule *rule = &rules->rules[r];
        needs.live |= rule->needs_live;
        needs.absolute |= !rule->needs_live;
        if (rule->needs_live && !has_live)
            continue;
        needs.slices |= rule->slice.n > 0;
        for (uint32_t i = rule->first_ask; i < rule->first_ask + rule->n_asks; i++) {
            const struct weir_gate_rules_ask *ask = &rules->asks[i];
            bool is_latency = ask->metric->traits & WEIR_GATE_RULES_LATENCY;
            bool is_delta = ask->side == WEIR_GATE_RULES_DELTA;
            needs.latency |= is_latency && ask->side != WEIR_GATE_RULES_LIVE;
            needs.live_latency |= is_latency && ask->side != WEIR_GATE_RULES_CANDIDATE;
            needs.intervals |= ask->is_interval && !is_delta;
            needs.delta_intervals |= ask->is_interval && is_delta;
            needs.bootstrap |= ask->is_interval && !has_formula(ask);
        }
    }
    return needs;
}

struct weir_str weir_gate_rules_slice(const struct weir_gate_rules *rules, size_t i)
{
    weir_assert(rules);
    for (size_t r = 0; r < rules->n_rules; r++) {
        struct weir_str slice = rules->rules[r].slice;
        bool is_first = slice.n > 0;
        for (size_t before = 0; before < r && is_first; before++)
            is_first = !weir_str_eq(rules->rules[before].slice, slice);
        if (is_first && i-- == 0)
            return slice;
    }
    return weir_str_make(NULL, 0);
}

/* --- a rule ----------------------------------------------------------------------------------- */

/* A list while it is judged. values[i] is that of nodes[i]. */
struct work {
    const struct weir_gate_rules *rules;
    const struct weir_gate_rules_facts *facts;
    struct weir_gate_rules_value *values;
    struct weir_arena *arena;
    bool is_live_side; /* of a difference */
};

static const char no_memory_why[] = "out of memory";

static struct weir_gate_rules_value number(double v)
{
    return isnan(v) ? (struct weir_gate_rules_value){.number = v, .why = "not a number"}
                    : (struct weir_gate_rules_value){.number = v};
}

static struct weir_gate_rules_value undefined(const char *why)
{
    return (struct weir_gate_rules_value){.number = (double)NAN, .why = why};
}

/* Puts what is written at a node before why it is not defined. */
static struct weir_gate_rules_value
undefined_at(struct work *w, const struct weir_gate_rules_node *node, const char *why)
{
    char text[WEIR_GATE_RULES_WHY_BYTES + WEIR_ECHO_BUF_BYTES];
    char echo[WEIR_ECHO_BUF_BYTES];
    (void)weir_str_echo(weir_str_make(w->rules->text.at + node->at, node->n), echo, sizeof echo);
    (void)snprintf(text, sizeof text, "%s%s: %s", w->is_live_side ? "live " : "", echo,
                   why[0] ? why : "not defined");
    struct weir_str kept = weir_arena_str(w->arena, weir_str_c(text));
    return undefined(kept.at ? kept.at : no_memory_why);
}

static struct weir_gate_rules_value find(struct work *w, const struct weir_gate_rules_node *node)
{
    char why[WEIR_GATE_RULES_WHY_BYTES] = "";
    double low = (double)NAN;
    double high = (double)NAN;
    /* The live version's ask is behind the candidate's. */
    const struct weir_gate_rules_ask *ask = &w->rules->asks[node->ask + w->is_live_side];
    bool is_found = ask->is_interval ? w->facts->interval(w->facts->ctx, ask, &low, &high, why)
                                     : w->facts->value(w->facts->ctx, ask, &low, why);
    double v = node->kind == WEIR_GATE_RULES_CI_HIGH ? high : low;
    why[sizeof why - 1] = '\0';
    return is_found && !isnan(v) ? number(v) : undefined_at(w, node, why);
}

static struct weir_gate_rules_value judge_node(struct work *w, uint32_t index);

/* delta(x): x of the candidate less x of the live version. */
static struct weir_gate_rules_value judge_difference(struct work *w,
                                                     const struct weir_gate_rules_node *node)
{
    struct weir_gate_rules_value candidate = judge_node(w, node->first - 1);
    w->is_live_side = true;
    struct weir_gate_rules_value live = judge_node(w, node->first - 1);
    w->is_live_side = false;
    if (candidate.why || live.why)
        return undefined(candidate.why ? candidate.why : live.why);
    return number(candidate.number - live.number);
}

static struct weir_gate_rules_value combine(const struct weir_gate_rules_node *chain,
                                            const struct weir_gate_rules_node *member, double a,
                                            double b)
{
    switch (chain->kind) {
    case WEIR_GATE_RULES_SUM:
        return number(member->op == WEIR_GATE_RULES_PLUS ? a + b : a - b);
    case WEIR_GATE_RULES_PRODUCT:
        if (member->op == WEIR_GATE_RULES_OVER && b == 0)
            return undefined("division by zero");
        return number(member->op == WEIR_GATE_RULES_TIMES ? a * b : a / b);
    case WEIR_GATE_RULES_MIN:
        return number(a < b ? a : b);
    case WEIR_GATE_RULES_MAX:
        return number(a > b ? a : b);
    case WEIR_GATE_RULES_OR:
    case WEIR_GATE_RULES_AND:
    case WEIR_GATE_RULES_NOT:
    case WEIR_GATE_RULES_COMPARE:
    case WEIR_GATE_RULES_DEFINED:
    case WEIR_GATE_RULES_NEGATE:
    case WEIR_GATE_RULES_NUMBER:
    case WEIR_GATE_RULES_METRIC:
    case WEIR_GATE_RULES_DIFFERENCE:
    case WEIR_GATE_RULES_CI_LOW:
    case WEIR_GATE_RULES_CI_HIGH:
    case WEIR_GATE_RULES_ABS:
        break;
    }
    weir_assert(!"a chain of numbers");
    return number(0);
}

/* A chain of numbers, left to right; not defined where a member is not. */
static struct weir_gate_rules_value judge_numbers(struct work *w,
                                                  const struct weir_gate_rules_node *node)
{
    struct weir_gate_rules_value sum = judge_node(w, node->first - 1);
    for (uint32_t i = w->rules->nodes[node->first - 1].next; i; i = w->rules->nodes[i - 1].next) {
        struct weir_gate_rules_value v = judge_node(w, i - 1);
        if (!sum.why)
            sum = v.why ? v : combine(node, &w->rules->nodes[i - 1], sum.number, v.number);
    }
    return sum;
}

/* Kleene: one FALSE decides an and, one TRUE an or; else one UNKNOWN makes it unknown. */
static struct weir_gate_rules_value judge_truths(struct work *w,
                                                 const struct weir_gate_rules_node *node)
{
    enum weir_gate_rules_result decides =
        node->kind == WEIR_GATE_RULES_OR ? WEIR_GATE_RULES_TRUE : WEIR_GATE_RULES_FALSE;
    struct weir_gate_rules_value all = {
        .truth = decides == WEIR_GATE_RULES_TRUE ? WEIR_GATE_RULES_FALSE : WEIR_GATE_RULES_TRUE};
    for (uint32_t i = node->first; i; i = w->rules->nodes[i - 1].next) {
        struct weir_gate_rules_value v = judge_node(w, i - 1);
        if (all.truth != decides && (v.truth == decides || (v.truth == WEIR_GATE_RULES_UNKNOWN &&
                                                            all.truth != WEIR_GATE_RULES_UNKNOWN)))
            all = v;
    }
    return all;
}

static struct weir_gate_rules_value truth(bool is_true)
{
    return (struct weir_gate_rules_value){.truth = is_true ? WEIR_GATE_RULES_TRUE
                                                           : WEIR_GATE_RULES_FALSE};
}

static struct weir_gate_rules_value judge_compare(struct work *w,
                                                  const struct weir_gate_rules_node *node)
{
    struct weir_gate_rules_value a = judge_node(w, node->first - 1);
    struct weir_gate_rules_value b = judge_node(w, w->rules->nodes[node->first - 1].next - 1);
    if (a.why || b.why)
        return (struct weir_gate_rules_value){.truth = WEIR_GATE_RULES_UNKNOWN,
                                              .why = a.why ? a.why : b.why};
    return truth(weir_gate_rules_compare(node->op, a.number, b.number));
}

static struct weir_gate_rules_value judge_negation(struct work *w,
                                                   const struct weir_gate_rules_node *node)
{
    struct weir_gate_rules_value v = judge_node(w, node->first - 1);
    return v.truth == WEIR_GATE_RULES_UNKNOWN ? v : truth(v.truth == WEIR_GATE_RULES_FALSE);
}

static struct weir_gate_rules_value judge_one(struct work *w,
                                              const struct weir_gate_rules_node *node)
{
    struct weir_gate_rules_value v;
    switch (node->kind) {
    case WEIR_GATE_RULES_OR:
    case WEIR_GATE_RULES_AND:
        return judge_truths(w, node);
    case WEIR_GATE_RULES_NOT:
        return judge_negation(w, node);
    case WEIR_GATE_RULES_COMPARE:
        return judge_compare(w, node);
    case WEIR_GATE_RULES_DEFINED:
        v = judge_node(w, node->first - 1);
        return truth(!v.why);
    case WEIR_GATE_RULES_NEGATE:
        v = judge_node(w, node->first - 1);
        return v.why ? v : number(-v.number);
    case WEIR_GATE_RULES_ABS:
        v = judge_node(w, node->first - 1);
        return v.why ? v : number(fabs(v.number));
    case WEIR_GATE_RULES_NUMBER:
        return number(node->number);
    case WEIR_GATE_RULES_METRIC:
    case WEIR_GATE_RULES_CI_LOW:
    case WEIR_GATE_RULES_CI_HIGH:
        return find(w, node);
    case WEIR_GATE_RULES_DIFFERENCE:
        return judge_difference(w, node);
    case WEIR_GATE_RULES_SUM:
    case WEIR_GATE_RULES_PRODUCT:
    case WEIR_GATE_RULES_MIN:
    case WEIR_GATE_RULES_MAX:
        return judge_numbers(w, node);
    }
    weir_assert(!"a kind of node");
    return number(0);
}

/* Deep as the text's parentheses, which are bounded. */
static struct weir_gate_rules_value judge_node(struct work *w, uint32_t index)
{
    struct weir_gate_rules_value v = judge_one(w, &w->rules->nodes[index]);
    w->values[index] = v;
    return v;
}

/* Both versions' numbers of the first metric, and the first interval. */
static void fill_numbers(const struct work *w, struct weir_gate_rules_outcome *o)
{
    const struct weir_gate_rule *rule = o->rule;
    const struct weir_gate_rules_facts *facts = w->facts;
    char why[WEIR_GATE_RULES_WHY_BYTES];
    o->candidate = o->live = o->low = o->high = (double)NAN;
    if (rule->n_asks == 0)
        return;
    struct weir_gate_rules_ask ask = w->rules->asks[rule->first_ask];
    ask.is_interval = false;
    ask.side = WEIR_GATE_RULES_CANDIDATE;
    double v;
    if (facts->value(facts->ctx, &ask, &v, why))
        o->candidate = v;
    ask.side = WEIR_GATE_RULES_LIVE;
    if (facts->has_live &&
        !(ask.metric->traits & (WEIR_GATE_METRIC_OF_ROWS | WEIR_GATE_RULES_OF_PAIR)) &&
        facts->value(facts->ctx, &ask, &v, why))
        o->live = v;
    for (uint32_t i = 0; i < rule->n_asks && o->result != WEIR_GATE_RULES_SKIPPED; i++) {
        const struct weir_gate_rules_ask *interval = &w->rules->asks[rule->first_ask + i];
        double low;
        double high;
        if (!interval->is_interval)
            continue;
        o->has_interval =
            facts->interval(facts->ctx, interval, &low, &high, why) && !isnan(low) && !isnan(high);
        o->low = o->has_interval ? low : o->low;
        o->high = o->has_interval ? high : o->high;
        return;
    }
}

static void judge_rule(struct work *w, const struct weir_gate_rule *rule, struct weir_buf *buf,
                       struct weir_gate_rules_outcome *o)
{
    *o = (struct weir_gate_rules_outcome){.rule = rule, .result = WEIR_GATE_RULES_SKIPPED};
    bool is_skipped = rule->needs_live && !w->facts->has_live;
    if (is_skipped) {
        o->why = "no live version";
    } else {
        struct weir_gate_rules_value v = judge_node(w, rule->node);
        o->result = v.truth;
        o->why = v.why;
    }
    fill_numbers(w, o);
    weir_buf_clear(buf);
    weir_gate_rules_text_append(buf, w->rules, is_skipped ? NULL : w->values, o);
    o->sentence = weir_buf_ok(buf) ? weir_arena_str(w->arena, weir_buf_str(buf)).at : NULL;
}

/* --- the list --------------------------------------------------------------------------------- */

static enum weir_gate_rules_verdict verdict_of(const uint32_t counts[WEIR_GATE_RULES_RESULTS])
{
    return counts[WEIR_GATE_RULES_FALSE]     ? WEIR_GATE_RULES_FAIL
           : counts[WEIR_GATE_RULES_UNKNOWN] ? WEIR_GATE_RULES_INCONCLUSIVE
                                             : WEIR_GATE_RULES_PASS;
}

static void append_count(struct weir_buf *buf, uint32_t n, const char *what, const char *one,
                         const char *many)
{
    if (n > 0)
        weir_buf_printf(buf, "%s%u %s", what, n, n == 1 ? one : many);
}

/* "safe: roc_auc 0.8 >= 0.9: false, and 1 more rule failed" */
static void append_reason(struct weir_buf *buf, const struct weir_gate_rules_judgement *j)
{
    const uint32_t *must = j->counts[WEIR_GATE_RULES_MUST];
    enum weir_gate_rules_result wanted =
        j->verdict == WEIR_GATE_RULES_FAIL ? WEIR_GATE_RULES_FALSE : WEIR_GATE_RULES_UNKNOWN;
    if (j->verdict == WEIR_GATE_RULES_PASS) {
        weir_buf_printf(buf, "%u %s", must[WEIR_GATE_RULES_TRUE],
                        must[WEIR_GATE_RULES_TRUE] == 1 ? "rule holds" : "rules hold");
        append_count(buf, must[WEIR_GATE_RULES_SKIPPED], ", ", "is skipped", "are skipped");
        const uint32_t *warn = j->counts[WEIR_GATE_RULES_WARN];
        append_count(buf, warn[WEIR_GATE_RULES_FALSE] + warn[WEIR_GATE_RULES_UNKNOWN], ", ",
                     "warns", "warn");
        return;
    }
    for (size_t i = 0; i < j->n_outcomes; i++) {
        const struct weir_gate_rules_outcome *o = &j->outcomes[i];
        if (o->rule->severity != WEIR_GATE_RULES_MUST || o->result != wanted)
            continue;
        weir_buf_append_str(buf, o->rule->name);
        weir_buf_append_c(buf, o->rule->name.n > 0 ? ": " : "");
        weir_buf_append_c(buf, o->sentence);
        break;
    }
    append_count(buf, must[wanted] - 1, ", and ",
                 wanted == WEIR_GATE_RULES_FALSE ? "more rule failed" : "more rule is unknown",
                 wanted == WEIR_GATE_RULES_FALSE ? "more rules failed" : "more rules are unknown");
}

static void summarize(struct weir_gate_rules_judgement *j)
{
    for (size_t i = 0; i < j->n_outcomes; i++) {
        const struct weir_gate_rules_outcome *o = &j->outcomes[i];
        j->counts[o->rule->severity][o->result]++;
        j->n_absolute_passed += o->rule->severity == WEIR_GATE_RULES_MUST &&
                                o->result == WEIR_GATE_RULES_TRUE && !o->rule->needs_live;
    }
    for (size_t s = 0; s < WEIR_GATE_RULES_SEVERITIES; s++)
        j->by_severity[s] = verdict_of(j->counts[s]);
    j->verdict = j->by_severity[WEIR_GATE_RULES_MUST];
}

enum weir_status weir_gate_rules_judge(const struct weir_gate_rules *rules,
                                       const struct weir_gate_rules_facts *facts,
                                       struct weir_gate_rules_judgement *judgement,
                                       struct weir_error *err)
{
    weir_assert(rules);
    weir_assert(facts);
    weir_assert(judgement);
    *judgement = (struct weir_gate_rules_judgement){.n_outcomes = rules->n_rules};
    struct weir_gate_rules_judgement *j = judgement;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf buf = WEIR_BUF_INIT;
    weir_arena_init(&j->arena, weir_mem_default(), 0);
    struct work w = {.rules = rules, .facts = facts, .arena = &j->arena};
    j->outcomes =
        weir_arena_zarray(&j->arena, weir_max_size(rules->n_rules, 1), sizeof *j->outcomes);
    w.values =
        weir_mem_zarray(weir_mem_default(), weir_max_size(rules->n_nodes, 1), sizeof *w.values);
    bool is_ok = j->outcomes && w.values;
    for (size_t i = 0; i < rules->n_rules && is_ok; i++) {
        judge_rule(&w, &rules->rules[i], &buf, &j->outcomes[i]);
        is_ok = j->outcomes[i].sentence && j->outcomes[i].why != no_memory_why;
    }
    weir_mem_free(weir_mem_default(), w.values);
    if (is_ok) {
        summarize(j);
        weir_buf_clear(&buf);
        append_reason(&buf, j);
        j->reason = weir_buf_ok(&buf) ? weir_arena_str(&j->arena, weir_buf_str(&buf)).at : NULL;
    }
    if (is_ok && j->reason)
        return WEIR_OK;
    weir_gate_rules_judgement_deinit(j);
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
}

void weir_gate_rules_judgement_deinit(struct weir_gate_rules_judgement *judgement)
{
    weir_assert(judgement);
    weir_arena_deinit(&judgement->arena);
    *judgement = (struct weir_gate_rules_judgement){.n_outcomes = 0};
}

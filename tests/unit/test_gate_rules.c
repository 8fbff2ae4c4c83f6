/* SPDX-License-Identifier: MIT */
/* Rules: what is parsed, what is refused and where, and what judging them comes to. */
#include "base/macros.h"
#include "gate/rules.h"
#include "test_file.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>

/* --- facts ------------------------------------------------------------------------------------ */

static const struct fact {
    const char *name;
    double candidate, live;
} table[] = {
    {"roc_auc", .9312, .9401}, {"recall", .7, .6},   {"precision", .5, .5},
    {"ece", .04, .03},         {"n_pos", 212, 0},    {"latency.p99_ms", 1.3, 1},
    {"accuracy", NAN, NAN},    {"f1", .25, NAN},     {"mse", 1e300, 1},
    {"holdout.uses", 3, 0},    {"mcc", INFINITY, 0}, {"kappa", .89999999, .9},
};

static const struct fact *find(const struct weir_gate_rules_ask *ask)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(table); i++) {
        if (strcmp(table[i].name, ask->metric->name) == 0)
            return &table[i];
    }
    return NULL;
}

/* Class "cat" and slice "country=CN" are there, both subtract 0.1; a threshold multiplies. */
static bool value(void *ctx, const struct weir_gate_rules_ask *ask, double *out,
                  char why[WEIR_GATE_RULES_WHY_BYTES])
{
    const struct fact *fact = find(ask);
    cr_assert(!ask->is_interval);
    cr_assert(ask->side != WEIR_GATE_RULES_DELTA);
    (void)ctx;
    if (ask->class_name.n > 0 && !weir_str_eq_c(ask->class_name, "cat")) {
        (void)snprintf(why, WEIR_GATE_RULES_WHY_BYTES, "no such class");
        return false;
    }
    if (ask->slice.n > 0 && !weir_str_eq_c(ask->slice, "country=CN")) {
        (void)snprintf(why, WEIR_GATE_RULES_WHY_BYTES, "no such slice");
        return false;
    }
    (void)snprintf(why, WEIR_GATE_RULES_WHY_BYTES, "not measured");
    if (!fact)
        return false;
    *out = ask->side == WEIR_GATE_RULES_LIVE ? fact->live : fact->candidate;
    *out -= ask->class_name.n > 0 ? .1 : 0;
    *out -= ask->slice.n > 0 ? .1 : 0;
    *out *= ask->has_at ? ask->at : 1;
    return true;
}

static bool interval(void *ctx, const struct weir_gate_rules_ask *ask, double *low, double *high,
                     char why[WEIR_GATE_RULES_WHY_BYTES])
{
    cr_assert(ask->is_interval);
    (void)ctx;
    if (strcmp(ask->metric->name, "roc_auc") != 0) {
        (void)snprintf(why, WEIR_GATE_RULES_WHY_BYTES, "no interval");
        return false;
    }
    *low = ask->side == WEIR_GATE_RULES_DELTA  ? -.0121
           : ask->side == WEIR_GATE_RULES_LIVE ? .92
                                               : .91;
    *high = ask->side == WEIR_GATE_RULES_DELTA ? .0013 : .95;
    return true;
}

static const struct weir_gate_rules_facts with_live = {
    .has_live = true, .value = value, .interval = interval};
static const struct weir_gate_rules_facts without_live = {.value = value, .interval = interval};

static enum weir_status parse(struct weir_gate_rules *rules, const char *text,
                              struct weir_error *err)
{
    size_t n;
    const struct weir_gate_metric_kind *extras = weir_gate_rules_extras(&n);
    return weir_gate_rules_parse(rules, weir_str_c(text), 1, extras, n, err);
}

static void judge(struct weir_gate_rules *rules, struct weir_gate_rules_judgement *j,
                  const char *text, const struct weir_gate_rules_facts *facts)
{
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(parse(rules, text, &err), WEIR_OK, "%s: %s", text, err.msg);
    cr_assert_eq(weir_gate_rules_judge(rules, facts, j, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(j->n_outcomes, rules->n_rules);
}

/* --- one rule --------------------------------------------------------------------------------- */

/* A text, what it comes to with a live version, and the sentence. */
static const struct one {
    const char *text;
    const char *sentence;
} ones[] = {
    /* each comparison, both ways and at equality */
    {"recall >= 0.7", "recall 0.7 >= 0.7: true"},
    {"recall > 0.7", "recall 0.7 > 0.7: false"},
    {"recall <= 0.7", "recall 0.7 <= 0.7: true"},
    {"recall < 0.7", "recall 0.7 < 0.7: false"},
    {"recall == 0.7", "recall 0.7 == 0.7: true"},
    {"recall != 0.7", "recall 0.7 != 0.7: false"},
    {"recall >= 0.71", "recall 0.7 >= 0.71: false"},
    {"recall > 0.69", "recall 0.7 > 0.69: true"},
    {"recall <= 0.69", "recall 0.7 <= 0.69: false"},
    {"recall < 0.71", "recall 0.7 < 0.71: true"},
    {"recall == 0.71", "recall 0.7 == 0.71: false"},
    {"recall != 0.71", "recall 0.7 != 0.71: true"},
    {"0.7<=recall", "0.7 <= recall 0.7: true"},
    /* as many digits as it takes */
    {"kappa >= 0.9", "kappa 0.89999999 >= 0.9: false"},
    {"kappa < 0.9", "kappa 0.89999999 < 0.9: true"},
    {"kappa != live.kappa", "kappa 0.89999999 != live.kappa 0.9: true"},
    /* numbers */
    {"ece <= 5%", "ece 0.04 <= 5%: true"},
    {"ece <= .05", "ece 0.04 <= .05: true"},
    {"ece <= 4e-2", "ece 0.04 <= 4e-2: true"},
    {"0.001 == 0.1%", "0.001 == 0.1%: true"},
    {"1e1% == 0.1", "1e1% == 0.1: true"},
    {"n_pos >= 200", "n_pos 212 >= 200: true"},
    /* arithmetic: precedence, left to right, parentheses, minus */
    {"1 + 2 * 3 == 7", "1 + 2 * 3 == 7: true"},
    {"(1 + 2) * 3 == 9", "(1 + 2) * 3 == 9: true"},
    {"10 - 3 - 2 == 5", "10 - 3 - 2 == 5: true"},
    {"10 - (3 - 2) == 9", "10 - (3 - 2) == 9: true"},
    {"16 / 4 / 2 == 2", "16 / 4 / 2 == 2: true"},
    {"16 / (4 / 2) == 8", "16 / (4 / 2) == 8: true"},
    {"16 / 4 * 2 == 8", "16 / 4 * 2 == 8: true"},
    {"2 * -3 == -6", "2 * -3 == -6: true"},
    {"-(1 + 2) == -3", "-(1 + 2) == -3: true"},
    {"2 - -3 == 5", "2 - -3 == 5: true"},
    {"-2 * 3 == 0 - 6", "-2 * 3 == 0 - 6: true"},
    {"-recall < 0", "-recall 0.7 < 0: true"},
    {"1 - 2 + 3 == 2", "1 - 2 + 3 == 2: true"},
    /* the live version */
    {"roc_auc >= live.roc_auc - 0.005", "roc_auc 0.9312 >= live.roc_auc 0.9401 - 0.005: false"},
    {"latency.p99_ms <= 1.2 * live.latency.p99_ms",
     "latency.p99_ms 1.3 <= 1.2 * live.latency.p99_ms 1: false"},
    {"delta(recall) > 0.09", "delta(recall) 0.1 > 0.09: true"},
    {"delta(recall - precision) > 0.09", "delta(recall - precision) 0.1 > 0.09: true"},
    {"delta(max(recall, precision)) < 0.11", "delta(max(recall, precision)) 0.1 < 0.11: true"},
    {"ci_low(delta(roc_auc)) >= -0.005", "ci_low(delta(roc_auc)) -0.0121 >= -0.005: false"},
    {"ci_high(delta(roc_auc)) >= 0", "ci_high(delta(roc_auc)) 0.0013 >= 0: true"},
    {"ci_low(roc_auc) >= 0.9", "ci_low(roc_auc) 0.91 >= 0.9: true"},
    {"ci_low(roc_auc) >= ci_low(live.roc_auc)",
     "ci_low(roc_auc) 0.91 >= ci_low(live.roc_auc) 0.92: false"},
    /* functions */
    {"min(recall, precision, 3) == 0.5", "min(recall, precision, 3) 0.5 == 0.5: true"},
    {"max(recall, precision) == 0.7", "max(recall, precision) 0.7 == 0.7: true"},
    {"max(recall) == 0.7", "max(recall) 0.7 == 0.7: true"},
    {"abs(precision - recall) < 0.21", "abs(precision - recall) 0.2 < 0.21: true"},
    {"abs(-2) == 2", "abs(-2) 2 == 2: true"},
    {"defined(recall)", "defined(recall) true: true"},
    {"defined(accuracy)", "defined(accuracy) false: false"},
    {"not defined(accuracy)", "not defined(accuracy) false: true"},
    {"not defined(accuracy) or accuracy > 0.5",
     "not defined(accuracy) false or accuracy unknown > 0.5: true"},
    {"defined(1 / 0)", "defined(1 / 0) false: false"},
    /* classes, thresholds, slices */
    {"recall[cat] >= 0.59", "recall[cat] 0.6 >= 0.59: true"},
    {"recall[\"cat\"] >= 0.59", "recall[\"cat\"] 0.6 >= 0.59: true"},
    {"recall@0.5 == 0.35", "recall@0.5 0.35 == 0.35: true"},
    {"recall@50% == 0.35", "recall@50% 0.35 == 0.35: true"},
    {"recall@-1.5 < -1", "recall@-1.5 -1.05 < -1: true"},
    {"recall[cat]@0.5 < 0.31", "recall[cat]@0.5 0.3 < 0.31: true"},
    {"recall >= 0.59 @ country=CN", "recall 0.6 >= 0.59 @ country=CN: true"},
    {"recall@0.5 < 0.31 @country=CN", "recall@0.5 0.3 < 0.31 @ country=CN: true"},
    {"0.31 > recall@0.5@country=CN", "0.31 > recall@0.5 0.3 @ country=CN: true"},
    {"0.61 > recall@country=CN", "0.61 > recall 0.6 @ country=CN: true"},
    {"recall >= 0.59 @ \"country=CN\"", "recall 0.6 >= 0.59 @ country=CN: true"},
    {"max(recall@0.5, 0) < 0.31 @ country=CN", "max(recall@0.5, 0) 0.3 < 0.31 @ country=CN: true"},
    /* precedence of not, and, or */
    {"1 > 2 and 1 > 2 or 2 > 1", "1 > 2 and 1 > 2 or 2 > 1: true"},
    {"1 > 2 and (1 > 2 or 2 > 1)", "1 > 2 and (1 > 2 or 2 > 1): false"},
    {"2 > 1 or 2 > 1 and 1 > 2", "2 > 1 or 2 > 1 and 1 > 2: true"},
    {"not 1 > 2 and 2 > 1", "not 1 > 2 and 2 > 1: true"},
    {"not (1 > 2 or 2 > 1)", "not (1 > 2 or 2 > 1): false"},
    /* unknown */
    {"accuracy >= 0.5", "accuracy unknown >= 0.5: unknown (accuracy: not measured)"},
    {"rmse >= 0.5", "rmse unknown >= 0.5: unknown (rmse: not measured)"},
    {"recall[dog] >= 0.5", "recall[dog] unknown >= 0.5: unknown (recall[dog]: no such class)"},
    {"recall > 0 @ country=FR", "recall unknown > 0 @ country=FR: unknown (recall: no such slice)"},
    {"f1 > live.f1", "f1 0.25 > live.f1 unknown: unknown (live.f1: not measured)"},
    {"delta(f1) > 0", "delta(f1) unknown > 0: unknown (live f1: not measured)"},
    {"ci_low(recall) > 0", "ci_low(recall) unknown > 0: unknown (ci_low(recall): no interval)"},
    {"1 / (recall - recall) > 0", "1 / (recall 0.7 - recall 0.7) > 0: unknown (division by zero)"},
    {"mcc - mcc > 0", "mcc inf - mcc inf > 0: unknown (not a number)"},
    {"mcc > 1e308", "mcc inf > 1e308: true"},
    {"max(accuracy, 1) > 0", "max(accuracy, 1) unknown > 0: unknown (accuracy: not measured)"},
    {"abs(accuracy) > 0", "abs(accuracy) unknown > 0: unknown (accuracy: not measured)"},
    {"-accuracy > 0", "-accuracy unknown > 0: unknown (accuracy: not measured)"},
    {"accuracy > rmse", "accuracy unknown > rmse unknown: unknown (accuracy: not measured)"},
    /* layout */
    {"  recall\t>=  0.7  # more than half", "recall 0.7 >= 0.7: true"},
    {"(recall >= 0.7 # first\n  and\n precision > 0)",
     "recall 0.7 >= 0.7 and precision 0.5 > 0: true"},
    {"max(recall,\r\n  precision # second\r\n) > 0", "max(recall, precision) 0.7 > 0: true"},
    {"live.recall<recall", "live.recall 0.6 < recall 0.7: true"},
};

Test(gate_rules, says_what_holds)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(ones); i++) {
        struct weir_gate_rules rules;
        struct weir_gate_rules_judgement j;
        judge(&rules, &j, ones[i].text, &with_live);
        cr_expect_eq(j.n_outcomes, 1);
        cr_expect_str_eq(j.outcomes[0].sentence, ones[i].sentence);
        weir_gate_rules_judgement_deinit(&j);
        weir_gate_rules_deinit(&rules);
    }
}

/* Kleene's tables: accuracy is not defined. */
static const char *const truths[] = {"1 > 2", "2 > 1", "accuracy > 0"};

Test(gate_rules, not_and_or_are_kleenes)
{
    enum { F = WEIR_GATE_RULES_FALSE, T = WEIR_GATE_RULES_TRUE, U = WEIR_GATE_RULES_UNKNOWN };
    static const int conjunction[3][3] = {{F, F, F}, {F, T, U}, {F, U, U}};
    static const int disjunction[3][3] = {{F, T, U}, {T, T, T}, {U, T, U}};
    static const int negation[3] = {T, F, U};
    for (size_t a = 0; a < 3; a++) {
        for (size_t b = 0; b < 3; b++) {
            char text[200];
            struct weir_gate_rules rules;
            struct weir_gate_rules_judgement j;
            (void)snprintf(text, sizeof text, "%s and %s\n%s or %s\nnot %s\nnot (%s and %s)",
                           truths[a], truths[b], truths[a], truths[b], truths[a], truths[a],
                           truths[b]);
            judge(&rules, &j, text, &with_live);
            cr_assert_eq((int)j.outcomes[0].result, conjunction[a][b], "%s", text);
            cr_assert_eq((int)j.outcomes[1].result, disjunction[a][b], "%s", text);
            cr_assert_eq((int)j.outcomes[2].result, negation[a], "%s", text);
            cr_assert_eq((int)j.outcomes[3].result, negation[conjunction[a][b]], "%s", text);
            for (size_t i = 0; i < 4; i++)
                cr_assert_eq(j.outcomes[i].why != NULL, (int)j.outcomes[i].result == U);
            weir_gate_rules_judgement_deinit(&j);
            weir_gate_rules_deinit(&rules);
        }
    }
}

Test(gate_rules, the_reason_is_that_of_what_made_it_unknown)
{
    struct weir_gate_rules rules;
    struct weir_gate_rules_judgement j;
    judge(&rules, &j, "(accuracy > 0 or 2 > 1) and (rmse > 0 or accuracy > 0)", &with_live);
    cr_assert_eq(j.outcomes[0].result, WEIR_GATE_RULES_UNKNOWN);
    cr_assert_str_eq(j.outcomes[0].why, "rmse: not measured");
    weir_gate_rules_judgement_deinit(&j);
    weir_gate_rules_deinit(&rules);
}

/* --- what is refused -------------------------------------------------------------------------- */

static const struct refused {
    const char *text;
    const char *message;
} refused[] = {
    {"", "line 1, column 1: expected a rule, found the end"},
    {" \n\t\n# nothing\n;;\n", "line 5, column 1: expected a rule, found the end"},
    {"roc_uac >= 0.9", "line 1, column 1: no metric 'roc_uac'; did you mean 'roc_auc'?"},
    {"roc_auc>=0.9\n  roc_auc >= live.rok_auc",
     "line 2, column 19: no metric 'rok_auc'; did you mean 'roc_auc'?"},
    {"zzzzzzzz > 1", "line 1, column 1: no metric 'zzzzzzzz'"},
    {"latency.p98_ms > 1", "line 1, column 1: no metric 'latency.p98_ms'; did you mean "
                           "'latency.p90_ms'?"},
    {"maximum(1, 2) > 1", "line 1, column 1: no metric 'maximum'"},
    {"roc_auc", "line 1, column 1: expected a comparison such as 'roc_auc >= 0.9', found only a "
                "number"},
    {"roc_auc >=", "line 1, column 11: expected a number, a metric or a function, found the end"},
    {"roc_auc >= )", "line 1, column 12: expected a number, a metric or a function, found ')'"},
    {"roc_auc >= and", "line 1, column 12: expected a number, a metric or a function, found 'and'"},
    {"roc_auc >= 0.9 recall", "line 1, column 16: expected an operator, '@' or the end of the "
                              "rule, found 'recall'"},
    {"roc_auc >= 0.9 >= 0.8", "line 1, column 16: expected an operator, '@' or the end of the "
                              "rule, found '>'"},
    {"roc_auc = 0.9", "line 1, column 9: expected an operator such as '>=', found '='; write '=='"},
    {"roc_auc => 0.9",
     "line 1, column 9: expected an operator such as '>=', found '='; write '>='"},
    {"recall > 0 && recall > 1", "line 1, column 12: expected an operator, '@' or the end of the "
                                 "rule, found '&'; write 'and'"},
    {"recall > 0 || recall > 1", "line 1, column 12: expected an operator, '@' or the end of the "
                                 "rule, found '|'; write 'or'"},
    {"recall > 0 AND recall > 1", "line 1, column 12: expected an operator, '@' or the end of the "
                                  "rule, found 'AND'; write 'and'"},
    {"!recall > 0",
     "line 1, column 1: expected a number, a metric or a function, found '!'; write 'not'"},
    {"recall and f1 > 0", "line 1, column 1: expected a comparison such as 'roc_auc >= 0.9', found "
                          "only a number"},
    {"f1 > 0 or recall", "line 1, column 11: expected a comparison such as 'roc_auc >= 0.9', found "
                         "only a number"},
    {"not recall", "line 1, column 5: expected a comparison such as 'roc_auc >= 0.9', found only a "
                   "number"},
    {"(f1 > 0) + 1 > 0", "line 1, column 2: expected a number, found a comparison"},
    {"(f1 > 0) == (recall > 0)", "line 1, column 2: expected a number, found a comparison"},
    {"1 * (f1 > 0) > 0", "line 1, column 6: expected a number, found a comparison"},
    {"-(f1 > 0) > 0", "line 1, column 3: expected a number, found a comparison"},
    {"max(f1 > 0) > 0", "line 1, column 5: expected a number, found a comparison"},
    {"defined(f1 > 0)", "line 1, column 9: expected a number, found a comparison"},
    {"(recall > 0", "line 1, column 12: expected an operator or ')', found the end"},
    {"(recall > 0 # no end", "line 1, column 21: expected an operator or ')', found the end"},
    {"(recall > 0\nf1 > 0)", "line 2, column 1: expected an operator or ')', found 'f1'"},
    {"recall > 0)", "line 1, column 11: expected an operator, '@' or the end of the rule, found "
                    "')'"},
    {"max recall > 0", "line 1, column 5: expected '(' after the function, found 'recall'"},
    {"max() > 0", "line 1, column 5: expected a number, a metric or a function, found ')'"},
    {"max(1 2) > 0", "line 1, column 7: expected an operator, ',' or ')', found '2'"},
    {"abs(1, 2) > 0", "line 1, column 6: expected an operator or ')', found ','"},
    {"--1 > 0", "line 1, column 2: expected a number, a metric or a function, found '-'"},
    {"not not 1 > 0", "line 1, column 5: expected a number, a metric or a function, found 'not'"},
    {"recall > 1.", "line 1, column 10: a number is written 0.5, 5% or 1e-3"},
    {"recall > 01", "line 1, column 10: a number is written 0.5, 5% or 1e-3"},
    {"recall > 0.5x", "line 1, column 10: a number is written 0.5, 5% or 1e-3"},
    {"recall > 5%%", "line 1, column 10: a number is written 0.5, 5% or 1e-3"},
    {"recall > 1e999", "line 1, column 10: the number is too large"},
    {"recall > .", "line 1, column 10: expected a number, a metric or a function, found '.'"},
    {"ci_low(recall + 1) > 0", "line 1, column 8: ci_low takes a metric or delta(metric)"},
    {"ci_high(delta(recall + 1)) > 0", "line 1, column 15: ci_high takes a metric or "
                                       "delta(metric)"},
    {"ci_low(0.5) > 0", "line 1, column 8: ci_low takes a metric or delta(metric)"},
    {"ci_low(max(recall)) > 0", "line 1, column 8: ci_low takes a metric or delta(metric)"},
    {"delta(ci_low(recall)) > 0", "line 1, column 7: write ci_low(delta(…)), not delta(ci_low(…))"},
    {"delta(delta(recall)) > 0", "line 1, column 7: delta cannot be inside delta"},
    {"delta(live.recall) > 0", "line 1, column 7: delta compares with the live version by itself: "
                               "leave out 'live.'"},
    {"n_pos > live.n_pos", "line 1, column 9: n_pos is the same for both versions"},
    {"delta(n_pos) > 0", "line 1, column 7: n_pos is the same for both versions"},
    {"mse[cat] > 0", "line 1, column 4: mse is not measured by class"},
    {"mse@0.5 > 0", "line 1, column 4: mse is not measured at a threshold"},
    {"recall[] > 0", "line 1, column 8: expected the name of a class"},
    {"recall[cat > 0", "line 1, column 15: expected ']' after the name of a class"},
    {"recall[\"cat > 0", "line 1, column 8: the quote does not end on its line"},
    {"recall@x > 0", "line 1, column 7: expected an operator such as '>=', found '@'"},
    {"recall@.5x > 0", "line 1, column 8: a number is written 0.5, 5% or 1e-3"},
    {"recall > 0 @", "line 1, column 13: expected a slice such as country=CN"},
    {"recall > 0 @ CN", "line 1, column 12: expected a slice such as '@ country=CN'"},
    {"latency.p99_ms < 1 @ a=b", "line 1, column 20: latency.p99_ms is not measured by slice"},
    {"recall > 0 @ \"a=b\" c", "line 1, column 20: expected the end of the rule, found 'c'"},
    {"a: recall > 0\na: recall > 1", "line 2, column 1: the name 'a' is that of line 1 already"},
    {"warn: recall > 0", "line 1, column 5: no ':' after 'warn'"},
    {"must recall", "line 1, column 6: expected a comparison such as 'roc_auc >= 0.9', found only "
                    "a number"},
    {"a: b: recall > 0", "line 1, column 4: no metric 'b'"},
    {"r\xc3\xa9: 1", "line 1, column 1: no metric 'r'; did you mean 'r2'?"},
    {"recall[\xc3\xa9] > 0 x", "line 1, column 15: expected an operator, '@' or the end of the "
                               "rule, found 'x'"},
    {"recall > \xff", "line 1, column 10: not UTF-8"},
    {"recall > 0 @ a=\x1b[2J", "line 1, column 16: a control character"},
    {"lift_at > 1", "line 1, column 8: lift_at needs a number: lift_at@0.1"},
    {"live.disagreement > 1", "line 1, column 1: disagreement is the same for both versions"},
    {"live > 0", "line 1, column 1: no metric 'live'"},
    {"recall > 0\r\n\r\nrecall > x", "line 3, column 10: no metric 'x'"},
};

Test(gate_rules, mistakes_are_placed)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(refused); i++) {
        struct weir_gate_rules rules;
        struct weir_error err = WEIR_ERROR_INIT;
        cr_expect_eq(parse(&rules, refused[i].text, &err), WEIR_ERR_INVALID, "%s", refused[i].text);
        cr_expect_str_eq(err.msg, refused[i].message);
        cr_expect_eq(err.code, WEIR_ERR_INVALID);
        cr_expect_eq(rules.n_rules, 0);
        cr_expect_null(rules.rules);
    }
}

Test(gate_rules, places_count_from_the_line_that_is_given)
{
    struct weir_gate_rules rules;
    struct weir_error err = WEIR_ERROR_INIT;
    size_t n;
    const struct weir_gate_metric_kind *extras = weir_gate_rules_extras(&n);
    cr_assert_eq(weir_gate_rules_parse(&rules, WEIR_STR("\nx > 1"), 7, extras, n, &err),
                 WEIR_ERR_INVALID);
    cr_assert_str_eq(err.msg, "line 8, column 1: no metric 'x'");
    cr_assert_eq(weir_gate_rules_parse(&rules, WEIR_STR("\nf1 > 1"), 7, extras, n, NULL), WEIR_OK);
    cr_assert_eq(rules.rules[0].line, 8);
    weir_gate_rules_deinit(&rules);
    weir_gate_rules_deinit(&rules);
}

Test(gate_rules, depth_is_bounded)
{
    static const char *const opens[] = {"(", "max("};
    for (size_t k = 0; k < 2; k++) {
        for (size_t deep = 31; deep <= 34; deep++) {
            struct weir_buf text = WEIR_BUF_INIT;
            struct weir_gate_rules rules;
            struct weir_error err = WEIR_ERROR_INIT;
            for (size_t i = 0; i < deep; i++)
                weir_buf_append_c(&text, opens[k]);
            weir_buf_append_byte(&text, '1');
            for (size_t i = 0; i < deep; i++)
                weir_buf_append_byte(&text, ')');
            weir_buf_append_c(&text, " > 0");
            enum weir_status status = parse(&rules, weir_buf_c(&text), &err);
            weir_buf_deinit(&text);
            cr_assert_eq(status, deep <= 32 ? WEIR_OK : WEIR_ERR_LIMIT, "%zu", deep);
            cr_assert_eq(err.code, status);
            if (status == WEIR_OK)
                weir_gate_rules_deinit(&rules);
            else
                cr_assert_not_null(strstr(err.msg, "deeper than 32"));
        }
    }
}

Test(gate_rules, length_is_bounded_and_a_long_chain_is_not_deep)
{
    static char text[WEIR_GATE_RULES_BYTES_MAX + 2];
    struct weir_gate_rules rules;
    struct weir_gate_rules_judgement j;
    struct weir_error err = WEIR_ERROR_INIT;
    /* 0+1+1+…+1 > 0 */
    for (size_t i = 0; i < WEIR_GATE_RULES_BYTES_MAX - 4; i += 2)
        memcpy(text + i, "1+", 2);
    memcpy(text + WEIR_GATE_RULES_BYTES_MAX - 5, "1>30000", 7);
    text[WEIR_GATE_RULES_BYTES_MAX - 5 + 5] = '\0';
    judge(&rules, &j, text, &with_live);
    cr_assert_eq(j.outcomes[0].result, WEIR_GATE_RULES_TRUE);
    weir_gate_rules_judgement_deinit(&j);
    weir_gate_rules_deinit(&rules);
    memset(text, ' ', sizeof text);
    memcpy(text, "1>0", 3);
    size_t n;
    const struct weir_gate_metric_kind *extras = weir_gate_rules_extras(&n);
    cr_assert_eq(weir_gate_rules_parse(&rules, weir_str_make(text, WEIR_GATE_RULES_BYTES_MAX), 1,
                                       extras, n, &err),
                 WEIR_OK);
    weir_gate_rules_deinit(&rules);
    cr_assert_eq(weir_gate_rules_parse(&rules, weir_str_make(text, WEIR_GATE_RULES_BYTES_MAX + 1),
                                       1, extras, n, &err),
                 WEIR_ERR_LIMIT);
}

/* --- lists ------------------------------------------------------------------------------------ */

static const char many[] = "roc_auc >= 0.90; safe: ci_low(delta(roc_auc)) >= -0.005 # paired\n"
                           "\n"
                           "recall@0.5 >= 0.8\n"
                           "; recall >= 0.7 @ country=CN\n"
                           "must floor-2 : n_pos >= 200\n"
                           "warn ece <= 0.01\n"
                           "warn log_loss <= 1\n"
                           "dryrun fast: latency.p99_ms <= 1.2 * live.latency.p99_ms";

static bool is(struct weir_str s, const char *text)
{
    return weir_str_eq_c(s, text);
}

Test(gate_rules, a_list_has_names_severities_and_slices)
{
    struct weir_gate_rules rules;
    cr_assert_eq(parse(&rules, many, NULL), WEIR_OK);
    static const struct {
        const char *text, *name, *slice;
        enum weir_gate_rules_severity severity;
        uint32_t line;
        bool needs_live;
    } rows[] = {
        {"roc_auc >= 0.90", "", "", WEIR_GATE_RULES_MUST, 1, false},
        {"ci_low(delta(roc_auc)) >= -0.005", "safe", "", WEIR_GATE_RULES_MUST, 1, true},
        {"recall@0.5 >= 0.8", "", "", WEIR_GATE_RULES_MUST, 3, false},
        {"recall >= 0.7 @ country=CN", "", "country=CN", WEIR_GATE_RULES_MUST, 4, false},
        {"n_pos >= 200", "floor-2", "", WEIR_GATE_RULES_MUST, 5, false},
        {"ece <= 0.01", "", "", WEIR_GATE_RULES_WARN, 6, false},
        {"log_loss <= 1", "", "", WEIR_GATE_RULES_WARN, 7, false},
        {"latency.p99_ms <= 1.2 * live.latency.p99_ms", "fast", "", WEIR_GATE_RULES_DRYRUN, 8,
         true},
    };
    cr_assert_eq(rules.n_rules, WEIR_ARRAY_LEN(rows));
    for (size_t i = 0; i < rules.n_rules; i++) {
        const struct weir_gate_rule *rule = &rules.rules[i];
        cr_assert(is(rule->text, rows[i].text), "%zu: %.*s", i, WEIR_STR_ARG(rule->text));
        cr_assert(is(rule->name, rows[i].name));
        cr_assert(is(rule->slice, rows[i].slice));
        cr_assert_eq(rule->severity, rows[i].severity);
        cr_assert_eq(rule->line, rows[i].line);
        cr_assert_eq(rule->needs_live, rows[i].needs_live);
    }
    /* Numbers that are asked for, in order; an interval's metric is not asked for by itself. */
    cr_assert_eq(rules.n_asks, 9);
    cr_assert_eq(rules.asks[1].side, WEIR_GATE_RULES_DELTA);
    cr_assert(rules.asks[1].is_interval);
    cr_assert(rules.asks[2].has_at);
    cr_assert_float_eq(rules.asks[2].at, .5, 0);
    cr_assert(is(rules.asks[3].slice, "country=CN"));
    cr_assert_eq(rules.asks[8].side, WEIR_GATE_RULES_LIVE);
    weir_gate_rules_deinit(&rules);
}

Test(gate_rules, only_must_rules_decide)
{
    struct weir_gate_rules rules;
    struct weir_gate_rules_judgement j;
    judge(&rules, &j, many, &with_live);
    static const enum weir_gate_rules_result results[] = {
        WEIR_GATE_RULES_TRUE, WEIR_GATE_RULES_FALSE, WEIR_GATE_RULES_FALSE,   WEIR_GATE_RULES_FALSE,
        WEIR_GATE_RULES_TRUE, WEIR_GATE_RULES_FALSE, WEIR_GATE_RULES_UNKNOWN, WEIR_GATE_RULES_FALSE,
    };
    for (size_t i = 0; i < j.n_outcomes; i++)
        cr_assert_eq(j.outcomes[i].result, results[i], "%zu", i);
    cr_assert_eq(j.verdict, WEIR_GATE_RULES_FAIL);
    cr_assert_eq(j.by_severity[WEIR_GATE_RULES_WARN], WEIR_GATE_RULES_FAIL);
    cr_assert_eq(j.counts[WEIR_GATE_RULES_MUST][WEIR_GATE_RULES_FALSE], 3);
    cr_assert_eq(j.counts[WEIR_GATE_RULES_WARN][WEIR_GATE_RULES_UNKNOWN], 1);
    cr_assert_eq(j.n_absolute_passed, 2);
    cr_assert_str_eq(j.reason, "safe: ci_low(delta(roc_auc)) -0.0121 >= -0.005: false, and 2 more "
                               "rules failed");
    weir_gate_rules_judgement_deinit(&j);
    weir_gate_rules_deinit(&rules);
}

static const struct verdict {
    const char *text;
    bool has_live;
    enum weir_gate_rules_verdict verdict;
    uint32_t n_absolute_passed;
    const char *reason;
} verdicts[] = {
    {"recall > 0", true, WEIR_GATE_RULES_PASS, 1, "1 rule holds"},
    {"recall > 0; f1 > 0; warn f1 > 1; warn accuracy > 0", true, WEIR_GATE_RULES_PASS, 2,
     "2 rules hold, 2 warn"},
    {"recall > 0; recall > 1; accuracy > 0", true, WEIR_GATE_RULES_FAIL, 1,
     "recall 0.7 > 1: false"},
    {"recall > 0; accuracy > 0; rmse > 0", true, WEIR_GATE_RULES_INCONCLUSIVE, 1,
     "accuracy unknown > 0: unknown (accuracy: not measured), and 1 more rule is unknown"},
    {"recall > 0; dryrun recall > 1", true, WEIR_GATE_RULES_PASS, 1, "1 rule holds"},
    {"warn recall > 1", true, WEIR_GATE_RULES_PASS, 0, "0 rules hold, 1 warns"},
    {"delta(recall) > 1; recall > 0", true, WEIR_GATE_RULES_FAIL, 1,
     "delta(recall) 0.1 > 1: false"},
    /* Without a live version, what names it is skipped. */
    {"delta(recall) > 1; recall > 0", false, WEIR_GATE_RULES_PASS, 1, "1 rule holds, 1 is skipped"},
    {"recall > live.recall", false, WEIR_GATE_RULES_PASS, 0, "0 rules hold, 1 is skipped"},
    {"recall > live.recall", true, WEIR_GATE_RULES_PASS, 0, "1 rule holds"},
    {"defined(live.recall) or recall > 0", false, WEIR_GATE_RULES_PASS, 0,
     "0 rules hold, 1 is skipped"},
};

Test(gate_rules, verdicts_have_reasons)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(verdicts); i++) {
        const struct verdict *v = &verdicts[i];
        struct weir_gate_rules rules;
        struct weir_gate_rules_judgement j;
        judge(&rules, &j, v->text, v->has_live ? &with_live : &without_live);
        cr_assert_eq(j.verdict, v->verdict, "%s", v->text);
        cr_assert_eq(j.n_absolute_passed, v->n_absolute_passed, "%s", v->text);
        cr_assert_str_eq(j.reason, v->reason);
        weir_gate_rules_judgement_deinit(&j);
        weir_gate_rules_deinit(&rules);
    }
}

Test(gate_rules, outcomes_are_a_document)
{
    struct weir_gate_rules rules;
    struct weir_gate_rules_judgement j;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf buf = WEIR_BUF_INIT;
    judge(&rules, &j,
          "warn safe: ci_low(delta(roc_auc)) >= 0\nrecall[\"cat\"] > 0 @ a=\"b\"\n"
          "delta(precision) > 1",
          &with_live);
    weir_gate_rules_append(&j, &buf);
    cr_assert_str_eq(
        weir_buf_c(&buf),
        "[{\"text\":\"ci_low(delta(roc_auc)) >= 0\",\"name\":\"safe\",\"severity\":\"warn\","
        "\"result\":\"false\",\"candidate\":0.9312,\"live\":0.9401,\"ci\":[-0.0121,0.0013],"
        "\"sentence\":\"ci_low(delta(roc_auc)) -0.0121 >= 0: false\"},"
        "{\"text\":\"recall[\\\"cat\\\"] > 0 @ a=\\\"b\\\"\",\"severity\":\"must\","
        "\"slice\":\"a=\\\"b\\\"\",\"result\":\"unknown\",\"why\":\"recall[\\\\x22cat\\\\x22]: no "
        "such slice\",\"sentence\":\"recall[\\\"cat\\\"] unknown > 0 @ a=\\\"b\\\": unknown "
        "(recall[\\\\x22cat\\\\x22]: no such slice)\"},"
        "{\"text\":\"delta(precision) > 1\",\"severity\":\"must\",\"result\":\"false\","
        "\"candidate\":0.5,\"live\":0.5,\"sentence\":\"delta(precision) 0 > 1: false\"}]");
    weir_gate_rules_judgement_deinit(&j);
    weir_gate_rules_deinit(&rules);
}

Test(gate_rules, a_skipped_rule_shows_the_candidate)
{
    struct weir_gate_rules rules;
    struct weir_gate_rules_judgement j;
    judge(&rules, &j, "safe: (ci_low(delta(roc_auc)) >= # wide\n -1) # no", &without_live);
    cr_assert_str_eq(j.outcomes[0].sentence,
                     "(ci_low(delta(roc_auc)) >= -1): skipped (no live version)");
    cr_assert_float_eq(j.outcomes[0].candidate, .9312, 0);
    cr_assert(isnan(j.outcomes[0].live));
    cr_assert_not(j.outcomes[0].has_interval);
    weir_gate_rules_judgement_deinit(&j);
    weir_gate_rules_deinit(&rules);
}

Test(gate_rules, tells_what_must_be_measured)
{
    static const struct {
        const char *text;
        bool has_live;
        struct weir_gate_rules_needs needs;
    } rows[] = {
        {"recall > 0", true, {.absolute = true}},
        {"recall > live.recall", true, {.live = true}},
        {"recall > live.recall @ a=b", false, {.live = true}},
        {"recall > 0 @ a=b", false, {.absolute = true, .slices = true}},
        {"latency.p99_ms < 1", true, {.absolute = true, .latency = true}},
        {"live.latency.p99_ms < 1", true, {.live = true, .live_latency = true}},
        {"delta(latency.p99_ms) < 1", true, {.live = true, .latency = true, .live_latency = true}},
        {"delta(latency.p99_ms) < 1", false, {.live = true}},
        {"ci_low(roc_auc) > 0", true, {.absolute = true, .intervals = true}},
        {"ci_low(precision) > 0", true, {.absolute = true, .intervals = true}},
        {"ci_low(delta(precision)) > 0",
         true,
         {.live = true, .delta_intervals = true, .bootstrap = true}},
        {"disagreement < 1", true, {.live = true}},
        {"lift_at@0.1 > 1", true, {.absolute = true}},
        {"ci_low(f1) > 0", true, {.absolute = true, .intervals = true, .bootstrap = true}},
        {"ci_low(delta(roc_auc)) > 0", true, {.live = true, .delta_intervals = true}},
        {"ci_low(delta(f1)) > 0", true, {.live = true, .delta_intervals = true, .bootstrap = true}},
        {"ci_low(delta(f1)) > 0", false, {.live = true}},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_gate_rules rules;
        cr_assert_eq(parse(&rules, rows[i].text, NULL), WEIR_OK);
        struct weir_gate_rules_needs got = weir_gate_rules_needs(&rules, rows[i].has_live);
        cr_assert_eq(memcmp(&got, &rows[i].needs, sizeof got), 0, "%s", rows[i].text);
        weir_gate_rules_deinit(&rules);
    }
}

Test(gate_rules, slices_are_listed_once)
{
    struct weir_gate_rules rules;
    cr_assert_eq(parse(&rules, "f1>0@a=b\nf1>0@a=c\nf1>0\nf1>1@a=b\nf1>1 @ \"x=;#\"", NULL),
                 WEIR_OK);
    cr_assert(is(weir_gate_rules_slice(&rules, 0), "a=b"));
    cr_assert(is(weir_gate_rules_slice(&rules, 1), "a=c"));
    cr_assert(is(weir_gate_rules_slice(&rules, 2), "x=;#"));
    cr_assert_eq(weir_gate_rules_slice(&rules, 3).n, 0);
    weir_gate_rules_deinit(&rules);
}

Test(gate_rules, no_memory_is_a_status_and_leaks_nothing)
{
    test_mem_install();
    size_t n;
    const struct weir_gate_metric_kind *extras = weir_gate_rules_extras(&n);
    bool is_done = false;
    for (uint64_t at = 1; !is_done; at++) {
        struct weir_gate_rules rules;
        struct weir_gate_rules_judgement j = {.n_outcomes = 0};
        test_mem_fail_at(at, true);
        enum weir_status status =
            weir_gate_rules_parse(&rules, weir_str_c(many), 1, extras, n, NULL);
        if (status == WEIR_OK) {
            status = weir_gate_rules_judge(&rules, &with_live, &j, NULL);
            if (status == WEIR_OK)
                weir_gate_rules_judgement_deinit(&j);
            weir_gate_rules_deinit(&rules);
        }
        is_done = !test_mem_has_failed();
        cr_assert_eq(status, is_done ? WEIR_OK : WEIR_ERR_NO_MEMORY);
        test_mem_fail_at(0, false);
        cr_assert_eq(test_mem_n_live(), 0);
        cr_assert_lt(at, 100);
    }
}

Test(gate_rules, the_documented_rules_parse)
{
    static const char fence[] = "\n```\n";
    struct weir_str page = test_file_read("conf/rules.md");
    struct weir_gate_rules rules;
    struct weir_error err = WEIR_ERROR_INIT;
    size_t n;
    const struct weir_gate_metric_kind *extras = weir_gate_rules_extras(&n);
    const char *begin = memmem(page.at, page.n, fence, sizeof fence - 1);
    cr_assert_not_null(begin);
    begin += sizeof fence - 1;
    const char *end = memmem(begin, (size_t)(page.at + page.n - begin), fence, sizeof fence - 1);
    cr_assert_not_null(end);
    cr_assert_eq(weir_gate_rules_parse(&rules, weir_str_make(begin, (size_t)(end - begin)), 1,
                                       extras, n, &err),
                 WEIR_OK, "%s", err.msg);
    cr_assert_eq(rules.n_rules, 10);
    weir_gate_rules_deinit(&rules);
    test_file_free(page);
}

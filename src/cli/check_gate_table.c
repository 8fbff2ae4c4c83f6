/* SPDX-License-Identifier: MIT */
#include "cli/check_gate_table.h"

#include "base/macros.h"
#include "cli/evaluate_table.h"
#include "gate/compare.h"
#include "gate/rules.h"

#include <math.h>
#include <stdio.h>

enum { NAME_WIDTH = 26, NUMBER_WIDTH = 13 };

static void put_number(struct weir_buf *out, double v)
{
    if (isnan(v))
        weir_buf_printf(out, "%*s", NUMBER_WIDTH, "-");
    else
        weir_buf_printf(out, "%*.6g", NUMBER_WIDTH, v);
}

static void put_party(struct weir_buf *out, const char *what,
                      const struct weir_gate_report_side *side)
{
    if (!side->source)
        return;
    weir_buf_printf(out, "%-10s %.*s", what, WEIR_STR_ARG(side->source->model));
    if (side->source->digest.n > 0)
        weir_buf_printf(out, "  %.16s", side->source->digest.at);
    weir_buf_append_byte(out, '\n');
}

static void put_head(struct weir_buf *out, const struct weir_gate_report *report)
{
    const struct weir_gate_evaluation *e = report->candidate.evaluation;
    put_party(out, "candidate", &report->candidate);
    put_party(out, "live", &report->live);
    weir_buf_printf(out, "%-10s %.*s  %zu rows", "holdout",
                    WEIR_STR_ARG(report->candidate.source->data), e->holdout->n);
    if (e->has_sweep)
        weir_buf_printf(out, ", %zu of them positive", e->sweep.n_positive);
    weir_cli_evaluate_table_left_out(out, report, "live version");
    if (report->holdout_uses > 0)
        weir_buf_printf(out, ", used %llu times", (unsigned long long)report->holdout_uses);
    weir_buf_append_byte(out, '\n');
    if (e->has_choice)
        weir_buf_printf(out, "%-10s %.10g by %.*s, on %s\n", "threshold", e->choice.threshold,
                        WEIR_STR_ARG(report->candidate.source->policy), e->holdout->score_space);
}

static void put_rule(struct weir_buf *out, const struct weir_gate_rules_outcome *o, const char *red,
                     const char *plain)
{
    const struct weir_gate_rule *rule = o->rule;
    bool is_red = rule->severity == WEIR_GATE_RULES_MUST && o->result != WEIR_GATE_RULES_TRUE &&
                  o->result != WEIR_GATE_RULES_SKIPPED;
    weir_buf_printf(out, "  %s%-8s%s", is_red ? red : "", weir_gate_rules_result_name(o->result),
                    is_red ? plain : "");
    put_number(out, o->candidate);
    put_number(out, o->live);
    weir_buf_append_c(out, "  ");
    if (rule->severity != WEIR_GATE_RULES_MUST)
        weir_buf_printf(out, "%s ", weir_gate_rules_severity_name(rule->severity));
    if (rule->name.n > 0)
        weir_buf_printf(out, "%.*s: ", WEIR_STR_ARG(rule->name));
    weir_buf_append_str(out, rule->text);
    if (o->has_interval)
        weir_buf_printf(out, "  [%.6g, %.6g]", o->low, o->high);
    if (o->why)
        weir_buf_printf(out, "  (%s)", o->why);
    weir_buf_append_byte(out, '\n');
}

static void put_delta(struct weir_buf *out, const struct weir_gate_delta *d)
{
    if (isnan(d->candidate) && isnan(d->live))
        return;
    weir_buf_printf(out, "  %-*s", NAME_WIDTH, d->name);
    put_number(out, d->candidate);
    put_number(out, d->live);
    put_number(out, d->value);
    if (d->has_interval)
        weir_buf_printf(out, "  [%.6g, %.6g]  p %.3g", d->low, d->high, d->p);
    weir_buf_append_byte(out, '\n');
}

static void put_numbers(struct weir_buf *out, const struct weir_gate_report *report)
{
    const struct weir_gate_evaluation *e = report->candidate.evaluation;
    for (size_t i = 0; report->compare && i < report->compare->n_deltas; i++)
        put_delta(out, &report->compare->deltas[i]);
    for (size_t i = 0; !report->compare && i < e->n_metrics; i++) {
        const struct weir_gate_metric *m = &e->metrics[i];
        if (isnan(m->value))
            continue;
        weir_buf_printf(out, "  %-*s", NAME_WIDTH, m->name);
        put_number(out, m->value);
        if (m->has_interval)
            weir_buf_printf(out, "  [%.6g, %.6g]", m->low, m->high);
        weir_buf_append_byte(out, '\n');
    }
    for (size_t i = 0; i < report->n_numbers; i++) {
        weir_buf_printf(out, "  %-*s", NAME_WIDTH, report->numbers[i].name);
        put_number(out, report->numbers[i].candidate);
        if (report->live.evaluation)
            put_number(out, report->numbers[i].live);
        weir_buf_append_byte(out, '\n');
    }
}

void weir_cli_check_gate_table(struct weir_buf *out, const struct weir_gate_report *report,
                               const char *bold, const char *red, const char *plain)
{
    weir_assert(report);
    put_head(out, report);
    weir_buf_printf(out, "\n  %s%-8s%*s%*s  rule%s\n", bold, "", NUMBER_WIDTH, "candidate",
                    NUMBER_WIDTH, report->live.evaluation ? "live" : "", plain);
    for (size_t i = 0; report->rules && i < report->rules->n_outcomes; i++)
        put_rule(out, &report->rules->outcomes[i], red, plain);
    weir_buf_printf(out, "\n  %s%-*s%*s%*s%*s%s\n", bold, NAME_WIDTH, "", NUMBER_WIDTH, "candidate",
                    NUMBER_WIDTH, report->live.evaluation ? "live" : "", NUMBER_WIDTH,
                    report->live.evaluation ? "difference" : "", plain);
    put_numbers(out, report);
    if (report->compare && report->compare->has_decisions)
        weir_buf_printf(out,
                        "  %zu rows are decided differently: %zu only the candidate has right, %zu "
                        "only the live version\n",
                        report->compare->n_disagreements, report->compare->n_gained,
                        report->compare->n_lost);
    weir_buf_append_byte(out, '\n');
}

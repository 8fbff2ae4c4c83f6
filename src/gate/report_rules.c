/* SPDX-License-Identifier: MIT */
/* The report's part about rules: each with what it came to, in the order in which they stand. */
#include "base/macros.h"
#include "gate/html.h"
#include "gate/report_priv.h"
#include "gate/rules.h"

#include <stdio.h>

static void append_outcome(struct weir_buf *buf, const struct weir_gate_rules_outcome *o,
                           bool has_live)
{
    const struct weir_gate_rule *rule = o->rule;
    const char *result = weir_gate_rules_result_name(o->result);
    weir_buf_printf(buf, "<tr><td class=\"text\"><b class=\"%s\">%s</b></td><td class=\"text\">%s",
                    result, result, weir_gate_rules_severity_name(rule->severity));
    weir_buf_append_c(buf, "</td><th scope=\"row\">");
    if (rule->name.n > 0) {
        weir_gate_html_text(buf, rule->name);
        weir_buf_append_c(buf, ": ");
    }
    weir_buf_append_c(buf, "<code>");
    weir_gate_html_text(buf, rule->text);
    weir_buf_append_c(buf, "</code></th>");
    weir_gate_html_cell(buf, o->candidate);
    if (has_live)
        weir_gate_html_cell(buf, o->live);
    weir_gate_html_interval(buf, o->has_interval, o->low, o->high);
    weir_buf_append_c(buf, "<td class=\"text why\">");
    weir_gate_html_text(buf, weir_str_c(o->why ? o->why : ""));
    weir_buf_append_c(buf, "</td></tr>");
}

void weir_gate_report_rules_append(struct weir_buf *buf, const struct weir_gate_report *r)
{
    const struct weir_gate_rules_judgement *j = r->rules;
    bool has_live = r->live.evaluation != NULL;
    struct weir_buf columns = WEIR_BUF_INIT;
    if (!j)
        return;
    weir_buf_append_c(&columns, "<result|<severity|<rule|");
    weir_gate_html_text(&columns, r->candidate_name);
    if (has_live) {
        weir_buf_append_c(&columns, "|");
        weir_gate_html_text(&columns, r->live_name);
    }
    weir_buf_append_c(&columns, "|interval|<why");
    weir_buf_append_c(buf, "<h2 id=\"rules\">Rules</h2>");
    weir_gate_html_table(buf, "Numbers are those of the first metric that a rule names.",
                         weir_buf_c(&columns) ? columns.at : "");
    buf->failed |= columns.failed;
    for (size_t i = 0; i < j->n_outcomes; i++)
        append_outcome(buf, &j->outcomes[i], has_live);
    weir_gate_html_table_end(buf);
    weir_buf_deinit(&columns);
}

/* SPDX-License-Identifier: MIT */
/* The report's parts about two models: how far apart their numbers are, and on which rows they
 * disagree. */
#include "base/macros.h"
#include "gate/compare.h"
#include "gate/html.h"
#include "gate/report_priv.h"

#include <math.h>
#include <stdio.h>

enum { CAPTION_BYTES = 200 };

/* A difference whose interval leaves 0 out is one: which way is good, is for the reader. */
static void delta_cells(struct weir_buf *buf, const struct weir_gate_delta *d)
{
    weir_gate_html_cell(buf, d->candidate);
    weir_gate_html_cell(buf, d->live);
    weir_gate_html_signed(buf, d->value);
    weir_gate_html_interval(buf, d->has_interval, d->low, d->high);
    weir_buf_append_c(buf, "<td>");
    if (d->has_interval)
        weir_buf_printf(buf, "%.3g", d->p);
    weir_buf_append_c(buf, "</td><td class=\"text why\">");
    weir_gate_html_text(buf, weir_str_c(d->why            ? d->why
                                        : d->has_interval ? d->method
                                        : d->unsure       ? d->unsure
                                                          : ""));
    weir_buf_append_c(buf, "</td></tr>");
}

static void more_cells(struct weir_buf *buf, const struct weir_gate_report_number *n)
{
    weir_gate_html_row(buf, weir_str_c(n->name));
    weir_gate_html_cell(buf, n->candidate);
    weir_gate_html_cell(buf, n->live);
    weir_gate_html_signed(buf, n->candidate - n->live);
    weir_buf_append_c(buf, "<td></td><td></td><td></td></tr>");
}

static void append_disagreements(struct weir_buf *buf, const struct weir_gate_report *r)
{
    const struct weir_gate_compare *c = r->compare;
    if (!c->has_decisions)
        return;
    weir_buf_printf(buf, "<p>%zu of %zu rows are decided differently: %zu only the ",
                    c->n_disagreements, c->n, c->n_gained);
    weir_gate_html_text(buf, r->candidate_name);
    weir_buf_printf(buf, " has right, %zu only the ", c->n_lost);
    weir_gate_html_text(buf, r->live_name);
    weir_buf_printf(buf, "; p %.3g (McNemar, exact).", c->p);
    for (size_t i = 0; i < c->n_lines; i++)
        weir_buf_printf(buf, "%s%llu", i == 0 ? " The first of them are on these lines: " : ", ",
                        (unsigned long long)c->lines[i]);
    weir_buf_append_c(buf, c->n_lines > 0 ? ".</p>" : "</p>");
}

void weir_gate_report_compare_append(struct weir_buf *buf, const struct weir_gate_report *r)
{
    const struct weir_gate_compare *c = r->compare;
    struct weir_buf columns = WEIR_BUF_INIT;
    char caption[CAPTION_BYTES];
    if (!c)
        return;
    (void)snprintf(caption, sizeof caption,
                   "Differences on the same rows; intervals hold with %g%%, p is two-sided, – is "
                   "undefined.",
                   100 * (1 - c->alpha));
    weir_buf_append_c(&columns, "|");
    weir_gate_html_text(&columns, r->candidate_name);
    weir_buf_append_c(&columns, "|");
    weir_gate_html_text(&columns, r->live_name);
    weir_buf_append_c(&columns, "|difference|interval|p|<how, why");
    weir_buf_append_c(buf, "<h2 id=\"differences\">Differences</h2>");
    append_disagreements(buf, r);
    weir_gate_html_table(buf, caption, weir_buf_c(&columns) ? columns.at : "");
    buf->failed |= columns.failed;
    for (size_t i = 0; i < c->n_deltas; i++) {
        weir_gate_html_row(buf, weir_str_c(c->deltas[i].name));
        delta_cells(buf, &c->deltas[i]);
    }
    for (size_t i = 0; i < r->n_numbers; i++)
        more_cells(buf, &r->numbers[i]);
    weir_gate_html_table_end(buf);
    weir_buf_deinit(&columns);
}

/* SPDX-License-Identifier: MIT */
/* The report's tables of one evaluation. */
#include "base/macros.h"
#include "gate/html.h"
#include "gate/plot.h"
#include "gate/report_priv.h"

#include <math.h>
#include <stdio.h>

enum {
    N_THRESHOLDS = 20,
    MATRIX_CLASSES_MAX = 50, /* a matrix of more is no longer read */
    MANY_CLASSES = 12,       /* from here on a matrix is set in small type */
    CONFUSIONS_MAX = 20,
    CLASSES_MAX = 200, /* rows of the table of classes */
    LABEL_CHARS_MAX = 24,
    CAPTION_BYTES = 160,
};

/* --- confusion matrix ------------------------------------------------------------------------- */

static void put_label(struct weir_buf *buf, const char *scope, struct weir_str label)
{
    weir_buf_printf(buf, "<th scope=\"%s\">", scope);
    weir_gate_html_text_cut(buf, label, LABEL_CHARS_MAX);
    weir_buf_append_c(buf, "</th>");
}

static void append_matrix(struct weir_buf *buf, const struct weir_gate_evaluation *e,
                          struct weir_str name)
{
    const struct weir_eval_confusion *c = &e->confusion;
    const struct weir_str *labels = e->holdout->classes;
    size_t n = c->n_classes;
    weir_buf_printf(buf,
                    "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Confusion "
                    "matrix\"><table class=\"matrix%s\"><caption>",
                    n >= MANY_CLASSES ? " many" : "");
    weir_gate_html_text(buf, name);
    weir_buf_printf(buf,
                    "</caption><thead>"
                    "<tr><td></td><th class=\"side\" colspan=\"%zu\" scope=\"colgroup\">decided as"
                    "</th></tr><tr><th class=\"side\" scope=\"col\">true</th>",
                    n);
    for (size_t j = 0; j < n; j++)
        put_label(buf, "col", labels[j]);
    weir_buf_append_c(buf, "</tr></thead><tbody>");
    for (size_t i = 0; i < n; i++) {
        weir_buf_append_c(buf, "<tr>");
        put_label(buf, "row", labels[i]);
        for (size_t j = 0; j < n; j++) {
            double v = c->cells[i * n + j];
            double share = c->truths[i] > 0 ? v / c->truths[i] : 0;
            weir_buf_printf(buf,
                            "<td style=\"background:rgb(var(--fill)/%.2f)\">%.10g<small>%.1f%%"
                            "</small></td>",
                            share * .5, v, 100 * share);
        }
        weir_buf_append_c(buf, "</tr>");
    }
    weir_gate_html_table_end(buf);
}

/* The largest cells beside the diagonal, for matrices that nobody reads. */
static void append_confusions(struct weir_buf *buf, const struct weir_gate_evaluation *e)
{
    const struct weir_eval_confusion *c = &e->confusion;
    size_t n = c->n_classes;
    size_t largest[CONFUSIONS_MAX];
    size_t n_found = 0;
    for (size_t at = 0; at < n * n; at++) {
        size_t i = n_found;
        if (at / n == at % n || c->cells[at] == 0 ||
            (n_found == CONFUSIONS_MAX && c->cells[largest[n_found - 1]] >= c->cells[at]))
            continue;
        if (n_found < CONFUSIONS_MAX)
            n_found++;
        else
            i--;
        for (; i > 0 && c->cells[largest[i - 1]] < c->cells[at]; i--)
            largest[i] = largest[i - 1];
        largest[i] = at;
    }
    weir_gate_html_table(buf, "The most frequent wrong decisions; shares are of the true class.",
                         "true|decided as|rows|share");
    for (size_t i = 0; i < n_found; i++) {
        size_t truth = largest[i] / n;
        weir_gate_html_row(buf, e->holdout->classes[truth]);
        weir_buf_append_c(buf, "<td>");
        weir_gate_html_text(buf, e->holdout->classes[largest[i] % n]);
        weir_buf_printf(buf, "</td><td>%.10g</td><td>%.1f%%</td></tr>", c->cells[largest[i]],
                        100 * c->cells[largest[i]] / c->truths[truth]);
    }
    weir_gate_html_table_end(buf);
}

void weir_gate_report_tables_append_confusion(struct weir_buf *buf,
                                              const struct weir_gate_report *r)
{
    const struct weir_gate_evaluation *e = r->candidate.evaluation;
    const struct weir_gate_evaluation *live = r->live.evaluation;
    if (!e->has_confusion)
        return;
    weir_buf_append_c(buf, "<h2 id=\"decisions\">Decisions</h2><p>Rows are truths, columns "
                           "decisions; shares are of the row.</p>");
    if (e->confusion.n_classes <= MATRIX_CLASSES_MAX) {
        weir_buf_append_c(buf, "<div class=\"both\">");
        append_matrix(buf, e, live ? r->candidate_name : WEIR_STR("Confusion matrix"));
        if (live && live->has_confusion)
            append_matrix(buf, live, r->live_name);
        weir_buf_append_c(buf, "</div>");
    }
    if (e->confusion.n_classes >= MANY_CLASSES)
        append_confusions(buf, e);
}

/* --- thresholds ------------------------------------------------------------------------------- */

/* What a wrong decision costs. */
struct cost {
    double fp, fn;
};

static void threshold_row(struct weir_buf *buf, const struct weir_eval_sweep *s, struct cost cost,
                          double threshold, double tp, double fp, bool is_chosen)
{
    double fn = s->positives - tp;
    double tn = s->negatives - fp;
    weir_buf_append_c(buf, is_chosen ? "<tr class=\"chosen\">" : "<tr>");
    weir_buf_append_c(buf, "<th scope=\"row\">");
    weir_gate_html_number(buf, threshold);
    weir_buf_append_c(buf, is_chosen ? " (chosen)</th>" : "</th>");
    weir_gate_html_cell(buf, tp);
    weir_gate_html_cell(buf, fp);
    weir_gate_html_cell(buf, fn);
    weir_gate_html_cell(buf, tn);
    weir_gate_html_share(buf, tp / s->positives);
    weir_gate_html_share(buf, fp / s->negatives);
    weir_gate_html_share(buf, tp + fp > 0 ? tp / (tp + fp) : (double)NAN);
    weir_gate_html_share(buf, 2 * tp / (2 * tp + fp + fn));
    weir_gate_html_cell(buf, (cost.fp * fp + cost.fn * fn) / (s->positives + s->negatives));
    weir_buf_append_c(buf, "</tr>");
}

/* What thresholds at the quantiles of the scores do, and the chosen one in its place. */
static void threshold_rows(struct weir_buf *buf, const struct weir_gate_evaluation *e,
                           struct cost cost)
{
    const struct weir_eval_sweep *s = &e->sweep;
    const struct weir_eval_policy_choice *c = &e->choice;
    size_t g = 0;
    bool is_done = !e->has_choice;
    for (int i = 1; i <= N_THRESHOLDS; i++) {
        double rows = (s->positives + s->negatives) * i / N_THRESHOLDS;
        size_t before = g;
        while (g + 1 < s->n_groups && s->tp[g] + s->fp[g] < rows)
            g++;
        if (i > 1 && g == before)
            continue;
        if (!is_done && s->thresholds[g] <= c->threshold) {
            threshold_row(buf, s, cost, c->threshold, c->tp, c->fp, true);
            is_done = true;
        }
        threshold_row(buf, s, cost, s->thresholds[g], s->tp[g], s->fp[g], false);
    }
    if (!is_done)
        threshold_row(buf, s, cost, c->threshold, c->tp, c->fp, true);
}

void weir_gate_report_tables_append_thresholds(struct weir_buf *buf,
                                               const struct weir_gate_report *r)
{
    const struct weir_gate_evaluation *e = r->candidate.evaluation;
    struct weir_str policy = r->candidate.source->policy;
    struct weir_eval_policy read;
    struct cost cost = {1, 1};
    char caption[CAPTION_BYTES];
    if (!weir_gate_plot_has(e, WEIR_GATE_PLOT_ROC) || !e->has_sweep)
        return;
    if (policy.n > 0 && weir_eval_policy_read(policy, &read, NULL) == WEIR_OK &&
        read.kind == WEIR_EVAL_POLICY_COST)
        cost = (struct cost){read.value, read.value_fn};
    weir_buf_append_c(buf, "<h2 id=\"thresholds\">Thresholds</h2>");
    if (e->has_choice) {
        weir_buf_append_c(buf, "<p>Chosen on these rows by <code>");
        weir_gate_html_text(buf, policy);
        weir_buf_append_c(buf, "</code>, so that the numbers beside it flatter.</p>");
    }
    (void)snprintf(caption, sizeof caption,
                   "A row is decided positive when its score is at least the threshold. Cost is "
                   "(%g FP + %g FN) / rows.",
                   cost.fp, cost.fn);
    weir_gate_html_table(buf, caption, "threshold|TP|FP|FN|TN|TPR|FPR|precision|F1|cost");
    threshold_rows(buf, e, cost);
    weir_gate_html_table_end(buf);
}

/* --- numbers ---------------------------------------------------------------------------------- */

void weir_gate_report_tables_append_numbers(struct weir_buf *buf, const struct weir_gate_report *r)
{
    const struct weir_gate_evaluation *e = r->candidate.evaluation;
    char caption[CAPTION_BYTES];
    (void)snprintf(caption, sizeof caption, "Intervals hold with %g%%; – is undefined.",
                   100 * (1 - e->alpha));
    weir_buf_append_c(buf, "<h2 id=\"numbers\">All numbers</h2>");
    weir_gate_html_table(buf, caption, "|value|interval|<how, why");
    for (size_t i = 0; i < e->n_metrics; i++) {
        const struct weir_gate_metric *m = &e->metrics[i];
        weir_gate_html_row(buf, weir_str_c(m->name));
        weir_gate_html_cell(buf, m->value);
        weir_gate_html_interval(buf, m->has_interval, m->low, m->high);
        weir_buf_append_c(buf, "<td class=\"text why\">");
        weir_gate_html_text(buf, weir_str_c(m->why ? m->why : m->has_interval ? m->method : ""));
        weir_buf_append_c(buf, "</td></tr>");
    }
    weir_gate_html_table_end(buf);
}

void weir_gate_report_tables_append_classes(struct weir_buf *buf, const struct weir_gate_report *r)
{
    const struct weir_gate_evaluation *e = r->candidate.evaluation;
    bool has_auc = e->holdout->task != WEIR_GATE_BINARY;
    size_t n = e->holdout->n_classes;
    char caption[CAPTION_BYTES];
    if (!e->has_confusion && !e->holdout->labels)
        return;
    (void)snprintf(caption, sizeof caption, "Each class against all others%s",
                   n > CLASSES_MAX ? "; the first 200." : ".");
    weir_buf_append_c(buf, "<h2 id=\"classes\">Classes</h2>");
    weir_gate_html_table(buf, caption,
                         has_auc ? "class|precision|recall|F1|support|ROC AUC"
                                 : "class|precision|recall|F1|support");
    for (size_t k = 0; k < n && k < CLASSES_MAX; k++) {
        const struct weir_eval_confusion_class *c = &e->classes[k].counts;
        weir_gate_html_row(buf, e->holdout->classes[k]);
        weir_gate_html_share(buf, c->precision);
        weir_gate_html_share(buf, c->recall);
        weir_gate_html_share(buf, c->f1);
        weir_gate_html_cell(buf, c->support);
        if (has_auc)
            weir_gate_html_share(buf, e->classes[k].roc_auc);
        weir_buf_append_c(buf, "</tr>");
    }
    weir_gate_html_table_end(buf);
}

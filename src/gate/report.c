/* SPDX-License-Identifier: MIT */
#include "gate/report.h"

#include "base/macros.h"
#include "gate/plot.h"

#include <math.h>
#include <stdio.h>

enum { N_THRESHOLDS = 20, CLASSES_SHOWN_MAX = 50 };

/* --- pieces ----------------------------------------------------------------------------------- */

static void put_text(struct weir_buf *buf, struct weir_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        switch (text.at[i]) {
        case '&':
            weir_buf_append_c(buf, "&amp;");
            break;
        case '<':
            weir_buf_append_c(buf, "&lt;");
            break;
        case '>':
            weir_buf_append_c(buf, "&gt;");
            break;
        case '"':
            weir_buf_append_c(buf, "&quot;");
            break;
        case '\'':
            weir_buf_append_c(buf, "&#39;");
            break;
        default:
            weir_buf_append_byte(buf, text.at[i]);
        }
    }
}

static void put_number(struct weir_buf *buf, double v)
{
    if (isnan(v))
        weir_buf_append_c(buf, "–");
    else if (isinf(v))
        weir_buf_append_c(buf, v > 0 ? "∞" : "−∞");
    else
        weir_buf_printf(buf, "%.6g", v);
}

static void cell(struct weir_buf *buf, double v)
{
    weir_buf_append_c(buf, "<td>");
    put_number(buf, v);
    weir_buf_append_c(buf, "</td>");
}

static void row_head(struct weir_buf *buf, struct weir_str text)
{
    weir_buf_append_c(buf, "<tr><th scope=\"row\">");
    put_text(buf, text);
    weir_buf_append_c(buf, "</th>");
}

/* Opens a table with these columns, names separated by '|'. */
static void table(struct weir_buf *buf, const char *caption, const char *columns)
{
    struct weir_str rest = weir_str_c(columns);
    weir_buf_printf(buf, "<div class=\"wide\"><table><caption>%s</caption><thead><tr>", caption);
    while (rest.n > 0) {
        struct weir_str column = weir_str_split(&rest, '|');
        weir_buf_printf(buf, "<th scope=\"col\">%.*s</th>", WEIR_STR_ARG(column));
    }
    weir_buf_append_c(buf, "</tr></thead><tbody>");
}

static void end_table(struct weir_buf *buf)
{
    weir_buf_append_c(buf, "</tbody></table></div>");
}

/* --- parts ------------------------------------------------------------------------------------ */

static void append_head(struct weir_buf *buf, const struct weir_gate_source *source)
{
    struct weir_str name = source->model.n > 0 ? source->model : source->data;
    weir_buf_append_c(buf,
                      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta "
                      "name=\"viewport\" content=\"width=device-width\"><title>Evaluation of ");
    put_text(buf, name);
    weir_buf_append_c(
        buf, "</title><style>"
             ":root{color-scheme:light dark;--bg:#fff;--ink:#1c2733;--soft:#5b6b7c;--rule:#d9dfe6;"
             "--fill:31 95 191}"
             "@media(prefers-color-scheme:dark){:root{--bg:#12171d;--ink:#e4eaf0;--soft:#9aa9b8;"
             "--rule:#333d48;--fill:127 178 255}}"
             "body{background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,sans-serif;"
             "margin:2rem auto;max-width:72rem;padding:0 1rem}"
             "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.5rem}"
             "p.from{color:var(--soft);overflow-wrap:anywhere}"
             ".key{display:flex;flex-wrap:wrap;gap:2rem;margin:1.5rem 0}.key b{display:block;"
             "font-size:1.6rem}.plots{display:flex;flex-wrap:wrap;gap:1rem}.wide{overflow-x:auto}"
             "table{border-collapse:collapse;margin:1rem 0}caption{text-align:left;"
             "color:var(--soft);white-space:nowrap}th,td{border-bottom:1px solid "
             "var(--rule);padding:.25rem .75rem;"
             "text-align:right}th[scope=row]{text-align:left;font-weight:400}"
             "tr.chosen{font-weight:700}@media print{body{margin:0}}");
    weir_gate_plot_style(buf);
    weir_buf_append_c(buf, "</style></head><body><main><h1>Evaluation of ");
    put_text(buf, name);
    weir_buf_append_c(buf, "</h1>");
}

static void append_source(struct weir_buf *buf, const struct weir_gate_evaluation *e,
                          const struct weir_gate_source *source)
{
    const struct weir_gate_holdout *h = e->holdout;
    weir_buf_append_c(buf, "<p class=\"from\">");
    if (source->digest.n > 0)
        weir_buf_printf(buf, "sha256 %.*s<br>", WEIR_STR_ARG(source->digest));
    put_text(buf, source->data);
    weir_buf_printf(buf, ": %zu rows", h->n);
    if (e->has_sweep)
        weir_buf_printf(buf, ", %zu of them positive", e->sweep.n_positive);
    if (h->n_unlabeled > 0)
        weir_buf_printf(buf, "; %zu without a truth left out", h->n_unlabeled);
    if (h->n_refused > 0)
        weir_buf_printf(buf, "; %zu refused by the model", h->n_refused);
    if (e->n_invalid > 0)
        weir_buf_printf(buf, "; %zu with a score that is not finite left out", e->n_invalid);
    if (h->score_space)
        weir_buf_printf(buf, "; ranked by %s", h->score_space);
    weir_buf_append_c(buf, "</p>");
}

/* The numbers that are looked at first. */
static void append_key(struct weir_buf *buf, const struct weir_gate_evaluation *e)
{
    static const char *const keys[] = {"roc_auc",
                                       "roc_auc_ovr_macro",
                                       "average_precision",
                                       "accuracy",
                                       "f1",
                                       "f1_macro",
                                       "log_loss",
                                       "rmse",
                                       "mae",
                                       "r2"};
    weir_buf_append_c(buf, "<div class=\"key\">");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(keys); i++) {
        const struct weir_gate_metric *m = weir_gate_evaluation_find(e, weir_str_c(keys[i]));
        bool has_f1 = weir_gate_evaluation_find(e, WEIR_STR("f1")) != NULL;
        if (!m || (has_f1 && i == 5)) /* one F1 is enough */
            continue;
        weir_buf_printf(buf, "<div>%s<b>", m->name);
        put_number(buf, m->value);
        weir_buf_append_c(buf, "</b>");
        if (m->has_interval)
            weir_buf_printf(buf, "%.6g – %.6g", m->low, m->high);
        weir_buf_append_c(buf, "</div>");
    }
    weir_buf_append_c(buf, "</div>");
}

static void append_plots(struct weir_buf *buf, const struct weir_gate_evaluation *e)
{
    weir_buf_append_c(buf, "<div class=\"plots\">");
    for (int i = 0; i < WEIR_GATE_PLOT_N; i++) {
        if (weir_gate_plot_has(e, (enum weir_gate_plot)i))
            weir_gate_plot_append(buf, e, (enum weir_gate_plot)i, false);
    }
    weir_buf_append_c(buf, "</div>");
}

static void append_confusion(struct weir_buf *buf, const struct weir_gate_evaluation *e)
{
    const struct weir_eval_confusion *c = &e->confusion;
    const struct weir_str *labels = e->holdout->classes;
    size_t n = c->n_classes;
    if (n > CLASSES_SHOWN_MAX)
        return;
    weir_buf_append_c(buf, "<h2>Confusion matrix</h2><div class=\"wide\"><table><caption>Rows are "
                           "truths, columns decisions; shares are of the row.</caption><thead><tr>"
                           "<td></td>");
    for (size_t j = 0; j < n; j++) {
        weir_buf_append_c(buf, "<th scope=\"col\">");
        put_text(buf, labels[j]);
        weir_buf_append_c(buf, "</th>");
    }
    weir_buf_append_c(buf, "</tr></thead><tbody>");
    for (size_t i = 0; i < n; i++) {
        row_head(buf, labels[i]);
        for (size_t j = 0; j < n; j++) {
            double v = c->cells[i * n + j];
            double share = c->truths[i] > 0 ? v / c->truths[i] : 0;
            weir_buf_printf(buf,
                            "<td style=\"background:rgb(var(--fill)/%.2f)\">%.10g<br>%.1f%%</td>",
                            share * .45, v, 100 * share);
        }
        weir_buf_append_c(buf, "</tr>");
    }
    end_table(buf);
}

static void threshold_row(struct weir_buf *buf, const struct weir_eval_sweep *s, double threshold,
                          double tp, double fp, bool is_chosen)
{
    double fn = s->positives - tp;
    double tn = s->negatives - fp;
    weir_buf_append_c(buf, is_chosen ? "<tr class=\"chosen\">" : "<tr>");
    cell(buf, threshold);
    cell(buf, tp);
    cell(buf, fp);
    cell(buf, fn);
    cell(buf, tn);
    cell(buf, tp / s->positives);
    cell(buf, fp / s->negatives);
    cell(buf, tp + fp > 0 ? tp / (tp + fp) : (double)NAN);
    cell(buf, 2 * tp / (2 * tp + fp + fn));
    weir_buf_append_c(buf, "</tr>");
}

/* What thresholds at the quantiles of the scores do. */
static void append_thresholds(struct weir_buf *buf, const struct weir_gate_evaluation *e,
                              const struct weir_gate_source *source)
{
    const struct weir_eval_sweep *s = &e->sweep;
    size_t g = 0;
    bool is_done = !e->has_choice;
    weir_buf_append_c(buf, "<h2>Thresholds</h2>");
    if (e->has_choice) {
        weir_buf_append_c(buf, "<p>Chosen on these rows by <code>");
        put_text(buf, source->policy);
        weir_buf_append_c(buf, "</code>, so that the numbers beside it flatter.</p>");
    }
    table(buf, "A row is decided positive when its score is at least the threshold.",
          "threshold|TP|FP|FN|TN|TPR|FPR|precision|F1");
    for (int i = 1; i <= N_THRESHOLDS; i++) {
        double rows = (s->positives + s->negatives) * i / N_THRESHOLDS;
        size_t before = g;
        while (g + 1 < s->n_groups && s->tp[g] + s->fp[g] < rows)
            g++;
        if (i > 1 && g == before)
            continue;
        if (!is_done && s->thresholds[g] <= e->choice.threshold) {
            threshold_row(buf, s, e->choice.threshold, e->choice.tp, e->choice.fp, true);
            is_done = true;
        }
        threshold_row(buf, s, s->thresholds[g], s->tp[g], s->fp[g], false);
    }
    if (!is_done)
        threshold_row(buf, s, e->choice.threshold, e->choice.tp, e->choice.fp, true);
    end_table(buf);
}

static void append_metrics(struct weir_buf *buf, const struct weir_gate_evaluation *e)
{
    char caption[80];
    (void)snprintf(caption, sizeof caption, "Intervals hold with %g %%; – is undefined.",
                   100 * (1 - e->alpha));
    weir_buf_append_c(buf, "<h2>All numbers</h2>");
    table(buf, caption, "|value|from|to|how, why");
    for (size_t i = 0; i < e->n_metrics; i++) {
        const struct weir_gate_metric *m = &e->metrics[i];
        row_head(buf, weir_str_c(m->name));
        cell(buf, m->value);
        if (m->has_interval) {
            cell(buf, m->low);
            cell(buf, m->high);
        } else {
            weir_buf_append_c(buf, "<td></td><td></td>");
        }
        weir_buf_append_c(buf, "<td>");
        put_text(buf, weir_str_c(m->why ? m->why : m->has_interval ? m->method : ""));
        weir_buf_append_c(buf, "</td></tr>");
    }
    end_table(buf);
}

static void append_classes(struct weir_buf *buf, const struct weir_gate_evaluation *e)
{
    bool has_auc = e->holdout->task == WEIR_GATE_MULTICLASS;
    weir_buf_append_c(buf, "<h2>Classes</h2>");
    table(buf, "Each class against all others.",
          has_auc ? "|precision|recall|F1|support|ROC AUC" : "|precision|recall|F1|support");
    for (size_t k = 0; k < e->holdout->n_classes; k++) {
        const struct weir_eval_confusion_class *c = &e->classes[k].counts;
        row_head(buf, e->holdout->classes[k]);
        cell(buf, c->precision);
        cell(buf, c->recall);
        cell(buf, c->f1);
        cell(buf, c->support);
        if (has_auc)
            cell(buf, e->classes[k].roc_auc);
        weir_buf_append_c(buf, "</tr>");
    }
    end_table(buf);
}

void weir_gate_report_append(struct weir_buf *buf, const struct weir_gate_evaluation *evaluation,
                             const struct weir_gate_source *source)
{
    weir_assert(evaluation);
    weir_assert(source);
    append_head(buf, source);
    append_source(buf, evaluation, source);
    append_key(buf, evaluation);
    append_plots(buf, evaluation);
    if (evaluation->has_confusion)
        append_confusion(buf, evaluation);
    if (weir_gate_plot_has(evaluation, WEIR_GATE_PLOT_ROC))
        append_thresholds(buf, evaluation, source);
    append_metrics(buf, evaluation);
    if (evaluation->has_confusion)
        append_classes(buf, evaluation);
    weir_buf_append_c(buf, "</main></body></html>\n");
}

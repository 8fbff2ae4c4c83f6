/* SPDX-License-Identifier: MIT */
#include "gate/report.h"

#include "base/macros.h"
#include "gate/html.h"
#include "gate/plot.h"
#include "gate/report_priv.h"

#include <math.h>

/* --- where it is from ------------------------------------------------------------------------- */

static void begin_fact(struct weir_buf *buf, const char *name)
{
    weir_buf_printf(buf, "<dt>%s</dt><dd>", name);
}

static void end_fact(struct weir_buf *buf)
{
    weir_buf_append_c(buf, "</dd>");
}

static void append_fact(struct weir_buf *buf, const char *name, struct weir_str text)
{
    if (text.n == 0)
        return;
    begin_fact(buf, name);
    weir_gate_html_text(buf, text);
    end_fact(buf);
}

/* A file and what it holds. */
static void append_file(struct weir_buf *buf, const char *name, struct weir_str file,
                        struct weir_str digest)
{
    if (file.n == 0)
        return;
    begin_fact(buf, name);
    weir_gate_html_text(buf, file);
    if (digest.n > 0) {
        weir_buf_append_c(buf, " <code>sha256:");
        weir_gate_html_text(buf, digest);
        weir_buf_append_c(buf, "</code>");
    }
    end_fact(buf);
}

static void append_model(struct weir_buf *buf, struct weir_str name,
                         const struct weir_gate_source *source)
{
    struct weir_buf text = WEIR_BUF_INIT;
    weir_gate_html_text(&text, name);
    append_file(buf, weir_buf_c(&text) ? text.at : "", source->model, source->digest);
    buf->failed |= text.failed;
    weir_buf_deinit(&text);
}

static void append_rows(struct weir_buf *buf, const struct weir_gate_evaluation *e)
{
    const struct weir_gate_holdout *h = e->holdout;
    begin_fact(buf, "rows");
    weir_buf_printf(buf, "%zu", h->n);
    if (e->has_sweep)
        weir_buf_printf(buf, ", %zu of them positive (%.4g%%)", e->sweep.n_positive,
                        h->n > 0 ? 100. * (double)e->sweep.n_positive / (double)h->n : 0);
    else if (h->n_classes > 0)
        weir_buf_printf(buf, " of %zu classes", h->n_classes);
    if (h->weights)
        weir_buf_append_c(buf, ", weighted");
    if (h->n_unlabeled > 0)
        weir_buf_printf(buf, "; %zu without a truth left out", h->n_unlabeled);
    if (h->n_refused > 0) {
        weir_buf_printf(buf, "; %zu refused by the model (", h->n_refused);
        weir_gate_html_text(buf, weir_str_c(h->refused));
        weir_buf_append_c(buf, ")");
    }
    if (e->n_invalid > 0)
        weir_buf_printf(buf, "; %zu with a score that is not finite left out", e->n_invalid);
    end_fact(buf);
    if (h->task == WEIR_GATE_BINARY && h->n_classes == 2)
        append_fact(buf, "positive class", h->classes[1]);
    append_fact(buf, "ranked by", weir_str_c(h->score_space ? h->score_space : ""));
}

static void append_source(struct weir_buf *buf, const struct weir_gate_report *r)
{
    const struct weir_gate_source *source = r->candidate.source;
    bool is_alone = !r->live.evaluation;
    weir_buf_append_c(buf, "<dl class=\"from\">");
    append_model(buf, is_alone ? WEIR_STR("model") : r->candidate_name, source);
    if (!is_alone)
        append_model(buf, r->live_name, r->live.source);
    append_file(buf, "holdout", source->data, weir_str_c(r->candidate.evaluation->holdout->digest));
    append_rows(buf, r->candidate.evaluation);
    if (r->holdout_uses > 0) {
        begin_fact(buf, "holdout used");
        weir_buf_printf(buf, "for %llu models so far", (unsigned long long)r->holdout_uses);
        end_fact(buf);
    }
    append_fact(buf, "begun", r->begun);
    append_fact(buf, "again by", r->command);
    weir_buf_append_c(buf, "</dl>");
}

/* --- verdict and key numbers ------------------------------------------------------------------ */

static void append_verdict(struct weir_buf *buf, const struct weir_gate_report *r)
{
    if (r->verdict.n == 0)
        return;
    weir_buf_append_c(buf, "<div class=\"verdict ");
    weir_gate_html_text(buf, r->verdict);
    weir_buf_append_c(buf, "\" role=\"status\"><b>");
    weir_gate_html_text(buf, r->verdict);
    weir_buf_append_c(buf, "</b>");
    if (r->code.n > 0 && !weir_str_eq(r->code, r->verdict)) {
        weir_buf_append_c(buf, " <code>");
        weir_gate_html_text(buf, r->code);
        weir_buf_append_c(buf, "</code>");
    }
    if (r->reason.n > 0) {
        weir_buf_append_c(buf, "<p>");
        weir_gate_html_text(buf, r->reason);
        weir_buf_append_c(buf, "</p>");
    }
    weir_buf_append_c(buf, "</div>");
}

static void append_tile(struct weir_buf *buf, const struct weir_gate_report *r,
                        const struct weir_gate_metric *m)
{
    const struct weir_gate_metric *live =
        r->live.evaluation ? weir_gate_evaluation_find(r->live.evaluation, weir_str_c(m->name))
                           : NULL;
    weir_buf_printf(buf, "<li>%s<b>", m->name);
    weir_gate_html_number(buf, m->value);
    weir_buf_append_c(buf, "</b>");
    if (m->has_interval)
        weir_buf_printf(buf, "<span>%.4g … %.4g</span>", m->low, m->high);
    if (live) {
        weir_buf_append_c(buf, "<span>");
        weir_gate_html_text(buf, r->live_name);
        weir_buf_append_c(buf, " ");
        weir_gate_html_number(buf, live->value);
        weir_buf_append_c(buf, "</span>");
    }
    weir_buf_append_c(buf, "</li>");
}

/* The numbers that are looked at first. */
static void append_key(struct weir_buf *buf, const struct weir_gate_report *r)
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
                                       "r2",
                                       "roc_auc_macro",
                                       "subset_accuracy",
                                       "hamming_loss"};
    const struct weir_gate_evaluation *e = r->candidate.evaluation;
    bool has_f1 = weir_gate_evaluation_find(e, WEIR_STR("f1")) != NULL;
    weir_buf_append_c(buf, "<ul class=\"key\" aria-label=\"Key numbers\">");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(keys); i++) {
        const struct weir_gate_metric *m = weir_gate_evaluation_find(e, weir_str_c(keys[i]));
        bool is_second_f1 = has_f1 && i == 5; /* one F1 is enough */
        if (m && !is_second_f1)
            append_tile(buf, r, m);
    }
    weir_buf_append_c(buf, "</ul>");
}

/* --- the page --------------------------------------------------------------------------------- */

static void append_title(struct weir_buf *buf, const struct weir_gate_report *r)
{
    const struct weir_gate_source *source = r->candidate.source;
    weir_buf_append_c(buf, r->verdict.n > 0 ? "Verdict on " : "Evaluation of ");
    struct weir_str path = source->model.n > 0 ? source->model : source->data;
    while (path.n > 1 && path.at[path.n - 1] == '/') /* a folder */
        path.n--;
    size_t n = path.n;
    while (n > 0 && path.at[n - 1] != '/')
        n--;
    weir_gate_html_text(buf, weir_str_make(path.at + n, path.n - n));
}

static void append_head(struct weir_buf *buf, const struct weir_gate_report *r)
{
    weir_buf_append_c(buf, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta "
                           "name=\"viewport\" content=\"width=device-width\"><title>");
    append_title(buf, r);
    weir_buf_append_c(buf, "</title><style>");
    weir_gate_report_style_append(buf);
    weir_buf_append_c(buf, "</style></head><body><header><h1>");
    append_title(buf, r);
    weir_buf_append_c(buf, "</h1>");
}

static void append_plots(struct weir_buf *buf, const struct weir_gate_report *r)
{
    struct weir_gate_plot_sides sides = {.evaluation = r->candidate.evaluation,
                                         .other = r->live.evaluation,
                                         .name = r->candidate_name,
                                         .other_name = r->live_name};
    bool is_begun = false;
    for (int i = 0; i < WEIR_GATE_PLOT_N; i++) {
        enum weir_gate_plot plot = (enum weir_gate_plot)i;
        if (!weir_gate_plot_has(sides.evaluation, plot))
            continue;
        if (!is_begun)
            weir_buf_append_c(buf, "<h2 id=\"curves\">Curves</h2><div class=\"plots\">");
        is_begun = true;
        weir_buf_append_c(buf, "<figure>");
        weir_gate_plot_append(buf, &sides, plot, false);
        weir_buf_printf(buf, "<figcaption>%s</figcaption></figure>",
                        weir_gate_plot_text(sides.evaluation, plot));
    }
    if (is_begun)
        weir_buf_append_c(buf, "</div>");
}

/* Writes links to the sections that were appended from `from` on. */
static void append_contents(struct weir_buf *buf, struct weir_str sections)
{
    weir_buf_append_c(buf, "<nav aria-label=\"Contents\">");
    while (sections.n > 0) {
        static const struct weir_str mark = {"<h2 id=\"", 8};
        struct weir_str rest = sections;
        if (!weir_str_starts(sections, mark)) {
            sections = weir_str_make(sections.at + 1, sections.n - 1);
            continue;
        }
        rest = weir_str_make(rest.at + mark.n, rest.n - mark.n);
        struct weir_str id = weir_str_split(&rest, '"');
        rest = weir_str_make(rest.at + 1, rest.n - 1); /* '>' */
        struct weir_str name = weir_str_split(&rest, '<');
        weir_buf_printf(buf, "<a href=\"#%.*s\">%.*s</a>", WEIR_STR_ARG(id), WEIR_STR_ARG(name));
        sections = rest;
    }
    weir_buf_append_c(buf, "</nav>");
}

void weir_gate_report_append(struct weir_buf *buf, const struct weir_gate_report *report)
{
    weir_assert(report);
    weir_assert(report->candidate.evaluation);
    weir_assert(report->candidate.source);
    struct weir_gate_report r = *report;
    struct weir_buf sections = WEIR_BUF_INIT;
    if (r.candidate_name.n == 0)
        r.candidate_name = WEIR_STR("candidate");
    if (r.live_name.n == 0)
        r.live_name = WEIR_STR("live");
    weir_gate_report_rules_append(&sections, &r);
    append_plots(&sections, &r);
    weir_gate_report_compare_append(&sections, &r);
    weir_gate_report_slices_append(&sections, &r);
    weir_gate_report_slices_append_folds(&sections, &r);
    weir_gate_report_tables_append_confusion(&sections, &r);
    weir_gate_report_tables_append_thresholds(&sections, &r);
    weir_gate_report_tables_append_numbers(&sections, &r);
    weir_gate_report_tables_append_classes(&sections, &r);
    append_head(buf, &r);
    append_verdict(buf, &r);
    append_key(buf, &r);
    append_source(buf, &r);
    weir_buf_append_c(buf, "</header>");
    append_contents(buf, weir_buf_str(&sections));
    weir_buf_append_c(buf, "<main>");
    weir_buf_append_str(buf, weir_buf_str(&sections));
    weir_buf_append_c(buf, "</main></body></html>\n");
    buf->failed |= sections.failed;
    weir_buf_deinit(&sections);
}

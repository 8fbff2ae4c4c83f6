/* SPDX-License-Identifier: MIT */
#include "cli/evaluate_table.h"

#include "base/macros.h"
#include "codec/json.h"
#include "codec/number.h"
#include "gate/compare.h"
#include "gate/rules.h"
#include "gate/slice.h"

#include <math.h>
#include <stdio.h>

enum {
    NAME_WIDTH = 26,
    CELL_WIDTH = 10,
    CLASSES_SHOWN_MAX = 20, /* a matrix of more does not fit a terminal */
    LABEL_WIDTH_MAX = 24,
    DIGEST_DIGITS = 16,
};

/* Returns the width of the widest label, within bounds. */
static int label_width(const struct weir_gate_holdout *h)
{
    size_t n = 8;
    for (size_t k = 0; k < h->n_classes; k++)
        n = weir_max_size(n, h->classes[k].n);
    return (int)weir_min_size(n, LABEL_WIDTH_MAX);
}

/* Appends a label, cut and filled to the width; what is not printable is escaped. */
static void put_label(struct weir_buf *out, struct weir_str label, int width)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    weir_buf_printf(out, "%-*.*s", width, width, weir_str_echo(label, echo, sizeof echo));
}

static void put_number(struct weir_buf *out, double v)
{
    if (isnan(v))
        weir_buf_append_c(out, "undefined");
    else
        weir_buf_printf(out, "%.6g", v);
}

static void put_cell(struct weir_buf *out, double v)
{
    char text[32];
    (void)snprintf(text, sizeof text, isnan(v) ? "undefined" : "%.6g", v);
    weir_buf_printf(out, "%12s", text);
}

static void put_digest(struct weir_buf *out, struct weir_str digest)
{
    if (digest.n > 0)
        weir_buf_printf(out, "  sha256:%.*s", (int)weir_min_size(digest.n, DIGEST_DIGITS),
                        digest.at);
}

static void put_model(struct weir_buf *out, const char *name, const struct weir_gate_source *source)
{
    if (source->model.n == 0)
        return;
    weir_buf_printf(out, "%-10s %.*s", name, WEIR_STR_ARG(source->model));
    put_digest(out, source->digest);
    weir_buf_append_c(out, "\n");
}

void weir_cli_evaluate_table_left_out(struct weir_buf *out, const struct weir_gate_report *report,
                                      const char *live)
{
    weir_assert(out && report && live);
    const struct weir_gate_evaluation *e = report->candidate.evaluation;
    const struct weir_gate_evaluation *other = report->live.evaluation;
    if (e->holdout->n_unlabeled > 0)
        weir_buf_printf(out, "; %zu without a truth left out", e->holdout->n_unlabeled);
    if (e->holdout->n_refused > 0)
        weir_buf_printf(out, "; %zu refused (%s)", e->holdout->n_refused, e->holdout->refused);
    if (other && other->holdout->n_refused > 0)
        weir_buf_printf(out, "; %zu refused by the %s (%s)", other->holdout->n_refused, live,
                        other->holdout->refused);
    if (e->n_invalid > 0)
        weir_buf_printf(out, "; %zu with a score that is not finite left out", e->n_invalid);
}

static void put_head(struct weir_buf *out, const struct weir_gate_report *r)
{
    const struct weir_gate_evaluation *e = r->candidate.evaluation;
    const struct weir_gate_holdout *h = e->holdout;
    put_model(out, "model", r->candidate.source);
    if (r->live.evaluation)
        put_model(out, "baseline", r->live.source);
    weir_buf_printf(out, "data       %.*s", WEIR_STR_ARG(r->candidate.source->data));
    put_digest(out, weir_str_c(h->digest));
    weir_buf_printf(out, "\nrows       %zu", h->n);
    if (e->has_sweep)
        weir_buf_printf(out, ", %zu of them positive", e->sweep.n_positive);
    weir_cli_evaluate_table_left_out(out, r, "baseline");
    weir_buf_append_c(out, "\n");
    weir_buf_printf(out, "task       %s", weir_gate_evaluation_task(h->task));
    if (h->task == WEIR_GATE_BINARY && h->n_classes == 2) {
        char echo[WEIR_ECHO_BUF_BYTES];
        weir_buf_printf(out, ", positive is %s", weir_str_echo(h->classes[1], echo, sizeof echo));
    }
    if (h->score_space)
        weir_buf_printf(out, ", ranked by %s", h->score_space);
    weir_buf_append_c(out, "\n");
}

static void put_metrics(struct weir_buf *out, const struct weir_gate_evaluation *e)
{
    for (size_t i = 0; i < e->n_metrics; i++) {
        const struct weir_gate_metric *m = &e->metrics[i];
        if (weir_gate_metric_kind(m->id)->traits & WEIR_GATE_METRIC_IS_COUNT)
            continue; /* The head has them. */
        weir_buf_printf(out, "  %-*s ", NAME_WIDTH, m->name);
        put_number(out, m->value);
        if (m->has_interval)
            weir_buf_printf(out, "  [%.6g, %.6g]  %g%% %s", m->low, m->high, 100 * (1 - e->alpha),
                            m->method);
        if (m->why)
            weir_buf_printf(out, " (%s)", m->why);
        weir_buf_append_c(out, "\n");
    }
}

static void put_confusion(struct weir_buf *out, const struct weir_gate_evaluation *e)
{
    const struct weir_gate_holdout *h = e->holdout;
    size_t n = e->confusion.n_classes;
    int width = label_width(h);
    int cell = width > CELL_WIDTH ? width : CELL_WIDTH;
    weir_buf_printf(out, "  %-*s ", width, "");
    for (size_t j = 0; j < n; j++) {
        char echo[WEIR_ECHO_BUF_BYTES];
        weir_buf_printf(out, " %*.*s", cell, cell, weir_str_echo(h->classes[j], echo, sizeof echo));
    }
    for (size_t i = 0; i < n; i++) {
        weir_buf_append_c(out, "\n  ");
        put_label(out, h->classes[i], width);
        weir_buf_append_c(out, " ");
        for (size_t j = 0; j < n; j++)
            weir_buf_printf(out, " %*.10g", cell, e->confusion.cells[i * n + j]);
    }
    weir_buf_append_c(out, "\n");
}

static void put_classes(struct weir_buf *out, const struct weir_gate_evaluation *e)
{
    const struct weir_gate_holdout *h = e->holdout;
    int width = label_width(h);
    bool has_auc = h->task != WEIR_GATE_BINARY;
    weir_buf_printf(out, "  %-*s %10s %10s %10s %10s%s\n", width, "", "precision", "recall", "f1",
                    "support", has_auc ? "    roc_auc" : "");
    for (size_t k = 0; k < h->n_classes; k++) {
        const struct weir_eval_confusion_class *c = &e->classes[k].counts;
        weir_buf_append_c(out, "  ");
        put_label(out, h->classes[k], width);
        weir_buf_printf(out, " %10.4f %10.4f %10.4f %10.10g", c->precision, c->recall, c->f1,
                        c->support);
        if (has_auc && !isnan(e->classes[k].roc_auc))
            weir_buf_printf(out, " %10.4f", e->classes[k].roc_auc);
        weir_buf_append_c(out, "\n");
    }
}

/* Each slice with the numbers that say most of its task. */
static void put_slices(struct weir_buf *out, const struct weir_gate_evaluation *e)
{
    static const char *const all[][4] = {
        [WEIR_GATE_BINARY] = {"roc_auc", "average_precision", "accuracy", "recall"},
        [WEIR_GATE_MULTICLASS] = {"roc_auc_ovr_macro", "accuracy", "f1_macro", "log_loss"},
        [WEIR_GATE_REGRESSION] = {"rmse", "mae", "r2", "median_ae"},
        [WEIR_GATE_MULTILABEL] = {"roc_auc_macro", "f1_macro", "f1_samples", "subset_accuracy"},
    };
    const char *const *names = all[e->holdout->task];
    weir_buf_printf(out, "  %-*s %10s", NAME_WIDTH, "", "rows");
    for (size_t k = 0; k < WEIR_ARRAY_LEN(all[0]); k++)
        weir_buf_printf(out, " %18s", names[k]);
    for (size_t i = 0; i < e->n_slices; i++) {
        const struct weir_gate_slice *s = &e->slices[i];
        weir_buf_append_c(out, "\n  ");
        put_label(out, s->name, NAME_WIDTH);
        weir_buf_printf(out, " %10zu", s->rows.n);
        for (size_t k = 0; k < WEIR_ARRAY_LEN(all[0]); k++) {
            const struct weir_gate_metric *m =
                weir_gate_evaluation_find(&s->evaluation, weir_str_c(names[k]));
            if (m && !isnan(m->value))
                weir_buf_printf(out, " %18.6g", m->value);
            else
                weir_buf_printf(out, " %18s", m ? "undefined" : "");
        }
        if (!isnan(s->low))
            weir_buf_printf(out, "  %s%.6g to %.6g", s->part > 0 ? "above " : "", s->low, s->high);
    }
    weir_buf_append_c(out, "\n");
    if (e->n_slices_left_out > 0)
        weir_buf_printf(out, "  and %zu with fewer rows\n", e->n_slices_left_out);
}

/* Each number's mean over the folds beside that of all rows. */
static void put_folds(struct weir_buf *out, const struct weir_gate_evaluation *e)
{
    weir_buf_printf(out, "  %-*s %12s%12s%12s  folds\n", NAME_WIDTH, "", "mean", "sd", "pooled");
    for (size_t i = 0; i < e->n_metrics; i++) {
        const struct weir_gate_metric *m = &e->metrics[i];
        struct weir_gate_fold_mean mean = weir_gate_slice_fold_mean(e, i);
        if (weir_gate_metric_kind(m->id)->traits & WEIR_GATE_METRIC_IS_COUNT)
            continue;
        weir_buf_printf(out, "  %-*s ", NAME_WIDTH, m->name);
        put_cell(out, mean.mean);
        put_cell(out, mean.sd);
        put_cell(out, m->value);
        weir_buf_printf(out, "  %zu of %zu\n", mean.n, e->n_folds);
    }
}

static void put_delta(struct weir_buf *out, const struct weir_gate_delta *d, double alpha)
{
    weir_buf_printf(out, "  %-*s ", NAME_WIDTH, d->name);
    put_cell(out, d->candidate);
    put_cell(out, d->live);
    put_cell(out, d->value);
    if (d->has_interval)
        weir_buf_printf(out, "  [%.6g, %.6g]  p %.3g, %g%% %s", d->low, d->high, d->p,
                        100 * (1 - alpha), d->method);
    if (d->why)
        weir_buf_printf(out, "  (%s)", d->why);
    weir_buf_append_c(out, "\n");
}

/* How far the model is from the baseline. */
static void put_compare(struct weir_buf *out, const struct weir_gate_compare *c)
{
    weir_buf_printf(out, "  %-*s %12s%12s%12s\n", NAME_WIDTH, "", "model", "baseline",
                    "difference");
    for (size_t i = 0; i < c->n_deltas; i++)
        put_delta(out, &c->deltas[i], c->alpha);
    if (!c->has_decisions)
        return;
    weir_buf_printf(out,
                    "  %zu rows are decided differently: %zu only the model has right, %zu only "
                    "the baseline; p %.3g (McNemar)\n",
                    c->n_disagreements, c->n_gained, c->n_lost, c->p);
    for (size_t i = 0; i < c->n_lines; i++)
        weir_buf_printf(out, "%s%llu", i == 0 ? "  first of them, by line: " : ", ",
                        (unsigned long long)c->lines[i]);
    if (c->n_lines > 0)
        weir_buf_append_c(out, "\n");
}

static void put_rules(struct weir_buf *out, const struct weir_gate_report *r)
{
    for (size_t i = 0; i < r->rules->n_outcomes; i++) {
        const struct weir_gate_rules_outcome *o = &r->rules->outcomes[i];
        weir_buf_printf(out, "  %-8s %-7s %s\n", weir_gate_rules_result_name(o->result),
                        weir_gate_rules_severity_name(o->rule->severity), o->sentence);
    }
    weir_buf_printf(out, "verdict    %.*s: %.*s\n", WEIR_STR_ARG(r->verdict),
                    WEIR_STR_ARG(r->reason));
}

/* The threshold, and what makes weir serve use it. */
static void put_threshold(struct weir_buf *out, const struct weir_gate_report *report)
{
    const struct weir_gate_evaluation *e = report->candidate.evaluation;
    const struct weir_gate_source *source = report->candidate.source;
    const struct weir_gate_holdout *h = e->holdout;
    double t = e->choice.threshold;
    weir_buf_printf(out, "threshold  %.10g by %.*s\n", t, WEIR_STR_ARG(source->policy));
    if (source->model.n == 0 || !isfinite(t))
        return;
    struct weir_str name = source->model;
    const char *slash = memrchr(name.at, '/', name.n);
    if (slash)
        name = weir_str_make(slash + 1, name.n - (size_t)(slash + 1 - name.at));
    const char *dot = memrchr(name.at, '.', name.n);
    name.n = dot && dot > name.at ? (size_t)(dot - name.at) : name.n;
    weir_buf_append_c(out, "           to serve with it: --model-options '");
    weir_buf_append_str(out, name);
    weir_buf_append_c(out, ": {threshold: {value: ");
    weir_codec_number_append_f64(out, t, WEIR_CODEC_NUMBER_NONFINITE_NULL);
    weir_buf_printf(out, ", score: %s, positive: ", h->score_space);
    weir_codec_json_append_text(out, h->classes[1]);
    weir_buf_append_c(out, "}}'\n");
}

void weir_cli_evaluate_table(struct weir_buf *out, const struct weir_gate_report *report,
                             const char *bold, const char *plain)
{
    weir_assert(report);
    const struct weir_gate_evaluation *e = report->candidate.evaluation;
    put_head(out, report);
    if (e->has_choice)
        put_threshold(out, report);
    weir_buf_printf(out, "\n%smetrics%s\n", bold, plain);
    put_metrics(out, e);
    if (e->has_confusion && e->confusion.n_classes <= CLASSES_SHOWN_MAX) {
        weir_buf_printf(out, "\n%sconfusion matrix%s (rows are truths, columns decisions)\n", bold,
                        plain);
        put_confusion(out, e);
    }
    if (e->has_confusion || e->holdout->labels) {
        weir_buf_printf(out, "\n%sclasses%s\n", bold, plain);
        put_classes(out, e);
    }
    if (e->n_folds > 0) {
        weir_buf_printf(out, "\n%sfolds%s (above, all rows are pooled)\n", bold, plain);
        put_folds(out, e);
    }
    if (e->n_slices > 0) {
        weir_buf_printf(out, "\n%sslices%s\n", bold, plain);
        put_slices(out, e);
    }
    if (report->compare) {
        weir_buf_printf(out, "\n%sagainst the baseline%s\n", bold, plain);
        put_compare(out, report->compare);
    }
    if (report->rules) {
        weir_buf_printf(out, "\n%srules%s\n", bold, plain);
        put_rules(out, report);
    }
}

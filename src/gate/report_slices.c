/* SPDX-License-Identifier: MIT */
/* The report's parts about slices and folds: the numbers that say most of a task, of the whole and
 * of each part, beside those of the other model; and of folds their means. */
#include "base/macros.h"
#include "gate/html.h"
#include "gate/report_priv.h"
#include "gate/slice.h"

#include <math.h>
#include <string.h>

enum { SHOWN_MAX = 5 };

/* The numbers of each task, the first that there are. */
static const char *const shown[] = {
    "roc_auc",   "roc_auc_ovr_macro", "average_precision", "accuracy", "recall",
    "precision", "f1_macro",          "log_loss",          "rmse",     "mae",
    "r2"};

/* Chooses; returns how many. */
static size_t choose(const struct weir_gate_evaluation *e, const char *out[SHOWN_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(shown) && n < SHOWN_MAX; i++) {
        if (weir_gate_evaluation_find(e, weir_str_c(shown[i])))
            out[n++] = shown[i];
    }
    return n;
}

static void append_numbers(struct weir_buf *buf, const struct weir_gate_evaluation *e,
                           const struct weir_gate_evaluation *other, const char *const *names,
                           size_t n)
{
    weir_buf_printf(buf, "<td>%zu</td>", e->holdout->n);
    for (size_t i = 0; i < n; i++) {
        const struct weir_gate_metric *m = weir_gate_evaluation_find(e, weir_str_c(names[i]));
        const struct weir_gate_metric *o =
            other ? weir_gate_evaluation_find(other, weir_str_c(names[i])) : NULL;
        weir_buf_append_c(buf, "<td>");
        weir_gate_html_number(buf, m ? m->value : (double)NAN);
        if (m && m->has_interval)
            weir_buf_printf(buf, "<small>%.4g … %.4g</small>", m->low, m->high);
        if (o) {
            weir_buf_append_c(buf, "<small class=\"other\">");
            weir_gate_html_number(buf, o->value);
            weir_buf_append_c(buf, "</small>");
        }
        weir_buf_append_c(buf, "</td>");
    }
    weir_buf_append_c(buf, "</tr>");
}

static void append_slice(struct weir_buf *buf, const struct weir_gate_slice *slice,
                         const struct weir_gate_evaluation *live, const char *const *names,
                         size_t n)
{
    const struct weir_gate_slice *other = live ? weir_gate_slice_find(live, slice->name) : NULL;
    weir_buf_append_c(buf, "<tr><th scope=\"row\">");
    weir_gate_html_text_cut(buf, slice->name, 48);
    if (!isnan(slice->low)) {
        weir_buf_append_c(buf, "<small>");
        weir_gate_html_number(buf, slice->low);
        weir_buf_append_c(buf, " … ");
        weir_gate_html_number(buf, slice->high);
        weir_buf_append_c(buf, "</small>");
    }
    weir_buf_append_c(buf, "</th>");
    append_numbers(buf, &slice->evaluation, other ? &other->evaluation : NULL, names, n);
}

void weir_gate_report_slices_append(struct weir_buf *buf, const struct weir_gate_report *r)
{
    const struct weir_gate_evaluation *e = r->candidate.evaluation;
    const struct weir_gate_evaluation *live = r->live.evaluation;
    const char *names[SHOWN_MAX];
    struct weir_buf columns = WEIR_BUF_INIT;
    if (e->n_slices == 0)
        return;
    size_t n = choose(e, names);
    weir_buf_append_c(&columns, "<slice|rows");
    for (size_t i = 0; i < n; i++)
        weir_buf_printf(&columns, "|%s", names[i]);
    weir_buf_append_c(buf, "<h2 id=\"slices\">Slices</h2>");
    weir_gate_html_table(buf,
                         live ? "Decisions are by the threshold of the whole; below intervals the "
                                "other model's numbers."
                              : "Decisions are by the threshold of the whole.",
                         weir_buf_c(&columns) ? columns.at : "");
    buf->failed |= columns.failed;
    weir_buf_append_c(buf, "<tr class=\"chosen\"><th scope=\"row\">all rows</th>");
    append_numbers(buf, e, live, names, n);
    for (size_t i = 0; i < e->n_slices; i++)
        append_slice(buf, &e->slices[i], live, names, n);
    weir_gate_html_table_end(buf);
    if (e->n_slices_left_out > 0)
        weir_buf_printf(buf, "<p>%zu slices with fewer rows are not measured.</p>",
                        e->n_slices_left_out);
    weir_buf_deinit(&columns);
}

/* --- folds ------------------------------------------------------------------------------------ */

/* Which of the whole's numbers has a name. */
static size_t place_of(const struct weir_gate_evaluation *e, const char *name)
{
    size_t i = 0;
    while (strcmp(e->metrics[i].name, name) != 0)
        i++;
    return i;
}

static void append_means(struct weir_buf *buf, const struct weir_gate_evaluation *e,
                         const char *const *names, size_t n)
{
    weir_buf_printf(buf, "<tr class=\"chosen\"><th scope=\"row\">mean of %zu folds</th><td></td>",
                    e->n_folds);
    for (size_t i = 0; i < n; i++) {
        struct weir_gate_fold_mean m = weir_gate_slice_fold_mean(e, place_of(e, names[i]));
        weir_buf_append_c(buf, "<td>");
        weir_gate_html_number(buf, m.mean);
        weir_buf_append_c(buf, "<small>± ");
        weir_gate_html_number(buf, m.sd);
        weir_buf_append_c(buf, "</small></td>");
    }
    weir_buf_append_c(buf, "</tr><tr><th scope=\"row\">all rows pooled</th>");
    append_numbers(buf, e, NULL, names, n);
}

void weir_gate_report_slices_append_folds(struct weir_buf *buf, const struct weir_gate_report *r)
{
    const struct weir_gate_evaluation *e = r->candidate.evaluation;
    const char *names[SHOWN_MAX];
    struct weir_buf columns = WEIR_BUF_INIT;
    if (e->n_folds == 0)
        return;
    size_t n = choose(e, names);
    weir_buf_append_c(&columns, "<fold|rows");
    for (size_t i = 0; i < n; i++)
        weir_buf_printf(&columns, "|%s", names[i]);
    weir_buf_append_c(buf, "<h2 id=\"folds\">Folds</h2>");
    weir_gate_html_table(buf,
                         "The mean over folds with its standard deviation is not the number of all "
                         "rows pooled.",
                         weir_buf_c(&columns) ? columns.at : "");
    buf->failed |= columns.failed;
    append_means(buf, e, names, n);
    for (size_t i = 0; i < e->n_folds; i++)
        append_slice(buf, &e->folds[i], NULL, names, n);
    weir_gate_html_table_end(buf);
    weir_buf_deinit(&columns);
}

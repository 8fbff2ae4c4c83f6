/* SPDX-License-Identifier: MIT */
#include "gate/document.h"

#include "base/macros.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "eval/gain.h"
#include "eval/roc.h"
#include "gate/slice.h"

#include <math.h>

/* --- pieces ----------------------------------------------------------------------------------- */

static void put_text(struct weir_buf *buf, const char *name, struct weir_str text)
{
    if (text.n > 0)
        weir_codec_json_write_text(buf, name, text);
}

static void comma(struct weir_buf *buf, size_t i)
{
    if (i > 0)
        weir_buf_append_byte(buf, ',');
}

/* --- parts ------------------------------------------------------------------------------------ */

static void append_source(struct weir_buf *buf, const struct weir_gate_evaluation *e,
                          const struct weir_gate_source *source)
{
    const struct weir_gate_holdout *h = e->holdout;
    if (source->model.n > 0) {
        weir_codec_json_write_open(buf, "model", '{');
        put_text(buf, "file", source->model);
        put_text(buf, "digest", source->digest);
        weir_buf_append_byte(buf, '}');
    }
    weir_codec_json_write_open(buf, "data", '{');
    put_text(buf, "file", source->data);
    put_text(buf, "digest", weir_str_c(h->digest));
    weir_codec_json_write_u64(buf, "used", h->n);
    weir_codec_json_write_u64(buf, "n_unlabeled", h->n_unlabeled);
    weir_codec_json_write_u64(buf, "n_refused", h->n_refused);
    weir_codec_json_write_u64(buf, "n_invalid", e->n_invalid);
    if (e->has_sweep) {
        weir_codec_json_write_u64(buf, "pos", e->sweep.n_positive);
        weir_codec_json_write_u64(buf, "neg", e->sweep.n_negative);
    }
    weir_buf_append_byte(buf, '}');
}

static void append_classes(struct weir_buf *buf, const char *name,
                           const struct weir_gate_holdout *h)
{
    weir_codec_json_write_open(buf, name, '[');
    for (size_t k = 0; k < h->n_classes; k++) {
        comma(buf, k);
        weir_codec_json_append_text(buf, h->classes[k]);
    }
    weir_buf_append_byte(buf, ']');
}

static void append_metric(struct weir_buf *buf, const struct weir_gate_metric *m, double alpha)
{
    weir_codec_json_write_open(buf, m->name, '{');
    weir_codec_json_write_f64(buf, "value", m->value);
    if (m->why)
        put_text(buf, "why", weir_str_c(m->why));
    if (m->has_interval) {
        weir_codec_json_write_f64(buf, "se", m->se);
        weir_codec_json_write_pair(buf, "ci", m->low, m->high);
        put_text(buf, "method", weir_str_c(m->method));
        weir_codec_json_write_f64(buf, "alpha", alpha);
        if (m->has_wald) {
            weir_codec_json_write_pair(buf, "ci_wald", m->wald_low, m->wald_high);
        }
    }
    weir_buf_append_byte(buf, '}');
}

static void append_threshold(struct weir_buf *buf, const struct weir_gate_evaluation *e,
                             struct weir_str policy)
{
    const struct weir_eval_policy_choice *c = &e->choice;
    weir_codec_json_write_open(buf, "threshold", '{');
    put_text(buf, "policy", policy);
    weir_codec_json_write_f64(buf, "value", c->threshold);
    weir_codec_json_write_f64(buf, "observed", c->observed);
    weir_codec_json_write_f64(buf, "tp", c->tp);
    weir_codec_json_write_f64(buf, "fp", c->fp);
    weir_codec_json_write_f64(buf, "fn", c->fn);
    weir_codec_json_write_f64(buf, "tn", c->tn);
    weir_buf_append_byte(buf, '}');
}

static void append_confusion(struct weir_buf *buf, const struct weir_gate_evaluation *e)
{
    size_t n = e->confusion.n_classes;
    weir_codec_json_write_open(buf, "confusion", '{');
    append_classes(buf, "labels", e->holdout);
    weir_codec_json_write_open(buf, "counts", '[');
    for (size_t i = 0; i < n; i++) {
        comma(buf, i);
        weir_buf_append_byte(buf, '[');
        for (size_t j = 0; j < n; j++) {
            comma(buf, j);
            weir_codec_json_write_number(buf, e->confusion.cells[i * n + j]);
        }
        weir_buf_append_byte(buf, ']');
    }
    weir_buf_append_c(buf, "]}");
}

static void append_per_class(struct weir_buf *buf, const struct weir_gate_evaluation *e)
{
    weir_codec_json_write_open(buf, "per_class", '[');
    for (size_t k = 0; k < e->holdout->n_classes; k++) {
        const struct weir_eval_confusion_class *c = &e->classes[k].counts;
        comma(buf, k);
        weir_buf_append_byte(buf, '{');
        put_text(buf, "class", e->holdout->classes[k]);
        weir_codec_json_write_f64(buf, "precision", c->precision);
        weir_codec_json_write_f64(buf, "recall", c->recall);
        weir_codec_json_write_f64(buf, "f1", c->f1);
        weir_codec_json_write_f64(buf, "support", c->support);
        if (e->holdout->task != WEIR_GATE_BINARY) {
            weir_codec_json_write_f64(buf, "roc_auc", e->classes[k].roc_auc);
            weir_codec_json_write_f64(buf, "average_precision", e->classes[k].average_precision);
        }
        if (e->holdout->labels) {
            weir_codec_json_write_f64(buf, "tp", c->tp);
            weir_codec_json_write_f64(buf, "fp", c->fp);
            weir_codec_json_write_f64(buf, "fn", c->fn);
            weir_codec_json_write_f64(buf, "tn", c->tn);
        }
        weir_buf_append_byte(buf, '}');
    }
    weir_buf_append_byte(buf, ']');
}

/* --- curves ----------------------------------------------------------------------------------- */

/* One column of a curve's points. */
typedef double point_fn(const struct weir_eval_sweep *s, size_t g);

static double fpr(const struct weir_eval_sweep *s, size_t g)
{
    return s->negatives > 0 ? s->fp[g] / s->negatives : (double)NAN;
}

static double tpr(const struct weir_eval_sweep *s, size_t g)
{
    return s->positives > 0 ? s->tp[g] / s->positives : (double)NAN;
}

static double precision(const struct weir_eval_sweep *s, size_t g)
{
    return s->tp[g] / (s->tp[g] + s->fp[g]);
}

static double threshold(const struct weir_eval_sweep *s, size_t g)
{
    return s->thresholds[g];
}

/* Appends part of a column; first: a value before those of the groups, NULL: none. */
static void append_range(struct weir_buf *buf, const char *name, const char *first,
                         const struct weir_eval_sweep *s, const size_t *kept, size_t from,
                         size_t to, point_fn *value)
{
    weir_codec_json_write_open(buf, name, '[');
    if (first)
        weir_buf_append_c(buf, first);
    for (size_t i = from; i < to; i++) {
        comma(buf, first ? 1 : i - from);
        weir_codec_json_write_number(buf, value(s, kept ? kept[i] : i));
    }
    weir_buf_append_byte(buf, ']');
}

static void append_column(struct weir_buf *buf, const char *name, const char *first,
                          const struct weir_eval_sweep *s, const size_t *kept, size_t n,
                          point_fn *value)
{
    append_range(buf, name, first, s, kept, 0, n, value);
}

static double fnr(const struct weir_eval_sweep *s, size_t g)
{
    return (s->positives - s->tp[g]) / s->positives;
}

static double share(const struct weir_eval_sweep *s, size_t g)
{
    return (s->tp[g] + s->fp[g]) / (s->positives + s->negatives);
}

static double lift(const struct weir_eval_sweep *s, size_t g)
{
    return tpr(s, g) / share(s, g);
}

/* The DET curve: the part of the points that it consists of. */
static void append_det(struct weir_buf *buf, const struct weir_eval_sweep *s, const size_t *kept,
                       size_t n)
{
    bool has_infinity;
    size_t first;
    size_t last;
    if (!weir_eval_gain_det(s, &has_infinity, &first, &last))
        return;
    size_t from = 0;
    while (from < n && (kept ? kept[from] : from) < first)
        from++;
    size_t to = from;
    while (to < n && (kept ? kept[to] : to) < last)
        to++;
    weir_codec_json_write_open(buf, "det", '{');
    append_range(buf, "fpr", has_infinity ? "0.0" : NULL, s, kept, from, to, fpr);
    append_range(buf, "fnr", has_infinity ? "1.0" : NULL, s, kept, from, to, fnr);
    append_range(buf, "thr", has_infinity ? "null" : NULL, s, kept, from, to, threshold);
    weir_buf_append_byte(buf, '}');
}

/* Gain and lift by the share of rows with the largest scores, and where the two classes are
 * furthest apart. */
static void append_gain(struct weir_buf *buf, const struct weir_eval_sweep *s, const size_t *kept,
                        size_t n)
{
    double ks;
    size_t group;
    if (!weir_eval_gain_ks(s, &ks, &group))
        return;
    weir_codec_json_write_open(buf, "gain", '{');
    append_column(buf, "share", "0.0", s, kept, n, share);
    append_column(buf, "gain", "0.0", s, kept, n, tpr);
    append_column(buf, "lift", "null", s, kept, n, lift);
    append_column(buf, "thr", "null", s, kept, n, threshold);
    weir_buf_append_byte(buf, '}');
    weir_codec_json_write_open(buf, "ks", '{');
    weir_codec_json_write_f64(buf, "value", ks);
    weir_codec_json_write_f64(buf, "thr", s->thresholds[group]);
    weir_codec_json_write_f64(buf, "tpr", tpr(s, group));
    weir_codec_json_write_f64(buf, "fpr", fpr(s, group));
    weir_buf_append_byte(buf, '}');
}

static void append_calibration(struct weir_buf *buf, const struct weir_gate_evaluation *e)
{
    static const char *const names[] = {"mean_p", "frac_pos", "count"};
    weir_codec_json_write_open(buf, "calibration", '{');
    for (size_t c = 0; c < WEIR_ARRAY_LEN(names); c++) {
        weir_codec_json_write_open(buf, names[c], '[');
        for (size_t b = 0; b < e->n_bins; b++) {
            const struct weir_eval_probability_bin *bin = &e->bins[b];
            comma(buf, b);
            weir_codec_json_write_number(buf, c == 0   ? bin->mean_p
                                              : c == 1 ? bin->mean_y
                                                       : bin->weight);
        }
        weir_buf_append_byte(buf, ']');
    }
    weir_buf_append_byte(buf, '}');
}

/* Keeps of n points of the ROC curve those that are apart by a share of its length, which is 2
 * along the axes, and the last; returns how many there are, at most n_max. */
static size_t thin(const struct weir_eval_sweep *s, size_t *kept, size_t n, size_t n_max)
{
    double step = 2. / (double)(weir_max_size(n_max, 3) - 2);
    double next = 0;
    size_t n_kept = 0;
    if (n_max == 0 || n <= n_max)
        return n;
    for (size_t i = 0; i < n; i++) {
        double at = fpr(s, kept[i]) + tpr(s, kept[i]);
        if (at < next && i + 1 < n)
            continue;
        next = (floor(at / step) + 1) * step;
        kept[n_kept++] = kept[i];
    }
    return n_kept;
}

static void append_curves(struct weir_buf *buf, const struct weir_gate_evaluation *e,
                          size_t n_points_max, bool is_full)
{
    const struct weir_eval_sweep *s = &e->sweep;
    size_t n = s->n_groups;
    size_t *kept = NULL;
    if (!is_full) {
        kept = weir_mem_array(e->mem, weir_max_size(n, 1), sizeof *kept);
        if (!kept)
            buf->failed = true;
        n = kept ? thin(s, kept, weir_eval_roc_corners(s, kept), n_points_max) : 0;
    }
    weir_codec_json_write_open(buf, "curves", '{');
    weir_codec_json_write_open(buf, "roc", '{');
    append_column(buf, "fpr", "0.0", s, kept, n, fpr);
    append_column(buf, "tpr", "0.0", s, kept, n, tpr);
    append_column(buf, "thr", "null", s, kept, n, threshold);
    weir_buf_append_byte(buf, '}');
    weir_codec_json_write_open(buf, "pr", '{');
    append_column(buf, "recall", NULL, s, kept, n, tpr);
    append_column(buf, "precision", NULL, s, kept, n, precision);
    append_column(buf, "thr", NULL, s, kept, n, threshold);
    weir_buf_append_byte(buf, '}');
    append_det(buf, s, kept, n);
    append_gain(buf, s, kept, n);
    if (e->n_bins > 0)
        append_calibration(buf, e);
    weir_buf_append_byte(buf, '}');
    weir_mem_free(e->mem, kept);
}

/* --- slices ----------------------------------------------------------------------------------- */

static void append_metrics(struct weir_buf *buf, const char *name,
                           const struct weir_gate_evaluation *e)
{
    weir_codec_json_write_open(buf, name, '{');
    for (size_t i = 0; i < e->n_metrics; i++)
        append_metric(buf, &e->metrics[i], e->alpha);
    weir_buf_append_byte(buf, '}');
}

static void append_slices(struct weir_buf *buf, const struct weir_gate_evaluation *e)
{
    weir_codec_json_write_open(buf, "slices", '[');
    for (size_t i = 0; i < e->n_slices; i++) {
        const struct weir_gate_slice *s = &e->slices[i];
        comma(buf, i);
        weir_buf_append_byte(buf, '{');
        put_text(buf, "name", s->name);
        put_text(buf, "column", s->cut->column);
        weir_codec_json_write_key(buf, "part");
        weir_codec_json_append_text(buf, s->cut->values[s->part]);
        if (s->cut->edges && !isnan(s->low)) {
            weir_codec_json_write_f64(buf, "low", s->low);
            weir_codec_json_write_f64(buf, "high", s->high);
        }
        weir_codec_json_write_u64(buf, "rows", s->rows.n);
        append_metrics(buf, "metrics", &s->evaluation);
        weir_buf_append_byte(buf, '}');
    }
    weir_buf_append_byte(buf, ']');
    if (e->n_slices_left_out > 0)
        weir_codec_json_write_u64(buf, "slices_left_out", e->n_slices_left_out);
}

/* The means over folds are the metrics of the document; those of all rows are "pooled". */
static void append_folds(struct weir_buf *buf, const struct weir_gate_evaluation *e)
{
    weir_codec_json_write_open(buf, "metrics", '{');
    for (size_t i = 0; i < e->n_metrics; i++) {
        struct weir_gate_fold_mean m = weir_gate_slice_fold_mean(e, i);
        weir_codec_json_write_open(buf, m.name, '{');
        weir_codec_json_write_f64(buf, "value", m.mean);
        weir_codec_json_write_f64(buf, "sd", m.sd);
        weir_codec_json_write_u64(buf, "folds", m.n);
        if (m.n == 0)
            put_text(buf, "why", WEIR_STR("it is undefined in all folds"));
        weir_buf_append_byte(buf, '}');
    }
    weir_buf_append_byte(buf, '}');
    weir_codec_json_write_open(buf, "folds", '[');
    for (size_t i = 0; i < e->n_folds; i++) {
        const struct weir_gate_slice *s = &e->folds[i];
        comma(buf, i);
        weir_buf_append_byte(buf, '{');
        weir_codec_json_write_key(buf, "fold");
        weir_codec_json_append_text(buf, s->cut->values[s->part]);
        weir_codec_json_write_u64(buf, "rows", s->rows.n);
        append_metrics(buf, "metrics", &s->evaluation);
        weir_buf_append_byte(buf, '}');
    }
    weir_buf_append_byte(buf, ']');
}

/* --- the whole -------------------------------------------------------------------------------- */

void weir_gate_document_append(struct weir_buf *buf, const struct weir_gate_evaluation *evaluation,
                               const struct weir_gate_source *source, bool is_full)
{
    weir_assert(evaluation);
    weir_assert(source);
    const struct weir_gate_holdout *h = evaluation->holdout;
    weir_buf_append_c(buf, "{\"schema\":\"eval/1\"");
    append_source(buf, evaluation, source);
    put_text(buf, "task", weir_str_c(weir_gate_evaluation_task(h->task)));
    if (h->n_classes > 0)
        append_classes(buf, "classes", h);
    if (h->task == WEIR_GATE_BINARY && h->n_classes == 2)
        put_text(buf, "positive", h->classes[1]);
    if (h->score_space)
        put_text(buf, "score_space", weir_str_c(h->score_space));
    if (evaluation->n_folds > 0)
        append_folds(buf, evaluation);
    append_metrics(buf, evaluation->n_folds > 0 ? "pooled" : "metrics", evaluation);
    if (evaluation->has_choice)
        append_threshold(buf, evaluation, source->policy);
    if (evaluation->has_confusion)
        append_confusion(buf, evaluation);
    if (evaluation->has_confusion || h->labels)
        append_per_class(buf, evaluation);
    if (evaluation->has_sweep)
        append_curves(buf, evaluation, source->n_points_max, is_full);
    if (evaluation->n_slices > 0)
        append_slices(buf, evaluation);
    weir_buf_append_byte(buf, '}');
}

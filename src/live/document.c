/* SPDX-License-Identifier: MIT */
#include "live/document.h"

#include "base/macros.h"
#include "codec/json.h"
#include "codec/json_write.h"

#include <math.h>
#include <time.h>

enum { ROC_POINTS = 200, DECILES = 10, TIME_BYTES = 32 };

/* --- pieces ---------------------------------------------------------------------------------- */

static void comma(struct weir_buf *buf)
{
    if (buf->at[buf->n - 1] != '[')
        weir_buf_append_byte(buf, ',');
}

static void put_time(struct weir_buf *buf, const char *name, uint64_t at_s)
{
    char room[TIME_BYTES];
    time_t s = (time_t)at_s;
    struct tm tm;
    (void)gmtime_r(&s, &tm); /* Cannot fail for the present. */
    weir_codec_json_write_text(
        buf, name, weir_str_make(room, strftime(room, sizeof room, "%Y-%m-%dT%H:%M:%SZ", &tm)));
}

static struct weir_str unquoted(struct weir_str json)
{
    return json.n >= 2 && json.at[0] == '"' ? weir_str_make(json.at + 1, json.n - 2) : json;
}

/* A class's label as text; what is escaped in it stays so. */
static void put_class(struct weir_buf *buf, struct weir_str json)
{
    struct weir_str text = unquoted(json);
    weir_buf_append_byte(buf, '"');
    weir_buf_append_str(buf, text);
    weir_buf_append_byte(buf, '"');
}

static void put_classes(struct weir_buf *buf, const char *name, const struct weir_str *classes,
                        size_t n)
{
    weir_codec_json_write_open(buf, name, '[');
    for (size_t i = 0; i < n; i++) {
        comma(buf);
        put_class(buf, classes[i]);
    }
    weir_buf_append_byte(buf, ']');
}

/* --- parts ----------------------------------------------------------------------------------- */

static void append_source(struct weir_buf *buf, const struct weir_live_sum *sum,
                          const struct weir_live_source *source)
{
    weir_codec_json_write_open(buf, "model", '{');
    weir_codec_json_write_text(buf, "name", source->model);
    weir_codec_json_write_text(buf, "version",
                               source->version.n > 0 ? source->version : WEIR_STR("all"));
    if (source->digest.n > 0)
        weir_codec_json_write_text(buf, "digest", source->digest);
    weir_buf_append_byte(buf, '}');
    weir_codec_json_write_open(buf, "window", '{');
    weir_codec_json_write_u64(buf, "seconds", source->window_s);
    if (sum->from_s > 0)
        put_time(buf, "from", sum->from_s);
    put_time(buf, "to", source->now_s);
    weir_codec_json_write_text(buf, "by", WEIR_STR("prediction_time"));
    weir_buf_append_byte(buf, '}');
    weir_codec_json_write_open(buf, "data", '{');
    weir_codec_json_write_u64(buf, "rows", sum->n_rows);
    weir_codec_json_write_u64(buf, "used", sum->n_labelled);
    if (sum->shape.task == WEIR_LIVE_BINARY) {
        const uint64_t *c = sum->counts + sum->layout.confusion;
        weir_codec_json_write_u64(buf, "pos", c[2] + c[3]);
        weir_codec_json_write_u64(buf, "neg", c[0] + c[1]);
    }
    weir_buf_append_byte(buf, '}');
    weir_codec_json_write_text(buf, "task", weir_str_c(weir_live_shape_task(sum->shape.task)));
    if (source->classes && sum->shape.n_classes > 0)
        put_classes(buf, "classes", source->classes, sum->shape.n_classes);
    if (source->classes && sum->shape.task == WEIR_LIVE_BINARY) {
        weir_codec_json_write_key(buf, "positive");
        put_class(buf, source->classes[1]);
    }
    if (sum->shape.has_score)
        weir_codec_json_write_text(buf, "score_space",
                                   weir_str_c(weir_output_name(sum->shape.score)));
}

static void append_metrics(struct weir_buf *buf, const struct weir_live_measures *measures)
{
    weir_codec_json_write_open(buf, "metrics", '{');
    for (size_t i = 0; i < measures->n; i++) {
        const struct weir_live_metric *m = &measures->metrics[i];
        weir_codec_json_write_open(buf, m->name, '{');
        weir_codec_json_write_f64(buf, "value", m->value);
        if (m->why)
            weir_codec_json_write_text(buf, "why", weir_str_c(m->why));
        if (m->has_bounds)
            weir_codec_json_write_pair(buf, "bounds", m->low, m->high);
        if (m->has_interval) {
            weir_codec_json_write_f64(buf, "se", m->se);
            weir_codec_json_write_pair(buf, "ci", m->interval_low, m->interval_high);
            weir_codec_json_write_text(buf, "method", WEIR_STR("delong-logit"));
            weir_codec_json_write_f64(buf, "alpha", 0.05);
        }
        weir_buf_append_byte(buf, '}');
    }
    weir_buf_append_byte(buf, '}');
    const struct weir_live_metric *auc = weir_live_measure_find(measures, "roc_auc");
    if (auc && auc->has_bounds)
        weir_codec_json_write_pair(buf, "auc_bounds", auc->low, auc->high);
}

static void append_confusion(struct weir_buf *buf, const struct weir_live_measures *measures,
                             const struct weir_live_source *source)
{
    size_t n = measures->confusion.n_classes;
    weir_codec_json_write_open(buf, "confusion", '{');
    put_classes(buf, "labels", source->classes, n);
    weir_codec_json_write_open(buf, "counts", '[');
    for (size_t i = 0; i < n; i++) {
        comma(buf);
        weir_buf_append_byte(buf, '[');
        for (size_t j = 0; j < n; j++) {
            comma(buf);
            weir_buf_append_u64(buf, (uint64_t)measures->confusion.cells[i * n + j]);
        }
        weir_buf_append_byte(buf, ']');
    }
    weir_buf_append_c(buf, "]}");
    weir_codec_json_write_open(buf, "per_class", '[');
    for (size_t i = 0; i < n; i++) {
        struct weir_eval_confusion_class c = weir_eval_confusion_class(&measures->confusion, i);
        comma(buf);
        weir_buf_append_c(buf, "{\"class\":");
        put_class(buf, source->classes[i]);
        weir_codec_json_write_f64(buf, "precision", c.precision);
        weir_codec_json_write_f64(buf, "recall", c.recall);
        weir_codec_json_write_f64(buf, "f1", c.f1);
        weir_codec_json_write_f64(buf, "support", c.support);
        if (measures->class_auc)
            weir_codec_json_write_f64(buf, "roc_auc", measures->class_auc[i]);
        weir_buf_append_byte(buf, '}');
    }
    weir_buf_append_byte(buf, ']');
}

/* The ROC curve at the edges of bins, of those that are a point apart for the eye. */
static void append_roc(struct weir_buf *buf, const struct weir_live_sum *sum)
{
    const uint64_t *p = sum->counts + sum->layout.positives;
    const uint64_t *n = sum->counts + sum->layout.negatives;
    size_t n_bins = sum->shape.n_bins;
    double positives = 0;
    double negatives = 0;
    for (size_t b = 0; b < n_bins; b++) {
        positives += (double)p[b];
        negatives += (double)n[b];
    }
    if (positives == 0 || negatives == 0)
        return;
    const char *const names[] = {"fpr", "tpr"};
    weir_codec_json_write_open(buf, "roc", '{');
    for (int side = 0; side < 2; side++) {
        double tp = 0;
        double fp = 0;
        double last_tp = 0;
        double last_fp = 0;
        weir_codec_json_write_open(buf, names[side], '[');
        weir_buf_append_byte(buf, '0');
        for (size_t b = n_bins; b-- > 0;) {
            tp += (double)p[b] / positives;
            fp += (double)n[b] / negatives;
            if (b > 0 && fmax(tp - last_tp, fp - last_fp) < 1.0 / ROC_POINTS)
                continue;
            weir_buf_append_byte(buf, ',');
            weir_codec_json_write_number(buf, side == 0 ? fmin(fp, 1) : fmin(tp, 1));
            last_tp = tp;
            last_fp = fp;
        }
        weir_buf_append_byte(buf, ']');
    }
    weir_buf_append_byte(buf, '}');
}

static void append_calibration(struct weir_buf *buf, const struct weir_eval_binned_calibration *c)
{
    const char *const names[] = {"mean_p", "frac_pos", "count"};
    weir_codec_json_write_open(buf, "calibration", '{');
    for (int side = 0; side < 3; side++) {
        weir_codec_json_write_open(buf, names[side], '[');
        for (size_t b = 0; b < WEIR_EVAL_BINNED_CALIBRATION_BINS; b++) {
            double n = (double)c->n[b];
            if (c->n[b] <= 0)
                continue;
            comma(buf);
            weir_codec_json_write_number(buf, side == 0   ? weir_eval_exact_get(&c->p[b]) / n
                                              : side == 1 ? (double)c->n_positive[b] / n
                                                          : n);
        }
        weir_buf_append_byte(buf, ']');
    }
    weir_buf_append_byte(buf, '}');
}

/* How many predictions have labels, also by tenths of the rows' scores: labels are rarely missing
 * at random. */
static void append_coverage(struct weir_buf *buf, const struct weir_live_sum *sum)
{
    weir_codec_json_write_open(buf, "coverage", '{');
    weir_codec_json_write_u64(buf, "predicted", sum->n_rows);
    weir_codec_json_write_u64(buf, "labelled", sum->n_labelled);
    weir_codec_json_write_f64(buf, "share",
                              sum->n_rows > 0 ? (double)sum->n_labelled / (double)sum->n_rows
                                              : (double)NAN);
    if (sum->shape.task == WEIR_LIVE_BINARY && sum->shape.has_score && sum->n_rows > 0) {
        uint64_t below = 0;
        uint64_t rows[DECILES] = {0};
        uint64_t labelled[DECILES] = {0};
        for (size_t b = 0; b < sum->shape.n_bins; b++) {
            uint64_t n = sum->counts[sum->layout.scores + b];
            uint64_t middle = below + n / 2;
            size_t d = (size_t)(middle * DECILES / (sum->n_rows + 1));
            d = d < DECILES ? d : DECILES - 1;
            rows[d] += n;
            labelled[d] += sum->counts[sum->layout.positives + b];
            labelled[d] += sum->counts[sum->layout.negatives + b];
            below += n;
        }
        weir_codec_json_write_open(buf, "by_score", '[');
        for (size_t d = 0; d < DECILES; d++) {
            comma(buf);
            weir_codec_json_write_number(buf, rows[d] > 0 ? (double)labelled[d] / (double)rows[d]
                                                          : (double)NAN);
        }
        weir_buf_append_byte(buf, ']');
    }
    weir_buf_append_byte(buf, '}');
}

static void append_drift_of(struct weir_buf *buf, const struct weir_live_drift *d, double limit)
{
    weir_codec_json_write_f64(buf, "psi", d->psi);
    weir_codec_json_write_f64(buf, "guard", d->guard);
    weir_codec_json_write_u64(buf, "bins", d->n_bins);
    weir_codec_json_write_bool(buf, "alarm", weir_live_document_is_alarm(d, limit));
    if (d->is_text)
        return;
    weir_codec_json_write_pair(buf, "ks", d->ks_low, d->ks_high);
    weir_codec_json_write_f64(buf, "ks_p", d->ks_p);
}

static void append_drift(struct weir_buf *buf, const struct weir_live_sum *sum,
                         const struct weir_live_source *source)
{
    const struct weir_live_reference *reference = sum->shape.reference;
    const uint64_t *counts = sum->counts + sum->layout.drift;
    size_t n = sum->shape.n_features;
    uint64_t n_alarms = 0;
    weir_codec_json_write_open(buf, "drift", '{');
    weir_codec_json_write_text(buf, "reference", weir_str_c(weir_live_reference_file(reference)));
    weir_codec_json_write_u64(buf, "reference_rows", weir_live_reference_rows(reference));
    weir_codec_json_write_u64(buf, "rows", sum->n_sampled);
    weir_codec_json_write_f64(buf, "psi_limit", source->psi_limit);
    weir_codec_json_write_open(buf, "features", '[');
    for (size_t i = 0; i < n; i++) {
        struct weir_live_drift d =
            weir_live_reference_measure(reference, i, counts + i * WEIR_LIVE_REFERENCE_BINS);
        n_alarms += weir_live_document_is_alarm(&d, source->psi_limit);
        comma(buf);
        weir_buf_append_byte(buf, '{');
        if (source->feature_names)
            weir_codec_json_write_text(buf, "feature", source->feature_names[i]);
        else
            weir_codec_json_write_u64(buf, "feature", i);
        append_drift_of(buf, &d, source->psi_limit);
        weir_buf_append_byte(buf, '}');
    }
    weir_buf_append_byte(buf, ']');
    struct weir_live_drift d =
        weir_live_reference_measure(reference, n, counts + n * WEIR_LIVE_REFERENCE_BINS);
    n_alarms += weir_live_document_is_alarm(&d, source->psi_limit);
    weir_codec_json_write_open(buf, "score", '{');
    append_drift_of(buf, &d, source->psi_limit);
    weir_buf_append_byte(buf, '}');
    weir_codec_json_write_u64(buf, "alarms", n_alarms);
    weir_buf_append_byte(buf, '}');
}

static void append_store(struct weir_buf *buf, const struct weir_live_store_state *s)
{
    weir_codec_json_write_open(buf, "store", '{');
    weir_codec_json_write_u64(buf, "waiting", s->n_waiting);
    weir_codec_json_write_u64(buf, "capacity", s->capacity);
    weir_codec_json_write_u64(buf, "bytes", s->bytes);
    weir_codec_json_write_f64(buf, "sampled_share", s->share);
    weir_codec_json_write_u64(buf, "recorded", s->counters.n_put);
    weir_codec_json_write_u64(buf, "sampled_out", s->counters.n_sampled_out);
    weir_codec_json_write_u64(buf, "duplicates", s->counters.n_duplicates);
    weir_codec_json_write_u64(buf, "expired_unlabelled", s->counters.n_expired);
    weir_codec_json_write_u64(buf, "evicted_unlabelled", s->counters.n_evicted);
    weir_buf_append_byte(buf, '}');
}

enum weir_status weir_live_document_append(struct weir_buf *buf, const struct weir_live_sum *sum,
                                           const struct weir_live_source *source,
                                           struct weir_mem *mem)
{
    weir_assert(buf);
    weir_assert(sum->has_shape);
    struct weir_live_measures measures;
    if (weir_live_measure_make(&measures, sum, mem) != WEIR_OK)
        return WEIR_ERR_NO_MEMORY;
    weir_buf_append_byte(buf, '{');
    weir_codec_json_write_text(buf, "schema", WEIR_STR("eval/1"));
    append_source(buf, sum, source);
    append_metrics(buf, &measures);
    if (measures.has_confusion && source->classes)
        append_confusion(buf, &measures, source);
    weir_codec_json_write_open(buf, "curves", '{');
    if (sum->shape.task == WEIR_LIVE_BINARY && sum->shape.has_score)
        append_roc(buf, sum);
    if (sum->calibration)
        append_calibration(buf, sum->calibration);
    weir_buf_append_byte(buf, '}');
    append_coverage(buf, sum);
    weir_codec_json_write_open(buf, "label_delay", '{');
    weir_codec_json_write_f64(buf, "mean_s",
                              sum->n_labelled > 0 ? (double)sum->delay_s / (double)sum->n_labelled
                                                  : (double)NAN);
    weir_codec_json_write_u64(buf, "p50_s", weir_live_measure_delay_s(sum, 0.5));
    weir_codec_json_write_u64(buf, "p90_s", weir_live_measure_delay_s(sum, 0.9));
    weir_buf_append_byte(buf, '}');
    if (sum->shape.reference)
        append_drift(buf, sum, source);
    append_store(buf, &source->store);
    weir_buf_append_byte(buf, '}');
    weir_live_measure_deinit(&measures);
    return WEIR_OK;
}

/* SPDX-License-Identifier: MIT */
#include "live/document.h"

#include "base/macros.h"
#include "codec/json.h"
#include "codec/number.h"

#include <math.h>
#include <time.h>

enum { ROC_POINTS = 200, DECILES = 10, TIME_BYTES = 32 };

/* --- pieces ---------------------------------------------------------------------------------- */

static void number(struct weir_buf *buf, double v)
{
    weir_codec_number_append_f64(buf, v, WEIR_CODEC_NUMBER_NONFINITE_NULL);
}

static void key(struct weir_buf *buf, const char *name)
{
    if (buf->n > 0 && buf->at[buf->n - 1] != '{')
        weir_buf_append_byte(buf, ',');
    weir_buf_append_byte(buf, '"');
    weir_buf_append_c(buf, name);
    weir_buf_append_c(buf, "\":");
}

static void open(struct weir_buf *buf, const char *name, char bracket)
{
    key(buf, name);
    weir_buf_append_byte(buf, bracket);
}

static void comma(struct weir_buf *buf)
{
    if (buf->at[buf->n - 1] != '[')
        weir_buf_append_byte(buf, ',');
}

static void put_number(struct weir_buf *buf, const char *name, double v)
{
    key(buf, name);
    number(buf, v);
}

static void put_count(struct weir_buf *buf, const char *name, uint64_t n)
{
    key(buf, name);
    weir_buf_append_u64(buf, n);
}

static void put_text(struct weir_buf *buf, const char *name, struct weir_str text)
{
    key(buf, name);
    weir_codec_json_append_text(buf, text);
}

static void put_pair(struct weir_buf *buf, const char *name, double low, double high)
{
    open(buf, name, '[');
    number(buf, low);
    weir_buf_append_byte(buf, ',');
    number(buf, high);
    weir_buf_append_byte(buf, ']');
}

static void put_flag(struct weir_buf *buf, const char *name, bool is_set)
{
    key(buf, name);
    weir_buf_append_c(buf, is_set ? "true" : "false");
}

static void put_time(struct weir_buf *buf, const char *name, uint64_t at_s)
{
    char room[TIME_BYTES];
    time_t s = (time_t)at_s;
    struct tm tm;
    (void)gmtime_r(&s, &tm); /* Cannot fail for the present. */
    put_text(buf, name,
             weir_str_make(room, strftime(room, sizeof room, "%Y-%m-%dT%H:%M:%SZ", &tm)));
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
    open(buf, name, '[');
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
    open(buf, "model", '{');
    put_text(buf, "name", source->model);
    put_text(buf, "version", source->version.n > 0 ? source->version : WEIR_STR("all"));
    if (source->digest.n > 0)
        put_text(buf, "digest", source->digest);
    weir_buf_append_byte(buf, '}');
    open(buf, "window", '{');
    put_count(buf, "seconds", source->window_s);
    if (sum->from_s > 0)
        put_time(buf, "from", sum->from_s);
    put_time(buf, "to", source->now_s);
    put_text(buf, "by", WEIR_STR("prediction_time"));
    weir_buf_append_byte(buf, '}');
    open(buf, "data", '{');
    put_count(buf, "rows", sum->n_rows);
    put_count(buf, "used", sum->n_labelled);
    if (sum->shape.task == WEIR_LIVE_BINARY) {
        const uint64_t *c = sum->counts + sum->layout.confusion;
        put_count(buf, "pos", c[2] + c[3]);
        put_count(buf, "neg", c[0] + c[1]);
    }
    weir_buf_append_byte(buf, '}');
    put_text(buf, "task", weir_str_c(weir_live_shape_task(sum->shape.task)));
    if (source->classes && sum->shape.n_classes > 0)
        put_classes(buf, "classes", source->classes, sum->shape.n_classes);
    if (source->classes && sum->shape.task == WEIR_LIVE_BINARY) {
        key(buf, "positive");
        put_class(buf, source->classes[1]);
    }
    if (sum->shape.has_score)
        put_text(buf, "score_space", weir_str_c(weir_output_name(sum->shape.score)));
}

static void append_metrics(struct weir_buf *buf, const struct weir_live_measures *measures)
{
    open(buf, "metrics", '{');
    for (size_t i = 0; i < measures->n; i++) {
        const struct weir_live_metric *m = &measures->metrics[i];
        open(buf, m->name, '{');
        put_number(buf, "value", m->value);
        if (m->why)
            put_text(buf, "why", weir_str_c(m->why));
        if (m->has_bounds)
            put_pair(buf, "bounds", m->low, m->high);
        if (m->has_interval) {
            put_number(buf, "se", m->se);
            put_pair(buf, "ci", m->interval_low, m->interval_high);
            put_text(buf, "method", WEIR_STR("delong-logit"));
            put_number(buf, "alpha", 0.05);
        }
        weir_buf_append_byte(buf, '}');
    }
    weir_buf_append_byte(buf, '}');
    const struct weir_live_metric *auc = weir_live_measure_find(measures, "roc_auc");
    if (auc && auc->has_bounds)
        put_pair(buf, "auc_bounds", auc->low, auc->high);
}

static void append_confusion(struct weir_buf *buf, const struct weir_live_measures *measures,
                             const struct weir_live_source *source)
{
    size_t n = measures->confusion.n_classes;
    open(buf, "confusion", '{');
    put_classes(buf, "labels", source->classes, n);
    open(buf, "counts", '[');
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
    open(buf, "per_class", '[');
    for (size_t i = 0; i < n; i++) {
        struct weir_eval_confusion_class c = weir_eval_confusion_class(&measures->confusion, i);
        comma(buf);
        weir_buf_append_c(buf, "{\"class\":");
        put_class(buf, source->classes[i]);
        put_number(buf, "precision", c.precision);
        put_number(buf, "recall", c.recall);
        put_number(buf, "f1", c.f1);
        put_number(buf, "support", c.support);
        if (measures->class_auc)
            put_number(buf, "roc_auc", measures->class_auc[i]);
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
    open(buf, "roc", '{');
    for (int side = 0; side < 2; side++) {
        double tp = 0;
        double fp = 0;
        double last_tp = 0;
        double last_fp = 0;
        open(buf, names[side], '[');
        weir_buf_append_byte(buf, '0');
        for (size_t b = n_bins; b-- > 0;) {
            tp += (double)p[b] / positives;
            fp += (double)n[b] / negatives;
            if (b > 0 && fmax(tp - last_tp, fp - last_fp) < 1.0 / ROC_POINTS)
                continue;
            weir_buf_append_byte(buf, ',');
            number(buf, side == 0 ? fmin(fp, 1) : fmin(tp, 1));
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
    open(buf, "calibration", '{');
    for (int side = 0; side < 3; side++) {
        open(buf, names[side], '[');
        for (size_t b = 0; b < WEIR_EVAL_BINNED_CALIBRATION_BINS; b++) {
            double n = (double)c->n[b];
            if (c->n[b] <= 0)
                continue;
            comma(buf);
            number(buf, side == 0   ? weir_eval_exact_get(&c->p[b]) / n
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
    open(buf, "coverage", '{');
    put_count(buf, "predicted", sum->n_rows);
    put_count(buf, "labelled", sum->n_labelled);
    put_number(buf, "share",
               sum->n_rows > 0 ? (double)sum->n_labelled / (double)sum->n_rows : (double)NAN);
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
        open(buf, "by_score", '[');
        for (size_t d = 0; d < DECILES; d++) {
            comma(buf);
            number(buf, rows[d] > 0 ? (double)labelled[d] / (double)rows[d] : (double)NAN);
        }
        weir_buf_append_byte(buf, ']');
    }
    weir_buf_append_byte(buf, '}');
}

static void append_drift_of(struct weir_buf *buf, const struct weir_live_drift *d, double limit)
{
    put_number(buf, "psi", d->psi);
    put_number(buf, "guard", d->guard);
    put_count(buf, "bins", d->n_bins);
    put_flag(buf, "alarm", weir_live_document_is_alarm(d, limit));
    if (d->is_text)
        return;
    put_pair(buf, "ks", d->ks_low, d->ks_high);
    put_number(buf, "ks_p", d->ks_p);
}

static void append_drift(struct weir_buf *buf, const struct weir_live_sum *sum,
                         const struct weir_live_source *source)
{
    const struct weir_live_reference *reference = sum->shape.reference;
    const uint64_t *counts = sum->counts + sum->layout.drift;
    size_t n = sum->shape.n_features;
    uint64_t n_alarms = 0;
    open(buf, "drift", '{');
    put_text(buf, "reference", weir_str_c(weir_live_reference_file(reference)));
    put_count(buf, "reference_rows", weir_live_reference_rows(reference));
    put_count(buf, "rows", sum->n_sampled);
    put_number(buf, "psi_limit", source->psi_limit);
    open(buf, "features", '[');
    for (size_t i = 0; i < n; i++) {
        struct weir_live_drift d =
            weir_live_reference_measure(reference, i, counts + i * WEIR_LIVE_REFERENCE_BINS);
        n_alarms += weir_live_document_is_alarm(&d, source->psi_limit);
        comma(buf);
        weir_buf_append_byte(buf, '{');
        if (source->feature_names)
            put_text(buf, "feature", source->feature_names[i]);
        else
            put_count(buf, "feature", i);
        append_drift_of(buf, &d, source->psi_limit);
        weir_buf_append_byte(buf, '}');
    }
    weir_buf_append_byte(buf, ']');
    struct weir_live_drift d =
        weir_live_reference_measure(reference, n, counts + n * WEIR_LIVE_REFERENCE_BINS);
    n_alarms += weir_live_document_is_alarm(&d, source->psi_limit);
    open(buf, "score", '{');
    append_drift_of(buf, &d, source->psi_limit);
    weir_buf_append_byte(buf, '}');
    put_count(buf, "alarms", n_alarms);
    weir_buf_append_byte(buf, '}');
}

static void append_store(struct weir_buf *buf, const struct weir_live_store_state *s)
{
    open(buf, "store", '{');
    put_count(buf, "waiting", s->n_waiting);
    put_count(buf, "capacity", s->capacity);
    put_count(buf, "bytes", s->bytes);
    put_number(buf, "sampled_share", s->share);
    put_count(buf, "recorded", s->counters.n_put);
    put_count(buf, "sampled_out", s->counters.n_sampled_out);
    put_count(buf, "duplicates", s->counters.n_duplicates);
    put_count(buf, "expired_unlabelled", s->counters.n_expired);
    put_count(buf, "evicted_unlabelled", s->counters.n_evicted);
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
    put_text(buf, "schema", WEIR_STR("eval/1"));
    append_source(buf, sum, source);
    append_metrics(buf, &measures);
    if (measures.has_confusion && source->classes)
        append_confusion(buf, &measures, source);
    open(buf, "curves", '{');
    if (sum->shape.task == WEIR_LIVE_BINARY && sum->shape.has_score)
        append_roc(buf, sum);
    if (sum->calibration)
        append_calibration(buf, sum->calibration);
    weir_buf_append_byte(buf, '}');
    append_coverage(buf, sum);
    open(buf, "label_delay", '{');
    put_number(buf, "mean_s",
               sum->n_labelled > 0 ? (double)sum->delay_s / (double)sum->n_labelled : (double)NAN);
    put_count(buf, "p50_s", weir_live_measure_delay_s(sum, 0.5));
    put_count(buf, "p90_s", weir_live_measure_delay_s(sum, 0.9));
    weir_buf_append_byte(buf, '}');
    if (sum->shape.reference)
        append_drift(buf, sum, source);
    append_store(buf, &source->store);
    weir_buf_append_byte(buf, '}');
    weir_live_measure_deinit(&measures);
    return WEIR_OK;
}

/* SPDX-License-Identifier: MIT */
/* What the metrics tell of live quality: the keeper asks all loops every few seconds, and tells
 * what it was told last. */
#include "base/clock.h"
#include "base/macros.h"
#include "metric/text.h"
#include "server/live_priv.h"

#include <math.h>

enum { REFRESH_S = 5, MATRIX_MAX = 10, DRIFTS_MAX = 256 };

/* --- asking ---------------------------------------------------------------------------------- */

void weir_server_live_told_free(struct weir_server_shard *shard, struct weir_server_live_told *told)
{
    weir_list_remove(&told->link);
    weir_live_measure_deinit(&told->measures);
    weir_live_sum_deinit(&told->sum);
    weir_arena_deinit(&told->arena);
    weir_mem_free(shard->shared->mem, told);
}

static void forget(struct weir_server_shard *shard, struct weir_str name)
{
    struct weir_list *next;
    for (struct weir_list *it = shard->loop.live.told.next; it != &shard->loop.live.told;
         it = next) {
        struct weir_server_live_told *told =
            WEIR_CONTAINER_OF(it, struct weir_server_live_told, link);
        next = it->next;
        if (weir_str_eq(told->name, name))
            weir_server_live_told_free(shard, told);
    }
}

void weir_server_live_tick(struct weir_server_shard *shard, uint64_t now_ns)
{
    const struct weir_table *table = shard->loop.table;
    if (!table || now_ns < shard->loop.live.refresh_ns ||
        weir_list_is_empty(&shard->loop.live.models))
        return;
    shard->loop.live.refresh_ns = now_ns + REFRESH_S * WEIR_NS_PER_S;
    WEIR_LIST_FOREACH (it, &shard->loop.live.models) {
        const struct weir_server_live_model *m =
            WEIR_CONTAINER_OF(it, struct weir_server_live_model, link);
        struct weir_str name = weir_str_make(m->name, m->n_name);
        const struct weir_repo_entry *entry = weir_repo_table_find(table, name);
        uint64_t window_s =
            weir_config_find_model(shard->loop.config, name)->quality_window_ns / WEIR_NS_PER_S;
        if (!entry || !entry->version) {
            forget(shard, name);
            continue;
        }
        if (weir_server_live_give(shard, WEIR_SERVER_LIVE_METRICS, (struct weir_http_ticket){0},
                                  name, entry->version->number, window_s, NULL) != WEIR_OK)
            break; /* No memory: the next time tells it. */
    }
}

/* Measures the drift of all features while their reference is there; false: no memory. */
static bool tell_drift(struct weir_server_shard *shard, struct weir_server_live_told *told)
{
    const struct weir_live_reference *reference = told->sum.shape.reference;
    const struct weir_version *version = weir_server_live_version_of(shard, reference);
    told->sum.shape.reference = NULL;
    if (!version)
        return true;
    size_t n = (size_t)told->sum.shape.n_features + 1;
    const uint64_t *counts = told->sum.counts + told->sum.layout.drift;
    told->drifts = weir_arena_array(&told->arena, n, sizeof *told->drifts);
    told->features = weir_arena_zarray(&told->arena, n, sizeof *told->features);
    if (!told->drifts || !told->features)
        return false;
    for (size_t i = 0; i < n; i++) {
        char digits[24];
        int n_digits = snprintf(digits, sizeof digits, "%zu", i);
        const struct weir_str *names = version->spec->feature_names;
        struct weir_str name = i + 1 == n ? WEIR_STR("(score)")
                               : names    ? names[i]
                                          : weir_str_make(digits, (size_t)n_digits);
        told->drifts[i] =
            weir_live_reference_measure(reference, i, counts + i * WEIR_LIVE_REFERENCE_BINS);
        told->features[i] = weir_arena_str(&told->arena, name);
        if (!told->features[i].at)
            return false;
    }
    told->n_drifts = n;
    return true;
}

static bool tell_texts(struct weir_server_shard *shard, struct weir_server_live_told *told,
                       const struct weir_server_live_task *task)
{
    struct weir_str name = weir_str_make(task->name, task->n_name);
    const struct weir_server_live_model *m = weir_server_live_find(shard, name);
    const struct weir_str *classes = m ? weir_live_model_classes(m->model, task->version) : NULL;
    size_t n = told->sum.shape.n_classes;
    char digits[24];
    int n_digits = snprintf(digits, sizeof digits, "%llu", (unsigned long long)task->version);
    told->name = weir_arena_str(&told->arena, name);
    told->version = weir_arena_str(&told->arena, weir_str_make(digits, (size_t)n_digits));
    told->classes = classes ? weir_arena_zarray(&told->arena, n + 1, sizeof *told->classes) : NULL;
    for (size_t i = 0; told->classes && i < n; i++) {
        struct weir_str text = classes[i];
        if (text.n >= 2 && text.at[0] == '"')
            text = weir_str_make(text.at + 1, text.n - 2);
        told->classes[i] = weir_arena_str(&told->arena, text);
        if (!told->classes[i].at)
            return false;
    }
    told->psi_limit =
        (double)weir_config_find_model(shard->loop.config, name)->drift_psi_percent / 100;
    return told->name.at && told->version.at && (!classes || told->classes);
}

void weir_server_live_tell(struct weir_server_live_task *task)
{
    struct weir_server_shard *shard = task->giver;
    struct weir_mem *mem = shard->shared->mem;
    forget(shard, weir_str_make(task->name, task->n_name));
    if (weir_server_live_merge(task) != WEIR_OK)
        return;
    struct weir_server_live_told *told = weir_mem_zalloc(mem, sizeof *told);
    if (!told)
        return;
    weir_arena_init(&told->arena, mem, 0);
    weir_list_push(&shard->loop.live.told, &told->link);
    told->sum = task->parts[0].sum;
    told->store = task->parts[0].store;
    task->parts[0].sum = (struct weir_live_sum){0};
    if (!tell_texts(shard, told, task) || !tell_drift(shard, told) ||
        weir_live_measure_make(&told->measures, &told->sum, mem) != WEIR_OK)
        weir_server_live_told_free(shard, told);
}

/* --- telling --------------------------------------------------------------------------------- */

#define FAMILY(variable, name, type, help, ...)         \
    static const struct weir_metric_family variable = { \
        name, type, WEIR_METRIC_UNIT_NONE, help, {__VA_ARGS__}}

FAMILY(family_auc, "weir_eval_roc_auc", WEIR_METRIC_GAUGE,
       "Area under the ROC curve of the labelled predictions of the window; of more than two "
       "classes the mean of one against the rest.",
       "model", "version");
FAMILY(family_halfwidth, "weir_eval_auc_halfwidth", WEIR_METRIC_GAUGE,
       "How far the exact area may be from weir_eval_roc_auc, since scores are kept in bins.",
       "model", "version");
FAMILY(family_accuracy, "weir_eval_accuracy", WEIR_METRIC_GAUGE,
       "Share of right decisions among the labelled predictions of the window.", "model",
       "version");
FAMILY(family_rmse, "weir_eval_rmse", WEIR_METRIC_GAUGE,
       "Root of the mean squared error of the labelled predictions of the window.", "model",
       "version");
FAMILY(family_coverage, "weir_eval_coverage", WEIR_METRIC_GAUGE,
       "Share of the window's predictions that have a label.", "model", "version");
FAMILY(family_confusion, "weir_eval_confusion_total", WEIR_METRIC_COUNTER,
       "Labelled predictions by what was true and what was predicted; a corrected label counts "
       "again. Models of more than 10 classes are left out.",
       "model", "version", "actual", "predicted");
FAMILY(family_delay, "weir_label_delay_seconds", WEIR_METRIC_HISTOGRAM,
       "Time from a prediction to its label.", "model", "version");
FAMILY(family_psi, "weir_drift_psi", WEIR_METRIC_GAUGE,
       "Stability index of a feature, or of the (score), against the reference; the first 256 "
       "features.",
       "model", "version", "feature");
FAMILY(family_alarm, "weir_drift_alarm", WEIR_METRIC_GAUGE,
       "1 where a feature, or the (score), has drifted: the index is above drift_psi_percent and "
       "above what chance makes likely.",
       "model", "version", "feature");
FAMILY(family_waiting, "weir_label_waiting", WEIR_METRIC_GAUGE,
       "Predictions that wait for a label, or could get another one.", "model");
FAMILY(family_share, "weir_label_sampled_share", WEIR_METRIC_GAUGE,
       "Share of predictions that are kept; below 1 more come than quality_capacity holds.",
       "model");
FAMILY(family_bytes, "weir_label_memory_bytes", WEIR_METRIC_GAUGE,
       "Memory of predictions that wait for labels, and of their counts.", "model");

/* A number of each model. */
static void expose_gauge(const struct weir_server_shard *shard,
                         const struct weir_metric_family *family,
                         double (*get)(const struct weir_server_live_told *told),
                         struct weir_buf *out)
{
    weir_metric_text_family(out, family);
    WEIR_LIST_FOREACH (it, &shard->loop.live.told) {
        const struct weir_server_live_told *told =
            WEIR_CONTAINER_OF(it, struct weir_server_live_told, link);
        struct weir_str labels[] = {told->name, told->version};
        double v = get(told);
        if (!isnan(v))
            weir_metric_text_f64(out, family, labels, v);
    }
}

static const struct weir_live_metric *find_auc(const struct weir_server_live_told *told)
{
    const struct weir_live_metric *m = weir_live_measure_find(&told->measures, "roc_auc");
    return m ? m : weir_live_measure_find(&told->measures, "roc_auc_ovr_macro");
}

static double get_auc(const struct weir_server_live_told *told)
{
    const struct weir_live_metric *m = find_auc(told);
    return m ? m->value : (double)NAN;
}

static double get_halfwidth(const struct weir_server_live_told *told)
{
    const struct weir_live_metric *m = find_auc(told);
    return m && m->has_bounds ? (m->high - m->low) / 2 : (double)NAN;
}

static double get_named(const struct weir_server_live_told *told, const char *name)
{
    const struct weir_live_metric *m = weir_live_measure_find(&told->measures, name);
    return m ? m->value : (double)NAN;
}

static double get_accuracy(const struct weir_server_live_told *told)
{
    return get_named(told, "accuracy");
}

static double get_rmse(const struct weir_server_live_told *told)
{
    return get_named(told, "rmse");
}

static double get_coverage(const struct weir_server_live_told *told)
{
    return (double)told->sum.n_labelled / (double)told->sum.n_rows; /* NaN without rows */
}

static double get_waiting(const struct weir_server_live_told *told)
{
    return (double)told->store.n_waiting;
}

static double get_share(const struct weir_server_live_told *told)
{
    return told->store.share;
}

static double get_bytes(const struct weir_server_live_told *told)
{
    return (double)told->store.bytes;
}

static void expose_confusion(const struct weir_server_shard *shard, struct weir_buf *out)
{
    weir_metric_text_family(out, &family_confusion);
    WEIR_LIST_FOREACH (it, &shard->loop.live.told) {
        const struct weir_server_live_told *told =
            WEIR_CONTAINER_OF(it, struct weir_server_live_told, link);
        size_t n = told->sum.shape.n_classes;
        for (size_t i = 0; n <= MATRIX_MAX && told->classes && i < n * n; i++) {
            struct weir_str labels[] = {told->name, told->version, told->classes[i / n],
                                        told->classes[i % n]};
            weir_metric_text_u64(out, &family_confusion, labels, told->sum.total.confusion[i]);
        }
    }
}

/* Buckets are powers of two of seconds: whole seconds below 2^i are at most 2^i − 1. */
static void expose_delay(const struct weir_server_shard *shard, struct weir_buf *out)
{
    weir_metric_text_family(out, &family_delay);
    WEIR_LIST_FOREACH (it, &shard->loop.live.told) {
        const struct weir_server_live_told *told =
            WEIR_CONTAINER_OF(it, struct weir_server_live_told, link);
        const struct weir_live_total *total = &told->sum.total;
        struct weir_buf labels = {.mem = out->mem};
        uint64_t n = 0;
        weir_metric_text_label(&labels, "model", told->name);
        weir_buf_append_byte(&labels, ',');
        weir_metric_text_label(&labels, "version", told->version);
        for (size_t i = 0; i + 1 < WEIR_LIVE_WINDOW_DELAYS; i++) {
            n += total->delays[i];
            weir_buf_printf(out, "%s_bucket{%.*s,le=\"%llu\"} %llu\n", family_delay.name,
                            WEIR_STR_ARG(weir_buf_str(&labels)),
                            (unsigned long long)((UINT64_C(1) << i) - 1), (unsigned long long)n);
        }
        n += total->delays[WEIR_LIVE_WINDOW_DELAYS - 1];
        weir_buf_printf(out,
                        "%s_bucket{%.*s,le=\"+Inf\"} %llu\n%s_sum{%.*s} %llu\n%s_count{%.*s} "
                        "%llu\n",
                        family_delay.name, WEIR_STR_ARG(weir_buf_str(&labels)),
                        (unsigned long long)n, family_delay.name,
                        WEIR_STR_ARG(weir_buf_str(&labels)), (unsigned long long)total->delay_s,
                        family_delay.name, WEIR_STR_ARG(weir_buf_str(&labels)),
                        (unsigned long long)n);
        out->failed = out->failed || !weir_buf_ok(&labels);
        weir_buf_deinit(&labels);
    }
}

static void expose_drift(const struct weir_server_shard *shard,
                         const struct weir_metric_family *family, bool is_alarm,
                         struct weir_buf *out)
{
    weir_metric_text_family(out, family);
    WEIR_LIST_FOREACH (it, &shard->loop.live.told) {
        const struct weir_server_live_told *told =
            WEIR_CONTAINER_OF(it, struct weir_server_live_told, link);
        for (size_t i = 0; i < told->n_drifts; i++) {
            const struct weir_live_drift *d = &told->drifts[i];
            struct weir_str labels[] = {told->name, told->version, told->features[i]};
            if (i >= DRIFTS_MAX && i + 1 < told->n_drifts)
                continue;
            weir_metric_text_f64(out, family, labels,
                                 !is_alarm ? d->psi
                                           : weir_live_document_is_alarm(d, told->psi_limit));
        }
    }
}

void weir_server_live_expose(const struct weir_server_shard *shard, struct weir_buf *out)
{
    if (weir_list_is_empty(&shard->loop.live.told))
        return;
    expose_gauge(shard, &family_auc, get_auc, out);
    expose_gauge(shard, &family_halfwidth, get_halfwidth, out);
    expose_gauge(shard, &family_accuracy, get_accuracy, out);
    expose_gauge(shard, &family_rmse, get_rmse, out);
    expose_gauge(shard, &family_coverage, get_coverage, out);
    expose_confusion(shard, out);
    expose_delay(shard, out);
    expose_drift(shard, &family_psi, false, out);
    expose_drift(shard, &family_alarm, true, out);
    expose_gauge(shard, &family_waiting, get_waiting, out);
    expose_gauge(shard, &family_share, get_share, out);
    expose_gauge(shard, &family_bytes, get_bytes, out);
}

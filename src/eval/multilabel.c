/* SPDX-License-Identifier: MIT */
#include "eval/multilabel.h"

#include "base/macros.h"
#include "eval/precision.h"
#include "eval/roc.h"

#include <math.h>

/* Work, and room for one ranking. */
struct work {
    const struct weir_eval_multilabel_rows *rows;
    double *scores;
    uint8_t *is_positive;
    double *weights;
    struct weir_mem *mem;
    struct weir_error *err;
};

static double weight_of(const struct weir_eval_multilabel_rows *rows, size_t i)
{
    return rows->weights ? rows->weights[i] : 1;
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

/* Ranks n scores; what is undefined is NaN. */
static enum weir_status rank(const struct work *w, size_t n, double *auc, double *ap)
{
    struct weir_eval_binary rows = {.n = n,
                                    .scores = w->scores,
                                    .is_positive = w->is_positive,
                                    .weights = w->rows->weights ? w->weights : NULL};
    struct weir_eval_sweep sweep;
    enum weir_status status = weir_eval_sweep_init(&sweep, &rows, w->mem, w->err);
    if (status != WEIR_OK)
        return status;
    if (!weir_eval_roc_auc(&sweep, auc))
        *auc = (double)NAN;
    if (!weir_eval_precision_average(&sweep, ap) || !(sweep.positives > 0))
        *ap = (double)NAN;
    weir_eval_sweep_deinit(&sweep);
    return WEIR_OK;
}

/* --- by label --------------------------------------------------------------------------------- */

static enum weir_status measure_label(const struct work *w, size_t k,
                                      struct weir_eval_multilabel_label *out)
{
    const struct weir_eval_multilabel_rows *rows = w->rows;
    struct weir_eval_confusion confusion;
    if (weir_eval_confusion_init(&confusion, 2, w->mem) != WEIR_OK)
        return weir_error_set(w->err, WEIR_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < rows->n; i++) {
        size_t at = i * rows->n_labels + k;
        w->scores[i] = rows->scores[at];
        w->is_positive[i] = rows->truths[at];
        w->weights[i] = weight_of(rows, i);
        weir_eval_confusion_add(&confusion, rows->truths[at],
                                weir_eval_multilabel_decide(rows, rows->scores[at]), w->weights[i]);
    }
    out->counts = weir_eval_confusion_class(&confusion, 1);
    weir_eval_confusion_deinit(&confusion);
    return rank(w, rows->n, &out->auc, &out->average_precision);
}

/* Averages over labels. Sums of NaN are NaN: a label that is undefined makes the mean so. */
static void average_labels(const struct weir_eval_multilabel_label *labels, size_t n,
                           struct weir_eval_multilabel *out)
{
    struct weir_eval_confusion_class all = {0};
    struct weir_eval_multilabel_mean *const means[] = {&out->precision, &out->recall, &out->f1,
                                                       &out->auc, &out->average_precision};
    for (size_t m = 0; m < WEIR_ARRAY_LEN(means); m++) {
        double sum = 0;
        double weighted = 0;
        double weights = 0;
        for (size_t k = 0; k < n; k++) {
            const struct weir_eval_multilabel_label *l = &labels[k];
            const double values[] = {l->counts.precision, l->counts.recall, l->counts.f1, l->auc,
                                     l->average_precision};
            sum += values[m];
            weighted += l->counts.support > 0 ? l->counts.support * values[m] : 0;
            weights += l->counts.support;
        }
        means[m]->macro = sum / (double)n;
        means[m]->weighted = ratio(weighted, weights);
    }
    for (size_t k = 0; k < n; k++) {
        all.tp += labels[k].counts.tp;
        all.fp += labels[k].counts.fp;
        all.fn += labels[k].counts.fn;
    }
    out->precision.micro = ratio(all.tp, all.tp + all.fp);
    out->recall.micro = ratio(all.tp, all.tp + all.fn);
    out->f1.micro = weir_eval_confusion_fbeta(&all, 1);
}

/* Ranks all labels of all rows together. */
static enum weir_status rank_all(const struct work *w, struct weir_eval_multilabel *out)
{
    const struct weir_eval_multilabel_rows *rows = w->rows;
    size_t n = rows->n * rows->n_labels;
    for (size_t i = 0; i < n; i++) {
        w->scores[i] = rows->scores[i];
        w->is_positive[i] = rows->truths[i];
        w->weights[i] = weight_of(rows, i / rows->n_labels);
    }
    return rank(w, n, &out->auc.micro, &out->average_precision.micro);
}

/* --- by row ----------------------------------------------------------------------------------- */

/* What holds of one row's labels. */
struct row {
    double tp, fp, fn;
    double auc; /* NaN: all labels are positive, or none */
    double average_precision;
};

/* Pairs of labels are few: they are compared one by one. */
static struct row measure_row(const struct weir_eval_multilabel_rows *rows, size_t i)
{
    const uint8_t *y = rows->truths + i * rows->n_labels;
    const double *s = rows->scores + i * rows->n_labels;
    struct row r = {.tp = 0};
    double pairs = 0;
    double positives = 0;
    for (size_t k = 0; k < rows->n_labels; k++) {
        bool decided = weir_eval_multilabel_decide(rows, s[k]);
        double above = 0; /* labels with at least this score, */
        double right = 0; /* and those of them that are positive */
        r.tp += decided && y[k];
        r.fp += decided && !y[k];
        r.fn += !decided && y[k];
        if (!y[k])
            continue;
        for (size_t j = 0; j < rows->n_labels; j++) {
            above += s[j] >= s[k];
            right += s[j] >= s[k] && y[j];
            pairs += y[j] ? 0 : s[k] > s[j] ? 1 : s[k] == s[j] ? .5 : 0;
        }
        r.average_precision += right / above;
        positives++;
    }
    double negatives = (double)rows->n_labels - positives;
    r.auc = positives > 0 && negatives > 0 ? pairs / positives / negatives : (double)NAN;
    r.average_precision = ratio(r.average_precision, positives);
    return r;
}

static void measure_rows(const struct weir_eval_multilabel_rows *rows,
                         struct weir_eval_multilabel *out)
{
    double weights = 0;
    double wrong = 0;
    double exact = 0;
    double sums[5] = {0, 0, 0, 0, 0};
    for (size_t i = 0; i < rows->n; i++) {
        struct row r = measure_row(rows, i);
        double weight = weight_of(rows, i);
        const double values[] = {ratio(r.tp, r.tp + r.fp), ratio(r.tp, r.tp + r.fn),
                                 ratio(2 * r.tp, 2 * r.tp + r.fp + r.fn), r.auc,
                                 r.average_precision};
        for (size_t m = 0; m < WEIR_ARRAY_LEN(sums); m++)
            sums[m] += weight > 0 ? weight * values[m] : 0;
        wrong += weight * (r.fp + r.fn);
        exact += r.fp + r.fn > 0 ? 0 : weight;
        weights += weight;
    }
    bool is_defined = weights > 0;
    double all = is_defined ? weights : (double)NAN;
    out->precision.samples = sums[0] / all;
    out->recall.samples = sums[1] / all;
    out->f1.samples = sums[2] / all;
    out->auc.samples = sums[3] / all;
    out->average_precision.samples = sums[4] / all;
    out->subset_accuracy = exact / all;
    out->hamming_loss = wrong / all / (double)rows->n_labels;
}

enum weir_status weir_eval_multilabel_measure(const struct weir_eval_multilabel_rows *rows,
                                              struct weir_eval_multilabel_label *by_label,
                                              struct weir_eval_multilabel *out,
                                              struct weir_mem *mem, struct weir_error *err)
{
    weir_assert(rows);
    weir_assert(rows->n_labels > 0);
    weir_assert(by_label);
    weir_assert(out);
    struct work w = {.rows = rows, .mem = mem, .err = err};
    size_t n;
    if (!weir_size_mul(rows->n, rows->n_labels, &n))
        return weir_error_set(err, WEIR_ERR_LIMIT, "too many labels");
    n = weir_max_size(n, 1);
    w.scores = weir_mem_array(mem, n, sizeof *w.scores);
    w.is_positive = weir_mem_array(mem, n, 1);
    w.weights = weir_mem_array(mem, n, sizeof *w.weights);
    enum weir_status status = WEIR_OK;
    if (!w.scores || !w.is_positive || !w.weights)
        status = weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory to rank %zu labels", n);
    for (size_t k = 0; k < rows->n_labels && status == WEIR_OK; k++)
        status = measure_label(&w, k, &by_label[k]);
    if (status == WEIR_OK)
        status = rank_all(&w, out);
    if (status == WEIR_OK) {
        average_labels(by_label, rows->n_labels, out);
        measure_rows(rows, out);
    }
    weir_mem_free(mem, w.scores);
    weir_mem_free(mem, w.is_positive);
    weir_mem_free(mem, w.weights);
    return status;
}

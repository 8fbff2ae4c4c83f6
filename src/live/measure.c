/* SPDX-License-Identifier: MIT */
#include "live/measure.h"

#include "base/macros.h"
#include "eval/delong.h"

#include <math.h>
#include <string.h>

#define ALPHA 0.05

static const char no_labels[] = "no prediction has a label";
static const char one_class[] = "a class has no labelled rows";

static struct weir_live_metric *add(struct weir_live_measures *m, const char *name, bool is_defined,
                                    double value, const char *why)
{
    weir_assert(m->n < WEIR_LIVE_METRICS_MAX);
    struct weir_live_metric *to = &m->metrics[m->n++];
    bool is_number = is_defined && isfinite(value);
    *to = (struct weir_live_metric){
        .name = name, .value = is_number ? value : (double)NAN, .why = is_number ? NULL : why};
    return to;
}

static struct weir_eval_binned column(const struct weir_live_sum *sum, size_t k)
{
    size_t at = k * sum->shape.n_bins;
    return (struct weir_eval_binned){sum->shape.n_bins, sum->counts + sum->layout.positives + at,
                                     sum->counts + sum->layout.negatives + at, sum->is_mixed};
}

/* --- two classes ----------------------------------------------------------------------------- */

static void add_bounds(struct weir_live_metric *m, const struct weir_eval_binned_bounds *b)
{
    m->has_bounds = true;
    m->low = b->low;
    m->high = b->high;
}

static void rank_two(struct weir_live_measures *m, const struct weir_live_sum *sum)
{
    struct weir_eval_binned binned = column(sum, 0);
    struct weir_eval_binned_bounds b = {0};
    struct weir_eval_interval interval;
    double variance;
    bool is_defined = weir_eval_binned_auc(&binned, &b);
    struct weir_live_metric *auc = add(m, "roc_auc", is_defined, b.value, one_class);
    if (is_defined)
        add_bounds(auc, &b);
    if (is_defined && weir_eval_binned_variance(&binned, &variance) &&
        weir_eval_delong_interval(b.value, variance, ALPHA, true, &interval)) {
        auc->has_interval = true;
        auc->se = interval.se;
        auc->interval_low = interval.low;
        auc->interval_high = interval.high;
    }
    add(m, "gini", is_defined, 2 * b.value - 1, one_class);
    is_defined = weir_eval_binned_average_precision(&binned, &b);
    struct weir_live_metric *ap =
        add(m, "average_precision", is_defined, b.value, "no positive row is there");
    if (is_defined)
        add_bounds(ap, &b);
}

static void measure_p(struct weir_live_measures *m, const struct weir_live_sum *sum)
{
    struct weir_eval_binned_probability p = weir_eval_binned_calibration_get(sum->calibration);
    add(m, "log_loss", p.n > 0, p.log_loss, no_labels);
    add(m, "brier", p.n > 0, p.brier, no_labels);
    add(m, "spiegelhalter_z", p.n > 0, p.spiegelhalter_z, no_labels);
    add(m, "ece", p.n > 0, p.ece, no_labels);
    add(m, "mce", p.n > 0, p.mce, no_labels);
}

/* --- more classes ---------------------------------------------------------------------------- */

static enum weir_status rank_many(struct weir_live_measures *m, const struct weir_live_sum *sum)
{
    size_t k = sum->shape.n_columns;
    double all = 0;
    double weighted = 0;
    double low = 0;
    double high = 0;
    uint64_t support = 0;
    size_t n_defined = 0;
    m->class_auc = weir_mem_array(m->mem, k, sizeof *m->class_auc);
    if (!m->class_auc)
        return WEIR_ERR_NO_MEMORY;
    for (size_t i = 0; i < k; i++) {
        struct weir_eval_binned binned = column(sum, i);
        struct weir_eval_binned_bounds b;
        uint64_t n = 0;
        m->class_auc[i] = (double)NAN;
        if (!weir_eval_binned_auc(&binned, &b))
            continue;
        for (size_t j = 0; j < binned.n_bins; j++)
            n += binned.positives[j];
        m->class_auc[i] = b.value;
        n_defined++;
        all += b.value;
        weighted += (double)n * b.value;
        low += b.low;
        high += b.high;
        support += n;
    }
    double d = (double)n_defined;
    struct weir_live_metric *macro =
        add(m, "roc_auc_ovr_macro", n_defined == k, all / d, "a class has no rows, or all");
    if (n_defined == k)
        add_bounds(macro, &(struct weir_eval_binned_bounds){all / d, low / d, high / d});
    struct weir_live_metric *present =
        add(m, "roc_auc_ovr_macro_present", n_defined > 0, all / d, one_class);
    if (n_defined > 0)
        add_bounds(present, &(struct weir_eval_binned_bounds){all / d, low / d, high / d});
    add(m, "roc_auc_ovr_weighted", n_defined == k, weighted / (double)support,
        "a class has no rows, or all");
    return WEIR_OK;
}

/* --- decisions ------------------------------------------------------------------------------- */

static void add_positive(struct weir_live_measures *m)
{
    struct weir_eval_confusion_class c = weir_eval_confusion_class(&m->confusion, 1);
    add(m, "precision", !c.is_precision_undefined, c.precision, "nothing was decided positive");
    add(m, "recall", !c.is_recall_undefined, c.recall, "no positive row is there");
    add(m, "f1", c.tp + c.fp + c.fn > 0, c.f1, "nothing is positive");
    add(m, "specificity", c.tn + c.fp > 0, c.specificity, "no negative row is there");
    add(m, "fpr", c.tn + c.fp > 0, 1 - c.specificity, "no negative row is there");
    add(m, "npv", c.tn + c.fn > 0, c.negative_predictive_value, "nothing was decided negative");
}

static enum weir_status decide(struct weir_live_measures *m, const struct weir_live_sum *sum)
{
    size_t k = sum->shape.n_classes;
    const uint64_t *counts = sum->counts + sum->layout.confusion;
    double value = 0;
    if (k > WEIR_LIVE_CLASSES_MAX) {
        double n = (double)(counts[0] + counts[1]);
        add(m, "accuracy", n > 0, (double)counts[1] / n, no_labels);
        return WEIR_OK;
    }
    if (weir_eval_confusion_init(&m->confusion, k, m->mem) != WEIR_OK)
        return WEIR_ERR_NO_MEMORY;
    m->has_confusion = true;
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < k; j++)
            weir_eval_confusion_add(&m->confusion, i, j, (double)counts[i * k + j]);
    }
    bool is_defined = weir_eval_confusion_accuracy(&m->confusion, &value);
    add(m, "accuracy", is_defined, value, no_labels);
    is_defined = weir_eval_confusion_balanced_accuracy(&m->confusion, &value);
    add(m, "balanced_accuracy", is_defined, value, no_labels);
    if (k == 2)
        add_positive(m);
    struct weir_eval_confusion_averages a =
        weir_eval_confusion_average(&m->confusion, WEIR_EVAL_MACRO);
    is_defined = m->confusion.total > 0;
    add(m, "precision_macro", is_defined, a.precision, no_labels);
    add(m, "recall_macro", is_defined, a.recall, no_labels);
    add(m, "f1_macro", is_defined, a.f1, no_labels);
    is_defined = weir_eval_confusion_mcc(&m->confusion, &value);
    add(m, "mcc", is_defined, value, no_labels);
    is_defined = weir_eval_confusion_kappa(&m->confusion, WEIR_EVAL_KAPPA_PLAIN, &value);
    add(m, "kappa", is_defined, value, "no disagreement is to be expected");
    return WEIR_OK;
}

/* --- numbers --------------------------------------------------------------------------------- */

static void measure_numbers(struct weir_live_measures *m, const struct weir_live_sum *sum)
{
    double n = (double)sum->n_labelled;
    double squares = weir_eval_exact_get(&sum->errors->squares);
    double truths = weir_eval_exact_get(&sum->errors->truths);
    double spread = weir_eval_exact_get(&sum->errors->truth_squares) - truths * truths / n;
    bool is_defined = n > 0;
    add(m, "mse", is_defined, squares / n, no_labels);
    add(m, "rmse", is_defined, sqrt(squares / n), no_labels);
    add(m, "mae", is_defined, weir_eval_exact_get(&sum->errors->absolute) / n, no_labels);
    add(m, "mean_error", is_defined, weir_eval_exact_get(&sum->errors->e) / n, no_labels);
    add(m, "r2", n >= 2 && spread > 0, 1 - squares / spread,
        "fewer than two rows, or all truths are the same");
}

/* --- the whole ------------------------------------------------------------------------------- */

enum weir_status weir_live_measure_make(struct weir_live_measures *measures,
                                        const struct weir_live_sum *sum, struct weir_mem *mem)
{
    weir_assert(measures);
    weir_assert(sum->has_shape);
    *measures = (struct weir_live_measures){.mem = mem};
    enum weir_status status = WEIR_OK;
    if (sum->shape.task == WEIR_LIVE_REGRESSION) {
        measure_numbers(measures, sum);
        return WEIR_OK;
    }
    if (sum->shape.task == WEIR_LIVE_BINARY && sum->shape.has_score)
        rank_two(measures, sum);
    else if (sum->shape.has_score)
        status = rank_many(measures, sum);
    if (sum->calibration)
        measure_p(measures, sum);
    if (status == WEIR_OK)
        status = decide(measures, sum);
    if (status != WEIR_OK)
        weir_live_measure_deinit(measures);
    return status;
}

void weir_live_measure_deinit(struct weir_live_measures *measures)
{
    weir_assert(measures);
    if (measures->has_confusion)
        weir_eval_confusion_deinit(&measures->confusion);
    if (measures->mem)
        weir_mem_free(measures->mem, measures->class_auc);
    *measures = (struct weir_live_measures){0};
}

const struct weir_live_metric *weir_live_measure_find(const struct weir_live_measures *measures,
                                                      const char *name)
{
    for (size_t i = 0; i < measures->n; i++) {
        if (strcmp(measures->metrics[i].name, name) == 0)
            return &measures->metrics[i];
    }
    return NULL;
}

uint64_t weir_live_measure_delay_s(const struct weir_live_sum *sum, double q)
{
    const uint64_t *counts = sum->counts + sum->layout.delays;
    uint64_t n = 0;
    uint64_t below = 0;
    for (int i = 0; i < WEIR_LIVE_WINDOW_DELAYS; i++)
        n += counts[i];
    for (int i = 0; i < WEIR_LIVE_WINDOW_DELAYS; i++) {
        below += counts[i];
        if ((double)below >= q * (double)n)
            return (UINT64_C(1) << i) - (i > 0 ? 0 : 1);
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
#include "gate/evaluation.h"

#include "base/macros.h"
#include "eval/delong.h"
#include "eval/multiclass.h"
#include "eval/precision.h"
#include "eval/regression.h"
#include "eval/roc.h"

#include <math.h>

enum { BINS_DEFAULT = 10 };

/* An evaluation while it is made. */
struct work {
    struct weir_gate_evaluation *out;
    const struct weir_gate_holdout *holdout;
    struct weir_gate_evaluation_opts opts;
    uint8_t *is_positive;
    struct weir_error *err;
};

static const char one_class[] = "only one class is there";

static struct weir_gate_metric *add(struct work *w, const char *name, bool is_defined, double value,
                                    const char *why)
{
    struct weir_gate_evaluation *e = w->out;
    weir_assert(e->n_metrics < WEIR_GATE_METRICS_MAX);
    struct weir_gate_metric *m = &e->metrics[e->n_metrics++];
    is_defined = is_defined && !isnan(value);
    *m = (struct weir_gate_metric){
        .name = name, .value = is_defined ? value : (double)NAN, .why = is_defined ? NULL : why};
    return m;
}

static enum weir_status no_memory(const struct work *w)
{
    return weir_error_set(w->err, WEIR_ERR_NO_MEMORY, "out of memory");
}

/* --- two classes, ranked ---------------------------------------------------------------------- */

static void add_auc(struct work *w)
{
    const struct weir_eval_sweep *s = &w->out->sweep;
    struct weir_eval_interval interval;
    double auc = 0;
    double value = 0;
    double variance;
    bool is_defined = weir_eval_roc_auc(s, &auc);
    struct weir_gate_metric *m = add(w, "roc_auc", is_defined, auc, one_class);
    if (is_defined && weir_eval_delong_variance(s, &variance) &&
        weir_eval_delong_interval(auc, variance, w->opts.alpha, true, &interval)) {
        m->has_interval = true;
        m->se = interval.se;
        m->low = interval.low;
        m->high = interval.high;
        m->method = "delong-logit";
    }
    add(w, "gini", is_defined, 2 * auc - 1, one_class);
    is_defined = weir_eval_roc_partial_auc(s, .1, &value);
    add(w, "roc_auc_fpr_0.1", is_defined, value, one_class);
    is_defined = weir_eval_precision_average(s, &value);
    add(w, "average_precision", is_defined && s->positives > 0, value, "no positive row is there");
}

/* The largest distance of the two classes' distributions of scores. */
static void add_ks(struct work *w)
{
    const struct weir_eval_sweep *s = &w->out->sweep;
    bool is_defined = s->positives > 0 && s->negatives > 0;
    double most = 0;
    for (size_t g = 0; is_defined && g < s->n_groups; g++)
        most = fmax(most, fabs(s->tp[g] / s->positives - s->fp[g] / s->negatives));
    add(w, "ks", is_defined, most, one_class);
}

static enum weir_status rank_binary(struct work *w)
{
    const struct weir_gate_holdout *h = w->holdout;
    struct weir_gate_evaluation *e = w->out;
    struct weir_eval_binary rows = {
        .n = h->n, .scores = h->scores, .is_positive = w->is_positive, .weights = h->weights};
    enum weir_status status = weir_eval_sweep_init(&e->sweep, &rows, e->mem, w->err);
    if (status != WEIR_OK)
        return status;
    e->has_sweep = true;
    e->n_invalid = e->sweep.n_invalid;
    add_auc(w);
    add_ks(w);
    if (w->opts.policy) {
        status = weir_eval_policy_choose(w->opts.policy, &e->sweep, &e->choice, w->err);
        e->has_choice = status == WEIR_OK;
    }
    return status;
}

/* --- probabilities ---------------------------------------------------------------------------- */

static enum weir_status calibrate(struct work *w)
{
    const struct weir_gate_holdout *h = w->holdout;
    struct weir_gate_evaluation *e = w->out;
    double *p = weir_mem_array(e->mem, weir_max_size(h->n, 1), sizeof *p);
    enum weir_status status = WEIR_OK;
    double ece = 0;
    double mce = 0;
    if (!p)
        return no_memory(w);
    for (size_t i = 0; i < h->n; i++)
        p[i] = h->p[2 * i + 1];
    e->n_bins = weir_eval_probability_calibrate(p, w->is_positive, h->weights, h->n, w->opts.n_bins,
                                                w->opts.bins_by_quantile, e->bins, &ece, &mce,
                                                e->mem, &status);
    weir_mem_free(e->mem, p);
    if (status != WEIR_OK)
        return no_memory(w);
    add(w, "ece", e->n_bins > 0, ece, "no rows");
    add(w, "mce", e->n_bins > 0, mce, "no rows");
    return WEIR_OK;
}

static enum weir_status measure_p(struct work *w)
{
    const struct weir_gate_holdout *h = w->holdout;
    static const char none[] = "no row has probabilities between 0 and 1";
    struct weir_eval_probability_rows rows = {.n = h->n,
                                              .n_classes = h->n_classes,
                                              .p = h->p,
                                              .truths = h->truths,
                                              .weights = h->weights};
    struct weir_eval_probability m = weir_eval_probability_measure(&rows);
    add(w, "log_loss", m.weight > 0, m.log_loss, none);
    add(w, "brier", m.weight > 0, m.brier, none);
    if (h->task != WEIR_GATE_BINARY)
        return WEIR_OK;
    add(w, "spiegelhalter_z", m.weight > 0, m.spiegelhalter_z, none);
    return m.n_invalid == 0 ? calibrate(w) : WEIR_OK;
}

/* --- decisions -------------------------------------------------------------------------------- */

static uint32_t largest(const double *p, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        best = p[k] > p[best] ? k : best;
    return (uint32_t)best;
}

/* Decides each row: by the policy, as the model did, or for the largest probability. */
static enum weir_status decide(struct work *w)
{
    const struct weir_gate_holdout *h = w->holdout;
    bool by_policy = w->out->has_choice;
    if (!by_policy && !h->decisions && !h->p)
        return WEIR_OK; /* Scores without a threshold decide nothing. */
    w->out->decisions =
        weir_mem_array(w->out->mem, weir_max_size(h->n, 1), sizeof *w->out->decisions);
    if (!w->out->decisions)
        return no_memory(w);
    for (size_t i = 0; i < h->n; i++)
        w->out->decisions[i] = by_policy      ? h->scores[i] >= w->out->choice.threshold
                               : h->decisions ? h->decisions[i]
                                              : largest(h->p + i * h->n_classes, h->n_classes);
    return WEIR_OK;
}

static void add_averages(struct work *w, enum weir_eval_average average, const char *const names[3])
{
    struct weir_eval_confusion_averages a =
        weir_eval_confusion_average(&w->out->confusion, average);
    add(w, names[0], true, a.precision, NULL);
    add(w, names[1], true, a.recall, NULL);
    add(w, names[2], true, a.f1, NULL);
}

static void add_positive(struct work *w)
{
    struct weir_eval_confusion_class c = w->out->classes[1].counts;
    double fbeta = w->opts.fbeta;
    add(w, "precision", !c.is_precision_undefined, c.precision, "nothing was decided positive");
    add(w, "recall", !c.is_recall_undefined, c.recall, "no positive row is there");
    add(w, "f1", c.tp + c.fp + c.fn > 0, c.f1, "nothing is positive");
    if (fbeta != 1)
        add(w, "fbeta", c.tp + c.fp + c.fn > 0, weir_eval_confusion_fbeta(&c, fbeta),
            "nothing is positive");
    add(w, "specificity", c.tn + c.fp > 0, c.specificity, "no negative row is there");
    add(w, "fpr", c.tn + c.fp > 0, 1 - c.specificity, "no negative row is there");
    add(w, "npv", c.tn + c.fn > 0, c.negative_predictive_value, "nothing was decided negative");
}

static enum weir_status measure_decisions(struct work *w)
{
    static const char *const macro[] = {"precision_macro", "recall_macro", "f1_macro"};
    static const char *const weighted[] = {"precision_weighted", "recall_weighted", "f1_weighted"};
    static const char *const micro[] = {"precision_micro", "recall_micro", "f1_micro"};
    const struct weir_gate_holdout *h = w->holdout;
    struct weir_gate_evaluation *e = w->out;
    double value = 0;
    enum weir_status status = decide(w);
    if (status != WEIR_OK || !w->out->decisions)
        return status;
    if (weir_eval_confusion_init(&e->confusion, h->n_classes, e->mem) != WEIR_OK)
        return no_memory(w);
    e->has_confusion = true;
    for (size_t i = 0; i < h->n; i++)
        weir_eval_confusion_add(&e->confusion, h->truths[i], w->out->decisions[i],
                                h->weights ? h->weights[i] : 1);
    for (size_t k = 0; k < h->n_classes; k++)
        e->classes[k].counts = weir_eval_confusion_class(&e->confusion, k);
    bool is_defined = weir_eval_confusion_accuracy(&e->confusion, &value);
    add(w, "accuracy", is_defined, value, "no rows");
    is_defined = weir_eval_confusion_balanced_accuracy(&e->confusion, &value);
    add(w, "balanced_accuracy", is_defined, value, "no rows");
    if (h->task == WEIR_GATE_BINARY)
        add_positive(w);
    add_averages(w, WEIR_EVAL_MACRO, macro);
    add_averages(w, WEIR_EVAL_WEIGHTED, weighted);
    add_averages(w, WEIR_EVAL_MICRO, micro);
    is_defined = weir_eval_confusion_mcc(&e->confusion, &value);
    add(w, "mcc", is_defined, value, "no rows");
    is_defined = weir_eval_confusion_kappa(&e->confusion, WEIR_EVAL_KAPPA_PLAIN, &value);
    add(w, "kappa", is_defined, value, "no disagreement is to be expected");
    return WEIR_OK;
}

/* --- many classes, numbers ---------------------------------------------------------------------
 */

static enum weir_status rank_many(struct work *w)
{
    const struct weir_gate_holdout *h = w->holdout;
    static const char missing[] = "a class has no rows, or all";
    struct weir_eval_multiclass_rows rows = {.n = h->n,
                                             .n_classes = h->n_classes,
                                             .scores = h->scores,
                                             .truths = h->truths,
                                             .weights = h->weights};
    struct weir_eval_multiclass m;
    double *by_class = weir_mem_array(w->out->mem, h->n_classes, sizeof *by_class);
    if (!by_class)
        return no_memory(w);
    enum weir_status status = weir_eval_multiclass_auc(&rows, by_class, &m, w->out->mem, w->err);
    for (size_t k = 0; k < h->n_classes && status == WEIR_OK; k++)
        w->out->classes[k].roc_auc = by_class[k];
    weir_mem_free(w->out->mem, by_class);
    if (status != WEIR_OK)
        return status;
    add(w, "roc_auc_ovr_macro", true, m.ovr_macro, missing);
    add(w, "roc_auc_ovr_macro_present", true, m.ovr_macro_present, missing);
    add(w, "roc_auc_ovr_weighted", true, m.ovr_weighted, missing);
    add(w, "roc_auc_ovr_micro", true, m.ovr_micro, missing);
    add(w, "roc_auc_ovo_macro", true, m.ovo_macro,
        h->weights ? "not defined with weights" : missing);
    add(w, "roc_auc_ovo_weighted", true, m.ovo_weighted,
        h->weights ? "not defined with weights" : missing);
    return WEIR_OK;
}

static enum weir_status measure_numbers(struct work *w)
{
    const struct weir_gate_holdout *h = w->holdout;
    static const char none[] = "no rows";
    struct weir_eval_regression_rows rows = {.n = h->n,
                                             .truths = h->numbers,
                                             .predictions = h->predictions,
                                             .weights = h->weights,
                                             .quantile = w->opts.quantile};
    struct weir_eval_regression m;
    if (weir_eval_regression_measure(&rows, &m, w->out->mem) != WEIR_OK)
        return no_memory(w);
    w->out->n_invalid = m.n_invalid;
    add(w, "mse", true, m.mse, none);
    add(w, "rmse", true, m.rmse, none);
    add(w, "mae", true, m.mae, none);
    add(w, "median_ae", true, m.median_ae, none);
    add(w, "max_error", true, m.max_error, none);
    add(w, "mape", true, m.mape, none);
    add(w, "r2", true, m.r2, "fewer than two rows");
    add(w, "explained_variance", true, m.explained_variance, none);
    add(w, "pinball", true, m.pinball, none);
    add(w, "poisson_deviance", true, m.poisson_deviance,
        "needs truths from 0 and predictions above 0");
    add(w, "gamma_deviance", true, m.gamma_deviance, "needs truths and predictions above 0");
    return WEIR_OK;
}

/* --- the whole ---------------------------------------------------------------------------------
 */

static enum weir_status measure_classes(struct work *w)
{
    const struct weir_gate_holdout *h = w->holdout;
    enum weir_status status = WEIR_OK;
    w->out->classes =
        weir_mem_zarray(w->out->mem, weir_max_size(h->n_classes, 1), sizeof *w->out->classes);
    w->is_positive = weir_mem_array(w->out->mem, weir_max_size(h->n, 1), 1);
    if (!w->out->classes || !w->is_positive)
        return no_memory(w);
    for (size_t i = 0; i < h->n; i++)
        w->is_positive[i] = h->truths[i] == 1;
    for (size_t k = 0; k < h->n_classes; k++)
        w->out->classes[k].roc_auc = (double)NAN;
    if (h->task == WEIR_GATE_BINARY && h->scores)
        status = rank_binary(w);
    if (h->task == WEIR_GATE_MULTICLASS && h->scores)
        status = rank_many(w);
    if (status == WEIR_OK && h->p && h->n_classes >= 2)
        status = measure_p(w);
    return status == WEIR_OK ? measure_decisions(w) : status;
}

enum weir_status weir_gate_evaluation_make(struct weir_gate_evaluation *evaluation,
                                           const struct weir_gate_holdout *holdout,
                                           const struct weir_gate_evaluation_opts *opts,
                                           struct weir_error *err)
{
    weir_assert(evaluation);
    weir_assert(holdout);
    weir_assert(opts);
    *evaluation = (struct weir_gate_evaluation){.holdout = holdout, .mem = weir_mem_default()};
    struct work w = {.out = evaluation, .holdout = holdout, .opts = *opts, .err = err};
    w.opts.alpha = opts->alpha > 0 ? opts->alpha : .05;
    w.opts.fbeta = opts->fbeta > 0 ? opts->fbeta : 1;
    w.opts.quantile = opts->quantile > 0 ? opts->quantile : .5;
    w.opts.n_bins = opts->n_bins > 0 ? opts->n_bins : BINS_DEFAULT;
    weir_assert(w.opts.n_bins <= WEIR_GATE_CALIBRATION_BINS_MAX);
    evaluation->alpha = w.opts.alpha;
    enum weir_status status;
    if (opts->policy && (holdout->task != WEIR_GATE_BINARY || !holdout->scores))
        status =
            weir_error_set(err, WEIR_ERR_INVALID, "a threshold policy needs scores of two classes");
    else
        status = holdout->task == WEIR_GATE_REGRESSION ? measure_numbers(&w) : measure_classes(&w);
    weir_mem_free(evaluation->mem, w.is_positive);
    if (status != WEIR_OK)
        weir_gate_evaluation_deinit(evaluation);
    return status;
}

void weir_gate_evaluation_deinit(struct weir_gate_evaluation *evaluation)
{
    weir_assert(evaluation);
    if (evaluation->has_sweep)
        weir_eval_sweep_deinit(&evaluation->sweep);
    if (evaluation->has_confusion)
        weir_eval_confusion_deinit(&evaluation->confusion);
    weir_mem_free(evaluation->mem, evaluation->classes);
    weir_mem_free(evaluation->mem, evaluation->decisions);
    *evaluation = (struct weir_gate_evaluation){.n_metrics = 0};
}

const struct weir_gate_metric *
weir_gate_evaluation_find(const struct weir_gate_evaluation *evaluation, struct weir_str name)
{
    weir_assert(evaluation);
    for (size_t i = 0; i < evaluation->n_metrics; i++) {
        if (weir_str_eq_c(name, evaluation->metrics[i].name))
            return &evaluation->metrics[i];
    }
    return NULL;
}

const char *weir_gate_evaluation_task(enum weir_gate_task task)
{
    static const char *const names[] = {
        [WEIR_GATE_BINARY] = "binary",
        [WEIR_GATE_MULTICLASS] = "multiclass",
        [WEIR_GATE_REGRESSION] = "regression",
    };
    return names[task];
}

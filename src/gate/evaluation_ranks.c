/* SPDX-License-Identifier: MIT */
/* Two classes: what scores are worth by their order, and by their values. */
#include "base/macros.h"
#include "eval/delong.h"
#include "eval/gain.h"
#include "eval/precision.h"
#include "eval/roc.h"
#include "gate/evaluation_priv.h"

#include <math.h>

static const char one_class[] = "only one class is there";

static void add_auc(struct weir_gate_evaluation_work *w)
{
    const struct weir_eval_sweep *s = &w->out->sweep;
    struct weir_eval_interval interval;
    double auc = 0;
    double value = 0;
    double variance;
    bool is_defined = weir_eval_roc_auc(s, &auc);
    struct weir_gate_metric *m =
        weir_gate_evaluation_add(w, WEIR_GATE_METRIC_ROC_AUC, is_defined, auc, one_class);
    if (is_defined && weir_eval_delong_variance(s, &variance) &&
        weir_eval_delong_interval(auc, variance, w->opts->alpha, true, &interval)) {
        m->has_interval = true;
        m->se = interval.se;
        m->low = interval.low;
        m->high = interval.high;
        m->method = "delong-logit";
        m->has_wald = weir_eval_delong_interval(auc, variance, w->opts->alpha, false, &interval);
        m->wald_low = interval.low;
        m->wald_high = interval.high;
    }
    weir_gate_evaluation_add(w, WEIR_GATE_METRIC_GINI, is_defined, 2 * auc - 1, one_class);
    is_defined = weir_eval_roc_partial_auc(s, .1, &value);
    weir_gate_evaluation_add(w, WEIR_GATE_METRIC_ROC_AUC_FPR_01, is_defined, value, one_class);
    is_defined = weir_eval_precision_average(s, &value) && s->positives > 0;
    weir_gate_evaluation_add(w, WEIR_GATE_METRIC_AVERAGE_PRECISION, is_defined, value,
                             "no positive row is there");
    is_defined = weir_eval_gain_ks(s, &value, NULL);
    weir_gate_evaluation_add(w, WEIR_GATE_METRIC_KS, is_defined, value, one_class);
}

enum weir_status weir_gate_evaluation_rank(struct weir_gate_evaluation_work *w)
{
    const struct weir_gate_holdout *h = w->holdout;
    struct weir_gate_evaluation *e = w->out;
    struct weir_eval_binary rows = {
        .n = h->n, .scores = h->scores, .is_positive = w->is_positive, .weights = h->weights};
    enum weir_status status = weir_eval_sweep_init(&e->sweep, &rows, e->mem, w->err);
    if (status != WEIR_OK)
        return status;
    e->has_sweep = true;
    double all = e->sweep.positives + e->sweep.negatives;
    weir_gate_evaluation_add(w, WEIR_GATE_METRIC_N_POS, true, (double)e->sweep.n_positive, NULL);
    weir_gate_evaluation_add(w, WEIR_GATE_METRIC_N_NEG, true, (double)e->sweep.n_negative, NULL);
    weir_gate_evaluation_add(w, WEIR_GATE_METRIC_PREVALENCE, all > 0, e->sweep.positives / all,
                             "no row has a score");
    add_auc(w);
    if (w->opts->policy) {
        status = weir_eval_policy_choose(w->opts->policy, &e->sweep, &e->choice, w->err);
        e->has_choice = status == WEIR_OK;
    }
    return status;
}

/* The parts of the Brier score, from probabilities in order. */
static enum weir_status add_brier_parts(struct weir_gate_evaluation_work *w, const double *p)
{
    const struct weir_gate_holdout *h = w->holdout;
    struct weir_eval_binary rows = {
        .n = h->n, .scores = p, .is_positive = w->is_positive, .weights = h->weights};
    struct weir_eval_sweep sweep;
    struct weir_eval_gain_brier parts = {0, 0, 0};
    enum weir_status status = weir_eval_sweep_init(&sweep, &rows, w->out->mem, w->err);
    if (status != WEIR_OK)
        return status;
    bool is_defined = weir_eval_gain_brier(&sweep, &parts);
    weir_eval_sweep_deinit(&sweep);
    weir_gate_evaluation_add(w, WEIR_GATE_METRIC_BRIER_RELIABILITY, is_defined, parts.reliability,
                             "no rows");
    weir_gate_evaluation_add(w, WEIR_GATE_METRIC_BRIER_RESOLUTION, is_defined, parts.resolution,
                             "no rows");
    weir_gate_evaluation_add(w, WEIR_GATE_METRIC_BRIER_UNCERTAINTY, is_defined, parts.uncertainty,
                             "no rows");
    return WEIR_OK;
}

static enum weir_status calibrate(struct weir_gate_evaluation_work *w)
{
    const struct weir_gate_holdout *h = w->holdout;
    struct weir_gate_evaluation *e = w->out;
    double *p = weir_mem_array(e->mem, weir_max_size(h->n, 1), sizeof *p);
    enum weir_status status = WEIR_OK;
    double ece = 0;
    double mce = 0;
    if (!p)
        return weir_gate_evaluation_no_memory(w);
    for (size_t i = 0; i < h->n; i++)
        p[i] = h->p[2 * i + 1];
    e->n_bins = weir_eval_probability_calibrate(p, w->is_positive, h->weights, h->n,
                                                w->opts->n_bins, w->opts->bins_by_quantile, e->bins,
                                                &ece, &mce, e->mem, &status);
    if (status != WEIR_OK) {
        status = weir_gate_evaluation_no_memory(w);
    } else {
        weir_gate_evaluation_add(w, WEIR_GATE_METRIC_ECE, e->n_bins > 0, ece, "no rows");
        weir_gate_evaluation_add(w, WEIR_GATE_METRIC_MCE, e->n_bins > 0, mce, "no rows");
        status = add_brier_parts(w, p);
    }
    weir_mem_free(e->mem, p);
    return status;
}

enum weir_status weir_gate_evaluation_measure_p(struct weir_gate_evaluation_work *w)
{
    const struct weir_gate_holdout *h = w->holdout;
    static const char none[] = "no row has probabilities between 0 and 1";
    struct weir_eval_probability_rows rows = {.n = h->n,
                                              .n_classes = h->n_classes,
                                              .p = h->p,
                                              .truths = h->truths,
                                              .weights = h->weights};
    struct weir_eval_probability m = weir_eval_probability_measure(&rows);
    bool is_defined = m.weight > 0;
    weir_gate_evaluation_add(w, WEIR_GATE_METRIC_LOG_LOSS, is_defined, m.log_loss, none);
    weir_gate_evaluation_add(w, WEIR_GATE_METRIC_BRIER, is_defined, m.brier, none);
    if (h->task != WEIR_GATE_BINARY)
        return WEIR_OK;
    weir_gate_evaluation_add(w, WEIR_GATE_METRIC_SPIEGELHALTER_Z, is_defined, m.spiegelhalter_z,
                             none);
    return m.n_invalid == 0 ? calibrate(w) : WEIR_OK;
}

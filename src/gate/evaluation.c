/* SPDX-License-Identifier: MIT */
#include "gate/evaluation.h"

#include "base/macros.h"
#include "eval/regression.h"
#include "gate/evaluation_priv.h"
#include "gate/rows.h"
#include "gate/slice.h"

#include <math.h>

enum { BINS_DEFAULT = 10 };

struct weir_gate_metric *weir_gate_evaluation_add(struct weir_gate_evaluation_work *w,
                                                  enum weir_gate_metric_id id, bool is_defined,
                                                  double value, const char *why)
{
    struct weir_gate_evaluation *e = w->out;
    weir_assert(e->n_metrics < WEIR_GATE_METRICS_MAX);
    struct weir_gate_metric *m = &e->metrics[e->n_metrics++];
    is_defined = is_defined && !isnan(value);
    *m = (struct weir_gate_metric){.id = id,
                                   .name = weir_gate_metric_kind(id)->name,
                                   .value = is_defined ? value : (double)NAN,
                                   .why = is_defined ? NULL : why};
    return m;
}

enum weir_status weir_gate_evaluation_no_memory(const struct weir_gate_evaluation_work *w)
{
    return weir_error_set(w->err, WEIR_ERR_NO_MEMORY, "out of memory");
}

bool weir_gate_evaluation_has_row(const struct weir_gate_holdout *holdout, size_t row)
{
    size_t n_scores = holdout->task == WEIR_GATE_BINARY ? 1 : holdout->n_classes;
    for (size_t k = 0; holdout->scores && k < n_scores; k++) {
        if (!isfinite(holdout->scores[row * n_scores + k]))
            return false;
    }
    for (size_t k = 0; holdout->p && k < holdout->n_classes; k++) {
        if (!isfinite(holdout->p[row * holdout->n_classes + k]))
            return false;
    }
    return true;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static enum weir_status measure_numbers(struct weir_gate_evaluation_work *w)
{
    const struct weir_gate_holdout *h = w->holdout;
    static const char none[] = "no rows";
    struct weir_eval_regression_rows rows = {.n = h->n,
                                             .truths = h->numbers,
                                             .predictions = h->predictions,
                                             .weights = h->weights,
                                             .quantile = w->opts->quantile};
    struct weir_eval_regression m;
    if (weir_eval_regression_measure(&rows, &m, w->out->mem) != WEIR_OK)
        return weir_gate_evaluation_no_memory(w);
    w->out->n_invalid = m.n_invalid;
    const struct {
        enum weir_gate_metric_id id;
        double value;
        const char *why;
    } found[] = {
        {WEIR_GATE_METRIC_MSE, m.mse, none},
        {WEIR_GATE_METRIC_RMSE, m.rmse, none},
        {WEIR_GATE_METRIC_MAE, m.mae, none},
        {WEIR_GATE_METRIC_MEDIAN_AE, m.median_ae, none},
        {WEIR_GATE_METRIC_MAX_ERROR, m.max_error, none},
        {WEIR_GATE_METRIC_MAPE, m.mape, none},
        {WEIR_GATE_METRIC_R2, m.r2, "fewer than two rows"},
        {WEIR_GATE_METRIC_EXPLAINED_VARIANCE, m.explained_variance, none},
        {WEIR_GATE_METRIC_PINBALL, m.pinball, none},
        {WEIR_GATE_METRIC_POISSON_DEVIANCE, m.poisson_deviance,
         "needs truths from 0 and predictions above 0"},
        {WEIR_GATE_METRIC_GAMMA_DEVIANCE, m.gamma_deviance, "needs truths and predictions above 0"},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(found); i++)
        weir_gate_evaluation_add(w, found[i].id, true, found[i].value, found[i].why);
    return WEIR_OK;
}

static void add_counts(struct weir_gate_evaluation_work *w)
{
    const struct weir_gate_holdout *h = w->out->holdout;
    const struct {
        enum weir_gate_metric_id id;
        size_t n;
    } counts[] = {
        {WEIR_GATE_METRIC_N_ROWS, h->n},
        {WEIR_GATE_METRIC_N_UNLABELED, h->n_unlabeled},
        {WEIR_GATE_METRIC_N_REFUSED, h->n_refused},
        {WEIR_GATE_METRIC_N_INVALID, w->out->n_invalid},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(counts); i++)
        weir_gate_evaluation_add(w, counts[i].id, true, (double)counts[i].n, NULL);
}

/* --- the whole ---------------------------------------------------------------------------------
 */

/* Leaves out rows whose scores are not finite, if there are any: valid becomes the others. */
static enum weir_status leave_out(struct weir_gate_evaluation_work *w,
                                  struct weir_gate_holdout *valid)
{
    const struct weir_gate_holdout *h = w->holdout;
    size_t n = 0;
    for (size_t i = 0; i < h->n; i++)
        n += weir_gate_evaluation_has_row(h, i);
    w->out->n_invalid = h->n - n;
    if (n == h->n)
        return WEIR_OK;
    uint32_t *rows = weir_mem_array(w->out->mem, weir_max_size(n, 1), sizeof *rows);
    if (!rows)
        return weir_gate_evaluation_no_memory(w);
    n = 0;
    for (size_t i = 0; i < h->n; i++) {
        if (weir_gate_evaluation_has_row(h, i))
            rows[n++] = (uint32_t)i;
    }
    enum weir_status status = weir_gate_rows_gather(valid, h, rows, n);
    weir_mem_free(w->out->mem, rows);
    if (status != WEIR_OK)
        return weir_gate_evaluation_no_memory(w);
    w->holdout = valid;
    return WEIR_OK;
}

static enum weir_status measure_valid(struct weir_gate_evaluation_work *w)
{
    const struct weir_gate_holdout *h = w->holdout;
    enum weir_status status = WEIR_OK;
    if (h->task == WEIR_GATE_MULTILABEL)
        return weir_gate_evaluation_measure_labels(w);
    w->is_positive = weir_mem_array(w->out->mem, weir_max_size(h->n, 1), 1);
    if (!w->is_positive)
        return weir_gate_evaluation_no_memory(w);
    for (size_t i = 0; i < h->n; i++)
        w->is_positive[i] = h->truths[i] == 1;
    if (h->task == WEIR_GATE_BINARY && h->scores)
        status = weir_gate_evaluation_rank(w);
    if (h->task == WEIR_GATE_MULTICLASS && h->scores)
        status = weir_gate_evaluation_rank_many(w);
    if (status == WEIR_OK && h->p && h->n_classes >= 2)
        status = weir_gate_evaluation_measure_p(w);
    weir_mem_free(w->out->mem, w->is_positive);
    return status;
}

static enum weir_status measure_classes(struct weir_gate_evaluation_work *w)
{
    struct weir_gate_evaluation *e = w->out;
    struct weir_gate_holdout valid = {.n = 0};
    size_t n = weir_max_size(w->holdout->n_classes, 1);
    e->classes = weir_mem_zarray(e->mem, n, sizeof *e->classes);
    if (!e->classes)
        return weir_gate_evaluation_no_memory(w);
    for (size_t k = 0; k < n; k++)
        e->classes[k].roc_auc = e->classes[k].average_precision = (double)NAN;
    enum weir_status status = leave_out(w, &valid);
    if (status == WEIR_OK)
        status = measure_valid(w);
    if (status == WEIR_OK && w->holdout->task != WEIR_GATE_MULTILABEL)
        status = weir_gate_evaluation_decide(w);
    weir_gate_holdout_deinit(&valid);
    return status;
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
    struct weir_gate_evaluation_opts whole = *opts;
    whole.alpha = opts->alpha > 0 ? opts->alpha : .05;
    whole.fbeta = opts->fbeta > 0 ? opts->fbeta : 1;
    whole.quantile = opts->quantile > 0 ? opts->quantile : .5;
    whole.n_bins = opts->n_bins > 0 ? opts->n_bins : BINS_DEFAULT;
    weir_assert(whole.n_bins <= WEIR_GATE_CALIBRATION_BINS_MAX);
    evaluation->opts = whole;
    evaluation->opts.policy = NULL;
    evaluation->alpha = whole.alpha;
    struct weir_gate_evaluation_work w = {
        .out = evaluation, .holdout = holdout, .opts = &whole, .err = err};
    enum weir_status status;
    bool takes_policy =
        holdout->scores && (holdout->task == WEIR_GATE_BINARY ||
                            (holdout->task == WEIR_GATE_MULTILABEL && opts->policy &&
                             opts->policy->kind == WEIR_EVAL_POLICY_FIXED));
    if (opts->policy && !takes_policy)
        status = weir_error_set(err, WEIR_ERR_INVALID,
                                "a threshold policy needs scores of two classes; several labels "
                                "take fixed:T");
    else
        status = holdout->task == WEIR_GATE_REGRESSION ? measure_numbers(&w) : measure_classes(&w);
    if (status == WEIR_OK)
        add_counts(&w);
    if (status == WEIR_OK && !whole.is_bare)
        status = weir_gate_slice_all(evaluation, err);
    if (status == WEIR_OK && !whole.is_bare)
        status = weir_gate_slice_folds(evaluation, err);
    if (status != WEIR_OK)
        weir_gate_evaluation_deinit(evaluation);
    return status;
}

void weir_gate_evaluation_deinit(struct weir_gate_evaluation *evaluation)
{
    weir_assert(evaluation);
    for (size_t i = 0; i < evaluation->n_slices; i++)
        weir_gate_slice_deinit(&evaluation->slices[i]);
    for (size_t i = 0; i < evaluation->n_folds; i++)
        weir_gate_slice_deinit(&evaluation->folds[i]);
    weir_mem_free(evaluation->mem, evaluation->slices);
    weir_mem_free(evaluation->mem, evaluation->folds);
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
        [WEIR_GATE_MULTILABEL] = "multilabel",
    };
    return names[task];
}

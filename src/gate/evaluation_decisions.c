/* SPDX-License-Identifier: MIT */
/* What decisions are worth. */
#include "base/macros.h"
#include "eval/rates.h"
#include "gate/decided.h"
#include "gate/evaluation_priv.h"

#include <math.h>

static uint32_t largest(const double *p, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        best = p[k] > p[best] ? k : best;
    return (uint32_t)best;
}

/* Decides each row: by the policy, as the model did, or for the largest probability. */
static enum weir_status decide(struct weir_gate_evaluation_work *w)
{
    struct weir_gate_evaluation *e = w->out;
    const struct weir_gate_holdout *h = e->holdout;
    bool by_policy =
        e->has_choice || (w->opts->has_threshold && h->scores && h->task == WEIR_GATE_BINARY);
    double t = e->has_choice ? e->choice.threshold : w->opts->threshold;
    bool has_none = !by_policy && !h->decisions && !h->p;
    /* Scores without a threshold decide nothing; nor is there anything to decide in a file that
     * knows one class only. */
    if (has_none || h->n_classes < 2)
        return WEIR_OK;
    e->decisions = weir_mem_array(e->mem, weir_max_size(h->n, 1), sizeof *e->decisions);
    if (!e->decisions)
        return weir_gate_evaluation_no_memory(w);
    for (size_t i = 0; i < h->n; i++) {
        if (!weir_gate_evaluation_has_row(h, i))
            e->decisions[i] = WEIR_GATE_NO_DECISION;
        else if (by_policy)
            e->decisions[i] = h->scores[i] >= t;
        else
            e->decisions[i] =
                h->decisions ? h->decisions[i] : largest(h->p + i * h->n_classes, h->n_classes);
    }
    return WEIR_OK;
}

void weir_gate_evaluation_put_decided(struct weir_gate_metric *metric,
                                      const struct weir_eval_confusion *confusion,
                                      size_t class_index, double beta, double alpha,
                                      bool is_weighted)
{
    struct weir_gate_decided d = weir_gate_decided_value(confusion, metric->id, class_index, beta);
    metric->value = d.value;
    metric->why = isnan(d.value) ? d.why : NULL;
    if (!d.is_share || is_weighted)
        return;
    struct weir_eval_rates_interval i =
        weir_eval_rates_wilson((uint64_t)d.part, (uint64_t)d.whole, alpha);
    metric->has_interval = true;
    metric->se = sqrt(d.value * (1 - d.value) / d.whole);
    metric->low = i.low;
    metric->high = i.high;
    metric->method = "wilson";
}

/* Adds the numbers from first to last of the table. */
static void add(struct weir_gate_evaluation_work *w, enum weir_gate_metric_id first,
                enum weir_gate_metric_id last)
{
    for (int id = (int)first; id <= (int)last; id++) {
        if (id == (int)WEIR_GATE_METRIC_FBETA && w->opts->fbeta == 1)
            continue;
        struct weir_gate_metric *m =
            weir_gate_evaluation_add(w, (enum weir_gate_metric_id)id, true, 0, NULL);
        weir_gate_evaluation_put_decided(m, &w->out->confusion, 1, w->opts->fbeta, w->opts->alpha,
                                         w->holdout->weights != NULL);
    }
}

enum weir_status weir_gate_evaluation_decide(struct weir_gate_evaluation_work *w)
{
    struct weir_gate_evaluation *e = w->out;
    const struct weir_gate_holdout *h = e->holdout;
    enum weir_status status = decide(w);
    if (status != WEIR_OK || !e->decisions)
        return status;
    if (weir_eval_confusion_init(&e->confusion, h->n_classes, e->mem) != WEIR_OK)
        return weir_gate_evaluation_no_memory(w);
    e->has_confusion = true;
    for (size_t i = 0; i < h->n; i++) {
        if (e->decisions[i] != WEIR_GATE_NO_DECISION)
            weir_eval_confusion_add(&e->confusion, h->truths[i], e->decisions[i],
                                    h->weights ? h->weights[i] : 1);
    }
    for (size_t k = 0; k < h->n_classes; k++)
        e->classes[k].counts = weir_eval_confusion_class(&e->confusion, k);
    add(w, WEIR_GATE_METRIC_ACCURACY, WEIR_GATE_METRIC_BALANCED_ACCURACY_ADJUSTED);
    if (h->task == WEIR_GATE_BINARY)
        add(w, WEIR_GATE_METRIC_PRECISION, WEIR_GATE_METRIC_POSITIVE_RATE);
    add(w, WEIR_GATE_METRIC_PRECISION_MACRO, WEIR_GATE_METRIC_KAPPA);
    if (h->task == WEIR_GATE_MULTICLASS)
        add(w, WEIR_GATE_METRIC_KAPPA_LINEAR, WEIR_GATE_METRIC_KAPPA_QUADRATIC);
    return WEIR_OK;
}

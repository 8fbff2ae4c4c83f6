/* SPDX-License-Identifier: MIT */
/* Rows with several labels: what their scores and decisions are worth. */
#include "base/macros.h"
#include "eval/multilabel.h"
#include "gate/evaluation_priv.h"

#include <math.h>

static void add_all(struct weir_gate_evaluation_work *w, const struct weir_eval_multilabel *m)
{
    static const char none[] = "no rows";
    static const char one[] = "a label is positive in all rows, or in none";
    static const char alike[] = "a row has all labels, or none";
    static const char never[] = "a label is positive in no row";
    const struct {
        enum weir_gate_metric_id id;
        double value;
        const char *why;
    } found[] = {
        {WEIR_GATE_METRIC_SUBSET_ACCURACY, m->subset_accuracy, none},
        {WEIR_GATE_METRIC_HAMMING_LOSS, m->hamming_loss, none},
        {WEIR_GATE_METRIC_ROC_AUC_MACRO, m->auc.macro, one},
        {WEIR_GATE_METRIC_ROC_AUC_WEIGHTED, m->auc.weighted, one},
        {WEIR_GATE_METRIC_ROC_AUC_MICRO, m->auc.micro, one},
        {WEIR_GATE_METRIC_ROC_AUC_SAMPLES, m->auc.samples, alike},
        {WEIR_GATE_METRIC_AVERAGE_PRECISION_MACRO, m->average_precision.macro, never},
        {WEIR_GATE_METRIC_AVERAGE_PRECISION_WEIGHTED, m->average_precision.weighted, never},
        {WEIR_GATE_METRIC_AVERAGE_PRECISION_MICRO, m->average_precision.micro, never},
        {WEIR_GATE_METRIC_AVERAGE_PRECISION_SAMPLES, m->average_precision.samples, none},
        {WEIR_GATE_METRIC_PRECISION_MACRO, m->precision.macro, none},
        {WEIR_GATE_METRIC_RECALL_MACRO, m->recall.macro, none},
        {WEIR_GATE_METRIC_F1_MACRO, m->f1.macro, none},
        {WEIR_GATE_METRIC_PRECISION_WEIGHTED, m->precision.weighted, none},
        {WEIR_GATE_METRIC_RECALL_WEIGHTED, m->recall.weighted, none},
        {WEIR_GATE_METRIC_F1_WEIGHTED, m->f1.weighted, none},
        {WEIR_GATE_METRIC_PRECISION_MICRO, m->precision.micro, none},
        {WEIR_GATE_METRIC_RECALL_MICRO, m->recall.micro, none},
        {WEIR_GATE_METRIC_F1_MICRO, m->f1.micro, none},
        {WEIR_GATE_METRIC_PRECISION_SAMPLES, m->precision.samples, none},
        {WEIR_GATE_METRIC_RECALL_SAMPLES, m->recall.samples, none},
        {WEIR_GATE_METRIC_F1_SAMPLES, m->f1.samples, none},
    };
    bool has_rows = !isnan(m->subset_accuracy);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(found); i++)
        weir_gate_evaluation_add(w, found[i].id, has_rows, found[i].value,
                                 has_rows ? found[i].why : none);
}

enum weir_status weir_gate_evaluation_measure_labels(struct weir_gate_evaluation_work *w)
{
    const struct weir_gate_holdout *h = w->holdout;
    struct weir_gate_evaluation *e = w->out;
    bool is_fixed = w->opts->policy != NULL;
    struct weir_eval_multilabel_rows rows = {.n = h->n,
                                             .n_labels = h->n_classes,
                                             .truths = h->labels,
                                             .scores = h->scores,
                                             .weights = h->weights,
                                             .has_threshold = is_fixed || w->opts->has_threshold,
                                             .threshold = is_fixed ? w->opts->policy->value
                                                                   : w->opts->threshold};
    struct weir_eval_multilabel m;
    struct weir_eval_multilabel_label *by_label =
        weir_mem_array(e->mem, h->n_classes, sizeof *by_label);
    if (!by_label)
        return weir_gate_evaluation_no_memory(w);
    enum weir_status status = weir_eval_multilabel_measure(&rows, by_label, &m, e->mem, w->err);
    for (size_t k = 0; k < h->n_classes && status == WEIR_OK; k++)
        e->classes[k] =
            (struct weir_gate_class){.counts = by_label[k].counts,
                                     .roc_auc = by_label[k].auc,
                                     .average_precision = by_label[k].average_precision};
    weir_mem_free(e->mem, by_label);
    if (status != WEIR_OK)
        return status;
    e->opts.has_threshold = rows.has_threshold;
    e->opts.threshold = rows.threshold;
    add_all(w, &m);
    return WEIR_OK;
}

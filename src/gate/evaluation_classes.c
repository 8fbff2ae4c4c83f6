/* SPDX-License-Identifier: MIT */
/* More than two classes: what scores are worth. */
#include "base/macros.h"
#include "eval/multiclass.h"
#include "gate/evaluation_priv.h"

#include <math.h>

static void add_averages(struct weir_gate_evaluation_work *w, const struct weir_eval_multiclass *m)
{
    static const char missing[] = "a class has no rows, or all";
    static const char absent[] = "a class has no rows";
    const char *pairs = w->holdout->weights ? "not defined with weights" : missing;
    const struct {
        enum weir_gate_metric_id id;
        double value;
        const char *why;
    } rows[] = {
        {WEIR_GATE_METRIC_ROC_AUC_OVR_MACRO, m->ovr_macro, missing},
        {WEIR_GATE_METRIC_ROC_AUC_OVR_MACRO_PRESENT, m->ovr_macro_present, missing},
        {WEIR_GATE_METRIC_ROC_AUC_OVR_WEIGHTED, m->ovr_weighted, missing},
        {WEIR_GATE_METRIC_ROC_AUC_OVR_MICRO, m->ovr_micro, missing},
        {WEIR_GATE_METRIC_ROC_AUC_OVO_MACRO, m->ovo_macro, pairs},
        {WEIR_GATE_METRIC_ROC_AUC_OVO_WEIGHTED, m->ovo_weighted, pairs},
        {WEIR_GATE_METRIC_AVERAGE_PRECISION_MACRO, m->ap_macro, absent},
        {WEIR_GATE_METRIC_AVERAGE_PRECISION_WEIGHTED, m->ap_weighted, absent},
        {WEIR_GATE_METRIC_AVERAGE_PRECISION_MICRO, m->ap_micro, absent},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        weir_gate_evaluation_add(w, rows[i].id, true, rows[i].value, rows[i].why);
}

enum weir_status weir_gate_evaluation_rank_many(struct weir_gate_evaluation_work *w)
{
    static const struct {
        enum weir_gate_metric_id id;
        size_t k;
    } tops[] = {{WEIR_GATE_METRIC_TOP_2_ACCURACY, 2},
                {WEIR_GATE_METRIC_TOP_3_ACCURACY, 3},
                {WEIR_GATE_METRIC_TOP_5_ACCURACY, 5}};
    const struct weir_gate_holdout *h = w->holdout;
    struct weir_eval_multiclass_rows rows = {.n = h->n,
                                             .n_classes = h->n_classes,
                                             .scores = h->scores,
                                             .truths = h->truths,
                                             .weights = h->weights};
    struct weir_eval_multiclass m;
    struct weir_eval_multiclass_class *by_class =
        weir_mem_array(w->out->mem, h->n_classes, sizeof *by_class);
    if (!by_class)
        return weir_gate_evaluation_no_memory(w);
    enum weir_status status = weir_eval_multiclass_auc(&rows, by_class, &m, w->out->mem, w->err);
    for (size_t k = 0; k < h->n_classes && status == WEIR_OK; k++) {
        w->out->classes[k].roc_auc = by_class[k].auc;
        w->out->classes[k].average_precision = by_class[k].average_precision;
    }
    weir_mem_free(w->out->mem, by_class);
    if (status != WEIR_OK)
        return status;
    add_averages(w, &m);
    for (size_t t = 0; t < WEIR_ARRAY_LEN(tops) && tops[t].k < h->n_classes; t++)
        weir_gate_evaluation_add(w, tops[t].id, true, weir_eval_multiclass_top_k(&rows, tops[t].k),
                                 "no rows");
    return WEIR_OK;
}

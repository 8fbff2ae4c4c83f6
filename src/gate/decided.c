/* SPDX-License-Identifier: MIT */
#include "gate/decided.h"

#include "base/macros.h"

#include <math.h>

static const char no_rows[] = "no rows";
static const char no_positive[] = "no positive row is there";
static const char no_negative[] = "no negative row is there";
static const char none_decided_positive[] = "nothing was decided positive";
static const char none_decided_negative[] = "nothing was decided negative";

static struct weir_gate_decided ratio(double part, double whole, const char *why)
{
    if (!(whole > 0))
        return (struct weir_gate_decided){.value = (double)NAN, .why = why};
    return (struct weir_gate_decided){.value = part / whole};
}

/* A ratio of rows: its interval is that of a rate. */
static struct weir_gate_decided share(double part, double whole, const char *why)
{
    struct weir_gate_decided d = ratio(part, whole, why);
    d.is_share = whole > 0;
    d.part = part;
    d.whole = whole;
    return d;
}

/* A number of one class against the rest. */
static struct weir_gate_decided of_class(const struct weir_eval_confusion_class *c,
                                         enum weir_gate_metric_id id, double beta)
{
    double positives = c->tp + c->fn;
    double negatives = c->fp + c->tn;
    double decided = c->tp + c->fp;
    double all = positives + negatives;
    double b = id == WEIR_GATE_METRIC_FBETA ? beta * beta : 1;
    bool has_both = positives > 0 && negatives > 0;
    if (id == WEIR_GATE_METRIC_PRECISION)
        return share(c->tp, decided, none_decided_positive);
    if (id == WEIR_GATE_METRIC_RECALL)
        return share(c->tp, positives, no_positive);
    if (id == WEIR_GATE_METRIC_FNR)
        return share(c->fn, positives, no_positive);
    if (id == WEIR_GATE_METRIC_SPECIFICITY)
        return share(c->tn, negatives, no_negative);
    if (id == WEIR_GATE_METRIC_FPR)
        return share(c->fp, negatives, no_negative);
    if (id == WEIR_GATE_METRIC_NPV)
        return share(c->tn, c->tn + c->fn, none_decided_negative);
    if (id == WEIR_GATE_METRIC_POSITIVE_RATE)
        return ratio(decided, all, no_rows);
    if (id == WEIR_GATE_METRIC_SUPPORT)
        return ratio(positives, 1, no_rows);
    if (id == WEIR_GATE_METRIC_F1 || id == WEIR_GATE_METRIC_FBETA)
        return ratio((1 + b) * c->tp, (1 + b) * c->tp + c->fp + b * c->fn, "nothing is positive");
    if (id == WEIR_GATE_METRIC_LIFT)
        return ratio(c->tp * all, decided * positives,
                     decided > 0 ? no_positive : none_decided_positive);
    if (id == WEIR_GATE_METRIC_LR_PLUS)
        return ratio(c->tp / positives * negatives, has_both ? c->fp : 0,
                     has_both ? "no negative row was decided positive" : "only one class is there");
    return ratio(c->fn / positives * negatives, has_both ? c->tn : 0,
                 has_both ? "no negative row was decided so" : "only one class is there");
}

static struct weir_gate_decided of_average(const struct weir_eval_confusion *confusion,
                                           enum weir_gate_metric_id id)
{
    static const enum weir_eval_average orders[] = {WEIR_EVAL_MACRO, WEIR_EVAL_WEIGHTED,
                                                    WEIR_EVAL_MICRO};
    size_t at = (size_t)(id - WEIR_GATE_METRIC_PRECISION_MACRO);
    struct weir_eval_confusion_averages a = weir_eval_confusion_average(confusion, orders[at / 3]);
    double value = at % 3 == 0 ? a.precision : at % 3 == 1 ? a.recall : a.f1;
    return ratio(value, confusion->total > 0, no_rows);
}

/* Turns what a measure of the whole matrix says into a number. */
static struct weir_gate_decided whole(bool is_defined, double value, const char *why)
{
    return ratio(is_defined ? value : 0, is_defined, why);
}

struct weir_gate_decided weir_gate_decided_value(const struct weir_eval_confusion *confusion,
                                                 enum weir_gate_metric_id id, size_t class_index,
                                                 double beta)
{
    static const char no_disagreement[] = "no disagreement is to be expected";
    double v = 0;
    bool is_defined;
    weir_assert(confusion);
    if (id >= WEIR_GATE_METRIC_PRECISION && id <= WEIR_GATE_METRIC_SUPPORT) {
        struct weir_eval_confusion_class c = weir_eval_confusion_class(confusion, class_index);
        return of_class(&c, id, beta);
    }
    if (id >= WEIR_GATE_METRIC_PRECISION_MACRO && id <= WEIR_GATE_METRIC_F1_MICRO)
        return of_average(confusion, id);
    if (id == WEIR_GATE_METRIC_ACCURACY) {
        double hits = 0;
        for (size_t k = 0; k < confusion->n_classes; k++)
            hits += confusion->cells[k * confusion->n_classes + k];
        return share(hits, confusion->total, no_rows);
    }
    if (id == WEIR_GATE_METRIC_BALANCED_ACCURACY) {
        is_defined = weir_eval_confusion_balanced_accuracy(confusion, &v);
        return whole(is_defined, v, no_rows);
    }
    if (id == WEIR_GATE_METRIC_BALANCED_ACCURACY_ADJUSTED) {
        is_defined = weir_eval_confusion_balanced_accuracy_adjusted(confusion, &v);
        return whole(is_defined, v, "fewer than two classes are there");
    }
    if (id == WEIR_GATE_METRIC_MCC) {
        is_defined = weir_eval_confusion_mcc(confusion, &v);
        return whole(is_defined, v, no_rows);
    }
    if (id >= WEIR_GATE_METRIC_KAPPA && id <= WEIR_GATE_METRIC_KAPPA_QUADRATIC) {
        static const enum weir_eval_kappa weights[] = {
            WEIR_EVAL_KAPPA_PLAIN, WEIR_EVAL_KAPPA_LINEAR, WEIR_EVAL_KAPPA_QUADRATIC};
        is_defined = weir_eval_confusion_kappa(confusion, weights[id - WEIR_GATE_METRIC_KAPPA], &v);
        return whole(is_defined, v, no_disagreement);
    }
    return (struct weir_gate_decided){.value = (double)NAN, .why = "no decisions have this number"};
}

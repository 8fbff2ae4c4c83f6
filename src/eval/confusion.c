/* SPDX-License-Identifier: MIT */
#include "eval/confusion.h"

#include "base/macros.h"

#include <math.h>

enum weir_status weir_eval_confusion_init(struct weir_eval_confusion *confusion, size_t n_classes,
                                          struct weir_mem *mem)
{
    weir_assert(confusion);
    weir_assert(n_classes > 0);
    size_t n;
    *confusion = (struct weir_eval_confusion){.n_classes = n_classes, .mem = mem};
    if (weir_size_mul(n_classes, n_classes + 2, &n))
        confusion->cells = weir_mem_zarray(mem, n, sizeof *confusion->cells);
    if (!confusion->cells)
        return WEIR_ERR_NO_MEMORY;
    confusion->truths = confusion->cells + n_classes * n_classes;
    confusion->decisions = confusion->truths + n_classes;
    return WEIR_OK;
}

void weir_eval_confusion_deinit(struct weir_eval_confusion *confusion)
{
    weir_assert(confusion);
    weir_mem_free(confusion->mem, confusion->cells);
    *confusion = (struct weir_eval_confusion){0};
}

static double hits(const struct weir_eval_confusion *c)
{
    double sum = 0;
    for (size_t k = 0; k < c->n_classes; k++)
        sum += c->cells[k * c->n_classes + k];
    return sum;
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

struct weir_eval_confusion_class weir_eval_confusion_class(const struct weir_eval_confusion *c,
                                                           size_t class_index)
{
    weir_assert(c);
    weir_assert(class_index < c->n_classes);
    struct weir_eval_confusion_class out = {.support = c->truths[class_index]};
    double decided = c->decisions[class_index];
    out.tp = c->cells[class_index * c->n_classes + class_index];
    out.fn = out.support - out.tp;
    out.fp = decided - out.tp;
    out.tn = c->total - out.support - out.fp;
    out.precision = ratio(out.tp, decided);
    out.recall = ratio(out.tp, out.support);
    out.specificity = ratio(out.tn, out.tn + out.fp);
    out.negative_predictive_value = ratio(out.tn, out.tn + out.fn);
    out.is_precision_undefined = !(decided > 0);
    out.is_recall_undefined = !(out.support > 0);
    out.f1 = weir_eval_confusion_fbeta(&out, 1);
    return out;
}

double weir_eval_confusion_fbeta(const struct weir_eval_confusion_class *class, double beta)
{
    weir_assert(class);
    double b = beta * beta;
    return ratio((1 + b) * class->tp, (1 + b) * class->tp + class->fp + b * class->fn);
}

struct weir_eval_confusion_averages
weir_eval_confusion_average(const struct weir_eval_confusion *confusion,
                            enum weir_eval_average average)
{
    weir_assert(confusion);
    struct weir_eval_confusion_averages sums = {0, 0, 0};
    struct weir_eval_confusion_class all = {0};
    double weights = 0;
    for (size_t k = 0; k < confusion->n_classes; k++) {
        struct weir_eval_confusion_class c = weir_eval_confusion_class(confusion, k);
        double weight = average == WEIR_EVAL_WEIGHTED ? c.support : c.support + c.fp > 0 ? 1 : 0;
        sums.precision += weight * c.precision;
        sums.recall += weight * c.recall;
        sums.f1 += weight * c.f1;
        weights += weight;
        all.tp += c.tp;
        all.fp += c.fp;
        all.fn += c.fn;
    }
    if (average == WEIR_EVAL_MICRO)
        return (struct weir_eval_confusion_averages){ratio(all.tp, all.tp + all.fp),
                                                     ratio(all.tp, all.tp + all.fn),
                                                     weir_eval_confusion_fbeta(&all, 1)};
    return (struct weir_eval_confusion_averages){
        ratio(sums.precision, weights), ratio(sums.recall, weights), ratio(sums.f1, weights)};
}

bool weir_eval_confusion_accuracy(const struct weir_eval_confusion *confusion, double *out)
{
    weir_assert(confusion);
    if (!(confusion->total > 0))
        return false;
    *out = hits(confusion) / confusion->total;
    return true;
}

bool weir_eval_confusion_balanced_accuracy(const struct weir_eval_confusion *confusion, double *out)
{
    weir_assert(confusion);
    double sum = 0;
    double n = 0;
    for (size_t k = 0; k < confusion->n_classes; k++) {
        struct weir_eval_confusion_class c = weir_eval_confusion_class(confusion, k);
        if (c.is_recall_undefined)
            continue;
        sum += c.recall;
        n++;
    }
    if (n == 0)
        return false;
    *out = sum / n;
    return true;
}

bool weir_eval_confusion_balanced_accuracy_adjusted(const struct weir_eval_confusion *confusion,
                                                    double *out)
{
    weir_assert(confusion);
    double n = 0;
    double mean;
    for (size_t k = 0; k < confusion->n_classes; k++)
        n += confusion->truths[k] > 0;
    if (n < 2 || !weir_eval_confusion_balanced_accuracy(confusion, &mean))
        return false;
    *out = (mean - 1 / n) / (1 - 1 / n);
    return true;
}

bool weir_eval_confusion_mcc(const struct weir_eval_confusion *confusion, double *out)
{
    weir_assert(confusion);
    double n = confusion->total;
    double both = 0;
    double truths = 0;
    double decisions = 0;
    if (!(n > 0))
        return false;
    for (size_t k = 0; k < confusion->n_classes; k++) {
        double t = confusion->truths[k];
        double d = confusion->decisions[k];
        both += t * d;
        truths += t * t;
        decisions += d * d;
    }
    double root = sqrt((n * n - decisions) * (n * n - truths));
    *out = root > 0 ? (hits(confusion) * n - both) / root : 0;
    return true;
}

bool weir_eval_confusion_kappa(const struct weir_eval_confusion *confusion,
                               enum weir_eval_kappa weights, double *out)
{
    weir_assert(confusion);
    double seen = 0;
    double expected = 0;
    if (!(confusion->total > 0))
        return false;
    for (size_t i = 0; i < confusion->n_classes; i++) {
        double t = confusion->truths[i];
        for (size_t j = 0; j < confusion->n_classes; j++) {
            double apart = fabs((double)i - (double)j);
            double cost = weights == WEIR_EVAL_KAPPA_QUADRATIC ? apart * apart
                          : weights == WEIR_EVAL_KAPPA_LINEAR  ? apart
                                                               : (double)(i != j);
            seen += cost * confusion->cells[i * confusion->n_classes + j];
            expected += cost * t * confusion->decisions[j] / confusion->total;
        }
    }
    if (!(expected > 0))
        return false;
    *out = 1 - seen / expected;
    return true;
}

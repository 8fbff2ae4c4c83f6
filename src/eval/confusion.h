/* SPDX-License-Identifier: MIT */
/* What decisions were right: the confusion matrix and all that is read from it.
 *
 * Cell (i, j) is the weight of rows of true class i that were decided as j; classes are 0 … n − 1.
 * Ratios without a denominator are 0, as scikit-learn's default zero_division, and counted in
 * n_undefined where the caller can warn. Sources: scikit-learn's metrics of the same names;
 * Matthews 1975 and Gorodkin 2004 for the correlation; Cohen 1960 and 1968 for kappa. */
#ifndef WEIR_EVAL_CONFUSION_H
#define WEIR_EVAL_CONFUSION_H

#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct weir_eval_confusion {
    size_t n_classes;
    double *cells;     /* n_classes × n_classes, row-major, owned */
    double *truths;    /* n_classes: weight of the rows of each class, in the same block */
    double *decisions; /* n_classes: weight of those decided as it */
    double total;      /* weight of all */
    struct weir_mem *mem;
};

/* Makes an empty matrix of at least one class. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_eval_confusion_init(struct weir_eval_confusion *confusion,
                                                        size_t n_classes, struct weir_mem *mem);
void weir_eval_confusion_deinit(struct weir_eval_confusion *confusion);

/* Counts one row. */
static inline void weir_eval_confusion_add(struct weir_eval_confusion *confusion, size_t truth,
                                           size_t decided, double weight)
{
    confusion->cells[truth * confusion->n_classes + decided] += weight;
    confusion->truths[truth] += weight;
    confusion->decisions[decided] += weight;
    confusion->total += weight;
}

/* What is known of one class against all others. */
struct weir_eval_confusion_class {
    double tp, fp, fn, tn;
    double precision, recall, specificity;
    double negative_predictive_value;
    double f1;
    double support; /* weight of its rows */
    bool is_precision_undefined;
    bool is_recall_undefined;
};

/* Describes class c. */
struct weir_eval_confusion_class weir_eval_confusion_class(const struct weir_eval_confusion *c,
                                                           size_t class_index);

/* Returns F of a class: (1 + β²) tp / ((1 + β²) tp + fp + β² fn); 0 without a denominator. */
double weir_eval_confusion_fbeta(const struct weir_eval_confusion_class *class, double beta);

/* Measures over classes. */
enum weir_eval_average {
    WEIR_EVAL_MACRO,    /* mean over the classes that occur, truly or decided */
    WEIR_EVAL_WEIGHTED, /* by support */
    WEIR_EVAL_MICRO,    /* from the sums of tp, fp and fn */
};

struct weir_eval_confusion_averages {
    double precision;
    double recall;
    double f1;
};

struct weir_eval_confusion_averages
weir_eval_confusion_average(const struct weir_eval_confusion *confusion,
                            enum weir_eval_average average);

/* Measures of the whole matrix; false: undefined (no rows; for kappa also no disagreement to be
 * expected). */
bool weir_eval_confusion_accuracy(const struct weir_eval_confusion *confusion, double *out);
bool weir_eval_confusion_balanced_accuracy(const struct weir_eval_confusion *confusion,
                                           double *out); /* mean recall of the classes that occur */
/* The same as (b − 1/k) / (1 − 1/k) over the k classes that occur; undefined for fewer than two. */
bool weir_eval_confusion_balanced_accuracy_adjusted(const struct weir_eval_confusion *confusion,
                                                    double *out);
bool weir_eval_confusion_mcc(const struct weir_eval_confusion *confusion, double *out);

/* What a disagreement of i and j costs kappa. */
enum weir_eval_kappa {
    WEIR_EVAL_KAPPA_PLAIN,     /* 1 */
    WEIR_EVAL_KAPPA_LINEAR,    /* |i − j| */
    WEIR_EVAL_KAPPA_QUADRATIC, /* (i − j)² */
};

bool weir_eval_confusion_kappa(const struct weir_eval_confusion *confusion,
                               enum weir_eval_kappa weights, double *out);

#endif

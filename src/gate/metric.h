/* SPDX-License-Identifier: MIT */
/* The names of all numbers that an evaluation may have: one table for tables, documents, rules and
 * the parser that refuses a rule with another name. Definitions are scikit-learn's where it has the
 * number. */
#ifndef WEIR_GATE_METRIC_H
#define WEIR_GATE_METRIC_H

#include "base/str.h"

#include <stddef.h>

/* Of which tasks a number is. */
enum weir_gate_metric_task {
    WEIR_GATE_METRIC_BINARY = 1,
    WEIR_GATE_METRIC_MANY = 2,   /* more than two classes */
    WEIR_GATE_METRIC_LABELS = 4, /* several labels for each row */
    WEIR_GATE_METRIC_NUMBERS = 8,
};

enum weir_gate_metric_trait {
    WEIR_GATE_METRIC_BY_CLASS = 1,     /* recall[cat]: of one class or label against the rest */
    WEIR_GATE_METRIC_BY_THRESHOLD = 2, /* recall@0.5: with decisions at this threshold */
    WEIR_GATE_METRIC_NEEDS_AT = 4,     /* is only with a number: recall_at_fpr@0.05 */
    WEIR_GATE_METRIC_OF_ROWS = 8,      /* the rows', the same for every model */
    WEIR_GATE_METRIC_ANALYTIC = 16, /* has an interval without a bootstrap (rows without weights) */
    WEIR_GATE_METRIC_ANALYTIC_DELTA = 32, /* as has the difference of two models */
    WEIR_GATE_METRIC_LESS_IS_BETTER = 64,
    WEIR_GATE_METRIC_NEUTRAL = 128,  /* neither more nor less of it is better */
    WEIR_GATE_METRIC_IS_COUNT = 256, /* of rows, not a measure */
};

/* clang-format off */
/* Enumerator, name, tasks (binary, many, labels, numbers), traits (shorthands of metric.c), what it
 * is. */
#define WEIR_GATE_METRIC_MAP(X)                                                                                          \
    X(N_ROWS, "n_rows", ALL, COUNT, "rows that count")                                                                   \
    X(N_POS, "n_pos", B, COUNT, "rows of the positive class with a score")                                               \
    X(N_NEG, "n_neg", B, COUNT, "rows of the negative class with a score")                                               \
    X(N_UNLABELED, "n_unlabeled", ALL, COUNT, "rows without a truth, left out")                                          \
    X(N_REFUSED, "n_refused", ALL, LEFT_OUT, "rows that the model refused, left out")                                    \
    X(N_INVALID, "n_invalid", ALL, LEFT_OUT, "rows whose score or prediction is not finite")                             \
    X(PREVALENCE, "prevalence", B, ROWS, "weight of the positive class among all")                                       \
    X(ROC_AUC, "roc_auc", B | M | L, BY_CLASS | ANALYTIC | ANALYTIC_DELTA, "area under the ROC curve")                   \
    X(GINI, "gini", B, NO, "2 x roc_auc - 1")                                                                            \
    X(ROC_AUC_FPR_01, "roc_auc_fpr_0.1", B, NO, "area up to a false positive rate of 0.1, standardised (McClish)")       \
    X(PARTIAL_AUC, "partial_roc_auc", B, NEEDS_AT, "the same up to the rate that is given")                              \
    X(AVERAGE_PRECISION, "average_precision", B | M | L, BY_CLASS, "step sum under the precision-recall curve")          \
    X(KS, "ks", B, NO, "largest distance of the classes' distributions of scores")                                       \
    X(LIFT_AT, "lift_at", B, NEEDS_AT, "positives among this share of rows with the largest scores, against prevalence") \
    X(GAIN_AT, "gain_at", B, NEEDS_AT, "share of all positives in this share of rows with the largest scores")           \
    X(RECALL_AT_FPR, "recall_at_fpr", B, NEEDS_AT, "largest recall with this false positive rate at most")               \
    X(RECALL_AT_PRECISION, "recall_at_precision", B, NEEDS_AT, "largest recall with this precision at least")            \
    X(LOG_LOSS, "log_loss", B | M, LESS, "mean of -log of the true class's probability")                                 \
    X(BRIER, "brier", B | M, LESS, "mean squared error of probabilities")                                                \
    X(BRIER_RELIABILITY, "brier_reliability", B, LESS, "Murphy's part of brier: how far off probabilities are")          \
    X(BRIER_RESOLUTION, "brier_resolution", B, NO, "Murphy's part of brier: how far they part rows")                     \
    X(BRIER_UNCERTAINTY, "brier_uncertainty", B, ROWS, "Murphy's part of brier: prevalence x (1 - prevalence)")          \
    X(SPIEGELHALTER_Z, "spiegelhalter_z", B, NEUTRAL, "about standard normal where probabilities are calibrated")        \
    X(ECE, "ece", B, LESS, "mean distance of the calibration curve's bins from the diagonal")                            \
    X(MCE, "mce", B, LESS, "largest distance of a bin")                                                                  \
    X(ACCURACY, "accuracy", B | M, BY_THRESHOLD | ANALYTIC | ANALYTIC_DELTA, "share of right decisions")                 \
    X(BALANCED_ACCURACY, "balanced_accuracy", B | M, BY_THRESHOLD, "mean recall of the classes that occur")              \
    X(BALANCED_ACCURACY_ADJUSTED, "balanced_accuracy_adjusted", B | M, BY_THRESHOLD, "the same, 0 by chance")            \
    X(PRECISION, "precision", B | M | L, SHARE, "of rows decided positive those that are")                               \
    X(RECALL, "recall", B | M | L, PAIRED, "of positive rows those decided so")                                          \
    X(F1, "f1", B | M | L, DECIDED, "harmonic mean of precision and recall")                                             \
    X(FBETA, "fbeta", B | M | L, DECIDED, "the same with recall beta times as important")                                \
    X(SPECIFICITY, "specificity", B | M | L, PAIRED, "of negative rows those decided so")                                \
    X(NPV, "npv", B | M | L, SHARE, "of rows decided negative those that are")                                           \
    X(FPR, "fpr", B | M | L, PAIRED | LESS, "of negative rows those decided positive")                                   \
    X(FNR, "fnr", B | M | L, PAIRED | LESS, "of positive rows those decided negative")                                   \
    X(LR_PLUS, "lr_plus", B | M | L, DECIDED, "recall / fpr")                                                            \
    X(LR_MINUS, "lr_minus", B | M | L, DECIDED | LESS, "fnr / specificity")                                              \
    X(LIFT, "lift", B | M | L, DECIDED, "precision / prevalence")                                                        \
    X(POSITIVE_RATE, "positive_rate", B | M | L, DECIDED | NEUTRAL, "share of rows decided positive")                    \
    X(SUPPORT, "support", B | M | L, DECIDED | ROWS, "weight of the positive rows")                                      \
    X(PRECISION_MACRO, "precision_macro", B | M | L, BY_THRESHOLD, "mean over classes")                                  \
    X(RECALL_MACRO, "recall_macro", B | M | L, BY_THRESHOLD, "mean over classes")                                        \
    X(F1_MACRO, "f1_macro", B | M | L, BY_THRESHOLD, "mean over classes")                                                \
    X(PRECISION_WEIGHTED, "precision_weighted", B | M | L, BY_THRESHOLD, "mean by support")                              \
    X(RECALL_WEIGHTED, "recall_weighted", B | M | L, BY_THRESHOLD, "mean by support")                                    \
    X(F1_WEIGHTED, "f1_weighted", B | M | L, BY_THRESHOLD, "mean by support")                                            \
    X(PRECISION_MICRO, "precision_micro", B | M | L, BY_THRESHOLD, "all classes counted together")                       \
    X(RECALL_MICRO, "recall_micro", B | M | L, BY_THRESHOLD, "all classes counted together")                             \
    X(F1_MICRO, "f1_micro", B | M | L, BY_THRESHOLD, "all classes counted together")                                     \
    X(MCC, "mcc", B | M, BY_THRESHOLD, "Matthews correlation of truths and decisions")                                   \
    X(KAPPA, "kappa", B | M, BY_THRESHOLD, "Cohen's agreement beyond chance")                                            \
    X(KAPPA_LINEAR, "kappa_linear", M, NO, "the same, classes that are further apart cost more")                         \
    X(KAPPA_QUADRATIC, "kappa_quadratic", M, NO, "the same with squared distances")                                      \
    X(TOP_2_ACCURACY, "top_2_accuracy", M, NO, "the truth is among the two largest scores")                              \
    X(TOP_3_ACCURACY, "top_3_accuracy", M, NO, "among the three largest")                                                \
    X(TOP_5_ACCURACY, "top_5_accuracy", M, NO, "among the five largest")                                                 \
    X(TOP_K_ACCURACY, "top_k_accuracy", M, NEEDS_AT, "among as many as given: top_k_accuracy@4")                         \
    X(ROC_AUC_OVR_MACRO, "roc_auc_ovr_macro", M, NO, "one against the rest, mean over classes")                          \
    X(ROC_AUC_OVR_MACRO_PRESENT, "roc_auc_ovr_macro_present", M, NO, "mean over classes for which it is defined")        \
    X(ROC_AUC_OVR_WEIGHTED, "roc_auc_ovr_weighted", M, NO, "mean by the rows of each class")                             \
    X(ROC_AUC_OVR_MICRO, "roc_auc_ovr_micro", M, NO, "all columns ranked together")                                      \
    X(ROC_AUC_OVO_MACRO, "roc_auc_ovo_macro", M, NO, "one against one (Hand and Till), mean over pairs")                 \
    X(ROC_AUC_OVO_WEIGHTED, "roc_auc_ovo_weighted", M, NO, "mean by the rows of each pair")                              \
    X(AVERAGE_PRECISION_MACRO, "average_precision_macro", M | L, NO, "of each class or label, their mean")               \
    X(AVERAGE_PRECISION_WEIGHTED, "average_precision_weighted", M | L, NO, "their mean by support")                      \
    X(AVERAGE_PRECISION_MICRO, "average_precision_micro", M | L, NO, "all columns ranked together")                      \
    X(AVERAGE_PRECISION_SAMPLES, "average_precision_samples", L, NO, "of each row's labels, mean over rows")             \
    X(ROC_AUC_MACRO, "roc_auc_macro", L, NO, "of each label, their mean")                                                \
    X(ROC_AUC_WEIGHTED, "roc_auc_weighted", L, NO, "their mean by support")                                              \
    X(ROC_AUC_MICRO, "roc_auc_micro", L, NO, "all columns ranked together")                                              \
    X(ROC_AUC_SAMPLES, "roc_auc_samples", L, NO, "of each row's labels, mean over rows")                                 \
    X(PRECISION_SAMPLES, "precision_samples", L, NO, "of each row's labels, mean over rows")                             \
    X(RECALL_SAMPLES, "recall_samples", L, NO, "of each row's labels, mean over rows")                                   \
    X(F1_SAMPLES, "f1_samples", L, NO, "of each row's labels, mean over rows")                                           \
    X(SUBSET_ACCURACY, "subset_accuracy", L, NO, "share of rows with all labels right")                                  \
    X(HAMMING_LOSS, "hamming_loss", L, LESS, "share of wrong labels")                                                    \
    X(MSE, "mse", R, LESS, "mean squared error")                                                                         \
    X(RMSE, "rmse", R, LESS, "its root")                                                                                 \
    X(MAE, "mae", R, LESS, "mean absolute error")                                                                        \
    X(MEDIAN_AE, "median_ae", R, LESS, "median absolute error")                                                          \
    X(MAX_ERROR, "max_error", R, LESS, "largest absolute error")                                                         \
    X(MAPE, "mape", R, LESS, "mean absolute error relative to the truth")                                                \
    X(R2, "r2", R, NO, "1 - squared errors / squared distances from the mean")                                           \
    X(EXPLAINED_VARIANCE, "explained_variance", R, NO, "the same without the errors' mean")                              \
    X(PINBALL, "pinball", R, LESS, "mean loss of a quantile")                                                            \
    X(POISSON_DEVIANCE, "poisson_deviance", R, LESS, "mean deviance of counts")                                          \
    X(GAMMA_DEVIANCE, "gamma_deviance", R, LESS, "mean deviance of positive amounts")
/* clang-format on */

/* The numbers. */
enum weir_gate_metric_id {
#define WEIR_GATE_METRIC_ENUM(code, name, tasks, traits, text) WEIR_GATE_METRIC_##code,
    WEIR_GATE_METRIC_MAP(WEIR_GATE_METRIC_ENUM)
#undef WEIR_GATE_METRIC_ENUM
};

enum { WEIR_GATE_METRIC_N = WEIR_GATE_METRIC_GAMMA_DEVIANCE + 1 };

/* What is known of a number whatever the rows. */
struct weir_gate_metric_kind {
    const char *name;
    unsigned tasks;  /* of enum weir_gate_metric_task */
    unsigned traits; /* of enum weir_gate_metric_trait */
    const char *text;
};

/* Returns all of them in order, borrowed for ever. */
const struct weir_gate_metric_kind *weir_gate_metric_kinds(size_t *n);

/* Returns one of them, borrowed for ever. */
const struct weir_gate_metric_kind *weir_gate_metric_kind(enum weir_gate_metric_id id);

/* Finds one by its name and writes which it is (NULL: nowhere); NULL: there is no such number. */
const struct weir_gate_metric_kind *weir_gate_metric_find(struct weir_str name,
                                                          enum weir_gate_metric_id *id);

#endif

/* SPDX-License-Identifier: MIT */
/* Kernel machines: weighted sums of kernel values. Regressors give them as they are, classifiers
 * decide each pair of classes by one (libsvm: Chang and Lin, ACM TIST 2011; its README's model). */
#ifndef WEIR_MODEL_MACHINE_H
#define WEIR_MODEL_MACHINE_H

#include "model/kernel.h"

struct weir_model_machine_opts {
    struct weir_str name; /* for faults: "SVC" */
    struct weir_model_kernel_opts kernel;
    bool keeps_columns; /* its columns are the model's features */
    /* Regressors: sums = W k + bias. */
    size_t n_sums;         /* 0: a classifier */
    const double *weights; /* n_sums × n_points */
    const double *bias;    /* n_sums */
    bool is_vector;        /* one sum is answered as [n] */
    /* Classifiers: the points of class 0 come first, then those of class 1, … */
    size_t n_classes;        /* at least 2 */
    const size_t *n_support; /* n_classes: points of each class; adds up to n_points */
    const double *dual;      /* (n_classes − 1) × n_points */
    const double *intercept; /* n_classes (n_classes − 1) / 2, for the pairs (0, 1), (0, 2), … */
    const double *prob_a;    /* as many; NULL: no probabilities */
    const double *prob_b;    /* as many */
    bool is_one_vs_one;      /* decision_function gives all pairs (more than two classes) */
    bool breaks_ties;        /* predict takes the largest one-vs-rest decision */
    const struct weir_labels *targets; /* in the builder's arena: n_sums, or one */
};

/* Makes a node; refuses NaN and infinities at run time. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_machine_new(struct weir_model_builder *b,
                                                      const struct weir_model_machine_opts *opts,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err);

#endif

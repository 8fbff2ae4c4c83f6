/* SPDX-License-Identifier: MIT */
/* Normal distributions: for each class a constant less a weighted squared distance from its mean.
 * Gaussian naive Bayes, quadratic discriminants, Gaussian mixtures, Mahalanobis distances. */
#ifndef WEIR_MODEL_GAUSS_H
#define WEIR_MODEL_GAUSS_H

#include "model/builder.h"
#include "model/dense.h"
#include "model/posterior.h"

/* One class: score = constant + factor · (inner + q). q = Σ (x − mean)² ÷ variance, or |(x − mean)
 * A|². */
struct weir_model_gauss_class {
    const double *mean; /* n_in */
    double constant;
    const double *variance;            /* n_in, none 0; NULL: A is used */
    struct weir_model_dense_view axes; /* A: n_axes points of n_in columns */
    size_t n_axes;                     /* 0: q is 0 */
};

struct weir_model_gauss_opts {
    struct weir_str name; /* for faults */
    uint32_t n_in;
    double factor;     /* −0.5 for densities */
    double inner;      /* of all classes */
    bool rounds_inner; /* float32 rows: q and inner + q are rounded to float32 */
    const struct weir_model_gauss_class *classes;
    struct weir_model_posterior posterior; /* n_classes of them */
    bool is_number;                        /* one class, whose score is predict: a number */
    bool keeps_columns;                    /* its columns are the model's features */
    const struct weir_labels *targets;     /* one, in the builder's arena */
};

/* Makes a node; arrays are copied. Refuses NaN and infinities at run time. WEIR_ERR_NO_MEMORY,
 * WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_gauss_new(struct weir_model_builder *b,
                                                    const struct weir_model_gauss_opts *opts,
                                                    const struct weir_model_node **out,
                                                    struct weir_error *err);

#endif

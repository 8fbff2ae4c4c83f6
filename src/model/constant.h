/* SPDX-License-Identifier: MIT */
/* The same answer for every row. */
#ifndef WEIR_MODEL_CONSTANT_H
#define WEIR_MODEL_CONSTANT_H

#include "model/builder.h"

struct weir_model_constant_opts {
    struct weir_str name; /* for faults */
    uint32_t n_in;
    bool is_classifier;
    uint32_t n_targets;     /* at least 1 */
    const double *numbers;  /* regressors: n_targets */
    const int32_t *classes; /* classifiers: n_targets class indexes */
    const double *proba; /* classifiers: the shares of all targets' classes one after the other */
    uint32_t n_proba;
    bool is_vector;                    /* one target is answered as [n] */
    const struct weir_labels *targets; /* n_targets, in the builder's arena */
};

/* Makes a node that answers every row alike and takes any number. WEIR_ERR_NO_MEMORY,
 * WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_constant_new(struct weir_model_builder *b,
                                                       const struct weir_model_constant_opts *opts,
                                                       const struct weir_model_node **out,
                                                       struct weir_error *err);

#endif

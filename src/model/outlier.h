/* SPDX-License-Identifier: MIT */
/* Outlier detectors: what becomes of one number for each row. Labels are −1 (outlier) and 1. */
#ifndef WEIR_MODEL_OUTLIER_H
#define WEIR_MODEL_OUTLIER_H

#include "model/builder.h"

struct weir_model_outlier_opts {
    const struct weir_model_node *inner; /* gives predict, one number */
    double offset;                       /* score_samples − decision_function */
    bool gives_decision; /* the number is decision_function; else it is score_samples */
    bool comes_back;     /* score_samples is decision_function + offset, with what that rounds */
    bool ties_are_in;    /* label 1 when decision_function >= 0; else when > 0 */
};

/* Makes a node that gives predict (labels), decision_function and score_samples.
 * WEIR_ERR_NO_MEMORY; WEIR_ERR_LIMIT: nested too deep. */
WEIR_MUST_USE enum weir_status weir_model_outlier_new(struct weir_model_builder *b,
                                                      const struct weir_model_outlier_opts *opts,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err);

#endif

/* SPDX-License-Identifier: MIT */
/* From joint log likelihoods, one for each class, to answers: the largest wins, probabilities are
 * what e^ of them has of their sum. Naive Bayes, discriminants, mixtures. */
#ifndef WEIR_MODEL_POSTERIOR_H
#define WEIR_MODEL_POSTERIOR_H

#include "model/node.h"

struct weir_model_posterior {
    uint32_t n_classes;  /* at least 1 */
    bool gives_decision; /* decision_function: the likelihoods; for two classes their difference */
    bool gives_samples;  /* score_samples: log of the sum of e^ of them */
    bool divides; /* probabilities are e^(s − max) ÷ Σ; else e^(s − log Σ e^s), whose last digits
                     are those of s */
    bool is_f32; /* float32 rows are answered in float32 */
};

/* Fills n_out, predicts_labels, is_vector, is_decision_vector, follows_f32. */
void weir_model_posterior_describe(const struct weir_model_posterior *p,
                                   struct weir_model_node *node);

/* Fills the outputs that run wants. scores: n_rows × n_classes; changed. */
void weir_model_posterior_apply(const struct weir_model_posterior *p,
                                const struct weir_model_node_run *run, double *scores);

#endif

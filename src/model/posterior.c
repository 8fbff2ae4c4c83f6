/* SPDX-License-Identifier: MIT */
#include "model/posterior.h"

#include "model/head.h"

#include <math.h>

void weir_model_posterior_describe(const struct weir_model_posterior *p,
                                   struct weir_model_node *node)
{
    uint32_t k = p->n_classes;
    node->predicts_labels = true;
    node->is_vector = true;
    node->is_decision_vector = k == 2;
    node->n_out[WEIR_OUTPUT_PREDICT] = 1;
    node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = k;
    node->n_out[WEIR_OUTPUT_DECISION_FUNCTION] = !p->gives_decision ? 0 : k == 2 ? 1 : k;
    node->n_out[WEIR_OUTPUT_SCORE_SAMPLES] = p->gives_samples;
    node->follows_f32 = !p->is_f32 ? 0
                                   : 1u << WEIR_OUTPUT_PREDICT_PROBA |
                                         1u << WEIR_OUTPUT_DECISION_FUNCTION |
                                         1u << WEIR_OUTPUT_SCORE_SAMPLES;
}

void weir_model_posterior_apply(const struct weir_model_posterior *p,
                                const struct weir_model_node_run *run, double *scores)
{
    size_t k = p->n_classes;
    int32_t *labels = run->out[WEIR_OUTPUT_PREDICT];
    double *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
    double *decision = run->out[WEIR_OUTPUT_DECISION_FUNCTION];
    double *samples = run->out[WEIR_OUTPUT_SCORE_SAMPLES];
    bool is_f32 = p->is_f32 && run->in.is_f32;
    for (size_t row = 0; row < run->n_rows; row++) {
        double *s = scores + row * k;
        size_t best = weir_model_head_argmax(s, k);
        if (labels)
            labels[row] = (int32_t)best;
        if (decision && k == 2)
            decision[row] = weir_model_node_round(s[1] - s[0], is_f32);
        for (size_t i = 0; decision && k != 2 && i < k; i++)
            decision[row * k + i] = weir_model_node_round(s[i], is_f32);
        if (!proba && !samples)
            continue;
        double max = s[best];
        double sum = 0.0;
        for (size_t i = 0; i < k; i++)
            sum += exp(s[i] - max);
        double whole = log(sum) + max;
        for (size_t i = 0; proba && i < k; i++)
            proba[row * k + i] = weir_model_node_round(
                p->divides ? exp(s[i] - max) / sum : exp(s[i] - whole), is_f32);
        if (samples)
            samples[row] = weir_model_node_round(whole, is_f32);
    }
}

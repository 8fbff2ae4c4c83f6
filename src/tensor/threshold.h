/* SPDX-License-Identifier: MIT */
/* A decision threshold: which of two classes is answered, by a score instead of the model's own
 * decision.
 *
 * score >= value is the positive class; a score that is not a number never is. Without a threshold
 * the model decides as its library does, which at ties may be another thing than a threshold of
 * 0.5. Set once, before the version that it belongs to is published. Threads: any. */
#ifndef WEIR_TENSOR_THRESHOLD_H
#define WEIR_TENSOR_THRESHOLD_H

#include "tensor/spec.h"

enum { WEIR_TENSOR_THRESHOLD_ORIGIN_BYTES = 16 };

struct weir_tensor_threshold {
    bool is_set;            /* the following hold */
    double value;           /* not NaN; infinity: nothing is positive */
    enum weir_output score; /* PREDICT_PROBA: that of the positive class; DECISION_FUNCTION: that
                               of the second class, its negative for the first */
    uint32_t positive;      /* index of the positive class, 0 or 1 */
    char origin[WEIR_TENSOR_THRESHOLD_ORIGIN_BYTES]; /* who chose it: "config", "gate" */
};

/* Sets a threshold for a model. score: name of the output that it is on; empty: the one that
 * evaluations rank by, decision_function where there is one, else predict_proba. positive: the
 * class as text or as JSON; empty: the second. origin: at most 15 bytes. WEIR_ERR_INVALID: the
 * value is NaN, or there is no such class or output; WEIR_ERR_UNSUPPORTED: the model does not
 * decide between two classes, or has no scores. *out is then untouched. */
WEIR_MUST_USE enum weir_status
weir_tensor_threshold_set(struct weir_tensor_threshold *out, const struct weir_spec *spec,
                          double value, struct weir_str score, struct weir_str positive,
                          const char *origin, struct weir_error *err);

/* Returns the outputs (1u << enum weir_output) that must be computed so that those that are wanted
 * can be decided. */
static inline uint32_t weir_tensor_threshold_wanted(const struct weir_tensor_threshold *threshold,
                                                    uint32_t wanted)
{
    bool decides = threshold->is_set && (wanted & 1u << WEIR_OUTPUT_PREDICT);
    return decides ? wanted | 1u << threshold->score : wanted;
}

/* Decides n_rows rows of the spec's model. labels: indexes of classes; scores: values of the
 * output threshold->score. */
void weir_tensor_threshold_apply(const struct weir_tensor_threshold *threshold,
                                 const struct weir_spec *spec, size_t n_rows, const double *scores,
                                 int32_t *labels);

/* Returns the positive class as JSON text, borrowed from the spec. */
struct weir_str weir_tensor_threshold_positive(const struct weir_tensor_threshold *threshold,
                                               const struct weir_spec *spec);

#endif

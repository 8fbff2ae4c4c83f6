/* SPDX-License-Identifier: MIT */
/* Making an evaluation: the parts that share the work. */
#ifndef WEIR_GATE_EVALUATION_PRIV_H
#define WEIR_GATE_EVALUATION_PRIV_H

#include "gate/evaluation.h"

/* No class: nothing is decided of a row whose scores are not finite. */
#define WEIR_GATE_NO_DECISION UINT32_MAX

/* An evaluation while it is made. */
struct weir_gate_evaluation_work {
    struct weir_gate_evaluation *out;
    const struct weir_gate_holdout
        *holdout; /* rows that count: those of out->holdout with scores */
    const struct weir_gate_evaluation_opts *opts;
    uint8_t *is_positive; /* n, of two classes */
    struct weir_error *err;
};

/* Adds a number; one that is not defined, or NaN, says why. */
struct weir_gate_metric *weir_gate_evaluation_add(struct weir_gate_evaluation_work *w,
                                                  enum weir_gate_metric_id id, bool is_defined,
                                                  double value, const char *why);

/* Sets the error that there is no memory, and returns it. */
enum weir_status weir_gate_evaluation_no_memory(const struct weir_gate_evaluation_work *w);

/* Tells whether all that the model says of a row's classes is finite. */
bool weir_gate_evaluation_has_row(const struct weir_gate_holdout *holdout, size_t row);

/* Two classes: numbers of scores, and of probabilities. */
enum weir_status weir_gate_evaluation_rank(struct weir_gate_evaluation_work *w);
enum weir_status weir_gate_evaluation_measure_p(struct weir_gate_evaluation_work *w);

/* More than two classes: numbers of scores. */
enum weir_status weir_gate_evaluation_rank_many(struct weir_gate_evaluation_work *w);

/* Several labels: numbers of scores and decisions. */
enum weir_status weir_gate_evaluation_measure_labels(struct weir_gate_evaluation_work *w);

/* Decides each row of out->holdout, and measures decisions. */
enum weir_status weir_gate_evaluation_decide(struct weir_gate_evaluation_work *w);

/* Writes what a matrix says into a number, with the interval of a rate where it is one of rows that
 * count once. */
void weir_gate_evaluation_put_decided(struct weir_gate_metric *metric,
                                      const struct weir_eval_confusion *confusion,
                                      size_t class_index, double beta, double alpha,
                                      bool is_weighted);

#endif

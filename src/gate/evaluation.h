/* SPDX-License-Identifier: MIT */
/* The evaluation of a holdout: every number under one name, the same in tables, documents, rules
 * and metrics. */
#ifndef WEIR_GATE_EVALUATION_H
#define WEIR_GATE_EVALUATION_H

#include "eval/confusion.h"
#include "eval/policy.h"
#include "eval/probability.h"
#include "gate/holdout.h"
#include "gate/metric.h"

enum { WEIR_GATE_METRICS_MAX = WEIR_GATE_METRIC_N, WEIR_GATE_CALIBRATION_BINS_MAX = 100 };

/* One number. */
struct weir_gate_metric {
    enum weir_gate_metric_id id;
    const char *name;  /* "roc_auc", as gate/metric.h has it; borrowed for ever */
    double value;      /* NaN: undefined, */
    const char *why;   /* because of this; borrowed for ever */
    bool has_interval; /* the following hold */
    double se, low, high;
    const char *method; /* of the interval: "delong-logit", "wilson", "bootstrap" */
    bool has_wald;      /* also in the number's own scale, cut at 0 and 1, as R's pROC has it */
    double wald_low, wald_high;
};

struct weir_gate_evaluation_opts {
    double alpha;                          /* of intervals; 0: 0.05 */
    const struct weir_eval_policy *policy; /* of two classes: how decisions are made; NULL: as the
                                              model makes them */
    bool has_threshold;                    /* decisions are by this one, without a policy: */
    double threshold;                      /* positive when the score is at least this */
    bool is_bare;                          /* slices and folds are not measured */
    double fbeta;                          /* 0: 1 */
    double quantile;                       /* of the pinball loss; 0: 0.5 */
    size_t n_bins;                         /* of the calibration curve; 0: 10 */
    bool bins_by_quantile;
};

struct weir_gate_slice;

/* What holds of one class against all others. */
struct weir_gate_class {
    struct weir_eval_confusion_class counts;
    double roc_auc; /* NaN: undefined; of more than two classes, as is */
    double average_precision;
};

struct weir_gate_evaluation {
    const struct weir_gate_holdout *holdout; /* borrowed */
    struct weir_gate_evaluation_opts opts;   /* as asked for, without gaps; policy: NULL */
    double alpha;
    size_t n_metrics;
    struct weir_gate_metric metrics[WEIR_GATE_METRICS_MAX];
    size_t n_invalid;    /* rows whose score or prediction is not finite */
    uint32_t *decisions; /* n class indexes: by the policy, as the model did, or for the largest
                            probability; UINT32_MAX: none of a row whose scores are
                            not finite; NULL: nothing is decided. Owned */
    bool has_confusion;
    struct weir_eval_confusion confusion;
    struct weir_gate_class *classes; /* n_classes, where there is a confusion matrix; labels */
    bool has_sweep;
    struct weir_eval_sweep sweep; /* of two classes */
    size_t n_bins;                /* of the calibration curve of two classes */
    struct weir_eval_probability_bin bins[WEIR_GATE_CALIBRATION_BINS_MAX];
    bool has_choice;
    struct weir_eval_policy_choice choice; /* of the policy */
    size_t n_slices;                       /* in gate/slice.h; owned */
    struct weir_gate_slice *slices;
    size_t n_folds; /* the same; the numbers above are then those of all folds pooled */
    struct weir_gate_slice *folds;
    size_t n_slices_left_out; /* parts of columns that there are too many of */
    struct weir_mem *mem;
};

/* Computes all that can be. WEIR_ERR_INVALID: the policy cannot be met; WEIR_ERR_NO_MEMORY,
 * WEIR_ERR_LIMIT. *evaluation is then as zeroed. */
WEIR_MUST_USE enum weir_status
weir_gate_evaluation_make(struct weir_gate_evaluation *evaluation,
                          const struct weir_gate_holdout *holdout,
                          const struct weir_gate_evaluation_opts *opts, struct weir_error *err);
void weir_gate_evaluation_deinit(struct weir_gate_evaluation *evaluation);

/* Finds a number by its name; NULL: there is none of it. */
const struct weir_gate_metric *
weir_gate_evaluation_find(const struct weir_gate_evaluation *evaluation, struct weir_str name);

/* A number as a rule asks for it. */
struct weir_gate_evaluation_ask {
    struct weir_str metric;     /* "recall" */
    struct weir_str class_name; /* of this class against the rest; empty: as without */
    bool has_at;                /* with a number: the threshold of decisions, a share, a rate, k */
    double at;
};

/* Computes a number of a class, at a threshold, or both. A row is decided positive when its
 * probability of the class is at least the threshold; where there are no probabilities, when its
 * score is. What cannot be asked of these rows or of this number is undefined, and says why.
 * WEIR_ERR_NO_MEMORY. O(n), for areas O(n log n). */
WEIR_MUST_USE enum weir_status
weir_gate_evaluation_at(const struct weir_gate_evaluation *evaluation,
                        const struct weir_gate_evaluation_ask *ask, struct weir_gate_metric *out,
                        struct weir_error *err);

/* Returns "binary", "multiclass", "regression" or "multilabel". */
const char *weir_gate_evaluation_task(enum weir_gate_task task);

#endif

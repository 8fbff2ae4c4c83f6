/* SPDX-License-Identifier: MIT */
/* Nodes made of other nodes: votes, averages, stacks, one-vs-rest, chains of targets, calibration,
 * thresholds.
 *
 * A member reads the rows of the whole, or some of their columns, and decides for itself what it
 * refuses. Class k of a member is class classes[k] of the whole. All arrays that opts point to,
 * members and their arrays too, are in the builder's arena, or are said to be copied; targets are
 * in the arena. Shared statuses of the constructors: WEIR_ERR_INVALID: widths or outputs do not
 * fit; WEIR_ERR_UNSUPPORTED: text reaches a member of a node that takes none; WEIR_ERR_LIMIT:
 * nested too deep; WEIR_ERR_NO_MEMORY. */
#ifndef WEIR_MODEL_COMBINE_H
#define WEIR_MODEL_COMBINE_H

#include "model/builder.h"

/* One part. */
struct weir_model_combine_member {
    const struct weir_model_node *node;
    const uint32_t *columns; /* node->n_in columns of the whole that it reads; NULL: all */
    const uint32_t *classes; /* its classes as classes of the whole; NULL: the same */
};

/* What all constructors are told. */
struct weir_model_combine_opts {
    struct weir_str name; /* for faults */
    uint32_t n_in;
    const struct weir_model_combine_member *members; /* copied; their arrays are not */
    size_t n;                                        /* at least 1 */
    bool checks;        /* it looks for NaN and infinities itself; text is then refused */
    bool allows_nan;    /* of its own check */
    bool allows_inf;    /* likewise */
    bool keeps_columns; /* its columns are the model's features */
    const struct weir_labels *targets;
    size_t n_targets;
};

/* --- combine_mean.c --- */

struct weir_model_combine_mean_opts {
    struct weir_model_combine_opts base;
    bool is_classifier;    /* the mean is of predict_proba, predict its largest; else of predict */
    bool votes;            /* members without predict_proba add 1 to the class they predict */
    bool decides;          /* the mean of decision_function is given too */
    const double *weights; /* one for each member, copied; NULL: all alike */
    double divisor;        /* the sum is divided by it */
    bool begins_at_zero;   /* sums begin with 0.0, not with the first member */
    bool stays_f64;        /* float32 answers of members are averaged in double */
    bool transforms;       /* what the members answered is given as `transform`, side by side */
};

/* Makes the mean of its members' answers, added in their order. */
WEIR_MUST_USE enum weir_status
weir_model_combine_mean_new(struct weir_model_builder *b,
                            const struct weir_model_combine_mean_opts *opts,
                            const struct weir_model_node **out, struct weir_error *err);

/* --- combine_vote.c --- */

/* Makes the class that most members predict (the first of equals), each counting weights[i]
 * (copied; NULL: 1). `transform` gives the classes they predict. */
WEIR_MUST_USE enum weir_status
weir_model_combine_vote_new(struct weir_model_builder *b,
                            const struct weir_model_combine_opts *opts, const double *weights,
                            const struct weir_model_node **out, struct weir_error *err);

/* Makes the weighted median of its members' predictions: sorted, the first at which the running
 * sum of weights reaches half of the whole. weights: one for each member, copied. */
WEIR_MUST_USE enum weir_status
weir_model_combine_median_new(struct weir_model_builder *b,
                              const struct weir_model_combine_opts *opts, const double *weights,
                              const struct weir_model_node **out, struct weir_error *err);

/* --- combine_stack.c --- */

/* What a stack takes of a member. */
struct weir_model_combine_piece {
    enum weir_output output; /* PREDICT, PREDICT_PROBA or DECISION_FUNCTION */
    uint32_t skip;           /* leading columns left out */
    const double *values;    /* for labels: the number that stands for each class */
};

struct weir_model_combine_stack_opts {
    struct weir_model_combine_opts base;           /* members: what is stacked */
    const struct weir_model_combine_piece *pieces; /* one for each member, copied */
    bool passes;                                   /* the rows themselves follow the pieces */
    const struct weir_model_node *last;            /* reads all that side by side and answers */
    bool first_of_each; /* predict_proba of several targets: the first class of each */
};

/* Makes a stack: outputs of `last`, and `transform` gives what it reads. targets and n_targets of
 * base stand for those of `last`, class by class. */
WEIR_MUST_USE enum weir_status
weir_model_combine_stack_new(struct weir_model_builder *b,
                             const struct weir_model_combine_stack_opts *opts,
                             const struct weir_model_node **out, struct weir_error *err);

/* --- combine_rest.c --- */

/* One binary question. */
struct weir_model_combine_score {
    enum weir_output output; /* DECISION_FUNCTION (one column), PREDICT_PROBA (its second) or
                                PREDICT of a number */
    bool is_constant;        /* no member: it always answers value */
    double value;
    uint32_t member; /* else: which */
};

enum weir_model_combine_rest_form {
    WEIR_MODEL_COMBINE_REST_ONE,   /* one question: two classes */
    WEIR_MODEL_COMBINE_REST_MOST,  /* as many questions as classes: the largest score */
    WEIR_MODEL_COMBINE_REST_EACH,  /* several labels: every question is a target of 0 and 1 */
    WEIR_MODEL_COMBINE_REST_PAIRS, /* a question for each pair of classes i < j: is it j? Votes,
                                      and scores among equals */
    WEIR_MODEL_COMBINE_REST_CODES, /* the class whose code is nearest to the scores */
};

struct weir_model_combine_rest_opts {
    struct weir_model_combine_opts base;
    enum weir_model_combine_rest_form form;
    const struct weir_model_combine_score *scores; /* copied */
    size_t n_scores;
    double threshold;     /* ONE, EACH, PAIRS of two classes: class 1 when above it */
    bool last_of_equals;  /* MOST: of equal scores the last one wins */
    bool zero_sum_is_nan; /* predict_proba of MOST: rows of zeros become NaN; else stay zeros */
    bool has_proba;       /* predict_proba is given: all members have it */
    bool has_decision;    /* decision_function likewise */
    const double *codes;  /* CODES: n_classes × n_scores */
};

WEIR_MUST_USE enum weir_status
weir_model_combine_rest_new(struct weir_model_builder *b,
                            const struct weir_model_combine_rest_opts *opts,
                            const struct weir_model_node **out, struct weir_error *err);

/* --- combine_multi.c --- */

/* Makes one target after the other, one member for each: `predict` side by side,
 * `predict_proba` too when has_proba. */
WEIR_MUST_USE enum weir_status
weir_model_combine_multi_new(struct weir_model_builder *b,
                             const struct weir_model_combine_opts *opts, bool has_proba,
                             const struct weir_model_node **out, struct weir_error *err);

/* What a chain of targets appends to the rows for the next member. */
struct weir_model_combine_links_opts {
    struct weir_model_combine_opts base; /* members: n_in + i columns each */
    const uint32_t *order;               /* column of the answer of member i; copied */
    enum weir_output appends;            /* PREDICT, PREDICT_PROBA or DECISION_FUNCTION */
    const double *const *values;         /* of each member: numbers of its labels; NULL: numbers */
    bool has_proba;                      /* predict_proba: that of the second class of each */
    bool has_decision;
};

/* Makes a chain of targets: every member also reads what the ones before it answered. */
WEIR_MUST_USE enum weir_status
weir_model_combine_links_new(struct weir_model_builder *b,
                             const struct weir_model_combine_links_opts *opts,
                             const struct weir_model_node **out, struct weir_error *err);

/* --- combine_start.c --- */

/* How boosting begins: what a probability or a prediction is as a raw score. */
enum weir_model_combine_link {
    WEIR_MODEL_COMBINE_LINK_IDENTITY,
    WEIR_MODEL_COMBINE_LINK_LOGIT,      /* log(p / (1 − p)) of the second of two classes */
    WEIR_MODEL_COMBINE_LINK_LOGIT_HALF, /* half of it */
    WEIR_MODEL_COMBINE_LINK_LOG,        /* log p of each class */
    WEIR_MODEL_COMBINE_LINK_LOG_MEAN,   /* log(p / geometric mean of all p) */
};

struct weir_model_combine_start_opts {
    const struct weir_model_node *node; /* answers with predict (IDENTITY) or predict_proba */
    enum weir_model_combine_link link;
    double eps;      /* probabilities are cut to eps … 1 − eps */
    bool stays_f32;  /* float32 probabilities are cut and linked in float32 */
    uint32_t n_sums; /* scores: 1 for IDENTITY and the logits, else the classes */
};

/* Makes a node whose `transform` gives the raw scores that boosting begins with. It casts its rows
 * to float32 first, as the trees after it do. */
WEIR_MUST_USE enum weir_status
weir_model_combine_start_new(struct weir_model_builder *b,
                             const struct weir_model_combine_start_opts *opts,
                             const struct weir_model_node **out, struct weir_error *err);

/* Makes raw scores of the n probabilities (IDENTITY: numbers) of one row; out: n_sums. */
void weir_model_combine_start_link(const struct weir_model_combine_start_opts *opts,
                                   const double *p, size_t n, bool is_f32, double *out);

/* --- combine_boost.c --- */

struct weir_model_combine_boost_opts {
    struct weir_model_combine_opts base; /* classifiers */
    bool is_real;          /* SAMME.R: members vote with the logarithms of their probabilities; else
                              SAMME: with their weights for the class they predict */
    const double *weights; /* SAMME: one for each member, copied */
    double miss;           /* SAMME: what a class that is not predicted gets, times the weight */
    double divisor;        /* sums are divided by it */
};

/* Makes AdaBoost's decision over at least two classes (Zhu et al. 2009; Hastie et al. 2009). */
WEIR_MUST_USE enum weir_status
weir_model_combine_boost_new(struct weir_model_builder *b,
                             const struct weir_model_combine_boost_opts *opts,
                             const struct weir_model_node **out, struct weir_error *err);

/* --- combine_calibrate.c --- */

enum weir_model_combine_curve_kind {
    WEIR_MODEL_COMBINE_CURVE_SIGMOID,  /* 1 / (1 + e^(a s + b)) */
    WEIR_MODEL_COMBINE_CURVE_ISOTONIC, /* linear between points, constant beyond them */
};

/* What makes a probability of a score. */
struct weir_model_combine_curve {
    enum weir_model_combine_curve_kind kind;
    double a, b; /* SIGMOID */
    size_t n;    /* ISOTONIC: points, at least 1 */
    const double *x;
    const double *y;
    double x_min, x_max; /* scores are cut to these first */
    bool is_f32;         /* ISOTONIC: made of float32, scores are cast to it */
    uint32_t cls;        /* the class whose probability it is */
};

/* How one member is calibrated. */
struct weir_model_combine_calibrator {
    enum weir_output output;                       /* DECISION_FUNCTION or PREDICT_PROBA */
    uint32_t skip;                                 /* leading columns of it that no curve reads */
    const struct weir_model_combine_curve *curves; /* for each further column */
    size_t n_curves;
    bool is_temperature; /* no curves: softmax of beta times the scores, or the log of
                            probabilities */
    double beta;
};

struct weir_model_combine_calibrate_opts {
    struct weir_model_combine_opts base;
    const struct weir_model_combine_calibrator *calibrators; /* one for each member, copied */
};

/* Makes the mean of the calibrated probabilities of its members; predict is the largest. */
WEIR_MUST_USE enum weir_status
weir_model_combine_calibrate_new(struct weir_model_builder *b,
                                 const struct weir_model_combine_calibrate_opts *opts,
                                 const struct weir_model_node **out, struct weir_error *err);

/* --- combine_threshold.c --- */

struct weir_model_combine_threshold_opts {
    struct weir_model_combine_opts base; /* one member, a classifier of two classes */
    enum weir_output output;             /* PREDICT_PROBA or DECISION_FUNCTION */
    uint32_t positive;                   /* the class that is asked about: 0 or 1 */
    double threshold;                    /* it is predicted when its score is at least this */
};

/* Makes a classifier with another threshold; its other outputs are the member's. */
WEIR_MUST_USE enum weir_status
weir_model_combine_threshold_new(struct weir_model_builder *b,
                                 const struct weir_model_combine_threshold_opts *opts,
                                 const struct weir_model_node **out, struct weir_error *err);

/* --- combine_inverse.c --- */

enum weir_model_combine_inverse_op {
    WEIR_MODEL_COMBINE_INVERSE_MULTIPLY, /* x × a[k] */
    WEIR_MODEL_COMBINE_INVERSE_DIVIDE,   /* x ÷ a[k] */
    WEIR_MODEL_COMBINE_INVERSE_ADD,      /* x + a[k] */
    WEIR_MODEL_COMBINE_INVERSE_SUBTRACT, /* x − a[k] */
    WEIR_MODEL_COMBINE_INVERSE_CALL,     /* call(x) */
    WEIR_MODEL_COMBINE_INVERSE_BOX_COX,  /* Box-Cox transformation with λ = a[k], undone */
    WEIR_MODEL_COMBINE_INVERSE_JOHNSON,  /* Yeo-Johnson, likewise */
};

struct weir_model_combine_inverse_step {
    enum weir_model_combine_inverse_op op;
    const double *a; /* one for each target, in the builder's arena */
    double (*call)(double);
};

/* Makes a regressor whose predictions go through steps, target by target. steps: copied. */
WEIR_MUST_USE enum weir_status weir_model_combine_inverse_new(
    struct weir_model_builder *b, const struct weir_model_combine_opts *opts,
    const struct weir_model_combine_inverse_step *steps, size_t n_steps, bool is_vector,
    const struct weir_model_node **out, struct weir_error *err);

#endif

/* SPDX-License-Identifier: MIT */
/* Choosing a threshold on scores: score >= threshold is positive.
 *
 * Every group of the sweep is tried, and "nothing is positive" (an infinite threshold). Among equal
 * ones the smaller false positive rate wins, then the larger threshold. */
#ifndef WEIR_EVAL_POLICY_H
#define WEIR_EVAL_POLICY_H

#include "base/str.h"
#include "eval/sweep.h"

/* How a policy is written, and what it does. */
#define WEIR_EVAL_POLICY_MAP(X)                                                    \
    X(FIXED, "fixed:T", "the threshold T")                                         \
    X(YOUDEN, "youden", "largest TPR - FPR (Youden 1950)")                         \
    X(F1, "f1", "largest F1")                                                      \
    X(FBETA, "fbeta:B", "largest F with recall B times as important")              \
    X(MCC, "mcc", "largest Matthews correlation")                                  \
    X(FPR, "fpr<=X", "largest TPR with FPR <= X; fpr<=X@95% with that confidence") \
    X(TPR, "tpr>=X", "smallest FPR with TPR >= X; recall>=X is the same")          \
    X(PRECISION, "precision>=X", "largest recall with precision >= X")             \
    X(COST, "cost:fp=A,fn=B", "least A x false positives + B x false negatives")   \
    X(TOP, "top:K%", "the K% of rows with the largest scores")

enum weir_eval_policy_kind {
#define WEIR_EVAL_POLICY_ENUM(code, form, text) WEIR_EVAL_POLICY_##code,
    WEIR_EVAL_POLICY_MAP(WEIR_EVAL_POLICY_ENUM)
#undef WEIR_EVAL_POLICY_ENUM
};

struct weir_eval_policy {
    enum weir_eval_policy_kind kind;
    double value;      /* T, B, X, A, or K / 100 */
    double value_fn;   /* COST: B */
    double confidence; /* FPR: that the rate behind it is kept; 0: the sample's rate counts */
};

/* Reads a policy. WEIR_ERR_INVALID: it is none; the message lists the forms. */
WEIR_MUST_USE enum weir_status
weir_eval_policy_read(struct weir_str text, struct weir_eval_policy *out, struct weir_error *err);

/* A threshold and what it does on the rows it was chosen on. */
struct weir_eval_policy_choice {
    double observed;  /* the score it was seen at; infinity: nothing is positive */
    double threshold; /* to be served: the middle between it and the next lower score */
    double tp, fp, fn, tn;
    double objective; /* what was made large or small */
};

/* Chooses. WEIR_ERR_INVALID: no threshold meets the policy, or a class has no rows;
 * WEIR_ERR_UNSUPPORTED: a confidence with weights. */
WEIR_MUST_USE enum weir_status weir_eval_policy_choose(const struct weir_eval_policy *policy,
                                                       const struct weir_eval_sweep *sweep,
                                                       struct weir_eval_policy_choice *out,
                                                       struct weir_error *err);

#endif

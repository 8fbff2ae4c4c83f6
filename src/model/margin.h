/* SPDX-License-Identifier: MIT */
/* From the margins of a boosted model to its answers.
 *
 * XGBoost, LightGBM and CatBoost share this: trees (or a linear booster) give raw margins, a link
 * of the objective makes values of them, and a wrapper makes labels and probabilities of those. The
 * margins are what another node predicts. Each library has its own formulas, XGBoost's in float32;
 * exp is the C library's. Accuracy: within 2 ulp of the library (tests/parity), mostly its bits. */
#ifndef WEIR_MODEL_MARGIN_H
#define WEIR_MODEL_MARGIN_H

#include "model/builder.h"

/* How margins become values, as many of them unless it says otherwise. */
enum weir_model_margin_link {
    WEIR_MODEL_MARGIN_IDENTITY,
    /* In float32, as XGBoost's C++ does (src/objective, common/math.h). */
    WEIR_MODEL_MARGIN_SIGMOID_F32,       /* 1 / (e^min(−x, 88.7) + 1 + 1e-16) */
    WEIR_MODEL_MARGIN_SOFTMAX_F32,       /* e^(x − max) / Σ; the sum in double, then rounded */
    WEIR_MODEL_MARGIN_SOFTMAX_SCIPY_F32, /* the same, sums as numpy adds float32 */
    WEIR_MODEL_MARGIN_ARGMAX,            /* one value: the number of the largest, first of equals */
    WEIR_MODEL_MARGIN_EXP_F32,
    WEIR_MODEL_MARGIN_HINGE,         /* 1 when x > 0, else 0 */
    WEIR_MODEL_MARGIN_SORT,          /* ascending */
    WEIR_MODEL_MARGIN_EXPECTILE_F32, /* the first as it is; then the one before + 1e-6 + log1p(e^x)
                                      */
    /* In double. */
    WEIR_MODEL_MARGIN_SIGMOID,   /* 1 / (1 + e^(−param x)), each by itself */
    WEIR_MODEL_MARGIN_SOFTMAX,   /* e^(x − max) / Σ, added in order */
    WEIR_MODEL_MARGIN_EXP,       /* e^x */
    WEIR_MODEL_MARGIN_LOG1P_EXP, /* log1p(e^x) */
    WEIR_MODEL_MARGIN_SQUARE,    /* sign(x) x² */
};

/* What `predict` gives. */
enum weir_model_margin_predict {
    WEIR_MODEL_MARGIN_NUMBERS,     /* the values */
    WEIR_MODEL_MARGIN_ABOVE_HALF,  /* one value: class 1 when it is > 0.5 */
    WEIR_MODEL_MARGIN_EACH_HALF,   /* several targets, one value each: likewise */
    WEIR_MODEL_MARGIN_LARGEST,     /* class of the largest probability, first of equals */
    WEIR_MODEL_MARGIN_ABOVE_BOUND, /* one margin: class 1 when it is > bound */
    WEIR_MODEL_MARGIN_EACH_BOUND,  /* several targets, one margin each: likewise */
    WEIR_MODEL_MARGIN_LARGEST_RAW, /* class of the largest margin */
    WEIR_MODEL_MARGIN_CLASS_VALUE, /* the value is the number of a class (ARGMAX) */
};

/* What `predict_proba` gives. */
enum weir_model_margin_proba {
    WEIR_MODEL_MARGIN_NO_PROBA,
    WEIR_MODEL_MARGIN_PAIR, /* one value v: 1 − v, v */
    WEIR_MODEL_MARGIN_ALL,  /* the values */
};

struct weir_model_margin_opts {
    const struct weir_model_node *inner; /* its predict, numbers, are the margins */
    enum weir_model_margin_link link;
    enum weir_model_margin_link proba_link; /* for predict_proba, where it differs */
    double param;                           /* of SIGMOID, SIGMOID_F32 */
    double bound;                           /* of …_BOUND */
    double divisor; /* margins are divided by it before the link; 0 or 1: not */
    enum weir_model_margin_predict predict;
    enum weir_model_margin_proba proba;
    bool gives_margins;                /* decision_function: the margins */
    bool is_f32;                       /* answers are floats */
    bool is_vector;                    /* one number is answered as [n] */
    const struct weir_labels *targets; /* in the builder's arena */
    size_t n_targets;
};

/* Makes the node. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_model_margin_new(struct weir_model_builder *b,
                                                     const struct weir_model_margin_opts *opts,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err);

#endif

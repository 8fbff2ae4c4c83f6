/* SPDX-License-Identifier: MIT */
/* Steps: transformers that treat each column by itself. One evaluator applies a short list of
 * elementwise operations to each column, so that scalers of all kinds are data, not code. */
#ifndef WEIR_MODEL_STEPS_H
#define WEIR_MODEL_STEPS_H

#include "model/builder.h"

enum weir_model_step_op {
    WEIR_MODEL_STEP_SUBTRACT,    /* x − a[j] */
    WEIR_MODEL_STEP_DIVIDE,      /* x ÷ a[j] */
    WEIR_MODEL_STEP_MULTIPLY,    /* x × a[j] */
    WEIR_MODEL_STEP_ADD,         /* x + a[j] */
    WEIR_MODEL_STEP_CLIP,        /* a[0] … a[1] for all columns; NaN stays */
    WEIR_MODEL_STEP_ABOVE,       /* 1 where x > a[j], else 0 */
    WEIR_MODEL_STEP_YEO_JOHNSON, /* with λ = a[j]; NaN stays (Yeo and Johnson 2000, eq. 2.1) */
    WEIR_MODEL_STEP_YEO_JOHNSON_POWER, /* the same through powers: ((x + 1)^λ − 1) / λ */
    WEIR_MODEL_STEP_BOX_COX,  /* with λ = a[j]; NaN stays, and x <= 0 is a fault of range (Box and
                                 Cox 1964, eq. 1) */
    WEIR_MODEL_STEP_CHECK,    /* an infinite x is a fault */
    WEIR_MODEL_STEP_FUNCTION, /* fn(x) for all columns; a is not read */
};

/* A function of one number, as the C library computes it: within 2 ulp of numpy's. */
typedef double weir_model_step_fn(double x);

enum { WEIR_MODEL_STEPS_MAX = 4 };

struct weir_model_step {
    enum weir_model_step_op op;
    const double *a;        /* n_columns values (CLIP: 2); copied */
    bool rounds_first;      /* with float32 rows the parameters are rounded to float before they are
                               used; else the operation is in double and its result rounded */
    weir_model_step_fn *fn; /* FUNCTION */
};

struct weir_model_steps_opts {
    struct weir_str name; /* for faults: "StandardScaler" */
    uint32_t n_columns;   /* at least 1 */
    const struct weir_model_step *steps;
    size_t n_steps;     /* 0 … WEIR_MODEL_STEPS_MAX; 0: values pass unchanged, still checked */
    bool allows_nan;    /* NaN passes through */
    bool allows_inf;    /* infinities pass through */
    bool keeps_columns; /* its columns are the model's features */
};

/* Makes a node that gives `transform`, n_columns wide, float32 for float32 rows. Bit-equal to the
 * library where each operation is one correctly rounded one; powers and functions are within a few
 * ulp. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_steps_new(struct weir_model_builder *b,
                                                    const struct weir_model_steps_opts *opts,
                                                    const struct weir_model_node **out,
                                                    struct weir_error *err);

#endif

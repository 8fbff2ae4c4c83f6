/* SPDX-License-Identifier: MIT */
/* Kernels: one number for each row and each of many points. What support vector machines and kernel
 * ridge regression compare with. */
#ifndef WEIR_MODEL_KERNEL_H
#define WEIR_MODEL_KERNEL_H

#include "model/dense.h"

enum weir_model_kernel_kind {
    WEIR_MODEL_KERNEL_LINEAR,    /* x · s */
    WEIR_MODEL_KERNEL_POLY,      /* (gamma x · s + coef0)^degree */
    WEIR_MODEL_KERNEL_RBF,       /* e^(−gamma |x − s|²) */
    WEIR_MODEL_KERNEL_SIGMOID,   /* tanh(gamma x · s + coef0) */
    WEIR_MODEL_KERNEL_LAPLACIAN, /* e^(−gamma Σ|x − s|) */
    WEIR_MODEL_KERNEL_COLUMNS    /* column point[i] of the row, which holds kernel values already */
};

struct weir_model_kernel_opts {
    enum weir_model_kernel_kind kind;
    double gamma;
    double coef0;
    double degree; /* a whole number from 0 on is a power by multiplication */
    uint32_t n_in;
    size_t n_points;
    const double *points;    /* n_points × n_in, row-major; NULL for COLUMNS */
    const uint32_t *columns; /* COLUMNS: n_points indexes below n_in; else NULL */
};

struct weir_model_kernel {
    enum weir_model_kernel_kind kind;
    double gamma;
    double coef0;
    double degree;
    size_t n_points;
    struct weir_model_dense dense;
    const uint32_t *columns;
};

/* Makes a kernel in the builder's arena. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_kernel_init(struct weir_model_kernel *k,
                                                      struct weir_model_builder *b,
                                                      const struct weir_model_kernel_opts *opts,
                                                      struct weir_error *err);

/* Fills out[row × n_points + i]. */
void weir_model_kernel_run(const struct weir_model_kernel *k, const double *x, size_t stride,
                           size_t n_rows, double *out);

/* Returns how many rows should be run at once, so that their values stay in the cache: 1 …
 * WEIR_MODEL_BLOCK_ROWS. */
size_t weir_model_kernel_rows(const struct weir_model_kernel *k);

#endif

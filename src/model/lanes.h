/* SPDX-License-Identifier: MIT */
/* Lanes: the inner loops of dense arithmetic, in one version for each kind of CPU.
 *
 * Every version does the same operations in the same order for one row, eight lanes wide, whatever
 * the number of rows: AVX-512 and AVX2 give the same bits. CPUs without fused multiply-add use the
 * portable version, which rounds each product. Runs on: any thread. */
#ifndef WEIR_MODEL_LANES_H
#define WEIR_MODEL_LANES_H

#include <stddef.h>

enum { WEIR_MODEL_LANES = 8 }; /* doubles that go side by side */

/* What is summed over the columns j of a row x and a point w. */
enum weir_model_lanes_sum {
    WEIR_MODEL_LANES_DOT,     /* Σ x[j] · w[j] */
    WEIR_MODEL_LANES_SQUARES, /* Σ (x[j] − w[j])² */
    WEIR_MODEL_LANES_ABS,     /* Σ |x[j] − w[j]| */
    WEIR_MODEL_LANES_MAX      /* max |x[j] − w[j]| */
};
enum { WEIR_MODEL_LANES_N_SUMS = 4 };

/* Rows against points. */
struct weir_model_lanes_task {
    const double *x; /* n_rows rows of n_in values */
    size_t stride;   /* elements from row to row of x */
    size_t n_rows;
    size_t n_in;
    const double *points; /* narrow: each point padded with zeros to whole lanes; wide: panels of
                             eight points, in each n_in times the eight values of one column */
    size_t n_points;
    double *out; /* out[row × out_stride + point] */
    size_t out_stride;
};

struct weir_model_lanes {
    const char *name; /* "avx512", "avx2", "portable" */
    /* Few points: lane l sums the columns j ≡ l (mod 8); the lanes are added 0+4, 1+5, …, then
     * halves again. DOT only. */
    void (*narrow)(const struct weir_model_lanes_task *task);
    /* Many points: each sum goes over the columns in order, from 0. */
    void (*wide[WEIR_MODEL_LANES_N_SUMS])(const struct weir_model_lanes_task *task);
    /* x[i] = e^x[i], within 1 ulp; tanh within 2 ulp. */
    void (*exp)(double *x, size_t n);
    void (*tanh)(double *x, size_t n);
    /* Finds whether all n values are finite. */
    int (*are_finite)(const double *x, size_t n);
    /* x[i] += y[i]; add_relu: then 0 where that is negative. */
    void (*add)(double *x, const double *y, size_t n);
    void (*add_relu)(double *x, const double *y, size_t n);
};

/* Returns the version for this CPU, borrowed for ever. */
const struct weir_model_lanes *weir_model_lanes_get(void);

/* Returns version i of those that this CPU can run, the best first; NULL: no more. For tests. */
const struct weir_model_lanes *weir_model_lanes_list(size_t i);

#endif

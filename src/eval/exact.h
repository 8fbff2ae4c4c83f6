/* SPDX-License-Identifier: MIT */
/* Sums of doubles without rounding: what is added can be taken away again, in any order, and what
 * is left is as if it had never been there. Sums of parts, threads and windows are merged.
 *
 * A number is a fixed-point number wide enough for every double (the "superaccumulator" of Kulisch
 * and Miranker 1986): limbs of 32 bits in integers of 64, so that carries are rare. */
#ifndef WEIR_EVAL_EXACT_H
#define WEIR_EVAL_EXACT_H

#include <stdint.h>

enum { WEIR_EVAL_EXACT_LIMBS = 68 };

/* A sum; zeroed is 0. */
struct weir_eval_exact {
    int64_t limbs[WEIR_EVAL_EXACT_LIMBS]; /* limb i counts 2^(32 i − 1088) */
    uint32_t n_adds;                      /* since carries were last carried */
};

/* Adds v, which must be finite; −v takes it away again. */
void weir_eval_exact_add(struct weir_eval_exact *sum, double v);

/* Adds all that another holds. */
void weir_eval_exact_merge(struct weir_eval_exact *sum, const struct weir_eval_exact *other);

/* Returns the sum as a double, within 2 ulp; ±infinity past the largest. */
double weir_eval_exact_get(const struct weir_eval_exact *sum);

#endif

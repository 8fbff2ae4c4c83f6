/* SPDX-License-Identifier: MIT */
/* lanes.h in plain C. Fused only where the architecture always can (AArch64). */
#include "model/lanes_priv.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define TARGET
#define NAME "portable"
enum { WIDE_ROWS = 2, WIDE_PANELS = 1, SINGLE_PANELS = 1 };

/* One vector for the compiler, which cuts it into what the CPU has. Nothing of it crosses a call
 * that is not inlined, so the warning about that is off. */
#pragma GCC diagnostic ignored "-Wpsabi"
typedef double vec __attribute__((vector_size(8 * WEIR_MODEL_LANES)));
typedef int64_t bits __attribute__((vector_size(8 * WEIR_MODEL_LANES)));

#define INLINE static inline __attribute__((always_inline))

INLINE vec v_one(double a)
{
    return (vec){a, a, a, a, a, a, a, a};
}

INLINE vec v_zero(void)
{
    return v_one(0.0);
}

INLINE vec v_load(const double *at)
{
    vec out;
    memcpy(&out, at, sizeof out);
    return out;
}

INLINE vec v_load_part(const double *at, size_t n)
{
    vec out = v_zero();
    memcpy(&out, at, n * sizeof *at);
    return out;
}

INLINE void v_store(double *at, vec a)
{
    memcpy(at, &a, sizeof a);
}

INLINE vec v_fma(vec a, vec b, vec c)
{
#ifdef __FP_FAST_FMA
    for (size_t i = 0; i < WEIR_MODEL_LANES; i++)
        c[i] = fma(a[i], b[i], c[i]);
    return c;
#else
    return a * b + c;
#endif
}

INLINE vec v_mul(vec a, vec b)
{
    return a * b;
}

INLINE vec v_div(vec a, vec b)
{
    return a / b;
}

INLINE vec v_add(vec a, vec b)
{
    return a + b;
}

INLINE vec v_sub(vec a, vec b)
{
    return a - b;
}

INLINE vec v_abs(vec a)
{
    return (vec)((bits)a & INT64_MAX);
}

INLINE vec v_max(vec a, vec b)
{
    bits keeps = a > b;
    return (vec)(((bits)a & keeps) | ((bits)b & ~keeps));
}

/* A NaN in a stays. */
INLINE vec v_min(vec a, vec b)
{
    bits changes = a > b;
    return (vec)(((bits)b & changes) | ((bits)a & ~changes));
}

INLINE vec v_sign(vec a, vec sign)
{
    return (vec)(((bits)a & INT64_MAX) | ((bits)sign & INT64_MIN));
}

/* Finds whether all lanes are within −limit … limit; false for NaN. */
INLINE int v_are_within(vec a, double limit)
{
    bits is_within = v_abs(a) < v_one(limit);
    int64_t all = -1;
    for (size_t i = 0; i < WEIR_MODEL_LANES; i++)
        all &= is_within[i];
    return all != 0;
}

INLINE double v_sum(vec a)
{
    return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
}

INLINE void v_sum_four(const vec *a, double *out)
{
    for (size_t i = 0; i < 4; i++)
        out[i] = v_sum(a[i]);
}

/* Whole numbers below 2^51 are all that adding 1.5 · 2^52 leaves. */
INLINE vec v_round(vec a)
{
    return (a + v_one(0x1.8p52)) - v_one(0x1.8p52);
}

/* a · 2^k for whole k with a normal result: k + 1023 is moved into the exponent's place. */
INLINE vec v_scale(vec a, vec k)
{
    return a * (vec)((bits)(k + v_one(0x1p52 + 1023.0)) << 52);
}

#include "model/lanes_body.inc" /* not a header: it needs what is above */

const struct weir_model_lanes *weir_model_lanes_portable(void)
{
    return &lanes;
}

/* SPDX-License-Identifier: MIT */
#include "eval/exact.h"

#include "base/macros.h"

#include <math.h>

/* 53 bits are spread over three limbs; a limb takes 2^31 additions before it may overflow. */
enum { LIMB_BITS = 32, BIAS = 1088, MANTISSA_BITS = 53, ADDS_MAX = 1 << 29 };

#define LIMB_MASK INT64_C(0xffffffff)

static void carry(struct weir_eval_exact *sum)
{
    for (size_t i = 0; i + 1 < WEIR_EVAL_EXACT_LIMBS; i++) {
        int64_t low = sum->limbs[i] & LIMB_MASK;
        sum->limbs[i + 1] += (sum->limbs[i] - low) / (LIMB_MASK + 1);
        sum->limbs[i] = low;
    }
    sum->n_adds = 1;
}

void weir_eval_exact_add(struct weir_eval_exact *sum, double v)
{
    weir_assert(sum);
    weir_assert(isfinite(v));
    int exponent;
    double fraction = frexp(fabs(v), &exponent);
    uint64_t mantissa = (uint64_t)ldexp(fraction, MANTISSA_BITS);
    if (mantissa == 0)
        return;
    int at = exponent - MANTISSA_BITS + BIAS;
    if (at < 0) { /* Below the smallest double only bits that are 0 stand. */
        mantissa >>= -at;
        at = 0;
    }
    __extension__ unsigned __int128 wide = (unsigned __int128)mantissa << (at % LIMB_BITS);
    int64_t sign = v < 0 ? -1 : 1;
    for (int i = at / LIMB_BITS; wide > 0; i++, wide >>= LIMB_BITS)
        sum->limbs[i] += sign * (int64_t)((uint64_t)wide & (uint64_t)LIMB_MASK);
    if (++sum->n_adds >= ADDS_MAX)
        carry(sum);
}

void weir_eval_exact_merge(struct weir_eval_exact *sum, const struct weir_eval_exact *other)
{
    weir_assert(sum);
    struct weir_eval_exact from = *other;
    carry(&from);
    for (size_t i = 0; i < WEIR_EVAL_EXACT_LIMBS; i++)
        sum->limbs[i] += from.limbs[i];
    if (++sum->n_adds >= ADDS_MAX)
        carry(sum);
}

double weir_eval_exact_get(const struct weir_eval_exact *sum)
{
    weir_assert(sum);
    struct weir_eval_exact s = *sum;
    carry(&s);
    double sign = 1;
    if (s.limbs[WEIR_EVAL_EXACT_LIMBS - 1] < 0) {
        for (size_t i = 0; i < WEIR_EVAL_EXACT_LIMBS; i++)
            s.limbs[i] = -s.limbs[i];
        carry(&s);
        sign = -1;
    }
    double out = 0;
    for (int i = 0; i < WEIR_EVAL_EXACT_LIMBS; i++)
        out += ldexp((double)s.limbs[i], LIMB_BITS * i - BIAS);
    return sign * out;
}

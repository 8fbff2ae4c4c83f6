/* SPDX-License-Identifier: MIT */
/* lanes.h for CPUs with AVX-512 F and DQ. */
#include "model/lanes_priv.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>

#define TARGET __attribute__((target("avx512f,avx512dq,avx2,fma")))
#define NAME   "avx512"
enum { WIDE_ROWS = 8, WIDE_PANELS = 3, SINGLE_PANELS = 8 };

typedef __m512d vec;

TARGET static inline vec v_zero(void)
{
    return _mm512_setzero_pd();
}

TARGET static inline vec v_one(double a)
{
    return _mm512_set1_pd(a);
}

TARGET static inline vec v_load(const double *at)
{
    return _mm512_loadu_pd(at);
}

TARGET static inline vec v_load_part(const double *at, size_t n)
{
    return _mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), at);
}

TARGET static inline void v_store(double *at, vec a)
{
    _mm512_storeu_pd(at, a);
}

TARGET static inline vec v_fma(vec a, vec b, vec c)
{
    return _mm512_fmadd_pd(a, b, c);
}

TARGET static inline vec v_mul(vec a, vec b)
{
    return _mm512_mul_pd(a, b);
}

TARGET static inline vec v_div(vec a, vec b)
{
    return _mm512_div_pd(a, b);
}

TARGET static inline vec v_add(vec a, vec b)
{
    return _mm512_add_pd(a, b);
}

TARGET static inline vec v_sub(vec a, vec b)
{
    return _mm512_sub_pd(a, b);
}

TARGET static inline vec v_abs(vec a)
{
    return _mm512_abs_pd(a);
}

TARGET static inline vec v_max(vec a, vec b)
{
    return _mm512_max_pd(a, b);
}

/* A NaN in a stays: the instruction gives its second operand then. */
TARGET static inline vec v_min(vec a, vec b)
{
    return _mm512_min_pd(b, a);
}

TARGET static inline vec v_sign(vec a, vec sign)
{
    __m512i bit = _mm512_set1_epi64(INT64_MIN);
    return _mm512_castsi512_pd(
        _mm512_ternarylogic_epi64(bit, _mm512_castpd_si512(sign), _mm512_castpd_si512(a), 0xca));
}

/* Finds whether all lanes are within −limit … limit; false for NaN. */
TARGET static inline int v_are_within(vec a, double limit)
{
    return _mm512_cmp_pd_mask(_mm512_abs_pd(a), _mm512_set1_pd(limit), _CMP_LT_OQ) == 0xff;
}

TARGET static inline double v_sum(vec a)
{
    __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd(a, 1));
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

/* The same additions for four vectors at once. */
TARGET static inline void v_sum_four(const vec *a, double *out)
{
    vec four01 = _mm512_add_pd(_mm512_shuffle_f64x2(a[0], a[1], 0x44),
                               _mm512_shuffle_f64x2(a[0], a[1], 0xee));
    vec four23 = _mm512_add_pd(_mm512_shuffle_f64x2(a[2], a[3], 0x44),
                               _mm512_shuffle_f64x2(a[2], a[3], 0xee));
    vec two = _mm512_add_pd(_mm512_shuffle_f64x2(four01, four23, 0x88),
                            _mm512_shuffle_f64x2(four01, four23, 0xdd));
    vec one = _mm512_add_pd(two, _mm512_permute_pd(two, 0x55));
    _mm256_storeu_pd(out, _mm512_castpd512_pd256(_mm512_maskz_compress_pd(0x55, one)));
}

TARGET static inline vec v_round(vec a)
{
    return _mm512_roundscale_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* a · 2^k for whole k with a normal result. */
TARGET static inline vec v_scale(vec a, vec k)
{
    return _mm512_scalef_pd(a, k);
}

#include "model/lanes_body.inc" /* not a header: it needs what is above */

const struct weir_model_lanes *weir_model_lanes_avx512(void)
{
    return &lanes;
}
#else
const struct weir_model_lanes *weir_model_lanes_avx512(void)
{
    return NULL;
}
#endif

/* SPDX-License-Identifier: MIT */
/* lanes.h for CPUs with AVX2 and FMA: eight lanes are two registers. */
#include "model/lanes_priv.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define NAME   "avx2"
enum { WIDE_ROWS = 5, WIDE_PANELS = 1, SINGLE_PANELS = 4 };

typedef struct vec {
    __m256d low;
    __m256d high;
} vec;

TARGET static inline vec v_zero(void)
{
    return (vec){_mm256_setzero_pd(), _mm256_setzero_pd()};
}

TARGET static inline vec v_one(double a)
{
    return (vec){_mm256_set1_pd(a), _mm256_set1_pd(a)};
}

TARGET static inline vec v_load(const double *at)
{
    return (vec){_mm256_loadu_pd(at), _mm256_loadu_pd(at + 4)};
}

TARGET static inline vec v_load_part(const double *at, size_t n)
{
    __m256i left = _mm256_set1_epi64x((long long)n);
    __m256i low = _mm256_cmpgt_epi64(left, _mm256_setr_epi64x(0, 1, 2, 3));
    __m256i high = _mm256_cmpgt_epi64(left, _mm256_setr_epi64x(4, 5, 6, 7));
    return (vec){_mm256_maskload_pd(at, low), _mm256_maskload_pd(at + 4, high)};
}

TARGET static inline void v_store(double *at, vec a)
{
    _mm256_storeu_pd(at, a.low);
    _mm256_storeu_pd(at + 4, a.high);
}

TARGET static inline vec v_fma(vec a, vec b, vec c)
{
    return (vec){_mm256_fmadd_pd(a.low, b.low, c.low), _mm256_fmadd_pd(a.high, b.high, c.high)};
}

TARGET static inline vec v_mul(vec a, vec b)
{
    return (vec){_mm256_mul_pd(a.low, b.low), _mm256_mul_pd(a.high, b.high)};
}

TARGET static inline vec v_div(vec a, vec b)
{
    return (vec){_mm256_div_pd(a.low, b.low), _mm256_div_pd(a.high, b.high)};
}

TARGET static inline vec v_add(vec a, vec b)
{
    return (vec){_mm256_add_pd(a.low, b.low), _mm256_add_pd(a.high, b.high)};
}

TARGET static inline vec v_sub(vec a, vec b)
{
    return (vec){_mm256_sub_pd(a.low, b.low), _mm256_sub_pd(a.high, b.high)};
}

TARGET static inline vec v_abs(vec a)
{
    __m256d sign = _mm256_set1_pd(-0.0);
    return (vec){_mm256_andnot_pd(sign, a.low), _mm256_andnot_pd(sign, a.high)};
}

TARGET static inline vec v_max(vec a, vec b)
{
    return (vec){_mm256_max_pd(a.low, b.low), _mm256_max_pd(a.high, b.high)};
}

/* A NaN in a stays: the instruction gives its second operand then. */
TARGET static inline vec v_min(vec a, vec b)
{
    return (vec){_mm256_min_pd(b.low, a.low), _mm256_min_pd(b.high, a.high)};
}

TARGET static inline vec v_sign(vec a, vec sign)
{
    __m256d bit = _mm256_set1_pd(-0.0);
    return (vec){
        _mm256_or_pd(_mm256_and_pd(bit, sign.low), _mm256_andnot_pd(bit, a.low)),
        _mm256_or_pd(_mm256_and_pd(bit, sign.high), _mm256_andnot_pd(bit, a.high)),
    };
}

/* Finds whether all lanes are within −limit … limit; false for NaN. */
TARGET static inline int v_are_within(vec a, double limit)
{
    vec size = v_abs(a);
    __m256d max = _mm256_set1_pd(limit);
    return _mm256_movemask_pd(_mm256_and_pd(_mm256_cmp_pd(size.low, max, _CMP_LT_OQ),
                                            _mm256_cmp_pd(size.high, max, _CMP_LT_OQ))) == 0xf;
}

TARGET static inline double v_sum(vec a)
{
    __m256d four = _mm256_add_pd(a.low, a.high);
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

/* The same additions for four vectors at once. */
TARGET static inline void v_sum_four(const vec *a, double *out)
{
    __m256d four0 = _mm256_add_pd(a[0].low, a[0].high);
    __m256d four1 = _mm256_add_pd(a[1].low, a[1].high);
    __m256d four2 = _mm256_add_pd(a[2].low, a[2].high);
    __m256d four3 = _mm256_add_pd(a[3].low, a[3].high);
    __m256d two02 = _mm256_add_pd(_mm256_permute2f128_pd(four0, four2, 0x20),
                                  _mm256_permute2f128_pd(four0, four2, 0x31));
    __m256d two13 = _mm256_add_pd(_mm256_permute2f128_pd(four1, four3, 0x20),
                                  _mm256_permute2f128_pd(four1, four3, 0x31));
    _mm256_storeu_pd(out, _mm256_hadd_pd(two02, two13));
}

TARGET static inline vec v_round(vec a)
{
    return (vec){_mm256_round_pd(a.low, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
                 _mm256_round_pd(a.high, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}

/* 2^k: the whole number k + 1023 appears in the low bits of k + 1023 + 2^52 and is moved into the
 * exponent's place. */
TARGET static inline __m256d power(__m256d k)
{
    __m256d shifted = _mm256_add_pd(k, _mm256_set1_pd(0x1p52 + 1023.0));
    return _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(shifted), 52));
}

/* a · 2^k for whole k with a normal result. k is within -1020 … 1020. */
TARGET static inline vec v_scale(vec a, vec k)
{
    return (vec){_mm256_mul_pd(a.low, power(k.low)), _mm256_mul_pd(a.high, power(k.high))};
}

#include "model/lanes_body.inc" /* not a header: it needs what is above */

const struct weir_model_lanes *weir_model_lanes_avx2(void)
{
    return &lanes;
}
#else
const struct weir_model_lanes *weir_model_lanes_avx2(void)
{
    return NULL;
}
#endif

/* SPDX-License-Identifier: MIT */
#include "eval/resample.h"

#include "base/macros.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 10 };

void weir_eval_resample_philox(uint32_t counter[4], const uint32_t key[2])
{
    uint32_t k0 = key[0];
    uint32_t k1 = key[1];
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t a = (uint64_t)counter[0] * UINT32_C(0xD2511F53);
        uint64_t b = (uint64_t)counter[2] * UINT32_C(0xCD9E8D57);
        counter[0] = (uint32_t)(b >> 32) ^ counter[1] ^ k0;
        counter[1] = (uint32_t)b;
        counter[2] = (uint32_t)(a >> 32) ^ counter[3] ^ k1;
        counter[3] = (uint32_t)a;
        k0 += UINT32_C(0x9E3779B9);
        k1 += UINT32_C(0xBB67AE85);
    }
}

enum weir_status weir_eval_resample_init(struct weir_eval_resample *resample,
                                         const uint32_t *strata, size_t n, size_t n_strata,
                                         uint64_t seed, struct weir_mem *mem)
{
    weir_assert(resample);
    weir_assert(n <= UINT32_MAX);
    weir_assert(n_strata > 0);
    struct weir_eval_resample r = {.seed = seed, .n = n, .n_strata = n_strata, .mem = mem};
    r.starts = weir_mem_zarray(mem, n_strata + 1, sizeof *r.starts);
    r.order = weir_mem_array(mem, weir_max_size(n, 1), sizeof *r.order);
    if (!r.starts || !r.order) {
        weir_eval_resample_deinit(&r);
        return WEIR_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++)
        r.starts[(strata ? strata[i] : 0) + 1]++;
    for (size_t s = 0; s < n_strata; s++)
        r.starts[s + 1] += r.starts[s];
    for (size_t i = 0; i < n; i++)
        r.order[r.starts[strata ? strata[i] : 0]++] = (uint32_t)i;
    for (size_t s = n_strata; s > 0; s--)
        r.starts[s] = r.starts[s - 1];
    r.starts[0] = 0;
    *resample = r;
    return WEIR_OK;
}

void weir_eval_resample_deinit(struct weir_eval_resample *resample)
{
    weir_assert(resample);
    weir_mem_free(resample->mem, resample->starts);
    weir_mem_free(resample->mem, resample->order);
    *resample = (struct weir_eval_resample){.n = 0};
}

/* A number below n from 64 random bits: their product's upper half. */
static uint64_t below(uint32_t high, uint32_t low, uint64_t n)
{
    uint64_t upper = high * n; /* n < 2^32 */
    uint64_t lower = low * n;
    return (upper + (lower >> 32)) >> 32;
}

void weir_eval_resample_draw(const struct weir_eval_resample *resample, uint64_t draw,
                             uint32_t *rows)
{
    weir_assert(resample);
    const uint32_t key[2] = {(uint32_t)resample->seed, (uint32_t)(resample->seed >> 32)};
    uint32_t bits[4] = {0, 0, 0, 0};
    for (size_t s = 0; s < resample->n_strata; s++) {
        size_t from = resample->starts[s];
        size_t n = resample->starts[s + 1] - from;
        for (size_t i = from; i < from + n; i++) {
            /* A block of random bits is for two places. */
            if (i % 2 == 0 || i == from) {
                uint64_t block = i / 2;
                bits[0] = (uint32_t)block;
                bits[1] = (uint32_t)(block >> 32);
                bits[2] = (uint32_t)draw;
                bits[3] = (uint32_t)(draw >> 32);
                weir_eval_resample_philox(bits, key);
            }
            rows[i] = resample->order[from + below(bits[i % 2 * 2], bits[i % 2 * 2 + 1], n)];
        }
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *values, size_t n, double share)
{
    double at = (double)(n - 1) * share;
    size_t i = (size_t)at;
    double low = values[i];
    double high = values[weir_min_size(i + 1, n - 1)];
    return at > (double)i && high != low ? low + (high - low) * (at - (double)i) : low;
}

struct weir_eval_resample_summary weir_eval_resample_summary(double *values, size_t n, double alpha)
{
    struct weir_eval_resample_summary out = {
        .se = (double)NAN, .low = (double)NAN, .high = (double)NAN, .p = (double)NAN};
    size_t k = 0;
    size_t n_below = 0;
    size_t n_above = 0;
    double mean = 0;
    double square = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(values[i]))
            continue;
        n_below += values[i] <= 0;
        n_above += values[i] >= 0;
        mean += values[i];
        values[k++] = values[i];
    }
    out.n_defined = k;
    if (k < 2)
        return out;
    mean /= (double)k;
    for (size_t i = 0; i < k; i++)
        square += (values[i] - mean) * (values[i] - mean);
    qsort(values, k, sizeof *values, ascending);
    out.se = sqrt(square / (double)(k - 1));
    out.low = quantile(values, k, alpha / 2);
    out.high = quantile(values, k, 1 - alpha / 2);
    out.p = fmin(1, 2 * (double)(weir_min_size(n_below, n_above) + 1) / (double)(k + 1));
    return out;
}

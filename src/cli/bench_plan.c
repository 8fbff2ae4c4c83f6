/* SPDX-License-Identifier: MIT */
#include "cli/bench_plan.h"

#include "base/macros.h"

#include <math.h>
#include <stdlib.h>

static uint64_t rotate(uint64_t v, int k)
{
    return v << k | v >> (64 - k);
}

void weir_cli_bench_random_init(struct weir_cli_bench_random *r, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        r->s[i] = z ^ z >> 31;
    }
}

uint64_t weir_cli_bench_random_u64(struct weir_cli_bench_random *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotate(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

double weir_cli_bench_random_unit(struct weir_cli_bench_random *r)
{
    return (double)((weir_cli_bench_random_u64(r) >> 11) + 1) * 0x1p-53;
}

double weir_cli_bench_random_normal(struct weir_cli_bench_random *r)
{
    double radius = sqrt(-2 * log(weir_cli_bench_random_unit(r)));
    return radius * cos(2 * 3.14159265358979323846 * weir_cli_bench_random_unit(r));
}

void weir_cli_bench_arrivals_init(struct weir_cli_bench_arrivals *a, double rate, bool is_poisson,
                                  uint64_t seed, uint64_t from_ns)
{
    weir_assert(rate > 0);
    *a = (struct weir_cli_bench_arrivals){
        .gap_ns = 1e9 / rate, .at_ns = (double)from_ns, .is_poisson = is_poisson};
    weir_cli_bench_random_init(&a->random, seed);
    weir_cli_bench_arrivals_step(a);
}

void weir_cli_bench_arrivals_step(struct weir_cli_bench_arrivals *a)
{
    double gaps = a->is_poisson ? -log(weir_cli_bench_random_unit(&a->random)) : 1;
    a->at_ns += gaps * a->gap_ns;
}

size_t weir_cli_bench_stages(struct weir_cli_bench_stage *out, unsigned n_sides,
                             uint64_t duration_ns, uint64_t stage_ns)
{
    weir_assert(n_sides == 1 || n_sides == 2);
    weir_assert(stage_ns > 0);
    uint64_t n_pairs = duration_ns / (stage_ns * n_sides);
    if (n_pairs < 1)
        n_pairs = 1;
    if (n_pairs > WEIR_CLI_BENCH_STAGES_MAX / n_sides)
        n_pairs = WEIR_CLI_BENCH_STAGES_MAX / n_sides;
    size_t n = 0;
    for (unsigned pair = 0; pair < n_pairs; pair++) {
        for (unsigned i = 0; i < n_sides; i++) {
            unsigned side = n_sides == 1 ? 0 : (pair % 2 == 0 ? i : 1 - i);
            out[n++] = (struct weir_cli_bench_stage){
                .side = side, .pair = pair, .duration_ns = duration_ns / (n_pairs * n_sides)};
        }
    }
    return n;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

struct weir_cli_bench_spread weir_cli_bench_spread(double *values, size_t n)
{
    weir_assert(n > 0);
    qsort(values, n, sizeof *values, compare);
    return (struct weir_cli_bench_spread){
        .min = values[0],
        .median = (values[(n - 1) / 2] + values[n / 2]) / 2,
        .max = values[n - 1],
    };
}

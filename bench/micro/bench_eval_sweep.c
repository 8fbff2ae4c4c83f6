/* SPDX-License-Identifier: MIT */
/* From scores to the area under the ROC curve, its variance and the average precision, beside a
 * plain radix sort of the same keys: 8-bit digits, least significant first, keys alone, digits that
 * all share skipped, into memory that is there. Ours gets its memory from the system in each run.
 * Both are this process's CPU time, runs are interleaved; what counts is the ratio of each pair.
 *
 * usage: bench_eval_sweep [ROWS [PAIRS]]; 1,000,000 rows and 5 pairs without. */
#include "base/macros.h"
#include "eval/delong.h"
#include "eval/precision.h"
#include "eval/roc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { PAIRS_MAX = 100, N_BUCKETS = 256 };

struct rows {
    size_t n;
    double *scores;
    uint8_t *is_positive;
};

static uint64_t cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double unit(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

typedef double score_fn(uint64_t *state, bool is_positive);

static double probability(uint64_t *state, bool is_positive)
{
    double u = unit(state);
    return is_positive ? sqrt(u) : u;
}

static double probability_f32(uint64_t *state, bool is_positive)
{
    return (double)(float)probability(state, is_positive);
}

static double margin(uint64_t *state, bool is_positive)
{
    double p = unit(state);
    return log(p / (1 - p) + 1e-300) + (is_positive ? 1 : 0);
}

static double tied(uint64_t *state, bool is_positive)
{
    return floor(1000 * probability(state, is_positive)) / 1000;
}

static void fill(struct rows *rows, score_fn *score)
{
    uint64_t state = 1;
    for (size_t i = 0; i < rows->n; i++) {
        rows->is_positive[i] = unit(&state) < .1;
        rows->scores[i] = score(&state, rows->is_positive[i]);
    }
}

/* The yardstick. Returns where the sorted keys are. */
static uint64_t *plain_sort(uint64_t *keys, uint64_t *spare, size_t n)
{
    static uint32_t counts[8][N_BUCKETS];
    memset(counts, 0, sizeof counts);
    for (size_t i = 0; i < n; i++) {
        for (unsigned d = 0; d < 8; d++)
            counts[d][keys[i] >> 8 * d & 255]++;
    }
    for (unsigned d = 0; d < 8; d++) {
        if (counts[d][keys[0] >> 8 * d & 255] == n)
            continue;
        uint32_t place = 0;
        for (size_t b = 0; b < N_BUCKETS; b++) {
            uint32_t count = counts[d][b];
            counts[d][b] = place;
            place += count;
        }
        for (size_t i = 0; i < n; i++)
            spare[counts[d][keys[i] >> 8 * d & 255]++] = keys[i];
        uint64_t *other = keys;
        keys = spare;
        spare = other;
    }
    return keys;
}

static double time_plain(const struct rows *rows)
{
    uint64_t *keys = weir_mem_array(weir_mem_default(), rows->n, sizeof *keys);
    uint64_t *spare = weir_mem_array(weir_mem_default(), rows->n, sizeof *spare);
    weir_assert(keys && spare);
    memset(spare, 1, rows->n * sizeof *spare); /* its pages are there */
    for (size_t i = 0; i < rows->n; i++)
        keys[i] = weir_eval_sort_key(rows->scores[i]);
    uint64_t from = cpu_ns();
    const uint64_t *sorted = plain_sort(keys, spare, rows->n);
    uint64_t took = cpu_ns() - from;
    for (size_t i = 1; i < rows->n; i++)
        weir_assert(sorted[i - 1] <= sorted[i]);
    weir_mem_free(weir_mem_default(), keys);
    weir_mem_free(weir_mem_default(), spare);
    return (double)took / 1e6;
}

/* Everything that weir evaluate does with scores of two classes, memory included. */
static double time_measure(const struct rows *rows, double *auc)
{
    struct weir_eval_binary binary = {
        .n = rows->n, .scores = rows->scores, .is_positive = rows->is_positive};
    struct weir_eval_sweep sweep;
    double variance;
    double precision;
    uint64_t from = cpu_ns();
    weir_assert(weir_eval_sweep_init(&sweep, &binary, weir_mem_default(), NULL) == WEIR_OK);
    weir_assert(weir_eval_roc_auc(&sweep, auc));
    weir_assert(weir_eval_delong_variance(&sweep, &variance));
    weir_assert(weir_eval_precision_average(&sweep, &precision));
    weir_eval_sweep_deinit(&sweep);
    return (double)(cpu_ns() - from) / 1e6;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, ascending);
    return values[n / 2];
}

static double peak_mb(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

static void compare(struct rows *rows, const char *name, score_fn *score, size_t n_pairs)
{
    double plain[PAIRS_MAX];
    double measured[PAIRS_MAX];
    double ratios[PAIRS_MAX];
    double auc = 0;
    fill(rows, score);
    (void)time_measure(rows, &auc);
    for (size_t i = 0; i < n_pairs; i++) {
        plain[i] = time_plain(rows);
        measured[i] = time_measure(rows, &auc);
        ratios[i] = measured[i] / plain[i];
    }
    double middle = median(ratios, n_pairs);
    printf("%-16s n %zu  sort %8.1f ms  auc %8.1f ms  ratio %.2f (%.2f to %.2f)  auc %.6f\n", name,
           rows->n, median(plain, n_pairs), median(measured, n_pairs), middle, ratios[0],
           ratios[n_pairs - 1], auc);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    size_t n_pairs = argc > 2 ? strtoul(argv[2], NULL, 10) : 5;
    weir_assert(n >= 4);
    weir_assert(n_pairs > 0 && n_pairs <= PAIRS_MAX);
    struct rows rows = {.n = n};
    rows.scores = weir_mem_array(weir_mem_default(), n, sizeof *rows.scores);
    rows.is_positive = weir_mem_array(weir_mem_default(), n, 1);
    weir_assert(rows.scores && rows.is_positive);
    fill(&rows, probability);
    double before = peak_mb();
    double auc;
    (void)time_measure(&rows, &auc);
    printf("memory above the rows' own: %.1f bytes a row\n",
           (peak_mb() - before) * 1024 * 1024 / (double)n);
    compare(&rows, "probability", probability, n_pairs);
    compare(&rows, "probability_f32", probability_f32, n_pairs);
    compare(&rows, "margin", margin, n_pairs);
    compare(&rows, "tied_1000", tied, n_pairs);
    weir_mem_free(weir_mem_default(), rows.scores);
    weir_mem_free(weir_mem_default(), rows.is_positive);
    return 0;
}

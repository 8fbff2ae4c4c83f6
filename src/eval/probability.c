/* SPDX-License-Identifier: MIT */
#include "eval/probability.h"

#include "base/macros.h"
#include "eval/sort.h"

#include <float.h>
#include <math.h>

static bool is_valid(const double *p, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        if (!(p[k] >= 0 && p[k] <= 1))
            return false;
    }
    return true;
}

static double brier_of(const double *p, size_t n, size_t truth)
{
    double sum = 0;
    if (n == 2)
        return (p[1] - (double)truth) * (p[1] - (double)truth);
    for (size_t k = 0; k < n; k++) {
        double apart = p[k] - (k == truth ? 1 : 0);
        sum += apart * apart;
    }
    return sum;
}

struct weir_eval_probability
weir_eval_probability_measure(const struct weir_eval_probability_rows *rows)
{
    weir_assert(rows);
    struct weir_eval_probability out = {0};
    double loss = 0;
    double brier = 0;
    double z = 0;
    double z_variance = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const double *p = rows->p + i * rows->n_classes;
        double w = rows->weights ? rows->weights[i] : 1;
        size_t truth = rows->truths[i];
        weir_assert(truth < rows->n_classes);
        if (!is_valid(p, rows->n_classes)) {
            out.n_invalid++;
            continue;
        }
        out.weight += w;
        loss -= w * log(fmin(fmax(p[truth], DBL_EPSILON), 1 - DBL_EPSILON));
        brier += w * brier_of(p, rows->n_classes, truth);
        if (rows->n_classes == 2) {
            double lean = 1 - 2 * p[1];
            z += w * ((double)truth - p[1]) * lean;
            z_variance += w * w * lean * lean * p[1] * (1 - p[1]);
        }
    }
    if (out.weight > 0) {
        out.log_loss = loss / out.weight;
        out.brier = brier / out.weight;
        out.spiegelhalter_z = z_variance > 0 ? z / sqrt(z_variance) : 0;
    }
    return out;
}

/* Fills the n_bins − 1 interior edges. */
static enum weir_status find_edges(const double *p, size_t n, size_t n_bins, bool by_quantile,
                                   double *edges, struct weir_mem *mem)
{
    for (size_t k = 1; k < n_bins && !by_quantile; k++)
        edges[k - 1] = (double)k / (double)n_bins;
    if (!by_quantile)
        return WEIR_OK;
    struct weir_eval_sort sort;
    if (weir_eval_sort_init(&sort, n, mem, NULL) != WEIR_OK)
        return WEIR_ERR_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        sort.keys[i] = weir_eval_sort_key(p[i]);
        sort.values[i] = 0;
    }
    weir_eval_sort_run(&sort, n);
    for (size_t k = 1; k < n_bins; k++) {
        double at = (double)k / (double)n_bins * (double)(n - 1);
        size_t below = (size_t)at;
        size_t above = below + 1 < n ? below + 1 : below;
        double low = weir_eval_sort_score(sort.keys[n - 1 - below]); /* They descend. */
        double high = weir_eval_sort_score(sort.keys[n - 1 - above]);
        edges[k - 1] = low + (high - low) * (at - (double)below);
    }
    weir_eval_sort_deinit(&sort);
    return WEIR_OK;
}

/* Counts the edges that are below p. */
static size_t find_bin(const double *edges, size_t n, double p)
{
    size_t low = 0;
    while (n > 0) {
        size_t half = n / 2;
        if (edges[low + half] < p) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}

size_t weir_eval_probability_calibrate(const double *p, const uint8_t *is_positive,
                                       const double *weights, size_t n, size_t n_bins,
                                       bool by_quantile, struct weir_eval_probability_bin *bins,
                                       double *ece, double *mce, struct weir_mem *mem,
                                       enum weir_status *status)
{
    weir_assert(n_bins > 0);
    weir_assert(n_bins <= WEIR_EVAL_PROBABILITY_BINS_MAX);
    double edges[WEIR_EVAL_PROBABILITY_BINS_MAX];
    double total = 0;
    size_t k = 0;
    *status = n > 0 ? find_edges(p, n, n_bins, by_quantile, edges, mem) : WEIR_OK;
    if (n == 0 || *status != WEIR_OK)
        return 0;
    for (size_t b = 0; b < n_bins; b++)
        bins[b] = (struct weir_eval_probability_bin){0};
    for (size_t i = 0; i < n; i++) {
        struct weir_eval_probability_bin *bin = &bins[find_bin(edges, n_bins - 1, p[i])];
        double w = weights ? weights[i] : 1;
        bin->mean_p += w * p[i];
        bin->mean_y += is_positive[i] ? w : 0;
        bin->weight += w;
        bin->n++;
        total += w;
    }
    double sum = 0;
    double most = 0;
    for (size_t b = 0; b < n_bins; b++) {
        struct weir_eval_probability_bin bin = bins[b];
        if (!(bin.weight > 0))
            continue;
        bin.mean_p /= bin.weight;
        bin.mean_y /= bin.weight;
        double apart = fabs(bin.mean_y - bin.mean_p);
        sum += bin.weight / total * apart;
        most = fmax(most, apart);
        bins[k++] = bin;
    }
    if (ece)
        *ece = sum;
    if (mce)
        *mce = most;
    return k;
}

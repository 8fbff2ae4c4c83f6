/* SPDX-License-Identifier: MIT */
#include "live/reference.h"

#include "base/macros.h"
#include "eval/drift.h"
#include "live/reference_priv.h"
#include "tensor/cell.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_LEVEL 0.99

void weir_live_reference_free(struct weir_live_reference *r)
{
    if (!r)
        return;
    struct weir_mem *mem = r->mem;
    weir_mem_free(mem, r->features);
    weir_arena_deinit(&r->arena);
    weir_mem_free(mem, r);
}

uint32_t weir_live_reference_n(const struct weir_live_reference *reference)
{
    return reference->n_features;
}

uint64_t weir_live_reference_rows(const struct weir_live_reference *reference)
{
    return reference->n_rows;
}

const char *weir_live_reference_file(const struct weir_live_reference *reference)
{
    return reference->file ? reference->file : "";
}

size_t weir_live_reference_bytes(const struct weir_live_reference *reference)
{
    return sizeof *reference + ((size_t)reference->n_features + 1) * sizeof *reference->features;
}

/* --- bins ------------------------------------------------------------------------------------ */

/* Counts the edges that are strictly below v: bins are (low, high]. */
static uint32_t bin_of_number(const struct feature *f, double v)
{
    uint32_t low = 0;
    uint32_t n = f->n_edges;
    if (isnan(v))
        return f->n_bins - 1;
    while (n > 0) {
        uint32_t half = n / 2;
        if (f->edges[low + half] < v) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}

static bool is_category(const struct category *c, double cell)
{
    if (c->is_text)
        return weir_cell_is_text(cell) && weir_str_eq(c->text, weir_cell_text(cell));
    return weir_cell_is_number(cell) && cell == c->number;
}

static uint32_t bin_of_cell(const struct feature *f, double cell)
{
    if (weir_cell_is_none(cell) || (weir_cell_is_number(cell) && isnan(cell)))
        return f->n_bins - 1;
    uint32_t i = 0;
    while (i < f->n_categories && !is_category(&f->categories[i], cell))
        i++;
    return i;
}

static uint32_t bin_of(const struct feature *f, double cell)
{
    return f->is_text ? bin_of_cell(f, cell) : bin_of_number(f, cell);
}

void weir_live_reference_bins(const struct weir_live_reference *reference, const void *row,
                              enum weir_dtype dtype, double score, uint8_t *bins)
{
    const float *singles = row;
    const double *doubles = row;
    uint32_t n = reference->n_features;
    for (uint32_t i = 0; i < n; i++)
        bins[i] = (uint8_t)bin_of(&reference->features[i],
                                  dtype == WEIR_F32 ? (double)singles[i] : doubles[i]);
    bins[n] = (uint8_t)bin_of(&reference->features[n], score);
}

/* --- making ---------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The quantile at share q of n ascending values, linearly interpolated as numpy does. */
static double quantile(const double *sorted, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t below = (size_t)at;
    size_t above = below + 1 < n ? below + 1 : below;
    double rest = at - (double)below;
    return rest > 0 ? sorted[below] + (sorted[above] - sorted[below]) * rest : sorted[below];
}

/* Sets the edges and which bin of the index each bin belongs to. values: n, changed. */
static void make_numbers(struct feature *f, double *values, size_t n)
{
    enum { EDGES = WEIR_LIVE_FINE - 1, FINE_IN_COARSE = WEIR_LIVE_FINE / WEIR_LIVE_COARSE };
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isnan(values[i]))
            values[k++] = values[i];
    }
    qsort(values, k, sizeof *values, by_number);
    uint8_t coarse = 0;
    double last_coarse = (double)NAN;
    f->coarse[0] = 0;
    for (int j = 1; k > 0 && j <= EDGES; j++) {
        double edge = quantile(values, k, (double)j / WEIR_LIVE_FINE);
        if (f->n_edges == 0 || edge > f->edges[f->n_edges - 1])
            f->edges[f->n_edges++] = edge;
        if (j % FINE_IN_COARSE == 0 && edge != last_coarse) {
            last_coarse = edge;
            coarse++;
        }
        f->coarse[f->n_edges] = coarse;
    }
    f->n_bins = f->n_edges + 2;
    f->n_coarse = (uint32_t)coarse + 2;
    f->coarse[f->n_bins - 1] = (uint8_t)(coarse + 1);
}

/* A category while it is counted. */
struct counted {
    struct category category;
    uint64_t n;
};

static int by_category(const void *a, const void *b)
{
    const struct category *x = &((const struct counted *)a)->category;
    const struct category *y = &((const struct counted *)b)->category;
    if (x->is_text != y->is_text)
        return x->is_text ? 1 : -1;
    if (x->is_text)
        return weir_str_cmp(x->text, y->text);
    return (x->number > y->number) - (x->number < y->number);
}

/* The most frequent first, among as frequent ones in their own order. */
static int by_count(const void *a, const void *b)
{
    uint64_t x = ((const struct counted *)a)->n;
    uint64_t y = ((const struct counted *)b)->n;
    return x != y ? (x < y ? 1 : -1) : by_category(a, b);
}

static enum weir_status make_categories(struct weir_live_reference *r, struct feature *f,
                                        const double *cells, size_t n)
{
    struct counted *all = weir_mem_array(r->mem, n, sizeof *all);
    size_t k = 0;
    if (!all)
        return WEIR_ERR_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        double cell = cells[i];
        if (weir_cell_is_none(cell) || (weir_cell_is_number(cell) && isnan(cell)))
            continue;
        all[k] = (struct counted){.n = 1};
        all[k].category.is_text = weir_cell_is_text(cell);
        if (all[k].category.is_text)
            all[k].category.text = weir_cell_text(cell);
        else
            all[k].category.number = cell;
        k++;
    }
    qsort(all, k, sizeof *all, by_category);
    size_t n_different = 0;
    for (size_t i = 0; i < k; i++) {
        if (n_different > 0 && by_category(&all[n_different - 1], &all[i]) == 0)
            all[n_different - 1].n++;
        else
            all[n_different++] = all[i];
    }
    qsort(all, n_different, sizeof *all, by_count);
    enum weir_status status = WEIR_OK;
    for (size_t i = 0; i < n_different && i < WEIR_LIVE_CATEGORIES; i++) {
        struct category *c = &f->categories[f->n_categories++];
        *c = all[i].category;
        if (c->is_text) {
            c->text = weir_arena_str(&r->arena, c->text);
            status = c->text.at ? status : WEIR_ERR_NO_MEMORY;
        }
    }
    weir_mem_free(r->mem, all);
    f->n_bins = f->n_categories + 2;
    f->n_coarse = f->n_bins;
    for (uint32_t b = 0; b < f->n_bins; b++)
        f->coarse[b] = (uint8_t)b;
    return status;
}

static enum weir_status make_feature(struct weir_live_reference *r, size_t i, double *column,
                                     const double *rows, const double *scores, bool is_text)
{
    struct feature *f = &r->features[i];
    enum weir_status status = WEIR_OK;
    for (size_t k = 0; k < r->n_rows; k++)
        column[k] = i == r->n_features ? scores[k] : rows[k * r->n_features + i];
    f->is_text = is_text;
    if (is_text) {
        status = make_categories(r, f, column, r->n_rows);
        if (status != WEIR_OK)
            return status;
    } else {
        make_numbers(f, column, r->n_rows);
    }
    for (size_t k = 0; k < r->n_rows; k++)
        f->counts[bin_of(f, i == r->n_features ? scores[k] : rows[k * r->n_features + i])]++;
    return status;
}

enum weir_status weir_live_reference_new(struct weir_live_reference **out, const double *rows,
                                         const double *scores, size_t n, size_t n_features,
                                         const bool *is_text, struct weir_mem *mem)
{
    weir_assert(out);
    weir_assert(n > 0);
    weir_assert(n_features <= WEIR_LIVE_REFERENCE_FEATURES_MAX);
    struct weir_live_reference *r = weir_mem_zalloc(mem, sizeof *r);
    if (!r)
        return WEIR_ERR_NO_MEMORY;
    r->mem = mem;
    r->n_features = (uint32_t)n_features;
    r->n_rows = n;
    weir_arena_init(&r->arena, mem, 0);
    for (size_t b = 2; b < WEIR_LIVE_REFERENCE_BINS; b++)
        r->chi2[b] = weir_eval_drift_chi2_quantile((double)(b - 1), GUARD_LEVEL);
    r->features = weir_mem_zarray(mem, n_features + 1, sizeof *r->features);
    double *column = weir_mem_array(mem, n, sizeof *column);
    enum weir_status status = r->features && column ? WEIR_OK : WEIR_ERR_NO_MEMORY;
    for (size_t i = 0; i <= n_features && status == WEIR_OK; i++)
        status = make_feature(r, i, column, rows, scores, i < n_features && is_text && is_text[i]);
    weir_mem_free(mem, column);
    if (status != WEIR_OK) {
        weir_live_reference_free(r);
        return status;
    }
    *out = r;
    return WEIR_OK;
}

/* --- measuring ------------------------------------------------------------------------------- */

struct weir_live_drift weir_live_reference_measure(const struct weir_live_reference *reference,
                                                   size_t i, const uint64_t *counts)
{
    weir_assert(i <= reference->n_features);
    const struct feature *f = &reference->features[i];
    uint64_t e[WEIR_LIVE_REFERENCE_BINS] = {0};
    uint64_t a[WEIR_LIVE_REFERENCE_BINS] = {0};
    struct weir_live_drift d = {.n = reference->n_rows, .is_text = f->is_text};
    for (uint32_t b = 0; b < f->n_bins; b++) {
        e[f->coarse[b]] += f->counts[b];
        a[f->coarse[b]] += counts[b];
        d.m += counts[b];
    }
    /* A bin that is empty on both sides says nothing: nobody misses values, or has other ones. */
    for (uint32_t b = 0; b < f->n_coarse; b++) {
        if (e[b] + a[b] == 0)
            continue;
        e[d.n_bins] = e[b];
        a[d.n_bins] = a[b];
        d.n_bins++;
    }
    d.psi = weir_eval_drift_psi(e, a, d.n_bins);
    d.guard = d.m > 0 && d.n_bins > 1
                  ? (1 / (double)d.n + 1 / (double)d.m) * reference->chi2[d.n_bins]
                  : (double)INFINITY; /* as weir_eval_drift_psi_guard, which takes its time */
    d.ks_p = 1;
    if (f->is_text)
        return d;
    struct weir_eval_drift_ks ks = weir_eval_drift_ks(f->counts, counts, f->n_bins - 1);
    d.ks_low = ks.low;
    d.ks_high = ks.high;
    d.ks_p =
        weir_eval_drift_ks_p(ks.low, d.n - f->counts[f->n_bins - 1], d.m - counts[f->n_bins - 1]);
    return d;
}

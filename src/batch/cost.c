/* SPDX-License-Identifier: MIT */
/* The fit: minimise the sum of ((a + b·n − t) / t)² over the classes that have a minimum t, by the
 * normal equations of weighted least squares with w = 1/t². When the solution has a negative
 * coefficient, the best line with that coefficient at zero is taken instead; for two unknowns that
 * is the exact constrained minimum. */
#include "batch/cost.h"

#include "base/macros.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { SEED_ROWS_HIGH = 256 };

/* Sums of the normal equations. */
struct sums {
    double w, wn, wnn, wt, wnt;
    uint32_t n_points;
};

static uint32_t class_of(uint32_t n_rows)
{
    uint32_t i = 31u - (uint32_t)__builtin_clz(n_rows);
    return i < WEIR_BATCH_COST_CLASSES ? i : WEIR_BATCH_COST_CLASSES - 1;
}

static void add_point(struct sums *s, struct weir_batch_cost_min m)
{
    double t = (double)m.ns;
    double n = (double)m.n_rows;
    double w = 1.0 / (t * t);
    s->w += w;
    s->wn += w * n;
    s->wnn += w * n * n;
    s->wt += w * t;
    s->wnt += w * n * t;
    s->n_points++;
}

/* Finds whether x is a better minimum than y of the same class. Their rows differ by up to a factor
 * of two, so each is compared with what the line expects; without a line, by the time of a row. */
static bool is_less(const struct weir_batch_cost *c, struct weir_batch_cost_min x,
                    struct weir_batch_cost_min y)
{
    if (x.ns == 0 || y.ns == 0)
        return x.ns > 0;
    double ex = c->is_known ? c->a_ns + c->b_ns * x.n_rows : x.n_rows;
    double ey = c->is_known ? c->a_ns + c->b_ns * y.n_rows : y.n_rows;
    return (double)x.ns * ey < (double)y.ns * ex;
}

static void fit(struct weir_batch_cost *c)
{
    struct sums s = {0};
    for (size_t i = 0; i < WEIR_BATCH_COST_CLASSES; i++) {
        struct weir_batch_cost_min m =
            is_less(c, c->now[i], c->before[i]) ? c->now[i] : c->before[i];
        if (m.ns > 0)
            add_point(&s, m);
    }
    /* Where nothing was run the seed keeps its say. */
    for (size_t i = 0; i < 2; i++) {
        uint32_t k = c->seed[i].ns > 0 ? class_of(c->seed[i].n_rows) : 0;
        if (c->seed[i].ns > 0 && c->now[k].ns == 0 && c->before[k].ns == 0)
            add_point(&s, c->seed[i]);
    }
    c->n_unfitted = 0;
    if (s.n_points == 0)
        return;
    double det = s.w * s.wnn - s.wn * s.wn;
    double a = 0;
    double b = 0;
    if (s.n_points == 1 || det <= 1e-12 * s.w * s.wnn) {
        /* One size only: blame the rows, so that larger batches are never thought free. */
        b = s.wnt / s.wnn;
    } else {
        a = (s.wnn * s.wt - s.wn * s.wnt) / det;
        b = (s.w * s.wnt - s.wn * s.wt) / det;
        if (a < 0) {
            a = 0;
            b = s.wnt / s.wnn;
        } else if (b < 0) {
            a = s.wt / s.w;
            b = 0;
        }
    }
    c->a_ns = a;
    c->b_ns = b;
    c->is_known = true;
}

/* Begins a window. A size that was not run in the last one keeps its old minimum: knowing something
 * old is better than knowing nothing. */
static void rotate(struct weir_batch_cost *c, uint64_t now_ns)
{
    for (size_t i = 0; i < WEIR_BATCH_COST_CLASSES; i++) {
        if (c->now[i].ns > 0)
            c->before[i] = c->now[i];
    }
    memset(c->now, 0, sizeof c->now);
    c->window_ns = now_ns;
    c->n_unfitted = WEIR_BATCH_COST_FIT_EVERY;
}

void weir_batch_cost_init(struct weir_batch_cost *c)
{
    weir_assert(c);
    memset(c, 0, sizeof *c);
}

void weir_batch_cost_seed(struct weir_batch_cost *c, double a_ns, double b_ns)
{
    weir_assert(c);
    weir_assert(isfinite(a_ns) && a_ns >= 0);
    weir_assert(isfinite(b_ns) && b_ns >= 0);
    const uint32_t at[2] = {1, SEED_ROWS_HIGH};
    for (size_t i = 0; i < 2; i++) {
        double ns = a_ns + b_ns * (double)at[i];
        c->seed[i].n_rows = at[i];
        c->seed[i].ns = ns < 1 ? 1 : ns > 1e18 ? UINT64_C(1000000000000000000) : (uint64_t)ns;
    }
    fit(c);
}

void weir_batch_cost_add(struct weir_batch_cost *c, uint32_t n_rows, uint64_t run_ns,
                         uint64_t now_ns)
{
    weir_assert(c);
    weir_assert(n_rows > 0);
    if (now_ns >= c->window_ns + WEIR_BATCH_COST_WINDOW_NS)
        rotate(c, now_ns);
    struct weir_batch_cost_min m = {n_rows, run_ns > 0 ? run_ns : 1};
    struct weir_batch_cost_min *best = &c->now[class_of(n_rows)];
    bool is_first = best->ns == 0;
    if (is_less(c, m, *best)) {
        *best = m;
        /* The first of a size is news; a lower minimum can wait for the next fit. */
        if (is_first)
            c->n_unfitted = WEIR_BATCH_COST_FIT_EVERY;
    }
    if (++c->n_unfitted >= WEIR_BATCH_COST_FIT_EVERY)
        fit(c);
}

/* SPDX-License-Identifier: MIT */
/* With knots t and degree k the basis has n = n_knots − k − 1 functions; in the interval
 * [t[l], t[l + 1]), k <= l < n, only the k + 1 functions l − k … l differ from 0.
 *
 * The linear continuation follows scikit-learn to the letter: it raises the degree by which it
 * finds the ends (t[d] and t[n_knots − 1 − d]) and counts the continued functions, when that is
 * below 2, after the ends of a column were found, and keeps it raised for the columns behind. */
#include "model/spline.h"

#include <math.h>
#include <string.h>

struct column {
    const double *t;
    double min; /* the base interval */
    double max;
    uint32_t n_continued; /* LINEAR: how many functions at each end are continued */
    const double *at_min; /* n values of the basis at the ends, and for LINEAR its slopes */
    const double *at_max;
    const double *slope_min;
    const double *slope_max;
};

struct spline {
    struct weir_model_node node;
    const struct column *columns;
    uint32_t degree;
    uint32_t n;      /* functions before the periodic ones are joined */
    uint32_t n_used; /* functions of one column before the last is left out */
    uint32_t n_given;
    enum weir_model_spline_outside outside;
    bool zero_for_nan;
};

/* Computes the k + 1 values (is_slope: first derivatives) of the functions l − k … l at x. */
static void de_boor(const double *t, double x, size_t k, size_t l, bool is_slope, double *h)
{
    double before[WEIR_MODEL_SPLINE_DEGREE_MAX + 1];
    h[0] = 1.0;
    for (size_t j = 1; j <= k; j++) {
        bool derives = is_slope && j == k;
        memcpy(before, h, j * sizeof *h);
        h[0] = 0.0;
        for (size_t i = 1; i <= j; i++) {
            double b = t[l + i];
            double a = t[l + i - j];
            if (b == a) {
                h[i] = 0.0;
                continue;
            }
            double w = (derives ? (double)j : 1.0) * before[i - 1] / (b - a);
            if (derives) {
                h[i - 1] -= w;
                h[i] = w;
            } else {
                h[i - 1] += w * (b - x);
                h[i] = w * (x - a);
            }
        }
    }
    if (is_slope && k == 0)
        h[0] = 0.0;
}

/* Writes the n_used values of the basis, or their slopes, at x. */
static void basis(const struct spline *s, const double *t, double x, bool is_slope, double *out)
{
    double h[WEIR_MODEL_SPLINE_DEGREE_MAX + 1];
    size_t l = s->degree;
    while (l + 1 < s->n && x >= t[l + 1])
        l++;
    de_boor(t, x, s->degree, l, is_slope, h);
    /* Far outside the values overflow; the library multiplies them with the zeros of the others. */
    double other = 0.0;
    for (size_t a = 0; a <= s->degree; a++)
        other += 0.0 * h[a];
    for (size_t i = 0; i < s->n_used; i++)
        out[i] = other;
    for (size_t a = 0; a <= s->degree; a++) {
        size_t at = l - s->degree + a;
        out[at < s->n_used ? at : at - s->n_used] += h[a];
    }
    for (size_t a = 0; isnan(other) && a <= s->degree; a++) {
        size_t at = l - s->degree + a;
        double sum = 0.0;
        for (size_t i = 0; i <= s->degree; i++)
            sum += (i == a ? 1.0 : 0.0) * h[i];
        out[at < s->n_used ? at : at - s->n_used] = sum;
    }
}

/* Returns x moved by whole periods into the base interval, as Python's % does it. */
static double wrap(double x, double min, double max)
{
    double period = max - min;
    if (!(period > 0.0))
        return 0.0;
    double rest = fmod(x - min, period);
    if (rest != 0.0 && rest < 0.0)
        rest += period;
    return min + rest;
}

static void continue_line(const struct spline *s, const struct column *c, double x, double *out)
{
    memset(out, 0, s->n_used * sizeof *out);
    for (size_t j = 0; j < c->n_continued && j < s->n_used; j++) {
        size_t k = s->n_used - 1 - j;
        if (x < c->min)
            out[j] = c->at_min[j] + (x - c->min) * c->slope_min[j];
        else
            out[k] = c->at_max[k] + (x - c->max) * c->slope_max[k];
    }
}

/* Writes the basis of the nearer end, of its first or last `degree` functions. */
static void hold_end(const struct spline *s, const struct column *c, double x, double *out)
{
    memset(out, 0, s->n_used * sizeof *out);
    if (x < c->min)
        memcpy(out, c->at_min, s->degree * sizeof *out);
    else
        memcpy(out + s->n_used - s->degree, c->at_max + s->n_used - s->degree,
               s->degree * sizeof *out);
}

/* Returns false where x is outside and that is a fault. */
static bool transform(const struct spline *s, const struct column *c, double x, double *out)
{
    bool is_outside = x < c->min || x > c->max;
    switch (s->outside) {
    case WEIR_MODEL_SPLINE_FAULT:
        basis(s, c->t, x, false, out);
        return !is_outside;
    case WEIR_MODEL_SPLINE_CONSTANT:
        if (is_outside)
            hold_end(s, c, x, out);
        else
            basis(s, c->t, x, false, out);
        return s->degree > 0 || x <= c->max; /* the library fails there */
    case WEIR_MODEL_SPLINE_LINEAR:
        if (is_outside)
            continue_line(s, c, x, out);
        else
            basis(s, c->t, x, false, out);
        return true;
    case WEIR_MODEL_SPLINE_CONTINUE:
        basis(s, c->t, x, false, out);
        return true;
    case WEIR_MODEL_SPLINE_PERIODIC:
        basis(s, c->t, wrap(x, c->min, c->max), false, out);
        return true;
    }
    return true;
}

static void spline_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct spline *s = (const struct spline *)(const void *)node;
    size_t n = node->n_in;
    size_t stride;
    double *used = (double *)(void *)run->scratch;
    const double *x = weir_model_node_input_f64(
        run, n, run->scratch + weir_model_node_align(s->n_used * sizeof *used), &stride);
    weir_model_node_check_f64(node, run, x, stride);
    double *out = run->out[WEIR_OUTPUT_TRANSFORM];
    for (size_t row = 0; row < run->n_rows; row++) {
        struct weir_row_fault *fault = &run->faults[row];
        for (size_t j = 0; j < n; j++) {
            double v = x[row * stride + j];
            if (!isfinite(v))
                memset(used, 0, s->n_used * sizeof *used);
            else if (!transform(s, &s->columns[j], v, used) && fault->kind == WEIR_FAULT_NONE)
                *fault = (struct weir_row_fault){
                    .kind = WEIR_FAULT_RANGE, .step = node->step, .column = (uint32_t)j};
            for (size_t i = 0; i < s->n_given; i++)
                *out++ = weir_model_node_round(used[i], run->in.is_f32);
        }
    }
}

static bool describe_end(struct weir_model_builder *b, const struct spline *s, const double *t,
                         double x, bool has_slope, const double **values, const double **slopes)
{
    double *v = weir_arena_array(b->arena, s->n_used, sizeof *v);
    double *d = weir_arena_array(b->arena, s->n_used, sizeof *d);
    if (!v || !d)
        return false;
    basis(s, t, x, false, v);
    memset(d, 0, s->n_used * sizeof *d);
    if (has_slope)
        basis(s, t, x, true, d);
    *values = v;
    *slopes = d;
    return true;
}

static enum weir_status columns_new(struct weir_model_builder *b,
                                    const struct weir_model_spline_opts *opts, struct spline *s,
                                    struct weir_error *err)
{
    struct column *columns = weir_arena_zarray(b->arena, opts->n_columns, sizeof *columns);
    if (!columns)
        return weir_model_builder_no_memory(b, err);
    bool is_linear = opts->outside == WEIR_MODEL_SPLINE_LINEAR;
    uint32_t degree = opts->degree;
    for (uint32_t j = 0; j < opts->n_columns; j++) {
        struct column *c = &columns[j];
        c->t = weir_model_builder_doubles(b, opts->knots[j], opts->n_knots);
        if (!c->t)
            return weir_model_builder_no_memory(b, err);
        if (degree >= opts->n_knots)
            return weir_error_set(err, WEIR_ERR_INVALID, "too few knots");
        c->min = c->t[degree];
        c->max = c->t[opts->n_knots - 1 - degree];
        if (!describe_end(b, s, c->t, c->min, is_linear, &c->at_min, &c->slope_min) ||
            !describe_end(b, s, c->t, c->max, is_linear, &c->at_max, &c->slope_max))
            return weir_model_builder_no_memory(b, err);
        if (is_linear && degree <= 1)
            degree++;
        c->n_continued = degree;
    }
    s->columns = columns;
    return WEIR_OK;
}

enum weir_status weir_model_spline_new(struct weir_model_builder *b,
                                       const struct weir_model_spline_opts *opts,
                                       const struct weir_model_node **out, struct weir_error *err)
{
    weir_assert(opts->n_columns > 0);
    weir_assert(opts->degree <= WEIR_MODEL_SPLINE_DEGREE_MAX);
    weir_assert(opts->n_knots >= 2 * opts->degree + 2);
    struct spline *s = weir_model_builder_node(b, sizeof *s);
    if (!s)
        return weir_model_builder_no_memory(b, err);
    bool is_periodic = opts->outside == WEIR_MODEL_SPLINE_PERIODIC;
    s->degree = opts->degree;
    s->n = opts->n_knots - opts->degree - 1;
    s->n_used = s->n - (is_periodic ? opts->degree : 0);
    s->n_given = s->n_used - !opts->has_last;
    s->outside = opts->outside;
    s->zero_for_nan = opts->zero_for_nan;
    size_t width;
    if (!weir_size_mul(s->n_given, opts->n_columns, &width) || width > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    if (width == 0 || s->n_used < opts->degree)
        return weir_error_set(err, WEIR_ERR_INVALID, "too few knots");
    enum weir_status status = columns_new(b, opts, s, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_node *node = &s->node;
    node->run = spline_run;
    node->n_in = opts->n_columns;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = (uint32_t)width;
    node->allows_nan = opts->zero_for_nan;
    node->follows_f32 = 1u << WEIR_OUTPUT_TRANSFORM;
    node->depth = 1;
    node->scratch_bytes = weir_model_node_align(s->n_used * sizeof(double)) +
                          weir_model_node_block_bytes(opts->n_columns);
    status = weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}

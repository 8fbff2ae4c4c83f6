/* SPDX-License-Identifier: MIT */
#include "model/quantile.h"

#include <math.h>
#include <string.h>

/* Where the normal form takes a value for an end, and where it cuts: the inverse distribution
 * function of 1e-7 less one ulp of 1, and of its complement. */
static const double ENDS_WITHIN = 1e-7;
static const double NORMAL_MIN = -5.199337582605575;
static const double NORMAL_MAX = 5.19933758270342;

struct quantile {
    struct weir_model_node node;
    uint32_t n;
    bool is_normal;
    const double *up;       /* n_in × n quantiles, */
    const double *down;     /* the same negated and in reverse order */
    const double *ref;      /* n references, */
    const double *ref_down; /* negated and in reverse order */
};

/* Returns the value of the line through (xs, ys) at x, as numpy's interp computes it; outside the
 * value at the nearer end. x is not NaN. */
static double interpolate(double x, const double *xs, const double *ys, size_t n)
{
    if (x < xs[0])
        return ys[0];
    size_t low = 0; /* the last point that is not above x */
    size_t high = n;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (xs[mid] <= x)
            low = mid;
        else
            high = mid;
    }
    if (low == n - 1 || xs[low] == x)
        return ys[low];
    double slope = (ys[low + 1] - ys[low]) / (xs[low + 1] - xs[low]);
    return slope * (x - xs[low]) + ys[low];
}

double weir_model_quantile_normal(double p)
{
    double tail = p < 0.5 ? p : 1.0 - p;
    if (!(tail > 0.0))
        return p < 0.5 ? -(double)INFINITY : p >= 1.0 ? (double)INFINITY : (double)NAN;
    double t = sqrt(-2.0 * log(tail));
    double x = t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                       (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    for (int i = 0; i < 3; i++) { /* the third step changes the last bit at most */
        /* Q(x) − tail; near the middle through erf, which keeps the small difference exact. */
        double off = tail > 0.25 ? (0.5 - tail) - 0.5 * erf(x * M_SQRT1_2)
                                 : 0.5 * erfc(x * M_SQRT1_2) - tail;
        double step = off / (exp(-0.5 * x * x) * (0.5 * M_2_SQRTPI * M_SQRT1_2));
        x += step / (1.0 - 0.5 * x * step);
    }
    return p < 0.5 ? -x : x;
}

static double transform(const struct quantile *q, size_t column, double x, bool is_f32)
{
    const double *up = q->up + column * q->n;
    const double *down = q->down + column * q->n;
    if (isnan(x))
        return x;
    double first = up[0];
    double last = up[q->n - 1];
    bool is_low = x == first;
    bool is_high = x == last;
    if (q->is_normal) {
        is_low =
            weir_model_node_round(x - weir_model_node_round(ENDS_WITHIN, is_f32), is_f32) < first;
        is_high =
            weir_model_node_round(x + weir_model_node_round(ENDS_WITHIN, is_f32), is_f32) > last;
    }
    double y =
        is_low ? 0.0
        : is_high
            ? 1.0
            : 0.5 * (interpolate(x, up, q->ref, q->n) - interpolate(-x, down, q->ref_down, q->n));
    if (!q->is_normal)
        return y;
    y = weir_model_quantile_normal(weir_model_node_round(y, is_f32));
    return y < NORMAL_MIN ? NORMAL_MIN : y > NORMAL_MAX ? NORMAL_MAX : y;
}

static void quantile_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct quantile *q = (const struct quantile *)(const void *)node;
    double *out = run->out[WEIR_OUTPUT_TRANSFORM];
    size_t n = node->n_in;
    size_t stride;
    const double *x = weir_model_node_input_f64(run, n, out, &stride);
    weir_model_node_check_f64(node, run, x, stride);
    for (size_t row = 0; row < run->n_rows; row++)
        for (size_t j = 0; j < n; j++)
            out[row * n + j] = weir_model_node_round(
                transform(q, j, x[row * stride + j], run->in.is_f32), run->in.is_f32);
}

enum weir_status weir_model_quantile_new(struct weir_model_builder *b,
                                         const struct weir_model_quantile_opts *opts,
                                         const struct weir_model_node **out, struct weir_error *err)
{
    weir_assert(opts->n_columns > 0);
    weir_assert(opts->n_quantiles > 0);
    size_t n = opts->n_quantiles;
    size_t n_values;
    if (opts->n_columns > WEIR_MODEL_COLUMNS_MAX || !weir_size_mul(n, opts->n_columns, &n_values))
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct quantile *q = weir_model_builder_node(b, sizeof *q);
    double *up = weir_model_builder_doubles(b, opts->quantiles, n_values);
    double *down = weir_model_builder_doubles(b, opts->quantiles, n_values);
    double *ref = weir_model_builder_doubles(b, opts->references, n);
    double *ref_down = weir_model_builder_doubles(b, opts->references, n);
    if (!q || !up || !down || !ref || !ref_down)
        return weir_model_builder_no_memory(b, err);
    for (size_t i = 0; i < n; i++) {
        ref_down[i] = -ref[n - 1 - i];
        for (size_t j = 0; j < opts->n_columns; j++)
            down[j * n + i] = -up[j * n + n - 1 - i];
    }
    q->n = opts->n_quantiles;
    q->is_normal = opts->is_normal;
    q->up = up;
    q->down = down;
    q->ref = ref;
    q->ref_down = ref_down;
    struct weir_model_node *node = &q->node;
    node->run = quantile_run;
    node->n_in = opts->n_columns;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = opts->n_columns;
    node->allows_nan = true;
    node->keeps_columns = true;
    node->follows_f32 = 1u << WEIR_OUTPUT_TRANSFORM;
    node->depth = 1;
    enum weir_status status =
        weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}

/* SPDX-License-Identifier: MIT */
#include "model/steps.h"

#include <float.h>
#include <math.h>
#include <string.h>

struct step {
    enum weir_model_step_op op;
    const double *a;   /* for double rows */
    const double *f32; /* for float32 rows: rounded, or the same */
    weir_model_step_fn *fn;
};

struct steps {
    struct weir_model_node node;
    size_t n_steps;
    struct step steps[WEIR_MODEL_STEPS_MAX];
};

static double clip(double x, double low, double high)
{
    /* In numpy's order, so that NaN stays NaN. */
    x = x < low ? low : x;
    return x > high ? high : x;
}

static double yeo_johnson(double x, double l)
{
    if (isnan(x))
        return x;
    if (x >= 0.0)
        return fabs(l) < DBL_EPSILON ? log1p(x) : expm1(l * log1p(x)) / l;
    return fabs(l - 2.0) > DBL_EPSILON ? -expm1((2.0 - l) * log1p(-x)) / (2.0 - l) : -log1p(-x);
}

static double yeo_johnson_power(double x, double l)
{
    if (x >= 0.0)
        return fabs(l) < DBL_EPSILON ? log1p(x) : (pow(x + 1.0, l) - 1.0) / l;
    return fabs(l - 2.0) > DBL_EPSILON ? -(pow(-x + 1.0, 2.0 - l) - 1.0) / (2.0 - l) : -log1p(-x);
}

static double box_cox(double x, double l)
{
    return fabs(l) < 1e-19 ? log(x) : expm1(l * log(x)) / l;
}

static void apply(const struct step *step, const double *a, double *x, size_t n)
{
    switch (step->op) {
    case WEIR_MODEL_STEP_SUBTRACT:
        for (size_t j = 0; j < n; j++)
            x[j] -= a[j];
        return;
    case WEIR_MODEL_STEP_DIVIDE:
        for (size_t j = 0; j < n; j++)
            x[j] /= a[j];
        return;
    case WEIR_MODEL_STEP_MULTIPLY:
        for (size_t j = 0; j < n; j++)
            x[j] *= a[j];
        return;
    case WEIR_MODEL_STEP_ADD:
        for (size_t j = 0; j < n; j++)
            x[j] += a[j];
        return;
    case WEIR_MODEL_STEP_CLIP:
        for (size_t j = 0; j < n; j++)
            x[j] = clip(x[j], a[0], a[1]);
        return;
    case WEIR_MODEL_STEP_ABOVE:
        for (size_t j = 0; j < n; j++)
            x[j] = x[j] > a[j] ? 1.0 : 0.0;
        return;
    case WEIR_MODEL_STEP_YEO_JOHNSON:
        for (size_t j = 0; j < n; j++)
            x[j] = yeo_johnson(x[j], a[j]);
        return;
    case WEIR_MODEL_STEP_YEO_JOHNSON_POWER:
        for (size_t j = 0; j < n; j++)
            x[j] = yeo_johnson_power(x[j], a[j]);
        return;
    case WEIR_MODEL_STEP_BOX_COX:
        for (size_t j = 0; j < n; j++)
            x[j] = box_cox(x[j], a[j]);
        return;
    case WEIR_MODEL_STEP_CHECK:
        return;
    case WEIR_MODEL_STEP_FUNCTION:
        for (size_t j = 0; j < n; j++)
            x[j] = step->fn(x[j]);
        return;
    }
}

/* Marks a row with a number that the logarithm cannot take. */
static void check_positive(const struct weir_model_node *node, struct weir_row_fault *fault,
                           const double *x)
{
    for (size_t j = 0; j < node->n_in && fault->kind == WEIR_FAULT_NONE; j++)
        if (x[j] <= 0.0)
            *fault = (struct weir_row_fault){
                .kind = WEIR_FAULT_RANGE, .step = node->step, .column = (uint32_t)j};
}

/* Marks a row in which an earlier step has made an infinity. */
static void check_finite(const struct weir_model_node *node, struct weir_row_fault *fault,
                         const double *x)
{
    for (size_t j = 0; j < node->n_in && fault->kind == WEIR_FAULT_NONE; j++)
        if (isinf(x[j]))
            *fault = (struct weir_row_fault){
                .kind = WEIR_FAULT_INFINITE, .step = node->step, .column = (uint32_t)j};
}

static void steps_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct steps *s = (const struct steps *)(const void *)node;
    double *out = run->out[WEIR_OUTPUT_TRANSFORM];
    size_t n = node->n_in;
    size_t stride;
    const double *x = weir_model_node_input_f64(run, n, out, &stride);
    weir_model_node_check_f64(node, run, x, stride);
    for (size_t row = 0; row < run->n_rows; row++) {
        double *to = out + row * n;
        if (to != x + row * stride)
            memcpy(to, x + row * stride, n * sizeof *to);
        for (size_t i = 0; i < s->n_steps; i++) {
            const struct step *step = &s->steps[i];
            if (step->op == WEIR_MODEL_STEP_BOX_COX)
                check_positive(node, &run->faults[row], to);
            if (step->op == WEIR_MODEL_STEP_CHECK)
                check_finite(node, &run->faults[row], to);
            apply(step, run->in.is_f32 ? step->f32 : step->a, to, n);
            for (size_t j = 0; run->in.is_f32 && j < n; j++)
                to[j] = (double)(float)to[j];
        }
    }
}

static bool step_copy(struct weir_model_builder *b, const struct weir_model_step *from, size_t n,
                      struct step *to)
{
    if (from->op == WEIR_MODEL_STEP_FUNCTION || from->op == WEIR_MODEL_STEP_CHECK) {
        *to = (struct step){.op = from->op, .fn = from->fn};
        return true;
    }
    size_t n_values = from->op == WEIR_MODEL_STEP_CLIP ? 2 : n;
    double *a = weir_model_builder_doubles(b, from->a, n_values);
    double *f32 = a;
    if (a && from->rounds_first) {
        f32 = weir_model_builder_doubles(b, from->a, n_values);
        for (size_t i = 0; f32 && i < n_values; i++)
            f32[i] = (double)(float)f32[i];
    }
    *to = (struct step){.op = from->op, .a = a, .f32 = f32};
    return a && f32;
}

enum weir_status weir_model_steps_new(struct weir_model_builder *b,
                                      const struct weir_model_steps_opts *opts,
                                      const struct weir_model_node **out, struct weir_error *err)
{
    weir_assert(opts->n_columns > 0);
    weir_assert(opts->n_steps <= WEIR_MODEL_STEPS_MAX);
    if (opts->n_columns > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct steps *s = weir_model_builder_node(b, sizeof *s);
    if (!s)
        return weir_model_builder_no_memory(b, err);
    for (size_t i = 0; i < opts->n_steps; i++)
        if (!step_copy(b, &opts->steps[i], opts->n_columns, &s->steps[i]))
            return weir_model_builder_no_memory(b, err);
    s->n_steps = opts->n_steps;
    struct weir_model_node *node = &s->node;
    node->run = steps_run;
    node->n_in = opts->n_columns;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = opts->n_columns;
    node->allows_nan = opts->allows_nan;
    node->allows_inf = opts->allows_inf;
    node->keeps_columns = true;
    node->follows_f32 = 1u << WEIR_OUTPUT_TRANSFORM;
    node->depth = 1;
    enum weir_status status =
        weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status != WEIR_OK)
        return status;
    *out = node;
    return WEIR_OK;
}

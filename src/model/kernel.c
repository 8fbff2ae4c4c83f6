/* SPDX-License-Identifier: MIT */
#include "model/kernel.h"

#include <math.h>
#include <string.h>

enum { VALUES_AT_ONCE = 1 << 15 };

enum weir_status weir_model_kernel_init(struct weir_model_kernel *k, struct weir_model_builder *b,
                                        const struct weir_model_kernel_opts *opts,
                                        struct weir_error *err)
{
    weir_assert(opts->n_points > 0);
    *k = (struct weir_model_kernel){.kind = opts->kind,
                                    .gamma = opts->gamma,
                                    .coef0 = opts->coef0,
                                    .degree = opts->degree,
                                    .n_points = opts->n_points};
    if (opts->kind == WEIR_MODEL_KERNEL_COLUMNS) {
        uint32_t *columns = weir_arena_array(b->arena, opts->n_points, sizeof *columns);
        if (!columns)
            return weir_model_builder_no_memory(b, err);
        memcpy(columns, opts->columns, opts->n_points * sizeof *columns);
        k->columns = columns;
        return WEIR_OK;
    }
    enum weir_model_lanes_sum sum = opts->kind == WEIR_MODEL_KERNEL_RBF ? WEIR_MODEL_LANES_SQUARES
                                    : opts->kind == WEIR_MODEL_KERNEL_LAPLACIAN
                                        ? WEIR_MODEL_LANES_ABS
                                        : WEIR_MODEL_LANES_DOT;
    return weir_model_dense_rows(&k->dense, b, sum, opts->n_in, opts->n_points, opts->points, err);
}

/* x^times by squaring, the order in which libsvm multiplies. */
static double power(double x, uint32_t times)
{
    double out = 1.0;
    for (; times > 0; times /= 2) {
        if (times % 2 == 1)
            out *= x;
        x *= x;
    }
    return out;
}

static void poly(const struct weir_model_kernel *k, double *v, size_t n)
{
    bool is_whole = k->degree >= 0.0 && k->degree <= 1e6 && k->degree == floor(k->degree);
    for (size_t i = 0; i < n; i++) {
        double base = k->gamma * v[i] + k->coef0;
        v[i] = is_whole ? power(base, (uint32_t)k->degree) : pow(base, k->degree);
    }
}

void weir_model_kernel_run(const struct weir_model_kernel *k, const double *x, size_t stride,
                           size_t n_rows, double *out)
{
    size_t n = n_rows * k->n_points;
    if (k->kind == WEIR_MODEL_KERNEL_COLUMNS) {
        for (size_t i = 0; i < n; i++)
            out[i] = x[i / k->n_points * stride + k->columns[i % k->n_points]];
        return;
    }
    weir_model_dense_run(&k->dense, x, stride, n_rows, out, k->n_points);
    switch (k->kind) {
    case WEIR_MODEL_KERNEL_POLY:
        poly(k, out, n);
        return;
    case WEIR_MODEL_KERNEL_RBF:
    case WEIR_MODEL_KERNEL_LAPLACIAN:
        for (size_t i = 0; i < n; i++)
            out[i] *= -k->gamma;
        k->dense.lanes->exp(out, n);
        return;
    case WEIR_MODEL_KERNEL_SIGMOID:
        for (size_t i = 0; i < n; i++)
            out[i] = k->gamma * out[i] + k->coef0;
        k->dense.lanes->tanh(out, n);
        return;
    case WEIR_MODEL_KERNEL_LINEAR:
    case WEIR_MODEL_KERNEL_COLUMNS:
        return;
    }
}

size_t weir_model_kernel_rows(const struct weir_model_kernel *k)
{
    size_t n = VALUES_AT_ONCE / k->n_points;
    return n < 1 ? 1 : weir_min_size(n, WEIR_MODEL_BLOCK_ROWS);
}

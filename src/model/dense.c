/* SPDX-License-Identifier: MIT */
#include "model/dense.h"

#include <string.h>

enum { L = WEIR_MODEL_LANES };

static size_t round_up(size_t n)
{
    return (n + L - 1) / L * L;
}

/* Returns where value j of point i is. */
static size_t index_of(bool is_narrow, size_t n_in, size_t i, size_t j)
{
    return is_narrow ? i * round_up(n_in) + j : (i / L * n_in + j) * L + i % L;
}

enum weir_status weir_model_dense_init(struct weir_model_dense *d, struct weir_model_builder *b,
                                       enum weir_model_lanes_sum kind, uint32_t n_in,
                                       size_t n_points, struct weir_model_dense_view view,
                                       struct weir_error *err)
{
    weir_assert(n_in > 0);
    weir_assert(n_points > 0);
    size_t n;
    bool is_narrow = kind == WEIR_MODEL_LANES_DOT && n_points < L;
    if (n_points > SIZE_MAX - L ||
        !weir_size_mul(is_narrow ? n_points : round_up(n_points), is_narrow ? round_up(n_in) : n_in,
                       &n) ||
        !weir_size_mul(n, sizeof(double), &n))
        return weir_error_set(err, WEIR_ERR_LIMIT, "too many values");
    double *points = weir_arena_alloc_aligned(b->arena, n, 64);
    if (!points)
        return weir_model_builder_no_memory(b, err);
    memset(points, 0, n);
    for (size_t i = 0; i < n_points; i++)
        for (size_t j = 0; j < n_in; j++)
            points[index_of(is_narrow, n_in, i, j)] =
                view.at[i * view.point_stride + j * view.column_stride];
    *d = (struct weir_model_dense){.lanes = weir_model_lanes_get(),
                                   .kind = kind,
                                   .is_narrow = is_narrow,
                                   .n_in = n_in,
                                   .n_points = n_points,
                                   .points = points};
    return WEIR_OK;
}

enum weir_status weir_model_dense_rows(struct weir_model_dense *d, struct weir_model_builder *b,
                                       enum weir_model_lanes_sum kind, uint32_t n_in,
                                       size_t n_points, const double *points,
                                       struct weir_error *err)
{
    struct weir_model_dense_view view = {points, n_in, 1};
    return weir_model_dense_init(d, b, kind, n_in, n_points, view, err);
}

void weir_model_dense_run(const struct weir_model_dense *d, const double *x, size_t stride,
                          size_t n_rows, double *out, size_t out_stride)
{
    struct weir_model_lanes_task task = {.x = x,
                                         .stride = stride,
                                         .n_rows = n_rows,
                                         .n_in = d->n_in,
                                         .points = d->points,
                                         .n_points = d->n_points,
                                         .out = out,
                                         .out_stride = out_stride};
    if (d->is_narrow)
        d->lanes->narrow(&task);
    else
        d->lanes->wide[d->kind](&task);
}

void weir_model_dense_some(const struct weir_model_dense *d, const double *x, size_t stride,
                           size_t n_rows, size_t first, size_t n, double *out, size_t out_stride)
{
    weir_assert(!d->is_narrow);
    weir_assert(first % L == 0);
    weir_assert(first + n <= d->n_points);
    struct weir_model_lanes_task task = {.x = x,
                                         .stride = stride,
                                         .n_rows = n_rows,
                                         .n_in = d->n_in,
                                         .points = d->points + first * d->n_in,
                                         .n_points = n,
                                         .out = out,
                                         .out_stride = out_stride};
    d->lanes->wide[d->kind](&task);
}

double weir_model_dense_value(const struct weir_model_dense *d, size_t i, size_t j)
{
    return d->points[index_of(d->is_narrow, d->n_in, i, j)];
}

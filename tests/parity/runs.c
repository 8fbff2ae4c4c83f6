/* SPDX-License-Identifier: MIT */
/* Running a model in batches of every shape. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MAX_TRIED = 70, ROWS_TRIED = 140, TURNS = 9 };

void *check_alloc(size_t n, size_t size)
{
    size_t bytes = (n * size + 127) & ~(size_t)63;
    void *p = aligned_alloc(64, bytes);
    if (!p)
        exit(1);
    memset(p, 0, bytes);
    return p;
}

static size_t value_bytes(const struct weir_spec *spec, size_t o)
{
    return spec->outputs[o].storage == WEIR_STORAGE_LABEL ? sizeof(int32_t) : sizeof(double);
}

struct answers check_batch_new(const struct check *c, const double *x, size_t n_rows,
                               enum weir_dtype request)
{
    struct answers a = {.n_rows = n_rows, .dtype = weir_spec_batch_dtype(c->spec, request)};
    size_t n = n_rows * c->spec->n_features;
    a.x = check_alloc(n, sizeof(double));
    for (size_t i = 0; i < n; i++) {
        if (a.dtype == WEIR_F32)
            ((float *)a.x)[i] = (float)x[i];
        else
            ((double *)a.x)[i] = x[i];
    }
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++)
        if (c->spec->outputs[o].is_given)
            a.out[o] = check_alloc(n_rows * c->spec->outputs[o].n_columns, value_bytes(c->spec, o));
    a.faults = check_alloc(n_rows, sizeof *a.faults);
    return a;
}

void check_batch_free(struct answers *a)
{
    free(a->x);
    free(a->faults);
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++)
        free(a->out[o]);
}

void check_batch_run(const struct check *c, struct answers *a, size_t step)
{
    size_t n_blocks = (a->n_rows + step - 1) / step;
    struct weir_rows *blocks = check_alloc(n_blocks, sizeof *blocks);
    size_t item = weir_dtype_size(a->dtype) * c->spec->n_features;
    for (size_t i = 0; i < n_blocks; i++) {
        size_t left = a->n_rows - i * step;
        blocks[i] = (struct weir_rows){(char *)a->x + i * step * item, left < step ? left : step};
    }
    size_t n_scratch = weir_model_scratch_bytes(c->model);
    struct weir_run run = {.dtype = a->dtype,
                           .blocks = blocks,
                           .n_blocks = n_blocks,
                           .faults = a->faults,
                           .scratch = check_alloc(n_scratch, 1)};
    memset(run.scratch, 0xa5, n_scratch);
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++) {
        run.out[o] = a->out[o];
        run.wanted |= a->out[o] ? 1u << o : 0;
    }
    weir_model_run(c->model, &run);
    free(run.scratch);
    free(blocks);
}

static bool same_row(const struct check *c, const struct answers *a, size_t i,
                     const struct answers *b, size_t j)
{
    if (a->faults[i].kind != b->faults[j].kind)
        return false;
    if (a->faults[i].kind != WEIR_FAULT_NONE)
        return true; /* a refused row's outputs are undefined */
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++) {
        size_t bytes = c->spec->outputs[o].n_columns * value_bytes(c->spec, o);
        if (a->out[o] &&
            memcmp((char *)a->out[o] + i * bytes, (char *)b->out[o] + j * bytes, bytes) != 0)
            return false;
    }
    return true;
}

/* Blocks of one run: a row meets every position of every size up to 70 among the first rows, and
 * the table's own batch sizes on all of them. */
static void check_blocks(struct check *c, const double *x, enum weir_dtype request,
                         const struct answers *whole)
{
    size_t few = whole->n_rows < ROWS_TRIED ? whole->n_rows : ROWS_TRIED;
    struct answers again = check_batch_new(c, x, few, request);
    for (size_t size = 1; size <= SIZE_MAX_TRIED; size++) {
        check_batch_run(c, &again, size);
        for (size_t i = 0; i < few; i++)
            if (!same_row(c, whole, i, &again, i)) {
                check_fail(c, "row %zu differs in blocks of %zu", i, size);
                break;
            }
    }
    check_batch_free(&again);
    again = check_batch_new(c, x, whole->n_rows, request);
    check_batch_run(c, &again, 129);
    for (size_t i = 0; i < whole->n_rows; i++)
        if (!same_row(c, whole, i, &again, i))
            check_fail(c, "row %zu differs in blocks of 129", i);
    check_batch_free(&again);
}

/* Turned around so that every row changes its place, with rows of NaN and infinities between; they
 * are refused, or taken by a model that takes them. */
static void check_places(struct check *c, const double *x, enum weir_dtype request,
                         const struct answers *whole)
{
    size_t n = whole->n_rows < ROWS_TRIED ? whole->n_rows : ROWS_TRIED;
    size_t width = c->spec->n_features;
    double *turned = check_alloc(2 * n * width, sizeof *turned);
    for (size_t turn = 0; turn < (n < TURNS ? n : TURNS); turn++) {
        for (size_t i = 0; i < n; i++) {
            size_t to = 2 * ((n - 1 - i + turn) % n);
            memcpy(turned + to * width, x + i * width, width * sizeof *turned);
            for (size_t j = 0; j < width; j++) {
                bool is_text = c->spec->columns && c->spec->columns[j] == WEIR_COLUMN_TEXT;
                turned[(to + 1) * width + j] = is_text ? weir_cell_none()
                                               : j % 2 ? (double)INFINITY
                                                       : (double)NAN;
            }
        }
        struct answers again = check_batch_new(c, turned, 2 * n, request);
        check_batch_run(c, &again, 2 * n);
        for (size_t i = 0; i < n; i++)
            if (!same_row(c, whole, i, &again, 2 * ((n - 1 - i + turn) % n))) {
                check_fail(c, "row %zu differs at another place", i);
                break;
            }
        check_batch_free(&again);
    }
    free(turned);
}

void check_reproducible(struct check *c, const double *x, enum weir_dtype request,
                        const struct answers *whole)
{
    check_blocks(c, x, request, whole);
    check_places(c, x, request, whole);
}

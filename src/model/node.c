/* SPDX-License-Identifier: MIT */
#include "model/node.h"

#include "model/lanes.h"

#include <math.h>
#include <string.h>

/* The mask finds exponents of all ones, the mark of NaN and infinity: adding one to such an
 * exponent carries into the sign's place. Plain integer operations, so that the compiler makes them
 * vectors. */
static bool row_f32_is_finite(const float *x, size_t n)
{
    uint32_t carry = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        carry |= (bits & 0x7f800000u) + 0x00800000u;
    }
    return carry >> 31 == 0;
}

/* Returns whether the node refuses v; sets the row's fault then. */
static bool refuses(const struct weir_model_node *node, struct weir_row_fault *fault, size_t column,
                    double v)
{
    bool is_nan = isnan(v);
    if (is_nan ? node->allows_nan : node->allows_inf || !isinf(v))
        return false;
    *fault = (struct weir_row_fault){.kind = is_nan ? WEIR_FAULT_NAN : WEIR_FAULT_INFINITE,
                                     .step = node->step,
                                     .column = (uint32_t)column};
    return true;
}

void weir_model_node_check_f64(const struct weir_model_node *node,
                               const struct weir_model_node_run *run, const double *x,
                               size_t stride)
{
    if (node->allows_nan && node->allows_inf)
        return;
    const struct weir_model_lanes *lanes = weir_model_lanes_get();
    if (stride == node->n_in && WEIR_LIKELY(lanes->are_finite(x, run->n_rows * stride)))
        return;
    for (size_t row = 0; row < run->n_rows; row++, x += stride) {
        struct weir_row_fault *fault = &run->faults[row];
        if (WEIR_LIKELY(lanes->are_finite(x, node->n_in)) || fault->kind != WEIR_FAULT_NONE)
            continue;
        for (size_t i = 0; i < node->n_in && !refuses(node, fault, i, x[i]); i++)
            ;
    }
}

void weir_model_node_check_f32(const struct weir_model_node *node,
                               const struct weir_model_node_run *run, const float *x, size_t stride)
{
    if (node->allows_nan && node->allows_inf)
        return;
    for (size_t row = 0; row < run->n_rows; row++, x += stride) {
        struct weir_row_fault *fault = &run->faults[row];
        if (WEIR_LIKELY(row_f32_is_finite(x, node->n_in)) || fault->kind != WEIR_FAULT_NONE)
            continue;
        for (size_t i = 0; i < node->n_in && !refuses(node, fault, i, (double)x[i]); i++)
            ;
    }
}

const double *weir_model_node_input_f64(const struct weir_model_node_run *run, size_t n_columns,
                                        void *scratch, size_t *stride)
{
    if (run->in.storage == WEIR_F64) {
        *stride = run->in.stride;
        return run->in.at;
    }
    double *out = scratch;
    for (size_t row = 0; row < run->n_rows; row++) {
        const float *x = (const float *)run->in.at + row * run->in.stride;
        for (size_t i = 0; i < n_columns; i++)
            out[row * n_columns + i] = (double)x[i];
    }
    *stride = n_columns;
    return out;
}

const float *weir_model_node_input_f32(const struct weir_model_node_run *run, size_t n_columns,
                                       void *scratch, size_t *stride)
{
    if (run->in.storage == WEIR_F32) {
        *stride = run->in.stride;
        return run->in.at;
    }
    float *out = scratch;
    for (size_t row = 0; row < run->n_rows; row++) {
        const double *x = (const double *)run->in.at + row * run->in.stride;
        for (size_t i = 0; i < n_columns; i++)
            out[row * n_columns + i] = (float)x[i];
    }
    *stride = n_columns;
    return out;
}

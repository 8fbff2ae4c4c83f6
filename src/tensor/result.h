/* SPDX-License-Identifier: MIT */
/* What a run gave for consecutive rows, as the encoders of the protocols read it. */
#ifndef WEIR_TENSOR_RESULT_H
#define WEIR_TENSOR_RESULT_H

#include "tensor/spec.h"

/* Why a row has no answer. kind 0: it has one. */
enum weir_fault_kind {
    WEIR_FAULT_NONE,
    WEIR_FAULT_NAN,      /* NaN where the step refuses it */
    WEIR_FAULT_INFINITE, /* ±infinity, or a value too large for float32 */
    WEIR_FAULT_ALONE,    /* no point of training is near enough to count */
    WEIR_FAULT_CATEGORY, /* a category that was not there in training */
    WEIR_FAULT_RANGE,    /* a number outside of what the step is defined for */
};

struct weir_row_fault {
    uint16_t kind;   /* enum weir_fault_kind */
    uint16_t step;   /* which step of the model refused, for weir_model_fault_text */
    uint32_t column; /* column of that step's input, from 0 */
};

/* A view of n_rows rows of a run's outputs, borrowed until the batch is recycled. */
struct weir_result {
    const struct weir_spec *spec;
    enum weir_dtype batch_dtype; /* F32 or F64: the type the rows were batched in */
    size_t n_rows;
    /* By enum weir_output: first value of the first of these rows, n_rows × n_columns, row-major,
     * double or int32_t by the output's storage; NULL: not computed. */
    const void *out[WEIR_OUTPUT_N];
    /* By output of spec->tensors: the request's own part; the ones that were not computed mean
     * nothing. NULL: rows. */
    const struct weir_tensor *tensors;
};

#endif

/* SPDX-License-Identifier: MIT */
/* Running a model on a batch: the server's side of <weir/model.h>.
 *
 * A run reads one or more blocks of rows of one element type and fills, for all of their rows in
 * order, the outputs that are wanted. A row's answer never depends on the other rows: a fixed order
 * of operations per row. One row's failure is that row's only. A run allocates nothing: its scratch
 * memory is the caller's, of a size known at load. */
#ifndef WEIR_MODEL_MODEL_H
#define WEIR_MODEL_MODEL_H

#include "base/arena.h"
#include "tensor/result.h"
#include "tensor/spec.h"
#include <weir/model.h>

/* Consecutive rows: n_rows × spec.n_features values, row-major, without gaps, of the run's dtype.
 */
struct weir_rows {
    const void *at;
    size_t n_rows;
};

struct weir_run {
    enum weir_dtype dtype; /* F32 or F64, of all blocks; F64 rows are never given to a model whose
                              spec casts_to_f32 */
    const struct weir_rows *blocks;
    size_t n_blocks;
    uint32_t wanted; /* set of 1u << enum weir_output; each must be given by the spec */
    /* By enum weir_output, for each wanted one: room for (rows of all blocks) × n_columns doubles
     * or int32_t (by the output's storage). */
    void *out[WEIR_OUTPUT_N];
    struct weir_row_fault *faults; /* one for each row, written for every row; outputs of a row with
                                      a fault are undefined */
    void *scratch; /* weir_model_scratch_bytes(model) bytes, aligned to 64; contents undefined
                      before and after */
};

/* Computes the wanted outputs of all rows; returns the number of rows with a fault. Any thread;
 * calls may overlap when their scratch differs. */
size_t weir_model_run(const struct weir_model *model, const struct weir_run *run);

/* Returns the bytes of scratch memory a run needs, whatever its number of rows. */
size_t weir_model_scratch_bytes(const struct weir_model *model);

/* Writes what a fault means: `row 3, column "age": StandardScaler: input is NaN`. row: its number
 * as the request counts, from 0. out gets at most cap − 1 bytes and a NUL. */
void weir_model_fault_text(const struct weir_model *model, struct weir_row_fault fault, size_t row,
                           char *out, size_t cap);

#endif

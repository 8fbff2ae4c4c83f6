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
#include "tensor/tensors.h"
#include <weir/model.h>

/* Consecutive rows: n_rows × spec.n_features values, row-major, without gaps, of the run's dtype;
 * cells (tensor/cell.h) for form WEIR_INPUT_FRAME. */
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

/* The same for models of form WEIR_INPUT_TENSORS (tensor/tensors.h). On success the outputs are
 * valid until the release. A batched run whose outputs have not n_rows rows is WEIR_ERR_INTERNAL
 * and holds nothing. Any thread; calls may overlap. */
WEIR_MUST_USE enum weir_status weir_model_run_tensors(const struct weir_model *model,
                                                      struct weir_tensors_run *run,
                                                      struct weir_error *err);
void weir_model_release_tensors(const struct weir_model *model, struct weir_tensors_run *run);

/* Gives a model without column names the ones that are kept beside its file; before it is shared
 * with anybody. n: its number of features. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_model_name_features(struct weir_model *model,
                                                        const struct weir_str *names, size_t n,
                                                        struct weir_error *err);

/* Gives a model a row of its own (spec.example), before it is shared with anybody. row: n_features
 * cells; they and their texts are copied. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_model_set_example(struct weir_model *model, const double *row,
                                                      struct weir_error *err);

/* Gives a model what an MLflow folder says of it (spec.mlflow), before it is shared with anybody.
 * mlflow and what it points to are copied. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_model_set_mlflow(struct weir_model *model,
                                                     const struct weir_spec_mlflow *mlflow,
                                                     struct weir_error *err);

/* Computes the wanted outputs of all rows of a model of another form; returns the number of rows
 * with a fault. Any thread; calls may overlap when their scratch differs. */
size_t weir_model_run(const struct weir_model *model, const struct weir_run *run);

/* Returns the bytes of scratch memory a run needs, whatever its number of rows; 0 for tensors. */
size_t weir_model_scratch_bytes(const struct weir_model *model);

/* Writes what a fault means: `row 3, column "age": StandardScaler: input is NaN`. row: its number
 * as the request counts, from 0. out gets at most cap − 1 bytes and a NUL. */
void weir_model_fault_text(const struct weir_model *model, struct weir_row_fault fault, size_t row,
                           char *out, size_t cap);

#endif

/* SPDX-License-Identifier: MIT */
/* Models: immutable after load, safe to run from many threads at once.
 *
 *     struct weir_model *model = NULL;
 *     struct weir_error err = WEIR_ERROR_INIT;
 *     if (weir_format_load(&model, "model.joblib", NULL, &err) != WEIR_OK) … err.msg says why
 *     double x[30] = {…}, p[2];
 *     weir_model_predict(model, x, 1, 30, WEIR_OUTPUT_PREDICT_PROBA, p, &err);
 *     weir_model_free(model);
 */
#ifndef WEIR_MODEL_H
#define WEIR_MODEL_H

#include <weir/spec.h>
#include <weir/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_model;

/* Releases a model and gives its memory back to the system; no run may be under way. NULL is
 * allowed. */
WEIR_API void weir_model_free(struct weir_model *model);

/* Returns what the model takes and gives; borrowed, valid as long as the model. */
WEIR_API const struct weir_spec *weir_model_spec(const struct weir_model *model);

/* Returns the bytes of memory the model holds. */
WEIR_API size_t weir_model_bytes(const struct weir_model *model);

/* Computes one output of a matrix of doubles.
 * x: n_rows × n_features, row-major, NaN = missing. out: n_rows × weir_spec_n_columns(spec, output)
 * doubles, row-major; where the answer is a label (predict of a classifier) the class index (see
 * weir_spec_class_json), for predict_proba the classes of all targets side by side. Allocates its
 * scratch memory for the call. Any thread; calls may overlap. WEIR_ERR_INVALID: n_features differs
 * from the spec's, a column takes no numbers, or a row holds a value the model refuses (the message
 * names row and column); WEIR_ERR_UNSUPPORTED: the model has no such output; WEIR_ERR_NO_MEMORY.
 * out is undefined then. */
WEIR_API WEIR_MUST_USE enum weir_status
weir_model_predict(const struct weir_model *model, const double *x, size_t n_rows,
                   size_t n_features, enum weir_output output, double *out, struct weir_error *err);

/* What a value of a row of mixed columns is. */
enum weir_cell_kind {
    WEIR_CELL_NUMBER, /* number; NaN = missing */
    WEIR_CELL_TEXT,   /* text, UTF-8 */
    WEIR_CELL_NONE    /* missing: None in a column that may hold text, NaN in one of numbers */
};

/* One value of a row of mixed columns; a text is borrowed during the call. */
struct weir_cell {
    enum weir_cell_kind kind;
    double number;
    struct weir_text text;
};

/* As weir_model_predict for rows of cells, for models of form WEIR_INPUT_FRAME and
 * WEIR_INPUT_MATRIX. WEIR_ERR_INVALID also: a text where the column takes none, a number where it
 * takes only text (weir_spec_column). */
WEIR_API WEIR_MUST_USE enum weir_status
weir_model_predict_cells(const struct weir_model *model, const struct weir_cell *x, size_t n_rows,
                         size_t n_features, enum weir_output output, double *out,
                         struct weir_error *err);

/* What weir_model_predict_tensors gave. */
struct weir_tensors_answer;

/* Computes outputs of a model of form WEIR_INPUT_TENSORS for one request.
 * inputs: n_inputs tensors in the order of the spec, of its element types, borrowed during the
 * call. wanted: set of UINT64_C(1) << index of an output, 0: all. *out is the caller's
 * (weir_tensors_answer_free). Any thread; calls may overlap. WEIR_ERR_INVALID: an input's type or
 * shape is wrong, or the model refuses it; WEIR_ERR_UNSUPPORTED: the model takes no tensors;
 * WEIR_ERR_NO_MEMORY, WEIR_ERR_INTERNAL. *out is unchanged then. */
WEIR_API WEIR_MUST_USE enum weir_status weir_model_predict_tensors(const struct weir_model *model,
                                                                   const struct weir_tensor *inputs,
                                                                   size_t n_inputs, uint64_t wanted,
                                                                   struct weir_tensors_answer **out,
                                                                   struct weir_error *err);

/* Returns output i of an answer, borrowed from it; NULL: it was not asked for. */
WEIR_API const struct weir_tensor *weir_tensors_answer_get(const struct weir_tensors_answer *answer,
                                                           size_t i);

/* Releases an answer, before its model is freed. NULL is allowed. */
WEIR_API void weir_tensors_answer_free(struct weir_tensors_answer *answer);

#ifdef __cplusplus
}
#endif

#endif

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
 * doubles, row-major; for predict of a classifier the class index (see weir_spec_class_json), for
 * predict_proba the classes of all targets side by side. Allocates its scratch memory for the call.
 * Any thread; calls may overlap. WEIR_ERR_INVALID: n_features differs from the spec's, or a row
 * holds a value the model refuses (the message names row and column); WEIR_ERR_UNSUPPORTED: the
 * model has no such output; WEIR_ERR_NO_MEMORY. out is undefined then. */
WEIR_API WEIR_MUST_USE enum weir_status
weir_model_predict(const struct weir_model *model, const double *x, size_t n_rows,
                   size_t n_features, enum weir_output output, double *out, struct weir_error *err);

#ifdef __cplusplus
}
#endif

#endif

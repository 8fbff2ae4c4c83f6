/* SPDX-License-Identifier: MIT */
/* What a model takes and gives: its features, classes and outputs.
 *
 * A spec belongs to its model, is immutable, and is valid as long as the model. Threads: any. */
#ifndef WEIR_SPEC_H
#define WEIR_SPEC_H

#include <weir/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Element types, with their Open Inference Protocol v2 names and sizes in bytes (0: variable). */
#define WEIR_DTYPE_MAP(X) \
    X(BOOL, "BOOL", 1)    \
    X(U8, "UINT8", 1)     \
    X(U16, "UINT16", 2)   \
    X(U32, "UINT32", 4)   \
    X(U64, "UINT64", 8)   \
    X(I8, "INT8", 1)      \
    X(I16, "INT16", 2)    \
    X(I32, "INT32", 4)    \
    X(I64, "INT64", 8)    \
    X(F16, "FP16", 2)     \
    X(BF16, "BF16", 2)    \
    X(F32, "FP32", 4)     \
    X(F64, "FP64", 8)     \
    X(BYTES, "BYTES", 0)

enum weir_dtype {
#define WEIR_DTYPE_ENUM(code, name, size) WEIR_##code,
    WEIR_DTYPE_MAP(WEIR_DTYPE_ENUM)
#undef WEIR_DTYPE_ENUM
};

/* What can be asked of a model; names as scikit-learn's methods. */
#define WEIR_OUTPUT_MAP(X)                    \
    X(PREDICT, "predict")                     \
    X(PREDICT_PROBA, "predict_proba")         \
    X(DECISION_FUNCTION, "decision_function") \
    X(TRANSFORM, "transform")                 \
    X(SCORE_SAMPLES, "score_samples")         \
    X(LEAF, "leaf")

enum weir_output {
#define WEIR_OUTPUT_ENUM(code, name) WEIR_OUTPUT_##code,
    WEIR_OUTPUT_MAP(WEIR_OUTPUT_ENUM)
#undef WEIR_OUTPUT_ENUM
};

enum { WEIR_OUTPUT_N = 6 }; /* enumerators of enum weir_output */

/* How rows are given to a model. */
enum weir_input_form {
    WEIR_INPUT_MATRIX, /* n × n_features numbers of one element type, row-major */
    WEIR_INPUT_FRAME,  /* columns, each of numbers, of text, or of both */
    WEIR_INPUT_TENSORS /* named tensors (<weir/tensor.h>) */
};

/* What a column of a frame may hold. */
enum weir_column_kind {
    WEIR_COLUMN_NUMBER, /* numbers; a missing value is NaN */
    WEIR_COLUMN_TEXT,   /* text or None; a number is refused */
    WEIR_COLUMN_MIXED   /* any of them, as in a data frame's object column: categories may be of
                           several types */
};

struct weir_spec;

/* Returns the protocol name of an element type ("FP64"), and its size in bytes (0 for BYTES). */
WEIR_API const char *weir_dtype_name(enum weir_dtype dtype);
WEIR_API size_t weir_dtype_size(enum weir_dtype dtype);

/* Returns the name of an output ("predict_proba"), borrowed for ever. */
WEIR_API const char *weir_output_name(enum weir_output output);

/* Returns how rows are given to the model. */
WEIR_API enum weir_input_form weir_spec_form(const struct weir_spec *spec);

/* Returns what column i (< n_features) may hold: numbers unless the form is WEIR_INPUT_FRAME. */
WEIR_API enum weir_column_kind weir_spec_column(const struct weir_spec *spec, size_t i);

/* Returns how many features (columns) one row has; 0 for tensors. */
WEIR_API size_t weir_spec_n_features(const struct weir_spec *spec);

/* Returns the name of feature i (< n_features), NUL-terminated, borrowed; NULL: the model was
 * fitted without names. */
WEIR_API const char *weir_spec_feature_name(const struct weir_spec *spec, size_t i);

/* Returns how many targets are predicted for one row (1 but for multi-output models). */
WEIR_API size_t weir_spec_n_targets(const struct weir_spec *spec);

/* Returns the number of classes of a target (< n_targets); 0: it is a number, not a class. */
WEIR_API size_t weir_spec_n_classes(const struct weir_spec *spec, size_t target);

/* Returns the label of a class as JSON text ("setosa" with its quotes, 1, true), NUL-terminated,
 * borrowed. */
WEIR_API const char *weir_spec_class_json(const struct weir_spec *spec, size_t target,
                                          size_t class_index);

/* Finds whether the model gives an output at all. */
WEIR_API bool weir_spec_has_output(const struct weir_spec *spec, enum weir_output output);

/* Returns how many columns an output has for one row; 0: the model does not give it. For
 * predict_proba the classes of all targets, one target after the other. */
WEIR_API size_t weir_spec_n_columns(const struct weir_spec *spec, enum weir_output output);

/* Returns texts about where the model came from, borrowed: the estimator as a person would write it
 * ("Pipeline(StandardScaler, LogisticRegression)"), the library ("scikit-learn") and its version
 * ("1.4.2"; empty: unknown). */
WEIR_API const char *weir_spec_estimator(const struct weir_spec *spec);
WEIR_API const char *weir_spec_library(const struct weir_spec *spec);
WEIR_API const char *weir_spec_library_version(const struct weir_spec *spec);

#ifdef __cplusplus
}
#endif

#endif

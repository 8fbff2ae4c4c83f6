/* SPDX-License-Identifier: MIT */
/* The inside of a model's spec. Filled once by a format reader in the model's arena and never
 * changed after; protocol decoders, encoders and the server read it. The public accessors are in
 * <weir/spec.h>. */
#ifndef WEIR_TENSOR_SPEC_H
#define WEIR_TENSOR_SPEC_H

#include "base/str.h"
#include "tensor/tensors.h"
#include <weir/spec.h>

/* The classes of one target, in the estimator's order (classes_). All texts are NUL-terminated. */
struct weir_labels {
    enum weir_dtype dtype; /* I64, F64, BOOL or BYTES: the type in which labels are answered */
    size_t n;              /* number of classes; 0: the target is a number */
    const int64_t *i64;    /* n values for I64 and BOOL; else NULL */
    const double *f64;     /* n values for F64; else NULL */
    const struct weir_str *text; /* n values for BYTES (UTF-8, not escaped); else NULL */
    const struct weir_str *json; /* n values ready to be written into JSON, for every dtype */
};

/* How the values of an output are held by a run. */
enum weir_storage {
    WEIR_STORAGE_F64,  /* double */
    WEIR_STORAGE_LABEL /* int32_t, an index into the labels of the column's target */
};

struct weir_spec_output {
    struct weir_str
        alias;                 /* another name by which clients may ask for it and by which it is
                                  answered then: that of the graph the model was read from; empty: none */
    bool is_given;             /* the model has this output */
    enum weir_storage storage; /* LABEL only for predict of classifiers */
    bool is_vector;            /* shape [n] (n_columns is 1); else [n, n_columns] */
    bool is_map;    /* its columns are maps from the first target's labels in the graph that the
                       model was read from */
    bool is_costly; /* part of the batch's signature: computed only in batches that ask for it */
    uint32_t n_columns;    /* values in one row */
    enum weir_dtype dtype; /* of the answer for F64 input: F64, I64, …; for LABEL the labels' type
                              (BYTES when targets differ) */
    bool follows_f32; /* answered as F32 when the input rows were F32: values are then exact floats
                         held in doubles */
};

/* What a column of an MLflow signature says beside its name. */
enum weir_spec_mlflow_column {
    WEIR_SPEC_MLFLOW_OPTIONAL = 1, /* required: false */
    WEIR_SPEC_MLFLOW_F32 = 2,      /* of type float */
    WEIR_SPEC_MLFLOW_WHOLE = 4,    /* of type integer or long: what comes as a fraction is cut */
};

/* What an MLflow folder says of its model. */
struct weir_spec_mlflow {
    struct weir_str version; /* of the MLflow that saved it; empty: not said */
    enum weir_output output; /* what its scoring server answers; PREDICT unless predict_fn names
                                another */
    const uint8_t *columns;  /* n_features sets of enum weir_spec_mlflow_column; NULL: no signature
                                with columns */
};

struct weir_spec {
    enum weir_input_form form;
    size_t n_features;
    const struct weir_str *feature_names; /* n_features names; NULL: fitted without names */
    const uint8_t *columns;     /* FRAME: n_features of enum weir_column_kind; else NULL */
    struct weir_str input_name; /* MATRIX: the input's name in metadata; empty: "input-0" */
    const struct weir_tensors_spec *tensors; /* TENSORS; else NULL */
    bool casts_to_f32; /* the model's first act is a cast to float32 (trees): rows of all types
                          share F32 batches */
    bool allows_nan;   /* NaN (missing) may reach the model; else a decoder answers 400 with row and
                          column */
    bool allows_inf;   /* ±infinity may, after the first cast */
    const double *example; /* n_features cells of a row that the model's maker says it takes ;
                              texts are in the model's memory; NULL: none */
    const struct weir_spec_mlflow *mlflow; /* NULL: the model was in no folder of MLflow's */
    uint32_t n_slow_forests; /* forests whose kernels gave other bits than the plain walk when the
                                model was made, and which run without them */
    size_t n_targets;
    const struct weir_labels *targets;              /* n_targets; n == 0 for numeric targets */
    struct weir_spec_output outputs[WEIR_OUTPUT_N]; /* by enum weir_output */
    struct weir_str estimator;
    struct weir_str library;
    struct weir_str library_version;
    struct weir_str platform; /* Open Inference Protocol's platform, e.g. "sklearn_pickle" */
};

/* Returns the element type in which rows of a request of the given type are batched: what the model
 * sees after its first cast. F32 where the model casts to float32 anyway, or when the request is
 * F32; F64 for every other numeric type. */
enum weir_dtype weir_spec_batch_dtype(const struct weir_spec *spec, enum weir_dtype request);

/* Returns the type in which an output is answered to rows batched as batch_dtype. */
enum weir_dtype weir_spec_output_dtype(const struct weir_spec *spec, enum weir_output output,
                                       enum weir_dtype batch_dtype);

/* Finds the output of a name; false: there is no such output, or the model does not give it. */
bool weir_spec_find_output(const struct weir_spec *spec, struct weir_str name,
                           enum weir_output *out);

/* Finds whether an output's columns are the classes of several targets, one target after the other.
 */
bool weir_spec_is_by_target(const struct weir_spec *spec, enum weir_output output);

/* Finds an element type by its protocol name ("FP32"); false: unknown. */
bool weir_dtype_find(struct weir_str name, enum weir_dtype *out);

/* Returns the output that is answered when none is asked for: predict, transform for a root that is
 * a transformer, else the first it has (score_samples of a density). */
enum weir_output weir_spec_default_output(const struct weir_spec *spec);

#endif

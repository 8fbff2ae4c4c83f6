/* SPDX-License-Identifier: MIT */
/* The MLmodel file: which flavour, where its data is, what goes in. */
#ifndef WEIR_FORMAT_MLFLOW_MLMODEL_H
#define WEIR_FORMAT_MLFLOW_MLMODEL_H

#include "base/arena.h"
#include "base/str.h"
#include <weir/error.h>

#include <stdbool.h>

/* A column of the signature. */
struct weir_format_mlmodel_column {
    struct weir_str name; /* at == NULL: without a name */
    bool is_text;         /* string; every other type is a number */
    bool is_required;     /* may not be missing */
    bool is_float;        /* of type float */
    bool is_whole;        /* of type integer or long */
};

struct weir_format_mlmodel {
    struct weir_str flavor;      /* "sklearn" */
    struct weir_str data;        /* path of the data file, below the folder; checked */
    struct weir_str model_class; /* "xgboost.core.Booster", "CatBoostClassifier"; at == NULL: not
                                    said */
    struct weir_str example;     /* path of the input example; at == NULL: there is none */
    struct weir_str predict_fn; /* method that MLflow's scoring server calls; at == NULL: predict */
    struct weir_str version;    /* of MLflow; at == NULL: not said */
    const struct weir_format_mlmodel_column *columns; /* of the signature's inputs; NULL: there is
                                                         no signature, or it has tensors */
    size_t n_columns;
};

/* Parses the text of an MLmodel file; all texts are copied into the arena, NUL-terminated.
 * WEIR_ERR_UNSUPPORTED: none of its flavours is served (the message names them);
 * WEIR_ERR_INVALID: not such a file, or a path that leads out of the folder; WEIR_ERR_LIMIT;
 * WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_format_mlflow_mlmodel_parse(struct weir_format_mlmodel *out,
                                                                struct weir_str text,
                                                                struct weir_arena *arena,
                                                                struct weir_error *err);

#endif

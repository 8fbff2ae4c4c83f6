/* SPDX-License-Identifier: MIT */
/* The inside of a model, for this folder. */
#ifndef WEIR_MODEL_MODEL_PRIV_H
#define WEIR_MODEL_MODEL_PRIV_H

#include "model/builder.h"

/* A place that can refuse rows; numbers are struct weir_row_fault.step. */
struct weir_model_place {
    struct weir_str name;     /* "StandardScaler" */
    bool keeps_columns;       /* its columns are the model's features, */
    const uint32_t *features; /* these of them, UINT32_MAX: none; NULL: all in order */
    struct weir_model_place *next;
    uint16_t number;
};

struct weir_model {
    struct weir_arena arena; /* holds this struct too */
    struct weir_spec spec;
    const struct weir_model_node *root;       /* NULL: form WEIR_INPUT_TENSORS */
    const struct weir_model_tensors_ops *ops; /* NULL: there is a root */
    void *self;                               /* of ops */
    struct weir_model_place *steps;           /* newest first */
    size_t n_steps;
};

#endif

/* SPDX-License-Identifier: MIT */
/* What is kept of a model's predictions: which of its outputs, and how they are counted. */
#ifndef WEIR_LIVE_SHAPE_H
#define WEIR_LIVE_SHAPE_H

#include "eval/binned.h"
#include "tensor/result.h"

struct weir_live_reference;

enum weir_live_task {
    WEIR_LIVE_BINARY,
    WEIR_LIVE_MULTICLASS,
    WEIR_LIVE_REGRESSION,
};

enum {
    WEIR_LIVE_BINS_BINARY = 4096,
    WEIR_LIVE_BINS_CLASS = 512,      /* of each of more than two classes, against the rest */
    WEIR_LIVE_CLASSES_MAX = 32,      /* of a confusion matrix; of more only right and wrong count */
    WEIR_LIVE_CLASSES_KNOWN = 65000, /* of more nothing is kept */
    WEIR_LIVE_NO_BIN = 65535,
};

/* Constant once made; read by workers and loops. */
struct weir_live_shape {
    enum weir_live_task task;
    uint32_t n_classes; /* 0: regression */
    uint32_t n_columns; /* scores of a row that are binned: 1, of more classes all; 0: none */
    uint32_t n_bins;    /* of each; 0: none */
    enum weir_eval_binned_space space;
    enum weir_output score; /* where they come from, if any are */
    bool has_score;
    uint32_t wanted; /* outputs that rows must be run for: set of 1u << enum weir_output */
    const struct weir_live_reference *reference; /* borrowed; NULL: no drift is told */
    uint32_t n_features;                         /* of it; 0 without */
};

/* Makes the shape of a model. false: predictions of such a model are not kept, and *why says why
 * (borrowed for ever). Scores are probabilities where they come with every run, else margins. */
bool weir_live_shape_init(struct weir_live_shape *shape, const struct weir_spec *spec,
                          const struct weir_live_reference *reference, const char **why);

/* Returns the name of a task: "binary", "multiclass", "regression". */
const char *weir_live_shape_task(enum weir_live_task task);

#endif

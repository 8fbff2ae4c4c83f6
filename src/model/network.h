/* SPDX-License-Identifier: MIT */
/* Feed-forward networks of dense layers. */
#ifndef WEIR_MODEL_NETWORK_H
#define WEIR_MODEL_NETWORK_H

#include "model/builder.h"
#include "model/dense.h"

enum weir_model_network_curve {
    WEIR_MODEL_NETWORK_IDENTITY,
    WEIR_MODEL_NETWORK_RELU,
    WEIR_MODEL_NETWORK_TANH,
    WEIR_MODEL_NETWORK_LOGISTIC,
    WEIR_MODEL_NETWORK_SOFTMAX, /* of the last layer only */
    WEIR_MODEL_NETWORK_EXP      /* of the last layer only */
};

struct weir_model_network_layer {
    uint32_t n_in;
    uint32_t n_out;
    struct weir_model_dense_view weights; /* n_out points of n_in columns */
    const double *bias;                   /* n_out */
};

/* What the last layer's values are. */
enum weir_model_network_use {
    WEIR_MODEL_NETWORK_NUMBERS, /* predict: one target each */
    WEIR_MODEL_NETWORK_CLASSES, /* probabilities of one target's classes; a single value is that of
                                   the second of two, predicted above 0.5 */
    WEIR_MODEL_NETWORK_FLAGS    /* each the probability of label 1 of a target of its own */
};

struct weir_model_network_opts {
    struct weir_str name;                          /* for faults */
    const struct weir_model_network_layer *layers; /* each as wide as the next one's input */
    size_t n_layers;                               /* at least 1 */
    enum weir_model_network_curve hidden;
    enum weir_model_network_curve last;
    enum weir_model_network_use use;
    bool is_f32;                       /* float32 rows are answered in float32 */
    bool keeps_columns;                /* its columns are the model's features */
    const struct weir_labels *targets; /* in the builder's arena */
};

/* Makes a node; arrays are copied. Refuses NaN and infinities at run time. Computes in double:
 * within 1e-5 of float32 networks. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_network_new(struct weir_model_builder *b,
                                                      const struct weir_model_network_opts *opts,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err);

#endif

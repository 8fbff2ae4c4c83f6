/* SPDX-License-Identifier: MIT */
/* Arithmetic on the columns of a classifier's scores, as ONNX graphs spell it out in elementwise
 * operators: a short list of float32 operations on the slots of a row. */
#ifndef WEIR_MODEL_ONNX_PROGRAM_H
#define WEIR_MODEL_ONNX_PROGRAM_H

#include "model/builder.h"

enum weir_model_onnx_op {
    WEIR_MODEL_ONNX_OP_ADD,
    WEIR_MODEL_ONNX_OP_MULTIPLY,
    WEIR_MODEL_ONNX_OP_DIVIDE,
    WEIR_MODEL_ONNX_OP_LESS,   /* 1 where a < b, else 0 */
    WEIR_MODEL_ONNX_OP_NEGATE, /* of a */
    WEIR_MODEL_ONNX_OP_ABS,    /* of a */
};

/* Fills the next slot from two earlier ones. */
struct weir_model_onnx_step {
    enum weir_model_onnx_op op;
    uint32_t a, b;
};

/* Slots are numbered: the constants, the scores, then each step's. */
struct weir_model_onnx_program {
    const float *constants; /* copied, as the rest */
    size_t n_constants;
    size_t n_scores;
    const struct weir_model_onnx_step *steps;
    size_t n_steps;
    const uint32_t *results; /* the slots that are answered */
    size_t n_results;        /* at least 1 */
};

/* Makes a node that answers as inner does, but for `output`: the program's results on it. output is
 * not WEIR_OUTPUT_PREDICT. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status
weir_model_onnx_program_new(struct weir_model_builder *b, const struct weir_model_node *inner,
                            enum weir_output output, const struct weir_model_onnx_program *program,
                            const struct weir_model_node **out, struct weir_error *err);

#endif

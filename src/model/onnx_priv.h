/* SPDX-License-Identifier: MIT */
/* The parts of a model that ONNX Runtime runs, for this folder. */
#ifndef WEIR_MODEL_ONNX_PRIV_H
#define WEIR_MODEL_ONNX_PRIV_H

#include "model/onnx.h"
#include "model/onnx_api.h"

struct OrtSession;
struct OrtMemoryInfo;
struct OrtAllocator;
struct OrtValue;

/* A session; constant after it was made. */
struct weir_model_onnx {
    const struct weir_model_onnx_api *api;
    struct OrtSession *session;    /* owned */
    struct OrtMemoryInfo *memory;  /* owned: "plain memory", for inputs */
    struct OrtAllocator *strings;  /* the library's default one, borrowed */
    struct weir_tensors_spec spec; /* what weir_spec.tensors points to */
    const char **input_names;      /* spec's names as the library wants them */
    const char **output_names;
    size_t n_bytes; /* of the file: what the session holds, about */
};

/* Makes a session and reads its inputs and outputs. All memory is the builder's arena's, but for
 * the session. On failure nothing is held. Statuses of weir_model_onnx_finish. */
WEIR_MUST_USE enum weir_status weir_model_onnx_session_new(struct weir_model_builder *b,
                                                           const struct weir_model_onnx_opts *opts,
                                                           struct weir_model_onnx **out,
                                                           struct weir_error *err);

/* Releases the session; the struct is the arena's. */
void weir_model_onnx_session_free(void *self);

/* Runs and releases; see struct weir_model_tensors_ops. */
WEIR_MUST_USE enum weir_status weir_model_onnx_run(void *self, struct weir_tensors_run *run,
                                                   struct weir_error *err);
void weir_model_onnx_run_release(void *self, struct weir_tensors_run *run);

/* Finds by trial whether rows may be run together, and corrects what the file says of the outputs'
 * dimensions. outputs: m's, which nobody else sees yet. Never fails: what cannot be tried is not
 * batched. */
void weir_model_onnx_trial(struct weir_model_onnx *m, struct weir_tensor_info *outputs,
                           const struct weir_model_onnx_opts *opts);

#endif

/* SPDX-License-Identifier: MIT */
/* Models that ONNX Runtime runs: any ONNX graph of tensors.
 *
 * One session a model, shared by all threads that run it: the library's Run may be called from many
 * at once. A run computes in the calling thread (one intra-op thread unless opts say more), reads
 * its inputs from the batch's memory without a copy where the batch is one block, and leaves its
 * outputs in the library's memory until they are released.
 *
 * Whether rows may be run together is not assumed but tried when the model is loaded: every input
 * and output must begin with a dimension that varies, outputs must have as many rows as inputs, and
 * rows must have the same answers alone and among others, within 1e-4 of the row's largest value
 * (the library sums in another order for other sizes). Trial inputs are random, of several
 * magnitudes, so that a scale that is taken over a whole batch (dynamic quantisation) is seen. What
 * cannot be tried, because no trial input is accepted, is not batched. */
#ifndef WEIR_MODEL_ONNX_H
#define WEIR_MODEL_ONNX_H

#include "model/builder.h"

/* A file that holds tensors of the model. */
struct weir_model_onnx_file {
    const char *name;      /* as the model calls it, NUL-terminated */
    struct weir_str bytes; /* borrowed during the call */
};

/* What the entries of an output's last dimension mean. */
struct weir_model_onnx_labels {
    struct weir_str output;
    const struct weir_labels *labels; /* in the builder's arena */
};

struct weir_model_onnx_opts {
    struct weir_str bytes;   /* the ModelProto; borrowed during the call */
    struct weir_str library; /* where ONNX Runtime is; empty: searched (model/onnx_api.h) */
    uint32_t n_threads;      /* of one run; 0 is 1 */
    uint64_t deadline_ns;    /* CLOCK_MONOTONIC; trials end before; 0: none */
    const char *guard; /* the file of the program weir: the model is loaded and tried in a process
                          of it first, so that one that ends the library is refused; NULL: it is
                          not tried */
    const struct weir_model_onnx_file *files;
    size_t n_files;
    const struct weir_model_onnx_labels *labels;
    size_t n_labels;
    const struct weir_str *texts; /* texts and numbers that trial inputs may be made of: those of */
    size_t n_texts;               /* the model's own tables, which it will not refuse */
    const int64_t *numbers;
    size_t n_numbers;
    const struct weir_str *unshaped; /* names of inputs without a declared shape */
    size_t n_unshaped;
};

/* Makes a session and finishes the model with it: spec->tensors is filled here, the texts of the
 * spec by the caller. WEIR_ERR_UNSUPPORTED: no ONNX Runtime, an operator it does not have, an input
 * or output that is no tensor or of a type that cannot be served; WEIR_ERR_CORRUPT,
 * WEIR_ERR_INVALID: the library refuses the model (its reason is in the message);
 * WEIR_ERR_NO_MEMORY. The builder keeps everything then. */
WEIR_MUST_USE enum weir_status weir_model_onnx_finish(struct weir_model_builder *b,
                                                      const struct weir_model_onnx_opts *opts,
                                                      struct weir_model **out,
                                                      struct weir_error *err);

/* Returns the version of ONNX Runtime that is open, or that would be opened; NULL: there is none.
 * library: as in opts. */
const char *weir_model_onnx_version(struct weir_str library);

/* What a process that tries a model does (model/onnx_guard_priv.h), and ends by. fd: the memory
 * file in which the process that asks left the model. */
_Noreturn void weir_model_onnx_guard_run(int fd);

#endif

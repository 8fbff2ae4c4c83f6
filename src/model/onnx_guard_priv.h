/* SPDX-License-Identifier: MIT */
/* Trying a model in a process of its own, before it is loaded into this one. */
#ifndef WEIR_MODEL_ONNX_GUARD_PRIV_H
#define WEIR_MODEL_ONNX_GUARD_PRIV_H

#include "model/onnx.h"

/* Makes the session and its trials in a child process that then ends, and sees how it ends: ONNX
 * Runtime divides by zero, fails assertions or never comes back on some files that no exporter
 * wrote. WEIR_OK: the child came to an end of its own, whether the model can be loaded or not.
 * WEIR_ERR_INVALID: it was ended by a signal; WEIR_ERR_TIMEOUT: it was still busy at the deadline
 * (or after a minute without one); WEIR_ERR_NO_MEMORY: there is no process to be had. */
WEIR_MUST_USE enum weir_status weir_model_onnx_guard(struct weir_model_builder *b,
                                                     const struct weir_model_onnx_opts *opts,
                                                     struct weir_error *err);

#endif

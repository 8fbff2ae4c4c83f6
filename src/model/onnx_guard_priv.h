/* SPDX-License-Identifier: MIT */
/* Trying a model in a process of its own, before it is loaded into this one. */
#ifndef WEIR_MODEL_ONNX_GUARD_PRIV_H
#define WEIR_MODEL_ONNX_GUARD_PRIV_H

#include "model/onnx.h"

/* Has the session and its trials made by a new process of opts->guard (weir_model_onnx_guard_run)
 * that then ends, and sees how it ends: ONNX Runtime divides by zero, fails assertions or never
 * comes back on some files that no exporter wrote. b: its memory limit counts. library: the one
 * that is open here, so that the same one is tried. Holds one more copy of the model meanwhile.
 * WEIR_OK: it could load the model; what the library said against it is forwarded.
 * WEIR_ERR_INVALID: it was ended by a signal or a code that is not its own; WEIR_ERR_TIMEOUT: it
 * was still busy at the deadline (or after a minute without one); WEIR_ERR_NO_MEMORY;
 * WEIR_ERR_IO: the program does not start, or is of another version. */
WEIR_MUST_USE enum weir_status weir_model_onnx_guard(const struct weir_model_builder *b,
                                                     const struct weir_model_onnx_opts *opts,
                                                     struct weir_str library,
                                                     struct weir_error *err);

#endif

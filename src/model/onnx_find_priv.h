/* SPDX-License-Identifier: MIT */
/* Where ONNX Runtime may be on this machine. */
#ifndef WEIR_MODEL_ONNX_FIND_PRIV_H
#define WEIR_MODEL_ONNX_FIND_PRIV_H

#include "base/str.h"
#include <weir/error.h>

/* Tries one file or loader name. WEIR_OK ends the search; WEIR_ERR_NOT_FOUND goes on; every other
 * status goes on too, but is what is reported when nothing is found. */
typedef enum weir_status weir_model_onnx_find_fn(void *ctx, const char *path,
                                                 struct weir_error *err);

/* Tries the places of model/onnx_api.h in their order. library: a file, or a folder that holds it;
 * then nothing else is tried. WEIR_ERR_UNSUPPORTED: nothing was taken. */
WEIR_MUST_USE enum weir_status weir_model_onnx_find_each(struct weir_str library,
                                                         weir_model_onnx_find_fn *fn, void *ctx,
                                                         struct weir_error *err);

#endif

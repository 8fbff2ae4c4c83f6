/* SPDX-License-Identifier: MIT */
/* ONNX Runtime, found at run time. weir is built against its C declarations alone; the library is
 * opened with dlopen when the first model needs it, and stays open. Without it, only those models
 * fail.
 *
 * It is looked for, in this order: where the caller says; where the variable
 * WEIR_ONNXRUNTIME_LIBRARY says; where the loader looks (libonnxruntime.so.1, libonnxruntime.so);
 * /usr/local/lib, /usr/lib and /opt; in the package folders of Python installations, where
 * `pip install onnxruntime` puts it: those of an active environment, of every python3 on the PATH,
 * of the user, of the system. Python is never run. A place that was named is the only one.
 *
 * It sends nothing: ORT_DISABLE_TELEMETRY=1 is set before the library is loaded and
 * DisableTelemetryEvents called after. Its messages go to the log at debug level.
 *
 * Runs on: any thread. Source: onnxruntime_c_api.h, API version 21 (ONNX Runtime 1.21). */
#ifndef WEIR_MODEL_ONNX_API_H
#define WEIR_MODEL_ONNX_API_H

#include "base/buf.h"
#include "base/str.h"
#include <weir/error.h>

enum { WEIR_MODEL_ONNX_API_VERSION = 21 }; /* any library from 1.21 on has it */

struct OrtApi;
struct OrtEnv;
struct OrtStatus;

/* The opened library. */
struct weir_model_onnx_api {
    const struct OrtApi *ort;
    struct OrtEnv *env;  /* the process's only one */
    const char *version; /* "1.23.2", borrowed for ever */
    const char *path;    /* the file, or the name the loader found it by */
};

/* Opens the library, or gives the one that is open, borrowed for ever. library: a file, or a folder
 * that holds it; empty: it is searched for. Only the first successful call opens anything.
 * WEIR_ERR_UNSUPPORTED: not found (the message says where it was looked for), too old, or weir was
 * built without its declarations. */
WEIR_MUST_USE enum weir_status weir_model_onnx_api_open(const struct weir_model_onnx_api **out,
                                                        struct weir_str library,
                                                        struct weir_error *err);

/* Returns the version of the library that would be opened, "1.23.2", borrowed for ever, without
 * beginning to use it; NULL: there is none that is new enough. library: as above. */
const char *weir_model_onnx_api_look(struct weir_str library);

/* Turns a status of the library into one of ours, "ONNX Runtime: " and its text, and releases it;
 * NULL is WEIR_OK. WEIR_ERR_CORRUPT: no ONNX file; WEIR_ERR_INVALID: the model or the call is not
 * legal; WEIR_ERR_UNSUPPORTED: an operator it does not have; WEIR_ERR_INTERNAL: the rest. */
WEIR_MUST_USE enum weir_status weir_model_onnx_api_status(const struct weir_model_onnx_api *api,
                                                          struct OrtStatus *status,
                                                          struct weir_error *err);

#endif

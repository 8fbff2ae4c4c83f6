/* SPDX-License-Identifier: MIT */
/* In the place of ONNX Runtime where weir was built without its C declarations. */
#include "base/macros.h"
#include "model/onnx.h"

#include <unistd.h>

enum weir_status weir_model_onnx_finish(struct weir_model_builder *b,
                                        const struct weir_model_onnx_opts *opts,
                                        struct weir_model **out, struct weir_error *err)
{
    (void)b;
    (void)opts;
    (void)out;
    return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                          "needs ONNX Runtime, and weir was built without its C header");
}

void weir_model_onnx_guard_run(int fd)
{
    (void)fd;
    _exit(1); /* Nobody asks for it. */
}

const char *weir_model_onnx_version(struct weir_str library)
{
    (void)library;
    return NULL;
}

/* SPDX-License-Identifier: MIT */
#include "model/onnx.h"

#include "base/macros.h"
#include "model/onnx_guard_priv.h"
#include "model/onnx_priv.h"

static size_t bytes_of(const void *self)
{
    const struct weir_model_onnx *m = self;
    return m->n_bytes;
}

static const struct weir_model_tensors_ops ops = {
    .run = weir_model_onnx_run,
    .release = weir_model_onnx_run_release,
    .free = weir_model_onnx_session_free,
    .bytes = bytes_of,
};

/* Puts the labels of outputs where the spec wants them: by output. */
static enum weir_status fill_labels(struct weir_model_builder *b, struct weir_model_onnx *m,
                                    const struct weir_model_onnx_opts *opts, struct weir_error *err)
{
    const struct weir_labels **labels =
        weir_arena_zarray(b->arena, m->spec.n_outputs, sizeof *labels);
    if (!labels)
        return weir_model_builder_no_memory(b, err);
    for (size_t i = 0; i < opts->n_labels; i++) {
        size_t o;
        if (weir_tensors_find_output(&m->spec, opts->labels[i].output, &o))
            labels[o] = opts->labels[i].labels;
    }
    m->spec.labels = labels;
    return WEIR_OK;
}

enum weir_status weir_model_onnx_finish(struct weir_model_builder *b,
                                        const struct weir_model_onnx_opts *opts,
                                        struct weir_model **out, struct weir_error *err)
{
    weir_assert(b);
    weir_assert(opts);
    struct weir_model_onnx *m = NULL;
    const struct weir_model_onnx_api *api;
    enum weir_status status = weir_model_onnx_api_open(&api, opts->library, err);
    if (status == WEIR_OK && opts->guard)
        status =
            weir_model_onnx_guard(b, opts, api->path ? weir_str_c(api->path) : opts->library, err);
    if (status != WEIR_OK)
        return status;
    status = weir_model_onnx_session_new(b, opts, &m, err);
    if (status != WEIR_OK)
        return status;
    status = fill_labels(b, m, opts, err);
    if (status == WEIR_OK) {
        b->spec->tensors = &m->spec;
        status = weir_model_builder_finish_tensors(b, &ops, m, out, err);
    }
    if (status != WEIR_OK)
        weir_model_onnx_session_free(m);
    return status;
}

const char *weir_model_onnx_version(struct weir_str library)
{
    return weir_model_onnx_api_look(library);
}

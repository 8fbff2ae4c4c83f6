/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "model/onnx_priv.h"

#include <onnxruntime_c_api.h>

#include <stdio.h>

/* A session being made; what the library gave is released by free_making. */
struct making {
    struct weir_model_builder *b;
    struct weir_model_onnx *m;
    struct weir_tensor_info *inputs, *outputs;
    const struct weir_model_onnx_api *api;
    OrtSessionOptions *options;
    struct weir_error *err;
};

/* Forwards a status of the library. */
static enum weir_status check(const struct making *k, OrtStatus *status)
{
    return weir_model_onnx_api_status(k->api, status, k->err);
}

/* Our element type for the library's; false: it has none. */
static bool find_dtype(ONNXTensorElementDataType type, enum weir_dtype *out)
{
    static const struct {
        ONNXTensorElementDataType type;
        enum weir_dtype dtype;
    } pairs[] = {
        {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, WEIR_F32},
        {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, WEIR_U8},
        {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, WEIR_I8},
        {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, WEIR_U16},
        {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, WEIR_I16},
        {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, WEIR_I32},
        {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, WEIR_I64},
        {ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, WEIR_BYTES},
        {ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, WEIR_BOOL},
        {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, WEIR_F16},
        {ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, WEIR_F64},
        {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32, WEIR_U32},
        {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, WEIR_U64},
        {ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, WEIR_BF16},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(pairs); i++) {
        if (pairs[i].type == type) {
            *out = pairs[i].dtype;
            return true;
        }
    }
    return false;
}

/* --- options --- */

static enum weir_status add_files(const struct making *k, const struct weir_model_onnx_opts *opts)
{
    if (opts->n_files == 0)
        return WEIR_OK;
    const char **names = weir_arena_array(k->b->arena, opts->n_files, sizeof *names);
    char **bytes = weir_arena_array(k->b->arena, opts->n_files, sizeof *bytes);
    size_t *sizes = weir_arena_array(k->b->arena, opts->n_files, sizeof *sizes);
    if (!names || !bytes || !sizes)
        return weir_model_builder_no_memory(k->b, k->err);
    for (size_t i = 0; i < opts->n_files; i++) {
        names[i] = opts->files[i].name;
        /* The library's call takes char * but only copies from it. */
        memcpy(&bytes[i], &opts->files[i].bytes.at, sizeof bytes[i]);
        sizes[i] = opts->files[i].bytes.n;
    }
    return check(k, k->api->ort->AddExternalInitializersFromFilesInMemory(k->options, names, bytes,
                                                                          sizes, opts->n_files));
}

/* One thread that computes where it is called, no thread that spins, no plans of memory that depend
 * on the batch's size. */
static enum weir_status set_options(struct making *k, const struct weir_model_onnx_opts *opts)
{
    const OrtApi *ort = k->api->ort;
    static const char *const entries[][2] = {
        {"session.intra_op.allow_spinning", "0"},
        {"session.inter_op.allow_spinning", "0"},
    };
    enum weir_status status = check(k, ort->CreateSessionOptions(&k->options));
    if (status == WEIR_OK)
        status = check(k, ort->SetIntraOpNumThreads(
                              k->options, opts->n_threads > 1 ? (int)opts->n_threads : 1));
    if (status == WEIR_OK)
        status = check(k, ort->SetInterOpNumThreads(k->options, 1));
    if (status == WEIR_OK)
        status = check(k, ort->SetSessionExecutionMode(k->options, ORT_SEQUENTIAL));
    if (status == WEIR_OK)
        status = check(k, ort->SetSessionGraphOptimizationLevel(k->options, ORT_ENABLE_ALL));
    if (status == WEIR_OK)
        status = check(k, ort->DisableMemPattern(k->options));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(entries) && status == WEIR_OK; i++)
        status = check(k, ort->AddSessionConfigEntry(k->options, entries[i][0], entries[i][1]));
    return status == WEIR_OK ? add_files(k, opts) : status;
}

/* --- what it takes and gives --- */

static enum weir_status copy_name(const struct making *k, char *name, const char **out)
{
    struct weir_str copy = weir_arena_str(k->b->arena, weir_str_c(name));
    enum weir_status status = check(k, k->api->ort->AllocatorFree(k->m->strings, name));
    if (status != WEIR_OK)
        return status;
    *out = copy.at;
    return copy.at ? WEIR_OK : weir_model_builder_no_memory(k->b, k->err);
}

static enum weir_status read_shape(const struct making *k, const OrtTensorTypeAndShapeInfo *shape,
                                   struct weir_tensor_info *out)
{
    const OrtApi *ort = k->api->ort;
    size_t n;
    int64_t dims[WEIR_TENSOR_DIMS_MAX];
    const char *names[WEIR_TENSOR_DIMS_MAX];
    enum weir_status status = check(k, ort->GetDimensionsCount(shape, &n));
    if (status != WEIR_OK)
        return status;
    out->n_dims = (int32_t)weir_min_size(n, 1 << 20);
    if (n > WEIR_TENSOR_DIMS_MAX)
        return WEIR_OK; /* The builder refuses it with its name. */
    status = check(k, ort->GetDimensions(shape, dims, n));
    if (status == WEIR_OK)
        status = check(k, ort->GetSymbolicDimensions(shape, names, n));
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        out->dims[i] = dims[i] < 0 ? -1 : dims[i];
        if (dims[i] >= 0 || !names[i] || !names[i][0])
            continue;
        out->dim_names[i] = weir_arena_str(k->b->arena, weir_str_c(names[i])).at;
        if (!out->dim_names[i])
            status = weir_model_builder_no_memory(k->b, k->err);
    }
    return status;
}

static enum weir_status read_type(const struct making *k, const OrtTypeInfo *type, const char *what,
                                  struct weir_tensor_info *out)
{
    const OrtApi *ort = k->api->ort;
    const OrtTensorTypeAndShapeInfo *shape = NULL;
    ONNXTensorElementDataType element;
    enum weir_status status = check(k, ort->CastTypeInfoToTensorInfo(type, &shape));
    if (status != WEIR_OK)
        return status;
    if (!shape)
        return weir_error_set(k->err, WEIR_ERR_UNSUPPORTED,
                              "%s \"%.64s\" is no tensor (a sequence, a map or optional)", what,
                              out->name);
    status = check(k, ort->GetTensorElementType(shape, &element));
    if (status != WEIR_OK)
        return status;
    if (!find_dtype(element, &out->dtype))
        return weir_error_set(k->err, WEIR_ERR_UNSUPPORTED,
                              "%s \"%.64s\" has elements of a type (%d) that cannot be served",
                              what, out->name, (int)element);
    return read_shape(k, shape, out);
}

static enum weir_status read_value(const struct making *k, bool is_input, size_t i,
                                   struct weir_tensor_info *out)
{
    const OrtApi *ort = k->api->ort;
    const OrtSession *s = k->m->session;
    char *name = NULL;
    OrtTypeInfo *type = NULL;
    enum weir_status status =
        check(k, is_input ? ort->SessionGetInputName(s, i, k->m->strings, &name)
                          : ort->SessionGetOutputName(s, i, k->m->strings, &name));
    if (status == WEIR_OK)
        status = copy_name(k, name, &out->name);
    if (status == WEIR_OK)
        status = check(k, is_input ? ort->SessionGetInputTypeInfo(s, i, &type)
                                   : ort->SessionGetOutputTypeInfo(s, i, &type));
    if (status == WEIR_OK)
        status = read_type(k, type, is_input ? "input" : "output", out);
    ort->ReleaseTypeInfo(type);
    return status;
}

static enum weir_status read_values(const struct making *k, bool is_input, size_t n,
                                    struct weir_tensor_info **infos, const char ***names)
{
    *infos = weir_arena_zarray(k->b->arena, n + 1, sizeof **infos);
    *names = weir_arena_zarray(k->b->arena, n + 1, sizeof **names);
    if (!*infos || !*names)
        return weir_model_builder_no_memory(k->b, k->err);
    for (size_t i = 0; i < n; i++) {
        enum weir_status status = read_value(k, is_input, i, &(*infos)[i]);
        if (status != WEIR_OK)
            return status;
        (*names)[i] = (*infos)[i].name;
    }
    return WEIR_OK;
}

static enum weir_status read_all(struct making *k, const struct weir_model_onnx_opts *opts)
{
    struct weir_model_onnx *m = k->m;
    const OrtApi *ort = k->api->ort;
    size_t n_inputs = 0, n_outputs = 0;
    enum weir_status status = check(k, ort->SessionGetInputCount(m->session, &n_inputs));
    if (status == WEIR_OK)
        status = check(k, ort->SessionGetOutputCount(m->session, &n_outputs));
    if (status == WEIR_OK && (n_inputs > WEIR_TENSORS_MAX || n_outputs > WEIR_TENSORS_MAX))
        return weir_error_set(k->err, WEIR_ERR_LIMIT,
                              "the model has %zu inputs and %zu outputs; at most %d of each can be "
                              "served",
                              n_inputs, n_outputs, WEIR_TENSORS_MAX);
    if (status == WEIR_OK)
        status = read_values(k, true, n_inputs, &k->inputs, &m->input_names);
    if (status == WEIR_OK)
        status = read_values(k, false, n_outputs, &k->outputs, &m->output_names);
    if (status != WEIR_OK)
        return status;
    /* The library says "no dimensions" of a scalar and of an unknown shape alike. */
    for (size_t i = 0; i < n_inputs; i++)
        for (size_t u = 0; u < opts->n_unshaped; u++)
            if (weir_str_eq_c(opts->unshaped[u], k->inputs[i].name))
                k->inputs[i].n_dims = -1;
    for (size_t i = 0; i < n_outputs; i++)
        if (k->outputs[i].n_dims == 0)
            k->outputs[i].n_dims = -1;
    m->spec = (struct weir_tensors_spec){
        .n_inputs = n_inputs, .inputs = k->inputs, .n_outputs = n_outputs, .outputs = k->outputs};
    return WEIR_OK;
}

/* --- making --- */

static enum weir_status make(struct making *k, const struct weir_model_onnx_opts *opts)
{
    struct weir_model_onnx *m = k->m;
    const OrtApi *ort = k->api->ort;
    enum weir_status status = set_options(k, opts);
    if (status == WEIR_OK)
        status =
            check(k, ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &m->memory));
    if (status == WEIR_OK)
        status = check(k, ort->GetAllocatorWithDefaultOptions(&m->strings));
    if (status == WEIR_OK)
        status = check(k, ort->CreateSessionFromArray(k->api->env, opts->bytes.at, opts->bytes.n,
                                                      k->options, &m->session));
    if (status == WEIR_OK)
        status = read_all(k, opts);
    if (status == WEIR_OK)
        weir_model_onnx_trial(m, k->outputs, opts);
    return status;
}

enum weir_status weir_model_onnx_session_new(struct weir_model_builder *b,
                                             const struct weir_model_onnx_opts *opts,
                                             struct weir_model_onnx **out, struct weir_error *err)
{
    struct making k = {.b = b, .err = err};
    enum weir_status status = weir_model_onnx_api_open(&k.api, opts->library, err);
    if (status != WEIR_OK)
        return status;
    k.m = weir_arena_zalloc(b->arena, sizeof *k.m);
    if (!k.m)
        return weir_model_builder_no_memory(b, err);
    k.m->api = k.api;
    k.m->n_bytes = opts->bytes.n;
    for (size_t i = 0; i < opts->n_files; i++)
        k.m->n_bytes += opts->files[i].bytes.n;
    status = make(&k, opts);
    k.api->ort->ReleaseSessionOptions(k.options);
    if (status != WEIR_OK)
        weir_model_onnx_session_free(k.m);
    else
        *out = k.m;
    return status;
}

void weir_model_onnx_session_free(void *self)
{
    struct weir_model_onnx *m = self;
    m->api->ort->ReleaseSession(m->session);
    m->api->ort->ReleaseMemoryInfo(m->memory);
    m->session = NULL;
    m->memory = NULL;
}

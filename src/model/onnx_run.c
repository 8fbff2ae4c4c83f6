/* SPDX-License-Identifier: MIT */
/* One run: inputs become values of the library over the batch's memory (one copy where the batch
 * has several blocks; texts are always copied), outputs stay where the library put them. */
#include "base/macros.h"
#include "model/onnx_priv.h"

#include <onnxruntime_c_api.h>

/* What a run holds until its release. */
struct held {
    OrtValue *outputs[WEIR_TENSORS_MAX];
    void *texts[WEIR_TENSORS_MAX]; /* of outputs of texts: struct weir_text and their bytes */
};

/* The inputs of a run, while it lasts. */
struct given {
    const struct weir_model_onnx *m;
    OrtValue *values[WEIR_TENSORS_MAX];
    void *joined[WEIR_TENSORS_MAX]; /* copies of inputs of several blocks */
};

static enum weir_status no_memory(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for a run");
}

static const ONNXTensorElementDataType types[] = {
    [WEIR_BOOL] = ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL,
    [WEIR_U8] = ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
    [WEIR_U16] = ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16,
    [WEIR_U32] = ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32,
    [WEIR_U64] = ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64,
    [WEIR_I8] = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8,
    [WEIR_I16] = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16,
    [WEIR_I32] = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,
    [WEIR_I64] = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
    [WEIR_F16] = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
    [WEIR_BF16] = ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16,
    [WEIR_F32] = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
    [WEIR_F64] = ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,
    [WEIR_BYTES] = ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING,
};

/* --- inputs --- */

/* Fills a tensor of texts. */
static enum weir_status fill_texts(const struct weir_model_onnx *m, OrtValue *value,
                                   const struct weir_tensor *blocks, size_t n_blocks,
                                   struct weir_error *err)
{
    size_t at = 0;
    for (size_t b = 0; b < n_blocks; b++) {
        const struct weir_text *texts = blocks[b].data;
        size_t n = (size_t)weir_tensor_n_items(&blocks[b]);
        for (size_t i = 0; i < n; i++, at++) {
            char *to = NULL;
            enum weir_status status = weir_model_onnx_api_status(
                m->api,
                m->api->ort->GetResizedStringTensorElementBuffer(value, at, texts[i].n, &to), err);
            if (status != WEIR_OK)
                return status;
            if (texts[i].n > 0)
                memcpy(to, texts[i].at, texts[i].n);
        }
    }
    return WEIR_OK;
}

/* Joins the blocks of an input into one piece of memory. */
static void *join(const struct weir_tensor *blocks, size_t n_blocks, size_t n_bytes)
{
    char *all = weir_mem_alloc(weir_mem_default(), weir_max_size(n_bytes, 1));
    char *at = all;
    for (size_t b = 0; all && b < n_blocks; b++) {
        size_t n = (size_t)weir_tensor_n_items(&blocks[b]) * weir_dtype_size(blocks[b].dtype);
        if (n > 0)
            memcpy(at, blocks[b].data, n);
        at += n;
    }
    return all;
}

static enum weir_status give_input(struct given *g, size_t i, const struct weir_tensors_run *run,
                                   struct weir_error *err)
{
    const struct weir_model_onnx *m = g->m;
    const OrtApi *ort = m->api->ort;
    const struct weir_tensor *blocks = run->blocks + i * run->n_blocks;
    struct weir_tensor all = blocks[0];
    if (run->n_blocks > 1)
        all.dims[0] = run->n_rows;
    int64_t dims[WEIR_TENSOR_DIMS_MAX];
    for (uint32_t d = 0; d < all.n_dims; d++)
        dims[d] = (int64_t)all.dims[d];
    if (all.dtype == WEIR_BYTES) {
        enum weir_status status = weir_model_onnx_api_status(
            m->api,
            ort->CreateTensorAsOrtValue(m->strings, dims, all.n_dims, types[WEIR_BYTES],
                                        &g->values[i]),
            err);
        return status == WEIR_OK ? fill_texts(m, g->values[i], blocks, run->n_blocks, err) : status;
    }
    size_t n_bytes = (size_t)weir_tensor_n_items(&all) * weir_dtype_size(all.dtype);
    void *data;
    memcpy(&data, &all.data, sizeof data); /* The library's call takes void *, and only reads. */
    if (run->n_blocks > 1) {
        data = g->joined[i] = join(blocks, run->n_blocks, n_bytes);
        if (!data)
            return no_memory(err);
    }
    return weir_model_onnx_api_status(
        m->api,
        ort->CreateTensorWithDataAsOrtValue(m->memory, n_bytes > 0 ? data : (void *)dims, n_bytes,
                                            dims, all.n_dims, types[all.dtype], &g->values[i]),
        err);
}

static void given_deinit(struct given *g)
{
    for (size_t i = 0; i < g->m->spec.n_inputs; i++) {
        g->m->api->ort->ReleaseValue(g->values[i]);
        weir_mem_free(weir_mem_default(), g->joined[i]);
    }
}

/* --- outputs --- */

/* Reads a tensor of texts into one piece of memory: the views, then the bytes with their NULs. */
static enum weir_status take_texts(const struct weir_model_onnx *m, const OrtValue *value, size_t n,
                                   void **out, struct weir_error *err)
{
    const OrtApi *ort = m->api->ort;
    size_t n_bytes = 0;
    size_t total;
    enum weir_status status =
        weir_model_onnx_api_status(m->api, ort->GetStringTensorDataLength(value, &n_bytes), err);
    if (status != WEIR_OK)
        return status;
    size_t *offsets = weir_mem_array(weir_mem_default(), n + 1, sizeof *offsets);
    char *bytes = weir_mem_alloc(weir_mem_default(), n_bytes + 1);
    struct weir_text *texts = NULL;
    if (offsets && bytes && weir_size_mul(n + 1, sizeof *texts, &total) &&
        weir_size_add(total, n + n_bytes, &total))
        texts = weir_mem_alloc(weir_mem_default(), total);
    status = texts ? WEIR_OK : no_memory(err);
    if (status == WEIR_OK && n > 0)
        status = weir_model_onnx_api_status(
            m->api, ort->GetStringTensorContent(value, bytes, n_bytes, offsets, n), err);
    char *to = (char *)(texts + n);
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        size_t end = i + 1 < n ? offsets[i + 1] : n_bytes;
        weir_assert(offsets[i] <= end);
        weir_assert(end <= n_bytes);
        texts[i] = (struct weir_text){.at = to, .n = end - offsets[i]};
        memcpy(to, bytes + offsets[i], texts[i].n);
        to += texts[i].n;
        *to++ = '\0';
    }
    weir_mem_free(weir_mem_default(), offsets);
    weir_mem_free(weir_mem_default(), bytes);
    if (status == WEIR_OK)
        *out = texts;
    else
        weir_mem_free(weir_mem_default(), texts);
    return status;
}

static enum weir_status read_shape(const struct weir_model_onnx *m, const OrtValue *value,
                                   const struct weir_tensor_info *info, struct weir_tensor *out,
                                   struct weir_error *err)
{
    const OrtApi *ort = m->api->ort;
    OrtTensorTypeAndShapeInfo *shape = NULL;
    ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    size_t n = 0;
    int64_t dims[WEIR_TENSOR_DIMS_MAX];
    enum weir_status status =
        weir_model_onnx_api_status(m->api, ort->GetTensorTypeAndShape(value, &shape), err);
    if (status != WEIR_OK)
        return status;
    status = weir_model_onnx_api_status(m->api, ort->GetTensorElementType(shape, &type), err);
    if (status == WEIR_OK)
        status = weir_model_onnx_api_status(m->api, ort->GetDimensionsCount(shape, &n), err);
    if (status == WEIR_OK && (n > WEIR_TENSOR_DIMS_MAX || type != types[info->dtype]))
        status = weir_error_set(
            err, WEIR_ERR_INTERNAL,
            "output \"%.64s\": the model gave another type or rank than it says", info->name);
    if (status == WEIR_OK)
        status = weir_model_onnx_api_status(m->api, ort->GetDimensions(shape, dims, n), err);
    ort->ReleaseTensorTypeAndShapeInfo(shape);
    if (status != WEIR_OK)
        return status;
    *out = (struct weir_tensor){.dtype = info->dtype, .n_dims = (uint32_t)n};
    for (size_t i = 0; i < n; i++)
        out->dims[i] = (uint64_t)dims[i];
    return WEIR_OK;
}

static enum weir_status take_output(const struct weir_model_onnx *m, struct held *held, size_t o,
                                    struct weir_tensor *out, struct weir_error *err)
{
    const OrtApi *ort = m->api->ort;
    OrtValue *value = held->outputs[o];
    int is_tensor = 0;
    enum weir_status status =
        value ? weir_model_onnx_api_status(m->api, ort->IsTensor(value, &is_tensor), err) : WEIR_OK;
    if (status == WEIR_OK && !is_tensor)
        status =
            weir_error_set(err, WEIR_ERR_INTERNAL, "output \"%.64s\": the model gave no tensor",
                           m->spec.outputs[o].name);
    if (status == WEIR_OK)
        status = read_shape(m, value, &m->spec.outputs[o], out, err);
    if (status != WEIR_OK)
        return status;
    if (out->dtype == WEIR_BYTES) {
        status = take_texts(m, value, (size_t)weir_tensor_n_items(out), &held->texts[o], err);
        out->data = held->texts[o];
        return status;
    }
    void *data = NULL;
    status = weir_model_onnx_api_status(m->api, ort->GetTensorMutableData(value, &data), err);
    out->data = data;
    return status;
}

static void held_free(const struct weir_model_onnx *m, struct held *held)
{
    if (!held)
        return;
    for (size_t o = 0; o < m->spec.n_outputs; o++) {
        m->api->ort->ReleaseValue(held->outputs[o]);
        weir_mem_free(weir_mem_default(), held->texts[o]);
    }
    weir_mem_free(weir_mem_default(), held);
}

/* --- the run --- */

/* A run that the library refuses after the model has been tried at load is at fault in its inputs:
 * an index out of range, sizes that do not fit each other. Only memory is the machine's. */
static enum weir_status compute(const struct given *g, const struct weir_tensors_run *run,
                                struct held *held, struct weir_error *err)
{
    const struct weir_model_onnx *m = g->m;
    const char *names[WEIR_TENSORS_MAX];
    OrtValue *values[WEIR_TENSORS_MAX] = {NULL};
    size_t n = 0;
    for (size_t o = 0; o < m->spec.n_outputs; o++)
        if (run->wanted & UINT64_C(1) << o)
            names[n++] = m->output_names[o];
    struct weir_error why = WEIR_ERROR_INIT;
    enum weir_status status = weir_model_onnx_api_status(
        m->api,
        m->api->ort->Run(m->session, NULL, m->input_names, (const OrtValue *const *)g->values,
                         m->spec.n_inputs, names, n, values),
        &why);
    n = 0;
    for (size_t o = 0; o < m->spec.n_outputs; o++)
        if (run->wanted & UINT64_C(1) << o)
            held->outputs[o] = values[n++];
    if (status == WEIR_OK)
        return WEIR_OK;
    bool is_memory = strstr(why.msg, "bad_alloc") || strstr(why.msg, "Failed to allocate");
    return weir_error_set(err, is_memory ? WEIR_ERR_NO_MEMORY : WEIR_ERR_INVALID, "%s", why.msg);
}

enum weir_status weir_model_onnx_run(void *self, struct weir_tensors_run *run,
                                     struct weir_error *err)
{
    const struct weir_model_onnx *m = self;
    struct held *held = weir_mem_zalloc(weir_mem_default(), sizeof *held);
    if (!held)
        return no_memory(err);
    struct given given = {.m = m};
    enum weir_status status = WEIR_OK;
    for (size_t i = 0; i < m->spec.n_inputs && status == WEIR_OK; i++)
        status = give_input(&given, i, run, err);
    if (status == WEIR_OK)
        status = compute(&given, run, held, err);
    given_deinit(&given);
    for (size_t o = 0; o < m->spec.n_outputs && status == WEIR_OK; o++)
        if (run->wanted & UINT64_C(1) << o)
            status = take_output(m, held, o, &run->out[o], err);
    if (status != WEIR_OK) {
        held_free(m, held);
        return status;
    }
    run->held = held;
    return WEIR_OK;
}

void weir_model_onnx_run_release(void *self, struct weir_tensors_run *run)
{
    held_free(self, run->held);
    run->held = NULL;
}

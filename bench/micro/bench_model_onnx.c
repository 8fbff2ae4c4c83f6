/* SPDX-License-Identifier: MIT */
/* A small network through ONNX Runtime: weir's run of a batch against the library's own Run with
 * values made beforehand, which is the least that anybody can pay. 1 to 512 rows.
 *
 * usage: bench_model_onnx [MODEL.onnx]    one float input [?, 12]; default: the fixture MLP */
#include "measure.h"
#include "model/model.h"
#include "model/onnx_api.h"
#include <weir/format.h>

#include <onnxruntime_c_api.h>

#include <stdio.h>
#include <string.h>

enum { COLUMNS = 12, ROWS_MAX = 512 };

static float x[ROWS_MAX * COLUMNS];

/* --- weir --- */

struct ours {
    const struct weir_model *model;
    struct weir_tensor input;
    size_t n_rows;
};

static uint64_t run_ours(void *arg)
{
    struct ours *w = arg;
    struct weir_tensors_run run = {
        .n_blocks = 1, .n_rows = w->n_rows, .blocks = &w->input, .wanted = 1};
    uint32_t bits = 0;
    if (weir_model_run_tensors(w->model, &run, NULL) != WEIR_OK)
        return 0;
    memcpy(&bits, run.out[0].data, sizeof bits);
    weir_model_release_tensors(w->model, &run);
    return bits;
}

/* --- the library alone --- */

struct direct {
    const OrtApi *ort;
    OrtSession *session;
    OrtValue *input;
    const char *in, *out;
};

static void check(const struct direct *d, OrtStatus *status)
{
    if (!status)
        return;
    fprintf(stderr, "%s\n", d->ort->GetErrorMessage(status));
    _Exit(1);
}

static uint64_t run_direct(void *arg)
{
    struct direct *d = arg;
    OrtValue *output = NULL;
    void *data = NULL;
    uint32_t bits;
    check(d, d->ort->Run(d->session, NULL, &d->in, (const OrtValue *const *)&d->input, 1, &d->out,
                         1, &output));
    check(d, d->ort->GetTensorMutableData(output, &data));
    memcpy(&bits, data, sizeof bits);
    d->ort->ReleaseValue(output);
    return bits;
}

static void open_direct(struct direct *d, const struct weir_model_onnx_api *api, const char *path)
{
    OrtSessionOptions *options;
    d->ort = api->ort;
    check(d, d->ort->CreateSessionOptions(&options));
    check(d, d->ort->SetIntraOpNumThreads(options, 1));
    check(d, d->ort->CreateSession(api->env, path, options, &d->session));
    d->ort->ReleaseSessionOptions(options);
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "tests/data/torch/2.15.0/networks/mlp.onnx";
    static const size_t sizes[] = {1, 8, 64, ROWS_MAX};
    const struct weir_model_onnx_api *api;
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    struct direct d = {NULL, NULL, NULL, NULL, NULL};
    OrtMemoryInfo *memory;
    if (weir_model_onnx_api_open(&api, weir_str_c(NULL), &err) != WEIR_OK ||
        weir_format_load(&model, path, NULL, &err) != WEIR_OK) {
        fprintf(stderr, "skipped: %s\n", err.msg);
        return 77;
    }
    const struct weir_spec *spec = weir_model_spec(model);
    if (weir_spec_n_tensor_inputs(spec) != 1)
        return 1;
    for (size_t i = 0; i < ROWS_MAX * COLUMNS; i++)
        x[i] = (float)(i * 2654435761u % 1000) / 1000.0f;
    open_direct(&d, api, path);
    d.in = weir_spec_tensor_input(spec, 0)->name;
    d.out = weir_spec_tensor_output(spec, 0)->name;
    check(&d, api->ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t n = sizes[i];
        const int64_t dims[2] = {(int64_t)n, COLUMNS};
        struct ours w = {
            model, {.dtype = WEIR_F32, .n_dims = 2, .dims = {n, COLUMNS}, .data = x}, n};
        char name[2][64];
        check(&d, api->ort->CreateTensorWithDataAsOrtValue(memory, x, n * COLUMNS * sizeof *x, dims,
                                                           2, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
                                                           &d.input));
        snprintf(name[0], sizeof name[0], "onnx_weir_rows_%zu", n);
        snprintf(name[1], sizeof name[1], "onnx_direct_rows_%zu", n);
        double ours = weir_bench_measure(name[0], run_ours, &w, 0);
        double direct = weir_bench_measure(name[1], run_direct, &d, 0);
        printf("onnx_overhead_rows_%zu: %.0f ns, ratio %.3f\n", n, ours - direct, ours / direct);
        api->ort->ReleaseValue(d.input);
    }
    api->ort->ReleaseMemoryInfo(memory);
    api->ort->ReleaseSession(d.session);
    weir_model_free(model);
    return 0;
}

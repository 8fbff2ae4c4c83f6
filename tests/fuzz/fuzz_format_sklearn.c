/* SPDX-License-Identifier: MIT */
/* A model file of any bytes: it is refused, or it is a model that answers any rows. What the file
 * reader lets pass, the builders must check; what they let pass is run here. */
#include "model/model.h"
#include <weir/format.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 9, COLUMNS_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const double values[] = {0.0,    1.0,    -1.0, 0.5, 1e39,     -1e39,     1e300,
                                -1e300, 5e-324, 3.25, NAN, INFINITY, -INFINITY, 100.0};

/* Room that ends where it says, so that a sanitizer sees every byte beyond. */
static void *room(size_t bytes)
{
    void *p = aligned_alloc(64, bytes ? (bytes + 63) & ~(size_t)63 : 64);
    if (!p)
        abort();
    memset(p, 0x5a, bytes);
    return p;
}

static void run(const struct weir_model *model, enum weir_dtype request)
{
    const struct weir_spec *spec = weir_model_spec(model);
    enum weir_dtype dtype = weir_spec_batch_dtype(spec, request);
    size_t n = ROWS * spec->n_features;
    void *x = malloc(n * weir_dtype_size(dtype));
    if (!x)
        abort();
    for (size_t i = 0; i < n; i++) {
        double v = i % spec->n_features % 3 ? 0.25 : values[(i * 7 + i / 5) % 14];
        if (dtype == WEIR_F32)
            ((float *)x)[i] = (float)v;
        else
            ((double *)x)[i] = v;
    }
    struct weir_rows rows = {.at = x, .n_rows = ROWS};
    struct weir_row_fault faults[ROWS];
    struct weir_run r = {.dtype = dtype,
                         .blocks = &rows,
                         .n_blocks = 1,
                         .faults = faults,
                         .scratch = room(weir_model_scratch_bytes(model))};
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++) {
        if (!spec->outputs[o].is_given)
            continue;
        r.wanted |= 1u << o;
        r.out[o] = room(ROWS * spec->outputs[o].n_columns * sizeof(double));
    }
    weir_model_run(model, &r);
    for (size_t i = 0; i < ROWS; i++) {
        char text[256];
        weir_model_fault_text(model, faults[i], i, text, sizeof text);
        const int32_t *labels = r.out[WEIR_OUTPUT_PREDICT];
        size_t width = spec->outputs[WEIR_OUTPUT_PREDICT].n_columns;
        bool is_label = spec->outputs[WEIR_OUTPUT_PREDICT].storage == WEIR_STORAGE_LABEL;
        for (size_t k = 0; labels && is_label && k < width; k++)
            if (labels[i * width + k] < 0 || (size_t)labels[i * width + k] >= spec->targets[k].n)
                abort(); /* the encoder would read beyond the labels */
    }
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++)
        free(r.out[o]);
    free(r.scratch);
    free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_format_opts opts = WEIR_FORMAT_OPTS_INIT;
    opts.inflated_bytes_max = 1 << 20;
    opts.tree_bytes_max = 32 << 20;
    opts.model_bytes_max = 32 << 20;
    opts.n_ops_max = 100000;
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    if (weir_format_load_bytes(&model, data, size, "fuzz", &opts, &err) != WEIR_OK)
        return 0;
    if (weir_spec_n_features(weir_model_spec(model)) <= COLUMNS_MAX) {
        run(model, WEIR_F64);
        run(model, WEIR_F32);
    }
    weir_model_free(model);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* Times the predictions of a model file: bench_model_file FILE ROWS…; prints nanoseconds a call at
 * the median, one line for each number of rows. bench/against_sklearn.py compares them with the
 * library. */
#include "measure.h"
#include "model/model.h"
#include <weir/format.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct work {
    const struct weir_model *model;
    struct weir_run run;
    struct weir_rows rows;
};

static uint64_t run(void *arg)
{
    struct work *w = arg;
    weir_model_run(w->model, &w->run);
    uint32_t bits;
    memcpy(&bits, w->run.out[WEIR_OUTPUT_PREDICT], sizeof bits);
    return bits;
}

static void *room(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 64) & ~(size_t)63);
    if (!p)
        exit(1);
    return p;
}

/* Times ROWS rows of numbers between 0 and 1. */
static void measure(const struct weir_model *model, size_t n_rows)
{
    const struct weir_spec *spec = weir_model_spec(model);
    enum weir_dtype dtype = weir_spec_batch_dtype(spec, WEIR_F64);
    size_t n = n_rows * spec->n_features;
    void *x = room(n * sizeof(double));
    uint32_t state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        double v = (double)(state >> 8) * 0x1p-24;
        if (dtype == WEIR_F32)
            ((float *)x)[i] = (float)v;
        else
            ((double *)x)[i] = v;
    }
    struct work w = {.model = model, .rows = {x, n_rows}};
    w.run = (struct weir_run){.dtype = dtype,
                              .blocks = &w.rows,
                              .n_blocks = 1,
                              .wanted = 1u << WEIR_OUTPUT_PREDICT,
                              .faults = room(n_rows * sizeof(struct weir_row_fault)),
                              .scratch = room(weir_model_scratch_bytes(model))};
    w.run.out[WEIR_OUTPUT_PREDICT] =
        room(n_rows * spec->outputs[WEIR_OUTPUT_PREDICT].n_columns * sizeof(double));
    char name[64];
    snprintf(name, sizeof name, "model_file_rows_%zu", n_rows);
    weir_bench_measure(name, run, &w, 0);
    free(w.run.out[WEIR_OUTPUT_PREDICT]);
    free(w.run.faults);
    free(w.run.scratch);
    free(x);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: bench_model_file FILE ROWS...\n");
        return 2;
    }
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    if (weir_format_load(&model, argv[1], NULL, &err) != WEIR_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    for (int i = 2; i < argc; i++)
        measure(model, (size_t)strtoul(argv[i], NULL, 10));
    weir_model_free(model);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* Weir's side of bench/models/run: loads a model file, and times runs on rows that another program
 * holds in memory. A shared library, so that both are measured in one process, turn by turn. */
#include "format/format.h"
#include "model/forest_fast.h"
#include "model/model.h"

#include <stdlib.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

struct bench_models {
    struct weir_model *model;
    void *scratch;
    struct weir_row_fault *faults;
};

EXPORT struct bench_models *bench_models_load(const char *path, const char *kernel, size_t n_rows,
                                              char *message);
EXPORT double bench_models_run(struct bench_models *m, const void *x, int is_f32, size_t n_pool,
                               size_t n_rows, size_t n_calls, int output, void *out);
EXPORT void bench_models_free(struct bench_models *m);

/* The thread's own time. */
static double cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Loads a model for runs of at most n_rows rows. kernel: NULL, or the one to force. message: at
 * least 256 bytes; why it failed, when NULL is returned. */
struct bench_models *bench_models_load(const char *path, const char *kernel, size_t n_rows,
                                       char *message)
{
    struct weir_error err = WEIR_ERROR_INIT;
    struct bench_models *m = calloc(1, sizeof *m);
    if (!m || !weir_model_forest_force(kernel))
        abort();
    if (weir_format_load(&m->model, path, NULL, &err) != WEIR_OK) {
        memcpy(message, err.msg, sizeof err.msg);
        free(m);
        return NULL;
    }
    size_t bytes = (weir_model_scratch_bytes(m->model) + 63) & ~(size_t)63;
    m->scratch = aligned_alloc(64, bytes + 64);
    m->faults = calloc(n_rows, sizeof *m->faults);
    if (!m->scratch || !m->faults)
        abort();
    return m;
}

/* Runs n_calls times on n_rows rows, moving on through the pool of n_pool rows from call to call,
 * so that no call sees the rows of the one before; returns nanoseconds for each. out: one call's.
 */
double bench_models_run(struct bench_models *m, const void *x, int is_f32, size_t n_pool,
                        size_t n_rows, size_t n_calls, int output, void *out)
{
    size_t row_bytes = weir_model_spec(m->model)->n_features * (is_f32 ? 4 : 8);
    size_t row = 0;
    double start = cpu_ns();
    for (size_t i = 0; i < n_calls; i++) {
        if (row + n_rows > n_pool)
            row = 0;
        struct weir_rows rows = {(const char *)x + row * row_bytes, n_rows};
        struct weir_run run = {.dtype = is_f32 ? WEIR_F32 : WEIR_F64,
                               .blocks = &rows,
                               .n_blocks = 1,
                               .wanted = 1u << output,
                               .faults = m->faults,
                               .scratch = m->scratch};
        run.out[output] = out;
        if (weir_model_run(m->model, &run) != 0)
            abort();
        row += n_rows;
    }
    return (cpu_ns() - start) / (double)n_calls;
}

void bench_models_free(struct bench_models *m)
{
    weir_model_free(m->model);
    free(m->scratch);
    free(m->faults);
    free(m);
}

/* SPDX-License-Identifier: MIT */
#include "repo/warm.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "repo/warm_priv.h"
#include "tensor/cell.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_MAX = 64,
    RUNS_MIN = 3,
    RUNS_MAX = 200,
    OUTPUT_BYTES_MAX = 8 << 20, /* of one run; wide models get fewer rows */
};

static const uint64_t run_ns_max = WEIR_NS_PER_MS / 4; /* for each of the two sizes */

/* Everything that a run needs; freed whole. */
struct bench {
    const struct weir_model *model;
    const struct weir_spec *spec;
    size_t n_rows;
    struct weir_rows rows;
    struct weir_run run;
    void *memory[WEIR_OUTPUT_N + 4]; /* owned */
    size_t n_memory;
};

static void *take(struct bench *b, size_t n, size_t size)
{
    size_t bytes;
    /* Aligned to 64 by hand: the allocator aligns for standard types only. */
    if (!weir_size_mul(n ? n : 1, size, &bytes) || !weir_size_add(bytes, 64, &bytes))
        return NULL;
    char *p = weir_mem_zalloc(weir_mem_default(), bytes);
    b->memory[b->n_memory++] = p;
    return p ? p + (64 - (uintptr_t)p % 64) : NULL;
}

static void bench_deinit(struct bench *b)
{
    for (size_t i = 0; i < b->n_memory; i++)
        weir_mem_free(weir_mem_default(), b->memory[i]);
}

static size_t columns_sum(const struct weir_spec *spec)
{
    size_t sum = spec->n_features;
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++) {
        if (spec->outputs[i].is_given && !spec->outputs[i].is_costly)
            sum += spec->outputs[i].n_columns;
    }
    return sum ? sum : 1;
}

/* Values between −1 and 1, other in each cell, the same at every start. */
static double number(size_t i)
{
    uint64_t x = (uint64_t)i * UINT64_C(0x9E3779B97F4A7C15) + UINT64_C(0x632BE59BD9B4E019);
    x ^= x >> 29;
    x *= UINT64_C(0xBF58476D1CE4E5B9);
    x ^= x >> 32;
    return (double)(x >> 11) * (2.0 / 9007199254740992.0) - 1.0;
}

/* The value of a cell: numbers that vary, and in every other row small whole ones, since categories
 * are often such. */
static double value(size_t row, size_t column, size_t n_columns)
{
    return row % 2 == 0 ? number(row * n_columns + column) : (double)((row / 2 + column) % 4);
}

/* A cell of a frame: numbers, a text, None. */
static double cell(const struct weir_spec *spec, size_t row, size_t column,
                   const struct weir_cell_text *text)
{
    enum weir_column_kind kind = (enum weir_column_kind)spec->columns[column];
    if (kind == WEIR_COLUMN_NUMBER || (kind == WEIR_COLUMN_MIXED && row % 3 == 0))
        return value(row, column, spec->n_features);
    return (row + column) % 3 == 1 ? weir_cell_none() : weir_cell_from_text(text);
}

/* The rows: made up, but for the first where the model has an example. false: no memory. */
static bool fill_rows(struct bench *b, void *in)
{
    static const char word[] = "a few words";
    const struct weir_spec *spec = b->spec;
    struct weir_cell_text *text = take(b, 1, sizeof *text + sizeof word);
    if (!text)
        return false;
    text->n = sizeof word - 1;
    memcpy(text->at, word, sizeof word);
    for (size_t row = 0; row < b->n_rows; row++) {
        for (size_t column = 0; column < spec->n_features; column++) {
            size_t i = row * spec->n_features + column;
            if (row == 0 && spec->example && spec->casts_to_f32)
                ((float *)in)[i] = (float)spec->example[column];
            else if (row == 0 && spec->example)
                ((double *)in)[i] = spec->example[column];
            else if (spec->columns)
                ((double *)in)[i] = cell(spec, row, column, text);
            else if (spec->casts_to_f32)
                ((float *)in)[i] = (float)value(row, column, spec->n_features);
            else
                ((double *)in)[i] = value(row, column, spec->n_features);
        }
    }
    return true;
}

static bool bench_init(struct bench *b, const struct weir_model *model)
{
    const struct weir_spec *spec = weir_model_spec(model);
    size_t n_max = OUTPUT_BYTES_MAX / sizeof(double) / columns_sum(spec);
    *b = (struct bench){.model = model, .spec = spec};
    b->n_rows = n_max < 1 ? 1 : weir_min_size(n_max, ROWS_MAX);
    b->run.dtype = spec->casts_to_f32 ? WEIR_F32 : WEIR_F64;
    size_t n_cells;
    if (!weir_size_mul(b->n_rows, spec->n_features, &n_cells))
        return false;
    void *in = take(b, n_cells, sizeof(double));
    if (!in || !fill_rows(b, in))
        return false;
    b->rows = (struct weir_rows){.at = in};
    b->run.blocks = &b->rows;
    b->run.n_blocks = 1;
    b->run.faults = take(b, b->n_rows, sizeof *b->run.faults);
    b->run.scratch = take(b, weir_model_scratch_bytes(model), 1);
    bool ok = b->run.faults && b->run.scratch;
    for (size_t i = 0; ok && i < WEIR_OUTPUT_N; i++) {
        const struct weir_spec_output *o = &spec->outputs[i];
        if (!o->is_given || o->is_costly)
            continue;
        size_t n;
        ok = weir_size_mul(b->n_rows, o->n_columns, &n);
        b->run.out[i] = ok ? take(b, n, sizeof(double)) : NULL;
        ok = b->run.out[i] != NULL;
        b->run.wanted |= 1u << i;
    }
    return ok;
}

static enum weir_status check_row(const struct bench *b, size_t row, struct weir_error *err)
{
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++) {
        const struct weir_spec_output *o = &b->spec->outputs[i];
        if ((b->run.wanted & (1u << i)) == 0)
            continue;
        for (size_t j = 0; j < o->n_columns; j++) {
            size_t at = row * o->n_columns + j;
            bool ok;
            if (o->storage == WEIR_STORAGE_LABEL) {
                int32_t label = ((const int32_t *)b->run.out[i])[at];
                size_t target = j < b->spec->n_targets ? j : 0;
                ok = label >= 0 && b->spec->n_targets > 0 &&
                     (size_t)label < b->spec->targets[target].n;
            } else {
                ok = isfinite(((const double *)b->run.out[i])[at]) != 0;
            }
            if (!ok)
                return weir_error_set(err, WEIR_ERR_INVALID,
                                      "warm-up: %s gives no finite value or no class for %s",
                                      weir_output_name((enum weir_output)i),
                                      b->spec->example ? "the input example" : "a synthetic row");
        }
    }
    return WEIR_OK;
}

/* Returns the shortest time of several runs of n rows. */
static double measure(struct bench *b, size_t n)
{
    uint64_t best = UINT64_MAX;
    uint64_t sum = 0;
    b->rows.n_rows = n;
    for (int i = 0; i < RUNS_MAX && (i < RUNS_MIN || sum < run_ns_max); i++) {
        uint64_t from = weir_clock_thread_cpu_ns();
        (void)weir_model_run(b->model, &b->run); /* Faults were looked at before. */
        uint64_t ns = weir_clock_thread_cpu_ns() - from;
        sum += ns;
        best = ns < best ? ns : best;
    }
    return (double)best;
}

/* Judges a model by the example that came with it; made-up rows prove nothing then. */
static enum weir_status check_example(const struct bench *b, struct weir_error *err)
{
    if (b->run.faults[0].kind == WEIR_FAULT_NONE)
        return check_row(b, 0, err);
    char text[WEIR_ERROR_MSG_BYTES];
    weir_model_fault_text(b->model, b->run.faults[0], 0, text, sizeof text);
    return weir_error_set(err, WEIR_ERR_INVALID, "warm-up: the input example is refused: %s", text);
}

static enum weir_status run(struct bench *b, struct weir_repo_warm *out, struct weir_error *err)
{
    size_t n_answered = 0;
    size_t n_unknown = 0; /* rows whose categories the model does not know: no sign of anything */
    b->rows.n_rows = b->n_rows;
    (void)weir_model_run(b->model, &b->run); /* The faults say the same, row by row. */
    if (b->spec->example) {
        enum weir_status st = check_example(b, err);
        if (st != WEIR_OK)
            return st;
    }
    for (size_t i = 0; i < b->n_rows && !b->spec->example; i++) {
        n_unknown += b->run.faults[i].kind == WEIR_FAULT_CATEGORY;
        if (b->run.faults[i].kind != WEIR_FAULT_NONE)
            continue;
        enum weir_status st = check_row(b, i, err);
        if (st != WEIR_OK)
            return st;
        n_answered++;
    }
    if (n_answered == 0 && n_unknown == 0 && !b->spec->columns && !b->spec->example)
        return weir_error_set(err, WEIR_ERR_INVALID, "warm-up: no synthetic row is answered");
    double one = measure(b, 1);
    double all = measure(b, b->n_rows);
    double slope = b->n_rows > 1 ? (all - one) / (double)(b->n_rows - 1) : 0.0;
    out->cost_row_ns = slope > 0.0 ? slope : 0.0;
    out->cost_ns = one > out->cost_row_ns ? one - out->cost_row_ns : 0.0;
    return WEIR_OK;
}

enum weir_status weir_repo_warm_run(const struct weir_model *model, struct weir_repo_warm *out,
                                    struct weir_error *err)
{
    struct bench b;
    if (weir_model_spec(model)->form == WEIR_INPUT_TENSORS)
        return weir_repo_warm_tensors(model, out, err);
    enum weir_status st = bench_init(&b, model)
                              ? run(&b, out, err)
                              : weir_error_set(err, WEIR_ERR_NO_MEMORY, "warm-up: out of memory");
    bench_deinit(&b);
    return st;
}

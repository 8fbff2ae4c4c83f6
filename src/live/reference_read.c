/* SPDX-License-Identifier: MIT */
/* A reference from a file: rows are read in chunks, run, and kept as doubles until all are there.
 */
#include "base/macros.h"
#include "live/observe.h"
#include "live/reference_priv.h"
#include "table/table.h"
#include "tensor/cell.h"

#include <string.h>

enum { CHUNK_ROWS = 256, ALIGN = 64, CELLS_MAX = 16 << 20 };

#define TEXT_BYTES_MAX ((size_t)256 << 20)

struct reader {
    const struct weir_model *model;
    const struct weir_spec *spec;
    struct weir_live_shape shape;
    struct weir_table table;
    struct weir_run run;
    struct weir_rows block;
    struct weir_arena arena; /* of the reading; texts of cells too */
    void *chunk;             /* CHUNK_ROWS rows as the model takes them */
    struct weir_buf seen;
    double *rows; /* n × n_features */
    double *scores;
    size_t n;
    size_t n_max;
    struct weir_error *err;
};

/* Moves a text to where it stays. */
static bool keep_text(struct reader *r, double *cell)
{
    struct weir_str text = weir_cell_text(*cell);
    struct weir_cell_text *to = weir_arena_alloc_aligned(&r->arena, sizeof *to + text.n + 1,
                                                         _Alignof(struct weir_cell_text));
    if (!to)
        return false;
    to->n = (uint32_t)text.n;
    memcpy(to->at, text.at, text.n + 1);
    *cell = weir_cell_from_text(to);
    return true;
}

static enum weir_status grow(struct reader *r, size_t n)
{
    struct weir_mem *mem = weir_mem_default();
    size_t width = r->spec->n_features > 0 ? r->spec->n_features : 1;
    double *rows = weir_mem_resize(mem, r->rows, n, width * sizeof *rows);
    if (rows)
        r->rows = rows;
    double *scores = weir_mem_resize(mem, r->scores, n, sizeof *scores);
    if (scores)
        r->scores = scores;
    return rows && scores ? WEIR_OK
                          : weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "no memory for %zu rows", n);
}

/* Runs the chunk and keeps its rows but for those that the model refused. */
static enum weir_status take_chunk(struct reader *r, size_t n_read)
{
    size_t f = r->spec->n_features;
    struct weir_result result = {.spec = r->spec, .batch_dtype = r->run.dtype, .n_rows = n_read};
    struct weir_live_sampler sampler = {0};
    r->block = (struct weir_rows){r->chunk, n_read};
    (void)weir_model_run(r->model, &r->run); /* Faults are looked at row by row. */
    memcpy(result.out, r->run.out, sizeof result.out);
    weir_buf_clear(&r->seen);
    if (!weir_live_observe(&r->shape, &result, r->chunk, r->run.dtype, &sampler, &r->seen) ||
        grow(r, r->n + n_read) != WEIR_OK)
        return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    struct weir_live_observation seen = weir_live_observe_read(&r->shape, r->seen.at);
    for (size_t i = 0; i < n_read; i++) {
        if (r->run.faults[i].kind != WEIR_FAULT_NONE)
            continue;
        double *to = r->rows + r->n * f;
        for (size_t k = 0; k < f; k++) {
            to[k] = r->run.dtype == WEIR_F32 ? (double)((const float *)r->chunk)[i * f + k]
                                             : ((const double *)r->chunk)[i * f + k];
            if (r->spec->form == WEIR_INPUT_FRAME && weir_cell_is_text(to[k]) &&
                !keep_text(r, &to[k]))
                return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "no memory for the texts");
        }
        r->scores[r->n++] = seen.rows[i].score;
    }
    return WEIR_OK;
}

static enum weir_status start(struct reader *r, const char *path,
                              const struct weir_live_reference_opts *how)
{
    const struct weir_spec *spec = r->spec;
    const char *why;
    if (!weir_live_shape_init(&r->shape, spec, NULL, &why))
        return weir_error_set(r->err, WEIR_ERR_UNSUPPORTED, "%s", why);
    if (spec->n_features > WEIR_LIVE_REFERENCE_FEATURES_MAX)
        return weir_error_set(r->err, WEIR_ERR_UNSUPPORTED, "more than %d features",
                              WEIR_LIVE_REFERENCE_FEATURES_MAX);
    r->n_max = CELLS_MAX / (spec->n_features > 0 ? spec->n_features : 1);
    if (r->n_max > WEIR_LIVE_REFERENCE_ROWS_MAX)
        r->n_max = WEIR_LIVE_REFERENCE_ROWS_MAX;
    r->run.dtype = weir_spec_batch_dtype(spec, WEIR_F64);
    r->run.wanted = r->shape.wanted;
    r->run.blocks = &r->block;
    r->run.n_blocks = 1;
    size_t row_bytes = weir_max_size(spec->n_features * weir_dtype_size(r->run.dtype), 1);
    r->chunk = weir_arena_alloc_aligned(&r->arena, CHUNK_ROWS * row_bytes, ALIGN);
    r->run.faults = weir_arena_array(&r->arena, CHUNK_ROWS, sizeof *r->run.faults);
    r->run.scratch = weir_arena_alloc_aligned(
        &r->arena, weir_max_size(weir_model_scratch_bytes(r->model), 1), ALIGN);
    bool is_ok = r->chunk && r->run.faults && r->run.scratch;
    for (int o = 0; o < WEIR_OUTPUT_N && is_ok; o++) {
        if (!(r->run.wanted & 1u << o))
            continue;
        r->run.out[o] =
            weir_arena_array(&r->arena, CHUNK_ROWS * spec->outputs[o].n_columns, sizeof(double));
        is_ok = r->run.out[o] != NULL;
    }
    if (!is_ok)
        return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    struct weir_table_opts opts = {
        .is_regular = true, .others = how->others, .n_others = WEIR_ARRAY_LEN(how->others)};
    return weir_table_open(&r->table, path, spec, &opts, r->err);
}

static enum weir_status read_rows(struct reader *r, const struct weir_live_reference_opts *how)
{
    uint64_t lines[CHUNK_ROWS];
    for (;;) {
        size_t n_read = 0;
        size_t most = r->n_max - r->n < CHUNK_ROWS ? r->n_max - r->n : CHUNK_ROWS;
        if (how->is_over && how->is_over(how->ctx))
            return weir_error_set(r->err, WEIR_ERR_CANCELED, "given up");
        if (most == 0)
            return WEIR_OK;
        enum weir_status status =
            weir_table_read(&r->table, r->chunk, r->run.dtype, most, lines, &n_read, r->err);
        if (status != WEIR_OK || n_read == 0)
            return status;
        status = take_chunk(r, n_read);
        if (status != WEIR_OK)
            return status;
    }
}

static enum weir_status make(struct reader *r, struct weir_live_reference **out, const char *path,
                             struct weir_mem *mem)
{
    size_t f = r->spec->n_features;
    bool *is_text = weir_arena_zarray(&r->arena, f + 1, sizeof *is_text);
    if (r->n == 0)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: no rows that the model takes", path);
    for (size_t k = 0; is_text && r->spec->form == WEIR_INPUT_FRAME && k < f; k++) {
        is_text[k] = r->spec->columns[k] == WEIR_COLUMN_TEXT;
        for (size_t i = 0; i < r->n && r->spec->columns[k] == WEIR_COLUMN_MIXED; i++)
            is_text[k] = is_text[k] || weir_cell_is_text(r->rows[i * f + k]);
    }
    struct weir_live_reference *made = NULL;
    if (!is_text ||
        weir_live_reference_new(&made, r->rows, r->scores, r->n, f, is_text, mem) != WEIR_OK)
        return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    const char *slash = strrchr(path, '/');
    made->file = weir_arena_str(&made->arena, weir_str_c(slash ? slash + 1 : path)).at;
    *out = made;
    return WEIR_OK;
}

enum weir_status weir_live_reference_read(struct weir_live_reference **out, const char *path,
                                          const struct weir_model *model,
                                          const struct weir_live_reference_opts *opts,
                                          struct weir_mem *mem, struct weir_error *err)
{
    weir_assert(out);
    weir_assert(path);
    struct weir_error own = WEIR_ERROR_INIT;
    struct reader r = {.model = model, .spec = weir_model_spec(model), .err = err ? err : &own};
    weir_arena_init(&r.arena, NULL, TEXT_BYTES_MAX);
    enum weir_status status = start(&r, path, opts);
    if (status == WEIR_OK)
        status = read_rows(&r, opts);
    if (status == WEIR_OK)
        status = make(&r, out, path, mem);
    weir_table_close(&r.table);
    weir_mem_free(weir_mem_default(), r.rows);
    weir_mem_free(weir_mem_default(), r.scores);
    weir_buf_deinit(&r.seen);
    weir_arena_deinit(&r.arena);
    return status;
}

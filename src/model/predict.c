/* SPDX-License-Identifier: MIT */
/* The public, plain calls for rows: one output, with memory of the call's own. Rows are converted
 * and run block by block. */
#include "base/macros.h"
#include "model/model.h"
#include "model/model_priv.h"
#include "tensor/cell.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Where rows come from: one of the two. */
struct source {
    const double *x;
    const struct weir_cell *values;
};

/* The memory of one call. */
struct room {
    void *scratch;
    int32_t *labels;
    double *cells; /* a block of rows, as the model takes them: doubles, or floats */
    char *text;    /* owned; the texts of a block */
    size_t text_bytes;
    struct weir_row_fault faults[WEIR_MODEL_BLOCK_ROWS];
};

static enum weir_status fail_cell(const struct weir_spec *spec, size_t row, size_t column,
                                  const char *what, struct weir_error *err)
{
    char name[WEIR_ECHO_BUF_BYTES];
    if (!spec->feature_names)
        return weir_error_set(err, WEIR_ERR_INVALID, "row %zu, column %zu: %s", row, column, what);
    weir_str_echo(spec->feature_names[column], name, sizeof name);
    return weir_error_set(err, WEIR_ERR_INVALID, "row %zu, column \"%s\": %s", row, name, what);
}

/* Returns the bytes that a text takes in a block. */
static size_t text_bytes(size_t n)
{
    size_t align = _Alignof(struct weir_cell_text);
    return (sizeof(struct weir_cell_text) + n + 1 + align - 1) & ~(align - 1);
}

/* Makes room for the texts of n values. */
static enum weir_status grow_text(struct room *room, const struct weir_cell *values, size_t n,
                                  struct weir_error *err)
{
    size_t need = 0;
    for (size_t i = 0; i < n; i++) {
        if (values[i].kind != WEIR_CELL_TEXT)
            continue;
        if (values[i].text.n > UINT32_MAX / 2)
            return weir_error_set(err, WEIR_ERR_LIMIT, "a text of more than 2 GiB");
        need += text_bytes(values[i].text.n);
    }
    if (need <= room->text_bytes)
        return WEIR_OK;
    weir_mem_free(weir_mem_default(), room->text);
    room->text = weir_mem_alloc(weir_mem_default(), need);
    room->text_bytes = room->text ? need : 0;
    return room->text ? WEIR_OK
                      : weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the texts");
}

static double put_text(char **at, const struct weir_text *text)
{
    struct weir_cell_text *to = (struct weir_cell_text *)(void *)*at;
    to->n = (uint32_t)text->n;
    if (text->n > 0)
        memcpy(to->at, text->at, text->n);
    to->at[text->n] = 0;
    *at += text_bytes(text->n);
    return weir_cell_from_text(to);
}

/* Writes n rows of values, from row `first` of the call on, as cells. */
static enum weir_status fill_values(const struct weir_spec *spec, const struct weir_cell *values,
                                    size_t n, size_t first, struct room *room,
                                    struct weir_error *err)
{
    size_t n_features = spec->n_features;
    enum weir_status status = grow_text(room, values, n * n_features, err);
    if (status != WEIR_OK)
        return status;
    char *at = room->text;
    for (size_t i = 0; i < n * n_features; i++) {
        size_t column = i % n_features;
        enum weir_column_kind kind = weir_spec_column(spec, column);
        double cell = weir_cell_number(values[i].number);
        if (values[i].kind == WEIR_CELL_NONE) {
            cell = kind == WEIR_COLUMN_NUMBER ? (double)NAN : weir_cell_none();
        } else if (values[i].kind == WEIR_CELL_TEXT) {
            if (kind == WEIR_COLUMN_NUMBER)
                return fail_cell(spec, first + i / n_features, column,
                                 "expected a number, got a text", err);
            cell = put_text(&at, &values[i].text);
        } else if (kind == WEIR_COLUMN_TEXT) {
            return fail_cell(spec, first + i / n_features, column, "expected a text, got a number",
                             err);
        }
        room->cells[i] = cell;
    }
    return WEIR_OK;
}

/* Writes n rows of doubles as cells; what a client calls NaN may be no cell's tag. */
static enum weir_status fill_numbers(const struct weir_spec *spec, const double *x, size_t n,
                                     size_t first, struct room *room, struct weir_error *err)
{
    for (size_t i = 0; i < n * spec->n_features; i++) {
        size_t column = i % spec->n_features;
        if (weir_spec_column(spec, column) == WEIR_COLUMN_TEXT)
            return fail_cell(spec, first + i / spec->n_features, column,
                             "expected a text, got a number", err);
        room->cells[i] = weir_cell_number(x[i]);
    }
    return WEIR_OK;
}

/* Makes n rows ready for the model; *rows: where they are. */
static enum weir_status prepare(const struct weir_model *model, const struct source *from, size_t n,
                                size_t first, struct room *room, const void **rows,
                                struct weir_error *err)
{
    const struct weir_spec *spec = &model->spec;
    size_t n_cells = n * spec->n_features;
    const double *x = from->values ? room->cells : from->x + first * spec->n_features;
    enum weir_status status = WEIR_OK;
    if (from->values)
        status = fill_values(spec, from->values + first * spec->n_features, n, first, room, err);
    else if (spec->form == WEIR_INPUT_FRAME)
        status = fill_numbers(spec, x, n, first, room, err);
    *rows = spec->form == WEIR_INPUT_FRAME ? room->cells : x;
    if (status == WEIR_OK && spec->casts_to_f32) {
        /* In place where they are ours: a float is written before the next double is read. */
        char *to = (char *)room->cells;
        for (size_t i = 0; i < n_cells; i++) {
            float narrow = (float)x[i];
            memcpy(to + i * sizeof narrow, &narrow, sizeof narrow);
        }
        *rows = room->cells;
    }
    return status;
}

static enum weir_status fault_error(const struct weir_model *model,
                                    const struct weir_row_fault *faults, size_t n, size_t first,
                                    struct weir_error *err)
{
    size_t i = 0;
    while (i + 1 < n && faults[i].kind == WEIR_FAULT_NONE)
        i++;
    char text[WEIR_ERROR_MSG_BYTES];
    weir_model_fault_text(model, faults[i], first + i, text, sizeof text);
    return weir_error_set(err, WEIR_ERR_INVALID, "%s", text);
}

/* Runs n rows from row `first` of the call on. */
static enum weir_status run_block(const struct weir_model *model, const struct source *from,
                                  size_t n, size_t first, enum weir_output output, double *out,
                                  struct room *room, struct weir_error *err)
{
    const struct weir_spec_output *o = &model->spec.outputs[output];
    bool is_label = o->storage == WEIR_STORAGE_LABEL;
    struct weir_rows rows = {.n_rows = n};
    enum weir_status status = prepare(model, from, n, first, room, &rows.at, err);
    if (status != WEIR_OK)
        return status;
    struct weir_run run = {.dtype = model->spec.casts_to_f32 ? WEIR_F32 : WEIR_F64,
                           .blocks = &rows,
                           .n_blocks = 1,
                           .wanted = 1u << output,
                           .faults = room->faults,
                           .scratch = room->scratch};
    run.out[output] = is_label ? (void *)room->labels : out;
    if (weir_model_run(model, &run) > 0)
        return fault_error(model, room->faults, n, first, err);
    for (size_t i = 0; is_label && i < n * o->n_columns; i++)
        out[i] = (double)room->labels[i];
    return WEIR_OK;
}

static void *aligned(void *p)
{
    return (void *)(((uintptr_t)p + 63) & ~(uintptr_t)63);
}

static enum weir_status predict(const struct weir_model *model, const struct source *from,
                                size_t n_rows, size_t n_features, enum weir_output output,
                                double *out, struct weir_error *err)
{
    const struct weir_spec *spec = &model->spec;
    if (spec->form == WEIR_INPUT_TENSORS)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "%.*s takes tensors, not rows",
                              WEIR_STR_ARG(spec->estimator));
    if (n_features != spec->n_features)
        return weir_error_set(err, WEIR_ERR_INVALID, "rows have %zu features, the model takes %zu",
                              n_features, spec->n_features);
    if (!weir_spec_has_output(spec, output))
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "%.*s has no %s",
                              WEIR_STR_ARG(spec->estimator), weir_output_name(output));
    size_t n_columns = spec->outputs[output].n_columns;
    size_t labels_at = weir_model_node_align(weir_model_scratch_bytes(model));
    size_t cells_at =
        labels_at + weir_model_node_align(WEIR_MODEL_BLOCK_ROWS * n_columns * sizeof(int32_t));
    char *memory = weir_mem_alloc(weir_mem_default(),
                                  cells_at + 128 + weir_model_node_block_bytes(n_features));
    if (!memory)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for scratch space");
    char *base = aligned(memory);
    struct room room = {.scratch = base,
                        .labels = (int32_t *)(void *)(base + labels_at),
                        .cells = (double *)(void *)(base + cells_at)};
    enum weir_status status = WEIR_OK;
    for (size_t row = 0; row < n_rows && status == WEIR_OK; row += WEIR_MODEL_BLOCK_ROWS)
        status = run_block(model, from, weir_min_size(n_rows - row, WEIR_MODEL_BLOCK_ROWS), row,
                           output, out + row * n_columns, &room, err);
    weir_mem_free(weir_mem_default(), room.text);
    weir_mem_free(weir_mem_default(), memory);
    return status;
}

enum weir_status weir_model_predict(const struct weir_model *model, const double *x, size_t n_rows,
                                    size_t n_features, enum weir_output output, double *out,
                                    struct weir_error *err)
{
    weir_assert(model);
    weir_assert((x && out) || n_rows == 0);
    struct source from = {.x = x};
    return predict(model, &from, n_rows, n_features, output, out, err);
}

enum weir_status weir_model_predict_cells(const struct weir_model *model, const struct weir_cell *x,
                                          size_t n_rows, size_t n_features, enum weir_output output,
                                          double *out, struct weir_error *err)
{
    weir_assert(model);
    weir_assert((x && out) || n_rows == 0);
    struct source from = {.values = x};
    return predict(model, &from, n_rows, n_features, output, out, err);
}

/* SPDX-License-Identifier: MIT */
/* Running a model: rows are cut into blocks of WEIR_MODEL_BLOCK_ROWS and given to the root node,
 * with pointers to where the outputs of just these rows belong. Where the blocks are cut changes no
 * bit of any answer, since nodes treat each row by itself. */
#include "model/model.h"

#include "model/model_priv.h"

#include <stdio.h>
#include <string.h>

void weir_model_free(struct weir_model *model)
{
    if (!model)
        return;
    /* The model is in its own arena: the arena's head must outlive the mappings. */
    struct weir_arena arena = model->arena;
    weir_arena_deinit(&arena);
}

const struct weir_spec *weir_model_spec(const struct weir_model *model)
{
    weir_assert(model);
    return &model->spec;
}

size_t weir_model_bytes(const struct weir_model *model)
{
    weir_assert(model);
    return model->arena.bytes_held;
}

size_t weir_model_scratch_bytes(const struct weir_model *model)
{
    weir_assert(model);
    return model->root->scratch_bytes;
}

static size_t value_bytes(const struct weir_model_node *node, size_t output)
{
    return output == WEIR_OUTPUT_PREDICT && node->predicts_labels ? sizeof(int32_t)
                                                                  : sizeof(double);
}

static size_t count_faults(const struct weir_row_fault *faults, size_t n)
{
    size_t n_faults = 0;
    for (size_t i = 0; i < n; i++)
        n_faults += faults[i].kind != WEIR_FAULT_NONE;
    return n_faults;
}

size_t weir_model_run(const struct weir_model *model, const struct weir_run *run)
{
    weir_assert(model);
    weir_assert(run);
    const struct weir_model_node *root = model->root;
    weir_assert(run->dtype == WEIR_F32 || run->dtype == WEIR_F64);
    weir_assert(run->dtype == WEIR_F32 || !model->spec.casts_to_f32);
    weir_assert(((uintptr_t)run->scratch & 63) == 0);
    size_t item = weir_dtype_size(run->dtype);
    size_t done = 0;
    size_t n_faults = 0;
    for (size_t b = 0; b < run->n_blocks; b++) {
        const char *at = run->blocks[b].at;
        for (size_t row = 0; row < run->blocks[b].n_rows;) {
            size_t n = weir_min_size(run->blocks[b].n_rows - row, WEIR_MODEL_BLOCK_ROWS);
            struct weir_model_node_run part = {
                .n_rows = n,
                .in = {.at = at + row * root->n_in * item,
                       .stride = root->n_in,
                       .storage = run->dtype,
                       .is_f32 = run->dtype == WEIR_F32},
                .faults = run->faults + done,
                .scratch = run->scratch,
            };
            memset(part.faults, 0, n * sizeof *part.faults);
            for (size_t o = 0; o < WEIR_OUTPUT_N; o++) {
                if (!(run->wanted & 1u << o))
                    continue;
                weir_assert(root->n_out[o] > 0);
                part.out[o] = (char *)run->out[o] + done * root->n_out[o] * value_bytes(root, o);
            }
            root->run(root, &part);
            n_faults += count_faults(part.faults, n);
            row += n;
            done += n;
        }
    }
    return n_faults;
}

void weir_model_fault_text(const struct weir_model *model, struct weir_row_fault fault, size_t row,
                           char *out, size_t cap)
{
    weir_assert(model);
    weir_assert(out);
    const struct weir_model_place *step = model->steps;
    while (step && step->number != fault.step)
        step = step->next;
    char column[WEIR_ECHO_BUF_BYTES + 2];
    const struct weir_str *names = model->spec.feature_names;
    if (names && step && step->keeps_columns && fault.column < model->spec.n_features) {
        char echo[WEIR_ECHO_BUF_BYTES];
        snprintf(column, sizeof column, "\"%s\"",
                 weir_str_echo(names[fault.column], echo, sizeof echo));
    } else {
        snprintf(column, sizeof column, "%u", (unsigned)fault.column);
    }
    static const char *const texts[] = {
        [WEIR_FAULT_NONE] = "no fault",
        [WEIR_FAULT_NAN] = "input is NaN",
        [WEIR_FAULT_INFINITE] = "input is infinite or too large",
        [WEIR_FAULT_CATEGORY] = "category was not there in training",
    };
    weir_assert(fault.kind < WEIR_ARRAY_LEN(texts));
    struct weir_str name = step ? step->name : WEIR_STR("model");
    snprintf(out, cap, "row %zu, column %s: %.*s: %s", row, column, WEIR_STR_ARG(name),
             texts[fault.kind]);
}

/* The memory of one public, plain call. */
struct room {
    void *scratch;
    int32_t *labels;
    float *narrow; /* a block of rows in float */
    struct weir_row_fault faults[WEIR_MODEL_BLOCK_ROWS];
};

/* Runs one block; out: doubles or, for labels, int32_t. Returns the number of faults. */
static size_t predict_block(const struct weir_model *model, const double *x, size_t n,
                            enum weir_output output, void *out, struct room *room)
{
    struct weir_rows rows = {.at = x, .n_rows = n};
    struct weir_run run = {.dtype = WEIR_F64,
                           .blocks = &rows,
                           .n_blocks = 1,
                           .wanted = 1u << output,
                           .faults = room->faults,
                           .scratch = room->scratch};
    run.out[output] = out;
    if (model->spec.casts_to_f32) {
        for (size_t i = 0; i < n * model->spec.n_features; i++)
            room->narrow[i] = (float)x[i];
        rows.at = room->narrow;
        run.dtype = WEIR_F32;
    }
    return weir_model_run(model, &run);
}

static enum weir_status fault_error(const struct weir_model *model,
                                    const struct weir_row_fault *faults, size_t n, size_t first,
                                    struct weir_error *err)
{
    size_t i = 0;
    while (i < n && faults[i].kind == WEIR_FAULT_NONE)
        i++;
    char text[WEIR_ERROR_MSG_BYTES];
    weir_model_fault_text(model, faults[i], first + i, text, sizeof text);
    return weir_error_set(err, WEIR_ERR_INVALID, "%s", text);
}

static void *aligned(void *p)
{
    return (void *)(((uintptr_t)p + 63) & ~(uintptr_t)63);
}

enum weir_status weir_model_predict(const struct weir_model *model, const double *x, size_t n_rows,
                                    size_t n_features, enum weir_output output, double *out,
                                    struct weir_error *err)
{
    weir_assert(model);
    weir_assert((x && out) || n_rows == 0);
    const struct weir_spec *spec = &model->spec;
    if (n_features != spec->n_features)
        return weir_error_set(err, WEIR_ERR_INVALID, "rows have %zu features, the model takes %zu",
                              n_features, spec->n_features);
    if (!weir_spec_has_output(spec, output))
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "%.*s has no %s",
                              WEIR_STR_ARG(spec->estimator), weir_output_name(output));
    size_t n_columns = spec->outputs[output].n_columns;
    bool is_label = spec->outputs[output].storage == WEIR_STORAGE_LABEL;
    size_t block = WEIR_MODEL_BLOCK_ROWS;
    size_t labels_at = weir_model_node_align(weir_model_scratch_bytes(model));
    size_t narrow_at = labels_at + weir_model_node_align(block * n_columns * sizeof(int32_t));
    char *memory =
        weir_mem_alloc(weir_mem_default(), narrow_at + 128 + block * n_features * sizeof(float));
    if (!memory)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for scratch space");
    char *base = aligned(memory);
    struct room room = {.scratch = base,
                        .labels = (int32_t *)(void *)(base + labels_at),
                        .narrow = (float *)(void *)(base + narrow_at)};
    enum weir_status status = WEIR_OK;
    for (size_t row = 0; row < n_rows && status == WEIR_OK; row += block) {
        size_t n = weir_min_size(n_rows - row, block);
        double *to = out + row * n_columns;
        void *raw = is_label ? (void *)room.labels : to;
        if (predict_block(model, x + row * n_features, n, output, raw, &room) > 0)
            status = fault_error(model, room.faults, n, row, err);
        for (size_t i = 0; is_label && i < n * n_columns; i++)
            to[i] = (double)room.labels[i];
    }
    weir_mem_free(weir_mem_default(), memory);
    return status;
}

/* SPDX-License-Identifier: MIT */
/* Running a model: rows are cut into blocks of WEIR_MODEL_BLOCK_ROWS and given to the root node,
 * with pointers to where the outputs of just these rows belong. Where the blocks are cut changes no
 * bit of any answer, since nodes treat each row by itself. */
#include "model/model.h"

#include "model/model_priv.h"
#include "tensor/cell.h"

#include <stdio.h>
#include <string.h>

void weir_model_free(struct weir_model *model)
{
    if (!model)
        return;
    if (model->ops)
        model->ops->free(model->self);
    /* The model is in its own arena: the arena's head must outlive the mappings. */
    struct weir_arena arena = model->arena;
    weir_arena_deinit(&arena);
}

enum weir_status weir_model_name_features(struct weir_model *model, const struct weir_str *names,
                                          size_t n, struct weir_error *err)
{
    weir_assert(!model->spec.feature_names);
    weir_assert(n == model->spec.n_features);
    struct weir_str *copy = weir_arena_array(&model->arena, n, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = weir_arena_str(&model->arena, names[i]);
        if (!copy[i].at)
            copy = NULL;
    }
    if (!copy)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the columns' names");
    model->spec.feature_names = copy;
    return WEIR_OK;
}

/* Copies the text of a cell into the model; false: no memory. */
static bool copy_text(struct weir_model *model, double *cell)
{
    struct weir_str text = weir_cell_text(*cell);
    struct weir_cell_text *copy = weir_arena_alloc(&model->arena, sizeof *copy + text.n + 1);
    if (!copy)
        return false;
    copy->n = (uint32_t)text.n;
    memcpy(copy->at, text.at, text.n);
    copy->at[text.n] = '\0';
    *cell = weir_cell_from_text(copy);
    return true;
}

enum weir_status weir_model_set_example(struct weir_model *model, const double *row,
                                        struct weir_error *err)
{
    size_t n = model->spec.n_features;
    double *copy = weir_arena_array(&model->arena, n, sizeof *copy);
    bool ok = copy && memcpy(copy, row, n * sizeof *copy);
    for (size_t i = 0; ok && i < n; i++)
        ok = !weir_cell_is_text(copy[i]) || copy_text(model, &copy[i]);
    if (!ok)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the example");
    model->spec.example = copy;
    return WEIR_OK;
}

enum weir_status weir_model_set_mlflow(struct weir_model *model,
                                       const struct weir_spec_mlflow *mlflow,
                                       struct weir_error *err)
{
    struct weir_arena *arena = &model->arena;
    struct weir_spec_mlflow *copy = weir_arena_alloc(arena, sizeof *copy);
    size_t n = mlflow->columns ? model->spec.n_features : 0;
    uint8_t *columns = weir_arena_array(arena, n ? n : 1, sizeof *columns);
    struct weir_str version = weir_arena_str(arena, mlflow->version);
    if (!copy || !columns || !version.at)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the signature");
    if (n > 0)
        memcpy(columns, mlflow->columns, n);
    *copy = (struct weir_spec_mlflow){
        .version = version, .output = mlflow->output, .columns = n > 0 ? columns : NULL};
    model->spec.mlflow = copy;
    return WEIR_OK;
}

const struct weir_spec *weir_model_spec(const struct weir_model *model)
{
    weir_assert(model);
    return &model->spec;
}

size_t weir_model_bytes(const struct weir_model *model)
{
    weir_assert(model);
    return model->arena.bytes_held + (model->ops ? model->ops->bytes(model->self) : 0);
}

size_t weir_model_scratch_bytes(const struct weir_model *model)
{
    weir_assert(model);
    return model->root ? model->root->scratch_bytes : 0;
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
    weir_assert(root);
    weir_assert(run->dtype == WEIR_F32 || run->dtype == WEIR_F64);
    weir_assert(run->dtype == WEIR_F32 || !model->spec.casts_to_f32);
    weir_assert(((uintptr_t)run->scratch & 63) == 0);
    size_t item = weir_dtype_size(run->dtype);
    size_t block_rows = root->block_of == root ? root->block_rows : WEIR_MODEL_BLOCK_ROWS;
    size_t done = 0;
    size_t n_faults = 0;
    for (size_t b = 0; b < run->n_blocks; b++) {
        const char *at = run->blocks[b].at;
        for (size_t row = 0; row < run->blocks[b].n_rows;) {
            size_t n = weir_min_size(run->blocks[b].n_rows - row, block_rows);
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
    uint32_t feature = fault.column;
    bool is_feature = step && step->keeps_columns;
    if (is_feature && step->features) {
        is_feature = step->features[fault.column] != UINT32_MAX;
        feature = is_feature ? step->features[fault.column] : fault.column;
    }
    if (names && is_feature && feature < model->spec.n_features) {
        char echo[WEIR_ECHO_BUF_BYTES];
        snprintf(column, sizeof column, "\"%s\"", weir_str_echo(names[feature], echo, sizeof echo));
    } else {
        snprintf(column, sizeof column, "%u", (unsigned)feature);
    }
    static const char *const texts[] = {
        [WEIR_FAULT_NONE] = "no fault",
        [WEIR_FAULT_NAN] = "input is NaN",
        [WEIR_FAULT_INFINITE] = "input is infinite or too large",
        [WEIR_FAULT_ALONE] = "no point of training is near enough",
        [WEIR_FAULT_CATEGORY] = "category was not there in training",
        [WEIR_FAULT_RANGE] = "number is outside of what the step takes",
    };
    weir_assert(fault.kind < WEIR_ARRAY_LEN(texts));
    struct weir_str name = step ? step->name : WEIR_STR("model");
    snprintf(out, cap, "row %zu, column %s: %.*s: %s", row, column, WEIR_STR_ARG(name),
             texts[fault.kind]);
}

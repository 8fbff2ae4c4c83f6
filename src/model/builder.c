/* SPDX-License-Identifier: MIT */
#include "model/builder.h"

#include "model/columns.h"
#include "model/model_priv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 65535, NUMBER_BYTES = 32 };

enum weir_status weir_model_builder_init(struct weir_model_builder *b, struct weir_mem *mem,
                                         size_t bytes_max, struct weir_error *err)
{
    weir_assert(b);
    struct weir_arena arena;
    weir_arena_init(&arena, mem, bytes_max);
    struct weir_model *model = weir_arena_zalloc(&arena, sizeof *model);
    if (!model) {
        weir_arena_deinit(&arena);
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for a model");
    }
    model->arena = arena;
    *b = (struct weir_model_builder){.arena = &model->arena,
                                     .spec = &model->spec,
                                     .model = model,
                                     .limits = WEIR_MODEL_BUILDER_LIMITS_INIT};
    return WEIR_OK;
}

void weir_model_builder_deinit(struct weir_model_builder *b)
{
    weir_assert(b);
    weir_model_free(b->model);
    *b = (struct weir_model_builder){.arena = NULL};
}

enum weir_status weir_model_builder_no_memory(struct weir_model_builder *b, struct weir_error *err)
{
    if (b->arena->bytes_max > 0)
        return weir_error_set(err, WEIR_ERR_LIMIT, "the model needs more than %zu bytes of memory",
                              b->arena->bytes_max);
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the model");
}

void *weir_model_builder_node(struct weir_model_builder *b, size_t size)
{
    void *p = weir_arena_alloc_aligned(b->arena, size, 64);
    return p ? memset(p, 0, size) : NULL;
}

enum weir_status weir_model_builder_step(struct weir_model_builder *b, struct weir_str name,
                                         bool keeps_columns, uint16_t *out, struct weir_error *err)
{
    struct weir_model *model = b->model;
    if (model->n_steps >= STEPS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d steps", STEPS_MAX);
    struct weir_model_place *step = weir_arena_zalloc(b->arena, sizeof *step);
    if (!step)
        return weir_model_builder_no_memory(b, err);
    step->name = weir_arena_str(b->arena, name);
    if (!step->name.at)
        return weir_model_builder_no_memory(b, err);
    step->keeps_columns = keeps_columns;
    step->features = b->features;
    step->number = (uint16_t)model->n_steps++;
    step->next = model->steps;
    model->steps = step;
    *out = step->number;
    return WEIR_OK;
}

double *weir_model_builder_doubles(struct weir_model_builder *b, const double *values, size_t n)
{
    double *copy = weir_arena_array(b->arena, n, sizeof *copy);
    if (copy && n > 0)
        memcpy(copy, values, n * sizeof *copy);
    return copy;
}

/* Writes the shortest decimal form that reads back as v: the fewest digits of %g that do. Whole
 * numbers get ".0". */
static int number_text(char *out, double v)
{
    if (isnan(v))
        return snprintf(out, NUMBER_BYTES, "NaN");
    if (isinf(v))
        return snprintf(out, NUMBER_BYTES, v > 0 ? "Infinity" : "-Infinity");
    int n = 0;
    for (int digits = 1; digits <= 17; digits++) {
        n = snprintf(out, NUMBER_BYTES, "%.*g", digits, v);
        if (strtod(out, NULL) == v)
            break;
    }
    if (!strpbrk(out, ".e"))
        n += snprintf(out + n, (size_t)(NUMBER_BYTES - n), ".0");
    return n;
}

/* Writes text as a JSON string, escaping what RFC 8259 §7 asks for. */
static struct weir_str json_text(struct weir_arena *arena, struct weir_str text)
{
    static const char hex[] = "0123456789abcdef";
    struct weir_str none = {NULL, 0};
    size_t cap;
    if (!weir_size_mul(text.n, 6, &cap) || !weir_size_add(cap, 3, &cap))
        return none;
    size_t n = 2;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.at[i];
        n += c == '"' || c == '\\' ? 2 : c < 0x20 ? 6 : 1;
    }
    char *out = weir_arena_alloc_aligned(arena, n + 1, 1);
    if (!out)
        return none;
    char *at = out;
    *at++ = '"';
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c < 0x20) {
            memcpy(at, "\\u00", 4);
            at[4] = hex[c >> 4];
            at[5] = hex[c & 15];
            at += 6;
            continue;
        }
        if (c == '"' || c == '\\')
            *at++ = '\\';
        *at++ = (char)c;
    }
    *at++ = '"';
    *at = '\0';
    return weir_str_make(out, n);
}

static struct weir_str label_json(struct weir_arena *arena, const struct weir_labels *l, size_t i)
{
    char text[NUMBER_BYTES];
    if (l->dtype == WEIR_BYTES)
        return json_text(arena, l->text[i]);
    if (l->dtype == WEIR_BOOL)
        return weir_arena_str(arena, weir_str_c(l->i64[i] ? "true" : "false"));
    if (l->dtype == WEIR_F64)
        number_text(text, l->f64[i]);
    else
        snprintf(text, sizeof text, "%" PRId64, l->i64[i]);
    return weir_arena_str(arena, weir_str_c(text));
}

static bool labels_copy(struct weir_arena *arena, struct weir_labels *l, const void *values)
{
    if (l->dtype == WEIR_F64) {
        double *copy = weir_arena_array(arena, l->n, sizeof *copy);
        l->f64 = copy;
        return copy && memcpy(copy, values, l->n * sizeof *copy);
    }
    if (l->dtype != WEIR_BYTES) {
        int64_t *copy = weir_arena_array(arena, l->n, sizeof *copy);
        l->i64 = copy;
        return copy && memcpy(copy, values, l->n * sizeof *copy);
    }
    const struct weir_str *texts = values;
    struct weir_str *copy = weir_arena_array(arena, l->n, sizeof *copy);
    l->text = copy;
    for (size_t i = 0; copy && i < l->n; i++) {
        copy[i] = weir_arena_str(arena, texts[i]);
        if (!copy[i].at)
            return false;
    }
    return copy != NULL;
}

enum weir_status weir_model_builder_labels(struct weir_model_builder *b, struct weir_labels *out,
                                           enum weir_dtype dtype, size_t n, const void *values,
                                           struct weir_error *err)
{
    weir_assert(dtype == WEIR_I64 || dtype == WEIR_BOOL || dtype == WEIR_F64 ||
                dtype == WEIR_BYTES);
    weir_assert(n > 0);
    struct weir_labels l = {.dtype = dtype, .n = n};
    struct weir_str *json = weir_arena_array(b->arena, n, sizeof *json);
    if (!json || !labels_copy(b->arena, &l, values))
        return weir_model_builder_no_memory(b, err);
    for (size_t i = 0; i < n; i++) {
        json[i] = label_json(b->arena, &l, i);
        if (!json[i].at)
            return weir_model_builder_no_memory(b, err);
    }
    l.json = json;
    *out = l;
    return WEIR_OK;
}

/* The type in which predict of a classifier is answered: the labels' type, text when targets
 * differ. */
static enum weir_dtype labels_dtype(const struct weir_model_node *root)
{
    for (size_t i = 1; i < root->n_targets; i++)
        if (root->targets[i].dtype != root->targets[0].dtype)
            return WEIR_BYTES;
    return root->targets[0].dtype;
}

static enum weir_status check_limits(const struct weir_model_builder *b,
                                     const struct weir_model_node *root, struct weir_error *err)
{
    if (root->n_in > b->limits.n_features_max)
        return weir_error_set(err, WEIR_ERR_LIMIT,
                              "the model takes %u features, the limit is %" PRIu64, root->n_in,
                              b->limits.n_features_max);
    for (size_t i = 0; i < root->n_targets; i++)
        if (root->targets[i].n > b->limits.n_classes_max)
            return weir_error_set(err, WEIR_ERR_LIMIT,
                                  "target %zu has %zu classes, the limit is %" PRIu64, i,
                                  root->targets[i].n, b->limits.n_classes_max);
    return WEIR_OK;
}

/* Decides what the columns that nothing inside decides may hold: numbers where they go through to
 * transform; anything where nothing reads them and rows may have text at all (the others are text,
 * or the model was fitted on a table with names). */
static enum weir_status finish_columns(struct weir_model_builder *b,
                                       const struct weir_model_node *root, struct weir_error *err)
{
    struct weir_spec *spec = b->spec;
    spec->form = WEIR_INPUT_MATRIX;
    if (!root->columns)
        return WEIR_OK;
    bool is_frame = false;
    for (uint32_t i = 0; i < root->n_in; i++) {
        uint8_t kind = weir_model_columns_kind(root->columns[i]);
        is_frame = is_frame || kind == WEIR_COLUMN_TEXT || kind == WEIR_COLUMN_MIXED ||
                   (kind == WEIR_MODEL_COLUMN_UNUSED && spec->feature_names);
    }
    if (!is_frame)
        return WEIR_OK;
    uint8_t *columns = weir_arena_array(b->arena, root->n_in, sizeof *columns);
    if (!columns)
        return weir_model_builder_no_memory(b, err);
    for (uint32_t i = 0; i < root->n_in; i++) {
        uint8_t kind = weir_model_columns_kind(root->columns[i]);
        columns[i] = kind == WEIR_MODEL_COLUMN_UNUSED ? (uint8_t)WEIR_COLUMN_MIXED
                     : kind == WEIR_MODEL_COLUMN_ANY  ? (uint8_t)WEIR_COLUMN_NUMBER
                                                      : kind;
    }
    spec->form = WEIR_INPUT_FRAME;
    spec->columns = columns;
    return WEIR_OK;
}

enum weir_status weir_model_builder_finish(struct weir_model_builder *b,
                                           const struct weir_model_node *root,
                                           struct weir_model **out, struct weir_error *err)
{
    weir_assert(b->model);
    weir_assert(root);
    struct weir_spec *spec = b->spec;
    enum weir_status status = weir_model_columns_none_new(b, root, &root, err);
    if (status != WEIR_OK)
        return status;
    if (root->depth > WEIR_MODEL_DEPTH_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "estimators are nested deeper than %d",
                              WEIR_MODEL_DEPTH_MAX);
    if (root->scratch_bytes > WEIR_MODEL_SCRATCH_BYTES_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT,
                              "too wide: a run would need %zu bytes, the limit is %d",
                              root->scratch_bytes, WEIR_MODEL_SCRATCH_BYTES_MAX);
    for (uint32_t i = 0; root->gives && i < root->n_out[WEIR_OUTPUT_TRANSFORM]; i++)
        if (root->gives[i] == WEIR_COLUMN_TEXT || root->gives[i] == WEIR_COLUMN_MIXED)
            return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "its transform gives text");
    status = check_limits(b, root, err);
    if (status == WEIR_OK)
        status = finish_columns(b, root, err);
    if (status != WEIR_OK)
        return status;
    spec->n_features = root->n_in;
    spec->casts_to_f32 = root->takes_f32 && spec->form == WEIR_INPUT_MATRIX;
    spec->allows_nan = root->allows_nan;
    spec->allows_inf = root->allows_inf;
    spec->n_targets = root->n_targets;
    spec->targets = root->targets;
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++) {
        bool is_label = o == WEIR_OUTPUT_PREDICT && root->predicts_labels;
        spec->outputs[o] = (struct weir_spec_output){
            .alias = spec->outputs[o].alias,
            .is_map = spec->outputs[o].is_map,
            .is_given = root->n_out[o] > 0,
            .storage = is_label ? WEIR_STORAGE_LABEL : WEIR_STORAGE_F64,
            .is_vector = (o == WEIR_OUTPUT_PREDICT && root->is_vector) ||
                         (o == WEIR_OUTPUT_DECISION_FUNCTION && root->is_decision_vector) ||
                         (o == WEIR_OUTPUT_SCORE_SAMPLES && root->n_out[o] == 1),
            .n_columns = root->n_out[o],
            .dtype = is_label                    ? labels_dtype(root)
                     : o == WEIR_OUTPUT_LEAF     ? WEIR_I32
                     : root->gives_f32 & 1u << o ? WEIR_F32
                                                 : WEIR_F64,
            .is_costly = o == WEIR_OUTPUT_LEAF,
            .follows_f32 = !is_label && (root->follows_f32 & 1u << o) != 0,
        };
    }
    b->model->root = root;
    *out = b->model;
    *b = (struct weir_model_builder){.arena = NULL};
    return WEIR_OK;
}

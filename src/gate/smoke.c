/* SPDX-License-Identifier: MIT */
#include "gate/smoke.h"

#include "base/macros.h"
#include "codec/json.h"
#include "codec/number.h"
#include "tensor/cell.h"

#include <math.h>
#include <stdio.h>

enum { ALIGN = 64 };

static const double tolerance_default = 1e-6;

/* A smoke file, and a model's run on it. */
struct smoke {
    struct weir_codec_json json;
    const char *rows; /* an array */
    size_t n_rows;
    const char *expected; /* an object; NULL: none */
    double tolerance;
    const struct weir_model *model;
    const struct weir_spec *spec;
    struct weir_run run;
    struct weir_rows block;
    char *cells; /* n_rows × n_features of the run's type */
    struct weir_arena arena;
    struct weir_error *err;
};

static enum weir_status no_memory(const struct smoke *s)
{
    return weir_error_set(s->err, WEIR_ERR_NO_MEMORY, "out of memory");
}

static enum weir_codec_json_kind kind_of(const char *value)
{
    return weir_codec_json_kind(value);
}

/* Reads a number; false: the value is none. */
static bool read_number(const struct smoke *s, const char *value, double *out)
{
    enum weir_codec_json_kind kind = kind_of(value);
    if (kind != WEIR_CODEC_JSON_NUMBER && kind != WEIR_CODEC_JSON_NONFINITE)
        return false;
    struct weir_str token = weir_codec_json_token(value, s->json.end);
    return weir_codec_number_read_f64(token, out) || weir_codec_number_read_nonfinite(token, out);
}

/* --- the file ----------------------------------------------------------------------------------
 */

static enum weir_status take_member(struct smoke *s, struct weir_str name, const char *value)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    if (weir_codec_json_string_eq(name, WEIR_STR("rows"))) {
        if (kind_of(value) != WEIR_CODEC_JSON_ARRAY)
            return weir_error_set(s->err, WEIR_ERR_INVALID, "rows: expected an array");
        s->rows = value;
        s->n_rows = weir_codec_json_count(&s->json, value);
        return WEIR_OK;
    }
    if (weir_codec_json_string_eq(name, WEIR_STR("expected"))) {
        if (kind_of(value) != WEIR_CODEC_JSON_OBJECT)
            return weir_error_set(s->err, WEIR_ERR_INVALID, "expected: expected an object");
        s->expected = value;
        return WEIR_OK;
    }
    if (weir_codec_json_string_eq(name, WEIR_STR("tolerance"))) {
        if (!read_number(s, value, &s->tolerance) || !(s->tolerance >= 0))
            return weir_error_set(s->err, WEIR_ERR_INVALID, "tolerance: expected a number from 0");
        return WEIR_OK;
    }
    return weir_error_set(s->err, WEIR_ERR_INVALID,
                          "unknown member \"%s\"; there are rows, expected and tolerance",
                          weir_str_echo(name, echo, sizeof echo));
}

/* Checks that an output of `expected` is one, and has a value for each row. */
static enum weir_status check_output(const struct smoke *s, struct weir_str name, const char *value)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    for (int o = 0; o < WEIR_OUTPUT_N; o++) {
        if (!weir_codec_json_string_eq(name, weir_str_c(weir_output_name((enum weir_output)o))))
            continue;
        if (kind_of(value) == WEIR_CODEC_JSON_ARRAY &&
            weir_codec_json_count(&s->json, value) == s->n_rows)
            return WEIR_OK;
        return weir_error_set(s->err, WEIR_ERR_INVALID,
                              "expected: %s: expected an array with a value for each of %zu rows",
                              weir_output_name((enum weir_output)o), s->n_rows);
    }
    return weir_error_set(s->err, WEIR_ERR_INVALID, "expected: there is no output \"%s\"",
                          weir_str_echo(name, echo, sizeof echo));
}

static enum weir_status scan(struct smoke *s, struct weir_str text)
{
    struct weir_str name;
    const char *value;
    s->json.limits.allows_nonfinite = true;
    enum weir_status status = weir_codec_json_scan(&s->json, text, s->err);
    if (status != WEIR_OK)
        return status;
    if (kind_of(s->json.root) != WEIR_CODEC_JSON_OBJECT)
        return weir_error_set(s->err, WEIR_ERR_INVALID, "expected an object with rows");
    struct weir_codec_json_iter it = weir_codec_json_iter(&s->json, s->json.root);
    while (status == WEIR_OK && weir_codec_json_next_member(&it, &name, &value))
        status = take_member(s, name, value);
    if (status != WEIR_OK)
        return status;
    if (s->n_rows == 0 || s->n_rows > WEIR_GATE_SMOKE_ROWS_MAX)
        return weir_error_set(s->err, WEIR_ERR_INVALID, "rows: expected 1 to %d of them",
                              WEIR_GATE_SMOKE_ROWS_MAX);
    it = weir_codec_json_iter(&s->json, s->rows);
    for (size_t i = 1; weir_codec_json_next(&it, &value); i++) {
        if (kind_of(value) != WEIR_CODEC_JSON_ARRAY && kind_of(value) != WEIR_CODEC_JSON_OBJECT)
            return weir_error_set(s->err, WEIR_ERR_INVALID,
                                  "row %zu: expected an array or an object", i);
    }
    if (!s->expected)
        return WEIR_OK;
    it = weir_codec_json_iter(&s->json, s->expected);
    while (status == WEIR_OK && weir_codec_json_next_member(&it, &name, &value))
        status = check_output(s, name, value);
    return status;
}

/* --- rows --------------------------------------------------------------------------------------
 */

static enum weir_status make_text(struct smoke *s, const char *value, double *cell)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
    weir_codec_json_unescape(weir_codec_json_string(value), &text);
    struct weir_cell_text *own =
        weir_arena_alloc(&s->arena, sizeof *own + text.n + 1); /* aligned for any type */
    if (!own || !weir_buf_ok(&text))
        return no_memory(s);
    own->n = (uint32_t)text.n;
    if (text.n > 0)
        memcpy(own->at, text.at, text.n);
    own->at[text.n] = '\0';
    *cell = weir_cell_from_text(own);
    return WEIR_OK;
}

/* Reads a cell of a column. */
static enum weir_status read_cell(struct smoke *s, size_t row, size_t column, const char *value)
{
    enum weir_column_kind kind = weir_spec_column(s->spec, column);
    enum weir_codec_json_kind is = kind_of(value);
    char echo[WEIR_CODEC_JSON_ECHO_BYTES];
    double cell = (double)NAN;
    bool is_fine = true;
    if (is == WEIR_CODEC_JSON_STRING && kind != WEIR_COLUMN_NUMBER) {
        enum weir_status status = make_text(s, value, &cell);
        if (status != WEIR_OK)
            return status;
    } else if (is == WEIR_CODEC_JSON_NULL) {
        cell = kind == WEIR_COLUMN_NUMBER ? (double)NAN : weir_cell_none();
        is_fine = kind != WEIR_COLUMN_NUMBER || s->spec->allows_nan;
    } else if (is == WEIR_CODEC_JSON_TRUE || is == WEIR_CODEC_JSON_FALSE) {
        cell = is == WEIR_CODEC_JSON_TRUE;
        is_fine = kind != WEIR_COLUMN_TEXT;
    } else {
        is_fine = read_number(s, value, &cell) && kind != WEIR_COLUMN_TEXT &&
                  (!isnan(cell) || s->spec->allows_nan) && (!isinf(cell) || s->spec->allows_inf);
    }
    if (!is_fine)
        return weir_error_set(s->err, WEIR_ERR_INVALID,
                              "row %zu, feature %zu: the model takes no %s there", row + 1,
                              column + 1, weir_codec_json_echo(&s->json, value, echo, sizeof echo));
    size_t at = row * s->spec->n_features + column;
    if (s->run.dtype == WEIR_F32)
        ((float *)(void *)s->cells)[at] = (float)cell;
    else
        ((double *)(void *)s->cells)[at] =
            is == WEIR_CODEC_JSON_NUMBER ? weir_cell_number(cell) : cell;
    return WEIR_OK;
}

static enum weir_status read_array(struct smoke *s, size_t row, const char *value)
{
    size_t n = weir_codec_json_count(&s->json, value);
    enum weir_status status = WEIR_OK;
    const char *cell;
    if (n != s->spec->n_features)
        return weir_error_set(s->err, WEIR_ERR_INVALID,
                              "row %zu has %zu values, the model takes %zu", row + 1, n,
                              s->spec->n_features);
    struct weir_codec_json_iter it = weir_codec_json_iter(&s->json, value);
    for (size_t i = 0; status == WEIR_OK && weir_codec_json_next(&it, &cell); i++)
        status = read_cell(s, row, i, cell);
    return status;
}

/* Finds a feature by a name as written; n_features: none. Names mostly come in order. */
static size_t find_feature(const struct smoke *s, struct weir_str name, size_t guess)
{
    size_t n = s->spec->n_features;
    for (size_t i = 0; i < n; i++) {
        size_t at = (guess + i) % n;
        if (weir_codec_json_string_eq(name, s->spec->feature_names[at]))
            return at;
    }
    return n;
}

static enum weir_status read_object(struct smoke *s, size_t row, const char *value, bool *is_seen)
{
    size_t n = s->spec->n_features;
    size_t next = 0;
    enum weir_status status = WEIR_OK;
    struct weir_str name;
    const char *cell;
    char echo[WEIR_ECHO_BUF_BYTES];
    if (!s->spec->feature_names)
        return weir_error_set(s->err, WEIR_ERR_INVALID,
                              "row %zu has names, the model's features have none", row + 1);
    memset(is_seen, 0, n);
    struct weir_codec_json_iter it = weir_codec_json_iter(&s->json, value);
    while (status == WEIR_OK && weir_codec_json_next_member(&it, &name, &cell)) {
        size_t at = find_feature(s, name, next);
        if (at == n)
            return weir_error_set(s->err, WEIR_ERR_INVALID,
                                  "row %zu: the model has no feature \"%s\"", row + 1,
                                  weir_str_echo(name, echo, sizeof echo));
        is_seen[at] = true;
        next = at + 1;
        status = read_cell(s, row, at, cell);
    }
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        if (!is_seen[i])
            return weir_error_set(s->err, WEIR_ERR_INVALID, "row %zu lacks the feature \"%s\"",
                                  row + 1,
                                  weir_str_echo(s->spec->feature_names[i], echo, sizeof echo));
    }
    return status;
}

static enum weir_status read_rows(struct smoke *s)
{
    const char *value;
    enum weir_status status = WEIR_OK;
    bool *is_seen = weir_arena_array(&s->arena, weir_max_size(s->spec->n_features, 1), 1);
    if (!is_seen)
        return no_memory(s);
    struct weir_codec_json_iter it = weir_codec_json_iter(&s->json, s->rows);
    for (size_t i = 0; status == WEIR_OK && weir_codec_json_next(&it, &value); i++)
        status = kind_of(value) == WEIR_CODEC_JSON_ARRAY ? read_array(s, i, value)
                                                         : read_object(s, i, value, is_seen);
    return status;
}

/* --- answers -----------------------------------------------------------------------------------
 */

static enum weir_status make_room(struct smoke *s)
{
    const struct weir_spec *spec = s->spec;
    size_t n_cells;
    s->run.dtype = weir_spec_batch_dtype(spec, WEIR_F64);
    if (!weir_size_mul(s->n_rows, weir_max_size(spec->n_features, 1), &n_cells) ||
        !weir_size_mul(n_cells, sizeof(double), &n_cells))
        return no_memory(s);
    s->cells = weir_arena_alloc_aligned(&s->arena, n_cells, ALIGN);
    s->run.faults = weir_arena_array(&s->arena, s->n_rows, sizeof *s->run.faults);
    s->run.scratch = weir_arena_alloc_aligned(
        &s->arena, weir_max_size(weir_model_scratch_bytes(s->model), 1), ALIGN);
    bool is_ok = s->cells && s->run.faults && s->run.scratch;
    for (int o = 0; o < WEIR_OUTPUT_N && is_ok; o++) {
        size_t n;
        if (!spec->outputs[o].is_given || spec->outputs[o].is_costly)
            continue;
        is_ok = weir_size_mul(s->n_rows, spec->outputs[o].n_columns, &n);
        s->run.out[o] = is_ok ? weir_arena_array(&s->arena, n, sizeof(double)) : NULL;
        is_ok = s->run.out[o] != NULL;
        s->run.wanted |= 1u << o;
    }
    return is_ok ? WEIR_OK : no_memory(s);
}

/* Finds whether a number is a class, or finite. */
static bool is_sound(const struct smoke *s, int output, size_t at, size_t column)
{
    const struct weir_spec_output *o = &s->spec->outputs[output];
    if (o->storage != WEIR_STORAGE_LABEL)
        return isfinite(((const double *)s->run.out[output])[at]) != 0;
    int32_t label = ((const int32_t *)s->run.out[output])[at];
    size_t target = column < s->spec->n_targets ? column : 0;
    return label >= 0 && (size_t)label < s->spec->targets[target].n;
}

static enum weir_status check_sound(const struct smoke *s)
{
    char text[WEIR_ERROR_MSG_BYTES];
    for (size_t row = 0; row < s->n_rows; row++) {
        if (s->run.faults[row].kind != WEIR_FAULT_NONE) {
            weir_model_fault_text(s->model, s->run.faults[row], row + 1, text, sizeof text);
            return weir_error_set(s->err, WEIR_ERR_INVALID, "it refuses %s", text);
        }
        for (int o = 0; o < WEIR_OUTPUT_N; o++) {
            size_t n = s->run.wanted & 1u << o ? s->spec->outputs[o].n_columns : 0;
            for (size_t j = 0; j < n; j++) {
                if (!is_sound(s, o, row * n + j, j))
                    return weir_error_set(s->err, WEIR_ERR_INVALID,
                                          "row %zu: %s has no finite value", row + 1,
                                          weir_output_name((enum weir_output)o));
            }
        }
    }
    return WEIR_OK;
}

/* Compares one value; writes the model's own into got when they differ. */
static bool is_expected(const struct smoke *s, int output, size_t at, size_t column,
                        const char *value, char *got, size_t got_bytes)
{
    const struct weir_spec_output *o = &s->spec->outputs[output];
    double number;
    if (kind_of(value) == WEIR_CODEC_JSON_NULL)
        return true;
    if (o->storage == WEIR_STORAGE_LABEL) {
        size_t target = column < s->spec->n_targets ? column : 0;
        const struct weir_labels *labels = &s->spec->targets[target];
        struct weir_str label = labels->json[((const int32_t *)s->run.out[output])[at]];
        double other;
        (void)snprintf(got, got_bytes, "%.*s", WEIR_STR_ARG(label));
        if (kind_of(value) == WEIR_CODEC_JSON_STRING)
            return label.at[0] == '"' &&
                   weir_str_eq(weir_codec_json_string(value),
                               weir_codec_json_string(label.at)); /* both as JSON writes them */
        if (read_number(s, value, &number))
            return weir_codec_number_read_f64(label, &other) && other == number;
        return weir_str_starts(label, WEIR_STR("t")) == (kind_of(value) == WEIR_CODEC_JSON_TRUE) &&
               (label.at[0] == 't' || label.at[0] == 'f');
    }
    double v = ((const double *)s->run.out[output])[at];
    (void)snprintf(got, got_bytes, "%.9g", v);
    return read_number(s, value, &number) &&
           fabs(v - number) <= s->tolerance * fmax(1, fabs(number));
}

static enum weir_status check_row(const struct smoke *s, int output, size_t row, const char *value)
{
    size_t n = s->spec->outputs[output].n_columns;
    const char *name = weir_output_name((enum weir_output)output);
    char got[64];
    char echo[WEIR_CODEC_JSON_ECHO_BYTES];
    if (kind_of(value) == WEIR_CODEC_JSON_NULL)
        return WEIR_OK;
    if (kind_of(value) != WEIR_CODEC_JSON_ARRAY && n == 1) {
        if (is_expected(s, output, row, 0, value, got, sizeof got))
            return WEIR_OK;
        return weir_error_set(s->err, WEIR_ERR_INVALID, "row %zu: %s is %s, expected %s", row + 1,
                              name, got, weir_codec_json_echo(&s->json, value, echo, sizeof echo));
    }
    size_t n_expected =
        kind_of(value) == WEIR_CODEC_JSON_ARRAY ? weir_codec_json_count(&s->json, value) : 1;
    if (n_expected != n)
        return weir_error_set(s->err, WEIR_ERR_INVALID, "row %zu: %s has %zu values, expected %zu",
                              row + 1, name, n, n_expected);
    struct weir_codec_json_iter it = weir_codec_json_iter(&s->json, value);
    const char *item;
    for (size_t j = 0; weir_codec_json_next(&it, &item); j++) {
        if (!is_expected(s, output, row * n + j, j, item, got, sizeof got))
            return weir_error_set(s->err, WEIR_ERR_INVALID,
                                  "row %zu: %s: value %zu is %s, expected %s", row + 1, name, j + 1,
                                  got, weir_codec_json_echo(&s->json, item, echo, sizeof echo));
    }
    return WEIR_OK;
}

static enum weir_status check_answers(const struct smoke *s)
{
    struct weir_str name;
    const char *value;
    const char *row;
    enum weir_status status = check_sound(s);
    if (status != WEIR_OK || !s->expected)
        return status;
    struct weir_codec_json_iter outputs = weir_codec_json_iter(&s->json, s->expected);
    while (status == WEIR_OK && weir_codec_json_next_member(&outputs, &name, &value)) {
        int o = 0;
        while (!weir_codec_json_string_eq(name, weir_str_c(weir_output_name((enum weir_output)o))))
            o++; /* The scan found it. */
        if (!(s->run.wanted & 1u << o))
            return weir_error_set(s->err, WEIR_ERR_INVALID, "the model gives no %s",
                                  weir_output_name((enum weir_output)o));
        struct weir_codec_json_iter it = weir_codec_json_iter(&s->json, value);
        for (size_t i = 0; status == WEIR_OK && weir_codec_json_next(&it, &row); i++)
            status = check_row(s, o, i, row);
    }
    return status;
}

/* --- the whole ---------------------------------------------------------------------------------
 */

static void init(struct smoke *s, struct weir_error *err)
{
    *s = (struct smoke){.tolerance = tolerance_default, .err = err};
    weir_codec_json_init(&s->json, NULL, NULL);
    weir_arena_init(&s->arena, weir_mem_default(), 0);
}

static void deinit(struct smoke *s)
{
    weir_codec_json_deinit(&s->json);
    weir_arena_deinit(&s->arena);
}

enum weir_status weir_gate_smoke_scan(struct weir_str text, struct weir_error *err)
{
    struct smoke s;
    init(&s, err);
    enum weir_status status = scan(&s, text);
    deinit(&s);
    return status;
}

enum weir_status weir_gate_smoke_check(const struct weir_model *model, struct weir_str text,
                                       struct weir_error *err)
{
    weir_assert(model);
    struct smoke s;
    init(&s, err);
    s.model = model;
    s.spec = weir_model_spec(model);
    enum weir_status status = scan(&s, text);
    if (status == WEIR_OK && s.spec->form == WEIR_INPUT_TENSORS)
        status = weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                                "the model takes tensors, a smoke file has rows");
    if (status == WEIR_OK)
        status = make_room(&s);
    if (status == WEIR_OK)
        status = read_rows(&s);
    if (status == WEIR_OK) {
        s.block = (struct weir_rows){s.cells, s.n_rows};
        s.run.blocks = &s.block;
        s.run.n_blocks = 1;
        (void)weir_model_run(model, &s.run); /* Faults are looked at one by one. */
        status = check_answers(&s);
    }
    deinit(&s);
    return status;
}

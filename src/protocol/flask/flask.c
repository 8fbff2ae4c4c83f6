/* SPDX-License-Identifier: MIT */
/* The body that every tutorial with Flask uses.
 *
 *     {"features": [[5.1, 3.5], [4.9, null]]}        a list of rows
 *     {"features": [5.1, 3.5]}                       one row
 *     {"features": [{"length": 5.1, "width": 3.5}]}  rows by name, in any order of names
 *     {"features": {"length": 5.1, "width": 3.5}}    one row by name
 *     {"features": ["a text", "another"]}            rows of a model of one column of text
 *     {"features": "a text"}                         one such row
 *
 * "instances", "data", "input", "inputs" and "X" mean "features"; with "x" the answer's key is "y",
 * and one row's answer is a plain value; with "instances" it is "predictions", as Vertex AI has it:
 * its list is always one of instances, of which one for a model of one column may be a plain value.
 * "probabilities": true asks for those beside the prediction. Other members of the body are
 * ignored. */
#include "protocol/flask/flask.h"

#include "protocol/protocol_priv.h"
#include "protocol/tensors_priv.h"

#include <string.h>

/* The names under which rows may come. */
static const struct {
    struct weir_str name;
    const char *text;
    bool is_x;
    bool is_instances;
} keys[] = {
    {{"features", 8}, "features", false, false},
    {{"instances", 9}, "instances", false, true},
    {{"data", 4}, "data", false, false},
    {{"input", 5}, "input", false, false},
    {{"inputs", 6}, "inputs", false, false},
    {{"X", 1}, "X", false, false},
    {{"x", 1}, "x", true, false},
};

/* Finds the rows in the body; NULL: failed. */
static const char *find_rows(struct weir_protocol_fill *fill, struct weir_protocol_call *call,
                             bool *wants_shares, struct weir_error *err)
{
    const struct weir_codec_json *json = &fill->decoder->json;
    if (*json->root != '{') {
        (void)weir_error_set(err, WEIR_ERR_INVALID, "expected an object with \"features\", got %s",
                             weir_codec_json_kind_text(weir_codec_json_kind(json->root)));
        return NULL;
    }
    struct weir_codec_json_iter it = weir_codec_json_iter(json, json->root);
    struct weir_str name;
    const char *value;
    const char *rows = NULL;
    while (weir_codec_json_next_member(&it, &name, &value)) {
        if (*value == 't' && weir_codec_json_string_eq(name, WEIR_STR("probabilities")))
            *wants_shares = true;
        for (size_t i = 0; i < WEIR_ARRAY_LEN(keys); i++) {
            if (!weir_codec_json_string_eq(name, keys[i].name))
                continue;
            if (rows) {
                (void)weir_error_set(err, WEIR_ERR_INVALID, "both \"%s\" and \"%s\" are there",
                                     fill->key, keys[i].text);
                return NULL;
            }
            rows = value;
            fill->key = keys[i].text;
            call->is_x = keys[i].is_x;
            call->is_instances = keys[i].is_instances;
            break;
        }
    }
    if (!rows)
        (void)weir_error_set(
            err, WEIR_ERR_INVALID,
            "\"features\" is missing (instances, data, input, inputs, X or x would "
            "do)");
    return rows;
}

/* How the rows are written; told by the first of them. */
enum form {
    FORM_MATRIX,  /* [[…], …] */
    FORM_FLAT,    /* […] */
    FORM_RECORDS, /* [{…}, …] */
    FORM_RECORD,  /* {…} */
    FORM_COLUMN,  /* ["…", …]: a row each, for a model of one column that may hold text */
    FORM_TEXT,    /* "…" */
};

static enum weir_status find_form(const struct weir_protocol_fill *fill, const char *rows,
                                  bool is_instances, enum form *form, uint64_t *n_rows)
{
    const struct weir_codec_json *json = &fill->decoder->json;
    bool is_text = fill->spec->columns && fill->spec->n_features == 1 &&
                   fill->spec->columns[0] != WEIR_COLUMN_NUMBER;
    bool is_column = is_text || (is_instances && fill->spec->n_features == 1);
    *n_rows = 1;
    if (*rows == '{' || (*rows == '"' && is_text)) {
        *form = *rows == '{' ? FORM_RECORD : FORM_TEXT;
        return WEIR_OK;
    }
    if (*rows != '[') {
        char echo[WEIR_CODEC_JSON_ECHO_BYTES];
        weir_codec_json_echo(json, rows, echo, sizeof echo);
        return weir_error_set(fill->err, WEIR_ERR_INVALID, "%s: expected a list of rows, got %s",
                              fill->key, echo);
    }
    char first = *weir_codec_json_rows_first(rows);
    if (first == ']')
        return weir_error_set(fill->err, WEIR_ERR_INVALID, "%s: no rows", fill->key);
    *form = first == '['   ? FORM_MATRIX
            : first == '{' ? FORM_RECORDS
            : is_column    ? FORM_COLUMN
                           : FORM_FLAT;
    if (*form != FORM_FLAT)
        *n_rows = weir_codec_json_count(json, rows);
    return WEIR_OK;
}

/* Writes rows of one value each; false: failed. */
static bool fill_column(struct weir_protocol_fill *fill, const char *rows)
{
    const char *at = weir_codec_json_rows_first(rows);
    for (size_t row = 0; *at != ']'; row++) {
        at = weir_protocol_columns_cell(fill, at, row, 0);
        if (!at)
            return false;
    }
    return true;
}

/* Writes all rows of a list; false: failed. */
static bool fill_list(struct weir_protocol_fill *fill, const char *rows, enum form form)
{
    bool is_frame = fill->spec->columns != NULL;
    char bracket = form == FORM_MATRIX ? '[' : '{';
    const char *at = weir_codec_json_rows_first(rows);
    for (size_t row = 0; *at != ']'; row++) {
        if (WEIR_UNLIKELY(*at != bracket)) {
            (void)weir_protocol_fill_row_error(fill, row, "expected %s as in row 0, got %s",
                                               form == FORM_MATRIX ? "an array" : "an object",
                                               weir_codec_json_kind_text(weir_codec_json_kind(at)));
            return false;
        }
        const char *end = form != FORM_MATRIX ? weir_protocol_columns_fill(fill, at, row)
                          : is_frame          ? weir_protocol_cells_fill_row(fill, at, row)
                                              : weir_protocol_fill_row(fill, at, row);
        if (!end)
            return false;
        at = weir_codec_json_rows_after(end + 1);
    }
    return true;
}

static bool fill_rows(struct weir_protocol_fill *fill, const char *rows, enum form form)
{
    switch (form) {
    case FORM_FLAT:
        return (fill->spec->columns ? weir_protocol_cells_fill_row(fill, rows, 0)
                                    : weir_protocol_fill_row(fill, rows, 0)) != NULL;
    case FORM_TEXT:
        return weir_protocol_cells_fill(fill, rows, 0, 0) != NULL;
    case FORM_COLUMN:
        return fill_column(fill, rows);
    case FORM_RECORD:
        return weir_protocol_columns_fill(fill, rows, 0) != NULL;
    case FORM_MATRIX:
    case FORM_RECORDS:
        break;
    }
    return fill_list(fill, rows, form);
}

static void start_call(struct weir_protocol_call *call)
{
    /* Not the whole struct: the id's bytes are only read up to id_bytes. */
    memset(call, 0, offsetof(struct weir_protocol_call, id));
    call->dialect = WEIR_PROTOCOL_FLASK;
    call->request_dtype = WEIR_F64;
}

/* Checks the size, reserves, fills and commits. */
static enum weir_status fill_sink(struct weir_protocol_fill *fill, const char *rows, enum form form,
                                  uint64_t n_rows, struct weir_protocol_call *call)
{
    const struct weir_spec *spec = fill->spec;
    enum weir_status status;
    if (form == FORM_RECORD || form == FORM_RECORDS) {
        status = weir_protocol_columns_start(fill->decoder, spec, fill->err);
        if (status != WEIR_OK)
            return status;
    }
    status = weir_protocol_fill_reserve(fill, call, n_rows, rows, 0);
    if (status != WEIR_OK)
        return status;
    weir_protocol_fill_choose(fill, call->request_dtype);
    if (!fill_rows(fill, rows, form)) {
        weir_sink_rollback(fill->sink);
        return fill->is_out_of_memory
                   ? weir_error_set(fill->err, WEIR_ERR_NO_MEMORY, "out of memory")
                   : WEIR_ERR_INVALID;
    }
    call->n_ignored = fill->n_ignored;
    weir_sink_commit(fill->sink, call->wanted);
    return WEIR_OK;
}

enum weir_status weir_protocol_flask_decode(struct weir_protocol_decoder *decoder,
                                            const struct weir_spec *spec, enum weir_output asked,
                                            struct weir_str body, struct weir_sink *sink,
                                            struct weir_protocol_call *call, struct weir_error *err)
{
    weir_assert(decoder);
    weir_assert(spec);
    weir_assert(sink);
    weir_assert(call);
    start_call(call);
    if (spec->form == WEIR_INPUT_TENSORS) {
        if (asked != WEIR_OUTPUT_PREDICT)
            return weir_protocol_no_output(spec, WEIR_STR(""), weir_str_c(weir_output_name(asked)),
                                           err);
        weir_protocol_add_defaults(call, spec);
    } else {
        call->is_transform = asked == WEIR_OUTPUT_TRANSFORM;
        call->is_scores = asked == WEIR_OUTPUT_SCORE_SAMPLES;
        if (asked == WEIR_OUTPUT_PREDICT)
            asked = weir_spec_default_output(spec);
        if (!weir_spec_has_output(spec, asked))
            return weir_protocol_no_output(spec, WEIR_STR(""), weir_str_c(weir_output_name(asked)),
                                           err);
        weir_protocol_add_output(call, asked);
    }

    decoder->json.limits = decoder->limits.json;
    decoder->json.limits.allows_nonfinite = true;
    enum weir_status status = weir_codec_json_scan(&decoder->json, body, err);
    if (status != WEIR_OK)
        return status;
    struct weir_protocol_fill fill = {
        .decoder = decoder,
        .spec = spec,
        .sink = sink,
        .takes_bools = true,
        .err = err,
    };
    bool wants_shares = false;
    const char *rows = find_rows(&fill, call, &wants_shares, err);
    if (!rows)
        return WEIR_ERR_INVALID;
    if (spec->form == WEIR_INPUT_TENSORS) {
        struct weir_protocol_tensors tensors;
        weir_protocol_tensors_init(&tensors, decoder, spec, sink, call, err);
        return weir_protocol_flask_tensors(&tensors, rows, fill.key);
    }
    if (wants_shares && asked == WEIR_OUTPUT_PREDICT) {
        if (!weir_spec_has_output(spec, WEIR_OUTPUT_PREDICT_PROBA))
            return weir_protocol_no_output(spec, WEIR_STR("probabilities"),
                                           WEIR_STR("predict_proba"), err);
        weir_protocol_add_output(call, WEIR_OUTPUT_PREDICT_PROBA);
    }
    enum form form = FORM_FLAT;
    uint64_t n_rows = 0;
    status = find_form(&fill, rows, call->is_instances, &form, &n_rows);
    if (status != WEIR_OK)
        return status;
    call->is_single_row = form == FORM_FLAT || form == FORM_RECORD || form == FORM_TEXT;
    return fill_sink(&fill, rows, form, n_rows, call);
}

/* Appends columns [first, first + n) of a row as a list. */
static void write_list(struct weir_buf *buf, const struct weir_result *result,
                       enum weir_output output, size_t row, size_t first, size_t n)
{
    weir_buf_append_byte(buf, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            weir_buf_append_byte(buf, ',');
        weir_protocol_write_value(buf, result, output, row, first + i,
                                  WEIR_CODEC_NUMBER_NONFINITE_NULL, false);
    }
    weir_buf_append_byte(buf, ']');
}

static void write_row(struct weir_buf *buf, const struct weir_result *result,
                      enum weir_output output, size_t row)
{
    const struct weir_spec_output *o = &result->spec->outputs[output];
    if (o->is_vector)
        weir_protocol_write_value(buf, result, output, row, 0, WEIR_CODEC_NUMBER_NONFINITE_NULL,
                                  false);
    else
        write_list(buf, result, output, row, 0, o->n_columns);
}

/* Appends columns [first, first + n) of all rows as a list of lists. */
static void write_rows(struct weir_buf *buf, const struct weir_result *result,
                       enum weir_output output, size_t first, size_t n)
{
    weir_buf_append_byte(buf, '[');
    for (size_t row = 0; row < result->n_rows; row++) {
        if (row > 0)
            weir_buf_append_byte(buf, ',');
        write_list(buf, result, output, row, first, n);
    }
    weir_buf_append_byte(buf, ']');
}

static void write_all(struct weir_buf *buf, const struct weir_result *result,
                      enum weir_output output)
{
    weir_buf_append_byte(buf, '[');
    for (size_t row = 0; row < result->n_rows; row++) {
        if (row > 0)
            weir_buf_append_byte(buf, ',');
        write_row(buf, result, output, row);
    }
    weir_buf_append_byte(buf, ']');
}

/* Appends an output as scikit-learn's method returns it: for several targets a list for each. */
static void write_by_target(struct weir_buf *buf, const struct weir_result *result,
                            enum weir_output output)
{
    const struct weir_spec *spec = result->spec;
    if (!weir_spec_is_by_target(spec, output)) {
        write_all(buf, result, output);
        return;
    }
    size_t first = 0;
    weir_buf_append_byte(buf, '[');
    for (size_t t = 0; t < spec->n_targets; t++) {
        if (t > 0)
            weir_buf_append_byte(buf, ',');
        write_rows(buf, result, output, first, spec->targets[t].n);
        first += spec->targets[t].n;
    }
    weir_buf_append_byte(buf, ']');
}

static void write_probabilities(struct weir_buf *buf, const struct weir_result *result)
{
    const struct weir_spec *spec = result->spec;
    weir_buf_append_c(buf, "{\"classes\":");
    if (spec->n_targets > 1)
        weir_buf_append_byte(buf, '[');
    for (size_t t = 0; t < spec->n_targets; t++) {
        if (t > 0)
            weir_buf_append_byte(buf, ',');
        weir_protocol_write_labels(buf, &spec->targets[t]);
    }
    if (spec->n_targets > 1)
        weir_buf_append_byte(buf, ']');
    weir_buf_append_c(buf, ",\"probabilities\":");
    write_by_target(buf, result, WEIR_OUTPUT_PREDICT_PROBA);
    weir_buf_append_byte(buf, '}');
}

static const char *answer_key(const struct weir_protocol_call *call)
{
    return call->is_instances   ? "{\"predictions\":"
           : call->is_transform ? "{\"transformed\":"
           : call->is_x         ? "{\"y\":"
                                : "{\"prediction\":";
}

/* Writes the first output as the prediction, the others by their names beside it. */
static void write_tensors(const struct weir_protocol_call *call, const struct weir_result *result,
                          struct weir_buf *buf)
{
    const struct weir_tensors_spec *spec = result->spec->tensors;
    weir_buf_append_c(buf, answer_key(call));
    weir_protocol_tensors_write(buf, &result->tensors[0], true, WEIR_CODEC_NUMBER_NONFINITE_NULL);
    for (size_t i = 1; i < spec->n_outputs; i++) {
        weir_buf_append_c(buf, i == 1 ? ",\"outputs\":{" : ",");
        weir_codec_json_append_text(buf, weir_str_c(spec->outputs[i].name));
        weir_buf_append_byte(buf, ':');
        weir_protocol_tensors_write(buf, &result->tensors[i], true,
                                    WEIR_CODEC_NUMBER_NONFINITE_NULL);
    }
    weir_buf_append_c(buf, spec->n_outputs > 1 ? "}}" : "}");
}

static void encode(const struct weir_protocol_call *call, const struct weir_protocol_source *source,
                   const struct weir_result *result, struct weir_protocol_answer *answer)
{
    struct weir_buf *buf = answer->body;
    (void)source; /* The header lines name model and version. */
    if (call->tensors) {
        write_tensors(call, result, buf);
        return;
    }
    enum weir_output output = (enum weir_output)call->outputs[0];
    if (output == WEIR_OUTPUT_PREDICT_PROBA) {
        write_probabilities(buf, result);
    } else if (output == WEIR_OUTPUT_DECISION_FUNCTION) {
        weir_buf_append_c(buf, "{\"decision\":");
        write_by_target(buf, result, output);
        weir_buf_append_byte(buf, '}');
    } else if (call->is_scores) {
        weir_buf_append_c(buf, "{\"scores\":");
        write_all(buf, result, output);
        weir_buf_append_byte(buf, '}');
    } else {
        weir_buf_append_c(buf, answer_key(call));
        if (call->is_x && call->is_single_row)
            write_row(buf, result, output, 0);
        else
            write_all(buf, result, output);
        if (call->n_outputs > 1) {
            weir_buf_append_c(buf, ",\"probabilities\":");
            write_by_target(buf, result, WEIR_OUTPUT_PREDICT_PROBA);
        }
        weir_buf_append_byte(buf, '}');
    }
}

/* --- the dialect ---------------------------------------------------------------------------- */

static enum weir_status decode(struct weir_protocol_decoder *decoder,
                               const struct weir_protocol_head *head, const struct weir_spec *spec,
                               struct weir_str body, struct weir_sink *sink,
                               struct weir_protocol_call *call, struct weir_error *err)
{
    return weir_protocol_flask_decode(decoder, spec, (enum weir_output)head->action, body, sink,
                                      call, err);
}

/* The action is the output that is asked for. */
#define PREDICTS(path, output, summary)                                                           \
    {"/" path, WEIR_PROTOCOL_PREDICT, WEIR_OUTPUT_##output, WEIR_PROTOCOL_POST, summary},         \
    {                                                                                             \
        "/" path "/{m}", WEIR_PROTOCOL_PREDICT, WEIR_OUTPUT_##output, WEIR_PROTOCOL_POST, summary \
    }

static const struct weir_protocol_route routes[] = {
    PREDICTS("predict", PREDICT, "Predictions for rows"),
    PREDICTS("predict_proba", PREDICT_PROBA, "Probabilities of classes for rows"),
    PREDICTS("decision_function", DECISION_FUNCTION, "Decision values for rows"),
    PREDICTS("transform", TRANSFORM, "Transformed rows"),
    PREDICTS("score_samples", SCORE_SAMPLES, "Scores of rows"),
};

/* Probabilities come with the classes. */
static uint64_t answer_bytes(const struct weir_protocol_call *call, const struct weir_spec *spec,
                             uint64_t bytes)
{
    for (size_t i = 0; i < call->n_outputs; i++) {
        if (call->outputs[i] != WEIR_OUTPUT_PREDICT_PROBA)
            continue;
        for (size_t t = 0; t < spec->n_targets; t++) {
            bytes += 3 + 2 * (uint64_t)call->n_rows;
            for (size_t k = 0; k < spec->targets[t].n; k++)
                bytes += spec->targets[t].json[k].n + 1;
        }
    }
    return bytes;
}

const struct weir_protocol_ops weir_protocol_flask = {
    .name = "flask",
    .routes = routes,
    .n_routes = WEIR_ARRAY_LEN(routes),
    .decode = decode,
    .answer_bytes = answer_bytes,
    .encode = encode,
    .describe = weir_protocol_flask_describe,
};

/* SPDX-License-Identifier: MIT */
/* The dialect's table, and what of a body goes where. README.md in src/protocol has the forms. */
#include "protocol/mlflow/mlflow_priv.h"
#include "protocol/v2/v2.h"

#include <string.h>

#ifndef WEIR_VERSION
#define WEIR_VERSION "unknown"
#endif

/* The members under which rows may come; one of them must be there. */
enum key { KEY_SPLIT, KEY_RECORDS, KEY_INSTANCES, KEY_INPUTS };

static const struct {
    struct weir_str name;
    const char *text;
} keys[] = {
    [KEY_SPLIT] = {{"dataframe_split", 15}, "dataframe_split"},
    [KEY_RECORDS] = {{"dataframe_records", 17}, "dataframe_records"},
    [KEY_INSTANCES] = {{"instances", 9}, "instances"},
    [KEY_INPUTS] = {{"inputs", 6}, "inputs"},
};

/* Finds the rows of a body; NULL: failed. */
static const char *find_rows(const struct weir_codec_json *json, enum key *key,
                             struct weir_error *err)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(json, json->root);
    struct weir_str name;
    const char *value;
    const char *rows = NULL;
    size_t n = 0;
    while (weir_codec_json_next_member(&it, &name, &value)) {
        for (size_t i = 0; i < WEIR_ARRAY_LEN(keys); i++) {
            if (!weir_codec_json_string_eq(name, keys[i].name))
                continue;
            *key = (enum key)i;
            rows = value;
            n++;
        }
    }
    if (n == 1)
        return rows;
    (void)weir_error_set(err, WEIR_ERR_INVALID,
                         "the input must be a JSON dictionary with exactly one of the input fields "
                         "dataframe_split, dataframe_records, instances and inputs; %s",
                         n == 0 ? "there is none" : "there are several");
    return NULL;
}

/* Sets what is asked of the model: what MLflow would call, all of a graph's outputs. */
static enum weir_status choose_outputs(const struct weir_spec *spec,
                                       struct weir_protocol_call *call, struct weir_error *err)
{
    if (spec->form == WEIR_INPUT_TENSORS) {
        weir_protocol_add_defaults(call, spec);
        return WEIR_OK;
    }
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++) {
        if (spec->outputs[i].is_given && spec->outputs[i].alias.n > 0)
            weir_protocol_add_output(call, (enum weir_output)i);
    }
    if (call->n_outputs > 0)
        return WEIR_OK;
    enum weir_output output = weir_spec_default_output(spec);
    if (spec->mlflow && spec->mlflow->output != WEIR_OUTPUT_PREDICT)
        output = spec->mlflow->output;
    if (!weir_spec_has_output(spec, output))
        return weir_protocol_no_output(spec, WEIR_STR(""), weir_str_c(weir_output_name(output)),
                                       err);
    weir_protocol_add_output(call, output);
    return WEIR_OK;
}

/* Returns the type of the request's numbers: float32 where the signature says so of all. */
static enum weir_dtype request_dtype(const struct weir_spec *spec)
{
    bool is_f32 = spec->mlflow && spec->mlflow->columns;
    for (size_t i = 0; is_f32 && i < spec->n_features; i++)
        is_f32 = spec->mlflow->columns[i] & WEIR_SPEC_MLFLOW_F32;
    return is_f32 ? WEIR_F32 : WEIR_F64;
}

/* Makes one JSON list of the lines of a body, in the decoder's memory. */
static enum weir_status join_lines(struct weir_protocol_decoder *decoder, struct weir_str *body,
                                   struct weir_error *err)
{
    struct weir_buf *list = &decoder->lines;
    struct weir_str rest = *body;
    bool is_first = true;
    weir_buf_clear(list);
    weir_buf_append_byte(list, '[');
    while (rest.at) {
        struct weir_str line = weir_str_trim(weir_str_split(&rest, '\n'));
        if (line.n == 0)
            continue;
        if (!is_first)
            weir_buf_append_byte(list, ',');
        is_first = false;
        weir_buf_append_str(list, line);
    }
    weir_buf_append_byte(list, ']');
    if (!weir_buf_ok(list))
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    *body = weir_buf_str(list);
    return WEIR_OK;
}

/* Decodes the rows for a model of rows. */
static enum weir_status decode_rows(struct weir_protocol_mlflow_request *r, enum key key,
                                    const char *rows)
{
    if (key == KEY_SPLIT)
        return weir_protocol_mlflow_frame_split(r, rows);
    if (key == KEY_INPUTS && *rows == '{')
        return weir_protocol_mlflow_frame_columns(r, rows);
    return weir_protocol_mlflow_frame_rows(r, rows);
}

/* Finds the rows of a table's "data", for a model of one tensor; NULL: failed. */
static const char *split_data(const struct weir_codec_json *json, const char *rows,
                              struct weir_error *err)
{
    struct weir_str name;
    const char *value;
    if (*rows == '{') {
        struct weir_codec_json_iter it = weir_codec_json_iter(json, rows);
        while (weir_codec_json_next_member(&it, &name, &value)) {
            if (weir_codec_json_string_eq(name, WEIR_STR("data")))
                return value;
        }
    }
    (void)weir_error_set(err, WEIR_ERR_INVALID, "dataframe_split: \"data\" is missing");
    return NULL;
}

/* Decodes the rows for a model of tensors. */
static enum weir_status decode_tensors(struct weir_protocol_mlflow_request *r, enum key key,
                                       const char *rows)
{
    struct weir_protocol_fill *fill = &r->fill;
    struct weir_protocol_tensors tensors;
    weir_protocol_tensors_init(&tensors, fill->decoder, fill->spec, r->sink, r->call, fill->err);
    if (key == KEY_SPLIT) {
        if (fill->spec->tensors->n_inputs > 1)
            return weir_error_set(fill->err, WEIR_ERR_INVALID,
                                  "dataframe_split: the model takes several tensors: send inputs");
        rows = split_data(&fill->decoder->json, rows, fill->err);
        if (!rows)
            return WEIR_ERR_INVALID;
    }
    return weir_protocol_flask_tensors(&tensors, rows, fill->key);
}

/* Finds whether "inputs" is a list of tensors as in an Open Inference Protocol request, which
 * clients of Triton send to the same path on SageMaker. */
static bool is_v2(const struct weir_codec_json *json, enum key key, const char *rows)
{
    if (key != KEY_INPUTS || *rows != '[' || *weir_codec_json_rows_first(rows) != '{')
        return false;
    struct weir_codec_json_iter it = weir_codec_json_iter(json, weir_codec_json_rows_first(rows));
    struct weir_str name;
    const char *value;
    unsigned found = 0;
    while (weir_codec_json_next_member(&it, &name, &value)) {
        found |= weir_codec_json_string_eq(name, WEIR_STR("datatype")) && *value == '"' ? 1 : 0;
        found |= weir_codec_json_string_eq(name, WEIR_STR("shape")) && *value == '[' ? 2 : 0;
    }
    return found == 3;
}

static enum weir_status decode_json(struct weir_protocol_mlflow_request *r,
                                    const struct weir_protocol_head *head, struct weir_str body)
{
    struct weir_protocol_decoder *decoder = r->fill.decoder;
    decoder->json.limits = decoder->limits.json;
    decoder->json.limits.allows_nonfinite = true;
    enum weir_status status = WEIR_OK;
    if (head->media == WEIR_PROTOCOL_MLFLOW_LINES)
        status = join_lines(decoder, &body, r->fill.err);
    if (status == WEIR_OK)
        status = weir_codec_json_scan(&decoder->json, body, r->fill.err);
    if (status != WEIR_OK)
        return status;
    const char *rows = decoder->json.root;
    enum key key = KEY_INSTANCES;
    r->fill.key = head->media == WEIR_PROTOCOL_MLFLOW_LINES ? "lines" : "body";
    if (*rows == '[') {
        /* A list by itself is answered so too; MLflow's own server would refuse it. */
        if (r->call->media == WEIR_PROTOCOL_MLFLOW_JSON)
            r->call->media = WEIR_PROTOCOL_MLFLOW_LIST;
    } else if (*rows != '{') {
        return weir_error_set(r->fill.err, WEIR_ERR_INVALID,
                              "expected an object or a list of rows, got %s",
                              weir_codec_json_kind_text(weir_codec_json_kind(rows)));
    } else {
        rows = find_rows(&decoder->json, &key, r->fill.err);
        if (!rows)
            return WEIR_ERR_INVALID;
        r->fill.key = keys[key].text;
        r->call->is_frame = key == KEY_SPLIT || key == KEY_RECORDS;
    }
    /* Columns by name are a data frame too, once the signature was applied. */
    if (r->fill.spec->form != WEIR_INPUT_TENSORS)
        r->call->is_frame |=
            *rows == '{' || (*rows == '[' && *weir_codec_json_rows_first(rows) == '{');
    if (is_v2(&decoder->json, key, rows))
        return weir_protocol_v2.decode(decoder, head, r->fill.spec, body, r->sink, r->call,
                                       r->fill.err);
    return r->fill.spec->form == WEIR_INPUT_TENSORS ? decode_tensors(r, key, rows)
                                                    : decode_rows(r, key, rows);
}

static enum weir_status decode(struct weir_protocol_decoder *decoder,
                               const struct weir_protocol_head *head, const struct weir_spec *spec,
                               struct weir_str body, struct weir_sink *sink,
                               struct weir_protocol_call *call, struct weir_error *err)
{
    weir_assert(decoder);
    weir_assert(head);
    weir_assert(spec);
    if (head->media == WEIR_PROTOCOL_MLFLOW_TRITON) {
        enum weir_status triton =
            weir_protocol_v2_decode_parts(decoder, spec, body, head->json_bytes, sink, call, err);
        call->dialect = head->dialect;
        call->media = head->media;
        return triton;
    }
    /* Not the whole struct: the id's bytes are only read up to id_bytes. */
    memset(call, 0, offsetof(struct weir_protocol_call, id));
    call->dialect = head->dialect;
    call->request_dtype = request_dtype(spec);
    call->media = head->accept;
    struct weir_protocol_mlflow_request r = {
        .fill = {.decoder = decoder,
                 .spec = spec,
                 .takes_bools = true,
                 .takes_number_texts = true,
                 .err = err},
        .call = call,
        .sink = sink,
    };
    enum weir_status status = choose_outputs(spec, call, err);
    if (status != WEIR_OK)
        return status;
    if (head->media < WEIR_PROTOCOL_MLFLOW_CSV)
        return decode_json(&r, head, body);
    call->is_frame = true;
    if (spec->form == WEIR_INPUT_TENSORS)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "this model takes tensors, which CSV cannot hold: send JSON");
    return weir_protocol_mlflow_csv(&r, body, (enum weir_protocol_mlflow_media)head->media);
}

/* --- errors and pages ------------------------------------------------------------------------ */

/* The codes of MLflow's errors, by HTTP status. */
static const char *error_code(int status)
{
    switch (status) {
    case 401:
        return "UNAUTHENTICATED";
    case 403:
        return "PERMISSION_DENIED";
    case 404:
        return "RESOURCE_DOES_NOT_EXIST";
    case 409:
        return "RESOURCE_CONFLICT";
    case 429:
        return "REQUEST_LIMIT_EXCEEDED";
    case 499:
        return "CANCELLED";
    case 501:
        return "NOT_IMPLEMENTED";
    case 503:
        return "TEMPORARILY_UNAVAILABLE";
    case 504:
        return "DEADLINE_EXCEEDED";
    default:
        return status < 500 ? "BAD_REQUEST" : "INTERNAL_ERROR";
    }
}

static const char *error(struct weir_buf *body, int status, struct weir_str text)
{
    if (status == 415) {
        weir_buf_append_str(body, text);
        return "text/plain; charset=utf-8";
    }
    weir_buf_append_c(body, "{\"error\":");
    weir_codec_json_append_text(body, text);
    weir_buf_append_c(body, ",\"error_code\":\"");
    weir_buf_append_c(body, error_code(status));
    weir_buf_append_c(body, "\",\"message\":");
    weir_codec_json_append_text(body, text);
    weir_buf_append_byte(body, '}');
    return NULL;
}

static void write_version(const struct weir_protocol_catalog *catalog,
                          const struct weir_protocol_target *target, struct weir_buf *body)
{
    struct weir_protocol_model model;
    struct weir_protocol_version version;
    const struct weir_spec *spec = NULL;
    if (catalog->ops->find(catalog, target, &model, &version, NULL) == WEIR_OK)
        spec = version.spec;
    if (spec && spec->mlflow && spec->mlflow->version.n > 0)
        weir_buf_append_str(body, spec->mlflow->version);
    else
        weir_buf_append_c(body, WEIR_VERSION);
}

static void write_execution(const struct weir_protocol_catalog *catalog,
                            const struct weir_protocol_target *target, struct weir_buf *body)
{
    struct weir_protocol_model model;
    struct weir_protocol_version version;
    uint32_t n = 1;
    if (catalog->ops->find(catalog, target, &model, &version, NULL) == WEIR_OK)
        n = version.n_loops + version.n_workers;
    weir_buf_printf(body,
                    "{\"MaxConcurrentTransforms\":%u,\"BatchStrategy\":\"MULTI_RECORD\","
                    "\"MaxPayloadInMB\":6}",
                    n);
}

static enum weir_status page(const struct weir_protocol_question *question,
                             const struct weir_protocol_catalog *catalog,
                             struct weir_protocol_page *page, struct weir_error *err)
{
    struct weir_str reason = WEIR_STR("");
    switch ((enum weir_protocol_mlflow_action)question->route->action) {
    case WEIR_PROTOCOL_MLFLOW_PING:
        if (!catalog->ops->is_ready(catalog, &reason))
            return weir_error_set(err, WEIR_ERR_BUSY, "%.*s", WEIR_STR_ARG(reason));
        break;
    case WEIR_PROTOCOL_MLFLOW_VERSION:
        write_version(catalog, &question->target, page->body);
        break;
    case WEIR_PROTOCOL_MLFLOW_EXECUTION:
        write_execution(catalog, &question->target, page->body);
        break;
    case WEIR_PROTOCOL_MLFLOW_INVOCATIONS:
        weir_assert(false); /* A prediction. */
    }
    return WEIR_OK;
}

#define GET(pattern, action, summary)                                          \
    {                                                                          \
        pattern, WEIR_PROTOCOL_PAGE, WEIR_PROTOCOL_MLFLOW_##action, 0, summary \
    }

static const struct weir_protocol_route routes[] = {
    {"/invocations", WEIR_PROTOCOL_PREDICT, WEIR_PROTOCOL_MLFLOW_INVOCATIONS, WEIR_PROTOCOL_POST,
     "Predictions of the default model, as MLflow's server and SageMaker's containers give them"},
    GET("/ping", PING, "Whether the server is ready"),
    GET("/version", VERSION, "Version of the MLflow that saved the default model"),
    GET("/execution-parameters", EXECUTION, "How SageMaker's batch transform may send requests"),
};

const struct weir_protocol_ops weir_protocol_mlflow = {
    .name = "mlflow",
    .routes = routes,
    .n_routes = WEIR_ARRAY_LEN(routes),
    .read_head = weir_protocol_mlflow_head,
    .decode = decode,
    .encode = weir_protocol_mlflow_encode,
    .error = error,
    .page = page,
    .describe = weir_protocol_mlflow_describe,
};

/* SPDX-License-Identifier: MIT */
/* Answers, as MLflow makes JSON of what the model's predict returns for a request of this form: an
 * array is a list, or a list of lists; what an ONNX graph gives has names: for a data frame a list
 * of records, one a row, for arrays an object of lists. */
#include "protocol/mlflow/mlflow_priv.h"
#include "protocol/v2/v2.h"
#include "tensor/spec.h"

/* An answer that is written. */
struct writer {
    const struct weir_protocol_call *call;
    const struct weir_result *result;
    struct weir_buf *buf;
};

static size_t n_outputs(const struct writer *w)
{
    return w->call->tensors ? w->result->spec->tensors->n_outputs : w->call->n_outputs;
}

/* Returns the graph's name of an output; empty: the model is no graph. */
static struct weir_str name_of(const struct writer *w, size_t k)
{
    if (w->call->tensors)
        return weir_str_c(w->result->spec->tensors->outputs[k].name);
    return w->result->spec->outputs[w->call->outputs[k]].alias;
}

static const struct weir_labels *labels_of(const struct writer *w, size_t k)
{
    const struct weir_spec *spec = w->result->spec;
    if (w->call->tensors)
        return spec->tensors->labels ? spec->tensors->labels[k] : NULL;
    return spec->outputs[w->call->outputs[k]].is_map ? &spec->targets[0] : NULL;
}

/* Returns one row of a tensor: its first dimension is cut off. */
static struct weir_tensor row_of(const struct weir_tensor *t, uint64_t row)
{
    struct weir_tensor view = *t;
    if (t->n_dims == 0)
        return view;
    uint64_t n = 1;
    view.n_dims--;
    for (uint32_t i = 0; i < view.n_dims; i++) {
        view.dims[i] = t->dims[i + 1];
        n *= view.dims[i];
    }
    view.data = (const char *)t->data + row * n * weir_tensor_item_bytes(t->dtype);
    return view;
}

/* Appends column c of a row; c is 0 for values without columns. */
static void write_value(const struct writer *w, size_t k, size_t row, size_t c)
{
    enum weir_codec_number_nonfinite nonfinite = WEIR_CODEC_NUMBER_NONFINITE_TOKEN;
    if (!w->call->tensors) {
        weir_protocol_write_value(w->buf, w->result, (enum weir_output)w->call->outputs[k], row, c,
                                  nonfinite, false);
        return;
    }
    struct weir_tensor view = row_of(&w->result->tensors[k], row);
    if (view.n_dims > 0)
        view = row_of(&view, c);
    weir_protocol_tensors_write(w->buf, &view, true, nonfinite);
}

/* Returns how many columns a row has; 0: it is one value. */
static size_t n_columns(const struct writer *w, size_t k)
{
    if (w->call->tensors) {
        const struct weir_tensor *t = &w->result->tensors[k];
        return t->n_dims > 1 ? (size_t)t->dims[1] : 0;
    }
    const struct weir_spec *spec = w->result->spec;
    enum weir_output output = (enum weir_output)w->call->outputs[k];
    /* CatBoost gives the classes of more than two as a column. */
    bool is_column = output == WEIR_OUTPUT_PREDICT && spec->n_targets == 1 &&
                     spec->targets[0].n > 2 && weir_str_eq_c(spec->library, "catboost");
    return spec->outputs[output].is_vector && !is_column ? 0 : spec->outputs[output].n_columns;
}

static void write_map(const struct writer *w, size_t k, size_t row)
{
    const struct weir_labels *labels = labels_of(w, k);
    size_t n = n_columns(w, k);
    weir_buf_append_byte(w->buf, '{');
    for (size_t c = 0; c < n && c < labels->n; c++) {
        bool is_text = labels->dtype == WEIR_BYTES;
        weir_buf_append_c(w->buf, c > 0 ? (is_text ? "," : ",\"") : (is_text ? "" : "\""));
        weir_buf_append_str(w->buf, labels->json[c]);
        weir_buf_append_c(w->buf, is_text ? ":" : "\":");
        write_value(w, k, row, c);
    }
    weir_buf_append_byte(w->buf, '}');
}

/* Appends what an output has for a row. */
static void write_item(const struct writer *w, size_t k, size_t row)
{
    size_t n = n_columns(w, k);
    if (labels_of(w, k)) {
        write_map(w, k, row);
        return;
    }
    if (n == 0 && (w->call->tensors || w->result->spec->outputs[w->call->outputs[k]].is_vector)) {
        write_value(w, k, row, 0);
        return;
    }
    weir_buf_append_byte(w->buf, '[');
    for (size_t c = 0; c < n; c++) {
        if (c > 0)
            weir_buf_append_byte(w->buf, ',');
        write_value(w, k, row, c);
    }
    weir_buf_append_byte(w->buf, ']');
}

/* Returns the rows of an output; 0: it is one value for all of them. */
static size_t n_rows(const struct writer *w, size_t k)
{
    if (!w->call->tensors)
        return w->result->n_rows;
    const struct weir_tensor *t = &w->result->tensors[k];
    return t->n_dims > 0 ? (size_t)t->dims[0] : 0;
}

static void write_list(const struct writer *w, size_t k)
{
    if (w->call->tensors && w->result->tensors[k].n_dims == 0) {
        weir_protocol_tensors_write(w->buf, &w->result->tensors[k], true,
                                    WEIR_CODEC_NUMBER_NONFINITE_TOKEN);
        return;
    }
    weir_buf_append_byte(w->buf, '[');
    for (size_t row = 0; row < n_rows(w, k); row++) {
        if (row > 0)
            weir_buf_append_byte(w->buf, ',');
        write_item(w, k, row);
    }
    weir_buf_append_byte(w->buf, ']');
}

static void write_name(const struct writer *w, size_t k)
{
    weir_codec_json_append_text(w->buf, name_of(w, k));
    weir_buf_append_byte(w->buf, ':');
}

static void write_record(const struct writer *w, size_t row)
{
    weir_buf_append_byte(w->buf, '{');
    for (size_t k = 0; k < n_outputs(w); k++) {
        if (k > 0)
            weir_buf_append_byte(w->buf, ',');
        write_name(w, k);
        if (n_columns(w, k) == 1 && !labels_of(w, k)) /* A frame's column is flat. */
            write_value(w, k, row, 0);
        else
            write_item(w, k, row);
    }
    weir_buf_append_byte(w->buf, '}');
}

/* Finds whether every output has exactly one value, or one map, for each row of the request. */
static bool are_records(const struct writer *w)
{
    for (size_t k = 0; k < n_outputs(w); k++) {
        if (n_rows(w, k) != w->call->n_rows || (n_columns(w, k) > 1 && !labels_of(w, k)) ||
            (w->call->tensors && w->result->tensors[k].n_dims > 2))
            return false;
    }
    return true;
}

static void write_predictions(const struct writer *w)
{
    if (name_of(w, 0).n == 0) {
        write_list(w, 0);
        return;
    }
    bool is_list = w->call->is_frame && are_records(w);
    weir_buf_append_byte(w->buf, is_list ? '[' : '{');
    for (size_t row = 0; is_list && row < w->call->n_rows; row++) {
        if (row > 0)
            weir_buf_append_byte(w->buf, ',');
        write_record(w, row);
    }
    for (size_t k = 0; !is_list && k < n_outputs(w); k++) {
        if (k > 0)
            weir_buf_append_byte(w->buf, ',');
        write_name(w, k);
        write_list(w, k);
    }
    weir_buf_append_byte(w->buf, is_list ? ']' : '}');
}

/* Appends a value as a field: a text without JSON's quotes and escapes. */
static void write_field(const struct writer *w, size_t k, size_t row, size_t c)
{
    const struct weir_spec *spec = w->result->spec;
    if (w->call->tensors && w->result->tensors[k].dtype == WEIR_BYTES) {
        struct weir_tensor view = row_of(&w->result->tensors[k], row);
        const struct weir_text *text = view.data;
        weir_codec_csv_put(w->buf, weir_str_make(text[c].at, text[c].n));
        return;
    }
    enum weir_output output = (enum weir_output)w->call->outputs[k];
    if (!w->call->tensors && spec->outputs[output].storage == WEIR_STORAGE_LABEL &&
        spec->targets[c].dtype == WEIR_BYTES) {
        size_t i = row * spec->outputs[output].n_columns + c;
        int32_t label = ((const int32_t *)w->result->out[output])[i];
        weir_codec_csv_put(w->buf, spec->targets[c].text[label]);
        return;
    }
    write_value(w, k, row, c);
}

/* Appends a line for each row: all outputs side by side. */
static void write_csv(const struct writer *w)
{
    for (size_t row = 0; row < w->call->n_rows; row++) {
        bool is_first = true;
        for (size_t k = 0; k < n_outputs(w); k++) {
            size_t n = n_columns(w, k);
            for (size_t c = 0; row < n_rows(w, k) && c < (n ? n : 1); c++) {
                if (!is_first)
                    weir_buf_append_byte(w->buf, ',');
                is_first = false;
                write_field(w, k, row, c);
            }
        }
        weir_buf_append_byte(w->buf, '\n');
    }
}

static void write_lines(const struct writer *w)
{
    for (size_t row = 0; row < w->call->n_rows; row++) {
        if (name_of(w, 0).n > 0)
            write_record(w, row);
        else
            write_item(w, 0, row);
        weir_buf_append_byte(w->buf, '\n');
    }
}

void weir_protocol_mlflow_encode(const struct weir_protocol_call *call,
                                 const struct weir_protocol_source *source,
                                 const struct weir_result *result,
                                 struct weir_protocol_answer *answer)
{
    struct writer w = {call, result, answer->body};
    switch ((enum weir_protocol_mlflow_media)call->media) {
    case WEIR_PROTOCOL_MLFLOW_CSV:
    case WEIR_PROTOCOL_MLFLOW_CSV_HEADER:
    case WEIR_PROTOCOL_MLFLOW_CSV_HEADLESS:
        answer->content_type = "text/csv; charset=utf-8";
        write_csv(&w);
        break;
    case WEIR_PROTOCOL_MLFLOW_LINES:
        answer->content_type = "application/jsonlines";
        write_lines(&w);
        break;
    case WEIR_PROTOCOL_MLFLOW_TRITON:
        weir_protocol_v2.encode(call, source, result, answer);
        if (answer->json_bytes > 0)
            answer->content_type = "application/vnd.sagemaker-triton.binary+json;json-header-size=";
        break;
    case WEIR_PROTOCOL_MLFLOW_LIST:
        write_predictions(&w);
        break;
    case WEIR_PROTOCOL_MLFLOW_JSON:
        weir_buf_append_c(w.buf, "{\"predictions\":");
        write_predictions(&w);
        weir_buf_append_byte(w.buf, '}');
        break;
    }
}

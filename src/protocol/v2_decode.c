/* SPDX-License-Identifier: MIT */
/* Requests of the Open Inference Protocol v2, in JSON.
 *
 * Members come in any order (clients put "parameters" last), so all heads are read before any
 * element. Either there is one input, the matrix, under any name; or one for each feature, under
 * its name, [n] or [n, 1]. The nesting of "data" does not matter: leaves are counted, row-major. */
#include "protocol/protocol_priv.h"

#include <stdio.h>
#include <string.h>

enum { DIMS_MAX = 8 };

/* The head of one input. */
struct input {
    struct weir_str name; /* as written */
    enum weir_dtype dtype;
    uint64_t dims[DIMS_MAX];
    size_t n_dims;
    uint64_t n_elements;
    const char *data;
};

/* A request as it is read. */
struct request {
    struct weir_protocol_decoder *decoder;
    const struct weir_codec_json *json;
    const struct weir_spec *spec;
    struct weir_protocol_call *call;
    struct weir_error *err;
    const char *inputs; /* values; NULL: not there */
    const char *outputs;
};

static bool is_kind(const char *value, enum weir_codec_json_kind kind)
{
    return weir_codec_json_kind(value) == kind;
}

/* Fails at a member of the i-th element of a list: `inputs[3].shape: …`. */
static enum weir_status fail_at(const struct request *r, const char *list, size_t i,
                                const char *member, const char *what)
{
    return weir_error_set(r->err, WEIR_ERR_INVALID, "%s[%zu]%s%s: %s", list, i, *member ? "." : "",
                          member, what);
}

static enum weir_status fail_kind_at(const struct request *r, const char *list, size_t i,
                                     const char *member, const char *expected, const char *value)
{
    char echo[WEIR_CODEC_JSON_ECHO_BYTES];
    char what[WEIR_ERROR_MSG_BYTES];
    (void)snprintf(what, sizeof what, "expected %s, got %s", expected,
                   weir_codec_json_echo(r->json, value, echo, sizeof echo));
    return fail_at(r, list, i, member, what);
}

static enum weir_status fail_kind(const struct request *r, const char *member, const char *expected,
                                  const char *value)
{
    char echo[WEIR_CODEC_JSON_ECHO_BYTES];
    return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: expected %s, got %s", member, expected,
                          weir_codec_json_echo(r->json, value, echo, sizeof echo));
}

static enum weir_status read_id(const struct request *r, const char *value)
{
    if (!is_kind(value, WEIR_CODEC_JSON_STRING))
        return fail_kind(r, "id", "a text", value);
    struct weir_str id = weir_codec_json_string(value);
    if (id.n > sizeof r->call->id)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "id: more than %zu bytes",
                              sizeof r->call->id);
    memcpy(r->call->id, id.at, id.n);
    r->call->id_bytes = (uint16_t)id.n;
    return WEIR_OK;
}

static enum weir_status read_count(const struct request *r, const char *member, const char *value,
                                   uint64_t *out)
{
    if (!is_kind(value, WEIR_CODEC_JSON_NUMBER) ||
        weir_codec_number_read_u64(weir_codec_json_token(value, r->json->end), out) !=
            WEIR_CODEC_NUMBER_INT_OK)
        return fail_kind(r, member, "a whole number from 0", value);
    return WEIR_OK;
}

static enum weir_status read_timeout(const struct request *r, const char *value)
{
    uint64_t us;
    enum weir_status status = read_count(r, "parameters.timeout", value, &us);
    if (status != WEIR_OK)
        return status;
    r->call->has_timeout = us > 0;
    if (__builtin_mul_overflow(us, (uint64_t)1000, &r->call->timeout_ns))
        r->call->timeout_ns = UINT64_MAX;
    return WEIR_OK;
}

/* Reads one member of the request's parameters; unknown ones are ignored. */
static enum weir_status read_parameter(const struct request *r, struct weir_str name,
                                       const char *value)
{
    enum weir_codec_json_kind kind = weir_codec_json_kind(value);
    if (kind == WEIR_CODEC_JSON_OBJECT || kind == WEIR_CODEC_JSON_ARRAY ||
        kind == WEIR_CODEC_JSON_NULL) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_error_set(
            r->err, WEIR_ERR_INVALID, "parameters.%s: expected a text, a number or a bool, got %s",
            weir_str_echo(name, echo, sizeof echo), weir_codec_json_kind_text(kind));
    }
    if (weir_str_starts(name, WEIR_STR("triton_")))
        return weir_error_set(r->err, WEIR_ERR_INVALID,
                              "parameters: names that begin with \"triton_\" are reserved");
    if (weir_codec_json_string_eq(name, WEIR_STR("timeout")))
        return read_timeout(r, value);
    if (weir_codec_json_string_eq(name, WEIR_STR("priority")))
        return read_count(r, "parameters.priority", value, &r->call->priority);
    if (weir_codec_json_string_eq(name, WEIR_STR("binary_data_output"))) {
        if (kind == WEIR_CODEC_JSON_TRUE)
            return weir_error_set(
                r->err, WEIR_ERR_UNSUPPORTED,
                "parameters.binary_data_output: binary tensors are not served; ask for false");
        if (kind != WEIR_CODEC_JSON_FALSE)
            return fail_kind(r, "parameters.binary_data_output", "true or false", value);
    }
    return WEIR_OK;
}

static enum weir_status read_parameters(const struct request *r, const char *value)
{
    if (!is_kind(value, WEIR_CODEC_JSON_OBJECT))
        return fail_kind(r, "parameters", "an object", value);
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, value);
    struct weir_str name;
    const char *member;
    while (weir_codec_json_next_member(&it, &name, &member)) {
        enum weir_status status = read_parameter(r, name, member);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

static enum weir_status read_members(struct request *r)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, r->json->root);
    struct weir_str name;
    const char *value;
    while (weir_codec_json_next_member(&it, &name, &value)) {
        enum weir_status status = WEIR_OK;
        bool is_null = is_kind(value, WEIR_CODEC_JSON_NULL);
        if (weir_codec_json_string_eq(name, WEIR_STR("inputs")))
            r->inputs = value;
        else if (is_null)
            continue; /* some clients write members that they do not mean */
        else if (weir_codec_json_string_eq(name, WEIR_STR("outputs")))
            r->outputs = value;
        else if (weir_codec_json_string_eq(name, WEIR_STR("id")))
            status = read_id(r, value);
        else if (weir_codec_json_string_eq(name, WEIR_STR("parameters")))
            status = read_parameters(r, value);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* What the parameters of one tensor may ask for that is not served. */
static enum weir_status check_tensor_parameters(const struct request *r, const char *list, size_t i,
                                                const char *value)
{
    if (is_kind(value, WEIR_CODEC_JSON_NULL))
        return WEIR_OK;
    if (!is_kind(value, WEIR_CODEC_JSON_OBJECT))
        return fail_kind_at(r, list, i, "parameters", "an object", value);
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, value);
    struct weir_str name;
    const char *member;
    while (weir_codec_json_next_member(&it, &name, &member)) {
        const char *what = NULL;
        if (weir_codec_json_string_eq(name, WEIR_STR("binary_data_size")))
            what = "binary tensors are not served; send \"data\"";
        else if (weir_codec_json_string_eq(name, WEIR_STR("binary_data")))
            what = *member == 't' ? "binary tensors are not served; ask for false" : NULL;
        else if (weir_codec_json_string_eq(name, WEIR_STR("shared_memory_region")))
            what = "shared memory is not served";
        else if (weir_codec_json_string_eq(name, WEIR_STR("classification")))
            what = "classification is not served; ask for \"predict_proba\"";
        if (what)
            return weir_error_set(r->err, WEIR_ERR_UNSUPPORTED, "%s[%zu].parameters: %s", list, i,
                                  what);
    }
    return WEIR_OK;
}

static enum weir_status read_output(const struct request *r, size_t i, const char *value)
{
    if (!is_kind(value, WEIR_CODEC_JSON_OBJECT))
        return fail_kind_at(r, "outputs", i, "", "an object", value);
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, value);
    struct weir_str name;
    const char *member;
    const char *wanted = NULL;
    while (weir_codec_json_next_member(&it, &name, &member)) {
        if (weir_codec_json_string_eq(name, WEIR_STR("name"))) {
            wanted = member;
        } else if (weir_codec_json_string_eq(name, WEIR_STR("parameters"))) {
            enum weir_status status = check_tensor_parameters(r, "outputs", i, member);
            if (status != WEIR_OK)
                return status;
        }
    }
    if (!wanted)
        return fail_at(r, "outputs", i, "name", "missing");
    if (!is_kind(wanted, WEIR_CODEC_JSON_STRING))
        return fail_kind_at(r, "outputs", i, "name", "a text", wanted);
    enum weir_output output;
    struct weir_str written = weir_codec_json_string(wanted);
    if (!weir_spec_find_output(r->spec, written, &output)) {
        char place[48];
        (void)snprintf(place, sizeof place, "outputs[%zu].name", i);
        return weir_protocol_no_output(r->spec, weir_str_c(place), written, r->err);
    }
    weir_protocol_add_output(r->call, output);
    return WEIR_OK;
}

static enum weir_status read_outputs(const struct request *r)
{
    if (r->outputs) {
        if (!is_kind(r->outputs, WEIR_CODEC_JSON_ARRAY))
            return fail_kind(r, "outputs", "a list", r->outputs);
        struct weir_codec_json_iter it = weir_codec_json_iter(r->json, r->outputs);
        const char *value;
        for (size_t i = 0; weir_codec_json_next(&it, &value); i++) {
            enum weir_status status = read_output(r, i, value);
            if (status != WEIR_OK)
                return status;
        }
    }
    if (r->call->n_outputs == 0)
        weir_protocol_add_output(r->call, weir_spec_default_output(r->spec));
    return WEIR_OK;
}

static enum weir_status read_shape(const struct request *r, size_t i, const char *value,
                                   struct input *in)
{
    if (!is_kind(value, WEIR_CODEC_JSON_ARRAY))
        return fail_kind_at(r, "inputs", i, "shape", "a list", value);
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, value);
    const char *dim;
    in->n_elements = 1;
    for (in->n_dims = 0; weir_codec_json_next(&it, &dim); in->n_dims++) {
        if (in->n_dims == DIMS_MAX)
            return fail_at(r, "inputs", i, "shape", "more than 8 dimensions");
        uint64_t n;
        if (!weir_str_to_u64(weir_codec_json_token(dim, r->json->end), UINT64_MAX, &n))
            return fail_kind_at(r, "inputs", i, "shape", "whole numbers from 0", dim);
        in->dims[in->n_dims] = n;
        if (__builtin_mul_overflow(in->n_elements, n, &in->n_elements) ||
            in->n_elements > INT64_MAX / 8)
            return fail_at(r, "inputs", i, "shape", "the product is too large");
    }
    return WEIR_OK;
}

static enum weir_status read_datatype(const struct request *r, size_t i, const char *value,
                                      struct input *in)
{
    if (!is_kind(value, WEIR_CODEC_JSON_STRING))
        return fail_kind_at(r, "inputs", i, "datatype", "a text", value);
    if (!weir_dtype_find(weir_codec_json_string(value), &in->dtype))
        return fail_kind_at(r, "inputs", i, "datatype", "one like \"FP64\"", value);
    if (in->dtype == WEIR_F16 || in->dtype == WEIR_BF16)
        return fail_at(r, "inputs", i, "datatype", "FP16 and BF16 cannot be written in JSON");
    if (in->dtype == WEIR_BYTES)
        return fail_at(r, "inputs", i, "datatype", "the model takes numbers, not BYTES");
    return WEIR_OK;
}

/* Reads the head of an input. */
static enum weir_status read_input(const struct request *r, size_t i, const char *value,
                                   struct input *in)
{
    if (!is_kind(value, WEIR_CODEC_JSON_OBJECT))
        return fail_kind_at(r, "inputs", i, "", "an object", value);
    memset(in, 0, sizeof *in);
    const char *name_value = NULL;
    bool has_shape = false;
    bool has_datatype = false;
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, value);
    struct weir_str name;
    const char *member;
    while (weir_codec_json_next_member(&it, &name, &member)) {
        enum weir_status status = WEIR_OK;
        if (weir_codec_json_string_eq(name, WEIR_STR("data"))) {
            in->data = member;
        } else if (weir_codec_json_string_eq(name, WEIR_STR("name"))) {
            name_value = member;
        } else if (weir_codec_json_string_eq(name, WEIR_STR("shape"))) {
            has_shape = true;
            status = read_shape(r, i, member, in);
        } else if (weir_codec_json_string_eq(name, WEIR_STR("datatype"))) {
            has_datatype = true;
            status = read_datatype(r, i, member, in);
        } else if (weir_codec_json_string_eq(name, WEIR_STR("parameters"))) {
            status = check_tensor_parameters(r, "inputs", i, member);
        }
        if (status != WEIR_OK)
            return status;
    }
    if (!name_value || !has_shape || !has_datatype || !in->data)
        return fail_at(r, "inputs", i,
                       !name_value     ? "name"
                       : !has_shape    ? "shape"
                       : !has_datatype ? "datatype"
                                       : "data",
                       "missing");
    if (!is_kind(name_value, WEIR_CODEC_JSON_STRING))
        return fail_kind_at(r, "inputs", i, "name", "a text", name_value);
    if (!is_kind(in->data, WEIR_CODEC_JSON_ARRAY))
        return fail_kind_at(r, "inputs", i, "data", "a list", in->data);
    in->name = weir_codec_json_string(name_value);
    return WEIR_OK;
}

/* Fails because of a shape; n_columns 0: a column by itself was expected. */
static enum weir_status fail_shape(const struct request *r, size_t i, const struct input *in,
                                   size_t n_columns)
{
    char text[WEIR_ERROR_MSG_BYTES];
    size_t n = 0;
    if (n_columns > 0)
        n = (size_t)snprintf(text, sizeof text, "expected [n, %zu], got [", n_columns);
    else
        n = (size_t)snprintf(text, sizeof text, "expected [n] or [n, 1], got [");
    for (size_t k = 0; k < in->n_dims && n < sizeof text; k++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%llu", k ? ", " : "",
                              (unsigned long long)in->dims[k]);
    if (n < sizeof text)
        (void)snprintf(text + n, sizeof text - n, "]");
    return fail_at(r, "inputs", i, "shape", text);
}

/* Checks what all inputs have in common: a number of rows that the data can fill. */
static enum weir_status check_rows(const struct request *r, size_t i, const struct input *in)
{
    if (in->dims[0] == 0)
        return fail_at(r, "inputs", i, "shape", "no rows");
    if (in->n_elements > r->json->n_values)
        return weir_error_set(r->err, WEIR_ERR_INVALID,
                              "inputs[%zu].data: fewer than the %llu values of the shape", i,
                              (unsigned long long)in->n_elements);
    return WEIR_OK;
}

/* Writes the leaves of one input. column: where a single column goes; SIZE_MAX: all columns. */
static bool fill_input(struct weir_protocol_fill *fill, const struct input *in, size_t column)
{
    const struct weir_codec_json *json = &fill->decoder->json;
    size_t n_columns = column == SIZE_MAX ? fill->spec->n_features : 1;
    size_t stride = column == SIZE_MAX ? fill->span.column_stride : fill->span.row_stride;
    bool is_whole = in->dtype != WEIR_F32 && in->dtype != WEIR_F64;
    fill->takes_bools = in->dtype == WEIR_BOOL;
    weir_protocol_fill_choose(fill, in->dtype);
    size_t depth = 1;
    uint64_t i = 0;
    const char *at = weir_codec_json_rows_first(in->data);
    while (depth > 0) {
        if (*at == '[') {
            depth++;
            at = weir_codec_json_rows_first(at);
            continue;
        }
        if (*at == ']') {
            if (--depth > 0)
                at = weir_codec_json_rows_after(at + 1);
            continue;
        }
        if (i == in->n_elements)
            break;
        size_t row = (size_t)(i / n_columns);
        size_t c = column == SIZE_MAX ? (size_t)(i % n_columns) : column;
        size_t n = 0;
        if (!is_whole) {
            size_t n_run = column == SIZE_MAX ? n_columns - c : (size_t)(in->n_elements - i);
            void *to = (char *)fill->span.base + row * fill->span.row_stride +
                       c * fill->span.column_stride;
            at = weir_codec_json_rows_read(json, at, fill->element, to, stride, n_run, &n);
            i += n;
        }
        if (n == 0) {
            at = is_whole ? weir_protocol_fill_whole(fill, at, row, c)
                          : weir_protocol_fill_cell(fill, at, row, c);
            i++;
        }
        if (!at)
            return false;
    }
    if (depth > 0 || i < in->n_elements) {
        (void)weir_error_set(fill->err, WEIR_ERR_INVALID,
                             "inputs[%zu].data: %s than the %llu values of the shape", fill->input,
                             depth > 0 ? "more" : "fewer", (unsigned long long)in->n_elements);
        return false;
    }
    return true;
}

/* Reserves rows of the call's request type. */
static enum weir_status reserve(const struct request *r, struct weir_sink *sink, uint64_t n_rows,
                                struct weir_protocol_fill *fill)
{
    enum weir_status status =
        weir_protocol_check_size(r->decoder, r->spec, r->call, n_rows, r->err);
    if (status != WEIR_OK)
        return status;
    r->call->n_rows = (uint32_t)n_rows;
    struct weir_sink_want want = {
        .n_rows = r->call->n_rows,
        .n_columns = r->spec->n_features,
        .dtype = weir_spec_batch_dtype(r->spec, r->call->request_dtype),
        .costly = weir_protocol_costly(r->spec, r->call->wanted),
    };
    return weir_sink_reserve(sink, &want, &fill->span, r->err);
}

static enum weir_status decode_matrix(const struct request *r, const char *value,
                                      struct weir_sink *sink, struct weir_protocol_fill *fill)
{
    struct input in;
    size_t n_features = r->spec->n_features;
    enum weir_status status = read_input(r, 0, value, &in);
    if (status != WEIR_OK)
        return status;
    bool is_column = n_features == 1 && in.n_dims == 1;
    if (!is_column && (in.n_dims != 2 || in.dims[1] != n_features))
        return fail_shape(r, 0, &in, n_features);
    status = check_rows(r, 0, &in);
    if (status != WEIR_OK)
        return status;
    r->call->request_dtype = in.dtype == WEIR_F32 ? WEIR_F32 : WEIR_F64;
    status = reserve(r, sink, in.dims[0], fill);
    if (status != WEIR_OK)
        return status;
    fill->input = 0;
    if (!fill_input(fill, &in, SIZE_MAX)) {
        weir_sink_rollback(sink);
        return WEIR_ERR_INVALID;
    }
    weir_sink_commit(sink, r->call->wanted);
    return WEIR_OK;
}

/* Finds the column that an input's name means; each may be given once in a round. */
static enum weir_status find_column(const struct request *r, size_t i, const struct input *in,
                                    size_t *column)
{
    int64_t found = weir_protocol_columns_find(r->decoder, r->spec, in->name, i);
    if (found == WEIR_PROTOCOL_COLUMN_NO_MEMORY)
        return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    if (found == WEIR_PROTOCOL_COLUMN_NONE) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_error_set(r->err, WEIR_ERR_INVALID,
                              "inputs[%zu].name: the model has no feature \"%s\"", i,
                              weir_str_echo(in->name, echo, sizeof echo));
    }
    *column = (size_t)found;
    return WEIR_OK;
}

/* Reads all heads: equal numbers of rows, every feature exactly once. */
static enum weir_status check_columns(const struct request *r, uint64_t *n_rows)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, r->inputs);
    const char *value;
    size_t column;
    bool is_f32 = true;
    for (size_t i = 0; weir_codec_json_next(&it, &value); i++) {
        struct input in;
        enum weir_status status = read_input(r, i, value, &in);
        if (status == WEIR_OK)
            status = find_column(r, i, &in, &column);
        if (status != WEIR_OK)
            return status;
        if (!weir_protocol_columns_mark(r->decoder, column, 1))
            return fail_at(r, "inputs", i, "name", "this feature is there twice");
        if (in.n_dims == 0 || in.n_dims > 2 || (in.n_dims == 2 && in.dims[1] != 1))
            return fail_shape(r, i, &in, 0);
        status = check_rows(r, i, &in);
        if (status != WEIR_OK)
            return status;
        if (i > 0 && in.dims[0] != *n_rows)
            return fail_at(r, "inputs", i, "shape", "not as many rows as inputs[0]");
        *n_rows = in.dims[0];
        is_f32 = is_f32 && in.dtype == WEIR_F32;
    }
    column = weir_protocol_columns_missing(r->decoder, r->spec, 1);
    if (column != SIZE_MAX) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_error_set(r->err, WEIR_ERR_INVALID, "inputs: column \"%s\" is missing",
                              weir_str_echo(r->spec->feature_names[column], echo, sizeof echo));
    }
    r->call->request_dtype = is_f32 ? WEIR_F32 : WEIR_F64;
    return WEIR_OK;
}

static enum weir_status decode_columns(const struct request *r, struct weir_sink *sink,
                                       struct weir_protocol_fill *fill)
{
    if (!r->spec->feature_names)
        return weir_error_set(r->err, WEIR_ERR_INVALID,
                              "inputs: expected one of shape [n, %zu]; this model was fitted "
                              "without feature names",
                              r->spec->n_features);
    enum weir_status status = weir_protocol_columns_start(r->decoder, r->spec, r->err);
    uint64_t n_rows = 0;
    if (status == WEIR_OK)
        status = check_columns(r, &n_rows);
    if (status == WEIR_OK)
        status = reserve(r, sink, n_rows, fill);
    if (status != WEIR_OK)
        return status;
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, r->inputs);
    const char *value;
    for (size_t i = 0; weir_codec_json_next(&it, &value); i++) {
        struct input in;
        size_t column = 0;
        status = read_input(r, i, value, &in);
        if (status == WEIR_OK)
            status = find_column(r, i, &in, &column);
        fill->input = i;
        if (status == WEIR_OK && !fill_input(fill, &in, column))
            status = WEIR_ERR_INVALID;
        if (status != WEIR_OK) {
            weir_sink_rollback(sink);
            return status;
        }
    }
    weir_sink_commit(sink, r->call->wanted);
    return WEIR_OK;
}

static enum weir_status decode_inputs(const struct request *r, struct weir_sink *sink)
{
    struct weir_protocol_fill fill = {.decoder = r->decoder, .spec = r->spec, .err = r->err};
    if (!r->inputs)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "\"inputs\" is missing");
    if (!is_kind(r->inputs, WEIR_CODEC_JSON_ARRAY))
        return fail_kind(r, "inputs", "a list", r->inputs);
    size_t n = weir_codec_json_count(r->json, r->inputs);
    if (n == 0)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "inputs: none");
    return n == 1 ? decode_matrix(r, weir_codec_json_rows_first(r->inputs), sink, &fill)
                  : decode_columns(r, sink, &fill);
}

enum weir_status weir_protocol_v2_decode(struct weir_protocol_decoder *decoder,
                                         const struct weir_spec *spec, struct weir_str body,
                                         struct weir_sink *sink, struct weir_protocol_call *call,
                                         struct weir_error *err)
{
    weir_assert(decoder);
    weir_assert(spec);
    weir_assert(sink);
    weir_assert(call);
    /* Not the whole struct: the id's bytes are only read up to id_bytes. */
    memset(call, 0, offsetof(struct weir_protocol_call, id));
    call->dialect = WEIR_PROTOCOL_V2;
    if (spec->form != WEIR_INPUT_MATRIX)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "the model does not take rows of numbers");
    decoder->json.limits = decoder->limits.json;
    decoder->json.limits.allows_nonfinite = true;
    enum weir_status status = weir_codec_json_scan(&decoder->json, body, err);
    if (status != WEIR_OK)
        return status;
    struct request r = {
        .decoder = decoder, .json = &decoder->json, .spec = spec, .call = call, .err = err};
    if (!is_kind(r.json->root, WEIR_CODEC_JSON_OBJECT))
        return weir_error_set(err, WEIR_ERR_INVALID, "expected an object with \"inputs\", got %s",
                              weir_codec_json_kind_text(weir_codec_json_kind(r.json->root)));
    status = read_members(&r);
    if (status == WEIR_OK)
        status = read_outputs(&r);
    if (status == WEIR_OK)
        status = decode_inputs(&r, sink);
    return status;
}

/* SPDX-License-Identifier: MIT */
/* Requests of the Open Inference Protocol v2, in JSON: what is asked, and the heads of the inputs.
 *
 * Members come in any order (clients put "parameters" last), so all heads are read before any
 * element. */
#include "protocol/v2/v2_priv.h"

#include <stdio.h>
#include <string.h>

enum weir_status weir_protocol_v2_request_fail_at(const struct weir_protocol_v2_request *r,
                                                  const char *list, size_t i, const char *member,
                                                  const char *what)
{
    return weir_error_set(r->err, WEIR_ERR_INVALID, "%s[%zu]%s%s: %s", list, i, *member ? "." : "",
                          member, what);
}

static enum weir_status fail_kind_at(const struct weir_protocol_v2_request *r, const char *list,
                                     size_t i, const char *member, const char *expected,
                                     const char *value)
{
    char echo[WEIR_CODEC_JSON_ECHO_BYTES];
    char what[WEIR_ERROR_MSG_BYTES];
    (void)snprintf(what, sizeof what, "expected %s, got %s", expected,
                   weir_codec_json_echo(r->json, value, echo, sizeof echo));
    return weir_protocol_v2_request_fail_at(r, list, i, member, what);
}

enum weir_status weir_protocol_v2_request_fail_kind(const struct weir_protocol_v2_request *r,
                                                    const char *member, const char *expected,
                                                    const char *value)
{
    char echo[WEIR_CODEC_JSON_ECHO_BYTES];
    return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: expected %s, got %s", member, expected,
                          weir_codec_json_echo(r->json, value, echo, sizeof echo));
}

static enum weir_status read_id(const struct weir_protocol_v2_request *r, const char *value)
{
    if (!weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_STRING))
        return weir_protocol_v2_request_fail_kind(r, "id", "a text", value);
    struct weir_str id = weir_codec_json_string(value);
    if (id.n > sizeof r->call->id)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "id: more than %zu bytes",
                              sizeof r->call->id);
    memcpy(r->call->id, id.at, id.n);
    r->call->id_bytes = (uint16_t)id.n;
    return WEIR_OK;
}

static enum weir_status read_count(const struct weir_protocol_v2_request *r, const char *member,
                                   const char *value, uint64_t *out)
{
    if (!weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_NUMBER) ||
        weir_codec_number_read_u64(weir_codec_json_token(value, r->json->end), out) !=
            WEIR_CODEC_NUMBER_INT_OK)
        return weir_protocol_v2_request_fail_kind(r, member, "a whole number from 0", value);
    return WEIR_OK;
}

static enum weir_status read_timeout(const struct weir_protocol_v2_request *r, const char *value)
{
    uint64_t us;
    enum weir_status status = read_count(r, "parameters.timeout", value, &us);
    if (status != WEIR_OK)
        return status;
    if (__builtin_mul_overflow(us, (uint64_t)1000, &r->call->timeout_ns))
        r->call->timeout_ns = UINT64_MAX;
    return WEIR_OK;
}

/* Reads one member of the request's parameters; unknown ones are ignored. */
static enum weir_status read_parameter(const struct weir_protocol_v2_request *r,
                                       struct weir_str name, const char *value)
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
            return weir_protocol_v2_request_fail_kind(r, "parameters.binary_data_output",
                                                      "true or false", value);
    }
    return WEIR_OK;
}

static enum weir_status read_parameters(const struct weir_protocol_v2_request *r, const char *value)
{
    if (!weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_OBJECT))
        return weir_protocol_v2_request_fail_kind(r, "parameters", "an object", value);
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

enum weir_status weir_protocol_v2_request_members(struct weir_protocol_v2_request *r)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, r->json->root);
    struct weir_str name;
    const char *value;
    while (weir_codec_json_next_member(&it, &name, &value)) {
        enum weir_status status = WEIR_OK;
        bool is_null = weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_NULL);
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
static enum weir_status check_tensor_parameters(const struct weir_protocol_v2_request *r,
                                                const char *list, size_t i, const char *value)
{
    if (weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_NULL))
        return WEIR_OK;
    if (!weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_OBJECT))
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

/* Adds the output of a name as written in JSON; false: the model has none of this name. */
static bool add_output(const struct weir_protocol_v2_request *r, struct weir_str written)
{
    const struct weir_spec *spec = r->spec;
    if (spec->tensors) {
        for (size_t i = 0; i < spec->tensors->n_outputs; i++) {
            if (weir_codec_json_string_eq(written, weir_str_c(spec->tensors->outputs[i].name))) {
                r->call->tensors |= UINT64_C(1) << i;
                return true;
            }
        }
        return false;
    }
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++) {
        const struct weir_spec_output *o = &spec->outputs[i];
        bool is_alias = o->alias.n > 0 && weir_codec_json_string_eq(written, o->alias);
        if (!o->is_given ||
            (!is_alias && !weir_str_eq_c(written, weir_output_name((enum weir_output)i))))
            continue;
        weir_protocol_add_output(r->call, (enum weir_output)i);
        if (is_alias)
            r->call->by_alias |= 1u << i;
        return true;
    }
    return false;
}

static enum weir_status read_output(const struct weir_protocol_v2_request *r, size_t i,
                                    const char *value)
{
    if (!weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_OBJECT))
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
        return weir_protocol_v2_request_fail_at(r, "outputs", i, "name", "missing");
    if (!weir_protocol_v2_is_kind(wanted, WEIR_CODEC_JSON_STRING))
        return fail_kind_at(r, "outputs", i, "name", "a text", wanted);
    struct weir_str written = weir_codec_json_string(wanted);
    if (!add_output(r, written)) {
        char place[48];
        (void)snprintf(place, sizeof place, "outputs[%zu].name", i);
        return weir_protocol_no_output(r->spec, weir_str_c(place), written, r->err);
    }
    return WEIR_OK;
}

enum weir_status weir_protocol_v2_request_outputs(const struct weir_protocol_v2_request *r)
{
    if (r->outputs) {
        if (!weir_protocol_v2_is_kind(r->outputs, WEIR_CODEC_JSON_ARRAY))
            return weir_protocol_v2_request_fail_kind(r, "outputs", "a list", r->outputs);
        struct weir_codec_json_iter it = weir_codec_json_iter(r->json, r->outputs);
        const char *value;
        for (size_t i = 0; weir_codec_json_next(&it, &value); i++) {
            enum weir_status status = read_output(r, i, value);
            if (status != WEIR_OK)
                return status;
        }
    }
    if (r->call->n_outputs == 0 && r->call->tensors == 0)
        weir_protocol_add_defaults(r->call, r->spec);
    return WEIR_OK;
}

static enum weir_status read_shape(const struct weir_protocol_v2_request *r, size_t i,
                                   const char *value, struct weir_protocol_v2_input *in)
{
    if (!weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_ARRAY))
        return fail_kind_at(r, "inputs", i, "shape", "a list", value);
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, value);
    const char *dim;
    in->n_elements = 1;
    for (in->n_dims = 0; weir_codec_json_next(&it, &dim); in->n_dims++) {
        if (in->n_dims == WEIR_TENSOR_DIMS_MAX)
            return weir_protocol_v2_request_fail_at(r, "inputs", i, "shape",
                                                    "more than 8 dimensions");
        uint64_t n;
        if (!weir_str_to_u64(weir_codec_json_token(dim, r->json->end), UINT64_MAX, &n))
            return fail_kind_at(r, "inputs", i, "shape", "whole numbers from 0", dim);
        in->dims[in->n_dims] = n;
        if (__builtin_mul_overflow(in->n_elements, n, &in->n_elements) ||
            in->n_elements > INT64_MAX / 8)
            return weir_protocol_v2_request_fail_at(r, "inputs", i, "shape",
                                                    "the product is too large");
    }
    return WEIR_OK;
}

static enum weir_status read_datatype(const struct weir_protocol_v2_request *r, size_t i,
                                      const char *value, struct weir_protocol_v2_input *in)
{
    if (!weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_STRING))
        return fail_kind_at(r, "inputs", i, "datatype", "a text", value);
    if (!weir_dtype_find(weir_codec_json_string(value), &in->dtype))
        return fail_kind_at(r, "inputs", i, "datatype", "one like \"FP64\"", value);
    return WEIR_OK;
}

enum weir_status weir_protocol_v2_request_input(const struct weir_protocol_v2_request *r, size_t i,
                                                const char *value,
                                                struct weir_protocol_v2_input *in)
{
    if (!weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_OBJECT))
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
        return weir_protocol_v2_request_fail_at(r, "inputs", i,
                                                !name_value     ? "name"
                                                : !has_shape    ? "shape"
                                                : !has_datatype ? "datatype"
                                                                : "data",
                                                "missing");
    if (!weir_protocol_v2_is_kind(name_value, WEIR_CODEC_JSON_STRING))
        return fail_kind_at(r, "inputs", i, "name", "a text", name_value);
    if (!weir_protocol_v2_is_kind(in->data, WEIR_CODEC_JSON_ARRAY))
        return fail_kind_at(r, "inputs", i, "data", "a list", in->data);
    in->name = weir_codec_json_string(name_value);
    return WEIR_OK;
}

enum weir_status weir_protocol_v2_request_check_count(const struct weir_protocol_v2_request *r,
                                                      size_t i,
                                                      const struct weir_protocol_v2_input *in)
{
    if (in->n_elements > r->json->n_values)
        return weir_error_set(r->err, WEIR_ERR_INVALID,
                              "inputs[%zu].data: fewer than the %llu values of the shape", i,
                              (unsigned long long)in->n_elements);
    return WEIR_OK;
}

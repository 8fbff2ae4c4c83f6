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

enum weir_status weir_protocol_v2_request_fail_kind_at(const struct weir_protocol_v2_request *r,
                                                       const char *list, size_t i,
                                                       const char *member, const char *expected,
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
            status = weir_protocol_v2_parameters_read(r, value);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

static enum weir_status read_shape(const struct weir_protocol_v2_request *r, size_t i,
                                   const char *value, struct weir_protocol_v2_input *in)
{
    if (!weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_ARRAY))
        return weir_protocol_v2_request_fail_kind_at(r, "inputs", i, "shape", "a list", value);
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, value);
    const char *dim;
    in->n_elements = 1;
    for (in->n_dims = 0; weir_codec_json_next(&it, &dim); in->n_dims++) {
        if (in->n_dims == WEIR_TENSOR_DIMS_MAX)
            return weir_protocol_v2_request_fail_at(r, "inputs", i, "shape",
                                                    "more than 8 dimensions");
        uint64_t n;
        if (!weir_str_to_u64(weir_codec_json_token(dim, r->json->end), UINT64_MAX, &n))
            return weir_protocol_v2_request_fail_kind_at(r, "inputs", i, "shape",
                                                         "whole numbers from 0", dim);
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
        return weir_protocol_v2_request_fail_kind_at(r, "inputs", i, "datatype", "a text", value);
    if (!weir_dtype_find(weir_codec_json_string(value), &in->dtype))
        return weir_protocol_v2_request_fail_kind_at(r, "inputs", i, "datatype",
                                                     "one like \"FP64\"", value);
    return WEIR_OK;
}

/* Takes the n binary elements' bytes of input i. */
static enum weir_status take_raw(const struct weir_protocol_v2_request *r, size_t i, uint64_t n,
                                 struct weir_protocol_v2_input *in)
{
    if (in->data)
        return weir_protocol_v2_request_fail_at(r, "inputs", i, "data",
                                                "not beside parameters.binary_data_size");
    if (!r->is_binary)
        return weir_protocol_v2_request_fail_at(
            r, "inputs", i, "parameters.binary_data_size",
            "Inference-Header-Content-Length is missing, which says where the JSON ends");
    if (n > r->rest->n)
        return weir_error_set(
            r->err, WEIR_ERR_INVALID,
            "inputs[%zu].parameters.binary_data_size: %llu bytes, where %zu of the body are left",
            i, (unsigned long long)n, r->rest->n);
    in->raw = weir_str_make(r->rest->at, (size_t)n);
    *r->rest = weir_str_make(r->rest->at + n, r->rest->n - (size_t)n);
    return WEIR_OK;
}

enum weir_status weir_protocol_v2_request_input(const struct weir_protocol_v2_request *r, size_t i,
                                                const char *value,
                                                struct weir_protocol_v2_input *in)
{
    if (!weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_OBJECT))
        return weir_protocol_v2_request_fail_kind_at(r, "inputs", i, "", "an object", value);
    memset(in, 0, sizeof *in);
    const char *name_value = NULL;
    struct weir_protocol_v2_parameters parameters = {.has_size = false};
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
            status = weir_protocol_v2_parameters_of_tensor(r, "inputs", i, member, &parameters);
        }
        if (status != WEIR_OK)
            return status;
    }
    if (!name_value || !has_shape || !has_datatype || (!in->data && !parameters.has_size))
        return weir_protocol_v2_request_fail_at(r, "inputs", i,
                                                !name_value     ? "name"
                                                : !has_shape    ? "shape"
                                                : !has_datatype ? "datatype"
                                                                : "data",
                                                "missing");
    if (!weir_protocol_v2_is_kind(name_value, WEIR_CODEC_JSON_STRING))
        return weir_protocol_v2_request_fail_kind_at(r, "inputs", i, "name", "a text", name_value);
    in->name = weir_codec_json_string(name_value);
    if (parameters.has_size)
        return take_raw(r, i, parameters.size, in);
    if (!weir_protocol_v2_is_kind(in->data, WEIR_CODEC_JSON_ARRAY))
        return weir_protocol_v2_request_fail_kind_at(r, "inputs", i, "data", "a list", in->data);
    return WEIR_OK;
}

enum weir_status weir_protocol_v2_request_check_count(const struct weir_protocol_v2_request *r,
                                                      size_t i,
                                                      const struct weir_protocol_v2_input *in,
                                                      size_t *text_bytes)
{
    char place[WEIR_PROTOCOL_V2_PLACE_BYTES];
    if (!in->data) {
        struct weir_protocol_raw raw = weir_protocol_v2_request_raw(in, i, place);
        return weir_protocol_raw_check(&raw, text_bytes, r->err);
    }
    if (in->n_elements > r->json->n_values)
        return weir_error_set(r->err, WEIR_ERR_INVALID,
                              "inputs[%zu].data: fewer than the %llu values of the shape", i,
                              (unsigned long long)in->n_elements);
    return WEIR_OK;
}

enum weir_status weir_protocol_v2_request_check_rest(const struct weir_protocol_v2_request *r)
{
    if (r->rest->n > 0)
        return weir_error_set(r->err, WEIR_ERR_INVALID,
                              "%zu bytes are left of the body behind the binary tensors",
                              r->rest->n);
    return WEIR_OK;
}

struct weir_protocol_raw weir_protocol_v2_request_raw(const struct weir_protocol_v2_input *in,
                                                      size_t i,
                                                      char place[WEIR_PROTOCOL_V2_PLACE_BYTES])
{
    (void)snprintf(place, WEIR_PROTOCOL_V2_PLACE_BYTES, "inputs[%zu].data", i);
    return (struct weir_protocol_raw){.bytes = in->raw,
                                      .dtype = in->dtype,
                                      .is_bare = in->is_bare,
                                      .n_items = in->n_elements,
                                      .place = place};
}

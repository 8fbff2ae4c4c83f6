/* SPDX-License-Identifier: MIT */
/* The parameters of v2 requests, and of their inputs and outputs. Unknown ones are ignored. */
#include "protocol/v2/v2_priv.h"

#include <stdio.h>

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

static enum weir_status read_flag(const struct weir_protocol_v2_request *r, const char *member,
                                  const char *value, bool *out)
{
    enum weir_codec_json_kind kind = weir_codec_json_kind(value);
    if (kind != WEIR_CODEC_JSON_TRUE && kind != WEIR_CODEC_JSON_FALSE)
        return weir_protocol_v2_request_fail_kind(r, member, "true or false", value);
    *out = kind == WEIR_CODEC_JSON_TRUE;
    return WEIR_OK;
}

/* The requests of a sequence are answered like any others: no model keeps a state. */
static enum weir_status check_sequence(const struct weir_protocol_v2_request *r,
                                       struct weir_str name, const char *value)
{
    uint64_t n;
    bool flag;
    if (weir_codec_json_string_eq(name, WEIR_STR("sequence_start")))
        return read_flag(r, "parameters.sequence_start", value, &flag);
    if (weir_codec_json_string_eq(name, WEIR_STR("sequence_end")))
        return read_flag(r, "parameters.sequence_end", value, &flag);
    if (weir_codec_json_string_eq(name, WEIR_STR("sequence_id")) &&
        !weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_STRING))
        return read_count(r, "parameters.sequence_id", value, &n);
    return WEIR_OK;
}

static enum weir_status read_one(struct weir_protocol_v2_request *r, struct weir_str name,
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
    if (weir_codec_json_string_eq(name, WEIR_STR("binary_data_output")))
        return read_flag(r, "parameters.binary_data_output", value, &r->wants_binary);
    return check_sequence(r, name, value);
}

enum weir_status weir_protocol_v2_parameters_read(struct weir_protocol_v2_request *r,
                                                  const char *value)
{
    if (!weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_OBJECT))
        return weir_protocol_v2_request_fail_kind(r, "parameters", "an object", value);
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, value);
    struct weir_str name;
    const char *member;
    while (weir_codec_json_next_member(&it, &name, &member)) {
        enum weir_status status = read_one(r, name, member);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* Reads a parameter of a tensor; place: "inputs[0]". */
static enum weir_status read_of_tensor(const struct weir_protocol_v2_request *r, const char *place,
                                       struct weir_str name, const char *value,
                                       struct weir_protocol_v2_parameters *out)
{
    char member[2 * WEIR_PROTOCOL_V2_PLACE_BYTES];
    (void)snprintf(member, sizeof member, "%s.parameters.%.*s", place,
                   (int)weir_min_size(name.n, 32), name.at);
    if (weir_codec_json_string_eq(name, WEIR_STR("binary_data_size"))) {
        out->has_size = true;
        return read_count(r, member, value, &out->size);
    }
    if (weir_codec_json_string_eq(name, WEIR_STR("binary_data"))) {
        out->has_binary = true;
        return read_flag(r, member, value, &out->is_binary);
    }
    if (weir_codec_json_string_eq(name, WEIR_STR("classification"))) {
        out->has_k = true;
        return read_count(r, member, value, &out->k);
    }
    if (weir_codec_json_string_eq(name, WEIR_STR("shared_memory_region")))
        return weir_error_set(r->err, WEIR_ERR_UNSUPPORTED, "%s: shared memory is not served",
                              member);
    return WEIR_OK;
}

enum weir_status weir_protocol_v2_parameters_of_tensor(const struct weir_protocol_v2_request *r,
                                                       const char *list, size_t i,
                                                       const char *value,
                                                       struct weir_protocol_v2_parameters *out)
{
    char place[WEIR_PROTOCOL_V2_PLACE_BYTES];
    if (weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_NULL))
        return WEIR_OK;
    if (!weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_OBJECT))
        return weir_protocol_v2_request_fail_kind_at(r, list, i, "parameters", "an object", value);
    (void)snprintf(place, sizeof place, "%s[%zu]", list, i);
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, value);
    struct weir_str name;
    const char *member;
    while (weir_codec_json_next_member(&it, &name, &member)) {
        enum weir_status status = read_of_tensor(r, place, name, member, out);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

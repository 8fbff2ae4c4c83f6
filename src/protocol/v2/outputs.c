/* SPDX-License-Identifier: MIT */
/* Which outputs a v2 request asks for, and in which form. */
#include "protocol/topk.h"
#include "protocol/v2/v2_priv.h"

#include <stdio.h>

/* Adds the output of a name as written in JSON; *output: which it is; false: the model has none of
 * this name. */
static bool add_output(const struct weir_protocol_v2_request *r, struct weir_str written,
                       size_t *output)
{
    const struct weir_spec *spec = r->spec;
    if (spec->tensors) {
        for (size_t i = 0; i < spec->tensors->n_outputs; i++) {
            if (weir_codec_json_string_eq(written, weir_str_c(spec->tensors->outputs[i].name))) {
                weir_protocol_add_tensor(r->call, i);
                *output = i;
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
        *output = i;
        return true;
    }
    return false;
}

/* Notes how an output is to be answered. */
static enum weir_status choose_form(const struct weir_protocol_v2_request *r, size_t i,
                                    size_t output,
                                    const struct weir_protocol_v2_parameters *parameters)
{
    bool is_binary = parameters->has_binary ? parameters->is_binary : r->wants_binary;
    if (is_binary && r->spec->tensors)
        r->call->binary_tensors |= UINT64_C(1) << output;
    else if (is_binary)
        r->call->binary |= 1u << output;
    if (!parameters->has_k)
        return WEIR_OK;
    enum weir_status status =
        weir_protocol_topk_add(r->call, r->spec, output, parameters->k, r->err);
    if (status != WEIR_OK)
        (void)weir_error_prefix(r->err, "outputs[%zu].parameters", i);
    return status;
}

static enum weir_status read_output(const struct weir_protocol_v2_request *r, size_t i,
                                    const char *value)
{
    if (!weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_OBJECT))
        return weir_protocol_v2_request_fail_kind_at(r, "outputs", i, "", "an object", value);
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, value);
    struct weir_str name;
    const char *member;
    const char *wanted = NULL;
    struct weir_protocol_v2_parameters parameters = {.has_size = false};
    size_t output = 0;
    while (weir_codec_json_next_member(&it, &name, &member)) {
        if (weir_codec_json_string_eq(name, WEIR_STR("name"))) {
            wanted = member;
        } else if (weir_codec_json_string_eq(name, WEIR_STR("parameters"))) {
            enum weir_status status =
                weir_protocol_v2_parameters_of_tensor(r, "outputs", i, member, &parameters);
            if (status != WEIR_OK)
                return status;
        }
    }
    if (!wanted)
        return weir_protocol_v2_request_fail_at(r, "outputs", i, "name", "missing");
    if (!weir_protocol_v2_is_kind(wanted, WEIR_CODEC_JSON_STRING))
        return weir_protocol_v2_request_fail_kind_at(r, "outputs", i, "name", "a text", wanted);
    struct weir_str written = weir_codec_json_string(wanted);
    if (!add_output(r, written, &output)) {
        char place[WEIR_PROTOCOL_V2_PLACE_BYTES];
        (void)snprintf(place, sizeof place, "outputs[%zu].name", i);
        return weir_protocol_no_output(r->spec, weir_str_c(place), written, r->err);
    }
    return choose_form(r, i, output, &parameters);
}

enum weir_status weir_protocol_v2_outputs_read(const struct weir_protocol_v2_request *r)
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
    if (r->call->n_outputs > 0 || r->call->tensors != 0)
        return WEIR_OK;
    weir_protocol_add_defaults(r->call, r->spec);
    if (r->wants_binary) {
        r->call->binary = r->call->wanted;
        r->call->binary_tensors = r->call->tensors;
    }
    return WEIR_OK;
}

/* SPDX-License-Identifier: MIT */
/* Requests of the Open Inference Protocol v2: JSON, or JSON with binary tensors behind it, or the
 * elements of one tensor alone. */
#include "protocol/v2/v2.h"
#include "protocol/v2/v2_priv.h"

#include <string.h>

static enum weir_status decode_inputs(struct weir_protocol_v2_request *r, struct weir_sink *sink)
{
    struct weir_str rest = r->tail;
    r->rest = &rest;
    if (!r->inputs)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "\"inputs\" is missing");
    if (!weir_protocol_v2_is_kind(r->inputs, WEIR_CODEC_JSON_ARRAY))
        return weir_protocol_v2_request_fail_kind(r, "inputs", "a list", r->inputs);
    if (weir_codec_json_count(r->json, r->inputs) == 0)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "inputs: none");
    return r->spec->tensors ? weir_protocol_v2_tensors_decode(r, NULL, sink)
                            : weir_protocol_v2_rows_decode(r, NULL, sink);
}

/* Reads the JSON, whose end is known. */
static enum weir_status decode_json(struct weir_protocol_v2_request *r, struct weir_str text,
                                    struct weir_sink *sink)
{
    struct weir_codec_json *json = &r->decoder->json;
    json->limits = r->decoder->limits.json;
    json->limits.allows_nonfinite = true;
    enum weir_status status = weir_codec_json_scan(json, text, r->err);
    if (status != WEIR_OK)
        return status;
    if (!weir_protocol_v2_is_kind(json->root, WEIR_CODEC_JSON_OBJECT))
        return weir_error_set(r->err, WEIR_ERR_INVALID,
                              "expected an object with \"inputs\", got %s",
                              weir_codec_json_kind_text(weir_codec_json_kind(json->root)));
    status = weir_protocol_v2_request_members(r);
    if (status == WEIR_OK)
        status = weir_protocol_v2_outputs_read(r);
    return status == WEIR_OK ? decode_inputs(r, sink) : status;
}

/* Reads a body that is nothing but the elements of the one input. */
static enum weir_status decode_bare(struct weir_protocol_v2_request *r, struct weir_str body,
                                    struct weir_sink *sink)
{
    struct weir_protocol_v2_input in;
    r->wants_binary = true;
    enum weir_status status = weir_protocol_v2_outputs_read(r);
    if (status == WEIR_OK)
        status = weir_protocol_v2_bare_input(r->spec, body, &in, r->err);
    if (status != WEIR_OK)
        return status;
    return r->spec->tensors ? weir_protocol_v2_tensors_decode(r, &in, sink)
                            : weir_protocol_v2_rows_decode(r, &in, sink);
}

enum weir_status weir_protocol_v2_decode_parts(struct weir_protocol_decoder *decoder,
                                               const struct weir_spec *spec, struct weir_str body,
                                               uint64_t json_bytes, struct weir_sink *sink,
                                               struct weir_protocol_call *call,
                                               struct weir_error *err)
{
    weir_assert(decoder);
    weir_assert(spec);
    weir_assert(sink);
    weir_assert(call);
    /* Not the whole struct: the id's bytes are only read up to id_bytes. */
    memset(call, 0, offsetof(struct weir_protocol_call, id));
    call->dialect = WEIR_PROTOCOL_V2;
    struct weir_protocol_v2_request r = {
        .decoder = decoder, .json = &decoder->json, .spec = spec, .call = call, .err = err};
    if (json_bytes == UINT64_MAX)
        return decode_json(&r, body, sink);
    if (json_bytes == 0)
        return decode_bare(&r, body, sink);
    if (json_bytes > body.n)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "Inference-Header-Content-Length: %llu, but the body has %zu bytes",
                              (unsigned long long)json_bytes, body.n);
    r.is_binary = true;
    r.tail = weir_str_make(body.at + json_bytes, body.n - (size_t)json_bytes);
    return decode_json(&r, weir_str_make(body.at, (size_t)json_bytes), sink);
}

enum weir_status weir_protocol_v2_decode(struct weir_protocol_decoder *decoder,
                                         const struct weir_spec *spec, struct weir_str body,
                                         struct weir_sink *sink, struct weir_protocol_call *call,
                                         struct weir_error *err)
{
    return weir_protocol_v2_decode_parts(decoder, spec, body, UINT64_MAX, sink, call, err);
}

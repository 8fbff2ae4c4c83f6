/* SPDX-License-Identifier: MIT */
/* Requests of the Open Inference Protocol v2, in JSON. */
#include "protocol/v2/v2.h"
#include "protocol/v2/v2_priv.h"

#include <string.h>

static enum weir_status decode_inputs(const struct weir_protocol_v2_request *r,
                                      struct weir_sink *sink)
{
    if (!r->inputs)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "\"inputs\" is missing");
    if (!weir_protocol_v2_is_kind(r->inputs, WEIR_CODEC_JSON_ARRAY))
        return weir_protocol_v2_request_fail_kind(r, "inputs", "a list", r->inputs);
    if (weir_codec_json_count(r->json, r->inputs) == 0)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "inputs: none");
    return r->spec->tensors ? weir_protocol_v2_tensors_decode(r, sink)
                            : weir_protocol_v2_rows_decode(r, sink);
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
    decoder->json.limits = decoder->limits.json;
    decoder->json.limits.allows_nonfinite = true;
    enum weir_status status = weir_codec_json_scan(&decoder->json, body, err);
    if (status != WEIR_OK)
        return status;
    struct weir_protocol_v2_request r = {
        .decoder = decoder, .json = &decoder->json, .spec = spec, .call = call, .err = err};
    if (!weir_protocol_v2_is_kind(r.json->root, WEIR_CODEC_JSON_OBJECT))
        return weir_error_set(err, WEIR_ERR_INVALID, "expected an object with \"inputs\", got %s",
                              weir_codec_json_kind_text(weir_codec_json_kind(r.json->root)));
    status = weir_protocol_v2_request_members(&r);
    if (status == WEIR_OK)
        status = weir_protocol_v2_request_outputs(&r);
    if (status == WEIR_OK)
        status = decode_inputs(&r, sink);
    return status;
}

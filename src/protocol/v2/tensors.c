/* SPDX-License-Identifier: MIT */
/* Inputs of v2 requests as the named tensors of a graph. */
#include "protocol/tensors_priv.h"
#include "protocol/v2/v2_priv.h"

#include <stdio.h>
#include <string.h>

/* Finds the input that the i-th tensor of the request is; the only one may have any name. */
static enum weir_status find_input(struct weir_protocol_tensors *t,
                                   const struct weir_protocol_v2_request *r, size_t i,
                                   const struct weir_protocol_v2_input *in, size_t *out)
{
    const struct weir_tensors_spec *spec = t->spec->tensors;
    if (weir_protocol_tensors_find(t, in->name, out))
        return WEIR_OK;
    *out = 0;
    if (spec->n_inputs == 1 && (!r->inputs || weir_codec_json_count(r->json, r->inputs) == 1))
        return WEIR_OK;
    char echo[WEIR_ECHO_BUF_BYTES];
    return weir_error_set(r->err, WEIR_ERR_INVALID,
                          "inputs[%zu].name: the model has no input \"%s\"", i,
                          weir_str_echo(in->name, echo, sizeof echo));
}

static enum weir_status check_datatype(const struct weir_protocol_v2_request *r, size_t i,
                                       const struct weir_protocol_v2_input *in,
                                       enum weir_dtype dtype)
{
    if ((in->dtype == WEIR_BYTES) == (dtype == WEIR_BYTES))
        return WEIR_OK;
    char what[64];
    (void)snprintf(what, sizeof what, "the model takes %s, not %s", weir_dtype_name(dtype),
                   weir_dtype_name(in->dtype));
    return weir_protocol_v2_request_fail_at(r, "inputs", i, "datatype", what);
}

/* Finds and checks what the i-th input is; *input: which of the model's inputs. */
static enum weir_status check_input(struct weir_protocol_tensors *t,
                                    const struct weir_protocol_v2_request *r, size_t i,
                                    const struct weir_protocol_v2_input *in, size_t *input,
                                    size_t *text_bytes)
{
    enum weir_status status = find_input(t, r, i, in, input);
    if (status == WEIR_OK)
        status = check_datatype(r, i, in, t->spec->tensors->inputs[*input].dtype);
    return status == WEIR_OK ? weir_protocol_v2_request_check_count(r, i, in, text_bytes) : status;
}

static void keep_shape(struct weir_protocol_tensors *t, const struct weir_protocol_v2_input *in,
                       size_t input)
{
    t->given |= UINT64_C(1) << input;
    t->shapes[input].n_dims = (uint32_t)in->n_dims;
    memcpy(t->shapes[input].dims, in->dims, in->n_dims * sizeof in->dims[0]);
}

/* Reads all heads. *raw: which inputs are binary; *raw_text_bytes: the room that their texts need.
 */
static enum weir_status read_shapes(struct weir_protocol_tensors *t,
                                    const struct weir_protocol_v2_request *r, uint64_t *raw,
                                    size_t *raw_text_bytes)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, r->inputs);
    const char *value;
    for (size_t i = 0; weir_codec_json_next(&it, &value); i++) {
        struct weir_protocol_v2_input in;
        size_t input = 0;
        enum weir_status status = weir_protocol_v2_request_input(r, i, value, &in);
        if (status == WEIR_OK)
            status = check_input(t, r, i, &in, &input, raw_text_bytes);
        if (status != WEIR_OK)
            return status;
        if (t->given & UINT64_C(1) << input)
            return weir_protocol_v2_request_fail_at(r, "inputs", i, "name",
                                                    "this input is there twice");
        keep_shape(t, &in, input);
        if (!in.data)
            *raw |= UINT64_C(1) << input;
    }
    return weir_protocol_v2_request_check_rest(r);
}

/* Writes the elements of an input. */
static enum weir_status fill_input(struct weir_protocol_tensors *t,
                                   const struct weir_protocol_v2_request *r, size_t i,
                                   const struct weir_protocol_v2_input *in)
{
    size_t input = 0;
    char place[WEIR_PROTOCOL_V2_PLACE_BYTES];
    enum weir_status status = find_input(t, r, i, in, &input);
    if (status != WEIR_OK)
        return status;
    struct weir_protocol_raw raw = weir_protocol_v2_request_raw(in, i, place);
    struct weir_protocol_tensors_from from = {
        .value = in->data,
        .place = place,
        .request = in->dtype,
        .n_items = in->n_elements,
        .dtype = t->spec->tensors->inputs[input].dtype,
        .to = t->base + t->offsets[input],
    };
    if (in->data ? weir_protocol_tensors_fill(t, &from)
                 : weir_protocol_raw_fill_tensor(t->sink, &raw, from.dtype, from.to, r->err))
        return WEIR_OK;
    return r->err && r->err->code == WEIR_ERR_NO_MEMORY ? WEIR_ERR_NO_MEMORY : WEIR_ERR_INVALID;
}

static enum weir_status fill_all(struct weir_protocol_tensors *t,
                                 const struct weir_protocol_v2_request *r)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, r->inputs);
    const char *value;
    weir_protocol_v2_request_rewind(r);
    for (size_t i = 0; weir_codec_json_next(&it, &value); i++) {
        struct weir_protocol_v2_input in;
        enum weir_status status = weir_protocol_v2_request_input(r, i, value, &in);
        if (status == WEIR_OK)
            status = fill_input(t, r, i, &in);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* Ends what was filled. */
static enum weir_status end(const struct weir_protocol_tensors *t, enum weir_status status)
{
    if (status == WEIR_OK)
        weir_protocol_sink_commit(t->sink, t->call);
    else
        weir_protocol_sink_rollback(t->sink, t->call);
    return status;
}

static enum weir_status decode_bare(struct weir_protocol_tensors *t,
                                    const struct weir_protocol_v2_request *r,
                                    const struct weir_protocol_v2_input *in)
{
    size_t text_bytes = 0;
    enum weir_status status = weir_protocol_v2_request_check_count(r, 0, in, &text_bytes);
    if (status != WEIR_OK)
        return status;
    keep_shape(t, in, 0);
    status = weir_protocol_tensors_reserve_for(t, text_bytes);
    return status == WEIR_OK ? end(t, fill_input(t, r, 0, in)) : status;
}

enum weir_status weir_protocol_v2_tensors_decode(const struct weir_protocol_v2_request *r,
                                                 const struct weir_protocol_v2_input *bare,
                                                 struct weir_sink *sink)
{
    struct weir_protocol_tensors t;
    size_t raw_text_bytes = 0;
    uint64_t raw = 0;
    weir_protocol_tensors_init(&t, r->decoder, r->spec, sink, r->call, r->err);
    t.takes_none = true;
    if (bare)
        return decode_bare(&t, r, bare);
    enum weir_status status = read_shapes(&t, r, &raw, &raw_text_bytes);
    if (status == WEIR_OK)
        status = weir_protocol_tensors_reserve(&t, r->inputs, raw, raw_text_bytes);
    return status == WEIR_OK ? end(&t, fill_all(&t, r)) : status;
}

/* SPDX-License-Identifier: MIT */
/* Answers: heads of the outputs, then their elements in binary form. */
#include "protocol/grpc/infer.h"
#include "protocol/grpc/infer_priv.h"
#include "protocol/topk.h"

/* Field numbers. */
enum {
    RESPONSE_MODEL_NAME = 1,
    RESPONSE_MODEL_VERSION = 2,
    RESPONSE_ID = 3,
    RESPONSE_OUTPUTS = 5,
    RESPONSE_RAW = 6,
    OUTPUT_NAME = 1,
    OUTPUT_DATATYPE = 2,
    OUTPUT_SHAPE = 3,
};

static void put_head(struct weir_buf *buf, struct weir_str name, enum weir_dtype dtype,
                     const uint64_t *dims, size_t n_dims)
{
    size_t output = weir_codec_protobuf_begin(buf, RESPONSE_OUTPUTS);
    weir_codec_protobuf_put_text(buf, OUTPUT_NAME, name);
    weir_codec_protobuf_put_text(buf, OUTPUT_DATATYPE, weir_str_c(weir_dtype_name(dtype)));
    if (n_dims > 0) {
        size_t shape = weir_codec_protobuf_begin(buf, OUTPUT_SHAPE);
        for (size_t i = 0; i < n_dims; i++)
            weir_codec_protobuf_append_varint(buf, dims[i]);
        weir_codec_protobuf_end(buf, shape);
    }
    weir_codec_protobuf_end(buf, output);
}

/* Writes the head of an output that is wanted as classes; false: its values are wanted. */
static bool put_topk_head(struct weir_buf *buf, const struct weir_protocol_call *call,
                          const struct weir_result *result, size_t output, struct weir_str name)
{
    struct weir_protocol_topk topk;
    if (!weir_protocol_topk_init(&topk, call, result, output))
        return false;
    uint64_t dims[] = {topk.n_rows, topk.k};
    put_head(buf, name, WEIR_BYTES, topk.is_batched ? dims : dims + 1, topk.is_batched ? 2 : 1);
    return true;
}

static bool put_topk(struct weir_buf *buf, const struct weir_protocol_call *call,
                     const struct weir_result *result, size_t output)
{
    struct weir_protocol_topk topk;
    if (!weir_protocol_topk_init(&topk, call, result, output))
        return false;
    size_t raw = weir_codec_protobuf_begin(buf, RESPONSE_RAW);
    weir_protocol_topk_append_raw(buf, &topk);
    weir_codec_protobuf_end(buf, raw);
    return true;
}

static void put_rows(struct weir_buf *buf, const struct weir_protocol_call *call,
                     const struct weir_result *result)
{
    for (size_t i = 0; i < call->n_outputs; i++) {
        enum weir_output output = (enum weir_output)call->outputs[i];
        const struct weir_spec_output *o = &result->spec->outputs[output];
        struct weir_str name =
            call->by_alias & 1u << output ? o->alias : weir_str_c(weir_output_name(output));
        uint64_t dims[] = {result->n_rows, o->n_columns};
        if (!put_topk_head(buf, call, result, output, name))
            put_head(buf, name, weir_spec_output_dtype(result->spec, output, result->batch_dtype),
                     dims, o->is_vector ? 1 : 2);
    }
    for (size_t i = 0; i < call->n_outputs; i++) {
        enum weir_output output = (enum weir_output)call->outputs[i];
        if (put_topk(buf, call, result, output))
            continue;
        weir_codec_protobuf_put_head(buf, RESPONSE_RAW,
                                     weir_protocol_raw_output_bytes(result, output));
        weir_protocol_raw_append_output(buf, result, output);
    }
}

static void put_tensors(struct weir_buf *buf, const struct weir_protocol_call *call,
                        const struct weir_result *result)
{
    const struct weir_tensors_spec *spec = result->spec->tensors;
    for (size_t place = 0; place < call->n_tensors; place++) {
        size_t i = call->tensor_order[place];
        const struct weir_tensor *t = &result->tensors[i];
        struct weir_str name = weir_str_c(spec->outputs[i].name);
        if (!put_topk_head(buf, call, result, i, name))
            put_head(buf, name, t->dtype, t->dims, t->n_dims);
    }
    for (size_t place = 0; place < call->n_tensors; place++) {
        size_t i = call->tensor_order[place];
        const struct weir_tensor *t = &result->tensors[i];
        if (put_topk(buf, call, result, i))
            continue;
        weir_codec_protobuf_put_head(buf, RESPONSE_RAW, weir_protocol_raw_tensor_bytes(t));
        weir_protocol_raw_append_tensor(buf, t);
    }
}

void weir_protocol_grpc_infer_encode(const struct weir_protocol_call *call,
                                     const struct weir_protocol_source *source,
                                     const struct weir_result *result, struct weir_buf *buf)
{
    weir_assert(call);
    weir_assert(source);
    weir_assert(result);
    weir_codec_protobuf_put_text(buf, RESPONSE_MODEL_NAME, source->model);
    weir_codec_protobuf_put_text(buf, RESPONSE_MODEL_VERSION, source->version);
    weir_codec_protobuf_put_text(buf, RESPONSE_ID, weir_str_make(call->id, call->id_bytes));
    if (call->tensors)
        put_tensors(buf, call, result);
    else
        put_rows(buf, call, result);
}

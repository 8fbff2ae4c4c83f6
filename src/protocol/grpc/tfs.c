/* SPDX-License-Identifier: MIT */
/* Predictions of TensorFlow Serving. The inputs are read by the code of ModelInfer, which knows a
 * TensorProto from an InferInputTensor (infer.c, contents.c). */
#include "protocol/grpc/tfs.h"

#include "codec/number.h"
#include "protocol/grpc/infer_priv.h"

/* Field numbers. */
enum {
    REQUEST_SPEC = 1,
    REQUEST_INPUTS = 2,
    REQUEST_FILTER = 3,
    SPEC_NAME = 1,
    SPEC_VERSION = 2, /* google.protobuf.Int64Value */
    SPEC_SIGNATURE = 3,
    SPEC_LABEL = 4,
    INT64_VALUE = 1,
    RESPONSE_OUTPUTS = 1,
    RESPONSE_SPEC = 2,
    ENTRY_KEY = 1,
    ENTRY_VALUE = 2,
    TENSOR_TYPE = 1,
    TENSOR_SHAPE = 2,
    SHAPE_DIM = 2,
    DIM_SIZE = 1,
};

const uint8_t weir_protocol_grpc_tfs_types[] = {
    [WEIR_BOOL] = 10, [WEIR_U8] = 4,  [WEIR_U16] = 17, [WEIR_U32] = 22,  [WEIR_U64] = 23,
    [WEIR_I8] = 6,    [WEIR_I16] = 5, [WEIR_I32] = 3,  [WEIR_I64] = 9,   [WEIR_F16] = 19,
    [WEIR_BF16] = 14, [WEIR_F32] = 1, [WEIR_F64] = 2,  [WEIR_BYTES] = 7,
};

static enum weir_status fail_malformed(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_INVALID, "the message is malformed");
}

enum weir_status weir_protocol_grpc_tfs_target(struct weir_str body,
                                               struct weir_protocol_target *target,
                                               char room[WEIR_PROTOCOL_GRPC_TFS_ROOM_BYTES],
                                               struct weir_error *err)
{
    struct weir_str spec;
    struct weir_str version;
    uint64_t number;
    if (!weir_protocol_grpc_pages_find_text(body, REQUEST_SPEC, &spec) ||
        !weir_protocol_grpc_pages_find_text(spec, SPEC_NAME, &target->model) ||
        !weir_protocol_grpc_pages_find_text(spec, SPEC_LABEL, &target->version) ||
        !weir_protocol_grpc_pages_find_text(spec, SPEC_VERSION, &version) ||
        !weir_protocol_grpc_pages_find_number(version, INT64_VALUE, &number))
        return fail_malformed(err);
    if (target->model.n == 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "Missing ModelSpec");
    if (version.n > 0)
        target->version = weir_str_make(room, weir_codec_number_print_u64(room, number));
    return WEIR_OK;
}

/* Chooses the outputs: those of the filter, else those of the signature. */
static enum weir_status read_outputs(const struct weir_protocol_grpc_request *r)
{
    struct weir_codec_protobuf message = weir_codec_protobuf_of(r->body);
    struct weir_codec_protobuf_field f;
    struct weir_str spec;
    struct weir_str signature;
    bool has_filter = false;
    while (weir_codec_protobuf_next(&message, &f)) {
        if (f.number != REQUEST_FILTER || f.type != WEIR_CODEC_PROTOBUF_BYTES)
            continue;
        has_filter = true;
        if (!weir_protocol_add_named(r->call, r->spec, f.bytes, NULL))
            return weir_protocol_no_output(r->spec, WEIR_STR("output_filter"), f.bytes, r->err);
    }
    if (!weir_protocol_grpc_pages_find_text(r->body, REQUEST_SPEC, &spec) ||
        !weir_protocol_grpc_pages_find_text(spec, SPEC_SIGNATURE, &signature))
        return fail_malformed(r->err);
    bool is_default = signature.n == 0 || weir_str_eq_c(signature, "serving_default");
    if (has_filter && is_default)
        return WEIR_OK;
    if (is_default)
        weir_protocol_add_defaults(r->call, r->spec);
    else if (!weir_protocol_add_named(r->call, r->spec, signature, NULL))
        return weir_protocol_no_output(r->spec, WEIR_STR("signature_name"), signature, r->err);
    return WEIR_OK;
}

enum weir_status weir_protocol_grpc_tfs_decode(struct weir_protocol_decoder *decoder,
                                               const struct weir_spec *spec, struct weir_str body,
                                               struct weir_sink *sink,
                                               struct weir_protocol_call *call,
                                               struct weir_error *err)
{
    struct weir_protocol_grpc_request r = {.decoder = decoder,
                                           .spec = spec,
                                           .sink = sink,
                                           .call = call,
                                           .err = err,
                                           .body = body,
                                           .is_tensor_proto = true};
    struct weir_codec_protobuf message = weir_codec_protobuf_of(body);
    struct weir_codec_protobuf_field f;
    while (weir_codec_protobuf_next(&message, &f))
        r.n_inputs += f.number == REQUEST_INPUTS && f.type == WEIR_CODEC_PROTOBUF_BYTES;
    if (message.is_malformed)
        return fail_malformed(err);
    enum weir_status status = read_outputs(&r);
    if (status != WEIR_OK)
        return status;
    if (r.n_inputs == 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "inputs: none");
    return spec->tensors ? weir_protocol_grpc_rows_decode_tensors(&r)
                         : weir_protocol_grpc_rows_decode(&r);
}

/* --- answers --------------------------------------------------------------------------------- */

void weir_protocol_grpc_tfs_put_spec(struct weir_buf *buf, uint32_t field, struct weir_str name,
                                     uint64_t version)
{
    size_t spec = weir_codec_protobuf_begin(buf, field);
    weir_codec_protobuf_put_text(buf, SPEC_NAME, name);
    size_t number = weir_codec_protobuf_begin(buf, SPEC_VERSION);
    weir_codec_protobuf_put_u64(buf, INT64_VALUE, version);
    weir_codec_protobuf_end(buf, number);
    weir_codec_protobuf_put_text(buf, SPEC_SIGNATURE, WEIR_STR("serving_default"));
    weir_codec_protobuf_end(buf, spec);
}

/* Appends elements, given in binary form, in the field of their type. */
static void put_values(struct weir_buf *buf, struct weir_str raw, enum weir_dtype dtype)
{
    static const uint8_t fields[] = {
        [WEIR_BOOL] = 11, [WEIR_U8] = 7,  [WEIR_U16] = 7, [WEIR_U32] = 16,  [WEIR_U64] = 17,
        [WEIR_I8] = 7,    [WEIR_I16] = 7, [WEIR_I32] = 7, [WEIR_I64] = 10,  [WEIR_F16] = 13,
        [WEIR_BF16] = 13, [WEIR_F32] = 5, [WEIR_F64] = 6, [WEIR_BYTES] = 8,
    };
    size_t size = weir_dtype_size(dtype);
    bool is_signed =
        dtype == WEIR_I8 || dtype == WEIR_I16 || dtype == WEIR_I32 || dtype == WEIR_I64;
    if (dtype == WEIR_BYTES) {
        struct weir_protocol_raw texts = {.bytes = raw, .dtype = dtype};
        struct weir_str text;
        while (raw.n > 0 && weir_protocol_raw_take_text(&texts, &raw, &text))
            weir_codec_protobuf_put_text_always(buf, fields[dtype], text);
        return;
    }
    if (dtype == WEIR_F32 || dtype == WEIR_F64) {
        weir_codec_protobuf_put_text(buf, fields[dtype], raw);
        return;
    }
    size_t packed = weir_codec_protobuf_begin(buf, fields[dtype]);
    for (size_t at = 0; at < raw.n; at += size) {
        uint64_t v = 0;
        memcpy(&v, raw.at + at, size);
        if (is_signed)
            v = (uint64_t)((int64_t)(v << (64 - 8 * size)) >> (64 - 8 * size));
        weir_codec_protobuf_append_varint(buf, v);
    }
    weir_codec_protobuf_end(buf, packed);
}

static void put_output(struct weir_buf *buf, struct weir_str name, enum weir_dtype dtype,
                       const uint64_t *dims, size_t n_dims, struct weir_str raw)
{
    size_t entry = weir_codec_protobuf_begin(buf, RESPONSE_OUTPUTS);
    weir_codec_protobuf_put_text(buf, ENTRY_KEY, name);
    size_t tensor = weir_codec_protobuf_begin(buf, ENTRY_VALUE);
    weir_codec_protobuf_put_u64(buf, TENSOR_TYPE, weir_protocol_grpc_tfs_types[dtype]);
    size_t shape = weir_codec_protobuf_begin(buf, TENSOR_SHAPE);
    for (size_t i = 0; i < n_dims; i++) {
        size_t dim = weir_codec_protobuf_begin(buf, SHAPE_DIM);
        weir_codec_protobuf_put_u64(buf, DIM_SIZE, dims[i]);
        weir_codec_protobuf_end(buf, dim);
    }
    weir_codec_protobuf_end(buf, shape);
    put_values(buf, raw, dtype);
    weir_codec_protobuf_end(buf, tensor);
    weir_codec_protobuf_end(buf, entry);
}

void weir_protocol_grpc_tfs_encode(const struct weir_protocol_call *call,
                                   const struct weir_protocol_source *source,
                                   const struct weir_result *result, struct weir_buf *buf)
{
    struct weir_buf raw = {.mem = buf->mem};
    uint64_t version = 0;
    (void)weir_str_to_u64(source->version, UINT64_MAX, &version); /* It is a number of ours. */
    for (size_t i = 0; i < call->n_outputs; i++) {
        enum weir_output output = (enum weir_output)call->outputs[i];
        const struct weir_spec_output *o = &result->spec->outputs[output];
        uint64_t dims[] = {result->n_rows, o->n_columns};
        weir_buf_clear(&raw);
        weir_protocol_raw_append_output(&raw, result, output);
        put_output(buf,
                   call->by_alias & 1u << output ? o->alias : weir_str_c(weir_output_name(output)),
                   weir_spec_output_dtype(result->spec, output, result->batch_dtype), dims,
                   o->is_vector ? 1 : 2, weir_buf_str(&raw));
        buf->failed |= raw.failed;
    }
    for (size_t i = 0; call->tensors && i < result->spec->tensors->n_outputs; i++) {
        const struct weir_tensor *t = &result->tensors[i];
        if (!(call->tensors & UINT64_C(1) << i))
            continue;
        weir_buf_clear(&raw);
        weir_protocol_raw_append_tensor(&raw, t);
        put_output(buf, weir_str_c(result->spec->tensors->outputs[i].name), t->dtype, t->dims,
                   t->n_dims, weir_buf_str(&raw));
        buf->failed |= raw.failed;
    }
    weir_buf_deinit(&raw);
    weir_protocol_grpc_tfs_put_spec(buf, RESPONSE_SPEC, source->model, version);
}

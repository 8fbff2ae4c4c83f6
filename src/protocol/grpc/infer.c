/* SPDX-License-Identifier: MIT */
/* Inference requests: what is asked. The fields of a message come in any order, so parameters and
 * outputs are read first, then the heads of the inputs, then elements. */
#include "protocol/grpc/infer.h"

#include "codec/utf8.h"
#include "protocol/grpc/infer_priv.h"
#include "protocol/grpc/tfs.h"
#include "protocol/topk.h"

#include <stdio.h>
#include <string.h>

/* Field numbers. */
enum {
    REQUEST_MODEL_NAME = 1,
    REQUEST_MODEL_VERSION = 2,
    REQUEST_ID = 3,
    REQUEST_PARAMETERS = 4,
    REQUEST_INPUTS = 5,
    REQUEST_OUTPUTS = 6,
    REQUEST_RAW = 7,
    INPUT_NAME = 1,
    INPUT_DATATYPE = 2,
    INPUT_SHAPE = 3,
    INPUT_PARAMETERS = 4,
    OUTPUT_NAME = 1,
    OUTPUT_PARAMETERS = 2,
    ENTRY_KEY = 1,
    ENTRY_VALUE = 2,
    /* TensorFlow Serving */
    PREDICT_INPUTS = 2,
    TENSOR_TYPE = 1,
    TENSOR_SHAPE = 2,
    TENSOR_CONTENT = 4,
    SHAPE_DIM = 2,
    DIM_SIZE = 1,
};

/* An entry of a map of InferParameter. */
struct parameter {
    struct weir_str key;
    enum { NONE = 0, BOOL = 1, INT64 = 2, STRING = 3, DOUBLE = 4, UINT64 = 5 } kind;
    uint64_t value; /* BOOL, INT64, UINT64 */
};

static enum weir_status fail_malformed(struct weir_error *err, const char *message)
{
    return weir_error_set(err, WEIR_ERR_INVALID, "the message is no %s", message);
}

static bool is_bytes(const struct weir_codec_protobuf_field *f, uint32_t number)
{
    return f->number == number && f->type == WEIR_CODEC_PROTOBUF_BYTES;
}

/* Reads an entry; parts of its value that come apart are one. false: malformed. */
static bool read_parameter(struct weir_str bytes, struct parameter *out)
{
    struct weir_codec_protobuf entry = weir_codec_protobuf_of(bytes);
    struct weir_codec_protobuf_field f;
    *out = (struct parameter){.kind = NONE};
    while (weir_codec_protobuf_next(&entry, &f)) {
        if (is_bytes(&f, ENTRY_KEY))
            out->key = f.bytes;
        if (!is_bytes(&f, ENTRY_VALUE))
            continue;
        struct weir_codec_protobuf value = weir_codec_protobuf_of(f.bytes);
        struct weir_codec_protobuf_field v;
        while (weir_codec_protobuf_next(&value, &v)) {
            bool is_varint = v.type == WEIR_CODEC_PROTOBUF_VARINT;
            if ((is_varint && (v.number == BOOL || v.number == INT64 || v.number == UINT64)) ||
                (v.number == DOUBLE && v.type == WEIR_CODEC_PROTOBUF_I64) || is_bytes(&v, STRING)) {
                out->kind = v.number;
                out->value = v.value;
            }
        }
        if (value.is_malformed)
            return false;
    }
    return !entry.is_malformed;
}

static enum weir_status read_count(const struct weir_protocol_grpc_request *r,
                                   const struct parameter *p, uint64_t *out)
{
    bool is_count = p->kind == UINT64 || (p->kind == INT64 && p->value <= INT64_MAX);
    if (!is_count)
        return weir_error_set(r->err, WEIR_ERR_INVALID,
                              "parameters.%.*s: expected a whole number from 0",
                              WEIR_STR_ARG(p->key));
    *out = p->value;
    return WEIR_OK;
}

/* Reads a parameter of the request; unknown ones are ignored. */
static enum weir_status read_request_parameter(const struct weir_protocol_grpc_request *r,
                                               struct weir_str bytes)
{
    struct parameter p;
    uint64_t us = 0;
    if (!read_parameter(bytes, &p))
        return fail_malformed(r->err, "ModelInferRequest");
    if (weir_str_eq_c(p.key, "priority"))
        return read_count(r, &p, &r->call->priority);
    if (!weir_str_eq_c(p.key, "timeout"))
        return WEIR_OK;
    enum weir_status status = read_count(r, &p, &us);
    if (__builtin_mul_overflow(us, (uint64_t)1000, &r->call->timeout_ns))
        r->call->timeout_ns = UINT64_MAX;
    return status;
}

/* Reads a parameter of a tensor; *k: how many classes are wanted of an output (NULL: of an input,
 * which has none). Shared memory is not served; unknown ones are ignored. */
static enum weir_status read_tensor_parameter(const struct weir_protocol_grpc_request *r,
                                              struct weir_str bytes, const char *list, size_t i,
                                              uint64_t *k)
{
    struct parameter p;
    if (!read_parameter(bytes, &p))
        return fail_malformed(r->err, "ModelInferRequest");
    if (weir_str_starts(p.key, WEIR_STR("shared_memory_")))
        return weir_error_set(r->err, WEIR_ERR_UNSUPPORTED,
                              "%s[%zu].parameters: shared memory is not served", list, i);
    if (!k || !weir_str_eq_c(p.key, "classification"))
        return WEIR_OK;
    enum weir_status status = read_count(r, &p, k);
    if (status == WEIR_OK && *k == 0)
        status = weir_error_set(r->err, WEIR_ERR_INVALID,
                                "parameters.classification: expected a number above 0");
    return status;
}

static enum weir_status read_output(const struct weir_protocol_grpc_request *r,
                                    struct weir_str bytes, size_t i)
{
    struct weir_codec_protobuf message = weir_codec_protobuf_of(bytes);
    struct weir_codec_protobuf_field f;
    struct weir_str name = {NULL, 0};
    uint64_t k = 0;
    size_t output;
    while (weir_codec_protobuf_next(&message, &f)) {
        if (is_bytes(&f, OUTPUT_NAME))
            name = f.bytes;
        if (!is_bytes(&f, OUTPUT_PARAMETERS))
            continue;
        enum weir_status status = read_tensor_parameter(r, f.bytes, "outputs", i, &k);
        if (status != WEIR_OK)
            return status;
    }
    if (message.is_malformed)
        return fail_malformed(r->err, "ModelInferRequest");
    if (weir_protocol_add_named(r->call, r->spec, name, &output))
        return k > 0 ? weir_protocol_topk_add(r->call, r->spec, output, k, r->err) : WEIR_OK;
    char place[48];
    (void)snprintf(place, sizeof place, "outputs[%zu].name", i);
    return weir_protocol_no_output(r->spec, weir_str_c(place), name, r->err);
}

static enum weir_status read_id(const struct weir_protocol_grpc_request *r, struct weir_str id)
{
    if (id.n > sizeof r->call->id)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "id: more than %zu bytes",
                              sizeof r->call->id);
    if (!weir_codec_utf8_is_valid(id, WEIR_CODEC_UTF8_STRICT))
        return weir_error_set(r->err, WEIR_ERR_INVALID, "id: not UTF-8");
    if (id.n > 0)
        memcpy(r->call->id, id.at, id.n);
    r->call->id_bytes = (uint16_t)id.n;
    return WEIR_OK;
}

/* Reads all but the inputs, which are counted. */
static enum weir_status read_request(struct weir_protocol_grpc_request *r)
{
    struct weir_codec_protobuf message = weir_codec_protobuf_of(r->body);
    struct weir_codec_protobuf_field f;
    size_t n_outputs = 0;
    while (weir_codec_protobuf_next(&message, &f)) {
        enum weir_status status = WEIR_OK;
        if (f.type != WEIR_CODEC_PROTOBUF_BYTES)
            continue;
        if (f.number == REQUEST_ID)
            status = read_id(r, f.bytes);
        else if (f.number == REQUEST_PARAMETERS)
            status = read_request_parameter(r, f.bytes);
        else if (f.number == REQUEST_OUTPUTS)
            status = read_output(r, f.bytes, n_outputs++);
        r->n_inputs += f.number == REQUEST_INPUTS;
        r->n_raw += f.number == REQUEST_RAW;
        if (status != WEIR_OK)
            return status;
    }
    if (message.is_malformed)
        return fail_malformed(r->err, "ModelInferRequest");
    if (n_outputs == 0)
        weir_protocol_add_defaults(r->call, r->spec);
    if (r->n_inputs == 0)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "inputs: none");
    if (r->n_raw > 0 && r->n_raw != r->n_inputs)
        return weir_error_set(r->err, WEIR_ERR_INVALID,
                              "raw_input_contents: %zu elements for %zu inputs", r->n_raw,
                              r->n_inputs);
    return WEIR_OK;
}

/* --- inputs ---------------------------------------------------------------------------------- */

enum weir_status weir_protocol_grpc_infer_fail(const struct weir_protocol_grpc_request *r,
                                               const struct weir_protocol_grpc_input *in,
                                               const char *what)
{
    return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: %s", in->place, what);
}

struct weir_protocol_grpc_inputs
weir_protocol_grpc_infer_inputs_of(const struct weir_protocol_grpc_request *r)
{
    return (struct weir_protocol_grpc_inputs){.request = r,
                                              .heads = weir_codec_protobuf_of(r->body),
                                              .raws = weir_codec_protobuf_of(r->body)};
}

static enum weir_status add_dim(const struct weir_protocol_grpc_request *r,
                                struct weir_protocol_grpc_input *in, uint64_t dim)
{
    if (in->n_dims == WEIR_TENSOR_DIMS_MAX)
        return weir_protocol_grpc_infer_fail(r, in, "shape: more than 8 dimensions");
    if (dim > INT64_MAX)
        return weir_protocol_grpc_infer_fail(r, in, "shape: expected whole numbers from 0");
    in->dims[in->n_dims++] = dim;
    if (__builtin_mul_overflow(in->n_elements, dim, &in->n_elements))
        return weir_protocol_grpc_infer_fail(r, in, "shape: more elements than can be counted");
    return WEIR_OK;
}

static enum weir_status add_shape(const struct weir_protocol_grpc_request *r,
                                  struct weir_protocol_grpc_input *in,
                                  const struct weir_codec_protobuf_field *f)
{
    struct weir_str rest = f->bytes;
    uint64_t dim;
    if (f->type == WEIR_CODEC_PROTOBUF_VARINT)
        return add_dim(r, in, f->value);
    while (f->type == WEIR_CODEC_PROTOBUF_BYTES && rest.n > 0) {
        if (!weir_codec_protobuf_take_varint(&rest, &dim))
            return fail_malformed(r->err, "ModelInferRequest");
        enum weir_status status = add_dim(r, in, dim);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

static enum weir_status read_input(const struct weir_protocol_grpc_request *r,
                                   struct weir_protocol_grpc_input *in)
{
    struct weir_codec_protobuf message = weir_codec_protobuf_of(in->message);
    struct weir_codec_protobuf_field f;
    struct weir_str datatype = {NULL, 0};
    while (weir_codec_protobuf_next(&message, &f)) {
        enum weir_status status = WEIR_OK;
        if (is_bytes(&f, INPUT_NAME))
            in->name = f.bytes;
        else if (is_bytes(&f, INPUT_DATATYPE))
            datatype = f.bytes;
        else if (f.number == INPUT_SHAPE)
            status = add_shape(r, in, &f);
        else if (is_bytes(&f, INPUT_PARAMETERS))
            status = read_tensor_parameter(r, f.bytes, "inputs", in->i, NULL);
        if (status != WEIR_OK)
            return status;
    }
    if (message.is_malformed)
        return fail_malformed(r->err, "ModelInferRequest");
    if (!weir_dtype_find(datatype, &in->dtype)) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: datatype: there is no \"%s\"",
                              in->place, weir_str_echo(datatype, echo, sizeof echo));
    }
    return WEIR_OK;
}

static enum weir_status add_proto_shape(const struct weir_protocol_grpc_request *r,
                                        struct weir_protocol_grpc_input *in, struct weir_str bytes)
{
    struct weir_codec_protobuf shape = weir_codec_protobuf_of(bytes);
    struct weir_codec_protobuf_field f;
    while (weir_codec_protobuf_next(&shape, &f)) {
        struct weir_codec_protobuf dim = weir_codec_protobuf_of(f.bytes);
        struct weir_codec_protobuf_field size;
        uint64_t n = 0;
        if (!is_bytes(&f, SHAPE_DIM))
            continue;
        while (weir_codec_protobuf_next(&dim, &size)) {
            if (size.number == DIM_SIZE && size.type == WEIR_CODEC_PROTOBUF_VARINT)
                n = size.value;
        }
        enum weir_status status = add_dim(r, in, n);
        if (status != WEIR_OK)
            return status;
    }
    return shape.is_malformed ? fail_malformed(r->err, "PredictRequest") : WEIR_OK;
}

/* Reads an entry of PredictRequest.inputs: the name of a TensorProto, and that. */
static enum weir_status read_proto(const struct weir_protocol_grpc_request *r,
                                   struct weir_protocol_grpc_input *in)
{
    struct weir_codec_protobuf message = weir_codec_protobuf_of(in->message);
    struct weir_codec_protobuf_field f;
    uint64_t type = 0;
    while (weir_codec_protobuf_next(&message, &f)) {
        if (is_bytes(&f, ENTRY_KEY))
            in->name = f.bytes;
        else if (is_bytes(&f, ENTRY_VALUE))
            in->message = f.bytes; /* the reader goes on with the entry */
    }
    struct weir_codec_protobuf tensor = weir_codec_protobuf_of(in->message);
    while (weir_codec_protobuf_next(&tensor, &f)) {
        enum weir_status status = WEIR_OK;
        if (f.number == TENSOR_TYPE && f.type == WEIR_CODEC_PROTOBUF_VARINT)
            type = f.value;
        else if (is_bytes(&f, TENSOR_SHAPE))
            status = add_proto_shape(r, in, f.bytes);
        else if (is_bytes(&f, TENSOR_CONTENT))
            in->raw = f.bytes;
        if (status != WEIR_OK)
            return status;
    }
    in->has_raw = in->raw.n > 0;
    if (message.is_malformed || tensor.is_malformed)
        return fail_malformed(r->err, "PredictRequest");
    for (int d = WEIR_BOOL; d <= WEIR_BYTES; d++) {
        in->dtype = (enum weir_dtype)d;
        if (weir_protocol_grpc_tfs_types[d] == type)
            return WEIR_OK;
    }
    return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: dtype: %llu is not supported", in->place,
                          (unsigned long long)type);
}

/* Finds the next field of a number; it is there. */
static struct weir_str take_field(struct weir_codec_protobuf *message, uint32_t number)
{
    struct weir_codec_protobuf_field f;
    while (weir_codec_protobuf_next(message, &f)) {
        if (is_bytes(&f, number))
            return f.bytes;
    }
    weir_assert(!"they were counted");
    return weir_str_make(NULL, 0);
}

enum weir_status weir_protocol_grpc_infer_inputs_next(struct weir_protocol_grpc_inputs *it,
                                                      struct weir_protocol_grpc_input *in)
{
    const struct weir_protocol_grpc_request *r = it->request;
    weir_assert(it->n < r->n_inputs);
    in->i = it->n++;
    in->name = in->raw = weir_str_make(NULL, 0);
    in->n_dims = 0;
    in->n_elements = 1;
    (void)snprintf(in->place, sizeof in->place, "inputs[%zu]", in->i);
    in->has_raw = r->n_raw > 0;
    if (r->is_tensor_proto) {
        in->message = take_field(&it->heads, PREDICT_INPUTS);
        return read_proto(r, in);
    }
    in->message = take_field(&it->heads, REQUEST_INPUTS);
    if (r->n_raw > 0)
        in->raw = take_field(&it->raws, REQUEST_RAW);
    return read_input(r, in);
}

/* --- the request ----------------------------------------------------------------------------- */

enum weir_status weir_protocol_grpc_infer_target(struct weir_str body, struct weir_str *model,
                                                 struct weir_str *version, struct weir_error *err)
{
    weir_assert(model);
    weir_assert(version);
    struct weir_codec_protobuf message = weir_codec_protobuf_of(body);
    struct weir_codec_protobuf_field f;
    while (weir_codec_protobuf_next(&message, &f)) {
        if (is_bytes(&f, REQUEST_MODEL_NAME))
            *model = f.bytes;
        else if (is_bytes(&f, REQUEST_MODEL_VERSION))
            *version = f.bytes;
    }
    return message.is_malformed ? fail_malformed(err, "ModelInferRequest") : WEIR_OK;
}

enum weir_status weir_protocol_grpc_infer_decode(struct weir_protocol_decoder *decoder,
                                                 const struct weir_spec *spec, struct weir_str body,
                                                 struct weir_sink *sink,
                                                 struct weir_protocol_call *call,
                                                 struct weir_error *err)
{
    weir_assert(decoder);
    weir_assert(spec);
    weir_assert(sink);
    weir_assert(call);
    /* Not the whole struct: the id's bytes are only read up to id_bytes. */
    memset(call, 0, offsetof(struct weir_protocol_call, id));
    call->dialect = WEIR_PROTOCOL_GRPC;
    struct weir_protocol_grpc_request r = {
        .decoder = decoder, .spec = spec, .sink = sink, .call = call, .err = err, .body = body};
    enum weir_status status = read_request(&r);
    if (status != WEIR_OK)
        return status;
    return spec->tensors ? weir_protocol_grpc_rows_decode_tensors(&r)
                         : weir_protocol_grpc_rows_decode(&r);
}

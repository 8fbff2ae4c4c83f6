/* SPDX-License-Identifier: MIT */
/* Any bytes as a message of gRPC: read field by field; as ModelInferRequest for a matrix, a frame
 * or tensors; as a question of each call that is no prediction. The first byte chooses. What is
 * accepted must have filled every cell, and its answer must be well-formed. */
#include "base/macros.h"
#include "codec/protobuf.h"
#include "protocol/grpc/grpc.h"
#include "protocol/grpc/infer.h"
#include "test_catalog.h"
#include "test_sink.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct weir_tensor_info infos[] = {
    {.name = "x", .dtype = WEIR_F32, .n_dims = 2, .dims = {-1, 2}},
    {.name = "t", .dtype = WEIR_BYTES, .n_dims = 1, .dims = {-1}},
    {.name = "i", .dtype = WEIR_I16, .n_dims = 1, .dims = {-1}},
};
static const struct weir_tensors_spec tensors = {
    .n_inputs = 3, .inputs = infos, .n_outputs = 3, .outputs = infos, .is_batched = true};

static void check_message(struct weir_str bytes, int depth)
{
    struct weir_codec_protobuf reader = weir_codec_protobuf_of(bytes);
    struct weir_codec_protobuf_field f;
    while (weir_codec_protobuf_next(&reader, &f)) {
        weir_assert(f.number > 0);
        if (f.type != WEIR_CODEC_PROTOBUF_BYTES)
            continue;
        weir_assert(f.bytes.n == 0 ||
                    (f.bytes.at >= bytes.at && f.bytes.at + f.bytes.n <= bytes.at + bytes.n));
        struct weir_str packed = f.bytes;
        size_t n = weir_codec_protobuf_count_varints(packed);
        uint64_t v;
        while (weir_codec_protobuf_take_varint(&packed, &v))
            n--;
        weir_assert(n <= f.bytes.n);
        if (depth > 0)
            check_message(f.bytes, depth - 1);
    }
}

static void infer(const struct weir_spec *spec, struct weir_str body)
{
    struct weir_protocol_decoder decoder;
    struct weir_test_sink sink;
    struct weir_protocol_call call;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_protocol_decoder_init(&decoder, NULL, NULL);
    weir_test_sink_init(&sink);
    enum weir_status status =
        weir_protocol_grpc_infer_decode(&decoder, spec, body, &sink.sink, &call, &err);
    weir_assert(!sink.is_reserved);
    weir_assert(sink.n_commits == (status == WEIR_OK && call.n_rows > 0));
    weir_assert(status == WEIR_OK || err.msg[0] != 0);
    for (size_t r = 0; status == WEIR_OK && !spec->tensors && r < call.n_rows; r++) {
        for (size_t c = 0; c < spec->n_features; c++) {
            double v = weir_test_sink_at(&sink, r, c);
            weir_assert(memcmp(&v, "\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5", sizeof v) != 0);
        }
    }
    weir_test_sink_deinit(&sink);
    weir_protocol_decoder_deinit(&decoder);
}

static void ask(const struct weir_protocol_route *route, struct weir_str body)
{
    struct weir_spec spec = weir_test_spec_iris();
    struct test_catalog catalog = test_catalog_of(&spec);
    struct weir_buf buf = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_protocol_question question = {.route = route, .body = body};
    struct weir_protocol_page page = {.status = 200, .body = &buf};
    struct weir_protocol_order order = {.log_level = -1};
    if (route->act == WEIR_PROTOCOL_LOAD || route->act == WEIR_PROTOCOL_UNLOAD ||
        route->act == WEIR_PROTOCOL_LOG) {
        enum weir_status status = weir_protocol_grpc.order(&question, &order, &err);
        weir_assert(status == WEIR_OK || err.msg[0] != 0);
    }
    if (route->act != WEIR_PROTOCOL_PREDICT &&
        weir_protocol_grpc.page(&question, &catalog.catalog, &page, &err) == WEIR_OK)
        check_message(weir_str_make(buf.at + WEIR_PROTOCOL_GRPC_FRAME_BYTES,
                                    buf.n - WEIR_PROTOCOL_GRPC_FRAME_BYTES),
                      0);
    weir_buf_deinit(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    char *exact = malloc(size); /* so that a sanitizer sees every overread */
    if (!exact)
        abort();
    memcpy(exact, data + 1, size - 1);
    struct weir_str body = weir_str_make(exact, size - 1);
    struct weir_spec graph = {.form = WEIR_INPUT_TENSORS, .tensors = &tensors};
    struct weir_spec iris = weir_test_spec_iris();
    struct weir_spec frame = weir_test_spec_frame();
    struct weir_spec matrix = weir_test_spec_regressor(2);
    const struct weir_spec *specs[] = {&matrix, &iris, &frame, &graph};
    check_message(body, 3);
    if (data[0] < 128)
        infer(specs[data[0] % 4], body);
    else
        ask(&weir_protocol_grpc.routes[data[0] % weir_protocol_grpc.n_routes], body);
    free(exact);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* Any bytes to /invocations. The first byte chooses the model, the second the types of body and
 * answer; the rest is the body. What is accepted is answered within the predicted size. */
#include "base/macros.h"
#include "base/mem.h"
#include "protocol/mlflow/mlflow.h"
#include "test_sink.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS_MAX = 1 << 12, COLUMNS_MAX = 4 };

static const uint8_t types[4] = {WEIR_SPEC_MLFLOW_OPTIONAL, WEIR_SPEC_MLFLOW_WHOLE,
                                 WEIR_SPEC_MLFLOW_F32, 0};
static const struct weir_spec_mlflow signature = {{"2.9.2", 5}, WEIR_OUTPUT_PREDICT, types};
static const struct weir_spec_mlflow shares = {{"3.6.0", 5}, WEIR_OUTPUT_PREDICT_PROBA, NULL};

static struct weir_spec spec_of(uint8_t choice)
{
    struct weir_spec spec = choice & 1   ? weir_test_spec_iris()
                            : choice & 2 ? weir_test_spec_frame()
                                         : weir_test_spec_regressor(choice & 4 ? 1 : 3);
    if (choice & 8)
        spec.mlflow = &signature;
    if (choice & 16)
        spec.allows_nan = true;
    if ((choice & 33) == 33)
        spec.mlflow = &shares;
    return spec;
}

static const char *const content_types[] = {
    "application/json",
    "text/csv",
    "application/jsonlines",
    "text/csv; header=present",
    "text/csv; header=absent",
    "",
    "application/json; charset=utf-8",
    "text/csv;label_size=0",
};
static const char *const accepts[] = {"", "text/csv", "application/jsonlines", "*/*"};

static void answer(const struct weir_spec *spec, const struct weir_protocol_call *call)
{
    static const double values[ROWS_MAX * COLUMNS_MAX];
    static const int32_t labels[ROWS_MAX];
    if (call->n_rows > ROWS_MAX)
        return;
    struct weir_result result = {.spec = spec, .batch_dtype = WEIR_F64, .n_rows = call->n_rows};
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++) {
        bool is_label = spec->outputs[i].storage == WEIR_STORAGE_LABEL;
        result.out[i] = is_label ? (const void *)labels : values;
    }
    struct weir_buf buf = WEIR_BUF_INIT;
    struct weir_protocol_answer out = {.body = &buf};
    const struct weir_protocol_source source = {WEIR_STR("m"), WEIR_STR("1")};
    weir_protocol_encode(call, &source, &result, &out);
    weir_assert(buf.n <= weir_protocol_answer_bytes(call, spec));
    weir_buf_deinit(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct weir_spec spec = spec_of(data[0]);
    struct weir_protocol_head head = {.dialect = WEIR_PROTOCOL_MLFLOW, .json_bytes = UINT64_MAX};
    struct weir_protocol_fields fields = {.content_type = weir_str_c(content_types[data[1] & 7]),
                                          .accept = weir_str_c(accepts[data[1] >> 3 & 3])};
    struct weir_error err = WEIR_ERROR_INIT;
    int code = weir_protocol_mlflow.read_head(&fields, &head, &err);
    weir_assert(code == 0);
    char *body = malloc(size - 1); /* Of exactly its size, but for nothing at all. */
    if (!body)
        abort();
    memcpy(body, data + 2, size - 2);
    struct weir_protocol_decoder decoder;
    struct weir_test_sink sink;
    struct weir_protocol_call call;
    weir_protocol_decoder_init(&decoder, NULL, NULL);
    weir_test_sink_init(&sink);
    enum weir_status status = weir_protocol_mlflow.decode(
        &decoder, &head, &spec, weir_str_make(body, size - 2), &sink.sink, &call, &err);
    weir_assert(!sink.is_reserved);
    weir_assert((status == WEIR_OK) == (sink.n_commits == 1));
    weir_assert((status == WEIR_OK) == (err.msg[0] == 0));
    if (status == WEIR_OK) {
        weir_assert(call.n_rows == sink.want.n_rows);
        answer(&spec, &call);
    }
    weir_test_sink_deinit(&sink);
    weir_protocol_decoder_deinit(&decoder);
    free(body);
    return 0;
}

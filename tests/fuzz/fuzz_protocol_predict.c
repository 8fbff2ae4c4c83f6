/* SPDX-License-Identifier: MIT */
/* Any bytes through the request decoders. The first byte chooses the dialect, the model and what is
 * asked; the rest is the body. What is accepted must have filled every element, and its answer must
 * be JSON within the predicted size, with binary elements behind it as it says. For v2 the next two
 * bytes are how much of the body is JSON, 65535: all of it. */
#include "base/macros.h"
#include "protocol/flask/flask.h"
#include "protocol/v2/v2.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FEATURES_MAX = 4 };

/* A NaN that no decoder writes. */
static const uint64_t UNWRITTEN = 0x7ff4deadbeef0001u;
static const uint32_t UNWRITTEN_F32 = 0x7fa0beefu;

struct sink {
    struct weir_sink sink; /* first */
    struct weir_sink_want want;
    unsigned char *rows;
    int n_open, n_commits;
};

static enum weir_status reserve(struct weir_sink *base, const struct weir_sink_want *want,
                                struct weir_sink_span *out, struct weir_error *err)
{
    struct sink *s = WEIR_CONTAINER_OF(base, struct sink, sink);
    (void)err;
    size_t size = weir_dtype_size(want->dtype);
    size_t n = want->n_rows * want->n_columns;
    weir_assert(s->n_open == 0);
    weir_assert(want->n_rows > 0);
    s->n_open = 1;
    s->want = *want;
    s->rows = malloc(n * size);
    if (!s->rows)
        abort();
    for (size_t i = 0; i < n; i++)
        memcpy(s->rows + i * size, size == 8 ? (const void *)&UNWRITTEN : &UNWRITTEN_F32, size);
    *out = (struct weir_sink_span){s->rows, want->n_columns * size, size, want->dtype};
    return WEIR_OK;
}

static void commit(struct weir_sink *base, uint32_t wanted)
{
    struct sink *s = WEIR_CONTAINER_OF(base, struct sink, sink);
    weir_assert(wanted != 0);
    s->n_open--;
    s->n_commits++;
}

static void rollback(struct weir_sink *base)
{
    struct sink *s = WEIR_CONTAINER_OF(base, struct sink, sink);
    s->n_open--;
}

static const struct weir_sink_ops ops = {reserve, commit, rollback};

static const struct weir_str feature_names[FEATURES_MAX] = {
    {"a", 1}, {"b", 1}, {"long name \"c\"", 13}, {"\xc3\xa9", 2}};
static const struct weir_str label_texts[] = {{"x", 1}, {"\"", 1}, {"z", 1}};
static const struct weir_str label_json[] = {{"\"x\"", 3}, {"\"\\\"\"", 4}, {"\"z\"", 3}};
static const struct weir_labels labels = {
    .dtype = WEIR_BYTES, .n = 3, .text = label_texts, .json = label_json};

static struct weir_spec make_spec(uint8_t choice)
{
    struct weir_spec spec = {
        .form = WEIR_INPUT_MATRIX,
        .n_features = 1 + (choice & 3),
        .feature_names = choice & 4 ? feature_names : NULL,
        .casts_to_f32 = choice & 8,
        .allows_nan = choice & 16,
        .allows_inf = choice & 32,
        .n_targets = 1,
        .targets = &labels,
    };
    spec.outputs[WEIR_OUTPUT_PREDICT] = (struct weir_spec_output){.is_given = true,
                                                                  .storage = WEIR_STORAGE_LABEL,
                                                                  .is_vector = true,
                                                                  .n_columns = 1,
                                                                  .dtype = WEIR_BYTES};
    spec.outputs[WEIR_OUTPUT_PREDICT_PROBA] = (struct weir_spec_output){
        .is_given = true, .n_columns = 3, .dtype = WEIR_F64, .follows_f32 = true};
    return spec;
}

static void check_rows(const struct sink *s, const struct weir_spec *spec)
{
    size_t size = weir_dtype_size(s->want.dtype);
    for (size_t i = 0; i < s->want.n_rows * s->want.n_columns; i++) {
        double v;
        float f;
        const unsigned char *at = s->rows + i * size;
        if (size == 8) {
            weir_assert(memcmp(at, &UNWRITTEN, size) != 0);
            memcpy(&v, at, sizeof v);
        } else {
            weir_assert(memcmp(at, &UNWRITTEN_F32, size) != 0);
            memcpy(&f, at, sizeof f);
            v = (double)f;
        }
        weir_assert(spec->allows_nan || !isnan(v));
        weir_assert(spec->allows_inf || !isinf(v));
    }
}

/* Encodes an answer made of the decoded numbers. */
static void check_answer(const struct sink *s, const struct weir_spec *spec,
                         const struct weir_protocol_call *call)
{
    size_t n = call->n_rows;
    int32_t *predicted = calloc(n + 1, sizeof *predicted);
    double *scores = calloc(3 * n + 1, sizeof *scores);
    if (!predicted || !scores)
        abort();
    for (size_t i = 0; i < n; i++) {
        predicted[i] = (int32_t)(i % 3);
        memcpy(&scores[3 * i], s->rows, weir_dtype_size(s->want.dtype));
        scores[3 * i + 1] = (double)i / 3;
    }
    struct weir_result result = {
        .spec = spec,
        .batch_dtype = weir_spec_batch_dtype(spec, call->request_dtype),
        .n_rows = n,
    };
    result.out[WEIR_OUTPUT_PREDICT] = predicted;
    result.out[WEIR_OUTPUT_PREDICT_PROBA] = scores;
    struct weir_protocol_source source = {WEIR_STR("m"), WEIR_STR("1")};
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf buf = WEIR_BUF_INIT;
    struct weir_protocol_answer answer = {.body = &buf};
    weir_protocol_encode(call, &source, &result, &answer);
    weir_assert(weir_buf_ok(&buf));
    weir_assert(buf.n <= weir_protocol_answer_bytes(call, spec));
    weir_assert(answer.json_bytes <= buf.n);
    size_t n_json = answer.json_bytes > 0 ? (size_t)answer.json_bytes : buf.n;
    struct weir_codec_json json;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_codec_json_init(&json, NULL, NULL);
    json.limits.allows_nonfinite = true;
    weir_assert(weir_codec_json_scan(&json, weir_str_make(buf.at, n_json), &err) == WEIR_OK);
    weir_codec_json_deinit(&json);
    free(predicted);
    free(scores);
}

/* Reads a v2 request. */
static enum weir_status decode_v2(struct weir_protocol_decoder *decoder,
                                  const struct weir_spec *spec, struct weir_str text,
                                  struct weir_sink *sink, struct weir_protocol_call *call,
                                  struct weir_error *err)
{
    uint16_t n = UINT16_MAX;
    if (text.n >= sizeof n) {
        memcpy(&n, text.at, sizeof n);
        text = weir_str_make(text.at + sizeof n, text.n - sizeof n);
    }
    return weir_protocol_v2_decode_parts(decoder, spec, text, n == UINT16_MAX ? UINT64_MAX : n,
                                         sink, call, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct weir_spec spec = make_spec(data[0]);
    struct weir_str body = weir_str_make((const char *)data + 1, size - 1);
    struct sink s = {.sink = {.ops = &ops}};
    struct weir_protocol_call call;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_protocol_decoder decoder;
    weir_protocol_decoder_init(&decoder, NULL, NULL);
    enum weir_output asked = data[0] & 64 ? WEIR_OUTPUT_PREDICT_PROBA : WEIR_OUTPUT_PREDICT;
    enum weir_status status =
        data[0] & 128
            ? decode_v2(&decoder, &spec, body, &s.sink, &call, &err)
            : weir_protocol_flask_decode(&decoder, &spec, asked, body, &s.sink, &call, &err);
    weir_assert(s.n_open == 0);
    weir_assert(s.n_commits == (status == WEIR_OK && call.n_rows > 0));
    if (status == WEIR_OK) {
        weir_assert(call.n_rows == s.want.n_rows);
        if (call.n_rows > 0)
            check_rows(&s, &spec);
        check_answer(&s, &spec, &call);
    } else {
        weir_assert(err.code == status);
        weir_assert(err.msg[0] != 0);
    }
    free(s.rows);
    weir_protocol_decoder_deinit(&decoder);
    return 0;
}

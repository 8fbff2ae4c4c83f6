/* SPDX-License-Identifier: MIT */
/* Any bytes through the decoders of frames, matrices and tensors. The first byte chooses dialect
 * and model; the rest is the body. What is accepted must have filled every cell with what its
 * column takes, or every tensor; the tensors are then answered, as JSON within the size that was
 * said. */
#include "base/macros.h"
#include "protocol/flask/flask.h"
#include "protocol/tfserving/tfserving_priv.h"
#include "protocol/v2/v2.h"
#include "tensor/cell.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sink {
    struct weir_sink sink; /* first */
    struct weir_sink_want want;
    struct weir_tensors_shape shapes[WEIR_TENSORS_MAX];
    char *rows;
    char *text;
    int n_open, n_commits;
};

static char *block(size_t size)
{
    char *p = malloc(size ? size : 1);
    if (!p)
        abort();
    memset(p, 0xa5, size);
    return p;
}

static enum weir_status reserve(struct weir_sink *base, const struct weir_sink_want *want,
                                struct weir_sink_span *out, struct weir_error *err)
{
    struct sink *s = WEIR_CONTAINER_OF(base, struct sink, sink);
    (void)err;
    weir_assert(s->n_open == 0);
    weir_assert(want->n_rows > 0);
    s->n_open = 1;
    s->want = *want;
    size_t row_bytes = want->tensors ? want->tensors->row_bytes : want->n_columns * sizeof(double);
    s->rows = block(want->n_rows * row_bytes);
    s->text = block(want->text_bytes);
    base->text = (struct weir_sink_text){s->text, s->text + want->text_bytes};
    if (want->tensors)
        memcpy(s->shapes, want->tensors->shapes, want->tensors->spec->n_inputs * sizeof *s->shapes);
    *out = (struct weir_sink_span){s->rows, row_bytes, sizeof(double), want->dtype};
    return WEIR_OK;
}

static void commit(struct weir_sink *base, uint32_t wanted)
{
    struct sink *s = WEIR_CONTAINER_OF(base, struct sink, sink);
    (void)wanted;
    s->n_open--;
    s->n_commits++;
}

static void rollback(struct weir_sink *base)
{
    WEIR_CONTAINER_OF(base, struct sink, sink)->n_open--;
}

static const struct weir_sink_ops ops = {reserve, commit, rollback};

static const struct weir_str names[] = {{"a", 1}, {"b", 1}, {"c\"", 2}};
static const uint8_t columns[] = {WEIR_COLUMN_TEXT, WEIR_COLUMN_NUMBER, WEIR_COLUMN_MIXED};
static const struct weir_labels number = {.dtype = WEIR_F64};

static const struct weir_tensor_info infos[] = {
    {.name = "x", .dtype = WEIR_F32, .n_dims = 2, .dims = {-1, 2}},
    {.name = "t", .dtype = WEIR_BYTES, .n_dims = 1, .dims = {-1}},
    {.name = "i", .dtype = WEIR_I16, .n_dims = -1},
    {.name = "h", .dtype = WEIR_F16, .n_dims = 3, .dims = {-1, -1, -1}},
    {.name = "b", .dtype = WEIR_BOOL, .n_dims = 0},
};

/* Models of the first two infos batch; of the others not. */
static void make_spec(uint8_t choice, struct weir_spec *spec, struct weir_tensors_spec *tensors)
{
    *spec = (struct weir_spec){.n_targets = 1, .targets = &number};
    if (choice & 64) {
        size_t first = choice & 1 ? 1 : choice & 2 ? 2 : 0;
        size_t n = choice & 4 ? 2 : 1;
        *tensors = (struct weir_tensors_spec){.n_inputs = n,
                                              .inputs = &infos[first],
                                              .n_outputs = n,
                                              .outputs = &infos[first],
                                              .is_batched = first + n <= 2};
        spec->form = WEIR_INPUT_TENSORS;
        spec->tensors = tensors;
        return;
    }
    spec->n_features = 1 + (size_t)(choice & 3) % 3;
    bool is_matrix = choice & 32 && !(choice & 8); /* of TensorFlow Serving alone */
    spec->form = is_matrix ? WEIR_INPUT_MATRIX : WEIR_INPUT_FRAME;
    spec->columns = is_matrix ? NULL : columns;
    spec->feature_names = choice & 4 ? names : NULL;
    spec->allows_nan = choice & 8;
    spec->allows_inf = choice & 16;
    spec->outputs[WEIR_OUTPUT_PREDICT] = (struct weir_spec_output){
        .is_given = true, .is_vector = true, .n_columns = 1, .dtype = WEIR_F64};
}

static void check_text(const struct sink *s, const char *at, size_t n)
{
    weir_assert(at >= s->text && at + n < s->sink.text.end);
    weir_assert(at[n] == 0);
}

static void check_cells(const struct sink *s, const struct weir_spec *spec)
{
    static const uint64_t unwritten = 0xa5a5a5a5a5a5a5a5u;
    for (size_t i = 0; i < s->want.n_rows * s->want.n_columns; i++) {
        double cell = ((const double *)(const void *)s->rows)[i];
        enum weir_column_kind kind = weir_spec_column(spec, i % s->want.n_columns);
        weir_assert(weir_cell_bits(cell) != unwritten);
        weir_assert(kind != WEIR_COLUMN_NUMBER || weir_cell_is_number(cell));
        weir_assert(kind != WEIR_COLUMN_TEXT || !weir_cell_is_number(cell));
        if (weir_cell_is_text(cell))
            check_text(s, weir_cell_text(cell).at, weir_cell_text(cell).n);
    }
}

/* The inputs are answered as if they were the outputs. */
static void check_tensors(const struct sink *s, const struct weir_spec *spec,
                          const struct weir_protocol_call *call)
{
    struct weir_tensor tensors[WEIR_TENSORS_MAX] = {0};
    size_t offsets[WEIR_TENSORS_MAX];
    size_t row_bytes;
    weir_assert(weir_tensors_layout(spec->tensors, s->shapes, s->want.n_rows, offsets, &row_bytes));
    for (size_t i = 0; i < spec->tensors->n_inputs; i++) {
        tensors[i].dtype = spec->tensors->inputs[i].dtype;
        tensors[i].n_dims = s->shapes[i].n_dims;
        memcpy(tensors[i].dims, s->shapes[i].dims, sizeof tensors[i].dims);
        tensors[i].data = s->rows + offsets[i];
        uint64_t n = weir_tensor_n_items(&tensors[i]);
        const struct weir_text *texts = tensors[i].data;
        for (uint64_t k = 0; tensors[i].dtype == WEIR_BYTES && k < n; k++)
            check_text(s, texts[k].at, texts[k].n);
    }
    struct weir_result result = {.spec = spec, .n_rows = s->want.n_rows, .tensors = tensors};
    struct weir_protocol_source source = {WEIR_STR("m"), WEIR_STR("1")};
    uint64_t bytes_max = weir_protocol_tensors_bytes(&result, call->tensors);
    struct weir_error err = WEIR_ERROR_INIT;
    if (call->dialect == WEIR_PROTOCOL_TFSERVING &&
        weir_protocol_tfserving_encode_check_tensors(call, &result, &bytes_max, &err) != WEIR_OK)
        return;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf buf = WEIR_BUF_INIT;
    weir_protocol_encode(call, &source, &result, &(struct weir_protocol_answer){.body = &buf});
    weir_assert(weir_buf_ok(&buf));
    weir_assert(buf.n <= bytes_max);
    struct weir_codec_json json;
    weir_codec_json_init(&json, NULL, NULL);
    json.limits.allows_nonfinite = true;
    weir_assert(weir_codec_json_scan(&json, weir_buf_str(&buf), &err) == WEIR_OK);
    weir_codec_json_deinit(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct weir_spec spec;
    struct weir_tensors_spec tensors;
    make_spec(data[0], &spec, &tensors);
    struct weir_str body = weir_str_make((const char *)data + 1, size - 1);
    struct sink s = {.sink = {.ops = &ops}};
    struct weir_protocol_call call;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_protocol_decoder decoder;
    weir_protocol_decoder_init(&decoder, NULL, NULL);
    struct weir_protocol_head head = {
        .dialect = WEIR_PROTOCOL_TFSERVING,
        .action = data[0] & 128 ? WEIR_PROTOCOL_TFSERVING_REGRESS : WEIR_PROTOCOL_TFSERVING_PREDICT,
    };
    enum weir_status status =
        data[0] & 32    ? weir_protocol_decode(&decoder, &head, &spec, body, &s.sink, &call, &err)
        : data[0] & 128 ? weir_protocol_v2_decode(&decoder, &spec, body, &s.sink, &call, &err)
                        : weir_protocol_flask_decode(&decoder, &spec, WEIR_OUTPUT_PREDICT, body,
                                                     &s.sink, &call, &err);
    weir_assert(s.n_open == 0);
    weir_assert(s.n_commits == (status == WEIR_OK && call.n_rows > 0));
    if (status == WEIR_OK) {
        weir_assert(call.n_rows == s.want.n_rows);
        if (call.n_rows == 0)
            weir_assert(data[0] & 128); /* Nothing was asked: v2 answers that. */
        else if (spec.tensors)
            check_tensors(&s, &spec, &call);
        else
            check_cells(&s, &spec);
    } else {
        weir_assert(err.code == status);
        weir_assert(err.msg[0] != 0);
    }
    free(s.rows);
    free(s.text);
    weir_protocol_decoder_deinit(&decoder);
    return 0;
}

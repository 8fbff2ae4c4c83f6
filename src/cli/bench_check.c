/* SPDX-License-Identifier: MIT */
#include "cli/bench_check.h"

#include "base/macros.h"
#include "model/model.h"
#include "protocol/protocol.h"
#include <weir/format.h>

enum { SCRATCH_ALIGN = 64 };

static enum weir_status load(struct weir_cli_bench_reference *r, const char *path,
                             struct weir_error *err)
{
    enum weir_status status = weir_cli_file_read(&r->file, path, err);
    if (status != WEIR_OK)
        return status;
    status = weir_format_load_bytes(&r->model, r->file.bytes.at, r->file.bytes.n, path, NULL, err);
    if (status == WEIR_OK && weir_spec_form(weir_model_spec(r->model)) != WEIR_INPUT_MATRIX)
        status = weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                                "takes text or tensors; only rows of numbers are made up");
    return status == WEIR_OK ? WEIR_OK : weir_error_prefix(err, "%s", path);
}

enum weir_status weir_cli_bench_check_init(struct weir_cli_bench_check *check, const char *file_a,
                                           const char *file_b, struct weir_error *err)
{
    *check = (struct weir_cli_bench_check){0};
    struct weir_cli_bench_reference *a = &check->references[0];
    struct weir_cli_bench_reference *b = &check->references[1];
    enum weir_status status = load(a, file_a, err);
    if (status == WEIR_OK)
        status = load(b, file_b, err);
    if (status == WEIR_OK && strcmp(a->file.digest, b->file.digest) == 0)
        status = weir_error_set(err, WEIR_ERR_INVALID, "%s and %s are the same", file_a, file_b);
    if (status == WEIR_OK && weir_spec_n_features(weir_model_spec(a->model)) !=
                                 weir_spec_n_features(weir_model_spec(b->model)))
        status = weir_error_set(err, WEIR_ERR_INVALID, "%s takes %zu features, %s %zu", file_a,
                                weir_spec_n_features(weir_model_spec(a->model)), file_b,
                                weir_spec_n_features(weir_model_spec(b->model)));
    if (status != WEIR_OK)
        weir_cli_bench_check_deinit(check);
    return status;
}

void weir_cli_bench_check_deinit(struct weir_cli_bench_check *check)
{
    for (size_t i = 0; i < WEIR_CLI_BENCH_REFERENCES; i++) {
        struct weir_cli_bench_reference *r = &check->references[i];
        weir_cli_file_deinit(&r->file);
        weir_buf_deinit(&r->answers);
        weir_model_free(WEIR_TAKE(r->model));
    }
    weir_buf_deinit(&check->first_wrong);
}

/* Runs one request's rows; the outputs are in the arena. */
static enum weir_status run_rows(const struct weir_cli_bench_reference *r,
                                 const struct weir_cli_bench_question *q, const double *rows,
                                 struct weir_arena *arena, struct weir_result *out,
                                 struct weir_error *err)
{
    const struct weir_spec *spec = weir_model_spec(r->model);
    size_t n_values = q->n_rows * q->n_features;
    enum weir_dtype dtype = weir_spec_batch_dtype(spec, WEIR_F64);
    size_t scratch_bytes = weir_max_size(weir_model_scratch_bytes(r->model), 1);
    float *floats = weir_arena_array(arena, n_values, sizeof *floats);
    struct weir_rows block = {dtype == WEIR_F32 ? (const void *)floats : rows, q->n_rows};
    struct weir_run run = {.dtype = dtype,
                           .blocks = &block,
                           .n_blocks = 1,
                           .wanted = 1u << q->output,
                           .faults = weir_arena_array(arena, q->n_rows, sizeof *run.faults),
                           .scratch =
                               weir_arena_alloc_aligned(arena, scratch_bytes, SCRATCH_ALIGN)};
    run.out[q->output] =
        weir_arena_array(arena, q->n_rows * spec->outputs[q->output].n_columns, sizeof(double));
    if (!floats || !run.faults || !run.scratch || !run.out[q->output])
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n_values && dtype == WEIR_F32; i++)
        floats[i] = (float)rows[i];
    if (weir_model_run(r->model, &run) > 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "%s refuses the rows that are made up",
                              r->file.path);
    *out = (struct weir_result){.spec = spec, .batch_dtype = dtype, .n_rows = q->n_rows};
    out->out[q->output] = run.out[q->output];
    return WEIR_OK;
}

static enum weir_status compute(struct weir_cli_bench_reference *r,
                                const struct weir_cli_bench_question *q,
                                const struct weir_cli_bench_requests *requests,
                                struct weir_error *err)
{
    if (!weir_spec_has_output(weir_model_spec(r->model), q->output))
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "%s does not give %s", r->file.path,
                              weir_output_name(q->output));
    struct weir_protocol_call call = {.dialect = WEIR_PROTOCOL_FLASK,
                                      .request_dtype = WEIR_F64,
                                      .n_rows = (uint32_t)q->n_rows,
                                      .wanted = 1u << q->output,
                                      .n_outputs = 1,
                                      .outputs = {(uint8_t)q->output}};
    struct weir_protocol_source source = {.model = q->model, .version = WEIR_STR("")};
    struct weir_protocol_answer answer = {.body = &r->answers};
    enum weir_status status = WEIR_OK;
    for (size_t i = 0; i < requests->n && status == WEIR_OK; i++) {
        struct weir_arena arena;
        struct weir_result result;
        weir_arena_init(&arena, NULL, 0);
        status =
            run_rows(r, q, requests->rows + i * q->n_rows * q->n_features, &arena, &result, err);
        if (status == WEIR_OK)
            weir_protocol_encode(&call, &source, &result, &answer);
        weir_arena_deinit(&arena);
        r->ends[i] = r->answers.n;
    }
    if (status == WEIR_OK && !weir_buf_ok(&r->answers))
        status = weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    return status;
}

static struct weir_str answer_of(const struct weir_cli_bench_reference *r, size_t i)
{
    size_t from = i ? r->ends[i - 1] : 0;
    return weir_str_make(r->answers.at + from, r->ends[i] - from);
}

enum weir_status weir_cli_bench_check_prepare(struct weir_cli_bench_check *check,
                                              const struct weir_cli_bench_question *question,
                                              const struct weir_cli_bench_requests *requests,
                                              size_t *n_different, struct weir_error *err)
{
    weir_assert(question->dialect == WEIR_CLI_BENCH_FLASK);
    weir_assert(requests->rows);
    for (size_t i = 0; i < WEIR_CLI_BENCH_REFERENCES; i++) {
        enum weir_status status = compute(&check->references[i], question, requests, err);
        if (status != WEIR_OK)
            return status;
    }
    *n_different = 0;
    for (size_t i = 0; i < requests->n; i++)
        *n_different +=
            !weir_str_eq(answer_of(&check->references[0], i), answer_of(&check->references[1], i));
    return WEIR_OK;
}

/* Keeps what there is to say about the first wrong answer. */
static void note_wrong(struct weir_cli_bench_check *check, size_t request, struct weir_str digest,
                       struct weir_str expected, struct weir_str got)
{
    char digest_text[WEIR_ECHO_BUF_BYTES];
    char expected_text[WEIR_ECHO_BUF_BYTES];
    char got_text[WEIR_ECHO_BUF_BYTES];
    if (check->first_wrong.n > 0)
        return;
    weir_buf_printf(&check->first_wrong, "request %zu, digest \"%s\": expected %s, got %s", request,
                    weir_str_echo(digest, digest_text, sizeof digest_text),
                    weir_str_echo(expected, expected_text, sizeof expected_text),
                    weir_str_echo(got, got_text, sizeof got_text));
}

enum weir_cli_bench_outcome weir_cli_bench_check_judge(void *ctx, size_t request,
                                                       const struct weir_http_client *client,
                                                       const struct weir_http_client_answer *answer)
{
    struct weir_cli_bench_check *check = ctx;
    struct weir_str digest = weir_http_client_header(client, "Weir-Digest");
    for (size_t i = 0; i < WEIR_CLI_BENCH_REFERENCES; i++) {
        struct weir_cli_bench_reference *r = &check->references[i];
        if (digest.n != WEIR_CLI_FILE_DIGEST_SHORT_HEX ||
            memcmp(digest.at, r->file.digest, WEIR_CLI_FILE_DIGEST_SHORT_HEX) != 0)
            continue;
        check->n_changes += check->last && check->last != r;
        check->last = r;
        r->n_seen++;
        struct weir_str expected = answer_of(r, request);
        if (weir_str_eq(answer->body, expected))
            return WEIR_CLI_BENCH_OK;
        note_wrong(check, request, digest, expected, answer->body);
        return WEIR_CLI_BENCH_WRONG;
    }
    note_wrong(check, request, digest, WEIR_STR("a known digest"), answer->body);
    return WEIR_CLI_BENCH_UNKNOWN;
}

/* SPDX-License-Identifier: MIT */
#include "server/runner.h"

#include "base/clock.h"
#include "base/macros.h"
#include "batch/batcher.h"
#include "server/coding.h"
#include "server/runner_priv.h"

#include <stdio.h>

/* What a runner keeps from run to run; more is given back after the run that needed it. */
enum { KEPT_VALUES_BYTES_MAX = 4 * 1024 * 1024, KEPT_REPLY_BYTES_MAX = 256 * 1024, ALIGN = 64 };

void weir_server_runner_init(struct weir_server_runner *runner,
                             const struct weir_protocol_limits *limits, struct weir_mem *mem)
{
    weir_assert(runner);
    *runner = (struct weir_server_runner){.mem = mem};
    weir_protocol_decoder_init(&runner->decoder, limits, mem);
}

void weir_server_runner_deinit(struct weir_server_runner *runner)
{
    weir_assert(runner);
    weir_protocol_decoder_deinit(&runner->decoder);
    weir_mem_free(runner->mem, runner->scratch);
    weir_mem_free(runner->mem, runner->values);
    weir_codec_inflate_deinit(&runner->inflate);
    weir_codec_deflate_deinit(&runner->deflate);
    weir_buf_deinit(&runner->packed);
    *runner = (struct weir_server_runner){.mem = runner->mem};
}

void weir_server_runner_job_deinit(void *user)
{
    struct weir_server_job *job = user;
    weir_buf_deinit(&job->replies);
    weir_buf_deinit(&job->observed);
    weir_buf_deinit(&job->body);
}

void weir_server_runner_job_trim(struct weir_server_job *job)
{
    weir_assert(job);
    if (job->replies.cap > KEPT_REPLY_BYTES_MAX)
        weir_buf_deinit(&job->replies);
    if (job->observed.cap > KEPT_REPLY_BYTES_MAX)
        weir_buf_deinit(&job->observed);
}

static void *align_up(void *p)
{
    uintptr_t at = (uintptr_t)p;
    return (char *)p + (-at & (ALIGN - 1));
}

bool weir_server_runner_grow(struct weir_mem *mem, void **p, size_t *bytes, size_t need)
{
    if (*bytes >= need)
        return true;
    weir_mem_free(mem, *p);
    *p = weir_mem_alloc(mem, need);
    *bytes = *p ? need : 0;
    return *p != NULL;
}

static size_t value_bytes(const struct weir_spec *spec, size_t output)
{
    return spec->outputs[output].storage == WEIR_STORAGE_LABEL ? sizeof(int32_t) : sizeof(double);
}

/* A run over the live rows of some batches, and where its values are. */
struct run {
    struct weir_rows blocks[WEIR_SERVER_GROUP_MAX];
    struct weir_server_job *jobs[WEIR_SERVER_GROUP_MAX];
    size_t n_blocks;
    size_t n_rows;
    uint64_t begun_ns; /* when there was nothing left to do but to run */
    struct weir_run args;
};

/* Divides one allocation among faults and the wanted outputs. */
static bool make_room(struct weir_server_runner *runner, struct run *run,
                      const struct weir_model *model, const struct weir_spec *spec)
{
    size_t need = 0;
    size_t part;
    size_t at[WEIR_OUTPUT_N] = {0};
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++) {
        if (!(run->args.wanted & (1u << o)))
            continue;
        at[o] = need;
        if (!weir_size_mul(run->n_rows, spec->outputs[o].n_columns * value_bytes(spec, o), &part) ||
            !weir_size_add(need, (part + ALIGN - 1) & ~(size_t)(ALIGN - 1), &need))
            return false;
    }
    size_t faults_at = need;
    if (!weir_size_mul(run->n_rows, sizeof(struct weir_row_fault), &part) ||
        !weir_size_add(need, part, &need) || !weir_size_add(need, ALIGN, &need))
        return false;
    size_t scratch = weir_model_scratch_bytes(model) + ALIGN;
    if (!weir_server_runner_grow(runner->mem, &runner->values, &runner->values_bytes, need) ||
        !weir_server_runner_grow(runner->mem, &runner->scratch, &runner->scratch_bytes, scratch))
        return false;
    char *base = align_up(runner->values);
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++)
        run->args.out[o] = run->args.wanted & (1u << o) ? base + at[o] : NULL;
    run->args.faults = (struct weir_row_fault *)(void *)(base + faults_at);
    run->args.scratch = align_up(runner->scratch);
    return true;
}

void weir_server_runner_fail(struct weir_server_job *job, struct weir_server_call *call,
                             enum weir_status status, const char *text)
{
    call->status = status;
    call->body_at = job->replies.n;
    weir_buf_append_c(&job->replies, text);
    call->body_bytes = job->replies.n - call->body_at;
}

void weir_server_runner_encode(struct weir_server_runner *runner, struct weir_server_job *job,
                               struct weir_server_call *call, const struct weir_result *result)
{
    struct weir_protocol_source source = {job->version->name, job->version->number_text};
    call->status = WEIR_OK;
    call->body_at = job->replies.n;
    struct weir_protocol_answer answer = {.body = &job->replies};
    weir_protocol_encode(&call->protocol, &source, result, &answer);
    call->body_bytes = job->replies.n - call->body_at;
    call->content_type = answer.content_type;
    call->json_bytes = answer.json_bytes;
    if (!weir_buf_ok(&job->replies)) {
        call->status = WEIR_ERR_NO_MEMORY;
        call->body_bytes = 0;
        job->replies.n = call->body_at;
        job->replies.failed = false;
    }
    if (call->coding != WEIR_CODEC_CODING_IDENTITY)
        weir_server_coding_pack(runner, job, call);
}

void weir_server_runner_overdue_text(const struct weir_batch_slice *slice,
                                     char text[WEIR_SERVER_OVERDUE_TEXT_BYTES])
{
    uint64_t timeout_ns = weir_batch_begin_by_ns(slice) - slice->arrived_ns;
    (void)snprintf(text, WEIR_SERVER_OVERDUE_TEXT_BYTES,
                   "timeout: the request waited in the queue for more than %llu us",
                   (unsigned long long)(timeout_ns / WEIR_NS_PER_US)); /* Fits. */
}

void weir_server_runner_none(struct weir_server_runner *runner, struct weir_server_job *job,
                             struct weir_server_call *call)
{
    static const double nothing = 0;
    const struct weir_spec *spec = job->version->spec;
    struct weir_tensor tensors[WEIR_TENSORS_MAX];
    struct weir_result result = {
        .spec = spec, .batch_dtype = weir_spec_batch_dtype(spec, call->protocol.request_dtype)};
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++)
        result.out[o] = &nothing;
    for (size_t i = 0; spec->tensors && i < spec->tensors->n_outputs; i++) {
        const struct weir_tensor_info *info = &spec->tensors->outputs[i];
        tensors[i] = (struct weir_tensor){.dtype = info->dtype, .n_dims = 1, .data = &nothing};
        if (info->n_dims > 0)
            tensors[i].n_dims = (uint32_t)info->n_dims;
        for (uint32_t k = 1; k < tensors[i].n_dims; k++)
            tensors[i].dims[k] = info->dims[k] > 0 ? (uint64_t)info->dims[k] : 0;
    }
    if (spec->tensors)
        result.tensors = tensors;
    weir_server_runner_encode(runner, job, call, &result);
}

/* Takes down what the rows were and what was said of them. Without memory nothing is. */
static void observe(struct weir_server_runner *runner, struct weir_server_job *job,
                    const struct weir_batch_slice *slice, struct weir_server_call *call,
                    const struct weir_result *result)
{
    const char *rows = (const char *)job->batch->rows + slice->row * job->batch->row_bytes;
    job->observed.mem = runner->mem;
    call->observed_at = job->observed.n;
    call->is_observed = weir_live_observe(call->observe, result, rows, result->batch_dtype,
                                          &runner->sampler, &job->observed);
}

/* Writes the answer of a slice whose first row is row number `row` of the run. */
static void encode_slice(struct weir_server_runner *runner, const struct run *run,
                         struct weir_server_job *job, const struct weir_batch_slice *slice,
                         struct weir_server_call *call, size_t row, size_t n_faults)
{
    const struct weir_spec *spec = job->version->spec;
    for (size_t i = 0; n_faults > 0 && i < slice->n_rows; i++) {
        if (run->args.faults[row + i].kind == WEIR_FAULT_NONE)
            continue;
        char text[WEIR_ERROR_MSG_BYTES];
        weir_model_fault_text(job->version->model, run->args.faults[row + i], i, text, sizeof text);
        weir_server_runner_fail(job, call, WEIR_ERR_INVALID, text);
        return;
    }
    struct weir_result result = {
        .spec = spec, .batch_dtype = run->args.dtype, .n_rows = slice->n_rows};
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++) {
        if (run->args.out[o])
            result.out[o] = (const char *)run->args.out[o] +
                            row * spec->outputs[o].n_columns * value_bytes(spec, o);
    }
    weir_server_runner_encode(runner, job, call, &result);
    if (call->observe && call->status == WEIR_OK)
        observe(runner, job, slice, call, &result);
}

/* A body may name its model again behind the part in which it was looked for. */
static enum weir_status check_target(const struct weir_server_job *job, struct weir_str body,
                                     struct weir_error *err)
{
    const struct weir_protocol_ops *ops = weir_protocol_ops_of(job->head.dialect);
    struct weir_str part = weir_str_make(body.at, weir_min_size(job->target_bytes, body.n));
    struct weir_protocol_target early = {.model = WEIR_STR("")};
    struct weir_protocol_target all = {.model = WEIR_STR("")};
    enum weir_status status = ops->target(&job->head, part, &early, err);
    if (status == WEIR_OK)
        status = ops->target(&job->head, body, &all, err);
    if (status == WEIR_OK &&
        (!weir_str_eq(early.model, all.model) || !weir_str_eq(early.version, all.version)))
        status = weir_error_set(err, WEIR_ERR_INVALID,
                                "a long compressed message names its model at its beginning only");
    return status;
}

/* The body of a large request is decoded here, into the batch that it has for itself; unless nobody
 * waits for it any more. */
static void decode_private(struct weir_server_runner *runner, struct weir_server_job *job,
                           uint64_t now_ns)
{
    struct weir_batch_slice *slice = job->batch->slices;
    bool is_overdue;
    bool is_late = weir_batch_is_late(job->batch, now_ns, &is_overdue);
    if (is_late || !weir_batch_is_wanted(job->batch)) {
        char text[WEIR_SERVER_OVERDUE_TEXT_BYTES];
        if (is_late && is_overdue) {
            weir_server_runner_overdue_text(slice, text);
            weir_server_runner_fail(job, weir_server_runner_call_of(slice), WEIR_ERR_BUSY, text);
        } else if (is_late) {
            weir_server_runner_fail(job, weir_server_runner_call_of(slice), WEIR_ERR_TIMEOUT,
                                    "the request's deadline has passed");
        }
        weir_buf_deinit(&job->body);
        return;
    }
    runner->decoder.limits = job->limits;
    struct weir_server_call *call = weir_server_runner_call_of(slice);
    struct weir_sink *sink = weir_batch_private_sink(job->batch);
    struct weir_error err = WEIR_ERROR_INIT;
    const struct weir_spec *spec = job->version->spec;
    enum weir_status status =
        job->n_codings > 0 ? weir_server_coding_unpack(runner, job, &err) : WEIR_OK;
    struct weir_str body = weir_str_make(job->body.at + job->body_at, job->body.n - job->body_at);
    if (status == WEIR_OK && job->target_bytes > 0)
        status = check_target(job, body, &err);
    if (status == WEIR_OK)
        status = weir_protocol_decode(&runner->decoder, &job->head, spec, body, sink,
                                      &call->protocol, &err);
    job->decoded_ns = weir_clock_ns();
    weir_buf_deinit(&job->body);
    if (status == WEIR_OK && call->observe)
        slice->wanted |= call->observe->wanted;
    if (status == WEIR_OK && call->protocol.n_rows == 0)
        weir_server_runner_none(runner, job, call);
    if (status != WEIR_OK)
        weir_server_runner_fail(job, call, status, err.msg[0] ? err.msg : weir_status_text(status));
}

/* Takes the batches' live rows together; false: nothing is alive. */
static bool gather(struct weir_server_runner *runner, struct run *run, struct weir_pool_job *jobs,
                   uint64_t now_ns)
{
    for (struct weir_pool_job *j = jobs; j; j = j->next) {
        struct weir_server_job *job = WEIR_CONTAINER_OF(j, struct weir_server_job, job);
        struct weir_batch *batch = job->batch;
        weir_buf_clear(&job->replies);
        weir_buf_clear(&job->observed);
        job->run_ns = 0;
        job->encode_ns = 0;
        if (batch->is_private) {
            decode_private(runner, job, now_ns);
            run->begun_ns = weir_clock_ns();
        }
        if (weir_batch_begin(batch, now_ns) == 0)
            continue;
        weir_assert(run->n_blocks < WEIR_SERVER_GROUP_MAX);
        run->blocks[run->n_blocks] = (struct weir_rows){batch->rows, batch->n_rows};
        run->jobs[run->n_blocks++] = job;
        run->n_rows += batch->n_rows;
        run->args.wanted |= batch->wanted;
        run->args.dtype = batch->dtype;
    }
    run->args.blocks = run->blocks;
    run->args.n_blocks = run->n_blocks;
    return run->n_blocks > 0;
}

/* Runs the model on the rows. Returns the number of rows with a fault. */
static size_t run_model(const struct weir_version *version, struct run *run)
{
    const struct weir_tensor_threshold *threshold = &version->threshold;
    size_t n_faults = weir_model_run(version->model, &run->args);
    if (threshold->is_set && run->args.out[WEIR_OUTPUT_PREDICT])
        weir_tensor_threshold_apply(threshold, version->spec, run->n_rows,
                                    run->args.out[threshold->score],
                                    run->args.out[WEIR_OUTPUT_PREDICT]);
    return n_faults;
}

/* Runs the model on the rows and writes the answers. */
static struct weir_server_runner_times run_rows(struct weir_server_runner *runner, struct run *run)
{
    const struct weir_version *version = run->jobs[0]->version;
    run->args.wanted = weir_tensor_threshold_wanted(&version->threshold, run->args.wanted);
    bool has_room = make_room(runner, run, version->model, version->spec);
    size_t n_faults = has_room ? run_model(version, run) : 0;
    uint64_t run_end_ns = weir_clock_ns();
    size_t row = 0;
    for (size_t b = 0; b < run->n_blocks; b++) {
        struct weir_server_job *job = run->jobs[b];
        for (struct weir_batch_slice *s = job->batch->slices; s; s = s->next) {
            if (!weir_batch_slice_is_live(s))
                continue;
            struct weir_server_call *call = weir_server_runner_call_of(s);
            if (has_room)
                encode_slice(runner, run, job, s, call, row + s->row, n_faults);
            else
                weir_server_runner_fail(job, call, WEIR_ERR_NO_MEMORY, "no memory for the answer");
        }
        row += job->batch->n_rows;
    }
    uint64_t end_ns = weir_clock_ns();
    return (struct weir_server_runner_times){has_room ? 1 + run_end_ns - run->begun_ns : 0,
                                             end_ns - run_end_ns, end_ns};
}

bool weir_server_runner_see(struct weir_server_runner *runner, const struct weir_version *version,
                            const struct weir_live_shape *shape, const struct weir_rows *rows,
                            enum weir_dtype dtype, struct weir_buf *out)
{
    weir_assert(!shape->reference);
    weir_assert(out->n == 0);
    struct run run = {.n_rows = rows->n_rows,
                      .args = {.dtype = dtype, .blocks = rows, .n_blocks = 1}};
    run.args.wanted = weir_tensor_threshold_wanted(&version->threshold, shape->wanted);
    if (!make_room(runner, &run, version->model, version->spec))
        return false;
    size_t n_faults = run_model(version, &run);
    struct weir_result result = {
        .spec = version->spec, .batch_dtype = dtype, .n_rows = rows->n_rows};
    memcpy(result.out, run.args.out, sizeof run.args.out);
    if (!weir_live_observe(shape, &result, rows->at, dtype, &runner->sampler, out))
        return false;
    for (size_t i = 0; n_faults > 0 && i < rows->n_rows; i++) {
        if (run.args.faults[i].kind != WEIR_FAULT_NONE)
            weir_live_observe_refuse(out->at, i);
    }
    return true;
}

void weir_server_runner_run(struct weir_server_runner *runner, struct weir_pool_job *jobs)
{
    weir_assert(runner);
    weir_assert(jobs);
    uint64_t start_ns = weir_clock_ns();
    struct run run = {.n_blocks = 0, .begun_ns = start_ns};
    if (gather(runner, &run, jobs, start_ns)) {
        bool is_tensors = run.jobs[0]->version->spec->form == WEIR_INPUT_TENSORS;
        struct weir_server_runner_times times =
            is_tensors ? weir_server_runner_tensors(runner, run.jobs, run.n_blocks)
                       : run_rows(runner, &run);
        for (size_t b = 0; b < run.n_blocks; b++) {
            struct weir_server_job *job = run.jobs[b];
            if (times.run_ns > 0)
                job->run_ns = 1 + times.run_ns * job->batch->n_rows / run.n_rows;
            job->encode_ns = times.encode_ns / run.n_blocks;
            weir_batch_end(job->batch, times.end_ns);
        }
    }
    if (runner->values_bytes > KEPT_VALUES_BYTES_MAX) {
        weir_mem_free(runner->mem, WEIR_TAKE(runner->values));
        runner->values_bytes = 0;
    }
}

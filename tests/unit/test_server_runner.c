/* SPDX-License-Identifier: MIT */
/* Batches of tensors through the runner, with a model that adds its two inputs and refuses rows
 * that begin with -1: what it sees, and that one client's trouble stays its own. */
#include "base/clock.h"
#include "base/macros.h"
#include "batch/batcher.h"
#include "model/builder.h"
#include "protocol/flask/flask.h"
#include "server/runner.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct weir_tensor_info inputs[] = {
    {.name = "x", .dtype = WEIR_F64, .n_dims = 2, .dims = {-1, -1}},
    {.name = "flag", .dtype = WEIR_U8, .n_dims = 2, .dims = {-1, 1}},
};
static const struct weir_tensor_info outputs[] = {
    {.name = "sum", .dtype = WEIR_F64, .n_dims = 2, .dims = {-1, 2}},
    {.name = "first", .dtype = WEIR_F64, .n_dims = 1, .dims = {-1}},
};

/* What the model was given, and how it behaves. */
static struct {
    int n_runs, n_blocks, n_releases;
    bool loses_a_row;
} fake;

static uint64_t flag_of(const struct weir_tensors_run *run, size_t n_inputs, size_t block,
                        uint64_t row)
{
    return n_inputs > 1 ? ((const uint8_t *)run->blocks[run->n_blocks + block].data)[row] : 0;
}

static enum weir_status fake_run(void *self, struct weir_tensors_run *run, struct weir_error *err)
{
    size_t n_inputs = *(const size_t *)self;
    double *values = malloc(run->n_rows * 3 * sizeof *values);
    size_t row = 0;
    fake.n_runs++;
    fake.n_blocks += (int)run->n_blocks;
    for (size_t b = 0; b < run->n_blocks; b++) {
        const double *x = run->blocks[b].data;
        uint64_t width = run->blocks[b].dims[1];
        for (uint64_t i = 0; i < run->blocks[b].dims[0]; i++, row++, x += width) {
            if (x[0] == -1) {
                free(values);
                return weir_error_set(err, WEIR_ERR_INVALID, "the model refuses -1");
            }
            double sum = (double)flag_of(run, n_inputs, b, i);
            for (uint64_t k = 0; k < width; k++)
                sum += x[k];
            values[row * 2] = sum;
            values[row * 2 + 1] = (double)width;
            values[run->n_rows * 2 + row] = x[0];
        }
    }
    cr_assert_eq(row, run->n_rows);
    run->out[0] = (struct weir_tensor){.dtype = WEIR_F64,
                                       .n_dims = 2,
                                       .dims = {run->n_rows - fake.loses_a_row, 2},
                                       .data = values};
    run->out[1] = (struct weir_tensor){
        .dtype = WEIR_F64, .n_dims = 1, .dims = {run->n_rows}, .data = values + run->n_rows * 2};
    run->held = values;
    return WEIR_OK;
}

static void fake_release(void *self, struct weir_tensors_run *run)
{
    (void)self;
    fake.n_releases++;
    free(run->held);
}

static void fake_free(void *self)
{
    (void)self;
}

static size_t fake_bytes(const void *self)
{
    (void)self;
    return 1000;
}

static const struct weir_model_tensors_ops fake_ops = {fake_run, fake_release, fake_free,
                                                       fake_bytes};

/* A batcher, a runner and one version of the fake model. */
struct bench {
    struct weir_batcher *batcher;
    struct weir_batcher_version *v;
    struct weir_server_runner runner;
    struct weir_protocol_decoder decoder;
    struct weir_model *model;
    struct weir_version version;
};

static void bench_init(struct bench *b, size_t n_inputs)
{
    static size_t self;
    self = n_inputs;
    memset(b, 0, sizeof *b);
    memset(&fake, 0, sizeof fake);
    struct weir_model_builder builder;
    cr_assert_eq(weir_model_builder_init(&builder, test_mem(), 0, NULL), WEIR_OK);
    struct weir_tensors_spec *spec = weir_arena_zalloc(builder.arena, sizeof *spec);
    *spec = (struct weir_tensors_spec){.n_inputs = n_inputs,
                                       .inputs = inputs,
                                       .n_outputs = 2,
                                       .outputs = outputs,
                                       .is_batched = true};
    builder.spec->tensors = spec;
    cr_assert_eq(weir_model_builder_finish_tensors(&builder, &fake_ops, &self, &b->model, NULL),
                 WEIR_OK);
    b->version = (struct weir_version){.name = WEIR_STR("m"),
                                       .number_text = WEIR_STR("1"),
                                       .model = b->model,
                                       .spec = weir_model_spec(b->model)};
    const struct weir_batcher_opts opts = {.n_workers = 1,
                                           .slice_user_bytes = sizeof(struct weir_server_call),
                                           .batch_user_bytes = sizeof(struct weir_server_job),
                                           .batch_user_deinit = weir_server_runner_job_deinit};
    const struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    cr_assert_eq(weir_batcher_new(&b->batcher, &opts, test_mem()), WEIR_OK);
    cr_assert_eq(weir_batcher_add_version(&b->v, b->batcher, b, &limits, NULL), WEIR_OK);
    weir_server_runner_init(&b->runner, NULL, test_mem());
    weir_protocol_decoder_init(&b->decoder, NULL, test_mem());
}

static void bench_deinit(struct bench *b)
{
    weir_batcher_free(b->batcher);
    weir_server_runner_deinit(&b->runner);
    weir_protocol_decoder_deinit(&b->decoder);
    weir_model_free(b->model);
    cr_assert_eq(test_mem_n_live(), 0);
}

static struct weir_batch_slice *put(struct bench *b, const char *features)
{
    char body[256];
    (void)snprintf(body, sizeof body, "{\"features\":%s}", features);
    struct weir_sink *sink = weir_batcher_decode(b->batcher, b->v, WEIR_TIME_NEVER, 1);
    struct weir_protocol_call call;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_protocol_flask_decode(&b->decoder, b->version.spec, WEIR_OUTPUT_PREDICT,
                                            weir_str_c(body), sink, &call, &err),
                 WEIR_OK, "%s", err.msg);
    struct weir_batch_slice *slice = weir_batcher_committed(b->batcher);
    weir_server_runner_call_of(slice)->protocol = call;
    return slice;
}

/* Takes the next batch, runs it and compares the answers of its slices in order. */
static void run(struct bench *b, const char *const *answers, size_t n)
{
    struct weir_batch *batch = NULL;
    cr_assert_neq(weir_batcher_take(b->batcher, 2, 1, &batch), WEIR_BATCHER_TAKE_EMPTY);
    struct weir_server_job *job = weir_server_runner_job_of(batch);
    job->batch = batch;
    job->version = &b->version;
    job->replies.mem = test_mem();
    job->job = (struct weir_pool_job){.group = batch->group};
    weir_server_runner_run(&b->runner, &job->job);
    size_t i = 0;
    for (struct weir_batch_slice *s = batch->slices; s; s = s->next) {
        if (weir_batcher_answer(b->batcher, s, 3) != WEIR_BATCHER_ANSWER_RESULT)
            continue;
        struct weir_server_call *call = weir_server_runner_call_of(s);
        cr_assert_lt(i, n);
        struct weir_str text = weir_str_make(job->replies.at + call->body_at, call->body_bytes);
        cr_assert(weir_str_eq_c(text, answers[i]), "%zu: %.*s", i, WEIR_STR_ARG(text));
        cr_assert_eq(call->status == WEIR_OK, *answers[i] == '{');
        i++;
    }
    cr_assert_eq(i, n);
    cr_assert_gt(job->run_ns, 0);
    weir_batcher_finish(b->batcher, batch, 1, 3);
}

Test(server_runner, requests_of_one_input_are_one_block)
{
    struct bench b;
    bench_init(&b, 1);
    put(&b, "[[1,2]]");
    struct weir_batch_slice *dead = put(&b, "[[-1,2]]");
    put(&b, "[[3,4],[5,6]]");
    cr_assert(weir_batcher_cancel(b.batcher, dead));
    run(&b,
        (const char *const[]){"{\"prediction\":[[3.0,2.0]],\"outputs\":{\"first\":[1.0]}}",
                              "{\"prediction\":[[7.0,2.0],[11.0,2.0]],\"outputs\":{\"first\":"
                              "[3.0,5.0]}}"},
        2);
    cr_assert_eq(fake.n_runs, 1);
    cr_assert_eq(fake.n_blocks, 1, "dead rows are moved out, the others lie side by side");
    cr_assert_eq(fake.n_releases, 1);
    bench_deinit(&b);
}

Test(server_runner, requests_of_several_inputs_are_a_block_each)
{
    struct bench b;
    bench_init(&b, 2);
    put(&b, "{\"x\":[[1,2,3]],\"flag\":[[100]]}");
    put(&b, "{\"flag\":[[1],[2]],\"x\":[[3,4,5],[5,6,7]]}");
    run(&b,
        (const char *const[]){"{\"prediction\":[[106.0,3.0]],\"outputs\":{\"first\":[1.0]}}",
                              "{\"prediction\":[[13.0,3.0],[20.0,3.0]],\"outputs\":{\"first\":"
                              "[3.0,5.0]}}"},
        2);
    cr_assert_eq(fake.n_runs, 1);
    cr_assert_eq(fake.n_blocks, 2);
    bench_deinit(&b);
}

Test(server_runner, a_failed_run_is_done_again_one_by_one)
{
    struct bench b;
    bench_init(&b, 2);
    put(&b, "{\"x\":[[1,2]],\"flag\":[[0]]}");
    put(&b, "{\"x\":[[-1,2]],\"flag\":[[0]]}");
    put(&b, "{\"x\":[[5,6]],\"flag\":[[1]]}");
    run(&b,
        (const char *const[]){"{\"prediction\":[[3.0,2.0]],\"outputs\":{\"first\":[1.0]}}",
                              "the model refuses -1",
                              "{\"prediction\":[[12.0,2.0]],\"outputs\":{\"first\":[5.0]}}"},
        3);
    cr_assert_eq(fake.n_runs, 4);
    cr_assert_eq(fake.n_releases, 2);
    bench_deinit(&b);
}

Test(server_runner, a_model_that_loses_a_row_is_not_believed)
{
    struct bench b;
    bench_init(&b, 1);
    fake.loses_a_row = true;
    put(&b, "[[1,2]]");
    run(&b,
        (const char *const[]){"output \"sum\": the model gave not one row for each of the 1 rows "
                              "it was given"},
        1);
    cr_assert_eq(fake.n_releases, 1);
    bench_deinit(&b);
}

Test(server_runner, answers_are_bounded)
{
    struct bench b;
    bench_init(&b, 1);
    b.runner.decoder.limits.answer_bytes_max = 700;
    put(&b, "[[1,2]]");
    run(&b, (const char *const[]){"the answer would have more bytes than are sent"}, 1);
    cr_assert_eq(fake.n_releases, 1);
    bench_deinit(&b);
}

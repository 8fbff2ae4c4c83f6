/* SPDX-License-Identifier: MIT */
/* Models that ONNX Runtime runs: finding the library, what is said where it is not, and runs from
 * several threads. Without the library all but the first cases are skipped, and say so. */
#include "base/clock.h"
#include "model/model.h"
#include "model/onnx.h"
#include "test_file.h"
#include "test_tmp.h"
#include <weir/format.h>

#include <criterion/criterion.h>

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char mlp[] = "tests/data/torch/2.15.0/networks/mlp.onnx";
static const char encoder[] = "tests/data/torch/2.15.0/networks/encoder.onnx";

/* Loads a fixture; skips the case where there is no library. */
static struct weir_model *load(const char *path, const char *guard)
{
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_format_opts opts = WEIR_FORMAT_OPTS_INIT;
    opts.onnx_guard = guard;
    struct weir_str bytes = test_file_read(path);
    enum weir_status status =
        weir_format_load_bytes(&model, bytes.at, bytes.n, "m.onnx", &opts, &err);
    test_file_free(bytes);
    if (status == WEIR_ERR_UNSUPPORTED && strstr(err.msg, "ONNX Runtime"))
        cr_skip_test("%s", err.msg);
    cr_assert_eq(status, WEIR_OK, "%s", err.msg);
    return model;
}

/* --- without the library --- */

static void expect_refusal(const char *library, const char *says)
{
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_format_opts opts = WEIR_FORMAT_OPTS_INIT;
    opts.onnxruntime_library = library;
    struct weir_str bytes = test_file_read(mlp);
    cr_assert_eq(weir_format_load_bytes(&model, bytes.at, bytes.n, "m.onnx", &opts, &err),
                 WEIR_ERR_UNSUPPORTED);
    cr_assert(strstr(err.msg, "needs ONNX Runtime"), "%s", err.msg);
    if (!strstr(err.msg, "without its C header"))
        cr_assert(strstr(err.msg, says), "%s", err.msg);
    test_file_free(bytes);
}

Test(model_onnx, a_library_that_is_not_there_is_named)
{
    expect_refusal("/nowhere/libonnxruntime.so", "/nowhere/libonnxruntime.so");
}

Test(model_onnx, a_folder_without_the_library_is_named)
{
    expect_refusal("/usr/share", "/usr/share");
}

Test(model_onnx, another_library_is_not_taken_for_it)
{
    expect_refusal("libm.so.6", "is not ONNX Runtime");
}

Test(model_onnx, trees_and_linear_models_need_no_library)
{
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_format_opts opts = WEIR_FORMAT_OPTS_INIT;
    opts.onnxruntime_library = "/nowhere";
    struct weir_str bytes = test_file_read("tests/data/skl2onnx/1.20.0/trees/xgboost_2.onnx");
    cr_assert_eq(weir_format_load_bytes(&model, bytes.at, bytes.n, "m.onnx", &opts, &err), WEIR_OK,
                 "%s", err.msg);
    cr_assert_eq(weir_spec_form(weir_model_spec(model)), WEIR_INPUT_MATRIX);
    weir_model_free(model);
    test_file_free(bytes);
}

/* --- with it --- */

Test(model_onnx, a_model_says_what_it_takes_and_gives)
{
    struct weir_model *model = load(encoder, NULL);
    const struct weir_spec *spec = weir_model_spec(model);
    cr_assert_eq(weir_spec_form(spec), WEIR_INPUT_TENSORS);
    cr_assert(weir_spec_is_batched(spec));
    cr_assert_eq(weir_spec_n_tensor_inputs(spec), 2);
    cr_assert_str_eq(weir_spec_tensor_input(spec, 0)->name, "input_ids");
    cr_assert_eq(weir_spec_tensor_input(spec, 0)->dtype, WEIR_I64);
    cr_assert_eq(weir_spec_tensor_input(spec, 0)->dims[0], -1);
    cr_assert_eq(weir_spec_tensor_input(spec, 0)->dims[1], 6);
    cr_assert_str_eq(weir_spec_tensor_output(spec, 1)->name, "hidden");
    cr_assert_eq(weir_spec_tensor_output(spec, 1)->n_dims, 3);
    weir_model_free(model);
}

Test(model_onnx, what_the_library_refuses_at_run_is_the_inputs_fault)
{
    struct weir_model *model = load(encoder, NULL);
    int64_t ids[6] = {1, 2, 3, 4, 5, 600}; /* there are 30 words */
    int64_t mask[6] = {1, 1, 1, 1, 1, 1};
    const struct weir_tensor inputs[2] = {
        {.dtype = WEIR_I64, .n_dims = 2, .dims = {1, 6}, .data = ids},
        {.dtype = WEIR_I64, .n_dims = 2, .dims = {1, 6}, .data = mask}};
    struct weir_tensors_answer *answer = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_model_predict_tensors(model, inputs, 2, 0, &answer, &err), WEIR_ERR_INVALID);
    cr_assert(strstr(err.msg, "ONNX Runtime: "), "%s", err.msg);
    ids[5] = 6;
    cr_assert_eq(weir_model_predict_tensors(model, inputs, 2, 1, &answer, &err), WEIR_OK, "%s",
                 err.msg);
    cr_assert_eq(weir_tensors_answer_get(answer, 0)->dims[1], 4);
    cr_assert_null(weir_tensors_answer_get(answer, 1)); /* not asked for */
    weir_tensors_answer_free(answer);
    weir_model_free(model);
}

/* --- the guard --- */

Test(model_onnx, a_sound_model_passes_the_guard)
{
    const char *program = getenv("WEIR_PROGRAM");
    cr_assert(program, "WEIR_PROGRAM is not set");
    weir_model_free(load(mlp, program));
}

/* y = x · w; w, two numbers, is in w.bin. */
static const char external[] =
    "\x08\x08:]\n\x0e\n\x01x\n\x01w\x12\x01y\"\x03Mul\x12\x01g*\x1c\x08\x02\x10\x01"
    "B\x01wj\x11\n\x08location\x12\x05w.binp\x01Z\x14\n\x01x\x12\x0f\n\r\x08\x01\x12\t\n"
    "\x03\x12\x01n\n\x02\x08\x02"
    "b\x14\n\x01y\x12\x0f\n\r\x08\x01\x12\t\n\x03\x12\x01n\n\x02\x08\x02"
    "B\x04\n\x00\x10\x11";

/* The trial must have all of it: a model without its weights would be refused. */
Test(model_onnx, the_guard_has_the_files_beside_the_model)
{
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_format_opts opts = WEIR_FORMAT_OPTS_INIT;
    struct weir_test_tmp tmp;
    char path[300];
    weir_model_free(load(mlp, NULL)); /* skips without the library */
    opts.onnx_guard = getenv("WEIR_PROGRAM");
    opts.onnx_external_data = true;
    weir_test_tmp_init(&tmp);
    weir_test_tmp_write(&tmp, "m.onnx", external, sizeof external - 1);
    weir_test_tmp_write(&tmp, "w.bin", "\0\0\200?\0\0\0@", 8); /* 1, 2 */
    weir_test_tmp_path(&tmp, "m.onnx", path, sizeof path);
    cr_assert_eq(weir_format_load(&model, path, &opts, &err), WEIR_OK, "%s", err.msg);
    weir_model_free(model);
    weir_test_tmp_deinit(&tmp);
}

/* Loads a sound model with a guard that is a shell script, and returns how that ends. */
static enum weir_status load_guarded_by(const char *script, uint64_t deadline_ns,
                                        struct weir_error *err)
{
    struct weir_model *model = NULL;
    struct weir_format_opts opts = WEIR_FORMAT_OPTS_INIT;
    struct weir_test_tmp tmp;
    char path[300];
    weir_model_free(load(mlp, NULL)); /* skips without the library */
    weir_test_tmp_init(&tmp);
    weir_test_tmp_write(&tmp, "guard", script, strlen(script));
    weir_test_tmp_path(&tmp, "guard", path, sizeof path);
    cr_assert_eq(chmod(path, 0700), 0);
    opts.onnx_guard = path;
    opts.deadline_ns = deadline_ns;
    struct weir_str bytes = test_file_read(mlp);
    enum weir_status status =
        weir_format_load_bytes(&model, bytes.at, bytes.n, "m.onnx", &opts, err);
    test_file_free(bytes);
    weir_test_tmp_deinit(&tmp);
    cr_assert_eq(status == WEIR_OK, model != NULL);
    weir_model_free(model);
    return status;
}

Test(model_onnx, a_model_that_ends_its_trial_is_refused)
{
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(load_guarded_by("#!/bin/sh\nkill -FPE $$\n", 0, &err), WEIR_ERR_INVALID);
    cr_assert(strstr(err.msg, "does not survive this model"), "%s", err.msg);
    cr_assert_eq(load_guarded_by("#!/bin/sh\nexit 1\n", 0, &err), WEIR_ERR_INVALID);
    cr_assert(strstr(err.msg, "ended with code 1"), "%s", err.msg);
}

Test(model_onnx, a_trial_that_does_not_end_is_ended)
{
    struct weir_error err = WEIR_ERROR_INIT;
    uint64_t from = weir_clock_ns();
    cr_assert_eq(load_guarded_by("#!/bin/sh\nexec sleep 100\n", from + WEIR_NS_PER_S, &err),
                 WEIR_ERR_TIMEOUT);
    cr_assert(strstr(err.msg, "does not come to an end"), "%s", err.msg);
    cr_assert_lt(weir_clock_ns() - from, 50 * WEIR_NS_PER_S);
}

Test(model_onnx, a_trial_has_nothing_of_its_parents_but_the_model)
{
    struct weir_error err = WEIR_ERROR_INIT;
    /* Open are 0 to 2, the memory file, and what the shell itself reads. */
    static const char script[] = "#!/bin/sh\n"
                                 "[ \"$1\" = onnx-guard ] && [ \"$2\" = 3 ] || exit 1\n"
                                 "[ \"$(head -c 8 /proc/self/fd/3)\" = weirtry1 ] || exit 2\n"
                                 "[ \"$(readlink /proc/$$/fd/2)\" = /dev/null ] || exit 3\n"
                                 "[ -e /proc/$$/fd/4 ] && exit 4\n"
                                 "grep -q '^SigBlk:.0*$' /proc/self/status || exit 5\n"
                                 "exit 80\n";
    sigset_t block, before;
    (void)sigemptyset(&block);
    (void)sigaddset(&block, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &block, &before);
    cr_assert_eq(load_guarded_by(script, 0, &err), WEIR_OK, "%s", err.msg);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

Test(model_onnx, a_guard_that_does_not_start_is_named)
{
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(load_guarded_by("#!/nowhere/weir\n", 0, &err), WEIR_ERR_IO);
    cr_assert(strstr(err.msg, "does not start"), "%s", err.msg);
    cr_assert(strstr(err.msg, "onnx_guard"), "%s", err.msg);
}

Test(model_onnx, a_guard_of_another_version_is_named)
{
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(load_guarded_by("#!/bin/sh\nexit 82\n", 0, &err), WEIR_ERR_IO);
    cr_assert(strstr(err.msg, "could not take the model"), "%s", err.msg);
}

struct thread {
    pthread_t id;
    const struct weir_model *model;
    float first;
    bool has_failed;
};

static void *run_often(void *arg)
{
    struct thread *t = arg;
    float x[2 * 12];
    for (size_t i = 0; i < 24; i++)
        x[i] = (float)i / 10;
    for (size_t i = 0; i < 300 && !t->has_failed; i++) {
        size_t n = 1 + i % 2;
        const struct weir_tensor input = {
            .dtype = WEIR_F32, .n_dims = 2, .dims = {n, 12}, .data = x};
        struct weir_tensors_answer *answer = NULL;
        if (weir_model_predict_tensors(t->model, &input, 1, 0, &answer, NULL) != WEIR_OK) {
            t->has_failed = true;
            break;
        }
        float first = ((const float *)weir_tensors_answer_get(answer, 0)->data)[0];
        t->has_failed = i > 0 && !(fabsf(first - t->first) < 1e-5f);
        t->first = first;
        weir_tensors_answer_free(answer);
    }
    return NULL;
}

Test(model_onnx, threads_share_a_session)
{
    struct weir_model *model = load(mlp, NULL);
    struct thread threads[3];
    for (size_t i = 0; i < 3; i++) {
        threads[i] = (struct thread){.model = model};
        cr_assert_eq(pthread_create(&threads[i].id, NULL, run_often, &threads[i]), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        (void)pthread_join(threads[i].id, NULL);
        cr_assert_not(threads[i].has_failed);
    }
    weir_model_free(model);
}

Test(model_onnx, garbage_below_a_sound_head_is_refused_with_a_reason)
{
    struct weir_model *model = load(mlp, NULL); /* skips without the library */
    struct weir_error err = WEIR_ERROR_INIT;
    weir_model_free(model);
    model = NULL;
    /* A graph of one node of an operator that nobody has. */
    static const char bytes[] = "\x08\x08:\x17\n\x0d\n\x01x\x12\x01y\"\x05Zorro"
                                "Z\x03\n\x01x"
                                "b\x01\n"
                                "B\x02\x10\x11";
    struct weir_format_opts opts = WEIR_FORMAT_OPTS_INIT;
    char reason[sizeof err.msg];
    enum weir_status status =
        weir_format_load_bytes(&model, bytes, sizeof bytes - 1, "m.onnx", &opts, &err);
    cr_assert_neq(status, WEIR_OK);
    cr_assert_neq(err.msg[0], '\0');
    memcpy(reason, err.msg, sizeof reason);
    opts.onnx_guard = getenv("WEIR_PROGRAM"); /* The reason comes from the other process. */
    cr_assert_eq(weir_format_load_bytes(&model, bytes, sizeof bytes - 1, "m.onnx", &opts, &err),
                 status);
    cr_assert_str_eq(err.msg, reason);
}

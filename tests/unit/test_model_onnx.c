/* SPDX-License-Identifier: MIT */
/* Models that ONNX Runtime runs: finding the library, what is said where it is not, and runs from
 * several threads. Without the library all but the first cases are skipped, and say so. */
#include "model/model.h"
#include "model/onnx.h"
#include "test_file.h"
#include <weir/format.h>

#include <criterion/criterion.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char mlp[] = "tests/data/torch/2.15.0/networks/mlp.onnx";
static const char encoder[] = "tests/data/torch/2.15.0/networks/encoder.onnx";

/* Loads a fixture; skips the case where there is no library. */
static struct weir_model *load(const char *path, bool is_guarded)
{
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_format_opts opts = WEIR_FORMAT_OPTS_INIT;
    opts.onnx_guard = is_guarded;
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
    struct weir_model *model = load(encoder, false);
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
    struct weir_model *model = load(encoder, false);
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

Test(model_onnx, a_sound_model_passes_the_guard)
{
    weir_model_free(load(mlp, true));
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
    struct weir_model *model = load(mlp, false);
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
    struct weir_model *model = load(mlp, false); /* skips without the library */
    struct weir_error err = WEIR_ERROR_INIT;
    weir_model_free(model);
    model = NULL;
    /* A graph of one node of an operator that nobody has. */
    static const char bytes[] = "\x08\x08:\x17\n\x0d\n\x01x\x12\x01y\"\x05Zorro"
                                "Z\x03\n\x01x"
                                "b\x01\n"
                                "B\x02\x10\x11";
    enum weir_status status =
        weir_format_load_bytes(&model, bytes, sizeof bytes - 1, "m.onnx", NULL, &err);
    cr_assert_neq(status, WEIR_OK);
    cr_assert_neq(err.msg[0], '\0');
}

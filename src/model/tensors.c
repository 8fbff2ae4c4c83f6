/* SPDX-License-Identifier: MIT */
/* Models that take and give tensors: what they share whatever computes them. */
#include "base/macros.h"
#include "model/model.h"
#include "model/model_priv.h"

#include <string.h>

static bool is_dynamic_first(const struct weir_tensor_info *infos, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (infos[i].n_dims < 1 || infos[i].dims[0] >= 0)
            return false;
    }
    return true;
}

static enum weir_status check_infos(const char *what, const struct weir_tensor_info *infos,
                                    size_t n, struct weir_error *err)
{
    if (n == 0 || n > WEIR_TENSORS_MAX)
        return weir_error_set(err, WEIR_ERR_INVALID, "the model has %zu %ss; 1 to %d can be served",
                              n, what, WEIR_TENSORS_MAX);
    for (size_t i = 0; i < n; i++) {
        if (infos[i].n_dims > WEIR_TENSOR_DIMS_MAX)
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "%s \"%.64s\" has %d dimensions; at most %d can be served", what,
                                  infos[i].name, infos[i].n_dims, WEIR_TENSOR_DIMS_MAX);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(infos[i].name, infos[k].name) == 0)
                return weir_error_set(err, WEIR_ERR_INVALID, "two %ss are called \"%.64s\"", what,
                                      infos[i].name);
        }
    }
    return WEIR_OK;
}

enum weir_status weir_model_builder_finish_tensors(struct weir_model_builder *b,
                                                   const struct weir_model_tensors_ops *ops,
                                                   void *self, struct weir_model **out,
                                                   struct weir_error *err)
{
    weir_assert(b->model);
    weir_assert(ops);
    const struct weir_tensors_spec *tensors = b->spec->tensors;
    weir_assert(tensors);
    enum weir_status status = check_infos("input", tensors->inputs, tensors->n_inputs, err);
    if (status == WEIR_OK)
        status = check_infos("output", tensors->outputs, tensors->n_outputs, err);
    if (status != WEIR_OK)
        return status;
    if (tensors->is_batched && (!is_dynamic_first(tensors->inputs, tensors->n_inputs) ||
                                !is_dynamic_first(tensors->outputs, tensors->n_outputs)))
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "not every input and output begins with a dimension that varies");
    b->spec->form = WEIR_INPUT_TENSORS;
    b->model->ops = ops;
    b->model->self = self;
    *out = b->model;
    *b = (struct weir_model_builder){.arena = NULL};
    return WEIR_OK;
}

enum weir_status weir_model_run_tensors(const struct weir_model *model,
                                        struct weir_tensors_run *run, struct weir_error *err)
{
    weir_assert(model);
    weir_assert(model->ops);
    weir_assert(run->n_blocks > 0);
    weir_assert(run->wanted != 0);
    const struct weir_tensors_spec *spec = model->spec.tensors;
    weir_assert(run->n_blocks == 1 || spec->is_batched);
    run->held = NULL;
    enum weir_status status = model->ops->run(model->self, run, err);
    if (status != WEIR_OK)
        return status;
    for (size_t o = 0; o < spec->n_outputs; o++) {
        const struct weir_tensor *t = &run->out[o];
        if (!(run->wanted & UINT64_C(1) << o))
            continue;
        weir_assert(t->n_dims <= WEIR_TENSOR_DIMS_MAX);
        if (spec->is_batched && (t->n_dims == 0 || t->dims[0] != run->n_rows)) {
            model->ops->release(model->self, run);
            return weir_error_set(err, WEIR_ERR_INTERNAL,
                                  "output \"%.64s\": the model gave not one row for each of the "
                                  "%zu rows it was given",
                                  spec->outputs[o].name, run->n_rows);
        }
    }
    return WEIR_OK;
}

void weir_model_release_tensors(const struct weir_model *model, struct weir_tensors_run *run)
{
    weir_assert(model);
    weir_assert(model->ops);
    model->ops->release(model->self, run);
    run->held = NULL;
}

struct weir_tensors_answer {
    const struct weir_model *model;
    struct weir_tensors_run run;
};

static enum weir_status check_input(const struct weir_tensors_spec *spec, size_t i,
                                    const struct weir_tensor *tensor, struct weir_error *err)
{
    if (tensor->dtype != spec->inputs[i].dtype)
        return weir_error_set(err, WEIR_ERR_INVALID, "input \"%.64s\": expected %s, got %s",
                              spec->inputs[i].name, weir_dtype_name(spec->inputs[i].dtype),
                              weir_dtype_name(tensor->dtype));
    if (tensor->n_dims > WEIR_TENSOR_DIMS_MAX)
        return weir_error_set(err, WEIR_ERR_INVALID, "input \"%.64s\": more than %d dimensions",
                              spec->inputs[i].name, WEIR_TENSOR_DIMS_MAX);
    struct weir_tensors_shape shape = {.n_dims = tensor->n_dims};
    memcpy(shape.dims, tensor->dims, tensor->n_dims * sizeof *shape.dims);
    return weir_tensors_check_shape(spec, i, &shape, err);
}

enum weir_status weir_model_predict_tensors(const struct weir_model *model,
                                            const struct weir_tensor *inputs, size_t n_inputs,
                                            uint64_t wanted, struct weir_tensors_answer **out,
                                            struct weir_error *err)
{
    weir_assert(model);
    weir_assert(inputs || n_inputs == 0);
    weir_assert(out);
    const struct weir_tensors_spec *spec = model->spec.tensors;
    if (!model->ops)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "%.*s takes rows, not tensors",
                              WEIR_STR_ARG(model->spec.estimator));
    if (n_inputs != spec->n_inputs)
        return weir_error_set(err, WEIR_ERR_INVALID, "%zu inputs, the model takes %zu", n_inputs,
                              spec->n_inputs);
    uint64_t all = weir_tensors_all_outputs(spec);
    if (wanted & ~all)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "the model has %zu outputs",
                              spec->n_outputs);
    for (size_t i = 0; i < n_inputs; i++) {
        enum weir_status status = check_input(spec, i, &inputs[i], err);
        if (status != WEIR_OK)
            return status;
        if (spec->is_batched && inputs[i].dims[0] != inputs[0].dims[0])
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "input \"%.64s\" has not as many rows as \"%.64s\"",
                                  spec->inputs[i].name, spec->inputs[0].name);
    }
    struct weir_tensors_answer *answer = weir_mem_zalloc(weir_mem_default(), sizeof *answer);
    if (!answer)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for an answer");
    answer->model = model;
    answer->run =
        (struct weir_tensors_run){.n_blocks = 1,
                                  .n_rows = spec->is_batched ? (size_t)inputs[0].dims[0] : 1,
                                  .blocks = inputs,
                                  .wanted = wanted ? wanted : all};
    enum weir_status status = weir_model_run_tensors(model, &answer->run, err);
    answer->run.blocks = NULL;
    if (status != WEIR_OK) {
        weir_mem_free(weir_mem_default(), answer);
        return status;
    }
    *out = answer;
    return WEIR_OK;
}

const struct weir_tensor *weir_tensors_answer_get(const struct weir_tensors_answer *answer,
                                                  size_t i)
{
    weir_assert(answer);
    weir_assert(i < answer->model->spec.tensors->n_outputs);
    return answer->run.wanted & UINT64_C(1) << i ? &answer->run.out[i] : NULL;
}

void weir_tensors_answer_free(struct weir_tensors_answer *answer)
{
    if (!answer)
        return;
    weir_model_release_tensors(answer->model, &answer->run);
    weir_mem_free(weir_mem_default(), answer);
}

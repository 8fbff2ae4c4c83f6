/* SPDX-License-Identifier: MIT */
/* Warming up a model of tensors: zeros of the smallest shape. Such a shape need not suit the model
 * (a kernel may be wider than one pixel), so its refusal means nothing. */
#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "repo/warm_priv.h"

#include <string.h>

enum {
    ROWS = 8, /* of the larger run */
    RUNS_MIN = 2,
    RUNS_MAX = 50,
    ITEMS_MAX = 1 << 22, /* of one input */
};

static const uint64_t run_ns_max = 20 * WEIR_NS_PER_MS; /* for each of the two sizes */

struct inputs {
    const struct weir_model *model;
    const struct weir_tensors_spec *spec;
    struct weir_tensor tensors[WEIR_TENSORS_MAX];
    void *data[WEIR_TENSORS_MAX]; /* owned; room for ROWS rows */
};

static void inputs_deinit(struct inputs *in)
{
    for (size_t i = 0; i < in->spec->n_inputs; i++)
        weir_mem_free(weir_mem_default(), in->data[i]);
}

/* Makes zeros for every input; false: no memory, or larger than is worth it. */
static bool inputs_init(struct inputs *in, const struct weir_model *model)
{
    *in = (struct inputs){.model = model, .spec = weir_model_spec(model)->tensors};
    for (size_t i = 0; i < in->spec->n_inputs; i++) {
        const struct weir_tensor_info *info = &in->spec->inputs[i];
        struct weir_tensor *t = &in->tensors[i];
        t->dtype = info->dtype;
        t->n_dims = info->n_dims > 0 ? (uint32_t)info->n_dims : 0;
        for (uint32_t k = 0; k < t->n_dims; k++)
            t->dims[k] = info->dims[k] < 0 ? 1 : (uint64_t)info->dims[k];
        uint64_t n = weir_tensor_n_items(t);
        if (n > ITEMS_MAX)
            return false;
        n = n * ROWS + 1; /* of no elements too, something to point to */
        in->data[i] =
            weir_mem_zarray(weir_mem_default(), (size_t)n, weir_tensor_item_bytes(info->dtype));
        if (!in->data[i])
            return false;
        for (uint64_t k = 0; info->dtype == WEIR_BYTES && k < n; k++)
            ((struct weir_text *)in->data[i])[k].at = "";
        t->data = in->data[i];
    }
    return true;
}

/* Returns the shortest time of several runs of n_rows; 0: the model refuses. */
static uint64_t measure(struct inputs *in, size_t n_rows)
{
    uint64_t best = UINT64_MAX;
    uint64_t sum = 0;
    for (size_t i = 0; in->spec->is_batched && i < in->spec->n_inputs; i++)
        in->tensors[i].dims[0] = n_rows;
    for (int i = 0; i < RUNS_MAX && (i < RUNS_MIN || sum < run_ns_max); i++) {
        struct weir_tensors_run run = {
            .n_blocks = 1,
            .n_rows = in->spec->is_batched ? n_rows : 1,
            .blocks = in->tensors,
            .wanted = weir_tensors_all_outputs(in->spec),
        };
        uint64_t from = weir_clock_ns();
        if (weir_model_run_tensors(in->model, &run, NULL) != WEIR_OK)
            return 0;
        uint64_t ns = 1 + weir_clock_ns() - from;
        weir_model_release_tensors(in->model, &run);
        sum += ns;
        best = ns < best ? ns : best;
    }
    return best;
}

enum weir_status weir_repo_warm_tensors(const struct weir_model *model, struct weir_repo_warm *out,
                                        struct weir_error *err)
{
    (void)err; /* Nothing here refuses a model. */
    struct inputs in;
    *out = (struct weir_repo_warm){0};
    if (inputs_init(&in, model)) {
        uint64_t one = measure(&in, 1);
        uint64_t all = one > 0 && in.spec->is_batched ? measure(&in, ROWS) : 0;
        double slope = all > one ? (double)(all - one) / (ROWS - 1) : 0;
        out->cost_row_ns = slope;
        out->cost_ns = (double)one > slope ? (double)one - slope : 0;
    }
    inputs_deinit(&in);
    return WEIR_OK;
}

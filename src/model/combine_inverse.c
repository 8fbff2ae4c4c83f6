/* SPDX-License-Identifier: MIT */
/* Predictions of a transformed target, turned back. */
#include "model/combine_priv.h"

#include <float.h>
#include <math.h>
#include <string.h>

struct inverse {
    struct weir_model_combine combine;
    const struct weir_model_combine_inverse_step *steps;
    size_t n_steps;
};

static double box_cox(double x, double lambda)
{
    return lambda == 0.0 ? exp(x) : pow(x * lambda + 1.0, 1.0 / lambda);
}

static double johnson(double x, double lambda)
{
    if (x >= 0.0)
        return fabs(lambda) < DBL_EPSILON ? exp(x) - 1.0
                                          : pow(x * lambda + 1.0, 1.0 / lambda) - 1.0;
    if (fabs(lambda - 2.0) > DBL_EPSILON)
        return 1.0 - pow(-(2.0 - lambda) * x + 1.0, 1.0 / (2.0 - lambda));
    return 1.0 - exp(-x);
}

static double apply(const struct weir_model_combine_inverse_step *step, size_t k, double x)
{
    switch (step->op) {
    case WEIR_MODEL_COMBINE_INVERSE_MULTIPLY:
        return x * step->a[k];
    case WEIR_MODEL_COMBINE_INVERSE_DIVIDE:
        return x / step->a[k];
    case WEIR_MODEL_COMBINE_INVERSE_ADD:
        return x + step->a[k];
    case WEIR_MODEL_COMBINE_INVERSE_SUBTRACT:
        return x - step->a[k];
    case WEIR_MODEL_COMBINE_INVERSE_CALL:
        return step->call(x);
    case WEIR_MODEL_COMBINE_INVERSE_BOX_COX:
        return box_cox(x, step->a[k]);
    case WEIR_MODEL_COMBINE_INVERSE_JOHNSON:
        return johnson(x, step->a[k]);
    }
    return x;
}

static void inverse_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct inverse *v = (const struct inverse *)(const void *)node;
    double *out = run->out[WEIR_OUTPUT_PREDICT];
    size_t n = node->n_out[WEIR_OUTPUT_PREDICT];
    bool is_f32 = weir_model_combine_is_f32(&v->combine, run, 0, WEIR_OUTPUT_PREDICT);
    weir_model_combine_member_run(&v->combine, run, 0, run->out);
    for (size_t i = 0; out && i < run->n_rows * n; i++)
        for (size_t s = 0; s < v->n_steps; s++)
            out[i] = weir_model_node_round(apply(&v->steps[s], i % n, out[i]), is_f32);
}

enum weir_status weir_model_combine_inverse_new(struct weir_model_builder *b,
                                                const struct weir_model_combine_opts *opts,
                                                const struct weir_model_combine_inverse_step *steps,
                                                size_t n_steps, bool is_vector,
                                                const struct weir_model_node **out,
                                                struct weir_error *err)
{
    weir_assert(opts->n == 1);
    const struct weir_model_node *member = opts->members[0].node;
    if (member->predicts_labels || member->n_out[WEIR_OUTPUT_PREDICT] == 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "its estimator is no regressor");
    struct weir_model_combine_base how = {
        .opts = opts, .node_bytes = sizeof(struct inverse), .own_bytes = 0};
    void *made;
    enum weir_status status = weir_model_combine_init(b, &how, &made, err);
    if (status != WEIR_OK)
        return status;
    struct inverse *v = made;
    struct weir_model_combine_inverse_step *copy =
        weir_arena_array(b->arena, n_steps + 1, sizeof *copy);
    if (!copy)
        return weir_model_builder_no_memory(b, err);
    if (n_steps > 0)
        memcpy(copy, steps, n_steps * sizeof *copy);
    v->steps = copy;
    v->n_steps = n_steps;
    struct weir_model_node *node = &v->combine.node;
    node->run = inverse_run;
    node->n_out[WEIR_OUTPUT_PREDICT] = member->n_out[WEIR_OUTPUT_PREDICT];
    node->is_vector = is_vector;
    node->follows_f32 = member->follows_f32 & 1u << WEIR_OUTPUT_PREDICT;
    *out = node;
    return WEIR_OK;
}

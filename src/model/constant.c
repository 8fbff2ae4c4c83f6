/* SPDX-License-Identifier: MIT */
#include "model/constant.h"

#include <string.h>

struct constant {
    struct weir_model_node node;
    const double *numbers;
    const int32_t *classes;
    const double *proba;
};

static void constant_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct constant *c = (const struct constant *)(const void *)node;
    char *predict = run->out[WEIR_OUTPUT_PREDICT];
    double *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
    size_t n = node->n_out[WEIR_OUTPUT_PREDICT];
    size_t n_proba = node->n_out[WEIR_OUTPUT_PREDICT_PROBA];
    size_t bytes = n * (c->classes ? sizeof *c->classes : sizeof *c->numbers);
    const void *from = c->classes ? (const void *)c->classes : c->numbers;
    for (size_t row = 0; row < run->n_rows; row++) {
        if (predict)
            memcpy(predict + row * bytes, from, bytes);
        if (proba)
            memcpy(proba + row * n_proba, c->proba, n_proba * sizeof *proba);
    }
}

enum weir_status weir_model_constant_new(struct weir_model_builder *b,
                                         const struct weir_model_constant_opts *opts,
                                         const struct weir_model_node **out, struct weir_error *err)
{
    if (opts->n_targets > WEIR_MODEL_COLUMNS_MAX || opts->n_proba > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct constant *c = weir_model_builder_node(b, sizeof *c);
    if (!c)
        return weir_model_builder_no_memory(b, err);
    if (opts->is_classifier) {
        int32_t *classes = weir_arena_array(b->arena, opts->n_targets, sizeof *classes);
        c->proba = weir_model_builder_doubles(b, opts->proba, opts->n_proba);
        if (!classes || !c->proba)
            return weir_model_builder_no_memory(b, err);
        memcpy(classes, opts->classes, opts->n_targets * sizeof *classes);
        c->classes = classes;
    } else {
        c->numbers = weir_model_builder_doubles(b, opts->numbers, opts->n_targets);
        if (!c->numbers)
            return weir_model_builder_no_memory(b, err);
    }
    struct weir_model_node *node = &c->node;
    node->run = constant_run;
    node->n_in = opts->n_in;
    node->allows_nan = true;
    node->allows_inf = true;
    node->predicts_labels = opts->is_classifier;
    node->is_vector = opts->is_vector;
    node->n_out[WEIR_OUTPUT_PREDICT] = opts->n_targets;
    node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = opts->is_classifier ? opts->n_proba : 0;
    node->targets = opts->targets;
    node->n_targets = opts->n_targets;
    node->depth = 1;
    enum weir_status status = weir_model_builder_step(b, opts->name, false, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}

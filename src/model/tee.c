/* SPDX-License-Identifier: MIT */
#include "model/tee.h"

struct tee {
    struct weir_model_node node;
    const struct weir_model_node *transformer;
    const struct weir_model_node *predictor;
};

static void tee_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct tee *t = (const struct tee *)(const void *)node;
    struct weir_model_node_run part = *run;
    bool predicts = false;
    part.out[WEIR_OUTPUT_TRANSFORM] = NULL;
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++)
        predicts = predicts || part.out[o];
    if (predicts)
        t->predictor->run(t->predictor, &part);
    if (!run->out[WEIR_OUTPUT_TRANSFORM])
        return;
    part = *run;
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++)
        if (o != WEIR_OUTPUT_TRANSFORM)
            part.out[o] = NULL;
    t->transformer->run(t->transformer, &part);
}

enum weir_status weir_model_tee_new(struct weir_model_builder *b,
                                    const struct weir_model_node *transformer,
                                    const struct weir_model_node *predictor,
                                    const struct weir_model_node **out, struct weir_error *err)
{
    if (transformer->n_in != predictor->n_in)
        return weir_error_set(err, WEIR_ERR_INVALID, "%u columns are given, %u are taken",
                              transformer->n_in, predictor->n_in);
    uint32_t transform = 1u << WEIR_OUTPUT_TRANSFORM;
    struct tee *t = weir_model_builder_node(b, sizeof *t);
    if (!t)
        return weir_model_builder_no_memory(b, err);
    t->transformer = transformer;
    t->predictor = predictor;
    struct weir_model_node *node = &t->node;
    *node = *predictor;
    node->run = tee_run;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = transformer->n_out[WEIR_OUTPUT_TRANSFORM];
    node->takes_f32 = false;
    node->allows_nan = transformer->allows_nan && predictor->allows_nan;
    node->allows_inf = transformer->allows_inf && predictor->allows_inf;
    node->keeps_columns = transformer->keeps_columns;
    node->follows_f32 =
        (predictor->follows_f32 & ~transform) | (transformer->follows_f32 & transform);
    uint16_t depth = transformer->depth > predictor->depth ? transformer->depth : predictor->depth;
    if (depth >= WEIR_MODEL_DEPTH_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "estimators are nested deeper than %d",
                              WEIR_MODEL_DEPTH_MAX);
    node->depth = (uint16_t)(depth + 1);
    node->scratch_bytes = weir_max_size(transformer->scratch_bytes, predictor->scratch_bytes);
    *out = node;
    return WEIR_OK;
}

/* SPDX-License-Identifier: MIT */
#include "model/outlier.h"

struct outlier {
    struct weir_model_node node;
    const struct weir_model_node *inner;
    double offset;
    bool gives_decision;
    bool comes_back;
    bool ties_are_in;
    size_t inner_at; /* offset into scratch */
};

static void outlier_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct outlier *o = (const struct outlier *)(const void *)node;
    double *numbers = (double *)(void *)run->scratch;
    struct weir_model_node_run inner = {.n_rows = run->n_rows,
                                        .in = run->in,
                                        .faults = run->faults,
                                        .scratch = run->scratch + o->inner_at};
    inner.out[WEIR_OUTPUT_PREDICT] = numbers;
    o->inner->run(o->inner, &inner);
    int32_t *labels = run->out[WEIR_OUTPUT_PREDICT];
    double *decision = run->out[WEIR_OUTPUT_DECISION_FUNCTION];
    double *samples = run->out[WEIR_OUTPUT_SCORE_SAMPLES];
    bool is_f32 = run->in.is_f32 && o->inner->follows_f32 & 1u << WEIR_OUTPUT_PREDICT;
    for (size_t row = 0; row < run->n_rows; row++) {
        double v = numbers[row];
        double d = o->gives_decision ? v : weir_model_node_round(v - o->offset, is_f32);
        if (decision)
            decision[row] = d;
        if (labels)
            labels[row] = o->ties_are_in ? d >= 0.0 : d > 0.0;
        if (samples)
            samples[row] = o->comes_back ? weir_model_node_round(d + o->offset, is_f32) : v;
    }
}

enum weir_status weir_model_outlier_new(struct weir_model_builder *b,
                                        const struct weir_model_outlier_opts *opts,
                                        const struct weir_model_node **out, struct weir_error *err)
{
    static const int64_t values[] = {-1, 1};
    const struct weir_model_node *inner = opts->inner;
    weir_assert(inner->n_out[WEIR_OUTPUT_PREDICT] == 1);
    weir_assert(!inner->predicts_labels);
    struct outlier *o = weir_model_builder_node(b, sizeof *o);
    struct weir_labels *labels = weir_arena_zalloc(b->arena, sizeof *labels);
    if (!o || !labels)
        return weir_model_builder_no_memory(b, err);
    enum weir_status status = weir_model_builder_labels(b, labels, WEIR_I64, 2, values, err);
    if (status != WEIR_OK)
        return status;
    if (inner->depth >= WEIR_MODEL_DEPTH_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "estimators are nested deeper than %d",
                              WEIR_MODEL_DEPTH_MAX);
    o->inner = inner;
    o->offset = opts->offset;
    o->gives_decision = opts->gives_decision;
    o->comes_back = opts->comes_back || opts->gives_decision;
    o->ties_are_in = opts->ties_are_in;
    o->inner_at = weir_model_node_block_bytes(1);
    struct weir_model_node *node = &o->node;
    *node = *inner; /* its input rules */
    node->run = outlier_run;
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++)
        node->n_out[i] = i == WEIR_OUTPUT_PREDICT || i == WEIR_OUTPUT_DECISION_FUNCTION ||
                         i == WEIR_OUTPUT_SCORE_SAMPLES;
    node->predicts_labels = true;
    node->is_vector = true;
    node->is_decision_vector = true;
    node->follows_f32 = inner->follows_f32 & 1u << WEIR_OUTPUT_PREDICT
                            ? 1u << WEIR_OUTPUT_DECISION_FUNCTION | 1u << WEIR_OUTPUT_SCORE_SAMPLES
                            : 0;
    node->targets = labels;
    node->n_targets = 1;
    node->depth = (uint16_t)(inner->depth + 1);
    node->scratch_bytes = o->inner_at + inner->scratch_bytes;
    *out = node;
    return WEIR_OK;
}

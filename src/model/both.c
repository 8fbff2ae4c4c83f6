/* SPDX-License-Identifier: MIT */
#include "model/both.h"

struct both {
    struct weir_model_node node;
    const struct weir_model_node *part[2];
};

static void both_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct both *both = (const struct both *)(const void *)node;
    for (size_t i = 0; i < 2; i++) {
        const struct weir_model_node *part = both->part[i];
        struct weir_model_node_run one = *run;
        bool is_wanted = false;
        for (size_t o = 0; o < WEIR_OUTPUT_N; o++) {
            bool is_its = part->n_out[o] > 0 && (i == 0 || both->part[0]->n_out[o] == 0);
            one.out[o] = is_its ? run->out[o] : NULL;
            is_wanted = is_wanted || one.out[o];
        }
        if (is_wanted)
            part->run(part, &one);
    }
}

enum weir_status weir_model_both_new(struct weir_model_builder *b,
                                     const struct weir_model_node *first,
                                     const struct weir_model_node *second,
                                     const struct weir_model_node **out, struct weir_error *err)
{
    weir_assert(first->n_in == second->n_in);
    weir_assert(first->columns == NULL);
    weir_assert(second->columns == NULL);
    struct both *both = weir_model_builder_node(b, sizeof *both);
    if (!both)
        return weir_model_builder_no_memory(b, err);
    both->node = *first;
    both->node.run = both_run;
    both->part[0] = first;
    both->part[1] = second;
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++)
        if (first->n_out[o] == 0 && second->n_out[o] > 0) {
            both->node.n_out[o] = second->n_out[o];
            both->node.follows_f32 |= second->follows_f32 & 1u << o;
            if (o == WEIR_OUTPUT_DECISION_FUNCTION)
                both->node.is_decision_vector = second->is_decision_vector;
        }
    both->node.scratch_bytes = weir_max_size(first->scratch_bytes, second->scratch_bytes);
    uint16_t deepest = first->depth > second->depth ? first->depth : second->depth;
    if (deepest >= WEIR_MODEL_DEPTH_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "estimators are nested deeper than %d",
                              WEIR_MODEL_DEPTH_MAX);
    both->node.depth = (uint16_t)(deepest + 1);
    *out = &both->node;
    return WEIR_OK;
}

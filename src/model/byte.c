/* SPDX-License-Identifier: MIT */
#include "model/byte.h"

#include <string.h>

struct byte {
    struct weir_model_node node;
    const bool *is_category;
};

static void byte_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct byte *t = (const struct byte *)(const void *)node;
    double *out = run->out[WEIR_OUTPUT_TRANSFORM];
    for (size_t row = 0; out && row < run->n_rows; row++, out += node->n_in) {
        for (uint32_t k = 0; k < node->n_in; k++) {
            double x = run->in.storage == WEIR_F32
                           ? (double)((const float *)run->in.at)[row * run->in.stride + k]
                           : ((const double *)run->in.at)[row * run->in.stride + k];
            if (t->is_category[k] && x < 0.0)
                x = x > -0x1p31 - 1.0 ? (double)((uint32_t)(int32_t)x & 255) : 0.0;
            out[k] = x;
        }
    }
}

enum weir_status weir_model_byte_new(struct weir_model_builder *b, uint32_t n_columns,
                                     const bool *is_category, bool keeps_columns,
                                     const struct weir_model_node **out, struct weir_error *err)
{
    struct byte *t = weir_model_builder_node(b, sizeof *t);
    bool *copy = weir_arena_array(b->arena, n_columns, sizeof *copy);
    if (!t || !copy)
        return weir_model_builder_no_memory(b, err);
    memcpy(copy, is_category, n_columns * sizeof *copy);
    t->is_category = copy;
    t->node.run = byte_run;
    t->node.n_in = n_columns;
    t->node.n_out[WEIR_OUTPUT_TRANSFORM] = n_columns;
    t->node.allows_nan = true;
    t->node.allows_inf = true;
    t->node.keeps_columns = keeps_columns;
    t->node.follows_f32 = 1u << WEIR_OUTPUT_TRANSFORM;
    t->node.depth = 1;
    *out = &t->node;
    return WEIR_OK;
}

/* SPDX-License-Identifier: MIT */
/* Nodes for walking. In a tree that is walked, siblings and their next descendants share a cache
 * line: a step often needs no new one. Equal leaves share their values: the pure leaves of a deep
 * classifier are of a few kinds. */
#include "model/forest_plan.h"

enum { PAIRS_OF_LINE = 4 };

/* Gives the nodes of a tree their places: pair after pair of siblings, a line of 64 bytes filled
 * with the pairs that follow each other, then on with what hangs below, depth first. Place 1 is
 * nobody's. position: by node; child, stack: room for n_nodes. */
static void order_nodes(const struct weir_model_forest_member *tree, uint32_t *position,
                        uint32_t *child, uint32_t *stack)
{
    /* The left child, 0 for a leaf: few bytes, read in the order in which they lie, make what
     * follows jump about in the nearest cache only. */
    for (uint32_t i = 0; i < tree->n_nodes; i++) {
        const struct weir_model_forest_plain *node = &tree->nodes[i];
        child[i] = node->test == WEIR_MODEL_FOREST_LEAF ? 0 : node->left;
    }
    size_t n_stack = 0;
    uint32_t next = 1; /* in pairs */
    position[0] = 0;
    if (child[0] != 0)
        stack[n_stack++] = child[0];
    while (n_stack > 0) {
        uint32_t line[PAIRS_OF_LINE];
        uint32_t room = PAIRS_OF_LINE - next % PAIRS_OF_LINE;
        uint32_t n = 1;
        line[0] = stack[--n_stack];
        for (uint32_t i = 0; i < n; i++, next++)
            for (uint32_t side = 0; side < 2; side++) {
                uint32_t node = line[i] + side;
                position[node] = 2 * next + side;
                if (child[node] == 0)
                    continue;
                if (n < room)
                    line[n++] = child[node];
                else
                    stack[n_stack++] = child[node];
            }
    }
}

void weir_model_forest_make_steps(struct weir_model_forest_plan *p,
                                  const struct weir_model_forest_member *tree, bool is_walked,
                                  const uint32_t *leaf_k, uint32_t *position,
                                  struct weir_model_forest_step *steps)
{
    const struct weir_model_forest_fast *fast = p->fast;
    if (is_walked)
        order_nodes(tree, position, p->child, p->stack);
    for (uint32_t i = 0; !is_walked && i < tree->n_nodes; i++)
        position[i] = i;
    for (uint32_t i = 0; i < tree->n_nodes; i++) {
        const struct weir_model_forest_plain *node = &tree->nodes[i];
        uint32_t at = position[i];
        if (node->test == WEIR_MODEL_FOREST_LEAF) {
            steps[at] = (struct weir_model_forest_step){
                .k = (int32_t)(leaf_k ? leaf_k[node->left] : node->left),
                .place = fast->n_columns | at << fast->column_bits};
            continue;
        }
        uint32_t column = weir_model_forest_plan_column(p, node);
        steps[at] = (struct weir_model_forest_step){.k = weir_model_forest_plan_k(p, column, node),
                                                    .place = column | position[node->left]
                                                                          << fast->column_bits};
    }
}

void weir_model_forest_copy_values(const struct weir_model_forest_fast *fast, const double *values,
                                   size_t n, size_t n_padded, size_t at)
{
    for (size_t i = 0; i < n_padded; i++) {
        double v = i < n ? values[i] : 0.0;
        if (fast->values_f32)
            fast->values_f32[at + i] = (float)v;
        else
            fast->values_f64[at + i] = v;
    }
}

/* Mixes the bits of n values. */
static uint64_t hash_values(const double *values, size_t n)
{
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        h = (h ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return h;
}

void weir_model_forest_share_values(struct weir_model_forest_plan *p,
                                    const struct weir_model_forest_member *tree, size_t pool_at,
                                    uint32_t *leaf_k)
{
    const struct weir_model_forest_fast *fast = p->fast;
    size_t width = fast->width;
    for (uint32_t leaf = 0; leaf < tree->n_leaves; leaf++) {
        const double *values = tree->values + (size_t)leaf * width;
        uint64_t h = hash_values(values, width);
        struct weir_model_forest_shared *slot = &p->shared[h % WEIR_ARRAY_LEN(p->shared)];
        if (!slot->values || memcmp(slot->values, values, width * sizeof *values) != 0) {
            *slot = (struct weir_model_forest_shared){values, (uint32_t)p->n_pooled};
            weir_model_forest_copy_values(fast, values, width, width,
                                          pool_at + p->n_pooled * width);
            p->n_pooled++;
        }
        leaf_k[leaf] = slot->k;
    }
}

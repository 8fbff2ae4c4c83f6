/* SPDX-License-Identifier: MIT */
#include "model/chain.h"

#include "model/columns.h"
#include "model/sparse.h"

#include <string.h>

struct chain {
    struct weir_model_node node;
    size_t n;
    const struct weir_model_node **nodes;
    size_t odd_at;   /* offsets into scratch: two matrices that take turns, */
    size_t inner_at; /* and what the nodes need */
};

static void chain_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct chain *c = (const struct chain *)(const void *)node;
    struct weir_model_node_run part = {.n_rows = run->n_rows,
                                       .in = run->in,
                                       .faults = run->faults,
                                       .scratch = run->scratch + c->inner_at};
    for (size_t i = 0; i + 1 < c->n; i++) {
        const struct weir_model_node *step = c->nodes[i];
        void *to = run->scratch + (i % 2 ? c->odd_at : 0);
        part.out[WEIR_OUTPUT_TRANSFORM] = to;
        step->run(step, &part);
        bool stays_f32 = (step->follows_f32 & 1u << WEIR_OUTPUT_TRANSFORM) != 0;
        part.in = (struct weir_model_matrix){.at = to,
                                             .stride = step->n_out[WEIR_OUTPUT_TRANSFORM],
                                             .storage = WEIR_F64,
                                             .is_f32 = part.in.is_f32 && stays_f32};
    }
    memcpy(part.out, run->out, sizeof part.out);
    c->nodes[c->n - 1]->run(c->nodes[c->n - 1], &part);
}

static enum weir_status check_fit(const struct weir_model_node *const *nodes, size_t n,
                                  struct weir_error *err)
{
    for (size_t i = 0; i + 1 < n; i++) {
        uint32_t given = nodes[i]->n_out[WEIR_OUTPUT_TRANSFORM];
        if (given == 0)
            return weir_error_set(err, WEIR_ERR_INVALID, "step %zu does not transform", i);
        if (given != nodes[i + 1]->n_in)
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "step %zu gives %u columns, step %zu takes %u", i, given, i + 1,
                                  nodes[i + 1]->n_in);
    }
    return WEIR_OK;
}

/* Narrows what the columns of each node's input may hold to what the nodes behind it take, from the
 * last to the first. kinds: by node, n_in of it; filled with what each node takes. */
static enum weir_status narrow(const struct weir_model_node *const *nodes, size_t n,
                               uint8_t *const *kinds, struct weir_error *err)
{
    for (size_t i = n - 1; i-- > 0;) {
        const struct weir_model_node *node = nodes[i];
        for (uint32_t k = 0; k < nodes[i + 1]->n_in; k++) {
            uint32_t from = weir_model_columns_passed(node, k);
            uint8_t given = weir_model_columns_given(node, k);
            uint8_t taken = kinds[i + 1][k];
            bool fits = from != WEIR_MODEL_PASSES_NONE
                            ? weir_model_columns_narrow(&kinds[i][from], taken)
                            : taken != WEIR_COLUMN_NUMBER || given == WEIR_COLUMN_NUMBER;
            if (!fits)
                return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                                      "step %zu gives text in column %u, step %zu takes numbers", i,
                                      k, i + 1);
        }
    }
    return WEIR_OK;
}

/* Follows the columns through the chain: what the last node's are in terms of the chain's input. */
static void compose(const struct weir_model_node *const *nodes, size_t n,
                    struct weir_model_node *chain, uint8_t *gives, uint32_t *passes)
{
    for (uint32_t k = 0; k < chain->n_out[WEIR_OUTPUT_TRANSFORM]; k++) {
        uint32_t at = k;
        uint8_t kind = WEIR_MODEL_COLUMN_ANY;
        for (size_t i = n; i-- > 0 && at != WEIR_MODEL_PASSES_NONE;) {
            kind = weir_model_columns_given(nodes[i], at);
            at = weir_model_columns_passed(nodes[i], at);
        }
        gives[k] = kind;
        passes[k] = at;
    }
    chain->gives = gives;
    chain->passes = passes;
}

/* Fills columns, gives and passes of a chain. Where all columns are numbers that none pass, nothing
 * is kept. */
static enum weir_status describe_columns(struct weir_model_builder *b,
                                         const struct weir_model_node *const *nodes, size_t n,
                                         struct weir_model_node *chain, struct weir_error *err)
{
    bool is_plain = true;
    for (size_t i = 0; i < n; i++)
        is_plain = is_plain && !nodes[i]->columns && !nodes[i]->gives;
    chain->columns = NULL;
    chain->gives = NULL;
    chain->passes = NULL;
    if (is_plain)
        return WEIR_OK;
    uint8_t **kinds = weir_arena_array(b->arena, n, sizeof *kinds);
    uint32_t width = chain->n_out[WEIR_OUTPUT_TRANSFORM];
    uint8_t *gives = weir_arena_array(b->arena, width, sizeof *gives);
    uint32_t *passes = weir_arena_array(b->arena, width, sizeof *passes);
    if (!kinds || !gives || !passes)
        return weir_model_builder_no_memory(b, err);
    for (size_t i = 0; i < n; i++) {
        kinds[i] = weir_arena_array(b->arena, nodes[i]->n_in, sizeof **kinds);
        if (!kinds[i])
            return weir_model_builder_no_memory(b, err);
        for (uint32_t k = 0; k < nodes[i]->n_in; k++)
            kinds[i][k] = weir_model_columns_taken(nodes[i], k);
    }
    enum weir_status status = narrow(nodes, n, kinds, err);
    if (status != WEIR_OK)
        return status;
    chain->columns = kinds[0];
    if (width > 0)
        compose(nodes, n, chain, gives, passes);
    return WEIR_OK;
}

/* Fills from of a chain, where a node knows more than that it keeps its columns. */
static enum weir_status describe_from(struct weir_model_builder *b,
                                      const struct weir_model_node *const *nodes, size_t n,
                                      struct weir_model_node *chain, struct weir_error *err)
{
    uint32_t width = chain->n_out[WEIR_OUTPUT_TRANSFORM];
    bool is_known = false;
    for (size_t i = 0; i < n; i++)
        is_known = is_known || nodes[i]->from || nodes[i]->passes;
    chain->from = NULL;
    if (!is_known || width == 0)
        return WEIR_OK;
    uint32_t *from = weir_arena_array(b->arena, width, sizeof *from);
    if (!from)
        return weir_model_builder_no_memory(b, err);
    for (uint32_t k = 0; k < width; k++) {
        from[k] = k;
        for (size_t i = n; i-- > 0 && from[k] != WEIR_MODEL_PASSES_NONE;)
            from[k] = weir_model_columns_from(nodes[i], from[k]);
    }
    chain->from = from;
    return WEIR_OK;
}

/* An output is float for float rows when every step before keeps them so. */
static uint32_t follows_f32(const struct weir_model_node *const *nodes, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++)
        if (!(nodes[i]->follows_f32 & 1u << WEIR_OUTPUT_TRANSFORM))
            return 0;
    return nodes[n - 1]->follows_f32;
}

/* Joins what can hand on sparse rows at the beginning of a chain: a source, the maps behind it and
 * perhaps a sink. nodes is changed in place; *n is how many are left. */
static enum weir_status fuse_sparse(struct weir_model_builder *b,
                                    const struct weir_model_node **nodes, size_t *n,
                                    struct weir_error *err)
{
    if (!nodes[0]->sparse || !nodes[0]->sparse->source)
        return WEIR_OK;
    size_t n_maps = 0;
    while (1 + n_maps < *n && nodes[1 + n_maps]->sparse && nodes[1 + n_maps]->sparse->map)
        n_maps++;
    const struct weir_model_node *sink = 1 + n_maps < *n ? nodes[1 + n_maps] : NULL;
    if (sink && (!sink->sparse || !sink->sparse->sink))
        sink = NULL;
    const struct weir_model_node *fused;
    enum weir_status status =
        weir_model_sparse_fuse(b, nodes[0], nodes + 1, n_maps, sink, &fused, err);
    if (status != WEIR_OK)
        return status;
    size_t n_fused = 1 + n_maps + (sink ? 1 : 0);
    nodes[0] = fused;
    memmove(nodes + 1, nodes + n_fused, (*n - n_fused) * sizeof *nodes);
    *n -= n_fused - 1;
    return WEIR_OK;
}

enum weir_status weir_model_chain_new(struct weir_model_builder *b,
                                      const struct weir_model_node *const *nodes, size_t n,
                                      const struct weir_model_node **out, struct weir_error *err)
{
    weir_assert(n > 0);
    if (n == 1) {
        *out = nodes[0];
        return WEIR_OK;
    }
    enum weir_status status = check_fit(nodes, n, err);
    if (status != WEIR_OK)
        return status;
    struct chain *c = weir_model_builder_node(b, sizeof *c);
    const struct weir_model_node **copy = weir_arena_array(b->arena, n, sizeof *copy);
    if (!c || !copy)
        return weir_model_builder_no_memory(b, err);
    memcpy(copy, nodes, n * sizeof *copy);
    status = fuse_sparse(b, copy, &n, err);
    if (status != WEIR_OK)
        return status;
    nodes = copy;
    if (n == 1) {
        *out = nodes[0];
        return WEIR_OK;
    }
    const struct weir_model_node *last = nodes[n - 1];
    size_t n_columns = 0;
    size_t inner = 0;
    uint16_t depth = 0;
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n)
            n_columns = weir_max_size(n_columns, nodes[i]->n_out[WEIR_OUTPUT_TRANSFORM]);
        inner = weir_max_size(inner, nodes[i]->scratch_bytes);
        depth = nodes[i]->depth > depth ? nodes[i]->depth : depth;
    }
    if (depth >= WEIR_MODEL_DEPTH_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "steps are nested deeper than %d",
                              WEIR_MODEL_DEPTH_MAX);
    c->n = n;
    c->nodes = copy;
    c->odd_at = weir_model_node_block_bytes(n_columns);
    c->inner_at = c->odd_at * (n > 2 ? 2 : 1);
    c->node = *last; /* outputs, labels, targets */
    c->node.run = chain_run;
    c->node.n_in = nodes[0]->n_in;
    c->node.takes_f32 = nodes[0]->takes_f32;
    c->node.allows_nan = nodes[0]->allows_nan;
    c->node.allows_inf = nodes[0]->allows_inf;
    for (size_t i = 0; i < n; i++)
        c->node.keeps_columns = c->node.keeps_columns && nodes[i]->keeps_columns;
    c->node.follows_f32 = follows_f32(nodes, n);
    c->node.depth = (uint16_t)(depth + 1);
    c->node.scratch_bytes = c->inner_at + inner;
    status = describe_columns(b, nodes, n, &c->node, err);
    if (status == WEIR_OK)
        status = describe_from(b, nodes, n, &c->node, err);
    if (status == WEIR_OK)
        *out = &c->node;
    return status;
}

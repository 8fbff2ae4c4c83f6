/* SPDX-License-Identifier: MIT */
/* Laying trees out for the kernels: ops for the top of each tree, steps for walking, the values of
 * its leaves, and the one-row form of small trees. */
#include "model/forest_plan.h"

#include <math.h>

enum { STEPS_OF_LINE = 8 };

/* What the steps and ops of all trees add up to, then where the next tree's begin. */
struct places {
    size_t n_ops;
    size_t n_steps;
    size_t n_values;
    size_t n_exits;
    size_t n_heaps;
    size_t n_pool; /* values of trees that are walked, behind all others */
};

/* The top of one tree: its first nodes, breadth first, that become ops. */
struct top {
    uint32_t n_nodes;  /* nodes above the exits */
    uint32_t n_levels; /* their levels */
    bool is_all;       /* exits are leaves */
};

static size_t pad_values(const struct weir_model_forest_fast *fast,
                         const struct weir_model_forest_member *tree)
{
    size_t n = (size_t)tree->n_leaves * fast->width;
    return fast->width == 1 ? (n + 15) & ~(size_t)15 : n;
}

static bool is_leaf(const struct weir_model_forest_plain *node)
{
    return node->test == WEIR_MODEL_FOREST_LEAF;
}

/* Returns the levels of a tree's heap, 0 where ops cost less. */
static uint32_t heap_levels(const struct weir_model_forest_fast *fast,
                            const struct weir_model_forest_member *tree)
{
    uint32_t levels = tree->n_levels < 3 ? 3 : tree->n_levels;
    if (fast->element != WEIR_MODEL_FOREST_RANK8 || fast->isa->heap_cost_u8 == 0 ||
        levels > WEIR_MODEL_FOREST_HEAP_LEVELS || fast->n_columns > WEIR_MODEL_FOREST_OP_COLUMNS)
        return 0;
    uint32_t n_ops = tree->n_leaves - 1;
    return fast->isa->heap_cost_u8 << levels <= fast->isa->op_cost_u8 * n_ops ? levels : 0;
}

/* Decides which nodes become ops: all, when that is cheaper than walking; else the first levels,
 * while an op for each of a level's nodes is cheaper than a step down for each row. */
static struct top choose_top(const struct weir_model_forest_fast *fast,
                             const struct weir_model_forest_member *tree)
{
    uint32_t cost =
        fast->element == WEIR_MODEL_FOREST_RANK8 ? fast->isa->op_cost_u8 : fast->isa->op_cost_i32;
    uint32_t n_inner = tree->n_nodes - tree->n_leaves;
    uint32_t balanced = 32 - (uint32_t)__builtin_clz(tree->n_leaves);
    uint32_t levels = (balanced + tree->n_levels) / 2;
    if (fast->n_columns > WEIR_MODEL_FOREST_OP_COLUMNS)
        return (struct top){.n_nodes = 0};
    if (tree->n_leaves <= WEIR_MODEL_FOREST_EXITS_MAX &&
        (heap_levels(fast, tree) > 0 ||
         (uint64_t)n_inner * cost <= (uint64_t)levels * WEIR_MODEL_FOREST_WALK_COST))
        return (struct top){.n_nodes = tree->n_nodes, .n_levels = tree->n_levels, .is_all = true};
    struct top top = {0};
    uint32_t n_leaves = 0; /* above the level */
    uint32_t begin = 0;
    uint32_t end = 1;
    while (begin < end) {
        uint32_t n_split = 0;
        for (uint32_t i = begin; i < end; i++)
            n_split += !is_leaf(&tree->nodes[i]);
        uint32_t n_exits = n_leaves + (end - begin - n_split) + 2 * n_split;
        if (n_split == 0 || n_split * cost > WEIR_MODEL_FOREST_WALK_COST ||
            n_exits > WEIR_MODEL_FOREST_EXITS_MAX)
            break;
        n_leaves += end - begin - n_split;
        top.n_nodes = end;
        top.n_levels++;
        begin = end;
        end += 2 * n_split;
    }
    return top;
}

/* --- ops --- */

/* The ops of one tree while they are made. */
struct ops {
    const struct weir_model_forest_plain *nodes;
    const struct weir_model_forest_step *steps; /* of the tree: column and k are there already */
    const uint32_t *position;                   /* by node: which step */
    uint32_t column_mask;
    const struct top *top;
    struct weir_model_forest_op *out;
    uint32_t n;
    uint32_t *exits; /* NULL: exits are leaves */
    uint32_t n_exits;
    uint16_t *slot; /* by node of the top: where its result is */
    uint64_t free_temps[WEIR_MODEL_FOREST_TEMPS_MAX / 64]; /* a bit for each */
};

static bool is_exit(const struct ops *o, uint32_t node)
{
    return node >= o->top->n_nodes || is_leaf(&o->nodes[node]);
}

/* Returns the slot of a node's result: an exit's number, or where its op has put it. */
static uint16_t take_slot(struct ops *o, uint32_t node)
{
    if (!is_exit(o, node)) {
        uint32_t temp = (uint32_t)o->slot[node] - WEIR_MODEL_FOREST_EXITS_MAX;
        o->free_temps[temp / 64] |= UINT64_C(1) << temp % 64;
        return o->slot[node];
    }
    if (!o->exits)
        return (uint16_t)o->nodes[node].left;
    o->exits[o->n_exits] = o->position[node];
    return (uint16_t)o->n_exits++;
}

/* Makes the ops of a tree's top, the deepest first: neighbours then do not wait for each other. */
static uint16_t make_ops(struct ops *o)
{
    for (uint32_t node = o->top->n_nodes; node-- > 0;) {
        if (is_exit(o, node))
            continue;
        uint32_t left = o->nodes[node].left;
        const struct weir_model_forest_step *step = &o->steps[o->position[node]];
        struct weir_model_forest_op *op = &o->out[o->n++];
        *op =
            (struct weir_model_forest_op){.k = step->k,
                                          .column = (uint16_t)(8 * (step->place & o->column_mask)),
                                          .left = (uint16_t)(8 * take_slot(o, left)),
                                          .right = (uint16_t)(8 * take_slot(o, left + 1))};
        uint32_t word = 0;
        while (o->free_temps[word] == 0)
            weir_assert(++word < WEIR_ARRAY_LEN(o->free_temps));
        uint32_t temp = word * 64 + (uint32_t)__builtin_ctzll(o->free_temps[word]);
        o->free_temps[word] &= ~(UINT64_C(1) << temp % 64);
        o->slot[node] = (uint16_t)(WEIR_MODEL_FOREST_EXITS_MAX + temp);
        op->out = (uint16_t)(8 * o->slot[node]);
    }
    return is_exit(o, 0) ? take_slot(o, 0) : o->slot[0];
}

/* --- heaps --- */

/* Fills the heap of a tree and, in its leaves' order, the values. */
static void make_heap_form(const struct weir_model_forest_fast *fast,
                           const struct weir_model_forest_member *tree,
                           const struct weir_model_forest_step *steps, uint32_t column_mask,
                           const struct weir_model_forest_fast_tree *t,
                           struct weir_model_forest_heap *out)
{
    uint32_t at[2 * WEIR_MODEL_FOREST_HEAP_NODES]; /* node of each place */
    uint32_t n = (uint32_t)1 << t->heap_levels;
    at[1] = 0;
    for (uint32_t i = 1; i < n; i++) {
        const struct weir_model_forest_plain *node = &tree->nodes[at[i]];
        bool ends = is_leaf(node);
        out->k[i] = ends ? UINT8_MAX : (uint8_t)steps[at[i]].k;
        out->column[i] = (uint16_t)(8 * (steps[at[i]].place & column_mask));
        at[2 * i] = ends ? at[i] : node->left;
        at[2 * i + 1] = ends ? at[i] : node->left + 1;
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < fast->width; k++) {
            size_t to = t->heap_values_at + (size_t)i * fast->width + k;
            double v = tree->values[(size_t)tree->nodes[at[n + i]].left * fast->width + k];
            if (fast->values_f32)
                fast->values_f32[to] = (float)v;
            else
                fast->values_f64[to] = v;
        }
}

/* --- the one-row form --- */

static void make_bits(const struct weir_model_forest_member *tree,
                      const struct weir_model_forest_step *steps, uint32_t column_mask,
                      struct weir_model_forest_bits *out)
{
    enum { N = WEIR_MODEL_FOREST_HEAP_NODES };
    uint32_t at[2 * N]; /* node of each place of the heap */
    at[1] = 0;
    for (uint32_t i = 1; i < N; i++) {
        const struct weir_model_forest_plain *node = &tree->nodes[at[i]];
        out->k[i] = UINT8_MAX; /* above all ranks: a leaf goes left to itself */
        at[2 * i] = at[2 * i + 1] = at[i];
        if (is_leaf(node))
            continue;
        out->k[i] = (uint8_t)steps[at[i]].k;
        out->column[i] = (uint8_t)(steps[at[i]].place & column_mask);
        at[2 * i] = node->left;
        at[2 * i + 1] = node->left + 1;
    }
    for (uint32_t i = 0; i < N; i++)
        out->leaf[i] = (uint8_t)tree->nodes[at[N + i]].left;
}

static void make_paths(const struct weir_model_forest_member *tree,
                       const struct weir_model_forest_step *steps, uint32_t column_mask,
                       struct weir_model_forest_paths *out)
{
    enum { N = WEIR_MODEL_FOREST_PATHS };
    uint32_t want[2 * N] = {0}; /* by node: the bits that lead to it */
    uint32_t path[2 * N] = {0};
    uint32_t n_inner = 0;
    for (uint32_t i = 0; i < N; i++) {
        out->k[i] = UINT8_MAX;
        /* No leaf: wants the last bit, which no node of such a tree has. */
        out->want[i] = out->path[i] = (uint32_t)1 << (N - 1);
    }
    for (uint32_t i = 0; i < tree->n_nodes; i++) {
        const struct weir_model_forest_plain *node = &tree->nodes[i];
        if (is_leaf(node)) {
            out->want[node->left] = want[i];
            out->path[node->left] = path[i];
            continue;
        }
        uint32_t bit = (uint32_t)1 << n_inner;
        out->k[n_inner] = (uint8_t)steps[i].k;
        out->column[n_inner++] = (uint8_t)(steps[i].place & column_mask);
        path[node->left] = path[node->left + 1] = path[i] | bit;
        want[node->left] = want[i];
        want[node->left + 1] = want[i] | bit;
    }
}

/* Which one-row form all trees have. */
enum row_form { ROW_WALK, ROW_BITS, ROW_PATHS };

static enum row_form choose_row_form(const struct weir_model_forest_plan *p)
{
    const struct weir_model_forest_fast *fast = p->fast;
    if (fast->element != WEIR_MODEL_FOREST_RANK8 ||
        fast->n_columns >= WEIR_MODEL_FOREST_BITS_COLUMNS)
        return ROW_WALK;
    bool are_heaps = fast->isa->run_bits != NULL;
    bool are_small = fast->isa->run_paths != NULL;
    for (size_t t = 0; t < p->forest->n_trees; t++) {
        const struct weir_model_forest_member *tree = &p->forest->trees[t];
        are_heaps = are_heaps && tree->n_levels <= WEIR_MODEL_FOREST_HEAP_LEVELS;
        are_small = are_small && tree->n_leaves <= WEIR_MODEL_FOREST_PATHS;
    }
    return are_heaps ? ROW_BITS : are_small ? ROW_PATHS : ROW_WALK;
}

/* --- a tree --- */

/* Makes the tops' ops and exits of tree t. */
static void make_top(struct weir_model_forest_plan *p, const struct weir_model_forest_member *tree,
                     const struct top *top, struct weir_model_forest_fast_tree *out)
{
    struct weir_model_forest_fast *fast = p->fast;
    uint16_t slot[2 * WEIR_MODEL_FOREST_EXITS_MAX]; /* a top has fewer nodes */
    struct ops o = {.nodes = tree->nodes,
                    .steps = fast->steps + out->steps_at,
                    .position = p->position,
                    .column_mask = ((uint32_t)1 << fast->column_bits) - 1,
                    .top = top,
                    .out = fast->ops + out->ops_at,
                    .exits = top->is_all ? NULL : fast->exits + out->exits_at,
                    .slot = slot};
    memset(o.free_temps, 0xff, sizeof o.free_temps);
    out->root = make_ops(&o);
    out->n_ops = o.n;
    out->n_exits = top->is_all ? tree->n_leaves : o.n_exits;
    out->n_left = top->is_all ? 0 : tree->n_levels - top->n_levels;
    fast->n_slots = out->n_exits > fast->n_slots ? out->n_exits : fast->n_slots;
}

/* --- the forest --- */

/* Adds up what a tree takes. */
static void add_places(const struct weir_model_forest_fast *fast,
                       const struct weir_model_forest_member *tree, const struct top *top,
                       struct places *at)
{
    /* A binary tree: as many inner nodes as exits, but for one. */
    uint32_t n_inner = top->is_all ? tree->n_leaves - 1 : 0;
    for (uint32_t i = 0; !top->is_all && i < top->n_nodes; i++)
        n_inner += !is_leaf(&tree->nodes[i]);
    at->n_ops += n_inner;
    at->n_exits += top->is_all ? 0 : n_inner + 1;
    at->n_steps += ((size_t)tree->n_nodes + STEPS_OF_LINE) & ~(size_t)(STEPS_OF_LINE - 1);
    uint32_t levels = heap_levels(fast, tree);
    at->n_values += top->is_all ? pad_values(fast, tree) : 0;
    at->n_values += levels ? (size_t)fast->width << levels : 0;
    at->n_pool += top->is_all ? 0 : (size_t)tree->n_leaves * fast->width;
    at->n_heaps += levels > 0;
}

static enum weir_status layout_alloc(struct weir_model_forest_plan *p, const struct places *all,
                                     enum row_form form, struct weir_error *err)
{
    struct weir_model_forest_fast *fast = p->fast;
    struct weir_arena *a = p->b->arena;
    size_t n_trees = p->forest->n_trees;
    fast->trees = weir_arena_zarray(a, n_trees, sizeof *fast->trees);
    fast->ops = weir_arena_alloc_aligned(a, (all->n_ops + 1) * sizeof *fast->ops, 64);
    fast->steps = weir_arena_alloc_aligned(a, (all->n_steps + 1) * sizeof *fast->steps, 64);
    fast->exits = weir_arena_array(a, all->n_exits + 1, sizeof *fast->exits);
    bool is_f32 = p->forest->sum == WEIR_F32;
    size_t item = is_f32 ? sizeof(float) : sizeof(double);
    void *values = weir_arena_alloc_aligned(a, (all->n_values + all->n_pool + 1) * item, 64);
    fast->values_f32 = is_f32 ? values : NULL;
    fast->values_f64 = is_f32 ? NULL : values;
    bool is_whole = fast->trees && fast->ops && fast->steps && fast->exits && values;
    if (all->n_heaps > 0) {
        size_t bytes = n_trees * sizeof *fast->heaps;
        fast->heaps = weir_arena_alloc_aligned(a, bytes, 64);
        if (fast->heaps)
            memset(fast->heaps, 0, bytes);
        is_whole = is_whole && fast->heaps;
    }
    if (form == ROW_BITS) {
        size_t bytes = n_trees * sizeof *fast->bits;
        fast->bits = weir_arena_alloc_aligned(a, bytes, 64);
        if (fast->bits)
            memset(fast->bits, 0, bytes);
        is_whole = is_whole && fast->bits;
    }
    if (form == ROW_PATHS) {
        size_t bytes = n_trees * sizeof *fast->paths;
        fast->paths = weir_arena_alloc_aligned(a, bytes, 64);
        if (fast->paths)
            memset(fast->paths, 0, bytes);
        is_whole = is_whole && fast->paths;
    }
    return is_whole ? WEIR_OK : weir_model_builder_no_memory(p->b, err);
}

/* Finds whether every node's place fits 32 bits, and makes room for the largest tree; false: no
 * memory. */
static bool measure_trees(struct weir_model_forest_plan *p, bool *fits)
{
    uint32_t column_bits = 32 - (uint32_t)__builtin_clz(p->fast->n_columns | 1);
    uint32_t n_most = 0;
    for (size_t t = 0; t < p->forest->n_trees; t++)
        n_most = p->forest->trees[t].n_nodes > n_most ? p->forest->trees[t].n_nodes : n_most;
    p->fast->column_bits = column_bits;
    size_t n = (size_t)n_most + 1;
    p->stack = weir_arena_array(p->temp, n, sizeof *p->stack);
    p->position = weir_arena_array(p->temp, n, sizeof *p->position);
    p->child = weir_arena_array(p->temp, n, sizeof *p->child);
    p->leaf_k = weir_arena_array(p->temp, n, sizeof *p->leaf_k);
    *fits = (uint64_t)n << column_bits <= UINT64_C(1) << 32;
    return p->stack && p->position && p->child && p->leaf_k;
}

enum weir_status weir_model_forest_layout(struct weir_model_forest_plan *p, bool *fits,
                                          struct weir_error *err)
{
    const struct weir_model_forest *forest = p->forest;
    struct weir_model_forest_fast *fast = p->fast;
    if (!measure_trees(p, fits))
        return weir_model_builder_no_memory(p->b, err);
    if (!*fits)
        return WEIR_OK;
    fast->n_trees = forest->n_trees;
    struct places all = {0};
    for (size_t t = 0; t < forest->n_trees; t++) {
        struct top top = choose_top(fast, &forest->trees[t]);
        add_places(fast, &forest->trees[t], &top, &all);
    }
    enum row_form form = choose_row_form(p);
    enum weir_status status = layout_alloc(p, &all, form, err);
    if (status != WEIR_OK)
        return status;
    fast->rows_max = form == ROW_BITS    ? fast->isa->rows_max_bits
                     : form == ROW_PATHS ? fast->isa->rows_max_paths
                                         : fast->isa->rows_max;
    struct places at = {0};
    p->n_tests_seen = 0;
    for (size_t t = 0; t < forest->n_trees; t++) {
        const struct weir_model_forest_member *tree = &forest->trees[t];
        struct weir_model_forest_fast_tree *out = &fast->trees[t];
        struct top top = choose_top(fast, tree);
        *out = (struct weir_model_forest_fast_tree){
            .ops_at = at.n_ops,
            .steps_at = at.n_steps,
            .values_at = top.is_all ? at.n_values : all.n_values,
            .exits_at = at.n_exits,
            .heap_levels = heap_levels(fast, tree),
            .heap_values_at = at.n_values + (top.is_all ? pad_values(fast, tree) : 0),
            .n_levels = tree->n_levels,
            .n_steps = tree->n_nodes,
            .first = tree->first};
        if (top.is_all)
            weir_model_forest_copy_values(fast, tree->values, (size_t)tree->n_leaves * fast->width,
                                          pad_values(fast, tree), at.n_values);
        else
            weir_model_forest_share_values(p, tree, all.n_values, p->leaf_k);
        weir_model_forest_make_steps(p, tree, !top.is_all && form == ROW_WALK,
                                     top.is_all ? NULL : p->leaf_k, p->position,
                                     fast->steps + at.n_steps);
        make_top(p, tree, &top, out);
        uint32_t mask = ((uint32_t)1 << fast->column_bits) - 1;
        if (out->heap_levels > 0)
            make_heap_form(fast, tree, fast->steps + at.n_steps, mask, out, &fast->heaps[t]);
        if (form == ROW_BITS)
            make_bits(tree, fast->steps + at.n_steps, mask, &fast->bits[t]);
        else if (form == ROW_PATHS)
            make_paths(tree, fast->steps + at.n_steps, mask, &fast->paths[t]);
        add_places(fast, tree, &top, &at);
    }
    return WEIR_OK;
}

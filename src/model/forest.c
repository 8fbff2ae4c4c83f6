/* SPDX-License-Identifier: MIT */
/* Trees are laid out breadth first with siblings side by side, so that a node needs one child index
 * and the top of a tree shares few cache lines. A leaf is a node whose child is itself and whose
 * threshold nothing exceeds: walking on from it stays there, so rows walk a fixed number of levels
 * without asking whether they have arrived, several at a time (or one row through several
 * trees) to hide the latency of memory.
 *
 * Trees outermost, rows inside: a tree fits in L1 or L2, the rows of a block too. A row still sees
 * its additions in the trees' order. */
#include "model/forest.h"

#include <math.h>
#include <string.h>

enum {
    LANES = 8,             /* rows walked together; bench/micro/bench_model_forest */
    ROWS_FOR_LANES = 5,    /* fewer rows than this walk several trees at once instead */
    LEVELS_PER_CHECK = 4,  /* levels between looks whether all lanes have arrived */
    INDEX_MAX = 0x7fffffff /* nodes, values */
};

static const uint32_t NAN_RIGHT = (uint32_t)1 << 31; /* flag in node.feature */

struct node {
    float threshold;
    uint32_t feature; /* and NAN_RIGHT */
    uint32_t left;    /* index in the forest; right is left + 1; a leaf: itself */
    uint32_t value;   /* of a leaf: where its values begin */
};

struct tree {
    uint32_t root;
    uint32_t n_levels; /* steps from the root to the deepest leaf */
    uint32_t first;
};

struct forest {
    struct weir_model_node node;
    struct node *nodes;
    struct tree *trees;
    double *values;
    double *start; /* NULL: zeros */
    size_t n_trees;
    uint32_t n_sums;
    uint32_t width;
    double divisor;
    struct weir_model_head *heads;
    size_t n_heads;
    size_t sums_at; /* offset into scratch */
};

struct weir_model_forest_builder {
    struct weir_model_builder *b;
    struct forest *forest;
    size_t n_trees; /* added so far */
    size_t n_nodes;
    size_t n_nodes_max;
    size_t n_values;
    size_t n_values_max;
};

/* --- running --- */

/* Walks n lanes (at most LANES) from the nodes in at to their leaves; lane i reads its features at
 * x + i × stride. Without has_nan NaN goes left, which cannot leave the tree. */
static inline __attribute__((always_inline)) void walk(const struct node *nodes, uint32_t n_levels,
                                                       const float *x, size_t stride, size_t n,
                                                       bool has_nan, uint32_t *at)
{
    for (uint32_t level = 0; level < n_levels; level += LEVELS_PER_CHECK) {
        for (size_t step = 0; step < LEVELS_PER_CHECK; step++) {
            for (size_t i = 0; i < n; i++) {
                const struct node *node = &nodes[at[i]];
                float v = x[i * stride + (node->feature & ~NAN_RIGHT)];
                uint32_t right = v > node->threshold;
                if (has_nan)
                    right |= (uint32_t)isnan(v) & node->feature >> 31;
                at[i] = node->left + right;
            }
        }
        uint32_t moving = 0;
        for (size_t i = 0; i < n; i++)
            moving |= nodes[at[i]].left ^ at[i];
        if (moving == 0)
            return;
    }
}

/* Adds the values of a leaf to the sums of a row. */
static inline void add_leaf(const struct forest *f, const struct tree *tree, uint32_t leaf,
                            double *sums)
{
    const double *values = f->values + f->nodes[leaf].value;
    sums += tree->first;
    for (size_t k = 0; k < f->width; k++)
        sums[k] += values[k];
}

/* One tree, n rows: the lanes are rows. */
static inline __attribute__((always_inline)) void add_rows(const struct forest *f,
                                                           const struct tree *tree, const float *x,
                                                           size_t stride, size_t n, bool has_nan,
                                                           double *sums)
{
    uint32_t at[LANES];
    for (size_t i = 0; i < LANES; i++)
        at[i] = tree->root;
    if (n == LANES)
        walk(f->nodes, tree->n_levels, x, stride, LANES, has_nan, at);
    else
        walk(f->nodes, tree->n_levels, x, stride, n, has_nan, at);
    for (size_t i = 0; i < n; i++)
        add_leaf(f, tree, at[i], sums + i * f->n_sums);
}

/* One row, n trees: the lanes are trees, whose leaves are added in the trees' order. */
static inline __attribute__((always_inline)) void add_few(const struct forest *f, const float *x,
                                                          bool has_nan, double *sums)
{
    for (size_t t = 0; t < f->n_trees; t += LANES) {
        size_t n = weir_min_size(LANES, f->n_trees - t);
        const struct tree *trees = &f->trees[t];
        uint32_t at[LANES];
        uint32_t n_levels = 0;
        for (size_t i = 0; i < n; i++) {
            at[i] = trees[i].root;
            n_levels = trees[i].n_levels > n_levels ? trees[i].n_levels : n_levels;
        }
        if (n == LANES)
            walk(f->nodes, n_levels, x, 0, LANES, has_nan, at);
        else
            walk(f->nodes, n_levels, x, 0, n, has_nan, at);
        for (size_t i = 0; i < n; i++)
            add_leaf(f, &trees[i], at[i], sums);
    }
}

/* All trees for n rows. Few rows leave lanes empty: then each row takes its trees side by side. */
static inline __attribute__((always_inline)) void
add_all(const struct forest *f, const float *x, size_t stride, size_t n, bool has_nan, double *sums)
{
    size_t n_full = n % LANES < ROWS_FOR_LANES ? n - n % LANES : n;
    for (size_t t = 0; t < f->n_trees; t++)
        for (size_t row = 0; row < n_full; row += LANES)
            add_rows(f, &f->trees[t], x + row * stride, stride, weir_min_size(LANES, n - row),
                     has_nan, sums + row * f->n_sums);
    for (size_t row = n_full; row < n; row++)
        add_few(f, x + row * stride, has_nan, sums + row * f->n_sums);
}

static void add_trees(const struct forest *f, const float *x, size_t stride, size_t n, double *sums)
{
    add_all(f, x, stride, n, false, sums);
}

static void add_trees_nan(const struct forest *f, const float *x, size_t stride, size_t n,
                          double *sums)
{
    add_all(f, x, stride, n, true, sums);
}

/* Answers for several targets: class shares of one target after the other. */
static void apply_heads(const struct forest *f, const struct weir_model_node_run *run,
                        const double *sums)
{
    size_t first = 0;
    for (size_t h = 0; h < f->n_heads; h++) {
        const struct weir_model_head *head = &f->heads[h];
        size_t n = head->n_scores;
        int32_t *labels = run->out[WEIR_OUTPUT_PREDICT];
        double *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
        for (size_t row = 0; row < run->n_rows; row++) {
            const double *from = sums + row * f->n_sums + first;
            if (labels)
                labels[row * f->n_heads + h] = (int32_t)weir_model_head_argmax(from, n);
            if (proba)
                memcpy(proba + row * f->n_sums + first, from, n * sizeof *proba);
        }
        first += n;
    }
}

static void forest_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct forest *f = (const struct forest *)(const void *)node;
    size_t stride;
    const float *x = weir_model_node_input_f32(run, node->n_in, run->scratch, &stride);
    weir_model_node_check_f32(node, run, x, stride);
    double *sums = (double *)(void *)(run->scratch + f->sums_at);
    size_t n_sums = f->n_sums;
    if (f->start) {
        for (size_t row = 0; row < run->n_rows; row++)
            memcpy(sums + row * n_sums, f->start, n_sums * sizeof *sums);
    } else {
        memset(sums, 0, run->n_rows * n_sums * sizeof *sums);
    }
    if (node->allows_nan)
        add_trees_nan(f, x, stride, run->n_rows, sums);
    else
        add_trees(f, x, stride, run->n_rows, sums);
    if (f->divisor != 1.0)
        for (size_t i = 0; i < run->n_rows * n_sums; i++)
            sums[i] /= f->divisor;
    if (f->n_heads == 1)
        weir_model_head_apply(&f->heads[0], run, sums, false);
    else
        apply_heads(f, run, sums);
}

/* --- building --- */

/* Returns the largest float that is not above t. */
static float floor_f32(double t)
{
    float f = (float)t;
    return (double)f > t ? nextafterf(f, -INFINITY) : f;
}

static enum weir_status check_split(const struct weir_model_forest_builder *f,
                                    const struct weir_model_forest_tree *tree, size_t i,
                                    const struct weir_model_forest_split *s, struct weir_error *err)
{
    int64_t n = (int64_t)tree->n_nodes;
    if (s->left <= (int64_t)i || s->left >= n)
        return weir_error_set(err, WEIR_ERR_CORRUPT,
                              "tree %zu: node %zu: left child %lld is out of range", f->n_trees, i,
                              (long long)s->left);
    if (s->right <= (int64_t)i || s->right >= n)
        return weir_error_set(err, WEIR_ERR_CORRUPT,
                              "tree %zu: node %zu: right child %lld is out of range", f->n_trees, i,
                              (long long)s->right);
    if (s->feature < 0 || s->feature >= (int64_t)f->forest->node.n_in)
        return weir_error_set(err, WEIR_ERR_CORRUPT,
                              "tree %zu: node %zu: feature %lld is out of range", f->n_trees, i,
                              (long long)s->feature);
    if (isnan(s->threshold))
        return weir_error_set(err, WEIR_ERR_CORRUPT, "tree %zu: node %zu: threshold is NaN",
                              f->n_trees, i);
    return WEIR_OK;
}

/* Makes node number at (within the forest) of the tree's node i; *next is the first free number. */
static enum weir_status add_node(struct weir_model_forest_builder *f,
                                 const struct weir_model_forest_tree *tree, uint32_t at, size_t i,
                                 size_t *next, size_t end, struct weir_error *err)
{
    struct node *nodes = f->forest->nodes;
    struct weir_model_forest_split s = {.left = -1};
    tree->split(tree->ctx, i, &s);
    if (s.left < 0) {
        if (f->n_values + f->forest->width > f->n_values_max)
            return weir_error_set(err, WEIR_ERR_CORRUPT, "tree %zu: node %zu has two parents",
                                  f->n_trees, i);
        nodes[at] = (struct node){
            .threshold = INFINITY, .feature = 0, .left = at, .value = (uint32_t)f->n_values};
        tree->leaf(tree->ctx, i, f->forest->values + f->n_values);
        f->n_values += f->forest->width;
        return WEIR_OK;
    }
    enum weir_status status = check_split(f, tree, i, &s, err);
    if (status != WEIR_OK)
        return status;
    if (s.left == s.right || *next + 2 > end)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "tree %zu: node %zu: a node has two parents",
                              f->n_trees, i);
    nodes[at] = (struct node){.threshold = floor_f32(s.threshold),
                              .feature = (uint32_t)s.feature | (s.nan_left ? 0 : NAN_RIGHT),
                              .left = (uint32_t)*next};
    /* Until their turn comes, children remember which node of the file they are. */
    nodes[*next].value = (uint32_t)s.left;
    nodes[*next + 1].value = (uint32_t)s.right;
    *next += 2;
    return WEIR_OK;
}

enum weir_status weir_model_forest_add(struct weir_model_forest_builder *f,
                                       const struct weir_model_forest_tree *tree,
                                       struct weir_error *err)
{
    weir_assert(f->n_trees < f->forest->n_trees);
    weir_assert(tree->first + f->forest->width <= f->forest->n_sums);
    if (tree->n_nodes == 0)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "tree %zu is empty", f->n_trees);
    weir_assert(tree->n_nodes <= f->n_nodes_max - f->n_nodes);
    size_t end = f->n_nodes + tree->n_nodes;
    size_t root = f->n_nodes;
    size_t next = root + 1;
    size_t level_end = next;
    uint32_t n_levels = 0;
    f->forest->nodes[root].value = 0;
    for (size_t at = root; at < next; at++) {
        if (at == level_end) {
            if (++n_levels > f->b->limits.depth_max)
                return weir_error_set(err, WEIR_ERR_LIMIT, "tree %zu is deeper than %llu levels",
                                      f->n_trees, (unsigned long long)f->b->limits.depth_max);
            level_end = next;
        }
        enum weir_status status =
            add_node(f, tree, (uint32_t)at, f->forest->nodes[at].value, &next, end, err);
        if (status != WEIR_OK)
            return status;
    }
    f->forest->trees[f->n_trees++] =
        (struct tree){.root = (uint32_t)root, .n_levels = n_levels, .first = tree->first};
    f->n_nodes = next;
    return WEIR_OK;
}

static enum weir_status forest_alloc(struct weir_model_forest_builder *f,
                                     const struct weir_model_forest_opts *opts,
                                     struct weir_error *err)
{
    struct weir_arena *a = f->b->arena;
    struct forest *forest = f->forest;
    forest->nodes = weir_arena_alloc_aligned(a, (opts->n_nodes + 1) * sizeof *forest->nodes, 64);
    forest->trees = weir_arena_array(a, opts->n_trees, sizeof *forest->trees);
    forest->values = weir_arena_array(a, f->n_values_max, sizeof *forest->values);
    forest->heads = weir_arena_array(a, opts->n_heads, sizeof *forest->heads);
    if (!forest->nodes || !forest->trees || !forest->values || !forest->heads)
        return weir_model_builder_no_memory(f->b, err);
    memcpy(forest->heads, opts->heads, opts->n_heads * sizeof *forest->heads);
    if (opts->start) {
        forest->start = weir_model_builder_doubles(f->b, opts->start, opts->n_sums);
        if (!forest->start)
            return weir_model_builder_no_memory(f->b, err);
    }
    return WEIR_OK;
}

/* Fills the outputs: one head speaks for the node; several give one column each, or their shares
 * side by side. */
static void describe(struct forest *f, bool is_vector)
{
    struct weir_model_node *node = &f->node;
    weir_model_head_describe(&f->heads[0], node);
    if (f->n_heads > 1) {
        node->n_out[WEIR_OUTPUT_PREDICT] = (uint32_t)f->n_heads;
        node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = f->n_sums;
        node->is_vector = false;
    } else if (!node->predicts_labels) {
        node->is_vector = is_vector && f->n_sums == 1;
    }
}

enum weir_status weir_model_forest_begin(struct weir_model_builder *b,
                                         const struct weir_model_forest_opts *opts,
                                         struct weir_model_forest_builder **out,
                                         struct weir_error *err)
{
    weir_assert(opts->n_features > 0);
    weir_assert(opts->n_trees > 0);
    weir_assert(opts->n_heads > 0);
    weir_assert(opts->width > 0);
    weir_assert(opts->width <= opts->n_sums);
    size_t n_values;
    /* A binary tree of n nodes has (n + 1) / 2 leaves. */
    if (opts->n_nodes > INDEX_MAX || opts->n_trees > opts->n_nodes ||
        !weir_size_mul((opts->n_nodes + opts->n_trees) / 2, opts->width, &n_values) ||
        n_values > INDEX_MAX || opts->n_sums > WEIR_MODEL_COLUMNS_MAX ||
        opts->n_features > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT,
                              "too large: %zu trees of %zu nodes, %u values in a leaf",
                              opts->n_trees, opts->n_nodes, opts->width);
    if (opts->n_nodes > b->limits.n_nodes_max - b->n_nodes)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %llu tree nodes",
                              (unsigned long long)b->limits.n_nodes_max);
    b->n_nodes += opts->n_nodes;
    struct weir_model_forest_builder *f = weir_arena_zalloc(b->arena, sizeof *f);
    struct forest *forest = weir_model_builder_node(b, sizeof *forest);
    if (!f || !forest)
        return weir_model_builder_no_memory(b, err);
    *f = (struct weir_model_forest_builder){
        .b = b, .forest = forest, .n_nodes_max = opts->n_nodes, .n_values_max = n_values};
    enum weir_status status = forest_alloc(f, opts, err);
    if (status == WEIR_OK)
        status =
            weir_model_builder_step(b, opts->name, opts->keeps_columns, &forest->node.step, err);
    if (status != WEIR_OK)
        return status;
    forest->n_trees = opts->n_trees;
    forest->n_sums = opts->n_sums;
    forest->width = opts->width;
    forest->divisor = opts->divisor;
    forest->n_heads = opts->n_heads;
    forest->sums_at = weir_model_node_block_bytes(opts->n_features);
    struct weir_model_node *node = &forest->node;
    node->run = forest_run;
    node->n_in = opts->n_features;
    describe(forest, opts->is_vector);
    node->takes_f32 = true;
    node->allows_nan = opts->allows_nan;
    node->allows_inf = opts->allows_inf;
    node->depth = 1;
    node->scratch_bytes = forest->sums_at + weir_model_node_block_bytes(opts->n_sums);
    node->targets = opts->targets;
    node->n_targets = opts->n_targets;
    *out = f;
    return WEIR_OK;
}

const struct weir_model_node *weir_model_forest_end(struct weir_model_forest_builder *f)
{
    weir_assert(f->n_trees == f->forest->n_trees);
    return &f->forest->node;
}

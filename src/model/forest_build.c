/* SPDX-License-Identifier: MIT */
/* Building a forest: what a reader gives is checked node by node while it is copied into the plain
 * form, breadth first with siblings side by side. Whatever this lets pass is run without checks. */
#include "model/forest_fast.h"

#include <math.h>
#include <string.h>

enum {
    INDEX_MAX = 0x7fffffff, /* nodes and values of a tree */
    TREES_FIRST = 64        /* room for trees at first; doubled when full */
};

/* --- one node --- */

static enum weir_status bad_node(const struct weir_model_forest_builder *f, size_t i,
                                 const char *what, long long value, struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_CORRUPT, "tree %zu: node %zu: %s %lld is out of range",
                          f->forest->n_trees, i, what, value);
}

/* Takes note of a child; WEIR_ERR_CORRUPT: not there, or somebody's child already. */
static enum weir_status claim(struct weir_model_forest_builder *f,
                              const struct weir_model_forest_tree *tree, size_t i, int64_t child,
                              const char *what, struct weir_error *err)
{
    if (child < 0 || (uint64_t)child >= tree->n_nodes)
        return bad_node(f, i, what, (long long)child, err);
    uint64_t bit = UINT64_C(1) << (child & 63);
    if (f->seen[child >> 6] & bit)
        return weir_error_set(err, WEIR_ERR_CORRUPT,
                              "tree %zu: node %zu: node %lld has two parents", f->forest->n_trees,
                              i, (long long)child);
    f->seen[child >> 6] |= bit;
    return WEIR_OK;
}

static enum weir_status check_set(const struct weir_model_forest_builder *f,
                                  const struct weir_model_forest_tree *tree, size_t i,
                                  struct weir_error *err)
{
    const struct weir_model_forest_node *node = &tree->nodes[i];
    if (node->n > tree->n_words || node->set > tree->n_words - node->n)
        return bad_node(f, i, "category set", (long long)node->set, err);
    if (f->forest->category == WEIR_MODEL_FOREST_CATEGORY_HIST &&
        node->known > tree->n_words - node->n)
        return bad_node(f, i, "set of known categories", (long long)node->known, err);
    return WEIR_OK;
}

/* Checks an inner node and takes note of its children. */
static enum weir_status check_split(struct weir_model_forest_builder *f,
                                    const struct weir_model_forest_tree *tree, size_t i,
                                    struct weir_error *err)
{
    const struct weir_model_forest_node *node = &tree->nodes[i];
    if (node->test > WEIR_MODEL_FOREST_SET)
        return bad_node(f, i, "test", node->test, err);
    if (node->missing > WEIR_MODEL_FOREST_ZERO_LEFT)
        return bad_node(f, i, "missing rule", node->missing, err);
    if (node->feature < 0 || node->feature >= (int64_t)f->forest->node.n_in)
        return bad_node(f, i, "feature", (long long)node->feature, err);
    if (node->test == WEIR_MODEL_FOREST_SET) {
        enum weir_status status = check_set(f, tree, i, err);
        if (status != WEIR_OK)
            return status;
    } else if (isnan(node->threshold)) {
        return weir_error_set(err, WEIR_ERR_CORRUPT, "tree %zu: node %zu: threshold is NaN",
                              f->forest->n_trees, i);
    }
    enum weir_status status = claim(f, tree, i, node->left, "left child", err);
    return status == WEIR_OK ? claim(f, tree, i, node->right, "right child", err) : status;
}

/* Checks a leaf's values. */
static enum weir_status check_leaf(const struct weir_model_forest_builder *f,
                                   const struct weir_model_forest_tree *tree, size_t i,
                                   struct weir_error *err)
{
    const struct weir_model_forest_node *node = &tree->nodes[i];
    size_t n = tree->columns ? node->n : f->forest->width;
    size_t at = tree->columns ? node->value : (size_t)node->value * n;
    if (n > tree->n_values || at > tree->n_values - n)
        return bad_node(f, i, "value", (long long)node->value, err);
    for (size_t k = at; k < at + n; k++) {
        if (tree->columns && tree->columns[k] >= f->forest->n_sums)
            return bad_node(f, i, "column", (long long)tree->columns[k], err);
        double v = tree->values[k];
        if (f->forest->sum == WEIR_F32 && !isnan(v) && (double)(float)v != v)
            return weir_error_set(err, WEIR_ERR_CORRUPT, "tree %zu: node %zu: value is no float",
                                  f->forest->n_trees, i);
    }
    return WEIR_OK;
}

/* --- one tree --- */

/* What has been counted of a tree while its nodes were laid out. */
struct size {
    size_t n_nodes;
    size_t n_leaves;
    size_t n_sets;
    size_t n_entries; /* of leaves with columns */
    uint32_t n_levels;
};

/* Lays the reachable nodes out. nodes: room for n_nodes; until the second pass, set is the node of
 * the file. */
static enum weir_status lay_out(struct weir_model_forest_builder *f,
                                const struct weir_model_forest_tree *tree,
                                struct weir_model_forest_plain *nodes, struct size *size,
                                struct weir_error *err)
{
    size_t next = 1;
    size_t level_end = 1;
    nodes[0].set = (uint32_t)tree->root;
    f->seen[tree->root >> 6] |= UINT64_C(1) << (tree->root & 63);
    for (size_t at = 0; at < next; at++) {
        if (at == level_end) {
            if (++size->n_levels > f->b->limits.depth_max)
                return weir_error_set(err, WEIR_ERR_LIMIT, "tree %zu is deeper than %llu levels",
                                      f->forest->n_trees,
                                      (unsigned long long)f->b->limits.depth_max);
            level_end = next;
        }
        size_t i = nodes[at].set;
        const struct weir_model_forest_node *from = &tree->nodes[i];
        bool is_leaf = from->test == WEIR_MODEL_FOREST_LEAF;
        enum weir_status status =
            is_leaf ? check_leaf(f, tree, i, err) : check_split(f, tree, i, err);
        if (status != WEIR_OK)
            return status;
        nodes[at].test = from->test;
        if (is_leaf) {
            nodes[at].left = (uint32_t)size->n_leaves++;
            size->n_entries += tree->columns ? from->n : 0;
            continue;
        }
        nodes[at].threshold = from->threshold;
        nodes[at].feature = (uint32_t)from->feature;
        nodes[at].missing = from->missing;
        nodes[at].left = (uint32_t)next;
        size->n_sets += from->test == WEIR_MODEL_FOREST_SET;
        nodes[next].set = (uint32_t)from->left;
        nodes[next + 1].set = (uint32_t)from->right;
        next += 2;
    }
    size->n_nodes = next;
    return WEIR_OK;
}

static const uint32_t *copy_words(struct weir_arena *a, const uint32_t *from, size_t n)
{
    uint32_t *to = weir_arena_array(a, n, sizeof *to);
    if (to && n > 0)
        memcpy(to, from, n * sizeof *to);
    return to;
}

static bool copy_set(const struct weir_model_forest_builder *f,
                     const struct weir_model_forest_tree *tree,
                     const struct weir_model_forest_node *from, struct weir_model_forest_set *to)
{
    struct weir_arena *a = f->b->arena;
    *to = (struct weir_model_forest_set){.n_words = from->n};
    to->words = copy_words(a, tree->words + from->set, from->n);
    if (f->forest->category != WEIR_MODEL_FOREST_CATEGORY_HIST)
        return to->words != NULL;
    to->known = copy_words(a, tree->words + from->known, from->n);
    return to->words && to->known;
}

static enum weir_status copy_linear(const struct weir_model_forest_builder *f, size_t i,
                                    const struct weir_model_forest_linear *from,
                                    struct weir_model_forest_linear *to, struct weir_error *err)
{
    struct weir_arena *a = f->b->arena;
    bool is_finite = isfinite(from->constant);
    for (size_t k = 0; k < from->n; k++) {
        if (from->features[k] >= f->forest->node.n_in)
            return bad_node(f, i, "feature", (long long)from->features[k], err);
        is_finite = is_finite && isfinite(from->coefs[k]);
    }
    if (!is_finite)
        return weir_error_set(err, WEIR_ERR_CORRUPT,
                              "tree %zu: node %zu: coefficient is not finite", f->forest->n_trees,
                              i);
    *to = (struct weir_model_forest_linear){.constant = from->constant, .n = from->n};
    to->features = copy_words(a, from->features, from->n);
    to->coefs = weir_model_builder_doubles(f->b, from->coefs, from->n);
    return to->features && to->coefs ? WEIR_OK : weir_model_builder_no_memory(f->b, err);
}

/* Where the parts of a tree are copied to. */
struct parts {
    double *values;
    uint32_t *columns;
    struct weir_model_forest_span *spans;
    struct weir_model_forest_set *sets;
    struct weir_model_forest_linear *linear;
    int32_t *ids;
};

static bool parts_alloc(const struct weir_model_forest_builder *f,
                        const struct weir_model_forest_tree *tree, const struct size *size,
                        struct parts *p)
{
    struct weir_arena *a = f->b->arena;
    size_t n_values = tree->columns ? size->n_entries : size->n_leaves * f->forest->width;
    *p = (struct parts){.values = weir_arena_array(a, n_values, sizeof *p->values)};
    bool is_whole = p->values != NULL;
    if (tree->columns) {
        p->columns = weir_arena_array(a, n_values, sizeof *p->columns);
        p->spans = weir_arena_array(a, size->n_leaves, sizeof *p->spans);
        is_whole = is_whole && p->columns && p->spans;
    }
    if (size->n_sets > 0) {
        p->sets = weir_arena_array(a, size->n_sets, sizeof *p->sets);
        is_whole = is_whole && p->sets;
    }
    if (tree->linear) {
        p->linear = weir_arena_array(a, size->n_leaves, sizeof *p->linear);
        is_whole = is_whole && p->linear;
    }
    if (f->forest->gives_leaves) {
        p->ids = weir_arena_array(a, size->n_leaves, sizeof *p->ids);
        is_whole = is_whole && p->ids;
    }
    return is_whole;
}

static enum weir_status copy_leaf(const struct weir_model_forest_builder *f,
                                  const struct weir_model_forest_tree *tree, size_t i, size_t leaf,
                                  size_t *n_entries, struct parts *p, struct weir_error *err)
{
    const struct weir_model_forest_node *from = &tree->nodes[i];
    size_t width = f->forest->width;
    if (p->ids)
        p->ids[leaf] = from->id;
    if (!tree->columns) {
        memcpy(p->values + leaf * width, tree->values + from->value * width,
               width * sizeof *p->values);
        return tree->linear ? copy_linear(f, i, &tree->linear[from->value], &p->linear[leaf], err)
                            : WEIR_OK;
    }
    p->spans[leaf] = (struct weir_model_forest_span){.at = (uint32_t)*n_entries, .n = from->n};
    if (from->n > 0) {
        memcpy(p->values + *n_entries, tree->values + from->value, from->n * sizeof *p->values);
        memcpy(p->columns + *n_entries, tree->columns + from->value, from->n * sizeof *p->columns);
    }
    *n_entries += from->n;
    return WEIR_OK;
}

/* Copies leaves and sets of the nodes laid out. */
static enum weir_status fill(const struct weir_model_forest_builder *f,
                             const struct weir_model_forest_tree *tree,
                             struct weir_model_forest_plain *nodes, const struct size *size,
                             struct parts *p, struct weir_error *err)
{
    size_t n_entries = 0;
    uint32_t n_sets = 0;
    for (size_t at = 0; at < size->n_nodes; at++) {
        size_t i = nodes[at].set;
        nodes[at].set = 0;
        if (nodes[at].test == WEIR_MODEL_FOREST_LEAF) {
            enum weir_status status = copy_leaf(f, tree, i, nodes[at].left, &n_entries, p, err);
            if (status != WEIR_OK)
                return status;
        } else if (nodes[at].test == WEIR_MODEL_FOREST_SET) {
            if (!copy_set(f, tree, &tree->nodes[i], &p->sets[n_sets]))
                return weir_model_builder_no_memory(f->b, err);
            nodes[at].set = n_sets++;
        }
    }
    return WEIR_OK;
}

/* Makes room for one more tree and for n_nodes bits. */
static enum weir_status make_room(struct weir_model_forest_builder *f, size_t n_nodes,
                                  struct weir_error *err)
{
    struct weir_model_forest *forest = f->forest;
    struct weir_arena *a = f->b->arena;
    if (forest->n_trees == f->n_trees_max) {
        size_t n = f->n_trees_max == 0 ? TREES_FIRST : f->n_trees_max * 2;
        struct weir_model_forest_member *more = weir_arena_array(a, n, sizeof *more);
        if (!more)
            return weir_model_builder_no_memory(f->b, err);
        if (forest->n_trees > 0)
            memcpy(more, forest->trees, forest->n_trees * sizeof *more);
        forest->trees = more;
        f->n_trees_max = n;
    }
    size_t n_words = n_nodes / 64 + 1;
    if (n_words > f->n_seen_max) {
        f->n_seen_max = weir_max_size(n_words, 2 * f->n_seen_max);
        f->seen = weir_arena_array(a, f->n_seen_max, sizeof *f->seen);
        if (!f->seen) {
            f->n_seen_max = 0;
            return weir_model_builder_no_memory(f->b, err);
        }
    }
    memset(f->seen, 0, n_words * sizeof *f->seen);
    return WEIR_OK;
}

/* Checks what concerns a tree as a whole and counts its nodes against the limits. */
static enum weir_status begin_tree(struct weir_model_forest_builder *f, size_t n_nodes,
                                   size_t n_values, uint32_t first, struct weir_error *err)
{
    struct weir_model_forest *forest = f->forest;
    if (first > forest->n_sums - forest->width)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "tree %zu: output %u is out of range",
                              forest->n_trees, first);
    if (n_nodes > INDEX_MAX || n_values > INDEX_MAX || forest->n_trees >= INDEX_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "tree %zu is too large", forest->n_trees);
    if (n_nodes > f->b->limits.n_nodes_max - f->b->n_nodes)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %llu tree nodes",
                              (unsigned long long)f->b->limits.n_nodes_max);
    f->b->n_nodes += n_nodes;
    return make_room(f, n_nodes, err);
}

enum weir_status weir_model_forest_add(struct weir_model_forest_builder *f,
                                       const struct weir_model_forest_tree *tree,
                                       struct weir_error *err)
{
    struct weir_model_forest *forest = f->forest;
    weir_assert(!tree->columns || forest->width == 1);
    weir_assert(!tree->linear || (forest->width == 1 && !tree->columns));
    weir_assert(!tree->linear || forest->sum == WEIR_F64);
    if (tree->n_nodes == 0 || tree->root >= tree->n_nodes)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "tree %zu is empty", forest->n_trees);
    uint32_t first = tree->columns ? 0 : tree->first;
    enum weir_status status = begin_tree(f, tree->n_nodes, tree->n_values, first, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_forest_plain *nodes =
        weir_arena_array(f->b->arena, tree->n_nodes + 1, sizeof *nodes);
    struct size size = {0};
    struct parts parts;
    if (!nodes)
        return weir_model_builder_no_memory(f->b, err);
    status = lay_out(f, tree, nodes, &size, err);
    if (status == WEIR_OK && !parts_alloc(f, tree, &size, &parts))
        status = weir_model_builder_no_memory(f->b, err);
    if (status == WEIR_OK)
        status = fill(f, tree, nodes, &size, &parts, err);
    if (status != WEIR_OK)
        return status;
    forest->trees[forest->n_trees++] =
        (struct weir_model_forest_member){.nodes = nodes,
                                          .values = parts.values,
                                          .columns = parts.columns,
                                          .spans = parts.spans,
                                          .sets = parts.sets,
                                          .linear = parts.linear,
                                          .ids = parts.ids,
                                          .n_nodes = (uint32_t)size.n_nodes,
                                          .n_leaves = (uint32_t)size.n_leaves,
                                          .n_levels = size.n_levels,
                                          .n_sets = (uint32_t)size.n_sets,
                                          .first = first};
    return WEIR_OK;
}

enum weir_status weir_model_forest_add_oblivious(struct weir_model_forest_builder *f,
                                                 const struct weir_model_forest_oblivious *tree,
                                                 struct weir_error *err)
{
    struct weir_model_forest *forest = f->forest;
    if (tree->n_levels > WEIR_MODEL_FOREST_LEVELS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "tree %zu is deeper than %d levels",
                              forest->n_trees, WEIR_MODEL_FOREST_LEVELS_MAX);
    size_t n_leaves = (size_t)1 << tree->n_levels;
    if (tree->n_values != n_leaves * forest->width)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "tree %zu: %zu values, expected %zu",
                              forest->n_trees, tree->n_values, n_leaves * forest->width);
    for (size_t i = 0; i < tree->n_levels; i++) {
        const struct weir_model_forest_level *level = &tree->levels[i];
        if (level->feature < 0 || level->feature >= (int64_t)forest->node.n_in)
            return bad_node(f, i, "feature", (long long)level->feature, err);
        if (isnan(level->threshold))
            return weir_error_set(err, WEIR_ERR_CORRUPT, "tree %zu: node %zu: threshold is NaN",
                                  forest->n_trees, i);
    }
    for (size_t i = 0; forest->sum == WEIR_F32 && i < tree->n_values; i++)
        if (!isnan(tree->values[i]) && (double)(float)tree->values[i] != tree->values[i])
            return weir_error_set(err, WEIR_ERR_CORRUPT, "tree %zu: value %zu is no float",
                                  forest->n_trees, i);
    enum weir_status status = begin_tree(f, 2 * n_leaves - 1, tree->n_values, tree->first, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_forest_level *levels =
        weir_arena_array(f->b->arena, tree->n_levels, sizeof *levels);
    double *values = weir_model_builder_doubles(f->b, tree->values, tree->n_values);
    if (!levels || !values)
        return weir_model_builder_no_memory(f->b, err);
    if (tree->n_levels > 0)
        memcpy(levels, tree->levels, tree->n_levels * sizeof *levels);
    forest->trees[forest->n_trees++] =
        (struct weir_model_forest_member){.levels = levels,
                                          .values = values,
                                          .n_leaves = (uint32_t)n_leaves,
                                          .n_levels = (uint32_t)tree->n_levels,
                                          .first = tree->first};
    return WEIR_OK;
}

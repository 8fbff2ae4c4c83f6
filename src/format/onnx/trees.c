/* SPDX-License-Identifier: MIT */
/* The attributes are columns: one entry for each node, one for each (leaf, class). Nodes of a tree
 * stand together, the first is the root; a leaf's entries may stand anywhere and are sorted by
 * node. */
#include "format/onnx/trees.h"

#include "base/macros.h"
#include "model/forest.h"

#include <math.h>
#include <stdio.h>

/* An ensemble's columns. */
struct columns {
    size_t n_nodes;
    const int64_t *trees, *ids, *features, *yes, *no, *tracks; /* tracks: NULL: all 0 */
    const struct weir_str *modes;
    const float *thresholds;
    size_t n_leaves; /* entries */
    const int64_t *leaf_trees, *leaf_ids, *leaf_classes;
    const float *weights;
    size_t n_bases;
    const float *bases;
    bool is_average;
};

/* What is made of them. */
struct reading {
    struct weir_model_builder *b;
    struct weir_arena *temp;
    struct columns c;
    uint32_t n_features, n_classes;
    size_t n_trees;
    size_t *starts;      /* n_trees + 1: the first node of each tree */
    size_t *node_of;     /* by tree and id (ids of a tree are 0 … its nodes − 1): the node */
    size_t *leaf_starts; /* n_nodes + 1: the first entry of each node in order */
    size_t *order;       /* entries sorted by node */
    bool is_dense;       /* every leaf lists every class in order */
    bool is_single;      /* every tree is of one class, each leaf has one entry */
    bool has_bare;       /* a leaf has no entry, or several */
    struct weir_error *err;
};

static enum weir_status no_memory(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_LIMIT, "no memory for what the file says");
}

static enum weir_status corrupt(struct weir_error *err, const char *what)
{
    return weir_error_set(err, WEIR_ERR_CORRUPT, "tree ensemble: %s", what);
}

/* --- reading the columns --- */

/* Reads an attribute of whole numbers; false: it has not n of them. */
static bool take_ints(const struct weir_format_onnx_node *node, const char *name, size_t n,
                      const int64_t **out)
{
    const struct weir_format_onnx_attr *a = weir_format_onnx_node_attr(node, name);
    if (!a || a->kind != WEIR_FORMAT_ONNX_ATTR_INTS || a->n != n)
        return false;
    *out = a->ints;
    return true;
}

static bool take_floats(const struct weir_format_onnx_node *node, const char *name, size_t n,
                        const float **out)
{
    const struct weir_format_onnx_attr *a = weir_format_onnx_node_attr(node, name);
    if (!a || a->kind != WEIR_FORMAT_ONNX_ATTR_FLOATS || a->n != n)
        return false;
    *out = a->floats;
    return true;
}

/* Finds whether a node has attributes that are not read here. */
static bool has_others(const struct weir_format_onnx_node *node)
{
    static const char *const known[] = {
        "nodes_treeids",      "nodes_nodeids",      "nodes_featureids",
        "nodes_modes",        "nodes_values",       "nodes_truenodeids",
        "nodes_falsenodeids", "nodes_hitrates",     "nodes_missing_value_tracks_true",
        "class_treeids",      "class_nodeids",      "class_ids",
        "class_weights",      "target_treeids",     "target_nodeids",
        "target_ids",         "target_weights",     "n_targets",
        "aggregate_function", "base_values",        "post_transform",
        "classlabels_int64s", "classlabels_strings"};
    for (size_t i = 0; i < node->n_attrs; i++) {
        size_t k = 0;
        while (k < WEIR_ARRAY_LEN(known) && !weir_str_eq_c(node->attrs[i].name, known[k]))
            k++;
        if (k == WEIR_ARRAY_LEN(known))
            return true;
    }
    return false;
}

/* Reads the columns; false: not of the plain form. */
static bool take_columns(const struct weir_format_onnx_node *node, const char *kind,
                         struct columns *c)
{
    char name[4][32];
    static const char *const parts[4] = {"treeids", "nodeids", "ids", "weights"};
    for (size_t i = 0; i < 4; i++)
        snprintf(name[i], sizeof name[i], "%s_%s", kind, parts[i]);
    const struct weir_format_onnx_attr *trees = weir_format_onnx_node_attr(node, "nodes_treeids");
    const struct weir_format_onnx_attr *modes = weir_format_onnx_node_attr(node, "nodes_modes");
    const struct weir_format_onnx_attr *leaves = weir_format_onnx_node_attr(node, name[3]);
    const struct weir_format_onnx_attr *bases = weir_format_onnx_node_attr(node, "base_values");
    const struct weir_format_onnx_attr *tracks =
        weir_format_onnx_node_attr(node, "nodes_missing_value_tracks_true");
    if (has_others(node) || !trees || trees->kind != WEIR_FORMAT_ONNX_ATTR_INTS || !modes ||
        modes->kind != WEIR_FORMAT_ONNX_ATTR_STRINGS || !leaves ||
        leaves->kind != WEIR_FORMAT_ONNX_ATTR_FLOATS || trees->n == 0 || modes->n != trees->n)
        return false;
    c->n_nodes = trees->n;
    c->trees = trees->ints;
    c->modes = modes->strings;
    c->n_leaves = leaves->n;
    c->weights = leaves->floats;
    if (tracks && tracks->n > 0 &&
        !take_ints(node, "nodes_missing_value_tracks_true", c->n_nodes, &c->tracks))
        return false;
    if (bases && bases->kind != WEIR_FORMAT_ONNX_ATTR_FLOATS)
        return false;
    c->n_bases = bases ? bases->n : 0;
    c->bases = bases ? bases->floats : NULL;
    struct weir_str how = weir_format_onnx_node_text(node, "aggregate_function", "SUM");
    c->is_average = weir_str_eq_c(how, "AVERAGE");
    return (c->is_average || weir_str_eq_c(how, "SUM")) &&
           take_ints(node, "nodes_nodeids", c->n_nodes, &c->ids) &&
           take_ints(node, "nodes_featureids", c->n_nodes, &c->features) &&
           take_ints(node, "nodes_truenodeids", c->n_nodes, &c->yes) &&
           take_ints(node, "nodes_falsenodeids", c->n_nodes, &c->no) &&
           take_floats(node, "nodes_values", c->n_nodes, &c->thresholds) &&
           take_ints(node, name[0], c->n_leaves, &c->leaf_trees) &&
           take_ints(node, name[1], c->n_leaves, &c->leaf_ids) &&
           take_ints(node, name[2], c->n_leaves, &c->leaf_classes);
}

/* --- finding nodes --- */

/* Cuts the nodes into trees and numbers them; false: not one tree after the other by rising
 * numbers, or a tree's node numbers are not 0 … n − 1. */
static bool cut_trees(struct reading *r)
{
    const struct columns *c = &r->c;
    for (size_t i = 0; i < c->n_nodes; i++) {
        if (i > 0 && c->trees[i] < c->trees[i - 1])
            return false;
        if (i == 0 || c->trees[i] != c->trees[i - 1])
            r->starts[r->n_trees++] = i;
        r->node_of[i] = SIZE_MAX;
    }
    r->starts[r->n_trees] = c->n_nodes;
    for (size_t t = 0; t < r->n_trees; t++) {
        size_t n = r->starts[t + 1] - r->starts[t];
        for (size_t i = r->starts[t]; i < r->starts[t + 1]; i++) {
            if (c->ids[i] < 0 || (uint64_t)c->ids[i] >= n ||
                r->node_of[r->starts[t] + (size_t)c->ids[i]] != SIZE_MAX)
                return false;
            r->node_of[r->starts[t] + (size_t)c->ids[i]] = i;
        }
    }
    return true;
}

/* Finds the tree of a number; SIZE_MAX: none. */
static size_t find_tree(const struct reading *r, int64_t number)
{
    size_t low = 0, high = r->n_trees;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->c.trees[r->starts[middle]] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->n_trees && r->c.trees[r->starts[low]] == number ? low : SIZE_MAX;
}

/* Finds the node of an entry; SIZE_MAX: none. */
static size_t find_leaf(const struct reading *r, size_t entry)
{
    size_t t = find_tree(r, r->c.leaf_trees[entry]);
    int64_t id = r->c.leaf_ids[entry];
    if (t == SIZE_MAX || id < 0 || (uint64_t)id >= r->starts[t + 1] - r->starts[t])
        return SIZE_MAX;
    return r->node_of[r->starts[t] + (size_t)id];
}

/* Sorts the entries by node, keeping their order; false: an entry of no leaf or no class. */
static bool sort_leaves(struct reading *r)
{
    const struct columns *c = &r->c;
    for (size_t k = 0; k < c->n_leaves; k++) {
        size_t i = find_leaf(r, k);
        if (i == SIZE_MAX || !weir_str_eq_c(c->modes[i], "LEAF") || c->leaf_classes[k] < 0 ||
            c->leaf_classes[k] >= (int64_t)r->n_classes)
            return false;
        r->leaf_starts[i + 1]++;
    }
    for (size_t i = 0; i < c->n_nodes; i++)
        r->leaf_starts[i + 1] += r->leaf_starts[i];
    for (size_t k = 0; k < c->n_leaves; k++)
        r->order[r->leaf_starts[find_leaf(r, k)]++] = k;
    for (size_t i = c->n_nodes; i > 0; i--)
        r->leaf_starts[i] = r->leaf_starts[i - 1];
    r->leaf_starts[0] = 0;
    return true;
}

/* --- looking at the leaves --- */

static bool is_leaf(const struct reading *r, size_t i)
{
    return weir_str_eq_c(r->c.modes[i], "LEAF");
}

/* Finds what the leaves have in common; false: a leaf lists a class twice. */
static bool look_at_leaves(struct reading *r, struct weir_format_onnx_trees *out)
{
    const struct columns *c = &r->c;
    size_t *seen = weir_arena_zarray(r->temp, r->n_classes, sizeof *seen); /* by class */
    size_t *leaves = weir_arena_zarray(r->temp, r->n_classes, sizeof *leaves);
    size_t *trees = weir_arena_zarray(r->temp, r->n_classes, sizeof *trees); /* 1 + whose leaves */
    bool *is_covered = weir_arena_zarray(r->temp, r->n_classes, sizeof *is_covered);
    if (!seen || !leaves || !trees || !is_covered)
        return false;
    r->is_dense = r->is_single = true;
    out->is_positive = true;
    for (size_t k = 0; k < c->n_leaves; k++)
        out->is_positive = out->is_positive && !(c->weights[k] < 0.0f);
    for (size_t t = 0; t < r->n_trees; t++) {
        size_t n_leaves = 0;
        int64_t single = -1;
        for (size_t i = r->starts[t]; i < r->starts[t + 1]; i++) {
            if (!is_leaf(r, i))
                continue;
            size_t n = r->leaf_starts[i + 1] - r->leaf_starts[i];
            n_leaves++;
            r->is_dense = r->is_dense && n == r->n_classes;
            r->is_single = r->is_single && n == 1;
            r->has_bare = r->has_bare || n != 1;
            for (size_t e = 0; e < n; e++) {
                int64_t k = c->leaf_classes[r->order[r->leaf_starts[i] + e]];
                if (seen[k] == i + 1)
                    return false;
                seen[k] = i + 1;
                leaves[k] = trees[k] == t + 1 ? leaves[k] + 1 : 1;
                trees[k] = t + 1;
                r->is_dense = r->is_dense && k == (int64_t)e;
                r->is_single = r->is_single && (single < 0 || single == k);
                single = k;
            }
        }
        /* Only the tree's own classes: there may be many of both. */
        for (size_t e = r->leaf_starts[r->starts[t]]; e < r->leaf_starts[r->starts[t + 1]]; e++) {
            int64_t k = c->leaf_classes[r->order[e]];
            is_covered[k] = is_covered[k] || leaves[k] == n_leaves;
        }
    }
    out->is_one_class = c->n_leaves > 0;
    for (size_t k = 1; k < c->n_leaves; k++)
        out->is_one_class = out->is_one_class && c->leaf_classes[k] == c->leaf_classes[0];
    out->the_class = c->n_leaves > 0 ? c->leaf_classes[0] : 0;
    out->has_all_scores = true;
    for (size_t k = 0; k < r->n_classes; k++)
        out->has_all_scores = out->has_all_scores && is_covered[k];
    if (out->is_one_class)
        out->has_all_scores = c->n_leaves > 0 && is_covered[out->the_class];
    return true;
}

/* --- making the forest --- */

/* Translates the test of a node; false: an unknown mode. A comparison that we do not have is the
 * opposite one with the children swapped; NaN follows the "false" branch, or the "true" one where
 * missing values do, and for != always. */
static bool translate(const struct reading *r, size_t i, struct weir_model_forest_node *out)
{
    static const struct {
        const char *mode;
        enum weir_model_forest_test test;
        bool is_swapped;
    } rows[] = {
        {"BRANCH_LEQ", WEIR_MODEL_FOREST_LE, false}, {"BRANCH_LT", WEIR_MODEL_FOREST_LT, false},
        {"BRANCH_GTE", WEIR_MODEL_FOREST_LT, true},  {"BRANCH_GT", WEIR_MODEL_FOREST_LE, true},
        {"BRANCH_EQ", WEIR_MODEL_FOREST_EQ, false},  {"BRANCH_NEQ", WEIR_MODEL_FOREST_EQ, true},
    };
    for (size_t k = 0; k < WEIR_ARRAY_LEN(rows); k++) {
        if (!weir_str_eq_c(r->c.modes[i], rows[k].mode))
            continue;
        bool swaps = rows[k].is_swapped;
        bool nan_is_true =
            (r->c.tracks && r->c.tracks[i] == 1) || (swaps && rows[k].test == WEIR_MODEL_FOREST_EQ);
        out->test = (uint8_t)rows[k].test;
        out->threshold = (double)r->c.thresholds[i];
        out->feature = r->c.features[i];
        out->left = swaps ? r->c.no[i] : r->c.yes[i];
        out->right = swaps ? r->c.yes[i] : r->c.no[i];
        out->missing =
            nan_is_true == swaps ? WEIR_MODEL_FOREST_NAN_RIGHT : WEIR_MODEL_FOREST_NAN_LEFT;
        return true;
    }
    return false;
}

/* Adds tree t. */
static enum weir_status add_tree(struct reading *r, struct weir_model_forest_builder *f, size_t t,
                                 bool is_one_class)
{
    size_t first = r->starts[t], n = r->starts[t + 1] - first;
    size_t entry = r->leaf_starts[first], n_entries = r->leaf_starts[first + n] - entry;
    bool has_columns = !is_one_class && !r->is_dense && !r->is_single;
    struct weir_model_forest_node *nodes = weir_arena_zarray(r->temp, n, sizeof *nodes);
    double *values = weir_arena_zarray(r->temp, n_entries + 1, sizeof *values);
    uint32_t *columns = weir_arena_zarray(r->temp, n_entries + 1, sizeof *columns);
    if (!nodes || !values || !columns)
        return no_memory(r->err);
    for (size_t e = 0; e < n_entries; e++) {
        values[e + 1] = (double)r->c.weights[r->order[entry + e]];
        columns[e + 1] = (uint32_t)r->c.leaf_classes[r->order[entry + e]];
    }
    size_t width = r->is_dense && !is_one_class ? r->n_classes : 1;
    for (size_t i = first; i < first + n; i++) {
        struct weir_model_forest_node *to = &nodes[(size_t)r->c.ids[i]];
        size_t n_own = r->leaf_starts[i + 1] - r->leaf_starts[i];
        if (is_leaf(r, i)) {
            to->test = WEIR_MODEL_FOREST_LEAF;
            /* values[0] is the zero of leaves that say nothing. */
            to->value = n_own > 0 ? (uint32_t)((r->leaf_starts[i] - entry) / width + 1) : 0;
            to->n = (uint32_t)n_own;
        } else if (!translate(r, i, to)) {
            return corrupt(r->err, "a node has an unknown mode");
        }
    }
    struct weir_model_forest_tree tree = {
        .nodes = nodes,
        .n_nodes = n,
        .root = (size_t)r->c.ids[first],
        .values = values,
        .columns = has_columns ? columns : NULL,
        .n_values = n_entries + 1,
        .first = r->is_single && !is_one_class ? (uint32_t)columns[1] : 0,
    };
    if (width > 1) { /* whole rows of values: no zero in front */
        tree.values = values + 1;
        tree.n_values = n_entries;
        for (size_t i = 0; i < n; i++)
            if (nodes[i].test == WEIR_MODEL_FOREST_LEAF)
                nodes[i].value--;
    }
    return weir_model_forest_add(f, &tree, r->err);
}

static enum weir_status make_forest(struct reading *r, struct weir_format_onnx_trees *out)
{
    uint32_t n_sums = out->is_one_class ? 1 : r->n_classes;
    const struct weir_model_head head = {
        .link = WEIR_MODEL_LINK_NUMBER, .n_scores = n_sums, .is_f32 = true};
    struct weir_labels *targets = weir_arena_zarray(r->b->arena, n_sums, sizeof *targets);
    double *base = weir_arena_zarray(r->temp, n_sums, sizeof *base);
    if (!targets || !base)
        return no_memory(r->err);
    for (size_t k = 0; k < r->c.n_bases; k++)
        base[k] = (double)r->c.bases[k];
    const struct weir_model_forest_opts opts = {
        .name = WEIR_STR("TreeEnsemble"),
        .n_features = r->n_features,
        .input = WEIR_F32,
        .sum = WEIR_F32,
        .n_sums = n_sums,
        .width = r->is_dense && !out->is_one_class ? n_sums : 1,
        .divisor = r->c.is_average ? (double)r->n_trees : 1.0,
        .base = r->c.n_bases > 0 ? base : NULL,
        .allows_nan = true,
        .allows_inf = true,
        .keeps_columns = true,
        .heads = &head,
        .n_heads = 1,
        .targets = targets,
        .n_targets = n_sums,
    };
    struct weir_model_forest_builder *f = NULL;
    enum weir_status status = weir_model_forest_begin(r->b, &opts, &f, r->err);
    for (size_t t = 0; t < r->n_trees && status == WEIR_OK; t++)
        status = add_tree(r, f, t, out->is_one_class);
    if (status == WEIR_OK)
        status = weir_model_forest_end(f, &out->scores, r->err);
    out->n_scores = n_sums;
    return status;
}

enum weir_status weir_format_onnx_trees_read(struct weir_model_builder *b, struct weir_arena *temp,
                                             const struct weir_format_onnx_node *node,
                                             uint32_t n_features, const char *kind,
                                             uint32_t n_classes, struct weir_format_onnx_trees *out,
                                             struct weir_error *err)
{
    struct reading r = {
        .b = b, .temp = temp, .n_features = n_features, .n_classes = n_classes, .err = err};
    *out = (struct weir_format_onnx_trees){.scores = NULL};
    if (n_classes == 0 || !take_columns(node, kind, &r.c))
        return WEIR_OK;
    r.starts = weir_arena_zarray(temp, r.c.n_nodes + 1, sizeof *r.starts);
    r.node_of = weir_arena_zarray(temp, r.c.n_nodes, sizeof *r.node_of);
    r.leaf_starts = weir_arena_zarray(temp, r.c.n_nodes + 1, sizeof *r.leaf_starts);
    r.order = weir_arena_zarray(temp, r.c.n_leaves + 1, sizeof *r.order);
    if (!r.starts || !r.node_of || !r.leaf_starts || !r.order)
        return no_memory(err);
    if (!cut_trees(&r) || !sort_leaves(&r) || !look_at_leaves(&r, out))
        return WEIR_OK;
    /* For one score the library takes something else for the value of a leaf without an entry. */
    size_t n_scores = out->is_one_class ? 1 : n_classes;
    out->has_bases = r.c.n_bases > 0;
    if (n_scores == 1 && r.has_bare)
        return WEIR_OK;
    /* A classifier's bases may be fewer than its classes: the first ones get them. */
    bool is_short = n_scores > 2 && strcmp(kind, "class") == 0 && r.c.n_bases < n_scores;
    if (r.c.n_bases != 0 && r.c.n_bases != n_scores && !is_short)
        return WEIR_OK;
    return make_forest(&r, out);
}

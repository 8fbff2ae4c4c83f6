/* SPDX-License-Identifier: MIT */
#include "format/onnx/tree_check.h"

#include "base/macros.h"

#include <stdio.h>
#include <stdlib.h>

/* A node by its name. */
struct name {
    int64_t tree, id;
    uint32_t n_parents;
    bool is_leaf;
    bool is_root;
};

/* An ensemble's columns. */
struct columns {
    size_t n, n_leaves;
    const int64_t *trees, *ids, *features, *yes, *no;
    const struct weir_str *modes;
    const int64_t *leaf_trees, *leaf_ids, *leaf_classes;
};

static enum weir_status corrupt(struct weir_error *err, const char *what)
{
    return weir_error_set(err, WEIR_ERR_CORRUPT, "tree ensemble: %s", what);
}

static bool take_ints(const struct weir_format_onnx_node *node, const char *prefix,
                      const char *name, size_t *n, const int64_t **out)
{
    char full[48];
    snprintf(full, sizeof full, "%s_%s", prefix, name);
    const struct weir_format_onnx_attr *a = weir_format_onnx_node_attr(node, full);
    if (!a || a->kind != WEIR_FORMAT_ONNX_ATTR_INTS || a->n == 0 || (*n != 0 && a->n != *n))
        return false;
    *n = a->n;
    *out = a->ints;
    return true;
}

/* Finds whether a column of numbers, as floats or as a tensor, has n of them; or is left out, where
 * that is allowed. */
static bool has_numbers(const struct weir_format_onnx_node *node, const char *prefix,
                        const char *name, size_t n, bool is_optional)
{
    char full[64];
    snprintf(full, sizeof full, "%s_%s", prefix, name);
    const struct weir_format_onnx_attr *a = weir_format_onnx_node_attr(node, full);
    snprintf(full, sizeof full, "%s_%s_as_tensor", prefix, name);
    const struct weir_format_onnx_attr *t = weir_format_onnx_node_attr(node, full);
    bool has_floats = a && a->n > 0;
    bool has_tensor = t && t->kind == WEIR_FORMAT_ONNX_ATTR_TENSOR;
    if (!has_floats && !has_tensor)
        return is_optional;
    if (has_floats && has_tensor)
        return false;
    return has_floats ? a->n == n : t->tensor->n == n;
}

static bool take_columns(const struct weir_format_onnx_node *node, const char *kind,
                         struct columns *c)
{
    const struct weir_format_onnx_attr *modes = weir_format_onnx_node_attr(node, "nodes_modes");
    if (!take_ints(node, "nodes", "treeids", &c->n, &c->trees) ||
        !take_ints(node, "nodes", "nodeids", &c->n, &c->ids) ||
        !take_ints(node, "nodes", "featureids", &c->n, &c->features) ||
        !take_ints(node, "nodes", "truenodeids", &c->n, &c->yes) ||
        !take_ints(node, "nodes", "falsenodeids", &c->n, &c->no) || !modes ||
        modes->kind != WEIR_FORMAT_ONNX_ATTR_STRINGS || modes->n != c->n)
        return false;
    c->modes = modes->strings;
    return has_numbers(node, "nodes", "values", c->n, false) &&
           has_numbers(node, "nodes", "hitrates", c->n, true) &&
           has_numbers(node, "nodes", "missing_value_tracks_true", c->n, true) &&
           take_ints(node, kind, "treeids", &c->n_leaves, &c->leaf_trees) &&
           take_ints(node, kind, "nodeids", &c->n_leaves, &c->leaf_ids) &&
           take_ints(node, kind, "ids", &c->n_leaves, &c->leaf_classes) &&
           has_numbers(node, kind, "weights", c->n_leaves, false);
}

static int compare(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    if (x->tree != y->tree)
        return x->tree < y->tree ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static struct name *find(struct name *names, size_t n, int64_t tree, int64_t id)
{
    const struct name key = {.tree = tree, .id = id};
    return bsearch(&key, names, n, sizeof *names, compare);
}

static bool is_mode(struct weir_str mode)
{
    static const char *const modes[] = {"LEAF",      "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                        "BRANCH_GT", "BRANCH_EQ",  "BRANCH_NEQ"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(modes); i++)
        if (weir_str_eq_c(mode, modes[i]))
            return true;
    return false;
}

/* Names the nodes, sorted; false: an unknown mode, a negative feature, a name twice. */
static bool name_nodes(const struct columns *c, struct name *names)
{
    for (size_t i = 0; i < c->n; i++) {
        if (!is_mode(c->modes[i]) || c->features[i] < 0)
            return false;
        names[i] = (struct name){.tree = c->trees[i],
                                 .id = c->ids[i],
                                 .is_leaf = weir_str_eq_c(c->modes[i], "LEAF"),
                                 .is_root = i == 0 || c->trees[i] != c->trees[i - 1]};
    }
    qsort(names, c->n, sizeof *names, compare);
    for (size_t i = 1; i < c->n; i++)
        if (compare(&names[i - 1], &names[i]) == 0)
            return false;
    return true;
}

/* Counts parents; false: a child that is not there, a second parent, a root with one. */
static bool join_nodes(const struct columns *c, struct name *names)
{
    for (size_t i = 0; i < c->n; i++) {
        if (weir_str_eq_c(c->modes[i], "LEAF"))
            continue;
        struct name *yes = find(names, c->n, c->trees[i], c->yes[i]);
        struct name *no = find(names, c->n, c->trees[i], c->no[i]);
        if (!yes || !no || yes->n_parents++ > 0 || no->n_parents++ > 0)
            return false;
    }
    for (size_t i = 0; i < c->n; i++)
        if (names[i].is_root && names[i].n_parents > 0)
            return false;
    return true;
}

static enum weir_status check(const struct weir_format_onnx_node *node, const char *kind,
                              int64_t n_classes, struct weir_arena *temp, struct weir_error *err)
{
    struct columns c = {.n = 0};
    if (!take_columns(node, kind, &c))
        return corrupt(err, "its columns are of different lengths, or missing");
    struct name *names = weir_arena_array(temp, c.n, sizeof *names);
    if (!names)
        return weir_error_set(err, WEIR_ERR_LIMIT, "no memory for what the file says");
    if (!name_nodes(&c, names))
        return corrupt(err, "a node is named twice, or tests what there is not");
    if (!join_nodes(&c, names))
        return corrupt(err, "a child is not there, or has two parents");
    for (size_t k = 0; k < c.n_leaves; k++) {
        const struct name *leaf = find(names, c.n, c.leaf_trees[k], c.leaf_ids[k]);
        if (!leaf || !leaf->is_leaf || c.leaf_classes[k] < 0 || c.leaf_classes[k] >= n_classes)
            return corrupt(err, "a value belongs to no leaf, or to no class");
    }
    const struct weir_format_onnx_attr *bases = weir_format_onnx_node_attr(node, "base_values");
    if (bases && bases->n > (uint64_t)n_classes)
        return corrupt(err, "more base values than classes");
    return WEIR_OK;
}

static size_t n_of(const struct weir_format_onnx_node *node, const char *name)
{
    const struct weir_format_onnx_attr *a = weir_format_onnx_node_attr(node, name);
    return a ? a->n : 0;
}

enum weir_status weir_format_onnx_tree_check_all(const struct weir_format_onnx_graph *g,
                                                 struct weir_arena *temp, struct weir_error *err)
{
    for (size_t i = 0; i < g->n_nodes; i++) {
        const struct weir_format_onnx_node *node = &g->nodes[i];
        enum weir_status status = WEIR_OK;
        if (weir_format_onnx_node_is(node, "ai.onnx.ml", "TreeEnsembleClassifier"))
            status = check(
                node, "class",
                (int64_t)(n_of(node, "classlabels_int64s") + n_of(node, "classlabels_strings")),
                temp, err);
        else if (weir_format_onnx_node_is(node, "ai.onnx.ml", "TreeEnsembleRegressor"))
            status =
                check(node, "target", weir_format_onnx_node_int(node, "n_targets", 1), temp, err);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* SPDX-License-Identifier: MIT */
/* CatBoost's JSON export (save_model(format="json")), and the JSON texts that a .cbm holds too. */
#include "base/macros.h"
#include "format/catboost/booster.h"

#include <string.h>

#define OF(type, member) offsetof(struct type, member)

/* Copies what a buffer has gathered into the arena. */
static enum weir_status keep(struct weir_format_doc *doc, const struct weir_buf *from, void *to,
                             struct weir_error *err)
{
    void *at = weir_arena_alloc(doc->arena, weir_max_size(from->n, 1));
    if (!at || !weir_buf_ok(from))
        return weir_format_doc_fail(doc, WEIR_ERR_NO_MEMORY, err, "no memory for the load");
    if (from->n > 0)
        memcpy(at, from->at, from->n);
    *(void **)to = at;
    return WEIR_OK;
}

/* --- features --- */

static enum weir_status read_nan(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    struct weir_str text;
    enum weir_status status = weir_format_doc_text(doc, &text, err);
    if (status != WEIR_OK)
        return status;
    enum weir_format_catboost_nan *nan = out;
    if (weir_str_eq_c(text, "AsIs"))
        *nan = WEIR_FORMAT_CATBOOST_NAN_AS_IS;
    else if (weir_str_eq_c(text, "AsFalse"))
        *nan = WEIR_FORMAT_CATBOOST_NAN_BELOW;
    else if (weir_str_eq_c(text, "AsTrue"))
        *nan = WEIR_FORMAT_CATBOOST_NAN_ABOVE;
    else
        return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err, "is none of AsIs, AsFalse, AsTrue");
    return WEIR_OK;
}

static const struct weir_format_doc_field feature_fields[] = {
    {"feature_index", weir_format_doc_i64, OF(weir_format_catboost_feature, index), true},
    {"flat_feature_index", weir_format_doc_i64, OF(weir_format_catboost_feature, column), true},
    {"nan_value_treatment", read_nan, OF(weir_format_catboost_feature, nan), true},
    {"feature_id", weir_format_doc_text, OF(weir_format_catboost_feature, name), false},
};

static enum weir_status read_feature(struct weir_format_doc *doc, void *ctx, size_t i,
                                     struct weir_error *err)
{
    struct weir_format_catboost_feature feature = {.name = WEIR_STR("")};
    (void)i;
    enum weir_status status =
        weir_format_doc_object(doc, feature_fields, WEIR_ARRAY_LEN(feature_fields), &feature, err);
    if (status == WEIR_OK)
        weir_buf_append(ctx, &feature, sizeof feature);
    return status;
}

static enum weir_status read_features(struct weir_format_doc *doc, void *out,
                                      struct weir_error *err)
{
    struct weir_format_catboost *x = out;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf all = WEIR_BUF_INIT;
    enum weir_status status = weir_format_doc_array(doc, read_feature, &all, err);
    if (status != WEIR_OK)
        return status;
    x->n_features = all.n / sizeof *x->features;
    return keep(doc, &all, (void *)&x->features, err);
}

static enum weir_status refuse_element(struct weir_format_doc *doc, void *ctx, size_t i,
                                       struct weir_error *err)
{
    (void)ctx;
    (void)i;
    return weir_format_doc_fail(doc, WEIR_ERR_UNSUPPORTED, err,
                                "only numeric features are supported");
}

/* A list that must be empty. */
static enum weir_status refuse(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    (void)out;
    if (!weir_format_doc_is_array(doc))
        return refuse_element(doc, NULL, 0, err);
    return weir_format_doc_array(doc, refuse_element, NULL, err);
}

static enum weir_status read_features_info(struct weir_format_doc *doc, void *out,
                                           struct weir_error *err)
{
    static const struct weir_format_doc_field fields[] = {
        {"float_features", read_features, 0, true},
        {"categorical_features", refuse, 0, false},
        {"text_features", refuse, 0, false},
        {"embedding_features", refuse, 0, false},
        {"ctrs", refuse, 0, false},
    };
    return weir_format_doc_object(doc, fields, WEIR_ARRAY_LEN(fields), out, err);
}

/* --- splits --- */

struct raw_split {
    struct weir_str type;
    int64_t feature;
    double border;
};

static enum weir_status read_split(struct weir_format_doc *doc,
                                   struct weir_format_catboost_split *out, struct weir_error *err)
{
    static const struct weir_format_doc_field fields[] = {
        {"split_type", weir_format_doc_text, OF(raw_split, type), true},
        {"float_feature_index", weir_format_doc_i64, OF(raw_split, feature), false},
        {"border", weir_format_doc_f64, OF(raw_split, border), false},
    };
    struct raw_split raw = {.feature = -1};
    char echo[WEIR_ECHO_BUF_BYTES];
    enum weir_status status =
        weir_format_doc_object(doc, fields, WEIR_ARRAY_LEN(fields), &raw, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_str_eq_c(raw.type, "FloatFeature"))
        return weir_format_doc_fail(doc, WEIR_ERR_UNSUPPORTED, err,
                                    "a split by %s; only numeric features are supported",
                                    weir_str_echo(raw.type, echo, sizeof echo));
    /* The writer prints the double of a float, so rounding it gives that float. */
    *out = (struct weir_format_catboost_split){raw.feature, (float)raw.border};
    return WEIR_OK;
}

/* --- symmetric trees --- */

static enum weir_status read_level(struct weir_format_doc *doc, void *ctx, size_t i,
                                   struct weir_error *err)
{
    struct weir_format_catboost_split split;
    (void)i;
    enum weir_status status = read_split(doc, &split, err);
    if (status == WEIR_OK)
        weir_buf_append(ctx, &split, sizeof split);
    return status;
}

struct raw_tree {
    const struct weir_format_catboost_split *splits;
    size_t n_splits;
    struct weir_format_doc_f64s values;
};

static enum weir_status read_levels(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    struct raw_tree *tree = out;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf all = WEIR_BUF_INIT;
    if (weir_format_doc_is_null(doc)) /* a tree of one leaf */
        return weir_format_doc_skip(doc, NULL, err);
    enum weir_status status = weir_format_doc_array(doc, read_level, &all, err);
    if (status != WEIR_OK)
        return status;
    tree->n_splits = all.n / sizeof *tree->splits;
    return keep(doc, &all, (void *)&tree->splits, err);
}

static enum weir_status read_symmetric(struct weir_format_doc *doc, void *ctx, size_t i,
                                       struct weir_error *err)
{
    static const struct weir_format_doc_field fields[] = {
        {"splits", read_levels, 0, false},
        {"leaf_values", weir_format_doc_f64s, OF(raw_tree, values), true},
    };
    struct raw_tree raw = {.n_splits = 0};
    (void)i;
    enum weir_status status =
        weir_format_doc_object(doc, fields, WEIR_ARRAY_LEN(fields), &raw, err);
    const struct weir_format_catboost_tree tree = {.splits = raw.splits,
                                                   .n_splits = raw.n_splits,
                                                   .values = raw.values.at,
                                                   .n_values = raw.values.n};
    if (status == WEIR_OK)
        weir_buf_append(ctx, &tree, sizeof tree);
    return status;
}

/* --- other trees: {split, left, right} or {value} --- */

/* What is gathered of one tree. */
struct nested {
    struct weir_buf nodes;
    struct weir_buf values;
};

static void nested_deinit(struct nested *n)
{
    weir_buf_deinit(&n->nodes);
    weir_buf_deinit(&n->values);
}

/* One object on the way: its node is written when all of it has been read. */
struct nested_node {
    struct nested *tree;
    struct weir_format_catboost_node node;
    bool has_split;
};

static enum weir_status read_node(struct weir_format_doc *doc, struct nested *tree, int64_t *number,
                                  struct weir_error *err);

static enum weir_status read_left(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    struct nested_node *n = out;
    return read_node(doc, n->tree, &n->node.left, err);
}

static enum weir_status read_right(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    struct nested_node *n = out;
    return read_node(doc, n->tree, &n->node.right, err);
}

static enum weir_status read_node_split(struct weir_format_doc *doc, void *out,
                                        struct weir_error *err)
{
    struct nested_node *n = out;
    n->has_split = true;
    return read_split(doc, &n->node.split, err);
}

static enum weir_status read_value(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    struct nested_node *n = out;
    struct weir_format_doc_f64s values = {NULL, 1};
    double one;
    enum weir_status status;
    n->node.value = (int64_t)(n->tree->values.n / sizeof(double));
    if (weir_format_doc_is_array(doc)) {
        status = weir_format_doc_f64s(doc, &values, err);
    } else {
        status = weir_format_doc_f64(doc, &one, err);
        values.at = &one;
    }
    if (status == WEIR_OK)
        weir_buf_append(&n->tree->values, values.at, values.n * sizeof(double));
    return status;
}

static enum weir_status read_node(struct weir_format_doc *doc, struct nested *tree, int64_t *number,
                                  struct weir_error *err)
{
    static const struct weir_format_doc_field fields[] = {
        {"left", read_left, 0, false},
        {"right", read_right, 0, false},
        {"split", read_node_split, 0, false},
        {"value", read_value, 0, false},
    };
    struct nested_node n = {.tree = tree, .node = {.left = -1, .right = -1, .value = -1}};
    size_t at = tree->nodes.n;
    *number = (int64_t)(at / sizeof n.node);
    weir_buf_append(&tree->nodes, &n.node, sizeof n.node);
    enum weir_status status = weir_format_doc_object(doc, fields, WEIR_ARRAY_LEN(fields), &n, err);
    if (status != WEIR_OK)
        return status;
    bool is_split = n.has_split && n.node.left >= 0 && n.node.right >= 0;
    bool is_leaf = !n.has_split && n.node.left < 0 && n.node.right < 0 && n.node.value >= 0;
    if (!is_split && !is_leaf)
        return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err,
                                    "neither split, left and right, nor a value");
    if (weir_buf_ok(&tree->nodes))
        memcpy(tree->nodes.at + at, &n.node, sizeof n.node);
    return WEIR_OK;
}

static enum weir_status read_other(struct weir_format_doc *doc, void *ctx, size_t i,
                                   struct weir_error *err)
{
    WEIR_CLEANUP(nested_deinit) struct nested nested = {WEIR_BUF_INIT, WEIR_BUF_INIT};
    struct weir_format_catboost_tree tree = {.n_splits = 0};
    int64_t root;
    (void)i;
    enum weir_status status = read_node(doc, &nested, &root, err);
    if (status == WEIR_OK)
        status = keep(doc, &nested.nodes, (void *)&tree.nodes, err);
    if (status == WEIR_OK)
        status = keep(doc, &nested.values, (void *)&tree.values, err);
    tree.n_nodes = nested.nodes.n / sizeof *tree.nodes;
    tree.n_values = nested.values.n / sizeof *tree.values;
    if (status == WEIR_OK)
        weir_buf_append(ctx, &tree, sizeof tree);
    return status;
}

static enum weir_status read_trees(struct weir_format_doc *doc, weir_format_doc_element_fn *fn,
                                   struct weir_format_catboost *x, struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf all = WEIR_BUF_INIT;
    if (x->trees)
        return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err, "trees of two kinds");
    enum weir_status status = weir_format_doc_array(doc, fn, &all, err);
    if (status != WEIR_OK)
        return status;
    x->n_trees = all.n / sizeof *x->trees;
    return keep(doc, &all, (void *)&x->trees, err);
}

static enum weir_status read_symmetric_trees(struct weir_format_doc *doc, void *out,
                                             struct weir_error *err)
{
    return read_trees(doc, read_symmetric, out, err);
}

static enum weir_status read_other_trees(struct weir_format_doc *doc, void *out,
                                         struct weir_error *err)
{
    return read_trees(doc, read_other, out, err);
}

/* --- about the model --- */

static enum weir_status read_loss(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    static const struct weir_format_doc_field fields[] = {
        {"type", weir_format_doc_text, OF(weir_format_catboost, loss), true},
    };
    return weir_format_doc_object(doc, fields, WEIR_ARRAY_LEN(fields), out, err);
}

enum weir_status weir_format_catboost_json_params(struct weir_format_doc *doc, void *out,
                                                  struct weir_error *err)
{
    static const struct weir_format_doc_field fields[] = {{"loss_function", read_loss, 0, false}};
    return weir_format_doc_object(doc, fields, WEIR_ARRAY_LEN(fields), out, err);
}

/* The place of each class among the labels: always in order. */
static enum weir_status read_class_order(struct weir_format_doc *doc, void *out,
                                         struct weir_error *err)
{
    struct weir_format_doc_f64s order;
    (void)out;
    enum weir_status status = weir_format_doc_f64s(doc, &order, err);
    for (size_t i = 0; status == WEIR_OK && i < order.n; i++)
        if (order.at[i] != (double)i)
            status = weir_format_doc_fail(doc, WEIR_ERR_UNSUPPORTED, err, "classes out of order");
    return status;
}

enum weir_status weir_format_catboost_json_class_params(struct weir_format_doc *doc, void *out,
                                                        struct weir_error *err)
{
    static const struct weir_format_doc_field fields[] = {
        {"class_names", weir_format_doc_labels, OF(weir_format_catboost, labels), false},
        {"class_to_label", read_class_order, 0, false},
    };
    return weir_format_doc_object(doc, fields, WEIR_ARRAY_LEN(fields), out, err);
}

void weir_format_catboost_json_version(struct weir_format_catboost *x, struct weir_str text)
{
    static const char mark[] = "tags/v";
    size_t n_mark = sizeof mark - 1;
    for (size_t i = 0; i + n_mark < text.n; i++) {
        if (memcmp(text.at + i, mark, n_mark) != 0)
            continue;
        const char *first = text.at + i + n_mark;
        size_t n = 0;
        while (first + n < text.at + text.n && n < 16 &&
               ((first[n] >= '0' && first[n] <= '9') || first[n] == '.'))
            n++;
        x->version = weir_str_make(first, n);
        return;
    }
}

static enum weir_status read_build(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    struct weir_str text;
    enum weir_status status = weir_format_doc_text(doc, &text, err);
    if (status == WEIR_OK)
        weir_format_catboost_json_version(out, text);
    return status;
}

static enum weir_status read_model_info(struct weir_format_doc *doc, void *out,
                                        struct weir_error *err)
{
    static const struct weir_format_doc_field fields[] = {
        {"params", weir_format_catboost_json_params, 0, false},
        {"class_params", weir_format_catboost_json_class_params, 0, false},
        {"catboost_version_info", read_build, 0, false},
    };
    return weir_format_doc_object(doc, fields, WEIR_ARRAY_LEN(fields), out, err);
}

static enum weir_status scale_element(struct weir_format_doc *doc, void *ctx, size_t i,
                                      struct weir_error *err)
{
    struct weir_format_catboost *x = ctx;
    if (i == 0)
        return weir_format_doc_f64(doc, &x->scale, err);
    if (i > 1)
        return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err, "a third part");
    if (weir_format_doc_is_array(doc))
        return weir_format_doc_f64s(doc, &x->bias, err);
    double *one = weir_arena_alloc(doc->arena, sizeof *one);
    if (!one)
        return weir_format_doc_fail(doc, WEIR_ERR_NO_MEMORY, err, "no memory for the load");
    x->bias = (struct weir_format_doc_f64s){one, 1};
    return weir_format_doc_f64(doc, one, err);
}

static enum weir_status read_scale(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    return weir_format_doc_array(doc, scale_element, out, err);
}

enum weir_status weir_format_catboost_json_read(struct weir_format_catboost *out,
                                                struct weir_str bytes, struct weir_arena *arena,
                                                uint64_t deadline_ns, struct weir_error *err)
{
    static const struct weir_format_doc_field fields[] = {
        {"features_info", read_features_info, 0, true},
        {"model_info", read_model_info, 0, false},
        {"oblivious_trees", read_symmetric_trees, 0, false},
        {"trees", read_other_trees, 0, false},
        {"scale_and_bias", read_scale, 0, false},
        {"ctr_data", refuse, 0, false},
    };
    WEIR_CLEANUP(weir_format_doc_deinit) struct weir_format_doc doc = {.at = NULL};
    *out =
        (struct weir_format_catboost){.scale = 1.0, .loss = WEIR_STR(""), .version = WEIR_STR("")};
    enum weir_status status = weir_format_doc_init(&doc, bytes, false, arena, deadline_ns, err);
    if (status == WEIR_OK)
        status = weir_format_doc_object(&doc, fields, WEIR_ARRAY_LEN(fields), out, err);
    if (status == WEIR_OK && !out->trees)
        status = weir_error_set(err, WEIR_ERR_CORRUPT, "the document has no trees");
    return status;
}

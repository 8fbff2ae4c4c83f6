/* SPDX-License-Identifier: MIT */
/* CatBoost's binary models: "CBM1", the size of a FlatBuffer, the FlatBuffer (TModelCore of the
 * library's model.fbs), then parts for features that are not supported here. Of FlatBuffers only
 * what is needed is read, and every offset is compared with the bytes that are there:
 *
 *     table    i32 back to its vtable; vtable: u16 own size, u16 table's size, u16 for each field
 *              (0: absent)
 *     vector   u32 forward to: u32 n, elements        string: a vector of bytes */
#include "base/macros.h"
#include "format/catboost/booster.h"

#include <math.h>
#include <string.h>

/* Fields of the tables, by their numbers. */
enum { CORE_FORMAT, CORE_TREES, CORE_INFO };
enum {
    TREES_DIMS,
    TREES_SPLITS,
    TREES_SIZES,
    TREES_STARTS,
    TREES_CAT_FEATURES,
    TREES_FLOAT_FEATURES,
    TREES_ONE_HOT,
    TREES_CTR,
    TREES_VALUES,
    TREES_STEPS = 10,
    TREES_LEAF_IDS,
    TREES_TEXT,
    TREES_ESTIMATED,
    TREES_SCALE,
    TREES_BIAS,
    TREES_BIASES,
    TREES_EMBEDDINGS = 18,
};
enum { FEATURE_INDEX = 1, FEATURE_COLUMN, FEATURE_BORDERS, FEATURE_NAME, FEATURE_NAN };
enum { HEAD_BYTES = 8 };

/* The buffer. Places are offsets into it; 0 is none, since the root's offset is there. */
struct cbm {
    const char *at;
    size_t n;
    struct weir_arena *arena;
    struct weir_format_catboost *out;
    struct weir_error *err;
    bool has_failed; /* an offset led outside */
};

static uint32_t load_u32(const struct cbm *c, size_t at)
{
    const unsigned char *b = (const unsigned char *)c->at + at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint32_t load_u16(const struct cbm *c, size_t at)
{
    const unsigned char *b = (const unsigned char *)c->at + at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8;
}

static double load_f64(const struct cbm *c, size_t at)
{
    uint64_t bits = (uint64_t)load_u32(c, at) | (uint64_t)load_u32(c, at + 4) << 32;
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Finds whether n bytes are at a place; notes it when they are not. */
static bool has(struct cbm *c, size_t at, size_t n)
{
    bool is_there = at <= c->n && n <= c->n - at;
    c->has_failed |= !is_there;
    return is_there;
}

/* Returns the place of a field of `bytes` bytes in a table; 0: absent. */
static size_t field(struct cbm *c, size_t table, unsigned number, size_t bytes)
{
    if (table == 0 || !has(c, table, 4))
        return 0;
    int64_t vtable = (int64_t)table - (int32_t)load_u32(c, table);
    if (vtable < 0 || !has(c, (size_t)vtable, 4)) {
        c->has_failed = true;
        return 0;
    }
    size_t size = load_u16(c, (size_t)vtable);
    size_t entry = 4 + 2 * (size_t)number;
    if (!has(c, (size_t)vtable, size) || entry + 2 > size)
        return 0;
    size_t offset = load_u16(c, (size_t)vtable + entry);
    return offset != 0 && has(c, table + offset, bytes) ? table + offset : 0;
}

/* Follows the offset at a place; 0: none. */
static size_t follow(struct cbm *c, size_t at)
{
    if (at == 0 || !has(c, at, 4))
        return 0;
    size_t to = at + load_u32(c, at);
    return has(c, to, 4) ? to : 0;
}

/* Returns the place of a vector's first element and its length; n is 0 when it is absent. */
static size_t vector(struct cbm *c, size_t table, unsigned number, size_t bytes, size_t *n)
{
    size_t at = follow(c, field(c, table, number, 4));
    *n = 0;
    if (at == 0)
        return 0;
    size_t count = load_u32(c, at);
    if (count > (c->n - at - 4) / bytes) {
        c->has_failed = true;
        return 0;
    }
    *n = count;
    return at + 4;
}

static struct weir_str string(struct cbm *c, size_t table, unsigned number)
{
    size_t n;
    size_t at = vector(c, table, number, 1, &n);
    return at ? weir_str_make(c->at + at, n) : WEIR_STR("");
}

static enum weir_status corrupt(struct cbm *c, const char *what)
{
    return weir_error_set(c->err, WEIR_ERR_CORRUPT, "%s: an offset leads outside the file", what);
}

static enum weir_status no_memory(struct cbm *c)
{
    return weir_error_set(c->err, WEIR_ERR_NO_MEMORY, "no memory for the load");
}

/* --- features --- */

static enum weir_status read_feature(struct cbm *c, size_t table,
                                     struct weir_format_catboost_feature *out)
{
    size_t index = field(c, table, FEATURE_INDEX, 4);
    size_t column = field(c, table, FEATURE_COLUMN, 4);
    size_t nan = field(c, table, FEATURE_NAN, 1);
    size_t n;
    size_t borders = vector(c, table, FEATURE_BORDERS, 4, &n);
    *out = (struct weir_format_catboost_feature){
        .index = index ? (int32_t)load_u32(c, index) : -1,
        .column = column ? (int32_t)load_u32(c, column) : -1,
        .name = string(c, table, FEATURE_NAME),
        .borders = {weir_arena_array(c->arena, weir_max_size(n, 1), sizeof(float)), n},
    };
    if (!out->borders.at)
        return no_memory(c);
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = load_u32(c, borders + 4 * i);
        memcpy(&out->borders.at[i], &bits, sizeof bits);
    }
    unsigned treatment = nan ? (unsigned char)c->at[nan] : 0;
    if (treatment > WEIR_FORMAT_CATBOOST_NAN_ABOVE)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "FloatFeatures: NanValueTreatment is %u",
                              treatment);
    out->nan = (enum weir_format_catboost_nan)treatment;
    return WEIR_OK;
}

static enum weir_status read_features(struct cbm *c, size_t trees)
{
    static const struct {
        unsigned number;
        const char *name;
    } unread[] = {{TREES_CAT_FEATURES, "CatFeatures"},
                  {TREES_ONE_HOT, "OneHotFeatures"},
                  {TREES_CTR, "CtrFeatures"},
                  {TREES_TEXT, "TextFeatures"},
                  {TREES_ESTIMATED, "EstimatedFeatures"},
                  {TREES_EMBEDDINGS, "EmbeddingFeatures"}};
    size_t n;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(unread); i++) {
        (void)vector(c, trees, unread[i].number, 4, &n);
        if (n > 0)
            return weir_error_set(c->err, WEIR_ERR_UNSUPPORTED,
                                  "%s: only numeric features are supported", unread[i].name);
    }
    size_t at = vector(c, trees, TREES_FLOAT_FEATURES, 4, &n);
    c->out->features = weir_arena_array(c->arena, weir_max_size(n, 1), sizeof *c->out->features);
    if (!c->out->features)
        return no_memory(c);
    c->out->n_features = n;
    for (size_t i = 0; i < n; i++) {
        enum weir_status status = read_feature(c, follow(c, at + 4 * i), &c->out->features[i]);
        if (status != WEIR_OK)
            return status;
    }
    return c->has_failed ? corrupt(c, "FloatFeatures") : WEIR_OK;
}

/* --- trees --- */

/* The vectors of all trees. */
struct trees {
    size_t splits, n_splits;
    size_t sizes, n_trees;
    size_t steps, n_steps;
    size_t ids, n_ids;
    double *values;
    size_t n_values;
    struct weir_format_catboost_split *borders; /* of all features, as splits number them */
    size_t n_borders;
};

/* Makes the list of borders that splits refer to: feature by feature. */
static enum weir_status list_borders(struct cbm *c, struct trees *t)
{
    const struct weir_format_catboost *x = c->out;
    for (size_t i = 0; i < x->n_features; i++)
        t->n_borders += x->features[i].borders.n;
    t->borders = weir_arena_array(c->arena, weir_max_size(t->n_borders, 1), sizeof *t->borders);
    if (!t->borders)
        return no_memory(c);
    size_t at = 0;
    for (size_t i = 0; i < x->n_features; i++)
        for (size_t k = 0; k < x->features[i].borders.n; k++)
            t->borders[at++] = (struct weir_format_catboost_split){x->features[i].index,
                                                                   x->features[i].borders.at[k]};
    return WEIR_OK;
}

static enum weir_status read_values(struct cbm *c, size_t table, struct trees *t)
{
    size_t at = vector(c, table, TREES_VALUES, 8, &t->n_values);
    t->values = weir_arena_array(c->arena, weir_max_size(t->n_values, 1), sizeof *t->values);
    if (!t->values)
        return no_memory(c);
    for (size_t i = 0; i < t->n_values; i++)
        t->values[i] = load_f64(c, at + 8 * i);
    return WEIR_OK;
}

static enum weir_status find_split(struct cbm *c, const struct trees *t, size_t i,
                                   struct weir_format_catboost_split *out)
{
    uint32_t split = load_u32(c, t->splits + 4 * i);
    if (split >= t->n_borders)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "TreeSplits[%zu]: %u of %zu borders", i,
                              split, t->n_borders);
    *out = t->borders[split];
    return WEIR_OK;
}

/* Reads a symmetric tree: splits first … first + n − 1; *value: its first leaf value, then the next
 * tree's. */
static enum weir_status read_symmetric(struct cbm *c, const struct trees *t, size_t first, size_t n,
                                       size_t *value, struct weir_format_catboost_tree *out)
{
    struct weir_format_catboost_split *splits =
        weir_arena_array(c->arena, weir_max_size(n, 1), sizeof *splits);
    if (!splits)
        return no_memory(c);
    for (size_t i = 0; i < n; i++) {
        enum weir_status status = find_split(c, t, first + i, &splits[i]);
        if (status != WEIR_OK)
            return status;
    }
    size_t n_dims = (size_t)c->out->n_dims;
    if (n > 16 || (t->n_values - *value) >> n < n_dims)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                              "LeafValues: too few for a tree of %zu "
                              "splits",
                              n);
    *out = (struct weir_format_catboost_tree){
        .splits = splits, .n_splits = n, .values = t->values + *value, .n_values = n_dims << n};
    *value += n_dims << n;
    return WEIR_OK;
}

/* Makes a leaf of what a node gives. */
static enum weir_status make_leaf(struct cbm *c, const struct trees *t, size_t i,
                                  struct weir_format_catboost_node *out)
{
    uint32_t id = load_u32(c, t->ids + 4 * i);
    size_t n_dims = (size_t)c->out->n_dims;
    if (id >= t->n_values || t->n_values - id < n_dims)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                              "NonSymmetricNodeIdToLeafId[%zu]: %u is out of range", i, id);
    *out = (struct weir_format_catboost_node){.left = -1, .right = -1, .value = id};
    return WEIR_OK;
}

/* Reads a tree of steps: a node says how far its children are; 0: the node's own leaf is meant. */
static enum weir_status read_steps(struct cbm *c, const struct trees *t, size_t first, size_t n,
                                   struct weir_format_catboost_tree *out)
{
    struct weir_format_catboost_node *nodes = weir_arena_array(c->arena, 2 * n + 1, sizeof *nodes);
    if (!nodes)
        return no_memory(c);
    size_t n_nodes = n; /* leaves of nodes that have one child come behind */
    size_t least = t->n_values;
    size_t end = 0;
    for (size_t i = 0; i < n; i++) {
        size_t steps[2] = {load_u16(c, t->steps + 4 * (first + i)),
                           load_u16(c, t->steps + 4 * (first + i) + 2)};
        struct weir_format_catboost_node *node = &nodes[i];
        enum weir_status status = WEIR_OK;
        if (steps[0] == 0 && steps[1] == 0) {
            status = make_leaf(c, t, first + i, node);
        } else {
            *node = (struct weir_format_catboost_node){.left = (int64_t)(i + steps[0]),
                                                       .right = (int64_t)(i + steps[1])};
            status = find_split(c, t, first + i, &node->split);
            if (status == WEIR_OK && (steps[0] == 0 || steps[1] == 0)) {
                status = make_leaf(c, t, first + i, &nodes[n_nodes]);
                *(steps[0] == 0 ? &node->left : &node->right) = (int64_t)n_nodes++;
            }
            if (status == WEIR_OK && (i + steps[0] >= n || i + steps[1] >= n))
                status =
                    weir_error_set(c->err, WEIR_ERR_CORRUPT,
                                   "NonSymmetricStepNodes[%zu]: leads out of its tree", first + i);
        }
        if (status != WEIR_OK)
            return status;
    }
    for (size_t i = 0; i < n_nodes; i++)
        if (nodes[i].left < 0) {
            least = weir_min_size(least, (size_t)nodes[i].value);
            end = weir_max_size(end, (size_t)nodes[i].value + (size_t)c->out->n_dims);
        }
    for (size_t i = 0; i < n_nodes; i++)
        nodes[i].value -= nodes[i].left < 0 ? (int64_t)least : 0;
    *out = (struct weir_format_catboost_tree){.nodes = nodes,
                                              .n_nodes = n_nodes,
                                              .values = t->values + weir_min_size(least, end),
                                              .n_values = end > least ? end - least : 0};
    return WEIR_OK;
}

static enum weir_status read_each(struct cbm *c, const struct trees *t)
{
    size_t first = 0;
    size_t value = 0;
    bool is_symmetric = t->n_steps == 0;
    if (!is_symmetric && (t->n_steps != t->n_splits || t->n_ids != t->n_splits))
        return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                              "NonSymmetricStepNodes: %zu nodes for %zu splits", t->n_steps,
                              t->n_splits);
    for (size_t i = 0; i < t->n_trees; i++) {
        size_t n = load_u32(c, t->sizes + 4 * i);
        if (n > t->n_splits - first || (n == 0 && !is_symmetric))
            return weir_error_set(c->err, WEIR_ERR_CORRUPT, "TreeSizes[%zu]: is %zu", i, n);
        enum weir_status status = is_symmetric
                                      ? read_symmetric(c, t, first, n, &value, &c->out->trees[i])
                                      : read_steps(c, t, first, n, &c->out->trees[i]);
        if (status != WEIR_OK)
            return status;
        first += n;
    }
    return WEIR_OK;
}

static enum weir_status read_bias(struct cbm *c, size_t table)
{
    struct weir_format_catboost *x = c->out;
    size_t n;
    size_t scale = field(c, table, TREES_SCALE, 8);
    size_t bias = field(c, table, TREES_BIAS, 8);
    size_t biases = vector(c, table, TREES_BIASES, 8, &n);
    x->scale = scale ? load_f64(c, scale) : 1.0;
    x->bias = (struct weir_format_doc_f64s){
        weir_arena_zarray(c->arena, weir_max_size(n, 1), sizeof(double)), weir_max_size(n, 1)};
    if (!x->bias.at)
        return no_memory(c);
    if (n == 0 && bias)
        x->bias.at[0] = load_f64(c, bias);
    for (size_t i = 0; i < n; i++)
        x->bias.at[i] = load_f64(c, biases + 8 * i);
    return WEIR_OK;
}

static enum weir_status read_trees(struct cbm *c, size_t table)
{
    struct trees t = {.n_borders = 0};
    size_t dims = field(c, table, TREES_DIMS, 4);
    c->out->n_dims = dims ? (int32_t)load_u32(c, dims) : 1;
    if (c->out->n_dims < 1)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "ApproxDimension: is %lld",
                              (long long)c->out->n_dims);
    enum weir_status status = read_features(c, table);
    t.splits = vector(c, table, TREES_SPLITS, 4, &t.n_splits);
    t.sizes = vector(c, table, TREES_SIZES, 4, &t.n_trees);
    t.steps = vector(c, table, TREES_STEPS, 4, &t.n_steps);
    t.ids = vector(c, table, TREES_LEAF_IDS, 4, &t.n_ids);
    if (status == WEIR_OK)
        status = list_borders(c, &t);
    if (status == WEIR_OK)
        status = read_values(c, table, &t);
    if (status == WEIR_OK)
        status = read_bias(c, table);
    if (status != WEIR_OK)
        return status;
    if (c->has_failed)
        return corrupt(c, "ModelTrees");
    c->out->n_trees = t.n_trees;
    c->out->trees = weir_arena_array(c->arena, weir_max_size(t.n_trees, 1), sizeof *c->out->trees);
    return c->out->trees ? read_each(c, &t) : no_memory(c);
}

/* --- what is said about the model --- */

static enum weir_status read_json(struct cbm *c, const char *key, struct weir_str text,
                                  weir_format_doc_fn *fn)
{
    WEIR_CLEANUP(weir_format_doc_deinit) struct weir_format_doc doc = {.at = NULL};
    struct weir_error reason = WEIR_ERROR_INIT;
    enum weir_status status = weir_format_doc_init(&doc, text, false, c->arena, 0, &reason);
    if (status == WEIR_OK)
        status = fn(&doc, c->out, &reason);
    return status == WEIR_OK ? status
                             : weir_error_set(c->err, status, "InfoMap.%s: %s", key, reason.msg);
}

static enum weir_status read_info(struct cbm *c, size_t core)
{
    size_t n;
    size_t at = vector(c, core, CORE_INFO, 4, &n);
    for (size_t i = 0; i < n; i++) {
        size_t pair = follow(c, at + 4 * i);
        struct weir_str key = string(c, pair, 0);
        struct weir_str value = string(c, pair, 1);
        enum weir_status status = WEIR_OK;
        if (weir_str_eq_c(key, "params"))
            status = read_json(c, "params", value, weir_format_catboost_json_params);
        else if (weir_str_eq_c(key, "class_params"))
            status = read_json(c, "class_params", value, weir_format_catboost_json_class_params);
        else if (weir_str_eq_c(key, "catboost_version_info"))
            weir_format_catboost_json_version(c->out, value);
        if (status != WEIR_OK)
            return status;
    }
    return c->has_failed ? corrupt(c, "InfoMap") : WEIR_OK;
}

enum weir_status weir_format_catboost_cbm_read(struct weir_format_catboost *out,
                                               struct weir_str bytes, struct weir_arena *arena,
                                               struct weir_error *err)
{
    *out =
        (struct weir_format_catboost){.scale = 1.0, .loss = WEIR_STR(""), .version = WEIR_STR("")};
    struct cbm c = {.at = bytes.at, .n = bytes.n, .arena = arena, .out = out, .err = err};
    if (bytes.n < HEAD_BYTES + 4 || load_u32(&c, 4) > bytes.n - HEAD_BYTES || load_u32(&c, 4) < 4)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "the file ends in its model");
    c.n = load_u32(&c, 4);
    c.at = bytes.at + HEAD_BYTES;
    size_t core = load_u32(&c, 0); /* the root: from the beginning */
    if (!has(&c, core, 4))
        return corrupt(&c, "TModelCore");
    char echo[WEIR_ECHO_BUF_BYTES];
    struct weir_str format = string(&c, core, CORE_FORMAT);
    if (!weir_str_eq_c(format, "FlabuffersModel_v1"))
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "a model of format \"%s\"",
                              weir_str_echo(format, echo, sizeof echo));
    enum weir_status status = read_info(&c, core);
    if (status != WEIR_OK)
        return status;
    size_t trees = follow(&c, field(&c, core, CORE_TREES, 4));
    if (trees == 0)
        return corrupt(&c, "ModelTrees");
    return read_trees(&c, trees);
}

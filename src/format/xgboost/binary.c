/* SPDX-License-Identifier: MIT */
/* XGBoost's own binary format, 0.x to 3.0: structs of the C++ code as they lay in memory,
 * little-endian, with room for later fields. README.md has the layout. From 1.1 it begins with
 * "binf"; before, with the first struct. */
#include "base/macros.h"
#include "format/xgboost/booster.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SNAPSHOT_TAG "CONFIG-offset:"

enum {
    LEARNER_BYTES = 136,
    GBTREE_BYTES = 160,
    GBLINEAR_BYTES = 136,
    TREE_BYTES = 148,
    NODE_BYTES = 20,
    STAT_BYTES = 16,
    NAME_BYTES_MAX = 64,          /* of an objective or a booster */
    PROBE_FEATURES_MAX = 1 << 28, /* more means that it is another file */
};

/* The bytes that are left, and how to say where. */
struct cursor {
    const char *at;
    const char *end;
    struct weir_arena *arena;
    struct weir_error *err;
};

static size_t left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

static uint32_t load_u32(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static int32_t load_i32(const char *at)
{
    return (int32_t)load_u32(at);
}

static float load_f32(const char *at)
{
    uint32_t bits = load_u32(at);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static uint64_t load_u64(const char *at)
{
    return (uint64_t)load_u32(at) | (uint64_t)load_u32(at + 4) << 32;
}

/* Takes n records of `bytes` each and returns the first; NULL: they are not there (err is set,
 * WEIR_ERR_CORRUPT). */
static const char *take(struct cursor *c, uint64_t n, size_t bytes, const char *what)
{
    const char *at = c->at;
    if (n > left(c) / bytes) {
        (void)weir_error_set(c->err, WEIR_ERR_CORRUPT, "%s: the file ends here", what);
        return NULL;
    }
    c->at += n * bytes;
    return at;
}

/* Takes a count and as many records; returns as above. */
static const char *take_counted(struct cursor *c, size_t bytes, const char *what, size_t *n)
{
    const char *at = take(c, 1, 8, what);
    if (!at)
        return NULL;
    uint64_t count = load_u64(at);
    *n = (size_t)count;
    return take(c, count, bytes, what);
}

static enum weir_status take_text(struct cursor *c, const char *what, struct weir_str *out)
{
    size_t n = 0;
    const char *at = take_counted(c, 1, what, &n);
    if (!at)
        return WEIR_ERR_CORRUPT;
    *out = weir_str_make(at, n);
    return WEIR_OK;
}

static void *alloc(struct cursor *c, size_t n, size_t size)
{
    void *p = weir_arena_array(c->arena, weir_max_size(n, 1), size);
    if (!p)
        (void)weir_error_set(c->err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    return p;
}

static enum weir_status take_floats(struct cursor *c, const char *what,
                                    struct weir_format_doc_f32s *out)
{
    const char *at = take_counted(c, 4, what, &out->n);
    if (!at)
        return WEIR_ERR_CORRUPT;
    out->at = alloc(c, out->n, sizeof *out->at);
    if (!out->at)
        return WEIR_ERR_NO_MEMORY;
    for (size_t i = 0; i < out->n; i++)
        out->at[i] = load_f32(at + 4 * i);
    return WEIR_OK;
}

/* --- trees --- */

static enum weir_status read_tree(struct cursor *c, struct weir_format_xgboost_tree *t)
{
    *t = (struct weir_format_xgboost_tree){.n_leaf_values = 0};
    const char *head = take(c, 1, TREE_BYTES, "tree");
    if (!head)
        return WEIR_ERR_CORRUPT;
    int32_t n_roots = load_i32(head), n = load_i32(head + 4);
    if (n_roots != 1 || n <= 0)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "tree: %d roots, %d nodes", n_roots, n);
    const char *nodes = take(c, (uint64_t)n, NODE_BYTES, "nodes of a tree");
    if (!nodes || !take(c, (uint64_t)n, STAT_BYTES, "statistics of a tree"))
        return WEIR_ERR_CORRUPT;
    size_t count = (size_t)n;
    t->left = (struct weir_format_doc_i32s){alloc(c, count, 4), count};
    t->right = (struct weir_format_doc_i32s){alloc(c, count, 4), count};
    t->feature = (struct weir_format_doc_i32s){alloc(c, count, 4), count};
    t->condition = (struct weir_format_doc_f32s){alloc(c, count, 4), count};
    t->default_left = (struct weir_format_doc_flags){alloc(c, count, 1), count};
    if (!t->left.at || !t->right.at || !t->feature.at || !t->condition.at || !t->default_left.at)
        return WEIR_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const char *node = nodes + i * NODE_BYTES;
        uint32_t split = load_u32(node + 12);
        t->left.at[i] = load_i32(node + 4);
        t->right.at[i] = load_i32(node + 8);
        t->feature.at[i] = (int32_t)(split & 0x7fffffffu);
        t->default_left.at[i] = split >> 31 != 0;
        t->condition.at[i] = load_f32(node + 16);
    }
    return WEIR_OK;
}

static enum weir_status read_gbtree(struct cursor *c, bool is_dart, struct weir_format_xgboost *out)
{
    enum weir_status status = WEIR_OK;
    const char *head = take(c, 1, GBTREE_BYTES, "gbtree");
    if (!head)
        return WEIR_ERR_CORRUPT;
    int32_t n = load_i32(head);
    if (n < 0 || (uint64_t)n > left(c) / TREE_BYTES)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "gbtree: %d trees do not fit", n);
    /* The second field was the number of roots before 1.6. */
    if (out->version >= WEIR_FORMAT_XGBOOST_VERSION(1, 6))
        out->n_parallel = load_i32(head + 4);
    out->n_trees = (size_t)n;
    out->trees = alloc(c, out->n_trees, sizeof *out->trees);
    if (!out->trees)
        return WEIR_ERR_NO_MEMORY;
    for (size_t i = 0; i < out->n_trees; i++) {
        struct weir_error reason = WEIR_ERROR_INIT;
        struct weir_error *err = c->err;
        c->err = &reason;
        status = read_tree(c, &out->trees[i]);
        c->err = err;
        if (status != WEIR_OK)
            return weir_error_set(err, status, "trees[%zu]: %s", i, reason.msg);
    }
    const char *info = take(c, out->n_trees, 4, "tree_info");
    if (!info)
        return WEIR_ERR_CORRUPT;
    out->tree_info = (struct weir_format_doc_i32s){alloc(c, out->n_trees, 4), out->n_trees};
    if (!out->tree_info.at)
        return WEIR_ERR_NO_MEMORY;
    for (size_t i = 0; i < out->n_trees; i++)
        out->tree_info.at[i] = load_i32(info + 4 * i);
    if (is_dart && n > 0)
        status = take_floats(c, "weight_drop", &out->weight_drop);
    return status;
}

static enum weir_status read_gblinear(struct cursor *c, struct weir_format_xgboost *out)
{
    out->kind = WEIR_FORMAT_XGBOOST_LINEAR;
    if (!take(c, 1, GBLINEAR_BYTES, "gblinear"))
        return WEIR_ERR_CORRUPT;
    return take_floats(c, "weights", &out->weights);
}

/* --- attributes --- */

static enum weir_status read_attributes(struct cursor *c, struct weir_format_xgboost *out)
{
    enum weir_status status = WEIR_OK;
    const char *at = take(c, 1, 8, "attributes");
    if (!at)
        return WEIR_ERR_CORRUPT;
    for (uint64_t n = load_u64(at); n > 0; n--) {
        struct weir_str name, value;
        uint64_t best;
        status = take_text(c, "attributes", &name);
        if (status == WEIR_OK)
            status = take_text(c, "attributes", &value);
        if (status == WEIR_OK && weir_str_eq_c(name, "scikit_learn"))
            status = weir_format_xgboost_meta_read(&out->meta, value, c->arena, c->err);
        if (status != WEIR_OK)
            return status;
        if (weir_str_eq_c(name, "best_iteration") && weir_str_to_u64(value, INT32_MAX, &best))
            out->best_iteration = (int64_t)best;
        if (weir_str_eq_c(name, "best_ntree_limit") && weir_str_to_u64(value, INT32_MAX, &best))
            out->best_trees = (int64_t)best;
    }
    return WEIR_OK;
}

/* --- the whole --- */

static enum weir_status read_learner(struct cursor *c, struct weir_format_xgboost *out,
                                     bool *has_attributes)
{
    char text[64];
    const char *head = take(c, 1, LEARNER_BYTES, "learner");
    if (!head)
        return WEIR_ERR_CORRUPT;
    uint32_t major = load_u32(head + 20), minor = load_u32(head + 24);
    if (major > 3 || minor > 99)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "learner: version %u.%u", major, minor);
    out->version = WEIR_FORMAT_XGBOOST_VERSION(major, minor);
    out->n_features = load_u32(head + 4);
    out->n_classes = load_i32(head + 8);
    out->n_targets = load_u32(head + 28);
    *has_attributes = load_i32(head + 12) != 0;
    out->base_margin = load_f32(head);
    out->base_is_margin = major == 0;
    if (major > 0) {
        (void)snprintf(text, sizeof text, "%u.%u", major, minor);
        out->version_text = weir_arena_str(c->arena, weir_str_c(text));
        if (!out->version_text.at)
            return weir_error_set(c->err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    }
    return WEIR_OK;
}

/* Narrows a snapshot of 1.0 to 1.5, "CONFIG-offset:", int64 where the configuration begins, the
 * model, JSON, to the model. WEIR_ERR_CORRUPT. */
static enum weir_status open_snapshot(struct weir_str *bytes, struct weir_error *err)
{
    enum { TAG_BYTES = sizeof SNAPSHOT_TAG - 1, HEAD_BYTES = TAG_BYTES + 8 };
    if (!weir_str_starts(*bytes, WEIR_STR(SNAPSHOT_TAG)))
        return WEIR_OK;
    uint64_t n = bytes->n < HEAD_BYTES ? UINT64_MAX : load_u64(bytes->at + TAG_BYTES);
    if (bytes->n < HEAD_BYTES || n > bytes->n - HEAD_BYTES)
        return weir_error_set(err, WEIR_ERR_CORRUPT, SNAPSHOT_TAG " the snapshot is cut short");
    *bytes = weir_str_make(bytes->at + HEAD_BYTES, (size_t)n);
    return WEIR_OK;
}

enum weir_status weir_format_xgboost_binary_read(struct weir_format_xgboost *out,
                                                 struct weir_str bytes, struct weir_arena *arena,
                                                 struct weir_error *err)
{
    enum weir_status status = open_snapshot(&bytes, err);
    if (status != WEIR_OK)
        return status;
    struct cursor c = {.at = bytes.at, .end = bytes.at + bytes.n, .arena = arena, .err = err};
    struct weir_str booster;
    bool has_attributes = false;
    *out = (struct weir_format_xgboost){.best_iteration = -1,
                                        .best_trees = -1,
                                        .n_parallel = 1,
                                        .version_text = WEIR_STR(""),
                                        .is_binary = true};
    if (weir_str_starts(bytes, WEIR_STR("binf")))
        c.at += 4;
    status = read_learner(&c, out, &has_attributes);
    if (status == WEIR_OK)
        status = take_text(&c, "objective", &out->objective);
    if (status == WEIR_OK)
        status = take_text(&c, "booster", &booster);
    if (status != WEIR_OK)
        return status;
    char echo[WEIR_ECHO_BUF_BYTES];
    if (weir_str_eq_c(booster, "gbtree") || weir_str_eq_c(booster, "dart"))
        status = read_gbtree(&c, weir_str_eq_c(booster, "dart"), out);
    else if (weir_str_eq_c(booster, "gblinear"))
        status = read_gblinear(&c, out);
    else
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "booster \"%s\" is not known",
                              weir_str_echo(booster, echo, sizeof echo));
    if (status == WEIR_OK && has_attributes)
        status = read_attributes(&c, out);
    return status;
}

bool weir_format_xgboost_binary_probe(struct weir_str bytes)
{
    if (weir_str_starts(bytes, WEIR_STR("binf")) || weir_str_starts(bytes, WEIR_STR(SNAPSHOT_TAG)))
        return true;
    if (bytes.n < LEARNER_BYTES + 16)
        return false;
    uint32_t n_features = load_u32(bytes.at + 4);
    float base = load_f32(bytes.at);
    if (!isfinite(base) || n_features > PROBE_FEATURES_MAX || load_u32(bytes.at + 20) > 1 ||
        load_u32(bytes.at + 24) > 99)
        return false;
    /* Then come two names, each a length and letters. */
    struct weir_str rest = weir_str_make(bytes.at + LEARNER_BYTES, bytes.n - LEARNER_BYTES);
    for (int i = 0; i < 2; i++) {
        if (rest.n < 8 || load_u64(rest.at) > NAME_BYTES_MAX || load_u64(rest.at) == 0 ||
            load_u64(rest.at) > rest.n - 8)
            return false;
        struct weir_str name = weir_str_make(rest.at + 8, (size_t)load_u64(rest.at));
        for (size_t k = 0; k < name.n; k++)
            if (!((name.at[k] >= 'a' && name.at[k] <= 'z') || name.at[k] == ':' ||
                  name.at[k] == '_' || name.at[k] == '-'))
                return false;
        rest = weir_str_make(name.at + name.n, rest.n - 8 - name.n);
    }
    return true;
}

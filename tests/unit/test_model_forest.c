/* SPDX-License-Identifier: MIT */
/* Forests against the slow, obvious walk: random trees, random rows on and beside thresholds, NaN.
 */
#include "model/forest.h"
#include "test_mem.h"
#include "test_random.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 63, FEATURES = 5, ROWS = 300, TREES = 7, WIDTH = 3 };

/* A tree as a file would have it: left negative is a leaf. */
struct split {
    int64_t left;
    int64_t right;
    int64_t feature;
    double threshold;
    bool nan_left;
};
struct plain {
    struct split splits[NODES_MAX];
    double leaves[NODES_MAX][WIDTH];
    size_t n;
};

static struct weir_model_forest_tree give(const struct plain *t,
                                          struct weir_model_forest_node *nodes)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct split *s = &t->splits[i];
        nodes[i] = (struct weir_model_forest_node){
            .threshold = s->threshold,
            .left = s->left,
            .right = s->right,
            .feature = s->feature,
            .test = s->left == -1 ? WEIR_MODEL_FOREST_LEAF : WEIR_MODEL_FOREST_LE,
            .missing = s->nan_left ? WEIR_MODEL_FOREST_NAN_LEFT : WEIR_MODEL_FOREST_NAN_RIGHT};
        if (s->left == -1)
            nodes[i].value = (uint32_t)i;
    }
    return (struct weir_model_forest_tree){
        .nodes = nodes, .n_nodes = t->n, .values = t->leaves[0], .n_values = t->n * WIDTH};
}

/* Makes a random tree: nodes are split in order while there is room. */
static void grow(struct plain *t, struct weir_test_random *r)
{
    t->n = 1;
    for (size_t i = 0; i < t->n; i++) {
        bool splits = t->n + 2 <= NODES_MAX && (i == 0 || weir_test_random_below(r, 5) > 1);
        t->splits[i] = (struct split){.left = -1, .right = -1};
        for (size_t k = 0; k < WIDTH; k++)
            t->leaves[i][k] = weir_test_random_unit(r) / 3.0;
        if (!splits)
            continue;
        t->splits[i] = (struct split){.left = (int64_t)t->n + (int64_t)weir_test_random_below(r, 2),
                                      .feature = (int64_t)weir_test_random_below(r, FEATURES),
                                      .threshold = weir_test_random_unit(r),
                                      .nan_left = weir_test_random_below(r, 2)};
        t->splits[i].right = 2 * (int64_t)t->n + 1 - t->splits[i].left;
        if (weir_test_random_below(r, 20) == 0)
            t->splits[i].threshold = INFINITY;
        t->n += 2;
    }
}

static size_t walk(const struct plain *t, const float *x, bool has_nan)
{
    size_t i = 0;
    while (t->splits[i].left >= 0) {
        const struct split *s = &t->splits[i];
        float v = x[s->feature];
        bool left = isnan(v) && has_nan ? s->nan_left : (double)v <= s->threshold;
        i = (size_t)(left ? s->left : s->right);
    }
    return i;
}

static const struct weir_model_head shares = {.link = WEIR_MODEL_LINK_SHARES, .n_scores = WIDTH};

static struct weir_model_forest_opts opts_of(size_t n, bool has_nan)
{
    return (struct weir_model_forest_opts){.name = WEIR_STR("Forest"),
                                           .n_features = FEATURES,
                                           .input = WEIR_F32,
                                           .sum = WEIR_F64,
                                           .n_sums = WIDTH,
                                           .width = WIDTH,
                                           .divisor = (double)n,
                                           .allows_nan = has_nan,
                                           .heads = &shares,
                                           .n_heads = 1};
}

static enum weir_status build(struct weir_model **out, const struct plain *trees, size_t n,
                              bool has_nan, struct weir_mem *mem, struct weir_error *err)
{
    WEIR_CLEANUP(weir_model_builder_deinit) struct weir_model_builder b = {.arena = NULL};
    struct weir_labels labels = {.dtype = WEIR_I64, .n = WIDTH};
    struct weir_model_forest_opts opts = opts_of(n, has_nan);
    struct weir_model_forest_builder *f;
    enum weir_status status = weir_model_builder_init(&b, mem, 0, err);
    static const int64_t numbers[WIDTH] = {4, 5, 6};
    struct weir_labels *targets = NULL;
    if (status == WEIR_OK) {
        targets = weir_arena_zalloc(b.arena, sizeof *targets);
        status = targets ? weir_model_builder_labels(&b, &labels, WEIR_I64, WIDTH, numbers, err)
                         : WEIR_ERR_NO_MEMORY;
    }
    if (status == WEIR_OK) {
        *targets = labels;
        opts.targets = targets;
        opts.n_targets = 1;
        status = weir_model_forest_begin(&b, &opts, &f, err);
    }
    for (size_t i = 0; status == WEIR_OK && i < n; i++) {
        static struct weir_model_forest_node nodes[NODES_MAX];
        struct weir_model_forest_tree tree = give(&trees[i], nodes);
        status = weir_model_forest_add(f, &tree, err);
    }
    const struct weir_model_node *root;
    if (status == WEIR_OK)
        status = weir_model_forest_end(f, &root, err);
    if (status == WEIR_OK)
        status = weir_model_builder_finish(&b, root, out, err);
    return status;
}

static void fill(struct weir_test_random *r, const struct plain *trees, float *x, bool has_nan)
{
    for (size_t i = 0; i < ROWS * FEATURES; i++) {
        const struct plain *t = &trees[weir_test_random_below(r, TREES)];
        double threshold = t->splits[weir_test_random_below(r, t->n)].threshold;
        switch (weir_test_random_below(r, has_nan ? 5 : 4)) {
        case 0:
            x[i] = (float)weir_test_random_unit(r);
            break;
        case 1:
            x[i] = (float)threshold;
            break;
        case 2:
            x[i] = nextafterf((float)threshold, 2.0f);
            break;
        case 3:
            x[i] = nextafterf((float)threshold, -2.0f);
            break;
        default:
            x[i] = NAN;
        }
        if (isinf(x[i]))
            x[i] = 0.5f;
    }
}

static void check_random(bool has_nan)
{
    struct weir_test_random r;
    weir_test_random_init(&r, 20261122);
    for (size_t round = 0; round < 40; round++) {
        static struct plain trees[TREES];
        static float x[ROWS * FEATURES];
        static double proba[ROWS * WIDTH];
        static int32_t labels[ROWS];
        static struct weir_row_fault faults[ROWS];
        for (size_t i = 0; i < TREES; i++)
            grow(&trees[i], &r);
        fill(&r, trees, x, has_nan);
        struct weir_model *model = NULL;
        struct weir_error err = WEIR_ERROR_INIT;
        cr_assert_eq(build(&model, trees, TREES, has_nan, NULL, &err), WEIR_OK, "%s", err.msg);
        struct weir_rows rows = {x, ROWS};
        void *scratch = aligned_alloc(64, (weir_model_scratch_bytes(model) + 63) & ~(size_t)63);
        struct weir_run run = {
            .dtype = WEIR_F32,
            .blocks = &rows,
            .n_blocks = 1,
            .wanted = 1u << WEIR_OUTPUT_PREDICT | 1u << WEIR_OUTPUT_PREDICT_PROBA,
            .out = {[WEIR_OUTPUT_PREDICT] = labels, [WEIR_OUTPUT_PREDICT_PROBA] = proba},
            .faults = faults,
            .scratch = scratch};
        cr_assert_eq(weir_model_run(model, &run), 0);
        for (size_t row = 0; row < ROWS; row++) {
            double sums[WIDTH] = {0};
            for (size_t t = 0; t < TREES; t++) {
                size_t leaf = walk(&trees[t], x + row * FEATURES, has_nan);
                for (size_t k = 0; k < WIDTH; k++)
                    sums[k] += trees[t].leaves[leaf][k];
            }
            for (size_t k = 0; k < WIDTH; k++)
                cr_assert_eq(proba[row * WIDTH + k], sums[k] / TREES, "seed %llu round %zu row %zu",
                             (unsigned long long)r.seed, round, row);
            cr_assert_eq((size_t)labels[row], weir_model_head_argmax(sums, WIDTH));
        }
        free(scratch);
        weir_model_free(model);
    }
}

Test(model_forest, walks_as_the_obvious_code_does)
{
    check_random(false);
}

Test(model_forest, sends_nan_where_the_node_says)
{
    check_random(true);
}

Test(model_forest, thresholds_between_floats_do_not_move)
{
    /* 0.1 is no float: the float above it must go right, the one below left. */
    struct plain t = {.n = 3,
                      .splits = {{.left = 1, .right = 2, .threshold = 0.1},
                                 {.left = -1, .right = -1},
                                 {.left = -1, .right = -1}},
                      .leaves = {{0}, {1.0}, {0.0, 1.0}}};
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(build(&model, &t, 1, false, NULL, &err), WEIR_OK, "%s", err.msg);
    float above = 0.1f;
    cr_assert_gt((double)above, 0.1);
    double x[2][FEATURES] = {{(double)above}, {(double)nextafterf(above, 0.0f)}};
    double out[2];
    cr_assert_eq(weir_model_predict(model, x[0], 2, FEATURES, WEIR_OUTPUT_PREDICT, out, &err),
                 WEIR_OK, "%s", err.msg);
    cr_assert_eq(out[0], 1.0);
    cr_assert_eq(out[1], 0.0);
    weir_model_free(model);
}

Test(model_forest, a_leaf_alone_is_a_tree)
{
    struct plain t = {.n = 1, .splits = {{.left = -1, .right = -1}}, .leaves = {{0.25, 0.5, 0.25}}};
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(build(&model, &t, 1, false, NULL, &err), WEIR_OK, "%s", err.msg);
    double x[FEATURES] = {0}, out[WIDTH];
    cr_assert_eq(weir_model_predict(model, x, 1, FEATURES, WEIR_OUTPUT_PREDICT_PROBA, out, &err),
                 WEIR_OK);
    cr_assert_eq(out[1], 0.5);
    weir_model_free(model);
}

Test(model_forest, refuses_nan_and_what_float_cannot_hold)
{
    struct plain t = {.n = 1, .splits = {{.left = -1, .right = -1}}};
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(build(&model, &t, 1, false, NULL, &err), WEIR_OK, "%s", err.msg);
    double x[3][FEATURES] = {{0}, {0, 0, NAN}, {1e39}};
    double out[3];
    cr_assert_eq(weir_model_predict(model, x[0], 2, FEATURES, WEIR_OUTPUT_PREDICT, out, &err),
                 WEIR_ERR_INVALID);
    cr_assert_str_eq(err.msg, "row 1, column 2: Forest: input is NaN");
    cr_assert_eq(weir_model_predict(model, x[2], 1, FEATURES, WEIR_OUTPUT_PREDICT, out, &err),
                 WEIR_ERR_INVALID);
    cr_assert_str_eq(err.msg, "row 0, column 0: Forest: input is infinite or too large");
    weir_model_free(model);
}

/* --- what a hostile file may say --- */

static const struct {
    const char *label;
    struct split root;
    struct split first;
    const char *message;
} bad_trees[] = {
    {"a node is its own child", {.left = 0, .right = 2}, {.left = -1}, "two parents"},
    {"a cycle", {.left = 1, .right = 2}, {.left = 3, .right = 0}, "two parents"},
    {"left child negative", {.left = -7, .right = 2}, {.left = -1}, "left child -7"},
    {"left child out of range", {.left = 9, .right = 2}, {.left = -1}, "left child 9"},
    {"right child out of range", {.left = 1, .right = 5}, {.left = -1}, "right child 5"},
    {"right child missing", {.left = 1, .right = -1}, {.left = -1}, "right child -1"},
    {"feature out of range", {.left = 1, .right = 2, .feature = 5}, {.left = -1}, "feature 5"},
    {"feature negative", {.left = 1, .right = 2, .feature = -2}, {.left = -1}, "feature -2"},
    {"threshold NaN", {.left = 1, .right = 2, .threshold = NAN}, {.left = -1}, "threshold is NaN"},
    {"one child twice", {.left = 1, .right = 1}, {.left = -1}, "two parents"},
    {"children shared", {.left = 1, .right = 2}, {.left = 2, .right = 3}, "two parents"},
};

ParameterizedTestParameters(model_forest, bad_trees_are_refused)
{
    static size_t rows[WEIR_ARRAY_LEN(bad_trees)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(const size_t *i, model_forest, bad_trees_are_refused)
{
    struct plain t = {
        .n = 4, .splits = {bad_trees[*i].root, bad_trees[*i].first, {.left = -1}, {.left = -1}}};
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(build(&model, &t, 1, false, NULL, &err), WEIR_ERR_CORRUPT, "%s",
                 bad_trees[*i].label);
    cr_assert(strstr(err.msg, bad_trees[*i].message), "%s: %s", bad_trees[*i].label, err.msg);
    cr_assert_null(model);
}

Test(model_forest, no_memory_is_reported_and_leaks_nothing)
{
    struct weir_test_random r;
    weir_test_random_init(&r, 5);
    static struct plain trees[2];
    grow(&trees[0], &r);
    grow(&trees[1], &r);
    for (uint64_t n = 1;; n++) {
        struct weir_model *model = NULL;
        struct weir_error err = WEIR_ERROR_INIT;
        test_mem_fail_at(n, true);
        enum weir_status status = build(&model, trees, 2, false, test_mem(), &err);
        bool has_failed = test_mem_has_failed();
        test_mem_fail_at(0, false);
        if (!has_failed) {
            cr_assert_eq(status, WEIR_OK);
            weir_model_free(model);
            break;
        }
        cr_assert_eq(status, WEIR_ERR_NO_MEMORY);
        cr_assert_null(model);
        cr_assert_eq(test_mem_n_live(), 0);
    }
    cr_assert_eq(test_mem_n_live(), 0);
}

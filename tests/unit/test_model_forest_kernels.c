/* SPDX-License-Identifier: MIT */
/* Every kernel set that this CPU can run against the plain walk, bit for bit: random forests of
 * many shapes, tests, missing rules and element kinds, rows on and beside thresholds, NaN,
 * infinities, zeros of both signs and denormals, in batches of every size. */
#include "model/forest_fast.h"
#include "model/model_priv.h"
#include "test_random.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a random forest is made of. */
struct shape {
    const char *label;
    size_t n_trees;
    size_t n_leaves;  /* of a tree, at most */
    bool is_lopsided; /* the newest leaf is split again and again */
    uint32_t n_features;
    size_t n_thresholds; /* different ones of a feature; 0: any number */
    uint32_t n_sums;
    uint32_t width;
    enum weir_dtype input;
    enum weir_dtype sum;
    uint32_t missing; /* set of 1u << rule; 0: NaN is refused */
    uint32_t tests;   /* set of 1u << test */
    enum weir_model_forest_category category;
    bool flushes_tiny;
    bool has_missing_value;
};

#define LE        (1u << WEIR_MODEL_FOREST_LE)
#define LT        (1u << WEIR_MODEL_FOREST_LT)
#define EQ        (1u << WEIR_MODEL_FOREST_EQ)
#define SET       (1u << WEIR_MODEL_FOREST_SET)
#define NAN_SIDES (1u << WEIR_MODEL_FOREST_NAN_RIGHT | 1u << WEIR_MODEL_FOREST_NAN_LEFT)
#define ALL_RULES 31u

static const struct shape shapes[] = {
    {"boosted, depth 6", 50, 64, false, 20, 100, 1, 1, WEIR_F32, WEIR_F32, NAN_SIDES, LT,
     .category = 0},
    {"boosted, depth 3", 33, 8, false, 9, 20, 1, 1, WEIR_F32, WEIR_F32, NAN_SIDES, LT,
     .category = 0},
    {"boosted, four classes", 40, 40, false, 12, 50, 4, 1, WEIR_F32, WEIR_F32, NAN_SIDES, LT,
     .category = 0},
    {"leaf-wise, 31 leaves", 60, 31, true, 28, 200, 1, 1, WEIR_F64, WEIR_F64, ALL_RULES, LE,
     .flushes_tiny = true},
    {"leaf-wise, 31 leaves, no NaN", 60, 31, true, 28, 255, 1, 1, WEIR_F64, WEIR_F64, 0, LE,
     .category = 0},
    {"leaf-wise, many thresholds", 60, 31, true, 5, 0, 1, 1, WEIR_F64, WEIR_F64, ALL_RULES, LE,
     .category = 0},
    {"leaf-wise, 50 leaves", 20, 50, true, 28, 60, 2, 1, WEIR_F64, WEIR_F64, NAN_SIDES, LE,
     .category = 0},
    {"leaf-wise, 12 leaves", 20, 12, true, 4, 60, 1, 1, WEIR_F64, WEIR_F64, NAN_SIDES, LE,
     .category = 0},
    {"a chain", 9, 120, true, 6, 100, 1, 1, WEIR_F32, WEIR_F64, NAN_SIDES, LE | LT, .category = 0},
    {"categories of histograms", 25, 31, false, 7, 40, 1, 1, WEIR_F64, WEIR_F64, NAN_SIDES,
     LE | SET, WEIR_MODEL_FOREST_CATEGORY_HIST, .flushes_tiny = false},
    {"categories of XGBoost", 25, 40, false, 7, 40, 1, 1, WEIR_F32, WEIR_F32, NAN_SIDES, LT | SET,
     WEIR_MODEL_FOREST_CATEGORY_XGBOOST, .flushes_tiny = false},
    {"categories of LightGBM", 25, 31, true, 7, 40, 1, 1, WEIR_F64, WEIR_F64, ALL_RULES, LE | SET,
     WEIR_MODEL_FOREST_CATEGORY_LIGHTGBM, .flushes_tiny = true},
    {"equalities", 11, 31, false, 7, 40, 3, 1, WEIR_F32, WEIR_F32, NAN_SIDES, LE | LT | EQ,
     .category = 0},
    {"random forest", 17, 500, false, 13, 0, 3, 3, WEIR_F32, WEIR_F64, 0, LE, .category = 0},
    {"random forest with NaN", 17, 500, false, 13, 0, 2, 2, WEIR_F32, WEIR_F64, NAN_SIDES, LE,
     .category = 0},
    {"deep trees of few thresholds", 7, 3000, true, 13, 90, 1, 1, WEIR_F32, WEIR_F64, NAN_SIDES, LE,
     .category = 0},
    {"deep trees of doubles", 7, 3000, false, 13, 0, 1, 1, WEIR_F64, WEIR_F64, NAN_SIDES, LE,
     .category = 0},
    {"40,000 leaves", 2, 40000, false, 13, 0, 1, 1, WEIR_F32, WEIR_F64, NAN_SIDES, LE,
     .category = 0},
    {"40,000 leaves, wide", 1, 40000, false, 3000, 0, 1, 1, WEIR_F64, WEIR_F32, NAN_SIDES, LE,
     .category = 0},
    {"wide", 30, 20, false, 300, 10, 1, 1, WEIR_F32, WEIR_F32, NAN_SIDES, LT, .category = 0},
    {"single leaves", 5, 1, false, 3, 0, 2, 1, WEIR_F32, WEIR_F64, 0, LE, .category = 0},
    {"one stump", 1, 2, false, 1, 0, 1, 1, WEIR_F32, WEIR_F64, NAN_SIDES, LE, .category = 0},
    {"256 leaves", 6, 256, false, 11, 250, 1, 1, WEIR_F32, WEIR_F32, NAN_SIDES, LT, .category = 0},
    {"65 leaves", 6, 65, false, 11, 250, 1, 1, WEIR_F32, WEIR_F32, NAN_SIDES, LT, .category = 0},
    {"a missing value", 20, 31, false, 11, 250, 1, 1, WEIR_F32, WEIR_F32, NAN_SIDES, LT,
     .has_missing_value = true},
    {"no trees", 0, 1, false, 3, 0, 2, 1, WEIR_F32, WEIR_F64, 0, LE, .category = 0},
};

enum { ROWS = 200, WORDS = 8 };

static const double MISSING = -9.0;

static uint32_t pick(struct weir_test_random *r, uint32_t set)
{
    uint32_t bit;
    do
        bit = (uint32_t)weir_test_random_below(r, 8);
    while (!(set >> bit & 1));
    return bit;
}

static double threshold(struct weir_test_random *r, const struct shape *s)
{
    static const double odd[] = {INFINITY, -INFINITY, 0.0, -0.0, 1e-40, -1e-300, 1e-35, 1e300};
    if (weir_test_random_below(r, 25) == 0)
        return odd[weir_test_random_below(r, WEIR_ARRAY_LEN(odd))];
    if (s->n_thresholds > 0)
        return (double)weir_test_random_below(r, s->n_thresholds) / 7.0 - 3.0;
    return weir_test_random_unit(r) * 6.0 - 3.0;
}

static double leaf_value(struct weir_test_random *r, const struct shape *s)
{
    double v = weir_test_random_unit(r) / 3.0 - 0.1;
    return s->sum == WEIR_F32 ? (double)(float)v : v;
}

/* Makes a random tree of 2 × n_leaves − 1 nodes at most. */
static void grow(struct weir_test_random *r, const struct shape *s,
                 struct weir_model_forest_node *nodes, size_t *n)
{
    size_t n_leaves = 1 + weir_test_random_below(r, s->n_leaves);
    n_leaves = weir_max_size(n_leaves, s->n_leaves - s->n_leaves / 4);
    size_t n_nodes = 2 * n_leaves - 1;
    size_t split = 0;
    for (size_t i = 0; i < n_nodes; i++)
        nodes[i] = (struct weir_model_forest_node){.test = WEIR_MODEL_FOREST_LEAF};
    for (size_t next = 1; next < n_nodes; next += 2) {
        uint32_t test = pick(r, s->tests);
        nodes[split] = (struct weir_model_forest_node){
            .left = (int64_t)(next + weir_test_random_below(r, 2)),
            .feature = (int64_t)weir_test_random_below(r, s->n_features),
            .threshold = threshold(r, s),
            .test = (uint8_t)test,
            .missing = (uint8_t)pick(r, s->missing ? s->missing : NAN_SIDES)};
        nodes[split].right = (int64_t)(2 * next + 1) - nodes[split].left;
        if (test == WEIR_MODEL_FOREST_EQ)
            nodes[split].threshold = (double)weir_test_random_below(r, 4);
        if (test == WEIR_MODEL_FOREST_SET) {
            nodes[split].set = (uint32_t)weir_test_random_below(r, 4);
            nodes[split].known = (uint32_t)weir_test_random_below(r, 4);
            nodes[split].n = WORDS;
        }
        size_t reach = s->n_leaves > 500 ? 60 : 3;
        size_t back = weir_test_random_below(r, reach);
        split = weir_min_size(next + 1 - weir_min_size(back, next), next + 1);
        if (!s->is_lopsided)
            split = (next + 1) / 2;
        while (nodes[split].test != WEIR_MODEL_FOREST_LEAF)
            split++;
    }
    *n = n_nodes;
    for (size_t i = 0; i < n_nodes; i++)
        if (nodes[i].test == WEIR_MODEL_FOREST_LEAF) {
            nodes[i].value = (uint32_t)i;
            nodes[i].id = (int32_t)i;
        }
}

static struct weir_model *make(const struct shape *s, uint64_t seed)
{
    struct weir_test_random r;
    weir_test_random_init(&r, seed);
    struct weir_model_builder b;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_model_builder_init(&b, NULL, 0, &err), WEIR_OK);
    double start[8];
    for (size_t i = 0; i < s->n_sums; i++)
        start[i] = leaf_value(&r, s);
    struct weir_model_head head = {.link = WEIR_MODEL_LINK_NUMBER, .n_scores = s->n_sums};
    struct weir_model_forest_opts opts = {.name = WEIR_STR("Forest"),
                                          .n_features = s->n_features,
                                          .input = s->input,
                                          .sum = s->sum,
                                          .n_sums = s->n_sums,
                                          .width = s->width,
                                          .start = start,
                                          .divisor = s->width > 1 ? (double)s->n_trees : 1.0,
                                          .category = s->category,
                                          .flushes_tiny = s->flushes_tiny,
                                          .has_missing_value = s->has_missing_value,
                                          .missing_value = MISSING,
                                          .allows_nan = s->missing != 0,
                                          .allows_inf = true,
                                          .gives_leaves = true,
                                          .heads = &head,
                                          .n_heads = 1};
    opts.targets = weir_arena_zarray(b.arena, s->n_sums, sizeof *opts.targets);
    opts.n_targets = s->n_sums;
    struct weir_model_forest_builder *f;
    cr_assert_eq(weir_model_forest_begin(&b, &opts, &f, &err), WEIR_OK, "%s", err.msg);
    struct weir_model_forest_node *nodes = calloc(2 * s->n_leaves, sizeof *nodes);
    double *values = calloc(2 * s->n_leaves * s->width, sizeof *values);
    uint32_t words[2 * WORDS];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(words); i++)
        words[i] = (uint32_t)weir_test_random_below(&r, UINT32_MAX);
    for (size_t t = 0; t < s->n_trees; t++) {
        size_t n;
        grow(&r, s, nodes, &n);
        for (size_t i = 0; i < n * s->width; i++)
            values[i] = leaf_value(&r, s);
        struct weir_model_forest_tree tree = {.nodes = nodes,
                                              .n_nodes = n,
                                              .values = values,
                                              .n_values = n * s->width,
                                              .first = (uint32_t)(t % (s->n_sums - s->width + 1)),
                                              .words = words,
                                              .n_words = WEIR_ARRAY_LEN(words)};
        cr_assert_eq(weir_model_forest_add(f, &tree, &err), WEIR_OK, "%s", err.msg);
    }
    free(nodes);
    free(values);
    const struct weir_model_node *root;
    struct weir_model *model = NULL;
    cr_assert_eq(weir_model_forest_end(f, &root, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(b.spec->n_slow_forests, 0, "%s: the check at load", s->label);
    cr_assert_eq(weir_model_builder_finish(&b, root, &model, &err), WEIR_OK, "%s", err.msg);
    return model;
}

static double value(struct weir_test_random *r, const struct shape *s)
{
    static const double odd[] = {INFINITY, -INFINITY, 0.0,  -0.0, 1e-40, -1e-40, 1e-300,
                                 1e-35,    -2e-35,    -9.0, -0.5, 1e30,  256.0,  -1.0};
    double t = threshold(r, s);
    switch (weir_test_random_below(r, 8)) {
    case 0:
        return odd[weir_test_random_below(r, WEIR_ARRAY_LEN(odd))];
    case 1:
        return (double)nextafterf((float)t, INFINITY);
    case 2:
        return (double)nextafterf((float)t, -INFINITY);
    case 3:
        return nextafter(t, 9.0);
    case 4:
        return (double)(int64_t)weir_test_random_below(r, 300) - 20.0;
    case 5:
        return s->missing ? (double)NAN : t;
    default:
        return t;
    }
}

static void run(const struct weir_model *model, enum weir_dtype dtype, const void *x, size_t n,
                double *out)
{
    struct weir_rows rows = {x, n};
    static struct weir_row_fault faults[ROWS];
    void *scratch = aligned_alloc(64, (weir_model_scratch_bytes(model) + 63) & ~(size_t)63);
    memset(scratch, 0xa5, weir_model_scratch_bytes(model));
    struct weir_run run = {.dtype = dtype,
                           .blocks = &rows,
                           .n_blocks = 1,
                           .wanted = 1u << WEIR_OUTPUT_PREDICT,
                           .out = {[WEIR_OUTPUT_PREDICT] = out},
                           .faults = faults,
                           .scratch = scratch};
    cr_assert_eq(weir_model_run(model, &run), 0);
    free(scratch);
}

static void check_same(const struct weir_model *model, const struct weir_model *plain,
                       const struct shape *s, const char *kernel, enum weir_dtype dtype,
                       const void *x)
{
    size_t item = dtype == WEIR_F32 ? sizeof(float) : sizeof(double);
    static double expected[ROWS * 8], got[ROWS * 8];
    run(plain, dtype, x, ROWS, expected);
    for (size_t n = 1; n <= 70; n++)
        for (size_t first = 0; first == 0 || (n < 3 && first < 70); first++) {
            run(model, dtype, (const char *)x + first * s->n_features * item, n, got);
            cr_assert_eq(memcmp(got, expected + first * s->n_sums, n * s->n_sums * sizeof *got), 0,
                         "%s, %s: %zu rows from %zu on", s->label, kernel, n, first);
        }
    run(model, dtype, x, ROWS, got);
    cr_assert_eq(memcmp(got, expected, sizeof *got * ROWS * s->n_sums), 0, "%s, %s", s->label,
                 kernel);
}

ParameterizedTestParameters(model_forest_kernels, equal_the_plain_walk)
{
    static size_t rows[WEIR_ARRAY_LEN(shapes)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(const size_t *i, model_forest_kernels, equal_the_plain_walk)
{
    const struct shape *s = &shapes[*i];
    static const char *const kernels[] = {"portable", "avx2", "avx512"};
    size_t n_rounds = s->n_leaves > 1000 ? 1 : 4;
    for (size_t round = 0; round < n_rounds; round++) {
        uint64_t seed = 20261122 + round;
        struct weir_test_random r;
        weir_test_random_init(&r, seed * 7);
        size_t n = (size_t)ROWS * s->n_features;
        double *x64 = calloc(n, sizeof *x64);
        float *x32 = calloc(n, sizeof *x32);
        for (size_t k = 0; k < n; k++) {
            x64[k] = value(&r, s);
            x32[k] = (float)x64[k];
        }
        cr_assert(weir_model_forest_force("plain"));
        struct weir_model *plain = make(s, seed);
        for (size_t k = 0; k < WEIR_ARRAY_LEN(kernels); k++) {
            if (!weir_model_forest_force(kernels[k]))
                continue;
            struct weir_model *model = make(s, seed);
            /* Not dropped by the check at load. */
            const void *root = model->root;
            cr_assert_eq(((const struct weir_model_forest *)root)->fast != NULL, s->n_trees > 0,
                         "%s, %s", s->label, kernels[k]);
            check_same(model, plain, s, kernels[k], WEIR_F32, x32);
            if (s->input == WEIR_F64)
                check_same(model, plain, s, kernels[k], WEIR_F64, x64);
            weir_model_free(model);
        }
        weir_model_free(plain);
        free(x64);
        free(x32);
    }
    weir_model_forest_force(NULL);
}

Test(model_forest_kernels, those_that_give_other_bits_are_dropped_and_told_of)
{
    struct weir_model *model = make(&shapes[0], 1);
    struct weir_model_forest *forest = (struct weir_model_forest *)(uintptr_t)model->root;
    struct weir_model_builder b = {.arena = &model->arena, .spec = &model->spec, .model = model};
    double *values = (double *)(uintptr_t)forest->trees[0].values;
    cr_assert_not_null(forest->fast);
    cr_assert_eq(weir_model_forest_check(&b, forest, NULL), WEIR_OK);
    cr_assert_not_null(forest->fast);
    cr_assert_eq(model->spec.n_slow_forests, 0);
    for (size_t i = 0; i < forest->trees[0].n_leaves; i++)
        values[i * forest->width] = 1e6 + values[i * forest->width];
    cr_assert_eq(weir_model_forest_check(&b, forest, NULL), WEIR_OK);
    cr_assert_null(forest->fast);
    cr_assert_eq(model->spec.n_slow_forests, 1);
    weir_model_free(model);
}

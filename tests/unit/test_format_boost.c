/* SPDX-License-Identifier: MIT */
/* Files of the boosting libraries that were damaged: cut at many places, with bits flipped, with
 * numbers written over. Each is refused or makes a model that runs; the sanitizer builds see that
 * nothing outside the file is read. What whole files answer is compared in tests/parity. */
#include "base/buf.h"
#include "format/format.h"
#include "model/model.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUTS = 120, FLIPS = 240, ROWS = 3 };

/* One file of each format, of versions that differ in layout. */
static const char *const files[] = {
    "tests/data/xgboost/0.90/objectives/binary_logistic_01_bin.model",
    "tests/data/xgboost/0.90/wrappers/binary_pickle4.pkl",
    "tests/data/xgboost/1.2.1/wrappers/binary_pickle4.pkl",
    "tests/data/xgboost/1.7.6/wrappers/multi_json.json",
    "tests/data/xgboost/1.7.6/wrappers/multi_ubj.ubj",
    "tests/data/xgboost/3.4.1/boosters/categorical_ubj.ubj",
    "tests/data/xgboost/3.4.1/boosters/categorical_json.json",
    "tests/data/xgboost/3.4.1/boosters/vectors_ubj.ubj",
    "tests/data/xgboost/3.4.1/boosters/dart_diabetes_ubj.ubj",
    "tests/data/xgboost/3.4.1/wrappers/binary_pickle4.pkl",
    "tests/data/lightgbm/4.6.0/objectives/categorical.txt",
    "tests/data/xgboost/3.4.1/categories/ints_text.ubj",
    "tests/data/lightgbm/4.6.0/categories/texts.txt",
    "tests/data/lightgbm/4.6.0/objectives/linear.txt",
    "tests/data/lightgbm/4.6.0/objectives/binary_crlf.txt",
    "tests/data/lightgbm/4.6.0/wrappers/binary_text_pickle4.pkl",
    "tests/data/catboost/1.2.10/models/multi_cbm.cbm",
    "tests/data/catboost/1.2.10/models/multi_Lossguide_cbm.cbm",
    "tests/data/catboost/1.2.10/models/binary_json.json",
    "tests/data/catboost/1.2.10/models/binary_Depthwise_json.json",
};

/* Runs a few rows through whatever was made. */
static void run_model(const struct weir_model *model)
{
    const struct weir_spec *spec = weir_model_spec(model);
    size_t n = spec->n_features;
    if (n > 4096)
        return;
    enum weir_dtype dtype = weir_spec_batch_dtype(spec, WEIR_F64);
    double *x = calloc(ROWS * n, sizeof *x);
    cr_assert(x);
    for (size_t i = 0; i < ROWS * n; i++) {
        double v = i % 5 == 4 ? (double)NAN : (double)(i % 17) - 3.5;
        if (dtype == WEIR_F32)
            ((float *)(void *)x)[i] = (float)v;
        else
            x[i] = v;
    }
    struct weir_rows block = {x, ROWS};
    struct weir_row_fault faults[ROWS];
    size_t n_scratch = weir_model_scratch_bytes(model);
    struct weir_run run = {.dtype = dtype,
                           .blocks = &block,
                           .n_blocks = 1,
                           .faults = faults,
                           .scratch = aligned_alloc(64, (n_scratch + 127) & ~(size_t)63)};
    cr_assert(run.scratch);
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++) {
        if (!spec->outputs[o].is_given)
            continue;
        run.out[o] = calloc(ROWS * (size_t)spec->outputs[o].n_columns + 1, sizeof(double));
        cr_assert(run.out[o]);
        run.wanted |= 1u << o;
    }
    (void)weir_model_run(model, &run);
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++)
        free(run.out[o]);
    free(run.scratch);
    free(x);
}

/* Loads bytes; returns whether a model was made of them. */
static bool try_bytes(const char *bytes, size_t n)
{
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_format_opts opts = WEIR_FORMAT_OPTS_INIT;
    opts.tree_bytes_max = opts.model_bytes_max = UINT64_C(256) << 20;
    /* A copy of exactly this size, so that reading behind it is seen. */
    char *copy = malloc(n ? n : 1);
    cr_assert(copy);
    memcpy(copy, bytes, n);
    enum weir_status status = weir_format_load_bytes(&model, copy, n, NULL, &opts, &err);
    free(copy);
    cr_assert_eq(status == WEIR_OK, model != NULL);
    cr_assert(status == WEIR_OK || err.msg[0] != '\0');
    if (model)
        run_model(model);
    weir_model_free(model);
    return status == WEIR_OK;
}

static struct weir_buf read_fixture(const char *file)
{
    const char *root = getenv("WEIR_TEST_SOURCE_ROOT");
    cr_assert(root, "WEIR_TEST_SOURCE_ROOT is not set");
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, file);
    FILE *f = fopen(path, "rb");
    cr_assert(f, "%s", path);
    struct weir_buf bytes = WEIR_BUF_INIT;
    char part[4096];
    size_t n;
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        weir_buf_append(&bytes, part, n);
    fclose(f);
    return bytes;
}

ParameterizedTestParameters(format_boost, damaged_files_are_refused_or_run)
{
    static size_t rows[sizeof files / sizeof files[0]];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, sizeof files / sizeof files[0]);
}

ParameterizedTest(size_t *row, format_boost, damaged_files_are_refused_or_run)
{
    struct weir_buf bytes = read_fixture(files[*row]);
    cr_assert(try_bytes(bytes.at, bytes.n), "%s", files[*row]);
    size_t n_taken = 0;
    for (size_t i = 0; i < CUTS; i++)
        n_taken += try_bytes(bytes.at, bytes.n * i / CUTS);
    /* A text model may be cut behind its trees; a .cbm and a binary file behind what is read. */
    cr_expect_lt(n_taken, CUTS / 2, "%s: %zu cut files were taken", files[*row], n_taken);
    uint64_t state = 0x9e3779b97f4a7c15u + *row;
    for (size_t i = 0; i < FLIPS; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        size_t at = (size_t)(state >> 20) % bytes.n;
        char before[8];
        size_t n = bytes.n - at < 8 ? bytes.n - at : 8;
        memcpy(before, bytes.at + at, n);
        if (i % 3 == 0)
            memset(bytes.at + at, i % 2 ? 0xff : 0x7f, n / 2); /* extreme counts */
        else
            bytes.at[at] = (char)(bytes.at[at] ^ 1 << (state >> 60) % 8);
        (void)try_bytes(bytes.at, bytes.n);
        memcpy(bytes.at + at, before, n);
    }
    weir_buf_deinit(&bytes);
}

/* Documents made by hand, each with the words of its refusal. */
static const struct {
    const char *label;
    const char *text;
    const char *words;
} documents[] = {
    {"a child that is not there",
     "{\"learner\":{\"learner_model_param\":{\"base_score\":\"0\",\"num_class\":\"0\",\"num_"
     "feature\":"
     "\"2\"},\"objective\":{\"name\":\"reg:squarederror\"},\"gradient_booster\":{\"name\":"
     "\"gbtree\","
     "\"model\":{\"trees\":[{\"left_children\":[9,-1,-1],\"right_children\":[2,-1,-1],"
     "\"split_indices\":[0,0,0],\"split_conditions\":[0,1,2],\"default_left\":[0,0,0],"
     "\"tree_param\":{\"num_nodes\":\"3\"}}],\"tree_info\":[0]}}}}",
     "learner.gradient_booster.model.trees[0].left_children[0]: 9"},
    {"arrays of unlike length",
     "{\"learner\":{\"gradient_booster\":{\"name\":\"gbtree\",\"model\":{\"trees\":[{"
     "\"left_children\":[1,-1,-1],\"right_children\":[2,-1],\"split_indices\":[0,0,0],"
     "\"split_conditions\":[0,1,2],\"default_left\":[0,0,0],\"tree_param\":{\"num_nodes\":\"3\"}}]}"
     "}}}",
     "learner.gradient_booster.model.trees[0]: right_children has 2 entries for 3 nodes"},
    {"a number that is none",
     "{\"learner\":{\"gradient_booster\":{\"name\":\"gbtree\",\"model\":{\"trees\":[{"
     "\"left_children\":[1,0.5]}]}}}}",
     "learner.gradient_booster.model.trees[0].left_children: expected whole numbers"},
    {"a booster of another kind", "{\"learner\":{\"gradient_booster\":{\"name\":\"gbforest\"}}}",
     "booster \"gbforest\""},
    {"a split by a category",
     "{\"features_info\":{\"float_features\":[],\"categorical_features\":[{}]}}",
     "features_info.categorical_features[0]: only numeric features are supported"},
    {"a child of LightGBM's",
     "tree\nnum_class=1\nmax_feature_idx=1\nTree=0\nnum_leaves=2\nsplit_feature=0\nthreshold=1\n"
     "left_child=-1\nright_child=-3\nleaf_value=1 2\nend of trees\n",
     "Tree=0: right_child[0]: -3 is out of range"},
    {"an objective of LightGBM's",
     "tree\nobjective=mine\nnum_class=1\nmax_feature_idx=1\nend of trees\n",
     "objective: \"mine\" is not supported"},
    {"lists of categories of unknown columns",
     "tree\nnum_class=1\nmax_feature_idx=1\nfeature_infos=0:1 [0:9]\nend of trees\n"
     "pandas_categorical:[[\"a\", \"b\"], [\"s\", \"m\"]]\n",
     "2 lists and 1 categorical features"},
    {"a list shorter than the codes",
     "tree\nnum_class=1\nmax_feature_idx=1\nfeature_infos=0:5 [0:9]\nend of trees\n"
     "pandas_categorical:[[\"a\", \"b\"]]\n",
     "feature 0 was trained on code 5"},
    {"numbers that may be another column's",
     "tree\nnum_class=1\nmax_feature_idx=1\nfeature_infos=0:1 [0:1]\nend of trees\n"
     "pandas_categorical:[[7, 9]]\n",
     "numbers are of feature 0 or 1"},
    {"a category that is no value",
     "tree\nnum_class=1\nmax_feature_idx=1\nfeature_infos=0:1 [0:9]\nend of trees\n"
     "pandas_categorical:[[7, null]]\n",
     "a category of feature 0 is neither"},
    {"a category twice",
     "tree\nnum_class=1\nmax_feature_idx=1\nfeature_infos=0:1 [0:9]\nend of trees\n"
     "pandas_categorical:[[\"a\", \"a\"]]\n",
     "twice"},
    {"lists that are no JSON",
     "tree\nnum_class=1\nmax_feature_idx=1\nfeature_infos=0:1 [0:9]\nend of trees\n"
     "pandas_categorical:[[\n",
     "pandas_categorical: offset"},
};

Test(format_boost, refusals_name_the_place)
{
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        struct weir_model *model = NULL;
        struct weir_error err = WEIR_ERROR_INIT;
        enum weir_status status = weir_format_load_bytes(
            &model, documents[i].text, strlen(documents[i].text), NULL, NULL, &err);
        cr_expect_neq(status, WEIR_OK, "%s", documents[i].label);
        cr_expect(strstr(err.msg, documents[i].words), "%s: \"%s\" is not in: %s",
                  documents[i].label, documents[i].words, err.msg);
        weir_model_free(model);
    }
}

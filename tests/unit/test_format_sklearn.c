/* SPDX-License-Identifier: MIT */
/* What the builders of scikit-learn's classes refuse: real estimators that were tampered with
 * (tests/parity/cases/sklearn/_bad.py), each with the status and words its refusal must have. What
 * they accept is compared with the library in tests/parity. */
#include "model/model.h"
#include <weir/format.h>

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void path_of(char *out, size_t cap, const char *file)
{
    const char *root = getenv("WEIR_TEST_SOURCE_ROOT");
    cr_assert(root, "WEIR_TEST_SOURCE_ROOT is not set");
    snprintf(out, cap, "%s/%s", root, file);
}

Test(format_sklearn, tampered_models_are_refused_with_their_place)
{
    char path[4096], line[512];
    path_of(path, sizeof path, "tests/data/sklearn/bad/expected.txt");
    FILE *file = fopen(path, "r");
    cr_assert(file, "%s", path);
    size_t n = 0;
    while (fgets(line, sizeof line, file)) {
        char name[128], status[64], words[256];
        cr_assert_eq(sscanf(line, "%127[^\t]\t%63[^\t]\t%255[^\n]", name, status, words), 3);
        char model_path[4200];
        snprintf(model_path, sizeof model_path, "%.*s%s", (int)(strrchr(path, '/') - path + 1),
                 path, name);
        struct weir_model *model = NULL;
        struct weir_error err = WEIR_ERROR_INIT;
        enum weir_status got = weir_format_load(&model, model_path, NULL, &err);
        cr_expect_str_eq(weir_status_name(got), status, "%s: %s", name, err.msg);
        cr_expect(strstr(err.msg, words), "%s: \"%s\" is not in: %s", name, words, err.msg);
        cr_expect_null(model);
        weir_model_free(model);
        n++;
    }
    fclose(file);
    cr_assert_geq(n, 38);
}

Test(format_sklearn, the_spec_tells_what_the_pipeline_is)
{
    char path[4096];
    path_of(path, sizeof path, "conf/models/breast-cancer.joblib");
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_format_load(&model, path, NULL, &err), WEIR_OK, "%s", err.msg);
    const struct weir_spec *spec = weir_model_spec(model);
    cr_assert_str_eq(weir_spec_estimator(spec), "Pipeline(StandardScaler, LogisticRegression)");
    cr_assert_str_eq(weir_spec_library(spec), "scikit-learn");
    cr_assert_str_eq(weir_spec_feature_name(spec, 0), "mean radius");
    cr_assert_str_eq(weir_spec_class_json(spec, 0, 1), "\"malignant\"");
    cr_assert_eq(weir_spec_n_columns(spec, WEIR_OUTPUT_PREDICT_PROBA), 2);
    cr_assert(spec->outputs[WEIR_OUTPUT_DECISION_FUNCTION].is_vector);
    weir_model_free(model);
}

Test(format_sklearn, a_fault_names_the_column_and_the_step_behind_the_scaler)
{
    char path[4096];
    path_of(path, sizeof path, "conf/models/breast-cancer.joblib");
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_format_load(&model, path, NULL, &err), WEIR_OK, "%s", err.msg);
    double x[30] = {0}, out;
    x[1] = (double)NAN;
    cr_assert_eq(weir_model_predict(model, x, 1, 30, WEIR_OUTPUT_PREDICT, &out, &err),
                 WEIR_ERR_INVALID);
    cr_assert_str_eq(err.msg, "row 0, column \"mean texture\": LogisticRegression: input is NaN");
    weir_model_free(model);
}

Test(format_sklearn, the_toy_model_answers_its_formula)
{
    char path[4096];
    path_of(path, sizeof path, "conf/models/toy.joblib");
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_format_load(&model, path, NULL, &err), WEIR_OK, "%s", err.msg);
    double x[2] = {1.0, 2.0}, out;
    cr_assert_eq(weir_model_predict(model, x, 1, 2, WEIR_OUTPUT_PREDICT, &out, &err), WEIR_OK);
    cr_assert_eq(out, 0.5 + 2.0 * 0.3 - 1.5);
    weir_model_free(model);
}

/* Each limit lets the model in at its own size and refuses it at one less. */
Test(format_sklearn, a_model_is_bounded_in_nodes_depth_features_and_classes)
{
    char path[4096];
    path_of(path, sizeof path, "conf/models/iris.joblib");
    struct weir_format_opts opts = WEIR_FORMAT_OPTS_INIT;
    const struct {
        const char *words;
        uint64_t *limit;
        uint64_t size_max; /* the model's size is known to be below this */
    } rows[] = {
        {"tree nodes", &opts.n_nodes_max, 100000},
        {"deeper", &opts.tree_depth_max, 100},
        {"features", &opts.n_features_max, 100},
        {"classes", &opts.n_classes_max, 100},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t low = 0; /* refused; 0 itself means the default */
        uint64_t high = rows[i].size_max;
        while (high - low > 1) {
            struct weir_model *model = NULL;
            struct weir_error err = WEIR_ERROR_INIT;
            *rows[i].limit = low + (high - low) / 2;
            enum weir_status status = weir_format_load(&model, path, &opts, &err);
            if (status == WEIR_OK) {
                high = *rows[i].limit;
            } else {
                cr_assert_eq(status, WEIR_ERR_LIMIT, "%s", err.msg);
                cr_assert(strstr(err.msg, rows[i].words), "%s", err.msg);
                low = *rows[i].limit;
            }
            weir_model_free(model);
        }
        *rows[i].limit = 0;
        cr_assert_lt(high, rows[i].size_max, "%s", rows[i].words);
        cr_assert_gt(low, 0, "%s", rows[i].words);
        if (rows[i].limit == &opts.n_features_max)
            cr_assert_eq(high, 4);
        if (rows[i].limit == &opts.n_classes_max)
            cr_assert_eq(high, 3);
    }
}

static const struct {
    const char *key;
    enum weir_status status;
    const char *reason;
} keys[] = {
    {NULL, WEIR_ERR_UNSUPPORTED, "choose one by root_key (a, b)"},
    {"a", WEIR_OK, ""},
    {"b", WEIR_OK, ""},
    {"c", WEIR_ERR_UNSUPPORTED, "there is no \"c\""},
    {"a/b", WEIR_ERR_UNSUPPORTED, "there is no \"b\""},
    {"0", WEIR_ERR_UNSUPPORTED, "there is no \"0\""},
};

Test(format_sklearn, a_key_chooses_one_of_several_estimators)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char path[512];
        struct weir_model *model = NULL;
        struct weir_error err = WEIR_ERROR_INIT;
        const struct weir_format_opts opts = {.version = WEIR_FORMAT_OPTS_VERSION,
                                              .root_key = keys[i].key};
        path_of(path, sizeof path, "tests/data/sklearn/bad/two_estimators.pkl");
        cr_assert_eq(weir_format_load(&model, path, &opts, &err), keys[i].status, "%s: %s",
                     keys[i].key, err.msg);
        cr_assert(keys[i].status == WEIR_OK || strstr(err.msg, keys[i].reason), "%s", err.msg);
        weir_model_free(model);
    }
}

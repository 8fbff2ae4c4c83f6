/* SPDX-License-Identifier: MIT */
/* MLflow folders: MLmodel files that lie, paths that lead out, bundles that are damaged. What is
 * right is compared with the libraries in tests/parity. */
#include "format/format.h"
#include "format/mlflow/bundle.h"
#include "format/mlflow/mlflow.h"
#include "format/mlflow/mlmodel.h"
#include "repo/warm.h"
#include "tensor/cell.h"
#include "test_file.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SKLEARN(path) "flavors:\n  sklearn: {pickled_model: " path "}\n"

static const struct {
    const char *label;
    const char *text;
    enum weir_status status;
    const char *reason;
} refused[] = {
    {"no YAML", "flavors: [", WEIR_ERR_INVALID, "MLmodel: "},
    {"no flavors", "a: 1\n", WEIR_ERR_INVALID, "has no flavors"},
    {"flavors no map", "flavors: 3\n", WEIR_ERR_INVALID, "has no flavors"},
    {"others", "flavors:\n  python_function: {}\n  prophet: {}\n  spark: {}\n",
     WEIR_ERR_UNSUPPORTED, "flavour prophet, spark is not served"},
    {"python only", "flavors:\n  python_function: {data: x}\n", WEIR_ERR_UNSUPPORTED,
     "python_function alone"},
    {"no data", "flavors:\n  sklearn: {}\n", WEIR_ERR_INVALID, "where the model's data is"},
    {"parent", SKLEARN("../model.pkl"), WEIR_ERR_INVALID, "outside its folder"},
    {"parent inside", SKLEARN("a/../../model.pkl"), WEIR_ERR_INVALID, "outside its folder"},
    {"absolute", SKLEARN("/etc/passwd"), WEIR_ERR_INVALID, "outside its folder"},
    {"dot", SKLEARN("./model.pkl"), WEIR_ERR_INVALID, "outside its folder"},
    {"empty path", SKLEARN("''"), WEIR_ERR_INVALID, "outside its folder"},
    {"signature", SKLEARN("m") "signature: {inputs: '[{'}\n", WEIR_ERR_INVALID, "not JSON"},
    {"signature no list", SKLEARN("m") "signature: {inputs: '{}'}\n", WEIR_ERR_INVALID,
     "no list of columns"},
};

Test(format_mlflow, files_that_lie_are_refused)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct weir_format_mlmodel m;
        struct weir_arena arena;
        struct weir_error err = WEIR_ERROR_INIT;
        weir_arena_init(&arena, NULL, 0);
        cr_assert_eq(
            weir_format_mlflow_mlmodel_parse(&m, weir_str_c(refused[i].text), &arena, &err),
            refused[i].status, "%s: %s", refused[i].label, err.msg);
        cr_assert_not_null(strstr(err.msg, refused[i].reason), "%s: %s", refused[i].label, err.msg);
        weir_arena_deinit(&arena);
    }
}

Test(format_mlflow, the_signature_names_columns_and_kinds)
{
    static const char text[] =
        "flavors:\n  python_function: {data: old}\n  sklearn: {code: null, pickled_model: "
        "d/m.pkl}\n"
        "mlflow_version: 3.1.0\n"
        "saved_input_example_info: {artifact_path: input_example.json}\n"
        "signature:\n  inputs: '[{\"name\": \"a b\", \"type\": \"double\"}, {\"name\": \"c\", "
        "\"type\": \"string\", \"required\": false}]'\n";
    struct weir_format_mlmodel m;
    struct weir_arena arena;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_arena_init(&arena, NULL, 0);
    cr_assert_eq(weir_format_mlflow_mlmodel_parse(&m, weir_str_c(text), &arena, &err), WEIR_OK,
                 "%s", err.msg);
    cr_assert(weir_str_eq_c(m.data, "d/m.pkl"));
    cr_assert(weir_str_eq_c(m.example, "input_example.json"));
    cr_assert_eq(m.n_columns, 2);
    cr_assert(weir_str_eq_c(m.columns[0].name, "a b"));
    cr_assert(m.columns[0].is_required);
    cr_assert(!m.columns[0].is_text);
    cr_assert(m.columns[1].is_text);
    cr_assert(!m.columns[1].is_required);
    weir_arena_deinit(&arena);
}

/* A folder with the model of a path. */
static void put_model(struct weir_test_tmp *tmp, const char *path, const char *mlmodel)
{
    struct weir_str model = test_file_read(path);
    weir_test_tmp_write(tmp, "MLmodel", mlmodel, strlen(mlmodel));
    weir_test_tmp_write(tmp, "m.pkl", model.at, model.n);
    test_file_free(model);
}

/* The toy model of tests/data/pickle, two columns wide. */
static void put_folder(struct weir_test_tmp *tmp, const char *mlmodel)
{
    put_model(tmp, "tests/data/pickle/model.p4.pkl", mlmodel);
}

static enum weir_status load(struct weir_test_tmp *tmp, struct weir_model **out,
                             struct weir_error *err)
{
    return weir_format_load(out, tmp->path, NULL, err);
}

Test(format_mlflow, a_folder_is_a_model_with_the_names_of_its_signature)
{
    struct weir_test_tmp tmp;
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    char path[512];
    weir_test_tmp_init(&tmp);
    put_folder(&tmp, SKLEARN("m.pkl") "signature: {inputs: '[{\"name\": \"x\", \"type\": "
                                      "\"double\"}, {\"name\": \"y\", \"type\": \"long\"}]'}\n");
    cr_assert_eq(load(&tmp, &model, &err), WEIR_OK, "%s", err.msg);
    cr_assert_str_eq(weir_spec_feature_name(weir_model_spec(model), 1), "y");
    weir_model_free(model);
    weir_test_tmp_path(&tmp, "MLmodel", path, sizeof path);
    model = NULL;
    cr_assert_eq(weir_format_load(&model, path, NULL, &err), WEIR_OK, "%s", err.msg);
    weir_model_free(model);
    weir_test_tmp_deinit(&tmp);
}

static const struct {
    const char *json;
    const char *refusal; /* of the warm-up; NULL: none */
    bool is_taken;
    double x, y; /* the row taken */
} examples[] = {
    {"{\"columns\": [\"x\", \"y\"], \"data\": [[1.5, 2], [3, 4]]}", NULL, true, 1.5, 2},
    {"{\"columns\": [\"y\", \"id\", \"x\"], \"data\": [[2, \"a\", true]]}", NULL, true, 1, 2},
    {"[[7, 8.5]]", NULL, true, 7, 8.5},
    {"{\"columns\": [\"x\", \"y\"], \"data\": [[1, NaN]]}",
     "input example is refused: row 0, column", true, 1, NAN},
    {"[[null, 1]]", "input example is refused: row 0, column", true, NAN, 1},
    {"[[1, \"text\"]]", NULL, false, 0, 0},
    {"[[1]]", NULL, false, 0, 0},
    {"[[1, 2, 3]]", NULL, false, 0, 0},
    {"{\"columns\": [\"x\", \"z\"], \"data\": [[1, 2]]}", NULL, false, 0, 0},
    {"{\"data\": 3}", NULL, false, 0, 0},
    {"[[1, ", NULL, false, 0, 0},
};

static bool is_same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

Test(format_mlflow, the_input_example_is_the_row_a_model_is_warmed_up_with)
{
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct weir_test_tmp tmp;
        struct weir_model *model = NULL;
        struct weir_error err = WEIR_ERROR_INIT;
        struct weir_repo_warm warm;
        weir_test_tmp_init(&tmp);
        put_folder(&tmp,
                   SKLEARN("m.pkl") "saved_input_example_info: {artifact_path: e.json}\n"
                                    "signature: {inputs: '[{\"name\": \"x\", \"type\": "
                                    "\"double\"}, {\"name\": \"y\", \"type\": \"long\"}]'}\n");
        weir_test_tmp_write(&tmp, "e.json", examples[i].json, strlen(examples[i].json));
        cr_assert_eq(load(&tmp, &model, &err), WEIR_OK, "%s", err.msg);
        const double *row = weir_model_spec(model)->example;
        cr_assert_eq(row != NULL, examples[i].is_taken, "%s", examples[i].json);
        if (row)
            cr_assert(is_same(row[0], examples[i].x) && is_same(row[1], examples[i].y), "%s: %g %g",
                      examples[i].json, row[0], row[1]);
        enum weir_status status = weir_repo_warm_run(model, &warm, &err);
        cr_assert_eq(status, examples[i].refusal ? WEIR_ERR_INVALID : WEIR_OK, "%s: %s",
                     examples[i].json, err.msg);
        if (examples[i].refusal)
            cr_assert_not_null(strstr(err.msg, examples[i].refusal), "%s", err.msg);
        weir_model_free(model);
        weir_test_tmp_deinit(&tmp);
    }
}

Test(format_mlflow, texts_of_the_input_example_belong_to_the_model)
{
    static const char json[] =
        "{\"columns\": [\"age\", \"city\", \"income\", \"rooms\", \"ok\", \"size\"],"
        " \"data\": [[31, \"Z\\u00fcrich\", 5e4, 3, null, \"\"]]}";
    struct weir_test_tmp tmp;
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_repo_warm warm;
    weir_test_tmp_init(&tmp);
    put_model(&tmp, "tests/data/sklearn/1.4.2/columns/everyday_lr.pkl",
              SKLEARN("m.pkl") "saved_input_example_info: {artifact_path: e.json}\n");
    weir_test_tmp_write(&tmp, "e.json", json, strlen(json));
    cr_assert_eq(load(&tmp, &model, &err), WEIR_OK, "%s", err.msg);
    const double *row = weir_model_spec(model)->example;
    cr_assert_not_null(row);
    cr_assert(weir_str_eq_c(weir_cell_text(row[1]), "Z\xc3\xbcrich"));
    cr_assert(weir_cell_is_none(row[4]));
    cr_assert(weir_str_eq_c(weir_cell_text(row[5]), ""));
    cr_assert_eq(weir_repo_warm_run(model, &warm, &err), WEIR_OK, "%s", err.msg);
    weir_model_free(model);
    weir_test_tmp_deinit(&tmp);
}

static const struct {
    const char *mlmodel;
    enum weir_status status;
    const char *reason;
} contradictions[] = {
    {SKLEARN("none.pkl"), WEIR_ERR_NOT_FOUND, "none.pkl"},
    {"flavors:\n  onnx: {data: m.pkl}\n", WEIR_ERR_CORRUPT, "not of flavour onnx"},
    {SKLEARN("m.pkl") "signature: {inputs: '[{\"name\": \"x\", \"type\": \"double\"}]'}\n",
     WEIR_ERR_CORRUPT, "1 columns, the model takes 2"},
    {SKLEARN("m.pkl") "signature: {inputs: '[{\"name\": \"x\", \"type\": \"string\"}, {\"name\": "
                      "\"y\", \"type\": \"long\"}]'}\n",
     WEIR_ERR_UNSUPPORTED, "is text"},
};

Test(format_mlflow, what_contradicts_the_data_is_refused)
{
    for (size_t i = 0; i < sizeof contradictions / sizeof contradictions[0]; i++) {
        struct weir_test_tmp tmp;
        struct weir_model *model = NULL;
        struct weir_error err = WEIR_ERROR_INIT;
        weir_test_tmp_init(&tmp);
        put_folder(&tmp, contradictions[i].mlmodel);
        cr_assert_eq(load(&tmp, &model, &err), contradictions[i].status, "%s", err.msg);
        cr_assert_not_null(strstr(err.msg, contradictions[i].reason), "%s", err.msg);
        weir_test_tmp_deinit(&tmp);
    }
}

static const struct {
    const char *file;
    const char *model_type;
    enum weir_status status;
} catboosts[] = {
    {"binary_cbm.cbm", "CatBoostClassifier", WEIR_OK},
    {"binary_cbm.cbm", "CatBoostRegressor", WEIR_ERR_UNSUPPORTED},
    {"binary_cbm.cbm", "CatBoost", WEIR_ERR_UNSUPPORTED},
    {"loss_rmse_cbm.cbm", "CatBoostRegressor", WEIR_OK},
    {"loss_rmse_cbm.cbm", "CatBoost", WEIR_OK},
    {"loss_rmse_cbm.cbm", "CatBoostClassifier", WEIR_ERR_UNSUPPORTED},
    {"loss_poisson_json.json", "CatBoostRegressor", WEIR_OK},
    {"loss_poisson_json.json", "CatBoost", WEIR_ERR_UNSUPPORTED},
};

/* Another class of the same file answers other numbers: raw values, not classes. */
Test(format_mlflow, a_catboost_file_is_served_as_its_own_class_only)
{
    for (size_t i = 0; i < sizeof catboosts / sizeof catboosts[0]; i++) {
        struct weir_test_tmp tmp;
        struct weir_model *model = NULL;
        struct weir_error err = WEIR_ERROR_INIT;
        char text[256];
        (void)snprintf(text, sizeof text, "tests/data/catboost/1.2.10/models/%s",
                       catboosts[i].file);
        struct weir_str file = test_file_read(text);
        weir_test_tmp_init(&tmp);
        weir_test_tmp_write(&tmp, "model.cb", file.at, file.n);
        (void)snprintf(text, sizeof text,
                       "flavors:\n  catboost: {data: model.cb, model_type: %s}\n",
                       catboosts[i].model_type);
        weir_test_tmp_write(&tmp, "MLmodel", text, strlen(text));
        cr_assert_eq(load(&tmp, &model, &err), catboosts[i].status, "%s as %s: %s",
                     catboosts[i].file, catboosts[i].model_type, err.msg);
        weir_model_free(model);
        weir_test_tmp_deinit(&tmp);
        test_file_free(file);
    }
}

Test(format_mlflow, symbolic_links_are_not_followed)
{
    struct weir_test_tmp tmp;
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    char path[512];
    weir_test_tmp_init(&tmp);
    put_folder(&tmp, SKLEARN("link.pkl"));
    weir_test_tmp_path(&tmp, "link.pkl", path, sizeof path);
    cr_assert_eq(symlink("m.pkl", path), 0);
    cr_assert_eq(load(&tmp, &model, &err), WEIR_ERR_INVALID, "%s", err.msg);
    cr_assert_not_null(strstr(err.msg, "symbolic link"), "%s", err.msg);
    weir_test_tmp_deinit(&tmp);
}

Test(format_mlflow, damaged_bundles_are_refused)
{
    struct weir_buf bundle = WEIR_BUF_INIT;
    struct weir_str model = test_file_read("tests/data/pickle/model.p4.pkl");
    struct weir_model *made = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_format_mlflow_bundle_begin(&bundle);
    weir_format_mlflow_bundle_add(&bundle, WEIR_STR("MLmodel"), WEIR_STR(SKLEARN("m.pkl")));
    weir_format_mlflow_bundle_add(&bundle, WEIR_STR("m.pkl"), model);
    cr_assert(weir_format_mlflow_probe(weir_buf_str(&bundle)));
    cr_assert_eq(weir_format_load_bytes(&made, bundle.at, bundle.n, "x", NULL, &err), WEIR_OK, "%s",
                 err.msg);
    weir_model_free(made);
    for (size_t n = 0; n < bundle.n; n++) {
        char *cut = malloc(n + 1); /* its own block, so that a read behind the end is seen */
        memcpy(cut, bundle.at, n);
        cr_assert_neq(weir_format_load_bytes(&made, cut, n, "x", NULL, &err), WEIR_OK, "%zu", n);
        free(cut);
    }
    memset(bundle.at + 16, 0xff, 16); /* lengths beyond all bounds */
    cr_assert_eq(weir_format_load_bytes(&made, bundle.at, bundle.n, "x", NULL, &err),
                 WEIR_ERR_CORRUPT);
    weir_buf_deinit(&bundle);
    test_file_free(model);
}

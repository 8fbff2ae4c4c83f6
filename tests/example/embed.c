/* SPDX-License-Identifier: MIT */
/* Predicting inside another program, with the public headers and the shared library alone:
 *
 *     cc embed.c $(pkg-config --cflags --libs weir) -o embed && ./embed conf/models
 *
 * Loads a random forest that scikit-learn wrote, says what it takes and gives, and predicts two
 * flowers. The test suite builds and runs this file; it ends with 1 when an answer is not what
 * scikit-learn gives. */
#include <weir/format.h>
#include <weir/model.h>
#include <weir/spec.h>

#include <stdio.h>
#include <string.h>

enum { N_ROWS = 2, N_FEATURES = 4, N_CLASSES = 3 };

static void print_spec(const struct weir_model *model)
{
    const struct weir_spec *spec = weir_model_spec(model);
    printf("%s, written by %s %s, %zu bytes in memory\n", weir_spec_estimator(spec),
           weir_spec_library(spec), weir_spec_library_version(spec), weir_model_bytes(model));
    for (size_t i = 0; i < weir_spec_n_features(spec); i++) {
        const char *name = weir_spec_feature_name(spec, i);
        printf("  feature %zu: %s\n", i, name ? name : "(fitted without names)");
    }
    for (size_t i = 0; i < weir_spec_n_classes(spec, 0); i++)
        printf("  class %zu: %s\n", i, weir_spec_class_json(spec, 0, i));
}

/* Row-major: one row after the other. Missing values would be NaN. */
static const double rows[N_ROWS * N_FEATURES] = {
    5.1, 3.5, 1.4, 0.2, /* a setosa */
    6.2, 3.4, 5.4, 2.3, /* a virginica */
};

static int predict(const struct weir_model *model)
{
    static const char *const expected[N_ROWS] = {"\"setosa\"", "\"virginica\""};
    const struct weir_spec *spec = weir_model_spec(model);
    struct weir_error err = WEIR_ERROR_INIT;
    double classes[N_ROWS];
    double shares[N_ROWS * N_CLASSES];
    int n_wrong = 0;
    if (weir_model_predict(model, rows, N_ROWS, N_FEATURES, WEIR_OUTPUT_PREDICT, classes, &err) ||
        weir_model_predict(model, rows, N_ROWS, N_FEATURES, WEIR_OUTPUT_PREDICT_PROBA, shares,
                           &err)) {
        fprintf(stderr, "no prediction: %s\n", err.msg);
        return 1;
    }
    for (size_t i = 0; i < N_ROWS; i++) {
        /* For a classifier "predict" gives the number of the class. */
        const char *label = weir_spec_class_json(spec, 0, (size_t)classes[i]);
        const double *p = shares + i * N_CLASSES;
        printf("row %zu: %s (%.3f, %.3f, %.3f)\n", i, label, p[0], p[1], p[2]);
        n_wrong += strcmp(label, expected[i]) != 0;
        n_wrong += p[0] + p[1] + p[2] < 0.999999 || p[0] + p[1] + p[2] > 1.000001;
    }
    return n_wrong;
}

int main(int argc, char **argv)
{
    struct weir_format_opts opts = WEIR_FORMAT_OPTS_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_model *model = NULL;
    char path[1024];
    snprintf(path, sizeof path, "%s/iris.joblib", argc > 1 ? argv[1] : "conf/models");
    opts.file_bytes_max = 64 << 20; /* Every limit of a load can be set. */
    enum weir_status status = weir_format_load(&model, path, &opts, &err);
    if (status != WEIR_OK) {
        fprintf(stderr, "%s: %s (%s)\n", path, err.msg, weir_status_name(status));
        return 1;
    }
    print_spec(model);
    int n_wrong = predict(model);

    /* What cannot be done says why and changes nothing. */
    double out[N_ROWS];
    status =
        weir_model_predict(model, rows, N_ROWS, N_FEATURES - 1, WEIR_OUTPUT_PREDICT, out, &err);
    printf("three columns: %s\n", err.msg);
    n_wrong += status != WEIR_ERR_INVALID;
    status = weir_model_predict(model, rows, N_ROWS, N_FEATURES, WEIR_OUTPUT_TRANSFORM, out, &err);
    printf("transform: %s\n", err.msg);
    n_wrong += status != WEIR_ERR_UNSUPPORTED;

    weir_model_free(model);
    return n_wrong > 0;
}

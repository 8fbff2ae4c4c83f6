/* SPDX-License-Identifier: MIT */
/* A sink for tests that keeps one request's rows, and specs to decode for. */
#ifndef WEIR_TESTS_LIB_TEST_SINK_H
#define WEIR_TESTS_LIB_TEST_SINK_H

#include "tensor/sink.h"
#include "tensor/spec.h"

/* Holds the rows of the last reservation in memory of exactly their size. */
struct weir_test_sink {
    struct weir_sink sink; /* first */
    struct weir_sink_want want;
    void *rows; /* row-major, want.n_rows × want.n_columns; or the piece of a request's tensors */
    char *text; /* of exactly want.text_bytes */
    struct weir_sink_tensors tensors; /* of want; shapes are below */
    struct weir_tensors_shape shapes[WEIR_TENSORS_MAX];
    bool is_reserved;
    bool is_column_major;     /* set before use: the span's strides are swapped */
    enum weir_status refuses; /* set before use: what reserve returns */
    uint32_t wanted;
    int n_reserves, n_commits, n_rollbacks;
};

void weir_test_sink_init(struct weir_test_sink *sink);
void weir_test_sink_deinit(struct weir_test_sink *sink);

/* Returns an element as a double. */
double weir_test_sink_at(const struct weir_test_sink *sink, size_t row, size_t column);

/* A regressor of n_features numbers without names, coefficients unknown: predict → F64 [n].
 * Borrowed for ever; copy it to change it. */
struct weir_spec weir_test_spec_regressor(size_t n_features);

/* A regressor over a frame: "age" and "height" numbers, "city" text, "grade" mixed; NaN allowed. */
struct weir_spec weir_test_spec_frame(void);

/* A classifier of three classes "setosa", "versicolor", "virginica" over the four features
 * "sepal length", "sepal width", "petal length", "petal \"w\"": predict, predict_proba and
 * decision_function. */
struct weir_spec weir_test_spec_iris(void);

#endif

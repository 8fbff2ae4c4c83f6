/* SPDX-License-Identifier: MIT */
#include "test_sink.h"

#include "base/macros.h"

#include <stdlib.h>
#include <string.h>

static enum weir_status reserve(struct weir_sink *base, const struct weir_sink_want *want,
                                struct weir_sink_span *out, struct weir_error *err)
{
    struct weir_test_sink *sink = WEIR_CONTAINER_OF(base, struct weir_test_sink, sink);
    weir_assert(!sink->is_reserved);
    if (sink->refuses != WEIR_OK)
        return weir_error_set(err, sink->refuses, "the sink refuses");
    weir_assert(want->n_rows > 0);
    weir_assert(want->tensors || want->dtype == WEIR_F32 || want->dtype == WEIR_F64);
    size_t size = weir_dtype_size(want->dtype);
    size_t bytes =
        want->n_rows * (want->tensors ? want->tensors->row_bytes : want->n_columns * size);
    free(sink->rows);
    sink->rows = malloc(bytes ? bytes : 1);
    weir_assert(sink->rows);
    memset(sink->rows, 0xa5, bytes);
    free(sink->text);
    sink->text = malloc(want->text_bytes ? want->text_bytes : 1);
    weir_assert(sink->text);
    base->text.at = sink->text;
    base->text.end = sink->text + want->text_bytes;
    sink->want = *want;
    if (want->tensors) {
        sink->tensors = *want->tensors;
        weir_assert(want->tensors->spec->n_inputs <= WEIR_TENSORS_MAX);
        memcpy(sink->shapes, want->tensors->shapes,
               want->tensors->spec->n_inputs * sizeof *sink->shapes);
    }
    sink->is_reserved = true;
    sink->n_reserves++;
    out->base = sink->rows;
    out->dtype = want->dtype;
    out->row_stride = sink->is_column_major ? size : size * want->n_columns;
    out->column_stride = sink->is_column_major ? size * want->n_rows : size;
    return WEIR_OK;
}

static void commit(struct weir_sink *base, uint32_t wanted)
{
    struct weir_test_sink *sink = WEIR_CONTAINER_OF(base, struct weir_test_sink, sink);
    weir_assert(sink->is_reserved);
    sink->is_reserved = false;
    sink->wanted = wanted;
    sink->n_commits++;
}

static void rollback(struct weir_sink *base)
{
    struct weir_test_sink *sink = WEIR_CONTAINER_OF(base, struct weir_test_sink, sink);
    weir_assert(sink->is_reserved);
    sink->is_reserved = false;
    sink->n_rollbacks++;
}

void weir_test_sink_init(struct weir_test_sink *sink)
{
    static const struct weir_sink_ops ops = {reserve, commit, rollback};
    memset(sink, 0, sizeof *sink);
    sink->sink.ops = &ops;
}

void weir_test_sink_deinit(struct weir_test_sink *sink)
{
    free(sink->rows);
    free(sink->text);
    sink->rows = NULL;
    sink->text = NULL;
}

double weir_test_sink_at(const struct weir_test_sink *sink, size_t row, size_t column)
{
    weir_assert(row < sink->want.n_rows);
    weir_assert(column < sink->want.n_columns);
    size_t i = sink->is_column_major ? column * sink->want.n_rows + row
                                     : row * sink->want.n_columns + column;
    return sink->want.dtype == WEIR_F64 ? ((const double *)sink->rows)[i]
                                        : (double)((const float *)sink->rows)[i];
}

static const struct weir_labels no_classes = {.dtype = WEIR_F64};

struct weir_spec weir_test_spec_regressor(size_t n_features)
{
    struct weir_spec spec = {
        .form = WEIR_INPUT_MATRIX,
        .n_features = n_features,
        .n_targets = 1,
        .targets = &no_classes,
        .estimator = WEIR_STR("LinearRegression()"),
        .library = WEIR_STR("scikit-learn"),
        .library_version = WEIR_STR("1.4.2"),
        .platform = WEIR_STR("sklearn_joblib"),
    };
    spec.outputs[WEIR_OUTPUT_PREDICT] = (struct weir_spec_output){
        .is_given = true,
        .storage = WEIR_STORAGE_F64,
        .is_vector = true,
        .n_columns = 1,
        .dtype = WEIR_F64,
        .follows_f32 = true,
    };
    return spec;
}

struct weir_spec weir_test_spec_frame(void)
{
    static const struct weir_str names[] = {{"age", 3}, {"city", 4}, {"grade", 5}, {"height", 6}};
    static const uint8_t columns[] = {WEIR_COLUMN_NUMBER, WEIR_COLUMN_TEXT, WEIR_COLUMN_MIXED,
                                      WEIR_COLUMN_NUMBER};
    struct weir_spec spec = weir_test_spec_regressor(4);
    spec.form = WEIR_INPUT_FRAME;
    spec.feature_names = names;
    spec.columns = columns;
    spec.allows_nan = true;
    return spec;
}

struct weir_spec weir_test_spec_iris(void)
{
    static const struct weir_str names[] = {
        {"sepal length", 12}, {"sepal width", 11}, {"petal length", 12}, {"petal \"w\"", 9}};
    static const struct weir_str text[] = {{"setosa", 6}, {"versicolor", 10}, {"virginica", 9}};
    static const struct weir_str json[] = {
        {"\"setosa\"", 8}, {"\"versicolor\"", 12}, {"\"virginica\"", 11}};
    static const struct weir_labels labels = {
        .dtype = WEIR_BYTES, .n = 3, .text = text, .json = json};
    struct weir_spec spec = weir_test_spec_regressor(4);
    spec.feature_names = names;
    spec.targets = &labels;
    spec.outputs[WEIR_OUTPUT_PREDICT] = (struct weir_spec_output){
        .is_given = true,
        .storage = WEIR_STORAGE_LABEL,
        .is_vector = true,
        .n_columns = 1,
        .dtype = WEIR_BYTES,
    };
    struct weir_spec_output scores = {
        .is_given = true,
        .storage = WEIR_STORAGE_F64,
        .n_columns = 3,
        .dtype = WEIR_F64,
        .follows_f32 = true,
    };
    spec.outputs[WEIR_OUTPUT_PREDICT_PROBA] = scores;
    spec.outputs[WEIR_OUTPUT_DECISION_FUNCTION] = scores;
    return spec;
}

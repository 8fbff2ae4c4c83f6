/* SPDX-License-Identifier: MIT */
#include "test_linear.h"

#include "model/linear.h"

#include <stdio.h>
#include <stdlib.h>

static void must(enum weir_status status, const struct weir_error *err)
{
    if (status == WEIR_OK)
        return;
    (void)fprintf(stderr, "test_linear: %s\n", err->msg);
    abort();
}

struct weir_model *weir_test_linear_model(uint32_t n, const double *weights, int64_t first_class)
{
    static const char *const names[] = {"x0", "x1", "x2", "x3"};
    struct weir_model_builder b;
    struct weir_error err = WEIR_ERROR_INIT;
    must(weir_model_builder_init(&b, NULL, 0, &err), &err);
    struct weir_labels *labels = weir_arena_zarray(b.arena, 1, sizeof *labels);
    int64_t *values = weir_arena_array(b.arena, 2, sizeof *values);
    struct weir_str *json = weir_arena_array(b.arena, 2, sizeof *json);
    struct weir_str *features = weir_arena_array(b.arena, n, sizeof *features);
    for (int i = 0; i < 2; i++) {
        char text[24];
        values[i] = first_class + i;
        (void)snprintf(text, sizeof text, "%d", (int)values[i]);
        json[i] = weir_arena_str(b.arena, weir_str_c(text));
    }
    *labels = (struct weir_labels){.dtype = WEIR_I64, .n = 2, .i64 = values, .json = json};
    for (uint32_t i = 0; i < n; i++)
        features[i] = weir_arena_str(b.arena, weir_str_c(names[i]));
    struct weir_model_linear_opts opts = {.name = WEIR_STR("LogisticRegression"),
                                          .n_features = n,
                                          .weights = weights,
                                          .is_vector = true,
                                          .keeps_columns = true,
                                          .head = {.link = WEIR_MODEL_LINK_SIGMOID, .n_scores = 1},
                                          .targets = labels,
                                          .n_targets = 1};
    const struct weir_model_node *node;
    struct weir_model *model;
    must(weir_model_linear_new(&b, &opts, &node, &err), &err);
    b.spec->feature_names = features;
    must(weir_model_builder_finish(&b, node, &model, &err), &err);
    return model;
}

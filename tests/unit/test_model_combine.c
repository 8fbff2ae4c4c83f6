/* SPDX-License-Identifier: MIT */
/* Nodes made of other nodes: what members see, how their answers are put together, ties, faults. */
#include "model/combine.h"
#include "model/encode.h"
#include "model/head.h"
#include "model/linear.h"
#include "model/lookup.h"

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

static struct weir_model_builder begin(void)
{
    struct weir_model_builder b;
    cr_assert_eq(weir_model_builder_init(&b, NULL, 0, NULL), WEIR_OK);
    return b;
}

static struct weir_labels *labels(struct weir_model_builder *b, size_t n)
{
    static const int64_t values[] = {0, 1, 2, 3};
    struct weir_labels *l = weir_arena_zalloc(b->arena, sizeof *l);
    cr_assert(l);
    if (n > 0)
        cr_assert_eq(weir_model_builder_labels(b, l, WEIR_I64, n, values, NULL), WEIR_OK);
    return l;
}

/* Makes a linear node of 2 columns; n_classes 0: a regressor, 2: a sigmoid, more: softmax. */
static const struct weir_model_node *linear(struct weir_model_builder *b, const double *weights,
                                            const double *bias, size_t n_classes)
{
    uint32_t n_scores = n_classes > 2 ? (uint32_t)n_classes : 1;
    struct weir_model_linear_opts opts = {.name = WEIR_STR("Part"),
                                          .n_features = 2,
                                          .weights = weights,
                                          .bias = bias,
                                          .is_vector = true,
                                          .head = {.link = n_classes == 0 ? WEIR_MODEL_LINK_NUMBER
                                                           : n_classes == 2
                                                               ? WEIR_MODEL_LINK_SIGMOID
                                                               : WEIR_MODEL_LINK_SOFTMAX,
                                                   .n_scores = n_scores},
                                          .targets = labels(b, n_classes),
                                          .n_targets = 1};
    const struct weir_model_node *node;
    cr_assert_eq(weir_model_linear_new(b, &opts, &node, NULL), WEIR_OK);
    return node;
}

static struct weir_model *finish(struct weir_model_builder *b, const struct weir_model_node *root)
{
    struct weir_model *model;
    cr_assert_eq(weir_model_builder_finish(b, root, &model, NULL), WEIR_OK);
    return model;
}

static double answer(const struct weir_model *model, double x0, double x1, enum weir_output output)
{
    double x[2] = {x0, x1};
    double out[4] = {NAN, NAN, NAN, NAN};
    cr_assert_eq(weir_model_predict(model, x, 1, 2, output, out, NULL), WEIR_OK);
    return out[0];
}

Test(model_combine, a_mean_divides_the_weighted_sum_in_the_members_order)
{
    struct weir_model_builder b = begin();
    struct weir_model_combine_member members[] = {{.node = linear(&b, (double[]){1, 0}, NULL, 0)},
                                                  {.node = linear(&b, (double[]){0, 1}, NULL, 0)}};
    struct weir_model_combine_mean_opts opts = {.base = {.name = WEIR_STR("Mean"),
                                                         .n_in = 2,
                                                         .members = members,
                                                         .n = 2,
                                                         .targets = labels(&b, 0),
                                                         .n_targets = 1},
                                                .weights = (double[]){3, 1},
                                                .divisor = 4,
                                                .transforms = true};
    const struct weir_model_node *node;
    cr_assert_eq(weir_model_combine_mean_new(&b, &opts, &node, NULL), WEIR_OK);
    struct weir_model *model = finish(&b, node);
    cr_assert_eq(answer(model, 8, 4, WEIR_OUTPUT_PREDICT), 7.0);
    cr_assert_eq(answer(model, 8, 4, WEIR_OUTPUT_TRANSFORM), 8.0);
    weir_model_free(model);
}

Test(model_combine, a_member_reads_only_the_columns_it_was_given)
{
    struct weir_model_builder b = begin();
    uint32_t *swapped = weir_arena_array(b.arena, 2, sizeof *swapped);
    cr_assert(swapped);
    swapped[0] = swapped[1] = 1;
    struct weir_model_combine_member member = {.node = linear(&b, (double[]){10, 1}, NULL, 0),
                                               .columns = swapped};
    struct weir_model_combine_mean_opts opts = {.base = {.name = WEIR_STR("Mean"),
                                                         .n_in = 2,
                                                         .members = &member,
                                                         .n = 1,
                                                         .targets = labels(&b, 0),
                                                         .n_targets = 1},
                                                .divisor = 1};
    const struct weir_model_node *node;
    cr_assert_eq(weir_model_combine_mean_new(&b, &opts, &node, NULL), WEIR_OK);
    struct weir_model *model = finish(&b, node);
    /* The first column may be anything: no member sees it. */
    cr_assert(weir_model_spec(model)->allows_nan);
    cr_assert_eq(answer(model, NAN, 2, WEIR_OUTPUT_PREDICT), 22.0);
    double out;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(
        weir_model_predict(model, (double[]){0, NAN}, 1, 2, WEIR_OUTPUT_PREDICT, &out, &err),
        WEIR_ERR_INVALID);
    cr_assert(strstr(err.msg, "Part: input is NaN"), "%s", err.msg);
    weir_model_free(model);
}

Test(model_combine, the_first_of_equal_votes_wins)
{
    struct weir_model_builder b = begin();
    /* Two members: class 1 when x0 > 0, class 1 when x1 > 0. */
    struct weir_model_combine_member members[] = {{.node = linear(&b, (double[]){1, 0}, NULL, 2)},
                                                  {.node = linear(&b, (double[]){0, 1}, NULL, 2)}};
    struct weir_model_combine_opts opts = {.name = WEIR_STR("Vote"),
                                           .n_in = 2,
                                           .members = members,
                                           .n = 2,
                                           .targets = labels(&b, 2),
                                           .n_targets = 1};
    const struct weir_model_node *plain, *weighted;
    cr_assert_eq(weir_model_combine_vote_new(&b, &opts, NULL, &plain, NULL), WEIR_OK);
    cr_assert_eq(weir_model_combine_vote_new(&b, &opts, (double[]){1, 1.5}, &weighted, NULL),
                 WEIR_OK);
    cr_assert_eq(weighted->n_out[WEIR_OUTPUT_TRANSFORM], 2);
    struct weir_model *model = finish(&b, plain);
    cr_assert_eq(answer(model, 1, 1, WEIR_OUTPUT_PREDICT), 1.0);
    cr_assert_eq(answer(model, -1, 1, WEIR_OUTPUT_PREDICT), 0.0);
    cr_assert_eq(answer(model, 1, -1, WEIR_OUTPUT_PREDICT), 0.0);
    weir_model_free(model);
}

Test(model_combine, a_median_stops_where_half_of_the_weight_is_reached)
{
    struct weir_model_builder b = begin();
    struct weir_model_combine_member members[] = {
        {.node = linear(&b, (double[]){1, 0}, (double[]){5}, 0)},
        {.node = linear(&b, (double[]){0, 1}, NULL, 0)},
        {.node = linear(&b, (double[]){0, 0}, (double[]){3}, 0)}};
    struct weir_model_combine_opts opts = {.name = WEIR_STR("Median"),
                                           .n_in = 2,
                                           .members = members,
                                           .n = 3,
                                           .targets = labels(&b, 0),
                                           .n_targets = 1};
    const struct weir_model_node *node;
    cr_assert_eq(weir_model_combine_median_new(&b, &opts, (double[]){1, 1, 2}, &node, NULL),
                 WEIR_OK);
    struct weir_model *model = finish(&b, node);
    /* 5, 0 and 3 with weights 1, 1 and 2: sorted 0 (1), 3 (3 >= 2). */
    cr_assert_eq(answer(model, 0, 0, WEIR_OUTPUT_PREDICT), 3.0);
    /* 5, 9 and 3: 3 has reached half already. */
    cr_assert_eq(answer(model, 0, 9, WEIR_OUTPUT_PREDICT), 3.0);
    weir_model_free(model);
}

/* Three classes, each asked for by x0, x1 and a constant. */
static const struct weir_model_node *rest(struct weir_model_builder *b, bool last_of_equals)
{
    struct weir_model_combine_member members[] = {{.node = linear(b, (double[]){1, 0}, NULL, 2)},
                                                  {.node = linear(b, (double[]){0, 1}, NULL, 2)}};
    struct weir_model_combine_score scores[] = {
        {.output = WEIR_OUTPUT_DECISION_FUNCTION, .member = 0},
        {.output = WEIR_OUTPUT_DECISION_FUNCTION, .member = 1},
        {.is_constant = true, .value = 0.0}};
    struct weir_model_combine_rest_opts opts = {.base = {.name = WEIR_STR("Rest"),
                                                         .n_in = 2,
                                                         .members = members,
                                                         .n = 2,
                                                         .targets = labels(b, 3),
                                                         .n_targets = 1},
                                                .form = WEIR_MODEL_COMBINE_REST_MOST,
                                                .scores = scores,
                                                .n_scores = 3,
                                                .last_of_equals = last_of_equals,
                                                .has_decision = true};
    const struct weir_model_node *node;
    cr_assert_eq(weir_model_combine_rest_new(b, &opts, &node, NULL), WEIR_OK);
    return node;
}

Test(model_combine, equal_scores_go_to_the_first_or_to_the_last)
{
    static const struct {
        double x0, x1, first, last;
    } rows[] = {{2, 1, 0, 0}, {1, 1, 0, 1}, {-1, -1, 2, 2}, {0, -1, 0, 2}};
    for (size_t i = 0; i < 4; i++) {
        struct weir_model_builder b = begin();
        struct weir_model *first = finish(&b, rest(&b, false));
        b = begin();
        struct weir_model *last = finish(&b, rest(&b, true));
        cr_assert_eq(answer(first, rows[i].x0, rows[i].x1, WEIR_OUTPUT_PREDICT), rows[i].first);
        cr_assert_eq(answer(last, rows[i].x0, rows[i].x1, WEIR_OUTPUT_PREDICT), rows[i].last);
        weir_model_free(first);
        weir_model_free(last);
    }
}

Test(model_combine, a_stack_refuses_a_last_node_of_another_width)
{
    struct weir_model_builder b = begin();
    struct weir_model_combine_member member = {.node = linear(&b, (double[]){1, 0}, NULL, 0)};
    struct weir_model_combine_piece piece = {.output = WEIR_OUTPUT_PREDICT};
    struct weir_model_combine_stack_opts opts = {.base = {.name = WEIR_STR("Stack"),
                                                          .n_in = 2,
                                                          .members = &member,
                                                          .n = 1,
                                                          .targets = labels(&b, 0),
                                                          .n_targets = 1},
                                                 .pieces = &piece,
                                                 .last = linear(&b, (double[]){1, 1}, NULL, 0)};
    const struct weir_model_node *node = NULL;
    cr_assert_eq(weir_model_combine_stack_new(&b, &opts, &node, NULL), WEIR_ERR_INVALID);
    cr_assert_null(node);
    weir_model_builder_deinit(&b);
}

Test(model_combine, members_cannot_be_nested_without_end)
{
    struct weir_model_builder b = begin();
    const struct weir_model_node *node = linear(&b, (double[]){1, 0}, NULL, 0);
    enum weir_status status = WEIR_OK;
    for (size_t depth = 1; depth <= WEIR_MODEL_DEPTH_MAX; depth++) {
        cr_assert_eq(status, WEIR_OK);
        struct weir_model_combine_member member = {.node = node};
        struct weir_model_combine_mean_opts opts = {.base = {.name = WEIR_STR("Mean"),
                                                             .n_in = 2,
                                                             .members = &member,
                                                             .n = 1,
                                                             .targets = labels(&b, 0),
                                                             .n_targets = 1},
                                                    .divisor = 1};
        status = weir_model_combine_mean_new(&b, &opts, &node, NULL);
    }
    cr_assert_eq(status, WEIR_ERR_LIMIT);
    weir_model_builder_deinit(&b);
}

/* A text among the numbers of the last node would be NaN to it, which many take. */
Test(model_combine, a_stack_passes_no_text_on)
{
    for (uint32_t passes = 0; passes < 2; passes++) {
        struct weir_model_builder b = begin();
        double word;
        cr_assert(weir_model_lookup_text(&b, WEIR_STR("red"), &word));
        uint32_t width = 2 - passes; /* with what is passed on, two columns */
        const struct weir_model_encode_column column = {.categories = &word,
                                                        .n_categories = 1,
                                                        .width = width,
                                                        .values = (double[]){1, 2},
                                                        .unknown_values = (double[]){3, 4}};
        const struct weir_model_encode_opts encode = {
            .name = WEIR_STR("Encode"), .n_columns = 1, .columns = &column};
        struct weir_model_combine_member member = {.node = NULL};
        cr_assert_eq(weir_model_encode_new(&b, &encode, &member.node, NULL), WEIR_OK);
        struct weir_model_combine_piece piece = {.output = WEIR_OUTPUT_TRANSFORM};
        struct weir_model_combine_stack_opts opts = {
            .base = {.name = WEIR_STR("Stack"), .n_in = 1, .members = &member, .n = 1},
            .pieces = &piece,
            .last = linear(&b, (double[]){1, 1}, NULL, 0),
            .passes = passes};
        const struct weir_model_node *node;
        cr_assert_eq(weir_model_combine_stack_new(&b, &opts, &node, NULL),
                     passes ? WEIR_ERR_UNSUPPORTED : WEIR_OK);
        weir_model_builder_deinit(&b);
    }
}

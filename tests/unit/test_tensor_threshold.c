/* SPDX-License-Identifier: MIT */
/* Decision thresholds: which models take one, and what ties and scores that are no numbers come to.
 */
#include "base/macros.h"
#include "tensor/threshold.h"

#include <criterion/criterion.h>

#include <math.h>

static const struct weir_str texts[] = {{"no", 2}, {"yes", 3}, {"maybe", 5}};
static const struct weir_str jsons[] = {{"\"no\"", 4}, {"\"yes\"", 5}, {"\"maybe\"", 7}};
static const struct weir_labels two = {.dtype = WEIR_BYTES, .n = 2, .text = texts, .json = jsons};
static const struct weir_labels three = {.dtype = WEIR_BYTES, .n = 3, .text = texts, .json = jsons};
static const struct weir_labels none = {.dtype = WEIR_F64};

/* A classifier of two classes with both scores. */
static struct weir_spec classifier(void)
{
    return (struct weir_spec){
        .form = WEIR_INPUT_MATRIX,
        .n_targets = 1,
        .targets = &two,
        .outputs = {
            [WEIR_OUTPUT_PREDICT] = {.is_given = true,
                                     .storage = WEIR_STORAGE_LABEL,
                                     .n_columns = 1},
            [WEIR_OUTPUT_PREDICT_PROBA] = {.is_given = true, .n_columns = 2},
            [WEIR_OUTPUT_DECISION_FUNCTION] = {.is_given = true, .n_columns = 1},
        }};
}

static enum weir_status set(struct weir_tensor_threshold *t, const struct weir_spec *spec, double v,
                            const char *score, const char *positive, struct weir_error *err)
{
    return weir_tensor_threshold_set(t, spec, v, weir_str_c(score), weir_str_c(positive), "config",
                                     err);
}

/* Decides eight scores of one column; expected: one digit for each label. */
static void decides(const struct weir_tensor_threshold *t, const struct weir_spec *spec,
                    const double *scores, const char *expected)
{
    int32_t labels[8];
    size_t n = strlen(expected);
    memset(labels, 0x55, sizeof labels);
    weir_tensor_threshold_apply(t, spec, n, scores, labels);
    for (size_t i = 0; i < n; i++)
        cr_expect_eq(labels[i], expected[i] - '0', "row %zu: %d", i, labels[i]);
}

Test(tensor_threshold, a_score_at_the_threshold_is_positive_and_nan_never_is)
{
    static const double scores[] = {
        .3, .37, .38, -1, (double)NAN, (double)INFINITY, -(double)INFINITY, 0x1.7ae147ae147adp-2};
    struct weir_spec spec = classifier();
    struct weir_tensor_threshold t;
    cr_assert_eq(set(&t, &spec, .37, "", "", NULL), WEIR_OK);
    cr_assert_eq(t.score, WEIR_OUTPUT_DECISION_FUNCTION);
    cr_assert_eq(t.positive, 1);
    cr_assert_str_eq(t.origin, "config");
    /* The last one is the double before 0.37. */
    decides(&t, &spec, scores, "01100100");
}

Test(tensor_threshold, zeros_of_both_signs_are_one_score)
{
    static const double scores[] = {0., -0., 5e-324, -5e-324};
    struct weir_spec spec = classifier();
    struct weir_tensor_threshold t;
    cr_assert_eq(set(&t, &spec, 0., "", "", NULL), WEIR_OK);
    decides(&t, &spec, scores, "1110");
    cr_assert_eq(set(&t, &spec, -0., "", "", NULL), WEIR_OK);
    decides(&t, &spec, scores, "1110");
}

Test(tensor_threshold, the_first_class_may_be_the_positive_one)
{
    static const double scores[] = {-1, -.5, 0, 1, (double)NAN};
    static const double p[] = {.7, .3, .5, .5, .2, .8, (double)NAN, (double)NAN};
    struct weir_spec spec = classifier();
    struct weir_tensor_threshold t;
    /* Its score is the margin turned round. */
    cr_assert_eq(set(&t, &spec, .5, "decision_function", "no", NULL), WEIR_OK);
    decides(&t, &spec, scores, "00111");
    cr_assert_eq(set(&t, &spec, .5, "predict_proba", "\"no\"", NULL), WEIR_OK);
    decides(&t, &spec, p, "0011");
    cr_assert_eq(set(&t, &spec, .5, "predict_proba", "yes", NULL), WEIR_OK);
    decides(&t, &spec, p, "0110");
}

Test(tensor_threshold, an_infinite_one_makes_nothing_positive)
{
    static const double scores[] = {1e308, 0, -1};
    struct weir_spec spec = classifier();
    struct weir_tensor_threshold t;
    cr_assert_eq(set(&t, &spec, (double)INFINITY, "", "", NULL), WEIR_OK);
    decides(&t, &spec, scores, "000");
}

Test(tensor_threshold, its_score_is_computed_only_for_labels)
{
    enum { LABEL = 1u << WEIR_OUTPUT_PREDICT, P = 1u << WEIR_OUTPUT_PREDICT_PROBA };
    struct weir_spec spec = classifier();
    struct weir_tensor_threshold t = {.is_set = false};
    cr_assert_eq(weir_tensor_threshold_wanted(&t, LABEL), LABEL);
    cr_assert_eq(set(&t, &spec, .5, "predict_proba", "", NULL), WEIR_OK);
    cr_assert_eq(weir_tensor_threshold_wanted(&t, LABEL), LABEL | P);
    cr_assert_eq(weir_tensor_threshold_wanted(&t, P), P);
    cr_assert_eq(weir_tensor_threshold_wanted(&t, 1u << WEIR_OUTPUT_DECISION_FUNCTION),
                 1u << WEIR_OUTPUT_DECISION_FUNCTION);
}

Test(tensor_threshold, without_margins_probabilities_are_the_score)
{
    struct weir_spec spec = classifier();
    struct weir_tensor_threshold t;
    spec.outputs[WEIR_OUTPUT_DECISION_FUNCTION].is_given = false;
    cr_assert_eq(set(&t, &spec, .5, "", "", NULL), WEIR_OK);
    cr_assert_eq(t.score, WEIR_OUTPUT_PREDICT_PROBA);
}

Test(tensor_threshold, what_cannot_be_decided_is_refused)
{
    static const char no_classes[] = "threshold: the model does not decide between two classes";
    static const struct {
        const char *score, *positive, *message;
        const struct weir_labels *labels;
        bool has_no_scores, is_tensors, is_number;
        double value;
        enum weir_status status;
    } rows[] = {
        {"", "", no_classes, .labels = &three, .status = WEIR_ERR_UNSUPPORTED},
        {"", "", no_classes, .labels = &none, .status = WEIR_ERR_UNSUPPORTED},
        {"", "", no_classes, .labels = &two, .is_tensors = true, .status = WEIR_ERR_UNSUPPORTED},
        {"", "", no_classes, .labels = &two, .is_number = true, .status = WEIR_ERR_UNSUPPORTED},
        {"", "", "threshold: the model has no scores of its classes", .labels = &two,
         .has_no_scores = true, .status = WEIR_ERR_UNSUPPORTED},
        {"margin", "", "threshold: the model has no score \"margin\"", .labels = &two,
         .status = WEIR_ERR_INVALID},
        {"predict", "", "threshold: the model has no score \"predict\"", .labels = &two,
         .status = WEIR_ERR_INVALID},
        {"", "maybe", "threshold: the model has no class \"maybe\", only \"no\" and \"yes\"",
         .labels = &two, .status = WEIR_ERR_INVALID},
        {"", "", "threshold: not a number", .labels = &two, .value = NAN,
         .status = WEIR_ERR_INVALID},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_spec spec = classifier();
        struct weir_tensor_threshold t = {.is_set = false};
        struct weir_error err = WEIR_ERROR_INIT;
        spec.targets = rows[i].labels;
        spec.form = rows[i].is_tensors ? WEIR_INPUT_TENSORS : WEIR_INPUT_MATRIX;
        if (rows[i].is_number)
            spec.outputs[WEIR_OUTPUT_PREDICT].storage = WEIR_STORAGE_F64;
        if (rows[i].has_no_scores)
            spec.outputs[WEIR_OUTPUT_PREDICT_PROBA].is_given =
                spec.outputs[WEIR_OUTPUT_DECISION_FUNCTION].is_given = false;
        cr_expect_eq(set(&t, &spec, rows[i].value, rows[i].score, rows[i].positive, &err),
                     rows[i].status, "%zu", i);
        cr_expect_str_eq(err.msg, rows[i].message);
        cr_expect_not(t.is_set);
    }
}

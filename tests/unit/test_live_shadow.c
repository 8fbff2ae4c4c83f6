/* SPDX-License-Identifier: MIT */
/* Pairs of answers: what their counts say against what can be counted by hand. */
#include "base/macros.h"
#include "eval/drift.h"
#include "eval/rates.h"
#include "live/shadow.h"
#include "test_mem.h"
#include "test_random.h"

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

enum { ROWS = 4000 };

static void tear_down(void)
{
    cr_assert_eq(test_mem_n_live(), 0);
}

TestSuite(live_shadow, .fini = tear_down);

static const struct weir_live_shape binary = {.task = WEIR_LIVE_BINARY,
                                              .n_classes = 2,
                                              .space = WEIR_EVAL_BINNED_PROBABILITY,
                                              .score = WEIR_OUTPUT_PREDICT_PROBA,
                                              .has_score = true};

static struct weir_live_seen seen(double score, uint32_t decided)
{
    return (struct weir_live_seen){.score = score, .decided = decided, .bin = WEIR_LIVE_NO_BIN};
}

/* Draws pairs: the shadow's score is the live one moved by at most `apart`. */
static void draw(struct weir_live_seen *live, struct weir_live_seen *shadow, double apart)
{
    struct weir_test_random r;
    weir_test_random_init(&r, 5);
    for (size_t i = 0; i < ROWS; i++) {
        double p = weir_test_random_unit(&r);
        double q = fmin(1, fmax(0, p + apart * (2 * weir_test_random_unit(&r) - 1)));
        live[i] = seen(p, p > 0.5);
        shadow[i] = seen(q, q > 0.5);
    }
}

Test(live_shadow, equal_answers_differ_in_nothing)
{
    static struct weir_live_seen live[ROWS], shadow[ROWS];
    struct weir_live_shadow sum = {0};
    draw(live, shadow, 0);
    weir_live_shadow_add(&sum, &binary, live, shadow, ROWS);
    cr_assert_eq(sum.n_rows, ROWS);
    cr_assert_eq(sum.n_disagreements, 0);
    cr_assert_eq(weir_eval_exact_get(&sum.gap), 0);
    struct weir_live_shadow_psi psi = weir_live_shadow_psi(&sum);
    cr_assert_eq(psi.value, 0);
    cr_assert_eq(psi.n_bins, WEIR_LIVE_SHADOW_PSI_BINS);
}

Test(live_shadow, counts_are_those_of_the_pairs)
{
    static struct weir_live_seen live[ROWS], shadow[ROWS];
    struct weir_live_shadow sum = {0};
    uint64_t n_disagreements = 0;
    double gap = 0;
    draw(live, shadow, 0.4);
    for (size_t i = 0; i < ROWS; i++) {
        n_disagreements += live[i].decided != shadow[i].decided;
        gap += fabs(live[i].score - shadow[i].score);
    }
    weir_live_shadow_add(&sum, &binary, live, shadow, ROWS);
    cr_assert_gt(n_disagreements, 0);
    cr_assert_eq(sum.n_disagreements, n_disagreements);
    cr_assert_eq(sum.n_scores, ROWS);
    cr_assert_float_eq(weir_eval_exact_get(&sum.gap), gap, 1e-9);
}

Test(live_shadow, parts_add_up_to_the_whole_to_the_bit)
{
    static struct weir_live_seen live[ROWS], shadow[ROWS];
    static struct weir_live_shadow whole, parts[3];
    draw(live, shadow, 0.2);
    shadow[7].decided = WEIR_LIVE_REFUSED;
    weir_live_shadow_add(&whole, &binary, live, shadow, ROWS);
    for (size_t i = 0; i < ROWS; i++)
        weir_live_shadow_add(&parts[i % 3], &binary, live + i, shadow + i, 1);
    parts[1].n_dropped = 4;
    weir_live_shadow_merge(&parts[0], &parts[2]);
    weir_live_shadow_merge(&parts[0], &parts[1]);
    cr_assert_eq(parts[0].n_rows, ROWS - 1);
    cr_assert_eq(parts[0].n_refused, 1, "it is not compared");
    cr_assert_eq(parts[0].n_dropped, 4);
    cr_assert_eq(parts[0].n_disagreements, whole.n_disagreements);
    cr_assert_eq(weir_eval_exact_get(&parts[0].gap), weir_eval_exact_get(&whole.gap));
    cr_assert_arr_eq(parts[0].live, whole.live, sizeof whole.live);
    cr_assert_arr_eq(parts[0].shadow, whole.shadow, sizeof whole.shadow);
}

Test(live_shadow, live_scores_that_are_all_alike_tell_no_psi)
{
    struct weir_live_shadow sum = {0};
    struct weir_live_seen live = seen(0.5, 0);
    struct weir_live_seen shadow = seen(0.9, 1);
    struct weir_buf text = {.mem = test_mem()};
    for (size_t i = 0; i < 50; i++)
        weir_live_shadow_add(&sum, &binary, &live, &shadow, 1);
    weir_live_shadow_append(&sum, &binary, &text);
    weir_buf_append(&text, "", 1);
    cr_assert_not_null(strstr(text.at, "\"psi\":null"), "%s", text.at);
    weir_buf_deinit(&text);
}

/* Four live scores in bins of their own, the shadow's all at the lowest of them. */
Test(live_shadow, psi_is_of_bins_of_equally_many_live_scores)
{
    static const double scores[] = {0.1, 0.4, 0.6, 0.9};
    struct weir_live_shadow sum = {0};
    for (size_t i = 0; i < 100; i++) {
        struct weir_live_seen live = seen(scores[i % 4], i % 4 > 1);
        struct weir_live_seen shadow = seen(scores[0], 0);
        weir_live_shadow_add(&sum, &binary, &live, &shadow, 1);
    }
    static const uint64_t reference[] = {25, 25, 25, 25};
    static const uint64_t current[] = {100, 0, 0, 0};
    struct weir_live_shadow_psi psi = weir_live_shadow_psi(&sum);
    cr_assert_eq(psi.n_bins, 4);
    cr_assert_float_eq(psi.value, weir_eval_drift_psi(reference, current, 4), 1e-12);
    cr_assert_float_eq(psi.guard, weir_eval_drift_psi_guard(100, 100, 4, 0.99), 1e-12);
    cr_assert_gt(psi.value, psi.guard);
}

Test(live_shadow, numbers_have_a_gap_and_no_decisions)
{
    static const struct weir_live_shape number = {.task = WEIR_LIVE_REGRESSION};
    struct weir_live_shadow sum = {0};
    struct weir_live_seen live[] = {seen(1, 0), seen(2, 0), seen((double)NAN, 0)};
    struct weir_live_seen shadow[] = {seen(1.5, 0), seen(-2, 0), seen(1, 0)};
    struct weir_buf text = {.mem = test_mem()};
    weir_live_shadow_add(&sum, &number, live, shadow, 3);
    weir_live_shadow_append(&sum, &number, &text);
    weir_buf_append(&text, "", 1);
    cr_assert_str_eq(text.at, "\"rows\":3,\"refused\":0,\"dropped\":0,\"disagreements\":null,"
                              "\"score_gap\":{\"mean\":2.25,\"rows\":2},\"psi\":null");
    weir_buf_deinit(&text);
}

Test(live_shadow, what_predicts_something_else_is_refused)
{
    static const struct weir_str ab[] = {{"\"a\"", 3}, {"\"b\"", 3}};
    static const struct weir_str ac[] = {{"\"a\"", 3}, {"\"c\"", 3}};
    static const struct weir_str names[] = {{"x", 1}, {"y", 1}};
    static const struct weir_str other_names[] = {{"y", 1}, {"x", 1}};
    struct weir_labels target = {.n = 2, .json = ab};
    struct weir_labels other_target = {.n = 2, .json = ac};
    struct weir_spec spec = {
        .form = WEIR_INPUT_MATRIX, .n_features = 2, .targets = &target, .n_targets = 1};
    spec.outputs[WEIR_OUTPUT_PREDICT] =
        (struct weir_spec_output){.is_given = true, .n_columns = 1, .storage = WEIR_STORAGE_LABEL};
    spec.outputs[WEIR_OUTPUT_PREDICT_PROBA] =
        (struct weir_spec_output){.is_given = true, .n_columns = 2, .storage = WEIR_STORAGE_F64};
    struct weir_live_shape shape, live;
    const char *why;
    cr_assert(weir_live_shape_init(&live, &spec, NULL, &why));
    struct weir_spec other = spec;
    cr_assert_null(weir_live_shadow_fit(&live, &spec, &other, &shape));
    cr_assert_eq(shape.score, WEIR_OUTPUT_PREDICT_PROBA);
    other.targets = &other_target;
    cr_assert_str_eq(weir_live_shadow_fit(&live, &spec, &other, &shape),
                     "its classes are not those of the version that answers");
    other = spec;
    other.n_features = 3;
    cr_assert_str_eq(weir_live_shadow_fit(&live, &spec, &other, &shape),
                     "its features are not those of the version that answers");
    other = spec;
    spec.feature_names = names;
    other.feature_names = other_names;
    cr_assert_not_null(weir_live_shadow_fit(&live, &spec, &other, &shape));
    other.feature_names = NULL;
    cr_assert_null(weir_live_shadow_fit(&live, &spec, &other, &shape), "places are what is left");
    other = spec;
    other.outputs[WEIR_OUTPUT_PREDICT_PROBA].is_given = false;
    cr_assert_str_eq(weir_live_shadow_fit(&live, &spec, &other, &shape),
                     "its scores are of another kind than those of the version that answers");
    other = spec;
    other.form = WEIR_INPUT_FRAME;
    cr_assert_not_null(weir_live_shadow_fit(&live, &spec, &other, &shape));
}

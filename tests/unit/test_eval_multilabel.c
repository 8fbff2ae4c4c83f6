/* SPDX-License-Identifier: MIT */
/* Several labels for each row, against scikit-learn 1.9.1's numbers. */
#include "base/macros.h"
#include "eval/multilabel.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <math.h>

static const uint8_t y[] = {1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 0, 1, 1};
static const double s[] = {.9, .2, .4, .6, .7, .1, .4, .4, .5, .5, .6, .8, .2, .3, .55, .6, .9, .6};
static const double w[] = {1, 2, 1, .5, 3, 1};

static void assert_mean(const struct weir_eval_multilabel_mean *got, const double expected[4],
                        const char *what)
{
    const double values[] = {got->macro, got->weighted, got->micro, got->samples};
    for (size_t i = 0; i < 4; i++)
        cr_assert(fabs(values[i] - expected[i]) < 1e-12, "%s %zu: %.17g, expected %.17g", what, i,
                  values[i], expected[i]);
}

Test(eval_multilabel, four_averages_are_those_of_the_library)
{
    static const struct {
        const double *weights;
        double means[5][4];
        double subset_accuracy, hamming_loss;
    } rows[] = {
        {NULL,
         {{0.7777777777777777, 0.7777777777777778, 0.7777777777777778, 0.6944444444444445},
          {0.7777777777777777, 0.7777777777777778, 0.7777777777777778, 0.75},
          {0.7777777777777777, 0.7777777777777778, 0.7777777777777778, 0.6888888888888888},
          {0.8333333333333334, 0.8333333333333334, 0.7962962962962962, 0.75},
          {0.8796296296296297, 0.8796296296296295, 0.8198464571013592, 0.8333333333333334}},
         0.3333333333333333,
         0.2222222222222222},
        {w,
         {{0.8690476190476191, 0.8571428571428572, 0.875, 0.8137254901960784},
          {0.75, 0.7241379310344828, 0.7241379310344828, 0.7058823529411765},
          {0.7999999999999999, 0.7793103448275862, 0.7924528301886793, 0.7215686274509805},
          {0.8018518518518519, 0.7578544061302682, 0.7727272727272727, 0.7058823529411765},
          {0.9139433551198257, 0.8970024791525806, 0.8395195535694437, 0.8431372549019608}},
         0.35294117647058826,
         0.21568627450980393},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_eval_multilabel_rows r = {
            .n = 6, .n_labels = 3, .truths = y, .scores = s, .weights = rows[i].weights};
        struct weir_eval_multilabel_label labels[3];
        struct weir_eval_multilabel m;
        cr_assert_eq(weir_eval_multilabel_measure(&r, labels, &m, test_mem(), NULL), WEIR_OK);
        assert_mean(&m.precision, rows[i].means[0], "precision");
        assert_mean(&m.recall, rows[i].means[1], "recall");
        assert_mean(&m.f1, rows[i].means[2], "f1");
        assert_mean(&m.auc, rows[i].means[3], "auc");
        assert_mean(&m.average_precision, rows[i].means[4], "average precision");
        cr_assert(fabs(m.subset_accuracy - rows[i].subset_accuracy) < 1e-12);
        cr_assert(fabs(m.hamming_loss - rows[i].hamming_loss) < 1e-12);
        cr_assert(fabs((labels[0].auc + labels[1].auc + labels[2].auc) / 3 - m.auc.macro) < 1e-12);
    }
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(eval_multilabel, what_is_undefined_says_so)
{
    static const uint8_t never[] = {1, 0, 0, 0, 1, 0};
    static const double scores[] = {.9, .1, .2, .8, .6, .5};
    struct weir_eval_multilabel_rows r = {.n = 3, .n_labels = 2, .truths = never, .scores = scores};
    struct weir_eval_multilabel_label labels[2];
    struct weir_eval_multilabel m;
    cr_assert_eq(weir_eval_multilabel_measure(&r, labels, &m, test_mem(), NULL), WEIR_OK);
    cr_assert(isnan(labels[1].auc) && isnan(labels[1].average_precision));
    cr_assert(isnan(m.auc.macro) && isnan(m.average_precision.macro) && isnan(m.auc.samples));
    cr_assert_eq(labels[0].auc, 1);
    cr_assert_eq(m.average_precision.weighted, 1);
    cr_assert_eq(labels[0].counts.tp, 2);
    r.has_threshold = true;
    r.threshold = .6;
    cr_assert_eq(weir_eval_multilabel_measure(&r, labels, &m, test_mem(), NULL), WEIR_OK);
    cr_assert_eq(labels[0].counts.tp, 2);
    cr_assert_eq(labels[1].counts.fp, 1);
    r.n = 0;
    cr_assert_eq(weir_eval_multilabel_measure(&r, labels, &m, test_mem(), NULL), WEIR_OK);
    cr_assert(isnan(m.subset_accuracy) && isnan(m.auc.micro));
    cr_assert_eq(test_mem_n_live(), 0);
}

/* SPDX-License-Identifier: MIT */
/* Measures of decisions and of many classes, against numbers of scikit-learn 1.9.1. */
#include "base/macros.h"
#include "eval/confusion.h"
#include "eval/multiclass.h"
#include "eval/probability.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <math.h>

static void assert_near(double got, double expected, const char *what)
{
    cr_assert(fabs(got - expected) <= 1e-12 * fmax(1, fabs(expected)), "%s: %.17g, expected %.17g",
              what, got, expected);
}

/* Class 3 is decided once and never true. */
static const uint8_t truths[] = {0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 0};
static const uint8_t decided[] = {0, 0, 1, 1, 1, 2, 0, 2, 2, 2, 1, 3};
static const double weights[] = {1, 2, 1, .5, 1, 1, 3, 1, 1, 2, 1, 1};

Test(eval_classes, decisions_give_the_numbers_of_the_library)
{
    static const struct {
        bool is_weighted;
        double accuracy, balanced, mcc, kappa[3], averages[3][3], fbeta;
    } rows[] = {
        {false,
         0.5833333333333334,
         0.5833333333333334,
         0.40422604172722165,
         {0.4, 0.4, 0.3157894736842105},
         {{0.47916666666666663, 0.4375, 0.45535714285714285},
          {0.6388888888888888, 0.5833333333333334, 0.6071428571428571},
          {0.5833333333333334, 0.5833333333333334, 0.5833333333333334}},
         0.5},
        {true,
         0.5483870967741935,
         0.5575757575757576,
         0.35282049857805525,
         {0.3463855421686747, 0.41014799154334036, 0.4},
         {{0.43214285714285716, 0.4181818181818182, 0.4196969696969697},
          {0.5714285714285715, 0.5483870967741935, 0.552297165200391},
          {0.5483870967741935, 0.5483870967741935, 0.5483870967741935}},
         0.38461538461538464},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_eval_confusion c;
        double value;
        cr_assert_eq(weir_eval_confusion_init(&c, 4, test_mem()), WEIR_OK);
        for (size_t k = 0; k < WEIR_ARRAY_LEN(truths); k++)
            weir_eval_confusion_add(&c, truths[k], decided[k],
                                    rows[i].is_weighted ? weights[k] : 1);
        cr_assert(weir_eval_confusion_accuracy(&c, &value));
        assert_near(value, rows[i].accuracy, "accuracy");
        cr_assert(weir_eval_confusion_balanced_accuracy(&c, &value));
        assert_near(value, rows[i].balanced, "balanced accuracy");
        cr_assert(weir_eval_confusion_mcc(&c, &value));
        assert_near(value, rows[i].mcc, "mcc");
        for (int k = 0; k < 3; k++) {
            struct weir_eval_confusion_averages a =
                weir_eval_confusion_average(&c, (enum weir_eval_average)k);
            cr_assert(weir_eval_confusion_kappa(&c, (enum weir_eval_kappa)k, &value));
            assert_near(value, rows[i].kappa[k], "kappa");
            assert_near(a.precision, rows[i].averages[k][0], "precision");
            assert_near(a.recall, rows[i].averages[k][1], "recall");
            assert_near(a.f1, rows[i].averages[k][2], "f1");
        }
        struct weir_eval_confusion_class one = weir_eval_confusion_class(&c, 1);
        assert_near(weir_eval_confusion_fbeta(&one, .5), rows[i].fbeta, "fbeta");
        struct weir_eval_confusion_class three = weir_eval_confusion_class(&c, 3);
        cr_assert(three.is_recall_undefined && !three.is_precision_undefined);
        weir_eval_confusion_deinit(&c);
    }
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(eval_classes, a_matrix_without_rows_or_disagreement_is_undefined)
{
    struct weir_eval_confusion c;
    double value;
    cr_assert_eq(weir_eval_confusion_init(&c, 2, test_mem()), WEIR_OK);
    cr_assert_not(weir_eval_confusion_accuracy(&c, &value));
    cr_assert_not(weir_eval_confusion_mcc(&c, &value));
    weir_eval_confusion_add(&c, 0, 0, 1);
    cr_assert_not(weir_eval_confusion_kappa(&c, WEIR_EVAL_KAPPA_PLAIN, &value));
    cr_assert(weir_eval_confusion_mcc(&c, &value));
    cr_assert_eq(value, 0);
    weir_eval_confusion_deinit(&c);
}

Test(eval_classes, areas_of_three_classes_are_those_of_the_library)
{
    static const double scores[] = {.7, .2, .1, .5, .3, .2, .2, .5, .3, .1, .6, .3, .3, .3,
                                    .4, .4, .4, .2, .1, .1, .8, .2, .5, .3, .3, .1, .6};
    static const uint32_t classes[] = {0, 0, 1, 1, 1, 1, 2, 2, 2};
    static const double by_row[] = {1, 2, 1, 1, 3, 1, .5, 1, 2};
    struct weir_eval_multiclass_rows rows = {
        .n = 9, .n_classes = 3, .scores = scores, .truths = classes};
    struct weir_eval_multiclass m;
    struct weir_eval_multiclass_class by_class[3];
    cr_assert_eq(weir_eval_multiclass_auc(&rows, by_class, &m, test_mem(), NULL), WEIR_OK);
    assert_near(m.ovr_macro, 0.912962962962963, "macro");
    assert_near(m.ovr_macro_present, 0.912962962962963, "macro of those present");
    assert_near(m.ovr_weighted, 0.8962962962962963, "weighted");
    assert_near(m.ovr_micro, 0.9135802469135803, "micro");
    assert_near(m.ovo_macro, 0.9270833333333334, "one against one");
    assert_near(m.ovo_weighted, 0.9166666666666666, "one against one, weighted");
    assert_near(m.ap_macro, 0.8680555555555555, "average precision");
    assert_near(m.ap_weighted, 0.8425925925925926, "average precision, weighted");
    assert_near(m.ap_micro, 0.830345471521942, "average precision, micro");
    assert_near(weir_eval_multiclass_top_k(&rows, 1), 0.7777777777777778, "top 1");
    cr_assert_eq(weir_eval_multiclass_top_k(&rows, 2), 1);
    rows.weights = by_row;
    assert_near(weir_eval_multiclass_top_k(&rows, 1), 0.68, "top 1 of weighted rows");
    cr_assert_eq(weir_eval_multiclass_auc(&rows, by_class, &m, test_mem(), NULL), WEIR_OK);
    assert_near(m.ovr_macro, 0.8935693935693937, "macro");
    assert_near(m.ovr_weighted, 0.8721367521367521, "weighted");
    assert_near(m.ovr_micro, 0.864, "micro");
    assert_near(m.ap_macro, 0.8560146280734516, "average precision");
    assert_near(m.ap_weighted, 0.8262745098039216, "average precision, weighted");
    assert_near(m.ap_micro, 0.7730784724791384, "average precision, micro");
    cr_assert(isnan(m.ovo_macro));
    struct weir_eval_probability_rows p = {.n = 9, .n_classes = 3, .p = scores, .truths = classes};
    assert_near(weir_eval_probability_measure(&p).log_loss, 0.7013333827145378, "log loss");
    p.weights = by_row;
    assert_near(weir_eval_probability_measure(&p).log_loss, 0.7849877665401236, "log loss");
    static const uint32_t without_two[] = {0, 0, 1, 1, 1, 1, 0, 0, 1};
    rows.truths = without_two;
    rows.weights = NULL;
    cr_assert_eq(weir_eval_multiclass_auc(&rows, by_class, &m, test_mem(), NULL), WEIR_OK);
    cr_assert(isnan(by_class[2].auc) && isnan(by_class[2].average_precision) &&
              isnan(m.ovr_macro) && isnan(m.ovo_macro));
    assert_near(m.ovr_macro_present, (by_class[0].auc + by_class[1].auc) / 2,
                "macro of those present");
    cr_assert_eq(test_mem_n_live(), 0);
}

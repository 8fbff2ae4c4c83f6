/* SPDX-License-Identifier: MIT */
/* Numbers by their names: of classes, at thresholds, undefined ones. */
#include "base/macros.h"
#include "eval/rates.h"
#include "gate/evaluation.h"
#include "test_mem.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

static const char two_classes[] = "y,p_no,p_yes\n"
                                  "no,.9,.1\nno,.6,.4\nyes,.65,.35\nyes,.2,.8\nno,.6,.4\n"
                                  "yes,.6,.4\nno,.8,.2\nyes,.1,.9\nyes,.65,.35\nno,.2,.8\n";
static const char three_classes[] = "y,p_a,p_b,p_c\n"
                                    "a,.7,.2,.1\na,.5,.3,.2\nb,.2,.5,.3\nb,.1,.6,.3\nb,.3,.3,.4\n"
                                    "b,.4,.4,.2\nc,.1,.1,.8\nc,.2,.5,.3\nc,.3,.1,.6\n";

static void evaluate(const char *text, const char *score, struct weir_gate_holdout *holdout,
                     struct weir_gate_evaluation *evaluation)
{
    const struct weir_gate_holdout_opts opts = {.label = "y", .score_column = score};
    const struct weir_gate_evaluation_opts none = {.fbeta = 2};
    struct weir_test_tmp tmp;
    struct weir_error err = WEIR_ERROR_INIT;
    char path[300];
    weir_test_tmp_init(&tmp);
    weir_test_tmp_write(&tmp, "rows.csv", text, strlen(text));
    weir_test_tmp_path(&tmp, "rows.csv", path, sizeof path);
    cr_assert_eq(weir_gate_holdout_read(holdout, path, NULL, &opts, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(weir_gate_evaluation_make(evaluation, holdout, &none, &err), WEIR_OK, "%s",
                 err.msg);
    weir_test_tmp_deinit(&tmp);
}

static const double none = -1; /* undefined */

static void ask(const struct weir_gate_evaluation *e, const char *metric, const char *class_name,
                double at, double expected)
{
    const struct weir_gate_evaluation_ask ask = {.metric = weir_str_c(metric),
                                                 .class_name = weir_str_c(class_name),
                                                 .has_at = !isnan(at),
                                                 .at = at};
    struct weir_gate_metric m;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_gate_evaluation_at(e, &ask, &m, &err), WEIR_OK, "%s", err.msg);
    if (expected == none)
        cr_assert(isnan(m.value) && m.why, "%s[%s]@%g is %g", metric, class_name, at, m.value);
    else
        cr_assert(fabs(m.value - expected) < 1e-12, "%s[%s]@%g is %.17g, not %.17g", metric,
                  class_name, at, m.value, expected);
}

Test(gate_evaluation, numbers_of_two_classes_are_found_by_name_class_and_threshold)
{
    const double no = (double)NAN;
    struct weir_gate_holdout holdout;
    struct weir_gate_evaluation e;
    test_mem_install();
    evaluate(two_classes, NULL, &holdout, &e);
    ask(&e, "roc_auc", "", no, .66);
    ask(&e, "roc_auc", "no", no, .66);
    ask(&e, "recall", "", no, .4);
    ask(&e, "recall", "no", no, .8);
    ask(&e, "specificity", "no", no, .4);
    ask(&e, "recall", "", .35, 1);
    ask(&e, "precision", "", .35, 5. / 8);
    ask(&e, "recall", "yes", .4, .6);
    ask(&e, "recall", "no", .6, .8);
    ask(&e, "accuracy", "", .4, .5);
    ask(&e, "fbeta", "", .4, 5 * 3. / (5 * 3 + 3 + 4 * 2));
    ask(&e, "recall", "", 1.5, 0);
    ask(&e, "precision", "", 1.5, none);
    ask(&e, "lr_plus", "", .4, 1);
    ask(&e, "lift", "", .4, 1);
    ask(&e, "positive_rate", "", .4, .6);
    ask(&e, "prevalence", "", no, .5);
    ask(&e, "n_rows", "", no, 10);
    ask(&e, "n_pos", "", no, 5);
    ask(&e, "n_invalid", "", no, 0);
    ask(&e, "gain_at", "", .3, .4);
    ask(&e, "lift_at", "", .3, .4 / .3);
    ask(&e, "partial_roc_auc", "", .5, .6033333333333334);
    ask(&e, "recall_at_fpr", "", .2, .4);
    ask(&e, "recall_at_precision", "", .9, .2);
    ask(&e, "average_precision", "", no, .6833333333333333);
    ask(&e, "average_precision", "no", no, .7396825396825397);
    ask(&e, "recall", "maybe", no, none);
    ask(&e, "log_loss", "yes", no, none);
    ask(&e, "roc_auc", "", .5, none);
    ask(&e, "lift_at", "", no, none);
    ask(&e, "lift_at", "", 1.5, none);
    ask(&e, "mse", "", no, none);
    ask(&e, "top_k_accuracy", "", 1, none);
    ask(&e, "no_such", "", no, none);
    const struct weir_gate_metric *m = weir_gate_evaluation_find(&e, WEIR_STR("recall"));
    struct weir_eval_rates_interval i = weir_eval_rates_wilson(2, 5, .05);
    cr_assert(m->has_interval && m->low == i.low && m->high == i.high);
    weir_gate_evaluation_deinit(&e);
    weir_gate_holdout_deinit(&holdout);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(gate_evaluation, numbers_of_many_classes_are_found_by_class)
{
    const double no = (double)NAN;
    struct weir_gate_holdout holdout;
    struct weir_gate_evaluation e;
    test_mem_install();
    evaluate(three_classes, NULL, &holdout, &e);
    ask(&e, "recall", "b", no, .5);
    ask(&e, "recall", "b", .4, .75);
    ask(&e, "precision", "b", .4, .75);
    ask(&e, "recall", "", .4, none);
    ask(&e, "recall", "", no, none);
    ask(&e, "roc_auc", "b", no, .85);
    ask(&e, "roc_auc", "", no, none);
    ask(&e, "top_k_accuracy", "", 2, 1);
    ask(&e, "top_2_accuracy", "", no, 1);
    ask(&e, "top_k_accuracy", "", 1.5, none);
    ask(&e, "top_k_accuracy", "", 4, none);
    ask(&e, "balanced_accuracy_adjusted", "", no, ((1 + .5 + 2. / 3) / 3 - 1. / 3) / (2. / 3));
    cr_assert_null(weir_gate_evaluation_find(&e, WEIR_STR("recall")));
    cr_assert_null(weir_gate_evaluation_find(&e, WEIR_STR("top_3_accuracy")));
    weir_gate_evaluation_deinit(&e);
    weir_gate_holdout_deinit(&holdout);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(gate_evaluation, numbers_of_labels_are_found_by_label)
{
    static const char text[] = "cat,dog,p_cat,p_dog\n"
                               "1,0,.9,.2\n1,1,.6,.7\n0,1,.4,.4\n0,0,.5,.6\n1,1,.3,nan\n";
    static const struct weir_str labels[] = {{"cat", 3}, {"dog", 3}};
    const struct weir_gate_holdout_opts opts = {.labels = labels, .n_labels = 2};
    const double no = (double)NAN;
    struct weir_gate_holdout holdout;
    struct weir_gate_evaluation e;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_test_tmp tmp;
    char path[300];
    test_mem_install();
    weir_test_tmp_init(&tmp);
    weir_test_tmp_write(&tmp, "rows.csv", text, sizeof text - 1);
    weir_test_tmp_path(&tmp, "rows.csv", path, sizeof path);
    cr_assert_eq(weir_gate_holdout_read(&holdout, path, NULL, &opts, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(
        weir_gate_evaluation_make(&e, &holdout, &(struct weir_gate_evaluation_opts){0}, &err),
        WEIR_OK, "%s", err.msg);
    cr_assert_eq(e.n_invalid, 1u);
    ask(&e, "recall", "dog", no, .5);
    ask(&e, "specificity", "cat", no, 1);
    ask(&e, "recall", "dog", .4, 1);
    ask(&e, "precision", "dog", .4, 2. / 3);
    ask(&e, "roc_auc", "cat", no, 1);
    ask(&e, "average_precision", "cat", no, 1);
    ask(&e, "recall", "", .4, none);
    ask(&e, "recall", "", no, none);
    ask(&e, "recall_micro", "", no, .75);
    ask(&e, "subset_accuracy", "", no, .5);
    weir_gate_evaluation_deinit(&e);
    weir_gate_holdout_deinit(&holdout);
    weir_test_tmp_deinit(&tmp);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(gate_evaluation, rows_without_a_finite_score_count_nowhere)
{
    static const char text[] = "y,p_no,p_yes\n"
                               "no,.9,.1\nno,.6,.4\nyes,.65,.35\nno,nan,.5\nyes,.2,.8\nyes,.1,inf\n"
                               "no,.6,.4\nyes,.6,.4\nno,.8,.2\nyes,.1,.9\nyes,.65,.35\nno,.2,.8\n";
    struct weir_gate_holdout holdout[2];
    struct weir_gate_evaluation e[2];
    test_mem_install();
    evaluate(two_classes, NULL, &holdout[0], &e[0]);
    evaluate(text, NULL, &holdout[1], &e[1]);
    cr_assert_eq(e[1].n_invalid, 2u);
    cr_assert_eq(e[0].n_metrics, e[1].n_metrics);
    for (size_t i = 0; i < e[0].n_metrics; i++) {
        const struct weir_gate_metric *a = &e[0].metrics[i];
        if (strncmp(a->name, "n_", 2) != 0)
            cr_assert(a->value == e[1].metrics[i].value || isnan(a->value), "%s", a->name);
    }
    ask(&e[1], "recall", "", .35, 1);
    for (size_t i = 0; i < 2; i++) {
        weir_gate_evaluation_deinit(&e[i]);
        weir_gate_holdout_deinit(&holdout[i]);
    }
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(gate_evaluation, a_file_of_one_class_decides_nothing)
{
    struct weir_gate_holdout holdout;
    struct weir_gate_evaluation e;
    evaluate("y,s\n1,.5\n1,.7\n", "s", &holdout, &e);
    cr_assert(isnan(weir_gate_evaluation_find(&e, WEIR_STR("roc_auc"))->value));
    cr_assert_not(e.has_confusion);
    weir_gate_evaluation_deinit(&e);
    weir_gate_holdout_deinit(&holdout);
}

Test(gate_evaluation, every_number_has_one_name)
{
    size_t n;
    const struct weir_gate_metric_kind *kinds = weir_gate_metric_kinds(&n);
    for (size_t i = 0; i < n; i++) {
        enum weir_gate_metric_id id;
        cr_assert_eq(weir_gate_metric_find(weir_str_c(kinds[i].name), &id), &kinds[i]);
        cr_assert_eq((size_t)id, i, "%s is there twice", kinds[i].name);
        cr_assert(kinds[i].tasks != 0);
        cr_assert(weir_str_is_name(weir_str_c(kinds[i].name)));
    }
    cr_assert_null(weir_gate_metric_find(WEIR_STR("roc"), NULL));
}

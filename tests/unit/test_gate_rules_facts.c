/* SPDX-License-Identifier: MIT */
/* Rules against evaluations of ten rows, whose numbers can be counted by hand. */
#include "base/macros.h"
#include "gate/align.h"
#include "gate/rules_facts.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <math.h>

/* Column a: areas and counts of a hand-worked example; b ranks worse. */
static const char rows[] = "y,a,b\n"
                           "0,.1,.9\n0,.4,.4\n1,.35,.35\n1,.8,.8\n0,.4,.4\n"
                           "1,.4,.4\n0,.2,.2\n1,.9,.1\n1,.35,.35\n0,.8,.8\n";

struct fixture {
    struct weir_test_tmp tmp;
    struct weir_gate_holdout holdouts[2];
    struct weir_gate_evaluation evaluations[2];
    struct weir_gate_compare compare;
    struct weir_gate_rules_measured measured;
};

static void begin(struct fixture *f)
{
    static const char *const columns[] = {"a", "b"};
    static const struct weir_gate_rules_extra extras[] = {
        {.name = "latency.p99_ms", .candidate = 2, .live = 1.5, .why = NULL},
        {.name = "holdout.uses", .candidate = 7, .live = NAN, .why = NULL},
        {.name = "latency.p50_ms", .candidate = NAN, .live = NAN, .why = "the clock stood still"},
    };
    const struct weir_eval_policy policy = {.kind = WEIR_EVAL_POLICY_FIXED, .value = .5};
    const struct weir_gate_evaluation_opts opts = {.policy = &policy};
    const struct weir_gate_compare_opts compare_opts = {.alpha = .05};
    struct weir_gate_align align;
    char path[512];
    weir_test_tmp_init(&f->tmp);
    weir_test_tmp_write(&f->tmp, "rows.csv", rows, sizeof rows - 1);
    weir_test_tmp_path(&f->tmp, "rows.csv", path, sizeof path);
    for (size_t i = 0; i < 2; i++) {
        const struct weir_gate_holdout_opts holdout_opts = {.label = "y",
                                                            .score_column = columns[i]};
        cr_assert_eq(weir_gate_holdout_read(&f->holdouts[i], path, NULL, &holdout_opts, NULL),
                     WEIR_OK);
    }
    cr_assert_eq(weir_gate_align(&f->holdouts[0], &f->holdouts[1], &align, NULL), WEIR_OK);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(weir_gate_evaluation_make(&f->evaluations[i], &f->holdouts[i], &opts, NULL),
                     WEIR_OK);
    cr_assert_eq(weir_gate_compare_make(&f->compare, &f->evaluations[0], &f->evaluations[1],
                                        &compare_opts, NULL),
                 WEIR_OK);
    f->measured = (struct weir_gate_rules_measured){
        .has_live = true,
        .all = {.candidate = &f->evaluations[0],
                .live = &f->evaluations[1],
                .compare = &f->compare},
        .extras = extras,
        .n_extras = WEIR_ARRAY_LEN(extras),
    };
}

static void end(struct fixture *f)
{
    for (size_t i = 0; i < 2; i++) {
        weir_gate_evaluation_deinit(&f->evaluations[i]);
        weir_gate_holdout_deinit(&f->holdouts[i]);
    }
    weir_test_tmp_deinit(&f->tmp);
}

/* Judges one rule and compares its sentence. */
static void says(const struct fixture *f, const char *text, const char *sentence)
{
    size_t n;
    const struct weir_gate_metric_kind *extras = weir_gate_rules_extras(&n);
    struct weir_gate_rules list;
    struct weir_gate_rules_judgement j;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_gate_rules_facts facts = weir_gate_rules_facts_make(&f->measured);
    cr_assert_eq(weir_gate_rules_parse(&list, weir_str_c(text), 1, extras, n, &err), WEIR_OK,
                 "%s: %s", text, err.msg);
    cr_assert_eq(weir_gate_rules_judge(&list, &facts, &j, NULL), WEIR_OK);
    cr_expect_str_eq(j.outcomes[0].sentence, sentence);
    weir_gate_rules_judgement_deinit(&j);
    weir_gate_rules_deinit(&list);
}

Test(gate_rules_facts, rules_see_what_was_measured)
{
    struct fixture f;
    begin(&f);
    says(&f, "roc_auc > 0.659 and roc_auc < 0.661",
         "roc_auc 0.66 > 0.659 and roc_auc 0.66 < 0.661: true");
    /* Of 25 pairs 6 are in order and 3 are ties. */
    says(&f, "live.roc_auc == 0.3", "live.roc_auc 0.3 == 0.3: true");
    says(&f, "recall@0.4 == 0.6", "recall@0.4 0.6 == 0.6: true");
    says(&f, "precision@0.4 == 0.5", "precision@0.4 0.5 == 0.5: true");
    says(&f, "recall@0.35 == 1", "recall@0.35 1 == 1: true");
    says(&f, "recall == 0.4", "recall 0.4 == 0.4: true");
    says(&f, "recall[0] == 0.8", "recall[0] 0.8 == 0.8: true");
    says(&f, "live.recall[\"0\"] == 0.6", "live.recall[\"0\"] 0.6 == 0.6: true");
    says(&f, "roc_auc[0] == roc_auc", "roc_auc[0] 0.66 == roc_auc 0.66: true");
    says(&f, "n_pos == 5 and n_neg == 5 and n_rows == 10",
         "n_pos 5 == 5 and n_neg 5 == 5 and n_rows 10 == 10: true");
    says(&f, "n_invalid == 0", "n_invalid 0 == 0: true");
    says(&f, "delta(roc_auc) > 0.35", "delta(roc_auc) 0.36 > 0.35: true");
    says(&f, "disagreement == 20%", "disagreement 0.2 == 20%: true");
    says(&f, "delta(latency.p99_ms) == 0.5", "delta(latency.p99_ms) 0.5 == 0.5: true");
    says(&f, "holdout.uses <= 50", "holdout.uses 7 <= 50: true");
    end(&f);
}

Test(gate_rules_facts, intervals_are_those_of_the_evaluation)
{
    struct fixture f;
    begin(&f);
    const struct weir_gate_metric *auc =
        weir_gate_evaluation_find(&f.evaluations[0], WEIR_STR("roc_auc"));
    const struct weir_gate_delta *delta = weir_gate_compare_find(&f.compare, WEIR_STR("roc_auc"));
    cr_assert(auc->has_interval);
    cr_assert(delta->has_interval);
    static const struct {
        enum weir_gate_rules_side side;
        bool is_high;
    } asked[] = {{WEIR_GATE_RULES_CANDIDATE, false}, {WEIR_GATE_RULES_DELTA, true}};
    struct weir_gate_rules_facts facts = weir_gate_rules_facts_make(&f.measured);
    for (size_t i = 0; i < 2; i++) {
        struct weir_gate_rules_ask ask = {.metric = weir_gate_metric_kind(WEIR_GATE_METRIC_ROC_AUC),
                                          .side = asked[i].side,
                                          .is_interval = true};
        char why[WEIR_GATE_RULES_WHY_BYTES];
        double low;
        double high;
        cr_assert(facts.interval(facts.ctx, &ask, &low, &high, why));
        cr_assert_float_eq(low, i ? delta->low : auc->low, 0);
        cr_assert_float_eq(high, i ? delta->high : auc->high, 0);
    }
    end(&f);
}

Test(gate_rules_facts, what_is_not_there_says_why)
{
    struct fixture f;
    begin(&f);
    says(&f, "mse > 0", "mse unknown > 0: unknown (mse: these rows do not have it)");
    says(&f, "log_loss < 1", "log_loss unknown < 1: unknown (log_loss: these rows do not have it)");
    says(&f, "recall[cat] > 0",
         "recall[cat] unknown > 0: unknown (recall[cat]: there is no class of this name)");
    says(&f, "recall > 0 @ c=x",
         "recall unknown > 0 @ c=x: unknown (recall: there is no slice of this name)");
    says(&f, "latency.p50_ms < 1",
         "latency.p50_ms unknown < 1: unknown (latency.p50_ms: the clock stood still)");
    says(&f, "latency.p90_ms < 1",
         "latency.p90_ms unknown < 1: unknown (latency.p90_ms: it was not measured)");
    says(&f, "ci_low(holdout.uses) < 1",
         "ci_low(holdout.uses) unknown < 1: unknown (ci_low(holdout.uses): it has no interval)");
    says(
        &f, "ci_low(delta(recall@0.4)) < 1",
        "ci_low(delta(recall@0.4)) unknown < 1: unknown (ci_low(delta(recall@0.4)): differences at "
        "a class or a threshold have no interval)");
    says(&f, "ci_low(ks) > 0", "ci_low(ks) unknown > 0: unknown (ci_low(ks): it has no interval)");
    end(&f);
}

Test(gate_rules_facts, slices_are_parts_of_their_own)
{
    struct fixture f;
    begin(&f);
    const struct weir_gate_rules_part slice = {.name = WEIR_STR("c=x"),
                                               .candidate = &f.evaluations[1]};
    f.measured.slices = &slice;
    f.measured.n_slices = 1;
    says(&f, "roc_auc < 0.31 @ c=x", "roc_auc 0.3 < 0.31 @ c=x: true");
    says(&f, "roc_auc < 0.31", "roc_auc 0.66 < 0.31: false");
    says(&f, "delta(roc_auc) < 0 @ c=x",
         "delta(roc_auc) unknown < 0 @ c=x: unknown (live roc_auc: there is no evaluation of it)");
    says(&f, "disagreement < 1 @ c=x",
         "disagreement unknown < 1 @ c=x: unknown (disagreement: no decisions of two versions are "
         "there)");
    end(&f);
}

Test(gate_rules_facts, without_a_live_version_rules_about_it_are_skipped)
{
    struct fixture f;
    begin(&f);
    f.measured.has_live = false;
    f.measured.all.live = NULL;
    f.measured.all.compare = NULL;
    says(&f, "delta(roc_auc) > 0", "delta(roc_auc) > 0: skipped (no live version)");
    says(&f, "disagreement < 1", "disagreement < 1: skipped (no live version)");
    says(&f, "roc_auc > 0", "roc_auc 0.66 > 0: true");
    /* One that could not be measured is not "none". */
    f.measured.has_live = true;
    says(&f, "live.roc_auc > 0",
         "live.roc_auc unknown > 0: unknown (live.roc_auc: there is no evaluation of it)");
    end(&f);
}

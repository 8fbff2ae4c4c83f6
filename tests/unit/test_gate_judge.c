/* SPDX-License-Identifier: MIT */
/* Judging: linear models of two classes on made-up rows, each way a verdict can come out. */
#include "base/clock.h"
#include "base/macros.h"
#include "gate/judge.h"
#include "test_linear.h"
#include "test_mem.h"
#include "test_random.h"
#include "test_tmp.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_ROWS = 600 };

static const double good[] = {1, 1, 0, 0};
static const double bad[] = {.2, -1, 1, 0};
static const double fair[] = {1, 0.6, .5, 0};

/* Rows whose truth is noisily x0 + x1 > 0. */
static void write_rows(struct weir_test_tmp *tmp, const char *name, size_t n)
{
    static char text[N_ROWS * 64];
    struct weir_test_random r;
    weir_test_random_init(&r, 5);
    size_t at = (size_t)snprintf(text, sizeof text, "x0,x1,x2,y,part\n");
    for (size_t i = 0; i < n; i++) {
        double x[3];
        for (size_t k = 0; k < 3; k++)
            x[k] = 2 * weir_test_random_unit(&r) - 1;
        bool y = x[0] + x[1] + .6 * (2 * weir_test_random_unit(&r) - 1) > 0;
        at += (size_t)snprintf(text + at, sizeof text - at, "%.4f,%.4f,%.4f,%d,%c\n", x[0], x[1],
                               x[2], y, "ab"[i % 2]);
    }
    weir_test_tmp_write(tmp, name, text, at);
}

struct world {
    struct weir_test_tmp tmp;
    struct weir_model *models[2];
    struct weir_gate_file *gate;
    struct weir_gate_job job;
    struct weir_gate_verdict verdict;
    uint64_t n_asked;   /* times is_stopped was asked */
    uint64_t n_allowed; /* it says yes after these; 0: never */
};

static bool is_stopped(void *ctx)
{
    struct world *w = ctx;
    return w->n_allowed > 0 && ++w->n_asked > w->n_allowed;
}

static void init(struct world *w, const char *gate, const double *candidate, const double *live)
{
    static char text[2048];
    struct weir_error err = WEIR_ERROR_INIT;
    memset(w, 0, sizeof *w);
    weir_test_tmp_init(&w->tmp);
    write_rows(&w->tmp, "h.csv", N_ROWS);
    w->models[0] = weir_test_linear_model(3, candidate, 0);
    w->models[1] = live ? weir_test_linear_model(3, live, 0) : NULL;
    (void)snprintf(text, sizeof text, "%s", gate);
    cr_assert_eq(
        weir_gate_file_parse(&w->gate, weir_str_c(text), "m.gate.yaml", w->tmp.path, false, &err),
        WEIR_OK, "%s", err.msg);
    w->job = (struct weir_gate_job){
        .model = WEIR_STR("m"),
        .candidate = {.model = w->models[0],
                      .digest = WEIR_STR("1111111111111111111111111111111111111111111111111111111"
                                         "111111111")},
        .live = {.model = w->models[1]},
        .gate = w->gate,
        .is_stopped = is_stopped,
        .ctx = w,
    };
}

static void judge(struct world *w)
{
    struct weir_error err = WEIR_ERROR_INIT;
    weir_gate_judge_deinit(&w->verdict);
    cr_assert_eq(weir_gate_judge(&w->job, &w->verdict, &err), WEIR_OK, "%s", err.msg);
}

static void deinit(struct world *w)
{
    weir_gate_judge_deinit(&w->verdict);
    weir_model_free(w->models[0]);
    weir_model_free(w->models[1]);
    weir_gate_file_free(w->gate);
    weir_test_tmp_deinit(&w->tmp);
}

#define WORLD WEIR_CLEANUP(deinit) struct world

static void expect(const struct world *w, enum weir_gate_result result, enum weir_gate_code code,
                   const char *part)
{
    const struct weir_gate_verdict *v = &w->verdict;
    cr_assert_eq(v->code, code, "%s: %s", weir_gate_judge_code_name(v->code), v->reason);
    cr_assert_eq(v->result, result, "%s", weir_gate_judge_result_name(v->result));
    cr_assert_not_null(strstr(v->reason, part), "%s", v->reason);
}

static bool has(const struct world *w, const char *part)
{
    const struct weir_buf *d = &w->verdict.document;
    return memmem(d->at, d->n, part, strlen(part)) != NULL;
}

#define HOLDOUT "{holdout: h.csv, label: y"

Test(judge, the_document_has_both_sides)
{
    WORLD w;
    init(&w, HOLDOUT ", threshold: youden}", good, fair);
    judge(&w);
    expect(&w, WEIR_GATE_PASS, WEIR_GATE_CODE_OK, "");
    cr_assert(
        has(&w, "{\"schema\":\"gate/1\",\"model\":\"m\",\"verdict\":\"pass\",\"code\":\"ok\""));
    cr_assert(has(&w, "\"evaluation\":{\"schema\":\"eval/1\""));
    cr_assert(has(&w, "\"live_evaluation\":{\"schema\":\"eval/1\""));
    cr_assert(has(&w, "\"delta\":{\"roc_auc\":{\"value\":"));
    cr_assert(has(&w, "\"disagreements\":{\"count\":"));
    cr_assert(has(&w, "\"rows\":600"));
    cr_assert(w.verdict.has_threshold);
    cr_assert_lt(fabs(w.verdict.threshold), .5);
    cr_assert(weir_str_eq_c(w.verdict.score_space, "decision_function"));
    cr_assert(weir_str_eq_c(w.verdict.positive, "1"));
    cr_assert(weir_gate_judge_is_lasting(&w.verdict));
}

Test(judge, another_signature_is_refused_unless_allowed)
{
    WORLD w;
    init(&w, HOLDOUT "}", good, fair);
    weir_model_free(w.models[0]);
    w.job.candidate.model = w.models[0] = weir_test_linear_model(2, good, 0);
    judge(&w);
    expect(&w, WEIR_GATE_FAIL, WEIR_GATE_CODE_SCHEMA_MISMATCH,
           "takes 2 features, the live version 3");
    weir_model_free(w.models[0]);
    w.job.candidate.model = w.models[0] = weir_test_linear_model(3, good, 1);
    judge(&w);
    expect(&w, WEIR_GATE_FAIL, WEIR_GATE_CODE_SCHEMA_MISMATCH, "class 1 is 1, that of the live");
}

Test(judge, fewer_features_may_be_allowed)
{
    WORLD w;
    init(&w, HOLDOUT ", signature: any}", good, fair);
    weir_model_free(w.models[0]);
    w.job.candidate.model = w.models[0] = weir_test_linear_model(2, good, 0);
    judge(&w);
    expect(&w, WEIR_GATE_PASS, WEIR_GATE_CODE_OK, "");
}

/* --- rules ------------------------------------------------------------------------------------ */

static const struct ruling {
    const char *label;
    const char *gate;
    const double *candidate;
    const double *live;
    enum weir_gate_result result;
    enum weir_gate_code code;
    const char *reason;
} rulings[] = {
    {"better", HOLDOUT ", rules: [roc_auc >= live.roc_auc, 'ci_low(delta(roc_auc)) > 0']}", good,
     fair, WEIR_GATE_PASS, WEIR_GATE_CODE_OK, ""},
    {"worse", HOLDOUT ", rules: [roc_auc >= live.roc_auc - 0.005]}", bad, fair, WEIR_GATE_FAIL,
     WEIR_GATE_CODE_RULE_FAILED, "roc_auc"},
    {"worse without rules", HOLDOUT "}", bad, fair, WEIR_GATE_FAIL, WEIR_GATE_CODE_RULE_FAILED,
     "ci_high(delta(roc_auc))"},
    {"as good without rules", HOLDOUT "}", fair, fair, WEIR_GATE_PASS, WEIR_GATE_CODE_OK, ""},
    {"one side alone", HOLDOUT ", rules: [roc_auc >= 0.99]}", good, fair, WEIR_GATE_FAIL,
     WEIR_GATE_CODE_RULE_FAILED, "roc_auc"},
    {"a warning", HOLDOUT ", rules: [warn roc_auc >= 0.99, n_pos >= 100]}", good, fair,
     WEIR_GATE_PASS, WEIR_GATE_CODE_OK, ""},
    {"no such class", HOLDOUT ", rules: ['recall[2] >= 0.5']}", good, fair, WEIR_GATE_INCONCLUSIVE,
     WEIR_GATE_CODE_INCONCLUSIVE, "no class of this name"},
    {"at a threshold and of a class", HOLDOUT ", rules: ['recall@0.5 > 0.5', 'recall[0] > 0.5']}",
     good, fair, WEIR_GATE_PASS, WEIR_GATE_CODE_OK, ""},
    {"a regression's number", HOLDOUT ", rules: [rmse < 1]}", good, fair, WEIR_GATE_INCONCLUSIVE,
     WEIR_GATE_CODE_INCONCLUSIVE, "rmse"},
    {"disagreement", HOLDOUT ", rules: [disagreement <= 0.0001]}", good, bad, WEIR_GATE_FAIL,
     WEIR_GATE_CODE_RULE_FAILED, "disagreement"},
    {"uses that are not known", HOLDOUT ", rules: [holdout.uses <= 50]}", good, fair,
     WEIR_GATE_INCONCLUSIVE, WEIR_GATE_CODE_INCONCLUSIVE, "not known here"},
    {"a bootstrapped difference",
     HOLDOUT ", rows_max: 200, rules: ['ci_low(delta(log_loss)) <= 0']}", good, fair,
     WEIR_GATE_PASS, WEIR_GATE_CODE_OK, ""},
    {"a slice", HOLDOUT ", rules: ['roc_auc >= live.roc_auc @ part=a', 'n_rows == 300 @ part=b']}",
     good, fair, WEIR_GATE_PASS, WEIR_GATE_CODE_OK, ""},
    {"a slice that does worse", HOLDOUT ", rules: ['ci_high(delta(roc_auc)) >= 0 @ part=b']}", bad,
     fair, WEIR_GATE_FAIL, WEIR_GATE_CODE_RULE_FAILED, "part=b"},
    {"a slice without rows", HOLDOUT ", slices: [part], rules: ['n_rows > 0 @ part=c']}", good,
     fair, WEIR_GATE_INCONCLUSIVE, WEIR_GATE_CODE_INCONCLUSIVE, "part=c"},
    {"a column that is not there", HOLDOUT ", rules: ['n_rows > 0 @ country=c']}", good, fair,
     WEIR_GATE_INCONCLUSIVE, WEIR_GATE_CODE_HOLDOUT_INVALID, "country"},
    {"a first one", HOLDOUT ", rules: [roc_auc >= 0.7, roc_auc >= live.roc_auc]}", good, NULL,
     WEIR_GATE_PASS, WEIR_GATE_CODE_OK, ""},
    {"a first bad one", HOLDOUT ", rules: [roc_auc >= 0.7, roc_auc >= live.roc_auc]}", bad, NULL,
     WEIR_GATE_FAIL, WEIR_GATE_CODE_RULE_FAILED, "roc_auc"},
    {"a first one that is denied", HOLDOUT ", first_deploy: deny}", good, NULL, WEIR_GATE_FAIL,
     WEIR_GATE_CODE_FIRST_DEPLOY, "first_deploy is deny"},
    {"a first one for which nothing speaks",
     HOLDOUT ", rules: ['n_invalid <= live.n_invalid', 'roc_auc >= live.roc_auc']}", good, NULL,
     WEIR_GATE_FAIL, WEIR_GATE_CODE_FIRST_DEPLOY, "no rule speaks for the candidate alone"},
    {"the same, allowed", HOLDOUT ", first_deploy: allow, rules: ['n_invalid <= live.n_invalid']}",
     good, NULL, WEIR_GATE_PASS, WEIR_GATE_CODE_OK, ""},
};

ParameterizedTestParameters(judge, rules_decide)
{
    static size_t rows[WEIR_ARRAY_LEN(rulings)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, judge, rules_decide)
{
    const struct ruling *r = &rulings[*row];
    WORLD w;
    init(&w, r->gate, r->candidate, r->live);
    judge(&w);
    cr_assert_eq(w.verdict.code, r->code, "%s: %s", r->label, w.verdict.reason);
    expect(&w, r->result, r->code, r->reason);
    cr_assert_eq(has(&w, "\"rules\":[{\"text\""), r->code != WEIR_GATE_CODE_HOLDOUT_INVALID, "%s",
                 r->label);
}

/* The same model on both sides takes about as long, whatever else the machine does. */
Test(judge, latency_is_measured_when_a_rule_asks)
{
    WORLD w;
    init(&w,
         HOLDOUT ", rules: ['latency.p50_ms <= 5 * live.latency.p50_ms', 'latency.p99_ms > 0', "
                 "'ci_low(latency.batch32.p99_ms) > 0']}",
         good, good);
    judge(&w);
    expect(&w, WEIR_GATE_PASS, WEIR_GATE_CODE_OK, "");
    cr_assert(has(&w, "\"latency\":[{\"batch\":1,\"n\":1000,\"candidate\":{\"p50_ms\":"));
    cr_assert(has(&w, "{\"batch\":32,\"n\":1000,"));
}

/* Documents are kept and sent: however many rows there are, curves have an end. */
Test(judge, curves_in_the_document_are_bounded)
{
    enum { N = 20000 };
    char *text = malloc(N * 64);
    struct weir_test_random r;
    WORLD w;
    init(&w, HOLDOUT "}", good, NULL);
    weir_test_random_init(&r, 9);
    size_t at = (size_t)snprintf(text, N * 64, "x0,x1,x2,y\n");
    for (size_t i = 0; i < N; i++) {
        double x = weir_test_random_unit(&r);
        at += (size_t)snprintf(text + at, N * 64 - at, "%.9f,0,0,%d\n", x,
                               weir_test_random_unit(&r) < x);
    }
    weir_test_tmp_write(&w.tmp, "h.csv", text, at);
    free(text);
    judge(&w);
    expect(&w, WEIR_GATE_PASS, WEIR_GATE_CODE_OK, "");
    cr_assert_lt(w.verdict.document.n, 600000, "%zu", w.verdict.document.n);
    const char *curve = memmem(w.verdict.document.at, w.verdict.document.n, "\"fpr\":[", 7);
    cr_assert_not_null(curve);
    size_t n = 0;
    for (const char *p = curve + 7; *p != ']'; p++)
        n += *p == ',';
    cr_assert_geq(n, 1000);
    cr_assert_leq(n, 2000);
}

Test(judge, the_live_version_decides_by_the_threshold_it_serves_with)
{
    WORLD w;
    init(&w, HOLDOUT ", threshold: youden, rules: ['live.recall == 0']}", good, fair);
    w.job.live.has_threshold = true;
    w.job.live.threshold = 100;
    w.job.live.score_space = WEIR_STR("decision_function");
    judge(&w);
    expect(&w, WEIR_GATE_PASS, WEIR_GATE_CODE_OK, "");
    w.job.live.has_threshold = false;
    judge(&w);
    expect(&w, WEIR_GATE_FAIL, WEIR_GATE_CODE_RULE_FAILED, "recall");
}

/* --- around the rules --------------------------------------------------------------------------
 */

Test(judge, the_smoke_rows_are_answered_before_anything_is_measured)
{
    WORLD w;
    init(&w, HOLDOUT "}", good, fair);
    w.gate->smoke = WEIR_STR("{\"rows\":[[1,1,0]],\"expected\":{\"predict\":[1]}}");
    judge(&w);
    expect(&w, WEIR_GATE_PASS, WEIR_GATE_CODE_OK, "");
    w.gate->smoke = WEIR_STR("{\"rows\":[[1,1,0]],\"expected\":{\"predict\":[0]}}");
    judge(&w);
    expect(&w, WEIR_GATE_FAIL, WEIR_GATE_CODE_SMOKE_MISMATCH,
           "smoke: row 1: predict is 1, expected 0");
    cr_assert_not(has(&w, "\"evaluation\""));
}

Test(judge, a_missing_holdout_is_treated_as_the_gate_says)
{
    WORLD w;
    init(&w, "{holdout: nowhere.csv, label: y}", good, NULL);
    judge(&w);
    expect(&w, WEIR_GATE_INCONCLUSIVE, WEIR_GATE_CODE_HOLDOUT_MISSING, "nowhere.csv: No such file");
    cr_assert_not(weir_gate_judge_is_lasting(&w.verdict));
    weir_gate_file_free(w.gate);
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_gate_file_parse(&w.gate,
                                      WEIR_STR("{holdout: x.csv, label: y, no_holdout: allow}"),
                                      "m", w.tmp.path, false, &err),
                 WEIR_OK);
    w.job.gate = w.gate;
    judge(&w);
    expect(&w, WEIR_GATE_PASS, WEIR_GATE_CODE_HOLDOUT_MISSING, "x.csv");
}

Test(judge, a_holdout_of_another_kind_is_invalid)
{
    WORLD w;
    init(&w, "{holdout: h.csv, label: truth}", good, NULL);
    judge(&w);
    expect(&w, WEIR_GATE_INCONCLUSIVE, WEIR_GATE_CODE_HOLDOUT_INVALID, "\"truth\"");
}

Test(judge, few_rows_are_too_few)
{
    WORLD w;
    init(&w, HOLDOUT ", rows_min: 601}", good, NULL);
    judge(&w);
    expect(&w, WEIR_GATE_INCONCLUSIVE, WEIR_GATE_CODE_HOLDOUT_TOO_SMALL, "600 rows of ");
}

Test(judge, rows_and_memory_are_bounded)
{
    WORLD w;
    init(&w, HOLDOUT ", rows_max: 100}", good, fair);
    judge(&w);
    cr_assert(has(&w, "\"rows\":100"));
    w.gate->memory_max = 1 << 12;
    judge(&w);
    expect(&w, WEIR_GATE_INCONCLUSIVE, WEIR_GATE_CODE_OOM, "scoring the candidate");
}

Test(judge, time_is_bounded)
{
    WORLD w;
    init(&w, HOLDOUT "}", good, fair);
    w.gate->timeout_ns = 1;
    judge(&w);
    expect(&w, WEIR_GATE_INCONCLUSIVE, WEIR_GATE_CODE_TIMEOUT, "scoring the candidate");
}

Test(judge, whoever_asked_may_stop_it)
{
    WORLD w;
    init(&w, HOLDOUT "}", good, fair);
    w.n_allowed = 2;
    judge(&w);
    expect(&w, WEIR_GATE_INCONCLUSIVE, WEIR_GATE_CODE_SUPERSEDED, "withdrawn");
}

Test(judge, an_infeasible_threshold_keeps_the_old_version)
{
    WORLD w;
    init(&w, HOLDOUT ", threshold: fpr<=0.001@95%}", good, fair);
    judge(&w);
    expect(&w, WEIR_GATE_INCONCLUSIVE, WEIR_GATE_CODE_INCONCLUSIVE,
           "no threshold meets the policy");
}

Test(judge, a_failure_elsewhere_is_a_verdict_too)
{
    WORLD w;
    struct weir_error err = WEIR_ERROR_INIT;
    init(&w, HOLDOUT "}", good, fair);
    w.job.candidate.model = NULL;
    w.job.gate = NULL;
    cr_assert_eq(weir_gate_judge_refuse(&w.job, WEIR_GATE_CODE_GATE_INVALID, "m.gate.yaml:1:1: x",
                                        &w.verdict, &err),
                 WEIR_OK);
    expect(&w, WEIR_GATE_INCONCLUSIVE, WEIR_GATE_CODE_GATE_INVALID, "m.gate.yaml:1:1: x");
    cr_assert(has(&w, "\"code\":\"gate_invalid\""));
}

Test(judge, the_key_is_of_all_four)
{
    WORLD w;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_gate_key a;
    struct weir_gate_key b;
    char text[WEIR_GATE_KEY_TEXT_BYTES];
    init(&w, HOLDOUT "}", good, fair);
    cr_assert_eq(weir_gate_judge_key(&w.job, &a, &err), WEIR_OK, "%s", err.msg);
    weir_gate_judge_key_text(&a, text);
    cr_assert_eq(strlen(text), sizeof text - 1);
    cr_assert(weir_str_starts(weir_str_c(text), WEIR_STR("1111111111111111-")));
    cr_assert(weir_str_ends(weir_str_c(text), WEIR_STR("-0000000000000000")));
    write_rows(&w.tmp, "h.csv", 10);
    cr_assert_eq(weir_gate_judge_key(&w.job, &b, &err), WEIR_OK, "%s", err.msg);
    cr_assert_arr_neq(a.holdout, b.holdout, sizeof a.holdout);
    cr_assert_arr_eq(a.gate, b.gate, sizeof a.gate);
    /* A threshold that is in force is part of a model. */
    w.job.candidate.has_threshold = true;
    w.job.candidate.threshold = .5;
    cr_assert_eq(weir_gate_judge_key(&w.job, &a, &err), WEIR_OK, "%s", err.msg);
    cr_assert_arr_neq(a.candidate, b.candidate, sizeof a.candidate);
    cr_assert_arr_eq(a.live, b.live, sizeof a.live);
    w.job.candidate.threshold = .25;
    cr_assert_eq(weir_gate_judge_key(&w.job, &b, &err), WEIR_OK, "%s", err.msg);
    cr_assert_arr_neq(a.candidate, b.candidate, sizeof a.candidate);
    w.job.live.digest = WEIR_STR("xyz");
    cr_assert_eq(weir_gate_judge_key(&w.job, &b, &err), WEIR_ERR_INVALID);
}

Test(judge, a_link_out_of_the_folder_is_not_followed)
{
    WORLD w;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_gate_key key;
    char path[512];
    init(&w, "{holdout: out.csv, label: y}", good, NULL);
    weir_test_tmp_path(&w.tmp, "out.csv", path, sizeof path);
    cr_assert_eq(symlink("/proc/self/status", path), 0);
    cr_assert_eq(weir_gate_judge_key(&w.job, &key, &err), WEIR_ERR_INVALID);
    cr_assert_not_null(strstr(err.msg, "outside"), "%s", err.msg);
    judge(&w);
    expect(&w, WEIR_GATE_INCONCLUSIVE, WEIR_GATE_CODE_HOLDOUT_INVALID, "outside");
}

Test(judge, hashing_ends_with_the_time_of_the_gate)
{
    WORLD w;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_gate_key key;
    char path[512];
    init(&w, "{holdout: huge.csv, label: y, timeout: 100ms}", good, NULL);
    weir_test_tmp_write(&w.tmp, "huge.csv", "x", 1);
    weir_test_tmp_path(&w.tmp, "huge.csv", path, sizeof path);
    cr_assert_eq(truncate(path, (off_t)1 << 40), 0);
    cr_assert_eq(weir_gate_judge_key(&w.job, &key, &err), WEIR_ERR_TIMEOUT, "%s", err.msg);
}

Test(judge, every_failing_allocation_is_a_verdict_or_a_refusal)
{
    WORLD w;
    init(&w, HOLDOUT ", rows_max: 60, threshold: youden}", good, fair);
    w.job.wants_report = true;
    test_mem_install();
    for (uint64_t n = 1;; n++) {
        struct weir_gate_verdict v;
        struct weir_error err = WEIR_ERROR_INIT;
        test_mem_fail_at(n, false);
        enum weir_status st = weir_gate_judge(&w.job, &v, &err);
        bool failed = test_mem_has_failed();
        test_mem_fail_at(0, false);
        if (st == WEIR_OK)
            cr_assert(!failed || v.code == WEIR_GATE_CODE_OOM, "call %lu: %s", (unsigned long)n,
                      v.reason);
        else
            cr_assert_eq(st, WEIR_ERR_NO_MEMORY);
        weir_gate_judge_deinit(&v);
        cr_assert_eq(test_mem_n_live(), 0, "call %lu leaks", (unsigned long)n);
        if (!failed)
            break;
        cr_assert_lt(n, 10000);
    }
}

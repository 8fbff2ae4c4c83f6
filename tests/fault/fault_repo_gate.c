/* SPDX-License-Identifier: MIT */
/* A repository with gates: real files, the real judge and its store of verdicts. The models answer
 * C to the row (0, 0), and the holdouts have such rows with the truth 10, so that C says how wrong
 * a model is. */
#include "base/clock.h"
#include "base/macros.h"
#include "test_repo.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOON_MS = 5000 };

static struct weir_test_repo *rig;

static void setup(void)
{
    rig = malloc(sizeof *rig);
    cr_assert_not_null(rig);
    weir_test_repo_init(rig);
}

static void teardown(void)
{
    weir_test_repo_deinit(rig);
    free(rig);
}

TestSuite(repo_gate, .init = setup, .fini = teardown, .timeout = 120);

static void put_text(const char *name, const char *text)
{
    weir_test_repo_put(rig, name, text, strlen(text));
}

static void put_gate(const char *more)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "holdout: m.holdout.csv\nlabel: y\n%s", more);
    put_text("m.gate.yaml", text);
}

static void put_holdout(double truth)
{
    char text[4096] = "a,b,y\n";
    size_t n = strlen(text);
    for (int i = 0; i < 40; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "0,0,%g\n", truth + (i % 2 ? 0.5 : -0.5));
    put_text("m.holdout.csv", text);
}

static void expect(double c)
{
    cr_assert(weir_test_repo_answers(rig, "m", c, SOON_MS), "m answers %g instead of %g",
              weir_test_repo_answer(rig, "m"), c);
}

static struct weir_repo_gate gate(void)
{
    struct weir_repo_gate g;
    cr_assert(weir_repo_gate(rig->repo, WEIR_STR("m"), &g));
    return g;
}

struct wanted {
    const char *code;
    size_t n;
};

static bool is_said(struct weir_test_repo *t, void *arg)
{
    const struct wanted *w = arg;
    struct weir_repo_gate g;
    return weir_repo_gate(t->repo, WEIR_STR("m"), &g) && g.n_lines >= w->n &&
           weir_str_eq_c(g.lines[0].code, w->code);
}

/* Waits until the n-th verdict is in, and is this one. */
static void expect_code(const char *code, size_t n)
{
    struct wanted w = {code, n};
    bool ok = weir_test_repo_until(rig, is_said, &w, SOON_MS);
    struct weir_repo_gate g = gate();
    cr_assert(ok, "%zu lines, the last %.*s: %.*s; %s wanted", g.n_lines,
              WEIR_STR_ARG(g.lines[0].code), WEIR_STR_ARG(g.lines[0].reason), code);
}

static size_t count(enum weir_repo_event_kind kind)
{
    return weir_test_repo_count(rig, kind);
}

Test(repo_gate, a_gate_is_passed_and_its_files_are_no_models)
{
    put_gate("");
    put_holdout(10);
    weir_test_repo_write(rig, "m.joblib", 10);
    weir_test_repo_start(rig, NULL);
    expect(10);
    struct weir_repo_gate g = gate();
    cr_assert_eq(rig->table->n_models, 1);
    cr_assert_eq(g.state, WEIR_REPO_GATE_LIVE);
    cr_assert(weir_str_eq_c(g.file, "m.gate.yaml"), "%.*s", WEIR_STR_ARG(g.file));
    cr_assert_eq(g.n_lines, 1);
    cr_assert(weir_str_eq_c(g.lines[0].code, "ok"), "%.*s", WEIR_STR_ARG(g.lines[0].reason));
    cr_assert_eq(g.lines[0].number, 1);
    cr_assert_gt(g.document.n, 100);
    cr_assert_gt(g.report.n, 100);
    cr_assert_eq(g.n_uses, 1);
    struct weir_repo_gate_number number;
    bool has_mae = false;
    for (size_t i = 0; weir_repo_gate_number(rig->repo, WEIR_STR("m"), i, &number); i++)
        has_mae = has_mae || (weir_str_eq_c(number.name, "mae") && number.version == 1 &&
                              number.value > 0.49 && number.value < 0.51);
    cr_assert(has_mae);
}

Test(repo_gate, what_is_missing_is_waited_for)
{
    put_text("m.gate.yaml", "holdot: m.holdout.csv\n");
    weir_test_repo_write(rig, "m.joblib", 10);
    weir_test_repo_start(rig, NULL);
    expect_code("gate_invalid", 1);
    cr_assert_eq(gate().state, WEIR_REPO_GATE_HELD);
    put_gate("rows_min: 30\n");
    expect_code("holdout_missing", 2);
    put_text("m.holdout.csv", "a,b,y\n0,0,10\n");
    expect_code("holdout_too_small", 3);
    put_text("m.holdout.csv", "a,b,z\n0,0,10\n");
    expect_code("holdout_invalid", 4);
    cr_assert_eq(weir_test_repo_answer(rig, "m") > 0, false);
    put_holdout(10);
    expect(10);
    cr_assert_eq(gate().lines[0].number, 1, "it is the same version all the time");
}

Test(repo_gate, a_gate_that_goes_lets_go)
{
    put_gate("first_deploy: deny\n");
    put_holdout(10);
    weir_test_repo_write(rig, "m.joblib", 10);
    weir_test_repo_start(rig, NULL);
    expect_code("first_deploy", 1);
    char path[512];
    cr_assert_eq(unlink(weir_test_repo_path(rig, "m.gate.yaml", path)), 0);
    expect(10);
    cr_assert_eq(gate().state, WEIR_REPO_GATE_NONE);
}

/* --- rules, and what they hold --- */

/* A gate on the mean error, with 10 in service. */
static void start_ruled(void)
{
    put_gate("rules:\n  - mae <= 2\n  - mae <= live.mae + 0.1\n");
    put_holdout(10);
    weir_test_repo_write(rig, "m.joblib", 10);
    weir_test_repo_start(rig, NULL);
    expect(10);
}

Test(repo_gate, a_worse_version_is_held_and_a_better_one_is_not)
{
    start_ruled();
    weir_test_repo_rename(rig, "m.joblib", 11);
    expect_code("rule_failed", 2);
    expect(10);
    struct weir_repo_gate g = gate();
    cr_assert_eq(g.state, WEIR_REPO_GATE_HELD);
    cr_assert_eq(g.lines[0].number, 2);
    cr_assert_eq(g.lines[0].verdict, WEIR_REPO_VERDICT_FAIL);
    cr_assert_eq(g.n_uses, 2);
    const struct weir_repo_status *s = weir_test_repo_status(rig, "m", WEIR_REPO_HELD);
    cr_assert_not_null(s);
    cr_assert(weir_str_starts(s->reason, WEIR_STR("rule_failed: ")), "%.*s",
              WEIR_STR_ARG(s->reason));
    cr_assert_eq(s->number, 2);
    cr_assert_eq(s->digest.n, 64);
    weir_test_repo_rename(rig, "m.joblib", 10.05);
    expect(10.05);
    cr_assert_eq(count(WEIR_REPO_EVENT_GATE_REFUSED), 1);
    cr_assert_eq(count(WEIR_REPO_EVENT_GATE_PASSED), 2);
    weir_test_repo_put(rig, "m.joblib", "garbage", 7);
    expect_code("load_error", 4);
    expect(10.05);
}

Test(repo_gate, another_gate_or_holdout_judges_again_what_is_held)
{
    start_ruled();
    weir_test_repo_rename(rig, "m.joblib", 11);
    expect_code("rule_failed", 2);
    put_holdout(11);
    expect(11);
    weir_test_repo_rename(rig, "m.joblib", 20);
    expect_code("rule_failed", 4);
    put_text("m.rules", "mae <= 100\n");
    put_text("m.gate.yaml", "holdout: m.holdout.csv\nlabel: y\nrules: m.rules\n");
    expect(20);
    weir_test_repo_rename(rig, "m.joblib", 200);
    expect_code("rule_failed", 6);
    put_text("m.rules", "mae <= 1000\n");
    expect(200);
    put_text("m.rules", "mae <= 1\n");
    weir_test_repo_run(rig, 300);
    expect(200); /* What serves is not judged again. */
    cr_assert_eq(gate().n_lines, 7);
}

Test(repo_gate, a_restart_knows_its_verdicts_and_its_history)
{
    start_ruled();
    weir_test_repo_rename(rig, "m.joblib", 11);
    expect_code("rule_failed", 2);
    weir_test_repo_stop(rig);
    weir_test_repo_start(rig, NULL);
    cr_assert_eq(gate().n_lines, 2, "the history is there at once");
    cr_assert_gt(gate().document.n, 100);
    cr_assert_gt(gate().report.n, 100);
    expect(10);
    expect_code("rule_failed", 3);
    expect(10);
    cr_assert_eq(weir_repo_get_counters(rig->repo)->gates, 1);
    cr_assert_eq(weir_repo_get_counters(rig->repo)->gates_reused, 1);
    cr_assert_eq(gate().lines[0].number, 2, "its number, too");
}

/* Changes a byte of each kept verdict. */
static size_t damage(void)
{
    char state[512];
    char name[2048];
    size_t n = 0;
    weir_test_tmp_path(&rig->tmp, "state", state, sizeof state);
    DIR *top = opendir(state);
    cr_assert_not_null(top);
    for (const struct dirent *t = readdir(top); t; t = readdir(top)) {
        (void)snprintf(name, sizeof name, "%s/%s/verdicts", state, t->d_name);
        DIR *d = t->d_name[0] == '.' ? NULL : opendir(name);
        for (const struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
            if (strlen(e->d_name) != 67)
                continue;
            (void)snprintf(name, sizeof name, "%s/%s/verdicts/%s", state, t->d_name, e->d_name);
            int fd = open(name, O_WRONLY);
            cr_assert_eq(pwrite(fd, "X", 1, 40), 1);
            (void)close(fd);
            n++;
        }
        if (d)
            (void)closedir(d);
    }
    (void)closedir(top);
    return n;
}

Test(repo_gate, a_damaged_verdict_is_found_anew)
{
    start_ruled();
    weir_test_repo_rename(rig, "m.joblib", 11);
    expect_code("rule_failed", 2);
    weir_test_repo_stop(rig);
    cr_assert_eq(damage(), 2);
    weir_test_repo_start(rig, NULL);
    expect_code("rule_failed", 3);
    expect(10);
    cr_assert_eq(weir_repo_get_counters(rig->repo)->gates_reused, 0);
    cr_assert_eq(count(WEIR_REPO_EVENT_GATE_STORE), 1, "one warning");
}

Test(repo_gate, without_a_state_directory_all_works_until_the_end)
{
    const char *const args[] = {"--state-dir", "off", NULL};
    put_gate("rules:\n  - mae <= live.mae + 0.1\n");
    put_holdout(10);
    weir_test_repo_write(rig, "m.joblib", 10);
    weir_test_repo_start(rig, args);
    expect(10);
    weir_test_repo_rename(rig, "m.joblib", 11);
    expect_code("rule_failed", 2);
    cr_assert_eq(weir_repo_promote(rig->repo, WEIR_STR("m"), WEIR_STR("why"), WEIR_STR("me"), NULL),
                 WEIR_OK);
    expect(11);
    cr_assert_eq(weir_repo_rollback(rig->repo, WEIR_STR("m"), NULL), WEIR_OK);
    expect(10);
}

Test(repo_gate, a_promotion_is_in_the_history_with_who_and_why)
{
    start_ruled();
    weir_test_repo_rename(rig, "m.joblib", 11);
    expect_code("rule_failed", 2);
    cr_assert_eq(weir_repo_promote(rig->repo, WEIR_STR("m"), WEIR_STR("the holdout is old"),
                                   WEIR_STR("ann"), NULL),
                 WEIR_OK);
    expect(11);
    struct weir_repo_gate g = gate();
    cr_assert_eq(g.n_lines, 3);
    cr_assert(weir_str_eq_c(g.lines[0].forced, "the holdout is old"));
    cr_assert(weir_str_eq_c(g.lines[0].by, "ann"));
    cr_assert(weir_str_eq_c(g.lines[0].code, "rule_failed"));
    cr_assert_eq(g.state, WEIR_REPO_GATE_LIVE);
    cr_assert_eq(count(WEIR_REPO_EVENT_PROMOTED), 1);
    cr_assert_eq(weir_repo_promote(rig->repo, WEIR_STR("m"), WEIR_STR("why"), WEIR_STR("me"), NULL),
                 WEIR_ERR_EXISTS);
    weir_test_repo_stop(rig);
    weir_test_repo_start(rig, NULL);
    expect(11);
    cr_assert(weir_str_eq_c(gate().lines[0].by, "ann"));
}

Test(repo_gate, a_refused_file_that_is_gone_is_promoted_from_its_kept_copy)
{
    char path[512];
    start_ruled();
    weir_test_repo_rename(rig, "m.joblib", 11);
    expect_code("rule_failed", 2);
    cr_assert_eq(unlink(weir_test_repo_path(rig, "m.joblib", path)), 0);
    weir_test_repo_run(rig, 100);
    cr_assert_eq(weir_repo_promote(rig->repo, WEIR_STR("m"), WEIR_STR("why"), WEIR_STR("me"), NULL),
                 WEIR_OK);
    expect(11);
}

/* --- where gates are --- */

Test(repo_gate, a_folder_has_its_gate_beside_it_or_in_it)
{
    static const char *const places[] = {"v.gate.yaml", "v/v.gate.yaml", "v/1/v.gate.yaml"};
    static const char *const holdouts[] = {"h.csv", "v/h.csv", "v/1/h.csv"};
    char path[512];
    cr_assert_eq(mkdir(weir_test_repo_path(rig, "v", path), 0700), 0);
    cr_assert_eq(mkdir(weir_test_repo_path(rig, "v/1", path), 0700), 0);
    weir_test_repo_write(rig, "v/1/x.joblib", 1);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(places); i++) {
        struct weir_repo_gate g;
        put_text(places[i], "holdout: h.csv\nlabel: y\nrows_min: 2\nrules: [mae <= 1]\n");
        put_text(holdouts[i], "a,b,y\n0,0,5\n0,0,5\n0,0,6\n");
        weir_test_repo_start(rig, NULL);
        cr_assert_not_null(weir_test_repo_await(rig, "v", WEIR_REPO_HELD, SOON_MS));
        cr_assert(weir_repo_gate(rig->repo, WEIR_STR("v"), &g));
        cr_assert(weir_str_eq_c(g.file, places[i]), "%.*s", WEIR_STR_ARG(g.file));
        weir_test_repo_stop(rig);
        cr_assert_eq(unlink(weir_test_repo_path(rig, places[i], path)), 0);
    }
}

Test(repo_gate, the_configuration_may_hold_the_gate_or_switch_it_off)
{
    char path[512];
    char config[512];
    (void)snprintf(config, sizeof config, "%s", weir_test_repo_path(rig, "../weir.yaml", path));
    const char *const args[] = {"--config", config, NULL};
    put_text("../weir.yaml", "model_options:\n  m:\n    gate:\n      holdout: h.csv\n"
                             "      label: y\n      rows_min: 2\n      rules: [mae <= 1]\n");
    put_text("h.csv", "a,b,y\n0,0,5\n0,0,5\n0,0,6\n");
    weir_test_repo_write(rig, "m.joblib", 1);
    weir_test_repo_start(rig, args);
    expect_code("rule_failed", 1);
    put_text("h.csv", "a,b,y\n0,0,1\n0,0,1\n0,0,2\n");
    expect(1);
    weir_test_repo_stop(rig);
    put_gate("");
    put_text("../weir.yaml", "model_options: {m: {gate: off}}\n");
    weir_test_repo_rename(rig, "m.joblib", 7);
    weir_test_repo_start(rig, args);
    expect(7);
    cr_assert_eq(gate().state, WEIR_REPO_GATE_NONE);
}

Test(repo_gate, a_holdout_that_is_being_written_is_waited_for)
{
    char path[512];
    put_gate("rules: [mae <= 1]\n");
    put_holdout(10);
    int fd = open(weir_test_repo_path(rig, "m.holdout.csv", path), O_WRONLY | O_APPEND);
    cr_assert_geq(fd, 0);
    weir_test_repo_write(rig, "m.joblib", 10);
    weir_test_repo_start(rig, NULL);
    weir_test_repo_run(rig, 500);
    cr_assert_eq(gate().n_lines, 0, "somebody has it open for writing");
    cr_assert_eq(gate().state, WEIR_REPO_GATE_JUDGING);
    (void)close(fd);
    expect(10);
}

Test(repo_gate, an_end_in_the_middle_of_a_gate_is_clean)
{
    put_gate("rules: [ci_low(mae) <= 5]\n");
    put_holdout(10);
    weir_test_repo_write(rig, "m.joblib", 10);
    for (int i = 0; i < 20; i++) {
        weir_test_repo_start(rig, NULL);
        weir_test_repo_run(rig, 60 + (unsigned)i * 3);
        weir_test_repo_stop(rig);
    }
}

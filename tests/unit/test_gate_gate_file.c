/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/macros.h"
#include "codec/yaml.h"
#include "gate/gate_file_priv.h"
#include "test_mem.h"
#include "test_tmp.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void gate_freep(struct weir_gate_file **gate)
{
    weir_gate_file_free(*gate);
}

static void put(struct weir_test_tmp *tmp, const char *name, const char *text)
{
    weir_test_tmp_write(tmp, name, text, strlen(text));
}

#define GATE WEIR_CLEANUP(gate_freep) struct weir_gate_file *

static enum weir_status parse(const char *text, struct weir_gate_file **out, struct weir_error *err)
{
    return weir_gate_file_parse(out, weir_str_c(text), "m/churn.gate.yaml", "m", false, err);
}

Test(gate_file, all_keys_are_read)
{
    GATE g = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(parse("holdout: churn.holdout.csv\n"
                       "label: churned\n"
                       "weight: w\n"
                       "positive: yes\n"
                       "slices: [country, 'age:3']\n"
                       "rules:\n"
                       "  - roc_auc >= 0.8\n"
                       "  - safe: ci_low(delta(roc_auc)) >= -0.01\n"
                       "  - \"n_pos >= 20\"\n"
                       "threshold: fpr<=0.05\n"
                       "first_deploy: deny\n"
                       "no_holdout: allow\n"
                       "signature: any\n"
                       "score_space: proba\n"
                       "alpha: 0.1\n"
                       "timeout: 90s\n"
                       "rows_max: 5000\n"
                       "rows_min: 10\n"
                       "memory_max: 64MiB\n"
                       "report: churn.gate.html\n",
                       &g, &err),
                 WEIR_OK, "%s", err.msg);
    cr_assert_str_eq(g->holdout.at, "m/churn.holdout.csv");
    cr_assert_str_eq(g->label.at, "churned");
    cr_assert_str_eq(g->weight.at, "w");
    cr_assert_str_eq(g->positive.at, "yes");
    cr_assert_eq(g->n_slices, 2);
    cr_assert_str_eq(g->slices[1].at, "age:3");
    cr_assert_str_eq(g->rules.at, "roc_auc >= 0.8\nsafe: ci_low(delta(roc_auc)) >= -0.01\n"
                                  "n_pos >= 20\n");
    cr_assert_eq(g->n_lines, 3);
    cr_assert_eq(g->lines[1].line, 8);
    cr_assert_eq(g->lines[1].column, 5);
    cr_assert(g->has_threshold);
    cr_assert_eq(g->threshold.kind, WEIR_EVAL_POLICY_FPR);
    cr_assert_eq(g->first_deploy, WEIR_GATE_DENY);
    cr_assert_eq(g->no_holdout, WEIR_GATE_ALLOW);
    cr_assert_eq(g->signature, WEIR_GATE_ANY);
    cr_assert(g->ranks_by_proba);
    cr_assert_eq(g->alpha, .1);
    cr_assert_eq(g->timeout_ns, 90 * WEIR_NS_PER_S);
    cr_assert_eq(g->rows_max, 5000);
    cr_assert_eq(g->rows_min, 10);
    cr_assert_eq(g->memory_max, 64 << 20);
    cr_assert_str_eq(g->report.at, "m/churn.gate.html");
}

Test(gate_file, the_example_has_every_key)
{
    GATE g = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/conf/example.gate.yaml", getenv("WEIR_TEST_SOURCE_ROOT"));
    struct weir_gate_file_place place = {.path = path};
    cr_assert_eq(weir_gate_file_read(&g, &place, &err), WEIR_OK, "%s", err.msg);
    size_t n;
    char *text = weir_test_tmp_read(path, &n);
    for (size_t i = 0; i < WEIR_GATE_KEYS_N; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "\n%s:", weir_gate_keys_name(i));
        cr_assert_not_null(strstr(text, line), "%s", weir_gate_keys_name(i));
    }
    free(text);
    cr_assert_eq(g->n_slices, 2);
    cr_assert_eq(g->list.n_rules, 6, "and n_invalid == 0");
}

Test(gate_file, what_is_not_said_has_a_bound)
{
    GATE g = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(parse("{holdout: h.csv, label: y}\n", &g, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(g->rules.n, 0);
    cr_assert_eq(g->first_deploy, WEIR_GATE_UNSAID);
    cr_assert_gt(g->timeout_ns, 0);
    cr_assert_gt(g->rows_max, 0);
    cr_assert_gt(g->memory_max, 0);
    cr_assert_eq(g->alpha, .05);
}

Test(gate_file, rules_may_be_a_block_of_text)
{
    GATE g = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(
        parse("holdout: h.csv\nlabel: y\nrules: |\n  mcc >= 1\n  # why\n  b: mse < 2\n", &g, &err),
        WEIR_OK, "%s", err.msg);
    cr_assert_str_eq(g->rules.at, "mcc >= 1\n# why\nb: mse < 2\n");
    cr_assert_eq(g->n_lines, 3);
    cr_assert_eq(g->lines[2].line, 6);
}

static const struct refusal {
    const char *text;
    const char *message; /* how it begins */
} refusals[] = {
    {"holdout: h.csv\nlable: y\n", "m/churn.gate.yaml:2:1: unknown key \"lable\"; did you mean "
                                   "\"label\"?"},
    {"zzzzzzzz: 1\n", "m/churn.gate.yaml:1:1: unknown key \"zzzzzzzz\""},
    {"holdout: h.csv\n", "m/churn.gate.yaml:1:1: label: which column"},
    {"label: y\nsmoke: s\n", "m/churn.gate.yaml:2:8: smoke: m/s: No such file"},
    {"label: y\nfirst_deploy: deny\n", "m/churn.gate.yaml:1:1: label, weight, positive and slices"},
    {"rules: [mcc > 1]\n", "m/churn.gate.yaml:1:1: rules: they need rows"},
    {"threshold: youden\n", "m/churn.gate.yaml:1:1: threshold: it is chosen on"},
    {"timeout: 5m\n", "m/churn.gate.yaml:1:1: neither a holdout nor a smoke file"},
    {"holdout: /etc/passwd\n", "m/churn.gate.yaml:1:10: holdout: a path in a gate beside a model"},
    {"holdout: a/../../x\n", "m/churn.gate.yaml:1:10: holdout: a path in a gate beside a model"},
    {"holdout: [a]\n", "m/churn.gate.yaml:1:10: holdout: expected the path of a file"},
    {"holdout: ''\n", "m/churn.gate.yaml:1:10: holdout: expected the path of a file"},
    {"label: {a: 1}\n", "m/churn.gate.yaml:1:8: label: expected a text"},
    {"rules: [[a]]\nholdout: h\nlabel: y\n", "m/churn.gate.yaml:1:9: rules: expected a rule"},
    {"rules: [\"mcc > 0\\nmse > 1\"]\nholdout: h\nlabel: y\n",
     "m/churn.gate.yaml:1:9: rules: a rule in a "
     "list is one line"},
    {"holdout: h\nlabel: y\nrules:\n  - mcc > 0\n  - worse: auc > 1\n",
     "m/churn.gate.yaml:5:12: rules: no metric 'auc'"},
    {"holdout: h\nlabel: y\nrules: ['mcc > 0', 'mcc >']\n", "m/churn.gate.yaml:3:26: rules: "},
    {"holdout: h\nlabel: y\nrules: |\n  mcc > 0\n  auc > 1\n",
     "m/churn.gate.yaml:5:1: rules: no metric 'auc'"},
    {"holdout: h\nlabel: y\nrules: []\n", "m/churn.gate.yaml:3:8: rules: "},
    {"threshold: best\n", "m/churn.gate.yaml:1:12: threshold: "},
    {"first_deploy: maybe\n", "m/churn.gate.yaml:1:15: first_deploy: expected allow or deny"},
    {"signature: x\n", "m/churn.gate.yaml:1:12: signature: expected same, compatible or any"},
    {"alpha: 1\n", "m/churn.gate.yaml:1:8: alpha: expected a number between 0 and 1"},
    {"alpha: nan\n", "m/churn.gate.yaml:1:8: alpha: expected a number between 0 and 1"},
    {"timeout: 30\n", "m/churn.gate.yaml:1:10: timeout: expected a time with its unit"},
    {"timeout: 25h\n", "m/churn.gate.yaml:1:10: timeout: expected a time with its unit"},
    {"rows_max: 0\n", "m/churn.gate.yaml:1:11: rows_max: expected a whole number above 0"},
    {"memory_max: 1\n", "m/churn.gate.yaml:1:13: memory_max: expected a size"},
    {"report: x.txt\n", "m/churn.gate.yaml:1:9: report: a report ends in .html"},
    {"- a\n", "m/churn.gate.yaml:1:1: expected a map of keys"},
    {"", "m/churn.gate.yaml:1:1: expected a map of keys"},
    {"a: [\n", "m/churn.gate.yaml:2:1: "},
};

ParameterizedTestParameters(gate_file, refuses_with_the_place)
{
    static size_t rows[WEIR_ARRAY_LEN(refusals)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, gate_file, refuses_with_the_place)
{
    const struct refusal *c = &refusals[*row];
    struct weir_gate_file *g = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_neq(parse(c->text, &g, &err), WEIR_OK, "%s", c->text);
    cr_assert_null(g);
    cr_assert(weir_str_starts(weir_str_c(err.msg), weir_str_c(c->message)), "%s", err.msg);
}

/* The digest is of what decides, wherever it was written. */
Test(gate_file, the_digest_is_of_what_decides)
{
    static const char *const same[] = {
        "holdout: h.csv\nlabel: y\nrules: [mcc > 1]\n",
        "rules:\n- 'mcc > 1'\nlabel: y\nholdout: other.csv\ntimeout: 1s\nreport: r.html\n"};
    static const char *const other[] = {
        "holdout: h.csv\nlabel: y\nrules: [mcc > 2]\n",
        "holdout: h.csv\nlabel: z\nrules: [mcc > 1]\n",
        "holdout: h.csv\nlabel: y\nrules: [mcc > 1]\nalpha: 0.01\n",
        "holdout: h.csv\nlabel: y\nrules: [mcc > 1]\nfirst_deploy: deny\n",
        "holdout: h.csv\nlabel: y\nrules: [mcc > 1]\nslices: [c]\n"};
    struct weir_error err = WEIR_ERROR_INIT;
    GATE a = NULL;
    GATE b = NULL;
    cr_assert_eq(parse(same[0], &a, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(parse(same[1], &b, &err), WEIR_OK, "%s", err.msg);
    cr_assert_arr_eq(a->digest, b->digest, sizeof a->digest);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(other); i++) {
        GATE c = NULL;
        cr_assert_eq(parse(other[i], &c, &err), WEIR_OK, "%s", err.msg);
        cr_assert_arr_neq(a->digest, c->digest, sizeof a->digest, "%s", other[i]);
    }
}

/* --- where it is --- */

Test(gate_file, a_model_without_a_gate_has_none_and_a_bad_gate_is_no_missing_one)
{
    WEIR_CLEANUP(weir_test_tmp_deinit) struct weir_test_tmp tmp;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_gate_file *g = NULL;
    weir_test_tmp_init(&tmp);
    struct weir_gate_file_place place = {.folder = tmp.path, .model = "churn"};
    cr_assert_eq(weir_gate_file_read(&g, &place, &err), WEIR_OK, "%s", err.msg);
    cr_assert_null(g);
    put(&tmp, "churn.gate.yaml", "rules: nowhere\n");
    cr_assert_neq(weir_gate_file_read(&g, &place, &err), WEIR_OK);
    cr_assert_not_null(strstr(err.msg, "churn.gate.yaml:1:8: rules: "), "%s", err.msg);
    put(&tmp, "churn.gate.yaml", "holdout: h\nlabel: y\nrules: my.rules\n");
    put(&tmp, "my.rules", "roc_auc > 0.5\n");
    cr_assert_eq(weir_gate_file_read(&g, &place, &err), WEIR_OK, "%s", err.msg);
    cr_assert_str_eq(g->rules.at, "roc_auc > 0.5\n");
    cr_assert(weir_str_ends(g->rules_path, WEIR_STR("/my.rules")));
    weir_gate_file_free(g);
}

Test(gate_file, the_configuration_goes_before_the_file)
{
    static const struct weir_yaml_limits limits = WEIR_YAML_LIMITS_DEFAULT;
    WEIR_CLEANUP(weir_test_tmp_deinit) struct weir_test_tmp tmp;
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena arena = WEIR_ARENA_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_yaml *yaml;
    struct weir_gate_file *g = NULL;
    weir_test_tmp_init(&tmp);
    put(&tmp, "m.gate.yaml", "{holdout: beside.csv, label: y}\n");
    put(&tmp, "n.gate.yaml", "{holdout: named.csv, label: y}\n");
    static const struct {
        const char *yaml;
        const char *holdout; /* how the path ends; NULL: no gate */
    } cases[] = {{"{holdout: /elsewhere/inline.csv, label: y}", "/elsewhere/inline.csv"},
                 {"n.gate.yaml", "/named.csv"},
                 {"off", NULL}};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        cr_assert_eq(weir_codec_yaml_parse(&yaml, &arena, weir_str_c(cases[i].yaml), &limits, &err),
                     WEIR_OK);
        struct weir_gate_file_place place = {
            .folder = tmp.path, .model = "m", .yaml = yaml, .yaml_name = "weir.yaml"};
        cr_assert_eq(weir_gate_file_read(&g, &place, &err), WEIR_OK, "%s", err.msg);
        cr_assert_eq(g != NULL, cases[i].holdout != NULL);
        if (g)
            cr_assert(weir_str_ends(g->holdout, weir_str_c(cases[i].holdout)), "%s", g->holdout.at);
        weir_gate_file_free(g);
        g = NULL;
    }
}

Test(gate_file, a_link_does_not_lead_out_of_the_folder)
{
    WEIR_CLEANUP(weir_test_tmp_deinit) struct weir_test_tmp tmp;
    WEIR_CLEANUP(weir_test_tmp_deinit) struct weir_test_tmp outside;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_gate_file *g = NULL;
    char from[512];
    char to[512];
    weir_test_tmp_init(&tmp);
    weir_test_tmp_init(&outside);
    put(&outside, "secret", "x\n");
    put(&tmp, "m.gate.yaml", "smoke: s.json\n");
    (void)snprintf(from, sizeof from, "%s/secret", outside.path);
    (void)snprintf(to, sizeof to, "%s/s.json", tmp.path);
    cr_assert_eq(symlink(from, to), 0);
    struct weir_gate_file_place place = {.folder = tmp.path, .model = "m"};
    cr_assert_neq(weir_gate_file_read(&g, &place, &err), WEIR_OK);
    cr_assert_not_null(strstr(err.msg, "outside of the model's folder"), "%s", err.msg);
}

Test(gate_file, every_failing_allocation_is_a_clean_refusal)
{
    test_mem_install();
    for (uint64_t n = 1;; n++) {
        struct weir_gate_file *g = NULL;
        struct weir_error err = WEIR_ERROR_INIT;
        test_mem_fail_at(n, false);
        enum weir_status st =
            parse("holdout: h\nlabel: y\nrules: [a: mcc > 1, n_rows > 3]\nslices: [d]\n", &g, &err);
        bool failed = test_mem_has_failed();
        test_mem_fail_at(0, false);
        cr_assert_eq(st == WEIR_OK, g != NULL);
        weir_gate_file_free(g);
        cr_assert_eq(test_mem_n_live(), 0, "call %lu leaks", (unsigned long)n);
        cr_assert_eq(st, failed ? WEIR_ERR_NO_MEMORY : WEIR_OK, "call %lu: %s", (unsigned long)n,
                     err.msg);
        if (!failed)
            break;
        cr_assert_lt(n, 10000);
    }
}

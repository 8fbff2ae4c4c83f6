/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "codec/yaml.h"
#include "config/config.h"
#include "test_mem.h"
#include "test_tmp.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <stdlib.h>

static void freep(struct weir_config **config)
{
    weir_config_free(*config);
}

#define CONFIG WEIR_CLEANUP(freep) struct weir_config *

static enum weir_status read_yaml(struct weir_config **out, const char *yaml,
                                  struct weir_error *err)
{
    const struct weir_config_sources none = {0};
    return weir_config_new_from_text(out, WEIR_STR("weir.yaml"), weir_str_c(yaml), &none, err);
}

/* main's own arguments are not const; ours are and stay so. */
static char *const *as_argv(const char *const *texts)
{
    return (char *const *)(uintptr_t)texts;
}

/* Arguments up to a NULL. */
static enum weir_status read_args(struct weir_config **out, const char *const *args,
                                  const char *const *env, struct weir_error *err)
{
    struct weir_config_sources s = {.args = as_argv(args), .env = as_argv(env)};
    while (args[s.n_args])
        s.n_args++;
    return weir_config_new(out, &s, err);
}

Test(config, defaults_are_complete)
{
    CONFIG c = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(read_yaml(&c, "", &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(c->max_batch_size, 256);
    cr_assert_eq(c->any_model.max_batch_size, 256);
    cr_assert_eq(c->listen.n, 1);
    cr_assert(weir_str_eq_c(c->listen.at[0], "127.0.0.1:8080"));
    cr_assert(weir_str_eq_c(c->admin, "127.0.0.1:8081"));
    cr_assert_eq(c->models.n, 0);
    cr_assert_eq(c->settle_ns, WEIR_NS_PER_S);
    cr_assert_eq(c->model_bytes_max, 2 * WEIR_CONFIG_GIB);
    cr_assert(c->events);
    cr_assert_eq(c->on_removal, WEIR_CONFIG_REMOVAL_KEEP);
}

static const char *const no_args[] = {NULL};

Test(config, vertex_says_where_and_what_to_serve)
{
    const char *env[] = {"AIP_HTTP_PORT=9001",
                         "AIP_HEALTH_ROUTE=/v1/e/1",
                         "AIP_PREDICT_ROUTE=/v1/e/1:predict",
                         "AIP_STORAGE_URI=file:///models",
                         "SAGEMAKER_BIND_TO_PORT=1",
                         NULL};
    CONFIG c = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(read_args(&c, no_args, env, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(c->listen.n, 1);
    cr_assert(weir_str_eq_c(c->listen.at[0], "0.0.0.0:9001"));
    cr_assert(weir_str_eq_c(c->health_route, "/v1/e/1"));
    cr_assert(weir_str_eq_c(c->predict_route, "/v1/e/1:predict"));
    cr_assert_eq(c->models.n, 1);
    cr_assert(weir_str_eq_c(c->models.at[0], "/models"));
    cr_assert_eq(c->origins[WEIR_CONFIG_OPTION_listen], WEIR_CONFIG_FROM_PLATFORM);
}

Test(config, a_bucket_is_warned_of)
{
    const char *env[] = {"AIP_MODE=PREDICTION", "AIP_HTTP_PORT=", "AIP_STORAGE_URI=gs://b/o", NULL};
    CONFIG c = NULL;
    cr_assert_eq(read_args(&c, no_args, env, NULL), WEIR_OK);
    cr_assert(weir_str_eq_c(c->listen.at[0], "0.0.0.0:8080"));
    cr_assert_eq(c->models.n, 0);
    cr_assert_eq(c->n_warnings, 1);
    cr_assert(strstr(c->warnings[0].at, "AIP_STORAGE_URI is no path"));
}

Test(config, sagemaker_says_where_and_what_to_serve)
{
    struct weir_test_tmp tmp;
    char folder[512];
    weir_test_tmp_init(&tmp);
    (void)snprintf(folder, sizeof folder, "SM_MODEL_DIR=%s", tmp.path);
    const char *env[] = {"SAGEMAKER_BIND_TO_PORT=9002", folder, NULL};
    const char *only_folder[] = {folder, NULL};
    const char *neither[] = {"SM_MODEL_DIR=/nowhere/at/all", NULL};
    CONFIG c = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(read_args(&c, no_args, env, &err), WEIR_OK, "%s", err.msg);
    cr_assert(weir_str_eq_c(c->listen.at[0], "0.0.0.0:9002"));
    cr_assert_eq(c->models.n, 1);
    cr_assert(weir_str_eq_c(c->models.at[0], folder + 13));
    CONFIG d = NULL;
    cr_assert_eq(read_args(&d, no_args, only_folder, &err), WEIR_OK, "%s", err.msg);
    cr_assert(weir_str_eq_c(d->listen.at[0], "0.0.0.0:8080"));
    CONFIG e = NULL;
    cr_assert_eq(read_args(&e, no_args, neither, &err), WEIR_OK, "%s", err.msg);
    cr_assert(weir_str_eq_c(e->listen.at[0], "127.0.0.1:8080"));
    cr_assert_eq(e->models.n, 0);
    weir_test_tmp_deinit(&tmp);
}

Test(config, what_is_said_here_goes_before_the_platform)
{
    const char *env[] = {"AIP_HTTP_PORT=9001", "AIP_STORAGE_URI=/models", "WEIR_LISTEN=127.0.0.1:1",
                         NULL};
    const char *args[] = {"mine", NULL};
    CONFIG c = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(read_args(&c, args, env, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(c->listen.n, 1);
    cr_assert(weir_str_eq_c(c->listen.at[0], "127.0.0.1:1"));
    cr_assert_eq(c->models.n, 1);
    cr_assert(weir_str_eq_c(c->models.at[0], "mine"));
}

Test(config, wrong_values_of_a_platform_are_named)
{
    const char *port[] = {"AIP_HTTP_PORT=none", NULL};
    const char *route[] = {"AIP_PREDICT_ROUTE=predict", NULL};
    const char *braces[] = {"AIP_PREDICT_ROUTE=/a/{b}", NULL};
    CONFIG c = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(read_args(&c, no_args, port, &err), WEIR_ERR_INVALID);
    cr_assert_str_eq(err.msg, "AIP_HTTP_PORT: expected a port, 1 to 65535");
    cr_assert_eq(read_args(&c, no_args, route, &err), WEIR_ERR_INVALID);
    cr_assert_str_eq(err.msg, "AIP_PREDICT_ROUTE: predict_route: \"predict\" is not a path that "
                              "begins with '/' and has no braces");
    cr_assert_eq(read_args(&c, no_args, braces, &err), WEIR_ERR_INVALID);
}

Test(config, later_places_win)
{
    struct weir_test_tmp tmp;
    char path[512];
    static const char yaml[] = "max_batch_size: 2\nworkers: 2\nloops: 2\nlisten: [127.0.0.1:1]\n";
    weir_test_tmp_init(&tmp);
    weir_test_tmp_write(&tmp, "c.yaml", yaml, sizeof yaml - 1);
    weir_test_tmp_path(&tmp, "c.yaml", path, sizeof path);
    const char *env[] = {"WEIR_WORKERS=3", "WEIR_LOOPS=3", "HOME=/", NULL};
    const char *args[] = {"--config",    path,       "--loops=4",   "a", "--listen",
                          "127.0.0.1:2", "--listen", "unix:/tmp/x", "b", NULL};
    CONFIG c = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(read_args(&c, args, env, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(c->max_batch_size, 2);
    cr_assert_eq(c->workers, 3);
    cr_assert_eq(c->loops, 4);
    cr_assert_eq(c->origins[WEIR_CONFIG_OPTION_loops], WEIR_CONFIG_FROM_FLAG);
    cr_assert_eq(c->origins[WEIR_CONFIG_OPTION_workers], WEIR_CONFIG_FROM_ENVIRONMENT);
    cr_assert_eq(c->origins[WEIR_CONFIG_OPTION_max_batch_size], WEIR_CONFIG_FROM_FILE);
    cr_assert_eq(c->listen.n, 2, "flags replace the file's list");
    cr_assert(weir_str_eq_c(c->listen.at[1], "unix:/tmp/x"));
    cr_assert_eq(c->models.n, 2);
    cr_assert(weir_str_eq_c(c->models.at[1], "b"));
    cr_assert(weir_str_eq_c(c->file, path));
    weir_test_tmp_deinit(&tmp);
}

Test(config, flags_in_all_their_spellings)
{
    const char *args[] = {
        "--strict-readiness",
        "--no-events",
        "--access-log=true",
        "--max_batch_size=7",
        "--inline",
        "never",
        "--model-options",
        "churn: {max_batch_size: 64, version_policy: [3, 1, 3], labels: {stable: 3}}",
        "--",
        "--odd",
        NULL};
    CONFIG c = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(read_args(&c, args, NULL, &err), WEIR_OK, "%s", err.msg);
    cr_assert(c->strict_readiness);
    cr_assert_not(c->events);
    cr_assert(c->access_log);
    cr_assert_eq(c->max_batch_size, 7);
    cr_assert_eq(c->inline_choice, WEIR_CONFIG_INLINE_NEVER);
    cr_assert_eq(c->models.n, 1);
    cr_assert(weir_str_eq_c(c->models.at[0], "--odd"));
    const struct weir_config_model *m = weir_config_find_model(c, WEIR_STR("churn"));
    cr_assert_eq(m->max_batch_size, 64);
    cr_assert_eq(m->inline_choice, WEIR_CONFIG_INLINE_NEVER, "what is not set is inherited");
    cr_assert_eq(m->policy, WEIR_CONFIG_POLICY_NAMED);
    cr_assert_eq(m->n_versions, 2);
    cr_assert_eq(m->versions[0], 1);
    cr_assert_eq(m->n_labels, 1);
    cr_assert_eq(weir_config_find_model(c, WEIR_STR("iris")), &c->any_model);
}

static const struct bad {
    const char *yaml;
    const char *message;
} bads[] = {
    {"max_bach_size: 3\n",
     "weir.yaml:1:1: unknown option \"max_bach_size\"; did you mean \"max_batch_size\"?"},
    {"loops: 1\n\nloops: 2\n", "weir.yaml:3:1: key \"loops\" was given before, in line 1"},
    {"max_batch_size: many\n",
     "weir.yaml:1:17: max_batch_size: expected a whole number, got \"many\""},
    {"max_batch_size: \"64\"\n",
     "weir.yaml:1:17: max_batch_size: expected a whole number, got a text in quotes"},
    {"max_batch_size: 0\n", "weir.yaml:1:17: max_batch_size: out of range, allowed: 1 to 65536"},
    {"max_batch_size: [1]\n",
     "weir.yaml:1:17: max_batch_size: expected a single value, got a list"},
    {"max_batch_size:\n", "weir.yaml:1:16: max_batch_size: has no value"},
    {"settle: 5\n",
     "weir.yaml:1:9: settle: expected a time with its unit such as 250ms or 10s, got \"5\""},
    {"inline: maybe\n", "weir.yaml:1:9: inline: expected auto|never|always, got \"maybe\""},
    {"events: \"true\"\n", "weir.yaml:1:9: events: expected true or false, got a text in quotes"},
    {"listen: [127.0.0.1:80, nowhere]\n",
     "weir.yaml:1:24: listen: expected ADDR:PORT, [V6]:PORT or unix:PATH, got \"nowhere\""},
    {"listen: []\n", "listen: needs at least one address"},
    {"- a\n", "weir.yaml:1:1: expected a map of options"},
    {"a: [\n", "weir.yaml:2:1: "},
    {"drain_delay: 60s\n", "drain_delay: longer than drain_timeout"},
    {"model_options: {churn: {max_bach_size: 1}}\n",
     "weir.yaml:1:25: unknown option \"max_bach_size\"; did you mean \"max_batch_size\"?"},
    {"model_options: {churn: {loops: 1}}\n", "weir.yaml:1:25: loops: cannot be set for one model"},
    {"model_options: {churn: {max_batch_size: 0}}\n",
     "weir.yaml:1:41: max_batch_size: out of range, allowed: 1 to 65536"},
    {"model_options: {churn: {version_policy: newest}}\n",
     "weir.yaml:1:41: version_policy: expected latest, all or a list of version numbers"},
    {"model_options: {churn: {labels: {\"3\": 3}}}\n", "weir.yaml:1:34: labels: a label has"},
    {"model_options: {churn: {root_key: [a]}}\n", "weir.yaml:1:35: root_key: expected a key"},
    {"model_options: {churn: {gate: [a]}}\n", "weir.yaml:1:31: gate: expected a map of keys"},
    {"model_options: {churn: {threshold: high}}\n", "weir.yaml:1:36: threshold: expected a number"},
    {"model_options: {churn: {threshold: 1e999}}\n",
     "weir.yaml:1:36: threshold: expected a number"},
    {"model_options: {churn: {threshold: [1]}}\n",
     "weir.yaml:1:36: threshold: expected a number or a text"},
    {"model_options: {churn: {threshold: {score: a}}}\n",
     "weir.yaml:1:36: threshold: expected the key value"},
    {"model_options: {churn: {threshold: {value: 1, t: 2}}}\n",
     "weir.yaml:1:47: threshold: expected the keys value, score and positive"},
    {"model_options: {../x: {}}\n", "weir.yaml:1:17: model_options: not a model name"},
    {"default_model: a/b\n", "weir.yaml:1:16: default_model: \"a/b\" is not a model name"},
};

ParameterizedTestParameters(config, a_wrong_file_is_refused_with_the_place)
{
    static size_t rows[WEIR_ARRAY_LEN(bads)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bads); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(bads));
}

ParameterizedTest(size_t *row, config, a_wrong_file_is_refused_with_the_place)
{
    const struct bad *b = &bads[*row];
    struct weir_config *c = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(read_yaml(&c, b->yaml, &err), WEIR_ERR_INVALID, "%s: %s", b->yaml, err.msg);
    cr_assert_null(c);
    cr_assert_eq(strncmp(err.msg, b->message, strlen(b->message)), 0, "%s: %s", b->yaml, err.msg);
}

static const struct bad_flag {
    const char *args[3];
    const char *message;
} bad_flags[] = {
    {{"--lops", "3"}, "unknown flag \"--lops\"; did you mean \"--loops\"?"},
    {{"--loops"}, "flag --loops: needs a value"},
    {{"--loops", "x"}, "flag --loops: loops: expected a whole number, got \"x\""},
    {{"-loops=3"}, "unknown flag \"-loops=3\""},
    {{"--no-loops"}, "unknown flag \"--no-loops\""},
    {{"--no-events=true"}, "flag --no-…: takes no value"},
    {{"--config"}, "flag --config: needs a value"},
    {{"--config", "/nonexistent/weir.yaml"}, "/nonexistent/weir.yaml: No such file"},
    {{"--model-options", "a: {lops: 1}"}, "--model-options:1:5: unknown option \"lops\""},
    {{""}, "models: a path is empty"},
};

Test(config, a_wrong_flag_is_refused_by_name)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad_flags); i++) {
        const struct bad_flag *b = &bad_flags[i];
        const char *args[4] = {b->args[0], b->args[1], b->args[2], NULL};
        struct weir_config *c = NULL;
        struct weir_error err = WEIR_ERROR_INIT;
        cr_assert_neq(read_args(&c, args, NULL, &err), WEIR_OK, "row %zu", i);
        cr_assert_eq(strncmp(err.msg, b->message, strlen(b->message)), 0, "row %zu: %s", i,
                     err.msg);
    }
}

Test(config, a_wrong_variable_is_refused_an_unknown_one_warned_of)
{
    const char *none[] = {NULL};
    const char *env[] = {"WEIR_LOPS=3", "WEIR_PORT=tcp://10.0.0.1:80", "WEIR_SERVICE_HOST=10.0.0.1",
                         "WEIR_MODELS=a,b", NULL};
    const char *bad[] = {"WEIR_LOOPS=x", NULL};
    CONFIG c = NULL;
    struct weir_config *d = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(read_args(&c, none, env, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(c->n_warnings, 1);
    cr_assert_not_null(strstr(c->warnings[0].at, "WEIR_LOPS"));
    cr_assert_eq(c->models.n, 2);
    cr_assert_eq(read_args(&d, none, bad, &err), WEIR_ERR_INVALID);
    cr_assert_not_null(strstr(err.msg, "WEIR_LOOPS: loops: expected a whole number"), "%s",
                       err.msg);
}

Test(config, a_reload_keeps_what_needs_a_restart)
{
    struct weir_test_tmp tmp;
    char path[512];
    static const char before[] = "loops: 1\nmax_batch_size: 5\nmodels: [a, b]\n"
                                 "model_options: {m: {max_batch_size: 6}}\n";
    static const char after[] = "loops: 2\nmax_batch_size: 7\nmodels: [a]\n"
                                "model_options: {m: {max_batch_size: 9}}\n";
    weir_test_tmp_init(&tmp);
    weir_test_tmp_path(&tmp, "c.yaml", path, sizeof path);
    const struct weir_config_sources sources = {.file = path};
    struct weir_config *c = NULL;
    CONFIG d = NULL;
    struct weir_config *e = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_config_changes changes;
    weir_test_tmp_write(&tmp, "c.yaml", before, sizeof before - 1);
    cr_assert_eq(weir_config_new(&c, &sources, &err), WEIR_OK, "%s", err.msg);
    weir_test_tmp_write(&tmp, "c.yaml", after, sizeof after - 1);
    cr_assert_eq(weir_config_reload(&d, c, &sources, &changes, &err), WEIR_OK, "%s", err.msg);
    weir_config_free(c);
    cr_assert_eq(d->loops, 1);
    cr_assert_eq(d->max_batch_size, 7);
    cr_assert_eq(d->models.n, 2);
    cr_assert(weir_str_eq_c(d->models.at[1], "b"));
    cr_assert(changes.needs_restart[WEIR_CONFIG_OPTION_loops]);
    cr_assert(changes.needs_restart[WEIR_CONFIG_OPTION_models]);
    cr_assert(changes.is_changed[WEIR_CONFIG_OPTION_max_batch_size]);
    cr_assert(changes.model_options);
    cr_assert_eq(changes.n_changed, 2);
    cr_assert_eq(changes.n_restart, 2);
    weir_test_tmp_write(&tmp, "c.yaml", "loops: [", 8);
    cr_assert_eq(weir_config_reload(&e, d, &sources, &changes, &err), WEIR_ERR_INVALID);
    cr_assert_null(e);
    cr_assert_eq(changes.n_changed, 2, "a refused reload must not touch the result");
    weir_test_tmp_deinit(&tmp);
}

Test(config, what_is_written_as_yaml_reads_back_the_same)
{
    CONFIG c = NULL;
    CONFIG d = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf first = WEIR_BUF_INIT;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf second = WEIR_BUF_INIT;
    cr_assert_eq(read_yaml(&c,
                           "models: ['a b', c]\nsettle: 100ms\nstate_dir: \"x\\ny\"\n"
                           "model_options: {m: {version_policy: [2, 1], labels: {s: 2}}}\n",
                           &err),
                 WEIR_OK, "%s", err.msg);
    weir_config_help_yaml(c, &first);
    cr_assert_eq(read_yaml(&d, weir_buf_c(&first), &err), WEIR_OK, "%s", err.msg);
    memset(d->origins, 0, sizeof d->origins);
    memset(c->origins, 0, sizeof c->origins);
    weir_buf_clear(&first);
    weir_config_help_yaml(c, &first);
    weir_config_help_yaml(d, &second);
    cr_assert_str_eq(weir_buf_c(&first), weir_buf_c(&second));
}

static char *read_source(const char *name)
{
    char path[1024];
    size_t n;
    const char *root = getenv("WEIR_TEST_SOURCE_ROOT");
    (void)snprintf(path, sizeof path, "%s/%s", root ? root : ".", name);
    return weir_test_tmp_read(path, &n);
}

Test(config, options_md_is_current)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf b = WEIR_BUF_INIT;
    weir_config_help_markdown(&b);
    const char *update = getenv("WEIR_TEST_UPDATE"); /* Where to write it anew. */
    FILE *f = update ? fopen(update, "w") : NULL;
    if (f) {
        cr_assert_eq(fwrite(b.at, 1, b.n, f), b.n);
        cr_assert_eq(fclose(f), 0);
    }
    char *kept = read_source("conf/options.md");
    cr_assert(weir_str_eq_c(weir_str_c(kept), weir_buf_c(&b)),
              "conf/options.md is not the option table; to write it: "
              "WEIR_TEST_UPDATE=$PWD/conf/options.md meson test -C build config_config");
    free(kept);
}

Test(config, the_configuration_of_make_serve_is_good)
{
    CONFIG c = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    char *yaml = read_source("conf/weir.yaml");
    cr_assert_eq(read_yaml(&c, yaml, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(c->models.n, 1);
    cr_assert(weir_str_eq_c(c->models.at[0], "conf/models"));
    cr_assert(weir_str_eq_c(c->listen.at[0], "127.0.0.1:8080"));
    free(yaml);
}

/* The example names every option once, with its default. */
Test(config, the_annotated_example_is_the_table)
{
    CONFIG c = NULL;
    CONFIG d = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    char *yaml = read_source("conf/example.yaml");
    cr_assert_eq(read_yaml(&c, yaml, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(read_yaml(&d, "", &err), WEIR_OK);
    for (size_t i = 0; i < WEIR_CONFIG_OPTION_N; i++) {
        WEIR_CLEANUP(weir_buf_deinit) struct weir_buf a = WEIR_BUF_INIT;
        WEIR_CLEANUP(weir_buf_deinit) struct weir_buf b = WEIR_BUF_INIT;
        const char *name = weir_config_name((enum weir_config_option)i);
        cr_assert_eq(c->origins[i], WEIR_CONFIG_FROM_FILE, "%s is not in the example", name);
        weir_config_help_value(c, (enum weir_config_option)i, &a);
        weir_config_help_value(d, (enum weir_config_option)i, &b);
        if (i != WEIR_CONFIG_OPTION_models)
            cr_assert_str_eq(weir_buf_c(&a), weir_buf_c(&b), "%s is not the default", name);
    }
    cr_assert_eq(c->n_by_model, 1);
    free(yaml);
}

Test(config, help_names_every_option_within_100_columns)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf b = WEIR_BUF_INIT;
    weir_config_help_flags(&b);
    struct weir_str rest = weir_buf_str(&b);
    while (rest.at) {
        struct weir_str line = weir_str_split(&rest, '\n');
        cr_assert_leq(line.n, 100, "%.*s", WEIR_STR_ARG(line));
    }
    for (size_t i = 0; i < WEIR_CONFIG_OPTION_N; i++) {
        char flag[80];
        (void)snprintf(flag, sizeof flag, "--%s", weir_config_name((enum weir_config_option)i));
        for (char *p = flag; *p; p++)
            *p = *p == '_' ? '-' : *p;
        cr_assert_not_null(strstr(weir_buf_c(&b), flag), "%s", flag);
    }
}

Test(config, a_threshold_is_read_and_shown)
{
    static const char *const texts[] = {
        "model_options: {m: {threshold: 0.37}}\n",
        "model_options: {m: {threshold: {value: 0.37, score: predict_proba, positive: \"1\"}}}\n",
        "model_options: {m: {threshold: {value: 0.38, score: predict_proba, positive: \"1\"}}}\n",
        "model_options: {m: {threshold: {value: 0.38, score: predict_proba, positive: \"2\"}}}\n",
        "model_options: {m: {}}\n",
    };
    struct weir_config *c[WEIR_ARRAY_LEN(texts)] = {NULL};
    const struct weir_config_sources sources = {0};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++)
        cr_assert_eq(weir_config_new_from_text(&c[i], WEIR_STR("x.yaml"), weir_str_c(texts[i]),
                                               &sources, NULL),
                     WEIR_OK);
    const struct weir_config_model *m = weir_config_find_model(c[1], WEIR_STR("m"));
    cr_assert(m->has_threshold);
    cr_assert_float_eq(m->threshold, .37, 0);
    cr_assert(weir_str_eq_c(m->threshold_score, "predict_proba"));
    cr_assert(weir_str_eq_c(m->threshold_positive, "1"));
    cr_assert_eq(weir_config_find_model(c[0], WEIR_STR("m"))->threshold_score.n, 0);
    cr_assert_not(weir_config_find_model(c[4], WEIR_STR("m"))->has_threshold);
    struct weir_buf out = WEIR_BUF_INIT;
    weir_config_help_yaml(c[1], &out);
    cr_assert_not_null(
        strstr(weir_buf_c(&out),
               "    threshold: {value: 0.37, score: \"predict_proba\", positive: \"1\"}\n"));
    weir_buf_deinit(&out);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++)
        weir_config_free(c[i]);
}

/* What is in a gate is another's to read; the configuration keeps it and tells it from others. */
Test(config, a_gate_is_kept_as_it_is)
{
    static const char *const texts[] = {"model_options: {m: {gate: {holdout: a.csv}}}\n",
                                        "model_options: {m: {gate: {holdout: b.csv}}}\n"};
    struct weir_config *c[2];
    const struct weir_config_sources sources = {.file = NULL};
    struct weir_error err = WEIR_ERROR_INIT;
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(weir_config_new_from_text(&c[i], WEIR_STR("x.yaml"), weir_str_c(texts[i]),
                                               &sources, &err),
                     WEIR_OK, "%s", err.msg);
    const struct weir_config_model *m = weir_config_find_model(c[0], WEIR_STR("m"));
    cr_assert(weir_str_eq_c(m->gate_name, "x.yaml"));
    cr_assert(weir_str_eq_c(weir_codec_yaml_find(m->gate, WEIR_STR("holdout"))->text, "a.csv"));
    cr_assert_null(weir_config_find_model(c[0], WEIR_STR("other"))->gate);
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf out = WEIR_BUF_INIT;
    weir_config_help_yaml(c[1], &out);
    cr_assert_not_null(strstr(weir_buf_c(&out), "    gate: {holdout: b.csv}\n"));
    weir_config_free(c[0]);
    weir_config_free(c[1]);
}

Test(config, every_failing_allocation_is_a_clean_refusal)
{
    const char *args[] = {"--loops=2", "a", NULL};
    test_mem_install();
    for (uint64_t n = 1;; n++) {
        struct weir_config *c = NULL;
        const struct weir_config_sources sources = {.args = as_argv(args), .n_args = 2};
        struct weir_error err = WEIR_ERROR_INIT;
        test_mem_fail_at(n, false);
        enum weir_status st =
            weir_config_new_from_text(&c, WEIR_STR("x"),
                                      WEIR_STR("models: [a, b]\nmodel_options: {m: {labels: {s: "
                                               "1}, version_policy: [1], root_key: "
                                               "'x/0', gate: {a: 1}, threshold: 2}}\n"),
                                      &sources, &err);
        bool failed = test_mem_has_failed();
        test_mem_fail_at(0, false);
        cr_assert_eq(st == WEIR_OK, c != NULL);
        weir_config_free(c);
        cr_assert_eq(test_mem_n_live(), 0, "call %lu leaks", (unsigned long)n);
        cr_assert_eq(st, failed ? WEIR_ERR_NO_MEMORY : WEIR_OK, "call %lu", (unsigned long)n);
        if (!failed)
            break;
        cr_assert_lt(n, 100000);
    }
}

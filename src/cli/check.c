/* SPDX-License-Identifier: MIT */
/* weir check: what "weir serve" would do with a configuration and its models, without serving. It
 * is the server's own repository that reads, loads and warms up the models, so that what passes
 * here is what will serve; the state directory is left alone. */
#include "base/clock.h"
#include "cli/args.h"
#include "cli/check_gate.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "codec/json.h"
#include "config/config.h"
#include "gate/judge.h"
#include "loop/addr.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "repo/repo.h"

#include <string.h>
#include <unistd.h>

enum { ARGS_MAX = 256 };

static const uint64_t POLL_NS = 20 * WEIR_NS_PER_MS;
static const uint64_t STABLE_NS = 200 * WEIR_NS_PER_MS; /* nothing under way for so long: done */
static const uint64_t GIVE_UP_NS = 600 * WEIR_NS_PER_S;

struct check {
    const struct weir_config *config;
    struct weir_loop loop;
    struct weir_repo *repo;
    struct weir_timer timer;
    struct weir_cli_progress progress;
    uint64_t began_ns;
    uint64_t quiet_since_ns; /* 0: something is under way */
    bool is_done;
    bool has_timed_out;
    bool is_stopped;
};

/* --- waiting for the models --- */

static bool is_under_way(enum weir_repo_state state)
{
    return state == WEIR_REPO_SETTLING || state == WEIR_REPO_LOADING || state == WEIR_REPO_CHECKING;
}

/* Counts models about which nothing is decided yet. */
static size_t n_undecided(const struct weir_table *table)
{
    size_t n = 0;
    for (size_t i = 0; i < table->n_models; i++) {
        const struct weir_repo_entry *e = &table->models[i];
        bool is_busy = false;
        for (size_t j = 0; j < e->n_status; j++)
            is_busy = is_busy || is_under_way(e->status[j].state);
        n += is_busy || !e->is_decided;
    }
    return n;
}

static void on_timer(struct weir_timer *timer, void *arg)
{
    struct check *c = arg;
    const struct weir_table *table = weir_repo_table(c->repo);
    uint64_t now_ns = weir_loop_now_ns(&c->loop);
    size_t n = n_undecided(table);
    if (n > 0)
        c->quiet_since_ns = 0;
    else if (c->quiet_since_ns == 0)
        c->quiet_since_ns = now_ns;
    c->has_timed_out = now_ns - c->began_ns > GIVE_UP_NS;
    c->is_done = (n == 0 && now_ns - c->quiet_since_ns >= STABLE_NS) || c->has_timed_out;
    weir_cli_progress_step(&c->progress, table->n_models - n, table->n_models, table->n_models - n,
                           now_ns);
    weir_timer_start(timer, now_ns + POLL_NS);
}

static void on_publish(void *ctx, const struct weir_table *table)
{
    (void)ctx;
    (void)table; /* The timer looks at the newest. */
}

static void on_stopped(void *ctx)
{
    ((struct check *)ctx)->is_stopped = true;
}

/* Runs the repository until it has nothing more to do. */
static enum weir_status run_repo(struct check *c, struct weir_error *err)
{
    struct weir_repo_callbacks callbacks = {
        .on_publish = on_publish, .on_stopped = on_stopped, .ctx = c, .program = "/proc/self/exe"};
    enum weir_status status = weir_repo_new(&c->repo, &c->loop, c->config, &callbacks, err);
    if (status != WEIR_OK)
        return status;
    if (weir_timer_init(&c->timer, &c->loop, WEIR_TIMER_COARSE, on_timer, c) != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_IO, "no timer could be had");
    status = weir_repo_start(c->repo, err);
    if (status != WEIR_OK)
        return status;
    c->began_ns = weir_loop_update_now(&c->loop);
    weir_timer_start(&c->timer, c->began_ns);
    while (!c->is_done)
        (void)weir_loop_run_once(&c->loop, true);
    weir_repo_stop(c->repo);
    while (!c->is_stopped)
        (void)weir_loop_run_once(&c->loop, true);
    if (c->has_timed_out)
        return weir_error_set(err, WEIR_ERR_TIMEOUT, "the models are not loaded after %.0f s",
                              (double)GIVE_UP_NS / (double)WEIR_NS_PER_S);
    return WEIR_OK;
}

/* --- what is wrong --- */

static size_t n_failed(const struct weir_table *table)
{
    size_t n = 0;
    for (size_t i = 0; i < table->n_models; i++) {
        const struct weir_repo_entry *e = &table->models[i];
        size_t n_before = n;
        for (size_t j = 0; j < e->n_status; j++)
            n += e->status[j].state == WEIR_REPO_FAILED;
        n += e->n_versions == 0 && n == n_before;
    }
    return n;
}

/* Returns what the process ends with when models do not serve: where only gates keep them from it,
 * what their verdicts are. */
static int exit_of_gates(const struct weir_table *table)
{
    int code = WEIR_CLI_CHECK_INCONCLUSIVE;
    for (size_t i = 0; i < table->n_models; i++) {
        const struct weir_repo_entry *e = &table->models[i];
        bool has_held = false;
        for (size_t j = 0; j < e->n_status; j++) {
            const struct weir_repo_status *s = &e->status[j];
            enum weir_gate_code found = WEIR_GATE_CODE_GATE_INVALID;
            struct weir_str reason = s->reason;
            bool is_held = s->state == WEIR_REPO_HELD &&
                           weir_gate_judge_code_find(weir_str_split(&reason, ':'), &found);
            if (s->state == WEIR_REPO_FAILED ||
                (s->state == WEIR_REPO_HELD && found == WEIR_GATE_CODE_GATE_INVALID))
                return WEIR_CLI_EXIT_FAILED;
            if (is_held && weir_gate_judge_code_result(found) == WEIR_GATE_FAIL)
                code = WEIR_CLI_CHECK_REFUSED;
            has_held |= is_held;
        }
        if (e->n_versions == 0 && !has_held)
            return WEIR_CLI_EXIT_FAILED;
    }
    return code;
}

/* Checks what only serving would find. */
static enum weir_status check_config(const struct weir_config *config, struct weir_error *err)
{
    struct weir_addr_target addr;
    for (size_t i = 0; i < config->listen.n; i++) {
        if (weir_addr_parse(&addr, config->listen.at[i], err) != WEIR_OK)
            return weir_error_prefix(err, "listen");
    }
    bool has_admin = config->admin.n > 0 && !weir_str_eq_c(config->admin, "off");
    if (has_admin && weir_addr_parse(&addr, config->admin, err) != WEIR_OK)
        return weir_error_prefix(err, "admin");
    return WEIR_OK;
}

/* The default model must be there, by the names that were found. */
static enum weir_status check_default(const struct weir_config *config,
                                      const struct weir_table *table, struct weir_error *err)
{
    if (config->default_model.n > 0 && !weir_repo_table_find(table, config->default_model))
        return weir_error_set(err, WEIR_ERR_NOT_FOUND, "default_model \"%.*s\" is not there",
                              WEIR_STR_ARG(config->default_model));
    if (table->n_models == 0)
        return weir_error_set(err, WEIR_ERR_NOT_FOUND, "no model was found");
    return WEIR_OK;
}

/* --- output --- */

static const struct weir_version *version_of(const struct weir_repo_entry *e, uint64_t number)
{
    for (size_t i = 0; i < e->n_versions; i++) {
        if (e->versions[i]->number == number)
            return e->versions[i];
    }
    return NULL;
}

/* Appends a line for each thing that may be meant so, and mostly is not. */
static void collect_warnings(const struct check *c, struct weir_buf *out)
{
    const struct weir_config *config = c->config;
    for (size_t i = 0; i < config->n_warnings; i++)
        weir_buf_printf(out, "%.*s\n", WEIR_STR_ARG(config->warnings[i]));
    for (size_t i = 0; i < config->n_by_model; i++) {
        const struct weir_config_model *m = &config->by_model[i];
        const struct weir_repo_entry *e = weir_repo_table_find(weir_repo_table(c->repo), m->name);
        if (!e)
            weir_buf_printf(out, "model_options: there is no model \"%.*s\"\n",
                            WEIR_STR_ARG(m->name));
        for (size_t j = 0; e && j < m->n_labels; j++) {
            if (!version_of(e, m->labels[j].version))
                weir_buf_printf(
                    out, "model_options: %.*s: label \"%.*s\": version %llu does not serve\n",
                    WEIR_STR_ARG(m->name), WEIR_STR_ARG(m->labels[j].name),
                    (unsigned long long)m->labels[j].version);
        }
    }
}

static void put_text(const struct check *c, struct weir_buf *out)
{
    const struct weir_table *table = weir_repo_table(c->repo);
    if (c->config->file.n > 0)
        weir_buf_printf(out, "%.*s: fine\n", WEIR_STR_ARG(c->config->file));
    for (size_t i = 0; i < table->n_models; i++) {
        const struct weir_repo_entry *e = &table->models[i];
        for (size_t j = 0; j < e->n_status; j++) {
            const struct weir_repo_status *s = &e->status[j];
            const struct weir_version *v = version_of(e, s->number);
            bool is_bad = s->state == WEIR_REPO_FAILED;
            weir_buf_printf(out, "%s%-24.*s %-8s%s %.*s", is_bad ? weir_cli_red(stdout) : "",
                            WEIR_STR_ARG(e->name), weir_repo_state_name(s->state),
                            is_bad ? weir_cli_plain(stdout) : "", WEIR_STR_ARG(s->file));
            if (v)
                weir_buf_printf(out, ": %.*s, %zu features, version %llu, loaded in %.1f ms",
                                WEIR_STR_ARG(v->spec->estimator), v->spec->n_features,
                                (unsigned long long)v->number,
                                (double)v->load_ns / (double)WEIR_NS_PER_MS);
            if (s->reason.n > 0)
                weir_buf_printf(out, ": %.*s", WEIR_STR_ARG(s->reason));
            weir_buf_append_byte(out, '\n');
        }
    }
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf warnings = WEIR_BUF_INIT;
    collect_warnings(c, &warnings);
    struct weir_str rest = weir_buf_str(&warnings);
    while (rest.n > 0) {
        struct weir_str line = weir_str_split(&rest, '\n');
        weir_buf_printf(out, "warning: %.*s\n", WEIR_STR_ARG(line));
    }
}

static void put_model_json(const struct weir_repo_entry *e, struct weir_buf *out)
{
    weir_buf_append_c(out, "{\"name\":");
    weir_codec_json_append_text(out, e->name);
    weir_buf_printf(out, ",\"serves\":%s,\"files\":[", e->n_versions > 0 ? "true" : "false");
    for (size_t j = 0; j < e->n_status; j++) {
        const struct weir_repo_status *s = &e->status[j];
        const struct weir_version *v = version_of(e, s->number);
        weir_buf_printf(out, "%s{\"state\":\"%s\"", j ? "," : "", weir_repo_state_name(s->state));
        weir_cli_put_member(out, "file", s->file);
        weir_cli_put_member(out, "digest", s->digest);
        weir_cli_put_member(out, "reason", s->reason);
        if (v) {
            weir_cli_put_member(out, "estimator", v->spec->estimator);
            weir_buf_printf(out, ",\"version\":%llu,\"n_features\":%zu,\"load_seconds\":%.6f",
                            (unsigned long long)v->number, v->spec->n_features,
                            (double)v->load_ns / (double)WEIR_NS_PER_S);
        }
        weir_buf_append_byte(out, '}');
    }
    weir_buf_append_c(out, "]}");
}

static void put_json(const struct check *c, const struct weir_error *err, struct weir_buf *out)
{
    const struct weir_table *table = weir_repo_table(c->repo);
    bool is_fine = err->code == WEIR_OK && n_failed(table) == 0;
    weir_buf_printf(out, "{\"is_fine\":%s", is_fine ? "true" : "false");
    weir_cli_put_member(out, "error", weir_str_c(err->msg));
    weir_cli_put_member(out, "config", c->config->file);
    weir_buf_append_c(out, ",\"warnings\":[");
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf warnings = WEIR_BUF_INIT;
    collect_warnings(c, &warnings);
    struct weir_str rest = weir_buf_str(&warnings);
    for (size_t i = 0; rest.n > 0; i++) {
        weir_buf_append_c(out, i ? "," : "");
        weir_codec_json_append_text(out, weir_str_split(&rest, '\n'));
    }
    weir_buf_append_c(out, "],\"models\":[");
    for (size_t i = 0; i < table->n_models; i++) {
        weir_buf_append_c(out, i ? "," : "");
        put_model_json(&table->models[i], out);
    }
    weir_buf_append_c(out, "]}\n");
}

/* Shows what was found; returns what the process ends with. */
static int report(const struct check *c, struct weir_error *err, bool is_json)
{
    struct weir_buf text = WEIR_BUF_INIT;
    size_t failed = n_failed(weir_repo_table(c->repo));
    if (is_json)
        put_json(c, err, &text);
    else
        put_text(c, &text);
    bool is_put = weir_cli_put(stdout, &text);
    weir_buf_deinit(&text);
    (void)fflush(stdout); /* So that the reason comes last; weir_cli_run looks for failures. */
    if (err->code != WEIR_OK)
        return weir_cli_fail(err);
    if (failed > 0) {
        (void)weir_error_set(err, WEIR_ERR_INVALID, "%zu model file%s cannot be served", failed,
                             failed == 1 ? "" : "s");
        (void)weir_cli_fail(err);
        return exit_of_gates(weir_repo_table(c->repo));
    }
    return is_put ? WEIR_CLI_EXIT_OK : WEIR_CLI_EXIT_FAILED;
}

/* --- the whole --- */

static int check_models(const struct weir_config *config, bool is_json)
{
    struct check c = {.config = config};
    struct weir_error err = WEIR_ERROR_INIT;
    enum weir_status status = weir_loop_init(&c.loop, weir_mem_default(), &err);
    if (status != WEIR_OK)
        return weir_cli_fail_json(&err, is_json);
    weir_cli_progress_init(&c.progress, "models", weir_clock_ns());
    status = run_repo(&c, &err);
    weir_cli_progress_end(&c.progress);
    if (status == WEIR_OK)
        (void)check_default(config, weir_repo_table(c.repo), &err); /* Reported with the rest. */
    int code = status == WEIR_OK ? report(&c, &err, is_json) : weir_cli_fail_json(&err, is_json);
    weir_timer_close(&c.timer, NULL);
    weir_repo_free(c.repo);
    weir_loop_deinit(&c.loop);
    return code;
}

/* A YAML file is a configuration, anything else a directory or file of models. */
static bool is_yaml(const char *arg)
{
    struct weir_str s = weir_str_c(arg);
    return arg[0] != '-' &&
           (weir_str_ends(s, WEIR_STR(".yaml")) || weir_str_ends(s, WEIR_STR(".yml")));
}

/* Tells a wrong command line from a wrong file. */
static bool is_about_flags(const struct weir_error *err)
{
    struct weir_str msg = weir_str_c(err->msg);
    return weir_str_starts(msg, WEIR_STR("--")) || weir_str_starts(msg, WEIR_STR("flag ")) ||
           weir_str_starts(msg, WEIR_STR("unknown flag "));
}

static int run(const struct weir_cli_command *self, int argc, char **argv)
{
    if (weir_cli_check_gate_is_asked(argc, argv))
        return weir_cli_check_gate(self, argc, argv);
    char config_flag[] = "--config";
    char state_flag[] = "--state-dir=off";
    char *args[ARGS_MAX];
    size_t n = 0;
    bool is_json = false;
    bool has_any = false;
    if (argc > ARGS_MAX - 8)
        return weir_cli_usage(self, "more than %d arguments", ARGS_MAX - 8);
    for (int i = 1; i < argc; i++) {
        has_any = has_any || strcmp(argv[i], "--json") != 0;
        if (strcmp(argv[i], "--json") == 0)
            is_json = true;
        else if (is_yaml(argv[i]) && (n == 0 || strcmp(args[n - 1], "--config") != 0))
            args[n++] = config_flag, args[n++] = argv[i];
        else
            args[n++] = argv[i];
    }
    if (!has_any)
        return weir_cli_usage(self, "no configuration, directory or model file is given");
    args[n++] = state_flag;
    struct weir_config_sources sources = {.args = args, .n_args = n, .env = environ};
    struct weir_config *config = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    enum weir_status status = weir_config_new(&config, &sources, &err);
    if (status == WEIR_ERR_INVALID && is_about_flags(&err))
        return weir_cli_usage(self, "%s", err.msg);
    if (status == WEIR_OK)
        status = check_config(config, &err);
    int code =
        status == WEIR_OK ? check_models(config, is_json) : weir_cli_fail_json(&err, is_json);
    weir_config_free(config);
    return code;
}

static const struct weir_cli_option options[] = {
    [WEIR_CLI_CHECK_JSON] = {"json", 0, NULL,
                             "print one JSON object; of a gate the verdict (gate/1)"},
    [WEIR_CLI_CHECK_GATE] = {"gate", 0, "FILE",
                             "judge one model file by this gate; default NAME.gate.yaml beside it"},
    [WEIR_CLI_CHECK_LIVE] = {"live", 0, "MODEL", "the version that serves, to compare with"},
    [WEIR_CLI_CHECK_HTML] = {"html", 0, "FILE", "also write the verdict's report: one page"},
    [WEIR_CLI_CHECK_USES] = {"uses", 0, "N", "candidates judged on the holdout, this one included"},
};

const struct weir_cli_command weir_cli_check = {
    .name = "check",
    .summary = "check a configuration and its models before they are deployed",
    .usage = "CONFIG.yaml|DIR|FILE … [--json] [OPTION of serve …]\n"
             "MODEL [--gate FILE] [--live MODEL] [--html FILE] [--json]",
    .text =
        "Reads the configuration as \"weir serve\" would (file, environment, options), then\n"
        "finds, loads and warms up every model that it would serve. Nothing is listened on and\n"
        "the state directory is not touched.\n"
        "\n"
        "With --gate, --live or --html one model file is judged as a server would judge it\n"
        "before it takes the live version's place: signature, smoke rows, rules on a holdout.\n"
        "\n"
        "Exits 0 when all is fine, 1 when the configuration, a model or the gate's file is\n"
        "not, 2 when the command line is wrong; of a gate 3 when the model is refused and 4\n"
        "when nothing certain can be said.",
    .examples = "weir check conf/weir.yaml\n"
                "weir check models/ --strict-readiness\n"
                "weir check models/ --json\n"
                "weir check new/churn.joblib --gate churn.gate.yaml --live models/churn.joblib",
    .options = options,
    .n_options = WEIR_ARRAY_LEN(options),
    .run = run,
};

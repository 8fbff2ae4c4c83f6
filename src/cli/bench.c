/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "cli/args.h"
#include "cli/bench_run.h"
#include "cli/cli.h"
#include "loop/wake.h"
#include "tensor/spec.h"

#include <string.h>

#define OPTION_MAP(X)                                                                           \
    X(RATE, "rate", 'r', "N",                                                                   \
      "open loop: N requests a second, sent when they are due;\n"                               \
      "40% is that share of the peak, which is measured before")                                \
    X(ARRIVALS, "arrivals", 0, "KIND", "poisson (default) or fixed gaps; open loop")            \
    X(CONNECTIONS, "connections", 'c', "N", "connections kept open; default 64")                \
    X(DURATION, "duration", 'd', "TIME", "measured time of all stages; default 10s")            \
    X(WARMUP, "warmup", 0, "TIME", "load before measuring, on each server; default 1s")         \
    X(STAGE, "stage", 0, "TIME", "length of one stage where two sides take turns;\ndefault 1s") \
    X(TIMEOUT, "timeout", 0, "TIME", "a request not answered by then has failed; default 5s")   \
    X(MODEL, "model", 'm', "NAME", "the model to ask; default the only one")                    \
    X(ROWS, "rows", 0, "N", "rows in each request; default 1")                                  \
    X(OUTPUT, "output", 0, "NAME",                                                              \
      "predict (default), predict_proba, decision_function;\n"                                  \
      "with --swap default the one that tells most")                                            \
    X(PROTOCOL, "protocol", 0, "KIND", "flask (default) or v2: form of the requests")           \
    X(BODY, "body", 0, "FILE", "send this body instead of random rows")                         \
    X(COMPARE, "compare", 0, "TARGET", "a second server; the two take turns")                   \
    X(SWAP, "swap", 0, "A B",                                                                   \
      "every other stage, replace the served file by B, A, B, …\n"                            \
      "and check every answer against the version it names")                                    \
    X(SWAP_EVERY, "swap-every", 0, "TIME",                                                      \
      "time from one replacement to the next;\ndefault 300ms")                                  \
    X(MODEL_PATH, "model-path", 0, "FILE",                                                      \
      "the file that the server serves, for --swap; not\nneeded when weir bench started it")    \
    X(PID, "pid", 0, "PID", "measure CPU and memory of this process; twice with\n--compare")    \
    X(SEED, "seed", 0, "N", "of rows and arrivals; default 1")                                  \
    X(JSON, "json", 0, NULL, "print one JSON object; latencies in microseconds")

enum {
#define OPTION_ENUM(code, ...) OPTION_##code,
    OPTION_MAP(OPTION_ENUM)
#undef OPTION_ENUM
};

struct request {
    struct weir_cli_bench_opts opts;
    unsigned n_pids;
    bool is_json;
};

static enum weir_status set_rate(struct weir_cli_bench_opts *o, const char *value,
                                 struct weir_error *err)
{
    char number[32];
    size_t n = strlen(value);
    if (n < 2 || n > sizeof number || value[n - 1] != '%')
        return weir_cli_args_positive("rate", value, &o->rate, err);
    memcpy(number, value, n - 1);
    number[n - 1] = '\0';
    double percent = 0;
    enum weir_status status = weir_cli_args_positive("rate", number, &percent, err);
    o->rate_share = percent / 100;
    return status;
}

static enum weir_status set_output(struct weir_cli_bench_opts *o, const char *value,
                                   struct weir_error *err)
{
    static const enum weir_output outputs[] = {WEIR_OUTPUT_PREDICT, WEIR_OUTPUT_PREDICT_PROBA,
                                               WEIR_OUTPUT_DECISION_FUNCTION};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(outputs); i++) {
        if (strcmp(value, weir_output_name(outputs[i])) == 0) {
            o->output = outputs[i];
            o->has_output = true;
            return WEIR_OK;
        }
    }
    return weir_error_set(err, WEIR_ERR_INVALID,
                          "--output: expected predict, predict_proba or decision_function");
}

static enum weir_status set_pid(struct request *r, const char *value, struct weir_error *err)
{
    uint64_t v;
    enum weir_status status = weir_cli_args_u64("pid", value, 1, INT32_MAX, &v, err);
    if (status != WEIR_OK)
        return status;
    if (r->n_pids >= WEIR_CLI_BENCH_SIDES)
        return weir_error_set(err, WEIR_ERR_INVALID, "--pid: at most %d", WEIR_CLI_BENCH_SIDES);
    r->opts.pids[r->n_pids++] = (pid_t)v;
    return WEIR_OK;
}

static enum weir_status set_count(const char *name, const char *value, uint64_t max, uint64_t *out,
                                  struct weir_error *err)
{
    return weir_cli_args_u64(name, value, 1, max, out, err);
}

/* Takes one option; args: for the second value of --swap. */
static enum weir_status set_option(void *ctx, struct weir_cli_args *args, size_t index,
                                   struct weir_error *err)
{
    struct request *r = ctx;
    struct weir_cli_bench_opts *o = &r->opts;
    const char *value = args->value;
    enum weir_status status = WEIR_OK;
    uint64_t v = 0;
    bool is_flask = true;
    switch (index) {
    case OPTION_RATE:
        return set_rate(o, value, err);
    case OPTION_ARRIVALS:
        return weir_cli_args_word("arrivals", value, "fixed", "poisson", &o->is_poisson, err);
    case OPTION_CONNECTIONS:
        status = set_count("connections", value, WEIR_CLI_BENCH_CONNECTIONS_MAX, &v, err);
        o->n_connections = status == WEIR_OK ? (uint32_t)v : o->n_connections;
        return status;
    case OPTION_DURATION:
        return weir_cli_args_duration("duration", value, &o->duration_ns, err);
    case OPTION_WARMUP:
        return weir_cli_args_duration("warmup", value, &o->warmup_ns, err);
    case OPTION_STAGE:
        return weir_cli_args_duration("stage", value, &o->stage_ns, err);
    case OPTION_TIMEOUT:
        return weir_cli_args_duration("timeout", value, &o->timeout_ns, err);
    case OPTION_MODEL:
        o->model = value;
        return WEIR_OK;
    case OPTION_ROWS:
        return set_count("rows", value, 100000, &o->n_rows, err);
    case OPTION_OUTPUT:
        return set_output(o, value, err);
    case OPTION_PROTOCOL:
        status = weir_cli_args_word("protocol", value, "v2", "flask", &is_flask, err);
        if (status == WEIR_OK)
            o->dialect = is_flask ? WEIR_CLI_BENCH_FLASK : WEIR_CLI_BENCH_V2;
        return status;
    case OPTION_BODY:
        o->body = value;
        return WEIR_OK;
    case OPTION_COMPARE:
        o->targets[1] = value;
        return WEIR_OK;
    case OPTION_SWAP:
        o->swap_files[0] = value;
        o->swap_files[1] = weir_cli_args_more(args);
        return o->swap_files[1]
                   ? WEIR_OK
                   : weir_error_set(err, WEIR_ERR_INVALID, "--swap needs two files: --swap A B");
    case OPTION_SWAP_EVERY:
        return weir_cli_args_duration("swap-every", value, &o->swap_every_ns, err);
    case OPTION_MODEL_PATH:
        o->model_path = value;
        return WEIR_OK;
    case OPTION_PID:
        return set_pid(r, value, err);
    case OPTION_SEED:
        return weir_cli_args_u64("seed", value, 0, UINT64_MAX, &o->seed, err);
    case OPTION_JSON:
        r->is_json = true;
        return WEIR_OK;
    }
    return WEIR_ERR_INTERNAL;
}

static enum weir_status set_target(void *ctx, const char *value, struct weir_error *err)
{
    struct request *r = ctx;
    if (r->opts.targets[0])
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "one target, not more (--compare names a second)");
    r->opts.targets[0] = value;
    return WEIR_OK;
}

/* What does not go together. Returns NULL or a sentence. */
static const char *contradiction(const struct weir_cli_bench_opts *o)
{
    if (!o->targets[0])
        return "no address and no model file is given";
    if (o->swap_files[0] && o->targets[1])
        return "--swap and --compare do not go together";
    if (o->swap_files[0] && o->body)
        return "--swap makes its own rows; leave --body out";
    if (o->swap_files[0] && o->dialect == WEIR_CLI_BENCH_V2)
        return "--swap compares Flask-style answers; leave --protocol out";
    if (o->model_path && !o->swap_files[0])
        return "--model-path is for --swap";
    return NULL;
}

static int print(const struct weir_cli_bench_report *report, bool is_json)
{
    struct weir_buf text = WEIR_BUF_INIT;
    if (is_json)
        weir_cli_bench_report_json(report, &text);
    else
        weir_cli_bench_report_text(report, &text);
    bool is_ok = weir_cli_put(stdout, &text);
    weir_buf_deinit(&text);
    return is_ok && weir_cli_bench_report_failed(report) == 0 ? WEIR_CLI_EXIT_OK
                                                              : WEIR_CLI_EXIT_FAILED;
}

static int run(const struct weir_cli_command *self, int argc, char **argv)
{
    static const struct weir_cli_args_taker taker = {set_option, set_target};
    struct request r = {.opts = {.is_poisson = true,
                                 .n_connections = 64,
                                 .n_rows = 1,
                                 .duration_ns = 10 * WEIR_NS_PER_S,
                                 .warmup_ns = 1 * WEIR_NS_PER_S,
                                 .timeout_ns = 5 * WEIR_NS_PER_S,
                                 .swap_every_ns = 300 * WEIR_NS_PER_MS,
                                 .output = WEIR_OUTPUT_PREDICT,
                                 .seed = 1}};
    struct weir_error err = WEIR_ERROR_INIT;
    int code = weir_cli_args_take(self, argc, argv, &taker, &r);
    if (code != WEIR_CLI_EXIT_OK)
        return code;
    const char *what = contradiction(&r.opts);
    if (what)
        return weir_cli_usage(self, "%s", what);
    struct weir_cli_bench_run *done = NULL;
    weir_signal_ignore_pipe();
    if (weir_cli_bench_run_new(&done, &r.opts, &err) != WEIR_OK)
        return weir_cli_fail_json(&err, r.is_json);
    code = print(weir_cli_bench_run_report(done), r.is_json);
    weir_cli_bench_run_free(done);
    return code;
}

static const struct weir_cli_option options[] = {
#define OPTION_ROW(code, ...) [OPTION_##code] = {__VA_ARGS__},
    OPTION_MAP(OPTION_ROW)
#undef OPTION_ROW
};

const struct weir_cli_command weir_cli_bench = {
    .name = "bench",
    .summary = "measure a server under load",
    .usage = "URL|MODEL [--rate N | --connections N] [--duration TIME] [--json]\n"
             "URL|MODEL --compare URL|MODEL [--rate N]\n"
             "URL|MODEL --swap A B [--model-path FILE] [--swap-every TIME]",
    .text = "With --rate requests are sent when they are due, whatever the server does, and\n"
            "latency counts from then: waiting for a free connection is part of it. Without,\n"
            "each connection asks again as soon as it is answered, which measures throughput.\n"
            "\n"
            "URL is http://ADDR:PORT, ADDR:PORT or unix:PATH; rows are made up to fit what the\n"
            "server says its model takes. With a path that is not one of a prediction, or with\n"
            "\"/\", it is a plain GET. MODEL is a file: a server is started on it for the run\n"
            "(on the other processors, when weir bench is bound to some with taskset).\n"
            "\n"
            "Exits 1 when a request failed or an answer was wrong.",
    .examples = "weir bench models/churn.joblib\n"
                "weir bench http://127.0.0.1:8080 --model churn --rate 2000 --duration 30s\n"
                "weir bench http://127.0.0.1:9000/ --compare http://127.0.0.1:8080 --json\n"
                "weir bench churn.joblib --rate 5000 --swap churn.joblib churn-new.joblib",
    .options = options,
    .n_options = WEIR_ARRAY_LEN(options),
    .run = run,
};

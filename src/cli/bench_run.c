/* SPDX-License-Identifier: MIT */
/* Set-up, then warm-up, then stages. With two sides (two servers, or one with and without swaps)
 * the stages alternate, and each figure is compared within a pair of neighbours: what the machine
 * does meanwhile hits both. */
#include "cli/bench_run.h"

#include "base/clock.h"
#include "base/macros.h"
#include "cli/bench_check.h"
#include "cli/bench_fetch.h"
#include "cli/bench_process.h"
#include "cli/bench_swap.h"
#include "cli/progress.h"
#include "model/model.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static const uint64_t READY_NS = 10 * WEIR_NS_PER_S;
static const uint64_t FETCH_NS = 5 * WEIR_NS_PER_S;
static const uint64_t LEAD_NS = 200 * WEIR_NS_PER_MS;
static const uint64_t PEAK_LEAD_NS = 1 * WEIR_NS_PER_S;
static const uint64_t PEAK_NS = 2 * WEIR_NS_PER_S;
static const uint64_t STAGE_NS = 1 * WEIR_NS_PER_S;
static const uint64_t SETTLE_NS = 1 * WEIR_NS_PER_S;

enum { DESCRIPTORS_SPARE = 64 };

/* One server. */
struct side {
    struct weir_cli_bench_url url;
    struct weir_cli_bench_server server; /* zeroed: not ours */
    pid_t pid;                           /* 0: not measured */
    struct weir_buf model;               /* name; empty: not asked by name */
    struct weir_cli_bench_question question;
    struct weir_cli_bench_requests requests;
    struct weir_cli_bench_load *load;
};

struct weir_cli_bench_run {
    struct weir_cli_bench_opts opts;
    struct weir_loop loop;
    struct side servers[WEIR_CLI_BENCH_SIDES];
    unsigned n_servers;
    struct weir_cli_file body;
    struct weir_cli_bench_check check;
    struct weir_cli_bench_swap *swap; /* NULL: no swaps */
    struct weir_cli_bench_report report;
    double ratios[WEIR_CLI_BENCH_RATIO_N][WEIR_CLI_BENCH_STAGES_MAX];
    bool is_fine; /* nothing to be said about the log of our servers */
};

/* --- set-up --- */

static void raise_descriptors(uint32_t n_connections)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)n_connections * 2 + DESCRIPTORS_SPARE;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* What is missing shows when connecting. */
    }
}

/* Waits until a server that we started answers that it is ready. */
static enum weir_status wait_ready(struct weir_cli_bench_run *r, struct side *s,
                                   struct weir_error *err)
{
    uint64_t until_ns = weir_clock_ns() + READY_NS;
    struct weir_cli_fetched fetched = {0};
    enum weir_status status = WEIR_ERR_TIMEOUT;
    while (weir_clock_ns() < until_ns && weir_cli_bench_server_is_alive(&s->server)) {
        status = weir_cli_bench_fetch_path(&r->loop, &s->url, "/v2/health/ready", FETCH_NS,
                                           &fetched, NULL);
        if (status == WEIR_OK && fetched.status == 200)
            break;
        status = WEIR_ERR_TIMEOUT;
        (void)usleep(2000);
    }
    weir_buf_deinit(&fetched.body);
    return status == WEIR_OK
               ? WEIR_OK
               : weir_error_set(err, status, "the server that was started does not get ready");
}

static enum weir_status set_up_server(struct weir_cli_bench_run *r, struct side *s,
                                      const char *target, pid_t pid, struct weir_error *err)
{
    s->pid = pid;
    if (weir_cli_bench_url_is(target))
        return weir_cli_bench_url_parse(&s->url, target, err);
    enum weir_status status = weir_cli_bench_server_start(&s->server, target, err);
    if (status == WEIR_OK)
        status = weir_cli_bench_url_parse(&s->url, s->server.listen.at, err);
    if (status == WEIR_OK)
        status = wait_ready(r, s, err);
    s->pid = pid ? pid : s->server.pid;
    return status;
}

/* Finds the model's name in a path of ours: "/predict/NAME", "/v2/models/NAME/infer". Sets the form
 * and output that the path asks for; false: it is no such path. */
static bool read_path(struct weir_cli_bench_run *r, struct weir_str path, struct weir_str *model)
{
    static const struct {
        const char *prefix;
        enum weir_cli_bench_dialect dialect;
        enum weir_output output;
    } routes[] = {
        {"/predict/", WEIR_CLI_BENCH_FLASK, WEIR_OUTPUT_PREDICT},
        {"/predict_proba/", WEIR_CLI_BENCH_FLASK, WEIR_OUTPUT_PREDICT_PROBA},
        {"/decision_function/", WEIR_CLI_BENCH_FLASK, WEIR_OUTPUT_DECISION_FUNCTION},
        {"/v2/models/", WEIR_CLI_BENCH_V2, WEIR_OUTPUT_PREDICT},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(routes); i++) {
        struct weir_str prefix = weir_str_c(routes[i].prefix);
        if (!weir_str_starts(path, prefix))
            continue;
        struct weir_str name = weir_str_make(path.at + prefix.n, path.n - prefix.n);
        if (routes[i].dialect == WEIR_CLI_BENCH_V2) {
            if (!weir_str_ends(name, WEIR_STR("/infer")))
                return false;
            name.n -= 6;
        }
        r->opts.dialect = routes[i].dialect;
        if (!r->opts.has_output || routes[i].dialect == WEIR_CLI_BENCH_FLASK)
            r->opts.output = routes[i].output;
        r->opts.has_output = true;
        *model = name;
        return weir_str_is_name(name);
    }
    return false;
}

static enum weir_status ask_question(struct weir_cli_bench_run *r, struct side *s,
                                     struct weir_error *err)
{
    enum weir_status status = WEIR_OK;
    if (s->model.n == 0 && r->opts.model)
        weir_buf_append_c(&s->model, r->opts.model);
    else if (s->model.n == 0)
        status = weir_cli_bench_fetch_model(&r->loop, &s->url, &s->model, err);
    if (status != WEIR_OK)
        return status;
    s->question = (struct weir_cli_bench_question){.model = weir_buf_str(&s->model),
                                                   .n_rows = r->opts.n_rows,
                                                   .dialect = r->opts.dialect,
                                                   .output = r->opts.output};
    return weir_cli_bench_fetch_signature(&r->loop, &s->url, s->question.model,
                                          &s->question.n_features, err);
}

/* Makes what one server is sent. */
static enum weir_status set_up_requests(struct weir_cli_bench_run *r, struct side *s,
                                        struct weir_error *err)
{
    struct weir_str path = s->url.path;
    struct weir_str name = WEIR_STR("");
    bool is_route = read_path(r, path, &name);
    bool is_plain = path.n > 1 && !is_route;
    weir_buf_append_str(&s->model, name);
    if (r->opts.body) {
        struct weir_str body = weir_buf_str(&r->body.bytes);
        return weir_cli_bench_requests_one(&s->requests, &s->url,
                                           path.n > 0 ? path : WEIR_STR("/predict"), &body, err);
    }
    if (is_plain || weir_str_eq_c(path, "/"))
        return weir_cli_bench_requests_one(&s->requests, &s->url, path, NULL, err);
    enum weir_status status = ask_question(r, s, err);
    if (status == WEIR_OK)
        status =
            weir_cli_bench_requests_make(&s->requests, &s->url, &s->question, r->opts.seed, err);
    return status;
}

/* The output that tells two versions apart best. */
static enum weir_output telling_output(const struct weir_cli_bench_check *check)
{
    static const enum weir_output order[] = {WEIR_OUTPUT_PREDICT_PROBA,
                                             WEIR_OUTPUT_DECISION_FUNCTION, WEIR_OUTPUT_PREDICT};
    const struct weir_spec *a = weir_model_spec(check->references[0].model);
    const struct weir_spec *b = weir_model_spec(check->references[1].model);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(order); i++) {
        if (weir_spec_has_output(a, order[i]) && weir_spec_has_output(b, order[i]))
            return order[i];
    }
    return WEIR_OUTPUT_TRANSFORM;
}

static enum weir_status set_up_swap(struct weir_cli_bench_run *r, struct weir_error *err)
{
    struct side *s = &r->servers[0];
    size_t n_different;
    enum weir_status status =
        weir_cli_bench_check_prepare(&r->check, &s->question, &s->requests, &n_different, err);
    if (status != WEIR_OK)
        return status;
    if (n_different == 0)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "%s and %s answer the same to every request: nothing could be told "
                              "from the answers",
                              r->opts.swap_files[0], r->opts.swap_files[1]);
    if (!r->opts.model_path && !s->server.model.at)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "--swap needs --model-path, the file that the server serves");
    struct weir_str contents[2] = {weir_buf_str(&r->check.references[0].file.bytes),
                                   weir_buf_str(&r->check.references[1].file.bytes)};
    return weir_cli_bench_swap_new(&r->swap,
                                   r->opts.model_path ? r->opts.model_path : s->server.model.at,
                                   contents, r->opts.swap_every_ns, err);
}

/* Puts the first file there and waits until the server answers with it. */
static enum weir_status start_with_first(struct weir_cli_bench_run *r, struct weir_error *err)
{
    struct side *s = &r->servers[0];
    struct weir_cli_fetched fetched = {0};
    uint64_t until_ns = weir_clock_ns() + READY_NS;
    bool is_there = false;
    enum weir_status status = weir_cli_bench_swap_put(r->swap, 0, err);
    while (status == WEIR_OK && !is_there && weir_clock_ns() < until_ns) {
        status = weir_cli_fetch(&r->loop, &s->url.addr, s->requests.at[0], FETCH_NS, &fetched, err);
        is_there = memcmp(fetched.digest, r->check.references[0].file.digest,
                          WEIR_CLI_FILE_DIGEST_SHORT_HEX) == 0;
        if (!is_there)
            (void)usleep(5000);
    }
    weir_buf_deinit(&fetched.body);
    if (status == WEIR_OK && !is_there)
        status =
            weir_error_set(err, WEIR_ERR_TIMEOUT, "the server does not take up the file put at %s",
                           r->opts.model_path ? r->opts.model_path : s->server.model.at);
    return status;
}

static enum weir_status set_up_load(struct weir_cli_bench_run *r, struct side *s, double rate,
                                    struct weir_error *err)
{
    struct weir_cli_bench_target target = {.addr = s->url.addr,
                                           .requests = s->requests.at,
                                           .n_requests = s->requests.n,
                                           .judge = r->swap ? weir_cli_bench_check_judge : NULL,
                                           .judge_ctx = &r->check};
    struct weir_cli_bench_load_opts opts = {.rate = rate,
                                            .is_poisson = r->opts.is_poisson,
                                            .n_connections = r->opts.n_connections,
                                            .timeout_ns = r->opts.timeout_ns,
                                            .seed = r->opts.seed};
    return weir_cli_bench_load_new(&s->load, &r->loop, &target, &opts, err);
}

/* Sets the rate to a share of what the first server answers in a closed loop. */
static enum weir_status find_rate(struct weir_cli_bench_run *r, struct weir_error *err)
{
    struct side *s = &r->servers[0];
    struct weir_cli_bench_tally tally = {0};
    enum weir_status status = set_up_load(r, s, 0, err);
    if (status == WEIR_OK)
        status = weir_cli_bench_tally_init(&tally, err);
    if (status == WEIR_OK)
        status = weir_cli_bench_load_run(s->load, PEAK_LEAD_NS, PEAK_NS, &tally, err);
    if (status == WEIR_OK)
        r->report.peak = weir_cli_bench_report_figures(&tally, 0).values[WEIR_CLI_BENCH_RATIO_RATE];
    r->opts.rate = r->report.peak * r->opts.rate_share;
    if (status == WEIR_OK && r->opts.rate <= 0)
        status = weir_error_set(err, WEIR_ERR_INVALID, "%s answers no request", r->opts.targets[0]);
    weir_cli_bench_tally_deinit(&tally);
    weir_cli_bench_load_free(WEIR_TAKE(s->load));
    return status;
}

static enum weir_status set_up(struct weir_cli_bench_run *r, struct weir_error *err)
{
    const struct weir_cli_bench_opts *opts = &r->opts;
    enum weir_status status = WEIR_OK;
    if (opts->body)
        status = weir_cli_file_read(&r->body, opts->body, err);
    if (status == WEIR_OK && opts->swap_files[0]) {
        status =
            weir_cli_bench_check_init(&r->check, opts->swap_files[0], opts->swap_files[1], err);
        if (status == WEIR_OK && !opts->has_output)
            r->opts.output = telling_output(&r->check);
    }
    for (unsigned i = 0; i < WEIR_CLI_BENCH_SIDES && opts->targets[i] && status == WEIR_OK; i++) {
        struct side *s = &r->servers[i];
        r->n_servers++;
        status = set_up_server(r, s, opts->targets[i], opts->pids[i], err);
        if (status == WEIR_OK)
            status = set_up_requests(r, s, err);
        if (status != WEIR_OK)
            return weir_error_prefix(err, "%s", opts->targets[i]);
    }
    if (status == WEIR_OK && opts->swap_files[0])
        status = set_up_swap(r, err);
    if (status == WEIR_OK && opts->swap_files[0])
        status = start_with_first(r, err);
    if (status == WEIR_OK && opts->rate_share > 0)
        status = find_rate(r, err);
    for (unsigned i = 0; i < r->n_servers && status == WEIR_OK; i++)
        status = set_up_load(r, &r->servers[i], r->opts.rate, err);
    return status;
}

/* --- measuring --- */

static enum weir_status warm_up(struct weir_cli_bench_run *r, struct weir_error *err)
{
    struct weir_cli_bench_tally tally;
    enum weir_status status = weir_cli_bench_tally_init(&tally, err);
    if (status != WEIR_OK)
        return status;
    for (unsigned i = 0; i < r->n_servers && status == WEIR_OK; i++)
        status = weir_cli_bench_load_run(r->servers[i].load, r->opts.warmup_ns, 0, &tally, err);
    weir_cli_bench_tally_deinit(&tally);
    return status;
}

static struct side *server_of(struct weir_cli_bench_run *r, unsigned side)
{
    return &r->servers[r->n_servers == 2 ? side : 0];
}

/* Measures one stage; *figures are its own, the tally goes to its side. */
static enum weir_status run_stage(struct weir_cli_bench_run *r,
                                  const struct weir_cli_bench_stage *stage,
                                  struct weir_cli_bench_figures *figures, struct weir_error *err)
{
    struct side *server = server_of(r, stage->side);
    struct weir_cli_bench_side *side = &r->report.sides[stage->side];
    struct weir_cli_bench_tally tally;
    bool is_swapping = r->swap && stage->side == 1;
    enum weir_status status = weir_cli_bench_tally_init(&tally, err);
    if (status != WEIR_OK)
        return status;
    if (is_swapping)
        weir_cli_bench_swap_set_active(r->swap, true);
    status = weir_cli_bench_load_run(server->load, LEAD_NS, 0, &tally, err);
    uint64_t cpu_ns = server->pid ? weir_cli_bench_process_cpu_ns(server->pid) : 0;
    if (status == WEIR_OK)
        status = weir_cli_bench_load_run(server->load, 0, stage->duration_ns, &tally, err);
    cpu_ns = server->pid ? weir_cli_bench_process_cpu_ns(server->pid) - cpu_ns : 0;
    if (is_swapping)
        weir_cli_bench_swap_set_active(r->swap, false);
    *figures = weir_cli_bench_report_figures(&tally, cpu_ns);
    weir_cli_bench_tally_merge(&side->tally, &tally);
    side->cpu_ns += cpu_ns;
    weir_cli_bench_tally_deinit(&tally);
    return status;
}

static void compare(struct weir_cli_bench_run *r, unsigned pair,
                    const struct weir_cli_bench_figures figures[WEIR_CLI_BENCH_SIDES])
{
    for (size_t i = 0; i < WEIR_CLI_BENCH_RATIO_N; i++) {
        double a = figures[0].values[i];
        double b = figures[1].values[i];
        /* One pair without a number leaves no honest median. */
        r->report.has_ratio[i] = (pair == 0 || r->report.has_ratio[i]) && a > 0 && b > 0;
        r->ratios[i][pair] = a > 0 ? b / a : 0;
    }
}

static enum weir_status run_stages(struct weir_cli_bench_run *r, struct weir_error *err)
{
    struct weir_cli_bench_stage stages[WEIR_CLI_BENCH_STAGES_MAX];
    struct weir_cli_bench_figures figures[WEIR_CLI_BENCH_SIDES] = {0};
    struct weir_cli_progress progress;
    uint64_t stage_ns = r->report.n_sides == 1 ? r->opts.duration_ns
                        : r->opts.stage_ns     ? r->opts.stage_ns
                                               : STAGE_NS;
    size_t n = weir_cli_bench_stages(stages, r->report.n_sides, r->opts.duration_ns, stage_ns);
    enum weir_status status = WEIR_OK;
    uint64_t n_requests = 0;
    weir_cli_progress_init(&progress, "requests", weir_clock_ns());
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        status = run_stage(r, &stages[i], &figures[stages[i].side], err);
        if (r->report.n_sides == 2 && i % 2 == 1)
            compare(r, stages[i].pair, figures);
        n_requests = weir_cli_bench_tally_total(&r->report.sides[0].tally) +
                     weir_cli_bench_tally_total(&r->report.sides[1].tally);
        weir_cli_progress_step(&progress, i + 1, n, n_requests, weir_clock_ns());
    }
    weir_cli_progress_end(&progress);
    r->report.n_pairs = r->report.n_sides == 2 ? (unsigned)(n / 2) : 0;
    for (size_t i = 0; i < WEIR_CLI_BENCH_RATIO_N && r->report.n_pairs > 0; i++)
        r->report.ratios[i] = weir_cli_bench_spread(r->ratios[i], r->report.n_pairs);
    return status;
}

static void name_sides(struct weir_cli_bench_run *r)
{
    struct weir_cli_bench_report *report = &r->report;
    report->n_sides = r->swap ? 2 : r->n_servers;
    for (unsigned i = 0; i < report->n_sides; i++) {
        const char *name = r->swap ? (i ? "with swaps" : "without swaps") : r->opts.targets[i];
        (void)snprintf(report->sides[i].name, sizeof report->sides[i].name, "%s", name);
    }
}

/* Memory of the servers; with swaps the one server is the second side's. */
static void measure_memory(struct weir_cli_bench_run *r, bool is_after)
{
    for (unsigned i = 0; i < r->n_servers; i++) {
        struct weir_cli_bench_side *side = &r->report.sides[r->swap ? 1 : i];
        uint64_t bytes = r->servers[i].pid ? weir_cli_bench_process_rss(r->servers[i].pid) : 0;
        *(is_after ? &side->rss_after : &side->rss_before) = bytes;
    }
}

static enum weir_status measure(struct weir_cli_bench_run *r, struct weir_error *err)
{
    struct weir_cli_bench_report *report = &r->report;
    name_sides(r);
    report->rate = r->opts.rate;
    report->is_poisson = r->opts.is_poisson;
    report->n_connections = r->opts.n_connections;
    report->n_rows = r->servers[0].question.n_rows;
    report->n_features = r->servers[0].question.n_features;
    report->seed = r->opts.seed;
    enum weir_status status = WEIR_OK;
    for (unsigned i = 0; i < WEIR_CLI_BENCH_SIDES && status == WEIR_OK; i++)
        status = weir_cli_bench_tally_init(&report->sides[i].tally, err);
    if (status == WEIR_OK)
        status = warm_up(r, err);
    if (status != WEIR_OK)
        return status;
    measure_memory(r, false);
    status = run_stages(r, err);
    if (r->swap) {
        (void)usleep((useconds_t)(SETTLE_NS / WEIR_NS_PER_US)); /* The last version is let go. */
        report->has_swaps = true;
        report->n_swaps = weir_cli_bench_swap_count(r->swap);
        report->n_seen = r->check.n_changes;
        if (status == WEIR_OK)
            status = weir_cli_bench_swap_failure(r->swap, err);
        if (status == WEIR_OK)
            status = weir_cli_bench_swap_put(r->swap, 0, err);
    }
    measure_memory(r, true);
    report->first_wrong = r->check.first_wrong.n > 0 ? weir_buf_c(&r->check.first_wrong) : NULL;
    return status;
}

/* --- the whole --- */

enum weir_status weir_cli_bench_run_new(struct weir_cli_bench_run **out,
                                        const struct weir_cli_bench_opts *opts,
                                        struct weir_error *err)
{
    struct weir_mem *mem = weir_mem_default();
    struct weir_cli_bench_run *r = weir_mem_zalloc(mem, sizeof *r);
    if (!r)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    r->opts = *opts;
    raise_descriptors(opts->n_connections);
    enum weir_status status = weir_loop_init(&r->loop, mem, err);
    if (status == WEIR_OK) {
        /* Fails only where so many descriptors are not allowed; connecting tells then. */
        enum weir_status ignored =
            weir_loop_reserve(&r->loop, opts->n_connections * 2 + DESCRIPTORS_SPARE);
        (void)ignored;
        status = set_up(r, err);
    }
    if (status == WEIR_OK)
        status = measure(r, err);
    r->is_fine = status == WEIR_OK;
    if (status != WEIR_OK) {
        weir_cli_bench_run_free(r);
        return status;
    }
    *out = r;
    return WEIR_OK;
}

const struct weir_cli_bench_report *weir_cli_bench_run_report(const struct weir_cli_bench_run *r)
{
    return &r->report;
}

void weir_cli_bench_run_free(struct weir_cli_bench_run *r)
{
    if (!r)
        return;
    weir_cli_bench_swap_free(r->swap);
    for (unsigned i = 0; i < WEIR_CLI_BENCH_SIDES; i++) {
        struct side *s = &r->servers[i];
        weir_cli_bench_load_free(s->load);
        weir_cli_bench_server_stop(&s->server, !r->is_fine);
        weir_cli_bench_requests_deinit(&s->requests);
        weir_buf_deinit(&s->model);
        weir_cli_bench_tally_deinit(&r->report.sides[i].tally);
    }
    weir_cli_bench_check_deinit(&r->check);
    weir_cli_file_deinit(&r->body);
    weir_loop_deinit(&r->loop);
    weir_mem_free(weir_mem_default(), r);
}

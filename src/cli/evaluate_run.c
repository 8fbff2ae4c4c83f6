/* SPDX-License-Identifier: MIT */
/* The work of weir evaluate. A second model reads the file again, since its features, types and
 * classes are its own; only rows that both take are compared. */
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/evaluate.h"
#include "cli/evaluate_rules.h"
#include "cli/file.h"
#include "gate/align.h"
#include "gate/bootstrap.h"
#include <weir/format.h>

enum { MODEL, BASELINE, N_SIDES, REPLICATES_DEFAULT = 2000 };

/* A model on the rows. */
struct side {
    struct weir_cli_file file;
    struct weir_model *model;
    struct weir_gate_holdout holdout;
    struct weir_gate_evaluation evaluation;
    struct weir_gate_source source;
    bool has_holdout;
    bool has_evaluation;
};

/* Everything of one run; zeroed is fine to end. */
struct work {
    struct weir_cli_evaluate *request;
    struct weir_cli_evaluate_rules rules;
    struct side sides[N_SIDES];
    size_t n_sides;
    struct weir_gate_align align;
    struct weir_gate_compare *compare;
    uint64_t n_replicates_done;
    struct weir_cli_progress progress;
    struct weir_error *err;
};

static bool on_rows(void *ctx, uint64_t bytes, uint64_t bytes_total, uint64_t n_rows)
{
    weir_cli_progress_step(ctx, bytes, bytes_total, n_rows, weir_clock_ns());
    return true;
}

static bool on_replicate(void *ctx)
{
    struct work *w = ctx;
    weir_cli_progress_step(&w->progress, w->n_replicates_done, w->request->compare.n_replicates,
                           w->n_replicates_done, weir_clock_ns());
    w->n_replicates_done++;
    return true;
}

/* Reads a model from the bytes that the digest is of. */
static enum weir_status load(struct side *side, const char *path, struct weir_error *err)
{
    enum weir_status status = weir_cli_file_read(&side->file, path, err);
    if (status != WEIR_OK)
        return status;
    status = weir_format_load_bytes(&side->model, side->file.bytes.at, side->file.bytes.n, path,
                                    NULL, err);
    if (status != WEIR_OK)
        return weir_error_prefix(err, "%s", path);
    weir_buf_deinit(&side->file.bytes); /* The model has what it needs. */
    side->source.model = weir_str_c(path);
    side->source.digest = weir_str_c(side->file.digest);
    return WEIR_OK;
}

static enum weir_status read_rows(struct work *w, struct side *side)
{
    const struct weir_cli_evaluate *r = w->request;
    struct weir_gate_holdout_opts opts = r->holdout;
    opts.progress = on_rows;
    opts.progress_ctx = &w->progress;
    side->source.data = weir_str_c(r->data);
    side->source.policy = weir_str_c(r->policy_text);
    weir_cli_progress_phase(&w->progress, side->model ? "reading and scoring" : "reading", "rows",
                            weir_clock_ns());
    enum weir_status status =
        weir_gate_holdout_read(&side->holdout, r->data, side->model, &opts, w->err);
    side->has_holdout = status == WEIR_OK;
    if (status != WEIR_OK && side == &w->sides[BASELINE])
        return weir_error_prefix(w->err, "the baseline %s", r->baseline);
    if (status == WEIR_OK && side->holdout.n == 0)
        status = weir_error_set(w->err, WEIR_ERR_INVALID, "%s: no row counts: %s", r->data,
                                side->holdout.n_refused > 0 ? side->holdout.refused
                                                            : "none has a truth");
    return status;
}

/* Gives all numbers intervals. */
static enum weir_status resample(struct work *w, struct side *side)
{
    struct weir_gate_compare_opts opts = w->request->compare;
    opts.goes_on = on_replicate;
    opts.ctx = w;
    w->n_replicates_done = 0;
    weir_cli_progress_phase(&w->progress, "bootstrap", "resamples", weir_clock_ns());
    return weir_gate_bootstrap_numbers(&side->evaluation, &opts, w->err);
}

static enum weir_status measure(struct work *w, struct side *side)
{
    weir_cli_progress_phase(&w->progress, "sorting and measuring", NULL, weir_clock_ns());
    enum weir_status status = weir_gate_evaluation_make(&side->evaluation, &side->holdout,
                                                        &w->request->evaluation, w->err);
    side->has_evaluation = status == WEIR_OK;
    if (status == WEIR_OK && w->request->compare.n_replicates > 0)
        status = resample(w, side);
    return status;
}

static enum weir_status compare(struct work *w)
{
    struct weir_gate_compare_opts opts = w->request->compare;
    opts.alpha = w->request->evaluation.alpha;
    opts.goes_on = on_replicate;
    opts.ctx = w;
    w->n_replicates_done = 0;
    weir_cli_progress_phase(&w->progress, "comparing", "resamples", weir_clock_ns());
    w->compare = weir_mem_zarray(weir_mem_default(), 1, sizeof *w->compare);
    if (!w->compare)
        return weir_error_set(w->err, WEIR_ERR_NO_MEMORY, "out of memory");
    return weir_gate_compare_make(w->compare, &w->sides[MODEL].evaluation,
                                  &w->sides[BASELINE].evaluation, &opts, w->err);
}

static enum weir_status align(struct work *w)
{
    enum weir_status status =
        weir_gate_align(&w->sides[MODEL].holdout, &w->sides[BASELINE].holdout, &w->align, w->err);
    if (status == WEIR_OK && w->align.n == 0)
        status = weir_error_set(w->err, WEIR_ERR_INVALID, "no row is taken by both models");
    return status;
}

/* Reads the rules; what they need is then measured. */
static enum weir_status read_rules(struct work *w)
{
    struct weir_cli_evaluate *r = w->request;
    if (!r->rules)
        return WEIR_OK;
    enum weir_status status = weir_cli_evaluate_rules_read(&w->rules, r->rules, w->err);
    if (status == WEIR_OK)
        status = weir_cli_evaluate_rules_cut(&w->rules, r->slices, &r->holdout.n_slices,
                                             WEIR_ARRAY_LEN(r->slices), w->err);
    if (status == WEIR_OK && r->compare.n_replicates == 0 &&
        weir_gate_rules_needs(&w->rules.rules, r->baseline != NULL).bootstrap)
        r->compare.n_replicates = REPLICATES_DEFAULT;
    return status;
}

static enum weir_status judge(struct work *w)
{
    struct weir_gate_compare_opts opts = w->request->compare;
    opts.alpha = w->request->evaluation.alpha;
    weir_cli_progress_phase(&w->progress, "judging", NULL, weir_clock_ns());
    return weir_cli_evaluate_rules_judge(
        &w->rules, &w->sides[MODEL].evaluation,
        w->n_sides == N_SIDES ? &w->sides[BASELINE].evaluation : NULL, w->compare, &opts, w->err);
}

static enum weir_status work(struct work *w)
{
    const struct weir_cli_evaluate *r = w->request;
    const char *const paths[N_SIDES] = {r->model, r->baseline};
    enum weir_status status = read_rules(w);
    w->n_sides = r->baseline ? N_SIDES : 1;
    for (size_t i = 0; i < w->n_sides && status == WEIR_OK; i++)
        status = paths[i] ? load(&w->sides[i], paths[i], w->err) : WEIR_OK;
    for (size_t i = 0; i < w->n_sides && status == WEIR_OK; i++)
        status = read_rows(w, &w->sides[i]);
    if (status == WEIR_OK && r->baseline)
        status = align(w);
    for (size_t i = 0; i < w->n_sides && status == WEIR_OK; i++)
        status = measure(w, &w->sides[i]);
    if (status == WEIR_OK && r->baseline)
        status = compare(w);
    if (status == WEIR_OK && r->rules)
        status = judge(w);
    return status;
}

/* Puts the rules' verdict into the report; returns the exit that stands for it. */
static int tell_verdict(const struct work *w, struct weir_gate_report *report)
{
    const struct weir_gate_rules_judgement *j = &w->rules.judgement;
    if (!w->rules.has_judgement)
        return WEIR_CLI_EXIT_OK;
    report->rules = j;
    report->verdict = weir_str_c(weir_gate_rules_verdict_name(j->verdict));
    report->reason = weir_str_c(j->reason);
    switch (j->verdict) {
    case WEIR_GATE_RULES_PASS:
        break;
    case WEIR_GATE_RULES_FAIL:
        report->code = WEIR_STR("rule_failed");
        return WEIR_CLI_EVALUATE_EXIT_FAIL;
    case WEIR_GATE_RULES_INCONCLUSIVE:
        report->code = WEIR_STR("inconclusive");
        return WEIR_CLI_EVALUATE_EXIT_INCONCLUSIVE;
    }
    return WEIR_CLI_EXIT_OK;
}

/* Writes and logs; returns what the process ends with. */
static int write_all(struct work *w)
{
    const struct weir_cli_evaluate *r = w->request;
    struct weir_gate_report report = {
        .candidate = {&w->sides[MODEL].evaluation, &w->sides[MODEL].source},
        .candidate_name = WEIR_STR("model"),
        .live_name = WEIR_STR("baseline"),
        .compare = w->compare};
    if (w->n_sides == N_SIDES)
        report.live = (struct weir_gate_report_side){&w->sides[BASELINE].evaluation,
                                                     &w->sides[BASELINE].source};
    weir_cli_progress_phase(&w->progress, "rendering", NULL, weir_clock_ns());
    weir_cli_progress_end(&w->progress);
    for (size_t i = 0; i < w->n_sides; i++) {
        if (w->align.n_dropped[i] > 0)
            fprintf(stderr, "weir: rows left out that %s refuses: %zu\n",
                    i == MODEL ? r->baseline : r->model, w->align.n_dropped[i]);
    }
    int verdict = tell_verdict(w, &report);
    if (weir_cli_evaluate_write(r, &report, w->err) != WEIR_OK)
        return weir_cli_fail_json(w->err, r->is_json);
    if (r->mlflow.url && weir_cli_evaluate_log(r, &report, w->err) != WEIR_OK) {
        int code = weir_cli_fail(w->err); /* The document has been written. */
        verdict = verdict == WEIR_CLI_EXIT_OK ? code : verdict;
    }
    return verdict;
}

int weir_cli_evaluate_run(struct weir_cli_evaluate *request)
{
    struct weir_error err = WEIR_ERROR_INIT;
    struct work w = {.request = request, .err = &err};
    weir_cli_progress_init(&w.progress, "rows", weir_clock_ns());
    weir_cli_progress_set(&w.progress, request->progress);
    enum weir_status status = work(&w);
    weir_cli_progress_end(&w.progress);
    int code = status == WEIR_OK ? write_all(&w) : weir_cli_fail_json(&err, request->is_json);
    weir_cli_evaluate_rules_deinit(&w.rules); /* Its slices borrow from the holdouts. */
    for (size_t i = 0; i < N_SIDES; i++) {
        struct side *side = &w.sides[i];
        if (side->has_evaluation)
            weir_gate_evaluation_deinit(&side->evaluation);
        if (side->has_holdout)
            weir_gate_holdout_deinit(&side->holdout);
        weir_model_free(side->model);
        weir_cli_file_deinit(&side->file);
    }
    weir_mem_free(weir_mem_default(), w.compare);
    return code;
}

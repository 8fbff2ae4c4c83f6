/* SPDX-License-Identifier: MIT */
#include "gate/judge.h"

#include "base/clock.h"
#include "base/macros.h"
#include "gate/gate_file_priv.h"
#include "gate/judge_priv.h"
#include "gate/rulings.h"
#include "gate/signature.h"
#include "gate/smoke.h"
#include "gate/verdict.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

enum { REPLICATES = 2000, REPLICATES_MIN = 200, REPLICATE_ROWS = 40000000 };

static const struct {
    const char *name;
    enum weir_gate_result result;
} codes[] = {
#define CODE_ROW(code, name, result) {name, WEIR_GATE_##result},
    WEIR_GATE_CODE_MAP(CODE_ROW)
#undef CODE_ROW
};

const char *weir_gate_judge_result_name(enum weir_gate_result result)
{
    static const char *const names[] = {
#define RESULT_ROW(code, name) name,
        WEIR_GATE_RESULT_MAP(RESULT_ROW)
#undef RESULT_ROW
    };
    return names[result];
}

const char *weir_gate_judge_code_name(enum weir_gate_code code)
{
    return codes[code].name;
}

/* --- deciding ----------------------------------------------------------------------------------
 */

bool weir_gate_case_goes_on(struct weir_gate_case *c)
{
    const struct weir_gate_job *job = c->job;
    c->is_late = c->is_late || weir_clock_ns() >= c->deadline_ns;
    c->is_stopped = c->is_stopped || (job->is_stopped && job->is_stopped(job->ctx));
    return !c->is_late && !c->is_stopped;
}

bool weir_gate_case_decide(struct weir_gate_case *c, enum weir_gate_code code, const char *fmt, ...)
{
    struct weir_gate_verdict *v = c->out;
    va_list args;
    v->code = code;
    v->result = codes[code].result;
    va_start(args, fmt);
    (void)vsnprintf(v->reason, sizeof v->reason, fmt, args); /* A cut reason is still one. */
    va_end(args);
    return false;
}

/* Decides for a step that failed: otherwise is what its failure means unless memory or time ran
 * out. */
static bool decide_failure(struct weir_gate_case *c, enum weir_status status,
                           enum weir_gate_code otherwise)
{
    const struct weir_gate_file *gate = c->job->gate;
    if (c->is_stopped)
        return weir_gate_case_decide(c, WEIR_GATE_CODE_SUPERSEDED,
                                     "the candidate was replaced or withdrawn while it was judged");
    if (c->is_late || status == WEIR_ERR_TIMEOUT || status == WEIR_ERR_CANCELED)
        return weir_gate_case_decide(c, WEIR_GATE_CODE_TIMEOUT,
                                     "not judged within %.3g s (timeout), while %s",
                                     (double)gate->timeout_ns / (double)WEIR_NS_PER_S, c->phase);
    if (status == WEIR_ERR_NO_MEMORY || status == WEIR_ERR_LIMIT)
        return weir_gate_case_decide(c, WEIR_GATE_CODE_OOM, "not enough memory while %s: %s",
                                     c->phase, c->err.msg);
    return weir_gate_case_decide(c, otherwise, "%s", c->err.msg);
}

/* Begins a phase. */
static void enter(struct weir_gate_case *c, const char *phase)
{
    c->phase = phase;
    if (c->job->progress)
        c->job->progress(c->job->ctx, phase, 0, 0);
}

/* --- the holdout -------------------------------------------------------------------------------
 */

static bool on_rows(void *ctx, uint64_t bytes, uint64_t bytes_total, uint64_t n_rows)
{
    struct weir_gate_case *c = ctx;
    (void)n_rows;
    if (c->job->progress)
        c->job->progress(c->job->ctx, c->phase, bytes, bytes_total);
    return weir_gate_case_goes_on(c);
}

/* Reads the holdout for one side. */
static enum weir_status read_side(struct weir_gate_case *c, int side)
{
    const struct weir_gate_file *gate = c->job->gate;
    const struct weir_gate_party *party = weir_gate_case_party(c, side);
    bool has_space = party->has_threshold && party->score_space.n > 0;
    struct weir_gate_holdout_opts opts = {
        .label = gate->label.at,
        .weight = gate->weight.n ? gate->weight.at : NULL,
        .positive = gate->positive.n ? gate->positive.at : NULL,
        /* A threshold that is in force is on the scores it was chosen on. */
        .ranks_by_proba =
            has_space ? weir_str_eq_c(party->score_space, "predict_proba") : gate->ranks_by_proba,
        .n_rows_max = gate->rows_max,
        .bytes_max = gate->memory_max / 4, /* Two sides, and as much again for their numbers. */
        .progress = on_rows,
        .progress_ctx = c,
    };
    enter(c, side == WEIR_GATE_CANDIDATE ? "scoring the candidate" : "scoring the live version");
    enum weir_status status =
        weir_gate_holdout_read(&c->holdouts[side], gate->holdout.at, party->model, &opts, &c->err);
    c->has_holdout[side] = status == WEIR_OK;
    return status;
}

/* Finds whether the holdout is there; decides if not. */
static bool find_holdout(struct weir_gate_case *c)
{
    const struct weir_gate_file *gate = c->job->gate;
    struct stat st;
    if (stat(gate->holdout.at, &st) != 0) {
        (void)weir_gate_case_decide(c, WEIR_GATE_CODE_HOLDOUT_MISSING, "the holdout %s: %s",
                                    gate->holdout.at, strerror(errno));
        if (gate->no_holdout == WEIR_GATE_ALLOW)
            c->out->result = WEIR_GATE_PASS;
        return false;
    }
    if (!S_ISREG(st.st_mode))
        return weir_gate_case_decide(c, WEIR_GATE_CODE_HOLDOUT_INVALID,
                                     "the holdout %s is not a regular file", gate->holdout.at);
    if (!gate->is_trusted && !weir_gate_file_is_inside(gate->folder.at, gate->holdout.at))
        return weir_gate_case_decide(c, WEIR_GATE_CODE_HOLDOUT_INVALID,
                                     "the holdout %s lies outside of the model's folder",
                                     gate->holdout.at);
    return true;
}

/* Scores both sides on the same rows. */
static bool score(struct weir_gate_case *c)
{
    const struct weir_gate_file *gate = c->job->gate;
    struct weir_gate_holdout *h = c->holdouts;
    uint64_t from_ns = weir_clock_ns();
    enum weir_status status = find_holdout(c) ? WEIR_OK : WEIR_ERR_NOT_FOUND;
    if (status != WEIR_OK)
        return false;
    for (int side = 0; side < WEIR_GATE_SIDES && status == WEIR_OK; side++) {
        if (weir_gate_case_has(c, side))
            status = read_side(c, side);
    }
    c->score_ns = weir_clock_ns() - from_ns;
    if (status == WEIR_ERR_UNSUPPORTED)
        return decide_failure(c, status, WEIR_GATE_CODE_INCONCLUSIVE);
    if (status != WEIR_OK)
        return decide_failure(c, status, WEIR_GATE_CODE_HOLDOUT_INVALID);
    if (c->has_holdout[WEIR_GATE_LIVE]) {
        enter(c, "pairing the rows");
        status = weir_gate_align(&h[0], &h[1], &c->align, &c->err);
        if (status != WEIR_OK)
            return decide_failure(c, status, WEIR_GATE_CODE_HOLDOUT_INVALID);
    }
    if (h[0].n == 0 && h[0].n_refused > 0)
        return weir_gate_case_decide(c, WEIR_GATE_CODE_HOLDOUT_INVALID,
                                     "the candidate refuses all rows of %s: %s", gate->holdout.at,
                                     h[0].refused);
    if (h[0].n < gate->rows_min)
        return weir_gate_case_decide(c, WEIR_GATE_CODE_HOLDOUT_TOO_SMALL,
                                     "%zu rows of %s count, rows_min is %llu", h[0].n,
                                     gate->holdout.at, (unsigned long long)gate->rows_min);
    return true;
}

/* --- numbers -----------------------------------------------------------------------------------
 */

/* Computes one side's numbers: the candidate decides by the gate's policy, the live version as it
 * serves. */
static enum weir_status evaluate_side(struct weir_gate_case *c, int side)
{
    const struct weir_gate_file *gate = c->job->gate;
    const struct weir_gate_party *party = weir_gate_case_party(c, side);
    struct weir_eval_policy fixed = {.kind = WEIR_EVAL_POLICY_FIXED, .value = party->threshold};
    bool chooses = gate->has_threshold && (side == WEIR_GATE_CANDIDATE || party->chooses_threshold);
    struct weir_gate_evaluation_opts opts = {.alpha = gate->alpha,
                                             .policy = party->has_threshold ? &fixed
                                                       : chooses            ? &gate->threshold
                                                                            : NULL};
    enter(c, "measuring");
    enum weir_status status =
        weir_gate_evaluation_make(&c->evaluations[side], &c->holdouts[side], &opts, &c->err);
    c->has_evaluation[side] = status == WEIR_OK;
    return status;
}

static bool on_replicate(void *ctx)
{
    return weir_gate_case_goes_on(ctx);
}

/* Returns how many times rows are drawn for intervals that have no formula: none unless a rule asks
 * for one, and fewer of many rows, where intervals are narrow. */
static size_t n_replicates(const struct weir_gate_case *c)
{
    struct weir_gate_rules_needs needs =
        weir_gate_rules_needs(c->rules, c->job->live.model != NULL);
    size_t n = weir_max_size(c->holdouts[WEIR_GATE_CANDIDATE].n, 1);
    bool is_weighted = c->job->gate->weight.n > 0; /* then no interval has a formula */
    if (!needs.delta_intervals || (!needs.bootstrap && !is_weighted))
        return 0;
    return weir_max_size(weir_min_size(REPLICATES, REPLICATE_ROWS / n), REPLICATES_MIN);
}

static bool measure(struct weir_gate_case *c)
{
    uint64_t from_ns = weir_clock_ns();
    enum weir_status status = WEIR_OK;
    for (int side = 0; side < WEIR_GATE_SIDES && status == WEIR_OK; side++) {
        if (c->has_holdout[side])
            status = weir_gate_case_goes_on(c) ? evaluate_side(c, side) : WEIR_ERR_CANCELED;
    }
    if (status == WEIR_OK && c->has_evaluation[WEIR_GATE_LIVE]) {
        struct weir_gate_compare_opts opts = {.alpha = c->job->gate->alpha,
                                              .n_replicates = n_replicates(c),
                                              .goes_on = on_replicate,
                                              .ctx = c};
        enter(c, "comparing");
        status = weir_gate_compare_make(&c->compare, &c->evaluations[0], &c->evaluations[1], &opts,
                                        &c->err);
        c->has_compare = status == WEIR_OK;
    }
    c->metrics_ns = weir_clock_ns() - from_ns;
    if (status != WEIR_OK)
        return decide_failure(c, status, WEIR_GATE_CODE_INCONCLUSIVE);
    const struct weir_gate_evaluation *e = &c->evaluations[WEIR_GATE_CANDIDATE];
    if (e->has_choice && c->job->gate->has_threshold) {
        c->out->has_threshold = true;
        c->out->threshold = e->choice.threshold;
        c->out->score_space = weir_str_c(e->holdout->score_space);
    }
    return true;
}

/* --- the whole ---------------------------------------------------------------------------------
 */

static bool check_signature(struct weir_gate_case *c)
{
    const struct weir_gate_job *job = c->job;
    enter(c, "comparing signatures");
    if (!job->live.model || job->gate->allows_other_features)
        return true;
    enum weir_status status = weir_gate_signature_check(weir_model_spec(job->candidate.model),
                                                        weir_model_spec(job->live.model), &c->err);
    return status == WEIR_OK ||
           weir_gate_case_decide(c, WEIR_GATE_CODE_SCHEMA_MISMATCH, "%s", c->err.msg);
}

static bool check_smoke(struct weir_gate_case *c)
{
    const struct weir_gate_job *job = c->job;
    enter(c, "running the smoke rows");
    if (job->gate->smoke.n == 0)
        return true;
    enum weir_status status =
        weir_gate_smoke_check(job->candidate.model, job->gate->smoke, &c->err);
    if (status == WEIR_OK)
        return true;
    (void)weir_error_prefix(&c->err, "smoke"); /* status is what decides. */
    return decide_failure(c, status, WEIR_GATE_CODE_SMOKE_MISMATCH);
}

/* Finds which rules hold. */
static bool find_rules(struct weir_gate_case *c)
{
    const struct weir_gate_file *gate = c->job->gate;
    c->rules = &gate->list;
    if (gate->rules.n > 0)
        return true;
    enum weir_status status = weir_gate_rulings_parse(
        &c->defaults, weir_gate_rulings_default(&c->holdouts[WEIR_GATE_CANDIDATE]), &c->err);
    c->rules = &c->defaults;
    return status == WEIR_OK || decide_failure(c, status, WEIR_GATE_CODE_GATE_INVALID);
}

/* Measures how long both take, where a rule asks. */
static bool measure_latency(struct weir_gate_case *c)
{
    const struct weir_gate_job *job = c->job;
    const struct weir_gate_file *gate = job->gate;
    struct weir_gate_rules_needs needs = weir_gate_rules_needs(c->rules, job->live.model != NULL);
    const char *const others[] = {gate->label.at, gate->weight.n ? gate->weight.at : NULL};
    struct weir_gate_latency_opts opts = {.path = gate->holdout.at,
                                          .others = others,
                                          .n_others = WEIR_ARRAY_LEN(others),
                                          .deadline_ns = c->deadline_ns,
                                          .goes_on = on_replicate,
                                          .ctx = c};
    if (!needs.latency && !needs.live_latency)
        return true;
    for (size_t i = 0; i < c->rules->n_asks; i++)
        opts.batches |= weir_gate_latency_batch_of(weir_str_c(c->rules->asks[i].metric->name));
    enter(c, "measuring latency");
    uint64_t from_ns = weir_clock_ns();
    enum weir_status status = weir_gate_latency_measure(&c->latency, job->candidate.model,
                                                        job->live.model, &opts, &c->err);
    c->has_latency = status == WEIR_OK;
    c->latency_ns = weir_clock_ns() - from_ns;
    return status == WEIR_OK || decide_failure(c, status, WEIR_GATE_CODE_INCONCLUSIVE);
}

/* Without a live version: what the gate says of a first one. */
static bool allows_first(struct weir_gate_case *c)
{
    const struct weir_gate_file *gate = c->job->gate;
    bool has_holdout = gate->holdout.n > 0;
    if (c->job->live.model || gate->first_deploy == WEIR_GATE_ALLOW)
        return true;
    if (gate->first_deploy == WEIR_GATE_DENY)
        return weir_gate_case_decide(c, WEIR_GATE_CODE_FIRST_DEPLOY,
                                     "no version serves, and first_deploy is deny");
    return !has_holdout || c->judgement.n_absolute_passed > 0 ||
           weir_gate_case_decide(c, WEIR_GATE_CODE_FIRST_DEPLOY,
                                 "no version serves to compare with, and no rule speaks for the "
                                 "candidate alone; first_deploy: allow lets it pass");
}

/* Judges the rules. */
static bool judge_rules(struct weir_gate_case *c)
{
    struct weir_gate_rules_extra extras[WEIR_GATE_RULINGS_EXTRAS_MAX];
    struct weir_gate_rules_measured measured = {
        .has_live = c->job->live.model != NULL,
        .all = {.candidate = &c->evaluations[WEIR_GATE_CANDIDATE],
                .live = c->has_evaluation[WEIR_GATE_LIVE] ? &c->evaluations[WEIR_GATE_LIVE] : NULL,
                .compare = c->has_compare ? &c->compare : NULL},
        .extras = extras,
        .n_extras = weir_gate_rulings_extras(c->has_latency ? &c->latency : NULL, c->job->n_uses,
                                             c->job->gate->alpha, extras),
    };
    struct weir_gate_rules_facts table = weir_gate_rules_facts_make(&measured);
    enter(c, "judging the rules");
    enum weir_status status = weir_gate_rules_judge(c->rules, &table, &c->judgement, &c->err);
    if (status != WEIR_OK)
        return decide_failure(c, status, WEIR_GATE_CODE_INCONCLUSIVE);
    c->has_judgement = true;
    switch (c->judgement.verdict) {
    case WEIR_GATE_RULES_PASS:
        break;
    case WEIR_GATE_RULES_FAIL:
        return weir_gate_case_decide(c, WEIR_GATE_CODE_RULE_FAILED, "%s", c->judgement.reason);
    case WEIR_GATE_RULES_INCONCLUSIVE:
        return weir_gate_case_decide(c, WEIR_GATE_CODE_INCONCLUSIVE, "%s", c->judgement.reason);
    }
    return true;
}

/* Goes through the steps until one decides. */
static void judge(struct weir_gate_case *c)
{
    bool has_holdout = c->job->gate->holdout.n > 0;
    if (!check_signature(c) || !check_smoke(c))
        return;
    if (has_holdout &&
        (!score(c) || !find_rules(c) || !measure(c) || !measure_latency(c) || !judge_rules(c)))
        return;
    if (allows_first(c))
        (void)weir_gate_case_decide(c, WEIR_GATE_CODE_OK, "%s",
                                    has_holdout ? c->judgement.reason
                                                : "the smoke rows are answered");
}

/* Writes the documents of a decided case, and lets go of what was measured. */
static enum weir_status finish(struct weir_gate_case *c, struct weir_error *err)
{
    struct weir_gate_verdict *v = c->out;
    const struct weir_gate_holdout *h = &c->holdouts[WEIR_GATE_CANDIDATE];
    if (v->has_threshold && h->n_classes == 2)
        v->positive = h->classes[1];
    weir_gate_verdict_append(&v->document, c);
    if (c->job->wants_report && c->has_evaluation[WEIR_GATE_CANDIDATE])
        weir_gate_verdict_report(&v->report, c);
    bool is_ok = weir_buf_ok(&v->document) && weir_buf_ok(&v->report);
    if (is_ok && v->positive.n > 0) {
        weir_buf_append_str(&v->positive_text, v->positive);
        v->positive = weir_buf_str(&v->positive_text);
        is_ok = weir_buf_ok(&v->positive_text);
    }
    weir_gate_rules_judgement_deinit(&c->judgement);
    weir_gate_rules_deinit(&c->defaults);
    weir_gate_latency_deinit(&c->latency);
    for (int side = 0; side < WEIR_GATE_SIDES; side++) {
        if (c->has_evaluation[side])
            weir_gate_evaluation_deinit(&c->evaluations[side]);
        if (c->has_holdout[side])
            weir_gate_holdout_deinit(&c->holdouts[side]);
    }
    if (!is_ok) {
        weir_gate_judge_deinit(v);
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the verdict's documents");
    }
    return WEIR_OK;
}

static struct weir_gate_case *begin(const struct weir_gate_job *job, struct weir_gate_verdict *out)
{
    *out = (struct weir_gate_verdict){.code = WEIR_GATE_CODE_OK};
    struct weir_gate_case *c = weir_mem_zalloc(weir_mem_default(), sizeof *c);
    if (!c)
        return NULL;
    c->job = job;
    c->out = out;
    c->begun_ns = weir_clock_ns();
    c->begun_wall_ns = weir_clock_wall_ns();
    c->deadline_ns =
        job->gate ? weir_clock_add(c->begun_ns, job->gate->timeout_ns) : WEIR_TIME_NEVER;
    return c;
}

enum weir_status weir_gate_judge(const struct weir_gate_job *job, struct weir_gate_verdict *out,
                                 struct weir_error *err)
{
    weir_assert(job);
    weir_assert(job->gate);
    weir_assert(job->candidate.model);
    weir_assert(out);
    struct weir_gate_case *c = begin(job, out);
    if (!c)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    judge(c);
    enum weir_status status = finish(c, err);
    weir_mem_free(weir_mem_default(), c);
    return status;
}

enum weir_status weir_gate_judge_refuse(const struct weir_gate_job *job, enum weir_gate_code code,
                                        const char *reason, struct weir_gate_verdict *out,
                                        struct weir_error *err)
{
    weir_assert(job);
    weir_assert(out);
    struct weir_gate_case *c = begin(job, out);
    if (!c)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    (void)weir_gate_case_decide(c, code, "%s", reason);
    enum weir_status status = finish(c, err);
    weir_mem_free(weir_mem_default(), c);
    return status;
}

void weir_gate_judge_deinit(struct weir_gate_verdict *verdict)
{
    weir_assert(verdict);
    weir_buf_deinit(&verdict->document);
    weir_buf_deinit(&verdict->report);
    weir_buf_deinit(&verdict->positive_text);
    *verdict = (struct weir_gate_verdict){.code = WEIR_GATE_CODE_OK};
}

bool weir_gate_judge_is_lasting(const struct weir_gate_verdict *verdict)
{
    static const uint32_t passing =
        1u << WEIR_GATE_CODE_TIMEOUT | 1u << WEIR_GATE_CODE_OOM | 1u << WEIR_GATE_CODE_SUPERSEDED |
        1u << WEIR_GATE_CODE_HOLDOUT_MISSING | 1u << WEIR_GATE_CODE_GATE_INVALID |
        1u << WEIR_GATE_CODE_LOAD_ERROR;
    return !(passing & 1u << verdict->code);
}

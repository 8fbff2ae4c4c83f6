/* SPDX-License-Identifier: MIT */
#include "gate/judge.h"

#include "base/clock.h"
#include "base/macros.h"
#include "gate/judge_priv.h"
#include "gate/rulings.h"
#include "gate/signature.h"
#include "gate/smoke.h"
#include "gate/verdict.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

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

bool weir_gate_judge_code_find(struct weir_str name, enum weir_gate_code *out)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(codes); i++) {
        if (!weir_str_eq_c(name, codes[i].name))
            continue;
        *out = (enum weir_gate_code)i;
        return true;
    }
    return false;
}

enum weir_gate_result weir_gate_judge_code_result(enum weir_gate_code code)
{
    return codes[code].result;
}

/* --- deciding ----------------------------------------------------------------------------------
 */

bool weir_gate_judge_goes_on(struct weir_gate_case *c)
{
    const struct weir_gate_job *job = c->job;
    c->is_late = c->is_late || weir_clock_ns() >= c->deadline_ns;
    c->is_stopped = c->is_stopped || (job->is_stopped && job->is_stopped(job->ctx));
    return !c->is_late && !c->is_stopped;
}

bool weir_gate_judge_decide(struct weir_gate_case *c, enum weir_gate_code code, const char *fmt,
                            ...)
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
bool weir_gate_judge_fail(struct weir_gate_case *c, enum weir_status status,
                          enum weir_gate_code otherwise)
{
    const struct weir_gate_file *gate = c->job->gate;
    if (c->is_stopped)
        return weir_gate_judge_decide(
            c, WEIR_GATE_CODE_SUPERSEDED,
            "the candidate was replaced or withdrawn while it was judged");
    if (c->is_late || status == WEIR_ERR_TIMEOUT || status == WEIR_ERR_CANCELED)
        return weir_gate_judge_decide(c, WEIR_GATE_CODE_TIMEOUT,
                                      "not judged within %.3g s (timeout), while %s",
                                      (double)gate->timeout_ns / (double)WEIR_NS_PER_S, c->phase);
    if (status == WEIR_ERR_NO_MEMORY || status == WEIR_ERR_LIMIT)
        return weir_gate_judge_decide(c, WEIR_GATE_CODE_OOM, "not enough memory while %s: %s",
                                      c->phase, c->err.msg);
    return weir_gate_judge_decide(c, otherwise, "%s", c->err.msg);
}

/* Begins a phase. */
void weir_gate_judge_enter(struct weir_gate_case *c, const char *phase)
{
    c->phase = phase;
    if (c->job->progress)
        c->job->progress(c->job->ctx, phase, 0, 0);
}

/* --- the whole ---------------------------------------------------------------------------------
 */

static bool check_signature(struct weir_gate_case *c)
{
    const struct weir_gate_job *job = c->job;
    weir_gate_judge_enter(c, "comparing signatures");
    if (!job->live.model || job->gate->signature == WEIR_GATE_ANY)
        return true;
    enum weir_status status =
        weir_gate_signature_check(weir_model_spec(job->candidate.model),
                                  weir_model_spec(job->live.model), job->gate->signature, &c->err);
    return status == WEIR_OK ||
           weir_gate_judge_decide(c, WEIR_GATE_CODE_SCHEMA_MISMATCH, "%s", c->err.msg);
}

static bool check_smoke(struct weir_gate_case *c)
{
    const struct weir_gate_job *job = c->job;
    weir_gate_judge_enter(c, "running the smoke rows");
    if (job->gate->smoke.n == 0)
        return true;
    enum weir_status status =
        weir_gate_smoke_check(job->candidate.model, job->gate->smoke, &c->err);
    if (status == WEIR_OK)
        return true;
    (void)weir_error_prefix(&c->err, "smoke"); /* status is what decides. */
    return weir_gate_judge_fail(c, status, WEIR_GATE_CODE_SMOKE_MISMATCH);
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
    return status == WEIR_OK || weir_gate_judge_fail(c, status, WEIR_GATE_CODE_GATE_INVALID);
}

/* Without a live version: what the gate says of a first one. */
static bool allows_first(struct weir_gate_case *c)
{
    const struct weir_gate_file *gate = c->job->gate;
    bool has_holdout = gate->holdout.n > 0;
    if (c->job->live.model || gate->first_deploy == WEIR_GATE_ALLOW)
        return true;
    if (gate->first_deploy == WEIR_GATE_DENY)
        return weir_gate_judge_decide(c, WEIR_GATE_CODE_FIRST_DEPLOY,
                                      "no version serves, and first_deploy is deny");
    return !has_holdout || c->judgement.n_absolute_passed > 0 ||
           weir_gate_judge_decide(c, WEIR_GATE_CODE_FIRST_DEPLOY,
                                  "no version serves to compare with, and no rule speaks for the "
                                  "candidate alone; first_deploy: allow lets it pass");
}

/* Judges the rules. */
static bool judge_rules(struct weir_gate_case *c)
{
    c->measured = (struct weir_gate_rules_measured){
        .has_live = c->job->live.model != NULL,
        .all = {.candidate = &c->evaluations[WEIR_GATE_CANDIDATE],
                .live = c->has_evaluation[WEIR_GATE_LIVE] ? &c->evaluations[WEIR_GATE_LIVE] : NULL,
                .compare = c->has_compare ? &c->compare : NULL},
        .slices = c->parts,
        .n_slices = c->n_slices,
        .extras = c->extras,
        .n_extras = weir_gate_rulings_extras(c->has_latency ? &c->latency : NULL, c->job->n_uses,
                                             c->job->gate->alpha, c->extras),
    };
    struct weir_gate_rules_facts table = weir_gate_rules_facts_make(&c->measured);
    weir_gate_judge_enter(c, "judging the rules");
    enum weir_status status = weir_gate_rules_judge(c->rules, &table, &c->judgement, &c->err);
    if (status != WEIR_OK)
        return weir_gate_judge_fail(c, status, WEIR_GATE_CODE_INCONCLUSIVE);
    c->has_judgement = true;
    switch (c->judgement.verdict) {
    case WEIR_GATE_RULES_PASS:
        break;
    case WEIR_GATE_RULES_FAIL:
        return weir_gate_judge_decide(c, WEIR_GATE_CODE_RULE_FAILED, "%s", c->judgement.reason);
    case WEIR_GATE_RULES_INCONCLUSIVE:
        return weir_gate_judge_decide(c, WEIR_GATE_CODE_INCONCLUSIVE, "%s", c->judgement.reason);
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
        (!weir_gate_judge_score(c) || !find_rules(c) || !weir_gate_judge_measure(c) ||
         !weir_gate_judge_slices(c) || !weir_gate_judge_latency(c) || !judge_rules(c)))
        return;
    if (c->out->has_threshold && isinf(c->out->threshold)) {
        (void)weir_gate_judge_decide(c, WEIR_GATE_CODE_INCONCLUSIVE,
                                     "the threshold policy %s is only met when nothing is positive",
                                     c->job->gate->threshold_text.at);
        return;
    }
    if (allows_first(c))
        (void)weir_gate_judge_decide(c, WEIR_GATE_CODE_OK, "%s",
                                     has_holdout ? c->judgement.reason
                                                 : "the smoke rows are answered");
}

/* Writes the documents of a decided case, and lets go of what was measured. */
static enum weir_status finish(struct weir_gate_case *c, struct weir_error *err)
{
    struct weir_gate_verdict *v = c->out;
    const struct weir_gate_holdout *h = &c->holdouts[WEIR_GATE_CANDIDATE];
    v->has_threshold = v->has_threshold && !isinf(v->threshold);
    if (v->has_threshold && h->n_classes == 2)
        v->positive = h->classes[1];
    weir_gate_verdict_append(&v->document, c);
    if (c->has_evaluation[WEIR_GATE_CANDIDATE])
        weir_gate_verdict_report(&v->report, c);
    bool is_ok = weir_buf_ok(&v->document) && weir_buf_ok(&v->report);
    if (is_ok && v->positive.n > 0) {
        weir_buf_append_str(&v->positive_text, v->positive);
        v->positive = weir_buf_str(&v->positive_text);
        is_ok = weir_buf_ok(&v->positive_text);
    }
    weir_gate_rules_judgement_deinit(&c->judgement);
    weir_gate_rules_deinit(&c->defaults);
    weir_gate_judge_free_slices(c);
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
    (void)weir_gate_judge_decide(c, code, "%s", reason);
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

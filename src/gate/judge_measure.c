/* SPDX-License-Identifier: MIT */
/* What a judgement measures: both sides on the holdout, their numbers, differences, latency. */
#include "base/clock.h"
#include "base/macros.h"
#include "gate/judge_priv.h"

#include <errno.h>
#include <sys/stat.h>

enum { REPLICATES = 2000, REPLICATES_MIN = 200, REPLICATE_ROWS = 40000000 };

/* --- the holdout -------------------------------------------------------------------------------
 */

static bool on_rows(void *ctx, uint64_t bytes, uint64_t bytes_total, uint64_t n_rows)
{
    struct weir_gate_case *c = ctx;
    (void)n_rows;
    if (c->job->progress)
        c->job->progress(c->job->ctx, c->phase, bytes, bytes_total);
    return weir_gate_judge_goes_on(c);
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
        .slices = gate->slices,
        .n_slices = gate->n_slices,
        .n_rows_max = gate->rows_max,
        .bytes_max = gate->memory_max / 4, /* Two sides, and as much again for their numbers. */
        .is_regular = true,
        .progress = on_rows,
        .progress_ctx = c,
    };
    weir_gate_judge_enter(c, side == WEIR_GATE_CANDIDATE ? "scoring the candidate"
                                                         : "scoring the live version");
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
        (void)weir_gate_judge_decide(c, WEIR_GATE_CODE_HOLDOUT_MISSING, "the holdout %s: %s",
                                     gate->holdout.at, strerror(errno));
        if (gate->no_holdout == WEIR_GATE_ALLOW)
            c->out->result = WEIR_GATE_PASS;
        return false;
    }
    if (!S_ISREG(st.st_mode))
        return weir_gate_judge_decide(c, WEIR_GATE_CODE_HOLDOUT_INVALID,
                                      "the holdout %s is not a regular file", gate->holdout.at);
    if (!weir_gate_file_allows(gate, gate->holdout.at))
        return weir_gate_judge_decide(c, WEIR_GATE_CODE_HOLDOUT_INVALID,
                                      "the holdout %s lies outside of the model's folder",
                                      gate->holdout.at);
    return true;
}

/* Scores both sides on the same rows. */
bool weir_gate_judge_score(struct weir_gate_case *c)
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
        return weir_gate_judge_fail(c, status, WEIR_GATE_CODE_INCONCLUSIVE);
    if (status != WEIR_OK)
        return weir_gate_judge_fail(c, status, WEIR_GATE_CODE_HOLDOUT_INVALID);
    if (c->has_holdout[WEIR_GATE_LIVE]) {
        weir_gate_judge_enter(c, "pairing the rows");
        status = weir_gate_align(&h[0], &h[1], &c->align, &c->err);
        if (status != WEIR_OK)
            return weir_gate_judge_fail(c, status, WEIR_GATE_CODE_HOLDOUT_INVALID);
    }
    if (h[0].n == 0 && h[0].n_refused > 0)
        return weir_gate_judge_decide(c, WEIR_GATE_CODE_HOLDOUT_INVALID,
                                      "the candidate refuses all rows of %s: %s", gate->holdout.at,
                                      h[0].refused);
    if (h[0].n < gate->rows_min)
        return weir_gate_judge_decide(c, WEIR_GATE_CODE_HOLDOUT_TOO_SMALL,
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
    weir_gate_judge_enter(c, "measuring");
    enum weir_status status =
        weir_gate_evaluation_make(&c->evaluations[side], &c->holdouts[side], &opts, &c->err);
    c->has_evaluation[side] = status == WEIR_OK;
    return status;
}

static bool on_replicate(void *ctx)
{
    return weir_gate_judge_goes_on(ctx);
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

struct weir_gate_compare_opts weir_gate_judge_compare_opts(struct weir_gate_case *c)
{
    return (struct weir_gate_compare_opts){.alpha = c->job->gate->alpha,
                                           .n_replicates = n_replicates(c),
                                           .goes_on = on_replicate,
                                           .ctx = c};
}

bool weir_gate_judge_measure(struct weir_gate_case *c)
{
    uint64_t from_ns = weir_clock_ns();
    enum weir_status status = WEIR_OK;
    for (int side = 0; side < WEIR_GATE_SIDES && status == WEIR_OK; side++) {
        if (c->has_holdout[side])
            status = weir_gate_judge_goes_on(c) ? evaluate_side(c, side) : WEIR_ERR_CANCELED;
    }
    if (status == WEIR_OK && c->has_evaluation[WEIR_GATE_LIVE]) {
        struct weir_gate_compare_opts opts = weir_gate_judge_compare_opts(c);
        weir_gate_judge_enter(c, "comparing");
        status = weir_gate_compare_make(&c->compare, &c->evaluations[0], &c->evaluations[1], &opts,
                                        &c->err);
        c->has_compare = status == WEIR_OK;
    }
    c->metrics_ns = weir_clock_ns() - from_ns;
    if (status != WEIR_OK)
        return weir_gate_judge_fail(c, status, WEIR_GATE_CODE_INCONCLUSIVE);
    const struct weir_gate_evaluation *e = &c->evaluations[WEIR_GATE_CANDIDATE];
    if (e->has_choice && c->job->gate->has_threshold && !c->job->candidate.has_threshold) {
        c->out->has_threshold = true;
        c->out->threshold = e->choice.threshold;
        c->out->score_space = weir_str_c(e->holdout->score_space);
    }
    return true;
}

/* --- latency ------------------------------------------------------------------------------- */

/* Measures how long both take, where a rule asks. */
bool weir_gate_judge_latency(struct weir_gate_case *c)
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
    weir_gate_judge_enter(c, "measuring latency");
    uint64_t from_ns = weir_clock_ns();
    enum weir_status status = weir_gate_latency_measure(&c->latency, job->candidate.model,
                                                        job->live.model, &opts, &c->err);
    c->has_latency = status == WEIR_OK;
    c->latency_ns = weir_clock_ns() - from_ns;
    return status == WEIR_OK || weir_gate_judge_fail(c, status, WEIR_GATE_CODE_INCONCLUSIVE);
}

/* SPDX-License-Identifier: MIT */
/* A judgement under way: what its parts share. */
#ifndef WEIR_GATE_JUDGE_PRIV_H
#define WEIR_GATE_JUDGE_PRIV_H

#include "gate/align.h"
#include "gate/compare.h"
#include "gate/evaluation.h"
#include "gate/judge.h"
#include "gate/latency.h"
#include "gate/rulings.h"

enum { WEIR_GATE_CANDIDATE, WEIR_GATE_LIVE, WEIR_GATE_SIDES };

struct weir_gate_case_slice;

struct weir_gate_case {
    const struct weir_gate_job *job;
    struct weir_gate_verdict *out;
    uint64_t begun_ns;
    uint64_t begun_wall_ns;
    uint64_t deadline_ns;
    bool is_late;    /* the deadline has passed */
    bool is_stopped; /* the caller wants no more */
    const char *phase;
    /* What was measured; each holds from its flag on. */
    bool has_holdout[WEIR_GATE_SIDES];
    struct weir_gate_holdout holdouts[WEIR_GATE_SIDES];
    bool has_evaluation[WEIR_GATE_SIDES];
    struct weir_gate_evaluation evaluations[WEIR_GATE_SIDES];
    struct weir_gate_align align; /* both holdouts */
    bool has_compare;             /* both evaluations */
    struct weir_gate_compare compare;
    struct weir_gate_rules defaults;     /* where the gate gives no rules */
    const struct weir_gate_rules *rules; /* those that hold; NULL: not known yet */
    bool has_latency;
    struct weir_gate_latency latency;
    bool has_judgement;
    struct weir_gate_rules_judgement judgement;
    struct weir_gate_case_slice *slices; /* n_slices that rules name, owned */
    struct weir_gate_rules_part *parts;  /* n_slices, owned */
    size_t n_slices;
    struct weir_gate_rules_extra extras[WEIR_GATE_RULINGS_EXTRAS_MAX];
    struct weir_gate_rules_measured measured; /* what the rules were judged on */
    uint64_t score_ns;
    uint64_t metrics_ns;
    uint64_t latency_ns;
    struct weir_error err; /* of the last step that failed */
};

/* Finds whether a side takes part. */
static inline bool weir_gate_case_has(const struct weir_gate_case *c, int side)
{
    return side == WEIR_GATE_CANDIDATE || c->job->live.model != NULL;
}

/* Returns a side's model and what is known of it. */
static inline const struct weir_gate_party *weir_gate_case_party(const struct weir_gate_case *c,
                                                                 int side)
{
    return side == WEIR_GATE_CANDIDATE ? &c->job->candidate : &c->job->live;
}

/* Asks whether to go on: false once time is up or the caller wants no more. */
bool weir_gate_judge_goes_on(struct weir_gate_case *c);

/* Decides the case: the code, its usual result, a printf-style reason. Always false, so that a step
 * decides and ends in one statement. */
bool weir_gate_judge_decide(struct weir_gate_case *c, enum weir_gate_code code, const char *fmt,
                            ...) __attribute__((format(printf, 3, 4)));

/* Decides for a step that failed: `otherwise` is what its failure means unless memory or time ran
 * out. Always false. */
bool weir_gate_judge_fail(struct weir_gate_case *c, enum weir_status status,
                          enum weir_gate_code otherwise);

/* Begins a phase ("measuring"), which messages name. */
void weir_gate_judge_enter(struct weir_gate_case *c, const char *phase);

/* The steps of measuring; false: it was decided on the way. */
bool weir_gate_judge_score(struct weir_gate_case *c);
bool weir_gate_judge_measure(struct weir_gate_case *c); /* needs the rules, as do the following */
bool weir_gate_judge_slices(struct weir_gate_case *c);
bool weir_gate_judge_latency(struct weir_gate_case *c);
void weir_gate_judge_free_slices(struct weir_gate_case *c);

/* Returns how two evaluations are compared. */
struct weir_gate_compare_opts weir_gate_judge_compare_opts(struct weir_gate_case *c);

#endif

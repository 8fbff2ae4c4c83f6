/* SPDX-License-Identifier: MIT */
/* The inside of the machine, for its files: step.c (states, attempts, actions), step_scan.c (what a
 * scan changes), step_loaded.c (what a load result changes), step_judge.c (candidates and gates),
 * step_calls.c (what people ask for) and step_policy.c (who has a name, which versions serve). */
#ifndef WEIR_REPO_STEP_PRIV_H
#define WEIR_REPO_STEP_PRIV_H

#include "repo/step.h"

struct weir_repo_step {
    const struct weir_config *config;
    struct weir_repo_source **sources; /* n_sources of cap_sources, by key */
    size_t n_sources, cap_sources;
    struct weir_repo_step_model **models; /* n_models of cap_models, by name */
    size_t n_models, cap_models;
    struct weir_repo_action *actions; /* waiting ones from action_at to n_actions */
    size_t action_at, n_actions, cap_actions;
    struct weir_repo_source *loading;       /* a LOAD is under way */
    struct weir_repo_step_model *restoring; /* a RESTORE is */
    struct {
        struct weir_repo_source *source; /* of the candidate; NULL: it was superseded */
        struct weir_version *candidate;  /* NULL: none is being judged */
        struct weir_version *live;       /* what it is judged against; NULL: nothing */
        uint64_t print;                  /* of the gate, when judging began */
        bool is_live_over;               /* live is to be freed once it is no longer needed */
    } judging;
    bool is_changed;
    bool is_scanned; /* at least one scan was taken in */
    bool was_ready;
    uint64_t now_ns, wall_ns; /* of the call under way */
    struct weir_repo_counters counters;
};

/* Moves an attempt or a live version to another state; ends the process on a move that the table
 * does not have. */
void weir_repo_step_move(struct weir_repo_step *step, struct weir_repo_source *s,
                         enum weir_repo_state to);
void weir_repo_step_move_live(struct weir_repo_step *step, struct weir_repo_live *live,
                              enum weir_repo_state to);

/* Begins an attempt, or begins it anew. */
void weir_repo_step_begin(struct weir_repo_step *step, struct weir_repo_source *s);

/* Gives an attempt up; its source may still have a live version. */
void weir_repo_step_drop(struct weir_repo_step *step, struct weir_repo_source *s);

/* Makes the attempt a failed one. digest may be NULL. is_transient: it is tried again by itself.
 * The event is given only when the reason is new. */
void weir_repo_step_fail(struct weir_repo_step *step, struct weir_repo_source *s,
                         struct weir_str reason, const uint8_t *digest, bool is_transient);

/* Begins to retire a live version. */
void weir_repo_step_retire(struct weir_repo_step *step, struct weir_repo_step_model *m,
                           struct weir_repo_live *live);

/* Queues an event about a source or a live version (either may be NULL). */
void weir_repo_step_tell(struct weir_repo_step *step, enum weir_repo_event_kind kind,
                         const struct weir_repo_step_model *m, const struct weir_repo_source *s,
                         const struct weir_repo_live *live, uint64_t number_before,
                         struct weir_str reason, uint64_t ns);

/* Queues a line of a gate's history, with the time of the call under way. */
void weir_repo_step_note(struct weir_repo_step *step, const struct weir_repo_note *note);

/* Makes a source's candidate its live version. */
void weir_repo_step_publish(struct weir_repo_step *step, struct weir_repo_source *s);

/* Decides about a candidate that was just loaded: it is published, or waits for its gate. */
void weir_repo_step_check(struct weir_repo_step *step, struct weir_repo_source *s);

/* Publishes candidates whose gate is gone. */
void weir_repo_step_check_waiting(struct weir_repo_step *step);

/* Gives up a source's candidate, if it has one. */
void weir_repo_step_supersede(struct weir_repo_step *step, struct weir_repo_source *s);

/* Takes in what a scan saw of a gate; a candidate that it holds is tried again when it changed. */
void weir_repo_step_see_gate(struct weir_repo_step *step, struct weir_repo_source *s,
                             const struct weir_repo_gate_seen *gate);

/* Finds whether the files of a gate are no longer being written, as far as their times tell. */
bool weir_repo_step_is_gate_settled(const struct weir_repo_step *step,
                                    const struct weir_repo_source *s);

/* Finds whether a candidate waits for what served last to be restored. */
bool weir_repo_step_wants_rival(const struct weir_repo_step *step,
                                const struct weir_repo_step_model *m);

/* Takes a candidate to be judged; false: none can be now. */
bool weir_repo_step_take_judge(struct weir_repo_step *step, struct weir_repo_action *out);

/* Ends the promotion of a source's candidate, if there is one; live: it serves now; NULL: it came
 * to nothing. */
void weir_repo_step_end_promotion(struct weir_repo_step *step, struct weir_repo_source *s,
                                  const struct weir_repo_live *live);

/* Has a version freed that nobody else uses, after the judging against it if there is one. */
void weir_repo_step_free_live(struct weir_repo_step *step, struct weir_version *version);

/* Puts the parked version into service in place of live, at once. false: there is none, or no
 * memory. */
bool weir_repo_step_unpark(struct weir_repo_step *step, struct weir_repo_step_model *m,
                           struct weir_repo_source *s);

/* Queues KEEP, RECORD, FREE or CANCEL. */
void weir_repo_step_push(struct weir_repo_step *step, enum weir_repo_action_kind kind,
                         struct weir_repo_step_model *m, struct weir_version *version);

/* Finds a model; NULL: there is none of that name. */
struct weir_repo_step_model *weir_repo_step_find(const struct weir_repo_step *step,
                                                 struct weir_str name);

/* Finds or makes a model; NULL: no memory. */
struct weir_repo_step_model *weir_repo_step_model(struct weir_repo_step *step,
                                                  struct weir_str name);

/* Writes a reason, cut to its room. */
void weir_repo_step_reason(struct weir_repo_source *s, struct weir_str text);

/* Decides who has the name, which sources may load, which versions serve, whether the kept file is
 * wanted; after anything about the model changed. */
void weir_repo_step_policy(struct weir_repo_step *step, struct weir_repo_step_model *m);

/* Finds the source whose current version is live; NULL: none. */
struct weir_repo_source *weir_repo_step_source_of(const struct weir_repo_step *step,
                                                  const struct weir_repo_live *live);

/* Answers requests, or runs beside what does. */
static inline bool weir_repo_step_is_running(const struct weir_repo_live *live)
{
    return live->state == WEIR_REPO_READY || live->state == WEIR_REPO_ORPHANED;
}

static inline bool weir_repo_step_is_serving(const struct weir_repo_live *live)
{
    return weir_repo_step_is_running(live) && !live->is_shadow;
}

/* A source of the version that the configuration names as the model's shadow. */
static inline bool weir_repo_step_is_shadow(const struct weir_repo_step *step,
                                            const struct weir_repo_source *s)
{
    return s->number > 0 &&
           weir_config_find_model(step->config, weir_str_c(s->model->name))->shadow == s->number;
}

/* Held by a person, not by its gate. */
static inline bool weir_repo_step_is_put_away(const struct weir_repo_source *s)
{
    return s->has_attempt && s->state == WEIR_REPO_HELD && !s->is_gate_held;
}

static inline bool weir_repo_step_is_owner(const struct weir_repo_source *s)
{
    return s->model->owner && strcmp(s->model->owner, s->group) == 0;
}

#endif

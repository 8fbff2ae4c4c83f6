/* SPDX-License-Identifier: MIT */
/* The inside of the machine, for its files: step.c (states, attempts, actions), step_scan.c (what a
 * scan changes), step_loaded.c (what a load result changes), step_calls.c (what people ask for) and
 * step_policy.c (who has a name, which versions serve). */
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

/* Queues KEEP, RECORD or FREE. */
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

static inline bool weir_repo_step_is_serving(const struct weir_repo_live *live)
{
    return live->state == WEIR_REPO_READY || live->state == WEIR_REPO_ORPHANED;
}

static inline bool weir_repo_step_is_owner(const struct weir_repo_source *s)
{
    return s->model->owner && strcmp(s->model->owner, s->group) == 0;
}

#endif

/* SPDX-License-Identifier: MIT */
/* What people ask for by the name of a model: rollback, unload, load. */
#include "repo/step_priv.h"

#include <stdio.h>

static enum weir_status fail_no_model(struct weir_str name, struct weir_error *err)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    return weir_error_set(err, WEIR_ERR_NOT_FOUND, "model \"%s\" not found",
                          weir_str_echo(name, echo, sizeof echo));
}

/* Finds a version folder below the current one that can take its place. */
static bool has_lower(const struct weir_repo_step *step, const struct weir_repo_source *s)
{
    for (size_t i = 0; i < step->n_sources; i++) {
        const struct weir_repo_source *other = step->sources[i];
        bool is_bad = other->has_attempt &&
                      (other->state == WEIR_REPO_FAILED || other->state == WEIR_REPO_HELD);
        if (other->model == s->model && other->number < s->number && other->is_present &&
            other->number > 0 && !weir_repo_step_is_shadow(step, other) && (other->live || !is_bad))
            return true;
    }
    return false;
}

bool weir_repo_step_rollback_file(const struct weir_repo_step *step, struct weir_str model,
                                  uint8_t digest[WEIR_REPO_DIGEST_BYTES])
{
    const struct weir_repo_step_model *m = weir_repo_step_find(step, model);
    const struct weir_repo_live *live = m ? weir_repo_step_default(step, m) : NULL;
    const struct weir_repo_source *s = weir_repo_step_source_of(step, live);
    if (!s || has_lower(step, s) || m->record.before_number == 0 || m->parked)
        return false;
    memcpy(digest, m->record.before, WEIR_REPO_DIGEST_BYTES);
    return true;
}

enum weir_status weir_repo_step_rollback(struct weir_repo_step *step, struct weir_str model,
                                         uint64_t wall_ns, struct weir_error *err)
{
    struct weir_repo_step_model *m = weir_repo_step_find(step, model);
    step->wall_ns = wall_ns;
    struct weir_repo_live *live = m ? weir_repo_step_default(step, m) : NULL;
    struct weir_repo_source *s = weir_repo_step_source_of(step, live);
    if (!live)
        return fail_no_model(model, err);
    if (!s || (s->has_attempt && s->state == WEIR_REPO_LOADING) || m->is_rollback ||
        m->is_promoted_kept)
        return weir_error_set(err, WEIR_ERR_BUSY, "model \"%s\" is being loaded", m->name);
    bool lower = has_lower(step, s);
    if (!lower && m->record.before_number == 0)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "model \"%s\" has no version before %llu",
                              m->name, (unsigned long long)live->version->number);
    memcpy(m->record.held, live->version->digest, sizeof m->record.held);
    m->record.has_held = true;
    weir_repo_step_begin(step, s);
    weir_repo_step_move(step, s, WEIR_REPO_HELD);
    weir_repo_step_reason(s, WEIR_STR("was rolled back; held until the file changes"));
    if (weir_repo_step_unpark(step, m, s)) {
        /* It serves already. */
    } else if (!lower) {
        m->is_rollback = true;
        m->is_restore_wanted = true;
    } else {
        step->counters.rollbacks++;
    }
    weir_repo_step_push(step, WEIR_REPO_ACTION_RECORD, m, NULL);
    weir_repo_step_policy(step, m);
    return WEIR_OK;
}

enum weir_status weir_repo_step_unload(struct weir_repo_step *step, struct weir_str model,
                                       uint64_t now_ns, uint64_t wall_ns, struct weir_error *err)
{
    struct weir_repo_step_model *m = weir_repo_step_find(step, model);
    step->now_ns = now_ns;
    step->wall_ns = wall_ns;
    struct weir_repo_live *first = m ? weir_repo_step_default(step, m) : NULL;
    if (!first)
        return fail_no_model(model, err);
    if ((step->loading && step->loading->model == m) || m->is_restore_wanted)
        return weir_error_set(err, WEIR_ERR_BUSY, "model \"%s\" is being loaded", m->name);
    m->is_unloaded = true;
    weir_repo_step_tell(step, WEIR_REPO_EVENT_UNLOADED, m, NULL, first, 0, WEIR_STR("asked for"),
                        0);
    step->counters.unloads++;
    for (struct weir_repo_live *live = m->live; live; live = live->next) {
        if (weir_repo_step_is_running(live))
            weir_repo_step_retire(step, m, live);
    }
    for (size_t i = 0; i < step->n_sources; i++) {
        struct weir_repo_source *s = step->sources[i];
        if (s->model != m || !s->is_present)
            continue;
        weir_repo_step_begin(step, s);
        weir_repo_step_move(step, s, WEIR_REPO_HELD);
        weir_repo_step_reason(s, WEIR_STR("was unloaded; held until the file changes"));
    }
    return WEIR_OK;
}

enum weir_status weir_repo_step_load(struct weir_repo_step *step, struct weir_str model,
                                     uint64_t now_ns, uint64_t wall_ns, struct weir_error *err)
{
    struct weir_repo_step_model *m = weir_repo_step_find(step, model);
    bool found = false;
    step->now_ns = now_ns;
    step->wall_ns = wall_ns;
    for (size_t i = 0; m && i < step->n_sources; i++) {
        struct weir_repo_source *s = step->sources[i];
        if (s->model != m || !s->is_present)
            continue;
        found = true;
        bool is_stopped =
            s->has_attempt && (s->state == WEIR_REPO_HELD || s->state == WEIR_REPO_FAILED);
        if (!is_stopped || s->is_refused_name || s->is_complaint)
            continue;
        weir_repo_step_begin(step, s);
        s->has_failed_digest = false; /* Asked for by name: tried again even so. */
        s->is_settled = true;
    }
    if (!found)
        return fail_no_model(model, err);
    m->is_unloaded = false;
    if (m->record.has_held) {
        m->record.has_held = false;
        weir_repo_step_push(step, WEIR_REPO_ACTION_RECORD, m, NULL);
    }
    weir_repo_step_policy(step, m);
    return WEIR_OK;
}

/* Finds whether an attempt will come to an end by itself. */
static bool is_under_way(const struct weir_repo_source *s)
{
    switch (s->state) {
    case WEIR_REPO_SEEN: /* What the version policy does not select waits for ever. */
    case WEIR_REPO_SETTLING:
        return s->has_attempt && s->is_present && s->is_selected;
    case WEIR_REPO_LOADING:
    case WEIR_REPO_CHECKING:
        return s->has_attempt;
    case WEIR_REPO_READY:
    case WEIR_REPO_ORPHANED:
    case WEIR_REPO_RETIRING:
    case WEIR_REPO_GONE:
    case WEIR_REPO_FAILED:
    case WEIR_REPO_HELD:
        break;
    }
    return false;
}

enum weir_repo_progress weir_repo_step_progress(const struct weir_repo_step *step,
                                                struct weir_str model, uint64_t since_wall_ns,
                                                char *reason, size_t cap)
{
    const struct weir_repo_step_model *m = weir_repo_step_find(step, model);
    const struct weir_repo_source *failed = NULL;
    const struct weir_repo_source *busy = NULL;
    for (size_t i = 0; m && i < step->n_sources; i++) {
        const struct weir_repo_source *s = step->sources[i];
        if (s->model != m)
            continue;
        if (is_under_way(s))
            busy = s;
        bool is_refused = s->has_attempt && (s->state == WEIR_REPO_FAILED ||
                                             (s->state == WEIR_REPO_HELD && s->is_gate_held));
        if (is_refused && s->since_wall_ns >= since_wall_ns)
            failed = s;
    }
    const struct weir_repo_source *told = busy ? busy : failed;
    if (reason && cap > 0 && told) /* A cut sentence will do. */
        (void)snprintf(reason, cap, "%s: %s", told->file, told->reason);
    if (busy || (m && (m->is_restore_wanted || step->restoring == m)))
        return WEIR_REPO_PROGRESS_BUSY;
    if (failed)
        return WEIR_REPO_PROGRESS_FAILED;
    return m && weir_repo_step_default(step, m) ? WEIR_REPO_PROGRESS_SERVING
                                                : WEIR_REPO_PROGRESS_NONE;
}

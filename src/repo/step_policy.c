/* SPDX-License-Identifier: MIT */
/* Who has a name, which sources may load, and which versions serve.
 *
 * Nothing that serves is retired before something else serves in its place: that one rule keeps a
 * model answering through every kind of broken, held, vanished or half-written file. */
#include "base/macros.h"
#include "base/mem.h"
#include "repo/step_priv.h"

#include <stdio.h>

/* --- the name --- */

static bool is_hopeless(const struct weir_repo_source *s)
{
    return s->has_attempt && s->state == WEIR_REPO_FAILED && !s->is_refused_name;
}

/* The group is there with at least one source; with_hope: one that has not failed. */
static bool is_group_there(const struct weir_repo_step *step, const struct weir_repo_step_model *m,
                           const char *group, bool with_hope)
{
    for (size_t i = 0; group && i < step->n_sources; i++) {
        const struct weir_repo_source *s = step->sources[i];
        if (s->model == m && s->is_present && strcmp(s->group, group) == 0 &&
            !(with_hope && is_hopeless(s)))
            return true;
    }
    return false;
}

static bool has_serving(const struct weir_repo_step_model *m)
{
    for (const struct weir_repo_live *live = m->live; live; live = live->next) {
        if (weir_repo_step_is_serving(live))
            return true;
    }
    return false;
}

static const char *choose_owner(const struct weir_repo_step *step,
                                const struct weir_repo_step_model *m)
{
    bool with_hope = false;
    if (is_group_there(step, m, m->owner, false)) {
        if (has_serving(m) || is_group_there(step, m, m->owner, true))
            return m->owner;
        with_hope = true; /* It failed and nothing serves: another may try. */
    }
    const char *first = NULL;
    for (size_t i = 0; i < step->n_sources; i++) {
        const struct weir_repo_source *s = step->sources[i];
        if (s->model != m || !s->is_present)
            continue;
        if (!is_hopeless(s))
            return s->group;
        if (!first)
            first = s->group;
    }
    return first && !with_hope ? first : m->owner;
}

static void update_owner(struct weir_repo_step *step, struct weir_repo_step_model *m)
{
    const char *owner = choose_owner(step, m);
    if (!owner || (m->owner && strcmp(owner, m->owner) == 0))
        return;
    char *own = weir_mem_strndup(weir_mem_default(), owner, strlen(owner));
    if (!own)
        return; /* The next scan tries again. */
    weir_mem_free(weir_mem_default(), m->owner);
    m->owner = own;
}

static void refuse_others(struct weir_repo_step *step, const struct weir_repo_step_model *m)
{
    for (size_t i = 0; i < step->n_sources; i++) {
        struct weir_repo_source *s = step->sources[i];
        if (s->model != m || !s->is_present || (s->has_attempt && s->state == WEIR_REPO_LOADING))
            continue;
        if (weir_repo_step_is_owner(s)) {
            if (s->has_attempt && s->is_refused_name) {
                weir_repo_step_begin(step, s);
                s->is_settled = weir_clock_add(s->same_ns, step->config->settle_ns) <= step->now_ns;
            }
            continue;
        }
        if (s->live || is_hopeless(s) || (s->has_attempt && s->is_refused_name))
            continue;
        char text[WEIR_REPO_REASON_BYTES];
        const char *group = strchr(m->owner, ':');
        (void)snprintf(text, sizeof text, "the name \"%s\" is taken by %.180s", m->name,
                       group ? group + 1 : m->owner); /* A cut name is still a help. */
        weir_repo_step_begin(step, s);
        weir_repo_step_fail(step, s, weir_str_c(text), NULL, false);
        s->is_refused_name = true;
    }
}

/* --- which sources may load --- */

static bool is_named(const struct weir_config_model *options, uint64_t number)
{
    for (size_t i = 0; i < options->n_versions; i++) {
        if (options->versions[i] == number)
            return true;
    }
    return false;
}

/* Versions count from the highest; sources of one folder are in the order of their keys, which is
 * not that of their numbers. Returns the highest below `below` of the owner; NULL: none. */
static struct weir_repo_source *next_lower(const struct weir_repo_step *step,
                                           const struct weir_repo_step_model *m, uint64_t below)
{
    struct weir_repo_source *best = NULL;
    for (size_t i = 0; i < step->n_sources; i++) {
        struct weir_repo_source *s = step->sources[i];
        if (s->model == m && s->is_present && weir_repo_step_is_owner(s) && s->number < below &&
            !weir_repo_step_is_shadow(step, s) && (!best || s->number > best->number))
            best = s;
    }
    return best;
}

static bool is_stopped(const struct weir_repo_source *s)
{
    return s->has_attempt && (s->state == WEIR_REPO_FAILED || s->state == WEIR_REPO_HELD ||
                              (s->is_complaint && s->state == WEIR_REPO_SEEN));
}

static void select_latest(const struct weir_repo_step *step, const struct weir_repo_step_model *m)
{
    bool serving = has_serving(m);
    uint64_t below = UINT64_MAX;
    for (;;) {
        struct weir_repo_source *s = next_lower(step, m, below);
        if (!s)
            return;
        s->is_selected = true;
        below = s->number;
        if (s->live && !weir_repo_step_is_put_away(s))
            return;
        if (is_stopped(s))
            continue;
        /* One that is still being written does not keep an older one from serving meanwhile. */
        if (s->is_settled || serving || s->state == WEIR_REPO_LOADING)
            return;
    }
}

static void select_sources(struct weir_repo_step *step, const struct weir_repo_step_model *m,
                           const struct weir_config_model *options)
{
    bool is_folder = false;
    for (size_t i = 0; i < step->n_sources; i++) {
        struct weir_repo_source *s = step->sources[i];
        if (s->model != m)
            continue;
        bool is_owner = weir_repo_step_is_owner(s);
        is_folder = is_folder || (is_owner && s->number > 0);
        /* The generation of a flat file is not known before it is loaded: it always may. */
        s->is_selected =
            is_owner &&
            (s->number == 0 || weir_repo_step_is_shadow(step, s) ||
             options->policy == WEIR_CONFIG_POLICY_ALL ||
             (options->policy == WEIR_CONFIG_POLICY_NAMED && is_named(options, s->number)));
    }
    if (is_folder && options->policy == WEIR_CONFIG_POLICY_LATEST)
        select_latest(step, m);
}

/* What was loaded to answer never becomes a shadow, nor the other way round: it is loaded again,
 * which is when a gate looks at it, or not. What answers does so until something else can. */
static void change_places(struct weir_repo_step *step, struct weir_repo_step_model *m)
{
    const struct weir_repo_live *best = weir_repo_step_default(step, m);
    for (size_t i = 0; i < step->n_sources; i++) {
        struct weir_repo_source *s = step->sources[i];
        struct weir_repo_live *live = s->live;
        if (s->model != m)
            continue;
        bool is_shadow = weir_repo_step_is_shadow(step, s);
        if (live && live != best && weir_repo_step_is_running(live) && live->is_shadow != is_shadow)
            weir_repo_step_retire(step, m, live);
        if (is_shadow && s->is_present && s->has_attempt && s->state == WEIR_REPO_HELD &&
            s->is_gate_held) {
            weir_repo_step_begin(step, s);
            s->is_settled = true; /* It was judged: it has been read whole. */
        }
    }
}

/* A version that retired and is wanted again is loaded again. */
static void revive(struct weir_repo_step *step, const struct weir_repo_step_model *m)
{
    for (size_t i = 0; i < step->n_sources; i++) {
        struct weir_repo_source *s = step->sources[i];
        if (s->model != m || !s->is_selected || !s->is_present || s->live || s->has_attempt)
            continue;
        weir_repo_step_begin(step, s);
        s->is_settled = weir_clock_add(s->same_ns, step->config->settle_ns) <= step->now_ns;
        s->seen_ns = step->now_ns;
    }
}

/* Says of each waiting attempt what it waits for. */
static void show_waiting(struct weir_repo_step *step, const struct weir_repo_step_model *m)
{
    for (size_t i = 0; i < step->n_sources; i++) {
        struct weir_repo_source *s = step->sources[i];
        bool is_waiting = s->has_attempt && !s->is_complaint &&
                          (s->state == WEIR_REPO_SEEN || s->state == WEIR_REPO_SETTLING);
        if (s->model != m || !is_waiting)
            continue;
        if (!s->is_selected) {
            if (s->state == WEIR_REPO_SETTLING)
                weir_repo_step_move(step, s, WEIR_REPO_SEEN);
            weir_repo_step_reason(s, WEIR_STR("not selected by the version policy"));
        } else if (!s->is_settled && s->state == WEIR_REPO_SEEN) {
            weir_repo_step_move(step, s, WEIR_REPO_SETTLING);
            weir_repo_step_reason(s, WEIR_STR("was changed just now and may still be written"));
        } else if (s->is_settled) {
            weir_repo_step_reason(s, WEIR_STR("waits for the loader"));
        }
    }
}

/* --- which versions serve --- */

enum { RANK_CURRENT = 8, RANK_FREE = 4, RANK_SELECTED = 2, RANK_PRESENT = 1, RANK_BEST = 15 };

static unsigned rank(const struct weir_repo_step *step, const struct weir_repo_live *live)
{
    const struct weir_repo_source *s = weir_repo_step_source_of(step, live);
    if (!s || !weir_repo_step_is_owner(s))
        return 0;
    bool is_held = weir_repo_step_is_put_away(s) && !s->model->is_rollback;
    bool is_selected = s->is_selected && live->is_shadow == weir_repo_step_is_shadow(step, s);
    return RANK_CURRENT | (is_held ? 0u : RANK_FREE) | (is_selected ? RANK_SELECTED : 0u) |
           (live->state == WEIR_REPO_READY ? RANK_PRESENT : 0u);
}

struct weir_repo_live *weir_repo_step_default(const struct weir_repo_step *step,
                                              const struct weir_repo_step_model *m)
{
    struct weir_repo_live *best = NULL;
    unsigned best_rank = 0;
    for (struct weir_repo_live *live = m->live; live; live = live->next) {
        if (!weir_repo_step_is_serving(live))
            continue;
        unsigned r = rank(step, live);
        /* The list has the newest first, so that among equals the newest stays. */
        if (!best || r > best_rank ||
            (r == best_rank && live->version->number > best->version->number)) {
            best = live;
            best_rank = r;
        }
    }
    return best;
}

static void retire_others(struct weir_repo_step *step, struct weir_repo_step_model *m,
                          const struct weir_config_model *options)
{
    const struct weir_repo_live *best = weir_repo_step_default(step, m);
    for (struct weir_repo_live *live = m->live; live; live = live->next) {
        if (!weir_repo_step_is_running(live) || live == best)
            continue;
        bool is_alone = options->policy == WEIR_CONFIG_POLICY_LATEST && !live->is_shadow;
        bool stays = !is_alone && rank(step, live) == RANK_BEST;
        if (!stays)
            weir_repo_step_retire(step, m, live);
    }
}

/* --- what is kept over a restart --- */

static void update_record(struct weir_repo_step *step, struct weir_repo_step_model *m)
{
    struct weir_repo_record *r = &m->record;
    struct weir_repo_live *best = weir_repo_step_default(step, m);
    if (!best)
        return;
    const struct weir_version *v = best->version;
    bool is_same_digest = memcmp(r->live, v->digest, sizeof r->live) == 0;
    if (is_same_digest && r->live_number == v->number)
        return;
    if (r->before_number && memcmp(r->before, v->digest, sizeof r->before) == 0 && r->has_held) {
        r->before_number = 0; /* Rolled back to it: there is nothing before it that is known. */
    } else if (!is_same_digest && r->live_number) {
        r->before_number = r->live_number;
        memcpy(r->before, r->live, sizeof r->before);
    }
    r->live_number = v->number;
    memcpy(r->live, v->digest, sizeof r->live);
    if (r->generation < v->number)
        r->generation = v->number;
    weir_repo_step_push(step, WEIR_REPO_ACTION_KEEP, m, best->version);
    weir_repo_step_push(step, WEIR_REPO_ACTION_RECORD, m, NULL);
    bool is_parked_before = m->parked && r->before_number &&
                            memcmp(m->parked->digest, r->before, sizeof r->before) == 0;
    if (m->parked && !is_parked_before)
        weir_repo_step_free_live(step, WEIR_TAKE(m->parked));
}

static void want_restore(const struct weir_repo_step *step, struct weir_repo_step_model *m)
{
    if (m->is_rollback || m->is_promoted_kept)
        return;
    if (weir_repo_step_wants_rival(step, m)) {
        m->is_restore_wanted = step->restoring != m;
        return;
    }
    bool is_there = false;
    bool is_usable = false;
    for (size_t i = 0; i < step->n_sources; i++) {
        const struct weir_repo_source *s = step->sources[i];
        if (s->model != m || !s->is_present)
            continue;
        is_there = true;
        is_usable = is_usable || !(is_stopped(s) || s->has_writer || s->is_refused_name ||
                                   weir_repo_step_is_shadow(step, s));
    }
    m->is_restore_wanted = is_there && !is_usable && !has_serving(m) && !m->is_unloaded &&
                           !m->is_restore_tried && m->record.live_number > 0 &&
                           step->restoring != m;
}

void weir_repo_step_policy(struct weir_repo_step *step, struct weir_repo_step_model *m)
{
    const struct weir_config_model *options =
        weir_config_find_model(step->config, weir_str_c(m->name));
    update_owner(step, m);
    if (m->owner)
        refuse_others(step, m);
    select_sources(step, m, options);
    change_places(step, m);
    revive(step, m);
    show_waiting(step, m);
    retire_others(step, m, options);
    update_record(step, m);
    want_restore(step, m);
}

/* --- readiness --- */

bool weir_repo_step_is_decided(const struct weir_repo_step *step,
                               const struct weir_repo_step_model *m)
{
    if (m->is_restore_wanted || step->restoring == m)
        return false;
    if (has_serving(m))
        return true;
    for (size_t i = 0; i < step->n_sources; i++) {
        const struct weir_repo_source *s = step->sources[i];
        /* What the version policy does not select waits for ever. */
        bool may_serve = s->is_selected || (s->has_attempt && s->state == WEIR_REPO_LOADING);
        if (s->model == m && s->is_present && may_serve && !is_stopped(s) &&
            !weir_repo_step_is_shadow(step, s))
            return false;
    }
    return true;
}

static bool has_source(const struct weir_repo_step *step, const struct weir_repo_step_model *m)
{
    for (size_t i = 0; i < step->n_sources; i++) {
        if (step->sources[i]->model == m && step->sources[i]->is_present)
            return true;
    }
    return false;
}

static void say(char *why, size_t cap, const char *text, const char *name)
{
    if (why && cap > 0)
        (void)snprintf(why, cap, "%s%s", text, name); /* A cut sentence will do. */
}

bool weir_repo_step_is_ready(struct weir_repo_step *step, char *why, size_t cap)
{
    size_t n_serving = 0;
    say(why, cap, "", "");
    if (!step->is_scanned) {
        say(why, cap, "the model directories were not read yet", "");
        return false;
    }
    for (size_t i = 0; i < step->n_models; i++) {
        const struct weir_repo_step_model *m = step->models[i];
        bool serves = has_serving(m);
        n_serving += serves;
        if (!has_source(step, m))
            continue;
        if (!step->was_ready && !weir_repo_step_is_decided(step, m)) {
            say(why, cap, "still loading model ", m->name);
            return false;
        }
        if (step->config->strict_readiness && !serves) {
            say(why, cap, "no version serves of model ", m->name);
            return false;
        }
    }
    if (n_serving == 0) {
        say(why, cap, "no model serves", "");
        return false;
    }
    /* From now on a model that is added does not take the whole server out of service. */
    step->was_ready = true;
    return true;
}

/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "base/mem.h"
#include "repo/step_priv.h"

#include <stdio.h>
#include <stdlib.h>

#define TO(state) (1u << WEIR_REPO_##state)

/* Which state may follow which; the diagram is in step.h. */
static const uint32_t moves[WEIR_REPO_STATE_N] = {
    [WEIR_REPO_SEEN] = TO(SETTLING) | TO(LOADING) | TO(FAILED) | TO(HELD) | TO(GONE),
    [WEIR_REPO_SETTLING] = TO(SEEN) | TO(LOADING) | TO(FAILED) | TO(HELD) | TO(GONE),
    [WEIR_REPO_LOADING] = TO(SEEN) | TO(SETTLING) | TO(CHECKING) | TO(FAILED) | TO(HELD) | TO(GONE),
    [WEIR_REPO_CHECKING] = TO(SEEN) | TO(READY) | TO(FAILED) | TO(HELD) | TO(GONE),
    [WEIR_REPO_READY] = TO(ORPHANED) | TO(RETIRING),
    [WEIR_REPO_ORPHANED] = TO(READY) | TO(RETIRING),
    [WEIR_REPO_RETIRING] = TO(GONE),
    [WEIR_REPO_GONE] = 0,
    [WEIR_REPO_FAILED] = TO(SEEN) | TO(HELD) | TO(GONE),
    [WEIR_REPO_HELD] = TO(SEEN) | TO(FAILED) | TO(GONE),
};

static void check_move(enum weir_repo_state from, enum weir_repo_state to)
{
    weir_assert((size_t)from < WEIR_REPO_STATE_N);
    weir_assert((moves[from] & (1u << to)) != 0);
}

void weir_repo_step_move(struct weir_repo_step *step, struct weir_repo_source *s,
                         enum weir_repo_state to)
{
    weir_assert(s->has_attempt);
    check_move(s->state, to);
    s->state = to;
    s->since_wall_ns = step->wall_ns;
    step->is_changed = true;
}

void weir_repo_step_move_live(struct weir_repo_step *step, struct weir_repo_live *live,
                              enum weir_repo_state to)
{
    check_move(live->state, to);
    live->state = to;
    live->since_wall_ns = step->wall_ns;
    step->is_changed = true;
}

void weir_repo_step_reason(struct weir_repo_source *s, struct weir_str text)
{
    size_t n = weir_min_size(text.n, sizeof s->reason - 1);
    if (n)
        memcpy(s->reason, text.at, n);
    s->reason[n] = '\0';
}

/* --- actions --- */

static struct weir_repo_action *new_action(struct weir_repo_step *step,
                                           enum weir_repo_action_kind kind)
{
    if (step->n_actions == step->cap_actions) {
        size_t cap = step->cap_actions ? step->cap_actions * 2 : 16;
        struct weir_repo_action *p =
            weir_mem_resize(weir_mem_default(), step->actions, cap, sizeof *p);
        if (!p)
            return NULL;
        step->actions = p;
        step->cap_actions = cap;
    }
    struct weir_repo_action *a = &step->actions[step->n_actions++];
    *a = (struct weir_repo_action){.kind = kind};
    return a;
}

static void put_text(struct weir_repo_action *a, size_t i, struct weir_str text)
{
    size_t n = weir_min_size(text.n, sizeof a->text[i] - 1);
    if (n)
        memcpy(a->text[i], text.at, n);
    a->text[i][n] = '\0';
}

/* Views are set when the action is taken, since the array may move until then. */
static void point_views(struct weir_repo_action *a)
{
    a->event.model = weir_str_c(a->text[0]);
    a->event.digest = weir_str_c(a->text[1]);
    a->event.file = weir_str_c(a->text[2]);
    a->event.reason = weir_str_c(a->text[3]);
    a->note.model = weir_str_c(a->text[0]);
    a->note.digest = weir_str_c(a->text[1]);
    a->note.code = weir_str_c(a->text[2]);
    a->note.reason = weir_str_c(a->text[3]);
    a->note.forced = weir_str_c(a->text[4]);
    a->note.by = weir_str_c(a->text[5]);
}

void weir_repo_step_tell(struct weir_repo_step *step, enum weir_repo_event_kind kind,
                         const struct weir_repo_step_model *m, const struct weir_repo_source *s,
                         const struct weir_repo_live *live, uint64_t number_before,
                         struct weir_str reason, uint64_t ns)
{
    struct weir_repo_action *a = new_action(step, WEIR_REPO_ACTION_EVENT);
    if (!a)
        return; /* An event is lost, nothing else. */
    a->event = (struct weir_repo_event){.kind = kind, .number_before = number_before, .ns = ns};
    a->event.is_problem = kind == WEIR_REPO_EVENT_LOAD_FAILED || kind == WEIR_REPO_EVENT_ORPHANED ||
                          kind == WEIR_REPO_EVENT_RESTORED || kind == WEIR_REPO_EVENT_SLOW ||
                          kind == WEIR_REPO_EVENT_GATE_REFUSED || kind == WEIR_REPO_EVENT_PROMOTED;
    if (m)
        put_text(a, 0, weir_str_c(m->name));
    if (live) {
        a->event.number = live->version->number;
        put_text(a, 1, weir_str_c(live->version->digest_hex));
        put_text(a, 2, live->version->file);
    } else if (s) {
        a->event.number = s->candidate_number ? s->candidate_number : s->number;
        put_text(a, 2, weir_str_c(s->file));
    }
    put_text(a, 3, reason);
}

void weir_repo_step_note(struct weir_repo_step *step, const struct weir_repo_note *note)
{
    struct weir_repo_action *a = new_action(step, WEIR_REPO_ACTION_NOTE);
    const struct weir_str texts[WEIR_REPO_TEXTS] = {note->model,  note->digest, note->code,
                                                    note->reason, note->forced, note->by};
    if (!a)
        return; /* A line is lost, nothing else. */
    for (size_t i = 0; i < WEIR_REPO_TEXTS; i++)
        put_text(a, i, texts[i]);
    a->note.number = note->number;
    a->note.verdict = note->verdict;
    a->note.ns = note->ns;
    a->note.wall_ns = step->wall_ns;
}

void weir_repo_step_push(struct weir_repo_step *step, enum weir_repo_action_kind kind,
                         struct weir_repo_step_model *m, struct weir_version *version)
{
    struct weir_repo_action *a = new_action(step, kind);
    /* Without memory a version stays until the end, or a record until its next change. */
    if (a) {
        a->model = m;
        a->version = version;
    }
}

/* --- models --- */

static size_t model_place(const struct weir_repo_step *step, struct weir_str name)
{
    size_t from = 0;
    size_t to = step->n_models;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (weir_str_cmp(weir_str_c(step->models[middle]->name), name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

struct weir_repo_step_model *weir_repo_step_find(const struct weir_repo_step *step,
                                                 struct weir_str name)
{
    size_t at = model_place(step, name);
    if (at < step->n_models && weir_str_eq_c(name, step->models[at]->name))
        return step->models[at];
    return NULL;
}

struct weir_repo_step_model *weir_repo_step_model(struct weir_repo_step *step, struct weir_str name)
{
    struct weir_mem *mem = weir_mem_default();
    struct weir_repo_step_model *m = weir_repo_step_find(step, name);
    if (m)
        return m;
    if (step->n_models == step->cap_models) {
        size_t cap = step->cap_models ? step->cap_models * 2 : 16;
        struct weir_repo_step_model **p =
            weir_mem_resize(mem, step->models, cap, sizeof(struct weir_repo_step_model *));
        if (!p)
            return NULL;
        step->models = p;
        step->cap_models = cap;
    }
    m = weir_mem_zalloc(mem, sizeof *m);
    char *own = weir_mem_strndup(mem, name.at, name.n);
    if (!m || !own) {
        weir_mem_free(mem, m);
        weir_mem_free(mem, own);
        return NULL;
    }
    m->name = own;
    size_t at = model_place(step, name);
    memmove(step->models + at + 1, step->models + at,
            (step->n_models - at) * sizeof(struct weir_repo_step_model *));
    step->models[at] = m;
    step->n_models++;
    return m;
}

struct weir_repo_source *weir_repo_step_source_of(const struct weir_repo_step *step,
                                                  const struct weir_repo_live *live)
{
    for (size_t i = 0; live && i < step->n_sources; i++) {
        if (step->sources[i]->live == live)
            return step->sources[i];
    }
    return NULL;
}

/* --- attempts --- */

void weir_repo_step_begin(struct weir_repo_step *step, struct weir_repo_source *s)
{
    weir_repo_step_supersede(step, s);
    weir_repo_step_end_promotion(step, s, NULL);
    if (!s->has_attempt) {
        s->has_attempt = true;
        s->state = WEIR_REPO_SEEN;
        s->since_wall_ns = step->wall_ns;
        step->is_changed = true;
    } else if (s->state != WEIR_REPO_SEEN) {
        weir_repo_step_move(step, s, WEIR_REPO_SEEN);
    }
    s->is_refused_name = false;
    s->is_complaint = false;
    s->has_writer = false;
    s->is_changed_again = false;
    s->is_gate_held = false;
    s->candidate_number = 0;
    s->retry_ns = WEIR_TIME_NEVER;
    s->reason[0] = '\0';
}

void weir_repo_step_drop(struct weir_repo_step *step, struct weir_repo_source *s)
{
    if (!s->has_attempt)
        return;
    weir_repo_step_supersede(step, s);
    weir_repo_step_end_promotion(step, s, NULL);
    weir_repo_step_move(step, s, WEIR_REPO_GONE);
    s->has_attempt = false;
    s->is_gate_held = false;
    s->candidate_number = 0;
    s->reason[0] = '\0';
    s->attempts = 0;
}

static uint64_t backoff(const struct weir_repo_step *step, uint32_t attempts)
{
    uint32_t doublings = attempts > 5 ? 5 : attempts;
    return weir_clock_add(step->now_ns, step->config->rescan_ns << doublings);
}

void weir_repo_step_fail(struct weir_repo_step *step, struct weir_repo_source *s,
                         struct weir_str reason, const uint8_t *digest, bool is_transient)
{
    /* What failed before with these words is known. */
    bool is_news = strncmp(s->failed_reason, reason.n ? reason.at : "",
                           weir_min_size(reason.n, sizeof s->failed_reason - 1)) != 0 ||
                   s->failed_reason[0] == '\0' || (digest && !is_transient);
    weir_repo_step_end_promotion(step, s, NULL);
    if (s->state != WEIR_REPO_FAILED)
        weir_repo_step_move(step, s, WEIR_REPO_FAILED);
    weir_repo_step_reason(s, reason);
    step->is_changed = true;
    if (is_news)
        s->failed_wall_ns = step->wall_ns;
    s->since_wall_ns = s->failed_wall_ns;
    memcpy(s->failed_reason, s->reason, sizeof s->failed_reason);
    s->has_failed_digest = digest && !is_transient;
    if (s->has_failed_digest)
        memcpy(s->failed_digest, digest, sizeof s->failed_digest);
    s->retry_ns = is_transient ? backoff(step, s->attempts) : WEIR_TIME_NEVER;
    if (!is_news)
        return;
    char text[WEIR_REPO_REASON_BYTES];
    const struct weir_repo_live *serving = weir_repo_step_default(step, s->model);
    if (serving)
        (void)snprintf(text, sizeof text, "%.240s; keeping version %llu", s->reason,
                       (unsigned long long)serving->version->number);
    else
        (void)snprintf(text, sizeof text, "%.240s; no version serves yet", s->reason);
    weir_repo_step_tell(step, WEIR_REPO_EVENT_LOAD_FAILED, s->model, s, NULL, 0, weir_str_c(text),
                        0);
}

void weir_repo_step_retire(struct weir_repo_step *step, struct weir_repo_step_model *m,
                           struct weir_repo_live *live)
{
    struct weir_repo_source *s = weir_repo_step_source_of(step, live);
    if (s)
        s->live = NULL;
    weir_repo_step_move_live(step, live, WEIR_REPO_RETIRING);
    weir_repo_step_tell(step, WEIR_REPO_EVENT_RETIRED, m, NULL, live, 0, WEIR_STR(""), 0);
}

/* --- taking actions --- */

static bool take_restore(struct weir_repo_step *step, struct weir_repo_action *out)
{
    for (size_t i = 0; i < step->n_models; i++) {
        struct weir_repo_step_model *m = step->models[i];
        if (!m->is_restore_wanted)
            continue;
        *out = (struct weir_repo_action){.kind = WEIR_REPO_ACTION_RESTORE, .model = m};
        memcpy(out->digest,
               m->is_promoted_kept ? m->record.candidate
               : m->is_rollback    ? m->record.before
                                   : m->record.live,
               sizeof out->digest);
        step->restoring = m;
        step->counters.loads++;
        return true;
    }
    return false;
}

static void name_known(const struct weir_repo_source *s, struct weir_repo_action *out)
{
    const struct weir_repo_record *r = &s->model->record;
    if (s->live)
        memcpy(out->known[out->n_known++], s->live->version->digest, WEIR_REPO_DIGEST_BYTES);
    if (r->has_held)
        memcpy(out->known[out->n_known++], r->held, WEIR_REPO_DIGEST_BYTES);
    if (s->has_failed_digest)
        memcpy(out->known[out->n_known++], s->failed_digest, WEIR_REPO_DIGEST_BYTES);
}

/* The one that has waited longest, so that a file that changes all the time starves nobody. */
static bool take_load(struct weir_repo_step *step, struct weir_repo_action *out)
{
    struct weir_repo_source *best = NULL;
    for (size_t i = 0; i < step->n_sources; i++) {
        struct weir_repo_source *s = step->sources[i];
        bool can = s->has_attempt && s->is_settled && s->is_selected && s->is_present &&
                   (s->state == WEIR_REPO_SEEN || s->state == WEIR_REPO_SETTLING);
        if (can && (!best || s->same_ns < best->same_ns))
            best = s;
    }
    if (!best)
        return false;
    *out = (struct weir_repo_action){.kind = WEIR_REPO_ACTION_LOAD, .source = best};
    name_known(best, out);
    weir_repo_step_move(step, best, WEIR_REPO_LOADING);
    best->reason[0] = '\0';
    best->attempts++;
    best->is_changed_again = false;
    step->loading = best;
    step->counters.loads++;
    return true;
}

bool weir_repo_step_take(struct weir_repo_step *step, struct weir_repo_action *out)
{
    if (step->action_at < step->n_actions) {
        *out = step->actions[step->action_at++];
        point_views(out);
        return true;
    }
    step->action_at = 0;
    step->n_actions = 0;
    if (weir_repo_step_take_judge(step, out))
        return true;
    if (step->loading || step->restoring)
        return false;
    return take_restore(step, out) || take_load(step, out);
}

bool weir_repo_step_take_change(struct weir_repo_step *step)
{
    bool was = step->is_changed;
    step->is_changed = false;
    return was;
}

/* --- the machine itself --- */

enum weir_status weir_repo_step_new(struct weir_repo_step **out, const struct weir_config *config)
{
    struct weir_repo_step *step = weir_mem_zalloc(weir_mem_default(), sizeof *step);
    if (!step)
        return WEIR_ERR_NO_MEMORY;
    step->config = config;
    *out = step;
    return WEIR_OK;
}

void weir_repo_step_free(struct weir_repo_step *step)
{
    struct weir_mem *mem = weir_mem_default();
    if (!step)
        return;
    for (size_t i = 0; i < step->n_sources; i++) {
        weir_mem_free(mem, step->sources[i]->key);
        weir_mem_free(mem, step->sources[i]->group);
        weir_mem_free(mem, step->sources[i]->file);
        weir_mem_free(mem, step->sources[i]);
    }
    for (size_t i = 0; i < step->n_models; i++) {
        struct weir_repo_step_model *m = step->models[i];
        while (m->live) {
            struct weir_repo_live *next = m->live->next;
            weir_mem_free(mem, m->live);
            m->live = next;
        }
        weir_mem_free(mem, m->name);
        weir_mem_free(mem, m->owner);
        weir_mem_free(mem, m);
    }
    weir_mem_free(mem, step->sources);
    weir_mem_free(mem, step->models);
    weir_mem_free(mem, step->actions);
    weir_mem_free(mem, step);
}

void weir_repo_step_set_config(struct weir_repo_step *step, const struct weir_config *config)
{
    step->config = config;
    step->is_changed = true; /* Labels and policies may differ. */
    for (size_t i = 0; i < step->n_models; i++)
        weir_repo_step_policy(step, step->models[i]);
}

void weir_repo_step_each_version(const struct weir_repo_step *step,
                                 void (*fn)(void *ctx, struct weir_version *version), void *ctx)
{
    for (size_t i = 0; i < step->n_models; i++) {
        for (struct weir_repo_live *live = step->models[i]->live; live; live = live->next)
            fn(ctx, live->version);
        if (step->models[i]->parked)
            fn(ctx, step->models[i]->parked);
    }
    for (size_t i = 0; i < step->n_sources; i++) {
        if (step->sources[i]->candidate)
            fn(ctx, step->sources[i]->candidate);
    }
    if (step->judging.candidate && !step->judging.source)
        fn(ctx, step->judging.candidate);
    if (step->judging.live && step->judging.is_live_over)
        fn(ctx, step->judging.live);
}

void weir_repo_step_recall(struct weir_repo_step *step, struct weir_str model,
                           const struct weir_repo_record *record)
{
    struct weir_repo_step_model *m = weir_repo_step_model(step, model);
    if (m)
        m->record = *record;
}

struct weir_repo_step_model *const *weir_repo_step_models(const struct weir_repo_step *step,
                                                          size_t *n)
{
    *n = step->n_models;
    return step->models;
}

struct weir_repo_source *const *weir_repo_step_sources(const struct weir_repo_step *step, size_t *n)
{
    *n = step->n_sources;
    return step->sources;
}

struct weir_repo_counters *weir_repo_step_counters(struct weir_repo_step *step)
{
    return &step->counters;
}

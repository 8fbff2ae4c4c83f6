/* SPDX-License-Identifier: MIT */
/* What the result of a load or of a restore changes, and what a released version leaves. */
#include "base/macros.h"
#include "base/mem.h"
#include "codec/digest.h"
#include "repo/step_priv.h"
#include "tensor/spec.h"

#include <stdio.h>

static bool is_digest(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, WEIR_REPO_DIGEST_BYTES) == 0;
}

/* The content that served last keeps its number over a restart, and so does one that its gate
 * holds; every other gets the next one, so that numbers rise with time, also when an earlier
 * content comes back. */
static uint64_t number_for(struct weir_repo_step_model *m, const struct weir_repo_source *s,
                           const uint8_t *digest)
{
    struct weir_repo_record *r = &m->record;
    if (s->number)
        return s->number;
    if (r->live_number && is_digest(r->live, digest))
        return r->live_number;
    if (r->candidate_number && is_digest(r->candidate, digest))
        return r->candidate_number;
    return ++r->generation;
}

static void set_number(struct weir_version *v, uint64_t number)
{
    int n = snprintf(v->number_digits, sizeof v->number_digits, "%llu", (unsigned long long)number);
    v->number = number;
    v->number_text = weir_str_make(v->number_digits, n > 0 ? (size_t)n : 0);
}

/* Puts a loaded version into service as the current one of s; NULL: no memory. */
static struct weir_repo_live *put_live(struct weir_repo_step *step, struct weir_repo_source *s,
                                       struct weir_version *v, uint64_t number)
{
    struct weir_repo_live *live = weir_mem_zalloc(weir_mem_default(), sizeof *live);
    if (!live)
        return NULL;
    if (v->number == 0)
        set_number(v, number);
    live->version = v;
    live->state = WEIR_REPO_READY;
    live->since_wall_ns = step->wall_ns;
    live->seen_ns = s->seen_ns;
    live->next = s->model->live;
    s->model->live = live;
    s->live = live;
    s->model->is_unloaded = false;
    step->is_changed = true;
    return live;
}

/* Tells of a version whose answers are right and come more slowly than they should. */
static void tell_if_slow(struct weir_repo_step *step, struct weir_repo_source *s,
                         const struct weir_repo_live *live)
{
    const struct weir_spec *spec = live->version->spec;
    if (!spec || spec->n_slow_forests == 0)
        return;
    step->counters.slow_versions++;
    weir_repo_step_tell(step, WEIR_REPO_EVENT_SLOW, s->model, s, live, 0,
                        WEIR_STR("this processor's kernels gave other bits than the plain walk of "
                                 "the trees, which runs instead"),
                        0);
}

/* The candidate on record serves, or another serves in its place; what served all the time changes
 * nothing about it. */
static void forget_candidate(struct weir_repo_step *step, struct weir_repo_step_model *m,
                             const uint8_t *digest)
{
    struct weir_repo_record *r = &m->record;
    if (r->candidate_number == 0 || (r->live_number && is_digest(r->live, digest)))
        return;
    r->candidate_number = 0;
    weir_repo_step_push(step, WEIR_REPO_ACTION_RECORD, m, NULL);
}

/* What was loaded is a candidate. */
static void on_made(struct weir_repo_step *step, struct weir_repo_source *s,
                    const struct weir_repo_loaded *loaded)
{
    weir_repo_step_move(step, s, WEIR_REPO_CHECKING);
    s->candidate = loaded->version;
    s->candidate_number = number_for(s->model, s, loaded->digest);
    s->load_ns = loaded->ns;
    set_number(s->candidate, s->candidate_number);
    weir_repo_step_check(step, s);
}

void weir_repo_step_publish(struct weir_repo_step *step, struct weir_repo_source *s)
{
    struct weir_repo_step_model *m = s->model;
    const struct weir_repo_live *before = weir_repo_step_default(step, m);
    uint64_t number_before = before ? before->version->number : 0;
    struct weir_version *v = WEIR_TAKE(s->candidate);
    struct weir_repo_live *live = put_live(step, s, v, v->number);
    bool is_shadow = weir_repo_step_is_shadow(step, s);
    s->candidate_number = 0;
    if (!live) {
        weir_repo_step_fail(step, s, WEIR_STR("out of memory"), NULL, true);
        weir_repo_step_push(step, WEIR_REPO_ACTION_FREE, NULL, v);
        return;
    }
    weir_repo_step_move(step, s, WEIR_REPO_READY);
    s->has_attempt = false; /* What was the attempt is the live version now. */
    s->has_failed_digest = false;
    s->failed_reason[0] = '\0';
    s->reason[0] = '\0';
    live->is_shadow = is_shadow;
    if (!s->is_present)
        weir_repo_step_move_live(step, live, WEIR_REPO_ORPHANED);
    weir_repo_step_end_promotion(step, s, live);
    if (is_shadow) {
        weir_repo_step_tell(step, WEIR_REPO_EVENT_SHADOWED, m, s, live, number_before, WEIR_STR(""),
                            s->load_ns);
        tell_if_slow(step, s, live);
        return;
    }
    m->is_restore_tried = false;
    /* A folder's held version stays held when another of its versions is published. */
    if (m->record.has_held && s->number == 0) {
        m->record.has_held = false;
        weir_repo_step_push(step, WEIR_REPO_ACTION_RECORD, m, NULL);
    }
    forget_candidate(step, m, v->digest);
    step->counters.swaps += before != NULL;
    weir_repo_step_tell(step, before ? WEIR_REPO_EVENT_SWAPPED : WEIR_REPO_EVENT_PUBLISHED, m, s,
                        live, number_before, WEIR_STR(""), s->load_ns);
    tell_if_slow(step, s, live);
}

/* The loader found a digest that was named to it. */
static void on_known(struct weir_repo_step *step, struct weir_repo_source *s,
                     const struct weir_repo_loaded *loaded)
{
    const struct weir_repo_record *r = &s->model->record;
    weir_repo_step_end_promotion(step, s, NULL);
    if (s->live && is_digest(s->live->version->digest, loaded->digest)) {
        step->counters.loads_unchanged++;
        weir_repo_step_tell(step, WEIR_REPO_EVENT_UNCHANGED, s->model, s, s->live, 0, WEIR_STR(""),
                            0);
        weir_repo_step_drop(step, s);
    } else if (r->has_held && is_digest(r->held, loaded->digest)) {
        weir_repo_step_move(step, s, WEIR_REPO_HELD);
        weir_repo_step_reason(s, WEIR_STR("was rolled back; held until the file changes"));
    } else {
        /* It failed before with this content: nothing new, no event. */
        uint64_t since = s->failed_wall_ns;
        weir_repo_step_move(step, s, WEIR_REPO_FAILED);
        s->since_wall_ns = since;
        memcpy(s->reason, s->failed_reason, sizeof s->reason);
    }
}

/* A file that cannot be loaded is refused by its gate too, before anything is measured. */
static void note_failure(struct weir_repo_step *step, const struct weir_repo_source *s,
                         const struct weir_repo_loaded *loaded)
{
    char hex[WEIR_CODEC_DIGEST_HEX_BYTES] = "";
    if (s->gate.print == 0 || loaded->is_transient)
        return;
    if (loaded->has_digest)
        weir_codec_digest_hex(loaded->digest, hex);
    weir_repo_step_note(step, &(struct weir_repo_note){.model = weir_str_c(s->model->name),
                                                       .number = s->number,
                                                       .digest = weir_str_c(hex),
                                                       .verdict = WEIR_REPO_VERDICT_FAIL,
                                                       .code = WEIR_STR("load_error"),
                                                       .reason = loaded->reason,
                                                       .ns = loaded->ns});
}

static void on_loaded(struct weir_repo_step *step, struct weir_repo_source *s,
                      const struct weir_repo_loaded *loaded)
{
    switch (loaded->outcome) {
    case WEIR_REPO_OUTCOME_OK:
        on_made(step, s, loaded);
        return;
    case WEIR_REPO_OUTCOME_KNOWN:
        on_known(step, s, loaded);
        return;
    case WEIR_REPO_OUTCOME_CHANGED:
        step->counters.loads_restarted++;
        weir_repo_step_move(step, s, WEIR_REPO_SETTLING);
        weir_repo_step_reason(s, WEIR_STR("changed while it was read"));
        s->same_ns = step->now_ns;
        s->is_settled = false;
        return;
    case WEIR_REPO_OUTCOME_WRITER:
        weir_repo_step_move(step, s, WEIR_REPO_SETTLING);
        weir_repo_step_reason(s, WEIR_STR("is open for writing"));
        s->has_writer = true;
        s->is_settled = false;
        s->retry_ns = weir_clock_add(step->now_ns, step->config->rescan_ns);
        return;
    case WEIR_REPO_OUTCOME_FAILED:
        step->counters.loads_failed++;
        note_failure(step, s, loaded);
        weir_repo_step_fail(step, s, loaded->reason, loaded->has_digest ? loaded->digest : NULL,
                            loaded->is_transient);
        return;
    case WEIR_REPO_OUTCOME_CANCELED:
        weir_repo_step_move(step, s, WEIR_REPO_SEEN);
        s->is_settled = false;
        return;
    }
}

/* The source that a kept file stands in for: that of its number, the current one's, else the newest
 * that is there. */
static struct weir_repo_source *restore_place(const struct weir_repo_step *step,
                                              const struct weir_repo_step_model *m, uint64_t number)
{
    for (size_t i = 0; i < step->n_sources; i++) {
        struct weir_repo_source *other = step->sources[i];
        if (other->model == m && other->number == number && weir_repo_step_is_owner(other))
            return other;
    }
    struct weir_repo_source *s = weir_repo_step_source_of(step, weir_repo_step_default(step, m));
    for (size_t i = 0; !s && i < step->n_sources; i++) {
        struct weir_repo_source *other = step->sources[i];
        if (other->model == m && weir_repo_step_is_owner(other))
            s = other;
    }
    return s;
}

/* Puts what served before, or was kept, into service in the place of s. false: no memory. */
static bool put_back(struct weir_repo_step *step, struct weir_repo_source *s,
                     struct weir_version *v, uint64_t number, enum weir_repo_event_kind kind,
                     uint64_t ns)
{
    const struct weir_repo_live *before = weir_repo_step_default(step, s->model);
    uint64_t number_before = before ? before->version->number : 0;
    struct weir_repo_live *live = put_live(step, s, v, number);
    if (!live)
        return false;
    live->seen_ns = step->now_ns;
    if (!s->is_present)
        weir_repo_step_move_live(step, live, WEIR_REPO_ORPHANED);
    step->counters.restores += kind == WEIR_REPO_EVENT_RESTORED;
    step->counters.rollbacks += kind == WEIR_REPO_EVENT_ROLLED_BACK;
    step->counters.swaps += before != NULL;
    if (kind == WEIR_REPO_EVENT_SWAPPED)
        weir_repo_step_end_promotion(step, s, live);
    weir_repo_step_tell(step, kind, s->model, s, live, number_before, weir_str_c(s->reason), ns);
    tell_if_slow(step, s, live);
    return true;
}

bool weir_repo_step_unpark(struct weir_repo_step *step, struct weir_repo_step_model *m,
                           struct weir_repo_source *s)
{
    const struct weir_repo_record *r = &m->record;
    if (!m->parked || r->before_number == 0 || !is_digest(m->parked->digest, r->before))
        return false;
    uint64_t number = m->parked->number;
    for (size_t i = 0; s->number && i < step->n_sources; i++) {
        struct weir_repo_source *other = step->sources[i];
        if (other->model == m && other->number == number && other->is_present &&
            weir_repo_step_is_owner(other) && !other->live && !other->has_attempt)
            s = other;
    }
    if (s->number && s->number != number)
        return false;
    if (!put_back(step, s, m->parked, number, WEIR_REPO_EVENT_ROLLED_BACK, 0))
        return false;
    m->parked = NULL;
    return true;
}

static void on_restored(struct weir_repo_step *step, struct weir_repo_step_model *m,
                        const struct weir_repo_loaded *loaded)
{
    const struct weir_repo_record *r = &m->record;
    enum weir_repo_event_kind kind = m->is_promoted_kept ? WEIR_REPO_EVENT_SWAPPED
                                     : m->is_rollback    ? WEIR_REPO_EVENT_ROLLED_BACK
                                                         : WEIR_REPO_EVENT_RESTORED;
    uint64_t number = m->is_promoted_kept ? r->candidate_number
                      : m->is_rollback    ? r->before_number
                                          : r->live_number;
    struct weir_repo_source *s = restore_place(step, m, number);
    m->is_rollback = false;
    m->is_promoted_kept = false;
    m->is_restore_wanted = false;
    m->is_restore_tried = true;
    if (loaded->outcome != WEIR_REPO_OUTCOME_OK) {
        m->promotion.is_wanted = m->promotion.is_wanted && m->promotion.source;
        if (loaded->outcome != WEIR_REPO_OUTCOME_CANCELED) {
            step->counters.loads_failed++;
            weir_repo_step_tell(step, WEIR_REPO_EVENT_LOAD_FAILED, m, s, NULL, 0, loaded->reason,
                                loaded->ns);
        }
        return;
    }
    if (!s || !put_back(step, s, loaded->version, number, kind, loaded->ns))
        weir_repo_step_push(step, WEIR_REPO_ACTION_FREE, NULL, loaded->version);
    else if (kind == WEIR_REPO_EVENT_SWAPPED)
        forget_candidate(step, m, loaded->version->digest);
}

void weir_repo_step_loaded(struct weir_repo_step *step, const struct weir_repo_loaded *loaded,
                           uint64_t now_ns, uint64_t wall_ns)
{
    struct weir_repo_source *s = step->loading;
    struct weir_repo_step_model *m = s ? s->model : step->restoring;
    weir_assert(m);
    step->now_ns = now_ns;
    step->wall_ns = wall_ns;
    step->loading = NULL;
    step->restoring = NULL;
    if (s) {
        bool again = s->is_changed_again;
        bool is_settled = s->is_settled;
        on_loaded(step, s, loaded);
        if (again && s->is_present) {
            weir_repo_step_begin(step, s);
            s->is_settled = is_settled;
        } else if (!s->is_present) {
            weir_repo_step_drop(step, s);
        }
    } else {
        on_restored(step, m, loaded);
    }
    weir_repo_step_policy(step, m);
}

/* Keeps the version before in memory, for a rollback that need not load anything. */
static bool park(struct weir_repo_step *step, struct weir_repo_step_model *m,
                 struct weir_version *v)
{
    uint64_t bytes = v->model_bytes;
    if (m->record.before_number == 0 || !is_digest(m->record.before, v->digest))
        return false;
    for (size_t i = 0; i < step->n_models; i++) {
        const struct weir_version *other = step->models[i]->parked;
        bytes += other && step->models[i] != m ? other->model_bytes : 0;
    }
    if (step->config->rollback_memory_max == 0 || bytes > step->config->rollback_memory_max)
        return false;
    if (m->parked)
        weir_repo_step_free_live(step, m->parked);
    m->parked = v;
    return true;
}

void weir_repo_step_released(struct weir_repo_step *step, const struct weir_version *version)
{
    for (size_t i = 0; i < step->n_models; i++) {
        for (struct weir_repo_live **at = &step->models[i]->live; *at; at = &(*at)->next) {
            struct weir_repo_live *live = *at;
            if (live->version != version)
                continue;
            weir_repo_step_move_live(step, live, WEIR_REPO_GONE);
            if (!park(step, step->models[i], live->version)) {
                weir_repo_step_tell(step, WEIR_REPO_EVENT_FREED, step->models[i], NULL, live, 0,
                                    WEIR_STR(""), 0);
                weir_repo_step_free_live(step, live->version);
            }
            *at = live->next;
            weir_mem_free(weir_mem_default(), live);
            return;
        }
    }
    weir_assert(version == NULL); /* Released twice, or never published. */
}

/* SPDX-License-Identifier: MIT */
/* Candidates: versions that were loaded and whose gate has not let them through yet.
 *
 * A candidate waits until the files of its gate are settled, until what served last serves again
 * (after a restart: else a worse file would be judged as if it were the first), and until no other
 * is being judged. What it is judged against is not freed meanwhile. A candidate whose file changes
 * is let go of at once: the judging that is under way is given up, and its result frees it.
 *
 * What serves or has served last needs no verdict: a gate decides what goes live, never what is.
 * Nor does a shadow, which answers nobody; to answer it is loaded again, and judged then. */
#include "base/macros.h"
#include "codec/digest.h"
#include "repo/step_priv.h"

#include <stdio.h>

static bool is_digest(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, WEIR_REPO_DIGEST_BYTES) == 0;
}

static void copy_text(char *out, size_t cap, struct weir_str text)
{
    (void)snprintf(out, cap, "%.*s", WEIR_STR_ARG(text)); /* A cut text will do. */
}

void weir_repo_step_free_live(struct weir_repo_step *step, struct weir_version *version)
{
    if (version == step->judging.live)
        step->judging.is_live_over = true; /* Freed when the verdict is in. */
    else
        weir_repo_step_push(step, WEIR_REPO_ACTION_FREE, NULL, version);
}

/* --- candidates --- */

static void note(struct weir_repo_step *step, const struct weir_repo_source *s,
                 enum weir_repo_verdict verdict, struct weir_str code, struct weir_str reason,
                 uint64_t ns)
{
    char hex[WEIR_CODEC_DIGEST_HEX_BYTES];
    weir_codec_digest_hex(s->candidate->digest, hex);
    weir_repo_step_note(step, &(struct weir_repo_note){.model = weir_str_c(s->model->name),
                                                       .number = s->candidate_number,
                                                       .digest = weir_str_c(hex),
                                                       .verdict = verdict,
                                                       .code = code,
                                                       .reason = reason,
                                                       .ns = ns});
}

void weir_repo_step_supersede(struct weir_repo_step *step, struct weir_repo_source *s)
{
    static const struct weir_str why = {"its file changed before the verdict was in", 42};
    struct weir_version *candidate = s->candidate;
    if (!candidate)
        return;
    step->counters.gates_superseded++;
    note(step, s, WEIR_REPO_VERDICT_INCONCLUSIVE, WEIR_STR("superseded"), why, 0);
    weir_repo_step_tell(step, WEIR_REPO_EVENT_GATE_SUPERSEDED, s->model, s, NULL, 0, why, 0);
    s->candidate = NULL;
    s->candidate_number = 0;
    if (step->judging.source != s) {
        weir_repo_step_push(step, WEIR_REPO_ACTION_FREE, NULL, candidate);
        return;
    }
    step->judging.source = NULL; /* The candidate is freed with the result. */
    weir_repo_step_push(step, WEIR_REPO_ACTION_CANCEL, NULL, NULL);
}

static bool is_live_digest(const struct weir_repo_step_model *m, const uint8_t *digest)
{
    for (const struct weir_repo_live *live = m->live; live; live = live->next) {
        if (weir_repo_step_is_serving(live) && is_digest(live->version->digest, digest))
            return true;
    }
    return m->record.live_number > 0 && is_digest(m->record.live, digest);
}

/* The promotion that is asked for is of this candidate. */
static bool is_promoted(const struct weir_repo_source *s)
{
    const struct weir_repo_promotion *p = &s->model->promotion;
    return p->is_wanted && is_digest(p->digest, s->candidate->digest);
}

bool weir_repo_step_is_gate_settled(const struct weir_repo_step *step,
                                    const struct weir_repo_source *s)
{
    uint64_t settle_ns = step->config->settle_ns;
    return weir_clock_add(s->gate_same_ns, settle_ns) <= step->now_ns ||
           (s->gate.print && weir_clock_add(s->gate.changed_wall_ns, settle_ns) <= step->wall_ns);
}

/* Remembers a candidate, so that its number stays with its content and its file is kept. */
static void record_candidate(struct weir_repo_step *step, struct weir_repo_source *s)
{
    struct weir_repo_record *r = &s->model->record;
    weir_repo_step_push(step, WEIR_REPO_ACTION_KEEP, s->model, s->candidate);
    if (r->candidate_number == s->candidate_number && is_digest(r->candidate, s->candidate->digest))
        return;
    r->candidate_number = s->candidate_number;
    memcpy(r->candidate, s->candidate->digest, sizeof r->candidate);
    weir_repo_step_push(step, WEIR_REPO_ACTION_RECORD, s->model, NULL);
}

void weir_repo_step_check(struct weir_repo_step *step, struct weir_repo_source *s)
{
    weir_assert(s->candidate);
    bool is_free = is_live_digest(s->model, s->candidate->digest) || is_promoted(s) ||
                   weir_repo_step_is_shadow(step, s) ||
                   (s->gate.print == 0 && weir_repo_step_is_gate_settled(step, s));
    if (is_free) {
        weir_repo_step_publish(step, s);
        return;
    }
    weir_repo_step_end_promotion(step, s, NULL); /* Its file is another by now. */
    record_candidate(step, s);
    weir_repo_step_reason(s, WEIR_STR("waits for its gate"));
}

/* Finds whether what served last is still to be restored, to judge a candidate against. */
bool weir_repo_step_wants_rival(const struct weir_repo_step *step,
                                const struct weir_repo_step_model *m)
{
    if (m->record.live_number == 0 || m->is_restore_tried || m->is_unloaded ||
        weir_repo_step_default(step, m))
        return false;
    for (size_t i = 0; i < step->n_sources; i++) {
        if (step->sources[i]->model == m && step->sources[i]->candidate)
            return true;
    }
    return false;
}

void weir_repo_step_check_waiting(struct weir_repo_step *step)
{
    for (size_t i = 0; i < step->n_sources; i++) {
        struct weir_repo_source *s = step->sources[i];
        bool is_waiting = s->candidate && step->judging.source != s;
        if (!is_waiting || s->gate.print || !weir_repo_step_is_gate_settled(step, s))
            continue;
        weir_repo_step_publish(step, s); /* Its gate is gone. */
        weir_repo_step_policy(step, s->model);
    }
}

/* The one that has waited longest. */
bool weir_repo_step_take_judge(struct weir_repo_step *step, struct weir_repo_action *out)
{
    struct weir_repo_source *best = NULL;
    for (size_t i = 0; !step->judging.candidate && i < step->n_sources; i++) {
        struct weir_repo_source *s = step->sources[i];
        if (!s->candidate || !s->gate.print || s->model->is_restore_wanted ||
            step->restoring == s->model || !weir_repo_step_is_gate_settled(step, s) ||
            s->judge_after_ns > step->now_ns)
            continue;
        if (!best || s->same_ns < best->same_ns)
            best = s;
    }
    if (!best)
        return false;
    struct weir_repo_live *live = weir_repo_step_default(step, best->model);
    step->judging.source = best;
    step->judging.candidate = best->candidate;
    step->judging.live = live ? live->version : NULL;
    step->judging.is_live_over = false;
    step->judging.print = best->gate.print;
    weir_repo_step_reason(best, WEIR_STR("is judged by its gate"));
    step->is_changed = true;
    *out = (struct weir_repo_action){.kind = WEIR_REPO_ACTION_JUDGE,
                                     .source = best,
                                     .model = best->model,
                                     .version = best->candidate,
                                     .live = step->judging.live};
    return true;
}

/* --- verdicts --- */

static void hold(struct weir_repo_step *step, struct weir_repo_source *s,
                 const struct weir_repo_judged *j)
{
    char text[WEIR_REPO_REASON_BYTES];
    char tail[64];
    const struct weir_repo_live *serving = weir_repo_step_default(step, s->model);
    (void)snprintf(text, sizeof text, "%.*s: %.*s", WEIR_STR_ARG(j->code),
                   WEIR_STR_ARG(j->reason)); /* A cut sentence will do. */
    weir_repo_step_move(step, s, WEIR_REPO_HELD);
    weir_repo_step_reason(s, weir_str_c(text));
    s->is_gate_held = true;
    s->held_verdict = j->verdict;
    copy_text(s->held_code, sizeof s->held_code, j->code);
    memcpy(s->held_digest, s->candidate->digest, sizeof s->held_digest);
    weir_repo_step_push(step, WEIR_REPO_ACTION_FREE, NULL, WEIR_TAKE(s->candidate));
    if (serving)
        (void)snprintf(tail, sizeof tail, "; keeping version %llu",
                       (unsigned long long)serving->version->number);
    else
        (void)snprintf(tail, sizeof tail, "; no version serves");
    text[weir_min_size(strlen(text), sizeof text - sizeof tail)] = '\0';
    (void)strncat(text, tail, sizeof text - strlen(text) - 1);
    weir_repo_step_tell(step, WEIR_REPO_EVENT_GATE_REFUSED, s->model, s, NULL,
                        serving ? serving->version->number : 0, weir_str_c(text), j->ns);
}

static void on_verdict(struct weir_repo_step *step, struct weir_repo_source *s,
                       const struct weir_repo_judged *j)
{
    step->counters.gates++;
    step->counters.gates_reused += j->is_reused;
    note(step, s, j->verdict, j->code, j->reason, j->ns);
    if (j->verdict != WEIR_REPO_VERDICT_PASS) {
        hold(step, s, j);
        return;
    }
    step->counters.gates_passed++;
    weir_repo_step_tell(step, WEIR_REPO_EVENT_GATE_PASSED, s->model, s, NULL, 0, j->reason, j->ns);
    weir_repo_step_publish(step, s);
}

void weir_repo_step_judged(struct weir_repo_step *step, const struct weir_repo_judged *j,
                           uint64_t now_ns, uint64_t wall_ns)
{
    struct weir_repo_source *s = step->judging.source;
    struct weir_version *candidate = WEIR_TAKE(step->judging.candidate);
    struct weir_version *live = WEIR_TAKE(step->judging.live);
    weir_assert(candidate);
    step->now_ns = now_ns;
    step->wall_ns = wall_ns;
    step->judging.source = NULL;
    if (live && step->judging.is_live_over)
        weir_repo_step_push(step, WEIR_REPO_ACTION_FREE, NULL, live);
    if (!s) {
        weir_repo_step_push(step, WEIR_REPO_ACTION_FREE, NULL, candidate);
        return;
    }
    const struct weir_repo_live *now = weir_repo_step_default(step, s->model);
    bool is_same_gate = s->gate.print == step->judging.print;
    if (is_same_gate && j->gate.print && j->gate.print != s->gate.print) {
        s->gate = j->gate;
        s->gate_same_ns = j->is_canceled ? now_ns : s->gate_same_ns;
    }
    /* Nobody here gave it up: a file of the gate may still be written. */
    s->judge_after_ns =
        j->is_canceled && is_same_gate ? weir_clock_add(now_ns, step->config->rescan_ns) : 0;
    step->is_changed = true;
    if (j->is_canceled || !is_same_gate || (now ? now->version : NULL) != live) {
        weir_repo_step_reason(s, WEIR_STR("waits for its gate")); /* It is judged again. */
        return;
    }
    on_verdict(step, s, j);
    weir_repo_step_policy(step, s->model);
}

/* --- changes of the gate --- */

void weir_repo_step_see_gate(struct weir_repo_step *step, struct weir_repo_source *s,
                             const struct weir_repo_gate_seen *gate)
{
    if (s->gate.print == gate->print)
        return;
    s->gate = *gate;
    s->gate_same_ns = step->now_ns;
    if (step->judging.source == s) {
        weir_repo_step_push(step, WEIR_REPO_ACTION_CANCEL, NULL, NULL);
        return;
    }
    if (!s->has_attempt || s->state != WEIR_REPO_HELD || !s->is_gate_held)
        return;
    weir_repo_step_begin(step, s);
    s->is_settled = true;
}

/* --- promotion --- */

static struct weir_repo_source *held_source(const struct weir_repo_step *step,
                                            const struct weir_repo_step_model *m)
{
    struct weir_repo_source *best = NULL;
    for (size_t i = 0; i < step->n_sources; i++) {
        struct weir_repo_source *s = step->sources[i];
        if (s->model == m && s->is_present && s->has_attempt && s->state == WEIR_REPO_HELD &&
            s->is_gate_held && (!best || s->candidate_number > best->candidate_number))
            best = s;
    }
    return best;
}

/* Finds a file that took the place of what was held, and cannot be loaded. */
static const struct weir_repo_source *failed_source(const struct weir_repo_step *step,
                                                    const struct weir_repo_step_model *m)
{
    for (size_t i = 0; i < step->n_sources; i++) {
        const struct weir_repo_source *s = step->sources[i];
        if (s->model == m && s->is_present && s->has_attempt && s->state == WEIR_REPO_FAILED)
            return s;
    }
    return NULL;
}

static bool has_candidate(const struct weir_repo_step *step, const struct weir_repo_step_model *m)
{
    for (size_t i = 0; i < step->n_sources; i++) {
        if (step->sources[i]->model == m && step->sources[i]->candidate)
            return true;
    }
    return false;
}

static bool is_there(const struct weir_repo_step *step, const struct weir_repo_step_model *m)
{
    for (size_t i = 0; i < step->n_sources; i++) {
        if (step->sources[i]->model == m)
            return true;
    }
    return false;
}

bool weir_repo_step_promotion_file(const struct weir_repo_step *step, struct weir_str model,
                                   uint8_t digest[WEIR_REPO_DIGEST_BYTES])
{
    const struct weir_repo_step_model *m = weir_repo_step_find(step, model);
    if (!m || held_source(step, m) || m->record.candidate_number == 0)
        return false;
    memcpy(digest, m->record.candidate, WEIR_REPO_DIGEST_BYTES);
    return true;
}

enum weir_status weir_repo_step_promote(struct weir_repo_step *step, struct weir_str model,
                                        struct weir_str reason, struct weir_str by, uint64_t now_ns,
                                        uint64_t wall_ns, struct weir_error *err)
{
    struct weir_repo_step_model *m = weir_repo_step_find(step, model);
    step->now_ns = now_ns;
    step->wall_ns = wall_ns;
    if (!m || !is_there(step, m)) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_error_set(err, WEIR_ERR_NOT_FOUND, "model \"%s\" not found",
                              weir_str_echo(model, echo, sizeof echo));
    }
    if (has_candidate(step, m))
        return weir_error_set(err, WEIR_ERR_BUSY, "model \"%s\" is being judged", m->name);
    if (m->promotion.is_wanted || m->is_rollback || m->is_restore_wanted ||
        (step->loading && step->loading->model == m) || step->restoring == m)
        return weir_error_set(err, WEIR_ERR_BUSY, "model \"%s\" is being loaded", m->name);
    struct weir_repo_source *s = held_source(step, m);
    if (!s && m->record.candidate_number == 0)
        return weir_error_set(err, WEIR_ERR_EXISTS,
                              "model \"%s\" has no version that its gate holds", m->name);
    const struct weir_repo_source *failed = s ? NULL : failed_source(step, m);
    if (failed)
        return weir_error_set(
            err, WEIR_ERR_EXISTS,
            "model \"%s\": %s was replaced since its gate held a version, by what "
            "cannot be loaded: %s",
            m->name, failed->file, failed->reason);
    struct weir_repo_promotion p = {.is_wanted = true, .verdict = WEIR_REPO_VERDICT_INCONCLUSIVE};
    copy_text(p.reason, sizeof p.reason, reason);
    copy_text(p.by, sizeof p.by, by);
    p.source = s;
    memcpy(p.digest, s ? s->held_digest : m->record.candidate, sizeof p.digest);
    if (!s) { /* Its file is gone: the kept one is loaded. */
        m->promotion = p;
        m->is_promoted_kept = true;
        m->is_restore_wanted = true;
        return WEIR_OK;
    }
    p.verdict = s->held_verdict;
    memcpy(p.code, s->held_code, sizeof p.code);
    memcpy(p.failed, s->reason, sizeof p.failed);
    weir_repo_step_begin(step, s);
    s->is_settled = true;
    m->promotion = p;
    weir_repo_step_policy(step, m);
    return WEIR_OK;
}

void weir_repo_step_end_promotion(struct weir_repo_step *step, struct weir_repo_source *s,
                                  const struct weir_repo_live *live)
{
    struct weir_repo_step_model *m = s->model;
    struct weir_repo_promotion *p = &m->promotion;
    char text[WEIR_REPO_REASON_BYTES];
    if (!p->is_wanted || (p->source && p->source != s))
        return;
    p->is_wanted = false;
    p->source = NULL;
    if (!live || !is_digest(p->digest, live->version->digest))
        return;
    (void)snprintf(text, sizeof text, "%.90s; asked by %.60s; the gate said %.120s", p->reason,
                   p->by, p->failed[0] ? p->failed : "no, earlier");
    step->counters.promotions++;
    weir_repo_step_note(step,
                        &(struct weir_repo_note){.model = weir_str_c(m->name),
                                                 .number = live->version->number,
                                                 .digest = weir_str_c(live->version->digest_hex),
                                                 .verdict = p->verdict,
                                                 .code = weir_str_c(p->code),
                                                 .reason = weir_str_c(p->failed),
                                                 .forced = weir_str_c(p->reason),
                                                 .by = weir_str_c(p->by)});
    weir_repo_step_tell(step, WEIR_REPO_EVENT_PROMOTED, m, s, live, 0, weir_str_c(text), 0);
}

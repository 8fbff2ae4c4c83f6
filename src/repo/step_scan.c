/* SPDX-License-Identifier: MIT */
/* What a scan changes: sources appear, change, settle, vanish and come back.
 *
 * A changed file is settled at once when it came by rename or by a flip of a symbolic link (the
 * kernel told so, or it is another inode), was closed after writing, or has been the same for
 * longer than `settle` by its own time stamps; else when its identity has been the same for
 * `settle`. Whether somebody still has it open for writing is found by the loader. */
#include "base/macros.h"
#include "base/mem.h"
#include "repo/step_priv.h"

#include <stdio.h>

static bool is_same(const struct weir_repo_identity *a, const struct weir_repo_identity *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

static bool is_older_than(const struct weir_repo_identity *id, uint64_t wall_ns, uint64_t age_ns)
{
    /* The change time cannot be set by programs, and every write moves it. */
    return id->ctime_ns >= 0 && weir_clock_add((uint64_t)id->ctime_ns, age_ns) <= wall_ns;
}

static bool has_good_hint(const struct weir_repo_found *f)
{
    return (f->hints & (WEIR_REPO_HINT_RENAMED | WEIR_REPO_HINT_CLOSED)) != 0 &&
           (f->hints & WEIR_REPO_HINT_WRITTEN) == 0;
}

/* Another file than before under the same name came by rename, or by a flip of a link; or it was
 * deleted and is written anew, which only a lease tells apart. */
static bool is_settled_at_once(const struct weir_repo_step *step, struct weir_repo_source *s,
                               const struct weir_repo_found *f, bool is_new)
{
    bool is_other = !is_new && s->id.ino != 0 && (s->id.ino != f->id.ino || s->id.dev != f->id.dev);
    s->needs_lease = false;
    if (step->config->settle_ns == 0 || has_good_hint(f) || (is_other && f->is_link) ||
        is_older_than(&f->id, step->wall_ns, step->config->settle_ns))
        return true;
    s->needs_lease = is_other;
    return is_other;
}

/* --- the list of sources --- */

static struct weir_repo_source *new_source(struct weir_repo_step *step,
                                           const struct weir_repo_found *f)
{
    struct weir_mem *mem = weir_mem_default();
    struct weir_repo_source *s = weir_mem_zalloc(mem, sizeof *s);
    if (!s)
        return NULL;
    s->model = weir_repo_step_model(step, f->model);
    s->key = weir_mem_strndup(mem, f->key.at, f->key.n);
    s->group = weir_mem_strndup(mem, f->group.at, f->group.n);
    s->file = weir_mem_strndup(mem, f->file.at, f->file.n);
    if (!s->model || !s->key || !s->group || !s->file) {
        weir_mem_free(mem, s->key);
        weir_mem_free(mem, s->group);
        weir_mem_free(mem, s->file);
        weir_mem_free(mem, s);
        return NULL;
    }
    s->root = f->root;
    s->number = f->number;
    s->missing_ns = WEIR_TIME_NEVER;
    s->retry_ns = WEIR_TIME_NEVER;
    return s;
}

static bool insert(struct weir_repo_step *step, size_t at, struct weir_repo_source *s)
{
    if (step->n_sources == step->cap_sources) {
        size_t cap = step->cap_sources ? step->cap_sources * 2 : 16;
        struct weir_repo_source **p = weir_mem_resize(weir_mem_default(), step->sources, cap,
                                                      sizeof(struct weir_repo_source *));
        if (!p)
            return false;
        step->sources = p;
        step->cap_sources = cap;
    }
    memmove(step->sources + at + 1, step->sources + at,
            (step->n_sources - at) * sizeof(struct weir_repo_source *));
    step->sources[at] = s;
    step->n_sources++;
    return true;
}

static void free_source(struct weir_repo_source *s)
{
    struct weir_mem *mem = weir_mem_default();
    weir_mem_free(mem, s->key);
    weir_mem_free(mem, s->group);
    weir_mem_free(mem, s->file);
    weir_mem_free(mem, s);
}

/* --- one source that is there --- */

static void complain(struct weir_repo_step *step, struct weir_repo_source *s,
                     const struct weir_repo_found *f)
{
    if (s->has_attempt && s->state == WEIR_REPO_LOADING) {
        s->is_changed_again = true; /* Looked at again when the load has ended. */
        s->is_settled = false;
        return;
    }
    if (s->has_attempt && s->is_complaint && weir_str_eq_c(f->complaint, s->reason))
        return;
    weir_repo_step_begin(step, s);
    if (f->is_waiting)
        weir_repo_step_reason(s, f->complaint);
    else
        weir_repo_step_fail(step, s, f->complaint, NULL, false);
    s->is_complaint = true;
    s->is_settled = false;
}

static void on_change(struct weir_repo_step *step, struct weir_repo_source *s,
                      const struct weir_repo_found *f, bool is_new)
{
    bool at_once = is_settled_at_once(step, s, f, is_new);
    s->same_ns = step->now_ns;
    s->seen_ns = step->now_ns;
    s->attempts = 0;
    s->is_settled = at_once;
    if (s->has_attempt && s->state == WEIR_REPO_LOADING) {
        s->is_changed_again = true;
        return;
    }
    /* Another group has the name: that this file changed does not matter to anybody. */
    if (s->has_attempt && s->is_refused_name)
        return;
    weir_repo_step_begin(step, s);
}

static void on_same(struct weir_repo_step *step, struct weir_repo_source *s,
                    const struct weir_repo_found *f)
{
    if (!s->has_attempt)
        return;
    if (s->state == WEIR_REPO_FAILED && s->retry_ns <= step->now_ns) {
        uint32_t attempts = s->attempts;
        weir_repo_step_begin(step, s);
        s->attempts = attempts;
        s->is_settled = true;
        return;
    }
    if (s->is_settled || (s->state != WEIR_REPO_SEEN && s->state != WEIR_REPO_SETTLING))
        return;
    bool is_old = weir_clock_add(s->same_ns, step->config->settle_ns) <= step->now_ns;
    if (has_good_hint(f) || (s->has_writer ? s->retry_ns <= step->now_ns : is_old)) {
        s->is_settled = true;
        s->needs_lease = false;
        s->has_writer = false;
    }
}

static bool set_file(struct weir_repo_source *s, struct weir_str file)
{
    if (weir_str_eq_c(file, s->file))
        return false;
    char *own = weir_mem_strndup(weir_mem_default(), file.at, file.n);
    if (!own)
        return false; /* The next scan tries again. */
    weir_mem_free(weir_mem_default(), s->file);
    s->file = own;
    return true;
}

static void on_found(struct weir_repo_step *step, struct weir_repo_source *s,
                     const struct weir_repo_found *f, bool is_new)
{
    bool is_changed = is_new || !is_same(&s->id, &f->id);
    s->is_present = true;
    s->missing_ns = WEIR_TIME_NEVER;
    if (s->live && s->live->state == WEIR_REPO_ORPHANED) {
        weir_repo_step_move_live(step, s->live, WEIR_REPO_READY);
        weir_repo_step_tell(step, WEIR_REPO_EVENT_RETURNED, s->model, s, s->live, 0, WEIR_STR(""),
                            0);
    }
    if (f->complaint.n) {
        complain(step, s, f);
        return;
    }
    if (set_file(s, f->file) || s->is_complaint)
        is_changed = true;
    s->is_link = f->is_link;
    if (is_changed)
        on_change(step, s, f, is_new);
    else
        on_same(step, s, f);
    s->id = f->id;
    weir_repo_step_see_gate(step, s, &f->gate);
}

/* --- one that is not --- */

static void on_orphan(struct weir_repo_step *step, struct weir_repo_source *s, const char *why)
{
    if (!s->live || s->live->state != WEIR_REPO_READY)
        return;
    weir_repo_step_move_live(step, s->live, WEIR_REPO_ORPHANED);
    step->counters.orphans++;
    weir_repo_step_tell(step, WEIR_REPO_EVENT_ORPHANED, s->model, s, s->live, 0, weir_str_c(why),
                        0);
}

static void on_missing(struct weir_repo_step *step, struct weir_repo_source *s, bool is_root_ok)
{
    if (!is_root_ok) {
        on_orphan(step, s, "its directory cannot be read; still serving");
        return;
    }
    if (s->is_present || s->missing_ns == WEIR_TIME_NEVER)
        s->missing_ns = step->now_ns;
    s->is_present = false;
    if (s->has_attempt && s->state != WEIR_REPO_LOADING)
        weir_repo_step_drop(step, s);
    memset(&s->id, 0, sizeof s->id); /* What comes back is looked at anew. */
    on_orphan(step, s, "still serving");
}

/* --- removal --- */

static size_t count_present(const struct weir_repo_step *step, uint32_t root)
{
    size_t n = 0;
    for (size_t i = 0; i < step->n_sources; i++)
        n += step->sources[i]->root == root && step->sources[i]->is_present;
    return n;
}

static void remove_orphans(struct weir_repo_step *step, const struct weir_repo_scan *scan)
{
    for (size_t i = 0; i < step->n_sources; i++) {
        struct weir_repo_source *s = step->sources[i];
        if (!s->live || s->is_present || s->missing_ns == WEIR_TIME_NEVER ||
            !scan->root_ok[s->root])
            continue;
        /* An empty directory may be a volume that is not mounted: that is not in order. */
        bool is_due =
            step->config->on_removal == WEIR_CONFIG_REMOVAL_UNLOAD &&
            weir_clock_add(s->missing_ns, step->config->removal_grace_ns) <= step->now_ns &&
            count_present(step, s->root) > 0;
        if (!is_due && !scan->is_hangup)
            continue;
        struct weir_repo_live *live = s->live;
        step->counters.unloads++;
        weir_repo_step_tell(step, WEIR_REPO_EVENT_UNLOADED, s->model, s, live, 0,
                            WEIR_STR("its file is gone"), 0);
        weir_repo_step_retire(step, s->model, live);
    }
}

static void forget_sources(struct weir_repo_step *step)
{
    size_t n = 0;
    for (size_t i = 0; i < step->n_sources; i++) {
        struct weir_repo_source *s = step->sources[i];
        if (!s->is_present && !s->live && !s->has_attempt && step->loading != s) {
            free_source(s);
            step->is_changed = true;
        } else {
            step->sources[n++] = s;
        }
    }
    step->n_sources = n;
}

static enum weir_status merge(struct weir_repo_step *step, const struct weir_repo_scan *scan)
{
    enum weir_status status = WEIR_OK;
    size_t at = 0;
    size_t i = 0;
    while (i < scan->n_found || at < step->n_sources) {
        const struct weir_repo_found *f = i < scan->n_found ? &scan->found[i] : NULL;
        struct weir_repo_source *s = at < step->n_sources ? step->sources[at] : NULL;
        int order = !f ? 1 : !s ? -1 : weir_str_cmp(f->key, weir_str_c(s->key));
        if (order > 0) {
            weir_assert(s);
            on_missing(step, s, s->root < scan->n_roots && scan->root_ok[s->root]);
            at++;
            continue;
        }
        weir_assert(f);
        if (order < 0) {
            struct weir_repo_source *made = new_source(step, f);
            i++;
            if (!made || !insert(step, at, made)) {
                if (made)
                    free_source(made);
                status = WEIR_ERR_NO_MEMORY;
                continue;
            }
            on_found(step, made, f, true);
            at++;
            continue;
        }
        on_found(step, s, f, false);
        at++;
        i++;
    }
    return status;
}

enum weir_status weir_repo_step_scan(struct weir_repo_step *step, const struct weir_repo_scan *scan)
{
    step->now_ns = scan->now_ns;
    step->wall_ns = scan->wall_ns;
    step->counters.scans++;
    enum weir_status status = merge(step, scan);
    remove_orphans(step, scan);
    for (size_t i = 0; i < step->n_models; i++)
        weir_repo_step_policy(step, step->models[i]);
    weir_repo_step_check_waiting(step);
    forget_sources(step);
    if (!step->is_scanned) {
        step->is_scanned = true;
        step->is_changed = true;
    }
    return status;
}

static uint64_t wanted_at(const struct weir_repo_step *step, const struct weir_repo_source *s)
{
    uint64_t at = WEIR_TIME_NEVER;
    if (s->has_attempt && s->is_present) {
        bool is_unsettled = !s->is_settled && !s->is_complaint &&
                            (s->state == WEIR_REPO_SEEN || s->state == WEIR_REPO_SETTLING);
        if (s->state == WEIR_REPO_FAILED || (is_unsettled && s->has_writer))
            at = s->retry_ns;
        else if (is_unsettled)
            at = weir_clock_add(s->same_ns, step->config->settle_ns);
    }
    if (s->candidate && !weir_repo_step_is_gate_settled(step, s))
        at = weir_clock_add(s->gate_same_ns, step->config->settle_ns);
    else if (s->candidate && s->judge_after_ns > step->now_ns)
        at = s->judge_after_ns;
    bool is_grace = !s->is_present && s->live && s->missing_ns != WEIR_TIME_NEVER &&
                    step->config->on_removal == WEIR_CONFIG_REMOVAL_UNLOAD;
    if (is_grace) {
        uint64_t end = weir_clock_add(s->missing_ns, step->config->removal_grace_ns);
        /* Past the grace it waits for its directory: the usual scans will do. */
        if (end > step->now_ns && end < at)
            at = end;
    }
    return at;
}

uint64_t weir_repo_step_next_ns(const struct weir_repo_step *step)
{
    uint64_t next = WEIR_TIME_NEVER;
    for (size_t i = 0; i < step->n_sources; i++) {
        uint64_t at = wanted_at(step, step->sources[i]);
        if (at < next)
            next = at;
    }
    return next;
}

/* SPDX-License-Identifier: MIT */
/* The machine without a disk: hand-walked lives first, then random schedules, in which after every
 * step what must always hold is checked. */
#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "repo/step_priv.h"
#include "tensor/spec.h"
#include "test_mem.h"
#include "test_random.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#define MS WEIR_NS_PER_MS

enum { FILES_MAX = 8, VERSIONS_MAX = 4096 };

/* A file of the imagined disk. */
struct file {
    const char *key, *model, *group;
    uint64_t number;
    bool is_there;
    bool is_bad;  /* its content does not load */
    bool is_open; /* somebody writes */
    uint8_t hints;
    struct weir_repo_identity id;
    uint8_t content;    /* its digest, repeated */
    uint64_t gate;      /* print of its gate; 0: none */
    uint64_t gate_wall; /* when it changed */
};

struct world {
    struct weir_config *config;
    struct weir_repo_step *step;
    struct file files[FILES_MAX];
    size_t n_files;
    bool root_ok;
    bool is_hangup;
    uint64_t now_ns;
    uint64_t next_ino;
    /* The load under way. */
    const struct file *loading;
    bool is_restoring;
    struct weir_repo_action job;
    struct weir_repo_identity loading_id;
    uint8_t loading_content;
    bool loading_bad;
    /* The judging under way; a candidate passes unless its content is a multiple of 3. */
    const struct weir_version *judged; /* NULL: none */
    const struct weir_version *rival;
    bool is_judging_canceled;
    uint64_t late_print; /* what a verdict finds the gate to consist of; 0: what the scan saw */
    uint64_t judged_print;
    size_t n_judged;
    struct weir_repo_note last_note; /* its views are not to be followed */
    char note_code[32];
    char note_by[64];
    size_t n_notes, n_keeps;
    size_t n_made, n_freed, n_rollbacks, n_promotions;
    bool is_slow; /* what is loaded has lost its fast kernels */
    size_t n_events[32];
    struct weir_repo_event refused; /* the last that a gate refused; its texts are gone */
};

static void world_init(struct world *w, const char *const *args, size_t n_args)
{
    struct weir_config_sources sources = {.args = (char *const *)(uintptr_t)args, .n_args = n_args};
    struct weir_error err = WEIR_ERROR_INIT;
    *w = (struct world){.root_ok = true, .now_ns = 1000 * WEIR_NS_PER_S, .next_ino = 100};
    cr_assert_eq(weir_config_new(&w->config, &sources, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(weir_repo_step_new(&w->step, w->config), WEIR_OK);
}

static uint64_t wall(const struct world *w)
{
    return w->now_ns + 5000 * WEIR_NS_PER_S;
}

static void free_version(void *ctx, struct weir_version *v)
{
    struct world *w = ctx;
    cr_assert(v != w->judged || w->is_judging_canceled, "a candidate that is judged is not freed");
    cr_assert(v != w->judged, "nor one whose judging has not ended");
    cr_assert(v != w->rival, "what it is judged against is not freed");
    weir_mem_free(weir_mem_default(), v);
    w->n_freed++;
}

static void world_deinit(struct world *w)
{
    w->judged = NULL;
    w->rival = NULL;
    weir_repo_step_each_version(w->step, free_version, w);
    weir_repo_step_free(w->step);
    weir_config_free(w->config);
    cr_assert_eq(w->n_made, w->n_freed, "%zu versions made, %zu freed", w->n_made, w->n_freed);
}

static struct file *add_file(struct world *w, const char *key, const char *model, const char *group,
                             uint64_t number)
{
    struct file *f = &w->files[w->n_files++];
    *f = (struct file){.key = key, .model = model, .group = group, .number = number};
    return f;
}

/* Puts a content there, as by rename (another inode) or in place. */
static void put(struct world *w, struct file *f, uint8_t content, bool is_rename)
{
    f->is_there = true;
    f->content = content;
    f->is_bad = false;
    if (is_rename || f->id.ino == 0)
        f->id.ino = w->next_ino++;
    f->id.dev = 1;
    f->id.size = 100u + content;
    f->id.mtime_ns = (int64_t)wall(w);
    f->id.ctime_ns = (int64_t)wall(w);
}

static int by_key(const void *a, const void *b)
{
    return weir_str_cmp(((const struct weir_repo_found *)a)->key,
                        ((const struct weir_repo_found *)b)->key);
}

static void scan(struct world *w)
{
    struct weir_repo_found found[FILES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < w->n_files && w->root_ok; i++) {
        struct file *f = &w->files[i];
        if (!f->is_there)
            continue;
        found[n++] = (struct weir_repo_found){.key = weir_str_c(f->key),
                                              .model = weir_str_c(f->model),
                                              .group = weir_str_c(f->group),
                                              .file = weir_str_c(f->key + 2),
                                              .number = f->number,
                                              .id = f->id,
                                              .hints = f->hints,
                                              .gate = {f->gate, f->gate_wall}};
        f->hints = 0;
    }
    qsort(found, n, sizeof found[0], by_key);
    struct weir_repo_scan s = {.found = found,
                               .n_found = n,
                               .root_ok = &w->root_ok,
                               .n_roots = 1,
                               .is_hangup = w->is_hangup,
                               .now_ns = w->now_ns,
                               .wall_ns = wall(w)};
    w->is_hangup = false;
    cr_assert_eq(weir_repo_step_scan(w->step, &s), WEIR_OK);
}

static const struct file *file_of(const struct world *w, const char *key)
{
    for (size_t i = 0; i < w->n_files; i++) {
        if (strcmp(w->files[i].key, key) == 0)
            return &w->files[i];
    }
    return NULL;
}

/* Does what the machine says; loads begin, but do not end. */
static void act(struct world *w)
{
    struct weir_repo_action a;
    while (weir_repo_step_take(w->step, &a)) {
        switch (a.kind) {
        case WEIR_REPO_ACTION_LOAD:
            cr_assert(!w->loading && !w->is_restoring, "one load at once");
            w->job = a;
            w->loading = file_of(w, a.source->key);
            cr_assert_not_null(w->loading);
            if (!w->loading)
                abort(); /* Not reached; the compiler does not know that. */
            w->loading_id = w->loading->id;
            w->loading_content = w->loading->content;
            w->loading_bad = w->loading->is_bad;
            break;
        case WEIR_REPO_ACTION_RESTORE:
            cr_assert(!w->loading && !w->is_restoring, "one load at once");
            w->job = a;
            w->is_restoring = true;
            w->loading_content = a.digest[0];
            break;
        case WEIR_REPO_ACTION_FREE:
            free_version(w, a.version);
            break;
        case WEIR_REPO_ACTION_EVENT:
            w->n_events[a.event.kind]++;
            if (a.event.kind == WEIR_REPO_EVENT_GATE_REFUSED)
                w->refused = a.event;
            break;
        case WEIR_REPO_ACTION_JUDGE:
            cr_assert_null(w->judged, "one is judged at a time");
            cr_assert_eq(a.source->candidate, a.version);
            w->judged = a.version;
            w->rival = a.live;
            w->is_judging_canceled = false;
            w->judged_print = a.source->gate.print;
            cr_assert_neq(w->judged_print, 0);
            break;
        case WEIR_REPO_ACTION_CANCEL:
            cr_assert_not_null(w->judged);
            w->is_judging_canceled = true;
            break;
        case WEIR_REPO_ACTION_NOTE:
            w->n_notes++;
            w->last_note = a.note;
            (void)snprintf(w->note_code, sizeof w->note_code, "%.*s", WEIR_STR_ARG(a.note.code));
            (void)snprintf(w->note_by, sizeof w->note_by, "%.*s", WEIR_STR_ARG(a.note.by));
            break;
        case WEIR_REPO_ACTION_KEEP:
            w->n_keeps++;
            break;
        case WEIR_REPO_ACTION_RECORD:
            break;
        }
    }
}

static struct weir_version *make_version(struct world *w, uint8_t content)
{
    struct weir_version *v = weir_mem_zalloc(weir_mem_default(), sizeof *v);
    cr_assert_not_null(v);
    if (!v)
        abort(); /* Not reached; the compiler does not know that. */
    memset(v->digest, content, sizeof v->digest);
    v->file = WEIR_STR("file");
    static const struct weir_spec slow = {.n_slow_forests = 1}, fast = {.n_slow_forests = 0};
    v->spec = w->is_slow ? &slow : &fast;
    w->n_made++;
    return v;
}

/* Ends the load under way as the disk has it. */
static void finish(struct world *w)
{
    struct weir_repo_loaded r = {.outcome = WEIR_REPO_OUTCOME_OK, .has_digest = true};
    const struct file *f = w->loading;
    if (!f && !w->is_restoring)
        return;
    memset(r.digest, w->loading_content, sizeof r.digest);
    bool is_known = false;
    for (size_t i = 0; i < w->job.n_known; i++)
        is_known = is_known || w->job.known[i][0] == w->loading_content;
    if (f && f->is_open)
        r.outcome = WEIR_REPO_OUTCOME_WRITER;
    else if (f && (!f->is_there || f->id.ino != w->loading_id.ino ||
                   f->id.ctime_ns != w->loading_id.ctime_ns))
        r.outcome = WEIR_REPO_OUTCOME_CHANGED;
    else if (is_known)
        r.outcome = WEIR_REPO_OUTCOME_KNOWN;
    else if (f && w->loading_bad)
        r = (struct weir_repo_loaded){.outcome = WEIR_REPO_OUTCOME_FAILED,
                                      .has_digest = true,
                                      .reason = WEIR_STR("bad content")};
    memset(r.digest, w->loading_content, sizeof r.digest);
    if (r.outcome == WEIR_REPO_OUTCOME_OK)
        r.version = make_version(w, w->loading_content);
    w->loading = NULL;
    w->is_restoring = false;
    weir_repo_step_loaded(w->step, &r, w->now_ns, wall(w));
}

/* Ends the judging under way. */
static void judge(struct world *w)
{
    if (!w->judged)
        return;
    uint64_t print = w->late_print ? w->late_print : w->judged_print;
    bool passes = w->judged->digest[0] % 3 != 0;
    struct weir_repo_judged j = {.is_canceled = w->is_judging_canceled,
                                 .verdict =
                                     passes ? WEIR_REPO_VERDICT_PASS : WEIR_REPO_VERDICT_FAIL,
                                 .code = passes ? WEIR_STR("") : WEIR_STR("rule_failed"),
                                 .reason = WEIR_STR("the content is what it is"),
                                 .gate = {print, wall(w)},
                                 .ns = 5};
    w->judged = NULL;
    w->rival = NULL;
    w->n_judged++;
    weir_repo_step_judged(w->step, &j, w->now_ns, wall(w));
}

static void release_all(struct world *w)
{
    size_t n;
    struct weir_repo_step_model *const *models = weir_repo_step_models(w->step, &n);
    for (size_t i = 0; i < n; i++) {
        struct weir_repo_live *next;
        for (struct weir_repo_live *live = models[i]->live; live; live = next) {
            next = live->next;
            if (live->state == WEIR_REPO_RETIRING)
                weir_repo_step_released(w->step, live->version);
        }
    }
}

/* Scans, acts and finishes until nothing moves. */
static void settle_down(struct world *w)
{
    for (int i = 0; i < 64; i++) {
        scan(w);
        act(w);
        finish(w);
        act(w);
        judge(w);
        act(w);
        release_all(w);
        act(w);
        w->now_ns += 600 * MS;
    }
}

static const struct weir_repo_live *serving(const struct world *w, const char *model)
{
    size_t n;
    struct weir_repo_step_model *const *models = weir_repo_step_models(w->step, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(models[i]->name, model) == 0)
            return weir_repo_step_default(w->step, models[i]);
    }
    return NULL;
}

static int content_of(const struct world *w, const char *model)
{
    const struct weir_repo_live *live = serving(w, model);
    return live ? live->version->digest[0] : -1;
}

static const struct weir_repo_source *source(const struct world *w, const char *key)
{
    size_t n;
    struct weir_repo_source *const *sources = weir_repo_step_sources(w->step, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(sources[i]->key, key) == 0)
            return sources[i];
    }
    return NULL;
}

static enum weir_repo_state state(const struct world *w, const char *key)
{
    const struct weir_repo_source *s = source(w, key);
    return s && s->has_attempt ? s->state : WEIR_REPO_GONE;
}

/* --- walked by hand --- */

Test(repo_step, a_fresh_file_settles_before_it_loads)
{
    struct world w;
    world_init(&w, NULL, 0);
    struct file *f = add_file(&w, "0:m.pkl", "m", "0:m.pkl", 0);
    put(&w, f, 1, true);
    scan(&w);
    act(&w);
    cr_assert_null(w.loading);
    cr_assert_eq(state(&w, f->key), WEIR_REPO_SETTLING);
    cr_assert_eq(weir_repo_step_next_ns(w.step), w.now_ns + WEIR_NS_PER_S);
    w.now_ns += WEIR_NS_PER_S - 1;
    scan(&w);
    act(&w);
    cr_assert_null(w.loading, "a nanosecond early");
    w.now_ns += 1;
    scan(&w);
    act(&w);
    cr_assert_not_null(w.loading);
    cr_assert_eq(state(&w, f->key), WEIR_REPO_LOADING);
    finish(&w);
    act(&w);
    cr_assert_eq(content_of(&w, "m"), 1);
    cr_assert_eq(serving(&w, "m")->version->number, 1);
    world_deinit(&w);
}

Test(repo_step, an_old_file_and_a_closed_one_load_at_once)
{
    struct world w;
    world_init(&w, NULL, 0);
    struct file *old = add_file(&w, "0:a.pkl", "a", "0:a.pkl", 0);
    struct file *closed = add_file(&w, "0:b.pkl", "b", "0:b.pkl", 0);
    struct file *written = add_file(&w, "0:c.pkl", "c", "0:c.pkl", 0);
    put(&w, old, 1, true);
    w.now_ns += WEIR_NS_PER_S;
    put(&w, closed, 2, true);
    put(&w, written, 3, true);
    closed->hints = WEIR_REPO_HINT_CLOSED;
    written->hints = WEIR_REPO_HINT_WRITTEN;
    for (int i = 0; i < 4; i++) {
        scan(&w);
        act(&w);
        finish(&w);
        act(&w);
    }
    cr_assert_eq(content_of(&w, "a"), 1);
    cr_assert_eq(content_of(&w, "b"), 2);
    cr_assert_eq(content_of(&w, "c"), -1);
    cr_assert_eq(state(&w, written->key), WEIR_REPO_SETTLING);
    world_deinit(&w);
}

Test(repo_step, a_model_without_its_fast_kernels_is_told_of)
{
    for (int is_slow = 0; is_slow < 2; is_slow++) {
        struct world w;
        world_init(&w, NULL, 0);
        w.is_slow = is_slow;
        struct file *f = add_file(&w, "0:a.pkl", "a", "0:a.pkl", 0);
        put(&w, f, 1, true);
        w.now_ns += WEIR_NS_PER_S;
        scan(&w);
        act(&w);
        finish(&w);
        act(&w);
        cr_assert_eq(w.n_events[WEIR_REPO_EVENT_PUBLISHED], 1);
        cr_assert_eq(w.n_events[WEIR_REPO_EVENT_SLOW], (size_t)is_slow);
        world_deinit(&w);
    }
}

Test(repo_step, a_writer_keeps_a_file_from_being_taken)
{
    struct world w;
    world_init(&w, NULL, 0);
    struct file *f = add_file(&w, "0:m.pkl", "m", "0:m.pkl", 0);
    put(&w, f, 1, true);
    f->is_open = true;
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), -1);
    cr_assert_eq(state(&w, f->key), WEIR_REPO_SETTLING);
    cr_assert_eq(w.n_events[WEIR_REPO_EVENT_LOAD_FAILED], 0);
    f->is_open = false;
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 1);
    world_deinit(&w);
}

Test(repo_step, a_change_while_loading_is_loaded_next)
{
    struct world w;
    world_init(&w, NULL, 0);
    struct file *f = add_file(&w, "0:m.pkl", "m", "0:m.pkl", 0);
    put(&w, f, 1, true);
    f->hints = WEIR_REPO_HINT_RENAMED;
    scan(&w);
    act(&w);
    cr_assert_not_null(w.loading);
    put(&w, f, 2, true);
    f->hints = WEIR_REPO_HINT_RENAMED;
    scan(&w);
    act(&w);
    /* The old content was read whole before: it may be served, and the new one follows at once. */
    struct weir_repo_loaded r = {.outcome = WEIR_REPO_OUTCOME_OK, .has_digest = true};
    memset(r.digest, 1, sizeof r.digest);
    r.version = make_version(&w, 1);
    w.loading = NULL;
    weir_repo_step_loaded(w.step, &r, w.now_ns, wall(&w));
    act(&w);
    cr_assert_eq(content_of(&w, "m"), 1);
    cr_assert_not_null(w.loading);
    finish(&w);
    act(&w);
    cr_assert_eq(content_of(&w, "m"), 2);
    cr_assert_eq(serving(&w, "m")->version->number, 2);
    world_deinit(&w);
}

Test(repo_step, a_failure_changes_nothing_and_is_told_once)
{
    struct world w;
    world_init(&w, NULL, 0);
    struct file *f = add_file(&w, "0:m.pkl", "m", "0:m.pkl", 0);
    put(&w, f, 1, true);
    settle_down(&w);
    put(&w, f, 2, true);
    f->is_bad = true;
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 1);
    cr_assert_eq(state(&w, f->key), WEIR_REPO_FAILED);
    cr_assert_eq(w.n_events[WEIR_REPO_EVENT_LOAD_FAILED], 1);
    uint64_t n_loads = weir_repo_step_counters(w.step)->loads;
    settle_down(&w);
    cr_assert_eq(weir_repo_step_counters(w.step)->loads, n_loads, "not tried again");
    put(&w, f, 3, true);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 3);
    cr_assert_eq(state(&w, f->key), WEIR_REPO_GONE);
    world_deinit(&w);
}

Test(repo_step, what_fails_for_a_passing_reason_is_tried_again_ever_more_slowly)
{
    struct world w;
    world_init(&w, NULL, 0);
    struct file *f = add_file(&w, "0:m.pkl", "m", "0:m.pkl", 0);
    put(&w, f, 1, true);
    f->hints = WEIR_REPO_HINT_RENAMED;
    uint64_t waits[8];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(waits); i++) {
        scan(&w);
        act(&w);
        cr_assert_not_null(w.loading, "try %zu", i);
        struct weir_repo_loaded r = {.outcome = WEIR_REPO_OUTCOME_FAILED,
                                     .is_transient = true,
                                     .reason = WEIR_STR("out of luck")};
        w.loading = NULL;
        weir_repo_step_loaded(w.step, &r, w.now_ns, wall(&w));
        act(&w);
        waits[i] = weir_repo_step_next_ns(w.step) - w.now_ns;
        w.now_ns += waits[i];
    }
    cr_assert_eq(waits[0], 4 * WEIR_NS_PER_S);
    cr_assert_eq(waits[1], 8 * WEIR_NS_PER_S);
    cr_assert_eq(waits[7], 64 * WEIR_NS_PER_S, "there is an end to it");
    cr_assert_eq(w.n_events[WEIR_REPO_EVENT_LOAD_FAILED], 1, "told once");
    world_deinit(&w);
}

Test(repo_step, latest_of_folders_falls_back_and_comes_back)
{
    struct world w;
    world_init(&w, NULL, 0);
    struct file *one = add_file(&w, "0:m/1", "m", "0:m/", 1);
    struct file *nine = add_file(&w, "0:m/9", "m", "0:m/", 9);
    struct file *ten = add_file(&w, "0:m/10", "m", "0:m/", 10);
    put(&w, one, 1, true);
    put(&w, nine, 9, true);
    put(&w, ten, 10, true);
    ten->is_bad = true;
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 9, "10 is bad");
    cr_assert_eq(state(&w, one->key), WEIR_REPO_SEEN, "1 is not even loaded");
    put(&w, ten, 11, true);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 11);
    cr_assert_eq(serving(&w, "m")->version->number, 10);
    ten->is_there = false;
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 9);
    nine->is_there = false;
    one->is_there = false;
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 9, "the last one stays");
    cr_assert_eq(serving(&w, "m")->state, WEIR_REPO_ORPHANED);
    world_deinit(&w);
}

Test(repo_step, a_directory_that_cannot_be_read_unloads_nothing)
{
    static const char *const args[] = {"--on-removal=unload", "--removal-grace=1s"};
    struct world w;
    world_init(&w, args, 2);
    struct file *f = add_file(&w, "0:m.pkl", "m", "0:m.pkl", 0);
    put(&w, f, 1, true);
    settle_down(&w);
    w.root_ok = false;
    w.is_hangup = true;
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 1);
    cr_assert_eq(serving(&w, "m")->state, WEIR_REPO_ORPHANED);
    w.root_ok = true;
    settle_down(&w);
    cr_assert_eq(serving(&w, "m")->state, WEIR_REPO_READY);
    f->is_there = false;
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 1, "the directory is empty: not in order");
    struct file *g = add_file(&w, "0:n.pkl", "n", "0:n.pkl", 0);
    put(&w, g, 2, true);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), -1, "it is in order, and the grace is over");
    world_deinit(&w);
}

Test(repo_step, a_record_gives_numbers_back_and_asks_for_the_kept_file)
{
    struct world w;
    world_init(&w, NULL, 0);
    struct file *f = add_file(&w, "0:m.pkl", "m", "0:m.pkl", 0);
    struct weir_repo_record r = {.generation = 7, .live_number = 6};
    memset(r.live, 60, sizeof r.live);
    weir_repo_step_recall(w.step, WEIR_STR("m"), &r);
    put(&w, f, 61, true);
    f->is_bad = true;
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 60, "restored");
    cr_assert_eq(serving(&w, "m")->version->number, 6);
    put(&w, f, 62, true);
    settle_down(&w);
    cr_assert_eq(serving(&w, "m")->version->number, 8, "the next after the highest");
    put(&w, f, 60, true);
    settle_down(&w);
    cr_assert_eq(serving(&w, "m")->version->number, 9, "numbers rise, old content or not");
    world_deinit(&w);
}

/* --- random schedules --- */

/* After every step: at most one current version for each source, every current one serves, nobody
 * lost a serving version without another or a removal, and one load at once (act checks that). */
static void check(const struct world *w, bool *served, bool may_lose)
{
    size_t n;
    struct weir_repo_source *const *sources = weir_repo_step_sources(w->step, &n);
    for (size_t i = 0; i < n; i++) {
        const struct weir_repo_source *s = sources[i];
        if (i > 0)
            cr_assert_lt(strcmp(sources[i - 1]->key, s->key), 0);
        if (s->live)
            cr_assert(s->live->state == WEIR_REPO_READY || s->live->state == WEIR_REPO_ORPHANED);
        if (s->has_attempt)
            cr_assert(s->state != WEIR_REPO_READY && s->state != WEIR_REPO_GONE);
        cr_assert_eq(s->candidate != NULL, s->has_attempt && s->state == WEIR_REPO_CHECKING,
                     "what is checked is a candidate, and nothing else is");
    }
    static const char *const names[] = {"m", "v"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++) {
        bool serves = serving(w, names[i]) != NULL;
        cr_assert(serves || !served[i] || may_lose, "model %s lost its last version", names[i]);
        served[i] = serves;
    }
}

static void disturb(struct world *w, struct weir_test_random *r, uint8_t *content)
{
    struct file *f = &w->files[weir_test_random_below(r, w->n_files)];
    switch (weir_test_random_below(r, 11)) {
    case 0:
    case 1:
        put(w, f, (*content)++, true);
        f->hints = weir_test_random_below(r, 2) ? WEIR_REPO_HINT_RENAMED : 0;
        break;
    case 2:
        put(w, f, (*content)++, false);
        f->hints = weir_test_random_below(r, 2) ? WEIR_REPO_HINT_CLOSED : WEIR_REPO_HINT_WRITTEN;
        break;
    case 3:
        put(w, f, (*content)++, true);
        f->is_bad = true;
        break;
    case 4:
        f->is_there = false;
        f->is_open = false;
        break;
    case 5:
        if (f->is_there)
            put(w, f, f->content, weir_test_random_below(r, 2) == 0);
        break;
    case 6:
        f->is_open = f->is_there && !f->is_open;
        if (f->is_there)
            f->id.ctime_ns = (int64_t)wall(w);
        break;
    case 7:
        w->root_ok = weir_test_random_below(r, 8) != 0;
        break;
    case 8:
        /* Often there is nothing to go back to: that is one of the cases. */
        if (weir_repo_step_rollback(w->step, weir_str_c(f->model), wall(w), NULL) == WEIR_OK)
            w->n_rollbacks++;
        break;
    case 9:
        f->gate = weir_test_random_below(r, 4) == 0 ? 0 : f->gate + 1;
        f->gate_wall = wall(w);
        break;
    case 10:
        if (weir_repo_step_promote(w->step, weir_str_c(f->model), WEIR_STR("it must"),
                                   WEIR_STR("me"), w->now_ns, wall(w), NULL) == WEIR_OK)
            w->n_promotions++;
        break;
    }
}

Test(repo_step, versions_that_the_policy_does_not_select_do_not_delay_readiness)
{
    struct weir_config_sources sources = {0};
    struct weir_error err = WEIR_ERROR_INIT;
    struct world w;
    char why[128];
    world_init(&w, NULL, 0);
    struct weir_config *config = NULL;
    cr_assert_eq(weir_config_new_from_text(&config, WEIR_STR("t.yaml"),
                                           WEIR_STR("model_options: {v: {version_policy: [5]}}"),
                                           &sources, &err),
                 WEIR_OK, "%s", err.msg);
    weir_repo_step_set_config(w.step, config);
    put(&w, add_file(&w, "0:m.pkl", "m", "0:m.pkl", 0), 1, true);
    put(&w, add_file(&w, "0:v/1", "v", "0:v/", 1), 2, true);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "v"), -1);
    cr_assert(weir_repo_step_is_ready(w.step, why, sizeof why), "%s", why);
    weir_repo_step_set_config(w.step, w.config);
    weir_config_free(config);
    world_deinit(&w);
}

static struct weir_config *config_of(const char *text)
{
    struct weir_config_sources sources = {0};
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_config *config = NULL;
    cr_assert_eq(
        weir_config_new_from_text(&config, WEIR_STR("t.yaml"), weir_str_c(text), &sources, &err),
        WEIR_OK, "%s", err.msg);
    return config;
}

/* The content of the shadow; -1: none runs. */
static int shadow_of(const struct world *w, const char *model)
{
    const struct weir_repo_step_model *m = weir_repo_step_find(w->step, weir_str_c(model));
    for (const struct weir_repo_live *live = m->live; live; live = live->next) {
        if (live->is_shadow && weir_repo_step_is_running(live))
            return live->version->digest[0];
    }
    return -1;
}

Test(repo_step, a_shadow_runs_beside_what_answers_and_is_judged_when_it_is_to_answer)
{
    struct world w;
    world_init(&w, NULL, 0);
    struct weir_config *with = config_of("model_options: {v: {shadow: 3}}");
    weir_repo_step_set_config(w.step, with);
    put(&w, add_file(&w, "0:v/1", "v", "0:v/", 1), 1, true);
    put(&w, add_file(&w, "0:v/2", "v", "0:v/", 2), 2, true);
    struct file *third = add_file(&w, "0:v/3", "v", "0:v/", 3);
    third->gate = 1;
    put(&w, third, 6, true);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "v"), 2, "the newest but for the shadow");
    cr_assert_eq(shadow_of(&w, "v"), 6);
    cr_assert_eq(w.n_judged, 0);
    put(&w, third, 8, true);
    settle_down(&w);
    cr_assert_eq(shadow_of(&w, "v"), 8, "its file may change");
    cr_assert_eq(content_of(&w, "v"), 2);
    put(&w, third, 9, true);
    settle_down(&w);
    cr_assert_eq(shadow_of(&w, "v"), 9);
    weir_repo_step_set_config(w.step, w.config); /* Its gate refuses a multiple of 3. */
    settle_down(&w);
    cr_assert_eq(w.n_judged, 1);
    cr_assert_eq(content_of(&w, "v"), 2);
    cr_assert_eq(shadow_of(&w, "v"), -1);
    cr_assert_eq(state(&w, "0:v/3"), WEIR_REPO_HELD);
    weir_repo_step_set_config(w.step, with);
    settle_down(&w);
    cr_assert_eq(shadow_of(&w, "v"), 9, "what a gate holds may be a shadow");
    cr_assert_eq(w.n_judged, 1);
    cr_assert_eq(weir_repo_step_unload(w.step, WEIR_STR("v"), w.now_ns, wall(&w), NULL), WEIR_OK);
    settle_down(&w);
    cr_assert_eq(shadow_of(&w, "v"), -1, "it goes with the model");
    weir_repo_step_set_config(w.step, w.config);
    weir_config_free(with);
    world_deinit(&w);
}

Test(repo_step, what_answers_becomes_a_shadow_only_when_another_can_answer)
{
    struct world w;
    char why[128];
    world_init(&w, NULL, 0);
    put(&w, add_file(&w, "0:v/2", "v", "0:v/", 2), 2, true);
    settle_down(&w);
    struct weir_config *with = config_of("model_options: {v: {shadow: 2}}");
    weir_repo_step_set_config(w.step, with);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "v"), 2);
    put(&w, add_file(&w, "0:v/1", "v", "0:v/", 1), 1, true);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "v"), 1);
    cr_assert_eq(shadow_of(&w, "v"), 2);
    cr_assert(weir_repo_step_is_ready(w.step, why, sizeof why), "%s", why);
    weir_repo_step_set_config(w.step, w.config);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "v"), 2);
    weir_config_free(with);
    world_deinit(&w);
}

Test(repo_step, a_model_is_not_unloaded_while_its_rollback_is_under_way)
{
    struct world w;
    const char *args[] = {"--rollback-memory-max", "0"};
    world_init(&w, args, WEIR_ARRAY_LEN(args));
    struct file *f = add_file(&w, "0:m.pkl", "m", "0:m.pkl", 0);
    put(&w, f, 1, true);
    settle_down(&w);
    put(&w, f, 2, true);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 2);
    cr_assert_eq(weir_repo_step_rollback(w.step, WEIR_STR("m"), wall(&w), NULL), WEIR_OK);
    cr_assert_eq(weir_repo_step_unload(w.step, WEIR_STR("m"), w.now_ns, wall(&w), NULL),
                 WEIR_ERR_BUSY, "the kept file is wanted");
    act(&w);
    cr_assert_eq(weir_repo_step_unload(w.step, WEIR_STR("m"), w.now_ns, wall(&w), NULL),
                 WEIR_ERR_BUSY, "the kept file is being read");
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 1);
    cr_assert_eq(weir_repo_step_unload(w.step, WEIR_STR("m"), w.now_ns, wall(&w), NULL), WEIR_OK);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), -1);
    world_deinit(&w);
}

/* --- gates --- */

/* A world with one flat model whose gate has let its first content through. */
static struct file *gated(struct world *w)
{
    world_init(w, NULL, 0);
    struct file *f = add_file(w, "0:m.pkl", "m", "0:m.pkl", 0);
    f->gate = 1;
    put(w, f, 1, true);
    settle_down(w);
    cr_assert_eq(content_of(w, "m"), 1);
    cr_assert_eq(w->n_judged, 1, "also the first is judged");
    return f;
}

static size_t count(const struct world *w, enum weir_repo_event_kind kind)
{
    return w->n_events[kind];
}

Test(repo_step, a_gate_lets_the_good_through_and_holds_the_bad)
{
    struct world w;
    struct file *f = gated(&w);
    put(&w, f, 2, true);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 2);
    cr_assert_eq(serving(&w, "m")->version->number, 2);
    put(&w, f, 3, true);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 2, "the old version serves on");
    cr_assert_eq(state(&w, f->key), WEIR_REPO_HELD);
    cr_assert_str_eq(source(&w, f->key)->reason, "rule_failed: the content is what it is");
    cr_assert_eq(source(&w, f->key)->candidate_number, 3);
    cr_assert_eq(count(&w, WEIR_REPO_EVENT_GATE_REFUSED), 1);
    cr_assert_eq(w.refused.number, 3);
    cr_assert_eq(w.refused.number_before, 2, "what serves on");
    cr_assert_eq(count(&w, WEIR_REPO_EVENT_GATE_PASSED), 2);
    cr_assert_str_eq(w.note_code, "rule_failed");
    cr_assert_eq(w.last_note.number, 3);
    put(&w, f, 4, true);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 4);
    cr_assert_eq(serving(&w, "m")->version->number, 4, "a refused number is not given again");
    world_deinit(&w);
}

Test(repo_step, loads_go_on_while_one_is_judged_and_nobody_waits_for_the_other)
{
    struct world w;
    struct file *f = gated(&w);
    struct file *other = add_file(&w, "0:n.pkl", "n", "0:n.pkl", 0);
    put(&w, f, 2, true);
    scan(&w);
    act(&w);
    finish(&w);
    act(&w);
    cr_assert_not_null(w.judged);
    cr_assert_eq(state(&w, f->key), WEIR_REPO_CHECKING);
    put(&w, other, 10, true);
    other->hints = WEIR_REPO_HINT_RENAMED;
    scan(&w);
    act(&w);
    finish(&w);
    act(&w);
    cr_assert_eq(content_of(&w, "n"), 10, "it has no gate and waits for none");
    cr_assert_eq(content_of(&w, "m"), 1);
    judge(&w);
    act(&w);
    cr_assert_eq(content_of(&w, "m"), 2);
    world_deinit(&w);
}

Test(repo_step, a_candidate_that_changes_is_superseded_and_its_verdict_forgotten)
{
    struct world w;
    struct file *f = gated(&w);
    put(&w, f, 2, true);
    scan(&w);
    act(&w);
    finish(&w);
    act(&w);
    cr_assert_not_null(w.judged);
    put(&w, f, 3, true);
    scan(&w);
    act(&w);
    cr_assert(w.is_judging_canceled);
    cr_assert_str_eq(w.note_code, "superseded");
    cr_assert_eq(count(&w, WEIR_REPO_EVENT_GATE_SUPERSEDED), 1);
    judge(&w);
    act(&w);
    cr_assert_eq(content_of(&w, "m"), 1, "the verdict came too late for anybody");
    settle_down(&w);
    cr_assert_eq(state(&w, f->key), WEIR_REPO_HELD);
    cr_assert_eq(content_of(&w, "m"), 1);
    f->is_there = false;
    put(&w, f, 4, true);
    scan(&w);
    act(&w);
    finish(&w);
    act(&w);
    f->is_there = false;
    scan(&w);
    act(&w);
    cr_assert(w.is_judging_canceled, "nor is one that vanishes judged on");
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 1);
    world_deinit(&w);
}

Test(repo_step, a_gate_that_changes_judges_again_what_it_holds_and_only_that)
{
    struct world w;
    struct file *f = gated(&w);
    f->gate = 2;
    settle_down(&w);
    cr_assert_eq(w.n_judged, 1, "what serves is not judged again");
    put(&w, f, 3, true);
    settle_down(&w);
    cr_assert_eq(w.n_judged, 2);
    f->gate = 3;
    f->gate_wall = wall(&w);
    scan(&w);
    act(&w);
    finish(&w);
    act(&w);
    cr_assert_null(w.judged, "it may still be written");
    cr_assert_lt(weir_repo_step_next_ns(w.step), w.now_ns + 3 * WEIR_NS_PER_S);
    settle_down(&w);
    cr_assert_eq(w.n_judged, 3);
    cr_assert_eq(source(&w, f->key)->candidate_number, 2, "its number stays");
    f->gate = 4; /* Changes while it is judged are seen too. */
    w.now_ns += 10 * WEIR_NS_PER_S;
    scan(&w);
    act(&w);
    finish(&w);
    w.now_ns += 10 * WEIR_NS_PER_S;
    act(&w);
    cr_assert_not_null(w.judged);
    f->gate = 5;
    scan(&w);
    act(&w);
    cr_assert(w.is_judging_canceled);
    settle_down(&w);
    cr_assert_eq(w.n_judged, 5, "given up once, judged once");
    f->gate = 0;
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 3, "without a gate nothing is held");
    world_deinit(&w);
}

Test(repo_step, what_a_gate_turns_out_to_consist_of_is_no_change)
{
    struct world w;
    struct file *f = gated(&w);
    w.late_print = 77;
    put(&w, f, 3, true);
    scan(&w);
    act(&w);
    finish(&w);
    act(&w);
    judge(&w);
    f->gate = 77; /* The scan knows of the holdout now. */
    settle_down(&w);
    cr_assert_eq(w.n_judged, 2);
    w.late_print = 78;
    f->gate = 78; /* The holdout changed. */
    settle_down(&w);
    cr_assert_eq(w.n_judged, 3);
    cr_assert_eq(state(&w, f->key), WEIR_REPO_HELD);
    world_deinit(&w);
}

Test(repo_step, a_held_version_is_promoted_with_a_reason)
{
    struct world w;
    struct weir_error err = WEIR_ERROR_INIT;
    struct file *f = gated(&w);
    const struct weir_str m = WEIR_STR("m"), why = WEIR_STR("it must"), by = WEIR_STR("me");
    cr_assert_eq(weir_repo_step_promote(w.step, WEIR_STR("x"), why, by, w.now_ns, wall(&w), &err),
                 WEIR_ERR_NOT_FOUND);
    cr_assert_eq(weir_repo_step_promote(w.step, m, why, by, w.now_ns, wall(&w), &err),
                 WEIR_ERR_EXISTS);
    put(&w, f, 3, true);
    scan(&w);
    act(&w);
    finish(&w);
    act(&w);
    cr_assert_eq(weir_repo_step_promote(w.step, m, why, by, w.now_ns, wall(&w), &err),
                 WEIR_ERR_BUSY);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 1);
    cr_assert_eq(weir_repo_step_promote(w.step, m, why, by, w.now_ns, wall(&w), &err), WEIR_OK);
    cr_assert_eq(weir_repo_step_promote(w.step, m, why, by, w.now_ns, wall(&w), &err),
                 WEIR_ERR_BUSY, "once");
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 3);
    cr_assert_eq(serving(&w, "m")->version->number, 2);
    cr_assert_eq(count(&w, WEIR_REPO_EVENT_PROMOTED), 1);
    cr_assert_str_eq(w.note_by, "me");
    cr_assert_str_eq(w.note_code, "rule_failed", "what was failed stays known");
    cr_assert_eq(w.n_judged, 2, "it was not judged again");
    world_deinit(&w);
}

Test(repo_step, a_promotion_is_of_what_was_refused_and_of_nothing_else)
{
    struct world w;
    struct file *f = gated(&w);
    put(&w, f, 3, true);
    settle_down(&w);
    cr_assert_eq(weir_repo_step_promote(w.step, WEIR_STR("m"), WEIR_STR("a"), WEIR_STR("b"),
                                        w.now_ns, wall(&w), NULL),
                 WEIR_OK);
    put(&w, f, 6, true); /* Before it could be loaded. */
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 1);
    cr_assert_eq(state(&w, f->key), WEIR_REPO_HELD);
    cr_assert_eq(count(&w, WEIR_REPO_EVENT_PROMOTED), 0);
    put(&w, f, 3, true); /* The old permission does not hold any more. */
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 1);
    world_deinit(&w);
}

Test(repo_step, a_candidate_whose_file_is_gone_is_promoted_from_its_kept_file)
{
    struct world w;
    uint8_t digest[WEIR_REPO_DIGEST_BYTES];
    struct file *f = gated(&w);
    put(&w, f, 3, true);
    settle_down(&w);
    cr_assert_not(weir_repo_step_promotion_file(w.step, WEIR_STR("m"), digest));
    f->is_there = false;
    settle_down(&w);
    cr_assert_eq(state(&w, f->key), WEIR_REPO_GONE);
    cr_assert(weir_repo_step_promotion_file(w.step, WEIR_STR("m"), digest));
    cr_assert_eq(digest[0], 3);
    cr_assert_eq(weir_repo_step_promote(w.step, WEIR_STR("m"), WEIR_STR("a"), WEIR_STR("b"),
                                        w.now_ns, wall(&w), NULL),
                 WEIR_OK);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 3);
    cr_assert_eq(serving(&w, "m")->state, WEIR_REPO_ORPHANED);
    cr_assert_eq(count(&w, WEIR_REPO_EVENT_PROMOTED), 1);
    world_deinit(&w);
}

Test(repo_step, a_candidate_that_a_broken_file_replaced_is_not_promoted)
{
    struct world w;
    struct weir_error err = WEIR_ERROR_INIT;
    struct file *f = gated(&w);
    put(&w, f, 3, true);
    settle_down(&w);
    cr_assert_eq(state(&w, f->key), WEIR_REPO_HELD);
    put(&w, f, 4, true);
    f->is_bad = true;
    settle_down(&w);
    cr_assert_eq(state(&w, f->key), WEIR_REPO_FAILED);
    cr_assert_eq(weir_repo_step_promote(w.step, WEIR_STR("m"), WEIR_STR("a"), WEIR_STR("b"),
                                        w.now_ns, wall(&w), &err),
                 WEIR_ERR_EXISTS);
    cr_assert(strstr(err.msg, "was replaced since its gate held a version"), "%s", err.msg);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 1);
    cr_assert_eq(count(&w, WEIR_REPO_EVENT_PROMOTED), 0);
    world_deinit(&w);
}

Test(repo_step, after_a_restart_a_candidate_is_judged_against_what_served)
{
    struct world w;
    world_init(&w, NULL, 0);
    struct weir_repo_record r = {
        .generation = 8, .live_number = 7, .candidate_number = 8, .has_held = false};
    memset(r.live, 1, sizeof r.live);
    memset(r.candidate, 3, sizeof r.candidate);
    weir_repo_step_recall(w.step, WEIR_STR("m"), &r);
    struct file *f = add_file(&w, "0:m.pkl", "m", "0:m.pkl", 0);
    f->gate = 1;
    put(&w, f, 3, true);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 1, "the worse file is not taken for the first");
    cr_assert_eq(serving(&w, "m")->version->number, 7);
    cr_assert_eq(w.n_judged, 1);
    cr_assert_eq(source(&w, f->key)->candidate_number, 8);
    world_deinit(&w);

    world_init(&w, NULL, 0);
    weir_repo_step_recall(w.step, WEIR_STR("m"), &r);
    f = add_file(&w, "0:m.pkl", "m", "0:m.pkl", 0);
    f->gate = 1;
    put(&w, f, 1, true);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 1, "what served serves again");
    cr_assert_eq(w.n_judged, 0, "and needs no verdict");
    world_deinit(&w);
}

Test(repo_step, a_folder_serves_on_when_its_newest_version_is_held)
{
    struct world w;
    world_init(&w, NULL, 0);
    struct file *one = add_file(&w, "0:v/1", "v", "0:v/", 1);
    struct file *two = add_file(&w, "0:v/2", "v", "0:v/", 2);
    one->gate = 1;
    two->gate = 1;
    put(&w, one, 1, true);
    settle_down(&w);
    put(&w, two, 3, true);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "v"), 1);
    cr_assert_eq(state(&w, "0:v/2"), WEIR_REPO_HELD);
    put(&w, one, 6, true); /* The live version's own file gets worse. */
    settle_down(&w);
    cr_assert_eq(content_of(&w, "v"), 1);
    put(&w, two, 4, true);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "v"), 4);
    world_deinit(&w);
}

Test(repo_step, a_rollback_takes_what_is_parked_and_does_not_wait_for_a_gate)
{
    struct world w;
    struct file *f = gated(&w);
    put(&w, f, 2, true);
    settle_down(&w);
    put(&w, f, 3, true);
    scan(&w);
    act(&w);
    finish(&w);
    act(&w);
    cr_assert_not_null(w.judged);
    size_t n_made = w.n_made;
    cr_assert_eq(weir_repo_step_rollback(w.step, WEIR_STR("m"), wall(&w), NULL), WEIR_OK);
    cr_assert_eq(content_of(&w, "m"), 1, "at once");
    cr_assert_eq(serving(&w, "m")->version->number, 1);
    act(&w);
    cr_assert_eq(w.n_made, n_made, "nothing was loaded");
    release_all(&w); /* What is judged against has retired: it must live until the verdict. */
    act(&w);
    judge(&w);
    act(&w);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "m"), 1);
    cr_assert_eq(count(&w, WEIR_REPO_EVENT_ROLLED_BACK), 1);
    world_deinit(&w);
}

Test(repo_step, versions_of_folders_are_parked_too)
{
    struct world w;
    world_init(&w, NULL, 0);
    struct file *one = add_file(&w, "0:v/1", "v", "0:v/", 1);
    struct file *two = add_file(&w, "0:v/2", "v", "0:v/", 2);
    put(&w, one, 1, true);
    settle_down(&w);
    put(&w, two, 2, true);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "v"), 2);
    size_t n_made = w.n_made;
    cr_assert_eq(weir_repo_step_rollback(w.step, WEIR_STR("v"), wall(&w), NULL), WEIR_OK);
    cr_assert_eq(content_of(&w, "v"), 1);
    settle_down(&w);
    cr_assert_eq(content_of(&w, "v"), 1);
    cr_assert_eq(w.n_made, n_made);
    world_deinit(&w);
}

static size_t run_schedule(uint64_t seed, size_t *n_promotions, size_t *n_judged)
{
    struct world w;
    struct weir_test_random r;
    bool served[2] = {false, false};
    uint8_t content = 1;
    weir_test_random_init(&r, seed);
    world_init(&w, NULL, 0);
    (void)add_file(&w, "0:m.joblib", "m", "0:m.joblib", 0);
    (void)add_file(&w, "0:m.pkl", "m", "0:m.pkl", 0);
    (void)add_file(&w, "0:v/1", "v", "0:v/", 1);
    (void)add_file(&w, "0:v/2", "v", "0:v/", 2);
    (void)add_file(&w, "0:v/3", "v", "0:v/", 3);
    for (int i = 0; i < 400; i++) {
        if (weir_test_random_below(&r, 3) == 0)
            disturb(&w, &r, &content);
        if (weir_test_random_below(&r, 2))
            scan(&w);
        act(&w);
        if (weir_test_random_below(&r, 2))
            finish(&w);
        if (weir_test_random_below(&r, 3) == 0)
            judge(&w);
        if (weir_test_random_below(&r, 4) == 0)
            release_all(&w);
        act(&w);
        check(&w, served, false);
        w.now_ns += weir_test_random_below(&r, 900) * MS;
    }
    /* Left in peace with good files, it ends up with the newest of them. */
    w.root_ok = true;
    for (size_t i = 0; i < w.n_files; i++) {
        w.files[i].is_open = false;
        w.files[i].gate = 1000 + i;
        put(&w, &w.files[i], (uint8_t)(200 + 2 * i), true);
    }
    w.files[1].is_there = false;
    settle_down(&w);
    check(&w, served, false);
    cr_assert_eq(content_of(&w, "m"), 200, "seed %llu: %d", (unsigned long long)seed,
                 content_of(&w, "m"));
    cr_assert_eq(content_of(&w, "v"), 208, "seed %llu: %d", (unsigned long long)seed,
                 content_of(&w, "v"));
    size_t n_rollbacks = w.n_rollbacks;
    *n_promotions += weir_repo_step_counters(w.step)->promotions;
    *n_judged += w.n_judged;
    world_deinit(&w);
    return n_rollbacks;
}

Test(repo_step, random_schedules_keep_every_model_serving, .timeout = 60)
{
    size_t n_rollbacks = 0;
    size_t n_promotions = 0;
    size_t n_judged = 0;
    for (uint64_t seed = 1; seed <= 500; seed++)
        n_rollbacks += run_schedule(seed, &n_promotions, &n_judged);
    cr_assert_gt(n_rollbacks, 100, "the schedules must reach rollbacks too");
    cr_assert_gt(n_judged, 1000, "and gates");
    cr_assert_gt(n_promotions, 100, "and promotions");
}

Test(repo_step, every_failing_allocation_is_survived)
{
    test_mem_install();
    struct world w;
    world_init(&w, NULL, 0);
    (void)add_file(&w, "0:m.joblib", "m", "0:m.joblib", 0);
    (void)add_file(&w, "0:v/1", "v", "0:v/", 1);
    put(&w, &w.files[0], 1, true);
    put(&w, &w.files[1], 2, true);
    for (uint64_t n = 1;; n++) {
        struct weir_repo_found found[2];
        for (size_t i = 0; i < 2; i++) {
            const struct file *f = &w.files[i];
            found[i] = (struct weir_repo_found){.key = weir_str_c(f->key),
                                                .model = weir_str_c(f->model),
                                                .group = weir_str_c(f->group),
                                                .file = weir_str_c(f->key + 2),
                                                .number = f->number,
                                                .id = f->id};
        }
        struct weir_repo_scan s = {.found = found,
                                   .n_found = 2,
                                   .root_ok = &w.root_ok,
                                   .n_roots = 1,
                                   .now_ns = w.now_ns,
                                   .wall_ns = wall(&w)};
        struct weir_repo_step *step = NULL;
        enum weir_status st = WEIR_ERR_NO_MEMORY;
        test_mem_fail_at(n, false);
        if (weir_repo_step_new(&step, w.config) == WEIR_OK)
            st = weir_repo_step_scan(step, &s);
        bool failed = test_mem_has_failed();
        test_mem_fail_at(0, false);
        cr_assert(st == WEIR_OK || failed);
        if (step)
            cr_assert_eq(weir_repo_step_scan(step, &s), WEIR_OK, "the next scan has it all");
        if (step) {
            size_t n_sources;
            (void)weir_repo_step_sources(step, &n_sources);
            cr_assert_eq(n_sources, 2);
        }
        weir_repo_step_free(step);
        if (!failed)
            break;
    }
    world_deinit(&w);
    cr_assert_eq(test_mem_n_live(), 0);
}

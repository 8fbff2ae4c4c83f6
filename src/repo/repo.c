/* SPDX-License-Identifier: MIT */
/* The keeper's side: it feeds the machine of step.h with scans and results, and does what the
 * machine says. Everything that happens ends in pump(), which carries out actions until there are
 * none, publishes a table when something changed, and sets the time of the next scan.
 *
 * Scans come when the kernel tells of a change, when the machine waits for one (a file settles, a
 * failure is tried again), and every `rescan` at the latest; a scan never begins before four times
 * the time of the last one has passed, so that a flood of events cannot hold the keeper. */
#include "repo/repo.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "repo/repo_priv.h"

#include <signal.h>
#include <stdio.h>

static const uint64_t scan_gap_ns = 2 * WEIR_NS_PER_MS;
static const uint64_t end_poll_ns = 5 * WEIR_NS_PER_MS;

const char *weir_repo_state_name(enum weir_repo_state state)
{
    static const char *const names[] = {
#define NAME(code, name, text) name,
        WEIR_REPO_STATE_MAP(NAME)
#undef NAME
    };
    weir_assert((size_t)state < WEIR_ARRAY_LEN(names));
    return names[state];
}

const char *weir_repo_verdict_name(enum weir_repo_verdict verdict)
{
    static const char *const names[] = {"pass", "fail", "inconclusive"};
    weir_assert((size_t)verdict < WEIR_ARRAY_LEN(names));
    return names[verdict];
}

const char *weir_repo_event_text(enum weir_repo_event_kind kind)
{
    static const char *const texts[] = {
#define TEXT(code, text) text,
        WEIR_REPO_EVENT_MAP(TEXT)
#undef TEXT
    };
    weir_assert((size_t)kind < WEIR_ARRAY_LEN(texts));
    return texts[kind];
}

static void tell(struct weir_repo *repo, const struct weir_repo_event *event)
{
    if (repo->callbacks.on_event)
        repo->callbacks.on_event(repo->callbacks.ctx, event);
}

void weir_repo_tell_problem(struct weir_repo *repo, enum weir_repo_event_kind kind,
                            const char *reason)
{
    tell(repo,
         &(struct weir_repo_event){.kind = kind, .is_problem = true, .reason = weir_str_c(reason)});
}

/* --- scans --- */

static void schedule(struct weir_repo *repo)
{
    if (repo->is_stopping || !repo->is_started)
        return;
    uint64_t at = weir_clock_add(repo->scan_ended_ns, repo->config->rescan_ns);
    uint64_t wanted = weir_repo_step_next_ns(repo->step);
    if (wanted < at)
        at = wanted;
    if (repo->is_scan_wanted)
        at = 0;
    uint64_t took = repo->scan_ended_ns - repo->scan_began_ns;
    uint64_t gap = 4 * took > scan_gap_ns ? 4 * took : scan_gap_ns;
    uint64_t earliest = weir_clock_add(repo->scan_ended_ns, gap);
    weir_timer_start(&repo->timer, at > earliest ? at : earliest);
}

static uint8_t on_hints(void *ctx, struct weir_str key)
{
    struct weir_repo *repo = ctx;
    return weir_repo_watch_hints(&repo->watch, key);
}

static void on_directory(void *ctx, const char *path, struct weir_str key)
{
    struct weir_repo *repo = ctx;
    weir_repo_watch_add(&repo->watch, path, key);
}

/* Tells of directories that cannot be read, and that can again: once each. */
static void tell_roots(struct weir_repo *repo, const bool *was_ok)
{
    for (size_t i = 0; i < repo->scanner.n_roots; i++) {
        const struct weir_repo_root *root = &repo->scanner.roots[i];
        if (root->is_ok == was_ok[i])
            continue;
        tell(repo,
             &(struct weir_repo_event){
                 .kind = root->is_ok ? WEIR_REPO_EVENT_ROOT_BACK : WEIR_REPO_EVENT_ROOT_FAILED,
                 .is_problem = !root->is_ok,
                 .file = repo->config->models.n > i ? repo->config->models.at[i] : WEIR_STR(""),
                 .reason = root->is_ok ? WEIR_STR("") : weir_str_c(root->reason)});
    }
}

static void scan(struct weir_repo *repo)
{
    const struct weir_repo_scan_hooks hooks = {on_hints, on_directory, repo};
    struct weir_repo_scan found = {0};
    bool was_ok[256]; /* As many roots as the option allows. */
    weir_assert(repo->scanner.n_roots <= WEIR_ARRAY_LEN(was_ok));
    for (size_t i = 0; i < repo->scanner.n_roots; i++)
        was_ok[i] = repo->scanner.roots[i].is_ok || !repo->scanner.roots[i].is_scanned;
    repo->is_scan_wanted = false;
    repo->scan_began_ns = weir_clock_ns();
    enum weir_status st = weir_repo_scan_run(&repo->scanner, &hooks, &found);
    repo->scan_ended_ns = weir_clock_ns();
    if (st != WEIR_OK)
        return; /* No memory: what it found is incomplete; the next one comes. */
    found.now_ns = repo->scan_ended_ns;
    found.wall_ns = weir_clock_wall_ns();
    found.is_hangup = repo->is_hangup;
    tell_roots(repo, was_ok);
    weir_repo_gates_look(&repo->gates, repo->config, repo->scanner.roots, repo->scanner.found,
                         found.n_found);
    if (weir_repo_step_scan(repo->step, &found) == WEIR_OK)
        repo->is_hangup = false;
    weir_repo_watch_used(&repo->watch);
    if (repo->watch.is_limited && !repo->was_watch_limited) {
        repo->was_watch_limited = true;
        weir_repo_tell_problem(repo, WEIR_REPO_EVENT_WATCH_LOST,
                               "a directory could not be watched");
    }
}

static void on_timer(struct weir_timer *timer, void *arg)
{
    (void)timer;
    struct weir_repo *repo = arg;
    if (repo->is_stopping) {
        weir_repo_close_when_ended(repo);
        return;
    }
    scan(repo);
    weir_repo_pump(repo);
}

static void on_watch(void *arg)
{
    struct weir_repo *repo = arg;
    if (repo->is_stopping)
        return;
    repo->is_scan_wanted = true;
    schedule(repo);
}

/* --- actions --- */

static void give_load(struct weir_repo *repo, const struct weir_repo_load *load)
{
    if (!repo->is_stopping && weir_repo_loader_load(repo->loader, load) == WEIR_OK)
        return;
    struct weir_repo_loaded result = {.outcome = WEIR_REPO_OUTCOME_FAILED,
                                      .is_transient = true,
                                      .reason = WEIR_STR("out of memory")};
    if (repo->is_stopping)
        result.outcome = WEIR_REPO_OUTCOME_CANCELED;
    weir_repo_step_loaded(repo->step, &result, weir_clock_ns(), weir_clock_wall_ns());
}

static void do_load(struct weir_repo *repo, const struct weir_repo_action *a)
{
    const struct weir_repo_source *s = a->source;
    const struct weir_repo_root *root = &repo->scanner.roots[s->root];
    struct weir_repo_load load = {
        .config = repo->config,
        .root = root->path,
        .file = s->file,
        .model = s->model->name,
        .is_anywhere = root->only != NULL,
        .needs_lease = s->needs_lease,
        .id = s->id,
        .n_known = a->n_known,
    };
    memcpy(load.known, a->known, sizeof load.known);
    give_load(repo, &load);
}

static void do_restore(struct weir_repo *repo, const struct weir_repo_action *a)
{
    size_t n;
    struct weir_repo_source *const *sources = weir_repo_step_sources(repo->step, &n);
    struct weir_repo_load load = {
        .config = repo->config,
        .root = "",
        .file = a->model->name,
        .model = a->model->name,
        .is_restore = true,
    };
    for (size_t i = 0; i < n; i++) {
        if (sources[i]->model == a->model && sources[i]->is_present)
            load.file = sources[i]->file;
    }
    memcpy(load.digest, a->digest, sizeof load.digest);
    give_load(repo, &load);
}

static void do_record(struct weir_repo *repo)
{
    struct weir_buf lines = WEIR_BUF_INIT;
    size_t n;
    struct weir_repo_step_model *const *models = weir_repo_step_models(repo->step, &n);
    for (size_t i = 0; i < n; i++) {
        const struct weir_repo_record *r = &models[i]->record;
        if (r->generation || r->live_number || r->has_held || r->candidate_number)
            weir_repo_state_dir_put(&lines, weir_str_c(models[i]->name), r);
    }
    weir_repo_loader_write(repo->loader, &lines, repo->config->state_bytes_max);
}

static void act(struct weir_repo *repo, struct weir_repo_action *a)
{
    switch (a->kind) {
    case WEIR_REPO_ACTION_LOAD:
        do_load(repo, a);
        return;
    case WEIR_REPO_ACTION_RESTORE:
        do_restore(repo, a);
        return;
    case WEIR_REPO_ACTION_FREE:
        weir_repo_loader_free_version(repo->loader, a->version);
        return;
    case WEIR_REPO_ACTION_KEEP:
        weir_repo_loader_keep(repo->loader, a->version, repo->config->state_bytes_max);
        return;
    case WEIR_REPO_ACTION_RECORD:
        do_record(repo);
        return;
    case WEIR_REPO_ACTION_EVENT:
        a->event.serial = repo->tables->table.serial + 1;
        tell(repo, &a->event);
        return;
    case WEIR_REPO_ACTION_JUDGE:
    case WEIR_REPO_ACTION_CANCEL:
    case WEIR_REPO_ACTION_NOTE:
        weir_repo_gate_act(repo, a);
        return;
    }
}

/* --- tables --- */

/* What was retired before anybody saw it is released here; returns whether there was any. */
static bool mark_published(struct weir_repo *repo)
{
    size_t n;
    struct weir_repo_step_model *const *models = weir_repo_step_models(repo->step, &n);
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        struct weir_repo_live *next;
        for (struct weir_repo_live *live = models[i]->live; live; live = next) {
            next = live->next;
            if (live->state != WEIR_REPO_RETIRING) {
                live->is_published = true;
            } else if (!live->is_published) {
                weir_repo_step_released(repo->step, live->version);
                found = true;
            }
        }
    }
    return found;
}

static void publish(struct weir_repo *repo)
{
    struct weir_repo_table_box *box = weir_repo_table_new(repo->step, repo->config, repo->tables);
    if (!box) {
        repo->is_scan_wanted = true; /* Tried again with the next scan, which comes soon. */
        return;
    }
    repo->tables = box;
    repo->n_publishes++;
    if (mark_published(repo))
        repo->is_pump_wanted = true;
    repo->callbacks.on_publish(repo->callbacks.ctx, &box->table);
}

static void collect_counters(struct weir_repo *repo)
{
    repo->counters = *weir_repo_step_counters(repo->step);
    repo->counters.file_events = repo->watch.n_events;
    repo->counters.event_overflows = repo->watch.n_overflows;
    repo->counters.publishes = repo->n_publishes;
    repo->counters.versions_freed = weir_repo_loader_n_freed(repo->loader);
    repo->counters.state_failures = repo->n_state_failures;
}

static void pump_once(struct weir_repo *repo)
{
    struct weir_repo_action action;
    repo->is_pump_wanted = false;
    while (weir_repo_step_take(repo->step, &action))
        act(repo, &action);
    if (weir_repo_step_take_change(repo->step))
        publish(repo);
}

void weir_repo_pump(struct weir_repo *repo)
{
    /* Callbacks may call back: what they caused is done by the call that is under way. */
    repo->is_pump_wanted = true;
    if (repo->is_pumping)
        return;
    repo->is_pumping = true;
    while (repo->is_pump_wanted)
        pump_once(repo);
    repo->is_pumping = false;
    collect_counters(repo);
    schedule(repo);
}

static void tell_adopted(struct weir_repo *repo, const struct weir_repo_table_box *box)
{
    for (size_t i = 0; i < box->n_news; i++) {
        const struct weir_repo_table_news *news = &box->news[i];
        uint64_t now_ns = weir_clock_ns();
        tell(repo,
             &(struct weir_repo_event){.kind = WEIR_REPO_EVENT_ADOPTED,
                                       .model = news->model,
                                       .number = news->number,
                                       .digest = weir_str_c(news->digest_hex),
                                       .file = news->file,
                                       .ns = now_ns > news->seen_ns ? now_ns - news->seen_ns : 0,
                                       .serial = box->table.serial});
    }
}

void weir_repo_table_adopted(struct weir_repo *repo, const struct weir_table *table)
{
    struct weir_repo_table_box *box = repo->tables;
    while (box && &box->table != table)
        box = box->older;
    if (!box)
        return; /* A newer one was adopted before, and this one is gone. */
    for (struct weir_repo_table_box *b = box; b && !b->is_adopted; b = b->older) {
        b->is_adopted = true;
        tell_adopted(repo, b);
    }
    struct weir_repo_table_box *older = WEIR_TAKE(box->older);
    while (older) {
        struct weir_repo_table_box *next = older->older;
        weir_repo_table_free(older);
        older = next;
    }
}

void weir_repo_version_released(struct weir_repo *repo, const struct weir_version *version)
{
    weir_repo_step_released(repo->step, version);
    weir_repo_pump(repo);
}

const struct weir_table *weir_repo_table(const struct weir_repo *repo)
{
    return &repo->tables->table;
}

/* --- the loader's results, and the end --- */

static void on_closed(void *arg)
{
    struct weir_repo *repo = arg;
    weir_assert(repo->n_closing > 0);
    if (--repo->n_closing > 0)
        return;
    repo->is_stopped = true;
    if (repo->callbacks.on_stopped)
        repo->callbacks.on_stopped(repo->callbacks.ctx);
}

static void on_timer_closed(struct weir_timer *timer, void *arg)
{
    (void)timer;
    on_closed(arg);
}

static void tell_state_failure(struct weir_repo *repo)
{
    char reason[WEIR_REPO_REASON_BYTES];
    uint64_t n;
    if (!weir_repo_loader_take_failure(repo->loader, reason, sizeof reason, &n))
        return;
    repo->n_state_failures += n;
    if (repo->was_state_failing)
        return; /* One warning; the counter goes on. */
    repo->was_state_failing = true;
    weir_repo_tell_problem(repo, WEIR_REPO_EVENT_STATE_DIR, reason);
}

static void on_loader(void *arg)
{
    struct weir_repo *repo = arg;
    struct weir_repo_loader_result result;
    tell_state_failure(repo);
    if (weir_repo_loader_take(repo->loader, &result)) {
        weir_repo_step_loaded(repo->step, &result.loaded, weir_clock_ns(), weir_clock_wall_ns());
        if (result.loaded.outcome == WEIR_REPO_OUTCOME_CHANGED)
            repo->is_scan_wanted = true;
        weir_repo_pump(repo);
    }
    if (repo->is_stopping)
        weir_repo_close_when_ended(repo);
}

/* The timer goes on until the loader has ended: a wake-up alone does not keep a loop running. */
void weir_repo_close_when_ended(struct weir_repo *repo)
{
    if (repo->is_closing)
        return;
    if (!weir_repo_loader_has_ended(repo->loader) || !weir_repo_judge_has_ended(repo->judge)) {
        weir_timer_start(&repo->timer, weir_clock_add(weir_clock_ns(), end_poll_ns));
        return;
    }
    repo->is_closing = true;
    weir_repo_loader_close(repo->loader, on_closed);
    weir_repo_judge_close(repo->judge, on_closed);
    weir_timer_close(&repo->timer, on_timer_closed);
}

void weir_repo_stop(struct weir_repo *repo)
{
    if (repo->is_stopping || !repo->is_started)
        return;
    repo->is_stopping = true;
    repo->n_closing = 3; /* The timer and the wake-ups of loader and judge. */
    if (weir_repo_watch_close(&repo->watch, on_closed))
        repo->n_closing++;
    weir_repo_loader_stop(repo->loader);
    weir_repo_judge_stop(repo->judge);
    weir_timer_start(&repo->timer, weir_clock_add(weir_clock_ns(), end_poll_ns));
}

/* --- making and starting --- */

static void recall(void *ctx, struct weir_str model, const struct weir_repo_record *record)
{
    weir_repo_step_recall(ctx, model, record);
}

static void open_state(struct weir_repo *repo)
{
    struct weir_error err = WEIR_ERROR_INIT;
    enum weir_status st = weir_repo_state_dir_open(&repo->state, repo->config, &err);
    if (st == WEIR_ERR_CANCELED)
        return;
    if (st == WEIR_OK) {
        st = weir_repo_state_dir_recall(&repo->state, recall, repo->step, &err);
        if (st == WEIR_OK || st == WEIR_ERR_NOT_FOUND)
            return;
    }
    repo->was_state_failing = true;
    weir_repo_tell_problem(repo, WEIR_REPO_EVENT_STATE_DIR, err.msg);
}

static void open_watch(struct weir_repo *repo)
{
    if (!repo->config->events)
        return;
    if (weir_repo_watch_open(&repo->watch, repo->loop, on_watch, repo) != WEIR_OK) {
        repo->was_watch_limited = true;
        weir_repo_tell_problem(repo, WEIR_REPO_EVENT_WATCH_LOST, "the kernel gives no events");
    }
}

enum weir_status weir_repo_new(struct weir_repo **out, struct weir_loop *loop,
                               const struct weir_config *config,
                               const struct weir_repo_callbacks *callbacks, struct weir_error *err)
{
    weir_assert(callbacks->on_publish);
    struct weir_repo *repo = weir_mem_zalloc(weir_mem_default(), sizeof *repo);
    if (!repo)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    repo->loop = loop;
    repo->config = config;
    repo->callbacks = *callbacks;
    repo->state = (struct weir_repo_state_dir){-1, -1};
    repo->verdicts.dir = repo->state;
    weir_repo_watch_off(&repo->watch);
    enum weir_status st = weir_repo_scan_init(&repo->scanner, &config->models, err);
    if (st == WEIR_OK && weir_repo_step_new(&repo->step, config) != WEIR_OK)
        st = weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    if (st == WEIR_OK) {
        repo->scanner.allows_hard_links = config->hard_links;
        repo->tables = weir_repo_table_new(repo->step, config, NULL);
        if (!repo->tables)
            st = weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    }
    if (st != WEIR_OK) {
        weir_repo_free(repo);
        return st;
    }
    *out = repo;
    return WEIR_OK;
}

/* A writer that opens a file on which the loader asks for a lease makes the kernel send SIGIO. */
static void ignore_lease_signal(void)
{
    struct sigaction old;
    if (sigaction(SIGIO, NULL, &old) == 0 && old.sa_handler == SIG_DFL) {
        struct sigaction ignore = {.sa_handler = SIG_IGN};
        (void)sigaction(SIGIO, &ignore, NULL); /* Cannot fail for SIGIO. */
    }
}

enum weir_status weir_repo_start(struct weir_repo *repo, struct weir_error *err)
{
    weir_assert(!repo->is_started);
    ignore_lease_signal();
    if (weir_timer_init(&repo->timer, repo->loop, WEIR_TIMER_COARSE, on_timer, repo) != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_IO, "no timer could be had");
    open_state(repo);
    enum weir_status st = weir_repo_loader_new(&repo->loader, repo->loop, &repo->state,
                                               &repo->callbacks, on_loader, repo);
    if (st == WEIR_OK)
        st = weir_repo_gate_open(repo);
    if (st == WEIR_OK)
        st = weir_repo_judge_start(repo->judge);
    if (st == WEIR_OK) {
        weir_repo_loader_set_verdicts(repo->loader, &repo->verdicts);
        st = weir_repo_loader_start(repo->loader);
        if (st != WEIR_OK)
            weir_repo_judge_stop(repo->judge); /* It has nothing to do, and ends. */
    }
    if (st != WEIR_OK) {
        weir_timer_close(&repo->timer, NULL);
        if (repo->loader)
            weir_repo_loader_close(repo->loader, NULL);
        if (repo->judge)
            weir_repo_judge_close(repo->judge, NULL);
        return weir_error_set(err, WEIR_ERR_IO, "the loader or the judge could not be started");
    }
    open_watch(repo);
    repo->is_started = true;
    scan(repo);
    weir_repo_pump(repo);
    return WEIR_OK;
}

static void free_version(void *ctx, struct weir_version *version)
{
    (void)ctx;
    weir_repo_loader_destroy(version);
}

void weir_repo_free(struct weir_repo *repo)
{
    if (!repo)
        return;
    weir_assert(repo->is_stopped || !repo->is_started);
    weir_repo_judge_free(repo->judge);
    weir_repo_loader_free(repo->loader);
    if (repo->step)
        weir_repo_step_each_version(repo->step, free_version, repo);
    while (repo->tables) {
        struct weir_repo_table_box *older = repo->tables->older;
        weir_repo_table_free(repo->tables);
        repo->tables = older;
    }
    weir_repo_step_free(repo->step);
    weir_repo_scan_deinit(&repo->scanner);
    weir_repo_watch_deinit(&repo->watch);
    weir_repo_gate_log_deinit(&repo->gate_log);
    weir_repo_gates_deinit(&repo->gates);
    weir_repo_verdicts_close(&repo->verdicts);
    weir_repo_state_dir_close(&repo->state);
    weir_mem_free(weir_mem_default(), repo);
}

/* --- calls --- */

void weir_repo_reconfigure(struct weir_repo *repo, const struct weir_config *config)
{
    repo->config = config;
    repo->scanner.allows_hard_links = config->hard_links;
    weir_repo_step_set_config(repo->step, config);
    repo->is_hangup = true;
    if (repo->is_stopping || !repo->is_started)
        return;
    scan(repo);
    weir_repo_pump(repo);
}

void weir_repo_rescan(struct weir_repo *repo)
{
    if (repo->is_stopping || !repo->is_started)
        return;
    scan(repo);
    weir_repo_pump(repo);
}

enum weir_status weir_repo_rollback(struct weir_repo *repo, struct weir_str model,
                                    struct weir_error *err)
{
    uint8_t digest[WEIR_REPO_DIGEST_BYTES];
    if (weir_repo_step_rollback_file(repo->step, model, digest)) {
        int fd = -1;
        if (weir_repo_state_dir_find(&repo->state, digest, &fd, NULL) != WEIR_OK)
            return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                                  "the file of the version before is not kept; that needs a state "
                                  "directory (state_dir) with room for it (state_bytes_max)");
        (void)close(fd); /* Only whether it is there was asked. */
    }
    enum weir_status st = weir_repo_step_rollback(repo->step, model, weir_clock_wall_ns(), err);
    weir_repo_pump(repo);
    return st;
}

enum weir_status weir_repo_unload(struct weir_repo *repo, struct weir_str model,
                                  struct weir_error *err)
{
    enum weir_status st =
        weir_repo_step_unload(repo->step, model, weir_clock_ns(), weir_clock_wall_ns(), err);
    weir_repo_pump(repo);
    return st;
}

enum weir_status weir_repo_load(struct weir_repo *repo, struct weir_str model,
                                struct weir_error *err)
{
    enum weir_status st =
        weir_repo_step_load(repo->step, model, weir_clock_ns(), weir_clock_wall_ns(), err);
    weir_repo_pump(repo);
    return st;
}

enum weir_repo_progress weir_repo_progress(const struct weir_repo *repo, struct weir_str model,
                                           uint64_t since_wall_ns, char *reason, size_t cap)
{
    return weir_repo_step_progress(repo->step, model, since_wall_ns, reason, cap);
}

const struct weir_repo_counters *weir_repo_get_counters(const struct weir_repo *repo)
{
    return &repo->counters;
}

/* SPDX-License-Identifier: MIT */
#include "test_repo.h"

#include "base/clock.h"
#include "base/macros.h"
#include "model/linear.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUIRE(ok)                                                        \
    do {                                                                   \
        if (!(ok)) {                                                       \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #ok); \
            abort();                                                       \
        }                                                                  \
    } while (0)

enum weir_status weir_test_repo_load(void *ctx, struct weir_model **out,
                                     const struct weir_config *config, struct weir_str file,
                                     const void *bytes, size_t n, uint64_t deadline_ns,
                                     struct weir_error *err)
{
    (void)ctx;
    (void)config;
    (void)deadline_ns;
    double v[3];
    char text[256];
    int end = 0;
    if (n == 0 || n >= sizeof text)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "%s: offset 0: not a test model", file.at);
    memcpy(text, bytes, n);
    text[n] = '\0';
    if (sscanf(text, "weir-test %lf %lf %lf end%n", &v[0], &v[1], &v[2], &end) != 3 || end == 0 ||
        text[end] != '\n' || (size_t)end + 1 != n)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "%s: offset %zu: the end is missing", file.at,
                              n);
    static const struct weir_labels numbers; /* A target that is a number has no labels. */
    struct weir_model_builder b;
    const struct weir_model_node *root = NULL;
    struct weir_model_linear_opts opts = {.name = WEIR_STR("Test"),
                                          .n_features = 2,
                                          .targets = &numbers,
                                          .n_targets = 1,
                                          .weights = v,
                                          .bias = &v[2],
                                          .is_vector = true,
                                          .keeps_columns = true};
    opts.head.link = WEIR_MODEL_LINK_NUMBER;
    opts.head.n_scores = 1;
    enum weir_status st = weir_model_builder_init(&b, NULL, 0, err);
    if (st != WEIR_OK)
        return st;
    st = weir_model_linear_new(&b, &opts, &root, err);
    if (st == WEIR_OK)
        st = weir_model_builder_finish(&b, root, out, err);
    weir_model_builder_deinit(&b);
    return st;
}

/* --- callbacks --- */

static void on_publish(void *ctx, const struct weir_table *table)
{
    struct weir_test_repo *t = ctx;
    t->table = table;
    t->n_tables++;
    if (t->holds_releases)
        return;
    for (size_t i = 0; i < table->n_retired; i++)
        weir_repo_version_released(t->repo, table->retired[i]);
    weir_repo_table_adopted(t->repo, table);
}

static void on_event(void *ctx, const struct weir_repo_event *event)
{
    struct weir_test_repo *t = ctx;
    REQUIRE(t->n_events < WEIR_TEST_REPO_EVENTS_MAX);
    struct weir_test_repo_event *e = &t->events[t->n_events++];
    *e = (struct weir_test_repo_event){
        .kind = event->kind, .number = event->number, .number_before = event->number_before};
    (void)snprintf(e->model, sizeof e->model, "%.*s", WEIR_STR_ARG(event->model));
    (void)snprintf(e->reason, sizeof e->reason, "%.*s", WEIR_STR_ARG(event->reason));
    if (getenv("WEIR_TEST_VERBOSE"))
        (void)fprintf(stderr, "%s: %s v%llu: %s (%.3f ms)\n", weir_repo_event_text(event->kind),
                      e->model, (unsigned long long)e->number, e->reason, (double)event->ns * 1e-6);
}

static void on_stopped(void *ctx)
{
    struct weir_test_repo *t = ctx;
    t->is_stopped = true;
}

/* --- life --- */

void weir_test_repo_init(struct weir_test_repo *t)
{
    char path[512];
    *t = (struct weir_test_repo){0};
    weir_test_tmp_init(&t->tmp);
    weir_test_tmp_path(&t->tmp, "models", path, sizeof path);
    REQUIRE(mkdir(path, 0700) == 0);
    struct weir_error err = WEIR_ERROR_INIT;
    REQUIRE(weir_loop_init(&t->loop, weir_mem_default(), &err) == WEIR_OK);
}

void weir_test_repo_start(struct weir_test_repo *t, const char *const *args)
{
    char models[512];
    char state[512];
    const char *all[64] = {models, "--settle=60ms", "--rescan=30ms", "--state-dir", state};
    struct weir_config_sources sources = {.args = (char *const *)(uintptr_t)all, .n_args = 5};
    struct weir_error err = WEIR_ERROR_INIT;
    weir_test_tmp_path(&t->tmp, "models", models, sizeof models);
    weir_test_tmp_path(&t->tmp, "state", state, sizeof state);
    for (size_t i = 0; args && args[i]; i++)
        all[sources.n_args++] = args[i];
    if (weir_config_new(&t->config, &sources, &err) != WEIR_OK) {
        (void)fprintf(stderr, "%s\n", err.msg);
        abort();
    }
    struct weir_repo_callbacks callbacks = {.on_publish = on_publish,
                                            .on_event = on_event,
                                            .on_stopped = on_stopped,
                                            .ctx = t,
                                            .load = weir_test_repo_load};
    if (t->uses_real_reader)
        callbacks.load = NULL;
    t->is_stopped = false;
    REQUIRE(weir_repo_new(&t->repo, &t->loop, t->config, &callbacks, &err) == WEIR_OK);
    t->table = weir_repo_table(t->repo);
    REQUIRE(weir_repo_start(t->repo, &err) == WEIR_OK);
    t->is_running = true;
}

static bool is_stopped(struct weir_test_repo *t, void *arg)
{
    (void)arg;
    return t->is_stopped;
}

void weir_test_repo_stop(struct weir_test_repo *t)
{
    if (!t->is_running)
        return;
    weir_repo_stop(t->repo);
    REQUIRE(weir_test_repo_until(t, is_stopped, NULL, 5000));
    weir_repo_free(t->repo);
    weir_config_free(t->config);
    t->repo = NULL;
    t->table = NULL;
    t->is_running = false;
}

void weir_test_repo_deinit(struct weir_test_repo *t)
{
    weir_test_repo_stop(t);
    weir_loop_deinit(&t->loop);
    weir_test_tmp_deinit(&t->tmp);
}

/* --- waiting --- */

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

static void on_tick_closed(uv_handle_t *handle)
{
    *(bool *)handle->data = true;
}

bool weir_test_repo_until(struct weir_test_repo *t,
                          bool (*condition)(struct weir_test_repo *t, void *arg), void *arg,
                          unsigned ms)
{
    uint64_t until = weir_clock_ns() + ms * WEIR_NS_PER_MS;
    uv_timer_t tick;
    bool is_closed = false;
    bool ok = condition(t, arg);
    tick.data = &is_closed;
    REQUIRE(uv_timer_init(&t->loop.uv, &tick) == 0);
    REQUIRE(uv_timer_start(&tick, on_tick, 2, 2) == 0);
    while (!ok && weir_clock_ns() < until) {
        (void)weir_loop_run_once(&t->loop, true);
        ok = condition(t, arg);
    }
    uv_close((uv_handle_t *)&tick, on_tick_closed);
    while (!is_closed)
        (void)weir_loop_run_once(&t->loop, false);
    return ok;
}

static bool never(struct weir_test_repo *t, void *arg)
{
    (void)t;
    (void)arg;
    return false;
}

void weir_test_repo_run(struct weir_test_repo *t, unsigned ms)
{
    (void)weir_test_repo_until(t, never, NULL, ms);
}

double weir_test_repo_answer(const struct weir_test_repo *t, const char *model)
{
    const struct weir_repo_entry *e = weir_repo_table_find(t->table, weir_str_c(model));
    const double x[2] = {0.0, 0.0};
    double y = NAN;
    struct weir_error err = WEIR_ERROR_INIT;
    if (!e || !e->version)
        return NAN;
    REQUIRE(weir_model_predict(e->version->model, x, 1, 2, WEIR_OUTPUT_PREDICT, &y, &err) ==
            WEIR_OK);
    return y;
}

struct wanted {
    const char *model;
    double c;
    enum weir_repo_state state;
};

static bool answers(struct weir_test_repo *t, void *arg)
{
    const struct wanted *w = arg;
    double got = weir_test_repo_answer(t, w->model);
    return !(got < w->c) && !(got > w->c) && !isnan(got);
}

bool weir_test_repo_answers(struct weir_test_repo *t, const char *model, double c, unsigned ms)
{
    struct wanted w = {.model = model, .c = c};
    return weir_test_repo_until(t, answers, &w, ms);
}

const struct weir_repo_status *weir_test_repo_status(const struct weir_test_repo *t,
                                                     const char *model, enum weir_repo_state state)
{
    const struct weir_repo_entry *e = weir_repo_table_find(t->table, weir_str_c(model));
    for (size_t i = 0; e && i < e->n_status; i++) {
        if (e->status[i].state == state)
            return &e->status[i];
    }
    return NULL;
}

static bool is_in_state(struct weir_test_repo *t, void *arg)
{
    const struct wanted *w = arg;
    return weir_test_repo_status(t, w->model, w->state) != NULL;
}

const struct weir_repo_status *weir_test_repo_await(struct weir_test_repo *t, const char *model,
                                                    enum weir_repo_state state, unsigned ms)
{
    struct wanted w = {.model = model, .state = state};
    (void)weir_test_repo_until(t, is_in_state, &w, ms);
    return weir_test_repo_status(t, model, state);
}

size_t weir_test_repo_count(const struct weir_test_repo *t, enum weir_repo_event_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_events; i++)
        n += t->events[i].kind == kind;
    return n;
}

/* --- files --- */

const char *weir_test_repo_path(const struct weir_test_repo *t, const char *name, char out[512])
{
    char below[512];
    (void)snprintf(below, sizeof below, "models/%s", name);
    weir_test_tmp_path(&t->tmp, below, out, 512);
    return out;
}

void weir_test_repo_put(struct weir_test_repo *t, const char *name, const void *bytes, size_t n)
{
    char below[512];
    (void)snprintf(below, sizeof below, "models/%s", name);
    weir_test_tmp_write(&t->tmp, below, bytes, n);
}

void weir_test_repo_write(struct weir_test_repo *t, const char *name, double c)
{
    char text[128];
    int n = snprintf(text, sizeof text, "weir-test 0.5 0.25 %.17g end\n", c);
    weir_test_repo_put(t, name, text, (size_t)n);
}

void weir_test_repo_rename(struct weir_test_repo *t, const char *name, double c)
{
    char hidden[256];
    char from[512];
    char to[512];
    (void)snprintf(hidden, sizeof hidden, "%s.tmp", name);
    weir_test_repo_write(t, hidden, c);
    REQUIRE(rename(weir_test_repo_path(t, hidden, from), weir_test_repo_path(t, name, to)) == 0);
}

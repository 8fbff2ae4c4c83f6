/* SPDX-License-Identifier: MIT */
/* Threads that answer from the table they have adopted, while a file is replaced again and again:
 * no version is freed under a reader, each answer is one whole version's, and after the last swap
 * was reported done no reader answers with an older one. */
#include "base/clock.h"
#include "base/macros.h"
#include "loop/loop.h"
#include "repo/repo.h"
#include "test_repo.h"
#include "test_tmp.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { N_READERS = 2, N_SWAPS = 40, TABLES_MAX = 4096, LIMIT_S = 120 };

struct reader {
    pthread_t thread;
    /* Written by the keeper (release), read by the reader (acquire): the table's contents. */
    _Atomic(const struct weir_table *) inbox;
    /* Written by the reader (release) when it uses nothing older, read by the keeper (acquire). */
    _Atomic uint64_t adopted;
    _Atomic uint64_t n_answers;
    _Atomic double latest; /* answered last */
};

static struct {
    struct weir_loop loop;
    struct weir_repo *repo;
    struct reader readers[N_READERS];
    atomic_bool is_ending;
    /* The keeper's: tables that are not adopted by all yet. */
    const struct weir_table *tables[TABLES_MAX];
    size_t n_tables, at;
    bool is_stopped;
} world;

static void require(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "failed: %s\n", what);
    abort();
}

static void *read_for_ever(void *arg)
{
    struct reader *r = arg;
    while (!atomic_load(&world.is_ending)) {
        const struct weir_table *t = atomic_load_explicit(&r->inbox, memory_order_acquire);
        const struct weir_repo_entry *e = t ? weir_repo_table_find(t, WEIR_STR("m")) : NULL;
        if (e && e->version) {
            const double x[2] = {0.0, 0.0};
            double y = -1.0;
            require(weir_model_predict(e->version->model, x, 1, 2, WEIR_OUTPUT_PREDICT, &y, NULL) ==
                        WEIR_OK,
                    "predict");
            /* The answer of generation n is n. */
            require(!(y < (double)e->version->number) && !(y > (double)e->version->number),
                    "an answer of another version");
            atomic_store(&r->latest, y);
            atomic_fetch_add(&r->n_answers, 1);
        }
        if (t)
            atomic_store_explicit(&r->adopted, t->serial, memory_order_release);
    }
    return NULL;
}

static void on_publish(void *ctx, const struct weir_table *table)
{
    (void)ctx;
    require(world.n_tables < TABLES_MAX, "too many tables");
    world.tables[world.n_tables++] = table;
    for (size_t i = 0; i < N_READERS; i++)
        atomic_store_explicit(&world.readers[i].inbox, table, memory_order_release);
}

/* Gives back what every reader has let go of. */
static void collect(void)
{
    uint64_t lowest = UINT64_MAX;
    for (size_t i = 0; i < N_READERS; i++) {
        uint64_t s = atomic_load_explicit(&world.readers[i].adopted, memory_order_acquire);
        lowest = s < lowest ? s : lowest;
    }
    while (world.at < world.n_tables && world.tables[world.at]->serial <= lowest) {
        const struct weir_table *t = world.tables[world.at++];
        for (size_t j = 0; j < t->n_retired; j++)
            weir_repo_version_released(world.repo, t->retired[j]);
        weir_repo_table_adopted(world.repo, t);
    }
}

static void on_stopped(void *ctx)
{
    (void)ctx;
    world.is_stopped = true;
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
    collect();
}

static void replace(struct weir_test_tmp *tmp, int c)
{
    char text[64];
    char from[512];
    char to[512];
    int n = snprintf(text, sizeof text, "weir-test 1 1 %d end\n", c);
    weir_test_tmp_write(tmp, "models/.new", text, (size_t)n);
    weir_test_tmp_path(tmp, "models/.new", from, sizeof from);
    weir_test_tmp_path(tmp, "models/m.pkl", to, sizeof to);
    require(rename(from, to) == 0, "rename");
}

/* Runs until every reader has answered with c. */
static void await(int c, uint64_t until_ns)
{
    for (size_t i = 0; i < N_READERS;) {
        double y = atomic_load(&world.readers[i].latest);
        if (y >= (double)c) {
            i++;
            continue;
        }
        require(weir_clock_ns() < until_ns, "a swap was not seen in time");
        (void)weir_loop_run_once(&world.loop, true);
    }
}

int main(void)
{
    struct weir_test_tmp tmp;
    char models[512];
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_config *config = NULL;
    weir_test_tmp_init(&tmp);
    replace(&tmp, 1);
    weir_test_tmp_path(&tmp, "models", models, sizeof models);
    const char *args[] = {models, "--settle=20ms", "--rescan=20ms", "--state-dir=off"};
    const struct weir_config_sources sources = {.args = (char *const *)(uintptr_t)args,
                                                .n_args = WEIR_ARRAY_LEN(args)};
    require(weir_config_new(&config, &sources, &err) == WEIR_OK, err.msg);
    require(weir_loop_init(&world.loop, weir_mem_default(), &err) == WEIR_OK, err.msg);
    const struct weir_repo_callbacks callbacks = {
        .on_publish = on_publish, .on_stopped = on_stopped, .load = weir_test_repo_load};
    require(weir_repo_new(&world.repo, &world.loop, config, &callbacks, &err) == WEIR_OK, err.msg);
    require(weir_repo_start(world.repo, &err) == WEIR_OK, err.msg);
    for (size_t i = 0; i < N_READERS; i++)
        require(pthread_create(&world.readers[i].thread, NULL, read_for_ever, &world.readers[i]) ==
                    0,
                "thread");
    uv_timer_t tick;
    require(uv_timer_init(&world.loop.uv, &tick) == 0, "timer");
    require(uv_timer_start(&tick, on_tick, 1, 1) == 0, "timer");
    uint64_t until = weir_clock_ns() + LIMIT_S * WEIR_NS_PER_S;
    for (int c = 1; c <= N_SWAPS; c++) {
        if (c > 1)
            replace(&tmp, c);
        await(c, until);
    }
    atomic_store(&world.is_ending, true);
    uint64_t n_answers = 0;
    for (size_t i = 0; i < N_READERS; i++) {
        require(pthread_join(world.readers[i].thread, NULL) == 0, "join");
        n_answers += atomic_load(&world.readers[i].n_answers);
    }
    uv_close((uv_handle_t *)&tick, NULL);
    weir_repo_stop(world.repo);
    while (!world.is_stopped)
        (void)weir_loop_run_once(&world.loop, true);
    const struct weir_repo_counters *counters = weir_repo_get_counters(world.repo);
    printf("%llu answers, %llu swaps, %llu versions freed\n", (unsigned long long)n_answers,
           (unsigned long long)counters->swaps, (unsigned long long)counters->versions_freed);
    require(counters->swaps == N_SWAPS - 1, "swaps");
    require(counters->loads_failed == 0, "a load failed");
    weir_repo_free(world.repo);
    weir_config_free(config);
    weir_loop_deinit(&world.loop);
    weir_test_tmp_deinit(&tmp);
    return 0;
}

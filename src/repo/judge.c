/* SPDX-License-Identifier: MIT */
/* The thread sleeps on a condition and takes, in this order: histories to write, a job. Results go
 * back under the same mutex, and a wake-up of the keeper's loop, as the loader's do. */
#include "base/macros.h"
#include "base/mem.h"
#include "repo/judge_priv.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { JUDGE_NICE = 15 };

/* A history that waits to be written. */
struct history {
    struct history *next;
    struct weir_buf text;
    size_t n_model;
    char model[]; /* n_model bytes */
};

struct weir_repo_judge {
    const struct weir_repo_verdicts *verdicts; /* constant after new */
    struct weir_wake wake;
    pthread_t thread;
    bool is_started;
    atomic_bool is_stopping; /* any; relaxed: only ends waiting early */
    atomic_bool is_canceled; /* of the job under way; relaxed: only ends work early */
    struct {
        pthread_mutex_t mu;
        pthread_cond_t cond;
        struct weir_repo_judge_own own;
        bool has_job;
        struct weir_repo_judge_result *result; /* owned; NULL: none yet */
        struct history *histories;
        char failure[WEIR_ERROR_MSG_BYTES];
        uint64_t n_failures; /* since they were taken */
        bool has_ended;
    } shared; /* any thread, under mu */
};

static void lock(struct weir_repo_judge *j)
{
    weir_assert(pthread_mutex_lock(&j->shared.mu) == 0);
}

static void unlock(struct weir_repo_judge *j)
{
    weir_assert(pthread_mutex_unlock(&j->shared.mu) == 0);
}

static void own_deinit(struct weir_repo_judge_own *own)
{
    weir_mem_free(weir_mem_default(), own->model);
    weir_mem_free(weir_mem_default(), own->source);
    weir_mem_free(weir_mem_default(), own->folder);
    weir_buf_deinit(&own->yaml);
    weir_buf_deinit(&own->yaml_of);
    *own = (struct weir_repo_judge_own){0};
}

void weir_repo_judge_result_deinit(struct weir_repo_judge_result *result)
{
    weir_repo_verdicts_deinit(&result->entry);
    weir_mem_free(weir_mem_default(), result->source);
    weir_mem_free(weir_mem_default(), result->model);
    for (size_t i = 0; i < result->n_paths; i++)
        weir_mem_free(weir_mem_default(), result->paths[i]);
    result->source = NULL;
    result->model = NULL;
    result->n_paths = 0;
}

static void free_result(struct weir_repo_judge_result *result)
{
    if (result)
        weir_repo_judge_result_deinit(result);
    weir_mem_free(weir_mem_default(), result);
}

/* --- the thread --- */

static void note_failure(struct weir_repo_judge *j, const struct weir_error *err)
{
    if (err->code == WEIR_OK)
        return;
    lock(j);
    j->shared.n_failures++;
    memcpy(j->shared.failure, err->msg, sizeof j->shared.failure);
    unlock(j);
    weir_wake_send(&j->wake);
}

static void write_histories(struct weir_repo_judge *j, struct history *h)
{
    while (h) {
        struct weir_error err = WEIR_ERROR_INIT;
        struct history *next = h->next;
        if (weir_repo_verdicts_history_write(j->verdicts, weir_str_make(h->model, h->n_model),
                                             weir_buf_str(&h->text), &err) != WEIR_OK)
            note_failure(j, &err);
        weir_buf_deinit(&h->text);
        weir_mem_free(weir_mem_default(), h);
        h = next;
    }
}

/* Does one thing; false: there is nothing to do. The mutex is held before and after. */
static bool work(struct weir_repo_judge *j)
{
    if (j->shared.histories) {
        struct history *h = WEIR_TAKE(j->shared.histories);
        unlock(j);
        write_histories(j, h);
        lock(j);
        return true;
    }
    /* The room for the result was made with the job, so that it always comes. */
    if (j->shared.has_job && j->shared.own.model) {
        struct weir_repo_judge_own own = j->shared.own;
        struct weir_repo_judge_result *result = WEIR_TAKE(j->shared.result);
        struct weir_error failure = WEIR_ERROR_INIT;
        j->shared.own = (struct weir_repo_judge_own){0};
        unlock(j);
        weir_repo_judge_run(&own, j->verdicts, &j->is_canceled, result, &failure);
        result->source = WEIR_TAKE(own.source);
        result->model = WEIR_TAKE(own.model);
        own_deinit(&own);
        note_failure(j, &failure);
        lock(j);
        j->shared.result = result;
        weir_wake_send(&j->wake);
        return true;
    }
    return false;
}

/* As the loader: beside busy threads idle priority would hardly ever come to run. */
static void lower_priority(void)
{
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), JUDGE_NICE); /* Best effort. */
}

static void *thread_main(void *arg)
{
    struct weir_repo_judge *j = arg;
    (void)pthread_setname_np(pthread_self(), "weir-judge"); /* Only for people. */
    lower_priority();
    lock(j);
    for (;;) {
        if (work(j))
            continue;
        if (atomic_load_explicit(&j->is_stopping, memory_order_relaxed))
            break;
        (void)pthread_cond_wait(&j->shared.cond, &j->shared.mu); /* Cannot fail. */
    }
    j->shared.has_ended = true;
    weir_wake_send(&j->wake); /* Before the lock is given back: who sees the end closes the wake. */
    unlock(j);
    return NULL;
}

/* --- the keeper's side --- */

enum weir_status weir_repo_judge_new(struct weir_repo_judge **out, struct weir_loop *loop,
                                     const struct weir_repo_verdicts *verdicts, weir_loop_fn *fn,
                                     void *arg)
{
    struct weir_repo_judge *j = weir_mem_zalloc(weir_mem_default(), sizeof *j);
    if (!j)
        return WEIR_ERR_NO_MEMORY;
    j->verdicts = verdicts;
    if (pthread_mutex_init(&j->shared.mu, NULL) != 0)
        goto fail_memory;
    if (pthread_cond_init(&j->shared.cond, NULL) != 0)
        goto fail_mutex;
    if (weir_wake_init(&j->wake, loop, fn, arg) != WEIR_OK)
        goto fail_cond;
    *out = j;
    return WEIR_OK;
fail_cond:
    (void)pthread_cond_destroy(&j->shared.cond);
fail_mutex:
    (void)pthread_mutex_destroy(&j->shared.mu);
fail_memory:
    weir_mem_free(weir_mem_default(), j);
    return WEIR_ERR_IO;
}

enum weir_status weir_repo_judge_start(struct weir_repo_judge *j)
{
    weir_assert(!j->is_started);
    if (pthread_create(&j->thread, NULL, thread_main, j) != 0)
        return WEIR_ERR_IO;
    j->is_started = true;
    return WEIR_OK;
}

static bool copy_job(struct weir_repo_judge_own *own, const struct weir_repo_judge_job *job)
{
    struct weir_mem *mem = weir_mem_default();
    own->job = *job;
    own->model = weir_mem_strndup(mem, job->model, strlen(job->model));
    own->source = weir_mem_strndup(mem, job->source, strlen(job->source));
    own->folder = weir_mem_strndup(mem, job->folder, strlen(job->folder));
    weir_buf_append_str(&own->yaml, job->yaml);
    weir_buf_append_str(&own->yaml_of, job->yaml_of);
    return own->model && own->source && own->folder && weir_buf_ok(&own->yaml) &&
           weir_buf_c(&own->yaml_of);
}

enum weir_status weir_repo_judge_give(struct weir_repo_judge *j,
                                      const struct weir_repo_judge_job *job)
{
    struct weir_repo_judge_own own = {0};
    struct weir_repo_judge_result *result = weir_mem_zalloc(weir_mem_default(), sizeof *result);
    if (!result || !copy_job(&own, job)) {
        own_deinit(&own);
        free_result(result);
        return WEIR_ERR_NO_MEMORY;
    }
    lock(j);
    weir_assert(!j->shared.has_job);
    j->shared.own = own;
    j->shared.has_job = true;
    j->shared.result = result;
    atomic_store_explicit(&j->is_canceled,
                          atomic_load_explicit(&j->is_stopping, memory_order_relaxed),
                          memory_order_relaxed);
    (void)pthread_cond_signal(&j->shared.cond); /* Cannot fail. */
    unlock(j);
    return WEIR_OK;
}

void weir_repo_judge_cancel(struct weir_repo_judge *j)
{
    atomic_store_explicit(&j->is_canceled, true, memory_order_relaxed);
}

bool weir_repo_judge_take(struct weir_repo_judge *j, struct weir_repo_judge_result *out)
{
    lock(j);
    struct weir_repo_judge_result *result = NULL;
    if (j->shared.has_job && !j->shared.own.model && j->shared.result) {
        result = WEIR_TAKE(j->shared.result);
        j->shared.has_job = false;
    }
    unlock(j);
    if (!result)
        return false;
    *out = *result;
    weir_mem_free(weir_mem_default(), result);
    out->judged.verdict = out->entry.verdict;
    out->judged.code = weir_str_c(out->entry.code);
    out->judged.reason = weir_str_c(out->entry.reason);
    return true;
}

void weir_repo_judge_write(struct weir_repo_judge *j, struct weir_str model, struct weir_buf *text)
{
    struct history *h = NULL;
    if (j->verdicts->dir.fd >= 0 && weir_buf_ok(text))
        h = weir_mem_zalloc(weir_mem_default(), sizeof *h + model.n);
    if (!h) {
        weir_buf_deinit(text);
        return;
    }
    h->text = *text;
    h->n_model = model.n;
    memcpy(h->model, model.at, model.n);
    *text = (struct weir_buf)WEIR_BUF_INIT;
    lock(j);
    for (struct history **at = &j->shared.histories; *at; at = &(*at)->next) {
        struct history *old = *at;
        if (!weir_str_eq(weir_str_make(old->model, old->n_model), model))
            continue;
        *at = old->next;
        weir_buf_deinit(&old->text);
        weir_mem_free(weir_mem_default(), old);
        break;
    }
    h->next = j->shared.histories;
    j->shared.histories = h;
    (void)pthread_cond_signal(&j->shared.cond); /* Cannot fail. */
    unlock(j);
}

bool weir_repo_judge_take_failure(struct weir_repo_judge *j, char *out, size_t cap,
                                  uint64_t *n_failures)
{
    lock(j);
    uint64_t n = j->shared.n_failures;
    j->shared.n_failures = 0;
    if (n)
        (void)snprintf(out, cap, "%s", j->shared.failure); /* A cut reason will do. */
    unlock(j);
    *n_failures = n;
    return n > 0;
}

void weir_repo_judge_stop(struct weir_repo_judge *j)
{
    lock(j);
    atomic_store_explicit(&j->is_stopping, true, memory_order_relaxed);
    atomic_store_explicit(&j->is_canceled, true, memory_order_relaxed);
    (void)pthread_cond_signal(&j->shared.cond); /* Cannot fail. */
    unlock(j);
}

bool weir_repo_judge_has_ended(struct weir_repo_judge *j)
{
    lock(j);
    bool has = j->shared.has_ended || !j->is_started;
    unlock(j);
    return has;
}

static void join(struct weir_repo_judge *j)
{
    if (j->is_started)
        weir_assert(pthread_join(j->thread, NULL) == 0);
    j->is_started = false;
}

void weir_repo_judge_close(struct weir_repo_judge *j, weir_loop_fn *fn)
{
    join(j); /* Its last wake comes after it said that it has ended. */
    weir_wake_close(&j->wake, fn);
}

void weir_repo_judge_free(struct weir_repo_judge *j)
{
    if (!j)
        return;
    join(j);
    own_deinit(&j->shared.own);
    free_result(j->shared.result);
    while (j->shared.histories) {
        struct history *next = j->shared.histories->next;
        weir_buf_deinit(&j->shared.histories->text);
        weir_mem_free(weir_mem_default(), j->shared.histories);
        j->shared.histories = next;
    }
    (void)pthread_cond_destroy(&j->shared.cond);
    (void)pthread_mutex_destroy(&j->shared.mu);
    weir_mem_free(weir_mem_default(), j);
}

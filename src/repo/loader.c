/* SPDX-License-Identifier: MIT */
/* The thread sleeps on a condition and takes, in this order: versions to free, a file to keep, an
 * index to write, a load. Results go back under the same mutex, and a wake-up of the keeper's loop.
 *
 * The bytes of the last load stay until the keeper has said whether to keep them: so a swap never
 * waits for a disk that syncs. */
#include "repo/loader.h"

#include "base/macros.h"
#include "base/mem.h"
#include "codec/digest.h"
#include "repo/read.h"
#include "repo/reference.h"
#include "repo/thresholds.h"
#include "repo/warm.h"
#include <weir/format.h>

#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LOADER_NICE = 15 };

struct free_item {
    struct free_item *next;
    struct weir_version *version;
};

/* What load_by_format gets besides the bytes. */
struct origin {
    const char *path;    /* the whole path; NULL: a kept copy, which stands alone */
    const char *program; /* see weir_repo_callbacks */
    const char *root_key;
    const char *library; /* of ONNX */
};

/* A load with its own copies. */
struct load {
    struct weir_repo_load job;
    struct weir_config config; /* its numbers only: the texts are gone when the original is */
    char *root, *file, *model; /* owned */
    char *root_key, *library;  /* owned; NULL: none */
    struct weir_repo_reference reference;
    bool has_threshold;
    double threshold;
    char *score, *positive; /* of the threshold, owned */
};

struct weir_repo_loader {
    const struct weir_repo_state_dir *state;   /* constant after new */
    const struct weir_repo_verdicts *verdicts; /* constant after start; NULL: none */
    weir_repo_load_fn *load;
    bool is_by_format; /* load is the default one: its payload is a struct origin */
    void *load_ctx;
    const char *program;
    struct weir_wake wake;
    pthread_t thread;
    bool is_started;
    atomic_bool is_stopping; /* any; relaxed: only ends waiting and loading early */
    struct {
        char *bytes; /* of the last load, owned */
        size_t n;
        const struct weir_version *version;
    } last; /* loader */
    struct {
        pthread_mutex_t mu;
        pthread_cond_t cond;
        struct load load;
        bool has_load;
        struct weir_repo_loader_result result;
        bool has_result;
        struct free_item *frees;
        const struct weir_version *keep; /* compared, never followed */
        uint8_t keep_digest[WEIR_REPO_DIGEST_BYTES];
        uint64_t keep_bytes_max;
        struct weir_buf index; /* waits to be written */
        bool has_index;
        uint64_t index_bytes_max;
        char failure[WEIR_REPO_REASON_BYTES];
        uint64_t n_failures; /* since they were taken */
        uint64_t n_freed;
        bool has_ended;
    } shared; /* any thread, under mu */
};

static void lock(struct weir_repo_loader *l)
{
    weir_assert(pthread_mutex_lock(&l->shared.mu) == 0);
}

static void unlock(struct weir_repo_loader *l)
{
    weir_assert(pthread_mutex_unlock(&l->shared.mu) == 0);
}

static void load_deinit(struct load *load)
{
    weir_mem_free(weir_mem_default(), load->root);
    weir_mem_free(weir_mem_default(), load->file);
    weir_mem_free(weir_mem_default(), load->model);
    weir_repo_reference_deinit(&load->reference);
    weir_mem_free(weir_mem_default(), load->root_key);
    weir_mem_free(weir_mem_default(), load->library);
    weir_mem_free(weir_mem_default(), load->score);
    weir_mem_free(weir_mem_default(), load->positive);
    *load = (struct load){0};
}

void weir_repo_loader_destroy(struct weir_version *v)
{
    if (!v)
        return;
    /* The model is the version's alone; only its users see it as const. */
    weir_model_free((struct weir_model *)(uintptr_t)v->model);
    weir_live_reference_free((struct weir_live_reference *)(uintptr_t)v->reference);
    weir_mem_free(weir_mem_default(), v);
}

/* --- a load --- */

/* The texts follow the struct in the same block. */
static struct weir_version *new_version(const struct load *load)
{
    size_t n_name = strlen(load->model);
    size_t n_file = strlen(load->file);
    struct weir_version *v =
        weir_mem_zalloc(weir_mem_default(), sizeof *v + n_name + 1 + n_file + 1);
    if (!v)
        return NULL;
    char *texts = (char *)(v + 1);
    memcpy(texts, load->model, n_name + 1);
    memcpy(texts + n_name + 1, load->file, n_file + 1);
    v->name = weir_str_make(texts, n_name);
    v->file = weir_str_make(texts + n_name + 1, n_file);
    return v;
}

/* Running out of memory or time may pass; what the file says does not. */
static bool is_transient_status(enum weir_status st)
{
    return st == WEIR_ERR_NO_MEMORY || st == WEIR_ERR_IO || st == WEIR_ERR_TIMEOUT ||
           st == WEIR_ERR_BUSY;
}

/* What a load looks at while it reads a reference. */
struct watch {
    struct weir_repo_loader *loader;
    uint64_t deadline_ns;
};

static bool is_over(void *ctx)
{
    const struct watch *watch = ctx;
    return weir_clock_ns() >= watch->deadline_ns ||
           atomic_load_explicit(&watch->loader->is_stopping, memory_order_relaxed);
}

static void note_failure(struct weir_repo_loader *l, const struct weir_error *err)
{
    lock(l);
    l->shared.n_failures++;
    memcpy(l->shared.failure, err->msg, sizeof err->msg);
    unlock(l);
    weir_wake_send(&l->wake);
}

/* The threshold that a gate chose when the file was judged; without one that can be read the
 * version decides as its library does. */
static void recall_threshold(struct weir_repo_loader *l, struct weir_version *v)
{
    struct weir_error err = WEIR_ERROR_INIT;
    if (v->threshold.is_set || !l->verdicts)
        return;
    enum weir_status st = weir_repo_thresholds_find(l->verdicts, v->name, v->digest_hex, v->spec,
                                                    &v->threshold, &err);
    if (st != WEIR_OK && st != WEIR_ERR_NOT_FOUND)
        note_failure(l, &err);
}

static enum weir_status make_version(struct weir_repo_loader *l, const struct load *load,
                                     const struct weir_repo_read *read, uint64_t deadline_ns,
                                     struct weir_version **out, struct weir_error *err)
{
    struct weir_model *model = NULL;
    struct weir_repo_warm warm = {0};
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf path = WEIR_BUF_INIT;
    struct origin origin = {
        .program = l->program, .root_key = load->root_key, .library = load->library};
    if (l->is_by_format) {
        weir_buf_printf(&path, "%s/%s", load->root, load->file);
        weir_buf_append_byte(&path, '\0');
        origin.path = load->job.is_restore || path.failed ? NULL : path.at;
    }
    enum weir_status st = l->load(l->is_by_format ? &origin : l->load_ctx, &model, load->job.config,
                                  weir_str_c(load->file), read->bytes, read->n, deadline_ns, err);
    if (st != WEIR_OK)
        return st;
    struct weir_tensor_threshold threshold = {.is_set = false};
    if (load->has_threshold)
        st = weir_tensor_threshold_set(&threshold, weir_model_spec(model), load->threshold,
                                       weir_str_c(load->score), weir_str_c(load->positive),
                                       "config", err);
    if (st == WEIR_OK)
        st = weir_repo_warm_run(model, &warm, err);
    struct weir_version *v = st == WEIR_OK ? new_version(load) : NULL;
    if (!v) {
        weir_model_free(model);
        return st != WEIR_OK ? st : weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    }
    v->model = model;
    v->spec = weir_model_spec(model);
    v->threshold = threshold;
    memcpy(v->digest, read->digest, sizeof v->digest);
    weir_codec_digest_hex(v->digest, v->digest_hex);
    memcpy(v->digest_short, v->digest_hex, WEIR_REPO_DIGEST_SHORT_HEX);
    recall_threshold(l, v);
    v->file_bytes = read->n;
    v->model_bytes = weir_model_bytes(model);
    v->cost_ns = warm.cost_ns;
    v->cost_row_ns = warm.cost_row_ns;
    v->loaded_wall_ns = weir_clock_wall_ns();
    v->is_from_state_dir = load->job.is_restore;
    struct watch watch = {l, deadline_ns};
    weir_repo_reference_read(&load->reference, load->root, is_over, &watch, v);
    *out = v;
    return WEIR_OK;
}

static void run_load(struct weir_repo_loader *l, struct load *load,
                     struct weir_repo_loader_result *result)
{
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_repo_read read;
    uint64_t from_ns = weir_clock_ns();
    uint64_t deadline_ns = weir_clock_add(from_ns, load->config.load_timeout_ns);
    struct weir_repo_loaded *out = &result->loaded;
    *result = (struct weir_repo_loader_result){0};
    weir_mem_free(weir_mem_default(), WEIR_TAKE(l->last.bytes));
    l->last.version = NULL;
    load->job.config = &load->config; /* It was moved here. */
    out->outcome =
        weir_repo_read_file(&load->job, l->state, &l->is_stopping, deadline_ns, &read, &err);
    out->is_transient = read.is_transient;
    out->has_digest = read.has_digest;
    memcpy(out->digest, read.digest, sizeof out->digest);
    if (out->outcome == WEIR_REPO_OUTCOME_OK) {
        enum weir_status st = make_version(l, load, &read, deadline_ns, &out->version, &err);
        out->is_transient = is_transient_status(st);
        out->outcome = st == WEIR_OK ? WEIR_REPO_OUTCOME_OK : WEIR_REPO_OUTCOME_FAILED;
    }
    out->ns = weir_clock_ns() - from_ns;
    if (out->version) {
        out->version->load_ns = out->ns;
        l->last.version = out->version;
        l->last.bytes = read.bytes;
        l->last.n = read.n;
    } else {
        weir_mem_free(weir_mem_default(), read.bytes);
    }
    memcpy(result->reason, err.msg, sizeof err.msg);
    load_deinit(load);
}

/* --- the thread --- */

static void run_frees(struct free_item *items)
{
    while (items) {
        struct free_item *next = items->next;
        weir_repo_loader_destroy(items->version);
        weir_mem_free(weir_mem_default(), items);
        items = next;
    }
}

static void run_keep(struct weir_repo_loader *l, const struct weir_version *version,
                     const uint8_t *digest, uint64_t bytes_max)
{
    struct weir_error err = WEIR_ERROR_INIT;
    if (!l->last.bytes || l->last.version != version)
        return; /* Another load came before it: that one's file will be kept. */
    if (weir_repo_state_dir_keep(l->state, digest, l->last.bytes, l->last.n, bytes_max, &err) !=
        WEIR_OK)
        note_failure(l, &err);
    weir_mem_free(weir_mem_default(), WEIR_TAKE(l->last.bytes));
}

static void run_index(struct weir_repo_loader *l, struct weir_buf *index, uint64_t bytes_max)
{
    struct weir_error err = WEIR_ERROR_INIT;
    if (weir_repo_state_dir_write(l->state, weir_buf_str(index), bytes_max, &err) != WEIR_OK)
        note_failure(l, &err);
    weir_buf_deinit(index);
}

static size_t count_items(const struct free_item *items)
{
    size_t n = 0;
    for (; items; items = items->next)
        n++;
    return n;
}

/* Does one thing; false: there is nothing to do. The mutex is held before and after. */
static bool work(struct weir_repo_loader *l)
{
    if (l->shared.frees) {
        struct free_item *items = WEIR_TAKE(l->shared.frees);
        size_t n = count_items(items);
        unlock(l);
        run_frees(items);
        lock(l);
        l->shared.n_freed += n;
        return true;
    }
    if (l->shared.keep) {
        const struct weir_version *version = WEIR_TAKE(l->shared.keep);
        uint8_t digest[WEIR_REPO_DIGEST_BYTES];
        uint64_t bytes_max = l->shared.keep_bytes_max;
        memcpy(digest, l->shared.keep_digest, sizeof digest);
        unlock(l);
        run_keep(l, version, digest, bytes_max);
        lock(l);
        return true;
    }
    if (l->shared.has_index) {
        struct weir_buf index = l->shared.index;
        uint64_t bytes_max = l->shared.index_bytes_max;
        l->shared.index = (struct weir_buf)WEIR_BUF_INIT;
        l->shared.has_index = false;
        unlock(l);
        run_index(l, &index, bytes_max);
        lock(l);
        return true;
    }
    if (l->shared.has_load && !l->shared.has_result) {
        struct load load = l->shared.load;
        struct weir_repo_loader_result result;
        l->shared.load = (struct load){0};
        unlock(l);
        run_load(l, &load, &result);
        lock(l);
        l->shared.result = result;
        l->shared.has_result = true;
        l->shared.has_load = false;
        weir_wake_send(&l->wake);
        return true;
    }
    return false;
}

/* Not SCHED_IDLE: beside threads that never rest it would get some three thousandths of a core, and
 * a busy server would hardly ever see a new version. At nice 15 it gets about three hundredths, and
 * is still preempted by whatever wakes up. */
static void lower_priority(void)
{
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), LOADER_NICE); /* Best effort. */
}

static void *thread_main(void *arg)
{
    struct weir_repo_loader *l = arg;
    (void)pthread_setname_np(pthread_self(), "weir-loader"); /* Only for people. */
    lower_priority();
    lock(l);
    for (;;) {
        if (work(l))
            continue;
        if (atomic_load_explicit(&l->is_stopping, memory_order_relaxed))
            break;
        (void)pthread_cond_wait(&l->shared.cond, &l->shared.mu); /* Cannot fail. */
    }
    l->shared.has_ended = true;
    weir_wake_send(&l->wake); /* Before the lock is given back: who sees the end closes the wake. */
    unlock(l);
    return NULL;
}

/* --- the keeper's side --- */

static enum weir_status load_by_format(void *ctx, struct weir_model **out,
                                       const struct weir_config *config, struct weir_str file,
                                       const void *bytes, size_t n, uint64_t deadline_ns,
                                       struct weir_error *err)
{
    const struct origin *origin = ctx;
    const char *path = origin->path;
    struct weir_format_opts opts = WEIR_FORMAT_OPTS_INIT;
    uint64_t memory = config->load_memory_max;
    if (memory == 0)
        memory = (uint64_t)n * 16 + 64 * WEIR_CONFIG_MIB;
    opts.nesting_max = (uint32_t)config->pickle_depth_max;
    opts.file_bytes_max = config->model_bytes_max;
    opts.tree_bytes_max = memory;
    opts.model_bytes_max = memory;
    opts.n_ops_max = config->pickle_opcodes_max;
    opts.n_memo_max = config->pickle_memo_max;
    opts.n_stack_max = config->pickle_stack_max;
    opts.n_nodes_max = config->model_nodes_max;
    opts.tree_depth_max = config->tree_depth_max;
    opts.n_features_max = config->features_max;
    opts.n_classes_max = config->classes_max;
    opts.deadline_ns = deadline_ns;
    opts.root_key = origin->root_key;
    opts.onnxruntime_library = origin->library;
    opts.onnx_threads = (uint32_t)config->onnx_threads;
    opts.onnx_external_data = config->onnx_external_data && path;
    opts.onnx_guard = config->onnx_guard ? origin->program : NULL;
    return weir_format_load_bytes(out, bytes, n, path ? path : file.at, &opts, err);
}

enum weir_status weir_repo_loader_new(struct weir_repo_loader **out, struct weir_loop *loop,
                                      const struct weir_repo_state_dir *state,
                                      const struct weir_repo_callbacks *callbacks, weir_loop_fn *fn,
                                      void *arg)
{
    struct weir_repo_loader *l = weir_mem_zalloc(weir_mem_default(), sizeof *l);
    if (!l)
        return WEIR_ERR_NO_MEMORY;
    l->state = state;
    l->load = callbacks->load ? callbacks->load : load_by_format;
    l->is_by_format = !callbacks->load;
    l->load_ctx = callbacks->load_ctx;
    l->program = callbacks->program;
    if (pthread_mutex_init(&l->shared.mu, NULL) != 0)
        goto fail_memory;
    if (pthread_cond_init(&l->shared.cond, NULL) != 0)
        goto fail_mutex;
    if (weir_wake_init(&l->wake, loop, fn, arg) != WEIR_OK)
        goto fail_cond;
    *out = l;
    return WEIR_OK;
fail_cond:
    (void)pthread_cond_destroy(&l->shared.cond);
fail_mutex:
    (void)pthread_mutex_destroy(&l->shared.mu);
fail_memory:
    weir_mem_free(weir_mem_default(), l);
    return WEIR_ERR_IO;
}

void weir_repo_loader_set_verdicts(struct weir_repo_loader *l,
                                   const struct weir_repo_verdicts *verdicts)
{
    weir_assert(!l->is_started);
    l->verdicts = verdicts;
}

enum weir_status weir_repo_loader_start(struct weir_repo_loader *l)
{
    weir_assert(!l->is_started);
    if (pthread_create(&l->thread, NULL, thread_main, l) != 0)
        return WEIR_ERR_IO;
    l->is_started = true;
    return WEIR_OK;
}

enum weir_status weir_repo_loader_load(struct weir_repo_loader *l,
                                       const struct weir_repo_load *load)
{
    struct weir_mem *mem = weir_mem_default();
    struct load own = {.job = *load, .config = *load->config};
    own.root = weir_mem_strndup(mem, load->root, strlen(load->root));
    own.file = weir_mem_strndup(mem, load->file, strlen(load->file));
    own.model = weir_mem_strndup(mem, load->model, strlen(load->model));
    const struct weir_config_model *options =
        weir_config_find_model(load->config, weir_str_c(load->model));
    enum weir_status status = weir_repo_reference_init(&own.reference, options);
    struct weir_str library = load->config->onnxruntime_library;
    if (options->root_key.n > 0)
        own.root_key = weir_mem_strndup(mem, options->root_key.at, options->root_key.n);
    if (library.at)
        own.library = weir_mem_strndup(mem, library.at, library.n);
    bool is_copied = (options->root_key.n == 0 || own.root_key) && (!library.at || own.library);
    own.has_threshold = options->has_threshold;
    own.threshold = options->threshold;
    own.score =
        weir_mem_strndup(mem, options->threshold_score.at ? options->threshold_score.at : "",
                         options->threshold_score.n);
    own.positive =
        weir_mem_strndup(mem, options->threshold_positive.at ? options->threshold_positive.at : "",
                         options->threshold_positive.n);
    if (!own.root || !own.file || !own.model || !own.score || !own.positive || !is_copied ||
        status != WEIR_OK) {
        load_deinit(&own);
        return WEIR_ERR_NO_MEMORY;
    }
    own.job.root = own.root;
    own.job.file = own.file;
    own.job.model = own.model;
    lock(l);
    weir_assert(!l->shared.has_load);
    l->shared.load = own;
    l->shared.has_load = true;
    (void)pthread_cond_signal(&l->shared.cond); /* Cannot fail. */
    unlock(l);
    return WEIR_OK;
}

bool weir_repo_loader_take(struct weir_repo_loader *l, struct weir_repo_loader_result *out)
{
    lock(l);
    bool has = l->shared.has_result;
    if (has) {
        *out = l->shared.result;
        l->shared.has_result = false;
    }
    unlock(l);
    if (has)
        out->loaded.reason = weir_str_c(out->reason);
    return has;
}

void weir_repo_loader_free_version(struct weir_repo_loader *l, struct weir_version *version)
{
    struct free_item *item = weir_mem_alloc(weir_mem_default(), sizeof *item);
    if (!item || !l->is_started) {
        weir_mem_free(weir_mem_default(), item);
        weir_repo_loader_destroy(version); /* Here and now, rather than never. */
        return;
    }
    item->version = version;
    lock(l);
    item->next = l->shared.frees;
    l->shared.frees = item;
    (void)pthread_cond_signal(&l->shared.cond); /* Cannot fail. */
    unlock(l);
}

void weir_repo_loader_keep(struct weir_repo_loader *l, const struct weir_version *version,
                           uint64_t bytes_max)
{
    if (l->state->fd < 0 || version->is_from_state_dir)
        return;
    lock(l);
    l->shared.keep = version;
    l->shared.keep_bytes_max = bytes_max;
    memcpy(l->shared.keep_digest, version->digest, sizeof l->shared.keep_digest);
    (void)pthread_cond_signal(&l->shared.cond); /* Cannot fail. */
    unlock(l);
}

void weir_repo_loader_write(struct weir_repo_loader *l, struct weir_buf *lines, uint64_t bytes_max)
{
    if (l->state->fd < 0 || !weir_buf_ok(lines)) {
        weir_buf_deinit(lines);
        return;
    }
    lock(l);
    weir_buf_deinit(&l->shared.index);
    l->shared.index = *lines;
    l->shared.has_index = true;
    l->shared.index_bytes_max = bytes_max;
    (void)pthread_cond_signal(&l->shared.cond); /* Cannot fail. */
    unlock(l);
    *lines = (struct weir_buf)WEIR_BUF_INIT;
}

bool weir_repo_loader_take_failure(struct weir_repo_loader *l, char *out, size_t cap,
                                   uint64_t *n_failures)
{
    lock(l);
    uint64_t n = l->shared.n_failures;
    l->shared.n_failures = 0;
    if (n)
        (void)snprintf(out, cap, "%s", l->shared.failure); /* A cut reason will do. */
    unlock(l);
    *n_failures = n;
    return n > 0;
}

uint64_t weir_repo_loader_n_freed(struct weir_repo_loader *l)
{
    lock(l);
    uint64_t n = l->shared.n_freed;
    unlock(l);
    return n;
}

void weir_repo_loader_stop(struct weir_repo_loader *l)
{
    lock(l);
    atomic_store_explicit(&l->is_stopping, true, memory_order_relaxed);
    (void)pthread_cond_signal(&l->shared.cond); /* Cannot fail. */
    unlock(l);
}

bool weir_repo_loader_has_ended(struct weir_repo_loader *l)
{
    lock(l);
    bool has = l->shared.has_ended || !l->is_started;
    unlock(l);
    return has;
}

static void join(struct weir_repo_loader *l)
{
    if (l->is_started)
        weir_assert(pthread_join(l->thread, NULL) == 0);
    l->is_started = false;
}

void weir_repo_loader_close(struct weir_repo_loader *l, weir_loop_fn *fn)
{
    join(l); /* Its last wake comes after it said that it has ended. */
    weir_wake_close(&l->wake, fn);
}

void weir_repo_loader_free(struct weir_repo_loader *l)
{
    if (!l)
        return;
    join(l);
    load_deinit(&l->shared.load);
    if (l->shared.has_result)
        weir_repo_loader_destroy(l->shared.result.loaded.version);
    run_frees(l->shared.frees);
    weir_buf_deinit(&l->shared.index);
    weir_mem_free(weir_mem_default(), l->last.bytes);
    (void)pthread_cond_destroy(&l->shared.cond);
    (void)pthread_mutex_destroy(&l->shared.mu);
    weir_mem_free(weir_mem_default(), l);
}

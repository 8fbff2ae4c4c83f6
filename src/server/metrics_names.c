/* SPDX-License-Identifier: MIT */
/* Our counters by the names of Triton and of TensorFlow Serving, for the dashboards and autoscalers
 * that know those. Nothing is counted for it: counters are added up and histograms are cut again
 * when the page is asked for. Both name counters without _total, so the page is Prometheus text
 * 0.0.4 only, never OpenMetrics.
 *
 * Durations of Triton are those of successful requests, as there; histograms of TensorFlow Serving
 * have the failed ones too, since ours do.
 *
 * Left out, since nothing here knows it: queue depth by model, utilisation, GPUs, caches. */
#include "base/macros.h"
#include "server/metrics.h"

#include <stdlib.h>
#include <string.h>

/* --- what requests were answered with ------------------------------------------------------- */

/* Canonical codes, as TensorFlow Serving calls them. */
enum canonical {
    OK,
    INVALID_ARGUMENT,
    NOT_FOUND,
    RESOURCE_EXHAUSTED,
    CANCELLED,
    INTERNAL,
    UNIMPLEMENTED,
    UNAVAILABLE,
    DEADLINE_EXCEEDED,
    UNKNOWN,
    CANONICAL_N,
};

static const char *const canonical_names[CANONICAL_N] = {
    "OK",       "INVALID_ARGUMENT", "NOT_FOUND",   "RESOURCE_EXHAUSTED", "CANCELLED",
    "INTERNAL", "UNIMPLEMENTED",    "UNAVAILABLE", "DEADLINE_EXCEEDED",  "UNKNOWN"};

static enum canonical canonical_of(struct weir_str code)
{
    static const struct {
        const char *code;
        enum canonical is;
    } rows[] = {
        {"200", OK},
        {"400", INVALID_ARGUMENT},
        {"413", INVALID_ARGUMENT},
        {"415", INVALID_ARGUMENT},
        {"422", INVALID_ARGUMENT},
        {"404", NOT_FOUND},
        {"429", RESOURCE_EXHAUSTED},
        {"499", CANCELLED},
        {"500", INTERNAL},
        {"501", UNIMPLEMENTED},
        {"503", UNAVAILABLE},
        {"504", DEADLINE_EXCEEDED},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        if (weir_str_eq_c(code, rows[i].code))
            return rows[i].is;
    }
    return UNKNOWN;
}

/* The versions that serve, in the order of the table, and their sums. */
struct tally {
    const struct weir_table *table;
    uint64_t (*requests)[CANONICAL_N]; /* n_slots */
    uint64_t *batches;                 /* n_slots */
    uint64_t *rows;                    /* n_slots */
    size_t *first;                     /* by model: its first slot; one more at the end */
};

/* Finds the slot of a version; SIZE_MAX: it does not serve any more. */
static size_t find_slot(const struct tally *t, struct weir_str model, struct weir_str version)
{
    const struct weir_repo_entry *entry = weir_repo_table_find(t->table, model);
    for (size_t i = 0; entry && i < entry->n_versions; i++) {
        if (weir_str_eq(entry->versions[i]->number_text, version))
            return t->first[entry - t->table->models] + i;
    }
    return SIZE_MAX;
}

static void add_request(void *ctx, const struct weir_str *values, uint64_t sum,
                        const struct weir_metric_histogram *histogram)
{
    const struct tally *t = ctx;
    (void)histogram;
    size_t slot = find_slot(t, values[0], values[1]);
    if (slot != SIZE_MAX)
        t->requests[slot][canonical_of(values[3])] += sum;
}

static void add_batch(void *ctx, const struct weir_str *values, uint64_t sum,
                      const struct weir_metric_histogram *histogram)
{
    const struct tally *t = ctx;
    (void)histogram;
    size_t slot = find_slot(t, values[0], values[1]);
    if (slot != SIZE_MAX)
        t->batches[slot] += sum;
}

static void add_rows(void *ctx, const struct weir_str *values, uint64_t sum,
                     const struct weir_metric_histogram *histogram)
{
    const struct tally *t = ctx;
    (void)histogram;
    size_t slot = find_slot(t, values[0], values[1]);
    if (slot != SIZE_MAX)
        t->rows[slot] += sum;
}

static void tally_deinit(struct tally *t, struct weir_mem *mem)
{
    weir_mem_free(mem, t->requests);
    weir_mem_free(mem, t->batches);
    weir_mem_free(mem, t->rows);
    weir_mem_free(mem, t->first);
}

/* Adds up; false: no memory. */
static bool tally_init(struct tally *t, const struct weir_server_metrics_source *source)
{
    const struct weir_table *table = source->table;
    size_t n = 0;
    *t = (struct tally){.table = table};
    t->first = weir_mem_array(source->mem, table->n_models + 1, sizeof *t->first);
    for (size_t i = 0; t->first && i <= table->n_models; i++) {
        t->first[i] = n;
        n += i < table->n_models ? table->models[i].n_versions : 0;
    }
    t->requests = weir_mem_zarray(source->mem, n + 1, sizeof *t->requests);
    t->batches = weir_mem_zarray(source->mem, n + 1, sizeof *t->batches);
    t->rows = weir_mem_zarray(source->mem, n + 1, sizeof *t->rows);
    const struct weir_metric_registry *r = source->registry;
    if (t->first && t->requests && t->batches && t->rows &&
        weir_metric_registry_visit(r, WEIR_SERVER_METRIC_REQUESTS, add_request, t) == WEIR_OK &&
        weir_metric_registry_visit(r, WEIR_SERVER_METRIC_BATCHES, add_batch, t) == WEIR_OK &&
        weir_metric_registry_visit(r, WEIR_SERVER_METRIC_ROWS, add_rows, t) == WEIR_OK)
        return true;
    tally_deinit(t, source->mem);
    return false;
}

/* --- Triton --------------------------------------------------------------------------------- */

/* Families in the order of the page. */
enum triton {
    SUCCESS,
    FAILURE,
    COUNT,
    EXEC_COUNT,
    REQUEST_US,
    QUEUE_US,
    INPUT_US,
    INFER_US,
    OUTPUT_US,
    LOAD_SECONDS,
    TRITON_N,
};

static const struct {
    const char *name;
    const char *type;
    const char *help;
} triton[TRITON_N] = {
    {"nv_inference_request_success", "counter", "Number of successful inference requests"},
    {"nv_inference_request_failure", "counter", "Number of failed inference requests"},
    {"nv_inference_count", "counter", "Number of inferences performed"},
    {"nv_inference_exec_count", "counter", "Number of model executions performed"},
    {"nv_inference_request_duration_us", "counter", "Cumulative duration of inference requests"},
    {"nv_inference_queue_duration_us", "counter", "Cumulative duration in the queue"},
    {"nv_inference_compute_input_duration_us", "counter", "Cumulative duration of reading inputs"},
    {"nv_inference_compute_infer_duration_us", "counter", "Cumulative duration of running models"},
    {"nv_inference_compute_output_duration_us", "counter",
     "Cumulative duration of writing outputs"},
    {"nv_model_load_duration_secs", "gauge", "Duration of loading the model, in seconds"},
};

static uint64_t triton_value(enum triton family, const struct tally *t, size_t slot,
                             const struct weir_protocol_statistics *s)
{
    switch (family) {
    case SUCCESS:
        return t->requests[slot][OK];
    case COUNT:
        return t->rows[slot];
    case EXEC_COUNT:
        return t->batches[slot];
    case REQUEST_US:
        return s->success.ns / WEIR_NS_PER_US;
    case QUEUE_US:
        return s->queue.ns / WEIR_NS_PER_US;
    case INPUT_US:
        return s->decode.ns / WEIR_NS_PER_US;
    case INFER_US:
        return s->run.ns / WEIR_NS_PER_US;
    case OUTPUT_US:
        return s->encode.ns / WEIR_NS_PER_US;
    case FAILURE:
    case LOAD_SECONDS:
    case TRITON_N:
        break;
    }
    return 0;
}

/* Appends name{model="…",version="…" and what follows. */
static void triton_begin(struct weir_buf *out, enum triton family, const struct weir_version *v)
{
    weir_buf_append_c(out, triton[family].name);
    weir_buf_append_byte(out, '{');
    weir_metric_text_label(out, "model", v->name);
    weir_buf_append_byte(out, ',');
    weir_metric_text_label(out, "version", v->number_text);
}

/* All four reasons are always there. */
static void triton_failures(struct weir_buf *out, const struct weir_version *v,
                            const uint64_t *requests)
{
    uint64_t rejected = requests[UNAVAILABLE] + requests[RESOURCE_EXHAUSTED];
    uint64_t other = requests[INVALID_ARGUMENT] + requests[NOT_FOUND] + requests[UNIMPLEMENTED] +
                     requests[DEADLINE_EXCEEDED] + requests[UNKNOWN];
    const struct {
        const char *reason;
        uint64_t n;
    } rows[] = {{"REJECTED", rejected},
                {"CANCELED", requests[CANCELLED]},
                {"BACKEND", requests[INTERNAL]},
                {"OTHER", other}};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        triton_begin(out, FAILURE, v);
        weir_buf_printf(out, ",reason=\"%s\"} %llu\n", rows[i].reason,
                        (unsigned long long)rows[i].n);
    }
}

/* Appends the sample of one version. */
static void triton_sample(const struct weir_server_metrics_source *source, const struct tally *t,
                          enum triton family, const struct weir_version *v, size_t slot,
                          struct weir_buf *out)
{
    struct weir_protocol_statistics s = {.n_rows = 0};
    if (family == FAILURE) {
        triton_failures(out, v, t->requests[slot]);
        return;
    }
    triton_begin(out, family, v);
    if (family == LOAD_SECONDS) {
        weir_buf_printf(out, "} %.9g\n", (double)v->load_ns / 1e9);
        return;
    }
    if (family >= REQUEST_US)
        source->sum(source->ctx, v, &s);
    weir_buf_printf(out, "} %llu\n", (unsigned long long)triton_value(family, t, slot, &s));
}

void weir_server_metrics_names_triton(const struct weir_server_metrics_source *source,
                                      struct weir_buf *out)
{
    struct tally t;
    if (!tally_init(&t, source)) {
        out->failed = true;
        return;
    }
    for (int family = 0; family < TRITON_N && t.first[t.table->n_models] > 0; family++) {
        weir_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", triton[family].name,
                        triton[family].help, triton[family].name, triton[family].type);
        for (size_t i = 0; i < t.table->n_models; i++) {
            const struct weir_repo_entry *entry = &t.table->models[i];
            for (size_t k = 0; k < entry->n_versions; k++)
                triton_sample(source, &t, (enum triton)family, entry->versions[k], t.first[i] + k,
                              out);
        }
    }
    tally_deinit(&t, source->mem);
}

/* --- TensorFlow Serving --------------------------------------------------------------------- */

#define TFS ":tensorflow:serving:"

enum { TFS_BOUNDS_N = 32 };

/* A histogram that is told by the names of TensorFlow Serving. */
struct cut {
    struct weir_buf *out;
    const struct tally *tally;
    const char *stage;  /* of ours */
    const char *name;   /* of theirs */
    const char *label;  /* that has the model */
    const char *labels; /* further ones */
    double bounds_ns[TFS_BOUNDS_N];
};

/* Of versions of one model only the default one is told: theirs have no label for versions. */
static bool is_default(const struct tally *t, struct weir_str model, struct weir_str version)
{
    const struct weir_repo_entry *entry = weir_repo_table_find(t->table, model);
    return entry && entry->version && weir_str_eq(entry->version->number_text, version);
}

static void cut_series(void *ctx, const struct weir_str *values, uint64_t sum,
                       const struct weir_metric_histogram *histogram)
{
    const struct cut *c = ctx;
    (void)sum;
    if (!weir_str_eq_c(values[2], c->stage) || !is_default(c->tally, values[0], values[1]))
        return;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf labels = {.mem = c->out->mem};
    weir_metric_text_label(&labels, c->label, values[0]);
    weir_buf_append_c(&labels, c->labels);
    if (weir_buf_ok(&labels))
        weir_metric_text_histogram_us(c->out, c->name, weir_buf_str(&labels), c->bounds_ns,
                                      TFS_BOUNDS_N, histogram);
    else
        c->out->failed = true;
}

static void tfs_counters(const struct tally *t, struct weir_buf *out)
{
    const struct weir_table *table = t->table;
    uint64_t n_batches = 0;
    weir_buf_append_c(out, "# TYPE " TFS "request_count counter\n");
    for (size_t i = 0; i < table->n_models; i++) {
        for (size_t code = 0; code < CANONICAL_N; code++) {
            uint64_t n = 0;
            for (size_t slot = t->first[i]; slot < t->first[i + 1]; slot++)
                n += t->requests[slot][code];
            if (n == 0)
                continue;
            weir_buf_append_c(out, TFS "request_count{");
            weir_metric_text_label(out, "model_name", table->models[i].name);
            weir_buf_printf(out, ",status=\"%s\"} %llu\n", canonical_names[code],
                            (unsigned long long)n);
        }
    }
    weir_buf_append_c(out, "# TYPE " TFS "request_example_count_total counter\n");
    for (size_t i = 0; i < table->n_models; i++) {
        uint64_t n = 0;
        for (size_t slot = t->first[i]; slot < t->first[i + 1]; slot++) {
            n += t->rows[slot];
            n_batches += t->batches[slot];
        }
        weir_buf_append_c(out, TFS "request_example_count_total{");
        weir_metric_text_label(out, "model", table->models[i].name);
        weir_buf_printf(out, "} %llu\n", (unsigned long long)n);
    }
    weir_buf_printf(out,
                    "# TYPE " TFS "batching_session:wrapped_run_count counter\n" TFS
                    "batching_session:wrapped_run_count{} %llu\n",
                    (unsigned long long)n_batches);
}

void weir_server_metrics_names_tfserving(const struct weir_server_metrics_source *source,
                                         struct weir_buf *out)
{
    static const struct {
        const char *stage, *name, *label, *labels;
    } rows[] = {
        {"whole", TFS "request_latency", "model_name", ",API=\"predict\",entrypoint=\"REST\""},
        {"run", TFS "runtime_latency", "model_name", ",API=\"predict\",runtime=\"weir\""},
        {"queue", TFS "batching_session:queuing_latency", "thread_pool_name", ""},
    };
    struct tally t;
    if (!tally_init(&t, source)) {
        out->failed = true;
        return;
    }
    tfs_counters(&t, out);
    struct cut c = {.out = out, .tally = &t};
    double bound_us = 10;
    for (size_t i = 0; i < TFS_BOUNDS_N; i++, bound_us *= 1.8)
        c.bounds_ns[i] = bound_us * 1e3;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        c.stage = rows[i].stage;
        c.name = rows[i].name;
        c.label = rows[i].label;
        c.labels = rows[i].labels;
        weir_buf_printf(out, "# TYPE %s histogram\n", c.name);
        if (weir_metric_registry_visit(source->registry, WEIR_SERVER_METRIC_STAGE, cut_series,
                                       &c) != WEIR_OK)
            out->failed = true;
    }
    tally_deinit(&t, source->mem);
}

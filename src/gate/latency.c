/* SPDX-License-Identifier: MIT */
#include "gate/latency.h"

#include "base/clock.h"
#include "base/macros.h"
#include "eval/normal.h"
#include "eval/rates.h"
#include "table/table.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS_MAX = 512, BATCH_MAX = 32, BLOCK_RUNS = 10, WARM_ROUNDS = 5, ALIGN = 64 };

const size_t weir_gate_latency_batches[WEIR_GATE_LATENCY_BATCHES] = {1, BATCH_MAX};

static const char *const prefixes[WEIR_GATE_LATENCY_BATCHES] = {"latency.", "latency.batch32."};
static const char too_few[] = "fewer than 1000 runs before the time was up";

/* A model and its rows. */
struct side {
    const struct weir_model *model;
    struct weir_table table; /* whose room the rows' texts are in */
    struct weir_run run;
    struct weir_rows block;
    char *rows; /* ROWS_MAX + BATCH_MAX, so that a batch may begin at any of the first ones */
    size_t row_bytes;
    size_t n_rows; /* read */
};

/* A measurement under way. */
struct work {
    struct weir_gate_latency *out;
    const struct weir_gate_latency_opts *opts;
    struct side sides[WEIR_GATE_LATENCY_SIDES];
    size_t n_sides;
    size_t n_rows; /* that both take */
    uint64_t lines[ROWS_MAX];
    struct weir_arena arena;
    struct weir_error *err;
};

static enum weir_status no_memory(const struct work *w)
{
    return weir_error_set(w->err, WEIR_ERR_NO_MEMORY, "out of memory");
}

/* --- rows --------------------------------------------------------------------------------------
 */

static enum weir_status make_room(struct work *w, struct side *s)
{
    const struct weir_spec *spec = weir_model_spec(s->model);
    enum weir_output output = weir_spec_default_output(spec);
    size_t n = ROWS_MAX + BATCH_MAX;
    size_t bytes;
    s->run.dtype = weir_spec_batch_dtype(spec, WEIR_F64);
    s->run.wanted = 1u << output;
    s->row_bytes = weir_max_size(spec->n_features * weir_dtype_size(s->run.dtype), 1);
    if (!weir_size_mul(n, s->row_bytes, &bytes))
        return no_memory(w);
    s->rows = weir_arena_alloc_aligned(&w->arena, bytes, ALIGN);
    s->run.faults = weir_arena_array(&w->arena, n, sizeof *s->run.faults);
    s->run.scratch = weir_arena_alloc_aligned(
        &w->arena, weir_max_size(weir_model_scratch_bytes(s->model), 1), ALIGN);
    s->run.out[output] =
        weir_arena_array(&w->arena, n * spec->outputs[output].n_columns, sizeof(double));
    s->run.blocks = &s->block;
    s->run.n_blocks = 1;
    return s->rows && s->run.faults && s->run.scratch && s->run.out[output] ? WEIR_OK
                                                                            : no_memory(w);
}

static enum weir_status read_rows(struct work *w, struct side *s)
{
    const struct weir_spec *spec = weir_model_spec(s->model);
    const struct weir_table_opts opts = {
        .is_regular = true, .others = w->opts->others, .n_others = w->opts->n_others};
    if (spec->form == WEIR_INPUT_TENSORS)
        return weir_error_set(w->err, WEIR_ERR_UNSUPPORTED,
                              "the model takes tensors, which a CSV file does not hold");
    enum weir_status status = make_room(w, s);
    if (status == WEIR_OK)
        status = weir_table_open(&s->table, w->opts->path, spec, &opts, w->err);
    if (status == WEIR_OK)
        status = weir_table_read(&s->table, s->rows, s->run.dtype, ROWS_MAX, w->lines, &s->n_rows,
                                 w->err);
    if (status != WEIR_OK)
        return status;
    s->block = (struct weir_rows){s->rows, s->n_rows};
    (void)weir_model_run(s->model, &s->run); /* Faults are looked at one by one. */
    return WEIR_OK;
}

/* Leaves the rows that all sides take, and repeats the first of them behind the last. */
static enum weir_status choose_rows(struct work *w)
{
    size_t n = w->sides[0].n_rows;
    for (size_t k = 1; k < w->n_sides; k++)
        n = weir_min_size(n, w->sides[k].n_rows);
    for (size_t i = 0; i < n; i++) {
        bool is_taken = true;
        for (size_t k = 0; k < w->n_sides; k++)
            is_taken = is_taken && w->sides[k].run.faults[i].kind == WEIR_FAULT_NONE;
        for (size_t k = 0; k < w->n_sides && is_taken; k++) {
            struct side *s = &w->sides[k];
            memmove(s->rows + w->n_rows * s->row_bytes, s->rows + i * s->row_bytes, s->row_bytes);
        }
        w->n_rows += is_taken;
    }
    if (w->n_rows == 0)
        return weir_error_set(w->err, WEIR_ERR_INVALID, "%s: no row is taken by the models",
                              w->opts->path);
    for (size_t k = 0; k < w->n_sides; k++) {
        struct side *s = &w->sides[k];
        for (size_t i = 0; i < BATCH_MAX; i++)
            memcpy(s->rows + (w->n_rows + i) * s->row_bytes, s->rows + i * s->row_bytes,
                   s->row_bytes);
    }
    return WEIR_OK;
}

/* --- time --------------------------------------------------------------------------------------
 */

/* Runs a side for a block of batches beginning at row `from`; times may be NULL. */
static void run_block(struct work *w, struct side *s, size_t batch, size_t from, double *ms)
{
    for (size_t i = 0; i < BLOCK_RUNS; i++) {
        size_t row = (from + i * batch) % w->n_rows;
        s->block = (struct weir_rows){s->rows + row * s->row_bytes, batch};
        uint64_t begun = weir_clock_ns();
        (void)weir_model_run(s->model, &s->run); /* The rows were taken before. */
        uint64_t ended = weir_clock_ns();
        if (ms)
            ms[i] = (double)(ended - begun) / (double)WEIR_NS_PER_MS;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void summarise(struct weir_gate_latency_times *t)
{
    double sum = 0;
    double squares = 0;
    for (size_t i = 0; i < t->n; i++)
        sum += t->ms[i];
    t->mean = t->n > 0 ? sum / (double)t->n : 0;
    for (size_t i = 0; i < t->n; i++)
        squares += (t->ms[i] - t->mean) * (t->ms[i] - t->mean);
    t->sd = t->n > 1 ? sqrt(squares / (double)(t->n - 1)) : 0;
    if (t->n > 1)
        qsort(t->ms, t->n, sizeof *t->ms, by_value);
}

static enum weir_status measure_batch(struct work *w, size_t b)
{
    struct weir_gate_latency_times *times = w->out->times[b];
    size_t batch = weir_gate_latency_batches[b];
    size_t n = 0;
    for (size_t k = 0; k < w->n_sides; k++) {
        times[k].ms =
            weir_mem_array(weir_mem_default(), WEIR_GATE_LATENCY_RUNS, sizeof *times[k].ms);
        if (!times[k].ms)
            return no_memory(w);
    }
    for (size_t round = 0; n < WEIR_GATE_LATENCY_RUNS; round++) {
        if (w->opts->goes_on && !w->opts->goes_on(w->opts->ctx))
            return weir_error_set(w->err, WEIR_ERR_CANCELED, "stopped");
        if (weir_clock_ns() >= w->opts->deadline_ns)
            break;
        bool is_warm = round >= WARM_ROUNDS;
        for (size_t i = 0; i < w->n_sides; i++) {
            size_t k = round % 2 ? w->n_sides - 1 - i : i;
            run_block(w, &w->sides[k], batch, n * batch, is_warm ? times[k].ms + n : NULL);
        }
        n += is_warm ? BLOCK_RUNS : 0;
    }
    for (size_t k = 0; k < w->n_sides; k++) {
        times[k].n = n;
        summarise(&times[k]);
    }
    return WEIR_OK;
}

static enum weir_status measure(struct work *w)
{
    enum weir_status status = WEIR_OK;
    for (size_t k = 0; k < w->n_sides && status == WEIR_OK; k++)
        status = read_rows(w, &w->sides[k]);
    if (status == WEIR_OK)
        status = choose_rows(w);
    for (size_t b = 0; b < WEIR_GATE_LATENCY_BATCHES && status == WEIR_OK; b++) {
        if (w->opts->batches & 1u << b)
            status = measure_batch(w, b);
    }
    return status;
}

enum weir_status weir_gate_latency_measure(struct weir_gate_latency *out,
                                           const struct weir_model *candidate,
                                           const struct weir_model *live,
                                           const struct weir_gate_latency_opts *opts,
                                           struct weir_error *err)
{
    weir_assert(out);
    weir_assert(candidate);
    weir_assert(opts);
    *out = (struct weir_gate_latency){.has_live = live != NULL};
    struct work *w = weir_mem_zalloc(weir_mem_default(), sizeof *w);
    if (!w)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    weir_arena_init(&w->arena, weir_mem_default(), 0);
    w->out = out;
    w->opts = opts;
    w->err = err;
    w->n_sides = live ? 2 : 1;
    w->sides[0].model = candidate;
    w->sides[1].model = live;
    enum weir_status status = measure(w);
    for (size_t k = 0; k < w->n_sides; k++)
        weir_table_close(&w->sides[k].table);
    weir_arena_deinit(&w->arena);
    weir_mem_free(weir_mem_default(), w);
    if (status != WEIR_OK)
        weir_gate_latency_deinit(out);
    return status;
}

void weir_gate_latency_deinit(struct weir_gate_latency *latency)
{
    weir_assert(latency);
    for (size_t b = 0; b < WEIR_GATE_LATENCY_BATCHES; b++) {
        for (size_t k = 0; k < WEIR_GATE_LATENCY_SIDES; k++)
            weir_mem_free(weir_mem_default(), latency->times[b][k].ms);
    }
    *latency = (struct weir_gate_latency){.has_live = false};
}

/* --- numbers -----------------------------------------------------------------------------------
 */

/* Returns the probability that at most k of n are below the quantile q. */
static double binomial(size_t k, size_t n, double q)
{
    return k >= n ? 1 : weir_eval_rates_beta(1 - q, (double)(n - k), (double)k + 1);
}

/* Writes a quantile (the value at rank ceil(n q)) and its interval between two order statistics:
 * David and Nagaraja 2003, §7.1. */
static void find_quantile(const struct weir_gate_latency_times *t, double q, double alpha,
                          struct weir_gate_latency_number *out)
{
    size_t n = t->n;
    size_t low = 0;  /* the largest rank that is below the quantile with 1 − alpha / 2 */
    size_t high = n; /* the smallest one above */
    out->value = t->ms[weir_min_size((size_t)ceil((double)n * q), n) - 1];
    while (low < n && binomial(low, n, q) <= alpha / 2)
        low++;
    while (high > 1 && binomial(high - 2, n, q) >= 1 - alpha / 2)
        high--;
    if (low == 0 || binomial(n - 1, n, q) < 1 - alpha / 2)
        return;
    out->low = t->ms[low - 1];
    out->high = t->ms[high - 1];
}

/* Finds the batches of a name, and what it asks of them. */
static bool parse(struct weir_str name, size_t *batch, struct weir_str *what)
{
    for (size_t b = WEIR_GATE_LATENCY_BATCHES; b-- > 0;) { /* The longer prefix first. */
        struct weir_str prefix = weir_str_c(prefixes[b]);
        if (!weir_str_starts(name, prefix))
            continue;
        *batch = b;
        *what = weir_str_make(name.at + prefix.n, name.n - prefix.n);
        return true;
    }
    return false;
}

uint32_t weir_gate_latency_batch_of(struct weir_str name)
{
    size_t batch;
    struct weir_str what;
    return parse(name, &batch, &what) ? 1u << batch : 0;
}

bool weir_gate_latency_find(const struct weir_gate_latency *latency, struct weir_str name,
                            bool is_live, double alpha, struct weir_gate_latency_number *out)
{
    static const struct {
        const char *name;
        double q;
    } quantiles[] = {{"p50_ms", .5}, {"p90_ms", .9}, {"p95_ms", .95}, {"p99_ms", .99}};
    weir_assert(latency);
    size_t batch;
    struct weir_str what;
    if (!parse(name, &batch, &what))
        return false;
    const struct weir_gate_latency_times *t = &latency->times[batch][is_live];
    *out = (struct weir_gate_latency_number){
        .value = (double)NAN, .low = (double)NAN, .high = (double)NAN, .why = too_few};
    if (is_live && !latency->has_live)
        out->why = "there is no live version";
    if (t->n < WEIR_GATE_LATENCY_RUNS)
        return true;
    out->why = NULL;
    if (weir_str_eq_c(what, "mean_ms")) {
        double half = weir_eval_normal_quantile(1 - alpha / 2) * t->sd / sqrt((double)t->n);
        out->value = t->mean;
        out->low = t->mean - half;
        out->high = t->mean + half;
        return true;
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(quantiles); i++) {
        if (!weir_str_eq_c(what, quantiles[i].name))
            continue;
        find_quantile(t, quantiles[i].q, alpha, out);
        return true;
    }
    return false;
}

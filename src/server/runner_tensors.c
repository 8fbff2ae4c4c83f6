/* SPDX-License-Identifier: MIT */
/* Running batches of tensors.
 *
 * The pieces of a model with one input lie one after the other in a batch: it is one block, run
 * without a copy. Of several inputs each request is a block, gathered by the model. When a run of
 * several requests fails, each is run again alone: one client's tensors are not another's trouble.
 */
#include "base/clock.h"
#include "base/macros.h"
#include "server/runner_priv.h"

#include <string.h>

/* One request that is being run. */
struct part {
    struct weir_server_job *job;
    struct weir_batch_slice *slice;
};

/* Requests that are run together. */
struct group {
    const struct weir_model *model;
    const struct weir_tensors_spec *spec;
    const struct part *parts;
    size_t n_parts;
    struct weir_tensor *blocks; /* n_inputs × n_blocks */
    struct weir_tensors_run run;
};

/* Fills block b of every input with rows of a batch from `row` on. */
static void fill_block(const struct group *g, const struct weir_batch *batch, size_t b, size_t row,
                       size_t n_rows)
{
    static const uint64_t nothing; /* what a tensor without elements points to */
    const struct weir_batch_tensors *tensors = batch->tensors;
    struct weir_tensors_shape shapes[WEIR_TENSORS_MAX];
    size_t offsets[WEIR_TENSORS_MAX];
    size_t row_bytes;
    memcpy(shapes, tensors->shapes, tensors->n_inputs * sizeof shapes[0]);
    for (size_t i = 0; g->spec->is_batched && i < tensors->n_inputs; i++)
        shapes[i].dims[0] = n_rows;
    bool fits = weir_tensors_layout(g->spec, shapes, n_rows, offsets, &row_bytes);
    weir_assert(fits); /* It did when the rows were reserved. */
    char *base = batch->rows ? (char *)batch->rows + row * batch->row_bytes : NULL;
    for (size_t i = 0; i < tensors->n_inputs; i++) {
        struct weir_tensor *t = &g->blocks[i * g->run.n_blocks + b];
        *t = (struct weir_tensor){.dtype = g->spec->inputs[i].dtype, .n_dims = shapes[i].n_dims};
        memcpy(t->dims, shapes[i].dims, sizeof t->dims);
        t->data = base ? (const void *)(base + offsets[i]) : &nothing;
    }
}

/* Fills the blocks; *n_rows of the run. */
static void fill_blocks(struct group *g)
{
    bool is_whole = g->spec->n_inputs == 1; /* a batch is one block */
    size_t b = 0;
    g->run.n_rows = 0;
    for (size_t i = 0; i < g->n_parts; i++) {
        const struct part *p = &g->parts[i];
        const struct weir_batch *batch = p->job->batch;
        bool is_alone = g->n_parts == 1;
        g->run.n_rows += p->slice->n_rows;
        if (!is_whole || is_alone)
            fill_block(g, batch, b++, p->slice->row, p->slice->n_rows);
        else if (i == 0 || g->parts[i - 1].job != p->job)
            fill_block(g, batch, b++, 0, batch->n_rows);
    }
    weir_assert(b == g->run.n_blocks);
}

static size_t count_blocks(const struct group *g)
{
    if (g->spec->n_inputs > 1 || g->n_parts == 1)
        return g->n_parts;
    size_t n = 0;
    for (size_t i = 0; i < g->n_parts; i++)
        n += i == 0 || g->parts[i - 1].job != g->parts[i].job;
    return n;
}

/* Writes the answer of a request whose first row is row number `row` of the run. */
static void encode_part(struct weir_server_runner *runner, const struct group *g,
                        const struct part *p, size_t row)
{
    struct weir_tensor tensors[WEIR_TENSORS_MAX];
    struct weir_server_call *call = weir_server_runner_call_of(p->slice);
    for (size_t o = 0; o < g->spec->n_outputs; o++) {
        if (!(g->run.wanted & UINT64_C(1) << o))
            continue;
        tensors[o] = g->run.out[o];
        if (!g->spec->is_batched)
            continue;
        tensors[o].dims[0] = 1;
        size_t bytes =
            (size_t)weir_tensor_n_items(&tensors[o]) * weir_tensor_item_bytes(tensors[o].dtype);
        tensors[o].dims[0] = p->slice->n_rows;
        if (bytes > 0)
            tensors[o].data = (const char *)tensors[o].data + row * bytes;
    }
    struct weir_result result = {.spec = p->job->version->spec,
                                 .batch_dtype = WEIR_F64,
                                 .n_rows = p->slice->n_rows,
                                 .tensors = tensors};
    struct weir_error err = WEIR_ERROR_INIT;
    enum weir_status status =
        weir_protocol_check_tensors(&runner->decoder.limits, &call->protocol, &result, &err);
    if (status != WEIR_OK)
        weir_server_runner_fail(p->job, call, status, err.msg);
    else
        weir_server_runner_encode(runner, p->job, call, &result);
}

/* Runs some requests together and answers them; on failure nobody is answered. */
static enum weir_status run_group(struct weir_server_runner *runner, struct group *g,
                                  uint64_t *run_ns, struct weir_error *err)
{
    g->run = (struct weir_tensors_run){.wanted = g->parts[0].job->batch->tensors->wanted};
    g->run.n_blocks = count_blocks(g);
    g->run.blocks = g->blocks;
    fill_blocks(g);
    uint64_t start_ns = weir_clock_ns();
    enum weir_status status = weir_model_run_tensors(g->model, &g->run, err);
    *run_ns += weir_clock_ns() - start_ns;
    if (status != WEIR_OK)
        return status;
    size_t row = 0;
    for (size_t i = 0; i < g->n_parts; i++) {
        encode_part(runner, g, &g->parts[i], row);
        row += g->parts[i].slice->n_rows;
    }
    weir_model_release_tensors(g->model, &g->run);
    return WEIR_OK;
}

static size_t count_live(struct weir_server_job *const *jobs, size_t n)
{
    size_t n_live = 0;
    for (size_t j = 0; j < n; j++) {
        for (struct weir_batch_slice *s = jobs[j]->batch->slices; s; s = s->next)
            n_live += weir_batch_slice_is_live(s);
    }
    return n_live;
}

static void fail_all(struct weir_server_job *const *jobs, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        for (struct weir_batch_slice *s = jobs[j]->batch->slices; s; s = s->next) {
            if (weir_batch_slice_is_live(s))
                weir_server_runner_fail(jobs[j], weir_server_runner_call_of(s), WEIR_ERR_NO_MEMORY,
                                        "no memory for the tensors");
        }
    }
}

/* Runs the requests of a group together; when that fails, each alone. All are answered. */
static void run_parts(struct weir_server_runner *runner, struct group *g, uint64_t *run_ns)
{
    struct weir_error err = WEIR_ERROR_INIT;
    enum weir_status status = run_group(runner, g, run_ns, &err);
    if (status == WEIR_OK)
        return;
    const struct part *parts = g->parts;
    size_t n_parts = g->n_parts;
    for (size_t i = 0; i < n_parts; i++) {
        g->parts = &parts[i];
        g->n_parts = 1;
        if (n_parts > 1) {
            err = (struct weir_error)WEIR_ERROR_INIT;
            status = run_group(runner, g, run_ns, &err);
        }
        if (status != WEIR_OK)
            weir_server_runner_fail(parts[i].job, weir_server_runner_call_of(parts[i].slice),
                                    status, err.msg[0] ? err.msg : weir_status_text(status));
    }
}

struct weir_server_runner_times weir_server_runner_tensors(struct weir_server_runner *runner,
                                                           struct weir_server_job *const *jobs,
                                                           size_t n)
{
    uint64_t start_ns = weir_clock_ns();
    const struct weir_version *version = jobs[0]->version;
    struct group g = {.model = version->model, .spec = version->spec->tensors};
    size_t n_live = count_live(jobs, n);
    size_t blocks_bytes;
    size_t parts_bytes;
    size_t need;
    if (!weir_size_mul(n_live * g.spec->n_inputs, sizeof *g.blocks, &blocks_bytes) ||
        !weir_size_mul(n_live, sizeof *g.parts, &parts_bytes) ||
        !weir_size_add(blocks_bytes, parts_bytes, &need) ||
        !weir_server_runner_grow(runner->mem, &runner->values, &runner->values_bytes, need)) {
        fail_all(jobs, n);
        return (struct weir_server_runner_times){0, 0, weir_clock_ns()};
    }
    g.blocks = runner->values;
    struct part *parts = (struct part *)(void *)((char *)runner->values + blocks_bytes);
    size_t n_parts = 0;
    for (size_t j = 0; j < n; j++) {
        for (struct weir_batch_slice *s = jobs[j]->batch->slices; s; s = s->next) {
            if (weir_batch_slice_is_live(s))
                parts[n_parts++] = (struct part){jobs[j], s};
        }
    }
    g.parts = parts;
    g.n_parts = n_parts;
    uint64_t run_ns = 1;
    run_parts(runner, &g, &run_ns);
    uint64_t end_ns = weir_clock_ns();
    uint64_t whole_ns = end_ns - start_ns;
    return (struct weir_server_runner_times){run_ns, whole_ns > run_ns ? whole_ns - run_ns : 0,
                                             end_ns};
}

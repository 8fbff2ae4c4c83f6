/* SPDX-License-Identifier: MIT */
/* The way of a row through the batcher, without decoding and without a model: what every request
 * pays for being batched. On paper: some forty stores for slice and batch, three list operations
 * and the copy of 30 doubles: about 100 ns for a lone row, of which a batch of 64 shares the half.
 */
#include "base/clock.h"
#include "batch/batcher.h"
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_COLUMNS = 30 };

struct bench {
    struct weir_batcher *b;
    struct weir_batcher_version *v;
    uint64_t now_ns;
    size_t n_requests; /* in one batch */
    double row[N_COLUMNS];
};

static void must(bool is_fine)
{
    if (!is_fine)
        abort();
}

static void put(struct bench *t)
{
    must(weir_batcher_admit(t->b, t->v, 1, t->now_ns + 30 * WEIR_NS_PER_S, t->now_ns) ==
         WEIR_BATCHER_REFUSAL_NONE);
    struct weir_sink *sink =
        weir_batcher_decode(t->b, t->v, t->now_ns + 30 * WEIR_NS_PER_S, t->now_ns);
    const struct weir_sink_want want = {.n_rows = 1, .n_columns = N_COLUMNS, .dtype = WEIR_F64};
    struct weir_sink_span span;
    must(weir_sink_reserve(sink, &want, &span, NULL) == WEIR_OK);
    memcpy(span.base, t->row, sizeof t->row);
    weir_sink_commit(sink, 1u << WEIR_OUTPUT_PREDICT);
    *(uint64_t *)weir_batcher_committed(t->b)->user = t->now_ns;
}

static void ignore(void *ctx, struct weir_batch_slice *slice, enum weir_batcher_answer answer)
{
    (void)answer;
    (void)ctx;
    (void)slice;
}

/* One iteration of a loop: the requests, then what a loop does each time. */
static uint64_t iteration(void *arg)
{
    struct bench *t = arg;
    uint64_t sum = 0;
    for (size_t i = 0; i < t->n_requests; i++)
        put(t);
    (void)weir_batcher_expire(t->b, t->now_ns, ignore, NULL);
    struct weir_batch *batch;
    while (weir_batcher_take(t->b, t->now_ns, 1, &batch) != WEIR_BATCHER_TAKE_EMPTY) {
        sum += weir_batch_begin(batch, t->now_ns);
        weir_batch_end(batch, t->now_ns + 500);
        for (struct weir_batch_slice *s = batch->slices; s; s = s->next)
            sum += weir_batcher_answer(t->b, s, t->now_ns + 500);
        weir_batcher_finish(t->b, batch, 500, t->now_ns + 500);
    }
    t->now_ns += 1000;
    return sum + (weir_batcher_next_ns(t->b) & 1);
}

int main(void)
{
    static const struct {
        const char *name;
        size_t n_requests;
    } cases[] = {{"lone_row_30", 1}, {"rows_64x30", 64}, {"rows_256x30", 256}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench t = {.now_ns = 1000000, .n_requests = cases[i].n_requests};
        const struct weir_batcher_opts opts = {.n_workers = 1, .slice_user_bytes = 192};
        const struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
        struct weir_batch_cost cost;
        weir_batch_cost_init(&cost);
        weir_batch_cost_seed(&cost, 300, 30);
        must(weir_batcher_new(&t.b, &opts, weir_mem_default()) == WEIR_OK);
        must(weir_batcher_add_version(&t.v, t.b, &t, &limits, &cost) == WEIR_OK);
        double ns = weir_bench_measure(cases[i].name, iteration, &t, 0);
        printf("%-36s %.1f ns a request\n", "", ns / (double)cases[i].n_requests);
        weir_batcher_free(t.b);
    }
    return 0;
}

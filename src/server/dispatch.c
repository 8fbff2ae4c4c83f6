/* SPDX-License-Identifier: MIT */
#include "server/dispatch.h"

#include "base/clock.h"
#include "base/macros.h"
#include "server/answer.h"
#include "server/live.h"
#include "server/shadow.h"

enum { SHORT_WAIT_NS = 2000000 };

void weir_server_dispatch_release(struct weir_server_shard *shard,
                                  struct weir_server_shard_version *sv)
{
    struct weir_server_message message = {
        .kind = WEIR_SERVER_VERSION_RELEASED, .from = shard->index, .ptr = sv->version};
    struct weir_server_shared *shared = shard->shared;
    weir_server_inbox_push(&shared->shards[shared->n_shards - 1]->inbox, message);
    weir_mem_free(shared->mem, sv);
}

/* Lets go of versions that have nothing left in flight here. */
static void let_go(struct weir_server_shard *shard)
{
    struct weir_server_shard_version *sv;
    while ((sv = weir_batcher_next_released(shard->loop.batcher)) != NULL) {
        weir_list_remove(&sv->link);
        weir_server_live_detach(shard, sv);
        weir_server_shadow_set(shard, sv, NULL);
        sv->is_let_go = true;
        if (sv->n_shadow_runs == 0)
            weir_server_dispatch_release(shard, sv);
    }
}

/* Counts a batch that was run: its rows, its time in each stage. */
static void count_batch(struct weir_server_shard *shard, struct weir_batch *batch,
                        const struct weir_server_job *job)
{
    struct weir_server_shard_version *sv = batch->version;
    uint64_t started_ns = atomic_load_explicit(&batch->started_ns, memory_order_relaxed);
    struct weir_server_statistics_times times = {.run_ns = job->run_ns,
                                                 .encode_ns = job->encode_ns};
    for (struct weir_batch_slice *s = batch->slices; s; s = s->next) {
        const struct weir_server_call *call = weir_server_runner_call_of(s);
        times.decode_ns += call->loop.decoded_ns - call->loop.begun_ns;
    }
    weir_server_statistics_batch(weir_server_shard_statistics(shard, sv), batch->n_rows, &times);
    weir_server_metrics_count_batch(&sv->cells, batch);
    weir_metric_histogram_add(sv->cells.stage[WEIR_SERVER_STAGE_QUEUE],
                              started_ns > batch->opened_ns ? started_ns - batch->opened_ns : 0);
    weir_metric_histogram_add(sv->cells.stage[WEIR_SERVER_STAGE_RUN], job->run_ns);
    weir_metric_histogram_add(sv->cells.stage[WEIR_SERVER_STAGE_ENCODE], job->encode_ns);
}

void weir_server_dispatch_finish(struct weir_server_shard *shard, struct weir_batch *batch,
                                 uint64_t now_ns)
{
    struct weir_server_job *job = weir_server_runner_job_of(batch);
    if (batch->is_private && job->decoded_ns > 0)
        weir_server_runner_call_of(batch->slices)->loop.decoded_ns = job->decoded_ns;
    for (struct weir_batch_slice *s = batch->slices; s; s = s->next)
        weir_server_answer_slice(shard, job, s, now_ns);
    if (job->run_ns > 0)
        count_batch(shard, batch, job);
    uint64_t took_ns = job->run_ns > 0 ? job->run_ns + job->encode_ns : 0;
    if (batch->is_private) /* Relaxed: a limit, nothing is published with it. */
        (void)atomic_fetch_sub_explicit(&shard->shared->http->buffered_bytes, job->body_charged,
                                        memory_order_relaxed);
    struct weir_server_shard_version *sv = batch->version;
    if (sv->shadow && job->run_ns > 0)
        weir_server_shadow_feed(sv->shadow, job);
    weir_server_runner_job_trim(job);
    weir_batcher_finish(shard->loop.batcher, batch, took_ns, now_ns);
}

static void run_on_worker(struct weir_pool_job *jobs, void *scratch)
{
    weir_server_runner_run(scratch, jobs);
}

static void back_from_worker(struct weir_pool_job *pool_job, bool is_canceled)
{
    struct weir_server_job *job = WEIR_CONTAINER_OF(pool_job, struct weir_server_job, job);
    struct weir_server_shard *shard = job->shard;
    if (is_canceled) {
        weir_buf_clear(&job->replies);
        weir_buf_deinit(&job->body);
        job->run_ns = 0;
    }
    weir_server_dispatch_finish(shard, job->batch, weir_loop_now_ns(&shard->loop.loop));
}

/* Readies the job of a batch that was just taken. */
static struct weir_server_job *job_for(struct weir_server_shard *shard, struct weir_batch *batch)
{
    struct weir_server_job *job = weir_server_runner_job_of(batch);
    const struct weir_server_shard_version *sv = batch->version;
    job->batch = batch;
    job->version = sv->version;
    job->shard = shard;
    job->job = (struct weir_pool_job){.run = run_on_worker,
                                      .done = back_from_worker,
                                      .home = &shard->home,
                                      .group = batch->group};
    job->replies.mem = shard->shared->mem;
    return job;
}

bool weir_server_dispatch_submit(struct weir_server_shard *shard, struct weir_batch *batch)
{
    return weir_pool_submit(shard->shared->pool, &job_for(shard, batch)->job) ==
           WEIR_POOL_SUBMIT_QUEUED;
}

static void run_here(struct weir_server_shard *shard, struct weir_batch *batch)
{
    struct weir_server_job *job = job_for(shard, batch);
    weir_server_runner_run(&shard->loop.runner, &job->job);
    uint64_t ended_ns = batch->finished_ns;
    weir_server_dispatch_finish(shard, batch,
                                ended_ns > 0 ? ended_ns : weir_loop_now_ns(&shard->loop.loop));
}

static void on_expired(void *ctx, struct weir_batch_slice *slice, enum weir_batcher_answer answer)
{
    struct weir_server_shard *shard = ctx;
    uint64_t now_ns = weir_loop_now_ns(&shard->loop.loop);
    if (answer == WEIR_BATCHER_ANSWER_OVERDUE)
        weir_server_answer_overdue(shard, slice, now_ns);
    else
        weir_server_answer_call_error(shard, weir_server_runner_call_of(slice), WEIR_ERR_TIMEOUT,
                                      WEIR_STR("the request's deadline has passed"), now_ns);
}

/* Sees to it that the loop comes round when the batcher needs it. */
static void arm_timers(struct weir_server_shard *shard, uint64_t now_ns)
{
    uint64_t next_ns = weir_batcher_next_ns(shard->loop.batcher);
    if (next_ns == WEIR_TIME_NEVER)
        return;
    struct weir_timer *timer = next_ns < now_ns + SHORT_WAIT_NS && shard->loop.precise.is_open
                                   ? &shard->loop.precise
                                   : &shard->loop.coarse;
    if (!weir_timer_is_armed(timer) || timer->due_ns > next_ns)
        weir_timer_start(timer, next_ns);
}

void weir_server_dispatch_take(struct weir_server_shard *shard, uint64_t now_ns)
{
    uint32_t n_idle = weir_pool_n_idle(shard->shared->pool);
    for (;;) {
        struct weir_batch *batch = NULL;
        switch (weir_batcher_take(shard->loop.batcher, now_ns, n_idle, &batch)) {
        case WEIR_BATCHER_TAKE_EMPTY:
            return;
        case WEIR_BATCHER_TAKE_INLINE:
            run_here(shard, batch);
            break;
        case WEIR_BATCHER_TAKE_POOL: {
            uint64_t before_ns = weir_clock_ns();
            if (!weir_server_dispatch_submit(shard, batch)) {
                weir_batcher_put_back(shard->loop.batcher, batch);
                return;
            }
            weir_batcher_add_handover(shard->loop.batcher, weir_clock_ns() - before_ns);
            n_idle -= n_idle > 0;
            break;
        }
        }
    }
}

void weir_server_dispatch_all(struct weir_server_shard *shard)
{
    struct weir_batcher *b = shard->loop.batcher;
    uint64_t now_ns = weir_loop_now_ns(&shard->loop.loop);
    (void)weir_batcher_expire(b, now_ns, on_expired, shard); /* Each is answered by on_expired. */
    weir_server_dispatch_take(shard, now_ns);
    if (weir_batcher_has_waiting(b) && !weir_pool_home_wait(shard->shared->pool, &shard->home))
        weir_loop_again(&shard->loop.loop);
    if (!weir_batcher_has_waiting(b) && !weir_list_is_empty(&shard->loop.shadows))
        weir_server_shadow_give(shard);
    let_go(shard);
    arm_timers(shard, now_ns);
}

void weir_server_dispatch_gone(struct weir_server_shard *shard, void *user)
{
    if (user)
        (void)weir_batcher_cancel(shard->loop.batcher, user); /* Running rows run to their end. */
}

/* SPDX-License-Identifier: MIT */
/* A prediction is decoded on the loop straight into an open batch; at the end of the iteration the
 * batches that may leave are run, here if that is cheaper than a hand-over, else by a worker; the
 * runner writes the answers, and the loop only sends them. A large body is decoded by the worker
 * that runs it. Between decoding and answering, a request is a slice of a batch; the connection is
 * named by a ticket, so that a late answer to a dead connection is recognised. */
#include "server/predict.h"

#include "base/clock.h"
#include "base/macros.h"
#include "server/status.h"

#include <stdio.h>

enum { MS_PER_HOUR = 3600 * 1000, SHORT_WAIT_NS = 2000000 };

/* How long a client had better wait: the time in which what is queued now will have run, at least 1
 * s.
 */
static uint32_t retry_after_s(const struct weir_server_shard *shard)
{
    uint64_t wait_ns =
        weir_batcher_wait_ns(shard->loop.batcher, NULL, weir_loop_now_ns(&shard->loop.loop));
    return 1 + (uint32_t)(wait_ns / WEIR_NS_PER_S);
}

/* Answers with an error in the form of the route's dialect. */
static void reply_error(struct weir_server_shard *shard, struct weir_http_ticket ticket,
                        const struct weir_protocol_ops *ops, int code, struct weir_str fields,
                        struct weir_str text)
{
    struct weir_buf body = {.mem = shard->shared->mem};
    struct weir_http_reply reply = {
        .status = code, .fields = fields, .retry_after_s = code == 503 ? retry_after_s(shard) : 0};
    if (ops->error)
        reply.content_type = ops->error(&body, code, text);
    else
        weir_protocol_error(&body, text);
    reply.body = weir_buf_str(&body);
    (void)weir_http_reply(shard->loop.http, ticket, &reply); /* Nobody may be waiting. */
    weir_buf_deinit(&body);
}

static void refuse(struct weir_server_shard *shard, struct weir_http_req *req,
                   const struct weir_server_route *route, int code, const char *text)
{
    reply_error(shard, weir_http_req_ticket(req), route->ops, code, WEIR_STR(""), weir_str_c(text));
}

/* Refuses and counts it for a known version. */
static void refuse_of(struct weir_server_shard *shard, struct weir_http_req *req,
                      struct weir_server_shard_version *sv, const struct weir_server_route *route,
                      int code, const char *text)
{
    weir_server_metrics_count_request(&sv->cells, route->dialect, code);
    refuse(shard, req, route, code, text);
}

/* Finds what a request is for: by its path, or by its body when that is there. */
static enum weir_status find_version(struct weir_server_shard *shard, struct weir_http_req *req,
                                     const struct weir_server_route *route,
                                     const struct weir_protocol_head *head,
                                     struct weir_server_shard_version **out, struct weir_error *err)
{
    const struct weir_http_match *match = weir_http_req_match(req);
    struct weir_protocol_target target = {{NULL, 0}, {NULL, 0}};
    if (match->n_captures > 0)
        target.model = match->captures[0];
    if (match->n_captures > 1)
        target.version = match->captures[1];
    if (route->ops->target) {
        enum weir_status status = route->ops->target(head, weir_http_req_body(req), &target, err);
        if (status != WEIR_OK)
            return status;
    }
    return weir_server_shard_find(shard, target.model, target.version, out, err);
}

/* Reads what the head says to the dialect; 0, or the code it is refused with. */
static int read_head(struct weir_http_req *req, const struct weir_server_route *route,
                     struct weir_protocol_head *head, struct weir_error *err)
{
    *head = (struct weir_protocol_head){
        .dialect = route->dialect, .action = route->route->action, .json_bytes = UINT64_MAX};
    if (!route->ops->read_head)
        return 0;
    struct weir_protocol_fields fields = {
        .content_type = weir_http_req_header(req, WEIR_HTTP_FIELD_CONTENT_TYPE),
        .accept = weir_http_req_header(req, WEIR_HTTP_FIELD_ACCEPT),
        .inference_length = weir_http_req_header(req, WEIR_HTTP_FIELD_INFERENCE_LENGTH),
        .query = weir_http_req_query(req),
    };
    return route->ops->read_head(&fields, head, err);
}

/* Reads the deadline of a request; false: the header is not a number of milliseconds. */
static bool read_deadline(struct weir_http_req *req, const struct weir_server_shard_version *sv,
                          uint64_t *deadline_ns)
{
    uint64_t timeout_ns = sv->request_timeout_ns;
    struct weir_str text = weir_http_req_header(req, WEIR_HTTP_FIELD_X_REQUEST_TIMEOUT_MS);
    if (text.at) {
        uint64_t ms;
        if (!weir_str_to_u64(text, UINT32_MAX, &ms))
            return false;
        if (ms < MS_PER_HOUR && ms * WEIR_NS_PER_MS < timeout_ns)
            timeout_ns = ms * WEIR_NS_PER_MS;
    }
    *deadline_ns = weir_clock_add(weir_http_req_begun_ns(req), timeout_ns);
    return true;
}

static int refusal_code(enum weir_batcher_refusal refusal)
{
    switch (refusal) {
    case WEIR_BATCHER_REFUSAL_NONE:
        return 200;
    case WEIR_BATCHER_REFUSAL_REQUESTS:
    case WEIR_BATCHER_REFUSAL_ROWS:
    case WEIR_BATCHER_REFUSAL_BYTES:
    case WEIR_BATCHER_REFUSAL_TIME:
    case WEIR_BATCHER_REFUSAL_MEMORY:
        return 503;
    case WEIR_BATCHER_REFUSAL_DEADLINE:
        return 504;
    case WEIR_BATCHER_REFUSAL_SIZE:
        return 413;
    }
    return 500;
}

/* From memory_refuse_percent on only health, metadata and metrics are answered. */
static bool is_short_of_memory(const struct weir_server_shard *shard)
{
    const struct weir_server_shared *shared = shard->shared;
    uint64_t held = atomic_load_explicit(&shared->http->buffered_bytes, memory_order_relaxed);
    return held / shard->loop.config->memory_refuse_percent > shared->request_memory_max / 100;
}

/* Admits a request for a version before its body is read, or refuses it. */
static enum weir_http_verdict admit(struct weir_server_shard *shard, struct weir_http_req *req,
                                    const struct weir_server_route *route,
                                    struct weir_server_shard_version *sv)
{
    uint64_t deadline_ns;
    if (!read_deadline(req, sv, &deadline_ns)) {
        refuse_of(shard, req, sv, route, 400,
                  "X-Request-Timeout-Ms: expected a whole number of milliseconds");
        return WEIR_HTTP_REPLIED;
    }
    uint64_t now_ns = weir_loop_now_ns(&shard->loop.loop);
    enum weir_batcher_refusal refusal =
        weir_batcher_admit(shard->loop.batcher, sv->batching, 1, deadline_ns, now_ns);
    if (refusal != WEIR_BATCHER_REFUSAL_NONE) {
        weir_server_metrics_count_refusal(&sv->cells, refusal);
        refuse_of(shard, req, sv, route, refusal_code(refusal), weir_batcher_refusal_text(refusal));
        return WEIR_HTTP_REPLIED;
    }
    return WEIR_HTTP_ACCEPT;
}

enum weir_http_verdict weir_server_predict_head(struct weir_server_shard *shard,
                                                struct weir_http_req *req,
                                                const struct weir_server_route *route)
{
    struct weir_server_shard_version *sv = NULL;
    struct weir_protocol_head head = {.dialect = route->dialect};
    struct weir_error err = WEIR_ERROR_INIT;
    if (!route->ops->target) {
        enum weir_status status = find_version(shard, req, route, &head, &sv, &err);
        if (status != WEIR_OK) {
            refuse(shard, req, route, weir_server_status_http(status), err.msg);
            return WEIR_HTTP_REPLIED;
        }
    }
    if (is_short_of_memory(shard)) {
        if (sv)
            weir_server_metrics_count_refusal(&sv->cells, WEIR_BATCHER_REFUSAL_MEMORY);
        refuse(shard, req, route, 503, "the memory for requests is nearly used up");
        return WEIR_HTTP_REPLIED;
    }
    struct weir_str coding = weir_http_req_header(req, WEIR_HTTP_FIELD_CONTENT_ENCODING);
    if (coding.n > 0 && !weir_str_eq_nocase(coding, WEIR_STR("identity"))) {
        reply_error(shard, weir_http_req_ticket(req), route->ops, 415,
                    WEIR_STR("Accept-Encoding: identity\r\n"),
                    WEIR_STR("compressed bodies are not supported"));
        return WEIR_HTTP_REPLIED;
    }
    int code = read_head(req, route, &head, &err);
    if (code != 0) {
        refuse(shard, req, route, code, err.msg);
        return WEIR_HTTP_REPLIED;
    }
    return sv ? admit(shard, req, route, sv) : WEIR_HTTP_ACCEPT;
}

/* Fills all of a call but its protocol part. */
static void fill_call(struct weir_server_call *call, struct weir_http_req *req,
                      struct weir_server_shard_version *sv, const struct weir_server_route *route)
{
    call->loop.dialect = route->dialect;
    call->loop.ticket = weir_http_req_ticket(req);
    call->loop.sv = sv;
    call->loop.begun_ns = weir_http_req_begun_ns(req);
    call->status = WEIR_ERR_CANCELED;
    call->body_at = 0;
    call->body_bytes = 0;
    call->loop.wants_timing = weir_http_req_header(req, WEIR_HTTP_FIELD_SERVER_TIMING).at != NULL;
    struct weir_str id = weir_http_req_header(req, WEIR_HTTP_FIELD_X_REQUEST_ID);
    call->loop.request_id_bytes = 0;
    if (id.n > 0 && id.n <= WEIR_SERVER_REQUEST_ID_BYTES_MAX && weir_str_is_name(id)) {
        call->loop.request_id_bytes = (uint8_t)id.n;
        memcpy(call->loop.request_id, id.at, id.n);
    }
}

/* --- answers -------------------------------------------------------------------------------- */

enum { ANSWER_FIELDS_BYTES = WEIR_SERVER_VERSION_FIELDS_BYTES + 320 };

/* Puts together the header lines of an answer; the usual ones are those of the version as they are.
 */
static struct weir_str answer_fields(const struct weir_server_call *call,
                                     const struct weir_server_job *job, uint64_t now_ns, char *room)
{
    const struct weir_server_shard_version *sv = call->loop.sv;
    if (!call->loop.wants_timing && call->loop.request_id_bytes == 0)
        return weir_str_make(sv->fields, sv->fields_bytes);
    memcpy(room, sv->fields, sv->fields_bytes);
    size_t at = sv->fields_bytes;
    if (call->loop.request_id_bytes > 0)
        at += (size_t)snprintf(room + at, ANSWER_FIELDS_BYTES - at, "X-Request-Id: %.*s\r\n",
                               (int)call->loop.request_id_bytes, call->loop.request_id);
    if (call->loop.wants_timing && job) {
        uint64_t started_ns = atomic_load_explicit(&job->batch->started_ns, memory_order_relaxed);
        double decode = (double)(call->loop.decoded_ns - call->loop.begun_ns) / 1e6;
        double queue = started_ns > call->loop.decoded_ns
                           ? (double)(started_ns - call->loop.decoded_ns) / 1e6
                           : 0;
        at +=
            (size_t)snprintf(room + at, ANSWER_FIELDS_BYTES - at,
                             "Server-Timing: decode;dur=%.3f, queue;dur=%.3f, run;dur=%.3f, "
                             "encode;dur=%.3f, whole;dur=%.3f\r\n",
                             decode, queue, (double)job->run_ns / 1e6, (double)job->encode_ns / 1e6,
                             (double)(now_ns - call->loop.begun_ns) / 1e6);
    }
    return weir_str_make(room, at);
}

static void count_answer(struct weir_server_call *call, int code, uint64_t now_ns)
{
    struct weir_server_version_cells *cells = &call->loop.sv->cells;
    weir_server_metrics_count_request(cells, call->loop.dialect, code);
    weir_metric_histogram_add(cells->stage[WEIR_SERVER_STAGE_DECODE],
                              call->loop.decoded_ns - call->loop.begun_ns);
    weir_metric_histogram_add(cells->stage[WEIR_SERVER_STAGE_WHOLE], now_ns - call->loop.begun_ns);
}

static void answer_error(struct weir_server_shard *shard, struct weir_server_call *call,
                         enum weir_status status, struct weir_str text, uint64_t now_ns)
{
    int code = weir_server_status_http(status);
    char room[ANSWER_FIELDS_BYTES];
    if (text.n == 0)
        text = weir_str_c(weir_status_text(status));
    count_answer(call, code, now_ns);
    reply_error(shard, call->loop.ticket, weir_protocol_ops_of(call->loop.dialect), code,
                answer_fields(call, NULL, now_ns, room), text);
}

static void answer_result(struct weir_server_shard *shard, struct weir_server_job *job,
                          struct weir_server_call *call, uint64_t now_ns)
{
    struct weir_str body = weir_str_make(job->replies.at + call->body_at, call->body_bytes);
    if (call->status != WEIR_OK) {
        answer_error(shard, call, call->status, body, now_ns);
        return;
    }
    char room[ANSWER_FIELDS_BYTES];
    struct weir_http_reply reply = {
        .status = 200,
        .content_type = call->content_type,
        .fields = answer_fields(call, job, now_ns, room),
        .body = body,
        .owned = job->batch->is_private ? &job->replies : NULL,
    };
    count_answer(call, 200, now_ns);
    (void)weir_http_reply(shard->loop.http, call->loop.ticket, &reply); /* Nobody may be waiting. */
}

static void answer_slice(struct weir_server_shard *shard, struct weir_server_job *job,
                         struct weir_batch_slice *slice, uint64_t now_ns)
{
    struct weir_server_call *call = weir_server_runner_call_of(slice);
    struct weir_str text = weir_str_make(job->replies.at + call->body_at, call->body_bytes);
    switch (weir_batcher_answer(shard->loop.batcher, slice, now_ns)) {
    case WEIR_BATCHER_ANSWER_RESULT:
        answer_result(shard, job, call, now_ns);
        break;
    case WEIR_BATCHER_ANSWER_EXPIRED:
        answer_error(shard, call, WEIR_ERR_TIMEOUT, WEIR_STR("the request's deadline has passed"),
                     now_ns);
        break;
    case WEIR_BATCHER_ANSWER_UNRUN:
        if (call->status == WEIR_ERR_CANCELED)
            text = WEIR_STR("the server is stopping");
        answer_error(shard, call, call->status, text, now_ns);
        break;
    case WEIR_BATCHER_ANSWER_NONE:
        break;
    }
}

/* Tells the keeper of versions that have nothing left in flight here. */
static void let_go(struct weir_server_shard *shard)
{
    struct weir_server_shard_version *sv;
    while ((sv = weir_batcher_next_released(shard->loop.batcher)) != NULL) {
        weir_list_remove(&sv->link);
        struct weir_server_message message = {
            .kind = WEIR_SERVER_VERSION_RELEASED, .from = shard->index, .ptr = sv->version};
        struct weir_server_shared *shared = shard->shared;
        weir_server_inbox_push(&shared->shards[shared->n_shards - 1]->inbox, message);
        weir_mem_free(shared->mem, sv);
    }
}

/* Answers the slices of a batch that came back, counts it, and gives it to the batcher. */
static void finish(struct weir_server_shard *shard, struct weir_batch *batch, uint64_t now_ns)
{
    struct weir_server_job *job = weir_server_runner_job_of(batch);
    struct weir_server_shard_version *sv = batch->version;
    if (batch->is_private && job->decoded_ns > 0)
        weir_server_runner_call_of(batch->slices)->loop.decoded_ns = job->decoded_ns;
    for (struct weir_batch_slice *s = batch->slices; s; s = s->next)
        answer_slice(shard, job, s, now_ns);
    if (job->run_ns > 0) {
        uint64_t started_ns = atomic_load_explicit(&batch->started_ns, memory_order_relaxed);
        weir_server_metrics_count_batch(&sv->cells, batch);
        weir_metric_histogram_add(sv->cells.stage[WEIR_SERVER_STAGE_QUEUE],
                                  started_ns > batch->opened_ns ? started_ns - batch->opened_ns
                                                                : 0);
        weir_metric_histogram_add(sv->cells.stage[WEIR_SERVER_STAGE_RUN], job->run_ns);
        weir_metric_histogram_add(sv->cells.stage[WEIR_SERVER_STAGE_ENCODE], job->encode_ns);
    }
    uint64_t took_ns = job->run_ns > 0 ? job->run_ns + job->encode_ns : 0;
    if (batch->is_private) /* Relaxed: a limit, nothing is published with it. */
        (void)atomic_fetch_sub_explicit(&shard->shared->http->buffered_bytes, job->body_charged,
                                        memory_order_relaxed);
    weir_server_runner_job_trim(job);
    weir_batcher_finish(shard->loop.batcher, batch, took_ns, now_ns);
}

/* --- batches on their way ------------------------------------------------------------------- */

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
    finish(shard, job->batch, weir_loop_now_ns(&shard->loop.loop));
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

/* Gives a batch to the pool; false: it has no room. */
static bool submit(struct weir_server_shard *shard, struct weir_batch *batch)
{
    return weir_pool_submit(shard->shared->pool, &job_for(shard, batch)->job) ==
           WEIR_POOL_SUBMIT_QUEUED;
}

static void run_here(struct weir_server_shard *shard, struct weir_batch *batch)
{
    struct weir_server_job *job = job_for(shard, batch);
    weir_server_runner_run(&shard->loop.runner, &job->job);
    uint64_t ended_ns = batch->finished_ns;
    finish(shard, batch, ended_ns > 0 ? ended_ns : weir_loop_now_ns(&shard->loop.loop));
}

static void on_expired(void *ctx, struct weir_batch_slice *slice)
{
    struct weir_server_shard *shard = ctx;
    answer_error(shard, weir_server_runner_call_of(slice), WEIR_ERR_TIMEOUT,
                 WEIR_STR("the request's deadline has passed"),
                 weir_loop_now_ns(&shard->loop.loop));
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

/* Takes all that may leave now. */
static void take_all(struct weir_server_shard *shard, uint64_t now_ns)
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
            if (!submit(shard, batch)) {
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

void weir_server_predict_dispatch(struct weir_server_shard *shard)
{
    struct weir_batcher *b = shard->loop.batcher;
    uint64_t now_ns = weir_loop_now_ns(&shard->loop.loop);
    (void)weir_batcher_expire(b, now_ns, on_expired, shard); /* Each is answered by on_expired. */
    take_all(shard, now_ns);
    if (weir_batcher_has_waiting(b) && !weir_pool_home_wait(shard->shared->pool, &shard->home))
        weir_loop_again(&shard->loop.loop);
    let_go(shard);
    arm_timers(shard, now_ns);
}

void weir_server_predict_gone(struct weir_server_shard *shard, void *user)
{
    if (user)
        (void)weir_batcher_cancel(shard->loop.batcher, user); /* Running rows run to their end. */
}

/* --- bodies --------------------------------------------------------------------------------- */

/* Gives a large body to a worker, which decodes and runs it as a batch of its own. */
static void take_large(struct weir_server_shard *shard, struct weir_http_req *req,
                       struct weir_server_shard_version *sv, const struct weir_server_route *route,
                       const struct weir_protocol_head *head, uint64_t deadline_ns)
{
    struct weir_batch *batch = NULL;
    uint64_t now_ns = weir_loop_now_ns(&shard->loop.loop);
    /* Again: many may have been let in by their heads, before any of the bodies was there. */
    enum weir_batcher_refusal refusal = weir_batcher_admit_private(
        shard->loop.batcher, sv->batching, weir_http_req_body(req).n, deadline_ns, now_ns);
    if (refusal != WEIR_BATCHER_REFUSAL_NONE) {
        weir_server_metrics_count_refusal(&sv->cells, refusal);
        refuse_of(shard, req, sv, route, refusal_code(refusal), weir_batcher_refusal_text(refusal));
        return;
    }
    struct weir_buf body = weir_http_req_take_body(req);
    if (!weir_buf_ok(&body) || weir_batcher_private(&batch, shard->loop.batcher, sv->batching,
                                                    body.n, deadline_ns, now_ns) != WEIR_OK) {
        weir_buf_deinit(&body);
        weir_server_metrics_count_refusal(&sv->cells, WEIR_BATCHER_REFUSAL_MEMORY);
        refuse_of(shard, req, sv, route, 503, "no memory for the request");
        return;
    }
    struct weir_server_job *job = weir_server_runner_job_of(batch);
    struct weir_server_call *call = weir_server_runner_call_of(batch->slices);
    fill_call(call, req, sv, route);
    call->protocol = (struct weir_protocol_call){.dialect = route->dialect};
    call->loop.decoded_ns = now_ns;
    job->body = body;
    job->body_charged = body.cap;
    (void)atomic_fetch_add_explicit(&shard->shared->http->buffered_bytes, body.cap,
                                    memory_order_relaxed);
    job->limits = shard->loop.decoder.limits;
    job->head = *head;
    job->decoded_ns = 0;
    weir_http_req_set_user(req, batch->slices);
    if (!submit(shard, batch)) {
        weir_buf_deinit(&job->body);
        weir_buf_clear(&job->replies);
        job->run_ns = 0;
        call->status = WEIR_ERR_BUSY;
        finish(shard, batch, now_ns);
    }
}

/* Turns what a decoder said into an answer; what the sink refused is told by its own table. */
static void refuse_decoded(struct weir_server_shard *shard, struct weir_http_req *req,
                           struct weir_server_shard_version *sv,
                           const struct weir_server_route *route, enum weir_status status,
                           const struct weir_error *err)
{
    enum weir_batcher_refusal refusal = weir_batcher_refused(shard->loop.batcher);
    if (refusal != WEIR_BATCHER_REFUSAL_NONE) {
        weir_server_metrics_count_refusal(&sv->cells, refusal);
        refuse_of(shard, req, sv, route, refusal_code(refusal), weir_batcher_refusal_text(refusal));
        return;
    }
    refuse_of(shard, req, sv, route, weir_server_status_http(status),
              err->msg[0] ? err->msg : weir_status_text(status));
}

/* Decodes a body into the open batch of its version. */
static void take_small(struct weir_server_shard *shard, struct weir_http_req *req,
                       struct weir_server_shard_version *sv, const struct weir_server_route *route,
                       const struct weir_protocol_head *head, uint64_t deadline_ns)
{
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_protocol_call protocol;
    struct weir_sink *sink = weir_batcher_decode(shard->loop.batcher, sv->batching, deadline_ns,
                                                 weir_loop_now_ns(&shard->loop.loop));
    enum weir_status status = weir_protocol_decode(&shard->loop.decoder, head, sv->version->spec,
                                                   weir_http_req_body(req), sink, &protocol, &err);
    if (status != WEIR_OK) {
        refuse_decoded(shard, req, sv, route, status, &err);
        return;
    }
    struct weir_batch_slice *slice = weir_batcher_committed(shard->loop.batcher);
    weir_assert(slice);
    struct weir_server_call *call = weir_server_runner_call_of(slice);
    fill_call(call, req, sv, route);
    call->protocol = protocol;
    call->loop.decoded_ns = weir_clock_ns();
    if (protocol.n_ignored > 0)
        weir_metric_counter_add(sv->cells.extra_columns, protocol.n_ignored);
    weir_http_req_set_user(req, slice);
    if (weir_batcher_has_closed(shard->loop.batcher))
        take_all(shard, weir_loop_now_ns(&shard->loop.loop));
}

void weir_server_predict_body(struct weir_server_shard *shard, struct weir_http_req *req,
                              const struct weir_server_route *route)
{
    struct weir_server_shard_version *sv;
    struct weir_protocol_head head;
    struct weir_error err = WEIR_ERROR_INIT;
    int code = read_head(req, route, &head, &err);
    weir_assert(code == 0); /* Else the head was refused. */
    enum weir_status status = find_version(shard, req, route, &head, &sv, &err);
    if (status != WEIR_OK) { /* It is named here only, or was unloaded since the head came. */
        refuse(shard, req, route, weir_server_status_http(status), err.msg);
        return;
    }
    if (route->ops->target && admit(shard, req, route, sv) != WEIR_HTTP_ACCEPT)
        return;
    uint64_t deadline_ns = WEIR_TIME_NEVER;
    (void)read_deadline(req, sv, &deadline_ns); /* It was refused if it cannot be read. */
    if (weir_http_req_body(req).n > WEIR_SERVER_INLINE_BODY_BYTES_MAX)
        take_large(shard, req, sv, route, &head, deadline_ns);
    else
        take_small(shard, req, sv, route, &head, deadline_ns);
}

/* SPDX-License-Identifier: MIT */
/* A prediction is decoded on the loop straight into an open batch; at the end of the iteration the
 * batches that may leave are run, here if that is cheaper than a hand-over, else by a worker; the
 * runner writes the answers, and the loop only sends them. A large body is decoded by the worker
 * that runs it. Between decoding and answering, a request is a slice of a batch; the connection is
 * named by a ticket, so that a late answer to a dead connection is recognised. */
#include "server/predict.h"

#include "base/clock.h"
#include "base/macros.h"
#include "server/answer.h"
#include "server/dispatch.h"
#include "server/status.h"

enum { MS_PER_HOUR = 3600 * 1000 };

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
        weir_server_answer_refuse_of(
            shard, req, sv, route, 400,
            "X-Request-Timeout-Ms: expected a whole number of milliseconds");
        return WEIR_HTTP_REPLIED;
    }
    uint64_t now_ns = weir_loop_now_ns(&shard->loop.loop);
    enum weir_batcher_refusal refusal =
        weir_batcher_admit(shard->loop.batcher, sv->batching, 1, deadline_ns, now_ns);
    if (refusal != WEIR_BATCHER_REFUSAL_NONE) {
        weir_server_metrics_count_refusal(&sv->cells, refusal);
        weir_server_answer_refuse_of(shard, req, sv, route, refusal_code(refusal),
                                     weir_batcher_refusal_text(refusal));
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
            weir_server_answer_refuse(shard, req, route, weir_server_status_http(status), err.msg);
            return WEIR_HTTP_REPLIED;
        }
    }
    if (is_short_of_memory(shard)) {
        if (sv)
            weir_server_metrics_count_refusal(&sv->cells, WEIR_BATCHER_REFUSAL_MEMORY);
        weir_server_answer_refuse(shard, req, route, 503,
                                  "the memory for requests is nearly used up");
        return WEIR_HTTP_REPLIED;
    }
    struct weir_str coding = weir_http_req_header(req, WEIR_HTTP_FIELD_CONTENT_ENCODING);
    if (coding.n > 0 && !weir_str_eq_nocase(coding, WEIR_STR("identity"))) {
        weir_server_answer_error(shard, weir_http_req_ticket(req), route->ops, 415,
                                 WEIR_STR("Accept-Encoding: identity\r\n"),
                                 WEIR_STR("compressed bodies are not supported"));
        return WEIR_HTTP_REPLIED;
    }
    int code = read_head(req, route, &head, &err);
    if (code != 0) {
        weir_server_answer_refuse(shard, req, route, code, err.msg);
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
        weir_server_answer_refuse_of(shard, req, sv, route, refusal_code(refusal),
                                     weir_batcher_refusal_text(refusal));
        return;
    }
    struct weir_buf body = weir_http_req_take_body(req);
    if (!weir_buf_ok(&body) || weir_batcher_private(&batch, shard->loop.batcher, sv->batching,
                                                    body.n, deadline_ns, now_ns) != WEIR_OK) {
        weir_buf_deinit(&body);
        weir_server_metrics_count_refusal(&sv->cells, WEIR_BATCHER_REFUSAL_MEMORY);
        weir_server_answer_refuse_of(shard, req, sv, route, 503, "no memory for the request");
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
    if (!weir_server_dispatch_submit(shard, batch)) {
        weir_buf_deinit(&job->body);
        weir_buf_clear(&job->replies);
        job->run_ns = 0;
        call->status = WEIR_ERR_BUSY;
        weir_server_dispatch_finish(shard, batch, now_ns);
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
        weir_server_answer_refuse_of(shard, req, sv, route, refusal_code(refusal),
                                     weir_batcher_refusal_text(refusal));
        return;
    }
    weir_server_answer_refuse_of(shard, req, sv, route, weir_server_status_http(status),
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
        weir_server_dispatch_take(shard, weir_loop_now_ns(&shard->loop.loop));
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
        weir_server_answer_refuse(shard, req, route, weir_server_status_http(status), err.msg);
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

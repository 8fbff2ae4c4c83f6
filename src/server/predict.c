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
#include "server/coding.h"
#include "server/dispatch.h"
#include "server/grpc_stream.h"
#include "server/live.h"
#include "server/status.h"

/* Compressing takes some 20 to 50 ns for each byte. */
enum { MS_PER_HOUR = 3600 * 1000, CODED_HERE_BYTES_MAX = 4096 };

/* As WEIR_ERROR_INIT, without clearing room for a text that is hardly ever written. */
static void clear(struct weir_error *err)
{
    err->code = WEIR_OK;
    err->msg[0] = 0;
}

/* Finds what is asked for: by the path, or by the body when that is there. */
static enum weir_status find_version(struct weir_server_shard *shard,
                                     const struct weir_server_ask *ask,
                                     struct weir_server_shard_version **out, struct weir_error *err)
{
    struct weir_protocol_target target = ask->target;
    if (ask->route->ops->target && ask->target_bytes == 0) {
        enum weir_status status = ask->route->ops->target(&ask->head, ask->body, &target, err);
        if (status != WEIR_OK)
            return status;
    }
    enum weir_status status = weir_server_shard_find(shard, target.model, target.version, out, err);
    if (status == WEIR_ERR_NOT_FOUND && target.version.n > 0 && ask->route->ops->no_version) {
        struct weir_server_shard_version *newest;
        if (weir_server_shard_find(shard, target.model, WEIR_STR(""), &newest, NULL) !=
            WEIR_ERR_NOT_FOUND)
            status = ask->route->ops->no_version(target.version);
    }
    return status;
}

/* Reads how long a client waits; false: the header is not a number of milliseconds. */
static bool read_timeout(const struct weir_http_req *req, uint64_t *timeout_ns)
{
    struct weir_str text = weir_http_req_header(req, WEIR_HTTP_FIELD_X_REQUEST_TIMEOUT_MS);
    uint64_t ms;
    *timeout_ns = UINT64_MAX;
    if (!text.at)
        return true;
    if (!weir_str_to_u64(text, UINT32_MAX, &ms))
        return false;
    if (ms < MS_PER_HOUR)
        *timeout_ns = ms * WEIR_NS_PER_MS;
    return true;
}

/* As weir_server_predict_read, but for what only the answer needs. */
static int read_ask(struct weir_http_req *req, const struct weir_server_route *route,
                    struct weir_server_ask *ask, struct weir_error *err)
{
    const struct weir_http_match *match = weir_http_req_match(req);
    const struct weir_str none = {NULL, 0};
    /* Member by member: clearing all of it first would cost as much again, twice a request. */
    ask->route = route;
    ask->head = (struct weir_protocol_head){
        .dialect = route->dialect, .action = route->route->action, .json_bytes = UINT64_MAX};
    ask->target.model = match->n_captures > 0 ? match->captures[0] : none;
    ask->target.version = match->n_captures > 1 ? match->captures[1] : none;
    ask->req = req;
    ask->ticket = weir_http_req_ticket(req);
    ask->entry = NULL;
    ask->body = weir_http_req_body(req);
    ask->body_at = 0;
    ask->unpacked = NULL;
    ask->begun_ns = weir_http_req_begun_ns(req);
    ask->coding = WEIR_CODEC_CODING_IDENTITY;
    ask->n_codings = 0;
    ask->target_bytes = 0;
    if (!read_timeout(req, &ask->timeout_ns)) {
        (void)weir_error_set(err, WEIR_ERR_INVALID,
                             "X-Request-Timeout-Ms: expected a whole number of milliseconds");
        return 400;
    }
    if (!route->ops->read_head)
        return 0;
    struct weir_protocol_fields fields = {
        .content_type = weir_http_req_header(req, WEIR_HTTP_FIELD_CONTENT_TYPE),
        .accept = weir_http_req_header(req, WEIR_HTTP_FIELD_ACCEPT),
        .inference_length = weir_http_req_header(req, WEIR_HTTP_FIELD_INFERENCE_LENGTH),
        .query = weir_http_req_query(req),
    };
    return route->ops->read_head(&fields, &ask->head, err);
}

int weir_server_predict_read(struct weir_http_req *req, const struct weir_server_route *route,
                             struct weir_server_ask *ask, struct weir_error *err)
{
    ask->request_id = weir_http_req_header(req, WEIR_HTTP_FIELD_X_REQUEST_ID);
    ask->wants_timing = weir_http_req_header(req, WEIR_HTTP_FIELD_SERVER_TIMING).at != NULL;
    return read_ask(req, route, ask, err);
}

static uint64_t deadline_ns(const struct weir_server_ask *ask,
                            const struct weir_server_shard_version *sv)
{
    uint64_t timeout_ns =
        ask->timeout_ns < sv->request_timeout_ns ? ask->timeout_ns : sv->request_timeout_ns;
    return weir_clock_add(ask->begun_ns, timeout_ns);
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

/* Refuses what is asked of a version because the batcher has no room for it. */
static void refuse_full(struct weir_server_shard *shard, const struct weir_server_ask *ask,
                        struct weir_server_shard_version *sv, enum weir_batcher_refusal refusal)
{
    weir_server_metrics_count_refusal(&sv->cells, refusal);
    weir_server_answer_refuse_of(shard, ask, sv, refusal_code(refusal),
                                 weir_batcher_refusal_text(refusal));
}

/* Admits a request for a version before its body is read, or refuses it. */
static enum weir_http_verdict admit(struct weir_server_shard *shard,
                                    const struct weir_server_ask *ask,
                                    struct weir_server_shard_version *sv)
{
    enum weir_batcher_refusal refusal =
        weir_batcher_admit(shard->loop.batcher, sv->batching, 1, deadline_ns(ask, sv),
                           weir_loop_now_ns(&shard->loop.loop));
    if (refusal == WEIR_BATCHER_REFUSAL_NONE)
        return WEIR_HTTP_ACCEPT;
    refuse_full(shard, ask, sv, refusal);
    return WEIR_HTTP_REPLIED;
}

enum weir_http_verdict weir_server_predict_head(struct weir_server_shard *shard,
                                                struct weir_http_req *req,
                                                const struct weir_server_route *route)
{
    struct weir_server_shard_version *sv = NULL;
    struct weir_server_ask ask;
    struct weir_error err;
    struct weir_error not_found;
    clear(&err);
    clear(&not_found);
    int code = read_ask(req, route, &ask, &err);
    enum weir_status status =
        route->ops->target ? WEIR_OK : find_version(shard, &ask, &sv, &not_found);
    if (status != WEIR_OK) {
        weir_server_answer_refuse(shard, &ask, weir_server_status_http(status), not_found.msg);
        return WEIR_HTTP_REPLIED;
    }
    if (is_short_of_memory(shard)) {
        if (sv)
            weir_server_metrics_count_refusal(&sv->cells, WEIR_BATCHER_REFUSAL_MEMORY);
        weir_server_answer_refuse(shard, &ask, 503, "the memory for requests is nearly used up");
        return WEIR_HTTP_REPLIED;
    }
    struct weir_str coding = weir_http_req_header(req, WEIR_HTTP_FIELD_CONTENT_ENCODING);
    if (coding.n > 0 && !weir_codec_coding_read(coding, &ask.n_codings)) {
        weir_server_answer_error(
            shard, weir_http_req_ticket(req), route->ops, 415,
            WEIR_STR("Accept-Encoding: gzip, deflate\r\n"),
            WEIR_STR("Content-Encoding: only gzip, deflate and identity are supported"));
        return WEIR_HTTP_REPLIED;
    }
    if (code != 0) {
        if (sv)
            weir_server_answer_refuse_of(shard, &ask, sv, code, err.msg);
        else
            weir_server_answer_refuse(shard, &ask, code, err.msg);
        return WEIR_HTTP_REPLIED;
    }
    shard->loop.head_ticket = ask.ticket;
    shard->loop.head_version = sv;
    return sv ? admit(shard, &ask, sv) : WEIR_HTTP_ACCEPT;
}

/* Fills all of a call but its protocol part. */
static void fill_call(const struct weir_server_shard *shard, struct weir_server_call *call,
                      const struct weir_server_ask *ask, struct weir_server_shard_version *sv)
{
    call->loop.dialect = ask->route->dialect;
    call->loop.ticket = ask->ticket;
    call->loop.entry = ask->entry;
    call->loop.sv = sv;
    call->observe = sv->live && sv->live->live ? &sv->live->shape
                    : sv->shadow               ? &sv->shadow_shape
                                               : NULL;
    call->is_observed = false;
    call->loop.begun_ns = ask->begun_ns;
    call->status = WEIR_ERR_CANCELED;
    call->body_at = 0;
    call->body_bytes = 0;
    call->loop.wants_timing = ask->wants_timing;
    struct weir_str id = ask->request_id;
    call->loop.request_id_bytes = 0;
    if (id.n > 0 && id.n <= WEIR_SERVER_REQUEST_ID_BYTES_MAX && weir_str_is_name(id)) {
        call->loop.request_id_bytes = (uint8_t)id.n;
        memcpy(call->loop.request_id, id.at, id.n);
    }
    call->coding = ask->coding; /* gRPC's own; else identity */
    call->coded_bytes_min = shard->loop.config->compress_answers_min;
    if (weir_server_coding_may(shard, ask))
        weir_server_coding_choose(shard, ask, call);
}

/* Remembers the slice for the case that nobody waits for it any more. */
static void keep(const struct weir_server_ask *ask, struct weir_batch_slice *slice)
{
    if (ask->entry)
        weir_server_grpc_stream_commit(ask->entry, slice);
    else
        weir_http_req_set_user(ask->req, slice);
}

/* --- bodies --------------------------------------------------------------------------------- */

/* Takes the bytes of a large body, and where in them what the dialect reads begins. */
static struct weir_buf take_body(const struct weir_server_ask *ask, size_t *at)
{
    if (ask->unpacked) {
        *at = 0;
        struct weir_buf body = *ask->unpacked;
        *ask->unpacked = (struct weir_buf){.mem = body.mem};
        return body;
    }
    *at = ask->body_at;
    return weir_http_req_take_body(ask->req);
}

/* Gives a large body to a worker, which decodes and runs it as a batch of its own. */
static void take_large(struct weir_server_shard *shard, const struct weir_server_ask *ask,
                       struct weir_server_shard_version *sv)
{
    struct weir_batch *batch = NULL;
    uint64_t now_ns = weir_loop_now_ns(&shard->loop.loop);
    uint64_t until_ns = deadline_ns(ask, sv);
    size_t body_at = 0;
    /* Again: many may have been let in by their heads, before any of the bodies was there. */
    enum weir_batcher_refusal refusal = weir_batcher_admit_private(
        shard->loop.batcher, sv->batching, ask->body.n, until_ns, now_ns);
    if (refusal != WEIR_BATCHER_REFUSAL_NONE) {
        refuse_full(shard, ask, sv, refusal);
        return;
    }
    struct weir_buf body = take_body(ask, &body_at);
    if (!weir_buf_ok(&body) || weir_batcher_private(&batch, shard->loop.batcher, sv->batching,
                                                    body.n, until_ns, now_ns) != WEIR_OK) {
        weir_buf_deinit(&body);
        weir_server_metrics_count_refusal(&sv->cells, WEIR_BATCHER_REFUSAL_MEMORY);
        weir_server_answer_refuse_of(shard, ask, sv, 503, "no memory for the request");
        return;
    }
    struct weir_server_job *job = weir_server_runner_job_of(batch);
    struct weir_server_call *call = weir_server_runner_call_of(batch->slices);
    fill_call(shard, call, ask, sv);
    call->protocol =
        (struct weir_protocol_call){.dialect = ask->route->dialect, .action = ask->head.action};
    call->loop.decoded_ns = now_ns;
    job->body = body;
    job->body_at = body_at;
    job->body_charged = body.cap;
    (void)atomic_fetch_add_explicit(&shard->shared->http->buffered_bytes, body.cap,
                                    memory_order_relaxed);
    job->limits = shard->loop.decoder.limits;
    job->n_codings = ask->n_codings;
    job->target_bytes = ask->target_bytes;
    job->inflate_limits = (struct weir_codec_inflate_limits){
        shard->loop.config->body_bytes_max, shard->loop.config->inflated_ratio_max};
    job->memory = &shard->shared->http->buffered_bytes;
    job->head = ask->head;
    job->decoded_ns = 0;
    keep(ask, batch->slices);
    if (!weir_server_dispatch_submit(shard, batch)) {
        weir_buf_deinit(&job->body);
        weir_buf_clear(&job->replies);
        job->run_ns = 0;
        call->status = WEIR_ERR_BUSY;
        weir_server_dispatch_finish(shard, batch, now_ns);
    }
}

/* Turns what a decoder said into an answer; what the sink refused is told by its own table. */
static void refuse_decoded(struct weir_server_shard *shard, const struct weir_server_ask *ask,
                           struct weir_server_shard_version *sv, enum weir_status status,
                           const struct weir_error *err)
{
    enum weir_batcher_refusal refusal = weir_batcher_refused(shard->loop.batcher);
    if (refusal != WEIR_BATCHER_REFUSAL_NONE) {
        refuse_full(shard, ask, sv, refusal);
        return;
    }
    weir_server_answer_refuse_of(shard, ask, sv, weir_server_status_http(status),
                                 err->msg[0] ? err->msg : weir_status_text(status));
}

/* Finds whether an answer may be so long that compressing it would hold up the loop. */
static bool is_long(const struct weir_protocol_call *call, const struct weir_spec *spec)
{
    return call->tensors != 0 || weir_protocol_answer_bytes(call, spec) > CODED_HERE_BYTES_MAX;
}

/* Decodes a body into the open batch of its version. */
static void take_small(struct weir_server_shard *shard, const struct weir_server_ask *ask,
                       struct weir_server_shard_version *sv)
{
    struct weir_error err;
    struct weir_protocol_call protocol;
    clear(&err);
    struct weir_sink *sink =
        weir_batcher_decode(shard->loop.batcher, sv->batching, deadline_ns(ask, sv),
                            weir_loop_now_ns(&shard->loop.loop));
    enum weir_status status = weir_protocol_decode(
        &shard->loop.decoder, &ask->head, sv->version->spec, ask->body, sink, &protocol, &err);
    if (status != WEIR_OK) {
        refuse_decoded(shard, ask, sv, status, &err);
        return;
    }
    if (protocol.n_rows == 0) {
        struct weir_server_call none;
        fill_call(shard, &none, ask, sv);
        none.protocol = protocol;
        none.loop.decoded_ns = weir_clock_ns();
        weir_server_answer_none(shard, &none);
        return;
    }
    struct weir_batch_slice *slice = weir_batcher_committed(shard->loop.batcher);
    weir_assert(slice);
    struct weir_server_call *call = weir_server_runner_call_of(slice);
    fill_call(shard, call, ask, sv);
    call->protocol = protocol;
    if (call->observe) { /* The batch is open: what it computes may still grow. */
        slice->wanted |= call->observe->wanted;
        slice->batch->wanted |= slice->wanted;
    }
    if (call->coding != WEIR_CODEC_CODING_IDENTITY && is_long(&protocol, sv->version->spec))
        weir_batcher_keep_off_loop(shard->loop.batcher);
    call->loop.decoded_ns = weir_clock_ns();
    if (protocol.n_ignored > 0)
        weir_metric_counter_add(sv->cells.extra_columns, protocol.n_ignored);
    keep(ask, slice);
    if (weir_batcher_has_closed(shard->loop.batcher))
        weir_server_dispatch_take(shard, weir_loop_now_ns(&shard->loop.loop));
}

/* As find_version; mostly the body comes with the head, for which it was just found. */
static enum weir_status find_again(struct weir_server_shard *shard,
                                   const struct weir_server_ask *ask,
                                   struct weir_server_shard_version **out, struct weir_error *err)
{
    const struct weir_http_ticket *last = &shard->loop.head_ticket;
    if (!shard->loop.head_version || ask->ticket.generation != last->generation ||
        ask->ticket.slot != last->slot || ask->ticket.conn != last->conn)
        return find_version(shard, ask, out, err);
    *out = shard->loop.head_version;
    return WEIR_OK;
}

void weir_server_predict_ask(struct weir_server_shard *shard, const struct weir_server_ask *ask)
{
    struct weir_server_shard_version *sv;
    struct weir_error err;
    clear(&err);
    enum weir_status status = find_again(shard, ask, &sv, &err);
    if (status != WEIR_OK) { /* It is named here only, or was unloaded since the head came. */
        weir_server_answer_refuse(shard, ask, weir_server_status_http(status), err.msg);
        return;
    }
    if (ask->route->ops->target && admit(shard, ask, sv) != WEIR_HTTP_ACCEPT)
        return;
    if (ask->body.n > WEIR_SERVER_INLINE_BODY_BYTES_MAX || ask->n_codings > 0)
        take_large(shard, ask, sv);
    else
        take_small(shard, ask, sv);
}

void weir_server_predict_body(struct weir_server_shard *shard, struct weir_http_req *req,
                              const struct weir_server_route *route)
{
    struct weir_server_ask ask;
    int code = weir_server_predict_read(req, route, &ask, NULL);
    weir_assert(code == 0); /* Else the head was refused. */
    struct weir_str coding = weir_http_req_header(req, WEIR_HTTP_FIELD_CONTENT_ENCODING);
    if (coding.n > 0) { /* Known: else the head was refused. */
        (void)weir_codec_coding_read(coding, &ask.n_codings);
        if (ask.n_codings > 0 && !weir_server_coding_ready(shard, &ask))
            return;
    }
    weir_server_predict_ask(shard, &ask);
}

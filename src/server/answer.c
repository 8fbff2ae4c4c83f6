/* SPDX-License-Identifier: MIT */
#include "server/answer.h"

#include "base/macros.h"
#include "server/grpc_stream.h"
#include "server/live.h"
#include "server/status.h"

#include <stdio.h>

enum { ANSWER_FIELDS_BYTES = WEIR_SERVER_VERSION_FIELDS_BYTES + 448, CONTENT_TYPE_BYTES = 128 };

/* How long a client had better wait: the time in which what is queued now will have run, at least
 * one second. */
static uint32_t retry_after_s(const struct weir_server_shard *shard)
{
    uint64_t wait_ns =
        weir_batcher_wait_ns(shard->loop.batcher, NULL, weir_loop_now_ns(&shard->loop.loop));
    return 1 + (uint32_t)(wait_ns / WEIR_NS_PER_S);
}

void weir_server_answer_error(struct weir_server_shard *shard, struct weir_http_ticket ticket,
                              const struct weir_protocol_ops *ops, int code, struct weir_str fields,
                              struct weir_str text)
{
    if (weir_server_grpc_is(ops)) {
        weir_server_grpc_fail(shard, ticket, weir_server_grpc_wire_status(code), fields, text);
        return;
    }
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

void weir_server_answer_refuse(struct weir_server_shard *shard, const struct weir_server_ask *ask,
                               int code, const char *text)
{
    if (ask->entry)
        weir_server_grpc_stream_fail(ask->entry, weir_str_c(text));
    else
        weir_server_answer_error(shard, ask->ticket, ask->route->ops, code, WEIR_STR(""),
                                 weir_str_c(text));
}

void weir_server_answer_refuse_of(struct weir_server_shard *shard,
                                  const struct weir_server_ask *ask,
                                  struct weir_server_shard_version *sv, int code, const char *text)
{
    uint64_t now_ns = weir_loop_now_ns(&shard->loop.loop);
    weir_server_metrics_count_request(&sv->cells, ask->route->dialect, code);
    weir_server_statistics_fail(weir_server_shard_statistics(shard, sv),
                                now_ns > ask->begun_ns ? now_ns - ask->begun_ns : 0);
    weir_server_answer_refuse(shard, ask, code, text);
}

static size_t append(char *room, size_t at, struct weir_str text)
{
    memcpy(room + at, text.at, text.n);
    return at + text.n;
}

/* Puts together the header lines of an answer; the usual ones are those of the version as they are.
 */
static struct weir_str answer_fields(const struct weir_server_call *call,
                                     const struct weir_server_job *job, uint64_t now_ns, char *room)
{
    const struct weir_server_shard_version *sv = call->loop.sv;
    bool is_coded = job && call->coding != WEIR_CODEC_CODING_IDENTITY;
    if (!call->loop.wants_timing && call->loop.request_id_bytes == 0 && !is_coded &&
        (!job || call->json_bytes == 0))
        return weir_str_make(sv->fields, sv->fields_bytes);
    memcpy(room, sv->fields, sv->fields_bytes);
    size_t at = sv->fields_bytes;
    if (call->loop.request_id_bytes > 0) {
        struct weir_str id = weir_str_make(call->loop.request_id, call->loop.request_id_bytes);
        at = append(room, at, WEIR_STR("X-Request-Id: "));
        at = append(room, at, id);
        at = append(room, at, WEIR_STR("\r\n"));
    }
    if (is_coded)
        at += (size_t)snprintf(room + at, ANSWER_FIELDS_BYTES - at,
                               call->loop.dialect == WEIR_PROTOCOL_GRPC
                                   ? "grpc-encoding: %s\r\n"
                                   : "Content-Encoding: %s\r\nVary: Accept-Encoding\r\n",
                               weir_codec_coding_name((enum weir_codec_coding)call->coding));
    if (job && call->json_bytes > 0)
        at += (size_t)snprintf(room + at, ANSWER_FIELDS_BYTES - at,
                               "Inference-Header-Content-Length: %llu\r\n",
                               (unsigned long long)call->json_bytes);
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

void weir_server_answer_call_error(struct weir_server_shard *shard, struct weir_server_call *call,
                                   enum weir_status status, struct weir_str text, uint64_t now_ns)
{
    int code = weir_server_status_http(status);
    char room[ANSWER_FIELDS_BYTES];
    if (text.n == 0)
        text = weir_str_c(weir_status_text(status));
    count_answer(call, code, now_ns);
    weir_server_statistics_fail(weir_server_shard_statistics(shard, call->loop.sv),
                                now_ns - call->loop.begun_ns);
    if (call->loop.entry)
        weir_server_grpc_stream_fail(call->loop.entry, text);
    else
        weir_server_answer_error(shard, call->loop.ticket, weir_protocol_ops_of(call->loop.dialect),
                                 code, answer_fields(call, NULL, now_ns, room), text);
}

static void count_success(struct weir_server_shard *shard, const struct weir_server_call *call,
                          const struct weir_server_job *job, uint64_t now_ns)
{
    uint64_t started_ns = atomic_load_explicit(&job->batch->started_ns, memory_order_relaxed);
    uint64_t decoded_ns = call->loop.decoded_ns;
    struct weir_server_statistics_times times = {
        .whole_ns = now_ns - call->loop.begun_ns,
        .decode_ns = decoded_ns - call->loop.begun_ns,
        .queue_ns = started_ns > decoded_ns ? started_ns - decoded_ns : 0,
        .run_ns = job->run_ns,
        .encode_ns = job->encode_ns,
    };
    weir_server_statistics_succeed(weir_server_shard_statistics(shard, call->loop.sv), now_ns,
                                   &times);
}

/* Returns the type of an answer; one that ends with '=' wants the length of the JSON behind it. */
static const char *content_type(const struct weir_server_call *call, char *room)
{
    const char *type = call->content_type;
    size_t n = type ? strlen(type) : 0;
    if (n == 0 || type[n - 1] != '=')
        return type;
    (void)snprintf(room, CONTENT_TYPE_BYTES, "%s%llu", type, (unsigned long long)call->json_bytes);
    return room;
}

static void answer_result(struct weir_server_shard *shard, struct weir_server_job *job,
                          struct weir_server_call *call, uint64_t now_ns)
{
    struct weir_str body = weir_str_make(job->replies.at + call->body_at, call->body_bytes);
    if (call->status != WEIR_OK) {
        weir_server_answer_call_error(shard, call, call->status, body, now_ns);
        return;
    }
    if (call->observe)
        weir_server_live_record(shard, job, call);
    char room[ANSWER_FIELDS_BYTES];
    char type[CONTENT_TYPE_BYTES];
    struct weir_http_reply reply = {
        .status = 200,
        .content_type = content_type(call, type),
        .fields = answer_fields(call, job, now_ns, room),
        .body = body,
        .owned = job->batch->is_private ? &job->replies : NULL,
    };
    if (call->coding != WEIR_CODEC_CODING_IDENTITY)
        weir_metric_counter_add(shard->loop.cells.deflated, 1);
    count_answer(call, 200, now_ns);
    count_success(shard, call, job, now_ns);
    if (call->loop.entry)
        weir_server_grpc_stream_answer(call->loop.entry, body);
    else if (call->loop.dialect == WEIR_PROTOCOL_GRPC)
        weir_server_grpc_reply(shard, call->loop.ticket, &reply);
    else
        (void)weir_http_reply(shard->loop.http, call->loop.ticket, &reply); /* As above. */
}

void weir_server_answer_none(struct weir_server_shard *shard, struct weir_server_call *call)
{
    struct weir_batch batch = {.is_private = true};
    struct weir_server_job job = {
        .batch = &batch, .version = call->loop.sv->version, .replies = {.mem = shard->shared->mem}};
    weir_server_runner_none(&shard->loop.runner, &job, call);
    answer_result(shard, &job, call, call->loop.decoded_ns);
    weir_server_runner_job_deinit(&job);
}

void weir_server_answer_overdue(struct weir_server_shard *shard, struct weir_batch_slice *slice,
                                uint64_t now_ns)
{
    char text[WEIR_SERVER_OVERDUE_TEXT_BYTES];
    weir_server_runner_overdue_text(slice, text);
    weir_server_answer_call_error(shard, weir_server_runner_call_of(slice), WEIR_ERR_BUSY,
                                  weir_str_c(text), now_ns);
}

void weir_server_answer_slice(struct weir_server_shard *shard, struct weir_server_job *job,
                              struct weir_batch_slice *slice, uint64_t now_ns)
{
    struct weir_server_call *call = weir_server_runner_call_of(slice);
    struct weir_str text = weir_str_make(job->replies.at + call->body_at, call->body_bytes);
    switch (weir_batcher_answer(shard->loop.batcher, slice, now_ns)) {
    case WEIR_BATCHER_ANSWER_RESULT:
        answer_result(shard, job, call, now_ns);
        break;
    case WEIR_BATCHER_ANSWER_EXPIRED:
        weir_server_answer_call_error(shard, call, WEIR_ERR_TIMEOUT,
                                      WEIR_STR("the request's deadline has passed"), now_ns);
        break;
    case WEIR_BATCHER_ANSWER_OVERDUE:
        weir_server_answer_overdue(shard, slice, now_ns);
        break;
    case WEIR_BATCHER_ANSWER_UNRUN:
        if (call->status == WEIR_OK) { /* It has no rows. */
            answer_result(shard, job, call, now_ns);
            break;
        }
        if (call->status == WEIR_ERR_CANCELED)
            text = WEIR_STR("the server is stopping");
        weir_server_answer_call_error(shard, call, call->status, text, now_ns);
        break;
    case WEIR_BATCHER_ANSWER_NONE:
        break;
    }
}

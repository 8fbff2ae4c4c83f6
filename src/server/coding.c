/* SPDX-License-Identifier: MIT */
#include "server/coding.h"

#include "base/macros.h"
#include "protocol/grpc/grpc.h"
#include "server/answer.h"
#include "server/status.h"

#include <string.h>

/* Larger bodies are not tried on the loop: what comes out would hardly stay small. */
enum { TRIED_BYTES_MAX = 64 * 1024, KEPT_BYTES_MAX = 256 * 1024 };

static struct weir_codec_inflate_limits limits_of(const struct weir_config *config)
{
    return (struct weir_codec_inflate_limits){config->body_bytes_max, config->inflated_ratio_max};
}

bool weir_server_coding_ready(struct weir_server_shard *shard, struct weir_server_ask *ask)
{
    struct weir_codec_inflate_limits limits = limits_of(shard->loop.config);
    struct weir_buf *out = &shard->loop.unpacked;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_metric_counter_add(shard->loop.cells.inflated, 1);
    /* A dialect whose bodies name the model must see them here, whatever their size. */
    bool is_whole = ask->route->ops->target != NULL;
    if (!is_whole && ask->body.n > TRIED_BYTES_MAX)
        return true;
    bool is_cut = !is_whole && limits.bytes_max > WEIR_SERVER_INLINE_BODY_BYTES_MAX;
    if (is_cut)
        limits.bytes_max = WEIR_SERVER_INLINE_BODY_BYTES_MAX;
    out->mem = shard->shared->mem;
    out->failed = false;
    weir_buf_clear(out);
    enum weir_status status = weir_codec_coding_undo(ask->n_codings, &shard->loop.runner.inflate,
                                                     ask->body, limits, out, &err);
    if (status == WEIR_ERR_LIMIT && is_cut)
        return true;
    if (status != WEIR_OK) {
        (void)weir_error_prefix(&err, "Content-Encoding"); /* The status is known. */
        weir_server_answer_refuse(shard, ask, weir_server_status_http(status), err.msg);
        return false;
    }
    ask->n_codings = 0;
    ask->body = weir_buf_str(out);
    ask->body_at = 0;
    ask->unpacked = out;
    return true;
}

enum weir_status weir_server_coding_unpack(struct weir_server_runner *runner,
                                           struct weir_server_job *job, struct weir_error *err)
{
    struct weir_str body = weir_str_make(job->body.at + job->body_at, job->body.n - job->body_at);
    struct weir_buf out = {.mem = runner->mem};
    enum weir_status status = weir_codec_coding_undo(job->n_codings, &runner->inflate, body,
                                                     job->inflate_limits, &out, err);
    if (status != WEIR_OK) {
        weir_buf_deinit(&out);
        bool is_grpc = job->head.dialect == WEIR_PROTOCOL_GRPC;
        /* The status is returned below. */
        (void)weir_error_prefix(err, is_grpc ? "grpc-encoding" : "Content-Encoding");
        return status;
    }
    weir_buf_deinit(&job->body);
    job->body = out;
    job->body_at = 0;
    job->body_charged += out.cap;
    /* Relaxed: a limit, nothing is published with it. */
    (void)atomic_fetch_add_explicit(job->memory, out.cap, memory_order_relaxed);
    return WEIR_OK;
}

void weir_server_coding_choose(const struct weir_server_shard *shard,
                               const struct weir_server_ask *ask, struct weir_server_call *call)
{
    const struct weir_config *config = shard->loop.config;
    struct weir_str accept = weir_http_req_header(ask->req, WEIR_HTTP_FIELD_ACCEPT_ENCODING);
    if (accept.n == 0)
        return;
    call->coding = (uint8_t)weir_codec_coding_accepted(accept);
    call->coded_bytes_min = config->compress_answers_min;
}

void weir_server_coding_pack(struct weir_server_runner *runner, struct weir_server_job *job,
                             struct weir_server_call *call)
{
    bool is_gzip = call->coding == WEIR_CODEC_CODING_GZIP;
    call->coding = WEIR_CODEC_CODING_IDENTITY;
    if (call->status != WEIR_OK || call->body_bytes < call->coded_bytes_min)
        return;
    struct weir_buf *packed = &runner->packed;
    packed->mem = runner->mem;
    packed->failed = false;
    weir_buf_clear(packed);
    bool is_grpc = call->protocol.dialect == WEIR_PROTOCOL_GRPC;
    size_t head = is_grpc ? WEIR_PROTOCOL_GRPC_FRAME_BYTES : 0; /* stays as it is */
    size_t at = call->body_at + head;
    struct weir_str plain = weir_str_make(job->replies.at + at, call->body_bytes - head);
    enum weir_status status = weir_codec_deflate_all(
        &runner->deflate, is_gzip ? WEIR_CODEC_INFLATE_GZIP : WEIR_CODEC_INFLATE_ZLIB, plain,
        packed);
    if (status == WEIR_OK && packed->n < plain.n) { /* Else it goes as it is. */
        memcpy(job->replies.at + at, packed->at, packed->n);
        job->replies.n = at + packed->n;
        call->body_bytes = head + packed->n;
        if (is_grpc)
            weir_protocol_grpc_end_coded(&job->replies, at);
        call->coding = is_gzip ? WEIR_CODEC_CODING_GZIP : WEIR_CODEC_CODING_DEFLATE;
    }
    if (packed->cap > KEPT_BYTES_MAX)
        weir_buf_deinit(packed);
}
